#include "look/stream.h"

#include "data/progress.h"

enum { CHUNK_BYTES = 1 << 22, MOST_ROOM = 1024, TASK_SAMPLES = 16, MOST_TASKS = MOST_ROOM / TASK_SAMPLES };

/* ---- opening ---- */

static int64_t choose_room(const dnn_dataset *d, int64_t samples) {
    int64_t bytes = dnni_bytes(&d->input) + (dnni_has_targets(d) ? dnni_bytes(&d->target) : 0);
    int64_t fitting = CHUNK_BYTES / dnnk_max(bytes, 1);
    return dnnk_max(dnnk_min(dnnk_min(fitting, MOST_ROOM), samples), 1);
}

static dnn_status make_batch(dnni_stream *s, dnn_array *batch, const dnn_array *item) {
    DNNI_TRY(dnni_batch_array(batch, item, s->room));
    if (batch->dtype == DNN_DTYPE_NONE) return DNN_OK;
    batch->data = dnni_alloc_raw(s->ctx, dnni_bytes(batch), 1);
    return batch->data ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status make_readers(dnni_stream *s) {
    int64_t lanes = dnni_env(s->ctx)->lanes;
    s->readers = dnni_alloc(s->ctx, lanes, sizeof *s->readers);
    s->scratch = dnni_alloc(s->ctx, lanes, s->scratch_stride);
    if (!s->readers || !s->scratch) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < lanes; i++) s->readers[i].scratch = s->scratch + i * s->scratch_stride;
    return DNN_OK;
}

dnn_status dnni_stream_open(dnni_stream *s, dnn_dataset *dataset, int64_t most, const char *what,
                            const dnn_progress *progress) {
    *s = (dnni_stream){.ctx = dnni_context_of(dataset), .dataset = dataset, .progress = progress, .what = what};
    s->samples = most > 0 ? dnnk_min(most, dataset->count) : dataset->count;
    s->room = choose_room(dataset, s->samples);
    DNNI_TRY(make_batch(s, &s->inputs, &dataset->input));
    DNNI_TRY(make_batch(s, &s->targets, &dataset->target));
    s->scratch_stride = dnnk_round_up(dataset->scratch_bytes, DNNI_ALIGNMENT);
    s->indices = dnni_alloc_raw(s->ctx, s->room, sizeof *s->indices);
    return s->indices ? make_readers(s) : DNN_ERROR_MEMORY;
}

static void free_batch(dnni_stream *s, dnn_array *batch) {
    if (batch->data) dnni_free(s->ctx, batch->data, dnni_bytes(batch), 1);
    batch->data = NULL;
}

void dnni_stream_close(dnni_stream *s) {
    free_batch(s, &s->inputs);
    free_batch(s, &s->targets);
    dnni_free(s->ctx, s->indices, s->room, sizeof *s->indices);
    dnni_free(s->ctx, s->readers, dnni_env(s->ctx)->lanes, sizeof *s->readers);
    dnni_free(s->ctx, s->scratch, dnni_env(s->ctx)->lanes, s->scratch_stride);
    *s = (dnni_stream){.ctx = s->ctx};
}

/* ---- reading ---- */

typedef struct reading {
    dnni_stream *stream;
    dnn_status status[MOST_TASKS];
    dnni_saved_error *errors; /* of each task that failed */
} reading;

static void read_some(void *arg, int64_t task, int64_t lane) {
    reading *r = arg;
    dnni_stream *s = r->stream;
    int64_t first = task * TASK_SAMPLES, failed;
    r->status[task] = dnni_dataset_read(s->dataset, &s->readers[lane], s->indices + first,
                                        dnnk_min(TASK_SAMPLES, s->n - first), &s->inputs, &s->targets, first, &failed);
    if (r->status[task] != DNN_OK) dnni_error_save(&r->errors[task]);
}

/* Errors are noted by task, since they belong to the threads that met them: the first one is reported. */
static dnn_status read_chunk(dnni_stream *s) {
    int64_t tasks = dnnk_ceil_div(s->n, TASK_SAMPLES);
    reading r = {.stream = s, .errors = dnni_alloc_raw(s->ctx, tasks, sizeof *r.errors)};
    if (!r.errors) return DNN_ERROR_MEMORY;
    dnn_status status = DNN_OK;
    dnnk_parallel(dnni_env(s->ctx), tasks, read_some, &r);
    for (int64_t i = 0; i < tasks && status == DNN_OK; i++)
        if (r.status[i] != DNN_OK) status = dnni_error_restore(&r.errors[i]);
    dnni_free(s->ctx, r.errors, tasks, sizeof *r.errors);
    return status;
}

/* Sample k of n that are spread evenly over `count`: ⌊k · count / n⌋. */
static int64_t spread(int64_t k, int64_t count, int64_t n) { return count / n * k + count % n * k / n; }

dnn_status dnni_stream_next(dnni_stream *s) {
    s->first += s->n;
    s->n = dnnk_min(s->room, s->samples - s->first);
    DNNI_TRY(dnni_progress(s->progress, s->what, s->first, s->samples));
    if (s->n == 0) return DNN_END;
    for (int64_t i = 0; i < s->n; i++) s->indices[i] = spread(s->first + i, s->dataset->count, s->samples);
    return read_chunk(s);
}
