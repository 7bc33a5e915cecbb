/* How the library itself adds to a report; and one report into another. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/tensor.h"
#include "report/report.h"

enum { LINE = 1024 };

/* Printed text of any length, in the pool. */
static char *print(dnni_pool *pool, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0) n = 0;
    char *text = dnni_pool_alloc(pool, (int64_t)n + 1, 1);
    if (text) vsnprintf(text, (size_t)n + 1, format, arguments);
    return text;
}

dnn_status dnni_report_new(dnn_report **out, dnn_context *ctx, const char *title, ...) {
    char line[LINE];
    va_list arguments;
    va_start(arguments, title);
    vsnprintf(line, sizeof line, title, arguments);
    va_end(arguments);
    return dnn_report_create(out, ctx, line);
}

dnn_status dnni_report_add(dnn_report *r, dnn_severity severity, const char *name, const char *what, ...) {
    va_list arguments;
    va_start(arguments, what);
    const char *text = print(&r->pool, what, arguments);
    va_end(arguments);
    dnn_finding f = {DNN_SIZED(dnn_finding), .severity = severity, .name = name, .what = text, .picture = -1};
    return text ? dnn_report_add_finding(r, &f) : DNN_ERROR_MEMORY;
}

/* ---- more of the finding that was added last ---- */

static dnn_status say(dnn_report *r, const char **kept, const char *format, va_list arguments) {
    const char *text = print(&r->pool, format, arguments);
    if (text) text = dnni_pool_clean(&r->pool, text, false);
    if (!text) return DNN_ERROR_MEMORY;
    *kept = text;
    dnni_report_outdate(r);
    return DNN_OK;
}

dnn_status dnni_report_how(dnn_report *r, const char *how, ...) {
    va_list arguments;
    va_start(arguments, how);
    dnn_status status = say(r, &r->findings[r->newest].how, how, arguments);
    va_end(arguments);
    return status;
}

dnn_status dnni_report_action(dnn_report *r, const char *action, ...) {
    va_list arguments;
    va_start(arguments, action);
    dnn_status status = say(r, &r->findings[r->newest].action, action, arguments);
    va_end(arguments);
    return status;
}

dnn_status dnni_report_set(dnn_report *r, const char *set) {
    DNNI_TRY(dnni_report_keep(r, &r->findings[r->newest].set, set, false));
    dnni_report_outdate(r);
    return DNN_OK;
}

dnn_status dnni_report_samples(dnn_report *r, const int64_t *samples, int64_t n) {
    DNNI_TRY(dnni_report_keep_samples(r, &r->findings[r->newest], samples, n));
    dnni_report_outdate(r);
    return DNN_OK;
}

void dnni_report_show(dnn_report *r, int64_t picture) {
    r->findings[r->newest].picture = (int32_t)picture;
    dnni_report_outdate(r);
}

dnn_status dnni_report_give_picture(dnn_report *r, const char *title, dnn_tensor *image) {
    dnn_status status = dnn_report_add_picture(r, title, image);
    dnn_tensor_release(image);
    return status;
}

void dnni_report_rewind(dnn_report *r, dnni_report_mark mark) {
    while (r->n_pictures > mark.pictures) dnn_tensor_release((dnn_tensor *)r->pictures[--r->n_pictures].image);
    r->n_figures = mark.figures;
    r->n_sections = mark.sections;
    dnni_report_outdate(r);
}

/* ---- one report into another: all is copied before anything is added ---- */

static dnn_status reserve(dnn_report *r, const dnn_report *other) {
    dnn_context *ctx = r->base.ctx;
    DNNI_TRY(dnni_grow(ctx, (void **)&r->findings, &r->findings_capacity, r->n_findings + other->n_findings,
                       sizeof *r->findings));
    DNNI_TRY(dnni_grow(ctx, (void **)&r->figures, &r->figures_capacity, r->n_figures + other->n_figures,
                       sizeof *r->figures));
    DNNI_TRY(dnni_grow(ctx, (void **)&r->sections, &r->sections_capacity, r->n_sections + other->n_sections,
                       sizeof *r->sections));
    return dnni_grow(ctx, (void **)&r->pictures, &r->pictures_capacity, r->n_pictures + other->n_pictures,
                     sizeof *r->pictures);
}

/* "title: text". */
static dnn_status entitle(dnn_report *r, const char **kept, const dnn_report *other, const char *text) {
    int64_t bytes = (int64_t)strlen(other->title) + (int64_t)strlen(text) + 3;
    char *line = dnni_pool_alloc(&r->pool, bytes, 1);
    if (!line) return DNN_ERROR_MEMORY;
    snprintf(line, (size_t)bytes, "%s%s%s", other->title, *other->title ? ": " : "", text);
    *kept = line;
    return DNN_OK;
}

static dnn_status copy_findings(dnn_report *r, const dnn_report *other, dnn_finding *copies) {
    for (int64_t i = 0; i < other->n_findings; i++) {
        DNNI_TRY(dnni_report_keep_finding(r, &copies[i], &other->findings[i]));
        if (!*copies[i].set) DNNI_TRY(dnni_report_keep(r, &copies[i].set, other->title, false));
        if (copies[i].picture >= 0) copies[i].picture += (int32_t)r->n_pictures;
    }
    return DNN_OK;
}

/* Behind what is there, where it does not count yet. */
static dnn_status copy_others(dnn_report *r, const dnn_report *other) {
    for (int64_t i = 0; i < other->n_figures; i++) {
        dnn_figure *f = &r->figures[r->n_figures + i];
        *f = other->figures[i];
        DNNI_TRY(entitle(r, &f->name, other, f->name));
        DNNI_TRY(dnni_report_keep(r, &f->note, f->note, false));
    }
    for (int64_t i = 0; i < other->n_sections; i++) {
        dnn_section *s = &r->sections[r->n_sections + i];
        *s = other->sections[i];
        DNNI_TRY(entitle(r, &s->title, other, s->title));
        DNNI_TRY(dnni_report_keep(r, &s->text, s->text, true));
        DNNI_TRY(dnni_report_keep(r, &s->json, s->json, true));
    }
    for (int64_t i = 0; i < other->n_pictures; i++) {
        dnn_picture *p = &r->pictures[r->n_pictures + i];
        *p = other->pictures[i];
        DNNI_TRY(entitle(r, &p->title, other, p->title));
    }
    return DNN_OK;
}

dnn_status dnn_report_append(dnn_report *report, const dnn_report *other) {
    dnn_report *r = report;
    DNNI_TRY(dnni_check_report(r));
    DNNI_TRY(dnni_check(other, DNNI_REPORT, "other"));
    DNNI_TRY(dnni_check_same_context(r, other, "the two reports"));
    DNNI_REQUIRE(r != other, "a report cannot be appended to itself");
    dnn_finding *copies = dnni_pool_alloc(&r->pool, other->n_findings, sizeof *copies);
    if (!copies) return DNN_ERROR_MEMORY;
    DNNI_TRY(reserve(r, other));
    DNNI_TRY(copy_findings(r, other, copies));
    DNNI_TRY(copy_others(r, other));
    for (int64_t i = 0; i < other->n_findings; i++) dnni_report_insert(r, &copies[i]);
    for (int64_t i = 0; i < other->n_pictures; i++) dnn_tensor_retain((dnn_tensor *)other->pictures[i].image);
    r->n_figures += other->n_figures;
    r->n_sections += other->n_sections;
    r->n_pictures += other->n_pictures;
    dnni_report_outdate(r);
    return DNN_OK;
}
