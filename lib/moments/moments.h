/* Mean, sum of squared deviations, minimum and maximum of each column of a matrix, in double whatever it holds, in
 * parts that are combined: for statistics of more data than fits in memory. */
#ifndef DNNK_MOMENTS_H
#define DNNK_MOMENTS_H

#include "base/tables.h"

typedef enum dnnk_moments_type { DNNK_MOMENTS_U8, DNNK_MOMENTS_F32, DNNK_MOMENTS_F64 } dnnk_moments_type;

/* Arrays of one number a column. Nothing seen: n 0, mean 0, m2 0, min +infinity, max -infinity. */
typedef struct dnnk_moments {
    double *n, *mean;
    double *m2; /* the sum of (x - mean)^2 */
    double *min, *max;
} dnnk_moments;

/* Overwrites m with the moments of x [rows, columns]. A NaN or an infinity makes a column's m2 no finite number. Few
 * columns are folded: several rows are taken for one wide row. */
void dnnk_moments_of(dnnk_isa isa, dnnk_moments_type type, int64_t rows, int64_t columns, const void *x,
                     const dnnk_moments *m);

/* Nothing seen; one number more, at column c; both together: m of columns [first, last) takes in `next` (Chan, Golub
 * and LeVeque 1983). */
void dnnk_moments_clear(const dnnk_moments *m, int64_t columns);
void dnnk_moments_add(const dnnk_moments *m, int64_t c, double x);
void dnnk_moments_combine(const dnnk_moments *m, const dnnk_moments *next, int64_t first, int64_t last);

/* The serial kernels: columns <= DNNK_MOMENTS_COLUMNS, rows >= 1 (and < 65536 for bytes), `stride` elements apart. */
#define DNNK_MOMENTS_COLUMNS 512

typedef struct dnnk_moments_table {
    void (*real)(int64_t rows, int64_t columns, int64_t stride, const void *x, const dnnk_moments *m);
    void (*bytes)(int64_t rows, int64_t columns, int64_t stride, const uint8_t *x, const dnnk_moments *m);
} dnnk_moments_table;

DNNK_DECLARE_TABLES(moments)

#endif
