/* The loader's calls: making one, and taking batches. */
#include "data/loader.h"

#include "rng/rng.h"

enum { MOST_PREFETCH = 1024, MOST_WORKERS = 256, CHUNKS_PER_WORKER = 4 };
static const int64_t most_epochs = INT64_C(1) << 48;

/* ---- making ---- */

static dnn_status check_desc(const dnn_loader_desc *d) {
    DNNI_REQUIRE(d->batch_size >= 1, "desc.batch_size is %lld, it must be at least 1", (long long)d->batch_size);
    DNNI_REQUIRE(d->last_batch == DNN_LAST_BATCH_KEEP || d->last_batch == DNN_LAST_BATCH_DROP,
                 "desc.last_batch is %d, which is no rule for the last batch", (int)d->last_batch);
    DNNI_REQUIRE(d->prefetch >= DNN_NO_PREFETCH && d->prefetch <= MOST_PREFETCH,
                 "desc.prefetch is %d, it may be DNN_NO_PREFETCH, 0 (default) to %d", d->prefetch, MOST_PREFETCH);
    DNNI_REQUIRE(d->workers >= 0 && d->workers <= MOST_WORKERS, "desc.workers is %d, it may be 0 (default) to %d",
                 d->workers, MOST_WORKERS);
    DNNI_REQUIRE(d->prefetch != DNN_NO_PREFETCH || d->workers == 0, "desc.workers is %d, with DNN_NO_PREFETCH there "
                 "are none", d->workers);
    return DNN_OK;
}

static void settle(dnn_loader *loader, const dnn_loader_desc *d) {
    int64_t count = loader->dataset->count, b = d->batch_size;
    loader->batch_size = b;
    loader->batches = count / b + (d->last_batch == DNN_LAST_BATCH_KEEP && count % b > 0);
    loader->rows = loader->batches > 0 ? dnnk_min(b, count) : 0;
    loader->seed = d->seed ? d->seed : dnni_context_of(loader)->seed;
    bool threads = d->prefetch != DNN_NO_PREFETCH;
    loader->slots = !threads ? 1 : 1 + (d->prefetch ? d->prefetch : 2);
    loader->workers = !threads ? 0 : d->workers ? d->workers : 1;
    loader->chunk =
        loader->workers > 1 ? dnnk_ceil_div(loader->rows, loader->workers * CHUNKS_PER_WORKER) : loader->rows;
    loader->order_epoch = -1;
}

static int64_t readers(const dnn_loader *loader) { return dnnk_max(loader->workers, 1); }

static dnn_status make_order(dnn_loader *loader) {
    dnn_context *ctx = dnni_context_of(loader);
    loader->permutation_bytes = dnnk_permutation_workspace(loader->dataset->count);
    loader->permutation_work = dnni_alloc_raw(ctx, loader->permutation_bytes, 1);
    loader->order = dnni_alloc_raw(ctx, loader->dataset->count, sizeof *loader->order);
    return loader->permutation_work && loader->order ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status make_workers(dnn_loader *loader) {
    dnn_context *ctx = dnni_context_of(loader);
    loader->worker = dnni_alloc(ctx, readers(loader), sizeof *loader->worker);
    if (!loader->worker) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < readers(loader); i++) {
        loader->worker[i].loader = loader;
        if (!dnni_reader_open(&loader->worker[i].reader, ctx, loader->dataset->scratch_bytes))
            return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

/* One tensor of a slot, and the view of its first `rest` rows if there is to be one. */
static dnn_status make_tensors(dnn_loader *loader, const dnn_array *item, int64_t rest, dnn_tensor **full,
                               dnn_tensor **last) {
    dnn_array shape;
    DNNI_TRY(dnni_batch_array(&shape, item, loader->rows));
    if (shape.dtype == DNN_DTYPE_NONE) return DNN_OK;
    DNNI_TRY(dnni_tensor_like(full, dnni_context_of(loader), &shape));
    dnni_tensor_lend(*full);
    if (rest == 0) return DNN_OK;
    DNNI_TRY(dnn_tensor_slice(last, *full, 0, rest));
    dnni_tensor_lend(*last);
    return DNN_OK;
}

static dnn_status make_slots(dnn_loader *loader) {
    dnn_context *ctx = dnni_context_of(loader);
    const dnn_dataset *dataset = loader->dataset;
    int64_t rest = loader->batches > dataset->count / loader->batch_size ? dataset->count % loader->batch_size : 0;
    if (rest == loader->rows) rest = 0;
    loader->slot = dnni_alloc(ctx, loader->slots, sizeof *loader->slot);
    if (!loader->slot) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < loader->slots; i++) {
        dnni_batch *batch = &loader->slot[i];
        batch->indices = dnni_alloc_raw(ctx, loader->rows, sizeof *batch->indices);
        if (!batch->indices) return DNN_ERROR_MEMORY;
        DNNI_TRY(make_tensors(loader, &dataset->input, rest, &batch->x, &batch->last_x));
        DNNI_TRY(make_tensors(loader, &dataset->target, rest, &batch->target, &batch->last_target));
    }
    return DNN_OK;
}

int64_t dnni_loader_bytes(const dnn_dataset *dataset, const dnn_loader_desc *d) {
    dnn_loader loader = {.base = {.ctx = dnni_context_of(dataset)}, .dataset = (dnn_dataset *)dataset};
    dnn_array x, target;
    int64_t bytes, order = d->shuffle ? dnnk_permutation_workspace(dataset->count) + 8 * dataset->count : 0;
    settle(&loader, d);
    if (dnni_batch_array(&x, &dataset->input, loader.rows) != DNN_OK ||
        dnni_batch_array(&target, &dataset->target, loader.rows) != DNN_OK)
        return -1;
    int64_t targets = target.dtype == DNN_DTYPE_NONE ? 0 : dnni_bytes(&target);
    if (!dnni_add(dnni_bytes(&x), targets, &bytes) || !dnni_add(bytes, 8 * loader.rows, &bytes)) return -1;
    if (!dnni_mul(bytes, loader.slots, &bytes)) return -1;
    return dnni_add(bytes, order + readers(&loader) * dataset->scratch_bytes, &bytes) ? bytes : -1;
}

static dnn_status build(dnn_loader *loader, bool shuffle) {
    if (shuffle) DNNI_TRY(make_order(loader));
    DNNI_TRY(make_slots(loader));
    DNNI_TRY(make_workers(loader));
    return dnni_loader_start(loader);
}

static void free_slots(dnn_loader *loader) {
    dnn_context *ctx = dnni_context_of(loader);
    for (int64_t i = 0; loader->slot && i < loader->slots; i++) {
        dnni_batch *batch = &loader->slot[i];
        dnni_tensor_take_back(batch->last_x);
        dnni_tensor_take_back(batch->last_target);
        dnni_tensor_take_back(batch->x);
        dnni_tensor_take_back(batch->target);
        dnni_free(ctx, batch->indices, loader->rows, sizeof *batch->indices);
    }
    dnni_free(ctx, loader->slot, loader->slots, sizeof *loader->slot);
}

static void destroy_loader(void *object) {
    dnn_loader *loader = object;
    dnn_context *ctx = dnni_context_of(loader);
    dnni_loader_stop(loader);
    free_slots(loader);
    for (int64_t i = 0; loader->worker && i < readers(loader); i++)
        dnni_reader_close(&loader->worker[i].reader, ctx, loader->dataset->scratch_bytes);
    dnni_free(ctx, loader->worker, readers(loader), sizeof *loader->worker);
    dnni_free(ctx, loader->order, loader->dataset->count, sizeof *loader->order);
    dnni_free(ctx, loader->permutation_work, loader->permutation_bytes, 1);
    pthread_cond_destroy(&loader->done);
    pthread_cond_destroy(&loader->work);
    pthread_mutex_destroy(&loader->lock);
    dnn_dataset_release(loader->dataset);
}

dnn_status dnn_loader_create(dnn_loader **out, dnn_dataset *dataset, const dnn_loader_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    dnn_loader_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_TRY(check_desc(&d));
    dnn_loader *loader = dnni_object_new(dnni_context_of(dataset), DNNI_LOADER, sizeof *loader, destroy_loader);
    if (!loader) return DNN_ERROR_MEMORY;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->work, NULL);
    pthread_cond_init(&loader->done, NULL);
    dnn_dataset_retain(loader->dataset = dataset);
    settle(loader, &d);
    dnn_status status = build(loader, d.shuffle != 0);
    if (status == DNN_OK && loader->batches == 0)
        dnni_log(dnni_context_of(loader), DNN_LOG_WARNING,
                 "loader: its epochs have no batches (%lld samples, batch_size %lld)", (long long)dataset->count,
                 (long long)d.batch_size);
    if (status == DNN_OK) *out = loader;
    else dnn_loader_release(loader);
    return status;
}

dnn_status dnn_loader_release(dnn_loader *loader) { return dnni_object_release(loader, DNNI_LOADER, "loader"); }

static dnn_status check_loader(const dnn_loader *loader) { return dnni_check(loader, DNNI_LOADER, "loader"); }

/* ---- taking batches ---- */

static bool is_read(const dnn_loader *loader) {
    if (loader->opened <= loader->taken) return false;
    const dnni_batch *batch = dnni_loader_slot(loader, loader->taken);
    return batch->finished == batch->samples;
}

/* With the lock held: the next batch, read, or its error. */
static dnn_status await_batch(dnn_loader *loader, const dnni_batch **out) {
    while (!is_read(loader)) {
        if (loader->started > 0) pthread_cond_wait(&loader->done, &loader->lock);
        else dnni_loader_work(loader, &loader->worker[0].reader);
    }
    const dnni_batch *batch = dnni_loader_slot(loader, loader->taken);
    if (batch->failed == INT64_MAX) {
        *out = batch;
        return DNN_OK;
    }
    dnni_saved_error error = batch->error;
    dnni_loader_reset(loader, loader->next);
    return dnni_error_restore(&error);
}

/* With the lock held. */
static dnn_status take(dnn_loader *loader, const dnni_batch **batch) {
    loader->freed = loader->taken;
    loader->running = true;
    if (loader->started > 0) pthread_cond_broadcast(&loader->work);
    if (loader->next.batch >= loader->batches) {
        loader->next = (dnni_place){loader->next.epoch + 1, 0};
        return DNN_END;
    }
    DNNI_TRY(await_batch(loader, batch));
    loader->taken++;
    loader->next.batch++;
    return DNN_OK;
}

dnn_status dnn_loader_next(dnn_loader *loader, const dnn_tensor **x, const dnn_tensor **target) {
    if (target) *target = NULL;
    DNNI_REQUIRE(x, "x is NULL");
    *x = NULL;
    DNNI_TRY(check_loader(loader));
    const dnni_batch *batch = NULL;
    pthread_mutex_lock(&loader->lock);
    dnn_status status = take(loader, &batch);
    pthread_mutex_unlock(&loader->lock);
    if (status != DNN_OK) return status;
    bool smaller = batch->samples < loader->rows;
    *x = smaller ? batch->last_x : batch->x;
    if (target) *target = smaller ? batch->last_target : batch->target;
    return DNN_OK;
}

/* ---- places ---- */

int64_t dnn_loader_batches(const dnn_loader *loader) { return check_loader(loader) == DNN_OK ? loader->batches : -1; }
int64_t dnn_loader_epoch(const dnn_loader *loader) { return check_loader(loader) == DNN_OK ? loader->next.epoch : -1; }

dnn_status dnn_loader_position(const dnn_loader *loader, dnn_loader_place *place) {
    DNNI_TRY(check_loader(loader));
    dnn_loader_place p = {DNN_SIZED(dnn_loader_place), .epoch = loader->next.epoch, .batch = loader->next.batch};
    return dnni_give(place, &p, sizeof p, "place");
}

static dnn_status go_to(dnn_loader *loader, dnni_place place) {
    DNNI_REQUIRE(place.epoch >= 0 && place.epoch < most_epochs, "epoch %lld is out of range", (long long)place.epoch);
    DNNI_REQUIRE(place.batch >= 0 && place.batch <= loader->batches, "batch %lld is out of range, an epoch has %lld",
                 (long long)place.batch, (long long)loader->batches);
    pthread_mutex_lock(&loader->lock);
    dnni_loader_reset(loader, place);
    pthread_mutex_unlock(&loader->lock);
    return DNN_OK;
}

dnn_status dnn_loader_seek(dnn_loader *loader, const dnn_loader_place *place) {
    DNNI_TRY(check_loader(loader));
    dnn_loader_place p;
    DNNI_TRY(DNNI_READ_DESC(p, place, false));
    return go_to(loader, (dnni_place){p.epoch, p.batch});
}

dnn_status dnn_loader_set_epoch(dnn_loader *loader, int64_t epoch) {
    DNNI_TRY(check_loader(loader));
    return go_to(loader, (dnni_place){epoch, 0});
}
