/* A value around the input, on any axis. */
#include <stdio.h>

#include "core/tensor.h"
#include "layers/layer.h"
#include "shape/shape.h"

typedef struct {
    int64_t before[DNN_MAX_RANK], after[DNN_MAX_RANK];
    double value;
} padding;

/* The value as an element of `dtype`; it must survive the conversion. */
static dnn_status element(const padding *s, dnn_dtype dtype, void *to) {
    double value = s->value;
    dnn_array from = {.data = &value, .dtype = DNN_F64}, target = {.data = to, .dtype = dtype};
    int64_t first;
    if (dnni_convert(&from, &target, &first) == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "input is %s, which does not hold the value %g", dnn_dtype_name(dtype), value);
}

static dnn_status padded_size(const padding *s, int32_t axis, int64_t *size) {
    if (dnni_add(s->before[axis], *size, size) && dnni_add(*size, s->after[axis], size)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "axis %d cannot be padded by %lld and %lld: it is too large then", axis,
                      (long long)s->before[axis], (long long)s->after[axis]);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const padding *s = state;
    DNNI_TRY(dnni_expect_any_inputs(call, 1));
    const dnn_array *x = &call->inputs[0];
    for (int32_t i = x->rank; i < DNN_MAX_RANK; i++)
        if (s->before[i] + s->after[i] > 0)
            return dnni_error(DNN_ERROR_SHAPE, "axis %d is padded, input %s has %d axes", i, dnni_array_shape(x).text,
                              x->rank);
    int64_t value;
    DNNI_TRY(element(s, x->dtype, &value));
    dnni_output_like_input(call, spec);
    for (int32_t i = 0; i < x->rank; i++) DNNI_TRY(padded_size(s, i, &spec->outputs[0].dims[i]));
    spec->sees = DNN_SEES_WINDOW;
    spec->window = (dnn_layer_window){.extent = {1, 1}, .stride = {1, 1}, .before = {s->before[1], s->before[2]}};
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const padding *s = state;
    const dnn_array *x = &call->inputs[0];
    int64_t value;
    DNNI_TRY(element(s, x->dtype, &value));
    dnnk_pad(dnni_call_env(call), dnn_dtype_size(x->dtype), x->rank, x->dims, s->before, s->after, &value, x->data,
             call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const padding *s = state;
    const dnn_array *dx = &call->input_gradients[0];
    if (dx->data)
        dnnk_crop(dnni_call_env(call), dnn_dtype_size(dx->dtype), dx->rank, dx->dims, s->before, s->after,
                  call->output_gradients[0].data, dx->data);
    return DNN_OK;
}

/* "axis 1 by 1+1, axis 2 by 1+1" */
static void detail(const void *state, char *text, size_t bytes) {
    const padding *s = state;
    size_t used = 0;
    for (int32_t i = 0; i < DNN_MAX_RANK && used < bytes; i++)
        if (s->before[i] + s->after[i] > 0)
            used += (size_t)snprintf(text + used, bytes - used, "%saxis %d by %lld+%lld", used ? ", " : "", i,
                                     (long long)s->before[i], (long long)s->after[i]);
}

static const dnn_layer_class pad_class = {DNN_SIZED(dnn_layer_class), .type = "pad", .shape = shape, .forward = forward,
                                          .backward = backward, .detail = detail, .repeatable = 1};

static dnn_status read_padding(padding *s, const dnn_pad_desc *d) {
    for (int32_t i = 0; i < DNN_MAX_RANK; i++) {
        int64_t both;
        DNNI_REQUIRE(d->before[i] >= 0, "desc.before[%d] is %lld, it must be at least 0", i, (long long)d->before[i]);
        DNNI_REQUIRE(d->after[i] >= 0, "desc.after[%d] is %lld, it must be at least 0", i, (long long)d->after[i]);
        DNNI_REQUIRE(dnni_add(d->before[i], d->after[i], &both), "desc.before[%d] and after[%d] are too large", i, i);
        s->before[i] = d->before[i];
        s->after[i] = d->after[i];
    }
    s->value = d->value == 0 ? 0 : d->value; /* DNN_ZERO is zero */
    return DNN_OK;
}

dnn_module *dnn_pad(dnn_context *ctx, const dnn_pad_desc *desc) {
    dnn_pad_desc d;
    padding state;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || read_padding(&state, &d) != DNN_OK) return NULL;
    return dnn_layer_create(ctx, &pad_class, &state, sizeof state);
}
