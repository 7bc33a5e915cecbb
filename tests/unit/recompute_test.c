/* Steps that run again in the backward: a run is the same, bit for bit, whatever of it is computed twice; bytes are
 * those that were promised; and what must not run twice does not. (Random networks against the definition: plan_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/context.h"
#include "support/allocator.h"
#include "support/golden_networks.h"
#include "support/layer_table.h"
#include "support/running.h"
#include "support/test_layers.h"

static const uint64_t ALL = ~UINT64_C(0);

/* ---- networks ---- */

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1});
}

static dnn_module *norm(dnn_context *ctx, int64_t features) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

/* All that draws numbers or moves statistics; "fixed" evaluates, "twice" is applied twice. */
static dnn_module *regularised(dnn_context *ctx) {
    dnn_module *g, *twice = norm(ctx, 4), *fixed = norm(ctx, 4);
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_apply(g, "conv1", conv(ctx, 3, 4), dnn_graph_input(g));
    x = dnn_graph_apply(g, "relu1", dnn_relu(ctx), dnn_graph_apply(g, "twice", twice, x));
    x = dnn_graph_apply(g, "drop1", dnn_dropout(ctx, 0.3), x);
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    x = dnn_graph_apply(g, "pool", dnn_max_pool2d(ctx, &pool), x);
    dnn_value y = dnn_graph_apply(g, "conv2", conv(ctx, 4, 4), dnn_graph_apply(g, "noise", test_random(ctx), x));
    y = dnn_graph_apply(g, NULL, twice, dnn_graph_apply(g, "fixed", fixed, y));
    y = dnn_graph_apply(g, "relu2", dnn_relu(ctx), dnn_graph_apply2(g, "add", dnn_add(ctx), y, x));
    y = dnn_graph_apply(g, "drop2", dnn_dropout(ctx, 0.5), y);
    y = dnn_graph_apply(g, "gelu", dnn_gelu(ctx, DNN_GELU_EXACT), dnn_graph_apply(g, "flatten", dnn_flatten(ctx), y));
    dnn_graph_output(g, dnn_graph_apply(g, "fc", linear(ctx, 36, 3), y));
    dnn_module_eval(fixed);
    return g;
}

enum { DEPTH = 48 };

static dnn_module *deep(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    for (int i = 0; i < DEPTH; i++) {
        dnn_sequential_add(net, NULL, linear(ctx, 8, 8));
        dnn_sequential_add(net, NULL, dnn_tanh(ctx));
    }
    dnn_sequential_add(net, "last", linear(ctx, 8, 2));
    return net;
}

#define ONE(name, make, ...) {name, make, 1, {{DNN_F32, CASE_NORMAL, 0, __VA_ARGS__}}, false, false}

static const layer_case networks[] = {
    ONE("mlp", golden_mlp, 2, {100, 9}),
    ONE("max_pool", golden_max_pool, 4, {8, 8, 8, 2}),
    ONE("residual", golden_residual, 4, {9, 6, 6, 3}),
    {"attention", golden_attention, 2,
     {{DNN_I64, CASE_LABELS, 17, 2, {20, 7}}, {DNN_I64, CASE_LABELS, 7, 2, {20, 7}}}, false, false},
    ONE("depthwise", golden_depthwise, 4, {5, 7, 7, 4}),
    ONE("regression", golden_regression, 2, {100, 5}),
    ONE("regularised", regularised, 4, {9, 6, 6, 3}),
    ONE("deep", deep, 2, {128, 8}),
};
enum { NETWORKS = sizeof networks / sizeof *networks, ATTENTION = 3, DEEP = NETWORKS - 1 };

/* The layer between others whose outputs somebody reads in the backward. */
static dnn_module *between(const layer_case *c, dnn_context *ctx) {
    dnn_module *g;
    dnn_value in[LAYER_CASE_INPUTS], y;
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    for (int32_t i = 0; i < c->n_inputs; i++) {
        in[i] = dnn_graph_input(g);
        if (c->inputs[i].dtype == DNN_F32) in[i] = dnn_graph_apply(g, NULL, dnn_scale(ctx, 1.25), in[i]);
    }
    dnn_graph_call(g, "layer", c->make(ctx), in, c->n_inputs, &y, 1);
    dnn_graph_output(g, dnn_graph_apply2(g, "square", dnn_multiply(ctx), y, y));
    return g;
}

/* ---- a run ---- */

typedef struct run {
    const layer_case *c;
    dnn_context *ctx;
    dnn_module *net;
    dnn_tensor *inputs[LAYER_CASE_INPUTS], *dy;
    const dnn_tensor *y, *dx[LAYER_CASE_INPUTS];
} run;

static run start(const layer_case *c, bool alone, dnn_dtype dtype, int32_t threads) {
    run r = {.c = c};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 5};
    assert_int_equal(dnn_context_create(&r.ctx, &desc), DNN_OK);
    r.net = alone ? between(c, r.ctx) : c->make(r.ctx);
    if (dnn_module_error(r.net) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
    assert_int_equal(dnn_module_to(r.net, dtype), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(r.net, DNN_GRADIENTS_INPUTS), DNN_OK);
    assert_true(case_inputs(r.ctx, c, dtype, 3, r.inputs));
    return r;
}

/* dy is y: any numbers will do. */
static void step(run *r) {
    const layer_case *c = r->c;
    if (dnn_module_forward_n(r->net, (const dnn_tensor *const *)r->inputs, c->n_inputs, &r->y, 1) != DNN_OK)
        fail_msg("%s: %s", c->name, dnn_last_error());
    if (!r->dy) assert_int_equal(dnn_tensor_clone(&r->dy, r->y), DNN_OK);
    const dnn_tensor *dy = r->dy;
    assert_int_equal(dnn_tensor_copy(r->dy, r->y), DNN_OK);
    if (dnn_module_backward_n(r->net, &dy, 1, r->dx, c->n_inputs) != DNN_OK)
        fail_msg("%s: %s", c->name, dnn_last_error());
}

static void end(run *r) {
    dnn_tensor_release(r->dy);
    case_release(r->inputs, r->c->n_inputs);
    dnn_module_release(r->net);
    dnn_context_release(r->ctx);
}

static void expect_equal(const run *a, const run *b) {
    expect_same_bits(a->y, b->y, a->c->name);
    for (int32_t i = 0; i < a->c->n_inputs; i++) {
        assert_int_equal(a->dx[i] == NULL, b->dx[i] == NULL);
        if (a->dx[i]) expect_same_bits(a->dx[i], b->dx[i], a->c->name);
    }
    for (int64_t i = 0; i < dnn_module_parameter_count(a->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(a->net, i, &p);
        dnn_module_parameter_at(b->net, i, &q);
        expect_same_bits(p.value, q.value, p.path);
        if (p.gradient) expect_same_bits(p.gradient, q.gradient, p.path);
    }
}

static dnn_status totals_of(const run *r, dnn_description_totals *totals) {
    dnn_description *d;
    dnn_array shapes[LAYER_CASE_INPUTS] = {{0}};
    for (int32_t i = 0; i < r->c->n_inputs; i++) {
        shapes[i].dtype = dnn_tensor_dtype(r->inputs[i]);
        shapes[i].rank = r->c->inputs[i].rank;
        memcpy(shapes[i].dims, r->c->inputs[i].dims, sizeof shapes[i].dims);
    }
    *totals = (dnn_description_totals){DNN_SIZED(dnn_description_totals)};
    dnn_status status = dnn_module_describe(&d, r->net, shapes, r->c->n_inputs);
    if (status != DNN_OK) return status;
    assert_int_equal(dnn_description_totals_get(d, totals), DNN_OK);
    assert_int_equal(strstr(dnn_description_text(d), "recomputed") != NULL, totals->recomputed_steps > 0);
    dnn_description_release(d);
    return DNN_OK;
}

static dnn_description_totals describe(const run *r) {
    dnn_description_totals totals;
    if (totals_of(r, &totals) != DNN_OK) fail_msg("%s: %s", r->c->name, dnn_last_error());
    return totals;
}

/* ---- the same bits ---- */

/* Three steps without, and with those run again that `forced_again` picks or the budget asks for. Returns how many. */
static int64_t compare(const layer_case *c, bool alone, dnn_dtype dtype, int32_t threads, uint64_t forced_again,
                       int64_t budget) {
    run a = start(c, alone, dtype, 1), b = start(c, alone, dtype, threads);
    b.ctx->forced_again = forced_again;
    assert_int_equal(dnn_module_set_memory(b.net, budget), DNN_OK);
    for (int i = 0; i < 3; i++) {
        step(&a);
        step(&b);
        expect_equal(&a, &b);
    }
    int64_t steps = describe(&b).recomputed_steps;
    end(&a);
    end(&b);
    return steps;
}

static void every_layer_may_run_again(void **state) {
    (void)state;
    int64_t again = 0;
    for (int i = 0; i < layer_table_count; i++)
        for (int k = 0; k < 4; k++)
            again += compare(&layer_table[i], true, k & 1 ? DNN_F64 : DNN_F32, k & 2 ? 2 : 1, ALL, 0);
    assert_true(again > 6 * layer_table_count);
}

static void networks_compute_the_same_bits(void **state) {
    (void)state;
    for (int i = 0; i < NETWORKS; i++)
        for (int k = 0; k < 4; k++) {
            dnn_dtype dtype = k & 1 ? DNN_F64 : DNN_F32;
            int32_t threads = k & 2 ? 2 : 1;
            assert_true(compare(&networks[i], false, dtype, threads, ALL, 0) > 1);
            for (uint64_t bits = 1; bits < 12; bits++)
                compare(&networks[i], false, dtype, threads, bits * UINT64_C(0x9e3779b97f4a7c15), 0);
            compare(&networks[i], false, dtype, threads, 0, DNN_MEMORY_LEAST);
        }
}

/* ---- budgets ---- */

static dnn_description_totals within(run *r, int64_t budget) {
    assert_int_equal(dnn_module_set_memory(r->net, budget), DNN_OK);
    return describe(r);
}

static void expect_refusal(run *r, int64_t budget, int64_t least, int64_t all) {
    char line[256];
    dnn_description_totals t;
    snprintf(line, sizeof line, "the arena needs at least %lld bytes for these inputs (%lld if nothing is computed "
             "again), dnn_module_set_memory allows %lld", (long long)least, (long long)all, (long long)budget);
    assert_int_equal(dnn_module_set_memory(r->net, budget), DNN_OK);
    expect_error(totals_of(r, &t), DNN_ERROR_MEMORY, line);
    expect_error(dnn_module_forward_n(r->net, (const dnn_tensor *const *)r->inputs, r->c->n_inputs, &r->y, 1),
                 DNN_ERROR_MEMORY, line);
}

/* Each budget down to the least one is met; below it, the least one is named. Returns the bytes that can be saved. */
static int64_t check_budgets(const layer_case *c) {
    run r = start(c, false, DNN_F32, 1);
    int64_t all = describe(&r).arena_bytes, least = within(&r, DNN_MEMORY_LEAST).arena_bytes;
    assert_int_equal(within(&r, DNN_MEMORY_LEAST).arena_bytes_without, all);
    for (int64_t budget = all; budget >= least; budget -= dnnk_max(64, (all - least) / 9)) {
        dnn_description_totals t = within(&r, budget);
        assert_true(t.arena_bytes <= budget);
        assert_int_equal(t.recomputed_steps > 0, budget < all);
    }
    assert_int_equal(within(&r, least).arena_bytes, least);
    expect_refusal(&r, least - 1, least, all);
    expect_refusal(&r, 1, least, all);
    assert_int_equal(dnn_module_set_memory(r.net, 0), DNN_OK);
    step(&r);
    end(&r);
    return all - least;
}

static void budgets_are_met(void **state) {
    (void)state;
    int saves = 0;
    for (int i = 0; i < NETWORKS; i++) saves += check_budgets(&networks[i]) > 0;
    assert_true(saves >= 4); /* scratch memory is what others need most */
}

/* Of a chain of layers of one size, by running less than all of them again. */
static void a_chain_needs_few_of_its_values(void **state) {
    (void)state;
    run r = start(&networks[DEEP], false, DNN_F32, 1);
    dnn_description_totals all = describe(&r), least = within(&r, DNN_MEMORY_LEAST);
    assert_true(all.arena_bytes > DEPTH * 128 * 8 * 4);
    assert_true(least.arena_bytes < all.arena_bytes / 2);
    assert_true(least.recomputed_flops < all.flops);
    end(&r);
}

static void a_budget_changes_nothing_else(void **state) {
    (void)state;
    run r = start(&networks[0], false, DNN_F32, 1);
    step(&r);
    assert_int_equal(dnn_module_set_memory(r.net, DNN_MEMORY_LEAST), DNN_OK);
    expect_error(dnn_module_backward(r.net, r.dy, NULL), DNN_ERROR_STATE,
                 "backward needs a forward before it, one for each backward");
    step(&r);
    expect_error(dnn_module_set_memory(r.net, -2), DNN_ERROR_ARGUMENT,
                 "bytes is -2: a number of bytes, 0 for no budget, or DNN_MEMORY_LEAST");
    dnn_module_eval(r.net); /* nothing is kept, so nothing runs again */
    assert_int_equal(describe(&r).recomputed_steps, 0);
    end(&r);
}

/* A gradient check, in float64, takes twice the memory of a run: it comes as near to the budget as it can. */
static void experiments_may_take_more(void **state) {
    (void)state;
    run r = start(&networks[ATTENTION], false, DNN_F32, 1);
    dnn_check_report *report;
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    within(&r, within(&r, DNN_MEMORY_LEAST).arena_bytes);
    if (dnn_check_gradients(&report, r.net, (const dnn_tensor *const *)r.inputs, 2, NULL) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    dnn_check_report_figures(report, &figures);
    assert_int_equal(figures.verdict, DNN_CHECK_PASS);
    dnn_check_report_release(report);
    step(&r);
    end(&r);
}

/* ---- layers of the host's ---- */

/* A layer that does not say that it may run twice runs once, however small the budget. */
static void a_hosts_layer_runs_once(void **state) {
    (void)state;
    dnn_context *ctx;
    probe_log log = {0};
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    ctx->forced_again = ALL;
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "fc1", linear(ctx, 4, 4));
    dnn_sequential_add(net, "probe", test_probe(ctx, &log, true));
    dnn_sequential_add(net, "fc2", linear(ctx, 4, 4));
    dnn_module_set_gradients(net, DNN_GRADIENTS_INPUTS);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(3, 4), 1);
    for (int i = 1; i < 4; i++) {
        run_backward(net, run_forward(net, x));
        assert_int_equal(log.forwards, i);
        assert_int_equal(log.backwards, i);
    }
    dnn_tensor_release(x);
    dnn_module_release(net);
    dnn_context_release(ctx);
}

/* ---- memory ---- */

static test_allocator memory;

static int64_t steady_calls; /* of the allocator, after the first step */

static dnn_status budgeted_run(dnn_context *ctx, dnn_tensor *const *inputs, int32_t steps, dnn_tensor *gradient) {
    dnn_context_seed(ctx, 5);
    dnn_module *net = golden_attention(ctx);
    if (!net) return dnn_last_status();
    int64_t first = 0;
    dnn_status status = dnn_module_set_memory(net, DNN_MEMORY_LEAST);
    for (int32_t i = 0; i < steps && status == DNN_OK; i++) {
        const dnn_tensor *y;
        status = dnn_module_forward_n(net, (const dnn_tensor *const *)inputs, 2, &y, 1);
        if (status == DNN_OK) status = dnn_module_backward(net, y, NULL);
        if (i == 0) first = memory.calls;
    }
    steady_calls = memory.calls - first;
    dnn_parameter weight = {DNN_SIZED(dnn_parameter)};
    if (status == DNN_OK) status = dnn_module_parameter(net, "up.weight", &weight);
    if (status == DNN_OK) status = dnn_tensor_copy(gradient, weight.gradient);
    dnn_module_release(net);
    return status;
}

static dnn_context *counted_context(void) {
    dnn_context *ctx;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 1, .allocator = test_allocator_of(&memory)};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

static void steady_step_allocates_nothing(void **state) {
    (void)state;
    dnn_context *ctx = counted_context();
    dnn_tensor *inputs[LAYER_CASE_INPUTS], *gradient = tensor_of(ctx, DNN_F32, DIMS(24, 12), NULL);
    assert_true(case_inputs(ctx, &networks[ATTENTION], DNN_F32, 1, inputs));
    assert_int_equal(budgeted_run(ctx, inputs, 4, gradient), DNN_OK);
    assert_int_equal(steady_calls, 0);
    case_release(inputs, 2);
    dnn_tensor_release(gradient);
    dnn_context_release(ctx);
    assert_int_equal(memory.live, 0);
}

static void sweep(dnn_context *ctx, dnn_tensor *const *inputs, dnn_tensor *gradient, bool for_ever) {
    dnn_status status = DNN_ERROR_MEMORY;
    int64_t k = 1;
    for (; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, for_ever);
        status = budgeted_run(ctx, inputs, 1, gradient);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK) assert_int_equal(status, DNN_ERROR_MEMORY);
    }
    assert_true(k > 100);
}

static void out_of_memory_anywhere(void **state) {
    (void)state;
    dnn_context *ctx = counted_context();
    dnn_tensor *inputs[LAYER_CASE_INPUTS];
    dnn_tensor *want = tensor_of(ctx, DNN_F32, DIMS(24, 12), NULL), *got = tensor_of(ctx, DNN_F32, DIMS(24, 12), NULL);
    assert_true(case_inputs(ctx, &networks[ATTENTION], DNN_F32, 1, inputs));
    assert_int_equal(budgeted_run(ctx, inputs, 1, want), DNN_OK);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        sweep(ctx, inputs, got, for_ever == 1);
        expect_same_bits(got, want, "a weight's gradient");
    }
    case_release(inputs, 2);
    dnn_tensor_release(want);
    dnn_tensor_release(got);
    dnn_context_release(ctx);
    assert_int_equal(memory.live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_may_run_again),
        cmocka_unit_test(networks_compute_the_same_bits),
        cmocka_unit_test(budgets_are_met),
        cmocka_unit_test(a_chain_needs_few_of_its_values),
        cmocka_unit_test(a_budget_changes_nothing_else),
        cmocka_unit_test(experiments_may_take_more),
        cmocka_unit_test(a_hosts_layer_runs_once),
        cmocka_unit_test(steady_step_allocates_nothing),
        cmocka_unit_test(out_of_memory_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
