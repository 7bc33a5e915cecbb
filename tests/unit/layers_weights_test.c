/* Layers with weights: convolution and embedding. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define CONV(...) dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), __VA_ARGS__})
#define EMBEDDING(...) dnn_embedding(ctx, &(dnn_embedding_desc){DNN_SIZED(dnn_embedding_desc), __VA_ARGS__})

static void expect_refused(dnn_module *m, const char *line) {
    assert_null(m);
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, line);
}

/* ---- what cannot be made ---- */

static void bad_descriptors_are_named(void **state) {
    (void)state;
    expect_refused(dnn_conv2d(ctx, NULL), "desc is NULL");
    expect_refused(CONV(.out_channels = 4, .kernel = {3}), "desc.in_channels is 0, it must be at least 1");
    expect_refused(CONV(.in_channels = 3, .out_channels = -4, .kernel = {3}),
                   "desc.out_channels is -4, it must be at least 1");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4), "desc.kernel[0] is 0, it must be from 1 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3, -1}),
                   "desc.kernel[1] is -1, it must be from 1 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .stride = {0, INT64_MAX}),
                   "desc.stride[1] is 9223372036854775807, it must be from 1 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .dilation = {-2}),
                   "desc.dilation[0] is -2, it must be from 1 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .padding = -1),
                   "desc.padding is -1, it must be from 0 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .pad = {0, 0, 0, -3}),
                   "desc.pad[3] is -3, it must be from 0 to 2147483647");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .padding = 1, .pad = {1}),
                   "desc.padding and desc.pad are both set, it is one or the other");
    expect_refused(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}, .groups = -1),
                   "desc.groups is -1, it must be at least 1");
    expect_refused(CONV(.in_channels = 4, .out_channels = 6, .kernel = {3}, .groups = 4),
                   "desc.out_channels is 6, which is no multiple of desc.groups, 4");
    expect_refused(EMBEDDING(.dim = 4), "desc.num is 0, it must be at least 1");
    expect_refused(EMBEDDING(.num = 9), "desc.dim is 0, it must be at least 1");
    expect_refused(EMBEDDING(.num = 9, .dim = 4, .has_padding = 1, .padding_idx = 9),
                   "desc.padding_idx is 9, the table has rows 0 to 8");
}

/* ---- what does not fit ---- */

/* Takes the layer over, as "l" in a container. */
static void expect_misfit(dnn_module *layer, dnn_dtype dtype, int32_t rank, const int64_t *dims, dnn_status status,
                          const char *line) {
    dnn_module *net;
    const dnn_tensor *y;
    dnn_tensor *x = tensor_of(ctx, dtype, rank, dims, NULL);
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    assert_int_equal(dnn_sequential_add(net, "l", layer), DNN_OK);
    expect_error(dnn_module_forward(net, x, &y), status, line);
    assert_null(y);
    dnn_tensor_release(x);
    dnn_module_release(net);
}

static void misfits_are_told_with_shapes(void **state) {
    (void)state;
    expect_misfit(CONV(.in_channels = 64, .out_channels = 64, .kernel = {3}), DNN_F32, DIMS(16, 56, 56, 3),
                  DNN_ERROR_SHAPE,
                  "l: input has 3 channels, weight expects 64 (input [16,56,56,3], weight [64,3,3,64])");
    expect_misfit(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3}), DNN_F32, DIMS(5, 5, 3), DNN_ERROR_SHAPE,
                  "l: input is [5,5,3], the layer expects images: (N, height, width, channels)");
    expect_misfit(CONV(.in_channels = 3, .out_channels = 4, .kernel = {3, 2}, .dilation = {2}, .pad = {1, 0, 0, 0}),
                  DNN_F32, DIMS(2, 3, 9, 3), DNN_ERROR_SHAPE,
                  "l: the kernel covers 5×3 pixels, the padded input has 4×9 (input [2,3,9,3])");
    expect_misfit(CONV(.in_channels = 3, .out_channels = 4, .kernel = {1}), DNN_F32, DIMS(2, 3, 0, 3), DNN_ERROR_SHAPE,
                  "l: input has images without pixels (input [2,3,0,3])");
    expect_misfit(CONV(.in_channels = 3, .out_channels = 4, .kernel = {1}), DNN_I32, DIMS(2, 3, 3, 3), DNN_ERROR_DTYPE,
                  "l: input is int32, the layer computes in float32 or float64 (dnn_tensor_cast converts)");
    expect_misfit(CONV(.in_channels = 3, .out_channels = 4, .kernel = {1}), DNN_F64, DIMS(2, 3, 3, 3), DNN_ERROR_DTYPE,
                  "l: input is float64, weight is float32 (dnn_tensor_cast converts a tensor, dnn_module_to a module)");
    expect_misfit(EMBEDDING(.num = 9, .dim = 4), DNN_F32, DIMS(2, 3), DNN_ERROR_DTYPE,
                  "l: input is float32, indices are int32 or int64 (dnn_tensor_cast converts)");
    expect_misfit(EMBEDDING(.num = 9, .dim = 4), DNN_I32, DIMS(1, 1, 1, 1, 1, 1, 1, 1), DNN_ERROR_SHAPE,
                  "l: input has 8 axes, with the one for dim there would be more than 8 (input [1,1,1,1,1,1,1,1])");
}

/* ---- convolution ---- */

typedef struct {
    dnn_conv2d_desc desc;
    int64_t x[4], y[4];
    const char *detail;
} conv_case;

static const conv_case convs[] = {
    {{.in_channels = 3, .out_channels = 4, .kernel = {3}, .padding = 1}, {2, 6, 5, 3}, {2, 6, 5, 4},
     "3→4, 3×3, padding 1"},
    {{.in_channels = 2, .out_channels = 5, .kernel = {1}}, {3, 4, 4, 2}, {3, 4, 4, 5}, "2→5, 1×1"},
    {{.in_channels = 4, .out_channels = 6, .kernel = {2, 3}, .stride = {2}, .groups = 2}, {1, 7, 8, 4}, {1, 3, 3, 6},
     "4→6, 2×3, stride 2, groups 2"},
    {{.in_channels = 3, .out_channels = 2, .kernel = {3, 2}, .stride = {1, 3}, .dilation = {2}, .pad = {2, 1, 0, 3}},
     {2, 5, 7, 3}, {2, 4, 3, 2}, "3→2, 3×2, stride 1×3, padding 2+1×0+3, dilation 2"},
    {{.in_channels = 5, .out_channels = 5, .kernel = {3}, .padding = 1, .groups = 5, .no_bias = 1}, {2, 4, 6, 5},
     {2, 4, 6, 5}, "5→5, 3×3, padding 1, groups 5"},
};
enum { CONVS = sizeof convs / sizeof *convs };

static int64_t either(int64_t a, int64_t b) { return a ? a : b; }

static double pixel(const dnn_tensor *x, int64_t n, int64_t i, int64_t j, int64_t c) {
    const int64_t *d = dnn_tensor_dims(x);
    if (i < 0 || i >= d[1] || j < 0 || j >= d[2]) return 0;
    return tensor_at(x, ((n * d[1] + i) * d[2] + j) * d[3] + c);
}

/* The formula of layers.h. */
static double naive_conv(const dnn_conv2d_desc *d, const dnn_tensor *x, const dnn_tensor *w, const int64_t at[4]) {
    int64_t kh = d->kernel[0], kw = either(d->kernel[1], kh), groups = either(d->groups, 1);
    int64_t sh = either(d->stride[0], 1), sw = either(d->stride[1], sh);
    int64_t dh = either(d->dilation[0], 1), dw = either(d->dilation[1], dh);
    int64_t depth = d->in_channels / groups, first = at[3] / (d->out_channels / groups) * depth;
    double sum = 0;
    for (int64_t r = 0; r < kh; r++)
        for (int64_t s = 0; s < kw; s++)
            for (int64_t c = 0; c < depth; c++)
                sum += tensor_at(w, ((at[3] * kh + r) * kw + s) * depth + c) *
                       pixel(x, at[0], at[1] * sh - d->padding - d->pad[0] + r * dh,
                             at[2] * sw - d->padding - d->pad[2] + s * dw, first + c);
    return sum;
}

static void expect_conv(const conv_case *c, const dnn_tensor *x, dnn_module *m, const dnn_tensor *y, double bound) {
    expect_shape(y, 4, c->y);
    for (int64_t i = 0; i < dnn_tensor_count(y); i++) {
        int64_t o = i % c->y[3], w = i / c->y[3] % c->y[2], h = i / c->y[3] / c->y[2] % c->y[1];
        double bias = c->desc.no_bias ? 0 : tensor_at(value_of(m, "bias"), o);
        int64_t at[4] = {i / (c->y[1] * c->y[2] * c->y[3]), h, w, o};
        expect_near(y, i, bias + naive_conv(&c->desc, x, value_of(m, "weight"), at), bound, c->detail);
    }
}

/* y is linear in x and in w: ⟨dx, x⟩ = ⟨dw, w⟩ = ⟨dy, y - bias⟩, and ⟨db, b⟩ is the rest. */
static void expect_adjoint(dnn_module *m, const dnn_tensor *x, const dnn_tensor *dx, double dy_y, bool has_bias,
                           double bound, const char *what) {
    double bias = has_bias ? dot(gradient_of(m, "bias"), value_of(m, "bias")) : 0;
    double by_x = dot(dx, x), by_w = dot(gradient_of(m, "weight"), value_of(m, "weight"));
    if (fabs(by_x - (dy_y - bias)) > bound) fail_msg("%s: dx is no adjoint: %g, %g", what, by_x, dy_y - bias);
    if (fabs(by_w - (dy_y - bias)) > bound) fail_msg("%s: dw is no adjoint: %g, %g", what, by_w, dy_y - bias);
}

static void expect_bias_gradient(dnn_module *m, const dnn_tensor *dy, double bound) {
    const dnn_tensor *db = gradient_of(m, "bias");
    int64_t n = dnn_tensor_count(db);
    for (int64_t o = 0; o < n; o++) {
        double sum = 0;
        for (int64_t i = o; i < dnn_tensor_count(dy); i += n) sum += tensor_at(dy, i);
        expect_near(db, o, sum, bound, "db");
    }
}

static void check_conv(const conv_case *c, dnn_dtype dtype) {
    dnn_conv2d_desc desc = c->desc;
    desc.size = sizeof desc;
    double bound = dtype == DNN_F64 ? 1e-12 : 1e-4;
    dnn_module *m = dnn_conv2d(ctx, &desc);
    assert_non_null(m);
    assert_int_equal(dnn_module_to(m, dtype), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS), DNN_OK);
    dnn_tensor *x = tensor_normal(ctx, dtype, 4, c->x, 1), *dy = tensor_normal(ctx, dtype, 4, c->y, 2);
    const dnn_tensor *y = run_forward(m, x);
    expect_conv(c, x, m, y, bound);
    double dy_y = dot(dy, y);
    const dnn_tensor *dx = run_backward(m, dy);
    expect_adjoint(m, x, dx, dy_y, !desc.no_bias, 100 * bound, c->detail);
    if (!desc.no_bias) expect_bias_gradient(m, dy, bound);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void convolution_is_its_formula(void **state) {
    (void)state;
    for (int i = 0; i < CONVS; i++) {
        check_conv(&convs[i], DNN_F32);
        check_conv(&convs[i], DNN_F64);
    }
}

static void convolution_describes_itself(void **state) {
    (void)state;
    for (int i = 0; i < CONVS; i++) {
        dnn_conv2d_desc desc = convs[i].desc;
        desc.size = sizeof desc;
        dnn_module *m = dnn_conv2d(ctx, &desc);
        dnn_array x = {.dtype = DNN_F32, .rank = 4};
        memcpy(x.dims, convs[i].x, sizeof convs[i].x);
        dnn_description *d;
        dnn_step_info step = {DNN_SIZED(dnn_step_info)};
        assert_int_equal(dnn_module_describe(&d, m, &x, 1), DNN_OK);
        assert_int_equal(dnn_description_step(d, 0, &step), DNN_OK);
        assert_string_equal(step.type, "conv2d");
        assert_string_equal(step.detail, convs[i].detail);
        double outputs = (double)(convs[i].y[0] * convs[i].y[1] * convs[i].y[2]);
        assert_true(step.flops == 2 * outputs * (double)dnn_tensor_count(value_of(m, "weight")));
        dnn_description_release(d);
        dnn_module_release(m);
    }
}

/* ---- starting values ---- */

static void starting_values_are_pytorchs(void **state) {
    (void)state;
    dnn_init usual = {DNN_SIZED(dnn_init)};
    double r = 1 / sqrt(3.0 * 3 * 8), widest = 0;
    assert_int_equal(dnn_context_seed(ctx, 7), DNN_OK);
    dnn_module *a = CONV(.in_channels = 16, .out_channels = 32, .kernel = {3}, .groups = 2);
    assert_int_equal(dnn_context_seed(ctx, 7), DNN_OK);
    dnn_module *b = CONV(.in_channels = 16, .out_channels = 32, .kernel = {3}, .groups = 2, .weight_init = &usual,
                         .bias_init = &usual);
    const dnn_tensor *w = value_of(a, "weight");
    expect_shape(w, DIMS(32, 3, 3, 8));
    for (int64_t i = 0; i < dnn_tensor_count(w); i++) widest = fmax(widest, fabs(tensor_at(w, i)));
    assert_true(widest <= r && widest > 0.99 * r);
    expect_same_bits(w, value_of(b, "weight"), "weight with DNN_INIT_DEFAULT");
    expect_same_bits(value_of(a, "bias"), value_of(b, "bias"), "bias with DNN_INIT_DEFAULT");
    dnn_module_release(a);
    dnn_module_release(b);
}

/* ---- embedding ---- */

static void embedding_picks_rows(void **state) {
    (void)state;
    const double ids[] = {2, 0, 1, 2, 2, 3}, dy_values[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    for (dnn_dtype dtype = DNN_I32; dtype <= DNN_I64; dtype++) {
        dnn_module *m = EMBEDDING(.num = 4, .dim = 2, .has_padding = 1, .padding_idx = 3);
        dnn_tensor *w = value_of(m, "weight"), *x = tensor_of(ctx, dtype, DIMS(2, 3), ids);
        assert_true(tensor_at(w, 5) != 0 && tensor_at(w, 6) == 0 && tensor_at(w, 7) == 0);
        for (int64_t i = 0; i < 8; i++) tensor_put(w, i, (double)i);
        expect_shape(run_forward(m, x), DIMS(2, 3, 2));
        expect_values(run_forward(m, x), (double[]){4, 5, 0, 1, 2, 3, 4, 5, 4, 5, 6, 7}, 0, "y");
        dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(2, 3, 2), dy_values);
        assert_int_equal(dnn_module_backward(m, dy, NULL), DNN_OK);
        expect_values(gradient_of(m, "weight"), (double[]){3, 4, 5, 6, 1 + 7 + 9, 2 + 8 + 10, 0, 0}, 0, "dw");
        dnn_tensor_release(x);
        dnn_tensor_release(dy);
        dnn_module_release(m);
    }
}

static void indices_have_no_gradient(void **state) {
    (void)state;
    dnn_module *m = EMBEDDING(.num = 4, .dim = 2);
    dnn_tensor *x = tensor_of(ctx, DNN_I64, DIMS(3), NULL), *dy = tensor_of(ctx, DNN_F32, DIMS(3, 2), NULL);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS), DNN_OK);
    run_forward(m, x);
    assert_null(run_backward(m, dy));
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void wrong_indices_are_found(void **state) {
    (void)state;
    dnn_module *m = EMBEDDING(.num = 4, .dim = 2);
    const dnn_tensor *y;
    dnn_tensor *a = tensor_of(ctx, DNN_I64, DIMS(2, 3), (double[]){0, 1, 2, 3, 4, -1});
    dnn_tensor *b = tensor_of(ctx, DNN_I32, DIMS(3), (double[]){0, 1, -1}), *c = tensor_of(ctx, DNN_I32, 0, NULL, NULL);
    expect_error(dnn_module_forward(m, a, &y), DNN_ERROR_VALUE, "the index at [1,1] is 4, the table has rows 0 to 3");
    expect_error(dnn_module_forward(m, b, &y), DNN_ERROR_VALUE, "the index at [2] is -1, the table has rows 0 to 3");
    tensor_put(c, 0, 17);
    expect_error(dnn_module_forward(m, c, &y), DNN_ERROR_VALUE, "the index at [] is 17, the table has rows 0 to 3");
    tensor_put(c, 0, 3);
    expect_shape(run_forward(m, c), DIMS(2));
    dnn_tensor_release(a);
    dnn_tensor_release(b);
    dnn_tensor_release(c);
    dnn_module_release(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_descriptors_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(misfits_are_told_with_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(convolution_is_its_formula, setup, teardown),
        cmocka_unit_test_setup_teardown(convolution_describes_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(starting_values_are_pytorchs, setup, teardown),
        cmocka_unit_test_setup_teardown(embedding_picks_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(indices_have_no_gradient, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_indices_are_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
