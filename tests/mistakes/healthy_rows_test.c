/* Healthy programs on rows of a table. */
#include "mistakes/healthy.h"

enum { N = 1200, TESTS = 300, BATCH = 32 };

static void groups(program *p) {
    p->train = set_of(rows(p, 0, N));
    p->test = set_of(rows(p, N, TESTS));
}

static void curve(program *p) {
    p->train = set_of(numbers(p, 0, N));
    p->test = set_of(numbers(p, N, TESTS));
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
    groups(p);
    mlp(p, COLUMNS, 32, GROUPS);
    classify(p, 3e-3);
    practise(p, GROUPS, BATCH, 4);
}

static void sgd_cosine(program *p) {
    groups(p);
    mlp(p, COLUMNS, 32, GROUPS);
    cross_entropy(p);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.05, .momentum = 0.9, .weight_decay = 5e-4)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_COSINE, .lr = 0.05, .epochs = 5});
    practise(p, GROUPS, BATCH, 5);
}

static void wide(program *p) {
    groups(p);
    mlp(p, COLUMNS, 256, GROUPS);
    cross_entropy(p);
    OK(dnn_adamw_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 2e-3)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_ONE_CYCLE, .lr = 2e-3, .epochs = 4});
    practise(p, GROUPS, BATCH, 4);
}

static void tiny(program *p) {
    groups(p);
    mlp(p, COLUMNS, 8, GROUPS);
    cross_entropy(p);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.1)));
    practise(p, GROUPS, BATCH, 6);
}

static void deep(program *p) {
    groups(p);
    chain(p);
    add(p, "fc0", linear(p, COLUMNS, 32));
    for (int i = 0; i < 5; i++) {
        add(p, NULL, batch_norm(p, 32));
        add(p, NULL, dnn_relu(p->ctx));
        add(p, NULL, linear(p, 32, i < 4 ? 32 : GROUPS));
    }
    cross_entropy(p);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.05, .momentum = 0.9, .nesterov = 1)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_STEP, .lr = 0.05, .period = 2});
    practise(p, GROUPS, BATCH, 5);
}

static void dropout(program *p) {
    groups(p);
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 64));
    add(p, "norm1", dnn_layer_norm(p->ctx, DESC(dnn_layer_norm_desc, .shape = {64})));
    add(p, "gelu1", dnn_gelu(p->ctx, DNN_GELU_EXACT));
    add(p, "dropout1", dnn_dropout(p->ctx, 0.2));
    add(p, "fc2", linear(p, 64, GROUPS));
    cross_entropy(p);
    OK(dnn_adamw_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 3e-3)));
    schedule(p, (dnn_schedule_desc){.kind = DNN_SCHEDULE_POLYNOMIAL, .lr = 3e-3, .epochs = 5, .warmup = 0.5});
    practise(p, GROUPS, BATCH, 5);
}

static void logistic(program *p) {
    groups(p);
    chain(p);
    add(p, "fc", linear(p, COLUMNS, GROUPS));
    cross_entropy(p);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.1)));
    practise(p, GROUPS, BATCH, 6);
}

static void residual(program *p) {
    groups(p);
    OK(dnn_graph_create(&p->net, p->ctx));
    dnn_value x = dnn_graph_apply(p->net, "in", linear(p, COLUMNS, 32), dnn_graph_input(p->net));
    for (int i = 0; i < 3; i++) {
        dnn_value y = dnn_graph_apply(p->net, NULL, dnn_silu(p->ctx), x);
        y = dnn_graph_apply(p->net, NULL, linear(p, 32, 32), y);
        x = dnn_graph_apply2(p->net, NULL, dnn_add(p->ctx), x, y);
    }
    OK(dnn_graph_output(p->net, dnn_graph_apply(p->net, "out", linear(p, 32, GROUPS), x)));
    cross_entropy(p);
    OK(dnn_rmsprop_create(&p->opt, p->net, DESC(dnn_rmsprop_desc, .lr = 1e-3)));
    practise(p, GROUPS, BATCH, 4);
}

static void regression(program *p) {
    curve(p);
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 48));
    add(p, "tanh1", dnn_tanh(p->ctx));
    add(p, "fc2", linear(p, 48, 48));
    add(p, "tanh2", dnn_tanh(p->ctx));
    add(p, "fc3", linear(p, 48, 1));
    regress(p, 3e-3);
    practise(p, 0, BATCH, 6);
}

static void robust(program *p) {
    curve(p);
    mlp(p, COLUMNS, 48, 1);
    OK(dnn_huber_create(&p->loss, p->ctx, NULL));
    OK(dnn_adagrad_create(&p->opt, p->net, DESC(dnn_adagrad_desc, .lr = 2e-2)));
    practise(p, 0, BATCH, 8);
}

/* Float32 (n, 1) of 0 and 1. */
static data yes_or_no(program *p, int64_t first, int64_t n) {
    data d = numbers(p, first, n);
    float *t = dnn_tensor_data(d.t);
    for (int64_t i = 0; i < n; i++) t[i] = t[i] > 0;
    return d;
}

static void binary(program *p) {
    p->train = set_of(yes_or_no(p, 0, N));
    p->test = set_of(yes_or_no(p, N, TESTS));
    mlp(p, COLUMNS, 32, 1);
    OK(dnn_bce_with_logits_create(&p->loss, p->ctx, NULL));
    OK(dnn_nadam_create(&p->opt, p->net, DESC(dnn_nadam_desc, .lr = 2e-3)));
    practise(p, 0, BATCH, 6);
}

/* The target is the input. */
static data itself(program *p, int64_t first, int64_t n) {
    data d = rows(p, first, n);
    OK(dnn_tensor_release(d.t));
    OK(dnn_tensor_clone(&d.t, d.x));
    return d;
}

static void autoencoder(program *p) {
    p->train = set_of(itself(p, 0, N));
    p->test = set_of(itself(p, N, TESTS));
    chain(p);
    add(p, "encode1", linear(p, COLUMNS, 32));
    add(p, "tanh1", dnn_tanh(p->ctx));
    add(p, "encode2", linear(p, 32, 3));
    add(p, "decode1", linear(p, 3, 32));
    add(p, "tanh2", dnn_tanh(p->ctx));
    add(p, "decode2", linear(p, 32, COLUMNS));
    regress(p, 3e-3);
    practise(p, 0, BATCH, 5);
}

static const healthy programs[] = {
    {"MLP", "Adam", plain},
    {"MLP, weight decay", "SGD with momentum, cosine", sgd_cosine},
    {"wide MLP", "AdamW, one-cycle", wide},
    {"tiny MLP", "SGD", tiny},
    {"deep MLP with batch norm", "Nesterov's SGD, step", deep},
    {"MLP with layer norm, GELU and dropout", "AdamW, warm-up and a line", dropout},
    {"logistic regression", "SGD", logistic},
    {"residual MLP", "RMSprop", residual},
    {"regression with tanh", "Adam", regression},
    {"regression, Huber's loss", "Adagrad", robust},
    {"yes or no", "NAdam", binary},
    {"autoencoder", "Adam", autoencoder},
};

HEALTHY_MAIN(programs)
