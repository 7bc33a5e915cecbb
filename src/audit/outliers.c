/* Samples far from all others. */
#include "audit/audit.h"
#include "audit/median.h"

/* Tukey's fence, as cleanlab's users know it: mean distance to the k nearest > Q3 + 1.7 · (Q3 - Q1). */
static const double fence = 1.7;

static double mean_distance(const dnni_neighbours *n, int64_t point) {
    double sum = 0, count = 0;
    for (int64_t i = 0; i < n->k; i++) {
        double d = (double)n->distance[point * n->k + i];
        if (!isfinite(d)) continue;
        sum += d;
        count++;
    }
    return count > 0 ? sum / count : 0;
}

static dnn_status tell(dnni_audit *a, dnni_set *s, const dnni_list *list, double limit, double median) {
    dnn_status status;
    if (dnni_audit_hides(a, "outliers", s, list, &status)) return status;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_NOTE, "outliers", s, list, "%lld samples are far from all others: %s",
                            (long long)list->n, dnni_audit_places(a, s, list).text));
    DNNI_TRY(dnni_report_how(
        a->report, "mean distance to the %lld nearest above Q3 + %s (Q3 - Q1) = %s; the median is %s",
        (long long)s->near.k, dnni_real(fence, 2).text, dnni_real(limit, 3).text, dnni_real(median, 3).text));
    DNNI_TRY(dnni_report_action(a->report, "look at them, beside their neighbours"));
    return dnni_audit_sheet(a, s, list, "outliers beside their nearest neighbours");
}

dnn_status dnni_audit_outliers(dnni_audit *a, dnni_set *s) {
    dnni_sorted distances;
    dnni_list list;
    if (s->near.k == 0 || s->kept < 20) return DNN_OK;
    DNNI_TRY(dnni_sorted_new(a, &distances, s->kept));
    DNNI_TRY(dnni_list_new(a, &list, s->kept));
    for (int64_t i = 0; i < s->kept; i++) distances.value[distances.n++] = mean_distance(&s->near, i);
    dnni_sort_reals(distances.value, distances.n);
    double q1 = dnni_quantile(&distances, 0.25), q3 = dnni_quantile(&distances, 0.75), limit = q3 + fence * (q3 - q1);
    for (int64_t i = 0; i < s->kept; i++)
        if (mean_distance(&s->near, i) > limit) dnni_list_add(&list, s->ids[i]);
    return list.n ? tell(a, s, &list, limit, dnni_median(&distances)) : DNN_OK;
}
