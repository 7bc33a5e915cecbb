#include "base/vector.h"

#include "gemm/kernels.h"

#if defined(__AVX512F__)
enum { MR = 12, VECTORS = 2 };
#elif defined(__AVX2__)
enum { MR = 6, VECTORS = 2 };
#else
enum { MR = 4, VECTORS = 2 };
#endif
enum { NR = VECTORS * VECTOR_BYTES / (int)sizeof(real), SKINNY_BLOCK = 1024 };

/* The micro-kernel: an outer product for each p, all of the tile in registers. Panels of A are `width` wide, of which
 * the first `rows` (a constant) are multiplied. */
static inline __attribute__((always_inline)) void multiply_rows(int rows, int64_t width, int64_t k, const real *a,
                                                                const vec *b, real *tile, int64_t ldc,
                                                                bool accumulate) {
    vec sum[MR][VECTORS] = {0};
    for (int64_t p = 0; p < k; p++, a += width, b += VECTORS) {
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < VECTORS; v++) sum[i][v] += a[i] * b[v];
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
        vec_unaligned *c = (vec_unaligned *)(tile + i * ldc);
        for (int v = 0; v < VECTORS; v++) {
            if (accumulate) sum[i][v] += c[v];
            c[v] = sum[i][v];
        }
    }
}

static void multiply(int64_t k, const void *a, const void *b, void *tile, int64_t ldc, bool accumulate) {
    multiply_rows(MR, MR, k, a, b, tile, ldc, accumulate);
}
static void multiply_third(int64_t width, int64_t k, const void *a, const void *b, void *tile, int64_t ldc,
                           bool accumulate) {
    multiply_rows(MR / 3, width, k, a, b, tile, ldc, accumulate);
}
static void multiply_two_thirds(int64_t width, int64_t k, const void *a, const void *b, void *tile, int64_t ldc,
                                bool accumulate) {
    multiply_rows(MR / 3 * 2, width, k, a, b, tile, ldc, accumulate);
}

static void pack_rows(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel) {
    real *out = panel;
    for (int64_t i = 0; i < width; i++) {
        const real *row = rows[i < count ? i : 0];
        for (int64_t p = 0; p < kn; p++) out[p * width + i] = row[p];
    }
}

/* With `length` known to the compiler, a row is a few moves. */
static inline void copy_fixed(int64_t rows, int64_t length, const real *from, int64_t from_stride, real *to,
                              int64_t to_stride) {
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * to_stride, from + i * from_stride, (size_t)length * sizeof(real));
}

/* part <= length <= 2·part: two moves that overlap. */
static inline void copy_overlapping(int64_t rows, int64_t part, int64_t length, const real *from, int64_t from_stride,
                                    real *to, int64_t to_stride) {
    for (int64_t i = 0; i < rows; i++) {
        memcpy(to + i * to_stride, from + i * from_stride, (size_t)part * sizeof(real));
        memcpy(to + i * to_stride + length - part, from + i * from_stride + length - part, (size_t)part * sizeof(real));
    }
}

static void copy_short(int64_t rows, int64_t length, const real *from, int64_t from_stride, real *to,
                       int64_t to_stride) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < length; j++) to[i * to_stride + j] = from[i * from_stride + j];
}

#define COPY_KNOWN(n) \
    if (length == n) copy_fixed(rows, n, from, from_stride, to, to_stride)

/* Panels' widths are known lengths. Others are few and short (the rest of a panel, the taps of a first layer). */
static void copy_rows(int64_t rows, int64_t length, const void *from, int64_t from_stride, void *to,
                      int64_t to_stride) {
    COPY_KNOWN(6);
    else COPY_KNOWN(8);
    else COPY_KNOWN(12);
    else COPY_KNOWN(14);
    else COPY_KNOWN(16);
    else COPY_KNOWN(32);
    else if (length > 32) copy_fixed(rows, length, from, from_stride, to, to_stride);
    else if (length > 16) copy_overlapping(rows, 16, length, from, from_stride, to, to_stride);
    else if (length > 8) copy_overlapping(rows, 8, length, from, from_stride, to, to_stride);
    else if (length > 4) copy_overlapping(rows, 4, length, from, from_stride, to, to_stride);
    else copy_short(rows, length, from, from_stride, to, to_stride);
}

static inline void panels_fixed(int64_t panels, int64_t kn, int64_t width, const real *in, int64_t k_stride,
                                real *out) {
    for (int64_t p = 0; p < kn; p++)
        for (int64_t g = 0; g < panels; g++)
            memcpy(out + (g * kn + p) * width, in + p * k_stride + g * width, (size_t)width * sizeof(real));
}

static void pack_panels(const void *x, int64_t k_stride, int64_t panels, int64_t kn, int64_t width, void *out) {
    if (width == MR) panels_fixed(panels, kn, MR, x, k_stride, out);
    else if (width == NR) panels_fixed(panels, kn, NR, x, k_stride, out);
    else panels_fixed(panels, kn, width, x, k_stride, out);
}

static void pack_strided(const void *x, int64_t stride, int64_t k_stride, int64_t count, int64_t kn, int64_t width,
                         void *panel) {
    const real *in = x;
    real *out = panel;
    if (stride == 1 && count == width) {
        copy_rows(kn, width, in, k_stride, out, width);
        return;
    }
    for (int64_t p = 0; p < kn; p++) {
        for (int64_t i = 0; i < count; i++) out[p * width + i] = in[p * k_stride + i * stride];
        for (int64_t i = count; i < width; i++) out[p * width + i] = 0;
    }
}

/* Any strides. Columns are the outer loop, for C by columns (rows 1 apart) is what brings us here. */
static void merge_column(const dnnk_tile *t, int64_t j) {
    const real *v = (const real *)t->values + j, *scale = t->scale, *bias = t->bias, *residual = t->residual;
    real *c = t->c;
    for (int64_t i = 0; i < t->m; i++) {
        int64_t at = t->row[i] + j * t->col;
        real x = v[i * t->ld];
        if (t->accumulate) x += c[at];
        if (scale) x *= scale[t->by_row ? i : j];
        if (bias) x += bias[t->by_row ? i : j];
        if (residual) x += residual[at];
        if (t->relu && x < 0) x = 0;
        c[at] = x;
    }
}

/* The common case, columns side by side. */
static void merge_contiguous_row(const dnnk_tile *t, int64_t i) {
    const real *v = (const real *)t->values + i * t->ld, *scale = t->scale, *bias = t->bias;
    const real *residual = t->residual ? (const real *)t->residual + t->row[i] : NULL;
    real *c = (real *)t->c + t->row[i];
    for (int64_t j = 0; j < t->n; j += LANES) {
        int64_t n = t->n - j;
        vec x = load(v + j, n);
        if (t->accumulate) x += load(c + j, n);
        if (scale) x *= load(scale + j, n);
        if (bias) x += load(bias + j, n);
        if (residual) x += load(residual + j, n);
        if (t->relu) x = relu_of(x);
        store(c + j, x, n);
    }
}

static void merge(const dnnk_tile *t) {
    if (t->col == 1 && !t->by_row)
        for (int64_t i = 0; i < t->m; i++) merge_contiguous_row(t, i);
    else
        for (int64_t j = 0; j < t->n; j++) merge_column(t, j);
}

static void add(int64_t n, void *y, const void *x) {
    real *restrict out = y;
    const real *restrict in = x;
    for (int64_t i = 0; i < n; i++) out[i] += in[i];
}

static real sum_of(vec v) {
    real sum[LANES];
    memcpy(sum, &v, sizeof v);
    for (int64_t half = LANES / 2; half > 0; half /= 2)
        for (int64_t s = 0; s < half; s++) sum[s] += sum[s + half];
    return sum[0];
}

/* One row of A against four columns of B at once: what is read from memory, B, is read once and in four streams. */
static void dot4(int64_t k, const real *a, const real *const b[4], real out[4]) {
    vec sum[4][2] = {{{0}}};
    int64_t p = 0;
    for (; p + 2 * LANES <= k; p += 2 * LANES) {
        const vec_unaligned *x = (const vec_unaligned *)(a + p);
        for (int j = 0; j < 4; j++) {
            const vec_unaligned *y = (const vec_unaligned *)(b[j] + p);
            sum[j][0] += x[0] * y[0];
            sum[j][1] += x[1] * y[1];
        }
    }
    for (int j = 0; j < 4; j++) {
        out[j] = sum_of(sum[j][0] + sum[j][1]);
        for (int64_t q = p; q < k; q++) out[j] += a[q] * b[j][q];
    }
}

static void dots(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, int64_t stride,
                 void *out) {
    const real *x = a, *columns = b;
    real *y = out;
    for (int64_t j = 0; j < n; j += 4) {
        const real *column[4];
        for (int64_t q = 0; q < 4; q++) column[q] = columns + dnnk_min(j + q, n - 1) * stride;
        for (int64_t i = 0; i < m; i++) {
            real dot[4];
            dot4(k, x + i * lda, column, dot);
            for (int64_t q = 0; q < dnnk_min(4, n - j); q++) y[i * n + j + q] = dot[q];
        }
    }
}

/* y += a[0]·b_0 + … + a[3]·b_3: four rows of B in one sweep over y. */
static void axpy4(int64_t n, const real *a, const real *b, int64_t stride, real *restrict y) {
    const real *b0 = b, *b1 = b + stride, *b2 = b + 2 * stride, *b3 = b + 3 * stride;
    real a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
    for (int64_t j = 0; j < n; j++) y[j] += a0 * b0[j] + a1 * b1[j] + (a2 * b2[j] + a3 * b3[j]);
}

static void axpys(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, int64_t stride,
                  void *out) {
    const real *x = a, *rows = b;
    for (int64_t j = 0; j < n; j += SKINNY_BLOCK) {
        int64_t width = dnnk_min(SKINNY_BLOCK, n - j), p = 0;
        real *y = (real *)out + j;
        for (int64_t i = 0; i < m; i++) memset(y + i * n, 0, (size_t)width * sizeof(real));
        for (; p + 4 <= k; p += 4)
            for (int64_t i = 0; i < m; i++) axpy4(width, x + i * lda + p, rows + p * stride + j, stride, y + i * n);
        for (; p < k; p++)
            for (int64_t i = 0; i < m; i++)
                for (int64_t q = 0; q < width; q++) y[i * n + q] += x[i * lda + p] * rows[p * stride + j + q];
    }
}

static void column_sums(int64_t m, int64_t n, const void *x, int64_t stride, void *sums) {
    const real *in = x;
    real *restrict out = sums;
    for (int64_t j = 0; j < n; j++) out[j] = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) out[j] += in[i * stride + j];
}

const dnnk_gemm_table DNNK_TABLE(gemm) = {
    .plain = {.name = "plain", .run = multiply, .mr = MR, .nr = NR, .kc = 256, .nc = 256},
    .low = {{MR / 3, multiply_third}, {MR / 3 * 2, multiply_two_thirds}},
    .pack_rows = pack_rows, .pack_panels = pack_panels, .pack_strided = pack_strided, .copy_rows = copy_rows,
    .merge = merge, .add = add,
    .dots = dots, .axpys = axpys, .column_sums = column_sums,
};
