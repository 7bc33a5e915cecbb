/* Two 3×3 convolutions, 1→32→64, each with ReLU and a 2×2 pool; 3136-128-10 behind. Images of 28×28, batches of 64. */
#include "network.h"

static dnn_module *pool(dnn_context *ctx) {
    return dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {2}});
}

static dnn_module *build(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "conv1", network_conv(ctx, 1, 32, 3, 1, 1, true));
    dnn_sequential_add(net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(net, "pool1", pool(ctx));
    dnn_sequential_add(net, "conv2", network_conv(ctx, 32, 64, 3, 1, 1, true));
    dnn_sequential_add(net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(net, "pool2", pool(ctx));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc1", network_linear(ctx, 3136, 128));
    dnn_sequential_add(net, "relu3", dnn_relu(ctx));
    dnn_sequential_add(net, "fc2", network_linear(ctx, 128, 10));
    return net;
}

static const dnn_flattened flattened[] = {{"fc1.weight", 7, 7, 64}};

const network cnn = {.name = "cnn",
                     .build = build,
                     .optimizer = network_adam,
                     .input = {NULL, DNN_F32, 4, {64, 28, 28, 1}},
                     .target = {NULL, DNN_I64, 1, {64}},
                     .classes = 10,
                     .flattened = flattened,
                     .n_flattened = 1};
