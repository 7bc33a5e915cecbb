/* Products small enough for the caches, whose operands lie as the micro-kernel can read them: nothing is packed,
 * nothing is cut. What calls it has made its operands itself and could choose their layout (Winograd's planes). */
#ifndef DNNK_GEMM_UNPACKED_H
#define DNNK_GEMM_UNPACKED_H

#include "base/tables.h"

/* C[m,n] (+)= A[m,k] · B[k,n], n a multiple of nr. A by rows or by columns: one of its two strides is 1. B and C are
 * read and written in runs of nr columns; B's runs of the same p need not be neighbours:
 *
 *     A(i, p) = a[i·a_row + p·a_col]
 *     B(p, j) = b[j / nr · b_run + p · b_row + j mod nr]
 *     C(i, j) = c[i·c_row + j]
 *
 * All sums run over p in order. Exactly m rows are read and written. */
typedef struct dnnk_unpacked {
    int64_t m, n, k;
    const void *a;
    int64_t a_row, a_col;
    const void *b;
    int64_t b_row, b_run;
    void *c;
    int64_t c_row;
    bool accumulate;
} dnnk_unpacked;

typedef struct dnnk_unpacked_table {
    int64_t nr;
    void (*multiply)(const dnnk_unpacked *product);
} dnnk_unpacked_table;

DNNK_DECLARE_TABLES(unpacked)

#endif
