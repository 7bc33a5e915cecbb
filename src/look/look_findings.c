/* What is wrong with a batch. Thresholds that are our own choice say so; the others are from practice. */
#include <math.h>

#include "look/look.h"

#define FAR_BEYOND 0.5   /* of the declared range: 1.5 where 1 is declared (practice) */
#define SLIGHTLY 1e-4    /* of it: rounding */
#define LITTLE_SPREAD 0.02 /* std over |mean|, own choice: 1 / 255 twice leaves 0.004 */
#define LARGE 30.0       /* |mean| or std; own choice */

enum { ENOUGH_FOR_CLASSES = 16, MOST_CHANNELS_NAMED = 16 };

#define REAL(value) dnni_real(value, 4).text

/* ---- which samples ---- */

typedef bool is_bad(const dnni_view_of_batch *v, double value);

static bool is_not_finite(const dnni_view_of_batch *v, double value) {
    (void)v;
    return !isfinite(value);
}

static bool is_negative(const dnni_view_of_batch *v, double value) {
    (void)v;
    return value < 0;
}

static bool is_no_class(const dnni_view_of_batch *v, double value) {
    return value < 0 || value >= (double)v->summary->labels.declared;
}

static bool row_has(const dnni_view_of_batch *v, const dnn_array *a, int64_t i, is_bad *bad) {
    int64_t row = dnni_count(a) / a->dims[0];
    for (int64_t k = i * row; k < (i + 1) * row; k++)
        if (bad(v, dnni_load(a->dtype, a->data, k))) return true;
    return false;
}

/* Those that have a value of that kind, by their numbers in the loader's dataset. */
static dnn_status name_samples(const dnni_view_of_batch *v, const dnn_array *a, is_bad *bad) {
    int64_t n = 0, batch = a->dims[0];
    int64_t *samples = dnni_alloc_raw(v->report->base.ctx, batch, sizeof *samples);
    if (!samples) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < batch; i++)
        if (row_has(v, a, i, bad)) samples[n++] = v->indices[i];
    dnn_status status = dnni_report_samples(v->report, samples, n);
    dnni_free(v->report->base.ctx, samples, batch, sizeof *samples);
    return status;
}

/* ---- values of inputs ---- */

static dnn_status not_finite(const dnni_view_of_batch *v, const dnn_tensor *t, const dnn_values *values,
                             const char *name, const char *what) {
    if (values->nans + values->infinities == 0) return DNN_OK;
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_ERROR, name, "%lld of %lld values of the %s are not finite.",
                             (long long)(values->nans + values->infinities), (long long)values->count, what));
    DNNI_TRY(dnni_report_how(v->report, "%lld NaN, %lld infinite", (long long)values->nans,
                             (long long)values->infinities));
    DNNI_TRY(name_samples(v, &t->array, is_not_finite));
    return dnni_report_action(v->report, "look for the division by 0, the logarithm or the missing value that made "
                                         "them: one NaN in a batch makes all weights NaN");
}

/* Bytes divided by 255 more than once. */
static bool scaled_twice(const dnni_view_of_batch *v) {
    double m = v->inputs.max * 255;
    return v->inputs.min >= 0 && !v->inputs.whole && ((m > 0.5 && m <= 1.02) || (255 * m > 0.5 && 255 * m <= 1.02));
}

static dnn_status look_for_twice(const dnni_view_of_batch *v) {
    double times = v->inputs.max * 255 > 0.5 ? 255 : 65025;
    int hundredths = (int)(100 * times * v->inputs.max + 0.5);
    dnn_severity severity = v->high >= 0.5 ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING;
    DNNI_TRY(dnni_report_add(v->report, severity, "scaled-twice", "Input max %s: ×%s = %d.%02d. Scaled twice?",
                             dnni_real(v->inputs.max, 2).text, times == 255 ? "255" : "255²", hundredths / 100,
                             hundredths % 100));
    return dnni_report_action(v->report, "divide once: a source or a library before it has already scaled the bytes");
}

static dnn_status look_at_range(const dnni_view_of_batch *v) {
    double span = v->high - v->low, beyond = fmax(v->inputs.max - v->high, v->low - v->inputs.min);
    if (!(span > 0) || !(beyond > SLIGHTLY * span)) return DNN_OK;
    bool far = beyond > FAR_BEYOND * span;
    DNNI_TRY(dnni_report_add(v->report, far ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING, "range",
                             "The inputs lie between %s and %s, where %s to %s is declared.", REAL(v->inputs.min),
                             REAL(v->inputs.max), REAL(v->low), REAL(v->high)));
    DNNI_TRY(dnni_report_how(v->report, "beyond it by %s %% of its width", REAL(100 * beyond / span)));
    return dnni_report_action(v->report, "scale the inputs (dnn_to_float), or declare the range that is meant");
}

static bool looks_like_bytes(const dnni_view_of_batch *v) {
    return dnni_is_real(v->x->array.dtype) && v->inputs.whole && v->inputs.min >= 0 && v->inputs.max > LARGE &&
           v->inputs.max <= 255;
}

static dnn_status look_at_scale(const dnni_view_of_batch *v) {
    const dnn_values *i = &v->inputs;
    if (looks_like_bytes(v)) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "not-scaled",
                                 "The inputs are whole numbers up to %s: bytes that were not scaled?", REAL(i->max)));
        return dnni_report_action(v->report, "scale them to [0, 1] (dnn_to_float), then standardise");
    }
    if (dnni_is_real(v->x->array.dtype) && i->std < LITTLE_SPREAD * fabs(i->mean) && i->std > 0) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "little-spread",
                                 "The inputs hardly vary: %s around %s.", REAL(i->std), REAL(i->mean)));
        return dnni_report_action(v->report, "standardise by statistics of these very values; or were they scaled "
                                             "twice before?");
    }
    if (!dnni_is_real(v->x->array.dtype) || (fabs(i->mean) <= LARGE && i->std <= LARGE)) return DNN_OK;
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_NOTE, "large-values",
                             "The inputs are large: mean %s, standard deviation %s.", REAL(i->mean), REAL(i->std)));
    return dnni_report_action(v->report, "standardise: networks begin best with mean 0 and deviation 1");
}

/* ---- shapes and channels of inputs ---- */

static dnn_status look_at_type(const dnni_view_of_batch *v) {
    const dnn_array *a = &v->x->array;
    if (a->rank == 4 && (a->dims[1] == 1 || a->dims[1] == 3) && a->dims[3] > 4 && a->dims[2] > 4) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "channels-first",
                                 "Inputs of %s look as if channels came first.", dnni_array_shape(a).text));
        DNNI_TRY(dnni_report_action(v->report, "images are (N, H, W, C) here: transpose them when they are read"));
    }
    if (a->rank < 3 || dnni_is_real(a->dtype)) return DNN_OK;
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "not-float", "The model gets %s.",
                             dnn_dtype_name(a->dtype)));
    return dnni_report_action(v->report, "convert to float32 with dnn_to_float: layers compute on floats");
}

static dnn_status look_at_constant(const dnni_view_of_batch *v) {
    const dnni_tally *t = &v->summary->input;
    if (v->inputs.constant == t->elements && t->elements > 0) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_ERROR, "same-samples",
                                 "All %lld samples of the batch are the same.", (long long)v->summary->samples));
        return dnni_report_action(v->report, "look at the source: does it read one file, or one row, for ever?");
    }
    for (int64_t c = 0; t->channels > 1 && t->channels <= MOST_CHANNELS_NAMED && c < t->channels; c++) {
        dnn_values values = dnni_tally_values(t, c);
        if (values.count < 2 || !(values.min == values.max)) continue;
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "constant-channel",
                                 "Channel %lld is %s in the whole batch.", (long long)c, REAL(values.min)));
        DNNI_TRY(dnni_report_action(v->report, "leave it out, or mend what fills it"));
    }
    return DNN_OK;
}

static bool channels_are_equal(const dnn_array *a) {
    int64_t n = dnni_count(a);
    for (int64_t i = 0; i < n; i += 3) {
        double x = dnni_load(a->dtype, a->data, i);
        if (x != dnni_load(a->dtype, a->data, i + 1) || x != dnni_load(a->dtype, a->data, i + 2)) return false;
    }
    return true;
}

static dnn_status look_at_colour(const dnni_view_of_batch *v) {
    const dnn_array *a = &v->x->array;
    if (a->rank != 4 || a->dims[3] != 3 || !channels_are_equal(a)) return DNN_OK;
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_NOTE, "equal-channels",
                             "The three channels are the same in every sample: grey pictures, stored as colour."));
    return dnni_report_action(v->report, "one channel says as much");
}

dnn_status dnni_look_at_inputs(const dnni_view_of_batch *v) {
    DNNI_TRY(not_finite(v, v->x, &v->inputs, "not-finite", "inputs"));
    DNNI_TRY(look_at_type(v));
    DNNI_TRY(look_at_range(v));
    if (scaled_twice(v)) DNNI_TRY(look_for_twice(v));
    else DNNI_TRY(look_at_scale(v));
    DNNI_TRY(look_at_constant(v));
    return look_at_colour(v);
}

/* ---- targets ---- */

static dnn_status look_at_labels(const dnni_view_of_batch *v) {
    int64_t classes = v->summary->labels.declared;
    if (v->targets.min < 0) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_ERROR, "labels-negative", "A label is %s.",
                                 REAL(v->targets.min)));
        DNNI_TRY(name_samples(v, &v->y->array, is_negative));
        return dnni_report_action(v->report, "classes are numbered from 0; if it marks samples to be left out, give "
                                             "the loss that number as ignore_index");
    }
    if (classes == 0 || v->summary->classes.outside == 0) return DNN_OK;
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_ERROR, "labels-out-of-range",
                             "%lld of %lld labels are no class: the largest is %s, and there are %lld classes.",
                             (long long)v->summary->classes.outside, (long long)v->targets.count, REAL(v->targets.max),
                             (long long)classes));
    DNNI_TRY(name_samples(v, &v->y->array, is_no_class));
    return dnni_report_action(v->report, v->y->array.dtype == DNN_U8 && v->targets.max == 255
                                             ? "a label of -1 becomes 255 as uint8: keep labels as int64"
                                             : "classes are numbered from 0: are these numbered from 1?");
}

static dnn_status look_at_variety(const dnni_view_of_batch *v) {
    bool constant = v->targets.min == v->targets.max, enough = v->targets.count >= ENOUGH_FOR_CLASSES;
    if (!constant || !enough || v->summary->labels.declared == 1) return DNN_OK;
    if (!v->summary->labels.whole) {
        DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "targets-constant",
                                 "All targets of the batch are %s.", REAL(v->targets.min)));
        return dnni_report_action(v->report, "look at where targets are read");
    }
    char name[128];
    dnni_class_text(v->summary->dataset, (int64_t)v->targets.min, name, sizeof name);
    DNNI_TRY(dnni_report_add(v->report, DNN_SEVERITY_WARNING, "sorted-classes", "The batch holds one class alone: %s.",
                             name));
    return dnni_report_action(v->report, "let the loader shuffle: data is often stored class by class");
}

dnn_status dnni_look_at_targets(const dnni_view_of_batch *v) {
    DNNI_TRY(not_finite(v, v->y, &v->targets, "targets-not-finite", "targets"));
    if (v->summary->labels.whole) DNNI_TRY(look_at_labels(v));
    return look_at_variety(v);
}
