#include "support/faulty.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dnn/io.h>

#include "audit/neighbours.h"
#include "rng/rng.h"

const char *const faulty_names[BASES] = {"cifar", "mnist", "iris", "digits", "table", "numbers"};

/* ---- memory ---- */

static faulty *new_faulty(int64_t train, int64_t test, int64_t height, int64_t width, int64_t channels) {
    faulty *d = calloc(1, sizeof *d);
    if (!d) abort();
    *d = (faulty){.n = {train, test}, .height = height, .width = width, .channels = channels,
                  .items = height * width * channels, .input = DNN_F32, .target = DNN_I64,
                  .options = {DNN_SIZED(dnn_audit_desc), .skip = DNN_AUDIT_NO_SHEETS}};
    for (int k = 0; k < 2; k++) {
        d->x[k] = calloc((size_t)(d->n[k] * d->items), sizeof(float));
        d->t[k] = calloc((size_t)d->n[k], sizeof(double));
        if (!d->x[k] || !d->t[k]) abort();
    }
    return d;
}

faulty *faulty_copy(const faulty *source) {
    faulty *d = new_faulty(source->n[0], source->n[1], source->height, source->width, source->channels), made = *d;
    *d = *source;
    for (int k = 0; k < 2; k++) {
        d->x[k] = made.x[k];
        d->t[k] = made.t[k];
        memcpy(d->x[k], source->x[k], (size_t)(d->n[k] * d->items) * sizeof(float));
        memcpy(d->t[k], source->t[k], (size_t)d->n[k] * sizeof(double));
    }
    return d;
}

void faulty_free(faulty *d) {
    for (int k = 0; d && k < 2; k++) {
        free(d->x[k]);
        free(d->t[k]);
    }
    free(d);
}

/* ---- real data ---- */

static const char *data_path(char *path, size_t bytes, const char *file) {
    const char *folder = getenv("DNN_DATA_DIR");
    if (!folder || !*folder) return NULL;
    snprintf(path, bytes, "%s/%s", folder, file);
    return path;
}

/* n samples of a dataset from `first` on. */
static void take(faulty *d, int set, dnn_dataset *dataset, int64_t first) {
    dnn_tensor *x, *t;
    if (dnn_dataset_get_range(&x, &t, dataset, first, d->n[set]) != DNN_OK) abort();
    dnn_tensor *floats;
    if (dnn_tensor_cast(&floats, x, DNN_F32, DNN_CAST_LOSSY, NULL) != DNN_OK) abort();
    memcpy(d->x[set], dnn_tensor_const_data(floats), (size_t)(d->n[set] * d->items) * sizeof(float));
    const int64_t *labels = dnn_tensor_const_data(t);
    for (int64_t i = 0; i < d->n[set]; i++) d->t[set][i] = (double)labels[i];
    dnn_tensor_release(floats);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
}

static faulty *new_cifar(dnn_context *ctx) {
    char train[512], test[512];
    if (!data_path(train, sizeof train, "cifar10/data_batch_1.bin")) return NULL;
    data_path(test, sizeof test, "cifar10/test_batch.bin");
    dnn_dataset *sets[2];
    if (dnn_cifar_dataset(&sets[0], ctx, (const char *[]){train}, 1, NULL) != DNN_OK) return NULL;
    if (dnn_cifar_dataset(&sets[1], ctx, (const char *[]){test}, 1, NULL) != DNN_OK) abort();
    faulty *d = new_faulty(2000, 600, 32, 32, 3);
    for (int k = 0; k < 2; k++) {
        take(d, k, sets[k], 0);
        dnn_dataset_release(sets[k]);
    }
    d->input = DNN_U8;
    d->high = 255;
    d->classes = 10;
    return d;
}

static faulty *new_mnist(dnn_context *ctx) {
    char images[512], labels[512];
    if (!data_path(images, sizeof images, "mnist/t10k-images-idx3-ubyte.gz")) return NULL;
    data_path(labels, sizeof labels, "mnist/t10k-labels-idx1-ubyte.gz");
    dnn_dataset *digits;
    if (dnn_idx_dataset(&digits, ctx, images, labels, NULL) != DNN_OK) return NULL;
    faulty *d = new_faulty(2000, 600, 28, 28, 1);
    take(d, TRAIN, digits, 0);
    take(d, TEST, digits, 5000);
    dnn_dataset_release(digits);
    d->high = 1;
    d->classes = 10;
    return d;
}

/* Rows in random order, since the file is sorted by class. */
static faulty *new_iris(dnn_context *ctx) {
    char path[512], kind[64];
    (void)ctx;
    if (!data_path(path, sizeof path, "tabular/iris.csv")) return NULL;
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    faulty *d = new_faulty(100, 50, 1, 1, 4);
    int64_t order[150], work[1 << 16];
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    dnnk_permutation(&env, 3, 1, 150, order, work);
    for (int i = 0; i < 150; i++) {
        int set = order[i] >= 100;
        int64_t row = set ? order[i] - 100 : order[i];
        float *x = d->x[set] + 4 * row;
        if (fscanf(f, "%f,%f,%f,%f,%63s", x, x + 1, x + 2, x + 3, kind) != 5) abort();
        d->t[set][row] = strstr(kind, "setosa") ? 0 : strstr(kind, "versi") ? 1 : 2;
    }
    fclose(f);
    return d;
}

/* ---- generated data ---- */

static faulty *new_digits(dnn_context *ctx, bool small) {
    dnn_dataset *digits;
    faulty *d = new_faulty(small ? 800 : 2000, small ? 250 : 600, 28, 28, 1);
    dnn_digits_desc desc = {DNN_SIZED(dnn_digits_desc), .count = d->n[0] + d->n[1], .seed = 4};
    if (dnn_digits(&digits, ctx, &desc) != DNN_OK) abort();
    take(d, TRAIN, digits, 0);
    take(d, TEST, digits, d->n[0]);
    dnn_dataset_release(digits);
    d->high = 1;
    d->classes = 10;
    return d;
}

/* Eight columns of different units, three classes that overlap a little; or, for `numbers`, a target that is a sum of
 * some. */
static faulty *new_table(bool numbers) {
    faulty *d = new_faulty(600, 300, 1, 1, 8);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < d->n[k]; i++) {
            uint64_t at = (uint64_t)(i * 8 + k * 100000);
            double t = (double)dnnk_random_below(8, 1, at, 3), sum = 0;
            for (uint64_t j = 0; j < 8; j++) {
                double z = dnnk_random_normal(8, 2, at + j) + (numbers ? 0 : (j < 4 ? 1.6 : -0.8) * t);
                d->x[k][i * 8 + (int64_t)j] = (float)(z * (double)(j + 1) + 10);
                if (j < 3) sum += z;
            }
            d->t[k][i] = numbers ? sum + 0.1 * dnnk_random_normal(8, 3, at) : t;
        }
    if (numbers) d->target = DNN_F64;
    return d;
}

faulty *faulty_new(dnn_context *ctx, faulty_base base, bool small) {
    switch (base) {
    case CIFAR: return new_cifar(ctx);
    case MNIST: return new_mnist(ctx);
    case IRIS: return new_iris(ctx);
    case DIGITS: return new_digits(ctx, small);
    default: return new_table(base == NUMBERS);
    }
}

/* ---- as the library gets it ---- */

static dnn_tensor *inputs_of(dnn_context *ctx, const faulty *d, int set) {
    bool table = d->height == 1;
    int64_t dims[4] = {d->n[set], d->height, d->width, d->channels};
    if (table) dims[1] = d->items;
    dnn_tensor *x;
    if (dnn_tensor_create(&x, ctx, d->input, table ? 2 : 4, dims) != DNN_OK) return NULL;
    int64_t count = d->n[set] * d->items;
    for (int64_t i = 0; d->input == DNN_U8 && i < count; i++) {
        float v = rintf(d->x[set][i]);
        ((uint8_t *)dnn_tensor_data(x))[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    if (d->input == DNN_F32) memcpy(dnn_tensor_data(x), d->x[set], (size_t)count * sizeof(float));
    return x;
}

static dnn_tensor *targets_of(dnn_context *ctx, const faulty *d, int set) {
    dnn_tensor *t;
    if (dnn_tensor_create(&t, ctx, d->target, 1, &d->n[set]) != DNN_OK) return NULL;
    for (int64_t i = 0; i < d->n[set]; i++) {
        if (d->target == DNN_I64) ((int64_t *)dnn_tensor_data(t))[i] = (int64_t)d->t[set][i];
        if (d->target == DNN_U8) ((uint8_t *)dnn_tensor_data(t))[i] = (uint8_t)(int)d->t[set][i];
        if (d->target == DNN_F64) ((double *)dnn_tensor_data(t))[i] = d->t[set][i];
    }
    return t;
}

/* (N, H, W, C) memory under the shape (N, C, H, W), values moved. */
static dnn_tensor *channels_first(dnn_context *ctx, dnn_tensor *x) {
    const int64_t *s = dnn_tensor_dims(x), dims[4] = {s[0], s[3], s[1], s[2]};
    int64_t bytes = dnn_dtype_size(dnn_tensor_dtype(x)), pixels = s[1] * s[2];
    dnn_tensor *y;
    if (dnn_tensor_create(&y, ctx, dnn_tensor_dtype(x), 4, dims) != DNN_OK) return NULL;
    for (int64_t i = 0; i < s[0]; i++)
        for (int64_t c = 0; c < s[3]; c++)
            for (int64_t p = 0; p < pixels; p++)
                memcpy((char *)dnn_tensor_data(y) + ((i * s[3] + c) * pixels + p) * bytes,
                       (const char *)dnn_tensor_const_data(x) + ((i * pixels + p) * s[3] + c) * bytes, (size_t)bytes);
    dnn_tensor_release(x);
    return y;
}

static dnn_status dataset_of(dnn_dataset **out, dnn_context *ctx, const faulty *d, int set) {
    dnn_tensor *x = inputs_of(ctx, d, set), *t = targets_of(ctx, d, set);
    if (x && d->channels_first) x = channels_first(ctx, x);
    dnn_dataset *plain = NULL;
    dnn_metadata_desc metadata = {DNN_SIZED(dnn_metadata_desc), .classes = d->classes, .low = d->low, .high = d->high};
    dnn_status status = x && t ? dnn_dataset_from_tensors(&plain, x, t) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = dnn_dataset_with_metadata(out, plain, &metadata);
    dnn_dataset_release(plain);
    dnn_tensor_release(t);
    dnn_tensor_release(x);
    return status;
}

/* The shares of the classes among the ten nearest other samples. */
static dnn_tensor *neighbour_probabilities(dnn_context *ctx, const faulty *d) {
    static const dnn_progress nobody;
    enum { K = 10 };
    dnni_points points = {d->x[TRAIN], d->n[TRAIN], d->items};
    dnni_neighbours near;
    dnn_tensor *p;
    if (dnn_tensor_create(&p, ctx, DNN_F32, 2, (int64_t[]){d->n[TRAIN], d->classes}) != DNN_OK) return NULL;
    if (dnni_neighbours_find(&near, ctx, points, points, K, true, &nobody) != DNN_OK) return NULL;
    for (int64_t i = 0; i < d->n[TRAIN] * K; i++)
        ((float *)dnn_tensor_data(p))[i / K * d->classes + (int64_t)d->t[TRAIN][near.index[i]]] += 1.0f / K;
    dnni_neighbours_free(&near);
    return p;
}

dnn_status faulty_audit(dnn_report **out, dnn_context *ctx, const faulty *d) {
    dnn_dataset *train = NULL, *test = NULL;
    dnn_audit_desc options = d->options;
    dnn_tensor *p = d->probabilities ? neighbour_probabilities(ctx, d) : NULL;
    options.probabilities = p;
    dnn_status status = dataset_of(&train, ctx, d, TRAIN);
    if (status == DNN_OK) status = dataset_of(&test, ctx, d, TEST);
    if (status == DNN_OK) status = dnn_audit(out, train, test, &options);
    dnn_dataset_release(test);
    dnn_dataset_release(train);
    dnn_tensor_release(p);
    return status;
}
