/* Transforms one by one: numbers, refusals, how often chance does what, and who owns what. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/datasets.h"

#define DESC(type, ...) (&(type){DNN_SIZED(type), __VA_ARGS__})
#define CROP(...) dnn_random_crop(data_ctx, DESC(dnn_random_crop_desc, __VA_ARGS__))

/* n images (h, w, c) whose numbers count 0, 1, 2, …, from anew in every image; int64 targets. */
static dnn_dataset *counting(dnn_dtype dtype, int64_t n, int64_t h, int64_t w, int64_t c) {
    dnn_tensor *x = tensor_of(data_ctx, dtype, DIMS(n, h, w, c), NULL);
    dnn_tensor *t = tensor_of(data_ctx, DNN_I64, DIMS(n), NULL);
    dnn_dataset *dataset;
    for (int64_t i = 0; i < n * h * w * c; i++) tensor_put(x, i, (double)(i % (h * w * c)));
    OK(dnn_dataset_from_tensors(&dataset, x, t));
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    return dataset;
}

/* Takes over both. */
static dnn_dataset *view(dnn_dataset *source, dnn_transform *transform) {
    dnn_dataset *out;
    OK(dnn_dataset_transform(&out, source, transform, NULL));
    dnn_transform_release(transform);
    dnn_dataset_release(source);
    return out;
}

static dnn_status try_view(dnn_dataset *source, dnn_transform *transform) {
    dnn_dataset *out = NULL;
    dnn_status status = transform ? dnn_dataset_transform(&out, source, transform, NULL) : dnn_last_status();
    dnn_dataset_release(out);
    dnn_transform_release(transform);
    return status;
}

static dnn_dataset *ranged(dnn_dataset *source, double low, double high) {
    dnn_dataset *out;
    OK(dnn_dataset_with_metadata(&out, source, DESC(dnn_metadata_desc, .low = low, .high = high)));
    dnn_dataset_release(source);
    return out;
}

static dnn_tensor *first_of(dnn_dataset *dataset) {
    dnn_tensor *x;
    OK(dnn_dataset_get_range(&x, NULL, dataset, 0, 1));
    return x;
}

static void expect_first(dnn_dataset *dataset, const double *want, double bound, const char *what) {
    dnn_tensor *x = first_of(dataset);
    expect_values(x, want, bound, what);
    dnn_tensor_release(x);
    dnn_dataset_release(dataset);
}

static void expect_range(dnn_dataset *dataset, double low, double high) {
    double found[2];
    OK(dnn_dataset_range(dataset, &found[0], &found[1]));
    assert_true(found[0] == low && found[1] == high);
}

/* ---- numbers ---- */

#define FLOAT(...) dnn_to_float(data_ctx, DESC(dnn_to_float_desc, __VA_ARGS__))

static void floats_of_a_declared_range(void **state) {
    (void)state;
    dnn_dataset *bytes = view(counting(DNN_U8, 1, 1, 2, 1), dnn_to_float(data_ctx, NULL));
    expect_range(bytes, 0, 1);
    expect_first(bytes, (const double[]){0, 1.0 / 255}, 1e-9, "0 … 1");
    expect_first(view(counting(DNN_U8, 1, 1, 2, 1), FLOAT(.low = -1, .high = 1)), (const double[]){-1, -1 + 2.0 / 255},
                 1e-7, "-1 … 1");
    expect_first(view(counting(DNN_I32, 1, 1, 3, 1), FLOAT(.from_low = -2, .from_high = 2, .high = 8)),
                 (const double[]){4, 6, 8}, 1e-6, "int32");
    expect_first(view(ranged(counting(DNN_F64, 1, 1, 3, 1), 0, 4), dnn_to_float(data_ctx, NULL)),
                 (const double[]){0, 0.25, 0.5}, 1e-9, "float64");
}

static void scaled_twice(void **state) {
    (void)state;
    dnn_dataset *unknown = counting(DNN_F32, 1, 1, 2, 1), *unit = ranged(counting(DNN_F32, 1, 1, 2, 1), 0, 1), *bytes;
    bytes = counting(DNN_U8, 1, 1, 2, 1);
    FAILS(try_view(unit, dnn_to_float(data_ctx, NULL)), DNN_ERROR_VALUE, "float32 in [0, 1] already: scaled twice?");
    FAILS(try_view(unknown, dnn_to_float(data_ctx, NULL)), DNN_ERROR_VALUE, "range of the float32 input is unknown");
    FAILS(try_view(bytes, FLOAT(.from_low = 0, .from_high = 1)), DNN_ERROR_VALUE, "declared to lie in [0, 255]");
    dnn_transform *twice;
    OK(dnn_transform_chain(&twice, data_ctx));
    OK(dnn_transform_add(twice, dnn_to_float(data_ctx, NULL)));
    OK(dnn_transform_add(twice, dnn_to_float(data_ctx, NULL)));
    FAILS(try_view(bytes, twice), DNN_ERROR_VALUE, "transform 2, to_float: the input is float32 in [0, 1] already");
    FAILS(try_view(unit, FLOAT(.low = 1, .high = 1)), DNN_ERROR_ARGUMENT, "low … high is 1 … 1");
    FAILS(try_view(unit, FLOAT(.from_low = 1, .from_high = NAN)), DNN_ERROR_ARGUMENT, "from_low … from_high");
    dnn_dataset_release(unknown);
    dnn_dataset_release(unit);
    dnn_dataset_release(bytes);
}

static void standardised_numbers(void **state) {
    (void)state;
    const double mean[4] = {1, 2, 3, 4}, std[4] = {0.5, 1, 2, 4}, bad[2] = {1, 0};
    dnn_dataset *x = view(counting(DNN_F32, 1, 1, 2, 2), dnn_transform_standardize_by(data_ctx, mean, std, 2));
    expect_range(x, 0, 0);
    expect_first(x, (const double[]){-2, -1, 2, 1}, 1e-6, "by channel");
    expect_first(view(counting(DNN_F32, 1, 1, 2, 2), dnn_transform_standardize_by(data_ctx, mean, std, 4)),
                 (const double[]){-2, -1, -0.5, -0.25}, 1e-6, "by number");
    expect_first(view(counting(DNN_F32, 1, 1, 2, 2), dnn_transform_standardize_by(data_ctx, mean, std, 1)),
                 (const double[]){-2, 0, 2, 4}, 1e-6, "the same for all");
    x = counting(DNN_F32, 1, 1, 2, 2);
    FAILS(try_view(x, dnn_transform_standardize_by(data_ctx, mean, std, 3)), DNN_ERROR_SHAPE, "there are 3 means");
    FAILS(try_view(x, dnn_transform_standardize_by(data_ctx, mean, bad, 2)), DNN_ERROR_VALUE, "std[1] is 0");
    FAILS(try_view(x, dnn_transform_standardize_by(data_ctx, mean, std, 0)), DNN_ERROR_ARGUMENT, "count is 0");
    FAILS(try_view(x, dnn_transform_standardize_by(data_ctx, NULL, std, 2)), DNN_ERROR_ARGUMENT, "mean is NULL");
    dnn_dataset_release(x);
    x = counting(DNN_U8, 1, 1, 2, 2);
    FAILS(try_view(x, dnn_transform_standardize_by(data_ctx, mean, std, 2)), DNN_ERROR_DTYPE, "float32 is wanted");
    dnn_dataset_release(x);
}

static void fitted_statistics(void **state) {
    (void)state;
    dnn_dataset *bytes = counting(DNN_U8, 3, 1, 2, 2), *unit;
    dnn_statistics *raw, *scaled, *constant;
    OK(dnn_statistics_fit(&raw, bytes, NULL));
    OK(dnn_dataset_retain(bytes));
    unit = view(bytes, dnn_to_float(data_ctx, NULL));
    OK(dnn_statistics_fit(&scaled, unit, NULL));
    FAILS(try_view(unit, dnn_transform_standardize(data_ctx, raw)), DNN_ERROR_VALUE,
          "the statistics are of numbers from 0 to 3, the input is declared to lie in [0, 1]");
    OK(dnn_dataset_retain(unit)); /* channel 0 has 0 and 2, channel 1 has 1 and 3 */
    expect_first(view(unit, dnn_transform_standardize(data_ctx, scaled)), (const double[]){-1, -1, 1, 1}, 1e-5, "fit");
    const double mean[2] = {0, 1}, std[2] = {0, 2};
    OK(dnn_statistics_create(&constant, data_ctx, 1, (const int64_t[]){2}, mean, std));
    expect_first(view(unit, dnn_transform_standardize(data_ctx, constant)),
                 (const double[]){0, -0.5 + 1 / 510.0, 2 / 255.0, -0.5 + 3 / 510.0}, 1e-6, "no deviation");
    dnn_dataset_release(bytes);
    dnn_statistics_release(raw);
    dnn_statistics_release(scaled);
    dnn_statistics_release(constant);
}

static void presets(void **state) {
    (void)state;
    const double torchvision[3] = {(0 - .485) / .229, (1 / 255.0 - .456) / .224, (2 / 255.0 - .406) / .225};
    const double caffe[3] = {2 - 104.007, 1 - 116.669, 0 - 122.679};
    expect_first(view(counting(DNN_U8, 1, 1, 1, 3), dnn_transform_preset(data_ctx, DNN_PRESET_TORCHVISION)),
                 torchvision, 1e-6, "torchvision");
    expect_first(view(counting(DNN_U8, 1, 1, 1, 3), dnn_transform_preset(data_ctx, DNN_PRESET_CAFFE)), caffe, 1e-4,
                 "caffe");
    assert_null(dnn_transform_preset(data_ctx, (dnn_preset)1));
    FAILS(dnn_last_status(), DNN_ERROR_ARGUMENT, "preset is 1");
}

static void channels_and_grey(void **state) {
    (void)state;
    const int32_t order[4] = {2, 0, 0, 1}, negative[1] = {-1};
    expect_first(view(counting(DNN_U8, 1, 1, 2, 3), dnn_channels(data_ctx, order, 4)),
                 (const double[]){2, 0, 0, 1, 5, 3, 3, 4}, 0, "channels");
    expect_first(view(counting(DNN_F32, 1, 1, 2, 3), dnn_grayscale(data_ctx, 1)),
                 (const double[]){.587 + .228, 3 * .299 + 4 * .587 + 5 * .114}, 1e-6, "grey");
    dnn_dataset *one = counting(DNN_U8, 1, 2, 2, 1);
    FAILS(try_view(one, dnn_channels(data_ctx, order, 4)), DNN_ERROR_SHAPE, "order[0] is 2, the image [2,2,1] has 1");
    FAILS(try_view(one, dnn_channels(data_ctx, negative, 1)), DNN_ERROR_ARGUMENT, "order[0] is -1");
    FAILS(try_view(one, dnn_channels(data_ctx, order, 0)), DNN_ERROR_ARGUMENT, "n is 0");
    FAILS(try_view(one, dnn_grayscale(data_ctx, 2)), DNN_ERROR_ARGUMENT, "channels is 2");
    FAILS(try_view(one, dnn_grayscale(data_ctx, 1)), DNN_ERROR_SHAPE, "it wants R, G, B");
    FAILS(try_view(one, dnn_color_jitter(data_ctx, DESC(dnn_color_jitter_desc, .hue = 0.1))), DNN_ERROR_SHAPE,
          "hue is not defined for the 1 channels of [2,2,1]");
    dnn_dataset_release(one);
}

/* ---- places ---- */

static void the_middle(void **state) {
    (void)state;
    expect_first(view(counting(DNN_F32, 1, 4, 4, 1), dnn_center_crop(data_ctx, 2, 2)), (const double[]){5, 6, 9, 10}, 0,
                 "even");
    expect_first(view(counting(DNN_F32, 1, 3, 4, 1), dnn_center_crop(data_ctx, 2, 1)), (const double[]){1, 5}, 0,
                 "odd");
}

static void flipped(void **state) {
    (void)state;
    dnn_random_flip_desc across = {DNN_SIZED(dnn_random_flip_desc), .horizontal = 1};
    dnn_random_flip_desc down = {DNN_SIZED(dnn_random_flip_desc), .horizontal = DNN_ZERO, .vertical = 1};
    for (int64_t c = 1; c <= 5; c++) { /* pixels of 1 to 20 bytes */
        for (int f = 0; f < 2; f++) {
            dnn_dtype dtype = f ? DNN_F32 : DNN_U8;
            double want[2][60];
            for (int64_t i = 0; i < 12 * c; i++) {
                int64_t y = i / (4 * c), x = i / c % 4;
                want[0][i] = (double)((y * 4 + 3 - x) * c + i % c);
                want[1][i] = (double)(((2 - y) * 4 + x) * c + i % c);
            }
            expect_first(view(counting(dtype, 1, 3, 4, c), dnn_random_flip(data_ctx, &across)), want[0], 0, "flip");
            expect_first(view(counting(dtype, 1, 3, 4, c), dnn_random_flip(data_ctx, &down)), want[1], 0, "down");
        }
    }
}

static void borders(void **state) {
    (void)state;
    const double fill[9] = {7, 7, 7, 7, 0, 7, 7, 7, 7};
    const double zeros[9] = {0};
    const double edge[16] = {0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3};
    expect_first(view(counting(DNN_U8, 1, 1, 1, 1), CROP(.out = {3}, .padding = 1, .fill = 7)), fill, 0, "fill");
    expect_first(view(counting(DNN_F32, 1, 2, 2, 1), CROP(.out = {4}, .padding = 1, .border = DNN_BORDER_EDGE)), edge,
                 0, "edge");
    expect_first(view(counting(DNN_U8, 1, 1, 1, 1), CROP(.out = {3}, .padding = 1, .border = DNN_BORDER_REFLECT)),
                 zeros, 0, "one pixel, mirrored");
}

static void areas_count_parts_of_pixels(void **state) {
    (void)state;
    dnn_resize_desc d = {DNN_SIZED(dnn_resize_desc), .out = {1, 2}, .filter = DNN_FILTER_AREA};
    expect_first(view(counting(DNN_F32, 1, 1, 3, 1), dnn_resize(data_ctx, &d)), (const double[]){1 / 3.0, 5 / 3.0},
                 1e-6, "one pixel and a half");
}

/* The figures that the header gives. */
static void the_set_has_its_strength(void **state) {
    (void)state;
    static const char *const parts[] = {
        "rotate -15 to 15, translate 0.1, 0.1, scale 0.8 to 1.25, shear 5, 5, reflect",
        "random_perspective 0.3, reflect",
        "brightness 0.4 contrast 0.4 saturation 0.4 hue 0.1",
        "random_blur 0 to 1.5",
        "random_noise 0 to 0.05",
        "random_apply 0.5",
        "random_erase, scale 0.02 to 0.1, ratio 0.3 to 3.3, noise"};
    char text[1024];
    dnn_transform *t = dnn_domain_randomization(data_ctx, DESC(dnn_domain_randomization_desc, .strength = 1));
    assert_true(dnn_transform_text(t, text, sizeof text) > 0);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i])) fail_msg("'%s' is not in %s", parts[i], text);
    dnn_transform_release(t);
}

static void what_does_not_fit(void **state) {
    (void)state;
    dnn_dataset *x = counting(DNN_U8, 1, 4, 4, 1), *flat = pairs(2), *wide = counting(DNN_I32, 1, 4, 4, 1);
    FAILS(try_view(x, CROP(.out = {5, 4})), DNN_ERROR_SHAPE,
          "random_crop: the window 5 x 4 is larger than the image [4,4,1]");
    FAILS(try_view(x, dnn_center_crop(data_ctx, 5, 4)), DNN_ERROR_SHAPE, "larger");
    FAILS(try_view(x, CROP(.padding = 1, .fill = 256)), DNN_ERROR_VALUE,
          "fill is 256, which is no value of a uint8 image");
    FAILS(try_view(flat, CROP(.padding = 1)), DNN_ERROR_SHAPE, "an image is wanted: (height, width, channels)");
    FAILS(try_view(wide, CROP(.padding = 1)), DNN_ERROR_DTYPE, "an image is uint8 or float32");
    FAILS(try_view(wide, dnn_random_noise(data_ctx, 0, 1)), DNN_ERROR_DTYPE, "noise is added to uint8 or float32");
    FAILS(try_view(x, CROP(.padding = -1)), DNN_ERROR_ARGUMENT, "padding is -1");
    FAILS(try_view(x, CROP(.out = {-1})), DNN_ERROR_ARGUMENT, "-1 x -1");
    FAILS(try_view(x, CROP(.border = (dnn_border)3)), DNN_ERROR_ARGUMENT, "border is 3");
    FAILS(try_view(x, dnn_random_flip(data_ctx, DESC(dnn_random_flip_desc, .vertical = 2))), DNN_ERROR_ARGUMENT,
          "vertical is 2");
    FAILS(try_view(x, dnn_resize(data_ctx, DESC(dnn_resize_desc, .shorter = 0))), DNN_ERROR_ARGUMENT, "either out or");
    FAILS(try_view(x, dnn_resize(data_ctx, DESC(dnn_resize_desc, .shorter = INT64_C(1) << 30))), DNN_ERROR_SHAPE, "");
    FAILS(try_view(x, dnn_random_affine(data_ctx, DESC(dnn_random_affine_desc, .shear = {90}))), DNN_ERROR_ARGUMENT,
          "shear[0] is 90");
    FAILS(try_view(x, dnn_random_affine(data_ctx, DESC(dnn_random_affine_desc, .filter = DNN_FILTER_AREA))),
          DNN_ERROR_ARGUMENT, "none for this");
    FAILS(try_view(x, dnn_random_perspective(data_ctx, DESC(dnn_random_perspective_desc, .distortion = 0.7))),
          DNN_ERROR_ARGUMENT, "distortion is 0.7");
    FAILS(try_view(x, dnn_random_blur(data_ctx, 2, 1)), DNN_ERROR_ARGUMENT, "low … high is 2 … 1");
    FAILS(try_view(x, dnn_random_erase(data_ctx, DESC(dnn_random_erase_desc, .scale = {0.5, 2}))), DNN_ERROR_ARGUMENT,
          "desc.scale is 0.5 … 2");
    FAILS(try_view(x, dnn_domain_randomization(data_ctx, DESC(dnn_domain_randomization_desc, .strength = 2))),
          DNN_ERROR_ARGUMENT, "strength is 2");
    dnn_dataset_release(wide);
    dnn_dataset_release(flat);
    dnn_dataset_release(x);
}

/* ---- chance ---- */

static dnn_transform *flips(double across, double down) {
    return dnn_random_flip(data_ctx, DESC(dnn_random_flip_desc, .horizontal = across, .vertical = down));
}

enum { DRAWS = 4000 };

/* How often each number comes first in DRAWS samples. */
static void count_first(dnn_transform *transform, int64_t h, int64_t w, int64_t *counts) {
    dnn_dataset *x = view(counting(DNN_U8, DRAWS, h, w, 1), transform);
    dnn_tensor *all;
    OK(dnn_dataset_get_range(&all, NULL, x, 0, DRAWS));
    int64_t each = dnn_tensor_count(all) / DRAWS;
    for (int64_t i = 0; i < DRAWS; i++) counts[(int64_t)tensor_at(all, i * each)]++;
    dnn_tensor_release(all);
    dnn_dataset_release(x);
}

/* Within five standard deviations of a binomial count. */
static void expect_share(int64_t count, double p, const char *what) {
    double mean = DRAWS * p, deviation = sqrt(DRAWS * p * (1 - p));
    if (fabs((double)count - mean) > 5 * deviation) fail_msg("%s: %d of %d", what, (int)count, DRAWS);
}

static void every_window_is_equally_likely(void **state) {
    (void)state;
    int64_t counts[30] = {0};
    count_first(CROP(.out = {3, 2}), 5, 6, counts);
    for (int64_t y = 0; y < 5; y++)
        for (int64_t x = 0; x < 6; x++) expect_share(counts[6 * y + x], y < 3 && x < 5 ? 1.0 / 15 : 0, "a window");
}

static void probabilities(void **state) {
    (void)state;
    int64_t counts[4] = {0};
    count_first(flips(0.2, 0.7), 2, 2, counts);
    expect_share(counts[0], 0.8 * 0.3, "as it is");
    expect_share(counts[1], 0.2 * 0.3, "flipped");
    expect_share(counts[2], 0.8 * 0.7, "upside down");
    expect_share(counts[3], 0.2 * 0.7, "both");
}

static void two_of_a_kind_draw_apart(void **state) {
    (void)state;
    int64_t counts[4] = {0};
    dnn_transform *chain;
    OK(dnn_transform_chain(&chain, data_ctx));
    OK(dnn_transform_add(chain, flips(0.5, 0)));
    OK(dnn_transform_add(chain, flips(0.5, 0)));
    count_first(chain, 2, 2, counts);
    expect_share(counts[0], 0.5, "twice or never");
    expect_share(counts[1], 0.5, "once");
}

static void noise_has_its_deviation(void **state) {
    (void)state;
    for (int f = 0; f < 2; f++) { /* of uint8, whose range is 255; of floats of unknown range */
        double unit = f ? 1 : 255, sum = 0, squares = 0;
        dnn_tensor *x = tensor_of(data_ctx, f ? DNN_F32 : DNN_U8, DIMS(1, 100, 100, 1), NULL);
        dnn_dataset *grey;
        for (int64_t i = 0; i < 10000; i++) tensor_put(x, i, 128);
        OK(dnn_dataset_from_tensors(&grey, x, NULL));
        dnn_tensor_release(x);
        grey = view(grey, dnn_random_noise(data_ctx, 0.1, 0.1));
        x = first_of(grey);
        for (int64_t i = 0; i < 10000; i++) sum += tensor_at(x, i) - 128;
        for (int64_t i = 0; i < 10000; i++) squares += pow(tensor_at(x, i) - 128 - sum / 10000, 2);
        assert_true(fabs(sum / 10000) < 0.005 * unit); /* five standard errors */
        assert_true(fabs(sqrt(squares / 10000) / unit - 0.1) < 0.004);
        dnn_tensor_release(x);
        dnn_dataset_release(grey);
    }
}

static void holes_are_where_they_are_said(void **state) {
    (void)state;
    dnn_random_erase_desc d = {DNN_SIZED(dnn_random_erase_desc), .fill = 255};
    dnn_dataset *source = counting(DNN_U8, 1, 9, 8, 3), *x = view(source, dnn_random_erase(data_ctx, &d));
    dnn_tensor *got = first_of(x);
    char text[64];
    int top, left, height, width;
    dnn_dataset_draws(x, 0, 0, text, sizeof text);
    assert_int_equal(sscanf(text, "erase %d,%d %d x %d", &top, &left, &height, &width), 4);
    for (int64_t i = 0; i < 9 * 8 * 3; i++) {
        int64_t row = i / 24, col = i / 3 % 8;
        bool inside = row >= top && row < top + height && col >= left && col < left + width;
        assert_true(tensor_at(got, i) == (inside ? 255 : (double)i));
    }
    dnn_tensor_release(got);
    dnn_dataset_release(x);
}

static void choices(void **state) {
    (void)state;
    int64_t counts[4] = {0}, applied[4] = {0};
    dnn_transform *choice;
    OK(dnn_transform_one_of(&choice, data_ctx));
    OK(dnn_transform_add(choice, flips(1, 0)));
    OK(dnn_transform_add(choice, flips(DNN_ZERO, 1)));
    OK(dnn_transform_add(choice, flips(1, 1)));
    count_first(choice, 2, 2, counts);
    for (int i = 0; i < 4; i++) expect_share(counts[i], i ? 1.0 / 3 : 0, "a choice");
    count_first(dnn_random_apply(data_ctx, 0.3, flips(1, 1)), 2, 2, applied);
    expect_share(applied[0], 0.7, "left alone");
    expect_share(applied[3], 0.3, "applied");
}

static void shapes_do_not_depend_on_chance(void **state) {
    (void)state;
    dnn_dataset *x = counting(DNN_U8, 1, 4, 4, 1);
    dnn_transform *choice;
    OK(dnn_transform_one_of(&choice, data_ctx));
    FAILS(try_view(x, choice), DNN_ERROR_ARGUMENT, "nothing to choose from");
    OK(dnn_transform_one_of(&choice, data_ctx));
    OK(dnn_transform_add(choice, CROP(.out = {3})));
    OK(dnn_transform_add(choice, CROP(.out = {2})));
    FAILS(try_view(x, choice), DNN_ERROR_SHAPE, "what a one_of gives would depend on chance: uint8 [3,3,1]");
    FAILS(try_view(x, dnn_random_apply(data_ctx, 0.5, CROP(.out = {3}))), DNN_ERROR_SHAPE, "what a random_apply gives");
    FAILS(try_view(x, dnn_random_apply(data_ctx, 0.5, dnn_to_float(data_ctx, NULL))), DNN_ERROR_SHAPE,
          "uint8 [4,4,1] in [0, 255], or float32 [4,4,1] in [0, 1]");
    FAILS(try_view(x, dnn_random_apply(data_ctx, 1.5, flips(1, 1))), DNN_ERROR_ARGUMENT, "p is 1.5");
    dnn_dataset_release(x);
}

static void draws_in_words(void **state) {
    (void)state;
    dnn_dataset *x = counting(DNN_U8, 2, 4, 4, 1), *plain = pairs(2), *seeded;
    dnn_transform *chain;
    char text[128], other[128];
    OK(dnn_transform_chain(&chain, data_ctx));
    OK(dnn_transform_add(chain, CROP(.out = {1})));
    OK(dnn_transform_add(chain, flips(1, 0)));
    OK(dnn_transform_add(chain, dnn_random_apply(data_ctx, 0, flips(1, 1))));
    OK(dnn_transform_add(chain, dnn_random_noise(data_ctx, 0.25, 0.25)));
    assert_true(dnn_transform_text(chain, text, sizeof text) > 0);
    assert_string_equal(text, "chain\n  random_crop 1 x 1\n  random_flip 1, 0\n  random_apply 0\n    random_flip 1, 1\n"
                              "  random_noise 0.25 to 0.25\n");
    OK(dnn_dataset_transform(&seeded, x, chain, DESC(dnn_transform_desc, .seed = 9)));
    x = view(x, chain);
    assert_true(dnn_dataset_draws(x, 1, 3, text, sizeof text) > 0);
    assert_non_null(strstr(text, ", flip, noise 0.25"));
    assert_int_equal(strncmp(text, "crop ", 5), 0);
    bool differ = false;
    for (int64_t epoch = 0; epoch < 8; epoch++) {
        dnn_dataset_draws(x, 1, epoch, text, sizeof text);
        dnn_dataset_draws(seeded, 1, epoch, other, sizeof other);
        differ = differ || strcmp(text, other) != 0;
    }
    assert_true(differ);
    FAILS(dnn_dataset_draws(plain, 0, 0, text, sizeof text) == -1 ? dnn_last_status() : DNN_OK, DNN_ERROR_NOT_FOUND,
          "no view by a transform");
    FAILS(dnn_dataset_draws(x, 2, 0, text, 9) == -1 ? dnn_last_status() : DNN_OK, DNN_ERROR_NOT_FOUND, "2");
    FAILS(dnn_dataset_draws(x, 0, -1, text, 9) == -1 ? dnn_last_status() : DNN_OK, DNN_ERROR_ARGUMENT, "epoch is -1");
    FAILS(dnn_dataset_draws(x, 0, 0, NULL, 9) == -1 ? dnn_last_status() : DNN_OK, DNN_ERROR_ARGUMENT, "text is NULL");
    dnn_dataset_release(plain);
    dnn_dataset_release(seeded);
    dnn_dataset_release(x);
}

/* ---- owners ---- */

static void errors_are_kept(void **state) {
    (void)state;
    dnn_dataset *x = counting(DNN_U8, 1, 4, 4, 1);
    dnn_transform *inner, *outer;
    OK(dnn_transform_chain(&inner, data_ctx));
    FAILS(dnn_transform_add(inner, CROP(.padding = -1)), DNN_ERROR_ARGUMENT, "padding is -1");
    FAILS(dnn_transform_add(inner, dnn_random_blur(data_ctx, -1, 1)), DNN_ERROR_ARGUMENT, "low … high");
    OK(dnn_transform_chain(&outer, data_ctx));
    OK(dnn_transform_add(outer, inner));
    FAILS(dnn_transform_error(outer), DNN_ERROR_ARGUMENT, "padding is -1");
    FAILS(try_view(x, outer), DNN_ERROR_ARGUMENT, "padding is -1");
    assert_null(dnn_random_apply(data_ctx, 0.5, CROP(.padding = -2)));
    FAILS(dnn_last_status(), DNN_ERROR_ARGUMENT, "padding is -2");
    dnn_dataset_release(x);
}

static void what_was_handed_over(void **state) {
    (void)state;
    dnn_transform *outer, *inner, *flip = flips(1, 0);
    OK(dnn_transform_chain(&outer, data_ctx));
    OK(dnn_transform_chain(&inner, data_ctx));
    OK(dnn_transform_add(outer, inner));
    FAILS(dnn_transform_release(inner), DNN_ERROR_HANDLE, "the chain was handed over");
    FAILS(dnn_transform_add(inner, flips(1, 0)), DNN_ERROR_STATE, "it takes no more children");
    FAILS(dnn_transform_add(outer, outer), DNN_ERROR_ARGUMENT, "its own child");
    FAILS(dnn_transform_add(flip, flips(1, 0)), DNN_ERROR_ARGUMENT, "a random_flip takes no children");
    OK(dnn_transform_retain(flip));
    dnn_transform *second;
    OK(dnn_transform_chain(&second, data_ctx));
    OK(dnn_transform_add(second, flip));
    OK(dnn_transform_add(second, flip)); /* twice in one chain, held twice */
    OK(dnn_transform_release(second));
    OK(dnn_transform_release(outer));
    for (int i = 0; i < 20; i++) {
        OK(dnn_transform_chain(&outer, data_ctx));
        if (i == 0) second = outer;
        else if (i <= 16) OK(dnn_transform_add(outer, second));
        else FAILS(dnn_transform_add(outer, second), DNN_ERROR_ARGUMENT, "up to 16 deep");
        if (i > 16) {
            dnn_transform_release(outer);
            break;
        }
        second = outer;
    }
}

static void a_view_stays_as_it_was_made(void **state) {
    (void)state;
    dnn_transform *choice;
    dnn_dataset *source = counting(DNN_U8, 50, 2, 2, 1), *before;
    dnn_tensor *x;
    OK(dnn_transform_one_of(&choice, data_ctx));
    OK(dnn_transform_add(choice, flips(1, 0)));
    OK(dnn_dataset_transform(&before, source, choice, NULL));
    OK(dnn_transform_add(choice, flips(1, 1)));
    OK(dnn_dataset_get_range(&x, NULL, before, 0, 50));
    for (int64_t i = 0; i < 50; i++) assert_true(tensor_at(x, 4 * i) == 1);
    dnn_tensor_release(x);
    dnn_dataset_release(before);
    dnn_dataset_release(source);
    dnn_transform_release(choice);
}

/* A view of a view reads with memory of its own. */
static void views_of_views(void **state) {
    (void)state;
    dnn_dataset *inner = view(counting(DNN_U8, 1, 4, 4, 1), dnn_center_crop(data_ctx, 2, 4));
    dnn_dataset *outer = view(inner, flips(1, 0));
    expect_first(view(outer, dnn_center_crop(data_ctx, 1, 3)), (const double[]){7, 6, 5}, 0, "three deep");
}

static void a_view_knows_what_its_source_knows(void **state) {
    (void)state;
    dnn_dataset *digits;
    OK(dnn_digits(&digits, data_ctx, DESC(dnn_digits_desc, .count = 20)));
    dnn_dataset *x = view(digits, FLOAT(.low = -1, .high = 1));
    char name[32];
    assert_int_equal(dnn_dataset_classes(x), 10);
    assert_string_equal(dnn_dataset_class_name(x, 3), "3");
    OK(dnn_dataset_sample_name(x, 7, name, sizeof name));
    assert_string_equal(name, "sample 7");
    assert_int_equal(dnn_dataset_source_index(x, 7), 7);
    expect_range(x, -1, 1);
    dnn_dataset_release(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_of_a_declared_range),
        cmocka_unit_test(scaled_twice),
        cmocka_unit_test(standardised_numbers),
        cmocka_unit_test(fitted_statistics),
        cmocka_unit_test(presets),
        cmocka_unit_test(channels_and_grey),
        cmocka_unit_test(the_middle),
        cmocka_unit_test(flipped),
        cmocka_unit_test(borders),
        cmocka_unit_test(areas_count_parts_of_pixels),
        cmocka_unit_test(the_set_has_its_strength),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(every_window_is_equally_likely),
        cmocka_unit_test(probabilities),
        cmocka_unit_test(two_of_a_kind_draw_apart),
        cmocka_unit_test(noise_has_its_deviation),
        cmocka_unit_test(holes_are_where_they_are_said),
        cmocka_unit_test(choices),
        cmocka_unit_test(shapes_do_not_depend_on_chance),
        cmocka_unit_test(draws_in_words),
        cmocka_unit_test(errors_are_kept),
        cmocka_unit_test(what_was_handed_over),
        cmocka_unit_test(a_view_stays_as_it_was_made),
        cmocka_unit_test(views_of_views),
        cmocka_unit_test(a_view_knows_what_its_source_knows),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
