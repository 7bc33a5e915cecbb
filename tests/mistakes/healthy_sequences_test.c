/* Healthy programs on sequences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mistakes/healthy.h"

enum { N = 800, TESTS = 200, BATCH = 32, WIDTH = 32 };

static void signals(program *p) {
    p->train = set_of(sequences(p, 0, N));
    p->test = set_of(sequences(p, N, TESTS));
}

static void cross_entropy(program *p) { OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL)); }

static dnn_rnn_desc rnn(void) { return (dnn_rnn_desc){DNN_SIZED(dnn_rnn_desc), .inputs = SIGNALS, .hidden = WIDTH}; }

static void lstm(program *p) {
    dnn_rnn_desc desc = rnn();
    signals(p);
    chain(p);
    add(p, "lstm", dnn_lstm(p->ctx, &desc));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, STEPS * WIDTH, GROUPS));
    cross_entropy(p);
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 5e-3)));
    OK(dnn_optimizer_clip_norm(p->opt, 1));
    practise(p, GROUPS, BATCH, 5);
}

static void gru(program *p) {
    dnn_rnn_desc desc = rnn();
    signals(p);
    chain(p);
    add(p, "gru", dnn_gru(p->ctx, &desc));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, STEPS * WIDTH, GROUPS));
    cross_entropy(p);
    OK(dnn_rmsprop_create(&p->opt, p->net, DESC(dnn_rmsprop_desc, .lr = 2e-3)));
    practise(p, GROUPS, BATCH, 5);
}

static dnn_module *layer_norm(program *p) {
    return dnn_layer_norm(p->ctx, DESC(dnn_layer_norm_desc, .shape = {WIDTH}));
}

/* One block of a transformer, norms in front. */
static void attention(program *p) {
    signals(p);
    OK(dnn_graph_create(&p->net, p->ctx));
    dnn_value x = dnn_graph_apply(p->net, "in", linear(p, SIGNALS, WIDTH), dnn_graph_input(p->net));
    dnn_value y = dnn_graph_apply(p->net, "norm1", layer_norm(p), x);
    y = dnn_graph_apply(p->net, "attention", dnn_multi_head_attention(p->ctx, DESC(dnn_multi_head_attention_desc,
                                                                                   .embed = WIDTH, .heads = 4)), y);
    x = dnn_graph_apply2(p->net, "add1", dnn_add(p->ctx), x, y);
    y = dnn_graph_apply(p->net, "norm2", layer_norm(p), x);
    y = dnn_graph_apply(p->net, "up", linear(p, WIDTH, 2 * WIDTH), y);
    y = dnn_graph_apply(p->net, "gelu", dnn_gelu(p->ctx, DNN_GELU_TANH), y);
    y = dnn_graph_apply(p->net, "down", linear(p, 2 * WIDTH, WIDTH), y);
    x = dnn_graph_apply2(p->net, "add2", dnn_add(p->ctx), x, y);
    x = dnn_graph_apply(p->net, "flatten", dnn_flatten(p->ctx), x);
    OK(dnn_graph_output(p->net, dnn_graph_apply(p->net, "fc", linear(p, STEPS * WIDTH, GROUPS), x)));
    cross_entropy(p);
    OK(dnn_adamw_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 3e-3)));
    OK(dnn_schedule_create(&p->schedule, p->ctx, DESC(dnn_schedule_desc, .kind = DNN_SCHEDULE_COSINE, .lr = 3e-3,
                                                      .epochs = 5, .warmup = 0.5)));
    practise(p, GROUPS, BATCH, 5);
}

static void embedding(program *p) {
    p->train = set_of(texts(p, 0, N));
    p->test = set_of(texts(p, N, TESTS));
    chain(p);
    add(p, "words", dnn_embedding(p->ctx, DESC(dnn_embedding_desc, .num = WORDS, .dim = 16)));
    add(p, "mean", dnn_mean(p->ctx, DESC(dnn_reduce_desc, .n_axes = 1, .axes = {1})));
    add(p, "fc1", linear(p, 16, 16));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, 16, 2));
    cross_entropy(p);
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = 1e-2)));
    practise(p, 2, BATCH, 5);
}

static const healthy programs[] = {
    {"LSTM", "Adam, clipped", lstm},
    {"GRU", "RMSprop", gru},
    {"transformer's block", "AdamW, warm-up and cosine", attention},
    {"embedding of words", "Adam", embedding},
};

HEALTHY_MAIN(programs)
