/* Batch norm over [rows, channels] (channels last: rows = N, or N H W) and layer norm over [rows, cols].
 *
 *     xhat = (x - mean) rstd      rstd = 1 / sqrt(var + eps)      y = gamma xhat + beta
 *
 * Batch norm takes mean and var over the rows, for each channel; layer norm over the columns, for each row; var is the
 * biased one (divided by the count). Ioffe and Szegedy 2015; Ba, Kiros and Hinton 2016.
 *
 * mean and rstd are of the operands' type, one for each channel (batch norm) or row (layer norm): the forward writes
 * them, the backward reads them. gamma and beta may be NULL: 1 and 0.
 *
 * In every backward dx is overwritten, dgamma and dbeta are added to (+=), and each of the three may be NULL: not
 * needed. dx may be dy. y may be x in the forward, if nobody needs x for the backward.
 *
 * Statistics do not lose their digits to a large mean: they are taken around the mean of a block of rows, and blocks
 * are combined in double (Chan, Golub and LeVeque 1979), in the order of the rows.
 */
#ifndef DNNK_NORM_H
#define DNNK_NORM_H

#include "base/tables.h"

/* What batch norm does besides, in the same passes: y = relu(y + addend), or one of the two. Zero, or NULL: nothing.
 * Its backward first makes g = dy relu'(y), and goes on with g for dy. */
typedef struct dnnk_batch_norm_extra {
    bool relu;
    const void *addend;    /* forward: of y's shape; or NULL */
    const void *y;         /* backward: what the forward wrote, for its signs. May be NULL if there was no addend:
                              they are then computed from x, which must be given */
    void *addend_gradient; /* backward: g, overwritten; may be dy; or NULL: not needed */
} dnnk_batch_norm_extra;

/* Bytes of `work` for batch norm's training forward and for its backward (either mode); 64-byte aligned. */
int64_t dnnk_batch_norm_workspace(dnnk_type type, int64_t rows, int64_t channels);

/* Training: normalises by the batch, writes mean and rstd, and moves the running statistics (both NULL: none are kept)
 *     running = (1 - momentum) running + momentum batch
 * in which the batch's variance is the unbiased one, divided by rows - 1. With rows = 1 the variance is 0 and the
 * running variance takes in 0: training on one row makes no sense, and the caller is to refuse it. rows = 0 leaves
 * mean, rstd and the running statistics untouched. */
void dnnk_batch_norm_train(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, double eps,
                           double momentum, const void *x, const void *gamma, const void *beta, void *running_mean,
                           void *running_var, void *mean, void *rstd, const dnnk_batch_norm_extra *extra, void *y,
                           void *work);

/* Evaluation: normalises by running_mean and running_var, which are not changed. rstd [channels] is written, for the
 * forward's own use and for the backward (whose mean is running_mean); needs no other workspace. */
void dnnk_batch_norm_eval(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, double eps,
                          const void *x, const void *gamma, const void *beta, const void *running_mean,
                          const void *running_var, void *rstd, const dnnk_batch_norm_extra *extra, void *y);

/* Its second half alone, for numbers that are known: y = (x - mean) rstd for each channel. In place allowed. */
void dnnk_batch_norm_apply(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, const void *x,
                           const void *mean, const void *rstd, void *y);

/* train: mean and rstd depended on x (of the same batch):
 *     dx = gamma rstd (dy - (sum(dy) + xhat sum(dy xhat)) / rows)
 * otherwise they were constants: dx = gamma rstd dy. Both: dgamma += sum(dy xhat), dbeta += sum(dy).
 * x may be NULL if not `train` and dgamma is NULL; beta is read only where signs are computed from x. */
void dnnk_batch_norm_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, bool train,
                              const void *x, const void *gamma, const void *beta, const void *mean, const void *rstd,
                              const dnnk_batch_norm_extra *extra, const void *dy, void *dx, void *dgamma, void *dbeta,
                              void *work);

/* mean and rstd [rows] may both be NULL (nothing is kept: inference). gamma, beta [cols]. */
void dnnk_layer_norm_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, double eps, const void *x,
                             const void *gamma, const void *beta, void *mean, void *rstd, void *y);

/* Bytes of `work` for the backward; 64-byte aligned. */
int64_t dnnk_layer_norm_workspace(dnnk_type type, int64_t rows, int64_t cols);

/* With g = dy gamma: dx = rstd (g - mean(g) - xhat mean(g xhat)), the means over the row;
 * dgamma[c] += sum over the rows of dy xhat, dbeta[c] += sum of dy. */
void dnnk_layer_norm_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x,
                              const void *gamma, const void *mean, const void *rstd, const void *dy, void *dx,
                              void *dgamma, void *dbeta, void *work);

/* The serial kernels, on a block of rows. sum and sum2 are one double for each channel (column), overwritten. */
/* Batch norm's are given a block of rows of everything: [rows, channels], or [channels]. */
typedef struct dnnk_batch_norm_block {
    int64_t rows, channels;
    const void *x, *mean, *rstd, *gamma, *beta;
    dnnk_batch_norm_extra extra;
    void *y;
    const void *dy; /* backward */
    void *dx;
    double *sum, *sum2;
    const double *mean_dy, *mean_dy_xhat;
} dnnk_batch_norm_block;

typedef struct dnnk_batch_norm_table {
    /* sum = sum of x over the rows, sum2 = sum of (x - sum/rows)^2 */
    void (*moments)(const dnnk_batch_norm_block *b);
    /* y = (x - mean) rstd gamma + beta, and the extra */
    void (*apply)(const dnnk_batch_norm_block *b);
    /* sum = sum of g, sum2 = sum of g xhat; x NULL: only the first. Writes extra.addend_gradient */
    void (*backward_sums)(const dnnk_batch_norm_block *b);
    /* dx = gamma rstd (g - mean_dy - xhat mean_dy_xhat); both means NULL: dx = gamma rstd g. Where backward_sums has
     * written g, that is given for dy, and no extra. */
    void (*backward_data)(const dnnk_batch_norm_block *b);
} dnnk_batch_norm_table;

typedef struct dnnk_layer_norm_table {
    void (*forward)(int64_t rows, int64_t cols, double eps, const void *x, const void *gamma, const void *beta,
                    void *mean, void *rstd, void *y);
    void (*backward_data)(int64_t rows, int64_t cols, const void *x, const void *gamma, const void *mean,
                          const void *rstd, const void *dy, void *dx);
    /* sum = sum over the rows of dy, sum2 = of dy xhat */
    void (*backward_sums)(int64_t rows, int64_t cols, const void *x, const void *mean, const void *rstd,
                          const void *dy, double *sum, double *sum2);
} dnnk_layer_norm_table;

DNNK_DECLARE_TABLES(batch_norm)
DNNK_DECLARE_TABLES(layer_norm)

#endif
