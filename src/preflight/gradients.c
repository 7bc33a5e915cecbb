/* The gradient check on a few derivatives of each tensor; of some tensors, where the network is large. */
#include <dnn/check.h>

#include "preflight/flight.h"

#define MOST_FLOPS 5e10 /* in float64: some seconds */

enum {
    SAMPLES = 4,       /* of fewer, batch norm makes numbers that are far from smooth */
    FORWARDS = 5,      /* for a derivative, at most */
    DERIVATIVES = 5,   /* of a tensor: first, middle, last, and */
    DRAWN = 2,
    FOLLOWED = 2,      /* the module alone, and with the loss behind it */
    MOST_NAMED = 4
};

static double flops_of(const preflight *f, double tensors) {
    return tensors * DERIVATIVES * FORWARDS * FOLLOWED * SAMPLES * f->flops;
}

static dnn_status say_wrong(preflight *f, const char *path, const char *phase, const char *how, const char *hint) {
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "gradient-wrong",
                             "The gradient that backward gives for %s is not the derivative of what forward computes.",
                             path));
    DNNI_TRY(dnni_report_how(f->report, "%s, in phase \"%s\"", how, phase));
    DNNI_TRY(dnni_report_set(f->report, path));
    return dnni_report_action(f->report, "%s%sdnn_check_gradients on that layer alone shows each derivative", hint,
                              *hint ? "; " : "");
}

static dnn_status say_rows(preflight *f, const dnn_check_report *report, int64_t *said) {
    dnn_check_row row = {DNN_SIZED(dnn_check_row)};
    for (int64_t i = 0; dnn_check_report_row(report, i, &row) == DNN_OK; i++) {
        if (row.verdict != DNN_CHECK_FAIL || (*said)++ >= MOST_NAMED) continue;
        char how[160];
        snprintf(how, sizeof how, "%lld of %lld derivatives are wrong, by up to %s of their size",
                 (long long)row.failed, (long long)row.checked, dnni_real(row.worst_error, 3).text);
        DNNI_TRY(say_wrong(f, row.path, row.phase, how, row.hint));
    }
    return DNN_OK;
}

static dnn_status say_facts(preflight *f, const dnn_check_report *report, int64_t *said) {
    dnn_check_finding fact = {DNN_SIZED(dnn_check_finding)};
    for (int64_t i = 0; dnn_check_report_finding(report, i, &fact) == DNN_OK; i++) {
        if (fact.verdict != DNN_CHECK_FAIL || (*said)++ >= MOST_NAMED) continue;
        DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "gradient-wrong",
                                 "Backward breaks a rule that holds for every gradient: \"%s\" fails.", fact.name));
        DNNI_TRY(dnni_report_how(f->report, "%s, in phase \"%s\"", fact.detail, fact.phase));
    }
    return DNN_OK;
}

/* One sentence, if one layer is at fault; otherwise one for each tensor whose gradient is wrong. */
static dnn_status say_layer(preflight *f, const char *layer, const dnn_check_report *report) {
    dnn_check_row row = {DNN_SIZED(dnn_check_row)};
    char seen[160] = "";
    for (int64_t i = 0; dnn_check_report_row(report, i, &row) == DNN_OK; i++) {
        size_t used = strlen(seen);
        if (row.verdict == DNN_CHECK_FAIL && !strstr(seen, row.path))
            snprintf(seen + used, sizeof seen - used, "%s%s", used ? ", " : "", row.path);
    }
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, "gradient-wrong",
                             "The backward of %s is not the derivative of its forward.", layer));
    DNNI_TRY(dnni_report_how(f->report, "checked alone, on what it gets in this network; in the network wrong for %s",
                             seen));
    DNNI_TRY(dnni_report_set(f->report, layer));
    return dnni_report_action(f->report, "dnn_check_gradients on that layer alone shows each derivative");
}

static dnn_status say_failure(preflight *f, const dnn_tensor *x, const dnn_check_report *report, int64_t *said) {
    const char *layer = NULL;
    if (*said == 0) DNNI_TRY(dnni_preflight_wrong_layer(f, x, &layer));
    if (!layer) return say_rows(f, report, said);
    *said = MOST_NAMED;
    return say_layer(f, layer, report);
}

static dnn_status say_unchecked(preflight *f, const char *why) {
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_NOTE, "gradients-not-checked", "Gradients were not checked."));
    DNNI_TRY(dnni_report_how(f->report, "%s", why));
    return dnni_report_action(f->report, "check the layers one by one, on small inputs: dnn_check_gradients");
}

/* Adds to *checked. *said: findings so far. */
static dnn_status check(preflight *f, const dnn_tensor *x, const dnn_check_desc *desc, double *checked, int64_t *said) {
    dnn_check_report *report;
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    dnn_status status = dnn_check_gradients(&report, f->module, &x, 1, desc);
    if (status == DNN_ERROR_MEMORY) return status;
    if (status != DNN_OK) return (*said)++ == 0 ? say_unchecked(f, dnn_last_error()) : DNN_OK;
    dnn_check_report_figures(report, &figures);
    *checked += (double)figures.checked;
    if (figures.failed > 0) status = say_failure(f, x, report, said);
    if (status == DNN_OK && *said == 0) status = say_facts(f, report, said);
    dnn_check_report_release(report);
    return status;
}

/* As many tensors as there is time for, spread over the network, without the loss. */
static dnn_status check_some(preflight *f, const dnn_tensor *x, const dnni_index *index, dnn_check_desc *desc,
                             double *checked) {
    int64_t said = 0, most = (int64_t)(FOLLOWED * MOST_FLOPS / (flops_of(f, 1) + 1));
    if (most == 0) return say_unchecked(f, "one forward in float64 takes longer than this check may");
    desc->loss = NULL;
    desc->skip = DNN_CHECK_NO_INPUTS | DNN_CHECK_NO_STRUCTURE | DNN_CHECK_NO_FLOAT32;
    most = dnnk_min(most, index->n_parameters);
    for (int64_t k = 0; k < most; k++) {
        const dnni_index_parameter *p = &index->parameters[(2 * k + 1) * index->n_parameters / (2 * most)];
        desc->only = p->path;
        if (!p->is_buffer) DNNI_TRY(check(f, x, desc, checked, &said));
    }
    return DNN_OK;
}

static dnn_status check_tensors(preflight *f, const dnn_tensor *x, const dnn_tensor *target) {
    const dnni_index *index;
    double checked = 0;
    int64_t said = 0;
    dnn_check_desc desc = {DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_SAMPLED, .phases = DNN_CHECK_AS_IS,
                           .skip = DNN_CHECK_NO_FLOAT32, .samples = DRAWN, .seed = f->d.seed, .loss = f->loss,
                           .target = target};
    DNNI_TRY(dnni_index_get(&index, f->module));
    if (flops_of(f, (double)index->n_parameters + 2) <= MOST_FLOPS) DNNI_TRY(check(f, x, &desc, &checked, &said));
    else DNNI_TRY(check_some(f, x, index, &desc, &checked));
    return dnn_report_add_figure(f->report, "derivatives checked", checked, "");
}

dnn_status dnni_preflight_gradient_check(preflight *f) {
    dnn_tensor *x, *target;
    int64_t n = dnnk_min(SAMPLES, f->n);
    DNNI_TRY(dnn_tensor_slice(&x, f->x, 0, n));
    dnn_status status = dnn_tensor_slice(&target, f->target, 0, n);
    if (status == DNN_OK) {
        status = check_tensors(f, x, target);
        dnn_tensor_release(target);
    }
    dnn_tensor_release(x);
    return status;
}
