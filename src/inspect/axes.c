#include "inspect/axes.h"

#include <math.h>
#include <string.h>

/* Beyond these, differences of numbers are no numbers any more. */
#define LARGEST 1e300
#define LEAST_SPAN 1e-290

enum { LEAST_WIDTH = 160, LEAST_HEIGHT = 120, PAD = 12, TICK = 5, LARGE_TEXT = 480 };

/* ---- what is asked for ---- */

dnn_status dnni_plot_settings(dnn_plot_desc *d, const dnn_plot_desc *desc) {
    DNNI_TRY(DNNI_READ_DESC(*d, desc, true));
    double ends[] = {d->x_low, d->x_high, d->y_low, d->y_high};
    bool numbers = true;
    for (int i = 0; i < 4; i++) numbers = numbers && fabs(ends[i]) <= LARGEST;
    bool x_ordered = d->x_low < d->x_high || (d->x_low == 0 && d->x_high == 0);
    bool y_ordered = d->y_low < d->y_high || (d->y_low == 0 && d->y_high == 0);
    DNNI_REQUIRE(numbers && x_ordered && y_ordered, "desc: the ends of an axis are not in order");
    DNNI_REQUIRE(!d->x_log || d->x_low > 0 || d->x_high == 0, "desc.x_low is %g on a logarithmic axis", d->x_low);
    DNNI_REQUIRE(!d->y_log || d->y_low > 0 || d->y_high == 0, "desc.y_low is %g on a logarithmic axis", d->y_low);
    DNNI_REQUIRE(d->smoothing >= 0 && d->smoothing < 1, "desc.smoothing is %g, it may be 0 to below 1", d->smoothing);
    return DNN_OK;
}

dnn_status dnni_plot_desc(dnn_plot_desc *d, const dnn_plot_desc *desc) {
    DNNI_TRY(dnni_plot_settings(d, desc));
    if (d->width == 0) d->width = 720;
    if (d->height == 0) d->height = 480;
    DNNI_REQUIRE(d->width >= LEAST_WIDTH && d->height >= LEAST_HEIGHT, "desc: a plot has at least %d × %d pixels",
                 LEAST_WIDTH, LEAST_HEIGHT);
    return DNN_OK;
}

/* ---- ranges ---- */

void dnni_axis_begin(dnni_axis *axis, bool log) {
    *axis = (dnni_axis){.low = INFINITY, .high = -INFINITY, .log = log};
}

void dnni_axis_take(dnni_axis *axis, double value) {
    if (axis->log) value = value > 0 ? log10(value) : NAN;
    if (!isfinite(value)) return;
    value = fmax(fmin(value, LARGEST), -LARGEST);
    axis->low = fmin(axis->low, value);
    axis->high = fmax(axis->high, value);
}

static void widen(dnni_axis *axis, double share) {
    if (axis->low > axis->high) axis->low = axis->high = 0;
    double span = axis->high - axis->low, magnitude = fmax(fabs(axis->low), fabs(axis->high));
    double room = share * span;
    if (span <= 1e-12 * magnitude || span < LEAST_SPAN) room = magnitude > 0 && !axis->log ? magnitude / 2 : 0.5;
    axis->low -= room;
    axis->high += room;
}

void dnni_axis_end(dnni_axis *axis, double share, double low, double high) {
    widen(axis, share);
    if (low >= high) return;
    axis->low = axis->log ? log10(low) : low;
    axis->high = axis->log ? log10(high) : high;
}

double dnni_axis_at(const dnni_axis *axis, double value) {
    if (axis->log) value = value > 0 ? log10(value) : NAN;
    if (!isfinite(value)) return NAN;
    double share = (value - axis->low) / (axis->high - axis->low);
    if (axis->down) share = 1 - share;
    return (double)axis->from + fmax(fmin(share, 1e4), -1e4) * (double)(axis->to - axis->from);
}

/* ---- ticks ---- */

/* A step of 1, 2 or 5 times a power of ten, such that at most `most` of them fit. */
static void choose_step(double span, int64_t most, bool whole, int64_t *mantissa, int *exponent) {
    static const int64_t steps[] = {1, 2, 5};
    *exponent = (int)floor(log10(span / (double)most));
    if (whole && *exponent < 0) *exponent = 0;
    for (;; ++*exponent)
        for (int i = 0; i < 3; i++) {
            *mantissa = steps[i];
            if (span / ((double)steps[i] * pow(10, *exponent)) <= (double)most) return;
        }
}

static int64_t linear_ticks(dnni_tick *ticks, const dnni_axis *axis, int64_t most) {
    int64_t mantissa, n = 0;
    int exponent;
    choose_step(axis->high - axis->low, most, axis->whole, &mantissa, &exponent);
    double step = (double)mantissa * pow(10, exponent), slack = step * 1e-9;
    for (double i = ceil((axis->low - slack) / step); i * step <= axis->high + slack && n < DNNI_MOST_TICKS; i++, n++) {
        ticks[n].at = i * step;
        if (fabs(i) < 1e15) dnni_decimal(ticks[n].text, (int64_t)i * mantissa, exponent);
        else dnni_number(ticks[n].text, i * step, 6);
    }
    return n;
}

static dnni_tick log_tick(double mantissa, int exponent, bool with_text) {
    dnni_tick t = {.at = log10(mantissa) + exponent};
    if (with_text) dnni_decimal(t.text, (int64_t)mantissa, exponent);
    return t;
}

/* Powers of ten, of which every `apart`-th has its number; the numbers 2 … 9 between them where there is room. */
static int64_t log_ticks(dnni_tick *ticks, const dnni_axis *axis, int64_t most) {
    double decades = axis->high - axis->low;
    if (decades < 0.3) return -1;
    int64_t n = 0, apart = (int64_t)ceil(decades / (double)most);
    for (int e = (int)floor(axis->low); e <= (int)ceil(axis->high); e++)
        for (int m = 1; m < 10 && n < DNNI_MOST_TICKS; m++) {
            if (m > 1 && decades > 6) break;
            bool labelled = m == 1 ? e % apart == 0 : decades < 2.5 && (m == 2 || m == 5);
            dnni_tick t = log_tick(m, e, labelled);
            if (t.at >= axis->low - 1e-9 && t.at <= axis->high + 1e-9) ticks[n++] = t;
        }
    return n;
}

/* Within a third of a decade, ticks are evenly spaced numbers again. */
static int64_t narrow_log_ticks(dnni_tick *ticks, const dnni_axis *axis, int64_t most) {
    dnni_axis plain = *axis;
    plain.low = pow(10, axis->low);
    plain.high = pow(10, axis->high);
    int64_t n = linear_ticks(ticks, &plain, most);
    for (int64_t i = 0; i < n; i++) ticks[i].at = log10(ticks[i].at);
    return n;
}

int64_t dnni_axis_ticks(dnni_tick ticks[DNNI_MOST_TICKS], const dnni_axis *axis, int64_t most) {
    memset(ticks, 0, DNNI_MOST_TICKS * sizeof *ticks);
    if (most < 2) most = 2;
    if (!axis->log) return linear_ticks(ticks, axis, most);
    int64_t n = log_ticks(ticks, axis, most);
    return n >= 0 ? n : narrow_log_ticks(ticks, axis, most);
}

int64_t dnni_numbered_ticks(const dnni_tick *ticks, int64_t n) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) count += ticks[i].text[0] != '\0';
    return count;
}

static int64_t widest(const dnni_tick *ticks, int64_t n, int64_t scale) {
    int64_t width = 0;
    for (int64_t i = 0; i < n; i++)
        if (dnni_text_width(ticks[i].text, scale) > width) width = dnni_text_width(ticks[i].text, scale);
    return width;
}

/* As many ticks as have room for their numbers side by side, two characters apart. */
static int64_t make_x_ticks(dnni_tick *ticks, const dnni_plot *p) {
    int64_t step = DNNI_TEXT_STEP * p->scale, room = p->x.to - p->x.from, most = room / (3 * step), n;
    do n = dnni_axis_ticks(ticks, &p->x, most);
    while ((widest(ticks, n, p->scale) + 2 * step) * dnni_numbered_ticks(ticks, n) > room && most-- > 2);
    return n;
}

/* ---- drawing ---- */

int64_t dnni_tick_pixel(const dnni_axis *axis, const dnni_tick *tick) {
    double share = (tick->at - axis->low) / (axis->high - axis->low);
    if (axis->down) share = 1 - share;
    return axis->from + (int64_t)llround(share * (double)(axis->to - axis->from));
}

static void draw_x(const dnni_plot *p, const dnni_tick *ticks, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t x = dnni_tick_pixel(&p->x, &ticks[i]), width = dnni_text_width(ticks[i].text, p->scale);
        int64_t left = x - width / 2, most = p->canvas.width - width - 2;
        dnni_fill(&p->canvas, x, p->y.to, 1, p->y.from - p->y.to, DNNI_FAINT);
        dnni_fill(&p->canvas, x, p->y.from, 1, TICK, DNNI_INK);
        dnni_text(&p->canvas, left < most ? left : most, p->y.from + TICK + 4, ticks[i].text, p->scale, DNNI_NUMBER,
                  DNNI_INK);
    }
}

static void draw_y(const dnni_plot *p, const dnni_tick *ticks, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t y = dnni_tick_pixel(&p->y, &ticks[i]), width = dnni_text_width(ticks[i].text, p->scale);
        dnni_fill(&p->canvas, p->x.from, y, p->x.to - p->x.from, 1, DNNI_FAINT);
        if (!ticks[i].text[0]) continue;
        dnni_fill(&p->canvas, p->x.from - TICK, y, TICK, 1, DNNI_INK);
        dnni_text(&p->canvas, p->x.from - TICK - 4 - width, y - DNNI_TEXT_HEIGHT * p->scale / 2, ticks[i].text,
                  p->scale, DNNI_NUMBER, DNNI_INK);
    }
}

/* The note is smaller where it would not fit. */
static int64_t note_scale(const dnni_plot *p) {
    return p->scale > 1 && dnni_text_width(p->note, p->scale) > p->canvas.width - 6 * PAD ? p->scale - 1 : p->scale;
}

static void draw_words(const dnni_plot *p, const dnn_plot_desc *d) {
    int64_t step = DNNI_TEXT_STEP * p->scale, y = PAD, most = (p->canvas.width - 2 * PAD) / step;
    if (d->title) {
        dnni_text(&p->canvas, p->x.from, y, d->title, p->scale, (p->canvas.width - p->x.from - PAD) / step, DNNI_INK);
        y += DNNI_LINE_HEIGHT * p->scale + 4;
    }
    if (p->note) dnni_text(&p->canvas, p->x.from, y, p->note, note_scale(p), INT64_MAX, 0x6b7280);
    if (d->x_label) {
        int64_t width = dnni_text_width(d->x_label, p->scale), left = (p->x.from + p->x.to - width) / 2;
        if (left > p->canvas.width - PAD - width) left = p->canvas.width - PAD - width;
        if (left < PAD) left = PAD; /* below the axis where it has room, and cut where it has none */
        dnni_text(&p->canvas, left, p->canvas.height - PAD - DNNI_LINE_HEIGHT * p->scale + p->scale,
                  d->x_label, p->scale, most, DNNI_INK);
    }
    if (d->y_label) {
        int64_t width = dnni_text_width(d->y_label, p->scale), middle = (p->y.from + p->y.to) / 2;
        dnni_text_up(&p->canvas, PAD, middle + width / 2, d->y_label, p->scale, DNNI_INK);
    }
}

/* Where the axes stand depends on how wide the numbers beside them are, and those on how long the axes are: the height
 * comes first, then the numbers of y, then the width. */
static void place_axes(dnni_plot *p, const dnn_plot_desc *d, dnni_tick *ticks, int64_t *n_y) {
    int64_t line = DNNI_LINE_HEIGHT * p->scale, top = PAD, bottom = d->height - PAD - TICK - 4 - line;
    if (d->title) top += line + 4;
    if (p->note) top += DNNI_LINE_HEIGHT * note_scale(p) + 4;
    if (d->x_label) bottom -= line + 4;
    p->y.from = bottom;
    p->y.to = top + (d->title || p->note ? 2 : 0);
    *n_y = dnni_axis_ticks(ticks, &p->y, (p->y.from - p->y.to) / (2 * line));
    p->x.from = PAD + TICK + 4 + widest(ticks, *n_y, p->scale) + (d->y_label ? line + 6 : 0);
    p->x.to = d->width - PAD - DNNI_TEXT_STEP * p->scale;
    if (p->x.to < p->x.from + 16) p->x.to = p->x.from + 16;
}

dnni_canvas dnni_plot_window(const dnni_plot *p) {
    dnni_canvas window = p->canvas;
    window.left = p->x.from + 1;
    window.right = p->x.to + 1;
    window.top = p->y.to;
    window.bottom = p->y.from;
    return window;
}

dnn_status dnni_plot_begin(dnni_plot *p, dnn_context *ctx, const dnn_plot_desc *d) {
    dnni_tick ticks[DNNI_MOST_TICKS];
    int64_t n;
    p->scale = d->width >= LARGE_TEXT ? 2 : 1;
    DNNI_TRY(dnni_canvas_new(&p->picture, &p->canvas, ctx, d->width, d->height, DNNI_WHITE));
    place_axes(p, d, ticks, &n);
    draw_y(p, ticks, n);
    draw_x(p, ticks, make_x_ticks(ticks, p));
    dnni_fill(&p->canvas, p->x.from, p->y.to, 1, p->y.from - p->y.to + 1, DNNI_INK);
    dnni_fill(&p->canvas, p->x.from, p->y.from, p->x.to - p->x.from + 1, 1, DNNI_INK);
    draw_words(p, d);
    return DNN_OK;
}
