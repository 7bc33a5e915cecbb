/* The nearest neighbours, held against a search by three loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit/neighbours.h"

#include <math.h>

#include "core/context.h"
#include "rng/rng.h"
#include "support/datasets.h"

static const dnn_progress nobody;

static float *random_points(int64_t n, int64_t dims, uint64_t stream) {
    float *x = malloc((size_t)(n * dims) * sizeof *x);
    assert_non_null(x);
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    dnnk_fill_normal(&env, DNNK_F32, 5, stream, 0, 1, n * dims, x);
    return x;
}

static double distance(const float *a, const float *b, int64_t dims) {
    double sum = 0;
    for (int64_t i = 0; i < dims; i++) sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* The `rank`-th nearest of `base` to the query, by counting those before it. */
static int64_t reference(const float *query, int64_t own, dnni_points base, int64_t rank, bool other_numbers) {
    for (int64_t j = 0; j < base.n; j++) {
        if (other_numbers && j == own) continue;
        double d = distance(query, base.x + j * base.dims, base.dims);
        int64_t before = 0;
        for (int64_t i = 0; i < base.n && before <= rank; i++) {
            if (other_numbers && i == own) continue;
            double e = distance(query, base.x + i * base.dims, base.dims);
            before += e < d || (e == d && i < j);
        }
        if (before == rank) return j;
    }
    return -1;
}

static void check(int64_t queries, int64_t n, int64_t dims, int64_t k, bool same, bool other_numbers) {
    float *b = random_points(n, dims, 1), *q = same ? b : random_points(queries, dims, 2);
    dnni_points base = {b, n, dims}, asked = {q, queries, dims};
    dnni_neighbours found;
    OK(dnni_neighbours_find(&found, data_ctx, asked, base, k, other_numbers, &nobody));
    for (int64_t i = 0; i < queries; i += queries > 100 ? 97 : 1)
        for (int64_t r = 0; r < k; r++) {
            int64_t want = reference(q + i * dims, i, base, r, other_numbers), got = found.index[i * k + r];
            assert_int_equal(got, want);
            if (want < 0) assert_true(isinf(found.distance[i * k + r]));
            else assert_float_equal(found.distance[i * k + r], distance(q + i * dims, b + want * dims, dims), 1e-5);
        }
    dnni_neighbours_free(&found);
    if (!same) free(q);
    free(b);
}

static void small_sets(void **state) {
    (void)state;
    check(1, 1, 1, 3, true, true); /* nobody is there */
    check(1, 1, 1, 1, true, false);
    check(5, 3, 2, 4, false, false);
    check(40, 40, 7, 10, true, true);
    check(33, 50, 9, 5, false, true);
}

/* More than a tile, and not a whole number of them. */
static void several_tiles(void **state) {
    (void)state;
    check(1100, 1100, 12, 4, true, true);
    check(40, 2100, 5, 3, false, false);
    check(1030, 30, 5, 3, false, true);
}

/* Equal points: the smaller number comes first, wherever it lies. */
static void ties(void **state) {
    (void)state;
    enum { N = 1500 };
    static float x[N];
    memset(x, 0, sizeof x);
    dnni_neighbours found;
    OK(dnni_neighbours_find(&found, data_ctx, (dnni_points){x, N, 1}, (dnni_points){x, N, 1}, 2, true, &nobody));
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(found.index[2 * i], i == 0 ? 1 : 0);
        assert_int_equal(found.index[2 * i + 1], i <= 1 ? 2 : 1);
        assert_true(found.distance[2 * i] == 0);
    }
    dnni_neighbours_free(&found);
}

/* Distances of near copies far from the origin keep their digits. */
static void near_copies(void **state) {
    (void)state;
    float x[3][2] = {{1000, 1000}, {1000.001f, 1000}, {1001, 1000}};
    dnni_neighbours found;
    OK(dnni_neighbours_find(&found, data_ctx, (dnni_points){*x, 3, 2}, (dnni_points){*x, 3, 2}, 2, true, &nobody));
    assert_float_equal(found.distance[0], x[1][0] - x[0][0], 1e-7);
    assert_float_equal(found.distance[1], 1, 1e-6);
    assert_int_equal(found.index[0], 1);
    dnni_neighbours_free(&found);
}

static void any_number_of_threads(void **state) {
    (void)state;
    enum { N = 1300, DIMS = 33, K = 6 };
    float *x = random_points(N, DIMS, 3);
    dnni_neighbours first = {0};
    dnn_context *first_ctx = NULL, *ctx;
    for (int32_t threads = 1; threads <= 4; threads++) {
        OK(dnn_context_create(&ctx, &(dnn_context_desc){DNN_SIZED(dnn_context_desc), .threads = threads}));
        dnni_neighbours found;
        OK(dnni_neighbours_find(&found, ctx, (dnni_points){x, N, DIMS}, (dnni_points){x, N, DIMS}, K, true, &nobody));
        if (threads == 1) {
            first = found;
            first_ctx = ctx;
            continue;
        }
        assert_memory_equal(found.index, first.index, N * K * sizeof *found.index);
        assert_memory_equal(found.distance, first.distance, N * K * sizeof *found.distance);
        dnni_neighbours_free(&found);
        dnn_context_release(ctx);
    }
    dnni_neighbours_free(&first);
    dnn_context_release(first_ctx);
    free(x);
}

static dnn_status stop_at_second(void *user, const char *what, int64_t done, int64_t total) {
    (void)what;
    assert_true(done <= total);
    return ++*(int *)user == 2 ? dnn_fail(DNN_ERROR_STATE, "enough") : DNN_OK;
}

static void stopped(void **state) {
    (void)state;
    int calls = 0;
    float *x = random_points(2000, 2, 4);
    dnn_progress progress = {stop_at_second, &calls};
    dnni_neighbours found;
    dnni_points points = {x, 2000, 2};
    FAILS(dnni_neighbours_find(&found, data_ctx, points, points, 2, true, &progress), DNN_ERROR_STATE, "enough");
    assert_int_equal(calls, 2);
    free(x);
}

static dnn_status search_once(void *user) {
    dnni_neighbours found;
    dnni_points points = {user, 20, 3};
    dnn_status status = dnni_neighbours_find(&found, data_ctx, points, points, 2, true, &nobody);
    if (status == DNN_OK) dnni_neighbours_free(&found);
    return status;
}

static void out_of_memory(void **state) {
    (void)state;
    float *x = random_points(20, 3, 4);
    expect_memory_failures_survived(search_once, x, 6);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sets),    cmocka_unit_test(several_tiles), cmocka_unit_test(ties),
        cmocka_unit_test(near_copies),   cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(stopped),       cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
