#include "audit/median.h"

dnn_status dnni_sorted_new(dnni_audit *a, dnni_sorted *sorted, int64_t room) {
    *sorted = (dnni_sorted){.value = dnni_pool_alloc(&a->pool, room, sizeof(double))};
    return sorted->value ? DNN_OK : DNN_ERROR_MEMORY;
}

static void sink(double *x, int64_t root, int64_t n) {
    for (int64_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && x[child] < x[child + 1]) child++;
        if (x[root] >= x[child]) return;
        double larger = x[child];
        x[child] = x[root];
        x[root] = larger;
    }
}

/* Heapsort, as in core/sort.c, on the numbers themselves. */
void dnni_sort_reals(double *x, int64_t n) {
    for (int64_t root = n / 2 - 1; root >= 0; root--) sink(x, root, n);
    for (int64_t last = n - 1; last > 0; last--) {
        double largest = x[0];
        x[0] = x[last];
        x[last] = largest;
        sink(x, 0, last);
    }
}

double dnni_quantile(const dnni_sorted *sorted, double share) {
    if (sorted->n == 0) return (double)NAN;
    double place = share * (double)(sorted->n - 1), below = floor(place);
    int64_t i = (int64_t)below, next = dnnk_min(i + 1, sorted->n - 1);
    return sorted->value[i] + (place - below) * (sorted->value[next] - sorted->value[i]);
}

dnn_status dnni_spread(dnni_audit *a, const dnni_sorted *sorted, double *spread) {
    dnni_sorted distances;
    double median = dnni_median(sorted);
    DNNI_TRY(dnni_sorted_new(a, &distances, sorted->n));
    for (int64_t i = 0; i < sorted->n; i++) distances.value[i] = fabs(sorted->value[i] - median);
    distances.n = sorted->n;
    dnni_sort_reals(distances.value, distances.n);
    *spread = 1.4826 * dnni_median(&distances);
    return DNN_OK;
}
