/* Which inputs an output sees, and which outputs see an input: the index rules of pool.h. Inside the family only. */
#ifndef DNNK_POOL_AXIS_H
#define DNNK_POOL_AXIS_H

#include "pool/pool.h"

/* The taps begin <= k < end of a window that lie inside the image, at the inputs start + k * step. */
typedef struct dnnk_pool_span {
    int64_t start, step, begin, end;
} dnnk_pool_span;

static inline dnnk_pool_span dnnk_pool_seen(const dnnk_pool_axis *a, int64_t o) {
    if (a->kernel == 0) {
        int64_t start = o * a->in / a->out;
        return (dnnk_pool_span){start, 1, 0, dnnk_ceil_div((o + 1) * a->in, a->out) - start};
    }
    int64_t start = o * a->stride - a->before;
    int64_t begin = start < 0 ? dnnk_ceil_div(-start, a->dilation) : 0;
    int64_t end = start < a->in ? dnnk_min(a->kernel, dnnk_ceil_div(a->in - start, a->dilation)) : 0;
    return (dnnk_pool_span){start, a->dilation, begin, dnnk_max(begin, end)};
}

/* The outputs begin <= o < end among which are all that see input i. With a dilation above 1, ask dnnk_pool_tap too.
 * Adaptive: floor(o in / out) <= i < ceil((o + 1) in / out) solved for o. */
static inline void dnnk_pool_seers(const dnnk_pool_axis *a, int64_t i, int64_t *begin, int64_t *end) {
    if (a->kernel == 0) {
        *begin = i * a->out / a->in;
        *end = dnnk_ceil_div((i + 1) * a->out, a->in);
        return;
    }
    int64_t first = i + a->before - (a->kernel - 1) * a->dilation;
    *begin = first > 0 ? dnnk_ceil_div(first, a->stride) : 0;
    *end = dnnk_min(a->out, (i + a->before) / a->stride + 1);
}

/* The tap with which output o (from dnnk_pool_seers) sees input i, or -1 if it does not. */
static inline int64_t dnnk_pool_tap(const dnnk_pool_axis *a, int64_t i, int64_t o) {
    if (a->kernel == 0) return i - o * a->in / a->out;
    int64_t distance = i + a->before - o * a->stride;
    return distance % a->dilation == 0 ? distance / a->dilation : -1;
}

/* What the sum of a window is divided by along this axis. */
static inline int64_t dnnk_pool_divisor(const dnnk_pool_axis *a, dnnk_pool_span seen, bool count_include_pad) {
    return count_include_pad && a->kernel > 0 ? a->kernel : seen.end - seen.begin;
}

static inline int64_t dnnk_pool_blocks(const dnnk_pool *p) { return dnnk_ceil_div(p->c, DNNK_POOL_BLOCK); }

#endif
