/* lib/softmax/softmax.h against the formulas in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "softmax/softmax.h"
#include "support/arrays.h"
#include "support/lanes.h"

static double bound_of(dnnk_type type) { return type == DNNK_F64 ? 1e-13 : 2e-6; }

/* log softmax of row r, in double. */
static void reference_row(const test_array *x, int64_t r, int64_t cols, double *log_p) {
    double max = -INFINITY, sum = 0;
    for (int64_t c = 0; c < cols; c++) max = fmax(max, array_get(x, r * cols + c));
    for (int64_t c = 0; c < cols; c++) sum += exp(array_get(x, r * cols + c) - max);
    for (int64_t c = 0; c < cols; c++) log_p[c] = array_get(x, r * cols + c) - max - log(sum);
}

typedef struct {
    test_array x, dy, y, dx, log_y, log_dx;
} results;

static results run(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols) {
    int64_t n = rows * cols;
    results r = {array_normal(type, n, 5), array_normal(type, n, 6), array_new(type, n),
                 array_new(type, n),       array_new(type, n),       array_new(type, n)};
    for (int64_t i = 0; i < n; i++) array_set(&r.x, i, 3 * array_get(&r.x, i));
    dnnk_softmax_forward(env, type, rows, cols, r.x.p, r.y.p);
    dnnk_softmax_backward(env, type, rows, cols, r.y.p, r.dy.p, r.dx.p);
    dnnk_log_softmax_forward(env, type, rows, cols, r.x.p, r.log_y.p);
    dnnk_log_softmax_backward(env, type, rows, cols, r.log_y.p, r.dy.p, r.log_dx.p);
    return r;
}

static void check(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols) {
    results k = run(env, type, rows, cols);
    double log_p[1000], bound = bound_of(type);
    for (int64_t r = 0; r < rows; r++) {
        double dot = 0, total = 0;
        reference_row(&k.x, r, cols, log_p);
        for (int64_t c = 0; c < cols; c++) {
            dot += exp(log_p[c]) * array_get(&k.dy, r * cols + c);
            total += array_get(&k.dy, r * cols + c);
        }
        for (int64_t c = 0; c < cols; c++) {
            int64_t i = r * cols + c;
            double p = exp(log_p[c]), g = array_get(&k.dy, i);
            array_expect(&k.y, i, p, bound * fmin(1, p + 1e-3), "softmax");
            array_expect(&k.log_y, i, log_p[c], bound, "log-softmax");
            array_expect(&k.dx, i, p * (g - dot), bound, "softmax backward");
            array_expect(&k.log_dx, i, g - p * total, 10 * bound, "log-softmax backward");
        }
    }
    test_array y = array_copy(&k.x), dx = array_copy(&k.dy), log_y = array_copy(&k.x), log_dx = array_copy(&k.dy);
    dnnk_softmax_forward(env, type, rows, cols, y.p, y.p);
    dnnk_softmax_backward(env, type, rows, cols, y.p, dx.p, dx.p);
    dnnk_log_softmax_forward(env, type, rows, cols, log_y.p, log_y.p);
    dnnk_log_softmax_backward(env, type, rows, cols, log_y.p, log_dx.p, log_dx.p);
    assert_int_equal(array_difference(&y, &k.y), -1);
    assert_int_equal(array_difference(&dx, &k.dx), -1);
    assert_int_equal(array_difference(&log_y, &k.log_y), -1);
    assert_int_equal(array_difference(&log_dx, &k.log_dx), -1);
    arrays_free();
}

static void matches_the_formulas(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type)
        for (int s = 0; s < test_size_count; s++) {
            dnnk_env env = dnnk_serial(isa);
            check(&env, type, 3, test_sizes[s]);
        }
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    check(&env, DNNK_F32, 0, 10);
}

/* Rows: one -inf; one large shift; all -inf; a +inf; a NaN. */
static void special_rows(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        const double rows[5][3] = {{-INFINITY, 1, 1},
                                   {1e30, 1e30, -1e30},
                                   {-INFINITY, -INFINITY, -INFINITY},
                                   {INFINITY, 0, 0},
                                   {0, NAN, 0}};
        const double want[2][3] = {{0, 0.5, 0.5}, {0.5, 0.5, 0}};
        test_array x = array_new(type, 15), y = array_new(type, 15), log_y = array_new(type, 15);
        for (int64_t i = 0; i < 15; i++) array_set(&x, i, rows[i / 3][i % 3]);
        dnnk_softmax_forward(&env, type, 5, 3, x.p, y.p);
        dnnk_log_softmax_forward(&env, type, 5, 3, x.p, log_y.p);
        for (int64_t i = 0; i < 15; i++) array_expect(&y, i, i < 6 ? want[i / 3][i % 3] : NAN, 1e-6, "special");
        array_expect(&log_y, 0, -INFINITY, 0, "log of 0");
        array_expect(&log_y, 1, log(0.5), 1e-6, "log of 1/2");
        for (int64_t i = 6; i < 15; i++) assert_true(isnan(array_get(&log_y, i)) || i / 3 == 3);
        test_array dy = array_normal(type, 3, 1), dx = array_new(type, 3);
        dnnk_softmax_backward(&env, type, 1, 3, y.p, dy.p, dx.p);
        array_expect(&dx, 0, 0, 0, "gradient of -inf");
        arrays_free();
    }
}

static void does_not_depend_on_lanes(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        results first = run(&one, type, 517, 100);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            results k = run(&env, type, 517, 100);
            assert_int_equal(array_difference(&k.y, &first.y), -1);
            assert_int_equal(array_difference(&k.dx, &first.dx), -1);
            assert_int_equal(array_difference(&k.log_y, &first.log_y), -1);
            assert_int_equal(array_difference(&k.log_dx, &first.log_dx), -1);
        }
        arrays_free();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_formulas),
        cmocka_unit_test(special_rows),
        cmocka_unit_test(does_not_depend_on_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
