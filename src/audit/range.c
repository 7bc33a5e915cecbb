/* Values that are not numbers, not in their range, or on another scale than the rest. */
#include "audit/audit.h"

#include "core/sort.h"

/* ---- NaN and infinities ---- */

static dnn_status list_if(dnni_audit *a, const dnni_set *s, bool (*is)(const dnni_audit *, const dnni_sample *),
                          dnni_list *list) {
    DNNI_TRY(dnni_list_new(a, list, s->n));
    for (int64_t i = 0; i < s->n; i++)
        if (is(a, &s->samples[i])) dnni_list_add(list, i);
    return DNN_OK;
}

static bool not_finite(const dnni_audit *a, const dnni_sample *s) {
    (void)a;
    return s->bad > 0 || s->target_bad;
}

static dnn_status find_not_finite(dnni_audit *a, dnni_set *s) {
    dnni_list list;
    int64_t inputs = 0, targets = 0;
    DNNI_TRY(list_if(a, s, not_finite, &list));
    if (list.n == 0) return DNN_OK;
    for (int64_t i = 0; i < list.n; i++) {
        inputs += s->samples[list.index[i]].bad;
        targets += s->samples[list.index[i]].target_bad;
    }
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_ERROR, "not-finite", s, &list,
                            "%lld samples hold NaN or infinity: %s", (long long)list.n,
                            dnni_audit_places(a, s, &list).text));
    DNNI_TRY(dnni_report_how(a->report, "%lld such values in inputs, and %lld targets", (long long)inputs,
                             (long long)targets));
    return dnni_report_action(a->report, "fill missing values in, or leave these samples out: one NaN spreads into all "
                                         "weights in a step");
}

/* ---- whole numbers ---- */

static bool is_float(const dnni_audit *a) { return dnni_is_real(a->set[0].dataset->input.dtype); }

static bool is_whole(const dnni_audit *a, const dnni_sample *s) {
    (void)a;
    return s->whole && s->high > s->low;
}

/* A cast through whole numbers, of samples whose range was small, among others that have fractions. */
static dnn_status find_lost_fractions(dnni_audit *a, dnni_set *s, const dnni_list *whole) {
    const dnni_sample *first = &s->samples[whole->index[0]];
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "fractions-lost", s, whole,
                            "%lld samples hold whole numbers only, where the others have fractions: %s",
                            (long long)whole->n, dnni_audit_places(a, s, whole).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "all values of such a sample are whole; the first has %s … %s, and %lld of %lld "
                             "samples have fractions",
                             dnni_real(first->low, 5).text, dnni_real(first->high, 5).text,
                             (long long)(s->n - whole->n), (long long)s->n));
    DNNI_TRY(dnni_report_action(a->report, "look for a cast to integers on their way"));
    return dnni_audit_sheet(a, s, whole, "whole numbers among fractions");
}

static dnn_status tell_whole(dnni_audit *a, dnni_set *s) {
    bool bits = true;
    for (int64_t i = 0; i < s->n; i++) bits = bits && s->samples[i].low >= 0 && s->samples[i].high <= 1;
    if (bits && dnni_is_picture(a)) {
        DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "fractions-lost", s, NULL,
                                "all values are 0 or 1: were pictures in [0, 1] cast to integers?"));
        return dnni_report_action(a->report, "scale to [0, 1] after the last cast, not before it");
    }
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_NOTE, "whole-numbers", s, NULL,
                            "all values of the floating-point inputs are whole numbers"));
    return dnni_report_action(a->report, "nothing, if they are meant to be; stored as integers they would be smaller");
}

static dnn_status find_whole(dnni_audit *a, dnni_set *s) {
    dnni_list whole;
    int64_t varied = 0;
    if (!is_float(a) || s->n < 2) return DNN_OK;
    for (int64_t i = 0; i < s->n; i++) varied += dnni_span(&s->samples[i]) > 0;
    DNNI_TRY(list_if(a, s, is_whole, &whole));
    if (whole.n == 0) return DNN_OK;
    if (whole.n == varied) return tell_whole(a, s);
    return a->dims >= 16 && whole.n * 2 < varied ? find_lost_fractions(a, s, &whole) : DNN_OK;
}

dnn_status dnni_audit_values(dnni_audit *a, dnni_set *s) {
    DNNI_TRY(find_not_finite(a, s));
    return find_whole(a, s);
}

/* ---- declared against found ---- */

typedef struct {
    double low, high;
} range;

static range found_range(const dnni_audit *a, const dnni_set *s) {
    range r = {INFINITY, -INFINITY};
    for (int64_t j = 0; j < a->dims; j++) {
        if (s->dimensions[j].count == 0) continue;
        r.low = fmin(r.low, s->dimensions[j].low);
        r.high = fmax(r.high, s->dimensions[j].high);
    }
    return r;
}

static dnn_status tell_range(dnni_audit *a, dnn_severity severity, const char *name, const dnni_set *s,
                             const dnni_list *list, const range *found, const char *guess) {
    const dnn_audit_desc *o = &a->options;
    DNNI_TRY(dnni_audit_add(a, severity, name, s, list, "inputs are declared to lie in [%s, %s], and lie in [%s, %s]%s",
                            dnni_real(o->low, 6).text, dnni_real(o->high, 6).text, dnni_real(found->low, 6).text,
                            dnni_real(found->high, 6).text, guess));
    return dnni_report_how(a->report, "least and greatest of all values; %lld samples go beyond what is declared",
                           (long long)(list ? list->n : 0));
}

static bool is_outside(const dnni_audit *a, const dnni_sample *s) {
    double slack = 1e-6 * (a->options.high - a->options.low);
    return s->low < a->options.low - slack || s->high > a->options.high + slack;
}

/* Beyond by half of the range is no rounding and no overshoot: an error ("max > 1.5 where [0,1] is declared"). */
static dnn_status find_outside(dnni_audit *a, dnni_set *s, const range *r) {
    dnni_list list;
    DNNI_TRY(list_if(a, s, is_outside, &list));
    if (list.n == 0) return DNN_OK;
    double span = a->options.high - a->options.low;
    double beyond = fmax(a->options.low - r->low, r->high - a->options.high) / span;
    bool bytes = r->high > 100 && r->high <= 255 && r->low >= 0 && a->options.high <= 1;
    DNNI_TRY(tell_range(a, beyond > 0.5 ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, bytes ? "not-scaled" : "range", s,
                        &list, r,
                        bytes          ? ": not divided by 255?"
                        : beyond > 0.5 ? ": standardised, or not scaled?"
                                       : ""));
    return dnni_report_action(a->report, "scale once, to what is declared; or declare what the values are");
}

/* A range that is hardly used was scaled once too often. 1/255 is the usual factor. */
static dnn_status find_shrunk(dnni_audit *a, dnni_set *s, const range *r) {
    double span = a->options.high - a->options.low, times = span / (r->high - r->low);
    if (!(times > 30)) return DNN_OK;
    char guess[96];
    snprintf(guess, sizeof guess, ": ×255 = %s. Scaled twice?", dnni_real(255 * r->high, 4).text);
    DNNI_TRY(tell_range(a, DNN_SEVERITY_ERROR, "scaled-twice", s, NULL, r, guess));
    return dnni_report_action(a->report, "divide once; or declare the range that the values have");
}

/* Nothing was declared: pictures in [0, 1/255] speak for themselves. */
static dnn_status guess_shrunk(dnni_audit *a, dnni_set *s, const range *r) {
    if (!dnni_is_picture(a) || !is_float(a) || !(r->low >= 0 && r->high > 0 && r->high <= 1.01 / 255)) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_ERROR, "scaled-twice", s, NULL,
                            "pictures reach from %s to %s: ×255 = %s. Scaled twice?", dnni_real(r->low, 4).text,
                            dnni_real(r->high, 4).text, dnni_real(255 * r->high, 4).text));
    return dnni_report_action(a->report, "divide once");
}

dnn_status dnni_audit_range(dnni_audit *a, dnni_set *s) {
    range r = found_range(a, s);
    if (!(r.high >= r.low)) return DNN_OK;
    if (a->options.low == 0 && a->options.high == 0) return guess_shrunk(a, s, &r);
    DNNI_TRY(find_outside(a, s, &r));
    return find_shrunk(a, s, &r);
}
