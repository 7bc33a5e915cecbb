/* Mean 0 and standard deviation 1. */
#include <math.h>

#include "data/statistics.h"
#include "image/image.h"
#include "transform/transform.h"

/* Followed by mean[count] and factor[count] = 1/std. */
typedef struct {
    int64_t count;
    double least, most; /* what the statistics have seen; least > most: unknown */
} state;

static float *mean_of(const void *settings) { return (float *)(void *)((char *)(uintptr_t)settings + sizeof(state)); }

/* Statistics of bytes do not fit floats in 0 … 1. */
static dnn_status check_seen(const state *s, const dnni_spec *spec) {
    double slack = 1e-5 * (spec->high - spec->low);
    bool known = s->least <= s->most && spec->low < spec->high;
    if (!known || (s->least >= spec->low - slack && s->most <= spec->high + slack)) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the statistics are of numbers from %g to %g, the input is declared to lie in "
                      "[%g, %g]", s->least, s->most, spec->low, spec->high);
}

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    const dnn_array *a = &spec->input;
    DNNI_TRY(dnni_want_float(spec));
    int64_t last = a->rank > 0 ? a->dims[a->rank - 1] : 1;
    if (s->count != 1 && s->count != last && s->count != dnni_count(a))
        return dnni_error(DNN_ERROR_SHAPE, "there are %lld means, the input %s has %lld channels and %lld numbers",
                          (long long)s->count, dnni_array_shape(a).text, (long long)last, (long long)dnni_count(a));
    DNNI_TRY(check_seen(s, spec));
    spec->low = spec->high = 0;
    return DNN_OK;
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)drawn;
    int64_t count = ((const state *)settings)->count;
    const float *mean = mean_of(settings);
    dnnk_standardize(dnni_count(&sample->in), count, sample->in.data, mean, mean + count, sample->out.data);
}

static void say_settings(const void *settings, dnni_text *text) {
    dnni_text_add(text, " %lld", (long long)((const state *)settings)->count);
}

static const dnni_transform_class class = {
    .type = "standardize", .shape = shape, .apply = apply, .in_place = true, .settings = say_settings};

static dnn_status check(const double *mean, const double *std, int64_t count) {
    DNNI_REQUIRE(count >= 1 && count < INT64_C(1) << 40, "count is %lld, it must be at least 1", (long long)count);
    DNNI_REQUIRE(mean && std, "%s is NULL", mean ? "std" : "mean");
    for (int64_t i = 0; i < count; i++) {
        if (!(std[i] > 0 && isfinite(1 / std[i])))
            return dnni_error(DNN_ERROR_VALUE, "std[%lld] is %g, it must be above 0", (long long)i, std[i]);
        if (!isfinite(mean[i])) return dnni_error(DNN_ERROR_VALUE, "mean[%lld] is %g", (long long)i, mean[i]);
    }
    return DNN_OK;
}

/* A deviation of 0 becomes 1. */
static dnn_transform *make(dnn_context *ctx, const double *mean, const double *std, int64_t count) {
    int64_t bytes = (int64_t)sizeof(state) + 2 * count * (int64_t)sizeof(float);
    dnn_transform *t = dnni_transform_new(ctx, &class, NULL, bytes);
    if (!t) return NULL;
    *(state *)t->state = (state){count, INFINITY, -INFINITY};
    float *means = mean_of(t->state);
    for (int64_t i = 0; i < count; i++) {
        means[i] = (float)mean[i];
        means[count + i] = std[i] > 0 ? (float)(1 / std[i]) : 1;
    }
    return t;
}

dnn_transform *dnn_transform_standardize_by(dnn_context *ctx, const double *mean, const double *std, int64_t count) {
    if (dnni_context_check(ctx, "ctx") != DNN_OK || check(mean, std, count) != DNN_OK) return NULL;
    return make(ctx, mean, std, count);
}

static dnn_status check_statistics(const dnn_context *ctx, const dnn_statistics *statistics) {
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    DNNI_TRY(dnni_check_statistics(statistics, "statistics"));
    DNNI_REQUIRE(statistics->features > 0, "the statistics are of no numbers");
    if (dnni_context_of(statistics) == ctx) return DNN_OK;
    return dnni_error(DNN_ERROR_HANDLE, "ctx and the context of the statistics are two, which never meet");
}

dnn_transform *dnn_transform_standardize(dnn_context *ctx, const dnn_statistics *statistics) {
    if (check_statistics(ctx, statistics) != DNN_OK) return NULL;
    dnn_transform *t = make(ctx, statistics->mean, statistics->std, statistics->features);
    if (!t) return NULL;
    state *s = t->state;
    for (int64_t i = 0; i < s->count; i++) {
        if (!(statistics->count[i] > 0)) continue;
        s->least = fmin(s->least, statistics->min[i]);
        s->most = fmax(s->most, statistics->max[i]);
    }
    return t;
}
