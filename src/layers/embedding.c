/* Rows of a table, picked by index. */
#include <stdio.h>
#include <string.h>

#include "embedding/embedding.h"
#include "graph/module.h"
#include "layers/weights.h"

typedef struct {
    int64_t num, dim;
    int64_t padding; /* -1: there is none */
} embedding;

static dnnk_ids ids_of(const dnn_array *x) { return (dnnk_ids){x->data, dnni_count(x), dnn_dtype_size(x->dtype)}; }

static dnn_status expect_indices(const dnn_layer_call *call) {
    DNNI_TRY(dnni_expect_any_inputs(call, 1));
    const dnn_array *x = &call->inputs[0];
    if (x->dtype != DNN_I32 && x->dtype != DNN_I64)
        return dnni_error(DNN_ERROR_DTYPE, "input is %s, indices are int32 or int64 (dnn_tensor_cast converts)",
                          dnn_dtype_name(x->dtype));
    if (x->rank < DNN_MAX_RANK) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input has %d axes, with the one for dim there would be more than %d (input %s)",
                      x->rank, DNN_MAX_RANK, dnni_array_shape(x).text);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const embedding *s = state;
    DNNI_TRY(expect_indices(call));
    const dnn_array *x = &call->inputs[0];
    int64_t dims[DNN_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[x->rank] = s->dim;
    spec->n_outputs = 1;
    spec->backward_reads = DNN_READS_INPUT(0);
    return dnni_make_array(&spec->outputs[0], call->parameters[0].dtype, x->rank + 1, dims);
}

static dnn_status bad_index(const embedding *s, const dnn_array *x, const dnnk_ids *ids, int64_t place) {
    int64_t at[DNN_MAX_RANK] = {0}, rest = place;
    for (int32_t k = x->rank - 1; k >= 0; k--) {
        at[k] = rest % x->dims[k];
        rest /= x->dims[k];
    }
    return dnni_error(DNN_ERROR_VALUE, "the index at %s is %lld, the table has rows 0 to %lld",
                      dnni_shape(x->rank, at).text, (long long)dnnk_id(ids, place), (long long)s->num - 1);
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const embedding *s = state;
    const dnn_array *x = &call->inputs[0], *weight = &call->parameters[0];
    dnnk_ids ids = ids_of(x);
    int64_t place = dnnk_index_check(&ids, s->num);
    if (place >= 0) return bad_index(s, x, &ids, place);
    dnnk_embedding(dnni_call_env(call), dnni_type(weight->dtype), s->dim, &ids, weight->data, call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const embedding *s = state;
    const dnn_array *gradient = &call->parameter_gradients[0];
    dnnk_ids ids = ids_of(&call->inputs[0]);
    if (gradient->data)
        dnnk_embedding_backward(dnni_call_env(call), dnni_type(gradient->dtype), s->num, s->dim, &ids, s->padding,
                                call->output_gradients[0].data, gradient->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const embedding *s = state;
    snprintf(text, bytes, "%lld×%lld", (long long)s->num, (long long)s->dim);
}

static const dnn_layer_class embedding_class = {DNN_SIZED(dnn_layer_class), .type = "embedding", .shape = shape,
                                                .forward = forward, .backward = backward, .detail = detail,
                                                .repeatable = 1};

static dnn_status read_state(embedding *s, const dnn_embedding_desc *d) {
    *s = (embedding){d->num, d->dim, d->has_padding ? d->padding_idx : -1};
    DNNI_REQUIRE(s->num >= 1, "desc.num is %lld, it must be at least 1", (long long)s->num);
    DNNI_REQUIRE(s->dim >= 1, "desc.dim is %lld, it must be at least 1", (long long)s->dim);
    DNNI_REQUIRE(!d->has_padding || (s->padding >= 0 && s->padding < s->num),
                 "desc.padding_idx is %lld, the table has rows 0 to %lld", (long long)s->padding,
                 (long long)s->num - 1);
    return DNN_OK;
}

static dnn_status clear_row(dnn_module *m, const embedding *s) {
    dnn_parameter weight = {DNN_SIZED(dnn_parameter)};
    DNNI_TRY(dnn_module_parameter(m, "weight", &weight));
    int64_t bytes = s->dim * dnn_dtype_size(dnn_tensor_dtype(weight.value));
    memset((char *)dnn_tensor_data(weight.value) + s->padding * bytes, 0, (size_t)bytes);
    dnni_module_gave(m, "weight", s->padding * s->dim, s->dim);
    return DNN_OK;
}

static dnn_status add_table(dnn_module *m, const embedding *s, const dnn_init *chosen) {
    dnn_init own = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    int64_t dims[2] = {s->num, s->dim};
    DNNI_TRY(dnn_layer_add_parameter(m, "weight", 2, dims, dnni_chosen_init(chosen, &own)));
    return s->padding >= 0 ? clear_row(m, s) : DNN_OK;
}

dnn_module *dnn_embedding(dnn_context *ctx, const dnn_embedding_desc *desc) {
    dnn_embedding_desc d;
    embedding state;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || read_state(&state, &d) != DNN_OK) return NULL;
    dnn_module *m = dnn_layer_create(ctx, &embedding_class, &state, sizeof state);
    if (!m) return NULL;
    return add_table(m, &state, d.weight_init) == DNN_OK ? m : dnni_layer_failed(m);
}
