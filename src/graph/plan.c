#include "graph/plan.h"

#include <string.h>

dnn_status dnni_plan_grow(dnni_plan *plan, void **array, int64_t *capacity, int64_t needed, int64_t size) {
    if (needed <= *capacity) return DNN_OK;
    int64_t room = *capacity < 16 ? 16 : 2 * *capacity;
    if (room < needed) room = needed;
    void *grown = dnni_pool_alloc(&plan->pool, room, size);
    if (!grown) return DNN_ERROR_MEMORY;
    if (*capacity > 0) memcpy(grown, *array, (size_t)(*capacity * size));
    *array = grown;
    *capacity = room;
    return DNN_OK;
}

int32_t dnni_plan_buffer(dnni_plan *plan, int64_t bytes, int64_t first, int64_t last) {
    dnn_status status = dnni_plan_grow(plan, (void **)&plan->buffers, &plan->buffers_capacity, plan->n_buffers + 1,
                                       sizeof *plan->buffers);
    if (status != DNN_OK) return PLAN_NONE;
    plan->buffers[plan->n_buffers] =
        (plan_buffer){.bytes = bytes, .first = first, .last = last, .external = PLAN_NONE};
    return (int32_t)plan->n_buffers++;
}

static dnn_status copy_shapes(dnni_plan *plan, const dnn_array *inputs, int32_t n) {
    plan->input_shapes = dnni_pool_alloc(&plan->pool, n, sizeof *inputs);
    if (!plan->input_shapes) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n; i++) {
        plan->input_shapes[i] = inputs[i];
        plan->input_shapes[i].data = NULL;
    }
    plan->n_inputs = n;
    return DNN_OK;
}

static dnn_status check_budget(const dnni_plan *plan, int64_t budget) {
    if (plan->use != DNNI_TO_RUN || budget <= 0 || plan->arena_bytes <= budget) return DNN_OK;
    return dnni_error(DNN_ERROR_MEMORY,
                      "the arena needs at least %lld bytes for these inputs (%lld if nothing is computed again), "
                      "dnn_module_set_memory allows %lld",
                      (long long)plan->arena_bytes, (long long)plan->arena_bytes_without, (long long)budget);
}

static dnn_status compile(dnni_plan *plan, dnn_module *module, const dnn_array *inputs, int32_t n_inputs) {
    DNNI_TRY(copy_shapes(plan, inputs, n_inputs));
    DNNI_TRY(dnni_plan_expand(plan, module));
    if (plan->use != DNNI_TO_OBSERVE) DNNI_TRY(dnni_plan_fuse(plan));
    DNNI_TRY(dnni_plan_gradients(plan, module));
    if (plan->keeps && plan->use != DNNI_TO_OBSERVE) DNNI_TRY(dnni_plan_recompute(plan, module->memory_budget));
    DNNI_TRY(dnni_plan_place(plan));
    if (plan->arena_bytes_without == 0) plan->arena_bytes_without = plan->arena_bytes;
    return check_budget(plan, module->memory_budget);
}

dnn_status dnni_plan_make(dnni_plan **out, dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                          dnni_use use) {
    dnn_context *ctx = module->base.ctx;
    dnni_plan *plan = dnni_alloc(ctx, 1, sizeof *plan);
    if (!plan) return DNN_ERROR_MEMORY;
    plan->pool.ctx = plan->ctx = ctx;
    plan->use = use;
    plan->signature = dnni_module_signature(module, use);
    plan->trains = use != DNNI_TO_PREDICT && dnni_module_any_training(module);
    plan->keeps = use != DNNI_TO_PREDICT && ((module->gradient_flags & DNN_GRADIENTS_EVAL) || plan->trains);
    dnn_status status = compile(plan, module, inputs, n_inputs);
    if (status == DNN_OK) *out = plan;
    else dnni_plan_free(plan);
    return status;
}

void dnni_plan_free(dnni_plan *plan) {
    if (!plan) return;
    dnni_plan_unbind(plan);
    dnn_context *ctx = plan->ctx;
    dnni_pool_free(&plan->pool);
    dnni_free(ctx, plan, 1, sizeof *plan);
}
