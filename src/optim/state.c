/* The state as a list of named tensors, for checkpoints. The optimizer's own come first, then, parameter by parameter,
 * what the rule keeps. */
#include <string.h>

#include "optim/optimizer.h"

enum { SCALARS = 2 }; /* tensors that every optimizer has; behind them what is shared by all parameters */

static const char own_path[] = "";
static const char steps_name[] = "steps";
static const char lr_name[] = "lr";

dnn_status dnni_slot_make_state(dnn_optimizer *optimizer, dnni_slot *slot) {
    if (slot->n_states == 0 || slot->steps) return DNN_OK;
    dnn_context *ctx = optimizer->base.ctx;
    dnn_array whole = dnni_array(DNN_I64, 0, NULL);
    dnn_tensor *made[1 + DNNI_MOST_STATES] = {0};
    dnn_status status = dnni_tensor_like(&made[0], ctx, &whole);
    for (int32_t k = 1; k <= slot->n_states && status == DNN_OK; k++)
        status = dnni_tensor_like(&made[k], ctx, &slot->array);
    if (status != DNN_OK) {
        for (int32_t k = 0; k <= DNNI_MOST_STATES; k++) dnn_tensor_release(made[k]);
        return status;
    }
    for (int32_t k = 0; k <= slot->n_states; k++) dnni_tensor_lend(made[k]);
    slot->steps = made[0];
    memcpy(slot->state, made + 1, sizeof slot->state);
    return DNN_OK;
}

/* A count of steps and as many tensors as the rule keeps, for each parameter that is stepped. */
int64_t dnni_optimizer_state_bytes(const dnn_optimizer *o, const dnni_index *index) {
    int64_t bytes = o->norm_bytes;
    for (int32_t k = 0; k < DNNI_MOST_STATES && o->shared[k]; k++) bytes += dnni_bytes(&o->shared[k]->array);
    for (int64_t i = 0; i < o->n_slots; i++) {
        const dnni_slot *slot = &o->slots[i];
        if (slot->n_states == 0 || index->parameters[slot->place].parameter->frozen) continue;
        bytes += (int64_t)sizeof(int64_t) + slot->n_states * dnni_bytes(&slot->array);
    }
    return bytes;
}

static dnn_optimizer_state own(const dnn_optimizer *o, int64_t i) {
    if (i == 0) return (dnn_optimizer_state){.path = own_path, .name = steps_name, .value = o->steps};
    if (i == 1) return (dnn_optimizer_state){.path = own_path, .name = lr_name, .value = o->lr};
    return (dnn_optimizer_state){.path = own_path, .name = o->shared_names[i - SCALARS],
                                 .value = o->shared[i - SCALARS]};
}

static int64_t own_pieces(const dnn_optimizer *o) {
    int64_t n = SCALARS;
    while (n < SCALARS + DNNI_MOST_STATES && o->shared[n - SCALARS]) n++;
    return n;
}

static dnn_optimizer_state of_slot(const dnn_optimizer *o, const dnni_slot *slot, int64_t i) {
    if (i == 0) return (dnn_optimizer_state){.path = slot->path, .name = steps_name, .value = slot->steps};
    return (dnn_optimizer_state){.path = slot->path, .name = o->state_names[i - 1], .value = slot->state[i - 1]};
}

/* Pieces of state that a slot has now. */
static int64_t pieces_of(const dnni_slot *slot) { return slot->steps ? 1 + slot->n_states : 0; }

int64_t dnn_optimizer_state_count(const dnn_optimizer *optimizer) {
    if (dnni_check_optimizer(optimizer) != DNN_OK) return -1;
    int64_t count = own_pieces(optimizer);
    for (int64_t i = 0; i < optimizer->n_slots; i++) count += pieces_of(&optimizer->slots[i]);
    return count;
}

/* Piece n of those behind the optimizer's own; it is there. */
static dnn_optimizer_state piece(const dnn_optimizer *o, int64_t n) {
    const dnni_slot *slot = o->slots;
    for (; n >= pieces_of(slot); slot++) n -= pieces_of(slot);
    return of_slot(o, slot, n);
}

dnn_status dnn_optimizer_state_at(const dnn_optimizer *optimizer, int64_t index, dnn_optimizer_state *state) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    int64_t count = dnn_optimizer_state_count(optimizer);
    if (index < 0 || index >= count)
        return dnni_error(DNN_ERROR_NOT_FOUND, "there is no state %lld, the optimizer has %lld", (long long)index,
                          (long long)count);
    int64_t n_own = own_pieces(optimizer);
    dnn_optimizer_state full = index < n_own ? own(optimizer, index) : piece(optimizer, index - n_own);
    return dnni_give(state, &full, sizeof full, "state");
}

static dnn_status find_in_slot(dnn_optimizer *o, dnni_slot *slot, const char *name, dnn_optimizer_state *full) {
    for (int64_t i = 0; slot->n_states > 0 && i <= slot->n_states; i++) {
        if (strcmp(name, of_slot(o, slot, i).name) != 0) continue;
        DNNI_TRY(dnni_slot_make_state(o, slot));
        *full = of_slot(o, slot, i);
        return DNN_OK;
    }
    return dnni_error(DNN_ERROR_NOT_FOUND, "this optimizer keeps no \"%.60s\" of a parameter", name);
}

static dnn_status find(dnn_optimizer *o, const char *path, const char *name, dnn_optimizer_state *full) {
    for (int64_t i = 0; i < own_pieces(o); i++) {
        *full = own(o, i);
        if (strcmp(path, full->path) == 0 && strcmp(name, full->name) == 0) return DNN_OK;
    }
    for (int64_t i = 0; i < o->n_slots; i++)
        if (strcmp(path, o->slots[i].path) == 0) return find_in_slot(o, &o->slots[i], name, full);
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no state \"%.60s\" of \"%.200s\"", name, path);
}

dnn_status dnn_optimizer_state_find(dnn_optimizer *optimizer, const char *path, const char *name,
                                    dnn_optimizer_state *state) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_REQUIRE(path && name, "%s is NULL", path ? "name" : "path");
    dnn_optimizer_state full;
    DNNI_TRY(find(optimizer, path, name, &full));
    return dnni_give(state, &full, sizeof full, "state");
}
