/* A range along one axis. */
#include <stdio.h>

#include "layers/layer.h"
#include "shape/shape.h"

typedef struct {
    int32_t axis;
    int64_t first, count;
} slice;

/* The input as (outer, size, inner) around the axis, and the range in it. */
typedef struct {
    int32_t axis;
    int64_t dims[3], first, count;
} range;

static dnn_status outside(const slice *s, const dnn_array *x, int32_t axis) {
    if (s->count == -1)
        return dnni_error(DNN_ERROR_SHAPE, "axis %d of input %s has no element %lld to begin at", axis,
                          dnni_array_shape(x).text, (long long)s->first);
    return dnni_error(DNN_ERROR_SHAPE, "axis %d of input %s has no %lld elements from %lld on", axis,
                      dnni_array_shape(x).text, (long long)s->count, (long long)s->first);
}

static dnn_status find_range(const slice *s, const dnn_array *x, range *r) {
    DNNI_TRY(dnni_expect_axis(s->axis, x, &r->axis));
    int64_t size = x->dims[r->axis];
    r->first = s->first < 0 ? s->first + size : s->first;
    if (r->first < 0 || r->first > size) return outside(s, x, r->axis);
    r->count = s->count == -1 ? size - r->first : s->count;
    if (r->count > size - r->first) return outside(s, x, r->axis);
    r->dims[0] = dnni_product(x->dims, 0, r->axis);
    r->dims[1] = size;
    r->dims[2] = dnni_product(x->dims, r->axis + 1, x->rank);
    return DNN_OK;
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    range r;
    DNNI_TRY(dnni_expect_any_inputs(call, 1));
    DNNI_TRY(find_range(state, &call->inputs[0], &r));
    dnni_output_like_input(call, spec);
    spec->outputs[0].dims[r.axis] = r.count;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    range r;
    const dnn_array *x = &call->inputs[0];
    DNNI_TRY(find_range(state, x, &r));
    const int64_t first[3] = {0, r.first, 0}, step[3] = {1, 1, 1}, count[3] = {r.dims[0], r.count, r.dims[2]};
    dnnk_slice(dnni_call_env(call), dnn_dtype_size(x->dtype), 3, r.dims, first, step, count, x->data,
               call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    range r;
    const dnn_array *dx = &call->input_gradients[0];
    if (!dx->data) return DNN_OK;
    DNNI_TRY(find_range(state, dx, &r));
    const int64_t first[3] = {0, r.first, 0}, step[3] = {1, 1, 1}, count[3] = {r.dims[0], r.count, r.dims[2]};
    dnnk_slice_backward(dnni_call_env(call), dnn_dtype_size(dx->dtype), 3, r.dims, first, step, count,
                        call->output_gradients[0].data, dx->data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const slice *s = state;
    if (s->count == -1) snprintf(text, bytes, "axis %d, from %lld on", s->axis, (long long)s->first);
    else snprintf(text, bytes, "axis %d, %lld from %lld on", s->axis, (long long)s->count, (long long)s->first);
}

static const dnn_layer_class slice_class = {DNN_SIZED(dnn_layer_class), .type = "slice", .shape = shape,
                                            .forward = forward, .backward = backward, .detail = detail,
                                            .repeatable = 1};

dnn_module *dnn_slice(dnn_context *ctx, int32_t axis, int64_t first, int64_t count) {
    if (count < -1) {
        dnni_error(DNN_ERROR_ARGUMENT, "count is %lld, it must be at least 0, or -1: all to the end", (long long)count);
        return NULL;
    }
    slice state = {axis, first, count};
    return dnn_layer_create(ctx, &slice_class, &state, sizeof state);
}
