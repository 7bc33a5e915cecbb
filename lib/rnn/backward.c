/* The backward, through time; rnn/plan.h has the layout. From the last step to the first, with dG the gradients of the
 * gates' sums, which take the gates' place:
 *
 *     dhᵀ = dyᵀ[t] + W_hhᵀ dG[t+1]        (GRU: + z dh of step t+1)
 *     dG[t], dc = the cell's backward
 *
 * and then at once for all steps: dxᵀ = W_ihᵀ dG; dW_ih += dG x and dW_hh += dG h[t-1] (weights.c), and row sums.
 *
 * workspace:   | W_hhᵀ | W_ihᵀ | dh | dc | lane 0: dyᵀ or dxᵀ | lane 1: … |     and afterwards what lib/gemm needs */
#include <string.h>

#include "rnn/weights.h"

typedef struct {
    dnnk_rnn_plan p;
    const dnnk_rnn_gradients *g;
    char *w_hh, *w_ih; /* transposed: [slots][rows / mr][hidden][mr], rows: units, or inputs rounded up */
    char *dh, *dc;     /* [panels][units][nr] */
    char *lanes;
    int64_t lane_bytes;
    int64_t step;
} job;

static int64_t lay_out(job *j, const dnnk_env *env, char *work) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t depth = p->slots.count * p->r->hidden, state = p->panels * p->units * p->u.nr, at = 0;
    j->w_hh = dnnk_rnn_take(p, work, &at, depth * p->units);
    j->w_ih = dnnk_rnn_take(p, work, &at, depth * p->input_rows);
    j->dh = dnnk_rnn_take(p, work, &at, state);
    j->dc = dnnk_rnn_take(p, work, &at, state);
    int64_t shared = at;
    j->lanes = dnnk_rnn_take(p, work, &at, dnnk_max(p->units, p->input_rows) * p->u.nr);
    j->lane_bytes = at - shared;
    return shared + env->lanes * j->lane_bytes;
}

static char *panel_of(const dnnk_rnn_plan *p, char *base, int64_t panel) {
    return base + panel * p->units * p->u.nr * p->size;
}

/* ---- weights, transposed ---- */

static void pack_columns(const dnnk_rnn_plan *p, const void *weight, int64_t columns, int64_t gate, int64_t column,
                         char *panel) {
    int64_t hidden = p->r->hidden;
    if (gate == DNNK_RNN_NO_GATE) return;
    p->packer.strided((const char *)weight + (gate * hidden * columns + column) * p->size, 1, columns,
                      dnnk_min(p->u.mr, columns - column), hidden, p->u.mr, panel);
}

/* Panels of mr columns of one slot: those of W_hh, then, if dx is wanted, those of W_ih. */
static int64_t panels_of_slot(const job *j) {
    return (j->p.units + (j->g->dx ? j->p.input_rows : 0)) / j->p.u.mr;
}

static void pack_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    int64_t mr = p->u.mr, of_hh = p->units / mr, hidden = p->r->hidden;
    int64_t slot = task / panels_of_slot(j), panel = task % panels_of_slot(j);
    if (panel < of_hh)
        pack_columns(p, p->r->weight_hh, hidden, p->slots.hh[slot], panel * mr,
                     j->w_hh + (slot * p->units + panel * mr) * hidden * p->size);
    else
        pack_columns(p, p->r->weight_ih, p->r->inputs, p->slots.ih[slot], (panel - of_hh) * mr,
                     j->w_ih + (slot * p->input_rows + (panel - of_hh) * mr) * hidden * p->size);
}

/* out[mr][nr] (+)= Wᵀ dG: a panel of mr columns, over all slots that have a gate in that weight. */
static void columns_product(const dnnk_rnn_plan *p, const char *weight, int64_t rows, const int64_t *gate,
                            int64_t first, const char *dgates, char *out, bool accumulate) {
    for (int64_t s = 0; s < p->slots.count; s++) {
        if (gate[s] == DNNK_RNN_NO_GATE) continue;
        p->u.run(p->r->hidden, weight + (s * rows + first) * p->r->hidden * p->size,
                 dgates + s * p->units * p->u.nr * p->size, out, p->u.nr, accumulate);
        accumulate = true;
    }
}

/* ---- steps ---- */

static void start_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_rnn_load_state(&j->p, j->g->dh_n, panel, panel_of(&j->p, j->dh, panel));
    dnnk_rnn_load_state(&j->p, j->g->dc_n, panel, panel_of(&j->p, j->dc, panel));
}

/* dh of units first … from step t, whose gates are gradients by now. What GRU left in dh goes on. */
static void recurrent_product(const job *j, int64_t panel, int64_t t, int64_t first) {
    const dnnk_rnn_plan *p = &j->p;
    char *dh = panel_of(p, j->dh, panel);
    for (int64_t i = first; i < first + dnnk_rnn_block_rows(p, first); i += p->u.mr)
        columns_product(p, j->w_hh, p->units, p->slots.hh, i, dnnk_rnn_gates_at(p, panel, t),
                        dh + i * p->u.nr * p->size, p->r->cell == DNNK_GRU);
}

static void do_units(const job *j, int64_t panel, int64_t t, int64_t first, char *dy) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t rows = dnnk_rnn_block_rows(p, first), nr = p->u.nr, at = first * nr * p->size;
    int64_t real_rows = dnnk_min(rows, r->hidden - first);
    if (t < r->steps - 1) recurrent_product(j, panel, t + 1, first);
    dnnk_rnn_gather(p, j->g->dy, r->steps, r->hidden, panel, t, first, real_rows, dy);
    memset(dy + real_rows * nr * p->size, 0, (size_t)((rows - real_rows) * nr * p->size));
    dnnk_rnn_rows cell = {.rows = rows, .width = nr, .slot = p->units * nr,
                          .gates = dnnk_rnn_gates_at(p, panel, t) + at,
                          .before = dnnk_rnn_state_at(p, panel, t) + at,
                          .after = dnnk_rnn_state_at(p, panel, t + 1) + at, .dy = dy,
                          .dh = panel_of(p, j->dh, panel) + at, .dc = panel_of(p, j->dc, panel) + at};
    p->table->backward[r->cell](&cell);
}

static void step_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    do_units(j, task / j->p.blocks, j->step, task % j->p.blocks * j->p.block, j->lanes + lane * j->lane_bytes);
}

static void panel_task(void *arg, int64_t panel, int64_t lane) {
    const job *j = arg;
    for (int64_t t = j->p.r->steps - 1; t >= 0; t--) do_units(j, panel, t, 0, j->lanes + lane * j->lane_bytes);
}

/* What is left goes to the state before the first step. */
static void end_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    for (int64_t first = 0; first < p->units && p->r->steps > 0 && j->g->dh0; first += p->block)
        recurrent_product(j, panel, 0, first);
    dnnk_rnn_store_state(p, panel_of(p, j->dh, panel), panel, j->g->dh0);
    dnnk_rnn_store_state(p, panel_of(p, j->dc, panel), panel, j->g->dc0);
}

/* dx of one step of one panel. */
static void input_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    int64_t panel = task / p->r->steps, t = task % p->r->steps;
    char *dx = j->lanes + lane * j->lane_bytes;
    for (int64_t i = 0; i < p->r->inputs; i += p->u.mr)
        columns_product(p, j->w_ih, p->input_rows, p->slots.ih, i, dnnk_rnn_gates_at(p, panel, t),
                        dx + i * p->u.nr * p->size, false);
    dnnk_rnn_scatter(p, dx, panel, 0, p->r->inputs, j->g->dx, p->r->steps, p->r->inputs, t);
}

static void run_steps(const dnnk_env *env, job *j) {
    const dnnk_rnn_plan *p = &j->p;
    if (p->by_panel)
        dnnk_parallel(env, p->panels, panel_task, j);
    else
        for (j->step = p->r->steps - 1; j->step >= 0; j->step--)
            dnnk_parallel(env, p->panels * p->blocks, step_task, j);
}

int64_t dnnk_rnn_backward_workspace(const dnnk_env *env, const dnnk_rnn *r) {
    job j = {.p = dnnk_rnn_make_plan(env, r, true)};
    return dnnk_max(lay_out(&j, env, NULL), dnnk_rnn_weights_workspace(env, &j.p)) + 64;
}

void dnnk_rnn_backward(const dnnk_env *env, const dnnk_rnn *r, const dnnk_rnn_gradients *g, void *work) {
    job j = {.p = dnnk_rnn_make_plan(env, r, true), .g = g};
    char *aligned = dnnk_rnn_align(work);
    lay_out(&j, env, aligned);
    dnnk_parallel(env, j.p.slots.count * panels_of_slot(&j), pack_task, &j);
    dnnk_parallel(env, j.p.panels, start_task, &j);
    run_steps(env, &j);
    dnnk_parallel(env, j.p.panels, end_task, &j);
    if (g->dx) dnnk_parallel(env, j.p.panels * r->steps, input_task, &j);
    dnnk_rnn_weight_gradients(env, &j.p, g, aligned);
}
