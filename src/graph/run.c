/* Running the list. Forward down, backward up; a step that fails says where. */
#include <string.h>

#include "act/act.h"
#include "act/elementwise.h"
#include "graph/plan.h"

/* Parameters are looked up at each run: their tensors may have been exchanged (dnn_module_to). Both calls share the
 * lists, which are const to the layers, and ours to write. */
static void fetch_parameters(plan_step *step) {
    const dnni_parameters *list = plan_parameters(step), *buffers = plan_layer_buffers(step);
    dnn_array *values = (dnn_array *)step->forward_call.parameters;
    dnn_array *gradients = (dnn_array *)step->backward_call.parameter_gradients;
    for (int64_t i = 0; i < list->count; i++) {
        values[i] = list->items[i].value->array;
        gradients[i] = list->items[i].gradient->array;
        if (list->items[i].frozen) gradients[i].data = NULL;
    }
    dnn_array *state = (dnn_array *)step->forward_call.buffers;
    for (int64_t i = 0; i < buffers->count; i++) state[i] = buffers->items[i].value->array;
}

static void patch(dnni_plan *plan, int32_t first, int32_t count, void *const *data) {
    for (int64_t i = 0; i < plan->n_patches; i++) {
        int32_t external = plan->patches[i].external;
        if (external >= first && external < first + count) plan->patches[i].array->data = data[external - first];
    }
}

/* Each forward in training draws from a stream of its own; when it is repeated, and in its backward, from the same. */
static void choose_stream(plan_step *step) {
    if (!(step->spec.flags & DNN_LAYER_RANDOM) || !step->forward_call.training) return;
    uint64_t stream = ((step->module->stream + 1) << 32) + step->module->forwards++; /* below: starting values */
    step->forward_call.stream = step->again_call.stream = step->backward_call.stream = stream;
}

static void mix_choices(const plan_step *step, uint64_t *choices) {
    for (int32_t g = 0; choices && g <= step->n_guests; g++)
        if (step[g].layer_class->choices)
            step[g].layer_class->choices(plan_state(&step[g]), &step->forward_call, choices);
}

static dnn_status failed(const plan_step *step, dnn_status status) {
    dnni_error_prefix(step->path);
    return status;
}

static dnn_status write_affine(plan_step *host, plan_step *guest) {
    const dnn_layer_epilogue *e = &host->epilogue;
    fetch_parameters(guest);
    uint64_t errors = dnni_error_count();
    dnn_status status = guest->layer_class->affine(plan_state(guest), &guest->forward_call, (void *)e->scale,
                                                   (void *)e->shift);
    return status == DNN_OK ? DNN_OK : failed(guest, dnni_host_failed(status, errors, "affine"));
}

/* What the guests would do, for the host to do. AFFINE is the first of them. */
static dnn_status prepare_epilogue(plan_step *step) {
    if (step->epilogue.parts & DNN_EPILOGUE_ADD)
        step->epilogue.addend = step->forward_call.inputs[step->n_layer_inputs].data;
    return step->epilogue.parts & DNN_EPILOGUE_AFFINE ? write_affine(step, step + 1) : DNN_OK;
}

/* What the parameters hold, as one number. */
static uint64_t contents(const plan_step *step) {
    uint64_t mixed = 0;
    const dnni_parameters *list = plan_parameters(step);
    for (int64_t i = 0; i < list->count; i++) dnn_layer_mix(&mixed, dnni_tensor_contents(list->items[i].value));
    return mixed;
}

static dnn_status prepare(plan_step *step) {
    if (!step->forward_call.prepared) return DNN_OK;
    uint64_t now = contents(step), errors = dnni_error_count();
    if (step->is_prepared && now == step->prepared_from) return DNN_OK;
    step->is_prepared = false;
    dnn_status status =
        step->layer_class->prepare(plan_state(step), &step->forward_call, (void *)step->forward_call.prepared);
    if (status != DNN_OK) return failed(step, dnni_host_failed(status, errors, "prepare"));
    step->prepared_from = now;
    step->is_prepared = true;
    return DNN_OK;
}

/* Shows the step to whoever watches. */
static dnn_status show(const dnni_plan *plan, const plan_step *step, const dnni_watch *watch) {
    const dnn_layer_call *call = &step->forward_call;
    if (!watch->see || step->is_view) return DNN_OK;
    dnn_observation o = {DNN_SIZED(dnn_observation), .path = step->path, .type = step->layer_class->type,
                         .step = step - plan->steps, .inputs = call->inputs, .n_inputs = call->n_inputs,
                         .outputs = call->outputs, .n_outputs = call->n_outputs, .parameters = call->parameters,
                         .n_parameters = call->n_parameters, .training = call->training};
    uint64_t errors = dnni_error_count();
    dnn_status status = watch->see(watch->user, &o);
    return status == DNN_OK ? DNN_OK : failed(step, dnni_host_failed(status, errors, "see"));
}

/* The last part of an epilogue is ReLU's; its layer is among the guests. */
static const plan_step *relu_of(const plan_step *step) {
    for (int32_t g = 0; g <= step->n_guests; g++)
        if (step[g].spec.is == DNN_EPILOGUE_RELU) return &step[g];
    return NULL;
}

static void show_relu(const dnni_plan *plan, const plan_step *step, const dnni_watch *watch) {
    if (!watch->rectified || !plan->keeps || step->is_view || step->is_guest) return;
    const plan_step *relu = relu_of(step);
    if (relu) watch->rectified(watch->user, relu->path, &step->forward_call.outputs[0]);
}

static dnn_status forward_step(plan_step *step, uint64_t *choices) {
    if (step->is_view || step->is_guest) return DNN_OK;
    fetch_parameters(step);
    choose_stream(step);
    DNNI_TRY(prepare_epilogue(step));
    DNNI_TRY(prepare(step));
    uint64_t errors = dnni_error_count();
    dnn_status status = step->layer_class->forward(plan_state(step), &step->forward_call);
    if (status != DNN_OK) return failed(step, dnni_host_failed(status, errors, "forward"));
    mix_choices(step, choices);
    return DNN_OK;
}

dnn_status dnni_plan_forward(dnni_plan *plan, void *const *inputs, const dnni_watch *watch) {
    patch(plan, 0, plan->n_inputs, inputs);
    for (int64_t i = 0; i < plan->n_steps; i++) {
        DNNI_TRY(forward_step(&plan->steps[i], watch->choices));
        DNNI_TRY(show(plan, &plan->steps[i], watch));
        show_relu(plan, &plan->steps[i], watch);
    }
    return DNN_OK;
}

static void clear_zeroed(const dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_buffers; i++) {
        const plan_buffer *b = &plan->buffers[i];
        if (b->zeroed && b->bytes > 0) memset((char *)plan->arena->data + b->offset, 0, (size_t)b->bytes);
    }
}

/* Gradients of values that a later step has begun to fill. */
static void add_up(const dnni_plan *plan, const plan_step *step) {
    for (int32_t k = 0; k < step->n_inputs; k++) {
        const plan_gradient *g = &step->input_gradients[k];
        if (g->add_to == PLAN_NONE) continue;
        const dnn_array *array = &step->backward_call.input_gradients[k];
        void *sum = (char *)plan->arena->data + plan->buffers[g->add_to].offset;
        dnnk_accumulate(dnni_env(plan->ctx), dnni_type(array->dtype), dnni_count(array), array->data, sum);
    }
}

/* What the layer of a host does not undo by itself. */
static void undo_epilogue(const dnni_plan *plan, plan_step *step) {
    const dnn_array *dy = &step->backward_call.output_gradients[0];
    if (step->arriving != PLAN_NONE)
        dnnk_act_backward(dnni_env(plan->ctx), dnni_type(dy->dtype), DNNK_RELU, 0, dnni_count(dy),
                          step->backward_call.outputs[0].data, step->arrived.data, dy->data);
    if (step->epilogue.parts & DNN_EPILOGUE_ADD)
        step->epilogue.addend_gradient = step->backward_call.input_gradients[step->n_layer_inputs].data;
}

/* Gradients that wait to be cleared: the layer writes those that it can, the others are cleared now. */
static void find_fresh(plan_step *step) {
    const dnni_parameters *list = plan_parameters(step);
    step->backward_call.fresh = 0;
    for (int64_t i = 0; i < list->count; i++) {
        if (list->items[i].frozen) continue;
        uint32_t bit = i < 32 ? UINT32_C(1) << i : 0;
        if (!(step->spec.writes & bit)) dnni_tensor_settle(list->items[i].gradient);
        else if (dnni_tensor_take_cleared(list->items[i].gradient)) step->backward_call.fresh |= bit;
    }
}

/* The forward once more, for what was not kept. */
static dnn_status run_again(plan_step *step) {
    fetch_parameters(step);
    if (step->epilogue.parts & DNN_EPILOGUE_ADD)
        step->epilogue.addend = step->again_call.inputs[step->n_layer_inputs].data;
    uint64_t errors = dnni_error_count();
    dnn_status status = step->layer_class->forward(plan_state(step), &step->again_call);
    return status == DNN_OK ? DNN_OK : failed(step, dnni_host_failed(status, errors, "forward"));
}

static dnn_status backward_step(const dnni_plan *plan, plan_step *step, const dnni_watch *watch) {
    if (!step->backward) return DNN_OK;
    if (watch->turn) DNNI_TRY(watch->turn(watch->user, step - plan->steps, step->backward_call.output_gradients));
    fetch_parameters(step);
    find_fresh(step);
    undo_epilogue(plan, step);
    uint64_t errors = dnni_error_count();
    dnn_status status = step->layer_class->backward(plan_state(step), &step->backward_call);
    if (status != DNN_OK) return failed(step, dnni_host_failed(status, errors, "backward"));
    add_up(plan, step);
    return DNN_OK;
}

dnn_status dnni_plan_backward(dnni_plan *plan, void *const *output_gradients, const dnni_watch *watch) {
    patch(plan, plan->n_inputs, plan->n_outputs, output_gradients);
    clear_zeroed(plan);
    int64_t again = 0;
    for (int64_t i = plan->n_steps - 1; i >= 0; i--) {
        for (; again < plan->n_again && plan->steps[plan->again[again]].again_for == i; again++)
            DNNI_TRY(run_again(&plan->steps[plan->again[again]]));
        DNNI_TRY(backward_step(plan, &plan->steps[i], watch));
    }
    return DNN_OK;
}
