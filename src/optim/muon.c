/* Muon: the momentum of a matrix, with all its singular values brought near 1, is the step. */
#include <math.h>
#include <string.h>

#include "gemm/gemm.h"
#include "optim/optimizer.h"

/* The polynomial a x + b x³ + c x⁵ on the singular values, which a few rounds bring from (0, 1] to about 0.7 … 1.2. The
 * coefficients are Jordan's (2024). */
static const double A = 3.4445, B = -4.7750, C = 2.0315;

typedef struct {
    dnn_optimizer optimizer;
    double momentum, epsilon, adam_factor, beta1, beta2;
    int32_t rounds;
    bool nesterov;
    char *work; /* for the largest matrix */
    int64_t work_bytes;
} muon;

/* One matrix at work: x is (rows, columns); the products are of the smaller side. */
typedef struct {
    const dnnk_env *env;
    dnnk_type type;
    int64_t rows, columns, side, size;
    char *x, *next, *square, *polynomial, *gemm;
} orthogonal;

static int64_t padded(int64_t bytes) { return (bytes + DNNI_ALIGNMENT - 1) / DNNI_ALIGNMENT * DNNI_ALIGNMENT; }

/* X Xᵀ, or Xᵀ X where there are more rows than columns. */
static dnnk_gemm_problem square_of(const orthogonal *o) {
    bool wide = o->rows <= o->columns;
    dnnk_operand a = wide ? dnnk_gemm_a(o->x, o->columns, 1) : dnnk_gemm_a(o->x, 1, o->columns);
    dnnk_operand b = wide ? dnnk_gemm_b(o->x, 1, o->columns) : dnnk_gemm_b(o->x, o->columns, 1);
    return dnnk_gemm_simple(o->type, o->side, o->side, wide ? o->columns : o->rows, a, b, o->square);
}

/* S S for S symmetric. */
static dnnk_gemm_problem fourth_of(const orthogonal *o) {
    return dnnk_gemm_simple(o->type, o->side, o->side, o->side, dnnk_gemm_a(o->square, o->side, 1),
                            dnnk_gemm_b(o->square, o->side, 1), o->polynomial);
}

/* P X, or X P. */
static dnnk_gemm_problem next_of(const orthogonal *o) {
    bool wide = o->rows <= o->columns;
    dnnk_operand p_left = dnnk_gemm_a(o->polynomial, o->side, 1), p_right = dnnk_gemm_b(o->polynomial, o->side, 1);
    dnnk_operand x_left = dnnk_gemm_a(o->x, o->columns, 1), x_right = dnnk_gemm_b(o->x, o->columns, 1);
    return dnnk_gemm_simple(o->type, o->rows, o->columns, o->side, wide ? p_left : x_left, wide ? x_right : p_right,
                            o->next);
}

static int64_t gemm_bytes(const orthogonal *o) {
    dnnk_gemm_problem problems[] = {square_of(o), fourth_of(o), next_of(o)};
    int64_t most = 0;
    for (int i = 0; i < 3; i++) {
        int64_t bytes = dnnk_gemm_workspace(o->env, &problems[i]);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Lays a matrix of this shape out in memory; returns the bytes that it takes. */
static int64_t lay_out(orthogonal *o, const dnnk_env *env, dnnk_type type, int64_t rows, int64_t columns, char *work) {
    int64_t element = type == DNNK_F64 ? 8 : 4;
    *o = (orthogonal){.env = env, .type = type, .rows = rows, .columns = columns,
                      .side = rows < columns ? rows : columns, .size = rows * columns};
    int64_t matrix = padded(o->size * element), small = padded(o->side * o->side * element);
    o->x = work;
    o->next = o->x + matrix;
    o->square = o->next + matrix;
    o->polynomial = o->square + small;
    o->gemm = o->polynomial + small;
    return 2 * matrix + 2 * small + gemm_bytes(o);
}

static void scale(dnnk_type type, void *x, int64_t n, double by) {
    for (int64_t i = 0; i < n; i++) {
        if (type == DNNK_F64) ((double *)x)[i] *= by;
        else ((float *)x)[i] *= (float)by;
    }
}

/* to = a·to + b·x */
static void combine(dnnk_type type, void *to, double a, const void *x, double b, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (type == DNNK_F64) ((double *)to)[i] = a * ((double *)to)[i] + b * ((const double *)x)[i];
        else ((float *)to)[i] = (float)a * ((float *)to)[i] + (float)b * ((const float *)x)[i];
    }
}

/* One round: X ← A X + (B S + C S S) X, S = X Xᵀ (or, of tall matrices, the same from the right). */
static void sharpen(orthogonal *o) {
    dnnk_gemm_problem square = square_of(o);
    dnnk_gemm(o->env, &square, o->gemm);
    dnnk_gemm_problem fourth = fourth_of(o);
    dnnk_gemm(o->env, &fourth, o->gemm);
    combine(o->type, o->polynomial, C, o->square, B, o->side * o->side);
    dnnk_gemm_problem next = next_of(o);
    dnnk_gemm(o->env, &next, o->gemm);
    combine(o->type, o->x, A, o->next, 1, o->size);
}

/* ---- a step ---- */

/* m ← momentum · m + (1 - momentum) · g, and what is to be made orthogonal in x. */
static void gather(const muon *u, const orthogonal *o, const dnni_rates *rates, const dnnk_segment *s) {
    size_t bytes = (size_t)(o->size * (o->type == DNNK_F64 ? 8 : 4));
    if (s->step == 1) memset(s->state[0], 0, bytes);
    combine(o->type, s->state[0], u->momentum, s->grad, (1 - u->momentum) * rates->grad_scale, o->size);
    double past = u->nesterov ? u->momentum : 1;
    memset(o->x, 0, bytes); /* 0 times what lies there may be NaN */
    combine(o->type, o->x, 0, s->state[0], past, o->size);
    if (u->nesterov) combine(o->type, o->x, 1, s->grad, (1 - u->momentum) * rates->grad_scale, o->size);
}

static double norm_of(const muon *u, const orthogonal *o) {
    dnnk_segment s = {.grad = o->x, .count = o->size};
    return sqrt(dnnk_optim_squared_norm(o->env, o->type, &s, 1, u->optimizer.norm_work));
}

static void step_matrix(const muon *u, dnnk_type type, const dnni_rates *rates, const dnnk_segment *s) {
    orthogonal o;
    if (s->count == 0) return;
    lay_out(&o, dnni_env(u->optimizer.base.ctx), type, s->rows, s->count / s->rows, u->work);
    gather(u, &o, rates, s);
    scale(type, o.x, o.size, 1 / (norm_of(u, &o) + u->epsilon));
    for (int32_t i = 0; i < u->rounds; i++) sharpen(&o);
    double size = sqrt(fmax(1, (double)o.rows / (double)o.columns));
    combine(type, s->param, 1 - rates->lr * rates->weight_decay, o.x, -rates->lr * size, o.size);
}

static void step_other(const muon *u, dnnk_type type, const dnni_rates *rates, dnnk_segment *s) {
    dnnk_adam rule = {.rate = rates->lr * u->adam_factor, .beta1 = u->beta1, .beta2 = u->beta2, .epsilon = 1e-8,
                      .weight_decay = rates->weight_decay, .grad_scale = rates->grad_scale, .decoupled = true};
    dnnk_optim_update(dnni_env(u->optimizer.base.ctx), type, DNNK_ADAM, &rule, s, 1);
}

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const muon *u = (const muon *)optimizer;
    for (int64_t i = 0; i < count; i++) {
        if (segments[i].rows > 0) step_matrix(u, type, rates, &segments[i]);
        else step_other(u, type, rates, &segments[i]);
    }
}

/* ---- making ---- */

static void destroy(dnn_optimizer *optimizer) {
    muon *u = (muon *)optimizer;
    dnni_free(optimizer->base.ctx, u->work, u->work_bytes, 1);
}

static const dnni_optimizer_class muon_class = {.update = update, .destroy = destroy};

static dnn_status settle(dnn_muon_desc *d) {
    d->momentum = dnni_or_default(d->momentum, 0.95);
    d->adam_factor = dnni_or_default(d->adam_factor, 0.015);
    d->beta1 = dnni_or_default(d->beta1, 0.9);
    d->beta2 = dnni_or_default(d->beta2, 0.95);
    if (d->rounds == 0) d->rounds = 5;
    DNNI_TRY(dnni_check_beta(d->momentum, "desc.momentum"));
    DNNI_TRY(dnni_check_beta(d->beta1, "desc.beta1"));
    DNNI_TRY(dnni_check_beta(d->beta2, "desc.beta2"));
    DNNI_TRY(dnni_check_rate(d->adam_factor, "desc.adam_factor"));
    DNNI_REQUIRE(d->rounds >= 1 && d->rounds <= 100, "desc.rounds is %d: it is from 1 to 100", d->rounds);
    DNNI_REQUIRE(d->n_adam >= 0 && (d->adam || d->n_adam == 0), "desc.adam is %s, desc.n_adam %lld",
                 d->adam ? "given" : "NULL", (long long)d->n_adam);
    return DNN_OK;
}

/* Parameters that are no matrices for Muon. A pattern that matches nothing is a slip of the pen. */
static dnn_status leave_to_adam(muon *u, const dnn_muon_desc *d) {
    dnn_optimizer *o = &u->optimizer;
    for (int64_t k = 0; k < d->n_adam; k++) {
        bool found = false;
        DNNI_REQUIRE(d->adam[k], "desc.adam[%lld] is NULL", (long long)k);
        for (int64_t i = 0; i < o->n_slots; i++)
            if (dnni_path_matches(d->adam[k], o->slots[i].path)) {
                o->slots[i].rows = 0;
                found = true;
            }
        if (!found) return dnni_no_path_matches(d->adam[k], o->slots[0].path);
    }
    return DNN_OK;
}

static dnn_status make_work(muon *u) {
    dnn_optimizer *o = &u->optimizer;
    for (int64_t i = 0; i < o->n_slots; i++) {
        dnni_slot *slot = &o->slots[i];
        slot->n_states = slot->rows > 0 ? 1 : 2;
        if (slot->rows == 0 || dnni_count(&slot->array) == 0) continue;
        orthogonal matrix;
        int64_t bytes = lay_out(&matrix, dnni_env(o->base.ctx), dnni_type(slot->array.dtype), slot->rows,
                                dnni_count(&slot->array) / slot->rows, NULL);
        if (bytes > u->work_bytes) u->work_bytes = bytes;
    }
    u->work = dnni_alloc_raw(o->base.ctx, u->work_bytes, 1);
    return u->work ? dnni_optimizer_norm_work(o) : DNN_ERROR_MEMORY;
}

dnn_status dnn_muon_create(dnn_optimizer **out, dnn_module *module, const dnn_muon_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_muon_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(settle(&d));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 2e-2), .n_states = 2,
                                  .weight_decay = dnni_or_default(d.weight_decay, 0),
                                  .state_names = {"first_moment", "second_moment"}};
    muon *u = dnni_optimizer_new(module, &muon_class, sizeof *u, &setup);
    if (!u) return dnn_last_status();
    u->momentum = d.momentum;
    u->nesterov = !d.plain;
    u->rounds = d.rounds;
    u->epsilon = 1e-7;
    u->adam_factor = d.adam_factor;
    u->beta1 = d.beta1;
    u->beta2 = d.beta2;
    dnn_status status = leave_to_adam(u, &d);
    if (status == DNN_OK) status = make_work(u);
    if (status == DNN_OK) *out = &u->optimizer;
    else dnn_optimizer_release(&u->optimizer);
    return status;
}
