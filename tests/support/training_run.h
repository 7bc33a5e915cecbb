/* A small run with all that a checkpoint holds: a network with batch norm and dropout, Adam, a plateau's schedule, a
 * shuffled loader that prefetches, and a tensor of the host's own. */
#ifndef TEST_TRAINING_RUN_H
#define TEST_TRAINING_RUN_H

#include <dnn/dnn.h>
#include <stdbool.h>

typedef struct training_run {
    dnn_context *ctx;
    dnn_dataset *data;
    dnn_loader *loader;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_schedule *schedule;
    dnn_average *average;
    dnn_tensor *history; /* float64 (32): losses */
    dnn_tensor *tensors[1];
    dnn_checkpoint_parts parts;
    char log[512]; /* the last remark */
    int64_t sleeps; /* what no checkpoint knows: training_run_hidden counts it, and writes it to the history */
} training_run;

/* Makes everything anew, as a program does when it starts. The allocator may be NULL. The numbers are the same with
 * threads and without. */
dnn_status training_run_start(training_run *r, const dnn_allocator *allocator, bool threads);
void training_run_end(training_run *r);

/* One turn of the loop; `run` is a training_run. The second one uses what is hidden from checkpoints. */
dnn_status training_run_step(void *run);
dnn_status training_run_hidden(void *run);

/* A sum of bits over all that the run holds. */
uint64_t training_run_bits(training_run *r);

#endif
