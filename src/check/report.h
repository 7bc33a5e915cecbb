/* The report: what has been found so far, and its text. */
#ifndef DNNI_CHECK_REPORT_H
#define DNNI_CHECK_REPORT_H

#include <dnn/check.h>

#include "check/problem.h"
#include "core/context.h"
#include "core/text.h"

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

dnn_status dnni_gradcheck_new_report(dnn_check_report **out, dnn_context *ctx, const char *subject, uint64_t seed);

/* Adds a row; all text is copied. */
dnn_status dnni_gradcheck_add_row(dnn_check_report *report, const dnn_check_row *row);

/* Counts an entry in a row, and keeps it if it is the worst; `kept_path` and phase live as long as the report. */
void dnni_gradcheck_count(dnn_check_report *report, dnn_check_row *row, const dnn_check_entry *entry);

dnn_status dnni_gradcheck_add_finding(dnn_check_report *report, const char *name, const char *phase, bool passed,
                                   const char *detail);

/* The verdict, the hint, the text and the JSON. */
dnn_status dnni_gradcheck_finish(dnn_check_report *report, const dnn_check_desc *options);

/* The whole, as a dnn_check_report is given. */
void dnni_gradcheck_write_text(dnni_writer *w, const void *report);
void dnni_gradcheck_write_json(dnni_writer *w, const void *report);

#endif
