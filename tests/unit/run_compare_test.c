/* What runs' folders say: reports, comparisons; and the bar that shows how far one is. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/dnn.h>
#include <string.h>

#include "support/runs.h"

/* ---- reports ---- */

static void make_run(const char *folder, double lr, double width, uint64_t seed, double shift) {
    dnn_context_seed(files_ctx, seed);
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    assert_int_equal(dnn_run_set_number(run, "lr", lr), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "width", width), DNN_OK);
    for (int step = 0; step < 20; step++) {
        assert_int_equal(dnn_run_add_scalar(run, "loss/train", step, 1.0 / (step + 1) + shift), DNN_OK);
        assert_int_equal(dnn_run_add_scalar(run, "loss/test", step, 1.2 / (step + 1) + shift), DNN_OK);
        assert_int_equal(dnn_run_add_scalar(run, "lr", step, lr), DNN_OK);
    }
    run_finish(run);
    dnn_context_seed(files_ctx, 0);
}

static void test_report(void **state) {
    (void)state;
    const char *folder = file_path("report");
    dnn_report *report;
    make_run(folder, 0.1, 64, 3, 0);
    assert_int_equal(dnn_run_report(&report, files_ctx, folder), DNN_OK);
    assert_string_equal(dnn_report_title(report), "run report");
    assert_int_equal(dnn_report_worst(report), DNN_SEVERITY_NONE);
    assert_int_equal(dnn_report_figures(report), 3);
    assert_int_equal(dnn_report_pictures(report), 2); /* both losses in one */
    const char *text = dnn_report_text(report);
    assert_non_null(strstr(text, "settings\n  lr     0.1\n  width  64\n"));
    assert_non_null(strstr(text, "arguments\n  ./train\n  --lr\n  0.1\n"));
    assert_non_null(strstr(text, "the run is done"));
    dnn_report_release(report);
    expect_refusal(dnn_run_report(&report, files_ctx, file_path("nowhere")), DNN_ERROR_NOT_FOUND, NULL, "no run");
    file_put("odd/run.json", "{\"format\": 2}", 13);
    expect_refusal(dnn_run_report(&report, files_ctx, file_path("odd")), DNN_ERROR_UNSUPPORTED, NULL, "later version");
}

static void test_failed(void **state) {
    (void)state;
    dnn_report *report;
    dnn_run *run = run_begin(file_path("failed"), DNN_RUN_NEW);
    dnn_fail(DNN_ERROR_VALUE, "loss is nan");
    assert_int_equal(dnn_run_end(run, DNN_ERROR_VALUE), DNN_OK);
    assert_int_equal(dnn_run_release(run), DNN_OK);
    assert_int_equal(dnn_run_report(&report, files_ctx, file_path("failed")), DNN_OK);
    dnn_finding f = {DNN_SIZED(dnn_finding), .name = NULL};
    assert_int_equal(dnn_report_find(report, "run-failed", &f), DNN_OK);
    assert_string_equal(f.what, "The run failed: loss is nan.");
    dnn_report_release(report);
}

/* ---- comparing ---- */

static void expect_finding(const char *a, const char *b, const char *name, dnn_severity severity, const char *what) {
    dnn_report *report;
    dnn_finding f = {DNN_SIZED(dnn_finding), .name = NULL};
    assert_int_equal(dnn_run_compare(&report, files_ctx, file_path(a), file_path(b)), DNN_OK);
    if (dnn_report_find(report, name, &f) != DNN_OK) fail_msg("no %s in:\n%s", name, dnn_report_text(report));
    assert_int_equal(f.severity, severity);
    if (strcmp(f.what, what) != 0) fail_msg("%s, not %s", f.what, what);
    assert_int_equal(dnn_report_findings(report), 1);
    dnn_report_release(report);
}

static void test_compare(void **state) {
    (void)state;
    make_run(file_path("base"), 0.1, 64, 3, 0);
    make_run(file_path("same"), 0.1, 64, 3, 0);
    make_run(file_path("seed"), 0.1, 64, 4, 0.01);
    make_run(file_path("rate"), 0.2, 64, 3, 0.2);
    make_run(file_path("both"), 0.2, 32, 4, 0.3);
    make_run(file_path("luck"), 0.1, 64, 3, 1e-12);
    expect_finding("base", "same", "nothing-differs", DNN_SEVERITY_NOTE,
                   "Nothing differs that could make a difference, and the curves are the same.");
    expect_finding("base", "seed", "seed-differs", DNN_SEVERITY_NOTE, "Only the seed differs (3 → 4).");
    expect_finding("base", "rate", "one-change", DNN_SEVERITY_NOTE, "One thing differs: lr (0.1 → 0.2).");
    expect_finding("base", "both", "more-than-one-change", DNN_SEVERITY_WARNING,
                   "2 things differ at once, besides the seed: lr (0.1 → 0.2), width (64 → 32).");
    expect_finding("base", "luck", "same-run-other-numbers", DNN_SEVERITY_WARNING,
                   "Settings, data, model, version and seed are the same, but the curves are not: loss/train.");
}

static void make_model_run(const char *folder, double lr, int64_t width) {
    dnn_run *run = run_begin(folder, DNN_RUN_NEW);
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = width};
    dnn_module *net = dnn_linear(files_ctx, &linear);
    dnn_description *description;
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {4, 3}};
    assert_int_equal(dnn_module_describe(&description, net, &shape, 1), DNN_OK);
    assert_int_equal(dnn_run_set_model(run, description), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "width", lr == 0.1 ? (double)width : 16), DNN_OK);
    assert_int_equal(dnn_run_set_number(run, "lr", lr), DNN_OK);
    assert_int_equal(dnn_run_add_scalar(run, "loss", 1, 1), DNN_OK);
    run_finish(run);
    dnn_description_release(description);
    dnn_module_release(net);
}

static void test_compare_models(void **state) {
    (void)state;
    make_model_run(file_path("narrow"), 0.1, 16);
    make_model_run(file_path("wide"), 0.1, 32);
    make_model_run(file_path("secret"), 0.2, 32);
    expect_finding("narrow", "wide", "one-change", DNN_SEVERITY_NOTE,
                   "One thing differs: width (16 → 32), and the model with it.");
    expect_finding("narrow", "secret", "more-than-one-change", DNN_SEVERITY_WARNING,
                   "2 things differ at once: lr (0.1 → 0.2), the model.");
}

/* Stopped earlier, slower, and still the same run. */
static void test_compare_a_part(void **state) {
    (void)state;
    for (int part = 0; part < 2; part++) {
        dnn_run *run = run_begin(file_path(part ? "part" : "all"), DNN_RUN_NEW);
        for (int step = 0; step < 9; step += part ? 2 : 1) {
            assert_int_equal(dnn_run_add_scalar(run, "loss", step, 1.0 / (step + 1)), DNN_OK);
            assert_int_equal(dnn_run_add_scalar(run, "images/s", step, 1000 + part), DNN_OK);
            assert_int_equal(dnn_run_add_scalar(run, "step time", step, 2 - part), DNN_OK);
            if (part && step == 4) break;
        }
        run_finish(run);
    }
    expect_finding("all", "part", "nothing-differs", DNN_SEVERITY_NOTE,
                   "Nothing differs that could make a difference, and the curves are the same.");
    dnn_run *run = run_begin(file_path("other"), DNN_RUN_NEW);
    assert_int_equal(dnn_run_add_scalar(run, "loss", 4, 0.25), DNN_OK);
    run_finish(run);
    expect_finding("part", "other", "same-run-other-numbers", DNN_SEVERITY_WARNING,
                   "Settings, data, model, version and seed are the same, but the curves are not: loss.");
}

static void test_compare_unlike(void **state) {
    (void)state;
    dnn_report *report;
    make_run(file_path("like"), 0.1, 64, 3, 0);
    dnn_run *run = run_begin(file_path("unlike"), DNN_RUN_NEW);
    assert_int_equal(dnn_run_release(run), DNN_OK);
    assert_int_equal(dnn_run_compare(&report, files_ctx, file_path("like"), file_path("unlike")), DNN_OK);
    assert_int_equal(dnn_report_find(report, "run-unfinished", NULL), DNN_OK);
    assert_int_equal(dnn_report_find(report, "no-curve-in-common", NULL), DNN_OK);
    assert_int_equal(dnn_report_find(report, "more-than-one-change", NULL), DNN_OK);
    assert_non_null(strstr(dnn_report_text(report), "width  64   –\n"));
    dnn_report_release(report);
}

static dnn_status compare_twice(void) {
    dnn_report *report = NULL;
    dnn_status status = dnn_run_compare(&report, files_ctx, file_path("memory-a"), file_path("memory-b"));
    dnn_report_release(report);
    report = NULL;
    if (status == DNN_OK) status = dnn_run_report(&report, files_ctx, file_path("memory-a"));
    dnn_report_release(report);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    make_model_run(file_path("memory-a"), 0.1, 16);
    make_model_run(file_path("memory-b"), 0.2, 32);
    expect_out_of_memory_to_be_told(compare_twice);
}

/* ---- the bar ---- */

static void expect_bar(dnn_bar bar, const char *wanted) {
    char line[2048];
    assert_int_equal(dnn_bar_line(line, sizeof line, &bar), DNN_OK);
    assert_string_equal(line, wanted);
}

static void test_bar(void **state) {
    (void)state;
    char line[400];
    dnn_bar bar = {DNN_SIZED(dnn_bar), .label = "epoch 3", .done = 450, .total = 1000, .seconds = 10, .unit = "images",
                   .units_per_step = 180, .has_loss = 1, .loss = 0.31234, .width = 90};
    expect_bar(bar, "epoch 3  ██████████▎               45 %   450/1000  8100 images/s  loss 0.3123  0:12 left");
    bar.plain = 1;
    expect_bar(bar, "epoch 3  [#########............]   45 %   450/1000  8100 images/s  loss 0.3123  0:12 left");
    bar.width = 50;
    expect_bar(bar, "epoch 3  [###....]   45 %  loss 0.3123  0:12 left");
    bar = (dnn_bar){DNN_SIZED(dnn_bar), .done = 5, .seconds = 4000, .width = 40};
    expect_bar(bar, "5  0.00125 steps/s  1:06:40            ");
    bar.done = bar.total = 5;
    bar.width = 20;
    expect_bar(bar, "100 %  1:06:40     ");
    expect_refusal(dnn_bar_line(line, 79, &bar), DNN_ERROR_ARGUMENT, NULL, "room is 79");
    bar.done = 6;
    expect_refusal(dnn_bar_line(line, sizeof line, &bar), DNN_ERROR_ARGUMENT, NULL, "6 of 5 are done");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_report),         cmocka_unit_test(test_failed),
        cmocka_unit_test(test_compare),        cmocka_unit_test(test_compare_models),
        cmocka_unit_test(test_compare_a_part), cmocka_unit_test(test_compare_unlike),
        cmocka_unit_test(test_bar),            cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
