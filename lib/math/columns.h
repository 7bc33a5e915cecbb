/* Sums over the rows of a [rows, cols] part of a matrix whose rows are `stride` apart, for each column: inside a body.
 *
 * A body walks COLUMNS columns at a time, so that their partial sums stay in the first-level cache, and ROW_BLOCK rows
 * before the partial sums in `real` go into the doubles: the error does not grow with the number of rows. */
#ifndef DNNK_COLUMNS_H
#define DNNK_COLUMNS_H

#include "base/body.h"

#define COLUMNS 256
#define ROW_BLOCK 64

/* Four rows at a time, so that a partial sum is loaded and stored once for four additions. */
static inline void add_rows(int64_t rows, int64_t cols, int64_t stride, const real *x, real *sum) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const real *a = x + r * stride, *b = a + stride, *c = b + stride, *d = c + stride;
        for (int64_t i = 0; i < cols; i++) sum[i] += (a[i] + b[i]) + (c[i] + d[i]);
    }
    for (; r < rows; r++)
        for (int64_t i = 0; i < cols; i++) sum[i] += x[r * stride + i];
}

/* sum[i] = the sum of column i, cols <= COLUMNS. */
static inline void column_sums(int64_t rows, int64_t cols, int64_t stride, const real *x, double *sum) {
    for (int64_t i = 0; i < cols; i++) sum[i] = 0;
    for (int64_t r = 0; r < rows; r += ROW_BLOCK) {
        real block[COLUMNS] = {0};
        add_rows(dnnk_min(ROW_BLOCK, rows - r), cols, stride, x + r * stride, block);
        for (int64_t i = 0; i < cols; i++) sum[i] += (double)block[i];
    }
}

#endif
