/* In the place of jpeg_*.c where the library is built without libjpeg: all of it is refused, with that reason. */
#include "io/image.h"

static dnn_status refuse(const char *path) {
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "is a JPEG file, and this library was built without libjpeg");
}

dnn_status dnni_jpeg_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file) {
    (void)image;
    (void)arena;
    return refuse(file->path);
}

dnn_status dnni_jpeg_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                            const dnn_image_desc *desc, unsigned char *target) {
    (void)desc;
    (void)target;
    return dnni_jpeg_probe(image, arena, file);
}

dnn_status dnn_jpeg_write(dnn_context *ctx, const char *path, const dnn_tensor *image, int32_t quality) {
    int64_t unused;
    (void)image;
    (void)quality;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "cannot be written: this library was built without libjpeg");
}
