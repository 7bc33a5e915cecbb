#include "support/golden_networks.h"

/* ---- layers in one word ---- */

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static dnn_module *conv3(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1, .no_bias = 1});
}

static dnn_module *norm(dnn_context *ctx, int64_t features, double momentum, double eps) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features,
                                                      .momentum = momentum, .eps = eps});
}

static dnn_module *pool(dnn_module *(*make)(dnn_context *, const dnn_pool2d_desc *), dnn_context *ctx, int64_t kernel,
                        int64_t stride, int64_t padding) {
    return make(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {kernel}, .stride = {stride},
                                        .padding = padding});
}

static dnn_module *layer_norm(dnn_context *ctx) {
    return dnn_layer_norm(ctx, &(dnn_layer_norm_desc){DNN_SIZED(dnn_layer_norm_desc), .shape = {12}});
}

static dnn_module *embedding(dnn_context *ctx, int64_t num) {
    return dnn_embedding(ctx, &(dnn_embedding_desc){DNN_SIZED(dnn_embedding_desc), .num = num, .dim = 12});
}

static dnn_value linear_at(dnn_module *g, dnn_context *ctx, const char *name, int64_t in, int64_t out, dnn_value x) {
    return dnn_graph_apply(g, name, linear(ctx, in, out), x);
}

/* ---- the networks ---- */

dnn_module *golden_mlp(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "fc1", linear(ctx, 9, 20));
    dnn_sequential_add(net, "act1", dnn_relu(ctx));
    dnn_sequential_add(net, "fc2", linear(ctx, 20, 16));
    dnn_sequential_add(net, "act2", dnn_sigmoid(ctx));
    dnn_sequential_add(net, "fc3", linear(ctx, 16, 5));
    return net;
}

dnn_module *golden_max_pool(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_conv2d_desc conv1 = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 2, .out_channels = 5, .kernel = {3},
                             .padding = 1};
    dnn_conv2d_desc conv2 = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 5, .out_channels = 6, .kernel = {3, 2},
                             .padding = 1};
    dnn_sequential_add(net, "conv1", dnn_conv2d(ctx, &conv1));
    dnn_sequential_add(net, "act1", dnn_relu(ctx));
    dnn_sequential_add(net, "pool1", pool(dnn_max_pool2d, ctx, 2, 2, 0));
    dnn_sequential_add(net, "conv2", dnn_conv2d(ctx, &conv2));
    dnn_sequential_add(net, "act2", dnn_relu(ctx));
    dnn_sequential_add(net, "pool2", pool(dnn_max_pool2d, ctx, 3, 2, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", linear(ctx, 36, 4));
    return net;
}

dnn_module *golden_residual(dnn_context *ctx) {
    dnn_module *g;
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_apply(g, "conv1", conv3(ctx, 3, 6), dnn_graph_input(g));
    x = dnn_graph_apply(g, "bn1", norm(ctx, 6, 0, 0), x);
    x = dnn_graph_apply(g, "relu1", dnn_relu(ctx), x);
    dnn_value y = dnn_graph_apply(g, "conv2", conv3(ctx, 6, 6), x);
    y = dnn_graph_apply(g, "bn2", norm(ctx, 6, 0.3, 0), y);
    y = dnn_graph_apply(g, "relu2", dnn_relu(ctx), y);
    y = dnn_graph_apply(g, "conv3", conv3(ctx, 6, 6), y);
    y = dnn_graph_apply(g, "bn3", norm(ctx, 6, 0, 1e-3), y);
    y = dnn_graph_apply2(g, "add", dnn_add(ctx), x, y);
    y = dnn_graph_apply(g, "relu3", dnn_relu(ctx), y);
    dnn_reduce_desc image = {DNN_SIZED(dnn_reduce_desc), .n_axes = 2, .axes = {1, 2}};
    y = dnn_graph_apply(g, "mean", dnn_mean(ctx, &image), y);
    dnn_graph_output(g, linear_at(g, ctx, "fc", 6, 4, y));
    return g;
}

/* softmax(query keyᵀ / 4) value, of x (N, 7, 12) after a layer norm. */
static dnn_value attend(dnn_module *g, dnn_context *ctx, dnn_value x) {
    dnn_value h = dnn_graph_apply(g, "norm1", layer_norm(ctx), x);
    dnn_linear_desc unbiased = {DNN_SIZED(dnn_linear_desc), .in_features = 12, .out_features = 12, .no_bias = 1};
    dnn_value query = linear_at(g, ctx, "query", 12, 12, h), value = linear_at(g, ctx, "value", 12, 12, h);
    dnn_value key = dnn_graph_apply(g, "key", dnn_linear(ctx, &unbiased), h);
    dnn_matmul_desc transposed = {DNN_SIZED(dnn_matmul_desc), .transpose_b = 1};
    dnn_value scores = dnn_graph_apply2(g, "scores", dnn_matmul(ctx, &transposed), query, key);
    scores = dnn_graph_apply(g, "scale", dnn_scale(ctx, 0.25), scores);
    scores = dnn_graph_apply(g, "softmax", dnn_softmax(ctx, -1), scores);
    dnn_value mixed = dnn_graph_apply2(g, "mix", dnn_matmul(ctx, NULL), scores, value);
    return linear_at(g, ctx, "out", 12, 12, mixed);
}

dnn_module *golden_attention(dnn_context *ctx) {
    dnn_module *g;
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value tokens = dnn_graph_input(g), positions = dnn_graph_input(g);
    dnn_value x = dnn_graph_apply(g, "token", embedding(ctx, 17), tokens);
    dnn_value p = dnn_graph_apply(g, "position", embedding(ctx, 7), positions);
    x = dnn_graph_apply2(g, "add1", dnn_add(ctx), x, p);
    x = dnn_graph_apply2(g, "add2", dnn_add(ctx), x, attend(g, ctx, x));
    dnn_value h = dnn_graph_apply(g, "norm2", layer_norm(ctx), x);
    h = linear_at(g, ctx, "up", 12, 24, h);
    h = dnn_graph_apply(g, "gelu", dnn_gelu(ctx, DNN_GELU_EXACT), h);
    h = linear_at(g, ctx, "down", 24, 12, h);
    x = dnn_graph_apply2(g, "add3", dnn_add(ctx), x, h);
    dnn_linear_desc head = {DNN_SIZED(dnn_linear_desc), .in_features = 12, .out_features = 17, .no_bias = 1};
    dnn_graph_output(g, dnn_graph_apply(g, "head", dnn_linear(ctx, &head), x));
    return g;
}

dnn_module *golden_depthwise(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_conv2d_desc depth = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 4, .out_channels = 4, .kernel = {3},
                             .padding = 2, .dilation = {2}, .groups = 4};
    dnn_conv2d_desc point = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 4, .out_channels = 8, .kernel = {1}};
    dnn_conv2d_desc group = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 8, .out_channels = 8, .kernel = {3},
                             .stride = {2}, .groups = 2, .no_bias = 1};
    dnn_sequential_add(net, "depth", dnn_conv2d(ctx, &depth));
    dnn_sequential_add(net, "act1", dnn_silu(ctx));
    dnn_sequential_add(net, "point", dnn_conv2d(ctx, &point));
    dnn_sequential_add(net, "act2", dnn_silu(ctx));
    dnn_sequential_add(net, "group", dnn_conv2d(ctx, &group));
    dnn_sequential_add(net, "pool", pool(dnn_avg_pool2d, ctx, 2, 1, 1));
    dnn_sequential_add(net, "act3", dnn_gelu(ctx, DNN_GELU_TANH));
    dnn_sequential_add(net, "mean", dnn_adaptive_avg_pool2d(ctx, 1, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", linear(ctx, 8, 3));
    return net;
}

dnn_module *golden_regression(dnn_context *ctx) {
    dnn_module *g, *middle = linear(ctx, 14, 14);
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value x = linear_at(g, ctx, "first", 5, 14, dnn_graph_input(g));
    x = dnn_graph_apply(g, "leaky", dnn_leaky_relu(ctx, 0.1), x);
    x = dnn_graph_apply(g, "tanh1", dnn_tanh(ctx), dnn_graph_apply(g, "middle", middle, x));
    x = dnn_graph_apply(g, "tanh2", dnn_tanh(ctx), dnn_graph_apply(g, NULL, middle, x));
    dnn_graph_output(g, linear_at(g, ctx, "last", 14, 2, x));
    return g;
}
