/* LARS and LAMB: the size of a step is fitted, tensor by tensor, to the size of the weights. */
#include <math.h>

#include "optim/optimizer.h"

typedef struct {
    dnn_optimizer optimizer;
    double momentum, trust, epsilon;
    bool nesterov;
} lars;

typedef struct {
    dnn_optimizer optimizer;
    double beta1, beta2, epsilon;
} lamb;

static double norm_of(const dnn_optimizer *o, dnnk_type type, const void *numbers, int64_t count) {
    dnnk_segment s = {.grad = numbers, .count = count};
    return sqrt(dnnk_optim_squared_norm(dnni_env(o->base.ctx), type, &s, 1, o->norm_work));
}

/* ---- LARS: SGD whose gradient and decay are scaled ---- */

static double lars_scale(const lars *l, dnnk_type type, const dnni_rates *rates, const dnnk_segment *s) {
    double p = norm_of(&l->optimizer, type, s->param, s->count);
    double g = fabs(rates->grad_scale) * norm_of(&l->optimizer, type, s->grad, s->count);
    return p > 0 && g > 0 ? l->trust * p / (g + rates->weight_decay * p + l->epsilon) : 1;
}

static void lars_update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                        int64_t count) {
    const lars *l = (const lars *)optimizer;
    for (dnnk_segment *s = segments; s < segments + count; s++) {
        double scale = s->rows > 0 ? lars_scale(l, type, rates, s) : 1;
        dnnk_sgd rule = {.rate = rates->lr, .momentum = l->momentum, .nesterov = l->nesterov,
                         .weight_decay = s->rows > 0 ? scale * rates->weight_decay : 0,
                         .grad_scale = scale * rates->grad_scale};
        dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_SGD, &rule, s, 1);
    }
}

static const dnni_optimizer_class lars_class = {.update = lars_update};

static dnn_status lars_check(const dnn_lars_desc *d, double momentum, double trust, double epsilon) {
    DNNI_TRY(dnni_check_rate(momentum, "desc.momentum"));
    DNNI_TRY(dnni_check_rate(epsilon, "desc.epsilon"));
    DNNI_REQUIRE(isfinite(trust) && trust > 0, "desc.trust is %g: it must be above 0", trust);
    DNNI_REQUIRE(!d->nesterov || momentum > 0, "desc.nesterov needs momentum");
    return DNN_OK;
}

/* With the memory for norms, or not at all. */
static dnn_status finish(dnn_optimizer **out, dnn_optimizer *optimizer) {
    dnn_status status = dnni_optimizer_norm_work(optimizer);
    if (status == DNN_OK) *out = optimizer;
    else dnn_optimizer_release(optimizer);
    return status;
}

dnn_status dnn_lars_create(dnn_optimizer **out, dnn_module *module, const dnn_lars_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_lars_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double momentum = dnni_or_default(d.momentum, 0.9), trust = dnni_or_default(d.trust, 1e-3),
           epsilon = dnni_or_default(d.epsilon, 1e-8);
    DNNI_TRY(lars_check(&d, momentum, trust, epsilon));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 0.1), .weight_decay = d.weight_decay,
                                  .n_states = momentum > 0 ? 1 : 0, .state_names = {"momentum"}};
    lars *l = dnni_optimizer_new(module, &lars_class, sizeof *l, &setup);
    if (!l) return dnn_last_status();
    l->momentum = momentum;
    l->trust = trust;
    l->epsilon = epsilon;
    l->nesterov = d.nesterov != 0;
    return finish(out, &l->optimizer);
}

/* ---- LAMB ---- */

static void lamb_segment(const lamb *l, dnnk_type type, const dnni_rates *rates, dnnk_segment *s) {
    const dnnk_env *env = dnni_env(l->optimizer.base.ctx);
    dnnk_lamb rule = {.rate = rates->lr, .beta1 = l->beta1, .beta2 = l->beta2, .epsilon = l->epsilon,
                      .weight_decay = s->rows > 0 ? rates->weight_decay : 0, .grad_scale = rates->grad_scale};
    double r = sqrt(dnnk_optim_lamb_norm(env, type, &rule, s, l->optimizer.norm_work));
    double p = s->rows > 0 ? norm_of(&l->optimizer, type, s->param, s->count) : 0;
    if (p > 0 && r > 0) rule.rate *= p / r;
    dnnk_optim_update(env, type, DNNK_LAMB, &rule, s, 1);
}

static void lamb_update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                        int64_t count) {
    for (int64_t i = 0; i < count; i++) lamb_segment((const lamb *)optimizer, type, rates, &segments[i]);
}

static const dnni_optimizer_class lamb_class = {.update = lamb_update};

dnn_status dnn_lamb_create(dnn_optimizer **out, dnn_module *module, const dnn_lamb_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_lamb_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double beta1 = dnni_or_default(d.beta1, 0.9), beta2 = dnni_or_default(d.beta2, 0.999),
           epsilon = dnni_or_default(d.epsilon, 1e-6);
    DNNI_TRY(dnni_check_beta(beta1, "desc.beta1"));
    DNNI_TRY(dnni_check_beta(beta2, "desc.beta2"));
    DNNI_TRY(dnni_check_rate(epsilon, "desc.epsilon"));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1e-3),
                                  .weight_decay = dnni_or_default(d.weight_decay, 1e-2), .n_states = 2,
                                  .state_names = {"first_moment", "second_moment"}};
    lamb *l = dnni_optimizer_new(module, &lamb_class, sizeof *l, &setup);
    if (!l) return dnn_last_status();
    l->beta1 = beta1;
    l->beta2 = beta2;
    l->epsilon = epsilon;
    return finish(out, &l->optimizer);
}
