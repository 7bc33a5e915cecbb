/* How a recurrent network is computed. All is transposed: `nr` samples lie side by side (a panel), units below each
 * other, and a step of one panel is
 *
 *     gates [slots][units, nr] = W_ih [slots·units, inputs] · xᵀ [inputs, nr] + W_hh [slots·units, hidden] · hᵀ
 * [hidden, nr]
 *
 * where the weights are packed once for all steps, and hᵀ, as the cell leaves it, is the micro-kernel's second operand
 * as it is: between steps nothing is packed. Each product of a unit is summed in the same order however the work is
 * cut.
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
 * For up to 8 samples, which would leave most of a panel empty, there are micro-kernels with an nr of 1, 2, 4 and 8.
 *
 * Units are rounded up to mr in every slot; what is computed in those places is never read.
 *
 * The input product is done for `chunk` steps at a time, ahead of these steps, so that it finds its weights in cache. A
 * step is a task for each block of units and each panel, with a wait between steps; with many panels, or little to do,
 * a panel is a task that goes through all steps by itself.
 *
 *     gates    [panels][steps][slots][units][nr]     kept, or as many steps as a chunk has
 *     states   [panels][steps + 1][units][nr]        kept, or two in turns; from before the first step on: LSTM's c,
 * else h */
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
    dnnk_ukernel u;
    dnnk_packer packer;
    int64_t size;            /* bytes of an element */
    int64_t panels;          /* of samples */
    int64_t units;           /* hidden, rounded up to mr */
    int64_t input_rows;      /* inputs, likewise */
    int64_t block;           /* units of a task, a multiple of mr */
    int64_t blocks;
    int64_t group;           /* steps of a task of the input product */
    int64_t chunk;           /* steps, a multiple of group */
    bool by_panel;           /* a panel is a task */
    int64_t gate_steps, state_steps; /* that `gates` and `states` have room for */
    char *gates, *states;
} dnnk_rnn_plan;

/* keeps: gates and states of all steps are there. */
dnnk_rnn_plan dnnk_rnn_make_plan(const dnnk_env *env, const dnnk_rnn *r, bool keeps);

/* The next piece of the workspace, with room for what micro-kernels read too far; *at counts its bytes. */
static inline char *dnnk_rnn_take(const dnnk_rnn_plan *p, char *work, int64_t *at, int64_t elements) {
    char *piece = work ? work + *at : NULL;
    *at += dnnk_round_up(elements * p->size + DNNK_PANEL_SLACK, 64);
    return piece;
}
static inline char *dnnk_rnn_align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

static inline int64_t dnnk_rnn_samples(const dnnk_rnn_plan *p, int64_t panel) {
    return dnnk_min(p->u.nr, p->r->batch - panel * p->u.nr);
}

/* The gates of a step, and the state before it (that after it is the one before the next). */
static inline char *dnnk_rnn_gates_at(const dnnk_rnn_plan *p, int64_t panel, int64_t step) {
    int64_t at = panel * p->gate_steps + step % p->gate_steps;
    return p->gates + at * p->slots.count * p->units * p->u.nr * p->size;
}
static inline char *dnnk_rnn_state_at(const dnnk_rnn_plan *p, int64_t panel, int64_t step) {
    return p->states + (panel * p->state_steps + step % p->state_steps) * p->units * p->u.nr * p->size;
}

/* Element (sample, step, i) of an array [batch, steps, row] of numbers. */
static inline char *dnnk_rnn_row(const dnnk_rnn_plan *p, const void *x, int64_t steps, int64_t row, int64_t sample,
                                 int64_t step, int64_t i) {
    return (char *)x + ((sample * steps + step) * row + i) * p->size;
}

/* Samples' rows of [batch, steps, row] at one step, elements first … first + count, become [count][nr]; and back. */
void dnnk_rnn_gather(const dnnk_rnn_plan *p, const void *x, int64_t steps, int64_t row, int64_t panel, int64_t step,
                     int64_t first, int64_t count, char *out);
void dnnk_rnn_scatter(const dnnk_rnn_plan *p, const char *in, int64_t panel, int64_t first, int64_t count, void *x,
                      int64_t steps, int64_t row, int64_t step);

/* The two together for [batch, hidden], all units; x NULL: zeros, and nothing. */
void dnnk_rnn_load_state(const dnnk_rnn_plan *p, const void *x, int64_t panel, char *out);
void dnnk_rnn_store_state(const dnnk_rnn_plan *p, const char *in, int64_t panel, void *x);

/* Step tasks: block of units `task % blocks` of panel `task / blocks`. */
static inline int64_t dnnk_rnn_block_rows(const dnnk_rnn_plan *p, int64_t first) {
    return dnnk_min(p->block, p->units - first);
}

#endif
