#include "metrics/metrics.h"

#include <math.h>
#include <string.h>

#include "core/sort.h"

/* ---- making ---- */

static void free_names(dnn_metrics *m) {
    for (int64_t c = 0; m->names && c < m->desc.classes; c++) dnni_free_string(m->base.ctx, m->names[c]);
    dnni_free(m->base.ctx, m->names, m->desc.classes, sizeof *m->names);
}

static void destroy_metrics(void *object) {
    dnn_metrics *m = object;
    dnn_context *ctx = m->base.ctx;
    free_names(m);
    dnni_tensor_take_back(m->confusion);
    dnni_free(ctx, m->bins, m->desc.bins, sizeof *m->bins);
    dnni_free(ctx, m->row, m->desc.classes, sizeof *m->row);
    dnni_free(ctx, m->scores, m->scores_capacity, sizeof *m->scores);
    dnni_free(ctx, m->labels, m->labels_capacity, sizeof *m->labels);
}

static dnn_status settle(dnn_metrics_desc *d) {
    DNNI_REQUIRE(d->classes == 0 || (d->classes >= 2 && d->classes <= INT32_MAX),
                 "desc.classes is %lld: it is at least 2, or 0 for numbers", (long long)d->classes);
    if (d->k == 0) d->k = d->classes > 0 && d->classes < 5 ? d->classes : 5;
    if (d->bins == 0) d->bins = 15;
    DNNI_REQUIRE(d->k >= 1 && (d->classes == 0 || d->k <= d->classes), "desc.k is %lld: it is from 1 to the classes",
                 (long long)d->k);
    DNNI_REQUIRE(d->bins >= 1 && d->bins <= 1000, "desc.bins is %lld: it is from 1 to 1000", (long long)d->bins);
    DNNI_REQUIRE(d->classes > 0 || (!d->auc && !d->names && !d->has_ignore_index),
                 "desc.auc, desc.names and desc.ignore_index are of classes: set desc.classes");
    return DNN_OK;
}

static dnn_status copy_names(dnn_metrics *m, const char *const *names) {
    if (!names) return DNN_OK;
    m->names = dnni_alloc(m->base.ctx, m->desc.classes, sizeof *m->names);
    if (!m->names) return DNN_ERROR_MEMORY;
    for (int64_t c = 0; c < m->desc.classes; c++) {
        DNNI_REQUIRE(names[c], "desc.names[%lld] is NULL", (long long)c);
        m->names[c] = dnni_copy_string(m->base.ctx, names[c]);
        if (!m->names[c]) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

static dnn_status make_parts(dnn_metrics *m, const char *const *names) {
    if (!dnni_of_classes(m)) return DNN_OK;
    dnn_context *ctx = m->base.ctx;
    dnn_array counts;
    DNNI_TRY(dnni_make_array(&counts, DNN_I64, 2, (const int64_t[]){m->desc.classes, m->desc.classes}));
    DNNI_TRY(dnni_tensor_like(&m->confusion, ctx, &counts));
    dnni_tensor_lend(m->confusion);
    m->bins = dnni_alloc(ctx, m->desc.bins, sizeof *m->bins);
    m->row = dnni_alloc(ctx, m->desc.classes, sizeof *m->row);
    if (!m->bins || !m->row) return DNN_ERROR_MEMORY;
    return copy_names(m, names);
}

dnn_status dnn_metrics_create(dnn_metrics **out, dnn_context *ctx, const dnn_metrics_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_metrics_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(settle(&d));
    dnn_metrics *m = dnni_object_new(ctx, DNNI_METRICS, sizeof *m, destroy_metrics);
    if (!m) return DNN_ERROR_MEMORY;
    m->desc = d;
    m->desc.names = NULL;
    dnn_status status = make_parts(m, d.names);
    if (status == DNN_OK) *out = m;
    else dnn_metrics_release(m);
    return status;
}

dnn_status dnn_metrics_release(dnn_metrics *metrics) { return dnni_object_release(metrics, DNNI_METRICS, "metrics"); }

/* ---- gathering ---- */

dnn_status dnn_metrics_add(dnn_metrics *metrics, const dnn_tensor *y, const dnn_tensor *target) {
    DNNI_TRY(dnni_check(metrics, DNNI_METRICS, "metrics"));
    DNNI_TRY(dnni_check_tensor(y, "y"));
    DNNI_TRY(dnni_check_tensor(target, "target"));
    DNNI_TRY(dnni_check_same_context(metrics, y, "the metrics and y"));
    DNNI_TRY(dnni_check_same_context(metrics, target, "the metrics and target"));
    if (!dnni_is_real(y->array.dtype))
        return dnni_error(DNN_ERROR_DTYPE, "y is %s, metrics take float32 or float64", dnn_dtype_name(y->array.dtype));
    return dnni_of_classes(metrics) ? dnni_classes_add(metrics, &y->array, &target->array)
                                    : dnni_numbers_add(metrics, &y->array, &target->array);
}

dnn_status dnn_metrics_reset(dnn_metrics *metrics) {
    DNNI_TRY(dnni_check(metrics, DNNI_METRICS, "metrics"));
    metrics->count = metrics->not_finite = metrics->losses = metrics->in_top_k = metrics->n_scores = 0;
    metrics->loss = metrics->squares = metrics->absolutes = metrics->errors = metrics->largest = 0;
    metrics->target_mean = metrics->target_squares = 0;
    if (!dnni_of_classes(metrics)) return DNN_OK;
    memset(metrics->confusion->array.data, 0, (size_t)dnni_bytes(&metrics->confusion->array));
    memset(metrics->bins, 0, (size_t)metrics->desc.bins * sizeof *metrics->bins);
    return DNN_OK;
}

/* ---- asking ---- */

dnn_status dnn_metrics_get(dnn_metrics *metrics, const char *name, double *value) {
    DNNI_TRY(dnni_check(metrics, DNNI_METRICS, "metrics"));
    DNNI_REQUIRE(name && value, "%s is NULL", name ? "value" : "name");
    *value = NAN;
    if (strcmp(name, "count") == 0) *value = (double)metrics->count;
    else if (strcmp(name, "not_finite") == 0) *value = (double)metrics->not_finite;
    else return dnni_of_classes(metrics) ? dnni_classes_get(metrics, name, value)
                                         : dnni_numbers_get(metrics, name, value);
    return DNN_OK;
}

dnn_status dnn_metrics_per_class(dnn_metrics *metrics, const char *name, double *value, int64_t classes) {
    DNNI_TRY(dnni_check(metrics, DNNI_METRICS, "metrics"));
    DNNI_REQUIRE(name && value, "%s is NULL", name ? "value" : "name");
    DNNI_REQUIRE(classes > 0 && classes == metrics->desc.classes, "classes is %lld, the metrics have %lld",
                 (long long)classes, (long long)metrics->desc.classes);
    for (int64_t c = 0; c < classes; c++) {
        if (strcmp(name, "auc") == 0) DNNI_TRY(dnni_auc(metrics, c, &value[c]));
        else if (!dnni_class_get(metrics, name, c, &value[c]))
            return dnni_error(DNN_ERROR_NOT_FOUND, "there is no \"%.60s\" of a class", name);
    }
    return DNN_OK;
}

const dnn_tensor *dnn_metrics_confusion(const dnn_metrics *metrics) {
    return dnni_check(metrics, DNNI_METRICS, "metrics") == DNN_OK ? metrics->confusion : NULL;
}

/* ---- quartiles ---- */

static int compare_values(const void *context, uint32_t a, uint32_t b) {
    const double *values = context, x = values[a], y = values[b];
    if (isnan(x) || isnan(y)) {
        if (isnan(x) != isnan(y)) return isnan(x) ? 1 : -1;
    } else if (x != y) {
        return x < y ? -1 : 1;
    }
    return (a > b) - (a < b);
}

dnn_status dnn_quartiles(dnn_context *ctx, const double *values, int64_t n, int64_t *index) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_REQUIRE(values && index, "%s is NULL", values ? "index" : "values");
    DNNI_REQUIRE(n >= 1 && n <= UINT32_MAX, "n is %lld: it is at least 1", (long long)n);
    uint32_t *order = dnni_alloc_raw(ctx, n, sizeof *order);
    if (!order) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    dnni_sort(order, n, compare_values, values);
    for (int i = 0; i < 5; i++) index[i] = order[(int64_t)floor(0.25 * i * (double)(n - 1) + 0.5)];
    dnni_free(ctx, order, n, sizeof *order);
    return DNN_OK;
}
