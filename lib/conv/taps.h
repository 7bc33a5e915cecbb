/* Taps that meet nothing but padding: a 3×3 kernel on an image of one pixel uses one of its nine. */
#ifndef DNNK_CONV_TAPS_H
#define DNNK_CONV_TAPS_H

#include "conv/conv.h"

/* Taps [first, first + count) of an axis meet the image at one output at least; the others never. */
typedef struct dnnk_taps {
    int64_t first, count;
} dnnk_taps;

static inline dnnk_taps dnnk_useful_taps(int64_t size, int64_t outputs, int64_t kernel, int64_t stride,
                                         int64_t dilation, int64_t pad) {
    int64_t first = 0, end = kernel;
    while (first < kernel && first * dilation - pad + (outputs - 1) * stride < 0) first++;
    while (end > first && (end - 1) * dilation - pad >= size) end--;
    return (dnnk_taps){.first = first, .count = end - first};
}

static inline dnnk_taps dnnk_useful_rows(const dnnk_conv *c) {
    return dnnk_useful_taps(c->height, dnnk_conv_out_height(c), c->kernel_h, c->stride_h, c->dilation_h, c->pad_top);
}

static inline dnnk_taps dnnk_useful_columns(const dnnk_conv *c) {
    return dnnk_useful_taps(c->width, dnnk_conv_out_width(c), c->kernel_w, c->stride_w, c->dilation_w, c->pad_left);
}

#endif
