#include "io/png_job.h"

static void deliver(png_structp png, png_bytep data, size_t bytes) {
    dnni_png_job *job = png_get_io_ptr(png);
    job->status = job->sink(job->where, data, (int64_t)bytes);
    if (job->status != DNN_OK) png_error(png, "");
}

static void no_flush(png_structp png) { (void)png; }

static void write_image(dnni_png_job *job) {
    png_set_write_fn(job->png, job, deliver, no_flush);
    png_set_user_limits(job->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(job->png, job->info, (png_uint_32)job->width, (png_uint_32)job->height, 8, job->colour_type,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job->png, job->info);
    for (int64_t y = 0; y < job->height; y++) png_write_row(job->png, job->pixels + y * job->width * job->channels);
    png_write_end(job->png, NULL);
}

static dnn_status run(dnni_png_job *job, const char *path) {
    dnn_status status = DNN_OK;
    job->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, job, dnni_png_error, dnni_png_warning, job,
                                         dnni_png_allocate, dnni_png_release);
    job->info = job->png ? png_create_info_struct(job->png) : NULL;
    if (!job->info) status = dnni_png_unmade(job);
    else if (!dnni_png_guard(job, write_image)) status = dnni_png_reason(job, path);
    if (job->png) png_destroy_write_struct(&job->png, &job->info);
    return status;
}

dnn_status dnni_png_encode(dnn_context *ctx, const dnn_tensor *image, const char *path, dnni_io_sink *sink,
                           void *where) {
    static const int colours[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                  PNG_COLOR_TYPE_RGB_ALPHA};
    dnni_image_output input;
    IO_TRY(dnni_image_to_bytes(&input, ctx, image, "PNG", 4, PNG_UINT_31_MAX));
    dnni_png_job job = {.ctx = ctx, .height = input.height, .width = input.width, .channels = input.channels,
                        .colour_type = colours[input.channels], .sink = sink, .where = where};
    job.pixels = (unsigned char *)(uintptr_t)input.pixels; /* libpng only reads it */
    dnn_status status = run(&job, path);
    dnni_io_free(input.made);
    return status;
}

static dnn_status put(void *where, const void *data, int64_t bytes) { return dnni_io_put(where, data, bytes); }

dnn_status dnn_png_write(dnn_context *ctx, const char *path, const dnn_tensor *image) {
    dnni_io_output output;
    int64_t unused;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    if (dnn_tensor_dtype(image) == DNN_DTYPE_NONE) return dnn_last_status();
    IO_TRY(dnni_io_begin(&output, ctx, path));
    return dnni_io_end(&output, dnni_png_encode(ctx, image, path, put, &output));
}
