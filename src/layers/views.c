/* Layers that show the same memory under another shape: nothing moves, forward and backward are never called. */
#include <stdio.h>

#include "layers/layer.h"

/* Axis 0, the batch, must be there to be kept. */
static dnn_status expect_batch(const dnn_layer_call *call) {
    DNNI_TRY(dnni_expect_any_inputs(call, 1));
    if (call->inputs[0].rank >= 1) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input is a scalar, the layer keeps a batch axis");
}

/* ---- flatten ---- */

static dnn_status flatten_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    DNNI_TRY(expect_batch(call));
    const dnn_array *x = &call->inputs[0];
    int64_t dims[2] = {x->dims[0], dnni_product(x->dims, 1, x->rank)};
    spec->flags = DNN_LAYER_VIEW;
    spec->n_outputs = 1;
    spec->outputs[0] = dnni_array(x->dtype, 2, dims);
    return DNN_OK;
}

static const dnn_layer_class flatten_class = {DNN_SIZED(dnn_layer_class), .type = "flatten", .shape = flatten_shape};

dnn_module *dnn_flatten(dnn_context *ctx) { return dnn_layer_create(ctx, &flatten_class, NULL, 0); }

/* ---- reshape ---- */

/* One sample's shape; `open` is the axis whose size is computed, -1 if there is none. */
typedef struct {
    int32_t rank, open;
    int64_t known; /* product of the sizes that are given */
    int64_t dims[DNN_MAX_RANK];
} sample_shape;

static dnn_status does_not_fill(const sample_shape *s, const dnn_array *x, int64_t count) {
    return dnni_error(DNN_ERROR_SHAPE, "the %lld elements of a sample do not fill shape %s (input %s)",
                      (long long)count, dnni_shape(s->rank, s->dims).text, dnni_array_shape(x).text);
}

static dnn_status reshape_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const sample_shape *s = state;
    DNNI_TRY(expect_batch(call));
    const dnn_array *x = &call->inputs[0];
    int64_t dims[DNN_MAX_RANK] = {x->dims[0]}, count = dnni_product(x->dims, 1, x->rank);
    for (int32_t i = 0; i < s->rank; i++) dims[i + 1] = i == s->open ? count / s->known : s->dims[i];
    if (dnni_product(dims, 1, s->rank + 1) != count) return does_not_fill(s, x, count);
    spec->flags = DNN_LAYER_VIEW;
    spec->n_outputs = 1;
    spec->outputs[0] = dnni_array(x->dtype, s->rank + 1, dims);
    return DNN_OK;
}

static void reshape_detail(const void *state, char *text, size_t bytes) {
    const sample_shape *s = state;
    snprintf(text, bytes, "samples to %s", dnni_shape(s->rank, s->dims).text);
}

static const dnn_layer_class reshape_class = {DNN_SIZED(dnn_layer_class), .type = "reshape", .shape = reshape_shape,
                                              .detail = reshape_detail};

static dnn_status take_size(sample_shape *s, int32_t i, int64_t size) {
    s->dims[i] = size;
    if (size == -1) {
        DNNI_REQUIRE(s->open < 0, "dims[%d] and dims[%d] are both -1, only one size can be computed", s->open, i);
        s->open = i;
        return DNN_OK;
    }
    DNNI_REQUIRE(size >= 0 && dnni_mul(s->known, size, &s->known), "dims[%d] is %lld, which is no size", i,
                 (long long)size);
    return DNN_OK;
}

static dnn_status read_sample_shape(sample_shape *s, int32_t rank, const int64_t *dims) {
    DNNI_REQUIRE(rank >= 0 && rank < DNN_MAX_RANK, "rank is %d, a sample has 0 to %d axes", rank, DNN_MAX_RANK - 1);
    DNNI_REQUIRE(dims || rank == 0, "dims is NULL");
    *s = (sample_shape){.rank = rank, .open = -1, .known = 1};
    for (int32_t i = 0; i < rank; i++) DNNI_TRY(take_size(s, i, dims[i]));
    DNNI_REQUIRE(s->open < 0 || s->known > 0, "dims[%d] is -1, which cannot be computed next to a size of 0", s->open);
    return DNN_OK;
}

dnn_module *dnn_reshape(dnn_context *ctx, int32_t rank, const int64_t *dims) {
    sample_shape state;
    if (read_sample_shape(&state, rank, dims) != DNN_OK) return NULL;
    return dnn_layer_create(ctx, &reshape_class, &state, sizeof state);
}
