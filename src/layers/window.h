/* The sliding window that convolutions and pools share: how its numbers are read from a descriptor, and which output an
 * image gives. Pairs are height, width. */
#ifndef DNNI_LAYERS_WINDOW_H
#define DNNI_LAYERS_WINDOW_H

#include "layers/layer.h"

typedef struct dnni_window {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t before[2], after[2]; /* padding: top, left; bottom, right */
} dnni_window;

/* The fields of that name in a descriptor. */
typedef struct dnni_window_fields {
    const int64_t *kernel, *stride, *dilation; /* pairs; a width of 0 is the same as the height */
    int64_t padding;                           /* on every side, or */
    const int64_t *pad;                        /* top, bottom, left, right */
} dnni_window_fields;

/* Fills in the window. A stride left out is 1, or the kernel for pools. All numbers are limited to 2^31 - 1, so that
 * sums and products of two of them fit. ARGUMENT for what is missing or out of range. */
dnn_status dnni_window_read(dnni_window *window, const dnni_window_fields *fields, bool stride_is_kernel);

/* Pixels from the window's first to its last, holes of the dilation included; k is 0 for height, 1 for width. */
static inline int64_t dnni_window_extent(const dnni_window *w, int k) {
    return w->dilation[k] * (w->kernel[k] - 1) + 1;
}

/* Input 0 must be (N, H, W, C), where only N and C may be 0. */
dnn_status dnni_expect_image(const dnn_layer_call *call);

/* The window must fit into the padded image. */
dnn_status dnni_expect_window_fits(const dnni_window *window, const dnn_array *x);

/* Says in the spec what an output sees. */
void dnni_window_sees(const dnni_window *window, dnn_layer_spec *spec);

/* "3×3, stride 2, padding 1, dilation 2": what is usual is left out. */
void dnni_window_detail(const dnni_window *window, char *text, size_t bytes);

#endif
