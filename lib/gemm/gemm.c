#include "gemm/gemm.h"

#include "gemm/plan.h"

/* A plan at work: where its pieces of workspace lie, and which part of k is being done. */
typedef struct {
    const dnnk_gemm_plan *plan;
    char *work;
    int64_t chunk_begin, chunk_end; /* the part of k that shared operands hold now */
} job;

/* Where product `batch` starts, in elements. */
static int64_t offset_of(const dnnk_gemm_plan *plan, const int64_t stride[2], int64_t batch) {
    int64_t inner = plan->p.batch[1];
    return batch / inner * stride[0] + batch % inner * stride[1];
}

static void pack_panels(const dnnk_gemm_plan *plan, const dnnk_operand *o, int64_t batch, int64_t first, int64_t count,
                        int64_t k0, int64_t kn, int64_t width, void *panels) {
    int64_t offset = offset_of(plan, o->batch_stride, batch);
    dnnk_gemm_pack_panels(&plan->packer, o, batch, offset, first, count, k0, kn, width, panels);
}

/* Shared operands are packed from chunk_begin on. */
static char *shared_panel(const job *j, int64_t at, int64_t panels, int64_t width, int64_t batch, int64_t k0,
                          int64_t kn, int64_t panel) {
    const dnnk_gemm_plan *plan = j->plan;
    int64_t elements = dnnk_gemm_panel_at(panels, width, batch * plan->chunk + k0 - j->chunk_begin, kn, panel);
    return j->work + at + elements * plan->size;
}

static void pack_all_depths(const job *j, const dnnk_operand *o, int64_t at, int64_t length, int64_t panels,
                            int64_t width, int64_t batch, int64_t panel) {
    const dnnk_gemm_plan *plan = j->plan;
    int64_t first = panel * width, count = dnnk_min(width * dnnk_gemm_pack_group(o), length - first);
    for (int64_t k0 = j->chunk_begin; k0 < j->chunk_end; k0 += plan->kc) {
        int64_t kn = dnnk_min(plan->kc, j->chunk_end - k0);
        pack_panels(plan, o, batch, first, count, k0, kn, width,
                    shared_panel(j, at, panels, width, batch, k0, kn, panel));
    }
}

static int64_t pack_groups(const dnnk_operand *o, int64_t panels) {
    return dnnk_ceil_div(panels, dnnk_gemm_pack_group(o));
}

/* A task packs a group of panels of a shared operand: those of A first, then those of B. */
static void pack_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_gemm_plan *plan = j->plan;
    const dnnk_operand *a = &plan->p.a, *b = &plan->p.b;
    int64_t a_groups = pack_groups(a, plan->m_panels), b_groups = pack_groups(b, plan->n_panels);
    int64_t of_a = plan->share_a ? a_groups * plan->batches : 0;
    if (task < of_a) {
        pack_all_depths(j, a, 0, plan->p.m, plan->m_panels, plan->u.mr, task / a_groups,
                        task % a_groups * dnnk_gemm_pack_group(a));
    } else {
        task -= of_a;
        pack_all_depths(j, b, plan->at_b, plan->p.n, plan->n_panels, plan->u.nr, task / b_groups,
                        task % b_groups * dnnk_gemm_pack_group(b));
    }
}

static void pack_shared(const dnnk_env *env, job *j) {
    const dnnk_gemm_plan *plan = j->plan;
    int64_t groups = (plan->share_a ? pack_groups(&plan->p.a, plan->m_panels) : 0) +
                     (plan->share_b ? pack_groups(&plan->p.b, plan->n_panels) : 0);
    dnnk_parallel(env, groups * plan->batches, pack_task, j);
}

/* One block of C, in one block of k. */
typedef struct {
    const job *j;
    int64_t batch, split;
    int64_t i0, i1, j0, j1; /* rows and columns of C */
    int64_t k0, kn;
    bool accumulate, last; /* last: the epilogue is due */
    char *own_b, *own_a;
    const char *a;                    /* the panel of A in hand */
    int64_t row[DNNK_PANEL_MAX], ldc; /* offsets of its rows in C; ldc is 0 if they are not evenly spaced */
} block;

static const char *panel_of_a(const block *b, int64_t i) {
    const dnnk_gemm_plan *plan = b->j->plan;
    if (plan->packed_a)
        return plan->packed_a +
               dnnk_gemm_panel_at(plan->m_panels, plan->u.mr, b->k0, b->kn, i / plan->u.mr) * plan->size;
    if (plan->share_a) return shared_panel(b->j, 0, plan->m_panels, plan->u.mr, b->batch, b->k0, b->kn, i / plan->u.mr);
    int64_t group = dnnk_gemm_pack_group(&plan->p.a), panel = (i - b->i0) / plan->u.mr % group;
    if (panel == 0)
        pack_panels(plan, &plan->p.a, b->batch, i, dnnk_min(group * plan->u.mr, b->i1 - i), b->k0, b->kn, plan->u.mr,
                    b->own_a);
    return b->own_a + panel * b->kn * plan->u.mr * plan->size;
}

static const char *panel_of_b(const block *b, int64_t j) {
    const dnnk_gemm_plan *plan = b->j->plan;
    if (plan->packed_b)
        return plan->packed_b +
               dnnk_gemm_panel_at(plan->n_panels, plan->u.nr, b->k0, b->kn, j / plan->u.nr) * plan->size;
    if (plan->share_b)
        return shared_panel(b->j, plan->at_b, plan->n_panels, plan->u.nr, b->batch, b->k0, b->kn, j / plan->u.nr);
    return b->own_b + (j - b->j0) * b->kn * plan->size;
}

static void pack_own_b(const block *b) {
    const dnnk_gemm_plan *plan = b->j->plan;
    if (plan->share_b || plan->packed_b) return;
    pack_panels(plan, &plan->p.b, b->batch, b->j0, b->j1 - b->j0, b->k0, b->kn, plan->u.nr, b->own_b);
}

static void find_rows(block *b, int64_t i, int64_t count, bool partial) {
    const dnnk_gemm_problem *p = &b->j->plan->p;
    b->ldc = partial ? p->n : p->c_row;
    if (p->row_map && !partial) {
        p->row_map(p->map, i, count, b->row);
        b->ldc = count > 1 ? b->row[1] - b->row[0] : 0;
        for (int64_t r = 1; r < count; r++)
            if (b->row[r] - b->row[r - 1] != b->ldc) b->ldc = 0;
        return;
    }
    for (int64_t r = 0; r < count; r++) b->row[r] = (i + r) * b->ldc;
}

/* Where the block's product is added up: C, or this split's copy of it (m × n, contiguous). */
static char *target(const block *b) {
    const dnnk_gemm_plan *plan = b->j->plan;
    const dnnk_gemm_problem *p = &plan->p;
    if (plan->splits > 1)
        return b->j->work + plan->at_partial + (b->split * plan->batches + b->batch) * p->m * p->n * plan->size;
    return (char *)p->c + offset_of(plan, p->c_batch_stride, b->batch) * plan->size;
}

static void add_epilogue(const dnnk_gemm_plan *plan, int64_t batch, int64_t i, int64_t j, dnnk_tile *t) {
    const dnnk_epilogue *e = &plan->p.epilogue;
    int64_t column = (batch % plan->p.batch[1] * e->batch_stride + (plan->transposed ? i : j)) * plan->size;
    if (e->scale) t->scale = (const char *)e->scale + column;
    if (e->bias) t->bias = (const char *)e->bias + column;
    if (e->residual)
        t->residual = (const char *)e->residual +
                      (offset_of(plan, plan->p.c_batch_stride, batch) + j * plan->p.c_col) * plan->size;
    t->by_row = plan->transposed;
    t->relu = e->relu;
}

static bool has_epilogue(const dnnk_epilogue *e) { return e->scale || e->bias || e->residual || e->relu; }

/* The tile's first m rows at least. */
static void run_kernel(const dnnk_gemm_plan *plan, int64_t m, int64_t k, const char *a, const char *b, char *c,
                       int64_t ldc, bool accumulate) {
    const dnnk_low_kernel *low = plan->table->low;
    for (int i = 0; i < DNNK_LOW_KERNELS && plan->u.nr == plan->table->plain.nr; i++)
        if (m <= low[i].rows) {
            low[i].run(plan->u.mr, k, a, b, c, ldc, accumulate);
            return;
        }
    plan->u.run(k, a, b, c, ldc, accumulate);
}

/* A tile straight into C where it fits, otherwise by way of the stack. */
static void do_tile(const block *b, int64_t i, int64_t m, int64_t j, int64_t n) {
    const dnnk_gemm_plan *plan = b->j->plan;
    const dnnk_ukernel *u = &plan->u;
    bool partial = plan->splits > 1, epilogue = b->last && has_epilogue(&plan->p.epilogue);
    int64_t col = partial ? 1 : plan->p.c_col;
    char *c = target(b) + j * col * plan->size;
    const char *panel = panel_of_b(b, j);
    bool direct = m == u->mr && n == u->nr && col == 1 && b->ldc != 0;
    _Alignas(64) unsigned char values[DNNK_TILE_MAX * sizeof(double)];
    dnnk_tile t = {
        .values = values, .ld = u->nr, .m = m, .n = n, .c = c, .row = b->row, .col = col, .accumulate = b->accumulate};
    if (direct) {
        t.values = c + b->row[0] * plan->size, t.ld = b->ldc, t.accumulate = false;
        u->run(b->kn, b->a, panel, c + b->row[0] * plan->size, b->ldc, b->accumulate);
    } else {
        run_kernel(plan, m, b->kn, b->a, panel, (char *)values, u->nr, false);
    }
    if (epilogue) add_epilogue(plan, b->batch, i, j, &t);
    if (epilogue || !direct) plan->table->merge(&t);
}

static void do_block(block *b) {
    const dnnk_ukernel *u = &b->j->plan->u;
    pack_own_b(b);
    for (int64_t i = b->i0; i < b->i1; i += u->mr) {
        int64_t m = dnnk_min(u->mr, b->i1 - i);
        b->a = panel_of_a(b, i);
        find_rows(b, i, m, b->j->plan->splits > 1);
        for (int64_t j = b->j0; j < b->j1; j += u->nr) do_tile(b, i, m, j, dnnk_min(u->nr, b->j1 - j));
    }
}

/* Tasks: batch, then block row, then block column, then split, the last fastest. */
static block block_of_task(const job *j, int64_t task, int64_t lane) {
    const dnnk_gemm_plan *plan = j->plan;
    int64_t t = task / plan->splits, own_a = 0;
    if (!plan->share_a && !plan->packed_a)
        own_a = plan->kc * plan->u.mr * dnnk_gemm_pack_group(&plan->p.a) * plan->size + DNNK_PANEL_SLACK;
    block b = {.j = j, .batch = t / plan->nb / plan->mb, .split = task % plan->splits};
    b.i0 = t / plan->nb % plan->mb * plan->mc, b.i1 = dnnk_min(b.i0 + plan->mc, plan->p.m);
    b.j0 = t % plan->nb * plan->nc, b.j1 = dnnk_min(b.j0 + plan->nc, plan->p.n);
    b.own_a = j->work + plan->at_lanes + lane * plan->lane_bytes;
    b.own_b = b.own_a + dnnk_round_up(own_a, 64);
    return b;
}

/* Runs once for k = 0 too, which makes C zero. */
static void tile_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_gemm_plan *plan = j->plan;
    block b = block_of_task(j, task, lane);
    bool whole = plan->splits == 1;
    int64_t begin = whole ? j->chunk_begin : b.split * plan->split_k;
    int64_t end = whole ? j->chunk_end : dnnk_min(begin + plan->split_k, plan->p.k);
    b.k0 = begin;
    do {
        b.kn = dnnk_min(plan->kc, end - b.k0);
        b.accumulate = b.k0 > begin || (whole && (begin > 0 || plan->p.accumulate));
        b.last = whole && b.k0 + b.kn == plan->p.k;
        do_block(&b);
        b.k0 += plan->kc;
    } while (b.k0 < end);
}

static int64_t combine_blocks(const dnnk_gemm_problem *p) { return dnnk_ceil_div(p->m, DNNK_PANEL_MAX); }

/* DNNK_PANEL_MAX rows of C from the copies, in the order of the splits. */
static void combine_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_gemm_plan *plan = j->plan;
    const dnnk_gemm_problem *p = &plan->p;
    block b = {.j = j, .batch = task / combine_blocks(p)};
    b.i0 = task % combine_blocks(p) * DNNK_PANEL_MAX, b.i1 = dnnk_min(b.i0 + DNNK_PANEL_MAX, p->m);
    int64_t copy = plan->batches * p->m * p->n * plan->size;
    char *sum = target(&b) + b.i0 * p->n * plan->size;
    for (int64_t s = 1; s < plan->splits; s++) plan->table->add((b.i1 - b.i0) * p->n, sum, sum + s * copy);
    find_rows(&b, b.i0, b.i1 - b.i0, false);
    dnnk_tile t = {.values = sum, .ld = p->n, .m = b.i1 - b.i0, .n = p->n, .row = b.row, .col = p->c_col,
                   .c = (char *)p->c + offset_of(plan, p->c_batch_stride, b.batch) * plan->size,
                   .accumulate = p->accumulate};
    add_epilogue(plan, b.batch, b.i0, 0, &t);
    plan->table->merge(&t);
}

static void run_tiles(const dnnk_env *env, job *j) {
    const dnnk_gemm_plan *plan = j->plan;
    int64_t tasks = plan->batches * plan->mb * plan->nb * plan->splits;
    do {
        j->chunk_end = dnnk_min(j->chunk_begin + plan->chunk, plan->p.k);
        pack_shared(env, j);
        dnnk_parallel(env, tasks, tile_task, j);
        j->chunk_begin += plan->chunk;
    } while (plan->splits == 1 && j->chunk_begin < plan->p.k);
    if (plan->splits > 1) dnnk_parallel(env, plan->batches * combine_blocks(&plan->p), combine_task, j);
}

static void skinny_product(const job *j, int64_t batch, int64_t first, int64_t n, void *out) {
    const dnnk_gemm_plan *plan = j->plan;
    const dnnk_gemm_problem *p = &plan->p;
    bool in_place = p->a.k_stride == 1;
    int64_t lda = in_place ? p->a.stride : p->k, of_b = offset_of(plan, p->b.batch_stride, batch) + first * p->b.stride;
    const char *a = in_place ? (const char *)p->a.source + offset_of(plan, p->a.batch_stride, batch) * plan->size
                             : j->work + batch * p->m * p->k * plan->size;
    const char *b = (const char *)p->b.source + of_b * plan->size;
    if (plan->path == DNNK_PATH_DOTS)
        plan->table->dots(p->m, n, p->k, a, lda, b, p->b.stride, out);
    else
        plan->table->axpys(p->m, n, p->k, a, lda, b, p->b.k_stride, out);
}

/* A few rows of A against a block of columns of B, which is read once and where it lies. */
static void skinny_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_gemm_plan *plan = j->plan;
    const dnnk_gemm_problem *p = &plan->p;
    int64_t batch = task / plan->nb, first = task % plan->nb * plan->nc, n = dnnk_min(plan->nc, p->n - first);
    int64_t row[DNNK_SKINNY_ROWS], of_c = offset_of(plan, p->c_batch_stride, batch) + first * p->c_col;
    void *out = j->work + plan->at_lanes + lane * plan->lane_bytes;
    for (int64_t i = 0; i < p->m; i++) row[i] = i * p->c_row;
    skinny_product(j, batch, first, n, out);
    dnnk_tile t = {.values = out, .ld = n, .m = p->m, .n = n, .row = row, .col = p->c_col, .accumulate = p->accumulate,
                   .c = (char *)p->c + of_c * plan->size};
    add_epilogue(plan, batch, 0, first, &t);
    plan->table->merge(&t);
}

/* A's rows made contiguous: a row is a panel of width 1. */
static void gather_rows(job *j) {
    const dnnk_gemm_plan *plan = j->plan;
    const dnnk_gemm_problem *p = &plan->p;
    for (int64_t batch = 0; batch < plan->batches; batch++)
        for (int64_t i = 0; i < p->m; i++)
            pack_panels(plan, &p->a, batch, i, 1, 0, p->k, 1, j->work + (batch * p->m + i) * p->k * plan->size);
}

static void run_skinny(const dnnk_env *env, job *j) {
    if (j->plan->p.a.k_stride != 1) gather_rows(j);
    dnnk_parallel(env, j->plan->batches * j->plan->nb, skinny_task, j);
}

int64_t dnnk_gemm_workspace(const dnnk_env *env, const dnnk_gemm_problem *problem) {
    return dnnk_gemm_make_plan(env, problem).bytes;
}

static char *align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

void dnnk_gemm(const dnnk_env *env, const dnnk_gemm_problem *problem, void *work) {
    if (problem->m == 0 || problem->n == 0 || problem->batch[0] == 0 || problem->batch[1] == 0) return;
    dnnk_gemm_plan plan = dnnk_gemm_make_plan(env, problem);
    job j = {.plan = &plan, .work = align(work)};
    if (plan.path == DNNK_PATH_TILES)
        run_tiles(env, &j);
    else
        run_skinny(env, &j);
}
