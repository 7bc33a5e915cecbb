/* The axes in another order: y's axis i is x's axis order[i]. */
#include <stdio.h>

#include "layers/layer.h"
#include "shape/shape.h"

typedef struct {
    int32_t rank;
    int order[DNN_MAX_RANK];
} permutation;

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const permutation *s = state;
    DNNI_TRY(dnni_expect_any_inputs(call, 1));
    const dnn_array *x = &call->inputs[0];
    if (x->rank != s->rank)
        return dnni_error(DNN_ERROR_SHAPE, "input %s has %d axes, the layer permutes %d", dnni_array_shape(x).text,
                          x->rank, s->rank);
    dnni_output_like_input(call, spec);
    for (int32_t i = 0; i < s->rank; i++) spec->outputs[0].dims[i] = x->dims[s->order[i]];
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const permutation *s = state;
    const dnn_array *x = &call->inputs[0];
    dnnk_permute(dnni_call_env(call), dnn_dtype_size(x->dtype), s->rank, x->dims, s->order, x->data,
                 call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const permutation *s = state;
    const dnn_array *dy = &call->output_gradients[0], *dx = &call->input_gradients[0];
    if (!dx->data) return DNN_OK;
    int inverse[DNN_MAX_RANK];
    dnnk_permute_inverse(s->rank, s->order, inverse);
    dnnk_permute(dnni_call_env(call), dnn_dtype_size(dy->dtype), s->rank, dy->dims, inverse, dy->data, dx->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const permutation *s = state;
    size_t used = 0;
    for (int32_t i = 0; i < s->rank && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%d", i ? "," : "", s->order[i]);
}

static const dnn_layer_class permute_class = {DNN_SIZED(dnn_layer_class), .type = "permute", .shape = shape,
                                              .forward = forward, .backward = backward, .detail = detail,
                                              .repeatable = 1};

static dnn_status read_axes(permutation *s, int32_t rank, const int32_t *axes) {
    bool taken[DNN_MAX_RANK] = {false};
    DNNI_REQUIRE(rank >= 0 && rank <= DNN_MAX_RANK, "rank is %d, a tensor has 0 to %d axes", rank, DNN_MAX_RANK);
    DNNI_REQUIRE(axes || rank == 0, "axes is NULL");
    *s = (permutation){.rank = rank};
    for (int32_t i = 0; i < rank; i++) {
        int32_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        DNNI_REQUIRE(axis >= 0 && axis < rank, "axes[%d] is %d, the input has %d axes", i, axes[i], rank);
        DNNI_REQUIRE(!taken[axis], "axes[%d] is %d, which occurs twice", i, axes[i]);
        taken[axis] = true;
        s->order[i] = axis;
    }
    return DNN_OK;
}

dnn_module *dnn_permute(dnn_context *ctx, int32_t rank, const int32_t *axes) {
    permutation state;
    if (read_axes(&state, rank, axes) != DNN_OK) return NULL;
    return dnn_layer_create(ctx, &permute_class, &state, sizeof state);
}
