/* Statistics of a dataset, in one pass. */
#include <math.h>

#include "data/statistics.h"
#include "data/walk.h"
#include "moments/moments.h"

enum {
    ARRAYS = 5,           /* of dnnk_moments */
    MANY_ROWS = 128,      /* samples of a block, per element: fewer would leave as many results as they had numbers */
    MANY_BYTES = 8 << 20, /* but no more than these */
    MOST_SLOTS = 64, LEAST_SLOTS = 4,
    SLOT_BYTES = 8 << 20, /* about what the results of a wave may take */
    COMBINED = 1024       /* features, by one task */
};

typedef struct {
    dnn_dataset *dataset;
    dnn_statistics_desc desc;
    dnn_array item;            /* a sample's input, or target */
    dnn_array shape;           /* of the statistics */
    int64_t elements, features;
    int64_t samples, slots;    /* of a block, of a wave */
    double *results;           /* [slots][ARRAYS][features] */
    double *wide;              /* [lanes][samples · elements] numbers of other types, as doubles; or NULL */
    double *total;             /* [ARRAYS][features] */
    int64_t wide_each, wide_all, in_wave;
} job;

static dnnk_moments moments_in(double *memory, int64_t features) {
    return (dnnk_moments){memory, memory + features, memory + 2 * features, memory + 3 * features,
                          memory + 4 * features};
}

static dnnk_moments slot_moments(const job *j, int64_t slot) {
    return moments_in(j->results + slot * ARRAYS * j->features, j->features);
}

/* ---- one block ---- */

static bool has_kernel(dnn_dtype dtype) {
    return dtype == DNN_U8 || dtype == DNN_BOOL || dtype == DNN_F32 || dtype == DNN_F64;
}

static dnnk_moments_type kernel_type(dnn_dtype dtype) {
    if (dtype == DNN_U8 || dtype == DNN_BOOL) return DNNK_MOMENTS_U8;
    return dtype == DNN_F32 ? DNNK_MOMENTS_F32 : DNNK_MOMENTS_F64;
}

/* The numbers as doubles, where there is no kernel for their type. */
static const void *widened(const job *j, const dnni_block *b, const void *data) {
    if (!j->wide) return data;
    double *wide = j->wide + b->lane * j->wide_each;
    for (int64_t i = 0; i < b->n * j->elements; i++) wide[i] = dnni_load(j->item.dtype, data, i);
    return wide;
}

static bool all_finite(const dnnk_moments *m, int64_t features) {
    for (int64_t c = 0; c < features; c++)
        if (!isfinite(m->m2[c]) || !isfinite(m->mean[c])) return false;
    return true;
}

/* "sample 7 has nan in its input at [2,3,0]" */
static dnn_status refuse(const job *j, int64_t sample, int64_t element, double value) {
    int64_t index[DNN_MAX_RANK];
    for (int32_t a = j->item.rank - 1; a >= 0; element /= j->item.dims[a], a--) index[a] = element % j->item.dims[a];
    return dnni_error(DNN_ERROR_VALUE, "sample %lld has %g in its %s at %s (desc.skip_nan leaves such numbers out)",
                      (long long)sample, value, j->desc.targets ? "target" : "input",
                      dnni_shape(j->item.rank, index).text);
}

/* The slow way, for a block with numbers that are not finite: one by one. */
static dnn_status one_by_one(const job *j, const dnni_block *b, const void *data, const dnnk_moments *m) {
    dnnk_moments_clear(m, j->features);
    for (int64_t i = 0; i < b->n * j->elements; i++) {
        double x = dnni_load(j->item.dtype, data, i);
        if (isfinite(x)) dnnk_moments_add(m, i % j->features, x);
        else if (!j->desc.skip_nan) return refuse(j, b->first + i / j->elements, i % j->elements, x);
    }
    return DNN_OK;
}

static dnn_status fit_block(void *user, const dnni_block *b) {
    const job *j = user;
    const void *data = j->desc.targets ? b->targets : b->inputs;
    dnnk_moments m = slot_moments(j, b->slot);
    dnnk_moments_of(dnni_env(dnni_context_of(j->dataset))->isa, kernel_type(j->item.dtype),
                    b->n * j->elements / j->features, j->features, widened(j, b, data), &m);
    return all_finite(&m, j->features) ? DNN_OK : one_by_one(j, b, data, &m);
}

/* ---- all of them ---- */

static void combine_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_moments total = moments_in(j->total, j->features);
    int64_t first = task * COMBINED, last = dnnk_min(first + COMBINED, j->features);
    for (int64_t slot = 0; slot < j->in_wave; slot++) {
        dnnk_moments m = slot_moments(j, slot);
        dnnk_moments_combine(&total, &m, first, last);
    }
}

static dnn_status combine_wave(void *user, int64_t slots) {
    job *j = user;
    j->in_wave = slots;
    dnnk_parallel(dnni_env(dnni_context_of(j->dataset)), dnnk_ceil_div(j->features, COMBINED), combine_task, j);
    return DNN_OK;
}

static dnn_status walk(job *j) {
    dnnk_moments total = moments_in(j->total, j->features);
    dnnk_moments_clear(&total, j->features);
    dnni_walk w = {.dataset = j->dataset, .inputs = !j->desc.targets, .targets = j->desc.targets != 0,
                   .samples = j->samples, .slots = j->slots, .what = "fitting statistics",
                   .progress = &j->desc.progress, .user = j, .work = fit_block, .combine = combine_wave};
    return dnni_walk_samples(&w);
}

static void give(const job *j, dnn_statistics *s) {
    dnnk_moments total = moments_in(j->total, j->features);
    for (int64_t c = 0; c < j->features; c++) {
        s->count[c] = total.n[c];
        s->mean[c] = total.mean[c];
        s->std[c] = total.n[c] > 0 ? sqrt(total.m2[c] / total.n[c]) : 0;
        s->min[c] = total.min[c];
        s->max[c] = total.max[c];
    }
}

static dnn_status run(job *j, dnn_statistics *s) {
    dnn_context *ctx = dnni_context_of(j->dataset);
    int64_t numbers = (j->slots + 1) * ARRAYS * j->features;
    j->results = dnni_alloc_raw(ctx, numbers, sizeof *j->results);
    j->total = j->results ? j->results + j->slots * ARRAYS * j->features : NULL;
    if (j->wide_all > 0) j->wide = dnni_alloc_raw(ctx, j->wide_all, sizeof *j->wide);
    bool memory = j->results && (j->wide || j->wide_all == 0);
    dnn_status status = memory ? walk(j) : DNN_ERROR_MEMORY;
    if (status == DNN_OK) give(j, s);
    dnni_free(ctx, j->wide, j->wide_all, sizeof *j->wide);
    dnni_free(ctx, j->results, numbers, sizeof *j->results);
    return status;
}

/* ---- how it is cut ---- */

static dnn_array shape_of(const dnn_array *item, dnn_statistics_per per) {
    if (per == DNN_PER_ELEMENT) return dnni_array(DNN_F64, item->rank, item->dims);
    if (per == DNN_PER_DATASET || item->rank == 0) return dnni_array(DNN_F64, 0, NULL);
    return dnni_array(DNN_F64, 1, item->dims + item->rank - 1);
}

static void cut(job *j) {
    j->elements = dnni_count(&j->item);
    j->features = dnni_count(&j->shape);
    j->samples = dnni_block_samples(dnni_bytes(&j->item));
    if (j->elements == j->features)
        j->samples = dnnk_max(j->samples, dnnk_min(MANY_ROWS, MANY_BYTES / dnni_bytes(&j->item)));
    j->samples = dnnk_min(j->samples, dnnk_max(j->dataset->count, 1));
    int64_t slot_bytes = dnnk_max(j->features, 1) * ARRAYS * (int64_t)sizeof(double);
    j->slots = dnnk_min(dnnk_max(SLOT_BYTES / slot_bytes, LEAST_SLOTS), MOST_SLOTS);
    j->wide_each = has_kernel(j->item.dtype) ? 0 : j->samples * j->elements;
    j->wide_all = j->wide_each * dnni_env(dnni_context_of(j->dataset))->lanes;
}

static dnn_status check(const job *j) {
    dnn_statistics_per per = j->desc.per;
    DNNI_REQUIRE(per == DNN_PER_CHANNEL || per == DNN_PER_ELEMENT || per == DNN_PER_DATASET, "desc.per is %d",
                 (int)per);
    if (j->desc.targets && !dnni_has_targets(j->dataset))
        return dnni_error(DNN_ERROR_STATE, "the dataset's samples have no targets");
    if (j->dataset->count == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples to fit statistics to");
    return DNN_OK;
}

dnn_status dnn_statistics_fit(dnn_statistics **out, dnn_dataset *dataset, const dnn_statistics_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    job j = {.dataset = dataset};
    DNNI_TRY(DNNI_READ_DESC(j.desc, desc, true));
    DNNI_TRY(check(&j));
    j.item = j.desc.targets ? dataset->target : dataset->input;
    j.shape = shape_of(&j.item, j.desc.per);
    if (dnni_count(&j.item) == 0)
        return dnni_error(DNN_ERROR_VALUE, "a sample of shape %s has no numbers", dnni_array_shape(&j.item).text);
    cut(&j);
    dnn_statistics *s;
    DNNI_TRY(dnni_statistics_new(&s, dnni_context_of(dataset), &j.shape));
    dnn_status status = run(&j, s);
    if (status == DNN_OK) *out = s;
    else dnn_statistics_release(s);
    return status;
}
