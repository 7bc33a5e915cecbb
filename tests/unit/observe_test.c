/* Observing a forward: each step with its numbers, nothing fused; and the module as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/allocator.h"

enum { MOST = 16, SIDE = 6, BATCH = 3 };

static test_allocator memory;
static dnn_context *ctx;
static dnn_module *net;
static dnn_tensor *x;

static dnn_module *make_net(void) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 2, .out_channels = 4, .kernel = {3}, .padding = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 4};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 4 * SIDE * SIDE, .out_features = 5};
    dnn_module *m;
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    dnn_sequential_add(m, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(m, "norm", dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(m, "relu", dnn_relu(ctx));
    dnn_sequential_add(m, "drop", dnn_dropout(ctx, 0.5));
    dnn_sequential_add(m, "flat", dnn_flatten(ctx));
    dnn_sequential_add(m, "fc", dnn_linear(ctx, &fc));
    assert_int_equal(dnn_module_error(m), DNN_OK);
    return m;
}

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    if (dnn_context_create(&ctx, &desc)) return -1;
    net = make_net();
    if (dnn_tensor_create(&x, ctx, DNN_F32, 4, (int64_t[]){BATCH, SIDE, SIDE, 2})) return -1;
    return dnn_tensor_fill(x, &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1});
}

static int teardown(void **state) {
    (void)state;
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

typedef struct {
    char path[MOST][32], type[MOST][32];
    float first[MOST], least[MOST];
    int n, training, stop_at;
} sight;

static dnn_status see(void *user, const dnn_observation *o) {
    sight *s = user;
    assert_true(s->n < MOST);
    assert_true(o->step >= s->n);
    assert_non_null(o->outputs[0].data);
    assert_non_null(o->inputs[0].data);
    const float *y = o->outputs[0].data;
    int64_t count = 1;
    for (int32_t i = 0; i < o->outputs[0].rank; i++) count *= o->outputs[0].dims[i];
    s->first[s->n] = y[0];
    s->least[s->n] = y[0];
    for (int64_t i = 0; i < count; i++) s->least[s->n] = fminf(s->least[s->n], y[i]);
    snprintf(s->path[s->n], 32, "%s", o->path);
    snprintf(s->type[s->n], 32, "%s", o->type);
    s->training += o->training;
    if (++s->n == s->stop_at) return dnn_fail(DNN_ERROR_VALUE, "enough");
    return DNN_OK;
}

static dnn_status observe(sight *s) {
    const dnn_tensor *inputs[] = {x};
    return dnn_module_observe(net, inputs, 1, see, s);
}

static void test_every_step_is_seen(void **state) {
    (void)state;
    static const char *const paths[] = {"conv", "norm", "relu", "fc"};
    const dnn_tensor *y;
    sight s = {.n = 0};
    assert_int_equal(dnn_module_eval(net), DNN_OK);
    assert_int_equal(observe(&s), DNN_OK);
    assert_int_equal(s.n, 4); /* dropout does nothing, and flatten moves nothing */
    assert_int_equal(s.training, 0);
    for (int i = 0; i < 4; i++) assert_string_equal(s.path[i], paths[i]);
    assert_string_equal(s.type[2], "relu");
    assert_true(s.least[1] < 0 && s.least[2] == 0); /* the ReLU is no part of the norm here */
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    assert_true(fabsf(s.first[3] - *(const float *)dnn_tensor_const_data(y)) < 1e-5f);
}

/* In training: the same dropout as the next forward, running statistics untouched. */
static void test_it_leaves_no_trace(void **state) {
    (void)state;
    const dnn_tensor *y;
    sight s = {.n = 0};
    dnn_parameter mean = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_train(net), DNN_OK);
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    assert_int_equal(dnn_module_parameter(net, "norm.running_mean", &mean), DNN_OK);
    float kept[4];
    memcpy(kept, dnn_tensor_const_data(mean.value), sizeof kept);
    assert_int_equal(observe(&s), DNN_OK);
    assert_int_equal(s.training, 5);
    assert_memory_equal(kept, dnn_tensor_const_data(mean.value), sizeof kept);
    assert_int_equal(dnn_module_backward(net, y, NULL), DNN_OK); /* of the forward before it */
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    assert_true(fabsf(s.first[4] - *(const float *)dnn_tensor_const_data(y)) < 1e-5f);
}

static void test_who_sees_may_stop(void **state) {
    (void)state;
    sight s = {.stop_at = 2};
    assert_int_equal(observe(&s), DNN_ERROR_VALUE);
    assert_string_equal(dnn_last_error(), "norm: enough");
    assert_int_equal(s.n, 2);
    s = (sight){.n = 0};
    assert_int_equal(observe(&s), DNN_OK);
}

static void test_refusals_and_memory(void **state) {
    (void)state;
    const dnn_tensor *inputs[] = {x, x};
    sight s = {.n = 0};
    assert_int_equal(dnn_module_observe(net, inputs, 1, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_module_observe(net, inputs, 2, see, &s), DNN_ERROR_SHAPE);
    assert_int_equal(s.n, 0);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        for (int64_t k = 1; status != DNN_OK; k++) {
            s = (sight){.n = 0};
            test_allocator_arm(&memory, k, for_ever);
            status = observe(&s);
            test_allocator_arm(&memory, 0, false);
            if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
        }
        assert_int_equal(s.n, 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_step_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_leaves_no_trace, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_sees_may_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_and_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
