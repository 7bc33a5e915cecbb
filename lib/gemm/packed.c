/* B packed once. The layout is the one of a shared operand whose chunk is all of k: for each block of k all panels. */
#include "gemm/plan.h"

typedef struct {
    dnnk_ukernel u;
    dnnk_packer packer;
    dnnk_operand b;
    int64_t n, k, kc, panels;
    char *packed;
} job;

static void pack_task(void *arg, int64_t panel, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t nr = j->u.nr;
    for (int64_t k0 = 0; k0 < j->k; k0 += j->kc) {
        int64_t kn = dnnk_min(j->kc, j->k - k0);
        dnnk_gemm_pack_panel(&j->packer, &j->b, 0, 0, panel * nr, dnnk_min(nr, j->n - panel * nr), k0, kn, nr,
                             j->packed + (k0 * j->panels + panel * kn) * nr * j->packer.size);
    }
}

int64_t dnnk_gemm_packed_bytes(const dnnk_env *env, dnnk_type type, int64_t n, int64_t k) {
    return dnnk_round_up(n, dnnk_gemm_ukernel(env->isa, type).nr) * k * dnnk_size(type) + DNNK_PANEL_SLACK;
}

void dnnk_gemm_pack_b(const dnnk_env *env, dnnk_type type, int64_t n, int64_t k, dnnk_operand b, void *packed) {
    job j = {.u = dnnk_gemm_ukernel(env->isa, type), .packer = dnnk_gemm_packer(env->isa, type), .b = b, .n = n, .k = k,
             .packed = packed};
    j.kc = dnnk_gemm_block_depth(&j.u, k);
    j.panels = dnnk_ceil_div(n, j.u.nr);
    dnnk_parallel(env, j.panels, pack_task, &j);
}
