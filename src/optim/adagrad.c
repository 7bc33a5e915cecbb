#include "optim/optimizer.h"

typedef struct {
    dnn_optimizer optimizer;
    double lr_decay, initial, epsilon;
} adagrad;

static void update(dnn_optimizer *optimizer, dnnk_type type, const dnni_rates *rates, dnnk_segment *segments,
                   int64_t count) {
    const adagrad *a = (const adagrad *)optimizer;
    dnnk_adagrad rule = {.rate = rates->lr, .rate_decay = a->lr_decay, .initial = a->initial, .epsilon = a->epsilon,
                         .weight_decay = rates->weight_decay, .grad_scale = rates->grad_scale};
    dnnk_optim_update(dnni_env(optimizer->base.ctx), type, DNNK_ADAGRAD, &rule, segments, count);
}

static const dnni_optimizer_class adagrad_class = {.update = update};

dnn_status dnn_adagrad_create(dnn_optimizer **out, dnn_module *module, const dnn_adagrad_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_adagrad_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    double epsilon = dnni_or_default(d.epsilon, 1e-10);
    DNNI_TRY(dnni_check_rate(d.lr_decay, "desc.lr_decay"));
    DNNI_TRY(dnni_check_rate(d.initial, "desc.initial"));
    DNNI_TRY(dnni_check_rate(epsilon, "desc.epsilon"));
    dnni_optimizer_setup setup = {.lr = dnni_or_default(d.lr, 1e-2), .weight_decay = d.weight_decay, .n_states = 1,
                                  .state_names = {"square_sum"}};
    adagrad *a = dnni_optimizer_new(module, &adagrad_class, sizeof *a, &setup);
    if (!a) return dnn_last_status();
    a->lr_decay = d.lr_decay;
    a->initial = d.initial;
    a->epsilon = epsilon;
    *out = &a->optimizer;
    return DNN_OK;
}
