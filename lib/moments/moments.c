#include "moments/moments.h"

#include <math.h>

#define COLUMNS DNNK_MOMENTS_COLUMNS
#define WIDE_BYTES 192
#define ROWS 16384 /* at once: a byte's sums fit 32 bits */

void dnnk_moments_clear(const dnnk_moments *m, int64_t columns) {
    for (int64_t c = 0; c < columns; c++) {
        m->n[c] = m->mean[c] = m->m2[c] = 0;
        m->min[c] = INFINITY;
        m->max[c] = -INFINITY;
    }
}

/* Welford 1962. */
void dnnk_moments_add(const dnnk_moments *m, int64_t c, double x) {
    double gap = x - m->mean[c];
    m->n[c] += 1;
    m->mean[c] += gap / m->n[c];
    m->m2[c] += gap * (x - m->mean[c]);
    m->min[c] = x < m->min[c] ? x : m->min[c];
    m->max[c] = x > m->max[c] ? x : m->max[c];
}

static void combine(const dnnk_moments *m, int64_t c, const dnnk_moments *next, int64_t k) {
    double n = m->n[c] + next->n[k], share = n > 0 ? next->n[k] / n : 0, gap = next->mean[k] - m->mean[c];
    m->m2[c] += next->m2[k] + gap * gap * m->n[c] * share;
    m->mean[c] += gap * share;
    m->n[c] = n;
    m->min[c] = next->min[k] < m->min[c] ? next->min[k] : m->min[c];
    m->max[c] = next->max[k] > m->max[c] ? next->max[k] : m->max[c];
}

void dnnk_moments_combine(const dnnk_moments *m, const dnnk_moments *next, int64_t first, int64_t last) {
    for (int64_t c = first; c < last; c++) combine(m, c, next, c);
}

static void run(dnnk_isa isa, dnnk_moments_type type, int64_t rows, int64_t columns, int64_t stride, const void *x,
                const dnnk_moments *m) {
    if (type == DNNK_MOMENTS_U8) dnnk_moments_kernels(isa, DNNK_F32)->bytes(rows, columns, stride, x, m);
    else dnnk_moments_kernels(isa, type == DNNK_MOMENTS_F64 ? DNNK_F64 : DNNK_F32)->real(rows, columns, stride, x, m);
}

static int64_t size_of(dnnk_moments_type type) {
    return type == DNNK_MOMENTS_U8 ? 1 : type == DNNK_MOMENTS_F32 ? 4 : 8;
}

/* Columns [first, first + width) of x, whose rows are `stride` apart: width <= COLUMNS. The kernels' columns are
 * folded: column k of theirs is column first + k mod `period` of m. */
static void add_rows(dnnk_isa isa, dnnk_moments_type type, int64_t rows, int64_t width, int64_t stride, const char *x,
                     const dnnk_moments *m, int64_t first, int64_t period) {
    double memory[5][COLUMNS];
    dnnk_moments part = {memory[0], memory[1], memory[2], memory[3], memory[4]};
    for (int64_t r = 0; r < rows; r += ROWS) {
        run(isa, type, dnnk_min(ROWS, rows - r), width, stride, x + r * stride * size_of(type), &part);
        for (int64_t k = 0; k < width; k++) combine(m, first + k % period, &part, k);
    }
}

/* How many rows are taken for one: so that a wide row is a multiple of 64 bytes, without a rest for vector code to
 * leave, but not much longer: four of them are read at once, and the processor foresees one stream better than four. */
static int64_t fold_of(int64_t columns, int64_t size) {
    int64_t most = COLUMNS / dnnk_max(columns, 1), step = 1;
    while (step < most && step * columns * size % 64 != 0) step++;
    int64_t fold = dnnk_ceil_div(WIDE_BYTES, dnnk_max(step * columns * size, 1)) * step;
    return dnnk_max(dnnk_min(fold, most), 1);
}

void dnnk_moments_of(dnnk_isa isa, dnnk_moments_type type, int64_t rows, int64_t columns, const void *x,
                     const dnnk_moments *m) {
    int64_t fold = fold_of(columns, size_of(type)), whole = rows / fold, rest = rows - whole * fold;
    const char *from = x;
    dnnk_moments_clear(m, columns);
    for (int64_t c = 0; c < columns; c += COLUMNS) { /* with fold > 1 there is but one turn */
        int64_t width = fold > 1 ? fold * columns : dnnk_min(COLUMNS, columns - c);
        add_rows(isa, type, whole, width, fold * columns, from + c * size_of(type), m, c, dnnk_min(width, columns));
    }
    from += whole * fold * columns * size_of(type);
    if (rest > 0) add_rows(isa, type, rest, columns, columns, from, m, 0, columns);
}
