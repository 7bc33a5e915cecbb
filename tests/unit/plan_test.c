/* The plan against the definition: what a network computes when its values share one arena must be, bit for bit, what
 * its layers compute one by one on memory of their own. And what a plan costs: nothing in a steady state. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/context.h"
#include "core/memory.h"
#include "support/allocator.h"
#include "support/random_graph.h"
#include "support/running.h"
#include "support/test_layers.h"

static test_allocator memory;
static size_t largest; /* piece that was asked for */

/* As the counting allocator, but full of NaN: what is read before it is written shows. */
static void *allocate_poison(void *user, size_t bytes, size_t alignment) {
    dnn_allocator inner = test_allocator_of(user);
    if (bytes > largest) largest = bytes;
    void *piece = inner.allocate(user, bytes, alignment);
    if (piece) memset(piece, 0xff, bytes);
    return piece;
}

static dnn_context *new_context(int32_t threads) {
    dnn_context *ctx;
    memory = (test_allocator){0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = threads};
    d.allocator.allocate = allocate_poison;
    assert_int_equal(dnn_context_create(&ctx, &d), DNN_OK);
    return ctx;
}

static void end_context(dnn_context *ctx) {
    assert_int_equal(dnn_context_release(ctx), DNN_OK);
    assert_int_equal(memory.live, 0);
}

/* ---- random networks ---- */

typedef struct trial {
    uint64_t seed;
    uint64_t forced_again; /* steps */
    int64_t budget;
    random_graph g;
    dnn_context *ctx;
    dnn_module *net, *children[RG_NODES];
    naive_graph naive;
    bool wants_inputs, training;
    int64_t numbers, odd; /* compared, and of those NaN or infinite */
} trial;

static const double POISON = 777;

static void compare(trial *t, const dnn_tensor *got, const dnn_tensor *want, const char *what, int64_t which) {
    assert_int_equal(dnn_tensor_bytes(got), dnn_tensor_bytes(want));
    for (int64_t i = 0; i < dnn_tensor_count(want); i++, t->numbers++) {
        double a = tensor_at(got, i), b = tensor_at(want, i);
        t->odd += !isfinite(b);
        if (a != b && !(isnan(a) && isnan(b)))
            fail_msg("seed %llu: %s %lld, element %lld is %.17g, by definition %.17g", (unsigned long long)t->seed,
                     what, (long long)which, (long long)i, a, b);
    }
}

/* Freezes some parameters, and poisons their gradients. */
static void freeze_some(trial *t) {
    uint64_t draw = t->seed * 2654435761u;
    for (int64_t i = 0; i < dnn_module_parameter_count(t->net); i++, draw = draw * 6364136223846793005u + 1) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(t->net, i, &p), DNN_OK);
        if (p.is_buffer || (draw >> 60) > 4) continue;
        assert_int_equal(dnn_module_freeze(t->net, p.path), DNN_OK);
        for (int64_t k = 0; k < dnn_tensor_count(p.gradient); k++) tensor_put(p.gradient, k, POISON);
    }
}

static void compare_parameters(trial *t, int child) {
    dnn_module *mine = t->children[child], *theirs = t->naive.children[child];
    for (int64_t i = 0; i < dnn_module_parameter_count(mine); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(mine, i, &p);
        dnn_module_parameter_at(theirs, i, &q);
        compare(t, p.value, q.value, "a parameter or buffer of node", child);
        if (p.is_buffer) continue;
        if (!p.is_frozen) compare(t, p.gradient, q.gradient, "a parameter's gradient of node", child);
        for (int64_t k = 0; p.is_frozen && k < dnn_tensor_count(p.gradient); k++)
            if (tensor_at(p.gradient, k) != POISON)
                fail_msg("seed %llu: a frozen gradient", (unsigned long long)t->seed);
    }
}

static void step(trial *t) {
    const random_graph *g = &t->g;
    dnn_tensor *in[RG_INPUTS], *dy[RG_OUTPUTS];
    const dnn_tensor *out[RG_OUTPUTS], *dx[RG_INPUTS];
    random_graph_inputs(&t->g, t->ctx, in);
    random_graph_gradients(&t->g, t->ctx, dy);
    if (dnn_module_forward_n(t->net, (const dnn_tensor *const *)in, g->n_inputs, out, g->n_outputs) != DNN_OK)
        fail_msg("seed %llu: %s", (unsigned long long)t->seed, dnn_last_error());
    naive_forward(&t->naive, in);
    for (int i = 0; i < g->n_outputs; i++) compare(t, out[i], t->naive.values[g->outputs[i]], "output", i);
    if (dnn_module_backward_n(t->net, (const dnn_tensor *const *)dy, g->n_outputs, t->wants_inputs ? dx : NULL,
                              t->wants_inputs ? g->n_inputs : 0) != DNN_OK)
        fail_msg("seed %llu: %s", (unsigned long long)t->seed, dnn_last_error());
    naive_backward(&t->naive, dy);
    for (int i = 0; t->wants_inputs && i < g->n_inputs; i++) {
        const dnn_tensor *want = t->naive.gradients[i];
        assert_int_equal(dx[i] == NULL, g->values[i].shape.dtype != DNN_F32);
        if (want) compare(t, dx[i], want, "gradient of input", i);
        for (int64_t k = 0; !want && dx[i] && k < dnn_tensor_count(dx[i]); k++) assert_true(tensor_at(dx[i], k) == 0);
    }
    for (int i = 0; i < g->n_outputs; i++) compare(t, out[i], t->naive.values[g->outputs[i]], "output kept", i);
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].child == i) compare_parameters(t, i);
    rg_release(in, g->n_inputs);
    rg_release(dy, g->n_outputs);
}

/* A predictor gives what an evaluating module gives that keeps nothing for a backward. */
static void predict(trial *t) {
    const random_graph *g = &t->g;
    dnn_predictor *p;
    dnn_tensor *in[RG_INPUTS];
    const dnn_tensor *out[RG_OUTPUTS], *want[RG_OUTPUTS];
    random_graph_inputs(&t->g, t->ctx, in);
    assert_int_equal(dnn_predictor_create(&p, t->net), DNN_OK);
    assert_int_equal(dnn_predictor_run_n(p, (const dnn_tensor *const *)in, g->n_inputs, out, g->n_outputs), DNN_OK);
    assert_int_equal(dnn_module_eval(t->net), DNN_OK);
    dnn_module_set_gradients(t->net, 0);
    assert_int_equal(
        dnn_module_forward_n(t->net, (const dnn_tensor *const *)in, g->n_inputs, want, g->n_outputs), DNN_OK);
    for (int i = 0; i < g->n_outputs; i++) compare(t, out[i], want[i], "prediction", i);
    rg_release(in, g->n_inputs);
    dnn_predictor_release(p);
}

static void run_trial(trial *t) {
    t->ctx = new_context(1 + (int32_t)(t->seed % 2));
    t->ctx->forced_again = t->forced_again;
    random_graph_draw(&t->g, t->ctx, t->seed, t->seed % 3 == 2 ? DNN_F64 : DNN_F32);
    t->net = random_graph_build(&t->g, t->ctx, t->children);
    t->training = t->seed % 5 != 4;
    t->wants_inputs = t->seed % 2 == 0;
    if (!t->training) dnn_module_eval(t->net);
    assert_int_equal(dnn_module_set_memory(t->net, t->budget), DNN_OK);
    dnn_module_set_gradients(t->net, (t->wants_inputs ? DNN_GRADIENTS_INPUTS : 0) | DNN_GRADIENTS_EVAL);
    naive_start(&t->naive, &t->g, t->ctx, t->children, t->training);
    freeze_some(t);
    for (int i = 0; i < 2; i++) step(t);
    predict(t);
    naive_end(&t->naive);
    dnn_module_release(t->net);
    end_context(t->ctx);
}

/* 200 networks, in which steps run again in the backward that bits pick. */
static void compare_with_definition(uint64_t pick(uint64_t seed), int64_t budget) {
    const char *only = getenv("DNN_TEST_SEED");
    int64_t numbers = 0, odd = 0, nodes = 0;
    for (uint64_t seed = only ? strtoull(only, NULL, 10) : 0; seed < 200; seed++) {
        trial t = {.seed = seed, .forced_again = pick(seed), .budget = budget};
        run_trial(&t);
        numbers += t.numbers;
        odd += t.odd;
        nodes += t.g.n_nodes;
        if (only) return;
    }
    assert_true(nodes > 1500);
    assert_true(numbers > 150000);
    assert_true(odd < numbers / 50);
}

static uint64_t none(uint64_t seed) {
    (void)seed;
    return 0;
}

static uint64_t all(uint64_t seed) {
    (void)seed;
    return ~UINT64_C(0);
}

static uint64_t some(uint64_t seed) { return (seed + 1) * UINT64_C(0x9e3779b97f4a7c15); }

static void as_layer_by_layer(void **state) {
    (void)state;
    compare_with_definition(none, 0);
}

static void as_layer_by_layer_with_all_run_again(void **state) {
    (void)state;
    compare_with_definition(all, 0);
}

static void as_layer_by_layer_with_some_run_again(void **state) {
    (void)state;
    compare_with_definition(some, 0);
}

static void as_layer_by_layer_in_least_memory(void **state) {
    (void)state;
    compare_with_definition(none, DNN_MEMORY_LEAST);
}

/* ---- a network for the tests below: one input, two outputs, a value used twice, gradients that meet ---- */

#define LINEAR(i, o) \
    dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = i, .out_features = o})

static dnn_status build(dnn_module **net, dnn_context *ctx) {
    dnn_module *m;
    dnn_value halves[2], both[2];
    dnn_status status = dnn_context_seed(ctx, 11);
    if (status == DNN_OK) status = dnn_graph_create(&m, ctx);
    if (status != DNN_OK) return status;
    dnn_value x = dnn_graph_input(m);
    dnn_value h = dnn_graph_apply(m, "relu", dnn_relu(ctx), dnn_graph_apply(m, "fc1", LINEAR(6, 8), x));
    dnn_value s = dnn_graph_apply(m, "scratch", test_scratch(ctx), h);
    dnn_graph_call(m, "split", test_split(ctx), &s, 1, halves, 2);
    dnn_value add = dnn_graph_apply2(m, "add", dnn_add(ctx), halves[0], h);
    both[0] = add;
    both[1] = halves[1];
    dnn_value y;
    dnn_graph_call(m, "concat", dnn_concat(ctx, -1), both, 2, &y, 1);
    dnn_graph_output(m, dnn_graph_apply(m, "fc2", LINEAR(16, 3), y));
    dnn_graph_output(m, dnn_graph_apply(m, "exp", test_exp(ctx), add));
    status = dnn_module_error(m);
    if (status == DNN_OK) *net = m;
    else dnn_module_release(m);
    return status;
}

static dnn_module *built(dnn_context *ctx) {
    dnn_module *net = NULL;
    if (build(&net, ctx) != DNN_OK) fail_msg("%s", dnn_last_error());
    return net;
}

static dnn_status forward_backward(dnn_module *net, const dnn_tensor *x, const dnn_tensor *dy0, const dnn_tensor *dy1) {
    const dnn_tensor *y[2], *dy[2] = {dy0, dy1};
    dnn_status status = dnn_module_zero_grad(net);
    if (status == DNN_OK) status = dnn_module_forward_n(net, &x, 1, y, 2);
    if (status == DNN_OK) status = dnn_module_backward_n(net, dy, 2, NULL, 0);
    return status;
}

static void expect_same_gradients(dnn_module *a, dnn_module *b) {
    for (int64_t i = 0; i < dnn_module_parameter_count(a); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(a, i, &p);
        dnn_module_parameter_at(b, i, &q);
        expect_same_bits(p.value, q.value, p.path);
        expect_same_bits(p.gradient, q.gradient, p.path);
    }
}

/* ---- what a plan costs ---- */

static void steady_step_allocates_nothing(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    dnn_module *net = built(ctx);
    dnn_tensor *x[2], *dy[2];
    for (int i = 0; i < 2; i++) {
        x[i] = tensor_normal(ctx, DNN_F32, DIMS(4 + i, 6), 1);
        dy[i] = tensor_normal(ctx, DNN_F32, DIMS(4 + i, 3), 2);
    }
    for (int i = 0; i < 4; i++) assert_int_equal(forward_backward(net, x[i % 2], dy[i % 2], NULL), DNN_OK);
    test_allocator_arm(&memory, 0, false);
    for (int i = 0; i < 8; i++) assert_int_equal(forward_backward(net, x[i % 2], dy[i % 2], NULL), DNN_OK);
    assert_int_equal(memory.calls, 0);
    rg_release(x, 2);
    rg_release(dy, 2);
    dnn_module_release(net);
    end_context(ctx);
}

/* Twelve shapes and a cache of eight, in an order that makes the arena grow and plans come back. */
static void many_shapes_stay_right(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    dnn_module *net = built(ctx);
    for (int i = 0; i < 60; i++) {
        int64_t n = (i * 7 + i / 12) % 12;
        dnn_module *fresh = built(ctx);
        dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(n, 6), (uint64_t)i);
        dnn_tensor *dy[2] = {tensor_normal(ctx, DNN_F32, DIMS(n, 3), 5), tensor_normal(ctx, DNN_F32, DIMS(n, 8), 6)};
        assert_int_equal(forward_backward(net, x, dy[0], dy[1]), DNN_OK);
        assert_int_equal(forward_backward(fresh, x, dy[0], dy[1]), DNN_OK);
        expect_same_gradients(net, fresh);
        dnn_tensor_release(x);
        rg_release(dy, 2);
        dnn_module_release(fresh);
    }
    dnn_module_release(net);
    end_context(ctx);
}

/* The arena that a description announces is what the allocator is asked for, to the byte. */
static void described_bytes_are_allocated(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    dnn_module *net = built(ctx);
    dnn_description *d;
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {500, 6}};
    assert_int_equal(dnn_module_describe(&d, net, &shape, 1), DNN_OK);
    assert_int_equal(dnn_description_totals_get(d, &totals), DNN_OK);
    dnn_description_release(d);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, 2, shape.dims, 1), *dy = tensor_normal(ctx, DNN_F32, DIMS(500, 3), 2);
    largest = 0;
    assert_int_equal(forward_backward(net, x, dy, NULL), DNN_OK);
    assert_int_equal(largest, totals.arena_bytes);
    assert_true(totals.arena_bytes < totals.activation_bytes + 500 * 8 * 4 * 8);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(net);
    end_context(ctx);
}

/* ---- who holds what ---- */

static void outputs_outlive_the_module(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    dnn_module *net = built(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 6), 1), *copy;
    const dnn_tensor *y[2];
    assert_int_equal(dnn_module_forward_n(net, (const dnn_tensor *const *)&x, 1, y, 2), DNN_OK);
    assert_int_equal(dnn_tensor_clone(&copy, y[0]), DNN_OK);
    assert_int_equal(dnn_tensor_retain((dnn_tensor *)y[0]), DNN_OK);
    dnn_module_release(net);
    dnn_context_release(ctx);
    expect_same_bits(y[0], copy, "the output");
    dnn_tensor_release((dnn_tensor *)y[0]);
    dnn_tensor_release(copy);
    dnn_tensor_release(x);
    assert_int_equal(memory.live, 0);
}

/* An output handed in again as the input: it lies in the arena that the run writes to. */
static void output_fed_back(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "fc", LINEAR(5, 5));
    dnn_sequential_add(net, "exp", test_exp(ctx));
    dnn_module_set_gradients(net, DNN_GRADIENTS_INPUTS);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(7, 5), 1), *copy = NULL, *want = NULL;
    const dnn_tensor *y = run_forward(net, x);
    for (int i = 0; i < 3; i++) {
        dnn_tensor_release(copy);
        assert_int_equal(dnn_tensor_clone(&copy, y), DNN_OK);
        y = run_forward(net, y);
    }
    const dnn_tensor *dx = run_backward(net, y);
    dnn_tensor *y_fed, *dx_fed, *dw_fed;
    dnn_tensor_clone(&y_fed, y);
    dnn_tensor_clone(&dx_fed, dx);
    dnn_tensor_clone(&dw_fed, gradient_of(net, "fc.weight"));
    dnn_module_zero_grad(net);
    y = run_forward(net, copy);
    expect_same_bits(y, y_fed, "the output");
    assert_int_equal(dnn_tensor_clone(&want, y), DNN_OK);
    expect_same_bits(run_backward(net, want), dx_fed, "the gradient");
    expect_same_bits(gradient_of(net, "fc.weight"), dw_fed, "the weight's gradient");
    dnn_tensor *all[] = {x, copy, want, y_fed, dx_fed, dw_fed};
    rg_release(all, 6);
    dnn_module_release(net);
    end_context(ctx);
}

/* ---- out of memory ---- */

static dnn_status whole_run(dnn_module **net, dnn_context *ctx, dnn_tensor **tensors) {
    if (!*net) {
        dnn_status status = build(net, ctx);
        if (status != DNN_OK) return status;
    }
    dnn_description *d;
    const dnn_array shape = {.dtype = DNN_F32, .rank = 2, .dims = {4, 6}};
    dnn_status status = dnn_module_describe(&d, *net, &shape, 1);
    if (status != DNN_OK) return status;
    dnn_description_release(d);
    return forward_backward(*net, tensors[0], tensors[1], NULL);
}

/* Whatever allocation fails, the run says so, and the same run later gives the same numbers. */
static void out_of_memory_anywhere(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    dnn_module *reference = NULL;
    dnn_tensor *tensors[2] = {tensor_normal(ctx, DNN_F32, DIMS(4, 6), 1), tensor_normal(ctx, DNN_F32, DIMS(4, 3), 2)};
    assert_int_equal(whole_run(&reference, ctx, tensors), DNN_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        int64_t k = 1, failed = 0;
        for (; status != DNN_OK; k++) {
            dnn_module *net = NULL;
            test_allocator_arm(&memory, k, for_ever == 1);
            status = whole_run(&net, ctx, tensors);
            test_allocator_arm(&memory, 0, false);
            if (status != DNN_OK) {
                assert_int_equal(status, DNN_ERROR_MEMORY);
                assert_int_equal(whole_run(&net, ctx, tensors), DNN_OK);
                failed++;
            }
            expect_same_gradients(net, reference);
            dnn_module_release(net);
        }
        assert_true(failed > 40);
    }
    dnn_module_release(reference);
    rg_release(tensors, 2);
    end_context(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_layer_by_layer),
        cmocka_unit_test(as_layer_by_layer_with_all_run_again),
        cmocka_unit_test(as_layer_by_layer_with_some_run_again),
        cmocka_unit_test(as_layer_by_layer_in_least_memory),
        cmocka_unit_test(steady_step_allocates_nothing),
        cmocka_unit_test(many_shapes_stay_right),    cmocka_unit_test(described_bytes_are_allocated),
        cmocka_unit_test(outputs_outlive_the_module), cmocka_unit_test(output_fed_back),
        cmocka_unit_test(out_of_memory_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
