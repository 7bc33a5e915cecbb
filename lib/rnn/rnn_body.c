#include "base/body.h"

#include <string.h>

#include "math/vmath.h"
#include "rnn/rnn.h"

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, TILE_ROWS = 8 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32, TILE_ROWS = 4 };
#else
enum { VECTOR_BYTES = 16, TILE_ROWS = 4 };
#endif
enum {
    CHUNK = VECTOR_BYTES / (int)sizeof(real), /* units that go through a cell at once */
    VECTORS = 2,
    NR = VECTORS * CHUNK,
};

/* Runs function(row, first element, elements), with a constant number of elements where it can. */
#define FOR_UNITS(function, row)                                                    \
    int64_t at = 0;                                                                 \
    for (; at + CHUNK <= (row)->units; at += CHUNK) function((row), at, CHUNK);     \
    for (; at < (row)->units; at++) function((row), at, 1);

static inline real *gate(const dnnk_rnn_row *p, int64_t slot, int64_t at) {
    return (real *)p->gates + slot * p->slot + at;
}
static inline real *dgate(const dnnk_rnn_row *p, int64_t slot, int64_t at) {
    return (real *)p->dgates + slot * p->slot + at;
}
static inline const real *bias(const dnnk_rnn_row *p, int64_t slot, int64_t at) {
    return (const real *)p->bias + slot * p->slot + at;
}
#define AT(pointer) ((real *)(pointer) + at)

/* Results go to arrays on the stack first: the compiler need not prove that the operands lie apart, and makes vector
 * code of each of these loops. */
#define EACH(statement) \
    for (int64_t c = 0; c < cols; c++) statement

/* ---- tanh ---- */

static inline void tanh_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    const real *a = gate(p, 0, at), *b = bias(p, 0, at);
    real h[CHUNK], *output = AT(p->h);
    EACH(h[c] = v_tanh(a[c] + b[c]));
    EACH(output[c] = h[c]);
}

static inline void tanh_back_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    const real *h = AT(p->after), *dy = AT(p->dy), *later = AT(p->dh);
    real da[CHUNK], *a = dgate(p, 0, at);
    EACH(da[c] = (dy[c] + later[c]) * (R(1.0) - h[c] * h[c]));
    EACH(a[c] = da[c]);
}

/* ---- LSTM: slots i, f, g, o; the state is c ---- */

static inline void lstm_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    real *pi = gate(p, 0, at), *pf = gate(p, 1, at), *pg = gate(p, 2, at), *po = gate(p, 3, at);
    const real *bi = bias(p, 0, at), *bf = bias(p, 1, at), *bg = bias(p, 2, at), *bo = bias(p, 3, at);
    const real *before = AT(p->before);
    real *after = AT(p->after), *output = AT(p->h);
    real i[CHUNK], f[CHUNK], g[CHUNK], o[CHUNK], state[CHUNK], h[CHUNK];
    EACH(i[c] = v_sigmoid(pi[c] + bi[c]));
    EACH(f[c] = v_sigmoid(pf[c] + bf[c]));
    EACH(g[c] = v_tanh(pg[c] + bg[c]));
    EACH(o[c] = v_sigmoid(po[c] + bo[c]));
    EACH(state[c] = f[c] * before[c] + i[c] * g[c]);
    EACH(h[c] = o[c] * v_tanh(state[c]));
    EACH(pi[c] = i[c]);
    EACH(pf[c] = f[c]);
    EACH(pg[c] = g[c]);
    EACH(po[c] = o[c]);
    EACH(after[c] = state[c]);
    EACH(output[c] = h[c]);
}

static inline void lstm_back_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    const real *i = gate(p, 0, at), *f = gate(p, 1, at), *g = gate(p, 2, at), *o = gate(p, 3, at);
    const real *before = AT(p->before), *after = AT(p->after), *dy = AT(p->dy), *later = AT(p->dh);
    real *pi = dgate(p, 0, at), *pf = dgate(p, 1, at), *pg = dgate(p, 2, at), *po = dgate(p, 3, at), *pc = AT(p->dc);
    real t[CHUNK], dh[CHUNK], dc[CHUNK], di[CHUNK], df[CHUNK], dg[CHUNK], carry[CHUNK];
    EACH(t[c] = v_tanh(after[c]));
    EACH(dh[c] = dy[c] + later[c]);
    EACH(dc[c] = pc[c] + dh[c] * o[c] * (R(1.0) - t[c] * t[c]));
    EACH(di[c] = dc[c] * g[c] * i[c] * (R(1.0) - i[c]));
    EACH(df[c] = dc[c] * before[c] * f[c] * (R(1.0) - f[c]));
    EACH(dg[c] = dc[c] * i[c] * (R(1.0) - g[c] * g[c]));
    EACH(t[c] = dh[c] * t[c] * o[c] * (R(1.0) - o[c]));
    EACH(carry[c] = dc[c] * f[c]);
    EACH(pi[c] = di[c]);
    EACH(pf[c] = df[c]);
    EACH(pg[c] = dg[c]);
    EACH(po[c] = t[c]);
    EACH(pc[c] = carry[c]);
}

/* ---- GRU: slots r, z, and n's two sums, from the input and from the state; the state is h ---- */

static inline void gru_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    real *pr = gate(p, 0, at), *pz = gate(p, 1, at), *pn = gate(p, 2, at), *pb = gate(p, 3, at);
    const real *br = bias(p, 0, at), *bz = bias(p, 1, at), *bn = bias(p, 2, at), *bb = bias(p, 3, at);
    const real *before = AT(p->before);
    real *output = AT(p->h), reset[CHUNK], z[CHUNK], b[CHUNK], n[CHUNK], h[CHUNK];
    EACH(reset[c] = v_sigmoid(pr[c] + br[c]));
    EACH(z[c] = v_sigmoid(pz[c] + bz[c]));
    EACH(b[c] = pb[c] + bb[c]);
    EACH(n[c] = v_tanh(pn[c] + bn[c] + reset[c] * b[c]));
    EACH(h[c] = n[c] + z[c] * (before[c] - n[c]));
    EACH(pr[c] = reset[c]);
    EACH(pz[c] = z[c]);
    EACH(pn[c] = n[c]);
    EACH(pb[c] = b[c]);
    EACH(output[c] = h[c]);
}

static inline void gru_back_chunk(const dnnk_rnn_row *p, int64_t at, int64_t cols) {
    const real *reset = gate(p, 0, at), *z = gate(p, 1, at), *n = gate(p, 2, at), *b = gate(p, 3, at);
    const real *before = AT(p->before), *dy = AT(p->dy);
    real *pr = dgate(p, 0, at), *pz = dgate(p, 1, at), *pn = dgate(p, 2, at), *pb = dgate(p, 3, at);
    real *later = AT(p->dh), dh[CHUNK], dn[CHUNK], dr[CHUNK], dz[CHUNK], db[CHUNK];
    EACH(dh[c] = dy[c] + later[c]);
    EACH(dn[c] = dh[c] * (R(1.0) - z[c]) * (R(1.0) - n[c] * n[c]));
    EACH(dr[c] = dn[c] * b[c] * reset[c] * (R(1.0) - reset[c]));
    EACH(dz[c] = dh[c] * (before[c] - n[c]) * z[c] * (R(1.0) - z[c]));
    EACH(db[c] = dn[c] * reset[c]);
    EACH(dh[c] *= z[c]);
    EACH(pr[c] = dr[c]);
    EACH(pz[c] = dz[c]);
    EACH(pn[c] = dn[c]);
    EACH(pb[c] = db[c]);
    EACH(later[c] = dh[c]);
}

static void tanh_forward(const dnnk_rnn_row *p) { FOR_UNITS(tanh_chunk, p) }
static void tanh_backward(const dnnk_rnn_row *p) { FOR_UNITS(tanh_back_chunk, p) }
static void lstm_forward(const dnnk_rnn_row *p) { FOR_UNITS(lstm_chunk, p) }
static void lstm_backward(const dnnk_rnn_row *p) { FOR_UNITS(lstm_back_chunk, p) }
static void gru_forward(const dnnk_rnn_row *p) { FOR_UNITS(gru_chunk, p) }
static void gru_backward(const dnnk_rnn_row *p) { FOR_UNITS(gru_back_chunk, p) }

/* ---- products of rows where they lie ---- */

typedef real vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

static inline void store_cut(int64_t cols, const vec *sum, real *c, bool accumulate) {
    real values[NR];
    memcpy(values, sum, sizeof values);
    for (int64_t j = 0; j < cols; j++) c[j] = accumulate ? c[j] + values[j] : values[j];
}

/* `rows` is known to the compiler: their sums are all in registers. */
static inline __attribute__((always_inline)) void tile(int64_t rows, const dnnk_rnn_product *p, const real *a,
                                                       const vec *b, real *c, int64_t cols) {
    vec sum[TILE_ROWS][VECTORS] = {0};
    int64_t lda = p->lda;
    for (int64_t q = 0; q < p->k; q++, b += VECTORS) {
#pragma GCC unroll 8
        for (int64_t i = 0; i < rows; i++)
            for (int v = 0; v < VECTORS; v++) sum[i][v] += a[i * lda + q] * b[v];
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < rows; i++) {
        vec_unaligned *to = (vec_unaligned *)(c + i * p->ldc);
        if (cols < NR) store_cut(cols, sum[i], c + i * p->ldc, p->accumulate);
        for (int v = 0; v < VECTORS && cols >= NR; v++) {
            if (p->accumulate) sum[i][v] += to[v];
            to[v] = sum[i][v];
        }
    }
}

/* Some rows by one panel. */
static void panel_product(const dnnk_rnn_product *p, const vec *b, real *c, int64_t cols) {
    const real *a = p->a;
    int64_t i = 0;
    for (; i + TILE_ROWS <= p->rows; i += TILE_ROWS) tile(TILE_ROWS, p, a + i * p->lda, b, c + i * p->ldc, cols);
    if (TILE_ROWS > 4 && i + 4 <= p->rows) tile(4, p, a + i * p->lda, b, c + i * p->ldc, cols), i += 4;
    if (i + 2 <= p->rows) tile(2, p, a + i * p->lda, b, c + i * p->ldc, cols), i += 2;
    if (i < p->rows) tile(1, p, a + i * p->lda, b, c + i * p->ldc, cols);
}

static void product(const dnnk_rnn_product *p) {
    for (int64_t j = 0; j < p->cols; j += NR)
        panel_product(p, (const vec *)((const real *)p->b + j * p->k), (real *)p->c + j, p->cols - j);
}

/* ---- biases ---- */

static void biases(int64_t n, const void *a, const void *b, void *out) {
    for (int64_t i = 0; i < n; i++)
        ((real *)out)[i] = (a ? ((const real *)a)[i] : R(0.0)) + (b ? ((const real *)b)[i] : R(0.0));
}

const dnnk_rnn_table DNNK_TABLE(rnn) = {
    .nr = NR,
    .forward = {tanh_forward, lstm_forward, gru_forward},
    .backward = {tanh_backward, lstm_backward, gru_backward},
    .product = product,
    .biases = biases,
};
