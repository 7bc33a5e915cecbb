#include "pool/pool.h"

#include "pool/pool_axis.h"

#define TASK_ELEMENTS 65536 /* read and written by a task: several rows, whose windows overlap, and about 20 us */

int64_t dnnk_pool_out(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t dilation) {
    int64_t room = in + before + after - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : room / stride + 1;
}

dnnk_pool_axis dnnk_pool_window(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after,
                                int64_t dilation) {
    int64_t out = dnnk_pool_out(in, kernel, stride, before, after, dilation);
    return (dnnk_pool_axis){.in = in, .out = out, .kernel = kernel, .stride = stride, .before = before,
                            .after = after, .dilation = dilation};
}

dnnk_pool_axis dnnk_pool_adaptive(int64_t in, int64_t out) {
    return (dnnk_pool_axis){.in = in, .out = out, .stride = 1, .dilation = 1};
}

typedef struct {
    const dnnk_pool_table *kernels;
    const dnnk_pool *pool;
    const void *in;
    const void *winner_in;
    void *out, *winner_out;
    int64_t units, per_task;
} job;

static void run(const dnnk_env *env, job *j, int64_t rows, dnnk_task *task) {
    const dnnk_pool *p = j->pool;
    j->units = p->n * rows * dnnk_pool_blocks(p);
    if (j->units == 0) return;
    int64_t elements = p->n * p->c * (p->h.in * p->w.in + p->h.out * p->w.out);
    j->per_task = dnnk_max(1, TASK_ELEMENTS / dnnk_max(1, elements / j->units));
    dnnk_parallel(env, dnnk_ceil_div(j->units, j->per_task), task, j);
}

static int64_t end_of(const job *j, int64_t task) { return dnnk_min(j->units, (task + 1) * j->per_task); }

static void max_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    j->kernels->max(j->pool, j->in, j->out, j->winner_out, task * j->per_task, end_of(j, task));
}

static void max_backward_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    j->kernels->max_backward(j->pool, j->in, j->winner_in, j->out, task * j->per_task, end_of(j, task));
}

static void avg_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    j->kernels->avg(j->pool, j->in, j->out, task * j->per_task, end_of(j, task));
}

static void avg_backward_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    j->kernels->avg_backward(j->pool, j->in, j->out, task * j->per_task, end_of(j, task));
}

int64_t dnnk_max_pool_winner_bytes(const dnnk_pool *pool) { return pool->h.kernel * pool->w.kernel < 256 ? 1 : 4; }

void dnnk_max_pool(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *x, void *y, void *winner) {
    job j = {.kernels = dnnk_pool_kernels(env->isa, type), .pool = pool, .in = x, .out = y, .winner_out = winner};
    run(env, &j, pool->h.out, max_task);
}

void dnnk_max_pool_backward(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *dy,
                            const void *winner, void *dx) {
    job j = {.kernels = dnnk_pool_kernels(env->isa, type), .pool = pool, .in = dy, .winner_in = winner, .out = dx};
    run(env, &j, pool->h.in, max_backward_task);
}

void dnnk_avg_pool(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *x, void *y) {
    job j = {.kernels = dnnk_pool_kernels(env->isa, type), .pool = pool, .in = x, .out = y};
    run(env, &j, pool->h.out, avg_task);
}

void dnnk_avg_pool_backward(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *dy, void *dx) {
    job j = {.kernels = dnnk_pool_kernels(env->isa, type), .pool = pool, .in = dy, .out = dx};
    run(env, &j, pool->h.in, avg_backward_task);
}
