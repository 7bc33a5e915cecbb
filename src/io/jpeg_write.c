#include "io/jpeg_job.h"

static void begin_output(j_compress_ptr jpeg) {
    dnni_jpeg_job *job = jpeg->client_data;
    job->destination.next_output_byte = job->buffer;
    job->destination.free_in_buffer = sizeof job->buffer;
}

static void put(dnni_jpeg_job *job, size_t bytes) {
    dnn_status status = dnni_io_put(job->output, job->buffer, (int64_t)bytes);
    if (status != DNN_OK) dnni_jpeg_give_up(job, status, "");
}

static boolean on_full(j_compress_ptr jpeg) {
    dnni_jpeg_job *job = jpeg->client_data;
    put(job, sizeof job->buffer);
    begin_output(jpeg);
    return TRUE;
}

static void end_output(j_compress_ptr jpeg) {
    dnni_jpeg_job *job = jpeg->client_data;
    put(job, sizeof job->buffer - job->destination.free_in_buffer);
}

static void write_image(dnni_jpeg_job *job) {
    struct jpeg_compress_struct *w = &job->jpeg.writer;
    const dnni_image_output *image = job->input;
    dnni_jpeg_begin_writing(job);
    job->destination.init_destination = begin_output;
    job->destination.empty_output_buffer = on_full;
    job->destination.term_destination = end_output;
    w->dest = &job->destination;
    w->image_width = (JDIMENSION)image->width;
    w->image_height = (JDIMENSION)image->height;
    w->input_components = (int)image->channels;
    w->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(w);
    jpeg_set_quality(w, job->quality, TRUE);
    jpeg_start_compress(w, TRUE);
    while (w->next_scanline < w->image_height) {
        JSAMPROW row = (JSAMPROW)(uintptr_t)(image->pixels + w->next_scanline * image->width * image->channels);
        jpeg_write_scanlines(w, &row, 1);
    }
    jpeg_finish_compress(w);
}

static dnn_status write_file(dnni_jpeg_job *job, dnn_context *ctx, const char *path) {
    dnni_io_output output;
    IO_TRY(dnni_io_begin(&output, ctx, path));
    job->output = &output;
    dnn_status status = dnni_jpeg_guard(job, write_image) ? DNN_OK : dnni_jpeg_reason(job, path);
    dnni_jpeg_end(job);
    return dnni_io_end(&output, status);
}

dnn_status dnn_jpeg_write(dnn_context *ctx, const char *path, const dnn_tensor *image, int32_t quality) {
    dnni_io_arena arena = {.ctx = ctx};
    dnni_image_output input;
    int64_t unused;
    IO_TRY(dnni_io_check(ctx, path, NULL, &unused));
    if (quality < 0 || quality > 100) return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "quality is %d", quality);
    IO_TRY(dnni_image_to_bytes(&input, ctx, image, "JPEG", 3, JPEG_MAX_DIMENSION));
    dnni_jpeg_job job = {.arena = &arena, .input = &input, .quality = quality ? quality : 90};
    dnn_status status = input.channels == 2 ? dnn_fail(DNN_ERROR_SHAPE, "a JPEG image has 1 or 3 channels, not 2")
                                            : write_file(&job, ctx, path);
    dnni_io_arena_release(&arena);
    dnni_io_free(input.made);
    return status;
}
