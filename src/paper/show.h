/* What the report of a run and the comparison of two share. */
#ifndef DNNI_SHOW_H
#define DNNI_SHOW_H

#include "paper/curves.h"
#include "paper/facts.h"
#include "report/report.h"

/* A run as its folder has it. Free it in any case. */
typedef struct dnni_trail {
    dnni_facts facts;
    dnni_curves curves;
} dnni_trail;
dnn_status dnni_trail_read(dnni_trail *trail, dnn_context *ctx, const char *folder);
void dnni_trail_free(dnni_trail *trail);

/* "step 500; least 0.012 at 480, greatest 2.31 at 1" */
typedef struct dnni_curve_note {
    char text[160];
} dnni_curve_note;
dnni_curve_note dnni_curve_noted(const dnni_curve *curve);

/* Two columns, the first as wide as it needs: for sections. `n` pairs. */
typedef struct dnni_table {
    const char *const (*rows)[3]; /* the third may be NULL in all: two columns */
    int64_t n;
    int columns;
} dnni_table;
dnn_status dnni_add_table(dnn_report *report, const char *title, const dnni_table *table);

#endif
