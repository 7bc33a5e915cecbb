/* y = (x - mean) / std, with numbers that were fitted before: buffers, which are saved with the weights. */
#include <stdio.h>

#include "data/statistics.h"
#include "graph/module.h"
#include "layers/layer.h"
#include "norm/norm.h"

typedef struct {
    dnn_array shape; /* of mean and std: the last axes of an input, or none */
} standardize;

enum { MEAN, STD };

enum { WIDE = 64 }; /* columns that the kernel likes to have at least */

/* Input as [rows, columns]: the features, and as many of the axes before them as make columns enough, but not the first
 * axis of all. */
static int64_t columns_of(const standardize *s, const dnn_array *x) {
    int64_t columns = dnni_count(&s->shape);
    for (int32_t a = x->rank - s->shape.rank - 1; a >= 1 && columns < WIDE; a--) columns *= x->dims[a];
    return columns;
}

static int64_t column_bytes(const standardize *s, const dnn_array *x) {
    return dnnk_round_up(columns_of(s, x) * dnn_dtype_size(x->dtype), DNNI_ALIGNMENT);
}

static dnn_status expect_input(const standardize *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    int32_t rank = s->shape.rank;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    if (x->dtype != call->buffers[MEAN].dtype)
        return dnni_error(DNN_ERROR_DTYPE, "input is %s, mean is %s (dnn_module_to converts a module)",
                          dnn_dtype_name(x->dtype), dnn_dtype_name(call->buffers[MEAN].dtype));
    bool fits = x->rank >= rank;
    for (int32_t a = 0; fits && a < rank; a++) fits = x->dims[x->rank - rank + a] == s->shape.dims[a];
    if (fits) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input is %s, its last axes are to be %s, those of the statistics",
                      dnni_array_shape(x).text, dnni_array_shape(&s->shape).text);
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const standardize *s = state;
    DNNI_TRY(expect_input(s, call));
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    spec->sees = DNN_SEES_PLACE;
    spec->forward_work = spec->backward_work = 2 * column_bytes(s, &call->inputs[0]);
    spec->flops = 2.0 * (double)dnni_count(&call->inputs[0]);
    return DNN_OK;
}

/* y = (x - mean) / std; without a mean, y = x / std. The scratch has a row of means and one of 1/std. */
static void apply(const standardize *s, const dnn_layer_call *call, const dnn_array *x, bool centre, void *y) {
    int64_t n = dnni_count(&s->shape), columns = columns_of(s, x), numbers = dnni_count(x);
    const dnn_array *mean = &call->buffers[MEAN], *std = &call->buffers[STD];
    void *means = call->work, *scales = (char *)call->work + column_bytes(s, x);
    for (int64_t c = 0; c < columns; c++) {
        dnni_store(x->dtype, means, c, centre ? dnni_load(mean->dtype, mean->data, c % n) : 0);
        dnni_store(x->dtype, scales, c, 1 / dnni_load(std->dtype, std->data, c % n));
    }
    if (numbers > 0)
        dnnk_batch_norm_apply(dnni_call_env(call), dnni_type(x->dtype), numbers / columns, columns, x->data, means,
                              scales, y);
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    apply(state, call, &call->inputs[0], true, call->outputs[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    if (call->input_gradients[0].data)
        apply(state, call, &call->output_gradients[0], false, call->input_gradients[0].data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const standardize *s = state;
    snprintf(text, bytes, "%s", dnni_array_shape(&s->shape).text);
}

static const dnn_layer_class standardize_class = {DNN_SIZED(dnn_layer_class), .type = "standardize", .shape = shape,
                                                  .forward = forward, .backward = backward, .detail = detail,
                                                  .repeatable = 1};

static dnn_status fill(dnn_module *m, const char *name, const double *values, int64_t n, bool divisor) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    DNNI_TRY(dnn_module_parameter(m, name, &p));
    float *to = dnn_tensor_data(p.value);
    for (int64_t i = 0; i < n; i++) to[i] = divisor && !((float)values[i] > 0) ? 1 : (float)values[i];
    dnni_module_gave(m, name, 0, n);
    return DNN_OK;
}

static dnn_status add_buffers(dnn_module *m, const dnn_statistics *s) {
    DNNI_TRY(dnn_layer_add_buffer(m, "mean", s->shape.rank, s->shape.dims, NULL));
    DNNI_TRY(dnn_layer_add_buffer(m, "std", s->shape.rank, s->shape.dims, NULL));
    DNNI_TRY(fill(m, "mean", s->mean, s->features, false));
    return fill(m, "std", s->std, s->features, true);
}

static dnn_status check(const dnn_context *ctx, const dnn_statistics *statistics) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_check_statistics(statistics, "statistics"));
    if (dnni_context_of(statistics) == ctx) return DNN_OK;
    return dnni_error(DNN_ERROR_HANDLE, "ctx and the context of the statistics are two, which never meet");
}

dnn_module *dnn_standardize(dnn_context *ctx, const dnn_statistics *statistics) {
    if (check(ctx, statistics) != DNN_OK) return NULL;
    standardize state = {statistics->shape};
    dnn_module *m = dnn_layer_create(ctx, &standardize_class, &state, sizeof state);
    return m && add_buffers(m, statistics) == DNN_OK ? m : dnni_layer_failed(m);
}
