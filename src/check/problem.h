/* What is checked, in the abstract: numbers y[0..n) observed as a function of some tensors, f = Σ w·y, and the gradient
 * of f that the code under test gives. A module is one kind of problem (network.c), a loss alone another (loss.c). */
#ifndef DNNI_CHECK_PROBLEM_H
#define DNNI_CHECK_PROBLEM_H

#include <dnn/check.h>

#include "core/tensor.h"

/* A tensor by which f is differentiated. */
typedef struct check_tensor {
    const char *path;
    dnn_array array; /* float64; data: the values that the code under test reads, moved about by the check */
    int64_t count;
    double *home;            /* where they stand otherwise */
    double *analytic;        /* the gradient at home */
    const double *gradient;  /* the one of the last differentiate(), lent */
    bool shared;             /* its layer is used more than once in the network */
    bool selected;
    double float32_error; /* NaN: not measured */
    int64_t number; /* among all tensors of the problem: keys its random numbers */
} check_tensor;

/* What one evaluation gave. */
typedef struct check_point {
    double *y; /* of n_observed */
    uint64_t choices;
} check_point;

typedef struct check_problem check_problem;
struct check_problem {
    dnn_context *ctx;
    dnni_pool *pool;
    check_tensor *tensors;
    int64_t n_tensors;
    int64_t n_observed;
    double *weights; /* of n_observed */
    double *noise;   /* of n_observed: how far rounding moves each of them */
    double total_noise; /* √Σ (w noise)² */
    double scale;       /* √Σ (w y)²: what f amounts to */
    check_point base, plus, minus, moved;
    const check_point *centre; /* base, or moved */
    int64_t evaluations;
    double *u; /* room for one direction */
    double tolerance;
    uint64_t seed;
    dnn_status (*observe)(check_problem *problem, double *y, uint64_t *choices);
    dnn_status (*differentiate)(check_problem *problem); /* sets tensors[].gradient */
    void *self;
};

static inline dnn_status dnni_gradcheck_observe(check_problem *p, check_point *point) {
    p->evaluations++;
    point->choices = 0;
    return p->observe(p, point->y, &point->choices);
}

/* Room for the points, weights and noise of n_observed numbers. */
dnn_status dnni_gradcheck_make_room(check_problem *problem, int64_t n_observed);

/* Measures: the base point, the analytic gradients at home, scale and noise. Weights are set. */
dnn_status dnni_gradcheck_measure(check_problem *problem);

void dnni_gradcheck_go_home(check_tensor *tensor);

/* f at a point. */
double dnni_gradcheck_value(const check_problem *problem, const check_point *point);

/* Streams of random numbers for different ends; (seed, stream, index) as in rng.h. */
typedef enum check_stream { CHECK_WEIGHTS = 1, CHECK_NOISE, CHECK_SAMPLES, CHECK_DIRECTIONS, CHECK_MOVES } check_stream;
static inline uint64_t dnni_gradcheck_stream(check_stream stream, int64_t tensor, int64_t number) {
    return (UINT64_C(0xc4ec) << 48) + ((uint64_t)stream << 44) + ((uint64_t)tensor << 20) + (uint64_t)number;
}

/* ---- one derivative ---- */

/* Which way x moves: along one axis, or by u[i] in the elements first ≤ i < last, where all of u has unit length. */
typedef struct check_direction {
    check_tensor *tensor;
    const double *u; /* NULL: one axis */
    int64_t first, last;
    double offset; /* where along it the point is that is looked at: 0 is home */
} check_direction;

check_direction dnni_gradcheck_axis(check_tensor *tensor, int64_t element);

/* A random direction, of signs or normal numbers, in the problem's u: one at a time. */
check_direction dnni_gradcheck_random(check_problem *problem, check_tensor *tensor, bool gaussian, int64_t number);

/* Puts x where the direction's offset says: home, if that is 0. */
void dnni_gradcheck_stand(const check_direction *d);

/* The derivative along it according to a gradient of its tensor. */
double dnni_gradcheck_along(const check_direction *d, const double *gradient);

/* What differences say of it. */
typedef struct check_slope {
    double value, error, h, f_minus, f_plus;
    double gap, half_gap;  /* between the slopes on both sides, at h and at h/2 */
    double gap_noise;      /* of half_gap */
    double change;         /* of the slope itself, from h to h/2 */
    bool near_kink;        /* h had to be halved */
} check_slope;

/* Richardson's estimate at the first of seven steps, each half of the one before, that crosses no choice; from step
 * number `first`. *found: there is one. */
dnn_status dnni_gradcheck_richardson(check_problem *problem, const check_direction *d, int first, check_slope *slope,
                                     bool *found);

/* Ridders' estimate, put into *slope where its error is smaller. */
dnn_status dnni_gradcheck_ridders(check_problem *problem, const check_direction *d, check_slope *slope);

/* Whether the gap between the slopes on both sides fails to halve with h: it stays where x lies on a kink, and vanishes
 * where the step does not reach a kink any more. In between it may halve by chance, but then the slope changes too. */
bool dnni_gradcheck_looks_kinked(const check_slope *slope);

/* ---- one entry ---- */

/* Compares one derivative; the entry is filled but for its phase. `scale` is the size of derivatives that matters: S
 * but for the entry's own. */
dnn_status dnni_gradcheck_entry(check_problem *problem, check_direction *d, double scale, dnn_check_entry *entry);

/* Whether entry a is worse than b. */
bool dnni_gradcheck_worse(const dnn_check_entry *a, const dnn_check_entry *b);

#endif
