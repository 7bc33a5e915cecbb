/* Preflight's experiments: what cannot be learnt by heart, rates, baselines; and the rehearsal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/flights.h"

enum { WARN = DNN_SEVERITY_WARNING, ERR = DNN_SEVERITY_ERROR, NOTE = DNN_SEVERITY_NOTE };

static char folder[64];

static int set_up(void **state) {
    snprintf(folder, sizeof folder, "/tmp/preflight-test-XXXXXX");
    return mkdtemp(folder) && data_setup(state) == 0 ? 0 : -1;
}

static int tear_down(void **state) { return (rmdir(folder) != 0) | data_teardown(state); }

static flight run_of(dnn_module *net, double lr) {
    return (flight){net, flight_cross_entropy(), flight_adam(net, lr), flight_blobs(300, 4, 3, 1)};
}

static dnn_module *mlp(void) { return FLIGHT_CHAIN(flight_dense(4, 32), dnn_relu(data_ctx), flight_dense(32, 3)); }
static flight good(void) { return run_of(mlp(), 0.01); }
static flight deaf(void) {
    return run_of(FLIGHT_CHAIN(dnn_scale(data_ctx, 0), flight_dense(4, 32), dnn_tanh(data_ctx), flight_dense(32, 3)), 0.01);
}
static flight frozen(void) {
    flight f = good();
    OK(dnn_module_freeze(f.net, "*"));
    return f;
}
static flight slow(void) { return run_of(mlp(), 1e-4); }
static flight slower(void) { return run_of(mlp(), 1e-5); }
static flight still(void) { return run_of(mlp(), 1e-9); }
static flight fast(void) { return run_of(mlp(), 10); }

/* Labels that have nothing to do with the inputs. */
static flight noise(void) {
    flight f = good();
    dnn_tensor *x, *t, *other;
    dnn_dataset *more = flight_blobs(300, 4, 3, 99);
    OK(dnn_dataset_get_range(&x, &t, f.data, 0, 300));
    dnn_tensor_release(t);
    OK(dnn_dataset_get_range(&other, &t, more, 0, 300));
    dnn_tensor_release(other);
    dnn_dataset_release(more);
    dnn_dataset_release(f.data);
    f.data = flight_dataset(x, t);
    return f;
}

typedef dnn_status one_check(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                             dnn_dataset *dataset, const dnn_preflight_desc *desc);

static const struct {
    flight (*make)(void);
    one_check *check;
    const char *name; /* "!…": there is none of that name */
    int severity;
    const char *words;
} cases[] = {
    {good, dnn_preflight_overfit, "!does-not-overfit", 0, ""},
    {good, dnn_preflight_overfit, "!rate-too-low", 0, ""},
    {good, dnn_preflight_overfit, "!rate-too-high", 0, ""},
    {deaf, dnn_preflight_overfit, "does-not-overfit", ERR, "A batch of 64 cannot be learnt by heart"},
    {deaf, dnn_preflight_overfit, "does-not-overfit", ERR, "these hardly move: l1.weight"},
    {frozen, dnn_preflight_overfit, "does-not-overfit", ERR, "l0.weight, l0.bias, l2.weight, l2.bias"},
    {slow, dnn_preflight_overfit, "rate-too-low", NOTE, "at 10 times the optimizer's rate, and not at 0.0001"},
    {slower, dnn_preflight_overfit, "rate-too-low", WARN, "at 100 times"},
    {still, dnn_preflight_overfit, "does-not-overfit", ERR, "hardly move: l0.weight"},
    {fast, dnn_preflight_overfit, "rate-too-high", WARN, "times the optimizer's rate, and not at 10."},
    {good, dnn_preflight_baselines, "!ignores-input", 0, ""},
    {good, dnn_preflight_baselines, "!no-better-than-prior", 0, ""},
    {deaf, dnn_preflight_baselines, "ignores-input", ERR, "does not depend on its input"},
    {noise, dnn_preflight_baselines, "no-better-than-prior", WARN, "no better than a constant output"},
};

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dnn_report *report;
        flight f = cases[i].make();
        OK(cases[i].check(&report, f.net, f.loss, f.opt, f.data, NULL));
        if (*cases[i].name == '!') flight_expect_none(report, cases[i].name + 1);
        else flight_expect(report, cases[i].name, (dnn_severity)cases[i].severity, cases[i].words);
        dnn_report_release(report);
        flight_end(&f);
    }
}

/* ---- the rehearsal ---- */

static double figure(dnn_report *report, const char *name) {
    for (int64_t i = 0; i < dnn_report_figures(report); i++) {
        dnn_figure f = {DNN_SIZED(dnn_figure)};
        OK(dnn_report_figure(report, i, &f));
        if (strcmp(f.name, name) == 0) return f.value;
    }
    fail_msg("there is no figure '%s' in\n%s", name, dnn_report_text(report));
    return 0;
}

typedef struct {
    int64_t calls, fail_at;
} host_log;

static dnn_status count(void *user, int64_t step, double loss) {
    host_log *log = user;
    assert_true(step > 0 && loss > 0);
    return ++log->calls == log->fail_at ? dnn_fail(DNN_ERROR_IO, "no room for the log") : DNN_OK;
}

static void test_rehearsal(void **state) {
    (void)state;
    dnn_report *report;
    host_log log = {.calls = 0};
    flight f = good();
    dnn_dataset *validation = flight_blobs(70, 4, 3, 2);
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .folder = folder, .log = count, .log_user = &log, .epochs =
                            3, .validation = validation, .batch_size = 16};
    OK(dnn_preflight_rehearsal(&report, f.net, f.loss, f.opt, f.data, &d));
    flight_expect_none(report, "rehearsal-failed");
    flight_expect_none(report, "resumed-run-differs");
    assert_true(log.calls >= 4);
    assert_true(figure(report, "milliseconds of a step") > 0);
    assert_true(figure(report, "hours of the run") * 3600 > 2.9 * figure(report, "seconds of an epoch"));
    assert_true(figure(report, "bytes of a checkpoint") > 4 * 259); /* parameters, in float32 */
    assert_int_equal(figure(report, "bytes on disk"), 3 * figure(report, "bytes of a checkpoint"));
    dnn_report_release(report);
    dnn_dataset_release(validation);
    flight_end(&f);
}

/* A folder that is not there is made, and goes again. */
static void test_folder(void **state) {
    (void)state;
    char path[96];
    struct stat about;
    dnn_report *report;
    flight f = good();
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .folder = path};
    snprintf(path, sizeof path, "%s/run", folder);
    OK(dnn_preflight_rehearsal(&report, f.net, f.loss, f.opt, f.data, &d));
    flight_expect_none(report, "rehearsal-failed");
    assert_int_equal(stat(path, &about), -1);
    dnn_report_release(report);
    snprintf(path, sizeof path, "%s/none/run", folder);
    OK(dnn_preflight_rehearsal(&report, f.net, f.loss, f.opt, f.data, &d));
    flight_expect(report, "rehearsal-failed", DNN_SEVERITY_ERROR, "where the run saves, loads and resumes");
    dnn_report_release(report);
    flight_end(&f);
}

static void test_log_that_fails(void **state) {
    (void)state;
    dnn_report *report;
    host_log log = {.fail_at = 2};
    flight f = good();
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .log = count, .log_user = &log};
    OK(dnn_preflight_rehearsal(&report, f.net, f.loss, f.opt, f.data, &d));
    flight_expect(report, "rehearsal-failed", DNN_SEVERITY_ERROR, "no room for the log");
    dnn_report_release(report);
    flight_end(&f);
}

/* ---- what it refuses ---- */

static void test_refusals(void **state) {
    (void)state;
    dnn_report *report;
    flight f = good(), other = good();
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .skip = 4096};
    FAILS(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, &d), DNN_ERROR_ARGUMENT, "desc.skip is 4096");
    FAILS(dnn_preflight(&report, f.net, f.loss, other.opt, f.data, NULL), DNN_ERROR_ARGUMENT, "another module");
    d = (dnn_preflight_desc){DNN_SIZED(dnn_preflight_desc), .low = 2, .high = 1};
    FAILS(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, &d), DNN_ERROR_ARGUMENT, "desc.low is 2");
    dnn_dataset *wide = flight_blobs(10, 5, 3, 1);
    d = (dnn_preflight_desc){DNN_SIZED(dnn_preflight_desc), .validation = wide};
    FAILS(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, &d), DNN_ERROR_SHAPE, "desc.validation");
    dnn_dataset *empty;
    OK(dnn_dataset_subset(&empty, f.data, NULL, 0));
    FAILS(dnn_preflight(&report, f.net, f.loss, f.opt, empty, NULL), DNN_ERROR_VALUE, "no samples");
    assert_null(report);
    dnn_dataset_release(empty);
    dnn_dataset_release(wide);
    flight_end(&other);
    flight_end(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rehearsal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log_that_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
