/* What layers with weights, statistics, winners and masks have in common: a batch of 0, frozen parameters, memory that
 * fails while they are made, and the same bits on any number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;

static dnn_context *new_context(int32_t threads) {
    dnn_context *ctx;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = threads};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

static void end(dnn_context *ctx) {
    dnn_context_release(ctx);
    assert_int_equal(memory.live, 0);
}

/* ---- the layers ---- */

#define D(type, ...) &(type){DNN_SIZED(type), __VA_ARGS__}

static dnn_module *linear(dnn_context *c) {
    return dnn_linear(c, D(dnn_linear_desc, .in_features = 4, .out_features = 3));
}
static dnn_module *conv(dnn_context *c) {
    return dnn_conv2d(c, D(dnn_conv2d_desc, .in_channels = 4, .out_channels = 6, .kernel = {3}, .padding = 1));
}
static dnn_module *depthwise(dnn_context *c) {
    return dnn_conv2d(c, D(dnn_conv2d_desc, .in_channels = 4, .out_channels = 4, .kernel = {3}, .groups = 4));
}
static dnn_module *batch_norm(dnn_context *c) { return dnn_batch_norm(c, D(dnn_batch_norm_desc, .features = 4)); }
static dnn_module *layer_norm(dnn_context *c) { return dnn_layer_norm(c, D(dnn_layer_norm_desc, .shape = {5, 4})); }
static dnn_module *max_pool(dnn_context *c) { return dnn_max_pool2d(c, D(dnn_pool2d_desc, .kernel = {2})); }
static dnn_module *avg_pool(dnn_context *c) {
    return dnn_avg_pool2d(c, D(dnn_pool2d_desc, .kernel = {2}, .padding = 1));
}
static dnn_module *adaptive(dnn_context *c) { return dnn_adaptive_avg_pool2d(c, 2, 3); }
static dnn_module *softmax(dnn_context *c) { return dnn_softmax(c, 1); }
static dnn_module *log_softmax(dnn_context *c) { return dnn_log_softmax(c, -1); }
static dnn_module *dropout(dnn_context *c) { return dnn_dropout(c, 0.5); }
static dnn_module *embedding(dnn_context *c) {
    return dnn_embedding(c, D(dnn_embedding_desc, .num = 9, .dim = 3, .has_padding = 1, .padding_idx = 1));
}

static const struct {
    const char *name;
    dnn_module *(*make)(dnn_context *ctx);
    dnn_dtype input;
} layers[] = {{"linear", linear, DNN_F32},         {"conv", conv, DNN_F32},
              {"depthwise", depthwise, DNN_F32},   {"batch_norm", batch_norm, DNN_F32},
              {"layer_norm", layer_norm, DNN_F32}, {"max_pool", max_pool, DNN_F32},
              {"avg_pool", avg_pool, DNN_F32},     {"adaptive", adaptive, DNN_F32},
              {"softmax", softmax, DNN_F32},       {"log_softmax", log_softmax, DNN_F32},
              {"dropout", dropout, DNN_F32},       {"embedding", embedding, DNN_I64}};
enum { LAYERS = sizeof layers / sizeof *layers };

/* (n, 5, 5, 4): good for all of them. */
static dnn_tensor *input_for(dnn_context *ctx, int layer, int64_t n) {
    if (layers[layer].input == DNN_I64) return tensor_of(ctx, DNN_I64, DIMS(n, 5, 5, 4), NULL);
    return tensor_normal(ctx, DNN_F32, DIMS(n, 5, 5, 4), 1);
}

static dnn_tensor *gradient_for(dnn_context *ctx, const dnn_tensor *y) {
    return tensor_normal(ctx, dnn_tensor_dtype(y), dnn_tensor_rank(y), dnn_tensor_dims(y), 2);
}

static dnn_parameter parameter_at(dnn_module *m, int64_t i) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter_at(m, i, &p), DNN_OK);
    return p;
}

/* ---- a batch of 0 ---- */

static void fill_state(dnn_module *m, double gradient) {
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) {
        dnn_parameter p = parameter_at(m, i);
        for (int64_t k = 0; p.gradient && k < dnn_tensor_count(p.gradient); k++) tensor_put(p.gradient, k, gradient);
    }
}

static void expect_state(dnn_module *m, double gradient, const char *name) {
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) {
        dnn_parameter p = parameter_at(m, i);
        for (int64_t k = 0; p.gradient && k < dnn_tensor_count(p.gradient); k++)
            expect_near(p.gradient, k, gradient, 0, name);
        bool variance = strcmp(p.path, "running_var") == 0;
        for (int64_t k = 0; p.is_buffer && k < dnn_tensor_count(p.value); k++)
            expect_near(p.value, k, variance ? 1 : 0, 0, name);
    }
}

static void check_empty(dnn_context *ctx, int layer, bool training) {
    dnn_module *m = layers[layer].make(ctx);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL), DNN_OK);
    if (!training) assert_int_equal(dnn_module_eval(m), DNN_OK);
    dnn_tensor *x = input_for(ctx, layer, 0);
    const dnn_tensor *y = run_forward(m, x), *dx;
    assert_int_equal(dnn_tensor_dim(y, 0), 0);
    dnn_tensor *dy = gradient_for(ctx, y);
    fill_state(m, 7);
    dx = run_backward(m, dy);
    if (layers[layer].input == DNN_F32) expect_shape(dx, DIMS(0, 5, 5, 4));
    expect_state(m, 7, layers[layer].name);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void a_batch_of_0_changes_nothing(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    for (int i = 0; i < LAYERS; i++) {
        check_empty(ctx, i, true);
        check_empty(ctx, i, false);
    }
    end(ctx);
}

/* ---- frozen parameters ---- */

/* Gradients with the first `frozen` parameter left alone (NaN stays NaN); the others as with nothing frozen. */
static void check_frozen(dnn_context *ctx, int layer, int64_t frozen) {
    dnn_module *m = layers[layer].make(ctx);
    dnn_tensor *x = input_for(ctx, layer, 2);
    dnn_tensor *dy = gradient_for(ctx, run_forward(m, x)), *all[2] = {NULL, NULL};
    assert_int_equal(dnn_module_backward(m, dy, NULL), DNN_OK);
    for (int64_t i = 0; i < 2 && parameter_at(m, i).gradient; i++)
        assert_int_equal(dnn_tensor_clone(&all[i], parameter_at(m, i).gradient), DNN_OK);
    fill_state(m, 0);
    dnn_tensor *poisoned = parameter_at(m, frozen).gradient;
    for (int64_t k = 0; k < dnn_tensor_count(poisoned); k++) tensor_put(poisoned, k, (double)NAN);
    assert_int_equal(dnn_module_freeze(m, parameter_at(m, frozen).path), DNN_OK);
    run_forward(m, x);
    assert_int_equal(dnn_module_backward(m, dy, NULL), DNN_OK);
    for (int64_t k = 0; k < dnn_tensor_count(poisoned); k++) expect_near(poisoned, k, (double)NAN, 0, "frozen");
    expect_same_bits(parameter_at(m, 1 - frozen).gradient, all[1 - frozen], layers[layer].name);
    for (int i = 0; i < 2; i++) dnn_tensor_release(all[i]);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void frozen_parameters_are_left_alone(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    for (int i = 0; i < 5; i++) { /* those with a weight and a bias */
        check_frozen(ctx, i, 0);
        check_frozen(ctx, i, 1);
    }
    end(ctx);
}

/* ---- memory that fails ---- */

/* What leaks is found when the context goes. */
static void check_memory(dnn_context *ctx, int layer, bool for_ever) {
    dnn_module *m = NULL;
    for (int64_t k = 1; !m; k++) {
        test_allocator_arm(&memory, k, for_ever);
        m = layers[layer].make(ctx);
        test_allocator_arm(&memory, 0, false);
        if (m) break;
        assert_int_equal(dnn_last_status(), DNN_ERROR_MEMORY);
        assert_true(k < 100);
    }
    dnn_module_release(m);
}

static void constructors_survive_without_memory(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    for (int i = 0; i < LAYERS; i++) {
        check_memory(ctx, i, false);
        check_memory(ctx, i, true);
    }
    end(ctx);
}

/* ---- threads ---- */

static void add(dnn_module *net, dnn_module *layer) { assert_int_equal(dnn_sequential_add(net, NULL, layer), DNN_OK); }

static dnn_module *network(dnn_context *ctx) {
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    add(net, dnn_conv2d(ctx, D(dnn_conv2d_desc, .in_channels = 8, .out_channels = 24, .kernel = {3}, .padding = 1)));
    add(net, dnn_batch_norm(ctx, D(dnn_batch_norm_desc, .features = 24)));
    add(net, dnn_max_pool2d(ctx, D(dnn_pool2d_desc, .kernel = {3}, .stride = {2}, .padding = 1)));
    add(net, dnn_conv2d(ctx, D(dnn_conv2d_desc, .in_channels = 24, .out_channels = 24, .kernel = {3}, .groups = 24)));
    add(net, dnn_dropout(ctx, 0.3));
    add(net, dnn_avg_pool2d(ctx, D(dnn_pool2d_desc, .kernel = {2}, .stride = {1})));
    add(net, dnn_softmax(ctx, 1));
    add(net, dnn_conv2d(ctx, D(dnn_conv2d_desc, .in_channels = 24, .out_channels = 40, .kernel = {3}, .stride = {2},
                               .groups = 2)));
    add(net, dnn_adaptive_avg_pool2d(ctx, 4, 3));
    add(net, dnn_layer_norm(ctx, D(dnn_layer_norm_desc, .shape = {3, 40})));
    add(net, dnn_linear(ctx, D(dnn_linear_desc, .in_features = 40, .out_features = 19)));
    add(net, dnn_log_softmax(ctx, -1));
    return net;
}

/* All that a step gives, as bytes: y, dx, gradients, running statistics, of two steps. */
typedef struct {
    char bytes[1 << 20];
    int64_t used;
} record;

static void keep(record *r, const dnn_tensor *t) {
    int64_t bytes = dnn_tensor_bytes(t);
    assert_true(r->used + bytes <= (int64_t)sizeof r->bytes);
    memcpy(r->bytes + r->used, dnn_tensor_const_data(t), (size_t)bytes);
    r->used += bytes;
}

static void record_steps(record *r, int32_t threads, dnn_dtype dtype) {
    dnn_context *ctx = new_context(threads);
    dnn_module *net = network(ctx);
    assert_int_equal(dnn_module_to(net, dtype), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(net, DNN_GRADIENTS_INPUTS), DNN_OK);
    dnn_tensor *x = tensor_normal(ctx, dtype, DIMS(4, 33, 29, 8), 1);
    r->used = 0;
    for (int step = 0; step < 2; step++) {
        const dnn_tensor *y = run_forward(net, x);
        dnn_tensor *dy = gradient_for(ctx, y);
        keep(r, y);
        keep(r, run_backward(net, dy));
        dnn_tensor_release(dy);
    }
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = parameter_at(net, i);
        keep(r, p.is_buffer ? p.value : p.gradient);
    }
    dnn_tensor_release(x);
    dnn_module_release(net);
    end(ctx);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    static record one, many;
    for (dnn_dtype dtype = DNN_F32; dtype <= DNN_F64; dtype++) {
        record_steps(&one, 1, dtype);
        for (int32_t threads = 1; threads <= 4; threads++) {
            record_steps(&many, threads, dtype);
            assert_int_equal(many.used, one.used);
            if (memcmp(many.bytes, one.bytes, (size_t)one.used) != 0)
                fail_msg("%s differs on %d threads", dnn_dtype_name(dtype), threads);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_of_0_changes_nothing),
        cmocka_unit_test(frozen_parameters_are_left_alone),
        cmocka_unit_test(constructors_survive_without_memory),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
