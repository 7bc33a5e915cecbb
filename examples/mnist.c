/* Your own data: a CNN on IDX files that are named on the command line, as MNIST's are, plain or compressed.
 *
 *     mnist [--epochs N] IMAGES LABELS [TEST-IMAGES TEST-LABELS]
 *     mnist --preflight IMAGES LABELS [TEST-IMAGES TEST-LABELS]
 *
 * --preflight trains nothing: it says what is wrong with network, loss, optimizer and data, and what the run will take.
 * Without test files a fifth of the images, chosen by a fixed seed, is kept apart for testing. (--quick, without files,
 * is the project's own test: it writes a small pair of files, and learns from them.) */
#define _DEFAULT_SOURCE /* mkdtemp, under -std=c11 */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

static dnn_module *conv(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out,
                                              .kernel = {3}, .padding = 1, .no_bias = 1});
}

static dnn_module *norm(dnn_context *ctx, int64_t features) {
    return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = features});
}

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static int build(dnn_module **net, dnn_context *ctx) {
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    TRY(dnn_sequential_create(net, ctx));
    dnn_sequential_add(*net, "conv1", conv(ctx, 1, 32));
    dnn_sequential_add(*net, "norm1", norm(ctx, 32));
    dnn_sequential_add(*net, "relu1", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool1", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "conv2", conv(ctx, 32, 64));
    dnn_sequential_add(*net, "norm2", norm(ctx, 64));
    dnn_sequential_add(*net, "relu2", dnn_relu(ctx));
    dnn_sequential_add(*net, "pool2", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(*net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(*net, "fc1", linear(ctx, 7 * 7 * 64, 128));
    dnn_sequential_add(*net, "relu3", dnn_relu(ctx));
    dnn_sequential_add(*net, "dropout", dnn_dropout(ctx, 0.5));
    dnn_sequential_add(*net, "fc2", linear(ctx, 128, 10));
    TRY(dnn_module_error(*net));
    return 0;
}

enum { BATCH = 64 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A bar for people, on a terminal, ten times a second at most: the line of results covers it at the end. */
static void show_progress(int64_t done, int64_t total, double loss) {
    static double began, shown;
    char line[4 * 80];
    double now = seconds();
    if (done == 1) began = shown = now;
    if (!isatty(STDOUT_FILENO) || (done < total && now - shown < 0.1)) return;
    shown = now;
    dnn_bar bar = {DNN_SIZED(dnn_bar), .done = done, .total = total, .first = 1, .seconds = now - began,
                   .unit = "images", .units_per_step = BATCH, .has_loss = 1, .loss = loss};
    if (dnn_bar_line(line, sizeof line, &bar) == DNN_OK) printf("\r%s\r", line);
    fflush(stdout);
}

/* The mean loss of one pass over the training images. The rate falls linearly over the whole training. */
static int train_epoch(dnn_module *net, dnn_loss *loss, dnn_optimizer *opt, dnn_loader *loader, double from, double to,
                       double *mean) {
    const dnn_tensor *x, *target, *y, *dy;
    int64_t batch = 0, batches = dnn_loader_batches(loader);
    double sum = 0;
    dnn_status status;
    TRY(dnn_module_train(net));
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        double value;
        TRY(dnn_optimizer_set_lr(opt, from + (to - from) * (double)batch++ / (double)batches));
        TRY(dnn_optimizer_zero_grad(opt));
        TRY(dnn_module_forward(net, x, &y));
        TRY(dnn_loss_evaluate(loss, y, target, &value, &dy));
        TRY(dnn_module_backward(net, dy, NULL));
        TRY(dnn_optimizer_step(opt));
        sum += value;
        show_progress(batch, batches, sum / (double)batch);
    }
    if (status != DNN_END) TRY(status);
    *mean = sum / (double)batch;
    return 0;
}

static int accuracy(dnn_module *net, dnn_dataset *test, double *share) {
    dnn_loader *loader;
    const dnn_tensor *x, *target, *y;
    int64_t right = 0;
    dnn_status status;
    TRY(dnn_loader_create(&loader, test, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = 250}));
    TRY(dnn_module_eval(net));
    while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) {
        TRY(dnn_module_forward(net, x, &y));
        const float *logits = dnn_tensor_const_data(y);
        const int64_t *labels = dnn_tensor_const_data(target);
        for (int64_t i = 0; i < dnn_tensor_dim(y, 0); i++) {
            int64_t best = 0;
            for (int64_t c = 1; c < 10; c++)
                if (logits[i * 10 + c] > logits[i * 10 + best]) best = c;
            right += best == labels[i];
        }
    }
    if (status != DNN_END) TRY(status);
    *share = (double)right / (double)dnn_dataset_count(test);
    dnn_loader_release(loader);
    return 0;
}

enum { EPOCHS = 10, PREFLIGHT = 0 }; /* instead of a number of epochs */

static int preflight(dnn_module *net, dnn_loss *loss, dnn_optimizer *opt, dnn_dataset *data, dnn_dataset *test) {
    dnn_report *report;
    double began = seconds();
    TRY(dnn_preflight(&report, net, loss, opt, data,
                      &(dnn_preflight_desc){DNN_SIZED(dnn_preflight_desc), .validation = test, .batch_size = BATCH,
                                            .epochs = EPOCHS, .folder = "mnist-run"}));
    printf("%s\n%.1f seconds\n", dnn_report_text(report), seconds() - began);
    int wrong = dnn_report_worst(report) >= DNN_SEVERITY_ERROR;
    dnn_report_release(report);
    return wrong;
}

static int train_epochs(dnn_module *net, dnn_loss *loss, dnn_optimizer *opt, dnn_dataset *data, dnn_dataset *test,
                        int epochs, double *share) {
    dnn_loader *loader;
    TRY(dnn_loader_create(&loader, data, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1}));
    for (int epoch = 0; epoch < epochs; epoch++) {
        double mean, from = 1e-3 * (epochs - epoch) / epochs, to = 1e-3 * (epochs - epoch - 1) / epochs;
        if (train_epoch(net, loss, opt, loader, from, to, &mean) || accuracy(net, test, share)) return 1;
        if (isatty(STDOUT_FILENO)) printf("%79s\r", "");
        printf("epoch %2d  loss %.4f  test %.2f %%\n", epoch + 1, mean, 100 * *share);
        fflush(stdout);
    }
    dnn_loader_release(loader);
    return 0;
}

static int train(dnn_context *ctx, dnn_dataset *data, dnn_dataset *test, int epochs, double *share) {
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    if (build(&net, ctx)) return 1;
    TRY(dnn_cross_entropy_create(&loss, ctx, NULL));
    TRY(dnn_adamw_create(&opt, net, NULL));
    int failed = epochs == PREFLIGHT ? preflight(net, loss, opt, data, test)
                                     : train_epochs(net, loss, opt, data, test, epochs, share);
    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_module_release(net);
    return failed;
}

/* `files`: images, labels, and perhaps images and labels for testing. */
static int run(char **files, int n_files, int epochs, double *share) {
    dnn_context *ctx;
    dnn_dataset *all, *data, *test;
    TRY(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .seed = 1}));
    TRY(dnn_idx_dataset(&all, ctx, files[0], files[1], NULL));
    if (n_files == 4) {
        TRY(dnn_idx_dataset(&test, ctx, files[2], files[3], NULL));
        data = all;
        TRY(dnn_dataset_retain(data));
    } else {
        TRY(dnn_dataset_split(&data, &test, all, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), .fraction = 0.8}));
    }
    printf("%lld images to train on, %lld to test on\n", (long long)dnn_dataset_count(data),
           (long long)dnn_dataset_count(test));
    int failed = train(ctx, data, test, epochs, share);
    dnn_dataset_release(test);
    dnn_dataset_release(data);
    dnn_dataset_release(all);
    dnn_context_release(ctx);
    return failed;
}

/* ---- --quick ---- */

static void put_header(FILE *file, unsigned char axes, const uint32_t *dims) {
    unsigned char magic[4] = {0, 0, 8, axes};
    fwrite(magic, 1, 4, file);
    for (int i = 0; i < axes; i++)
        for (int shift = 24; shift >= 0; shift -= 8) fputc((int)(dims[i] >> shift & 255), file);
}

/* Digits drawn by code, as files. */
static int write_files(dnn_context *ctx, const char *images_path, const char *labels_path) {
    enum { N = 2000 };
    dnn_dataset *digits;
    dnn_tensor *x, *labels;
    TRY(dnn_digits(&digits, ctx, NULL));
    TRY(dnn_dataset_get_range(&x, &labels, digits, 0, N));
    FILE *images_file = fopen(images_path, "wb"), *labels_file = fopen(labels_path, "wb");
    if (!images_file || !labels_file) return 1;
    put_header(images_file, 3, (const uint32_t[]){N, 28, 28});
    put_header(labels_file, 1, (const uint32_t[]){N});
    const float *pixels = dnn_tensor_data(x);
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) fputc((int)(pixels[i] * 255), images_file);
    for (int64_t i = 0; i < N; i++) fputc((int)((int64_t *)dnn_tensor_data(labels))[i], labels_file);
    dnn_tensor_release(labels);
    dnn_tensor_release(x);
    dnn_dataset_release(digits);
    int failed = fclose(images_file) != 0;
    return fclose(labels_file) != 0 || failed;
}

static int quick(void) {
    char folder[] = "/tmp/mnist-XXXXXX", images[64], labels[64];
    double share = 0;
    dnn_context *ctx;
    if (!mkdtemp(folder)) return 1;
    TRY(dnn_context_create(&ctx, NULL));
    snprintf(images, sizeof images, "%s/images", folder);
    snprintf(labels, sizeof labels, "%s/labels", folder);
    char *files[] = {images, labels};
    int failed = write_files(ctx, images, labels) || run(files, 2, 2, &share);
    dnn_context_release(ctx);
    remove(images);
    remove(labels);
    rmdir(folder);
    return failed || share < 0.8;
}

int main(int argc, char **argv) {
    int epochs = EPOCHS, first = 1;
    double share = 0;
    if (argc == 2 && strcmp(argv[1], "--quick") == 0) return quick();
    if (argc > 1 && strcmp(argv[1], "--preflight") == 0) {
        epochs = PREFLIGHT;
        first = 2;
    } else if (argc > 2 && strcmp(argv[1], "--epochs") == 0) {
        epochs = atoi(argv[2]);
        first = 3;
        if (epochs < 1) first = argc; /* no such number */
    }
    if (argc - first != 2 && argc - first != 4) {
        fprintf(stderr, "usage: mnist [--epochs N | --preflight] IMAGES LABELS [TEST-IMAGES TEST-LABELS]\n");
        return 2;
    }
    return run(argv + first, argc - first, epochs, &share);
}
