#include "base/body.h"

#include "moments/moments.h"

#define COLUMNS DNNK_MOMENTS_COLUMNS
#define ROOM (COLUMNS + 24) /* arrays a multiple of a page apart make stores and loads wait for each other */

/* Sums of d = x - shift and of d^2, in double: with a shift that is one of the numbers, what cancels in
 * sum(d^2) - sum(d)^2 / n is as small as their spread. */
typedef struct {
    double shift[ROOM], sum[ROOM], squares[ROOM];
    real low[ROOM], high[ROOM];
} sums;

static inline real lower(real a, real b) { return a < b ? a : b; }
static inline real higher(real a, real b) { return a > b ? a : b; }

/* Four rows at a time, so that a sum is loaded and stored once for four additions. */
static void add_fours(int64_t rows, int64_t columns, int64_t stride, const real *x, sums *restrict s) {
    for (int64_t r = 0; r + 4 <= rows; r += 4, x += 4 * stride) {
        const real *restrict a = x, *restrict b = a + stride, *restrict c = b + stride, *restrict d = c + stride;
        for (int64_t i = 0; i < columns; i++) {
            double shift = s->shift[i];
            double da = (double)a[i] - shift, db = (double)b[i] - shift;
            double dc = (double)c[i] - shift, dd = (double)d[i] - shift;
            s->sum[i] += (da + db) + (dc + dd);
            s->squares[i] += (da * da + db * db) + (dc * dc + dd * dd);
        }
        for (int64_t i = 0; i < columns; i++) {
            s->low[i] = lower(s->low[i], lower(lower(a[i], b[i]), lower(c[i], d[i])));
            s->high[i] = higher(s->high[i], higher(higher(a[i], b[i]), higher(c[i], d[i])));
        }
    }
}

static void add_row(int64_t columns, const real *x, sums *s) {
    for (int64_t i = 0; i < columns; i++) {
        double d = (double)x[i] - s->shift[i];
        s->sum[i] += d;
        s->squares[i] += d * d;
        s->low[i] = lower(s->low[i], x[i]);
        s->high[i] = higher(s->high[i], x[i]);
    }
}

static void begin(int64_t columns, const real *first, sums *s) {
    for (int64_t i = 0; i < columns; i++) {
        s->shift[i] = (double)first[i];
        s->sum[i] = s->squares[i] = 0;
        s->low[i] = s->high[i] = first[i];
    }
}

static void real_moments(int64_t rows, int64_t columns, int64_t stride, const void *x_, const dnnk_moments *m) {
    const real *x = x_;
    double n = (double)rows;
    sums s;
    begin(columns, x, &s);
    add_fours(rows, columns, stride, x, &s);
    for (int64_t r = rows / 4 * 4; r < rows; r++) add_row(columns, x + r * stride, &s);
    for (int64_t i = 0; i < columns; i++) {
        double rest = s.squares[i] - s.sum[i] * s.sum[i] / n;
        m->n[i] = n;
        m->mean[i] = s.shift[i] + s.sum[i] / n;
        m->m2[i] = rest < 0 ? 0 : rest;
        m->min[i] = (double)s.low[i];
        m->max[i] = (double)s.high[i];
    }
}

#ifndef DNNK_BODY_F64
/* Whole numbers: exact. d = x - 128 has squares of at most 2^14, so that three of them fit 16 bits; sums of d for
 * TRIPLES times three rows fit 16 bits too, and 65535 rows of squares 32. */
#define TRIPLES 80

typedef struct {
    int32_t sum[ROOM];
    uint32_t squares[ROOM];
    int16_t short_sum[ROOM];
    uint8_t low[ROOM], high[ROOM];
} byte_sums;

static inline uint8_t low_byte(uint8_t a, uint8_t b) { return a < b ? a : b; }
static inline uint8_t high_byte(uint8_t a, uint8_t b) { return a > b ? a : b; }
static inline int16_t centred(uint8_t x) { return (int16_t)(x - 128); }
static inline uint16_t square(int16_t d) { return (uint16_t)(d * d); }

static void add_triple(int64_t columns, const uint8_t *restrict a, const uint8_t *restrict b,
                       const uint8_t *restrict c, byte_sums *restrict s) {
    for (int64_t i = 0; i < columns; i++) {
        int16_t da = centred(a[i]), db = centred(b[i]), dc = centred(c[i]);
        s->short_sum[i] = (int16_t)(s->short_sum[i] + da + db + dc);
        s->squares[i] += (uint16_t)(square(da) + square(db) + square(dc));
    }
    for (int64_t i = 0; i < columns; i++) {
        s->low[i] = low_byte(s->low[i], low_byte(low_byte(a[i], b[i]), c[i]));
        s->high[i] = high_byte(s->high[i], high_byte(high_byte(a[i], b[i]), c[i]));
    }
}

/* Short pieces of rows far apart: the processor does not see them coming. */
#define AHEAD 8

static inline void foresee(int64_t columns, int64_t stride, const uint8_t *x) {
    for (int64_t row = 0; row < 3; row++)
        for (int64_t i = 0; i < columns; i += 64) __builtin_prefetch(x + row * stride + i);
}

/* At most TRIPLES of them. */
static void add_triples(int64_t triples, int64_t columns, int64_t stride, const uint8_t *x, byte_sums *s) {
    for (int64_t i = 0; i < columns; i++) s->short_sum[i] = 0;
    for (int64_t t = 0; t < triples; t++, x += 3 * stride) {
        if (stride > columns) foresee(columns, stride, x + AHEAD * stride);
        add_triple(columns, x, x + stride, x + 2 * stride, s);
    }
    for (int64_t i = 0; i < columns; i++) s->sum[i] += s->short_sum[i];
}

static void add_byte_row(int64_t columns, const uint8_t *x, byte_sums *s) {
    for (int64_t i = 0; i < columns; i++) {
        s->sum[i] += centred(x[i]);
        s->squares[i] += square(centred(x[i]));
        s->low[i] = low_byte(s->low[i], x[i]);
        s->high[i] = high_byte(s->high[i], x[i]);
    }
}

static void byte_moments(int64_t rows, int64_t columns, int64_t stride, const uint8_t *x, const dnnk_moments *m) {
    byte_sums s = {{0}, {0}, {0}, {0}, {0}};
    int64_t triples = rows / 3;
    for (int64_t i = 0; i < columns; i++) s.low[i] = s.high[i] = x[i];
    for (int64_t t = 0; t < triples; t += TRIPLES)
        add_triples(dnnk_min(TRIPLES, triples - t), columns, stride, x + 3 * t * stride, &s);
    for (int64_t r = 3 * triples; r < rows; r++) add_byte_row(columns, x + r * stride, &s);
    for (int64_t i = 0; i < columns; i++) {
        int64_t sum = s.sum[i];
        m->n[i] = (double)rows;
        m->mean[i] = (double)(128 * rows + sum) / (double)rows;
        m->m2[i] = (double)(rows * (int64_t)s.squares[i] - sum * sum) / (double)rows;
        m->min[i] = s.low[i];
        m->max[i] = s.high[i];
    }
}
#define BYTE_MOMENTS byte_moments
#else
#define BYTE_MOMENTS NULL
#endif

const dnnk_moments_table DNNK_TABLE(moments) = {.real = real_moments, .bytes = BYTE_MOMENTS};
