/* Convolutions of few channels: the first layer of a network, on gray or coloured images. A row of the matrix of
 * patches is so short that transposing it into panels, as lib/gemm does, costs more than it brings. So patches are
 * copied as they are, a block of positions at a time, into the first-level cache, and multiplied there
 * (gemm/unpacked.h). Forward pass and gradient of the weights; the gradient of such an input, seldom wanted, has
 * implicit products. Called by the functions of conv.h. */
#ifndef DNNK_CONV_NARROW_H
#define DNNK_CONV_NARROW_H

#include "conv/conv.h"

bool dnnk_is_narrow(const dnnk_conv *c);

int64_t dnnk_narrow_workspace(const dnnk_env *env, const dnnk_conv *c, bool packed);
void dnnk_narrow_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                         const dnnk_epilogue *epilogue, void *y, void *work);

int64_t dnnk_narrow_packed_bytes(const dnnk_env *env, const dnnk_conv *c);
void dnnk_narrow_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed);
void dnnk_narrow_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                                const dnnk_epilogue *epilogue, void *y, void *work);

int64_t dnnk_narrow_weights_workspace(const dnnk_env *env, const dnnk_conv *c);
void dnnk_narrow_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                  void *work);

#endif
