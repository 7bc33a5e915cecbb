/* Plots for a terminal: a field of cells of a character each, numbers to the left and below, labels to the right. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "inspect/axes.h"

enum { WIDTH = 72, HEIGHT = 16, LEAST_WIDTH = 32, LEAST_HEIGHT = 4, MOST_SIDE = 1000, MOST_LABEL = 16, LINE = 4096 };

typedef struct {
    const dnn_series *series;
    int64_t n;
    const dnn_plot_desc *desc;
    dnni_plot plot;               /* its axes alone; a pixel is a dot */
    int64_t columns, rows;        /* of the field */
    int64_t dots_across, dots_down; /* of a cell */
    int64_t left, right;          /* columns of the numbers, and of the labels, before and behind it */
    unsigned char *cells;         /* [rows][columns]: the dots of a pattern, or the letter */
    int64_t *label_at;            /* [rows]: the series whose label stands there; -1: none */
    dnni_tick x_ticks[DNNI_MOST_TICKS], y_ticks[DNNI_MOST_TICKS];
    int64_t n_x, n_y;
} text_plot;

/* ---- the field ---- */

static char letter_of(int64_t series) {
    static const char letters[] = "*+ox#@%&";
    return letters[series % (int64_t)(sizeof letters - 1)];
}

/* U+2800 and eight bits: the dots of braille are numbered down the left column, down the right one, and the last row
 * was added later. */
static void put_dot(text_plot *t, int64_t series, int64_t x, int64_t y) {
    static const unsigned char braille[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int64_t column = x / t->dots_across, row = y / t->dots_down;
    if (x < 0 || y < 0 || column >= t->columns || row >= t->rows) return;
    unsigned char *cell = &t->cells[row * t->columns + column];
    if (t->desc->ascii) *cell = (unsigned char)letter_of(series);
    else *cell |= braille[y % 4][x % 2];
}

static double near(double at, int64_t size) { return fmax(fmin(at, 2 * (double)size), -(double)size); }

/* Dots a step apart. Ends far outside are drawn to from nearer by: a line to there leaves the field all the same. */
static void put_line(text_plot *t, int64_t series, double x0, double y0, double x1, double y1) {
    int64_t wide = t->columns * t->dots_across, high = t->rows * t->dots_down;
    x0 = near(x0, wide), x1 = near(x1, wide), y0 = near(y0, high), y1 = near(y1, high);
    int64_t steps = (int64_t)ceil(fmax(fabs(x1 - x0), fabs(y1 - y0))) + 1;
    for (int64_t i = 0; i <= steps; i++) {
        double share = (double)i / (double)steps;
        put_dot(t, series, llround(x0 + share * (x1 - x0)), llround(y0 + share * (y1 - y0)));
    }
}

/* At the row where the line ends, or the nearest one that is free. */
static void place_label(text_plot *t, int64_t series, double y) {
    int64_t row = (int64_t)near(y, t->rows * t->dots_down) / t->dots_down;
    row = row < 0 ? 0 : row >= t->rows ? t->rows - 1 : row;
    for (int64_t away = 0; away < t->rows; away++)
        for (int64_t side = -1; side <= 1; side += 2) {
            int64_t at = row + side * away;
            if (at < 0 || at >= t->rows || t->label_at[at] >= 0) continue;
            t->label_at[at] = series;
            return;
        }
}

static void draw_series(text_plot *t, int64_t k) {
    const dnn_series *s = &t->series[k];
    double x_before = 0, y_before = 0;
    bool any = false;
    for (dnni_points at = {.i = 0}; dnni_next_point(&at, &t->plot, s, t->desc->smoothing); any = true) {
        double x = dnni_axis_at(&t->plot.x, at.x), y = dnni_axis_at(&t->plot.y, at.y);
        if (at.follows) put_line(t, k, x_before, y_before, x, y);
        else put_line(t, k, x, y, x, y);
        x_before = x;
        y_before = y;
    }
    if (any && s->label) place_label(t, k, y_before);
}

/* ---- layout ---- */

static int64_t widest(const dnni_tick *ticks, int64_t n) {
    int64_t width = 0;
    for (int64_t i = 0; i < n; i++) width = dnnk_max(width, (int64_t)strlen(ticks[i].text));
    return width;
}

static int64_t longest_label(const text_plot *t) {
    int64_t longest = 0;
    for (int64_t k = 0; k < t->n; k++)
        if (t->series[k].label) longest = dnnk_max(longest, dnni_text_length(t->series[k].label));
    return dnnk_min(longest, MOST_LABEL);
}

static void place(text_plot *t) {
    const dnn_plot_desc *d = t->desc;
    int64_t label = longest_label(t), most;
    t->dots_across = d->ascii ? 1 : 2;
    t->dots_down = d->ascii ? 1 : 4;
    t->rows = d->height;
    t->plot.y.from = t->rows * t->dots_down - 1;
    t->n_y = dnni_axis_ticks(t->y_ticks, &t->plot.y, dnnk_max(2, t->rows / 3));
    t->left = widest(t->y_ticks, t->n_y) + 2;
    t->right = label > 0 ? label + (d->ascii ? 3 : 1) : 0;
    t->columns = dnnk_max(8, d->width - t->left - t->right);
    t->plot.x.to = t->columns * t->dots_across - 1;
    most = t->columns / 8;
    do t->n_x = dnni_axis_ticks(t->x_ticks, &t->plot.x, most);
    while ((widest(t->x_ticks, t->n_x) + 2) * dnni_numbered_ticks(t->x_ticks, t->n_x) > t->columns && most-- > 2);
}

/* ---- writing ---- */

static const char *tick_at_row(const text_plot *t, int64_t row) {
    for (int64_t i = 0; i < t->n_y; i++) {
        int64_t at = dnni_tick_pixel(&t->plot.y, &t->y_ticks[i]);
        if (at >= 0 && at / t->dots_down == row && t->y_ticks[i].text[0]) return t->y_ticks[i].text;
    }
    return NULL;
}

static void write_cell(dnni_writer *w, const text_plot *t, unsigned char cell) {
    if (t->desc->ascii) dnni_write(w, "%c", cell ? cell : ' ');
    else if (!cell) dnni_write(w, " ");
    else dnni_write(w, "\xe2%c%c", 0xa0 + (cell >> 6), 0x80 + (cell & 0x3f)); /* U+2800 + cell */
}

/* Its first characters, cleaned: labels come from anywhere. */
static void write_label(dnni_writer *w, const text_plot *t, int64_t series) {
    char label[4 * MOST_LABEL + 1];
    dnni_clean(label, sizeof label, t->series[series].label);
    int bytes = 0;
    for (int n = 0; label[bytes]; bytes++)
        if ((label[bytes] & 0xc0) != 0x80 && ++n > MOST_LABEL) break;
    if (t->desc->ascii) dnni_write(w, " %c", letter_of(series));
    dnni_write(w, " %.*s", bytes, label);
}

static int64_t filled(const text_plot *t, int64_t row) {
    int64_t n = t->label_at[row] >= 0 ? t->columns : 0;
    for (int64_t i = n; i < t->columns; i++)
        if (t->cells[row * t->columns + i]) n = i + 1;
    return n;
}

static void write_row(dnni_writer *w, const text_plot *t, int64_t row) {
    const char *number = tick_at_row(t, row);
    const char *axis = t->desc->ascii ? number ? "+" : "|" : number ? "┤" : "│";
    dnni_write(w, "%*s %s", (int)t->left - 2, number ? number : "", axis);
    for (int64_t i = 0, n = filled(t, row); i < n; i++) write_cell(w, t, t->cells[row * t->columns + i]);
    if (t->label_at[row] >= 0) write_label(w, t, t->label_at[row]);
    dnni_write(w, "\n");
}

static bool is_x_tick(const text_plot *t, int64_t column) {
    for (int64_t i = 0; i < t->n_x; i++)
        if (t->x_ticks[i].text[0] && dnni_tick_pixel(&t->plot.x, &t->x_ticks[i]) / t->dots_across == column)
            return true;
    return false;
}

/* Numbers stand with their middle below their tick. */
static void write_x_numbers(dnni_writer *w, const text_plot *t) {
    int64_t at = -t->left;
    for (int64_t i = 0; i < t->n_x; i++) {
        int64_t length = (int64_t)strlen(t->x_ticks[i].text);
        int64_t from = dnni_tick_pixel(&t->plot.x, &t->x_ticks[i]) / t->dots_across - length / 2;
        from = dnnk_min(from, t->columns + t->right - length);
        if (length == 0 || from < at + (at > -t->left)) continue;
        dnni_write(w, "%*s%s", (int)(from - at), "", t->x_ticks[i].text);
        at = from + length;
    }
    dnni_write(w, "\n");
}

static void write_axis(dnni_writer *w, const text_plot *t) {
    bool ascii = t->desc->ascii != 0;
    dnni_write(w, "%*s%s", (int)t->left - 1, "", ascii ? "+" : "└");
    for (int64_t i = 0; i < t->columns; i++)
        dnni_write(w, "%s", is_x_tick(t, i) ? ascii ? "+" : "┬" : ascii ? "-" : "─");
    dnni_write(w, "\n");
    write_x_numbers(w, t);
}

static void write_words(dnni_writer *w, const char *words, int64_t left) {
    char line[LINE];
    if (!words) return;
    dnni_clean(line, sizeof line, words);
    dnni_write(w, "%*s%s\n", (int)left, "", line);
}

static void write_plot(dnni_writer *w, const text_plot *t) {
    write_words(w, t->desc->title, t->left);
    write_words(w, t->desc->y_label, 0);
    for (int64_t row = 0; row < t->rows; row++) write_row(w, t, row);
    write_axis(w, t);
    if (t->desc->x_label)
        write_words(w, t->desc->x_label,
                    dnnk_max(0, t->left + (t->columns - dnni_text_length(t->desc->x_label)) / 2));
}

/* ---- entry ---- */

static dnn_status check(dnn_plot_desc *d, dnn_context *ctx, const dnn_series *series, int64_t n,
                        const dnn_plot_desc *desc, const char *text, size_t bytes) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_plot_settings(d, desc));
    if (d->width == 0) d->width = WIDTH;
    if (d->height == 0) d->height = HEIGHT;
    DNNI_REQUIRE(d->width >= LEAST_WIDTH && d->height >= LEAST_HEIGHT && d->width <= MOST_SIDE &&
                     d->height <= MOST_SIDE,
                 "desc: a plot in text has %d × %d to %d × %d characters", LEAST_WIDTH, LEAST_HEIGHT, MOST_SIDE,
                 MOST_SIDE);
    DNNI_REQUIRE(text || bytes == 0, "text is NULL, bytes is not 0");
    return dnni_plot_check_series(series, n);
}

int64_t dnn_plot_text(dnn_context *ctx, const dnn_series *series, int64_t n, const dnn_plot_desc *desc, char *text,
                      size_t bytes) {
    dnn_plot_desc d;
    if (check(&d, ctx, series, n, desc, text, bytes) != DNN_OK) return -1;
    dnni_pool pool = {.ctx = ctx};
    text_plot t = {.series = series, .n = n, .desc = &d};
    d.n_bands = 0; /* there is no shading in a terminal */
    dnni_plot_ranges(&t.plot, series, n, &d);
    place(&t);
    t.cells = dnni_pool_alloc(&pool, t.rows * t.columns, 1);
    t.label_at = dnni_pool_alloc(&pool, t.rows, sizeof *t.label_at);
    dnni_writer w = {.text = bytes > 0 ? text : NULL, .room = (int64_t)bytes};
    bool made = t.cells && t.label_at;
    for (int64_t row = 0; made && row < t.rows; row++) t.label_at[row] = -1;
    for (int64_t k = 0; made && k < n; k++) draw_series(&t, k);
    if (made) write_plot(&w, &t);
    dnni_pool_free(&pool);
    return made ? w.used : -1;
}
