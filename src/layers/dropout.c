/* Dropout: each element is kept with probability 1 - p, and then grows by 1 / (1 - p). */
#include <stdio.h>

#include "layers/layer.h"
#include "rng/rng.h"

typedef struct {
    double p;
} dropout;

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const dropout *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    dnni_output_like_input(call, spec);
    bool drops = call->training && s->p > 0;
    spec->sees = DNN_SEES_PLACE;
    spec->flags = drops ? DNN_LAYER_INPLACE | DNN_LAYER_RANDOM : DNN_LAYER_VIEW;
    spec->flops = drops ? (double)dnni_count(&call->inputs[0]) : 0;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const dropout *s = state;
    const dnn_array *x = &call->inputs[0];
    dnnk_dropout_forward(dnni_call_env(call), dnni_call_type(call), call->seed, call->stream, s->p, dnni_count(x),
                         x->data, call->outputs[0].data);
    return DNN_OK;
}

/* The mask is drawn again. */
static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const dropout *s = state;
    const dnn_array *dx = &call->input_gradients[0];
    if (dx->data)
        dnnk_dropout_backward(dnni_call_env(call), dnni_call_type(call), call->seed, call->stream, s->p, dnni_count(dx),
                              call->output_gradients[0].data, dx->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "p %g", ((const dropout *)state)->p);
}

static const dnn_layer_class dropout_class = {DNN_SIZED(dnn_layer_class), .type = "dropout", .shape = shape,
                                              .forward = forward, .backward = backward, .detail = detail,
                                              .repeatable = 1};

dnn_module *dnn_dropout(dnn_context *ctx, double p) {
    dropout state = {p};
    if (p >= 0 && p <= 1) return dnn_layer_create(ctx, &dropout_class, &state, sizeof state);
    dnni_error(DNN_ERROR_ARGUMENT, "p is %g, a probability is from 0 to 1", p);
    return NULL;
}
