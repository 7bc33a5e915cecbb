#include "base/body.h"

#include "pool/pool.h"
#include "pool/pool_axis.h"

/* A unit of work: one row of one image, c channels from channel c0 on. */
typedef struct {
    int64_t image, row, c0, c;
} unit;

static unit unit_at(const dnnk_pool *p, int64_t index, int64_t rows) {
    int64_t blocks = dnnk_pool_blocks(p);
    int64_t c0 = index % blocks * DNNK_POOL_BLOCK;
    return (unit){index / blocks / rows, index / blocks % rows, c0, dnnk_min(DNNK_POOL_BLOCK, p->c - c0)};
}

/* Offset of the unit's first channel at (image, row, column 0); the input's and the output's rows differ in width. */
static int64_t input_row(const dnnk_pool *p, unit u, int64_t row) {
    return (u.image * p->h.in + row) * p->w.in * p->c + u.c0;
}

static int64_t output_row(const dnnk_pool *p, unit u, int64_t row) {
    return (u.image * p->h.out + row) * p->w.out * p->c + u.c0;
}

static bool sees_nothing(dnnk_pool_span h, dnnk_pool_span w) { return h.begin == h.end || w.begin == w.end; }

/* ---- maximum ---- */

/* Winners are worked on as int32, a block of channels at a time, which vectorises beside float; kept are bytes. */
static void store_winners(const int32_t *winner, int64_t c, int64_t bytes, void *to, int64_t at) {
    uint8_t *narrow = to;
    int32_t *wide = to;
    if (bytes == 1)
        for (int64_t i = 0; i < c; i++) narrow[at + i] = (uint8_t)winner[i];
    else
        for (int64_t i = 0; i < c; i++) wide[at + i] = winner[i];
}

static void load_winners(const void *from, int64_t at, int64_t c, int64_t bytes, int32_t *winner) {
    const uint8_t *narrow = from;
    const int32_t *wide = from;
    if (bytes == 1)
        for (int64_t i = 0; i < c; i++) winner[i] = narrow[at + i];
    else
        for (int64_t i = 0; i < c; i++) winner[i] = wide[at + i];
}

static void max_start(const real *restrict x, real *restrict best, int32_t *restrict winner, int64_t c,
                      int32_t tap) {
    for (int64_t i = 0; i < c; i++) best[i] = x[i];
    for (int64_t i = 0; i < c; i++) winner[i] = tap;
}

static void max_of_nothing(real *restrict best, int32_t *restrict winner, int64_t c) {
    for (int64_t i = 0; i < c; i++) best[i] = -(real)INFINITY;
    for (int64_t i = 0; i < c; i++) winner[i] = DNNK_NO_WINNER;
}

static void max_tap(const real *restrict x, real *restrict best, int64_t c) {
    for (int64_t i = 0; i < c; i++) {
        bool wins = (x[i] > best[i]) | (x[i] != x[i]);
        best[i] = wins ? x[i] : best[i];
    }
}

static void max_tap_winner(const real *restrict x, real *restrict best, int32_t *restrict winner, int64_t c,
                           int32_t tap) {
    for (int64_t i = 0; i < c; i++) {
        bool wins = (x[i] > best[i]) | (x[i] != x[i]);
        best[i] = wins ? x[i] : best[i];
        winner[i] = wins ? tap : winner[i];
    }
}

/* x: the unit's first channel at row 0, column 0 of the image. The first tap starts the maximum, so that a window of
 * -infinity has a winner too. Winners are only known if they are `wanted`. */
static void max_window(const dnnk_pool *p, const real *x, dnnk_pool_span h, dnnk_pool_span w, int64_t c, bool wanted,
                       real *best, int32_t *winner) {
    if (sees_nothing(h, w)) {
        max_of_nothing(best, winner, c);
        return;
    }
    for (int64_t kh = h.begin; kh < h.end; kh++) {
        const real *row = x + (h.start + kh * h.step) * p->w.in * p->c;
        for (int64_t kw = w.begin; kw < w.end; kw++) {
            const real *in = row + (w.start + kw * w.step) * p->c;
            int32_t tap = (int32_t)(kh * p->w.kernel + kw);
            if (kh == h.begin && kw == w.begin)
                max_start(in, best, winner, c, tap);
            else if (wanted)
                max_tap_winner(in, best, winner, c, tap);
            else
                max_tap(in, best, c);
        }
    }
}

static void max_forward(const dnnk_pool *p, const void *x, void *y, void *winner, int64_t begin, int64_t end) {
    int64_t bytes = dnnk_max_pool_winner_bytes(p);
    int32_t taps[DNNK_POOL_BLOCK];
    for (int64_t index = begin; index < end; index++) {
        unit u = unit_at(p, index, p->h.out);
        dnnk_pool_span h = dnnk_pool_seen(&p->h, u.row);
        const real *image = (const real *)x + input_row(p, u, 0);
        int64_t out = output_row(p, u, u.row);
        for (int64_t ow = 0; ow < p->w.out; ow++, out += p->c) {
            max_window(p, image, h, dnnk_pool_seen(&p->w, ow), u.c, winner != NULL, (real *)y + out, taps);
            if (winner) store_winners(taps, u.c, bytes, winner, out);
        }
    }
}

static void give_winner(const real *restrict dy, const int32_t *restrict winner, real *restrict dx, int64_t c,
                        int32_t tap) {
    for (int64_t i = 0; i < c; i++) dx[i] += winner[i] == tap ? dy[i] : 0;
}

static void clear_row(real *dx, int64_t width, int64_t pitch, int64_t c) {
    for (int64_t iw = 0; iw < width; iw++)
        for (int64_t i = 0; i < c; i++) dx[iw * pitch + i] = 0;
}

/* Adds to one row of dx what the output row at `out` gives it through the taps of kernel row kh. */
static void max_backward_row(const dnnk_pool *p, const real *dy, const void *winner, int64_t out, real *dx, int64_t c,
                             int64_t kh) {
    int64_t bytes = dnnk_max_pool_winner_bytes(p);
    int32_t taps[DNNK_POOL_BLOCK];
    for (int64_t ow = 0; ow < p->w.out; ow++, out += p->c) {
        dnnk_pool_span w = dnnk_pool_seen(&p->w, ow);
        load_winners(winner, out, c, bytes, taps);
        for (int64_t kw = w.begin; kw < w.end; kw++)
            give_winner(dy + out, taps, dx + (w.start + kw * w.step) * p->c, c, (int32_t)(kh * p->w.kernel + kw));
    }
}

static void max_backward(const dnnk_pool *p, const void *dy, const void *winner, void *dx, int64_t begin,
                         int64_t end) {
    for (int64_t index = begin; index < end; index++) {
        unit u = unit_at(p, index, p->h.in);
        real *row = (real *)dx + input_row(p, u, u.row);
        clear_row(row, p->w.in, p->c, u.c);
        int64_t oh, last;
        for (dnnk_pool_seers(&p->h, u.row, &oh, &last); oh < last; oh++) {
            int64_t kh = dnnk_pool_tap(&p->h, u.row, oh);
            if (kh >= 0) max_backward_row(p, dy, winner, output_row(p, u, oh), row, u.c, kh);
        }
    }
}

/* ---- average ---- */

static void add(const real *restrict x, real *restrict sum, int64_t c) {
    for (int64_t i = 0; i < c; i++) sum[i] += x[i];
}

/* sum = the taps of one window row. */
static void sum_row(const real *x, int64_t pitch, dnnk_pool_span w, int64_t c, real *sum) {
    for (int64_t i = 0; i < c; i++) sum[i] = x[(w.start + w.begin * w.step) * pitch + i];
    for (int64_t kw = w.begin + 1; kw < w.end; kw++) add(x + (w.start + kw * w.step) * pitch, sum, c);
}

static real divisor_of(const dnnk_pool *p, dnnk_pool_span h, dnnk_pool_span w) {
    bool pad = p->count_include_pad;
    return (real)(dnnk_pool_divisor(&p->h, h, pad) * dnnk_pool_divisor(&p->w, w, pad));
}

static void avg_window(const dnnk_pool *p, const real *x, dnnk_pool_span h, dnnk_pool_span w, int64_t c, real *y) {
    real row[DNNK_POOL_BLOCK];
    for (int64_t i = 0; i < c; i++) y[i] = 0;
    if (sees_nothing(h, w)) return;
    for (int64_t kh = h.begin; kh < h.end; kh++) {
        sum_row(x + (h.start + kh * h.step) * p->w.in * p->c, p->c, w, c, row);
        add(row, y, c);
    }
    real divisor = divisor_of(p, h, w);
    for (int64_t i = 0; i < c; i++) y[i] /= divisor;
}

static void avg_forward(const dnnk_pool *p, const void *x, void *y, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
        unit u = unit_at(p, index, p->h.out);
        dnnk_pool_span h = dnnk_pool_seen(&p->h, u.row);
        const real *image = (const real *)x + input_row(p, u, 0);
        real *out = (real *)y + output_row(p, u, u.row);
        for (int64_t ow = 0; ow < p->w.out; ow++)
            avg_window(p, image, h, dnnk_pool_seen(&p->w, ow), u.c, out + ow * p->c);
    }
}

/* Adds to one row of dx its share of the output row at dy, whose windows span the rows h. */
static void avg_backward_row(const dnnk_pool *p, const real *dy, real *dx, int64_t c, dnnk_pool_span h) {
    real share[DNNK_POOL_BLOCK];
    for (int64_t ow = 0; ow < p->w.out; ow++) {
        dnnk_pool_span w = dnnk_pool_seen(&p->w, ow);
        if (sees_nothing(h, w)) continue;
        real divisor = divisor_of(p, h, w);
        for (int64_t i = 0; i < c; i++) share[i] = dy[ow * p->c + i] / divisor;
        for (int64_t kw = w.begin; kw < w.end; kw++) add(share, dx + (w.start + kw * w.step) * p->c, c);
    }
}

static void avg_backward(const dnnk_pool *p, const void *dy, void *dx, int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; index++) {
        unit u = unit_at(p, index, p->h.in);
        real *row = (real *)dx + input_row(p, u, u.row);
        clear_row(row, p->w.in, p->c, u.c);
        int64_t oh, last;
        for (dnnk_pool_seers(&p->h, u.row, &oh, &last); oh < last; oh++)
            if (dnnk_pool_tap(&p->h, u.row, oh) >= 0)
                avg_backward_row(p, (const real *)dy + output_row(p, u, oh), row, u.c, dnnk_pool_seen(&p->h, oh));
    }
}

const dnnk_pool_table DNNK_TABLE(pool) = {
    .max = max_forward, .max_backward = max_backward, .avg = avg_forward, .avg_backward = avg_backward};
