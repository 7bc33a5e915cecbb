/* Matrices as maps of colours. */
#include <math.h>
#include <stdio.h>

#include "inspect/axes.h"

typedef struct {
    dnn_array matrix;
    int64_t rows, columns;
    double low, high;
    bool diverging;
} heat;

static double value_at(const heat *h, int64_t row, int64_t column) {
    return dnni_load(h->matrix.dtype, h->matrix.data, row * h->columns + column);
}

static void find_range(heat *h, const dnn_plot_desc *d) {
    h->low = INFINITY;
    h->high = -INFINITY;
    for (int64_t i = 0; i < h->rows * h->columns; i++) {
        double value = dnni_load(h->matrix.dtype, h->matrix.data, i);
        if (!isfinite(value)) continue;
        h->low = fmin(h->low, value);
        h->high = fmax(h->high, value);
    }
    if (h->low > h->high) h->low = h->high = 0;
    bool given = d->y_low < d->y_high;
    if (given) {
        h->low = d->y_low;
        h->high = d->y_high;
    }
    h->diverging = h->low < 0 && h->high > 0;
    if (!h->diverging || given) return;
    h->high = fmax(h->high, -h->low);
    h->low = -h->high;
}

/* The mean over rows top … bottom - 1 and columns left … right - 1: of what one pixel stands for. */
static uint32_t colour_of(const heat *h, int64_t top, int64_t bottom, int64_t left, int64_t right) {
    double sum = 0;
    for (int64_t i = top; i < bottom; i++)
        for (int64_t j = left; j < right; j++) sum += value_at(h, i, j);
    double mean = sum / (double)((bottom - top) * (right - left));
    if (!isfinite(mean)) return DNNI_NOT_FINITE;
    double t = dnni_place(mean, h->low, h->high);
    return h->diverging ? dnni_diverging(t) : dnni_glow(t);
}

/* Places first … last - 1 of n that pixel i of `pixels` shows: at least one. */
static void places(int64_t i, int64_t pixels, int64_t n, int64_t *first, int64_t *last) {
    *first = i * n / pixels;
    *last = dnnk_max((i + 1) * n / pixels, *first + 1);
}

static void draw_map(const dnni_plot *p, const heat *h) {
    dnni_canvas window = dnni_plot_window(p);
    int64_t width = window.right - window.left, height = window.bottom - window.top;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t top, bottom, left, right;
            places(y, height, h->rows, &top, &bottom);
            places(x, width, h->columns, &left, &right);
            dnni_fill(&window, window.left + x, window.top + y, 1, 1, colour_of(h, top, bottom, left, right));
        }
}

/* Numbers stand at the middles of cells. */
static dnni_axis axis_of(int64_t n, bool down) {
    return (dnni_axis){.low = -0.5, .high = (double)n - 0.5, .whole = true, .down = down};
}

dnn_status dnn_plot_heat(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *matrix, const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    char note[3 * DNNI_NUMBER], low[DNNI_NUMBER], high[DNNI_NUMBER];
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_check_tensor(matrix, "matrix"));
    DNNI_TRY(dnni_plot_desc(&d, desc));
    const dnn_array *a = &matrix->array;
    if (a->rank != 2 || dnni_count(a) == 0)
        return dnni_error(DNN_ERROR_SHAPE, "matrix is %s; two axes, each at least 1, are needed",
                          dnni_array_shape(a).text);
    heat h = {.matrix = *a, .rows = a->dims[0], .columns = a->dims[1]};
    find_range(&h, &d);
    dnni_number(low, h.low, 3);
    dnni_number(high, h.high, 3);
    snprintf(note, sizeof note, h.diverging ? "blue %s, red %s" : "black %s, yellow %s", low, high);
    dnni_plot p = {.x = axis_of(h.columns, false), .y = axis_of(h.rows, true), .note = note};
    DNNI_TRY(dnni_plot_begin(&p, ctx, &d));
    draw_map(&p, &h);
    *out = p.picture;
    return DNN_OK;
}
