/* Any number of inputs, one behind the other along an axis. */
#include <stdio.h>

#include "layers/layer.h"
#include "shape/shape.h"

typedef struct {
    int32_t axis;
} concat;

static dnn_status check_fit(const dnn_array *first, const dnn_array *x, int32_t i, int32_t axis) {
    bool fits = x->rank == first->rank;
    for (int32_t a = 0; fits && a < x->rank; a++) fits = a == axis || x->dims[a] == first->dims[a];
    if (fits) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input %d is %s, input 0 is %s: they may differ in axis %d only", i,
                      dnni_array_shape(x).text, dnni_array_shape(first).text, axis);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const concat *s = state;
    int32_t axis;
    if (call->n_inputs < 1) return dnni_error(DNN_ERROR_SHAPE, "the layer takes at least one input");
    DNNI_TRY(dnni_expect_any_inputs(call, call->n_inputs));
    DNNI_TRY(dnni_expect_axis(s->axis, &call->inputs[0], &axis));
    dnni_output_like_input(call, spec);
    if (axis == call->inputs[0].rank - 1) spec->sees = DNN_SEES_PLACE;
    int64_t *size = &spec->outputs[0].dims[axis];
    for (int32_t i = 1; i < call->n_inputs; i++) {
        DNNI_TRY(check_fit(&call->inputs[0], &call->inputs[i], i, axis));
        if (!dnni_add(*size, call->inputs[i].dims[axis], size))
            return dnni_error(DNN_ERROR_SHAPE, "the inputs are too large together");
    }
    return DNN_OK;
}

/* The bytes of an array from `axis` on: one block of its rows. */
static int64_t block_bytes(const dnn_array *x, int32_t axis) {
    return dnni_product(x->dims, axis, x->rank) * dnn_dtype_size(x->dtype);
}

/* The rank of all inputs is the same, and the shape rule has checked the axis. */
static int32_t front_axis(const concat *s, const dnn_array *x) { return s->axis < 0 ? s->axis + x->rank : s->axis; }

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const dnn_array *y = &call->outputs[0];
    int32_t axis = front_axis(state, y);
    int64_t rows = dnni_product(y->dims, 0, axis), pitch = block_bytes(y, axis), offset = 0;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        const dnn_array *x = &call->inputs[i];
        int64_t bytes = block_bytes(x, axis);
        dnnk_copy_rows(dnni_call_env(call), rows, bytes, x->data, bytes, (char *)y->data + offset, pitch);
        offset += bytes;
    }
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const dnn_array *dy = &call->output_gradients[0];
    int32_t axis = front_axis(state, dy);
    int64_t rows = dnni_product(dy->dims, 0, axis), pitch = block_bytes(dy, axis), offset = 0;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        const dnn_array *dx = &call->input_gradients[i];
        int64_t bytes = block_bytes(dx, axis);
        if (dx->data)
            dnnk_copy_rows(dnni_call_env(call), rows, bytes, (const char *)dy->data + offset, pitch, dx->data, bytes);
        offset += bytes;
    }
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "axis %d", ((const concat *)state)->axis);
}

static const dnn_layer_class concat_class = {DNN_SIZED(dnn_layer_class), .type = "concat", .shape = shape,
                                             .forward = forward, .backward = backward, .detail = detail,
                                             .repeatable = 1};

dnn_module *dnn_concat(dnn_context *ctx, int32_t axis) {
    concat state = {axis};
    return dnn_layer_create(ctx, &concat_class, &state, sizeof state);
}
