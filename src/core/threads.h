/* The default executor: a small pool that sleeps when idle. */
#ifndef DNNI_THREADS_H
#define DNNI_THREADS_H

#include "core/context.h"

/* Starts lanes - 1 threads (the caller of a job is a lane too). NULL on failure, with the last error set. */
dnni_threads *dnni_threads_start(dnn_context *ctx, int64_t lanes);

/* Ends and joins them. */
void dnni_threads_stop(dnn_context *ctx, dnni_threads *threads);

/* dnn_executor.run: `user` is the pool. One job at a time: a second caller does its lanes itself. */
void dnni_threads_run(void *user, void (*lane_main)(void *arg, int64_t lane), void *arg, int64_t lanes);

/* The processors that this process may use, at least 1. */
int32_t dnni_processors(void);

#endif
