/* The report in words and columns. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/report.h"

static int widest_path(const dnn_check_report *r) {
    size_t width = strlen("tensor");
    for (int64_t i = 0; i < r->figures.rows; i++)
        if (strlen(r->rows[i].path) > width) width = strlen(r->rows[i].path);
    return (int)width;
}

static void write_row(dnni_writer *w, const dnn_check_row *row, int width) {
    dnni_write(w, "%-*s  %-11s  %-12s  %9lld  %8lld  %6lld  %5lld  %7lld  %11s  %11s\n", width, row->path,
                      row->phase, dnn_check_verdict_name(row->verdict), (long long)row->elements,
                      (long long)row->checked, (long long)row->failed, (long long)row->kinked,
                      (long long)row->inconclusive, dnni_real(row->worst_error, 3).text,
                      isnan(row->float32_error) ? "-" : dnni_real(row->float32_error, 3).text);
}

static void write_rows(dnni_writer *w, const dnn_check_report *r) {
    int width = widest_path(r);
    dnni_write(w, "%-*s  %-11s  %-12s  %9s  %8s  %6s  %5s  %7s  %11s  %11s\n", width, "tensor", "phase",
                      "verdict", "elements", "checked", "failed", "kinks", "unclear", "worst error", "float32");
    for (int64_t i = 0; i < r->figures.rows; i++) write_row(w, &r->rows[i], width);
}

static void write_findings(dnni_writer *w, const dnn_check_report *r) {
    for (int64_t i = 0; i < r->figures.findings; i++) {
        const dnn_check_finding *f = &r->findings[i];
        if (f->verdict == DNN_CHECK_FAIL)
            dnni_write(w, "FAIL: %s (%s): %s\n", f->name, f->phase, f->detail);
    }
    dnni_write(w, "structure: %lld of %lld checks passed\n",
                      (long long)(r->figures.findings - r->figures.findings_failed), (long long)r->figures.findings);
}

static void write_worst(dnni_writer *w, const dnn_check_entry *e) {
    dnni_write(w, "worst: %s (%s) %s, %s", e->path, e->phase, dnni_shape(e->rank, e->index).text,
                      dnn_check_verdict_name(e->verdict));
    dnni_write(w, e->is_direction ? ", along a random direction\n" : "\n");
    dnni_write(w, "  analytic   %s\n", dnni_real(e->analytic, 17).text);
    dnni_write(w, "  numeric    %s ± %s\n", dnni_real(e->numeric, 17).text,
                      dnni_real(e->error_bar, 2).text);
    dnni_write(w, "  difference %s, relative %s\n", dnni_real(e->error, 3).text,
                      dnni_real(e->relative_error, 3).text);
    if (!e->is_direction) dnni_write(w, "  x = %s, ", dnni_real(e->x, 17).text);
    else dnni_write(w, "  ");
    dnni_write(w, "h = %s, f(x-h) = %s, ", dnni_real(e->h, 3).text,
                      dnni_real(e->f_minus, 17).text);
    dnni_write(w, "f(x+h) = %s\n", dnni_real(e->f_plus, 17).text);
}

void dnni_gradcheck_write_text(dnni_writer *w, const void *report) {
    const dnn_check_report *r = report;
    const dnn_check_figures *f = &r->figures;
    dnni_write(w, "gradient check of a %s: %s\n", r->subject, dnn_check_verdict_name(f->verdict));
    dnni_write(w, "%lld derivatives: %lld passed, %lld failed, %lld kinks, %lld inconclusive; %lld forwards\n",
                      (long long)f->checked, (long long)f->passed, (long long)f->failed, (long long)f->kinked,
                      (long long)f->inconclusive, (long long)f->evaluations);
    write_rows(w, r);
    if (f->findings > 0) write_findings(w, r);
    if (r->any_entry) write_worst(w, &r->worst);
    if (*f->hint) dnni_write(w, "likely: %s\n", f->hint);
    dnni_write(w, "again: %s\n", f->reproduce);
}
