/* The best at the border of a range: what lies beyond may be better still. */
#include <math.h>

#include "report/report.h"
#include "search/search.h"

#define BORDER 0.05 /* the outer part of a range, on its scale; our choice */

enum { MOST_GOOD = 256 };

/* Where the best trial lies, and the other good ones, seen from the end that it is at: 0 is the end. */
typedef struct {
    const dnni_range *range;
    bool upper;
    double value, place, median;
    int64_t n; /* good ones: the best quarter */
} border;

static double place_of(const dnni_ranking *r, const border *b, int64_t k, int64_t i) {
    double place = dnni_range_place(b->range, dnni_draw(r->search, dnni_ranked(r, i)->number, k));
    return b->upper ? 1 - place : place;
}

static double median_of(double *places, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        double place = places[i];
        int64_t at = i;
        for (; at > 0 && places[at - 1] > place; at--) places[at] = places[at - 1];
        places[at] = place;
    }
    return (places[(n - 1) / 2] + places[n / 2]) / 2;
}

static bool look(border *b, const dnni_ranking *r, int64_t k) {
    double places[MOST_GOOD];
    b->range = &r->search->ranges[k];
    b->value = dnni_draw(r->search, dnni_ranked(r, 0)->number, k);
    b->upper = dnni_range_place(b->range, b->value) > 0.5;
    b->place = place_of(r, b, k, 0);
    b->n = r->good / 4 < 1 ? 1 : r->good / 4 < MOST_GOOD ? r->good / 4 : MOST_GOOD;
    for (int64_t i = 0; i < b->n; i++) places[i] = place_of(r, b, k, i);
    b->median = median_of(places, b->n);
    return b->range->kind != DNNI_CHOICE && b->place <= BORDER;
}

/* Many ranges begin at 0, or end at 1, because there is nothing beyond. */
static bool is_natural_end(const border *b) {
    if (dnni_range_is_log(b->range)) return false;
    return b->upper ? b->range->high == 1 && b->range->low >= 0 : b->range->low == 0;
}

/* A decade further, or half the range; whole numbers of a small range at least one. */
static double beyond(const border *b) {
    const dnni_range *r = b->range;
    double span = r->high - r->low, end = b->upper ? r->high : r->low;
    if (!dnni_range_is_log(r)) return end + (b->upper ? 1 : -1) * (r->n > 0 ? fmax(1, round(span / 2)) : span / 2);
    double factor = fmin(10, r->high / r->low);
    double value = b->upper ? end * factor : end / factor;
    return r->n > 0 ? fmax(1, round(value)) : value;
}

static dnn_status say_what_to_do(dnn_report *report, const border *b) {
    const dnni_range *r = b->range;
    dnni_real_text there;
    if (r->kind == DNNI_LOG_INTEGER && !b->upper && r->low == 1)
        return dnni_report_action(report, "1 is the least there is: keep it, or leave %s out", r->name);
    return dnni_report_action(report, "extend the range %swards, to %s say, and search again%s",
                              b->upper ? "up" : "down", dnni_range_text(r, beyond(b), &there),
                              is_natural_end(b) ? ", if there is something beyond" : "");
}

/* Where the other good trials lie elsewhere, the best one may be there by chance. */
static dnn_status tell(dnn_report *report, const border *b, const dnni_ranking *r) {
    const dnni_range *range = b->range;
    bool alone = r->good >= DNNI_FEWEST && b->median > 1.0 / 3;
    bool warn = !alone && !is_natural_end(b);
    dnni_real_text value, low, high;
    DNNI_TRY(dnni_report_add(report, warn ? DNN_SEVERITY_WARNING : DNN_SEVERITY_NOTE, "best-at-border",
                             "the best trial has %s = %s, at the %s end of its range, %s to %s%s", range->name,
                             dnni_range_text(range, b->value, &value), b->upper ? "upper" : "lower",
                             dnni_range_text(range, range->low, &low), dnni_range_text(range, range->high, &high),
                             alone ? "; other good trials lie elsewhere" : ""));
    DNNI_TRY(dnni_report_set(report, range->name));
    DNNI_TRY(dnni_report_how(report, "it lies %s %% of the range%s from that end, the median of the best %lld trials "
                                     "%s %%",
                             dnni_real(round(1000 * b->place) / 10, 3).text,
                             dnni_range_is_log(range) ? " (on its logarithmic scale)" : "", (long long)b->n,
                             dnni_real(round(100 * b->median), 3).text));
    return say_what_to_do(report, b);
}

dnn_status dnni_search_border(dnn_report *report, const dnni_ranking *r) {
    for (int64_t k = 0; k < r->search->n_ranges && r->good > 1; k++) {
        border b;
        if (look(&b, r, k)) DNNI_TRY(tell(report, &b, r));
    }
    return DNN_OK;
}
