#include "reduce/reduce.h"

#include <math.h>
#include <string.h>

#define TASK 16384    /* elements */
#define PARTIALS 256  /* of a reduction to a few numbers: they live on the stack */

/* ---- sums over the middle axis ----
 *
 * inner = 1: rows of n, a group of rows for each task.
 * inner > 1: the [n, inner] below each outer index is cut into blocks of rows; task (o, b) leaves the sums of block b
 * in work[o][b][inner], and a second round adds the blocks up, in order. */

static int64_t rows_per_block(int64_t inner) { return dnnk_max(64, TASK / dnnk_max(inner, 1)); }

int64_t dnnk_sum_middle_workspace(int64_t outer, int64_t n, int64_t inner) {
    if (inner == 1) return 0;
    return outer * dnnk_max(1, dnnk_ceil_div(n, rows_per_block(inner))) * inner * 8;
}

typedef struct {
    const dnnk_reduce_table *kernels;
    int64_t size, outer, n, inner, blocks, step; /* step: outer indices of a task of rows or of the second round */
    double alpha;
    bool accumulate;
    const char *x;
    char *y;
    double *partial;
} sum_job;

static void rows_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const sum_job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->outer - first);
    const char *x = j->x + first * j->n * j->size;
    j->kernels->sum_rows(rows, j->n, j->alpha, j->accumulate, x, j->y + first * j->size);
}

static void block_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const sum_job *j = arg;
    int64_t step = rows_per_block(j->inner), o = t / j->blocks, first = t % j->blocks * step;
    const char *x = j->x + (o * j->n + first) * j->inner * j->size;
    j->kernels->sum_columns(dnnk_min(step, j->n - first), j->inner, x, j->partial + t * j->inner);
}

static void combine_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const sum_job *j = arg;
    for (int64_t o = t * j->step; o < dnnk_min(j->outer, (t + 1) * j->step); o++) {
        double *sum = j->partial + o * j->blocks * j->inner;
        for (int64_t b = 1; b < j->blocks; b++)
            for (int64_t i = 0; i < j->inner; i++) sum[i] += sum[b * j->inner + i];
        j->kernels->store(j->inner, j->alpha, j->accumulate, sum, j->y + o * j->inner * j->size);
    }
}

void dnnk_sum_middle(const dnnk_env *env, dnnk_type type, int64_t outer, int64_t n, int64_t inner, double alpha,
                     bool accumulate, const void *x, void *y, void *work) {
    if (outer == 0 || inner == 0) return;
    sum_job j = {.kernels = dnnk_reduce_kernels(env->isa, type), .size = dnnk_size(type), .outer = outer, .n = n,
                 .inner = inner, .alpha = alpha, .accumulate = accumulate, .x = x, .y = y, .partial = work};
    if (inner == 1) {
        j.step = dnnk_max(1, TASK / dnnk_max(n, 1));
        dnnk_parallel(env, dnnk_ceil_div(outer, j.step), rows_task, &j);
        return;
    }
    j.blocks = dnnk_max(1, dnnk_ceil_div(n, rows_per_block(inner)));
    j.step = dnnk_max(1, TASK / (j.blocks * inner));
    dnnk_parallel(env, outer * j.blocks, block_task, &j);
    dnnk_parallel(env, dnnk_ceil_div(outer, j.step), combine_task, &j);
}

typedef struct {
    const dnnk_reduce_table *kernels;
    int64_t size, outer, n, inner, step; /* step: outer indices of a task */
    double alpha;
    const char *dy;
    char *dx;
} broadcast_job;

static void broadcast_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const broadcast_job *j = arg;
    int64_t first = t * j->step, from = first * j->inner * j->size;
    j->kernels->broadcast(dnnk_min(j->step, j->outer - first), j->n, j->inner, j->alpha, j->dy + from,
                          j->dx + from * j->n);
}

void dnnk_sum_middle_backward(const dnnk_env *env, dnnk_type type, int64_t outer, int64_t n, int64_t inner,
                              double alpha, const void *dy, void *dx) {
    if (n == 0 || inner == 0) return;
    int64_t step = dnnk_max(1, TASK / (n * inner));
    broadcast_job j = {dnnk_reduce_kernels(env->isa, type), dnnk_size(type), outer, n, inner, step, alpha, dy, dx};
    dnnk_parallel(env, dnnk_ceil_div(outer, step), broadcast_task, &j);
}

/* ---- reductions of an array to a few numbers: PARTIALS tasks at the most ---- */

typedef struct {
    const dnnk_reduce_table *kernels;
    int64_t size, n, step;
    const char *x;
    double *squares; /* [tasks]: one of the two */
    dnnk_summary *summary;
} array_job;

static int64_t elements_per_task(int64_t n) { return dnnk_max(TASK, dnnk_ceil_div(n, PARTIALS)); }

static void squares_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    array_job *j = arg;
    int64_t first = t * j->step;
    j->squares[t] = j->kernels->sum_squares(dnnk_min(j->step, j->n - first), j->x + first * j->size);
}

static array_job array_job_of(const dnnk_env *env, dnnk_type type, int64_t n, const void *x) {
    return (array_job){.kernels = dnnk_reduce_kernels(env->isa, type),
                       .size = dnnk_size(type), .n = n, .step = elements_per_task(n), .x = x};
}

double dnnk_sum_squares(const dnnk_env *env, dnnk_type type, int64_t n, const void *x) {
    double squares[PARTIALS], sum = 0;
    array_job j = array_job_of(env, type, n, x);
    int64_t tasks = dnnk_ceil_div(n, j.step);
    j.squares = squares;
    dnnk_parallel(env, tasks, squares_task, &j);
    for (int64_t t = 0; t < tasks; t++) sum += squares[t];
    return sum;
}

static void summary_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    array_job *j = arg;
    int64_t first = t * j->step;
    dnnk_summary s = j->kernels->summarise(dnnk_min(j->step, j->n - first), j->x + first * j->size);
    if (s.first_bad >= 0) s.first_bad += first;
    j->summary[t] = s;
}

static void add_summary(dnnk_summary *to, const dnnk_summary *s) {
    to->min = fmin(to->min, s->min);
    to->max = fmax(to->max, s->max);
    to->mean += s->mean;
    to->sum_squares += s->sum_squares;
    to->finite += s->finite;
    to->nans += s->nans;
    to->infinities += s->infinities;
    if (to->first_bad < 0) to->first_bad = s->first_bad;
}

dnnk_summary dnnk_summarise(const dnnk_env *env, dnnk_type type, int64_t n, const void *x) {
    dnnk_summary parts[PARTIALS], all = {.min = INFINITY, .max = -INFINITY, .first_bad = -1};
    array_job j = array_job_of(env, type, n, x);
    int64_t tasks = dnnk_ceil_div(n, j.step);
    j.summary = parts;
    dnnk_parallel(env, tasks, summary_task, &j);
    for (int64_t t = 0; t < tasks; t++) add_summary(&all, &parts[t]);
    all.mean = all.finite > 0 ? all.mean / (double)all.finite : NAN;
    return all;
}

/* ---- rows ---- */

typedef struct {
    const dnnk_reduce_table *kernels;
    int64_t size, rows, cols, step;
    const char *x;
    int64_t *index;
} argmax_job;

static void argmax_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const argmax_job *j = arg;
    int64_t first = t * j->step, rows = dnnk_min(j->step, j->rows - first);
    j->kernels->argmax_rows(rows, j->cols, j->x + first * j->cols * j->size, j->index + first);
}

void dnnk_argmax_rows(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, const void *x, int64_t *index) {
    int64_t step = dnnk_max(1, TASK / cols);
    argmax_job j = {dnnk_reduce_kernels(env->isa, type), dnnk_size(type), rows, cols, step, x, index};
    dnnk_parallel(env, dnnk_ceil_div(rows, step), argmax_task, &j);
}

/* ---- checksum ---- */

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit of z reaches every bit of the result. */
static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A step that can be undone, so that no single changed word is lost. */
static uint64_t absorb(uint64_t h, uint64_t word) {
    uint64_t v = h + word;
    return ((v << 29) | (v >> 35)) * 0x9e3779b97f4a7c15u;
}

/* Four running hashes take 8 bytes each by turns: they do not wait for each other. */
uint64_t dnnk_checksum(const void *bytes, int64_t size) {
    const unsigned char *p = bytes;
    uint64_t h[4] = {0x243f6a8885a308d3u, 0x13198a2e03707344u, 0xa4093822299f31d0u, (uint64_t)size}; /* pi */
    uint64_t word[4] = {0};
    int64_t left = size;
    for (; left >= 32; p += 32, left -= 32) {
        memcpy(word, p, 32);
        for (int i = 0; i < 4; i++) h[i] = absorb(h[i], word[i]);
    }
    if (left > 0) {
        memset(word, 0, 32);
        memcpy(word, p, (size_t)left);
        for (int i = 0; i < 4; i++) h[i] = absorb(h[i], word[i]);
    }
    return mix(h[0] + mix(h[1] + mix(h[2] + mix(h[3]))));
}
