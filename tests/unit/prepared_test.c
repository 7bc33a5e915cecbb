/* What predictors prepare from weights: whatever way a weight changes between two runs, the next run sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/tensor.h"
#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;
static dnn_module *net;
static dnn_tensor *x;
static dnn_predictor *predictor;

static dnn_module *conv(int64_t in, int64_t out, int64_t kernel, int64_t groups) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {kernel}, .padding = kernel / 2, .groups = groups});
}

/* Convolutions by GEMM, by Winograd, depthwise, 1×1; linear layers. */
static dnn_module *new_net(void) {
    dnn_module *m;
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 64, .out_features = 10};
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    dnn_sequential_add(m, "stem", conv(3, 32, 5, 1));
    dnn_sequential_add(m, "norm",
                       dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = 32}));
    dnn_sequential_add(m, "relu", dnn_relu(ctx));
    dnn_sequential_add(m, "winograd", conv(32, 64, 3, 1));
    dnn_sequential_add(m, "depthwise", conv(64, 64, 3, 64));
    dnn_sequential_add(m, "point", conv(64, 64, 1, 1));
    dnn_sequential_add(m, "pool", dnn_adaptive_avg_pool2d(ctx, 1, 1));
    dnn_sequential_add(m, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(m, "fc", dnn_linear(ctx, &fc));
    if (dnn_module_error(m) != DNN_OK) fail_msg("%s", dnn_last_error());
    return m;
}

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    if (dnn_context_create(&ctx, &d) != DNN_OK) return -1;
    net = new_net();
    x = tensor_normal(ctx, DNN_F32, DIMS(8, 16, 16, 3), 1);
    return dnn_predictor_create(&predictor, net) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_predictor_release(predictor);
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static const dnn_tensor *predict(dnn_predictor *p, const dnn_tensor *input) {
    const dnn_tensor *y;
    if (dnn_predictor_run(p, input, &y) != DNN_OK) fail_msg("%s", dnn_last_error());
    return y;
}

/* The predictor, which has run before, gives what a new one does, and what an evaluating module does, which prepares
 * nothing; and not what it gave before. */
static void expect_fresh(const char *what) {
    static float before[80];
    dnn_predictor *fresh;
    const dnn_tensor *y = predict(predictor, x);
    assert_int_equal(dnn_tensor_bytes(y), sizeof before);
    if (memcmp(before, dnn_tensor_const_data(y), sizeof before) == 0) fail_msg("%s: nothing has changed", what);
    memcpy(before, dnn_tensor_const_data(y), sizeof before);
    assert_int_equal(dnn_predictor_create(&fresh, net), DNN_OK);
    expect_same_bits(y, predict(fresh, x), what);
    dnn_predictor_release(fresh);
    dnn_module_eval(net);
    expect_same_bits(y, run_forward(net, x), what);
    dnn_module_train(net);
}

static const char *const weights[] = {"stem.weight", "winograd.weight", "depthwise.weight", "point.weight",
                                      "fc.weight", "fc.bias", "norm.weight", "norm.running_mean"};
enum { WEIGHTS = sizeof weights / sizeof *weights };

static void library_calls_that_write(void **state) {
    (void)state;
    expect_fresh("the first run");
    for (int i = 0; i < WEIGHTS; i++) {
        dnn_tensor *w = value_of(net, weights[i]), *copy;
        int64_t first[4] = {0};
        assert_int_equal(dnn_tensor_set(w, dnn_tensor_rank(w), first, 0.25), DNN_OK);
        expect_fresh("dnn_tensor_set");
        dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = 0.1, .b = 0.2};
        assert_int_equal(dnn_tensor_fill(w, &init), DNN_OK);
        expect_fresh("dnn_tensor_fill");
        copy = tensor_normal(ctx, DNN_F32, dnn_tensor_rank(w), dnn_tensor_dims(w), 7 + (uint64_t)i);
        assert_int_equal(dnn_tensor_copy(w, copy), DNN_OK);
        expect_fresh("dnn_tensor_copy");
        dnn_tensor_release(copy);
    }
    for (int i = 0; i < WEIGHTS; i++) assert_false(value_of(net, weights[i])->storage->exposed);
}

static void train_a_step(dnn_optimizer *optimizer) {
    const dnn_tensor *y = run_forward(net, x);
    dnn_tensor *dy = tensor_normal(ctx, DNN_F32, dnn_tensor_rank(y), dnn_tensor_dims(y), 3);
    assert_int_equal(dnn_module_backward(net, dy, NULL), DNN_OK);
    assert_int_equal(dnn_optimizer_step(optimizer), DNN_OK);
    dnn_tensor_release(dy);
}

static void optimizers_and_files(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/dnn_prepared_%ld.safetensors", (long)getpid());
    dnn_optimizer *o;
    dnn_sgd_desc sgd = {DNN_SIZED(dnn_sgd_desc), .lr = 0.01};
    assert_int_equal(dnn_sgd_create(&o, net, &sgd), DNN_OK);
    assert_int_equal(dnn_weights_save(net, path, NULL), DNN_OK);
    expect_fresh("the first run");
    for (int i = 0; i < 2; i++) {
        train_a_step(o);
        expect_fresh("a step");
    }
    assert_int_equal(dnn_weights_load(net, path, NULL), DNN_OK);
    remove(path);
    expect_fresh("dnn_weights_load");
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_module_to(net, DNN_F32), DNN_OK);
    train_a_step(o);
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_module_to(net, DNN_F32), DNN_OK);
    expect_fresh("dnn_module_to, there and back");
    dnn_optimizer_release(o);
}

/* A pointer that was handed out stays good: it may be written through at any time, and by way of a view. */
static void pointers_that_are_held(void **state) {
    (void)state;
    float *held[WEIGHTS];
    expect_fresh("the first run");
    for (int i = 0; i < WEIGHTS; i++) {
        dnn_tensor *w = value_of(net, weights[i]), *view;
        if (i % 2 == 0) {
            held[i] = dnn_tensor_data(w);
            continue;
        }
        assert_int_equal(dnn_tensor_reshape(&view, w, 1, (int64_t[]){-1}), DNN_OK);
        held[i] = dnn_tensor_data(view);
        dnn_tensor_release(view);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < WEIGHTS; i++) {
            int64_t last = dnn_tensor_count(value_of(net, weights[i])) - 1;
            held[i][i % 3 == 0 ? 0 : last] += 0.5f;
            expect_fresh("a pointer that is held");
        }
}

/* One piece of prepared memory serves all shapes, and a predictor that alternates allocates nothing. */
static void shapes_take_turns(void **state) {
    (void)state;
    dnn_tensor *small = tensor_normal(ctx, DNN_F32, DIMS(2, 8, 8, 3), 2);
    dnn_module_eval(net);
    for (int i = 0; i < 2; i++) {
        predict(predictor, x);
        predict(predictor, small);
    }
    test_allocator_arm(&memory, 0, false);
    for (int i = 0; i < 3; i++) {
        predict(predictor, x);
        predict(predictor, small);
    }
    assert_int_equal(memory.calls, 0);
    expect_same_bits(predict(predictor, small), run_forward(net, small), "small");
    expect_same_bits(predict(predictor, x), run_forward(net, x), "large");
    dnn_tensor_release(small);
}

static void any_bit_shows(void **state) {
    (void)state;
    dnn_tensor *t = tensor_normal(ctx, DNN_F32, DIMS(37), 1);
    unsigned char *bytes = dnn_tensor_data(t);
    uint64_t before = dnni_tensor_contents(t);
    for (int i = 0; i < 37 * 32; i++) {
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        assert_true(dnni_tensor_contents(t) != before);
        bytes[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    assert_true(dnni_tensor_contents(t) == before);
    dnn_tensor_release(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(library_calls_that_write), TEST(optimizers_and_files), TEST(pointers_that_are_held),
        TEST(shapes_take_turns),        TEST(any_bit_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
