/* Mistakes in networks, losses and how the two fit, which the preflight sees before the first step. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 240, TESTS = 80, BATCH = 32, CLASSES = 10 };

/* The preflight, and training where it has no objection. Its own trainings, which take seconds for each program, are
 * left to preflight_training_test and preflight_healthy_test. */
static void fly(program *p, dnn_preflight_desc desc) {
    desc.skip |= DNN_PREFLIGHT_NO_OVERFIT | DNN_PREFLIGHT_NO_BASELINES | DNN_PREFLIGHT_NO_REHEARSAL;
    preflight(p, desc);
    load(p, BATCH, 1);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

#define FLY(p, ...) fly(p, (dnn_preflight_desc){DNN_SIZED(dnn_preflight_desc), .batch_size = BATCH, __VA_ARGS__})

static dnn_module *linear_with(program *p, int64_t in, int64_t out, dnn_init weight, dnn_init bias) {
    return dnn_linear(p->ctx, DESC(dnn_linear_desc, .in_features = in, .out_features = out, .weight_init = &weight,
                                   .bias_init = &bias));
}

static dnn_init constant(double a) { return (dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = a}; }
static dnn_init normal(double std) { return (dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = std}; }
static dnn_init usual(void) { return (dnn_init){DNN_SIZED(dnn_init)}; }

/* ---- how a network begins ---- */

/* Starting values of zero: all units of a layer are one. */
static void zero_weights(program *p) {
    dnn_init w = p->mistaken ? constant(0) : usual();
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "fc1", linear_with(p, COLUMNS, 16, w, w));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear_with(p, 16, GROUPS, w, w));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* One value for all, as a first try of one's own. */
static void equal_weights(program *p) {
    dnn_init w = p->mistaken ? constant(0.1) : usual();
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "fc1", linear_with(p, COLUMNS, 16, w, w));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear_with(p, 16, GROUPS, w, w));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* Starting values as large as their inputs: N(0, 1) for 784 of them. */
static void large_weights(program *p) {
    p->train = set_of(pictures(p, 0, N));
    chain(p);
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc1", linear_with(p, SIDE * SIDE, 32, p->mistaken ? normal(1) : usual(), usual()));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear_with(p, 32, CLASSES, p->mistaken ? normal(1) : usual(), usual()));
    classify(p, 1e-3);
    FLY(p, .low = 0);
}

/* A bias that was meant for other inputs: no unit ever fires. */
static void dead_from_the_start(program *p) {
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "fc1", linear_with(p, COLUMNS, 16, usual(), p->mistaken ? constant(-8) : usual()));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 16, GROUPS));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* Frozen for an experiment that was over long ago. */
static void forgotten_freeze(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    if (p->mistaken) OK(dnn_module_freeze(p->net, "fc2.*"));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* A second branch was written, and never joined to the output. */
static void branch_without_end(program *p) {
    p->train = set_of(rows(p, 0, N));
    OK(dnn_graph_create(&p->net, p->ctx));
    dnn_value x = dnn_graph_input(p->net);
    dnn_value a = dnn_graph_apply(p->net, "relu_a", dnn_relu(p->ctx),
                                  dnn_graph_apply(p->net, "fc_a", linear(p, COLUMNS, 16), x));
    dnn_value b = dnn_graph_apply(p->net, "relu_b", dnn_relu(p->ctx),
                                  dnn_graph_apply(p->net, "fc_b", linear(p, COLUMNS, 16), x));
    dnn_value sum = dnn_graph_apply2(p->net, "sum", dnn_add(p->ctx), a, p->mistaken ? a : b);
    OK(dnn_graph_output(p->net, dnn_graph_apply(p->net, "fc", linear(p, 16, GROUPS), sum)));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* ---- outputs and loss ---- */

static void softmax_and_loss(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    if (p->mistaken) add(p, "softmax", dnn_softmax(p->ctx, -1));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* Two classes as numbers 0 and 1, float32 (n, 1). */
static data yes_or_no(program *p) {
    data d = numbers(p, 0, N);
    float *t = dnn_tensor_data(d.t);
    for (int64_t i = 0; i < N; i++) t[i] = t[i] > 0;
    return d;
}

static void sigmoid_and_loss(program *p) {
    p->train = set_of(yes_or_no(p));
    mlp(p, COLUMNS, 16, 1);
    if (p->mistaken) add(p, "sigmoid", dnn_sigmoid(p->ctx));
    OK(dnn_bce_with_logits_create(&p->loss, p->ctx, NULL));
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 5e-3)));
    FLY(p, .low = 0);
}

/* A softmax over one unit is 1, whatever comes in. */
static void softmax_of_one(program *p) {
    p->train = set_of(yes_or_no(p));
    mlp(p, COLUMNS, 16, 1);
    add(p, "out", p->mistaken ? dnn_softmax(p->ctx, -1) : dnn_sigmoid(p->ctx));
    regress(p, 5e-3);
    FLY(p, .low = 0);
}

/* A thousand classes from the network that was copied, ten in the data. */
static void too_many_classes(program *p) {
    p->train = set_of(pictures(p, 0, N));
    cnn(p, p->mistaken ? 1000 : CLASSES);
    classify(p, 1e-3);
    FLY(p, .low = 0);
}

static void too_few_classes(program *p) {
    p->train = set_of(pictures(p, 0, N));
    cnn(p, p->mistaken ? CLASSES - 1 : CLASSES);
    classify(p, 1e-3);
    FLY(p, .low = 0);
}

static void sum_for_mean(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx,
                                DESC(dnn_cross_entropy_desc,
                                     .reduction = p->mistaken ? DNN_REDUCTION_SUM : DNN_REDUCTION_MEAN)));
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 5e-3)));
    FLY(p, .low = 0);
}

/* Class numbers as float32, since the reader gives nothing else. */
static void labels_as_floats(program *p) {
    data d = rows(p, 0, N), f = {.x = d.x};
    if (p->mistaken) OK(dnn_tensor_cast(&f.t, d.t, DNN_F32, DNN_CAST_EXACT, NULL));
    if (p->mistaken) OK(dnn_tensor_release(d.t));
    p->train = set_of(p->mistaken ? f : d);
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* Prices in units of one: what the network says at first is all wrong by their mean. */
static void targets_not_scaled(program *p) {
    data d = numbers(p, 0, N);
    float *t = dnn_tensor_data(d.t);
    for (int64_t i = 0; i < N && p->mistaken; i++) t[i] = 200000 + 30000 * t[i];
    p->train = set_of(d);
    mlp(p, COLUMNS, 16, 1);
    regress(p, 5e-3);
    FLY(p, .low = 0);
}

/* ---- what the network sees ---- */

/* A layer of the program's own, whose backward is wrong: it trains, only worse. */
static void wrong_gradient(program *p) {
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 16));
    add(p, "softsign", softsign(p, p->mistaken));
    add(p, "fc2", linear(p, 16, GROUPS));
    classify(p, 5e-3);
    FLY(p, .low = 0);
}

/* Half a gigabyte of activations where there is a tenth of that. */
static void too_large(program *p) {
    p->train = set_of(pictures(p, 0, N));
    chain(p);
    add(p, "conv1", conv(p, 1, p->mistaken ? 64 : 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "pool1", dnn_adaptive_avg_pool2d(p->ctx, 4, 4));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, (p->mistaken ? 64 : 8) * 16, CLASSES));
    classify(p, 1e-3);
    FLY(p, .memory_budget = 8 << 20);
}

/* ---- how data come to it ---- */

/* Augmentation by a function of the program's own, which draws by the sample's number and forgets the epoch. */
static dnn_status move_always_alike(void *user, int64_t index, int64_t epoch, const dnn_array *from,
                                    const dnn_array *label, const dnn_array *to, const dnn_array *same) {
    const float *x = from->data;
    float *y = to->data;
    int64_t by = (index * 7 + (user ? epoch * 3 : 0)) % 5;
    (void)label, (void)same;
    for (int64_t i = 0; i < SIDE * SIDE; i++) y[i] = i >= by ? x[i - by] : 0;
    return DNN_OK;
}

static void same_augmentation(program *p) {
    dnn_dataset *source = set_of(pictures(p, 0, N));
    OK(dnn_dataset_map(&p->train, source, DESC(dnn_map_desc, .map = move_always_alike,
                                               .user = p->mistaken ? NULL : p)));
    OK(dnn_dataset_release(source));
    cnn(p, CLASSES);
    classify(p, 1e-3);
    FLY(p, .augments = 1);
}

/* The pipeline of the training set is used for the validation set as well. */
static void augmented_validation(program *p) {
    dnn_dataset *source = set_of(pictures(p, N, TESTS));
    p->train = set_of(pictures(p, 0, N));
    OK(dnn_dataset_map(&p->test, source, DESC(dnn_map_desc, .map = move_always_alike, .user = p->mistaken ? p : NULL)));
    OK(dnn_dataset_release(source));
    cnn(p, CLASSES);
    classify(p, 1e-3);
    FLY(p, .validation = p->test);
}

static void standardise(dnn_dataset **set, program *p, const dnn_statistics *statistics) {
    dnn_transform *by = dnn_transform_standardize(p->ctx, statistics);
    dnn_dataset *raw = *set;
    OK(dnn_dataset_transform(set, raw, by, NULL));
    OK(dnn_transform_release(by));
    OK(dnn_dataset_release(raw));
}

static data raw_rows(program *p, int64_t first, int64_t n) {
    data d = rows(p, first, n);
    for (int64_t i = 0; i < n * COLUMNS; i++) floats(d)[i] = 40 + 12 * floats(d)[i];
    return d;
}

/* The training set is standardised, the set that predictions are made for is not. */
static void validation_not_standardised(program *p) {
    dnn_statistics *statistics;
    p->train = set_of(raw_rows(p, 0, N));
    p->test = set_of(raw_rows(p, N, TESTS));
    OK(dnn_statistics_fit(&statistics, p->train, NULL));
    standardise(&p->train, p, statistics);
    if (!p->mistaken) standardise(&p->test, p, statistics);
    OK(dnn_statistics_release(statistics));
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    FLY(p, .validation = p->test);
}

/* Statistics are fitted, and then not used. */
static void fitted_in_vain(program *p) {
    dnn_statistics *statistics;
    p->train = set_of(raw_rows(p, 0, N));
    OK(dnn_statistics_fit(&statistics, p->train, NULL));
    chain(p);
    if (!p->mistaken) add(p, "standardize", dnn_standardize(p->ctx, statistics));
    add(p, "fc1", linear(p, COLUMNS, 16));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 16, GROUPS));
    classify(p, 5e-3);
    FLY(p, .statistics = statistics);
    OK(dnn_statistics_release(statistics));
}

/* The program says 0 … 255, the pictures are 0 … 1. */
static void wrong_range(program *p) {
    p->train = set_of(pictures(p, 0, N));
    cnn(p, CLASSES);
    classify(p, 1e-3);
    FLY(p, .low = 0, .high = p->mistaken ? 255 : 1);
}

static const mistake mistakes[] = {
    {"all weights zero", "all-zero-weights", "dnn_preflight", "fc1", zero_weights},
    {"all weights equal", "all-zero-weights", "dnn_preflight", "fc1", equal_weights},
    {"starting values too large", "first-loss-high", "dnn_preflight", "2.303", large_weights},
    {"ReLUs dead from the start", "dead-units", "dnn_preflight", "relu1", dead_from_the_start},
    {"a frozen layer nobody meant to freeze", "frozen-parameters", "dnn_preflight", "fc2", forgotten_freeze},
    {"a branch that leads nowhere", "parameters-without-gradient", "dnn_preflight", "fc_b", branch_without_end},
    {"softmax before a loss that takes logits", "softmax-before-loss", "dnn_preflight", NULL, softmax_and_loss},
    {"sigmoid before a loss that takes logits", "sigmoid-before-loss", "dnn_preflight", NULL, sigmoid_and_loss},
    {"a softmax over one unit", "constant-loss", "dnn_preflight", NULL, softmax_of_one},
    {"wrong number of classes: too many", "wrong-class-count", "dnn_preflight", "1000", too_many_classes},
    {"wrong number of classes: too few", "wrong-class-count", "dnn_preflight", "9", too_few_classes},
    {"sum for mean in the loss", "loss-sum-for-mean", "dnn_preflight", NULL, sum_for_mean},
    {"class numbers as floats", "loss-does-not-fit", "dnn_preflight", NULL, labels_as_floats},
    {"targets of a regression not scaled", "first-loss-high", "dnn_preflight", NULL, targets_not_scaled},
    {"a wrong gradient in a layer of one's own", "gradient-wrong", "dnn_preflight", "softsign", wrong_gradient},
    {"more memory than there is", "memory", "dnn_preflight", NULL, too_large},
    {"the same augmentation every epoch", "same-every-epoch", "dnn_preflight", NULL, same_augmentation},
    {"augmentation of the validation set", "validation-changes", "dnn_preflight", "validation", augmented_validation},
    {"statistics not applied when predicting", "statistics-not-applied", "dnn_preflight", NULL,
     validation_not_standardised},
    {"statistics fitted and not applied", "statistics-not-applied", "dnn_preflight", NULL, fitted_in_vain},
    {"a declared range that is wrong", "range-declared-wrong", "dnn_preflight", "255", wrong_range},
};

MISTAKES_MAIN(mistakes)
