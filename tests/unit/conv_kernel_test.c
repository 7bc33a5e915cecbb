/* Convolution and its gradients against the reference, in every instruction set: exact, bitwise over lanes, adjoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "conv/conv.h"
#include "support/convolutions.h"
#include "support/lanes.h"

static void compare(const conv_example *e, const dnnk_env *env, const conv_results *got, const conv_results *want) {
    if (!conv_equal(&got->y, &want->y)) conv_fail(&e->c, env, "forward");
    if (!conv_equal(&got->y_fused, &want->y_fused)) conv_fail(&e->c, env, "forward, fused");
    if (!conv_equal(&got->y_packed, &want->y_packed)) conv_fail(&e->c, env, "forward, packed");
    if (!conv_equal(&got->dx, &want->dx)) conv_fail(&e->c, env, "backward data");
    if (!conv_equal(&got->dx_more, &want->dx_more)) conv_fail(&e->c, env, "backward data, accumulating");
    if (!conv_equal(&got->dw, &want->dw)) conv_fail(&e->c, env, "backward weights");
    if (!conv_equal(&got->dw_more, &want->dw_more)) conv_fail(&e->c, env, "backward weights, accumulating");
    if (!conv_equal(&got->db, &want->db)) conv_fail(&e->c, env, "backward bias");
}

static void check_exactly(const dnnk_conv *c, uint64_t *state) {
    conv_example e = conv_make(c, conv_integers, state);
    conv_results want = conv_reference(&e);
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        dnnk_env env = test_lanes(1 + below(state, 4), isa);
        conv_results got = conv_run(&env, &e);
        compare(&e, &env, &got, &want);
    }
    arrays_free();
}

static const dnnk_conv named[] = {
    /* first layers: 3 channels 7×7/2, one channel 3×3; 8 channels and all that a kernel may have */
    {.batch = 2, .height = 23, .width = 21, .in_channels = 3, .out_channels = 33, .kernel_h = 7, .kernel_w = 7,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1, .pad_top = 3, .pad_bottom = 3,
     .pad_left = 3, .pad_right = 3},
    {.batch = 3, .height = 28, .width = 28, .in_channels = 1, .out_channels = 32, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 9, .width = 13, .in_channels = 8, .out_channels = 5, .kernel_h = 2, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 2, .dilation_h = 3, .dilation_w = 2, .pad_top = 1, .pad_right = 3},
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
    /* images so small that taps meet only padding: one tap is left; two rows of taps out of three; a part of a row */
    {.batch = 9, .height = 1, .width = 1, .in_channels = 20, .out_channels = 33, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 7, .height = 2, .width = 2, .in_channels = 12, .out_channels = 18, .kernel_h = 3, .kernel_w = 3,
     .groups = 1, .stride_h = 2, .stride_w = 2, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 3, .height = 2, .width = 3, .in_channels = 12, .out_channels = 18, .kernel_h = 7, .kernel_w = 5,
     .groups = 3, .stride_h = 1, .stride_w = 2, .dilation_h = 2, .dilation_w = 2, .pad_top = 6, .pad_bottom = 7,
     .pad_left = 4, .pad_right = 5},
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

static bool same_bits(const conv_results *a, const conv_results *b) {
    return array_difference(&a->y, &b->y) < 0 && array_difference(&a->y_fused, &b->y_fused) < 0 &&
           array_difference(&a->y_packed, &b->y_packed) < 0 && array_difference(&a->dx, &b->dx) < 0 &&
           array_difference(&a->dx_more, &b->dx_more) < 0 && array_difference(&a->dw, &b->dw) < 0 &&
           array_difference(&a->dw_more, &b->dw_more) < 0 && array_difference(&a->db, &b->db) < 0;
}

static void check_lanes(const dnnk_conv *c, uint64_t *state) {
    conv_example e = conv_make(c, conv_reals, state);
    dnnk_env one = test_lanes(1, dnnk_best_isa());
    conv_results first = conv_run(&one, &e);
    for (int64_t n = 2; n <= 4; n++) {
        dnnk_env env = test_lanes(n, dnnk_best_isa());
        conv_results again = conv_run(&env, &e);
        if (!same_bits(&first, &again)) conv_fail(c, &env, "lanes");
    }
    arrays_free();
}

static void check_packed(const dnnk_conv *c, dnnk_isa isa, uint64_t *state) {
    conv_example e = conv_make(c, conv_reals, state);
    dnnk_env env = test_lanes(2, isa);
    conv_results r = conv_run(&env, &e);
    if (array_difference(&r.y_fused, &r.y_packed) >= 0) conv_fail(c, &env, "packed weights");
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

/* ⟨conv(x, w), dy⟩ = ⟨x, dx⟩ = ⟨w, dw⟩, to the rounding of float32. */
static void gradients_are_adjoint(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (int i = 0; i < NAMED; i++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
            conv_example e = conv_make(&named[i], conv_reals, &seed);
            dnnk_env env = test_lanes(2, isa);
            conv_results r = conv_run(&env, &e);
            double size = 0, y = inner(&r.y, &e.dy, &size), x = inner(&e.x, &r.dx, &size),
                   w = inner(&e.w, &r.dw, &size);
            double tolerance = 16 * sqrt((double)e.w.n) * 0x1p-24 * size;
            if (!(fabs(y - x) <= tolerance && fabs(y - w) <= tolerance)) conv_fail(&e.c, &env, "adjoint");
            arrays_free();
        }
}

static void bias_gradient_is_optional(void **state) {
    (void)state;
    uint64_t seed = 5;
    conv_example e = conv_make(&named[4], conv_integers, &seed);
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    conv_results want = conv_reference(&e);
    test_array dw = array_copy(&e.dw), work = array_bytes(dnnk_conv_backward_weights_workspace(&env, &e.c));
    dnnk_conv_backward_weights(&env, &e.c, e.x.p, e.dy.p, dw.p, true, NULL, work.p);
    assert_true(conv_equal(&dw, &want.dw_more));
    arrays_free();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_shapes_are_exact),    cmocka_unit_test(random_shapes_are_exact),
        cmocka_unit_test(lanes_agree_bitwise),       cmocka_unit_test(gradients_are_adjoint),
        cmocka_unit_test(bias_gradient_is_optional), cmocka_unit_test(packed_weights_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
