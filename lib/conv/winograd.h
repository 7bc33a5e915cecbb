/* 3×3 convolution with stride 1 by Winograd's algorithm F(4×4, 3×3) (Lavin and Gray, "Fast Algorithms for Convolutional
 * Neural Networks", 2016): an output tile of 4×4 costs 36 multiplications for each pair of channels instead of 144.
 *
 *     U = G g Gᵀ       weights     [36, O, C]
 *     V = Bᵀ d B       input tiles [36, T, C], tiles of 6×6 that overlap by 2
 *     M = U ⊙ V        36 products [T, C]·[C, O], by lib/gemm
 *     y = Aᵀ M A
 *
 * The gradient of the data is the same with dy as input and the weights turned (taps reversed, C and O exchanged). The
 * gradient of the weights is the adjoint of the above: dg = Gᵀ (Σ over tiles of V ⊙ A dy Aᵀ) G.
 *
 * The transforms' factors (up to 8, and 1/24) cost accuracy: errors are five to nine times those of the direct sum.
 * Called by the functions of conv.h. */
#ifndef DNNK_CONV_WINOGRAD_H
#define DNNK_CONV_WINOGRAD_H

#include "base/tables.h"
#include "conv/conv.h"

enum { DNNK_WINOGRAD_TILE = 4, DNNK_WINOGRAD_PLANES = 36 };

/* Whether the convolution has the form: 3×3, stride and dilation 1, one group, padding up to 2, nothing empty. */
bool dnnk_winograd_applies(const dnnk_conv *c);

/* Whether it also permits it, and is expected to gain by it. */
bool dnnk_is_winograd(const dnnk_conv *c);

/* For the forward pass and for the gradient of the data; for the gradient of the weights. */
int64_t dnnk_winograd_workspace(const dnnk_env *env, const dnnk_conv *c, bool backward);
int64_t dnnk_winograd_weights_workspace(const dnnk_env *env, const dnnk_conv *c);

void dnnk_winograd_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                           const dnnk_epilogue *epilogue, void *y, void *work);
/* U made once, for inference. */
int64_t dnnk_winograd_packed_bytes(const dnnk_conv *c);
void dnnk_winograd_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed);
void dnnk_winograd_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                                  const dnnk_epilogue *epilogue, void *y, void *work);

void dnnk_winograd_backward_data(const dnnk_env *env, const dnnk_conv *c, const void *dy, const void *w, void *dx,
                                 bool accumulate, void *work);
void dnnk_winograd_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                    void *work);

/* Tiles of an image [N, height, width, channels], rows × cols of them for each image: tile (u, v) begins at pixel
 * (4u − top, 4v − left). What lies outside the image is read as 0 and not written. */
typedef struct dnnk_tiling {
    int64_t height, width, channels, top, left;
    int64_t rows, cols;
} dnnk_tiling;

/* Serial kernels. Planes are `plane` elements apart; a tile is a row of `channels` in each plane. */
typedef struct dnnk_winograd_table {
    /* planes = Bᵀ d B of the 6×6 pixels of one tile */
    void (*input)(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane);
    /* planes = A d Aᵀ of the 4×4 pixels of one tile */
    void (*output_adjoint)(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane);
    /* image (+)= Aᵀ M A, then the epilogue, for the 4×4 pixels of one tile */
    void (*output)(const dnnk_tiling *t, int64_t tile, const void *planes, int64_t plane, void *image, bool accumulate,
                   const dnnk_epilogue *epilogue);
    /* planes = G g Gᵀ for the weights [3, 3, channels] of one output; turned: taps reversed */
    void (*weights)(int64_t channels, const void *w, bool turned, void *planes, int64_t plane);
    /* dw [3, 3, channels] += Gᵀ M G */
    void (*weights_adjoint)(int64_t channels, const void *planes, int64_t plane, void *dw);
} dnnk_winograd_table;

DNNK_DECLARE_TABLES(winograd)

#endif
