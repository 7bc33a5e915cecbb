#include "optim/optimizer.h"

#include <math.h>
#include <string.h>

/* ---- making and freeing ---- */

static void free_slots(dnn_optimizer *o) {
    dnn_context *ctx = o->base.ctx;
    for (int64_t i = 0; o->slots && i < o->n_slots; i++) {
        dnni_slot *slot = &o->slots[i];
        dnni_free_string(ctx, slot->path);
        dnni_tensor_take_back(slot->steps);
        for (int32_t k = 0; k < DNNI_MOST_STATES; k++) dnni_tensor_take_back(slot->state[k]);
    }
    dnni_free(ctx, o->slots, o->n_slots, sizeof *o->slots);
    dnni_free(ctx, o->segments, o->n_slots, sizeof *o->segments);
}

static void destroy_optimizer(void *object) {
    dnn_optimizer *o = object;
    dnn_context *ctx = o->base.ctx;
    if (o->optimizer_class->destroy) o->optimizer_class->destroy(o);
    free_slots(o);
    for (int64_t i = 0; i < o->n_groups; i++) dnni_free_string(ctx, o->groups[i].pattern);
    dnni_free(ctx, o->groups, o->groups_capacity, sizeof *o->groups);
    dnni_free(ctx, o->norm_work, o->norm_bytes, 1);
    dnni_tensor_take_back(o->lr);
    dnni_tensor_take_back(o->steps);
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) dnni_tensor_take_back(o->shared[k]);
    dnn_module_release(o->module);
}

dnn_status dnn_optimizer_release(dnn_optimizer *optimizer) {
    return dnni_object_release(optimizer, DNNI_OPTIMIZER, "optimizer");
}

dnn_status dnni_check_rate(double value, const char *name) {
    DNNI_REQUIRE(isfinite(value) && value >= 0, "%s is %g: it must be finite and not negative", name, value);
    return DNN_OK;
}

dnn_status dnni_check_beta(double beta, const char *name) {
    DNNI_REQUIRE(beta >= 0 && beta < 1, "%s is %g: it is at least 0 and below 1", name, beta);
    return DNN_OK;
}

static dnn_status make_slots(dnn_optimizer *o, const dnni_index *index, int32_t n_states) {
    dnn_context *ctx = o->base.ctx;
    o->index_size = index->n_parameters;
    for (int64_t i = 0; i < index->n_parameters; i++) o->n_slots += !index->parameters[i].is_buffer;
    DNNI_REQUIRE(o->n_slots > 0, "the module has no parameters");
    o->slots = dnni_alloc(ctx, o->n_slots, sizeof *o->slots);
    o->segments = dnni_alloc(ctx, o->n_slots, sizeof *o->segments);
    if (!o->slots || !o->segments) return DNN_ERROR_MEMORY;
    dnni_slot *slot = o->slots;
    for (int64_t i = 0; i < index->n_parameters; i++) {
        if (index->parameters[i].is_buffer) continue;
        slot->place = i;
        slot->array = index->parameters[i].parameter->value->array;
        slot->rows = slot->array.rank < 2 ? 0 : slot->array.dims[0];
        slot->n_states = n_states;
        slot->path = dnni_copy_string(ctx, index->parameters[i].path);
        if (!(slot++)->path) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

static dnn_status fill_in(dnn_optimizer *o, const dnni_optimizer_setup *setup) {
    dnn_context *ctx = o->base.ctx;
    const dnni_index *index;
    dnn_array real = dnni_array(DNN_F64, 0, NULL), whole = dnni_array(DNN_I64, 0, NULL);
    DNNI_TRY(dnni_index_get(&index, o->module));
    DNNI_TRY(make_slots(o, index, setup->n_states));
    DNNI_TRY(dnni_tensor_like(&o->lr, ctx, &real));
    dnni_tensor_lend(o->lr);
    DNNI_TRY(dnni_tensor_like(&o->steps, ctx, &whole));
    dnni_tensor_lend(o->steps);
    *(double *)o->lr->array.data = setup->lr;
    o->weight_decay = setup->weight_decay;
    memcpy(o->state_names, setup->state_names, sizeof o->state_names);
    o->norm = NAN;
    o->accumulation = 1;
    return dnni_optimizer_first_group(o);
}

static dnn_status check_setup(dnn_module *module, const dnni_optimizer_setup *setup) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_rate(setup->lr, "desc.lr"));
    DNNI_TRY(dnni_check_rate(setup->weight_decay, "desc.weight_decay"));
    return dnni_module_usable(module);
}

void *dnni_optimizer_new(dnn_module *module, const dnni_optimizer_class *optimizer_class, int64_t bytes,
                         const dnni_optimizer_setup *setup) {
    if (check_setup(module, setup) != DNN_OK) return NULL;
    dnn_optimizer *o = dnni_object_new(module->base.ctx, DNNI_OPTIMIZER, bytes, destroy_optimizer);
    if (!o) return NULL;
    o->optimizer_class = optimizer_class;
    o->module = module;
    dnn_module_retain(module);
    if (fill_in(o, setup) == DNN_OK) return o;
    dnn_optimizer_release(o);
    return NULL;
}

/* ---- stepping ---- */

static bool is_live(const dnni_index *index, const dnni_slot *slot) {
    return !index->parameters[slot->place].parameter->frozen;
}

static dnn_status check_slot(const dnni_slot *slot, const dnni_index *index) {
    const dnni_index_parameter *p = &index->parameters[slot->place];
    const dnn_array *now = &p->parameter->value->array;
    if (strcmp(p->path, slot->path) != 0 || !dnni_same_shape(now, &slot->array))
        return dnni_error(DNN_ERROR_STATE, "the module's tree has changed: make a new optimizer");
    if (now->dtype == slot->array.dtype) return DNN_OK;
    return dnni_error(DNN_ERROR_STATE, "%s: it was %s when the optimizer was made, now it is %s: make a new optimizer",
                      slot->path, dnn_dtype_name(slot->array.dtype), dnn_dtype_name(now->dtype));
}

dnn_status dnni_optimizer_look(const dnn_optimizer *o, const dnni_index **index) {
    DNNI_TRY(dnni_module_usable(o->module));
    DNNI_TRY(dnni_index_get(index, o->module));
    if ((*index)->n_parameters != o->index_size)
        return dnni_error(DNN_ERROR_STATE,
                          "the module has %lld parameters and buffers, %lld when the optimizer was made: make a new "
                          "optimizer",
                          (long long)(*index)->n_parameters, (long long)o->index_size);
    for (int64_t i = 0; i < o->n_slots; i++) DNNI_TRY(check_slot(&o->slots[i], *index));
    return DNN_OK;
}

/* A count of steps with the one to come; numbers that make no sense (the host may write to them) begin anew. */
static int64_t next_step(const dnn_tensor *steps) {
    int64_t done = steps ? *dnni_steps(steps) : 0;
    return done < 0 || done == INT64_MAX ? 1 : done + 1;
}

static dnnk_segment segment_of(const dnni_slot *slot, const dnni_parameter *p) {
    dnni_tensor_settle(p->gradient);
    dnnk_segment s = {.param = p->value->array.data, .grad = p->gradient->array.data,
                      .count = dnni_count(&slot->array), .step = next_step(slot->steps),
                      .rows = slot->rows};
    for (int32_t k = 0; k < DNNI_MOST_STATES; k++) s.state[k] = slot->state[k] ? slot->state[k]->array.data : NULL;
    return s;
}

enum { ALL_GROUPS = -1, TYPES = 2 };

static const dnn_dtype types[TYPES] = {DNN_F32, DNN_F64};

/* Lists the live parameters of one group and type in o->segments; returns their number. */
static int64_t gather(dnn_optimizer *o, const dnni_index *index, int64_t group, dnn_dtype dtype) {
    int64_t count = 0;
    for (int64_t i = 0; i < o->n_slots; i++) {
        const dnni_slot *slot = &o->slots[i];
        if (!is_live(index, slot) || slot->array.dtype != dtype) continue;
        if (group != ALL_GROUPS && slot->group != group) continue;
        o->segments[count++] = segment_of(slot, index->parameters[slot->place].parameter);
    }
    return count;
}

static dnn_status report_bad_norm(const dnn_optimizer *o, const dnni_index *index) {
    for (int64_t i = 0; i < o->n_slots; i++) {
        const dnni_slot *slot = &o->slots[i];
        if (!is_live(index, slot)) continue;
        dnnk_segment s = segment_of(slot, index->parameters[slot->place].parameter);
        double sum = dnnk_optim_squared_norm(dnni_env(o->base.ctx), dnni_type(slot->array.dtype), &s, 1, o->norm_work);
        if (!isfinite(sum))
            return dnni_error(DNN_ERROR_VALUE, "%s: its gradient is not finite, no step was made (after %lld steps)",
                              slot->path, (long long)*dnni_steps(o->steps));
    }
    return dnni_error(DNN_ERROR_VALUE, "the norm of the gradients is not finite, no step was made (after %lld steps)",
                      (long long)*dnni_steps(o->steps));
}

/* What the gradients are multiplied with, so that their norm is max_norm at the most. */
static dnn_status measure(dnn_optimizer *o, const dnni_index *index, double *scale) {
    *scale = 1;
    if (o->max_norm == 0) return DNN_OK;
    double sum = 0;
    for (int t = 0; t < TYPES; t++) {
        int64_t count = gather(o, index, ALL_GROUPS, types[t]);
        sum += dnnk_optim_squared_norm(dnni_env(o->base.ctx), dnni_type(types[t]), o->segments, count, o->norm_work);
    }
    o->norm = sqrt(sum);
    if (!isfinite(o->norm)) return report_bad_norm(o, index);
    if (isfinite(o->max_norm)) *scale = fmin(1, o->max_norm / (o->norm + 1e-6));
    return DNN_OK;
}

static void report_backwards(dnn_optimizer *o, const dnni_index *index) {
    int32_t most = 0;
    for (int64_t i = 0; i < o->n_slots; i++) {
        const dnn_module *owner = index->parameters[o->slots[i].place].owner;
        if (is_live(index, &o->slots[i]) && owner->pending_backwards > most) most = owner->pending_backwards;
    }
    long long step = (long long)next_step(o->steps);
    if (most == 0 && o->missteps.none++ == 0)
        dnni_log(o->base.ctx, DNN_LOG_WARNING, "optimizer, step %lld: no backward since the gradients were cleared",
                 step);
    if (most <= o->accumulation) return;
    if (most > o->missteps.most) o->missteps.most = most;
    if (o->missteps.many++ == 0)
        dnni_log(o->base.ctx, DNN_LOG_WARNING,
                 "optimizer, step %lld: the gradients of %d backwards are added up, %d declared: clear them "
                 "(dnn_optimizer_zero_grad), or declare it (dnn_optimizer_set_accumulation)",
                 step, most, o->accumulation);
}

static dnn_status make_states(dnn_optimizer *o, const dnni_index *index) {
    for (int64_t i = 0; i < o->n_slots; i++)
        if (is_live(index, &o->slots[i])) DNNI_TRY(dnni_slot_make_state(o, &o->slots[i]));
    return DNN_OK;
}

static void update(dnn_optimizer *o, const dnni_index *index, double grad_scale) {
    for (int64_t group = 0; group < o->n_groups; group++) {
        const dnni_group *g = &o->groups[group];
        dnni_rates rates = {dnni_optimizer_rate(o) * g->lr_factor, g->weight_decay, grad_scale};
        for (int t = 0; t < TYPES; t++) {
            int64_t count = gather(o, index, group, types[t]);
            if (count > 0) o->optimizer_class->update(o, dnni_type(types[t]), &rates, o->segments, count);
        }
    }
}

static void count_step(dnn_optimizer *o, const dnni_index *index) {
    for (int64_t i = 0; i < o->n_slots; i++) {
        if (!is_live(index, &o->slots[i])) continue;
        if (o->slots[i].steps) *dnni_steps(o->slots[i].steps) = next_step(o->slots[i].steps);
        dnni_tensor_written(index->parameters[o->slots[i].place].parameter->value);
    }
    *dnni_steps(o->steps) = next_step(o->steps);
}

dnn_status dnni_optimizer_look_at_gradients(dnn_optimizer *optimizer, const dnni_index *index) {
    double unused;
    DNNI_TRY(measure(optimizer, index, &unused));
    report_backwards(optimizer, index);
    return DNN_OK;
}

static dnn_status begin_step(const dnn_optimizer *optimizer, const dnni_index **index) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    DNNI_TRY(dnni_optimizer_look(optimizer, index));
    return dnni_check_rate(dnni_optimizer_rate(optimizer), "the optimizer's lr");
}

dnn_status dnn_optimizer_step(dnn_optimizer *optimizer) {
    const dnni_index *index;
    double grad_scale;
    DNNI_TRY(begin_step(optimizer, &index));
    if (optimizer->optimizer_class->step)
        return dnni_error(DNN_ERROR_STATE, "this optimizer asks for the loss several times in a step: "
                                           "dnn_optimizer_step_closure");
    DNNI_TRY(measure(optimizer, index, &grad_scale));
    DNNI_TRY(make_states(optimizer, index));
    report_backwards(optimizer, index);
    update(optimizer, index, grad_scale);
    count_step(optimizer, index);
    return DNN_OK;
}

static dnn_status evaluate_and_step(dnn_optimizer *optimizer, dnni_closure closure, void *user, double *loss) {
    uint64_t errors = dnni_error_count();
    dnn_status status = closure(user, loss);
    return status == DNN_OK ? dnn_optimizer_step(optimizer) : dnni_host_failed(status, errors, "closure");
}

dnn_status dnn_optimizer_step_closure(dnn_optimizer *optimizer, dnni_closure closure, void *user, double *loss) {
    const dnni_index *index;
    double value = NAN;
    DNNI_TRY(begin_step(optimizer, &index));
    DNNI_REQUIRE(closure, "closure is NULL");
    if (optimizer->optimizer_class->step) {
        DNNI_TRY(optimizer->optimizer_class->step(optimizer, index, closure, user, &value));
        *dnni_steps(optimizer->steps) = next_step(optimizer->steps);
    } else {
        DNNI_TRY(evaluate_and_step(optimizer, closure, user, &value));
    }
    if (loss) *loss = value;
    return DNN_OK;
}
