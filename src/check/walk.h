/* Which derivatives of which tensors are looked at, and what is made of them. */
#ifndef DNNI_CHECK_WALK_H
#define DNNI_CHECK_WALK_H

#include "check/report.h"

/* The elements of one tensor that were looked at. */
typedef struct check_seen {
    int64_t *elements;
    double *analytic, *numeric;
    dnn_check_verdict *verdicts;
    int64_t count, room;
} check_seen;

/* What a hint is found from. */
typedef struct check_evidence {
    const check_tensor *tensor;
    const check_seen *seen;
    int64_t batch; /* axis 0 of the first input; 0: there is none */
} check_evidence;

/* The likely cause, in one sentence; "" if no pattern fits. Static, or in `line`. */
const char *dnni_gradcheck_hint(const check_evidence *evidence, char *line, size_t bytes);

/* Adds a row for each tensor that is selected; the problem has been measured. */
dnn_status dnni_gradcheck_walk(check_problem *problem, const dnn_check_desc *options, const char *phase, int64_t batch,
                               dnn_check_report *report);

#endif
