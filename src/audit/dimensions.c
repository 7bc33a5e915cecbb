/* Places of the input: what each holds over all samples, and those that hold nothing, twice the same, or codes for what
 * is missing. */
#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "core/sort.h"

enum { SHOWN = 5 };

/* ---- folding ---- */

static void meet_low(dnni_dimension *d, double x) {
    if (x == d->low) d->low_count++;
    else if (x < d->low) {
        d->low_next = d->low;
        d->low = x;
        d->low_count = 1;
    } else if (x < d->low_next) d->low_next = x;
}

static void meet_high(dnni_dimension *d, double x) {
    if (x == d->high) d->high_count++;
    else if (x > d->high) {
        d->high_next = d->high;
        d->high = x;
        d->high_count = 1;
    } else if (x > d->high_next) d->high_next = x;
}

static void meet(dnni_dimension *d, double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    d->hash = (d->hash ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
    d->hash ^= d->hash >> 32;
    if (!isfinite(x)) {
        d->bad++;
        return;
    }
    double before = x - d->mean;
    d->mean += before / (double)++d->count;
    d->squares += before * (x - d->mean);
    d->whole += x == floor(x);
    meet_low(d, x);
    meet_high(d, x);
}

void dnni_audit_fold(dnni_dimension *d, const double *column, int64_t rows, int64_t stride) {
    if (d->count + d->bad == 0) {
        d->low = d->low_next = INFINITY;
        d->high = d->high_next = -INFINITY;
    }
    for (int64_t i = 0; i < rows; i++) meet(d, column[i * stride]);
}

/* ---- constant ---- */

static bool is_constant(const dnni_dimension *d) { return d->count > 0 && d->low == d->high && d->bad == 0; }

/* The first few numbers of a list, as text. */
static dnni_places numbers(const dnni_list *list) {
    dnni_places p = {""};
    for (int64_t i = 0; i < list->n && i < SHOWN; i++)
        snprintf(p.text + strlen(p.text), sizeof p.text - strlen(p.text), "%s%lld", i ? ", " : "",
                 (long long)list->index[i]);
    if (list->n > SHOWN) snprintf(p.text + strlen(p.text), sizeof p.text - strlen(p.text), ", …");
    return p;
}

/* In pictures the edge is often of one colour; a whole channel, or a column of a table, is another matter. */
static bool is_edge(const dnni_audit *a, const dnni_list *list) {
    return dnni_is_picture(a) && list->n < a->dims / a->channels;
}

static dnn_status find_constant(dnni_audit *a, dnni_set *s) {
    dnni_list list;
    DNNI_TRY(dnni_list_new(a, &list, a->dims));
    for (int64_t j = 0; j < a->dims; j++)
        if (is_constant(&s->dimensions[j])) dnni_list_add(&list, j);
    if (list.n == 0 || s->n < 2) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, is_edge(a, &list) ? DNN_SEVERITY_NOTE : DNN_SEVERITY_WARNING, "constant-dimensions", s,
                            NULL, "%lld of %lld dimensions are the same in all samples: %s", (long long)list.n,
                            (long long)a->dims, numbers(&list).text));
    DNNI_TRY(dnni_report_how(a->report, "the variance over %lld samples is 0; dimension %lld is always %s",
                             (long long)s->n, (long long)list.index[0],
                             dnni_real(s->dimensions[list.index[0]].low, 6).text));
    return dnni_report_action(a->report, "leave them out, or do not divide by their deviation when standardising");
}

/* ---- twice the same ---- */

static int compare_hashes(const void *context, uint32_t i, uint32_t j) {
    const dnni_dimension *d = context;
    if (d[i].hash != d[j].hash) return d[i].hash < d[j].hash ? -1 : 1;
    return i < j ? -1 : i > j;
}

static bool same_column(const dnni_dimension *a, const dnni_dimension *b) {
    return a->hash == b->hash && a->low == b->low && a->high == b->high && a->mean == b->mean;
}

/* The columns that equal an earlier one, and that one. */
static dnn_status equal_columns(dnni_audit *a, const dnni_set *s, dnni_list *later, dnni_list *earlier) {
    uint32_t *order = dnni_pool_alloc(&a->pool, a->dims, sizeof *order);
    if (!order) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnni_list_new(a, later, a->dims));
    DNNI_TRY(dnni_list_new(a, earlier, a->dims));
    for (int64_t j = 0; j < a->dims; j++) order[j] = (uint32_t)j;
    dnni_sort(order, a->dims, compare_hashes, s->dimensions);
    for (int64_t i = 1, first = 0; i < a->dims; i++) {
        const dnni_dimension *one = &s->dimensions[order[first]], *two = &s->dimensions[order[i]];
        if (!same_column(one, two) || is_constant(two)) {
            first = i;
            continue;
        }
        dnni_list_add(later, order[i]);
        dnni_list_add(earlier, order[first]);
    }
    return DNN_OK;
}

/* A channel that equals the first in nearly all pixels: grey pictures in three channels, or one read twice. */
static dnn_status find_equal_channels(dnni_audit *a, dnni_set *s, const dnni_list *later, bool *told) {
    int64_t pixels = a->height * a->width, constant = 0;
    for (int64_t j = 0; j < a->dims; j++) constant += is_constant(&s->dimensions[j]);
    int64_t most = pixels - constant / a->channels;
    *told = most > 0 && later->n >= most - most / 100;
    if (!*told) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "duplicate-channels", s, NULL,
                            "the channels of all pictures are equal: %s", later->n >= 2 * (most - most / 100)
                                ? "grey pictures stored in colour" : "one channel is there twice"));
    DNNI_TRY(dnni_report_how(a->report, "%lld of %lld values equal one of another channel in every sample",
                             (long long)later->n, (long long)a->dims));
    return dnni_report_action(a->report, "keep one of the channels, or look for a fault in reading them");
}

static dnn_status find_duplicates(dnni_audit *a, dnni_set *s) {
    dnni_list later, earlier;
    bool told = false;
    DNNI_TRY(equal_columns(a, s, &later, &earlier));
    if (later.n == 0 || s->n < 2) return DNN_OK;
    if (dnni_is_picture(a) && a->channels > 1) DNNI_TRY(find_equal_channels(a, s, &later, &told));
    if (told) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, dnni_is_picture(a) ? DNN_SEVERITY_NOTE : DNN_SEVERITY_WARNING, "duplicate-dimensions",
                            s, NULL, "%lld of %lld dimensions equal another in all samples: %lld = %lld",
                            (long long)later.n, (long long)a->dims, (long long)later.index[0],
                            (long long)earlier.index[0]));
    DNNI_TRY(dnni_report_how(a->report, "a hash over their values in all %lld samples is equal, and so are least, "
                             "greatest and mean; constant ones do not count", (long long)s->n));
    return dnni_report_action(a->report, "leave one of each pair out");
}

/* ---- codes for what is missing ---- */

/* Numbers that people write where there is none. */
static bool is_code(double x) {
    static const double codes[] = {-1,   -9,    -99,   -999,   -9999,  -99999, -999999,       99,
                                   999,  9999,  99999, 999999, -32768, 32767,  -2147483648.0, 2147483647.0,
                                   1e20, -1e20, 1e30,  -1e30};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (x == codes[i]) return true;
    return fabs(x) >= 1e36;
}

/* Apart from all others: the gap is as wide as all the rest. -1 is a number like any other unless it is the only
 * negative one, and comes several times. */
static bool stands_apart(double value, double next, double far_end, int64_t count) {
    if (!is_code(value) || !isfinite(next)) return false;
    if (fabs(value) < 99 && (count < 3 || next < 0)) return false;
    return fabs(next - value) >= fabs(far_end - next);
}

static bool column_code(const dnni_dimension *d, double *code, int64_t *count) {
    bool low = stands_apart(d->low, d->low_next, d->high, d->low_count);
    bool high = stands_apart(d->high, d->high_next, d->low, d->high_count);
    *code = low ? d->low : d->high;
    *count = low ? d->low_count : d->high_count;
    return low || high;
}

static dnn_status list_code(dnni_audit *a, const dnni_set *s, int64_t j, double code, dnni_list *list) {
    DNNI_TRY(dnni_list_new(a, list, s->kept));
    for (int64_t i = 0; a->point_dims == a->dims && i < s->kept; i++)
        if (dnni_point(a, s, i)[j] == (float)code) dnni_list_add(list, s->ids[i]);
    return DNN_OK;
}

static dnn_status find_codes(dnni_audit *a, dnni_set *s) {
    for (int64_t j = 0, told = 0; j < a->dims && told < SHOWN; j++) {
        double code;
        int64_t count;
        if (!column_code(&s->dimensions[j], &code, &count)) continue;
        dnni_list list;
        const dnni_dimension *d = &s->dimensions[j];
        DNNI_TRY(list_code(a, s, j, code, &list));
        DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "missing-value-codes", s, &list,
                                "column %lld is %s in %lld samples: does that mean \"missing\"?", (long long)j,
                                dnni_real(code, 9).text, (long long)count));
        DNNI_TRY(dnni_report_how(a->report, "a number that stands for missing ones in many tables, and farther from "
                                 "the rest than these are from each other: the next value is %s, the other end %s",
                                 dnni_real(code == d->low ? d->low_next : d->high_next, 6).text,
                                 dnni_real(code == d->low ? d->high : d->low, 6).text));
        DNNI_TRY(
            dnni_report_action(a->report, "fill in the column's mean or median, and say so in a column of its own"));
        told++;
    }
    return DNN_OK;
}

dnn_status dnni_audit_dimensions(dnni_audit *a, dnni_set *s) {
    DNNI_TRY(find_constant(a, s));
    DNNI_TRY(find_duplicates(a, s));
    return dnni_is_picture(a) ? DNN_OK : find_codes(a, s);
}
