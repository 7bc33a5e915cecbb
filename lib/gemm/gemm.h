/* General matrix multiplication: C[m,n] (+)= A[m,k] · B[k,n], row-major in thought, any strides in fact.
 *
 * Goto's five loops (Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008) over a
 * micro-kernel that multiplies a panel of A, kc × mr, by a panel of B, kc × nr, and keeps the mr × nr tile of C in
 * registers.
 *
 * Operands need not be matrices. Whatever can write one panel is an operand: a strided matrix, the patches of an
 * image read in place (lib/conv), a matrix packed once and for all. See dnnk_pack.
 *
 * An epilogue (scale, bias, residual, ReLU) is applied to each tile of C after its last update, while it is in cache.
 *
 * Results are bitwise equal for every number of lanes: blocks and their order follow from the problem's size alone.
 * Within one problem all elements of C are summed in the same order, so permuting the rows of A permutes the rows of C
 * bitwise. Between instruction sets, and between problem sizes, results differ by rounding.
 *
 * All strides and leading dimensions count elements, not bytes. Sizes may be 0; with k = 0 the product is 0. C must not
 * overlap anything that is read.
 */
#ifndef DNNK_GEMM_H
#define DNNK_GEMM_H

#include "base/env.h"

/* Writes one panel: panel[p * width + i] = X(first + i, k0 + p) for i in [0, count), p in [0, kn), where X(i, p) is
 * A(i, p) for an operand A and B(p, i) for an operand B; 1 <= count <= width, kn >= 1. Places with i >= count are
 * written too, with anything that is finite or taken from the operand (their products are never stored). `batch` counts
 * from 0 over all products of a batch. Called from several lanes at once. */
typedef void dnnk_pack(const void *source, int64_t batch, int64_t first, int64_t count, int64_t k0, int64_t kn,
                       int64_t width, void *panel);

/* An operand: a strided matrix (pack is NULL) or anything that packs itself. Build one with dnnk_gemm_a/_b. */
typedef struct dnnk_operand {
    dnnk_pack *pack;         /* NULL: a strided matrix; the three strides below are used only then */
    const void *source;      /* matrix: its first element; otherwise what pack wants */
    int64_t stride;          /* from row to row of A, from column to column of B */
    int64_t k_stride;        /* along k */
    int64_t batch_stride[2]; /* see dnnk_gemm_problem.batch */
} dnnk_operand;

/* What is done to a finished tile of C, in this order: · scale, + bias, + residual, ReLU. Zeroed: nothing. Batch norm
 * with known statistics is a scale, γ / √(σ² + ε), and a bias, β + (b − μ) · scale, with b the bias before it. */
typedef struct dnnk_epilogue {
    const void *scale;    /* n values, one for each column of C; or NULL */
    const void *bias;     /* n values, one for each column of C; or NULL */
    int64_t batch_stride; /* added to both for each step of the inner batch index (a convolution's group) */
    const void *residual; /* added; laid out exactly as C, batch strides and row map included; or NULL */
    bool relu;            /* max(x, 0); NaN stays NaN */
} dnnk_epilogue;

/* The offsets, from c, of `count` rows of C from row `first` on. For C whose rows are not evenly spaced. */
typedef void dnnk_row_map(const void *map, int64_t first, int64_t count, int64_t *offset);

typedef struct dnnk_gemm_problem {
    dnnk_type type;
    int64_t m, n, k;
    dnnk_operand a, b;
    const void *packed_b; /* what dnnk_gemm_pack_b() wrote for this problem: b is not read then; or NULL */
    void *c;
    int64_t c_row, c_col;  /* strides of C; c_row is not used if row_map is given */
    dnnk_row_map *row_map; /* or NULL */
    const void *map;
    bool accumulate; /* C += A·B instead of C = A·B; if false, C is not read */
    dnnk_epilogue epilogue;

    /* batch[0] · batch[1] products of the same shape; product (u, v) starts at u·batch_stride[0] + v·batch_stride[1]
     * in each of A, B and C, so heads of attention need no copies. {1, 1} is a single product. */
    int64_t batch[2];
    int64_t c_batch_stride[2];
} dnnk_gemm_problem;

/* A as a matrix [m,k], B as a matrix [k,n]: A(i,p) at a[i·row_stride + p·col_stride], likewise B(p,j). For the
 * transpose of a stored matrix exchange its strides. */
static inline dnnk_operand dnnk_gemm_a(const void *a, int64_t row_stride, int64_t col_stride) {
    return (dnnk_operand){.source = a, .stride = row_stride, .k_stride = col_stride};
}
static inline dnnk_operand dnnk_gemm_b(const void *b, int64_t row_stride, int64_t col_stride) {
    return (dnnk_operand){.source = b, .stride = col_stride, .k_stride = row_stride};
}

/* A single product with contiguous row-major C[m,n]; set accumulate, epilogue, batch afterwards if wanted. */
static inline dnnk_gemm_problem dnnk_gemm_simple(dnnk_type type, int64_t m, int64_t n, int64_t k, dnnk_operand a,
                                                 dnnk_operand b, void *c) {
    return (dnnk_gemm_problem){
        .type = type, .m = m, .n = n, .k = k, .a = a, .b = b, .c = c, .c_row = n, .c_col = 1, .batch = {1, 1}};
}

/* Bytes of workspace for this problem. Depends on type, m, n, k, batch, strides, row_map, packed_b (NULL or not) and on
 * env->isa and env->lanes; not on the pointers otherwise. Any alignment of work will do. */
int64_t dnnk_gemm_workspace(const dnnk_env *env, const dnnk_gemm_problem *problem);

void dnnk_gemm(const dnnk_env *env, const dnnk_gemm_problem *problem, void *work);

/* B packed once, for many products with other A (weights in inference): `packed`, 64-byte aligned, then is the
 * problem's packed_b, and the product has the same bits as without, in no more workspace. It is bound to the problem's
 * type, sizes and strides and to env->isa; not to lanes. Packing reads problem->b alone. 0 bytes: there is nothing to
 * gain (a few rows read B where it lies; a batch has many B), and packed_b stays NULL. */
int64_t dnnk_gemm_packed_bytes(const dnnk_env *env, const dnnk_gemm_problem *problem);
void dnnk_gemm_pack_b(const dnnk_env *env, const dnnk_gemm_problem *problem, void *packed);

/* sums[j] += Σ_i X[i·row_stride + j] over rows i in [0, m), for j in [0, n): the gradient of a bias. Summed in fixed
 * blocks of rows, so that the error grows slowly with m and the result does not depend on lanes. */
int64_t dnnk_column_sums_workspace(const dnnk_env *env, dnnk_type type, int64_t m, int64_t n);
void dnnk_column_sums(const dnnk_env *env, dnnk_type type, int64_t m, int64_t n, const void *x, int64_t row_stride,
                      void *sums, void *work);

/* The micro-kernel that env->isa selects, in words: "blis skx 32x12, f32". A static string. */
const char *dnnk_gemm_describe(dnnk_isa isa, dnnk_type type);

/* The specification: three loops in the order i, j, p over the same problem (packed_b is not looked at; operands must
 * be matrices), summed in the problem's type. Slow; for tests. */
void dnnk_gemm_reference(const dnnk_gemm_problem *problem);

#endif
