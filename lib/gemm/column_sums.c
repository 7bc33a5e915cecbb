#include "gemm/kernels.h"

/* Rows are summed in blocks of ROWS, then the blocks' sums in order: errors grow with ROWS + m / ROWS, not with m. */
enum { ROWS = 256 };

typedef struct {
    const dnnk_gemm_table *table;
    const char *x;
    char *partial;
    int64_t m, n, row_stride, size;
} job;

static void sum_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = task * ROWS;
    j->table->column_sums(dnnk_min(ROWS, j->m - first), j->n, j->x + first * j->row_stride * j->size, j->row_stride,
                          j->partial + task * j->n * j->size);
}

int64_t dnnk_column_sums_workspace(const dnnk_env *env, dnnk_type type, int64_t m, int64_t n) {
    (void)env;
    return dnnk_ceil_div(m, ROWS) * n * dnnk_size(type) + 64;
}

void dnnk_column_sums(const dnnk_env *env, dnnk_type type, int64_t m, int64_t n, const void *x, int64_t row_stride,
                      void *sums, void *work) {
    char *aligned = (char *)work + (64 - (uintptr_t)work % 64) % 64;
    job j = {.table = dnnk_gemm_kernels(env->isa, type), .x = x, .partial = aligned, .m = m, .n = n,
             .row_stride = row_stride, .size = dnnk_size(type)};
    int64_t blocks = dnnk_ceil_div(m, ROWS);
    dnnk_parallel(env, blocks, sum_task, &j);
    for (int64_t b = 0; b < blocks; b++) j.table->add(n, sums, j.partial + b * n * j.size);
}
