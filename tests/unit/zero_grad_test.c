/* Gradients that are zeros before they are so in memory: whoever looks at one, by whatever way, sees zeros. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/tensor.h"
#include "support/running.h"

static dnn_context *ctx;
static dnn_module *net;
static dnn_tensor *x, *dy;

/* The hidden layer is applied twice: its gradient is written by one application and added to by the other. */
static dnn_module *new_net(void) {
    dnn_module *g;
    dnn_linear_desc in = {DNN_SIZED(dnn_linear_desc), .in_features = 6, .out_features = 9};
    dnn_linear_desc hidden = {DNN_SIZED(dnn_linear_desc), .in_features = 9, .out_features = 9};
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    dnn_value v = dnn_graph_apply(g, "in", dnn_linear(ctx, &in), dnn_graph_input(g));
    dnn_module *shared = dnn_linear(ctx, &hidden);
    v = dnn_graph_apply(g, "relu", dnn_relu(ctx), dnn_graph_apply(g, "hidden", shared, v));
    dnn_graph_output(g, dnn_graph_apply(g, NULL, shared, v));
    return g;
}

static int setup(void **state) {
    (void)state;
    if (dnn_context_create(&ctx, NULL) != DNN_OK) return -1;
    net = new_net();
    x = tensor_normal(ctx, DNN_F32, DIMS(5, 6), 1);
    dy = tensor_normal(ctx, DNN_F32, DIMS(5, 9), 2);
    return dnn_module_error(net) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(net);
    return dnn_context_release(ctx) == DNN_OK ? 0 : -1;
}

static void backward(void) {
    run_forward(net, x);
    assert_int_equal(dnn_module_backward(net, dy, NULL), DNN_OK);
}

static dnn_tensor *gradient(void) { return gradient_of(net, "hidden.weight"); }

/* Something in memory that no gradient is, and the wish that it be zeros. */
static void spoil_and_clear(void) {
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(net, i, &p);
        memset(p.gradient->array.data, 0xff, (size_t)dnni_bytes(&p.gradient->array));
    }
    assert_int_equal(dnn_module_zero_grad(net), DNN_OK);
}

static void expect_zeros(const float *values, int64_t n) {
    for (int64_t i = 0; i < n; i++) assert_true(values[i] == 0);
}

/* ---- whoever looks ---- */

static void clearing_waits(void **state) {
    (void)state;
    spoil_and_clear();
    assert_true(gradient()->storage->zero);
    assert_true(isnan(((const float *)gradient()->array.data)[0]));
    assert_int_equal(dnn_tensor_count(gradient()), 81); /* is no look */
    assert_true(gradient()->storage->zero);
}

static void look_by_address(void **state) {
    (void)state;
    spoil_and_clear();
    expect_zeros(dnn_tensor_const_data(gradient()), 81);
    const float *held = dnn_tensor_const_data(gradient());
    backward();
    assert_true(held[0] != 0);
    spoil_and_clear();
    expect_zeros(held, 81);
}

static void look_by_view(void **state) {
    (void)state;
    dnn_tensor *view;
    assert_int_equal(dnn_tensor_slice(&view, gradient(), 3, 2), DNN_OK);
    spoil_and_clear();
    double value;
    assert_int_equal(dnn_tensor_get(view, 2, (int64_t[]){1, 4}, &value), DNN_OK);
    assert_true(value == 0);
    dnn_tensor_release(view);
}

static void look_by_copy(void **state) {
    (void)state;
    dnn_tensor *copy;
    spoil_and_clear();
    assert_int_equal(dnn_tensor_clone(&copy, gradient()), DNN_OK);
    expect_zeros(dnn_tensor_const_data(copy), 81);
    dnn_tensor_release(copy);
    spoil_and_clear();
    assert_int_equal(dnn_tensor_cast(&copy, gradient(), DNN_F64, DNN_CAST_EXACT, NULL), DNN_OK);
    for (int64_t i = 0; i < 81; i++) assert_true(tensor_at(copy, i) == 0);
    dnn_tensor_release(copy);
}

static void look_as_an_input(void **state) {
    (void)state;
    dnn_linear_desc d = {DNN_SIZED(dnn_linear_desc), .in_features = 9, .out_features = 4, .no_bias = 1};
    dnn_module *other = dnn_linear(ctx, &d);
    spoil_and_clear();
    expect_zeros(dnn_tensor_const_data(run_forward(other, gradient())), 36);
    dnn_module_release(other);
}

/* Somebody who retains it may look without asking. */
static void look_by_a_holder(void **state) {
    (void)state;
    dnn_tensor *g = gradient();
    dnn_tensor_retain(g);
    spoil_and_clear();
    expect_zeros(g->array.data, 81);
    dnn_tensor_release(g);
}

static void look_after_a_conversion(void **state) {
    (void)state;
    spoil_and_clear();
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    for (int64_t i = 0; i < 81; i++) assert_true(tensor_at(gradient(), i) == 0);
}

/* ---- and who computes ---- */

/* The same bits as with gradients that were cleared at once. */
static void backward_writes(void **state) {
    (void)state;
    float want[2][81];
    assert_non_null(dnn_tensor_data(gradient())); /* seen: cleared at once from now on */
    for (int i = 0; i < 2; i++) {
        backward();
        memcpy(want[i], gradient()->array.data, sizeof want[i]);
    }
    atomic_store(&gradient()->storage->seen, false);
    spoil_and_clear();
    assert_true(gradient()->storage->zero);
    for (int i = 0; i < 2; i++) {
        backward();
        assert_memory_equal(gradient()->array.data, want[i], sizeof want[i]);
    }
}

static void optimizers_see_zeros(void **state) {
    (void)state;
    dnn_optimizer *o;
    dnn_sgd_desc sgd = {DNN_SIZED(dnn_sgd_desc), .lr = 0.1};
    assert_int_equal(dnn_sgd_create(&o, net, &sgd), DNN_OK);
    dnn_tensor *w = value_of(net, "hidden.weight"), *before;
    assert_int_equal(dnn_tensor_clone(&before, w), DNN_OK);
    spoil_and_clear();
    assert_int_equal(dnn_optimizer_step(o), DNN_OK);
    expect_same_bits(w, before, "a step without gradients");
    dnn_tensor_release(before);
    dnn_optimizer_release(o);
}

/* Its gradient stays what it is, zeros here; what is thawed after that starts from zeros. */
static void frozen_gradients_stay_zeros(void **state) {
    (void)state;
    spoil_and_clear();
    assert_int_equal(dnn_module_freeze(net, "hidden.weight"), DNN_OK);
    backward();
    assert_true(gradient()->storage->zero);
    expect_zeros(dnn_tensor_const_data(gradient()), 81);
    assert_int_equal(dnn_module_unfreeze(net, "hidden.weight"), DNN_OK);
    backward();
    for (int64_t i = 0; i < 81; i++) assert_true(isfinite(tensor_at(gradient(), i)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(clearing_waits),   TEST(look_by_address),         TEST(look_by_view),    TEST(look_by_copy),
        TEST(look_as_an_input), TEST(look_by_a_holder),        TEST(backward_writes), TEST(optimizers_see_zeros),
        TEST(look_after_a_conversion), TEST(frozen_gradients_stay_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
