/* The report for programs: JSON (RFC 8259). Numbers that JSON has not, NaN and infinities, are null. */
#include <math.h>

#include "check/report.h"

static void string(report_writer *w, const char *name, const char *text) {
    dnni_report_write(w, "\"%s\":\"", name);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') dnni_report_write(w, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) dnni_report_write(w, "\\u%04x", (unsigned)*c);
        else dnni_report_write(w, "%c", *c);
    }
    dnni_report_write(w, "\"");
}

static void text_field(report_writer *w, const char *name, const char *text) {
    string(w, name, text);
    dnni_report_write(w, ",");
}

static void integer(report_writer *w, const char *name, int64_t value) {
    dnni_report_write(w, "\"%s\":%lld,", name, (long long)value);
}

static void number(report_writer *w, const char *name, double value) {
    dnni_report_write(w, "\"%s\":%s,", name, isfinite(value) ? dnni_report_number(value, 17).text : "null");
}

static void verdict(report_writer *w, dnn_check_verdict v) { text_field(w, "verdict", dnn_check_verdict_name(v)); }

static void write_figures(report_writer *w, const dnn_check_report *r) {
    const dnn_check_figures *f = &r->figures;
    verdict(w, f->verdict);
    text_field(w, "subject", r->subject);
    integer(w, "checked", f->checked);
    integer(w, "passed", f->passed);
    integer(w, "failed", f->failed);
    integer(w, "kinked", f->kinked);
    integer(w, "inconclusive", f->inconclusive);
    number(w, "worst_error", f->worst_error);
    number(w, "worst_float32_error", f->worst_float32_error);
    dnni_report_write(w, "\"seed\":%llu,", (unsigned long long)f->seed);
    integer(w, "evaluations", f->evaluations);
    text_field(w, "hint", f->hint);
    text_field(w, "reproduce", f->reproduce);
}

static void write_entry(report_writer *w, const dnn_check_entry *e) {
    dnni_report_write(w, "{");
    text_field(w, "path", e->path);
    text_field(w, "phase", e->phase);
    verdict(w, e->verdict);
    dnni_report_write(w, "\"is_direction\":%s,\"index\":%s,", e->is_direction ? "true" : "false",
                      dnni_shape(e->rank, e->index).text);
    number(w, "x", e->x);
    number(w, "analytic", e->analytic);
    number(w, "numeric", e->numeric);
    number(w, "error_bar", e->error_bar);
    number(w, "error", e->error);
    number(w, "relative_error", e->relative_error);
    number(w, "f_minus", e->f_minus);
    number(w, "f_plus", e->f_plus);
    dnni_report_write(w, "\"h\":%s}", isfinite(e->h) ? dnni_report_number(e->h, 17).text : "null");
}

static void write_row(report_writer *w, const dnn_check_row *row) {
    dnni_report_write(w, "{");
    text_field(w, "path", row->path);
    text_field(w, "phase", row->phase);
    verdict(w, row->verdict);
    integer(w, "elements", row->elements);
    integer(w, "checked", row->checked);
    integer(w, "passed", row->passed);
    integer(w, "failed", row->failed);
    integer(w, "kinked", row->kinked);
    integer(w, "inconclusive", row->inconclusive);
    number(w, "worst_error", row->worst_error);
    number(w, "float32_error", row->float32_error);
    string(w, "hint", row->hint);
    dnni_report_write(w, "}");
}

static void write_finding(report_writer *w, const dnn_check_finding *f) {
    dnni_report_write(w, "{");
    text_field(w, "name", f->name);
    text_field(w, "phase", f->phase);
    verdict(w, f->verdict);
    string(w, "detail", f->detail);
    dnni_report_write(w, "}");
}

void dnni_report_write_json(report_writer *w, const dnn_check_report *r) {
    dnni_report_write(w, "{");
    write_figures(w, r);
    dnni_report_write(w, "\"worst\":");
    if (r->any_entry) write_entry(w, &r->worst);
    else dnni_report_write(w, "null");
    dnni_report_write(w, ",\"rows\":[");
    for (int64_t i = 0; i < r->figures.rows; i++) {
        if (i) dnni_report_write(w, ",");
        write_row(w, &r->rows[i]);
    }
    dnni_report_write(w, "],\"findings\":[");
    for (int64_t i = 0; i < r->figures.findings; i++) {
        if (i) dnni_report_write(w, ",");
        write_finding(w, &r->findings[i]);
    }
    dnni_report_write(w, "]}\n");
}
