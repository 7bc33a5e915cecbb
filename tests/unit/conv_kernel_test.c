/* Convolution and its gradients against the reference, in every instruction set: exact, bitwise over lanes, adjoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "conv/conv.h"
#include "conv/winograd.h"
#include "support/arrays.h"
#include "support/lanes.h"

static int64_t below(uint64_t *state, int64_t bound) { return (int64_t)(test_uniform(state) * (double)bound); }

/* Small integers: float32 sums of their products are exact, so results must match to the last bit. */
static test_array integers(dnnk_type type, int64_t n, uint64_t *state) {
    test_array x = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&x, i, (double)(below(state, 7) - 3));
    return x;
}

static test_array reals(dnnk_type type, int64_t n, uint64_t *state) { return array_normal(type, n, (*state)++); }

static bool equal(const test_array *x, const test_array *y) {
    for (int64_t i = 0; i < x->n; i++)
        if (!(array_get(x, i) == array_get(y, i))) return false;
    return true;
}

typedef test_array filler(dnnk_type type, int64_t count, uint64_t *state);

/* A convolution with operands, and what each direction adds to. */
typedef struct {
    dnnk_conv c;
    test_array x, w, scale, bias, residual, dy, dx, dw, db;
} example;

static int64_t size_of_x(const dnnk_conv *c) { return c->batch * c->height * c->width * c->in_channels; }
static int64_t size_of_y(const dnnk_conv *c) {
    return c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c) * c->out_channels;
}
static int64_t size_of_w(const dnnk_conv *c) {
    return c->out_channels * c->kernel_h * c->kernel_w * (c->in_channels / c->groups);
}

static example make(const dnnk_conv *c, filler *fill, uint64_t *state) {
    dnnk_type type = c->type;
    return (example){.c = *c, .x = fill(type, size_of_x(c), state), .w = fill(type, size_of_w(c), state),
                     .scale = fill(type, c->out_channels, state),
                     .bias = fill(type, c->out_channels, state), .residual = fill(type, size_of_y(c), state),
                     .dy = fill(type, size_of_y(c), state), .dx = fill(type, size_of_x(c), state),
                     .dw = fill(type, size_of_w(c), state), .db = fill(type, c->out_channels, state)};
}

/* What the three directions gave. */
typedef struct {
    test_array y, y_fused, y_packed, dx, dx_more, dw, db; /* y_packed: fused, from weights packed beforehand */
} results;

static results new_results(const example *e) {
    dnnk_type type = e->c.type;
    return (results){.y = array_new(type, e->dy.n), .y_fused = array_new(type, e->dy.n),
                     .y_packed = array_new(type, e->dy.n), .dx = array_new(type, e->x.n), .dx_more = array_copy(&e->dx),
                     .dw = array_copy(&e->dw), .db = array_copy(&e->db)};
}

static dnnk_epilogue fused(const example *e) {
    return (dnnk_epilogue){.scale = e->scale.p, .bias = e->bias.p, .residual = e->residual.p, .relu = true};
}

static results reference(const example *e) {
    results r = new_results(e);
    dnnk_epilogue epilogue = fused(e);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, NULL, r.y.p);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, &epilogue, r.y_fused.p);
    dnnk_conv_reference_forward(&e->c, e->x.p, e->w.p, &epilogue, r.y_packed.p);
    dnnk_conv_reference_backward_data(&e->c, e->dy.p, e->w.p, r.dx.p, false);
    dnnk_conv_reference_backward_data(&e->c, e->dy.p, e->w.p, r.dx_more.p, true);
    dnnk_conv_reference_backward_weights(&e->c, e->x.p, e->dy.p, r.dw.p, r.db.p);
    return r;
}

static void run_packed(const dnnk_env *env, const example *e, void *y, void *unpacked_work) {
    dnnk_epilogue epilogue = fused(e);
    if (dnnk_conv_packed_bytes(env, &e->c) == 0) {
        dnnk_conv_forward(env, &e->c, e->x.p, e->w.p, &epilogue, y, unpacked_work);
        return;
    }
    test_array packed = array_bytes(dnnk_conv_packed_bytes(env, &e->c)),
               work = array_bytes(dnnk_conv_forward_packed_workspace(env, &e->c));
    dnnk_conv_pack_weights(env, &e->c, e->w.p, packed.p);
    dnnk_conv_forward_packed(env, &e->c, e->x.p, packed.p, &epilogue, y, work.p);
}

/* Each direction in a workspace of just the bytes it asked for, full of NaN. */
static results run(const dnnk_env *env, const example *e) {
    const dnnk_conv *c = &e->c;
    results r = new_results(e);
    dnnk_epilogue epilogue = fused(e);
    test_array work = array_bytes(dnnk_conv_forward_workspace(env, c));
    dnnk_conv_forward(env, c, e->x.p, e->w.p, NULL, r.y.p, work.p);
    dnnk_conv_forward(env, c, e->x.p, e->w.p, &epilogue, r.y_fused.p, work.p);
    run_packed(env, e, r.y_packed.p, work.p);
    work = array_bytes(dnnk_conv_backward_data_workspace(env, c));
    dnnk_conv_backward_data(env, c, e->dy.p, e->w.p, r.dx.p, false, work.p);
    dnnk_conv_backward_data(env, c, e->dy.p, e->w.p, r.dx_more.p, true, work.p);
    work = array_bytes(dnnk_conv_backward_weights_workspace(env, c));
    dnnk_conv_backward_weights(env, c, e->x.p, e->dy.p, r.dw.p, r.db.p, work.p);
    return r;
}

static void fail_with(const dnnk_conv *c, const dnnk_env *env, const char *what) {
    fail_msg("%s: %s x %ldx%ldx%ldx%ld -> %ld, kernel %ldx%ld, groups %ld, stride %ldx%ld, dilation %ldx%ld, "
             "pad %ld %ld %ld %ld, %s, %ld lanes",
             what, c->type == DNNK_F64 ? "f64" : "f32", (long)c->batch, (long)c->height, (long)c->width,
             (long)c->in_channels, (long)c->out_channels, (long)c->kernel_h, (long)c->kernel_w, (long)c->groups,
             (long)c->stride_h, (long)c->stride_w, (long)c->dilation_h, (long)c->dilation_w, (long)c->pad_top,
             (long)c->pad_bottom, (long)c->pad_left, (long)c->pad_right, dnnk_isa_name(env->isa), (long)env->lanes);
}

static void compare(const example *e, const dnnk_env *env, const results *got, const results *want) {
    if (!equal(&got->y, &want->y)) fail_with(&e->c, env, "forward");
    if (!equal(&got->y_fused, &want->y_fused)) fail_with(&e->c, env, "forward, fused");
    if (!equal(&got->y_packed, &want->y_packed)) fail_with(&e->c, env, "forward, packed");
    if (!equal(&got->dx, &want->dx)) fail_with(&e->c, env, "backward data");
    if (!equal(&got->dx_more, &want->dx_more)) fail_with(&e->c, env, "backward data, accumulating");
    if (!equal(&got->dw, &want->dw)) fail_with(&e->c, env, "backward weights");
    if (!equal(&got->db, &want->db)) fail_with(&e->c, env, "backward bias");
}

static void check_exactly(const dnnk_conv *c, uint64_t *state) {
    example e = make(c, integers, state);
    results want = reference(&e);
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        dnnk_env env = test_lanes(1 + below(state, 4), isa);
        results got = run(&env, &e);
        compare(&e, &env, &got, &want);
    }
    arrays_free();
}

static const dnnk_conv named[] = {
    /* first layers: 3 channels 7×7/2, one channel 3×3 */
    {.batch = 2, .height = 23, .width = 21, .in_channels = 3, .out_channels = 33, .kernel_h = 7, .kernel_w = 7,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1, .pad_top = 3, .pad_bottom = 3,
     .pad_left = 3, .pad_right = 3},
    {.batch = 3, .height = 28, .width = 28, .in_channels = 1, .out_channels = 32, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    /* 1×1, plain and with a stride */
    {.batch = 2, .height = 9, .width = 7, .in_channels = 65, .out_channels = 31, .kernel_h = 1, .kernel_w = 1,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 9, .width = 8, .in_channels = 64, .out_channels = 70, .kernel_h = 1, .kernel_w = 1,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1},
    /* a kernel that is 1 wide, or 1 high, is no 1×1 */
    {.batch = 2, .height = 9, .width = 7, .in_channels = 5, .out_channels = 9, .kernel_h = 3, .kernel_w = 1,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 9, .width = 7, .in_channels = 5, .out_channels = 9, .kernel_h = 1, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    /* 3×3 with many channels: several blocks of k; narrow images: tiles over several rows */
    {.batch = 2, .height = 7, .width = 7, .in_channels = 128, .out_channels = 97, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 15, .width = 14, .in_channels = 64, .out_channels = 64, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    /* padding as wide as the kernel and more, on one side only */
    {.batch = 1, .height = 5, .width = 6, .in_channels = 8, .out_channels = 16, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 4, .pad_left = 3,
     .pad_right = 5},
    /* a stride larger than the kernel; dilation beside stride */
    {.batch = 2, .height = 17, .width = 16, .in_channels = 9, .out_channels = 17, .kernel_h = 2, .kernel_w = 3,
     .groups = 1, .stride_h = 3, .stride_w = 4, .dilation_h = 1, .dilation_w = 1, .pad_bottom = 1, .pad_right = 2},
    {.batch = 1, .height = 19, .width = 21, .in_channels = 7, .out_channels = 9, .kernel_h = 4, .kernel_w = 5,
     .groups = 1, .stride_h = 2, .stride_w = 3, .dilation_h = 3, .dilation_w = 2, .pad_top = 2, .pad_left = 4,
     .pad_right = 1},
    {.batch = 1, .height = 19, .width = 21, .in_channels = 7, .out_channels = 9, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 2, .dilation_w = 2, .pad_top = 2, .pad_bottom = 2},
    /* groups, depthwise, depthwise with a multiplier */
    {.batch = 2, .height = 8, .width = 9, .in_channels = 12, .out_channels = 18, .kernel_h = 3, .kernel_w = 3,
     .groups = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 11, .width = 13, .in_channels = 35, .out_channels = 35, .kernel_h = 3, .kernel_w = 3,
     .groups = 35, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 30, .width = 11, .in_channels = 16, .out_channels = 16, .kernel_h = 3, .kernel_w = 5,
     .groups = 16, .stride_h = 2, .stride_w = 3, .dilation_h = 2, .dilation_w = 1, .pad_top = 3, .pad_left = 2},
    {.batch = 1, .height = 9, .width = 9, .in_channels = 6, .out_channels = 12, .kernel_h = 3, .kernel_w = 3,
     .groups = 6, .stride_h = 2, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_left = 1},
    /* one-dimensional; more positions than one split of k holds */
    {.batch = 2, .height = 1, .width = 50, .in_channels = 16, .out_channels = 31, .kernel_h = 1, .kernel_w = 5,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 2, .pad_left = 4, .pad_right = 4},
    {.batch = 2, .height = 48, .width = 48, .in_channels = 8, .out_channels = 16, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    /* nothing: no image, no channels in, no channels out, a kernel that does not fit */
    {.batch = 0, .height = 8, .width = 8, .in_channels = 4, .out_channels = 4, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 8, .width = 8, .in_channels = 0, .out_channels = 4, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 8, .width = 8, .in_channels = 4, .out_channels = 0, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 2, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 2, .width = 8, .in_channels = 4, .out_channels = 5, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 2, .height = 0, .width = 3, .in_channels = 4, .out_channels = 5, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 2, .pad_bottom = 2},
};
enum { NAMED = sizeof named / sizeof *named };

static void named_shapes_are_exact(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < NAMED; i++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
            dnnk_conv c = named[i];
            c.type = type;
            check_exactly(&c, &seed);
        }
}

static dnnk_conv random_conv(uint64_t *state) {
    static const int64_t channels[] = {1, 2, 3, 5, 8, 15, 16, 17, 32, 33};
    int64_t groups = below(state, 3) == 0 ? 1 + below(state, 3) : 1;
    dnnk_conv c = {.type = below(state, 4) == 0 ? DNNK_F64 : DNNK_F32, .batch = 1 + below(state, 3), .groups = groups,
                   .height = 1 + below(state, 17), .width = 1 + below(state, 17),
                   .in_channels = groups * channels[below(state, 10)],
                   .out_channels = groups * channels[below(state, 10)], .kernel_h = 1 + below(state, 4),
                   .kernel_w = 1 + below(state, 4), .stride_h = 1 + below(state, 3), .stride_w = 1 + below(state, 3),
                   .dilation_h = 1 + below(state, 3), .dilation_w = 1 + below(state, 3), .pad_top = below(state, 4),
                   .pad_bottom = below(state, 4), .pad_left = below(state, 4), .pad_right = below(state, 4)};
    return c;
}

static void random_shapes_are_exact(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 150; i++) {
        dnnk_conv c = random_conv(&seed);
        check_exactly(&c, &seed);
    }
}

static bool same_bits(const results *a, const results *b) {
    return array_difference(&a->y, &b->y) < 0 && array_difference(&a->y_fused, &b->y_fused) < 0 &&
           array_difference(&a->y_packed, &b->y_packed) < 0 && array_difference(&a->dx, &b->dx) < 0 &&
           array_difference(&a->dx_more, &b->dx_more) < 0 && array_difference(&a->dw, &b->dw) < 0 &&
           array_difference(&a->db, &b->db) < 0;
}

static void check_lanes(const dnnk_conv *c, uint64_t *state) {
    example e = make(c, reals, state);
    dnnk_env one = test_lanes(1, dnnk_best_isa());
    results first = run(&one, &e);
    for (int64_t n = 2; n <= 4; n++) {
        dnnk_env env = test_lanes(n, dnnk_best_isa());
        results again = run(&env, &e);
        if (!same_bits(&first, &again)) fail_with(c, &env, "lanes");
    }
    arrays_free();
}

static void check_packed(const dnnk_conv *c, dnnk_isa isa, uint64_t *state) {
    example e = make(c, reals, state);
    dnnk_env env = test_lanes(2, isa);
    results r = run(&env, &e);
    if (array_difference(&r.y_fused, &r.y_packed) >= 0) fail_with(c, &env, "packed weights");
    arrays_free();
}

/* A convolution of so few pixels that lib/gemm packs nothing; one that it would transpose; one that it cuts along k. */
static const dnnk_conv packed_shapes[] = {
    {.batch = 1, .height = 2, .width = 2, .in_channels = 37, .out_channels = 70, .kernel_h = 1, .kernel_w = 1,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 4, .height = 16, .width = 16, .in_channels = 20, .out_channels = 5, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
    {.batch = 1, .height = 4, .width = 4, .in_channels = 512, .out_channels = 96, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1},
};

static void packed_weights_give_the_same_bits(void **state) {
    (void)state;
    uint64_t seed = 9;
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        for (int i = 0; i < NAMED; i++) check_packed(&named[i], isa, &seed);
        for (size_t i = 0; i < sizeof packed_shapes / sizeof *packed_shapes; i++)
            check_packed(&packed_shapes[i], isa, &seed);
    }
}

static void lanes_agree_bitwise(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < NAMED; i++) check_lanes(&named[i], &seed);
}

static double inner(const test_array *x, const test_array *y, double *size) {
    double sum = 0;
    for (int64_t i = 0; i < x->n; i++) {
        sum += array_get(x, i) * array_get(y, i);
        *size += fabs(array_get(x, i) * array_get(y, i));
    }
    return sum;
}

static const dnnk_conv winograd_shapes[] = {
    {.batch = 3, .height = 14, .width = 14, .in_channels = 64, .out_channels = 48, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 7, .width = 9, .in_channels = 17, .out_channels = 33, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 1, .height = 13, .width = 8, .in_channels = 31, .out_channels = 16},
    {.batch = 2, .height = 3, .width = 3, .in_channels = 1, .out_channels = 2},
    {.batch = 1, .height = 6, .width = 11, .in_channels = 16, .out_channels = 97, .pad_top = 2, .pad_right = 2,
     .pad_bottom = 1},
    {.batch = 20,
     .height = 28,
     .width = 28,
     .in_channels = 16,
     .out_channels = 16,
     .pad_top = 1,
     .pad_bottom = 1,
     .pad_left = 1,
     .pad_right = 1}, /* more than one chunk of tiles */
};
enum { WINOGRAD_SHAPES = sizeof winograd_shapes / sizeof *winograd_shapes };

static dnnk_conv winograd_conv(int i, dnnk_type type) {
    dnnk_conv c = winograd_shapes[i];
    c.type = type, c.kernel_h = c.kernel_w = 3, c.groups = 1, c.allow_winograd = true;
    c.stride_h = c.stride_w = c.dilation_h = c.dilation_w = 1;
    return c;
}

/* The largest error beside the largest value. */
static double relative_error(const test_array *got, const test_array *want) {
    double error = 0, size = 0;
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

static example widened_example(const example *e) {
    example wide = {.c = e->c, .x = widened(&e->x), .w = widened(&e->w), .scale = widened(&e->scale),
                    .bias = widened(&e->bias), .residual = widened(&e->residual), .dy = widened(&e->dy), .dx = widened(&e->dx),
                    .dw = widened(&e->dw), .db = widened(&e->db)};
    wide.c.type = DNNK_F64;
    return wide;
}

/* By Winograd's algorithm, whether it would be chosen or not. */
static results run_winograd(const dnnk_env *env, const example *e) {
    const dnnk_conv *c = &e->c;
    results r = new_results(e);
    dnnk_epilogue epilogue = fused(e);
    test_array work = array_bytes(dnnk_winograd_workspace(env, c, false)),
               packed = array_bytes(dnnk_winograd_packed_bytes(c));
    dnnk_winograd_forward(env, c, e->x.p, e->w.p, NULL, r.y.p, work.p);
    dnnk_winograd_forward(env, c, e->x.p, e->w.p, &epilogue, r.y_fused.p, work.p);
    dnnk_winograd_pack_weights(env, c, e->w.p, packed.p);
    dnnk_winograd_forward_packed(env, c, e->x.p, packed.p, NULL, r.y_packed.p, work.p);
    work = array_bytes(dnnk_winograd_workspace(env, c, true));
    dnnk_winograd_backward_data(env, c, e->dy.p, e->w.p, r.dx.p, false, work.p);
    dnnk_winograd_backward_data(env, c, e->dy.p, e->w.p, r.dx_more.p, true, work.p);
    work = array_bytes(dnnk_winograd_weights_workspace(env, c));
    dnnk_winograd_backward_weights(env, c, e->x.p, e->dy.p, r.dw.p, work.p);
    return r;
}

static void check_winograd(const dnnk_conv *c, dnnk_isa isa, uint64_t *state) {
    example e = make(c, reals, state), wide = widened_example(&e);
    dnnk_env env = test_lanes(2, isa);
    results want = reference(&wide), got = run_winograd(&env, &e);
    double bound = c->type == DNNK_F64 ? 1e-13 : 2e-5;
    if (!(relative_error(&got.y, &want.y) < bound)) fail_with(c, &env, "Winograd, forward");
    if (!(relative_error(&got.y_fused, &want.y_fused) < bound)) fail_with(c, &env, "Winograd, forward, fused");
    if (array_difference(&got.y, &got.y_packed) >= 0) fail_with(c, &env, "Winograd, forward, packed");
    if (!(relative_error(&got.dx, &want.dx) < bound)) fail_with(c, &env, "Winograd, backward data");
    if (!(relative_error(&got.dx_more, &want.dx_more) < bound))
        fail_with(c, &env, "Winograd, backward data, accumulating");
    if (!(relative_error(&got.dw, &want.dw) < bound)) fail_with(c, &env, "Winograd, backward weights");
    arrays_free();
}

static void winograd_is_close(void **state) {
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < WINOGRAD_SHAPES; i++) FOR_EACH_VARIANT(isa, type) {
            dnnk_conv c = winograd_conv(i, type);
            check_winograd(&c, isa, &seed);
        }
}

static void winograd_is_chosen(void **state) {
    (void)state;
    dnnk_conv c = {.type = DNNK_F32, .batch = 4, .height = 30, .width = 28, .in_channels = 64, .out_channels = 72,
                   .kernel_h = 3, .kernel_w = 3, .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                   .dilation_w = 1, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
    assert_false(dnnk_is_winograd(&c));
    c.allow_winograd = true;
    assert_true(dnnk_is_winograd(&c));
    uint64_t seed = 7;
    check_lanes(&c, &seed);
    c.in_channels = 4;
    assert_false(dnnk_is_winograd(&c));
    c.in_channels = 64;
    /* What it cannot do: each rules it out alone. */
    int64_t *const fields[] = {&c.stride_h, &c.stride_w, &c.dilation_h, &c.dilation_w, &c.groups,   &c.pad_top,
                               &c.pad_bottom, &c.pad_left, &c.pad_right, &c.kernel_h,  &c.kernel_w};
    static const int64_t values[] = {2, 2, 2, 2, 2, 3, 3, 3, 3, 2, 5};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int64_t before = *fields[i];
        *fields[i] = values[i];
        assert_false(dnnk_winograd_applies(&c));
        assert_false(dnnk_is_winograd(&c));
        *fields[i] = before;
    }
    assert_true(dnnk_is_winograd(&c));
}

/* Through the functions that choose: packed weights give the same bits, near the reference. */
static void chosen_winograd_takes_packed_weights(void **state) {
    (void)state;
    uint64_t seed = 8;
    dnnk_conv c = {.type = DNNK_F32, .batch = 4, .height = 30, .width = 28, .in_channels = 64, .out_channels = 72,
                   .kernel_h = 3, .kernel_w = 3, .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
                   .dilation_w = 1, .pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1,
                   .allow_winograd = true};
    assert_true(dnnk_is_winograd(&c));
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    example e = make(&c, reals, &seed), wide = widened_example(&e);
    results got = run(&env, &e), want = reference(&wide);
    assert_int_equal(array_difference(&got.y_fused, &got.y_packed), -1);
    if (!(relative_error(&got.y, &want.y) < 2e-5)) fail_with(&c, &env, "Winograd, chosen");
    arrays_free();
}

/* ⟨conv(x, w), dy⟩ = ⟨x, dx⟩ = ⟨w, dw⟩, to the rounding of float32. */
static void gradients_are_adjoint(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < NAMED; i++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
            example e = make(&named[i], reals, &seed);
            for (int64_t j = 0; j < e.dw.n; j++) array_set(&e.dw, j, 0);
            dnnk_env env = test_lanes(2, isa);
            results r = run(&env, &e);
            double size = 0, y = inner(&r.y, &e.dy, &size), x = inner(&e.x, &r.dx, &size),
                   w = inner(&e.w, &r.dw, &size);
            double tolerance = 16 * sqrt((double)size_of_w(&e.c)) * 0x1p-24 * size;
            if (!(fabs(y - x) <= tolerance && fabs(y - w) <= tolerance)) fail_with(&e.c, &env, "adjoint");
            arrays_free();
        }
}

static void bias_gradient_is_optional(void **state) {
    (void)state;
    uint64_t seed = 5;
    example e = make(&named[4], integers, &seed);
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    results want = reference(&e);
    test_array dw = array_copy(&e.dw), work = array_bytes(dnnk_conv_backward_weights_workspace(&env, &e.c));
    dnnk_conv_backward_weights(&env, &e.c, e.x.p, e.dy.p, dw.p, NULL, work.p);
    assert_true(equal(&dw, &want.dw));
    arrays_free();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_shapes_are_exact),    cmocka_unit_test(random_shapes_are_exact),
        cmocka_unit_test(packed_weights_give_the_same_bits),
        cmocka_unit_test(lanes_agree_bitwise),       cmocka_unit_test(gradients_are_adjoint),
        cmocka_unit_test(bias_gradient_is_optional), cmocka_unit_test(winograd_is_close),
        cmocka_unit_test(winograd_is_chosen),
        cmocka_unit_test(chosen_winograd_takes_packed_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
