/* Healthy programs on pictures: digits of 14 × 14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mistakes/healthy.h"

enum { N = 288, TESTS = 96, BATCH = 24, CLASSES = 10, SMALL = 14 };

static data small_pictures(program *p, int64_t first, int64_t n) {
    dnn_dataset *set;
    data d;
    OK(dnn_digits(&set, p->ctx, DESC(dnn_digits_desc, .count = first + n, .image_size = SMALL)));
    OK(dnn_dataset_get_range(&d.x, &d.t, set, first, n));
    OK(dnn_dataset_release(set));
    return d;
}

static void digits(program *p) {
    p->train = set_of(small_pictures(p, 0, N));
    p->test = set_of(small_pictures(p, N, TESTS));
}

static dnn_module *batch_norm(program *p, int64_t n) {
    return dnn_batch_norm(p->ctx, DESC(dnn_batch_norm_desc, .features = n));
}

static void cross_entropy(program *p) { OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL)); }

static void schedule(program *p, dnn_schedule_desc desc) {
    desc.size = sizeof desc;
    OK(dnn_schedule_create(&p->schedule, p->ctx, &desc));
}

static void plain(program *p) {
    digits(p);
    chain(p);
    add(p, "conv1", conv(p, 1, 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "conv2", conv(p, 8, 16));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "pool", pool(p));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 16 * 49, CLASSES));
    classify(p, 2e-3);
    practise(p, CLASSES, BATCH, 4);
}

static void with_batch_norm(program *p) {
    digits(p);
    chain(p);
    for (int i = 0; i < 2; i++) {
        add(p, NULL, conv(p, i ? 8 : 1, i ? 16 : 8));
        add(p, NULL, batch_norm(p, i ? 16 : 8));
        add(p, NULL, dnn_relu(p->ctx));
        add(p, NULL, pool(p));
    }
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 16 * 9, CLASSES));
    cross_entropy(p);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.02, .momentum = 0.9, .weight_decay = 1e-4)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_COSINE, .lr = 0.02, .epochs = 4});
    practise(p, CLASSES, BATCH, 4);
}

/* Bytes, cropped and scaled by the pipeline, drawn anew in each epoch. */
static dnn_dataset *augmented(program *p, data d, bool moved) {
    data b = {.t = d.t};
    dnn_transform *all;
    dnn_dataset *raw, *out;
    for (int64_t i = 0; i < dnn_tensor_count(d.x); i++) floats(d)[i] = (float)(int)(255 * floats(d)[i] + 0.5f);
    OK(dnn_tensor_cast(&b.x, d.x, DNN_U8, DNN_CAST_EXACT, NULL));
    OK(dnn_tensor_release(d.x));
    raw = set_of(b);
    OK(dnn_transform_chain(&all, p->ctx));
    if (moved) OK(dnn_transform_add(all, dnn_random_crop(p->ctx, DESC(dnn_random_crop_desc, .padding = 1))));
    OK(dnn_transform_add(all, dnn_to_float(p->ctx, NULL)));
    OK(dnn_dataset_transform(&out, raw, all, NULL));
    OK(dnn_transform_release(all));
    OK(dnn_dataset_release(raw));
    return out;
}

static void with_augmentation(program *p) {
    p->train = augmented(p, small_pictures(p, 0, N), true);
    p->test = augmented(p, small_pictures(p, N, TESTS), false);
    chain(p);
    add(p, "conv1", conv(p, 1, 16));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "pool1", pool(p));
    add(p, "conv2", conv(p, 16, 32));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "mean", dnn_adaptive_avg_pool2d(p->ctx, 4, 4));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 32 * 16, CLASSES));
    cross_entropy(p);
    OK(dnn_adamw_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 3e-3)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_WSD, .lr = 3e-3, .epochs = 4, .warmup = 0.2, .decay = 1});
    practise(p, CLASSES, BATCH, 4);
}

static void pixels(program *p) {
    digits(p);
    chain(p);
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc1", linear(p, SMALL * SMALL, 64));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 64, 64));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "fc3", linear(p, 64, CLASSES));
    cross_entropy(p);
    OK(dnn_muon_create(&p->opt, p->net, DESC(dnn_muon_desc, .adam = (const char *const[]){"fc3.*"}, .n_adam = 1)));
    practise(p, CLASSES, BATCH, 4);
}

static void separable(program *p) {
    digits(p);
    chain(p);
    add(p, "conv1", conv(p, 1, 16));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "depthwise", dnn_conv2d(p->ctx, DESC(dnn_conv2d_desc, .in_channels = 16, .out_channels = 16, .kernel = {3},
                                                .padding = 1, .groups = 16)));
    add(p, "pointwise", dnn_conv2d(p->ctx, DESC(dnn_conv2d_desc, .in_channels = 16, .out_channels = 32, .kernel = {1})));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "pool2", pool(p));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 32 * 49, CLASSES));
    cross_entropy(p);
    OK(dnn_lion_create(&p->opt, p->net, DESC(dnn_lion_desc, .lr = 1e-3)));
    practise(p, CLASSES, BATCH, 4);
}

/* Two blocks of convolution, norm and ReLU around which the input goes. */
static void residual(program *p) {
    digits(p);
    OK(dnn_graph_create(&p->net, p->ctx));
    dnn_value x = dnn_graph_apply(p->net, "stem", conv(p, 1, 8), dnn_graph_input(p->net));
    x = dnn_graph_apply(p->net, "pool", pool(p), x);
    for (int i = 0; i < 2; i++) {
        dnn_value y = dnn_graph_apply(p->net, NULL, conv(p, 8, 8), x);
        y = dnn_graph_apply(p->net, NULL, batch_norm(p, 8), y);
        y = dnn_graph_apply2(p->net, NULL, dnn_add(p->ctx), x, y);
        x = dnn_graph_apply(p->net, NULL, dnn_relu(p->ctx), y);
    }
    x = dnn_graph_apply(p->net, "pool2", pool(p), x);
    x = dnn_graph_apply(p->net, "flatten", dnn_flatten(p->ctx), x);
    OK(dnn_graph_output(p->net, dnn_graph_apply(p->net, "fc", linear(p, 8 * 9, CLASSES), x)));
    cross_entropy(p);
    OK(dnn_lamb_create(&p->opt, p->net, DESC(dnn_lamb_desc, .lr = 2e-2)));
    practise(p, CLASSES, BATCH, 4);
}

static const healthy programs[] = {
    {"CNN", "Adam", plain},
    {"CNN with batch norm", "SGD with momentum, cosine", with_batch_norm},
    {"CNN with augmentation", "AdamW, warm-up, stable, decay", with_augmentation},
    {"MLP on pixels", "Muon", pixels},
    {"depthwise separable CNN", "Lion", separable},
    {"residual CNN with batch norm", "LAMB", residual},
};

HEALTHY_MAIN(programs)
