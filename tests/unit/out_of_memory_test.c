/* The whole way of a training run, with the k-th allocation failing: once, and from there on for ever. Whatever fails says
 * "out of memory", nothing leaks, and where it failed once, asking again gives the same run, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/allocator.h"

typedef struct {
    dnn_context *ctx;
    dnn_dataset *digits, *train, *test;
    dnn_loader *loader;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_predictor *predictor;
    dnn_description *description;
    dnn_tensor *x, *target;
    double value;
    float answer;
} run;

static char path[] = "/tmp/dnn-memory-XXXXXX";

/* Asked again once; a second failure is final. */
#define RETRY(call)                                             \
    do {                                                        \
        dnn_status status_ = (call);                            \
        if (status_ == DNN_ERROR_MEMORY) status_ = (call);      \
        if (status_ != DNN_OK) return status_;                  \
    } while (0)

static void release(run *r) {
    dnn_tensor_release(r->target);
    dnn_tensor_release(r->x);
    dnn_description_release(r->description);
    dnn_predictor_release(r->predictor);
    dnn_optimizer_release(r->opt);
    dnn_loss_release(r->loss);
    dnn_module_release(r->net);
    dnn_loader_release(r->loader);
    dnn_dataset_release(r->test);
    dnn_dataset_release(r->train);
    dnn_dataset_release(r->digits);
    dnn_context_release(r->ctx);
}

/* ---- the parts of a run ---- */

static dnn_module *residual(dnn_context *ctx) {
    dnn_module *graph;
    if (dnn_graph_create(&graph, ctx) != DNN_OK) return NULL;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 3, .out_channels = 3, .kernel = {3}, .padding = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 3};
    dnn_value x = dnn_graph_input(graph);
    dnn_value y = dnn_graph_apply(graph, "conv", dnn_conv2d(ctx, &conv), x);
    y = dnn_graph_apply(graph, "norm", dnn_batch_norm(ctx, &norm), y);
    dnn_graph_output(graph, dnn_graph_apply2(graph, "add", dnn_add(ctx), x, y));
    return graph;
}

/* A network is built as a whole and checked once; one that failed is thrown away. */
static dnn_status build_net(dnn_module **net, dnn_context *ctx) {
    dnn_status status = dnn_sequential_create(net, ctx);
    if (status != DNN_OK) return status;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 3, .kernel = {5}, .stride = {2}};
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {3}};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = 12, .out_features = 10};
    dnn_sequential_add(*net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(*net, "block", residual(ctx));
    dnn_sequential_add(*net, "relu", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, NULL, dnn_flatten(ctx));
    dnn_sequential_add(*net, "dropout", dnn_dropout(ctx, 0.1));
    dnn_sequential_add(*net, "out", dnn_linear(ctx, &out));
    status = dnn_module_error(*net);
    if (status == DNN_OK) return DNN_OK;
    dnn_module_release(*net);
    *net = NULL;
    return status;
}

/* A retried network must draw the same numbers, so each try begins with the same seed. */
static dnn_status build_seeded(run *r) {
    dnn_context_seed(r->ctx, 9);
    return build_net(&r->net, r->ctx);
}

static dnn_status open_data(run *r) {
    dnn_digits_desc digits = {DNN_SIZED(dnn_digits_desc), .count = 24, .image_size = 16};
    dnn_split_desc split = {DNN_SIZED(dnn_split_desc), .count = 16};
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = 6, .shuffle = 1, .prefetch = DNN_NO_PREFETCH};
    RETRY(dnn_digits(&r->digits, r->ctx, &digits));
    RETRY(dnn_dataset_split(&r->train, &r->test, r->digits, &split));
    RETRY(dnn_loader_create(&r->loader, r->train, &loader));
    return DNN_OK;
}

static dnn_status train_step(run *r, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    RETRY(dnn_optimizer_zero_grad(r->opt));
    RETRY(dnn_module_forward(r->net, x, &y));
    RETRY(dnn_loss_evaluate(r->loss, y, target, &r->value, &dy));
    RETRY(dnn_module_backward(r->net, dy, NULL));
    RETRY(dnn_optimizer_step(r->opt));
    return DNN_OK;
}

static dnn_status train(run *r) {
    const dnn_tensor *x, *target;
    dnn_status status;
    RETRY(build_seeded(r));
    RETRY(dnn_cross_entropy_create(&r->loss, r->ctx, NULL));
    RETRY(dnn_adamw_create(&r->opt, r->net, NULL));
    while ((status = dnn_loader_next(r->loader, &x, &target)) == DNN_OK) {
        status = train_step(r, x, target);
        if (status != DNN_OK) return status;
    }
    return status == DNN_END ? DNN_OK : status;
}

static dnn_status keep_and_predict(run *r) {
    const dnn_tensor *y;
    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {3, 16, 16, 1}};
    RETRY(dnn_module_describe(&r->description, r->net, &shape, 1));
    RETRY(dnn_weights_save(r->net, path, NULL));
    RETRY(dnn_weights_load(r->net, path, NULL));
    RETRY(dnn_predictor_create(&r->predictor, r->net));
    RETRY(dnn_dataset_get_range(&r->x, &r->target, r->test, 0, 3));
    RETRY(dnn_predictor_run(r->predictor, r->x, &y));
    r->answer = ((const float *)dnn_tensor_const_data(y))[7];
    RETRY(dnn_module_to(r->net, DNN_F64));
    RETRY(dnn_module_to(r->net, DNN_F32));
    return DNN_OK;
}

static dnn_status check_gradients(run *r) {
    dnn_check_report *report = NULL;
    const dnn_tensor *x = r->x;
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_SAMPLED, .samples = 1, .only = "out.bias"};
    RETRY(dnn_check_gradients(&report, r->net, &x, 1, &options));
    return dnn_check_report_release(report);
}

static dnn_status whole_run(run *r, test_allocator *memory) {
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = 1, .allocator = test_allocator_of(memory)};
    RETRY(dnn_context_create(&r->ctx, &d));
    dnn_status status = open_data(r);
    if (status == DNN_OK) status = train(r);
    if (status == DNN_OK) status = keep_and_predict(r);
    return status == DNN_OK ? check_gradients(r) : status;
}

/* ---- */

static double clean_value;
static float clean_answer;
static int64_t clean_calls;

static void a_clean_run(void **state) {
    (void)state;
    test_allocator memory = {0};
    run r = {0};
    assert_int_equal(whole_run(&r, &memory), DNN_OK);
    clean_value = r.value;
    clean_answer = r.answer;
    clean_calls = memory.calls;
    release(&r);
    assert_int_equal(memory.live, 0);
    print_message("%lld allocations\n", (long long)clean_calls);
}

/* The first calls are about making things, and each is failed; later ones repeat, and every seventh will do. */
static int64_t next(int64_t k) { return k < 600 ? k + 1 : k + 7; }

static void each_fails_once(void **state) {
    (void)state;
    for (int64_t k = 1; k <= clean_calls; k = next(k)) {
        test_allocator memory = {.fail_at = k};
        run r = {0};
        dnn_status status = whole_run(&r, &memory);
        if (status != DNN_OK) print_error("allocation %lld: %s\n", (long long)k, dnn_last_error());
        assert_int_equal(status, DNN_OK);
        assert_true(r.value == clean_value);
        assert_true(r.answer == clean_answer);
        release(&r);
        assert_int_equal(memory.live, 0);
    }
}

static void each_fails_and_all_after_it(void **state) {
    (void)state;
    for (int64_t k = 1; k <= clean_calls; k = next(k)) {
        test_allocator memory = {.fail_at = k, .for_ever = true};
        run r = {0};
        assert_int_equal(whole_run(&r, &memory), DNN_ERROR_MEMORY);
        assert_non_null(strstr(dnn_last_error(), dnn_status_text(DNN_ERROR_MEMORY)));
        release(&r);
        assert_int_equal(memory.live, 0);
    }
}

static int make_path(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file >= 0 ? close(file) : 1;
}

static int remove_path(void **state) {
    (void)state;
    return remove(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_run),
        cmocka_unit_test(each_fails_once),
        cmocka_unit_test(each_fails_and_all_after_it),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
