/* The curves of a run, as scalars.csv has them. */
#ifndef DNNI_CURVES_H
#define DNNI_CURVES_H

#include <dnn/report.h>

#include "core/context.h"

typedef struct dnni_curve {
    char *tag;
    double *steps, *values;
    int64_t n, steps_capacity, values_capacity;
} dnni_curve;

typedef struct dnni_curves {
    dnn_context *ctx;
    dnni_curve *list; /* in the order in which they begin */
    int64_t n, capacity;
} dnni_curves;

void dnni_curves_free(dnni_curves *curves);
const dnni_curve *dnni_curves_find(const dnni_curves *curves, const char *tag); /* NULL: there is none */

/* Takes text that nobody vouches for; a last line without an end is passed over. dnni_curves_free in any case. Errors:
 * FORMAT with the line. */
dnn_status dnni_curves_parse(dnni_curves *curves, const char *text, int64_t bytes);

/* Those of a run's folder; without a scalars.csv there are none. */
dnn_status dnni_curves_read_file(dnni_curves *curves, dnn_context *ctx, const char *path);
dnn_status dnni_curves_read(dnni_curves *curves, dnn_context *ctx, const char *folder);

/* Where a curve ends, is lowest and highest: indices of points; -1 where no value is finite. */
typedef struct dnni_extremes {
    int64_t last, least, greatest;
} dnni_extremes;
dnni_extremes dnni_curve_extremes(const dnni_curve *curve);

/* Up to `most` of the last bytes of a file of a folder, from the beginning of a line on; "" if there is no such file.
 * Give it back with dnni_free_string; NULL, and the last error, if it cannot be read. */
char *dnni_run_tail(dnn_context *ctx, const char *folder, const char *name, int64_t most);

#endif
