#include "data/groups.h"

#include <string.h>

#include "rng/rng.h"
#include "sort/sort.h"

/* ---- making them ---- */

/* Walks the samples in order of their keys: a new key begins a new group. */
static void cut(dnni_groups *g, const int64_t *key) {
    g->groups = 0;
    for (int64_t i = 0; i < g->samples; i++) {
        int64_t sample = g->order[i];
        if (i == 0 || key[sample] != key[g->order[i - 1]]) g->start[g->groups++] = i;
        g->group[sample] = g->groups - 1;
    }
    g->start[g->groups] = g->samples;
}

bool dnni_groups_make(dnni_groups *g, dnn_context *ctx, const int64_t *key, int64_t n) {
    *g = (dnni_groups){.samples = n, .ctx = ctx};
    int64_t bytes = dnnk_sort_keys_workspace(n);
    g->order = dnni_alloc_raw(ctx, n, sizeof *g->order);
    g->start = dnni_alloc_raw(ctx, n + 1, sizeof *g->start);
    g->group = dnni_alloc_raw(ctx, n, sizeof *g->group);
    void *work = g->order && g->start && g->group ? dnni_alloc_raw(ctx, bytes, 1) : NULL;
    if (!work) return false;
    dnnk_sort_keys(n, key, g->order, work);
    dnni_free(ctx, work, bytes, 1);
    cut(g, key);
    return true;
}

void dnni_groups_free(dnni_groups *g) {
    if (!g->ctx) return;
    dnni_free(g->ctx, g->order, g->samples, sizeof *g->order);
    dnni_free(g->ctx, g->start, g->samples + 1, sizeof *g->start);
    dnni_free(g->ctx, g->group, g->samples, sizeof *g->group);
}

dnn_status dnni_groups_of_classes(dnni_groups *g, dnn_dataset *dataset) {
    int64_t *labels;
    *g = (dnni_groups){.samples = 0};
    DNNI_TRY(dnni_dataset_labels(&labels, dataset));
    bool made = dnni_groups_make(g, dnni_context_of(dataset), labels, dataset->count);
    dnni_free(dnni_context_of(dataset), labels, dataset->count, sizeof *labels);
    return made ? DNN_OK : DNN_ERROR_MEMORY;
}

int64_t *dnni_random_order(dnn_context *ctx, uint64_t seed, uint64_t stream, int64_t n) {
    int64_t work_bytes = dnnk_permutation_workspace(n);
    int64_t *order = dnni_alloc_raw(ctx, n, sizeof *order);
    void *work = order ? dnni_alloc_raw(ctx, work_bytes, 1) : NULL;
    if (work) {
        dnnk_permutation(dnni_env(ctx), seed, stream, n, order, work);
        dnni_free(ctx, work, work_bytes, 1);
        return order;
    }
    dnni_free(ctx, order, n, sizeof *order);
    return NULL;
}

/* ---- choosing a part ---- */

/* quota[k] = ⌊count · size of k / samples⌋, and one more for those with the largest remainders, until all is given.
 * left[k] is that remainder, negated: its order is the order in which groups get one more. (What is left to give is the
 * sum of the remainders over `samples`: fewer than there are groups with one.) */
static dnn_status round_down(const dnni_groups *g, int64_t count, int64_t *quota, int64_t *left) {
    for (int64_t k = 0; k < g->groups; k++) {
        int64_t product;
        if (!dnni_mul(count, dnni_group_size(g, k), &product))
            return dnni_error(DNN_ERROR_UNSUPPORTED, "%lld samples are too many to share out", (long long)g->samples);
        quota[k] = product / g->samples;
        left[k] = -(product % g->samples);
    }
    return DNN_OK;
}

static void round_up(const dnni_groups *g, int64_t count, const int64_t *by_remainder, int64_t *quota) {
    for (int64_t k = 0; k < g->groups; k++) count -= quota[k];
    for (int64_t i = 0; i < count; i++) quota[by_remainder[i]]++;
}

static void take_quotas(const dnni_groups *g, const int64_t *random_order, int64_t *quota, uint8_t *chosen) {
    for (int64_t i = 0; i < g->samples; i++) {
        int64_t sample = random_order[i], k = g->group[sample];
        chosen[sample] = quota[k] > 0;
        quota[k] -= quota[k] > 0;
    }
}

dnn_status dnni_choose_shares(const dnni_groups *g, const int64_t *random_order, int64_t count, uint8_t *chosen) {
    int64_t bytes = 3 * g->groups * 8 + dnnk_sort_keys_workspace(g->groups);
    int64_t *quota = dnni_alloc_raw(g->ctx, bytes, 1);
    if (!quota) return DNN_ERROR_MEMORY;
    int64_t *left = quota + g->groups, *by_remainder = left + g->groups;
    dnn_status status = round_down(g, count, quota, left);
    if (status == DNN_OK) {
        dnnk_sort_keys(g->groups, left, by_remainder, by_remainder + g->groups);
        round_up(g, count, by_remainder, quota);
        take_quotas(g, random_order, quota, chosen);
    }
    dnni_free(g->ctx, quota, bytes, 1);
    return status;
}

dnn_status dnni_choose_whole(const dnni_groups *g, uint64_t seed, int64_t count, uint8_t *chosen) {
    int64_t *order = dnni_random_order(g->ctx, seed, DNNI_STREAM_GROUPS, g->groups), left = count;
    if (!order) return DNN_ERROR_MEMORY;
    memset(chosen, 0, (size_t)g->samples);
    for (int64_t i = 0; i < g->groups; i++) {
        int64_t k = order[i];
        if (dnni_group_size(g, k) > left) continue;
        left -= dnni_group_size(g, k);
        for (int64_t at = g->start[k]; at < g->start[k + 1]; at++) chosen[g->order[at]] = 1;
    }
    dnni_free(g->ctx, order, g->groups, sizeof *order);
    if (left < count || count == 0) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "each of the %lld groups has more samples than the first part, %lld",
                      (long long)g->groups, (long long)count);
}
