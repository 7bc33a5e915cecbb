/* The data as the model gets it: what dnn_look says of a batch, ranges, scales, and whether epochs differ. */
#include <dnn/look.h>

#include "preflight/flight.h"

#define LITTLE 0.02      /* of the declared range is filled; own choice */
#define SLIGHTLY 1e-4    /* beyond it: rounding */
#define MOST_MEAN 0.5    /* of inputs that are standardised; own choice */
#define MOST_RATIO 3.0   /* of deviations that are the same; own choice */
#define MOST_SHIFT 1.0   /* deviations between the means of two sets; own choice */

enum { MOST_FEATURES = 4096, ENOUGH_SAMPLES = 16, VALIDATION_SAMPLES = 256 };

#define REAL(value) dnni_real(value, 4).text

/* ---- a batch ---- */

static dnn_status look_at(preflight *f, dnn_loader *loader) {
    dnn_report *report;
    dnn_look_desc d = {DNN_SIZED(dnn_look_desc), .name = "train", .low = f->d.low, .high = f->d.high};
    DNNI_TRY(dnn_look(&report, loader, &d));
    dnn_status status = dnn_report_append(f->report, report);
    dnn_report_release(report);
    return status;
}

/* The loader's seed of 0 would be the context's. */
dnn_status dnni_preflight_look(preflight *f) {
    dnn_loader *loader;
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .batch_size = f->batch, .shuffle = 1, .seed = f->d.seed + 1,
                         .prefetch = DNN_NO_PREFETCH};
    DNNI_TRY(dnn_loader_create(&loader, f->dataset, &d));
    dnn_status status = look_at(f, loader);
    dnn_loader_release(loader);
    return status;
}

/* ---- scale ---- */

/* Of a set's samples, for each place on the last axis (or for all together, where there are too many). */
typedef struct {
    int64_t features;
    double *mean, *std;
    double low, high;
} scale;

static dnn_status measure_scale(preflight *f, const dnn_array *x, scale *s) {
    int64_t last = x->rank > 1 ? x->dims[x->rank - 1] : 1, n = dnni_count(x);
    *s = (scale){.features = last > 0 && last <= MOST_FEATURES ? last : 1, .low = INFINITY, .high = -INFINITY};
    s->mean = dnni_pool_alloc(&f->pool, s->features, sizeof *s->mean);
    s->std = dnni_pool_alloc(&f->pool, s->features, sizeof *s->std);
    if (!s->mean || !s->std) return DNN_ERROR_MEMORY;
    double each = (double)n / (double)s->features;
    for (int64_t i = 0; i < n; i++) {
        double v = dnni_load(x->dtype, x->data, i);
        s->mean[i % s->features] += v / each;
        s->low = fmin(s->low, v);
        s->high = fmax(s->high, v);
    }
    for (int64_t i = 0; i < n; i++) {
        double d = dnni_load(x->dtype, x->data, i) - s->mean[i % s->features];
        s->std[i % s->features] += d * d / each;
    }
    for (int64_t k = 0; k < s->features; k++) s->std[k] = sqrt(s->std[k]);
    return DNN_OK;
}

static dnn_status look_at_range(preflight *f, const scale *s) {
    double span = f->d.high - f->d.low, beyond = fmax(s->high - f->d.high, f->d.low - s->low);
    bool little = s->high - s->low < LITTLE * span, known = dnn_report_find(f->report, "range", NULL) == DNN_OK ||
                                                            dnn_report_find(f->report, "scaled-twice", NULL) == DNN_OK;
    if (!(span > 0) || known || !(little || beyond > SLIGHTLY * span)) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_WARNING, "range-declared-wrong",
                             "The inputs lie between %s and %s, where %s to %s is declared.", REAL(s->low),
                             REAL(s->high), REAL(f->d.low), REAL(f->d.high)));
    DNNI_TRY(dnni_report_how(f->report, "over %lld samples; they fill %s %% of that range", (long long)f->n,
                             REAL(100 * (s->high - s->low) / span)));
    return dnni_report_action(f->report, "declare what the values are (dnn_dataset_with_metadata), or scale them: "
                                         "bytes are 0 to 255, dnn_to_float makes them 0 to 1");
}

static bool module_standardizes(const preflight *f, const dnni_index *index) {
    for (int64_t i = 0; i < index->n_modules; i++)
        if (strcmp(dnni_module_type(index->modules[i].module), "standardize") == 0) return true;
    return f->d.statistics == NULL;
}

/* The mean distance of the means, in deviations, and the mean ratio of deviations, of features that vary. */
static void compare(const scale *s, const double *mean, const double *std, double *shift, double *ratio) {
    double n = 0;
    *shift = *ratio = 0;
    for (int64_t k = 0; k < s->features; k++) {
        double to = std ? std[k] : 1, from = mean ? mean[k] : 0;
        if (!(to > 0) || !(s->std[k] > 0)) continue;
        *shift += fabs(s->mean[k] - from) / to;
        *ratio += fabs(log(s->std[k] / to));
        n++;
    }
    *shift = n > 0 ? *shift / n : 0;
    *ratio = n > 0 ? exp(*ratio / n) : 1;
}

static dnn_status look_at_statistics(preflight *f, const scale *s) {
    const dnni_index *index;
    double shift, ratio;
    DNNI_TRY(dnni_index_get(&index, f->module));
    if (module_standardizes(f, index)) return DNN_OK;
    compare(s, NULL, NULL, &shift, &ratio);
    if (shift <= MOST_MEAN && ratio <= MOST_RATIO) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "statistics-not-applied",
                             "The data's statistics are known, and the inputs are not standardised by them."));
    DNNI_TRY(dnni_report_how(f->report, "over %lld samples means are %s from 0, deviations off 1 by a factor of %s, on "
                                        "average; the module has no layer that standardises",
                             (long long)f->n, REAL(shift), REAL(ratio)));
    return dnni_report_action(f->report, "put dnn_standardize in front of the module: it is saved with the weights, "
                                         "and applied when it predicts");
}

static dnn_status compare_validation(preflight *f, const scale *s, const dnn_tensor *x) {
    scale v;
    double shift, ratio;
    DNNI_TRY(measure_scale(f, &x->array, &v));
    compare(&v, s->mean, s->std, &shift, &ratio);
    if (shift <= MOST_SHIFT && ratio <= MOST_RATIO) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "statistics-not-applied",
                             "Inputs of the validation set have another scale than those that are trained on."));
    DNNI_TRY(dnni_report_how(f->report, "means differ by %s deviations, deviations by a factor of %s, on average; they "
                                        "lie between %s and %s, those of training between %s and %s",
                             REAL(shift), REAL(ratio), REAL(v.low), REAL(v.high), REAL(s->low), REAL(s->high)));
    DNNI_TRY(dnni_report_set(f->report, "validation"));
    return dnni_report_action(f->report, "standardise both by the statistics of the training set");
}

static dnn_status look_at_validation(preflight *f, const scale *s) {
    dnn_tensor *x;
    int64_t indices[VALIDATION_SAMPLES];
    dnn_dataset *set = f->d.validation;
    if (!set || set->count < ENOUGH_SAMPLES) return DNN_OK;
    int64_t n = dnnk_min(set->count, VALIDATION_SAMPLES);
    for (int64_t i = 0; i < n; i++) indices[i] = i * set->count / n;
    DNNI_TRY(dnn_dataset_get(&x, NULL, set, indices, n));
    dnn_status status = compare_validation(f, s, x);
    dnn_tensor_release(x);
    return status;
}

/* Word and class numbers have no scale. */
dnn_status dnni_preflight_scale(preflight *f) {
    scale s;
    const dnn_array *x = &f->x->array;
    if (dnni_count(x) == 0) return DNN_OK;
    DNNI_TRY(measure_scale(f, x, &s));
    DNNI_TRY(look_at_range(f, &s));
    if (!dnni_is_real(x->dtype) || f->n < ENOUGH_SAMPLES) return DNN_OK;
    DNNI_TRY(look_at_statistics(f, &s));
    return look_at_validation(f, &s);
}

/* ---- epochs ---- */

static dnn_status read_epoch(const preflight *f, dnn_dataset *set, int64_t epoch, int64_t n, const dnn_array *x,
                             const dnn_array *target) {
    dnni_reader reader;
    int64_t indices[ENOUGH_SAMPLES], failed, bytes = set->scratch_bytes;
    for (int64_t i = 0; i < n; i++) indices[i] = i * set->count / n;
    if (!dnni_reader_open(&reader, f->ctx, bytes)) return DNN_ERROR_MEMORY;
    reader.epoch = epoch;
    dnn_status status = dnni_dataset_read(set, &reader, indices, n, x, target, 0, &failed);
    dnni_reader_close(&reader, f->ctx, bytes);
    return status;
}

static dnn_status epochs_are_equal(preflight *f, dnn_dataset *set, int64_t n, bool *equal) {
    dnn_array x, target;
    int64_t bytes, target_bytes;
    DNNI_TRY(dnni_batch_array(&x, &set->input, n));
    DNNI_TRY(dnni_batch_array(&target, &set->target, n));
    bytes = dnnk_round_up(dnni_bytes(&x), DNNI_ALIGNMENT);
    target_bytes = dnni_bytes(&target);
    char *memory = dnni_pool_alloc(&f->pool, 2 * bytes + target_bytes, 1);
    if (!memory) return DNN_ERROR_MEMORY;
    target.data = memory + 2 * bytes;
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        x.data = memory + epoch * bytes;
        DNNI_TRY(read_epoch(f, set, epoch, n, &x, &target));
    }
    *equal = memcmp(memory, memory + bytes, (size_t)dnni_bytes(&x)) == 0;
    return DNN_OK;
}

static dnn_status look_at_augmentation(preflight *f) {
    bool equal;
    int64_t n = dnnk_min(ENOUGH_SAMPLES, f->dataset->count);
    if (!f->d.augments) return DNN_OK;
    DNNI_TRY(epochs_are_equal(f, f->dataset, n, &equal));
    if (!equal) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "same-every-epoch",
                             "Augmentation gives the same samples in epochs 0 and 1."));
    DNNI_TRY(dnni_report_how(f->report, "all %lld samples that were read twice are the same, bit for bit",
                             (long long)n));
    return dnni_report_action(f->report, "draw from (seed, epoch, index): the epoch is handed to callbacks for that, "
                                         "and data that is augmented before it is kept is augmented once");
}

/* What is measured on it would change with the epoch, whatever the network does. */
static dnn_status look_for_draws(preflight *f) {
    bool equal;
    dnn_dataset *set = f->d.validation;
    if (!set || set->count == 0) return DNN_OK;
    DNNI_TRY(epochs_are_equal(f, set, dnnk_min(ENOUGH_SAMPLES, set->count), &equal));
    if (equal) return DNN_OK;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_WARNING, "validation-changes",
                             "The validation set gives other samples in epoch 1 than in epoch 0: it is augmented, "
                             "too."));
    DNNI_TRY(dnni_report_set(f->report, "validation"));
    return dnni_report_action(f->report, "augment what is trained on alone: epochs are compared by the same samples");
}

dnn_status dnni_preflight_epochs(preflight *f) {
    DNNI_TRY(look_at_augmentation(f));
    return look_for_draws(f);
}
