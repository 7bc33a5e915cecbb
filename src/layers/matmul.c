/* Products of two inputs: a (…, M, K) times b (…, K, N) is (…, M, N), either of them given transposed. */
#include <stdio.h>

#include "gemm/gemm.h"
#include "layers/layer.h"

typedef struct {
    bool transpose_a, transpose_b;
} matmul;

typedef struct {
    int64_t batch, m, n, k;
} sizes;

static sizes sizes_of(const matmul *s, const dnn_array *a, const dnn_array *b) {
    const int64_t *p = a->dims + a->rank - 2, *q = b->dims + b->rank - 2;
    return (sizes){.batch = dnni_product(a->dims, 0, a->rank - 2),
                   .m = p[s->transpose_a ? 1 : 0],
                   .k = p[s->transpose_a ? 0 : 1],
                   .n = q[s->transpose_b ? 0 : 1]};
}

/* A batch of C [m, n] = A [m, k] B [k, n], each dense in memory; a transposed one lies there as its transpose. */
static dnnk_gemm_problem product(dnnk_type type, int64_t batch, int64_t m, int64_t n, int64_t k, const void *a,
                                 bool transpose_a, const void *b, bool transpose_b, void *c, bool transpose_c) {
    dnnk_gemm_problem p = dnnk_gemm_simple(type, m, n, k, transpose_a ? dnnk_gemm_a(a, 1, m) : dnnk_gemm_a(a, k, 1),
                                           transpose_b ? dnnk_gemm_b(b, 1, k) : dnnk_gemm_b(b, n, 1), c);
    if (transpose_c) {
        p.c_row = 1;
        p.c_col = m;
    }
    p.batch[1] = batch;
    p.a.batch_stride[1] = m * k;
    p.b.batch_stride[1] = k * n;
    p.c_batch_stride[1] = m * n;
    return p;
}

static dnnk_gemm_problem forward_product(const matmul *s, const dnn_layer_call *call, sizes z, void *y) {
    return product(dnni_call_type(call), z.batch, z.m, z.n, z.k, call->inputs[0].data, s->transpose_a,
                   call->inputs[1].data, s->transpose_b, y, false);
}

/* dA [m, k] = dY [m, n] Bᵀ and dB [k, n] = Aᵀ dY, each left in memory as its operand lies there. */
static dnnk_gemm_problem a_product(const matmul *s, const dnn_layer_call *call, sizes z, const void *dy, void *da) {
    return product(dnni_call_type(call), z.batch, z.m, z.k, z.n, dy, false, call->inputs[1].data, !s->transpose_b, da,
                   s->transpose_a);
}
static dnnk_gemm_problem b_product(const matmul *s, const dnn_layer_call *call, sizes z, const void *dy, void *db) {
    return product(dnni_call_type(call), z.batch, z.k, z.n, z.m, call->inputs[0].data, !s->transpose_a, dy, false, db,
                   s->transpose_b);
}

static dnn_status expect_matrices(const matmul *s, const dnn_array *a, const dnn_array *b) {
    if (a->rank < 2 || b->rank < 2)
        return dnni_error(DNN_ERROR_SHAPE, "inputs are %s and %s, they must be matrices: at least two axes each",
                          dnni_array_shape(a).text, dnni_array_shape(b).text);
    bool same = a->rank == b->rank;
    for (int32_t i = 0; same && i < a->rank - 2; i++) same = a->dims[i] == b->dims[i];
    if (!same)
        return dnni_error(DNN_ERROR_SHAPE, "inputs are %s and %s, all axes but the last two must be equal",
                          dnni_array_shape(a).text, dnni_array_shape(b).text);
    int32_t of_a = a->rank - (s->transpose_a ? 2 : 1), of_b = b->rank - (s->transpose_b ? 1 : 2);
    if (a->dims[of_a] == b->dims[of_b]) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "inputs are %s and %s, axis %d of the first must equal axis %d of the second",
                      dnni_array_shape(a).text, dnni_array_shape(b).text, of_a, of_b);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const matmul *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 2));
    const dnn_array *a = &call->inputs[0], *b = &call->inputs[1];
    DNNI_TRY(expect_matrices(s, a, b));
    sizes z = sizes_of(s, a, b);
    dnni_output_like_input(call, spec);
    spec->outputs[0].dims[a->rank - 2] = z.m;
    spec->outputs[0].dims[a->rank - 1] = z.n;
    const dnnk_env *env = dnni_call_env(call);
    dnnk_gemm_problem y = forward_product(s, call, z, NULL), da = a_product(s, call, z, NULL, NULL),
                      db = b_product(s, call, z, NULL, NULL);
    spec->forward_work = dnnk_gemm_workspace(env, &y);
    spec->backward_work = dnnk_max(dnnk_gemm_workspace(env, &da), dnnk_gemm_workspace(env, &db));
    spec->backward_reads = DNN_READS_INPUT(0) | DNN_READS_INPUT(1);
    spec->flops = 2.0 * (double)z.batch * (double)z.m * (double)z.n * (double)z.k;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const matmul *s = state;
    sizes z = sizes_of(s, &call->inputs[0], &call->inputs[1]);
    dnnk_gemm_problem p = forward_product(s, call, z, call->outputs[0].data);
    dnnk_gemm(dnni_call_env(call), &p, call->work);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const matmul *s = state;
    sizes z = sizes_of(s, &call->inputs[0], &call->inputs[1]);
    const void *dy = call->output_gradients[0].data;
    void *da = call->input_gradients[0].data, *db = call->input_gradients[1].data;
    dnnk_gemm_problem to_a = a_product(s, call, z, dy, da), to_b = b_product(s, call, z, dy, db);
    if (da) dnnk_gemm(dnni_call_env(call), &to_a, call->work);
    if (db) dnnk_gemm(dnni_call_env(call), &to_b, call->work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const matmul *s = state;
    snprintf(text, bytes, "%s·%s", s->transpose_a ? "aᵀ" : "a", s->transpose_b ? "bᵀ" : "b");
}

static const dnn_layer_class matmul_class = {DNN_SIZED(dnn_layer_class), .type = "matmul", .shape = shape,
                                             .forward = forward, .backward = backward, .detail = detail,
                                             .repeatable = 1};

dnn_module *dnn_matmul(dnn_context *ctx, const dnn_matmul_desc *desc) {
    dnn_matmul_desc d;
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK) return NULL;
    matmul state = {d.transpose_a != 0, d.transpose_b != 0};
    return dnn_layer_create(ctx, &matmul_class, &state, sizeof state);
}
