/* Pooling layers: sizes, values, who gets the gradient, what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/runner.h"
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

#define MAX(...) dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), __VA_ARGS__})
#define AVG(...) dnn_avg_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), __VA_ARGS__})

static dnn_module *with_input_gradients(dnn_module *m) {
    if (!m) fail_msg("%s", dnn_last_error());
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS), DNN_OK);
    return m;
}

static void expect_refused(dnn_module *m, const char *line) {
    assert_null(m);
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, line);
}

static void bad_descriptors_are_named(void **state) {
    (void)state;
    expect_refused(dnn_max_pool2d(ctx, NULL), "desc is NULL");
    expect_refused(MAX(.stride = {2}), "desc.kernel[0] is 0, it must be from 1 to 2147483647");
    expect_refused(MAX(.kernel = {3}, .stride = {-2}), "desc.stride[0] is -2, it must be from 1 to 2147483647");
    expect_refused(MAX(.kernel = {3, 2}, .padding = 2),
                   "padding of 2 beside a kernel that covers 2 pixels (width): it must be smaller");
    expect_refused(MAX(.kernel = {3, 2}, .dilation = {2}, .pad = {0, 5}),
                   "padding of 5 beside a kernel that covers 5 pixels (height): it must be smaller");
    expect_refused(MAX(.kernel = {65536}), "desc.kernel is 65536×65536, that is more than 2147483647 pixels");
    expect_refused(MAX(.kernel = {2}, .exclude_pad = 1), "desc.exclude_pad is for the average only");
    expect_refused(AVG(.kernel = {2}, .dilation = {1, 2}), "desc.dilation is for the maximum only");
    expect_refused(dnn_adaptive_avg_pool2d(ctx, 0, 1), "height is 0, it must be from 1 to 2147483647");
    expect_refused(dnn_adaptive_avg_pool2d(ctx, 1, -1), "width is -1, it must be from 1 to 2147483647");
}

static void expect_misfit(dnn_module *m, dnn_dtype dtype, int32_t rank, const int64_t *dims, dnn_status status,
                          const char *line) {
    const dnn_tensor *y;
    dnn_tensor *x = tensor_of(ctx, dtype, rank, dims, NULL);
    expect_error(dnn_module_forward(m, x, &y), status, line);
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void misfits_are_told_with_shapes(void **state) {
    (void)state;
    expect_misfit(MAX(.kernel = {3}), DNN_F32, DIMS(2, 2, 5, 4), DNN_ERROR_SHAPE,
                  "the kernel covers 3×3 pixels, the padded input has 2×5 (input [2,2,5,4])");
    expect_misfit(AVG(.kernel = {3}), DNN_F32, DIMS(2, 5), DNN_ERROR_SHAPE,
                  "input is [2,5], the layer expects images: (N, height, width, channels)");
    expect_misfit(dnn_adaptive_avg_pool2d(ctx, 1, 1), DNN_F32, DIMS(2, 0, 5, 4), DNN_ERROR_SHAPE,
                  "input has images without pixels (input [2,0,5,4])");
    expect_misfit(dnn_adaptive_avg_pool2d(ctx, 1, 1), DNN_U8, DIMS(2, 4, 5, 4), DNN_ERROR_DTYPE,
                  "input is uint8, the layer computes in float32 or float64 (dnn_tensor_cast converts)");
}

/* ---- the maximum ---- */

static void the_first_of_equals_wins(void **state) {
    (void)state;
    dnn_module *m = with_input_gradients(MAX(.kernel = {2}, .stride = {1}));
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(1, 3, 3, 1), (double[]){1, 5, 5, 5, 2, 0, 0, 0, (double)NAN});
    dnn_tensor *dy = tensor_of(ctx, DNN_F32, DIMS(1, 2, 2, 1), (double[]){1, 10, 100, 1000});
    expect_values(run_forward(m, x), (double[]){5, 5, 5, (double)NAN}, 0, "y");
    expect_values(run_backward(m, dy), (double[]){0, 11, 0, 100, 0, 0, 0, 0, 1000}, 0, "dx");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void padding_never_wins(void **state) {
    (void)state;
    dnn_module *m = with_input_gradients(MAX(.kernel = {3}, .stride = {2}, .padding = 1));
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(1, 3, 2, 1), (double[]){-3, -4, -9, -5, -6, -7});
    dnn_tensor *dy = tensor_of(ctx, DNN_F64, DIMS(1, 2, 1, 1), (double[]){1, 2});
    expect_shape(run_forward(m, x), DIMS(1, 2, 1, 1));
    expect_values(run_forward(m, x), (double[]){-3, -5}, 0, "y");
    expect_values(run_backward(m, dy), (double[]){1, 0, 0, 2, 0, 0}, 0, "dx");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static uint64_t choices_of(dnn_module *m, const dnn_tensor *x) {
    uint64_t signature = 0;
    run_forward(m, x);
    dnni_runner_watch(m->runner, &(dnni_watch){.choices = &signature});
    run_forward(m, x);
    dnni_runner_watch(m->runner, &(dnni_watch){.choices = NULL});
    return signature;
}

static void winners_are_choices(void **state) {
    (void)state;
    dnn_module *m = with_input_gradients(MAX(.kernel = {1, 2}));
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(1, 1, 4, 1), (double[]){1, 2, 4, 3});
    uint64_t before = choices_of(m, x);
    tensor_put(x, 1, 1.5);
    assert_true(choices_of(m, x) == before);
    tensor_put(x, 1, 0.5);
    assert_true(choices_of(m, x) != before);
    dnn_tensor_release(x);
    dnn_module_release(m);
}

/* ---- averages ---- */

static void averages_count_padding_or_not(void **state) {
    (void)state;
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(1, 2, 2, 1), (double[]){4, 8, 12, 16});
    dnn_tensor *dy = tensor_of(ctx, DNN_F64, DIMS(1, 2, 2, 1), (double[]){36, 72, 108, 144});
    for (int32_t exclude = 0; exclude < 2; exclude++) {
        dnn_module *m = AVG(.kernel = {2}, .stride = {1}, .pad = {1, 0, 0, 1}, .exclude_pad = exclude);
        with_input_gradients(m);
        double by_size[] = {3, 2, 10, 6}, by_count[] = {6, 8, 10, 12};
        expect_values(run_forward(m, x), exclude ? by_count : by_size, 1e-15, "y");
        double size_gradient[] = {9 + 27, 9 + 18 + 27 + 36, 27, 27 + 36};
        double count_gradient[] = {18 + 27, 18 + 72 + 27 + 72, 27, 27 + 72};
        expect_values(run_backward(m, dy), exclude ? count_gradient : size_gradient, 1e-15, "dx");
        dnn_module_release(m);
    }
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
}

/* Rows floor(i·H/h) … ceil((i + 1)·H/h) - 1, and columns likewise. */
static double naive_adaptive(const dnn_tensor *x, int64_t n, int64_t i, int64_t j, int64_t c, int64_t h, int64_t w) {
    const int64_t *d = dnn_tensor_dims(x);
    double sum = 0;
    int64_t count = 0;
    for (int64_t r = i * d[1] / h; r < ((i + 1) * d[1] + h - 1) / h; r++)
        for (int64_t s = j * d[2] / w; s < ((j + 1) * d[2] + w - 1) / w; s++, count++)
            sum += tensor_at(x, ((n * d[1] + r) * d[2] + s) * d[3] + c);
    return sum / (double)count;
}

static void check_adaptive(int64_t h, int64_t w) {
    dnn_module *m = with_input_gradients(dnn_adaptive_avg_pool2d(ctx, h, w));
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(2, 7, 5, 3), 1);
    dnn_tensor *dy = tensor_normal(ctx, DNN_F64, DIMS(2, h, w, 3), 2);
    const dnn_tensor *y = run_forward(m, x);
    expect_shape(y, DIMS(2, h, w, 3));
    for (int64_t i = 0; i < dnn_tensor_count(y); i++)
        expect_near(y, i, naive_adaptive(x, i / (h * w * 3), i / (w * 3) % h, i / 3 % w, i % 3, h, w), 1e-14, "y");
    double dy_y = dot(dy, y);
    assert_true(fabs(dot(run_backward(m, dy), x) - dy_y) < 1e-12);
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

static void adaptive_windows_are_pytorchs(void **state) {
    (void)state;
    check_adaptive(1, 1);
    check_adaptive(3, 2);
    check_adaptive(7, 5);
    check_adaptive(9, 6);
}

/* ---- in words ---- */

static void expect_detail(dnn_module *m, const char *type, const char *detail) {
    dnn_array x = {.dtype = DNN_F32, .rank = 4, .dims = {2, 8, 8, 3}};
    dnn_description *d;
    dnn_step_info step = {DNN_SIZED(dnn_step_info)};
    assert_int_equal(dnn_module_describe(&d, m, &x, 1), DNN_OK);
    assert_int_equal(dnn_description_step(d, 0, &step), DNN_OK);
    assert_string_equal(step.type, type);
    assert_string_equal(step.detail, detail);
    dnn_description_release(d);
    dnn_module_release(m);
}

static void pools_describe_themselves(void **state) {
    (void)state;
    expect_detail(MAX(.kernel = {2}), "max_pool2d", "2×2, stride 2");
    expect_detail(MAX(.kernel = {3}, .stride = {1}, .padding = 1, .dilation = {2, 1}), "max_pool2d",
                  "3×3, padding 1, dilation 2×1");
    expect_detail(AVG(.kernel = {3, 2}), "avg_pool2d", "3×2, stride 3×2");
    expect_detail(dnn_adaptive_avg_pool2d(ctx, 1, 2), "adaptive_avg_pool2d", "to 1×2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_descriptors_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(misfits_are_told_with_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_of_equals_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(padding_never_wins, setup, teardown),
        cmocka_unit_test_setup_teardown(winners_are_choices, setup, teardown),
        cmocka_unit_test_setup_teardown(averages_count_padding_or_not, setup, teardown),
        cmocka_unit_test_setup_teardown(adaptive_windows_are_pytorchs, setup, teardown),
        cmocka_unit_test_setup_teardown(pools_describe_themselves, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
