#include "base/body.h"

#include "optim/optim.h"

/* ---- SGD: the rule's numbers in the parameters' own type ---- */

typedef struct {
    real rate, momentum, fresh, weight_decay, scale; /* fresh = 1 - dampening, the weight of the new gradient */
    bool nesterov;
} sgd_numbers;

static sgd_numbers sgd_round(const dnnk_sgd *r) {
    return (sgd_numbers){.rate = (real)r->rate, .momentum = (real)r->momentum, .fresh = (real)(1 - r->dampening),
                         .weight_decay = (real)r->weight_decay, .scale = (real)r->grad_scale,
                         .nesterov = r->nesterov};
}

static void sgd_plain(sgd_numbers k, const real *restrict grad, real *restrict p, int64_t n) {
    for (int64_t i = 0; i < n; i++) p[i] -= k.rate * (k.scale * grad[i] + k.weight_decay * p[i]);
}

static void sgd_first(sgd_numbers k, const real *restrict grad, real *restrict p, real *restrict buffer, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real g = k.scale * grad[i] + k.weight_decay * p[i];
        buffer[i] = g;
        p[i] -= k.rate * (k.nesterov ? g + k.momentum * g : g);
    }
}

static void sgd_momentum(sgd_numbers k, const real *restrict grad, real *restrict p, real *restrict buffer,
                         int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real g = k.scale * grad[i] + k.weight_decay * p[i];
        real b = k.momentum * buffer[i] + k.fresh * g;
        buffer[i] = b;
        p[i] -= k.rate * (k.nesterov ? g + k.momentum * b : b);
    }
}

static void sgd(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_sgd *rule = of;
    sgd_numbers k = sgd_round(rule);
    const real *grad = (const real *)s->grad + begin;
    real *p = (real *)s->param + begin;
    if (rule->momentum == 0)
        sgd_plain(k, grad, p, end - begin);
    else if (s->step == 1)
        sgd_first(k, grad, p, (real *)s->state[0] + begin, end - begin);
    else
        sgd_momentum(k, grad, p, (real *)s->state[0] + begin, end - begin);
}

/* ---- Adam, AdamW ---- */

typedef struct {
    real beta1, fresh1, beta2, fresh2, epsilon, step_size, root2; /* fresh = 1 - beta; root2 = sqrt(1 - beta2^step) */
    real keep, weight_decay, scale;                               /* keep = 1 - rate * weight_decay, or 1 for Adam */
} adam_numbers;

static adam_numbers adam_round(const dnnk_adam *r, int64_t step) {
    double decay = r->decoupled ? r->rate * r->weight_decay : 0;
    return (adam_numbers){.beta1 = (real)r->beta1, .fresh1 = (real)(1 - r->beta1),
                          .beta2 = (real)r->beta2, .fresh2 = (real)(1 - r->beta2), .epsilon = (real)r->epsilon,
                          .step_size = (real)(r->rate / (1 - pow(r->beta1, (double)step))),
                          .root2 = (real)sqrt(1 - pow(r->beta2, (double)step)), .keep = (real)(1 - decay),
                          .weight_decay = (real)(r->decoupled ? 0 : r->weight_decay), .scale = (real)r->grad_scale};
}

static void adam_update(adam_numbers k, const real *restrict grad, real *restrict p, real *restrict m,
                        real *restrict v, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real g = k.scale * grad[i] + k.weight_decay * p[i];
        real m1 = k.beta1 * m[i] + k.fresh1 * g;
        real v1 = k.beta2 * v[i] + k.fresh2 * g * g;
        m[i] = m1;
        v[i] = v1;
        p[i] = k.keep * p[i] - k.step_size * (m1 / (r_sqrt(v1) / k.root2 + k.epsilon));
    }
}

/* Two states at their first step. */
static void clear(real *a, real *b, int64_t n) {
    for (int64_t i = 0; i < n; i++) a[i] = b[i] = 0;
}

static void adam(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_adam *rule = of;
    real *m = (real *)s->state[0] + begin, *v = (real *)s->state[1] + begin;
    if (s->step == 1) clear(m, v, end - begin);
    adam_update(adam_round(rule, s->step), (const real *)s->grad + begin, (real *)s->param + begin, m, v,
                end - begin);
}

/* ---- RMSprop ---- */

typedef struct {
    real rate, alpha, fresh, epsilon, weight_decay, momentum, scale; /* fresh = 1 - alpha */
} rmsprop_numbers;

static rmsprop_numbers rmsprop_round(const dnnk_rmsprop *r) {
    return (rmsprop_numbers){(real)r->rate,         (real)r->alpha,    (real)(1 - r->alpha), (real)r->epsilon,
                             (real)r->weight_decay, (real)r->momentum, (real)r->grad_scale};
}

/* b and a are NULL where the rule has none: the compiler makes a loop for each case. */
static inline void rmsprop_loop(rmsprop_numbers k, const real *restrict grad, real *restrict p, real *restrict v,
                                real *restrict b, real *restrict a, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real g = k.scale * grad[i] + k.weight_decay * p[i], square;
        square = v[i] = k.alpha * v[i] + k.fresh * g * g;
        if (a) {
            a[i] += k.fresh * (g - a[i]);
            square -= a[i] * a[i];
            square = square > 0 ? square : 0; /* rounding may take it below */
        }
        real step = g / (r_sqrt(square) + k.epsilon);
        if (b) step = b[i] = k.momentum * b[i] + step;
        p[i] -= k.rate * step;
    }
}

static void rmsprop(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_rmsprop *rule = of;
    bool has_momentum = rule->momentum != 0;
    int64_t n = end - begin;
    real *v = (real *)s->state[0] + begin;
    real *b = has_momentum ? (real *)s->state[1] + begin : NULL;
    real *a = rule->centred ? (real *)s->state[has_momentum ? 2 : 1] + begin : NULL;
    if (s->step == 1) clear(v, b ? b : v, n);
    if (s->step == 1 && a) clear(a, a, n);
    const real *grad = (const real *)s->grad + begin;
    real *p = (real *)s->param + begin;
    if (a && b) rmsprop_loop(rmsprop_round(rule), grad, p, v, b, a, n);
    else if (a) rmsprop_loop(rmsprop_round(rule), grad, p, v, NULL, a, n);
    else if (b) rmsprop_loop(rmsprop_round(rule), grad, p, v, b, NULL, n);
    else rmsprop_loop(rmsprop_round(rule), grad, p, v, NULL, NULL, n);
}

/* ---- Adagrad ---- */

static void adagrad(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_adagrad *rule = of;
    const real rate = (real)(rule->rate / (1 + (double)(s->step - 1) * rule->rate_decay));
    const real epsilon = (real)rule->epsilon, decay = (real)rule->weight_decay, scale = (real)rule->grad_scale;
    const real *restrict grad = s->grad;
    real *restrict p = s->param, *restrict sum = s->state[0];
    for (int64_t i = begin; s->step == 1 && i < end; i++) sum[i] = (real)rule->initial;
    for (int64_t i = begin; i < end; i++) {
        real g = scale * grad[i] + decay * p[i];
        sum[i] += g * g;
        p[i] -= rate * g / (r_sqrt(sum[i]) + epsilon);
    }
}

/* ---- NAdam ---- */

static void nadam_update(adam_numbers k, real fresh, real kept, const real *restrict grad, real *restrict p,
                         real *restrict m, real *restrict v, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        real q = k.keep * p[i], g = k.scale * grad[i] + k.weight_decay * q;
        m[i] = k.beta1 * m[i] + k.fresh1 * g;
        v[i] = k.beta2 * v[i] + k.fresh2 * g * g;
        p[i] = q - (fresh * g + kept * m[i]) / (r_sqrt(v[i]) / k.root2 + k.epsilon);
    }
}

static void nadam(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_nadam *rule = of;
    const dnnk_adam as_adam = {rule->rate,         rule->beta1,      rule->beta2,    rule->epsilon,
                               rule->weight_decay, rule->grad_scale, rule->decoupled};
    real *m = (real *)s->state[0] + begin, *v = (real *)s->state[1] + begin;
    if (s->step == 1) clear(m, v, end - begin);
    nadam_update(adam_round(&as_adam, s->step), (real)rule->fresh, (real)rule->kept, (const real *)s->grad + begin,
                 (real *)s->param + begin, m, v, end - begin);
}

/* ---- Lion ---- */

static void lion(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_lion *rule = of;
    const real rate = (real)rule->rate, keep = (real)(1 - rule->rate * rule->weight_decay);
    const real beta1 = (real)rule->beta1, fresh1 = (real)(1 - rule->beta1), beta2 = (real)rule->beta2,
               fresh2 = (real)(1 - rule->beta2), scale = (real)rule->grad_scale;
    const real *restrict grad = s->grad;
    real *restrict p = s->param, *restrict m = s->state[0];
    if (s->step == 1) clear(m + begin, m + begin, end - begin);
    for (int64_t i = begin; i < end; i++) {
        real g = scale * grad[i], c = beta1 * m[i] + fresh1 * g;
        real sign = c > 0 ? R(1.0) : c < 0 ? R(-1.0) : c; /* NaN stays NaN */
        p[i] = keep * p[i] - rate * sign;
        m[i] = beta2 * m[i] + fresh2 * g;
    }
}

/* ---- LAMB ---- */

/* r of element i, without the decay. */
static inline real lamb_direction(adam_numbers k, real m, real v) {
    return k.step_size * m / (r_sqrt(v) / k.root2 + k.epsilon);
}

static adam_numbers lamb_round(const dnnk_lamb *rule, int64_t step) {
    const dnnk_adam as_adam = {1, rule->beta1, rule->beta2, rule->epsilon, 0, rule->grad_scale, false};
    return adam_round(&as_adam, step);
}

static double lamb_norm(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_lamb *rule = of;
    const adam_numbers k = lamb_round(rule, s->step);
    const real decay = (real)rule->weight_decay, *p = s->param, *grad = s->grad;
    real *restrict m = s->state[0], *restrict v = s->state[1];
    double sum = 0;
    if (s->step == 1) clear(m + begin, v + begin, end - begin);
    for (int64_t i = begin; i < end; i++) {
        real g = k.scale * grad[i];
        m[i] = k.beta1 * m[i] + k.fresh1 * g;
        v[i] = k.beta2 * v[i] + k.fresh2 * g * g;
        double r = (double)(lamb_direction(k, m[i], v[i]) + decay * p[i]);
        sum += r * r;
    }
    return sum;
}

static void lamb(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const dnnk_lamb *rule = of;
    const adam_numbers k = lamb_round(rule, s->step);
    const real decay = (real)rule->weight_decay, rate = (real)rule->rate;
    const real *restrict m = s->state[0], *restrict v = s->state[1];
    real *restrict p = s->param;
    for (int64_t i = begin; i < end; i++) p[i] -= rate * (lamb_direction(k, m[i], v[i]) + decay * p[i]);
}

/* ---- moving average ---- */

static void average(const void *of, const dnnk_segment *s, int64_t begin, int64_t end) {
    const double wanted = *(const double *)of;
    const real share = (real)wanted, *restrict value = s->grad;
    real *restrict p = s->param;
    for (int64_t i = begin; i < end; i++) p[i] = wanted == 1 ? value[i] : p[i] + share * (value[i] - p[i]);
}

/* ---- norm ---- */

#define SUMS 16 /* independent sums, so that the loop vectorises */

static double squared_norm(const void *rule, const dnnk_segment *s, int64_t begin, int64_t end) {
    (void)rule;
    const real *g = s->grad;
    double sum[SUMS] = {0}, total = 0;
    int64_t i = begin;
    for (; i + SUMS <= end; i += SUMS)
        for (int64_t k = 0; k < SUMS; k++) sum[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < end; i++) total += (double)g[i] * (double)g[i];
    for (int64_t k = 0; k < SUMS; k++) total += sum[k];
    return total;
}

const dnnk_optim_table DNNK_TABLE(optim) = {
    .update = {[DNNK_SGD] = sgd, [DNNK_ADAM] = adam, [DNNK_RMSPROP] = rmsprop, [DNNK_ADAGRAD] = adagrad,
               [DNNK_NADAM] = nadam, [DNNK_LION] = lion, [DNNK_LAMB] = lamb, [DNNK_AVERAGE] = average},
    .squared_norm = squared_norm, .lamb_norm = lamb_norm};
