/* y = factor · x. */
#include <math.h>
#include <stdio.h>

#include "act/elementwise.h"
#include "layers/layer.h"

typedef struct {
    double factor;
} scale;

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    spec->sees = DNN_SEES_PLACE;
    spec->flops = (double)dnni_count(&call->inputs[0]);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    dnnk_scale(dnni_call_env(call), dnni_call_type(call), dnni_count(x), ((const scale *)state)->factor, x->data,
               call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const dnn_array *dx = &call->input_gradients[0];
    if (dx->data)
        dnnk_scale(dnni_call_env(call), dnni_call_type(call), dnni_count(dx), ((const scale *)state)->factor,
                   call->output_gradients[0].data, dx->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "by %g", ((const scale *)state)->factor);
}

static const dnn_layer_class scale_class = {DNN_SIZED(dnn_layer_class), .type = "scale", .shape = shape,
                                            .forward = forward, .backward = backward, .detail = detail,
                                            .repeatable = 1};

dnn_module *dnn_scale(dnn_context *ctx, double factor) {
    if (!isfinite(factor)) {
        dnni_error(DNN_ERROR_ARGUMENT, "factor is %g, it must be finite", factor);
        return NULL;
    }
    scale state = {factor};
    return dnn_layer_create(ctx, &scale_class, &state, sizeof state);
}
