/* Normalisation, softmax, dropout: values, modes, running statistics, masks, what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define BATCH_NORM(...) dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), __VA_ARGS__})
#define LAYER_NORM(...) dnn_layer_norm(ctx, &(dnn_layer_norm_desc){DNN_SIZED(dnn_layer_norm_desc), __VA_ARGS__})

static dnn_module *as(dnn_module *m, dnn_dtype dtype) {
    if (!m) fail_msg("%s", dnn_last_error());
    assert_int_equal(dnn_module_to(m, dtype), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL), DNN_OK);
    return m;
}

/* ---- what is refused ---- */

static void expect_refused(dnn_module *m, const char *line) {
    assert_null(m);
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, line);
}

static void bad_settings_are_named(void **state) {
    (void)state;
    expect_refused(dnn_batch_norm(ctx, NULL), "desc is NULL");
    expect_refused(BATCH_NORM(.eps = 1e-3), "desc.features is 0, it must be at least 1");
    expect_refused(BATCH_NORM(.features = 3, .eps = -1), "desc.eps is -1, it must be finite and not negative");
    expect_refused(BATCH_NORM(.features = 3, .momentum = 1.5), "desc.momentum is 1.5, it must be from 0 to 1");
    expect_refused(BATCH_NORM(.features = 3, .momentum = (double)NAN), "desc.momentum is nan, it must be from 0 to 1");
    expect_refused(LAYER_NORM(.eps = 1e-3), "desc.shape is empty, it must have the sizes of the last axes");
    expect_refused(LAYER_NORM(.shape = {4, -2}), "desc.shape[1] is -2, it must be at least 1");
    expect_refused(LAYER_NORM(.shape = {4, 0, 2}), "desc.shape[2] is 2, behind a 0, which ends the shape");
    expect_refused(LAYER_NORM(.shape = {4}, .eps = (double)INFINITY),
                   "desc.eps is inf, it must be finite and not negative");
    expect_refused(dnn_dropout(ctx, 1.25), "p is 1.25, a probability is from 0 to 1");
    expect_refused(dnn_dropout(ctx, (double)NAN), "p is nan, a probability is from 0 to 1");
    expect_refused(dnn_softmax(ctx, 8), "axis is 8, a tensor has at most 8 axes");
}

static void expect_misfit(dnn_module *m, dnn_dtype dtype, int32_t rank, const int64_t *dims, dnn_status status,
                          const char *line) {
    const dnn_tensor *y;
    dnn_tensor *x = tensor_of(ctx, dtype, rank, dims, NULL);
    expect_error(dnn_module_forward(m, x, &y), status, line);
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void misfits_are_told_with_shapes(void **state) {
    (void)state;
    expect_misfit(BATCH_NORM(.features = 3), DNN_F32, DIMS(5, 4), DNN_ERROR_SHAPE,
                  "input has 4 features, the layer expects 3 (input [5,4])");
    expect_misfit(BATCH_NORM(.features = 3), DNN_F32, DIMS(3), DNN_ERROR_SHAPE,
                  "input has no batch axis, the layer expects (N, …, 3) (input [3])");
    expect_misfit(BATCH_NORM(.features = 3), DNN_F32, DIMS(1, 1, 1, 3), DNN_ERROR_SHAPE,
                  "training on one value of each feature: it has no variance (input [1,1,1,3]; "
                  "DNN_LAST_BATCH_DROP leaves out a last batch of one)");
    expect_misfit(BATCH_NORM(.features = 3, .no_affine = 1), DNN_F64, DIMS(2, 3), DNN_ERROR_DTYPE,
                  "input is float64, running_mean is float32 (dnn_module_to converts a module)");
    expect_misfit(LAYER_NORM(.shape = {4, 3}), DNN_F32, DIMS(2, 3, 4), DNN_ERROR_SHAPE,
                  "input is [2,3,4], its last axes must be [4,3]");
    expect_misfit(LAYER_NORM(.shape = {4, 3}), DNN_F32, DIMS(3), DNN_ERROR_SHAPE,
                  "input is [3], its last axes must be [4,3]");
    expect_misfit(dnn_softmax(ctx, 2), DNN_F32, DIMS(2, 3), DNN_ERROR_SHAPE, "there is no axis 2 in input [2,3]");
    expect_misfit(dnn_log_softmax(ctx, -1), DNN_F32, 0, NULL, DNN_ERROR_SHAPE, "there is no axis -1 in input []");
    expect_misfit(dnn_dropout(ctx, 0.5), DNN_I32, DIMS(2, 3), DNN_ERROR_DTYPE,
                  "input is int32, the layer computes in float32 or float64 (dnn_tensor_cast converts)");
}

/* ---- batch norm ---- */

/* Columns (1, 2, 3, 6) and (0, 0, 4, 4): means 3 and 2, biased variances 3.5 and 4, unbiased ones 14/3 and 16/3. */
static const double columns[] = {1, 0, 2, 0, 3, 4, 6, 4};

static void training_normalises_by_the_batch(void **state) {
    (void)state;
    dnn_module *m = as(BATCH_NORM(.features = 2), DNN_F64);
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(2, 2, 2), columns);
    tensor_put(value_of(m, "weight"), 1, 3);
    tensor_put(value_of(m, "bias"), 0, -1);
    const dnn_tensor *y = run_forward(m, x);
    for (int64_t i = 0; i < 8; i++) {
        double hat = i % 2 ? (columns[i] - 2) / sqrt(4 + 1e-5) : (columns[i] - 3) / sqrt(3.5 + 1e-5);
        expect_near(y, i, i % 2 ? 3 * hat : hat - 1, 1e-14, "y");
    }
    expect_values(value_of(m, "running_mean"), (double[]){0.3, 0.2}, 1e-15, "running_mean");
    expect_values(value_of(m, "running_var"), (double[]){0.9 + 1.4 / 3, 0.9 + 1.6 / 3}, 1e-15, "running_var");
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void zero_momentum_holds_the_statistics(void **state) {
    (void)state;
    dnn_module *still = as(BATCH_NORM(.features = 2, .momentum = DNN_ZERO), DNN_F32);
    dnn_module *all = as(BATCH_NORM(.features = 2, .momentum = 1, .eps = DNN_ZERO), DNN_F32);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(4, 2), columns);
    run_forward(still, x);
    expect_values(value_of(still, "running_mean"), (double[]){0, 0}, 0, "running_mean");
    expect_values(value_of(still, "running_var"), (double[]){1, 1}, 0, "running_var");
    expect_near(run_forward(all, x), 1, -1, 0, "y without eps");
    expect_values(value_of(all, "running_mean"), (double[]){3, 2}, 0, "running_mean");
    expect_values(value_of(all, "running_var"), (double[]){14.0 / 3, 16.0 / 3}, 1e-6, "running_var");
    dnn_tensor_release(x);
    dnn_module_release(still);
    dnn_module_release(all);
}

static void evaluation_uses_the_running_ones(void **state) {
    (void)state;
    dnn_module *m = as(BATCH_NORM(.features = 2, .eps = DNN_ZERO), DNN_F64);
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(1, 2), (double[]){5, 7});
    dnn_tensor *dy = tensor_of(ctx, DNN_F64, DIMS(1, 2), (double[]){8, 10});
    tensor_put(value_of(m, "running_mean"), 0, 3);
    tensor_put(value_of(m, "running_var"), 0, 4);
    tensor_put(value_of(m, "weight"), 0, 6);
    tensor_put(value_of(m, "bias"), 1, 0.5);
    assert_int_equal(dnn_module_eval(m), DNN_OK);
    expect_values(run_forward(m, x), (double[]){6, 7.5}, 1e-15, "y");
    expect_values(run_backward(m, dy), (double[]){8 * 6 / 2.0, 10}, 1e-15, "dx");
    expect_values(gradient_of(m, "weight"), (double[]){8, 70}, 1e-15, "dweight");
    expect_values(gradient_of(m, "bias"), (double[]){8, 10}, 1e-15, "dbias");
    expect_values(value_of(m, "running_mean"), (double[]){3, 0}, 0, "running_mean");
    expect_values(value_of(m, "running_var"), (double[]){4, 1}, 0, "running_var");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

/* With everything frozen no backward comes, and nothing is kept: the same numbers all the same. */
static void nothing_kept_changes_nothing(void **state) {
    (void)state;
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(9, 5, 33), 3), *y[2];
    for (int frozen = 0; frozen < 2; frozen++) {
        dnn_module *m = BATCH_NORM(.features = 33);
        if (frozen) assert_int_equal(dnn_module_freeze(m, "*"), DNN_OK);
        assert_int_equal(dnn_tensor_clone(&y[frozen], run_forward(m, x)), DNN_OK);
        dnn_module_release(m);
    }
    expect_same_bits(y[0], y[1], "y");
    dnn_tensor_release(x);
    dnn_tensor_release(y[0]);
    dnn_tensor_release(y[1]);
}

/* The mean and the variance are functions of x: dx is orthogonal to the ones and, but for eps, to x - mean. */
static void training_gradient_sees_the_statistics(void **state) {
    (void)state;
    dnn_module *m = as(BATCH_NORM(.features = 2, .no_affine = 1, .eps = DNN_ZERO), DNN_F64);
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(4, 2), columns), *dy = tensor_normal(ctx, DNN_F64, DIMS(4, 2), 5);
    run_forward(m, x);
    const dnn_tensor *dx = run_backward(m, dy);
    for (int64_t c = 0; c < 2; c++) {
        double ones = 0, along = 0;
        for (int64_t i = c; i < 8; i += 2) {
            ones += tensor_at(dx, i);
            along += tensor_at(dx, i) * columns[i];
        }
        assert_true(fabs(ones) < 1e-14 && fabs(along) < 1e-14);
    }
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

/* ---- layer norm ---- */

static void layer_norm_is_its_formula(void **state) {
    (void)state;
    dnn_module *m = as(LAYER_NORM(.shape = {2, 2}, .eps = 0.25), DNN_F64);
    dnn_module *plain = as(LAYER_NORM(.shape = {2, 2}, .no_affine = 1), DNN_F64);
    dnn_module *scaled = as(LAYER_NORM(.shape = {2, 2}, .no_bias = 1), DNN_F64);
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(2, 2, 2), (double[]){1, 2, 3, 6, 0, 0, 4, 4});
    tensor_put(value_of(m, "weight"), 3, 2);
    tensor_put(value_of(m, "bias"), 0, 7);
    double r = 1 / sqrt(3.75), s = 1 / sqrt(4.25);
    const double want[] = {-2 * r + 7, -r, 0, 6 * r, -2 * s + 7, -2 * s, 2 * s, 4 * s};
    expect_values(run_forward(m, x), want, 1e-14, "y");
    expect_near(run_forward(plain, x), 7, 2 / sqrt(4 + 1e-5), 1e-14, "y without weights");
    assert_int_equal(dnn_module_parameter_count(m), 2);
    assert_int_equal(dnn_module_parameter_count(plain), 0);
    assert_int_equal(dnn_module_parameter_count(scaled), 1);
    dnn_tensor *dy = tensor_of(ctx, DNN_F64, DIMS(2, 2, 2), (double[]){1, 2, 3, 4, 5, 6, 7, 8});
    run_backward(m, dy);
    expect_values(gradient_of(m, "bias"), (double[]){6, 8, 10, 12}, 1e-15, "dbias");
    expect_near(gradient_of(m, "weight"), 0, -2 * r * 1 - 2 * s * 5, 1e-14, "dweight");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
    dnn_module_release(plain);
    dnn_module_release(scaled);
}

/* In each row, as in batch norm's columns: dx is orthogonal to the ones and to x. */
static void every_row_has_its_own_statistics(void **state) {
    (void)state;
    enum { ROWS = 300, COLS = 6 };
    dnn_module *m = as(LAYER_NORM(.shape = {COLS}, .eps = DNN_ZERO), DNN_F64);
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(ROWS, COLS), 1);
    dnn_tensor *dy = tensor_normal(ctx, DNN_F64, DIMS(ROWS, COLS), 2);
    run_forward(m, x);
    const dnn_tensor *dx = run_backward(m, dy);
    for (int64_t r = 0; r < ROWS; r++) {
        double ones = 0, along = 0;
        for (int64_t i = r * COLS; i < (r + 1) * COLS; i++) {
            ones += tensor_at(dx, i);
            along += tensor_at(dx, i) * tensor_at(x, i);
        }
        assert_true(fabs(ones) < 1e-12 && fabs(along) < 1e-12);
    }
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

/* ---- softmax ---- */

typedef struct {
    int64_t first, step, count;
} line;

/* The elements that share a sum with element i of a (2, 3, 4) array. */
static line line_of(int32_t axis, int64_t i) {
    static const int64_t steps[] = {12, 4, 1}, counts[] = {2, 3, 4};
    int64_t step = steps[axis], count = counts[axis];
    return (line){i - i / step % count * step, step, count};
}

static double sum_exp(const dnn_tensor *x, line l) {
    double sum = 0;
    for (int64_t k = 0; k < l.count; k++) sum += exp(tensor_at(x, l.first + k * l.step));
    return sum;
}

static void check_softmax(int32_t axis, int32_t named, bool logarithm) {
    dnn_module *m = as(logarithm ? dnn_log_softmax(ctx, named) : dnn_softmax(ctx, named), DNN_F64);
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(2, 3, 4), 1), *dy = tensor_normal(ctx, DNN_F64, DIMS(2, 3, 4), 2);
    const dnn_tensor *y = run_forward(m, x);
    for (int64_t i = 0; i < 24; i++) {
        double p = exp(tensor_at(x, i)) / sum_exp(x, line_of(axis, i));
        expect_near(y, i, logarithm ? log(p) : p, 1e-14, "y");
    }
    const dnn_tensor *dx = run_backward(m, dy);
    for (int64_t i = 0; i < 24; i++) {
        line l = line_of(axis, i);
        double p = exp(tensor_at(x, i)) / sum_exp(x, l), sum = 0;
        for (int64_t k = 0; k < l.count; k++) {
            int64_t j = l.first + k * l.step;
            sum += tensor_at(dy, j) * (logarithm ? 1 : exp(tensor_at(x, j)) / sum_exp(x, l));
        }
        expect_near(dx, i, logarithm ? tensor_at(dy, i) - p * sum : p * (tensor_at(dy, i) - sum), 1e-14, "dx");
    }
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void softmax_runs_along_any_axis(void **state) {
    (void)state;
    for (int32_t axis = 0; axis < 3; axis++)
        for (int logarithm = 0; logarithm < 2; logarithm++) {
            check_softmax(axis, axis, logarithm);
            check_softmax(axis, axis - 3, logarithm);
        }
}

/* ---- dropout ---- */

static void masks_have_the_right_share(void **state) {
    (void)state;
    enum { N = 100000 };
    dnn_module *m = as(dnn_dropout(ctx, 0.2), DNN_F32);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(N), NULL);
    for (int64_t i = 0; i < N; i++) tensor_put(x, i, 4);
    const dnn_tensor *y = run_forward(m, x);
    int64_t dropped = 0;
    for (int64_t i = 0; i < N; i++) {
        assert_true(tensor_at(y, i) == 0 || tensor_at(y, i) == 5);
        dropped += tensor_at(y, i) == 0;
    }
    /* five standard deviations of a binomial: √(N p (1 - p)) = 126 */
    assert_true(llabs((long long)dropped - N / 5) < 5 * 127);
    dnn_tensor_release(x);
    dnn_module_release(m);
}

/* y is linear in x, so with dy = x the gradient is y again, mask and all. */
static void backward_draws_the_same_mask(void **state) {
    (void)state;
    dnn_module *m = as(dnn_dropout(ctx, 0.5), DNN_F32);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(7, 301), 1), *y[3];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnn_tensor_clone(&y[i], run_forward(m, x)), DNN_OK);
        expect_same_bits(run_backward(m, x), y[i], "dx");
    }
    assert_true(memcmp(dnn_tensor_data(y[0]), dnn_tensor_data(y[1]), (size_t)dnn_tensor_bytes(x)) != 0);
    for (int i = 0; i < 2; i++) dnn_tensor_release(y[i]);
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void the_seed_decides(void **state) {
    (void)state;
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(999), 1), *y[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dnn_context_seed(ctx, i < 2 ? 11 : 12), DNN_OK);
        dnn_module *m = dnn_dropout(ctx, 0.5);
        assert_int_equal(dnn_tensor_clone(&y[i], run_forward(m, x)), DNN_OK);
        dnn_module_release(m);
    }
    expect_same_bits(y[0], y[1], "y of the same seed");
    assert_true(memcmp(dnn_tensor_data(y[0]), dnn_tensor_data(y[2]), (size_t)dnn_tensor_bytes(x)) != 0);
    for (int i = 0; i < 3; i++) dnn_tensor_release(y[i]);
    dnn_tensor_release(x);
}

static void no_dropout_is_the_identity(void **state) {
    (void)state;
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(5, 9), 1), *dy = tensor_normal(ctx, DNN_F64, DIMS(5, 9), 2);
    for (int i = 0; i < 2; i++) {
        dnn_module *m = as(dnn_dropout(ctx, i ? 0.5 : 0), DNN_F64);
        if (i) assert_int_equal(dnn_module_eval(m), DNN_OK);
        expect_same_bits(run_forward(m, x), x, "y");
        expect_same_bits(run_backward(m, dy), dy, "dx");
        dnn_module_release(m);
    }
    dnn_module *all = as(dnn_dropout(ctx, 1), DNN_F64);
    for (int64_t i = 0; i < 45; i++) expect_near(run_forward(all, x), i, 0, 0, "y of p = 1");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_settings_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(misfits_are_told_with_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(training_normalises_by_the_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(zero_momentum_holds_the_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluation_uses_the_running_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_kept_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(training_gradient_sees_the_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(layer_norm_is_its_formula, setup, teardown),
        cmocka_unit_test_setup_teardown(every_row_has_its_own_statistics, setup, teardown),
        cmocka_unit_test_setup_teardown(softmax_runs_along_any_axis, setup, teardown),
        cmocka_unit_test_setup_teardown(masks_have_the_right_share, setup, teardown),
        cmocka_unit_test_setup_teardown(backward_draws_the_same_mask, setup, teardown),
        cmocka_unit_test_setup_teardown(the_seed_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(no_dropout_is_the_identity, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
