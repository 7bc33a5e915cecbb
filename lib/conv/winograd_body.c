#include "base/vector.h"

#include "conv/winograd.h"

enum { TAPS = 3, MOST = 6, NR = 2 * VECTOR_BYTES / (int)sizeof(real) };

/* The transforms in one dimension: y = Bᵀ x and so on. sx and sy are steps. */
typedef void transform(const vec *x, int64_t sx, vec *y, int64_t sy);

/* F(4, 3), with the points 0, ±1, ±2 and infinity. */

static inline void b_transposed_4(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec x1 = x[sx], x2 = x[2 * sx], x3 = x[3 * sx], x4 = x[4 * sx];
    vec even = x4 - R(4.0) * x2, odd = x3 - R(4.0) * x1, even2 = x4 - x2, odd2 = R(2.0) * (x3 - x1);
    y[0] = R(4.0) * x[0] - R(5.0) * x2 + x4;
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = R(4.0) * x1 - R(5.0) * x3 + x[5 * sx];
}

static inline void a_transposed_4(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec sum = x[sx] + x[2 * sx], difference = x[sx] - x[2 * sx];
    vec sum2 = x[3 * sx] + x[4 * sx], difference2 = x[3 * sx] - x[4 * sx];
    y[0] = x[0] + sum + sum2;
    y[sy] = difference + R(2.0) * difference2;
    y[2 * sy] = sum + R(4.0) * sum2;
    y[3 * sy] = difference + R(8.0) * difference2 + x[5 * sx];
}

static inline void a_plain_4(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec even = x[0] + x[2 * sx], odd = x[sx] + x[3 * sx];
    vec even2 = x[0] + R(4.0) * x[2 * sx], odd2 = R(2.0) * x[sx] + R(8.0) * x[3 * sx];
    y[0] = x[0];
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = x[3 * sx];
}

static inline void g_plain_4(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec even = (x[0] + x[2 * sx]) * R(-0.16666666666666666), odd = x[sx] * R(-0.16666666666666666);
    vec even2 = x[0] * R(0.041666666666666664) + x[2 * sx] * R(0.16666666666666666),
        odd2 = x[sx] * R(0.083333333333333333);
    y[0] = x[0] * R(0.25);
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = x[2 * sx];
}

static inline void g_transposed_4(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec sum = (x[sx] + x[2 * sx]) * R(-0.16666666666666666), difference = (x[2 * sx] - x[sx]) * R(0.16666666666666666);
    vec sum2 = x[3 * sx] + x[4 * sx], difference2 = x[3 * sx] - x[4 * sx];
    y[0] = x[0] * R(0.25) + sum + sum2 * R(0.041666666666666664);
    y[sy] = difference + difference2 * R(0.083333333333333333);
    y[2 * sy] = sum + sum2 * R(0.16666666666666666) + x[5 * sx];
}

/* F(2, 3), with the points 0, ±1 and infinity. */

static inline void b_transposed_2(const vec *x, int64_t sx, vec *y, int64_t sy) {
    y[0] = x[0] - x[2 * sx];
    y[sy] = x[sx] + x[2 * sx];
    y[2 * sy] = x[2 * sx] - x[sx];
    y[3 * sy] = x[sx] - x[3 * sx];
}

static inline void a_transposed_2(const vec *x, int64_t sx, vec *y, int64_t sy) {
    y[0] = x[0] + x[sx] + x[2 * sx];
    y[sy] = x[sx] - x[2 * sx] - x[3 * sx];
}

static inline void a_plain_2(const vec *x, int64_t sx, vec *y, int64_t sy) {
    y[0] = x[0];
    y[sy] = x[0] + x[sx];
    y[2 * sy] = x[0] - x[sx];
    y[3 * sy] = -x[sx];
}

static inline void g_plain_2(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec even = R(0.5) * (x[0] + x[2 * sx]), odd = R(0.5) * x[sx];
    y[0] = x[0];
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = x[2 * sx];
}

static inline void g_transposed_2(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec sum = R(0.5) * (x[sx] + x[2 * sx]);
    y[0] = x[0] + sum;
    y[sy] = R(0.5) * (x[sx] - x[2 * sx]);
    y[2 * sy] = sum + x[3 * sx];
}

/* y [m, m] = T x Tᵀ for x [n, n] */
static inline void in_two_dimensions(transform *t, int64_t n, int64_t m, const vec *x, vec *y) {
    vec half[MOST * MOST];
#pragma GCC unroll 6
    for (int64_t j = 0; j < n; j++) t(x + j, n, half + j, n);
#pragma GCC unroll 6
    for (int64_t i = 0; i < m; i++) t(half + i * n, 1, y + i * m, 1);
}

/* The offsets of the side × side pixels of a tile of step `step`, or -1 outside the image. */
static inline void locate(const dnnk_tiling *t, int64_t tile, int64_t step, int64_t side, int64_t *offset) {
    int64_t v = tile % t->cols, u = tile / t->cols % t->rows, n = tile / t->cols / t->rows;
    int64_t y = u * step - t->top, x = v * step - t->left;
    for (int64_t i = 0; i < side; i++) {
        bool inside = y + i >= 0 && y + i < t->height;
        int64_t row = ((n * t->height + y + i) * t->width + x) * t->channels;
        for (int64_t j = 0; j < side; j++)
            offset[i * side + j] = inside && x + j >= 0 && x + j < t->width ? row + j * t->channels : -1;
    }
}

/* Fetches, while this tile is worked on, what the one to its right needs: the hardware does not see it coming. */
static inline void fetch(const real *x, bool write) {
    if (write)
        __builtin_prefetch(x, 1);
    else
        __builtin_prefetch(x, 0);
}

/* The side × side pixels of a tile, transformed to planes × planes; tiles are `step` pixels apart. */
static inline void read_transformed(const dnnk_tiling *t, int64_t tile, const real *image, real *out, int64_t plane,
                                    transform *f, int64_t step, int64_t side, int64_t planes) {
    int64_t offset[MOST * MOST];
    locate(t, tile, step, side, offset);
    for (int64_t c = 0; c < t->channels; c += LANES) {
        int64_t n = t->channels - c;
        vec d[MOST * MOST], v[MOST * MOST];
        for (int64_t e = 0; e < side * side; e++) {
            d[e] = offset[e] < 0 ? (vec){0} : load(image + offset[e] + c, n);
            fetch(image + offset[e] + step * t->channels + c, false);
        }
        in_two_dimensions(f, side, planes, d, v);
        for (int64_t e = 0; e < planes * planes; e++) store(out + e * plane + c, v[e], n);
    }
}

static inline vec finish(const dnnk_epilogue *e, vec v, int64_t at, int64_t c, int64_t n) {
    if (e->scale) v *= load((const real *)e->scale + c, n);
    if (e->bias) v += load((const real *)e->bias + c, n);
    if (e->residual) v += load((const real *)e->residual + at, n);
    return e->relu ? relu_of(v) : v;
}

static inline void write_transformed(const dnnk_tiling *t, int64_t tile, const real *m, int64_t plane,
                                     const dnnk_winograd_target *to, transform *f, int64_t step) {
    int64_t offset[MOST * MOST], side = step + TAPS - 1;
    real *image = to->image;
    locate(t, tile, step, step, offset);
    for (int64_t c = 0; c < to->count; c += LANES) {
        int64_t n = to->count - c;
        vec d[MOST * MOST], v[MOST * MOST];
        for (int64_t e = 0; e < side * side; e++) d[e] = load(m + e * plane + c, n);
        in_two_dimensions(f, side, step, d, v);
        for (int64_t e = 0; e < step * step; e++) {
            if (offset[e] < 0) continue;
            int64_t at = offset[e] + to->first + c;
            fetch(image + at + step * t->channels, true);
            if (to->accumulate) v[e] += load(image + at, n);
            store(image + at, finish(to->epilogue, v[e], at, to->first + c, n), n);
        }
    }
}

static inline void transform_weights(int64_t rows, int64_t cols, const real *taps, int64_t tap_stride,
                                     int64_t row_stride, bool turned, real *out, int64_t plane, transform *f,
                                     int64_t side) {
    for (int64_t at = 0; at < rows * NR; at += LANES) {
        const real *from = taps + at / NR * row_stride + at % NR;
        int64_t n = dnnk_max(0, cols - at % NR);
        vec g[TAPS * TAPS], u[MOST * MOST];
        for (int64_t e = 0; e < TAPS * TAPS; e++)
            g[e] = load(from + (turned ? TAPS * TAPS - 1 - e : e) * tap_stride, n);
        in_two_dimensions(f, TAPS, side, g, u);
        for (int64_t e = 0; e < side * side; e++) store(out + e * plane + at, u[e], LANES);
    }
}

static inline void add_adjoint(int64_t channels, const real *planes, int64_t plane, real *dw, int64_t tap_stride,
                               transform *f, int64_t side) {
    for (int64_t c = 0; c < channels; c += LANES) {
        int64_t n = channels - c;
        vec u[MOST * MOST], g[TAPS * TAPS];
        for (int64_t e = 0; e < side * side; e++) u[e] = load(planes + e * plane + c, n);
        in_two_dimensions(f, side, TAPS, u, g);
        for (int64_t e = 0; e < TAPS * TAPS; e++)
            store(dw + e * tap_stride + c, g[e] + load(dw + e * tap_stride + c, n), n);
    }
}

#define DEFINE_TRANSFORMS(tile_size)                                                                                   \
    static void input_##tile_size(const dnnk_tiling *t, int64_t tile, const void *image, void *planes,                 \
                                  int64_t plane) {                                                                     \
        read_transformed(t, tile, image, planes, plane, b_transposed_##tile_size, tile_size, tile_size + 2,            \
                         tile_size + 2);                                                                               \
    }                                                                                                                  \
    static void output_adjoint_##tile_size(const dnnk_tiling *t, int64_t tile, const void *image, void *planes,        \
                                           int64_t plane) {                                                            \
        read_transformed(t, tile, image, planes, plane, a_plain_##tile_size, tile_size, tile_size, tile_size + 2);     \
    }                                                                                                                  \
    static void output_##tile_size(const dnnk_tiling *t, int64_t tile, const void *planes, int64_t plane,              \
                                   const dnnk_winograd_target *target) {                                               \
        write_transformed(t, tile, planes, plane, target, a_transposed_##tile_size, tile_size);                        \
    }                                                                                                                  \
    static void weights_##tile_size(int64_t rows, int64_t cols, const void *taps, int64_t tap_stride,                  \
                                    int64_t row_stride, bool turned, void *planes, int64_t plane) {                    \
        transform_weights(rows, cols, taps, tap_stride, row_stride, turned, planes, plane, g_plain_##tile_size,        \
                          tile_size + 2);                                                                              \
    }                                                                                                                  \
    static void weights_adjoint_##tile_size(int64_t channels, const void *planes, int64_t plane, void *dw,             \
                                            int64_t tap_stride) {                                                      \
        add_adjoint(channels, planes, plane, dw, tap_stride, g_transposed_##tile_size, tile_size + 2);                 \
    }
DEFINE_TRANSFORMS(2)
DEFINE_TRANSFORMS(4)

const dnnk_winograd_table DNNK_TABLE(winograd) = {
    .two = {input_2, output_adjoint_2, output_2, weights_2, weights_adjoint_2},
    .four = {input_4, output_adjoint_4, output_4, weights_4, weights_adjoint_4},
};
