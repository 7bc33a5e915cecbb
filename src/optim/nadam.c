#include "optim/optimizer.h"

#include <math.h>

/* The product of the momenta up to a step is a function of the step. It is kept for the step that was asked for last,
 * and carried on from there; behind a checkpoint, or where parameters are at different steps, it is made anew. */
typedef struct {
    int64_t step;
    double product;
} momenta;

typedef struct {
    dnn_optimizer optimizer;
    double beta1, beta2, epsilon, momentum_decay;
    bool decoupled;
    momenta known;
} nadam;

static double momentum_at(const nadam *n, int64_t step) {
    return n->beta1 * (1 - 0.5 * pow(0.96, (double)step * n->momentum_decay));
}

static double product_up_to(nadam *n, int64_t step) {
    if (n->known.step > step || n->known.step == 0) n->known = (momenta){0, 1};
    while (n->known.step < step) n->known.product *= momentum_at(n, ++n->known.step);
    return n->known.product;
}

static dnnk_nadam rule_at(nadam *n, const dnni_rates *rates, int64_t step) {
    double now = momentum_at(n, step), next = momentum_at(n, step + 1), product = product_up_to(n, step);
    return (dnnk_nadam){.rate = rates->lr, .beta1 = n->beta1, .beta2 = n->beta2, .epsilon = n->epsilon,
                        .weight_decay = rates->weight_decay, .grad_scale = rates->grad_scale,
                        .fresh = rates->lr * (1 - now) / (1 - product),
                        .kept = rates->lr * next / (1 - product * next), .decoupled = n->decoupled};
}

/* Runs of parameters that are at the same step are one call. */
static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    nadam *n = (nadam *)optimizer;
    for (int64_t first = 0, last; first < count; first = last) {
        for (last = first + 1; last < count && segments[last].step == segments[first].step;) last++;
        dnnk_nadam rule = rule_at(n, rates, segments[first].step);
        dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_NADAM, &rule, segments + first, last - first);
    }
}

static const dnni_optimizer_class nadam_class = {.update = update};

static dnn_status check(const nadam *n) {
    DNNI_TRY(dnni_check_beta(n->beta1, "desc.beta1"));
    DNNI_TRY(dnni_check_beta(n->beta2, "desc.beta2"));
    DNNI_TRY(dnni_check_rate(n->momentum_decay, "desc.momentum_decay"));
    return dnni_check_rate(n->epsilon, "desc.epsilon");
}

dnn_status dnn_nadam_create(dnn_optimizer **out, dnn_module *module, const dnn_nadam_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_nadam_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    nadam settings = {.beta1 = dnni_or_default(d.beta1, 0.9), .beta2 = dnni_or_default(d.beta2, 0.999),
                      .epsilon = dnni_or_default(d.epsilon, 1e-8), .decoupled = d.decoupled != 0,
                      .momentum_decay = dnni_or_default(d.momentum_decay, 4e-3)};
    DNNI_TRY(check(&settings));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 2e-3), .weight_decay = d.weight_decay, .n_states = 2,
                                  .state_names = {"first_moment", "second_moment"}};
    nadam *n = dnni_optimizer_new(module, &nadam_class, sizeof *n, &setup);
    if (!n) return dnn_last_status();
    n->beta1 = settings.beta1;
    n->beta2 = settings.beta2;
    n->epsilon = settings.epsilon;
    n->momentum_decay = settings.momentum_decay;
    n->decoupled = settings.decoupled;
    *out = &n->optimizer;
    return DNN_OK;
}
