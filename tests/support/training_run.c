#include "support/training_run.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 8, HISTORY = 32 };

static dnn_status make_net(training_run *r) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 3, .kernel = {3}};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 3};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 3 * (SIDE - 2) * (SIDE - 2), .out_features = 10};
    dnn_status status = dnn_sequential_create(&r->net, r->ctx);
    if (status != DNN_OK) return status;
    dnn_sequential_add(r->net, "conv", dnn_conv2d(r->ctx, &conv));
    dnn_sequential_add(r->net, "norm", dnn_batch_norm(r->ctx, &norm));
    dnn_sequential_add(r->net, "relu", dnn_relu(r->ctx));
    dnn_sequential_add(r->net, "flatten", dnn_flatten(r->ctx));
    dnn_sequential_add(r->net, "dropout", dnn_dropout(r->ctx, 0.25));
    dnn_sequential_add(r->net, "fc", dnn_linear(r->ctx, &fc));
    return dnn_module_error(r->net);
}

static dnn_status make_data(training_run *r, bool threads) {
    dnn_digits_desc digits = {DNN_SIZED(dnn_digits_desc), .count = 50, .image_size = SIDE};
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = 8, .shuffle = 1, .seed = 3,
                              .prefetch = threads ? 0 : DNN_NO_PREFETCH};
    dnn_status status = dnn_digits(&r->data, r->ctx, &digits);
    return status == DNN_OK ? dnn_loader_create(&r->loader, r->data, &loader) : status;
}

static dnn_status make_rest(training_run *r) {
    const int64_t n = HISTORY;
    dnn_schedule_desc plateau = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_PLATEAU, .lr = 0.01, .gamma = 0.5,
                                 .patience = 1};
    dnn_status status = dnn_cross_entropy_create(&r->loss, r->ctx, NULL);
    if (status == DNN_OK) status = dnn_adam_create(&r->opt, r->net, NULL);
    if (status == DNN_OK) status = dnn_schedule_create(&r->schedule, r->ctx, &plateau);
    if (status == DNN_OK) status = dnn_average_create(&r->average, r->net, NULL);
    if (status == DNN_OK) status = dnn_tensor_create(&r->history, r->ctx, DNN_F64, 1, &n);
    return status;
}

static void write_log(void *user, dnn_log_level level, const char *line) {
    training_run *r = user;
    (void)level;
    snprintf(r->log, sizeof r->log, "%s", line);
}

dnn_status training_run_start(training_run *r, const dnn_allocator *allocator, bool threads) {
    static const char *const names[] = {"history"};
    *r = (training_run){.ctx = NULL};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = threads ? 2 : 1, .seed = 11, .log = {write_log, r}};
    if (allocator) desc.allocator = *allocator;
    dnn_status status = dnn_context_create(&r->ctx, &desc);
    if (status == DNN_OK) status = make_net(r);
    if (status == DNN_OK) status = make_data(r, threads);
    if (status == DNN_OK) status = make_rest(r);
    r->tensors[0] = r->history;
    r->parts = (dnn_checkpoint_parts){DNN_SIZED(dnn_checkpoint_parts), r->net, r->opt, r->schedule, r->loader, names,
                                      r->tensors, 1, NULL, 0, r->average};
    return status;
}

void training_run_end(training_run *r) {
    dnn_tensor_release(r->history);
    dnn_average_release(r->average);
    dnn_schedule_release(r->schedule);
    dnn_optimizer_release(r->opt);
    dnn_loss_release(r->loss);
    dnn_loader_release(r->loader);
    dnn_dataset_release(r->data);
    dnn_module_release(r->net);
    dnn_context_release(r->ctx);
}

static dnn_status next_batch(training_run *r, const dnn_tensor **x, const dnn_tensor **target) {
    dnn_status status = dnn_loader_next(r->loader, x, target);
    if (status == DNN_END) status = dnn_loader_next(r->loader, x, target);
    return status;
}

dnn_status training_run_step(void *run) {
    training_run *r = run;
    const dnn_tensor *x, *target, *y, *dy;
    double value = 0;
    int64_t step = dnn_optimizer_steps(r->opt);
    dnn_status status = next_batch(r, &x, &target);
    if (status == DNN_OK) status = dnn_schedule_apply(r->schedule, r->opt, (double)step);
    if (status == DNN_OK) status = dnn_optimizer_zero_grad(r->opt);
    if (status == DNN_OK) status = dnn_module_forward(r->net, x, &y);
    if (status == DNN_OK) status = dnn_loss_evaluate(r->loss, y, target, &value, &dy);
    if (status == DNN_OK) status = dnn_module_backward(r->net, dy, NULL);
    if (status == DNN_OK) status = dnn_optimizer_step(r->opt);
    if (status == DNN_OK) status = dnn_average_update(r->average);
    if (status == DNN_OK) status = dnn_schedule_observe(r->schedule, value);
    if (status == DNN_OK) ((double *)dnn_tensor_data(r->history))[step % HISTORY] = value;
    return status;
}

dnn_status training_run_hidden(void *run) {
    training_run *r = run;
    dnn_status status = training_run_step(run);
    ((double *)dnn_tensor_data(r->history))[HISTORY - 1] = (double)++r->sleeps;
    return status;
}

/* FNV-1a (Fowler, Noll, Vo), 64 bits. */
static uint64_t mix(uint64_t sum, const dnn_tensor *t) {
    const unsigned char *bytes = dnn_tensor_const_data(t);
    int64_t n = dnn_tensor_count(t) * dnn_dtype_size(dnn_tensor_dtype(t));
    for (int64_t i = 0; i < n; i++) sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

uint64_t training_run_bits(training_run *r) {
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place)};
    for (int swapped = dnn_average_updates(r->average) == 0; swapped < 2; swapped++) { /* weights, and averages */
        for (int64_t i = 0; i < dnn_module_parameter_count(r->net); i++)
            if (dnn_module_parameter_at(r->net, i, &p) == DNN_OK) sum = mix(sum, p.value);
        if (dnn_average_updates(r->average) > 0 && dnn_average_swap(r->average) != DNN_OK) return 0;
    }
    for (int64_t i = 0; i < dnn_optimizer_state_count(r->opt); i++)
        if (dnn_optimizer_state_at(r->opt, i, &s) == DNN_OK) sum = mix(sum, s.value);
    sum = mix(mix(sum, dnn_schedule_state(r->schedule)), r->history);
    if (dnn_loader_position(r->loader, &place) != DNN_OK) return 0;
    return (sum ^ (uint64_t)place.epoch * 1000 ^ (uint64_t)place.batch) * UINT64_C(0x100000001b3);
}
