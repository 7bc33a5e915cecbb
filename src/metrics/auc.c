/* The area under the ROC curve by ranks: Mann and Whitney's U over the number of pairs, ties counting half. */
#include <math.h>

#include "core/sort.h"
#include "metrics/metrics.h"

typedef struct {
    const float *scores;
    int64_t width, column;
} column_of;

static float score(const column_of *c, uint32_t row) { return c->scores[row * c->width + c->column]; }

static int compare_scores(const void *context, uint32_t a, uint32_t b) {
    float x = score(context, a), y = score(context, b);
    return (x > y) - (x < y);
}

/* Σ of the ranks of the class's rows; equal scores share the mean of their ranks. */
static double rank_sum(const dnn_metrics *m, const column_of *c, const uint32_t *order, int64_t class) {
    double sum = 0;
    for (int64_t first = 0, last; first < m->n_scores; first = last) {
        int64_t members = 0;
        for (last = first; last < m->n_scores && score(c, order[last]) == score(c, order[first]); last++)
            members += m->labels[order[last]] == class;
        sum += (double)members * (double)(first + last + 1) / 2;
    }
    return sum;
}

static double area(const dnn_metrics *m, const column_of *c, uint32_t *order, int64_t class) {
    int64_t n = m->n_scores, members = 0;
    for (int64_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
        members += m->labels[i] == class;
    }
    if (members == 0 || members == n) return NAN;
    dnni_sort(order, n, compare_scores, c);
    double u = rank_sum(m, c, order, class) - (double)members * (double)(members + 1) / 2;
    return u / ((double)members * (double)(n - members));
}

dnn_status dnni_auc(dnn_metrics *m, int64_t class, double *value) {
    if (!m->desc.auc) return dnni_error(DNN_ERROR_STATE, "desc.auc was not set: no scores were kept");
    if (m->n_scores > UINT32_MAX)
        return dnni_error(DNN_ERROR_UNSUPPORTED, "%lld rows are too many", (long long)m->n_scores);
    int64_t width = dnni_score_width(m);
    column_of c = {m->scores, width, width == 1 ? 0 : class};
    uint32_t *order = dnni_alloc_raw(m->base.ctx, m->n_scores, sizeof *order);
    if (!order) return DNN_ERROR_MEMORY;
    *value = area(m, &c, order, width == 1 ? 1 : class); /* of two classes both areas are the same */
    dnni_free(m->base.ctx, order, m->n_scores, sizeof *order);
    return DNN_OK;
}
