/* The report for programs: JSON. */
#include <stdio.h>

#include "check/report.h"

static void put_verdict(dnni_writer *w, dnn_check_verdict v) { dnni_put_text(w, "verdict", dnn_check_verdict_name(v)); }

static void write_figures(dnni_writer *w, const dnn_check_report *r) {
    const dnn_check_figures *f = &r->figures;
    char seed[24];
    put_verdict(w, f->verdict);
    dnni_put_text(w, "subject", r->subject);
    dnni_put_whole(w, "checked", f->checked);
    dnni_put_whole(w, "passed", f->passed);
    dnni_put_whole(w, "failed", f->failed);
    dnni_put_whole(w, "kinked", f->kinked);
    dnni_put_whole(w, "inconclusive", f->inconclusive);
    dnni_put_real(w, "worst_error", f->worst_error);
    dnni_put_real(w, "worst_float32_error", f->worst_float32_error);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)f->seed);
    dnni_put_json(w, "seed", seed);
    dnni_put_whole(w, "evaluations", f->evaluations);
    dnni_put_text(w, "hint", f->hint);
    dnni_put_text(w, "reproduce", f->reproduce);
}

static void write_entry(dnni_writer *w, const dnn_check_entry *e) {
    dnni_put_open(w, "worst", '{');
    dnni_put_text(w, "path", e->path);
    dnni_put_text(w, "phase", e->phase);
    put_verdict(w, e->verdict);
    dnni_put_bool(w, "is_direction", e->is_direction);
    dnni_put_json(w, "index", dnni_shape(e->rank, e->index).text);
    dnni_put_real(w, "x", e->x);
    dnni_put_real(w, "analytic", e->analytic);
    dnni_put_real(w, "numeric", e->numeric);
    dnni_put_real(w, "error_bar", e->error_bar);
    dnni_put_real(w, "error", e->error);
    dnni_put_real(w, "relative_error", e->relative_error);
    dnni_put_real(w, "f_minus", e->f_minus);
    dnni_put_real(w, "f_plus", e->f_plus);
    dnni_put_real(w, "h", e->h);
    dnni_put_close(w, '}');
}

static void write_row(dnni_writer *w, const dnn_check_row *row) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "path", row->path);
    dnni_put_text(w, "phase", row->phase);
    put_verdict(w, row->verdict);
    dnni_put_whole(w, "elements", row->elements);
    dnni_put_whole(w, "checked", row->checked);
    dnni_put_whole(w, "passed", row->passed);
    dnni_put_whole(w, "failed", row->failed);
    dnni_put_whole(w, "kinked", row->kinked);
    dnni_put_whole(w, "inconclusive", row->inconclusive);
    dnni_put_real(w, "worst_error", row->worst_error);
    dnni_put_real(w, "float32_error", row->float32_error);
    dnni_put_text(w, "hint", row->hint);
    dnni_put_close(w, '}');
}

static void write_finding(dnni_writer *w, const dnn_check_finding *f) {
    dnni_put_open(w, NULL, '{');
    dnni_put_text(w, "name", f->name);
    dnni_put_text(w, "phase", f->phase);
    put_verdict(w, f->verdict);
    dnni_put_text(w, "detail", f->detail);
    dnni_put_close(w, '}');
}

void dnni_gradcheck_write_json(dnni_writer *w, const void *report) {
    const dnn_check_report *r = report;
    dnni_put_open(w, NULL, '{');
    write_figures(w, r);
    if (r->any_entry) write_entry(w, &r->worst);
    else dnni_put_json(w, "worst", "null");
    dnni_put_open(w, "rows", '[');
    for (int64_t i = 0; i < r->figures.rows; i++) write_row(w, &r->rows[i]);
    dnni_put_close(w, ']');
    dnni_put_open(w, "findings", '[');
    for (int64_t i = 0; i < r->figures.findings; i++) write_finding(w, &r->findings[i]);
    dnni_put_close(w, ']');
    dnni_put_close(w, '}');
    dnni_write(w, "\n");
}
