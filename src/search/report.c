/* What a search has found so far. */
#include <math.h>

#include "report/report.h"
#include "search/search.h"

enum { MOST_ROWS = 20, MOST_JSON = 1000, LEAST_WIDTH = 12 };

static const char *state_name(const dnni_trial *t) {
    switch (dnni_trial_state_of(t)) {
    case DNN_TRIAL_RUNNING: return "running";
    case DNN_TRIAL_WAITING: return "waiting";
    case DNN_TRIAL_STOPPED: return isnan(t->value) ? "failed" : "stopped";
    case DNN_TRIAL_DONE: return "done";
    default: return "-";
    }
}

/* ---- the table ---- */

static void pad(dnni_writer *w, const char *text, int width) {
    for (int i = dnni_characters(text); i < width; i++) dnni_write(w, " ");
    dnni_write(w, "%s", text);
}

static int width_of(const dnni_range *r) {
    int width = dnni_characters(r->name);
    for (int64_t i = 0; i < r->n && r->kind == DNNI_CHOICE; i++)
        if (dnni_characters(r->choices[i]) > width) width = dnni_characters(r->choices[i]);
    return width > LEAST_WIDTH ? width : LEAST_WIDTH;
}

static void write_row(dnni_writer *w, const dnn_search *s, const dnni_trial *t) {
    dnni_write(w, "%7lld  %-7s %9lld %12s", (long long)t->number, state_name(t), (long long)t->steps,
               t->steps > 0 ? dnni_real(t->value, 6).text : "-");
    for (int64_t k = 0; k < s->n_ranges; k++) {
        dnni_real_text number;
        dnni_write(w, " ");
        pad(w, dnni_range_text(&s->ranges[k], dnni_draw(s, t->number, k), &number), width_of(&s->ranges[k]));
    }
    dnni_write(w, "\n");
}

static void write_table(dnni_writer *w, const void *what) {
    const dnni_ranking *r = what;
    const dnn_search *s = r->search;
    dnni_write(w, "%7s  %-7s %9s %12s", "trial", "state", "steps", "value");
    for (int64_t k = 0; k < s->n_ranges; k++) {
        dnni_write(w, " ");
        pad(w, s->ranges[k].name, width_of(&s->ranges[k]));
    }
    dnni_write(w, "\n");
    for (int64_t i = 0; i < s->n_trials && i < MOST_ROWS; i++) write_row(w, s, dnni_ranked(r, i));
    if (s->n_trials > MOST_ROWS) dnni_write(w, "and %lld trials more\n", (long long)(s->n_trials - MOST_ROWS));
}

static void put_value(dnni_writer *w, const dnni_range *r, double value) {
    if (r->kind == DNNI_CHOICE) dnni_put_text(w, r->name, r->choices[(int64_t)value]);
    else dnni_put_real(w, r->name, value);
}

static void write_json(dnni_writer *w, const void *what) {
    const dnni_ranking *r = what;
    const dnn_search *s = r->search;
    dnni_put_open(w, NULL, '[');
    for (int64_t i = 0; i < s->n_trials && i < MOST_JSON; i++) {
        const dnni_trial *t = dnni_ranked(r, i);
        dnni_put_open(w, NULL, '{');
        dnni_put_whole(w, "trial", t->number);
        dnni_put_text(w, "state", state_name(t));
        dnni_put_whole(w, "steps", t->steps);
        dnni_put_real(w, "value", t->value);
        dnni_put_open(w, "parameters", '{');
        for (int64_t k = 0; k < s->n_ranges; k++) put_value(w, &s->ranges[k], dnni_draw(s, t->number, k));
        dnni_put_close(w, '}');
        dnni_put_close(w, '}');
    }
    dnni_put_close(w, ']');
}

static dnn_status add_table(dnn_report *report, const dnni_ranking *r) {
    dnni_pool pool = {.ctx = r->search->base.ctx};
    const char *text = dnni_written(&pool, write_table, r), *json = dnni_written(&pool, write_json, r);
    dnn_status status = text && json ? dnn_report_add_section(report, "trials", text, json) : DNN_ERROR_MEMORY;
    dnni_pool_free(&pool);
    return status;
}

/* ---- figures and findings ---- */

static dnn_status add_figures(dnn_report *report, const dnni_ranking *r) {
    const dnn_search *s = r->search;
    int64_t counts[DNN_TRIAL_DONE + 1] = {0}, steps = 0;
    for (int64_t i = 0; i < s->n_trials; i++) {
        counts[dnni_trial_state_of(&s->trials[i])]++;
        steps += s->trials[i].steps;
    }
    DNNI_TRY(dnn_report_add_figure(report, "trials", (double)s->n_trials, NULL));
    DNNI_TRY(dnn_report_add_figure(report, "done", (double)counts[DNN_TRIAL_DONE], NULL));
    DNNI_TRY(dnn_report_add_figure(report, "stopped", (double)counts[DNN_TRIAL_STOPPED], "early, or failed"));
    DNNI_TRY(dnn_report_add_figure(report, "waiting", (double)counts[DNN_TRIAL_WAITING], NULL));
    DNNI_TRY(dnn_report_add_figure(report, "running", (double)counts[DNN_TRIAL_RUNNING], NULL));
    DNNI_TRY(dnn_report_add_figure(report, "steps", (double)steps, "of all trials together"));
    if (r->good == 0) return DNN_OK;
    const dnni_trial *best = dnni_ranked(r, 0);
    DNNI_TRY(dnn_report_add_figure(report, "best trial", (double)best->number, NULL));
    return dnn_report_add_figure(report, "best value", best->value, s->desc.maximise ? "larger is better" : NULL);
}

static dnn_status say_without_result(dnn_report *report) {
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_NOTE, "no-result", "no trial has a value yet"));
    return dnni_report_action(report, "tell values: dnn_search_tell");
}

static dnn_status say_failed(dnn_report *report, const dnni_ranking *r) {
    long long failed = (long long)(r->told - r->good), told = (long long)r->told;
    if (failed == 0) return DNN_OK;
    bool many = 2 * failed > told;
    dnn_severity severity = r->good == 0 ? DNN_SEVERITY_ERROR : many ? DNN_SEVERITY_WARNING : DNN_SEVERITY_NOTE;
    DNNI_TRY(dnni_report_add(report, severity, "trials-failed",
                             "%lld of %lld trials ended with a value that is not finite", failed, told));
    return dnni_report_action(report, many ? "look for a mistake in the program, or for ranges that reach too far"
                                           : "see whether they have extreme values; if not, look for a mistake");
}

static dnn_status say_repeats(dnn_report *report, const dnn_search *s) {
    if (s->repeats == 0) return DNN_OK;
    DNNI_TRY(dnni_report_add(report, DNN_SEVERITY_NOTE, "repeated-trials",
                             "%lld trials have the values of earlier ones, and were passed over",
                             (long long)s->repeats));
    return dnni_report_action(report, "the ranges hold few values: a grid may try them all");
}

static dnn_status fill(dnn_report *report, const dnni_ranking *r) {
    DNNI_TRY(add_figures(report, r));
    DNNI_TRY(dnni_search_border(report, r));
    DNNI_TRY(say_failed(report, r));
    DNNI_TRY(say_repeats(report, r->search));
    if (r->told == 0) DNNI_TRY(say_without_result(report));
    DNNI_TRY(add_table(report, r));
    DNNI_TRY(dnni_search_importance(report, r));
    return dnni_search_scatter(report, r);
}

dnn_status dnn_search_report(dnn_report **out, dnn_search *search) {
    dnni_ranking r;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_search(search));
    DNNI_TRY(dnni_folder_open(search));
    DNNI_TRY(dnni_worker_read_all(search));
    DNNI_TRY(dnni_ranking_make(&r, search));
    dnn_status status = dnni_report_new(out, search->base.ctx, "search: %lld trials over %lld parameters",
                                        (long long)search->n_trials, (long long)search->n_ranges);
    if (status == DNN_OK) status = fill(*out, &r);
    dnni_ranking_free(&r);
    if (status == DNN_OK) return DNN_OK;
    dnn_report_release(*out);
    *out = NULL;
    return status;
}
