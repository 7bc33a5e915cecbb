#include "tune/memory.h"

#include <dnn/tune.h>

#include "core/available.h"
#include "data/loader.h"
#include "graph/plan.h"

int64_t dnn_memory_available(void) { return dnni_available_memory(""); }

static dnn_status count_parameters(const tune_parts *p, tune_bytes *b) {
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, p->module));
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_parameter *parameter = index->parameters[i].parameter;
        b->parameters += dnni_bytes(&parameter->value->array) * (parameter->gradient ? 2 : 1);
    }
    return DNN_OK;
}

static dnn_status count_state(const tune_parts *p, tune_bytes *b) {
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, p->optimizer->module));
    b->state = dnni_optimizer_state_bytes(p->optimizer, index);
    return DNN_OK;
}

/* dL/dy, and the losses of the elements where they are kept. */
static dnn_status count_loss(const tune_parts *p, const dnn_array *y, const dnn_array *target, tune_bytes *b) {
    dnn_array each;
    dnn_status status = p->loss->loss_class->shape(p->loss, y, target, &each);
    if (status != DNN_OK) dnni_error_prefix(p->loss->loss_class->type);
    if (status == DNN_OK) b->loss = dnni_bytes(y);
    if (status == DNN_OK && p->loss->reduction == DNN_REDUCTION_NONE) b->loss += dnni_bytes(&each);
    return status;
}

static dnn_status count_plan(const tune_parts *p, int64_t batch, tune_bytes *b) {
    dnn_array x, target;
    dnni_plan *plan = NULL;
    DNNI_TRY(dnni_batch_array(&x, &p->data->input, batch));
    DNNI_TRY(dnni_batch_array(&target, &p->data->target, batch));
    DNNI_TRY(dnni_plan_make(&plan, p->module, &x, 1, DNNI_TO_TRY));
    b->arena = plan->arena_bytes;
    dnn_status status = DNN_OK;
    if (plan->n_outputs == 1) status = count_loss(p, &plan->values[plan->outputs[0]].array, &target, b);
    else status = dnni_error(DNN_ERROR_ARGUMENT, "the module has %d outputs, it must have 1", plan->n_outputs);
    dnni_plan_free(plan);
    return status;
}

dnn_status dnni_tune_bytes(const tune_parts *p, int64_t batch, int32_t prefetch, tune_bytes *b) {
    *b = (tune_bytes){0};
    dnn_loader_desc loader = {DNN_SIZED(dnn_loader_desc), .batch_size = batch, .shuffle = 1, .prefetch = prefetch};
    DNNI_TRY(count_parameters(p, b));
    DNNI_TRY(count_state(p, b));
    DNNI_TRY(count_plan(p, batch, b));
    b->loader = dnni_loader_bytes(p->data, &loader);
    int64_t total;
    int64_t budget = p->module->memory_budget; /* beyond it the module does not run */
    bool allowed = budget <= 0 || b->arena <= budget;
    bool fits = allowed && b->loader >= 0 && dnni_add(b->parameters, b->state, &total) &&
                dnni_add(total, b->arena, &total) && dnni_add(total, b->loss, &total) &&
                dnni_add(total, b->loader, &total);
    b->total = fits ? total : -1;
    return DNN_OK;
}
