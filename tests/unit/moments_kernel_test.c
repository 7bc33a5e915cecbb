/* Mean, squared deviations and extremes of columns, against two passes in long double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "moments/moments.h"
#include "rng/rng.h"

enum { MOST = 700 };

static double memory[2][5][MOST];
static const dnnk_moments a = {memory[0][0], memory[0][1], memory[0][2], memory[0][3], memory[0][4]};
static const dnnk_moments b = {memory[1][0], memory[1][1], memory[1][2], memory[1][3], memory[1][4]};

static double get(dnnk_moments_type type, const void *x, int64_t i) {
    if (type == DNNK_MOMENTS_U8) return ((const uint8_t *)x)[i];
    return type == DNNK_MOMENTS_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(dnnk_moments_type type, void *x, int64_t i, double value) {
    if (type == DNNK_MOMENTS_U8) ((uint8_t *)x)[i] = (uint8_t)value;
    else if (type == DNNK_MOMENTS_F32) ((float *)x)[i] = (float)value;
    else ((double *)x)[i] = value;
}

/* Numbers of mean about `mean` (bytes: 0 to 255, often the ends). */
static void *numbers(dnnk_moments_type type, int64_t n, double mean) {
    void *x = malloc((size_t)n * 8 + 8);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) {
        double u = dnnk_random_normal(5, 6, (uint64_t)i);
        put(type, x, i, type == DNNK_MOMENTS_U8 ? fmin(fmax(floor(128 + 120 * u), 0), 255) : mean + u);
    }
    return x;
}

static void expect_near(double got, long double want, long double bound, const char *what, int64_t column) {
    if (fabsl((long double)got - want) <= bound) return;
    fail_msg("%s of column %lld is %.17g, not %.17Lg", what, (long long)column, got, want);
}

static void expect_column(dnnk_moments_type type, const void *x, int64_t rows, int64_t columns, int64_t c) {
    long double sum = 0, m2 = 0;
    double low = INFINITY, high = -INFINITY;
    for (int64_t r = 0; r < rows; r++) {
        double value = get(type, x, r * columns + c);
        sum += value;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    long double mean = rows > 0 ? sum / rows : 0;
    for (int64_t r = 0; r < rows; r++) {
        long double d = get(type, x, r * columns + c) - mean;
        m2 += d * d;
    }
    assert_true(a.n[c] == (double)rows && a.min[c] == low && a.max[c] == high);
    expect_near(a.mean[c], mean, fabsl(mean) * 1e-14L + 1e-15L, "mean", c);
    expect_near(a.m2[c], m2, m2 * 1e-12L + 1e-13L, "m2", c);
}

static void check(dnnk_isa isa, dnnk_moments_type type, int64_t rows, int64_t columns, double mean) {
    void *x = numbers(type, rows * columns, mean);
    dnnk_moments_of(isa, type, rows, columns, x, &a);
    for (int64_t c = 0; c < columns; c++) expect_column(type, x, rows, columns, c);
    free(x);
}

static void columns_are_right(void **state) {
    (void)state;
    const int64_t columns[] = {1, 2, 3, 4, 5, 7, 16, 63, 64, 100, 255, 256, 257, 511, 512, 513, 700};
    const int64_t rows[] = {0, 1, 2, 3, 4, 5, 17, 200};
    for (int isa = DNNK_PORTABLE; isa <= (int)dnnk_best_isa(); isa++)
        for (int type = DNNK_MOMENTS_U8; type <= DNNK_MOMENTS_F64; type++)
            for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
                for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
                    check((dnnk_isa)isa, (dnnk_moments_type)type, rows[r], columns[c], 3);
}

/* More rows than 16 and 32 bits of a byte's sums would take. */
static void long_columns_of_bytes(void **state) {
    (void)state;
    for (int isa = DNNK_PORTABLE; isa <= (int)dnnk_best_isa(); isa++) {
        int64_t rows = 300000;
        uint8_t *x = malloc((size_t)rows);
        assert_non_null(x);
        for (int value = 0; value <= 255; value += 255) {
            memset(x, value, (size_t)rows);
            x[rows - 1] = 128;
            dnnk_moments_of((dnnk_isa)isa, DNNK_MOMENTS_U8, rows, 1, x, &a);
            expect_column(DNNK_MOMENTS_U8, x, rows, 1, 0);
        }
        free(x);
    }
}

/* A spread that is small beside the mean is where sums of squares alone would leave nothing. */
static void a_small_spread_on_a_large_mean(void **state) {
    (void)state;
    for (int isa = DNNK_PORTABLE; isa <= (int)dnnk_best_isa(); isa++) {
        check((dnnk_isa)isa, DNNK_MOMENTS_F64, 3000, 3, 1e6);
        void *x = numbers(DNNK_MOMENTS_F64, 3000, 1e9);
        dnnk_moments_of((dnnk_isa)isa, DNNK_MOMENTS_F64, 3000, 1, x, &a);
        assert_true(fabs(a.m2[0] / 3000 - 1) < 0.1);
        free(x);
        check((dnnk_isa)isa, DNNK_MOMENTS_F32, 3000, 3, 1e5);
    }
}

static void parts_make_the_whole(void **state) {
    (void)state;
    void *x = numbers(DNNK_MOMENTS_F32, 900, 2);
    for (int64_t cut = 0; cut <= 300; cut += 50) {
        dnnk_moments_of(DNNK_PORTABLE, DNNK_MOMENTS_F32, cut, 3, x, &a);
        dnnk_moments_of(DNNK_PORTABLE, DNNK_MOMENTS_F32, 300 - cut, 3, (float *)x + 3 * cut, &b);
        dnnk_moments_combine(&a, &b, 0, 3);
        for (int64_t c = 0; c < 3; c++) expect_column(DNNK_MOMENTS_F32, x, 300, 3, c);
    }
    dnnk_moments_clear(&a, 3);
    for (int64_t i = 0; i < 900; i++) dnnk_moments_add(&a, i % 3, get(DNNK_MOMENTS_F32, x, i));
    for (int64_t c = 0; c < 3; c++) expect_column(DNNK_MOMENTS_F32, x, 300, 3, c);
    free(x);
}

static void bad_numbers_show(void **state) {
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int isa = DNNK_PORTABLE; isa <= (int)dnnk_best_isa(); isa++)
        for (int k = 0; k < 3; k++)
            for (int64_t at = 0; at < 90; at += 7) {
                float *x = numbers(DNNK_MOMENTS_F32, 90, 2);
                x[at] = (float)bad[k];
                dnnk_moments_of((dnnk_isa)isa, DNNK_MOMENTS_F32, 30, 3, x, &a);
                for (int64_t c = 0; c < 3; c++) assert_true(isfinite(a.m2[c]) == (c != at % 3));
                free(x);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_right),        cmocka_unit_test(long_columns_of_bytes),
        cmocka_unit_test(a_small_spread_on_a_large_mean), cmocka_unit_test(parts_make_the_whole),
        cmocka_unit_test(bad_numbers_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
