/* Six networks against PyTorch, from the files in tests/golden/networks, which make.py there explains: the first
 * output, its gradients, the losses of 100 steps, the parameters after them. In float64 and float32. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/golden_networks.h"
#include "support/running.h"

enum { BATCHES = 4, STEPS = 100, MAX_INPUTS = 2 };

/* What may differ, relative to the largest number of a tensor (or to 1 % of the largest of all gradients): what is
 * computed once, what 100 steps have carried on. Losses: relative to 1. */
typedef struct tolerances {
    double once, trained, losses;
} tolerances;

typedef struct network {
    const char *name;
    dnn_module *(*make)(dnn_context *ctx);
    dnn_status (*loss)(dnn_loss **out, dnn_context *ctx);
    dnn_status (*optimizer)(dnn_optimizer **out, dnn_module *net);
    dnn_flattened flattened;
    tolerances f64, f32;
} network;

/* ---- losses ---- */

static dnn_status cross_entropy(dnn_loss **out, dnn_context *ctx) { return dnn_cross_entropy_create(out, ctx, NULL); }

static dnn_status smoothed(dnn_loss **out, dnn_context *ctx) {
    dnn_cross_entropy_desc desc = {DNN_SIZED(dnn_cross_entropy_desc), .label_smoothing = 0.125};
    return dnn_cross_entropy_create(out, ctx, &desc);
}

static dnn_status weighted_bce(dnn_loss **out, dnn_context *ctx) {
    static const double weights[] = {2, 0.5, 1};
    dnn_bce_with_logits_desc desc = {DNN_SIZED(dnn_bce_with_logits_desc), .pos_weight = weights, .n_pos_weight = 3};
    return dnn_bce_with_logits_create(out, ctx, &desc);
}

static dnn_status huber(dnn_loss **out, dnn_context *ctx) {
    return dnn_huber_create(out, ctx, &(dnn_huber_desc){DNN_SIZED(dnn_huber_desc), .delta = 0.75});
}

/* ---- optimizers ---- */

static dnn_status plain_adam(dnn_optimizer **out, dnn_module *net) {
    return dnn_adam_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.01});
}

static dnn_status fast_adam(dnn_optimizer **out, dnn_module *net) {
    dnn_adam_desc desc = {DNN_SIZED(dnn_adam_desc), .lr = 0.003, .beta1 = 0.8, .beta2 = 0.98};
    return dnn_adam_create(out, net, &desc);
}

static dnn_status momentum(dnn_optimizer **out, dnn_module *net) {
    dnn_sgd_desc desc = {DNN_SIZED(dnn_sgd_desc), .lr = 0.02, .momentum = 0.9, .weight_decay = 0.01};
    return dnn_sgd_create(out, net, &desc);
}

static dnn_status clipped_adamw(dnn_optimizer **out, dnn_module *net) {
    dnn_adam_desc desc = {DNN_SIZED(dnn_adam_desc), .lr = 0.005, .weight_decay = 0.05};
    dnn_status status = dnn_adamw_create(out, net, &desc);
    return status == DNN_OK ? dnn_optimizer_clip_norm(*out, 1) : status;
}

static dnn_status plain_adamw(dnn_optimizer **out, dnn_module *net) {
    return dnn_adamw_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.01});
}

static dnn_status nesterov(dnn_optimizer **out, dnn_module *net) {
    dnn_sgd_desc desc = {DNN_SIZED(dnn_sgd_desc), .lr = 0.05, .momentum = 0.8, .weight_decay = 0.01, .nesterov = 1};
    dnn_group_desc biases = {DNN_SIZED(dnn_group_desc), .weight_decay = DNN_ZERO};
    dnn_status status = dnn_sgd_create(out, net, &desc);
    if (status == DNN_OK) status = dnn_optimizer_group(*out, "*.bias", &biases);
    return status == DNN_OK ? dnn_optimizer_clip_norm(*out, 0.5) : status;
}

#define F64 {1e-13, 1e-12, 1e-12}
#define F32 {1e-5, 1e-4, 1e-5}

static const network networks[] = {
    {"mlp", golden_mlp, smoothed, plain_adam, {0}, F64, F32},
    {"max_pool", golden_max_pool, cross_entropy, momentum, {"fc.weight", 2, 3, 6}, F64, F32},
    {"residual", golden_residual, cross_entropy, clipped_adamw, {0}, F64, F32},
    {"attention", golden_attention, cross_entropy, fast_adam, {0}, F64, F32},
    {"depthwise", golden_depthwise, weighted_bce, plain_adamw, {0}, F64, F32},
    {"regression", golden_regression, huber, nesterov, {0}, F64, F32},
};
enum { NETWORKS = sizeof networks / sizeof *networks };

/* ---- one network at work ---- */

typedef struct setting {
    const network *n;
    dnn_context *ctx;
    dnn_dtype dtype;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_archive *record;
    dnn_tensor *inputs[MAX_INPUTS], *target; /* all batches */
    int32_t n_inputs;
    double worst_once, worst_trained, worst_loss; /* shares of what is allowed */
} setting;

static char path_text[512];

static const char *file_of(const network *n, const char *kind) {
    snprintf(path_text, sizeof path_text, TEST_FOLDER "/golden/networks/%s.%s.safetensors", n->name, kind);
    return path_text;
}

static dnn_tensor *recorded(const setting *s, const char *name) {
    dnn_tensor *t;
    if (dnn_archive_tensor(&t, s->record, name) != DNN_OK) fail_msg("%s: %s", s->n->name, dnn_last_error());
    return t;
}

/* Floats become the network's type. */
static dnn_tensor *data_of(const setting *s, const char *name) {
    dnn_tensor *stored = recorded(s, name), *t = stored;
    if (dnn_tensor_dtype(stored) == DNN_F32 && s->dtype != DNN_F32) {
        assert_int_equal(dnn_tensor_cast(&t, stored, s->dtype, DNN_CAST_EXACT, NULL), DNN_OK);
        dnn_tensor_release(stored);
    }
    return t;
}

static void load_start(setting *s) {
    dnn_weights_load_desc desc = {DNN_SIZED(dnn_weights_load_desc), .layout = DNN_LAYOUT_TORCH,
                                  .flags = DNN_WEIGHTS_ALLOW_CAST, .flattened = &s->n->flattened,
                                  .n_flattened = s->n->flattened.path != NULL};
    if (dnn_weights_load(s->net, file_of(s->n, "start"), &desc) != DNN_OK) fail_msg("%s", dnn_last_error());
}

static setting set_up(const network *n, dnn_context *ctx, dnn_dtype dtype) {
    setting s = {.n = n, .ctx = ctx, .dtype = dtype, .n_inputs = n->make == golden_attention ? 2 : 1};
    s.net = n->make(s.ctx);
    if (dnn_module_error(s.net) != DNN_OK) fail_msg("%s: %s", n->name, dnn_last_error());
    assert_int_equal(dnn_module_to(s.net, dtype), DNN_OK);
    load_start(&s);
    if (dnn_safetensors_read(&s.record, s.ctx, file_of(n, "run")) != DNN_OK) fail_msg("%s", dnn_last_error());
    assert_int_equal(n->loss(&s.loss, s.ctx), DNN_OK);
    assert_int_equal(n->optimizer(&s.opt, s.net), DNN_OK);
    for (int32_t i = 0; i < s.n_inputs; i++) s.inputs[i] = data_of(&s, i == 0 ? "input.0" : "input.1");
    s.target = data_of(&s, "target");
    return s;
}

static void tear_down(setting *s) {
    for (int32_t i = 0; i < s->n_inputs; i++) dnn_tensor_release(s->inputs[i]);
    dnn_tensor_release(s->target);
    dnn_archive_release(s->record);
    dnn_optimizer_release(s->opt);
    dnn_loss_release(s->loss);
    dnn_module_release(s->net);
}

static dnn_tensor *batch_of(dnn_tensor *t, int64_t step) {
    dnn_tensor *view;
    int64_t count = dnn_tensor_dim(t, 0) / BATCHES;
    assert_int_equal(dnn_tensor_slice(&view, t, step % BATCHES * count, count), DNN_OK);
    return view;
}

static const dnn_tensor *forward(setting *s, int64_t step) {
    dnn_tensor *batch[MAX_INPUTS];
    const dnn_tensor *y;
    for (int32_t i = 0; i < s->n_inputs; i++) batch[i] = batch_of(s->inputs[i], step);
    dnn_status status = dnn_module_forward_n(s->net, (const dnn_tensor *const *)batch, s->n_inputs, &y, 1);
    if (status != DNN_OK) fail_msg("%s: %s", s->n->name, dnn_last_error());
    for (int32_t i = 0; i < s->n_inputs; i++) dnn_tensor_release(batch[i]);
    return y;
}

/* Forward, loss, backward of a step's batch. */
static double run(setting *s, int64_t step, const dnn_tensor **y, const dnn_tensor **gradients) {
    double value;
    const dnn_tensor *dy;
    dnn_tensor *target = batch_of(s->target, step);
    *y = forward(s, step);
    if (dnn_loss_evaluate(s->loss, *y, target, &value, &dy) != DNN_OK) fail_msg("%s", dnn_last_error());
    dnn_status status = dnn_module_backward_n(s->net, &dy, 1, gradients, gradients ? s->n_inputs : 0);
    if (status != DNN_OK) fail_msg("%s: %s", s->n->name, dnn_last_error());
    dnn_tensor_release(target);
    return value;
}

/* ---- comparing ---- */

static const tolerances *allowed(const setting *s) { return s->dtype == DNN_F64 ? &s->n->f64 : &s->n->f32; }

static double largest(const dnn_tensor *t) {
    double most = 0;
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) most = fmax(most, fabs(tensor_at(t, i)));
    return most;
}

/* Notes the distance in *worst; `size` is what it is relative to, if that is more than the largest number. */
static void compare(setting *s, const dnn_tensor *got, const char *name, double size, double tolerance, double *worst) {
    dnn_tensor *want = recorded(s, name);
    size = fmax(size, largest(want));
    expect_shape(got, dnn_tensor_rank(want), dnn_tensor_dims(want));
    for (int64_t i = 0; i < dnn_tensor_count(want); i++) {
        double error = fabs(tensor_at(got, i) - tensor_at(want, i)) / size;
        if (!(error <= tolerance))
            fail_msg("%s, %s, %s, element %lld: %.17g, expected %.17g, error %.2g", s->n->name,
                     dnn_dtype_name(s->dtype), name, (long long)i, tensor_at(got, i), tensor_at(want, i), error);
        *worst = fmax(*worst, error / tolerance);
    }
    dnn_tensor_release(want);
}

/* Of all parameters (and buffers): "gradient.…" or "final.…". */
static void compare_parameters(setting *s, bool gradients, double size, double tolerance, double *worst) {
    char name[128];
    for (int64_t i = 0; i < dnn_module_parameter_count(s->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(s->net, i, &p), DNN_OK);
        if (gradients && p.is_buffer) continue;
        snprintf(name, sizeof name, "%s.%s", gradients ? "gradient" : "final", p.path);
        compare(s, gradients ? p.gradient : p.value, name, size, tolerance, worst);
    }
}

/* 1 % of the largest number in all gradients: much smaller ones may be nothing but rounding. */
static double gradient_size(const setting *s) {
    double most = 0;
    for (int64_t i = 0; i < dnn_archive_count(s->record); i++) {
        const char *name = dnn_archive_name(s->record, i);
        if (strncmp(name, "gradient.", strlen("gradient.")) != 0) continue;
        dnn_tensor *t = recorded(s, name);
        most = fmax(most, largest(t));
        dnn_tensor_release(t);
    }
    return 0.01 * most;
}

/* Running statistics move; the weights are loaded once more after it. */
static void compare_first_batch(setting *s) {
    const dnn_tensor *y, *gradients[MAX_INPUTS];
    const double once = allowed(s)->once, size = gradient_size(s);
    assert_int_equal(dnn_module_set_gradients(s->net, DNN_GRADIENTS_INPUTS), DNN_OK);
    run(s, 0, &y, gradients);
    compare(s, y, "output", 0, once, &s->worst_once);
    compare_parameters(s, true, size, once, &s->worst_once);
    if (gradients[0]) compare(s, gradients[0], "gradient.input.0", size, once, &s->worst_once);
    assert_int_equal(dnn_module_set_gradients(s->net, DNN_GRADIENTS_DEFAULT), DNN_OK);
    load_start(s);
}

static void compare_training(setting *s) {
    const dnn_tensor *y;
    dnn_tensor *losses = recorded(s, "losses");
    const tolerances *t = allowed(s);
    for (int64_t step = 0; step < STEPS; step++) {
        assert_int_equal(dnn_optimizer_zero_grad(s->opt), DNN_OK);
        double value = run(s, step, &y, NULL), error = fabs(value - tensor_at(losses, step));
        if (!(error <= t->losses))
            fail_msg("%s, %s, loss of step %lld: %.17g, expected %.17g", s->n->name, dnn_dtype_name(s->dtype),
                     (long long)step, value, tensor_at(losses, step));
        s->worst_loss = fmax(s->worst_loss, error / t->losses);
        if (dnn_optimizer_step(s->opt) != DNN_OK) fail_msg("%s: %s", s->n->name, dnn_last_error());
    }
    dnn_tensor_release(losses);
    compare_parameters(s, false, 0, t->trained, &s->worst_trained);
    assert_int_equal(dnn_module_eval(s->net), DNN_OK);
    compare(s, forward(s, 0), "evaluated", 0, t->trained, &s->worst_trained);
}

typedef struct worst {
    double once, losses, trained;
} worst;

static void check(const network *n, dnn_context *ctx, dnn_dtype dtype, worst *w) {
    setting s = set_up(n, ctx, dtype);
    compare_first_batch(&s);
    compare_training(&s);
    const tolerances *t = allowed(&s);
    w->once = fmax(w->once, s.worst_once * t->once);
    w->losses = fmax(w->losses, s.worst_loss * t->losses);
    w->trained = fmax(w->trained, s.worst_trained * t->trained);
    tear_down(&s);
}

/* With every instruction set that this machine runs. */
static void check_all(dnn_dtype dtype) {
    static const dnn_isa isas[] = {DNN_ISA_PORTABLE, DNN_ISA_AVX2, DNN_ISA_AVX512};
    worst w = {0};
    for (int k = 0; k < 3; k++) {
        dnn_context *ctx;
        dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 2, .isa = isas[k]};
        if (dnn_context_create(&ctx, &desc) == DNN_ERROR_UNSUPPORTED) continue;
        for (int i = 0; i < NETWORKS; i++) check(&networks[i], ctx, dtype, &w);
        dnn_context_release(ctx);
    }
    print_message("%s: once %.1e, losses %.1e, after %d steps %.1e\n", dnn_dtype_name(dtype), w.once, w.losses, STEPS,
                  w.trained);
}

static void in_float64(void **state) {
    (void)state;
    check_all(DNN_F64);
}

static void in_float32(void **state) {
    (void)state;
    check_all(DNN_F32);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_float64), cmocka_unit_test(in_float32)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
