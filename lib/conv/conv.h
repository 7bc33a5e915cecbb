/* Convolution in two dimensions, channels last, and its gradients.
 *
 *     x  [N, H, W, C]            input
 *     w  [O, KH, KW, C/G]        weights; G groups: outputs o of group g see only the inputs of group g
 *     y  [N, OH, OW, O]          output
 *
 *     y[n,oy,ox,o] = Σ_{r,s,c} x[n, iy, ix, g·C/G + c] · w[o,r,s,c]
 *     iy = oy·stride_h − pad_top + r·dilation_h,  ix = ox·stride_w − pad_left + s·dilation_w
 *
 * (cross-correlation, as every network library has it) where x outside the image is 0. All tensors are contiguous.
 *
 * Each direction is a matrix product whose operand, the matrix of patches [N·OH·OW, KH·KW·C/G], is never stored: it is
 * read from the image panel by panel while it is packed (the idea of CONVGEMM: San Juan, Castelló, Dolz et al., 2020).
 * Backward-data with a stride is cut into residue classes of the input position, so that no zero is multiplied.
 * Depthwise convolution (G = C = O) has kernels of its own; 3×3 with stride 1 may use Winograd's algorithm. Infinite or
 * NaN weights on padding: unspecified (they may be multiplied by 0 or left out).
 *
 * Results are bitwise equal for every number of lanes. No tensor may overlap another or the workspace.
 */
#ifndef DNNK_CONV_H
#define DNNK_CONV_H

#include "base/env.h"
#include "gemm/gemm.h"

typedef struct dnnk_conv {
    dnnk_type type;
    int64_t batch, height, width, in_channels;        /* N, H, W, C */
    int64_t out_channels, kernel_h, kernel_w;         /* O, KH, KW; kernel sizes >= 1 */
    int64_t groups;                                   /* >= 1, divides C and O */
    int64_t stride_h, stride_w;                       /* >= 1 */
    int64_t dilation_h, dilation_w;                   /* >= 1 */
    int64_t pad_top, pad_bottom, pad_left, pad_right; /* >= 0 */
    bool allow_winograd; /* 3×3 stride 1 may use Winograd's algorithm: some twice as fast, errors 5 to 9 times larger */
} dnnk_conv;

/* OH and OW: (size + padding − dilation·(kernel − 1) − 1) / stride + 1, or 0 where the kernel does not fit. */
int64_t dnnk_conv_out_height(const dnnk_conv *conv);
int64_t dnnk_conv_out_width(const dnnk_conv *conv);

/* y = conv(x, w), then the epilogue (gemm/gemm.h: scale [O], bias [O], residual as y, ReLU), which may be NULL. */
int64_t dnnk_conv_forward_workspace(const dnnk_env *env, const dnnk_conv *conv);
void dnnk_conv_forward(const dnnk_env *env, const dnnk_conv *conv, const void *x, const void *w,
                       const dnnk_epilogue *epilogue, void *y, void *work);

/* dx (+)= the adjoint of the convolution in x, applied to dy. All of dx is written if accumulate is false. */
int64_t dnnk_conv_backward_data_workspace(const dnnk_env *env, const dnnk_conv *conv);
void dnnk_conv_backward_data(const dnnk_env *env, const dnnk_conv *conv, const void *dy, const void *w, void *dx,
                             bool accumulate, void *work);

/* dw (+)= the adjoint in w, applied to dy; all of dw is written if accumulate is false. db[o] += Σ dy[..., o] unless db
 * is NULL. */
int64_t dnnk_conv_backward_weights_workspace(const dnnk_env *env, const dnnk_conv *conv);
void dnnk_conv_backward_weights(const dnnk_env *env, const dnnk_conv *conv, const void *x, const void *dy, void *dw,
                                bool accumulate, void *db, void *work);

/* Weights prepared once (transformed, packed), for many forward passes: inference. `packed`, 64-byte aligned and
 * dnnk_conv_packed_bytes() long, then stands for w and gives the same bits. It belongs to exactly this convolution,
 * batch size included, and to env->isa (the algorithm depends on them); not to the number of lanes. It is only read
 * afterwards, so threads may share it. Preparing takes no workspace. 0 bytes: there is nothing to gain (groups, 1×1 of
 * a few pixels), call dnnk_conv_forward(). */
int64_t dnnk_conv_packed_bytes(const dnnk_env *env, const dnnk_conv *conv);
void dnnk_conv_pack_weights(const dnnk_env *env, const dnnk_conv *conv, const void *w, void *packed);
int64_t dnnk_conv_forward_packed_workspace(const dnnk_env *env, const dnnk_conv *conv);
void dnnk_conv_forward_packed(const dnnk_env *env, const dnnk_conv *conv, const void *x, const void *packed,
                              const dnnk_epilogue *epilogue, void *y, void *work);

/* The specification: plain loops, summed in conv->type. Slow; for tests. */
void dnnk_conv_reference_forward(const dnnk_conv *conv, const void *x, const void *w, const dnnk_epilogue *epilogue,
                                 void *y);
void dnnk_conv_reference_backward_data(const dnnk_conv *conv, const void *dy, const void *w, void *dx, bool accumulate);
void dnnk_conv_reference_backward_weights(const dnnk_conv *conv, const void *x, const void *dy, void *dw, void *db);

#endif
