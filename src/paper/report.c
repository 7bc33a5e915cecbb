/* A run's folder as a report. */
#include <string.h>

#include <dnn/inspect.h>
#include <dnn/run.h>

#include "paper/show.h"

enum { MOST_PLOTS = 64, MOST_LOG = 16384, LABEL = 64 };

/* ---- sections ---- */

/* The facts of a group, as names and texts, or as lines. */
static dnn_status add_group(dnn_report *r, const dnni_facts *f, const char *group, const char *title, int columns) {
    dnni_table t = {.columns = columns};
    int64_t room = dnni_facts_count(f, group);
    dnn_context *ctx = r->base.ctx;
    const char *(*rows)[3] = dnni_alloc(ctx, room, sizeof *rows);
    if (!rows) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < f->n; i++) {
        const dnni_fact *fact = &f->list[i];
        if (strcmp(fact->group, group) != 0 || fact->kind == DNNI_FACT_NULL || !*fact->text) continue;
        rows[t.n][0] = columns == 1 ? fact->text : fact->name;
        rows[t.n++][1] = fact->text;
    }
    t.rows = (const char *const (*)[3])rows;
    dnn_status status = dnni_add_table(r, title, &t);
    dnni_free(ctx, rows, room, sizeof *rows);
    return status;
}

static dnn_status add_log(dnn_report *r, const char *folder) {
    char *tail = dnni_run_tail(r->base.ctx, folder, "log.txt", MOST_LOG);
    if (!tail) return dnn_last_status();
    dnn_status status = *tail ? dnn_report_add_section(r, "the end of log.txt", tail, NULL) : DNN_OK;
    dnni_free_string(r->base.ctx, tail);
    return status;
}

static dnn_status add_sections(dnn_report *r, const dnni_facts *f, const char *folder) {
    DNNI_TRY(add_group(r, f, "", "run", 2));
    DNNI_TRY(add_group(r, f, "settings", "settings", 2));
    DNNI_TRY(add_group(r, f, "arguments", "arguments", 1));
    DNNI_TRY(add_group(r, f, "data", "data", 2));
    DNNI_TRY(add_group(r, f, "model", "model", 2));
    DNNI_TRY(add_group(r, f, "description", "the model, layer by layer", 1));
    DNNI_TRY(add_group(r, f, "machine", "machine", 2));
    DNNI_TRY(add_group(r, f, "earlier", "earlier starts", 1));
    return add_log(r, folder);
}

/* ---- plots: of curves that have the first part of their tags in common ---- */

static size_t first_part(const char *tag) {
    const char *slash = strchr(tag, '/');
    return slash && slash > tag && slash[1] ? (size_t)(slash - tag) : strlen(tag);
}

static bool belong_together(const char *a, const char *b) {
    size_t n = first_part(a);
    return n == first_part(b) && memcmp(a, b, n) == 0;
}

static bool begins_plot(const dnni_curves *c, int64_t i) {
    for (int64_t k = 0; k < i; k++)
        if (belong_together(c->list[k].tag, c->list[i].tag)) return false;
    return true;
}

static dnn_status add_plot(dnn_report *r, const dnni_curves *c, int64_t first, dnn_series *series) {
    char title[LABEL];
    const char *tag = c->list[first].tag;
    dnn_tensor *picture;
    int64_t n = 0;
    for (int64_t i = first; i < c->n; i++) {
        const dnni_curve *curve = &c->list[i];
        size_t part = first_part(curve->tag);
        if (!belong_together(curve->tag, tag)) continue;
        series[n++] = (dnn_series){.x = curve->steps, .y = curve->values, .count = curve->n,
                                   .label = curve->tag[part] ? curve->tag + part + 1 : NULL};
    }
    dnni_writer w = {.text = title, .room = sizeof title};
    dnni_write(&w, "%.*s", (int)first_part(tag), tag);
    dnn_plot_desc d = {DNN_SIZED(dnn_plot_desc), .title = title, .x_label = "step"};
    DNNI_TRY(dnn_plot_lines(&picture, r->base.ctx, series, n, &d));
    return dnni_report_give_picture(r, title, picture);
}

static dnn_status add_curves(dnn_report *r, const dnni_curves *c) {
    int64_t plots = 0;
    dnn_series *series = dnni_alloc(c->ctx, c->n, sizeof *series);
    dnn_status status = series ? DNN_OK : DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < c->n && status == DNN_OK; i++) {
        const dnni_curve *curve = &c->list[i];
        double last = curve->n > 0 ? curve->values[curve->n - 1] : 0;
        status = dnn_report_add_figure(r, curve->tag, last, dnni_curve_noted(curve).text);
        if (status == DNN_OK && begins_plot(c, i) && plots++ < MOST_PLOTS) status = add_plot(r, c, i, series);
    }
    dnni_free(c->ctx, series, c->n, sizeof *series);
    return status;
}

/* ---- the whole ---- */

static dnn_status add_end(dnn_report *r, const dnni_facts *f) {
    const char *message = dnni_facts_text(f, "", "message");
    if (strcmp(dnni_facts_text(f, "", "status"), "failed") != 0) return DNN_OK;
    DNNI_TRY(dnni_report_add(r, DNN_SEVERITY_ERROR, "run-failed", "The run failed: %.600s.",
                             *message ? message : "no reason is written down"));
    return dnni_report_action(r, "read the end of log.txt below");
}

static dnn_status fill(dnn_report *r, const dnni_trail *t, const char *folder) {
    DNNI_TRY(add_end(r, &t->facts));
    DNNI_TRY(add_curves(r, &t->curves));
    return add_sections(r, &t->facts, folder);
}

dnn_status dnn_run_report(dnn_report **out, dnn_context *ctx, const char *folder) {
    dnni_trail t;
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check(ctx, DNNI_CONTEXT, "ctx"));
    DNNI_REQUIRE(folder, "folder is NULL");
    dnn_status status = dnni_trail_read(&t, ctx, folder);
    const char *name = dnni_facts_text(&t.facts, "", "name");
    if (status == DNN_OK) status = dnni_report_new(out, ctx, "run %.300s", *name ? name : folder);
    if (status == DNN_OK) status = fill(*out, &t, folder);
    if (status != DNN_OK && *out) {
        dnn_report_release(*out);
        *out = NULL;
    }
    dnni_trail_free(&t);
    return status;
}
