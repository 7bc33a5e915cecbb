/* What a host may do to us: run lanes in any order and on any threads, release objects from several threads at once, and
 * call us when its threads are ending. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/running.h"

/* ---- executors ---- */

static void backwards(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    (void)user;
    for (int64_t lane = lanes - 1; lane >= 0; lane--) lane_main(arg, lane);
}

static void odd_before_even(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    (void)user;
    for (int64_t lane = 1; lane < lanes; lane += 2) lane_main(arg, lane);
    for (int64_t lane = 0; lane < lanes; lane += 2) lane_main(arg, lane);
}

typedef struct {
    pthread_t thread;
    void (*lane_main)(void *arg, int64_t lane);
    void *arg;
    int64_t lane;
} lane_thread;

static void *lane_entry(void *arg) {
    lane_thread *l = arg;
    l->lane_main(l->arg, l->lane);
    return NULL;
}

/* A new thread for each lane, the last one first. */
static void fresh_threads(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes) {
    (void)user;
    lane_thread l[8];
    assert_true(lanes <= 8);
    for (int64_t i = lanes - 1; i >= 0; i--) {
        l[i] = (lane_thread){.lane_main = lane_main, .arg = arg, .lane = i};
        assert_int_equal(pthread_create(&l[i].thread, NULL, lane_entry, &l[i]), 0);
    }
    for (int64_t i = 0; i < lanes; i++) pthread_join(l[i].thread, NULL);
}

#define DESC(type, ...) &(type){DNN_SIZED(type), __VA_ARGS__}

static dnn_module *new_net(dnn_context *ctx) {
    dnn_module *m;
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    dnn_sequential_add(m, "conv", dnn_conv2d(ctx, DESC(dnn_conv2d_desc, .in_channels = 3, .out_channels = 16,
                                                       .kernel = {3}, .padding = 1)));
    dnn_sequential_add(m, "norm", dnn_batch_norm(ctx, DESC(dnn_batch_norm_desc, .features = 16)));
    dnn_sequential_add(m, "relu", dnn_relu(ctx));
    dnn_sequential_add(m, "pool", dnn_max_pool2d(ctx, DESC(dnn_pool2d_desc, .kernel = {2})));
    dnn_sequential_add(m, "drop", dnn_dropout(ctx, 0.3));
    dnn_sequential_add(m, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(m, "fc", dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 16 * 64, .out_features = 10)));
    if (dnn_module_error(m) != DNN_OK) fail_msg("%s", dnn_last_error());
    return m;
}

enum { WEIGHTS = 10 * 16 * 64 };

/* A few steps of training; the last layer's weight, which all others have worked on. */
static void train(const dnn_context_desc *desc, float weights[WEIGHTS]) {
    dnn_context *ctx;
    dnn_optimizer *opt;
    dnn_tensor *x;
    const dnn_tensor *y;
    assert_int_equal(dnn_context_create(&ctx, desc), DNN_OK);
    dnn_module *net = new_net(ctx);
    assert_int_equal(dnn_adam_create(&opt, net, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_create(&x, ctx, DNN_F32, 4, (const int64_t[]){8, 16, 16, 3}), DNN_OK);
    dnn_tensor_fill(x, DESC(dnn_init, .kind = DNN_INIT_NORMAL, .b = 1));
    for (int step = 0; step < 4; step++) {
        dnn_optimizer_zero_grad(opt);
        assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(net, y, NULL), DNN_OK); /* of |y|²/2 */
        assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    }
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter(net, "fc.weight", &p), DNN_OK);
    memcpy(weights, dnn_tensor_const_data(p.value), WEIGHTS * sizeof *weights);
    dnn_tensor_release(x);
    dnn_optimizer_release(opt);
    dnn_module_release(net);
    dnn_context_release(ctx);
}

static void lanes_run_in_any_order(void **state) {
    (void)state;
    static float alone[WEIGHTS], got[WEIGHTS];
    static const struct {
        const char *name;
        dnn_context_desc desc;
    } ways[] = {
        {"pool", {DNN_SIZED(dnn_context_desc), .threads = 4}},
        {"backwards", {DNN_SIZED(dnn_context_desc), .threads = 5, .executor = {backwards, NULL}}},
        {"odd before even", {DNN_SIZED(dnn_context_desc), .threads = 7, .executor = {odd_before_even, NULL}}},
        {"fresh threads", {DNN_SIZED(dnn_context_desc), .threads = 3, .executor = {fresh_threads, NULL}}},
    };
    train(DESC(dnn_context_desc, .threads = 1), alone);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        train(&ways[i].desc, got);
        if (memcmp(alone, got, sizeof got) != 0) fail_msg("%s: other bits than on one thread", ways[i].name);
    }
}

/* ---- releasing ---- */

enum { THREADS = 4, OBJECTS = 400 };

typedef struct {
    dnn_context *ctx;
    dnn_tensor *shared[OBJECTS];
    dnn_tensor *mine[THREADS][OBJECTS];
} heap;

typedef struct {
    pthread_t thread;
    heap *h;
    int number;
} releaser;

static void *release_all(void *arg) {
    releaser *r = arg;
    int failed = 0;
    for (int i = 0; i < OBJECTS; i++) {
        dnn_tensor *t;
        failed += dnn_tensor_release(r->h->shared[i]) != DNN_OK;
        failed += dnn_tensor_release(r->h->mine[r->number][i]) != DNN_OK;
        failed += dnn_tensor_create(&t, r->h->ctx, DNN_F32, 0, NULL) != DNN_OK || dnn_tensor_release(t) != DNN_OK;
    }
    return failed ? r : NULL;
}

/* Each thread has a hold on the shared tensors, and views of them for itself. */
static void several_threads_release(void **state) {
    (void)state;
    static heap h;
    test_allocator memory = {0};
    const int64_t three = 3;
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 2, .allocator = test_allocator_of(&memory)};
    assert_int_equal(dnn_context_create(&h.ctx, &d), DNN_OK);
    for (int i = 0; i < OBJECTS; i++) {
        assert_int_equal(dnn_tensor_create(&h.shared[i], h.ctx, DNN_F32, 1, &three), DNN_OK);
        for (int k = 1; k < THREADS; k++) dnn_tensor_retain(h.shared[i]);
        for (int k = 0; k < THREADS; k++)
            assert_int_equal(dnn_tensor_slice(&h.mine[k][i], h.shared[i], k % 3, 1), DNN_OK);
    }
    releaser r[THREADS];
    for (int i = 0; i < THREADS; i++) {
        r[i] = (releaser){.h = &h, .number = i};
        assert_int_equal(pthread_create(&r[i].thread, NULL, release_all, &r[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(r[i].thread, &failed);
        assert_null(failed);
    }
    assert_int_equal(dnn_context_release(h.ctx), DNN_OK);
    assert_int_equal(memory.live, 0);
}

/* ---- the end of a thread ---- */

static pthread_key_t last_words;
static char said[64];

static void fail_at_the_end(void *arg) {
    (void)arg;
    if (dnn_tensor_rank(NULL) == -1) strncpy(said, dnn_last_error(), sizeof said - 1);
}

static void *end_with_an_error(void *arg) {
    (void)arg;
    pthread_setspecific(last_words, said);
    dnn_fail(DNN_ERROR_VALUE, "so that this thread has a line");
    return NULL;
}

/* The host's destructor runs after the library's, whose key is older, has given this thread's line back. */
static void errors_while_a_thread_ends(void **state) {
    (void)state;
    pthread_t thread;
    dnn_fail(DNN_ERROR_VALUE, "so that the library has its key");
    assert_int_equal(pthread_key_create(&last_words, fail_at_the_end), 0);
    for (int i = 0; i < 3; i++) {
        memset(said, 0, sizeof said);
        assert_int_equal(pthread_create(&thread, NULL, end_with_an_error, NULL), 0);
        pthread_join(thread, NULL);
        assert_string_equal(said, "tensor is NULL");
    }
    pthread_key_delete(last_words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_run_in_any_order),
        cmocka_unit_test(several_threads_release),
        cmocka_unit_test(errors_while_a_thread_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
