#include "support/watched_run.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TRY(call)                                  \
    do {                                           \
        dnn_status status_ = (call);               \
        if (status_ != DNN_OK) return status_;     \
    } while (0)

static void write_log(void *user, dnn_log_level level, const char *line) {
    watched_run *r = user;
    size_t used = strlen(r->log);
    (void)level;
    snprintf(r->log + used, sizeof r->log - used, "%s\n", line);
}

/* The class is the largest of the sums of every fourth feature, the first half against the second. */
static int64_t class_of(const float *x) {
    int64_t best = 0;
    for (int64_t c = 1; c < WATCHED_CLASSES; c++)
        if (x[c] - x[c + 4] > x[best] - x[best + 4]) best = c;
    return best;
}

static dnn_status make_batch(watched_run *r, int b, int64_t length) {
    const int64_t flat[] = {WATCHED_BATCH, WATCHED_FEATURES}, n = WATCHED_BATCH;
    const int64_t sequence[] = {WATCHED_BATCH, length, WATCHED_FEATURES};
    dnn_init normal = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 1};
    TRY(dnn_tensor_create(&r->x[b], r->ctx, DNN_F32, length > 0 ? 3 : 2, length > 0 ? sequence : flat));
    TRY(dnn_tensor_create(&r->target[b], r->ctx, DNN_I64, 1, &n));
    TRY(dnn_tensor_fill(r->x[b], &normal));
    const float *x = dnn_tensor_const_data(r->x[b]);
    int64_t *target = dnn_tensor_data(r->target[b]), each = dnn_tensor_count(r->x[b]) / n;
    for (int64_t i = 0; i < n; i++) target[i] = class_of(x + i * each + each - WATCHED_FEATURES);
    return DNN_OK;
}

dnn_status watched_start(watched_run *r, const dnn_allocator *allocator, int32_t threads, int64_t length) {
    *r = (watched_run){.ctx = NULL};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 5, .log = {write_log, r}};
    if (allocator) d.allocator = *allocator;
    TRY(dnn_context_create(&r->ctx, &d));
    for (int b = 0; b < WATCHED_BATCHES; b++) TRY(make_batch(r, b, length));
    return dnn_cross_entropy_create(&r->loss, r->ctx, NULL);
}

void watched_end(watched_run *r) {
    dnn_monitor_release(r->monitor);
    for (int b = 0; b < WATCHED_BATCHES; b++) {
        dnn_tensor_release(r->x[b]);
        dnn_tensor_release(r->target[b]);
    }
    dnn_loss_release(r->loss);
    dnn_schedule_release(r->schedule);
    dnn_optimizer_release(r->opt);
    dnn_module_release(r->net);
    dnn_context_release(r->ctx);
}

/* ---- steps ---- */

static void scale(dnn_tensor *x, float by) {
    float *data = dnn_tensor_data(x);
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) data[i] *= by;
}

static void spoil(watched_run *r, dnn_tensor *x) {
    if (r->fault == BIG_BATCH && r->steps == 150) scale(x, 1000);
    if (r->fault == NOT_A_NUMBER && r->steps == 30) ((float *)dnn_tensor_data(x))[3 * WATCHED_FEATURES] = NAN;
}

static dnn_status tell(watched_run *r, const dnn_tensor *x) {
    return r->monitor ? dnn_monitor_step_n(r->monitor, r->value, &x, 1) : DNN_OK;
}

static dnn_status step(watched_run *r, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    if (r->schedule) TRY(dnn_schedule_apply(r->schedule, r->opt, (double)r->steps / 100));
    if (r->fault != NEVER_CLEARED) TRY(dnn_optimizer_zero_grad(r->opt));
    TRY(dnn_module_forward(r->net, x, &y));
    TRY(dnn_loss_evaluate(r->loss, y, target, &r->value, &dy));
    if (r->fault == STEP_FIRST) TRY(dnn_optimizer_step(r->opt));
    TRY(dnn_module_backward(r->net, dy, NULL));
    if (!r->after) TRY(tell(r, x));
    if (r->fault != STEP_FIRST) TRY(dnn_optimizer_step(r->opt));
    return r->after ? tell(r, x) : DNN_OK;
}

/* Each batch once an epoch, in an order that does not come again for long. */
static int64_t batch_of(int64_t step) {
    int64_t epoch = step / WATCHED_BATCHES, i = step % WATCHED_BATCHES;
    return (i * (2 * (epoch % 8) + 1) + 3 * (epoch / 8)) % WATCHED_BATCHES;
}

dnn_status watched_train(watched_run *r, int64_t steps) {
    if (r->fault == EVAL_WHILE_TRAINING) {
        TRY(dnn_module_eval(r->net));
        TRY(dnn_module_set_gradients(r->net, DNN_GRADIENTS_EVAL));
    }
    for (int64_t i = 0; i < steps; i++, r->steps++) {
        int64_t b = batch_of(r->steps);
        spoil(r, r->x[b]);
        TRY(step(r, r->x[b], r->target[b]));
        if (r->steps % 40 == 39) TRY(watched_validate(r));
    }
    return DNN_OK;
}

dnn_status watched_validate(watched_run *r) {
    const dnn_tensor *y, *dy;
    double value;
    if (r->fault != TRAIN_WHILE_EVALUATING) TRY(dnn_module_eval(r->net));
    TRY(dnn_module_forward(r->net, r->x[0], &y));
    TRY(dnn_loss_evaluate(r->loss, y, r->target[0], &value, &dy));
    if (r->fault != EVAL_WHILE_TRAINING) TRY(dnn_module_train(r->net));
    return r->monitor ? dnn_monitor_validate(r->monitor, value) : DNN_OK;
}

/* ---- a network ---- */

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

dnn_module *watched_mlp(dnn_context *ctx, bool norm, bool drop) {
    dnn_module *net;
    dnn_batch_norm_desc features = {DNN_SIZED(dnn_batch_norm_desc), .features = 32};
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "fc1", linear(ctx, WATCHED_FEATURES, 32));
    if (norm) dnn_sequential_add(net, "norm", dnn_batch_norm(ctx, &features));
    dnn_sequential_add(net, "relu1", dnn_relu(ctx));
    if (drop) dnn_sequential_add(net, "drop", dnn_dropout(ctx, 0.2));
    dnn_sequential_add(net, "fc2", linear(ctx, 32, 32));
    dnn_sequential_add(net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(net, "fc3", linear(ctx, 32, WATCHED_CLASSES));
    return net;
}
