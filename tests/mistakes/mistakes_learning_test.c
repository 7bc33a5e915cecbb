/* Runs that would not learn, or would not come to their end: the preflight finds out by trying, on copies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 240, TESTS = 80, BATCH = 32 };

static void fly(program *p, dnn_preflight_desc desc) {
    desc.size = sizeof desc;
    desc.batch_size = BATCH;
    desc.validation = p->test;
    preflight(p, desc);
    load(p, BATCH, 1);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

/* The answer is of both signs, and the last layer is a ReLU. */
static void relu_at_the_end(program *p) {
    p->train = set_of(numbers(p, 0, N));
    mlp(p, COLUMNS, 64, 1);
    if (p->mistaken) add(p, "relu3", dnn_relu(p->ctx));
    regress(p, 3e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* The same with prices up to 3, and a sigmoid, which ends at 1. */
static void sigmoid_at_the_end(program *p) {
    data d = numbers(p, 0, N);
    float *t = dnn_tensor_data(d.t);
    for (int64_t i = 0; i < N; i++) t[i] += 1.6f;
    p->train = set_of(d);
    mlp(p, COLUMNS, 64, 1);
    if (p->mistaken) add(p, "sigmoid", dnn_sigmoid(p->ctx));
    regress(p, 3e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* The part of the network that sees the data is scaled by next to nothing. */
static void ignores_input(program *p) {
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "faint", dnn_scale(p->ctx, p->mistaken ? 1e-8 : 1));
    add(p, "fc1", linear(p, COLUMNS, 32));
    add(p, "tanh1", dnn_tanh(p->ctx));
    add(p, "fc2", linear(p, 32, GROUPS));
    classify(p, 5e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* Two classes that lie crosswise, as float32 rows and int64 labels. */
static data crosswise(program *p, int64_t first, int64_t n) {
    data d = numbers(p, first, n);
    dnn_tensor *t;
    OK(dnn_tensor_create(&t, p->ctx, DNN_I64, 1, &n));
    for (int64_t i = 0; i < n; i++) {
        const float *x = floats(d) + i * COLUMNS;
        ((int64_t *)dnn_tensor_data(t))[i] = x[0] * x[1] > 0;
    }
    OK(dnn_tensor_release(d.t));
    d.t = t;
    return d;
}

/* No activation: three layers are one, and a plane cannot part what lies crosswise. */
static void no_activation(program *p) {
    p->train = set_of(crosswise(p, 0, 2 * N));
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 64));
    if (!p->mistaken) add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 64, 64));
    if (!p->mistaken) add(p, "relu2", dnn_relu(p->ctx));
    add(p, "fc3", linear(p, 64, 2));
    classify(p, 5e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* Labels that have nothing to do with the inputs. */
static void labels_of_chance(program *p) {
    data d = rows(p, 0, 2 * N), e = rows(p, 5 * N, 2 * N);
    for (int64_t i = 0; i < 2 * N && p->mistaken; i++) labels(d)[i] = labels(e)[i];
    OK(dnn_dataset_release(set_of(e)));
    p->train = set_of(d);
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* A rate that was right for another optimizer. */
static void rate_of_another(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 32, GROUPS);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = p->mistaken ? 2e-4 : 0.1)));
    fly(p, (dnn_preflight_desc){.low = 0});
}

/* Checkpoints go to a path at which there is a file. */
static void checkpoints_nowhere(program *p) {
    char folder[128], file[128];
    dnn_preflight_desc desc = {.folder = program_path(p, folder, "run")};
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    if (p->mistaken) {
        OK(dnn_weights_save(p->net, program_path(p, file, "file"), NULL));
        desc.folder = file;
    }
    fly(p, desc);
}

static dnn_status full_log(void *user, int64_t step, double loss) {
    (void)step, (void)loss;
    return user ? dnn_fail(DNN_ERROR_IO, "log.txt: no space left on device") : DNN_OK;
}

/* The log cannot be written to: seen in the rehearsal, and not after the first epoch. */
static void log_that_fails(program *p) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    fly(p, (dnn_preflight_desc){.log = full_log, .log_user = p->mistaken ? p : NULL});
}

/* A validation set with a class that the network has not. */
static void other_classes_in_validation(program *p) {
    data test = rows(p, N, TESTS);
    for (int64_t i = 0; i < TESTS && p->mistaken; i += 9) labels(test)[i] = GROUPS;
    p->train = set_of(rows(p, 0, N));
    p->test = set_of(test);
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    fly(p, (dnn_preflight_desc){.low = 0});
}

static const mistake mistakes[] = {
    {"a ReLU at the end of a regression", "does-not-overfit", "dnn_preflight", NULL, relu_at_the_end},
    {"a sigmoid at the end of a regression", "does-not-overfit", "dnn_preflight", NULL, sigmoid_at_the_end},
    {"a network that ignores its input", "ignores-input", "dnn_preflight", NULL, ignores_input},
    {"no activation between the layers", "does-not-overfit", "dnn_preflight", NULL, no_activation},
    {"labels of chance", "no-better-than-prior", "dnn_preflight", NULL, labels_of_chance},
    {"a rate of another optimizer", "rate-too-low", "dnn_preflight", NULL, rate_of_another},
    {"checkpoints that cannot be written", "rehearsal-failed", "dnn_preflight", "file", checkpoints_nowhere},
    {"a log that cannot be written", "rehearsal-failed", "dnn_preflight", "no space", log_that_fails},
    {"a class that is in the validation set alone", "labels-out-of-range", "dnn_preflight", "validation",
     other_classes_in_validation},
};

MISTAKES_MAIN(mistakes)
