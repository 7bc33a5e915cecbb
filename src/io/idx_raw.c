/* Two IDX files as a dataset of what they hold, read where it lies. */
#include "io/idx.h"

static dnn_status load(dnni_io_part *part, int64_t max_bytes) {
    bool compressed;
    IO_TRY(dnni_idx_examine(&part->array, &compressed, &part->file, max_bytes));
    return compressed ? dnni_idx_elements(&part->tensor, &part->array, &part->file) : DNN_OK;
}

static dnn_status open_part(dnni_io_part *part, dnn_context *ctx, const char *path, int64_t max_bytes) {
    IO_TRY(dnni_io_part_open(part, ctx, path));
    dnn_status status = load(part, max_bytes);
    if (status != DNN_OK) dnni_io_part_release(part);
    return status;
}

/* (N, H, W) as (N, H, W, 1). */
static dnn_status with_channel(dnni_io_part *part) {
    int64_t dims[DNN_MAX_RANK] = {part->array.dims[0], part->array.dims[1], part->array.dims[2], 1};
    if (part->array.rank != 3) return DNN_OK;
    part->array.rank = 4;
    part->array.dims[3] = 1;
    if (!part->tensor) return DNN_OK;
    dnn_tensor *images;
    IO_TRY(dnn_tensor_reshape(&images, part->tensor, 4, dims));
    dnn_tensor_release(part->tensor);
    part->tensor = images;
    return DNN_OK;
}

static dnn_status open_labels(dnni_io_part *part, dnn_context *ctx, const char *path, int64_t max_bytes) {
    IO_TRY(open_part(part, ctx, path, max_bytes));
    dnn_status status = DNN_OK;
    if (part->array.kind == DNNI_IO_FLOAT)
        status = dnni_io_fail(DNN_ERROR_DTYPE, path, "labels are integers, not %s", dnn_dtype_name(part->array.dtype));
    else if (part->array.rank != 1)
        status = dnni_io_fail(DNN_ERROR_SHAPE, path, "labels have one axis, not %d", part->array.rank);
    if (status == DNN_OK) status = dnni_io_part_labels(part);
    if (status != DNN_OK) dnni_io_part_release(part);
    return status;
}

dnn_status dnn_idx_raw_dataset(dnn_dataset **out, dnn_context *ctx, const char *images_path, const char *labels_path,
                               const dnn_read_desc *desc) {
    dnni_io_part images = {.tensor = NULL}, labels = {.tensor = NULL};
    int64_t max_bytes;
    IO_TRY(dnni_io_begin_call(out, ctx, images_path));
    IO_TRY(dnni_io_limit(&max_bytes, desc));
    IO_TRY(open_part(&images, ctx, images_path, max_bytes));
    dnn_status status = with_channel(&images);
    if (status == DNN_OK && labels_path) status = open_labels(&labels, ctx, labels_path, max_bytes);
    if (status != DNN_OK) {
        dnni_io_part_release(&images);
        return status;
    }
    double high = images.array.dtype == DNN_U8 ? 255 : 0;
    return dnni_io_pair(out, ctx, &images, labels_path ? &labels : NULL, 0, high);
}
