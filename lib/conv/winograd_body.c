#include "base/vector.h"

#include "conv/winograd.h"

/* As many channels at once as fit a register. */
enum { TILE = DNNK_WINOGRAD_TILE, IN = TILE + 2, TAPS = 3 };

/* The transforms in one dimension: y = Bᵀ x and so on. sx and sy are steps. */
typedef void transform(const vec *x, int64_t sx, vec *y, int64_t sy);

static inline void b_transposed(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec x1 = x[sx], x2 = x[2 * sx], x3 = x[3 * sx], x4 = x[4 * sx];
    vec even = x4 - R(4.0) * x2, odd = x3 - R(4.0) * x1, even2 = x4 - x2, odd2 = R(2.0) * (x3 - x1);
    y[0] = R(4.0) * x[0] - R(5.0) * x2 + x4;
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = R(4.0) * x1 - R(5.0) * x3 + x[5 * sx];
}

static inline void a_transposed(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec sum = x[sx] + x[2 * sx], difference = x[sx] - x[2 * sx];
    vec sum2 = x[3 * sx] + x[4 * sx], difference2 = x[3 * sx] - x[4 * sx];
    y[0] = x[0] + sum + sum2;
    y[sy] = difference + R(2.0) * difference2;
    y[2 * sy] = sum + R(4.0) * sum2;
    y[3 * sy] = difference + R(8.0) * difference2 + x[5 * sx];
}

static inline void a_plain(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec even = x[0] + x[2 * sx], odd = x[sx] + x[3 * sx];
    vec even2 = x[0] + R(4.0) * x[2 * sx], odd2 = R(2.0) * x[sx] + R(8.0) * x[3 * sx];
    y[0] = x[0];
    y[sy] = even + odd;
    y[2 * sy] = even - odd;
    y[3 * sy] = even2 + odd2;
    y[4 * sy] = even2 - odd2;
    y[5 * sy] = x[3 * sx];
}

static inline void g_plain(const vec *x, int64_t sx, vec *y, int64_t sy) {
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

static inline void g_transposed(const vec *x, int64_t sx, vec *y, int64_t sy) {
    vec sum = (x[sx] + x[2 * sx]) * R(-0.16666666666666666), difference = (x[2 * sx] - x[sx]) * R(0.16666666666666666);
    vec sum2 = x[3 * sx] + x[4 * sx], difference2 = x[3 * sx] - x[4 * sx];
    y[0] = x[0] * R(0.25) + sum + sum2 * R(0.041666666666666664);
    y[sy] = difference + difference2 * R(0.083333333333333333);
    y[2 * sy] = sum + sum2 * R(0.16666666666666666) + x[5 * sx];
}

/* y [m, m] = T x Tᵀ for x [n, n] */
static inline void in_two_dimensions(transform *t, int64_t n, int64_t m, const vec *x, vec *y) {
    vec half[IN * IN];
    for (int64_t j = 0; j < n; j++) t(x + j, n, half + j, n);
    for (int64_t i = 0; i < m; i++) t(half + i * n, 1, y + i * m, 1);
}

typedef struct {
    int64_t n, y, x;
} place;

static place place_of(const dnnk_tiling *t, int64_t tile) {
    int64_t v = tile % t->cols, u = tile / t->cols % t->rows;
    return (place){.n = tile / t->cols / t->rows, .y = u * TILE - t->top, .x = v * TILE - t->left};
}

/* The offset of pixel (i, j) of a tile, or -1 outside the image. */
static inline int64_t pixel(const dnnk_tiling *t, place p, int64_t i, int64_t j) {
    int64_t y = p.y + i, x = p.x + j;
    if (y < 0 || y >= t->height || x < 0 || x >= t->width) return -1;
    return ((p.n * t->height + y) * t->width + x) * t->channels;
}

static inline void read_transformed(const dnnk_tiling *t, int64_t tile, const real *image, real *planes, int64_t plane,
                                    transform *f, int64_t side) {
    place p = place_of(t, tile);
    int64_t offset[IN * IN];
    for (int64_t e = 0; e < side * side; e++) offset[e] = pixel(t, p, e / side, e % side);
    for (int64_t c = 0; c < t->channels; c += LANES) {
        int64_t n = t->channels - c;
        vec d[IN * IN], v[IN * IN];
        for (int64_t e = 0; e < side * side; e++) d[e] = offset[e] < 0 ? (vec){0} : load(image + offset[e] + c, n);
        in_two_dimensions(f, side, IN, d, v);
        for (int64_t e = 0; e < IN * IN; e++) store(planes + e * plane + c, v[e], n);
    }
}

static void input(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane) {
    read_transformed(t, tile, image, planes, plane, b_transposed, IN);
}

static void output_adjoint(const dnnk_tiling *t, int64_t tile, const void *image, void *planes, int64_t plane) {
    read_transformed(t, tile, image, planes, plane, a_plain, TILE);
}

static vec finish(const dnnk_epilogue *e, vec v, int64_t at, int64_t c, int64_t n) {
    if (e->scale) v *= load((const real *)e->scale + c, n);
    if (e->bias) v += load((const real *)e->bias + c, n);
    if (e->residual) v += load((const real *)e->residual + at, n);
    return e->relu ? relu_of(v) : v;
}

static void output(const dnnk_tiling *t, int64_t tile, const void *planes, int64_t plane, void *image, bool accumulate,
                   const dnnk_epilogue *epilogue) {
    place p = place_of(t, tile);
    const real *m = planes;
    real *out = image;
    for (int64_t c = 0; c < t->channels; c += LANES) {
        int64_t n = t->channels - c;
        vec d[IN * IN], v[TILE * TILE];
        for (int64_t e = 0; e < IN * IN; e++) d[e] = load(m + e * plane + c, n);
        in_two_dimensions(a_transposed, IN, TILE, d, v);
        for (int64_t e = 0; e < TILE * TILE; e++) {
            int64_t at = pixel(t, p, e / TILE, e % TILE) + c;
            if (at < c) continue;
            if (accumulate) v[e] += load(out + at, n);
            store(out + at, finish(epilogue, v[e], at, c, n), n);
        }
    }
}

static void weights(int64_t channels, const void *w, bool turned, void *planes, int64_t plane) {
    for (int64_t c = 0; c < channels; c += LANES) {
        int64_t n = channels - c;
        vec g[TAPS * TAPS], u[IN * IN];
        for (int64_t e = 0; e < TAPS * TAPS; e++)
            g[e] = load((const real *)w + (turned ? TAPS * TAPS - 1 - e : e) * channels + c, n);
        in_two_dimensions(g_plain, TAPS, IN, g, u);
        for (int64_t e = 0; e < IN * IN; e++) store((real *)planes + e * plane + c, u[e], n);
    }
}

static void weights_adjoint(int64_t channels, const void *planes, int64_t plane, void *gradient) {
    real *dw = gradient;
    for (int64_t c = 0; c < channels; c += LANES) {
        int64_t n = channels - c;
        vec u[IN * IN], g[TAPS * TAPS];
        for (int64_t e = 0; e < IN * IN; e++) u[e] = load((const real *)planes + e * plane + c, n);
        in_two_dimensions(g_transposed, IN, TAPS, u, g);
        for (int64_t e = 0; e < TAPS * TAPS; e++)
            store(dw + e * channels + c, g[e] + load(dw + e * channels + c, n), n);
    }
}

const dnnk_winograd_table DNNK_TABLE(winograd) = {.input = input, .output_adjoint = output_adjoint, .output = output,
                                                  .weights = weights, .weights_adjoint = weights_adjoint};
