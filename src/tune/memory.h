/* What a training step of a batch takes in memory: computed, before anything is allocated. */
#ifndef DNNI_TUNE_MEMORY_H
#define DNNI_TUNE_MEMORY_H

#include "tune/bench.h"

typedef struct tune_bytes {
    int64_t parameters; /* values and gradients, buffers */
    int64_t state;      /* the optimizer's, for all that is not frozen, when it has made its first step */
    int64_t arena, loss, loader;
    int64_t total; /* -1: more than can be counted, or than dnn_module_set_memory allows for the arena */
} tune_bytes;

/* In the module's present modes. Errors: as dnn_module_describe's, and the loss's if it cannot take y and target. */
dnn_status dnni_tune_bytes(const tune_parts *parts, int64_t batch, int32_t prefetch, tune_bytes *bytes);

#endif
