/* ResNet-18 (He et al. 2015, option B) as torchvision has it, names included.
 *   resnet18_224    1000 classes, 224×224, batch 16
 *   resnet18_32     the same network, 10 classes, on images of 32×32: the stem leaves 8×8; batch 64
 *   resnet18_cifar  as is usual for images that small: a 3×3 stem with stride 1 and no pool leaves 32×32;
 *                   batch 64 */
#include "network.h"

static dnn_module *norm(dnn_context *ctx, int64_t features) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

static dnn_module *downsample(dnn_context *ctx, int64_t in, int64_t out, int64_t stride) {
    dnn_module *pair;
    if (dnn_sequential_create(&pair, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(pair, NULL, network_conv(ctx, in, out, 1, stride, 0, false));
    dnn_sequential_add(pair, NULL, norm(ctx, out));
    return pair;
}

/* relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)) */
static dnn_module *basic_block(dnn_context *ctx, int64_t in, int64_t out, int64_t stride) {
    dnn_module *g;
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_input(g);
    dnn_value y = dnn_graph_apply(g, "conv1", network_conv(ctx, in, out, 3, stride, 1, false), x);
    y = dnn_graph_apply(g, "bn1", norm(ctx, out), y);
    y = dnn_graph_apply(g, "relu1", dnn_relu(ctx), y);
    y = dnn_graph_apply(g, "conv2", network_conv(ctx, out, out, 3, 1, 1, false), y);
    y = dnn_graph_apply(g, "bn2", norm(ctx, out), y);
    if (stride != 1 || in != out) x = dnn_graph_apply(g, "downsample", downsample(ctx, in, out, stride), x);
    y = dnn_graph_apply2(g, "add", dnn_add(ctx), y, x);
    dnn_graph_output(g, dnn_graph_apply(g, "relu2", dnn_relu(ctx), y));
    return g;
}

static dnn_module *stage(dnn_context *ctx, int64_t in, int64_t out, int64_t stride) {
    dnn_module *blocks;
    if (dnn_sequential_create(&blocks, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(blocks, NULL, basic_block(ctx, in, out, stride));
    dnn_sequential_add(blocks, NULL, basic_block(ctx, out, out, 1));
    return blocks;
}

static void add_stem(dnn_module *net, dnn_context *ctx, bool cifar) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {3}, .stride = {2}, .padding = 1};
    dnn_sequential_add(net, "conv1", cifar ? network_conv(ctx, 3, 64, 3, 1, 1, false)
                                           : network_conv(ctx, 3, 64, 7, 2, 3, false));
    dnn_sequential_add(net, "bn1", norm(ctx, 64));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    if (!cifar) dnn_sequential_add(net, "maxpool", dnn_max_pool2d(ctx, &pool));
}

static dnn_module *build(dnn_context *ctx, bool cifar, int64_t classes) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    add_stem(net, ctx, cifar);
    dnn_sequential_add(net, "layer1", stage(ctx, 64, 64, 1));
    dnn_sequential_add(net, "layer2", stage(ctx, 64, 128, 2));
    dnn_sequential_add(net, "layer3", stage(ctx, 128, 256, 2));
    dnn_sequential_add(net, "layer4", stage(ctx, 256, 512, 2));
    dnn_sequential_add(net, "avgpool", dnn_adaptive_avg_pool2d(ctx, 1, 1));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", network_linear(ctx, 512, classes));
    return net;
}

static dnn_module *build_224(dnn_context *ctx) { return build(ctx, false, 1000); }
static dnn_module *build_32(dnn_context *ctx) { return build(ctx, false, 10); }
static dnn_module *build_cifar(dnn_context *ctx) { return build(ctx, true, 10); }

const network resnet18_224 = {.name = "resnet18_224",
                              .build = build_224,
                              .optimizer = network_sgd,
                              .input = {NULL, DNN_F32, 4, {16, 224, 224, 3}},
                              .target = {NULL, DNN_I64, 1, {16}},
                              .classes = 1000};

const network resnet18_32 = {.name = "resnet18_32",
                             .build = build_32,
                             .optimizer = network_sgd,
                             .input = {NULL, DNN_F32, 4, {64, 32, 32, 3}},
                             .target = {NULL, DNN_I64, 1, {64}},
                             .classes = 10};

const network resnet18_cifar = {.name = "resnet18_cifar",
                                .build = build_cifar,
                                .optimizer = network_sgd,
                                .input = {NULL, DNN_F32, 4, {64, 32, 32, 3}},
                                .target = {NULL, DNN_I64, 1, {64}},
                                .classes = 10};
