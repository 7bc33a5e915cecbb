/* LSTM 64→128 over 64 steps, and a linear layer 128→10 on the last output. Batches of 32. */
#include "network.h"

static dnn_module *build(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "lstm", dnn_lstm(ctx, &(dnn_rnn_desc){DNN_SIZED(dnn_rnn_desc), .inputs = 64, .hidden = 128}));
    dnn_sequential_add(net, "last", dnn_slice(ctx, 1, -1, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "head", network_linear(ctx, 128, 10));
    return net;
}

const network lstm = {.name = "lstm",
                      .build = build,
                      .optimizer = network_adam,
                      .input = {NULL, DNN_F32, 3, {32, 64, 64}},
                      .target = {NULL, DNN_I64, 1, {32}},
                      .classes = 10};
