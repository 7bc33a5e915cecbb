/* Does augmentation pay? A small CNN on CIFAR-10's binary files, trained twice from the same start: on the images as
 * they are, and on random crops and flips of them, drawn anew in every epoch.
 *
 *     cifar [--epochs N] [--threads N] TEST-FILE TRAINING-FILE...
 *
 * (--quick, without files, is the project's own test: it writes small files of coloured digits, and learns from them.) */
#define _DEFAULT_SOURCE /* mkdtemp, under -std=c11 */
#include <dnn/dnn.h>
#include <dnn/io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRY(call)                                                \
    do {                                                         \
        if ((call) != DNN_OK) {                                  \
            fprintf(stderr, "%s\n", dnn_last_error());           \
            return 1;                                            \
        }                                                        \
    } while (0)

/* ---- the data, and what happens to it ---- */

/* What every image goes through, in training and in testing. */
static void add_numbers(dnn_context *ctx, dnn_transform *chain) {
    const double mean[3] = {0.491, 0.482, 0.447}, std[3] = {0.247, 0.243, 0.262}; /* of the training images */
    dnn_transform_add(chain, dnn_to_float(ctx, NULL));
    dnn_transform_add(chain, dnn_transform_standardize_by(ctx, mean, std, 3));
}

static int view(dnn_dataset **out, dnn_context *ctx, dnn_dataset *images, int augment) {
    dnn_transform *chain;
    dnn_random_crop_desc crop = {DNN_SIZED(dnn_random_crop_desc), .padding = 4, .border = DNN_BORDER_REFLECT};
    TRY(dnn_transform_chain(&chain, ctx));
    if (augment) {
        dnn_transform_add(chain, dnn_random_crop(ctx, &crop));
        dnn_transform_add(chain, dnn_random_flip(ctx, NULL));
    }
    add_numbers(ctx, chain);
    TRY(dnn_dataset_transform(out, images, chain, NULL));
    dnn_transform_release(chain);
    return 0;
}

/* ---- the network ---- */

static void add_block(dnn_context *ctx, dnn_module *net, int64_t in, int64_t out) {
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = in, .out_channels = out, .kernel = {3},
                            .padding = 1, .no_bias = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = out};
    dnn_sequential_add(net, NULL, dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, NULL, dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(net, NULL, dnn_relu(ctx));
    dnn_sequential_add(net, NULL, dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {2}}));
}

static int build(dnn_module **net, dnn_context *ctx) {
    dnn_linear_desc linear = {DNN_SIZED(dnn_linear_desc), .in_features = 4 * 4 * 96, .out_features = 10};
    TRY(dnn_context_seed(ctx, 1));
    TRY(dnn_sequential_create(net, ctx));
    add_block(ctx, *net, 3, 32);
    add_block(ctx, *net, 32, 64);
    add_block(ctx, *net, 64, 96);
    dnn_sequential_add(*net, NULL, dnn_flatten(ctx));
    dnn_sequential_add(*net, NULL, dnn_linear(ctx, &linear));
    TRY(dnn_module_error(*net));
    return 0;
}

/* ---- training and testing ---- */

/* The mean loss of one pass. The rate falls from `from` to `to`. */
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

static int train(dnn_context *ctx, dnn_dataset *data, dnn_dataset *test, int epochs, double *share) {
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_loader *loader;
    dnn_loader_desc batches = {DNN_SIZED(dnn_loader_desc), .batch_size = 64, .shuffle = 1};
    if (build(&net, ctx)) return 1;
    TRY(dnn_cross_entropy_create(&loss, ctx, NULL));
    TRY(dnn_adamw_create(&opt, net, NULL));
    TRY(dnn_loader_create(&loader, data, &batches));
    for (int epoch = 0; epoch < epochs; epoch++) {
        double mean, from = 2e-3 * (epochs - epoch) / epochs, to = 2e-3 * (epochs - epoch - 1) / epochs;
        if (train_epoch(net, loss, opt, loader, from, to, &mean) || accuracy(net, test, share)) return 1;
        printf("  epoch %2d  loss %.4f  test %.2f %%\n", epoch + 1, mean, 100 * *share);
        fflush(stdout);
    }
    dnn_loader_release(loader);
    dnn_optimizer_release(opt);
    dnn_loss_release(loss);
    dnn_module_release(net);
    return 0;
}

/* share[0] without, share[1] with augmentation. */
static int compare(dnn_context *ctx, char **files, int n_files, int epochs, double share[2]) {
    dnn_dataset *images, *test_images, *test, *data;
    const char *test_file = files[0];
    TRY(dnn_cifar_dataset(&test_images, ctx, &test_file, 1, NULL));
    TRY(dnn_cifar_dataset(&images, ctx, (const char *const *)files + 1, n_files - 1, NULL));
    printf("%lld images to train on, %lld to test on\n", (long long)dnn_dataset_count(images),
           (long long)dnn_dataset_count(test_images));
    if (view(&test, ctx, test_images, 0)) return 1;
    for (int augment = 0; augment < 2; augment++) {
        if (view(&data, ctx, images, augment)) return 1;
        printf("%s\n", augment ? "random crops and flips:" : "the images as they are:");
        if (train(ctx, data, test, epochs, &share[augment])) return 1;
        dnn_dataset_release(data);
    }
    printf("test accuracy: %.2f %% without augmentation, %.2f %% with\n", 100 * share[0], 100 * share[1]);
    dnn_dataset_release(test);
    dnn_dataset_release(images);
    dnn_dataset_release(test_images);
    return 0;
}

static int run(char **files, int n_files, int epochs, int threads, double share[2]) {
    dnn_context *ctx;
    TRY(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 1}));
    int failed = compare(ctx, files, n_files, epochs, share);
    dnn_context_release(ctx);
    return failed;
}

/* ---- --quick ---- */

/* Digits drawn by code, each in a colour of its own, as a file of CIFAR's: a label, then red, green and blue planes. */
static int write_file(dnn_context *ctx, const char *path, int64_t first, int64_t count) {
    dnn_dataset *digits;
    dnn_tensor *x, *labels;
    dnn_digits_desc d = {DNN_SIZED(dnn_digits_desc), .count = count, .first = first, .image_size = 32};
    TRY(dnn_digits(&digits, ctx, &d));
    TRY(dnn_dataset_get_range(&x, &labels, digits, 0, count));
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    const float *ink = dnn_tensor_data(x);
    for (int64_t i = 0; i < count; i++, ink += 1024) {
        fputc((int)((int64_t *)dnn_tensor_data(labels))[i], file);
        for (int c = 0; c < 3; c++) {
            double strength = 155 + (double)((i * 7 + c * 31) % 101);
            for (int p = 0; p < 1024; p++) fputc((int)(strength * (double)ink[p]), file);
        }
    }
    dnn_tensor_release(labels);
    dnn_tensor_release(x);
    dnn_dataset_release(digits);
    return fclose(file) != 0;
}

static int quick(void) {
    char folder[] = "/tmp/cifar-XXXXXX", test[64], data[64];
    double share[2] = {0, 0};
    dnn_context *ctx;
    if (!mkdtemp(folder)) return 1;
    TRY(dnn_context_create(&ctx, NULL));
    snprintf(test, sizeof test, "%s/test.bin", folder);
    snprintf(data, sizeof data, "%s/data.bin", folder);
    char *files[] = {test, data};
    int failed = write_file(ctx, data, 0, 1000) || write_file(ctx, test, 1000, 250) || run(files, 2, 2, 0, share);
    dnn_context_release(ctx);
    remove(test);
    remove(data);
    rmdir(folder);
    return failed || share[0] < 0.6 || share[1] < 0.4;
}

int main(int argc, char **argv) {
    int epochs = 20, threads = 0, first = 1;
    double share[2];
    if (argc == 2 && strcmp(argv[1], "--quick") == 0) return quick();
    for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2) {
        if (strcmp(argv[first], "--epochs") == 0) epochs = atoi(argv[first + 1]);
        else if (strcmp(argv[first], "--threads") == 0) threads = atoi(argv[first + 1]);
        else break;
    }
    if (argc - first < 2 || epochs < 1 || threads < 0) {
        fprintf(stderr, "usage: cifar [--epochs N] [--threads N] TEST-FILE TRAINING-FILE...\n");
        return 2;
    }
    return run(argv + first, argc - first, epochs, threads, share);
}
