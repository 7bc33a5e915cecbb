/* Transposing a matrix with the packers of lib/gemm: for kernels that compute on panels and store rows. */
#ifndef DNNK_GEMM_TRANSPOSE_H
#define DNNK_GEMM_TRANSPOSE_H

#include "gemm/kernels.h"

enum { DNNK_TRANSPOSE_STEP = 16 }; /* rows of the target that are made at a time */

/* to[j·to_stride + i] = from[i·from_stride + j] for i < rows, j < cols. `width` is one that packers are fast at: a
 * micro-kernel's mr or nr. Both matrices lie apart. */
static inline void dnnk_transpose(const dnnk_packer *packer, int64_t width, int64_t rows, int64_t cols,
                                  const void *from, int64_t from_stride, void *to, int64_t to_stride) {
    _Alignas(64) unsigned char block[DNNK_TRANSPOSE_STEP * DNNK_PANEL_MAX * sizeof(double)];
    const void *row[DNNK_PANEL_MAX];
    for (int64_t i0 = 0; i0 < rows; i0 += width) {
        int64_t count = dnnk_min(width, rows - i0);
        for (int64_t j0 = 0; j0 < cols; j0 += DNNK_TRANSPOSE_STEP) {
            int64_t step = dnnk_min(DNNK_TRANSPOSE_STEP, cols - j0);
            for (int64_t i = 0; i < count; i++)
                row[i] = (const char *)from + ((i0 + i) * from_stride + j0) * packer->size;
            packer->rows(row, count, step, width, block);
            packer->copy_rows(step, count, block, width, (char *)to + (j0 * to_stride + i0) * packer->size, to_stride);
        }
    }
}

#endif
