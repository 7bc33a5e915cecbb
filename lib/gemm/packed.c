/* B packed once. The layout is the one of a shared operand whose chunk is all of k. */
#include "gemm/plan.h"

/* The problem's B, as the plan that will meet it wants it: in panels of nr; where the transpose is computed, of mr. */
typedef struct {
    dnnk_gemm_plan plan;
    const dnnk_operand *b;
    int64_t length, width, panels;
    char *packed;
} job;

static job make_job(const dnnk_env *env, const dnnk_gemm_problem *problem) {
    job j = {.plan = dnnk_gemm_make_plan(env, problem)};
    j.length = problem->n;
    j.width = j.plan.transposed ? j.plan.u.mr : j.plan.u.nr;
    j.panels = dnnk_ceil_div(j.length, j.width);
    j.b = &problem->b;
    return j;
}

static void pack_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_gemm_plan *plan = &j->plan;
    int64_t first = panel * j->width, count = dnnk_min(j->width, j->length - first);
    for (int64_t k0 = 0; k0 < plan->p.k; k0 += plan->kc) {
        int64_t kn = dnnk_min(plan->kc, plan->p.k - k0);
        dnnk_gemm_pack_panel(&plan->packer, j->b, 0, 0, first, count, k0, kn, j->width,
                             j->packed + dnnk_gemm_panel_at(j->panels, j->width, k0, kn, panel) * plan->size);
    }
}

int64_t dnnk_gemm_packed_bytes(const dnnk_env *env, const dnnk_gemm_problem *problem) {
    job j = make_job(env, problem);
    if (j.plan.path != DNNK_PATH_TILES || j.plan.batches != 1) return 0;
    return j.panels * j.width * problem->k * j.plan.size + DNNK_PANEL_SLACK;
}

void dnnk_gemm_pack_b(const dnnk_env *env, const dnnk_gemm_problem *problem, void *packed) {
    job j = make_job(env, problem);
    j.packed = packed;
    dnnk_parallel(env, j.panels, pack_task, &j);
}
