/* Activations: one number in, one number out. */
#include <math.h>
#include <stdio.h>

#include "act/act.h"
#include "layers/layer.h"

typedef struct {
    dnnk_act_kind kind;
    double slope; /* leaky ReLU's */
} activation;

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const activation *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    spec->sees = DNN_SEES_PLACE;
    spec->backward_reads = dnnk_act_backward_needs_output(s->kind) ? DNN_READS_OUTPUT(0) : DNN_READS_INPUT(0);
    spec->flops = (double)dnni_count(&call->inputs[0]);
    if (s->kind == DNNK_RELU) spec->is = DNN_EPILOGUE_RELU;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const activation *s = state;
    const dnn_array *x = &call->inputs[0];
    dnnk_act_forward(dnni_call_env(call), dnni_call_type(call), s->kind, s->slope, dnni_count(x), x->data,
                     call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const activation *s = state;
    const dnn_array *dx = &call->input_gradients[0];
    if (!dx->data) return DNN_OK;
    const void *read = dnnk_act_backward_needs_output(s->kind) ? call->outputs[0].data : call->inputs[0].data;
    dnnk_act_backward(dnni_call_env(call), dnni_call_type(call), s->kind, s->slope, dnni_count(dx), read,
                      call->output_gradients[0].data, dx->data);
    return DNN_OK;
}

/* The kink of both ReLUs is at 0, and shows in the output's sign too. */
static void choices(const void *state, const dnn_layer_call *call, uint64_t *signature) {
    (void)state;
    const dnn_array *y = &call->outputs[0];
    uint64_t bits = 0;
    for (int64_t i = 0, n = dnni_count(y); i < n; i++) {
        bits = bits << 1 | (dnni_load(y->dtype, y->data, i) > 0);
        if (i % 64 == 63 || i == n - 1) dnn_layer_mix(signature, bits);
    }
}

static void leaky_detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "slope %g", ((const activation *)state)->slope);
}

#define SMOOTH(name) \
    {DNN_SIZED(dnn_layer_class), .type = name, .shape = shape, .forward = forward, .backward = backward, \
     .repeatable = 1}

static const dnn_layer_class relu = {DNN_SIZED(dnn_layer_class), .type = "relu", .shape = shape, .forward = forward,
                                     .backward = backward, .choices = choices, .repeatable = 1};
static const dnn_layer_class leaky_relu = {DNN_SIZED(dnn_layer_class), .type = "leaky_relu", .shape = shape,
                                           .forward = forward, .backward = backward, .detail = leaky_detail,
                                           .choices = choices, .repeatable = 1};
static const dnn_layer_class sigmoid = SMOOTH("sigmoid"), hyperbolic_tangent = SMOOTH("tanh"), silu = SMOOTH("silu"),
                             gelu = SMOOTH("gelu"), gelu_tanh = SMOOTH("gelu_tanh");

static dnn_module *make(dnn_context *ctx, const dnn_layer_class *layer_class, dnnk_act_kind kind, double slope) {
    activation state = {kind, slope};
    return dnn_layer_create(ctx, layer_class, &state, sizeof state);
}

dnn_module *dnn_relu(dnn_context *ctx) { return make(ctx, &relu, DNNK_RELU, 0); }
dnn_module *dnn_sigmoid(dnn_context *ctx) { return make(ctx, &sigmoid, DNNK_SIGMOID, 0); }
dnn_module *dnn_tanh(dnn_context *ctx) { return make(ctx, &hyperbolic_tangent, DNNK_TANH, 0); }
dnn_module *dnn_silu(dnn_context *ctx) { return make(ctx, &silu, DNNK_SILU, 0); }

dnn_module *dnn_leaky_relu(dnn_context *ctx, double slope) {
    if (isfinite(slope)) return make(ctx, &leaky_relu, DNNK_LEAKY_RELU, slope);
    dnni_error(DNN_ERROR_ARGUMENT, "slope is %g, it must be finite", slope);
    return NULL;
}

dnn_module *dnn_gelu(dnn_context *ctx, dnn_gelu_form form) {
    if (form == DNN_GELU_EXACT) return make(ctx, &gelu, DNNK_GELU, 0);
    if (form == DNN_GELU_TANH) return make(ctx, &gelu_tanh, DNNK_GELU_TANH, 0);
    dnni_error(DNN_ERROR_ARGUMENT, "form is %d, which is no form of GELU", (int)form);
    return NULL;
}
