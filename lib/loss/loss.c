#include "loss/loss.h"

#include "loss/targets.h"

#define TASK 8192    /* elements */
#define PARTIALS 256 /* tasks at the most: their sums live on the stack */

static double total(int64_t tasks, const double *sums) {
    double sum = 0;
    for (int64_t t = 0; t < tasks; t++) sum += sums[t];
    return sum;
}

/* ---- cross-entropy ---- */

typedef struct {
    const dnnk_cross_entropy_table *kernels;
    const dnnk_cross_entropy *loss;
    int64_t step; /* rows of a task */
    double scale;
    const void *x; /* NULL: the weight is asked for */
    void *each, *gradient;
    double sums[PARTIALS];
} rows_job;

static void rows_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    rows_job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->loss->rows - first);
    j->sums[t] = j->x ? j->kernels->run(j->loss, first, rows, j->scale, j->x, j->each, j->gradient)
                      : j->kernels->weight(j->loss, first, rows);
}

static double run_rows(const dnnk_env *env, rows_job *j, int64_t row_cost) {
    int64_t rows = j->loss->rows;
    j->step = dnnk_max(dnnk_max(1, TASK / dnnk_max(row_cost, 1)), dnnk_ceil_div(rows, PARTIALS));
    int64_t tasks = dnnk_ceil_div(rows, j->step);
    dnnk_parallel(env, tasks, rows_task, j);
    return total(tasks, j->sums);
}

int64_t dnnk_cross_entropy_bad_row(const dnnk_cross_entropy *loss) {
    if (loss->target_type == DNNK_TARGET_SOFT) return -1;
    for (int64_t r = 0; r < loss->rows; r++) {
        int64_t target = target_class(loss, r);
        if ((target < 0 || target >= loss->classes) && !target_ignored(loss, target)) return r;
    }
    return -1;
}

double dnnk_cross_entropy_weight(dnnk_type type, const dnnk_cross_entropy *loss) {
    if (loss->target_type == DNNK_TARGET_SOFT) return (double)loss->rows;
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    rows_job j = {.kernels = dnnk_cross_entropy_kernels(env.isa, type), .loss = loss};
    return run_rows(&env, &j, 1);
}

double dnnk_cross_entropy_run(const dnnk_env *env, dnnk_type type, const dnnk_cross_entropy *loss, double scale,
                              const void *logits, void *each, void *gradient) {
    rows_job j = {.kernels = dnnk_cross_entropy_kernels(env->isa, type), .loss = loss, .scale = scale, .x = logits,
                  .each = each, .gradient = gradient};
    return run_rows(env, &j, loss->classes);
}

/* ---- losses of pairs ---- */

typedef struct {
    const dnnk_pair_loss_table *kernels;
    dnnk_pair_loss kind;
    double delta, scale;
    int64_t n, cols, step;
    const void *x, *target, *pos_weight;
    void *each, *gradient;
    double sums[PARTIALS];
} pairs_job;

static void pairs_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    pairs_job *j = arg;
    int64_t first = t * j->step, n = dnnk_min(j->step, j->n - first);
    j->sums[t] = j->kernels->run(j->kind, j->delta, j->scale, first, n, j->cols, j->x, j->target, j->pos_weight,
                                 j->each, j->gradient);
}

static double run_pairs(const dnnk_env *env, pairs_job *j) {
    j->step = dnnk_max(TASK, dnnk_ceil_div(j->n, PARTIALS));
    int64_t tasks = dnnk_ceil_div(j->n, j->step);
    dnnk_parallel(env, tasks, pairs_task, j);
    return total(tasks, j->sums);
}

double dnnk_pair_loss_run(const dnnk_env *env, dnnk_type type, dnnk_pair_loss kind, double delta, double scale,
                          int64_t n, const void *x, const void *target, void *each, void *gradient) {
    pairs_job j = {.kernels = dnnk_pair_loss_kernels(env->isa, type), .kind = kind, .delta = delta, .scale = scale,
                   .n = n, .cols = 1, .x = x, .target = target, .each = each, .gradient = gradient};
    return run_pairs(env, &j);
}

double dnnk_bce_logits_run(const dnnk_env *env, dnnk_type type, double scale, int64_t rows, int64_t cols, const void *x,
                           const void *target, const void *pos_weight, void *each, void *gradient) {
    pairs_job j = {.kernels = dnnk_pair_loss_kernels(env->isa, type), .kind = DNNK_BCE_LOGITS, .scale = scale,
                   .n = rows * cols, .cols = cols, .x = x, .target = target, .pos_weight = pos_weight, .each = each,
                   .gradient = gradient};
    return run_pairs(env, &j);
}
