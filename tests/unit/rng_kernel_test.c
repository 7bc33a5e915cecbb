/* lib/rng/rng.h: the published vectors of Philox, the promises of rng.h, and rough statistics. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rng/rng.h"
#include "support/arrays.h"
#include "support/lanes.h"

#define SEED 0x0123456789abcdefu
#define STREAM 0xfedcba9876543210u

/* Random123's known answers for philox4x32-10 (kat_vectors). */
static void philox_gives_the_published_numbers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t v = 0; v < 3; v++) {
        dnnk_philox_block b = dnnk_philox(vectors[v].counter, vectors[v].key);
        assert_memory_equal(b.word, vectors[v].want, sizeof b.word);
    }
}

static void blocks_are_keyed_as_documented(void **state) {
    (void)state;
    const uint32_t counter[4] = {5, 7, 0x76543210, 0xfedcba98}, key[2] = {0x89abcdef, 0x01234567};
    dnnk_philox_block want = dnnk_philox(counter, key), got = dnnk_random_block(SEED, STREAM, 7ull << 32 | 5);
    assert_memory_equal(&got, &want, sizeof want);
    FOR_EACH_VARIANT(isa, type)
        for (int64_t blocks = 0; blocks < 40; blocks++) {
            uint32_t word[160];
            uint64_t first = 0xfffffff0u; /* the count carries into the second word */
            dnnk_rng_kernels(isa, type)->words(SEED, STREAM, first, blocks, word);
            for (int64_t b = 0; b < blocks; b++) {
                want = dnnk_random_block(SEED, STREAM, first + (uint64_t)b);
                assert_memory_equal(word + 4 * b, want.word, sizeof want.word);
            }
        }
}

static double unit(dnnk_type type, int64_t i) {
    dnnk_philox_block b = dnnk_random_block(SEED, STREAM, (uint64_t)(type == DNNK_F64 ? i / 2 : i / 4));
    if (type == DNNK_F32) return (b.word[i % 4] >> 8) / 16777216.0;
    uint64_t word = (uint64_t)b.word[2 * (i % 2)] << 32 | b.word[2 * (i % 2) + 1];
    return (double)(word >> 11) / 9007199254740992.0;
}

static void check_fills(dnnk_isa isa, dnnk_type type, int64_t n, int64_t lanes) {
    dnnk_env env = test_lanes(lanes, isa), plain = dnnk_serial(DNNK_PORTABLE);
    test_array u = array_new(type, n), v = array_new(type, n), portable = array_new(type, n), z = array_new(type, n);
    dnnk_fill_uniform(&env, type, SEED, STREAM, 0, 1, n, u.p);
    dnnk_fill_uniform(&env, type, SEED, STREAM, -3, 0.7, n, v.p);
    dnnk_fill_uniform(&plain, type, SEED, STREAM, -3, 0.7, n, portable.p);
    dnnk_fill_normal(&env, type, SEED, STREAM, 2, 0.5, n, z.p);
    assert_int_equal(array_difference(&v, &portable), -1);
    for (int64_t i = 0; i < n; i++) {
        double exact = unit(type, i);
        assert_true(array_get(&u, i) == exact);
        array_expect(&v, i, -3 + 3.7 * exact, type == DNNK_F64 ? 1e-15 : 2e-7, "uniform");
        double normal = 2 + 0.5 * dnnk_random_normal(SEED, STREAM, (uint64_t)i);
        array_expect(&z, i, normal, type == DNNK_F64 ? 1e-15 : 6e-8, "normal");
        if (type == DNNK_F64) assert_true(dnnk_random_uniform(SEED, STREAM, (uint64_t)i) == exact);
    }
    arrays_free();
}

static void fills_depend_on_the_index_alone(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        for (int s = 0; s < test_size_count; s++) check_fills(isa, type, test_sizes[s], 1);
        for (int64_t lanes = 1; lanes <= 4; lanes++) check_fills(isa, type, 33333, lanes);
    }
}

/* A million numbers: mean and variance within five standard errors, and the correlation of neighbours. */
static void moments_are_right(void **state) {
    (void)state;
    const int64_t n = 1000000;
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    test_array z = array_new(DNNK_F32, n);
    double sum = 0, square = 0, fourth = 0, neighbour = 0, root = sqrt((double)n);
    dnnk_fill_normal(&env, DNNK_F32, 1, 2, 0, 1, n, z.p);
    for (int64_t i = 0; i < n; i++) {
        double v = array_get(&z, i);
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
        if (i > 0) neighbour += v * array_get(&z, i - 1);
    }
    assert_true(fabs(sum) < 5 * root && fabs(neighbour) < 5 * root);
    assert_true(fabs(square - (double)n) < 5 * root * sqrt(2) && fabs(fourth - 3 * (double)n) < 5 * root * sqrt(96));
    dnnk_fill_uniform(&env, DNNK_F32, 1, 3, 0, 1, n, z.p);
    sum = 0;
    for (int64_t i = 0; i < n; i++) sum += array_get(&z, i) - 0.5;
    assert_true(fabs(sum) < 5 * root / sqrt(12));
    arrays_free();
}

static void integers_below_are_even(void **state) {
    (void)state;
    int64_t count[6] = {0};
    const int64_t n = 60000;
    for (int64_t i = 0; i < n; i++) count[dnnk_random_below(SEED, STREAM, (uint64_t)i, 6)]++;
    for (int k = 0; k < 6; k++) assert_true(fabs((double)count[k] - 10000) < 5 * sqrt(10000 * 5 / 6.0));
    for (uint64_t i = 0; i < 100; i++) assert_true(dnnk_random_below(SEED, STREAM, i, 1) == 0);
    /* n = 2^63 + 1: almost half of all words are rejected */
    const uint64_t large = ((uint64_t)1 << 63) + 1;
    for (uint64_t i = 0; i < 1000; i++) assert_true(dnnk_random_below(SEED, STREAM, i, large) < large);
}

/* ---- permutation ---- */

#define PERMUTED 1000003

static int64_t order[PERMUTED], other[PERMUTED];
static unsigned char seen[PERMUTED];

static void permute(const dnnk_env *env, uint64_t stream, int64_t n, int64_t *to) {
    test_array work = array_bytes(dnnk_permutation_workspace(n));
    dnnk_permutation(env, SEED, stream, n, to, work.p);
    arrays_free();
}

static void permutations_are_permutations(void **state) {
    (void)state;
    const int64_t sizes[] = {0, 1, 2, 3, 7, 1000, 32768, 32769, 65535, 65537, 300001, PERMUTED};
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        memset(seen, 0, sizeof seen);
        permute(&env, 4, n, order);
        for (int64_t i = 0; i < n; i++) {
            assert_true(order[i] >= 0 && order[i] < n && !seen[order[i]]);
            seen[order[i]] = 1;
        }
    }
}

static void permutations_do_not_depend_on_lanes(void **state) {
    (void)state;
    dnnk_env one = dnnk_serial(DNNK_PORTABLE);
    permute(&one, 4, PERMUTED, order);
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        dnnk_env env = test_lanes(lanes, dnnk_best_isa());
        permute(&env, 4, PERMUTED, other);
        assert_memory_equal(order, other, sizeof order);
    }
    permute(&one, 5, PERMUTED, other);
    int64_t same = 0;
    for (int64_t i = 0; i < PERMUTED; i++) same += order[i] == other[i];
    assert_true(same < 10); /* 1 on average */
}

/* Six orders of three, each as likely: chi-squared with 5 degrees of freedom stays below 25.7 (1 in 10,000). And in a
 * large permutation, where a number comes from and where it goes are not related. */
static void permutations_are_even(void **state) {
    (void)state;
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    int64_t count[27] = {0};
    double chi = 0, sum = 0;
    for (uint64_t stream = 0; stream < 6000; stream++) {
        permute(&env, stream, 3, order);
        count[9 * order[0] + 3 * order[1] + order[2]]++;
    }
    for (int k = 0; k < 27; k++)
        if (count[k] > 0) chi += ((double)count[k] - 1000) * ((double)count[k] - 1000) / 1000;
    assert_true(chi < 25.7);
    permute(&env, 6, PERMUTED, order);
    double half = (PERMUTED - 1) / 2.0, n = PERMUTED;
    for (int64_t i = 0; i < PERMUTED; i++) sum += ((double)i - half) * ((double)order[i] - half);
    assert_true(fabs(sum / (n * n * n / 12)) < 5 / sqrt(n));
}

/* ---- dropout ---- */

static void check_dropout(dnnk_isa isa, dnnk_type type, double p, int64_t n, int64_t lanes) {
    dnnk_env env = test_lanes(lanes, isa);
    test_array x = array_normal(type, n, 1), y = array_new(type, n), dx = array_new(type, n), in_place = array_copy(&x);
    dnnk_dropout_forward(&env, type, SEED, STREAM, p, n, x.p, y.p);
    dnnk_dropout_backward(&env, type, SEED, STREAM, p, n, x.p, dx.p);
    dnnk_dropout_forward(&env, type, SEED, STREAM, p, n, in_place.p, in_place.p);
    assert_int_equal(array_difference(&y, &dx), -1);
    assert_int_equal(array_difference(&y, &in_place), -1);
    if (p == 0) assert_int_equal(array_difference(&y, &x), -1);
    for (int64_t i = 0; i < n; i++) {
        dnnk_philox_block b = dnnk_random_block(SEED, STREAM, (uint64_t)i / 4);
        bool kept = b.word[i % 4] >= p * 4294967296.0;
        array_expect(&y, i, kept ? array_get(&x, i) / (1 - p) : 0, 2e-7, "dropout");
    }
    arrays_free();
}

static void dropout_matches_its_mask(void **state) {
    (void)state;
    const double rates[] = {0, 0.5, 0.1, 1};
    FOR_EACH_VARIANT(isa, type)
        for (int r = 0; r < 4; r++) {
            for (int s = 0; s < test_size_count; s++) check_dropout(isa, type, rates[r], test_sizes[s], 1);
            for (int64_t lanes = 1; lanes <= 4; lanes++) check_dropout(isa, type, rates[r], 20001, lanes);
        }
}

static void dropout_drops_nan(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        test_array x = array_new(type, 100), y = array_new(type, 100);
        dnnk_dropout_forward(&env, type, SEED, STREAM, 0.5, 100, x.p, y.p);
        int nans = 0;
        for (int64_t i = 0; i < 100; i++) nans += isnan(array_get(&y, i)) ? 1 : 0;
        assert_true(nans > 20 && nans < 80);
        arrays_free();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_numbers),
        cmocka_unit_test(blocks_are_keyed_as_documented),
        cmocka_unit_test(fills_depend_on_the_index_alone),
        cmocka_unit_test(moments_are_right),
        cmocka_unit_test(integers_below_are_even),
        cmocka_unit_test(permutations_are_permutations),
        cmocka_unit_test(permutations_do_not_depend_on_lanes),
        cmocka_unit_test(permutations_are_even),
        cmocka_unit_test(dropout_matches_its_mask),
        cmocka_unit_test(dropout_drops_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
