#include "graph/copy.h"

/* ---- copies ---- */

static dnn_status convert(dnn_tensor **out, const dnn_tensor *tensor, dnn_dtype dtype) {
    if (dtype == DNN_DTYPE_NONE) return dnn_tensor_clone(out, tensor);
    return dnn_tensor_cast(out, tensor, dtype, DNN_CAST_LOSSY, NULL);
}

static dnn_status copy_parameters(dnni_copy *c, dnn_context *ctx, dnn_dtype dtype) {
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        const dnni_parameter *p = c->index->parameters[i].parameter;
        DNNI_TRY(convert(&c->values[i], p->value, dtype));
        if (p->gradient) DNNI_TRY(dnni_tensor_like(&c->gradients[i], ctx, &c->values[i]->array));
    }
    return DNN_OK;
}

dnn_status dnni_copy_make(dnni_copy *c, dnni_pool *pool, const dnni_index *index, dnn_dtype dtype) {
    *c = (dnni_copy){.index = index};
    c->values = dnni_pool_alloc(pool, index->n_parameters, sizeof *c->values);
    c->gradients = dnni_pool_alloc(pool, index->n_parameters, sizeof *c->gradients);
    c->runners = dnni_pool_alloc(pool, index->n_modules, sizeof *c->runners);
    if (!c->values || !c->gradients || !c->runners) return DNN_ERROR_MEMORY;
    c->runners[0] = dnni_runner_new(pool->ctx, DNNI_TO_TRY);
    return c->runners[0] ? copy_parameters(c, pool->ctx, dtype) : DNN_ERROR_MEMORY;
}

static void exchange(dnni_copy *c) {
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        dnni_parameter *p = c->index->parameters[i].parameter;
        DNNI_SWAP(dnn_tensor *, p->value, c->values[i]);
        DNNI_SWAP(dnn_tensor *, p->gradient, c->gradients[i]);
    }
    for (int64_t i = 0; i < c->index->n_modules; i++)
        DNNI_SWAP(dnni_runner *, c->index->modules[i].module->runner, c->runners[i]);
    c->is_in = !c->is_in;
}

void dnni_copy_put_in(dnni_copy *c) {
    if (!c->is_in) exchange(c);
}

void dnni_copy_take_out(dnni_copy *c) {
    if (c->is_in) exchange(c);
}

void dnni_copy_free(dnni_copy *c) {
    dnni_copy_take_out(c);
    for (int64_t i = 0; c->runners && i < c->index->n_modules; i++) dnni_runner_free(c->runners[i]);
    for (int64_t i = 0; c->values && c->gradients && i < c->index->n_parameters; i++) {
        dnn_tensor_release(c->values[i]);
        dnn_tensor_release(c->gradients[i]);
    }
    *c = (dnni_copy){0};
}

/* ---- the note ---- */

dnn_status dnni_module_note_make(dnni_module_note *n, dnni_pool *pool, dnn_module *module, const dnni_index *index) {
    n->modules = dnni_pool_alloc(pool, index->n_modules, sizeof *n->modules);
    n->frozen = dnni_pool_alloc(pool, index->n_parameters, sizeof *n->frozen);
    if (!n->modules || !n->frozen) return DNN_ERROR_MEMORY;
    n->index = index;
    n->gradient_flags = module->gradient_flags;
    n->memory_budget = module->memory_budget;
    for (int64_t i = 0; i < index->n_modules; i++) {
        const dnn_module *m = index->modules[i].module;
        n->modules[i] = (struct dnni_noted_module){m->forwards, m->pending_backwards, m->training};
    }
    for (int64_t i = 0; i < index->n_parameters; i++) n->frozen[i] = index->parameters[i].parameter->frozen;
    n->module = module;
    return DNN_OK;
}

void dnni_module_note_counters(const dnni_module_note *n) {
    for (int64_t i = 0; i < n->index->n_modules; i++) n->index->modules[i].module->forwards = n->modules[i].forwards;
}

void dnni_module_note_modes(const dnni_module_note *n) {
    for (int64_t i = 0; i < n->index->n_modules; i++) n->index->modules[i].module->training = n->modules[i].training;
}

void dnni_module_note_exchange(dnni_module_note *n) {
    if (!n->module) return;
    DNNI_SWAP(int32_t, n->gradient_flags, n->module->gradient_flags);
    DNNI_SWAP(int64_t, n->memory_budget, n->module->memory_budget);
    for (int64_t i = 0; i < n->index->n_modules; i++) {
        dnn_module *m = n->index->modules[i].module;
        DNNI_SWAP(uint64_t, n->modules[i].forwards, m->forwards);
        DNNI_SWAP(int32_t, n->modules[i].pending_backwards, m->pending_backwards);
        DNNI_SWAP(bool, n->modules[i].training, m->training);
    }
    for (int64_t i = 0; i < n->index->n_parameters; i++)
        DNNI_SWAP(bool, n->frozen[i], n->index->parameters[i].parameter->frozen);
}
