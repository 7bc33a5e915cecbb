/* A host in the middle of his loop, for tests of what experiments on his module: with a forward that waits for its
 * backward, gradients of one backward, a rate, groups and clipping, something frozen, a child that was run by itself,
 * and all that is lent to him. */
#ifndef TEST_BYSTANDER_H
#define TEST_BYSTANDER_H

#include <dnn/dnn.h>

enum { BYSTANDER_FEATURES = 6, BYSTANDER_CLASSES = 3, BYSTANDER_BATCH = 8, BYSTANDER_SAMPLES = 64 };

typedef struct bystander {
    dnn_context *ctx;
    dnn_module *net; /* (N, 6) to (N, 3): linear, batch norm, ReLU, dropout, linear */
    dnn_module *first;
    dnn_optimizer *opt;
    dnn_loss *loss;
    dnn_dataset *data; /* 64 samples of 3 classes that can be told apart */
    dnn_tensor *x, *target;
    const dnn_tensor *y, *dy, *first_y; /* lent */
    int64_t remarks;                    /* in the context's log, so far */
} bystander;

/* `threads`: lanes. Fails with MEMORY only. What is there after a failure goes in bystander_end. */
dnn_status bystander_start(bystander *b, const dnn_allocator *allocator, int32_t threads);
void bystander_end(bystander *b);

/* A hash of all that is his, and of where it lies; nothing is touched. */
uint64_t bystander_bits(const bystander *b);

/* The backward that waits, a step, a forward: what comes of it, as a hash of the parameters and of y. */
uint64_t bystander_goes_on(bystander *b);

#endif
