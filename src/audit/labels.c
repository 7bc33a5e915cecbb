/* Labels by themselves: do they fit, are all there, how many of each. */
#include <stdio.h>

#include "audit/audit.h"

/* Above so many classes a label is rather a number, or an index. */
enum { MOST_CLASSES = 1 << 20 };

static bool valid_label(const dnni_audit *a, double target) {
    return target >= 0 && target < (double)a->classes && target == floor(target);
}

static dnn_status list_labels(dnni_audit *a, const dnni_set *s, bool (*is)(const dnni_audit *, double),
                              dnni_list *list) {
    DNNI_TRY(dnni_list_new(a, list, s->n));
    for (int64_t i = 0; i < s->n; i++)
        if (is(a, s->samples[i].target)) dnni_list_add(list, i);
    return DNN_OK;
}

/* ---- labels that are none ---- */

static bool is_negative(const dnni_audit *a, double t) { return (void)a, t < 0; }
static bool is_fraction(const dnni_audit *a, double t) { return (void)a, isfinite(t) && t != floor(t); }

/* What -1 becomes in an unsigned type of 8, 16 or 32 bits. */
static bool is_cast(const dnni_audit *a, double t) {
    return t >= (double)a->classes && (t == 255 || t == 65535 || t == 4294967295.0);
}
static bool is_beyond(const dnni_audit *a, double t) {
    return isfinite(t) && t == floor(t) && t >= (double)a->classes && !is_cast(a, t);
}

typedef struct {
    const char *name;
    bool (*is)(const dnni_audit *, double);
    const char *what, *action;
} label_test;

static const label_test label_tests[] = {
    {"labels-negative", is_negative, "are negative",
     "leave these samples out, or give them a class; -1 often stands for \"unknown\""},
    {"labels-cast", is_cast, "are what -1 becomes when it is cast to an unsigned type",
     "look for -1 before the cast: they stand for \"unknown\" more often than for a class"},
    {"labels-out-of-range", is_beyond, "are beyond the last class",
     "declare as many classes as there are, and look whether labels begin with 1"},
    {"labels-fractional", is_fraction, "have a fraction", "a class is a whole number; for numbers declare no classes"},
};

static dnn_status find_bad_labels(dnni_audit *a, dnni_set *s, const label_test *t) {
    dnni_list list;
    DNNI_TRY(list_labels(a, s, t->is, &list));
    if (list.n == 0) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_ERROR, t->name, s, &list, "%lld labels %s: %s", (long long)list.n, t->what,
                            dnni_audit_places(a, s, &list).text));
    DNNI_TRY(dnni_report_how(a->report, "the first is %s; there are %lld classes",
                             dnni_real(s->samples[list.index[0]].target, 12).text, (long long)a->classes));
    return dnni_report_action(a->report, "%s", t->action);
}

/* ---- how many of each ---- */

static dnn_status find_missing(dnni_audit *a, dnni_set *s) {
    const int64_t *counts = a->counts[s - a->set];
    int64_t missing = 0, first = -1;
    for (int64_t k = a->classes - 1; k >= 0; k--) {
        if (counts[k] > 0) continue;
        missing++;
        first = k;
    }
    if (missing == 0) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "class-missing", s, NULL,
                            "%lld of %lld classes have no sample: the first is %s", (long long)missing,
                            (long long)a->classes, dnni_audit_class(a, first).text));
    DNNI_TRY(dnni_report_how(a->report, "labels counted over %lld samples", (long long)s->n));
    return dnni_report_action(a->report, "split by class (stratified), or take the class out");
}

/* p_min < 0.1 / K. */
static dnn_status find_imbalance(dnni_audit *a, dnni_set *s) {
    const int64_t *counts = a->counts[s - a->set];
    int64_t least = -1, most = 0, total = 0;
    for (int64_t k = 0; k < a->classes; k++) {
        total += counts[k];
        if (counts[k] > 0 && (least < 0 || counts[k] < counts[least])) least = k;
        if (counts[k] > counts[most]) most = k;
    }
    if (least < 0 || (double)counts[least] * (double)a->classes >= 0.1 * (double)total) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "class-imbalance", s, NULL, "class %s has %lld samples of %lld",
                            dnni_audit_class(a, least).text, (long long)counts[least], (long long)total));
    DNNI_TRY(dnni_report_how(a->report, "less than a tenth of an equal share, %s; the largest class has %lld",
                             dnni_real((double)total / (double)a->classes, 4).text, (long long)counts[most]));
    return dnni_report_action(a->report,
                              "sample by class, weigh the loss, or collect more; and do not judge by accuracy");
}

static dnn_status count_labels(dnni_audit *a, dnni_set *s) {
    int64_t *counts = dnni_pool_alloc(&a->pool, a->classes, sizeof *counts);
    if (!counts) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->n; i++)
        if (s->samples[i].label >= 0) counts[s->samples[i].label]++;
    a->counts[s - a->set] = counts;
    return DNN_OK;
}

/* ---- which classes there are ---- */

/* The largest label, and the largest below it. */
static void largest_labels(const dnni_audit *a, double *largest, double *second) {
    *largest = *second = -1;
    for (int32_t k = 0; k < a->sets; k++)
        for (int64_t i = 0; i < a->set[k].n; i++) {
            double t = a->set[k].samples[i].target;
            if (!isfinite(t)) continue;
            if (t > *largest) {
                *second = *largest;
                *largest = t;
            } else if (t < *largest) *second = fmax(*second, t);
        }
}

/* Nobody says how many classes there are: the largest label does, unless it stands alone and is a cast -1. */
static void guess_classes(dnni_audit *a) {
    double largest, second;
    largest_labels(a, &largest, &second);
    bool cast = (largest == 255 || largest == 65535 || largest == 4294967295.0) && second < largest - 1;
    double top = floor(cast ? second : largest);
    a->classes = top >= 0 && top < MOST_CLASSES ? (int64_t)top + 1 : 0;
    if (a->classes * 2 > a->set[0].n && a->classes > 100) a->classes = 0;
}

/* Before the tests: what kind of targets there are, each sample's label, and the count of each class. */
dnn_status dnni_audit_classes(dnni_audit *a) {
    if (a->kind == DNNI_TARGET_NUMBER && a->options.classes > 0) a->kind = DNNI_TARGET_CLASS;
    a->classes = a->kind == DNNI_TARGET_CLASS ? a->options.classes : 0;
    if (a->kind == DNNI_TARGET_CLASS && a->classes == 0) guess_classes(a);
    if (a->kind == DNNI_TARGET_CLASS && a->classes == 0) a->kind = DNNI_TARGET_NUMBER;
    for (int32_t k = 0; k < a->sets; k++) {
        dnni_set *s = &a->set[k];
        for (int64_t i = 0; i < s->n; i++)
            s->samples[i].label = valid_label(a, s->samples[i].target) ? (int64_t)s->samples[i].target : -1;
        if (a->kind == DNNI_TARGET_CLASS) DNNI_TRY(count_labels(a, s));
    }
    return DNN_OK;
}

dnn_status dnni_audit_labels(dnni_audit *a, dnni_set *s) {
    if (a->kind != DNNI_TARGET_CLASS || s->n == 0) return DNN_OK;
    for (size_t i = 0; i < sizeof label_tests / sizeof *label_tests; i++)
        DNNI_TRY(find_bad_labels(a, s, &label_tests[i]));
    DNNI_TRY(find_missing(a, s));
    return find_imbalance(a, s);
}

/* ---- one set against the other ---- */

/* The share of a class in each set, and by how many standard errors they differ (two proportions, pooled). */
typedef struct {
    double train, test, errors;
} share;

static share compare_class(const dnni_audit *a, int64_t k, double n, double m) {
    share s = {(double)a->counts[0][k] / n, (double)a->counts[1][k] / m, 0};
    double pooled = (double)(a->counts[0][k] + a->counts[1][k]) / (n + m);
    double error = sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
    s.errors = error > 0 ? fabs(s.train - s.test) / error : 0;
    return s;
}

/* Four standard errors, and a quarter more or less, so that large sets do not report what does not matter (c). */
dnn_status dnni_audit_proportions(dnni_audit *a) {
    share worst = {0};
    int64_t class = -1;
    double n = (double)a->set[0].n, m = (double)a->set[1].n;
    for (int64_t k = 0; k < a->classes && n > 0 && m > 0; k++) {
        share s = compare_class(a, k, n, m);
        bool apart = s.errors > 4 && fmax(s.train, s.test) > 1.25 * fmin(s.train, s.test);
        if (!apart || s.errors <= worst.errors) continue;
        worst = s;
        class = k;
    }
    if (class < 0) return DNN_OK;
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "class-proportions", &a->set[1], NULL,
                            "classes have other shares than in %s: class %s is %s %% of it, and %s %% here",
                            a->set[0].name, dnni_audit_class(a, class).text, dnni_real(100 * worst.train, 3).text,
                            dnni_real(100 * worst.test, 3).text));
    DNNI_TRY(dnni_report_how(a->report,
                             "the shares of this class differ by %s standard errors, the most of all classes",
                             dnni_real(worst.errors, 3).text));
    return dnni_report_action(a->report, "split by class (stratified), or judge by figures for each class");
}
