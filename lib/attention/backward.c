/* The backward. A task takes one head through all blocks of keys, and each of these through all blocks of queries:
 *
 *     for each block of keys: pack K (both ways) and V; dK = dV = 0
 *         for each block of queries: pack Q and dY (both ways)
 *             for each panel of queries:  P̃ = exp(K Qᵀ - log sums);  dS̃ = P̃ ∘ (V dYᵀ - D)
 *                                         dQ += (Kᵀ dS̃)ᵀ;  P̃ and dS̃ are packed transposed
 *             dV += P̃ dY;  dK += dS̃ Q
 *
 * Q carries the scale from the start; so dK has it too, and dQ gets it at the end. */
#include <string.h>

#include "attention/blocks.h"
#include "gemm/transpose.h"

enum { KEYS = 128, QUERIES = 128 };

/* A lane's arrays. K_DIMS, say, are panels of dims side by side, K panels of positions side by side. */
enum { K, V, K_DIMS, Q, DY, Q_DIMS, DY_DIMS, P, DS, P_ROWS, DS_ROWS, DQ, DQ_ROWS, DK, DV, DELTA, LOG_SUMS, PARTS };

typedef struct {
    dnnk_attention_blocks b;
    const dnnk_attention_gradients *g;
    char *work, *masks; /* masks: dmask of each head, [batch, heads, keys] */
    int64_t at[PARTS];
    int64_t dim_cols, value_cols; /* dim and value_dim, rounded up to nr */
} job;

static void lay_out(job *j) {
    const dnnk_attention_blocks *b = &j->b;
    const dnnk_attention *a = b->a;
    int64_t nr = b->u.nr;
    const int64_t elements[PARTS] = {
        [K] = b->key_block * a->dim,           [V] = b->key_block * a->value_dim,
        [K_DIMS] = b->key_block * b->dim_rows, [Q] = b->query_block * a->dim,
        [DY] = b->query_block * a->value_dim,  [Q_DIMS] = b->query_block * j->dim_cols,
        [DY_DIMS] = b->query_block * j->value_cols, [P] = b->key_block * nr,
        [DS] = b->key_block * nr,              [P_ROWS] = b->key_block * b->query_block,
        [DS_ROWS] = b->key_block * b->query_block,  [DQ] = b->dim_rows * nr,
        [DQ_ROWS] = nr * a->dim,               [DK] = b->key_block * j->dim_cols,
        [DV] = b->key_block * j->value_cols,   [DELTA] = dnnk_round_up(a->queries, nr),
        [LOG_SUMS] = nr};
    j->b.lane_bytes = dnnk_attention_lay_out(b, PARTS, elements, j->at);
}

static job cut(const dnnk_env *env, const dnnk_attention *a) {
    job j = {.b = dnnk_attention_cut(env, a, KEYS, QUERIES)};
    j.b.tasks = a->batch * a->heads;
    j.dim_cols = dnnk_round_up(a->dim, j.b.u.nr);
    j.value_cols = dnnk_round_up(a->value_dim, j.b.u.nr);
    lay_out(&j);
    return j;
}

/* A head, its block of keys and its block of queries. */
typedef struct {
    const job *j;
    const dnnk_attention_blocks *b;
    char *part[PARTS];
    int64_t n, h;
    int64_t k0, keys, q0, queries;
} block;

static char *address(const block *x, const dnnk_heads *operand, int64_t position, int64_t dim) {
    return dnnk_heads_at(operand, x->n, position, x->h, dim, x->b->size);
}

static void find_deltas(const block *x) {
    const dnnk_attention *a = x->b->a;
    const dnnk_heads *dy = &x->j->g->dy;
    memset(x->part[DELTA], 0, (size_t)(dnnk_round_up(a->queries, x->b->u.nr) * x->b->size));
    x->b->table->deltas(a->queries, a->value_dim, address(x, &a->y, 0, a->value_dim), a->y.row_stride,
                        address(x, dy, 0, a->value_dim), dy->row_stride, x->part[DELTA]);
}

static void start_keys(const block *x) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    char *k = address(x, &a->k, x->k0, a->dim), *v = address(x, &a->v, x->k0, a->value_dim);
    dnnk_attention_pack_positions(b, k, a->k.row_stride, x->keys, a->dim, b->u.mr, x->part[K]);
    dnnk_attention_pack_positions(b, v, a->v.row_stride, x->keys, a->value_dim, b->u.mr, x->part[V]);
    dnnk_attention_pack_dims(b, k, a->k.row_stride, 0, x->keys, a->dim, b->u.mr, b->key_block, x->part[K_DIMS]);
    memset(x->part[DK], 0, (size_t)(b->key_block * x->j->dim_cols * b->size));
    memset(x->part[DV], 0, (size_t)(b->key_block * x->j->value_cols * b->size));
}

static void start_queries(const block *x) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    const dnnk_heads *g = &x->j->g->dy;
    char *q = address(x, &a->q, x->q0, a->dim), *dy = address(x, g, x->q0, a->value_dim);
    int64_t nr = b->u.nr;
    dnnk_attention_pack_positions(b, q, a->q.row_stride, x->queries, a->dim, nr, x->part[Q]);
    dnnk_attention_pack_positions(b, dy, g->row_stride, x->queries, a->value_dim, nr, x->part[DY]);
    dnnk_attention_pack_dims(b, q, a->q.row_stride, 0, x->queries, a->dim, nr, b->query_block, x->part[Q_DIMS]);
    dnnk_attention_pack_dims(b, dy, g->row_stride, 0, x->queries, a->value_dim, nr, b->query_block, x->part[DY_DIMS]);
    b->table->scale(dnnk_round_up(x->queries, nr) * a->dim, x->part[Q], a->scale);
    for (int64_t d = 0; d < a->dim; d += nr)
        b->table->scale(x->queries * nr, x->part[Q_DIMS] + d * b->query_block * b->size, a->scale);
}

/* P̃ and dS̃ of one panel of queries, [seen, nr]. */
static void find_scores(const block *x, dnnk_query_panel panel, int64_t seen) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    int64_t at = panel.first - x->q0, nr = b->u.nr;
    const char *log_sums = (const char *)a->log_sums + ((x->n * a->heads + x->h) * a->queries + panel.first) * b->size;
    memset(x->part[LOG_SUMS], 0, (size_t)(nr * b->size));
    memcpy(x->part[LOG_SUMS], log_sums, (size_t)(panel.count * b->size));
    dnnk_attention_scores(b, x->n, panel, x->k0, seen, x->part[K], x->part[Q] + at * a->dim * b->size, x->part[P]);
    b->table->probabilities(seen, nr, x->part[P], x->part[LOG_SUMS]);
    dnnk_attention_product(b, seen, a->value_dim, x->part[V], a->value_dim * b->u.mr,
                           x->part[DY] + at * a->value_dim * b->size, x->part[DS], false);
    b->table->score_gradients(seen, nr, x->part[P], x->part[DS], x->part[DELTA] + panel.first * b->size);
}

/* dQ of one panel, from this block of keys. */
static void query_gradient(const block *x, dnnk_query_panel panel, int64_t seen) {
    const dnnk_attention_blocks *b = x->b;
    const dnnk_attention *a = b->a;
    const dnnk_heads *dq = &x->j->g->dq;
    int64_t nr = b->u.nr;
    if (!dq->data) return;
    char *to = address(x, dq, panel.first, a->dim);
    dnnk_attention_product(b, b->dim_rows, seen, x->part[K_DIMS], b->key_block * b->u.mr, x->part[DS], x->part[DQ],
                           false);
    b->table->scale(b->dim_rows * nr, x->part[DQ], a->scale);
    if (x->k0 == 0) {
        dnnk_transpose(&b->packer, nr, a->dim, panel.count, x->part[DQ], nr, to, dq->row_stride);
        return;
    }
    dnnk_transpose(&b->packer, nr, a->dim, panel.count, x->part[DQ], nr, x->part[DQ_ROWS], a->dim);
    b->table->add_rows(panel.count, a->dim, x->part[DQ_ROWS], a->dim, to, dq->row_stride);
}

static void mask_gradient(const block *x, dnnk_query_panel panel, int64_t seen) {
    const dnnk_attention *a = x->b->a;
    if (!x->j->g->dmask) return;
    char *sums = x->j->masks + ((x->n * a->heads + x->h) * a->keys + x->k0) * x->b->size;
    x->b->table->add_row_sums(dnnk_min(seen, x->keys), panel.count, x->b->u.nr, x->part[DS], sums);
}

static void do_panel(const block *x, dnnk_query_panel panel) {
    const dnnk_attention_blocks *b = x->b;
    int64_t seen = dnnk_attention_seen(b, panel, x->k0, x->keys), mr = b->u.mr, nr = b->u.nr;
    if (seen == 0) return;
    find_scores(x, panel, seen);
    query_gradient(x, panel, seen);
    mask_gradient(x, panel, seen);
    for (int64_t k = 0; k < seen; k += mr) { /* panels of mr keys, query_block deep */
        int64_t rows = dnnk_min(mr, seen - k), to = k * b->query_block + (panel.first - x->q0) * mr;
        const void *p[DNNK_PANEL_MAX], *ds[DNNK_PANEL_MAX];
        for (int64_t i = 0; i < rows; i++) {
            p[i] = x->part[P] + (k + i) * nr * b->size;
            ds[i] = x->part[DS] + (k + i) * nr * b->size;
        }
        b->packer.rows(p, rows, panel.count, mr, x->part[P_ROWS] + to * b->size);
        b->packer.rows(ds, rows, panel.count, mr, x->part[DS_ROWS] + to * b->size);
    }
}

/* The first of this block's queries that sees key k, rounded down to its panel; `queries` if none does. */
static int64_t first_viewer(const block *x, int64_t k) {
    if (!x->b->a->causal || k <= x->q0) return 0;
    return k >= x->q0 + x->queries ? x->queries : (k - x->q0) / x->b->u.nr * x->b->u.nr;
}

/* out[key_block][cols] += left [keys, queries] times right [queries, cols], for the queries that see a panel of
 * keys. */
static void key_product(const block *x, const char *left, const char *right, int64_t cols, char *out) {
    const dnnk_attention_blocks *b = x->b;
    int64_t mr = b->u.mr, nr = b->u.nr;
    for (int64_t k = 0; k < x->keys; k += mr) {
        int64_t q = first_viewer(x, x->k0 + k);
        if (q == x->queries) continue;
        const char *rows = left + (k * b->query_block + q * mr) * b->size;
        for (int64_t d = 0; d < cols; d += nr)
            b->u.run(x->queries - q, rows, right + (d * b->query_block + q * nr) * b->size,
                     out + (k * cols + d) * b->size, cols, true);
    }
}

static void do_queries(block *x, int64_t q0) {
    const job *j = x->j;
    x->q0 = q0;
    x->queries = dnnk_min(x->b->query_block, x->b->a->queries - q0);
    start_queries(x);
    for (int64_t q = q0; q < q0 + x->queries; q += x->b->u.nr)
        do_panel(x, (dnnk_query_panel){q, dnnk_min(x->b->u.nr, q0 + x->queries - q)});
    if (j->g->dk.data) key_product(x, x->part[DS_ROWS], x->part[Q_DIMS], j->dim_cols, x->part[DK]);
    if (j->g->dv.data) key_product(x, x->part[P_ROWS], x->part[DY_DIMS], j->value_cols, x->part[DV]);
}

static void store_keys(const block *x) {
    const dnnk_attention *a = x->b->a;
    const dnnk_heads *dk = &x->j->g->dk, *dv = &x->j->g->dv;
    if (dk->data)
        x->b->packer.copy_rows(x->keys, a->dim, x->part[DK], x->j->dim_cols, address(x, dk, x->k0, a->dim),
                               dk->row_stride);
    if (dv->data)
        x->b->packer.copy_rows(x->keys, a->value_dim, x->part[DV], x->j->value_cols,
                               address(x, dv, x->k0, a->value_dim), dv->row_stride);
}

static void clear_queries(const block *x) {
    const dnnk_attention *a = x->b->a;
    const dnnk_heads *dq = &x->j->g->dq;
    for (int64_t i = 0; dq->data && i < a->queries; i++)
        memset(address(x, dq, i, a->dim), 0, (size_t)(a->dim * x->b->size));
}

static void backward_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_attention *a = j->b.a;
    block x = {.j = j, .b = &j->b, .n = task / a->heads, .h = task % a->heads};
    for (int i = 0; i < PARTS; i++) x.part[i] = j->work + lane * j->b.lane_bytes + j->at[i];
    if (a->keys == 0) clear_queries(&x);
    find_deltas(&x);
    for (; x.k0 < a->keys; x.k0 += j->b.key_block) {
        x.keys = dnnk_min(j->b.key_block, a->keys - x.k0);
        start_keys(&x);
        int64_t first = a->causal ? x.k0 / j->b.query_block * j->b.query_block : 0;
        for (int64_t q0 = first; q0 < a->queries; q0 += j->b.query_block) do_queries(&x, q0);
        store_keys(&x);
    }
}

static int64_t mask_bytes(const dnnk_attention *a) {
    if (a->mask_kind != DNNK_MASK_ADDED) return 0;
    return dnnk_round_up(a->batch * a->heads * a->keys * dnnk_size(a->type), 64);
}

/* dmask [batch, keys]: the heads' parts, in their order. */
static void add_up_masks(const job *j) {
    const dnnk_attention *a = j->b.a;
    int64_t row = a->keys * j->b.size;
    memset(j->g->dmask, 0, (size_t)(a->batch * row));
    for (int64_t i = 0; i < a->batch * a->heads; i++)
        j->b.table->add_rows(1, a->keys, j->masks + i * row, a->keys, (char *)j->g->dmask + i / a->heads * row,
                             a->keys);
}

int64_t dnnk_attention_backward_workspace(const dnnk_env *env, const dnnk_attention *a) {
    job j = cut(env, a);
    return mask_bytes(a) + dnnk_min(env->lanes, dnnk_max(1, j.b.tasks)) * j.b.lane_bytes + 64;
}

void dnnk_attention_backward(const dnnk_env *env, const dnnk_attention *a, const dnnk_attention_gradients *g,
                             void *work) {
    job j = cut(env, a);
    j.g = g;
    j.masks = dnnk_attention_align(work);
    j.work = j.masks + mask_bytes(a);
    if (g->dmask) memset(j.masks, 0, (size_t)mask_bytes(a));
    dnnk_parallel(env, j.b.tasks, backward_task, &j);
    if (g->dmask) add_up_masks(&j);
}
