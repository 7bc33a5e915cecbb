#include "softmax/softmax.h"

#define TASK 8192 /* elements, in whole rows */

typedef struct {
    void (*forward)(int64_t rows, int64_t cols, const void *x, void *y);
    void (*backward)(int64_t rows, int64_t cols, const void *y, const void *dy, void *dx); /* one of the two */
    int64_t size, rows, cols, step;                                                        /* step: rows of a task */
    const char *in, *dy;
    char *out;
} job;

static void task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->rows - first), at = first * j->cols * j->size;
    if (j->backward)
        j->backward(rows, j->cols, j->in + at, j->dy + at, j->out + at);
    else
        j->forward(rows, j->cols, j->in + at, j->out + at);
}

static void run(const dnnk_env *env, job j) {
    if (j.cols == 0) return;
    j.step = dnnk_max(1, TASK / j.cols);
    dnnk_parallel(env, dnnk_ceil_div(j.rows, j.step), task, &j);
}

void dnnk_softmax_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, void *y) {
    run(env, (job){.forward = dnnk_softmax_kernels(env->isa, type)->forward,
                   .size = dnnk_size(type), .rows = rows, .cols = cols, .in = x, .out = y});
}

void dnnk_log_softmax_forward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, void *y) {
    run(env, (job){.forward = dnnk_softmax_kernels(env->isa, type)->log_forward,
                   .size = dnnk_size(type), .rows = rows, .cols = cols, .in = x, .out = y});
}

void dnnk_softmax_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *y,
                           const void *dy, void *dx) {
    run(env, (job){.backward = dnnk_softmax_kernels(env->isa, type)->backward,
                   .size = dnnk_size(type), .rows = rows, .cols = cols, .in = y, .dy = dy, .out = dx});
}

void dnnk_log_softmax_backward(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *y,
                               const void *dy, void *dx) {
    run(env, (job){.backward = dnnk_softmax_kernels(env->isa, type)->log_backward,
                   .size = dnnk_size(type), .rows = rows, .cols = cols, .in = y, .dy = dy, .out = dx});
}
