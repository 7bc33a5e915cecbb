/* Losses: PyTorch's numbers, strict shapes, labels, lent tensors, steady memory, failure. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/loss.h>

#include "golden/loss_golden.h"
#include "support/allocator.h"

enum { GOLDENS = sizeof loss_goldens / sizeof *loss_goldens };

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

/* ---- making things ---- */

static dnn_tensor *tensor(dnn_dtype dtype, int32_t rank, const int64_t *dims, const double *values) {
    dnn_tensor *wide, *t;
    assert_int_equal(dnn_tensor_create(&wide, ctx, DNN_F64, rank, dims), DNN_OK);
    if (values && dnn_tensor_bytes(wide)) memcpy(dnn_tensor_data(wide), values, (size_t)dnn_tensor_bytes(wide));
    assert_int_equal(dnn_tensor_cast(&t, wide, dtype, DNN_CAST_EXACT, NULL), DNN_OK);
    dnn_tensor_release(wide);
    return t;
}

#define DIMS(...) (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}
#define VALUES(...) (double[]){__VA_ARGS__}

static double at(const dnn_tensor *t, int64_t i) {
    const void *data = dnn_tensor_const_data(t);
    return dnn_tensor_dtype(t) == DNN_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static dnn_loss *golden_loss(const loss_golden *g, dnn_reduction reduction) {
    dnn_loss *loss = NULL;
    dnn_cross_entropy_desc ce = {DNN_SIZED(dnn_cross_entropy_desc), reduction, g->weights, g->n_weights,
                                 g->label_smoothing, g->has_ignore_index, g->ignore_index};
    dnn_bce_with_logits_desc bce = {DNN_SIZED(dnn_bce_with_logits_desc), reduction, g->weights, g->n_weights};
    dnn_huber_desc huber = {DNN_SIZED(dnn_huber_desc), reduction, g->delta};
    dnn_pair_loss_desc pair = {DNN_SIZED(dnn_pair_loss_desc), reduction};
    switch (g->kind) {
    case LOSS_CROSS_ENTROPY: assert_int_equal(dnn_cross_entropy_create(&loss, ctx, &ce), DNN_OK); break;
    case LOSS_BCE: assert_int_equal(dnn_bce_with_logits_create(&loss, ctx, &bce), DNN_OK); break;
    case LOSS_HUBER: assert_int_equal(dnn_huber_create(&loss, ctx, &huber), DNN_OK); break;
    case LOSS_MSE: assert_int_equal(dnn_mse_create(&loss, ctx, &pair), DNN_OK); break;
    case LOSS_L1: assert_int_equal(dnn_l1_create(&loss, ctx, &pair), DNN_OK); break;
    }
    return loss;
}

static dnn_loss *cross_entropy(const dnn_cross_entropy_desc *desc) {
    dnn_loss *loss;
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, desc), DNN_OK);
    return loss;
}

/* ---- PyTorch's numbers ---- */

static void assert_close(const char *name, const char *what, int64_t i, double got, double wanted, dnn_dtype dtype) {
    double tolerance = (dtype == DNN_F64 ? 1e-14 : 5e-7) * fmax(1, fabs(wanted));
    if (!(fabs(got - wanted) <= tolerance))
        fail_msg("%s, %s, %s[%lld]: %.17g, PyTorch has %.17g", name, dnn_dtype_name(dtype), what, (long long)i, got,
                 wanted);
}

static void compare_with_golden(const loss_golden *g, dnn_dtype dtype, dnn_dtype label, dnn_reduction reduction) {
    dnn_loss *loss = golden_loss(g, reduction);
    dnn_tensor *y = tensor(dtype, g->rank, g->dims, g->y);
    dnn_tensor *target = tensor(g->labels ? label : dtype, g->labels ? g->rank - 1 : g->rank, g->dims, g->target);
    const dnn_tensor *dy, *each;
    double value;
    assert_int_equal(dnn_loss_evaluate(loss, y, target, &value, &dy), DNN_OK);
    bool mean = reduction == DNN_REDUCTION_MEAN;
    assert_close(g->name, mean ? "mean" : "sum", 0, value, mean ? g->mean : g->sum, dtype);
    assert_int_equal(dnn_tensor_dtype(dy), dtype);
    assert_int_equal(dnn_tensor_rank(dy), g->rank);
    for (int64_t i = 0; i < dnn_tensor_count(y); i++)
        assert_close(g->name, "gradient", i, at(dy, i), (mean ? g->mean_gradient : g->sum_gradient)[i], dtype);
    if (reduction == DNN_REDUCTION_NONE) {
        assert_int_equal(dnn_loss_values(loss, &each), DNN_OK);
        assert_int_equal(dnn_tensor_count(each), g->n_each);
        for (int64_t i = 0; i < g->n_each; i++) assert_close(g->name, "values", i, at(each, i), g->each[i], dtype);
    }
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
}

static bool fits_u8(const loss_golden *g) {
    for (int64_t i = 0; i < g->n_each; i++)
        if (g->target[i] < 0) return false;
    return true;
}

static void values_and_gradients_are_pytorchs(void **state) {
    (void)state;
    const dnn_dtype types[] = {DNN_F32, DNN_F64}, labels[] = {DNN_I64, DNN_I32, DNN_U8};
    const dnn_reduction reductions[] = {DNN_REDUCTION_MEAN, DNN_REDUCTION_SUM, DNN_REDUCTION_NONE};
    for (int i = 0; i < GOLDENS; i++)
        for (int t = 0; t < 2; t++)
            for (int r = 0; r < 3; r++)
                for (int l = 0; l < (!loss_goldens[i].labels ? 1 : fits_u8(&loss_goldens[i]) ? 3 : 2); l++)
                    compare_with_golden(&loss_goldens[i], types[t], labels[l], reductions[r]);
}

/* ---- strictness ---- */

static void refuse(dnn_loss *loss, dnn_tensor *y, dnn_tensor *target, dnn_status status, const char *line) {
    double value = 7;
    const dnn_tensor *dy = y;
    assert_int_equal(dnn_loss_evaluate(loss, y, target, &value, &dy), status);
    assert_string_equal(dnn_last_error(), line);
    assert_true(value == 7);
    assert_null(dy);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
}

static void shapes_are_strict(void **state) {
    (void)state;
    dnn_loss *mse, *ce = cross_entropy(NULL);
    assert_int_equal(dnn_mse_create(&mse, ctx, NULL), DNN_OK);
    refuse(mse, tensor(DNN_F32, DIMS(8), NULL), tensor(DNN_F32, DIMS(8, 1), NULL), DNN_ERROR_SHAPE,
           "mse: target is [8,1], y is [8]: nothing broadcasts, dnn_tensor_reshape gives the target y's shape");
    refuse(mse, tensor(DNN_F32, DIMS(8, 2), NULL), tensor(DNN_F32, DIMS(8), NULL), DNN_ERROR_SHAPE,
           "mse: target is [8], y is [8,2]: nothing broadcasts");
    refuse(mse, tensor(DNN_F32, DIMS(8), NULL), tensor(DNN_I64, DIMS(8), NULL), DNN_ERROR_DTYPE,
           "mse: target is int64, y is float32: they must be of one type (dnn_tensor_cast converts)");
    refuse(mse, tensor(DNN_U8, DIMS(8), NULL), tensor(DNN_U8, DIMS(8), NULL), DNN_ERROR_DTYPE,
           "y is uint8, a loss takes float32 or float64");
    refuse(ce, tensor(DNN_F32, DIMS(8, 3), NULL), tensor(DNN_I64, DIMS(8, 1), NULL), DNN_ERROR_SHAPE,
           "cross_entropy: target is int64 [8,1], y is [8,3]: class numbers have shape [8]");
    refuse(ce, tensor(DNN_F32, DIMS(8, 3), NULL), tensor(DNN_I64, DIMS(8, 3), NULL), DNN_ERROR_SHAPE,
           "cross_entropy: target is int64 [8,3], y is [8,3]: class numbers have shape [8], distributions over the "
           "classes have y's shape and type");
    refuse(ce, tensor(DNN_F32, DIMS(8, 3), NULL), tensor(DNN_F32, DIMS(8), NULL), DNN_ERROR_SHAPE,
           "cross_entropy: target is float32 [8], y is float32 [8,3]: class numbers are uint8, int32 or int64 [8], "
           "distributions float32 [8,3]");
    refuse(ce, tensor(DNN_F64, DIMS(8, 3), NULL), tensor(DNN_F32, DIMS(8, 3), NULL), DNN_ERROR_DTYPE,
           "cross_entropy: target is float32 [8,3], y is float64 [8,3]: class numbers are uint8, int32 or int64 [8], "
           "distributions float64 [8,3]");
    refuse(ce, tensor(DNN_F64, 0, NULL, NULL), tensor(DNN_I32, 0, NULL, NULL), DNN_ERROR_SHAPE,
           "cross_entropy: y is a scalar, cross-entropy takes logits [N,…,classes]");
    dnn_loss_release(mse);
    dnn_loss_release(ce);
}

static void weights_must_fit_the_classes(void **state) {
    (void)state;
    dnn_loss *bce, *ce = cross_entropy(&(dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc),
                                                                 .class_weights = VALUES(1, 2), .n_class_weights = 2});
    refuse(ce, tensor(DNN_F32, DIMS(8, 3), NULL), tensor(DNN_I64, DIMS(8), NULL), DNN_ERROR_SHAPE,
           "cross_entropy: y has 3 classes (shape [8,3]), the loss has 2 class weights");
    dnn_bce_with_logits_desc desc = {DNN_SIZED(dnn_bce_with_logits_desc), .pos_weight = VALUES(1, 2),
                                     .n_pos_weight = 2};
    assert_int_equal(dnn_bce_with_logits_create(&bce, ctx, &desc), DNN_OK);
    refuse(bce, tensor(DNN_F32, DIMS(8, 3), NULL), tensor(DNN_F32, DIMS(8, 3), NULL), DNN_ERROR_SHAPE,
           "bce_with_logits: the loss has 2 positive weights, one for each place on y's last axis; y is [8,3]");
    dnn_loss_release(ce);
    dnn_loss_release(bce);
}

static void a_label_out_of_range_is_named(void **state) {
    (void)state;
    dnn_loss *plain = cross_entropy(NULL);
    dnn_loss *ignoring = cross_entropy(&(dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc),
                                                                 .has_ignore_index = 1, .ignore_index = -1});
    refuse(plain, tensor(DNN_F32, DIMS(2, 3, 4), NULL), tensor(DNN_I64, DIMS(2, 3), VALUES(0, 3, 1, 2, 0, 4)),
           DNN_ERROR_VALUE, "cross_entropy: target[1,2] is 4: y has 4 classes, numbered from 0; rows to be left out "
           "need desc.has_ignore_index");
    refuse(ignoring, tensor(DNN_F64, DIMS(3, 2), NULL), tensor(DNN_I32, DIMS(3), VALUES(-1, 1, -100)), DNN_ERROR_VALUE,
           "cross_entropy: target[2] is -100: y has 2 classes, numbered from 0");
    refuse(ignoring, tensor(DNN_F32, DIMS(2), NULL), tensor(DNN_U8, 0, NULL, VALUES(200)), DNN_ERROR_VALUE,
           "cross_entropy: target is 200: y has 2 classes, numbered from 0");
    dnn_loss_release(plain);
    dnn_loss_release(ignoring);
}

/* ---- nothing to take the mean of ---- */

static void check_nothing(dnn_loss *loss, dnn_tensor *y, dnn_tensor *target) {
    double value = 0;
    const dnn_tensor *dy;
    assert_int_equal(dnn_loss_evaluate(loss, y, target, &value, &dy), DNN_OK);
    assert_true(isnan(value));
    for (int64_t i = 0; i < dnn_tensor_count(dy); i++) assert_true(at(dy, i) == 0);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
}

static void the_mean_of_nothing_is_nan_with_a_gradient_of_zeros(void **state) {
    (void)state;
    dnn_loss *mse, *ce = cross_entropy(&(dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc),
                                                                 .has_ignore_index = 1, .ignore_index = 1});
    assert_int_equal(dnn_mse_create(&mse, ctx, NULL), DNN_OK);
    check_nothing(ce, tensor(DNN_F32, DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)), tensor(DNN_I64, DIMS(2), VALUES(1, 1)));
    check_nothing(ce, tensor(DNN_F64, DIMS(0, 3), NULL), tensor(DNN_I64, DIMS(0), NULL));
    check_nothing(ce, tensor(DNN_F64, DIMS(0, 3), NULL), tensor(DNN_F64, DIMS(0, 3), NULL));
    check_nothing(mse, tensor(DNN_F32, DIMS(0), NULL), tensor(DNN_F32, DIMS(0), NULL));
    dnn_loss *weightless = cross_entropy(&(dnn_cross_entropy_desc){
        DNN_SIZED(dnn_cross_entropy_desc), .class_weights = VALUES(0, 1, 1), .n_class_weights = 3});
    check_nothing(weightless, tensor(DNN_F32, DIMS(1, 3), VALUES(1, 2, 3)), tensor(DNN_I64, DIMS(1), VALUES(0)));
    dnn_loss_release(weightless);
    dnn_loss_release(mse);
    dnn_loss_release(ce);
}

/* ---- what is lent ---- */

static void value_or_gradient_alone(void **state) {
    (void)state;
    dnn_loss *loss = cross_entropy(NULL);
    dnn_tensor *y = tensor(DNN_F32, DIMS(1, 2), VALUES(1, 1)), *target = tensor(DNN_U8, DIMS(1), VALUES(1));
    const dnn_tensor *dy, *values = y;
    double value;
    assert_int_equal(dnn_loss_evaluate(loss, y, target, &value, NULL), DNN_OK);
    assert_true(fabs(value - log(2)) < 1e-7);
    assert_int_equal(dnn_loss_evaluate(loss, y, target, NULL, &dy), DNN_OK);
    assert_true(at(dy, 0) == 0.5 && at(dy, 1) == -0.5);
    assert_int_equal(dnn_loss_values(loss, &values), DNN_ERROR_STATE);
    assert_null(values);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
}

static void values_come_after_an_evaluation(void **state) {
    (void)state;
    dnn_loss *loss;
    dnn_pair_loss_desc desc = {DNN_SIZED(dnn_pair_loss_desc), DNN_REDUCTION_NONE};
    dnn_tensor *y = tensor(DNN_F32, DIMS(2, 1), VALUES(1, 3)), *target = tensor(DNN_F32, DIMS(2, 1), VALUES(1, 1));
    const dnn_tensor *values;
    assert_int_equal(dnn_mse_create(&loss, ctx, &desc), DNN_OK);
    assert_int_equal(dnn_loss_values(loss, &values), DNN_ERROR_STATE);
    assert_int_equal(dnn_loss_evaluate(loss, y, target, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_loss_values(loss, &values), DNN_OK);
    assert_int_equal(dnn_tensor_rank(values), 2);
    assert_true(at(values, 0) == 0 && at(values, 1) == 4);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
}

static void evaluate_rows(dnn_loss *loss, int64_t rows, const dnn_tensor **dy) {
    dnn_tensor *y = tensor(DNN_F32, DIMS(rows, 5), NULL), *target = tensor(DNN_I32, DIMS(rows), NULL);
    test_allocator_arm(&memory, 0, false);
    assert_int_equal(dnn_loss_evaluate(loss, y, target, NULL, dy), DNN_OK);
    assert_int_equal(dnn_tensor_dim(*dy, 0), rows);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
}

static void the_same_shapes_or_smaller_ones_allocate_nothing(void **state) {
    (void)state;
    dnn_cross_entropy_desc desc = {DNN_SIZED(dnn_cross_entropy_desc), DNN_REDUCTION_NONE};
    dnn_loss *loss = cross_entropy(&desc);
    const dnn_tensor *dy;
    const int64_t rows[] = {64, 64, 10, 64, 0, 64};
    for (int i = 0; i < 6; i++) {
        evaluate_rows(loss, rows[i], &dy);
        if (i > 0) assert_int_equal(memory.calls, 0);
    }
    dnn_loss_release(loss);
}

static void a_gradient_that_is_held_keeps_its_shape(void **state) {
    (void)state;
    dnn_loss *loss = cross_entropy(NULL);
    const dnn_tensor *dy, *next;
    dnn_tensor *view;
    evaluate_rows(loss, 8, &dy);
    dnn_tensor_retain((dnn_tensor *)(uintptr_t)dy);
    evaluate_rows(loss, 4, &next);
    assert_int_equal(dnn_tensor_dim(dy, 0), 8);
    dnn_tensor_release((dnn_tensor *)(uintptr_t)dy);
    assert_int_equal(dnn_tensor_slice(&view, (dnn_tensor *)(uintptr_t)next, 0, 2), DNN_OK);
    evaluate_rows(loss, 2, &dy);
    assert_ptr_not_equal(dnn_tensor_const_data(view), dnn_tensor_const_data(dy));
    dnn_tensor_release(view);
    dnn_loss_release(loss);
}

/* ---- misuse and failure ---- */

static void descriptors_are_checked(void **state) {
    (void)state;
    dnn_loss *loss = (dnn_loss *)1;
    dnn_cross_entropy_desc ce = {DNN_SIZED(dnn_cross_entropy_desc), .label_smoothing = 1.5};
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, &ce), DNN_ERROR_ARGUMENT);
    assert_null(loss);
    ce = (dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc), .reduction = (dnn_reduction)3};
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, &ce), DNN_ERROR_ARGUMENT);
    ce = (dnn_cross_entropy_desc){DNN_SIZED(dnn_cross_entropy_desc), .n_class_weights = 2};
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, &ce), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "desc.class_weights is NULL, desc.n_class_weights is 2");
    ce.class_weights = VALUES(1, -1);
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, &ce), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "desc.class_weights[1] is -1: it must be finite and not negative");
    dnn_huber_desc huber = {DNN_SIZED(dnn_huber_desc), .delta = -1};
    assert_int_equal(dnn_huber_create(&loss, ctx, &huber), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_mse_create(NULL, ctx, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_l1_create(&loss, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_bce_with_logits_create(&loss, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loss_release(NULL), DNN_OK);
}

static void handles_are_checked(void **state) {
    (void)state;
    dnn_loss *loss = cross_entropy(NULL);
    dnn_tensor *y = tensor(DNN_F32, DIMS(1, 2), NULL), *target = tensor(DNN_U8, DIMS(1), NULL), *foreign;
    dnn_context *other;
    assert_int_equal(dnn_context_create(&other, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_create(&foreign, other, DNN_U8, DIMS(1)), DNN_OK);
    assert_int_equal(dnn_loss_evaluate(NULL, y, target, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loss_evaluate((dnn_loss *)y, y, target, NULL, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_loss_evaluate(loss, NULL, target, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loss_evaluate(loss, y, (dnn_tensor *)loss, NULL, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_loss_evaluate(loss, y, foreign, NULL, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_loss_values(loss, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_loss_release((dnn_loss *)y), DNN_ERROR_HANDLE);
    dnn_tensor_release(foreign);
    dnn_context_release(other);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    assert_int_equal(dnn_loss_release(loss), DNN_OK);
    assert_int_equal(dnn_loss_release(loss), DNN_ERROR_HANDLE);
}

/* Creating and evaluating while the k-th allocation fails: MEMORY, no leak, and a retry works. True: nothing failed. */
static bool survives(int64_t k, bool for_ever, const dnn_tensor *y, const dnn_tensor *target) {
    dnn_cross_entropy_desc desc = {DNN_SIZED(dnn_cross_entropy_desc), DNN_REDUCTION_NONE, VALUES(1, 2), 2};
    dnn_loss *loss;
    const dnn_tensor *dy = NULL;
    int64_t live = memory.live;
    test_allocator_arm(&memory, k, for_ever);
    dnn_status status = dnn_cross_entropy_create(&loss, ctx, &desc);
    bool failed = status != DNN_OK;
    if (failed) {
        assert_int_equal(status, DNN_ERROR_MEMORY);
        assert_null(loss);
        assert_in_range(memory.live, live, live + 1); /* the tombstone of the half-made loss at the most */
        test_allocator_arm(&memory, 0, false);
        loss = cross_entropy(&desc);
    }
    status = dnn_loss_evaluate(loss, y, target, NULL, &dy);
    if (status != DNN_OK) {
        failed = true;
        assert_int_equal(status, DNN_ERROR_MEMORY);
        test_allocator_arm(&memory, 0, false);
        assert_int_equal(dnn_loss_evaluate(loss, y, target, NULL, &dy), DNN_OK);
    }
    assert_non_null(dy);
    test_allocator_arm(&memory, 0, false);
    dnn_loss_release(loss);
    return !failed;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    dnn_tensor *y = tensor(DNN_F32, DIMS(3, 2), NULL), *target = tensor(DNN_U8, DIMS(3), NULL);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        int64_t k = 1;
        while (!survives(k, for_ever, y, target)) k++;
        assert_true(k > 6);
    }
    dnn_tensor_release(y);
    dnn_tensor_release(target);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_and_gradients_are_pytorchs, setup, teardown),
        cmocka_unit_test_setup_teardown(shapes_are_strict, setup, teardown),
        cmocka_unit_test_setup_teardown(weights_must_fit_the_classes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_label_out_of_range_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(the_mean_of_nothing_is_nan_with_a_gradient_of_zeros, setup, teardown),
        cmocka_unit_test_setup_teardown(value_or_gradient_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(values_come_after_an_evaluation, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_shapes_or_smaller_ones_allocate_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gradient_that_is_held_keeps_its_shape, setup, teardown),
        cmocka_unit_test_setup_teardown(descriptors_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(handles_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_memory_anywhere_is_survived, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
