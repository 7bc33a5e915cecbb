/* Statistics as the library sees them. */
#ifndef DNNI_STATISTICS_H
#define DNNI_STATISTICS_H

#include <dnn/statistics.h>

#include "core/context.h"
#include "core/dtype.h"

struct dnn_statistics {
    dnni_object base;
    dnn_array shape; /* float64 */
    int64_t features;
    double *count, *mean, *std, *min, *max; /* [features] each, in one piece of memory that begins at count */
};

/* Of that shape; nothing seen: count 0, mean 0, std 0, min +∞, max -∞. */
dnn_status dnni_statistics_new(dnn_statistics **out, dnn_context *ctx, const dnn_array *shape);

static inline dnn_status dnni_check_statistics(const dnn_statistics *statistics, const char *name) {
    return dnni_check(statistics, DNNI_STATISTICS, name);
}

#endif
