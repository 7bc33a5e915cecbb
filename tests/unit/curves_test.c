/* Curves in a terminal, smoothed and logarithmic ones, maps of colours, filters that look alike. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "support/datasets.h"

static const double falling[] = {8, 4, 2, 1};

static uint32_t pixel(const dnn_tensor *picture, int64_t x, int64_t y) {
    const unsigned char *p = dnn_tensor_const_data(picture);
    p += 3 * (y * dnn_tensor_dim(picture, 1) + x);
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static int64_t count_colour(const dnn_tensor *picture, uint32_t colour) {
    int64_t n = 0;
    for (int64_t i = 0; i < dnn_tensor_dim(picture, 0) * dnn_tensor_dim(picture, 1); i++)
        n += pixel(picture, i % dnn_tensor_dim(picture, 1), i / dnn_tensor_dim(picture, 1)) == colour;
    return n;
}

/* ---- text ---- */

static void ascii_word_for_word(void **state) {
    (void)state;
    static const char want[] = "   loss\n"
                               "  |*****************\n"
                               "5 +                 *******\n"
                               "  |                        ****\n"
                               "  |                            *** * train\n"
                               "  ++---------+---------+---------+\n"
                               "   0         1         2         3\n";
    char text[1000];
    const double y[] = {8, 8, 6.5, 2};
    dnn_series s = {NULL, y, 4, "train", 0};
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .width = 42, .height = 4, .title = "loss", .ascii = 1, .y_low = 2,
                       .y_high = 8};
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, &d, text, sizeof text), strlen(want));
    assert_string_equal(text, want);
}

static void lines_are_as_long_as_asked_for(void **state) {
    (void)state;
    char text[8000];
    dnn_series s[] = {{NULL, falling, 4, "train", 0}, {NULL, falling, 4, "validation with a long name", 0}};
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .width = 60, .height = 10};
    for (int ascii = 0; ascii < 2; ascii++) {
        int lines = 0;
        d.ascii = ascii;
        assert_true(dnn_plot_text(data_ctx, s, 2, &d, text, sizeof text) > 0);
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
            int characters = 0;
            for (const char *c = line; *c; c++) characters += (*c & 0xc0) != 0x80;
            assert_true(characters <= 60);
        }
        assert_int_equal(lines, 10 + 2);
    }
}

/* Two labels that end at one place stand below each other. */
static void every_label_is_there(void **state) {
    (void)state;
    char text[8000];
    dnn_series s[] = {{NULL, falling, 4, "one", 0}, {NULL, falling, 4, "two", 0}, {NULL, falling, 4, "three", 0}};
    assert_true(dnn_plot_text(data_ctx, s, 3, NULL, text, sizeof text) > 0);
    assert_non_null(strstr(text, "one\n"));
    assert_non_null(strstr(text, "two\n"));
    assert_non_null(strstr(text, "three\n"));
}

static void text_is_cut_and_its_length_told(void **state) {
    (void)state;
    char whole[8000], part[100];
    dnn_series s = {NULL, falling, 4, "train", 0};
    int64_t n = dnn_plot_text(data_ctx, &s, 1, NULL, NULL, 0);
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, NULL, whole, sizeof whole), n);
    assert_int_equal(strlen(whole), n);
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, NULL, part, sizeof part), n);
    assert_int_equal(strlen(part), sizeof part - 1);
    assert_memory_equal(part, whole, sizeof part - 1);
}

/* What no plot can show: gaps, infinities, nothing at all, far outside. Labels from anywhere do the terminal no harm. */
static void odd_values(void **state) {
    (void)state;
    char text[8000];
    const double y[] = {NAN, 1, INFINITY, -1, NAN, 1e308, -1e308, 0};
    dnn_series s[] = {{NULL, y, 8, "\x1b[2J", 0}, {NULL, NULL, 0, NULL, 0}};
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .x_log = 1, .y_log = 1, .smoothing = 0.9};
    for (int log = 0; log < 2; log++) {
        assert_true(dnn_plot_text(data_ctx, s, 2, log ? &d : NULL, text, sizeof text) > 0);
        assert_null(strchr(text, 0x1b));
    }
    assert_true(dnn_plot_text(data_ctx, NULL, 0, NULL, text, sizeof text) > 0);
    d = (dnn_plot_desc){DNN_SIZED(dnn_plot_desc), .y_low = 1e-3, .y_high = 2e-3};
    assert_true(dnn_plot_text(data_ctx, s, 1, &d, text, sizeof text) > 0);
}

static void text_called_wrongly(void **state) {
    (void)state;
    char text[10];
    dnn_series s = {NULL, falling, 4, NULL, 0};
    dnn_plot_desc small = {DNN_SIZED(dnn_plot_desc), .width = 8}, rough = {DNN_SIZED(dnn_plot_desc), .smoothing = 1},
                  log = {DNN_SIZED(dnn_plot_desc), .x_log = 1, .x_low = -1, .x_high = 1};
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, &small, text, sizeof text), -1);
    assert_non_null(strstr(dnn_last_error(), "32"));
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, &rough, text, sizeof text), -1);
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, &log, text, sizeof text), -1);
    assert_int_equal(dnn_plot_text(data_ctx, &s, 1, NULL, NULL, 5), -1);
    assert_int_equal(dnn_plot_text(data_ctx, NULL, 1, NULL, text, sizeof text), -1);
}

/* ---- pictures ---- */

/* A constant stays what it is; the average of 0, 1 with weights ½ is (½·½·0 + ½·1) / ¾ = ⅔. */
static void smoothing_is_a_mean(void **state) {
    (void)state;
    dnn_tensor *rough, *smooth;
    const double constant[] = {3, 3, 3, 3}, step[] = {0, 1}, mean[] = {0, 2.0 / 3};
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .y_low = -1, .y_high = 4};
    dnn_series blue = {NULL, constant, 4, NULL, 0x2f6fbf};
    OK(dnn_plot_lines(&rough, data_ctx, &blue, 1, &d));
    d.smoothing = 0.9;
    OK(dnn_plot_lines(&smooth, data_ctx, &blue, 1, &d));
    assert_true(count_colour(rough, 0x2f6fbf) > 300);
    assert_int_equal(count_colour(smooth, 0x2f6fbf), count_colour(rough, 0x2f6fbf));
    dnn_tensor_release(rough);
    dnn_tensor_release(smooth);
    char text[2][8000];
    dnn_plot_desc t = {DNN_SIZED(dnn_plot_desc), .y_low = 0, .y_high = 1, .smoothing = 0.5};
    dnn_plot_text(data_ctx, &(dnn_series){NULL, step, 2, NULL, 0}, 1, &t, text[0], sizeof text[0]);
    t.smoothing = 0;
    dnn_plot_text(data_ctx, &(dnn_series){NULL, mean, 2, NULL, 0}, 1, &t, text[1], sizeof text[1]);
    assert_string_equal(text[0], text[1]);
}

/* y = 1/x is a straight line on two logarithmic axes. */
static void power_laws_are_straight(void **state) {
    (void)state;
    char text[2][8000];
    double x[100], y[100];
    for (int i = 0; i < 100; i++) {
        x[i] = pow(10, i / 33.0);
        y[i] = 1 / x[i];
    }
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .x_log = 1, .y_log = 1};
    dnn_plot_text(data_ctx, &(dnn_series){x, y, 100, NULL, 0}, 1, &d, text[0], sizeof text[0]);
    x[1] = x[99];
    y[1] = y[99];
    dnn_plot_text(data_ctx, &(dnn_series){x, y, 2, NULL, 0}, 1, &d, text[1], sizeof text[1]);
    int same = 0, all = (int)strlen(text[0]);
    for (int i = 0; i < all; i++) same += text[0][i] == text[1][i];
    assert_true(same > all * 95 / 100);
}

static void heat_has_its_colours(void **state) {
    (void)state;
    dnn_tensor *m = tensor_of(data_ctx, DNN_F32, DIMS(2, 2), (double[]){-2, 0, 1, NAN}), *picture;
    OK(dnn_plot_heat(&picture, data_ctx, m, NULL));
    int64_t quarter = count_colour(picture, 0x2450a4); /* the least value */
    assert_true(quarter > 40000);
    assert_true(llabs(count_colour(picture, 0xff00ff) - quarter) < quarter / 50);
    assert_int_equal(count_colour(picture, 0xb3261e), 0); /* 1 is half of 2 only */
    assert_int_equal(pixel(picture, 150, 150), 0x2450a4); /* row 0 is on top */
    dnn_tensor_release(picture);
    tensor_put(m, 0, 2);
    OK(dnn_plot_heat(&picture, data_ctx, m, NULL));
    assert_int_equal(pixel(picture, 150, 150), 0xfcffa4);
    assert_int_equal(pixel(picture, 600, 150), 0x000004);
    dnn_tensor_release(picture);
    dnn_tensor_release(m);
}

static void heat_of_many_cells_and_wrong_ones(void **state) {
    (void)state;
    dnn_tensor *large = tensor_normal(data_ctx, DNN_F32, DIMS(900, 1500), 1);
    dnn_tensor *none = tensor_of(data_ctx, DNN_F32, DIMS(0, 3), NULL);
    dnn_tensor *cube = tensor_normal(data_ctx, DNN_F32, DIMS(2, 2, 2), 1), *picture;
    OK(dnn_plot_heat(&picture, data_ctx, large, NULL));
    dnn_tensor_release(picture);
    FAILS(dnn_plot_heat(&picture, data_ctx, none, NULL), DNN_ERROR_SHAPE, "[0,3]");
    FAILS(dnn_plot_heat(&picture, data_ctx, cube, NULL), DNN_ERROR_SHAPE, "[2,2,2]");
    assert_null(picture);
    dnn_tensor_release(large);
    dnn_tensor_release(none);
    dnn_tensor_release(cube);
}

/* One by one, each filter has a dark red; alike, only the strong one. */
static void filters_alike(void **state) {
    (void)state;
    dnn_tensor *w = tensor_of(data_ctx, DNN_F32, DIMS(2, 1, 2, 1), (double[]){1, 0, 0.25, 0}), *sheet;
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .zoom = 10};
    OK(dnn_sheet_filters(&sheet, data_ctx, w, &d));
    assert_int_equal(count_colour(sheet, 0xb3261e), 200);
    dnn_tensor_release(sheet);
    d.alike = 1;
    OK(dnn_sheet_filters(&sheet, data_ctx, w, &d));
    assert_int_equal(count_colour(sheet, 0xb3261e), 100);
    dnn_tensor_release(sheet);
    dnn_tensor_release(w);
}

/* 64 filters of 512 channels each would be a picture of 14,000 pixels at the size of smaller ones. */
static void filters_of_many_channels(void **state) {
    (void)state;
    dnn_tensor *w = tensor_of(data_ctx, DNN_F32, DIMS(64, 3, 3, 512), NULL), *sheet;
    OK(dnn_sheet_filters(&sheet, data_ctx, w, NULL));
    assert_true(dnn_tensor_dim(sheet, 0) <= 4200 && dnn_tensor_dim(sheet, 1) <= 4200);
    assert_true(dnn_tensor_dim(sheet, 1) > 2000);
    dnn_tensor_release(sheet);
    dnn_tensor_release(w);
}

/* Two channels side by side: two columns of ink between them, as high as the tile. */
static void channels_of_a_filter_stand_apart(void **state) {
    (void)state;
    dnn_tensor *w = tensor_of(data_ctx, DNN_F32, DIMS(1, 2, 1, 2), NULL), *sheet;
    const char *const captions[] = {NULL};
    dnn_sheet_desc d = {DNN_SIZED(dnn_sheet_desc), .zoom = 5, .captions = captions};
    OK(dnn_sheet_filters(&sheet, data_ctx, w, &d));
    assert_int_equal(count_colour(sheet, 0x24292f), 2 * 10);
    dnn_tensor_release(sheet);
    dnn_tensor_release(w);
}

static dnn_status draw_all(void *user) {
    dnn_tensor *matrix = user, *picture;
    dnn_series s = {NULL, falling, 4, "train", 0};
    if (dnn_plot_text(data_ctx, &s, 1, NULL, NULL, 0) < 0) return DNN_ERROR_MEMORY;
    dnn_status status = dnn_plot_heat(&picture, data_ctx, matrix, NULL);
    if (status == DNN_OK) dnn_tensor_release(picture);
    return status;
}

static void out_of_memory(void **state) {
    (void)state;
    dnn_tensor *m = tensor_normal(data_ctx, DNN_F32, DIMS(3, 4), 1);
    expect_memory_failures_survived(draw_all, m, 3);
    dnn_tensor_release(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ascii_word_for_word, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(lines_are_as_long_as_asked_for, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(every_label_is_there, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(text_is_cut_and_its_length_told, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(odd_values, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(text_called_wrongly, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(smoothing_is_a_mean, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(power_laws_are_straight, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(heat_has_its_colours, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(heat_of_many_cells_and_wrong_ones, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(filters_alike, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(channels_of_a_filter_stand_apart, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(filters_of_many_channels, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(out_of_memory, data_setup, data_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
