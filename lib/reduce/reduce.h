/* Sums and other reductions. Long sums go by blocks whose sums are combined in double, in order: the error does not
 * grow with the length, and the result is the same for every number of lanes. */
#ifndef DNNK_REDUCE_H
#define DNNK_REDUCE_H

#include "base/tables.h"

/* Bytes of `work` for dnnk_sum_middle; 64-byte aligned. */
int64_t dnnk_sum_middle_workspace(int64_t outer, int64_t n, int64_t inner);

/* y[o, i] = alpha * sum over j of x[o, j, i] for x [outer, n, inner], y [outer, inner]. alpha = 1 is the sum, 1/n the
 * mean. `accumulate`: added to y instead of overwriting it. n = 0 sums to 0. y must not overlap x. */
void dnnk_sum_middle(const dnnk_env *env, dnnk_type type, int64_t outer, int64_t n, int64_t inner, double alpha,
                     bool accumulate, const void *x, void *y, void *work);

/* Its backward: dx[o, j, i] = alpha * dy[o, i], overwritten. */
void dnnk_sum_middle_backward(const dnnk_env *env, dnnk_type type, int64_t outer, int64_t n, int64_t inner,
                              double alpha, const void *dy, void *dx);

/* sum of x[i]^2, in double throughout: it neither overflows nor loses small gradients. */
double dnnk_sum_squares(const dnnk_env *env, dnnk_type type, int64_t n, const void *x);

/* How far an array has come: sums of (x[i] - old[i])^2 and of x[i]^2, in double. */
typedef struct dnnk_motion {
    double moved, squares;
} dnnk_motion;

/* What an array holds. min, max, mean and sum_squares are those of its finite numbers; with none of them min = +inf,
 * max = -inf and the mean is NaN. */
typedef struct dnnk_summary {
    double min, max, mean, sum_squares;
    int64_t finite, nans, infinities;
    int64_t first_bad; /* index of the first NaN or infinity; -1: there is none */
} dnnk_summary;

dnnk_summary dnnk_summarise(const dnnk_env *env, dnnk_type type, int64_t n, const void *x);

/* index[r] = where row r of x [rows, cols] has its maximum, the first one if there are several; a NaN counts as larger
 * than every number (as in PyTorch), so it is found. cols must be at least 1. */
void dnnk_argmax_rows(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, int64_t *index);

/* A 64-bit hash of bytes, to see whether memory has changed. Not cryptographic, and not for files: it depends on the
 * byte order of the machine. */
uint64_t dnnk_checksum(const void *bytes, int64_t size);

typedef struct dnnk_reduce_table {
    /* sum[i] = sum over j < n of x[j, i], overwritten */
    void (*sum_columns)(int64_t n, int64_t inner, const void *x, double *sum);
    /* y[o] (+)= alpha * sum of row o of x [rows, n] */
    void (*sum_rows)(int64_t rows, int64_t n, double alpha, bool accumulate, const void *x, void *y);
    /* y[i] (+)= alpha * sum[i] */
    void (*store)(int64_t n, double alpha, bool accumulate, const double *sum, void *y);
    /* dx[o, j, i] = alpha * dy[o, i] */
    void (*broadcast)(int64_t outer, int64_t n, int64_t inner, double alpha, const void *dy, void *dx);
    double (*sum_squares)(int64_t n, const void *x);
    /* x beside what it was; `old` is x then. Serial: for pieces of an array */
    dnnk_motion (*follow)(int64_t n, const void *x, void *old);
    /* first_bad is relative to x; `mean` holds the sum */
    dnnk_summary (*summarise)(int64_t n, const void *x);
    void (*argmax_rows)(int64_t rows, int64_t cols, const void *x, int64_t *index);
} dnnk_reduce_table;

DNNK_DECLARE_TABLES(reduce)

#endif
