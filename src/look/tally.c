#include "look/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "rng/rng.h"

enum { MOST_CHANNELS = 4096, MOST_KEPT = 1 << 20, MOST_CELLS = 1 << 16, LEAST_CELLS = 256, TASK_ELEMENTS = 4096 };

/* ---- making ---- */

static dnn_status allocate(dnni_tally *t) {
    double **arrays[] = {&t->first, &t->sum, &t->squares, &t->low, &t->high};
    for (int i = 0; i < 5; i++) {
        *arrays[i] = dnni_alloc(t->ctx, t->elements, sizeof(double));
        if (!*arrays[i]) return DNN_ERROR_MEMORY;
    }
    t->finite = dnni_alloc(t->ctx, t->elements, sizeof *t->finite);
    t->nans = dnni_alloc(t->ctx, t->elements, sizeof *t->nans);
    t->broken = dnni_alloc(t->ctx, t->elements, sizeof *t->broken);
    t->kept = dnni_alloc_raw(t->ctx, t->channels * t->cells, sizeof *t->kept);
    t->sortable = dnni_alloc(t->ctx, t->channels, sizeof *t->sortable);
    return t->finite && t->nans && t->broken && t->kept && t->sortable ? DNN_OK : DNN_ERROR_MEMORY;
}

/* How many values a channel has in all. */
static int64_t length(const dnni_tally *t) { return t->samples * (t->elements / t->channels); }

dnn_status dnni_tally_begin(dnni_tally *t, dnn_context *ctx, const dnn_array *item, int64_t samples) {
    *t = (dnni_tally){.ctx = ctx, .item = *item, .samples = samples};
    if (item->dtype == DNN_DTYPE_NONE) return DNN_OK;
    int64_t last = item->rank > 0 ? item->dims[item->rank - 1] : 1;
    t->elements = dnni_count(item);
    t->channels = last > MOST_CHANNELS || last == 0 ? 1 : last;
    t->cells = dnnk_max(dnnk_min(MOST_KEPT / t->channels, MOST_CELLS), LEAST_CELLS);
    t->cells = dnnk_min(t->cells, length(t));
    return allocate(t);
}

void dnni_tally_free(dnni_tally *t) {
    double *arrays[] = {t->first, t->sum, t->squares, t->low, t->high};
    for (int i = 0; i < 5; i++) dnni_free(t->ctx, arrays[i], t->elements, sizeof(double));
    dnni_free(t->ctx, t->finite, t->elements, sizeof *t->finite);
    dnni_free(t->ctx, t->nans, t->elements, sizeof *t->nans);
    dnni_free(t->ctx, t->broken, t->elements, sizeof *t->broken);
    if (t->all != t->kept) dnni_free(t->ctx, t->all, t->channels * t->cells, sizeof *t->all);
    dnni_free(t->ctx, t->kept, t->channels * t->cells, sizeof *t->kept);
    dnni_free(t->ctx, t->sortable, t->channels, sizeof *t->sortable);
    *t = (dnni_tally){.ctx = t->ctx};
}

/* ---- adding up ---- */

static void take_first(dnni_tally *t, int64_t j, double x) {
    t->first[j] = t->low[j] = t->high[j] = x;
    t->finite[j] = 1;
    t->broken[j] = x != floor(x);
}

static inline void take_one(dnni_tally *t, int64_t j, double x) {
    if (!isfinite(x)) {
        t->nans[j] += isnan(x);
        return;
    }
    if (t->finite[j] == 0) {
        take_first(t, j, x);
        return;
    }
    double d = x - t->first[j];
    t->finite[j]++;
    t->sum[j] += d;
    t->squares[j] += d * d;
    if (x < t->low[j]) t->low[j] = x;
    if (x > t->high[j]) t->high[j] = x;
    t->broken[j] |= x != floor(x);
}

/* Elements first ≤ j < last of one sample. Types that data mostly has are read without a question for each element. */
static void take_row(dnni_tally *t, dnn_dtype dtype, const void *row, int64_t first, int64_t last) {
    switch (dtype) {
    case DNN_F32:
        for (int64_t j = first; j < last; j++) take_one(t, j, (double)((const float *)row)[j]);
        break;
    case DNN_U8:
        for (int64_t j = first; j < last; j++) take_one(t, j, (double)((const unsigned char *)row)[j]);
        break;
    default:
        for (int64_t j = first; j < last; j++) take_one(t, j, dnni_load(dtype, row, j));
    }
}

typedef struct taking {
    dnni_tally *tally;
    const dnn_array *batch;
    int64_t n;
} taking;

static void take_elements(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    taking *w = arg;
    dnni_tally *t = w->tally;
    int64_t first = task * TASK_ELEMENTS, last = dnnk_min(first + TASK_ELEMENTS, t->elements);
    int64_t bytes = dnni_bytes(&t->item);
    for (int64_t i = 0; i < w->n; i++)
        take_row(t, t->item.dtype, (const char *)w->batch->data + i * bytes, first, last);
}

/* ---- keeping ---- */

/* Which of a channel's values cell k keeps: one of those in [k · length / cells, (k + 1) · length / cells). */
static int64_t kept_place(const dnni_tally *t, int64_t k) {
    int64_t n = length(t);
    if (n <= t->cells) return k;
    double place = ((double)k + dnnk_random_uniform(0, DNNI_STREAM_LOOK, (uint64_t)k)) * (double)n / (double)t->cells;
    return dnnk_min((int64_t)place, n - 1);
}

static void keep(dnni_tally *t, const dnn_array *batch, int64_t n) {
    int64_t places = t->elements / t->channels;
    for (; t->next < t->cells; t->next++) {
        int64_t place = kept_place(t, t->next), sample = place / places - t->seen;
        if (sample >= n) return;
        const char *row = (const char *)batch->data + sample * dnni_bytes(&t->item);
        for (int64_t c = 0; c < t->channels; c++)
            t->kept[c * t->cells + t->next] = dnni_load(t->item.dtype, row, place % places * t->channels + c);
    }
}

void dnni_tally_take(dnni_tally *t, const dnn_array *batch, int64_t n) {
    if (t->elements == 0) return;
    taking w = {t, batch, n};
    dnnk_parallel(dnni_env(t->ctx), dnnk_ceil_div(t->elements, TASK_ELEMENTS), take_elements, &w);
    keep(t, batch, n);
    t->seen += n;
}

/* Numbers upwards, what is not finite behind them. */
static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    bool p = isfinite(x), q = isfinite(y);
    if (!p || !q) return q - p;
    return (x > y) - (x < y);
}

static int64_t sort(double *values, int64_t n) {
    if (n > 0) qsort(values, (size_t)n, sizeof *values, compare);
    while (n > 0 && !isfinite(values[n - 1])) n--;
    return n;
}

dnn_status dnni_tally_end(dnni_tally *t) {
    int64_t n = t->channels * t->cells;
    for (int64_t c = 0; c < t->channels; c++) t->sortable[c] = sort(t->kept + c * t->cells, t->cells);
    t->all = t->kept;
    t->all_sortable = t->channels == 1 ? t->sortable[0] : 0;
    if (t->channels <= 1) return DNN_OK;
    t->all = dnni_alloc_raw(t->ctx, n, sizeof *t->all);
    if (!t->all) return DNN_ERROR_MEMORY;
    if (n > 0) memcpy(t->all, t->kept, (size_t)n * sizeof *t->all);
    t->all_sortable = sort(t->all, n);
    return DNN_OK;
}

const double *dnni_tally_kept(const dnni_tally *t, int64_t channel, int64_t *n) {
    *n = channel < 0 ? t->all_sortable : t->sortable[channel];
    return channel < 0 ? t->all : t->kept + channel * t->cells;
}

/* ---- putting together ---- */

typedef struct moments {
    double n, mean, m2;
} moments;

static moments of_element(const dnni_tally *t, int64_t j) {
    double n = (double)t->finite[j], d = n > 0 ? t->sum[j] / n : 0;
    return (moments){n, t->first[j] + d, fmax(t->squares[j] - n * d * d, 0)};
}

static moments together(moments a, moments b) {
    double n = a.n + b.n, d = b.mean - a.mean;
    if (b.n == 0) return a;
    if (a.n == 0) return b;
    return (moments){n, a.mean + d * b.n / n, a.m2 + b.m2 + d * d * a.n * b.n / n};
}

bool dnni_tally_is_constant(const dnni_tally *t, int64_t j) {
    return t->seen > 1 && t->finite[j] == t->seen && t->low[j] == t->high[j];
}

static void add_element(const dnni_tally *t, int64_t j, dnn_values *v, moments *m) {
    v->count += t->seen;
    v->nans += t->nans[j];
    v->infinities += t->seen - t->finite[j] - t->nans[j];
    v->constant += dnni_tally_is_constant(t, j);
    if (t->finite[j] == 0) return;
    *m = together(*m, of_element(t, j));
    v->min = fmin(v->min, t->low[j]);
    v->max = fmax(v->max, t->high[j]);
    if (t->broken[j]) v->whole = 0;
}

/* The value that a share q of the numbers does not exceed, between two of them by a straight line. */
static double quantile(const double *sorted, int64_t n, double q) {
    if (n == 0) return (double)NAN;
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at;
    if (i + 1 >= n) return sorted[n - 1];
    double share = at - (double)i;
    return sorted[i] * (1 - share) + sorted[i + 1] * share;
}

static void set_quantiles(const dnni_tally *t, int64_t channel, dnn_values *v) {
    static const double shares[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
    double *const fields[] = {&v->q01, &v->q05, &v->q25, &v->median, &v->q75, &v->q95, &v->q99};
    const double *kept = dnni_tally_kept(t, channel, &v->kept);
    for (int i = 0; i < 7; i++) *fields[i] = quantile(kept, v->kept, shares[i]);
}

dnn_values dnni_tally_values(const dnni_tally *t, int64_t channel) {
    dnn_values v = {DNN_SIZED(dnn_values), .min = (double)INFINITY, .max = -(double)INFINITY, .whole = 1};
    moments m = {0};
    int64_t step = channel < 0 ? 1 : t->channels;
    for (int64_t j = channel < 0 ? 0 : channel; j < t->elements; j += step) add_element(t, j, &v, &m);
    v.mean = m.n > 0 ? m.mean : (double)NAN;
    v.std = m.n > 0 ? sqrt(m.m2 / m.n) : (double)NAN;
    if (m.n == 0) v.min = v.max = (double)NAN;
    if (m.n == 0) v.whole = 0;
    set_quantiles(t, channel, &v);
    return v;
}
