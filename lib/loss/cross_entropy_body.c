#include "base/body.h"

#include "loss/loss.h"
#include "loss/targets.h"
#include "math/vmath.h"
#include "math/vsum.h"

/* In what follows a[c] = w[c] q[r, c], the weight of class c's log-probability in row r, and A its sum over c:
 *     loss = A log(sum of exp(x - max)) - sum over c of a[c] (x[c] - max)
 *     gradient = scale (A p - a) */

/* 0 log 0 = 0 here: a class that has no weight may have a logit of -inf. */
static inline real weighed(real a, real log_ratio) { return a == R(0.0) ? R(0.0) : a * log_ratio; }

typedef struct {
    int64_t classes, target; /* target < 0: soft */
    const real *weights, *soft;
    real hard, even; /* q = even + hard * (one-hot, or soft[c]) */
} row_targets;

static inline real class_weight(const row_targets *t, int64_t c) { return t->weights ? t->weights[c] : R(1.0); }

static inline real soft_weight(const row_targets *t, int64_t c) {
    return class_weight(t, c) * (t->even + t->hard * t->soft[c]);
}

/* A, and into *log_sum the sum of a[c] (x[c] - max). */
static double weigh_soft(const row_targets *t, const real *x, real max, double *log_sum) {
    double total = 0;
    V_SUM(total, c, t->classes, soft_weight(t, c))
    V_SUM(*log_sum, c, t->classes, weighed(soft_weight(t, c), x[c] - max))
    return total;
}

static double weigh_class(const row_targets *t, const real *x, real max, double *log_sum) {
    real a = class_weight(t, t->target) * t->hard;
    double total = 0;
    if (t->even > R(0.0)) {
        V_SUM(total, c, t->classes, class_weight(t, c) * t->even)
        V_SUM(*log_sum, c, t->classes, weighed(class_weight(t, c) * t->even, x[c] - max))
    }
    *log_sum += (double)weighed(a, x[t->target] - max);
    return total + (double)a;
}

static void subtract_weights(const row_targets *t, real scale, real *gradient) {
    if (t->target < 0) {
        for (int64_t c = 0; c < t->classes; c++) gradient[c] -= scale * soft_weight(t, c);
        return;
    }
    if (t->even > R(0.0))
        for (int64_t c = 0; c < t->classes; c++) gradient[c] -= scale * (class_weight(t, c) * t->even);
    gradient[t->target] -= scale * (class_weight(t, t->target) * t->hard);
}

static double row_loss(const row_targets *t, double scale, const real *x, real *gradient) {
    real max = v_max(t->classes, x);
    double sum = 0, log_sum = 0;
    double total = t->target < 0 ? weigh_soft(t, x, max, &log_sum) : weigh_class(t, x, max, &log_sum);
    if (gradient) {
        V_SUM(sum, c, t->classes, gradient[c] = v_exp(x[c] - max))
        real factor = (real)(scale * total / sum);
        for (int64_t c = 0; c < t->classes; c++) gradient[c] *= factor;
        subtract_weights(t, (real)scale, gradient);
    } else {
        V_SUM(sum, c, t->classes, v_exp(x[c] - max))
    }
    return total * log(sum) - log_sum;
}

static double ignored_row(int64_t classes, real *gradient) {
    for (int64_t c = 0; gradient && c < classes; c++) gradient[c] = R(0.0);
    return 0;
}

static double run(const dnnk_cross_entropy *loss, int64_t first, int64_t rows, double scale, const void *x,
                  void *each_, void *gradient_) {
    row_targets t = {.classes = loss->classes, .target = -1, .weights = loss->class_weights,
                     .hard = (real)(1 - loss->label_smoothing),
                     .even = (real)(loss->label_smoothing / (double)loss->classes)};
    real *each = each_;
    double sum = 0;
    for (int64_t r = first; r < first + rows; r++) {
        real *gradient = gradient_ ? (real *)gradient_ + r * t.classes : NULL;
        if (loss->target_type == DNNK_TARGET_SOFT)
            t.soft = (const real *)loss->targets + r * t.classes;
        else
            t.target = target_class(loss, r);
        bool ignored = !t.soft && target_ignored(loss, t.target);
        double value = ignored ? ignored_row(t.classes, gradient)
                               : row_loss(&t, scale, (const real *)x + r * t.classes, gradient);
        if (each) each[r] = (real)value;
        sum += value;
    }
    return sum;
}

static double weight(const dnnk_cross_entropy *loss, int64_t first, int64_t rows) {
    const real *weights = loss->class_weights;
    double sum = 0;
    for (int64_t r = first; r < first + rows; r++) {
        int64_t target = target_class(loss, r);
        if (!target_ignored(loss, target)) sum += weights ? (double)weights[target] : 1.0;
    }
    return sum;
}

const dnnk_cross_entropy_table DNNK_TABLE(cross_entropy) = {.run = run, .weight = weight};
