/* The second pass: which steps have something to do in the backward, and where each leaves its gradients. The list
 * is walked up: the first consumer of a value met there (the last in forward order) writes its gradient, the others
 * add to it. */
#include "graph/plan.h"

static bool trainable(const plan_step *step) {
    const dnni_parameters *list = plan_parameters(step);
    for (int64_t i = 0; i < list->count; i++)
        if (!list->items[i].frozen) return true;
    return false;
}

static bool any_input_needs(const dnni_plan *plan, const plan_step *step) {
    for (int32_t k = 0; k < step->n_inputs; k++)
        if (plan_root(plan, step->inputs[k])->needs_gradient) return true;
    return false;
}

/* Down the list: what depends on something trainable. */
static void mark_needs(dnni_plan *plan, bool inputs_too) {
    for (int32_t i = 0; i < plan->n_inputs; i++)
        plan->values[i].needs_gradient = inputs_too && dnni_is_real(plan->values[i].array.dtype);
    for (int64_t i = 0; i < plan->n_steps; i++) {
        plan_step *step = &plan->steps[i];
        if (step->is_view) continue;
        bool needs = trainable(step) || any_input_needs(plan, step);
        for (int32_t k = 0; k < step->n_outputs; k++) {
            plan_value *value = &plan->values[step->outputs[k]];
            value->needs_gradient = needs && dnni_is_real(value->array.dtype);
        }
    }
}

/* The gradients of the plan's outputs are handed in from outside. */
static dnn_status seed(dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_outputs; i++) {
        plan_value *root = plan_root(plan, plan->outputs[i]);
        if (!root->needs_gradient) continue;
        root->gradient = dnni_plan_buffer(plan, dnni_bytes(&root->array), plan->n_steps, plan_end(plan));
        if (root->gradient == PLAN_NONE) return DNN_ERROR_MEMORY;
        plan->buffers[root->gradient].external = plan->n_inputs + i;
    }
    return DNN_OK;
}

static bool gradient_arrives(const dnni_plan *plan, const plan_step *step) {
    for (int32_t k = 0; k < step->n_outputs; k++)
        if (plan_root(plan, step->outputs[k])->gradient != PLAN_NONE) return true;
    return false;
}

static void stretch(plan_buffer *buffer, int64_t time) {
    if (buffer->last < time) buffer->last = time;
}

/* Outputs of a layer with several, of which not all reached the loss: zeros. */
static dnn_status read_output_gradients(dnni_plan *plan, plan_step *step, int64_t time) {
    for (int32_t k = 0; k < step->n_outputs; k++) {
        plan_value *root = plan_root(plan, step->outputs[k]);
        if (root->gradient == PLAN_NONE) {
            root->gradient = dnni_plan_buffer(plan, dnni_bytes(&root->array), plan->n_steps, time);
            if (root->gradient == PLAN_NONE) return DNN_ERROR_MEMORY;
            plan->buffers[root->gradient].zeroed = true;
        }
        stretch(&plan->buffers[root->gradient], time);
        step->output_gradients[k] = root->gradient;
    }
    return DNN_OK;
}

/* A host whose layer does not undo its ReLU is given the gradient without ReLU's part: in the place of the one that
 * arrives, or, if that is the caller's, in memory of its own. */
static dnn_status take_off_relu(dnni_plan *plan, plan_step *step, int64_t time) {
    if (!(step->epilogue.parts & DNN_EPILOGUE_RELU) || (step->spec.takes & DNN_EPILOGUE_BACKWARD)) return DNN_OK;
    step->arriving = step->output_gradients[0];
    if (plan->buffers[step->arriving].external == PLAN_NONE) return DNN_OK;
    step->output_gradients[0] = dnni_plan_buffer(plan, plan->buffers[step->arriving].bytes, time, time);
    return step->output_gradients[0] == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

/* The gradient of input 0 may be written over that of output 0, which nobody reads after this step. */
static bool may_overwrite(const dnni_plan *plan, const plan_step *step, int32_t k) {
    if (k != 0 || !(step->spec.flags & DNN_LAYER_INPLACE)) return false;
    const plan_value *input = plan_root(plan, step->inputs[0]);
    const plan_buffer *buffer = &plan->buffers[step->output_gradients[0]];
    return buffer->external == PLAN_NONE && buffer->bytes == dnni_bytes(&input->array);
}

/* A gradient of the plan's input is read after the backward. */
static int64_t death_of_gradient(const dnni_plan *plan, const plan_value *root, int64_t time) {
    return root->producer == PLAN_NONE ? plan_end(plan) : time;
}

static dnn_status write_input_gradient(dnni_plan *plan, plan_step *step, int32_t k, int64_t time) {
    plan_gradient *g = &step->input_gradients[k];
    plan_value *root = plan_root(plan, step->inputs[k]);
    *g = (plan_gradient){PLAN_NONE, PLAN_NONE};
    if (!root->needs_gradient) return DNN_OK;
    bool first = root->gradient == PLAN_NONE;
    if (first && may_overwrite(plan, step, k)) g->buffer = step->output_gradients[0];
    else g->buffer = dnni_plan_buffer(plan, dnni_bytes(&root->array), time, time);
    if (g->buffer == PLAN_NONE) return DNN_ERROR_MEMORY;
    if (first) root->gradient = g->buffer;
    else g->add_to = root->gradient;
    stretch(&plan->buffers[root->gradient], death_of_gradient(plan, root, time));
    return DNN_OK;
}

static dnn_status backward_step(dnni_plan *plan, int64_t i) {
    plan_step *step = &plan->steps[i];
    if (step->is_view || !gradient_arrives(plan, step)) return DNN_OK;
    if (!trainable(step) && !any_input_needs(plan, step)) return DNN_OK;
    if (!step->layer_class->backward) {
        dnni_error(DNN_ERROR_UNSUPPORTED, "%s has no backward: freeze what lies before it, or evaluate only",
                   step->layer_class->type);
        dnni_error_prefix(step->path);
        return DNN_ERROR_UNSUPPORTED;
    }
    step->backward = true;
    int64_t time = plan_backward_time(plan, i);
    DNNI_TRY(read_output_gradients(plan, step, time));
    DNNI_TRY(take_off_relu(plan, step, time));
    for (int32_t k = 0; k < step->n_inputs; k++) DNNI_TRY(write_input_gradient(plan, step, k, time));
    return DNN_OK;
}

/* An input that asked for a gradient, but that no output depends on: zeros. */
static dnn_status unconnected_inputs(dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_inputs; i++) {
        plan_value *value = &plan->values[i];
        if (!value->needs_gradient || value->gradient != PLAN_NONE) continue;
        value->gradient = dnni_plan_buffer(plan, dnni_bytes(&value->array), plan->n_steps, plan_end(plan));
        if (value->gradient == PLAN_NONE) return DNN_ERROR_MEMORY;
        plan->buffers[value->gradient].zeroed = true;
    }
    return DNN_OK;
}

dnn_status dnni_plan_gradients(dnni_plan *plan, const dnn_module *module) {
    if (!plan->keeps) return DNN_OK;
    mark_needs(plan, (module->gradient_flags & DNN_GRADIENTS_INPUTS) != 0);
    DNNI_TRY(seed(plan));
    for (int64_t i = plan->n_steps - 1; i >= 0; i--) DNNI_TRY(backward_step(plan, i));
    DNNI_TRY(unconnected_inputs(plan));
    plan->n_gradient_buffers = plan->n_buffers;
    return DNN_OK;
}
