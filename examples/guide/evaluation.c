/* The guide's page on evaluation, docs/guide/evaluation.md: metrics, curves, the samples behind them, a fixed set over
 * training, and what the network looks at. (examples/evaluate.c does the first of it in a process of its own.)
 *
 *     evaluation [--quick]
 *
 * The data are digits drawn by code. */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                     \
    do {                                              \
        dnn_status status_ = (call);                  \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

enum { COUNT = 5000, QUICK_COUNT = 1500, TEST_COUNT = 500, EPOCHS = 4, BATCH = 50, MOST_STEPS = 1000, SEEN = 8 };

typedef struct {
    dnn_context *ctx;
    dnn_dataset *train, *test;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_strip *strip;
    double losses[MOST_STEPS]; /* of training, by step */
    double steps[EPOCHS], tests[EPOCHS], accuracies[EPOCHS]; /* after each epoch; tests: losses */
    int64_t n_losses;
} experiment;

/* ---- the network ---- */

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out, int64_t kernel) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {kernel}, .padding = kernel / 2});
}

static dnn_status build(dnn_module **net, dnn_context *ctx) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_linear_desc fc = {DNN_SIZED(dnn_linear_desc), .in_features = 7 * 7 * 16, .out_features = 10};
    TRY(dnn_sequential_create(net, ctx));
    dnn_sequential_add(*net, "conv1", conv(ctx, 1, 16, 5));
    dnn_sequential_add(*net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool1", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "conv2", conv(ctx, 16, 16, 3));
    dnn_sequential_add(*net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool2", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(*net, "fc", dnn_linear(ctx, &fc));
    return dnn_module_error(*net);
}

static dnn_status begin(experiment *e, int64_t count) {
    dnn_digits_desc train = {DNN_SIZED(dnn_digits_desc), .count = count};
    dnn_digits_desc test = {DNN_SIZED(dnn_digits_desc), .first = count, .count = TEST_COUNT};
    TRY(dnn_digits(&e->train, e->ctx, &train));
    TRY(dnn_digits(&e->test, e->ctx, &test));
    TRY(build(&e->net, e->ctx));
    TRY(dnn_cross_entropy_create(&e->loss, e->ctx, NULL));
    TRY(dnn_adam_create(&e->opt, e->net, NULL));
    return dnn_strip_create(&e->strip, e->test, &(dnn_strip_desc){DNN_SIZED(dnn_strip_desc), .n_indices = 6});
}

static dnn_status step(experiment *e, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y, *dy;
    TRY(dnn_optimizer_zero_grad(e->opt));
    TRY(dnn_module_forward(e->net, x, &y));
    TRY(dnn_loss_evaluate(e->loss, y, target, &e->losses[e->n_losses++], &dy));
    TRY(dnn_module_backward(e->net, dy, NULL));
    return dnn_optimizer_step(e->opt);
}

/* ---- 1. metrics: a predictor, which cannot train by mistake ---- */

static dnn_status test(experiment *e, dnn_metrics *metrics) {
    dnn_predictor *predictor;
    dnn_loader *loader;
    const dnn_tensor *x, *target, *y;
    dnn_status status;
    TRY(dnn_metrics_reset(metrics));
    TRY(dnn_predictor_create(&predictor, e->net));
    TRY(dnn_loader_create(&loader, e->test, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = BATCH}));
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        TRY(dnn_predictor_run(predictor, x, &y));
        TRY(dnn_metrics_add(metrics, y, target));
    }
    if (status != DNN_END) return status;
    dnn_loader_release(loader);
    return dnn_predictor_release(predictor);
}

/* ---- 2. a fixed set over training ---- */

static dnn_status train(experiment *e, dnn_metrics *metrics) {
    dnn_loader *loader;
    const dnn_tensor *x, *target;
    dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1};
    TRY(dnn_loader_create(&loader, e->train, &desc));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        char label[32];
        dnn_status status;
        snprintf(label, sizeof label, "epoch %d", epoch);
        TRY(dnn_strip_add(e->strip, e->net, label));
        while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) TRY(step(e, x, target));
        if (status != DNN_END) return status;
        e->steps[epoch] = (double)e->n_losses;
        TRY(test(e, metrics));
        TRY(dnn_metrics_get(metrics, "loss", &e->tests[epoch]));
        TRY(dnn_metrics_get(metrics, "accuracy", &e->accuracies[epoch]));
    }
    return dnn_loader_release(loader);
}

static dnn_status save(experiment *e, const char *path, dnn_tensor *picture) {
    TRY(dnn_png_write(e->ctx, path, picture));
    return dnn_tensor_release(picture);
}

static dnn_status show_strip(experiment *e) {
    dnn_tensor *picture;
    TRY(dnn_strip_picture(&picture, e->strip));
    return save(e, "strip.png", picture);
}

/* ---- 3. curves ---- */

static dnn_status show_curves(experiment *e) {
    char text[8192];
    dnn_series lines[] = {{.y = e->losses, .count = e->n_losses, .label = "training"},
                          {.x = e->steps, .y = e->tests, .count = EPOCHS, .label = "test"}};
    dnn_plot_desc plot = {DNN_SIZED(dnn_plot_desc), .title = "loss", .x_label = "step", .y_log = 1, .height = 12};
    if (dnn_plot_text(e->ctx, lines, 2, &plot, text, sizeof text) < 0) return DNN_ERROR_MEMORY;
    puts(text);
    dnn_tensor *picture;
    plot.height = 480;
    plot.smoothing = 0.9; /* in the picture the losses themselves stay, pale, behind their mean */
    TRY(dnn_plot_lines(&picture, e->ctx, lines, 1, &plot));
    return save(e, "curves.png", picture);
}

/* ---- 4. the samples behind the number ---- */

static dnn_status show_samples(experiment *e) {
    double losses[TEST_COUNT];
    dnn_tensor *sheet;
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = 10};
    TRY(dnn_sample_metric(losses, e->net, e->test, &classes, "loss"));
    dnn_predictions_desc desc = {DNN_SIZED(dnn_predictions_desc), .values = losses, .name = "loss"};
    TRY(dnn_sheet_predictions(&sheet, e->net, e->test, &desc));
    return save(e, "quartiles.png", sheet);
}

/* ---- 5. what the network looks at ---- */

static dnn_status show_filters(experiment *e) {
    dnn_parameter weight = {DNN_SIZED(dnn_parameter)};
    dnn_tensor *sheet;
    TRY(dnn_module_parameter(e->net, "conv1.weight", &weight));
    TRY(dnn_sheet_filters(&sheet, e->ctx, weight.value, NULL));
    return save(e, "filters.png", sheet);
}

static dnn_status lay_over(experiment *e, const char *path, const dnn_tensor *images, dnn_tensor *heat) {
    dnn_tensor *over, *sheet;
    TRY(dnn_overlay(&over, images, heat, NULL));
    TRY(dnn_sheet_create(&sheet, e->ctx, over, NULL));
    dnn_tensor_release(over);
    dnn_tensor_release(heat);
    return save(e, path, sheet);
}

static dnn_status show_heat(experiment *e) {
    dnn_tensor *images, *heat;
    dnn_gradcam_desc cam = {DNN_SIZED(dnn_gradcam_desc), .by_place = 1}; /* a dense layer follows the last map */
    TRY(dnn_dataset_get_range(&images, NULL, e->test, 0, SEEN));
    TRY(dnn_gradcam(&heat, e->net, images, &cam));
    TRY(lay_over(e, "gradcam.png", images, heat));
    TRY(dnn_occlusion(&heat, e->net, images, NULL));
    TRY(lay_over(e, "occlusion.png", images, heat));
    return dnn_tensor_release(images);
}

static dnn_status show_wishes(experiment *e, int64_t steps, double scores[20]) {
    dnn_tensor *images, *sheet;
    dnn_maximise_desc desc = {DNN_SIZED(dnn_maximise_desc), .height = 28, .width = 28, .channels = 1,
                              .steps = steps, .scores = scores};
    TRY(dnn_maximise(&images, e->net, &desc));
    TRY(dnn_sheet_create(&sheet, e->ctx, images, NULL));
    dnn_tensor_release(images);
    return save(e, "classes.png", sheet);
}

/* ---- */

static void end(experiment *e) {
    dnn_strip_release(e->strip);
    dnn_optimizer_release(e->opt);
    dnn_loss_release(e->loss);
    dnn_module_release(e->net);
    dnn_dataset_release(e->test);
    dnn_dataset_release(e->train);
}

static dnn_status run(experiment *e, int quick) {
    dnn_metrics *metrics;
    dnn_report *report;
    double scores[20];
    dnn_metrics_desc classes = {DNN_SIZED(dnn_metrics_desc), .classes = 10, .k = 3};
    TRY(begin(e, quick ? QUICK_COUNT : COUNT));
    TRY(dnn_metrics_create(&metrics, e->ctx, &classes));
    TRY(train(e, metrics));
    TRY(dnn_metrics_report(&report, metrics));
    puts(dnn_report_text(report));
    dnn_report_release(report);
    dnn_metrics_release(metrics);
    TRY(show_curves(e));
    TRY(show_strip(e));
    TRY(show_samples(e));
    TRY(show_filters(e));
    TRY(show_heat(e));
    TRY(show_wishes(e, quick ? 20 : 200, scores));
    for (int k = 0; k < 10; k++)
        if (scores[10 + k] <= scores[k]) return dnn_fail(DNN_ERROR_STATE, "a class did not get what it looks for");
    if (e->accuracies[EPOCHS - 1] < 0.5) return dnn_fail(DNN_ERROR_STATE, "the network learnt too little");
    return DNN_OK;
}

int main(int argc, char **argv) {
    static experiment e;
    int quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    dnn_status status = dnn_context_create(&e.ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1});
    if (status == DNN_OK) status = run(&e, quick);
    if (status != DNN_OK) fprintf(stderr, "%s\n", dnn_last_error());
    end(&e);
    dnn_context_release(e.ctx);
    return status != DNN_OK;
}
