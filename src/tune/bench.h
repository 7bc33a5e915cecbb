/* What rates are tried on: a clone that takes steps on shuffled batches, and goes back to the start. */
#ifndef DNNI_TUNE_BENCH_H
#define DNNI_TUNE_BENCH_H

#include <dnn/inspect.h>
#include <dnn/tune.h>

#include "clone/clone.h"
#include "report/report.h"

enum { TUNE_MOST_STEPS = 100000, TUNE_MOST_SEEDS = 100, TUNE_BATCH = 32 };

/* What all descriptors have, with defaults in place. */
typedef struct tune_parts {
    dnn_module *module;
    dnn_loss *loss;
    dnn_optimizer *optimizer;
    dnn_dataset *data;
    int64_t steps, least_steps, batch_size, seeds;
    uint64_t seed;
    bool fresh;
    dnn_progress progress;
} tune_parts;

typedef struct tune_bench {
    dnn_context *ctx;
    const tune_parts *parts;
    dnni_pool pool;
    dnni_clone clone;
    dnn_loader *loader;
    double rate; /* the host's */
    const char *what;
    int64_t done, total; /* steps, for the host to be told */
    int64_t run, step;
} tune_bench;

/* That handles are handles, of one context, and that there is something to train on. */
dnn_status dnni_tune_check(const tune_parts *parts);

/* On failure dnni_tune_close is still due. `what` is said to the host. */
dnn_status dnni_tune_open(tune_bench *bench, const tune_parts *parts, const char *what, int64_t total);
void dnni_tune_close(tune_bench *bench);

/* Back to the start, for the run of that number, 0 …: each has its own batches, the same every time. */
dnn_status dnni_tune_start(tune_bench *bench, int64_t run);

/* A step at that rate; *loss is that of its batch, before the step. */
dnn_status dnni_tune_step(tune_bench *bench, double rate, double *loss);

/* A moving mean of losses, and whether it says that training diverges. */
typedef struct tune_mean {
    double beta, sum, weight; /* the mean is sum / weight */
    double first, best, value;
    bool diverged;
} tune_mean;
tune_mean dnni_tune_mean(double beta);
void dnni_tune_take(tune_mean *mean, double loss);

/* The median of n ≥ 1 numbers, infinities included; puts them in order. */
double dnni_tune_median(double *values, int64_t n);

/* What became of runs at one rate: medians over the seeds. */
typedef struct tune_outcome {
    double rate, first, end; /* moving means of the loss; `end` is infinite if it diverged */
    bool diverged;
} tune_outcome;

/* A run of parts->steps for each seed. `curve` may be NULL; otherwise [steps] moving means, NaN where runs ended. */
dnn_status dnni_tune_try(tune_bench *bench, double rate, tune_outcome *outcome, double *curve);

/* A plot, as a picture of the report's under the plot's title; and drawn in characters into *drawing, in the pool. */
dnn_status dnni_tune_plot(tune_bench *bench, dnn_report *report, const dnn_series *series, int64_t n,
                          const dnn_plot_desc *desc, const char **drawing);

/* The end of a call: the report and the result, whose handle and descriptor are the host's, or neither. */
dnn_status dnni_tune_end(dnn_status status, dnn_report *report, dnn_report **out, const void *found, size_t bytes,
                         void *result);

/* Three digits, for people. */
#define TUNE_REAL(value) dnni_real(value, 3).text

#endif
