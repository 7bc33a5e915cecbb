/* Operands of lib/gemm that are read from an image in place: the matrix of patches is never stored. */
#ifndef DNNK_CONV_PATCHES_H
#define DNNK_CONV_PATCHES_H

#include "gemm/kernels.h"

/* A grid of positions on an image, and the taps that each position gathers. Position i = (n·rows + u)·cols + v, tap
 * (r, s), channel c of group g:
 *
 *     X(i, (r·taps_w + s)·depth + c) = image[n, y0 + u·step_y + r·tap_y, x0 + v·step_x + s·tap_x, g·depth + c]
 *
 * and 0 outside the image. In the forward pass the positions are the outputs and the image is x; for the gradient of
 * the data the positions are inputs (of one residue class of the stride) and the image is dy. */
typedef struct dnnk_patches {
    dnnk_packer packer;
    const void *image; /* [N, height, width, channels] */
    int64_t height, width, channels;
    int64_t depth; /* channels of a group; the batch index of lib/gemm is the group */
    int64_t rows, cols, y0, x0, step_y, step_x;
    int64_t taps_h, taps_w, tap_y, tap_x;
} dnnk_patches;

/* X as the operand A [positions, taps·depth]. */
dnnk_pack dnnk_pack_patches;

/* X as the operand B: its columns are taps·depth and k runs over positions. */
dnnk_pack dnnk_pack_patch_columns;

/* Weights of a window of the taps: columns of B are outputs, k runs over the window's rows of taps, `run` weights each:
 * B(r·run + i, o) = w[(group·outputs + o)·of_output + offset + r·of_row + i]. */
typedef struct dnnk_window_weights {
    dnnk_packer packer;
    const void *w;
    int64_t outputs; /* of a group */
    int64_t of_output, offset, of_row, run;
} dnnk_window_weights;

dnnk_pack dnnk_pack_window_weights;

/* Weights for the gradient of the data: B((r, s, o), c) = w[o, r0 + r·step_r, s0 + s·step_s, c], o in the group. */
typedef struct dnnk_turned_weights {
    dnnk_packer packer;
    const void *w; /* [O, kernel_h, kernel_w, depth] */
    int64_t kernel_h, kernel_w, depth;
    int64_t outputs; /* of a group */
    int64_t r0, step_r, s0, step_s, taps_w;
} dnnk_turned_weights;

dnnk_pack dnnk_pack_turned_weights;

#endif
