/* 3×3 convolution with stride 1 by Winograd's algorithms F(2×2, 3×3) and F(4×4, 3×3) (Lavin and Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2016): an output tile of 4×4 costs 36 multiplications for each pair of channels
 * instead of 144, one of 2×2 costs 16 instead of 36. Below, P is 16 or 36, and a tile of the input is 2 pixels larger.
 *
 *     U = G g Gᵀ       weights     [P, C, O]
 *     V = Bᵀ d B       input tiles [P, T, C], tiles that overlap by 2
 *     M = V · U        P products  [T, C]·[C, O]
 *     y = Aᵀ M A
 *
 * The gradient of the data is the same with dy as input and the weights turned (taps reversed, C and O exchanged). The
 * gradient of the weights is the adjoint of the above: dg = Gᵀ (Σ over tiles of V ⊙ A dy Aᵀ) G.
 *
 * V and M never reach memory; how, winograd_plan.h says. The transforms' factors (up to 8, and 1/24, in F(4×4)) cost
 * accuracy: errors are five to nine times those of the direct sum; in F(2×2) they are those of the direct sum.
 * Called by the functions of conv.h. */
#ifndef DNNK_CONV_WINOGRAD_H
#define DNNK_CONV_WINOGRAD_H

#include "base/tables.h"
#include "conv/conv.h"

/* Whether the convolution has the form: 3×3, stride and dilation 1, one group, padding up to 2, nothing empty. */
bool dnnk_winograd_applies(const dnnk_conv *c);

/* The tile, 2 or 4, by which Winograd's algorithm is expected to gain most; or 0: it does not apply, is not allowed,
 * or does not gain. */
int64_t dnnk_winograd_tile(const dnnk_conv *c);

/* In all that follows `tile` is 2 or 4. Workspace for the forward pass and the gradient of the data, where `packed`
 * says that the weights come prepared; and for the gradient of the weights. */
int64_t dnnk_winograd_workspace(const dnnk_env *env, const dnnk_conv *c, int64_t tile, bool backward, bool packed);
int64_t dnnk_winograd_weights_workspace(const dnnk_env *env, const dnnk_conv *c, int64_t tile);

void dnnk_winograd_forward(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x, const void *w,
                           const dnnk_epilogue *epilogue, void *y, void *work);
/* U made once, for inference. */
int64_t dnnk_winograd_packed_bytes(const dnnk_env *env, const dnnk_conv *c, int64_t tile);
void dnnk_winograd_pack_weights(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *w, void *packed);
void dnnk_winograd_forward_packed(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x,
                                  const void *packed, const dnnk_epilogue *epilogue, void *y, void *work);

void dnnk_winograd_backward_data(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *dy, const void *w,
                                 void *dx, bool accumulate, void *work);
void dnnk_winograd_backward_weights(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x,
                                    const void *dy, void *dw, bool accumulate, void *work);

/* Tiles of an image [N, height, width, channels], rows × cols of them for each image: tile (u, v) begins at pixel
 * (u·tile − top, v·tile − left). What lies outside the image is read as 0 and not written. */
typedef struct dnnk_tiling {
    int64_t height, width, channels, top, left;
    int64_t rows, cols;
} dnnk_tiling;

/* Where the output goes and what is done to it: channels [first, first + count), the planes' being the first. */
typedef struct dnnk_winograd_target {
    void *image;
    const dnnk_epilogue *epilogue;
    bool accumulate;
    int64_t first, count;
} dnnk_winograd_target;

/* The transforms of one tile size, serial. Planes are `plane` elements apart; a tile is a row of channels in each. */
typedef struct dnnk_winograd_transforms {
    /* planes = Bᵀ d B of the pixels of one input tile */
    void (*input)(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane);
    /* planes = A d Aᵀ of the pixels of one output tile */
    void (*output_adjoint)(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane);
    /* image (+)= Aᵀ M A, then the epilogue, for the pixels of one output tile */
    void (*output)(const dnnk_tiling *t, int64_t tile, const void *planes, int64_t plane,
                   const dnnk_winograd_target *target);
    /* planes[row·nr + j] = G g Gᵀ with tap t of g at taps[t·tap_stride + row·row_stride + j], j < nr (of
     * gemm/unpacked.h), and 0 from `cols` on; turned: taps reversed */
    void (*weights)(int64_t rows, int64_t cols, const void *taps, int64_t tap_stride, int64_t row_stride, bool turned,
                    void *planes, int64_t plane);
    /* dw[t·tap_stride + c] += tap t of Gᵀ M G for c < channels */
    void (*weights_adjoint)(int64_t channels, const void *planes, int64_t plane, void *dw, int64_t tap_stride);
} dnnk_winograd_transforms;

typedef struct dnnk_winograd_table {
    dnnk_winograd_transforms two, four; /* F(2×2, 3×3), F(4×4, 3×3) */
} dnnk_winograd_table;

DNNK_DECLARE_TABLES(winograd)

#endif
