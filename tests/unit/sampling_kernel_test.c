/* Sorting by keys, and permutations one element at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rng/rng.h"
#include "sort/sort.h"

/* That `order` sorts the keys, equal ones by place. */
static void check_sort(int64_t n, const int64_t *key) {
    int64_t *order = malloc((size_t)(n + 1) * sizeof *order);
    void *work = malloc((size_t)dnnk_sort_keys_workspace(n));
    char *seen = calloc((size_t)n + 1, 1);
    assert_true(order && work && seen);
    dnnk_sort_keys(n, key, order, work);
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(order[i], 0, n - 1);
        seen[order[i]]++;
        assert_int_equal(seen[order[i]], 1);
        if (i == 0) continue;
        int64_t a = key[order[i - 1]], b = key[order[i]];
        assert_true(a < b || (a == b && order[i - 1] < order[i]));
    }
    free(order), free(work), free(seen);
}

static void keys_are_sorted(void **state) {
    (void)state;
    enum { N = 5000 };
    static int64_t key[N];
    const int64_t extremes[] = {INT64_MAX, -1, 0, INT64_MIN, 1, -1, INT64_MAX, INT64_MIN + 1, 65536, 65535, -65536};
    check_sort(0, key);
    check_sort(1, extremes);
    check_sort(11, extremes);
    for (int shift = 0; shift < 64; shift += 21) {
        for (int64_t i = 0; i < N; i++)
            key[i] = (int64_t)dnnk_random_below(1, 2, (uint64_t)i, UINT64_MAX >> shift) - (shift == 42 ? 1 << 21 : 0);
        check_sort(N, key);
    }
    for (int64_t i = 0; i < N; i++) key[i] = -7;
    check_sort(N, key);
}

static void permuted_elements_are_a_permutation(void **state) {
    (void)state;
    const int64_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 100, 4096, 4097};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s], moved = 0;
        char seen[4097] = {0};
        for (int64_t i = 0; i < n; i++) {
            int64_t x = dnnk_permuted(3, 4, n, i);
            assert_in_range(x, 0, n - 1);
            assert_int_equal(seen[x]++, 0);
            moved += x != i;
        }
        if (n >= 100) assert_true(moved > n * 9 / 10);
    }
    assert_in_range(dnnk_permuted(1, 1, INT64_C(1) << 59, 12345), 0, (INT64_C(1) << 59) - 1);
}

/* Every element comes to every place about equally often: chi-square of a 10 × 10 table, 81 degrees of freedom. */
static void permuted_elements_are_even(void **state) {
    (void)state;
    enum { N = 10, RUNS = 20000 };
    int count[N][N] = {{0}};
    for (uint64_t seed = 0; seed < RUNS; seed++)
        for (int64_t i = 0; i < N; i++) count[i][dnnk_permuted(seed, 9, N, i)]++;
    double chi = 0, want = (double)RUNS / N;
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) chi += (count[i][k] - want) * (count[i][k] - want) / want;
    assert_true(chi > 40 && chi < 140); /* 81 ± 4.6 deviations */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_sorted),
        cmocka_unit_test(permuted_elements_are_a_permutation),
        cmocka_unit_test(permuted_elements_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
