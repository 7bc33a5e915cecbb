/* Where a NaN comes from: the data, a weight, the first layer that makes one; and a file that replays it. */
#include <math.h>
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

enum { BATCH = 5, WIDTH = 3 };

static test_allocator memory;
static dnn_context *ctx;
static dnn_module *net; /* fc, log, out: log is a layer of the host's */
static dnn_tensor *x;
static const dnn_tensor *inputs[1];

static dnn_status log_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}

static dnn_status log_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const float *from = call->inputs[0].data;
    float *to = call->outputs[0].data;
    for (int64_t i = 0; i < call->inputs[0].dims[0] * WIDTH; i++) to[i] = logf(from[i]);
    return DNN_OK;
}

static const dnn_layer_class log_class = {DNN_SIZED(dnn_layer_class), .type = "log", .shape = log_shape,
                                          .forward = log_forward};

static dnn_tensor *weight(const char *path) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter(net, path, &p), DNN_OK);
    return p.value;
}

/* fc is the identity: log sees what the data is. */
static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    dnn_linear_desc square = {DNN_SIZED(dnn_linear_desc), .in_features = WIDTH, .out_features = WIDTH};
    if (dnn_context_create(&ctx, &desc) || dnn_sequential_create(&net, ctx)) return -1;
    dnn_sequential_add(net, "fc", dnn_linear(ctx, &square));
    dnn_sequential_add(net, "log", dnn_layer_create(ctx, &log_class, NULL, 0));
    dnn_sequential_add(net, "out", dnn_linear(ctx, &square));
    if (dnn_module_error(net) || dnn_module_eval(net)) return -1;
    dnn_init zero = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT};
    if (dnn_tensor_fill(weight("fc.weight"), &zero) || dnn_tensor_fill(weight("fc.bias"), &zero)) return -1;
    for (int64_t i = 0; i < WIDTH; i++)
        if (dnn_tensor_set(weight("fc.weight"), 2, (int64_t[]){i, i}, 1)) return -1;
    if (dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){BATCH, WIDTH})) return -1;
    inputs[0] = x;
    return dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 2});
}

static int teardown(void **state) {
    (void)state;
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static dnn_report *autopsy(void) {
    dnn_report *report;
    if (dnn_autopsy(&report, net, inputs, 1, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
    return report;
}

static void assert_found(const char *name, const char *set, const char *what, const char *how, int64_t sample) {
    dnn_report *report = autopsy();
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    assert_int_equal(dnn_report_findings(report), 1);
    assert_int_equal(dnn_report_find(report, name, &f), DNN_OK);
    assert_string_equal(f.set, set);
    assert_string_equal(f.what, what);
    assert_string_equal(f.how, how);
    assert_int_equal(f.n_samples, sample >= 0);
    if (sample >= 0) assert_int_equal(f.samples[0], sample);
    dnn_report_release(report);
}

static void test_all_is_well(void **state) {
    (void)state;
    dnn_report *report = autopsy();
    assert_int_equal(dnn_report_findings(report), 0);
    dnn_report_release(report);
}

static void test_the_layer(void **state) {
    (void)state;
    assert_int_equal(dnn_tensor_set(x, 2, (int64_t[]){3, 1}, -0.5), DNN_OK);
    assert_found("not-finite-output", "log", "log (log) is the first to make numbers that are not finite: out[3,1] is NaN",
                 "1 of 15 numbers of [5,3]; it read from -0.5 to 2", 3);
    assert_int_equal(dnn_tensor_set(x, 2, (int64_t[]){3, 1}, 0), DNN_OK);
    assert_found("not-finite-output", "log", "log (log) is the first to make numbers that are not finite: out[3,1] is -infinite",
                 "1 of 15 numbers of [5,3]; it read from 0 to 2", 3);
}

static void test_the_input(void **state) {
    (void)state;
    assert_int_equal(dnn_tensor_set(x, 2, (int64_t[]){4, 0}, (double)NAN), DNN_OK);
    assert_found("not-finite-input", "input 0",
                 "input 0 of the module has 1 numbers that are not finite, the first at [4,0]", "", 4);
}

static void test_the_weight(void **state) {
    (void)state;
    assert_int_equal(dnn_tensor_set(weight("out.weight"), 2, (int64_t[]){1, 2}, (double)INFINITY), DNN_OK);
    assert_found("not-finite-parameter", "out.weight",
                 "out.weight has 1 numbers of 9 that are not finite, the first at [1,2]", "", -1);
}

/* The file brings the numbers back into a module that was made anew. */
static void test_replay(void **state) {
    (void)state;
    char path[] = "/tmp/dnn-replay-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    dnn_autopsy_desc desc = {DNN_SIZED(dnn_autopsy_desc), .replay = path};
    dnn_report *report;
    assert_int_equal(dnn_tensor_set(x, 2, (int64_t[]){2, 2}, -1), DNN_OK);
    assert_int_equal(dnn_autopsy(&report, net, inputs, 1, &desc), DNN_OK);
    dnn_report_release(report);
    assert_int_equal(dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 7}), DNN_OK);
    const char *name = "input.0";
    dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = net, .names = &name, .tensors = &x,
                                  .n_tensors = 1};
    assert_int_equal(dnn_checkpoint_read(path, &parts), DNN_OK);
    report = autopsy();
    assert_int_equal(dnn_report_find(report, "not-finite-output", NULL), DNN_OK);
    dnn_report_release(report);
    unlink(path);
}

static void test_out_of_memory(void **state) {
    (void)state;
    dnn_report *report;
    assert_int_equal(dnn_tensor_set(x, 2, (int64_t[]){2, 2}, -1), DNN_OK);
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, true);
        status = dnn_autopsy(&report, net, inputs, 1, NULL);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
    }
    dnn_report_release(report);
    assert_int_equal(dnn_autopsy(&report, net, NULL, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_null(report);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_all_is_well), TEST(test_the_layer), TEST(test_the_input),
        TEST(test_the_weight),  TEST(test_replay),    TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
