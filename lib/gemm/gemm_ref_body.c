/* The specification of dnnk_gemm. */
#include "base/body.h"

#include "gemm/reference.h"

static real dot(const dnnk_gemm_problem *p, const real *a, const real *b, int64_t i, int64_t j) {
    real sum = 0;
    for (int64_t q = 0; q < p->k; q++)
        sum += a[i * p->a.stride + q * p->a.k_stride] * b[j * p->b.stride + q * p->b.k_stride];
    return sum;
}

static void product(const dnnk_gemm_problem *p, int64_t u, int64_t v) {
    const real *a = (const real *)p->a.source + u * p->a.batch_stride[0] + v * p->a.batch_stride[1];
    const real *b = (const real *)p->b.source + u * p->b.batch_stride[0] + v * p->b.batch_stride[1];
    const real *residual = p->epilogue.residual;
    const real *scale = p->epilogue.scale, *bias = p->epilogue.bias;
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            int64_t row = i * p->c_row;
            if (p->row_map) p->row_map(p->map, i, 1, &row);
            int64_t at = u * p->c_batch_stride[0] + v * p->c_batch_stride[1] + row + j * p->c_col;
            real *c = (real *)p->c + at;
            real x = dot(p, a, b, i, j) + (p->accumulate ? *c : 0);
            if (scale) x *= scale[v * p->epilogue.batch_stride + j];
            if (bias) x += bias[v * p->epilogue.batch_stride + j];
            if (residual) x += residual[at];
            *c = p->epilogue.relu && x < 0 ? 0 : x;
        }
}

static void reference(const dnnk_gemm_problem *p) {
    for (int64_t u = 0; u < p->batch[0]; u++)
        for (int64_t v = 0; v < p->batch[1]; v++) product(p, u, v);
}

const dnnk_gemm_ref_table DNNK_TABLE(gemm_ref) = {.reference = reference};
