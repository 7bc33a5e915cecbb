/* A summary in pictures, and in a report. */
#include <math.h>
#include <stdio.h>

#include "look/summary.h"
#include "report/report.h"

enum { BINS = 64, MOST_LINES = 8, MOST_BARS = 100, TITLE = 160 };

/* ---- histograms ---- */

/* A new tensor of what was kept. */
static dnn_status kept_tensor(dnn_tensor **out, dnn_context *ctx, const dnni_tally *t, int64_t channel) {
    int64_t n;
    const double *kept = dnni_tally_kept(t, channel, &n);
    DNNI_TRY(dnn_tensor_create(out, ctx, DNN_F64, 1, &n));
    double *values = dnn_tensor_data(*out);
    for (int64_t i = 0; i < n; i++) values[i] = kept[i];
    return DNN_OK;
}

static dnn_status draw_bars(dnn_tensor **out, dnn_context *ctx, const dnni_tally *t, int64_t channel,
                            const dnn_plot_desc *d) {
    dnn_tensor *values;
    DNNI_TRY(kept_tensor(&values, ctx, t, channel));
    dnn_status status = dnn_plot_histogram(out, ctx, values, 0, d);
    dnn_tensor_release(values);
    return status;
}

/* The share of the numbers in each of `bins` bins between low and high. */
static void count_shares(const double *kept, int64_t n, double low, double high, int64_t bins, double *shares) {
    for (int64_t i = 0; i < bins; i++) shares[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        double at = (kept[i] - low) / (high - low) * (double)bins;
        if (at >= 0 && at <= (double)bins) shares[dnnk_min((int64_t)at, bins - 1)] += 100.0 / (double)n;
    }
}

/* Whole numbers of not too many values get a bin each, in whose middle they stand. */
typedef struct line_bins {
    double low, width;
    int64_t n;
} line_bins;

static line_bins choose_bins(const dnn_values *all) {
    double room = (all->q99 - all->q01) / 2; /* long tails are cut off: the rest would be a needle */
    double low = fmax(all->min, all->q01 - room), high = fmin(all->max, all->q99 + room);
    if (!(high > low)) return (line_bins){all->median - 0.5, 1, 1};
    if (!all->whole || high - low > 1e6) return (line_bins){low, (high - low) / BINS, BINS};
    double numbers = floor(high) - floor(low) + 1, width = ceil(numbers / BINS); /* each bin has as many of them */
    return (line_bins){floor(low) - 0.5, width, (int64_t)ceil(numbers / width)};
}

typedef struct line_set {
    dnn_series series[MOST_LINES];
    char labels[MOST_LINES][32];
    double x[BINS + 1], y[MOST_LINES][BINS + 1];
} line_set;

static void fill_lines(line_set *set, const dnni_tally *t, const line_bins *b) {
    static const uint32_t colours[3] = {0xc62828, 0x2e7d32, 0x1565c0}; /* red, green, blue: if there are three */
    for (int64_t i = 0; i < b->n; i++) set->x[i] = b->low + ((double)i + 0.5) * b->width;
    for (int64_t c = 0; c < t->channels; c++) {
        int64_t n;
        const double *kept = dnni_tally_kept(t, c, &n);
        snprintf(set->labels[c], sizeof set->labels[c], "channel %lld", (long long)c);
        count_shares(kept, n, b->low, b->low + b->width * (double)b->n, b->n, set->y[c]);
        set->series[c] = (dnn_series){set->x, set->y[c], b->n, set->labels[c], t->channels == 3 ? colours[c] : 0};
    }
}

/* Where the axis ends, which begins at 0: shares that are alike are to look alike. */
static double largest_share(const line_set *set, int64_t channels, int64_t bins) {
    double largest = 1;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < bins; i++) largest = fmax(largest, 1.05 * set->y[c][i]);
    return largest;
}

static dnn_status draw_lines(dnn_tensor **out, dnn_context *ctx, const dnni_tally *t, const dnn_plot_desc *desc) {
    dnn_values all = dnni_tally_values(t, -1);
    dnn_plot_desc d = *desc;
    line_bins b = choose_bins(&all);
    line_set *set = dnni_alloc(ctx, 1, sizeof *set);
    if (!set) return DNN_ERROR_MEMORY;
    if (all.kept > 0) fill_lines(set, t, &b);
    if (!d.x_label) d.x_label = "value";
    if (!d.y_label) d.y_label = "% of the channel";
    if (d.y_low == 0 && d.y_high == 0) d.y_high = largest_share(set, t->channels, b.n);
    dnn_status status = dnn_plot_lines(out, ctx, set->series, t->channels, &d);
    dnni_free(ctx, set, 1, sizeof *set);
    return status;
}

dnn_status dnn_summary_histogram(dnn_tensor **out, const dnn_summary *summary, dnn_part part, int64_t channel,
                                 const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    char title[TITLE];
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_summary_check_channel(summary, part, channel));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    d.size = sizeof d;
    const dnni_tally *t = dnni_summary_part(summary, part);
    snprintf(title, sizeof title, "%.100s: %s", summary->name, part == DNN_PART_INPUT ? "inputs" : "targets");
    if (!d.title) d.title = title;
    bool lines = channel < 0 && t->channels > 1 && t->channels <= MOST_LINES && t->item.rank > 1;
    if (lines) return draw_lines(out, summary->base.ctx, t, &d);
    return draw_bars(out, summary->base.ctx, t, channel, &d);
}

/* ---- classes ---- */

/* Up to MOST_BARS of them. */
static dnn_status draw_classes(dnn_tensor **out, const dnn_summary *s, const dnn_plot_desc *d, dnni_pool *pool) {
    int64_t n = s->classes.classes < MOST_BARS ? s->classes.classes : MOST_BARS;
    const char **labels = dnni_pool_alloc(pool, n, sizeof *labels);
    double *values = dnni_pool_alloc(pool, n, sizeof *values);
    if (!labels || !values) return DNN_ERROR_MEMORY;
    for (int64_t k = 0; k < n; k++) {
        char name[128];
        dnni_class_text(s->dataset, k, name, sizeof name);
        labels[k] = dnni_pool_string(pool, name);
        values[k] = (double)s->labels.counts[k];
        if (!labels[k]) return DNN_ERROR_MEMORY;
    }
    return dnn_plot_bars(out, s->base.ctx, labels, values, n, d);
}

dnn_status dnn_summary_bars(dnn_tensor **out, const dnn_summary *summary, const dnn_plot_desc *desc) {
    dnn_plot_desc d;
    char title[TITLE];
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(summary, DNNI_SUMMARY, "summary"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    if (summary->classes.classes == 0) return dnni_error(DNN_ERROR_NOT_FOUND, "the targets are no classes");
    d.size = sizeof d;
    snprintf(title, sizeof title, "%.100s: classes%s", summary->name,
             summary->classes.classes > MOST_BARS ? ", the first 100" : "");
    if (!d.title) d.title = title;
    dnni_pool pool = {.ctx = summary->base.ctx};
    dnn_status status = draw_classes(out, summary, &d, &pool);
    dnni_pool_free(&pool);
    return status;
}

/* ---- in a report ---- */

static dnn_status add_picture(dnn_report *report, const dnn_summary *s, const char *what, dnn_tensor *picture) {
    char title[TITLE];
    snprintf(title, sizeof title, "%.100s: %s", s->name, what);
    return dnni_report_give_picture(report, title, picture);
}

static dnn_status add_pictures(dnn_report *report, const dnn_summary *s) {
    dnn_tensor *picture;
    if (s->input.elements > 0) {
        DNNI_TRY(dnn_summary_histogram(&picture, s, DNN_PART_INPUT, -1, NULL));
        DNNI_TRY(add_picture(report, s, "the values of the inputs", picture));
    }
    if (s->classes.classes > 0) {
        DNNI_TRY(dnn_summary_bars(&picture, s, NULL));
        return add_picture(report, s, "the classes", picture);
    }
    if (s->target.elements == 0) return DNN_OK;
    DNNI_TRY(dnn_summary_histogram(&picture, s, DNN_PART_TARGET, -1, NULL));
    return add_picture(report, s, "the values of the targets", picture);
}

dnn_status dnn_report_add_summary(dnn_report *report, const dnn_summary *summary) {
    DNNI_TRY(dnni_check(report, DNNI_REPORT, "report"));
    DNNI_TRY(dnni_check(summary, DNNI_SUMMARY, "summary"));
    DNNI_TRY(dnni_check_same_context(report, summary, "the report and the summary"));
    dnni_report_mark before = dnni_report_marked(report);
    dnn_status status = dnn_report_add_section(report, summary->name, summary->text, summary->json);
    if (status == DNN_OK) status = add_pictures(report, summary);
    if (status != DNN_OK) dnni_report_rewind(report, before);
    return status;
}
