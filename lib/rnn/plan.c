#include "rnn/plan.h"

#include <string.h>

#include "gemm/transpose.h"

enum {
    CHUNK = 16,             /* steps */
    GROUP_BYTES = 1 << 17,  /* of packed inputs, so that they stay in L2 while the weights go by */
    MANY_PANELS = 8,        /* so many are enough tasks for a few lanes */
    STEP_FLOPS = 1 << 21,   /* a step that is smaller is not worth waiting for other lanes */
    BLOCK_FLOPS = 1 << 19,  /* of a task */
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

/* The narrowest micro-kernel that takes all samples at once; lib/gemm's where there are many. */
static dnnk_ukernel ukernel_of(const dnnk_rnn_table *table, const dnnk_env *env, const dnnk_rnn *r) {
    dnnk_ukernel wide = dnnk_gemm_ukernel(env->isa, r->type);
    for (int i = 0; i < DNNK_NARROW_KERNELS; i++)
        if (r->batch <= table->narrow[i].nr && table->narrow[i].nr < wide.nr) return table->narrow[i];
    return wide;
}

static void cut_step(dnnk_rnn_plan *p) {
    double unit_flops = 2.0 * (double)p->slots.count * (double)p->r->hidden * (double)p->u.nr;
    double step_flops = unit_flops * (double)p->units * (double)p->panels;
    p->by_panel = p->panels >= MANY_PANELS || step_flops < STEP_FLOPS;
    p->block = p->by_panel ? p->units : dnnk_round_up((int64_t)(BLOCK_FLOPS / unit_flops) + 1, p->u.mr);
    p->blocks = dnnk_ceil_div(p->units, p->block);
    p->block = dnnk_round_up(dnnk_ceil_div(p->units, p->blocks), p->u.mr);
    p->blocks = dnnk_ceil_div(p->units, p->block);
}

dnnk_rnn_plan dnnk_rnn_make_plan(const dnnk_env *env, const dnnk_rnn *r, bool keeps) {
    dnnk_rnn_plan p = {.r = r, .slots = slots_of(r->cell), .table = dnnk_rnn_kernels(env->isa, r->type),
                       .packer = dnnk_gemm_packer(env->isa, r->type),
                       .size = dnnk_size(r->type), .gates = r->gates, .states = r->states};
    p.u = ukernel_of(p.table, env, r);
    p.panels = dnnk_ceil_div(r->batch, p.u.nr);
    p.units = dnnk_round_up(r->hidden, p.u.mr);
    p.input_rows = dnnk_round_up(r->inputs, p.u.mr);
    p.chunk = dnnk_max(1, dnnk_min(r->steps, CHUNK));
    p.group = dnnk_max(1, dnnk_min(p.chunk / 2, GROUP_BYTES / (r->inputs * p.u.nr * p.size)));
    p.chunk = dnnk_round_up(p.chunk, p.group);
    p.gate_steps = keeps ? dnnk_max(1, r->steps) : p.chunk;
    p.state_steps = keeps ? r->steps + 1 : 2;
    cut_step(&p);
    return p;
}

/* Both are read by micro-kernels, which go a little beyond what they need. */
int64_t dnnk_rnn_gate_elements(const dnnk_env *env, const dnnk_rnn *r) {
    dnnk_rnn_plan p = dnnk_rnn_make_plan(env, r, true);
    return p.panels * p.gate_steps * p.slots.count * p.units * p.u.nr + DNNK_PANEL_SLACK / p.size;
}

int64_t dnnk_rnn_state_elements(const dnnk_env *env, const dnnk_rnn *r) {
    dnnk_rnn_plan p = dnnk_rnn_make_plan(env, r, true);
    return p.panels * p.state_steps * p.units * p.u.nr + DNNK_PANEL_SLACK / p.size;
}

void dnnk_rnn_gather(const dnnk_rnn_plan *p, const void *x, int64_t steps, int64_t row, int64_t panel, int64_t step,
                     int64_t first, int64_t count, char *out) {
    const void *rows[DNNK_PANEL_MAX];
    int64_t samples = dnnk_rnn_samples(p, panel);
    for (int64_t i = 0; i < samples; i++) rows[i] = dnnk_rnn_row(p, x, steps, row, panel * p->u.nr + i, step, first);
    p->packer.rows(rows, samples, count, p->u.nr, out);
}

void dnnk_rnn_scatter(const dnnk_rnn_plan *p, const char *in, int64_t panel, int64_t first, int64_t count, void *x,
                      int64_t steps, int64_t row, int64_t step) {
    char *to = dnnk_rnn_row(p, x, steps, row, panel * p->u.nr, step, first);
    dnnk_transpose(&p->packer, p->u.mr, count, dnnk_rnn_samples(p, panel), in, p->u.nr, to, steps * row);
}

void dnnk_rnn_load_state(const dnnk_rnn_plan *p, const void *x, int64_t panel, char *out) {
    memset(out, 0, (size_t)(p->units * p->u.nr * p->size));
    if (x) dnnk_rnn_gather(p, x, 1, p->r->hidden, panel, 0, 0, p->r->hidden, out);
}

void dnnk_rnn_store_state(const dnnk_rnn_plan *p, const char *in, int64_t panel, void *x) {
    if (x) dnnk_rnn_scatter(p, in, panel, 0, p->r->hidden, x, 1, p->r->hidden, 0);
}
