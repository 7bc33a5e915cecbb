/* Winograd's algorithms against the reference in float64, with both tiles, in every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "conv/winograd.h"
#include "support/convolutions.h"
#include "support/lanes.h"

/* Planes and their chunks: one and several of each, tall and wide (winograd_plan.h), channels that fill no vector. */
static const dnnk_conv shapes[] = {
    {.batch = 3, .height = 14, .width = 14, .in_channels = 64, .out_channels = 48, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 2, .height = 7, .width = 9, .in_channels = 17, .out_channels = 33, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 1, .height = 13, .width = 8, .in_channels = 31, .out_channels = 16},
    {.batch = 2, .height = 3, .width = 3, .in_channels = 1, .out_channels = 2},
    {.batch = 1, .height = 6, .width = 11, .in_channels = 16, .out_channels = 97, .pad_top = 2, .pad_right = 2,
     .pad_bottom = 1},
    {.batch = 20, .height = 28, .width = 28, .in_channels = 16, .out_channels = 16, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 1, .height = 3, .width = 3, .in_channels = 1030, .out_channels = 200, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 120, .height = 1, .width = 1, .in_channels = 129, .out_channels = 720, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
    {.batch = 400, .height = 1, .width = 2, .in_channels = 130, .out_channels = 161, .pad_top = 1, .pad_bottom = 1,
     .pad_left = 1, .pad_right = 1},
};
#ifdef EMULATED /* the reference of the large ones takes ten minutes in an emulator */
enum { SHAPES = 5 };
#else
enum { SHAPES = sizeof shapes / sizeof *shapes };
#endif

static dnnk_conv shape(int i, dnnk_type type) {
    dnnk_conv c = shapes[i];
    c.type = type, c.kernel_h = c.kernel_w = 3, c.groups = 1, c.allow_winograd = true;
    c.stride_h = c.stride_w = c.dilation_h = c.dilation_w = 1;
    return c;
}

/* By Winograd's algorithm, whether it would be chosen or not. */
static conv_results run_winograd(const dnnk_env *env, const conv_example *e, int64_t tile) {
    const dnnk_conv *c = &e->c;
    conv_results r = conv_new_results(e);
    dnnk_epilogue epilogue = conv_fused(e);
    test_array work = array_bytes(dnnk_winograd_workspace(env, c, tile, false, false)),
               packed = array_bytes(dnnk_winograd_packed_bytes(env, c, tile));
    dnnk_winograd_forward(env, c, tile, e->x.p, e->w.p, NULL, r.y.p, work.p);
    dnnk_winograd_forward(env, c, tile, e->x.p, e->w.p, &epilogue, r.y_fused.p, work.p);
    work = array_bytes(dnnk_winograd_workspace(env, c, tile, false, true));
    dnnk_winograd_pack_weights(env, c, tile, e->w.p, packed.p);
    dnnk_winograd_forward_packed(env, c, tile, e->x.p, packed.p, &epilogue, r.y_packed.p, work.p);
    work = array_bytes(dnnk_winograd_workspace(env, c, tile, true, false));
    dnnk_winograd_backward_data(env, c, tile, e->dy.p, e->w.p, r.dx.p, false, work.p);
    dnnk_winograd_backward_data(env, c, tile, e->dy.p, e->w.p, r.dx_more.p, true, work.p);
    work = array_bytes(dnnk_winograd_weights_workspace(env, c, tile));
    dnnk_winograd_backward_weights(env, c, tile, e->x.p, e->dy.p, r.dw.p, false, work.p);
    dnnk_winograd_backward_weights(env, c, tile, e->x.p, e->dy.p, r.dw_more.p, true, work.p);
    return r;
}

/* Relative to the largest result. F(4×4)'s transforms cost some three bits, F(2×2)'s less than one. */
static double bound_of(dnnk_type type, int64_t tile) {
    double bound = tile == 2 ? 4e-6 : 2e-5;
    return type == DNNK_F64 ? bound * 1e-8 : bound;
}

/* The largest sum before ReLU, which may leave but small ones. */
static double size_before_relu(const conv_example *e, const conv_results *r) {
    double size = 0;
    for (int64_t i = 0; i < r->y.n; i++)
        size = fmax(size, fabs(array_get(&r->y, i) * array_get(&e->scale, i % e->c.out_channels)));
    return size;
}

static void check_errors(const conv_example *e, const conv_results *want, double size, dnnk_isa isa, int64_t tile) {
    const dnnk_conv *c = &e->c;
    dnnk_env env = test_lanes(2, isa);
    conv_results got = run_winograd(&env, e, tile);
    double bound = bound_of(c->type, tile);
    if (!(conv_relative_error(&got.y, &want->y, 0) < bound)) conv_fail(c, &env, "forward");
    if (!(conv_relative_error(&got.y_fused, &want->y_fused, size) < bound)) conv_fail(c, &env, "forward, fused");
    if (!(conv_relative_error(&got.dx, &want->dx, 0) < bound)) conv_fail(c, &env, "backward data");
    if (!(conv_relative_error(&got.dx_more, &want->dx_more, 0) < bound)) conv_fail(c, &env, "data, accumulating");
    if (!(conv_relative_error(&got.dw, &want->dw, 0) < bound)) conv_fail(c, &env, "backward weights");
    if (!(conv_relative_error(&got.dw_more, &want->dw_more, 0) < bound)) conv_fail(c, &env, "weights, accumulating");
    if (array_difference(&got.y_fused, &got.y_packed) >= 0) conv_fail(c, &env, "forward, packed");
}

static void errors_are_small(void **state) {
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < SHAPES; i++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
            dnnk_conv c = shape(i, type);
            conv_example e = conv_make(&c, conv_reals, &seed), wide = conv_widened(&e);
            conv_results want = conv_reference(&wide);
            double size = size_before_relu(&wide, &want);
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)
                for (int64_t tile = 2; tile <= 4; tile += 2) check_errors(&e, &want, size, isa, tile);
            arrays_free();
        }
}

static void check_lanes(const dnnk_conv *c, int64_t tile, uint64_t *state) {
    conv_example e = conv_make(c, conv_reals, state);
    dnnk_env one = test_lanes(1, dnnk_best_isa());
    conv_results first = run_winograd(&one, &e, tile);
    for (int64_t n = 2; n <= 4; n++) {
        dnnk_env env = test_lanes(n, dnnk_best_isa());
        conv_results again = run_winograd(&env, &e, tile);
        bool same = array_difference(&first.y, &again.y) < 0 && array_difference(&first.y_fused, &again.y_fused) < 0 &&
                    array_difference(&first.dx, &again.dx) < 0 && array_difference(&first.dw, &again.dw) < 0;
        if (!same) conv_fail(c, &env, "lanes");
    }
    arrays_free();
}

static void lanes_agree_bitwise(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < SHAPES; i++) {
        dnnk_conv c = shape(i, DNNK_F32);
        check_lanes(&c, 2, &seed);
        check_lanes(&c, 4, &seed);
    }
}

/* Through the functions of conv.h, which choose. */
static const dnnk_conv usual = {.type = DNNK_F32, .batch = 4, .height = 30, .width = 28, .in_channels = 64,
                                .out_channels = 72, .kernel_h = 3, .kernel_w = 3, .groups = 1, .stride_h = 1,
                                .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .pad_top = 1, .pad_bottom = 1,
                                .pad_left = 1, .pad_right = 1, .allow_winograd = true};

static void is_chosen_where_it_applies(void **state) {
    (void)state;
    dnnk_conv c = usual;
    assert_int_equal(dnnk_winograd_tile(&c), 4);
    c.allow_winograd = false;
    assert_int_equal(dnnk_winograd_tile(&c), 0);
    c.allow_winograd = true;
    /* What it cannot do: each rules it out alone. */
    int64_t *const fields[] = {&c.stride_h, &c.stride_w, &c.dilation_h, &c.dilation_w, &c.groups,   &c.pad_top,
                               &c.pad_bottom, &c.pad_left, &c.pad_right, &c.kernel_h,  &c.kernel_w};
    static const int64_t values[] = {2, 2, 2, 2, 2, 3, 3, 3, 3, 2, 5};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int64_t before = *fields[i];
        *fields[i] = values[i];
        assert_false(dnnk_winograd_applies(&c));
        assert_int_equal(dnnk_winograd_tile(&c), 0);
        *fields[i] = before;
    }
    assert_int_equal(dnnk_winograd_tile(&c), 4);
}

static void is_chosen_where_it_gains(void **state) {
    (void)state;
    dnnk_conv c = usual;
    c.in_channels = 1; /* the planes cost more than they save */
    assert_int_equal(dnnk_winograd_tile(&c), 0);
    c.in_channels = 64, c.height = c.width = 2, c.batch = 64; /* a tile of 4×4 would be three quarters empty */
    assert_int_equal(dnnk_winograd_tile(&c), 2);
}

static void chosen_takes_packed_weights(void **state) {
    (void)state;
    uint64_t seed = 8;
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    conv_example e = conv_make(&usual, conv_reals, &seed), wide = conv_widened(&e);
    conv_results got = conv_run(&env, &e), want = conv_reference(&wide);
    assert_int_equal(array_difference(&got.y_fused, &got.y_packed), -1);
    if (!(conv_relative_error(&got.y, &want.y, 0) < bound_of(DNNK_F32, 4))) conv_fail(&usual, &env, "chosen");
    arrays_free();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_small),         cmocka_unit_test(lanes_agree_bitwise),
        cmocka_unit_test(is_chosen_where_it_applies), cmocka_unit_test(is_chosen_where_it_gains),
        cmocka_unit_test(chosen_takes_packed_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
