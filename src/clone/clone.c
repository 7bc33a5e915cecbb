#include "clone/clone.h"

#include <math.h>
#include <string.h>

/* Streams of random numbers: starting values, + the parameter's number. */
#define STREAM_START (UINT64_C(0xc10e) << 48)

/* ---- opening and closing ---- */

/* A step must not reach what was not copied. */
static dnn_status check_optimizer(const dnni_clone *c) {
    const dnni_index *stepped;
    uint64_t visit = dnni_next_visit();
    DNNI_TRY(dnni_index_get(&stepped, c->desc.optimizer->module));
    for (int64_t i = 0; i < c->index->n_modules; i++) c->index->modules[i].module->visit = visit;
    for (int64_t i = 0; i < stepped->n_parameters; i++)
        if (stepped->parameters[i].owner->visit != visit)
            return dnni_error(DNN_ERROR_ARGUMENT, "the optimizer is of another module: it steps %s, which this one has "
                              "not", stepped->parameters[i].path);
    return DNN_OK;
}

static bool all_frozen(const dnn_module *layer) {
    for (int64_t i = 0; i < layer->parameters.count; i++)
        if (!layer->parameters.items[i].frozen) return false;
    return layer->parameters.count > 0;
}

/* Which parameters and buffers get new values. */
static dnn_status choose_drawn(dnni_clone *c) {
    c->drawn = dnni_pool_alloc(&c->pool, c->index->n_parameters, sizeof *c->drawn);
    if (!c->drawn) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; c->desc.fresh && i < c->index->n_parameters; i++) {
        const dnni_index_parameter *p = &c->index->parameters[i];
        bool frozen = p->is_buffer ? all_frozen(p->owner) : p->parameter->frozen;
        c->drawn[i] = !frozen && dnni_is_real(p->parameter->value->array.dtype);
    }
    return DNN_OK;
}

static dnn_status make(dnni_clone *c) {
    dnn_module *module = c->desc.module;
    DNNI_TRY(dnni_module_usable(module));
    DNNI_TRY(dnni_index_get(&c->index, module));
    if (c->desc.optimizer) DNNI_TRY(check_optimizer(c));
    DNNI_TRY(choose_drawn(c));
    DNNI_TRY(dnni_module_note_make(&c->note, &c->pool, module, c->index));
    DNNI_TRY(dnni_copy_make(&c->copy, &c->pool, c->index, DNN_DTYPE_NONE));
    if (!c->desc.optimizer) return DNN_OK;
    return dnni_optimizer_aside_make(&c->optimizer, &c->pool, c->desc.optimizer, c->desc.keep_state);
}

dnn_status dnni_clone_open(dnni_clone *c, const dnni_clone_desc *desc) {
    *c = (dnni_clone){.desc = *desc};
    c->pool.ctx = dnni_context_of(desc->module);
    DNNI_TRY(make(c));
    dnni_clone_put_in(c);
    dnni_clone_train_mode(c);
    dnni_clone_restart(c, 0);
    return DNN_OK;
}

void dnni_clone_close(dnni_clone *c) {
    dnni_clone_take_out(c);
    dnni_loss_aside_free(&c->loss);
    dnni_optimizer_aside_free(&c->optimizer);
    dnni_copy_free(&c->copy);
    dnni_pool_free(&c->pool);
    *c = (dnni_clone){0};
}

/* ---- in and out ---- */

static void exchange(dnni_clone *c) {
    dnni_module_note_exchange(&c->note);
    dnni_optimizer_exchange(&c->optimizer);
    if (c->desc.loss) dnni_loss_exchange(c->desc.loss, &c->loss);
    c->is_in = !c->is_in;
}

void dnni_clone_put_in(dnni_clone *c) {
    if (c->is_in) return;
    dnni_copy_put_in(&c->copy);
    exchange(c);
}

void dnni_clone_take_out(dnni_clone *c) {
    if (!c->is_in) return;
    dnni_copy_take_out(&c->copy);
    exchange(c);
}

/* ---- the start ---- */

static void start_values(const dnni_clone *c, int64_t i, uint64_t seed) {
    const dnni_parameter *p = c->index->parameters[i].parameter;
    const dnn_array *from = &c->copy.values[i]->array, *to = &p->value->array;
    int64_t first = 0, count = dnni_count(to), size = dnn_dtype_size(to->dtype);
    if (c->drawn[i]) {
        dnni_init_fill(to, &p->init, dnni_env(c->pool.ctx), seed, STREAM_START + (uint64_t)i);
        first = p->given_first;
        count = p->n_given;
    }
    if (count > 0)
        memcpy((char *)to->data + first * size, (const char *)from->data + first * size, (size_t)(count * size));
    dnni_tensor_written(p->value);
}

void dnni_clone_restart(dnni_clone *c, uint64_t seed) {
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        dnn_tensor *gradient = c->index->parameters[i].parameter->gradient;
        start_values(c, i, seed);
        if (gradient) dnni_tensor_clear(gradient);
    }
    for (int64_t i = 0; i < c->index->n_modules; i++) c->index->modules[i].module->pending_backwards = 0;
    dnni_module_note_counters(&c->note);
    dnni_optimizer_restart(&c->optimizer);
}

/* ---- settings ---- */

void dnni_clone_train_mode(dnni_clone *c) {
    dnni_module_note_modes(&c->note);
    if (!dnni_module_any_training(c->desc.module)) dnn_module_train(c->desc.module);
    for (int64_t i = 0; c->desc.no_dropout && i < c->index->n_modules; i++) {
        dnn_module *m = c->index->modules[i].module;
        if (strcmp(dnni_module_type(m), "dropout") == 0) m->training = false;
    }
}

void dnni_clone_set_decay(dnni_clone *c, double weight_decay) {
    dnn_optimizer *o = c->desc.optimizer;
    o->weight_decay = weight_decay;
    for (int64_t i = 0; i < o->n_groups; i++) o->groups[i].weight_decay = weight_decay;
}

/* ---- steps ---- */

typedef struct {
    const dnni_clone *clone;
    const dnn_tensor *x, *target;
    bool evaluated;
} batch;

static dnn_status evaluate_batch(void *user, double *value) {
    batch *b = user;
    const dnn_tensor *y, *dy;
    b->evaluated = false;
    dnn_module *module = b->clone->desc.module;
    DNNI_TRY(dnn_module_zero_grad(module));
    DNNI_TRY(dnn_module_forward(module, b->x, &y));
    DNNI_TRY(dnn_loss_evaluate(b->clone->desc.loss, y, b->target, value, &dy));
    DNNI_TRY(dnn_module_backward(module, dy, NULL));
    b->evaluated = true;
    return DNN_OK;
}

dnn_status dnni_clone_train(dnni_clone *c, const dnn_tensor *x, const dnn_tensor *target, double *value) {
    batch b = {c, x, target, false};
    dnn_optimizer *o = c->desc.optimizer;
    dnn_status status = dnn_optimizer_step_closure(o, evaluate_batch, &b, value);
    if (status != DNN_ERROR_VALUE || !b.evaluated || isfinite(o->norm)) return status;
    *value = (double)NAN;
    return DNN_OK;
}

/* A forward in evaluation mode draws nothing and moves no statistics. */
dnn_status dnni_clone_evaluate(dnni_clone *c, const dnn_tensor *x, const dnn_tensor *target, double *value,
                               const dnn_tensor **y) {
    const dnn_tensor *output = NULL;
    dnn_module *module = c->desc.module;
    dnn_module_eval(module);
    dnn_status status = dnn_module_forward(module, x, &output);
    dnni_clone_train_mode(c);
    if (y) *y = output;
    return status == DNN_OK ? dnn_loss_evaluate(c->desc.loss, output, target, value, NULL) : status;
}
