#include "io/png_job.h"

#include <setjmp.h>
#include <stdio.h>

void dnni_png_error(png_structp png, png_const_charp message) {
    dnni_png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

void dnni_png_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

png_voidp dnni_png_allocate(png_structp png, png_alloc_size_t bytes) {
    dnni_png_job *job = png_get_mem_ptr(png);
    void *memory = bytes <= INT64_MAX / 2 ? dnni_io_alloc(job->ctx, (int64_t)bytes) : NULL;
    if (!memory) job->status = DNN_ERROR_MEMORY;
    return memory;
}

void dnni_png_release(png_structp png, png_voidp memory) {
    (void)png;
    dnni_io_free(memory);
}

bool dnni_png_guard(dnni_png_job *job, void (*body)(dnni_png_job *job)) {
    if (setjmp(png_jmpbuf(job->png))) return false;
    body(job);
    return true;
}

dnn_status dnni_png_reason(const dnni_png_job *job, const char *path) {
    if (job->status == DNN_ERROR_MEMORY) return dnn_fail(DNN_ERROR_MEMORY, "out of memory");
    if (job->status != DNN_OK) return job->status;
    return dnni_io_fail(DNN_ERROR_FORMAT, path, "is no good PNG file: %s", job->message);
}

dnn_status dnni_png_unmade(const dnni_png_job *job) {
    if (job->status == DNN_ERROR_MEMORY) return dnn_fail(DNN_ERROR_MEMORY, "out of memory");
    return dnni_io_fail(DNN_ERROR_UNSUPPORTED, NULL, "libpng is not version %s, which this was built for",
                        PNG_LIBPNG_VER_STRING);
}
