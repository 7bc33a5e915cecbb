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

static void sgd(const dnnk_sgd *rule, const dnnk_segment *s, int64_t begin, int64_t end) {
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

static void adam(const dnnk_adam *rule, const dnnk_segment *s, int64_t begin, int64_t end) {
    real *m = (real *)s->state[0] + begin, *v = (real *)s->state[1] + begin;
    for (int64_t i = 0; s->step == 1 && i < end - begin; i++) m[i] = v[i] = 0;
    adam_update(adam_round(rule, s->step), (const real *)s->grad + begin, (real *)s->param + begin, m, v,
                end - begin);
}

/* ---- norm ---- */

#define SUMS 16 /* independent sums, so that the loop vectorises */

static double squared_norm(const dnnk_segment *s, int64_t begin, int64_t end) {
    const real *g = s->grad;
    double sum[SUMS] = {0}, total = 0;
    int64_t i = begin;
    for (; i + SUMS <= end; i += SUMS)
        for (int64_t k = 0; k < SUMS; k++) sum[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < end; i++) total += (double)g[i] * (double)g[i];
    for (int64_t k = 0; k < SUMS; k++) total += sum[k];
    return total;
}

const dnnk_optim_table DNNK_TABLE(optim) = {.sgd = sgd, .adam = adam, .squared_norm = squared_norm};
