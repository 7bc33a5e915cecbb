#include <math.h>

#include "norm/norm.h"

/* Rows go in blocks of about TASK elements; each leaves two rows of doubles in the workspace, for each channel:
 *     work: [blocks][2][channels] */
#define TASK 16384

static int64_t rows_per_block(int64_t channels) { return dnnk_max(64, TASK / dnnk_max(channels, 1)); }

int64_t dnnk_batch_norm_workspace(dnnk_type type, int64_t rows, int64_t channels) {
    (void)type;
    return dnnk_ceil_div(rows, rows_per_block(channels)) * 2 * channels * 8;
}

typedef struct {
    const dnnk_batch_norm_table *kernels;
    int64_t size, rows, channels, step, blocks; /* step: rows of a block */
    const char *x, *dy;
    const void *gamma, *beta, *mean, *rstd;
    char *y; /* dx in the backward */
    double *work;
    const double *mean_dy, *mean_dy_xhat;
} job;

static job job_of(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels) {
    int64_t step = rows_per_block(channels);
    return (job){.kernels = dnnk_batch_norm_kernels(env->isa, type), .size = dnnk_size(type), .rows = rows,
                 .channels = channels, .step = step, .blocks = dnnk_ceil_div(rows, step)};
}

static int64_t block_rows(const job *j, int64_t b) { return dnnk_min(j->step, j->rows - b * j->step); }
static int64_t block_at(const job *j, int64_t b) { return b * j->step * j->channels * j->size; }

static double get(dnnk_type type, const void *p, int64_t i) {
    return type == DNNK_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static void set(dnnk_type type, void *p, int64_t i, double value) {
    if (type == DNNK_F64)
        ((double *)p)[i] = value;
    else
        ((float *)p)[i] = (float)value;
}

/* ---- forward ---- */

static void moments_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    double *sum = j->work + b * 2 * j->channels;
    j->kernels->moments(block_rows(j, b), j->channels, j->x + block_at(j, b), sum, sum + j->channels);
}

static void apply_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t at = block_at(j, b);
    j->kernels->apply(block_rows(j, b), j->channels, j->x + at, j->mean, j->rstd, j->gamma, j->beta, j->y + at);
}

/* Into the first block's (sum, sum2), in order; the blocks have n rows in all, the next one m. Chan, Golub and LeVeque:
 * sum2 += sum2' + n m / (n + m) (sum'/m - sum/n)^2. */
static void combine_moments(const job *j) {
    int64_t channels = j->channels;
    double *sum = j->work, *sum2 = sum + channels;
    for (int64_t b = 1; b < j->blocks; b++) {
        const double *next = j->work + b * 2 * channels, *next2 = next + channels;
        double n = (double)(b * j->step), m = (double)block_rows(j, b);
        for (int64_t c = 0; c < channels; c++) {
            double gap = next[c] * (1 / m) - sum[c] * (1 / n);
            sum2[c] += next2[c] + gap * gap * (n * m / (n + m));
            sum[c] += next[c];
        }
    }
}

static void move(dnnk_type type, void *running, int64_t c, double momentum, double batch) {
    if (running) set(type, running, c, (1 - momentum) * get(type, running, c) + momentum * batch);
}

void dnnk_batch_norm_train(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, double eps,
                           double momentum, const void *x, const void *gamma, const void *beta, void *running_mean,
                           void *running_var, void *mean, void *rstd, void *y, void *work) {
    if (rows == 0 || channels == 0) return;
    job j = job_of(env, type, rows, channels);
    j.x = x, j.gamma = gamma, j.beta = beta, j.mean = mean, j.rstd = rstd, j.y = y, j.work = work;
    dnnk_parallel(env, j.blocks, moments_task, &j);
    combine_moments(&j);
    for (int64_t c = 0; c < channels; c++) {
        double m = j.work[c] / (double)rows, sum2 = j.work[channels + c];
        set(type, mean, c, m);
        set(type, rstd, c, 1 / sqrt(sum2 / (double)rows + eps));
        move(type, running_mean, c, momentum, m);
        move(type, running_var, c, momentum, sum2 / (double)dnnk_max(rows - 1, 1));
    }
    dnnk_parallel(env, j.blocks, apply_task, &j);
}

void dnnk_batch_norm_eval(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, double eps,
                          const void *x, const void *gamma, const void *beta, const void *running_mean,
                          const void *running_var, void *rstd, void *y) {
    job j = job_of(env, type, rows, channels);
    j.x = x, j.gamma = gamma, j.beta = beta, j.mean = running_mean, j.rstd = rstd, j.y = y;
    for (int64_t c = 0; c < channels; c++) set(type, rstd, c, 1 / sqrt(get(type, running_var, c) + eps));
    if (channels > 0) dnnk_parallel(env, j.blocks, apply_task, &j);
}

/* ---- backward ---- */

static void sums_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t at = block_at(j, b);
    double *sum = j->work + b * 2 * j->channels;
    j->kernels->backward_sums(block_rows(j, b), j->channels, j->x ? j->x + at : NULL, j->mean, j->rstd, j->dy + at,
                              sum, sum + j->channels);
}

static void data_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t at = block_at(j, b);
    j->kernels->backward_data(block_rows(j, b), j->channels, j->x ? j->x + at : NULL, j->gamma, j->mean, j->rstd,
                              j->mean_dy, j->mean_dy_xhat, j->dy + at, j->y + at);
}

/* Both sums of all blocks into those of the first. */
static void combine_sums(const job *j) {
    for (int64_t b = 1; b < j->blocks; b++)
        for (int64_t c = 0; c < (j->x ? 2 : 1) * j->channels; c++) j->work[c] += j->work[b * 2 * j->channels + c];
}

static void add(dnnk_type type, int64_t n, const double *sum, void *gradient) {
    if (!gradient) return;
    for (int64_t c = 0; c < n; c++) set(type, gradient, c, get(type, gradient, c) + sum[c]);
}

void dnnk_batch_norm_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, bool train,
                              const void *x, const void *gamma, const void *mean, const void *rstd, const void *dy,
                              void *dx, void *dgamma, void *dbeta, void *work) {
    if (rows == 0 || channels == 0) return;
    job j = job_of(env, type, rows, channels);
    train = train && dx;
    j.x = train || dgamma ? x : NULL;
    j.gamma = gamma, j.mean = mean, j.rstd = rstd, j.dy = dy, j.y = dx, j.work = work;
    if (train || dgamma || dbeta) {
        dnnk_parallel(env, j.blocks, sums_task, &j);
        combine_sums(&j);
        add(type, channels, j.work, dbeta);
        add(type, channels, j.work + channels, dgamma);
    }
    if (!dx) return;
    if (train) {
        for (int64_t c = 0; c < 2 * channels; c++) j.work[c] /= (double)rows;
        j.mean_dy = j.work, j.mean_dy_xhat = j.work + channels;
    }
    dnnk_parallel(env, j.blocks, data_task, &j);
}
