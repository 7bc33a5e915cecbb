/* Softmax and its logarithm along any axis. The kernels take rows: an axis that is not the last is brought there first,
 * in scratch memory. */
#include <stdio.h>

#include "layers/layer.h"
#include "shape/shape.h"
#include "softmax/softmax.h"

typedef struct {
    int32_t axis;
    bool logarithm;
} softmax;

/* An array seen as (outer, cols, inner), the axis in the middle. */
typedef struct {
    int64_t outer, cols, inner;
} view;

static view view_of(const dnn_array *x, int32_t axis) {
    return (view){dnni_product(x->dims, 0, axis), x->dims[axis], dnni_product(x->dims, axis + 1, x->rank)};
}

static view call_view(const softmax *s, const dnn_layer_call *call) {
    const dnn_array *y = &call->outputs[0];
    return view_of(y, s->axis < 0 ? s->axis + y->rank : s->axis);
}

static int64_t rounded_bytes(const dnn_array *x) { return dnnk_round_up(dnni_bytes(x), DNNI_ALIGNMENT); }

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const softmax *s = state;
    const dnn_array *x = &call->inputs[0];
    int32_t axis;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(dnni_expect_axis(s->axis, x, &axis));
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    if (axis == x->rank - 1) spec->sees = DNN_SEES_PLACE;
    spec->backward_reads = DNN_READS_OUTPUT(0);
    if (view_of(x, axis).inner != 1) {
        spec->forward_work = rounded_bytes(x);
        spec->backward_work = 2 * rounded_bytes(x);
    }
    spec->flops = 5.0 * (double)dnni_count(x);
    return DNN_OK;
}

static void rows_forward(const softmax *s, const dnn_layer_call *call, view v, const void *x, void *y) {
    const dnnk_env *env = dnni_call_env(call);
    int64_t rows = v.outer * v.inner;
    if (s->logarithm) dnnk_log_softmax_forward(env, dnni_call_type(call), rows, v.cols, x, y);
    else dnnk_softmax_forward(env, dnni_call_type(call), rows, v.cols, x, y);
}

static void rows_backward(const softmax *s, const dnn_layer_call *call, view v, const void *y, const void *dy,
                          void *dx) {
    const dnnk_env *env = dnni_call_env(call);
    int64_t rows = v.outer * v.inner;
    if (s->logarithm) dnnk_log_softmax_backward(env, dnni_call_type(call), rows, v.cols, y, dy, dx);
    else dnnk_softmax_backward(env, dnni_call_type(call), rows, v.cols, y, dy, dx);
}

/* (outer, cols, inner) to rows (outer, inner, cols), and back. */
static void to_rows(const dnn_layer_call *call, view v, const void *x, void *rows) {
    int64_t size = dnn_dtype_size(call->inputs[0].dtype);
    dnnk_transpose(dnni_call_env(call), size, v.outer, v.cols, v.inner, x, rows);
}

static void from_rows(const dnn_layer_call *call, view v, const void *rows, void *x) {
    int64_t size = dnn_dtype_size(call->inputs[0].dtype);
    dnnk_transpose(dnni_call_env(call), size, v.outer, v.inner, v.cols, rows, x);
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const softmax *s = state;
    view v = call_view(s, call);
    const void *x = call->inputs[0].data;
    void *y = call->outputs[0].data;
    if (v.inner == 1) {
        rows_forward(s, call, v, x, y);
        return DNN_OK;
    }
    to_rows(call, v, x, call->work);
    rows_forward(s, call, v, call->work, call->work);
    from_rows(call, v, call->work, y);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const softmax *s = state;
    view v = call_view(s, call);
    const void *y = call->outputs[0].data, *dy = call->output_gradients[0].data;
    void *dx = call->input_gradients[0].data;
    if (!dx || dnni_count(&call->outputs[0]) == 0) return DNN_OK;
    if (v.inner == 1) {
        rows_backward(s, call, v, y, dy, dx);
        return DNN_OK;
    }
    void *y_rows = call->work, *dy_rows = (char *)call->work + rounded_bytes(&call->outputs[0]);
    to_rows(call, v, y, y_rows);
    to_rows(call, v, dy, dy_rows);
    rows_backward(s, call, v, y_rows, dy_rows, dy_rows);
    from_rows(call, v, dy_rows, dx);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "axis %d", ((const softmax *)state)->axis);
}

static const dnn_layer_class softmax_class = {DNN_SIZED(dnn_layer_class), .type = "softmax", .shape = shape,
                                              .forward = forward, .backward = backward, .detail = detail,
                                              .repeatable = 1};
static const dnn_layer_class log_softmax_class = {DNN_SIZED(dnn_layer_class), .type = "log_softmax", .shape = shape,
                                                  .forward = forward, .backward = backward, .detail = detail,
                                                  .repeatable = 1};

static dnn_module *make(dnn_context *ctx, const dnn_layer_class *layer_class, softmax state) {
    if (state.axis >= -DNN_MAX_RANK && state.axis < DNN_MAX_RANK)
        return dnn_layer_create(ctx, layer_class, &state, sizeof state);
    dnni_error(DNN_ERROR_ARGUMENT, "axis is %d, a tensor has at most %d axes", state.axis, DNN_MAX_RANK);
    return NULL;
}

dnn_module *dnn_softmax(dnn_context *ctx, int32_t axis) { return make(ctx, &softmax_class, (softmax){axis, false}); }

dnn_module *dnn_log_softmax(dnn_context *ctx, int32_t axis) {
    return make(ctx, &log_softmax_class, (softmax){axis, true});
}
