/* What a module is and costs: questions put to a plan that is made, looked at, and never run. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "graph/index.h"
#include "graph/plan.h"

struct dnn_description {
    dnni_object base;
    dnni_pool pool;
    dnn_step_info *steps;
    dnn_description_totals totals;
    char *text;
    int64_t text_used, text_room;
};

static void destroy_description(void *object) { dnni_pool_free(&((dnn_description *)object)->pool); }

/* ---- figures ---- */

static int64_t new_parameters(const plan_step *step, uint64_t visit) {
    if (!step->module || step->module->visit == visit) return 0;
    step->module->visit = visit;
    int64_t count = 0;
    for (int64_t i = 0; i < step->module->parameters.count; i++)
        count += dnni_count(&step->module->parameters.items[i].value->array);
    return count;
}

static int64_t kept_bytes(const dnni_plan *plan, const plan_step *step) {
    int64_t bytes = 0;
    for (int32_t k = 0; k < step->n_kept; k++)
        if (step->kept[k] != PLAN_NONE && !plan_runs_again(step)) bytes += dnni_bytes(&step->spec.kept[k]);
    for (int32_t k = 0; k < step->n_outputs && !step->is_view; k++) {
        const plan_value *value = &plan->values[step->outputs[k]];
        bool is_kept = plan->keeps && !value->is_output && value->last_use >= plan->n_steps;
        if (is_kept) bytes += dnni_bytes(&value->array);
    }
    return bytes;
}

static dnn_status describe_step(dnn_description *d, const dnni_plan *plan, const plan_step *step, uint64_t visit,
                                dnn_step_info *info) {
    char detail[128] = "";
    if (step->layer_class->detail) step->layer_class->detail(plan_state(step), detail, sizeof detail);
    *info = (dnn_step_info){DNN_SIZED(dnn_step_info), .flops = step->spec.flops};
    info->path = dnni_pool_string(&d->pool, step->path);
    info->type = dnni_pool_string(&d->pool, step->layer_class->type);
    info->detail = dnni_pool_string(&d->pool, detail);
    if (!info->path || !info->type || !info->detail) return DNN_ERROR_MEMORY;
    info->output = step->spec.outputs[0];
    info->output.data = NULL;
    info->parameters = new_parameters(step, visit);
    for (int32_t i = 0; i < step->spec.n_outputs; i++) info->output_bytes += dnni_bytes(&step->spec.outputs[i]);
    info->kept_bytes = kept_bytes(plan, step);
    info->is_fused = step->is_guest;
    info->is_recomputed = plan_runs_again(step);
    return DNN_OK;
}

static void add_totals(dnn_description_totals *t, const dnn_step_info *info, const plan_step *step) {
    t->flops += info->flops;
    if (!step->is_view) t->activation_bytes += info->output_bytes;
    if (!info->is_recomputed) return;
    t->recomputed_steps++;
    for (int32_t g = 0; g <= step->n_guests; g++) t->recomputed_flops += step[g].spec.flops;
}

static dnn_status count_parameters(dnn_description_totals *t, dnn_module *module) {
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, module));
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnni_index_parameter *p = &index->parameters[i];
        int64_t count = dnni_count(&p->parameter->value->array), bytes = dnni_bytes(&p->parameter->value->array);
        t->parameter_bytes += p->is_buffer ? bytes : 2 * bytes;
        if (p->is_buffer) continue;
        t->parameters += count;
        if (!p->parameter->frozen) t->trainable += count;
    }
    return DNN_OK;
}

/* ---- text ---- */

/* Measures while there is no text yet, then writes. */
static void append(dnn_description *d, const char *format, ...) DNNI_PRINTF(2, 3);
static void append(dnn_description *d, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = d->text ? (size_t)(d->text_room - d->text_used) : 0;
    int written = vsnprintf(d->text ? d->text + d->text_used : NULL, room, format, arguments);
    va_end(arguments);
    if (written > 0) d->text_used += written;
}

/* 1234567 as "1.23 M": three digits, for people. */
static void quantity(char *text, size_t bytes, double value, const char *unit) {
    static const char prefix[][2] = {"", "k", "M", "G", "T", "P"};
    int i = 0;
    for (; value >= 1000 && i < 5; i++) value /= 1000;
    int digits = i == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(text, bytes, "%.*f %s%s", digits, value, prefix[i], unit);
}

/* The width of a UTF-8 text in characters: printf pads by bytes. */
static int padding(const char *text, int width) {
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c & 0xc0) != 0x80) width--;
    return width > 0 ? width : 0;
}

static void write_step(dnn_description *d, const dnn_step_info *s, int path_width) {
    char flops[32], bytes[32], kept[32], what[176];
    quantity(flops, sizeof flops, s->flops, "FLOP");
    quantity(bytes, sizeof bytes, (double)s->output_bytes, "B");
    if (s->is_recomputed) snprintf(kept, sizeof kept, "recomputed");
    else quantity(kept, sizeof kept, (double)s->kept_bytes, "B");
    snprintf(what, sizeof what, "%s%s%s%s", s->is_fused ? "+ " : "", s->type, *s->detail ? " " : "", s->detail);
    append(d, "%-*s  %s%*s %-18s %12lld %14s %12s %12s\n", path_width, s->path, what, padding(what, 34), "",
           dnni_array_shape(&s->output).text, (long long)s->parameters, flops, bytes, kept);
}

static int widest_path(const dnn_description *d) {
    int width = 4;
    for (int64_t i = 0; i < d->totals.steps; i++) {
        int length = (int)strlen(d->steps[i].path);
        if (length > width) width = length;
    }
    return width;
}

static bool any_fused(const dnn_description *d) {
    for (int64_t i = 0; i < d->totals.steps; i++)
        if (d->steps[i].is_fused) return true;
    return false;
}

static void write_recomputed(dnn_description *d) {
    char flops[32], without[32];
    const dnn_description_totals *t = &d->totals;
    quantity(flops, sizeof flops, t->recomputed_flops, "FLOP");
    quantity(without, sizeof without, (double)t->arena_bytes_without, "B");
    append(d, "recomputed in the backward: %lld steps, %s (%.1f %% of a forward); the arena without that: %s\n",
           (long long)t->recomputed_steps, flops, 100 * t->recomputed_flops / fmax(t->flops, 1), without);
}

static void write_text(dnn_description *d) {
    char flops[32], parameters[32], arena[32], all[32];
    const dnn_description_totals *t = &d->totals;
    int width = widest_path(d);
    quantity(flops, sizeof flops, t->flops, "FLOP");
    quantity(parameters, sizeof parameters, (double)t->parameter_bytes, "B");
    quantity(arena, sizeof arena, (double)t->arena_bytes, "B");
    quantity(all, sizeof all, (double)t->activation_bytes, "B");
    append(d, "%-*s  %-34s %-18s %12s %14s %12s %12s\n", width, "path", "layer", "output", "parameters", "forward",
           "memory", "kept");
    for (int64_t i = 0; i < t->steps; i++) write_step(d, &d->steps[i], width);
    append(d, "%lld steps, %lld parameters (%lld trainable), %s forward\n", (long long)t->steps,
           (long long)t->parameters, (long long)t->trainable, flops);
    append(d, "memory: %s of parameters and gradients + %s arena (outputs alone, unshared: %s)\n", parameters, arena,
           all);
    if (t->recomputed_steps > 0) write_recomputed(d);
    if (any_fused(d)) append(d, "+: done on the way by the step above, without an output in memory\n");
}

static dnn_status make_text(dnn_description *d) {
    write_text(d);
    d->text_room = d->text_used + 1;
    d->text_used = 0;
    d->text = dnni_pool_alloc(&d->pool, d->text_room, 1);
    if (!d->text) return DNN_ERROR_MEMORY;
    write_text(d);
    return DNN_OK;
}

/* ---- the handle ---- */

static dnn_status describe_plan(dnn_description *d, dnn_module *module, const dnni_plan *plan) {
    uint64_t visit = dnni_next_visit();
    d->totals = (dnn_description_totals){DNN_SIZED(dnn_description_totals), .steps = plan->n_steps};
    d->totals.arena_bytes = plan->arena_bytes;
    d->totals.arena_bytes_without = plan->arena_bytes_without;
    d->steps = dnni_pool_alloc(&d->pool, plan->n_steps, sizeof *d->steps);
    if (!d->steps) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < plan->n_steps; i++) {
        DNNI_TRY(describe_step(d, plan, &plan->steps[i], visit, &d->steps[i]));
        add_totals(&d->totals, &d->steps[i], &plan->steps[i]);
    }
    DNNI_TRY(count_parameters(&d->totals, module));
    return make_text(d);
}

dnn_status dnni_check_input_shapes(const dnn_array *inputs, int32_t n) {
    DNNI_REQUIRE(n >= 0 && n < 65536 && (inputs || n == 0), "inputs is NULL");
    for (int32_t i = 0; i < n; i++) {
        dnn_array checked;
        DNNI_TRY(dnni_make_array(&checked, inputs[i].dtype, inputs[i].rank, inputs[i].dims));
    }
    return DNN_OK;
}

dnn_status dnn_module_describe(dnn_description **out, dnn_module *module, const dnn_array *inputs, int32_t n_inputs) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(dnni_check_input_shapes(inputs, n_inputs));
    DNNI_TRY(dnni_module_usable(module));
    dnni_plan *plan = NULL;
    DNNI_TRY(dnni_plan_make(&plan, module, inputs, n_inputs, DNNI_TO_RUN));
    dnn_description *d = dnni_object_new(plan->ctx, DNNI_DESCRIPTION, sizeof *d, destroy_description);
    dnn_status status = d ? DNN_OK : DNN_ERROR_MEMORY;
    if (d) d->pool.ctx = plan->ctx;
    if (d) status = describe_plan(d, module, plan);
    dnni_plan_free(plan);
    if (status == DNN_OK) *out = d;
    else dnn_description_release(d);
    return status;
}

dnn_status dnn_description_release(dnn_description *description) {
    return dnni_object_release(description, DNNI_DESCRIPTION, "description");
}

static dnn_status check_description(const dnn_description *description) {
    return dnni_check(description, DNNI_DESCRIPTION, "description");
}

dnn_status dnn_description_totals_get(const dnn_description *description, dnn_description_totals *totals) {
    DNNI_TRY(check_description(description));
    return dnni_give(totals, &description->totals, sizeof *totals, "totals");
}

dnn_status dnn_description_step(const dnn_description *description, int64_t index, dnn_step_info *step) {
    DNNI_TRY(check_description(description));
    if (index < 0 || index >= description->totals.steps)
        return dnni_error(DNN_ERROR_NOT_FOUND, "there is no step %lld, the plan has %lld", (long long)index,
                          (long long)description->totals.steps);
    return dnni_give(step, &description->steps[index], sizeof *step, "step");
}

const char *dnn_description_text(const dnn_description *description) {
    return check_description(description) == DNN_OK ? description->text : NULL;
}
