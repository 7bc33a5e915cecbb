#include "layers/layer.h"

dnn_module *dnni_layer_failed(dnn_module *layer) {
    dnni_saved_error saved;
    dnni_error_save(&saved);
    dnn_module_release(layer);
    dnni_error_restore(&saved);
    return NULL;
}

dnn_module *dnni_layer_done(dnn_module *layer) {
    if (!layer) return NULL;
    return dnn_module_error(layer) == DNN_OK ? layer : dnni_layer_failed(layer);
}

static dnn_status expect_count(const dnn_layer_call *call, int32_t n) {
    if (call->n_inputs == n) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "the layer takes %d %s, it is given %d", n, n == 1 ? "input" : "inputs",
                      call->n_inputs);
}

dnn_status dnni_expect_any_inputs(const dnn_layer_call *call, int32_t n) {
    DNNI_TRY(expect_count(call, n));
    for (int32_t i = 1; i < n; i++)
        if (call->inputs[i].dtype != call->inputs[0].dtype)
            return dnni_error(DNN_ERROR_DTYPE, "input %d is %s, input 0 is %s", i,
                              dnn_dtype_name(call->inputs[i].dtype), dnn_dtype_name(call->inputs[0].dtype));
    return DNN_OK;
}

dnn_status dnni_expect_inputs(const dnn_layer_call *call, int32_t n) {
    DNNI_TRY(dnni_expect_any_inputs(call, n));
    if (n == 0 || dnni_is_real(call->inputs[0].dtype)) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE,
                      "input is %s, the layer computes in float32 or float64 (dnn_tensor_cast converts)",
                      dnn_dtype_name(call->inputs[0].dtype));
}

dnn_status dnni_expect_last(const dnn_layer_call *call, int64_t size, const char *what) {
    const dnn_array *x = &call->inputs[0];
    if (x->rank >= 1 && x->dims[x->rank - 1] == size) return DNN_OK;
    if (x->rank < 1)
        return dnni_error(DNN_ERROR_SHAPE, "input is a scalar, the layer expects %lld %s", (long long)size, what);
    return dnni_error(DNN_ERROR_SHAPE, "input has %lld %s, the layer expects %lld (input %s)",
                      (long long)x->dims[x->rank - 1], what, (long long)size, dnni_array_shape(x).text);
}

dnn_status dnni_expect_axis(int32_t axis, const dnn_array *x, int32_t *front) {
    *front = axis < 0 ? axis + x->rank : axis;
    if (*front >= 0 && *front < x->rank) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "there is no axis %d in input %s", axis, dnni_array_shape(x).text);
}
