#include "gemm/plan.h"

enum {
    TASKS = 16,              /* as many as keep a few lanes evenly busy */
    TASK_FLOPS = 1 << 20,    /* less is not worth waking a lane for */
    TALL = 512,              /* up to so many rows, a task takes them all */
    BLOCK = 1 << 16,         /* elements of C in a block of many rows */
    MIN_ROWS = 48,           /* a block of B is loaded into L2 for each task; so many rows pay for it */
    DEPTH_UNIT = 4,          /* micro-kernels unroll k by this */
    SHARED_BYTES = 1 << 25,  /* about the size of a last-level cache */
    PARTIAL_BYTES = 1 << 25, /* for copies of C */
    SPLIT_BLOCKS = 4,        /* a split is at least so many kc deep */
};

static int64_t even_blocks(int64_t size, int64_t most, int64_t unit) {
    int64_t blocks = dnnk_max(1, dnnk_ceil_div(size, most));
    return dnnk_round_up(dnnk_max(1, dnnk_ceil_div(size, blocks)), unit);
}

/* The fewest blocks of k that are no deeper than u->kc, evenly filled. */
static int64_t block_depth(const dnnk_ukernel *u, int64_t k) { return even_blocks(k, u->kc, DEPTH_UNIT); }

static dnnk_gemm_problem transpose(const dnnk_gemm_problem *p) {
    dnnk_gemm_problem t = *p;
    t.m = p->n, t.n = p->m;
    t.a = p->b, t.b = p->a;
    t.c_row = p->c_col, t.c_col = p->c_row;
    return t;
}

/* Multiplications that tiles of mr × nr spend, waste at the edges included. */
static int64_t tile_cost(const dnnk_ukernel *u, int64_t m, int64_t n) {
    return dnnk_round_up(m, u->mr) * dnnk_round_up(n, u->nr);
}

/* Where C lies by columns; and where the transpose fits the tiles so much better (n = 10) that it pays to bring each
 * tile into C by a detour; at a quarter less work it does, at a tenth it does not (docs/performance.md). */
static bool better_transposed(const dnnk_gemm_plan *plan) {
    const dnnk_gemm_problem *p = &plan->p;
    if (p->row_map || p->m <= DNNK_SKINNY_ROWS) return false;
    if (p->c_row == 1 && p->c_col != 1) return true;
    return tile_cost(&plan->u, p->n, p->m) * 4 < tile_cost(&plan->u, p->m, p->n) * 3;
}

static dnnk_gemm_path choose_path(const dnnk_gemm_problem *p) {
    bool matrices = !p->a.pack && !p->b.pack && !p->row_map;
    if (!matrices || p->m > DNNK_SKINNY_ROWS || p->k < 2) return DNNK_PATH_TILES;
    if (p->b.k_stride == 1) return DNNK_PATH_DOTS;
    if (p->b.stride == 1) return DNNK_PATH_AXPYS;
    return DNNK_PATH_TILES;
}

static int64_t wanted_tasks(const dnnk_gemm_plan *plan) {
    const dnnk_gemm_problem *p = &plan->p;
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k * (double)plan->batches;
    return flops >= (double)TASKS * TASK_FLOPS ? TASKS : (int64_t)(flops / TASK_FLOPS) + 1;
}

static bool is_wide(const dnnk_gemm_problem *p) { return p->m <= TALL && p->n >= 2 * p->m; }

static int64_t blocks(const dnnk_gemm_plan *plan) {
    return plan->batches * dnnk_ceil_div(plan->p.m, plan->mc) * dnnk_ceil_div(plan->p.n, plan->nc);
}

/* Blocks of C as large as L2 likes them. */
static void cut_c(dnnk_gemm_plan *plan) {
    const dnnk_gemm_problem *p = &plan->p;
    plan->nc = even_blocks(p->n, plan->u.nc, plan->u.nr);
    plan->mc = even_blocks(p->m, is_wide(p) ? TALL : BLOCK / plan->nc, plan->u.mr);
}

/* k, if there are too few blocks, and it is so long that copies of C are cheap beside it. */
static void cut_k(dnnk_gemm_plan *plan, int64_t wanted) {
    const dnnk_gemm_problem *p = &plan->p;
    int64_t have = dnnk_max(1, blocks(plan)), copy = dnnk_max(1, p->m * p->n * plan->batches * plan->size);
    int64_t splits = dnnk_min(dnnk_ceil_div(wanted, have), p->k / (plan->kc * SPLIT_BLOCKS));
    splits = dnnk_max(1, dnnk_min(splits, PARTIAL_BYTES / copy));
    plan->split_k = dnnk_round_up(dnnk_max(1, dnnk_ceil_div(p->k, splits)), plan->kc);
    plan->splits = dnnk_max(1, dnnk_ceil_div(p->k, plan->split_k));
}

/* Smaller blocks of C, until there are enough. */
static void cut_c_further(dnnk_gemm_plan *plan, int64_t wanted) {
    const dnnk_gemm_problem *p = &plan->p;
    const dnnk_ukernel *u = &plan->u;
    wanted = dnnk_ceil_div(wanted, plan->splits);
    while (!is_wide(p) && blocks(plan) < wanted && plan->mc > MIN_ROWS) plan->mc = dnnk_round_up(plan->mc / 2, u->mr);
    while (blocks(plan) < wanted && plan->nc > 2 * u->nr) plan->nc = dnnk_round_up(plan->nc / 2, u->nr);
    while (blocks(plan) < wanted && plan->mc > MIN_ROWS) plan->mc = dnnk_round_up(plan->mc / 2, u->mr);
    plan->mb = dnnk_ceil_div(p->m, plan->mc);
    plan->nb = dnnk_ceil_div(p->n, plan->nc);
}

static void choose_sharing(dnnk_gemm_plan *plan) {
    plan->share_a = plan->splits == 1 && plan->nb > 1 && !plan->packed_a;
    plan->share_b = plan->splits == 1 && plan->mb > 1 && !plan->packed_b;
    int64_t rows =
        (plan->share_a ? plan->m_panels * plan->u.mr : 0) + (plan->share_b ? plan->n_panels * plan->u.nr : 0);
    int64_t depth = dnnk_max(1, SHARED_BYTES / dnnk_max(1, rows * plan->size * plan->batches));
    plan->chunk =
        dnnk_min(dnnk_round_up(dnnk_max(1, plan->p.k), plan->kc), dnnk_max(plan->kc, depth / plan->kc * plan->kc));
}

static int64_t region(int64_t elements, int64_t size) {
    return elements == 0 ? 0 : dnnk_round_up(elements * size + DNNK_PANEL_SLACK, 64);
}

static void lay_out_tiles(const dnnk_env *env, dnnk_gemm_plan *plan) {
    const dnnk_gemm_problem *p = &plan->p;
    int64_t depth = plan->batches * plan->chunk, size = plan->size;
    plan->at_b = region(plan->share_a ? depth * plan->m_panels * plan->u.mr : 0, size);
    plan->at_partial = plan->at_b + region(plan->share_b ? depth * plan->n_panels * plan->u.nr : 0, size);
    plan->at_skinny =
        plan->at_partial + region(plan->splits > 1 ? plan->splits * plan->batches * p->m * p->n : 0, size);
    plan->at_lanes = plan->at_skinny;
    bool own_a = !plan->share_a && !plan->packed_a, own_b = !plan->share_b && !plan->packed_b;
    plan->lane_bytes =
        region(own_b ? plan->kc * plan->nc : 0, size) +
        region(own_a ? plan->kc * plan->u.mr * dnnk_gemm_pack_group(&p->a) : 0, size);
    plan->bytes = plan->at_lanes + env->lanes * plan->lane_bytes;
}

/* A is copied if its rows are not contiguous; the products go to scratch, and from there through the epilogue. */
static void plan_skinny(const dnnk_env *env, dnnk_gemm_plan *plan, int64_t wanted) {
    const dnnk_gemm_problem *p = &plan->p;
    plan->nc = even_blocks(p->n, dnnk_max(64, dnnk_ceil_div(p->n, wanted)), 4);
    plan->nb = dnnk_ceil_div(p->n, plan->nc);
    plan->at_lanes = region(p->a.k_stride == 1 ? 0 : plan->batches * p->m * p->k, plan->size);
    plan->lane_bytes = region(p->m * plan->nc, plan->size);
    plan->bytes = plan->at_lanes + env->lanes * plan->lane_bytes;
}

static void plan_tiles(const dnnk_env *env, dnnk_gemm_plan *plan, int64_t wanted) {
    plan->m_panels = dnnk_ceil_div(plan->p.m, plan->u.mr);
    plan->n_panels = dnnk_ceil_div(plan->p.n, plan->u.nr);
    plan->kc = block_depth(&plan->u, plan->p.k);
    cut_c(plan);
    cut_k(plan, wanted);
    cut_c_further(plan, wanted);
    choose_sharing(plan);
    lay_out_tiles(env, plan);
}

dnnk_gemm_plan dnnk_gemm_make_plan(const dnnk_env *env, const dnnk_gemm_problem *problem) {
    dnnk_gemm_plan plan = {.p = *problem, .batches = problem->batch[0] * problem->batch[1]};
    plan.u = dnnk_gemm_ukernel(env->isa, problem->type);
    plan.table = dnnk_gemm_kernels(env->isa, problem->type);
    plan.packer = dnnk_gemm_packer(env->isa, problem->type);
    plan.size = dnnk_size(problem->type);
    plan.transposed = better_transposed(&plan);
    if (plan.transposed) plan.p = transpose(problem);
    *(plan.transposed ? &plan.packed_a : &plan.packed_b) = problem->packed_b;
    plan.path = choose_path(&plan.p);
    if (plan.path == DNNK_PATH_TILES)
        plan_tiles(env, &plan, wanted_tasks(&plan));
    else
        plan_skinny(env, &plan, wanted_tasks(&plan));
    plan.bytes += 64; /* to align the workspace */
    return plan;
}
