/* Networks that take one axis for another, and those that compute what no number can hold. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 128, BATCH = 32, CLASSES = 10 };

static void train_and_probe(program *p, data d) {
    p->train = set_of(d);
    classify(p, 2e-3);
    load(p, BATCH, 1);
    probe(p);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 2);
}

/* ---- axes ---- */

/* A layer of the program's own hands its sequences on as (T, N, C) taken for (N, T, C): a reshape where a transpose
 * was meant. */
static void by_reshape(program *p) {
    chain(p);
    add(p, "fc1", linear(p, SIGNALS, 8));
    add(p, "time", p->mistaken ? time_by_reshape(p) : dnn_relu(p->ctx));
    add(p, "lstm", dnn_lstm(p->ctx, DESC(dnn_rnn_desc, .inputs = 8, .hidden = 8)));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc2", linear(p, STEPS * 8, GROUPS));
    train_and_probe(p, sequences(p, 0, N));
}

/* Sequences are (N, T, C); the program makes (T, N, C) of them, as another library wants it: words look at the words
 * of other samples. */
static void time_first(program *p) {
    const int32_t swap[] = {1, 0, 2};
    chain(p);
    if (p->mistaken) add(p, "time_first", dnn_permute(p->ctx, 3, swap));
    add(p, "attention", dnn_multi_head_attention(p->ctx, DESC(dnn_multi_head_attention_desc, .embed = SIGNALS,
                                                              .heads = 2)));
    if (p->mistaken) add(p, "back", dnn_permute(p->ctx, 3, swap));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, STEPS * SIGNALS, GROUPS));
    train_and_probe(p, sequences(p, 0, N));
}

/* Gates that sum to 1 over the batch instead of over the features. */
static void softmax_over_batch(program *p) {
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 16));
    add(p, "gates", dnn_softmax(p->ctx, p->mistaken ? 0 : -1));
    add(p, "fc2", linear(p, 16, GROUPS));
    train_and_probe(p, rows(p, 0, N));
}

/* The batch's size is written into the network. */
static void batch_in_network(program *p) {
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 16));
    if (p->mistaken) add(p, "t1", dnn_permute(p->ctx, 2, (int32_t[]){1, 0}));
    add(p, "mix", linear(p, p->mistaken ? BATCH : 16, p->mistaken ? BATCH : 16));
    if (p->mistaken) add(p, "t2", dnn_permute(p->ctx, 2, (int32_t[]){1, 0}));
    add(p, "relu", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 16, GROUPS));
    train_and_probe(p, rows(p, 0, N));
}

/* A reader of columns by rows, mended in the network, and once too often. */
static void height_and_width(program *p) {
    chain(p);
    add(p, "conv1", conv(p, 1, 8));
    if (p->mistaken) add(p, "turn", dnn_permute(p->ctx, 4, (int32_t[]){0, 2, 1, 3}));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "conv2", conv(p, 8, 8));
    add(p, "pool", dnn_adaptive_avg_pool2d(p->ctx, 4, 4));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 8 * 16, CLASSES));
    train_and_probe(p, pictures(p, 0, N));
}

/* The number of features that come out of the pooling, wrong by a factor. */
static void wrong_width(program *p) {
    chain(p);
    add(p, "conv1", conv(p, 1, 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "pool1", pool(p));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 8 * SIDE * SIDE / (p->mistaken ? 2 : 4), CLASSES));
    train_and_probe(p, pictures(p, 0, N));
}

/* The part of the network that sees the data is multiplied by 0: a gate that somebody put there to try something. */
static void gate_of_zero(program *p) {
    chain(p);
    add(p, "fc1", linear(p, COLUMNS, 16));
    add(p, "gate", dnn_scale(p->ctx, p->mistaken ? 0 : 0.5));
    add(p, "relu", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 16, GROUPS));
    train_and_probe(p, rows(p, 0, N));
}

/* [n] against [n,1]. */
static void target_without_axis(program *p) {
    data d = numbers(p, 0, N), flat = {.x = d.x};
    OK(dnn_tensor_reshape(&flat.t, d.t, DIMS(N)));
    if (p->mistaken) OK(dnn_tensor_release(d.t));
    else OK(dnn_tensor_release(flat.t));
    p->train = set_of(p->mistaken ? flat : d);
    mlp(p, COLUMNS, 16, 1);
    regress(p, 2e-3);
    load(p, BATCH, 1);
    fit(p, 1);
}

/* A network that is to predict the next step looks at it: attention without the mask that hides what comes later. */
static void sees_the_future(program *p) {
    dnn_multi_head_attention_desc desc = {DNN_SIZED(dnn_multi_head_attention_desc), .embed = SIGNALS, .heads = 2,
                                          .causal = !p->mistaken};
    chain(p);
    add(p, "attention", dnn_multi_head_attention(p->ctx, &desc));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, STEPS * SIGNALS, GROUPS));
    train_and_probe(p, sequences(p, 0, N));
}

/* ---- numbers ---- */

/* A loop that looks at its loss before it takes the step, and asks where a NaN comes from. */
static void train_until_nan(program *p) {
    const dnn_tensor *x, *target, *y, *dy;
    while (dnn_loader_next(p->loader, &x, &target) == DNN_OK) {
        OK(dnn_optimizer_zero_grad(p->opt));
        OK(dnn_module_forward(p->net, x, &y));
        OK(dnn_loss_evaluate(p->loss, y, target, &p->value, &dy));
        if (!isfinite(p->value)) {
            autopsy(p, x);
            return;
        }
        OK(dnn_module_backward(p->net, dy, NULL));
        OK(dnn_optimizer_step(p->opt));
    }
}

/* The logarithm of a pixel, and of 0. */
static void logarithm_of_zero(program *p) {
    p->train = set_of(pictures(p, 0, N));
    chain(p);
    add(p, "brightness", p->mistaken ? logarithm(p) : safe_logarithm(p));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, SIDE * SIDE, CLASSES));
    classify(p, 1e-3);
    load(p, BATCH, 1);
    train_until_nan(p);
}

/* Incomes in units of one instead of thousands: eˣ of that is more than a float32 holds. */
static void exponential_of_large(program *p) {
    data d = numbers(p, 0, N);
    if (p->mistaken) floats(d)[5 * COLUMNS + 1] = 300 + floats(d)[5 * COLUMNS + 1];
    if (p->mistaken) p->sample = 5;
    p->train = set_of(d);
    chain(p);
    add(p, "growth", exponential(p));
    add(p, "fc1", linear(p, COLUMNS, 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 8, 1));
    regress(p, 1e-4);
    load(p, BATCH, 0);
    train_until_nan(p);
}

/* A mean over the words that a mask leaves, of which there are none: 0/0. */
static void mean_of_nothing(program *p) {
    data d = rows(p, 0, N);
    for (int64_t c = 0; c < COLUMNS && p->mistaken; c++) floats(d)[3 * COLUMNS + c] = 0;
    if (p->mistaken) p->sample = 3;
    p->train = set_of(d);
    OK(dnn_graph_create(&p->net, p->ctx));
    dnn_value x = dnn_graph_input(p->net);
    dnn_value square = dnn_graph_apply2(p->net, "square", dnn_multiply(p->ctx), x, x);
    dnn_value share = dnn_graph_apply2(p->net, "share", dnn_divide(p->ctx), x, square);
    share = dnn_graph_apply(p->net, "squash", dnn_tanh(p->ctx), share);
    OK(dnn_graph_output(p->net, dnn_graph_apply(p->net, "fc", linear(p, COLUMNS, GROUPS), share)));
    classify(p, 1e-3);
    load(p, BATCH, 0);
    train_until_nan(p);
}

/* A rate so high that weights become infinite; it is seen a step later. */
static void weights_spoilt(program *p) {
    const dnn_tensor *x, *target;
    p->train = set_of(numbers(p, 0, N));
    mlp(p, COLUMNS, 16, 1);
    OK(dnn_mse_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = p->mistaken ? 100 : 0.01)));
    load(p, BATCH, 1);
    fit(p, 10);
    OK(dnn_loader_next(p->loader, &x, &target));
    autopsy(p, x);
}

static const mistake mistakes[] = {
    {"samples of a batch mixed by a reshape", "samples-mix", "dnn_probe", "time", by_reshape},
    {"sequences with time first", "samples-mix", "dnn_probe", "back", time_first},
    {"a softmax over the batch", "samples-mix", "dnn_probe", "gates", softmax_over_batch},
    {"the batch's size written into the network", "fixed-batch", "dnn_probe", "mix", batch_in_network},
    {"height and width swapped in the network", "height-width-swapped", "dnn_probe", "turn", height_and_width},
    {"a layer of the wrong width", "does-not-run", "dnn_probe", "fc", wrong_width},
    {"a gate of 0 before all that learns", "ignores-input", "dnn_probe", NULL, gate_of_zero},
    {"attention that sees the future", NULL, "which step may see which, the program alone knows", NULL,
     sees_the_future},
    {"[n] against [n,1] in a loss", "DNN_ERROR_SHAPE", "dnn_loss_evaluate", "[32,1]", target_without_axis},
    {"NaN from a logarithm of zero", "not-finite-output", "dnn_autopsy", "brightness", logarithm_of_zero},
    {"overflow in an exponential", "not-finite-output", "dnn_autopsy", "growth", exponential_of_large},
    {"0/0", "not-finite-output", "dnn_autopsy", "share", mean_of_nothing},
    {"weights that became infinite", "not-finite-parameter", "dnn_autopsy", "fc", weights_spoilt},
};

MISTAKES_MAIN(mistakes)
