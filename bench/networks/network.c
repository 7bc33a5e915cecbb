#include "network.h"

#include <string.h>

const network *const networks[] = {&mlp, &mlp_1, &cnn, &resnet18_32, &resnet18_cifar, &resnet18_224, &gpt, &lstm, NULL};

const network *network_find(const char *name) {
    for (const network *const *n = networks; *n; n++)
        if (strcmp((*n)->name, name) == 0) return *n;
    return NULL;
}

dnn_status network_sgd(dnn_optimizer **out, dnn_module *net) {
    return dnn_sgd_create(out, net, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 0.01, .momentum = 0.9});
}

dnn_status network_adam(dnn_optimizer **out, dnn_module *net) {
    return dnn_adam_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.001});
}

dnn_status network_adamw(dnn_optimizer **out, dnn_module *net) {
    return dnn_adamw_create(out, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.001});
}

dnn_module *network_linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

dnn_module *network_conv(dnn_context *ctx, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                         bool bias) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc),
                                              .in_channels = in,
                                              .out_channels = out,
                                              .kernel = {kernel},
                                              .stride = {stride},
                                              .padding = padding,
                                              .no_bias = !bias});
}
