/* Quantiles of numbers that tests compare samples by. */
#ifndef DNNI_MEDIAN_H
#define DNNI_MEDIAN_H

#include "audit/audit.h"

/* Numbers in ascending order, in the pool. */
typedef struct dnni_sorted {
    double *value;
    int64_t n;
} dnni_sorted;

/* Room for numbers: write value[0..n), set n, then dnni_sort_reals(value, n). */
dnn_status dnni_sorted_new(dnni_audit *a, dnni_sorted *sorted, int64_t room);

/* By linear interpolation between the two nearest; NaN of none. */
double dnni_quantile(const dnni_sorted *sorted, double share);
static inline double dnni_median(const dnni_sorted *sorted) { return dnni_quantile(sorted, 0.5); }

/* 1.4826 · the median distance to the median: of a normal distribution the standard deviation. */
dnn_status dnni_spread(dnni_audit *a, const dnni_sorted *sorted, double *spread);

#endif
