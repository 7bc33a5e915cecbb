#include "data/walk.h"

#include <string.h>

#include "data/progress.h"

enum { BLOCK_BYTES = 256 * 1024, MOST_SAMPLES = 32768 };

typedef struct {
    dnni_reader reader;
    char *memory; /* a block's inputs, then its targets */
} walker;

typedef struct {
    dnn_status status;
    dnni_saved_error error;
} outcome;

typedef struct {
    const dnni_walk *walk;
    dnn_context *ctx;
    walker *walkers; /* [lanes] */
    outcome *outcomes; /* [slots] */
    int64_t lanes, scratch_bytes, input_bytes, target_bytes, memory_bytes;
    int64_t first; /* the wave's first sample */
    bool in_place; /* inputs may be read where they lie */
} job;

int64_t dnni_block_samples(int64_t sample_bytes) {
    return dnnk_min(dnnk_max(BLOCK_BYTES / dnnk_max(sample_bytes, 1), 1), MOST_SAMPLES);
}

/* ---- one block ---- */

static dnn_status read_whole(job *j, walker *w, const dnni_block *b, char *targets) {
    dnn_dataset *dataset = j->walk->dataset;
    dnn_array input = dataset->input, target = dataset->target;
    w->reader.run++;
    for (int64_t i = 0; i < b->n; i++) {
        input.data = w->memory + i * j->input_bytes;
        if (dnni_has_targets(dataset)) target.data = targets + i * j->target_bytes;
        dnn_status status = dataset->class->read(dataset, &w->reader, b->first + i, &input, &target);
        if (status != DNN_OK) return dnni_name_sample(status, b->first + i);
    }
    return DNN_OK;
}

static dnn_status read_targets(job *j, walker *w, const dnni_block *b, char *targets) {
    dnn_array target = j->walk->dataset->target;
    w->reader.run++;
    for (int64_t i = 0; i < b->n; i++) {
        target.data = targets + i * j->target_bytes;
        dnn_status status = dnni_read_target(j->walk->dataset, &w->reader, b->first + i, &target);
        if (status != DNN_OK) return dnni_name_sample(status, b->first + i);
    }
    return DNN_OK;
}

static const void *inputs_in_place(const job *j, const dnni_block *b) {
    const dnn_dataset *dataset = j->walk->dataset;
    return j->in_place ? dataset->class->rows(dataset, b->first, b->n) : NULL;
}

static dnn_status run_block(job *j, walker *w, dnni_block *b) {
    const dnni_walk *walk = j->walk;
    char *targets = w->memory + walk->samples * j->input_bytes;
    b->inputs = walk->inputs ? inputs_in_place(j, b) : NULL;
    if (walk->inputs && !b->inputs) {
        DNNI_TRY(read_whole(j, w, b, targets));
        b->inputs = w->memory;
    } else if (walk->targets && dnni_has_targets(walk->dataset)) {
        DNNI_TRY(read_targets(j, w, b, targets));
    }
    b->targets = walk->targets && dnni_has_targets(walk->dataset) ? targets : NULL;
    return walk->work(walk->user, b);
}

static void block_task(void *arg, int64_t slot, int64_t lane) {
    job *j = arg;
    int64_t first = j->first + slot * j->walk->samples;
    dnni_block block = {.slot = slot, .lane = lane, .first = first,
                        .n = dnnk_min(j->walk->samples, j->walk->dataset->count - first)};
    outcome *o = &j->outcomes[slot];
    o->status = run_block(j, &j->walkers[lane], &block);
    if (o->status != DNN_OK) dnni_error_save(&o->error);
}

/* ---- all of them ---- */

static dnn_status run_wave(job *j) {
    const dnni_walk *walk = j->walk;
    int64_t left = walk->dataset->count - j->first;
    int64_t blocks = dnnk_min(walk->slots, dnnk_ceil_div(left, walk->samples));
    dnnk_parallel(dnni_env(j->ctx), blocks, block_task, j);
    for (int64_t slot = 0; slot < blocks; slot++)
        if (j->outcomes[slot].status != DNN_OK) return dnni_error_restore(&j->outcomes[slot].error);
    return walk->combine(walk->user, blocks);
}

static dnn_status run_waves(job *j) {
    const dnni_walk *walk = j->walk;
    int64_t n = walk->dataset->count;
    for (j->first = 0; j->first < n; j->first += walk->samples * walk->slots) {
        DNNI_TRY(dnni_progress(walk->progress, walk->what, j->first, n));
        DNNI_TRY(run_wave(j));
    }
    return dnni_progress(walk->progress, walk->what, n, n);
}

static dnn_status open_walkers(job *j) {
    j->outcomes = dnni_alloc_raw(j->ctx, j->walk->slots, sizeof *j->outcomes);
    j->walkers = j->outcomes ? dnni_alloc(j->ctx, j->lanes, sizeof *j->walkers) : NULL;
    if (!j->walkers) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < j->lanes; i++) {
        walker *w = &j->walkers[i];
        w->memory = dnni_alloc_raw(j->ctx, j->memory_bytes, 1);
        if (!w->memory || !dnni_reader_open(&w->reader, j->ctx, j->scratch_bytes)) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

static void close_walkers(job *j) {
    for (int64_t i = 0; j->walkers && i < j->lanes; i++) {
        dnni_reader_close(&j->walkers[i].reader, j->ctx, j->scratch_bytes);
        dnni_free(j->ctx, j->walkers[i].memory, j->memory_bytes, 1);
    }
    dnni_free(j->ctx, j->walkers, j->lanes, sizeof *j->walkers);
    dnni_free(j->ctx, j->outcomes, j->walk->slots, sizeof *j->outcomes);
}

/* What lies in memory is used where it lies; its readers need no room for inputs. */
static job job_of(const dnni_walk *walk) {
    const dnn_dataset *d = walk->dataset;
    job j = {.walk = walk, .ctx = dnni_context_of(d), .lanes = dnni_env(dnni_context_of(d))->lanes};
    j.in_place = d->class->rows && d->count > 0 && d->class->rows(d, 0, dnnk_min(walk->samples, d->count));
    j.scratch_bytes = dnnk_max(d->scratch_bytes, d->target_scratch_bytes);
    j.input_bytes = walk->inputs && !j.in_place ? dnni_bytes(&d->input) : 0;
    j.target_bytes = dnni_has_targets(d) ? dnni_bytes(&d->target) : 0;
    if (!dnni_mul(walk->samples, j.input_bytes + j.target_bytes, &j.memory_bytes)) j.memory_bytes = INT64_MAX;
    return j;
}

dnn_status dnni_walk_samples(const dnni_walk *walk) {
    job j = job_of(walk);
    dnn_status status = open_walkers(&j);
    if (status == DNN_OK) status = run_waves(&j);
    close_walkers(&j);
    return status;
}
