#include "optim/optimizer.h"

typedef struct {
    dnn_optimizer optimizer;
    double alpha, epsilon, momentum;
    bool centred;
} rmsprop;

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const rmsprop *r = (const rmsprop *)optimizer;
    dnnk_rmsprop rule = {.rate = rates->lr, .alpha = r->alpha, .epsilon = r->epsilon,
                         .weight_decay = rates->weight_decay, .momentum = r->momentum,
                         .grad_scale = rates->grad_scale, .centred = r->centred};
    dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_RMSPROP, &rule, segments, count);
}

static const dnni_optimizer_class rmsprop_class = {.update = update};

/* The states in the order that dnnk_rmsprop has them. */
static dnni_optimizer_setup setup_of(const dnn_rmsprop_desc *d) {
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d->lr, 1e-2), .weight_decay = d->weight_decay};
    setup.state_names[setup.n_states++] = "square_average";
    if (d->momentum > 0) setup.state_names[setup.n_states++] = "momentum";
    if (d->centred) setup.state_names[setup.n_states++] = "gradient_average";
    return setup;
}

dnn_status dnn_rmsprop_create(dnn_optimizer **out, dnn_module *module, const dnn_rmsprop_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_rmsprop_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double alpha = dnni_or_default(d.alpha, 0.99), epsilon = dnni_or_default(d.epsilon, 1e-8);
    DNNI_TRY(dnni_check_beta(alpha, "desc.alpha"));
    DNNI_TRY(dnni_check_rate(epsilon, "desc.epsilon"));
    DNNI_TRY(dnni_check_rate(d.momentum, "desc.momentum"));
    dnni_optimizer_setup setup = setup_of(&d);
    rmsprop *r = dnni_optimizer_new(module, &rmsprop_class, sizeof *r, &setup);
    if (!r) return dnn_last_status();
    r->alpha = alpha;
    r->epsilon = epsilon;
    r->momentum = d.momentum;
    r->centred = d.centred != 0;
    *out = &r->optimizer;
    return DNN_OK;
}
