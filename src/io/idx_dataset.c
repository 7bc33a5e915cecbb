/* Two IDX files as a dataset. */
#include "io/support.h"

static dnn_status scale_bytes(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *bytes) {
    IO_TRY(dnn_tensor_create(out, ctx, DNN_F32, dnn_tensor_rank(bytes), dnn_tensor_dims(bytes)));
    const unsigned char *from = dnn_tensor_const_data(bytes);
    float *to = dnn_tensor_data(*out);
    for (int64_t i = 0, n = dnn_tensor_count(bytes); i < n; i++) to[i] = (float)from[i] / 255.0f;
    return DNN_OK;
}

/* Takes `raw` over. */
static dnn_status to_images(dnn_tensor **out, dnn_context *ctx, dnn_tensor *raw, const char *path) {
    dnn_dtype dtype = dnn_tensor_dtype(raw);
    if (dtype == DNN_F32) {
        *out = raw;
        return DNN_OK;
    }
    dnn_status status = DNN_OK;
    if (dtype == DNN_U8) status = scale_bytes(out, ctx, raw);
    else status = dnni_io_fail(DNN_ERROR_DTYPE, path, "images are uint8 or float32, not %s", dnn_dtype_name(dtype));
    dnn_tensor_release(raw);
    return status;
}

/* (N, H, W) as (N, H, W, 1). Takes `images` over. */
static dnn_status with_channel(dnn_tensor **out, dnn_tensor *images) {
    const int64_t *d = dnn_tensor_dims(images);
    if (dnn_tensor_rank(images) != 3) {
        *out = images;
        return DNN_OK;
    }
    dnn_status status = dnn_tensor_reshape(out, images, 4, (const int64_t[]){d[0], d[1], d[2], 1});
    dnn_tensor_release(images);
    return status;
}

static dnn_status read_images(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    dnn_tensor *raw, *images;
    IO_TRY(dnn_idx_read(&raw, ctx, path, desc));
    IO_TRY(to_images(&images, ctx, raw, path));
    return with_channel(out, images);
}

static dnn_status check_labels(const dnn_tensor *labels, const char *path) {
    dnn_dtype dtype = dnn_tensor_dtype(labels);
    if (dtype != DNN_U8 && dtype != DNN_I32)
        return dnni_io_fail(DNN_ERROR_DTYPE, path, "labels are integers, not %s", dnn_dtype_name(dtype));
    if (dnn_tensor_rank(labels) != 1)
        return dnni_io_fail(DNN_ERROR_SHAPE, path, "labels have one axis, not %d", dnn_tensor_rank(labels));
    return DNN_OK;
}

static dnn_status read_labels(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    dnn_tensor *raw;
    IO_TRY(dnn_idx_read(&raw, ctx, path, desc));
    dnn_status status = check_labels(raw, path);
    if (status == DNN_OK) status = dnn_tensor_cast(out, raw, DNN_I64, DNN_CAST_EXACT, NULL);
    dnn_tensor_release(raw);
    return status;
}

static dnn_status pair_up(dnn_dataset **out, dnn_tensor *images, dnn_tensor *labels, const char *images_path,
                          const char *labels_path) {
    int64_t n = dnn_tensor_dim(images, 0), m = dnn_tensor_dim(labels, 0);
    if (n == m) return dnn_dataset_from_tensors(out, images, labels);
    return dnni_io_fail(DNN_ERROR_SHAPE, images_path, "%lld images, but %lld labels in %s", (long long)n, (long long)m,
                        labels_path);
}

dnn_status dnn_idx_dataset(dnn_dataset **out, dnn_context *ctx, const char *images_path, const char *labels_path,
                           const dnn_read_desc *desc) {
    dnn_tensor *images, *labels;
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    IO_TRY(read_images(&images, ctx, images_path, desc));
    dnn_status status = read_labels(&labels, ctx, labels_path, desc);
    if (status == DNN_OK) {
        status = pair_up(out, images, labels, images_path, labels_path);
        dnn_tensor_release(labels);
    }
    dnn_tensor_release(images);
    return status;
}
