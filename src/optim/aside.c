#include "optim/aside.h"

#include <string.h>

/* ---- making ---- */

static dnn_status copy_slot(dnni_optimizer_aside *a, int64_t i) {
    const dnni_slot *slot = &a->optimizer->slots[i];
    if (!slot->steps) return DNN_OK;
    DNNI_TRY(dnn_tensor_clone(&a->slots[i].steps, slot->steps));
    for (int32_t k = 0; k < slot->n_states; k++) DNNI_TRY(dnn_tensor_clone(&a->slots[i].state[k], slot->state[k]));
    return DNN_OK;
}

static dnn_status copy_shared(dnni_optimizer_aside *a, const dnn_optimizer *o) {
    for (int32_t k = 0; k < DNNI_MOST_STATES && o->shared[k]; k++) {
        if (a->keeps_state) DNNI_TRY(dnn_tensor_clone(&a->shared[k], o->shared[k]));
        else DNNI_TRY(dnni_tensor_like(&a->shared[k], o->base.ctx, &o->shared[k]->array));
        dnni_tensor_lend(a->shared[k]);
    }
    return DNN_OK;
}

static void copy_settings(dnni_optimizer_aside *a, const dnn_optimizer *o) {
    a->n_groups = o->n_groups;
    for (int64_t i = 0; i < o->n_groups; i++) a->groups[i] = o->groups[i];
    a->weight_decay = o->weight_decay;
    a->max_norm = o->max_norm;
    a->norm = o->norm;
    a->accumulation = o->accumulation;
    a->missteps = (dnni_missteps){.many = 1, .none = 1};
}

dnn_status dnni_optimizer_aside_make(dnni_optimizer_aside *a, dnni_pool *pool, dnn_optimizer *o, bool keeps_state) {
    *a = (dnni_optimizer_aside){.keeps_state = keeps_state};
    a->slots = dnni_pool_alloc(pool, o->n_slots, sizeof *a->slots);
    a->groups = dnni_pool_alloc(pool, o->n_groups, sizeof *a->groups);
    if (!a->slots || !a->groups) return DNN_ERROR_MEMORY;
    a->optimizer = o;
    copy_settings(a, o);
    DNNI_TRY(dnn_tensor_clone(&a->lr, o->lr));
    if (keeps_state) DNNI_TRY(dnn_tensor_clone(&a->steps, o->steps));
    else DNNI_TRY(dnni_tensor_like(&a->steps, pool->ctx, &o->steps->array));
    for (int64_t i = 0; keeps_state && i < o->n_slots; i++) DNNI_TRY(copy_slot(a, i));
    return copy_shared(a, o);
}

void dnni_optimizer_aside_free(dnni_optimizer_aside *a) {
    if (a->is_exchanged) dnni_optimizer_exchange(a);
    for (int64_t i = 0; a->optimizer && i < a->optimizer->n_slots; i++) {
        dnni_tensor_take_back(a->slots[i].steps);
        for (int32_t k = 0; k < DNNI_MOST_STATES; k++) dnni_tensor_take_back(a->slots[i].state[k]);
    }
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) dnni_tensor_take_back(a->shared[k]);
    dnn_tensor_release(a->lr);
    dnn_tensor_release(a->steps);
    *a = (dnni_optimizer_aside){0};
}

/* ---- exchanging ---- */

static void exchange_slots(dnni_optimizer_aside *a, dnn_optimizer *o) {
    for (int64_t i = 0; i < o->n_slots; i++) {
        DNNI_SWAP(dnn_tensor *, a->slots[i].steps, o->slots[i].steps);
        for (int32_t k = 0; k < DNNI_MOST_STATES; k++)
            DNNI_SWAP(dnn_tensor *, a->slots[i].state[k], o->slots[i].state[k]);
    }
}

void dnni_optimizer_exchange(dnni_optimizer_aside *a) {
    dnn_optimizer *o = a->optimizer;
    if (!o) return;
    exchange_slots(a, o);
    DNNI_SWAP(dnn_tensor *, a->lr, o->lr);
    DNNI_SWAP(dnn_tensor *, a->steps, o->steps);
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) DNNI_SWAP(dnn_tensor *, a->shared[k], o->shared[k]);
    for (int64_t i = 0; i < a->n_groups; i++) DNNI_SWAP(dnni_group, a->groups[i], o->groups[i]);
    DNNI_SWAP(double, a->weight_decay, o->weight_decay);
    DNNI_SWAP(double, a->max_norm, o->max_norm);
    DNNI_SWAP(double, a->norm, o->norm);
    DNNI_SWAP(int32_t, a->accumulation, o->accumulation);
    DNNI_SWAP(dnni_missteps, a->missteps, o->missteps);
    a->is_exchanged = !a->is_exchanged;
}

/* ---- starting again ---- */

static void reset(dnn_tensor *to, const dnn_tensor *from) {
    size_t bytes = to ? (size_t)dnni_bytes(&to->array) : 0;
    if (bytes == 0) return;
    if (from) memcpy(to->array.data, from->array.data, bytes);
    else memset(to->array.data, 0, bytes);
}

void dnni_optimizer_restart(dnni_optimizer_aside *a) {
    dnn_optimizer *o = a->optimizer;
    if (!o) return;
    for (int64_t i = 0; i < o->n_slots; i++) {
        reset(o->slots[i].steps, a->keeps_state ? a->slots[i].steps : NULL);
        for (int32_t k = 0; k < DNNI_MOST_STATES; k++)
            reset(o->slots[i].state[k], a->keeps_state ? a->slots[i].state[k] : NULL);
    }
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) reset(o->shared[k], a->keeps_state ? a->shared[k] : NULL);
    reset(o->steps, a->keeps_state ? a->steps : NULL);
    reset(o->lr, a->lr);
    for (int64_t i = 0; i < a->n_groups; i++) o->groups[i] = a->groups[i];
    o->weight_decay = a->weight_decay;
    o->max_norm = a->max_norm;
    o->accumulation = a->accumulation;
}
