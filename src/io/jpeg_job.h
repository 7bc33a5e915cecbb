/* libjpeg, kept on a lead: its memory comes from an arena, its messages go into the last error, a warning is an error,
 * and its way of reporting one, a jump, never leaves dnni_jpeg_guard.
 *
 * What libjpeg takes before its memory manager can be replaced (two pieces, under 4 KiB) comes from malloc. */
#ifndef DNNI_JPEG_JOB_H
#define DNNI_JPEG_JOB_H

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "io/image.h"

typedef struct dnni_jpeg_job {
    union {
        struct jpeg_common_struct common;
        struct jpeg_decompress_struct reader;
        struct jpeg_compress_struct writer;
    } jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_destination_mgr destination;
    struct jpeg_progress_mgr progress;
    void (*destroy_first)(j_common_ptr jpeg); /* what was taken before the arena was in place */
    struct dnni_jpeg_rows *rows;              /* whole-image arrays that were asked for */
    dnni_io_arena *arena;
    jmp_buf lead;
    dnn_status status; /* of a failure that was not libjpeg's */
    char message[JMSG_LENGTH_MAX];

    /* Reading. */
    const dnni_image_file *file;
    unsigned char *pixels;

    /* Writing. */
    const dnni_image_output *input;
    dnni_io_output *output;
    int quality;
    unsigned char buffer[4096];
} dnni_jpeg_job;

/* Makes the reader, or the writer, and gives it the arena. Called inside of a guard. */
void dnni_jpeg_begin_reading(dnni_jpeg_job *job);
void dnni_jpeg_begin_writing(dnni_jpeg_job *job);
void dnni_jpeg_end(dnni_jpeg_job *job); /* also after a failed begin */

/* Puts the arena's functions in the place of libjpeg's own. */
void dnni_jpeg_take_memory(dnni_jpeg_job *job);

/* Runs body(job); false if libjpeg failed in it. */
bool dnni_jpeg_guard(dnni_jpeg_job *job, void (*body)(dnni_jpeg_job *job));

/* Ends the guarded body; the job's status and message say why. */
void dnni_jpeg_give_up(dnni_jpeg_job *job, dnn_status status, const char *message) __attribute__((noreturn));

/* The status of a job that failed, with the last error set to its reason. */
dnn_status dnni_jpeg_reason(const dnni_jpeg_job *job, const char *path);

#endif
