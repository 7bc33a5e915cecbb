/* Histograms. */
#include <math.h>
#include <stdio.h>

#include "inspect/axes.h"

/* Beyond it, differences of numbers are no numbers any more. */
#define LARGEST 1e300

enum { LEAST_BINS = 10, MOST_BINS = 60, MOST_ASKED = 1000 };

typedef struct {
    int64_t count, finite;
    double mean, deviation, low, high;
    bool whole; /* whole numbers only */
} summary;

/* Mean and variance in one pass, updated value by value (Welford 1962). */
static summary summarise(const dnn_array *a) {
    summary s = {.count = dnni_count(a), .low = INFINITY, .high = -INFINITY, .whole = true};
    double squares = 0;
    for (int64_t i = 0; i < s.count; i++) {
        double value = dnni_load(a->dtype, a->data, i), from_mean = value - s.mean;
        if (!isfinite(value)) continue;
        s.finite++;
        s.mean += from_mean / (double)s.finite;
        squares += from_mean * (value - s.mean);
        s.low = fmin(s.low, value);
        s.high = fmax(s.high, value);
        if (value != floor(value)) s.whole = false;
    }
    s.deviation = s.finite > 0 ? sqrt(squares / (double)s.finite) : 0;
    return s;
}

static void write_note(char *text, size_t room, const summary *s) {
    char count[DNNI_NUMBER], mean[DNNI_NUMBER], deviation[DNNI_NUMBER], low[DNNI_NUMBER], high[DNNI_NUMBER];
    dnni_number(mean, s->mean, 4);
    dnni_number(deviation, s->deviation, 4);
    dnni_number(low, s->low, 4);
    dnni_number(high, s->high, 4);
    snprintf(count, sizeof count, "%lld", (long long)s->count);
    int used = snprintf(text, room, "n %s", count);
    if (s->finite > 0)
        used += snprintf(text + used, room - (size_t)used, "  mean %s  std %s  min %s  max %s", mean, deviation, low,
                         high);
    if (s->finite < s->count)
        snprintf(text + used, room - (size_t)used, "  not finite %lld", (long long)(s->count - s->finite));
}

/* ---- bins ---- */

typedef struct {
    double low, width;
    int64_t n, largest;
    int64_t *counts;
} bins;

static double within_limits(double value) { return fmax(fmin(value, LARGEST), -LARGEST); }

/* Their range and number. Whole numbers stand in the middle of their bins. */
static bins choose_bins(const summary *s, int64_t asked, const dnn_plot_desc *d) {
    bins b = {.low = s->finite > 0 ? within_limits(s->low) : 0, .n = asked};
    double high = s->finite > 0 ? within_limits(s->high) : 1;
    if (d->x_low < d->x_high) {
        b.low = d->x_low;
        high = d->x_high;
    }
    bool each = asked == 0 && s->whole && high - b.low < MOST_BINS && b.low == floor(b.low) && high == floor(high);
    if (each) {
        b.n = (int64_t)(high - b.low) + 1;
        b.low -= 0.5;
        high += 0.5;
    }
    if (b.n == 0) b.n = (int64_t)fmin(fmax(ceil(sqrt((double)s->finite)), LEAST_BINS), MOST_BINS);
    double least = 1e-9 * fmax(fabs(b.low), fabs(high));
    if (high - b.low <= least) {
        b.low -= least > 0 ? least : 0.5;
        high += least > 0 ? least : 0.5;
    }
    b.width = (high - b.low) / (double)b.n;
    return b;
}

static void count_values(bins *b, const dnn_array *a) {
    for (int64_t i = 0, n = dnni_count(a); i < n; i++) {
        double at = (dnni_load(a->dtype, a->data, i) - b->low) / b->width;
        if (!(at >= 0 && at <= (double)b->n)) continue;
        int64_t bin = at < (double)b->n ? (int64_t)at : b->n - 1; /* the last bin has its upper end too */
        if (++b->counts[bin] > b->largest) b->largest = b->counts[bin];
    }
}

/* ---- drawing ---- */

static void choose_axes(dnni_plot *p, const bins *b, const dnn_plot_desc *d) {
    dnni_axis_begin(&p->x, false);
    dnni_axis_end(&p->x, 0, b->low, b->low + b->width * (double)b->n);
    dnni_axis_begin(&p->y, d->y_log != 0);
    double top = (double)(b->largest > 0 ? b->largest : 1);
    if (d->y_low < d->y_high) dnni_axis_end(&p->y, 0, d->y_low, d->y_high);
    else dnni_axis_end(&p->y, 0, d->y_log ? 0.7 : 0, d->y_log ? 1.3 * top : 1.05 * top);
    p->y.whole = true;
}

static void draw_bars(const dnni_plot *p, const dnni_canvas *window, const bins *b) {
    for (int64_t i = 0; i < b->n; i++) {
        double left = dnni_axis_at(&p->x, b->low + b->width * (double)i);
        double right = dnni_axis_at(&p->x, b->low + b->width * (double)(i + 1));
        if (b->counts[i] == 0) continue;
        int64_t x = (int64_t)llround(left), width = (int64_t)llround(right) - x;
        double at = dnni_axis_at(&p->y, (double)b->counts[i]);
        int64_t y = (int64_t)llround(fmax(fmin(at, (double)p->y.from), (double)p->y.to));
        int64_t gap = width >= 4 ? 1 : 0; /* between bars */
        dnni_fill(window, x + gap, y, width > gap ? width - gap : 1, p->y.from - y, 0x2f6fbf);
    }
}

static dnn_status draw(dnn_tensor **out, dnn_context *ctx, const bins *b, const char *note, const dnn_plot_desc *d) {
    dnni_plot p = {.note = note};
    choose_axes(&p, b, d);
    DNNI_TRY(dnni_plot_begin(&p, ctx, d));
    dnni_canvas window = dnni_plot_window(&p);
    draw_bars(&p, &window, b);
    *out = p.picture;
    return DNN_OK;
}

dnn_status dnn_plot_histogram(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *values, int64_t bin_count,
                              const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    char note[6 * DNNI_NUMBER];
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_check_tensor(values, "values"));
    DNNI_TRY(dnni_plot_desc(&d, desc));
    DNNI_REQUIRE(bin_count >= 0 && bin_count <= MOST_ASKED, "bins is %lld, it may be 0 to %d", (long long)bin_count,
                 MOST_ASKED);
    summary s = summarise(&values->array);
    write_note(note, sizeof note, &s);
    bins b = choose_bins(&s, bin_count, &d);
    b.counts = dnni_alloc(ctx, b.n, sizeof *b.counts);
    if (!b.counts) return DNN_ERROR_MEMORY;
    count_values(&b, &values->array);
    dnn_status status = draw(out, ctx, &b, note, &d);
    dnni_free(ctx, b.counts, b.n, sizeof *b.counts);
    return status;
}
