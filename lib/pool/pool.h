/* Pooling over the two middle axes of (N, H, W, C): max, average, and average to a given output size.
 *
 * An axis says which inputs an output sees. A window axis (kernel >= 1) sees, at output o, the inputs
 *     i = o * stride - before + k * dilation,   k = 0 .. kernel - 1,   as far as 0 <= i < in;
 * what lies outside is padding: minus infinity for the maximum, zero for the average.
 * An adaptive axis (kernel = 0) sees all i in [floor(o * in / out), ceil((o + 1) * in / out)), PyTorch's rule.
 * Padding may be larger than the kernel. One-dimensional pooling is an H axis of one input and a kernel of one.
 *
 * x, dx: (n, h.in, w.in, c). y, dy, winner: (n, h.out, w.out, c).
 * All are contiguous and may be misaligned to anything that suits their type; none may overlap. Outputs, dx included,
 * are overwritten. Backward gathers: every dx element adds up its windows in rising order of (output row, output
 * column), so results are bitwise equal for every number of lanes.
 */
#ifndef DNNK_POOL_H
#define DNNK_POOL_H

#include "base/env.h"
#include "base/tables.h"

typedef struct dnnk_pool_axis {
    int64_t in, out;
    int64_t kernel; /* taps in a window; 0 for an adaptive axis, which does not look at the fields below */
    int64_t stride, before, after, dilation;
} dnnk_pool_axis;

typedef struct dnnk_pool {
    int64_t n, c;
    dnnk_pool_axis h, w;
    bool count_include_pad; /* average: divide by all taps of a window, not by those inside the image */
} dnnk_pool;

/* Outputs of a window axis: floor((in + before + after - dilation * (kernel - 1) - 1) / stride) + 1,
 * or 0 where the window does not fit even once. */
int64_t dnnk_pool_out(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after, int64_t dilation);

/* Both fill in all fields of an axis. A global pool is an adaptive one with out = 1. */
dnnk_pool_axis dnnk_pool_window(int64_t in, int64_t kernel, int64_t stride, int64_t before, int64_t after,
                                int64_t dilation);
dnnk_pool_axis dnnk_pool_adaptive(int64_t in, int64_t out);

/* The type of winners: uint8, 1 byte, while that tells the taps of a window, and DNNK_NO_WINNER, apart; int32, 4 bytes,
 * for windows of 256 taps and more. */
int64_t dnnk_max_pool_winner_bytes(const dnnk_pool *pool);
#define DNNK_NO_WINNER (-1) /* 255 in a byte */

/* y = the maximum of each window; winner = the tap that won, kernel index kh * w.kernel + kw. Among equals the first
 * tap wins. NaN wins over all numbers (the last NaN, as in PyTorch). A window wholly in padding gives -infinity and
 * DNNK_NO_WINNER, which receives no gradient. winner may be NULL where no backward follows. Window axes only, with
 * h.kernel * w.kernel below 2^31. */
void dnnk_max_pool(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *x, void *y, void *winner);

/* dx[i] = sum of dy over the windows whose winner is i. */
void dnnk_max_pool_backward(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *dy,
                            const void *winner, void *dx);

/* y = sum of the window / divisor. The divisor is the number of taps inside the image or, with count_include_pad, of
 * all taps (adaptive axes have no padding). A window that sees no input gives 0. Sums are taken along the window's
 * rows first, then over its rows, so the rounding error grows with height + width, not with their product. */
void dnnk_avg_pool(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *x, void *y);

/* dx[i] = sum over the windows that see i of dy / divisor: the adjoint of the above. */
void dnnk_avg_pool_backward(const dnnk_env *env, dnnk_type type, const dnnk_pool *pool, const void *dy, void *dx);

/* Serial range kernels. A unit is one row of one image in one block of DNNK_POOL_BLOCK channels, numbered
 * (image * rows + row) * blocks + block, with rows = h.out forward and h.in backward. */
#define DNNK_POOL_BLOCK 128

typedef struct dnnk_pool_table {
    void (*max)(const dnnk_pool *p, const void *x, void *y, void *winner, int64_t begin, int64_t end);
    void (*max_backward)(const dnnk_pool *p, const void *dy, const void *winner, void *dx, int64_t begin, int64_t end);
    void (*avg)(const dnnk_pool *p, const void *x, void *y, int64_t begin, int64_t end);
    void (*avg_backward)(const dnnk_pool *p, const void *dy, void *dx, int64_t begin, int64_t end);
} dnnk_pool_table;

DNNK_DECLARE_TABLES(pool)

#endif
