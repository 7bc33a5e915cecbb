/* y = x Wᵀ + b, on the last axis. */
#include <stdio.h>

#include "gemm/gemm.h"
#include "layers/weights.h"

typedef struct {
    int64_t in, out;
} linear;

/* The three products of a linear layer on M rows. */
static dnnk_gemm_problem forward_product(const linear *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0], *w = &call->parameters[0];
    int64_t rows = dnni_product(x->dims, 0, x->rank - 1);
    dnnk_gemm_problem p = dnnk_gemm_simple(dnni_call_type(call), rows, s->out, s->in, dnnk_gemm_a(x->data, s->in, 1),
                                           dnnk_gemm_b(w->data, 1, s->in), call->outputs[0].data);
    return p;
}

/* dx [M, in] = dy [M, out] W. Shapes are asked before there is a backward: pointers come in by hand. */
static dnnk_gemm_problem input_product(const linear *s, dnnk_type type, int64_t rows, const void *dy, const void *w,
                                       void *dx) {
    return dnnk_gemm_simple(type, rows, s->in, s->out, dnnk_gemm_a(dy, s->out, 1), dnnk_gemm_b(w, s->in, 1), dx);
}

/* dW [out, in] += dyᵀ x. */
static dnnk_gemm_problem weight_product(const linear *s, dnnk_type type, int64_t rows, const void *dy, const void *x,
                                        void *dw) {
    dnnk_gemm_problem p =
        dnnk_gemm_simple(type, s->out, s->in, rows, dnnk_gemm_a(dy, 1, s->out), dnnk_gemm_b(x, s->in, 1), dw);
    p.accumulate = true;
    return p;
}

static int64_t backward_work(const linear *s, const dnn_layer_call *call, int64_t rows) {
    const dnnk_env *env = dnni_call_env(call);
    dnnk_type type = dnni_call_type(call);
    dnnk_gemm_problem dx = input_product(s, type, rows, NULL, NULL, NULL);
    dnnk_gemm_problem dw = weight_product(s, type, rows, NULL, NULL, NULL);
    int64_t bytes = dnnk_max(dnnk_gemm_workspace(env, &dx), dnnk_gemm_workspace(env, &dw));
    return dnnk_max(bytes, dnnk_column_sums_workspace(env, type, rows, s->out));
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const linear *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(dnni_expect_last(call, s->in, "features"));
    dnni_output_like_input(call, spec);
    spec->sees = DNN_SEES_PLACE;
    dnn_array *y = &spec->outputs[0];
    y->dims[y->rank - 1] = s->out;
    int64_t rows = dnni_product(y->dims, 0, y->rank - 1);
    dnn_layer_call sized = *call;
    sized.outputs = spec->outputs;
    dnnk_gemm_problem p = forward_product(s, &sized);
    spec->prepared_bytes = dnnk_gemm_packed_bytes(dnni_call_env(call), &p);
    spec->forward_work = dnni_product_work(call, s->out) + dnnk_gemm_workspace(dnni_call_env(call), &p);
    spec->backward_work = backward_work(s, call, rows);
    spec->backward_reads = DNN_READS_INPUT(0);
    spec->takes = DNNI_PRODUCT_TAKES;
    spec->writes = 1; /* the weight's */
    spec->flops = 2.0 * (double)rows * (double)s->in * (double)s->out;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const linear *s = state;
    dnnk_gemm_problem p = forward_product(s, call);
    p.epilogue = dnni_product_epilogue(call, s->out);
    p.packed_b = call->prepared;
    dnnk_gemm(dnni_call_env(call), &p, (char *)call->work + dnni_product_work(call, s->out));
    return DNN_OK;
}

static dnn_status prepare(const void *state, const dnn_layer_call *call, void *prepared) {
    dnnk_gemm_problem p = forward_product(state, call);
    dnnk_gemm_pack_b(dnni_call_env(call), &p, prepared);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const linear *s = state;
    const dnnk_env *env = dnni_call_env(call);
    dnnk_type type = dnni_call_type(call);
    const dnn_array *x = &call->inputs[0];
    const void *dy = call->output_gradients[0].data;
    int64_t rows = dnni_product(x->dims, 0, x->rank - 1);
    if (call->parameter_gradients[0].data) {
        dnnk_gemm_problem p = weight_product(s, type, rows, dy, x->data, call->parameter_gradients[0].data);
        p.accumulate = !(call->fresh & 1);
        dnnk_gemm(env, &p, call->work);
    }
    if (call->n_parameters > 1 && call->parameter_gradients[1].data)
        dnnk_column_sums(env, type, rows, s->out, dy, s->out, call->parameter_gradients[1].data, call->work);
    if (call->input_gradients[0].data) {
        dnnk_gemm_problem p = input_product(s, type, rows, dy, call->parameters[0].data, call->input_gradients[0].data);
        dnnk_gemm(env, &p, call->work);
    }
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const linear *s = state;
    snprintf(text, bytes, "%lld→%lld", (long long)s->in, (long long)s->out);
}

static const dnn_layer_class linear_class = {DNN_SIZED(dnn_layer_class), .type = "linear", .shape = shape,
                                             .forward = forward, .backward = backward, .detail = detail,
                                             .prepare = prepare, .repeatable = 1};

static dnn_status check(const dnn_linear_desc *d) {
    DNNI_REQUIRE(d->in_features >= 1, "desc.in_features is %lld, it must be at least 1", (long long)d->in_features);
    DNNI_REQUIRE(d->out_features >= 1, "desc.out_features is %lld, it must be at least 1", (long long)d->out_features);
    return DNN_OK;
}

dnn_module *dnn_linear(dnn_context *ctx, const dnn_linear_desc *desc) {
    dnn_linear_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || check(&d) != DNN_OK) return NULL;
    linear state = {d.in_features, d.out_features};
    dnn_module *m = dnn_layer_create(ctx, &linear_class, &state, sizeof state);
    int64_t dims[2] = {d.out_features, d.in_features};
    if (m) dnni_add_weight_and_bias(m, 2, dims, d.weight_init, d.bias_init, d.no_bias);
    return dnni_layer_done(m);
}
