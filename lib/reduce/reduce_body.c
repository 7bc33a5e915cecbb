#include "base/body.h"

#include "math/columns.h"
#include "math/vsum.h"
#include "reduce/reduce.h"

static void sum_columns(int64_t n, int64_t inner, const void *x, double *sum) {
    for (int64_t i = 0; i < inner; i += COLUMNS)
        column_sums(n, dnnk_min(COLUMNS, inner - i), inner, (const real *)x + i, sum + i);
}

static void sum_rows(int64_t rows, int64_t n, double alpha, bool accumulate, const void *x_, void *y_) {
    real *y = y_;
    for (int64_t r = 0; r < rows; r++) {
        const real *x = (const real *)x_ + r * n;
        double sum = 0;
        V_SUM(sum, i, n, x[i])
        y[r] = (real)((accumulate ? (double)y[r] : 0.0) + alpha * sum);
    }
}

static void store(int64_t n, double alpha, bool accumulate, const double *sum, void *y_) {
    real *y = y_;
    if (accumulate)
        for (int64_t i = 0; i < n; i++) y[i] = (real)((double)y[i] + alpha * sum[i]);
    else
        for (int64_t i = 0; i < n; i++) y[i] = (real)(alpha * sum[i]);
}

static void broadcast(int64_t outer, int64_t n, int64_t inner, double alpha_, const void *dy_, void *dx_) {
    const real *dy = dy_, alpha = (real)alpha_;
    real *dx = dx_;
    for (int64_t o = 0; o < outer; o++, dy += inner)
        for (int64_t j = 0; j < n; j++, dx += inner)
            for (int64_t i = 0; i < inner; i++) dx[i] = alpha * dy[i];
}

/* Eight running sums, added up in a fixed order. */
static double sum_lanes(const double *lane) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

static double sum_squares(int64_t n, const void *x_) {
    const real *x = x_;
    double lane[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int64_t l = 0; l < 8; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    for (int64_t l = 0; i + l < n; l++) lane[l] += (double)x[i + l] * (double)x[i + l];
    return sum_lanes(lane);
}

static inline void follow_lanes(int64_t count, const real *restrict x, real *restrict old, double *restrict moved,
                                double *restrict squares) {
    for (int64_t l = 0; l < count; l++) {
        double now = (double)x[l], step = now - (double)old[l];
        moved[l] += step * step;
        squares[l] += now * now;
        old[l] = x[l];
    }
}

static dnnk_motion follow(int64_t n, const void *x_, void *old_) {
    const real *x = x_;
    real *old = old_;
    double moved[8] = {0}, squares[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) follow_lanes(8, x + i, old + i, moved, squares);
    follow_lanes(n - i, x + i, old + i, moved, squares);
    return (dnnk_motion){sum_lanes(moved), sum_lanes(squares)};
}

#define LANES 8

static void find_bad(int64_t n, const real *x, dnnk_summary *s) {
    for (int64_t i = n - 1; i >= 0; i--) {
        if (isfinite(x[i])) continue;
        s->first_bad = i;
        *(isnan(x[i]) ? &s->nans : &s->infinities) += 1;
    }
}

/* LANES numbers into as many running summaries; numbers that are not finite leave min, max, sum and squares alone. */
static inline void add_lanes(int64_t count, const real *x, double *restrict min, double *restrict max,
                             double *restrict sum, double *restrict squares, double *restrict finite) {
    for (int64_t l = 0; l < count; l++) {
        double v = (double)x[l], one = fabs(v) <= (double)REAL_MAX ? 1.0 : 0.0, kept = one > 0.0 ? v : 0.0;
        double low = one > 0.0 ? v : min[l], high = one > 0.0 ? v : max[l];
        min[l] = low < min[l] ? low : min[l];
        max[l] = high > max[l] ? high : max[l];
        sum[l] += kept;
        squares[l] += kept * kept;
        finite[l] += one;
    }
}

static dnnk_summary summarise(int64_t n, const void *x_) {
    const real *x = x_;
    double min[LANES], max[LANES], sum[LANES] = {0}, squares[LANES] = {0}, finite[LANES] = {0};
    for (int l = 0; l < LANES; l++) min[l] = INFINITY, max[l] = -INFINITY;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) add_lanes(LANES, x + i, min, max, sum, squares, finite);
    add_lanes(n - i, x + i, min, max, sum, squares, finite);
    dnnk_summary s = {.min = INFINITY, .max = -INFINITY, .first_bad = -1};
    for (int l = 0; l < LANES; l++) {
        s.min = fmin(s.min, min[l]);
        s.max = fmax(s.max, max[l]);
        s.mean += sum[l];
        s.sum_squares += squares[l];
        s.finite += (int64_t)finite[l];
    }
    if (s.finite < n) find_bad(n, x, &s);
    return s;
}

static void argmax_rows(int64_t rows, int64_t cols, const void *x_, int64_t *index) {
    for (int64_t r = 0; r < rows; r++) {
        const real *x = (const real *)x_ + r * cols;
        int64_t best = 0;
        for (int64_t c = 1; c < cols && !isnan(x[best]); c++)
            if (!(x[c] <= x[best])) best = c;
        index[r] = best;
    }
}

const dnnk_reduce_table DNNK_TABLE(reduce) = {.sum_columns = sum_columns,
                                              .sum_rows = sum_rows,
                                              .store = store,
                                              .broadcast = broadcast,
                                              .sum_squares = sum_squares,
                                              .follow = follow,
                                              .summarise = summarise,
                                              .argmax_rows = argmax_rows};
