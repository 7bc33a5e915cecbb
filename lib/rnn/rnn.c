/* The forward; rnn/plan.h has the layout.
 *
 * workspace:   | W_ih | W_hh | biases | h, two in turns | gates, states, if they are not kept | */
#include "rnn/rnn.h"

#include <string.h>

#include "rnn/plan.h"

typedef struct {
    dnnk_rnn_plan p;
    char *w_ih, *w_hh; /* packed */
    char *bias;        /* [slots][units] */
    char *h;           /* [2][batch][hidden] */
    int64_t step, last; /* while tasks wait for each other: the step in hand; the end of its group */
} job;

/* Cuts the workspace (work NULL: only measures it); returns its bytes. */
static int64_t lay_out(job *j, bool keeps, char *work) {
    dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t at = 0;
    j->w_ih = dnnk_rnn_take(p, work, &at, p->row * r->inputs);
    j->w_hh = dnnk_rnn_take(p, work, &at, p->row * r->hidden);
    j->bias = dnnk_rnn_take(p, work, &at, p->row);
    j->h = dnnk_rnn_take(p, work, &at, 2 * r->batch * r->hidden);
    if (keeps) return at;
    p->gates = dnnk_rnn_take(p, work, &at, r->batch * p->gate_steps * p->row);
    p->states = dnnk_rnn_take(p, work, &at, r->batch * p->state_steps * r->hidden);
    return at;
}

/* ---- weights ---- */

static void pack_units(const dnnk_rnn_plan *p, const void *weight, int64_t depth, int64_t gate, int64_t unit,
                       char *panel) {
    const void *row[DNNK_PANEL_MAX];
    int64_t count = dnnk_min(p->table->nr, p->r->hidden - unit);
    if (gate == DNNK_RNN_NO_GATE) return;
    for (int64_t i = 0; i < count; i++)
        row[i] = (const char *)weight + (gate * p->r->hidden + unit + i) * depth * p->size;
    p->packer.rows(row, count, depth, p->table->nr, panel);
}

/* nr units of one slot, of both weights. */
static void pack_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t slot = task * p->table->nr / p->units, unit = task * p->table->nr % p->units;
    pack_units(p, r->weight_ih, r->inputs, p->slots.ih[slot], unit,
               (char *)dnnk_rnn_weights_at(p, j->w_ih, p->units, r->inputs, slot, unit));
    pack_units(p, r->weight_hh, r->hidden, p->slots.hh[slot], unit,
               (char *)dnnk_rnn_weights_at(p, j->w_hh, p->units, r->hidden, slot, unit));
}

static const char *bias_of(const dnnk_rnn_plan *p, const void *bias, int64_t gate) {
    return bias && gate != DNNK_RNN_NO_GATE ? (const char *)bias + gate * p->r->hidden * p->size : NULL;
}

static void add_biases(const job *j) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    for (int64_t s = 0; s < p->slots.count; s++)
        p->table->biases(r->hidden, bias_of(p, r->bias_ih, p->slots.ih[s]), bias_of(p, r->bias_hh, p->slots.hh[s]),
                         j->bias + s * p->units * p->size);
}

/* ---- steps ---- */

/* h before a step. */
static char *hidden_at(const job *j, int64_t sample, int64_t step) {
    const dnnk_rnn *r = j->p.r;
    return j->h + (step % 2 * r->batch + sample) * r->hidden * j->p.size;
}

static void load_states(const job *j, const dnnk_rnn_box *box) {
    const dnnk_rnn_plan *p = &j->p;
    dnnk_rnn_load_state(p, p->r->h0, box->sample, box->samples, hidden_at(j, box->sample, 0), p->r->hidden);
    if (p->r->cell == DNNK_LSTM)
        dnnk_rnn_load_state(p, p->r->c0, box->sample, box->samples, dnnk_rnn_state_at(p, box->sample, 0),
                            p->state_steps * p->r->hidden);
}

static void store_states(const job *j, const dnnk_rnn_box *box) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t last = p->r->steps;
    dnnk_rnn_store_state(p, hidden_at(j, box->sample, last), p->r->hidden, box->sample, box->samples, p->r->h_n);
    if (p->r->cell == DNNK_LSTM)
        dnnk_rnn_store_state(p, dnnk_rnn_state_at(p, box->sample, last), p->state_steps * p->r->hidden, box->sample,
                             box->samples, p->r->c_n);
}

/* x W_ihᵀ for steps first … last - 1: a sample's steps are rows one behind the other. */
static void input_product(const job *j, const dnnk_rnn_box *box, int64_t first, int64_t last) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t inputs = p->r->inputs;
    for (int64_t s = 0; s < p->slots.count; s++) {
        if (p->slots.ih[s] == DNNK_RNN_NO_GATE) continue;
        for (int64_t n = box->sample; n < box->sample + box->samples; n++) {
            dnnk_rnn_product product = {
                .rows = last - first, .cols = box->units, .k = inputs, .lda = inputs, .ldc = p->row,
                .a = dnnk_rnn_at(p, p->r->x, inputs, n, first),
                .b = dnnk_rnn_weights_at(p, j->w_ih, p->units, inputs, s, box->unit),
                .c = dnnk_rnn_gates_at(p, n, first) + (s * p->units + box->unit) * p->size};
            p->table->product(&product);
        }
    }
}

/* + h W_hhᵀ */
static void recurrent_product(const job *j, const dnnk_rnn_box *box, int64_t t) {
    const dnnk_rnn_plan *p = &j->p;
    int64_t hidden = p->r->hidden;
    for (int64_t s = 0; s < p->slots.count; s++) {
        if (p->slots.hh[s] == DNNK_RNN_NO_GATE) continue;
        dnnk_rnn_product product = {
            .rows = box->samples, .cols = box->units, .k = hidden, .lda = hidden, .ldc = p->gate_steps * p->row,
            .a = hidden_at(j, box->sample, t),
            .b = dnnk_rnn_weights_at(p, j->w_hh, p->units, hidden, s, box->unit),
            .c = dnnk_rnn_gates_at(p, box->sample, t) + (s * p->units + box->unit) * p->size,
            .accumulate = p->slots.ih[s] != DNNK_RNN_NO_GATE};
        p->table->product(&product);
    }
}

/* The cell of one sample; its output goes to y, and to where the next step reads it. */
static void do_cell(const job *j, const dnnk_rnn_box *box, int64_t n, int64_t t) {
    const dnnk_rnn_plan *p = &j->p;
    const dnnk_rnn *r = p->r;
    int64_t at = box->unit * p->size;
    bool lstm = r->cell == DNNK_LSTM;
    char *h = dnnk_rnn_at(p, r->y, r->hidden, n, t) + at;
    dnnk_rnn_row row = {.units = dnnk_rnn_real_units(p, box), .slot = p->units,
                        .gates = dnnk_rnn_gates_at(p, n, t) + at, .bias = j->bias + at, .h = h,
                        .before = (lstm ? dnnk_rnn_state_at(p, n, t) : hidden_at(j, n, t)) + at,
                        .after = lstm ? dnnk_rnn_state_at(p, n, t + 1) + at : NULL};
    p->table->forward[r->cell](&row);
    memcpy(hidden_at(j, n, t + 1) + at, h, (size_t)(row.units * p->size));
}

static void do_step(const job *j, const dnnk_rnn_box *box, int64_t t) {
    recurrent_product(j, box, t);
    for (int64_t n = box->sample; n < box->sample + box->samples; n++) do_cell(j, box, n, t);
}

/* All steps of some samples. */
static void samples_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_rnn_plan *p = &j->p;
    dnnk_rnn_box box = dnnk_rnn_box_of(p, task);
    load_states(j, &box);
    for (int64_t first = 0; first < p->r->steps; first += p->group) {
        int64_t last = dnnk_min(first + p->group, p->r->steps);
        input_product(j, &box, first, last);
        for (int64_t t = first; t < last; t++) do_step(j, &box, t);
    }
    store_states(j, &box);
}

/* The first of a group also does the group's input product. */
static void step_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_rnn_box box = dnnk_rnn_box_of(&j->p, task);
    if (j->step % j->p.group == 0) input_product(j, &box, j->step, j->last);
    do_step(j, &box, j->step);
}

static void run_together(const dnnk_env *env, job *j) {
    const dnnk_rnn_plan *p = &j->p;
    dnnk_rnn_box all = {.samples = p->r->batch, .units = p->units};
    load_states(j, &all);
    for (j->step = 0; j->step < p->r->steps; j->step++) {
        if (j->step % p->group == 0) j->last = dnnk_min(j->step + p->group, p->r->steps);
        dnnk_parallel(env, p->tasks, step_task, j);
    }
    store_states(j, &all);
}

int64_t dnnk_rnn_workspace(const dnnk_env *env, const dnnk_rnn *r) {
    job j = {.p = dnnk_rnn_make_plan(env, r, false)};
    return lay_out(&j, false, NULL) + 64;
}

void dnnk_rnn_forward(const dnnk_env *env, const dnnk_rnn *r, void *work) {
    bool keeps = r->gates != NULL;
    job j = {.p = dnnk_rnn_make_plan(env, r, keeps)};
    lay_out(&j, keeps, dnnk_rnn_align(work));
    dnnk_parallel(env, j.p.row / j.p.table->nr, pack_task, &j);
    add_biases(&j);
    if (j.p.by_samples)
        dnnk_parallel(env, j.p.tasks, samples_task, &j);
    else
        run_together(env, &j);
}
