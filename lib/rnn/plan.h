/* How a recurrent network is computed. A row is what a sample has at a step; the gates' sums of one are
 *
 *     gates [slots][units] = x W_ihᵀ [inputs, slots·units] + h W_hhᵀ [hidden, slots·units]
 *
 * Rows are multiplied where they lie, in tiles of a few rows by `nr` units, by weights that are packed once for all
 * steps. So between steps nothing is packed, and a sum is made in the same order however the work is cut.
 *
 * Slots are the sums that a cell needs. Those of the tanh cell and of LSTM are its gates; GRU's n needs its two sums
 * apart, as r multiplies one of them:
 *
 *     slot         0    1    2    3
 *     LSTM         i    f    g    o     both weights
 *     GRU          r    z    ·    ·     both weights
 *                            n    ·     W_ih only
 *                                 n     W_hh only
 *
 * Units are rounded up to nr in every slot; what is in those places is never read.
 *
 * A task owns a box of samples × units. Either some samples with all their units: it goes through all steps by itself,
 * and weights stay in its core's cache. Or, where the weights are too large for that, or the samples too few, some
 * units of all samples, for one step: then all wait for each other between steps. The input product is done for `group`
 * steps at a time, ahead of them, so that it finds its weights in cache.
 *
 *     weights  [slots][units / nr][depth][nr]
 *     gates    [batch][steps][slots][units]     kept, or as many steps as a group has
 *     states   [batch][steps + 1][hidden]       LSTM's c, from before the first step on; kept, or two in turns
 *     hidden   [2][batch][hidden]               h in turns, close together */
#ifndef DNNK_RNN_PLAN_H
#define DNNK_RNN_PLAN_H

#include "gemm/kernels.h"
#include "rnn/rnn.h"

enum { DNNK_RNN_SLOTS = 4, DNNK_RNN_NO_GATE = -1 };

/* Which gate's rows of the weights belong to a slot. */
typedef struct dnnk_rnn_slots {
    int64_t count;
    int64_t ih[DNNK_RNN_SLOTS], hh[DNNK_RNN_SLOTS];
} dnnk_rnn_slots;

typedef struct dnnk_rnn_plan {
    const dnnk_rnn *r;
    dnnk_rnn_slots slots;
    const dnnk_rnn_table *table;
    dnnk_packer packer;
    int64_t size;         /* bytes of an element */
    int64_t units;        /* hidden, rounded up to nr */
    int64_t row;          /* slots · units */
    bool by_samples;      /* the first of the two ways */
    int64_t samples;      /* of a task that way */
    int64_t block;        /* units of a task the other way, a multiple of nr */
    int64_t tasks;
    int64_t group;        /* steps */
    int64_t gate_steps, state_steps; /* that `gates` and `states` have room for */
    char *gates, *states;
} dnnk_rnn_plan;

/* keeps: gates and states of all steps are there. */
dnnk_rnn_plan dnnk_rnn_make_plan(const dnnk_env *env, const dnnk_rnn *r, bool keeps);

typedef struct dnnk_rnn_box {
    int64_t sample, samples, unit, units; /* the last unit may lie beyond `hidden`, in the rounding */
} dnnk_rnn_box;

dnnk_rnn_box dnnk_rnn_box_of(const dnnk_rnn_plan *p, int64_t task);

/* The units of a box that there are. */
static inline int64_t dnnk_rnn_real_units(const dnnk_rnn_plan *p, const dnnk_rnn_box *box) {
    return dnnk_min(box->units, p->r->hidden - box->unit);
}

/* The next piece of the workspace; *at counts its bytes. */
static inline char *dnnk_rnn_take(const dnnk_rnn_plan *p, char *work, int64_t *at, int64_t elements) {
    char *piece = work ? work + *at : NULL;
    *at += dnnk_round_up(elements * p->size, 64);
    return piece;
}
static inline char *dnnk_rnn_align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

/* Places in the arrays of above, and of [batch, steps, columns]. */
static inline char *dnnk_rnn_gates_at(const dnnk_rnn_plan *p, int64_t sample, int64_t step) {
    return p->gates + (sample * p->gate_steps + step % p->gate_steps) * p->row * p->size;
}
static inline char *dnnk_rnn_state_at(const dnnk_rnn_plan *p, int64_t sample, int64_t step) {
    return p->states + (sample * p->state_steps + step % p->state_steps) * p->r->hidden * p->size;
}
static inline char *dnnk_rnn_at(const dnnk_rnn_plan *p, const void *x, int64_t columns, int64_t sample, int64_t step) {
    return (char *)x + (sample * p->r->steps + step) * columns * p->size;
}

/* The weights of `slot`, for columns from `first` on, a multiple of nr. */
static inline const char *dnnk_rnn_weights_at(const dnnk_rnn_plan *p, const char *packed, int64_t columns,
                                              int64_t depth, int64_t slot, int64_t first) {
    return packed + (slot * columns + first) * depth * p->size;
}

/* Rows of [batch, hidden] for some samples, `stride` elements apart; from NULL: zeros, to NULL: nothing. */
void dnnk_rnn_load_state(const dnnk_rnn_plan *p, const void *x, int64_t sample, int64_t samples, char *rows,
                         int64_t stride);
void dnnk_rnn_store_state(const dnnk_rnn_plan *p, const char *rows, int64_t stride, int64_t sample, int64_t samples,
                          void *x);

#endif
