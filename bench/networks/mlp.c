/* 784-512-512-10 with ReLU between, on batches of 128 and of 1. */
#include "network.h"

static dnn_module *build(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "fc1", network_linear(ctx, 784, 512));
    dnn_sequential_add(net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(net, "fc2", network_linear(ctx, 512, 512));
    dnn_sequential_add(net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(net, "fc3", network_linear(ctx, 512, 10));
    return net;
}

const network mlp = {.name = "mlp",
                     .build = build,
                     .optimizer = network_sgd,
                     .input = {NULL, DNN_F32, 2, {128, 784}},
                     .target = {NULL, DNN_I64, 1, {128}},
                     .classes = 10};

const network mlp_1 = {.name = "mlp_1",
                       .build = build,
                       .optimizer = network_sgd,
                       .input = {NULL, DNN_F32, 2, {1, 784}},
                       .target = {NULL, DNN_I64, 1, {1}},
                       .classes = 10};
