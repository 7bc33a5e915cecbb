/* Small runs that a monitor watches: four classes that a linear rule tells apart, in batches that come round and round.
 * What a test wants to go wrong, it says in `fault`. */
#ifndef TEST_WATCHED_RUN_H
#define TEST_WATCHED_RUN_H

#include <dnn/dnn.h>
#include <stdbool.h>

enum { WATCHED_BATCHES = 16, WATCHED_BATCH = 32, WATCHED_FEATURES = 8, WATCHED_CLASSES = 4 };

typedef enum watched_fault {
    NO_FAULT,
    NEVER_CLEARED,    /* no zero_grad */
    STEP_FIRST,       /* the optimizer's step before the backward */
    TRAIN_WHILE_EVALUATING,
    EVAL_WHILE_TRAINING,
    BIG_BATCH,        /* one batch in step 150 is a thousand times as large */
    NOT_A_NUMBER      /* a sample is NaN in step 30 */
} watched_fault;

typedef struct watched_run {
    dnn_context *ctx;
    dnn_module *net;
    dnn_optimizer *opt;
    dnn_schedule *schedule; /* by 100 steps an epoch; may stay NULL */
    dnn_loss *loss;
    dnn_monitor *monitor;   /* NULL: nobody watches */
    dnn_tensor *x[WATCHED_BATCHES], *target[WATCHED_BATCHES];
    watched_fault fault;
    bool after;             /* the monitor is told after the optimizer's step, not before */
    int64_t steps;
    double value;
    char log[4096];         /* the lines that came, one after the other */
} watched_run;

/* Context, data and loss; `steps_long` > 0: sequences of so many features each. net and opt are the caller's to make. */
dnn_status watched_start(watched_run *r, const dnn_allocator *allocator, int32_t threads, int64_t steps_long);
dnn_status watched_train(watched_run *r, int64_t steps);
dnn_status watched_validate(watched_run *r);
void watched_end(watched_run *r);

/* 8-32-32-4 with ReLU; in the middle, `norm` and `drop`. */
dnn_module *watched_mlp(dnn_context *ctx, bool norm, bool drop);

#endif
