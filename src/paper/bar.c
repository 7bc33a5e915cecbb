/* A line that shows how far a run is. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <dnn/run.h>

#include "core/context.h"
#include "core/text.h"

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 20, MOST_WIDTH = 500, LEAST_BAR = 8, MOST_BAR = 40, PART = 128, PARTS = 6 };

/* The parts from left to right; those that are most easily missed have the largest rank. The bar itself takes what is
 * left, and goes first. */
typedef enum { LABEL, PERCENT, COUNT, RATE, LOSS, LEFT } part;
static const int rank[PARTS] = {2, 0, 4, 3, 1, 1};

typedef struct {
    char text[PARTS][PART];
    bool shown[PARTS];
} parts;

/* ---- the parts ---- */

/* 0:12, 4:05, 1:02:03, 3d 04:00. */
static void write_time(dnni_writer *w, double seconds) {
    long long s = (long long)llround(fmin(seconds, 1e9));
    if (s >= 86400) dnni_write(w, "%lldd %02lld:%02lld", s / 86400, s / 3600 % 24, s / 60 % 60);
    else if (s >= 3600) dnni_write(w, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else dnni_write(w, "%lld:%02lld", s / 60, s % 60);
}

/* As wide at the beginning as at the end. */
static void write_count(dnni_writer *w, const dnn_bar *b) {
    char total[24] = "";
    if (b->total > 0) snprintf(total, sizeof total, "%lld", (long long)b->total);
    dnni_write(w, "%*lld%s%s", (int)strlen(total), (long long)b->done, *total ? "/" : "", total);
}

static double steps_per_second(const dnn_bar *b) {
    double made = (double)(b->done - b->first);
    return made > 0 && b->seconds > 0 ? made / b->seconds : 0;
}

static void write_rate(dnni_writer *w, const dnn_bar *b) {
    double rate = steps_per_second(b) * (double)(b->units_per_step ? b->units_per_step : 1);
    if (rate <= 0) return;
    dnni_write(w, "%s %.40s/s", dnni_real(rate, rate < 999.5 ? 3 : 1 + (int)floor(log10(rate))).text,
               b->unit ? b->unit : "steps");
}

static void write_left(dnni_writer *w, const dnn_bar *b) {
    double rate = steps_per_second(b);
    if (b->total > b->done && rate > 0) {
        write_time(w, (double)(b->total - b->done) / rate);
        dnni_write(w, " left");
    } else if (b->seconds > 0) {
        write_time(w, b->seconds);
    }
}

static void write_part(dnni_writer *w, const dnn_bar *b, part which) {
    char label[PART / 2];
    switch (which) {
    case LABEL:
        dnni_clean(label, sizeof label, b->label ? b->label : "");
        dnni_write(w, "%s", label);
        break;
    case PERCENT:
        if (b->total > 0) dnni_write(w, "%3lld %%", (long long)floor(100.0 * (double)b->done / (double)b->total));
        break;
    case COUNT: write_count(w, b); break;
    case RATE: write_rate(w, b); break;
    case LOSS:
        if (b->has_loss) dnni_write(w, "loss %s", dnni_real(b->loss + 0.0, 4).text);
        break;
    case LEFT: write_left(w, b); break;
    }
}

/* ---- the line ---- */

static int width_of(const parts *p) {
    int width = 0;
    for (int i = 0; i < PARTS; i++)
        if (p->shown[i]) width += dnni_characters(p->text[i]) + (width > 0 ? 2 : 0);
    return width;
}

/* Leaves out the parts of the largest rank until the others fit. */
static void fit(parts *p, int width) {
    for (int most = 4; most > 0; most--)
        for (int i = PARTS - 1; i >= 0 && width_of(p) > width; i--)
            if (rank[i] == most) p->shown[i] = false;
}

/* In eighths of a column, for which Unicode has blocks (U+2588 … U+258F). */
static void write_bar(dnni_writer *w, const dnn_bar *b, int columns) {
    static const char *const blocks[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    int64_t eighths = (int64_t)floor(8.0 * columns * (double)b->done / (double)b->total);
    if (b->plain) dnni_write(w, "[");
    for (int i = 0, n = b->plain ? columns - 2 : columns; i < n; i++) {
        bool full = b->plain ? b->done * n >= (int64_t)(i + 1) * b->total : eighths >= 8 * (i + 1);
        if (b->plain) dnni_write(w, full ? "#" : ".");
        else dnni_write(w, "%s", full ? "█" : blocks[eighths > 8 * i ? eighths - 8 * i : 0]);
    }
    if (b->plain) dnni_write(w, "]");
}

static void write_line(dnni_writer *w, const dnn_bar *b, int width) {
    parts p;
    for (int i = 0; i < PARTS; i++) {
        dnni_writer one = {.text = p.text[i], .room = PART};
        p.text[i][0] = '\0';
        write_part(&one, b, (part)i);
        p.shown[i] = p.text[i][0] != '\0';
    }
    fit(&p, width);
    int columns = width - width_of(&p) - 2, used = 0;
    for (int i = 0; i < PARTS; i++) {
        if (i == PERCENT && b->total > 0 && columns >= LEAST_BAR) {
            int bar = columns < MOST_BAR ? columns : MOST_BAR;
            if (used > 0) dnni_write(w, "  ");
            write_bar(w, b, bar);
            used += bar + (used > 0 ? 2 : 0);
        }
        if (!p.shown[i]) continue;
        dnni_write(w, "%s%s", used > 0 ? "  " : "", p.text[i]);
        used += dnni_characters(p.text[i]) + (used > 0 ? 2 : 0);
    }
    if (used < width) dnni_write(w, "%*s", width - used, "");
}

static dnn_status check(const dnn_bar *b) {
    DNNI_REQUIRE(b->total >= 0 && b->done >= 0 && (b->total == 0 || b->done <= b->total), "bar: %lld of %lld are done",
                 (long long)b->done, (long long)b->total);
    DNNI_REQUIRE(b->first >= 0 && b->first <= b->done, "bar.first is %lld, of %lld", (long long)b->first,
                 (long long)b->done);
    DNNI_REQUIRE(b->total < INT64_MAX / MOST_WIDTH, "bar.total is %lld", (long long)b->total);
    DNNI_REQUIRE(b->seconds >= 0, "bar.seconds is %s", dnni_real(b->seconds, 6).text);
    DNNI_REQUIRE(b->units_per_step >= 0, "bar.units_per_step is %lld", (long long)b->units_per_step);
    DNNI_REQUIRE(b->width == 0 || (b->width >= LEAST_WIDTH && b->width <= MOST_WIDTH),
                 "bar.width is %d: %d to %d are possible", (int)b->width, LEAST_WIDTH, MOST_WIDTH);
    return DNN_OK;
}

dnn_status dnn_bar_line(char *text, int64_t room, const dnn_bar *bar) {
    dnn_bar b;
    DNNI_REQUIRE(text, "text is NULL");
    DNNI_TRY(DNNI_READ_DESC(b, bar, false));
    DNNI_TRY(check(&b));
    int width = b.width ? b.width : DEFAULT_WIDTH;
    DNNI_REQUIRE(room >= 4 * width, "room is %lld: a line of %d columns may take %d bytes", (long long)room, width,
                 4 * width);
    dnni_writer w = {.text = text, .room = room};
    write_line(&w, &b, width - 1);
    return DNN_OK;
}
