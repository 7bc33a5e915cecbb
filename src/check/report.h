/* The report: what has been found so far, and its text. */
#ifndef DNNI_CHECK_REPORT_H
#define DNNI_CHECK_REPORT_H

#include <dnn/check.h>

#include "check/problem.h"
#include "core/context.h"

struct dnn_check_report {
    dnni_object base;
    dnni_pool pool;
    dnn_check_figures figures;
    dnn_check_entry worst;
    bool any_entry;
    dnn_check_row *rows;
    dnn_check_finding *findings;
    int64_t rows_capacity, findings_capacity;
    const char *subject; /* "module", "loss" */
    char *text, *json;
};

dnn_status dnni_report_new(dnn_check_report **out, dnn_context *ctx, const char *subject, uint64_t seed);

/* Adds a row; all text is copied. */
dnn_status dnni_report_add_row(dnn_check_report *report, const dnn_check_row *row);

/* Counts an entry in a row, and keeps it if it is the worst; `kept_path` and phase live as long as the report. */
void dnni_report_count(dnn_check_report *report, dnn_check_row *row, const dnn_check_entry *entry);

dnn_status dnni_report_add_finding(dnn_check_report *report, const char *name, const char *phase, bool passed,
                                   const char *detail);

/* The verdict, the hint, the text and the JSON. */
dnn_status dnni_report_finish(dnn_check_report *report, const dnn_check_desc *options);

/* Writes text twice: once to measure, once into memory. */
typedef struct report_writer {
    char *text; /* NULL: measure */
    int64_t used, room;
} report_writer;
void dnni_report_write(report_writer *w, const char *format, ...) DNNI_PRINTF(2, 3);

/* A number as text, with a point in every locale. */
typedef struct report_number {
    char text[40];
} report_number;
report_number dnni_report_number(double value, int digits);

void dnni_report_write_text(report_writer *w, const dnn_check_report *report);
void dnni_report_write_json(report_writer *w, const dnn_check_report *report);

#endif
