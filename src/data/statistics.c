/* The handle: made of known numbers, and asked. */
#include "data/statistics.h"

#include <math.h>

enum { ARRAYS = 5 };

static void destroy_statistics(void *object) {
    dnn_statistics *s = object;
    dnni_free(s->base.ctx, s->count, s->features, ARRAYS * sizeof *s->count);
}

dnn_status dnni_statistics_new(dnn_statistics **out, dnn_context *ctx, const dnn_array *shape) {
    dnn_statistics *s = dnni_object_new(ctx, DNNI_STATISTICS, sizeof *s, destroy_statistics);
    if (!s) return DNN_ERROR_MEMORY;
    s->shape = *shape;
    s->features = dnni_count(shape);
    s->count = dnni_alloc(ctx, s->features, ARRAYS * sizeof *s->count);
    if (!s->count) {
        dnn_statistics_release(s);
        return DNN_ERROR_MEMORY;
    }
    s->mean = s->count + s->features;
    s->std = s->mean + s->features;
    s->min = s->std + s->features;
    s->max = s->min + s->features;
    for (int64_t i = 0; i < s->features; i++) s->min[i] = INFINITY, s->max[i] = -INFINITY;
    *out = s;
    return DNN_OK;
}

static dnn_status check_numbers(const double *mean, const double *std, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (mean && !isfinite(mean[i]))
            return dnni_error(DNN_ERROR_VALUE, "mean[%lld] is %g, it must be finite", (long long)i, mean[i]);
        if (std && !(std[i] >= 0 && isfinite(std[i])))
            return dnni_error(DNN_ERROR_VALUE, "std[%lld] is %g, it must be finite and not negative", (long long)i,
                              std[i]);
    }
    return DNN_OK;
}

dnn_status dnn_statistics_create(dnn_statistics **out, dnn_context *ctx, int32_t rank, const int64_t *dims,
                                 const double *mean, const double *std) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_array shape;
    dnn_statistics *s;
    DNNI_TRY(dnni_make_array(&shape, DNN_F64, rank, dims));
    DNNI_TRY(check_numbers(mean, std, dnni_count(&shape)));
    DNNI_TRY(dnni_statistics_new(&s, ctx, &shape));
    for (int64_t i = 0; i < s->features; i++) {
        s->mean[i] = mean ? mean[i] : 0;
        s->std[i] = std ? std[i] : 1;
    }
    *out = s;
    return DNN_OK;
}

dnn_status dnn_statistics_shape(const dnn_statistics *statistics, dnn_array *shape) {
    DNNI_TRY(dnni_check_statistics(statistics, "statistics"));
    DNNI_REQUIRE(shape, "shape is NULL");
    *shape = statistics->shape;
    return DNN_OK;
}

int64_t dnn_statistics_features(const dnn_statistics *statistics) {
    return dnni_check_statistics(statistics, "statistics") == DNN_OK ? statistics->features : -1;
}

#define QUESTION(field)                                                                      \
    const double *dnn_statistics_##field(const dnn_statistics *statistics) {                 \
        return dnni_check_statistics(statistics, "statistics") == DNN_OK ? statistics->field : NULL; \
    }
QUESTION(count)
QUESTION(mean)
QUESTION(std)
QUESTION(min)
QUESTION(max)

dnn_status dnn_statistics_retain(dnn_statistics *statistics) {
    return dnni_object_retain(statistics, DNNI_STATISTICS, "statistics");
}
dnn_status dnn_statistics_release(dnn_statistics *statistics) {
    return dnni_object_release(statistics, DNNI_STATISTICS, "statistics");
}
