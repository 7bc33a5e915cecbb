/* How a product is cut. Everything here follows from the problem and the micro-kernel, lanes excepted: they decide
 * only how many pieces of scratch there are.
 *
 *                  n                     C is cut into mb × nb blocks of mc × nc (multiples of mr and nr), and k into
 *            nc        nc                pieces of kc. A task owns one block of C and goes through its k in order, so
 *         ┌─────────┬─────────┐          nobody else writes there and the order of summation is fixed.
 *      mc │ task 0  │ task 1  │
 *         ├─────────┼─────────┤          Where C has too few blocks for many lanes and k is long (the gradient of a
 *    m mc │ task 2  │ task 3  │          convolution's weights), k is cut into `splits` as well: each split has a copy
 *         ├─────────┼─────────┤          of C of its own, and the copies are added in order.
 *         │   …     │   …     │
 *
 * Who packs: an operand whose panels several tasks need is packed beforehand, by all lanes, into shared memory
 * (share_a, share_b), `chunk` of its k at a time so that this memory stays bounded; otherwise the task packs for
 * itself: B by the block (kc × nc, in L2), A by the panel (kc × mr, in L1), or by a few of them that share lines of
 * memory, right before it is used. The problem's B may come packed (as packed_a where the transpose is computed, else
 * packed_b) and then lies as a shared operand does.
 *
 * workspace:   | shared A | shared B | partial copies of C | skinny A | lane 0: block of B, panel of A | lane 1: … |
 */
#ifndef DNNK_GEMM_PLAN_H
#define DNNK_GEMM_PLAN_H

#include "gemm/kernels.h"

typedef enum dnnk_gemm_path { DNNK_PATH_TILES, DNNK_PATH_DOTS, DNNK_PATH_AXPYS } dnnk_gemm_path;

typedef struct dnnk_gemm_plan {
    dnnk_gemm_problem p; /* the problem, or its transpose */
    bool transposed;     /* then the epilogue's bias belongs to rows */
    dnnk_gemm_path path;
    dnnk_ukernel u;
    const dnnk_gemm_table *table;
    dnnk_packer packer;
    int64_t size;    /* bytes of an element */
    int64_t batches; /* batch[0] · batch[1] */
    int64_t m_panels, n_panels;
    int64_t mc, nc, kc, mb, nb;
    int64_t splits, split_k; /* split_k is a multiple of kc */
    int64_t chunk;           /* a multiple of kc; all of k unless shared operands would grow too big */
    bool share_a, share_b;
    const char *packed_a, *packed_b; /* or NULL */
    int64_t at_b, at_partial, at_skinny, at_lanes, lane_bytes, bytes; /* offsets and sizes in the workspace */
} dnnk_gemm_plan;

dnnk_gemm_plan dnnk_gemm_make_plan(const dnnk_env *env, const dnnk_gemm_problem *problem);

/* Where a packed operand's panel lies, in elements: for each block of k (from k0 on, kn deep) come all panels, one
 * behind the other. */
static inline int64_t dnnk_gemm_panel_at(int64_t panels, int64_t width, int64_t k0, int64_t kn, int64_t panel) {
    return (k0 * panels + panel * kn) * width;
}

#endif
