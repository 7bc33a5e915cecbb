/* Telling the host how far a long call is. */
#ifndef DNNI_PROGRESS_H
#define DNNI_PROGRESS_H

#include <dnn/data.h>

/* Tells the host, if it asked to be told. Not OK: the call is to end with that status; the last error is the reason. */
dnn_status dnni_progress(const dnn_progress *progress, const char *what, int64_t done, int64_t total);

#endif
