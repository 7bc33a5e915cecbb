/* An image from its bytes to the size, channels and orientation that are wanted. */
#include "io/image.h"

#include <math.h>
#include <string.h>

static bool is_png(const dnni_image_file *file) {
    return file->n >= 8 && memcmp(file->bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_jpeg(const dnni_image_file *file) { return file->n >= 3 && memcmp(file->bytes, "\xff\xd8\xff", 3) == 0; }

static dnn_status unknown(const dnni_image_file *file) {
    return dnni_io_fail(DNN_ERROR_FORMAT, file->path, "is neither a PNG nor a JPEG file (it begins as none)");
}

/* ---- what is wanted ---- */

dnn_status dnni_image_check_desc(dnn_image_desc *full, const dnn_image_desc *desc) {
    IO_TRY(IO_DESC(*full, desc));
    const int64_t most = INT32_MAX / 4;
    if (full->height < 0 || full->width < 0 || full->height > most || full->width > most ||
        (full->height == 0) != (full->width == 0))
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.height is %lld, desc.width %lld",
                            (long long)full->height, (long long)full->width);
    if (full->channels != 0 && full->channels != 1 && full->channels != 3)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.channels is %d, not 1 or 3", full->channels);
    if (full->fit != DNN_IMAGE_FIT_EXACT && full->fit != DNN_IMAGE_FIT_STRETCH && full->fit != DNN_IMAGE_FIT_COVER &&
        full->fit != DNN_IMAGE_FIT_CONTAIN)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.fit is %d", (int)full->fit);
    if (full->padding < 0 || full->padding > 255 || full->max_bytes < 0)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.padding is %d, desc.max_bytes %lld", full->padding,
                            (long long)full->max_bytes);
    if (full->max_bytes == 0) full->max_bytes = INT64_C(1) << 30;
    return DNN_OK;
}

dnn_status dnni_image_check_bytes(const dnni_image *image, const dnn_image_desc *desc, const char *path) {
    int64_t bytes;
    if (!__builtin_mul_overflow(image->height * image->width, image->channels, &bytes) && bytes <= desc->max_bytes)
        return DNN_OK;
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, path, "unfolds to %lld × %lld × %lld bytes, desc.max_bytes allows %lld",
                        (long long)image->height, (long long)image->width, (long long)image->channels,
                        (long long)desc->max_bytes);
}

void dnni_image_scaled(int64_t *rows, int64_t *columns, int64_t height, int64_t width, const dnn_image_desc *desc) {
    double down = (double)desc->height / (double)height, across = (double)desc->width / (double)width;
    *rows = desc->height;
    *columns = desc->width;
    if (desc->fit == DNN_IMAGE_FIT_STRETCH || desc->height == 0) return;
    double scale = desc->fit == DNN_IMAGE_FIT_COVER ? fmax(down, across) : fmin(down, across);
    *rows = (int64_t)fmax(1, floor(scale * (double)height + 0.5));
    *columns = (int64_t)fmax(1, floor(scale * (double)width + 0.5));
}

/* ---- channels and orientation ---- */

static void to_grey(unsigned char *to, const unsigned char *from, int64_t pixels, int64_t channels) {
    for (int64_t i = 0; i < pixels; i++, from += channels) {
        /* in 2^-16: 0.299, 0.587, 0.114 */
        uint32_t sum = channels < 3 ? (uint32_t)from[0] << 16 : 19595u * from[0] + 38470u * from[1] + 7471u * from[2];
        to[i] = (unsigned char)((sum + 32768u) >> 16);
    }
}

static void to_colour(unsigned char *to, const unsigned char *from, int64_t pixels, int64_t channels) {
    for (int64_t i = 0; i < pixels; i++, from += channels)
        for (int64_t c = 0; c < 3; c++) *to++ = from[channels < 3 ? 0 : c];
}

static dnn_status convert(dnni_image *image, dnni_io_arena *arena, int32_t channels) {
    int64_t pixels = image->height * image->width;
    if (channels == 0 || channels == image->channels) return DNN_OK;
    unsigned char *data = dnni_io_arena_take(arena, pixels * channels);
    if (!data) return DNN_ERROR_MEMORY;
    (channels == 1 ? to_grey : to_colour)(data, image->data, pixels, image->channels);
    image->data = data;
    image->channels = channels;
    return DNN_OK;
}

/* Where pixel (y, x) of the upright image lies in one of height × width: EXIF 2.32, tag 0x0112. */
static int64_t lies_at(int32_t orientation, int64_t y, int64_t x, int64_t height, int64_t width) {
    int64_t down = height - 1, right = width - 1;
    switch (orientation) {
    case 2: return y * width + right - x;
    case 3: return (down - y) * width + right - x;
    case 4: return (down - y) * width + x;
    case 5: return x * width + y;
    case 6: return (down - x) * width + y;
    case 7: return (down - x) * width + right - y;
    case 8: return x * width + right - y;
    default: return y * width + x;
    }
}

static void stand_up(dnni_image *image) {
    int64_t height = image->height;
    if (image->orientation < 5) return;
    image->height = image->width;
    image->width = height;
}

static dnn_status turn(dnni_image *image, dnni_io_arena *arena) {
    int64_t height = image->height, width = image->width, n = image->channels;
    if (image->orientation < 2) return DNN_OK;
    unsigned char *data = dnni_io_arena_take(arena, dnni_image_bytes(image)), *to = data;
    if (!data) return DNN_ERROR_MEMORY;
    stand_up(image);
    for (int64_t y = 0; y < image->height; y++)
        for (int64_t x = 0; x < image->width; x++, to += n)
            memcpy(to, image->data + n * lies_at(image->orientation, y, x, height, width), (size_t)n);
    image->data = data;
    image->orientation = 1;
    return DNN_OK;
}

/* ---- size ---- */

static dnn_status cover(const dnni_image *image, dnni_io_arena *arena, const dnn_image_desc *desc,
                        unsigned char *target) {
    double height = (double)image->height, width = (double)image->width;
    double scale = fmax((double)desc->height / height, (double)desc->width / width);
    double h = fmin(height, (double)desc->height / scale), w = fmin(width, (double)desc->width / scale);
    return dnni_image_resample(image, (height - h) / 2, (width - w) / 2, h, w, arena, target, desc->height,
                               desc->width, desc->width * image->channels);
}

static dnn_status contain(const dnni_image *image, dnni_io_arena *arena, const dnn_image_desc *desc,
                          unsigned char *target) {
    int64_t rows, columns, stride = desc->width * image->channels;
    dnni_image_scaled(&rows, &columns, image->height, image->width, desc);
    memset(target, desc->padding, (size_t)(desc->height * stride));
    target += (desc->height - rows) / 2 * stride + (desc->width - columns) / 2 * image->channels;
    return dnni_image_resample(image, 0, 0, (double)image->height, (double)image->width, arena, target, rows, columns,
                               stride);
}

static dnn_status fit(const dnni_image *image, dnni_io_arena *arena, const dnn_image_desc *desc, const char *path,
                      unsigned char *target) {
    if (desc->height == image->height && desc->width == image->width) {
        memcpy(target, image->data, (size_t)dnni_image_bytes(image));
        return DNN_OK;
    }
    if (desc->fit == DNN_IMAGE_FIT_EXACT)
        return dnni_io_fail(DNN_ERROR_SHAPE, path, "is %lld × %lld pixels, not %lld × %lld (desc.fit can scale)",
                            (long long)image->height, (long long)image->width, (long long)desc->height,
                            (long long)desc->width);
    if (desc->fit == DNN_IMAGE_FIT_COVER) return cover(image, arena, desc, target);
    if (desc->fit == DNN_IMAGE_FIT_CONTAIN) return contain(image, arena, desc, target);
    return dnni_image_resample(image, 0, 0, (double)image->height, (double)image->width, arena, target, desc->height,
                               desc->width, desc->width * image->channels);
}

/* ---- the whole way ---- */

dnn_status dnni_image_load(dnni_image_file *file, dnni_io_arena *arena, const dnni_io_file *from, int64_t max_bytes,
                           int64_t most) {
    int64_t n = from->n < most ? from->n : most;
    if (from->n > max_bytes)
        return dnni_io_fail(DNN_ERROR_UNSUPPORTED, from->path, "has %lld bytes, desc.max_bytes allows %lld",
                            (long long)from->n, (long long)max_bytes);
    unsigned char *bytes = dnni_io_arena_take(arena, n);
    if (!bytes) return DNN_ERROR_MEMORY;
    *file = (dnni_image_file){from->path, bytes, n, from->n};
    return dnni_io_read(from, 0, bytes, n);
}

dnn_status dnni_image_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                            const dnn_image_desc *desc) {
    *image = (dnni_image){.orientation = 1};
    if (is_png(file)) return dnni_png_probe(image, arena, file);
    if (!is_jpeg(file)) return unknown(file);
    IO_TRY(dnni_jpeg_probe(image, arena, file));
    if (!desc->ignore_orientation) stand_up(image);
    return DNN_OK;
}

dnn_status dnni_image_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                             const dnn_image_desc *desc, unsigned char *target) {
    *image = (dnni_image){.orientation = 1};
    if (is_png(file)) IO_TRY(dnni_png_decode(image, arena, file, desc, target));
    else if (is_jpeg(file)) IO_TRY(dnni_jpeg_decode(image, arena, file, desc, target));
    else return unknown(file);
    if (target && image->data == target) return DNN_OK;
    IO_TRY(convert(image, arena, desc->channels));
    IO_TRY(turn(image, arena));
    if (!target) return DNN_OK;
    IO_TRY(fit(image, arena, desc, file->path, target));
    image->data = target;
    return DNN_OK;
}
