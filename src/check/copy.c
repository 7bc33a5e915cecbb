#include "check/copy.h"

/* ---- copies ---- */

static dnn_status convert(dnn_tensor **out, const dnn_tensor *tensor, dnn_dtype dtype) {
    return dnn_tensor_cast(out, tensor, dtype, DNN_CAST_LOSSY, NULL);
}

static dnn_status copy_inputs(check_copy *c, const dnn_tensor *const *inputs) {
    for (int32_t i = 0; i < c->n_inputs; i++) {
        if (dnni_is_real(inputs[i]->array.dtype)) DNNI_TRY(convert(&c->inputs[i], inputs[i], c->dtype));
        else DNNI_TRY(dnn_tensor_clone(&c->inputs[i], inputs[i]));
    }
    return DNN_OK;
}

static dnn_status copy_parameters(check_copy *c) {
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        const dnni_parameter *p = c->index->parameters[i].parameter;
        DNNI_TRY(convert(&c->values[i], p->value, c->dtype));
        if (p->gradient) DNNI_TRY(dnni_tensor_like(&c->gradients[i], c->ctx, &c->values[i]->array));
    }
    return DNN_OK;
}

dnn_status dnni_gradcheck_make_copy(check_copy *c, dnni_pool *pool, dnn_module *module, const dnni_index *index,
                                    const dnn_tensor *const *inputs, int32_t n_inputs, dnn_dtype dtype) {
    *c = (check_copy){.ctx = dnni_context_of(module), .index = index, .dtype = dtype};
    c->inputs = dnni_pool_alloc(pool, n_inputs, sizeof *c->inputs);
    c->values = dnni_pool_alloc(pool, index->n_parameters, sizeof *c->values);
    c->gradients = dnni_pool_alloc(pool, index->n_parameters, sizeof *c->gradients);
    if (!c->inputs || !c->values || !c->gradients) return DNN_ERROR_MEMORY;
    c->n_inputs = n_inputs;
    c->runner = dnni_runner_new(c->ctx, DNNI_TO_RUN);
    if (!c->runner) return DNN_ERROR_MEMORY;
    DNNI_TRY(copy_inputs(c, inputs));
    return copy_parameters(c);
}

static void swap(dnn_tensor **a, dnn_tensor **b) {
    dnn_tensor *t = *a;
    *a = *b;
    *b = t;
}

static void exchange(check_copy *c) {
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        dnni_parameter *p = c->index->parameters[i].parameter;
        swap(&p->value, &c->values[i]);
        swap(&p->gradient, &c->gradients[i]);
    }
}

void dnni_gradcheck_put_in(check_copy *c) {
    if (!c->is_in) exchange(c);
    c->is_in = true;
}

void dnni_gradcheck_take_out(check_copy *c) {
    if (c->is_in) exchange(c);
    c->is_in = false;
}

void dnni_gradcheck_free_copy(check_copy *c) {
    dnni_gradcheck_take_out(c);
    dnni_runner_free(c->runner);
    for (int32_t i = 0; i < c->n_inputs; i++) dnn_tensor_release(c->inputs[i]);
    for (int64_t i = 0; c->values && c->gradients && i < c->index->n_parameters; i++) {
        dnn_tensor_release(c->values[i]);
        dnn_tensor_release(c->gradients[i]);
    }
    *c = (check_copy){0};
}

/* ---- state ---- */

dnn_status dnni_gradcheck_note_state(check_state *s, dnni_pool *pool, dnn_module *module, const dnni_index *index) {
    s->modules = dnni_pool_alloc(pool, index->n_modules, sizeof *s->modules);
    s->frozen = dnni_pool_alloc(pool, index->n_parameters, sizeof *s->frozen);
    if (!s->modules || !s->frozen) return DNN_ERROR_MEMORY;
    s->index = index;
    s->gradient_flags = module->gradient_flags;
    for (int64_t i = 0; i < index->n_modules; i++) {
        const dnn_module *m = index->modules[i].module;
        s->modules[i] = (struct check_module_state){m->forwards, m->pending_backwards, m->training};
    }
    for (int64_t i = 0; i < index->n_parameters; i++) s->frozen[i] = index->parameters[i].parameter->frozen;
    s->module = module;
    return DNN_OK;
}

void dnni_gradcheck_restore_counters(const check_state *s) {
    for (int64_t i = 0; i < s->index->n_modules; i++) s->index->modules[i].module->forwards = s->modules[i].forwards;
}

void dnni_gradcheck_restore_state(const check_state *s) {
    if (!s->module) return;
    dnni_gradcheck_restore_counters(s);
    s->module->gradient_flags = s->gradient_flags;
    for (int64_t i = 0; i < s->index->n_modules; i++) {
        dnn_module *m = s->index->modules[i].module;
        m->pending_backwards = s->modules[i].pending_backwards;
        m->training = s->modules[i].training;
    }
    for (int64_t i = 0; i < s->index->n_parameters; i++) s->index->parameters[i].parameter->frozen = s->frozen[i];
}
