/* Steps that others do on the way: a network computes the same, bit for bit, with and without; and what may not be handed
 * over is not. (Random networks against the definition: plan_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/context.h"
#include "support/running.h"

typedef dnn_module *builder(dnn_context *ctx);

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out, int64_t kernel, bool no_bias) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {kernel}, .padding = kernel / 2, .no_bias = no_bias});
}

static dnn_module *norm(dnn_context *ctx, int64_t features) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static dnn_module *graph(dnn_context *ctx) {
    dnn_module *g;
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    return g;
}

/* ResNet's block with a shortcut: the addition follows the shortcut's batch norm. */
static dnn_module *residual(dnn_context *ctx) {
    dnn_module *g = graph(ctx);
    dnn_value x = dnn_graph_input(g);
    dnn_value y = dnn_graph_apply(g, "relu0", dnn_relu(ctx), dnn_graph_apply(g, "conv0", conv(ctx, 3, 4, 3, false), x));
    x = y;
    y = dnn_graph_apply(g, "bn1", norm(ctx, 8), dnn_graph_apply(g, "conv1", conv(ctx, 4, 8, 3, true), y));
    y = dnn_graph_apply(g, "relu1", dnn_relu(ctx), y);
    y = dnn_graph_apply(g, "bn2", norm(ctx, 8), dnn_graph_apply(g, "conv2", conv(ctx, 8, 8, 3, false), y));
    x = dnn_graph_apply(g, "bn3", norm(ctx, 8), dnn_graph_apply(g, "conv3", conv(ctx, 4, 8, 1, true), x));
    y = dnn_graph_apply(g, "relu", dnn_relu(ctx), dnn_graph_apply2(g, "add", dnn_add(ctx), y, x));
    dnn_graph_output(g, y);
    return g;
}

/* The shortcut is the input, which asks for a gradient too. */
static dnn_module *identity_block(dnn_context *ctx) {
    dnn_module *g = graph(ctx);
    dnn_value x = dnn_graph_input(g);
    dnn_value y = dnn_graph_apply(g, "bn", norm(ctx, 3), dnn_graph_apply(g, "conv", conv(ctx, 3, 3, 3, true), x));
    dnn_graph_output(g, dnn_graph_apply(g, "relu", dnn_relu(ctx), dnn_graph_apply2(g, "add", dnn_add(ctx), x, y)));
    return g;
}

/* conv + add, without batch norm: handed over where no backward will come. */
static dnn_module *plain_block(dnn_context *ctx) {
    dnn_module *g = graph(ctx);
    dnn_value x = dnn_graph_input(g), y = dnn_graph_apply(g, "conv", conv(ctx, 3, 3, 3, false), x);
    dnn_graph_output(g, dnn_graph_apply(g, "relu", dnn_relu(ctx), dnn_graph_apply2(g, "add", dnn_add(ctx), y, x)));
    return g;
}

static dnn_module *perceptron(dnn_context *ctx) {
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc1", linear(ctx, 75, 20));
    dnn_sequential_add(net, "bn", norm(ctx, 20));
    dnn_sequential_add(net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(net, "fc2", linear(ctx, 20, 10));
    dnn_sequential_add(net, "relu2", dnn_relu(ctx));
    return net;
}

/* What must not be handed over: a value with two users, one that is an output, and one seen through a view. One ReLU
 * is applied three times. */
static dnn_module *refusals(dnn_context *ctx) {
    dnn_module *g = graph(ctx), *relu = dnn_relu(ctx);
    dnn_value x = dnn_graph_input(g), a = dnn_graph_apply(g, "a", conv(ctx, 3, 4, 3, false), x);
    dnn_value used = dnn_graph_apply2(g, "twice", dnn_multiply(ctx), dnn_graph_apply(g, "relu", relu, a), a);
    dnn_value b = dnn_graph_apply(g, "b", norm(ctx, 4), used), c = dnn_graph_apply(g, NULL, relu, b);
    dnn_value d = dnn_graph_apply(g, "d", conv(ctx, 4, 2, 1, false), c);
    dnn_value flat = dnn_graph_apply(g, "flat", dnn_flatten(ctx), d);
    dnn_graph_output(g, b);
    dnn_graph_output(g, dnn_graph_apply(g, NULL, relu, flat));
    return g;
}

/* ---- how many are handed over ---- */

static int fused(dnn_module *net) {
    dnn_description *d;
    dnn_array x = {NULL, DNN_F32, 4, {2, 5, 5, 3}};
    if (dnn_module_describe(&d, net, &x, 1) != DNN_OK) fail_msg("%s", dnn_last_error());
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    dnn_description_totals_get(d, &totals);
    int count = 0;
    for (int64_t i = 0; i < totals.steps; i++) {
        dnn_step_info step = {DNN_SIZED(dnn_step_info)};
        dnn_description_step(d, i, &step);
        count += step.is_fused;
    }
    assert_int_equal(strstr(dnn_description_text(d), "+ relu") != NULL, count > 0);
    dnn_description_release(d);
    return count;
}

static void expect_fused(builder *build, int training, int evaluating, int with_gradients) {
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    dnn_module *net = build(ctx);
    assert_int_equal(fused(net), training);
    dnn_module_eval(net);
    assert_int_equal(fused(net), evaluating);
    dnn_module_set_gradients(net, DNN_GRADIENTS_EVAL);
    assert_int_equal(fused(net), with_gradients);
    ctx->allow_fusion = false;
    assert_int_equal(fused(net), 0);
    dnn_module_release(net);
    dnn_context_release(ctx);
}

static void hands_over_what_it_may(void **state) {
    (void)state;
    expect_fused(residual, 4, 7, 4);
    expect_fused(identity_block, 2, 3, 2);
    expect_fused(plain_block, 0, 2, 0);
    expect_fused(perceptron, 2, 3, 2);
    expect_fused(refusals, 0, 0, 0);
}

/* ---- the same bits ---- */

enum { MOST_OUTPUTS = 2 };

typedef struct trained {
    dnn_context *ctx;
    dnn_module *net;
    int n_outputs;
    const dnn_tensor *y[MOST_OUTPUTS], *dx;
} trained;

static void one_step(trained *t, dnn_dtype dtype) {
    dnn_tensor *x = tensor_normal(t->ctx, dtype, DIMS(4, 5, 5, 3), 3), *dy[MOST_OUTPUTS];
    if (dnn_module_forward_n(t->net, (const dnn_tensor *const *)&x, 1, t->y, t->n_outputs) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    for (int i = 0; i < t->n_outputs; i++)
        dy[i] = tensor_normal(t->ctx, dtype, dnn_tensor_rank(t->y[i]), dnn_tensor_dims(t->y[i]), 4);
    if (dnn_module_backward_n(t->net, (const dnn_tensor *const *)dy, t->n_outputs, &t->dx, 1) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    for (int i = 0; i < t->n_outputs; i++) dnn_tensor_release(dy[i]);
    dnn_tensor_release(x);
}

static trained train(builder *build, dnn_dtype dtype, bool allow_fusion, bool training, const char *frozen) {
    trained t = {.n_outputs = build == refusals ? 2 : 1};
    dnn_context_create(&t.ctx, NULL);
    t.ctx->allow_fusion = allow_fusion;
    t.net = build(t.ctx);
    dnn_module_to(t.net, dtype);
    dnn_module_set_gradients(t.net, DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL);
    if (frozen) assert_int_equal(dnn_module_freeze(t.net, frozen), DNN_OK);
    for (int i = 0; i < 2; i++) one_step(&t, dtype); /* running statistics have moved */
    if (!training) dnn_module_eval(t.net);
    for (int i = 0; i < 2; i++) one_step(&t, dtype);
    return t;
}

static void expect_equal(const trained *a, const trained *b) {
    for (int i = 0; i < a->n_outputs; i++) expect_same_bits(a->y[i], b->y[i], "y");
    expect_same_bits(a->dx, b->dx, "dx");
    for (int64_t i = 0; i < dnn_module_parameter_count(a->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(a->net, i, &p);
        dnn_module_parameter_at(b->net, i, &q);
        expect_same_bits(p.value, q.value, p.path);
        if (p.gradient) expect_same_bits(p.gradient, q.gradient, p.path);
    }
}

static void predict(const trained *t, const dnn_tensor **y, dnn_predictor **p) {
    dnn_tensor *x = tensor_normal(t->ctx, dnn_tensor_dtype(t->y[0]), DIMS(4, 5, 5, 3), 5);
    assert_int_equal(dnn_predictor_create(p, t->net), DNN_OK);
    if (dnn_predictor_run_n(*p, (const dnn_tensor *const *)&x, 1, y, t->n_outputs) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    dnn_tensor_release(x);
}

/* Batch norm as a guest rounds differently. */
static void expect_equal_predictions(const trained *a, const trained *b) {
    const dnn_tensor *ya[MOST_OUTPUTS], *yb[MOST_OUTPUTS];
    dnn_predictor *pa, *pb;
    predict(a, ya, &pa);
    predict(b, yb, &pb);
    for (int i = 0; i < a->n_outputs; i++)
        for (int64_t k = 0; k < dnn_tensor_count(ya[i]); k++)
            expect_near(ya[i], k, tensor_at(yb[i], k), dnn_tensor_dtype(ya[i]) == DNN_F64 ? 1e-14 : 3e-6, "prediction");
    dnn_predictor_release(pa);
    dnn_predictor_release(pb);
}

static void end(trained *t) {
    dnn_module_release(t->net);
    dnn_context_release(t->ctx);
}

static void check_same(builder *build, dnn_dtype dtype, bool training, const char *frozen) {
    trained a = train(build, dtype, true, training, frozen), b = train(build, dtype, false, training, frozen);
    expect_equal(&a, &b);
    expect_equal_predictions(&a, &b);
    end(&a);
    end(&b);
}

static void computes_the_same_bits(void **state) {
    (void)state;
    builder *all[] = {residual, identity_block, plain_block, perceptron, refusals};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int k = 0; k < 8; k++) check_same(all[i], k & 1 ? DNN_F64 : DNN_F32, k & 2, k & 4 ? "*weight" : NULL);
    check_same(residual, DNN_F32, true, "*");
}

/* ---- layers in different modes, and messages ---- */

/* A frozen batch norm, in evaluation mode inside of a network that trains. */
static void in_mixed_modes(void **state) {
    (void)state;
    trained t[2];
    for (int i = 0; i < 2; i++) {
        t[i] = train(residual, DNN_F32, i == 0, true, "bn?.*");
        dnn_module_eval(dnn_module_find(t[i].net, "bn1"));
        dnn_module_eval(dnn_module_find(t[i].net, "bn3"));
        one_step(&t[i], DNN_F32);
    }
    expect_equal(&t[0], &t[1]);
    for (int i = 0; i < 2; i++) end(&t[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_over_what_it_may),
        cmocka_unit_test(computes_the_same_bits),
        cmocka_unit_test(in_mixed_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
