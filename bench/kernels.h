/* What the parts of the kernels' bench share. */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

#include "base/env.h"

extern dnnk_env env;

typedef struct {
    void (*call)(void *arg);
    void *arg;
} timed;

/* The best time of ours, in seconds, and of a peer's (NULL: none, infinity), called in turns. */
double measure(const timed *ours, const timed *peer, double *of_peer);

/* One line: time, rate, share of the peak; the peer's time and how many times as fast as it we are. */
void report(const char *name, double flops, double time, double of_peer);

/* Arrays of so many floats, of so many bytes, that are not all the same. */
void *filled(int64_t count);
void *bytes(int64_t count);

/* All convolutions of a training step of ResNet-18. */
void bench_convolutions(int64_t batch, int64_t threads);

#endif
