#include "optim/optimizer.h"

#include <math.h>

typedef struct {
    dnn_optimizer optimizer;
    double momentum, dampening;
    bool nesterov;
} sgd;

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const sgd *s = (const sgd *)optimizer;
    dnnk_sgd rule = {.rate = rates->lr, .momentum = s->momentum, .dampening = s->dampening,
                     .weight_decay = rates->weight_decay, .grad_scale = rates->grad_scale, .nesterov = s->nesterov};
    dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_SGD, &rule, segments, count);
}

static const dnni_optimizer_class sgd_class = {.update = update};

static dnn_status check(const dnn_sgd_desc *d) {
    DNNI_TRY(dnni_check_rate(d->momentum, "desc.momentum"));
    DNNI_REQUIRE(isfinite(d->dampening), "desc.dampening is %g", d->dampening);
    DNNI_REQUIRE(!d->nesterov || (d->momentum > 0 && d->dampening == 0),
                 "desc.nesterov needs momentum, and no dampening (momentum %g, dampening %g)", d->momentum,
                 d->dampening);
    return DNN_OK;
}

dnn_status dnn_sgd_create(dnn_optimizer **out, dnn_module *module, const dnn_sgd_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_sgd_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(check(&d));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1e-3), .weight_decay = d.weight_decay,
                                  .n_states = d.momentum > 0 ? 1 : 0, .state_names = {"momentum"}};
    sgd *s = dnni_optimizer_new(module, &sgd_class, sizeof *s, &setup);
    if (!s) return dnn_last_status();
    s->momentum = d.momentum;
    s->dampening = d.dampening;
    s->nesterov = d.nesterov != 0;
    *out = &s->optimizer;
    return DNN_OK;
}
