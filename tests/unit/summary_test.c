/* Summaries: figures that are known, what is odd in data, bits that do not depend on threads, failures on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/look.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static dnn_context *new_context(int32_t threads) {
    dnn_context *made;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = threads};
    assert_int_equal(dnn_context_create(&made, &desc), DNN_OK);
    return made;
}

static int set_up(void **state) {
    (void)state;
    ctx = new_context(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK && memory.live == 0 ? 0 : -1;
}

static dnn_dataset *dataset_of(dnn_tensor *x, dnn_tensor *y) {
    dnn_dataset *made;
    assert_int_equal(dnn_dataset_from_tensors(&made, x, y), DNN_OK);
    dnn_tensor_release(x);
    dnn_tensor_release(y);
    return made;
}

static dnn_summary *summarise(dnn_dataset *dataset) {
    dnn_summary *made;
    if (dnn_summarise(&made, dataset, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
    dnn_dataset_release(dataset);
    return made;
}

static dnn_values values_of(const dnn_summary *s, dnn_part part, int64_t channel) {
    dnn_values v = {DNN_SIZED(dnn_values), .count = -1};
    assert_int_equal(dnn_summary_values(s, part, channel, &v), DNN_OK);
    return v;
}

static void expect(double got, double wanted, double bound) {
    if (!(fabs(got - wanted) <= bound)) fail_msg("%.17g is not %.17g", got, wanted);
}

/* ---- figures ---- */

/* Two channels: 0 … 9, and a constant. */
static void test_known_figures(void **state) {
    (void)state;
    double x[20];
    for (int i = 0; i < 10; i++) {
        x[2 * i] = i;
        x[2 * i + 1] = 0.5;
    }
    dnn_summary *s = summarise(dataset_of(tensor_of(ctx, DNN_F32, DIMS(10, 2), x), NULL));
    dnn_values v = values_of(s, DNN_PART_INPUT, 0);
    assert_int_equal(v.count, 10);
    assert_int_equal(v.kept, 10);
    assert_int_equal(v.whole, 1);
    expect(v.min, 0, 0);
    expect(v.max, 9, 0);
    expect(v.mean, 4.5, 1e-15);
    expect(v.std, sqrt(8.25), 1e-15);
    expect(v.median, 4.5, 1e-15);
    expect(v.q25, 2.25, 1e-15);
    expect(v.q99, 8.91, 1e-14);
    v = values_of(s, DNN_PART_INPUT, 1);
    assert_int_equal(v.constant, 1);
    assert_int_equal(v.whole, 0);
    expect(v.std, 0, 0);
    v = values_of(s, DNN_PART_INPUT, -1);
    expect(v.mean, 2.5, 1e-15);
    expect(v.std, sqrt((82.5 + 10 * 4 + 10 * 4) / 20), 1e-14);
    int64_t constant[2] = {-1, -1};
    assert_int_equal(dnn_summary_constant(s, DNN_PART_INPUT, constant, 2), 1);
    assert_int_equal(constant[0], 1);
    assert_int_equal(constant[1], -1);
    assert_int_equal(dnn_summary_channels(s, DNN_PART_TARGET), 0);
    assert_int_equal(dnn_summary_values(s, DNN_PART_TARGET, -1, &v), DNN_ERROR_NOT_FOUND);
    dnn_summary_release(s);
}

/* A deviation of 1e-3 on 1e6: sums of squares alone would lose it. */
static void test_far_from_zero(void **state) {
    (void)state;
    enum { N = 4000 };
    static double x[N];
    for (int i = 0; i < N; i++) x[i] = 1e6 + (i % 2 ? 1e-3 : -1e-3);
    dnn_summary *s = summarise(dataset_of(tensor_of(ctx, DNN_F64, DIMS(N, 1), x), NULL));
    dnn_values v = values_of(s, DNN_PART_INPUT, -1);
    expect(v.mean, 1e6, 1e-9);
    expect(v.std, 1e-3, 1e-8);
    dnn_summary_release(s);
}

static void test_not_finite(void **state) {
    (void)state;
    double x[] = {NAN, 1, INFINITY, 3, -INFINITY, NAN, 5, 7};
    dnn_summary *s = summarise(dataset_of(tensor_of(ctx, DNN_F32, DIMS(4, 2), x), NULL));
    dnn_values v = values_of(s, DNN_PART_INPUT, -1);
    assert_int_equal(v.count, 8);
    assert_int_equal(v.nans, 2);
    assert_int_equal(v.infinities, 2);
    assert_int_equal(v.kept, 4);
    expect(v.mean, 4, 1e-15);
    expect(v.min, 1, 0);
    expect(v.max, 7, 0);
    assert_non_null(strstr(dnn_summary_text(s), "not finite: 2 NaN, 2 infinite, of 8\n"));
    dnn_summary_release(s);
    s = summarise(dataset_of(tensor_of(ctx, DNN_F32, DIMS(1, 2), (double[]){NAN, NAN}), NULL));
    v = values_of(s, DNN_PART_INPUT, -1);
    assert_true(isnan(v.min) && isnan(v.mean) && isnan(v.std) && isnan(v.median));
    assert_non_null(strstr(dnn_summary_json(s), "\"mean\":null"));
    dnn_summary_release(s);
}

/* 300,000 normal numbers: quantiles come from 65,536 of them, and are off by little. */
static void test_quantiles_of_many(void **state) {
    (void)state;
    dnn_summary *s = summarise(dataset_of(tensor_normal(ctx, DNN_F32, DIMS(3000, 100, 1), 3), NULL));
    dnn_values v = values_of(s, DNN_PART_INPUT, -1);
    assert_int_equal(v.count, 300000);
    assert_int_equal(v.kept, 65536);
    expect(v.median, 0, 0.015);
    expect(v.q25, -0.6745, 0.02);
    expect(v.q95, 1.6449, 0.03);
    expect(v.q01, -2.3263, 0.06);
    assert_non_null(strstr(dnn_summary_text(s), "from 65536 values of each channel"));
    dnn_summary_release(s);
}

static void test_every_dtype(void **state) {
    (void)state;
    static const dnn_dtype dtypes[] = {DNN_F32, DNN_F64, DNN_BF16, DNN_F16, DNN_U8, DNN_I32, DNN_I64, DNN_BOOL};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        dnn_summary *s = summarise(dataset_of(tensor_of(ctx, dtypes[i], DIMS(4), (double[]){0, 1, 1, 0}), NULL));
        dnn_values v = values_of(s, DNN_PART_INPUT, 0);
        expect(v.mean, 0.5, 0);
        assert_int_equal(v.whole, 1);
        dnn_summary_release(s);
    }
}

static void test_nothing_to_see(void **state) {
    (void)state;
    dnn_summary *s = summarise(dataset_of(tensor_of(ctx, DNN_F32, DIMS(0, 3), NULL),
                                          tensor_of(ctx, DNN_I64, DIMS(0), NULL)));
    assert_int_equal(dnn_summary_samples(s), 0);
    assert_true(isnan(values_of(s, DNN_PART_INPUT, 2).mean));
    dnn_summary_release(s);
    s = summarise(dataset_of(tensor_of(ctx, DNN_F32, DIMS(3, 0, 2), NULL), NULL));
    assert_int_equal(values_of(s, DNN_PART_INPUT, -1).count, 0);
    dnn_report *report;
    assert_int_equal(dnn_report_create(&report, ctx, "t"), DNN_OK);
    assert_int_equal(dnn_report_add_summary(report, s), DNN_OK);
    assert_int_equal(dnn_report_pictures(report), 0);
    dnn_report_release(report);
    dnn_summary_release(s);
}

/* ---- classes ---- */

static dnn_dataset *labelled(const double *labels, int64_t n, int64_t classes, const char *const *names) {
    dnn_dataset *plain = dataset_of(tensor_of(ctx, DNN_F32, 2, (int64_t[]){n, 1}, NULL),
                                    tensor_of(ctx, DNN_I64, 1, &n, labels));
    dnn_dataset *named;
    dnn_metadata_desc d = {DNN_SIZED(dnn_metadata_desc), .classes = classes, .class_names = names};
    assert_int_equal(dnn_dataset_with_metadata(&named, plain, &d), DNN_OK);
    dnn_dataset_release(plain);
    return named;
}

static dnn_classes classes_of(const dnn_summary *s) {
    dnn_classes c = {DNN_SIZED(dnn_classes), .classes = -1};
    assert_int_equal(dnn_summary_classes(s, &c), DNN_OK);
    return c;
}

static void test_classes(void **state) {
    (void)state;
    static const char *const names[] = {"cat", "dog", "b\x1b[31m"};
    static const double once[] = {0, 1, 1, 1, 0, -1, 3};
    double labels[70];
    for (int i = 0; i < 70; i++) labels[i] = once[i % 7];
    dnn_summary *s = summarise(labelled(labels, 70, 3, names));
    dnn_classes c = classes_of(s);
    assert_int_equal(c.classes, 3);
    assert_int_equal(c.counted, 70);
    assert_int_equal(c.outside, 20);
    assert_int_equal(c.empty, 1);
    assert_int_equal(c.least, 2);
    assert_int_equal(c.most, 1);
    assert_int_equal(c.imbalanced, 1);
    assert_int_equal(dnn_summary_class_count(s, 1), 30);
    assert_int_equal(dnn_summary_class_count(s, 3), -1);
    const char *text = dnn_summary_text(s);
    assert_non_null(strstr(text, "1 dog                             30   42.9 %  ██████████████████████████████\n"));
    assert_non_null(strstr(text, "! 1 of them have no label\n"));
    assert_non_null(strstr(text, "! 20 labels are no class: below 0, or 3 and more\n"));
    assert_null(strchr(text, '\x1b'));
    assert_non_null(strstr(dnn_summary_json(s), "{\"name\":\"dog\",\"count\":30}"));
    dnn_summary_release(s);
}

/* 0.1 / K exactly is not below it. */
static void test_imbalance(void **state) {
    (void)state;
    double labels[40] = {0};
    labels[0] = labels[1] = 1; /* 2 of 40 = 0.1 / 2 */
    dnn_summary *s = summarise(labelled(labels, 40, 0, NULL));
    assert_int_equal(classes_of(s).imbalanced, 0);
    dnn_summary_release(s);
    labels[0] = 0;
    s = summarise(labelled(labels, 40, 0, NULL));
    assert_int_equal(classes_of(s).imbalanced, 1);
    assert_non_null(strstr(dnn_summary_text(s), "! imbalanced"));
    dnn_summary_release(s);
}

/* Whole numbers that are too many, negative or no numbers of classes are values. */
static void test_no_classes(void **state) {
    (void)state;
    dnn_summary *s = summarise(labelled((double[]){5, 70000}, 2, 0, NULL));
    assert_int_equal(classes_of(s).classes, 0);
    assert_null(strstr(dnn_summary_text(s), "classes"));
    expect(values_of(s, DNN_PART_TARGET, 0).max, 70000, 0);
    dnn_tensor *picture;
    assert_int_equal(dnn_summary_bars(&picture, s, NULL), DNN_ERROR_NOT_FOUND);
    dnn_summary_release(s);
}

/* ---- how it is read ---- */

static void test_most(void **state) {
    (void)state;
    double x[100];
    for (int i = 0; i < 100; i++) x[i] = i;
    dnn_dataset *d = dataset_of(tensor_of(ctx, DNN_F32, DIMS(100), x), NULL);
    dnn_summary *s;
    dnn_summary_desc desc = {DNN_SIZED(dnn_summary_desc), .most = 4, .name = "train"};
    assert_int_equal(dnn_summarise(&s, d, &desc), DNN_OK);
    expect(values_of(s, DNN_PART_INPUT, 0).mean, (0 + 25 + 50 + 75) / 4.0, 1e-14);
    assert_non_null(strstr(dnn_summary_text(s), "train: 4 samples of 100, evenly spread\n"));
    dnn_summary_release(s);
    dnn_dataset_release(d);
}

static dnn_summary *of_digits(dnn_context *made) {
    dnn_dataset *digits;
    dnn_digits_desc d = {DNN_SIZED(dnn_digits_desc), .count = 1500};
    assert_int_equal(dnn_digits(&digits, made, &d), DNN_OK);
    return summarise(digits);
}

static void test_threads(void **state) {
    (void)state;
    dnn_context *other = new_context(3);
    dnn_summary *one = of_digits(ctx), *three = of_digits(other);
    assert_string_equal(dnn_summary_json(one), dnn_summary_json(three));
    dnn_summary_release(one);
    dnn_summary_release(three);
    dnn_context_release(other);
}

static dnn_status stop_at(void *user, const char *what, int64_t done, int64_t total) {
    assert_string_equal(what, "summary");
    assert_true(done <= total);
    if (done < *(int64_t *)user) return DNN_OK;
    return dnn_fail(DNN_ERROR_STATE, "the user pressed stop");
}

static void test_progress(void **state) {
    (void)state;
    dnn_dataset *digits;
    dnn_summary *s;
    int64_t at = 0;
    dnn_digits_desc d = {DNN_SIZED(dnn_digits_desc), .count = 3000};
    assert_int_equal(dnn_digits(&digits, ctx, &d), DNN_OK);
    dnn_summary_desc desc = {DNN_SIZED(dnn_summary_desc), .progress = {stop_at, &at}};
    for (at = 0; at <= 3000; at += 1000) {
        assert_int_equal(dnn_summarise(&s, digits, &desc), DNN_ERROR_STATE);
        assert_string_equal(dnn_last_error(), "the user pressed stop");
        assert_null(s);
    }
    assert_int_equal(dnn_summarise(&s, digits, &desc), DNN_OK);
    dnn_summary_release(s);
    dnn_dataset_release(digits);
}

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch, (void)input, (void)target;
    return index < 700 ? DNN_OK : dnn_fail(DNN_ERROR_IO, "the file is gone");
}

static void test_sample_fails(void **state) {
    (void)state;
    dnn_dataset *d;
    dnn_summary *s;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = 1000, .get = get,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {1}}, .thread_safe = 1};
    assert_int_equal(dnn_dataset_from_callbacks(&d, ctx, &desc), DNN_OK);
    assert_int_equal(dnn_summarise(&s, d, NULL), DNN_ERROR_CALLBACK);
    assert_string_equal(dnn_last_error(), "sample 700: the file is gone");
    dnn_dataset_release(d);
}

/* ---- pictures ---- */

static void test_pictures(void **state) {
    (void)state;
    dnn_summary *s = of_digits(ctx);
    dnn_report *report;
    dnn_picture p = {DNN_SIZED(dnn_picture), .title = NULL};
    dnn_section section = {DNN_SIZED(dnn_section), .title = NULL};
    assert_int_equal(dnn_report_create(&report, ctx, "t"), DNN_OK);
    assert_int_equal(dnn_report_add_summary(report, s), DNN_OK);
    assert_int_equal(dnn_report_pictures(report), 2);
    assert_int_equal(dnn_report_picture(report, 1, &p), DNN_OK);
    assert_string_equal(p.title, "data: the classes");
    assert_int_equal(dnn_report_section(report, 0, &section), DNN_OK);
    assert_string_equal(section.text, dnn_summary_text(s));
    dnn_tensor *picture;
    assert_int_equal(dnn_summary_histogram(&picture, s, DNN_PART_TARGET, 0, NULL), DNN_OK);
    dnn_tensor_release(picture);
    assert_int_equal(dnn_summary_histogram(&picture, s, DNN_PART_INPUT, 1, NULL), DNN_ERROR_NOT_FOUND);
    assert_string_equal(dnn_last_error(), "there is no channel 1, the input has 1");
    dnn_report_release(report);
    dnn_summary_release(s);
    s = summarise(dataset_of(tensor_normal(ctx, DNN_F32, DIMS(20, 8, 3), 1), NULL));
    assert_int_equal(dnn_summary_histogram(&picture, s, DNN_PART_INPUT, -1, NULL), DNN_OK);
    dnn_tensor_release(picture);
    dnn_summary_release(s);
}

/* ---- out of memory ---- */

static void test_out_of_memory(void **state) {
    (void)state;
    double labels[30];
    for (int i = 0; i < 30; i++) labels[i] = i % 3;
    dnn_dataset *d = dataset_of(tensor_normal(ctx, DNN_F32, DIMS(30, 2, 2, 3), 1),
                                tensor_of(ctx, DNN_I64, DIMS(30), labels));
    dnn_summary *s = NULL;
    dnn_report *report;
    for (int64_t fail = 1; !s; fail++) {
        test_allocator_arm(&memory, fail, false);
        dnn_status status = dnn_summarise(&s, d, NULL);
        test_allocator_arm(&memory, 0, false);
        assert_true(status == (s ? DNN_OK : DNN_ERROR_MEMORY));
    }
    dnn_dataset_release(d);
    assert_int_equal(dnn_report_create(&report, ctx, "t"), DNN_OK);
    for (int64_t fail = 1;; fail++) {
        test_allocator_arm(&memory, fail, false);
        dnn_status status = dnn_report_add_summary(report, s);
        test_allocator_arm(&memory, 0, false);
        if (status == DNN_OK) break;
        assert_int_equal(status, DNN_ERROR_MEMORY);
        assert_int_equal(dnn_report_sections(report) + dnn_report_pictures(report), 0);
    }
    dnn_report_release(report);
    dnn_summary_release(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_known_figures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_far_from_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_finite, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_quantiles_of_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_dtype, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_see, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_imbalance, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_classes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_most, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_progress, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sample_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pictures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
