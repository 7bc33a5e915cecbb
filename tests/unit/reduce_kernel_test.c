/* lib/reduce/reduce.h against plain sums in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reduce/reduce.h"
#include "support/arrays.h"
#include "support/lanes.h"

static double bound_of(dnnk_type type) { return type == DNNK_F64 ? 1e-12 : 2e-6; }

static test_array run_sum(const dnnk_env *env, const test_array *x, int64_t outer, int64_t n, int64_t inner,
                          double alpha, bool accumulate) {
    test_array y = accumulate ? array_normal(x->type, outer * inner, 9) : array_new(x->type, outer * inner);
    test_array work = array_bytes(dnnk_sum_middle_workspace(outer, n, inner));
    dnnk_sum_middle(env, x->type, outer, n, inner, alpha, accumulate, x->p, y.p, work.p);
    return y;
}

static void check_sum(const dnnk_env *env, dnnk_type type, int64_t outer, int64_t n, int64_t inner) {
    test_array x = array_normal(type, outer * n * inner, 1), before = array_normal(type, outer * inner, 9);
    test_array sum = run_sum(env, &x, outer, n, inner, 1, false);
    test_array third = run_sum(env, &x, outer, n, inner, 1.0 / 3, true);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double want = 0, size = 1;
            for (int64_t j = 0; j < n; j++) {
                double value = array_get(&x, (o * n + j) * inner + i);
                want += value;
                size += fabs(value);
            }
            double bound = bound_of(type) * size;
            array_expect(&sum, o * inner + i, want, bound, "sum");
            array_expect(&third, o * inner + i, array_get(&before, o * inner + i) + want / 3, bound, "accumulated");
        }
    test_array dx = array_new(type, outer * n * inner);
    dnnk_sum_middle_backward(env, type, outer, n, inner, 0.5, sum.p, dx.p);
    for (int64_t k = 0; k < dx.n; k++)
        assert_true(array_get(&dx, k) == 0.5 * array_get(&sum, k / (n * inner) * inner + k % inner));
    arrays_free();
}

static void sums_match(void **state) {
    (void)state;
    const int64_t shapes[][3] = {{1, 0, 5},  {2, 0, 1},   {0, 3, 3},  {3, 4, 0},    {1, 1, 1},   {2, 3, 5},
                                 {5, 17, 1}, {1, 33, 31}, {1, 300, 65}, {2, 70, 300}, {100, 2, 3}, {1, 5000, 7},
                                 {3, 2000, 1}, {1, 1, 1000}};
    FOR_EACH_VARIANT(isa, type)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            dnnk_env env = dnnk_serial(isa);
            check_sum(&env, type, shapes[s][0], shapes[s][1], shapes[s][2]);
        }
}

/* A million and a half equal float32 numbers: a running sum in float32 would be off in the third digit. */
static void long_sums_keep_their_digits(void **state) {
    (void)state;
    const int64_t n = 1500000;
    test_array x = array_new(DNNK_F32, n);
    for (int64_t i = 0; i < n; i++) array_set(&x, i, 0.1);
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    double want = (double)0.1f * (double)n;
    test_array rows = run_sum(&env, &x, 1, n, 1, 1, false), columns = run_sum(&env, &x, 1, n / 3, 3, 1, false);
    array_expect(&rows, 0, want, 1e-6, "one row");
    array_expect(&columns, 1, want / 3, 1e-6, "three columns");
    arrays_free();
}

static void column_sums_accumulate(void **state) {
    (void)state;
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    test_array x = array_normal(DNNK_F32, 600, 2), y = array_new(DNNK_F32, 3);
    test_array work = array_bytes(dnnk_sum_middle_workspace(1, 200, 3));
    for (int64_t c = 0; c < 3; c++) array_set(&y, c, 10);
    dnnk_sum_middle(&env, DNNK_F32, 1, 200, 3, 1.0, true, x.p, y.p, work.p);
    for (int64_t c = 0; c < 3; c++) {
        double want = 10;
        for (int64_t r = 0; r < 200; r++) want += array_get(&x, 3 * r + c);
        array_expect(&y, c, want, 1e-5, "column");
    }
    arrays_free();
}

/* The first number that is not finite is at `bad`. */
static void check_summary(const dnnk_env *env, dnnk_type type, int64_t n, int64_t bad) {
    test_array x = array_normal(type, n, 4);
    if (n > bad) {
        array_set(&x, n - 1 - (n - 1 - bad) / 2, NAN);
        array_set(&x, n - 1, -INFINITY);
        array_set(&x, bad, INFINITY);
    }
    dnnk_summary want = {.min = INFINITY, .max = -INFINITY, .first_bad = -1};
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = array_get(&x, i);
        if (!isfinite(v) && want.first_bad < 0) want.first_bad = i;
        want.nans += isnan(v) ? 1 : 0;
        want.infinities += isinf(v) ? 1 : 0;
        if (!isfinite(v)) continue;
        want.min = fmin(want.min, v);
        want.max = fmax(want.max, v);
        want.finite++;
        sum += v;
        want.sum_squares += v * v;
    }
    dnnk_summary got = dnnk_summarise(env, type, n, x.p);
    assert_true(got.min == want.min && got.max == want.max && got.finite == want.finite);
    assert_true(got.nans == want.nans && got.infinities == want.infinities && got.first_bad == want.first_bad);
    assert_true(fabs(got.sum_squares - want.sum_squares) <= 1e-12 * want.sum_squares);
    assert_true(want.finite == 0 ? isnan(got.mean) : fabs(got.mean - sum / (double)want.finite) < 1e-12);
    arrays_free();
}

static void summaries_match(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int s = 0; s < test_size_count; s++) check_summary(&env, type, test_sizes[s], 2);
        check_summary(&env, type, 40000, 2);
        check_summary(&env, type, 40000, 35001);
    }
}

static void check_squares(const dnnk_env *env, dnnk_type type, int64_t n) {
    test_array x = array_normal(type, n, 3);
    double want = 0;
    for (int64_t i = 0; i < n; i++) want += array_get(&x, i) * array_get(&x, i);
    assert_true(fabs(dnnk_sum_squares(env, type, n, x.p) - want) <= 1e-12 * want);
    arrays_free();
}

static void squares_match(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int s = 0; s < test_size_count; s++) check_squares(&env, type, test_sizes[s]);
        float large[2] = {3e30f, 4e30f}; /* their squares overflow float32 */
        assert_true(fabs(sqrt(dnnk_sum_squares(&env, DNNK_F32, 2, large)) / 5e30 - 1) < 1e-6);
    }
}

static void check_motion(dnnk_isa isa, dnnk_type type, int64_t n) {
    test_array x = array_normal(type, n, 3), old = array_normal(type, n, 4);
    double moved = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        double now = array_get(&x, i), step = now - array_get(&old, i);
        moved += step * step;
        squares += now * now;
    }
    dnnk_motion got = dnnk_reduce_kernels(isa, type)->follow(n, x.p, old.p);
    assert_true(fabs(got.moved - moved) <= 1e-12 * moved && fabs(got.squares - squares) <= 1e-12 * squares);
    for (int64_t i = 0; i < n; i++) assert_true(array_get(&x, i) == array_get(&old, i));
    arrays_free();
}

static void motions_match(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type)
        for (int s = 0; s < test_size_count; s++) check_motion(isa, type, test_sizes[s]);
}

static void argmax_finds_the_first_maximum(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        const double low = -INFINITY;
        const double rows[5][4] = {
            {1, 3, 3, 2}, {low, low, low, low}, {5, NAN, 7, NAN}, {0, 0, INFINITY, 9}, {NAN, 1, 2, 3}};
        const int64_t want[5] = {1, 0, 1, 2, 0};
        test_array x = array_new(type, 20);
        int64_t index[5];
        for (int64_t i = 0; i < 20; i++) array_set(&x, i, rows[i / 4][i % 4]);
        dnnk_argmax_rows(&env, type, 5, 4, x.p, index);
        for (int r = 0; r < 5; r++) assert_int_equal(index[r], want[r]);
        arrays_free();
    }
}

static void results_do_not_depend_on_lanes(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        test_array x = array_normal(type, 60000, 5);
        test_array wide = run_sum(&one, &x, 2, 3000, 10, 1, true), rows = run_sum(&one, &x, 600, 100, 1, 1, false);
        dnnk_summary summary = dnnk_summarise(&one, type, 60000, x.p);
        double squares = dnnk_sum_squares(&one, type, 60000, x.p);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            test_array wide_n = run_sum(&env, &x, 2, 3000, 10, 1, true);
            test_array rows_n = run_sum(&env, &x, 600, 100, 1, 1, false);
            dnnk_summary summary_n = dnnk_summarise(&env, type, 60000, x.p);
            assert_int_equal(array_difference(&wide, &wide_n), -1);
            assert_int_equal(array_difference(&rows, &rows_n), -1);
            assert_memory_equal(&summary, &summary_n, sizeof summary);
            assert_true(squares == dnnk_sum_squares(&env, type, 60000, x.p));
        }
        arrays_free();
    }
}

/* Every single-bit change of arrays of 0 to 99 bytes changes the sum; so does a byte more. */
static void checksum_sees_every_bit(void **state) {
    (void)state;
    unsigned char bytes[100] = {0};
    for (int64_t size = 0; size < 100; size++) {
        uint64_t sum = dnnk_checksum(bytes, size);
        assert_true(sum != dnnk_checksum(bytes, size + 1));
        assert_true(sum == dnnk_checksum(bytes, size));
        for (int64_t bit = 0; bit < 8 * size; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
            assert_true(sum != dnnk_checksum(bytes, size));
            bytes[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_match),
        cmocka_unit_test(long_sums_keep_their_digits),
        cmocka_unit_test(column_sums_accumulate),
        cmocka_unit_test(summaries_match),
        cmocka_unit_test(squares_match),
        cmocka_unit_test(motions_match),
        cmocka_unit_test(argmax_finds_the_first_maximum),
        cmocka_unit_test(results_do_not_depend_on_lanes),
        cmocka_unit_test(checksum_sees_every_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
