/* What the readers and writers share. dnn_io is a guest of the core: it has the public headers and nothing else, so it
 * reports through dnn_fail and takes memory as tensors of bytes. */
#ifndef DNNI_IO_SUPPORT_H
#define DNNI_IO_SUPPORT_H

#include <dnn/io.h>
#include <stdbool.h>

/* Goes on if the expression is DNN_OK, otherwise returns its status. */
#define IO_TRY(expression)                            \
    do {                                              \
        dnn_status status_ = (expression);            \
        if (status_ != DNN_OK) return status_;        \
    } while (0)

/* Sets the last error to "path: …" (no path: NULL) and returns its status. */
dnn_status dnni_io_fail(dnn_status status, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Memory of the context, zeroed, aligned to 64 bytes; NULL and the last error if there is none. */
void *dnni_io_alloc(dnn_context *ctx, int64_t bytes);
void dnni_io_free(void *memory); /* NULL is fine */

/* A copy of a text in memory of the context; NULL and the last error. */
char *dnni_io_copy(dnn_context *ctx, const char *text);

/* `out`, `ctx` and `path` as every constructor has them: checked, and *out set to NULL. */
dnn_status dnni_io_begin_call(void *out, dnn_context *ctx, const char *path);

/* A caller's descriptor, which may be NULL, in full: what it leaves out is zero. */
dnn_status dnni_io_desc(void *full, size_t bytes, const void *desc);
#define IO_DESC(full, desc) dnni_io_desc(&(full), sizeof(full), desc)

/* An info of the caller's, filled in as far as its size reaches. */
dnn_status dnni_io_give(void *info, const void *full, size_t bytes);

/* The limit that a descriptor sets, or its default. */
dnn_status dnni_io_limit(int64_t *max_bytes, const dnn_read_desc *desc);

/* Checks what all readers are given, and gives the limit. */
dnn_status dnni_io_check(dnn_context *ctx, const char *path, const dnn_read_desc *desc, int64_t *max_bytes);

/* Tells the host how far a long call is. What it returns ends the call. */
dnn_status dnni_io_progress(const dnn_progress *progress, const char *what, int64_t done, int64_t total);

/* A regular file, open for reading. */
typedef struct dnni_io_file {
    dnn_context *ctx;
    const char *path;
    int descriptor;
    int64_t n; /* its bytes */
} dnni_io_file;
dnn_status dnni_io_open(dnni_io_file *file, dnn_context *ctx, const char *path); /* which keeps the pointer to path */
dnn_status dnni_io_read(const dnni_io_file *file, int64_t from, void *target, int64_t bytes); /* all of them */
void dnni_io_close(dnni_io_file *file);

/* A file that takes the place of the one at `path` when it is complete. After a failed begin, nothing is to be
 * ended. */
typedef struct dnni_io_output {
    const char *path;
    char *temporary;
    int descriptor;
} dnni_io_output;
dnn_status dnni_io_begin(dnni_io_output *output, dnn_context *ctx, const char *path);
dnn_status dnni_io_put(dnni_io_output *output, const void *data, int64_t bytes);

/* Puts the new file in place if `status` is DNN_OK, otherwise removes it; returns what the whole came to. */
dnn_status dnni_io_end(dnni_io_output *output, dnn_status status);

#endif
