/* The backward, through time; rnn/plan.h has the layout. From the last step to the first, with dG the gradients of the
 * gates' sums, which take the gates' place:
 *
 *     dh = dy[t] + dG[t+1] W_hh        (GRU: + z dh of step t+1)
 *     dG[t], dc = the cell's backward
 *
 * and then at once for all steps: dx = dG W_ih; dW_ih += dGᵀ x and dW_hh += dGᵀ h[t-1], and column sums (weights.c).
 *
 * workspace:   | W_hh | W_ih | dh | dc | dG of two steps in turns | zeros |     and afterwards what weights.c needs */
#include <string.h>

#include "rnn/weights.h"

typedef struct {
    dnnk_rnn_plan p;
    const dnnk_rnn_gradients *g;
    char *w_hh, *w_ih; /* packed; the columns are units, or inputs */
    char *dh, *dc;     /* [batch][units] */
    char *dgates;      /* [2][batch][slots][units], close together */
    char *zeros;       /* [hidden], for h before the first step */
    int64_t columns;   /* inputs, rounded up to nr */
    int64_t step;
} job;

static int64_t lay_out(job *j, char *work) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t depth = p->slots.count * p->r->hidden, at = 0;
    j->columns = dnnk_round_up(p->r->inputs, p->table->nr);
    j->w_hh = dnnk_rnn_take(p, work, &at, depth * p->units);
    j->w_ih = dnnk_rnn_take(p, work, &at, depth * j->columns);
    j->dh = dnnk_rnn_take(p, work, &at, p->r->batch * p->units);
    j->dc = dnnk_rnn_take(p, work, &at, p->r->batch * p->units);
    j->dgates = dnnk_rnn_take(p, work, &at, 2 * p->r->batch * p->row);
    j->zeros = dnnk_rnn_take(p, work, &at, p->r->hidden);
    return at;
}

static char *row_of(const job *j, char *base, int64_t sample) { return base + sample * j->p.units * j->p.size; }

static char *dgates_at(const job *j, int64_t sample, int64_t step) {
    return j->dgates + (step % 2 * j->p.r->batch + sample) * j->p.row * j->p.size;
}

/* ---- weights: the rows of a gate are the depth ---- */

static void pack_columns(const job *j, const void *weight, int64_t columns, int64_t gate, int64_t column, char *panel) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t hidden = p->r->hidden, nr = p->table->nr;
    if (gate == DNNK_RNN_NO_GATE) return;
    p->packer.strided((const char *)weight + (gate * hidden * columns + column) * p->size, 1, columns,
                      dnnk_min(nr, columns - column), hidden, nr, panel);
}

/* Panels of nr columns of one slot: those of W_hh, then, if dx is wanted, those of W_ih. */
static int64_t panels_of_slot(const job *j) { return (j->p.units + (j->g->dx ? j->columns : 0)) / j->p.table->nr; }

static void pack_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t slot = task / panels_of_slot(j), column = task % panels_of_slot(j) * p->table->nr;
    int64_t input = column - p->units;
    if (input < 0)
        pack_columns(j, r->weight_hh, r->hidden, p->slots.hh[slot], column,
                     (char *)dnnk_rnn_weights_at(p, j->w_hh, p->units, r->hidden, slot, column));
    else
        pack_columns(j, r->weight_ih, r->inputs, p->slots.ih[slot], input,
                     (char *)dnnk_rnn_weights_at(p, j->w_ih, j->columns, r->hidden, slot, input));
}

/* ---- steps ---- */

static void load_gradients(const job *j, const dnnk_rnn_box *box) {
    const dnnk_rnn_plan *p = &j->p;
    dnnk_rnn_load_state(p, j->g->dh_n, box->sample, box->samples, row_of(j, j->dh, box->sample), p->units);
    dnnk_rnn_load_state(p, j->g->dc_n, box->sample, box->samples, row_of(j, j->dc, box->sample), p->units);
}

/* dh before step t + 1, whose gates are gradients by now. What GRU left in dh goes on. */
static void recurrent_product(const job *j, const dnnk_rnn_box *box, int64_t t) {
    const dnnk_rnn_plan *p = &j->p;
    bool accumulate = p->r->cell == DNNK_GRU;
    for (int64_t s = 0; s < p->slots.count; s++) {
        if (p->slots.hh[s] == DNNK_RNN_NO_GATE) continue;
        dnnk_rnn_product product = {
            .rows = box->samples, .cols = box->units, .k = p->r->hidden, .lda = p->row, .ldc = p->units,
            .a = dgates_at(j, box->sample, t + 1) + s * p->units * p->size,
            .b = dnnk_rnn_weights_at(p, j->w_hh, p->units, p->r->hidden, s, box->unit),
            .c = row_of(j, j->dh, box->sample) + box->unit * p->size, .accumulate = accumulate};
        p->table->product(&product);
        accumulate = true;
    }
}

/* h before a step. */
static const char *hidden_before(const job *j, int64_t n, int64_t t) {
    const dnnk_rnn_plan *p = &j->p;
    if (t > 0) return dnnk_rnn_at(p, p->r->y, p->r->hidden, n, t - 1);
    return p->r->h0 ? (const char *)p->r->h0 + n * p->r->hidden * p->size : j->zeros;
}

/* The cell of one sample; dG goes to where the next product reads it, and to the gates' place. */
static void do_cell(const job *j, const dnnk_rnn_box *box, int64_t n, int64_t t) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t at = box->unit * p->size;
    bool lstm = r->cell == DNNK_LSTM;
    char *gates = dnnk_rnn_gates_at(p, n, t) + at, *dgates = dgates_at(j, n, t) + at;
    dnnk_rnn_row row = {
        .units = dnnk_rnn_real_units(p, box), .slot = p->units, .gates = gates, .dgates = dgates,
        .before = (lstm ? dnnk_rnn_state_at(p, n, t) : hidden_before(j, n, t)) + at,
        .after = (lstm ? dnnk_rnn_state_at(p, n, t + 1) : dnnk_rnn_at(p, r->y, r->hidden, n, t)) + at,
        .dy = dnnk_rnn_at(p, j->g->dy, r->hidden, n, t) + at, .dh = row_of(j, j->dh, n) + at,
        .dc = row_of(j, j->dc, n) + at};
    p->table->backward[r->cell](&row);
    for (int64_t s = 0; s < p->slots.count; s++)
        memcpy(gates + s * p->units * p->size, dgates + s * p->units * p->size, (size_t)(row.units * p->size));
}

static void do_step(const job *j, const dnnk_rnn_box *box, int64_t t) {
    if (t < j->p.r->steps - 1) recurrent_product(j, box, t);
    for (int64_t n = box->sample; n < box->sample + box->samples; n++) do_cell(j, box, n, t);
}

/* What is left goes to the state before the first step. */
static void end(const job *j, const dnnk_rnn_box *box) {
    const dnnk_rnn_plan *p = &j->p;
    if (j->g->dh0 && p->r->steps > 0) recurrent_product(j, box, -1);
    dnnk_rnn_store_state(p, row_of(j, j->dh, box->sample), p->units, box->sample, box->samples, j->g->dh0);
    dnnk_rnn_store_state(p, row_of(j, j->dc, box->sample), p->units, box->sample, box->samples, j->g->dc0);
}

static void samples_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_rnn_box box = dnnk_rnn_box_of(&j->p, task);
    load_gradients(j, &box);
    for (int64_t t = j->p.r->steps - 1; t >= 0; t--) do_step(j, &box, t);
    end(j, &box);
}

static void step_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_rnn_box box = dnnk_rnn_box_of(&j->p, task);
    do_step(j, &box, j->step);
}

static void run_together(const dnnk_env *env, job *j) {
    dnnk_rnn_box all = {.samples = j->p.r->batch, .units = j->p.units};
    load_gradients(j, &all);
    for (j->step = j->p.r->steps - 1; j->step >= 0; j->step--) dnnk_parallel(env, j->p.tasks, step_task, j);
    end(j, &all);
}

/* ---- dx ---- */

static int64_t groups_of_steps(const job *j) { return dnnk_ceil_div(j->p.r->steps, j->p.group); }

/* Some steps of one sample. */
static void input_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    int64_t n = task / groups_of_steps(j), t = task % groups_of_steps(j) * p->group, inputs = p->r->inputs;
    bool accumulate = false;
    for (int64_t s = 0; s < p->slots.count; s++) {
        if (p->slots.ih[s] == DNNK_RNN_NO_GATE) continue;
        dnnk_rnn_product product = {
            .rows = dnnk_min(p->group, p->r->steps - t), .cols = inputs, .k = p->r->hidden, .lda = p->row,
            .ldc = inputs, .a = dnnk_rnn_gates_at(p, n, t) + s * p->units * p->size,
            .b = dnnk_rnn_weights_at(p, j->w_ih, j->columns, p->r->hidden, s, 0),
            .c = dnnk_rnn_at(p, j->g->dx, inputs, n, t), .accumulate = accumulate};
        p->table->product(&product);
        accumulate = true;
    }
}

int64_t dnnk_rnn_backward_workspace(const dnnk_env *env, const dnnk_rnn *r) {
    job j = {.p = dnnk_rnn_make_plan(env, r, true)};
    return dnnk_max(lay_out(&j, NULL), dnnk_rnn_weights_workspace(env, &j.p)) + 64;
}

void dnnk_rnn_backward(const dnnk_env *env, const dnnk_rnn *r, const dnnk_rnn_gradients *g, void *work) {
    job j = {.p = dnnk_rnn_make_plan(env, r, true), .g = g};
    char *aligned = dnnk_rnn_align(work);
    lay_out(&j, aligned);
    memset(j.zeros, 0, (size_t)(r->hidden * j.p.size));
    dnnk_parallel(env, j.p.slots.count * panels_of_slot(&j), pack_task, &j);
    if (j.p.by_samples)
        dnnk_parallel(env, j.p.tasks, samples_task, &j);
    else
        run_together(env, &j);
    if (g->dx) dnnk_parallel(env, r->batch * groups_of_steps(&j), input_task, &j);
    dnnk_rnn_weight_gradients(env, &j.p, g, aligned);
}
