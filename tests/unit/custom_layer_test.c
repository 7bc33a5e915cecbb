/* Layers of one's own, through layer.h: what is asked of them, what is refused, where their failures show. */
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
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &d) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define LINEAR(i, o) \
    dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = i, .out_features = o})

static dnn_layer_spec bad; /* what the rule below says */
static dnn_status bad_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    (void)call;
    *spec = bad;
    return DNN_OK;
}
static dnn_status any_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    (void)call;
    return DNN_OK;
}

static double weight_gradient(dnn_module *net, const char *path) { return tensor_at(gradient_of(net, path), 0); }

static void callbacks_fail_with_their_path(void **state) {
    (void)state;
    static const char *const no_forward = "backward needs a forward before it, one for each backward";
    probe_log a = {0}, b = {0};
    dnn_module *net, *inner;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    assert_int_equal(dnn_sequential_create(&inner, ctx), DNN_OK);
    dnn_sequential_add(inner, "a", test_probe(ctx, &a, true));
    dnn_sequential_add(net, "inner", inner);
    dnn_sequential_add(net, "b", test_probe(ctx, &b, true));
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){3, 4});
    const dnn_tensor *y;
    dnn_description *d;
    const dnn_array shape = {.dtype = DNN_F32, .rank = 1, .dims = {2}};
    a.fail_shape = DNN_ERROR_SHAPE;
    expect_error(dnn_module_forward(net, x, &y), DNN_ERROR_SHAPE, "inner.a: the shape rule was told to fail");
    expect_error(dnn_module_describe(&d, net, &shape, 1), DNN_ERROR_SHAPE,
                 "inner.a: the shape rule was told to fail");
    a.fail_shape = DNN_OK;
    a.fail_forward = DNN_ERROR_VALUE;
    expect_error(dnn_module_forward(net, x, &y), DNN_ERROR_VALUE, "inner.a: forward was told to fail");
    assert_null(y);
    assert_int_equal(b.forwards, 0);
    expect_error(dnn_module_backward(net, dy, NULL), DNN_ERROR_STATE, no_forward);
    a.fail_forward = DNN_OK;
    a.fail_backward = DNN_ERROR_CALLBACK;
    run_forward(net, x);
    expect_error(dnn_module_backward(net, dy, NULL), DNN_ERROR_CALLBACK, "inner.a: backward was told to fail");
    expect_error(dnn_module_backward(net, dy, NULL), DNN_ERROR_STATE, no_forward);
    a.fail_backward = DNN_OK;
    dnn_module_zero_grad(net);
    run_forward(net, x);
    assert_int_equal(dnn_module_backward(net, dy, NULL), DNN_OK);
    assert_true(weight_gradient(net, "inner.a.w") == 11 && weight_gradient(net, "b.w") == 11);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(net);
    assert_true(a.released == 1 && b.released == 1);
}

static dnn_status mute_status;
static dnn_status mute_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return call->inputs[0].dims[0] == 2 ? DNN_OK : mute_status;
}
static dnn_status mute_call(const void *state, const dnn_layer_call *call) {
    (void)state;
    (void)call;
    return mute_status;
}

/* An older line is not taken for the reason, and what is no error status becomes one. */
static void callbacks_that_give_no_reason(void **state) {
    (void)state;
    dnn_layer_class c = {DNN_SIZED(dnn_layer_class), .type = "mute", .shape = mute_shape, .forward = mute_call,
                         .backward = mute_call};
    dnn_module *net;
    dnn_sequential_create(&net, ctx);
    dnn_sequential_add(net, "a", dnn_layer_create(ctx, &c, NULL, 0));
    dnn_tensor *two = tensor_of(ctx, DNN_F32, DIMS(2), NULL), *three = tensor_of(ctx, DNN_F32, DIMS(3), NULL);
    const dnn_tensor *y;
    mute_status = DNN_ERROR_VALUE;
    dnn_fail(DNN_ERROR_VALUE, "an older failure");
    expect_error(dnn_module_forward(net, three, &y), DNN_ERROR_VALUE,
                 "a: the host's shape() returned DNN_ERROR_VALUE (22) and gave no reason");
    dnn_fail(DNN_ERROR_VALUE, "an older failure");
    expect_error(dnn_module_forward(net, two, &y), DNN_ERROR_VALUE,
                 "a: the host's forward() returned DNN_ERROR_VALUE (22) and gave no reason");
    mute_status = DNN_END;
    expect_error(dnn_module_forward(net, two, &y), DNN_ERROR_CALLBACK,
                 "a: the host's forward() returned DNN_END (1) and gave no reason");
    mute_status = (dnn_status)-7;
    expect_error(dnn_module_forward(net, three, &y), DNN_ERROR_CALLBACK,
                 "a: the host's shape() returned unknown status (-7) and gave no reason");
    dnn_tensor_release(two);
    dnn_tensor_release(three);
    dnn_module_release(net);
}

/* A class that is not complete makes no layer, and does not get a call. */
static void classes_are_checked(void **state) {
    (void)state;
    dnn_layer_class c = {.type = "c", .shape = bad_shape, .forward = any_forward};
    assert_null(dnn_layer_create(ctx, NULL, NULL, 0));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "layer_class is NULL");
    assert_null(dnn_layer_create(ctx, &c, NULL, 0));
    assert_int_equal(dnn_last_status(), DNN_ERROR_ARGUMENT);
    c.size = sizeof c;
    assert_null(dnn_layer_create(ctx, &c, NULL, 4));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "state is NULL, state_bytes is not 0");
    assert_null(dnn_layer_create(NULL, &c, NULL, 0));
    c.type = "";
    assert_null(dnn_layer_create(ctx, &c, NULL, 0));
    c.type = "c";
    c.shape = NULL;
    assert_null(dnn_layer_create(ctx, &c, NULL, 0));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "layer_class.shape is NULL: every layer has a shape rule");
}

static void parameters_are_checked(void **state) {
    (void)state;
    probe_log log = {0};
    int64_t dims[2] = {2, -1};
    dnn_init wrong = {DNN_SIZED(dnn_init), .kind = (dnn_init_kind)99};
    dnn_module *container;
    assert_int_equal(dnn_sequential_create(&container, ctx), DNN_OK);
    expect_error(dnn_layer_add_parameter(container, "w", 0, NULL, NULL), DNN_ERROR_ARGUMENT,
                 "a sequential has no parameters of its own");
    dnn_module_release(container);
    for (int i = 0; i < 5; i++) {
        dnn_module *m = test_probe(ctx, &log, true);
        dnn_status status = i == 0   ? dnn_layer_add_parameter(m, "a.b", 0, NULL, NULL)
                            : i == 1 ? dnn_layer_add_buffer(m, "w", 0, NULL, NULL)
                            : i == 2 ? dnn_layer_add_parameter(m, "v", 2, dims, NULL)
                            : i == 3 ? dnn_layer_add_parameter(m, "v", 9, dims, NULL)
                                     : dnn_layer_add_parameter(m, "v", 1, dims, &wrong);
        assert_int_not_equal(status, DNN_OK);
        assert_int_equal(dnn_module_error(m), status);
        assert_int_equal(dnn_module_parameter_count(m), 1);
        dnn_module_release(m);
    }
    assert_int_equal(dnn_layer_add_parameter(NULL, "w", 0, NULL, NULL), DNN_ERROR_ARGUMENT);
}

static void shape_rules_are_checked(void **state) {
    (void)state;
    static const dnn_layer_class full = {DNN_SIZED(dnn_layer_class), .type = "bad", .shape = bad_shape,
                                         .forward = any_forward};
    static const dnn_layer_class no_forward = {DNN_SIZED(dnn_layer_class), .type = "bad", .shape = bad_shape};
    const dnn_array two = {.dtype = DNN_F32, .rank = 1, .dims = {2}}, none = {0},
                    three = {.dtype = DNN_F32, .rank = 1, .dims = {3}},
                    ints = {.dtype = DNN_I32, .rank = 1, .dims = {2}},
                    minus = {.dtype = DNN_F32, .rank = 1, .dims = {-2}}, deep = {.dtype = DNN_F32, .rank = 9};
    const struct {
        const dnn_layer_class *class;
        dnn_layer_spec spec;
        dnn_status status;
        const char *line;
    } table[] = {
        {&full, {.n_outputs = 0}, DNN_ERROR_CALLBACK, "the shape rule says that there is no output"},
        {&full, {.n_outputs = 5}, DNN_ERROR_CALLBACK, "the shape rule says 5 outputs, at most 4 are possible"},
        {&full, {.n_outputs = -1}, DNN_ERROR_CALLBACK, "the shape rule says -1 outputs, at most 4 are possible"},
        {&full, {.n_outputs = 1, .outputs = {two}, .n_kept = 5}, DNN_ERROR_CALLBACK,
         "the shape rule says 5 kept arrays, at most 4 are possible"},
        {&full, {.n_outputs = 1, .outputs = {none}}, DNN_ERROR_DTYPE, "0 is no element type"},
        {&full, {.n_outputs = 1, .outputs = {minus}}, DNN_ERROR_SHAPE, "size -2 of axis 0 is negative (shape [-2])"},
        {&full, {.n_outputs = 1, .outputs = {deep}}, DNN_ERROR_SHAPE, "a tensor has 0 to 8 axes, not 9"},
        {&full, {.n_outputs = 1, .outputs = {two}, .forward_work = -1}, DNN_ERROR_CALLBACK,
         "the shape rule asks for -1 and 0 bytes of scratch memory"},
        {&full, {.n_outputs = 1, .outputs = {three}, .flags = DNN_LAYER_VIEW}, DNN_ERROR_CALLBACK,
         "the shape rule says a view, but float32 [3] is not the memory of float32 [2]"},
        {&full, {.n_outputs = 1, .outputs = {ints}, .flags = DNN_LAYER_VIEW}, DNN_ERROR_CALLBACK,
         "the shape rule says a view, but int32 [2] is not the memory of float32 [2]"},
        {&no_forward, {.n_outputs = 1, .outputs = {two}}, DNN_ERROR_CALLBACK, "the layer has no forward"},
    };
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), NULL);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        dnn_module *m = dnn_layer_create(ctx, table[i].class, NULL, 0);
        const dnn_tensor *y;
        bad = table[i].spec;
        expect_error(dnn_module_forward(m, x, &y), table[i].status, table[i].line);
        dnn_module_release(m);
    }
    dnn_tensor_release(x);
}

/* A layer without a backward stops training through it only where a gradient would have to pass. */
static void no_backward_is_refused_where_needed(void **state) {
    (void)state;
    static const dnn_layer_class one_way = {DNN_SIZED(dnn_layer_class), .type = "one_way", .shape = bad_shape,
                                            .forward = any_forward};
    bad = (dnn_layer_spec){.n_outputs = 1, .outputs = {{.dtype = DNN_F32, .rank = 2, .dims = {1, 2}}}};
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "fc", LINEAR(2, 2));
    dnn_sequential_add(net, "stop", dnn_layer_create(ctx, &one_way, NULL, 0));
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(1, 2), NULL);
    const dnn_tensor *y;
    expect_error(dnn_module_forward(net, x, &y), DNN_ERROR_UNSUPPORTED,
                 "stop: one_way has no backward: freeze what lies before it, or evaluate only");
    dnn_module_eval(net);
    run_forward(net, x);
    dnn_module_train(net);
    dnn_module_freeze(net, "fc.*");
    run_forward(net, x);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

/* Every training forward of a random layer draws anew, its backward the same; two uses draw differently; evaluation and
 * predictors draw nothing. */
static void random_streams(void **state) {
    (void)state;
    dnn_module *g, *r = test_random(ctx);
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    dnn_value x = dnn_graph_input(g);
    dnn_graph_output(g, dnn_graph_apply(g, "r", r, x));
    dnn_graph_output(g, dnn_graph_apply(g, NULL, r, x));
    dnn_module_set_gradients(g, DNN_GRADIENTS_INPUTS);
    dnn_tensor *zero = tensor_of(ctx, DNN_F32, DIMS(1), NULL);
    const dnn_tensor *y[2], *dx, *dy[2] = {zero, zero};
    double last = -1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dnn_module_forward_n(g, (const dnn_tensor *[]){zero}, 1, y, 2), DNN_OK);
        double a = tensor_at(y[0], 0), b = tensor_at(y[1], 0);
        assert_true(a != b && a != last && b != last);
        assert_int_equal(dnn_module_backward_n(g, dy, 2, &dx, 1), DNN_OK);
        assert_true(tensor_at(dx, 0) == a + b);
        last = b;
    }
    dnn_module_eval(g);
    assert_int_equal(dnn_module_forward_n(g, (const dnn_tensor *[]){zero}, 1, y, 2), DNN_OK);
    assert_true(tensor_at(y[0], 0) == 0);
    dnn_module_train(g);
    assert_int_equal(dnn_module_forward_n(g, (const dnn_tensor *[]){zero}, 1, y, 2), DNN_OK);
    assert_true(tensor_at(y[0], 0) == last + 1);
    dnn_tensor_release(zero);
    dnn_module_release(g);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(callbacks_fail_with_their_path),
        TEST(callbacks_that_give_no_reason),
        TEST(classes_are_checked),
        TEST(parameters_are_checked),
        TEST(shape_rules_are_checked),
        TEST(no_backward_is_refused_where_needed),
        TEST(random_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
