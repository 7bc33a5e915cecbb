/* What an output sees of an image: sizes and strides of windows, followed down a plan's list. */
#include "graph/plan.h"

/* Of one value. */
typedef struct {
    bool none; /* nothing of an image */
    bool all;
    int64_t field[2], stride[2];
    double start[2];
} sight;

static const sight of_image = {.field = {1, 1}, .stride = {1, 1}, .start = {0.5, 0.5}};

/* Araujo, Norris and Sim 2019, "Computing receptive fields of convolutional neural networks". */
static sight through_window(sight s, const dnn_layer_window *w) {
    for (int k = 0; k < 2; k++) {
        int64_t wider;
        s.start[k] += ((double)(w->extent[k] - 1) / 2 - (double)w->before[k]) * (double)s.stride[k];
        if (!dnni_mul(w->extent[k] - 1, s.stride[k], &wider) || !dnni_add(s.field[k], wider, &s.field[k]) ||
            !dnni_mul(s.stride[k], w->stride[k], &s.stride[k]))
            return (sight){.all = true};
    }
    return s;
}

/* Input i of the step as an output of it sees it. An addend of the epilogue, behind the layer's own inputs, is seen
 * place by place; so is what the plan's own steps copy. */
static sight through_step(const plan_step *step, int32_t i, sight s) {
    if (s.none || s.all || !step->module || i >= step->n_layer_inputs) return s;
    if (step->spec.sees == DNN_SEES_PLACE) return s;
    if (step->spec.sees == DNN_SEES_WINDOW) return through_window(s, &step->spec.window);
    return (sight){.all = true};
}

static dnn_status meet(sight *a, const sight *b, const char *path) {
    if (b->none || a->all) return DNN_OK;
    if (a->none || b->all) {
        *a = *b;
        return DNN_OK;
    }
    for (int k = 0; k < 2; k++) {
        if (a->stride[k] != b->stride[k])
            return dnni_error(DNN_ERROR_VALUE, "%s: branches of strides %lld and %lld meet", path,
                              (long long)a->stride[k], (long long)b->stride[k]);
        if (b->field[k] <= a->field[k]) continue;
        a->field[k] = b->field[k];
        a->start[k] = b->start[k];
    }
    return DNN_OK;
}

static dnn_status look_at_step(const plan_step *step, sight *sights) {
    sight seen = {.none = true};
    for (int32_t i = 0; i < step->n_inputs; i++) {
        sight s = through_step(step, i, sights[step->inputs[i]]);
        DNNI_TRY(meet(&seen, &s, step->path));
    }
    for (int32_t i = 0; i < step->n_outputs; i++) sights[step->outputs[i]] = seen;
    return DNN_OK;
}

/* The first input that is an image; -1: there is none. */
static int32_t first_image(const dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_inputs; i++)
        if (plan->input_shapes[i].rank == 4) return i;
    return -1;
}

/* The plan's inputs are its first values. */
static dnn_status look(const dnni_plan *plan, sight *sights, dnn_receptive_field *field) {
    int32_t image = first_image(plan);
    if (image < 0) return dnni_error(DNN_ERROR_SHAPE, "no input is an image (N, H, W, C)");
    for (int32_t i = 0; i < plan->n_values; i++) sights[i] = (sight){.none = true};
    for (int32_t i = 0; i < plan->n_inputs; i++)
        if (plan->input_shapes[i].rank == 4) sights[i] = of_image;
    for (int64_t i = 0; i < plan->n_steps; i++) DNNI_TRY(look_at_step(&plan->steps[i], sights));
    const sight *s = &sights[plan->outputs[0]];
    field->all = s->all || s->none;
    for (int k = 0; k < 2; k++) {
        field->field[k] = field->all ? plan->input_shapes[image].dims[1 + k] : s->field[k];
        field->stride[k] = field->all ? 0 : s->stride[k];
        field->start[k] = field->all ? 0 : s->start[k];
    }
    return DNN_OK;
}

dnn_status dnn_module_receptive_field(dnn_module *module, const dnn_array *inputs, int32_t n_inputs,
                                      dnn_receptive_field *field) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_input_shapes(inputs, n_inputs));
    DNNI_TRY(dnni_module_usable(module));
    dnn_receptive_field found = {DNN_SIZED(dnn_receptive_field)};
    dnni_plan *plan = NULL;
    DNNI_TRY(dnni_plan_make(&plan, module, inputs, n_inputs, false));
    sight *sights = dnni_alloc(plan->ctx, plan->n_values, sizeof *sights);
    dnn_status status = sights ? look(plan, sights, &found) : DNN_ERROR_MEMORY;
    dnni_free(plan->ctx, sights, plan->n_values, sizeof *sights);
    dnni_plan_free(plan);
    return status == DNN_OK ? dnni_give(field, &found, sizeof found, "field") : status;
}
