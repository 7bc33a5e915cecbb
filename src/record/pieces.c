#include "record/pieces.h"

#include <stdio.h>
#include <string.h>

#include "data/loader.h"
#include "graph/index.h"
#include "optim/average.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

/* ---- the list ---- */

/* "first.second.third" in the pool; the last two may be NULL. */
static const char *join(dnni_pool *pool, const char *first, const char *second, const char *third) {
    size_t bytes = strlen(first) + (second ? strlen(second) + 1 : 0) + (third ? strlen(third) + 1 : 0) + 1;
    char *name = dnni_pool_alloc(pool, (int64_t)bytes, 1);
    if (name)
        snprintf(name, bytes, "%s%s%s%s%s", first, second ? "." : "", second ? second : "", third ? "." : "",
                 third ? third : "");
    return name;
}

static dnn_status add(dnni_pieces *p, const char *name, const dnn_array *array) {
    DNNI_TRY(dnni_grow(p->ctx, (void **)&p->items, &p->capacity, p->n + 1, sizeof *p->items));
    if (!name) return DNN_ERROR_MEMORY;
    p->items[p->n++] = (dnni_piece){name, *array};
    return DNN_OK;
}

/* Numbers of ours, as a vector or, with columns, a matrix. */
static dnn_status add_numbers(dnni_pieces *p, const char *name, int64_t *numbers, int64_t rows, int64_t columns) {
    dnn_array array = dnni_array(DNN_I64, columns ? 2 : 1, (const int64_t[]){rows, columns});
    array.data = numbers;
    return add(p, name, &array);
}

/* ---- the module, and random numbers ---- */

static dnn_status add_module(dnni_pieces *p, dnn_module *module) {
    const dnni_index *index;
    DNNI_TRY(dnni_module_usable(module));
    DNNI_TRY(dnni_index_get(&index, module));
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_index_parameter *q = &index->parameters[i];
        DNNI_TRY(add(p, join(&p->pool, "module", q->path, NULL), &q->parameter->value->array));
    }
    p->random = dnni_pool_alloc(&p->pool, index->n_modules * RANDOM_NUMBERS, sizeof *p->random);
    if (!p->random) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < index->n_modules; i++) {
        const dnn_module *m = index->modules[i].module;
        p->random[i * RANDOM_NUMBERS + RANDOM_SEED] = (int64_t)m->seed;
        p->random[i * RANDOM_NUMBERS + RANDOM_STREAM] = (int64_t)m->stream;
        p->random[i * RANDOM_NUMBERS + RANDOM_FORWARDS] = (int64_t)m->forwards;
    }
    p->generator[0] = (int64_t)p->ctx->seed;
    p->generator[1] = (int64_t)atomic_load(&p->ctx->next_stream);
    DNNI_TRY(add_numbers(p, "random.modules", p->random, index->n_modules, RANDOM_NUMBERS));
    return add_numbers(p, "random.context", p->generator, 2, 0);
}

void dnni_pieces_apply_random(const dnni_pieces *p) {
    const dnni_index *index;
    if (!p->parts->module || dnni_index_get(&index, p->parts->module) != DNN_OK) return; /* it is there already */
    for (int64_t i = 0; i < index->n_modules; i++) {
        dnn_module *m = index->modules[i].module;
        m->seed = (uint64_t)p->random[i * RANDOM_NUMBERS + RANDOM_SEED];
        m->stream = (uint64_t)p->random[i * RANDOM_NUMBERS + RANDOM_STREAM];
        m->forwards = (uint64_t)p->random[i * RANDOM_NUMBERS + RANDOM_FORWARDS];
    }
    p->ctx->seed = (uint64_t)p->generator[0];
    atomic_store(&p->ctx->next_stream, (uint64_t)p->generator[1]);
}

/* ---- the optimizer ---- */

/* A parameter that has no state in the archive never made a step there. */
static dnn_status settle_slot(dnni_pieces *p, dnn_optimizer *o, dnni_slot *slot, const dnn_archive *archive) {
    const char *steps = join(&p->pool, "optimizer", slot->path, "steps");
    if (!steps) return DNN_ERROR_MEMORY;
    return dnni_archive_find(archive, steps) >= 0 ? dnni_slot_make_state(o, slot) : DNN_OK;
}

static dnn_status add_slot(dnni_pieces *p, const dnn_optimizer *o, const dnni_slot *slot) {
    if (!slot->steps) return DNN_OK;
    DNNI_TRY(add(p, join(&p->pool, "optimizer", slot->path, "steps"), &slot->steps->array));
    for (int32_t k = 0; k < slot->n_states; k++)
        DNNI_TRY(add(p, join(&p->pool, "optimizer", slot->path, o->state_names[k]), &slot->state[k]->array));
    return DNN_OK;
}

static dnn_status add_optimizer(dnni_pieces *p, dnn_optimizer *o, const dnn_archive *archive) {
    DNNI_TRY(add(p, "optimizer.steps", &o->steps->array));
    DNNI_TRY(add(p, "optimizer.lr", &o->lr->array));
    for (int32_t k = 0; k < DNNI_MOST_STATES && o->shared[k]; k++)
        DNNI_TRY(add(p, join(&p->pool, "optimizer", o->shared_names[k], NULL), &o->shared[k]->array));
    for (int64_t i = 0; i < o->n_slots; i++) {
        if (archive) DNNI_TRY(settle_slot(p, o, &o->slots[i], archive));
        DNNI_TRY(add_slot(p, o, &o->slots[i]));
    }
    return DNN_OK;
}

/* ---- the rest ---- */

static dnn_status add_average(dnni_pieces *p, const dnn_average *a) {
    const dnni_index *index;
    if (a->swapped) return dnni_error(DNN_ERROR_STATE, "the module has its averages now: swap back before");
    DNNI_TRY(dnni_average_index(a, &index));
    DNNI_TRY(add(p, "average.updates", &a->updates->array));
    for (int64_t i = 0; i < a->n; i++)
        DNNI_TRY(add(p, join(&p->pool, "average", index->parameters[i].path, "value"), &a->values[i]->array));
    return DNN_OK;
}

static dnn_status add_loader(dnni_pieces *p, const dnn_loader *loader) {
    dnn_loader_place place = {DNN_SIZED(dnn_loader_place)};
    DNNI_TRY(dnn_loader_position(loader, &place));
    p->loader[LOADER_EPOCH] = place.epoch;
    p->loader[LOADER_BATCH] = place.batch;
    p->loader[LOADER_SAMPLES] = loader->dataset->count;
    p->loader[LOADER_BATCH_SIZE] = loader->batch_size;
    p->loader[LOADER_SHUFFLED] = loader->order != NULL;
    p->loader[LOADER_SEED] = (int64_t)loader->seed;
    return add_numbers(p, "loader", p->loader, LOADER_NUMBERS, 0);
}

static dnn_status add_host(dnni_pieces *p, const dnn_checkpoint_parts *parts) {
    for (int64_t i = 0; i < parts->n_tensors; i++)
        DNNI_TRY(add(p, join(&p->pool, "host", parts->names[i], NULL), &parts->tensors[i]->array));
    return DNN_OK;
}

/* ---- the whole ---- */

static dnn_status check_handle(const void *handle, dnni_kind kind, const char *name, dnn_context **ctx) {
    if (!handle) return DNN_OK;
    DNNI_TRY(dnni_check(handle, kind, name));
    if (*ctx && *ctx != dnni_context_of(handle))
        return dnni_error(DNN_ERROR_HANDLE, "parts.%s is of another context than the parts before it", name);
    *ctx = dnni_context_of(handle);
    return DNN_OK;
}

dnn_status dnni_pieces_check(const dnn_checkpoint_parts *parts, dnn_context **ctx) {
    *ctx = NULL;
    DNNI_TRY(check_handle(parts->module, DNNI_MODULE, "module", ctx));
    DNNI_TRY(check_handle(parts->optimizer, DNNI_OPTIMIZER, "optimizer", ctx));
    DNNI_TRY(check_handle(parts->schedule, DNNI_SCHEDULE, "schedule", ctx));
    DNNI_TRY(check_handle(parts->loader, DNNI_LOADER, "loader", ctx));
    DNNI_TRY(check_handle(parts->average, DNNI_AVERAGE, "average", ctx));
    DNNI_REQUIRE(parts->n_tensors >= 0, "parts.n_tensors is %lld", (long long)parts->n_tensors);
    DNNI_REQUIRE(parts->n_tensors == 0 || (parts->names && parts->tensors), "parts.names or parts.tensors is NULL");
    for (int64_t i = 0; i < parts->n_tensors; i++) {
        DNNI_REQUIRE(parts->names[i], "parts.names[%lld] is NULL", (long long)i);
        DNNI_REQUIRE(parts->tensors[i], "parts.tensors[%lld] is NULL", (long long)i);
        DNNI_TRY(check_handle(parts->tensors[i], DNNI_TENSOR, "tensors", ctx));
    }
    DNNI_REQUIRE(*ctx, "a checkpoint without parts: all of them are NULL");
    return DNN_OK;
}

static dnn_status gather(dnni_pieces *p, const dnn_archive *archive) {
    const dnn_checkpoint_parts *parts = p->parts;
    if (parts->module) DNNI_TRY(add_module(p, parts->module));
    if (parts->optimizer) DNNI_TRY(add_optimizer(p, parts->optimizer, archive));
    if (parts->schedule && parts->schedule->state) DNNI_TRY(add(p, "schedule.plateau", &parts->schedule->state->array));
    if (parts->loader) DNNI_TRY(add_loader(p, parts->loader));
    if (parts->average) DNNI_TRY(add_average(p, parts->average));
    return add_host(p, parts);
}

dnn_status dnni_pieces_gather(dnni_pieces *p, const dnn_checkpoint_parts *parts, const dnn_archive *archive) {
    *p = (dnni_pieces){.parts = parts};
    DNNI_TRY(dnni_pieces_check(parts, &p->ctx));
    p->pool.ctx = p->ctx;
    return gather(p, archive);
}

void dnni_pieces_free(dnni_pieces *p) {
    if (!p->ctx) return;
    dnni_pool_free(&p->pool);
    dnni_free(p->ctx, p->items, p->capacity, sizeof *p->items);
}
