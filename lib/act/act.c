#include "act/act.h"

/* Elements of one task: 64 KiB of float, enough to make the dispatch of a task cheap, few enough to share out. */
#define TASK 16384

typedef struct {
    const dnnk_act_table *kernels;
    int64_t size, n;
    dnnk_act_kind kind;
    double slope;
    const char *in, *dy; /* dy NULL: the forward */
    char *out;
} job;

static void task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * TASK, n = dnnk_min(TASK, j->n - first), at = first * j->size;
    if (j->dy)
        j->kernels->backward(j->kind, j->slope, n, j->in + at, j->dy + at, j->out + at);
    else
        j->kernels->forward(j->kind, j->slope, n, j->in + at, j->out + at);
}

void dnnk_act_forward(const dnnk_env *env, dnnk_type type, dnnk_act_kind kind, double slope, int64_t n, const void *x,
                      void *y) {
    job j = {dnnk_act_kernels(env->isa, type), dnnk_size(type), n, kind, slope, x, NULL, y};
    dnnk_parallel(env, dnnk_ceil_div(n, TASK), task, &j);
}

bool dnnk_act_backward_needs_output(dnnk_act_kind kind) {
    return kind == DNNK_RELU || kind == DNNK_SIGMOID || kind == DNNK_TANH;
}

void dnnk_act_backward(const dnnk_env *env, dnnk_type type, dnnk_act_kind kind, double slope, int64_t n,
                       const void *x_or_y, const void *dy, void *dx) {
    job j = {dnnk_act_kernels(env->isa, type), dnnk_size(type), n, kind, slope, x_or_y, dy, dx};
    dnnk_parallel(env, dnnk_ceil_div(n, TASK), task, &j);
}
