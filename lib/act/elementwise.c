#include "act/elementwise.h"

#define TASK 16384 /* elements */

typedef enum { FORWARD, BACKWARD, SCALE, AXPY, ACCUMULATE, FILL } operation;

typedef struct {
    const dnnk_elementwise_table *kernels;
    operation what;
    dnnk_binary_kind kind;
    double alpha;
    int64_t size, n;
    const char *a, *b, *dy;
    char *y, *db; /* y is da in the backward */
} job;

static const char *from(const char *p, int64_t at) { return p ? p + at : NULL; }
static char *into(char *p, int64_t at) { return p ? p + at : NULL; }

static void task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_elementwise_table *k = j->kernels;
    int64_t first = t * TASK, n = dnnk_min(TASK, j->n - first), at = first * j->size;
    const char *a = from(j->a, at), *b = from(j->b, at), *dy = from(j->dy, at);
    char *y = into(j->y, at), *db = into(j->db, at);
    switch (j->what) {
    case FORWARD: k->forward(j->kind, n, a, b, y); break;
    case BACKWARD: k->backward(j->kind, n, a, b, dy, y, db); break;
    case SCALE: k->scale(n, j->alpha, a, y); break;
    case AXPY: k->axpy(n, j->alpha, a, y); break;
    case ACCUMULATE: k->accumulate(n, a, y); break;
    case FILL: k->fill(n, j->alpha, y); break;
    }
}

static void run(const dnnk_env *env, dnnk_type type, job j) {
    j.kernels = dnnk_elementwise_kernels(env->isa, type);
    j.size = dnnk_size(type);
    dnnk_parallel(env, dnnk_ceil_div(j.n, TASK), task, &j);
}

void dnnk_binary_forward(const dnnk_env *env, dnnk_type type, dnnk_binary_kind kind, int64_t n, const void *a,
                         const void *b, void *y) {
    run(env, type, (job){.what = FORWARD, .kind = kind, .n = n, .a = a, .b = b, .y = y});
}

void dnnk_binary_backward(const dnnk_env *env, dnnk_type type, dnnk_binary_kind kind, int64_t n, const void *a,
                          const void *b, const void *dy, void *da, void *db) {
    run(env, type, (job){.what = BACKWARD, .kind = kind, .n = n, .a = a, .b = b, .dy = dy, .y = da, .db = db});
}

void dnnk_scale(const dnnk_env *env, dnnk_type type, int64_t n, double alpha, const void *x, void *y) {
    run(env, type, (job){.what = SCALE, .alpha = alpha, .n = n, .a = x, .y = y});
}

void dnnk_axpy(const dnnk_env *env, dnnk_type type, int64_t n, double alpha, const void *x, void *y) {
    run(env, type, (job){.what = AXPY, .alpha = alpha, .n = n, .a = x, .y = y});
}

void dnnk_accumulate(const dnnk_env *env, dnnk_type type, int64_t n, const void *x, void *y) {
    run(env, type, (job){.what = ACCUMULATE, .n = n, .a = x, .y = y});
}

void dnnk_fill(const dnnk_env *env, dnnk_type type, int64_t n, double value, void *y) {
    run(env, type, (job){.what = FILL, .alpha = value, .n = n, .y = y});
}

typedef struct {
    const dnnk_elementwise_table *kernels;
    int64_t size, rows, cols, step; /* step: rows of one task */
    const char *x, *row;
    char *y;
} row_job;

static void row_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const row_job *j = arg;
    int64_t first = t * j->step, at = first * j->cols * j->size;
    j->kernels->add_row(dnnk_min(j->step, j->rows - first), j->cols, j->x + at, j->row, j->y + at);
}

void dnnk_add_row(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, const void *row,
                  void *y) {
    int64_t step = dnnk_max(1, TASK / dnnk_max(cols, 1));
    row_job j = {dnnk_elementwise_kernels(env->isa, type), dnnk_size(type), rows, cols, step, x, row, y};
    dnnk_parallel(env, dnnk_ceil_div(rows, step), row_task, &j);
}
