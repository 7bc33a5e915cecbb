/* Self-attention with its two projections. */
#include <math.h>
#include <stdio.h>

#include "gemm/gemm.h"
#include "layers/attention.h"
#include "layers/weights.h"

typedef struct {
    int64_t embed, heads;
    bool causal, no_bias;
} multi_head;

enum { MASK = 1 };                                      /* input */
enum { QKV, CONTEXT, LOG_SUMS, KEPT };                  /* what is kept: (N, T, 3·embed), (N, T, embed), (N, heads,
                                                           T) */
enum { IN_WEIGHT, IN_BIAS, OUT_WEIGHT, OUT_BIAS };      /* parameters, with biases */

static int64_t rows_of(const dnn_layer_call *call) { return call->inputs[0].dims[0] * call->inputs[0].dims[1]; }

/* Without biases the numbers close up. */
static int32_t parameter(const multi_head *s, int32_t which) { return s->no_bias ? which / 2 : which; }
static const void *bias_of(const multi_head *s, const dnn_layer_call *call, int32_t which) {
    return s->no_bias ? NULL : call->parameters[which].data;
}

/* ---- projections: y [rows, out] = x [rows, in] Wᵀ + b ---- */

typedef struct {
    const dnnk_env *env;
    dnnk_type type;
    int64_t rows, in, out;
} projection;

static projection projection_of(const multi_head *s, const dnn_layer_call *call, bool in) {
    return (projection){dnni_call_env(call), dnni_call_type(call), rows_of(call), s->embed,
                        in ? 3 * s->embed : s->embed};
}

static dnnk_gemm_problem forward_product(projection p, const void *x, const void *w, const void *b, void *y) {
    dnnk_gemm_problem g =
        dnnk_gemm_simple(p.type, p.rows, p.out, p.in, dnnk_gemm_a(x, p.in, 1), dnnk_gemm_b(w, 1, p.in), y);
    g.epilogue.bias = b;
    return g;
}

static dnnk_gemm_problem input_product(projection p, const void *dy, const void *w, void *dx) {
    return dnnk_gemm_simple(p.type, p.rows, p.in, p.out, dnnk_gemm_a(dy, p.out, 1), dnnk_gemm_b(w, p.in, 1), dx);
}

static dnnk_gemm_problem weight_product(projection p, const void *dy, const void *x, void *dw) {
    dnnk_gemm_problem g =
        dnnk_gemm_simple(p.type, p.out, p.in, p.rows, dnnk_gemm_a(dy, 1, p.out), dnnk_gemm_b(x, p.in, 1), dw);
    g.accumulate = true;
    return g;
}

static int64_t forward_bytes(projection p) {
    dnnk_gemm_problem g = forward_product(p, NULL, NULL, NULL, NULL);
    return dnnk_gemm_workspace(p.env, &g);
}

static int64_t backward_bytes(projection p) {
    dnnk_gemm_problem dx = input_product(p, NULL, NULL, NULL), dw = weight_product(p, NULL, NULL, NULL);
    int64_t products = dnnk_max(dnnk_gemm_workspace(p.env, &dx), dnnk_gemm_workspace(p.env, &dw));
    return dnnk_max(products, dnnk_column_sums_workspace(p.env, p.type, p.rows, p.out));
}

static void project(projection p, const void *x, const void *w, const void *b, void *y, void *work) {
    dnnk_gemm_problem g = forward_product(p, x, w, b, y);
    dnnk_gemm(p.env, &g, work);
}

/* What is NULL is not wanted. */
static void project_backward(projection p, const void *x, const void *w, const void *dy, void *dx, void *dw, void *db,
                             void *work) {
    dnnk_gemm_problem to_x = input_product(p, dy, w, dx), to_w = weight_product(p, dy, x, dw);
    if (dw) dnnk_gemm(p.env, &to_w, work);
    if (db) dnnk_column_sums(p.env, p.type, p.rows, p.out, dy, p.out, db, work);
    if (dx) dnnk_gemm(p.env, &to_x, work);
}

/* ---- memory ---- */

static int64_t rounded(const dnn_layer_call *call, int64_t columns) {
    return dnnk_round_up(rows_of(call) * columns * dnn_dtype_size(call->inputs[0].dtype), DNNI_ALIGNMENT);
}

/* q, k and v beside each other in rows of 3·embed, the output in rows of embed. */
static dnnk_heads part(const multi_head *s, const dnn_layer_call *call, void *base, int64_t first, int64_t row) {
    char *data = base ? (char *)base + first * s->embed * dnn_dtype_size(call->inputs[0].dtype) : NULL;
    return (dnnk_heads){data, call->inputs[0].dims[1] * row, row};
}

static dnnk_attention kernel_of(const multi_head *s, const dnn_layer_call *call, void *qkv, void *context) {
    const dnn_array *x = &call->inputs[0];
    int64_t dim = s->embed / s->heads, row = 3 * s->embed;
    dnnk_attention a = {.type = dnni_call_type(call), .batch = x->dims[0], .heads = s->heads, .queries = x->dims[1],
                        .keys = x->dims[1], .dim = dim, .value_dim = dim, .scale = 1 / sqrt((double)dim),
                        .causal = s->causal, .q = part(s, call, qkv, 0, row), .k = part(s, call, qkv, 1, row),
                        .v = part(s, call, qkv, 2, row), .y = part(s, call, context, 0, s->embed)};
    dnni_set_key_mask(call, MASK, &a);
    return a;
}

/* ---- the layer ---- */

static dnn_status expect_input(const multi_head *s, const dnn_layer_call *call) {
    DNNI_TRY(dnni_expect_attention_inputs(call, 1));
    DNNI_TRY(dnni_expect_last(call, s->embed, "features"));
    const dnn_array *x = &call->inputs[0];
    if (x->rank != 3)
        return dnni_error(DNN_ERROR_SHAPE, "input is %s, it must be (N, T, %lld)", dnni_array_shape(x).text,
                          (long long)s->embed);
    return dnni_expect_key_mask(call, MASK, x->dims[0], x->dims[1]);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const multi_head *s = state;
    DNNI_TRY(expect_input(s, call));
    dnni_output_like_input(call, spec);
    const dnn_array *x = &call->inputs[0];
    int64_t n = x->dims[0], t = x->dims[1];
    dnnk_attention a = kernel_of(s, call, NULL, NULL);
    projection in = projection_of(s, call, true), out = projection_of(s, call, false);
    spec->n_kept = KEPT;
    spec->kept[QKV] = dnni_array(x->dtype, 3, (int64_t[]){n, t, 3 * s->embed});
    spec->kept[CONTEXT] = *x;
    spec->kept[LOG_SUMS] = dnni_array(x->dtype, 3, (int64_t[]){n, s->heads, t});
    int64_t arrays = rounded(call, 3 * s->embed) + rounded(call, s->embed);
    int64_t forward_work = dnnk_max(forward_bytes(in), forward_bytes(out));
    int64_t backward_work = dnnk_max(backward_bytes(in), backward_bytes(out));
    spec->forward_work = arrays + dnnk_max(forward_work, dnnk_attention_workspace(in.env, &a));
    spec->backward_work = arrays + dnnk_max(backward_work, dnnk_attention_backward_workspace(in.env, &a));
    spec->backward_reads = DNN_READS_INPUT(0) | DNN_READS_INPUT(MASK);
    spec->flops = 8.0 * (double)in.rows * (double)s->embed * (double)s->embed + dnni_attention_flops(&a);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const multi_head *s = state;
    projection in = projection_of(s, call, true), out = projection_of(s, call, false);
    char *own_qkv = call->work, *own_context = own_qkv + rounded(call, in.out),
         *work = own_context + rounded(call, s->embed);
    void *qkv = call->kept[QKV].data ? call->kept[QKV].data : own_qkv;
    void *context = call->kept[CONTEXT].data ? call->kept[CONTEXT].data : own_context;
    project(in, call->inputs[0].data, call->parameters[IN_WEIGHT].data, bias_of(s, call, IN_BIAS), qkv, work);
    dnnk_attention a = kernel_of(s, call, qkv, context);
    a.log_sums = call->kept[LOG_SUMS].data;
    dnnk_attention_forward(in.env, &a, work);
    project(out, context, call->parameters[parameter(s, OUT_WEIGHT)].data, bias_of(s, call, OUT_BIAS),
            call->outputs[0].data, work);
    return DNN_OK;
}

static void *gradient_of(const multi_head *s, const dnn_layer_call *call, int32_t which) {
    bool is_bias = which == IN_BIAS || which == OUT_BIAS;
    return is_bias && s->no_bias ? NULL : call->parameter_gradients[parameter(s, which)].data;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const multi_head *s = state;
    projection in = projection_of(s, call, true), out = projection_of(s, call, false);
    char *dqkv = call->work, *dcontext = dqkv + rounded(call, in.out), *work = dcontext + rounded(call, s->embed);
    project_backward(out, call->kept[CONTEXT].data, call->parameters[parameter(s, OUT_WEIGHT)].data,
                     call->output_gradients[0].data, dcontext, gradient_of(s, call, OUT_WEIGHT),
                     gradient_of(s, call, OUT_BIAS), work);
    dnnk_attention a = kernel_of(s, call, call->kept[QKV].data, call->kept[CONTEXT].data);
    a.log_sums = call->kept[LOG_SUMS].data;
    dnnk_attention_gradients g = {.dy = part(s, call, dcontext, 0, s->embed), .dq = part(s, call, dqkv, 0, in.out),
                                  .dk = part(s, call, dqkv, 1, in.out), .dv = part(s, call, dqkv, 2, in.out),
                                  .dmask = dnni_mask_gradient(call, MASK)};
    dnnk_attention_backward(in.env, &a, &g, work);
    project_backward(in, call->inputs[0].data, call->parameters[IN_WEIGHT].data, dqkv, call->input_gradients[0].data,
                     gradient_of(s, call, IN_WEIGHT), gradient_of(s, call, IN_BIAS), work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const multi_head *s = state;
    snprintf(text, bytes, "%lld, %lld %s%s", (long long)s->embed, (long long)s->heads, s->heads == 1 ? "head" : "heads",
             s->causal ? ", causal" : "");
}

static const dnn_layer_class multi_head_class = {DNN_SIZED(dnn_layer_class), .type = "multi_head_attention",
                                                 .shape = shape, .forward = forward, .backward = backward,
                                                 .detail = detail, .repeatable = 1};

static dnn_status check(const dnn_multi_head_attention_desc *d) {
    DNNI_REQUIRE(d->embed >= 1, "desc.embed is %lld, it must be at least 1", (long long)d->embed);
    DNNI_REQUIRE(d->heads >= 1, "desc.heads is %lld, it must be at least 1", (long long)d->heads);
    DNNI_REQUIRE(d->embed % d->heads == 0, "desc.embed is %lld, which is no multiple of %lld heads",
                 (long long)d->embed, (long long)d->heads);
    return DNN_OK;
}

static void add_parameters(dnn_module *m, const multi_head *s, const dnn_multi_head_attention_desc *d) {
    double r = 1 / sqrt((double)s->embed);
    dnn_init in = {DNN_SIZED(dnn_init), .kind = DNN_INIT_XAVIER_UNIFORM, .gain = 1};
    dnn_init out = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = -r, .b = r};
    int64_t in_dims[2] = {3 * s->embed, s->embed}, out_dims[2] = {s->embed, s->embed};
    dnn_layer_add_parameter(m, "in_proj_weight", 2, in_dims, dnni_chosen_init(d->in_proj_init, &in));
    if (!s->no_bias) dnn_layer_add_parameter(m, "in_proj_bias", 1, in_dims, NULL);
    dnn_layer_add_parameter(m, "out_proj_weight", 2, out_dims, dnni_chosen_init(d->out_proj_init, &out));
    if (!s->no_bias) dnn_layer_add_parameter(m, "out_proj_bias", 1, out_dims, NULL);
}

dnn_module *dnn_multi_head_attention(dnn_context *ctx, const dnn_multi_head_attention_desc *desc) {
    dnn_multi_head_attention_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || check(&d) != DNN_OK) return NULL;
    multi_head state = {d.embed, d.heads, d.causal != 0, d.no_bias != 0};
    dnn_module *m = dnn_layer_create(ctx, &multi_head_class, &state, sizeof state);
    if (m) add_parameters(m, &state, &d);
    return dnni_layer_done(m);
}
