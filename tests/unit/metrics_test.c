/* Metrics: scikit-learn's numbers, however the rows are cut into batches; what is not finite; refusals; memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/metrics.h>

#include "golden/metrics_golden.h"
#include "support/allocator.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define OK(call)                                                \
    do {                                                        \
        if ((call) != DNN_OK) fail_msg("%s", dnn_last_error()); \
    } while (0)

static dnn_metrics *metrics_of(const dnn_metrics_desc *desc) {
    dnn_metrics *m;
    OK(dnn_metrics_create(&m, ctx, desc));
    return m;
}

static double got(dnn_metrics *m, const char *name) {
    double value;
    OK(dnn_metrics_get(m, name, &value));
    return value;
}

static void assert_near(const char *name, double is, double wanted) {
    if (!(fabs(is - wanted) <= 1e-6 * fmax(1, fabs(wanted)))) fail_msg("%s: %.17g instead of %.17g", name, is, wanted);
}

/* ---- the predictions of make_metrics_golden.py ---- */

static double logit(int64_t i, int64_t c) { return (double)((i * 37 + c * 101 + i * c * 13) % 64 - 32) / 16; }

static int64_t label(int64_t i, int64_t classes) {
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        if (logit(i, c) > logit(i, best)) best = c;
    return i % 3 > 0 ? best : (i * 7 + 1) % classes;
}

static dnn_tensor *tensor(dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    dnn_tensor *t;
    OK(dnn_tensor_create(&t, ctx, dtype, rank, dims));
    return t;
}

/* Rows first, first + 1, … as probabilities or logits, in shape (n, 1, C). */
static void add_rows(dnn_metrics *m, int64_t first, int64_t n, int64_t classes, bool probabilities, dnn_dtype labels) {
    dnn_tensor *y = tensor(DNN_F64, 3, (int64_t[]){n, 1, classes}), *t = tensor(labels, 2, (int64_t[]){n, 1});
    double *numbers = dnn_tensor_data(y);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t c = 0; c < classes; c++)
            numbers[i * classes + c] = probabilities ? exp(logit(first + i, c)) : logit(first + i, c);
        OK(dnn_tensor_set(t, 2, (int64_t[]){i, 0}, (double)label(first + i, classes)));
    }
    OK(dnn_metrics_add(m, y, t));
    dnn_tensor_release(t);
    dnn_tensor_release(y);
}

static void compare(dnn_metrics *m, const metric_golden *golden, size_t n) {
    for (size_t i = 0; i < n; i++) assert_near(golden[i].name, got(m, golden[i].name), golden[i].value);
    assert_true(got(m, "count") == GOLDEN_ROWS);
    assert_true(got(m, "not_finite") == 0);
}

#define COMPARE(m, golden) compare(m, golden, sizeof golden / sizeof *golden)

static void test_two_classes(void **state) {
    (void)state;
    dnn_metrics *m = metrics_of(&(dnn_metrics_desc){DNN_SIZED(dnn_metrics_desc), .classes = 2, .k = 1, .auc = 1});
    add_rows(m, 0, GOLDEN_ROWS, 2, false, DNN_U8);
    COMPARE(m, golden_of_two);
    double each[2];
    OK(dnn_metrics_per_class(m, "auc", each, 2));
    assert_near("auc", each[0], each[1]);
    dnn_metrics_release(m);
}

/* In batches of every kind, twice, the second time as probabilities: the same bits as at once. */
static void test_seven_classes(void **state) {
    (void)state;
    dnn_metrics_desc d = {DNN_SIZED(dnn_metrics_desc), .classes = 7, .k = 3, .auc = 1};
    dnn_metrics *once = metrics_of(&d), *m = metrics_of(&d);
    add_rows(once, 0, GOLDEN_ROWS, 7, false, DNN_I64);
    COMPARE(once, golden_of_seven);
    for (int64_t i = 0; i < GOLDEN_ROWS; i += 24) {
        add_rows(m, i, 1, 7, false, DNN_I32);
        add_rows(m, i + 1, 0, 7, false, DNN_I32);
        add_rows(m, i + 1, 23, 7, false, DNN_U8);
    }
    COMPARE(m, golden_of_seven);
    for (size_t i = 0; i < sizeof golden_of_seven / sizeof *golden_of_seven; i++)
        assert_true(got(m, golden_of_seven[i].name) == got(once, golden_of_seven[i].name));
    dnn_metrics_release(once);
    dnn_metrics_release(m);
    d.probabilities = 1;
    m = metrics_of(&d);
    add_rows(m, 0, 5, 7, true, DNN_U8);
    OK(dnn_metrics_reset(m));
    add_rows(m, 0, GOLDEN_ROWS, 7, true, DNN_U8);
    COMPARE(m, golden_of_seven);
    dnn_metrics_release(m);
}

static void test_confusion(void **state) {
    (void)state;
    dnn_metrics *m = metrics_of(&(dnn_metrics_desc){DNN_SIZED(dnn_metrics_desc), .classes = 3});
    dnn_tensor *y = tensor(DNN_F32, 2, (int64_t[]){4, 3}), *t = tensor(DNN_I64, 1, (int64_t[]){4});
    const float scores[12] = {1, 0, 0, 0, 1, 1, 0, 0, 1, 0, 2, 0};
    const int64_t labels[4] = {0, 2, 2, 0};
    memcpy(dnn_tensor_data(y), scores, sizeof scores);
    memcpy(dnn_tensor_data(t), labels, sizeof labels);
    OK(dnn_metrics_add(m, y, t));
    const int64_t *n = dnn_tensor_const_data(dnn_metrics_confusion(m));
    const int64_t wanted[9] = {1, 1, 0, 0, 0, 0, 0, 1, 1}; /* of equal scores, 1 comes before 2 */
    assert_memory_equal(n, wanted, sizeof wanted);
    double recall[3], precision[3];
    OK(dnn_metrics_per_class(m, "recall", recall, 3));
    OK(dnn_metrics_per_class(m, "precision", precision, 3));
    assert_true(recall[0] == 0.5 && recall[1] == 0 && recall[2] == 0.5);
    assert_true(precision[0] == 1 && precision[1] == 0 && precision[2] == 1);
    assert_near("balanced", got(m, "balanced_accuracy"), 0.5); /* class 1 has no rows */
    dnn_tensor_release(y);
    dnn_tensor_release(t);
    dnn_metrics_release(m);
}

static void test_ignored_and_not_finite(void **state) {
    (void)state;
    dnn_metrics_desc d = {DNN_SIZED(dnn_metrics_desc), .classes = 2, .has_ignore_index = 1, .ignore_index = -100};
    dnn_metrics *m = metrics_of(&d);
    dnn_tensor *y = tensor(DNN_F32, 2, (int64_t[]){3, 2}), *t = tensor(DNN_I64, 1, (int64_t[]){3});
    const float scores[6] = {1, 0, (float)NAN, 0, 0, 5};
    const int64_t labels[3] = {0, 0, -100};
    memcpy(dnn_tensor_data(y), scores, sizeof scores);
    memcpy(dnn_tensor_data(t), labels, sizeof labels);
    assert_true(isnan(got(m, "accuracy")));
    OK(dnn_metrics_add(m, y, t));
    assert_true(got(m, "count") == 2 && got(m, "not_finite") == 1 && got(m, "accuracy") == 0.5);
    assert_true(isfinite(got(m, "loss")));
    dnn_tensor_release(y);
    dnn_tensor_release(t);
    dnn_metrics_release(m);
}

static void test_numbers(void **state) {
    (void)state;
    dnn_metrics *m = metrics_of(NULL);
    assert_true(isnan(got(m, "mse")) && isnan(got(m, "r2")) && isnan(got(m, "max_error")));
    for (int64_t first = 0; first < GOLDEN_ROWS; first += 40) {
        dnn_tensor *y = tensor(DNN_F32, 1, (int64_t[]){40}), *t = tensor(DNN_F64, 1, (int64_t[]){40});
        for (int64_t i = 0; i < 40; i++) {
            OK(dnn_tensor_set(y, 1, &i, (double)((first + i) * 37 % 64 - 32) / 16));
            OK(dnn_tensor_set(t, 1, &i, (double)((first + i) * 23 % 50 - 25) / 8));
        }
        OK(dnn_metrics_add(m, y, t));
        dnn_tensor_release(y);
        dnn_tensor_release(t);
    }
    COMPARE(m, golden_of_numbers);
    dnn_report *report;
    OK(dnn_metrics_report(&report, m));
    assert_int_equal(dnn_report_figures(report), 8);
    dnn_report_release(report);
    dnn_metrics_release(m);
}

static void test_report(void **state) {
    (void)state;
    const char *const names[7] = {"ape", "bee", "cat", "dog", "elk", "fox", "gnu"};
    dnn_metrics *m = metrics_of(&(dnn_metrics_desc){DNN_SIZED(dnn_metrics_desc), .classes = 7, .names = names,
                                                    .auc = 1});
    add_rows(m, 0, GOLDEN_ROWS, 7, false, DNN_U8);
    dnn_report *report;
    dnn_section section = {DNN_SIZED(dnn_section)};
    OK(dnn_metrics_report(&report, m));
    OK(dnn_report_section(report, 0, &section));
    assert_non_null(strstr(section.text, "elk"));
    assert_memory_equal(section.json, "[[", 2);
    assert_int_equal(dnn_report_figures(report), 12);
    assert_int_equal(dnn_report_pictures(report), 1);
    dnn_report_release(report);
    dnn_metrics_release(m);
}

static void test_quartiles(void **state) {
    (void)state;
    const double values[] = {5, 1, (double)NAN, 3, 1, 9, 7};
    int64_t index[5];
    OK(dnn_quartiles(ctx, values, 7, index));
    const int64_t wanted[5] = {1, 3, 0, 5, 2}; /* in order: 1 1 3 5 7 9 NaN */
    assert_int_equal(index[0], wanted[0]);
    assert_int_equal(index[1], 3);
    assert_int_equal(index[2], wanted[2]);
    assert_int_equal(index[3], wanted[3]);
    assert_int_equal(index[4], wanted[4]);
    OK(dnn_quartiles(ctx, values, 1, index));
    for (int i = 0; i < 5; i++) assert_int_equal(index[i], 0);
    assert_int_equal(dnn_quartiles(ctx, values, 0, index), DNN_ERROR_ARGUMENT);
}

/* ---- refusals ---- */

static void refused(dnn_metrics *m, dnn_tensor *y, dnn_tensor *t, dnn_status wanted, const char *line) {
    assert_int_equal(dnn_metrics_add(m, y, t), wanted);
    assert_string_equal(dnn_last_error(), line);
    assert_true(got(m, "count") == 0);
}

static void test_refusals(void **state) {
    (void)state;
    dnn_metrics *m = metrics_of(&(dnn_metrics_desc){DNN_SIZED(dnn_metrics_desc), .classes = 3, .probabilities = 1});
    dnn_metrics *numbers = metrics_of(NULL);
    dnn_tensor *y = tensor(DNN_F32, 2, (int64_t[]){2, 3}), *wide = tensor(DNN_F32, 2, (int64_t[]){2, 4});
    dnn_tensor *t = tensor(DNN_I64, 1, (int64_t[]){2}), *column = tensor(DNN_I64, 2, (int64_t[]){2, 1});
    refused(m, t, t, DNN_ERROR_DTYPE, "y is int64, metrics take float32 or float64");
    refused(m, y, y, DNN_ERROR_DTYPE, "target is float32: classes are uint8, int32 or int64");
    refused(m, wide, t, DNN_ERROR_SHAPE, "y has shape [2,4]: its last axis is the 3 classes");
    refused(m, y, column, DNN_ERROR_SHAPE, "y has shape [2,3], target [2,1]: it must be [2]");
    OK(dnn_tensor_set(t, 1, (int64_t[]){1}, 3));
    refused(m, y, t, DNN_ERROR_VALUE, "target 1 is 3: there are 3 classes, numbered from 0");
    OK(dnn_tensor_set(t, 1, (int64_t[]){1}, 2));
    OK(dnn_tensor_set(y, 2, (int64_t[]){1, 1}, -0.5));
    refused(m, y, t, DNN_ERROR_VALUE, "y has a probability of -0.5: for logits leave desc.probabilities out");
    refused(numbers, y, t, DNN_ERROR_DTYPE,
            "target is int64: of numbers it is float32 or float64 (for classes set desc.classes)");
    refused(numbers, y, wide, DNN_ERROR_SHAPE, "y has shape [2,3], target [2,4]: they must be the same");
    double value, each[3];
    assert_int_equal(dnn_metrics_get(m, "auc", &value), DNN_ERROR_STATE);
    assert_int_equal(dnn_metrics_get(m, "mse", &value), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_metrics_get(numbers, "accuracy", &value), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_metrics_per_class(m, "recall", each, 2), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_metrics_per_class(m, "mse", each, 3), DNN_ERROR_NOT_FOUND);
    assert_null(dnn_metrics_confusion(numbers));
    dnn_metrics_desc bad[] = {{DNN_SIZED(dnn_metrics_desc), .classes = 1},
                              {DNN_SIZED(dnn_metrics_desc), .classes = 3, .k = 4},
                              {DNN_SIZED(dnn_metrics_desc), .classes = 3, .bins = 1001},
                              {DNN_SIZED(dnn_metrics_desc), .auc = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dnn_metrics *none = (dnn_metrics *)1;
        assert_int_equal(dnn_metrics_create(&none, ctx, &bad[i]), DNN_ERROR_ARGUMENT);
        assert_null(none);
    }
    dnn_tensor *all[] = {y, wide, t, column};
    for (int i = 0; i < 4; i++) dnn_tensor_release(all[i]);
    dnn_metrics_release(numbers);
    dnn_metrics_release(m);
}

static dnn_status everything(void) {
    static const char *const names[] = {"a", "b", "c"};
    dnn_metrics_desc d = {DNN_SIZED(dnn_metrics_desc), .classes = 3, .auc = 1, .names = names};
    dnn_metrics *m;
    dnn_report *report = NULL;
    dnn_tensor *y = NULL, *t = NULL;
    double value;
    int64_t index[5];
    const double values[] = {1, 2};
    dnn_status status = dnn_metrics_create(&m, ctx, &d);
    if (status != DNN_OK) return status;
    status = dnn_tensor_create(&y, ctx, DNN_F32, 2, (int64_t[]){2, 3});
    if (status == DNN_OK) status = dnn_tensor_create(&t, ctx, DNN_U8, 1, (int64_t[]){2});
    if (status == DNN_OK) status = dnn_metrics_add(m, y, t);
    if (status == DNN_OK) status = dnn_metrics_get(m, "auc", &value);
    if (status == DNN_OK) status = dnn_quartiles(ctx, values, 2, index);
    if (status == DNN_OK) status = dnn_metrics_report(&report, m);
    dnn_report_release(report);
    dnn_tensor_release(y);
    dnn_tensor_release(t);
    dnn_metrics_release(m);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        for (int64_t k = 1; status != DNN_OK; k++) {
            test_allocator_arm(&memory, k, for_ever);
            status = everything();
            test_allocator_arm(&memory, 0, false);
            if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_two_classes), TEST(test_seven_classes), TEST(test_confusion),  TEST(test_ignored_and_not_finite),
        TEST(test_numbers),     TEST(test_report),        TEST(test_quartiles),  TEST(test_refusals),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
