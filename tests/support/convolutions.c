#include "support/convolutions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

test_array conv_integers(dnnk_type type, int64_t n, uint64_t *state) {
    test_array x = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&x, i, (double)(below(state, 7) - 3));
    return x;
}

test_array conv_reals(dnnk_type type, int64_t n, uint64_t *state) { return array_normal(type, n, (*state)++); }

bool conv_equal(const test_array *x, const test_array *y) {
    for (int64_t i = 0; i < x->n; i++)
        if (!(array_get(x, i) == array_get(y, i))) return false;
    return true;
}

static int64_t size_of_x(const dnnk_conv *c) { return c->batch * c->height * c->width * c->in_channels; }
static int64_t size_of_y(const dnnk_conv *c) {
    return c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c) * c->out_channels;
}
static int64_t size_of_w(const dnnk_conv *c) {
    return c->out_channels * c->kernel_h * c->kernel_w * (c->in_channels / c->groups);
}

conv_example conv_make(const dnnk_conv *c, conv_filler *fill, uint64_t *state) {
    dnnk_type type = c->type;
    return (conv_example){
        .c = *c, .x = fill(type, size_of_x(c), state), .w = fill(type, size_of_w(c), state),
        .scale = fill(type, c->out_channels, state), .bias = fill(type, c->out_channels, state),
        .residual = fill(type, size_of_y(c), state), .dy = fill(type, size_of_y(c), state),
        .dx = fill(type, size_of_x(c), state), .dw = fill(type, size_of_w(c), state),
        .db = fill(type, c->out_channels, state)};
}

conv_results conv_new_results(const conv_example *e) {
    dnnk_type type = e->c.type;
    return (conv_results){.y = array_new(type, e->dy.n), .y_fused = array_new(type, e->dy.n),
                     .y_packed = array_new(type, e->dy.n), .dx = array_new(type, e->x.n), .dx_more = array_copy(&e->dx),
                     .dw = array_new(type, e->dw.n), .dw_more = array_copy(&e->dw), .db = array_copy(&e->db)};
}

dnnk_epilogue conv_fused(const conv_example *e) {
    return (dnnk_epilogue){.scale = e->scale.p, .bias = e->bias.p, .residual = e->residual.p, .relu = true};
}

conv_results conv_reference(const conv_example *e) {
    conv_results r = conv_new_results(e);
    dnnk_epilogue epilogue = conv_fused(e);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, NULL, r.y.p);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, &epilogue, r.y_fused.p);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, &epilogue, r.y_packed.p);
    dnnk_conv_reference_backward_data(&e->c, e->dy.p, e->w.p, r.dx.p, false);
    dnnk_conv_reference_backward_data(&e->c, e->dy.p, e->w.p, r.dx_more.p, true);
    for (int64_t i = 0; i < r.dw.n; i++) array_set(&r.dw, i, 0);
    dnnk_conv_reference_backward_weights(&e->c, e->x.p, e->dy.p, r.dw.p, NULL);
    dnnk_conv_reference_backward_weights(&e->c, e->x.p, e->dy.p, r.dw_more.p, r.db.p);
    return r;
}

static void run_packed(const dnnk_env *env, const conv_example *e, void *y, void *unpacked_work) {
    dnnk_epilogue epilogue = conv_fused(e);
    if (dnnk_conv_packed_bytes(env, &e->c) == 0) {
        dnnk_conv_forward(env, &e->c, e->x.p, e->w.p, &epilogue, y, unpacked_work);
        return;
    }
    test_array packed = array_bytes(dnnk_conv_packed_bytes(env, &e->c)),
               work = array_bytes(dnnk_conv_forward_packed_workspace(env, &e->c));
    dnnk_conv_pack_weights(env, &e->c, e->w.p, packed.p);
    dnnk_conv_forward_packed(env, &e->c, e->x.p, packed.p, &epilogue, y, work.p);
}

conv_results conv_run(const dnnk_env *env, const conv_example *e) {
    const dnnk_conv *c = &e->c;
    conv_results r = conv_new_results(e);
    dnnk_epilogue epilogue = conv_fused(e);
    test_array work = array_bytes(dnnk_conv_forward_workspace(env, c));
    dnnk_conv_forward(env, c, e->x.p, e->w.p, NULL, r.y.p, work.p);
    dnnk_conv_forward(env, c, e->x.p, e->w.p, &epilogue, r.y_fused.p, work.p);
    run_packed(env, e, r.y_packed.p, work.p);
    work = array_bytes(dnnk_conv_backward_data_workspace(env, c));
    dnnk_conv_backward_data(env, c, e->dy.p, e->w.p, r.dx.p, false, work.p);
    dnnk_conv_backward_data(env, c, e->dy.p, e->w.p, r.dx_more.p, true, work.p);
    work = array_bytes(dnnk_conv_backward_weights_workspace(env, c));
    dnnk_conv_backward_weights(env, c, e->x.p, e->dy.p, r.dw.p, false, NULL, work.p);
    dnnk_conv_backward_weights(env, c, e->x.p, e->dy.p, r.dw_more.p, true, r.db.p, work.p);
    return r;
}

void conv_fail(const dnnk_conv *c, const dnnk_env *env, const char *what) {
    fail_msg("%s: %s x %ldx%ldx%ldx%ld -> %ld, kernel %ldx%ld, groups %ld, stride %ldx%ld, dilation %ldx%ld, "
             "pad %ld %ld %ld %ld, %s, %ld lanes",
             what, c->type == DNNK_F64 ? "f64" : "f32", (long)c->batch, (long)c->height, (long)c->width,
             (long)c->in_channels, (long)c->out_channels, (long)c->kernel_h, (long)c->kernel_w, (long)c->groups,
             (long)c->stride_h, (long)c->stride_w, (long)c->dilation_h, (long)c->dilation_w, (long)c->pad_top,
             (long)c->pad_bottom, (long)c->pad_left, (long)c->pad_right, dnnk_isa_name(env->isa), (long)env->lanes);
}

double conv_relative_error(const test_array *got, const test_array *want, double size) {
    double error = 0;
    for (int64_t i = 0; i < want->n; i++) {
        double difference = fabs(array_get(got, i) - array_get(want, i));
        if (!(difference <= error)) error = difference;
        size = fmax(size, fabs(array_get(want, i)));
    }
    return error / size;
}

static test_array widened(const test_array *x) {
    test_array wide = array_new(DNNK_F64, x->n);
    for (int64_t i = 0; i < x->n; i++) array_set(&wide, i, array_get(x, i));
    return wide;
}

conv_example conv_widened(const conv_example *e) {
    conv_example wide = {.c = e->c, .x = widened(&e->x), .w = widened(&e->w), .scale = widened(&e->scale),
                    .bias = widened(&e->bias), .residual = widened(&e->residual), .dy = widened(&e->dy), .dx = widened(&e->dx),
                    .dw = widened(&e->dw), .db = widened(&e->db)};
    wide.c.type = DNNK_F64;
    return wide;
}
