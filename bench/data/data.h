/* The data room's bench: each part measures one thing and prints one line for each figure. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <dnn/dnn.h>

/* Seconds on a clock that only goes forward. */
double bench_now(void);

/* Seconds of the fastest of many calls: the one that other programs disturbed the least. */
double bench_fastest(void (*call)(void *arg), void *arg);

/* Ends the program with the last error if a call of the library failed. */
void bench_ok(dnn_status status);

/* One part a file; the table in data.c names them. `ctx` has as many threads as were asked for. */
void bench_shuffle(dnn_context *ctx);
void bench_augment(dnn_context *ctx);
void bench_statistics(dnn_context *ctx);
void bench_folder(dnn_context *ctx);
void bench_audit(dnn_context *ctx);

#endif
