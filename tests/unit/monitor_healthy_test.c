/* Runs that go well are not disturbed: neither by words nor in their bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/running.h"
#include "support/watched_run.h"

enum { STEPS = 450, LENGTH = 6 };

static dnn_module *mlp(dnn_context *ctx) { return watched_mlp(ctx, false, false); }
static dnn_module *with_norm(dnn_context *ctx) { return watched_mlp(ctx, true, true); }

/* 8-512-512-4: Adam's first steps are large beside such small weights. */
static dnn_module *wide(dnn_context *ctx) {
    dnn_module *net;
    dnn_linear_desc in = {DNN_SIZED(dnn_linear_desc), .in_features = WATCHED_FEATURES, .out_features = 512};
    dnn_linear_desc middle = {DNN_SIZED(dnn_linear_desc), .in_features = 512, .out_features = 512};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = 512, .out_features = WATCHED_CLASSES};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "fc1", dnn_linear(ctx, &in));
    dnn_sequential_add(net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(net, "fc2", dnn_linear(ctx, &middle));
    dnn_sequential_add(net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(net, "fc3", dnn_linear(ctx, &out));
    return net;
}

static dnn_module *end_of_sequence(dnn_module *net, dnn_context *ctx, int64_t features) {
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = features, .out_features = WATCHED_CLASSES};
    dnn_sequential_add(net, "last", dnn_slice(ctx, 1, LENGTH - 1, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &out));
    return net;
}

static dnn_module *lstm(dnn_context *ctx) {
    dnn_module *net;
    dnn_rnn_desc d = {DNN_SIZED(dnn_rnn_desc), .inputs = WATCHED_FEATURES, .hidden = 16};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "lstm", dnn_lstm(ctx, &d));
    return end_of_sequence(net, ctx, 16);
}

static dnn_module *attention(dnn_context *ctx) {
    dnn_module *net;
    dnn_multi_head_attention_desc d = {DNN_SIZED(dnn_multi_head_attention_desc), .embed = WATCHED_FEATURES, .heads = 2};
    dnn_layer_norm_desc norm = {DNN_SIZED(dnn_layer_norm_desc), .shape = {WATCHED_FEATURES}};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "attention", dnn_multi_head_attention(ctx, &d));
    dnn_sequential_add(net, "norm", dnn_layer_norm(ctx, &norm));
    return end_of_sequence(net, ctx, WATCHED_FEATURES);
}

/* ---- optimizers ---- */

static dnn_status sgd(dnn_optimizer **out, dnn_module *net) {
    return dnn_sgd_create(out, net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.05, .momentum = 0.9,
                                                    .weight_decay = 5e-4});
}
static dnn_status plain_sgd(dnn_optimizer **out, dnn_module *net) {
    return dnn_sgd_create(out, net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.1});
}
static dnn_status adam(dnn_optimizer **out, dnn_module *net) {
    return dnn_adam_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 3e-3});
}
static dnn_status slow_adam(dnn_optimizer **out, dnn_module *net) { return dnn_adam_create(out, net, NULL); }
static dnn_status adamw(dnn_optimizer **out, dnn_module *net) {
    return dnn_adamw_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 3e-3, .weight_decay = 0.1});
}
static dnn_status lion(dnn_optimizer **out, dnn_module *net) {
    return dnn_lion_create(out, net, &(dnn_lion_desc){DNN_SIZED(dnn_lion_desc), .lr = 1e-3});
}
static dnn_status clipped(dnn_optimizer **out, dnn_module *net) {
    dnn_status status = adam(out, net);
    return status == DNN_OK ? dnn_optimizer_clip_norm(*out, 1) : status;
}

typedef struct {
    const char *name;
    dnn_module *(*net)(dnn_context *ctx);
    dnn_status (*optimizer)(dnn_optimizer **out, dnn_module *net);
    dnn_schedule_desc schedule; /* lr 0: none */
    int64_t length;             /* of sequences; 0: none */
} row;

#define WARM_UP {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_COSINE, .lr = 0.1, .warmup = 1.5, .epochs = 4.5}
#define ONE_CYCLE {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_ONE_CYCLE, .lr = 0.01, .epochs = 4.5}

static const row rows[] = {
    {"sgd", mlp, sgd, .length = 0},           {"plain sgd", mlp, plain_sgd, .length = 0},
    {"adam", mlp, adam, .length = 0},         {"slow adam", mlp, slow_adam, .length = 0},
    {"adamw", mlp, adamw, .length = 0},       {"lion", mlp, lion, .length = 0},
    {"norm, sgd", with_norm, sgd, .length = 0}, {"norm, adam", with_norm, adam, .length = 0},
    {"clipped", mlp, clipped, .length = 0},   {"warm-up", mlp, plain_sgd, WARM_UP, .length = 0},
    {"one cycle", mlp, adam, ONE_CYCLE, .length = 0}, {"wide", wide, slow_adam, .length = 0},
    {"lstm", lstm, adam, .length = LENGTH},   {"attention", attention, adam, .length = LENGTH},
};

static void start(watched_run *r, const row *of, int32_t threads, bool watch) {
    assert_int_equal(watched_start(r, NULL, threads, of->length), DNN_OK);
    r->net = of->net(r->ctx);
    assert_int_equal(dnn_module_error(r->net), DNN_OK);
    assert_int_equal(of->optimizer(&r->opt, r->net), DNN_OK);
    if (of->schedule.lr > 0) assert_int_equal(dnn_schedule_create(&r->schedule, r->ctx, &of->schedule), DNN_OK);
    if (watch) assert_int_equal(dnn_monitor_create(&r->monitor, r->net, r->opt, NULL), DNN_OK);
}

/* Nothing is found, and nothing is said. */
static void test_silence(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int after = 0; after < 2; after++) {
            watched_run r;
            dnn_report *report;
            start(&r, &rows[i], 1, true);
            r.after = after;
            assert_int_equal(watched_train(&r, STEPS), DNN_OK);
            assert_int_equal(dnn_monitor_report(&report, r.monitor), DNN_OK);
            if (dnn_report_findings(report) > 0) fail_msg("%s: %s", rows[i].name, dnn_report_text(report));
            assert_string_equal(r.log, "");
            assert_int_equal(dnn_monitor_worst(r.monitor), DNN_SEVERITY_NONE);
            dnn_report_release(report);
            watched_end(&r);
        }
}

static void expect_same_run(watched_run *a, watched_run *b) {
    for (int64_t i = 0; i < dnn_module_parameter_count(a->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = p;
        assert_int_equal(dnn_module_parameter_at(a->net, i, &p), DNN_OK);
        assert_int_equal(dnn_module_parameter_at(b->net, i, &q), DNN_OK);
        expect_same_bits(p.value, q.value, p.path);
        if (!p.is_buffer) expect_same_bits(p.gradient, q.gradient, p.path);
    }
}

static void test_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        watched_run watched, alone;
        start(&watched, &rows[i], 1, true);
        start(&alone, &rows[i], 1, false);
        assert_int_equal(watched_train(&watched, 60), DNN_OK);
        assert_int_equal(watched_train(&alone, 60), DNN_OK);
        expect_same_run(&watched, &alone);
        watched_end(&alone);
        watched_end(&watched);
    }
}

/* A step that runs its own forwards and backwards, many of them. */
static dnn_status evaluate(void *user, double *value) {
    watched_run *r = user;
    const dnn_tensor *y, *dy;
    dnn_status status = dnn_optimizer_zero_grad(r->opt);
    if (status == DNN_OK) status = dnn_module_forward(r->net, r->x[0], &y);
    if (status == DNN_OK) status = dnn_loss_evaluate(r->loss, y, r->target[0], value, &dy);
    return status == DNN_OK ? dnn_module_backward(r->net, dy, NULL) : status;
}

static void test_closure(void **state) {
    (void)state;
    watched_run r;
    dnn_lbfgs_desc d = {DNN_SIZED(dnn_lbfgs_desc), .strong_wolfe = 1};
    assert_int_equal(watched_start(&r, NULL, 1, 0), DNN_OK);
    r.net = mlp(r.ctx);
    assert_int_equal(dnn_lbfgs_create(&r.opt, r.net, &d), DNN_OK);
    assert_int_equal(dnn_monitor_create(&r.monitor, r.net, r.opt, NULL), DNN_OK);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(dnn_optimizer_step_closure(r.opt, evaluate, &r, &r.value), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, r.value), DNN_OK);
    }
    assert_string_equal(r.log, "");
    watched_end(&r);
}

/* Four backwards to a step, as declared; the monitor sees each. */
static void test_accumulation(void **state) {
    (void)state;
    watched_run r;
    const dnn_tensor *y, *dy;
    start(&r, &rows[1], 1, true);
    assert_int_equal(dnn_optimizer_set_accumulation(r.opt, 4), DNN_OK);
    assert_int_equal(dnn_optimizer_set_lr(r.opt, 0.02), DNN_OK);
    for (int i = 0; i < STEPS; i++) {
        int b = i % WATCHED_BATCHES;
        if (i % 4 == 0) assert_int_equal(dnn_optimizer_zero_grad(r.opt), DNN_OK);
        assert_int_equal(dnn_module_forward(r.net, r.x[b], &y), DNN_OK);
        assert_int_equal(dnn_loss_evaluate(r.loss, y, r.target[b], &r.value, &dy), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, r.value), DNN_OK);
        if (i % 4 == 3) assert_int_equal(dnn_optimizer_step(r.opt), DNN_OK);
    }
    dnn_monitor_figures f = {DNN_SIZED(dnn_monitor_figures)};
    assert_int_equal(dnn_monitor_figures_get(r.monitor, &f), DNN_OK);
    assert_true(f.update_ratio > 0);
    assert_string_equal(r.log, "");
    watched_end(&r);
}

/* Batches of one: losses are spread over orders of magnitude, and the first one says little. */
static void batch_of_one(uint64_t seed) {
    watched_run r;
    const dnn_tensor *y, *dy;
    assert_int_equal(watched_start(&r, NULL, 1, 0), DNN_OK);
    assert_int_equal(dnn_context_seed(r.ctx, seed), DNN_OK);
    r.net = mlp(r.ctx);
    dnn_tensor *x = tensor_normal(r.ctx, DNN_F32, DIMS(1, WATCHED_FEATURES), seed);
    dnn_tensor *target = tensor_normal(r.ctx, DNN_F32, DIMS(1, WATCHED_CLASSES), seed);
    dnn_init normal = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    assert_int_equal(slow_adam(&r.opt, r.net), DNN_OK);
    dnn_loss_release(r.loss);
    assert_int_equal(dnn_mse_create(&r.loss, r.ctx, NULL), DNN_OK);
    assert_int_equal(dnn_monitor_create(&r.monitor, r.net, r.opt, NULL), DNN_OK);
    for (int i = 0; i < 300; i++) {
        assert_int_equal(dnn_tensor_fill(x, &normal), DNN_OK);
        for (int64_t c = 0; c < WATCHED_CLASSES; c++) tensor_put(target, c, tensor_at(x, c) * tensor_at(x, c + 4));
        assert_int_equal(dnn_optimizer_zero_grad(r.opt), DNN_OK);
        assert_int_equal(dnn_module_forward(r.net, x, &y), DNN_OK);
        assert_int_equal(dnn_loss_evaluate(r.loss, y, target, &r.value, &dy), DNN_OK);
        assert_int_equal(dnn_module_backward(r.net, dy, NULL), DNN_OK);
        assert_int_equal(dnn_monitor_step(r.monitor, r.value), DNN_OK);
        assert_int_equal(dnn_optimizer_step(r.opt), DNN_OK);
    }
    if (dnn_monitor_worst(r.monitor) >= DNN_SEVERITY_ERROR) fail_msg("seed %d: %s", (int)seed, r.log);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    watched_end(&r);
}

static void test_batches_of_one(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) batch_of_one(seed);
}

static void test_threads(void **state) {
    (void)state;
    watched_run one, two;
    dnn_tensor *history[2];
    start(&one, &rows[11], 1, true);
    start(&two, &rows[11], 2, true);
    assert_int_equal(watched_train(&one, 120), DNN_OK);
    assert_int_equal(watched_train(&two, 120), DNN_OK);
    assert_int_equal(dnn_monitor_history(&history[0], one.monitor), DNN_OK);
    assert_int_equal(dnn_monitor_history(&history[1], two.monitor), DNN_OK);
    expect_same_bits(history[0], history[1], "history");
    dnn_tensor_release(history[0]);
    dnn_tensor_release(history[1]);
    watched_end(&two);
    watched_end(&one);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_silence), cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_closure),
                                       cmocka_unit_test(test_batches_of_one), cmocka_unit_test(test_accumulation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
