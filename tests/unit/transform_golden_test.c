/* Images against Pillow, PyTorch, NumPy and colorsys: tests/golden/make_image_golden.py says how, and where we
 * differ. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "golden/image_golden.h"
#include "image/image.h"
#include "support/datasets.h"

enum { NUMBERS = GOLDEN_H * GOLDEN_W * GOLDEN_C };

static int64_t byte_of_image(int64_t i) { return (i * 37 + i * i % 101 * 5 + i / 29 * 11) % 256; }

/* The image, one sample, through a transform. */
static dnn_tensor *through(dnn_transform *transform, dnn_dtype dtype) {
    dnn_tensor *x = tensor_of(data_ctx, dtype, DIMS(1, GOLDEN_H, GOLDEN_W, GOLDEN_C), NULL);
    dnn_dataset *source, *view;
    for (int64_t i = 0; i < NUMBERS; i++) tensor_put(x, i, (double)byte_of_image(i));
    OK(dnn_dataset_from_tensors(&source, x, NULL));
    dnn_tensor_release(x);
    OK(dnn_dataset_transform(&view, source, transform, NULL));
    OK(dnn_dataset_get_range(&x, NULL, view, 0, 1));
    dnn_transform_release(transform);
    dnn_dataset_release(view);
    dnn_dataset_release(source);
    return x;
}

static void expect_all(const char *name, const dnn_tensor *got, const double *want, size_t n, double bound) {
    assert_int_equal(dnn_tensor_count(got), n);
    for (int64_t i = 0; i < (int64_t)n; i++)
        if (!(fabs(tensor_at(got, i) - want[i]) <= bound))
            fail_msg("%s: number %d is %.9g, not %.9g", name, (int)i, tensor_at(got, i), want[i]);
}

/* In float32 up to rounding; in bytes, which the want is rounded to, up to `bytes`. */
#define EXPECT(name, make, bytes)                                                                                  \
    do {                                                                                                           \
        size_t n_ = sizeof golden_##name / sizeof *golden_##name;                                                  \
        dnn_tensor *floats_ = through(make, DNN_F32), *bytes_ = through(make, DNN_U8);                             \
        if (bytes < 1) expect_all(#name, floats_, golden_##name, n_, 2e-4);                                        \
        expect_all(#name ", bytes", bytes_, golden_##name, n_, bytes < 1 ? 0.501 : bytes + 1e-6);                  \
        dnn_tensor_release(floats_);                                                                               \
        dnn_tensor_release(bytes_);                                                                                \
    } while (0)

#define RESIZE(...) dnn_resize(data_ctx, &(dnn_resize_desc){DNN_SIZED(dnn_resize_desc), __VA_ARGS__})
#define TURN(...) \
    dnn_random_rotation(data_ctx, &(dnn_random_rotation_desc){DNN_SIZED(dnn_random_rotation_desc), __VA_ARGS__})

static void resizing(void **state) {
    (void)state;
    EXPECT(resize_smaller, RESIZE(.out = {5, 4}), 0);
    EXPECT(resize_larger, RESIZE(.out = {13, 20}), 0);
    EXPECT(resize_four_pixels, RESIZE(.out = {5, 4}, .no_antialias = 1), 0);
    EXPECT(resize_area, RESIZE(.out = {4, 3}, .filter = DNN_FILTER_AREA), 0);
    EXPECT(resize_nearest, RESIZE(.out = {7, 5}, .filter = DNN_FILTER_NEAREST), 0);
    EXPECT(resize_pillow, RESIZE(.out = {5, 4}), 1);
}

static void turning(void **state) {
    (void)state;
    EXPECT(rotate_30, TURN(.low = 30, .high = 30), 0);
    EXPECT(rotate_nearest_100, TURN(.low = 100, .high = 100, .filter = DNN_FILTER_NEAREST), 0);
}

static void blurring(void **state) {
    (void)state;
    EXPECT(blur_1, dnn_random_blur(data_ctx, 1, 1), 0);
}

static void unit_image(float *x) {
    for (int64_t i = 0; i < NUMBERS; i++) x[i] = (float)byte_of_image(i) / 255.0f;
}

static void expect_colours(const char *name, const float *x, const double *want, double bound) {
    for (int64_t i = 0; i < NUMBERS; i++)
        if (!(fabs(255 * (double)x[i] - want[i]) <= bound))
            fail_msg("%s: number %d is %.9g, not %.9g", name, (int)i, 255 * (double)x[i], want[i]);
}

static void colours(void **state) {
    (void)state;
    const int64_t pixels = GOLDEN_H * GOLDEN_W;
    float x[NUMBERS];
    unit_image(x);
    dnnk_brightness(pixels, GOLDEN_C, x, 1.5f);
    expect_colours("brightness", x, golden_brightness, 1.001);
    unit_image(x);
    dnnk_contrast(pixels, GOLDEN_C, x, 0.6f);
    expect_colours("contrast", x, golden_contrast, 1.3); /* Pillow rounds the mean, too */
    unit_image(x);
    dnnk_saturation(pixels, x, 1.8f);
    expect_colours("saturation", x, golden_saturation, 1.5); /* and its grey, by 0.5 · (1.8 - 1) */
    unit_image(x);
    dnnk_hue(pixels, x, 0.45f);
    expect_colours("hue", x, golden_hue, 1e-3);
    unit_image(x);
    dnnk_hue(pixels, x, -0.45f);
    expect_colours("hue, back", x, golden_hue_back, 1e-3);
}

/* A crop of an image that is mirrored around: one of the windows of NumPy's. */
static void mirrored_borders(void **state) {
    (void)state;
    dnn_random_crop_desc d = {DNN_SIZED(dnn_random_crop_desc), .out = {GOLDEN_H + 8, GOLDEN_W + 8}, .padding = 4,
                              .border = DNN_BORDER_REFLECT};
    EXPECT(reflected, dnn_random_crop(data_ctx, &d), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizing), cmocka_unit_test(turning),          cmocka_unit_test(blurring),
        cmocka_unit_test(colours),  cmocka_unit_test(mirrored_borders),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
