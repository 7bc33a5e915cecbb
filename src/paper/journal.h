/* A file that grows piece by piece; each is in it as a whole, or not at all, as long as the machine runs: what a write
 * that failed half-way has left is cut off, now or before the next piece. */
#ifndef DNNI_JOURNAL_H
#define DNNI_JOURNAL_H

#include "core/context.h"

typedef struct dnni_journal {
    dnn_context *ctx;
    char *path;
    int descriptor; /* -1: none */
    int64_t bytes;  /* where the next piece goes */
    bool torn;      /* something may stand behind that */
} dnni_journal;

/* A new file, which must not be there: *taken says that it is (and the status is OK). */
dnn_status dnni_journal_new(dnni_journal *j, dnn_context *ctx, const char *path, bool *taken);

/* A file of lines, new or to be gone on with: a last line without an end is cut off. */
dnn_status dnni_journal_lines(dnni_journal *j, dnn_context *ctx, const char *path);

/* Errors have the path in front. A file that somebody has removed meanwhile is IO. */
dnn_status dnni_journal_add(dnni_journal *j, const void *data, int64_t bytes);
dnn_status dnni_journal_sync(dnni_journal *j);
void dnni_journal_close(dnni_journal *j);

#endif
