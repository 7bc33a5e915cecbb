#include "conv/implicit.h"

#include "conv/taps.h"

static int64_t group_in(const dnnk_conv *c) { return c->in_channels / c->groups; }
static int64_t group_out(const dnnk_conv *c) { return c->out_channels / c->groups; }
static int64_t weights_of_output(const dnnk_conv *c) { return c->kernel_h * c->kernel_w * group_in(c); }
static int64_t positions(const dnnk_implicit *m) { return m->c->batch * m->rows * m->cols; }

static dnnk_patches patches_of_input(const dnnk_env *env, const dnnk_conv *c, const void *x, dnnk_taps h, dnnk_taps w) {
    return (dnnk_patches){.packer = dnnk_gemm_packer(env->isa, c->type), .image = x, .height = c->height,
                          .width = c->width, .channels = c->in_channels, .depth = group_in(c),
                          .rows = dnnk_conv_out_height(c), .cols = dnnk_conv_out_width(c),
                          .y0 = h.first * c->dilation_h - c->pad_top, .x0 = w.first * c->dilation_w - c->pad_left,
                          .step_y = c->stride_h, .step_x = c->stride_w, .taps_h = h.count, .taps_w = w.count,
                          .tap_y = c->dilation_h, .tap_x = c->dilation_w};
}

dnnk_implicit dnnk_implicit_make(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w) {
    dnnk_taps h = dnnk_useful_rows(c), v = dnnk_useful_columns(c);
    dnnk_implicit m = {.c = c, .rows = dnnk_conv_out_height(c), .cols = dnnk_conv_out_width(c), .taps_h = h.count,
                       .taps_w = v.count, .offset = (h.first * c->kernel_w + v.first) * group_in(c)};
    m.patches = patches_of_input(env, c, x, h, v);
    m.window = (dnnk_window_weights){.packer = m.patches.packer, .w = w, .outputs = group_out(c),
                                     .of_output = weights_of_output(c), .offset = m.offset,
                                     .run = v.count * group_in(c), .of_row = c->kernel_w * group_in(c)};
    return m;
}

/* The patches are the image: one pixel each, or all of it. */
static bool is_matrix(const dnnk_implicit *m) {
    const dnnk_patches *p = &m->patches;
    bool whole = m->rows * m->cols == 1 && m->c->groups == 1 && p->tap_y == 1 && p->tap_x == 1 &&
                 m->taps_h == p->height && m->taps_w == p->width;
    bool pixels = m->taps_h == 1 && m->taps_w == 1 && p->step_y == 1 && p->step_x == 1 && m->rows == p->height &&
                  m->cols == p->width;
    return p->y0 == 0 && p->x0 == 0 && (whole || pixels);
}

/* The image as a matrix [positions, taps·C]. */
static int64_t matrix_row(const dnnk_implicit *m) { return m->c->in_channels * m->taps_h * m->taps_w; }

/* Whether the weights of an output that are left lie in one piece. */
static bool in_one_piece(const dnnk_implicit *m) { return m->taps_h <= 1 || m->taps_w == m->c->kernel_w; }

static dnnk_operand weights_operand(const dnnk_implicit *m) {
    const dnnk_window_weights *s = &m->window;
    if (!in_one_piece(m)) return (dnnk_operand){.pack = dnnk_pack_window_weights, .source = s};
    const char *first = s->w ? (const char *)s->w + s->offset * s->packer.size : NULL;
    dnnk_operand b = dnnk_gemm_b(first, 1, s->of_output);
    b.batch_stride[1] = s->outputs * s->of_output;
    return b;
}

dnnk_gemm_problem dnnk_implicit_forward(const dnnk_implicit *m, const dnnk_epilogue *epilogue, void *y) {
    const dnnk_conv *c = m->c;
    int64_t k = m->taps_h * m->taps_w * group_in(c), n = group_out(c);
    dnnk_operand a = {.pack = dnnk_pack_patches, .source = &m->patches};
    if (is_matrix(m)) a = dnnk_gemm_a(m->patches.image, matrix_row(m), 1);
    a.batch_stride[1] = group_in(c);
    dnnk_gemm_problem p = dnnk_gemm_simple(c->type, positions(m), n, k, a, weights_operand(m), y);
    p.c_row = c->out_channels;
    p.batch[1] = c->groups;
    p.c_batch_stride[1] = n;
    if (epilogue) p.epilogue = *epilogue;
    p.epilogue.batch_stride = n;
    return p;
}

/* dw [O, taps·C] (+)= dyᵀ · X, with k running over all positions; the taps lie in one piece. */
static dnnk_gemm_problem weights_problem(const dnnk_implicit *m, const void *dy, void *dw) {
    const dnnk_conv *c = m->c;
    int64_t n = m->taps_h * m->taps_w * group_in(c), rows = group_out(c);
    dnnk_operand b = {.pack = dnnk_pack_patch_columns, .source = &m->patches};
    if (is_matrix(m)) b = dnnk_gemm_b(m->patches.image, matrix_row(m), 1);
    b.batch_stride[1] = group_in(c);
    void *first = dw ? (char *)dw + m->offset * dnnk_size(c->type) : NULL;
    dnnk_gemm_problem p =
        dnnk_gemm_simple(c->type, rows, n, positions(m), dnnk_gemm_a(dy, 1, c->out_channels), b, first);
    p.c_row = weights_of_output(c);
    p.a.batch_stride[1] = rows;
    p.batch[1] = c->groups;
    p.c_batch_stride[1] = rows * p.c_row;
    return p;
}

/* One row of taps alone. */
static dnnk_implicit row_of_taps(const dnnk_implicit *m, int64_t r) {
    dnnk_implicit row = *m;
    row.taps_h = row.patches.taps_h = 1;
    row.patches.y0 += r * m->c->dilation_h;
    row.offset += r * m->window.of_row;
    return row;
}

int64_t dnnk_implicit_weights_workspace(const dnnk_env *env, const dnnk_conv *c) {
    dnnk_implicit m = dnnk_implicit_make(env, c, NULL, NULL);
    if (!in_one_piece(&m)) m = row_of_taps(&m, 0);
    dnnk_gemm_problem p = weights_problem(&m, NULL, NULL);
    return dnnk_gemm_workspace(env, &p);
}

void dnnk_implicit_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                    bool accumulate, void *work) {
    dnnk_implicit m = dnnk_implicit_make(env, c, x, NULL);
    int64_t pieces = in_one_piece(&m) ? 1 : m.taps_h;
    for (int64_t r = 0; r < pieces; r++) {
        dnnk_implicit piece = pieces == 1 ? m : row_of_taps(&m, r);
        dnnk_gemm_problem p = weights_problem(&piece, dy, dw);
        p.accumulate = accumulate;
        dnnk_gemm(env, &p, work);
    }
}
