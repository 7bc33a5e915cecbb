/* Attention of queries to keys and values: three inputs, and perhaps a mask of keys. */
#include "layers/attention.h"

#include <math.h>
#include <stdio.h>

enum { Q, K, V, MASK };

typedef struct {
    int64_t heads;
    bool causal;
    double scale; /* 0: 1/√dim */
} attention;

/* ---- masks ---- */

dnn_status dnni_expect_attention_inputs(const dnn_layer_call *call, int32_t least) {
    if (call->n_inputs != least && call->n_inputs != least + 1)
        return dnni_error(DNN_ERROR_SHAPE, "the layer takes %d inputs, or %d with a mask; it is given %d", least,
                          least + 1, call->n_inputs);
    dnn_layer_call without_mask = *call;
    without_mask.n_inputs = least;
    return dnni_expect_inputs(&without_mask, least);
}

dnn_status dnni_expect_key_mask(const dnn_layer_call *call, int32_t input, int64_t batch, int64_t keys) {
    if (input >= call->n_inputs) return DNN_OK;
    const dnn_array *mask = &call->inputs[input];
    dnn_dtype real = call->inputs[0].dtype;
    if (mask->dtype != DNN_BOOL && mask->dtype != real)
        return dnni_error(DNN_ERROR_DTYPE, "the mask is %s, it must be bool or %s", dnn_dtype_name(mask->dtype),
                          dnn_dtype_name(real));
    if (mask->rank == 2 && mask->dims[0] == batch && mask->dims[1] == keys) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "the mask is %s, it must be [%lld,%lld]: samples, keys",
                      dnni_array_shape(mask).text, (long long)batch, (long long)keys);
}

void dnni_set_key_mask(const dnn_layer_call *call, int32_t input, dnnk_attention *a) {
    if (input >= call->n_inputs) return;
    a->mask_kind = call->inputs[input].dtype == DNN_BOOL ? DNNK_MASK_BYTES : DNNK_MASK_ADDED;
    a->mask = call->inputs[input].data;
}

double dnni_attention_flops(const dnnk_attention *a) {
    double pairs = (double)a->batch * (double)a->heads * (double)a->queries * (double)a->keys * (a->causal ? 0.5 : 1);
    return 2 * pairs * (double)(a->dim + a->value_dim);
}

/* ---- the layer ---- */

static dnnk_heads heads_of(const dnn_array *x) {
    return (dnnk_heads){x->data, x->dims[1] * x->dims[2], x->dims[2]};
}

static dnnk_attention kernel_of(const attention *s, const dnn_layer_call *call) {
    const dnn_array *q = &call->inputs[Q], *k = &call->inputs[K], *v = &call->inputs[V];
    dnnk_attention a = {.type = dnni_call_type(call), .batch = q->dims[0], .heads = s->heads, .queries = q->dims[1],
                        .keys = k->dims[1], .dim = q->dims[2] / s->heads, .value_dim = v->dims[2] / s->heads,
                        .causal = s->causal, .q = heads_of(q), .k = heads_of(k), .v = heads_of(v)};
    a.scale = s->scale != 0 ? s->scale : 1 / sqrt((double)a.dim);
    dnni_set_key_mask(call, MASK, &a);
    return a;
}

static dnn_status expect_sequence(const attention *s, const dnn_array *x, const char *name) {
    if (x->rank != 3)
        return dnni_error(DNN_ERROR_SHAPE, "%s are %s, they must be (N, T, features)", name, dnni_array_shape(x).text);
    if (x->dims[2] >= s->heads && x->dims[2] % s->heads == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "%s have %lld features, which is no multiple of %lld heads", name,
                      (long long)x->dims[2], (long long)s->heads);
}

static dnn_status expect_inputs(const attention *s, const dnn_layer_call *call) {
    static const char *const names[] = {"queries", "keys", "values"};
    DNNI_TRY(dnni_expect_attention_inputs(call, 3));
    const dnn_array *q = &call->inputs[Q], *k = &call->inputs[K], *v = &call->inputs[V];
    for (int i = Q; i <= V; i++) DNNI_TRY(expect_sequence(s, &call->inputs[i], names[i]));
    if (q->dims[2] != k->dims[2])
        return dnni_error(DNN_ERROR_SHAPE, "queries %s and keys %s must have the same features",
                          dnni_array_shape(q).text, dnni_array_shape(k).text);
    if (k->dims[1] != v->dims[1] || q->dims[0] != k->dims[0] || k->dims[0] != v->dims[0])
        return dnni_error(DNN_ERROR_SHAPE,
                          "queries %s, keys %s and values %s do not go together: (N, T, …), (N, S, …), "
                          "(N, S, …)",
                          dnni_array_shape(q).text, dnni_array_shape(k).text, dnni_array_shape(v).text);
    return dnni_expect_key_mask(call, MASK, k->dims[0], k->dims[1]);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const attention *s = state;
    DNNI_TRY(expect_inputs(s, call));
    dnni_output_like_input(call, spec);
    spec->outputs[0].dims[2] = call->inputs[V].dims[2];
    dnnk_attention a = kernel_of(s, call);
    spec->n_kept = 1;
    spec->kept[0] = dnni_array(call->inputs[0].dtype, 3, (int64_t[]){a.batch, a.heads, a.queries});
    spec->forward_work = dnnk_attention_workspace(dnni_call_env(call), &a);
    spec->backward_work = dnnk_attention_backward_workspace(dnni_call_env(call), &a);
    spec->backward_reads = DNN_READS_INPUTS | DNN_READS_OUTPUT(0);
    spec->flops = dnni_attention_flops(&a);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    dnnk_attention a = kernel_of(state, call);
    a.y = heads_of(&call->outputs[0]);
    a.log_sums = call->kept[0].data;
    dnnk_attention_forward(dnni_call_env(call), &a, call->work);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    dnnk_attention a = kernel_of(state, call);
    a.y = heads_of(&call->outputs[0]);
    a.log_sums = call->kept[0].data;
    const dnn_array *dx = call->input_gradients;
    dnnk_attention_gradients g = {.dy = heads_of(&call->output_gradients[0]),
                                  .dq = heads_of(&dx[Q]),
                                  .dk = heads_of(&dx[K]),
                                  .dv = heads_of(&dx[V]),
                                  .dmask = dnni_mask_gradient(call, MASK)};
    dnnk_attention_backward(dnni_call_env(call), &a, &g, call->work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const attention *s = state;
    snprintf(text, bytes, "%lld %s%s", (long long)s->heads, s->heads == 1 ? "head" : "heads",
             s->causal ? ", causal" : "");
}

static const dnn_layer_class attention_class = {DNN_SIZED(dnn_layer_class), .type = "attention", .shape = shape,
                                                .forward = forward, .backward = backward, .detail = detail,
                                                .repeatable = 1};

static dnn_status check(const dnn_attention_desc *d) {
    DNNI_REQUIRE(d->heads >= 1, "desc.heads is %lld, it must be at least 1", (long long)d->heads);
    DNNI_REQUIRE(isfinite(d->scale), "desc.scale is %g, it must be finite", d->scale);
    return DNN_OK;
}

dnn_module *dnn_attention(dnn_context *ctx, const dnn_attention_desc *desc) {
    dnn_attention_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || check(&d) != DNN_OK) return NULL;
    attention state = {d.heads, d.causal != 0, d.scale};
    return dnn_layer_create(ctx, &attention_class, &state, sizeof state);
}
