/* One image file as a tensor. */
#include <string.h>

#include "io/image.h"

/* What the descriptor leaves open, from the header. */
static dnn_status settle(dnn_image_desc *wanted, dnni_io_arena *arena, const dnni_image_file *file) {
    dnni_image image;
    IO_TRY(dnni_image_probe(&image, arena, file, wanted));
    if (wanted->height == 0) {
        wanted->height = image.height;
        wanted->width = image.width;
    }
    if (wanted->channels == 0) wanted->channels = (int32_t)image.channels;
    image.height = wanted->height;
    image.width = wanted->width;
    image.channels = wanted->channels;
    return dnni_image_check_bytes(&image, wanted, file->path);
}

static dnn_status decode_to_tensor(dnn_tensor **out, dnni_io_arena *arena, const dnni_image_file *file,
                                   const dnn_image_desc *desc) {
    dnn_image_desc d = *desc;
    dnni_image image;
    dnn_tensor *tensor;
    IO_TRY(settle(&d, arena, file));
    IO_TRY(dnn_tensor_create(&tensor, arena->ctx, DNN_U8, 3, (const int64_t[]){d.height, d.width, d.channels}));
    dnn_status status = dnni_image_decode(&image, arena, file, &d, dnn_tensor_data(tensor));
    if (status == DNN_OK) *out = tensor;
    else dnn_tensor_release(tensor);
    return status;
}

static dnn_status read_file(dnn_tensor **out, const dnni_io_file *from, const dnn_image_desc *desc, bool only_jpeg) {
    dnni_io_arena arena = {.ctx = from->ctx};
    dnni_image_file file;
    dnn_status status = dnni_image_load(&file, &arena, from, desc->max_bytes, INT64_MAX);
    if (status == DNN_OK && only_jpeg && (file.n < 3 || memcmp(file.bytes, "\xff\xd8\xff", 3) != 0))
        status = dnni_io_fail(DNN_ERROR_FORMAT, from->path, "is no JPEG file (it does not begin as one)");
    if (status == DNN_OK) status = decode_to_tensor(out, &arena, &file, desc);
    dnni_io_arena_release(&arena);
    return status;
}

static dnn_status read_path(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_image_desc *desc,
                            bool only_jpeg) {
    dnni_io_file file;
    IO_TRY(dnni_io_open(&file, ctx, path));
    dnn_status status = read_file(out, &file, desc, only_jpeg);
    dnni_io_close(&file);
    return status;
}

dnn_status dnn_image_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_image_desc *desc) {
    dnn_image_desc d;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(dnni_image_check_desc(&d, desc));
    return read_path(out, ctx, path, &d, false);
}

dnn_status dnn_jpeg_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc) {
    dnn_image_desc d = {DNN_SIZED(dnn_image_desc), .height = 0};
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(dnni_io_limit(&d.max_bytes, desc));
    return read_path(out, ctx, path, &d, true);
}
