/* All calls of the file system that the core makes. Interrupted and partial reads and writes are gone on with; every
 * failure becomes IO with the system's reason (the caller puts the path in front of the line). */
#ifndef DNNI_FILE_H
#define DNNI_FILE_H

#include "core/context.h"

/* "what: the system's reason", for an errno: IO, or MEMORY. */
dnn_status dnni_system_error(const char *what, int reason);

/* A regular file, open for reading. */
typedef struct dnni_file {
    int descriptor;
    int64_t bytes;
} dnni_file;

dnn_status dnni_file_open(dnni_file *file, const char *path);

/* The next `bytes` bytes, all of them. A file that ends earlier (it became shorter since it was opened) is FORMAT. */
dnn_status dnni_file_read(dnni_file *file, void *data, int64_t bytes);
void dnni_file_close(dnni_file *file);

/* A file that takes the place of another one when it is complete:
 *
 *     begin: a temporary file in the same folder → write … → commit: fsync, close, rename, fsync of the folder
 *
 * Whatever fails before the rename, the temporary file goes and what was at `path` stays. A failed fsync is not tried
 * again: the system may have dropped the data, and would report success the second time. */
typedef struct dnni_replacement {
    dnn_context *ctx;
    const char *path; /* the caller's, until commit or abandon */
    char *temporary;
    int64_t temporary_bytes;
    int descriptor;
} dnni_replacement;

dnn_status dnni_replacement_begin(dnni_replacement *r, dnn_context *ctx, const char *path);
dnn_status dnni_replacement_write(dnni_replacement *r, const void *data, int64_t bytes);

/* Ends it, with success or without. */
dnn_status dnni_replacement_commit(dnni_replacement *r);

/* Ends it: the temporary file goes. The last error stays. */
void dnni_replacement_abandon(dnni_replacement *r);

#endif
