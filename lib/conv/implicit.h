/* The forward pass and the gradient of the weights as products of matrices (conv.h says how), by lib/gemm. */
#ifndef DNNK_CONV_IMPLICIT_H
#define DNNK_CONV_IMPLICIT_H

#include "conv/conv.h"
#include "conv/patches.h"

/* A convolution and its operands, to which the problems of lib/gemm point: keep it in place meanwhile. Taps that meet
 * only padding are cut off: taps_h × taps_w of them are left, the first at `offset` in the weights of an output. */
typedef struct dnnk_implicit {
    const dnnk_conv *c;
    int64_t rows, cols; /* of y */
    int64_t taps_h, taps_w, offset;
    dnnk_patches patches;
    dnnk_window_weights window;
} dnnk_implicit;

dnnk_implicit dnnk_implicit_make(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w);

/* y [positions, O] = X [positions, taps·C] · wᵀ */
dnnk_gemm_problem dnnk_implicit_forward(const dnnk_implicit *m, const dnnk_epilogue *epilogue, void *y);

int64_t dnnk_implicit_weights_workspace(const dnnk_env *env, const dnnk_conv *c);
/* Taps that are cut off are left as they are, accumulate or not. */
void dnnk_implicit_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                    bool accumulate, void *work);

#endif
