/* What the built-in layers share: making them, and saying what does not fit. */
#ifndef DNNI_LAYERS_LAYER_H
#define DNNI_LAYERS_LAYER_H

#include <dnn/layer.h>
#include <dnn/layers.h>

#include "core/context.h"
#include "core/dtype.h"

/* Releases a layer whose construction failed, and keeps the last error: `return dnni_layer_failed(m);` gives NULL. */
dnn_module *dnni_layer_failed(dnn_module *layer);

/* `m` if nothing failed while parameters were added to it, else NULL, released. */
dnn_module *dnni_layer_done(dnn_module *layer);


/* The number of inputs, and that all of them are float32, or all float64. */
dnn_status dnni_expect_inputs(const dnn_layer_call *call, int32_t n);

/* The same number, any element type, all the same. */
dnn_status dnni_expect_any_inputs(const dnn_layer_call *call, int32_t n);

/* The last axis of input 0 must have that size. */
dnn_status dnni_expect_last(const dnn_layer_call *call, int64_t size, const char *what);

/* An axis counted from the end becomes one counted from the front. */
dnn_status dnni_expect_axis(int32_t axis, const dnn_array *x, int32_t *front);

/* Output 0 is shaped as input 0. */
static inline void dnni_output_like_input(const dnn_layer_call *call, dnn_layer_spec *spec) {
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
}

static inline const dnnk_env *dnni_call_env(const dnn_layer_call *call) { return dnni_env(call->context); }
static inline dnnk_type dnni_call_type(const dnn_layer_call *call) { return dnni_type(call->inputs[0].dtype); }

#endif
