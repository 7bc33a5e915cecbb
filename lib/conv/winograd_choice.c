/* Which convolutions Winograd's algorithms take, and by which tile: the smallest of three estimates. */
#include "conv/taps.h"
#include "conv/winograd.h"

/* In multiply-adds, of which a core does some 16 in a cycle (measured: docs/performance.md). */
enum {
    TILE_ELEMENT = 10,  /* an element of V or M: transformed, written, read again */
    WEIGHT_ELEMENT = 20 /* an element of U, likewise */
};

bool dnnk_winograd_applies(const dnnk_conv *c) {
    return c->kernel_h == 3 && c->kernel_w == 3 && c->stride_h == 1 && c->stride_w == 1 && c->dilation_h == 1 &&
           c->dilation_w == 1 && c->groups == 1 && c->pad_top <= 2 && c->pad_bottom <= 2 && c->pad_left <= 2 &&
           c->pad_right <= 2 && c->batch > 0 && c->in_channels > 0 && c->out_channels > 0 &&
           dnnk_conv_out_height(c) > 0 && dnnk_conv_out_width(c) > 0;
}

/* A multiplication for each output, pair of channels and tap that meets the image; an element of a patch is packed. */
static double direct_cost(const dnnk_conv *c) {
    double outputs = (double)(c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c));
    double in = (double)c->in_channels, out = (double)c->out_channels;
    double taps = (double)(dnnk_useful_rows(c).count * dnnk_useful_columns(c).count);
    return taps * (outputs * in * out + TILE_ELEMENT * outputs * in);
}

/* Channels fill vectors and runs of columns, of the widest instruction set. */
static double winograd_cost(const dnnk_conv *c, int64_t tile) {
    int64_t rows = dnnk_ceil_div(dnnk_conv_out_height(c), tile), cols = dnnk_ceil_div(dnnk_conv_out_width(c), tile);
    double tiles = (double)(c->batch * rows * cols), planes = (double)((tile + 2) * (tile + 2));
    double in = (double)dnnk_round_up(c->in_channels, 16), out = (double)dnnk_round_up(c->out_channels, 32);
    return planes * (tiles * in * out + TILE_ELEMENT * tiles * (in + out) + WEIGHT_ELEMENT * in * out);
}

int64_t dnnk_winograd_tile(const dnnk_conv *c) {
    if (!c->allow_winograd || !dnnk_winograd_applies(c)) return 0;
    double direct = direct_cost(c), two = winograd_cost(c, 2), four = winograd_cost(c, 4);
    if (direct <= two && direct <= four) return 0;
    return two < four ? 2 : 4;
}
