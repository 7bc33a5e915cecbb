#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rng/rng.h"
#include "support/flights.h"

void flight_end(flight *f) {
    dnn_optimizer_release(f->opt);
    dnn_loss_release(f->loss);
    dnn_module_release(f->net);
    dnn_dataset_release(f->data);
    *f = (flight){0};
}

/* ---- data ---- */

dnn_dataset *flight_dataset(dnn_tensor *x, dnn_tensor *target) {
    dnn_dataset *dataset;
    OK(dnn_dataset_from_tensors(&dataset, x, target));
    dnn_tensor_release(x);
    dnn_tensor_release(target);
    return dataset;
}

dnn_dataset *flight_blobs(int64_t n, int64_t dims, int64_t classes, uint64_t seed) {
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(n, dims), seed), *t = tensor_of(data_ctx, DNN_I64, DIMS(n),
    NULL); for (int64_t i = 0; i < n; i++) {
        int64_t k = (int64_t)dnnk_random_below(seed, 1, (uint64_t)i, (uint64_t)classes);
        for (int64_t d = 0; d < dims; d++)
            tensor_put(x, i * dims + d, 0.4 * tensor_at(x, i * dims + d) +
                                            1.2 * dnnk_random_normal(7, 2, (uint64_t)(k * dims + d)));
        tensor_put(t, i, (double)k);
    }
    return flight_dataset(x, t);
}

dnn_dataset *flight_curve(int64_t n, int64_t dims, double offset, uint64_t seed) {
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(n, dims), seed), *t = tensor_of(data_ctx, DNN_F32, DIMS(n,
    1), NULL); for (int64_t i = 0; i < n; i++)
        tensor_put(t, i, offset + sin(2 * tensor_at(x, i * dims)) + 0.8 * tensor_at(x, i * dims + 1));
    return flight_dataset(x, t);
}

dnn_dataset *flight_sequences(int64_t n, int64_t steps, uint64_t seed) {
    dnn_tensor *x = tensor_normal(data_ctx, DNN_F32, DIMS(n, steps, 2), seed);
    dnn_tensor *t = tensor_of(data_ctx, DNN_I64, DIMS(n), NULL);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t s = 0; s < steps; s++) sum += tensor_at(x, (i * steps + s) * 2);
        tensor_put(t, i, sum > 0);
    }
    return flight_dataset(x, t);
}

/* ---- networks ---- */

dnn_module *flight_dense(int64_t in, int64_t out) {
    return dnn_linear(data_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

dnn_module *flight_conv(int64_t in, int64_t out) {
    return dnn_conv2d(data_ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                                   .kernel = {3}, .padding = 1});
}

dnn_module *flight_norm(int64_t features) {
    return dnn_batch_norm(data_ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

dnn_module *flight_chain(dnn_module *const *layers, int n) {
    dnn_module *net;
    char name[16];
    OK(dnn_sequential_create(&net, data_ctx));
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "l%d", i);
        dnn_sequential_add(net, name, layers[i]);
    }
    OK(dnn_module_error(net));
    return net;
}

dnn_loss *flight_cross_entropy(void) {
    dnn_loss *loss;
    OK(dnn_cross_entropy_create(&loss, data_ctx, NULL));
    return loss;
}

dnn_loss *flight_squares(void) {
    dnn_loss *loss;
    OK(dnn_mse_create(&loss, data_ctx, NULL));
    return loss;
}

dnn_optimizer *flight_adam(dnn_module *net, double lr) {
    dnn_optimizer *opt;
    OK(dnn_adam_create(&opt, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = lr}));
    return opt;
}

void flight_set(dnn_module *net, const char *path, double value) {
    dnn_tensor *t = value_of(net, path);
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) tensor_put(t, i, value);
}

/* ---- reports ---- */

void flight_expect(dnn_report *report, const char *name, dnn_severity severity, const char *words) {
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = DNN_SEVERITY_NONE};
    if (dnn_report_find(report, name, &f) != DNN_OK) fail_msg("no %s in\n%s", name, dnn_report_text(report));
    if (f.severity != severity || !strstr(dnn_report_text(report), words))
        fail_msg("%s is a %s, '%s' is expected in\n%s", name, dnn_severity_name(f.severity), words,
                 dnn_report_text(report));
}

void flight_expect_none(dnn_report *report, const char *name) {
    if (dnn_report_find(report, name, NULL) == DNN_OK) fail_msg("there is %s in\n%s", name, dnn_report_text(report));
}
