/* Samples, blocks and classes on another scale than the rest: divided by 255 twice or not at all, standardised, moved.
 * Compared are spans: a sample's greatest value less its least. */
#include <string.h>

#include "audit/audit.h"
#include "audit/median.h"

/* BLOCKS: consecutive samples that are looked at as a group; FEWEST: samples that make one. */
enum { BLOCKS = 50, FEWEST = 20 };

/* By what factor spans differ (c): dark pictures have a small span too, down to about 1/30 of the others' in CIFAR-10,
 * and the usual mistake is 255. In tables one wide column makes most of a span, so that less is normal. A group's
 * median is steadier than a sample: classes of CIFAR-10 and MNIST stay within 1.3. */
static const double picture_factor = 64, table_factor = 8, spreads = 6, group_factor = 2, grave_factor = 20;

static dnn_status sorted_spans(dnni_audit *a, const dnni_set *s, dnni_sorted *logs) {
    DNNI_TRY(dnni_sorted_new(a, logs, s->n));
    for (int64_t i = 0; i < s->n; i++)
        if (dnni_span(&s->samples[i]) > 0) logs->value[logs->n++] = log(dnni_span(&s->samples[i]));
    dnni_sort_reals(logs->value, logs->n);
    return DNN_OK;
}

/* ---- single samples ---- */

static dnn_status list_far(dnni_audit *a, const dnni_set *s, double median, double limit, dnni_list *list) {
    DNNI_TRY(dnni_list_new(a, list, s->n));
    for (int64_t i = 0; i < s->n; i++) {
        double span = dnni_span(&s->samples[i]);
        if (span > 0 && fabs(log(span) - median) > limit) dnni_list_add(list, i);
    }
    return DNN_OK;
}

static dnn_status tell_scale(dnni_audit *a, const dnni_set *s, const dnni_list *list, double theirs, double others) {
    double factor = theirs > others ? theirs / others : others / theirs;
    bool grave = factor >= grave_factor && list->n >= 2 && dnni_is_picture(a);
    const char *guess = !(factor > 120 && factor < 520) ? "" : theirs < others ? ": scaled twice?" : ": not scaled?";
    DNNI_TRY(dnni_audit_add(a, grave ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "scale-differs", s, list,
                            "%lld samples are on another scale than the rest%s %s", (long long)list->n, guess,
                            dnni_audit_places(a, s, list).text));
    DNNI_TRY(dnni_report_how(a->report, "greatest less least value of a sample: %s in the median of these, %s in that "
                             "of the others, a factor of %s", dnni_real(theirs, 4).text, dnni_real(others, 4).text,
                             dnni_real(factor, 3).text));
    return dnni_report_action(a->report, "treat all samples alike on their way in");
}

static dnn_status median_span(dnni_audit *a, const dnni_set *s, const dnni_list *list, double *median) {
    dnni_sorted spans;
    DNNI_TRY(dnni_sorted_new(a, &spans, list->n));
    for (int64_t i = 0; i < list->n; i++) spans.value[spans.n++] = dnni_span(&s->samples[list->index[i]]);
    dnni_sort_reals(spans.value, spans.n);
    *median = dnni_median(&spans);
    return DNN_OK;
}

static dnn_status find_far(dnni_audit *a, dnni_set *s, const dnni_sorted *logs, int64_t *found) {
    double spread, theirs, factor = dnni_is_picture(a) ? picture_factor : table_factor;
    DNNI_TRY(dnni_spread(a, logs, &spread));
    dnni_list list;
    DNNI_TRY(list_far(a, s, dnni_median(logs), fmax(log(factor), spreads * spread), &list));
    *found = list.n;
    if (list.n == 0) return DNN_OK;
    DNNI_TRY(median_span(a, s, &list, &theirs));
    return tell_scale(a, s, &list, theirs, exp(dnni_median(logs)));
}

/* ---- groups ---- */

/* The medians of the group's spans and of its middles, and those of the rest. */
typedef struct {
    double span[2], middle[2];
    dnni_list members;
} group;

static bool is_member(const dnni_sample *s, int64_t index, int64_t n, int64_t label, int64_t block) {
    return label >= 0 ? s->label == label : index * BLOCKS / n == block;
}

static dnn_status look_at_group(dnni_audit *a, const dnni_set *s, int64_t label, int64_t block, group *g) {
    dnni_sorted spans[2], middles[2];
    DNNI_TRY(dnni_list_new(a, &g->members, s->n));
    for (int k = 0; k < 2; k++) DNNI_TRY(dnni_sorted_new(a, &spans[k], s->n));
    for (int k = 0; k < 2; k++) DNNI_TRY(dnni_sorted_new(a, &middles[k], s->n));
    for (int64_t i = 0; i < s->n; i++) {
        const dnni_sample *sample = &s->samples[i];
        int rest = !is_member(sample, i, s->n, label, block);
        if (!rest) dnni_list_add(&g->members, i);
        spans[rest].value[spans[rest].n++] = dnni_span(sample);
        middles[rest].value[middles[rest].n++] = (sample->high + sample->low) / 2;
    }
    for (int k = 0; k < 2; k++) {
        dnni_sort_reals(spans[k].value, spans[k].n);
        dnni_sort_reals(middles[k].value, middles[k].n);
        g->span[k] = dnni_median(&spans[k]);
        g->middle[k] = dnni_median(&middles[k]);
    }
    return DNN_OK;
}

/* Tables differ between classes, as they should: only pictures are compared. */
static dnn_status judge_group(dnni_audit *a, const dnni_set *s, const group *g) {
    if (g->members.n < FEWEST || s->n - g->members.n < FEWEST || !(g->span[1] > 0 && g->span[0] > 0)) return DNN_OK;
    double factor = fmax(g->span[0] / g->span[1], g->span[1] / g->span[0]);
    if (factor > group_factor) return tell_scale(a, s, &g->members, g->span[0], g->span[1]);
    if (fabs(g->middle[0] - g->middle[1]) < g->span[1] / 4) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "offset-differs", s, &g->members,
                            "the values of %lld samples lie elsewhere than those of the rest: %s",
                            (long long)g->members.n, dnni_audit_places(a, s, &g->members).text));
    DNNI_TRY(dnni_report_how(a->report, "the middle between a sample's least and greatest value is %s in the median of "
                             "these, %s in that of the others; a difference of more than a quarter of their span, %s",
                             dnni_real(g->middle[0], 4).text, dnni_real(g->middle[1], 4).text,
                             dnni_real(g->span[1], 4).text));
    return dnni_report_action(a->report, "treat all samples alike on their way in");
}

static dnn_status find_groups(dnni_audit *a, dnni_set *s) {
    for (int64_t k = 0; k < a->classes + BLOCKS; k++) {
        if (k < a->classes && a->classes > BLOCKS) continue; /* too many to be looked at one by one */
        dnni_pool all = a->pool;
        group g;
        a->pool = (dnni_pool){.ctx = a->ctx};
        dnn_status status = look_at_group(a, s, k < a->classes ? k : -1, k - a->classes, &g);
        if (status == DNN_OK) status = judge_group(a, s, &g);
        dnni_pool_free(&a->pool);
        a->pool = all;
        DNNI_TRY(status);
    }
    return DNN_OK;
}

dnn_status dnni_audit_scale(dnni_audit *a, dnni_set *s) {
    dnni_sorted logs;
    int64_t found = 0;
    DNNI_TRY(sorted_spans(a, s, &logs));
    if (logs.n < 2) return DNN_OK;
    DNNI_TRY(find_far(a, s, &logs, &found));
    return found == 0 && dnni_is_picture(a) ? find_groups(a, s) : DNN_OK;
}

/* ---- one set against the other ---- */

dnn_status dnni_audit_scale_across(dnni_audit *a) {
    dnni_sorted logs[2];
    for (int k = 0; k < 2; k++) DNNI_TRY(sorted_spans(a, &a->set[k], &logs[k]));
    if (logs[0].n == 0 || logs[1].n == 0) return DNN_OK;
    double train = exp(dnni_median(&logs[0])), test = exp(dnni_median(&logs[1]));
    double factor = fmax(train / test, test / train);
    if (factor <= group_factor) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, factor > grave_factor ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "scale-differs",
                            &a->set[1], NULL, "%s is on another scale than %s", a->set[1].name, a->set[0].name));
    DNNI_TRY(dnni_report_how(a->report,
                             "greatest less least value of a sample: %s in the median of %s, %s in that of %s",
                             dnni_real(test, 4).text, a->set[1].name, dnni_real(train, 4).text, a->set[0].name));
    return dnni_report_action(a->report, "scale both sets by the statistics of the training set");
}

/* ---- the order of axes ---- */

/* The library's pictures are (H, W, C). A first axis of 1, 3 or 4 before two large ones was meant otherwise. */
dnn_status dnni_audit_layout(dnni_audit *a) {
    const dnn_array *x = &a->set[0].dataset->input;
    bool first = x->rank == 3 && (x->dims[0] == 1 || x->dims[0] == 3 || x->dims[0] == 4);
    if (!first || x->dims[1] < 8 || x->dims[2] < 8) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "channels-first", NULL, NULL,
                            "samples have shape %s: pictures with channels first?", dnni_array_shape(x).text));
    return dnni_report_action(a->report, "bring them to (H, W, C), which every layer here takes");
}
