/* L-BFGS (Nocedal 1980; Liu and Nocedal 1989), with PyTorch's semantics. All parameters are one vector; what is frozen
 * has a gradient of 0, and stays.
 *
 * State: "moves" and "changes", (history_size + 1, all elements): the last moves s and the changes of the gradient y
 * that they made, as rings; their last rows are the direction and the gradient of the last iteration. "memory",
 * float64: the numbers below, and 1 / (y · s) of each pair. */
#include <math.h>
#include <string.h>

#include "hash/hash.h"
#include "optim/lbfgs.h"

enum { ITERATIONS, PAIRS, FIRST, STEP, DIAGONAL, LIVE, INVERSES }; /* in the memory; INVERSES and on: of the pairs */
enum { MEMORY, MOVES, CHANGES };                                   /* the shared state */

static double *memory_of(const dnni_lbfgs *b) { return b->optimizer.shared[MEMORY]->array.data; }

static dnni_flat row_of(const dnni_lbfgs *b, int which, int64_t row) {
    const dnn_array *a = &b->optimizer.shared[which]->array;
    dnni_flat first = {a->data, a->dims[1], a->dtype};
    return dnni_flat_row(&first, row);
}

/* The row of the i-th pair, from the oldest. */
static int64_t ring(const dnni_lbfgs *b, int64_t i) {
    return ((int64_t)memory_of(b)[FIRST] + i) % b->desc.history_size;
}

/* ---- parameters and gradients ---- */

static dnni_parameter *live_parameter(const dnni_lbfgs *b, const dnni_slot *slot) {
    dnni_parameter *p = b->index->parameters[slot->place].parameter;
    return p->frozen ? NULL : p;
}

/* Which parameters are not frozen, as a number: what is remembered holds for them alone. */
static double live_sign(const dnni_lbfgs *b) {
    uint64_t hash = 0;
    for (int64_t i = 0; i < b->optimizer.n_slots; i++) {
        bool live = live_parameter(b, &b->optimizer.slots[i]) != NULL;
        hash = dnnk_hash(hash, &live, sizeof live);
    }
    return (double)(hash >> 12);
}

typedef enum { READ_VALUES, READ_GRADIENTS, WRITE_VALUES } transfer;

static void transfer_slot(dnni_parameter *p, const dnni_flat *part, transfer what) {
    dnni_flat own = {p->value->array.data, part->n, part->dtype};
    if (what == READ_GRADIENTS) {
        dnni_tensor_settle(p->gradient);
        own.data = p->gradient->array.data;
    }
    if (what == WRITE_VALUES) {
        dnni_flat_copy(&own, part);
        dnni_tensor_written(p->value);
    } else {
        dnni_flat_copy(part, &own);
    }
}

static void move_between(const dnni_lbfgs *b, const dnni_flat *vector, transfer what) {
    int64_t from = 0;
    for (int64_t i = 0; i < b->optimizer.n_slots; i++) {
        const dnni_slot *slot = &b->optimizer.slots[i];
        dnni_flat part = dnni_flat_part(vector, from, dnni_count(&slot->array));
        dnni_parameter *p = live_parameter(b, slot);
        if (p) transfer_slot(p, &part, what);
        else dnni_flat_clear(&part);
        from += part.n;
    }
}

/* x + t d, in a gradient's place until the closure has made that gradient. */
dnn_status dnni_lbfgs_evaluate(dnni_lbfgs *b, const dnni_flat *d, dnni_line_point *point) {
    if (d) {
        dnni_flat_copy(&point->gradient, &b->work[DNNI_LBFGS_FROM]);
        dnni_flat_add(&point->gradient, point->t, d);
        move_between(b, &point->gradient, WRITE_VALUES);
    }
    uint64_t errors = dnni_error_count();
    point->loss = NAN;
    dnn_status status = b->closure(b->user, &point->loss);
    if (status != DNN_OK) return dnni_host_failed(status, errors, "closure");
    status = dnni_optimizer_look(&b->optimizer, &b->index);
    if (status != DNN_OK) b->index = NULL; /* the closure has changed the module: nothing can be put back */
    DNNI_TRY(status);
    move_between(b, &point->gradient, READ_GRADIENTS);
    b->evaluations++;
    return DNN_OK;
}

/* ---- the direction ---- */

static bool is_count(double value, int64_t end) { return value >= 0 && value < (double)end && value == floor(value); }

/* Whether what is remembered can be built on: the host may have written to it, or frozen something. */
static bool is_usable(const dnni_lbfgs *b) {
    const double *m = memory_of(b);
    return m[ITERATIONS] >= 1 && is_count(m[PAIRS], b->desc.history_size + 1) &&
           is_count(m[FIRST], b->desc.history_size) && m[LIVE] == live_sign(b);
}

static void begin_anew(const dnni_lbfgs *b) {
    double *m = memory_of(b);
    m[ITERATIONS] = m[PAIRS] = m[FIRST] = 0;
    m[DIAGONAL] = 1;
    m[LIVE] = live_sign(b);
}

/* The last move, and what it changed; the oldest pair makes room. A pair without curvature is left out. */
static void remember(const dnni_lbfgs *b, const dnni_flat *gradient) {
    double *m = memory_of(b);
    int64_t last = b->desc.history_size, pairs = (int64_t)m[PAIRS];
    dnni_flat d = row_of(b, MOVES, last), before = row_of(b, CHANGES, last);
    dnni_flat_scale(&d, m[STEP], &d);
    dnni_flat_scale(&before, -1, &before);
    dnni_flat_add(&before, 1, gradient);
    double curvature = dnni_flat_dot(&before, &d);
    if (!(curvature > 1e-10)) return;
    int64_t row = ring(b, pairs);
    dnni_flat s = row_of(b, MOVES, row), y = row_of(b, CHANGES, row);
    dnni_flat_copy(&s, &d);
    dnni_flat_copy(&y, &before);
    m[INVERSES + row] = 1 / curvature;
    m[DIAGONAL] = curvature / dnni_flat_dot(&y, &y);
    if (pairs < last) m[PAIRS]++;
    else m[FIRST] = (double)((row + 1) % last);
}

/* d = - H g in two loops over the pairs (Nocedal and Wright 2006, algorithm 7.4); each pair's share is kept between
 * them where its inverse is, behind those. */
static void apply_inverse(const dnni_lbfgs *b, const dnni_flat *d) {
    double *m = memory_of(b), *shares = m + INVERSES + b->desc.history_size;
    int64_t pairs = (int64_t)m[PAIRS];
    for (int64_t i = pairs - 1; i >= 0; i--) {
        int64_t row = ring(b, i);
        dnni_flat s = row_of(b, MOVES, row), y = row_of(b, CHANGES, row);
        shares[i] = dnni_flat_dot(&s, d) * m[INVERSES + row];
        dnni_flat_add(d, -shares[i], &y);
    }
    dnni_flat_scale(d, m[DIAGONAL], d);
    for (int64_t i = 0; i < pairs; i++) {
        int64_t row = ring(b, i);
        dnni_flat s = row_of(b, MOVES, row), y = row_of(b, CHANGES, row);
        dnni_flat_add(d, shares[i] - dnni_flat_dot(&y, d) * m[INVERSES + row], &s);
    }
}

/* Into the last row of the moves; and the length that is tried first. */
static dnni_flat choose_direction(const dnni_lbfgs *b, const dnni_flat *gradient) {
    double *m = memory_of(b), rate = dnni_optimizer_rate(&b->optimizer);
    if (!is_usable(b)) begin_anew(b);
    else remember(b, gradient);
    dnni_flat d = row_of(b, MOVES, b->desc.history_size), before = row_of(b, CHANGES, b->desc.history_size);
    dnni_flat_scale(&d, -1, gradient);
    apply_inverse(b, &d);
    dnni_flat_copy(&before, gradient);
    m[STEP] = m[ITERATIONS]++ == 0 ? fmin(1, 1 / dnni_flat_sum(gradient)) * rate : rate;
    return d;
}

/* ---- a step ---- */

static dnn_status check_finite(const dnni_lbfgs *b, const dnni_line_point *point) {
    if (isfinite(point->loss) && isfinite(dnni_flat_most(&point->gradient))) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the loss is %g%s in evaluation %lld, no step was made (after %lld steps)",
                      point->loss, isfinite(point->loss) ? ", and its gradient not finite," : "",
                      (long long)b->evaluations, (long long)*dnni_steps(b->optimizer.steps));
}

/* Without a search: as far as the rate says; the loss there is only wanted for another iteration. */
static dnn_status move(dnni_lbfgs *b, const dnni_flat *d, bool is_last, dnni_line_point *point) {
    point->t = memory_of(b)[STEP];
    if (!is_last) return dnni_lbfgs_evaluate(b, d, point);
    dnni_flat_copy(&point->gradient, &b->work[DNNI_LBFGS_FROM]);
    dnni_flat_add(&point->gradient, point->t, d);
    move_between(b, &point->gradient, WRITE_VALUES);
    return DNN_OK;
}

/* The parameters end where the search did, its gradient in the first place. */
static dnn_status search(dnni_lbfgs *b, const dnni_flat *d, dnni_line_point *point) {
    dnni_flat first = b->work[DNNI_LBFGS_GRADIENTS], *to = &b->work[DNNI_LBFGS_GRADIENTS + 1];
    DNNI_TRY(dnni_lbfgs_search(b, d, memory_of(b)[STEP], b->desc.max_eval - b->evaluations, point));
    if (point->gradient.data != first.data) dnni_flat_copy(&first, &point->gradient);
    point->gradient = first;
    memory_of(b)[STEP] = point->t;
    dnni_flat_copy(to, &b->work[DNNI_LBFGS_FROM]);
    dnni_flat_add(to, point->t, d);
    move_between(b, to, WRITE_VALUES);
    return DNN_OK;
}

/* One iteration; *over: there is no use in another. */
static dnn_status iterate(dnni_lbfgs *b, int64_t number, dnni_line_point *point, bool *over) {
    const dnn_lbfgs_desc *set = &b->desc;
    double before = point->loss;
    dnni_flat d = choose_direction(b, &point->gradient);
    point->t = 0;
    point->slope = dnni_flat_dot(&point->gradient, &d);
    *over = point->slope > -set->tolerance_change;
    if (*over) return DNN_OK;
    bool is_last = number == set->max_iter;
    move_between(b, &b->work[DNNI_LBFGS_FROM], READ_VALUES);
    DNNI_TRY(set->strong_wolfe ? search(b, &d, point) : move(b, &d, is_last, point));
    *over = is_last;
    if (is_last && !set->strong_wolfe) return DNN_OK; /* nothing was evaluated */
    DNNI_TRY(check_finite(b, point));
    *over = *over || b->evaluations >= set->max_eval || dnni_flat_most(&point->gradient) <= set->tolerance_grad ||
            dnni_flat_most(&d) * point->t <= set->tolerance_change ||
            fabs(point->loss - before) < set->tolerance_change;
    return DNN_OK;
}

static dnn_status run(dnni_lbfgs *b, double *loss) {
    dnni_line_point point = {.gradient = b->work[DNNI_LBFGS_GRADIENTS]};
    bool over = false;
    b->evaluations = 0;
    DNNI_TRY(dnni_lbfgs_evaluate(b, NULL, &point));
    DNNI_TRY(dnni_optimizer_look_at_gradients(&b->optimizer, b->index));
    DNNI_TRY(check_finite(b, &point));
    *loss = point.loss;
    if (dnni_flat_most(&point.gradient) <= b->desc.tolerance_grad) return DNN_OK;
    for (int64_t number = 1; number <= b->desc.max_iter && !over; number++)
        DNNI_TRY(iterate(b, number, &point, &over));
    return DNN_OK;
}

/* On failure the parameters are where they were, and what was learnt about the curvature is forgotten. */
static dnn_status step(dnn_optimizer *optimizer, const dnni_index *index, dnni_closure closure, void *user,
                       double *loss) {
    dnni_lbfgs *b = (dnni_lbfgs *)optimizer;
    b->index = index;
    b->closure = closure;
    b->user = user;
    move_between(b, &b->work[DNNI_LBFGS_START], READ_VALUES);
    dnn_status status = run(b, loss);
    if (status == DNN_OK) return DNN_OK;
    if (b->index) move_between(b, &b->work[DNNI_LBFGS_START], WRITE_VALUES);
    memory_of(b)[ITERATIONS] = 0;
    return status;
}

/* ---- making ---- */

static void destroy(dnn_optimizer *optimizer) {
    dnni_lbfgs *b = (dnni_lbfgs *)optimizer;
    dnni_free(optimizer->base.ctx, b->memory, b->memory_bytes, 1);
}

static const dnni_optimizer_class lbfgs_class = {.step = step, .destroy = destroy};

static dnn_status settle(dnn_lbfgs_desc *d) {
    if (d->max_iter == 0) d->max_iter = 20;
    if (d->max_eval == 0) d->max_eval = d->max_iter + d->max_iter / 4;
    if (d->history_size == 0) d->history_size = 100;
    d->tolerance_grad = dnni_or_default(d->tolerance_grad, 1e-7);
    d->tolerance_change = dnni_or_default(d->tolerance_change, 1e-9);
    DNNI_TRY(dnni_check_rate(d->tolerance_grad, "desc.tolerance_grad"));
    DNNI_TRY(dnni_check_rate(d->tolerance_change, "desc.tolerance_change"));
    DNNI_REQUIRE(d->max_iter >= 1 && d->max_iter <= INT32_MAX, "desc.max_iter is %lld: it is at least 1",
                 (long long)d->max_iter);
    DNNI_REQUIRE(d->max_eval >= 1 && d->max_eval <= INT32_MAX, "desc.max_eval is %lld: it is at least 1",
                 (long long)d->max_eval);
    DNNI_REQUIRE(d->history_size >= 1 && d->history_size <= 10000, "desc.history_size is %lld: it is from 1 to 10000",
                 (long long)d->history_size);
    return DNN_OK;
}

static dnn_status count_elements(const dnn_optimizer *o, int64_t *n) {
    *n = 0;
    for (int64_t i = 0; i < o->n_slots; i++) {
        if (o->slots[i].array.dtype != o->slots[0].array.dtype)
            return dnni_error(DNN_ERROR_DTYPE, "L-BFGS takes all parameters as one vector: %s is %s, %s is %s",
                              o->slots[0].path, dnn_dtype_name(o->slots[0].array.dtype), o->slots[i].path,
                              dnn_dtype_name(o->slots[i].array.dtype));
        if (!dnni_add(*n, dnni_count(&o->slots[i].array), n)) return dnni_out_of_memory();
    }
    return DNN_OK;
}

static dnn_status make_shared(dnn_optimizer *o, int which, const char *name, dnn_dtype dtype, int32_t rank,
                              const int64_t *dims) {
    dnn_array array;
    DNNI_TRY(dnni_make_array(&array, dtype, rank, dims));
    DNNI_TRY(dnni_tensor_like(&o->shared[which], o->base.ctx, &array));
    dnni_tensor_lend(o->shared[which]);
    o->shared_names[which] = name;
    return DNN_OK;
}

static dnn_status make_state(dnni_lbfgs *b) {
    dnn_optimizer *o = &b->optimizer;
    int64_t n, bytes, history = b->desc.history_size, numbers = INVERSES + 2 * history;
    dnn_dtype dtype = o->slots[0].array.dtype;
    DNNI_TRY(count_elements(o, &n));
    DNNI_TRY(make_shared(o, MEMORY, "memory", DNN_F64, 1, &numbers));
    DNNI_TRY(make_shared(o, MOVES, "moves", dtype, 2, (const int64_t[]){history + 1, n}));
    DNNI_TRY(make_shared(o, CHANGES, "changes", dtype, 2, (const int64_t[]){history + 1, n}));
    if (!dnni_mul(n, DNNI_LBFGS_WORK * dnn_dtype_size(dtype), &bytes)) return dnni_out_of_memory();
    b->memory = dnni_alloc_raw(o->base.ctx, bytes, 1);
    if (!b->memory) return DNN_ERROR_MEMORY;
    b->memory_bytes = bytes;
    dnni_flat first = {b->memory, n, dtype};
    for (int k = 0; k < DNNI_LBFGS_WORK; k++) b->work[k] = dnni_flat_row(&first, k);
    return DNN_OK;
}

dnn_status dnn_lbfgs_create(dnn_optimizer **out, dnn_module *module, const dnn_lbfgs_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_lbfgs_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(settle(&d));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1)};
    dnni_lbfgs *b = dnni_optimizer_new(module, &lbfgs_class, sizeof *b, &setup);
    if (!b) return dnn_last_status();
    b->desc = d;
    dnn_status status = make_state(b);
    if (status == DNN_OK) *out = &b->optimizer;
    else dnn_optimizer_release(&b->optimizer);
    return status;
}
