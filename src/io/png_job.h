/* libpng, kept on a lead: its memory comes from the context, its messages go into the last error, and its way of
 * reporting an error, a jump, never leaves dnni_png_guard. */
#ifndef DNNI_PNG_JOB_H
#define DNNI_PNG_JOB_H

#include <png.h>

#include "io/image.h"

/* Takes the bytes of a file as they are made. */
typedef dnn_status dnni_io_sink(void *where, const void *data, int64_t bytes);

typedef struct dnni_png_job {
    dnn_context *ctx;
    png_structp png;
    png_infop info;
    dnn_status status;  /* of a failure that was not libpng's */
    char message[128];  /* of one that was */

    /* Reading. */
    const unsigned char *bytes;
    int64_t n, at;
    int64_t height, width, channels;
    int passes;
    int colours;           /* of the palette; 0: there is none, rows hold channels, otherwise indices */
    unsigned char palette[256][4];
    int64_t packed_row;    /* bytes of a row in the file */
    unsigned char *pixels; /* NULL: decode and throw away */

    /* Reading for a batch. */
    bool only_header;
    int64_t length; /* of the whole file, where `n` may be of its beginning */
    dnni_io_arena *arena;
    const dnn_image_desc *wanted;
    unsigned char *target;

    /* Writing. */
    dnni_io_sink *sink;
    void *where;
    int colour_type;
} dnni_png_job;

/* Writes an image (as dnn_png_write takes it) as a PNG file to a sink; errors begin with `path`, unless it is NULL. */
dnn_status dnni_png_encode(dnn_context *ctx, const dnn_tensor *image, const char *path, dnni_io_sink *sink,
                           void *where);

/* What png_create_…_struct_2 is given. */
void dnni_png_error(png_structp png, png_const_charp message);
void dnni_png_warning(png_structp png, png_const_charp message);
png_voidp dnni_png_allocate(png_structp png, png_alloc_size_t bytes);
void dnni_png_release(png_structp png, png_voidp memory);

/* Runs body(job); false if libpng failed in it. */
bool dnni_png_guard(dnni_png_job *job, void (*body)(dnni_png_job *job));

/* The status of a job that failed, with the last error set to its reason. */
dnn_status dnni_png_reason(const dnni_png_job *job, const char *path);

/* The same where libpng could not even be set up. */
dnn_status dnni_png_unmade(const dnni_png_job *job);

#endif
