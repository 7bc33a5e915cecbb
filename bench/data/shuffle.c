/* An epoch's order: a permutation of ten million indices. */
#include <stdio.h>
#include <stdlib.h>

#include "core/context.h"
#include "data.h"
#include "rng/rng.h"

enum { N = 10000000 };

typedef struct {
    const dnnk_env *env;
    int64_t *order;
    void *work;
    uint64_t epoch;
} shuffle;

static void call(void *arg) {
    shuffle *s = arg;
    dnnk_permutation(s->env, 1, s->epoch++, N, s->order, s->work);
}

void bench_shuffle(dnn_context *ctx) {
    shuffle s = {.env = dnni_env(ctx), .order = dnni_alloc_raw(ctx, N, sizeof *s.order)};
    int64_t work_bytes = dnnk_permutation_workspace(N);
    s.work = dnni_alloc_raw(ctx, work_bytes, 1);
    if (!s.order || !s.work) exit(1);
    printf("shuffle of %d indices: %.3f s\n", N, bench_fastest(call, &s));
    dnni_free(ctx, s.work, work_bytes, 1);
    dnni_free(ctx, s.order, N, sizeof *s.order);
}
