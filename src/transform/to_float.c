/* From bytes, or other numbers, to float32 of a declared range. */
#include <math.h>

#include "image/image.h"
#include "transform/transform.h"

typedef struct {
    double low, high, from_low, from_high; /* from_low = from_high: the declared range */
} state;

/* Where the numbers come from: what was declared, or what the caller says. */
static dnn_status source_range(const state *s, const dnni_spec *spec, double *low, double *high) {
    bool said = s->from_high > s->from_low, declared = spec->high > spec->low;
    *low = said ? s->from_low : spec->low;
    *high = said ? s->from_high : spec->high;
    if (said && declared && (*low != spec->low || *high != spec->high))
        return dnni_error(DNN_ERROR_VALUE, "the input is declared to lie in [%g, %g], desc says [%g, %g]", spec->low,
                          spec->high, *low, *high);
    if (said || declared) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the range of the %s input is unknown: say it (desc.from_low, desc.from_high)",
                      dnn_dtype_name(spec->input.dtype));
}

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    double low, high;
    DNNI_TRY(source_range(s, spec, &low, &high));
    if (dnni_is_real(spec->input.dtype) && low == s->low && high == s->high)
        return dnni_error(DNN_ERROR_VALUE, "the input is %s in [%g, %g] already: scaled twice?",
                          dnn_dtype_name(spec->input.dtype), low, high);
    spec->input.dtype = DNN_F32;
    spec->low = s->low;
    spec->high = s->high;
    return DNN_OK;
}

/* The range is known by now: the view was made. */
static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)drawn;
    const state *s = settings;
    const dnni_spec in = {.input = sample->in, .low = sample->low, .high = sample->high};
    double low = 0, high = 1;
    if (source_range(s, &in, &low, &high) != DNN_OK) return;
    double scale = (s->high - s->low) / (high - low), shift = s->low - low * scale;
    int64_t n = dnni_count(&sample->in);
    float *y = sample->out.data;
    if (sample->in.dtype == DNN_U8) dnnk_bytes_to_float(n, sample->in.data, (float)scale, (float)shift, y);
    else if (sample->in.dtype == DNN_F32) dnnk_float_affine(n, sample->in.data, (float)scale, (float)shift, y);
    else
        for (int64_t i = 0; i < n; i++) y[i] = (float)(dnni_load(sample->in.dtype, sample->in.data, i) * scale + shift);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_range(text, s->low, s->high);
}

static const dnni_transform_class class = {
    .type = "to_float", .shape = shape, .apply = apply, .settings = say_settings};

static dnn_status check(state *s) {
    if (s->low == 0 && s->high == 0) s->high = 1;
    DNNI_REQUIRE(isfinite(s->low) && isfinite(s->high) && s->low < s->high, "desc: low … high is %g … %g", s->low,
                 s->high);
    DNNI_REQUIRE(isfinite(s->from_low) && isfinite(s->from_high) && s->from_low <= s->from_high,
                 "desc: from_low … from_high is %g … %g", s->from_low, s->from_high);
    return DNN_OK;
}

dnn_transform *dnn_to_float(dnn_context *ctx, const dnn_to_float_desc *desc) {
    dnn_to_float_desc d;
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK) return NULL;
    state s = {d.low, d.high, d.from_low, d.from_high};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
