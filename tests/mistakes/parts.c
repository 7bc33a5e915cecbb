#include "mistakes/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* ---- networks ---- */

dnn_module *linear(program *p, int64_t in, int64_t out) {
    return dnn_linear(p->ctx, DESC(dnn_linear_desc, .in_features = in, .out_features = out));
}

dnn_module *conv(program *p, int64_t in, int64_t out) {
    return dnn_conv2d(p->ctx, DESC(dnn_conv2d_desc, .in_channels = in, .out_channels = out, .kernel = {3},
                                   .padding = 1));
}

dnn_module *pool(program *p) { return dnn_max_pool2d(p->ctx, DESC(dnn_pool2d_desc, .kernel = {2})); }

void chain(program *p) { OK(dnn_sequential_create(&p->net, p->ctx)); }

void add(program *p, const char *name, dnn_module *child) { OK(dnn_sequential_add(p->net, name, child)); }

void mlp(program *p, int64_t in, int64_t hidden, int64_t out) {
    chain(p);
    add(p, "fc1", linear(p, in, hidden));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "fc2", linear(p, hidden, hidden));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "fc3", linear(p, hidden, out));
}

void cnn(program *p, int64_t classes) {
    chain(p);
    add(p, "conv1", conv(p, 1, 8));
    add(p, "relu1", dnn_relu(p->ctx));
    add(p, "pool1", pool(p));
    add(p, "conv2", conv(p, 8, 16));
    add(p, "relu2", dnn_relu(p->ctx));
    add(p, "pool2", pool(p));
    add(p, "flatten", dnn_flatten(p->ctx));
    add(p, "fc", linear(p, 16 * SIDE / 4 * SIDE / 4, classes));
}

dnn_tensor *parameter(program *p, const char *path) {
    dnn_parameter found = {DNN_SIZED(dnn_parameter)};
    OK(dnn_module_parameter(p->net, path, &found));
    return found.value;
}

/* ---- training ---- */

void classify(program *p, double lr) {
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = lr)));
}

void regress(program *p, double lr) {
    OK(dnn_mse_create(&p->loss, p->ctx, NULL));
    OK(dnn_adam_create(&p->opt, p->net, DESC(dnn_adam_desc, .lr = lr)));
}

void load(program *p, int64_t batch, int32_t shuffle) {
    OK(dnn_loader_create(&p->loader, p->train, DESC(dnn_loader_desc, .batch_size = batch, .shuffle = shuffle)));
}

bool step(program *p, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    OK(dnn_optimizer_zero_grad(p->opt));
    if (!went(p, "dnn_module_forward", dnn_module_forward(p->net, x, &y))) return false;
    if (!went(p, "dnn_loss_evaluate", dnn_loss_evaluate(p->loss, y, target, &p->value, &dy))) return false;
    OK(dnn_module_backward(p->net, dy, NULL));
    if (p->monitor) OK(dnn_monitor_step_n(p->monitor, p->value, &x, 1));
    OK(dnn_optimizer_step(p->opt));
    return true;
}

void watch(program *p) { OK(dnn_monitor_create(&p->monitor, p->net, p->opt, NULL)); }

void tell_watched(program *p) {
    dnn_report *report;
    OK(dnn_monitor_report(&report, p->monitor));
    said(p, "dnn_monitor", report);
}

static void take_rate(program *p, int64_t batch) {
    double epoch = (double)dnn_loader_epoch(p->loader) + (double)batch / (double)dnn_loader_batches(p->loader);
    if (p->schedule) OK(dnn_schedule_apply(p->schedule, p->opt, epoch));
}

static bool fit_epoch(program *p) {
    const dnn_tensor *x, *target;
    dnn_status status = DNN_OK;
    for (int64_t batch = 0; status == DNN_OK; batch++) {
        take_rate(p, batch);
        status = dnn_loader_next(p->loader, &x, &target);
        if (status == DNN_OK && !step(p, x, target)) return false;
    }
    return status == DNN_END || went(p, "dnn_loader_next", status);
}

bool fit(program *p, int epochs) {
    OK(dnn_module_train(p->net));
    for (int epoch = 0; epoch < epochs; epoch++)
        if (!fit_epoch(p)) return false;
    return true;
}

double evaluate(program *p) {
    dnn_tensor *x, *target;
    const dnn_tensor *y;
    double value;
    OK(dnn_dataset_get_range(&x, &target, p->test, 0, dnn_dataset_count(p->test)));
    OK(dnn_module_forward(p->net, x, &y));
    OK(dnn_loss_evaluate(p->loss, y, target, &value, NULL));
    OK(dnn_tensor_release(target));
    OK(dnn_tensor_release(x));
    return value;
}

/* ---- questions ---- */

void look(program *p, double low, double high) {
    dnn_report *report;
    OK(dnn_look(&report, p->loader, DESC(dnn_look_desc, .low = low, .high = high)));
    said(p, "dnn_look", report);
}

void audit(program *p, int64_t classes) {
    dnn_report *report;
    OK(dnn_audit(&report, p->train, p->test, DESC(dnn_audit_desc, .classes = classes, 
                                    .skip = DNN_AUDIT_NO_SHEETS + DNN_AUDIT_NO_VARIANTS)));
    said(p, "dnn_audit", report);
}

void probe(program *p) {
    dnn_item_info item = {DNN_SIZED(dnn_item_info)};
    dnn_report *report;
    OK(dnn_dataset_item(p->train, &item));
    dnn_array input = {.dtype = item.input.dtype, .rank = item.input.rank + 1, .dims = {32}};
    for (int32_t i = 0; i < item.input.rank; i++) input.dims[i + 1] = item.input.dims[i];
    OK(dnn_probe(&report, p->net, &input, 1, NULL));
    said(p, "dnn_probe", report);
}

void autopsy(program *p, const dnn_tensor *x) {
    dnn_report *report;
    OK(dnn_autopsy(&report, p->net, &x, 1, NULL));
    said(p, "dnn_autopsy", report);
}

void preflight(program *p, dnn_preflight_desc desc) {
    dnn_report *report;
    if (went(p, "dnn_preflight", dnn_preflight(&report, p->net, p->loss, p->opt, p->train, &desc)))
        said(p, "dnn_preflight", report);
}

void divergence(program *p, int64_t batch) {
    dnn_report *report;
    OK(dnn_tune_divergence(&report, p->net, p->loss, p->opt, p->train,
                           DESC(dnn_tune_divergence_desc, .batch_size = batch), NULL));
    said(p, "dnn_tune_divergence", report);
}
