/* CIFAR's images through crop, flip, scaling and standardising, in a loader of two threads. */
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#ifdef BENCH_HAS_IO
#include <dnn/io.h>
#endif

enum { N = 10000, BATCH = 128 };

/* Images of the same size, of bytes as they come, where there is no CIFAR. */
static dnn_dataset *made_up(dnn_context *ctx) {
    dnn_tensor *x, *t;
    dnn_dataset *images;
    bench_ok(dnn_tensor_create(&x, ctx, DNN_U8, 4, (const int64_t[]){N, 32, 32, 3}));
    bench_ok(dnn_tensor_create(&t, ctx, DNN_I64, 1, (const int64_t[]){N}));
    uint8_t *bytes = dnn_tensor_data(x);
    for (int64_t i = 0; i < dnn_tensor_bytes(x); i++) bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    bench_ok(dnn_dataset_from_tensors(&images, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return images;
}

static dnn_dataset *open_images(dnn_context *ctx, const char **what) {
#ifdef BENCH_HAS_IO
    dnn_dataset *images;
    const char *folder = getenv("DNN_DATA_DIR");
    char path[1024];
    const char *paths = path;
    snprintf(path, sizeof path, "%s/cifar10/data_batch_1.bin", folder ? folder : ".");
    *what = "CIFAR-10's file";
    if (folder && dnn_cifar_dataset(&images, ctx, &paths, 1, NULL) == DNN_OK) return images;
#endif
    *what = "made-up images";
    return made_up(ctx);
}

static dnn_dataset *augmented(dnn_context *ctx, dnn_dataset *images) {
    const double mean[3] = {0.49, 0.48, 0.45}, std[3] = {0.25, 0.24, 0.26};
    dnn_random_crop_desc crop = {DNN_SIZED(dnn_random_crop_desc), .padding = 4};
    dnn_transform *chain;
    dnn_dataset *view;
    bench_ok(dnn_transform_chain(&chain, ctx));
    dnn_transform_add(chain, dnn_random_crop(ctx, &crop));
    dnn_transform_add(chain, dnn_random_flip(ctx, NULL));
    dnn_transform_add(chain, dnn_to_float(ctx, NULL));
    dnn_transform_add(chain, dnn_transform_standardize_by(ctx, mean, std, 3));
    bench_ok(dnn_dataset_transform(&view, images, chain, NULL));
    dnn_transform_release(chain);
    return view;
}

static void epoch(void *loader) {
    const dnn_tensor *x, *t;
    dnn_status status;
    while ((status = dnn_loader_next(loader, &x, &t)) == DNN_OK) continue;
    if (status != DNN_END) bench_ok(status);
}

static void measure(dnn_dataset *dataset, const char *what, const char *how) {
    dnn_loader *loader;
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = BATCH, .shuffle = 1, .prefetch = 4, .workers = 2};
    bench_ok(dnn_loader_create(&loader, dataset, &d));
    printf("%s, %s, two threads: %.0f images/s\n", what, how, N / bench_fastest(epoch, loader));
    dnn_loader_release(loader);
}

void bench_augment(dnn_context *ctx) {
    const char *what;
    dnn_dataset *images = open_images(ctx, &what), *view = augmented(ctx, images);
    measure(images, what, "as they are");
    measure(view, what, "crop, flip, standardised");
    dnn_dataset_release(view);
    dnn_dataset_release(images);
}
