/* The gradient of the weights: dU [O, C] = dMᵀ [O, tiles] · V [tiles, C] for each plane, then dw (+)= Gᵀ dU G. */
#include <string.h>

#include "conv/winograd_plan.h"
#include "gemm/kernels.h"

enum { TAPS = 9, TILES = 4 /* that a task of a round transforms */ };

typedef struct {
    const dnnk_winograd_plan *plan;
    const char *x, *dy;
    char *dw, *work;
    bool accumulate;
    int64_t first, count; /* wide: the round's tiles */
} job;

static char *align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

static char *of_lane(const job *j, int64_t lane, int64_t at) {
    return j->work + j->plan->at_lanes + lane * j->plan->lane_bytes + at;
}

static void read_tiles(const job *j, int64_t first, int64_t count, char *v, char *m) {
    const dnnk_winograd_plan *p = j->plan;
    for (int64_t t = 0; t < count; t++) {
        p->transforms->input(&p->from, first + t, j->x, v + t * p->v_row * p->size, p->v_plane);
        p->transforms->output_adjoint(&p->to, first + t, j->dy, m + t * p->m_row * p->size, p->m_plane);
    }
}

/* Rows [o, o + rows) and columns [c, c + columns) of dU. */
typedef struct {
    int64_t o, rows, c, columns;
} block;

static void multiply_planes(const dnnk_winograd_plan *p, const block *b, int64_t count, const char *v, const char *m,
                            char *u, bool accumulate) {
    dnnk_unpacked product = {.m = b->rows, .n = dnnk_round_up(b->columns, p->nr), .k = count, .a_row = 1,
                             .a_col = p->m_row, .b_row = p->v_row, .b_run = p->nr, .c_row = p->block_columns,
                             .accumulate = accumulate};
    for (int64_t e = 0; e < p->planes; e++) {
        product.a = m + (e * p->m_plane + b->o) * p->size;
        product.b = v + (e * p->v_plane + b->c) * p->size;
        product.c = u + e * p->u_plane * p->size;
        p->product->multiply(&product);
    }
}

static void add_block(const dnnk_winograd_plan *p, const block *b, const char *u, char *dw) {
    int64_t depth = p->from.channels;
    for (int64_t i = 0; i < b->rows; i++)
        p->transforms->weights_adjoint(b->columns, u + i * p->block_columns * p->size, p->u_plane,
                                       dw + ((b->o + i) * TAPS * depth + b->c) * p->size, depth);
}

static void clear_block(const dnnk_winograd_plan *p, const block *b, char *dw) {
    int64_t depth = p->from.channels;
    for (int64_t row = b->o * TAPS; row < (b->o + b->rows) * TAPS; row++)
        memset(dw + (row * depth + b->c) * p->size, 0, (size_t)(b->columns * p->size));
}

static int64_t bytes_of_dw(const dnnk_winograd_plan *p) { return TAPS * p->from.channels * p->to.channels * p->size; }

static char *share_of_dw(const job *j, int64_t split) {
    return j->work + j->plan->at_partial + split * dnnk_round_up(bytes_of_dw(j->plan), 64);
}

/* A share of the tiles, chunk by chunk. */
static void tall_task(void *arg, int64_t split, int64_t lane) {
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t chunks = dnnk_ceil_div(p->tiles, p->chunk), begin = split * chunks / p->splits,
            end = (split + 1) * chunks / p->splits;
    block all = {.rows = p->to.channels, .columns = p->from.channels};
    char *v = of_lane(j, lane, p->at_v), *m = of_lane(j, lane, p->at_m), *u = of_lane(j, lane, p->at_u);
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t first = chunk * p->chunk, count = dnnk_min(p->chunk, p->tiles - first);
        read_tiles(j, first, count, v, m);
        multiply_planes(p, &all, count, v, m, u, chunk > begin);
    }
    memset(share_of_dw(j, split), 0, (size_t)bytes_of_dw(p));
    add_block(p, &all, u, share_of_dw(j, split));
}

/* Adds up one output's weights from all shares, in order. */
static void sum_task(void *arg, int64_t o, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t n = TAPS * p->from.channels, at = o * n * p->size;
    if (!j->accumulate) memset(j->dw + at, 0, (size_t)(n * p->size));
    for (int64_t split = 0; split < p->splits; split++)
        dnnk_gemm_kernels(p->env->isa, p->c->type)->add(n, j->dw + at, share_of_dw(j, split) + at);
}

static void tall(job *j) {
    dnnk_parallel(j->plan->env, j->plan->splits, tall_task, j);
    dnnk_parallel(j->plan->env, j->plan->to.channels, sum_task, j);
}

static void transform_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t at = task * TILES;
    read_tiles(j, j->first + at, dnnk_min(TILES, j->count - at), j->work + p->at_v + at * p->v_row * p->size,
               j->work + p->at_m + at * p->m_row * p->size);
}

static int64_t blocks_across(const dnnk_winograd_plan *p) { return dnnk_ceil_div(p->from.channels, p->block_columns); }

static void block_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    block b = {.o = task / blocks_across(p) * p->block_rows, .c = task % blocks_across(p) * p->block_columns};
    b.rows = dnnk_min(p->block_rows, p->to.channels - b.o);
    b.columns = dnnk_min(p->block_columns, p->from.channels - b.c);
    char *u = of_lane(j, lane, p->at_u);
    multiply_planes(p, &b, j->count, j->work + p->at_v, j->work + p->at_m, u, false);
    if (!j->accumulate && j->first == 0) clear_block(p, &b, j->dw);
    add_block(p, &b, u, j->dw);
}

static void wide(job *j) {
    const dnnk_winograd_plan *p = j->plan;
    for (j->first = 0; j->first < p->tiles; j->first += p->chunk) {
        j->count = dnnk_min(p->chunk, p->tiles - j->first);
        dnnk_parallel(p->env, dnnk_ceil_div(j->count, TILES), transform_task, j);
        dnnk_parallel(p->env, dnnk_ceil_div(p->to.channels, p->block_rows) * blocks_across(p), block_task, j);
    }
}

int64_t dnnk_winograd_weights_workspace(const dnnk_env *env, const dnnk_conv *c, int64_t tile) {
    return dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_WEIGHTS, false).bytes;
}

void dnnk_winograd_backward_weights(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x,
                                    const void *dy, void *dw, bool accumulate, void *work) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_WEIGHTS, false);
    job j = {.plan = &plan, .x = x, .dy = dy, .dw = dw, .work = align(work), .accumulate = accumulate};
    if (plan.wide)
        wide(&j);
    else
        tall(&j);
}
