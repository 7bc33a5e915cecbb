#include "conv/depthwise.h"

#include <string.h>

/* Weight gradients are summed for so many output rows at a time, and these sums in order. */
enum { MOST_BLOCKS = 32, MIN_ROWS = 8 };

typedef struct {
    const dnnk_conv *c;
    const dnnk_depthwise_table *table;
    const dnnk_epilogue *epilogue;
    const void *in, *dy;
    void *out;
    char *taps;
    int64_t taps_bytes, rows, rows_each;
    bool accumulate;
} job;

static int64_t taps_bytes(const dnnk_conv *c) {
    return dnnk_round_up(c->kernel_h * c->kernel_w * c->out_channels * dnnk_size(c->type), 64);
}

static int64_t rows_each(int64_t rows) { return dnnk_max(MIN_ROWS, dnnk_ceil_div(rows, MOST_BLOCKS)); }

int64_t dnnk_depthwise_workspace(const dnnk_env *env, const dnnk_conv *c) {
    (void)env;
    int64_t rows = c->batch * dnnk_conv_out_height(c);
    return taps_bytes(c) * dnnk_max(1, dnnk_ceil_div(rows, rows_each(rows))) + 64;
}

static job make_job(const dnnk_env *env, const dnnk_conv *c, void *work) {
    return (job){.c = c, .table = dnnk_depthwise_kernels(env->isa, c->type), .taps_bytes = taps_bytes(c),
                 .taps = (char *)work + (64 - (uintptr_t)work % 64) % 64};
}

static void forward_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t rows = dnnk_conv_out_height(j->c);
    j->table->forward_row(j->c, task / rows, task % rows, j->in, j->taps, j->epilogue, j->out);
}

void dnnk_depthwise_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                            const dnnk_epilogue *epilogue, void *y, void *work) {
    static const dnnk_epilogue nothing;
    job j = make_job(env, c, work);
    j.in = x, j.out = y, j.epilogue = epilogue ? epilogue : &nothing;
    j.table->turn(c, w, j.taps);
    dnnk_parallel(env, c->batch * dnnk_conv_out_height(c), forward_task, &j);
}

static void data_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    j->table->data_row(j->c, task / j->c->height, task % j->c->height, j->in, j->taps, j->out, j->accumulate);
}

void dnnk_depthwise_backward_data(const dnnk_env *env, const dnnk_conv *c, const void *dy, const void *w, void *dx,
                                  bool accumulate, void *work) {
    job j = make_job(env, c, work);
    j.in = dy, j.out = dx, j.accumulate = accumulate;
    j.table->turn(c, w, j.taps);
    dnnk_parallel(env, c->batch * c->height, data_task, &j);
}

static void weights_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    char *sum = j->taps + task * j->taps_bytes;
    int64_t end = dnnk_min(j->rows, (task + 1) * j->rows_each), out_rows = dnnk_conv_out_height(j->c);
    memset(sum, 0, (size_t)j->taps_bytes);
    for (int64_t row = task * j->rows_each; row < end; row++)
        j->table->weights_row(j->c, row / out_rows, row % out_rows, j->in, j->dy, sum);
}

void dnnk_depthwise_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                     void *work) {
    job j = make_job(env, c, work);
    j.in = x, j.dy = dy, j.rows = c->batch * dnnk_conv_out_height(c), j.rows_each = rows_each(j.rows);
    int64_t blocks = dnnk_ceil_div(j.rows, j.rows_each);
    dnnk_parallel(env, blocks, weights_task, &j);
    for (int64_t b = 0; b < blocks; b++) j.table->add_turned(c, j.taps + b * j.taps_bytes, dw);
}
