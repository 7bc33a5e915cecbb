#include "conv/reference.h"

#include <string.h>

void dnnk_conv_reference_forward(const dnnk_conv *c, const void *x, const void *w, const dnnk_epilogue *epilogue,
                                 void *y) {
    static const dnnk_epilogue nothing;
    dnnk_conv_ref_kernels(DNNK_PORTABLE, c->type)->forward(c, x, w, epilogue ? epilogue : &nothing, y);
}

void dnnk_conv_reference_backward_data(const dnnk_conv *c, const void *dy, const void *w, void *dx, bool accumulate) {
    int64_t bytes = c->batch * c->height * c->width * c->in_channels * dnnk_size(c->type);
    if (!accumulate && bytes > 0) memset(dx, 0, (size_t)bytes);
    dnnk_conv_ref_kernels(DNNK_PORTABLE, c->type)->backward_data(c, dy, w, dx);
}

void dnnk_conv_reference_backward_weights(const dnnk_conv *c, const void *x, const void *dy, void *dw, void *db) {
    dnnk_conv_ref_kernels(DNNK_PORTABLE, c->type)->backward_weights(c, x, dy, dw, db);
}
