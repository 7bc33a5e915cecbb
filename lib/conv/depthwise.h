/* Depthwise convolution, G = C = O: each channel has a filter of its own, so there is nothing to multiply as matrices.
 * Channels lie side by side and are the vector. Called by the functions of conv.h. */
#ifndef DNNK_CONV_DEPTHWISE_H
#define DNNK_CONV_DEPTHWISE_H

#include "base/tables.h"
#include "conv/conv.h"

static inline bool dnnk_is_depthwise(const dnnk_conv *c) {
    return c->groups > 1 && c->groups == c->in_channels && c->groups == c->out_channels;
}

/* For all three directions. */
int64_t dnnk_depthwise_workspace(const dnnk_env *env, const dnnk_conv *c);

void dnnk_depthwise_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                            const dnnk_epilogue *epilogue, void *y, void *work);
void dnnk_depthwise_backward_data(const dnnk_env *env, const dnnk_conv *c, const void *dy, const void *w, void *dx,
                                  bool accumulate, void *work);
void dnnk_depthwise_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                     void *work);

/* Serial kernels on one row of an image; taps is w turned to [KH·KW, C]. */
typedef struct dnnk_depthwise_table {
    void (*turn)(const dnnk_conv *c, const void *w, void *taps);
    void (*forward_row)(const dnnk_conv *c, int64_t n, int64_t oy, const void *x, const void *taps,
                        const dnnk_epilogue *epilogue, void *y);
    void (*data_row)(const dnnk_conv *c, int64_t n, int64_t iy, const void *dy, const void *taps, void *dx,
                     bool accumulate);
    /* dtaps [KH·KW, C] += what output row oy of image n gives */
    void (*weights_row)(const dnnk_conv *c, int64_t n, int64_t oy, const void *x, const void *dy, void *dtaps);
    void (*add_turned)(const dnnk_conv *c, const void *dtaps, void *dw);
} dnnk_depthwise_table;

DNNK_DECLARE_TABLES(depthwise)

#endif
