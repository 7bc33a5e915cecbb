/* Mistakes in the loop and in what it is run with, which the monitor sees while training goes on. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 320, TESTS = 64, BATCH = 16, EPOCHS = 20 };

static void three_groups(program *p) {
    p->train = set_of(rows(p, 0, N));
    p->test = set_of(rows(p, N, TESTS));
    mlp(p, COLUMNS, 16, GROUPS);
}

/* Adam at a rate that suits it, and the whole run, watched. */
static void train(program *p, double lr) {
    classify(p, lr);
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

static void train_sgd(program *p, double lr, double momentum) {
    if (!p->loss) OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = lr, .momentum = momentum)));
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

/* ---- the order of calls ---- */

static void never_cleared(program *p) {
    const dnn_tensor *x, *target, *y, *dy;
    three_groups(p);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
    while (dnn_loader_next(p->loader, &x, &target) == DNN_OK) {
        if (!p->mistaken) OK(dnn_optimizer_zero_grad(p->opt));
        OK(dnn_module_forward(p->net, x, &y));
        OK(dnn_loss_evaluate(p->loss, y, target, &p->value, &dy));
        OK(dnn_module_backward(p->net, dy, NULL));
        OK(dnn_monitor_step(p->monitor, p->value));
        OK(dnn_optimizer_step(p->opt));
    }
    tell_watched(p);
}

static void step_before_backward(program *p) {
    const dnn_tensor *x, *target, *y, *dy;
    three_groups(p);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
    while (dnn_loader_next(p->loader, &x, &target) == DNN_OK) {
        OK(dnn_optimizer_zero_grad(p->opt));
        OK(dnn_module_forward(p->net, x, &y));
        OK(dnn_loss_evaluate(p->loss, y, target, &p->value, &dy));
        if (p->mistaken) OK(dnn_optimizer_step(p->opt));
        OK(dnn_module_backward(p->net, dy, NULL));
        OK(dnn_monitor_step(p->monitor, p->value));
        if (!p->mistaken) OK(dnn_optimizer_step(p->opt));
    }
    tell_watched(p);
}

/* Four small batches make one step, and nobody has said so: their gradients are four times too large. */
static void undeclared_accumulation(program *p) {
    const dnn_tensor *x, *target, *y, *dy;
    three_groups(p);
    classify(p, 5e-3);
    load(p, BATCH / 4, 1);
    if (!p->mistaken) OK(dnn_optimizer_set_accumulation(p->opt, 4));
    watch(p);
    for (int64_t i = 1; dnn_loader_next(p->loader, &x, &target) == DNN_OK; i++) {
        if (i % 4 == 1) OK(dnn_optimizer_zero_grad(p->opt));
        OK(dnn_module_forward(p->net, x, &y));
        OK(dnn_loss_evaluate(p->loss, y, target, &p->value, &dy));
        OK(dnn_module_backward(p->net, dy, NULL));
        if (i % 4 != 0) continue;
        OK(dnn_monitor_step(p->monitor, p->value));
        OK(dnn_optimizer_step(p->opt));
    }
    tell_watched(p);
}

/* A new loader for every epoch, each with the same seed: every epoch is epoch 0. */
static void one_seed_for_all_epochs(program *p) {
    three_groups(p);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
    for (int epoch = 0; epoch < 4; epoch++) {
        fit(p, 1);
        if (!p->mistaken) continue;
        OK(dnn_loader_release(p->loader));
        load(p, BATCH, 1);
    }
    tell_watched(p);
}

/* ---- modes ---- */

static void with_dropout(program *p) {
    p->train = set_of(rows(p, 0, N));
    p->test = set_of(rows(p, N, TESTS));
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 32));
    add(p, "norm1", dnn_batch_norm(p->ctx, DESC(dnn_batch_norm_desc, .features = 32)));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "dropout", dnn_dropout(p->ctx, 0.2));
    add(p, "fc2", linear(p, 32, GROUPS));
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
}

static void evaluated_in_train_mode(program *p) {
    with_dropout(p);
    for (int epoch = 0; epoch < 3; epoch++) {
        fit(p, 1);
        if (!p->mistaken) OK(dnn_module_eval(p->net));
        OK(dnn_monitor_validate(p->monitor, evaluate(p)));
    }
    tell_watched(p);
}

/* Back to training was forgotten after the first validation. */
static void trained_in_eval_mode(program *p) {
    const dnn_tensor *x, *target;
    with_dropout(p);
    OK(dnn_module_set_gradients(p->net, DNN_GRADIENTS_EVAL));
    for (int epoch = 0; epoch < 3; epoch++) {
        if (epoch == 0 || !p->mistaken) OK(dnn_module_train(p->net));
        while (dnn_loader_next(p->loader, &x, &target) == DNN_OK) step(p, x, target);
        OK(dnn_module_eval(p->net));
        OK(dnn_monitor_validate(p->monitor, evaluate(p)));
    }
    tell_watched(p);
}

/* ---- rate, decay, optimizer ---- */

static void rate_too_high(program *p) {
    p->train = set_of(numbers(p, 0, N));
    mlp(p, COLUMNS, 16, 1);
    OK(dnn_mse_create(&p->loss, p->ctx, NULL));
    train_sgd(p, p->mistaken ? 2 : 0.02, 0.9);
}

static void rate_too_low(program *p) {
    three_groups(p);
    train(p, p->mistaken ? 5e-6 : 5e-3);
}

/* A rate at which units saturate, and are thrown from one side to the other: the loss stays, and nothing diverges. */
static void updates_too_large(program *p) {
    p->train = set_of(numbers(p, 0, N));
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 32));
    add(p, "tanh1", dnn_tanh(p->ctx));
    add(p, "fc2", linear(p, 32, 32));
    add(p, "tanh2", dnn_tanh(p->ctx));
    add(p, "fc3", linear(p, 32, 1));
    regress(p, p->mistaken ? 0.3 : 3e-3);
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

/* The schedule counts epochs, and is given steps: the rate is gone before the first epoch ends. */
static void schedule_by_steps(program *p) {
    dnn_schedule *schedule;
    const dnn_tensor *x, *target;
    three_groups(p);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
    OK(dnn_schedule_create(&schedule, p->ctx, DESC(dnn_schedule_desc, .kind = DNN_SCHEDULE_EXPONENTIAL, .lr = 5e-3,
                                                   .gamma = 0.3)));
    OK(dnn_module_train(p->net));
    for (int64_t epoch = 0, i = 0; epoch < EPOCHS; epoch++)
        for (int64_t batch = 0; dnn_loader_next(p->loader, &x, &target) == DNN_OK; batch++, i++) {
            double now = p->mistaken ? (double)i : (double)epoch + (double)batch / (N / BATCH);
            OK(dnn_schedule_apply(schedule, p->opt, now));
            step(p, x, target);
        }
    OK(dnn_schedule_release(schedule));
    tell_watched(p);
}

/* The optimizer was made for the head, as when only that was trained. */
static void head_alone(program *p) {
    three_groups(p);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_adam_create(&p->opt, p->mistaken ? dnn_module_find(p->net, "fc3") : p->net,
                       DESC(dnn_adam_desc, .lr = 5e-3)));
    load(p, BATCH, 1);
    watch(p);
    fit(p, 2);
    tell_watched(p);
}

/* 5e-4 was meant for SGD; here it is 5 for AdamW. */
static void crushing_decay(program *p) {
    three_groups(p);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_adamw_create(&p->opt, p->net,
                        DESC(dnn_adam_desc, .lr = 5e-3, .weight_decay = p->mistaken ? 10 : 0.01)));
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

/* The gradient is clipped to a norm that belonged to another loss. */
static void clipped_to_nothing(program *p) {
    three_groups(p);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = 0.1)));
    OK(dnn_optimizer_clip_norm(p->opt, p->mistaken ? 1e-4 : 1));
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

/* ---- networks that cannot learn for long ---- */

static void many_sigmoids(program *p) {
    p->train = set_of(rows(p, 0, N));
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 16));
    for (int i = 0; i < 8; i++) {
        add(p, NULL, p->mistaken ? dnn_sigmoid(p->ctx) : dnn_relu(p->ctx));
        if (!p->mistaken) add(p, NULL, dnn_layer_norm(p->ctx, DESC(dnn_layer_norm_desc, .shape = {16})));
        add(p, NULL, linear(p, 16, 16));
    }
    add(p, "fc2", linear(p, 16, GROUPS));
    train(p, 2e-3);
}

/* One large step, and the units never fire again. */
static void dying_units(program *p) {
    data d = numbers(p, 0, N);
    float *t = dnn_tensor_data(d.t);
    for (int64_t i = 0; i < N && p->mistaken; i++) t[i] *= 20;
    p->train = set_of(d);
    mlp(p, COLUMNS, 32, 1);
    OK(dnn_mse_create(&p->loss, p->ctx, NULL));
    train_sgd(p, 0.01, 0);
}

/* Labels that have nothing to do with the inputs: there is nothing to learn. */
static void nothing_to_learn(program *p) {
    data d = rows(p, 0, N);
    for (int64_t i = 0; i < N && p->mistaken; i++) labels(d)[i] = (int64_t)((uint64_t)i * 2654435761u >> 9) % GROUPS;
    p->train = set_of(d);
    mlp(p, COLUMNS, 4, GROUPS);
    train(p, 1e-3);
}

/* ---- data that break a run ---- */

/* One sample in units of its own, which comes once an epoch. */
static void broken_sample(program *p) {
    data d = numbers(p, 0, N);
    if (p->mistaken) ((float *)dnn_tensor_data(d.t))[200] = 400;
    p->train = set_of(d);
    mlp(p, COLUMNS, 16, 1);
    regress(p, 1e-3);
    load(p, BATCH, 1);
    watch(p);
    fit(p, EPOCHS);
    tell_watched(p);
}

static void nan_in_the_middle(program *p) {
    data d = rows(p, 0, N);
    if (p->mistaken) floats(d)[211 * COLUMNS + 2] = NAN;
    p->train = set_of(d);
    mlp(p, COLUMNS, 16, GROUPS);
    classify(p, 5e-3);
    load(p, BATCH, 1);
    watch(p);
    fit(p, 1);
    tell_watched(p);
}

static const mistake mistakes[] = {
    {"gradients never cleared", "gradients-not-cleared", "dnn_monitor", NULL, never_cleared},
    {"accumulation that was not declared", "gradients-not-cleared", "dnn_monitor", NULL, undeclared_accumulation},
    {"step before backward", "step-without-backward", "dnn_monitor", NULL, step_before_backward},
    {"one seed for all epochs", "same-every-epoch", "dnn_monitor", NULL, one_seed_for_all_epochs},
    {"evaluating in train mode", "evaluating-in-train-mode", "dnn_monitor", NULL, evaluated_in_train_mode},
    {"training in eval mode", "training-in-eval-mode", "dnn_monitor", NULL, trained_in_eval_mode},
    {"rate 100 times too high", "diverged", "dnn_monitor", NULL, rate_too_high},
    {"rate 1000 times too low", "updates-too-small", "dnn_monitor", NULL, rate_too_low},
    {"a rate that shakes the weights", "updates-too-large", "dnn_monitor", NULL, updates_too_large},
    {"a schedule that is given steps for epochs", "loss-stuck", "dnn_monitor", NULL, schedule_by_steps},
    {"parameters that no optimizer owns", "parameters-without-optimizer", "dnn_monitor", "fc1", head_alone},
    {"decay that crushes the weights", "decay-crushes-weights", "dnn_monitor", "fc", crushing_decay},
    {"gradients clipped to nothing", "updates-too-small", "dnn_monitor", NULL, clipped_to_nothing},
    {"too many sigmoids in a row", "vanishing-gradient", "dnn_monitor", "fc1", many_sigmoids},
    {"ReLUs that die in training", "dead-units", "dnn_monitor", "relu", dying_units},
    {"nothing to learn", "loss-stuck", "dnn_monitor", NULL, nothing_to_learn},
    {"a target in other units", "loss-spike", "dnn_monitor", NULL, broken_sample},
    {"a NaN that comes in the middle of an epoch", "not-finite-input", "dnn_monitor", NULL, nan_in_the_middle},
};

MISTAKES_MAIN(mistakes)
