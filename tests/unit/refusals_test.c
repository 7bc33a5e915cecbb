/* What is refused, and in which words, where no other test comes by. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/running.h"

static dnn_context *ctx;

static int open_context(void **state) {
    (void)state;
    return dnn_context_create(&ctx, NULL) == DNN_OK ? 0 : -1;
}

static int close_context(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK ? 0 : -1;
}

static void tensors_of_too_many_axes(void **state) {
    (void)state;
    const int64_t dims[DNN_MAX_RANK + 1] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    dnn_tensor *t;
    expect_error(dnn_tensor_create(&t, ctx, DNN_F32, DNN_MAX_RANK + 1, dims), DNN_ERROR_SHAPE,
                 "a tensor has 0 to 8 axes, not 9");
    assert_null(t);
}

static void starting_values_of_labels(void **state) {
    (void)state;
    dnn_tensor *t = tensor_of(ctx, DNN_I64, DIMS(3), NULL);
    dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    expect_error(dnn_tensor_fill(t, &init), DNN_ERROR_DTYPE,
                 "starting values are float32 or float64, the tensor is int64");
    dnn_tensor_release(t);
}

static void slopes_that_are_no_number(void **state) {
    (void)state;
    assert_null(dnn_leaky_relu(ctx, (double)NAN));
    assert_string_equal(dnn_last_error(), "slope is nan, it must be finite");
    assert_null(dnn_leaky_relu(ctx, (double)INFINITY));
}

static void scalars_where_features_are_due(void **state) {
    (void)state;
    dnn_module *m = dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = 2});
    dnn_tensor *x = tensor_of(ctx, DNN_F32, 0, NULL, NULL);
    const dnn_tensor *y;
    assert_int_equal(dnn_module_forward(m, x, &y), DNN_ERROR_SHAPE);
    assert_non_null(strstr(dnn_last_error(), "input is a scalar, the layer expects 3"));
    dnn_tensor_release(x);
    dnn_module_release(m);
}

/* Shapes alone, as dnn_module_describe takes them: nobody has the memory. */
static void concatenations_beyond_all_sizes(void **state) {
    (void)state;
    dnn_module *m = dnn_concat(ctx, 0);
    dnn_description *d;
    const dnn_array half = {.dtype = DNN_U8, .rank = 1, .dims = {INT64_C(1) << 62}};
    const dnn_array halves[] = {half, half};
    assert_int_not_equal(dnn_module_describe(&d, m, halves, 2), DNN_OK);
    assert_null(d);
    dnn_module_release(m);
}

static void freezing_where_there_is_nothing(void **state) {
    (void)state;
    dnn_module *m = dnn_relu(ctx);
    assert_int_equal(dnn_module_freeze(m, "fc.*"), DNN_ERROR_NOT_FOUND);
    assert_non_null(strstr(dnn_last_error(), "no parameter matches \"fc.*\""));
    dnn_module_release(m);
}

static void losses_of_labels(void **state) {
    (void)state;
    dnn_loss *loss;
    dnn_check_report *report;
    dnn_tensor *y = tensor_of(ctx, DNN_I64, DIMS(2, 3), NULL);
    assert_int_equal(dnn_mse_create(&loss, ctx, NULL), DNN_OK);
    expect_error(dnn_check_loss(&report, loss, y, y, NULL), DNN_ERROR_DTYPE,
                 "y is int64, a loss takes float32 or float64");
    assert_null(report);
    dnn_loss_release(loss);
    dnn_tensor_release(y);
}

/* Options of the gradient check, one wrong at a time. */
static void options_of_the_check(void **state) {
    (void)state;
    static const dnn_check_desc wrong[] = {
        {DNN_SIZED(dnn_check_desc), .mode = (dnn_check_mode)7}, {DNN_SIZED(dnn_check_desc), .phases = 8},
        {DNN_SIZED(dnn_check_desc), .skip = 16},                {DNN_SIZED(dnn_check_desc), .tolerance = -1},
        {DNN_SIZED(dnn_check_desc), .tolerance = 1},            {DNN_SIZED(dnn_check_desc), .float32_tolerance = -1},
        {DNN_SIZED(dnn_check_desc), .float32_tolerance = (double)INFINITY},
        {DNN_SIZED(dnn_check_desc), .budget = -1},              {DNN_SIZED(dnn_check_desc), .pairs = -1},
        {DNN_SIZED(dnn_check_desc), .pairs = 65537},            {DNN_SIZED(dnn_check_desc), .samples = -1},
        {DNN_SIZED(dnn_check_desc), .samples = 65537},          {DNN_SIZED(dnn_check_desc), .burn_in = -1},
    };
    dnn_module *m = dnn_relu(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 3), 1);
    const dnn_tensor *lent = x;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        dnn_check_report *report;
        assert_int_equal(dnn_check_gradients(&report, m, &lent, 1, &wrong[i]), DNN_ERROR_ARGUMENT);
        assert_non_null(strstr(dnn_last_error(), "options."));
        assert_null(report);
    }
    dnn_tensor_release(x);
    dnn_module_release(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_of_too_many_axes),
        cmocka_unit_test(starting_values_of_labels),
        cmocka_unit_test(slopes_that_are_no_number),
        cmocka_unit_test(scalars_where_features_are_due),
        cmocka_unit_test(concatenations_beyond_all_sizes),
        cmocka_unit_test(freezing_where_there_is_nothing),
        cmocka_unit_test(losses_of_labels),
        cmocka_unit_test(options_of_the_check),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
