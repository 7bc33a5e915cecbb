/* What the pools with a window of their own (maximum, average) share. */
#ifndef DNNI_LAYERS_POOL2D_H
#define DNNI_LAYERS_POOL2D_H

#include "layers/window.h"
#include "pool/pool.h"

/* Reads the window and checks that every placement of it may see a pixel: padding is smaller than the extent. */
dnn_status dnni_pool2d_read(dnni_window *window, const dnn_pool2d_desc *d);

/* The kernel's problem for input 0 of the call. */
dnnk_pool dnni_pool2d_problem(const dnni_window *window, const dnn_layer_call *call);

/* Output 0 (N, H', W', C) and the operations, one for each pixel in each window. */
dnn_status dnni_pool2d_output(const dnn_layer_call *call, const dnnk_pool *pool, double taps, dnn_layer_spec *spec);

/* The shape rule of a window: the above with checks. */
dnn_status dnni_pool2d_shape(const dnni_window *window, const dnn_layer_call *call, dnn_layer_spec *spec);

/* Average pooling of input 0, and its gradient. */
dnn_status dnni_average(const dnn_layer_call *call, const dnnk_pool *pool);
dnn_status dnni_average_backward(const dnn_layer_call *call, const dnnk_pool *pool);

#endif
