/* Images between their files and tensors. */
#ifndef DNNI_IMAGE_H
#define DNNI_IMAGE_H

#include "io/arena.h"

/* A file in memory. */
typedef struct dnni_image_file {
    const char *path;
    const unsigned char *bytes;
    int64_t n;     /* how many of them there are here */
    int64_t whole; /* and in the file */
} dnni_image_file;

/* Pixels, u8 (height, width, channels). */
typedef struct dnni_image {
    unsigned char *data;
    int64_t height, width, channels;
    int32_t orientation; /* as EXIF numbers it: 1 is upright, 5 … 8 lie on their side */
} dnni_image;

static inline int64_t dnni_image_bytes(const dnni_image *image) {
    return image->height * image->width * image->channels;
}

/* Reads a file into the arena. UNSUPPORTED if it has more than max_bytes. `most`: at most so many bytes of it. */
dnn_status dnni_image_load(dnni_image_file *file, dnni_io_arena *arena, const dnni_io_file *from, int64_t max_bytes,
                           int64_t most);

/* The size (upright), channels and orientation of an image, from its header; `data` stays NULL. */
dnn_status dnni_image_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                            const dnn_image_desc *desc);

/* The image as the descriptor, which is checked, wants it. `target`: where its pixels go, for a descriptor with a size
 * and channels; NULL: into the arena. */
dnn_status dnni_image_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                             const dnn_image_desc *desc, unsigned char *target);

dnn_status dnni_image_check_desc(dnn_image_desc *full, const dnn_image_desc *desc);

/* What the codecs do. `image` comes zeroed, or from a probe. A JPEG decoder delivers desc->channels if they are set, at
 * a scale that is no smaller than what fits; and straight into `target` where that is what is wanted. */
dnn_status dnni_jpeg_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file);
dnn_status dnni_jpeg_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                            const dnn_image_desc *desc, unsigned char *target);
dnn_status dnni_png_probe(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file);
dnn_status dnni_png_decode(dnni_image *image, dnni_io_arena *arena, const dnni_image_file *file,
                           const dnn_image_desc *desc, unsigned char *target);

/* UNSUPPORTED where the pixels would be more than desc->max_bytes. */
dnn_status dnni_image_check_bytes(const dnni_image *image, const dnn_image_desc *desc, const char *path);

/* The size to which a whole image of height × width is scaled for desc->fit. */
void dnni_image_scaled(int64_t *rows, int64_t *columns, int64_t height, int64_t width, const dnn_image_desc *desc);

/* The part of `image` from (y, x) on, of (height, width) in pixels and parts of them, scaled to rows × columns at
 * `target`, whose rows are `stride` bytes apart. */
dnn_status dnni_image_resample(const dnni_image *image, double y, double x, double height, double width,
                               dnni_io_arena *arena, unsigned char *target, int64_t rows, int64_t columns,
                               int64_t stride);

/* What is to be written: bytes of the image, its own or made (to be freed by dnni_io_free). */
typedef struct dnni_image_output {
    const unsigned char *pixels;
    unsigned char *made;
    int64_t height, width, channels;
} dnni_image_output;
dnn_status dnni_image_to_bytes(dnni_image_output *out, dnn_context *ctx, const dnn_tensor *image,
                               const char *format, int64_t most_channels, int64_t most_side);

#endif
