/* Plots of lines. */
#include <math.h>
#include <string.h>

#include "inspect/axes.h"

enum { SWATCH = 20, LEGEND_PAD = 6 };
#define SHADE 0.2 /* of a band's colour */

static uint32_t colour_of(uint32_t chosen, int64_t k) {
    static const uint32_t colours[] = {0x2f6fbf, 0xd9572b, 0x2e9e5b, 0x8a4fb5, 0xc2951a, 0x159aa5, 0xd1438b, 0x6b6b6b};
    const int64_t n = sizeof colours / sizeof colours[0];
    return chosen ? chosen & 0xffffffu : colours[k % n];
}

static double x_of(const dnn_series *s, int64_t i) { return s->x ? s->x[i] : (double)i; }

static bool is_shown(const dnni_plot *p, const dnn_series *s, int64_t i) {
    return i >= 0 && i < s->count && isfinite(x_of(s, i)) && isfinite(s->y[i]) && (!p->y.log || s->y[i] > 0) &&
           (!p->x.log || x_of(s, i) > 0);
}

/* One edge of a band, as a line of its own. */
static dnn_series edge(const dnn_band *b, const double *y) {
    return (dnn_series){.x = b->x, .y = y, .count = b->count};
}

static void take_series(dnni_plot *p, const dnn_series *s) {
    for (int64_t i = 0; i < s->count; i++) {
        if (!is_shown(p, s, i)) continue;
        double x = x_of(s, i);
        dnni_axis_take(&p->x, x);
        dnni_axis_take(&p->y, s->y[i]);
        if (x != floor(x)) p->x.whole = false;
    }
}

void dnni_plot_ranges(dnni_plot *p, const dnn_series *series, int64_t n, const dnn_plot_desc *d) {
    dnni_axis_begin(&p->x, d->x_log != 0);
    dnni_axis_begin(&p->y, d->y_log != 0);
    p->x.whole = !p->x.log;
    for (int64_t k = 0; k < n; k++) take_series(p, &series[k]);
    for (int64_t k = 0; k < d->n_bands; k++) {
        dnn_series low = edge(&d->bands[k], d->bands[k].low), high = edge(&d->bands[k], d->bands[k].high);
        take_series(p, &low);
        take_series(p, &high);
    }
    dnni_axis_end(&p->x, 0, d->x_low, d->x_high);
    dnni_axis_end(&p->y, 0.05, d->y_low, d->y_high);
}

dnn_status dnni_plot_check_series(const dnn_series *series, int64_t n) {
    DNNI_REQUIRE(n >= 0 && (series || n == 0), "n is %lld, series %s", (long long)n, series ? "is given" : "is NULL");
    for (int64_t k = 0; k < n; k++)
        DNNI_REQUIRE(series[k].count == 0 || (series[k].count > 0 && series[k].y),
                     "series %lld has no y of %lld numbers", (long long)k, (long long)series[k].count);
    return DNN_OK;
}

/* A moving average that begins at 0 is too small by the share that its weights lack: they are divided by. */
bool dnni_next_point(dnni_points *at, const dnni_plot *p, const dnn_series *s, double smoothing) {
    int64_t i = at->weight > 0 ? at->i + 1 : at->i;
    while (i < s->count && !is_shown(p, s, i)) i++;
    if (i >= s->count) return false;
    at->mean = smoothing * at->mean + (1 - smoothing) * s->y[i];
    at->weight = smoothing * at->weight + (1 - smoothing);
    at->i = i;
    at->x = x_of(s, i);
    at->y = at->mean / at->weight;
    at->follows = is_shown(p, s, i - 1);
    at->alone = !at->follows && !is_shown(p, s, i + 1);
    return true;
}

static void draw_line(const dnni_plot *p, const dnni_canvas *window, const dnn_series *s, double smoothing,
                      uint32_t colour) {
    double thickness = (double)p->scale, x_before = 0, y_before = 0;
    for (dnni_points at = {.i = 0}; dnni_next_point(&at, p, s, smoothing);) {
        double x = dnni_axis_at(&p->x, at.x), y = dnni_axis_at(&p->y, at.y);
        if (at.follows) dnni_line(window, x_before, y_before, x, y, thickness, colour);
        else if (at.alone) dnni_line(window, x, y, x, y, 3 * thickness, colour);
        x_before = x;
        y_before = y;
    }
}

/* All that is pale first, so that it covers nothing. */
static void draw_series(const dnni_plot *p, const dnni_canvas *window, const dnn_series *series, int64_t n,
                        double smoothing) {
    for (int64_t k = 0; smoothing > 0 && k < n; k++)
        draw_line(p, window, &series[k], 0, dnni_mix(colour_of(series[k].colour, k), DNNI_WHITE, 0.7));
    for (int64_t k = 0; k < n; k++) draw_line(p, window, &series[k], smoothing, colour_of(series[k].colour, k));
}

/* ---- bands ---- */

static void shade_column(const dnni_canvas *window, int64_t x, double a, double b, uint32_t colour) {
    int64_t top = llround(fmax(fmin(a, b), (double)window->top));
    int64_t end = llround(fmin(fmax(a, b), (double)window->bottom));
    for (int64_t y = top; y <= end; y++) dnni_blend(window, x, y, colour, SHADE);
}

/* Column by column between the points; the last point is the first of the next piece. */
static void draw_band(const dnni_plot *p, const dnni_canvas *window, const dnn_band *b, uint32_t colour) {
    dnn_series low = edge(b, b->low), high = edge(b, b->high);
    for (int64_t i = 1; i < b->count; i++) {
        if (!is_shown(p, &low, i - 1) || !is_shown(p, &high, i - 1) || !is_shown(p, &low, i) || !is_shown(p, &high, i))
            continue;
        double from = dnni_axis_at(&p->x, x_of(&low, i - 1)), to = dnni_axis_at(&p->x, x_of(&low, i));
        double y[4] = {dnni_axis_at(&p->y, b->low[i - 1]), dnni_axis_at(&p->y, b->low[i]),
                       dnni_axis_at(&p->y, b->high[i - 1]), dnni_axis_at(&p->y, b->high[i])};
        double first = fmax(ceil(from), (double)window->left), end = fmin(ceil(to), (double)window->right);
        for (double x = first; x < end; x++) {
            double t = (x - from) / (to - from);
            shade_column(window, (int64_t)x, y[0] + t * (y[1] - y[0]), y[2] + t * (y[3] - y[2]), colour);
        }
    }
}

/* ---- the legend, in the corner with the fewest points ---- */

typedef struct {
    int64_t entries, width, height, x, y;
} legend;

static legend measure_legend(const dnni_plot *p, const dnn_series *series, int64_t n) {
    legend l = {.entries = 0};
    for (int64_t k = 0; k < n; k++) {
        int64_t width = dnni_text_width(series[k].label, p->scale);
        if (!series[k].label) continue;
        l.entries++;
        if (width > l.width) l.width = width;
    }
    l.width += SWATCH * p->scale / 2 + 3 * LEGEND_PAD;
    l.height = l.entries * (DNNI_LINE_HEIGHT + 2) * p->scale + LEGEND_PAD;
    return l;
}

static int64_t points_within(const dnni_plot *p, const dnn_series *series, int64_t n, double smoothing,
                             const legend *l) {
    int64_t count = 0;
    for (int64_t k = 0; k < n; k++)
        for (dnni_points at = {.i = 0}; dnni_next_point(&at, p, &series[k], smoothing);) {
            double x = dnni_axis_at(&p->x, at.x) - (double)l->x, y = dnni_axis_at(&p->y, at.y) - (double)l->y;
            count += x >= 0 && x <= (double)l->width && y >= 0 && y <= (double)l->height;
        }
    return count;
}

static void place_legend(const dnni_plot *p, const dnn_series *series, int64_t n, double smoothing, legend *l) {
    int64_t fewest = INT64_MAX;
    legend best = *l;
    for (int corner = 0; corner < 4; corner++) { /* upper right, upper left, lower left, lower right */
        bool right = corner == 0 || corner == 3, top = corner < 2;
        l->x = right ? p->x.to - l->width - LEGEND_PAD : p->x.from + 2 * LEGEND_PAD;
        l->y = top ? p->y.to + LEGEND_PAD : p->y.from - l->height - LEGEND_PAD;
        int64_t count = points_within(p, series, n, smoothing, l);
        if (count < fewest) best = *l;
        if (count < fewest) fewest = count;
    }
    *l = best;
}

static void draw_legend(const dnni_plot *p, const dnn_series *series, int64_t n, double smoothing) {
    legend l = measure_legend(p, series, n);
    if (l.entries == 0) return;
    place_legend(p, series, n, smoothing, &l);
    dnni_fill(&p->canvas, l.x, l.y, l.width, l.height, DNNI_WHITE);
    dnni_frame(&p->canvas, l.x, l.y, l.width, l.height, 1, DNNI_FAINT);
    int64_t y = l.y + LEGEND_PAD, swatch = SWATCH * p->scale / 2;
    for (int64_t k = 0; k < n; k++) {
        double middle = (double)(y + DNNI_TEXT_HEIGHT * p->scale / 2);
        if (!series[k].label) continue;
        dnni_line(&p->canvas, (double)(l.x + LEGEND_PAD), middle, (double)(l.x + LEGEND_PAD + swatch), middle,
                  1.5 * (double)p->scale, colour_of(series[k].colour, k));
        dnni_text(&p->canvas, l.x + 2 * LEGEND_PAD + swatch, y, series[k].label, p->scale, INT64_MAX, DNNI_INK);
        y += (DNNI_LINE_HEIGHT + 2) * p->scale;
    }
}

static dnn_status check_bands(const dnn_plot_desc *d) {
    DNNI_REQUIRE(d->n_bands >= 0 && (d->bands || d->n_bands == 0), "desc.n_bands is %lld, desc.bands %s",
                 (long long)d->n_bands, d->bands ? "is given" : "is NULL");
    for (int64_t k = 0; k < d->n_bands; k++) {
        const dnn_band *b = &d->bands[k];
        DNNI_REQUIRE(b->count == 0 || (b->count > 0 && b->low && b->high),
                     "band %lld has no low and high of %lld numbers", (long long)k, (long long)b->count);
    }
    return DNN_OK;
}

dnn_status dnn_plot_lines(dnn_tensor **out, dnn_context *ctx, const dnn_series *series, int64_t n,
                          const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    dnni_plot p = {.note = NULL};
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_plot_desc(&d, desc));
    DNNI_TRY(dnni_plot_check_series(series, n));
    DNNI_TRY(check_bands(&d));
    dnni_plot_ranges(&p, series, n, &d);
    DNNI_TRY(dnni_plot_begin(&p, ctx, &d));
    dnni_canvas window = dnni_plot_window(&p);
    for (int64_t k = 0; k < d.n_bands; k++) {
        uint32_t chosen = d.bands[k].colour || k >= n ? d.bands[k].colour : series[k].colour;
        draw_band(&p, &window, &d.bands[k], colour_of(chosen, k));
    }
    draw_series(&p, &window, series, n, d.smoothing);
    draw_legend(&p, series, n, d.smoothing);
    *out = p.picture;
    return DNN_OK;
}
