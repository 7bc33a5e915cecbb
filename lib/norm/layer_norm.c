#include "norm/norm.h"

#define TASK 16384 /* elements, in whole rows */

/* The gradients of gamma and beta are sums over rows: blocks of rows, each with two rows of doubles in the workspace,
 *     work: [blocks][2][cols] */
static int64_t rows_per_block(int64_t cols) { return dnnk_max(64, TASK / dnnk_max(cols, 1)); }

int64_t dnnk_layer_norm_workspace(dnnk_type type, int64_t rows, int64_t cols) {
    (void)type;
    return dnnk_ceil_div(rows, rows_per_block(cols)) * 2 * cols * 8;
}

typedef struct {
    const dnnk_layer_norm_table *kernels;
    int64_t size, rows, cols, step; /* step: rows of a task */
    double eps;
    const char *x, *dy;
    const void *gamma, *beta;
    char *mean_out, *rstd_out;
    const char *mean, *rstd;
    char *y; /* dx in the backward */
    double *work;
} job;

static char *row(char *p, int64_t at) { return p ? p + at : NULL; }

static void forward_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->rows - first), by_row = first * j->size;
    int64_t at = by_row * j->cols;
    j->kernels->forward(rows, j->cols, j->eps, j->x + at, j->gamma, j->beta, row(j->mean_out, by_row),
                        row(j->rstd_out, by_row), j->y + at);
}

void dnnk_layer_norm_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, double eps, const void *x,
                             const void *gamma, const void *beta, void *mean, void *rstd, void *y) {
    job j = {.kernels = dnnk_layer_norm_kernels(env->isa, type), .size = dnnk_size(type), .rows = rows, .cols = cols,
             .step = dnnk_max(1, TASK / dnnk_max(cols, 1)), .eps = eps, .x = x, .gamma = gamma, .beta = beta,
             .mean_out = mean, .rstd_out = rstd, .y = y};
    if (cols > 0) dnnk_parallel(env, dnnk_ceil_div(rows, j.step), forward_task, &j);
}

static void data_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->rows - first), by_row = first * j->size;
    int64_t at = by_row * j->cols;
    j->kernels->backward_data(rows, j->cols, j->x + at, j->gamma, j->mean + by_row, j->rstd + by_row, j->dy + at,
                              j->y + at);
}

static void sums_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = b * j->step, rows = dnnk_min(j->step, j->rows - first), by_row = first * j->size;
    int64_t at = by_row * j->cols;
    double *sum = j->work + b * 2 * j->cols;
    j->kernels->backward_sums(rows, j->cols, j->x + at, j->mean + by_row, j->rstd + by_row, j->dy + at, sum,
                              sum + j->cols);
}

static void add(dnnk_type type, int64_t n, int64_t blocks, int64_t step, const double *sums, void *gradient) {
    for (int64_t c = 0; gradient && c < n; c++) {
        double sum = 0;
        for (int64_t b = 0; b < blocks; b++) sum += sums[b * step + c];
        if (type == DNNK_F64)
            ((double *)gradient)[c] += sum;
        else
            ((float *)gradient)[c] = (float)((double)((float *)gradient)[c] + sum);
    }
}

void dnnk_layer_norm_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x,
                              const void *gamma, const void *mean, const void *rstd, const void *dy, void *dx,
                              void *dgamma, void *dbeta, void *work) {
    if (rows == 0 || cols == 0) return;
    job j = {.kernels = dnnk_layer_norm_kernels(env->isa, type), .size = dnnk_size(type), .rows = rows, .cols = cols,
             .step = rows_per_block(cols), .x = x, .gamma = gamma, .mean = mean, .rstd = rstd,
             .dy = dy, .y = dx, .work = work};
    if (dgamma || dbeta) { /* before dx, which may be dy */
        int64_t blocks = dnnk_ceil_div(rows, j.step);
        dnnk_parallel(env, blocks, sums_task, &j);
        add(type, cols, blocks, 2 * cols, j.work, dbeta);
        add(type, cols, blocks, 2 * cols, j.work + cols, dgamma);
    }
    j.step = dnnk_max(1, TASK / cols);
    if (dx) dnnk_parallel(env, dnnk_ceil_div(rows, j.step), data_task, &j);
}
