#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/gemm.h"
#include "support/arrays.h"
#include "support/lanes.h"

enum { MOST_LANES = 4 };

static int64_t below(uint64_t *state, int64_t bound) { return (int64_t)(test_uniform(state) * (double)bound); }

/* Small integers: float32 sums of their products are exact, so results must match to the last bit. */
static test_array integers(dnnk_type type, int64_t n, uint64_t *state) {
    test_array x = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&x, i, (double)(below(state, 9) - 4));
    return x;
}

static test_array reals(dnnk_type type, int64_t n, uint64_t *state) { return array_normal(type, n, (*state)++); }

static bool equal(const test_array *x, const test_array *y) {
    for (int64_t i = 0; i < x->n; i++)
        if (!(array_get(x, i) == array_get(y, i))) return false;
    return true;
}

/* A product with all its variations, and arrays that belong to it. */
typedef struct {
    dnnk_gemm_problem p;
    test_array a, b, c, scale, bias, residual;
} example;

typedef enum {
    PLAIN = 0,
    A_TURNED = 1,
    B_TURNED = 2,
    C_TURNED = 4,
    ACCUMULATE = 8,
    BIAS = 16,
    RESIDUAL = 32,
    RELU = 64,
    SCALE = 128
} variation;

typedef test_array filler(dnnk_type type, int64_t count, uint64_t *state);

static example make(dnnk_type type, int64_t m, int64_t n, int64_t k, int64_t batch, unsigned how, filler *fill,
                    uint64_t *state) {
    example e = {.a = fill(type, batch * m * k, state), .b = fill(type, batch * k * n, state)};
    bool reads_c = how & ACCUMULATE;
    e.c = reads_c ? fill(type, batch * m * n, state) : array_new(type, batch * m * n);
    e.scale = fill(type, n, state);
    e.bias = fill(type, n, state);
    e.residual = fill(type, batch * m * n, state);
    dnnk_operand a = how & A_TURNED ? dnnk_gemm_a(e.a.p, 1, m) : dnnk_gemm_a(e.a.p, k, 1);
    dnnk_operand b = how & B_TURNED ? dnnk_gemm_b(e.b.p, 1, k) : dnnk_gemm_b(e.b.p, n, 1);
    e.p = dnnk_gemm_simple(type, m, n, k, a, b, e.c.p);
    if (how & C_TURNED) e.p.c_row = 1, e.p.c_col = m;
    e.p.batch[0] = batch;
    e.p.a.batch_stride[0] = m * k, e.p.b.batch_stride[0] = k * n, e.p.c_batch_stride[0] = m * n;
    e.p.accumulate = reads_c;
    if (how & SCALE) e.p.epilogue.scale = e.scale.p;
    if (how & BIAS) e.p.epilogue.bias = e.bias.p;
    if (how & RESIDUAL) e.p.epilogue.residual = e.residual.p;
    e.p.epilogue.relu = how & RELU;
    return e;
}

/* The product into a fresh copy of C, in a workspace full of NaN that ends at a page that faults. */
static test_array run(const example *e, dnnk_isa isa, int64_t lane_count) {
    dnnk_env env = test_lanes(lane_count, isa);
    dnnk_gemm_problem p = e->p;
    test_array c = array_copy(&e->c);
    test_array work = array_bytes(dnnk_gemm_workspace(&env, &p));
    p.c = c.p;
    dnnk_gemm(&env, &p, work.p);
    return c;
}

static test_array reference(const example *e) {
    dnnk_gemm_problem p = e->p;
    test_array c = array_copy(&e->c);
    p.c = c.p;
    dnnk_gemm_reference(&p);
    return c;
}

static void fail_with(const example *e, dnnk_isa isa, int64_t lane_count) {
    fail_msg("%s %s m %ld n %ld k %ld batch %ld, a %ld/%ld b %ld/%ld c %ld/%ld, %s, %ld lanes",
             e->p.type == DNNK_F64 ? "f64" : "f32", e->p.accumulate ? "+=" : "=", (long)e->p.m, (long)e->p.n,
             (long)e->p.k, (long)e->p.batch[0], (long)e->p.a.stride, (long)e->p.a.k_stride, (long)e->p.b.stride,
             (long)e->p.b.k_stride, (long)e->p.c_row, (long)e->p.c_col, dnnk_isa_name(isa), (long)lane_count);
}

/* Small integers: every instruction set and every number of lanes must agree with the reference to the last bit. */
static void check_exactly(const example *e) {
    test_array want = reference(e);
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)
        for (int64_t n = 1; n <= MOST_LANES; n += 3) {
            test_array got = run(e, isa, n);
            if (!equal(&got, &want)) fail_with(e, isa, n);
        }
}

static const int64_t dims[] = {0,  1,  2,  3,  5,  7,  8,  9,  11, 12, 13,  14,
                               15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 127, 251};

static int64_t pick(uint64_t *state) { return dims[below(state, (int64_t)(sizeof dims / sizeof *dims))]; }

static void random_shapes_are_exact(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 250; i++) {
        dnnk_type type = i % 4 == 3 ? DNNK_F64 : DNNK_F32;
        int64_t m = pick(&seed), n = pick(&seed), k = pick(&seed);
        unsigned how = (unsigned)below(&seed, 256);
        example e = make(type, m, n, k, 1, how, integers, &seed);
        check_exactly(&e);
        arrays_free();
    }
}

/* Each way through the driver: shared and own panels, several blocks of k, splits of k, a few rows, transposes. */
static void large_shapes_are_exact(void **state) {
    (void)state;
    static const struct {
        int64_t m, n, k, batch;
        unsigned how;
    } cases[] = {
        {150, 1100, 500, 1, PLAIN},
        {150, 1100, 500, 1, ACCUMULATE | A_TURNED},
        {64, 192, 6000, 1, A_TURNED | ACCUMULATE},
        {16, 16, 20000, 1, SCALE | BIAS | RELU},
        {1000, 64, 576, 1, SCALE | BIAS | RELU | RESIDUAL},
        {1, 1000, 700, 1, B_TURNED | BIAS},
        {1, 3000, 300, 1, SCALE | BIAS | RELU},
        {128, 10, 500, 1, B_TURNED | SCALE | BIAS | RELU},
        {2000, 3, 90, 1, B_TURNED},
        {3, 700, 1, 1, ACCUMULATE},
        {600, 700, 1, 1, ACCUMULATE | A_TURNED},
        {700, 600, 90, 1, C_TURNED | BIAS},
        {128, 128, 64, 6, B_TURNED},
        {1, 128, 64, 6, B_TURNED | BIAS},
        {700, 64, 40, 5, RELU},
        {4, 100, 100, 3, A_TURNED},
        {70, 80, 0, 2, BIAS},
        {70, 80, 0, 2, ACCUMULATE | RELU},
        {513, 1025, 0, 1, PLAIN},
        {0, 80, 10, 2, BIAS},
        {40, 50, 3000, 3, A_TURNED | RESIDUAL},
    };
    uint64_t seed = 2;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
            example e = make(type, cases[i].m, cases[i].n, cases[i].k, cases[i].batch, cases[i].how, integers, &seed);
            check_exactly(&e);
            arrays_free();
        }
}

static void lanes_agree_bitwise(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {
        {64, 576, 7000}, {333, 777, 999}, {1, 1000, 1000}, {50, 10, 3000}, {1200, 64, 576}};
    uint64_t seed = 3;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
            example e = make(DNNK_F32, shapes[i][0], shapes[i][1], shapes[i][2], 1, BIAS | B_TURNED, reals, &seed);
            test_array first = run(&e, isa, 1);
            for (int64_t n = 1; n <= MOST_LANES; n++) {
                test_array again = run(&e, isa, n);
                if (array_difference(&first, &again) >= 0) fail_with(&e, isa, n);
            }
            arrays_free();
        }
}

/* |error| ≤ 2·γ_K·(|A||B|), against a float64 product of the same float32 numbers. */
static void check_bound(const example *e, dnnk_isa isa) {
    int64_t m = e->p.m, n = e->p.n, k = e->p.k;
    double u = e->p.type == DNNK_F64 ? 0x1p-53 : 0x1p-24, gamma = (double)k * u / (1 - (double)k * u);
    test_array got = run(e, isa, 2);
    for (int64_t i = 0; i < m; i += 7)
        for (int64_t j = 0; j < n; j += 3) {
            long double sum = 0, size = 0;
            for (int64_t q = 0; q < k; q++) {
                long double term = (long double)array_get(&e->a, i * k + q) * array_get(&e->b, q * n + j);
                sum += term, size += fabsl(term);
            }
            if (!(fabsl(array_get(&got, i * n + j) - sum) <= 2 * gamma * size)) fail_with(e, isa, 2);
        }
}

static void errors_are_bounded(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{100, 120, 300}, {20, 30, 9000}, {2, 64, 3000}, {40, 5, 1000}};
    uint64_t seed = 4;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
                example e = make(type, shapes[i][0], shapes[i][1], shapes[i][2], 1, PLAIN, reals, &seed);
                check_bound(&e, isa);
                arrays_free();
            }
}

/* Bit by bit, whatever way the product takes: some rows, many, the transpose, k in splits. */
static void packed_weights_give_the_same(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{5, 64, 0},      {37, 100, 900}, {200, 513, 33},  {128, 10, 500},
                                        {32, 33, 20000}, {600, 64, 576}, {5, 1000, 1000}, {128, 10, 9000}};
    uint64_t seed = 5;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
            unsigned how = B_TURNED | SCALE | BIAS;
            example e = make(DNNK_F32, shapes[i][0], shapes[i][1], shapes[i][2], 1, how, reals, &seed);
            dnnk_env env = test_lanes(2, isa);
            test_array want = run(&e, isa, 2);
            test_array packed = array_bytes(dnnk_gemm_packed_bytes(&env, &e.p));
            dnnk_gemm_pack_b(&env, &e.p, packed.p);
            e.p.packed_b = packed.p;
            e.p.b.source = NULL;
            test_array got = run(&e, isa, 2);
            if (array_difference(&got, &want) >= 0) fail_with(&e, isa, 2);
            arrays_free();
        }
}

static void packing_is_refused_where_it_gains_nothing(void **state) {
    (void)state;
    uint64_t seed = 9;
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    example few = make(DNNK_F32, 2, 100, 70, 1, B_TURNED, reals, &seed);
    example many = make(DNNK_F32, 20, 100, 70, 3, B_TURNED, reals, &seed);
    assert_int_equal(dnnk_gemm_packed_bytes(&env, &few.p), 0);
    assert_int_equal(dnnk_gemm_packed_bytes(&env, &many.p), 0);
    arrays_free();
}

/* Equal rows of A give equal rows of C, to the last bit: those of the last tile, which has fewer, too. */
static void rows_are_summed_alike(void **state) {
    (void)state;
    uint64_t seed = 10;
    for (int64_t m = 5; m < 30; m++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
                int64_t n = 70, k = 500;
                example e = make(type, m, n, k, 1, BIAS, reals, &seed);
                for (int64_t i = k; i < m * k; i++) array_set(&e.a, i, array_get(&e.a, i % k));
                test_array c = run(&e, isa, 2);
                for (int64_t i = 0; i < m * n; i++)
                    if (array_get(&c, i) != array_get(&c, i % n)) fail_with(&e, isa, 2);
                arrays_free();
            }
}

/* Rows of C two by two in a wider matrix, as heads of attention and strided gradients have them. */
static void every_third_row(const void *map, int64_t first, int64_t count, int64_t *offset) {
    int64_t n = *(const int64_t *)map;
    for (int64_t i = 0; i < count; i++) offset[i] = ((first + i) / 5 * 7 + (first + i) % 5) * n;
}

static void rows_may_be_mapped(void **state) {
    (void)state;
    uint64_t seed = 6;
    int64_t n = 70;
    for (unsigned accumulate = 0; accumulate < 2; accumulate++)
        for (int64_t k = 30; k < 5000; k *= 100) {
            example e = make(DNNK_F32, 100, n, k, 1, SCALE | BIAS, integers, &seed);
            e.c = integers(DNNK_F32, 140 * n, &seed);
            e.p.row_map = every_third_row, e.p.map = &n, e.p.accumulate = accumulate;
            check_exactly(&e);
            arrays_free();
        }
}

static void heads_need_no_copies(void **state) {
    (void)state;
    enum { N = 3, T = 20, H = 4, D = 16 };
    uint64_t seed = 7;
    test_array q = integers(DNNK_F32, N * T * H * D, &seed), k = integers(DNNK_F32, N * T * H * D, &seed);
    example e = {.a = q, .b = k, .c = array_new(DNNK_F32, N * H * T * T)};
    e.scale = array_new(DNNK_F32, 1), e.bias = array_new(DNNK_F32, 1), e.residual = array_new(DNNK_F32, 1);
    e.p = dnnk_gemm_simple(DNNK_F32, T, T, D, dnnk_gemm_a(q.p, H * D, 1), dnnk_gemm_b(k.p, 1, H * D), e.c.p);
    e.p.batch[0] = N, e.p.batch[1] = H;
    e.p.a.batch_stride[0] = e.p.b.batch_stride[0] = T * H * D;
    e.p.a.batch_stride[1] = e.p.b.batch_stride[1] = D;
    e.p.c_batch_stride[0] = H * T * T, e.p.c_batch_stride[1] = T * T;
    check_exactly(&e);
    arrays_free();
}

static void column_sums_accumulate(void **state) {
    (void)state;
    uint64_t seed = 8;
    static const int64_t rows[] = {0, 1, 255, 256, 1000};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        int64_t m = rows[r], n = 37;
        dnnk_env env = test_lanes(3, dnnk_best_isa());
        test_array x = integers(DNNK_F32, m * n, &seed), sums = integers(DNNK_F32, n, &seed);
        test_array want = array_copy(&sums);
        test_array work = array_bytes(dnnk_column_sums_workspace(&env, DNNK_F32, m, n));
        for (int64_t i = 0; i < m * n; i++) ((float *)want.p)[i % n] += ((const float *)x.p)[i];
        dnnk_column_sums(&env, DNNK_F32, m, n, x.p, n, sums.p, work.p);
        assert_true(equal(&sums, &want));
    }
}

static void relu_keeps_nan(void **state) {
    (void)state;
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        float a[2] = {NAN, -1}, b[40], c[80];
        for (int i = 0; i < 40; i++) b[i] = 1;
        dnnk_env env = dnnk_serial(isa);
        dnnk_gemm_problem p = dnnk_gemm_simple(DNNK_F32, 2, 40, 1, dnnk_gemm_a(a, 1, 1), dnnk_gemm_b(b, 40, 1), c);
        p.epilogue.relu = true;
        void *work = malloc((size_t)dnnk_gemm_workspace(&env, &p));
        dnnk_gemm(&env, &p, work);
        free(work);
        for (int i = 0; i < 40; i++) assert_true(isnan(c[i]) && c[40 + i] == 0);
    }
}

static void kernels_have_names(void **state) {
    (void)state;
    for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)
            assert_true(strlen(dnnk_gemm_describe(isa, type)) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_are_exact),
        cmocka_unit_test(large_shapes_are_exact),
        cmocka_unit_test(lanes_agree_bitwise),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(packed_weights_give_the_same),
        cmocka_unit_test(packing_is_refused_where_it_gains_nothing),
        cmocka_unit_test(rows_are_summed_alike),
        cmocka_unit_test(rows_may_be_mapped),
        cmocka_unit_test(heads_need_no_copies),
        cmocka_unit_test(column_sums_accumulate),
        cmocka_unit_test(relu_keeps_nan),
        cmocka_unit_test(kernels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
