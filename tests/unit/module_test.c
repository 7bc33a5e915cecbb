/* Modules: walking the tree, modes, freezing, the phases of a training step, dtypes, descriptions. */
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

/* Three probes in a row, "a", "b", "c", each with a weight; `inner` holds b. */
typedef struct chain {
    dnn_module *net, *inner;
    probe_log a, b, c;
    dnn_tensor *x, *dy;
} chain;

static void start(chain *t) {
    *t = (chain){0};
    assert_int_equal(dnn_sequential_create(&t->net, ctx), DNN_OK);
    assert_int_equal(dnn_sequential_create(&t->inner, ctx), DNN_OK);
    dnn_sequential_add(t->net, "a", test_probe(ctx, &t->a, true));
    dnn_sequential_add(t->inner, "b", test_probe(ctx, &t->b, true));
    dnn_sequential_add(t->net, "inner", t->inner);
    dnn_sequential_add(t->net, "c", test_probe(ctx, &t->c, true));
    assert_int_equal(dnn_module_error(t->net), DNN_OK);
    t->x = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){1, 2});
    t->dy = tensor_of(ctx, DNN_F32, DIMS(2), (double[]){3, 4});
}

static void end(chain *t) {
    dnn_tensor_release(t->x);
    dnn_tensor_release(t->dy);
    dnn_module_release(t->net);
}

static void step(chain *t) {
    run_forward(t->net, t->x);
    if (dnn_module_backward(t->net, t->dy, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
}

/* ---- walking ---- */

static void paths_in_the_order_of_the_tree(void **state) {
    (void)state;
    static const char *const modules[] = {"", "a", "inner", "inner.b", "c"};
    static const char *const parameters[] = {"a.w", "inner.b.w", "c.w"};
    chain t;
    start(&t);
    dnn_module_info info = {DNN_SIZED(dnn_module_info)};
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_count(t.net), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(dnn_module_at(t.net, i, &info), DNN_OK);
        assert_string_equal(info.path, modules[i]);
        assert_ptr_equal(dnn_module_find(t.net, modules[i]), info.module);
    }
    assert_int_equal(dnn_module_parameter_count(t.net), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dnn_module_parameter_at(t.net, i, &p), DNN_OK);
        assert_string_equal(p.path, parameters[i]);
        assert_false(p.is_buffer || p.is_frozen);
    }
    assert_int_equal(dnn_module_parameter(t.inner, "b.w", &p), DNN_OK);
    assert_ptr_equal(p.value, value_of(t.net, "inner.b.w"));
    assert_ptr_equal(p.owner, dnn_module_find(t.net, "inner.b"));
    expect_error(dnn_module_parameter(t.net, "b.w", &p), DNN_ERROR_NOT_FOUND, "there is no parameter \"b.w\"");
    expect_error(dnn_module_parameter_at(t.net, 3, &p), DNN_ERROR_NOT_FOUND,
                 "there is no parameter 3, the module has 3");
    assert_int_equal(dnn_module_parameter_at(t.net, -1, &p), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_module_at(t.net, 5, &info), DNN_ERROR_NOT_FOUND);
    assert_null(dnn_module_find(t.net, "inner.c"));
    assert_int_equal(dnn_last_status(), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_module_parameter(t.net, "a.w", &(dnn_parameter){0}), DNN_ERROR_ARGUMENT);
    end(&t);
}

/* An index that was made before the tree, or a layer deep in it, grew is made anew. */
static void the_walk_sees_what_was_added(void **state) {
    (void)state;
    chain t;
    start(&t);
    assert_int_equal(dnn_module_parameter_count(t.net), 3);
    dnn_sequential_add(t.net, "fc", LINEAR(2, 2));
    assert_int_equal(dnn_module_parameter_count(t.net), 5);
    dnn_module *b = dnn_module_find(t.net, "inner.b");
    assert_int_equal(dnn_layer_add_buffer(b, "count", 0, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_module_parameter_count(t.net), 6);
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter(t.net, "inner.b.count", &p), DNN_OK);
    assert_true(p.is_buffer && !p.gradient);
    end(&t);
}

/* ---- modes ---- */

static void modes_reach_down(void **state) {
    (void)state;
    chain t;
    start(&t);
    assert_int_equal(dnn_module_is_training(t.net), 1);
    assert_int_equal(dnn_module_eval(t.inner), DNN_OK);
    assert_int_equal(dnn_module_is_training(t.net), -1);
    assert_int_equal(dnn_module_is_training(t.inner), 0);
    step(&t);
    assert_true(t.a.trained == 1 && t.b.trained == 0 && t.c.trained == 1);
    assert_int_equal(dnn_module_eval(t.net), DNN_OK);
    assert_int_equal(dnn_module_is_training(t.net), 0);
    assert_int_equal(dnn_module_train(t.net), DNN_OK);
    assert_int_equal(dnn_module_is_training(t.inner), 1);
    assert_int_equal(dnn_module_is_training(NULL), -1);
    end(&t);
}

/* No memory is kept, and no backward possible, after an evaluation; unless it was asked for. */
static void evaluation_keeps_nothing(void **state) {
    (void)state;
    chain t;
    start(&t);
    dnn_module_eval(t.net);
    run_forward(t.net, t.x);
    assert_int_equal(t.a.kept_given, 0);
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE,
                 "the forward ran in evaluation mode and kept nothing for a backward (dnn_module_train, or "
                 "DNN_GRADIENTS_EVAL)");
    assert_int_equal(dnn_module_set_gradients(t.net, DNN_GRADIENTS_EVAL), DNN_OK);
    step(&t);
    assert_int_equal(t.a.kept_given, 1);
    assert_int_equal(t.a.trained, 0);
    assert_int_equal(dnn_module_set_gradients(t.net, 4), DNN_ERROR_ARGUMENT);
    end(&t);
}

/* ---- freezing ---- */

static void put_gradient(chain *t, const char *path, double value) { tensor_put(gradient_of(t->net, path), 0, value); }
static double gradient_at(chain *t, const char *path) { return tensor_at(gradient_of(t->net, path), 0); }

/* dw = Σ x dy = 11 where every weight is 1. */
static void no_work_for_what_nobody_needs(void **state) {
    (void)state;
    chain t;
    start(&t);
    step(&t);
    assert_int_equal(t.a.input_wanted, 0);
    assert_int_equal(t.b.input_wanted, 1);
    assert_int_equal(dnn_module_freeze(t.net, "inner.*"), DNN_OK);
    put_gradient(&t, "inner.b.w", 777);
    step(&t);
    assert_int_equal(t.b.backwards, 2);
    assert_int_equal(t.b.parameter_wanted, 1);
    assert_int_equal(dnn_module_freeze(t.net, "a.?"), DNN_OK);
    put_gradient(&t, "a.w", 777);
    step(&t);
    assert_true(t.a.backwards == 2 && t.b.backwards == 2 && t.c.backwards == 3);
    assert_int_equal(t.c.input_wanted, 2);
    assert_true(gradient_at(&t, "a.w") == 777 && gradient_at(&t, "inner.b.w") == 777);
    assert_true(gradient_at(&t, "c.w") == 33);
    assert_int_equal(t.a.kept_given, 2);
    assert_int_equal(dnn_module_freeze(t.net, "*"), DNN_OK);
    step(&t);
    assert_int_equal(t.c.backwards, 3);
    assert_int_equal(dnn_module_unfreeze(t.net, "*w"), DNN_OK);
    step(&t);
    assert_true(t.a.backwards == 3 && t.b.backwards == 3 && t.c.backwards == 4);
    expect_error(dnn_module_freeze(t.net, "d*"), DNN_ERROR_NOT_FOUND, "no parameter matches \"d*\" (the first there is: \"a.w\")");
    end(&t);
}

static void patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern;
        int matches; /* of a.w, inner.b.w, c.w */
    } table[] = {{"*", 3}, {"a.w", 1}, {"?.w", 2}, {"*.w", 3}, {"inner", 0}, {"inner*", 1}, {"*b*", 1}, {"**", 3},
                 {"*.*.w", 1}, {"", 0}, {"a.w?", 0}, {"*w*w", 0}, {"i*b*w", 1}, {"?*?*?", 3}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        chain t;
        start(&t);
        int frozen = 0;
        dnn_status status = dnn_module_freeze(t.net, table[i].pattern);
        assert_int_equal(status, table[i].matches ? DNN_OK : DNN_ERROR_NOT_FOUND);
        for (int k = 0; k < 3; k++) {
            dnn_parameter p = {DNN_SIZED(dnn_parameter)};
            assert_int_equal(dnn_module_parameter_at(t.net, k, &p), DNN_OK);
            frozen += p.is_frozen;
        }
        assert_int_equal(frozen, table[i].matches);
        end(&t);
    }
}

/* ---- phases ---- */

static const char *const needs_forward = "backward needs a forward before it, one for each backward";

static void phases_of_a_step(void **state) {
    (void)state;
    static const char *const changed =
        "modes, dtypes, what is frozen, what gradients are wanted or the tree changed since the forward: run it again";
    chain t;
    start(&t);
    const dnn_tensor *dx = t.x;
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE, needs_forward);
    step(&t);
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE, needs_forward);
    run_forward(t.net, t.x);
    dnn_module_eval(t.inner);
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE, changed);
    dnn_module_train(t.inner);
    assert_int_equal(dnn_module_backward(t.net, t.dy, NULL), DNN_OK);
    run_forward(t.net, t.x);
    dnn_module_freeze(t.net, "a.w");
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE, changed);
    run_forward(t.net, t.x);
    dnn_module_to(t.net, DNN_F64);
    expect_error(dnn_module_backward(t.net, t.dy, NULL), DNN_ERROR_STATE, needs_forward);
    dnn_module_to(t.net, DNN_F32);
    run_forward(t.net, t.x);
    expect_error(dnn_module_backward(t.net, t.dy, &dx), DNN_ERROR_STATE,
                 "input gradients were not asked for: dnn_module_set_gradients(module, DNN_GRADIENTS_INPUTS) before "
                 "the forward");
    assert_null(dx);
    assert_int_equal(dnn_module_backward(t.net, t.dy, NULL), DNN_OK);
    end(&t);
}

/* What was refused has used nothing up: the right call works after it. */
static void a_refused_backward_changes_nothing(void **state) {
    (void)state;
    chain t;
    start(&t);
    dnn_tensor *wrong = tensor_of(ctx, DNN_F32, DIMS(3), NULL), *wide = tensor_of(ctx, DNN_F64, DIMS(2), NULL);
    run_forward(t.net, t.x);
    expect_error(dnn_module_backward(t.net, wrong, NULL), DNN_ERROR_SHAPE, "dy is [3], output 0 is [2]");
    expect_error(dnn_module_backward(t.net, wide, NULL), DNN_ERROR_DTYPE, "dy is float64, output 0 is float32");
    expect_error(dnn_module_backward(t.net, NULL, NULL), DNN_ERROR_ARGUMENT, "dy is NULL");
    const dnn_tensor *two[2] = {t.dy, t.dy}, *y;
    expect_error(dnn_module_backward_n(t.net, two, 2, NULL, 0), DNN_ERROR_ARGUMENT,
                 "the module has 1 outputs, n_outputs is 2");
    assert_int_equal(dnn_module_forward(t.net, wide, &y), DNN_ERROR_DTYPE);
    assert_true(gradient_at(&t, "a.w") == 0);
    assert_int_equal(dnn_module_pending_backwards(t.net), 0);
    assert_int_equal(dnn_module_backward(t.net, t.dy, NULL), DNN_OK);
    assert_true(gradient_at(&t, "a.w") == 11);
    dnn_tensor_release(wrong);
    dnn_tensor_release(wide);
    end(&t);
}

static void gradients_add_up(void **state) {
    (void)state;
    chain t;
    start(&t);
    step(&t);
    step(&t);
    assert_true(gradient_at(&t, "a.w") == 22);
    assert_int_equal(dnn_module_pending_backwards(t.net), 2);
    assert_int_equal(dnn_module_pending_backwards(t.inner), 2);
    run_forward(t.inner, t.x);
    assert_int_equal(dnn_module_backward(t.inner, t.dy, NULL), DNN_OK);
    assert_int_equal(dnn_module_pending_backwards(t.inner), 3);
    assert_int_equal(dnn_module_pending_backwards(t.net), 2);
    assert_int_equal(dnn_module_zero_grad(t.net), DNN_OK);
    assert_true(gradient_at(&t, "a.w") == 0 && gradient_at(&t, "inner.b.w") == 0);
    assert_int_equal(dnn_module_pending_backwards(t.inner), 0);
    end(&t);
}

/* A part runs by itself between the forward and the backward of the whole. */
static void parts_run_in_between(void **state) {
    (void)state;
    chain t;
    start(&t);
    dnn_tensor *other = tensor_of(ctx, DNN_F32, DIMS(5), NULL);
    run_forward(t.net, t.x);
    run_forward(t.inner, other);
    assert_int_equal(dnn_module_backward(t.net, t.dy, NULL), DNN_OK);
    assert_true(gradient_at(&t, "inner.b.w") == 11);
    dnn_tensor_release(other);
    end(&t);
}

/* ---- dtypes ---- */

static void there_and_back(void **state) {
    (void)state;
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "fc", LINEAR(20, 30));
    dnn_sequential_add(net, "norm",
                       dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = 30}));
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 20), 1), *dy = tensor_normal(ctx, DNN_F32, DIMS(4, 30), 2);
    run_forward(net, x);
    assert_int_equal(dnn_module_backward(net, dy, NULL), DNN_OK);
    dnn_tensor *before[12];
    for (int i = 0; i < 6; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(net, i, &p), DNN_OK);
        dnn_tensor_clone(&before[2 * i], p.value);
        before[2 * i + 1] = NULL;
        if (p.gradient) dnn_tensor_clone(&before[2 * i + 1], p.gradient);
    }
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_tensor_dtype(value_of(net, "norm.running_var")), DNN_F64);
    assert_int_equal(dnn_tensor_dtype(gradient_of(net, "fc.bias")), DNN_F64);
    assert_int_equal(dnn_module_to(net, DNN_F32), DNN_OK);
    for (int i = 0; i < 6; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(net, i, &p), DNN_OK);
        expect_same_bits(p.value, before[2 * i], p.path);
        if (p.gradient) expect_same_bits(p.gradient, before[2 * i + 1], p.path);
    }
    expect_error(dnn_module_to(net, DNN_BF16), DNN_ERROR_DTYPE, "modules compute in float32 or float64, not bfloat16");
    rg_release(before, 12);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(net);
}

/* Where memory runs out half-way, nothing has been converted. */
static void conversion_is_all_or_nothing(void **state) {
    (void)state;
    chain t;
    start(&t);
    int64_t k = 1;
    for (dnn_status status = DNN_ERROR_MEMORY; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, false);
        status = dnn_module_to(t.net, DNN_F64);
        test_allocator_arm(&memory, 0, false);
        dnn_dtype want = status == DNN_OK ? DNN_F64 : DNN_F32;
        for (int64_t i = 0; i < 3; i++) {
            dnn_parameter p = {DNN_SIZED(dnn_parameter)};
            assert_int_equal(dnn_module_parameter_at(t.net, i, &p), DNN_OK);
            assert_int_equal(dnn_tensor_dtype(p.value), want);
            assert_int_equal(dnn_tensor_dtype(p.gradient), want);
        }
        if (status != DNN_OK) step(&t);
    }
    assert_true(k > 12);
    end(&t);
}

/* ---- describing ---- */

/* The linear layer does the ReLU on the way, and keeps what comes out: its signs are read in the backward. */
static const char *const expected_text =
    "path    layer                              output               parameters "
    "       forward       memory         kept\n"
    "fc      linear 6→8                         [10,8]                       56 "
    "      960 FLOP        320 B        320 B\n"
    "act     + relu                             [10,8]                        0 "
    "       80 FLOP        320 B          0 B\n"
    "flat    flatten                            [10,8]                        0 "
    "        0 FLOP        320 B          0 B\n"
    "pieces  split                              [10,8]                        0 "
    "        0 FLOP        640 B          0 B\n"
    "4 steps, 56 parameters (8 trainable), 1.04 kFLOP forward\n";

static void a_description_adds_up(void **state) {
    (void)state;
    dnn_module *g;
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    dnn_value x = dnn_graph_apply(g, "fc", LINEAR(6, 8), dnn_graph_input(g)), out[2];
    x = dnn_graph_apply(g, "flat", dnn_flatten(ctx), dnn_graph_apply(g, "act", dnn_relu(ctx), x));
    assert_int_equal(dnn_graph_call(g, "pieces", test_split(ctx), &x, 1, out, 2), DNN_OK);
    dnn_graph_output(g, out[1]);
    assert_int_equal(dnn_module_freeze(g, "*.weight"), DNN_OK);
    dnn_description *d;
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {10, 6}};
    assert_int_equal(dnn_module_describe(&d, g, &shape, 1), DNN_OK);
    dnn_description_totals t = {DNN_SIZED(dnn_description_totals)};
    dnn_step_info s = {DNN_SIZED(dnn_step_info)};
    assert_int_equal(dnn_description_totals_get(d, &t), DNN_OK);
    assert_int_equal(t.steps, 4);
    assert_int_equal(t.parameters, 56);
    assert_int_equal(t.trainable, 8);
    assert_int_equal(t.parameter_bytes, 56 * 8);
    assert_int_equal(t.activation_bytes, 4 * 320);
    assert_int_equal(dnn_description_step(d, 0, &s), DNN_OK);
    assert_string_equal(s.detail, "6→8");
    assert_null(s.output.data);
    assert_int_equal(dnn_description_step(d, 4, &s), DNN_ERROR_NOT_FOUND);
    const char *text = dnn_description_text(d);
    if (strncmp(text, expected_text, strlen(expected_text)) != 0) fail_msg("\n%s", text);
    dnn_description_release(d);
    dnn_module_release(g);
}

/* What is lent is not the borrower's to release; what he has retained is, once. */
static void lent_tensors_stay_their_owners(void **state) {
    (void)state;
    dnn_linear_desc desc = {DNN_SIZED(dnn_linear_desc), .in_features = 2, .out_features = 3};
    dnn_module *net = dnn_linear(ctx, &desc);
    dnn_parameter weight = {DNN_SIZED(dnn_parameter)};
    dnn_tensor *x;
    const dnn_tensor *y;
    assert_int_equal(dnn_tensor_create(&x, ctx, DNN_F32, 2, (int64_t[]){1, 2}), DNN_OK);
    assert_int_equal(dnn_module_parameter(net, "weight", &weight), DNN_OK);
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    dnn_tensor *lent[] = {weight.value, weight.gradient, (dnn_tensor *)(uintptr_t)y};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dnn_tensor_release(lent[i]), DNN_ERROR_HANDLE);
        assert_string_equal(dnn_last_error(), "the tensor is lent: who lends it releases it");
        assert_int_equal(dnn_tensor_retain(lent[i]), DNN_OK);
        assert_int_equal(dnn_tensor_release(lent[i]), DNN_OK);
        assert_int_equal(dnn_tensor_release(lent[i]), DNN_ERROR_HANDLE);
        assert_int_equal(dnn_tensor_retain(lent[i]), DNN_OK);
    }
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    dnn_module_release(net);
    for (int i = 0; i < 3; i++) assert_int_equal(dnn_tensor_release(lent[i]), DNN_OK);
    dnn_tensor_release(x);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(paths_in_the_order_of_the_tree),
        TEST(the_walk_sees_what_was_added),
        TEST(modes_reach_down),
        TEST(evaluation_keeps_nothing),
        TEST(no_work_for_what_nobody_needs),
        TEST(patterns),
        TEST(phases_of_a_step),
        TEST(a_refused_backward_changes_nothing),
        TEST(gradients_add_up),
        TEST(parts_run_in_between),
        TEST(there_and_back),
        TEST(conversion_is_all_or_nothing),
        TEST(a_description_adds_up),
        TEST(lent_tensors_stay_their_owners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
