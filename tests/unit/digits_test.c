/* The embedded digits: reproducible, balanced, framed as MNIST's, and a class can be told from a picture. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/data.h>

#include "data/digit_ink.h"
#include "support/running.h"

static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    return dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = 1}) == DNN_OK ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK ? 0 : 1;
}

#define OK(call) expect_ok(call, #call)
static void expect_ok(dnn_status status, const char *call) {
    if (status != DNN_OK) fail_msg("%s: %s", call, dnn_last_error());
}

#define DESC(...)                                                                                                      \
    &(dnn_digits_desc) { DNN_SIZED(dnn_digits_desc), __VA_ARGS__ }

/* The digits of a description: images and labels. */
static void draw(const dnn_digits_desc *desc, dnn_tensor **x, dnn_tensor **labels) {
    dnn_dataset *digits;
    OK(dnn_digits(&digits, ctx, desc));
    OK(dnn_dataset_get_range(x, labels, digits, 0, dnn_dataset_count(digits)));
    dnn_dataset_release(digits);
}

static void release(dnn_tensor *x, dnn_tensor *labels) {
    dnn_tensor_release(x);
    dnn_tensor_release(labels);
}

static void defaults(void **state) {
    (void)state;
    dnn_dataset *digits;
    dnn_item_info info = {DNN_SIZED(dnn_item_info)};
    OK(dnn_digits(&digits, ctx, NULL));
    assert_int_equal(dnn_dataset_count(digits), 10000);
    OK(dnn_dataset_item(digits, &info));
    assert_int_equal(info.input.dtype, DNN_F32);
    assert_int_equal(info.input.rank, 3);
    assert_true(info.input.dims[0] == 28 && info.input.dims[1] == 28 && info.input.dims[2] == 1);
    assert_int_equal(info.target.dtype, DNN_I64);
    assert_int_equal(info.target.rank, 0);
    dnn_dataset_release(digits);
}

static void a_digit_is_a_function_of_seed_and_number(void **state) {
    (void)state;
    dnn_tensor *all, *labels, *some, *some_labels, *again, *again_labels, *other, *other_labels;
    draw(DESC(.count = 30, .seed = 7), &all, &labels);
    draw(DESC(.count = 30, .seed = 7), &again, &again_labels);
    draw(DESC(.first = 20, .count = 10, .seed = 7), &some, &some_labels);
    draw(DESC(.count = 30, .seed = 8), &other, &other_labels);
    expect_same_bits(all, again, "digits drawn twice");
    expect_same_bits(labels, again_labels, "labels drawn twice");
    const float *a = dnn_tensor_const_data(all);
    assert_memory_equal(a + 20 * 784, dnn_tensor_const_data(some), 10 * 784 * sizeof(float));
    assert_memory_equal((const int64_t *)dnn_tensor_const_data(labels) + 20, dnn_tensor_const_data(some_labels), 80);
    assert_memory_not_equal(a, dnn_tensor_const_data(other), 784 * sizeof(float));
    release(all, labels);
    release(again, again_labels);
    release(some, some_labels);
    release(other, other_labels);
}

/* FNV-1a over the bits, element by element. */
static uint32_t hash(const dnn_tensor *x) {
    const uint32_t *bits = dnn_tensor_const_data(x);
    uint32_t h = 2166136261u;
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) h = (h ^ bits[i]) * 16777619u;
    return h;
}

/* The number was written down once: other compilers and machines must find it too. */
static void digits_are_the_same_everywhere(void **state) {
    (void)state;
    dnn_tensor *x, *labels;
    draw(DESC(.count = 200), &x, &labels);
    assert_int_equal(hash(x), 0x9cd989b1);
    release(x, labels);
}

static void every_ten_digits_are_one_of_each(void **state) {
    (void)state;
    enum { N = 2000 };
    dnn_tensor *x, *labels;
    draw(DESC(.count = N, .image_size = 8), &x, &labels);
    const int64_t *label = dnn_tensor_const_data(labels);
    int at_place[10][10] = {{0}};
    for (int64_t block = 0; block < N; block += 10) {
        int seen = 0;
        for (int i = 0; i < 10; i++) {
            assert_in_range(label[block + i], 0, 9);
            seen |= 1 << label[block + i];
            at_place[i][label[block + i]]++;
        }
        assert_int_equal(seen, 1023);
    }
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < 10; k++) assert_in_range(at_place[i][k], 5, 40); /* 20 are to be expected */
    release(x, labels);
}

/* Ink is 0 to 1, lies within the frame, has its centre of mass in the middle (MNIST's: pixel 14 of 28), and covers
 * about as much as a digit of MNIST does (0.13 of the image on average). */
static void framed_as_mnist(void **state) {
    (void)state;
    enum { N = 1000 };
    dnn_tensor *x, *labels;
    draw(DESC(.count = N), &x, &labels);
    double total = 0, full = 0;
    for (int64_t k = 0; k < N; k++) {
        const float *image = (const float *)dnn_tensor_const_data(x) + k * 784;
        double mass = 0, row = 0, column = 0, most = 0;
        for (int i = 0; i < 784; i++) {
            double v = (double)image[i];
            assert_true(v >= 0 && v <= 1);
            if (v < 0.2) v = 0; /* noise */
            mass += v, row += v * (i / 28), column += v * (i % 28);
            most = fmax(most, v);
        }
        assert_true(mass > 20 && mass < 350 && most > 0.5);
        assert_true(fabs(row / mass - 14) < 2.5 && fabs(column / mass - 14) < 2.5);
        total += mass / 784;
        full += most > 0.9;
    }
    assert_true(total / N > 0.11 && total / N < 0.16 && full / N > 0.8);
    release(x, labels);
}

/* Nearest class mean: a poor classifier, and still far above one in ten if pictures and labels belong together. */
static void pictures_and_labels_belong_together(void **state) {
    (void)state;
    enum { N = 4000, TRAIN = 3000 };
    dnn_tensor *x, *labels;
    draw(DESC(.count = N), &x, &labels);
    const float *image = dnn_tensor_const_data(x);
    const int64_t *label = dnn_tensor_const_data(labels);
    static double mean[10][784];
    memset(mean, 0, sizeof mean);
    for (int k = 0; k < TRAIN; k++)
        for (int i = 0; i < 784; i++) mean[label[k]][i] += (double)image[k * 784 + i] / (TRAIN / 10);
    int right = 0;
    for (int k = TRAIN; k < N; k++) {
        double least = INFINITY;
        int64_t guess = -1;
        for (int c = 0; c < 10; c++) {
            double distance = 0;
            for (int i = 0; i < 784; i++) distance += pow((double)image[k * 784 + i] - mean[c][i], 2);
            if (distance < least) least = distance, guess = c;
        }
        right += guess == label[k];
    }
    assert_true(right > 600 && right < 950);
    release(x, labels);
}

static void other_sizes(void **state) {
    (void)state;
    static const int64_t sizes[] = {8, 9, 27, 32, 65, 512};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        dnn_tensor *x, *labels;
        draw(DESC(.count = 10, .image_size = sizes[s]), &x, &labels);
        expect_shape(x, DIMS(10, sizes[s], sizes[s], 1));
        double mass = 0;
        for (int64_t i = 0; i < dnn_tensor_count(x); i++) mass += tensor_at(x, i) / (double)dnn_tensor_count(x);
        assert_true(mass > 0.07 && mass < 0.25);
        release(x, labels);
    }
}

/* Every stroke has two points at least, every number is that of a point, digits come in order, and each has a style. */
static void skeletons_are_well_formed(void **state) {
    (void)state;
    int digit = -1;
    for (int g = 0; g < dnni_glyph_count; g++) {
        const dnni_glyph *glyph = &dnni_glyphs[g];
        assert_true(glyph->digit == digit || glyph->digit == digit + 1);
        assert_true(glyph->weight > 0);
        digit = glyph->digit;
        int step = 0, points = 0;
        for (; glyph->path[step] != DNNI_DONE; step++) {
            assert_true(step + 1 < DNNI_GLYPH_STEPS);
            points = glyph->path[step] == DNNI_LIFT ? 0 : points + 1;
            if (glyph->path[step] != DNNI_LIFT) assert_in_range(glyph->path[step], 0, DNNI_GLYPH_POINTS - 1);
            if (points == 0) assert_true(step >= 2 && glyph->path[step - 2] != DNNI_LIFT);
        }
        assert_true(points >= 2);
    }
    assert_int_equal(digit, 9);
}

static void arguments_are_checked(void **state) {
    (void)state;
    dnn_dataset *digits = (dnn_dataset *)ctx;
    assert_int_equal(dnn_digits(NULL, ctx, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_null(digits);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.count = -1)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.first = -1)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.first = INT64_MAX)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.count = INT64_MAX)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.image_size = 7)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, DESC(.image_size = 513)), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_digits(&digits, ctx, &(dnn_digits_desc){.count = 3}), DNN_ERROR_ARGUMENT);
    assert_null(digits);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(a_digit_is_a_function_of_seed_and_number),
        cmocka_unit_test(digits_are_the_same_everywhere),
        cmocka_unit_test(every_ten_digits_are_one_of_each),
        cmocka_unit_test(framed_as_mnist),
        cmocka_unit_test(pictures_and_labels_belong_together),
        cmocka_unit_test(other_sizes),
        cmocka_unit_test(skeletons_are_well_formed),
        cmocka_unit_test(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
