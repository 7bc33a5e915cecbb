/* Losses: the sum in double, and the gradient, in one pass.
 *
 * Every function returns the sum of the losses of its elements (rows), taken by blocks and combined in order. What the
 * caller makes of it is the reduction:
 *     sum    value = sum,       scale = 1
 *     mean   value = sum / M,   scale = 1 / M    M: the number of elements, or what dnnk_cross_entropy_weight says
 *     none   `each` is the result, scale = 1     (the caller multiplies the gradient by dL/d(each) where it has one)
 * `gradient` = scale * d(sum)/d(input), overwritten, or NULL: value only. `each` = the loss of each element (each row
 * for cross-entropy), unscaled, or NULL. gradient may be the input itself. Both have the input's type.
 */
#ifndef DNNK_LOSS_H
#define DNNK_LOSS_H

#include "base/tables.h"

typedef enum dnnk_target_type { DNNK_TARGET_U8, DNNK_TARGET_I32, DNNK_TARGET_I64, DNNK_TARGET_SOFT } dnnk_target_type;

/* Cross-entropy of logits x [rows, classes] against a class number for each row, or a distribution for each row (SOFT:
 * reals [rows, classes], of the logits' type). As in PyTorch, with w the class weights and s the label smoothing,
 *     loss of row r = - sum over c of w[c] q[r, c] log softmax(x[r])[c]
 *     q[r, c] = (1 - s) t[r, c] + s / classes            t one-hot for class numbers
 * A row whose class number is ignore_index has loss 0 and gradient 0 (class numbers only). */
typedef struct dnnk_cross_entropy {
    int64_t rows, classes;
    dnnk_target_type target_type;
    const void *targets;
    const void *class_weights; /* [classes], of the logits' type; NULL: all 1 */
    double label_smoothing;    /* in [0, 1] */
    bool has_ignore_index;
    int64_t ignore_index; /* may lie outside [0, classes): -100, say */
} dnnk_cross_entropy;

/* The first row whose class number is neither in [0, classes) nor ignored; -1: there is none (SOFT: always). To be
 * asked before the other two, which trust the class numbers. */
int64_t dnnk_cross_entropy_bad_row(const dnnk_cross_entropy *loss);

/* What PyTorch's mean divides by: for class numbers the sum of w[class] over the rows that are not ignored (0 if all
 * are: PyTorch's mean is NaN then), for SOFT the number of rows, whatever the weights. */
double dnnk_cross_entropy_weight(dnnk_type type, const dnnk_cross_entropy *loss);

/* gradient[r, c] = scale * (softmax(x[r])[c] * sum over k of w[k] q[r, k]  -  w[c] q[r, c]). A logit of -inf has
 * probability 0, and where w q is 0 too it adds nothing to the loss; on the true class the loss is +inf. */
double dnnk_cross_entropy_run(const dnnk_env *env, dnnk_type type, const dnnk_cross_entropy *loss, double scale,
                              const void *logits, void *each, void *gradient);

/* Losses of n pairs, d = x - target:
 *     mse    d^2                                           2 d
 *     l1     |d|                                           sign(d), 0 at 0
 *     huber  |d| <= delta ? d^2/2 : delta (|d| - delta/2)  d limited to +-delta
 *     bce    (1 - t) log(1 + e^x) + p t log(1 + e^-x)      (1 - t) s(x) - p t s(-x)
 * bce takes logits x, targets t in [0, 1], and p, the positive weight (1 without); s is the sigmoid. Written so, with
 * log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), nothing cancels or overflows. */
typedef enum dnnk_pair_loss { DNNK_MSE, DNNK_L1, DNNK_HUBER, DNNK_BCE_LOGITS } dnnk_pair_loss;

/* delta > 0 is read by HUBER alone. */
double dnnk_pair_loss_run(const dnnk_env *env, dnnk_type type, dnnk_pair_loss kind, double delta, double scale,
                          int64_t n, const void *x, const void *target, void *each, void *gradient);

/* BCE with logits over x, target [rows, cols], one positive weight for each column (pos_weight [cols], or NULL). */
double dnnk_bce_logits_run(const dnnk_env *env, dnnk_type type, double scale, int64_t rows, int64_t cols, const void *x,
                           const void *target, const void *pos_weight, void *each, void *gradient);

/* Rows [first, first + rows); the pointers are those of the whole. */
typedef struct dnnk_cross_entropy_table {
    double (*run)(const dnnk_cross_entropy *loss, int64_t first, int64_t rows, double scale, const void *x, void *each,
                  void *gradient);
    double (*weight)(const dnnk_cross_entropy *loss, int64_t first, int64_t rows);
} dnnk_cross_entropy_table;

/* Elements [first, first + n) of a whole whose rows have `cols` elements; the pointers are those of the whole. */
typedef struct dnnk_pair_loss_table {
    double (*run)(dnnk_pair_loss kind, double delta, double scale, int64_t first, int64_t n, int64_t cols,
                  const void *x, const void *target, const void *pos_weight, void *each, void *gradient);
} dnnk_pair_loss_table;

DNNK_DECLARE_TABLES(cross_entropy)
DNNK_DECLARE_TABLES(pair_loss)

#endif
