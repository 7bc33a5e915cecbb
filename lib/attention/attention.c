/* The forward. A task takes a block of queries of one head through all keys:
 *
 *     for each block of keys: pack K and V
 *         for each panel of queries:  S̃ = K Qᵀ;  running softmax, S̃ becomes P̃;  Ỹ += Vᵀ P̃     (all transposed)
 *     Y = Ỹᵀ / sums
 *
 * scratch:   | queries | keys | values | P̃ | Ỹ | max | sum | log sums | */
#include "attention/attention.h"

#include <math.h>
#include <string.h>

#include "attention/blocks.h"
#include "gemm/transpose.h"

enum {
    KEYS = 128,    /* P̃ of a panel stays in the first-level cache */
    QUERIES = 256, /* so often a packed block of keys is used */
    TASKS = 16,    /* as many as keep a few lanes evenly busy */
};

enum { Q, K, V, P, Y, MAX, SUM, LOG_SUMS, PARTS };

typedef struct {
    dnnk_attention_blocks b;
    char *work;
    int64_t query_blocks;
    int64_t at[PARTS]; /* offsets in a lane's scratch */
} job;

static void lay_out(job *j) {
    const dnnk_attention_blocks *b = &j->b;
    const int64_t elements[PARTS] = {
        [Q] = b->query_block * b->a->dim, [K] = b->key_block * b->a->dim,       [V] = b->key_block * b->value_rows,
        [P] = b->key_block * b->u.nr,     [Y] = b->query_block * b->value_rows, [MAX] = b->query_block,
        [SUM] = b->query_block,           [LOG_SUMS] = b->u.nr};
    j->b.lane_bytes = dnnk_attention_lay_out(b, PARTS, elements, j->at);
}

static job cut(const dnnk_env *env, const dnnk_attention *a) {
    int64_t queries = QUERIES, heads = a->batch * a->heads;
    while (queries > 64 && heads * dnnk_ceil_div(a->queries, queries) < TASKS) queries /= 2;
    job j = {.b = dnnk_attention_cut(env, a, KEYS, queries)};
    j.query_blocks = dnnk_ceil_div(a->queries, j.b.query_block);
    j.b.tasks = heads * j.query_blocks;
    lay_out(&j);
    return j;
}

/* A block of queries of one head, and this lane's scratch. */
typedef struct {
    const dnnk_attention_blocks *b;
    char *part[PARTS];
    int64_t n, h, first, count;
} block;

static char *panel_of(const block *x, char *base, int64_t first, int64_t rows) {
    return base + (first - x->first) * rows * x->b->size;
}

static void start(const block *x) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    char *q = dnnk_heads_at(&a->q, x->n, x->first, x->h, a->dim, b->size);
    dnnk_attention_pack_positions(b, q, a->q.row_stride, x->count, a->dim, b->u.nr, x->part[Q]);
    int64_t places = dnnk_round_up(x->count, b->u.nr);
    b->table->scale(places * a->dim, x->part[Q], a->scale);
    memset(x->part[SUM], 0, (size_t)(places * b->size));
    for (int64_t j = 0; j < places; j++) {
        if (b->size == 8)
            ((double *)x->part[MAX])[j] = -HUGE_VAL;
        else
            ((float *)x->part[MAX])[j] = -HUGE_VALF;
    }
    memset(x->part[Y], 0, (size_t)(places * b->value_rows * b->size));
}

static void pack_keys(const block *x, int64_t k0, int64_t count) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    char *k = dnnk_heads_at(&a->k, x->n, k0, x->h, a->dim, b->size);
    char *v = dnnk_heads_at(&a->v, x->n, k0, x->h, a->value_dim, b->size);
    dnnk_attention_pack_positions(b, k, a->k.row_stride, count, a->dim, b->u.mr, x->part[K]);
    dnnk_attention_pack_dims(b, v, a->v.row_stride, 0, count, a->value_dim, b->u.mr, b->key_block, x->part[V]);
}

static void attend(const block *x, dnnk_query_panel panel, int64_t k0, int64_t count) {
    const dnnk_attention_blocks *b = x->b;
    int64_t seen = dnnk_attention_seen(b, panel, k0, count), at = panel.first - x->first;
    if (seen == 0) return;
    char *y = panel_of(x, x->part[Y], panel.first, b->value_rows);
    dnnk_attention_scores(b, x->n, panel, k0, seen, x->part[K], panel_of(x, x->part[Q], panel.first, b->a->dim),
                          x->part[P]);
    b->table->softmax_step(seen, b->u.nr, x->part[P], x->part[MAX] + at * b->size, x->part[SUM] + at * b->size,
                           k0 > 0 ? b->value_rows : 0, y);
    dnnk_attention_product(b, b->value_rows, seen, x->part[V], b->key_block * b->u.mr, x->part[P], y, k0 > 0);
}

static void finish(const block *x, dnnk_query_panel panel) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    int64_t at = panel.first - x->first;
    char *y = panel_of(x, x->part[Y], panel.first, b->value_rows);
    b->table->softmax_end(b->u.nr, x->part[MAX] + at * b->size, x->part[SUM] + at * b->size, b->value_rows, y,
                          x->part[LOG_SUMS]);
    dnnk_transpose(&b->packer, b->u.nr, a->value_dim, panel.count, y, b->u.nr,
                   dnnk_heads_at(&a->y, x->n, panel.first, x->h, a->value_dim, b->size), a->y.row_stride);
    if (a->log_sums)
        memcpy((char *)a->log_sums + ((x->n * a->heads + x->h) * a->queries + panel.first) * b->size, x->part[LOG_SUMS],
               (size_t)(panel.count * b->size));
}

static dnnk_query_panel query_panel(const block *x, int64_t first) {
    return (dnnk_query_panel){first, dnnk_min(x->b->u.nr, x->first + x->count - first)};
}

static void forward_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_attention_blocks *b = &j->b;
    const dnnk_attention *a = b->a;
    block x = {.b = b, .n = task / j->query_blocks / a->heads, .h = task / j->query_blocks % a->heads};
    x.first = task % j->query_blocks * b->query_block;
    x.count = dnnk_min(b->query_block, a->queries - x.first);
    for (int i = 0; i < PARTS; i++) x.part[i] = j->work + lane * b->lane_bytes + j->at[i];
    start(&x);
    int64_t end = a->causal ? dnnk_min(a->keys, x.first + x.count) : a->keys;
    for (int64_t k0 = 0; k0 < end; k0 += b->key_block) {
        int64_t count = dnnk_min(b->key_block, a->keys - k0);
        pack_keys(&x, k0, count);
        for (int64_t q = x.first; q < x.first + x.count; q += b->u.nr) attend(&x, query_panel(&x, q), k0, count);
    }
    for (int64_t q = x.first; q < x.first + x.count; q += b->u.nr) finish(&x, query_panel(&x, q));
}

int64_t dnnk_attention_workspace(const dnnk_env *env, const dnnk_attention *a) {
    job j = cut(env, a);
    return dnnk_min(env->lanes, dnnk_max(1, j.b.tasks)) * j.b.lane_bytes + 64;
}

void dnnk_attention_forward(const dnnk_env *env, const dnnk_attention *a, void *work) {
    job j = cut(env, a);
    j.work = dnnk_attention_align(work);
    dnnk_parallel(env, j.b.tasks, forward_task, &j);
}
