/* Statistics of datasets, and the layer and the file that carry them. */
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

#include "support/datasets.h"

#define FIT(s, dataset, ...) \
    dnn_statistics_fit(s, dataset, &(dnn_statistics_desc){DNN_SIZED(dnn_statistics_desc), __VA_ARGS__})

static void expect_list(const double *got, const double *want, int64_t n, double bound, const char *what) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= bound)) fail_msg("%s[%lld] is %g, not %g", what, (long long)i, got[i], want[i]);
}

/* Four samples (2, 2): 1 … 16. */
static dnn_dataset *counting(dnn_dtype dtype) {
    dnn_tensor *x = tensor_of(data_ctx, dtype, DIMS(4, 2, 2), NULL);
    for (int64_t i = 0; i < 16; i++) tensor_put(x, i, (double)(i + 1));
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, x));
    dnn_tensor_release(x);
    return dataset;
}

static void numbers_of_all_types(void **state) {
    (void)state;
    const dnn_dtype dtypes[] = {DNN_U8, DNN_F32, DNN_F64, DNN_I32, DNN_I64, DNN_BF16, DNN_F16};
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++) {
        dnn_dataset *dataset = counting(dtypes[k]);
        dnn_statistics *s;
        OK(dnn_statistics_fit(&s, dataset, NULL));
        assert_int_equal(dnn_statistics_features(s), 2);
        expect_list(dnn_statistics_mean(s), (const double[]){8, 9}, 2, 1e-14, "mean");
        expect_list(dnn_statistics_std(s), (const double[]){sqrt(21), sqrt(21)}, 2, 1e-14, "std");
        expect_list(dnn_statistics_min(s), (const double[]){1, 2}, 2, 0, "min");
        expect_list(dnn_statistics_max(s), (const double[]){15, 16}, 2, 0, "max");
        expect_list(dnn_statistics_count(s), (const double[]){8, 8}, 2, 0, "count");
        dnn_statistics_release(s);
        OK(FIT(&s, dataset, .per = DNN_PER_ELEMENT, .targets = 1));
        dnn_array shape;
        OK(dnn_statistics_shape(s, &shape));
        assert_true(shape.rank == 2 && shape.dims[0] == 2 && shape.dims[1] == 2);
        expect_list(dnn_statistics_mean(s), (const double[]){7, 8, 9, 10}, 4, 1e-14, "mean");
        expect_list(dnn_statistics_std(s), (const double[]){sqrt(20), sqrt(20), sqrt(20), sqrt(20)}, 4, 1e-14, "std");
        dnn_statistics_release(s);
        OK(FIT(&s, dataset, .per = DNN_PER_DATASET));
        expect_list(dnn_statistics_mean(s), (const double[]){8.5}, 1, 1e-14, "mean");
        expect_list(dnn_statistics_std(s), (const double[]){sqrt(21.25)}, 1, 1e-14, "std");
        dnn_statistics_release(s);
        dnn_dataset_release(dataset);
    }
}

/* ---- large, on any number of threads, from memory and from a callback ---- */

enum { ROWS = 30000, COLUMNS = 7 };

static float value_at(int64_t row, int64_t column) {
    return (float)(1000 + column) + (float)((row * 7919 + column * 31) % 1009) * 0.01f;
}

static dnn_status get_row(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch, (void)target;
    for (int64_t c = 0; c < COLUMNS; c++) ((float *)input->data)[c] = value_at(index, c);
    return DNN_OK;
}

static dnn_dataset *rows_made(dnn_context *ctx) {
    dnn_dataset *dataset;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = ROWS,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {COLUMNS}}, .get = get_row,
                                      .thread_safe = 1};
    OK(dnn_dataset_from_callbacks(&dataset, ctx, &desc));
    return dataset;
}

static dnn_dataset *rows_held(dnn_context *ctx) {
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(ROWS, COLUMNS), NULL);
    dnn_dataset *dataset;
    for (int64_t i = 0; i < ROWS * COLUMNS; i++)
        ((float *)dnn_tensor_data(x))[i] = value_at(i / COLUMNS, i % COLUMNS);
    OK(dnn_dataset_from_tensors(&dataset, x, NULL));
    dnn_tensor_release(x);
    return dataset;
}

static void the_same_bits_on_any_number_of_threads(void **state) {
    (void)state;
    double first[2][COLUMNS];
    for (int threads = 1; threads <= 4; threads++)
        for (int held = 0; held < 2; held++) {
            dnn_context *ctx;
            dnn_statistics *s;
            OK(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads}));
            dnn_dataset *dataset = held ? rows_held(ctx) : rows_made(ctx);
            OK(dnn_statistics_fit(&s, dataset, NULL));
            if (threads == 1 && held == 0) {
                memcpy(first[0], dnn_statistics_mean(s), sizeof first[0]);
                memcpy(first[1], dnn_statistics_std(s), sizeof first[1]);
            }
            assert_memory_equal(first[0], dnn_statistics_mean(s), sizeof first[0]);
            assert_memory_equal(first[1], dnn_statistics_std(s), sizeof first[1]);
            dnn_statistics_release(s);
            dnn_dataset_release(dataset);
            dnn_context_release(ctx);
        }
    for (int64_t c = 0; c < COLUMNS; c++) {
        long double mean = 0, m2 = 0;
        for (int64_t r = 0; r < ROWS; r++) mean += value_at(r, c);
        mean /= ROWS;
        for (int64_t r = 0; r < ROWS; r++) m2 += (value_at(r, c) - mean) * (value_at(r, c) - mean);
        assert_true(fabsl(first[0][c] - mean) < 1e-12L * mean);
        assert_true(fabsl(first[1][c] - sqrtl(m2 / ROWS)) < 1e-12L);
    }
}

/* ---- numbers that are none ---- */

static void bad_numbers_are_refused_or_left_out(void **state) {
    (void)state;
    const dnn_dtype dtypes[] = {DNN_F32, DNN_F64, DNN_F16};
    for (int k = 0; k < 3; k++) {
        dnn_tensor *x = tensor_of(data_ctx, dtypes[k], DIMS(4, 2, 2), NULL);
        dnn_dataset *dataset;
        dnn_statistics *s;
        for (int64_t i = 0; i < 16; i++) tensor_put(x, i, (double)i);
        tensor_put(x, 9, NAN);
        tensor_put(x, 15, INFINITY);
        OK(dnn_dataset_from_tensors(&dataset, x, NULL));
        FAILS(dnn_statistics_fit(&s, dataset, NULL), DNN_ERROR_VALUE, "sample 2 has nan in its input at [0,1]");
        assert_null(s);
        OK(FIT(&s, dataset, .skip_nan = 1));
        expect_list(dnn_statistics_count(s), (const double[]){8, 6}, 2, 0, "count");
        expect_list(dnn_statistics_mean(s), (const double[]){7, 40.0 / 6}, 2, 1e-14, "mean");
        expect_list(dnn_statistics_max(s), (const double[]){14, 13}, 2, 0, "max");
        dnn_statistics_release(s);
        dnn_dataset_release(dataset);
        dnn_tensor_release(x);
    }
}

static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    assert_string_equal(what, "fitting statistics");
    assert_int_equal(total, ROWS);
    ++*(int *)user;
    return done < total ? DNN_OK : dnn_fail(DNN_ERROR_STATE, "the user has left");
}

static void fits_that_fail(void **state) {
    (void)state;
    dnn_dataset *dataset = rows_made(data_ctx), *none;
    dnn_statistics *s;
    int calls = 0;
    FAILS(FIT(&s, dataset, .progress = {stop, &calls}), DNN_ERROR_STATE, "the user has left");
    assert_true(calls >= 2);
    FAILS(FIT(&s, dataset, .targets = 1), DNN_ERROR_STATE, "no targets");
    FAILS(FIT(&s, dataset, .per = (dnn_statistics_per)5), DNN_ERROR_ARGUMENT, "desc.per is 5");
    OK(dnn_dataset_first(&none, dataset, 0));
    FAILS(dnn_statistics_fit(&s, none, NULL), DNN_ERROR_VALUE, "no samples");
    dnn_dataset_release(none);
    dnn_dataset_release(dataset);
}

static dnn_status get_torn(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch, (void)input, (void)target;
    return index == 7000 || index == 25000 ? dnn_fail(DNN_ERROR_IO, "torn") : DNN_OK;
}

static void the_first_failure_is_told(void **state) {
    (void)state;
    dnn_dataset *dataset;
    dnn_statistics *s;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = ROWS,
                                      .input = {.dtype = DNN_F32, .rank = 1, .dims = {100}}, .get = get_torn,
                                      .thread_safe = 1};
    OK(dnn_dataset_from_callbacks(&dataset, data_ctx, &desc));
    FAILS(dnn_statistics_fit(&s, dataset, NULL), DNN_ERROR_CALLBACK, "sample 7000: torn");
    dnn_dataset_release(dataset);
}

static void known_numbers_are_checked(void **state) {
    (void)state;
    dnn_statistics *s;
    FAILS(dnn_statistics_create(&s, data_ctx, 1, (const int64_t[]){2}, (const double[]){1, NAN}, NULL), DNN_ERROR_VALUE,
          "mean[1] is nan");
    FAILS(dnn_statistics_create(&s, data_ctx, 1, (const int64_t[]){2}, NULL, (const double[]){-1, 1}), DNN_ERROR_VALUE,
          "std[0] is -1");
    FAILS(dnn_statistics_create(&s, data_ctx, 1, (const int64_t[]){-2}, NULL, NULL), DNN_ERROR_SHAPE, "negative");
    OK(dnn_statistics_create(&s, data_ctx, 1, (const int64_t[]){2}, NULL, NULL));
    expect_list(dnn_statistics_std(s), (const double[]){1, 1}, 2, 0, "std");
    assert_true(dnn_statistics_max(s)[0] == -INFINITY);
    dnn_statistics_release(s);
}

/* ---- the layer ---- */

static dnn_module *standardizing(const dnn_statistics *s) {
    dnn_module *net;
    OK(dnn_sequential_create(&net, data_ctx));
    OK(dnn_sequential_add(net, "standardize", dnn_standardize(data_ctx, s)));
    return net;
}

static void the_layer_standardizes(void **state) {
    (void)state;
    dnn_dataset *dataset = counting(DNN_F32);
    dnn_statistics *s;
    dnn_tensor *x;
    OK(dnn_statistics_fit(&s, dataset, NULL));
    dnn_module *net = standardizing(s);
    dnn_statistics_release(s);
    OK(dnn_dataset_get_range(&x, NULL, dataset, 0, 4));
    const dnn_tensor *y = run_forward(net, x);
    double want[16];
    for (int i = 0; i < 16; i++) want[i] = (i + 1 - 8 - i % 2) / sqrt(21);
    expect_values(y, want, 1e-6, "y");
    dnn_tensor *wide = tensor_of(data_ctx, DNN_F32, DIMS(4, 2, 3), NULL);
    FAILS(dnn_module_forward(net, wide, &y), DNN_ERROR_SHAPE, "its last axes are to be [2]");
    dnn_tensor_release(wide);
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_dataset_release(dataset);
}

static void a_constant_feature_stays_finite(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(3, 2), (const double[]){5, 1, 5, 2, 5, 3});
    dnn_dataset *dataset;
    dnn_statistics *s;
    OK(dnn_dataset_from_tensors(&dataset, x, NULL));
    OK(dnn_statistics_fit(&s, dataset, NULL));
    assert_true(dnn_statistics_std(s)[0] == 0);
    dnn_module *net = standardizing(s);
    double q = sqrt(1.5);
    expect_values(run_forward(net, x), (const double[]){0, -q, 0, 0, 0, q}, 1e-6, "y");
    dnn_module_release(net);
    dnn_statistics_release(s);
    dnn_dataset_release(dataset);
    dnn_tensor_release(x);
}

static char path[] = "/tmp/dnn-statistics-XXXXXX";

static void the_layer_is_saved_with_the_weights(void **state) {
    (void)state;
    dnn_dataset *dataset = counting(DNN_F32);
    dnn_statistics *s, *blank;
    OK(dnn_statistics_fit(&s, dataset, NULL));
    OK(dnn_statistics_create(&blank, data_ctx, 1, (const int64_t[]){2}, NULL, NULL));
    dnn_module *net = standardizing(s), *loaded = standardizing(blank);
    OK(dnn_weights_save(net, path, NULL));
    OK(dnn_weights_load(loaded, path, NULL));
    expect_values(value_of(loaded, "standardize.mean"), (const double[]){8, 9}, 0, "mean");
    expect_same_bits(value_of(loaded, "standardize.std"), value_of(net, "standardize.std"), "std");
    dnn_module_release(net);
    dnn_module_release(loaded);
    dnn_statistics_release(s);
    dnn_statistics_release(blank);
    dnn_dataset_release(dataset);
}

/* ---- the file ---- */

static void files_give_the_same_bits(void **state) {
    (void)state;
    dnn_dataset *dataset = rows_made(data_ctx);
    dnn_statistics *s, *read;
    OK(dnn_statistics_fit(&s, dataset, NULL));
    OK(dnn_statistics_save(s, path));
    OK(dnn_statistics_load(&read, data_ctx, path));
    assert_int_equal(dnn_statistics_features(read), COLUMNS);
#define SAME(field) assert_memory_equal(dnn_statistics_##field(s), dnn_statistics_##field(read), COLUMNS * sizeof(double))
    SAME(count), SAME(mean), SAME(std), SAME(min), SAME(max);
    dnn_statistics_release(s);
    dnn_statistics_release(read);
    dnn_dataset_release(dataset);
}

static void write_file(const char *name, dnn_dtype dtype, int64_t n, double first, bool all) {
    static const char *const names[5] = {"count", "mean", "std", "min", "max"};
    dnn_tensor *t[5];
    for (int k = 0; k < 5; k++) {
        bool odd = strcmp(names[k], name) == 0;
        t[k] = tensor_of(data_ctx, odd ? dtype : DNN_F64, DIMS(odd ? n : 2), NULL);
        if (odd && n > 0) tensor_put(t[k], 0, first);
    }
    OK(dnn_safetensors_write(data_ctx, path, names, (const dnn_tensor *const *)t, all ? 5 : 4, NULL, 0));
    for (int k = 0; k < 5; k++) dnn_tensor_release(t[k]);
}

static void hostile_files_are_refused(void **state) {
    (void)state;
    dnn_statistics *s;
    write_file("", DNN_F64, 2, 0, true);
    OK(dnn_statistics_load(&s, data_ctx, path));
    dnn_statistics_release(s);
#define REFUSED(words, ...)                                                                     \
    do {                                                                                        \
        write_file(__VA_ARGS__);                                                                \
        FAILS(dnn_statistics_load(&s, data_ctx, path), DNN_ERROR_FORMAT, words);                \
        assert_null(s);                                                                         \
    } while (0)
    REFUSED("there is no tensor \"max\"", "", DNN_F64, 2, 0, false);
    REFUSED("mean is float32 [2], it is to be float64 [2]", "mean", DNN_F32, 2, 0, true);
    REFUSED("max is float64 [3]", "max", DNN_F64, 3, 0, true);
    REFUSED("feature 0 has mean nan", "mean", DNN_F64, 2, NAN, true);
    REFUSED("std -1", "std", DNN_F64, 2, -1, true);
    REFUSED("std inf", "std", DNN_F64, 2, INFINITY, true);
    REFUSED("of -3 numbers", "count", DNN_F64, 2, -3, true);
    FAILS(dnn_statistics_load(&s, data_ctx, "no-such-folder/x"), DNN_ERROR_IO, "no-such-folder/x: ");
}

/* ---- memory ---- */

static dnn_status use_everything(void *user) {
    dnn_dataset *dataset = user;
    dnn_statistics *s = NULL, *read = NULL;
    dnn_module *layer = NULL;
    dnn_status status = dnn_statistics_fit(&s, dataset, NULL);
    if (status == DNN_OK) status = dnn_statistics_save(s, path);
    if (status == DNN_OK) status = dnn_statistics_load(&read, data_ctx, path);
    if (status == DNN_OK && !(layer = dnn_standardize(data_ctx, s))) status = dnn_last_status();
    dnn_module_release(layer);
    dnn_statistics_release(read);
    dnn_statistics_release(s);
    return status;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    dnn_dataset *dataset = counting(DNN_I32);
    expect_memory_failures_survived(use_everything, dataset, 20);
    dnn_dataset_release(dataset);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)
    const struct CMUnitTest tests[] = {
        TEST(numbers_of_all_types),
        TEST(the_same_bits_on_any_number_of_threads),
        TEST(bad_numbers_are_refused_or_left_out),
        TEST(fits_that_fail),
        TEST(the_first_failure_is_told),
        TEST(known_numbers_are_checked),
        TEST(the_layer_standardizes),
        TEST(a_constant_feature_stays_finite),
        TEST(the_layer_is_saved_with_the_weights),
        TEST(files_give_the_same_bits),
        TEST(hostile_files_are_refused),
        TEST(out_of_memory_anywhere_is_survived),
    };
    int descriptor = mkstemp(path);
    if (descriptor < 0) return 1;
    close(descriptor);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
