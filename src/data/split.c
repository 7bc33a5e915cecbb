/* View: two parts of a dataset, drawn at random. */
#include <math.h>

#include "data/subset.h"
#include "rng/rng.h"

/* The size of the first part, of n samples. */
static dnn_status first_part(int64_t *count, const dnn_split_desc *d, int64_t n) {
    bool by_fraction = d->fraction != 0, by_count = d->count != 0;
    DNNI_REQUIRE(by_fraction != by_count, "desc: %s of fraction and count %s set, it is to be one",
                 by_fraction ? "both" : "neither", by_fraction ? "are" : "is");
    DNNI_REQUIRE(!by_fraction || (d->fraction > 0 && d->fraction < 1), "desc.fraction is %g, not between 0 and 1",
                 d->fraction);
    *count = by_fraction ? (int64_t)floor(d->fraction * (double)n + 0.5) : d->count;
    DNNI_REQUIRE(*count >= 0 && *count <= n, "desc.count is %lld, the dataset has %lld samples", (long long)*count,
                 (long long)n);
    return DNN_OK;
}

/* A random order of the source's samples; given back with n × 8 bytes. NULL on failure. */
static int64_t *random_order(dnn_context *ctx, uint64_t seed, int64_t n) {
    int64_t work_bytes = dnnk_permutation_workspace(n);
    int64_t *order = dnni_alloc_raw(ctx, n, sizeof *order);
    void *work = order ? dnni_alloc_raw(ctx, work_bytes, 1) : NULL;
    if (work) {
        dnnk_permutation(dnni_env(ctx), seed, DNNI_STREAM_SPLIT, n, order, work);
        dnni_free(ctx, work, work_bytes, 1);
        return order;
    }
    dnni_free(ctx, order, n, sizeof *order);
    return NULL;
}

static dnn_status split(dnn_dataset **first, dnn_dataset **second, dnn_dataset *source, const int64_t *order,
                        int64_t count) {
    dnn_dataset *part;
    DNNI_TRY(dnni_subset(&part, source, order, count));
    dnn_status status = dnni_subset(second, source, order + count, source->count - count);
    if (status == DNN_OK) *first = part;
    else dnn_dataset_release(part);
    return status;
}

dnn_status dnn_dataset_split(dnn_dataset **first, dnn_dataset **second, dnn_dataset *source,
                             const dnn_split_desc *desc) {
    if (first) *first = NULL;
    if (second) *second = NULL;
    DNNI_REQUIRE(first && second && first != second, "first and second are to be two places for handles");
    DNNI_TRY(dnni_check_dataset(source, "source"));
    dnn_split_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    int64_t count = 0;
    DNNI_TRY(first_part(&count, &d, source->count));
    dnn_context *ctx = dnni_context_of(source);
    int64_t *order = random_order(ctx, d.seed, source->count);
    if (!order) return DNN_ERROR_MEMORY;
    dnn_status status = split(first, second, source, order, count);
    dnni_free(ctx, order, source->count, sizeof *order);
    return status;
}
