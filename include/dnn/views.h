/* libdnn: views: datasets that choose from others, or change their samples, when they are read.
 *
 * A view copies no samples, keeps its source alive, and passes on what is known about it (names of classes and samples,
 * the range of values). Only whole (input, target) pairs are chosen: inputs and targets cannot get out of step.
 * What is drawn at random is a function of the seed, and of the epoch and the index where the comment says so, the same
 * on every machine. An `out` that is not made is NULL.
 */
#ifndef DNN_VIEWS_H
#define DNN_VIEWS_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- choosing samples -------------------------------------------------------------------------------------------- */

typedef struct dnn_split_desc {
    size_t size;
    double fraction; /* in (0, 1): the first part gets ⌊fraction · n + ½⌋ of the n samples; or */
    int64_t count;   /* that many, 1 to n. Exactly one of the two is set */
    uint64_t seed;   /* default 0, a seed like any other */

    int32_t stratified;    /* 1: every class has the same share of both parts, as nearly as whole samples allow. Targets
                              are class numbers (uint8, int32 or int64 scalars) */
    const int64_t *groups; /* [n], read during the call: samples with the same number stay together (the photographs of
                              one person, the windows of one recording). Whole groups, in random order, go into the
                              first part while they fit: it may stay smaller than was asked for */
    int64_t n_groups;      /* n, the number of samples */
} dnn_split_desc;

/* Cuts a dataset into two parts at random: every sample is in one of them, none in both. The choice depends on (seed,
 * n), the size of the first part, and the classes or groups alone; the parts are in random order.
 * Errors: ARGUMENT; VALUE if no group fits into the first part; for `stratified` what dnn_dataset_get_targets reports,
 * and DTYPE or SHAPE for targets that are no class numbers. */
DNN_API dnn_status dnn_dataset_split(dnn_dataset **first, dnn_dataset **second, dnn_dataset *source,
                                     const dnn_split_desc *desc);

/* The samples indices[0..n), in that order; an index may come more than once. The list is copied.
 * Errors: NOT_FOUND for an index that the source does not have. */
DNN_API dnn_status dnn_dataset_subset(dnn_dataset **out, dnn_dataset *source, const int64_t *indices, int64_t n);

/* The first n samples. Errors: NOT_FOUND if there are fewer. */
DNN_API dnn_status dnn_dataset_first(dnn_dataset **out, dnn_dataset *source, int64_t n);

typedef struct dnn_filter_desc {
    size_t size;

    /* Sets *keep to 1 for a sample that is to stay; it is 0 before. The arrays are lent for the call. Fails with
     * `return dnn_fail(status, "reason")`; the view is then not made. Called in the calling thread, in order, when the
     * view is made: each sample is read once, as of epoch 0. */
    dnn_status (*choose)(void *user, int64_t index, const dnn_array *input, const dnn_array *target, int32_t *keep);
    void *user;
    int32_t targets_only; /* 1: input->data is NULL, and inputs are not read where that can be avoided */
    dnn_progress progress;
} dnn_filter_desc;

/* The samples that a function of the host's chooses, in order. Errors: ARGUMENT; CALLBACK, with the index; what the
 * source reports; what `progress` stops with. */
DNN_API dnn_status dnn_dataset_filter(dnn_dataset **out, dnn_dataset *source, const dnn_filter_desc *desc);

/* The samples of all sources, one source after another; one that comes twice is repeated. Shapes and dtypes of samples
 * must be the same, and so must be names and numbers of classes. What only some of the sources know (classes, range) is
 * unknown; the range is that of all together. Errors: SHAPE, DTYPE, VALUE for sources that differ; ARGUMENT, HANDLE. */
DNN_API dnn_status dnn_dataset_concat(dnn_dataset **out, dnn_dataset *const *sources, int64_t n);

typedef struct dnn_balance_desc {
    size_t size;
    int64_t per_class; /* samples of each class in an epoch; default: as many as the largest class has */
    uint64_t seed;     /* default 0, a seed like any other */
} dnn_balance_desc;

/* Every class equally often. An epoch has per_class samples of each class that the source has, sample i being of class
 * i mod K; which ones is drawn anew in each epoch, keyed by (seed, epoch). None comes again before all others of its
 * class have come. Targets are class numbers. Outside of a loader it is epoch 0. Shuffle in the loader as ever.
 * Errors: DTYPE, SHAPE for targets that are no class numbers; VALUE if there are no samples. */
DNN_API dnn_status dnn_dataset_balance(dnn_dataset **out, dnn_dataset *source, const dnn_balance_desc *desc);

/* ---- changing samples -------------------------------------------------------------------------------------------- */

typedef struct dnn_map_desc {
    size_t size;
    dnn_array input;  /* shape and dtype of a sample's new input; left zero: as in the source */
    dnn_array target; /* of its new target; likewise */

    /* Makes a new sample of an old one. `from_input` and `from_target` are the source's, to be read only; `input` and
     * `target` are to be written: they hold the old values where shape and dtype are declared to be as in the source,
     * zeros otherwise. `epoch` is the loader's: draw from (your seed, epoch, index) and runs repeat. Reports as
     * dnn_callback_dataset_desc.get does; must not call back into the view. */
    dnn_status (*map)(void *user, int64_t index, int64_t epoch, const dnn_array *from_input,
                      const dnn_array *from_target, const dnn_array *input, const dnn_array *target);

    int32_t thread_safe;         /* 1: several threads may be in `map` at once. Default 0: one at a time */
    void (*release)(void *user); /* optional: called when the view goes (not if its constructor fails) */
    void *user;
    double low, high;            /* the range of the new inputs' values; default: unknown */
} dnn_map_desc;

/* Samples rewritten by a function of the host's as they are read. Errors: ARGUMENT, SHAPE, DTYPE, VALUE, MEMORY. */
DNN_API dnn_status dnn_dataset_map(dnn_dataset **out, dnn_dataset *source, const dnn_map_desc *desc);

/* What the target of a window is. */
typedef enum dnn_window_target {
    DNN_WINDOW_TARGET_WHOLE = 0,  /* the sample's, as it is */
    DNN_WINDOW_TARGET_DENSE = 10, /* the same window of it: a mask, labels for each step. It begins with the input's
                                     axes: (H, W, …) or (T, …) */
    DNN_WINDOW_TARGET_CENTRE = 20 /* of such a dense target the one place in the middle, at ⌊size / 2⌋: what a network
                                     whose receptive field is the window is to say there */
} dnn_window_target;

typedef struct dnn_windows_desc {
    size_t size;
    int64_t window[2];        /* height, width of images (H, W, C), 0 for the width: a square; window[0] steps of
                                 sequences (T) or (T, C). dnn_module_receptive_field says what a network sees */
    int64_t stride[2];        /* between windows; default: the window, so that they touch */
    int32_t cover;            /* 1: where the stride leaves a rest at the end, one more window ends at the border */
    dnn_window_target target; /* default: whole */
} dnn_windows_desc;

/* Windows cut out of each sample: row by row, then sample after sample. Window w of sample s is number s · k + w of
 * the view, k the number of windows in one. Neighbours that are read in one batch read their sample once. A window's
 * name is the sample's with its corner: "cat.png (32, 64)". Errors: ARGUMENT; SHAPE if a window does not fit, or the
 * target is not what was said. */
DNN_API dnn_status dnn_dataset_windows(dnn_dataset **out, dnn_dataset *source, const dnn_windows_desc *desc);

typedef struct dnn_mix_desc {
    size_t size;
    double mixup;       /* α of mixup, 0.2 say; default 0: none */
    double cutmix;      /* α of cutmix, 1 say; default 0: none. With both, a sample has one of them, by even chance */
    double probability; /* that a sample is mixed at all; default 1 (DNN_ZERO: never, targets are still as below) */
    int64_t classes;    /* K; default: as many as the source has */
    uint64_t seed;      /* default 0, a seed like any other */
} dnn_mix_desc;

/* Each sample mixed with another one, drawn from the whole source; its own share is λ from Beta(α, α).
 *     mixup   x = λ x₁ + (1 - λ) x₂ of float32 or float64 inputs                          (Zhang et al. 2018)
 *     cutmix  a box of x₂, of the share 1 - λ of the area, in images (H, W, …) of any type; cut at the borders, after
 *             which λ is the share that is left                                           (Yun et al. 2019)
 * Targets that are class numbers become float32 (K), λ at the one class and 1 - λ at the other: dnn_cross_entropy takes
 * them. Targets of float32 or float64 are mixed as mixup's inputs are. Partner, λ and box are keyed by (seed, epoch,
 * index). For training data alone. Errors: ARGUMENT; DTYPE, SHAPE for what cannot be mixed; when a sample is read,
 * VALUE for a class that is not there. */
DNN_API dnn_status dnn_dataset_mix(dnn_dataset **out, dnn_dataset *source, const dnn_mix_desc *desc);

/* Declares metadata for a dataset whose maker could not: a view of all its samples. */
typedef struct dnn_metadata_desc {
    size_t size;
    const char *const *class_names; /* [classes], copied; NULL: the source's, if `classes` is 0; else none */
    int64_t classes;                /* default: the source's */
    double low, high;               /* of the inputs' values; default: the source's */
} dnn_metadata_desc;

/* Errors: ARGUMENT; VALUE for a range that is none. */
DNN_API dnn_status dnn_dataset_with_metadata(dnn_dataset **out, dnn_dataset *source, const dnn_metadata_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
