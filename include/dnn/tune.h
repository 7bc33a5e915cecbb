/* libdnn: tuning before a run: which learning rate, which batch size.
 *
 *     dnn_tune_range(&report, net, loss, opt, train, NULL, NULL);         the learning-rate range test
 *     dnn_tune_sweep(&report, net, loss, opt, train, NULL, NULL);         a few rates, each for a while
 *     dnn_tune_divergence(&report, net, loss, opt, train, NULL, NULL);    "diverges at 0.8; you use 0.001"
 *     dnn_tune_batch(&report, net, loss, opt, train, NULL, NULL);         the largest batch that fits
 *
 * All of them take steps on copies, with the optimizer's own rule and settings, on shuffled batches of the dataset, the
 * same for every rate. Module, optimizer and loss are left exactly as they were, whatever happens: values, gradients,
 * state, running statistics, modes, counters of random numbers, the forward that ran last and what was lent. A run
 * starts at the weights and the optimizer's state of the moment, so these can be asked in the middle of a run, too; or,
 * with `fresh`, at new starting values (of what is not frozen) and a new state. The same seed gives the same numbers on
 * any number of threads; times are measured.
 *
 * A rate counts as diverging if the loss is not finite, or if its moving mean is above 4 times the lowest that it had,
 * and above half of the first (of several seeds: for most of them).
 *
 * Findings (report.h):
 *     error    "rate-too-high"      training diverges at the optimizer's rate
 *              "batch-too-large"    not even a batch of one sample fits
 *     warning  "rate-too-high"      it diverges at less than twice that rate
 *              "rate-too-low"       it diverges at 100 times that rate or beyond, and only at 100 times that rate or
 *                                   more the loss falls at least half as far as at the best of those tried
 *              "no-valley"          the range test shows no rates at which the loss clearly falls, or all rates of a
 *                                   sweep diverge: nothing is suggested
 *              "best-at-border"     the best rate of a sweep is its smallest or its largest
 *     note     "never-diverges"     not at the highest rate that was tried either; a range test falls to its end
 *
 * `report` is the caller's; `result` and `desc` may be NULL. The module takes one input. Errors, after which nothing
 * has changed: ARGUMENT for a description, a dataset without samples or targets, an optimizer of another module; VALUE
 * if the loss is not finite before the first step (dnn_autopsy says why); what forward, loss and dataset report; what
 * desc.progress returned; MEMORY.
 *
 * Threads: module, loss and optimizer are used by the call alone while it runs. */
#ifndef DNN_TUNE_H
#define DNN_TUNE_H

#include "data.h"
#include "loss.h"
#include "optimizer.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the range test ---------------------------------------------------------------------------------------------- */

/* Step i = 0 … steps is taken at the rate low · (high/low)^(i/steps); a run ends where it diverges (Smith 2017, in the
 * form of fastai). Losses are smoothed: s ← β s + (1 - β) loss, shown as s / (1 - β^i). Of several runs with other
 * batches, the curve is the median; it ends where most of them have ended, without its first tenth and its last 5
 * points. */
typedef struct dnn_tune_range_desc {
    size_t size;
    double low, high;   /* 0 < low < high; default 1e-7 and 10 */
    int64_t steps;      /* 20 to 100000; default 100 */
    int64_t batch_size; /* at least 1; default 32 */
    int64_t seeds;      /* how many runs, 1 to 100; default 3 */
    uint64_t seed;      /* of the batches, and of fresh starting values; default 0, a seed like any other */
    int32_t fresh;      /* 1: from new starting values, others in every run */
    double smoothing;   /* β, in [0, 1); default 0.98; DNN_ZERO: 0 */
    dnn_progress progress;
} dnn_tune_range_desc;

/* Rates; NaN: none is suggested. */
typedef struct dnn_tune_range_result {
    size_t size;
    double valley;  /* the middle, by logarithm, of the longest run of points of which each is below the one before it:
                       the suggestion to begin with */
    double steep;   /* where the loss falls fastest by the logarithm of the rate */
    double minimum; /* a tenth of the rate of the lowest loss */
    double ends;    /* the rate at which most runs had diverged; infinite: they had not at `high` */
    int64_t points; /* of the curve */
} dnn_tune_range_result;

/* Figures: "valley", "steep", "minimum", "ends", "rate" (the optimizer's). Section: the curve, with the lowest and the
 * highest of the runs. Picture: the curve over a logarithmic axis, with that band. */
DNN_API dnn_status dnn_tune_range(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                  dnn_dataset *data, const dnn_tune_range_desc *desc, dnn_tune_range_result *result);

/* ---- a sweep ----------------------------------------------------------------------------------------------------- */

/* Each rate for so many steps from the same start, on the same batches: a small, random part of the data. The best is
 * the one at which the loss fell lowest (Bottou 2012: try rates on a subset, keep the one that falls fastest). Losses
 * are moving means of those of the steps, with β = 0.9; with several seeds, medians. */
typedef struct dnn_tune_sweep_desc {
    size_t size;
    const double *rates; /* ascending, above 0; default: 1e-5, 3e-5, 1e-4, … 1 */
    int64_t n_rates;     /* at most 1000 */
    int64_t steps;       /* 2 to 100000; default 100 */
    int64_t batch_size;  /* at least 1; default 32 */
    int64_t seeds;       /* 1 to 100; default 1 */
    uint64_t seed;
    int32_t fresh;
    dnn_progress progress;
} dnn_tune_sweep_desc;

typedef struct dnn_tune_sweep_result {
    size_t size;
    double best;       /* the rate; NaN: all diverged */
    double first_loss; /* before the first step */
    double best_loss;  /* at the end, at that rate */
    int64_t diverged;  /* how many rates did */
} dnn_tune_sweep_result;

/* Figures: "best rate", "first loss", "best loss". Section: a table of rates. Picture: the losses over the steps. */
DNN_API dnn_status dnn_tune_sweep(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                  dnn_dataset *data, const dnn_tune_sweep_desc *desc, dnn_tune_sweep_result *result);

/* ---- the distance to divergence ---------------------------------------------------------------------------------- */

/* Runs of so many steps each: at the optimizer's rate, at 4 times that and so on until one diverges (or, if that one
 * does, at a quarter, and so on), and then between the last two until they are `precision` apart. */
typedef struct dnn_tune_divergence_desc {
    size_t size;
    double high;        /* no rate above that is tried; default 100, or the optimizer's if that is more */
    double precision;   /* above 1; default 1.1 */
    int64_t steps;      /* 2 to 100000; default 50 */
    int64_t batch_size; /* at least 1; default 32 */
    int64_t seeds;      /* 1 to 100; default 1 */
    uint64_t seed;
    int32_t fresh;
    dnn_progress progress;
} dnn_tune_divergence_desc;

typedef struct dnn_tune_divergence_result {
    size_t size;
    double rate;     /* the optimizer's */
    double diverges; /* the lowest rate that was seen to diverge; infinite: none was */
    double holds;    /* the highest below it that was seen not to; 0: none was */
    double best;     /* that at which the loss fell lowest; NaN: none */
} dnn_tune_divergence_result;

/* Figures: "diverges at", "rate", "distance" (the one over the other), "falls fastest at". Section: the runs. */
DNN_API dnn_status dnn_tune_divergence(dnn_report **report, dnn_module *module, dnn_loss *loss,
                                       dnn_optimizer *optimizer, dnn_dataset *data,
                                       const dnn_tune_divergence_desc *desc, dnn_tune_divergence_result *result);

/* ---- the batch --------------------------------------------------------------------------------------------------- */

/* The largest batch whose memory is within a budget: computed from the plan, before anything is allocated. (Memory does
 * not always grow with the batch, as kernels change their ways; none of the next 64 sizes fits either.) Counted are
 * parameters, buffers and gradients, the optimizer's state, the arena of a training step (dnn_module_describe; within
 * what dnn_module_set_memory allows), the loss's gradient, and the batches of a loader. Not counted: the dataset
 * itself, and handles and lists of some kilobytes. And, measured, where larger batches gain no more: steps on doubling
 * batches are timed until twice in a row none gives a tenth more samples a second than the best before. */
typedef struct dnn_tune_batch_desc {
    size_t size;
    int64_t budget;   /* bytes; default: 80 % of what the machine has left (dnn_memory_available) */
    int64_t most;     /* no batch above that is looked at; default: the dataset's count */
    int32_t prefetch; /* of the loader, as in dnn_loader_desc */
    int32_t untimed;  /* 1: nothing is measured, no step is taken */
    dnn_progress progress;
} dnn_tune_batch_desc;

typedef struct dnn_tune_batch_result {
    size_t size;
    int64_t largest;    /* that fits; 0: not even 1 does */
    int64_t bytes;      /* that it needs, all counted together (of a batch of 1 if largest is 0) */
    int64_t next_bytes; /* that one sample more would need; 0: `most` fits; -1: dnn_module_set_memory forbids it */
    int64_t budget;
    int64_t enough;     /* the batch from which on two doublings gain less than a tenth; 0: not measured */
    double throughput;  /* samples a second at that batch, without reading them; 0: not measured */
} dnn_tune_batch_result;

/* Figures: "largest batch", "bytes", "budget", "fixed bytes" (that do not grow with the batch), "enough". Sections:
 * what the bytes are for; the times. */
DNN_API dnn_status dnn_tune_batch(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                  dnn_dataset *data, const dnn_tune_batch_desc *desc, dnn_tune_batch_result *result);

/* Bytes of memory that this process may still take without swapping: what the system says is available, or the limit of
 * its control group (cgroup v1 or v2) if that is less. 0: not known. */
DNN_API int64_t dnn_memory_available(void);

#ifdef __cplusplus
}
#endif

#endif
