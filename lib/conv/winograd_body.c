#include "base/vector.h"

#include "conv/winograd.h"

enum { TAPS = 3, MOST = 6, NR = 2 * VECTOR_BYTES / (int)sizeof(real) };

/* The transforms in one dimension: y = Bᵀ x and so on; numbers of y are sy apart. They must be inlined: then all that a
 * transform in two dimensions keeps outside of registers is what lies between its two passes. */
typedef void transform(const vec *x, vec *y, int64_t sy);
#define TRANSFORM static inline __attribute__((always_inline)) void

/* F(4, 3), with the points 0, ±1, ±2 and infinity. */

TRANSFORM b_transposed_4(const vec *x, vec *y, int64_t sy) {
    vec x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4];
    vec even = x4 - R(4.0) * x2, odd = x3 - R(4.0) * x1, even2 = x4 - x2, odd2 = R(2.0) * (x3 - x1);
    y[0] = R(4.0) * x[0] - R(5.0) * x2 + x4;
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = R(4.0) * x1 - R(5.0) * x3 + x[5];
}

TRANSFORM a_transposed_4(const vec *x, vec *y, int64_t sy) {
    vec sum = x[1] + x[2], difference = x[1] - x[2];
    vec sum2 = x[3] + x[4], difference2 = x[3] - x[4];
    y[0] = x[0] + sum + sum2;
    y[sy] = difference + R(2.0) * difference2;
    y[2 * sy] = sum + R(4.0) * sum2;
    y[3 * sy] = difference + R(8.0) * difference2 + x[5];
}

TRANSFORM a_plain_4(const vec *x, vec *y, int64_t sy) {
    vec even = x[0] + x[2], odd = x[1] + x[3];
    vec even2 = x[0] + R(4.0) * x[2], odd2 = R(2.0) * x[1] + R(8.0) * x[3];
    y[0] = x[0];
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = x[3];
}

TRANSFORM g_plain_4(const vec *x, vec *y, int64_t sy) {
    vec even = (x[0] + x[2]) * R(-0.16666666666666666), odd = x[1] * R(-0.16666666666666666);
    vec even2 = x[0] * R(0.041666666666666664) + x[2] * R(0.16666666666666666),
        odd2 = x[1] * R(0.083333333333333333);
    y[0] = x[0] * R(0.25);
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = x[2];
}

TRANSFORM g_transposed_4(const vec *x, vec *y, int64_t sy) {
    vec sum = (x[1] + x[2]) * R(-0.16666666666666666), difference = (x[2] - x[1]) * R(0.16666666666666666);
    vec sum2 = x[3] + x[4], difference2 = x[3] - x[4];
    y[0] = x[0] * R(0.25) + sum + sum2 * R(0.041666666666666664);
    y[sy] = difference + difference2 * R(0.083333333333333333);
    y[2 * sy] = sum + sum2 * R(0.16666666666666666) + x[5];
}

/* F(2, 3), with the points 0, ±1 and infinity. */

TRANSFORM b_transposed_2(const vec *x, vec *y, int64_t sy) {
    y[0] = x[0] - x[2];
    y[sy] = x[1] + x[2];
    y[2 * sy] = x[2] - x[1];
    y[3 * sy] = x[1] - x[3];
}

TRANSFORM a_transposed_2(const vec *x, vec *y, int64_t sy) {
    y[0] = x[0] + x[1] + x[2];
    y[sy] = x[1] - x[2] - x[3];
}

TRANSFORM a_plain_2(const vec *x, vec *y, int64_t sy) {
    y[0] = x[0];
    y[sy] = x[0] + x[1];
    y[2 * sy] = x[0] - x[1];
    y[3 * sy] = -x[1];
}

TRANSFORM g_plain_2(const vec *x, vec *y, int64_t sy) {
    vec even = R(0.5) * (x[0] + x[2]), odd = R(0.5) * x[1];
    y[0] = x[0];
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = x[2];
}

TRANSFORM g_transposed_2(const vec *x, vec *y, int64_t sy) {
    vec sum = R(0.5) * (x[1] + x[2]);
    y[0] = x[0] + sum;
    y[sy] = R(0.5) * (x[1] - x[2]);
    y[2 * sy] = sum + x[3];
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

/* Fetches, while this tile is worked on, what the one to its right needs: the hardware does not see it coming. The
 * place may lie outside of the array, so it is no pointer until the processor, which does not mind, gets it. */
static inline void fetch(const real *x, int64_t offset, bool write) {
    const void *place = (const void *)((uintptr_t)x + (uintptr_t)offset * sizeof(real));
    if (write)
        __builtin_prefetch(place, 1);
    else
        __builtin_prefetch(place, 0);
}

/* Unrolled where programs run, in float32 with vectors: numbers then stay in registers. Elsewhere it is only code. */
#if defined(DNNK_BODY_F64) || (defined(__x86_64__) && !defined(__AVX2__))
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 6")
#endif
#define STEPS static inline __attribute__((always_inline)) void

/* One vector of channels of a tile: columns first, then rows. Rows of planes have room for whole vectors. */
STEPS read_vector(const real *image, const int64_t *offset, int64_t right, real *out, int64_t plane, transform *f,
                  int64_t side, int64_t planes) {
    vec half[MOST * MOST], x[MOST], y[MOST];
    UNROLL for (int64_t j = 0; j < side; j++) {
        UNROLL for (int64_t i = 0; i < side; i++) {
            int64_t at = offset[i * side + j];
            x[i] = at < 0 ? (vec){0} : load(image + at, LANES);
            fetch(image, at + right, false);
        }
        f(x, half + j, side);
    }
    UNROLL for (int64_t i = 0; i < planes; i++) {
        f(half + i * side, y, 1);
        UNROLL for (int64_t j = 0; j < planes; j++) store(out + (i * planes + j) * plane, y[j], LANES);
    }
}

/* The last channels of a tile, which fill no vector: copied to where they do. */
static void gather_rest(const real *image, int64_t *offset, int64_t pixels, int64_t n, vec *rest) {
    for (int64_t e = 0; e < pixels; e++) {
        if (offset[e] >= 0) rest[e] = load(image + offset[e], n);
        if (offset[e] >= 0) offset[e] = e * LANES;
    }
}

/* The side × side pixels of a tile, transformed to planes × planes; tiles are `step` pixels apart. */
STEPS read_transformed(const dnnk_tiling *t, int64_t tile, const real *image, real *out, int64_t plane, transform *f,
                       int64_t step, int64_t side, int64_t planes) {
    int64_t offset[MOST * MOST];
    vec rest[MOST * MOST];
    locate(t, tile, step, side, offset);
    for (int64_t c = 0; c < t->channels; c += LANES) {
        const real *from = image + c;
        if (t->channels - c < LANES) {
            gather_rest(from, offset, side * side, t->channels - c, rest);
            from = (const real *)rest;
        }
        read_vector(from, offset, step * t->channels, out + c, plane, f, side, planes);
    }
}

static inline vec finish(const dnnk_epilogue *e, vec v, int64_t at, int64_t c, int64_t n) {
    if (e->scale) v *= load((const real *)e->scale + c, n);
    if (e->bias) v += load((const real *)e->bias + c, n);
    if (e->residual) v += load((const real *)e->residual + at, n);
    return e->relu ? relu_of(v) : v;
}

/* Channels [c, c + n) of the target's, of all pixels of a tile. */
static void write_pixels(const dnnk_winograd_target *to, const int64_t *offset, int64_t pixels, int64_t right,
                         int64_t c, int64_t n, const vec *v) {
    real *image = to->image;
    for (int64_t e = 0; e < pixels; e++) {
        if (offset[e] < 0) continue;
        int64_t at = offset[e] + to->first + c;
        vec x = v[e];
        fetch(image, at + right, true);
        if (to->accumulate) x += load(image + at, n);
        store(image + at, finish(to->epilogue, x, at, to->first + c, n), n);
    }
}

STEPS write_transformed(const dnnk_tiling *t, int64_t tile, const real *m, int64_t plane,
                        const dnnk_winograd_target *to, transform *f, int64_t step) {
    int64_t offset[MOST * MOST], side = step + TAPS - 1;
    locate(t, tile, step, step, offset);
    for (int64_t c = 0; c < to->count; c += LANES) {
        vec half[MOST * MOST], x[MOST], y[MOST * MOST];
        UNROLL for (int64_t j = 0; j < side; j++) {
            UNROLL for (int64_t i = 0; i < side; i++) x[i] = load(m + (i * side + j) * plane + c, LANES);
            f(x, half + j, side);
        }
        UNROLL for (int64_t i = 0; i < step; i++) f(half + i * side, y + i * step, 1);
        write_pixels(to, offset, step * step, step * t->channels, c, to->count - c, y);
    }
}

STEPS transform_weights(int64_t rows, int64_t cols, const real *taps, int64_t tap_stride, int64_t row_stride,
                        bool turned, real *out, int64_t plane, transform *f, int64_t side) {
    for (int64_t at = 0; at < rows * NR; at += LANES) {
        const real *from = taps + at / NR * row_stride + at % NR;
        int64_t n = dnnk_max(0, cols - at % NR);
        vec half[MOST * MOST], x[MOST], y[MOST];
        UNROLL for (int64_t j = 0; j < TAPS; j++) {
            UNROLL for (int64_t i = 0; i < TAPS; i++) {
                int64_t tap = i * TAPS + j;
                const real *g = from + (turned ? TAPS * TAPS - 1 - tap : tap) * tap_stride;
                x[i] = load(g, n);
                if (turned) fetch(g, 2 * row_stride, false);
            }
            f(x, half + j, TAPS);
        }
        UNROLL for (int64_t i = 0; i < side; i++) {
            f(half + i * TAPS, y, 1);
            UNROLL for (int64_t j = 0; j < side; j++) store(out + (i * side + j) * plane + at, y[j], LANES);
        }
    }
}

STEPS add_adjoint(int64_t channels, const real *planes, int64_t plane, real *dw, int64_t tap_stride, transform *f,
                  int64_t side) {
    for (int64_t c = 0; c < channels; c += LANES) {
        int64_t n = channels - c;
        vec half[MOST * MOST], x[MOST], y[MOST];
        UNROLL for (int64_t j = 0; j < side; j++) {
            UNROLL for (int64_t i = 0; i < side; i++) x[i] = load(planes + (i * side + j) * plane + c, LANES);
            f(x, half + j, side);
        }
        UNROLL for (int64_t i = 0; i < TAPS; i++) {
            f(half + i * side, y, 1);
            for (int64_t j = 0; j < TAPS; j++) {
                real *to = dw + (i * TAPS + j) * tap_stride + c;
                fetch(to, TAPS * TAPS * tap_stride, true); /* the next output's */
                store(to, y[j] + load(to, n), n);
            }
        }
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
