/* The first pass: the tree becomes a flat list of steps, and shape rules give every value its shape. */
#include <stdio.h>
#include <string.h>

#include "graph/plan.h"

enum { ANY_NUMBER = -1 }; /* of outputs */

static dnn_status new_value(dnni_plan *plan, const dnn_array *array, int32_t producer, int32_t root, int32_t *number) {
    DNNI_TRY(dnni_plan_grow(plan, (void **)&plan->values, &plan->values_capacity, plan->n_values + 1,
                            sizeof *plan->values));
    int32_t n = (int32_t)plan->n_values++;
    plan->values[n] = (plan_value){.array = *array,
                                   .root = root == PLAN_NONE ? n : root,
                                   .producer = producer,
                                   .buffer = PLAN_NONE,
                                   .buffer_again = PLAN_NONE,
                                   .gradient = PLAN_NONE};
    plan->values[n].array.data = NULL;
    *number = n;
    return DNN_OK;
}

/* ---- checking what a shape rule says ---- */

static dnn_status check_parameters(const plan_step *step, const dnn_array *inputs) {
    const dnni_parameters *list = plan_parameters(step);
    for (int64_t i = 0; i < list->count; i++) {
        dnn_dtype dtype = list->items[i].value->array.dtype;
        for (int32_t k = 0; k < step->n_inputs; k++)
            if (dnni_is_real(inputs[k].dtype) && inputs[k].dtype != dtype)
                return dnni_error(DNN_ERROR_DTYPE, "input is %s, %s is %s (dnn_tensor_cast converts a tensor, "
                                  "dnn_module_to a module)",
                                  dnn_dtype_name(inputs[k].dtype), list->items[i].name, dnn_dtype_name(dtype));
    }
    return DNN_OK;
}

static dnn_status check_arrays(const dnn_array *arrays, int32_t n, int32_t most, const char *what) {
    if (n < 0 || n > most)
        return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says %d %s, at most %d are possible", n, what, most);
    for (int32_t i = 0; i < n; i++) {
        dnn_array checked;
        DNNI_TRY(dnni_make_array(&checked, arrays[i].dtype, arrays[i].rank, arrays[i].dims));
    }
    return DNN_OK;
}

static dnn_status check_view(const plan_step *step, const dnn_array *inputs) {
    const dnn_layer_spec *s = &step->spec;
    if (s->n_outputs != 1 || step->n_inputs < 1)
        return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says a view, of one output and at least one input");
    if (s->outputs[0].dtype == inputs[0].dtype && dnni_count(&s->outputs[0]) == dnni_count(&inputs[0])) return DNN_OK;
    return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says a view, but %s %s is not the memory of %s %s",
                      dnn_dtype_name(s->outputs[0].dtype), dnni_array_shape(&s->outputs[0]).text,
                      dnn_dtype_name(inputs[0].dtype), dnni_array_shape(&inputs[0]).text);
}

/* A layer that says it is a part of an epilogue. */
static dnn_status check_is(const plan_step *step, const dnn_array *inputs) {
    const dnn_layer_spec *s = &step->spec;
    bool known = s->is == DNN_EPILOGUE_AFFINE || s->is == DNN_EPILOGUE_ADD || s->is == DNN_EPILOGUE_RELU;
    if (!known || step->n_layer_inputs != (s->is == DNN_EPILOGUE_ADD ? 2 : 1) || s->n_outputs != 1 ||
        (s->is == DNN_EPILOGUE_AFFINE && !step->layer_class->affine))
        return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says that the layer is the epilogue %u, with %d inputs "
                          "and %d outputs%s", s->is, step->n_layer_inputs, s->n_outputs,
                          step->layer_class->affine ? "" : ", without `affine`");
    if (s->outputs[0].dtype == inputs[0].dtype && dnni_same_shape(&s->outputs[0], &inputs[0])) return DNN_OK;
    return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says that the layer is an epilogue, but makes %s %s of %s %s",
                      dnn_dtype_name(s->outputs[0].dtype), dnni_array_shape(&s->outputs[0]).text,
                      dnn_dtype_name(inputs[0].dtype), dnni_array_shape(&inputs[0]).text);
}

static dnn_status check_spec(const plan_step *step, const dnn_array *inputs) {
    const dnn_layer_spec *s = &step->spec;
    DNNI_TRY(check_arrays(s->outputs, s->n_outputs, DNN_LAYER_MAX_OUTPUTS, "outputs"));
    DNNI_TRY(check_arrays(s->kept, s->n_kept, DNN_LAYER_MAX_KEPT, "kept arrays"));
    if (s->n_outputs == 0) return dnni_error(DNN_ERROR_CALLBACK, "the shape rule says that there is no output");
    if (step->n_outputs != ANY_NUMBER && s->n_outputs != step->n_outputs)
        return dnni_error(DNN_ERROR_SHAPE, "the layer gives %d outputs, the graph takes %d", s->n_outputs,
                          step->n_outputs);
    int64_t most = INT64_C(1) << 56; /* bytes; sums of it cannot wrap */
    if (s->forward_work < 0 || s->backward_work < 0 || s->forward_work > most || s->backward_work > most)
        return dnni_error(DNN_ERROR_CALLBACK, "the shape rule asks for %lld and %lld bytes of scratch memory",
                          (long long)s->forward_work, (long long)s->backward_work);
    if (s->prepared_bytes < 0 || s->prepared_bytes > most)
        return dnni_error(DNN_ERROR_CALLBACK, "the shape rule asks for %lld bytes of prepared memory",
                          (long long)s->prepared_bytes);
    if (s->flags & DNN_LAYER_VIEW) return check_view(step, inputs);
    if (s->is) DNNI_TRY(check_is(step, inputs));
    if (!step->layer_class->forward) return dnni_error(DNN_ERROR_CALLBACK, "the layer has no forward");
    return DNN_OK;
}

/* ---- one layer ---- */

static void copy_parameter_shapes(dnn_array *to, const dnni_parameters *list) {
    for (int64_t i = 0; i < list->count; i++) {
        to[i] = list->items[i].value->array;
        to[i].data = NULL;
    }
}

static dnn_status gather_inputs(dnni_plan *plan, const plan_step *step, dnn_array **arrays) {
    *arrays = dnni_pool_alloc(&plan->pool, step->n_layer_inputs, sizeof **arrays);
    if (!*arrays) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < step->n_layer_inputs; i++) (*arrays)[i] = plan->values[step->inputs[i]].array;
    return DNN_OK;
}

static dnn_status ask(dnni_plan *plan, plan_step *step, const dnn_array *inputs) {
    const dnni_parameters *trained = plan_parameters(step), *buffers = plan_layer_buffers(step);
    dnn_array *parameters = dnni_pool_alloc(&plan->pool, trained->count + buffers->count, sizeof *parameters);
    if (!parameters) return DNN_ERROR_MEMORY;
    copy_parameter_shapes(parameters, trained);
    copy_parameter_shapes(parameters + trained->count, buffers);
    dnn_layer_call call = {DNN_SIZED(dnn_layer_call),
                           .context = plan->ctx,
                           .path = step->path,
                           .training = plan_training(plan, step),
                           .n_inputs = step->n_layer_inputs,
                           .n_parameters = (int32_t)trained->count,
                           .n_buffers = (int32_t)buffers->count,
                           .inputs = inputs,
                           .parameters = parameters,
                           .buffers = parameters + trained->count,
                           .epilogue = step->epilogue.parts ? &step->epilogue : NULL};
    step->spec = (dnn_layer_spec){DNN_SIZED(dnn_layer_spec)};
    uint64_t errors = dnni_error_count();
    dnn_status status = step->layer_class->shape(plan_state(step), &call, &step->spec);
    return status == DNN_OK ? check_spec(step, inputs) : dnni_host_failed(status, errors, "shape");
}

dnn_status dnni_plan_ask_shape(dnni_plan *plan, plan_step *step) {
    dnn_array *inputs;
    DNNI_TRY(gather_inputs(plan, step, &inputs));
    DNNI_TRY(check_parameters(step, inputs));
    return ask(plan, step, inputs);
}

static dnn_status copy_numbers(dnni_plan *plan, int32_t **out, const int32_t *numbers, int32_t n) {
    *out = dnni_pool_alloc(&plan->pool, n, sizeof **out);
    if (!*out) return DNN_ERROR_MEMORY;
    if (n > 0) memcpy(*out, numbers, (size_t)n * sizeof *numbers);
    return DNN_OK;
}

static dnn_status new_outputs(dnni_plan *plan, plan_step *step, int32_t number) {
    for (int32_t i = 0; i < step->n_outputs; i++) {
        int32_t root = step->is_view ? plan->values[step->inputs[0]].root : PLAN_NONE;
        DNNI_TRY(new_value(plan, &step->spec.outputs[i], number, root, &step->outputs[i]));
    }
    return DNN_OK;
}

static dnn_status fill_step(dnni_plan *plan, plan_step *step, const int32_t *inputs) {
    DNNI_TRY(copy_numbers(plan, &step->inputs, inputs, step->n_inputs));
    DNNI_TRY(dnni_plan_ask_shape(plan, step));
    step->is_view = (step->spec.flags & DNN_LAYER_VIEW) != 0;
    step->n_outputs = step->spec.n_outputs;
    step->n_kept = step->spec.n_kept;
    step->outputs = dnni_pool_alloc(&plan->pool, step->n_outputs, sizeof *step->outputs);
    step->input_gradients = dnni_pool_alloc(&plan->pool, step->n_inputs, sizeof *step->input_gradients);
    if (!step->outputs || !step->input_gradients) return DNN_ERROR_MEMORY;
    return new_outputs(plan, step, (int32_t)plan->n_steps);
}

static dnn_status add_step(dnni_plan *plan, dnn_module *m, const dnn_layer_class *layer_class, const char *path,
                           const int32_t *inputs, int32_t n_inputs, int32_t *outputs, int32_t n_outputs) {
    plan_step step = {.module = m, .layer_class = layer_class, .path = path, .n_inputs = n_inputs,
                      .n_layer_inputs = n_inputs, .n_outputs = n_outputs, .affine = PLAN_NONE, .arriving = PLAN_NONE,
                      .again_for = PLAN_NONE};
    dnn_status status = fill_step(plan, &step, inputs);
    if (status != DNN_OK) {
        dnni_error_prefix(path);
        return status;
    }
    if (plan->n_steps > INT32_MAX / 4) return dnni_error(DNN_ERROR_UNSUPPORTED, "the network has too many steps");
    DNNI_TRY(dnni_plan_grow(plan, (void **)&plan->steps, &plan->steps_capacity, plan->n_steps + 1, sizeof step));
    plan->steps[plan->n_steps++] = step;
    for (int32_t i = 0; i < step.n_outputs; i++) outputs[i] = step.outputs[i];
    return DNN_OK;
}

/* ---- the tree ---- */

static dnn_status expand(dnni_plan *plan, dnn_module *m, const char *path, const int32_t *inputs, int32_t n_inputs,
                         int32_t *outputs, int32_t n_outputs);

static const char *join(dnni_plan *plan, const char *path, const char *name) {
    size_t bytes = strlen(path) + strlen(name) + 2;
    char *joined = dnni_pool_alloc(&plan->pool, (int64_t)bytes, 1);
    if (joined) snprintf(joined, bytes, "%s%s%s", path, *path ? "." : "", name);
    return joined;
}

/* `local` maps the container's values to the plan's. */
static dnn_status expand_call(dnni_plan *plan, dnn_module *m, const dnni_call *call, const char *path, int32_t *local) {
    const dnni_child *child = &m->children[call->child];
    const char *joined = join(plan, path, child->name);
    int32_t *inputs = dnni_pool_alloc(&plan->pool, call->n_inputs, sizeof *inputs);
    int32_t *outputs = dnni_pool_alloc(&plan->pool, call->n_outputs, sizeof *outputs);
    if (!joined || !inputs || !outputs) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < call->n_inputs; i++) inputs[i] = local[call->inputs[i]];
    DNNI_TRY(expand(plan, child->module, joined, inputs, call->n_inputs, outputs, call->n_outputs));
    for (int32_t i = 0; i < call->n_outputs; i++) local[call->outputs[i]] = outputs[i];
    return DNN_OK;
}

static dnn_status count_mismatch(const char *path, const dnn_module *m, int32_t n_inputs, int32_t n_outputs) {
    dnn_status status =
        dnni_error(DNN_ERROR_SHAPE, "the %s has %lld inputs and %lld outputs, it is given %d and asked for %d",
                   dnni_module_type(m), (long long)m->inputs.count, (long long)m->outputs.count, n_inputs, n_outputs);
    dnni_error_prefix(path);
    return status;
}

static dnn_status expand_container(dnni_plan *plan, dnn_module *m, const char *path, const int32_t *inputs,
                                   int32_t n_inputs, int32_t *outputs, int32_t n_outputs) {
    if (m->inputs.count != n_inputs || m->outputs.count != n_outputs)
        return count_mismatch(path, m, n_inputs, n_outputs);
    int32_t *local = dnni_pool_alloc(&plan->pool, m->n_values, sizeof *local);
    if (!local) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n_inputs; i++) local[m->inputs.items[i]] = inputs[i];
    for (int64_t i = 0; i < m->n_calls; i++) DNNI_TRY(expand_call(plan, m, &m->calls[i], path, local));
    for (int32_t i = 0; i < n_outputs; i++) outputs[i] = local[m->outputs.items[i]];
    return DNN_OK;
}

static dnn_status expand(dnni_plan *plan, dnn_module *m, const char *path, const int32_t *inputs, int32_t n_inputs,
                         int32_t *outputs, int32_t n_outputs) {
    if (m->layer_class) return add_step(plan, m, m->layer_class, path, inputs, n_inputs, outputs, n_outputs);
    return expand_container(plan, m, path, inputs, n_inputs, outputs, n_outputs);
}

/* ---- outputs ---- */

static dnn_status copy_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}

static void copy_array(const dnn_array *from, const dnn_array *to) {
    int64_t bytes = dnni_bytes(from);
    if (bytes > 0) memcpy(to->data, from->data, (size_t)bytes);
}

static dnn_status copy_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    copy_array(&call->inputs[0], &call->outputs[0]);
    return DNN_OK;
}

static dnn_status copy_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    if (call->input_gradients[0].data) copy_array(&call->output_gradients[0], &call->input_gradients[0]);
    return DNN_OK;
}

static const dnn_layer_class copy_class = {DNN_SIZED(dnn_layer_class),
                                           .type = "copy",
                                           .shape = copy_shape,
                                           .forward = copy_forward,
                                           .backward = copy_backward};

static void count_consumers(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_steps; i++)
        for (int32_t k = 0; k < plan->steps[i].n_inputs && !plan->steps[i].is_view; k++)
            plan_root(plan, plan->steps[i].inputs[k])->consumers++;
    for (int32_t i = 0; i < plan->n_outputs; i++) plan_root(plan, plan->outputs[i])->consumers++;
}

/* Each output gets memory of its own that nobody else reads or writes: then its gradient is exactly what is handed in,
 * and nothing is added to it. An input, a value used elsewhere too, or one that is an output twice, is copied. */
static dnn_status settle_outputs(dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_outputs; i++) {
        int32_t source = plan->outputs[i];
        const plan_value *root = plan_root(plan, source);
        if (root->producer == PLAN_NONE || root->consumers > 1)
            DNNI_TRY(add_step(plan, NULL, &copy_class, "", &source, 1, &plan->outputs[i], 1));
        plan_root(plan, plan->outputs[i])->is_output = true;
    }
    return DNN_OK;
}

/* A layer that runs by itself gives as many outputs as its shape rule says. */
static dnn_status expand_root(dnni_plan *plan, dnn_module *module, const int32_t *inputs) {
    bool is_layer = module->layer_class != NULL;
    int64_t room = is_layer ? DNN_LAYER_MAX_OUTPUTS : module->outputs.count;
    plan->outputs = dnni_pool_alloc(&plan->pool, room, sizeof *plan->outputs);
    if (!plan->outputs) return DNN_ERROR_MEMORY;
    DNNI_TRY(expand(plan, module, "", inputs, plan->n_inputs, plan->outputs, is_layer ? ANY_NUMBER : (int32_t)room));
    plan->n_outputs = is_layer ? plan->steps[0].n_outputs : (int32_t)room;
    return DNN_OK;
}

dnn_status dnni_plan_expand(dnni_plan *plan, dnn_module *module) {
    int32_t *inputs = dnni_pool_alloc(&plan->pool, plan->n_inputs, sizeof *inputs);
    if (!inputs) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < plan->n_inputs; i++)
        DNNI_TRY(new_value(plan, &plan->input_shapes[i], PLAN_NONE, PLAN_NONE, &inputs[i]));
    DNNI_TRY(expand_root(plan, module, inputs));
    count_consumers(plan);
    return settle_outputs(plan);
}
