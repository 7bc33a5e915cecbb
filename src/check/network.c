#include "check/network.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rng/rng.h"

/* ---- running ---- */

static void restore_buffers(const check_network *n) {
    for (int64_t i = 0; i < n->index->n_parameters; i++) {
        if (!n->buffers[i]) continue;
        const dnn_array *a = &n->index->parameters[i].parameter->value->array;
        for (int64_t k = 0, count = dnni_count(a); k < count; k++) dnni_store(a->dtype, a->data, k, n->buffers[i][k]);
    }
}

dnn_status dnni_gradcheck_forward(check_network *n, check_copy *copy, uint64_t *choices) {
    dnni_module_note_counters(&n->state);
    restore_buffers(n);
    dnni_runner *runner = n->module->runner;
    dnni_runner_watch(runner, &(dnni_watch){.choices = choices});
    dnn_status status = dnni_runner_forward(runner, n->module, (const dnn_tensor *const *)copy->inputs, n->n_inputs,
                                            n->outputs, n->n_outputs);
    dnni_runner_watch(runner, &(dnni_watch){.choices = NULL});
    return status;
}

dnn_status dnni_gradcheck_backward(check_network *n, dnn_tensor *const *cotangents) {
    return dnni_runner_backward(n->module->runner, n->module, (const dnn_tensor *const *)cotangents, n->n_outputs,
                                n->input_gradients, n->n_inputs);
}

void dnni_gradcheck_clear_gradients(const check_network *n) {
    for (int64_t i = 0; i < n->index->n_parameters; i++) {
        const dnn_tensor *gradient = n->index->parameters[i].parameter->gradient;
        int64_t bytes = gradient ? dnni_bytes(&gradient->array) : 0;
        if (bytes > 0) memset(gradient->array.data, 0, (size_t)bytes);
    }
}

const dnn_array *dnni_gradcheck_gradient(const check_network *n, int64_t tensor) {
    const check_source *s = &n->sources[tensor];
    if (s->input >= 0) return &n->input_gradients[s->input]->array;
    return &n->index->parameters[s->parameter].parameter->gradient->array;
}

/* ---- the module alone ---- */

static dnn_status observe_outputs(check_problem *p, double *y, uint64_t *choices) {
    check_network *n = p->self;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, choices));
    for (int32_t i = 0; i < n->n_outputs; i++) {
        const dnn_array *a = &n->outputs[i]->array;
        if (!n->cotangents[i]) continue;
        int64_t count = dnni_count(a);
        if (count > 0) memcpy(y, a->data, (size_t)count * sizeof(double));
        y += count;
    }
    return DNN_OK;
}

static dnn_status back_from(check_network *n, dnn_tensor *const *cotangents) {
    dnni_gradcheck_clear_gradients(n);
    DNNI_TRY(dnni_gradcheck_backward(n, cotangents));
    for (int64_t i = 0; i < n->n_tensors; i++) n->tensors[i].gradient = dnni_gradcheck_gradient(n, i)->data;
    return DNN_OK;
}

static dnn_status differentiate_outputs(check_problem *p) {
    check_network *n = p->self;
    p->evaluations++;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    return back_from(n, n->cotangents);
}

/* ---- followed by a loss ---- */

static dnn_status observe_loss(check_problem *p, double *y, uint64_t *choices) {
    check_network *n = p->self;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, choices));
    return dnn_loss_evaluate(n->loss.loss, n->outputs[0], n->loss.target, y, NULL);
}

static dnn_status differentiate_loss(check_problem *p) {
    check_network *n = p->self;
    const dnn_tensor *dy;
    p->evaluations++;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    DNNI_TRY(dnn_loss_evaluate(n->loss.loss, n->outputs[0], n->loss.target, NULL, &dy));
    dnn_tensor *cotangent = (dnn_tensor *)dy; /* read only, as all cotangents */
    return back_from(n, &cotangent);
}

/* ---- entering a phase ---- */

static void set_modes(const check_network *n, dnn_check_phase phase) {
    for (int64_t i = 0; i < n->index->n_modules; i++) {
        bool as_is = n->state.modules[i].training;
        n->index->modules[i].module->training = phase == DNN_CHECK_AS_IS ? as_is : phase == DNN_CHECK_TRAIN;
    }
    for (int64_t i = 0; i < n->index->n_parameters; i++) n->index->parameters[i].parameter->frozen = false;
    n->module->gradient_flags = DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL;
}

/* Numbers of either sign, none of them small: ±[0.5, 1.5). */
static void draw_cotangent(check_network *n, const dnn_check_desc *o, int32_t output, double *weights) {
    double *v = n->cotangents[output]->array.data;
    uint64_t stream = dnni_gradcheck_stream(CHECK_WEIGHTS, output, 0);
    for (int64_t i = 0, count = dnni_count(&n->cotangents[output]->array); i < count; i++) {
        double u = 2 * dnnk_random_uniform(o->seed, stream, (uint64_t)i) - 1;
        v[i] = weights[i] = u + copysign(0.5, u);
    }
}

static int64_t count_outputs(const check_network *n) {
    int64_t count = 0;
    for (int32_t i = 0; i < n->n_outputs; i++)
        if (dnni_is_real(n->outputs[i]->array.dtype)) count += dnni_count(&n->outputs[i]->array);
    return count;
}

static void release_cotangents(check_network *n) {
    for (int32_t i = 0; n->cotangents && i < n->n_outputs; i++) {
        dnn_tensor_release(n->cotangents[i]);
        n->cotangents[i] = NULL;
    }
}

static dnn_status make_cotangents(check_network *n, const dnn_check_desc *o) {
    bool any = false;
    double *weights = n->alone.weights;
    release_cotangents(n);
    for (int32_t i = 0; i < n->n_outputs; i++) {
        const dnn_array *y = &n->outputs[i]->array;
        if (!dnni_is_real(y->dtype)) continue;
        if (y->dtype != DNN_F64)
            return dnni_error(DNN_ERROR_UNSUPPORTED,
                              "output %d is float32 where all else is float64: the layer that makes "
                              "it must follow its inputs' type to be checked",
                              i);
        DNNI_TRY(dnni_tensor_like(&n->cotangents[i], n->ctx, y));
        draw_cotangent(n, o, i, weights);
        weights += dnni_count(y);
        any = true;
    }
    return any ? DNN_OK : dnni_error(DNN_ERROR_UNSUPPORTED, "no output of the module is float: there is no gradient");
}

static check_problem new_problem(check_network *n, const dnn_check_desc *o) {
    return (check_problem){.ctx = n->ctx,
                           .pool = &n->pool,
                           .tensors = n->tensors,
                           .n_tensors = n->n_tensors,
                           .tolerance = o->tolerance,
                           .seed = o->seed,
                           .self = n};
}

static dnn_status make_problems(check_network *n, const dnn_check_desc *o) {
    n->alone = new_problem(n, o);
    n->alone.observe = observe_outputs;
    n->alone.differentiate = differentiate_outputs;
    DNNI_TRY(dnni_gradcheck_make_room(&n->alone, count_outputs(n)));
    if (!n->loss.loss) return DNN_OK;
    n->followed = new_problem(n, o);
    n->followed.observe = observe_loss;
    n->followed.differentiate = differentiate_loss;
    DNNI_TRY(dnni_gradcheck_make_room(&n->followed, 1));
    n->followed.weights[0] = 1;
    return DNN_OK;
}

/* A layer that has no float64 says so in its own words; this adds what that means here. */
static dnn_status explain(const check_network *n, dnn_status status) {
    if (status != DNN_ERROR_DTYPE || n->dtype == DNN_F64) return status;
    dnni_error_prefix("the check runs in float64, which every layer must take (let its shape rule accept DNN_F64, and "
                      "compute in the type of its inputs)");
    dnni_saved_error saved;
    dnni_error_save(&saved);
    saved.status = DNN_ERROR_UNSUPPORTED;
    return dnni_error_restore(&saved);
}

dnn_status dnni_gradcheck_enter_phase(check_network *n, dnn_check_phase phase, const dnn_check_desc *o) {
    dnni_copy_put_in(&n->f64.module);
    for (int64_t i = 0; i < n->n_tensors; i++) dnni_gradcheck_go_home(&n->tensors[i]);
    set_modes(n, phase);
    dnn_status status = dnni_gradcheck_forward(n, &n->f64, NULL);
    if (status != DNN_OK) return explain(n, status);
    DNNI_TRY(make_problems(n, o));
    return make_cotangents(n, o);
}

/* ---- opening ---- */

static dnn_status keep_home(check_tensor *t, dnni_pool *pool) {
    t->home = dnni_pool_alloc(pool, t->count, sizeof(double));
    t->analytic = dnni_pool_alloc(pool, t->count, sizeof(double));
    if (!t->home || !t->analytic) return DNN_ERROR_MEMORY;
    memcpy(t->home, t->array.data, (size_t)t->count * sizeof(double));
    return DNN_OK;
}

/* A tensor without elements has no derivatives. */
static dnn_status add_tensor(check_network *n, const char *path, const dnn_tensor *copy, check_source source) {
    if (!path) return DNN_ERROR_MEMORY;
    int64_t count = dnni_count(&copy->array);
    if (count == 0) return DNN_OK;
    check_tensor *t = &n->tensors[n->n_tensors];
    *t = (check_tensor){
        .path = path, .array = copy->array, .count = count, .number = n->n_tensors, .float32_error = (double)NAN};
    n->sources[n->n_tensors++] = source;
    return keep_home(t, &n->pool);
}

static dnn_status add_input(check_network *n, int32_t i) {
    char name[32];
    if (!dnni_is_real(n->f64.inputs[i]->array.dtype)) return DNN_OK;
    snprintf(name, sizeof name, "input %d", i);
    return add_tensor(n, dnni_pool_string(&n->pool, name), n->f64.inputs[i], (check_source){i, -1});
}

static dnn_status keep_buffer(check_network *n, int64_t i) {
    const dnn_array *a = &n->f64.module.values[i]->array;
    n->buffers[i] = dnni_pool_alloc(&n->pool, dnni_count(a), sizeof(double));
    if (!n->buffers[i]) return DNN_ERROR_MEMORY;
    for (int64_t k = 0, count = dnni_count(a); k < count; k++) n->buffers[i][k] = ((const double *)a->data)[k];
    return DNN_OK;
}

static dnn_status list_tensors(check_network *n) {
    int64_t most = n->n_inputs + n->index->n_parameters;
    n->tensors = dnni_pool_alloc(&n->pool, most, sizeof *n->tensors);
    n->sources = dnni_pool_alloc(&n->pool, most, sizeof *n->sources);
    n->buffers = dnni_pool_alloc(&n->pool, n->index->n_parameters, sizeof *n->buffers);
    if (!n->tensors || !n->sources || !n->buffers) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n->n_inputs; i++) DNNI_TRY(add_input(n, i));
    for (int64_t i = 0; i < n->index->n_parameters; i++) {
        const dnni_index_parameter *p = &n->index->parameters[i];
        if (p->is_buffer) DNNI_TRY(keep_buffer(n, i));
        else
            DNNI_TRY(add_tensor(n, dnni_pool_string(&n->pool, p->path), n->f64.module.values[i],
                                (check_source){-1, i}));
    }
    return DNN_OK;
}

static void select_tensors(check_network *n, const dnn_check_desc *o) {
    for (int64_t i = 0; i < n->n_tensors; i++) {
        int32_t skipped = n->sources[i].input >= 0 ? DNN_CHECK_NO_INPUTS : DNN_CHECK_NO_PARAMETERS;
        n->tensors[i].selected = !(o->skip & skipped) && (!o->only || dnni_path_matches(o->only, n->tensors[i].path));
    }
}

static int64_t calls_of(const check_network *n, const dnn_module *child) {
    int64_t calls = 0;
    for (int64_t i = 0; i < n->index->n_modules; i++) {
        const dnn_module *m = n->index->modules[i].module;
        for (int64_t k = 0; k < m->n_calls; k++) calls += m->children[m->calls[k].child].module == child;
    }
    return calls;
}

/* Parameters of modules that are applied more than once. */
static void mark_shared(check_network *n) {
    for (int64_t i = 1; i < n->index->n_modules; i++) {
        const dnni_index_module *m = &n->index->modules[i];
        size_t length = strlen(m->path);
        if (calls_of(n, m->module) < 2) continue;
        for (int64_t k = 0; k < n->n_tensors; k++)
            if (strncmp(n->tensors[k].path, m->path, length) == 0 && n->tensors[k].path[length] == '.')
                n->tensors[k].shared = true;
    }
}

static dnn_status make_lists(check_network *n) {
    n->n_outputs = n->module->layer_class ? 1 : (int32_t)n->module->outputs.count;
    n->outputs = dnni_pool_alloc(&n->pool, n->n_outputs, sizeof *n->outputs);
    n->cotangents = dnni_pool_alloc(&n->pool, n->n_outputs, sizeof *n->cotangents);
    n->input_gradients = dnni_pool_alloc(&n->pool, n->n_inputs, sizeof *n->input_gradients);
    return n->outputs && n->cotangents && n->input_gradients ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_gradcheck_open(check_network *n, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                               const dnn_check_desc *o) {
    *n = (check_network){.ctx = dnni_context_of(module), .module = module, .n_inputs = n_inputs};
    n->pool.ctx = n->ctx;
    n->dtype = dnni_module_dtype(module);
    DNNI_TRY(dnni_index_get(&n->index, module));
    DNNI_TRY(dnni_module_note_make(&n->state, &n->pool, module, n->index));
    DNNI_TRY(make_lists(n));
    DNNI_TRY(dnni_gradcheck_make_copy(&n->f64, &n->pool, n->index, inputs, n_inputs, DNN_F64));
    if (!(o->skip & DNN_CHECK_NO_FLOAT32))
        DNNI_TRY(dnni_gradcheck_make_copy(&n->f32, &n->pool, n->index, inputs, n_inputs, DNN_F32));
    DNNI_TRY(list_tensors(n));
    select_tensors(n, o);
    mark_shared(n);
    return o->loss ? dnni_gradcheck_begin_loss(&n->loss, o->loss, o->target) : DNN_OK;
}

void dnni_gradcheck_close(check_network *n) {
    dnni_gradcheck_free_copy(&n->f64);
    dnni_gradcheck_free_copy(&n->f32);
    dnni_module_note_exchange(&n->state);
    dnni_gradcheck_end_loss(&n->loss);
    release_cotangents(n);
}
