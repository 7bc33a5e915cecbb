#include "conv/conv.h"

#include "conv/depthwise.h"
#include "conv/patches.h"
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

static int64_t positions(const dnnk_conv *c) { return c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c); }
static int64_t group_in(const dnnk_conv *c) { return c->in_channels / c->groups; }
static int64_t group_out(const dnnk_conv *c) { return c->out_channels / c->groups; }
static int64_t weights_of_output(const dnnk_conv *c) { return c->kernel_h * c->kernel_w * group_in(c); }

/* 1×1, stride 1, no padding: the patches are the image. */
static bool is_matrix(const dnnk_conv *c) {
    return c->kernel_h == 1 && c->kernel_w == 1 && c->stride_h == 1 && c->stride_w == 1 &&
           c->pad_top + c->pad_bottom + c->pad_left + c->pad_right == 0;
}

static dnnk_patches patches_of_input(const dnnk_env *env, const dnnk_conv *c, const void *x) {
    return (dnnk_patches){.packer = dnnk_gemm_packer(env->isa, c->type), .image = x, .height = c->height,
                          .width = c->width, .channels = c->in_channels, .depth = group_in(c),
                          .rows = dnnk_conv_out_height(c), .cols = dnnk_conv_out_width(c), .y0 = -c->pad_top,
                          .x0 = -c->pad_left, .step_y = c->stride_h, .step_x = c->stride_w, .taps_h = c->kernel_h,
                          .taps_w = c->kernel_w, .tap_y = c->dilation_h, .tap_x = c->dilation_w};
}

/* Channels of all groups as a matrix [positions, channels]; the group is the inner batch index. */
static dnnk_operand rows_of(const void *tensor, int64_t channels, int64_t of_group) {
    dnnk_operand a = dnnk_gemm_a(tensor, channels, 1);
    a.batch_stride[1] = of_group;
    return a;
}

/* y [positions, O] = X [positions, taps·C] · wᵀ */
static dnnk_gemm_problem forward_problem(const dnnk_conv *c, const dnnk_patches *patches, const void *w,
                                         const dnnk_epilogue *epilogue, void *y) {
    int64_t k = weights_of_output(c), n = group_out(c);
    dnnk_operand a = {.pack = dnnk_pack_patches, .source = patches};
    if (is_matrix(c)) a = rows_of(patches->image, c->in_channels, group_in(c));
    dnnk_gemm_problem p = dnnk_gemm_simple(c->type, positions(c), n, k, a, dnnk_gemm_b(w, 1, k), y);
    p.b.batch_stride[1] = n * k;
    p.c_row = c->out_channels;
    p.batch[1] = c->groups;
    p.c_batch_stride[1] = n;
    if (epilogue) p.epilogue = *epilogue;
    p.epilogue.batch_stride = n;
    return p;
}

int64_t dnnk_conv_forward_workspace(const dnnk_env *env, const dnnk_conv *c) {
    if (dnnk_is_depthwise(c)) return dnnk_depthwise_workspace(env, c);
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) return dnnk_winograd_workspace(env, c, tile, false, false);
    dnnk_patches patches = patches_of_input(env, c, NULL);
    dnnk_gemm_problem p = forward_problem(c, &patches, NULL, NULL, NULL);
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
    dnnk_patches patches = patches_of_input(env, c, x);
    dnnk_gemm_problem p = forward_problem(c, &patches, w, epilogue, y);
    dnnk_gemm(env, &p, work);
}

int64_t dnnk_conv_packed_bytes(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) return dnnk_winograd_packed_bytes(env, c, tile);
    if (dnnk_is_depthwise(c)) return 0;
    dnnk_patches patches = patches_of_input(env, c, NULL);
    dnnk_gemm_problem p = forward_problem(c, &patches, NULL, NULL, NULL);
    return dnnk_gemm_packed_bytes(env, &p);
}

int64_t dnnk_conv_forward_packed_workspace(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) return dnnk_winograd_workspace(env, c, tile, false, true);
    return dnnk_conv_forward_workspace(env, c);
}

void dnnk_conv_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) {
        dnnk_winograd_pack_weights(env, c, tile, w, packed);
        return;
    }
    dnnk_patches patches = patches_of_input(env, c, NULL);
    dnnk_gemm_problem p = forward_problem(c, &patches, w, NULL, NULL);
    dnnk_gemm_pack_b(env, &p, packed);
}

void dnnk_conv_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                              const dnnk_epilogue *epilogue, void *y, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (tile) {
        dnnk_winograd_forward_packed(env, c, tile, x, packed, epilogue, y, work);
        return;
    }
    dnnk_patches patches = patches_of_input(env, c, x);
    dnnk_gemm_problem p = forward_problem(c, &patches, NULL, epilogue, y);
    p.packed_b = packed;
    dnnk_gemm(env, &p, work);
}

/* dw [O, taps·C] += dyᵀ · X, with k running over all positions */
static dnnk_gemm_problem weights_problem(const dnnk_conv *c, const dnnk_patches *patches, const void *dy, void *dw) {
    int64_t n = weights_of_output(c), m = group_out(c);
    dnnk_operand b = {.pack = dnnk_pack_patch_columns, .source = patches};
    if (is_matrix(c)) b = dnnk_gemm_b(patches->image, c->in_channels, 1);
    b.batch_stride[1] = group_in(c);
    dnnk_gemm_problem p = dnnk_gemm_simple(c->type, m, n, positions(c), dnnk_gemm_a(dy, 1, c->out_channels), b, dw);
    p.a.batch_stride[1] = m;
    p.batch[1] = c->groups;
    p.c_batch_stride[1] = m * n;
    p.accumulate = true;
    return p;
}

int64_t dnnk_conv_backward_weights_workspace(const dnnk_env *env, const dnnk_conv *c) {
    int64_t tile = dnnk_winograd_tile(c);
    int64_t sums = dnnk_column_sums_workspace(env, c->type, positions(c), c->out_channels);
    if (dnnk_is_depthwise(c)) return dnnk_max(sums, dnnk_depthwise_workspace(env, c));
    if (tile) return dnnk_max(sums, dnnk_winograd_weights_workspace(env, c, tile));
    dnnk_patches patches = patches_of_input(env, c, NULL);
    dnnk_gemm_problem p = weights_problem(c, &patches, NULL, NULL);
    return dnnk_max(sums, dnnk_gemm_workspace(env, &p));
}

void dnnk_conv_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                void *db, void *work) {
    int64_t tile = dnnk_winograd_tile(c);
    if (db) dnnk_column_sums(env, c->type, positions(c), c->out_channels, dy, c->out_channels, db, work);
    if (dnnk_is_depthwise(c)) {
        dnnk_depthwise_backward_weights(env, c, x, dy, dw, work);
        return;
    }
    if (tile) {
        dnnk_winograd_backward_weights(env, c, tile, x, dy, dw, work);
        return;
    }
    dnnk_patches patches = patches_of_input(env, c, x);
    dnnk_gemm_problem p = weights_problem(c, &patches, dy, dw);
    dnnk_gemm(env, &p, work);
}
