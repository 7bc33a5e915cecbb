/* Softmax and log-softmax over the rows of [rows, cols].
 *
 *     softmax      y = exp(x - m) / s              dx = y (dy - sum(dy y))
 *     log-softmax  y = (x - m) - log s             dx = dy - exp(y) sum(dy)        m = max(x), s = sum(exp(x - m))
 *
 * Special values: a -inf among finite numbers has probability 0 (log-probability -inf) exactly, and gets the gradient 0
 * from softmax. A row that is -inf throughout has no distribution: it comes out as NaN, as do rows that hold a NaN or a
 * +inf. Callers that mask whole rows must treat them on their own.
 */
#ifndef DNNK_SOFTMAX_H
#define DNNK_SOFTMAX_H

#include "base/tables.h"

/* y may be x. */
void dnnk_softmax_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, void *y);
void dnnk_log_softmax_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, void *y);

/* From the forward's output y; dx is overwritten and may be dy or y. */
void dnnk_softmax_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *y,
                           const void *dy, void *dx);
void dnnk_log_softmax_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *y,
                               const void *dy, void *dx);

typedef struct dnnk_softmax_table {
    void (*forward)(int64_t rows, int64_t cols, const void *x, void *y);
    void (*log_forward)(int64_t rows, int64_t cols, const void *x, void *y);
    void (*backward)(int64_t rows, int64_t cols, const void *y, const void *dy, void *dx);
    void (*log_backward)(int64_t rows, int64_t cols, const void *y, const void *dy, void *dx);
} dnnk_softmax_table;

DNNK_DECLARE_TABLES(softmax)

#endif
