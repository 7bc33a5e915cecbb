/* What the model gets: one batch, in figures, and what is wrong with it. */
#ifndef DNNI_LOOK_LOOK_H
#define DNNI_LOOK_LOOK_H

#include "look/summary.h"
#include "report/report.h"

typedef struct dnni_view_of_batch {
    dnn_report *report;
    const dnn_tensor *x, *y;    /* y: NULL if there are no targets */
    const int64_t *indices;     /* of its samples, in the loader's dataset */
    const dnn_summary *summary; /* of the batch */
    dnn_values inputs, targets; /* of all */
    double low, high;           /* between which inputs are to lie; low = high: unknown */
} dnni_view_of_batch;

/* Adds what is wrong to the report. */
dnn_status dnni_look_at_inputs(const dnni_view_of_batch *v);
dnn_status dnni_look_at_targets(const dnni_view_of_batch *v);

#endif
