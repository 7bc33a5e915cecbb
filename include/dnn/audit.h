/* libdnn: the audit: what is wrong with a data set, before the first step.
 *
 *     dnn_audit(&report, train, test, NULL);
 *     puts(dnn_report_text(report));
 *
 * Each finding has a severity, a name that never changes, what was found, how it was computed, which samples, and what
 * to do; pictures show suspects beside their nearest neighbours. ERROR: training on this is a mistake. WARNING: look at
 * it. NOTE: worth knowing. docs/data.md lists what is looked for, with thresholds and their sources:
 *
 *     values        "not-finite" "range" "scaled-twice" "not-scaled" "scale-differs" "offset-differs"
 *                   "fractions-lost" "whole-numbers" "channels-first" "missing-value-codes"
 *     dimensions    "constant-dimensions" "duplicate-dimensions" "duplicate-channels" "shift"
 *     targets       "labels-negative" "labels-cast" "labels-out-of-range" "labels-fractional" "class-missing"
 *                   "class-imbalance" "class-proportions" "sorted-classes" "targets-out-of-step" "targets-shifted"
 *                   "classes-differ" "target-in-inputs" "label-errors" "label-votes"
 *     samples       "duplicates" "duplicates-across-split" "near-duplicates" "near-duplicates-across-split"
 *                   (each also as "…-labels-differ") "variants" "turned" "outliers"
 *     pictures      "blank" "dark" "light" "little-information" "blurred" "noisy" "grey-among-colour"
 *                   "orientation-differs" "channels-swapped"
 *
 * (Several kinds share one name where a program would do the same: "range" is beyond what is declared, "scale-differs"
 * samples, a block, a class or a set on another scale.)
 *
 * A test that would flag more than 10 % of the samples says so in a note instead of listing them.
 *
 * Cost. Every sample is read once, by as many threads as the context has. Neighbours are searched exactly, by matrix
 * products: 10,000 samples of 3,072 values take seconds, and time grows with the square of `max_samples`. Memory: some
 * 200 bytes a sample, and of at most max_samples of them the values, as float32 (pictures are averaged down to at most
 * 32 × 32).
 *
 * The same data, options and seed give the same report on any number of threads.
 */
#ifndef DNN_AUDIT_H
#define DNN_AUDIT_H

#include "data.h"
#include "module.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to leave out; a sum. */
typedef enum dnn_audit_skip {
    DNN_AUDIT_NO_NEIGHBOURS = 1, /* everything that needs nearest neighbours: only what one pass over the data sees */
    DNN_AUDIT_NO_VARIANTS = 2,   /* single pictures turned, mirrored or inverted, which take eight more searches */
    DNN_AUDIT_NO_SHEETS = 4      /* the pictures of the report */
} dnn_audit_skip;

typedef struct dnn_audit_desc {
    size_t size;
    const char *train_name, *test_name; /* in findings; default "train" and "test" */
    double low, high;            /* between which the inputs' values are to lie; default (both 0): what the dataset
                                    declares (dnn_dataset_range) */
    int64_t classes;             /* default: what the dataset says, else the largest label + 1 */
    const dnn_module *features;  /* optional: neighbours are searched among its outputs, flattened, by cosine, instead
                                    of among pixels. It gets what the dataset gives (u8 as float32 of the same values),
                                    in evaluation mode, and is only read */
    const dnn_tensor *probabilities; /* optional: float32 or float64 (n, K): what a model that was not trained on sample
                                        i says of its classes, for each sample of the training set. "label-errors"
                                        needs them; without them neighbours vote, which is weaker: "label-votes" */
    int64_t k;                   /* neighbours; default 10, at most 100 */
    int64_t max_samples;         /* of each set whose neighbours are searched, drawn at random; default 20000 */
    uint64_t seed;               /* of that draw; default 0, a seed like any other */
    int32_t skip;                /* default: 0, nothing */
    dnn_progress progress;       /* default: nobody is told */
} dnn_audit_desc;

/* Audits a training set, and a test set of the same shapes if there is one (`test` may be NULL): it, and the one
 * against the other. `options` may be NULL. The report is the caller's to release. Runs in the calling thread and the
 * context's. Errors: ARGUMENT; SHAPE, DTYPE where the sets, the probabilities or the module do not fit each other; what
 * a source reports for a sample, with its set and index; the host's own reason where `progress` says no; MEMORY. */
DNN_API dnn_status dnn_audit(dnn_report **out, dnn_dataset *train, dnn_dataset *test, const dnn_audit_desc *options);

#ifdef __cplusplus
}
#endif

#endif
