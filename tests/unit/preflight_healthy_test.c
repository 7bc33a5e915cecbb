/* Runs that are right: preflight finds no error in them, and at most one thing to look at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/flights.h"

static dnn_optimizer *sgd(dnn_module *net, double lr, double momentum) {
    dnn_optimizer *opt;
    dnn_sgd_desc d = {DNN_SIZED(dnn_sgd_desc), .lr = lr, .momentum = momentum, .weight_decay = 1e-4};
    OK(dnn_sgd_create(&opt, net, &d));
    return opt;
}

static dnn_dataset *digits(int64_t n) {
    dnn_dataset *data;
    OK(dnn_digits(&data, data_ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = n, .image_size = 8}));
    return data;
}

static flight classifier(dnn_module *net, dnn_optimizer *opt, dnn_dataset *data) {
    return (flight){net, flight_cross_entropy(), opt, data};
}

static flight mlp(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 32), dnn_relu(data_ctx), flight_dense(32, 3));
    return classifier(net, flight_adam(net, 1e-2), flight_blobs(500, 4, 3, 1));
}

static flight wide(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 512), dnn_relu(data_ctx), flight_dense(512, 3));
    return classifier(net, sgd(net, 0.05, 0.9), flight_blobs(500, 4, 3, 1));
}

static flight linear(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 3));
    return classifier(net, sgd(net, 0.1, 0), flight_blobs(500, 4, 3, 1));
}

static flight normed_mlp(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 32), flight_norm(32), dnn_relu(data_ctx), dnn_dropout(data_ctx, 0.2),
                                   flight_dense(32, 3));
    return classifier(net, flight_adam(net, 3e-3), flight_blobs(500, 4, 3, 1));
}

static flight smoothed(void) {
    flight f = mlp();
    dnn_loss_release(f.loss);
    dnn_cross_entropy_desc d = {DNN_SIZED(dnn_cross_entropy_desc), .label_smoothing = 0.1};
    OK(dnn_cross_entropy_create(&f.loss, data_ctx, &d));
    return f;
}

static flight mixed(void) {
    flight f = mlp();
    dnn_dataset *data = f.data;
    OK(dnn_dataset_mix(&f.data, data, &(dnn_mix_desc){DNN_SIZED(dnn_mix_desc), .mixup = 0.2, .classes = 3}));
    dnn_dataset_release(data);
    return f;
}

static flight cnn(void) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_module *net = FLIGHT_CHAIN(flight_conv(1, 6), flight_norm(6), dnn_relu(data_ctx), dnn_max_pool2d(data_ctx,
                                   &pool), flight_conv(6, 12), flight_norm(12), dnn_relu(data_ctx),
                                   dnn_flatten(data_ctx), flight_dense(12 * 16, 10));
    return classifier(net, flight_adam(net, 2e-3), digits(400));
}

static flight global_cnn(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_conv(1, 8), flight_norm(8), dnn_relu(data_ctx), flight_conv(8, 16),
                                   flight_norm(16), dnn_relu(data_ctx), dnn_adaptive_avg_pool2d(data_ctx, 2, 2),
                                   dnn_flatten(data_ctx), flight_dense(64, 10));
    return classifier(net, sgd(net, 0.05, 0.9), digits(400));
}

static flight regression(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 48), dnn_tanh(data_ctx), flight_dense(48, 48), dnn_tanh(data_ctx),
                                   flight_dense(48, 1));
    return (flight){net, flight_squares(), flight_adam(net, 3e-3), flight_curve(400, 4, 0, 1)};
}

static flight off_centre(void) {
    flight f = regression();
    dnn_dataset_release(f.data);
    f.data = flight_curve(400, 4, 2, 1);
    return f;
}

static flight binary(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 24), dnn_silu(data_ctx), flight_dense(24, 1));
    dnn_loss *loss;
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(400, 4), 3), *t = tensor_of(data_ctx, DNN_F32, DIMS(400, 1),
    NULL); for (int64_t i = 0; i < 400; i++) tensor_put(t, i, tensor_at(x, 4 * i) + tensor_at(x, 4 * i + 1) > 0);
    OK(dnn_bce_with_logits_create(&loss, data_ctx, NULL));
    return (flight){net, loss, flight_adam(net, 1e-2), flight_dataset(x, t)};
}

/* Four samples in all. */
static flight xor(void) {
    static const double corners[] = {-1, -1, -1, 1, 1, -1, 1, 1}, odd[] = {0, 1, 1, 0};
    dnn_module *net = FLIGHT_CHAIN(flight_dense(2, 8), dnn_tanh(data_ctx), flight_dense(8, 2));
    dnn_tensor *x = tensor_of(data_ctx, DNN_F32, DIMS(4, 2), corners), *t = tensor_of(data_ctx, DNN_I64, DIMS(4), odd);
    return classifier(net, flight_adam(net, 0.02), flight_dataset(x, t));
}

static flight lstm(void) {
    dnn_rnn_desc d = {DNN_SIZED(dnn_rnn_desc), .inputs = 2, .hidden = 16};
    dnn_module *net = FLIGHT_CHAIN(dnn_lstm(data_ctx, &d), dnn_slice(data_ctx, 1, 7, 1), dnn_flatten(data_ctx),
                                   flight_dense(16, 2));
    return classifier(net, flight_adam(net, 1e-2), flight_sequences(400, 8, 1));
}

static flight attention(void) {
    dnn_multi_head_attention_desc d = {DNN_SIZED(dnn_multi_head_attention_desc), .embed = 16, .heads = 2};
    dnn_layer_norm_desc norm = {DNN_SIZED(dnn_layer_norm_desc), .shape = {16}};
    dnn_module *net = FLIGHT_CHAIN(flight_dense(2, 16), dnn_multi_head_attention(data_ctx, &d),
                                   dnn_layer_norm(data_ctx, &norm), dnn_relu(data_ctx), dnn_flatten(data_ctx),
                                   flight_dense(128, 2));
    return classifier(net, flight_adam(net, 3e-3), flight_sequences(400, 8, 1));
}

static flight words(void) {
    enum { N = 400, T = 6 };
    dnn_embedding_desc d = {DNN_SIZED(dnn_embedding_desc), .num = 30, .dim = 8};
    dnn_module *net = FLIGHT_CHAIN(dnn_embedding(data_ctx, &d), dnn_flatten(data_ctx), flight_dense(8 * T, 16),
                                   dnn_relu(data_ctx), flight_dense(16, 2));
    dnn_tensor *normal = tensor_normal(data_ctx, DNN_F32, DIMS(N, T), 5);
    dnn_tensor *x = tensor_of(data_ctx, DNN_I64, DIMS(N, T), NULL), *t = tensor_of(data_ctx, DNN_I64, DIMS(N), NULL);
    for (int64_t i = 0; i < N * T; i++)
        tensor_put(x, i, (double)(((int64_t)(1000 * tensor_at(normal, i)) % 30 + 30) % 30));
    for (int64_t i = 0; i < N; i++) tensor_put(t, i, tensor_at(x, i * T) < 15);
    dnn_tensor_release(normal);
    return classifier(net, flight_adam(net, 1e-2), flight_dataset(x, t));
}

/* A sample has more targets than the network could learn by heart. */
static flight pixels(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_conv(1, 4), dnn_relu(data_ctx), flight_conv(4, 2));
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(100, 8, 8, 1), 7);
    dnn_tensor *t = tensor_of(data_ctx, DNN_I64, DIMS(100, 8, 8), NULL);
    for (int64_t i = 0; i < 100 * 64; i++) tensor_put(t, i, tensor_at(x, i) > 0);
    return classifier(net, flight_adam(net, 1e-2), flight_dataset(x, t));
}

static flight one_sample(void) {
    flight f = mlp();
    dnn_dataset *all = f.data;
    OK(dnn_dataset_first(&f.data, all, 1));
    dnn_dataset_release(all);
    return f;
}

static flight second_order(void) {
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 12), dnn_tanh(data_ctx), flight_dense(12, 3));
    dnn_optimizer *opt;
    OK(dnn_lbfgs_create(&opt, net, &(dnn_lbfgs_desc){DNN_SIZED(dnn_lbfgs_desc), .lr = 0.3}));
    return classifier(net, opt, flight_blobs(300, 4, 3, 1));
}

/* A last layer of zeros. */
static flight zero_head(void) {
    flight f = mlp();
    flight_set(f.net, "l2.weight", 0);
    flight_set(f.net, "l2.bias", 0);
    return f;
}

static const struct {
    const char *what;
    flight (*make)(void);
} healthy[] = {{"MLP", mlp},
               {"wide MLP, SGD", wide},
               {"linear", linear},
               {"MLP with batch norm and dropout", normed_mlp},
               {"label smoothing", smoothed},
               {"mixup", mixed},
               {"CNN", cnn},
               {"CNN with global pooling", global_cnn},
               {"regression", regression},
               {"regression off centre", off_centre},
               {"binary", binary},
               {"xor", xor},
               {"LSTM", lstm},
               {"attention", attention},
               {"words", words},
               {"pixels", pixels},
               {"one sample", one_sample},
               {"L-BFGS", second_order},
               {"last layer of zeros", zero_head}};

static int64_t count_warnings(dnn_report *report) {
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_report_findings(report); i++) {
        dnn_finding f = {DNN_SIZED(dnn_finding)};
        OK(dnn_report_finding(report, i, &f));
        n += f.severity >= DNN_SEVERITY_WARNING;
    }
    return n;
}

/* One thread: on a busy machine, two wait for each other more than they work on networks of this size. */
static int set_up(void **state) {
    (void)state;
    data_memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&data_memory), .threads = 1};
    return dnn_context_create(&data_ctx, &desc) == DNN_OK ? 0 : 1;
}

static void test_healthy(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof healthy / sizeof *healthy; i++) {
        dnn_report *report;
        flight f = healthy[i].make();
        OK(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, NULL));
        if (dnn_report_worst(report) >= DNN_SEVERITY_ERROR || count_warnings(report) > 1)
            fail_msg("%s:\n%s", healthy[i].what, dnn_report_text(report));
        dnn_report_release(report);
        flight_end(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_healthy, set_up, data_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
