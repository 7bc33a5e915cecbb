/* The fourth pass: the addresses of one arena are written into the steps, and the tensors that are lent are made. */
#include "graph/plan.h"

static void *address(const dnni_plan *plan, int32_t buffer) {
    if (buffer == PLAN_NONE || plan->buffers[buffer].external != PLAN_NONE) return NULL;
    const plan_buffer *b = &plan->buffers[buffer];
    return b->bytes > 0 ? (char *)plan->arena->data + b->offset : plan->arena->data;
}

static dnn_status note_patch(dnni_plan *plan, dnn_array *array, int32_t buffer) {
    if (buffer == PLAN_NONE || plan->buffers[buffer].external == PLAN_NONE) return DNN_OK;
    DNNI_TRY(dnni_plan_grow(plan, (void **)&plan->patches, &plan->patches_capacity, plan->n_patches + 1,
                            sizeof *plan->patches));
    plan->patches[plan->n_patches++] = (plan_patch){array, plan->buffers[buffer].external};
    return DNN_OK;
}

static dnn_status bind_array(dnni_plan *plan, dnn_array *array, const dnn_array *shape, int32_t buffer) {
    *array = *shape;
    array->data = address(plan, buffer);
    return note_patch(plan, array, buffer);
}

static int64_t total_arrays(const plan_step *step) {
    int64_t own = 2 * plan_parameters(step)->count + plan_layer_buffers(step)->count;
    return 4 * step->n_inputs + 4 * step->n_outputs + 2 * step->n_kept + own;
}

static dnn_layer_call new_call(const dnni_plan *plan, const plan_step *step) {
    return (dnn_layer_call){DNN_SIZED(dnn_layer_call),
                            .context = plan->ctx,
                            .path = step->path,
                            .training = plan_training(plan, step),
                            .n_inputs = step->n_layer_inputs,
                            .n_outputs = step->n_outputs,
                            .n_parameters = (int32_t)plan_parameters(step)->count,
                            .n_buffers = (int32_t)plan_layer_buffers(step)->count,
                            .n_kept = step->n_kept,
                            .seed = step->module ? step->module->seed : 0};
}

/* Cuts the step's array of arrays into the lists of its calls. Inputs and outputs are listed once for each, because the
 * backward is shown only what it asked to read (the rest may have been overwritten since), and what is made again lies
 * elsewhere; so does what the first of two forwards keeps. */
static dnn_status prepare_calls(dnni_plan *plan, plan_step *step) {
    if (step->arrays) return DNN_OK;
    dnn_array *a = step->arrays = dnni_pool_alloc(&plan->pool, total_arrays(step), sizeof *a);
    if (!a) return DNN_ERROR_MEMORY;
    dnn_layer_call call = new_call(plan, step);
    call.kept = a;
    call.parameters = a += step->n_kept;
    call.buffers = a += call.n_parameters;
    step->forward_call = step->again_call = step->backward_call = call;
    step->again_call.repeated = 1;
    step->forward_call.kept = a += call.n_buffers;
    step->forward_call.inputs = a += step->n_kept;
    step->forward_call.outputs = a += step->n_inputs;
    step->again_call.inputs = a += step->n_outputs;
    step->again_call.outputs = a += step->n_inputs;
    step->backward_call.inputs = a += step->n_outputs;
    step->backward_call.outputs = a += step->n_inputs;
    step->backward_call.output_gradients = a += step->n_outputs;
    step->backward_call.input_gradients = a += step->n_outputs;
    step->backward_call.parameter_gradients = a + step->n_inputs;
    return DNN_OK;
}

/* The lists are const to the layers, and ours to write. */
static dnn_status bind_item(dnni_plan *plan, const dnn_array *list, int32_t k, const dnn_array *shape, int32_t buffer) {
    return bind_array(plan, (dnn_array *)&list[k], shape, buffer);
}

static dnn_status bind_input(dnni_plan *plan, plan_step *step, int32_t k) {
    const dnn_array *shape = &plan->values[step->inputs[k]].array;
    const plan_value *root = plan_root(plan, step->inputs[k]);
    int32_t late = plan_late_buffer(root);
    int32_t read = step->backward && plan_reads_input(step, k) ? late : PLAN_NONE;
    int32_t gradient = step->backward ? step->input_gradients[k].buffer : PLAN_NONE;
    DNNI_TRY(bind_item(plan, step->forward_call.inputs, k, shape, root->buffer));
    DNNI_TRY(bind_item(plan, step->again_call.inputs, k, shape, plan_runs_again(step) ? late : PLAN_NONE));
    DNNI_TRY(bind_item(plan, step->backward_call.inputs, k, shape, read));
    return bind_item(plan, step->backward_call.input_gradients, k, shape, gradient);
}

static dnn_status bind_output(dnni_plan *plan, plan_step *step, int32_t k) {
    const plan_value *value = &plan->values[step->outputs[k]];
    int32_t read = step->backward && plan_reads_output(step, k) ? plan_late_buffer(value) : PLAN_NONE;
    int32_t gradient = step->backward ? step->output_gradients[k] : PLAN_NONE;
    DNNI_TRY(bind_item(plan, step->forward_call.outputs, k, &value->array, value->buffer));
    DNNI_TRY(bind_item(plan, step->again_call.outputs, k, &value->array, value->buffer_again));
    DNNI_TRY(bind_item(plan, step->backward_call.outputs, k, &value->array, read));
    return bind_item(plan, step->backward_call.output_gradients, k, &value->array, gradient);
}

static dnn_status bind_kept(dnni_plan *plan, plan_step *step, int32_t k) {
    const dnn_array *shape = &step->spec.kept[k];
    DNNI_TRY(bind_item(plan, step->forward_call.kept, k, shape, step->kept_first[k]));
    return bind_item(plan, step->backward_call.kept, k, shape, step->kept[k]); /* those of again_call, too */
}

/* The addend is the last input: it may be handed in when the plan runs, and is set then. */
static dnn_status bind_epilogue(dnni_plan *plan, plan_step *step) {
    if (step->n_guests == 0) return DNN_OK;
    DNNI_TRY(bind_array(plan, &step->arrived, &plan->values[step->outputs[0]].array, step->arriving));
    step->forward_call.epilogue = step->again_call.epilogue = &step->epilogue;
    if (step->spec.takes & DNN_EPILOGUE_BACKWARD) step->backward_call.epilogue = &step->epilogue;
    if (step->affine == PLAN_NONE) return DNN_OK;
    char *scale = address(plan, step->affine);
    step->epilogue.scale = scale;
    step->epilogue.shift = scale + plan_affine_bytes(step);
    return DNN_OK;
}

static dnn_status bind_step(dnni_plan *plan, plan_step *step) {
    if (step->is_view) return DNN_OK;
    DNNI_TRY(prepare_calls(plan, step));
    for (int32_t k = 0; k < step->n_inputs; k++) DNNI_TRY(bind_input(plan, step, k));
    for (int32_t k = 0; k < step->n_outputs; k++) DNNI_TRY(bind_output(plan, step, k));
    for (int32_t k = 0; k < step->n_kept; k++) DNNI_TRY(bind_kept(plan, step, k));
    step->forward_call.work = address(plan, step->forward_work);
    step->again_call.work = address(plan, step->again_work);
    step->backward_call.work = address(plan, step->backward_work);
    return bind_epilogue(plan, step);
}

/* ---- what is lent ---- */

static dnn_status lend(dnni_plan *plan, dnn_tensor **tensor, const dnn_array *shape, int32_t buffer) {
    dnn_array array = *shape;
    array.data = address(plan, buffer);
    DNNI_TRY(dnni_tensor_over(tensor, plan->ctx, &array, plan->arena));
    dnni_tensor_lend(*tensor);
    return DNN_OK;
}

static void release_lent(dnn_tensor **tensors, int32_t n) {
    for (int32_t i = 0; tensors && i < n; i++) {
        dnni_tensor_take_back(tensors[i]);
        tensors[i] = NULL;
    }
}

static dnn_status make_lent(dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_outputs; i++)
        DNNI_TRY(lend(plan, &plan->output_tensors[i], &plan->values[plan->outputs[i]].array,
                      plan_root(plan, plan->outputs[i])->buffer));
    for (int32_t i = 0; i < plan->n_inputs; i++)
        if (plan->values[i].gradient != PLAN_NONE)
            DNNI_TRY(lend(plan, &plan->input_gradient_tensors[i], &plan->values[i].array, plan->values[i].gradient));
    return DNN_OK;
}

static dnn_status room_for_lent(dnni_plan *plan) {
    if (!plan->output_tensors)
        plan->output_tensors = dnni_pool_alloc(&plan->pool, plan->n_outputs, sizeof(dnn_tensor *));
    if (!plan->input_gradient_tensors)
        plan->input_gradient_tensors = dnni_pool_alloc(&plan->pool, plan->n_inputs, sizeof(dnn_tensor *));
    return plan->output_tensors && plan->input_gradient_tensors ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status bind_all(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_steps; i++) DNNI_TRY(bind_step(plan, &plan->steps[i]));
    DNNI_TRY(room_for_lent(plan));
    return make_lent(plan);
}

void dnni_plan_unbind(dnni_plan *plan) {
    release_lent(plan->output_tensors, plan->n_outputs);
    release_lent(plan->input_gradient_tensors, plan->n_inputs);
    dnni_storage_drop(plan->arena);
    plan->arena = NULL;
    plan->n_patches = 0;
}

void dnni_plan_give_prepared(dnni_plan *plan, void *memory) {
    for (int64_t i = 0; i < plan->n_steps; i++) {
        plan_step *step = &plan->steps[i];
        step->is_prepared = false;
        step->forward_call.prepared = plan_prepares(plan, step) ? (char *)memory + step->prepared_at : NULL;
    }
}

dnn_status dnni_plan_bind(dnni_plan *plan, dnni_storage *arena) {
    if (plan->arena == arena) return DNN_OK;
    dnni_plan_unbind(plan);
    plan->arena = arena;
    dnni_storage_hold(arena);
    dnn_status status = bind_all(plan);
    if (status != DNN_OK) dnni_plan_unbind(plan);
    return status;
}
