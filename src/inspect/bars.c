/* Bars with names: one below the other, the name before it, the number behind it. */
#include <math.h>

#include "inspect/axes.h"

enum { PAD = 12, GAP = 6, MOST_LABEL = 32, MOST_BARS = 1000 };

typedef struct {
    const char *const *labels;
    const double *values;
    int64_t n, scale, row, bar_left, bar_right;
    double largest;
} bars;

static int64_t label_width(const char *label, int64_t scale) {
    int64_t length = dnni_text_length(label);
    return (length < MOST_LABEL ? length : MOST_LABEL) * DNNI_TEXT_STEP * scale;
}

static void measure(bars *b, int64_t width) {
    char number[DNNI_NUMBER];
    int64_t labels = 0, numbers = 0;
    for (int64_t i = 0; i < b->n; i++) {
        dnni_number(number, b->values[i], 6);
        int64_t l = label_width(b->labels[i], b->scale), v = dnni_text_width(number, b->scale);
        if (l > labels) labels = l;
        if (v > numbers) numbers = v;
        if (isfinite(b->values[i])) b->largest = fmax(b->largest, b->values[i]);
    }
    b->bar_left = PAD + labels + GAP;
    b->bar_right = width - PAD - numbers - GAP;
    if (b->bar_right < b->bar_left + 16) b->bar_right = b->bar_left + 16;
}

static void draw_bar(const dnni_canvas *canvas, const bars *b, int64_t i, int64_t y) {
    char number[DNNI_NUMBER];
    double value = b->values[i];
    int64_t width = 0, height = b->row - GAP, text = y + (height - DNNI_TEXT_HEIGHT * b->scale) / 2;
    if (value > 0 && b->largest > 0)
        width = (int64_t)fmax(1, fmin(value / b->largest, 1) * (double)(b->bar_right - b->bar_left));
    dnni_text(canvas, b->bar_left - GAP - label_width(b->labels[i], b->scale), text, b->labels[i], b->scale, MOST_LABEL,
              DNNI_INK);
    dnni_fill(canvas, b->bar_left, y, 1, b->row, DNNI_FAINT);
    dnni_fill(canvas, b->bar_left, y, width, height, 0x2f6fbf);
    dnni_number(number, value, 6);
    dnni_text(canvas, b->bar_left + width + GAP, text, number, b->scale, INT64_MAX, DNNI_INK);
}

static dnn_status draw(dnn_tensor **out, dnn_context *ctx, bars *b, const dnn_plot_desc *d) {
    dnni_canvas canvas;
    b->scale = d->width >= 480 ? 2 : 1;
    b->row = DNNI_LINE_HEIGHT * b->scale + GAP;
    measure(b, d->width);
    int64_t top = PAD + (d->title ? DNNI_LINE_HEIGHT * b->scale + GAP : 0);
    DNNI_TRY(dnni_canvas_new(out, &canvas, ctx, d->width, top + b->n * b->row + PAD, DNNI_WHITE));
    int64_t most = (d->width - 2 * PAD) / (DNNI_TEXT_STEP * b->scale);
    if (d->title) dnni_text(&canvas, PAD, PAD, d->title, b->scale, most, DNNI_INK);
    for (int64_t i = 0; i < b->n; i++) draw_bar(&canvas, b, i, top + i * b->row);
    return DNN_OK;
}

dnn_status dnn_plot_bars(dnn_tensor **out, dnn_context *ctx, const char *const *labels, const double *values, int64_t n,
                         const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_plot_desc(&d, desc));
    DNNI_REQUIRE(n >= 1 && n <= MOST_BARS, "n is %lld, it may be 1 to %d", (long long)n, MOST_BARS);
    DNNI_REQUIRE(labels && values, "%s is NULL", labels ? "values" : "labels");
    bars b = {.labels = labels, .values = values, .n = n};
    return draw(out, ctx, &b, &d);
}
