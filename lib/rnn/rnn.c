/* The forward; rnn/plan.h has the layout.
 *
 * workspace:   | W_ih | W_hh | biases | LSTM's h, two in turns | gates, states, if they are not kept | lane 0: xᵀ |
 * lane 1: … | */
#include "rnn/rnn.h"

#include "rnn/plan.h"

typedef struct {
    dnnk_rnn_plan p;
    char *w_ih, *w_hh; /* [slots][units / mr][depth][mr] */
    char *bias;        /* [slots][units] */
    char *h;           /* [panels][2][units][nr] */
    char *lanes;
    int64_t lane_bytes;
    int64_t step, last; /* the steps of the chunk in hand; `step` alone while steps are done one by one */
} job;

/* Cuts the workspace (work NULL: only measures it); returns its bytes. */
static int64_t lay_out(job *j, const dnnk_env *env, bool keeps, char *work) {
    dnnk_rnn_plan *p = &j->p;
    int64_t rows = p->slots.count * p->units, state = p->units * p->u.nr, at = 0;
    j->w_ih = dnnk_rnn_take(p, work, &at, rows * p->r->inputs);
    j->w_hh = dnnk_rnn_take(p, work, &at, rows * p->r->hidden);
    j->bias = dnnk_rnn_take(p, work, &at, rows);
    if (p->r->cell == DNNK_LSTM) j->h = dnnk_rnn_take(p, work, &at, 2 * p->panels * state);
    if (!keeps) {
        p->gates = dnnk_rnn_take(p, work, &at, p->panels * p->gate_steps * rows * p->u.nr);
        p->states = dnnk_rnn_take(p, work, &at, p->panels * p->state_steps * state);
    }
    int64_t shared = at;
    j->lanes = dnnk_rnn_take(p, work, &at, p->group * p->r->inputs * p->u.nr);
    j->lane_bytes = at - shared;
    return shared + env->lanes * j->lane_bytes;
}

/* ---- weights ---- */

static void pack_rows(const dnnk_rnn_plan *p, const void *weight, int64_t depth, int64_t gate, int64_t unit,
                      char *panel) {
    const void *row[DNNK_PANEL_MAX];
    int64_t count = dnnk_min(p->u.mr, p->r->hidden - unit);
    if (gate == DNNK_RNN_NO_GATE) return;
    for (int64_t i = 0; i < count; i++)
        row[i] = (const char *)weight + (gate * p->r->hidden + unit + i) * depth * p->size;
    p->packer.rows(row, count, depth, p->u.mr, panel);
}

/* A panel of mr units of one slot, of both weights. */
static void pack_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t slot = task / (p->units / p->u.mr), unit = task % (p->units / p->u.mr) * p->u.mr,
            row = slot * p->units + unit;
    pack_rows(p, r->weight_ih, r->inputs, p->slots.ih[slot], unit, j->w_ih + row * r->inputs * p->size);
    pack_rows(p, r->weight_hh, r->hidden, p->slots.hh[slot], unit, j->w_hh + row * r->hidden * p->size);
}

static const char *bias_of(const dnnk_rnn_plan *p, const void *bias, int64_t gate) {
    return bias && gate != DNNK_RNN_NO_GATE ? (const char *)bias + gate * p->r->hidden * p->size : NULL;
}

static void add_biases(const job *j) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    p->table->biases(p->slots.count * p->units, NULL, NULL, j->bias);
    for (int64_t s = 0; s < p->slots.count; s++)
        p->table->biases(r->hidden, bias_of(p, r->bias_ih, p->slots.ih[s]), bias_of(p, r->bias_hh, p->slots.hh[s]),
                         j->bias + s * p->units * p->size);
}

/* ---- steps ---- */

/* hᵀ before a step. */
static char *hidden_at(const job *j, int64_t panel, int64_t step) {
    const dnnk_rnn_plan *p = &j->p;
    if (p->r->cell != DNNK_LSTM) return dnnk_rnn_state_at(p, panel, step);
    return j->h + (panel * 2 + step % 2) * p->units * p->u.nr * p->size;
}

static void start_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn *r = j->p.r;
    if (r->cell == DNNK_LSTM) dnnk_rnn_load_state(&j->p, r->c0, panel, dnnk_rnn_state_at(&j->p, panel, 0));
    dnnk_rnn_load_state(&j->p, r->h0, panel, hidden_at(j, panel, 0));
}

static void end_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn *r = j->p.r;
    if (r->cell == DNNK_LSTM) dnnk_rnn_store_state(&j->p, dnnk_rnn_state_at(&j->p, panel, r->steps), panel, r->c_n);
    dnnk_rnn_store_state(&j->p, hidden_at(j, panel, r->steps), panel, r->h_n);
}

/* W_ih xᵀ for steps first … last - 1 of a panel: each panel of weights meets them all while it is in cache. */
static void input_product(const job *j, int64_t panel, int64_t first, int64_t last, char *x) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t inputs = p->r->inputs, nr = p->u.nr;
    for (int64_t t = first; t < last; t++)
        dnnk_rnn_gather(p, p->r->x, p->r->steps, inputs, panel, t, 0, inputs, x + (t - first) * inputs * nr * p->size);
    for (int64_t row = 0; row < p->slots.count * p->units; row += p->u.mr) {
        if (p->slots.ih[row / p->units] == DNNK_RNN_NO_GATE) continue;
        for (int64_t t = first; t < last; t++)
            p->u.run(inputs, j->w_ih + row * inputs * p->size, x + (t - first) * inputs * nr * p->size,
                     dnnk_rnn_gates_at(p, panel, t) + row * nr * p->size, nr, false);
    }
}

/* Units first … of one step: the recurrent product, the cell, and the output. */
static void do_units(const job *j, int64_t panel, int64_t t, int64_t first) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t rows = dnnk_rnn_block_rows(p, first), nr = p->u.nr, at = first * nr * p->size;
    char *gates = dnnk_rnn_gates_at(p, panel, t), *h = hidden_at(j, panel, t), *next = hidden_at(j, panel, t + 1);
    for (int64_t s = 0; s < p->slots.count; s++)
        for (int64_t i = first; i < first + rows && p->slots.hh[s] != DNNK_RNN_NO_GATE; i += p->u.mr)
            p->u.run(r->hidden, j->w_hh + (s * p->units + i) * r->hidden * p->size, h,
                     gates + (s * p->units + i) * nr * p->size, nr, p->slots.ih[s] != DNNK_RNN_NO_GATE);
    dnnk_rnn_rows cell = {.rows = rows, .width = nr, .slot = p->units * nr, .gates = gates + at,
                          .bias = j->bias + first * p->size, .bias_stride = p->units,
                          .before = dnnk_rnn_state_at(p, panel, t) + at,
                          .after = dnnk_rnn_state_at(p, panel, t + 1) + at, .h = next + at};
    p->table->forward[r->cell](&cell);
    dnnk_rnn_scatter(p, next + at, panel, first, dnnk_min(rows, r->hidden - first), r->y, r->steps, r->hidden, t);
}

/* One group of steps of the input product. */
static void input_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    int64_t groups = dnnk_ceil_div(j->last - j->step, j->p.group), first = j->step + task % groups * j->p.group;
    input_product(j, task / groups, first, dnnk_min(first + j->p.group, j->last), j->lanes + lane * j->lane_bytes);
}

static void step_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    do_units(j, task / j->p.blocks, j->step, task % j->p.blocks * j->p.block);
}

/* All steps of a panel. */
static void panel_task(void *arg, int64_t panel, int64_t lane) {
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    for (int64_t first = 0; first < p->r->steps; first += p->group) {
        int64_t last = dnnk_min(first + p->group, p->r->steps);
        input_product(j, panel, first, last, j->lanes + lane * j->lane_bytes);
        for (int64_t t = first; t < last; t++) do_units(j, panel, t, 0);
    }
}

static void run_together(const dnnk_env *env, job *j) {
    const dnnk_rnn_plan *p = &j->p;
    for (int64_t first = 0; first < p->r->steps; first += p->chunk) {
        j->step = first;
        j->last = dnnk_min(first + p->chunk, p->r->steps);
        dnnk_parallel(env, p->panels * dnnk_ceil_div(j->last - first, p->group), input_task, j);
        for (; j->step < j->last; j->step++) dnnk_parallel(env, p->panels * p->blocks, step_task, j);
    }
}

int64_t dnnk_rnn_workspace(const dnnk_env *env, const dnnk_rnn *r) {
    job j = {.p = dnnk_rnn_make_plan(env, r, false)};
    return lay_out(&j, env, false, NULL) + 64;
}

void dnnk_rnn_forward(const dnnk_env *env, const dnnk_rnn *r, void *work) {
    bool keeps = r->gates && r->states;
    job j = {.p = dnnk_rnn_make_plan(env, r, keeps)};
    lay_out(&j, env, keeps, dnnk_rnn_align(work));
    dnnk_parallel(env, j.p.slots.count * (j.p.units / j.p.u.mr), pack_task, &j);
    add_biases(&j);
    dnnk_parallel(env, j.p.panels, start_task, &j);
    if (j.p.by_panel)
        dnnk_parallel(env, j.p.panels, panel_task, &j);
    else
        run_together(env, &j);
    dnnk_parallel(env, j.p.panels, end_task, &j);
}
