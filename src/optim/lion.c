#include "optim/optimizer.h"

typedef struct {
    dnn_optimizer optimizer;
    double beta1, beta2;
} lion;

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const lion *l = (const lion *)optimizer;
    dnnk_lion rule = {.rate = rates->lr, .beta1 = l->beta1, .beta2 = l->beta2, .weight_decay = rates->weight_decay,
                      .grad_scale = rates->grad_scale};
    dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_LION, &rule, segments, count);
}

static const dnni_optimizer_class lion_class = {.update = update};

dnn_status dnn_lion_create(dnn_optimizer **out, dnn_module *module, const dnn_lion_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_lion_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double beta1 = dnni_or_default(d.beta1, 0.9), beta2 = dnni_or_default(d.beta2, 0.99);
    DNNI_TRY(dnni_check_beta(beta1, "desc.beta1"));
    DNNI_TRY(dnni_check_beta(beta2, "desc.beta2"));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1e-4), .weight_decay = d.weight_decay, .n_states = 1,
                                  .state_names = {"momentum"}};
    lion *l = dnni_optimizer_new(module, &lion_class, sizeof *l, &setup);
    if (!l) return dnn_last_status();
    l->beta1 = beta1;
    l->beta2 = beta2;
    *out = &l->optimizer;
    return DNN_OK;
}
