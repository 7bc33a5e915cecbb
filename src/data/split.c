/* View: two parts of a dataset, drawn at random. */
#include <math.h>

#include "data/groups.h"
#include "data/subset.h"

typedef struct {
    dnn_dataset *source;
    dnn_split_desc desc;
    int64_t count;  /* of the first part */
    int64_t *order; /* all samples in random order; later those of the first part, then those of the second */
} job;

/* ---- the sizes ---- */

static dnn_status first_part(job *j) {
    const dnn_split_desc *d = &j->desc;
    int64_t n = j->source->count;
    bool by_fraction = d->fraction != 0, by_count = d->count != 0;
    DNNI_REQUIRE(by_fraction != by_count, "desc: %s of fraction and count %s set, it is to be one",
                 by_fraction ? "both" : "neither", by_fraction ? "are" : "is");
    DNNI_REQUIRE(!by_fraction || (d->fraction > 0 && d->fraction < 1), "desc.fraction is %g, not between 0 and 1",
                 d->fraction);
    j->count = by_fraction ? (int64_t)floor(d->fraction * (double)n + 0.5) : d->count;
    DNNI_REQUIRE(j->count >= 0 && j->count <= n, "desc.count is %lld, the dataset has %lld samples",
                 (long long)j->count, (long long)n);
    return DNN_OK;
}

static dnn_status check_rules(const job *j) {
    const dnn_split_desc *d = &j->desc;
    DNNI_REQUIRE(!d->groups || !d->stratified, "desc: both of stratified and groups are set, it is to be one");
    DNNI_REQUIRE(d->groups || d->n_groups == 0, "desc.n_groups is %lld, desc.groups is NULL", (long long)d->n_groups);
    DNNI_REQUIRE(!d->groups || d->n_groups == j->source->count,
                 "desc.n_groups is %lld, the dataset has %lld samples", (long long)d->n_groups,
                 (long long)j->source->count);
    return DNN_OK;
}

/* ---- by class, by group ---- */

/* Those chosen first, then the others; both stay in order. */
static void partition(job *j, const uint8_t *chosen, int64_t *rest) {
    int64_t n = j->source->count, others = 0;
    j->count = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t sample = j->order[i];
        if (chosen[sample]) j->order[j->count++] = sample;
        else rest[others++] = sample;
    }
    for (int64_t i = 0; i < others; i++) j->order[j->count + i] = rest[i];
}

static dnn_status choose(job *j, const dnni_groups *g) {
    dnn_context *ctx = g->ctx;
    int64_t n = g->samples;
    uint8_t *chosen = dnni_alloc_raw(ctx, n, 1);
    int64_t *rest = chosen ? dnni_alloc_raw(ctx, n, sizeof *rest) : NULL;
    dnn_status status = !rest                ? DNN_ERROR_MEMORY
                        : j->desc.stratified ? dnni_choose_shares(g, j->order, j->count, chosen)
                                             : dnni_choose_whole(g, j->desc.seed, j->count, chosen);
    if (status == DNN_OK) partition(j, chosen, rest);
    dnni_free(ctx, rest, n, sizeof *rest);
    dnni_free(ctx, chosen, n, 1);
    return status;
}

static dnn_status arrange(job *j) {
    dnni_groups g;
    dnn_status status = DNN_OK;
    if (!j->desc.stratified && !j->desc.groups) return DNN_OK;
    if (j->desc.stratified)
        status = dnni_groups_of_classes(&g, j->source);
    else if (!dnni_groups_make(&g, dnni_context_of(j->source), j->desc.groups, j->source->count))
        status = DNN_ERROR_MEMORY;
    if (status == DNN_OK) status = choose(j, &g);
    dnni_groups_free(&g);
    return status;
}

/* ---- the parts ---- */

static dnn_status make_parts(dnn_dataset **first, dnn_dataset **second, const job *j) {
    dnn_dataset *part;
    DNNI_TRY(dnni_subset(&part, j->source, j->order, j->count));
    dnn_status status = dnni_subset(second, j->source, j->order + j->count, j->source->count - j->count);
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
    job j = {.source = source};
    DNNI_TRY(DNNI_READ_DESC(j.desc, desc, false));
    DNNI_TRY(first_part(&j));
    DNNI_TRY(check_rules(&j));
    dnn_context *ctx = dnni_context_of(source);
    j.order = dnni_random_order(ctx, j.desc.seed, DNNI_STREAM_SPLIT, source->count);
    if (!j.order) return DNN_ERROR_MEMORY;
    dnn_status status = arrange(&j);
    if (status == DNN_OK) status = make_parts(first, second, &j);
    dnni_free(ctx, j.order, source->count, sizeof *j.order);
    return status;
}
