/* Runs for tests, in folders of support/files.h. */
#ifndef TEST_RUNS_H
#define TEST_RUNS_H

#include <dnn/run.h>

#include "support/files.h"

/* What time it is, in seconds since 1970. */
extern double run_time;

/* Called as "./train --lr 0.1", at that time. */
dnn_run_desc run_desc(dnn_run_mode mode);
dnn_run *run_begin(const char *folder, dnn_run_mode mode);
void run_finish(dnn_run *run);

/* A file of a folder as text (free it), the n-th whose name begins so; and that it must hold a part. */
char *run_text(const char *folder, const char *name, int n, size_t *bytes);
void expect_run_text(const char *folder, const char *name, const char *part);

#endif
