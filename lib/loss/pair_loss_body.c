#include "base/body.h"

#include "loss/loss.h"
#include "math/vmath.h"
#include "math/vsum.h"

/* value and slope of one pair; p is delta (huber), or the positive weight (bce). */

static inline real mse(real x, real t, real p) {
    (void)p;
    return (x - t) * (x - t);
}

static inline real mse_slope(real x, real t, real p) {
    (void)p;
    return R(2.0) * (x - t);
}

static inline real l1(real x, real t, real p) {
    (void)p;
    return r_fabs(x - t);
}

/* d itself where it is neither above nor below 0: 0 or NaN. */
static inline real l1_slope(real x, real t, real p) {
    (void)p;
    real d = x - t;
    return d > R(0.0) ? R(1.0) : d < R(0.0) ? R(-1.0) : d;
}

static inline real huber(real x, real t, real p) {
    real d = r_fabs(x - t);
    return d <= p ? R(0.5) * d * d : p * (d - R(0.5) * p);
}

static inline real huber_slope(real x, real t, real p) {
    real d = x - t, low = d < -p ? -p : d;
    return low > p ? p : low;
}

static inline real bce(real x, real t, real p) {
    real tail = v_log1p_unit(v_exp(-r_fabs(x)));
    real positive = (x > R(0.0) ? x : R(0.0)) + tail, negative = (x < R(0.0) ? -x : R(0.0)) + tail;
    return (R(1.0) - t) * positive + p * t * negative;
}

static inline real bce_slope(real x, real t, real p) {
    real e = v_exp(-r_fabs(x)), large = R(1.0) / (R(1.0) + e), small = e * large;
    real s = x < R(0.0) ? small : large, rest = x < R(0.0) ? large : small;
    return (R(1.0) - t) * s - p * t * rest;
}

/* A block of at most V_BLOCK pairs: what is read stays in the first-level cache between the loops. The gradient comes
 * last, as it may overwrite x. */
#define BLOCK(value, slope)                                                              \
    do {                                                                                 \
        V_SUM(sum, i, n, value(x[i], t[i], p[i]))                                        \
        if (each)                                                                        \
            for (int64_t i = 0; i < n; i++) each[i] = value(x[i], t[i], p[i]);           \
        if (gradient)                                                                    \
            for (int64_t i = 0; i < n; i++) gradient[i] = scale * slope(x[i], t[i], p[i]); \
    } while (0)

static double block(dnnk_pair_loss kind, real scale, int64_t n, const real *x, const real *t, const real *p, real *each,
                    real *gradient) {
    double sum = 0;
    switch (kind) {
    case DNNK_MSE: BLOCK(mse, mse_slope); break;
    case DNNK_L1: BLOCK(l1, l1_slope); break;
    case DNNK_HUBER: BLOCK(huber, huber_slope); break;
    case DNNK_BCE_LOGITS: BLOCK(bce, bce_slope); break;
    }
    return sum;
}

/* p[i] = the positive weight of element first + i. */
static void spread_weights(int64_t first, int64_t n, int64_t cols, const real *pos_weight, real *p) {
    for (int64_t i = 0, c = first % cols; i < n; i++, c = c + 1 < cols ? c + 1 : 0) p[i] = pos_weight[c];
}

static double run(dnnk_pair_loss kind, double delta, double scale, int64_t first, int64_t n, int64_t cols,
                  const void *x, const void *target, const void *pos_weight, void *each, void *gradient) {
    real p[V_BLOCK];
    for (int64_t i = 0; i < V_BLOCK; i++) p[i] = kind == DNNK_HUBER ? (real)delta : R(1.0);
    double sum = 0;
    for (int64_t at = first; at < first + n; at += V_BLOCK) {
        int64_t count = dnnk_min(V_BLOCK, first + n - at);
        if (pos_weight) spread_weights(at, count, cols, pos_weight, p);
        sum += block(kind, (real)scale, count, (const real *)x + at, (const real *)target + at, p,
                     each ? (real *)each + at : NULL, gradient ? (real *)gradient + at : NULL);
    }
    return sum;
}

const dnnk_pair_loss_table DNNK_TABLE(pair_loss) = {.run = run};
