/* Vectors of numbers as bars if they are few, otherwise as a curve; the target's beside them. */
#include <math.h>

#include "inspect/canvas.h"
#include "see/cells.h"

enum { MOST_BARS = 16, PAD = 4 };
#define OUTPUT 0x2f6fbfu
#define TARGET 0x9aa3adu

typedef struct {
    const dnni_canvas *canvas;
    dnni_shades range;
    int64_t n;
} drawing;

static double value_of(const dnn_array *a, int64_t i) { return dnni_load(a->dtype, a->data, i); }

static double y_of(const drawing *d, double value) {
    double room = (double)(d->canvas->height - 2 * PAD);
    return isfinite(value) ? PAD + room * (1 - dnni_place(value, d->range.low, d->range.high)) : (double)NAN;
}

static void draw_curve(const drawing *d, const dnn_array *a, uint32_t colour) {
    double x_before = 0, y_before = NAN;
    for (int64_t i = 0; i < d->n; i++) {
        double x = (double)(i * (d->canvas->width - 1)) / (double)dnnk_max(1, d->n - 1), y = y_of(d, value_of(a, i));
        if (isfinite(y) && isfinite(y_before)) dnni_line(d->canvas, x_before, y_before, x, y, 1.5, colour);
        else if (isfinite(y)) dnni_line(d->canvas, x, y, x, y, 3, colour);
        x_before = x;
        y_before = y;
    }
}

/* From 0 up or down; the target is a line across. */
static void draw_bar(const drawing *d, int64_t i, const dnn_array *a, const dnn_array *target) {
    int64_t left = i * d->canvas->width / d->n, right = (i + 1) * d->canvas->width / d->n;
    double zero = y_of(d, 0), y = y_of(d, value_of(a, i)), goal = target ? y_of(d, value_of(target, i)) : (double)NAN;
    if (isfinite(y))
        dnni_fill(d->canvas, left + 2, llround(fmin(y, zero)), right - left - 4, llround(fabs(y - zero)) + 1, OUTPUT);
    if (isfinite(goal)) dnni_fill(d->canvas, left, llround(goal) - 1, right - left, 2, DNNI_INK);
}

void dnni_draw_numbers(const dnni_canvas *canvas, const dnn_array *a, const dnn_array *target) {
    drawing d = {canvas, {(double)INFINITY, -(double)INFINITY}, dnni_count(a)};
    if (target && dnni_count(target) != d.n) target = NULL;
    dnni_widen_shades(&d.range, a);
    if (target) dnni_widen_shades(&d.range, target);
    if (d.n > MOST_BARS) {
        if (target) draw_curve(&d, target, TARGET);
        draw_curve(&d, a, OUTPUT);
        return;
    }
    d.range = (dnni_shades){fmin(d.range.low, 0), fmax(d.range.high, 0)};
    for (int64_t i = 0; i < d.n; i++) draw_bar(&d, i, a, target);
}
