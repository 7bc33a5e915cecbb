/* What is set and asked for between steps: the rate, clipping, accumulation, groups. */
#include <math.h>
#include <string.h>

#include "optim/optimizer.h"

dnn_status dnn_optimizer_zero_grad(dnn_optimizer *optimizer) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    return dnn_module_zero_grad(optimizer->module);
}

dnn_status dnn_optimizer_set_accumulation(dnn_optimizer *optimizer, int32_t backwards) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_REQUIRE(backwards >= 1, "backwards is %d: it is at least 1", backwards);
    optimizer->accumulation = backwards;
    return DNN_OK;
}

int64_t dnn_optimizer_steps(const dnn_optimizer *optimizer) {
    return dnni_check_optimizer(optimizer) == DNN_OK ? *dnni_steps(optimizer->steps) : -1;
}

dnn_status dnn_optimizer_set_lr(dnn_optimizer *optimizer, double lr) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_TRY(dnni_check_rate(lr, "lr"));
    *(double *)optimizer->lr->array.data = lr;
    return DNN_OK;
}

double dnn_optimizer_get_lr(const dnn_optimizer *optimizer) {
    return dnni_check_optimizer(optimizer) == DNN_OK ? dnni_optimizer_rate(optimizer) : -1;
}

/* ---- the norm ---- */

dnn_status dnni_optimizer_norm_work(dnn_optimizer *o) {
    if (o->norm_work) return DNN_OK;
    for (int64_t i = 0; i < o->n_slots; i++) o->segments[i].count = dnni_count(&o->slots[i].array);
    o->norm_bytes = dnnk_optim_norm_workspace(o->segments, o->n_slots);
    o->norm_work = dnni_alloc(o->base.ctx, o->norm_bytes, 1);
    return o->norm_work ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnn_optimizer_clip_norm(dnn_optimizer *optimizer, double max_norm) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_REQUIRE(max_norm >= 0, "max_norm is %g: it is at least 0", max_norm);
    if (optimizer->optimizer_class->step && max_norm > 0 && isfinite(max_norm))
        return dnni_error(DNN_ERROR_UNSUPPORTED, "this optimizer does not clip: its gradient must be the loss's");
    if (max_norm > 0) DNNI_TRY(dnni_optimizer_norm_work(optimizer));
    optimizer->max_norm = max_norm;
    return DNN_OK;
}

double dnn_optimizer_gradient_norm(const dnn_optimizer *optimizer) {
    return dnni_check_optimizer(optimizer) == DNN_OK ? optimizer->norm : (double)NAN;
}

/* ---- groups ---- */

static dnn_status read_group(const dnn_optimizer *o, const dnn_group_desc *desc, dnni_group *group) {
    dnn_group_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    group->lr_factor = dnni_or_default(d.lr_factor, 1);
    group->weight_decay = dnni_or_default(d.weight_decay, o->weight_decay);
    DNNI_TRY(dnni_check_rate(group->lr_factor, "desc.lr_factor"));
    return dnni_check_rate(group->weight_decay, "desc.weight_decay");
}

static dnn_status append_group(dnn_optimizer *o, const char *pattern, dnni_group *group) {
    dnn_context *ctx = o->base.ctx;
    DNNI_TRY(dnni_grow(ctx, (void **)&o->groups, &o->groups_capacity, o->n_groups + 1, sizeof *o->groups));
    group->pattern = dnni_copy_string(ctx, pattern);
    if (!group->pattern) return DNN_ERROR_MEMORY;
    o->groups[o->n_groups++] = *group;
    return DNN_OK;
}

dnn_status dnni_optimizer_first_group(dnn_optimizer *optimizer) {
    dnni_group group = {.lr_factor = 1, .weight_decay = optimizer->weight_decay};
    return append_group(optimizer, "", &group);
}

static dnn_status check_takes_groups(const dnn_optimizer *o) {
    if (!o->optimizer_class->step) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "this optimizer takes all parameters as one: it has no groups");
}

dnn_status dnn_optimizer_group(dnn_optimizer *optimizer, const char *pattern, const dnn_group_desc *desc) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_REQUIRE(pattern, "pattern is NULL");
    DNNI_TRY(check_takes_groups(optimizer));
    dnni_group group;
    DNNI_TRY(read_group(optimizer, desc, &group));
    int64_t matches = 0;
    for (int64_t i = 0; i < optimizer->n_slots; i++) matches += dnni_path_matches(pattern, optimizer->slots[i].path);
    if (matches == 0) return dnni_no_path_matches(pattern, optimizer->slots[0].path);
    if (optimizer->n_groups == INT32_MAX) return dnni_error(DNN_ERROR_UNSUPPORTED, "there are too many groups");
    DNNI_TRY(append_group(optimizer, pattern, &group));
    for (int64_t i = 0; i < optimizer->n_slots; i++)
        if (dnni_path_matches(pattern, optimizer->slots[i].path))
            optimizer->slots[i].group = (int32_t)optimizer->n_groups - 1;
    return DNN_OK;
}

static dnn_status check_group(const dnn_optimizer *o, int32_t group) {
    DNNI_TRY(dnni_check_optimizer(o));
    if (group >= 0 && group < o->n_groups) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "there is no group %d, the optimizer has %lld", group,
                      (long long)o->n_groups);
}

dnn_status dnn_optimizer_set_group(dnn_optimizer *optimizer, int32_t group, const dnn_group_desc *desc) {
    DNNI_TRY(check_group(optimizer, group));
    DNNI_TRY(check_takes_groups(optimizer));
    dnni_group read = optimizer->groups[group];
    DNNI_TRY(read_group(optimizer, desc, &read));
    optimizer->groups[group] = read;
    return DNN_OK;
}

int32_t dnn_optimizer_group_count(const dnn_optimizer *optimizer) {
    return dnni_check_optimizer(optimizer) == DNN_OK ? (int32_t)optimizer->n_groups : -1;
}

dnn_status dnn_optimizer_group_at(const dnn_optimizer *optimizer, int32_t group, dnn_group_info *info) {
    DNNI_TRY(check_group(optimizer, group));
    const dnni_group *g = &optimizer->groups[group];
    dnn_group_info full = {.pattern = g->pattern, .lr = dnni_optimizer_rate(optimizer) * g->lr_factor,
                           .lr_factor = g->lr_factor, .weight_decay = g->weight_decay};
    for (int64_t i = 0; i < optimizer->n_slots; i++) {
        if (optimizer->slots[i].group != group) continue;
        full.parameters++;
        full.elements += dnni_count(&optimizer->slots[i].array);
    }
    return dnni_give(info, &full, sizeof full, "info");
}
