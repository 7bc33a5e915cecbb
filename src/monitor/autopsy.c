/* The first number that is not finite, and where it comes from. */
#include <dnn/checkpoint.h>
#include <dnn/monitor.h>

#include <math.h>
#include <stdio.h>

#include "core/tensor.h"
#include "graph/index.h"
#include "graph/runner.h"
#include "report/report.h"

enum { MOST_SAMPLES = 64 };

/* What there is to say of an array. */
typedef struct {
    double low, high;    /* of the finite numbers */
    int64_t bad;         /* that are not finite */
    int64_t first;       /* of those */
    int64_t samples[MOST_SAMPLES]; /* that have one, along the first axis */
    int64_t n_samples;
} findings;

static void note_sample(findings *f, int64_t sample) {
    if (f->n_samples > 0 && f->samples[f->n_samples - 1] == sample) return;
    if (f->n_samples < MOST_SAMPLES) f->samples[f->n_samples++] = sample;
}

static findings look_at(const dnn_array *a) {
    findings f = {.low = INFINITY, .high = -INFINITY, .first = -1};
    int64_t n = dnni_is_real(a->dtype) ? dnni_count(a) : 0, each = a->rank > 0 && n > 0 ? n / a->dims[0] : 1;
    for (int64_t i = 0; i < n; i++) {
        double x = dnni_load(a->dtype, a->data, i);
        if (isfinite(x)) {
            f.low = fmin(f.low, x);
            f.high = fmax(f.high, x);
            continue;
        }
        if (f.bad++ == 0) f.first = i;
        if (a->rank > 0) note_sample(&f, i / each);
    }
    return f;
}

/* ---- before the forward ---- */

static dnn_status check_inputs(dnn_report *report, const dnn_tensor *const *inputs, int32_t n) {
    for (int32_t i = 0; i < n; i++) {
        const dnn_array *a = &inputs[i]->array;
        findings f = look_at(a);
        if (f.bad == 0) continue;
        char name[32];
        snprintf(name, sizeof name, "input %d", i);
        DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_ERROR, "not-finite-input",
                                 "input %d of the module has %lld numbers that are not finite, the first at %s", i,
                                 (long long)f.bad, dnni_element(a, f.first).text));
        DNNI_TRY(dnni_report_action(report, "look at the data: dnn_audit names the samples, dnn_look shows a batch"));
        DNNI_TRY(dnni_report_set(report, name));
        DNNI_TRY(dnni_report_samples(report, f.samples, f.n_samples));
    }
    return DNN_OK;
}

static dnn_status check_parameters(dnn_report *report, dnn_module *module) {
    const dnni_index *index;
    DNNI_TRY(dnni_index_get(&index, module));
    for (int64_t i = 0; i < index->n_parameters; i++) {
        const dnn_array *a = &index->parameters[i].parameter->value->array;
        findings f = look_at(a);
        if (f.bad == 0) continue;
        DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_ERROR, "not-finite-parameter",
                                 "%s has %lld numbers of %lld that are not finite, the first at %s",
                                 index->parameters[i].path, (long long)f.bad, (long long)dnni_count(a),
                                 dnni_element(a, f.first).text));
        DNNI_TRY(dnni_report_action(report, "go back to the last good checkpoint; dnn_optimizer_clip_norm refuses the "
                                            "step that would spoil weights, and names the gradient"));
        DNNI_TRY(dnni_report_set(report, index->parameters[i].path));
    }
    return DNN_OK;
}

/* ---- the forward ---- */

static const char *name_of(double x) { return isnan(x) ? "NaN" : x > 0 ? "infinite" : "-infinite"; }

static void widen(findings *all, const dnn_array *a) {
    if (!a->data || !dnni_is_real(a->dtype)) return;
    findings f = look_at(a);
    all->low = fmin(all->low, f.low);
    all->high = fmax(all->high, f.high);
}

/* e⁸⁸ is the last power of e that float32 holds. */
static const char *advice(double made, double largest) {
    if (largest > 1e4) return "what it reads is too large: a lower rate, a norm before it, or clipping";
    if (isnan(made)) return "it divides 0 by 0, or takes the logarithm or root of a negative number";
    if (largest > 80) return "what it reads is too large for an exponential: scale the inputs, or take the largest off";
    return "it divides by 0, or takes the logarithm of 0: keep that away from 0 by a small number";
}

static dnn_status tell(dnn_report *report, const dnn_observation *o, int32_t k, const findings *f) {
    const dnn_array *y = &o->outputs[k];
    findings read = {.low = INFINITY, .high = -INFINITY}, weights = read;
    for (int32_t i = 0; i < o->n_inputs; i++) widen(&read, &o->inputs[i]);
    for (int32_t i = 0; i < o->n_parameters; i++) widen(&weights, &o->parameters[i]);
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_ERROR, "not-finite-output",
                             "%s (%s) is the first to make numbers that are not finite: out%s is %s", o->path, o->type,
                             dnni_element(y, f->first).text, name_of(dnni_load(y->dtype, y->data, f->first))));
    char parameters[128] = "";
    if (weights.low <= weights.high)
        snprintf(parameters, sizeof parameters, ", its parameters from %s to %s", dnni_real(weights.low, 6).text,
                 dnni_real(weights.high, 6).text);
    DNNI_TRY(dnni_report_how(report, "%lld of %lld numbers of %s; it read from %s to %s%s", (long long)f->bad,
                             (long long)dnni_count(y), dnni_array_shape(y).text, dnni_real(read.low, 6).text,
                             dnni_real(read.high, 6).text, parameters));
    DNNI_TRY(dnni_report_action(report, "%s", advice(dnni_load(y->dtype, y->data, f->first),
                                                     fmax(fabs(read.low), fabs(read.high)))));
    DNNI_TRY(dnni_report_set(report, o->path));
    return dnni_report_samples(report, f->samples, f->n_samples);
}

static dnn_status see(void *user, const dnn_observation *o) {
    dnn_report *report = user;
    if (report->n_findings > 0) return DNN_OK; /* what comes behind the first is its consequence */
    for (int32_t k = 0; k < o->n_outputs; k++) {
        findings f = look_at(&o->outputs[k]);
        if (f.bad > 0) return tell(report, o, k, &f);
    }
    return DNN_OK;
}

/* ---- the whole ---- */

static dnn_status examine(dnn_report *report, dnn_module *module, const dnn_tensor *const *inputs, int32_t n) {
    DNNI_TRY(check_inputs(report, inputs, n));
    DNNI_TRY(check_parameters(report, module));
    return report->n_findings > 0 ? DNN_OK : dnn_module_observe(module, inputs, n, see, report);
}

static dnn_status write_replay(const char *path, dnn_module *module, const dnn_tensor *const *inputs, int32_t n) {
    dnni_pool pool = {.ctx = module->base.ctx};
    char(*text)[32] = dnni_pool_alloc(&pool, n, sizeof *text);
    const char **names = dnni_pool_alloc(&pool, n, sizeof *names);
    dnn_status status = text && names ? DNN_OK : DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n && status == DNN_OK; i++) {
        snprintf(text[i], sizeof text[i], "input.%d", i);
        names[i] = text[i];
    }
    if (status == DNN_OK) {
        dnn_checkpoint_parts parts = {DNN_SIZED(dnn_checkpoint_parts), .module = module, .names = names,
                                      .tensors = (dnn_tensor *const *)(uintptr_t)inputs, .n_tensors = n};
        status = dnn_checkpoint_write(path, &parts);
    }
    dnni_pool_free(&pool);
    return status;
}

dnn_status dnn_autopsy(dnn_report **out, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                       const dnn_autopsy_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_autopsy_desc d;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(dnni_check_tensors(module, inputs, n_inputs, false, "input"));
    DNNI_TRY(dnni_module_usable(module));
    dnn_report *report;
    DNNI_TRY(dnni_report_new(&report, module->base.ctx, "where numbers cease to be finite"));
    dnn_status status = examine(report, module, inputs, n_inputs);
    if (status == DNN_OK && d.replay && report->n_findings > 0)
        status = write_replay(d.replay, module, inputs, n_inputs);
    if (status == DNN_OK) *out = report;
    else dnn_report_release(report);
    return status;
}
