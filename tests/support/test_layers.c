#include "support/test_layers.h"

#include <math.h>
#include <string.h>

#include "core/dtype.h"

static double get(const dnn_array *a, int64_t i) { return dnni_load(a->dtype, a->data, i); }
static void put(const dnn_array *a, int64_t i, double value) { dnni_store(a->dtype, a->data, i, value); }

static dnn_status like_input(const dnn_layer_call *call, dnn_layer_spec *spec, int32_t inputs) {
    if (call->n_inputs != inputs) return dnn_fail(DNN_ERROR_SHAPE, "wrong number of inputs");
    for (int32_t i = 1; i < inputs; i++)
        if (!dnni_same_shape(&call->inputs[0], &call->inputs[i])) return dnn_fail(DNN_ERROR_SHAPE, "shapes differ");
    if (!dnni_is_real(call->inputs[0].dtype)) return dnn_fail(DNN_ERROR_DTYPE, "input is no float");
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}

#define CLASS(name_, ...) {DNN_SIZED(dnn_layer_class), .type = name_, __VA_ARGS__}
#define REPEATABLE(name_, ...) CLASS(name_, .repeatable = 1, __VA_ARGS__)

/* ---- probe ---- */

static probe_log *log_of(const void *state) { return *(probe_log *const *)state; }

static dnn_status probe_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const probe_log *log = log_of(state);
    if (log->fail_shape != DNN_OK) return dnn_fail(log->fail_shape, "the shape rule was told to fail");
    dnn_status status = like_input(call, spec, 1);
    spec->backward_reads = call->n_parameters > 0 ? DNN_READS_INPUT(0) : 0;
    spec->n_kept = 1;
    spec->kept[0] = (dnn_array){.dtype = DNN_U8, .rank = 1, .dims = {1}};
    return status;
}

static double probe_weight(const dnn_layer_call *call) { return call->n_parameters > 0 ? get(call->parameters, 0) : 1; }

static dnn_status probe_forward(const void *state, const dnn_layer_call *call) {
    probe_log *log = log_of(state);
    log->forwards++;
    log->kept_given += call->kept[0].data != NULL;
    log->trained += call->training;
    if (log->fail_forward != DNN_OK) return dnn_fail(log->fail_forward, "forward was told to fail");
    for (int64_t i = 0; i < dnni_count(call->inputs); i++)
        put(call->outputs, i, probe_weight(call) * get(call->inputs, i));
    return DNN_OK;
}

static dnn_status probe_backward(const void *state, const dnn_layer_call *call) {
    probe_log *log = log_of(state);
    const dnn_array *dy = call->output_gradients, *dx = call->input_gradients;
    const dnn_array *dw = call->n_parameters > 0 ? call->parameter_gradients : NULL;
    log->backwards++;
    log->input_wanted += dx->data != NULL;
    log->parameter_wanted += dw && dw->data;
    if (log->fail_backward != DNN_OK) return dnn_fail(log->fail_backward, "backward was told to fail");
    double sum = 0;
    for (int64_t i = 0; i < dnni_count(dy); i++) {
        if (dw && dw->data) sum += get(dy, i) * get(call->inputs, i);
        if (dx->data) put(dx, i, probe_weight(call) * get(dy, i));
    }
    if (dw && dw->data) put(dw, 0, get(dw, 0) + sum);
    return DNN_OK;
}

static void probe_release(void *state) { log_of(state)->released++; }

static const dnn_layer_class probe = CLASS("probe", .shape = probe_shape, .forward = probe_forward,
                                           .backward = probe_backward, .release = probe_release);

dnn_module *test_probe(dnn_context *ctx, probe_log *log, bool has_parameter) {
    dnn_module *m = dnn_layer_create(ctx, &probe, &log, sizeof log);
    dnn_init one = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 1};
    if (m && has_parameter) dnn_layer_add_parameter(m, "w", 1, (int64_t[]){1}, &one);
    return m;
}

/* ---- split ---- */

static dnn_status split_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    dnn_status status = like_input(call, spec, 1);
    spec->n_outputs = 2;
    spec->outputs[1] = call->inputs[0];
    spec->flags = DNN_LAYER_INPLACE;
    spec->backward_reads = DNN_READS_INPUT(0);
    return status;
}

static dnn_status split_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(call->inputs); i++) {
        double x = get(call->inputs, i);
        put(&call->outputs[0], i, 2 * x);
        put(&call->outputs[1], i, x * x);
    }
    return DNN_OK;
}

static dnn_status split_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    if (!call->input_gradients->data) return DNN_OK;
    for (int64_t i = 0; i < dnni_count(call->inputs); i++)
        put(call->input_gradients, i,
            2 * get(&call->output_gradients[0], i) + 2 * get(call->inputs, i) * get(&call->output_gradients[1], i));
    return DNN_OK;
}

static const dnn_layer_class split =
    REPEATABLE("split", .shape = split_shape, .forward = split_forward, .backward = split_backward);

dnn_module *test_split(dnn_context *ctx) { return dnn_layer_create(ctx, &split, NULL, 0); }

/* ---- multiply-add ---- */

static dnn_status fma_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->flags = DNN_LAYER_INPLACE;
    spec->backward_reads = DNN_READS_INPUT(0) | DNN_READS_INPUT(1);
    return like_input(call, spec, 3);
}

static dnn_status fma_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = call->inputs;
    for (int64_t i = 0; i < dnni_count(x); i++) put(call->outputs, i, get(&x[0], i) * get(&x[1], i) + get(&x[2], i));
    return DNN_OK;
}

static dnn_status fma_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = call->inputs, *dx = call->input_gradients;
    for (int64_t i = 0; i < dnni_count(x); i++) {
        double g = get(call->output_gradients, i);
        if (dx[0].data) put(&dx[0], i, g * get(&x[1], i));
        if (dx[1].data) put(&dx[1], i, g * get(&x[0], i));
        if (dx[2].data) put(&dx[2], i, g);
    }
    return DNN_OK;
}

static const dnn_layer_class multiply_add =
    REPEATABLE("multiply_add", .shape = fma_shape, .forward = fma_forward, .backward = fma_backward);

dnn_module *test_multiply_add(dnn_context *ctx) { return dnn_layer_create(ctx, &multiply_add, NULL, 0); }

/* ---- add reversed ---- */

static dnn_status reversed_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->flags = DNN_LAYER_INPLACE;
    return like_input(call, spec, 2);
}

static dnn_status reversed_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = call->inputs;
    int64_t n = dnni_count(x);
    for (int64_t i = 0; i < n; i++) put(call->outputs, i, get(&x[0], i) + get(&x[1], n - 1 - i));
    return DNN_OK;
}

static dnn_status reversed_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *dx = call->input_gradients;
    int64_t n = dnni_count(dx);
    for (int64_t i = 0; i < n; i++) {
        double g = get(call->output_gradients, i);
        if (dx[0].data) put(&dx[0], i, g);
        if (dx[1].data) put(&dx[1], n - 1 - i, g);
    }
    return DNN_OK;
}

static const dnn_layer_class add_reversed =
    REPEATABLE("add_reversed", .shape = reversed_shape, .forward = reversed_forward, .backward = reversed_backward);

dnn_module *test_add_reversed(dnn_context *ctx) { return dnn_layer_create(ctx, &add_reversed, NULL, 0); }

/* ---- scratch ---- */

enum { FORWARD_WORK = 300, BACKWARD_WORK = 700 };

static dnn_status scratch_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_kept = 2;
    spec->kept[0] = spec->kept[1] = call->inputs[0];
    spec->kept[1].dtype = DNN_U8;
    spec->forward_work = FORWARD_WORK;
    spec->backward_work = BACKWARD_WORK;
    return like_input(call, spec, 1);
}

static dnn_status scratch_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *x = call->inputs, *kept = call->kept;
    memset(call->work, 0xa5, FORWARD_WORK);
    for (int64_t i = 0; i < dnni_count(x); i++) {
        double v = get(x, i);
        if (kept[0].data) put(&kept[0], i, v);
        if (kept[1].data) put(&kept[1], i, v > 0);
        put(call->outputs, i, v * fabs(v));
    }
    return DNN_OK;
}

static dnn_status scratch_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *kept = call->kept, *dx = call->input_gradients;
    memset(call->work, 0x5a, BACKWARD_WORK);
    for (int64_t i = 0; dx->data && i < dnni_count(dx); i++)
        put(dx, i, get(call->output_gradients, i) * 2 * get(&kept[0], i) * (get(&kept[1], i) > 0 ? 1 : -1));
    return DNN_OK;
}

static const dnn_layer_class scratch =
    REPEATABLE("scratch", .shape = scratch_shape, .forward = scratch_forward, .backward = scratch_backward);

dnn_module *test_scratch(dnn_context *ctx) { return dnn_layer_create(ctx, &scratch, NULL, 0); }

/* ---- exp ---- */

static dnn_status exp_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->flags = DNN_LAYER_INPLACE;
    spec->backward_reads = DNN_READS_OUTPUT(0);
    return like_input(call, spec, 1);
}

static dnn_status exp_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(call->inputs); i++) put(call->outputs, i, exp(get(call->inputs, i) / 8));
    return DNN_OK;
}

static dnn_status exp_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *dx = call->input_gradients;
    for (int64_t i = 0; dx->data && i < dnni_count(dx); i++)
        put(dx, i, get(call->output_gradients, i) * get(call->outputs, i) / 8);
    return DNN_OK;
}

static const dnn_layer_class exponential =
    REPEATABLE("exp", .shape = exp_shape, .forward = exp_forward, .backward = exp_backward);

dnn_module *test_exp(dnn_context *ctx) { return dnn_layer_create(ctx, &exponential, NULL, 0); }

/* ---- signs ---- */

static dnn_status signs_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    dnn_status status = like_input(call, spec, 1);
    spec->outputs[0].dtype = DNN_I32;
    return status;
}

static dnn_status signs_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(call->inputs); i++) put(call->outputs, i, get(call->inputs, i) > 0);
    return DNN_OK;
}

static const dnn_layer_class signs = CLASS("signs", .shape = signs_shape, .forward = signs_forward);

dnn_module *test_signs(dnn_context *ctx) { return dnn_layer_create(ctx, &signs, NULL, 0); }

/* ---- random ---- */

static dnn_status random_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->flags = DNN_LAYER_RANDOM;
    return like_input(call, spec, 1);
}

static double noise(const dnn_layer_call *call) { return call->training ? (double)(call->stream & 0xffff) : 0; }

static dnn_status random_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(call->inputs); i++) put(call->outputs, i, get(call->inputs, i) + noise(call));
    return DNN_OK;
}

/* Not the derivative, but a witness that backward sees the stream of its forward. */
static dnn_status random_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *dx = call->input_gradients;
    for (int64_t i = 0; dx->data && i < dnni_count(dx); i++) put(dx, i, get(call->output_gradients, i) + noise(call));
    return DNN_OK;
}

static const dnn_layer_class random_class =
    REPEATABLE("random", .shape = random_shape, .forward = random_forward, .backward = random_backward);

dnn_module *test_random(dnn_context *ctx) { return dnn_layer_create(ctx, &random_class, NULL, 0); }

/* ---- constant ---- */

static dnn_status constant_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->parameters[0];
    return DNN_OK;
}

static dnn_status constant_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    memcpy(call->outputs->data, call->parameters->data, (size_t)dnni_bytes(call->parameters));
    return DNN_OK;
}

static dnn_status constant_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const dnn_array *dw = call->parameter_gradients;
    for (int64_t i = 0; dw->data && i < dnni_count(dw); i++) put(dw, i, get(dw, i) + get(call->output_gradients, i));
    return DNN_OK;
}

static const dnn_layer_class constant =
    REPEATABLE("constant", .shape = constant_shape, .forward = constant_forward, .backward = constant_backward);

dnn_module *test_constant(dnn_context *ctx, int64_t n) {
    dnn_module *m = dnn_layer_create(ctx, &constant, NULL, 0);
    dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    if (m) dnn_layer_add_parameter(m, "w", 1, &n, &init);
    return m;
}
