/* One entry: backward's derivative against that of differences, and the verdict. */
#include <math.h>

#include "check/problem.h"
#include "rng/rng.h"

enum { MOVES = 2, MOST_HALVINGS = 6 };

/* A step that was cut short for a kink leaves less to see. */
#define KINK_TOLERANCE 1e-4

static double tolerance_of(const check_problem *p, const check_slope *s) {
    return s->near_kink ? fmax(p->tolerance, KINK_TOLERANCE) : p->tolerance;
}

static dnn_check_verdict judge(const check_problem *p, double a, const check_slope *s, double scale) {
    double n = s->value, tolerance = tolerance_of(p, s), own = fmax(fabs(a), fabs(n));
    if (!isfinite(n)) return DNN_CHECK_INCONCLUSIVE;
    if (!isfinite(a)) return DNN_CHECK_FAIL;
    if (!isfinite(s->error)) return DNN_CHECK_INCONCLUSIVE;
    if (fabs(a - n) > fmax(tolerance * own, 10 * s->error)) return DNN_CHECK_FAIL;
    return s->error > tolerance * fmax(own, scale) ? DNN_CHECK_INCONCLUSIVE : DNN_CHECK_PASS;
}

/* Kinks that no layer reported: cut the step until the slopes on both sides come together. */
static dnn_status look_for_kink(check_problem *p, const check_direction *d, check_slope *slope, bool *found) {
    check_slope s = *slope;
    for (int k = 1; k <= MOST_HALVINGS && *found && dnni_gradcheck_looks_kinked(&s); k++)
        DNNI_TRY(dnni_gradcheck_richardson(p, d, k, &s, found));
    if (*found && s.near_kink) *slope = s;
    if (*found && dnni_gradcheck_looks_kinked(&s)) *found = false;
    return DNN_OK;
}

/* The verdict at the point where the direction stands; KINK if no step there is free of kinks. */
static dnn_status compare(check_problem *p, const check_direction *d, double a, double scale, check_slope *slope,
                          dnn_check_verdict *verdict) {
    bool found;
    *verdict = DNN_CHECK_KINK;
    DNNI_TRY(dnni_gradcheck_richardson(p, d, 0, slope, &found));
    if (!found) return DNN_OK;
    *verdict = judge(p, a, slope, scale);
    if (*verdict == DNN_CHECK_PASS) return DNN_OK;
    check_slope plain = *slope;
    DNNI_TRY(dnni_gradcheck_ridders(p, d, slope));
    *verdict = judge(p, a, slope, scale);
    if (*verdict == DNN_CHECK_PASS || !dnni_gradcheck_looks_kinked(&plain)) return DNN_OK;
    DNNI_TRY(look_for_kink(p, d, &plain, &found));
    *verdict = found ? judge(p, a, &plain, scale) : DNN_CHECK_KINK;
    *slope = plain;
    return DNN_OK;
}

static void multi_index(const check_tensor *t, int64_t flat, int64_t *index) {
    for (int32_t i = t->array.rank - 1; i >= 0; i--) {
        index[i] = flat % t->array.dims[i];
        flat /= t->array.dims[i];
    }
}

static void fill(const check_direction *d, double a, const check_slope *s, double scale, dnn_check_verdict verdict,
                 dnn_check_entry *e) {
    const check_tensor *t = d->tensor;
    *e = (dnn_check_entry){DNN_SIZED(dnn_check_entry),
                           .path = t->path,
                           .verdict = verdict,
                           .is_direction = d->u != NULL,
                           .rank = t->array.rank,
                           .x = t->home[d->first] + (d->u ? 0 : d->offset),
                           .analytic = a,
                           .numeric = s->value,
                           .error_bar = s->error,
                           .error = fabs(a - s->value),
                           .h = s->h,
                           .f_minus = s->f_minus,
                           .f_plus = s->f_plus};
    multi_index(t, d->first, e->index);
    e->relative_error = e->error == 0 ? 0 : e->error / fmax(scale, fmax(fabs(a), fabs(s->value)));
    if (isnan(e->relative_error)) e->relative_error = (double)INFINITY;
}

/* To a point nearby, along the direction itself, where gradient and centre are taken anew. */
static dnn_status move_away(check_problem *p, check_direction *d, int number, double *a) {
    uint64_t stream = dnni_gradcheck_stream(CHECK_MOVES, d->tensor->number, number);
    double u = 2 * dnnk_random_uniform(p->seed, stream, (uint64_t)d->first) - 1;
    d->offset = copysign(1e-3 * (1 + fabs(u)), u);
    dnni_gradcheck_stand(d);
    DNNI_TRY(p->differentiate(p));
    *a = dnni_gradcheck_along(d, d->tensor->gradient);
    p->centre = &p->moved;
    return dnni_gradcheck_observe(p, &p->moved);
}

static dnn_status compare_elsewhere(check_problem *p, check_direction *d, double scale, double *a, check_slope *slope,
                                    dnn_check_verdict *verdict) {
    dnn_status status = DNN_OK;
    for (int i = 0; i < MOVES && status == DNN_OK && *verdict == DNN_CHECK_KINK; i++) {
        status = move_away(p, d, i, a);
        if (status == DNN_OK) status = compare(p, d, *a, scale, slope, verdict);
    }
    p->centre = &p->base;
    return status;
}

dnn_status dnni_gradcheck_entry(check_problem *p, check_direction *d, double scale, dnn_check_entry *entry) {
    check_slope slope = {.value = (double)NAN, .error = (double)NAN};
    dnn_check_verdict verdict;
    double a = dnni_gradcheck_along(d, d->tensor->analytic);
    dnn_status status = compare(p, d, a, scale, &slope, &verdict);
    if (status == DNN_OK && verdict == DNN_CHECK_KINK)
        status = compare_elsewhere(p, d, scale, &a, &slope, &verdict);
    if (status == DNN_OK) fill(d, a, &slope, scale, verdict, entry);
    d->offset = 0;
    dnni_gradcheck_stand(d);
    return status;
}

bool dnni_gradcheck_worse(const dnn_check_entry *a, const dnn_check_entry *b) {
    if (a->verdict != b->verdict) return a->verdict > b->verdict;
    return a->relative_error > b->relative_error;
}
