/* One pass over a set: in blocks of samples, which are read and looked at by all lanes, and then folded, place by
 * place, into what the dimensions hold. The size of a block follows from that of a sample alone. */
#include <string.h>

#include "audit/audit.h"
#include "data/progress.h"
#include "rng/rng.h"

enum { BLOCK_BYTES = 1 << 25, BLOCK_ROWS = 256, FOLD = 64 };

/* What a lane needs: how it reads, and the first sample that it could not read. */
typedef struct {
    dnni_reader reader;
    int64_t failed; /* -1: none */
    dnni_saved_error error;
} lane_state;

typedef struct {
    dnni_audit *audit;
    dnni_set *set;
    int64_t *row_of; /* [n] the point that a sample becomes; -1: none */
    int64_t rows;    /* of a full block */
    dnn_array inputs, targets;
    double *values; /* [rows, dims] */
    int64_t first, count; /* of the block */
    lane_state *lane;
    dnn_predictor *predictor; /* NULL: points are the values */
} survey;

/* ---- one sample ---- */

static void look_at_target(const survey *s, int64_t row, dnni_sample *sample) {
    const dnn_array *item = &s->set->dataset->target;
    int64_t n = dnni_count(item);
    for (int64_t i = 0; item->dtype != DNN_DTYPE_NONE && i < n; i++) {
        double value = dnni_load(item->dtype, s->targets.data, row * n + i);
        if (i == 0) sample->target = value;
        sample->target_bad |= !isfinite(value);
    }
}

/* FNV-1a of Fowler, Noll and Vo, eight bytes at a time, with a shift that lets high bits reach low ones. Equal hashes
 * are compared byte by byte before anybody says that samples are equal. */
static uint64_t hash_bytes(const unsigned char *bytes, int64_t n) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, (size_t)dnnk_min(8, n - i));
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 29;
    }
    return hash;
}

static void load_values(const dnn_array *item, const void *data, double *values) {
    int64_t n = dnni_count(item);
    if (item->dtype == DNN_U8)
        for (int64_t i = 0; i < n; i++) values[i] = ((const uint8_t *)data)[i];
    else if (item->dtype == DNN_F32)
        for (int64_t i = 0; i < n; i++) values[i] = (double)((const float *)data)[i];
    else
        for (int64_t i = 0; i < n; i++) values[i] = dnni_load(item->dtype, data, i);
}

static void look_at_sample(const survey *s, int64_t row) {
    dnni_audit *a = s->audit;
    dnni_sample *sample = &s->set->samples[s->first + row];
    const dnn_array *item = &s->set->dataset->input;
    double *values = s->values + row * a->dims;
    int64_t bytes = dnni_bytes(item), point = s->row_of[s->first + row];
    const void *data = (const char *)s->inputs.data + row * bytes;
    load_values(item, data, values);
    sample->hash = hash_bytes(data, bytes);
    dnni_audit_figures(a, values, sample);
    look_at_target(s, row, sample);
    if (point < 0) return;
    if (!s->predictor) dnni_audit_point(a, values, s->set->points + point * a->point_dims);
    int64_t thumb = DNNI_THUMB * DNNI_THUMB * a->channels;
    if (s->set->thumbs) dnni_audit_shrink(a, values, DNNI_THUMB, DNNI_THUMB, s->set->thumbs + point * thumb);
}

static void read_and_look(void *arg, int64_t task, int64_t lane) {
    const survey *s = arg;
    lane_state *own = &s->lane[lane];
    if (own->failed >= 0) return;
    int64_t index = s->first + task, failed;
    dnn_status status =
        dnni_dataset_read(s->set->dataset, &own->reader, &index, 1, &s->inputs, &s->targets, task, &failed);
    if (status == DNN_OK) {
        look_at_sample(s, task);
        return;
    }
    own->failed = index;
    dnni_error_save(&own->error);
}

/* The first sample that failed, whoever read it. */
static dnn_status first_failure(const survey *s, int64_t lanes) {
    const lane_state *first = NULL;
    for (int64_t i = 0; i < lanes; i++)
        if (s->lane[i].failed >= 0 && (!first || s->lane[i].failed < first->failed)) first = &s->lane[i];
    if (!first) return DNN_OK;
    dnn_status status = dnni_error_restore(&first->error);
    dnni_error_prefix(s->set->name);
    return status;
}

/* ---- a block ---- */

static void fold(void *arg, int64_t task, int64_t lane) {
    const survey *s = arg;
    (void)lane;
    int64_t dims = s->audit->dims, last = dnnk_min(dims, (task + 1) * FOLD);
    for (int64_t j = task * FOLD; j < last; j++)
        dnni_audit_fold(&s->set->dimensions[j], s->values + j, s->count, dims);
}

/* The block's rows as the module takes them: as they are, but bytes as float32. */
static dnn_status module_input(const survey *s, dnn_tensor **x) {
    dnn_array batch = s->inputs;
    batch.dims[0] = s->count;
    dnn_tensor *raw;
    DNNI_TRY(dnn_tensor_wrap(&raw, s->audit->ctx, batch.dtype, batch.rank, batch.dims, batch.data, NULL, NULL));
    if (batch.dtype != DNN_U8) {
        *x = raw;
        return DNN_OK;
    }
    dnn_status status = dnn_tensor_cast(x, raw, DNN_F32, DNN_CAST_LOSSY, NULL);
    dnn_tensor_release(raw);
    return status;
}

/* Room for the points is made when the module has said how many features there are. */
static dnn_status make_points(dnni_audit *a, dnni_set *set, int64_t dims) {
    if (a->point_dims == 0) a->point_dims = dims;
    if (a->point_dims != dims) return dnni_error(DNN_ERROR_SHAPE, "the module gives %lld features here, %lld before",
                                                 (long long)dims, (long long)a->point_dims);
    if (set->points) return DNN_OK;
    int64_t count;
    if (!dnni_mul(set->kept, dims, &count)) return dnni_out_of_memory();
    set->points = dnni_pool_alloc(&a->pool, count, sizeof(float));
    return set->points ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status keep_features(const survey *s, const dnn_tensor *y) {
    dnni_audit *a = s->audit;
    int64_t dims = dnni_product(y->array.dims, 1, y->array.rank);
    if (y->array.rank < 1 || y->array.dims[0] != s->count)
        return dnni_error(DNN_ERROR_SHAPE, "features: the module makes %s of %lld samples",
                          dnni_array_shape(&y->array).text, (long long)s->count);
    DNNI_TRY(make_points(a, s->set, dims));
    for (int64_t i = 0; i < s->count; i++) {
        int64_t point = s->row_of[s->first + i];
        for (int64_t j = 0; point >= 0 && j < dims; j++)
            s->set->points[point * dims + j] = (float)dnni_load(y->array.dtype, y->array.data, i * dims + j);
    }
    return DNN_OK;
}

static dnn_status run_module(const survey *s) {
    dnn_tensor *x;
    const dnn_tensor *y;
    DNNI_TRY(module_input(s, &x));
    dnn_status status = dnn_predictor_run(s->predictor, x, &y);
    if (status == DNN_OK) status = keep_features(s, y);
    dnn_tensor_release(x);
    return status;
}

static dnn_status do_block(survey *s) {
    const dnnk_env *env = dnni_env(s->audit->ctx);
    dnnk_parallel(env, s->count, read_and_look, s);
    DNNI_TRY(first_failure(s, env->lanes));
    dnnk_parallel(env, dnnk_ceil_div(s->audit->dims, FOLD), fold, s);
    return s->predictor ? run_module(s) : DNN_OK;
}

static dnn_status do_blocks(survey *s) {
    for (s->first = 0; s->first < s->set->n; s->first += s->count) {
        DNNI_TRY(dnni_progress(&s->audit->options.progress, "reading samples", s->first, s->set->n));
        s->count = dnnk_min(s->rows, s->set->n - s->first);
        DNNI_TRY(do_block(s));
    }
    return DNN_OK;
}

/* ---- room ---- */

/* All samples become points, or as many as the options allow, in their own order. */
static dnn_status choose_points(survey *s) {
    dnni_audit *a = s->audit;
    dnni_set *set = s->set;
    int64_t n = set->n, work_bytes = dnnk_permutation_workspace(n), kept = 0;
    int64_t *order = dnni_pool_alloc(&a->pool, n, sizeof *order);
    void *work = dnni_alloc_raw(a->ctx, work_bytes, 1);
    set->kept = a->pointed ? dnnk_min(n, a->options.max_samples) : 0;
    set->ids = dnni_pool_alloc(&a->pool, set->kept, sizeof *set->ids);
    if (order && work && set->ids) {
        dnnk_permutation(dnni_env(a->ctx), a->options.seed, DNNI_STREAM_SPLIT, n, order, work);
        for (int64_t i = 0; i < n; i++) s->row_of[order[i]] = i < set->kept ? 0 : -1;
        for (int64_t i = 0; i < n; i++) {
            if (s->row_of[i] < 0) continue;
            s->row_of[i] = kept;
            set->ids[kept++] = i;
        }
    }
    dnni_free(a->ctx, work, work_bytes, 1);
    return order && work && set->ids ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status make_set(survey *s) {
    dnni_audit *a = s->audit;
    dnni_set *set = s->set;
    set->samples = dnni_pool_alloc(&a->pool, set->n, sizeof *set->samples);
    set->dimensions = dnni_pool_alloc(&a->pool, a->dims, sizeof *set->dimensions);
    s->row_of = dnni_pool_alloc(&a->pool, set->n, sizeof *s->row_of);
    if (!set->samples || !set->dimensions || !s->row_of) return DNN_ERROR_MEMORY;
    DNNI_TRY(choose_points(s));
    if (a->pointed && !a->options.features) DNNI_TRY(make_points(a, set, dnni_audit_point_dims(a)));
    if (!a->pointed || !dnni_is_picture(a)) return DNN_OK;
    set->thumbs = dnni_pool_alloc(&a->pool, set->kept * DNNI_THUMB * DNNI_THUMB * a->channels, sizeof(float));
    return set->thumbs ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status make_block(survey *s, dnni_pool *pool) {
    dnni_audit *a = s->audit;
    dnn_dataset *dataset = s->set->dataset;
    int64_t sample = dnnk_max(1, a->dims * (int64_t)sizeof(double)), lanes = dnni_env(a->ctx)->lanes;
    s->rows = dnnk_max(1, dnnk_min(BLOCK_ROWS, BLOCK_BYTES / sample));
    DNNI_TRY(dnni_batch_array(&s->inputs, &dataset->input, s->rows));
    DNNI_TRY(dnni_batch_array(&s->targets, &dataset->target, s->rows));
    s->inputs.data = dnni_pool_alloc(pool, dnni_bytes(&s->inputs), 1);
    if (dnni_has_targets(dataset)) s->targets.data = dnni_pool_alloc(pool, dnni_bytes(&s->targets), 1);
    s->values = dnni_pool_alloc(pool, s->rows, sample);
    s->lane = dnni_pool_alloc(pool, lanes, sizeof *s->lane);
    if (!s->inputs.data || (dnni_has_targets(dataset) && !s->targets.data) || !s->values || !s->lane)
        return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < lanes; i++) {
        s->lane[i].failed = -1;
        s->lane[i].reader.scratch = dnni_pool_alloc(pool, dataset->scratch_bytes + DNNI_ALIGNMENT, 1);
        if (!s->lane[i].reader.scratch) return DNN_ERROR_MEMORY;
        uintptr_t address = (uintptr_t)s->lane[i].reader.scratch;
        s->lane[i].reader.scratch = (void *)((address + DNNI_ALIGNMENT - 1) / DNNI_ALIGNMENT * DNNI_ALIGNMENT);
    }
    return DNN_OK;
}

static dnn_status run_survey(survey *s, dnni_pool *pool) {
    DNNI_TRY(make_set(s));
    DNNI_TRY(make_block(s, pool));
    if (s->audit->options.features) DNNI_TRY(dnn_predictor_create(&s->predictor, s->audit->options.features));
    return do_blocks(s);
}

dnn_status dnni_audit_survey(dnni_audit *a, dnni_set *set) {
    dnni_pool pool = {.ctx = a->ctx};
    survey s = {.audit = a, .set = set};
    dnn_status status = run_survey(&s, &pool);
    dnn_predictor_release(s.predictor);
    dnni_pool_free(&pool);
    return status;
}
