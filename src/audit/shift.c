/* Distributions that differ between training and test set: the test of Kolmogorov and Smirnov, on each column of a
 * table, and on the figures of samples of any kind. */
#include "audit/audit.h"
#include "audit/median.h"

/* COLUMNS: more are not tested one by one. A finding needs the test's significance, `level` shared among all columns,
 * and a difference of a tenth between the distribution functions, so that large sets do not report trifles (c). */
enum { COLUMNS = 256, SHOWN = 5 };
static const double level = 1e-3, least = 0.1;

/* What is compared: a column of the points, or (-1 - figure) a figure. */
typedef struct {
    const char *name;
    size_t offset; /* in dnni_sample */
    bool picture;
} sample_figure;

static const sample_figure figures[] = {
    {"mean", offsetof(dnni_sample, mean), false},          {"deviation", offsetof(dnni_sample, deviation), false},
    {"brightest value", offsetof(dnni_sample, high), true}, {"sharpness", offsetof(dnni_sample, edges), true},
    {"entropy", offsetof(dnni_sample, entropy), true},      {"colour", offsetof(dnni_sample, colour), true},
};
enum { FIGURES = sizeof figures / sizeof *figures };

typedef struct {
    const dnni_audit *audit;
    int64_t column; /* -1: a figure */
    const sample_figure *figure;
} quantity;

static double value_of(const quantity *q, const dnni_set *s, int64_t point) {
    if (q->column >= 0) return (double)dnni_point(q->audit, s, point)[q->column];
    return *(const double *)(const void *)((const char *)&s->samples[point] + q->figure->offset);
}

static dnn_status sorted_values(dnni_audit *a, const quantity *q, const dnni_set *s, dnni_sorted *sorted) {
    int64_t n = q->column >= 0 ? s->kept : s->n;
    DNNI_TRY(dnni_sorted_new(a, sorted, n));
    for (int64_t i = 0; i < n; i++) {
        double x = value_of(q, s, i);
        if (isfinite(x)) sorted->value[sorted->n++] = x;
    }
    dnni_sort_reals(sorted->value, sorted->n);
    return DNN_OK;
}

/* The greatest distance between the two distribution functions. */
static double greatest_distance(const dnni_sorted *x, const dnni_sorted *y) {
    double most = 0;
    for (int64_t i = 0, j = 0; i < x->n && j < y->n;) {
        double at = fmin(x->value[i], y->value[j]);
        while (i < x->n && x->value[i] <= at) i++;
        while (j < y->n && y->value[j] <= at) j++;
        most = fmax(most, fabs((double)i / (double)x->n - (double)j / (double)y->n));
    }
    return most;
}

static dnn_status tell(dnni_audit *a, const quantity *q, const dnni_sorted x[2], double distance, double limit) {
    char what[64];
    if (q->column >= 0) snprintf(what, sizeof what, "column %lld", (long long)q->column);
    else snprintf(what, sizeof what, "the samples' %s", q->figure->name);
    DNNI_TRY(dnni_audit_add(a, DNN_SEVERITY_WARNING, "shift", &a->set[1], NULL,
                            "%s is distributed otherwise than in %s: median %s there, %s here", what, a->set[0].name,
                            dnni_real(dnni_median(&x[0]), 4).text, dnni_real(dnni_median(&x[1]), 4).text));
    DNNI_TRY(dnni_report_how(a->report, "Kolmogorov-Smirnov distance %s, above %s", dnni_real(distance, 3).text,
                             dnni_real(limit, 3).text));
    return dnni_report_action(a->report, "split at random; or expect the test to judge how the model bears the shift");
}

/* The critical distance for a level α: √(-ln(α/2) / 2) · √((n + m) / (n m)), for large n and m. */
static dnn_status compare(dnni_audit *a, const quantity *q, double tests, int64_t *told) {
    dnni_sorted x[2];
    for (int k = 0; k < 2; k++) DNNI_TRY(sorted_values(a, q, &a->set[k], &x[k]));
    if (x[0].n < 20 || x[1].n < 20) return DNN_OK;
    double n = (double)x[0].n, m = (double)x[1].n, distance = greatest_distance(&x[0], &x[1]);
    double limit = fmax(least, sqrt(-log(level / tests / 2) / 2) * sqrt((n + m) / (n * m)));
    if (distance <= limit || ++*told > SHOWN) return DNN_OK;
    return tell(a, q, x, distance, limit);
}

dnn_status dnni_audit_shift(dnni_audit *a) {
    bool columns = !dnni_is_picture(a) && a->set[0].points && !a->cosine && a->dims <= COLUMNS;
    double tests = (double)(FIGURES + (columns ? a->dims : 0));
    int64_t told = 0;
    for (int64_t j = 0; columns && j < a->dims; j++) DNNI_TRY(compare(a, &(quantity){a, j, NULL}, tests, &told));
    for (int64_t i = 0; !columns && i < FIGURES; i++)
        if (!figures[i].picture || dnni_is_picture(a))
            DNNI_TRY(compare(a, &(quantity){a, -1, &figures[i]}, tests, &told));
    return DNN_OK;
}
