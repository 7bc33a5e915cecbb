/* Mean 0 and standard deviation 1. */
#include <math.h>

#include "image/image.h"
#include "transform/transform.h"

/* Followed by mean[count] and factor[count] = 1/std. */
typedef struct {
    int64_t count;
} state;

static float *mean_of(const void *settings) { return (float *)(void *)((char *)(uintptr_t)settings + sizeof(state)); }

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    const dnn_array *a = &spec->input;
    DNNI_TRY(dnni_want_float(spec));
    int64_t last = a->rank > 0 ? a->dims[a->rank - 1] : 1;
    if (s->count != 1 && s->count != last && s->count != dnni_count(a))
        return dnni_error(DNN_ERROR_SHAPE, "there are %lld means, the input %s has %lld channels and %lld numbers",
                          (long long)s->count, dnni_array_shape(a).text, (long long)last, (long long)dnni_count(a));
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

dnn_transform *dnn_transform_standardize_by(dnn_context *ctx, const double *mean, const double *std, int64_t count) {
    if (dnni_context_check(ctx, "ctx") != DNN_OK || check(mean, std, count) != DNN_OK) return NULL;
    int64_t bytes = (int64_t)sizeof(state) + 2 * count * (int64_t)sizeof(float);
    dnn_transform *t = dnni_transform_new(ctx, &class, NULL, bytes);
    if (!t) return NULL;
    ((state *)t->state)->count = count;
    float *means = mean_of(t->state);
    for (int64_t i = 0; i < count; i++) {
        means[i] = (float)mean[i];
        means[count + i] = (float)(1 / std[i]);
    }
    return t;
}
