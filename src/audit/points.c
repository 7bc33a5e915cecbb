/* Samples as points: what their neighbours are searched by. */
#include <string.h>

#include "audit/audit.h"

/* Larger pictures are averaged down: neighbours of photographs need no more, and time and memory grow with it (c). */
enum { SIDE = 32 };

/* One cell of a picture that is averaged down: the mean of the pixels in its area, each by its share in it. */
static void shrink_cell(const dnni_audit *a, const double *x, double top, double bottom, double left, double right,
                        float *to) {
    double total = 0, sum[4] = {0};
    for (int64_t i = (int64_t)top; i < a->height && (double)i < bottom; i++)
        for (int64_t j = (int64_t)left; j < a->width && (double)j < right; j++) {
            double down = fmin(bottom, (double)i + 1) - fmax(top, (double)i);
            double across = fmin(right, (double)j + 1) - fmax(left, (double)j);
            total += down * across;
            for (int64_t c = 0; c < a->channels; c++)
                sum[c] += down * across * x[(i * a->width + j) * a->channels + c];
        }
    for (int64_t c = 0; c < a->channels; c++) to[c] = (float)(sum[c] / total);
}

void dnni_audit_shrink(const dnni_audit *a, const double *values, int64_t height, int64_t width, float *to) {
    double down = (double)a->height / (double)height, across = (double)a->width / (double)width;
    for (int64_t i = 0; i < height; i++)
        for (int64_t j = 0; j < width; j++)
            shrink_cell(a, values, (double)i * down, (double)(i + 1) * down, (double)j * across,
                        (double)(j + 1) * across, to + (i * width + j) * a->channels);
}

int64_t dnni_audit_point_dims(const dnni_audit *a) {
    if (!dnni_is_picture(a)) return a->dims;
    return dnnk_min(a->height, SIDE) * dnnk_min(a->width, SIDE) * a->channels;
}

void dnni_audit_point(const dnni_audit *a, const double *values, float *point) {
    if (a->point_dims != a->dims) {
        dnni_audit_shrink(a, values, dnnk_min(a->height, SIDE), dnnk_min(a->width, SIDE), point);
        return;
    }
    for (int64_t i = 0; i < a->dims; i++) point[i] = (float)values[i];
}

/* ---- scaling, when both sets are there ---- */

enum { COLUMNS = 64 };

/* Some columns of the points, side by side: rows lie one after another in memory. */
typedef struct {
    int64_t first, n;
    double count[COLUMNS], mean[COLUMNS], squares[COLUMNS], factor[COLUMNS];
} columns;

/* Of the training set's points, of finite values. */
static void measure(const dnni_audit *a, columns *c) {
    for (int64_t i = 0; i < a->set[0].kept; i++) {
        const float *x = dnni_point(a, &a->set[0], i) + c->first;
        for (int64_t j = 0; j < c->n; j++) {
            double before = (double)x[j] - c->mean[j];
            if (!isfinite(before)) continue;
            c->mean[j] += before / ++c->count[j];
            c->squares[j] += before * ((double)x[j] - c->mean[j]);
        }
    }
}

/* Pixels stay in proportion to each other; the columns of a table have units of their own, and are standardised. */
static void choose_factors(const dnni_audit *a, columns *c) {
    for (int64_t j = 0; j < c->n; j++) {
        double deviation = c->count[j] > 0 ? sqrt(c->squares[j] / c->count[j]) : 0;
        c->factor[j] = dnni_is_picture(a) ? 1 / (a->high - a->low) : deviation > 0 ? 1 / deviation : 0;
    }
}

/* Values that are not finite go to the mean. */
static void scale(const dnni_audit *a, const dnni_set *s, const columns *c) {
    for (int64_t i = 0; i < s->kept; i++) {
        float *x = s->points + i * a->point_dims + c->first;
        for (int64_t j = 0; j < c->n; j++) {
            float scaled = (float)(((double)x[j] - c->mean[j]) * c->factor[j]);
            x[j] = isfinite(scaled) ? scaled : 0;
        }
    }
}

static void scale_columns(void *arg, int64_t task, int64_t lane) {
    const dnni_audit *a = arg;
    (void)lane;
    columns c = {.first = task * COLUMNS, .n = dnnk_min(COLUMNS, a->point_dims - task * COLUMNS)};
    measure(a, &c);
    choose_factors(a, &c);
    for (int32_t k = 0; k < a->sets; k++) scale(a, &a->set[k], &c);
}

static void unit_length(float *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) x[i] = 0;
        sum += (double)x[i] * (double)x[i];
    }
    for (int64_t i = 0; i < n && sum > 0; i++) x[i] = (float)((double)x[i] / sqrt(sum));
}

/* In the middle of the scale an inverted picture is the negative one. */
static void centre_thumbs(const dnni_audit *a, dnni_set *s) {
    double middle = (a->low + a->high) / 2, span = a->high - a->low;
    for (int64_t i = 0; s->thumbs && i < s->kept * DNNI_THUMB * DNNI_THUMB * a->channels; i++) {
        double x = ((double)s->thumbs[i] - middle) / span;
        s->thumbs[i] = isfinite(x) ? (float)x : 0;
    }
}

void dnni_audit_scale_points(dnni_audit *a) {
    for (int32_t k = 0; k < a->sets; k++) centre_thumbs(a, &a->set[k]);
    if (!a->searched) return;
    if (!a->cosine) dnnk_parallel(dnni_env(a->ctx), dnnk_ceil_div(a->point_dims, COLUMNS), scale_columns, a);
    for (int32_t k = 0; a->cosine && k < a->sets; k++)
        for (int64_t i = 0; i < a->set[k].kept; i++)
            unit_length(a->set[k].points + i * a->point_dims, a->point_dims);
}

/* Of points of length 1: |x - y|² = 2 - 2 cos. */
dnn_status dnni_audit_search(const dnni_audit *a, dnni_neighbours *out, dnni_points queries, dnni_points base,
                             int64_t k, bool other_numbers) {
    DNNI_TRY(dnni_neighbours_find(out, a->ctx, queries, base, k, other_numbers, &a->options.progress));
    for (int64_t i = 0; a->cosine && i < out->n * out->k; i++) out->distance[i] *= out->distance[i] / 2;
    return DNN_OK;
}
