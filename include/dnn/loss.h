/* libdnn: losses: their value, and dL/dy to hand to dnn_module_backward.
 *
 *     dnn_cross_entropy_create(&loss, ctx, NULL);
 *     …
 *     dnn_loss_evaluate(loss, y, target, &value, &dy);
 *     dnn_module_backward(net, dy, NULL);
 *
 * y is float32 or float64, and everything is computed in its type (sums in double). Shapes are strict: a y of [n] never
 * meets a target of [n,1]. Values are those of PyTorch. A loss of your own needs nothing of this: compute dL/dy and
 * hand it to backward.
 *
 * Threads: one loss is used by one thread at a time.
 */
#ifndef DNN_LOSS_H
#define DNN_LOSS_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is made of the losses of the elements. An element is a number of y, or, in a cross-entropy, a row of y. */
typedef enum dnn_reduction {
    DNN_REDUCTION_MEAN = 0, /* their mean; cross-entropy: weighted, as its comment says */
    DNN_REDUCTION_SUM = 10,
    DNN_REDUCTION_NONE = 20 /* each is kept for dnn_loss_values. The value is their sum, and dy is the gradient of
                               that sum: the loss of an element depends on no other, so to weigh the elements on your
                               own, multiply each one's part of (a copy of) dy with its weight */
} dnn_reduction;

/* Cross-entropy of logits y (N, …, C) and a target, which is either
 *     class numbers (N, …), uint8, int32 or int64, each in 0 … C - 1;
 *     distributions (N, …, C) of y's type: numbers of at least 0 that sum to 1 in each row (this is not checked).
 * With t the distribution (1 at the class, else 0), w the class weights and s the label smoothing, the loss of a row is
 *     - Σ_c w_c q_c log softmax(y)_c        q = (1 - s) t + s/C        (Szegedy et al. 2016 for s)
 * and the mean is their sum divided by the sum of w over the rows' classes; for distributions: by the count of rows.
 * Rows whose class is ignore_index count as 0, in sum and divisor, and their part of dy is 0. */
typedef struct dnn_cross_entropy_desc {
    size_t size;
    dnn_reduction reduction;     /* default: the mean */
    const double *class_weights; /* copied; finite, at least 0; default: all 1 */
    int64_t n_class_weights;     /* C */
    double label_smoothing;      /* in [0, 1]; default 0 */
    int32_t has_ignore_index;    /* 1: ignore_index holds. 0: no class is ignored, -100 is an error like others */
    int64_t ignore_index;        /* any number, of a class or not */
} dnn_cross_entropy_desc;

/* `desc` may be NULL: all defaults; so for all losses. Errors: ARGUMENT, HANDLE, MEMORY. */
DNN_API dnn_status dnn_cross_entropy_create(dnn_loss **out, dnn_context *ctx, const dnn_cross_entropy_desc *desc);

/* Losses of y and a target of the same shape and type, number by number; d = y - target. */

/* d² (mean squared error), and |d| (its gradient at d = 0 is 0). */
typedef struct dnn_pair_loss_desc {
    size_t size;
    dnn_reduction reduction; /* default: the mean over all numbers of y */
} dnn_pair_loss_desc;
DNN_API dnn_status dnn_mse_create(dnn_loss **out, dnn_context *ctx, const dnn_pair_loss_desc *desc);
DNN_API dnn_status dnn_l1_create(dnn_loss **out, dnn_context *ctx, const dnn_pair_loss_desc *desc);

/* d²/2 where |d| ≤ delta, delta (|d| - delta/2) beyond: quadratic for small errors, linear for large ones.
 * Huber 1964. */
typedef struct dnn_huber_desc {
    size_t size;
    dnn_reduction reduction;
    double delta; /* above 0; default 1 */
} dnn_huber_desc;
DNN_API dnn_status dnn_huber_create(dnn_loss **out, dnn_context *ctx, const dnn_huber_desc *desc);

/* Binary cross-entropy of logits y and targets t in [0, 1] (this is not checked), with s the sigmoid:
 *     - p t log s(y) - (1 - t) log(1 - s(y))
 * p weighs the positive examples: negatives/positives in the data makes up for their number. */
typedef struct dnn_bce_with_logits_desc {
    size_t size;
    dnn_reduction reduction;
    const double *pos_weight; /* p; copied; finite, at least 0; default 1 */
    int64_t n_pos_weight;     /* 1: one for all; or one for each place on y's last axis */
} dnn_bce_with_logits_desc;
DNN_API dnn_status dnn_bce_with_logits_create(dnn_loss **out, dnn_context *ctx, const dnn_bce_with_logits_desc *desc);

/* The loss of y against target, and its gradient. `value` and `dy`: either may be NULL where it is not needed; without
 * dy no gradient is computed. `*dy` has y's shape and type; it is lent, until the next evaluation of this loss or its
 * release. y and target are only read, and not kept. A mean over nothing (no rows, all ignored, or all of weight 0) is
 * NaN, with a dy of zeros. With the shapes of the evaluation before (or smaller ones), nothing is allocated.
 * Errors: SHAPE, DTYPE; VALUE for a class number out of range, with its place; MEMORY. Then *dy is NULL. */
DNN_API dnn_status dnn_loss_evaluate(dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target, double *value,
                                     const dnn_tensor **dy);

/* The losses of the elements in the last evaluation, with DNN_REDUCTION_NONE: shape (N, …) for cross-entropy, y's for
 * the others; y's type. Lent as dy is. Errors: STATE for other reductions, or before the first evaluation. */
DNN_API dnn_status dnn_loss_values(dnn_loss *loss, const dnn_tensor **values);

DNN_API dnn_status dnn_loss_release(dnn_loss *loss);

#ifdef __cplusplus
}
#endif

#endif
