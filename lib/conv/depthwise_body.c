#include "base/body.h"

#include "conv/depthwise.h"

static void turn(const dnnk_conv *c, const void *weights, void *turned) {
    const real *w = weights;
    real *taps = turned;
    int64_t count = c->kernel_h * c->kernel_w;
    for (int64_t t = 0; t < count; t++)
        for (int64_t o = 0; o < c->out_channels; o++) taps[t * c->out_channels + o] = w[o * count + t];
}

static void add_turned(const dnnk_conv *c, const void *dtaps, void *gradient) {
    const real *d = dtaps;
    real *dw = gradient;
    int64_t count = c->kernel_h * c->kernel_w;
    for (int64_t o = 0; o < c->out_channels; o++)
        for (int64_t t = 0; t < count; t++) dw[o * count + t] += d[t * c->out_channels + o];
}

static void multiply_add(int64_t n, real *restrict out, const real *restrict a, const real *restrict b) {
    for (int64_t i = 0; i < n; i++) out[i] += a[i] * b[i];
}

static void finish(const dnnk_conv *c, const dnnk_epilogue *e, int64_t at, real *restrict y) {
    const real *scale = e->scale, *bias = e->bias, *residual = e->residual;
    int64_t n = c->out_channels;
    if (scale)
        for (int64_t i = 0; i < n; i++) y[i] *= scale[i];
    if (bias)
        for (int64_t i = 0; i < n; i++) y[i] += bias[i];
    if (residual)
        for (int64_t i = 0; i < n; i++) y[i] += residual[at + i];
    if (e->relu)
        for (int64_t i = 0; i < n; i++) y[i] = y[i] < 0 ? 0 : y[i];
}

/* The pixel of x that tap (r, s) of output (oy, ox) reads, or NULL for padding. */
static const real *input_pixel(const dnnk_conv *c, const real *x, int64_t n, int64_t oy, int64_t ox, int64_t r,
                               int64_t s) {
    int64_t iy = oy * c->stride_h - c->pad_top + r * c->dilation_h;
    int64_t ix = ox * c->stride_w - c->pad_left + s * c->dilation_w;
    if (iy < 0 || iy >= c->height || ix < 0 || ix >= c->width) return NULL;
    return x + ((n * c->height + iy) * c->width + ix) * c->in_channels;
}

static void forward_row(const dnnk_conv *c, int64_t n, int64_t oy, const void *x, const void *taps,
                        const dnnk_epilogue *epilogue, void *out) {
    int64_t channels = c->out_channels, cols = dnnk_conv_out_width(c);
    int64_t first = (n * dnnk_conv_out_height(c) + oy) * cols * channels;
    for (int64_t ox = 0; ox < cols; ox++) {
        real *y = (real *)out + first + ox * channels;
        for (int64_t i = 0; i < channels; i++) y[i] = 0;
        for (int64_t t = 0; t < c->kernel_h * c->kernel_w; t++) {
            const real *pixel = input_pixel(c, x, n, oy, ox, t / c->kernel_w, t % c->kernel_w);
            if (pixel) multiply_add(channels, y, pixel, (const real *)taps + t * channels);
        }
        finish(c, epilogue, first + ox * channels, y);
    }
}

/* The output coordinate that reads input coordinate i through this tap, or -1. */
static int64_t output_at(int64_t i, int64_t pad, int64_t tap, int64_t dilation, int64_t stride, int64_t size) {
    int64_t at = i + pad - tap * dilation;
    return at < 0 || at % stride != 0 || at / stride >= size ? -1 : at / stride;
}

static void data_row(const dnnk_conv *c, int64_t n, int64_t iy, const void *dy, const void *taps, void *out,
                     bool accumulate) {
    int64_t channels = c->in_channels, rows = dnnk_conv_out_height(c), cols = dnnk_conv_out_width(c);
    for (int64_t ix = 0; ix < c->width; ix++) {
        real *dx = (real *)out + ((n * c->height + iy) * c->width + ix) * channels;
        if (!accumulate)
            for (int64_t i = 0; i < channels; i++) dx[i] = 0;
        for (int64_t t = 0; t < c->kernel_h * c->kernel_w; t++) {
            int64_t oy = output_at(iy, c->pad_top, t / c->kernel_w, c->dilation_h, c->stride_h, rows);
            int64_t ox = output_at(ix, c->pad_left, t % c->kernel_w, c->dilation_w, c->stride_w, cols);
            if (oy < 0 || ox < 0) continue;
            multiply_add(channels, dx, (const real *)dy + ((n * rows + oy) * cols + ox) * channels,
                         (const real *)taps + t * channels);
        }
    }
}

static void weights_row(const dnnk_conv *c, int64_t n, int64_t oy, const void *x, const void *dy, void *dtaps) {
    int64_t channels = c->out_channels, cols = dnnk_conv_out_width(c);
    const real *row = (const real *)dy + (n * dnnk_conv_out_height(c) + oy) * cols * channels;
    for (int64_t t = 0; t < c->kernel_h * c->kernel_w; t++)
        for (int64_t ox = 0; ox < cols; ox++) {
            const real *pixel = input_pixel(c, x, n, oy, ox, t / c->kernel_w, t % c->kernel_w);
            if (pixel) multiply_add(channels, (real *)dtaps + t * channels, pixel, row + ox * channels);
        }
}

const dnnk_depthwise_table DNNK_TABLE(depthwise) = {.turn = turn, .forward_row = forward_row, .data_row = data_row,
                                                    .weights_row = weights_row, .add_turned = add_turned};
