#include "io/jpeg_job.h"

#include <jerror.h>

/* More scans are not made by anybody, and each is a pass over the whole image: a small file could keep us for hours. */
enum { MOST_SCANS = 100 };

/* ---- errors ---- */

void dnni_jpeg_give_up(dnni_jpeg_job *job, dnn_status status, const char *message) {
    job->status = status;
    snprintf(job->message, sizeof job->message, "%s", message);
    longjmp(job->lead, 1);
}

static void on_error(j_common_ptr jpeg) {
    dnni_jpeg_job *job = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    dnni_jpeg_give_up(job, jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? DNN_ERROR_MEMORY : DNN_OK, message);
}

/* Warnings are of damage; but for two of files that are only unusual. */
static void on_message(j_common_ptr jpeg, int level) {
    int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM) on_error(jpeg);
}

static void on_output(j_common_ptr jpeg) { (void)jpeg; }

static void on_progress(j_common_ptr jpeg) {
    const dnni_jpeg_job *job = jpeg->client_data;
    if (jpeg->is_decompressor && job->jpeg.reader.input_scan_number > MOST_SCANS)
        dnni_jpeg_give_up(jpeg->client_data, DNN_ERROR_UNSUPPORTED, "it has more than 100 scans");
}

dnn_status dnni_jpeg_reason(const dnni_jpeg_job *job, const char *path) {
    if (job->status == DNN_ERROR_MEMORY) return dnn_fail(DNN_ERROR_MEMORY, "out of memory");
    if (job->status == DNN_OK)
        return dnni_io_fail(DNN_ERROR_FORMAT, path, "is no good JPEG file: %s", job->message);
    return job->message[0] ? dnni_io_fail(job->status, path, "%s", job->message) : job->status;
}

bool dnni_jpeg_guard(dnni_jpeg_job *job, void (*body)(dnni_jpeg_job *job)) {
    if (setjmp(job->lead)) return false;
    body(job);
    return true;
}

/* ---- reading from memory ---- */

static void no_source(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean on_end(j_decompress_ptr jpeg) {
    ERREXIT(jpeg, JERR_INPUT_EOF);
    return TRUE;
}

static void skip(j_decompress_ptr jpeg, long bytes) {
    if (bytes <= 0) return;
    if ((size_t)bytes > jpeg->src->bytes_in_buffer) on_end(jpeg);
    jpeg->src->next_input_byte += bytes;
    jpeg->src->bytes_in_buffer -= (size_t)bytes;
}

/* ---- making and ending ---- */

static void begin(dnni_jpeg_job *job) {
    struct jpeg_common_struct *jpeg = &job->jpeg.common;
    jpeg->err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
    job->errors.output_message = on_output;
    jpeg->client_data = job;
}

void dnni_jpeg_begin_reading(dnni_jpeg_job *job) {
    begin(job);
    jpeg_create_decompress(&job->jpeg.reader);
    dnni_jpeg_take_memory(job);
    job->progress.progress_monitor = on_progress;
    job->jpeg.reader.progress = &job->progress;
    job->source = (struct jpeg_source_mgr){job->file->bytes, (size_t)job->file->n, no_source, on_end, skip,
                                           jpeg_resync_to_restart, no_source};
    job->jpeg.reader.src = &job->source;
}

void dnni_jpeg_begin_writing(dnni_jpeg_job *job) {
    begin(job);
    jpeg_create_compress(&job->jpeg.writer);
    dnni_jpeg_take_memory(job);
}

/* jpeg_destroy calls mem->self_destruct, if there is a memory manager. */
void dnni_jpeg_end(dnni_jpeg_job *job) { jpeg_destroy(&job->jpeg.common); }
