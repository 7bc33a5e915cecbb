/* Derivatives by differences, each with an error bar. */
#include <float.h>
#include <math.h>

#include "check/problem.h"
#include "rng/rng.h"

enum { HALVINGS = 6, RIDDERS_STEPS = 12 };

/* ---- directions ---- */

static double component(const check_direction *d, int64_t i) { return d->u ? d->u[i] : 1; }

check_direction dnni_gradcheck_axis(check_tensor *tensor, int64_t element) {
    return (check_direction){.tensor = tensor, .first = element, .last = element + 1};
}

/* Signs come from the bits of the random words. */
static void draw_signs(uint64_t seed, uint64_t stream, int64_t n, double *u) {
    dnnk_philox_block block = {{0}};
    for (int64_t i = 0; i < n; i++) {
        if (i % 128 == 0) block = dnnk_random_block(seed, stream, (uint64_t)i / 128);
        u[i] = block.word[i / 32 % 4] >> (i % 32) & 1 ? 1 : -1;
    }
}

static void bring_to_unit_length(double *u, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += u[i] * u[i];
    for (int64_t i = 0; i < n && sum > 0; i++) u[i] /= sqrt(sum);
}

check_direction dnni_gradcheck_random(check_problem *p, check_tensor *tensor, bool gaussian, int64_t number) {
    int64_t n = tensor->count;
    uint64_t stream = dnni_gradcheck_stream(CHECK_DIRECTIONS, tensor->number, 2 * number + gaussian);
    if (gaussian) dnnk_fill_normal(dnni_env(p->ctx), DNNK_F64, p->seed, stream, 0, 1, n, p->u);
    else draw_signs(p->seed, stream, n, p->u);
    bring_to_unit_length(p->u, n);
    return (check_direction){.tensor = tensor, .u = p->u, .last = n};
}

double dnni_gradcheck_along(const check_direction *d, const double *gradient) {
    double sum = 0;
    for (int64_t i = d->first; i < d->last; i++) sum += gradient[i] * component(d, i);
    return sum;
}

/* Moves x by t along the direction. Returns by how much it moved: x + t is rounded, and along one axis that is
 * known. */
static double move(const check_direction *d, double t) {
    double *x = d->tensor->array.data, moved = t;
    for (int64_t i = d->first; i < d->last; i++) {
        double u = component(d, i), origin = d->tensor->home[i] + d->offset * u;
        x[i] = origin + t * u;
        if (!d->u) moved = x[i] - origin;
    }
    return moved;
}

void dnni_gradcheck_stand(const check_direction *d) { move(d, 0); }

/* The size of the numbers that move: 1 at least. And what rounding them does to a slope: ε·√Σ(gradient·x)². */
static double size_of_x(const check_direction *d) {
    double sum = 0;
    for (int64_t i = d->first; i < d->last; i++) sum += d->tensor->home[i] * d->tensor->home[i];
    return fmax(1, sqrt(sum / (double)(d->last - d->first)));
}

static double rounding_of_x(const check_direction *d) {
    if (!d->u) return 0;
    double sum = 0;
    for (int64_t i = d->first; i < d->last; i++) sum += pow(d->tensor->home[i] * d->tensor->analytic[i], 2);
    return DBL_EPSILON * sqrt(sum);
}

/* ---- one difference ---- */

/* f(a) - f(b), output by output, so that those which do not depend on x add no rounding error; and its noise. Outputs
 * that did not change may still have been rounded to what they were: hence a part of the noise of all. */
static double difference(const check_problem *p, const check_point *a, const check_point *b, double *noise) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < p->n_observed; i++) {
        if (a->y[i] == b->y[i]) continue;
        sum += p->weights[i] * (a->y[i] - b->y[i]);
        squares += pow(p->weights[i] * p->noise[i], 2);
    }
    *noise = fmax(sqrt(squares), p->total_noise / 8);
    return sum;
}

typedef struct central {
    double slope, noise, gap, f_minus, f_plus;
    bool same_choices;
} central;

static void compare_points(const check_problem *p, const check_direction *d, double up, double down, central *c) {
    double right_noise, left_noise;
    double right = difference(p, &p->plus, p->centre, &right_noise),
           left = difference(p, p->centre, &p->minus, &left_noise);
    c->slope = difference(p, &p->plus, &p->minus, &c->noise) / (up - down);
    c->noise = (fmax(c->noise, fmax(right_noise, left_noise)) + rounding_of_x(d)) / (up - down);
    c->gap = fabs(right / up - left / -down);
    c->f_plus = dnni_gradcheck_value(p, &p->plus);
    c->f_minus = dnni_gradcheck_value(p, &p->minus);
    c->same_choices = p->plus.choices == p->centre->choices && p->minus.choices == p->centre->choices;
}

static dnn_status take(check_problem *p, const check_direction *d, double h, central *c) {
    double up = move(d, h);
    dnn_status status = dnni_gradcheck_observe(p, &p->plus);
    double down = move(d, -h);
    if (status == DNN_OK) status = dnni_gradcheck_observe(p, &p->minus);
    move(d, 0);
    if (status == DNN_OK) compare_points(p, d, up, down, c);
    return status;
}

/* ---- estimates ---- */

/* ε^(1/3), which balances the error of the series against that of rounding. */
static double first_step(const check_direction *d) { return 6.055454452393343e-6 * size_of_x(d); }

dnn_status dnni_gradcheck_richardson(check_problem *p, const check_direction *d, int first, check_slope *slope,
                                     bool *found) {
    central whole, half;
    double h = ldexp(first_step(d), -first);
    *found = false;
    for (int k = first; k <= HALVINGS; k++, h /= 2) {
        DNNI_TRY(take(p, d, h, &whole));
        if (!whole.same_choices) continue;
        DNNI_TRY(take(p, d, h / 2, &half));
        if (!half.same_choices) continue;
        *slope = (check_slope){.value = (4 * half.slope - whole.slope) / 3,
                               .error = fabs(whole.slope - half.slope) + half.noise,
                               .h = h,
                               .f_minus = whole.f_minus,
                               .f_plus = whole.f_plus,
                               .gap = whole.gap,
                               .half_gap = half.gap,
                               .change = fabs(whole.slope - half.slope),
                               .gap_noise = 4 * half.noise,
                               .near_kink = k > 0};
        *found = true;
        return DNN_OK;
    }
    return DNN_OK;
}

/* One more row of the tableau: row[0] is the slope at the new h, row[j] extrapolated from j + 1 steps (h halves from
 * row to row, and the error series has even powers: 4^j). The best estimate so far goes to *slope. */
static void extrapolate(double tableau[2][RIDDERS_STEPS], int n, const central *c, double h, check_slope *slope) {
    double *row = tableau[n % 2], *above = tableau[(n + 1) % 2], power = 1;
    row[0] = c->slope;
    for (int j = 1; j <= n; j++) {
        power *= 4;
        row[j] = row[j - 1] + (row[j - 1] - above[j - 1]) / (power - 1);
        double error = fmax(fabs(row[j] - row[j - 1]), fabs(row[j] - above[j - 1])) + 2 * c->noise;
        if (!(error < slope->error) && isfinite(slope->error)) continue;
        slope->value = row[j];
        slope->error = error;
        slope->h = h;
        slope->f_minus = c->f_minus;
        slope->f_plus = c->f_plus;
    }
}

dnn_status dnni_gradcheck_ridders(check_problem *p, const check_direction *d, check_slope *slope) {
    double tableau[2][RIDDERS_STEPS], h = 64 * first_step(d);
    int n = 0;
    for (int k = 0; k < RIDDERS_STEPS; k++, h /= 2) {
        central c;
        DNNI_TRY(take(p, d, h, &c));
        if (!c.same_choices || !isfinite(c.slope)) n = 0;
        else extrapolate(tableau, n++, &c, h, slope);
    }
    return DNN_OK;
}

bool dnni_gradcheck_looks_kinked(const check_slope *s) {
            bool halves = s->half_gap > 0.3 * s->gap && s->half_gap < 0.7 * s->gap;
    bool stays = s->change < 0.1 * s->gap;
    return fmax(s->gap, s->half_gap) > 2 * s->gap_noise && !(halves && stays);
}
