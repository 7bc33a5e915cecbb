/* Predictors: a module that is const, run by several threads at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/random_graph.h"
#include "support/running.h"
#include "support/test_layers.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &d) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define LINEAR(i, o) \
    dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = i, .out_features = o})

/* With all that behaves differently in training: dropout, batch norm, random numbers. In training mode, as made. */
static dnn_module *new_net(void) {
    dnn_module *m;
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    dnn_sequential_add(m, "fc1", LINEAR(12, 40));
    dnn_sequential_add(m, "norm",
                       dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = 40}));
    dnn_sequential_add(m, "relu", dnn_relu(ctx));
    dnn_sequential_add(m, "drop", dnn_dropout(ctx, 0.5));
    dnn_sequential_add(m, "random", test_random(ctx));
    dnn_sequential_add(m, "scratch", test_scratch(ctx));
    dnn_sequential_add(m, "fc2", LINEAR(40, 7));
    if (dnn_module_error(m) != DNN_OK) fail_msg("%s", dnn_last_error());
    return m;
}

/* ---- threads ---- */

enum { THREADS = 4, RUNS = 60, SHAPES = 10 };

typedef struct job {
    pthread_t thread;
    const dnn_module *net;
    dnn_tensor *const *inputs, *const *wanted; /* [SHAPES] */
    unsigned first;
    int wrong, failed;
} job;

static void *predict(void *arg) {
    job *j = arg;
    dnn_predictor *p;
    if (dnn_predictor_create(&p, j->net) != DNN_OK) {
        j->failed++;
        return NULL;
    }
    for (unsigned i = 0; i < RUNS; i++) {
        unsigned s = (j->first + i * 7) % SHAPES;
        const dnn_tensor *y;
        if (dnn_predictor_run(p, j->inputs[s], &y) != DNN_OK) {
            j->failed++;
            continue;
        }
        const void *got = dnn_tensor_const_data(y), *want = dnn_tensor_const_data(j->wanted[s]);
        if (memcmp(got, want, (size_t)dnn_tensor_bytes(y)) != 0) j->wrong++;
    }
    dnn_predictor_release(p);
    return NULL;
}

/* More shapes than plans are remembered, in a different order in each thread. */
static void threads_agree_bit_for_bit(void **state) {
    (void)state;
    dnn_module *net = new_net();
    dnn_tensor *inputs[SHAPES], *wanted[SHAPES];
    assert_int_equal(dnn_module_eval(net), DNN_OK);
    for (int i = 0; i < SHAPES; i++) {
        inputs[i] = tensor_normal(ctx, DNN_F32, DIMS(1 + 9 * i, 12), (uint64_t)i);
        assert_int_equal(dnn_tensor_clone(&wanted[i], run_forward(net, inputs[i])), DNN_OK);
    }
    assert_int_equal(dnn_module_train(net), DNN_OK);
    job jobs[THREADS];
    for (unsigned t = 0; t < THREADS; t++) {
        jobs[t] = (job){.net = net, .inputs = inputs, .wanted = wanted, .first = t * 3};
        assert_int_equal(pthread_create(&jobs[t].thread, NULL, predict, &jobs[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(jobs[t].thread, NULL);
        assert_int_equal(jobs[t].failed, 0);
        assert_int_equal(jobs[t].wrong, 0);
    }
    assert_int_equal(dnn_module_is_training(net), 1);
    rg_release(inputs, SHAPES);
    rg_release(wanted, SHAPES);
    dnn_module_release(net);
}

/* ---- const ---- */

static void nothing_changes(void **state) {
    (void)state;
    dnn_module *net = new_net();
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 12), 1), *before[16];
    int64_t n = dnn_module_parameter_count(net);
    assert_true(n <= 16);
    for (int64_t i = 0; i < n; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(net, i, &p);
        assert_int_equal(dnn_tensor_clone(&before[i], p.value), DNN_OK);
    }
    dnn_predictor *p;
    const dnn_tensor *y, *again;
    assert_int_equal(dnn_predictor_create(&p, net), DNN_OK);
    assert_int_equal(dnn_predictor_run(p, x, &y), DNN_OK);
    dnn_tensor *first;
    assert_int_equal(dnn_tensor_clone(&first, y), DNN_OK);
    assert_int_equal(dnn_predictor_run(p, x, &again), DNN_OK);
    expect_same_bits(again, first, "the prediction");
    for (int64_t i = 0; i < n; i++) {
        dnn_parameter q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(net, i, &q);
        expect_same_bits(q.value, before[i], q.path);
    }
    dnn_predictor_release(p);
    rg_release(before, (int)n);
    dnn_tensor_release(first);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* A prediction between a forward and its backward disturbs neither; new weights show at the next run. */
static void beside_training(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *m = test_probe(ctx, &log, true);
    dnn_predictor *p;
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 1});
    const dnn_tensor *y;
    assert_int_equal(dnn_predictor_create(&p, m), DNN_OK);
    run_forward(m, x);
    assert_int_equal(dnn_predictor_run(p, x, &y), DNN_OK);
    assert_int_equal(dnn_module_backward(m, dy, NULL), DNN_OK);
    assert_true(tensor_at(gradient_of(m, "w"), 0) == 3);
    tensor_put(value_of(m, "w"), 0, 10);
    assert_int_equal(dnn_predictor_run(p, x, &y), DNN_OK);
    expect_values(y, (double[]){10, 20}, 0, "y");
    assert_int_equal(log.trained, 1);
    dnn_module_release(m);
    assert_int_equal(log.released, 0);
    assert_int_equal(dnn_predictor_run(p, x, &y), DNN_OK);
    assert_int_equal(dnn_predictor_release(p), DNN_OK);
    assert_int_equal(log.released, 1);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
}

static void wrong_calls(void **state) {
    (void)state;
    dnn_module *net = new_net();
    dnn_predictor *p;
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(5, 3), NULL);
    const dnn_tensor *y = x;
    assert_int_equal(dnn_predictor_create(NULL, net), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_create(&p, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_create(&p, (dnn_module *)(void *)x), DNN_ERROR_HANDLE);
    assert_null(p);
    assert_int_equal(dnn_predictor_create(&p, net), DNN_OK);
    expect_error(dnn_predictor_run(p, x, &y), DNN_ERROR_SHAPE,
                 "fc1: input has 3 features, the layer expects 12 (input [5,3])");
    assert_null(y);
    assert_int_equal(dnn_predictor_run(p, NULL, &y), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_run(p, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_run(NULL, x, &y), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_run((dnn_predictor *)(void *)net, x, &y), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_predictor_run_n(p, NULL, 1, &y, 1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_predictor_run_n(p, (const dnn_tensor *[]){x, x}, 2, &y, 1), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_predictor_release(NULL), DNN_OK);
    assert_int_equal(dnn_predictor_release((dnn_predictor *)(void *)net), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_predictor_release(p), DNN_OK);
    assert_int_equal(dnn_predictor_release(p), DNN_ERROR_HANDLE);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* A prediction fed back is read from the memory that the next one writes to. */
static void prediction_fed_back(void **state) {
    (void)state;
    dnn_module *net = LINEAR(6, 6);
    dnn_predictor *p, *q;
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(3, 6), 1), *copy;
    const dnn_tensor *y, *want;
    assert_int_equal(dnn_predictor_create(&p, net), DNN_OK);
    assert_int_equal(dnn_predictor_create(&q, net), DNN_OK);
    assert_int_equal(dnn_predictor_run(p, x, &y), DNN_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(dnn_tensor_clone(&copy, y), DNN_OK);
        assert_int_equal(dnn_predictor_run(p, y, &y), DNN_OK);
        assert_int_equal(dnn_predictor_run(q, copy, &want), DNN_OK);
        expect_same_bits(y, want, "the prediction");
        dnn_tensor_release(copy);
    }
    dnn_tensor_release(x);
    dnn_predictor_release(p);
    dnn_predictor_release(q);
    dnn_module_release(net);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(threads_agree_bit_for_bit), TEST(nothing_changes), TEST(beside_training),
        TEST(wrong_calls),               TEST(prediction_fed_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
