/* The target among the inputs: a column that equals it, or that tells it without fail. */
#include "audit/audit.h"

/* SAMPLES: as many are looked at, evenly spaced. FEWEST: below, a column may tell all classes by chance. */
enum { SAMPLES = 1000, FEWEST = 50, SHOWN = 5 };
static const double correlated = 0.999;

typedef struct {
    const dnni_audit *audit;
    const dnni_set *set;
    int64_t n, step; /* points looked at: 0, step, 2 step, … */
    double *ends;    /* [lanes, 2, classes] */
    uint8_t *verdict; /* [dims] */
} search;

enum { INNOCENT, EQUAL, TELLS };

static double value_at(const search *s, int64_t dimension, int64_t i) {
    return (double)dnni_point(s->audit, s->set, i * s->step)[dimension];
}
static double target_at(const search *s, int64_t i) { return s->set->samples[s->set->ids[i * s->step]].target; }

/* Pearson's, of the column and the target. */
static double correlation(const search *s, int64_t dimension) {
    double n = 0, mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < s->n; i++) {
        double x = value_at(s, dimension, i), y = target_at(s, i);
        if (!isfinite(x) || !isfinite(y)) continue;
        double dx = x - mx, dy = y - my;
        mx += dx / ++n;
        my += dy / n;
        xx += dx * (x - mx);
        yy += dy * (y - my);
        xy += dx * (y - my);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* The least and the greatest value of each class that is there, in low[0..n) and high[0..n); n. */
static int64_t class_ends(const search *s, int64_t dimension, double *low, double *high) {
    int64_t classes = s->audit->classes, n = 0;
    for (int64_t k = 0; k < classes; k++) {
        low[k] = INFINITY;
        high[k] = -INFINITY;
    }
    for (int64_t i = 0; i < s->n; i++) {
        int64_t k = dnni_label(s->set, i * s->step);
        double x = value_at(s, dimension, i);
        if (k < 0 || !isfinite(x)) continue;
        if (x < low[k]) low[k] = x;
        if (x > high[k]) high[k] = x;
    }
    for (int64_t k = 0; k < classes; k++) {
        if (low[k] > high[k]) continue;
        low[n] = low[k];
        high[n++] = high[k];
    }
    return n;
}

/* The values of no two classes overlap: in order, each class begins above the end of the one before. */
static bool tells_class(const search *s, int64_t dimension, double *ends) {
    double *low = ends, *high = ends + s->audit->classes;
    int64_t n = class_ends(s, dimension, low, high);
    dnni_sort_reals(low, n);
    dnni_sort_reals(high, n);
    for (int64_t i = 1; i < n; i++)
        if (low[i] <= high[i - 1]) return false;
    return n > 1;
}

static void look_at_column(void *arg, int64_t task, int64_t lane) {
    const search *s = arg;
    double r = fabs(correlation(s, task));
    s->verdict[task] = INNOCENT;
    if (r > correlated) s->verdict[task] = EQUAL;
    else if (s->audit->kind == DNNI_TARGET_CLASS && tells_class(s, task, s->ends + lane * 2 * s->audit->classes))
        s->verdict[task] = TELLS;
}

static dnn_status tell(dnni_audit *a, const search *s, int64_t j) {
    bool equal = s->verdict[j] == EQUAL;
    DNNI_TRY(dnni_audit_add(a, equal ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "target-in-inputs", s->set, NULL,
                            "dimension %lld of the inputs %s", (long long)j,
                            equal ? "is the target, but for a factor" : "alone tells every sample's class"));
    DNNI_TRY(dnni_report_how(a->report, "its correlation with the target is %s%s, over %lld samples",
                             dnni_real(correlation(s, j), 5).text, equal ? "" : ", and no two classes share values",
                             (long long)s->n));
    return dnni_report_action(a->report, "take it out, unless it is known when the model is used");
}

static dnn_status look(dnni_audit *a, search *s) {
    int64_t lanes = dnni_env(a->ctx)->lanes;
    s->ends = dnni_pool_alloc(&a->pool, lanes * 2, a->classes * (int64_t)sizeof *s->ends);
    s->verdict = dnni_pool_alloc(&a->pool, a->dims, 1);
    if (!s->ends || !s->verdict) return DNN_ERROR_MEMORY;
    dnnk_parallel(dnni_env(a->ctx), a->dims, look_at_column, s);
    for (int64_t j = 0, told = 0; j < a->dims && told < SHOWN; j++) {
        if (s->verdict[j] == INNOCENT) continue;
        DNNI_TRY(tell(a, s, j));
        told++;
    }
    return DNN_OK;
}

/* Before points are scaled, and only where they are the values themselves. */
dnn_status dnni_audit_leak(dnni_audit *a, dnni_set *set) {
    bool targets = a->kind == DNNI_TARGET_CLASS || a->kind == DNNI_TARGET_NUMBER;
    search s = {.audit = a, .set = set, .n = dnnk_min(SAMPLES, set->kept)};
    if (!targets || !set->points || a->cosine || a->point_dims != a->dims || s.n < FEWEST) return DNN_OK;
    s.step = set->kept / s.n;
    return look(a, &s);
}
