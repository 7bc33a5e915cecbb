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
    int64_t size, step, blocks; /* step: rows of a block */
    dnnk_batch_norm_block all;  /* the whole: all rows */
    double *work;
} job;

static job job_of(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, void *work) {
    int64_t step = rows_per_block(channels);
    return (job){.kernels = dnnk_batch_norm_kernels(env->isa, type), .size = dnnk_size(type), .step = step,
                 .blocks = dnnk_ceil_div(rows, step), .all = {.rows = rows, .channels = channels}, .work = work};
}

static const void *from(const void *p, int64_t at) { return p ? (const char *)p + at : NULL; }
static void *into(void *p, int64_t at) { return p ? (char *)p + at : NULL; }

static int64_t block_rows(const job *j, int64_t b) { return dnnk_min(j->step, j->all.rows - b * j->step); }

static dnnk_batch_norm_block block_of(const job *j, int64_t b) {
    dnnk_batch_norm_block block = j->all;
    int64_t at = b * j->step * block.channels * j->size;
    block.rows = block_rows(j, b);
    block.x = from(block.x, at), block.dy = from(block.dy, at);
    block.y = into(block.y, at), block.dx = into(block.dx, at);
    block.extra.addend = from(block.extra.addend, at), block.extra.y = from(block.extra.y, at);
    block.extra.addend_gradient = into(block.extra.addend_gradient, at);
    block.sum = j->work ? j->work + b * 2 * block.channels : NULL;
    block.sum2 = block.sum ? block.sum + block.channels : NULL;
    return block;
}

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
    dnnk_batch_norm_block block = block_of(j, b);
    j->kernels->moments(&block);
}

static void apply_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_batch_norm_block block = block_of(j, b);
    j->kernels->apply(&block);
}

/* Into the first block's (sum, sum2), in order; the blocks have n rows in all, the next one m. Chan, Golub and LeVeque:
 * sum2 += sum2' + n m / (n + m) (sum'/m - sum/n)^2. */
static void combine_moments(const job *j) {
    int64_t channels = j->all.channels;
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

static void give_forward(dnnk_batch_norm_block *b, const void *x, const void *mean, const void *rstd, const void *gamma,
                         const void *beta, const dnnk_batch_norm_extra *extra, void *y) {
    b->x = x, b->mean = mean, b->rstd = rstd, b->gamma = gamma, b->beta = beta, b->y = y;
    if (extra) b->extra = *extra;
}

void dnnk_batch_norm_train(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, double eps,
                           double momentum, const void *x, const void *gamma, const void *beta, void *running_mean,
                           void *running_var, void *mean, void *rstd, const dnnk_batch_norm_extra *extra, void *y,
                           void *work) {
    if (rows == 0 || channels == 0) return;
    job j = job_of(env, type, rows, channels, work);
    give_forward(&j.all, x, mean, rstd, gamma, beta, extra, y);
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
                          const void *running_var, void *rstd, const dnnk_batch_norm_extra *extra, void *y) {
    job j = job_of(env, type, rows, channels, NULL);
    give_forward(&j.all, x, running_mean, rstd, gamma, beta, extra, y);
    for (int64_t c = 0; c < channels; c++) set(type, rstd, c, 1 / sqrt(get(type, running_var, c) + eps));
    if (channels > 0) dnnk_parallel(env, j.blocks, apply_task, &j);
}

void dnnk_batch_norm_apply(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, const void *x,
                           const void *mean, const void *rstd, void *y) {
    job j = job_of(env, type, rows, channels, NULL);
    give_forward(&j.all, x, mean, rstd, NULL, NULL, NULL, y);
    if (channels > 0) dnnk_parallel(env, j.blocks, apply_task, &j);
}

/* ---- backward ---- */

static void sums_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_batch_norm_block block = block_of(j, b);
    j->kernels->backward_sums(&block);
}

static void data_task(void *arg, int64_t b, int64_t lane) {
    (void)lane;
    const job *j = arg;
    dnnk_batch_norm_block block = block_of(j, b);
    j->kernels->backward_data(&block);
}

/* Both sums of all blocks into those of the first. */
static void combine_sums(const job *j) {
    int64_t n = 2 * j->all.channels;
    for (int64_t b = 1; b < j->blocks; b++)
        for (int64_t c = 0; c < n; c++) j->work[c] += j->work[b * n + c];
}

static void add(dnnk_type type, int64_t n, const double *sum, void *gradient) {
    if (!gradient) return;
    for (int64_t c = 0; c < n; c++) set(type, gradient, c, get(type, gradient, c) + sum[c]);
}

/* What the second pass takes for dy: g, where the first one wrote it. */
static void go_on_with_g(dnnk_batch_norm_block *all) {
    if (!all->extra.addend_gradient) return;
    all->dy = all->extra.addend_gradient;
    all->extra = (dnnk_batch_norm_extra){0};
}

void dnnk_batch_norm_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, bool train,
                              const void *x, const void *gamma, const void *beta, const void *mean, const void *rstd,
                              const dnnk_batch_norm_extra *extra, const void *dy, void *dx, void *dgamma, void *dbeta,
                              void *work) {
    if (rows == 0 || channels == 0) return;
    job j = job_of(env, type, rows, channels, work);
    give_forward(&j.all, x, mean, rstd, gamma, beta, extra, NULL);
    j.all.dy = dy, j.all.dx = dx;
    train = train && dx;
    bool signs_of_x = j.all.extra.relu && !j.all.extra.y;
    if (!train && !dgamma && !signs_of_x) j.all.x = NULL;
    if (train || dgamma || dbeta || j.all.extra.addend_gradient) {
        dnnk_parallel(env, j.blocks, sums_task, &j);
        combine_sums(&j);
        add(type, channels, j.work, dbeta);
        add(type, channels, j.work + channels, dgamma);
        go_on_with_g(&j.all);
    }
    if (!dx) return;
    if (train) {
        for (int64_t c = 0; c < 2 * channels; c++) j.work[c] /= (double)rows;
        j.all.mean_dy = j.work, j.all.mean_dy_xhat = j.work + channels;
    }
    dnnk_parallel(env, j.blocks, data_task, &j);
}
