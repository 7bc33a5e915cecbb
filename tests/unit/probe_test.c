/* The shape probe: each fault that it names, planted in a network, and none in good ones; the module is left as it was. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/dnn.h>
#include <stdio.h>
#include <string.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK && memory.live == 0 ? 0 : -1;
}

#define OK(call) expect_ok(call, #call)
static void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

/* ---- pieces ---- */

static dnn_module *conv(int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1});
}
static dnn_module *linear(int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}
static dnn_module *norm(int64_t n) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = n});
}
static dnn_module *pool(void) { return dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {2}}); }
static dnn_module *global_pool(void) {
    return dnn_adaptive_avg_pool2d(ctx, 1, 1);
}

static dnn_module *sequence(dnn_module *const *layers, int n) {
    dnn_module *net;
    char name[8];
    OK(dnn_sequential_create(&net, ctx));
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "l%d", i);
        dnn_sequential_add(net, name, layers[i]);
    }
    OK(dnn_module_error(net));
    return net;
}
#define SEQUENCE(...) \
    sequence((dnn_module *[]){__VA_ARGS__}, (int)(sizeof((dnn_module *[]){__VA_ARGS__}) / sizeof(dnn_module *)))

static dnn_module *swap_axes(void) { return dnn_permute(ctx, 4, (int32_t[]){0, 2, 1, 3}); }

/* ---- good networks ---- */

static dnn_module *free_cnn(void) {
    return SEQUENCE(conv(3, 4), norm(4), dnn_relu(ctx), pool(), conv(4, 5), dnn_relu(ctx), global_pool(), dnn_flatten(ctx),
                    linear(5, 6));
}
static dnn_module *fixed_cnn(void) {
    return SEQUENCE(conv(1, 4), dnn_relu(ctx), pool(), dnn_flatten(ctx), linear(4 * 36, 10));
}
static dnn_module *mlp(void) { return SEQUENCE(linear(4, 8), norm(8), dnn_relu(ctx), dnn_dropout(ctx, 0.5), linear(8, 3)); }
static dnn_module *swapped_back(void) { return SEQUENCE(swap_axes(), conv(3, 2), swap_axes()); }

/* ---- bad ones ---- */

static dnn_module *sideways(void) { return SEQUENCE(conv(3, 2), swap_axes(), conv(2, 2)); }
/* (N, 4, 6) to (4, N, 6): samples go where words are. */
static dnn_module *batch_behind(void) { return SEQUENCE(dnn_permute(ctx, 3, (int32_t[]){1, 0, 2}), linear(6, 2)); }
/* A layer over the batch, for batches of 7. */
static dnn_module *mixed_by_layer(void) {
    return SEQUENCE(dnn_permute(ctx, 2, (int32_t[]){1, 0}), linear(7, 7), dnn_permute(ctx, 2, (int32_t[]){1, 0}));
}
/* The batch changes places with the features, is normalised, and goes back: shapes show nothing. */
static dnn_module *mixed_in_place(void) {
    return SEQUENCE(linear(4, 7), dnn_permute(ctx, 2, (int32_t[]){1, 0}), dnn_softmax(ctx, -1),
                    dnn_permute(ctx, 2, (int32_t[]){1, 0}));
}
static dnn_module *deaf(void) {
    dnn_module *net = mlp();
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter), .path = NULL};
        OK(dnn_module_parameter_at(net, i, &p));
        if (strcmp(p.path, "l1.bias") != 0) continue;
        for (int64_t k = 0; k < dnn_tensor_count(p.value); k++) tensor_put(p.value, k, -1e6); /* dead ReLUs */
    }
    return net;
}
static dnn_module *zero_last(void) {
    dnn_module *net = mlp();
    dnn_tensor *w = value_of(net, "l4.weight");
    for (int64_t k = 0; k < dnn_tensor_count(w); k++) tensor_put(w, k, 0);
    return net;
}

typedef struct fault {
    const char *what;
    dnn_module *(*make)(void);
    int32_t rank;
    int64_t dims[4];
    dnn_severity severity; /* of the finding; NONE: there is none */
    const char *name, *words;
} fault;

static const fault faults[] = {
    {"a CNN for any size", free_cnn, 4, {32, 28, 28, 3}, DNN_SEVERITY_NONE, NULL, "[7,13,17,3], meant for [32,28,28,3]"},
    {"an MLP", mlp, 2, {32, 4}, DNN_SEVERITY_NONE, NULL, "input 0: float32 [7,4]"},
    {"a last layer of zeros", zero_last, 2, {32, 4}, DNN_SEVERITY_NONE, NULL, "[7,4]"},
    {"there and back", swapped_back, 4, {2, 8, 9, 3}, DNN_SEVERITY_NONE, NULL, "[7,13,17,3]"},
    {"a CNN for one size", fixed_cnn, 4, {32, 12, 12, 1}, DNN_SEVERITY_NOTE, "fixed-size",
     "The module takes one size of pictures alone: [7,12,12,1]."},
    {"on its side", sideways, 4, {2, 8, 8, 3}, DNN_SEVERITY_WARNING, "height-width-swapped",
     "l1 makes the height of its input the width of its output."},
    {"the batch behind", batch_behind, 3, {2, 4, 6}, DNN_SEVERITY_WARNING, "batch-lost", "for a batch of 7"},
    {"a layer over the batch", mixed_by_layer, 2, {7, 4}, DNN_SEVERITY_ERROR, "samples-mix",
     "the first step whose first axis is not the batch is l0, [4,7]"},
    {"a fixed batch", mixed_by_layer, 2, {7, 4}, DNN_SEVERITY_ERROR, "samples-mix", "in batches of 7"},
    {"mixed in place", mixed_in_place, 2, {3, 4}, DNN_SEVERITY_ERROR, "samples-mix",
     "Sample 0 of a batch changes the output of sample 1: they meet in l1 (permute)."},
    {"deaf", deaf, 2, {3, 4}, DNN_SEVERITY_WARNING, "ignores-input", "The output does not depend on the input."},
    {"of another width", mlp, 2, {3, 5}, DNN_SEVERITY_ERROR, "does-not-run", "l0: "},
};

static dnn_array shape_of(const fault *f) {
    dnn_array a = {.dtype = DNN_F32, .rank = f->rank};
    memcpy(a.dims, f->dims, sizeof f->dims);
    return a;
}

static void expect_fault(const fault *f, dnn_report *report) {
    dnn_finding found = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NONE};
    if (dnn_report_worst(report) != f->severity || !strstr(dnn_report_text(report), f->words))
        fail_msg("%s:\n%s", f->what, dnn_report_text(report));
    if (f->name && dnn_report_find(report, f->name, &found) != DNN_OK)
        fail_msg("%s: no %s:\n%s", f->what, f->name, dnn_report_text(report));
}

static void test_faults(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        dnn_module *net = faults[i].make();
        dnn_array shape = shape_of(&faults[i]);
        dnn_report *report;
        OK(dnn_probe(&report, net, &shape, 1, NULL));
        expect_fault(&faults[i], report);
        dnn_report_release(report);
        dnn_module_release(net);
    }
}

/* For batches of 7 it runs; for others it does not. */
static void test_fixed_batch(void **state) {
    (void)state;
    dnn_module *net = mixed_by_layer();
    dnn_report *report;
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {7, 4}};
    dnn_probe_desc d = {DNN_SIZED(dnn_probe_desc), .batch = 5};
    OK(dnn_probe(&report, net, &shape, 1, &d));
    assert_int_equal(dnn_report_find(report, "fixed-batch", NULL), DNN_OK);
    assert_non_null(strstr(dnn_report_text(report), "The module takes batches of 7, and none of 5."));
    assert_int_equal(dnn_report_find(report, "samples-mix", NULL), DNN_OK);
    dnn_report_release(report);
    dnn_module_release(net);
}

/* Whole numbers are 0 or 1, or taken from the caller's data. */
static void test_whole_inputs(void **state) {
    (void)state;
    dnn_embedding_desc d = {DNN_SIZED(dnn_embedding_desc), .num = 50, .dim = 4};
    dnn_module *net = SEQUENCE(dnn_embedding(ctx, &d), dnn_permute(ctx, 3, (int32_t[]){1, 0, 2}),
                               dnn_softmax(ctx, 1), dnn_permute(ctx, 3, (int32_t[]){1, 0, 2}));
    int64_t words[] = {7, 40, 3, 12, 49, 0};
    dnn_array input = {.dtype = DNN_I64, .rank = 2, .dims = {2, 3}}, with = input;
    with.data = words;
    for (int i = 0; i < 2; i++) {
        dnn_report *report;
        OK(dnn_probe(&report, net, i ? &with : &input, 1, NULL));
        assert_int_equal(dnn_report_find(report, "samples-mix", NULL), DNN_OK);
        dnn_report_release(report);
    }
    words[0] = 50;
    dnn_report *report;
    OK(dnn_probe(&report, net, &with, 1, NULL));
    assert_int_equal(dnn_report_find(report, "does-not-run", NULL), DNN_OK);
    dnn_report_release(report);
    dnn_module_release(net);
}

/* ---- left as it was ---- */

static void fingerprint(dnn_module *net, double *sum, int64_t room) {
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_module_parameter_count(net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter), .path = NULL};
        OK(dnn_module_parameter_at(net, i, &p));
        for (int64_t k = 0; k < dnn_tensor_count(p.value) && n < room; k++) sum[n++] = tensor_at(p.value, k);
        for (int64_t k = 0; p.gradient && k < dnn_tensor_count(p.gradient) && n < room; k++)
            sum[n++] = tensor_at(p.gradient, k);
        if (n < room) sum[n++] = p.is_frozen;
    }
    if (n < room) sum[n++] = dnn_module_is_training(net) + 10 * dnn_module_pending_backwards(net);
}

/* Between a forward and its backward, with a frozen layer, in training mode, dropout's counters on their way. */
static void test_left_as_it_was(void **state) {
    (void)state;
    enum { ROOM = 4096 };
    static double before[ROOM], after[ROOM];
    dnn_module *one = mlp(), *two;
    dnn_context_seed(ctx, 0);
    dnn_module_release(one);
    one = mlp();
    dnn_context_seed(ctx, 0);
    two = mlp();
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 4), 1), *dy = tensor_normal(ctx, DNN_F32, DIMS(5, 3), 2);
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {5, 4}};
    for (int i = 0; i < 3; i++) {
        const dnn_tensor *y1, *y2;
        dnn_report *report;
        OK(dnn_module_freeze(one, "l0.*"));
        OK(dnn_module_freeze(two, "l0.*"));
        OK(dnn_module_forward(one, x, &y1));
        OK(dnn_module_forward(two, x, &y2));
        fingerprint(one, before, ROOM);
        OK(dnn_probe(&report, one, &shape, 1, NULL));
        fingerprint(one, after, ROOM);
        assert_memory_equal(before, after, sizeof before);
        dnn_report_release(report);
        expect_same_bits(y1, y2, "outputs");
        OK(dnn_module_backward(one, dy, NULL));
        OK(dnn_module_backward(two, dy, NULL));
    }
    fingerprint(one, before, ROOM);
    fingerprint(two, after, ROOM);
    assert_memory_equal(before, after, sizeof before);
    dnn_module_release(one);
    dnn_module_release(two);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
}

static void test_refusals(void **state) {
    (void)state;
    dnn_module *net = mlp();
    dnn_report *report;
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {5, 4}}, bad = {.dtype = DNN_F32, .rank = 9};
    dnn_probe_desc d = {DNN_SIZED(dnn_probe_desc), .batch = 1};
    expect_error(dnn_probe(&report, net, &shape, 1, &d), DNN_ERROR_ARGUMENT, "options.batch is 1, it may be 2 to 1024");
    assert_int_equal(dnn_probe(&report, net, &bad, 1, NULL), DNN_ERROR_SHAPE);
    assert_null(report);
    dnn_module_release(net);
}

static void test_out_of_memory(void **state) {
    (void)state;
    enum { ROOM = 1024 };
    static double before[ROOM], after[ROOM];
    dnn_module *net = SEQUENCE(conv(1, 2), norm(2), swap_axes(), global_pool(), dnn_flatten(ctx), linear(2, 2));
    dnn_array shape = {.dtype = DNN_F32, .rank = 4, .dims = {2, 8, 8, 1}};
    dnn_report *report = NULL;
    fingerprint(net, before, ROOM);
    for (int64_t fail = 1; !report; fail++) {
        test_allocator_arm(&memory, fail, false);
        dnn_status status = dnn_probe(&report, net, &shape, 1, NULL);
        test_allocator_arm(&memory, 0, false);
        assert_true(status == (report ? DNN_OK : DNN_ERROR_MEMORY));
        fingerprint(net, after, ROOM);
        assert_memory_equal(before, after, sizeof before);
    }
    dnn_report_release(report);
    dnn_module_release(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fixed_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whole_inputs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_left_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
