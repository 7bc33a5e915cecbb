/* Tuning: problems whose rates are known, networks at good rates and at bad ones, and what the reports show. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"
#include "support/test_layers.h"

/* ---- a quadratic: L(w) = c² w², from w = 1, on which gradient descent diverges beyond 2/λ = 1/c² ---- */

typedef struct {
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_dataset *data;
} quadratic;

static void start(quadratic *q, double c, double rate) {
    dnn_init one = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 1};
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 1, .out_features = 1, .no_bias = 1};
    linear.weight_init = &one;
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(4, 1), (double[]){c, c, c, c});
    dnn_tensor *t = tensor_of(data_ctx, DNN_F32, DIMS(4, 1), NULL);
    q->net = dnn_linear(data_ctx, &linear);
    assert_non_null(q->net);
    OK(dnn_dataset_from_tensors(&q->data, x, t));
    OK(dnn_mse_create(&q->loss, data_ctx, NULL));
    OK(dnn_sgd_create(&q->opt, q->net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = rate > 0 ? rate : DNN_ZERO}));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

static void end(quadratic *q) {
    dnn_dataset_release(q->data);
    dnn_loss_release(q->loss);
    dnn_optimizer_release(q->opt);
    dnn_module_release(q->net);
}

static dnn_report *distance(quadratic *q, dnn_tune_divergence_result *result) {
    dnn_report *report;
    dnn_tune_divergence_desc desc = {DNN_SIZED(dnn_tune_divergence_desc), .steps = 400, .precision = 1.02};
    *result = (dnn_tune_divergence_result){DNN_SIZED(dnn_tune_divergence_result)};
    OK(dnn_tune_divergence(&report, q->net, q->loss, q->opt, q->data, &desc, result));
    return report;
}

static void test_gradient_descent_diverges_at_two_over_the_curvature(void **state) {
    (void)state;
    const double factors[] = {0.25, 0.7, 1, 4};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        quadratic q;
        dnn_tune_divergence_result r;
        double bound = 1 / (factors[i] * factors[i]);
        start(&q, factors[i], bound / 11);
        dnn_report *report = distance(&q, &r);
        assert_true(r.diverges > bound && r.diverges < 1.03 * bound);
        assert_true(r.holds > 0.97 * bound && r.holds < r.diverges && r.diverges / r.holds <= 1.02);
        assert_true(r.rate == dnn_optimizer_get_lr(q.opt));
        assert_int_equal(dnn_report_findings(report), 0);
        assert_non_null(strstr(dnn_report_text(report), ": 11.2 times below") ? "" :
                        strstr(dnn_report_text(report), ": 11.1 times below"));
        dnn_report_release(report);
        end(&q);
    }
}

/* The finding at a rate, beside a bound of 1. */
static void expect_finding(double rate, const char *name, dnn_severity severity, const char *words) {
    quadratic q;
    dnn_tune_divergence_result r;
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    start(&q, 1, rate);
    dnn_report *report = distance(&q, &r);
    if (dnn_report_find(report, name, &f) != DNN_OK) fail_msg("%g: no %s:\n%s", rate, name, dnn_report_text(report));
    assert_int_equal(f.severity, severity);
    if (!strstr(f.what, words)) fail_msg("'%s' is not in: %s", words, f.what);
    dnn_report_release(report);
    end(&q);
}

static void test_findings_about_the_rate(void **state) {
    (void)state;
    expect_finding(30, "rate-too-high", DNN_SEVERITY_ERROR, "at the optimizer's rate, 30");
    expect_finding(1.1, "rate-too-high", DNN_SEVERITY_ERROR, "at the optimizer's rate, 1.1");
    expect_finding(0.8, "rate-too-high", DNN_SEVERITY_WARNING, "0.8, is only 1.2");
    expect_finding(1e-6, "rate-too-low", DNN_SEVERITY_WARNING, "1e-06, is 1000000 times below");
    expect_finding(0, "rate-too-low", DNN_SEVERITY_WARNING, "0, is inf times below");
}

static void test_no_rate_up_to_the_highest_diverges(void **state) {
    (void)state;
    quadratic q;
    dnn_report *report;
    dnn_tune_divergence_result r = {DNN_SIZED(dnn_tune_divergence_result)};
    dnn_tune_divergence_desc desc = {DNN_SIZED(dnn_tune_divergence_desc), .high = 0.9};
    start(&q, 1, 0.1);
    OK(dnn_tune_divergence(&report, q.net, q.loss, q.opt, q.data, &desc, &r));
    assert_true(isinf(r.diverges) && r.holds == 0.9 && isfinite(r.best));
    OK(dnn_report_find(report, "never-diverges", NULL));
    assert_int_equal(dnn_report_worst(report), DNN_SEVERITY_NOTE);
    dnn_report_release(report);
    end(&q);
}

/* ---- networks, at rates that suit them and at others ---- */

enum { SIDE = 8 };

static dnn_module *network(bool convolutions) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 4, .kernel = {3}};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 4};
    int64_t flat = convolutions ? 4 * (SIDE - 2) * (SIDE - 2) : SIDE * SIDE;
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    if (convolutions) dnn_sequential_add(net, "conv", dnn_conv2d(data_ctx, &conv));
    if (convolutions) dnn_sequential_add(net, "norm", dnn_batch_norm(data_ctx, &norm));
    if (convolutions) dnn_sequential_add(net, "relu1", dnn_relu(data_ctx));
    dnn_sequential_add(net, "flat", dnn_flatten(data_ctx));
    dnn_sequential_add(net, "in", dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc),
                                                                          .in_features = flat, .out_features = 32}));
    dnn_sequential_add(net, "relu2", dnn_relu(data_ctx));
    dnn_sequential_add(net, "out", dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc),
                                                                           .in_features = 32, .out_features = 10}));
    OK(dnn_module_error(net));
    return net;
}

/* The worst finding's name; "" if there is nothing worse than a note. */
static void judge(bool convolutions, bool adam, double momentum, double rate, char name[32]) {
    quadratic q;
    dnn_report *report;
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    dnn_digits_desc digits = {DNN_SIZED(dnn_digits_desc), .count = 400, .image_size = SIDE};
    q.net = network(convolutions);
    OK(dnn_digits(&q.data, data_ctx, &digits));
    OK(dnn_cross_entropy_create(&q.loss, data_ctx, NULL));
    if (adam) OK(dnn_adam_create(&q.opt, q.net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = rate}));
    else OK(dnn_sgd_create(&q.opt, q.net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = rate, .momentum = momentum}));
    OK(dnn_tune_divergence(&report, q.net, q.loss, q.opt, q.data, NULL, NULL));
    bool found = dnn_report_finding(report, 0, &f) == DNN_OK && f.severity >= DNN_SEVERITY_WARNING;
    snprintf(name, 32, "%s", found ? f.name : "");
    dnn_report_release(report);
    end(&q);
}

static void test_healthy_rates_are_silent_and_others_are_named(void **state) {
    (void)state;
    static const struct {
        bool convolutions, adam;
        double momentum, rate;
        const char *finding;
    } cases[] = {
        {false, true, 0, 1e-3, ""}, {false, true, 0, 3e-4, ""},  {true, true, 0, 1e-3, ""},
        {false, false, 0, 0.1, ""}, {true, false, 0, 0.1, ""},   {false, false, 0.9, 0.05, ""},
        {true, false, 0.9, 0.01, ""},
        {false, true, 0, 0.5, "rate-too-high"},  {true, true, 0, 1, "rate-too-high"},
        {false, false, 0, 30, "rate-too-high"},  {false, true, 0, 1e-6, "rate-too-low"},
        {true, true, 0, 1e-5, "rate-too-low"},   {false, false, 0, 1e-4, "rate-too-low"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        judge(cases[i].convolutions, cases[i].adam, cases[i].momentum, cases[i].rate, name);
        if (strcmp(name, cases[i].finding) != 0) fail_msg("case %zu: '%s', not '%s'", i, name, cases[i].finding);
    }
}

/* ---- the range test ---- */

static dnn_report *range_of(quadratic *q, double low, double high, dnn_tune_range_result *r) {
    dnn_report *report;
    dnn_tune_range_desc desc = {DNN_SIZED(dnn_tune_range_desc), .low = low, .high = high};
    *r = (dnn_tune_range_result){DNN_SIZED(dnn_tune_range_result)};
    OK(dnn_tune_range(&report, q->net, q->loss, q->opt, q->data, &desc, r));
    return report;
}

/* A curvature 4 times as large and rates a quarter: the same run, exactly, in powers of two. */
static void test_suggestions_scale_with_the_curvature(void **state) {
    (void)state;
    dnn_tune_range_result r[2];
    for (int i = 0; i < 2; i++) {
        quadratic q;
        double scale = i == 0 ? 1 : 0.25;
        start(&q, i == 0 ? 1 : 2, 0.01);
        dnn_report *report = range_of(&q, 1e-5 * scale, 100 * scale, &r[i]);
        assert_int_equal(dnn_report_findings(report), 0);
        assert_true(r[i].ends > scale); /* smoothed, it is seen late */
        assert_true(r[i].valley > 1e-3 * scale && r[i].valley < scale);
        assert_true(r[i].steep > r[i].valley / 10 && r[i].steep < scale);
        assert_true(r[i].minimum > r[i].steep / 20 && r[i].minimum < scale);
        assert_true(r[i].points > 40 && r[i].points <= 86);
        dnn_report_release(report);
        end(&q);
    }
    assert_true(r[0].valley == 4 * r[1].valley && r[0].steep == 4 * r[1].steep && r[0].minimum == 4 * r[1].minimum);
    assert_true(r[0].ends == 4 * r[1].ends && r[0].points == r[1].points);
}

static void test_it_says_that_there_is_no_valley(void **state) {
    (void)state;
    quadratic q;
    dnn_tune_range_result r;
    start(&q, 1, 0.01);
    dnn_report *report = range_of(&q, 1e-12, 1e-9, &r);
    assert_true(isnan(r.valley) && isnan(r.steep) && isnan(r.minimum) && isinf(r.ends));
    OK(dnn_report_find(report, "no-valley", NULL));
    OK(dnn_report_find(report, "never-diverges", NULL));
    dnn_report_release(report);
    report = range_of(&q, 50, 100, &r); /* nothing but divergence */
    assert_true(isnan(r.valley) && r.ends < 100 && r.points == 0);
    OK(dnn_report_find(report, "no-valley", NULL));
    dnn_report_release(report);
    end(&q);
}

static void test_the_report_shows_the_curve(void **state) {
    (void)state;
    quadratic q;
    dnn_tune_range_result r;
    dnn_section section = {DNN_SIZED(dnn_section)};
    dnn_picture picture = {DNN_SIZED(dnn_picture)};
    dnn_figure figure = {DNN_SIZED(dnn_figure)};
    start(&q, 1, 0.01);
    dnn_report *report = range_of(&q, 1e-5, 100, &r);
    OK(dnn_report_section(report, 0, &section));
    assert_non_null(strstr(section.text, "highest\n"));
    assert_ptr_equal(strstr(section.json, "{\"rates\":["), section.json);
    OK(dnn_report_picture(report, 0, &picture));
    expect_shape(picture.image, 3, (int64_t[]){480, 720, 3});
    OK(dnn_report_figure(report, 0, &figure));
    assert_string_equal(figure.name, "valley");
    assert_true(figure.value == r.valley);
    dnn_report_release(report);
    end(&q);
}

/* ---- the sweep ---- */

static dnn_report *sweep_of(quadratic *q, const double *rates, int64_t n, dnn_tune_sweep_result *r) {
    dnn_report *report;
    dnn_tune_sweep_desc desc = {DNN_SIZED(dnn_tune_sweep_desc), .rates = rates, .n_rates = n, .steps = 30};
    *r = (dnn_tune_sweep_result){DNN_SIZED(dnn_tune_sweep_result)};
    OK(dnn_tune_sweep(&report, q->net, q->loss, q->opt, q->data, &desc, r));
    return report;
}

static void test_a_sweep_keeps_the_rate_that_falls_fastest(void **state) {
    (void)state;
    quadratic q;
    dnn_tune_sweep_result r;
    const double rates[] = {0.01, 0.1, 0.5, 0.9, 2, 20}; /* at 0.5 one step is enough */
    start(&q, 1, 0.01);
    dnn_report *report = sweep_of(&q, rates, 6, &r);
    assert_true(r.best == 0.5 && r.first_loss == 1 && r.diverged == 2);
    assert_true(fabs(r.best_loss - 0.1 * pow(0.9, 29) / (1 - pow(0.9, 30))) < 1e-12); /* of 1, 0, 0, … */
    assert_int_equal(dnn_report_findings(report), 0);
    assert_non_null(strstr(dnn_report_text(report), "diverged"));
    assert_int_equal(dnn_report_pictures(report), 1);
    dnn_report_release(report);
    report = sweep_of(&q, rates, 2, &r);
    assert_true(r.best == 0.1);
    OK(dnn_report_find(report, "best-at-border", NULL));
    dnn_report_release(report);
    report = sweep_of(&q, rates + 4, 2, &r);
    assert_true(isnan(r.best) && isnan(r.best_loss) && r.diverged == 2);
    OK(dnn_report_find(report, "no-valley", NULL));
    dnn_report_release(report);
    end(&q);
}

/* ---- what fails ---- */

typedef struct {
    probe_log log;
    bool backward;
} fragile;

/* From the 15th step on the layer fails. */
static dnn_status break_it(void *user, const char *what, int64_t done, int64_t total) {
    fragile *f = user;
    (void)what, (void)total;
    *(f->backward ? &f->log.fail_backward : &f->log.fail_forward) = done >= 15 ? DNN_ERROR_IO : DNN_OK;
    return DNN_OK;
}

static void test_a_layer_of_the_host_s_that_fails(void **state) {
    (void)state;
    for (int backward = 0; backward < 2; backward++) {
        fragile f = {.backward = backward};
        quadratic q;
        dnn_module *linear, *net;
        dnn_report *report;
        dnn_tune_range_desc desc = {DNN_SIZED(dnn_tune_range_desc), .low = 1e-3, .high = 0.1};
        desc.progress = (dnn_progress){break_it, &f};
        start(&q, 1, 0.1);
        dnn_optimizer_release(q.opt);
        linear = q.net;
        OK(dnn_sequential_create(&net, data_ctx));
        dnn_sequential_add(net, "linear", linear);
        dnn_sequential_add(net, "fragile", test_probe(data_ctx, &f.log, true));
        q.net = net;
        OK(dnn_adam_create(&q.opt, net, NULL));
        FAILS(dnn_tune_range(&report, net, q.loss, q.opt, q.data, &desc, NULL), DNN_ERROR_IO, "fragile: ");
        assert_null(report);
        assert_true(tensor_at(value_of(net, "linear.weight"), 0) == 1 && tensor_at(value_of(net, "fragile.w"), 0) == 1);
        assert_true(dnn_optimizer_steps(q.opt) == 0 && dnn_optimizer_get_lr(q.opt) == 1e-3);
        end(&q);
        assert_int_equal(f.log.released, 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_gradient_descent_diverges_at_two_over_the_curvature),
        TEST(test_findings_about_the_rate),
        TEST(test_no_rate_up_to_the_highest_diverges),
        TEST(test_healthy_rates_are_silent_and_others_are_named),
        TEST(test_suggestions_scale_with_the_curvature),
        TEST(test_it_says_that_there_is_no_valley),
        TEST(test_the_report_shows_the_curve),
        TEST(test_a_sweep_keeps_the_rate_that_falls_fastest),
        TEST(test_a_layer_of_the_host_s_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
