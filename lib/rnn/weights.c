/* dW_ih += dGᵀ x and dW_hh += dGᵀ h[t-1], where the rows of dG, of x and of h are k: (sample, step). dG lies slot by
 * slot, and h[t-1] is h one row before, but for the first step: so both operands pack themselves. */
#include "rnn/weights.h"

#include <string.h>

#include "gemm/gemm.h"

typedef struct {
    const dnnk_rnn_plan *p;
    const int64_t *gate; /* of each slot in this weight */
    const void *x;       /* [batch, steps, columns] */
    int64_t columns;
} operands;

/* Where row i of the weight, unit i % hidden of gate i / hidden, is in a row of dG. */
static int64_t gate_column(const operands *o, int64_t i) {
    const dnnk_rnn_plan *p = o->p;
    int64_t slot = 0;
    while (o->gate[slot] != i / p->r->hidden) slot++;
    return slot * p->units + i % p->r->hidden;
}

/* Columns that lie side by side are copied together. */
static void pack_gates(const void *source, int64_t batch, int64_t first, int64_t count, int64_t k0, int64_t kn,
                       int64_t width, void *panel) {
    (void)batch;
    const operands *o = source;
    const dnnk_rnn_plan *p = o->p;
    if (count < width) memset(panel, 0, (size_t)(kn * width * p->size));
    for (int64_t i = 0, run; i < count; i += run) {
        int64_t column = gate_column(o, first + i);
        for (run = 1; i + run < count && gate_column(o, first + i + run) == column + run;) run++;
        p->packer.copy_rows(kn, run, p->gates + (k0 * p->row + column) * p->size, p->row,
                            (char *)panel + i * p->size, width);
    }
}

static void pack_hidden(const void *source, int64_t batch, int64_t first, int64_t count, int64_t k0, int64_t kn,
                        int64_t width, void *panel) {
    (void)batch;
    const operands *o = source;
    const dnnk_rnn_plan *p = o->p;
    int64_t steps = p->r->steps, columns = o->columns;
    for (int64_t k = k0, run; k < k0 + kn; k += run) {
        char *to = (char *)panel + (k - k0) * width * p->size;
        int64_t sample = k / steps, step = k % steps;
        run = step == 0 ? 1 : dnnk_min(steps - step, k0 + kn - k);
        const char *from = step > 0 ? dnnk_rnn_at(p, o->x, columns, sample, step - 1)
                                    : (const char *)p->r->h0 + (p->r->h0 ? sample * columns * p->size : 0);
        if (step == 0 && !p->r->h0) memset(to, 0, (size_t)(width * p->size));
        else p->packer.strided(from + first * p->size, 1, columns, count, run, width, to);
    }
}

static dnnk_gemm_problem product(const operands *o, dnnk_operand b, void *dw) {
    const dnnk_rnn_plan *p = o->p;
    const dnnk_rnn *r = p->r;
    dnnk_operand a = {.pack = pack_gates, .source = o};
    if (r->cell != DNNK_GRU && r->hidden == p->units) a = dnnk_gemm_a(p->gates, 1, p->row); /* nothing in between */
    dnnk_gemm_problem problem = dnnk_gemm_simple(r->type, dnnk_rnn_gates(r->cell) * r->hidden, o->columns,
                                                 r->steps * r->batch, a, b, dw);
    problem.accumulate = true;
    return problem;
}

static operands of_inputs(const dnnk_rnn_plan *p) { return (operands){p, p->slots.ih, p->r->x, p->r->inputs}; }
static operands of_hidden(const dnnk_rnn_plan *p) { return (operands){p, p->slots.hh, p->r->y, p->r->hidden}; }

static dnnk_gemm_problem input_product(const operands *o, void *dw) {
    return product(o, dnnk_gemm_b(o->x, o->columns, 1), dw);
}
static dnnk_gemm_problem hidden_product(const operands *o, void *dw) {
    return product(o, (dnnk_operand){.pack = pack_hidden, .source = o}, dw);
}

/* ---- biases ---- */

static void add_bias(const dnnk_rnn_plan *p, const char *sums, const int64_t *gate, char *bias) {
    int64_t hidden = p->r->hidden;
    for (int64_t s = 0; s < p->slots.count && bias; s++)
        if (gate[s] != DNNK_RNN_NO_GATE)
            p->table->biases(hidden, sums + s * p->units * p->size, bias + gate[s] * hidden * p->size,
                             bias + gate[s] * hidden * p->size);
}

/* workspace:   | sums [slots][units] | what dnnk_column_sums needs | */
static void bias_gradients(const dnnk_env *env, const dnnk_rnn_plan *p, const dnnk_rnn_gradients *g, char *work) {
    const dnnk_rnn *r = p->r;
    int64_t bytes = dnnk_round_up(p->row * p->size, 64);
    memset(work, 0, (size_t)bytes);
    dnnk_column_sums(env, r->type, r->steps * r->batch, p->row, p->gates, p->row, work, work + bytes);
    add_bias(p, work, p->slots.ih, g->dbias_ih);
    add_bias(p, work, p->slots.hh, g->dbias_hh);
}

int64_t dnnk_rnn_weights_workspace(const dnnk_env *env, const dnnk_rnn_plan *p) {
    operands inputs = of_inputs(p), hidden = of_hidden(p);
    dnnk_gemm_problem ih = input_product(&inputs, NULL), hh = hidden_product(&hidden, NULL);
    int64_t bytes = dnnk_round_up(p->row * p->size, 64) +
                    dnnk_column_sums_workspace(env, p->r->type, p->r->steps * p->r->batch, p->row);
    return dnnk_max(bytes, dnnk_max(dnnk_gemm_workspace(env, &ih), dnnk_gemm_workspace(env, &hh)));
}

void dnnk_rnn_weight_gradients(const dnnk_env *env, const dnnk_rnn_plan *p, const dnnk_rnn_gradients *g, void *work) {
    if (p->r->steps * p->r->batch == 0) return;
    operands inputs = of_inputs(p), hidden = of_hidden(p);
    dnnk_gemm_problem ih = input_product(&inputs, g->dweight_ih), hh = hidden_product(&hidden, g->dweight_hh);
    if (g->dweight_ih) dnnk_gemm(env, &ih, work);
    if (g->dweight_hh) dnnk_gemm(env, &hh, work);
    if (g->dbias_ih || g->dbias_hh) bias_gradients(env, p, g, work);
}
