#include "parsers.h"

#include <dnn/io.h>
#include <dnn/weights.h>
#include <stddef.h>

#include "paper/curves.h"
#include "paper/facts.h"

enum { UNFOLDED = 1 << 20 };

static const dnn_read_desc limit = {DNN_SIZED(dnn_read_desc), .max_bytes = UNFOLDED};

/* Reads the first and the last samples; takes the dataset over. */
static dnn_status read_samples(dnn_dataset *dataset) {
    int64_t n = dnn_dataset_count(dataset);
    dnn_status status = DNN_OK;
    for (int64_t i = 0; i < n && status == DNN_OK; i += n > 8 ? n - 1 : 1) {
        dnn_tensor *x = NULL, *t = NULL;
        char name[128];
        status = dnn_dataset_get_range(&x, &t, dataset, i, 1);
        if (status == DNN_OK) status = dnn_dataset_sample_name(dataset, i, name, sizeof name);
        dnn_tensor_release(x);
        dnn_tensor_release(t);
    }
    dnn_dataset_release(dataset);
    return status;
}

static dnn_status read_npy(dnn_context *ctx, const char *path) {
    dnn_tensor *tensor = NULL;
    dnn_dataset *dataset = NULL;
    dnn_status status = dnn_npy_read(&tensor, ctx, path);
    if (status == DNN_OK && dnn_npy_dataset(&dataset, ctx, path, NULL) == DNN_OK) status = read_samples(dataset);
    dnn_tensor_release(tensor);
    return status;
}

static dnn_status read_npz(dnn_context *ctx, const char *path) {
    dnn_npz *npz = NULL;
    dnn_status status = dnn_npz_open(&npz, ctx, path, &limit);
    for (int64_t i = 0; status == DNN_OK && i < dnn_npz_count(npz); i++) {
        dnn_tensor *tensor = NULL;
        status = dnn_npz_tensor(&tensor, npz, dnn_npz_name(npz, i));
        dnn_tensor_release(tensor);
    }
    dnn_npz_release(npz);
    return status;
}

static dnn_status read_idx(dnn_context *ctx, const char *path) {
    dnn_tensor *tensor = NULL;
    dnn_dataset *dataset = NULL;
    dnn_status status = dnn_idx_read(&tensor, ctx, path, &limit);
    dnn_tensor_release(tensor);
    if (status == DNN_OK) status = dnn_idx_raw_dataset(&dataset, ctx, path, NULL, &limit);
    return status == DNN_OK ? read_samples(dataset) : status;
}

static dnn_status read_cifar(dnn_context *ctx, const char *path) {
    dnn_dataset *dataset = NULL;
    dnn_status status = dnn_cifar_dataset(&dataset, ctx, &path, 1, NULL);
    return status == DNN_OK ? read_samples(dataset) : status;
}

static dnn_status read_scaled(dnn_context *ctx, const char *path, dnn_image_fit fit, int32_t channels) {
    dnn_tensor *image = NULL;
    dnn_image_desc desc = {DNN_SIZED(dnn_image_desc), .height = 9, .width = 7, .fit = fit, .channels = channels,
                           .max_bytes = UNFOLDED};
    dnn_status status = dnn_image_read(&image, ctx, path, &desc);
    dnn_tensor_release(image);
    return status;
}

static dnn_status read_image(dnn_context *ctx, const char *path) {
    dnn_status status = read_scaled(ctx, path, DNN_IMAGE_FIT_COVER, 3);
    if (status == DNN_OK) status = read_scaled(ctx, path, DNN_IMAGE_FIT_CONTAIN, 1);
    return status;
}

static dnn_status read_png(dnn_context *ctx, const char *path) {
    dnn_tensor *image = NULL;
    dnn_status status = dnn_png_read(&image, ctx, path, &limit);
    dnn_tensor_release(image);
    return status == DNN_OK ? read_image(ctx, path) : status;
}

static dnn_status read_jpeg(dnn_context *ctx, const char *path) {
    dnn_tensor *image = NULL;
    dnn_status status = dnn_jpeg_read(&image, ctx, path, &limit);
    dnn_tensor_release(image);
    return status == DNN_OK ? read_image(ctx, path) : status;
}

static dnn_status read_text(dnn_context *ctx, const char *path) {
    dnn_dataset *dataset = NULL;
    dnn_text_desc desc = {DNN_SIZED(dnn_text_desc), .window = 3, .stride = 2, .unit = DNN_TEXT_CHARACTERS};
    dnn_status status = dnn_text_dataset(&dataset, ctx, path, &desc);
    if (status == DNN_OK) status = read_samples(dataset);
    desc.unit = DNN_TEXT_BYTES;
    if (status == DNN_OK) status = dnn_text_dataset(&dataset, ctx, path, &desc);
    return status == DNN_OK ? read_samples(dataset) : status;
}

static dnn_status read_table(dnn_table *table) {
    static const dnn_missing policies[] = {DNN_MISSING_DROP, DNN_MISSING_VALUE, DNN_MISSING_MEAN, DNN_MISSING_REFUSE};
    dnn_status status = DNN_OK;
    for (int i = 0; i < 4 && status == DNN_OK; i++) {
        dnn_dataset *dataset = NULL;
        dnn_table_dataset_desc desc = {DNN_SIZED(dnn_table_dataset_desc), .missing = policies[i],
                                       .text = i % 2 ? DNN_TEXT_INPUT_NUMBER : DNN_TEXT_INPUT_ONE_HOT,
                                       .has_target_column = i > 0, .target_column = -1};
        if (dnn_table_dataset(&dataset, table, &desc) == DNN_OK) status = read_samples(dataset);
    }
    return status;
}

static dnn_status read_csv(dnn_context *ctx, const char *path) {
    dnn_table *table = NULL;
    dnn_csv_desc desc = {DNN_SIZED(dnn_csv_desc), .header = DNN_CSV_HEADER_YES};
    dnn_status status = dnn_csv_open(&table, ctx, path, &desc);
    if (status == DNN_OK) status = read_table(table);
    dnn_table_release(table);
    if (status != DNN_OK) return status;
    desc.header = DNN_CSV_HEADER_NO;
    status = dnn_csv_open(&table, ctx, path, &desc);
    dnn_table_release(table);
    return status;
}

static dnn_status read_safetensors(dnn_context *ctx, const char *path) {
    dnn_archive *archive = NULL;
    dnn_status status = dnn_safetensors_read(&archive, ctx, path);
    for (int64_t i = 0; status == DNN_OK && i < dnn_archive_count(archive); i++) {
        dnn_dataset *dataset = NULL;
        const char *name = dnn_archive_name(archive, i);
        if (dnn_archive_dataset(&dataset, archive, name, name) == DNN_OK) status = read_samples(dataset);
    }
    dnn_archive_release(archive);
    return status;
}

static dnn_status read_run(dnn_context *ctx, const char *path) {
    dnni_facts facts;
    dnn_status status = dnni_facts_read_file(&facts, ctx, path);
    dnni_pool pool = {.ctx = ctx};
    if (status == DNN_OK && !dnni_facts_json(&facts, &pool)) status = dnn_last_status();
    dnni_pool_free(&pool);
    dnni_facts_free(&facts);
    return status;
}

static dnn_status read_curves(dnn_context *ctx, const char *path) {
    dnni_curves curves;
    dnn_status status = dnni_curves_read_file(&curves, ctx, path);
    for (int64_t i = 0; i < curves.n; i++) dnni_curve_extremes(&curves.list[i]);
    dnni_curves_free(&curves);
    return status;
}

/* An image is decoded into memory of its own size, scaled from that, and a progressive JPEG is kept as coefficients. */
const parser parsers[] = {
    {"npy", read_npy, 0},   {"npz", read_npz, UNFOLDED},       {"idx", read_idx, UNFOLDED},
    {"cifar", read_cifar, 0}, {"png", read_png, 4 * UNFOLDED}, {"jpeg", read_jpeg, 8 * UNFOLDED},
    {"text", read_text, 0}, {"csv", read_csv, 0},              {"safetensors", read_safetensors, 0},
    {"run", read_run, 0},   {"curves", read_curves, 0},
};
const int parser_count = sizeof parsers / sizeof parsers[0];
