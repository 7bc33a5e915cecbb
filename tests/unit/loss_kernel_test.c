/* lib/loss/loss.h against the formulas in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "loss/loss.h"
#include "support/arrays.h"
#include "support/lanes.h"

#define CLASSES_MAX 1000

static double bound_of(dnnk_type type) { return type == DNNK_F64 ? 1e-12 : 2e-6; }

/* ---- cross-entropy ---- */

/* w q of row r into a. */
static void reference_weights(const dnnk_cross_entropy *loss, dnnk_type type, int64_t r, const int64_t *classes,
                              double *a) {
    const test_array w = {.type = type, .n = loss->classes, .p = (void *)(uintptr_t)loss->class_weights};
    const test_array soft = {.type = type, .p = (void *)(uintptr_t)loss->targets};
    for (int64_t c = 0; c < loss->classes; c++) {
        bool is_soft = loss->target_type == DNNK_TARGET_SOFT;
        double t = is_soft ? array_get(&soft, r * loss->classes + c) : c == classes[r] ? 1 : 0;
        double q = (1 - loss->label_smoothing) * t + loss->label_smoothing / (double)loss->classes;
        a[c] = q * (w.p ? array_get(&w, c) : 1);
    }
}

static void expect_row(const dnnk_cross_entropy *loss, const test_array *x, int64_t r, const int64_t *classes,
                       double scale, double *sum, const test_array *each, const test_array *gradient) {
    double a[CLASSES_MAX], total = 0, value = 0, max = -INFINITY, norm = 0, bound = bound_of(x->type);
    const int64_t at = r * loss->classes;
    const bool ignored = loss->has_ignore_index && classes[r] == loss->ignore_index;
    reference_weights(loss, x->type, r, classes, a);
    for (int64_t c = 0; c < loss->classes; c++) max = fmax(max, array_get(x, at + c));
    for (int64_t c = 0; c < loss->classes; c++) norm += exp(array_get(x, at + c) - max);
    for (int64_t c = 0; c < loss->classes; c++) {
        total += a[c];
        if (a[c] != 0) value -= a[c] * (array_get(x, at + c) - max - log(norm));
    }
    for (int64_t c = 0; c < loss->classes; c++) {
        double p = exp(array_get(x, at + c) - max) / norm;
        array_expect(gradient, at + c, ignored ? 0 : scale * (total * p - a[c]), bound, "gradient");
    }
    array_expect(each, r, ignored ? 0 : value, bound * fmax(1, total), "loss of a row");
    *sum += ignored ? 0 : value;
}

typedef struct {
    test_array x, targets, weights, each, gradient;
    int64_t classes[600]; /* the class numbers, whatever their type */
} entropy_data;

/* Class numbers, every fifth of them ignored where there is an ignore index. */
static void make_targets(entropy_data *d, dnnk_cross_entropy *loss, dnnk_type type) {
    uint64_t seed = 11;
    d->targets = array_bytes(loss->rows * 8);
    for (int64_t r = 0; r < loss->rows; r++) {
        d->classes[r] = (int64_t)(test_uniform(&seed) * (double)loss->classes);
        if (loss->has_ignore_index && r % 5 == 3) d->classes[r] = loss->ignore_index;
        if (loss->target_type == DNNK_TARGET_U8) ((uint8_t *)d->targets.p)[r] = (uint8_t)d->classes[r];
        if (loss->target_type == DNNK_TARGET_I32) ((int32_t *)d->targets.p)[r] = (int32_t)d->classes[r];
        if (loss->target_type == DNNK_TARGET_I64) ((int64_t *)d->targets.p)[r] = d->classes[r];
    }
    if (loss->target_type == DNNK_TARGET_SOFT) {
        d->targets = array_new(type, loss->rows * loss->classes);
        for (int64_t i = 0; i < d->targets.n; i++) array_set(&d->targets, i, test_uniform(&seed));
    }
    loss->targets = d->targets.p;
}

static void make_entropy(entropy_data *d, dnnk_cross_entropy *loss, dnnk_type type, bool weighted) {
    d->x = array_normal(type, loss->rows * loss->classes, 1);
    d->each = array_new(type, loss->rows);
    d->gradient = array_new(type, d->x.n);
    d->weights = array_normal(type, loss->classes, 2);
    for (int64_t c = 0; c < loss->classes; c++) array_set(&d->weights, c, fabs(array_get(&d->weights, c)) + 0.1);
    make_targets(d, loss, type);
    loss->class_weights = weighted ? d->weights.p : NULL;
}

static void check_entropy(const dnnk_env *env, dnnk_type type, dnnk_cross_entropy loss, bool weighted) {
    entropy_data d;
    double sum = 0, size = 1;
    make_entropy(&d, &loss, type, weighted);
    assert_int_equal(dnnk_cross_entropy_bad_row(&loss), -1);
    double got = dnnk_cross_entropy_run(env, type, &loss, 0.25, d.x.p, d.each.p, d.gradient.p);
    for (int64_t r = 0; r < loss.rows; r++) {
        double before = sum;
        expect_row(&loss, &d.x, r, d.classes, 0.25, &sum, &d.each, &d.gradient);
        size += fabs(sum - before);
    }
    if (!(fabs(got - sum) <= bound_of(type) * size)) fail_msg("sum %.9g, expected %.9g", got, sum);
    test_array in_place = array_copy(&d.x);
    assert_true(got == dnnk_cross_entropy_run(env, type, &loss, 0.25, d.x.p, NULL, NULL));
    assert_true(got == dnnk_cross_entropy_run(env, type, &loss, 0.25, in_place.p, NULL, in_place.p));
    assert_int_equal(array_difference(&in_place, &d.gradient), -1);
    arrays_free();
}

static void cross_entropy_matches(void **state) {
    (void)state;
    const int64_t class_counts[] = {1, 2, 3, 7, 10, 17, 31, 33, 65, 1000};
    FOR_EACH_VARIANT(isa, type)
        for (int k = 0; k < 10; k++)
            for (int target = DNNK_TARGET_U8; target <= DNNK_TARGET_SOFT; target++)
                for (int options = 0; options < 8; options++) {
                    dnnk_env env = dnnk_serial(isa);
                    bool small = target == DNNK_TARGET_U8;
                    int64_t classes = small ? dnnk_min(class_counts[k], 200) : class_counts[k];
                    dnnk_cross_entropy loss = {.rows = 9, .classes = classes,
                                               .target_type = (dnnk_target_type)target,
                                               .label_smoothing = options & 2 ? 0.1 : 0,
                                               .has_ignore_index = options & 4 && target != DNNK_TARGET_SOFT,
                                               .ignore_index = small ? 255 : -100};
                    check_entropy(&env, type, loss, options & 1);
                }
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    dnnk_cross_entropy none = {.classes = 3, .target_type = DNNK_TARGET_I64};
    dnnk_cross_entropy many = {.rows = 600, .classes = 100, .target_type = DNNK_TARGET_I64};
    check_entropy(&env, DNNK_F32, none, false);
    check_entropy(&env, DNNK_F32, many, true);
}

/* The mean as PyTorch divides it, by hand: weights 1, 2, 4; rows of class 0, 2, ignored, 2. */
static void weight_is_what_the_mean_divides_by(void **state) {
    (void)state;
    const float weights[3] = {1, 2, 4};
    const int32_t targets[4] = {0, 2, -1, 2};
    dnnk_cross_entropy loss = {.rows = 4, .classes = 3, .target_type = DNNK_TARGET_I32, .targets = targets,
                               .class_weights = weights, .has_ignore_index = true, .ignore_index = -1};
    assert_true(dnnk_cross_entropy_weight(DNNK_F32, &loss) == 9);
    loss.class_weights = NULL;
    assert_true(dnnk_cross_entropy_weight(DNNK_F32, &loss) == 3);
    loss.target_type = DNNK_TARGET_SOFT;
    assert_true(dnnk_cross_entropy_weight(DNNK_F32, &loss) == 4);
}

/* Uniform logits over C classes cost log C, whatever the target and the smoothing. */
static void uniform_logits_cost_log_classes(void **state) {
    (void)state;
    const uint8_t targets[2] = {3, 0};
    const double logits[20] = {0};
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    dnnk_cross_entropy loss = {.rows = 2, .classes = 10, .target_type = DNNK_TARGET_U8, .targets = targets,
                               .label_smoothing = 0.3};
    assert_true(fabs(dnnk_cross_entropy_run(&env, DNNK_F64, &loss, 1, logits, NULL, NULL) - 2 * log(10)) < 1e-14);
}

static void bad_class_numbers_are_found(void **state) {
    (void)state;
    int64_t targets[3] = {0, -100, 3};
    dnnk_cross_entropy loss = {.rows = 3, .classes = 3, .target_type = DNNK_TARGET_I64, .targets = targets};
    assert_int_equal(dnnk_cross_entropy_bad_row(&loss), 1);
    loss.has_ignore_index = true, loss.ignore_index = -100;
    assert_int_equal(dnnk_cross_entropy_bad_row(&loss), 2);
    targets[2] = INT64_MIN;
    assert_int_equal(dnnk_cross_entropy_bad_row(&loss), 2);
    targets[2] = 2;
    assert_int_equal(dnnk_cross_entropy_bad_row(&loss), -1);
}

/* Logits of -inf: harmless off the target, an infinite loss on it; a NaN is not lost. Huge logits do not overflow. */
static void cross_entropy_of_special_values(void **state) {
    (void)state;
    const double logits[4][3] = {{-INFINITY, 0, 0}, {-INFINITY, 0, 0}, {0, NAN, 0}, {1e30, -1e30, 0}};
    const double want[4] = {log(2), INFINITY, NAN, 0};
    const int64_t targets[4] = {1, 0, 2, 0};
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        dnnk_cross_entropy loss = {.rows = 4, .classes = 3, .target_type = DNNK_TARGET_I64, .targets = targets};
        test_array x = array_new(type, 12), each = array_new(type, 4), gradient = array_new(type, 12);
        for (int64_t i = 0; i < 12; i++) array_set(&x, i, logits[i / 3][i % 3]);
        dnnk_cross_entropy_run(&env, type, &loss, 1, x.p, each.p, gradient.p);
        for (int64_t r = 0; r < 4; r++) array_expect(&each, r, want[r], 1e-6, "special row");
        array_expect(&gradient, 0, 0, 0, "gradient at -inf");
        array_expect(&gradient, 1, -0.5, 1e-6, "gradient beside -inf");
        array_expect(&gradient, 3, -1, 1e-6, "gradient of an infinite loss");
        array_expect(&gradient, 6, NAN, 0, "gradient beside a NaN");
        arrays_free();
    }
}

/* ---- pairs ---- */

#define DELTA 0.7

static double pair(int kind, double x, double t, double p) {
    double d = fabs(x - t);
    switch (kind) {
    case DNNK_MSE: return d * d;
    case DNNK_L1: return d;
    case DNNK_HUBER: return d <= DELTA ? d * d / 2 : DELTA * (d - DELTA / 2);
    default: return (1 - t) * x + (1 + (p - 1) * t) * (log1p(exp(-fabs(x))) + fmax(-x, 0));
    }
}

static double pair_slope(int kind, double x, double t, double p) {
    double d = x - t, s = 1 / (1 + exp(-x));
    switch (kind) {
    case DNNK_MSE: return 2 * d;
    case DNNK_L1: return (d > 0) - (d < 0);
    case DNNK_HUBER: return fmax(-DELTA, fmin(DELTA, d));
    default: return (1 + (p - 1) * t) * (s - 1) + 1 - t;
    }
}

static double run_pairs(const dnnk_env *env, dnnk_type type, int kind, int64_t rows, int64_t cols, const void *x,
                        const void *t, const void *p, void *each, void *gradient) {
    if (p) return dnnk_bce_logits_run(env, type, 0.5, rows, cols, x, t, p, each, gradient);
    return dnnk_pair_loss_run(env, type, (dnnk_pair_loss)kind, DELTA, 0.5, rows * cols, x, t, each, gradient);
}

static void check_pairs(const dnnk_env *env, dnnk_type type, int kind, int64_t rows, int64_t cols, bool weighted) {
    int64_t n = rows * cols;
    test_array x = array_normal(type, n, 1), t = array_normal(type, n, 2), p = array_normal(type, cols, 3);
    test_array each = array_new(type, n), gradient = array_new(type, n);
    double sum = 0, size = 1;
    for (int64_t c = 0; c < cols; c++) array_set(&p, c, 1 + fabs(array_get(&p, c)));
    for (int64_t i = 0; i < n; i++) {
        if (kind == DNNK_BCE_LOGITS) array_set(&t, i, i % 3 == 0 ? 1 : i % 3 == 1 ? 0 : 0.3);
        if (i % 7 == 0 && kind != DNNK_BCE_LOGITS) array_set(&t, i, array_get(&x, i)); /* d = 0 */
        if (kind == DNNK_BCE_LOGITS) array_set(&x, i, 5 * array_get(&x, i));
    }
    const void *pos_weight = weighted ? p.p : NULL;
    double got = run_pairs(env, type, kind, rows, cols, x.p, t.p, pos_weight, each.p, gradient.p);
    for (int64_t i = 0; i < n; i++) {
        double xi = array_get(&x, i), ti = array_get(&t, i), pi = weighted ? array_get(&p, i % cols) : 1;
        double value = pair(kind, xi, ti, pi);
        array_expect(&each, i, value, bound_of(type), "loss of a pair");
        array_expect(&gradient, i, 0.5 * pair_slope(kind, xi, ti, pi), bound_of(type), "gradient of a pair");
        sum += value;
        size += fabs(value);
    }
    if (!(fabs(got - sum) <= bound_of(type) * size)) fail_msg("kind %d: sum %.9g, expected %.9g", kind, got, sum);
    test_array in_place = array_copy(&x);
    assert_true(got == run_pairs(env, type, kind, rows, cols, x.p, t.p, pos_weight, NULL, NULL));
    assert_true(got == run_pairs(env, type, kind, rows, cols, in_place.p, t.p, pos_weight, NULL, in_place.p));
    assert_int_equal(array_difference(&in_place, &gradient), -1);
    arrays_free();
}

static void pair_losses_match(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int s = 0; s < test_size_count; s++) {
            for (int kind = DNNK_MSE; kind <= DNNK_BCE_LOGITS; kind++)
                check_pairs(&env, type, kind, 1, test_sizes[s], false);
            check_pairs(&env, type, DNNK_BCE_LOGITS, 5, dnnk_max(1, test_sizes[s]), true);
        }
        check_pairs(&env, type, DNNK_BCE_LOGITS, 3000, 7, true);
    }
}

/* Rare-event logits keep their digits: at x = -30 and t = 0 the loss and the slope are exp(-30), not 0. */
static void bce_does_not_cancel(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        test_array x = array_new(type, 4), t = array_new(type, 4), each = array_new(type, 4), dx = array_new(type, 4);
        const double logits[4] = {-30, 30, -1e30, NAN}, targets[4] = {0, 1, 1, 0};
        for (int64_t i = 0; i < 4; i++) array_set(&x, i, logits[i]), array_set(&t, i, targets[i]);
        dnnk_pair_loss_run(&env, type, DNNK_BCE_LOGITS, 0, 1, 4, x.p, t.p, each.p, dx.p);
        for (int64_t i = 0; i < 2; i++) {
            assert_true(fabs(array_get(&each, i) / exp(-30) - 1) < 1e-6);
            assert_true(fabs(fabs(array_get(&dx, i)) / exp(-30) - 1) < 1e-6);
        }
        array_expect(&each, 2, 1e30, 1e-6, "a large loss");
        array_expect(&dx, 2, -1, 0, "its slope");
        array_expect(&each, 3, NAN, 0, "NaN");
        array_expect(&dx, 3, NAN, 0, "NaN");
        arrays_free();
    }
}

static void losses_do_not_depend_on_lanes(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        entropy_data d;
        dnnk_cross_entropy loss = {.rows = 600, .classes = 100, .target_type = DNNK_TARGET_I64};
        make_entropy(&d, &loss, type, true);
        test_array gradient = array_new(type, d.x.n), target = array_normal(type, d.x.n, 9);
        double entropy = dnnk_cross_entropy_run(&one, type, &loss, 1, d.x.p, NULL, d.gradient.p);
        double huber = dnnk_pair_loss_run(&one, type, DNNK_HUBER, 1, 1, d.x.n, d.x.p, target.p, NULL, NULL);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            assert_true(entropy == dnnk_cross_entropy_run(&env, type, &loss, 1, d.x.p, NULL, gradient.p));
            assert_int_equal(array_difference(&gradient, &d.gradient), -1);
            assert_true(huber == dnnk_pair_loss_run(&env, type, DNNK_HUBER, 1, 1, d.x.n, d.x.p, target.p, NULL, NULL));
        }
        arrays_free();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_matches),
        cmocka_unit_test(weight_is_what_the_mean_divides_by),
        cmocka_unit_test(uniform_logits_cost_log_classes),
        cmocka_unit_test(bad_class_numbers_are_found),
        cmocka_unit_test(cross_entropy_of_special_values),
        cmocka_unit_test(pair_losses_match),
        cmocka_unit_test(bce_does_not_cancel),
        cmocka_unit_test(losses_do_not_depend_on_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
