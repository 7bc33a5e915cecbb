/* Runs with a mistake each, and what the monitor calls it; what it can be asked; memory that fails. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/running.h"
#include "support/watched_run.h"

static watched_run r;

static void start(dnn_module *(*make)(dnn_context *ctx)) {
    assert_int_equal(watched_start(&r, NULL, 1, 0), DNN_OK);
    r.net = make(r.ctx);
    assert_int_equal(dnn_module_error(r.net), DNN_OK);
}

static dnn_module *mlp(dnn_context *ctx) { return watched_mlp(ctx, false, false); }
static dnn_module *with_norm(dnn_context *ctx) { return watched_mlp(ctx, true, true); }

static void use_sgd(double lr, double momentum, double decay) {
    dnn_sgd_desc d = {DNN_SIZED(dnn_sgd_desc), .lr = lr, .momentum = momentum, .weight_decay = decay};
    assert_int_equal(dnn_sgd_create(&r.opt, r.net, &d), DNN_OK);
}

static void use_adam(double lr) {
    assert_int_equal(dnn_adam_create(&r.opt, r.net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = lr}), DNN_OK);
}

static void watch(const dnn_monitor_desc *desc) {
    assert_int_equal(dnn_monitor_create(&r.monitor, r.net, r.opt, desc), DNN_OK);
}

static dnn_report *report(void) {
    dnn_report *out;
    assert_int_equal(dnn_monitor_report(&out, r.monitor), DNN_OK);
    return out;
}

/* That it is found, and said once; with `only`, that nothing else is. */
static void expect_found(const char *name, dnn_severity severity, const char *set, bool only) {
    dnn_report *found = report();
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    if (dnn_report_find(found, name, &f) != DNN_OK) fail_msg("no %s in: %s", name, dnn_report_text(found));
    assert_int_equal(f.severity, severity);
    if (set) assert_string_equal(f.set, set);
    assert_true(strlen(f.what) > 20 && strlen(f.action) > 20 && strstr(f.how, "seen "));
    if (only && dnn_report_findings(found) != 1) fail_msg("more than %s: %s", name, dnn_report_text(found));
    const char *line = strstr(r.log, name);
    assert_non_null(line);
    assert_null(strstr(line + 1, name));
    dnn_report_release(found);
}

static void run(int64_t steps) {
    dnn_status status = watched_train(&r, steps);
    if (status != DNN_OK) fail_msg("%s", dnn_last_error());
}

/* ---- the loss ---- */

static void test_not_finite(void **state) {
    (void)state;
    char path[] = "/tmp/dnn-monitor-XXXXXX";
    int descriptor = mkstemp(path);
    close(descriptor);
    unlink(path);
    start(mlp);
    use_sgd(0.05, 0, 0);
    r.fault = NOT_A_NUMBER;
    watch(&(dnn_monitor_desc){DNN_SIZED(dnn_monitor_desc), .replay = path});
    run(31);
    expect_found("diverged", DNN_SEVERITY_ERROR, NULL, false);
    dnn_report *found = report();
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    assert_int_equal(dnn_report_find(found, "not-finite-input", &f), DNN_OK); /* the weights were still good */
    assert_int_equal(f.samples[0], 3);
    assert_int_equal(access(path, R_OK), 0);
    dnn_report_release(found);
    unlink(path);
    watched_end(&r);
}

static void test_diverged(void **state) {
    (void)state;
    start(mlp);
    use_sgd(0.05, 0.9, 0);
    watch(NULL);
    run(100);
    assert_int_equal(dnn_optimizer_set_lr(r.opt, 3), DNN_OK);
    run(60);
    expect_found("diverged", DNN_SEVERITY_ERROR, NULL, false);
    watched_end(&r);
}

/* A rate that is far too high from the first step on. */
static void test_blown_up(void **state) {
    (void)state;
    start(mlp);
    use_adam(1);
    watch(NULL);
    run(30);
    expect_found("diverged", DNN_SEVERITY_ERROR, NULL, true);
    watched_end(&r);
}

static void test_spikes(void **state) {
    (void)state;
    start(mlp);
    use_sgd(0.01, 0, 0);
    watch(NULL);
    r.fault = BIG_BATCH;
    run(151);
    expect_found("loss-spike", DNN_SEVERITY_WARNING, NULL, false);
    expect_found("gradient-spike", DNN_SEVERITY_WARNING, NULL, false);
    watched_end(&r);
}

static void test_stuck(void **state) {
    (void)state;
    start(mlp);
    use_adam(1e-6);
    watch(NULL);
    run(300);
    expect_found("loss-stuck", DNN_SEVERITY_WARNING, NULL, false);
    expect_found("updates-too-small", DNN_SEVERITY_WARNING, NULL, false);
    watched_end(&r);
}

/* Batches in the order in which they came before; three of them over and over are no epochs. */
static void test_same_order(void **state) {
    (void)state;
    for (int batches = 3; batches <= WATCHED_BATCHES; batches += WATCHED_BATCHES - 3) {
        start(mlp);
        use_sgd(0.05, 0, 0);
        watch(NULL);
        for (int i = 0; i < 2 * WATCHED_BATCHES + 8; i++) {
            const dnn_tensor *x = r.x[i % batches];
            assert_int_equal(dnn_monitor_step_n(r.monitor, 1 + 0.01 * (i % 3), &x, 1), DNN_OK);
        }
        if (batches > 3) expect_found("same-every-epoch", DNN_SEVERITY_WARNING, NULL, false);
        else {
            dnn_report *report;
            assert_int_equal(dnn_monitor_report(&report, r.monitor), DNN_OK);
            assert_int_equal(dnn_report_find(report, "same-every-epoch", NULL), DNN_ERROR_NOT_FOUND);
            dnn_report_release(report);
        }
        watched_end(&r);
    }
}

/* The same bits again and again: nothing of the network gets anywhere. */
static void test_exactly_stuck(void **state) {
    (void)state;
    start(mlp);
    use_sgd(0.05, 0, 0);
    watch(NULL);
    for (int i = 0; i < 60; i++) assert_int_equal(dnn_monitor_step(r.monitor, 1.25), DNN_OK);
    expect_found("loss-stuck", DNN_SEVERITY_WARNING, NULL, true);
    assert_non_null(strstr(r.log, "exactly 1.25 for 50 steps"));
    watched_end(&r);
}

/* ---- weights and gradients ---- */

static void test_too_large(void **state) {
    (void)state;
    start(mlp);
    use_adam(0.3);
    watch(NULL);
    run(30);
    expect_found("updates-too-large", DNN_SEVERITY_WARNING, NULL, false);
    watched_end(&r);
}

static dnn_module *deep(dnn_context *ctx) {
    dnn_module *net;
    char name[16];
    dnn_linear_desc square = {DNN_SIZED(dnn_linear_desc), .in_features = 8, .out_features = 8};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = 8, .out_features = WATCHED_CLASSES};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "fc%d", i);
        dnn_sequential_add(net, name, dnn_linear(ctx, &square));
        snprintf(name, sizeof name, "s%d", i);
        dnn_sequential_add(net, name, dnn_sigmoid(ctx));
    }
    dnn_sequential_add(net, "out", dnn_linear(ctx, &out));
    return net;
}

static void test_vanishing(void **state) {
    (void)state;
    start(deep);
    use_sgd(0.1, 0, 0);
    watch(NULL);
    run(100);
    expect_found("vanishing-gradient", DNN_SEVERITY_WARNING, "fc0.weight", true);
    watched_end(&r);
}

/* Of a 3×3 kernel on images of one pixel only the centre has a gradient: a sample that misses it proves nothing. */
static void test_hidden_gradient(void **state) {
    (void)state;
    assert_int_equal(watched_start(&r, NULL, 1, 0), DNN_OK);
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 256, .out_channels = 16, .kernel = {3}, .padding = 1};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 16, .out_features = 4};
    assert_int_equal(dnn_sequential_create(&r.net, r.ctx), DNN_OK);
    dnn_sequential_add(r.net, "conv", dnn_conv2d(r.ctx, &conv));
    dnn_sequential_add(r.net, "flat", dnn_flatten(r.ctx));
    dnn_sequential_add(r.net, "fc", dnn_linear(r.ctx, &fc));
    use_sgd(1e-4, 0, 0);
    watch(&(dnn_monitor_desc){DNN_SIZED(dnn_monitor_desc), .window = 5});
    dnn_tensor *x = tensor_normal(r.ctx, DNN_F32, DIMS(8, 1, 1, 256), 3), *dy = tensor_normal(r.ctx, DNN_F32, DIMS(8, 4), 4);
    for (int i = 0; i < 5; i++) {
        const dnn_tensor *y;
        assert_int_equal(dnn_optimizer_zero_grad(r.opt), DNN_OK);
        assert_int_equal(dnn_module_forward(r.net, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, 1), DNN_OK);
        assert_int_equal(dnn_optimizer_step(r.opt), DNN_OK);
    }
    assert_int_equal(dnn_monitor_worst(r.monitor), DNN_SEVERITY_NONE);
    dnn_tensor_release(dy);
    dnn_tensor_release(x);
    watched_end(&r);
}

static void test_decay(void **state) {
    (void)state;
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        dnn_adam_desc d = {DNN_SIZED(dnn_adam_desc), .lr = 0.01, .weight_decay = 30};
        start(mlp);
        if (decoupled) assert_int_equal(dnn_adamw_create(&r.opt, r.net, &d), DNN_OK);
        else use_sgd(0.05, 0, 1);
        watch(NULL);
        run(100);
        expect_found("decay-crushes-weights", DNN_SEVERITY_ERROR, NULL, false);
        watched_end(&r);
    }
}

static void kill_units(int64_t n) {
    dnn_tensor *bias = value_of(r.net, "fc1.bias");
    for (int64_t i = 0; i < n; i++) tensor_put(bias, i, -100);
}

static void test_dead(void **state) {
    (void)state;
    for (int many = 0; many < 2; many++) {
        start(mlp);
        use_sgd(0.01, 0, 0);
        watch(NULL);
        kill_units(many ? 16 : 5);
        run(100);
        expect_found("dead-units", many ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "relu1", true);
        watched_end(&r);
    }
}

/* A convolution that does its ReLU on the way. */
static dnn_module *fused(dnn_context *ctx) {
    dnn_module *net;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 8, .kernel = {3}};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 32, .out_features = 4};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "flat", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &fc));
    return net;
}

static void test_dead_channels(void **state) {
    (void)state;
    start(fused);
    use_sgd(0.01, 0, 0);
    watch(NULL);
    for (int64_t i = 0; i < 4; i++) tensor_put(value_of(r.net, "conv.bias"), i, -100);
    dnn_tensor *x = tensor_normal(r.ctx, DNN_F32, DIMS(64, 4, 4, 1), 3), *dy = tensor_normal(r.ctx, DNN_F32, DIMS(64, 4), 4);
    for (int i = 0; i < 20; i++) {
        const dnn_tensor *y;
        assert_int_equal(dnn_optimizer_zero_grad(r.opt), DNN_OK);
        assert_int_equal(dnn_module_forward(r.net, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, i), DNN_OK);
    }
    expect_found("dead-units", DNN_SEVERITY_ERROR, "relu", true);
    dnn_tensor_release(dy);
    dnn_tensor_release(x);
    watched_end(&r);
}

/* ---- the loop ---- */

static void expect_of_loop(watched_fault fault, const char *name, dnn_module *(*net)(dnn_context *), bool after,
                           dnn_severity severity) {
    start(net);
    use_sgd(0.02, 0, 0);
    watch(NULL);
    r.fault = fault;
    r.after = after;
    run(45);
    expect_found(name, severity, NULL, true);
    watched_end(&r);
}

static void test_loop(void **state) {
    (void)state;
    for (int after = 0; after < 2; after++) {
        expect_of_loop(NEVER_CLEARED, "gradients-not-cleared", mlp, after, DNN_SEVERITY_ERROR);
        expect_of_loop(STEP_FIRST, "step-without-backward", mlp, after, DNN_SEVERITY_ERROR);
        expect_of_loop(TRAIN_WHILE_EVALUATING, "evaluating-in-train-mode", with_norm, after, DNN_SEVERITY_ERROR);
        expect_of_loop(TRAIN_WHILE_EVALUATING, "evaluating-in-train-mode", mlp, after, DNN_SEVERITY_NOTE);
        expect_of_loop(EVAL_WHILE_TRAINING, "training-in-eval-mode", with_norm, after, DNN_SEVERITY_ERROR);
    }
}

/* Without DNN_GRADIENTS_EVAL the backward says so itself; a host that does not listen steps on nothing. */
static void test_deaf_host(void **state) {
    (void)state;
    start(with_norm);
    use_sgd(0.02, 0, 0);
    watch(NULL);
    assert_int_equal(dnn_module_eval(r.net), DNN_OK);
    for (int i = 0; i < 3; i++) {
        const dnn_tensor *y, *dy;
        assert_int_equal(dnn_module_forward(r.net, r.x[0], &y), DNN_OK);
        assert_int_equal(dnn_loss_evaluate(r.loss, y, r.target[0], &r.value, &dy), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_ERROR_STATE);
        assert_int_equal(dnn_optimizer_step(r.opt), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, r.value), DNN_OK);
    }
    expect_found("training-in-eval-mode", DNN_SEVERITY_ERROR, NULL, true);
    watched_end(&r);
}

static void test_owners(void **state) {
    (void)state;
    dnn_optimizer *head;
    start(mlp);
    assert_int_equal(dnn_sgd_create(&r.opt, dnn_module_find(r.net, "fc2"), NULL), DNN_OK);
    assert_int_equal(dnn_sgd_create(&head, dnn_module_find(r.net, "fc3"), NULL), DNN_OK);
    watch(NULL);
    run(2);
    expect_found("parameters-without-optimizer", DNN_SEVERITY_WARNING, "fc1.weight", true);
    dnn_monitor_release(r.monitor);
    assert_int_equal(dnn_module_freeze(r.net, "fc1.*"), DNN_OK); /* what is frozen needs none */
    watch(NULL);
    assert_int_equal(dnn_monitor_add_optimizer(r.monitor, head), DNN_OK);
    dnn_optimizer_release(head); /* the monitor holds it */
    run(3);
    assert_int_equal(dnn_monitor_worst(r.monitor), DNN_SEVERITY_NONE);
    watched_end(&r);
}

/* ---- what can be asked ---- */

static void test_ignore(void **state) {
    (void)state;
    static const char *const names[] = {"gradients-not-cleared"}, *const wrong[] = {"no-such-thing"};
    start(mlp);
    use_sgd(0.02, 0, 0);
    r.fault = NEVER_CLEARED;
    watch(&(dnn_monitor_desc){DNN_SIZED(dnn_monitor_desc), .ignore = names, .n_ignore = 1});
    run(10);
    assert_int_equal(dnn_monitor_worst(r.monitor), DNN_SEVERITY_NONE);
    dnn_monitor_desc d = {DNN_SIZED(dnn_monitor_desc), .ignore = wrong, .n_ignore = 1};
    dnn_monitor *other;
    expect_error(dnn_monitor_create(&other, r.net, r.opt, &d), DNN_ERROR_NOT_FOUND,
                 "desc.ignore[0]: no finding is called \"no-such-thing\"");
    watched_end(&r);
}

static void test_figures(void **state) {
    (void)state;
    dnn_monitor_figures f = {DNN_SIZED(dnn_monitor_figures)};
    start(mlp);
    use_sgd(0.05, 0, 0);
    assert_int_equal(dnn_optimizer_clip_norm(r.opt, (double)INFINITY), DNN_OK);
    watch(NULL);
    assert_int_equal(dnn_monitor_figures_get(r.monitor, &f), DNN_OK);
    assert_true(f.steps == 0 && isnan(f.loss) && isnan(f.update_ratio));
    r.after = true;
    run(40);
    assert_int_equal(dnn_monitor_figures_get(r.monitor, &f), DNN_OK);
    assert_true(f.steps == 40 && f.loss == r.value && f.lr == 0.05 && isfinite(f.validation));
    assert_true(f.smoothed > f.loss / 4 && f.best <= f.smoothed);
    double norm = dnn_optimizer_gradient_norm(r.opt); /* small tensors are not sampled */
    assert_true(fabs(f.gradient_norm - norm) <= 1e-9 * norm);
    assert_true(f.update_ratio > 1e-4 && f.update_ratio < 1e-1);
    watched_end(&r);
}

/* Δw of SGD is the rate times the gradient; samples of a large tensor stand for all of it. */
static void test_sampling(void **state) {
    (void)state;
    dnn_monitor_figures f = {DNN_SIZED(dnn_monitor_figures)};
    dnn_linear_desc d = {DNN_SIZED(dnn_linear_desc), .in_features = 300, .out_features = 200, .no_bias = 1};
    assert_int_equal(watched_start(&r, NULL, 1, 0), DNN_OK);
    r.net = dnn_linear(r.ctx, &d);
    use_sgd(0.1, 0, 0);
    assert_int_equal(dnn_optimizer_clip_norm(r.opt, (double)INFINITY), DNN_OK);
    watch(NULL);
    dnn_tensor *x = tensor_normal(r.ctx, DNN_F32, DIMS(64, 300), 3), *dy = tensor_normal(r.ctx, DNN_F32, DIMS(64, 200), 4);
    const dnn_tensor *y;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnn_optimizer_zero_grad(r.opt), DNN_OK);
        assert_int_equal(dnn_module_forward(r.net, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_OK);
        assert_int_equal(dnn_optimizer_step(r.opt), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, 1), DNN_OK);
    }
    assert_int_equal(dnn_monitor_figures_get(r.monitor, &f), DNN_OK);
    double norm = dnn_optimizer_gradient_norm(r.opt), weight = sqrt(dot(value_of(r.net, "weight"), value_of(r.net, "weight")));
    assert_true(fabs(f.gradient_norm / norm - 1) < 0.05);
    assert_true(fabs(f.update_ratio / (0.1 * norm / weight) - 1) < 0.05);
    dnn_tensor_release(dy);
    dnn_tensor_release(x);
    watched_end(&r);
}

/* 20 steps in 8 rows: every fourth is left. */
static void test_history(void **state) {
    (void)state;
    dnn_tensor *history;
    start(mlp);
    use_sgd(0.05, 0, 0);
    watch(&(dnn_monitor_desc){DNN_SIZED(dnn_monitor_desc), .history = 8});
    run(20);
    assert_int_equal(dnn_monitor_history(&history, r.monitor), DNN_OK);
    expect_shape(history, DIMS(5, 6));
    for (int64_t i = 0; i < 5; i++) assert_true(tensor_at(history, 6 * i) == (double)(1 + 4 * i));
    assert_true(isnan(tensor_at(history, 4)) && tensor_at(history, 6 * 4 + 4) > 0);
    dnn_tensor_release(history);
    watched_end(&r);
}

static void test_changed_module(void **state) {
    (void)state;
    start(mlp);
    use_sgd(0.05, 0, 0);
    watch(NULL);
    run(2);
    assert_int_equal(dnn_module_to(r.net, DNN_F64), DNN_OK);
    expect_error(dnn_monitor_step(r.monitor, 1), DNN_ERROR_STATE, "the module has changed: make a new monitor");
    watched_end(&r);
}

/* ---- memory ---- */

static dnn_status everything(watched_run *w, const dnn_allocator *allocator) {
    dnn_report *found = NULL;
    dnn_tensor *history = NULL;
    dnn_status status = watched_start(w, allocator, 1, 0);
    if (status == DNN_OK && !(w->net = watched_mlp(w->ctx, true, true))) status = dnn_last_status();
    if (status == DNN_OK) status = dnn_module_error(w->net);
    if (status == DNN_OK) status = dnn_adam_create(&w->opt, w->net, NULL);
    if (status == DNN_OK) status = dnn_monitor_create(&w->monitor, w->net, w->opt, NULL);
    if (status == DNN_OK) status = dnn_monitor_add_optimizer(w->monitor, w->opt);
    w->fault = NOT_A_NUMBER;
    if (status == DNN_OK) status = watched_train(w, 32);
    if (status == DNN_OK) status = dnn_monitor_report(&found, w->monitor);
    if (status == DNN_OK) status = dnn_monitor_history(&history, w->monitor);
    if (status == DNN_OK && !dnn_report_text(found)) status = dnn_last_status();
    dnn_tensor_release(history);
    dnn_report_release(found);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    test_allocator memory = {0};
    dnn_allocator allocator = test_allocator_of(&memory);
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        watched_run w;
        test_allocator_arm(&memory, k, true);
        status = everything(&w, &allocator);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
        test_allocator_arm(&memory, 0, false);
        watched_end(&w);
        assert_int_equal(memory.live, 0);
    }
}

/* A step in a steady state allocates nothing. */
static void test_allocates_nothing(void **state) {
    (void)state;
    test_allocator memory = {0};
    dnn_allocator allocator = test_allocator_of(&memory);
    assert_int_equal(watched_start(&r, &allocator, 1, 0), DNN_OK);
    r.net = mlp(r.ctx);
    use_adam(1e-3);
    watch(NULL);
    run(45);
    test_allocator_arm(&memory, 0, false);
    run(120);
    assert_int_equal(memory.calls, 0);
    watched_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_finite),     cmocka_unit_test(test_diverged),
        cmocka_unit_test(test_blown_up),       cmocka_unit_test(test_spikes),
        cmocka_unit_test(test_stuck),          cmocka_unit_test(test_exactly_stuck),
        cmocka_unit_test(test_same_order),
        cmocka_unit_test(test_too_large),      cmocka_unit_test(test_vanishing),
        cmocka_unit_test(test_decay),          cmocka_unit_test(test_hidden_gradient),
                 cmocka_unit_test(test_dead),
        cmocka_unit_test(test_dead_channels),  cmocka_unit_test(test_loop),
        cmocka_unit_test(test_deaf_host),      cmocka_unit_test(test_owners),
        cmocka_unit_test(test_ignore),         cmocka_unit_test(test_figures),
        cmocka_unit_test(test_sampling),       cmocka_unit_test(test_history),
        cmocka_unit_test(test_changed_module), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
