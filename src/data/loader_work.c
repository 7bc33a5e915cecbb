/* The loader's reading side: what its threads do. */
#include "data/loader.h"

#include "rng/rng.h"

/* ---- opening a batch ---- */

static void order_epoch(dnn_loader *loader, int64_t epoch) {
    if (loader->order_epoch == epoch) return;
    dnnk_permutation(dnni_env(dnni_context_of(loader)), loader->seed, DNNI_STREAM_SHUFFLE + (uint64_t)epoch,
                     loader->dataset->count, loader->order, loader->permutation_work);
    loader->order_epoch = epoch;
}

static void fill_indices(dnn_loader *loader, dnni_batch *batch, dnni_place place) {
    if (loader->order) order_epoch(loader, place.epoch);
    int64_t first = place.batch * loader->batch_size;
    for (int64_t i = 0; i < batch->samples; i++)
        batch->indices[i] = loader->order ? loader->order[first + i] : first + i;
}

/* The place itself, unless it is the end of an epoch. */
static dnni_place not_at_end(const dnn_loader *loader, dnni_place place) {
    return place.batch < loader->batches ? place : (dnni_place){place.epoch + 1, 0};
}

static bool may_open(const dnn_loader *loader) {
    return loader->batches > 0 && !loader->opening && loader->opened < loader->freed + loader->slots;
}

static void open_batch(dnn_loader *loader) {
    dnni_batch *batch = dnni_loader_slot(loader, loader->opened);
    dnni_place place = loader->unread;
    batch->samples = dnnk_min(loader->rows, loader->dataset->count - place.batch * loader->batch_size);
    batch->epoch = place.epoch;
    batch->claimed = batch->finished = 0;
    batch->failed = INT64_MAX;
    loader->opening = true;
    loader->busy++;
    pthread_mutex_unlock(&loader->lock);
    fill_indices(loader, batch, place);
    pthread_mutex_lock(&loader->lock);
    loader->busy--;
    loader->opening = false;
    loader->unread = not_at_end(loader, (dnni_place){place.epoch, place.batch + 1});
    loader->opened++;
    pthread_cond_broadcast(&loader->work);
}

/* ---- reading samples ---- */

/* The batch that has samples nobody reads; NULL if none does. Only the last one opened can. */
static dnni_batch *claimable(const dnn_loader *loader) {
    if (loader->opened == loader->freed) return NULL;
    dnni_batch *batch = dnni_loader_slot(loader, loader->opened - 1);
    return batch->claimed < batch->samples ? batch : NULL;
}

/* Samples are claimed in order, so of several failures the first is always among those that are kept count of; what
 * nobody has claimed by then is not read. */
static void note_failure(dnni_batch *batch, int64_t place) {
    batch->finished += batch->samples - batch->claimed;
    batch->claimed = batch->samples;
    if (place >= batch->failed) return;
    batch->failed = place;
    dnni_error_save(&batch->error);
}

static void read_chunk(dnn_loader *loader, dnni_reader *reader, dnni_batch *batch) {
    const dnn_array none = {.dtype = DNN_DTYPE_NONE};
    int64_t first = batch->claimed, failed = 0;
    int64_t n = dnnk_min(loader->chunk, batch->samples - first);
    batch->claimed += n;
    loader->busy++;
    pthread_mutex_unlock(&loader->lock);
    reader->epoch = batch->epoch;
    dnn_status status = dnni_dataset_read(loader->dataset, reader, batch->indices + first, n, &batch->x->array,
                                          batch->target ? &batch->target->array : &none, first, &failed);
    pthread_mutex_lock(&loader->lock);
    loader->busy--;
    batch->finished += n;
    if (status != DNN_OK) note_failure(batch, first + failed);
    if (batch->finished == batch->samples) pthread_cond_broadcast(&loader->done);
}

bool dnni_loader_work(dnn_loader *loader, dnni_reader *reader) {
    if (!loader->running) return false;
    dnni_batch *batch = claimable(loader);
    if (batch) read_chunk(loader, reader, batch);
    else if (may_open(loader)) open_batch(loader);
    else return false;
    if (!loader->running && loader->busy == 0) pthread_cond_broadcast(&loader->done);
    return true;
}

void dnni_loader_reset(dnn_loader *loader, dnni_place place) {
    loader->running = false;
    while (loader->busy > 0) pthread_cond_wait(&loader->done, &loader->lock);
    loader->freed = loader->taken = loader->opened = 0;
    loader->next = place;
    loader->unread = not_at_end(loader, place);
}

/* ---- threads ---- */

static void *worker_main(void *arg) {
    dnni_worker *self = arg;
    dnn_loader *loader = self->loader;
    pthread_mutex_lock(&loader->lock);
    while (!loader->stopping)
        if (!dnni_loader_work(loader, &self->reader)) pthread_cond_wait(&loader->work, &loader->lock);
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

dnn_status dnni_loader_start(dnn_loader *loader) {
    for (int64_t i = 0; i < loader->workers; i++) {
        if (pthread_create(&loader->worker[i].thread, NULL, worker_main, &loader->worker[i]) != 0)
            return dnni_error(DNN_ERROR_THREAD, "the loader's thread %lld of %lld could not be started",
                              (long long)i + 1, (long long)loader->workers);
        loader->started++;
    }
    return DNN_OK;
}

void dnni_loader_stop(dnn_loader *loader) {
    pthread_mutex_lock(&loader->lock);
    loader->stopping = true;
    loader->running = false;
    pthread_cond_broadcast(&loader->work);
    pthread_mutex_unlock(&loader->lock);
    for (int64_t i = 0; i < loader->started; i++) pthread_join(loader->worker[i].thread, NULL);
}
