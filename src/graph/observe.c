/* A forward that is looked at, and leaves no trace. */
#include <string.h>

#include "graph/index.h"
#include "graph/runner.h"

/* What a forward in training changes: buffers, and counters of random numbers. */
typedef struct {
    dnni_pool pool;
    const dnni_index *index;
    void **buffers; /* copies, in the index's order; NULL for parameters */
    uint64_t *forwards;
} trace;

static dnn_status note(trace *t) {
    const dnni_index *index = t->index;
    t->buffers = dnni_pool_alloc(&t->pool, index->n_parameters, sizeof *t->buffers);
    t->forwards = dnni_pool_alloc(&t->pool, index->n_modules, sizeof *t->forwards);
    if (!t->buffers || !t->forwards) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < index->n_modules; i++) t->forwards[i] = index->modules[i].module->forwards;
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnn_array *a = &index->parameters[i].parameter->value->array;
        if (!index->parameters[i].is_buffer) continue;
        t->buffers[i] = dnni_pool_alloc(&t->pool, dnni_bytes(a), 1);
        if (!t->buffers[i]) return DNN_ERROR_MEMORY;
        if (dnni_bytes(a) > 0) memcpy(t->buffers[i], a->data, (size_t)dnni_bytes(a));
    }
    return DNN_OK;
}

static void wipe(const trace *t) {
    for (int64_t i = 0; i < t->index->n_modules; i++) t->index->modules[i].module->forwards = t->forwards[i];
    for (int64_t i = 0; i < t->index->n_parameters; i++) {
        const dnn_array *a = &t->index->parameters[i].parameter->value->array;
        if (t->buffers[i] && dnni_bytes(a) > 0) memcpy(a->data, t->buffers[i], (size_t)dnni_bytes(a));
    }
}

static dnn_status look(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                       const dnni_watch *watch) {
    dnni_runner *runner = dnni_runner_new(module->base.ctx, DNNI_TO_OBSERVE);
    if (!runner) return DNN_ERROR_MEMORY;
    dnni_runner_watch(runner, watch);
    dnn_status status = dnni_runner_look(runner, module, inputs, n_inputs);
    dnni_runner_free(runner);
    return status;
}

dnn_status dnn_module_observe(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                              dnn_status (*see)(void *user, const dnn_observation *observation), void *user) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_tensors(module, inputs, n_inputs, false, "input"));
    DNNI_REQUIRE(see, "see is NULL");
    DNNI_TRY(dnni_module_usable(module));
    trace t = {.pool = {.ctx = module->base.ctx}};
    DNNI_TRY(dnni_index_get(&t.index, module));
    dnn_status status = note(&t);
    if (status == DNN_OK) {
        status = look(module, inputs, n_inputs, &(dnni_watch){.see = see, .user = user});
        wipe(&t);
    }
    dnni_pool_free(&t.pool);
    return status;
}
