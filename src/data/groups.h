/* Samples put together by a key: by class, by group. */
#ifndef DNNI_GROUPS_H
#define DNNI_GROUPS_H

#include "data/dataset.h"

typedef struct dnni_groups {
    int64_t samples, groups;
    int64_t *order; /* [samples] sample numbers, group after group, ascending in each */
    int64_t *start; /* [groups + 1] where each begins in `order`; groups are in the order of their keys */
    int64_t *group; /* [samples] the group of each sample */
    dnn_context *ctx;
} dnni_groups;

/* False: no memory. */
bool dnni_groups_make(dnni_groups *g, dnn_context *ctx, const int64_t *key, int64_t n);
void dnni_groups_free(dnni_groups *g); /* also after a failure */

/* Those of a dataset's classes. */
dnn_status dnni_groups_of_classes(dnni_groups *g, dnn_dataset *dataset);

static inline int64_t dnni_group_size(const dnni_groups *g, int64_t k) { return g->start[k + 1] - g->start[k]; }

/* Which samples go into a part of `count`: chosen[0..samples), 1 or 0. Stratified: each group gives its share, rounded
 * by largest remainders. Whole: groups in random order, while they fit; VALUE if none does. */
dnn_status dnni_choose_shares(const dnni_groups *g, const int64_t *random_order, int64_t count, uint8_t *chosen);
dnn_status dnni_choose_whole(const dnni_groups *g, uint64_t seed, int64_t count, uint8_t *chosen);

/* A random order of 0 … n - 1; given back with n × 8 bytes. NULL: no memory. */
int64_t *dnni_random_order(dnn_context *ctx, uint64_t seed, uint64_t stream, int64_t n);

#endif
