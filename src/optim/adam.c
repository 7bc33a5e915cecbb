/* Adam and AdamW: one rule, which differs in what the decay is taken from. */
#include "optim/optimizer.h"

#include <math.h>

typedef struct {
    dnn_optimizer optimizer;
    double beta1, beta2, epsilon;
    bool decoupled; /* AdamW */
} adam;

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const adam *a = (const adam *)optimizer;
    dnnk_adam rule = {.rate = rates->lr, .beta1 = a->beta1, .beta2 = a->beta2, .epsilon = a->epsilon,
                      .weight_decay = rates->weight_decay, .grad_scale = rates->grad_scale,
                      .decoupled = a->decoupled};
    dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_ADAM, &rule, segments, count);
}

static const dnni_optimizer_class adam_class = {.update = update};

static dnn_status check(const adam *a) {
    DNNI_TRY(dnni_check_beta(a->beta1, "desc.beta1"));
    DNNI_TRY(dnni_check_beta(a->beta2, "desc.beta2"));
    return dnni_check_rate(a->epsilon, "desc.epsilon");
}

static dnn_status create(dnn_optimizer **out, dnn_module *module, const dnn_adam_desc *desc, bool decoupled,
                         double default_decay) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_adam_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    adam rule = {.beta1 = dnni_or_default(d.beta1, 0.9), .beta2 = dnni_or_default(d.beta2, 0.999),
                 .epsilon = dnni_or_default(d.epsilon, 1e-8), .decoupled = decoupled};
    DNNI_TRY(check(&rule));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1e-3),
                                  .weight_decay = dnni_or_default(d.weight_decay, default_decay),
                                  .n_states = 2, .state_names = {"first_moment", "second_moment"}};
    adam *a = dnni_optimizer_new(module, &adam_class, sizeof *a, &setup);
    if (!a) return dnn_last_status();
    a->beta1 = rule.beta1;
    a->beta2 = rule.beta2;
    a->epsilon = rule.epsilon;
    a->decoupled = decoupled;
    *out = &a->optimizer;
    return DNN_OK;
}

dnn_status dnn_adam_create(dnn_optimizer **out, dnn_module *module, const dnn_adam_desc *desc) {
    return create(out, module, desc, false, 0);
}

dnn_status dnn_adamw_create(dnn_optimizer **out, dnn_module *module, const dnn_adam_desc *desc) {
    return create(out, module, desc, true, 1e-2);
}
