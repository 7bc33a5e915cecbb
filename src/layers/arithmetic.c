/* a + b, a - b, a · b, a / b for two inputs of equal shape. Nothing broadcasts: an accidental [n] against [n,1] would
 * make [n,n] without a word. */
#include "act/elementwise.h"
#include "layers/layer.h"

typedef struct {
    dnnk_binary_kind kind;
} arithmetic;

/* Whether NumPy's rule, sizes equal or 1 counted from the last axis, would repeat one input to fit the other. */
static bool could_broadcast(const dnn_array *a, const dnn_array *b) {
    for (int32_t i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t p = a->dims[a->rank - i], q = b->dims[b->rank - i];
        if (p != q && p != 1 && q != 1) return false;
    }
    return true;
}

static dnn_status expect_equal_shapes(const dnn_array *a, const dnn_array *b) {
    if (dnni_same_shape(a, b)) return DNN_OK;
    const char *hint = could_broadcast(a, b) ? ": nothing is repeated to fit (no broadcasting)" : "";
    return dnni_error(DNN_ERROR_SHAPE, "inputs are %s and %s, they must be equal%s", dnni_array_shape(a).text,
                      dnni_array_shape(b).text, hint);
}

/* da and db of a product or a quotient need the operands, those of a sum or a difference only dy. */
static uint32_t reads(dnnk_binary_kind kind) {
    return kind == DNNK_MUL || kind == DNNK_DIV ? DNN_READS_INPUT(0) | DNN_READS_INPUT(1) : 0;
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const arithmetic *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 2));
    DNNI_TRY(expect_equal_shapes(&call->inputs[0], &call->inputs[1]));
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    spec->sees = DNN_SEES_PLACE;
    spec->backward_reads = reads(s->kind);
    spec->flops = (double)dnni_count(&call->inputs[0]);
    if (s->kind == DNNK_ADD) spec->is = DNN_EPILOGUE_ADD;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const arithmetic *s = state;
    const dnn_array *a = &call->inputs[0], *b = &call->inputs[1];
    dnnk_binary_forward(dnni_call_env(call), dnni_call_type(call), s->kind, dnni_count(a), a->data, b->data,
                        call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const arithmetic *s = state;
    const dnn_array *dy = &call->output_gradients[0];
    dnnk_binary_backward(dnni_call_env(call), dnni_call_type(call), s->kind, dnni_count(dy), call->inputs[0].data,
                         call->inputs[1].data, dy->data, call->input_gradients[0].data, call->input_gradients[1].data);
    return DNN_OK;
}

#define ARITHMETIC(name) \
    {DNN_SIZED(dnn_layer_class), .type = name, .shape = shape, .forward = forward, .backward = backward, \
     .repeatable = 1}

static const dnn_layer_class add = ARITHMETIC("add"), subtract = ARITHMETIC("subtract"),
                             multiply = ARITHMETIC("multiply"), divide = ARITHMETIC("divide");

static dnn_module *make(dnn_context *ctx, const dnn_layer_class *layer_class, dnnk_binary_kind kind) {
    arithmetic state = {kind};
    return dnn_layer_create(ctx, layer_class, &state, sizeof state);
}

dnn_module *dnn_add(dnn_context *ctx) { return make(ctx, &add, DNNK_ADD); }
dnn_module *dnn_subtract(dnn_context *ctx) { return make(ctx, &subtract, DNNK_SUB); }
dnn_module *dnn_multiply(dnn_context *ctx) { return make(ctx, &multiply, DNNK_MUL); }
dnn_module *dnn_divide(dnn_context *ctx) { return make(ctx, &divide, DNNK_DIV); }
