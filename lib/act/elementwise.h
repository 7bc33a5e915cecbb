/* Elementwise arithmetic on n numbers of one type, equal sizes: nothing broadcasts but the row of dnnk_add_row.
 *
 * An output may be the very same array as any input of the same call; partly overlapping arrays are not supported.
 */
#ifndef DNNK_ELEMENTWISE_H
#define DNNK_ELEMENTWISE_H

#include "base/tables.h"

typedef enum dnnk_binary_kind { DNNK_ADD, DNNK_SUB, DNNK_MUL, DNNK_DIV, DNNK_BINARY_KINDS } dnnk_binary_kind;

/* y = a (kind) b. Division follows IEEE 754: x/0 is +-inf, 0/0 NaN. */
void dnnk_binary_forward(const dnnk_env *env, dnnk_type type, dnnk_binary_kind kind, int64_t n, const void *a,
                         const void *b, void *y);

/* da = dy dy/da and db = dy dy/db, both overwritten; either may be NULL (not needed). One of them may be dy; da and db
 * are two different arrays.
 *     add: dy, dy     sub: dy, -dy     mul: dy b, dy a     div: dy/b, -dy a/b^2
 * a and b are the forward's operands: add and sub read neither (both may be NULL), div reads a only for db, and mul
 * reads b only for da and a only for db. */
void dnnk_binary_backward(const dnnk_env *env, dnnk_type type, dnnk_binary_kind kind, int64_t n, const void *a,
                          const void *b, const void *dy, void *da, void *db);

/* y = alpha x. */
void dnnk_scale(const dnnk_env *env, dnnk_type type, int64_t n, double alpha, const void *x, void *y);

/* y += alpha x. */
void dnnk_axpy(const dnnk_env *env, dnnk_type type, int64_t n, double alpha, const void *x, void *y);

/* y += x. */
void dnnk_accumulate(const dnnk_env *env, dnnk_type type, int64_t n, const void *x, void *y);

/* y = value. */
void dnnk_fill(const dnnk_env *env, dnnk_type type, int64_t n, double value, void *y);

/* y[r, c] = x[r, c] + row[c] for x, y [rows, cols] (a bias). Its gradient: dnnk_column_sums (gemm/gemm.h). */
void dnnk_add_row(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, const void *row,
                  void *y);

typedef struct dnnk_elementwise_table {
    void (*forward)(dnnk_binary_kind kind, int64_t n, const void *a, const void *b, void *y);
    void (*backward)(dnnk_binary_kind kind, int64_t n, const void *a, const void *b, const void *dy, void *da,
                     void *db);
    void (*scale)(int64_t n, double alpha, const void *x, void *y);
    void (*axpy)(int64_t n, double alpha, const void *x, void *y);
    void (*accumulate)(int64_t n, const void *x, void *y);
    void (*fill)(int64_t n, double value, void *y);
    void (*add_row)(int64_t rows, int64_t cols, const void *x, const void *row, void *y);
} dnnk_elementwise_table;

DNNK_DECLARE_TABLES(elementwise)

#endif
