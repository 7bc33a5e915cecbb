/* libdnn: metrics: how good predictions are, gathered batch by batch.
 *
 *     dnn_metrics_create(&m, ctx, &(dnn_metrics_desc){DNN_SIZED(dnn_metrics_desc), .classes = 10});
 *     while (dnn_loader_next(loader, &x, &target) == DNN_OK) {
 *         dnn_predictor_run(predictor, x, &y);
 *         dnn_metrics_add(m, y, target);
 *     }
 *     dnn_metrics_get(m, "accuracy", &accuracy);
 *     dnn_metrics_report(&report, m);
 *
 * Sums are double, and added in the order of the samples: the same predictions give the same bits, however they are cut
 * into batches. Nothing is kept of a sample but its counts, unless AUC asks for the scores.
 *
 * Of classes (n the number of rows, C that of the classes, N(i,j) the rows of class i that were taken for j):
 *     loss               mean of -log p(class)
 *     accuracy, top_k    share of rows whose class has the largest score; is among the k largest. Of equal scores the
 *                        class with the smaller number comes first
 *     precision, recall, f1     of class c: N(c,c) / Σᵢ N(i,c), N(c,c) / Σⱼ N(c,j), 2 N(c,c) / (both divisors added).
 *                        By these names their means over the classes that were seen, each counting the same (macro);
 *                        0/0 is 0
 *     f1_weighted        the mean weighed with the classes' rows
 *     balanced_accuracy  the mean recall of the classes that have rows
 *     mean_iou           mean of N(c,c) / (both divisors - N(c,c)) over the classes that were seen: for segmentation
 *     auc                area under the ROC curve: the chance that a row of the class has a larger score than one that
 *                        is not of it, ties counting half (Mann and Whitney 1947); of two classes that of class 1,
 *                        otherwise the mean of one against the rest
 *     calibration_error  Σ over bins of (rows/n) · |accuracy - mean confidence|, bins of one width (Naeini et al. 2015)
 * Of numbers (over all elements):
 *     mse, rmse, mae, max_error, bias (mean of y - target), and r2 = 1 - Σ (y - target)² / Σ (target - mean)²
 * Of both: count (rows, or elements), not_finite (rows with a score, or elements, that are no finite number; they count
 * as wrong, and in no sum).
 *
 * Threads: an object is used by one thread at a time. */
#ifndef DNN_METRICS_H
#define DNN_METRICS_H

#include "report.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dnn_metrics dnn_metrics;

typedef struct dnn_metrics_desc {
    size_t size;
    int64_t classes;          /* C, at least 2; default 0: numbers */
    int32_t probabilities;    /* 1: y holds probabilities; default 0: logits */
    int64_t k;                /* of top_k, 1 to C; default 5, or C if that is less */
    int64_t bins;             /* of calibration_error, 1 to 1000; default 15 */
    int32_t auc;              /* 1: scores are kept in float32 (4 · C bytes a row; of two classes 4), for "auc" */
    int32_t has_ignore_index; /* 1: rows of class ignore_index are left out */
    int64_t ignore_index;
    const char *const *names; /* of the classes, for the report; copied; default: their numbers */
} dnn_metrics_desc;

/* `desc` may be NULL: numbers. Errors: ARGUMENT, MEMORY. */
DNN_API dnn_status dnn_metrics_create(dnn_metrics **out, dnn_context *ctx, const dnn_metrics_desc *desc);
DNN_API dnn_status dnn_metrics_release(dnn_metrics *metrics);

/* Adds a batch. Classes: y (N, …, C) float32 or float64, target (N, …) uint8, int32 or int64. Numbers: y and target of
 * one shape, float32 or float64. Errors, which add nothing: SHAPE, DTYPE; VALUE for a class that is not there, and for
 * probabilities that are negative; MEMORY. */
DNN_API dnn_status dnn_metrics_add(dnn_metrics *metrics, const dnn_tensor *y, const dnn_tensor *target);

/* Forgets what was added. */
DNN_API dnn_status dnn_metrics_reset(dnn_metrics *metrics);

/* A metric by its name above; NaN where it is not defined (no rows yet; an r2 of equal targets; an auc of one class).
 * Errors: NOT_FOUND for a name that this kind has not; STATE for "auc" if it was not asked for. */
DNN_API dnn_status dnn_metrics_get(dnn_metrics *metrics, const char *name, double *value);

/* "precision", "recall", "f1", "iou", "auc" of each class, into value[0..classes); NaN for classes that were not seen.
 * Errors: NOT_FOUND; ARGUMENT if `classes` is not C; STATE. */
DNN_API dnn_status dnn_metrics_per_class(dnn_metrics *metrics, const char *name, double *value, int64_t classes);

/* N(i,j), int64 (C, C): rows of class i that were taken for j. Lent until the metrics are released; it goes on
 * counting. NULL for numbers. */
DNN_API const dnn_tensor *dnn_metrics_confusion(const dnn_metrics *metrics);

/* All of it as figures, with a table of the classes, and their confusion as a picture (of up to 1000): in each row the
 * shares of a class that were taken for each, up to the largest wrong one. Errors: MEMORY. */
DNN_API dnn_status dnn_metrics_report(dnn_report **out, dnn_metrics *metrics);

/* ---- which samples to look at ------------------------------------------------------------------------------------ */

/* The indices of the samples whose values are the least, at the quartiles, and the greatest: index[0..5), of n values,
 * n at least 1. A quartile is the value at ⌊q · (n - 1) + ½⌋ in their order; values that are no number come last; of
 * equal ones the smaller index comes first. Show them on a sheet: a loss of each sample tells what is easy, usual and
 * hard. Errors: ARGUMENT, MEMORY. */
DNN_API dnn_status dnn_quartiles(dnn_context *ctx, const double *values, int64_t n, int64_t *index);

#ifdef __cplusplus
}
#endif

#endif
