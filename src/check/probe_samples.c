/* That samples of a batch do not mix: by gradients, and by putting another sample in the place of one.
 *
 * The module runs on copies of its parameters, in its own dtype and in evaluation mode. Copies are moved by a twentieth
 * of their size: a factor of 0, or a last layer of zeros, would hide what mixes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/probe.h"
#include "core/tensor.h"
#include "rng/rng.h"

#define MOVED 0.05 /* of a parameter's root mean square */

/* Streams of random numbers of the probe. */
#define STREAM_INPUT (UINT64_C(0xb0be) << 48)   /* + input */
#define STREAM_OTHER (UINT64_C(0xb0bf) << 48)   /* + input: what is put in the place of a sample */
#define STREAM_PARAMETER (UINT64_C(0xb0c0) << 48) /* + number */
#define STREAM_OUTPUT (UINT64_C(0xb0c1) << 48)  /* + output */

typedef struct samples {
    check_probe *probe;
    const dnni_index *index;
    dnni_module_note state;
    check_copy copy;
    int64_t batch;
    dnn_tensor **inputs, **others; /* others: the samples that are put in */
    int32_t n_outputs;
    const dnn_tensor **outputs, **input_gradients; /* lent by the last run */
    dnn_tensor **kept, **cotangents;               /* outputs of the plain run; dL/dy */
    bool reached, backward_works;
    int64_t from, to; /* sample `from` changes output `to`; -1: none does */
    double by;
    const char *seen_by;
    char meet[128]; /* the step in which they mix */
} samples;

/* ---- inputs ---- */

static bool has_values(const check_probe *p, int32_t i) {
    const dnn_array *a = &p->given[i], *b = &p->shapes[i];
    bool same = a->data && a->rank > 0 && a->dims[0] > 0;
    for (int32_t k = 1; k < a->rank; k++) same = same && a->dims[k] == b->dims[k];
    return same;
}

/* Rows of the caller's values, from row `first` on, again and again; otherwise random numbers. */
static void fill(const check_probe *p, int32_t i, const dnn_array *a, uint64_t stream, int64_t first) {
    int64_t n = dnni_count(a), rows = a->rank > 0 ? dnnk_max(a->dims[0], 1) : 1, row = n / rows;
    for (int64_t k = 0; k < n; k++) {
        double value = dnnk_random_normal(p->seed, stream + (uint64_t)i, (uint64_t)k);
        if (!dnni_is_real(a->dtype)) value = value > 0;
        if (has_values(p, i))
            value = dnni_load(a->dtype, p->given[i].data, (k / row + first) % p->given[i].dims[0] * row + k % row);
        dnni_store(a->dtype, a->data, k, value);
    }
}

static dnn_status make_inputs(samples *s) {
    check_probe *p = s->probe;
    s->inputs = dnni_pool_alloc(&p->pool, p->n_inputs, sizeof *s->inputs);
    s->others = dnni_pool_alloc(&p->pool, p->n_inputs, sizeof *s->others);
    if (!s->inputs || !s->others) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < p->n_inputs; i++) {
        DNNI_TRY(dnni_tensor_like(&s->inputs[i], p->ctx, &p->shapes[i]));
        DNNI_TRY(dnni_tensor_like(&s->others[i], p->ctx, &p->shapes[i]));
        fill(p, i, &s->inputs[i]->array, STREAM_INPUT, 0);
        fill(p, i, &s->others[i]->array, STREAM_OTHER, 1);
    }
    return DNN_OK;
}

/* ---- the copy at work ---- */

static void move_parameter(const samples *s, int64_t i) {
    const dnn_array *a = &s->copy.module.values[i]->array;
    int64_t n = dnni_count(a);
    double sum = 0;
    for (int64_t k = 0; k < n; k++) sum += pow(dnni_load(a->dtype, a->data, k), 2);
    double size = n > 0 && sum > 0 ? sqrt(sum / (double)n) : 1;
    for (int64_t k = 0; k < n; k++) {
        double step = dnnk_random_normal(s->probe->seed, STREAM_PARAMETER + (uint64_t)i, (uint64_t)k);
        dnni_store(a->dtype, a->data, k, dnni_load(a->dtype, a->data, k) + MOVED * size * step);
    }
}

static void set_modes(const samples *s) {
    for (int64_t i = 0; i < s->index->n_modules; i++) s->index->modules[i].module->training = false;
    for (int64_t i = 0; i < s->index->n_parameters; i++) s->index->parameters[i].parameter->frozen = false;
    s->probe->module->gradient_flags = DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL;
}

static dnn_status forward(samples *s) {
    check_probe *p = s->probe;
    dnni_module_note_counters(&s->state);
    return dnni_runner_forward(p->module->runner, p->module, (const dnn_tensor *const *)s->copy.inputs, p->n_inputs,
                               s->outputs, s->n_outputs);
}

static dnn_status make_lists(samples *s) {
    check_probe *p = s->probe;
    s->n_outputs = p->module->layer_class ? 1 : (int32_t)p->module->outputs.count;
    s->outputs = dnni_pool_alloc(&p->pool, s->n_outputs, sizeof *s->outputs);
    s->kept = dnni_pool_alloc(&p->pool, s->n_outputs, sizeof *s->kept);
    s->cotangents = dnni_pool_alloc(&p->pool, s->n_outputs, sizeof *s->cotangents);
    s->input_gradients = dnni_pool_alloc(&p->pool, p->n_inputs, sizeof *s->input_gradients);
    return s->outputs && s->kept && s->cotangents && s->input_gradients ? DNN_OK : DNN_ERROR_MEMORY;
}

static dnn_status open(samples *s) {
    check_probe *p = s->probe;
    DNNI_TRY(dnni_index_get(&s->index, p->module));
    DNNI_TRY(dnni_module_note_make(&s->state, &p->pool, p->module, s->index));
    DNNI_TRY(make_lists(s));
    DNNI_TRY(make_inputs(s));
    DNNI_TRY(dnni_gradcheck_make_copy(&s->copy, &p->pool, s->index, (const dnn_tensor *const *)s->inputs,
                                      p->n_inputs, dnni_module_dtype(p->module)));
    for (int64_t i = 0; i < s->index->n_parameters; i++) {
        bool is_real = dnni_is_real(s->copy.module.values[i]->array.dtype);
        if (is_real && !s->index->parameters[i].is_buffer) move_parameter(s, i);
    }
    dnni_copy_put_in(&s->copy.module);
    set_modes(s);
    return DNN_OK;
}

static void close(samples *s) {
    dnni_gradcheck_free_copy(&s->copy);
    dnni_module_note_exchange(&s->state);
    for (int32_t i = 0; s->inputs && s->others && i < s->probe->n_inputs; i++) {
        dnn_tensor_release(s->inputs[i]);
        dnn_tensor_release(s->others[i]);
    }
    for (int32_t i = 0; s->kept && s->cotangents && i < s->n_outputs; i++) {
        dnn_tensor_release(s->kept[i]);
        dnn_tensor_release(s->cotangents[i]);
    }
}

/* ---- rows ---- */

static int64_t row_bytes(const dnn_array *a) { return dnni_bytes(a) / a->dims[0]; }
static char *row_of(const dnn_array *a, int64_t i) { return (char *)a->data + i * row_bytes(a); }

static bool row_is_zero(const dnn_array *a, int64_t i, double *largest) {
    int64_t n = dnni_count(a) / a->dims[0];
    *largest = 0;
    for (int64_t k = 0; k < n; k++) *largest = fmax(*largest, fabs(dnni_load(a->dtype, a->data, i * n + k)));
    return *largest == 0;
}

static bool same_row(const dnn_array *a, const dnn_array *b, int64_t i) {
    return row_bytes(a) == 0 || memcmp(row_of(a, i), row_of(b, i), (size_t)row_bytes(a)) == 0;
}

static bool is_batch(const samples *s, const dnn_array *a) { return a->rank > 0 && a->dims[0] == s->batch; }

static void note_mixing(samples *s, int64_t from, int64_t to, double by, const char *seen_by) {
    if (s->from >= 0) return;
    s->from = from;
    s->to = to;
    s->by = by;
    s->seen_by = seen_by;
}

/* ---- by putting in another sample ---- */

static void exchange_sample(samples *s, dnn_tensor *const *from, int64_t j) {
    for (int32_t i = 0; i < s->probe->n_inputs; i++) {
        const dnn_array *to = &s->copy.inputs[i]->array;
        if (is_batch(s, to) && row_bytes(to) > 0)
            memcpy(row_of(to, j), row_of(&from[i]->array, j), (size_t)row_bytes(to));
    }
}

static double largest_difference(const dnn_array *a, const dnn_array *b, int64_t row) {
    int64_t n = dnni_count(a) / a->dims[0];
    double largest = 0;
    for (int64_t k = row * n; k < (row + 1) * n; k++)
        largest = fmax(largest, fabs(dnni_load(a->dtype, a->data, k) - dnni_load(b->dtype, b->data, k)));
    return largest;
}

static void compare_outputs(samples *s, int64_t j) {
    for (int32_t o = 0; o < s->n_outputs; o++) {
        const dnn_array *now = &s->outputs[o]->array, *before = &s->kept[o]->array;
        for (int64_t i = 0; i < s->batch; i++) {
            if (same_row(now, before, i)) continue;
            if (i == j) s->reached = true;
            else note_mixing(s, j, i, largest_difference(now, before, i), "by putting another one in its place");
        }
    }
}

static dnn_status put_in_others(samples *s) {
    for (int64_t j = 0; j < s->batch; j++) {
        exchange_sample(s, s->others, j);
        DNNI_TRY(forward(s));
        compare_outputs(s, j);
        exchange_sample(s, s->inputs, j);
    }
    return DNN_OK;
}

/* ---- by gradients ---- */

static void set_cotangents(samples *s, int64_t row) {
    for (int32_t o = 0; o < s->n_outputs; o++) {
        if (!s->cotangents[o]) continue;
        const dnn_array *a = &s->cotangents[o]->array;
        int64_t n = dnni_count(a) / a->dims[0];
        memset(a->data, 0, (size_t)dnni_bytes(a));
        for (int64_t k = row * n; k < (row + 1) * n; k++) {
            double v = dnnk_random_normal(s->probe->seed, STREAM_OUTPUT + (uint64_t)o, (uint64_t)k);
            dnni_store(a->dtype, a->data, k, v);
        }
    }
}

static void look_at_gradients(samples *s, int64_t to) {
    for (int32_t i = 0; i < s->probe->n_inputs; i++) {
        if (!s->input_gradients[i] || !is_batch(s, &s->input_gradients[i]->array)) continue;
        for (int64_t from = 0; from < s->batch; from++) {
            double largest;
            if (row_is_zero(&s->input_gradients[i]->array, from, &largest)) continue;
            if (from == to) s->reached = true;
            else note_mixing(s, from, to, largest, "by the gradient");
        }
    }
}

/* A layer without a backward says so: the other way has to do. */
static dnn_status follow_gradients(samples *s) {
    for (int64_t i = 0; i < s->batch && s->backward_works; i++) {
        DNNI_TRY(forward(s));
        set_cotangents(s, i);
        dnn_status status = dnni_runner_backward(s->probe->module->runner, s->probe->module,
                                                 (const dnn_tensor *const *)s->cotangents, s->n_outputs,
                                                 s->input_gradients, s->probe->n_inputs);
        if (status == DNN_ERROR_MEMORY) return status;
        s->backward_works = status == DNN_OK;
        if (!s->backward_works) dnni_error_save(&s->probe->why);
        else look_at_gradients(s, i);
    }
    return DNN_OK;
}

/* ---- what it says ---- */

static dnn_status find_meeting(samples *s) {
    check_probe *p = s->probe;
    check_meeting m = {.pool = &p->pool, .batch = s->batch, .from = s->from};
    if (s->from < 0) return DNN_OK;
    DNNI_TRY(dnni_probe_before(&m, p->module, s->copy.inputs, p->n_inputs));
    exchange_sample(s, s->others, s->from);
    DNNI_TRY(dnni_probe_after(&m, p->module, s->copy.inputs, p->n_inputs));
    memcpy(s->meet, m.path, sizeof s->meet);
    return DNN_OK;
}

/* The first step whose first axis is not the batch; "": there is none. */
static dnn_status find_lost_batch(samples *s, char *text, size_t room) {
    dnn_description *d;
    dnn_step_info step = {DNN_SIZED(dnn_step_info), .path = NULL};
    text[0] = '\0';
    DNNI_TRY(dnn_module_describe(&d, s->probe->module, s->probe->shapes, s->probe->n_inputs));
    for (int64_t i = 0; dnn_description_step(d, i, &step) == DNN_OK; i++) {
        if (step.output.rank > 0 && step.output.dims[0] == s->batch) continue;
        snprintf(text, room, "; the first step whose first axis is not the batch is %.120s, %s",
                 *step.path ? step.path : step.type, dnni_array_shape(&step.output).text);
        break;
    }
    dnn_description_release(d);
    return DNN_OK;
}

static dnn_status say_mixing(samples *s) {
    char where[384];
    dnn_report *r = s->probe->report;
    if (s->from < 0) return DNN_OK;
    DNNI_TRY(find_lost_batch(s, where, sizeof where));
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "samples-mix",
                             "Sample %lld of a batch changes the output of sample %lld%s%s.", (long long)s->from,
                             (long long)s->to, *s->meet ? ": they meet in " : "", s->meet));
    DNNI_TRY(dnni_report_how(r, "seen %s, by up to %s, in evaluation mode, in batches of %lld%s", s->seen_by,
                             dnni_real(s->by, 3).text, (long long)s->batch, where));
    return dnni_report_action(r, "look at reshapes, permutations and reductions: none may touch the first axis");
}

static dnn_status say_findings(samples *s) {
    dnn_report *r = s->probe->report;
    DNNI_TRY(say_mixing(s));
    if (!s->reached) {
        DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_WARNING, "ignores-input", "The output does not depend on the input."));
        DNNI_TRY(dnni_report_how(r, "neither a gradient nor another sample changes anything, with parameters moved"));
        DNNI_TRY(dnni_report_action(r, "look for a layer whose output is not used, or that is 0 for all inputs: ReLUs "
                                       "that are dead"));
    }
    if (s->backward_works) return DNN_OK;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_NOTE, "no-backward", "Gradients could not be followed."));
    return dnni_report_how(r, "%s", s->probe->why.line);
}

/* *all: every output is a batch. */
static dnn_status keep_outputs(samples *s, bool *all) {
    check_probe *p = s->probe;
    *all = true;
    for (int32_t o = 0; o < s->n_outputs; o++) {
        const dnn_array *y = &s->outputs[o]->array;
        DNNI_TRY(dnn_tensor_clone(&s->kept[o], s->outputs[o]));
        if (dnni_is_real(y->dtype)) DNNI_TRY(dnni_tensor_like(&s->cotangents[o], p->ctx, y));
        if (is_batch(s, y)) continue;
        *all = false;
        DNNI_TRY(dnni_report_add(p->report, DNN_SEVERITY_WARNING, "batch-lost",
                                 "Output %d is %s for a batch of %lld: its first axis is not the batch.", o,
                                 dnni_array_shape(y).text, (long long)s->batch));
        DNNI_TRY(dnni_report_action(p->report, "keep the batch in front: look at reshapes, reductions over axis 0"));
    }
    return DNN_OK;
}

/* Shapes fit, values do not: a class number that an embedding has not, say. */
static dnn_status say_does_not_run(samples *s, dnn_status status) {
    dnn_report *r = s->probe->report;
    if (status == DNN_ERROR_MEMORY) return status;
    dnni_error_save(&s->probe->why);
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "does-not-run", "The module does not run on such values."));
    DNNI_TRY(dnni_report_how(r, "%s", s->probe->why.line));
    return dnni_report_action(r, "give the probe values that it runs on: the data of `inputs`");
}

static dnn_status run(samples *s) {
    bool all;
    DNNI_TRY(open(s));
    dnn_status status = forward(s);
    if (status != DNN_OK) return say_does_not_run(s, status);
    DNNI_TRY(keep_outputs(s, &all));
    if (!all || s->batch < 2) return DNN_OK;
    status = put_in_others(s);
    if (status != DNN_OK) return say_does_not_run(s, status);
    DNNI_TRY(follow_gradients(s));
    DNNI_TRY(find_meeting(s));
    dnni_copy_take_out(&s->copy.module);
    return say_findings(s);
}

dnn_status dnni_probe_samples(check_probe *p) {
    if (p->n_inputs == 0 || p->shapes[0].rank == 0) return DNN_OK;
    samples s = {.probe = p, .batch = p->shapes[0].dims[0], .backward_works = true, .from = -1, .to = -1};
    dnn_status status = run(&s);
    close(&s);
    return status;
}
