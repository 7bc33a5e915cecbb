/* What gdb is shown: a handle of every kind, good and bad ones. `stop` is where it stops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnn/dnn.h>

#define TRY(call)                                                        \
    do {                                                                 \
        if ((call) != DNN_OK) {                                          \
            fprintf(stderr, "%s\n", dnn_last_error());                   \
            exit(1);                                                     \
        }                                                                \
    } while (0)

static dnn_context *ctx;
static dnn_module *net, *conv, *nothing;
static dnn_tensor *x, *large, *half, *target, *released, *damaged, *nowhere, *broken;
static dnn_loss *mistaken;
static dnn_dataset *data;
static dnn_loader *loader;
static dnn_loss *loss;
static dnn_optimizer *opt;
static dnn_schedule *schedule;
static dnn_predictor *predictor;
static dnn_description *description;
static dnn_metrics *metrics;
static dnn_average *average;
static dnn_statistics *statistics;
static dnn_summary *summary;
static dnn_transform *transform;
static dnn_report *report;
static dnn_archive *archive;
static dnn_check_report *check_report;
static dnn_monitor *monitor;
static dnn_checkpoint_parts parts;
static dnn_status status = DNN_ERROR_SHAPE;
static dnn_dtype dtype = DNN_BF16;
static char garbage[512], shell[512];
static void *kept[40]; /* so that none of these is optimised away */

static void make_net(void) {
    dnn_module *features;
    dnn_conv2d_desc c = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 4, .kernel = {3}};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 16, .out_features = 3};
    TRY(dnn_sequential_create(&net, ctx));
    TRY(dnn_sequential_create(&features, ctx));
    conv = dnn_conv2d(ctx, &c);
    TRY(dnn_sequential_add(features, "conv", conv));
    TRY(dnn_sequential_add(features, "relu", dnn_relu(ctx)));
    TRY(dnn_sequential_add(net, "features", features));
    TRY(dnn_sequential_add(net, "flat", dnn_flatten(ctx)));
    TRY(dnn_sequential_add(net, "fc", dnn_linear(ctx, &fc)));
    TRY(dnn_module_freeze(net, "fc.bias"));
    TRY(dnn_module_zero_grad(net));
}

static void make_tensors(void) {
    float *values;
    TRY(dnn_tensor_create(&x, ctx, DNN_F32, 4, (int64_t[]){6, 4, 4, 1}));
    values = dnn_tensor_data(x);
    for (int i = 0; i < 96; i++) values[i] = (float)i;
    values[1] = NAN;
    values[2] = -INFINITY;
    TRY(dnn_tensor_create(&large, ctx, DNN_F64, 1, (int64_t[]){1000000}));
    TRY(dnn_tensor_cast(&half, x, DNN_BF16, DNN_CAST_LOSSY, NULL));
    TRY(dnn_tensor_create(&target, ctx, DNN_I64, 1, (int64_t[]){6}));
    TRY(dnn_tensor_create(&released, ctx, DNN_F32, 0, NULL));
    TRY(dnn_tensor_release(released));
    memset(garbage, 0x5a, sizeof garbage);
    damaged = (dnn_tensor *)(void *)garbage;
    nowhere = (dnn_tensor *)8;
    memcpy(shell, x, sizeof(uint64_t)); /* a header that is right, and nothing behind it that is */
    memset(shell + sizeof(uint64_t), 0x5a, sizeof shell - sizeof(uint64_t));
    broken = (dnn_tensor *)(void *)shell;
    mistaken = (dnn_loss *)(void *)x;
}

static void make_data(void) {
    dnn_loader_desc l = {DNN_SIZED(dnn_loader_desc), .batch_size = 4, .shuffle = 1, .prefetch = DNN_NO_PREFETCH};
    TRY(dnn_digits(&data, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 20, .image_size = 8}));
    TRY(dnn_loader_create(&loader, data, &l));
    TRY(dnn_transform_chain(&transform, ctx));
    TRY(dnn_statistics_fit(&statistics, data, NULL));
    TRY(dnn_summarise(&summary, data, NULL));
}

static void make_rest(void) {
    dnn_schedule_desc s = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_COSINE, .lr = 0.1, .warmup = 5, .epochs = 90};
    const dnn_array *input = &(dnn_array){.dtype = DNN_F32, .rank = 4, .dims = {6, 4, 4, 1}};
    const dnn_tensor *inputs[] = {x};
    dnn_tensor *y, *labels;
    TRY(dnn_tensor_create(&y, ctx, DNN_F32, 2, (int64_t[]){2, 3}));
    TRY(dnn_tensor_create(&labels, ctx, DNN_I64, 1, (int64_t[]){2}));
    TRY(dnn_cross_entropy_create(&loss, ctx, NULL));
    TRY(dnn_adam_create(&opt, net, NULL));
    TRY(dnn_schedule_create(&schedule, ctx, &s));
    TRY(dnn_predictor_create(&predictor, net));
    TRY(dnn_module_describe(&description, net, input, 1));
    TRY(dnn_metrics_create(&metrics, ctx, NULL));
    TRY(dnn_average_create(&average, net, NULL));
    TRY(dnn_monitor_create(&monitor, net, opt, NULL));
    TRY(dnn_monitor_step(monitor, NAN));
    TRY(dnn_autopsy(&report, net, inputs, 1, NULL));
    TRY(dnn_safetensors_parse(&archive, ctx, "\2\0\0\0\0\0\0\0{}", 10));
    TRY(dnn_check_loss(&check_report, loss, y, labels, NULL));
    parts = (dnn_checkpoint_parts){DNN_SIZED(dnn_checkpoint_parts), .module = net, .optimizer = opt};
}

static void stop(void) {
    void *all[] = {ctx, net, conv, nothing, x, large, half, target, released, damaged, nowhere, broken, mistaken, data,
                   loader, loss, opt, schedule, predictor, description, metrics, average, statistics, summary,
                   transform, report, archive, check_report, monitor, &parts, &status, &dtype};
    memcpy(kept, all, sizeof all);
    puts("stopped");
}

int main(void) {
    TRY(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1, .seed = 7}));
    make_net();
    make_tensors();
    make_data();
    make_rest();
    stop();
    return 0; /* what is held goes with the process: this is looked at, and ends */
}
