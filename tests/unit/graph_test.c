/* Containers: how networks are put together, what is refused and remembered, and the ways values can flow. */
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

static dnn_module *new_sequential(void) {
    dnn_module *m;
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    return m;
}

static dnn_module *new_graph(void) {
    dnn_module *m;
    assert_int_equal(dnn_graph_create(&m, ctx), DNN_OK);
    return m;
}

/* ---- names, and errors that are kept ---- */

static void names_are_checked(void **state) {
    (void)state;
    static const char *const bad[] = {"", "a.b", "a b", "ä", "*", "a/b",
                                      "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        dnn_module *m = new_sequential();
        assert_int_equal(dnn_sequential_add(m, bad[i], dnn_relu(ctx)), DNN_ERROR_ARGUMENT);
        assert_int_equal(dnn_module_error(m), DNN_ERROR_ARGUMENT);
        assert_non_null(strstr(dnn_last_error(), "is no name"));
        dnn_module_release(m);
    }
    dnn_module *m = new_sequential();
    assert_int_equal(dnn_sequential_add(m, "A-z_09", dnn_relu(ctx)), DNN_OK);
    assert_int_equal(dnn_sequential_add(m, NULL, dnn_relu(ctx)), DNN_OK);
    assert_non_null(dnn_module_find(m, "1"));
    expect_error(dnn_sequential_add(m, "A-z_09", dnn_relu(ctx)), DNN_ERROR_ARGUMENT,
                 "A-z_09: there is a child \"A-z_09\" already");
    dnn_module_release(m);
}

/* The first error stays, with the child's name, whatever comes after it. */
static void a_failed_constructor_is_remembered(void **state) {
    (void)state;
    const char *line = "fc: desc.in_features is 0, it must be at least 1";
    dnn_module *m = new_sequential();
    const dnn_tensor *y;
    dnn_description *d;
    dnn_predictor *p;
    dnn_sequential_add(m, "fc", LINEAR(0, 3));
    dnn_sequential_add(m, "bad name", LINEAR(-1, 3));
    dnn_sequential_add(m, "relu", dnn_relu(ctx));
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 3), NULL);
    expect_error(dnn_module_error(m), DNN_ERROR_ARGUMENT, line);
    expect_error(dnn_module_forward(m, x, &y), DNN_ERROR_ARGUMENT, line);
    expect_error(dnn_module_describe(&d, m, &(dnn_array){.dtype = DNN_F32}, 1), DNN_ERROR_ARGUMENT, line);
    expect_error(dnn_predictor_create(&p, m), DNN_ERROR_ARGUMENT, line);
    assert_null(d);
    assert_null(p);
    dnn_module *outer = new_sequential();
    dnn_sequential_add(outer, "inner", m);
    expect_error(dnn_module_error(outer), DNN_ERROR_ARGUMENT,
                 "inner: fc: desc.in_features is 0, it must be at least 1");
    expect_error(dnn_module_forward(outer, x, &y), DNN_ERROR_ARGUMENT,
                 "inner: fc: desc.in_features is 0, it must be at least 1");
    dnn_module_release(outer);
    dnn_tensor_release(x);
}

/* A network that ran, and whose part then keeps an error, says so at its next run: not only when shapes change. */
static void an_error_after_the_first_run(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *m = new_sequential(), *layer = test_probe(ctx, &log, true);
    const dnn_tensor *y;
    dnn_sequential_add(m, "probe", layer);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), NULL);
    run_forward(m, x);
    assert_int_equal(dnn_layer_add_parameter(layer, "w", 1, (int64_t[]){1}, NULL), DNN_ERROR_ARGUMENT);
    expect_error(dnn_module_forward(m, x, &y), DNN_ERROR_ARGUMENT, "probe: there is a parameter \"w\" already");
    dnn_module_release(m);
    dnn_tensor_release(x);
}

static void no_value_is_quiet(void **state) {
    (void)state;
    dnn_module *g = new_graph();
    dnn_value x = dnn_graph_input(g);
    dnn_value a = dnn_graph_apply(g, "a", LINEAR(3, 0), x);
    dnn_value b = dnn_graph_apply(g, "b", dnn_relu(ctx), a);
    dnn_value c = dnn_graph_apply2(g, "c", dnn_add(ctx), b, x);
    assert_int_equal(a, DNN_NO_VALUE);
    assert_int_equal(b, DNN_NO_VALUE);
    assert_int_equal(c, DNN_NO_VALUE);
    expect_error(dnn_graph_output(g, c), DNN_ERROR_ARGUMENT, "a: desc.out_features is 0, it must be at least 1");
    expect_error(dnn_module_error(g), DNN_ERROR_ARGUMENT, "a: desc.out_features is 0, it must be at least 1");
    dnn_module_release(g);
    g = new_graph();
    assert_int_equal(dnn_graph_apply(g, "a", dnn_relu(ctx), 7), DNN_NO_VALUE);
    expect_error(dnn_module_error(g), DNN_ERROR_ARGUMENT, "a: 7 is no value of this graph, which has 0");
    dnn_module_release(g);
    g = new_graph();
    assert_int_equal(dnn_graph_apply(g, "a", dnn_relu(ctx), DNN_NO_VALUE), DNN_NO_VALUE);
    expect_error(dnn_module_error(g), DNN_ERROR_ARGUMENT, "a: -1 is no value of this graph, which has 0");
    dnn_module_release(g);
}

/* ---- handing over ---- */

/* A child is handed over whatever happens: nothing is left for the caller to release. */
static void children_are_handed_over(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *m = new_sequential(), *g = new_graph(), *relu = dnn_relu(ctx);
    dnn_value values[2] = {0};
    dnn_sequential_add(m, "no name", test_probe(ctx, &log, false));
    dnn_sequential_add(relu, "a", test_probe(ctx, &log, false));
    dnn_sequential_add(NULL, "a", test_probe(ctx, &log, false));
    dnn_sequential_add(g, "a", test_probe(ctx, &log, false));
    dnn_graph_apply(m, "a", test_probe(ctx, &log, false), 0);
    dnn_graph_apply(g, "a", test_probe(ctx, &log, false), 5);
    dnn_graph_call(g, "a", test_probe(ctx, &log, false), NULL, 1, values, 1);
    dnn_graph_call(g, "a", test_probe(ctx, &log, false), values, 1, NULL, 1);
    dnn_graph_call(g, "a", test_probe(ctx, &log, false), values, -1, values, 1);
    dnn_graph_call(g, "a", test_probe(ctx, &log, false), values, 1, values, 0);
    assert_int_equal(log.released, 10);
    dnn_module_release(m);
    dnn_module_release(g);
    dnn_module_release(relu);
}

static void a_container_handed_over_is_closed(void **state) {
    (void)state;
    dnn_module *inner = new_sequential(), *outer = new_sequential();
    dnn_sequential_add(inner, NULL, dnn_relu(ctx));
    dnn_sequential_add(outer, "inner", inner);
    expect_error(dnn_sequential_add(inner, "late", dnn_relu(ctx)), DNN_ERROR_STATE,
                 "late: the container was handed over to another one: it takes no more children");
    dnn_module_release(outer);
}

/* What was handed over is the container's to release. */
static void a_child_cannot_be_released(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *child = test_probe(ctx, &log, true), *m = new_sequential();
    dnn_sequential_add(m, "p", child);
    assert_int_equal(dnn_module_release(child), DNN_ERROR_HANDLE);
    assert_non_null(strstr(dnn_last_error(), "was handed over: its container releases it"));
    assert_int_equal(dnn_module_retain(child), DNN_OK);
    assert_int_equal(dnn_module_release(child), DNN_OK);
    assert_int_equal(dnn_module_release(child), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_module_retain(child), DNN_OK);
    dnn_module_release(m);
    assert_int_equal(log.released, 0);
    assert_int_equal(dnn_module_release(child), DNN_OK);
    assert_int_equal(log.released, 1);
}

/* A module retained before it is handed over can have several parents. */
static void a_module_in_two_containers(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *shared = test_probe(ctx, &log, true), *a = new_sequential(), *b = new_sequential();
    dnn_module_retain(shared);
    dnn_sequential_add(a, "p", shared);
    dnn_sequential_add(b, "q", shared);
    assert_int_equal(dnn_module_error(a), DNN_OK);
    assert_int_equal(dnn_module_error(b), DNN_OK);
    dnn_module_release(a);
    assert_int_equal(log.released, 0);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    expect_values(run_forward(b, x), (double[]){1, 2}, 0, "y");
    dnn_tensor_release(x);
    dnn_module_release(b);
    assert_int_equal(log.released, 1);
}

static void impossible_children(void **state) {
    (void)state;
    dnn_context *other;
    assert_int_equal(dnn_context_create(&other, NULL), DNN_OK);
    dnn_module *m = new_sequential();
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), NULL);
    assert_int_equal(dnn_sequential_add(m, "x", (dnn_module *)(void *)x), DNN_ERROR_HANDLE);
    dnn_module_release(m);
    m = new_sequential();
    assert_int_equal(dnn_sequential_add(m, "other", dnn_relu(other)), DNN_ERROR_HANDLE);
    dnn_module_release(m);
    m = new_sequential();
    expect_error(dnn_sequential_add(m, "self", m), DNN_ERROR_ARGUMENT, "self: a container cannot be its own child");
    dnn_module_release(m);
    m = new_sequential();
    dnn_module *relu = dnn_relu(ctx);
    dnn_sequential_add(m, "a", relu);
    expect_error(dnn_sequential_add(m, "b", relu), DNN_ERROR_ARGUMENT, "b: the child \"a\" is applied again as \"b\"");
    dnn_module_release(m);
    dnn_tensor_release(x);
    dnn_context_release(other);
}

/* 64 containers below each other are fine, one more is not. */
static void nesting_ends(void **state) {
    (void)state;
    dnn_module *m = dnn_relu(ctx);
    for (int depth = 1; depth <= 63; depth++) {
        dnn_module *outer = new_sequential();
        assert_int_equal(dnn_sequential_add(outer, "in", m), DNN_OK);
        m = outer;
    }
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){-1, 1});
    expect_values(run_forward(m, x), (double[]){0, 1}, 0, "y");
    assert_int_equal(dnn_module_count(m), 64);
    dnn_module *outer = new_sequential();
    assert_int_equal(dnn_sequential_add(outer, "in", m), DNN_ERROR_ARGUMENT);
    assert_non_null(strstr(dnn_last_error(), "nest"));
    dnn_module_release(outer);
    dnn_tensor_release(x);
}

/* ---- how values flow ---- */

/* y = w (w x) with one w: dw = 2 w x dy summed, from both places. */
static void shared_weights_add_up(void **state) {
    (void)state;
    probe_log log = {0};
    dnn_module *g = new_graph(), *p = test_probe(ctx, &log, true);
    dnn_value v = dnn_graph_apply(g, "p", p, dnn_graph_input(g));
    dnn_graph_output(g, dnn_graph_apply(g, NULL, p, v));
    dnn_module_set_gradients(g, DNN_GRADIENTS_INPUTS);
    tensor_put(value_of(g, "p.w"), 0, 3);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 10});
    expect_values(run_forward(g, x), (double[]){9, 18}, 0, "y");
    expect_values(run_backward(g, dy), (double[]){9, 90}, 0, "dx");
    expect_values(gradient_of(g, "p.w"), (double[]){2 * 3 * (1 + 20)}, 0, "dw");
    assert_int_equal(dnn_module_parameter_count(g), 1);
    assert_int_equal(log.backwards, 2);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(g);
}

/* y = x · x + x: one value twice in one layer, and in another one. */
static void one_value_many_times(void **state) {
    (void)state;
    dnn_module *g = new_graph();
    dnn_value x = dnn_graph_input(g);
    dnn_value square = dnn_graph_apply2(g, "mul", dnn_multiply(ctx), x, x);
    dnn_graph_output(g, dnn_graph_apply2(g, "add", dnn_add(ctx), square, x));
    dnn_module_set_gradients(g, DNN_GRADIENTS_INPUTS);
    dnn_tensor *t = tensor_of(ctx, DNN_F64, DIMS(3), (double[]){-1, 0.5, 4});
    dnn_tensor *dy = tensor_of(ctx, DNN_F64, DIMS(3), (double[]){1, 2, 3});
    expect_values(run_forward(g, t), (double[]){0, 0.75, 20}, 0, "y");
    expect_values(run_backward(g, dy), (double[]){-1, 4, 27}, 0, "dx");
    dnn_tensor_release(t);
    dnn_tensor_release(dy);
    dnn_module_release(g);
}

/* Inputs handed straight out, views of inputs, outputs that are used inside, one value out twice, integers. */
static void outputs_of_every_kind(void **state) {
    (void)state;
    dnn_module *g = new_graph();
    dnn_value x = dnn_graph_input(g), labels = dnn_graph_input(g);
    dnn_value flat = dnn_graph_apply(g, "flat", dnn_flatten(ctx), x);
    dnn_value twice = dnn_graph_apply(g, "twice", dnn_scale(ctx, 2), x);
    dnn_value square = dnn_graph_apply2(g, "square", dnn_multiply(ctx), twice, twice);
    dnn_value cut = dnn_graph_apply(g, "cut", dnn_slice(ctx, 0, 1, 1), labels);
    dnn_value outputs[] = {x, flat, twice, square, square, labels, cut};
    for (int i = 0; i < 7; i++) assert_int_equal(dnn_graph_output(g, outputs[i]), DNN_OK);
    dnn_graph_apply(g, "unused", LINEAR(2, 5), x);
    dnn_module_set_gradients(g, DNN_GRADIENTS_INPUTS);
    dnn_tensor *t = tensor_of(ctx, DNN_F32, DIMS(2, 1, 2), (double[]){1, 2, 3, 4});
    dnn_tensor *l = tensor_of(ctx, DNN_I64, DIMS(2), (double[]){5, 6});
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(2, 1, 2), (double[]){1, 1, 1, 1});
    dnn_tensor *dflat = tensor_of(ctx, DNN_F32, DIMS(2, 2), (double[]){10, 10, 10, 10});
    const dnn_tensor *y[7], *dys[7] = {dy, dflat, dy, dy, NULL, NULL, NULL}, *dx[2];
    assert_int_equal(dnn_module_forward_n(g, (const dnn_tensor *[]){t, l}, 2, y, 7), DNN_OK);
    expect_shape(y[1], DIMS(2, 2));
    expect_values(y[1], (double[]){1, 2, 3, 4}, 0, "flat");
    expect_values(y[2], (double[]){2, 4, 6, 8}, 0, "twice");
    expect_values(y[3], (double[]){4, 16, 36, 64}, 0, "square");
    expect_values(y[4], (double[]){4, 16, 36, 64}, 0, "square again");
    expect_values(y[5], (double[]){5, 6}, 0, "labels");
    expect_values(y[6], (double[]){6}, 0, "cut");
    assert_int_equal(dnn_module_backward_n(g, dys, 7, dx, 2), DNN_OK);
    expect_values(dx[0], (double[]){21, 29, 37, 45}, 0, "dx: 1 + 10 + 2 + 8x");
    assert_null(dx[1]);
    expect_values(gradient_of(g, "unused.weight"), (double[10]){0}, 0, "unused");
    dnn_tensor *all[] = {t, l, dy, dflat};
    rg_release(all, 4);
    dnn_module_release(g);
}

/* A layer with several outputs, run by itself and in a graph; and one without inputs. */
static void several_outputs_and_no_inputs(void **state) {
    (void)state;
    dnn_module *split = test_split(ctx), *g = new_graph(), *constant = test_constant(ctx, 3);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){3, 5});
    const dnn_tensor *y[3], *inputs[1] = {x};
    assert_int_equal(dnn_module_forward_n(split, inputs, 1, y, 2), DNN_OK);
    expect_values(y[0], (double[]){6, 10}, 0, "y0");
    expect_values(y[1], (double[]){9, 25}, 0, "y1");
    expect_error(dnn_module_forward_n(split, inputs, 1, y, 3), DNN_ERROR_ARGUMENT,
                 "the module has 2 outputs, n_outputs is 3");
    assert_null(y[0]);
    dnn_value v = dnn_graph_input(g);
    dnn_graph_output(g, dnn_graph_apply(g, "split", split, v));
    expect_error(dnn_module_forward(g, x, y), DNN_ERROR_SHAPE, "split: the layer gives 2 outputs, the graph takes 1");
    assert_int_equal(dnn_module_forward_n(constant, NULL, 0, y, 1), DNN_OK);
    expect_same_bits(y[0], value_of(constant, "w"), "constant");
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(3), (double[]){1, 2, 3});
    assert_int_equal(dnn_module_backward(constant, dy, NULL), DNN_OK);
    expect_same_bits(gradient_of(constant, "w"), dy, "dw");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(g);
    dnn_module_release(constant);
}

static void counts_that_do_not_fit(void **state) {
    (void)state;
    dnn_module *inner = new_graph(), *outer = new_graph(), *empty = new_sequential(), *none = new_graph();
    dnn_value a = dnn_graph_input(inner), b = dnn_graph_input(inner), two[2];
    dnn_graph_output(inner, dnn_graph_apply2(inner, "add", dnn_add(ctx), a, b));
    dnn_value x = dnn_graph_input(outer);
    assert_int_equal(dnn_graph_call(outer, "inner", inner, &x, 1, two, 2), DNN_OK);
    dnn_graph_output(outer, two[1]);
    dnn_tensor *t = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    const dnn_tensor *y[2], *inputs[2] = {t, t};
    expect_error(dnn_module_forward(outer, t, y), DNN_ERROR_SHAPE,
                 "inner: the graph has 2 inputs and 1 outputs, it is given 1 and asked for 2");
    expect_error(dnn_module_forward_n(empty, inputs, 2, y, 1), DNN_ERROR_SHAPE,
                 "the sequential has 1 inputs and 1 outputs, it is given 2 and asked for 1");
    expect_values(run_forward(empty, t), (double[]){1, 2}, 0, "an empty sequential");
    expect_error(dnn_module_forward_n(none, NULL, 0, y, 1), DNN_ERROR_ARGUMENT,
                 "the graph has no outputs: dnn_graph_output declares them");
    dnn_module_release(outer);
    dnn_module_release(empty);
    dnn_module_release(none);
    dnn_tensor_release(t);
}

/* What does not fit is said with the path of the layer, from wherever the run started. */
static void shape_errors_have_paths(void **state) {
    (void)state;
    dnn_module *net = new_sequential(), *block = new_sequential();
    dnn_sequential_add(block, "fc", LINEAR(4, 4));
    dnn_sequential_add(net, NULL, dnn_relu(ctx));
    dnn_sequential_add(net, "block", block);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 5), NULL), *wide = tensor_of(ctx, DNN_F64, DIMS(2, 4), NULL);
    const dnn_tensor *y;
    expect_error(dnn_module_forward(net, x, &y), DNN_ERROR_SHAPE,
                 "block.fc: input has 5 features, the layer expects 4 (input [2,5])");
    expect_error(dnn_module_forward(net, wide, &y), DNN_ERROR_DTYPE,
                 "block.fc: input is float64, weight is float32 (dnn_tensor_cast converts a tensor, "
                 "dnn_module_to a module)");
    assert_null(y);
    expect_error(dnn_module_forward(block, x, &y), DNN_ERROR_SHAPE,
                 "fc: input has 5 features, the layer expects 4 (input [2,5])");
    dnn_tensor_release(x);
    dnn_tensor_release(wide);
    dnn_module_release(net);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(names_are_checked),
        TEST(a_failed_constructor_is_remembered),
        TEST(an_error_after_the_first_run),
        TEST(no_value_is_quiet),
        TEST(children_are_handed_over),
        TEST(a_container_handed_over_is_closed),
        TEST(a_child_cannot_be_released),
        TEST(a_module_in_two_containers),
        TEST(impossible_children),
        TEST(nesting_ends),
        TEST(shared_weights_add_up),
        TEST(one_value_many_times),
        TEST(outputs_of_every_kind),
        TEST(several_outputs_and_no_inputs),
        TEST(counts_that_do_not_fit),
        TEST(shape_errors_have_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
