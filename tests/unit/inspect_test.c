/* Sheets and plots: sizes, colours at known places, odd values, wrong calls, out of memory; and how numbers are
 * written. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dnn/inspect.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "inspect/canvas.h"
#include "support/allocator.h"

static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    return dnn_context_release(ctx) == DNN_OK && memory.live == 0 ? 0 : -1;
}

static dnn_tensor *batch(int64_t n, int64_t h, int64_t w, int64_t c) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, DNN_F32, 4, (const int64_t[]){n, h, w, c}), DNN_OK);
    float *p = dnn_tensor_data(t);
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) p[i] = (float)(i % 7) / 6;
    return t;
}

static uint32_t pixel(const dnn_tensor *picture, int64_t x, int64_t y) {
    const unsigned char *p = dnn_tensor_const_data(picture);
    p += 3 * (y * dnn_tensor_dim(picture, 1) + x);
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static int64_t count_colour(const dnn_tensor *picture, uint32_t colour) {
    int64_t n = 0;
    for (int64_t y = 0; y < dnn_tensor_dim(picture, 0); y++)
        for (int64_t x = 0; x < dnn_tensor_dim(picture, 1); x++) n += pixel(picture, x, y) == colour;
    return n;
}

/* ---- sheets ---- */

/* Margin 14, border 1, gap 10: tile (0, 0) begins at 15, 15; the next one zoom · w + 12 further. */
static void test_sheet_pixels(void **state) {
    (void)state;
    dnn_tensor *x = batch(6, 2, 3, 1), *sheet;
    dnn_sheet_desc desc = {DNN_SIZED(dnn_sheet_desc), .columns = 3, .zoom = 4};
    assert_int_equal(dnn_sheet_create(&sheet, ctx, x, &desc), DNN_OK);
    assert_int_equal(dnn_tensor_dtype(sheet), DNN_U8);
    assert_int_equal(dnn_tensor_dim(sheet, 0), 28 + 2 * (8 + 2) + 10);
    assert_int_equal(dnn_tensor_dim(sheet, 1), 28 + 3 * (12 + 2) + 2 * 10);
    assert_int_equal(dnn_tensor_dim(sheet, 2), 3);
    const float *values = dnn_tensor_const_data(x);
    for (int64_t image = 0; image < 6; image++)
        for (int64_t i = 0; i < 6; i++) {
            uint32_t grey = (uint32_t)(255 * (double)values[image * 6 + i] + 0.5);
            int64_t left = 15 + image % 3 * 24 + i % 3 * 4, top = 15 + image / 3 * 20 + i / 3 * 4;
            assert_int_equal(pixel(sheet, left, top), grey << 16 | grey << 8 | grey);
            assert_int_equal(pixel(sheet, left + 3, top + 3), grey << 16 | grey << 8 | grey);
        }
    assert_int_equal(pixel(sheet, 0, 0), 0xffffff);
    dnn_tensor_release(sheet);
    dnn_tensor_release(x);
}

static void test_sheet_colours(void **state) {
    (void)state;
    dnn_tensor *x = batch(1, 1, 5, 1), *sheet;
    float *values = dnn_tensor_data(x);
    const float odd[] = {-1, 0, 1, NAN, INFINITY};
    memcpy(values, odd, sizeof odd);
    dnn_sheet_desc desc = {DNN_SIZED(dnn_sheet_desc), .zoom = 1, .low = -1, .high = 1};
    assert_int_equal(dnn_sheet_create(&sheet, ctx, x, &desc), DNN_OK);
    const uint32_t grey[] = {0x000000, 0x808080, 0xffffff, 0xff00ff, 0xff00ff};
    for (int64_t i = 0; i < 5; i++) assert_int_equal(pixel(sheet, 15 + i, 15), grey[i]);
    dnn_tensor_release(sheet);
    desc.palette = DNN_PALETTE_DIVERGING;
    assert_int_equal(dnn_sheet_create(&sheet, ctx, x, &desc), DNN_OK);
    assert_int_equal(pixel(sheet, 16, 15), 0xffffff);
    assert_true((pixel(sheet, 15, 15) & 255) > (pixel(sheet, 15, 15) >> 16));
    assert_true((pixel(sheet, 17, 15) & 255) < (pixel(sheet, 17, 15) >> 16));
    dnn_tensor_release(sheet);
    dnn_tensor_release(x);
}

static void test_sheet_rgb(void **state) {
    (void)state;
    dnn_tensor *x, *sheet;
    assert_int_equal(dnn_tensor_create(&x, ctx, DNN_U8, 4, (const int64_t[]){1, 1, 1, 3}), DNN_OK);
    memcpy(dnn_tensor_data(x), "\x10\x80\xf0", 3);
    dnn_sheet_desc desc = {DNN_SIZED(dnn_sheet_desc), .zoom = 2};
    assert_int_equal(dnn_sheet_create(&sheet, ctx, x, &desc), DNN_OK);
    assert_int_equal(pixel(sheet, 16, 16), 0x1080f0);
    dnn_tensor_release(sheet);
    dnn_tensor_release(x);
}

static void test_sheet_words(void **state) {
    (void)state;
    dnn_tensor *x = batch(2, 8, 8, 1), *plain, *framed;
    const char *captions[] = {"a long caption that is cut", NULL};
    const uint32_t frames[] = {0x00ff00, DNN_NO_FRAME};
    dnn_sheet_desc desc = {DNN_SIZED(dnn_sheet_desc), .zoom = 4, .columns = 2, .title = "títle \xff\xc3"};
    assert_int_equal(dnn_sheet_create(&plain, ctx, x, &desc), DNN_OK);
    desc.captions = captions;
    desc.frames = frames;
    assert_int_equal(dnn_sheet_create(&framed, ctx, x, &desc), DNN_OK);
    assert_int_equal(count_colour(plain, 0x00ff00), 0);
    assert_int_equal(count_colour(framed, 0x00ff00), 38 * 38 - 32 * 32);
    assert_true(count_colour(framed, DNNI_INK) > count_colour(plain, DNNI_INK));
    assert_true(dnn_tensor_dim(framed, 0) > dnn_tensor_dim(plain, 0));
    dnn_tensor_release(plain);
    dnn_tensor_release(framed);
    dnn_tensor_release(x);
}

static void test_filters(void **state) {
    (void)state;
    dnn_tensor *w, *sheet;
    for (int64_t in = 1; in <= 5; in++) {
        w = batch(7, 3, 3, in);
        assert_int_equal(dnn_sheet_filters(&sheet, ctx, w, NULL), DNN_OK);
        assert_true(dnn_tensor_dim(sheet, 0) > 50);
        dnn_tensor_release(sheet);
        dnn_tensor_release(w);
    }
    w = batch(4, 1, 1, 8);
    assert_int_equal(dnn_sheet_filters(&sheet, ctx, w, NULL), DNN_ERROR_UNSUPPORTED);
    dnn_tensor_release(w);
}

static void test_sheet_misuse(void **state) {
    (void)state;
    dnn_tensor *x = batch(1, 2, 2, 1), *wide = batch(1, 1, 40000, 1), *none = batch(0, 2, 2, 1);
    dnn_tensor *flat, *out = (dnn_tensor *)1;
    dnn_sheet_desc bad[] = {
        {.zoom = 1},
        {DNN_SIZED(dnn_sheet_desc), .zoom = -1},
        {DNN_SIZED(dnn_sheet_desc), .columns = -1},
        {DNN_SIZED(dnn_sheet_desc), .low = 1, .high = -1},
        {DNN_SIZED(dnn_sheet_desc), .high = NAN},
        {DNN_SIZED(dnn_sheet_desc), .palette = (dnn_palette)7},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(dnn_sheet_create(&out, ctx, x, &bad[i]), DNN_ERROR_ARGUMENT);
    assert_null(out);
    dnn_sheet_desc huge = {DNN_SIZED(dnn_sheet_desc), .zoom = INT64_MAX};
    assert_int_equal(dnn_sheet_create(&out, ctx, x, &huge), DNN_ERROR_SHAPE);
    huge.zoom = 20000;
    assert_int_equal(dnn_sheet_create(&out, ctx, x, &huge), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_sheet_create(&out, ctx, wide, NULL), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_sheet_create(&out, ctx, none, NULL), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_tensor_reshape(&flat, x, 1, (const int64_t[]){4}), DNN_OK);
    assert_int_equal(dnn_sheet_create(&out, ctx, flat, NULL), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_sheet_create(NULL, ctx, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_sheet_create(&out, NULL, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_sheet_create(&out, ctx, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_sheet_filters(&out, ctx, (dnn_tensor *)ctx, NULL), DNN_ERROR_HANDLE);
    dnn_tensor_release(flat);
    dnn_tensor_release(none);
    dnn_tensor_release(wide);
    dnn_tensor_release(x);
}

/* ---- plots ---- */

static void test_lines(void **state) {
    (void)state;
    const double y[] = {1, 2, 3, NAN, 5, INFINITY, -INFINITY}, x[] = {0, 1, 2};
    const dnn_series series[] = {{NULL, y, 7, "first", 0xff0000}, {x, y, 3, NULL, 0x0000ff}};
    dnn_tensor *plot;
    assert_int_equal(dnn_plot_lines(&plot, ctx, series, 2, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_dim(plot, 0), 480);
    assert_int_equal(dnn_tensor_dim(plot, 1), 720);
    assert_true(count_colour(plot, 0xff0000) > 10); /* the dot at 5, and the legend */
    assert_true(count_colour(plot, 0x0000ff) > 100);
    dnn_tensor_release(plot);
}

/* Ranges that a plot must survive: none, one number, huge, tiny, far apart, negative on a logarithmic axis. */
static void test_ranges(void **state) {
    (void)state;
    static const double points[][3] = {
        {0, 0, 0},          {5, 5, 5},           {-DBL_MAX, 0, DBL_MAX}, {DBL_MAX, DBL_MAX, DBL_MAX},
        {0, 5e-324, 1e-323}, {1e15, 1e15 + 1, 1e15 + 2}, {NAN, NAN, NAN}, {-1, -2, 0},
        {1, 1.01, 1.02},    {1e-300, 1, 1e300},  {-1e-9, 0, 1e9},       {INFINITY, 1, -INFINITY},
    };
    for (size_t i = 0; i < 4 * sizeof points / sizeof points[0]; i++) {
        const dnn_series series = {points[i / 4], points[i / 4], 3, "s", 0};
        dnn_plot_desc desc = {DNN_SIZED(dnn_plot_desc), .width = 160, .height = 120, .y_log = i % 2, .title = "t",
                              .x_log = i % 4 / 2,
                              .x_label = "x", .y_label = "a label that is longer than the axis is high"};
        dnn_tensor *plot, *values;
        assert_int_equal(dnn_plot_lines(&plot, ctx, &series, 1, &desc), DNN_OK);
        dnn_tensor_release(plot);
        assert_int_equal(dnn_tensor_create(&values, ctx, DNN_F64, 1, (const int64_t[]){3}), DNN_OK);
        memcpy(dnn_tensor_data(values), points[i / 4], sizeof points[0]);
        assert_int_equal(dnn_plot_histogram(&plot, ctx, values, 0, &desc), DNN_OK);
        dnn_tensor_release(plot);
        dnn_tensor_release(values);
    }
}

/* A label of x that is wider than the axis moves to the left, and one that is wider than the picture is cut. */
static void test_long_labels(void **state) {
    (void)state;
    for (int n = 50; n <= 200; n += 25) {
        char label[256] = "";
        dnn_tensor *plot;
        memset(label, 'M', (size_t)n);
        dnn_plot_desc desc = {DNN_SIZED(dnn_plot_desc), .x_label = label, .y_high = 1e6};
        assert_int_equal(dnn_plot_lines(&plot, ctx, NULL, 0, &desc), DNN_OK);
        int64_t height = dnn_tensor_dim(plot, 0), width = dnn_tensor_dim(plot, 1);
        for (int64_t y = height - 30; y < height; y++)
            for (int64_t k = 0; k < 12; k++) {
                assert_int_equal(pixel(plot, k, y), 0xffffff);
                assert_int_equal(pixel(plot, width - 1 - k, y), 0xffffff);
            }
        dnn_tensor_release(plot);
    }
}

/* The first and the last column of the plot in which that colour stands, in any row. */
static void find_columns(const dnn_tensor *plot, uint32_t colour, int64_t *first, int64_t *last) {
    *first = *last = -1;
    for (int64_t x = 0; x < dnn_tensor_dim(plot, 1); x++)
        for (int64_t y = 0; y < dnn_tensor_dim(plot, 0); y++) {
            if (pixel(plot, x, y) != colour) continue;
            if (*first < 0) *first = x;
            *last = x;
        }
}

/* On a logarithmic axis 0.01, 1 and 100 stand as far from each other; what is not above 0 is left out. */
static void test_log_axis(void **state) {
    (void)state;
    const double x[] = {-5, 0, 0.01, NAN, 1, NAN, 100}, y[] = {1, 1, 1, 1, 1, 1, 1};
    const uint32_t colours[] = {0xff0000, 0x00ff00, 0x0000ff};
    const dnn_series dots[] = {{x, y, 3, NULL, colours[0]}, {x + 4, y, 1, NULL, colours[1]},
                               {x + 6, y, 1, NULL, colours[2]}};
    const dnn_plot_desc desc = {DNN_SIZED(dnn_plot_desc), .x_log = 1, .x_low = 0.001, .x_high = 1000};
    dnn_tensor *plot;
    int64_t middle[3];
    assert_int_equal(dnn_plot_lines(&plot, ctx, dots, 3, &desc), DNN_OK);
    for (int i = 0; i < 3; i++) {
        int64_t first, last;
        find_columns(plot, colours[i], &first, &last);
        assert_in_range(last - first, 1, 10); /* one dot */
        middle[i] = (first + last) / 2;
    }
    assert_true(middle[1] - middle[0] > 100);
    assert_in_range(middle[2] - middle[1], middle[1] - middle[0] - 1, middle[1] - middle[0] + 1);
    dnn_tensor_release(plot);
}

/* How many pixels of a plot a band shades: red in white; the grid behind it is another colour. */
static int64_t shaded(const dnn_band *band) {
    const dnn_plot_desc desc = {DNN_SIZED(dnn_plot_desc), .bands = band, .n_bands = 1, .x_high = 3, .y_high = 8};
    dnn_tensor *plot;
    int64_t n = 0;
    assert_int_equal(dnn_plot_lines(&plot, ctx, NULL, 0, &desc), DNN_OK);
    for (int64_t y = 0; y < dnn_tensor_dim(plot, 0); y++)
        for (int64_t x = 0; x < dnn_tensor_dim(plot, 1); x++) n += pixel(plot, x, y) == 0xffcccc;
    dnn_tensor_release(plot);
    return n;
}

/* Twice as high is twice the area, also of a wedge; a point that is missing leaves out both sides of it; what is
 * outside of the axes is not drawn. */
static void test_bands(void **state) {
    (void)state;
    const double low[] = {2, 2, 2, 2}, high[] = {4, 4, 4, 4}, higher[] = {6, 6, 6, 6}, wedge[] = {2, 4, 6, 8};
    const double gap[] = {4, 4, NAN, 4}, far[] = {1e9, 1e9, 1e9, 1e9}, top[] = {8, 8, 8, 8};
    int64_t area = shaded(&(dnn_band){.low = low, .high = high, .count = 4, .colour = 0xff0000});
    assert_true(area > 20000);
    int64_t twice = shaded(&(dnn_band){.low = low, .high = higher, .count = 4, .colour = 0xff0000});
    assert_in_range(twice, 2 * area - area / 20, 2 * area + area / 20);
    int64_t half = shaded(&(dnn_band){.low = low, .high = wedge, .count = 4, .colour = 0xff0000});
    assert_in_range(half, 3 * area / 2 - area / 20, 3 * area / 2 + area / 20);
    int64_t third = shaded(&(dnn_band){.low = gap, .high = low, .count = 4, .colour = 0xff0000});
    assert_in_range(third, area / 3 - area / 20, area / 3 + area / 20);
    int64_t clipped = shaded(&(dnn_band){.low = low, .high = far, .count = 4, .colour = 0xff0000});
    int64_t full = shaded(&(dnn_band){.low = low, .high = top, .count = 4, .colour = 0xff0000});
    assert_in_range(clipped, full - 2000, full + 2000);
    assert_int_equal(shaded(&(dnn_band){.count = 0, .colour = 0xff0000}), 0);
    dnn_tensor *plot;
    dnn_plot_desc bad = {DNN_SIZED(dnn_plot_desc), .n_bands = 1};
    assert_int_equal(dnn_plot_lines(&plot, ctx, NULL, 0, &bad), DNN_ERROR_ARGUMENT);
    bad.bands = &(dnn_band){.low = low, .count = 4};
    assert_int_equal(dnn_plot_lines(&plot, ctx, NULL, 0, &bad), DNN_ERROR_ARGUMENT);
}

/* Bars are as high as their counts: 3 : 1, with the axis set. */
static void test_histogram(void **state) {
    (void)state;
    dnn_tensor *values, *plot;
    assert_int_equal(dnn_tensor_create(&values, ctx, DNN_I64, 1, (const int64_t[]){8}), DNN_OK);
    const int64_t labels[] = {0, 0, 0, 1, 2, 2, 2, 2};
    memcpy(dnn_tensor_data(values), labels, sizeof labels);
    dnn_plot_desc desc = {DNN_SIZED(dnn_plot_desc), .y_high = 8};
    assert_int_equal(dnn_plot_histogram(&plot, ctx, values, 0, &desc), DNN_OK);
    int64_t heights[3] = {0, 0, 0}, width = dnn_tensor_dim(plot, 1);
    for (int64_t y = 0; y < dnn_tensor_dim(plot, 0); y++)
        for (int k = 0; k < 3; k++) heights[k] += pixel(plot, width * (2 * k + 1) / 6, y) == 0x2f6fbf;
    assert_true(heights[1] > 20);
    assert_in_range(heights[0], 3 * heights[1] - 4, 3 * heights[1] + 4);
    assert_in_range(heights[2], 4 * heights[1] - 5, 4 * heights[1] + 5);
    dnn_tensor_release(plot);
    dnn_tensor_release(values);
}

static void test_plot_misuse(void **state) {
    (void)state;
    const double y[] = {1, 2};
    const dnn_series no_y = {NULL, NULL, 2, NULL, 0}, negative = {NULL, y, -1, NULL, 0}, good = {NULL, y, 2, NULL, 0};
    dnn_tensor *plot, *x = batch(1, 1, 1, 1);
    dnn_plot_desc bad[] = {
        {.width = 200},
        {DNN_SIZED(dnn_plot_desc), .width = 159, .height = 200},
        {DNN_SIZED(dnn_plot_desc), .width = 200, .height = -1},
        {DNN_SIZED(dnn_plot_desc), .x_low = 2, .x_high = 1},
        {DNN_SIZED(dnn_plot_desc), .y_low = 1, .y_high = 1},
        {DNN_SIZED(dnn_plot_desc), .y_high = INFINITY},
        {DNN_SIZED(dnn_plot_desc), .y_low = -1, .y_high = 1, .y_log = 1},
        {DNN_SIZED(dnn_plot_desc), .x_high = 1, .x_log = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dnn_plot_lines(&plot, ctx, &good, 1, &bad[i]), DNN_ERROR_ARGUMENT);
        assert_int_equal(dnn_plot_histogram(&plot, ctx, x, 0, &bad[i]), DNN_ERROR_ARGUMENT);
    }
    dnn_plot_desc large = {DNN_SIZED(dnn_plot_desc), .width = 40000, .height = 200};
    assert_int_equal(dnn_plot_lines(&plot, ctx, &good, 1, &large), DNN_ERROR_SHAPE);
    assert_int_equal(dnn_plot_lines(&plot, ctx, &no_y, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_lines(&plot, ctx, &negative, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_lines(&plot, ctx, NULL, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_lines(&plot, ctx, &good, -1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_lines(&plot, NULL, &good, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_lines(NULL, ctx, &good, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_histogram(&plot, ctx, x, -1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_histogram(&plot, ctx, x, 1001, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_histogram(&plot, ctx, NULL, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_histogram(NULL, ctx, x, 0, NULL), DNN_ERROR_ARGUMENT);
    dnn_tensor_release(x);
}

/* ---- out of memory ---- */

static dnn_status draw_all(const dnn_tensor *x) {
    dnn_tensor *a = NULL, *b = NULL, *c = NULL, *d = NULL;
    const double y[] = {1, 2};
    const dnn_series series = {NULL, y, 2, NULL, 0};
    dnn_status status = dnn_sheet_create(&a, ctx, x, NULL);
    if (status == DNN_OK) status = dnn_sheet_filters(&b, ctx, x, NULL);
    if (status == DNN_OK) status = dnn_plot_lines(&c, ctx, &series, 1, NULL);
    if (status == DNN_OK) status = dnn_plot_histogram(&d, ctx, x, 0, NULL);
    dnn_tensor_release(a);
    dnn_tensor_release(b);
    dnn_tensor_release(c);
    dnn_tensor_release(d);
    return status;
}

static void test_out_of_memory(void **state) {
    (void)state;
    dnn_tensor *x = batch(9, 3, 3, 1);
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        bool failed = true;
        for (int64_t k = 1; failed; k++) {
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = draw_all(x);
            failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
        }
    }
    dnn_tensor_release(x);
}

/* The length of the run of blue in the row of pixels that has the most. */
static int64_t longest_bar(const dnn_tensor *picture, int64_t top, int64_t bottom) {
    int64_t longest = 0;
    for (int64_t y = top; y < bottom; y++) {
        int64_t n = 0;
        for (int64_t x = 0; x < dnn_tensor_dim(picture, 1); x++) n += pixel(picture, x, y) == 0x2f6fbf;
        if (n > longest) longest = n;
    }
    return longest;
}

/* Padding 12, then rows of 26 pixels at this width. */
static void test_bars(void **state) {
    (void)state;
    dnn_tensor *picture;
    double values[] = {10, 5, 0, NAN, -3, 1e-9};
    const char *labels[] = {"ten", "five", NULL, "nan", "minus", "a name that is longer than the picture is wide"};
    assert_int_equal(dnn_plot_bars(&picture, ctx, labels, values, 6, NULL), DNN_OK);
    assert_int_equal(dnn_tensor_dim(picture, 1), 720);
    assert_int_equal(dnn_tensor_dim(picture, 0), 12 + 6 * 26 + 12);
    int64_t ten = longest_bar(picture, 12, 38), five = longest_bar(picture, 38, 64);
    assert_true(ten > 200 && llabs(ten - 2 * five) <= 1);
    assert_int_equal(longest_bar(picture, 64, 90), 0);
    assert_int_equal(longest_bar(picture, 90, 116), 0);
    assert_int_equal(longest_bar(picture, 116, 142), 0);
    assert_int_equal(longest_bar(picture, 142, 168), 1);
    dnn_tensor_release(picture);
    assert_int_equal(dnn_plot_bars(&picture, ctx, labels, values, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_plot_bars(&picture, ctx, labels, values, 1001, NULL), DNN_ERROR_ARGUMENT);
}

/* ---- numbers ---- */

static void test_decimals(void **state) {
    (void)state;
    static const struct {
        int64_t n;
        int k;
        const char *text;
    } cases[] = {
        {0, 5, "0"},      {7, 0, "7"},       {-7, 0, "-7"},      {70, 0, "70"},       {5, -1, "0.5"},
        {25, -2, "0.25"}, {-5, -3, "-0.005"}, {125, -1, "12.5"}, {100000, 0, "100000"}, {1, 6, "1e6"},
        {15, 6, "1.5e7"}, {1, -4, "0.0001"}, {1, -5, "1e-5"},    {25, -7, "2.5e-6"},
        {INT64_MIN, 0, "-9.223372036854775808e18"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[DNNI_NUMBER];
        dnni_decimal(text, cases[i].n, cases[i].k);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},           {1, "1"},          {0.13066, "0.1307"}, {9.9996, "10"},   {-1234567, "-1.235e6"},
        {1e-10, "1e-10"},   {DBL_MAX, "1.798e308"}, {5e-324, "4.941e-324"}, {NAN, "nan"}, {-INFINITY, "-inf"},
        {784000, "784000"}, {1.0 / 3, "0.3333"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[DNNI_NUMBER];
        dnni_number(text, cases[i].value, 4);
        assert_string_equal(text, cases[i].text);
    }
}

/* Every character that the font has can be told from every other one, and from the box for those that it has not. */
static void test_font(void **state) {
    (void)state;
    for (uint32_t a = ' '; a <= '~'; a++) {
        assert_int_equal(strlen(dnni_glyph(a)), 41);
        assert_string_not_equal(dnni_glyph(a), dnni_glyph(0xfffd));
        for (uint32_t b = a + 1; b <= '~'; b++)
            if (dnni_glyph_drop(a) == dnni_glyph_drop(b)) assert_string_not_equal(dnni_glyph(a), dnni_glyph(b));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sheet_pixels), cmocka_unit_test(test_sheet_colours), cmocka_unit_test(test_sheet_rgb),
        cmocka_unit_test(test_sheet_words),  cmocka_unit_test(test_filters),       cmocka_unit_test(test_sheet_misuse),
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_ranges),        cmocka_unit_test(test_log_axis),
        cmocka_unit_test(test_long_labels),
        cmocka_unit_test(test_histogram),    cmocka_unit_test(test_bands),
        cmocka_unit_test(test_plot_misuse),  cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_numbers),      cmocka_unit_test(test_font),          cmocka_unit_test(test_bars),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
