#include "audit/neighbours.h"

#include <math.h>
#include <string.h>

#include "data/progress.h"
#include "gemm/gemm.h"

/* TILE: points on a side of a tile. CHUNK: how many candidates are looked at before any is taken. ROWS: those of a
 * task. */
enum { TILE = 1024, CHUNK = 16, ROWS = 32 };

typedef struct search {
    dnni_neighbours *out; /* distances are squared until the end */
    const dnnk_env *env;
    dnni_points queries, base;
    bool symmetric, other_numbers;
    float *query_norms, *base_norms; /* squared */
    float *tile;                     /* q · b, [TILE, TILE] */
    void *work;
    int64_t work_bytes;
    int64_t row, column, rows, columns; /* of the tile: its first query and base point, and how many */
} search;

/* ---- the k nearest so far ---- */

/* Puts a candidate in its place, if it has one. The order is total, so that the order of arrival is no matter. */
static void offer(const dnni_neighbours *out, int64_t query, int64_t candidate, float distance) {
    float *distances = out->distance + query * out->k;
    int64_t *indices = out->index + query * out->k, at = out->k;
    while (at > 0 && (distance < distances[at - 1] || (distance == distances[at - 1] && candidate < indices[at - 1])))
        at--;
    if (at == out->k) return;
    int64_t moved = out->k - 1 - at;
    memmove(distances + at + 1, distances + at, (size_t)moved * sizeof *distances);
    memmove(indices + at + 1, indices + at, (size_t)moved * sizeof *indices);
    distances[at] = distance;
    indices[at] = candidate;
}

static float worst(const dnni_neighbours *out, int64_t query) { return out->distance[(query + 1) * out->k - 1]; }

/* A pair (query, base point) from the tile, of squared distance d. */
static void offer_pair(const search *s, int64_t query, int64_t point, float d) {
    if (!(s->other_numbers && query == point)) offer(s->out, query, point, d > 0 ? d : 0);
}

/* Most chunks hold nobody near enough, which takes one pass without a branch to see. */
static void scan_row(const search *s, int64_t query, const float *products, int64_t count) {
    const float *norms = s->base_norms + s->column, own = s->query_norms[query];
    for (int64_t first = 0; first < count; first += CHUNK) {
        float d[CHUNK], limit = worst(s->out, query);
        int64_t n = dnnk_min(CHUNK, count - first);
        int near = 0;
        for (int64_t i = 0; i < n; i++) {
            d[i] = own + norms[first + i] - 2 * products[first + i];
            near |= d[i] <= limit;
        }
        for (int64_t i = 0; near && i < n; i++)
            if (d[i] <= limit) offer_pair(s, query, s->column + first + i, d[i]);
    }
}

static void scan_rows(void *arg, int64_t task, int64_t lane) {
    const search *s = arg;
    (void)lane;
    int64_t last = dnnk_min(s->rows, (task + 1) * ROWS);
    for (int64_t i = task * ROWS; i < last; i++) scan_row(s, s->row + i, s->tile + i * s->columns, s->columns);
}

/* The other half of a symmetric search: the tile's columns as queries, CHUNK of them side by side. */
static void scan_columns(void *arg, int64_t task, int64_t lane) {
    const search *s = arg;
    (void)lane;
    int64_t first = s->column + task * CHUNK, n = dnnk_min(CHUNK, s->columns - task * CHUNK);
    float limit[CHUNK];
    for (int64_t j = 0; j < n; j++) limit[j] = worst(s->out, first + j);
    for (int64_t i = 0; i < s->rows; i++) {
        const float *products = s->tile + i * s->columns + task * CHUNK;
        float d[CHUNK], own = s->query_norms[s->row + i];
        int near = 0;
        for (int64_t j = 0; j < n; j++) {
            d[j] = own + s->base_norms[first + j] - 2 * products[j];
            near |= d[j] <= limit[j];
        }
        for (int64_t j = 0; near && j < n; j++) {
            if (d[j] > limit[j]) continue;
            offer_pair(s, first + j, s->row + i, d[j]);
            limit[j] = worst(s->out, first + j);
        }
    }
}

/* ---- tiles ---- */

static dnnk_gemm_problem product(const search *s) {
    int64_t dims = s->queries.dims;
    return dnnk_gemm_simple(DNNK_F32, s->rows, s->columns, dims,
                            dnnk_gemm_a(s->queries.x + s->row * dims, dims, 1),
                            dnnk_gemm_b(s->base.x + s->column * dims, 1, dims), s->tile);
}

static void set_tile(search *s, int64_t row, int64_t column) {
    s->row = row;
    s->column = column;
    s->rows = dnnk_min(TILE, s->queries.n - row);
    s->columns = dnnk_min(TILE, s->base.n - column);
}

static void do_tile(search *s) {
    dnnk_gemm_problem p = product(s);
    dnnk_gemm(s->env, &p, s->work);
    dnnk_parallel(s->env, dnnk_ceil_div(s->rows, ROWS), scan_rows, s);
    if (s->symmetric && s->row != s->column) dnnk_parallel(s->env, dnnk_ceil_div(s->columns, CHUNK), scan_columns, s);
}

static dnn_status do_tiles(search *s, const dnn_progress *progress) {
    int64_t done = 0, down = dnnk_ceil_div(s->queries.n, TILE), across = dnnk_ceil_div(s->base.n, TILE);
    int64_t total = s->symmetric ? down * (down + 1) / 2 : down * across;
    for (int64_t i = 0; i < down; i++)
        for (int64_t j = s->symmetric ? i : 0; j < across; j++) {
            DNNI_TRY(dnni_progress(progress, "finding neighbours", done++, total));
            set_tile(s, i * TILE, j * TILE);
            do_tile(s);
        }
    return DNN_OK;
}

/* ---- distances anew ---- */

static double exact_distance(const float *a, const float *b, int64_t n) {
    double sum[4] = {0}; /* as many as keep the additions from waiting for each other */
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int64_t l = 0; l < 4; l++) {
            double difference = (double)a[i + l] - (double)b[i + l];
            sum[l] += difference * difference;
        }
    for (; i < n; i++) sum[0] += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* The neighbours of one query, with their distances computed again, in the order of those. */
static void refine(const search *s, int64_t query) {
    dnni_neighbours *out = s->out;
    int64_t dims = s->queries.dims, *indices = out->index + query * out->k;
    float *distances = out->distance + query * out->k;
    for (int64_t found = 0; found < out->k && indices[found] >= 0; found++) {
        int64_t point = indices[found], at = found;
        float d = (float)exact_distance(s->queries.x + query * dims, s->base.x + point * dims, dims);
        for (; at > 0 && (d < distances[at - 1] || (d == distances[at - 1] && point < indices[at - 1])); at--) {
            distances[at] = distances[at - 1];
            indices[at] = indices[at - 1];
        }
        distances[at] = d;
        indices[at] = point;
    }
}

static void refine_rows(void *arg, int64_t task, int64_t lane) {
    const search *s = arg;
    (void)lane;
    int64_t last = dnnk_min(s->queries.n, (task + 1) * ROWS);
    for (int64_t i = task * ROWS; i < last; i++) refine(s, i);
}

static void square_norms(const dnni_points *points, float *norms) {
    for (int64_t i = 0; i < points->n; i++) {
        const float *x = points->x + i * points->dims;
        double sum = 0;
        for (int64_t j = 0; j < points->dims; j++) sum += (double)x[j] * (double)x[j];
        norms[i] = (float)sum;
    }
}

/* ---- the whole ---- */

static dnn_status make_room(search *s) {
    dnn_context *ctx = s->out->ctx;
    s->query_norms = dnni_alloc_raw(ctx, s->queries.n, sizeof(float));
    s->base_norms = dnni_alloc_raw(ctx, s->base.n, sizeof(float));
    s->tile = dnni_alloc_raw(ctx, TILE * TILE, sizeof(float));
    for (int64_t corner = 0; corner < 4; corner++) { /* full tiles, and the smaller ones at the edges */
        set_tile(s, corner & 1 ? s->queries.n / TILE * TILE : 0, corner & 2 ? s->base.n / TILE * TILE : 0);
        dnnk_gemm_problem p = product(s);
        if (s->rows && s->columns) s->work_bytes = dnnk_max(s->work_bytes, dnnk_gemm_workspace(s->env, &p));
    }
    s->work = dnni_alloc_raw(ctx, s->work_bytes, 1);
    return s->query_norms && s->base_norms && s->tile && s->work ? DNN_OK : DNN_ERROR_MEMORY;
}

static void free_room(search *s) {
    dnn_context *ctx = s->out->ctx;
    dnni_free(ctx, s->work, s->work_bytes, 1);
    dnni_free(ctx, s->tile, TILE * TILE, sizeof(float));
    dnni_free(ctx, s->base_norms, s->base.n, sizeof(float));
    dnni_free(ctx, s->query_norms, s->queries.n, sizeof(float));
}

static dnn_status new_result(dnni_neighbours *out, dnn_context *ctx, int64_t n, int64_t k) {
    *out = (dnni_neighbours){.ctx = ctx, .n = n, .k = k};
    int64_t places;
    if (!dnni_mul(n, k, &places)) return dnni_out_of_memory();
    out->index = dnni_alloc_raw(ctx, places, sizeof *out->index);
    out->distance = dnni_alloc_raw(ctx, places, sizeof *out->distance);
    if (!out->index || !out->distance) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < places; i++) {
        out->index[i] = -1;
        out->distance[i] = INFINITY;
    }
    return DNN_OK;
}

static dnn_status find(search *s, const dnn_progress *progress) {
    DNNI_TRY(make_room(s));
    square_norms(&s->queries, s->query_norms);
    square_norms(&s->base, s->base_norms);
    DNNI_TRY(do_tiles(s, progress));
    dnnk_parallel(s->env, dnnk_ceil_div(s->queries.n, ROWS), refine_rows, s);
    return DNN_OK;
}

dnn_status dnni_neighbours_find(dnni_neighbours *out, dnn_context *ctx, dnni_points queries, dnni_points base,
                                int64_t k, bool other_numbers, const dnn_progress *progress) {
    search s = {.out = out, .env = dnni_env(ctx), .queries = queries, .base = base, .other_numbers = other_numbers};
    s.symmetric = other_numbers && queries.x == base.x && queries.n == base.n;
    dnn_status status = new_result(out, ctx, queries.n, k);
    if (status == DNN_OK) {
        status = find(&s, progress);
        free_room(&s);
    }
    if (status != DNN_OK) dnni_neighbours_free(out);
    return status;
}

void dnni_neighbours_free(dnni_neighbours *neighbours) {
    if (!neighbours->ctx) return;
    int64_t places = neighbours->n * neighbours->k;
    dnni_free(neighbours->ctx, neighbours->distance, places, sizeof *neighbours->distance);
    dnni_free(neighbours->ctx, neighbours->index, places, sizeof *neighbours->index);
    *neighbours = (dnni_neighbours){0};
}
