/* libdnn: looking at data: what is in a dataset, in figures, bars and pictures; and what the model really gets.
 *
 *     dnn_summarise(&summary, train, NULL);
 *     puts(dnn_summary_text(summary));                     inputs and targets, channel by channel; the classes
 *
 *     dnn_look(&report, loader, NULL);                     the next batch, behind the whole pipeline
 *     puts(dnn_report_text(report));                       "Input max 0.0039: ×255 = 1.00. Scaled twice?"
 *
 * A channel is a place on the last axis of a sample: a colour of images (H, W, C), a column of rows (F). What has more
 * than 4096 of them, or no axis, is looked at as one channel.
 *
 * Threads: a summary may be read by several threads. The others use what they are given as its header says. */
#ifndef DNN_LOOK_H
#define DNN_LOOK_H

#include "data.h"
#include "inspect.h"
#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- summary ----------------------------------------------------------------------------------------------------- */

typedef struct dnn_summary dnn_summary;

typedef struct dnn_summary_desc {
    size_t size;
    const char *name;      /* of the set, in the text: "train"; default "data" */
    int64_t most;          /* look at no more samples than this, spread evenly over the dataset; default: at all */
    dnn_progress progress; /* in samples */
} dnn_summary_desc;

/* Reads a dataset once, in its order, as epoch 0 gives it, and adds it up. What is larger than memory is no matter: a
 * few MiB of samples are in memory at a time, read by all of the context's threads, and 56 bytes for each element of
 * one sample. The result is the same, bit for bit, with any number of threads. `desc` may be NULL.
 * Errors: what the dataset reports for a sample, with its index; what the progress callback returns; MEMORY. */
DNN_API dnn_status dnn_summarise(dnn_summary **out, dnn_dataset *dataset, const dnn_summary_desc *desc);

DNN_API dnn_status dnn_summary_release(dnn_summary *summary);

typedef enum dnn_part { DNN_PART_INPUT = 10, DNN_PART_TARGET = 20 } dnn_part;

/* The values of a channel, or of all. min, max, mean, std and quantiles are over those that are finite; NaN if there
 * are none. */
typedef struct dnn_values {
    size_t size;
    int64_t count;           /* elements, finite or not */
    int64_t nans, infinities;
    double min, max;
    double mean, std;        /* std: √(Σ (x - mean)² / n) */
    double q01, q05, q25, median, q75, q95, q99; /* quantiles, of the elements that were kept: */
    int64_t kept;            /* all, or a number of them spread evenly over the data (up to 65,536 of each channel): a
                                quantile's rank is then off by about 0.2 % */
    int64_t constant;        /* elements of a sample that have one value in all samples, if there are two or more */
    int32_t whole;           /* 1: there are whole numbers only */
} dnn_values;

/* The samples that were looked at; the channels of a part, 0 if samples have no such part. -1 on a bad handle. */
DNN_API int64_t dnn_summary_samples(const dnn_summary *summary);
DNN_API int64_t dnn_summary_channels(const dnn_summary *summary, dnn_part part);

/* `channel` of -1: of all. `values->size` is set by the caller (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API dnn_status dnn_summary_values(const dnn_summary *summary, dnn_part part, int64_t channel, dnn_values *values);

/* The elements of a sample that never change: their number, -1 on a bad handle; the first `most` of their flat indices
 * go to `elements` (NULL if most is 0). */
DNN_API int64_t dnn_summary_constant(const dnn_summary *summary, dnn_part part, int64_t *elements, int64_t most);

/* Targets of whole numbers are counted as classes, by element: those of a mask, by pixel. */
typedef struct dnn_classes {
    size_t size;
    int64_t classes;     /* that the dataset declares; otherwise one more than the largest label. 0: targets are none */
    int64_t counted;     /* labels */
    int64_t outside;     /* labels below 0, or at or above the number of classes */
    int64_t empty;       /* classes without a label */
    int64_t least, most; /* the classes with the fewest and the most labels */
    double least_share, most_share; /* of what was counted */
    int32_t imbalanced;  /* 1: least_share < 0.1 / classes */
} dnn_classes;

DNN_API dnn_status dnn_summary_classes(const dnn_summary *summary, dnn_classes *classes);

/* The labels of class k; -1 if there is no such class, and on a bad handle. */
DNN_API int64_t dnn_summary_class_count(const dnn_summary *summary, int64_t k);

/* The whole for people, with bars, lines ended by '\n'; and as JSON. Lent until the summary is released. */
DNN_API const char *dnn_summary_text(const dnn_summary *summary);
DNN_API const char *dnn_summary_json(const dnn_summary *summary);

/* A histogram of the elements that were kept: bars for one channel; for `channel` of -1 a line for each of up to 8
 * channels, otherwise bars of all. `desc` may be NULL; its title defaults to the part's name.
 * Errors: NOT_FOUND; those of dnn_plot_histogram. */
DNN_API dnn_status dnn_summary_histogram(dnn_tensor **out, const dnn_summary *summary, dnn_part part, int64_t channel,
                                         const dnn_plot_desc *desc);

/* The classes as bars (dnn_plot_bars). Errors: NOT_FOUND if targets are no classes. */
DNN_API dnn_status dnn_summary_bars(dnn_tensor **out, const dnn_summary *summary, const dnn_plot_desc *desc);

/* Puts a summary's text into a report as a section, with its JSON, and its histograms and bars as pictures. */
DNN_API dnn_status dnn_report_add_summary(dnn_report *report, const dnn_summary *summary);

/* ---- what the model gets ----------------------------------------------------------------------------------------- */

typedef struct dnn_look_desc {
    size_t size;
    const char *name;   /* of the loader, in the report: "train"; default "data" */
    double low, high;   /* between which the model wants its inputs; default (both 0): what the dataset declares */
    int64_t most;       /* pictures on the sheet; default 32 */
} dnn_look_desc;

/* Looks at the batch that the loader gives next, exactly as the model gets it: behind every view and transform. The
 * report has its figures by channel, its targets, the loss to expect before training (ln K, or the targets' variance),
 * a sheet with the targets below (if inputs are pictures; and one of targets that are), histograms; and what is wrong:
 *
 *     error    "not-finite"  "range" (beyond the declared range by half of it)  "scaled-twice"  "same-samples"
 *              "targets-not-finite"  "labels-negative"  "labels-out-of-range"
 *     warning  "range" (beyond it at all)  "scaled-twice" where no range is declared  "not-scaled"  "not-float"
 *              "little-spread"  "constant-channel"  "channels-first"  "sorted-classes"  "targets-constant"
 *     note     "equal-channels"  "large-values"
 *
 * At the end of an epoch it is the next epoch's first batch. The loader is left at its place; but what it had lent is
 * taken back, and what it had read ahead is read again. `desc` may be NULL.
 * Errors: what dnn_loader_next reports; VALUE if the loader's epochs have no batches; ARGUMENT; MEMORY. */
DNN_API dnn_status dnn_look(dnn_report **out, dnn_loader *loader, const dnn_look_desc *desc);

/* ---- contact sheets ---------------------------------------------------------------------------------------------- */

/* Which samples a sheet shows. */
typedef enum dnn_sheet_order {
    DNN_SHEET_RANDOM = 0,    /* drawn at random, none twice */
    DNN_SHEET_BY_CLASS = 10, /* a row for each class (the first 40), of samples drawn at random */
    DNN_SHEET_BY_SCORE = 20, /* those with the largest scores, the largest first */
    DNN_SHEET_AS_GIVEN = 30  /* `indices`, in that order */
} dnn_sheet_order;

typedef struct dnn_samples_desc {
    size_t size;
    dnn_sheet_order order;  /* default: RANDOM */
    int64_t count;          /* pictures, BY_CLASS of each class; default 32, BY_CLASS 8; at most 4096 in all */
    uint64_t seed;          /* of what is drawn; default 0, a seed like any other */
    const double *scores;   /* BY_SCORE: any number for each sample of the dataset (its loss, say); NaN comes last */
    int32_t smallest_first; /* BY_SCORE: 1: the smallest scores, the smallest first */
    const int64_t *indices; /* AS_GIVEN */
    int64_t n_indices;
    const char *title;      /* default: none */
    int64_t columns;        /* default: BY_CLASS count; otherwise as many as make the sheet somewhat wider than high */
    int64_t zoom;           /* default: pictures are at least 48 pixels large */
} dnn_samples_desc;

/* A sheet of samples whose inputs are pictures: (H, W, C) or (H, W), of any dtype, in RGB if C is 3 or more, otherwise
 * in grey by the first channel. Below each its target, and its index or score. Values become colours by the dataset's
 * declared range, or that of the values on the sheet; what is not finite is magenta. Pictures larger than 256 pixels
 * are averaged down. `desc` may be NULL. Errors: SHAPE where inputs are no pictures; DTYPE where BY_CLASS has no
 * classes; ARGUMENT; NOT_FOUND; VALUE for a dataset without samples; what the dataset reports; MEMORY. */
DNN_API dnn_status dnn_sheet_samples(dnn_tensor **out, dnn_dataset *dataset, const dnn_samples_desc *desc);

typedef struct dnn_draws_desc {
    size_t size;
    const int64_t *indices; /* which samples, a row each; default: `rows` of them, drawn at random */
    int64_t n_indices;
    int64_t rows;           /* default 6 */
    int64_t draws;          /* pictures after the original: as epochs 0, 1, … have the sample; default 7, at most 64 */
    uint64_t seed;          /* of which samples are drawn; default 0 */
    const char *title;      /* default: none */
    int64_t zoom;           /* default: as large as captions need */
} dnn_draws_desc;

/* What augmentation does: in each row a sample as its source holds it, and beside it what the views between
 * (dnn_dataset_transform, …) make of it in one epoch after the other, with what was drawn below (dnn_dataset_draws). A
 * dataset that is no view shows its epochs alone. The numbers of a row are shown in one range: the one declared,
 * otherwise that of the row. `desc` may be NULL. Errors: as those of dnn_sheet_samples. */
DNN_API dnn_status dnn_sheet_draws(dnn_tensor **out, dnn_dataset *dataset, const dnn_draws_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
