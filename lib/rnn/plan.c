#include "rnn/plan.h"

#include <string.h>

enum {
    SAMPLES = 8,           /* of a task: what they read of weights, they use so many times */
    GROUP = 16,            /* steps */
    CACHED_BYTES = 1 << 19, /* of recurrent weights, which a core's own cache keeps */
    ENOUGH_TASKS = 4,      /* for a few lanes; with so many, and weights in cache, nobody need wait for anybody */
    MANY_TASKS = 8,        /* whatever the weights */
    STEP_FLOPS = 1 << 21,  /* a step that is smaller is not worth waiting for other lanes */
    BLOCK_FLOPS = 1 << 19, /* of a task of a step */
};

static dnnk_rnn_slots slots_of(dnnk_rnn_cell cell) {
    switch (cell) {
    case DNNK_LSTM: return (dnnk_rnn_slots){4, {0, 1, 2, 3}, {0, 1, 2, 3}};
    case DNNK_GRU: return (dnnk_rnn_slots){4, {0, 1, 2, DNNK_RNN_NO_GATE}, {0, 1, DNNK_RNN_NO_GATE, 2}};
    case DNNK_RNN_TANH:
    case DNNK_RNN_CELLS: break;
    }
    return (dnnk_rnn_slots){1, {0}, {0}};
}

static bool goes_by_samples(const dnnk_rnn_plan *p, double unit_flops) {
    int64_t tasks = dnnk_ceil_div(p->r->batch, SAMPLES);
    if (tasks >= MANY_TASKS || unit_flops * (double)p->r->hidden < STEP_FLOPS) return true;
    return tasks >= ENOUGH_TASKS && p->row * p->r->hidden * p->size <= CACHED_BYTES;
}

static void cut(dnnk_rnn_plan *p) {
    int64_t nr = p->table->nr;
    double unit_flops = 2.0 * (double)p->slots.count * (double)p->r->hidden * (double)p->r->batch;
    p->samples = SAMPLES;
    p->by_samples = goes_by_samples(p, unit_flops);
    p->block = p->by_samples ? p->units : dnnk_round_up((int64_t)(BLOCK_FLOPS / unit_flops) + 1, nr);
    p->tasks = p->by_samples ? dnnk_ceil_div(p->r->batch, SAMPLES) : dnnk_ceil_div(p->units, p->block);
}

dnnk_rnn_plan dnnk_rnn_make_plan(const dnnk_env *env, const dnnk_rnn *r, bool keeps) {
    dnnk_rnn_plan p = {.r = r, .slots = slots_of(r->cell), .table = dnnk_rnn_kernels(env->isa, r->type),
                       .packer = dnnk_gemm_packer(env->isa, r->type), .size = dnnk_size(r->type), .gates = r->gates,
                       .states = r->states};
    p.units = dnnk_round_up(r->hidden, p.table->nr);
    p.row = p.slots.count * p.units;
    p.group = dnnk_max(1, dnnk_min(r->steps, GROUP));
    p.gate_steps = keeps ? dnnk_max(1, r->steps) : p.group;
    p.state_steps = keeps ? r->steps + 1 : 2;
    cut(&p);
    return p;
}

dnnk_rnn_box dnnk_rnn_box_of(const dnnk_rnn_plan *p, int64_t task) {
    dnnk_rnn_box box = {.samples = p->r->batch, .units = p->units};
    if (p->by_samples) {
        box.sample = task * p->samples;
        box.samples = dnnk_min(p->samples, p->r->batch - box.sample);
    } else {
        box.unit = task * p->block;
        box.units = dnnk_min(p->block, p->units - box.unit);
    }
    return box;
}

int64_t dnnk_rnn_gate_elements(const dnnk_env *env, const dnnk_rnn *r) {
    dnnk_rnn_plan p = dnnk_rnn_make_plan(env, r, true);
    return r->batch * p.gate_steps * p.row;
}

int64_t dnnk_rnn_state_elements(const dnnk_env *env, const dnnk_rnn *r) {
    (void)env;
    return r->cell == DNNK_LSTM ? r->batch * (r->steps + 1) * r->hidden : 0;
}

void dnnk_rnn_load_state(const dnnk_rnn_plan *p, const void *x, int64_t sample, int64_t samples, char *rows,
                         int64_t stride) {
    size_t bytes = (size_t)(p->r->hidden * p->size);
    for (int64_t i = 0; i < samples; i++) {
        char *row = rows + i * stride * p->size;
        if (x) memcpy(row, (const char *)x + (sample + i) * p->r->hidden * p->size, bytes);
        else memset(row, 0, bytes);
    }
}

void dnnk_rnn_store_state(const dnnk_rnn_plan *p, const char *rows, int64_t stride, int64_t sample, int64_t samples,
                          void *x) {
    size_t bytes = (size_t)(p->r->hidden * p->size);
    for (int64_t i = 0; i < samples && x; i++)
        memcpy((char *)x + (sample + i) * p->r->hidden * p->size, rows + i * stride * p->size, bytes);
}
