/* Moving averages: the formulas, swapping, a module that changed, memory. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/average.h>
#include <dnn/layers.h>

#include "support/allocator.h"

static test_allocator memory;
static dnn_context *ctx;
static dnn_module *net; /* a linear layer and a batch norm, which has buffers */

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    if (dnn_context_create(&ctx, &desc) || dnn_sequential_create(&net, ctx)) return -1;
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 3,
                                                                     .out_features = 2}));
    dnn_sequential_add(net, "bn", dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc),
                                                                             .features = 2}));
    return dnn_module_error(net);
}

static int teardown(void **state) {
    (void)state;
    dnn_module_release(net);
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static dnn_tensor *value(const char *path) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter(net, path, &p), DNN_OK);
    return p.value;
}

static double get(const char *path) {
    double number;
    assert_int_equal(dnn_tensor_get(value(path), 1, &(const int64_t){1}, &number), DNN_OK);
    return number;
}

static void set(const char *path, double number) {
    assert_int_equal(dnn_tensor_set(value(path), 1, &(const int64_t){1}, number), DNN_OK);
}

static dnn_average *average_of(dnn_average_kind kind, double decay) {
    dnn_average *a;
    dnn_average_desc d = {DNN_SIZED(dnn_average_desc), kind, decay};
    assert_int_equal(dnn_average_create(&a, net, &d), DNN_OK);
    return a;
}

static void follows(dnn_average *a, dnn_dtype dtype, double decay) {
    double wanted = 0, tolerance = dtype == DNN_F64 ? 1e-14 : 1e-5;
    assert_int_equal(dnn_average_swap(a), DNN_ERROR_STATE);
    for (int t = 1; t <= 40; t++) {
        double now = sin(3.0 * t), d = fmin(decay, (1.0 + t) / (10.0 + t));
        set("fc.bias", now);
        set("bn.running_mean", 2 * now);
        wanted = t == 1 ? now : decay < 0 ? wanted + (now - wanted) / t : d * wanted + (1 - d) * now;
        assert_int_equal(dnn_average_update(a), DNN_OK);
        assert_int_equal(dnn_average_updates(a), t);
        assert_int_equal(dnn_average_swap(a), DNN_OK);
        assert_true(fabs(get("fc.bias") - wanted) < tolerance);
        assert_true(fabs(get("bn.running_mean") - 2 * wanted) < 2 * tolerance);
        assert_int_equal(dnn_average_is_swapped(a), 1);
        assert_int_equal(dnn_average_update(a), DNN_ERROR_STATE);
        assert_int_equal(dnn_average_swap(a), DNN_OK);
        assert_true(fabs(get("fc.bias") - now) < 1e-6);
    }
    dnn_average_release(a);
}

static void test_formulas(void **state) {
    (void)state;
    follows(average_of(DNN_AVERAGE_EXPONENTIAL, 0.9), DNN_F32, 0.9);
    follows(average_of(DNN_AVERAGE_EXPONENTIAL, DNN_ZERO), DNN_F32, 0);
    follows(average_of(DNN_AVERAGE_EQUAL, 0), DNN_F32, -1);
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    follows(average_of(DNN_AVERAGE_EXPONENTIAL, 0), DNN_F64, 0.999);
    follows(average_of(DNN_AVERAGE_EQUAL, 0), DNN_F64, -1);
}

static void test_a_changed_module(void **state) {
    (void)state;
    dnn_average *a = average_of(DNN_AVERAGE_EQUAL, 0);
    assert_int_equal(dnn_average_update(a), DNN_OK);
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_average_update(a), DNN_ERROR_STATE);
    assert_int_equal(dnn_average_swap(a), DNN_ERROR_STATE);
    assert_string_equal(dnn_last_error(), "the module has changed: make a new average");
    dnn_average_release(a);
}

static void test_refusals_and_memory(void **state) {
    (void)state;
    dnn_average *a = (dnn_average *)1;
    dnn_average_desc bad[] = {{DNN_SIZED(dnn_average_desc), .decay = 1}, {DNN_SIZED(dnn_average_desc), .kind = 7}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnn_average_create(&a, net, &bad[i]), DNN_ERROR_ARGUMENT);
        assert_null(a);
    }
    dnn_module *empty = dnn_relu(ctx);
    assert_int_equal(dnn_average_create(&a, empty, NULL), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "the module has no parameters");
    dnn_module_release(empty);
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, true);
        status = dnn_average_create(&a, net, NULL);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
    }
    test_allocator_arm(&memory, 0, false);
    assert_int_equal(dnn_average_update(a), DNN_OK);
    assert_int_equal(dnn_average_swap(a), DNN_OK);
    assert_int_equal(memory.calls, 0);
    dnn_average_release(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_formulas, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_changed_module, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_and_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
