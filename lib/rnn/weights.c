/* dW_ih += dG x and dW_hh += dG h[t-1] are one product each, whose k runs over (panel, step, sample). Its operands pack
 * themselves, a run of samples of one step at a time: dG lies there with the samples side by side, x and h in rows. */
#include "rnn/weights.h"

#include "gemm/gemm.h"

/* The steps of a product, and where its operands lie. */
typedef struct {
    const dnnk_rnn_plan *p;
    const int64_t *gate; /* of each slot in this weight */
    int64_t first, steps; /* of dG */
    const void *x;       /* [batch, x_steps, row]: its step 0 meets step `first` of dG */
    int64_t x_steps, row;
} operands;

/* k as (panel, step, sample), and how many samples of that step are left. */
typedef struct {
    int64_t panel, step, sample, run;
} place;

static place find(const operands *o, int64_t k) {
    int64_t full = o->steps * o->p->u.nr;
    place at = {.panel = k / full};
    int64_t samples = dnnk_rnn_samples(o->p, at.panel), rest = k % full;
    at.step = rest / samples;
    at.sample = rest % samples;
    at.run = samples - at.sample;
    return at;
}

/* Row i of dG is unit i % hidden of gate i / hidden. */
static int64_t gate_row(const operands *o, int64_t i) {
    const dnnk_rnn_plan *p = o->p;
    int64_t slot = 0;
    while (o->gate[slot] != i / p->r->hidden) slot++;
    return slot * p->units + i % p->r->hidden;
}

static void pack_gates(const void *source, int64_t batch, int64_t first, int64_t count, int64_t k0, int64_t kn,
                       int64_t width, void *panel) {
    (void)batch;
    const operands *o = source;
    const dnnk_rnn_plan *p = o->p;
    int64_t at_row[DNNK_PANEL_MAX];
    const void *row[DNNK_PANEL_MAX];
    for (int64_t i = 0; i < count; i++) at_row[i] = gate_row(o, first + i) * p->u.nr;
    for (int64_t done = 0; done < kn;) {
        place at = find(o, k0 + done);
        int64_t run = dnnk_min(at.run, kn - done);
        const char *gates = dnnk_rnn_gates_at(p, at.panel, o->first + at.step);
        for (int64_t i = 0; i < count; i++) row[i] = gates + (at_row[i] + at.sample) * p->size;
        p->packer.rows(row, count, run, width, (char *)panel + done * width * p->size);
        done += run;
    }
}

static void pack_inputs(const void *source, int64_t batch, int64_t first, int64_t count, int64_t k0, int64_t kn,
                        int64_t width, void *panel) {
    (void)batch;
    const operands *o = source;
    const dnnk_rnn_plan *p = o->p;
    for (int64_t done = 0; done < kn;) {
        place at = find(o, k0 + done);
        int64_t run = dnnk_min(at.run, kn - done), sample = at.panel * p->u.nr + at.sample;
        p->packer.strided(dnnk_rnn_row(p, o->x, o->x_steps, o->row, sample, at.step, first), 1, o->x_steps * o->row,
                          count, run, width, (char *)panel + done * width * p->size);
        done += run;
    }
}

static dnnk_gemm_problem product(const operands *o, void *dw) {
    const dnnk_rnn *r = o->p->r;
    dnnk_operand a = {.pack = pack_gates, .source = o}, b = {.pack = pack_inputs, .source = o};
    dnnk_gemm_problem problem = dnnk_gemm_simple(r->type, dnnk_rnn_gates(r->cell) * r->hidden, o->row,
                                                 o->steps * r->batch, a, b, dw);
    problem.accumulate = true;
    return problem;
}

/* The three products: dW_ih; dW_hh from the second step on; dW_hh of the first step. */
static operands of_inputs(const dnnk_rnn_plan *p) {
    return (operands){.p = p, .gate = p->slots.ih, .steps = p->r->steps, .x = p->r->x, .x_steps = p->r->steps,
                      .row = p->r->inputs};
}
static operands of_outputs(const dnnk_rnn_plan *p) {
    return (operands){.p = p, .gate = p->slots.hh, .first = 1, .steps = dnnk_max(0, p->r->steps - 1), .x = p->r->y,
                      .x_steps = p->r->steps, .row = p->r->hidden};
}
static operands of_start(const dnnk_rnn_plan *p) {
    return (operands){.p = p, .gate = p->slots.hh, .steps = dnnk_min(1, p->r->steps), .x = p->r->h0, .x_steps = 1,
                      .row = p->r->hidden};
}

static int64_t product_workspace(const dnnk_env *env, operands o) {
    dnnk_gemm_problem problem = product(&o, NULL);
    return dnnk_gemm_workspace(env, &problem);
}

static void add_product(const dnnk_env *env, operands o, void *dw, void *work) {
    if (!dw || o.steps == 0 || o.p->r->batch == 0) return;
    dnnk_gemm_problem problem = product(&o, dw);
    dnnk_gemm(env, &problem, work);
}

/* ---- biases ---- */

typedef struct {
    const dnnk_rnn_plan *p;
    const dnnk_rnn_gradients *g;
} bias_job;

static void add_bias(const dnnk_rnn_plan *p, const double *sums, int64_t gate, int64_t unit, void *bias) {
    if (!bias || gate == DNNK_RNN_NO_GATE) return;
    p->table->add_sums(dnnk_min(p->u.mr, p->r->hidden - unit), sums,
                       (char *)bias + (gate * p->r->hidden + unit) * p->size);
}

/* mr rows of one slot: their sums over all steps and samples. */
static void bias_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const bias_job *j = arg;
    const dnnk_rnn_plan *p = j->p;
    int64_t slot = task / (p->units / p->u.mr), unit = task % (p->units / p->u.mr) * p->u.mr;
    double sums[DNNK_PANEL_MAX] = {0};
    for (int64_t panel = 0; panel < p->panels; panel++)
        for (int64_t t = 0; t < p->r->steps; t++)
            p->table->row_sums(p->u.mr, dnnk_rnn_samples(p, panel), p->u.nr,
                               dnnk_rnn_gates_at(p, panel, t) + (slot * p->units + unit) * p->u.nr * p->size, sums);
    add_bias(p, sums, p->slots.ih[slot], unit, j->g->dbias_ih);
    add_bias(p, sums, p->slots.hh[slot], unit, j->g->dbias_hh);
}

int64_t dnnk_rnn_weights_workspace(const dnnk_env *env, const dnnk_rnn_plan *p) {
    int64_t bytes = dnnk_max(product_workspace(env, of_inputs(p)), product_workspace(env, of_outputs(p)));
    return dnnk_max(bytes, product_workspace(env, of_start(p)));
}

void dnnk_rnn_weight_gradients(const dnnk_env *env, const dnnk_rnn_plan *p, const dnnk_rnn_gradients *g, void *work) {
    add_product(env, of_inputs(p), g->dweight_ih, work);
    add_product(env, of_outputs(p), g->dweight_hh, work);
    if (p->r->h0) add_product(env, of_start(p), g->dweight_hh, work);
    bias_job j = {p, g};
    if (g->dbias_ih || g->dbias_hh) dnnk_parallel(env, p->slots.count * (p->units / p->u.mr), bias_task, &j);
}
