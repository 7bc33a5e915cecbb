#include "base/body.h"

#include "math/vmath.h"
#include "rnn/rnn.h"

/* Elements that go through a cell at once: micro-kernels' nr are multiples of it, but for those for few samples. */
#if defined(__AVX512F__)
#define CHUNK (64 / (int)sizeof(real))
#elif defined(__AVX2__)
#define CHUNK (32 / (int)sizeof(real))
#else
#define CHUNK (16 / (int)sizeof(real))
#endif

/* Runs function(p, first element, elements, row) over everything, with a constant number of elements where it can. The
 * row is the one that all of them lie in; MANY_ROWS where the samples are so few that a chunk has several. */
#define MANY_ROWS (-1)
#define FOR_ELEMENTS(function, p)                                                                 \
    int64_t at = 0, end = (p)->rows * (p)->width;                                                 \
    if ((p)->width % CHUNK == 0)                                                                  \
        for (int64_t r = 0; r < (p)->rows; r++)                                                   \
            for (int64_t j = 0; j < (p)->width; j += CHUNK, at += CHUNK) function((p), at, CHUNK, r); \
    for (; at + CHUNK <= end; at += CHUNK) function((p), at, CHUNK, MANY_ROWS);                   \
    for (; at < end; at++) function((p), at, 1, at / (p)->width);

static inline real *gate(const dnnk_rnn_rows *p, int64_t slot, int64_t at) {
    return (real *)p->gates + slot * p->slot + at;
}
static inline void load_bias(const dnnk_rnn_rows *p, int64_t slot, int64_t at, int64_t cols, int64_t row, real *b) {
    const real *bias = (const real *)p->bias + slot * p->bias_stride;
    for (int64_t c = 0; c < cols; c++) b[c] = bias[row == MANY_ROWS ? (at + c) / p->width : row];
}
#define AT(pointer) ((real *)(pointer) + at)

/* Results go to arrays on the stack first: the compiler need not prove that the operands lie apart, and makes vector
 * code of each of these loops. */
#define EACH(statement) \
    for (int64_t c = 0; c < cols; c++) statement

/* ---- tanh ---- */

static inline void tanh_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    real h[CHUNK], b[CHUNK], *a = gate(p, 0, at), *after = AT(p->after);
    load_bias(p, 0, at, cols, row, b);
    EACH(h[c] = v_tanh(a[c] + b[c]));
    EACH(after[c] = h[c]);
}

static inline void tanh_back_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    (void)row;
    const real *h = AT(p->after), *dy = AT(p->dy), *later = AT(p->dh);
    real da[CHUNK], *a = gate(p, 0, at);
    EACH(da[c] = (dy[c] + later[c]) * (R(1.0) - h[c] * h[c]));
    EACH(a[c] = da[c]);
}

/* ---- LSTM: slots i, f, g, o; the state is c ---- */

static inline void lstm_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    real *pi = gate(p, 0, at), *pf = gate(p, 1, at), *pg = gate(p, 2, at), *po = gate(p, 3, at);
    const real *before = AT(p->before);
    real *after = AT(p->after), *output = AT(p->h);
    real b[4][CHUNK], i[CHUNK], f[CHUNK], g[CHUNK], o[CHUNK], state[CHUNK], h[CHUNK];
    for (int64_t s = 0; s < 4; s++) load_bias(p, s, at, cols, row, b[s]);
    EACH(i[c] = v_sigmoid(pi[c] + b[0][c]));
    EACH(f[c] = v_sigmoid(pf[c] + b[1][c]));
    EACH(g[c] = v_tanh(pg[c] + b[2][c]));
    EACH(o[c] = v_sigmoid(po[c] + b[3][c]));
    EACH(state[c] = f[c] * before[c] + i[c] * g[c]);
    EACH(h[c] = o[c] * v_tanh(state[c]));
    EACH(pi[c] = i[c]);
    EACH(pf[c] = f[c]);
    EACH(pg[c] = g[c]);
    EACH(po[c] = o[c]);
    EACH(after[c] = state[c]);
    EACH(output[c] = h[c]);
}

static inline void lstm_back_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    (void)row;
    real *i = gate(p, 0, at), *f = gate(p, 1, at), *g = gate(p, 2, at), *o = gate(p, 3, at), *pc = AT(p->dc);
    const real *before = AT(p->before), *after = AT(p->after), *dy = AT(p->dy), *later = AT(p->dh);
    real t[CHUNK], dh[CHUNK], dc[CHUNK], di[CHUNK], df[CHUNK], dg[CHUNK], carry[CHUNK];
    EACH(t[c] = v_tanh(after[c]));
    EACH(dh[c] = dy[c] + later[c]);
    EACH(dc[c] = pc[c] + dh[c] * o[c] * (R(1.0) - t[c] * t[c]));
    EACH(di[c] = dc[c] * g[c] * i[c] * (R(1.0) - i[c]));
    EACH(df[c] = dc[c] * before[c] * f[c] * (R(1.0) - f[c]));
    EACH(dg[c] = dc[c] * i[c] * (R(1.0) - g[c] * g[c]));
    EACH(t[c] = dh[c] * t[c] * o[c] * (R(1.0) - o[c]));
    EACH(carry[c] = dc[c] * f[c]);
    EACH(i[c] = di[c]);
    EACH(f[c] = df[c]);
    EACH(g[c] = dg[c]);
    EACH(o[c] = t[c]);
    EACH(pc[c] = carry[c]);
}

/* ---- GRU: slots r, z, and n's two sums, from the input and from the state; the state is h ---- */

static inline void gru_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    real *pr = gate(p, 0, at), *pz = gate(p, 1, at), *pn = gate(p, 2, at), *pb = gate(p, 3, at);
    const real *before = AT(p->before);
    real *after = AT(p->after), bias[4][CHUNK], reset[CHUNK], z[CHUNK], b[CHUNK], n[CHUNK], h[CHUNK];
    for (int64_t s = 0; s < 4; s++) load_bias(p, s, at, cols, row, bias[s]);
    EACH(reset[c] = v_sigmoid(pr[c] + bias[0][c]));
    EACH(z[c] = v_sigmoid(pz[c] + bias[1][c]));
    EACH(b[c] = pb[c] + bias[3][c]);
    EACH(n[c] = v_tanh(pn[c] + bias[2][c] + reset[c] * b[c]));
    EACH(h[c] = n[c] + z[c] * (before[c] - n[c]));
    EACH(pr[c] = reset[c]);
    EACH(pz[c] = z[c]);
    EACH(pn[c] = n[c]);
    EACH(pb[c] = b[c]);
    EACH(after[c] = h[c]);
}

static inline void gru_back_chunk(const dnnk_rnn_rows *p, int64_t at, int64_t cols, int64_t row) {
    (void)row;
    real *reset = gate(p, 0, at), *z = gate(p, 1, at), *n = gate(p, 2, at), *b = gate(p, 3, at);
    const real *before = AT(p->before), *dy = AT(p->dy);
    real *later = AT(p->dh), dh[CHUNK], dn[CHUNK], dr[CHUNK], dz[CHUNK], db[CHUNK];
    EACH(dh[c] = dy[c] + later[c]);
    EACH(dn[c] = dh[c] * (R(1.0) - z[c]) * (R(1.0) - n[c] * n[c]));
    EACH(dr[c] = dn[c] * b[c] * reset[c] * (R(1.0) - reset[c]));
    EACH(dz[c] = dh[c] * (before[c] - n[c]) * z[c] * (R(1.0) - z[c]));
    EACH(db[c] = dn[c] * reset[c]);
    EACH(dh[c] *= z[c]);
    EACH(reset[c] = dr[c]);
    EACH(z[c] = dz[c]);
    EACH(n[c] = dn[c]);
    EACH(b[c] = db[c]);
    EACH(later[c] = dh[c]);
}

static void tanh_forward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(tanh_chunk, p) }
static void tanh_backward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(tanh_back_chunk, p) }
static void lstm_forward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(lstm_chunk, p) }
static void lstm_backward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(lstm_back_chunk, p) }
static void gru_forward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(gru_chunk, p) }
static void gru_backward(const dnnk_rnn_rows *p) { FOR_ELEMENTS(gru_back_chunk, p) }

/* ---- products for few samples ---- */

enum { NARROW_ROWS = 2 * CHUNK };

/* What a micro-kernel does, for NARROW_ROWS × nr tiles: the rows of A are the vector, so no sample is computed in
 * vain. */
static inline void narrow(int64_t nr, int64_t k, const real *a, const real *b, real *c, int64_t ldc, bool accumulate) {
    real sum[DNNK_NARROW_MOST][NARROW_ROWS] = {{0}};
    for (int64_t p = 0; p < k; p++, a += NARROW_ROWS, b += nr)
        for (int64_t j = 0; j < nr; j++)
            for (int64_t i = 0; i < NARROW_ROWS; i++) sum[j][i] += a[i] * b[j];
    for (int64_t i = 0; i < NARROW_ROWS; i++)
        for (int64_t j = 0; j < nr; j++) c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum[j][i] : sum[j][i];
}

#define DEFINE_NARROW(nr)                                                                                      \
    static void narrow_##nr(int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate) {  \
        narrow(nr, k, a, b, c, ldc, accumulate);                                                               \
    }
DEFINE_NARROW(1)
DEFINE_NARROW(2)
DEFINE_NARROW(4)
DEFINE_NARROW(8)

/* ---- biases ---- */

static void row_sums(int64_t rows, int64_t cols, int64_t width, const void *x_, double *sums) {
    const real *x = x_;
    for (int64_t r = 0; r < rows; r++) {
        real lane[CHUNK] = {0};
        int64_t j = 0;
        for (; j + CHUNK <= cols; j += CHUNK)
            for (int64_t c = 0; c < CHUNK; c++) lane[c] += x[r * width + j + c];
        for (; j < cols; j++) lane[j % CHUNK] += x[r * width + j];
        for (int64_t half = CHUNK / 2; half > 0; half /= 2)
            for (int64_t c = 0; c < half; c++) lane[c] += lane[c + half];
        sums[r] += (double)lane[0];
    }
}

static void add_sums(int64_t n, const double *sums, void *y) {
    for (int64_t i = 0; i < n; i++) ((real *)y)[i] += (real)sums[i];
}

static void biases(int64_t n, const void *a, const void *b, void *out) {
    for (int64_t i = 0; i < n; i++)
        ((real *)out)[i] = (a ? ((const real *)a)[i] : R(0.0)) + (b ? ((const real *)b)[i] : R(0.0));
}

const dnnk_rnn_table DNNK_TABLE(rnn) = {
    .forward = {tanh_forward, lstm_forward, gru_forward},
    .backward = {tanh_backward, lstm_backward, gru_backward},
    .narrow = {{.name = "1 sample", .run = narrow_1, .mr = NARROW_ROWS, .nr = 1},
               {.name = "2 samples", .run = narrow_2, .mr = NARROW_ROWS, .nr = 2},
               {.name = "4 samples", .run = narrow_4, .mr = NARROW_ROWS, .nr = 4},
               {.name = "8 samples", .run = narrow_8, .mr = NARROW_ROWS, .nr = 8}},
    .row_sums = row_sums,
    .add_sums = add_sums,
    .biases = biases,
};
