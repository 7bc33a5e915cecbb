/* Batch normalisation over all axes but the last. */
#include <math.h>
#include <stdio.h>

#include "layers/weights.h"
#include "norm/norm.h"

typedef struct {
    int64_t features;
    double eps, momentum;
} batch_norm;

enum { RUNNING_MEAN, RUNNING_VAR };

/* Kept: 1/√(var + eps) and, when training, the mean of the batch. */
enum { RSTD, MEAN };

static int64_t rows_of(const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    return dnni_product(x->dims, 0, x->rank - 1);
}

static int64_t statistic_bytes(const batch_norm *s, dnn_dtype dtype) {
    return dnnk_round_up(s->features * dnn_dtype_size(dtype), DNNI_ALIGNMENT);
}

/* What is kept, or scratch in front of the kernel's where no backward will come. */
static void *statistic(const batch_norm *s, const dnn_layer_call *call, int k) {
    if (call->kept[k].data) return call->kept[k].data;
    return (char *)call->work + k * statistic_bytes(s, call->inputs[0].dtype);
}

/* Without weights, nothing else ties the running statistics to the type of the input. */
static dnn_status expect_dtype(const dnn_layer_call *call) {
    dnn_dtype input = call->inputs[0].dtype, running = call->buffers[RUNNING_MEAN].dtype;
    if (input == running) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "input is %s, running_mean is %s (dnn_module_to converts a module)",
                      dnn_dtype_name(input), dnn_dtype_name(running));
}

static dnn_status expect_input(const batch_norm *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(expect_dtype(call));
    DNNI_TRY(dnni_expect_last(call, s->features, "features"));
    if (x->rank < 2)
        return dnni_error(DNN_ERROR_SHAPE, "input has no batch axis, the layer expects (N, …, %lld) (input %s)",
                          (long long)s->features, dnni_array_shape(x).text);
    if (!call->training || rows_of(call) != 1) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "training on one value of each feature: it has no variance (input %s; "
                                       "DNN_LAST_BATCH_DROP leaves out a last batch of one)",
                      dnni_array_shape(x).text);
}

/* The backward knows ReLU's signs from x if it has it, and nothing was added. */
static void take_epilogue(const dnn_layer_call *call, dnn_layer_spec *spec) {
    spec->is = call->training ? 0 : DNN_EPILOGUE_AFFINE;
    spec->takes = DNN_EPILOGUE_ADD | DNN_EPILOGUE_RELU | DNN_EPILOGUE_BACKWARD;
    uint32_t parts = call->epilogue ? call->epilogue->parts : 0;
    bool from_x = call->training && !(parts & DNN_EPILOGUE_ADD);
    if ((parts & DNN_EPILOGUE_RELU) && !from_x) spec->backward_reads |= DNN_READS_OUTPUT(0);
}

static dnnk_batch_norm_extra extra_of(const dnn_layer_call *call) {
    const dnn_layer_epilogue *e = call->epilogue;
    if (!e) return (dnnk_batch_norm_extra){0};
    return (dnnk_batch_norm_extra){.relu = (e->parts & DNN_EPILOGUE_RELU) != 0, .addend = e->addend,
                                   .y = call->outputs[0].data, .addend_gradient = e->addend_gradient};
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const batch_norm *s = state;
    DNNI_TRY(expect_input(s, call));
    dnn_dtype dtype = call->inputs[0].dtype;
    int64_t scratch = dnnk_batch_norm_workspace(dnni_type(dtype), rows_of(call), s->features);
    dnni_output_like_input(call, spec);
    spec->flags = DNN_LAYER_INPLACE;
    spec->sees = DNN_SEES_PLACE;
    spec->n_kept = call->training ? 2 : 1;
    for (int32_t k = 0; k < spec->n_kept; k++) spec->kept[k] = dnni_array(dtype, 1, &s->features);
    if (call->training || call->n_parameters > 0) spec->backward_reads = DNN_READS_INPUT(0);
    spec->forward_work = spec->n_kept * statistic_bytes(s, dtype) + (call->training ? scratch : 0);
    spec->backward_work = scratch;
    take_epilogue(call, spec);
    spec->flops = (call->training ? 7.0 : 2.0) * (double)dnni_count(&call->inputs[0]);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const batch_norm *s = state;
    const dnn_array *x = &call->inputs[0];
    const dnnk_env *env = dnni_call_env(call);
    dnnk_type type = dnni_call_type(call);
    const void *weight = dnni_parameter_data(call, 0), *bias = dnni_parameter_data(call, 1);
    void *running_mean = call->buffers[RUNNING_MEAN].data, *running_var = call->buffers[RUNNING_VAR].data;
    void *y = call->outputs[0].data, *rstd = statistic(s, call, RSTD);
    dnnk_batch_norm_extra extra = extra_of(call);
    if (call->training) /* a repeated forward moves no statistics: the first one has */
        dnnk_batch_norm_train(env, type, rows_of(call), s->features, s->eps, s->momentum, x->data, weight, bias,
                              call->repeated ? NULL : running_mean, call->repeated ? NULL : running_var,
                              statistic(s, call, MEAN), rstd, &extra, y,
                              (char *)call->work + 2 * statistic_bytes(s, x->dtype));
    else
        dnnk_batch_norm_eval(env, type, rows_of(call), s->features, s->eps, x->data, weight, bias, running_mean,
                             running_var, rstd, &extra, y);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    const batch_norm *s = state;
    const void *mean = call->training ? call->kept[MEAN].data : call->buffers[RUNNING_MEAN].data;
    dnnk_batch_norm_extra extra = extra_of(call);
    dnnk_batch_norm_backward(dnni_call_env(call), dnni_call_type(call), rows_of(call), s->features, call->training != 0,
                             call->inputs[0].data, dnni_parameter_data(call, 0), dnni_parameter_data(call, 1), mean,
                             call->kept[RSTD].data, &extra, call->output_gradients[0].data,
                             call->input_gradients[0].data, dnni_parameter_gradient(call, 0),
                             dnni_parameter_gradient(call, 1), call->work);
    return DNN_OK;
}

/* In evaluation: y = x · scale + (beta - mean · scale), scale = gamma / √(var + eps). */
static dnn_status affine(const void *state, const dnn_layer_call *call, void *scale, void *shift) {
    const batch_norm *s = state;
    const void *weight = dnni_parameter_data(call, 0), *bias = dnni_parameter_data(call, 1);
    const dnn_array *mean = &call->buffers[RUNNING_MEAN], *var = &call->buffers[RUNNING_VAR];
    dnn_dtype dtype = mean->dtype;
    for (int64_t c = 0; c < s->features; c++) {
        double gamma = weight ? dnni_load(dtype, weight, c) : 1, beta = bias ? dnni_load(dtype, bias, c) : 0;
        double a = gamma / sqrt(dnni_load(dtype, var->data, c) + s->eps);
        dnni_store(dtype, scale, c, a);
        dnni_store(dtype, shift, c, beta - dnni_load(dtype, mean->data, c) * a);
    }
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    snprintf(text, bytes, "%lld", (long long)((const batch_norm *)state)->features);
}

static const dnn_layer_class batch_norm_class = {DNN_SIZED(dnn_layer_class), .type = "batch_norm", .shape = shape,
                                                 .forward = forward, .backward = backward, .detail = detail,
                                                 .affine = affine, .repeatable = 1};

static dnn_status read_state(batch_norm *s, const dnn_batch_norm_desc *d) {
    *s = (batch_norm){d->features, dnni_or_default(d->eps, 1e-5), dnni_or_default(d->momentum, 0.1)};
    DNNI_REQUIRE(s->features >= 1, "desc.features is %lld, it must be at least 1", (long long)s->features);
    DNNI_REQUIRE(s->eps >= 0 && isfinite(s->eps), "desc.eps is %g, it must be finite and not negative", s->eps);
    DNNI_REQUIRE(s->momentum >= 0 && s->momentum <= 1, "desc.momentum is %g, it must be from 0 to 1", s->momentum);
    return DNN_OK;
}

static void add_parameters(dnn_module *m, int64_t features, bool no_affine) {
    dnn_init one = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 1};
    if (!no_affine) {
        dnn_layer_add_parameter(m, "weight", 1, &features, &one);
        dnn_layer_add_parameter(m, "bias", 1, &features, NULL);
    }
    dnn_layer_add_buffer(m, "running_mean", 1, &features, NULL);
    dnn_layer_add_buffer(m, "running_var", 1, &features, &one);
}

dnn_module *dnn_batch_norm(dnn_context *ctx, const dnn_batch_norm_desc *desc) {
    dnn_batch_norm_desc d;
    batch_norm state;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || read_state(&state, &d) != DNN_OK) return NULL;
    dnn_module *m = dnn_layer_create(ctx, &batch_norm_class, &state, sizeof state);
    if (m) add_parameters(m, state.features, d.no_affine != 0);
    return dnni_layer_done(m);
}
