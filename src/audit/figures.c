/* One sample in figures. */
#include "audit/audit.h"

enum { BINS = 64 };

/* ---- any sample ---- */

/* Mean and variance by Welford 1962. */
static void figures_of_values(const double *x, int64_t n, dnni_sample *s) {
    int64_t count = 0;
    double mean = 0, squares = 0;
    s->low = INFINITY;
    s->high = -INFINITY;
    s->whole = true;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) continue;
        double before = x[i] - mean;
        mean += before / (double)++count;
        squares += before * (x[i] - mean);
        if (x[i] < s->low) s->low = x[i];
        if (x[i] > s->high) s->high = x[i];
        s->whole = s->whole && x[i] == floor(x[i]);
    }
    if (count == 0) s->low = s->high = 0;
    s->mean = mean;
    s->deviation = count ? sqrt(squares / (double)count) : 0;
    s->bad = n - count;
}

/* ---- pictures ---- */

/* A pixel's brightness. Of two or four channels the last is alpha. */
static double grey(const dnni_audit *a, const double *x, int64_t row, int64_t column) {
    const double *pixel = x + (row * a->width + column) * a->channels;
    int64_t colours = a->channels >= 3 ? 3 : 1;
    double sum = 0;
    for (int64_t c = 0; c < colours; c++) sum += pixel[c];
    return isfinite(sum) ? sum / (double)colours : a->low;
}

static void count_bins(const dnni_audit *a, const double *x, int64_t bins[BINS]) {
    double scale = BINS / (a->high - a->low);
    for (int64_t i = 0; i < a->height; i++)
        for (int64_t j = 0; j < a->width; j++) {
            double bin = floor((grey(a, x, i, j) - a->low) * scale);
            bins[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : (int)bin]++;
        }
}

/* Where the share of the pixels ends, from below; 0 … 1. */
static double quantile(const int64_t bins[BINS], double pixels, double share) {
    double seen = 0;
    for (int b = 0; b < BINS; b++) {
        double next = seen + (double)bins[b];
        if (next >= share * pixels && bins[b]) return ((double)b + (share * pixels - seen) / (double)bins[b]) / BINS;
        seen = next;
    }
    return 1;
}

static void figures_of_brightness(const dnni_audit *a, const double *x, dnni_sample *s) {
    int64_t bins[BINS] = {0};
    double pixels = (double)(a->height * a->width);
    count_bins(a, x, bins);
    s->entropy = 0;
    for (int b = 0; b < BINS; b++)
        if (bins[b]) s->entropy -= (double)bins[b] / pixels * log2((double)bins[b] / pixels);
    s->dark = quantile(bins, pixels, 0.99);
    s->light = quantile(bins, pixels, 0.05);
}

/* The Laplacian is that of the four neighbours; white noise gives 20 (1 + 1 + 1 + 1 + 4²), a ramp 0. */
static void figures_of_edges(const dnni_audit *a, const double *x, dnni_sample *s) {
    double sum = 0, squares = 0, mean = 0, variance = 0, count = 0;
    for (int64_t i = 1; i + 1 < a->height; i++)
        for (int64_t j = 1; j + 1 < a->width; j++) {
            double centre = grey(a, x, i, j);
            double laplacian = grey(a, x, i - 1, j) + grey(a, x, i + 1, j) + grey(a, x, i, j - 1) +
                               grey(a, x, i, j + 1) - 4 * centre;
            sum += laplacian;
            squares += laplacian * laplacian;
            double before = centre - mean;
            mean += before / ++count;
            variance += before * (centre - mean);
        }
    double scale = a->high - a->low;
    bool blank = variance <= 1e-9 * count * scale * scale;
    s->edges = blank ? 0 : (squares - sum * sum / count) / variance;
}

static void figures_of_colour(const dnni_audit *a, const double *x, dnni_sample *s) {
    double sum = 0;
    int64_t pixels = a->height * a->width;
    s->colour = 0;
    if (a->channels < 3) return;
    for (int64_t i = 0; i < pixels; i++) {
        const double *p = x + i * a->channels;
        double high = p[0] > p[1] ? p[0] : p[1], low = p[0] < p[1] ? p[0] : p[1];
        double spread = (high > p[2] ? high : p[2]) - (low < p[2] ? low : p[2]);
        if (isfinite(spread)) sum += spread;
    }
    s->colour = sum / (double)pixels / (a->high - a->low);
}

void dnni_audit_figures(const dnni_audit *a, const double *values, dnni_sample *s) {
    figures_of_values(values, a->dims, s);
    if (!dnni_is_picture(a)) return;
    figures_of_brightness(a, values, s);
    figures_of_edges(a, values, s);
    figures_of_colour(a, values, s);
}
