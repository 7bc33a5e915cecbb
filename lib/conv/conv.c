#include "conv/conv.h"

#include <string.h>

#include "conv/depthwise.h"
#include "conv/implicit.h"
#include "conv/narrow.h"
#include "conv/taps.h"
#include "conv/winograd.h"

static int64_t out_size(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t padding) {
    int64_t free = size + padding - dilation * (kernel - 1) - 1;
    return free < 0 ? 0 : free / stride + 1;
}

int64_t dnnk_conv_out_height(const dnnk_conv *c) {
    return out_size(c->height, c->kernel_h, c->stride_h, c->dilation_h, c->pad_top + c->pad_bottom);
}

int64_t dnnk_conv_out_width(const dnnk_conv *c) {
    return out_size(c->width, c->kernel_w, c->stride_w, c->dilation_w, c->pad_left + c->pad_right);
}

int64_t dnnk_conv_forward_workspace(const dnnk_env *env, const dnnk_conv *c) {
    if (dnnk_is_depthwise(c)) return dnnk_depthwise_workspace(env, c);
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) return dnnk_winograd_workspace(env, c, tile, false, false);
    if (dnnk_is_narrow(c)) return dnnk_narrow_workspace(env, c, false);
    dnnk_implicit m = dnnk_implicit_make(env, c, NULL, NULL);
    dnnk_gemm_problem p = dnnk_implicit_forward(&m, NULL, NULL);
    return dnnk_gemm_workspace(env, &p);
}

void dnnk_conv_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                       const dnnk_epilogue *epilogue, void *y, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (dnnk_is_depthwise(c)) {
        dnnk_depthwise_forward(env, c, x, w, epilogue, y, work);
        return;
    }
    if (tile) {
        dnnk_winograd_forward(env, c, tile, x, w, epilogue, y, work);
        return;
    }
    if (dnnk_is_narrow(c)) {
        dnnk_narrow_forward(env, c, x, w, epilogue, y, work);
        return;
    }
    dnnk_implicit m = dnnk_implicit_make(env, c, x, w);
    dnnk_gemm_problem p = dnnk_implicit_forward(&m, epilogue, y);
    dnnk_gemm(env, &p, work);
}

int64_t dnnk_conv_packed_bytes(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    if (dnnk_is_depthwise(c)) return 0;
    if (tile) return dnnk_winograd_packed_bytes(env, c, tile);
    if (dnnk_is_narrow(c)) return dnnk_narrow_packed_bytes(env, c);
    dnnk_implicit m = dnnk_implicit_make(env, c, NULL, NULL);
    dnnk_gemm_problem p = dnnk_implicit_forward(&m, NULL, NULL);
    return dnnk_gemm_packed_bytes(env, &p);
}

int64_t dnnk_conv_forward_packed_workspace(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) return dnnk_winograd_workspace(env, c, tile, false, true);
    if (dnnk_is_narrow(c)) return dnnk_narrow_workspace(env, c, true);
    return dnnk_conv_forward_workspace(env, c);
}

void dnnk_conv_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) {
        dnnk_winograd_pack_weights(env, c, tile, w, packed);
        return;
    }
    if (dnnk_is_narrow(c)) {
        dnnk_narrow_pack_weights(env, c, w, packed);
        return;
    }
    dnnk_implicit m = dnnk_implicit_make(env, c, NULL, w);
    dnnk_gemm_problem p = dnnk_implicit_forward(&m, NULL, NULL);
    dnnk_gemm_pack_b(env, &p, packed);
}

void dnnk_conv_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                              const dnnk_epilogue *epilogue, void *y, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) {
        dnnk_winograd_forward_packed(env, c, tile, x, packed, epilogue, y, work);
        return;
    }
    if (dnnk_is_narrow(c)) {
        dnnk_narrow_forward_packed(env, c, x, packed, epilogue, y, work);
        return;
    }
    dnnk_implicit m = dnnk_implicit_make(env, c, x, NULL);
    dnnk_gemm_problem p = dnnk_implicit_forward(&m, epilogue, y);
    p.packed_b = packed;
    dnnk_gemm(env, &p, work);
}

static int64_t positions(const dnnk_conv *c) { return c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c); }

int64_t dnnk_conv_backward_weights_workspace(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    int64_t sums = dnnk_column_sums_workspace(env, c->type, positions(c), c->out_channels);
    if (dnnk_is_depthwise(c)) return dnnk_max(sums, dnnk_depthwise_workspace(env, c));
    if (tile) return dnnk_max(sums, dnnk_winograd_weights_workspace(env, c, tile));
    if (dnnk_is_narrow(c)) return dnnk_max(sums, dnnk_narrow_weights_workspace(env, c));
    return dnnk_max(sums, dnnk_implicit_weights_workspace(env, c));
}

/* Whether the way that this convolution takes gives every element of dw; the others only add to some. */
static bool gives_all_weights(const dnnk_conv *c) {
    if (positions(c) == 0 || dnnk_is_depthwise(c)) return false;
    if (dnnk_winograd_tile(c)) return true;
    return !dnnk_is_narrow(c) && dnnk_useful_rows(c).count == c->kernel_h &&
           dnnk_useful_columns(c).count == c->kernel_w;
}

typedef struct {
    char *dw;
    size_t bytes; /* of an output */
} clearing;

static void clear_task(void *arg, int64_t output, int64_t lane) {
    (void)lane;
    const clearing *j = arg;
    memset(j->dw + (size_t)output * j->bytes, 0, j->bytes);
}

static void clear_weights(const dnnk_env *env, const dnnk_conv *c, void *dw) {
    int64_t of_output = c->kernel_h * c->kernel_w * (c->in_channels / c->groups);
    clearing j = {dw, (size_t)(of_output * dnnk_size(c->type))};
    dnnk_parallel(env, c->out_channels, clear_task, &j);
}

void dnnk_conv_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                bool accumulate, void *db, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (!accumulate && !gives_all_weights(c)) clear_weights(env, c, dw);
    if (db) dnnk_column_sums(env, c->type, positions(c), c->out_channels, dy, c->out_channels, db, work);
    if (dnnk_is_depthwise(c))
        dnnk_depthwise_backward_weights(env, c, x, dy, dw, work);
    else if (tile)
        dnnk_winograd_backward_weights(env, c, tile, x, dy, dw, accumulate, work);
    else if (dnnk_is_narrow(c))
        dnnk_narrow_backward_weights(env, c, x, dy, dw, work);
    else
        dnnk_implicit_backward_weights(env, c, x, dy, dw, accumulate, work);
}
