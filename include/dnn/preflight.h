/* libdnn: preflight: what is wrong with a run, before it costs an hour.
 *
 *     dnn_preflight(&report, net, loss, opt, train, NULL);
 *     puts(dnn_report_text(report));
 *     if (dnn_report_worst(report) >= DNN_SEVERITY_ERROR) …
 *
 * A module, its loss, its optimizer and its data are tried out together, on copies: each check below, in this order.
 * Those from "overfitting" on train; where one before them has found an error they are left out, since they would only
 * show what comes of it. (The calls that do one check alone do it all the same.) Severity: e error, w warning, n note.
 *
 *     structure    dnn_probe's findings; and
 *       "does-not-run"                 e  the module does not take the dataset's inputs
 *     data         dnn_look's findings on a shuffled batch; and
 *       "range-declared-wrong"         w  the values fill less than 2 % of the declared range, or lie beyond it
 *       "statistics-not-applied"       e  `statistics` are given, but the inputs are not standardised, nor has the
 *                                         module a layer that does it; or the validation set has another scale
 *       "same-every-epoch"             e  the dataset is to augment, and gives the same samples in epochs 0 and 1
 *       "validation-changes"           w  the validation set does not
 *     first loss
 *       "first-loss-high"              w  cross-entropy above ln K + 0.5 (logits N(0, s²) give ln K + s²/2); other
 *                                         losses above 4 times that of the targets' mean. e: it is not finite
 *       "first-loss-off"               n  less than half of what an untrained network has
 *       "loss-does-not-fit"            e  the loss refuses these outputs and targets
 *       "loss-sum-for-mean"            w  its reduction is the sum
 *       "softmax-before-loss"          e  outputs are probabilities where logits are taken; n: a log-softmax
 *       "sigmoid-before-loss"          e  the same, of binary cross-entropy
 *       "wrong-class-count"            e  more classes than outputs; w: fewer
 *       "labels-out-of-range"          e
 *       "frozen-parameters"            w  those that `frozen` does not name; e: all of them
 *       "all-zero-weights"             e  weights of two or more axes, all equal, whose gradient tells no units apart
 *       "parameters-without-gradient"  e  exactly 0 over a batch, as they are and moved a little
 *       "constant-loss"                e  the same of all parameters
 *       "dead-units"                   w  ReLUs that are 0 on 1000 samples: 10 % of a layer; e: 40 %,
 *                                         on all that there are
 *     gradients    dnn_check_gradients on a few derivatives of each tensor
 *       "gradient-wrong"               e
 *       "gradients-not-checked"        n  a layer runs in float32 alone, or it would take too long
 *     memory       planned
 *       "memory"                       e  more than `memory_budget`, or than there is
 *     overfitting  one sample, a batch (up to 64), a small set (4 of those), fixed, without dropout and decay, learnt
 *                  by heart: a loss below 1 % of the first within 500 steps
 *       "does-not-overfit"             e  the sample is not learnt, or of the batch no more than a constant output
 *                                         knows; w: less than all of it, by a network with 10 parameters for each
 *                                         target. Says which parameters hardly move (‖Δw‖ ≤ 1e-4 ‖w‖)
 *       "rate-too-low"                 w  it takes 100 times the optimizer's rate, or more; n: 10 times
 *       "rate-too-high"                w  it takes a tenth, or less
 *     baselines    the loss of samples apart (of `validation`, or a fifth) after up to 200 steps, beside that of the
 *                  best constant output, with inputs of zeros, of the last layer trained alone, and the nearest
 *       neighbour "ignores-input"                e  the trained network's loss does not depend on its input; w: with
 *                                         inputs of zeros it learns as much
 *       "no-better-than-prior"         w  than the best constant output
 *       "too-large-to-try"             n  of this and the one before: it would take minutes
 *     rehearsal    of the run: some steps, validation, `log`, and in `folder` a checkpoint: saved, loaded, and resumed
 *                  (dnn_resume_test); with the time, and the disk, that the whole will take
 *       "rehearsal-failed"             e  says where
 *
 * Thresholds are those of docs/practice.md; where a practice names none they are our own.
 *
 * Everything is left as it was, bit for bit, whatever happens: parameters, gradients, running statistics, counters of
 * random numbers, modes, what is frozen, the optimizer's state, plans, the forward that ran last and what it lent, the
 * loss's gradient. Two runs with the same seed give the same report on any number of threads, but for
 * planned memory and times.
 *
 * The module takes one input, what the dataset gives, and has one output, which the loss takes with the targets. Layers
 * run in the modes that they are in; a module that is wholly in evaluation is tried in training.
 *
 * Threads: module, loss and optimizer are used by the call alone while it runs. Callbacks of the dataset run in the
 * calling thread and in the context's. */
#ifndef DNN_PREFLIGHT_H
#define DNN_PREFLIGHT_H

#include "data.h"
#include "loss.h"
#include "module.h"
#include "optimizer.h"
#include "report.h"
#include "statistics.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What dnn_preflight leaves out; a sum. */
typedef enum dnn_preflight_skip {
    DNN_PREFLIGHT_NO_STRUCTURE = 1,
    DNN_PREFLIGHT_NO_DATA = 2,
    DNN_PREFLIGHT_NO_FIRST_LOSS = 4,
    DNN_PREFLIGHT_NO_GRADIENTS = 8,
    DNN_PREFLIGHT_NO_OVERFIT = 16,
    DNN_PREFLIGHT_NO_BASELINES = 32,
    DNN_PREFLIGHT_NO_MEMORY = 64,
    DNN_PREFLIGHT_NO_REHEARSAL = 128
} dnn_preflight_skip;

/* For all calls below; each reads what it needs. */
typedef struct dnn_preflight_desc {
    size_t size;
    dnn_dataset *validation;  /* what the run is validated on, of the same shapes; default: none */
    int64_t batch_size;       /* of the run; default 64; never more than the dataset has */
    double low, high;         /* between which the model wants its inputs; default: what the dataset declares */
    const dnn_statistics *statistics; /* of the inputs: by which they are to be standardised; default: not known */
    int32_t augments;         /* 1: the dataset is meant to draw its samples anew in each epoch */
    const char *frozen;       /* a pattern, as in dnn_module_freeze, of what is meant to be frozen; default: nothing */
    int64_t memory_budget;    /* bytes that the run may take; default: what the machine has left
                                 (dnn_memory_available) */
    int64_t epochs;           /* of the run; default: not known, and its hours are not worked out */
    const char *folder;       /* where the run will keep its checkpoints: made if it is not there, and left as it was.
                                 Default: nothing is written */
    dnn_status (*log)(void *user, int64_t step, double loss); /* the run's own log: called after each step of the
                                 rehearsal. Default: none */
    void *log_user;
    uint64_t seed;            /* of all that is drawn; default 0, a seed like any other */
    int32_t skip;             /* default: 0, nothing */
    dnn_progress progress;    /* in checks; default: nobody is told */
} dnn_preflight_desc;

/* All checks. `desc` may be NULL, in all of these calls. DNN_OK means that they were done: what they found is in the
 * report, which is the caller's to release. Errors: ARGUMENT, also for an optimizer of another module; HANDLE; SHAPE
 * for a validation set of other samples; VALUE for a dataset without samples, STATE for one without targets, and what
 * it reports for a sample; an error that the module has kept; the host's reason where `progress` says no; MEMORY. */
DNN_API dnn_status dnn_preflight(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                 dnn_dataset *dataset, const dnn_preflight_desc *desc);

/* The checks one by one (of the structure: dnn_probe, dnn_module_describe). Errors: as above. */
DNN_API dnn_status dnn_preflight_data(dnn_report **out, dnn_module *module, dnn_dataset *dataset,
                                      const dnn_preflight_desc *desc);
DNN_API dnn_status dnn_preflight_first_loss(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_dataset *dataset,
                                            const dnn_preflight_desc *desc);
DNN_API dnn_status dnn_preflight_gradients(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_dataset *dataset,
                                           const dnn_preflight_desc *desc);

DNN_API dnn_status dnn_preflight_overfit(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                         dnn_dataset *dataset, const dnn_preflight_desc *desc);
DNN_API dnn_status dnn_preflight_baselines(dnn_report **out, dnn_module *module, dnn_loss *loss,
                                           dnn_optimizer *optimizer, dnn_dataset *dataset,
                                           const dnn_preflight_desc *desc);
DNN_API dnn_status dnn_preflight_rehearsal(dnn_report **out, dnn_module *module, dnn_loss *loss,
                                           dnn_optimizer *optimizer, dnn_dataset *dataset,
                                           const dnn_preflight_desc *desc);

/* What the run will take, computed from the plan before anything is allocated: parameters and their gradients, the
 * arena, the optimizer's state, the loader's batches (of a loader with default settings), in bytes, and together. */
DNN_API dnn_status dnn_preflight_memory(dnn_report **out, dnn_module *module, dnn_optimizer *optimizer,
                                        dnn_dataset *dataset, const dnn_preflight_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
