#include "check/problem.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "rng/rng.h"

static dnn_status new_point(check_problem *p, check_point *point) {
    point->y = dnni_pool_alloc(p->pool, p->n_observed, sizeof(double));
    return point->y ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_gradcheck_make_room(check_problem *p, int64_t n_observed) {
    p->n_observed = n_observed;
    p->weights = dnni_pool_alloc(p->pool, n_observed, sizeof(double));
    p->noise = dnni_pool_alloc(p->pool, n_observed, sizeof(double));
    if (!p->weights || !p->noise) return DNN_ERROR_MEMORY;
    DNNI_TRY(new_point(p, &p->base));
    DNNI_TRY(new_point(p, &p->plus));
    DNNI_TRY(new_point(p, &p->minus));
    DNNI_TRY(new_point(p, &p->moved));
    p->centre = &p->base;
    return DNN_OK;
}

void dnni_gradcheck_go_home(check_tensor *t) {
    if (t->count > 0) memcpy(t->array.data, t->home, (size_t)t->count * sizeof(double));
}

double dnni_gradcheck_value(const check_problem *p, const check_point *point) {
    double sum = 0;
    for (int64_t i = 0; i < p->n_observed; i++) sum += p->weights[i] * point->y[i];
    return sum;
}

/* Every value moved by at most one unit in the last place. */
static void shake(const check_problem *p, check_tensor *t, int64_t draw) {
    double *x = t->array.data;
    uint64_t stream = dnni_gradcheck_stream(CHECK_NOISE, t->number, draw);
    for (int64_t i = 0; i < t->count; i++)
        x[i] = t->home[i] * (1 + DBL_EPSILON * (2 * dnnk_random_uniform(p->seed, stream, (uint64_t)i) - 1));
}

/* The noise of f is that of its own rounding, and what rounding errors become on their way through the network. The
 * latter shows when all values are moved in their last place (after the stochastic arithmetic of Vignes 1993). */
static dnn_status measure_noise(check_problem *p) {
    for (int64_t i = 0; i < p->n_observed; i++) p->noise[i] = 2 * DBL_EPSILON * fabs(p->base.y[i]);
    for (int64_t draw = 0; draw < 2; draw++) {
        for (int64_t t = 0; t < p->n_tensors; t++) shake(p, &p->tensors[t], draw);
        dnn_status status = dnni_gradcheck_observe(p, &p->plus);
        for (int64_t t = 0; t < p->n_tensors; t++) dnni_gradcheck_go_home(&p->tensors[t]);
        DNNI_TRY(status);
        for (int64_t i = 0; i < p->n_observed; i++)
            p->noise[i] = fmax(p->noise[i], 2 * fabs(p->plus.y[i] - p->base.y[i]));
    }
    return DNN_OK;
}

static void copy_gradients(check_problem *p) {
    for (int64_t i = 0; i < p->n_tensors; i++) {
        check_tensor *t = &p->tensors[i];
        if (t->count > 0) memcpy(t->analytic, t->gradient, (size_t)t->count * sizeof(double));
    }
}

static double weighted_length(const check_problem *p, const double *numbers) {
    double sum = 0;
    for (int64_t i = 0; i < p->n_observed; i++) sum += pow(p->weights[i] * numbers[i], 2);
    return sqrt(sum);
}

dnn_status dnni_gradcheck_measure(check_problem *p) {
    DNNI_TRY(p->differentiate(p));
    copy_gradients(p);
    DNNI_TRY(dnni_gradcheck_observe(p, &p->base));
    DNNI_TRY(measure_noise(p));
    p->scale = weighted_length(p, p->base.y);
    p->total_noise = weighted_length(p, p->noise);
    return DNN_OK;
}
