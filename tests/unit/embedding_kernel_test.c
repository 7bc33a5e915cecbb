/* Embedding kernels: every type, instruction set, index width and number of lanes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "embedding/embedding.h"
#include "support/arrays.h"
#include "support/lanes.h"

typedef struct {
    int64_t vocabulary, width, count, padding;
} sizes;

static const sizes cases[] = {
    {10, 16, 25, -1}, {10, 16, 25, 3}, {1, 1, 7, -1},  {7, 129, 40, 0},  {5, 0, 4, -1},      {5, 3, 0, -1},
    {0, 3, 0, -1},    {50, 3, 200, 7}, {3, 300, 9, 2}, {9, 65, 1000, 4}, {40, 24, 12000, 1}, {33, 200, 3000, -1},
};
enum { CASES = sizeof cases / sizeof *cases };

static int64_t index_of(int64_t i, int64_t vocabulary) { return (i * i + 3 * i / 2) % vocabulary; }

/* Indices at the end of a guarded page, as int32 or int64. */
static test_array make_ids(const sizes *s, int64_t size) {
    test_array a = array_new(size == 8 ? DNNK_F64 : DNNK_F32, s->count);
    for (int64_t i = 0; i < s->count; i++) {
        if (size == 8)
            ((int64_t *)a.p)[i] = index_of(i, s->vocabulary);
        else
            ((int32_t *)a.p)[i] = (int32_t)index_of(i, s->vocabulary);
    }
    return a;
}

typedef void check(const dnnk_env *env, dnnk_type type, const sizes *s, const dnnk_ids *ids);

static void for_all_variants(check *run) {
    for (int k = 0; k < CASES; k++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)
                for (int64_t size = 4; size <= 8; size += 4) {
                    test_array data = make_ids(&cases[k], size);
                    dnnk_ids ids = {data.p, cases[k].count, size};
                    dnnk_env env = dnnk_serial(isa);
                    run(&env, type, &cases[k], &ids);
                    arrays_free();
                }
}

static void check_gather(const dnnk_env *env, dnnk_type type, const sizes *s, const dnnk_ids *ids) {
    test_array table = array_normal(type, s->vocabulary * s->width, 1);
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        test_array y = array_new(type, s->count * s->width);
        dnnk_env many = test_lanes(lanes, env->isa);
        dnnk_embedding(&many, type, s->width, ids, table.p, y.p);
        for (int64_t i = 0; i < y.n; i++) {
            int64_t row = index_of(i / s->width, s->vocabulary);
            assert_true(array_get(&y, i) == array_get(&table, row * s->width + i % s->width));
        }
    }
}

static void gather_picks_rows(void **state) {
    (void)state;
    for_all_variants(check_gather);
}

/* dtable += scatter of dy, row by row in the order of the indices, in double. */
static void naive_scatter(const sizes *s, const test_array *dy, test_array *dtable) {
    for (int64_t i = 0; i < s->count; i++) {
        int64_t row = index_of(i, s->vocabulary);
        for (int64_t c = 0; c < s->width && row != s->padding; c++) {
            int64_t at = row * s->width + c;
            array_set(dtable, at, array_get(dtable, at) + array_get(dy, i * s->width + c));
        }
    }
}

static void check_scatter(const dnnk_env *env, dnnk_type type, const sizes *s, const dnnk_ids *ids) {
    test_array dy = array_normal(type, s->count * s->width, 2);
    test_array start = array_normal(DNNK_F32, s->vocabulary * s->width, 3);
    test_array want = array_new(DNNK_F64, start.n), one = array_new(type, start.n);
    for (int64_t i = 0; i < start.n; i++) array_set(&want, i, array_get(&start, i));
    naive_scatter(s, &dy, &want);
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        test_array got = array_new(type, start.n);
        for (int64_t i = 0; i < start.n; i++) array_set(&got, i, array_get(&start, i));
        dnnk_env many = test_lanes(lanes, env->isa);
        dnnk_embedding_backward(&many, type, s->vocabulary, s->width, ids, s->padding, dy.p, got.p);
        double tolerance = (double)(s->count + 10) * (type == DNNK_F64 ? 1e-16 : 6e-8);
        for (int64_t i = 0; i < got.n; i++)
            assert_true(fabs(array_get(&got, i) - array_get(&want, i)) <= tolerance * (1 + fabs(array_get(&want, i))));
        if (lanes == 1) memcpy(one.p, got.p, (size_t)(got.n * dnnk_size(type)));
        assert_int_equal(array_difference(&one, &got), -1);
    }
}

static void scatter_accumulates(void **state) {
    (void)state;
    for_all_variants(check_scatter);
}

/* <gather(table), dy> = <table, scatter(dy)>. */
static void check_adjoint(const dnnk_env *env, dnnk_type type, const sizes *s, const dnnk_ids *ids) {
    test_array table = array_normal(type, s->vocabulary * s->width, 4), dy = array_normal(type, s->count * s->width, 5);
    test_array y = array_new(type, dy.n), dtable = array_new(type, table.n);
    memset(dtable.p, 0, (size_t)(dtable.n * dnnk_size(type)));
    dnnk_embedding(env, type, s->width, ids, table.p, y.p);
    dnnk_embedding_backward(env, type, s->vocabulary, s->width, ids, -1, dy.p, dtable.p);
    double forward = 0, backward = 0, scale = 0;
    for (int64_t i = 0; i < y.n; i++) {
        forward += array_get(&y, i) * array_get(&dy, i);
        scale += fabs(array_get(&y, i) * array_get(&dy, i));
    }
    for (int64_t i = 0; i < table.n; i++) backward += array_get(&table, i) * array_get(&dtable, i);
    assert_true(fabs(forward - backward) <= (type == DNNK_F64 ? 1e-14 : 2e-6) * scale);
    arrays_free();
}

static void scatter_is_the_adjoint_of_gather(void **state) {
    (void)state;
    for_all_variants(check_adjoint);
}

static void index_check_finds_the_first(void **state) {
    (void)state;
    const int32_t narrow[] = {0, 4, 2, -1, 9};
    const int64_t wide[] = {0, 4, 2, 5, -7, INT64_MAX, INT64_MIN};
    assert_int_equal(dnnk_index_check(&(dnnk_ids){narrow, 5, 4}, 5), 3);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){narrow, 3, 4}, 5), -1);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){narrow, 3, 4}, 4), 1);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){wide, 7, 8}, 5), 3);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){wide, 7, 8}, 6), 4);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){wide + 5, 1, 8}, INT64_MAX), 0);
    assert_int_equal(dnnk_index_check(&(dnnk_ids){NULL, 0, 8}, 0), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gather_picks_rows),
        cmocka_unit_test(scatter_accumulates),
        cmocka_unit_test(scatter_is_the_adjoint_of_gather),
        cmocka_unit_test(index_check_finds_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
