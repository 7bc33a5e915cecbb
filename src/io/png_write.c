#include <math.h>

#include "io/png_job.h"

static void deliver(png_structp png, png_bytep data, size_t bytes) {
    dnni_png_job *job = png_get_io_ptr(png);
    job->status = dnni_io_put(job->output, data, (int64_t)bytes);
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

static dnn_status write_file(dnni_png_job *job, const char *path) {
    dnni_io_output output;
    IO_TRY(dnni_io_begin(&output, job->ctx, path));
    job->output = &output;
    return dnni_io_end(&output, run(job, path));
}

/* ---- what is an image ---- */

static dnn_status check_image(dnni_png_job *job, const dnn_tensor *image) {
    static const int colours[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                  PNG_COLOR_TYPE_RGB_ALPHA};
    dnn_dtype dtype = dnn_tensor_dtype(image);
    int32_t rank = dnn_tensor_rank(image);
    if (dtype == DNN_DTYPE_NONE) return dnn_last_status();
    if (dtype != DNN_U8 && dtype != DNN_F32 && dtype != DNN_F64)
        return dnni_io_fail(DNN_ERROR_DTYPE, NULL, "an image is uint8, float32 or float64, not %s",
                            dnn_dtype_name(dtype));
    job->height = dnn_tensor_dim(image, 0);
    job->width = dnn_tensor_dim(image, 1);
    job->channels = rank == 2 ? 1 : dnn_tensor_dim(image, 2);
    if ((rank != 2 && rank != 3) || job->channels < 1 || job->channels > 4)
        return dnn_fail(DNN_ERROR_SHAPE, "an image is (H, W) or (H, W, C) with 1 to 4 channels");
    if (job->height < 1 || job->width < 1 || job->height > PNG_UINT_31_MAX || job->width > PNG_UINT_31_MAX)
        return dnni_io_fail(DNN_ERROR_SHAPE, NULL, "an image of %lld × %lld pixels cannot be a PNG file",
                            (long long)job->height, (long long)job->width);
    job->colour_type = colours[job->channels];
    return DNN_OK;
}

static double value_at(const dnn_tensor *image, int64_t i) {
    const void *data = dnn_tensor_const_data(image);
    return dnn_tensor_dtype(image) == DNN_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

/* [0, 1] to 0 … 255. */
static dnn_status to_bytes(unsigned char *bytes, const dnn_tensor *image) {
    int64_t outside = 0, first = -1, n = dnn_tensor_count(image);
    for (int64_t i = 0; i < n; i++) {
        double value = value_at(image, i);
        bool inside = value >= 0 && value <= 1; /* a NaN is not */
        if (!inside && outside++ == 0) first = i;
        bytes[i] = inside ? (unsigned char)floor(255 * value + 0.5) : 0;
    }
    if (outside == 0) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_VALUE, NULL,
                        "%lld of %lld values of the image are outside of [0, 1], the first, element %lld, is %.9g",
                        (long long)outside, (long long)n, (long long)first, value_at(image, first));
}

dnn_status dnn_png_write(dnn_context *ctx, const char *path, const dnn_tensor *image) {
    dnni_png_job job = {.ctx = ctx};
    int64_t unused;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    IO_TRY(check_image(&job, image));
    if (dnn_tensor_dtype(image) == DNN_U8) {
        job.pixels = (unsigned char *)(uintptr_t)dnn_tensor_const_data(image); /* libpng only reads it */
        return write_file(&job, path);
    }
    job.pixels = dnni_io_alloc(ctx, dnn_tensor_count(image));
    if (!job.pixels) return DNN_ERROR_MEMORY;
    dnn_status status = to_bytes(job.pixels, image);
    if (status == DNN_OK) status = write_file(&job, path);
    dnni_io_free(job.pixels);
    return status;
}
