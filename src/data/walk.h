/* Walking through all samples of a dataset, in parallel: blocks of samples, cut by the dataset's size, are read and
 * worked on by the context's lanes, wave by wave; after each wave its results are combined in order, in the calling
 * thread. So what comes out does not depend on the number of threads. */
#ifndef DNNI_WALK_H
#define DNNI_WALK_H

#include "data/dataset.h"

typedef struct dnni_block {
    int64_t slot; /* 0 … slots - 1: its place in the wave */
    int64_t lane;
    int64_t first, n;        /* samples */
    const void *inputs;      /* [n, …]; NULL if they are not wanted */
    const void *targets;     /* [n, …]; NULL likewise, or if there are none */
} dnni_block;

typedef struct dnni_walk {
    dnn_dataset *dataset;
    bool inputs, targets; /* which are wanted */
    int64_t samples;      /* of a block */
    int64_t slots;        /* blocks of a wave */
    const char *what;     /* for the host, while it waits */
    const dnn_progress *progress;
    void *user;

    /* Works on one block, in any thread. */
    dnn_status (*work)(void *user, const dnni_block *block);

    /* Takes in the results of slots 0 … slots - 1. */
    dnn_status (*combine)(void *user, int64_t slots);
} dnni_walk;

/* The first failure, in the order of samples, ends the walk. */
dnn_status dnni_walk_samples(const dnni_walk *walk);

/* How many samples of so many bytes make a block: it stays in the second-level cache. */
int64_t dnni_block_samples(int64_t sample_bytes);

#endif
