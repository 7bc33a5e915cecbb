/* Copies that rearrange, against one naive loop over all indices: every element size and number of lanes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shape/shape.h"
#include "support/arrays.h"
#include "support/lanes.h"

static const int64_t element_sizes[] = {1, 2, 4, 8};

static int64_t product(int axes, const int64_t *dims) {
    int64_t n = 1;
    for (int a = 0; a < axes; a++) n *= dims[a];
    return n;
}

/* index = the n-th position, last axis fastest. */
static void unravel(int64_t n, int axes, const int64_t *dims, int64_t *index) {
    for (int a = axes - 1; a >= 0; a--) {
        index[a] = n % dims[a];
        n /= dims[a];
    }
}

static int64_t ravel(int axes, const int64_t *dims, const int64_t *index) {
    int64_t n = 0;
    for (int a = 0; a < axes; a++) n = n * dims[a] + index[a];
    return n;
}

static char *element(const test_array *a, int64_t i, int64_t size) { return (char *)a->p + i * size; }

static test_array noise(int64_t bytes, uint64_t seed) {
    test_array a = array_bytes(bytes);
    for (int64_t i = 0; i < bytes; i++) *element(&a, i, 1) = (char)(int)(test_uniform(&seed) * 128);
    return a;
}

static void assert_same(const test_array *got, const test_array *want) {
    for (int64_t i = 0; i < want->n; i++)
        if (*element(got, i, 1) != *element(want, i, 1))
            fail_msg("byte %lld of %lld", (long long)i, (long long)want->n);
    const unsigned char *p = got->p; /* what array_bytes rounds up by is still poisoned */
    for (int64_t i = got->n; i < dnnk_round_up(got->n, 64); i++) assert_int_equal(p[i], 0xff);
}

/* What is done to x to get y, by the functions under test and by the naive loop. */
typedef struct {
    int axes;
    int64_t dims[DNNK_AXES], out_dims[DNNK_AXES];
    int order[DNNK_AXES];
    int64_t before[DNNK_AXES], after[DNNK_AXES];
    int64_t begin[DNNK_AXES], step[DNNK_AXES], count[DNNK_AXES];
} operation;

typedef void apply(const dnnk_env *env, int64_t size, const operation *op, const test_array *x, test_array *y);
typedef void naive(int64_t size, const operation *op, const test_array *x, test_array *y);

static void check(const operation *op, int64_t inputs, int64_t outputs, apply *run, naive *reference) {
    for (int s = 0; s < 4; s++) {
        int64_t size = element_sizes[s];
        test_array x = noise(inputs * size, (uint64_t)inputs), want = array_bytes(outputs * size);
        reference(size, op, &x, &want);
        for (int64_t lanes = 1; lanes <= 4; lanes++) {
            test_array y = array_bytes(outputs * size);
            dnnk_env env = test_lanes(lanes, DNNK_PORTABLE);
            run(&env, size, op, &x, &y);
            assert_same(&y, &want);
            array_free(&y);
        }
        array_free(&x);
        array_free(&want);
    }
}

/* ---- permute ---- */

static void run_permute(const dnnk_env *env, int64_t size, const operation *op, const test_array *x, test_array *y) {
    dnnk_permute(env, size, op->axes, op->dims, op->order, x->p, y->p);
}

static void naive_permute(int64_t size, const operation *op, const test_array *x, test_array *y) {
    int64_t in[DNNK_AXES], out[DNNK_AXES], n = product(op->axes, op->dims);
    for (int64_t i = 0; i < n; i++) {
        unravel(i, op->axes, op->dims, in);
        for (int a = 0; a < op->axes; a++) out[a] = in[op->order[a]];
        memcpy(element(y, ravel(op->axes, op->out_dims, out), size), element(x, i, size), (size_t)size);
    }
}

static void check_permute(operation op) {
    for (int a = 0; a < op.axes; a++) op.out_dims[a] = op.dims[op.order[a]];
    int64_t n = product(op.axes, op.dims);
    check(&op, n, n, run_permute, naive_permute);
}

static void permute_matches_naive(void **state) {
    (void)state;
    check_permute((operation){.axes = 0});
    check_permute((operation){.axes = 1, .dims = {7}, .order = {0}});
    check_permute((operation){.axes = 2, .dims = {17, 33}, .order = {1, 0}});
    check_permute((operation){.axes = 2, .dims = {0, 5}, .order = {1, 0}});
    check_permute((operation){.axes = 2, .dims = {1, 300}, .order = {1, 0}});
    check_permute((operation){.axes = 3, .dims = {2, 3, 5}, .order = {2, 1, 0}});
    check_permute((operation){.axes = 4, .dims = {2, 7, 4, 6}, .order = {0, 2, 1, 3}});
    check_permute((operation){.axes = 4, .dims = {3, 3, 20, 21}, .order = {0, 2, 3, 1}});
    check_permute((operation){.axes = 5, .dims = {2, 3, 1, 4, 5}, .order = {4, 2, 0, 3, 1}});
    check_permute((operation){.axes = 8, .dims = {2, 3, 2, 1, 2, 3, 2, 2}, .order = {7, 6, 5, 4, 3, 2, 1, 0}});
    check_permute((operation){.axes = 8, .dims = {2, 3, 2, 1, 2, 3, 2, 2}, .order = {3, 1, 7, 0, 5, 2, 6, 4}});
    check_permute((operation){.axes = 2, .dims = {300, 513}, .order = {1, 0}});
    check_permute((operation){.axes = 3, .dims = {40, 3, 1100}, .order = {0, 2, 1}});
    check_permute((operation){.axes = 3, .dims = {30, 70, 65}, .order = {1, 0, 2}});
}

static void permute_inverse_undoes(void **state) {
    (void)state;
    const int order[] = {3, 0, 2, 1};
    int inverse[4];
    dnnk_permute_inverse(4, order, inverse);
    for (int a = 0; a < 4; a++) assert_int_equal(order[inverse[a]], a);
}

static void transpose_is_a_permute(void **state) {
    (void)state;
    dnnk_env env = test_lanes(2, DNNK_PORTABLE);
    const int64_t dims[] = {3, 49, 70};
    const int order[] = {0, 2, 1};
    test_array x = noise(4 * product(3, dims), 1), want = array_bytes(x.n), y = array_bytes(x.n);
    dnnk_permute(&env, 4, 3, dims, order, x.p, want.p);
    dnnk_transpose(&env, 4, dims[0], dims[1], dims[2], x.p, y.p);
    assert_same(&y, &want);
    array_free(&x);
    array_free(&want);
    array_free(&y);
}

/* ---- pad, crop ---- */

static const char pad_value[] = {1, 9, 8, 7, 6, 5, 4, 3};

static void run_pad(const dnnk_env *env, int64_t size, const operation *op, const test_array *x, test_array *y) {
    dnnk_pad(env, size, op->axes, op->dims, op->before, op->after, pad_value, x->p, y->p);
}

static void naive_pad(int64_t size, const operation *op, const test_array *x, test_array *y) {
    int64_t in[DNNK_AXES], out[DNNK_AXES];
    for (int64_t i = 0; i < product(op->axes, op->out_dims); i++) {
        memcpy(element(y, i, size), pad_value, (size_t)size);
        unravel(i, op->axes, op->out_dims, out);
        bool inside = true;
        for (int a = 0; a < op->axes; a++) {
            in[a] = out[a] - op->before[a];
            inside &= in[a] >= 0 && in[a] < op->dims[a];
        }
        if (inside) memcpy(element(y, i, size), element(x, ravel(op->axes, op->dims, in), size), (size_t)size);
    }
}

static void run_crop(const dnnk_env *env, int64_t size, const operation *op, const test_array *x, test_array *y) {
    dnnk_crop(env, size, op->axes, op->dims, op->before, op->after, x->p, y->p);
}

static void naive_crop(int64_t size, const operation *op, const test_array *x, test_array *y) {
    int64_t in[DNNK_AXES];
    for (int64_t i = 0; i < product(op->axes, op->dims); i++) {
        unravel(i, op->axes, op->dims, in);
        for (int a = 0; a < op->axes; a++) in[a] += op->before[a];
        memcpy(element(y, i, size), element(x, ravel(op->axes, op->out_dims, in), size), (size_t)size);
    }
}

static void check_pad(operation op) {
    for (int a = 0; a < op.axes; a++) op.out_dims[a] = op.before[a] + op.dims[a] + op.after[a];
    int64_t small = product(op.axes, op.dims), large = product(op.axes, op.out_dims);
    check(&op, small, large, run_pad, naive_pad);
    check(&op, large, small, run_crop, naive_crop);
}

static void pad_and_crop_match_naive(void **state) {
    (void)state;
    check_pad((operation){.axes = 0});
    check_pad((operation){.axes = 1, .dims = {5}, .before = {3}, .after = {70}});
    check_pad((operation){.axes = 2, .dims = {0, 4}, .before = {2, 1}, .after = {1, 0}});
    check_pad((operation){.axes = 2, .dims = {0, 4}, .before = {0, 2}, .after = {0, 1}});
    check_pad((operation){.axes = 3, .dims = {2, 3, 4}, .before = {0}, .after = {0}});
    check_pad((operation){.axes = 4, .dims = {2, 5, 7, 3}, .before = {0, 1, 2, 0}, .after = {0, 2, 1, 0}});
    check_pad((operation){.axes = 4, .dims = {2, 5, 7, 3}, .before = {1, 0, 0, 4}, .after = {0, 2, 0, 1}});
    check_pad((operation){.axes = 8, .dims = {1, 2, 1, 2, 2, 1, 2, 3}, .before = {1, 0, 1, 0, 1, 0, 1, 1},
                          .after = {0, 1, 1, 0, 0, 1, 0, 1}});
    check_pad((operation){.axes = 3, .dims = {60, 61, 17}, .before = {3, 2, 0}, .after = {1, 3, 0}});
}

static void pad_with_zero(void **state) {
    (void)state;
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    const int64_t dims[] = {2}, before[] = {1}, after[] = {2};
    const float x[] = {5, 6}, want[] = {0, 5, 6, 0, 0};
    float y[5];
    dnnk_pad(&env, 4, 1, dims, before, after, NULL, x, y);
    assert_memory_equal(y, want, sizeof want);
}

/* ---- slice ---- */

static void run_slice(const dnnk_env *env, int64_t size, const operation *op, const test_array *x, test_array *y) {
    dnnk_slice(env, size, op->axes, op->dims, op->begin, op->step, op->count, x->p, y->p);
}

static void picked(const operation *op, int64_t i, int64_t *in) {
    unravel(i, op->axes, op->count, in);
    for (int a = 0; a < op->axes; a++) in[a] = op->begin[a] + in[a] * op->step[a];
}

static void naive_slice(int64_t size, const operation *op, const test_array *x, test_array *y) {
    int64_t in[DNNK_AXES];
    for (int64_t i = 0; i < product(op->axes, op->count); i++) {
        picked(op, i, in);
        memcpy(element(y, i, size), element(x, ravel(op->axes, op->dims, in), size), (size_t)size);
    }
}

static void run_slice_backward(const dnnk_env *env, int64_t size, const operation *op, const test_array *dy,
                               test_array *dx) {
    dnnk_slice_backward(env, size, op->axes, op->dims, op->begin, op->step, op->count, dy->p, dx->p);
}

static void naive_slice_backward(int64_t size, const operation *op, const test_array *dy, test_array *dx) {
    int64_t in[DNNK_AXES];
    memset(dx->p, 0, (size_t)dx->n);
    for (int64_t i = 0; i < product(op->axes, op->count); i++) {
        picked(op, i, in);
        memcpy(element(dx, ravel(op->axes, op->dims, in), size), element(dy, i, size), (size_t)size);
    }
}

static void check_slice(operation op) {
    int64_t large = product(op.axes, op.dims), small = product(op.axes, op.count);
    check(&op, large, small, run_slice, naive_slice);
    check(&op, small, large, run_slice_backward, naive_slice_backward);
}

static void slice_matches_naive(void **state) {
    (void)state;
    check_slice((operation){.axes = 0});
    check_slice((operation){.axes = 1, .dims = {9}, .begin = {2}, .step = {3}, .count = {3}});
    check_slice((operation){.axes = 1, .dims = {9}, .begin = {8}, .step = {-2}, .count = {5}});
    check_slice((operation){.axes = 1, .dims = {9}, .begin = {9}, .step = {1}, .count = {0}});
    check_slice((operation){.axes = 1, .dims = {9}, .begin = {4}, .step = {2}, .count = {0}});
    check_slice((operation){.axes = 3, .dims = {4, 5, 6}, .begin = {1, 0, 2}, .step = {1, 1, 1}, .count = {2, 5, 3}});
    check_slice((operation){.axes = 3, .dims = {4, 5, 3}, .begin = {0, 4, 1}, .step = {1, -1, 1}, .count = {4, 5, 1}});
    check_slice((operation){.axes = 4, .dims = {3, 4, 5, 7}, .begin = {0, 3, 0, 6}, .step = {2, -1, 1, -3},
                            .count = {2, 3, 5, 3}});
    check_slice((operation){.axes = 3, .dims = {50, 50, 40}, .begin = {1, 0, 0}, .step = {2, 3, 1},
                            .count = {24, 17, 40}});
}

/* ---- concatenation, fill, copy ---- */

static void concatenation_along_an_axis(void **state) {
    (void)state;
    enum { OUTER = 5, A = 3, B = 4, INNER = 7 };
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        dnnk_env env = test_lanes(lanes, DNNK_PORTABLE);
        test_array a = noise(OUTER * A * INNER, 1), b = noise(OUTER * B * INNER, 2);
        test_array y = array_bytes(OUTER * (A + B) * INNER), back = array_bytes(b.n);
        dnnk_copy_rows(&env, OUTER, A * INNER, a.p, A * INNER, y.p, (A + B) * INNER);
        dnnk_copy_rows(&env, OUTER, B * INNER, b.p, B * INNER, element(&y, A * INNER, 1), (A + B) * INNER);
        for (int64_t o = 0; o < OUTER; o++) {
            const char *row = element(&y, o * (A + B) * INNER, 1);
            assert_memory_equal(row, element(&a, o * A * INNER, 1), A * INNER);
            assert_memory_equal(row + A * INNER, element(&b, o * B * INNER, 1), B * INNER);
        }
        dnnk_copy_rows(&env, OUTER, B * INNER, element(&y, A * INNER, 1), (A + B) * INNER, back.p, B * INNER);
        assert_same(&back, &b);
        array_free(&a);
        array_free(&b);
        array_free(&y);
        array_free(&back);
    }
}

static void check_fill(const dnnk_env *env, int64_t size, int64_t count) {
    test_array y = array_bytes(size * count), want = array_bytes(size * count);
    for (int64_t i = 0; i < count; i++) memcpy(element(&want, i, size), pad_value, (size_t)size);
    dnnk_fill_elements(env, size, count, pad_value, y.p);
    assert_same(&y, &want);
    memset(want.p, 0, (size_t)want.n);
    dnnk_fill_elements(env, size, count, NULL, y.p);
    assert_same(&y, &want);
    array_free(&y);
    array_free(&want);
}

static void fill_and_copy(void **state) {
    (void)state;
    const int64_t counts[] = {0, 1, 15, 1000, 300001};
    for (int64_t lanes = 1; lanes <= 4; lanes++)
        for (int c = 0; c < 5; c++) {
            dnnk_env env = test_lanes(lanes, DNNK_PORTABLE);
            for (int s = 0; s < 4; s++) check_fill(&env, element_sizes[s], counts[c]);
            test_array x = noise(counts[c], 3), y = array_bytes(counts[c]);
            dnnk_copy(&env, counts[c], x.p, y.p);
            assert_same(&y, &x);
            array_free(&x);
            array_free(&y);
        }
}

/* Broadcasting (stride 0) and flipping at once: y[i][j][k] = x[j][-k]. */
static void strided_broadcast_and_flip(void **state) {
    (void)state;
    enum { I = 3, J = 4, K = 5 };
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    int32_t x[J][K], y[I][J][K];
    for (int n = 0; n < J * K; n++) x[n / K][n % K] = n;
    const int64_t dims[] = {I, J, K}, x_stride[] = {0, K, -1}, y_stride[] = {J * K, K, 1};
    dnnk_copy_strided(&env, 4, 3, dims, &x[0][K - 1], x_stride, y, y_stride);
    for (int i = 0; i < I; i++)
        for (int j = 0; j < J; j++)
            for (int k = 0; k < K; k++) assert_int_equal(y[i][j][k], x[j][K - 1 - k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permute_matches_naive),       cmocka_unit_test(permute_inverse_undoes),
        cmocka_unit_test(transpose_is_a_permute),      cmocka_unit_test(pad_and_crop_match_naive),
        cmocka_unit_test(pad_with_zero),               cmocka_unit_test(slice_matches_naive),
        cmocka_unit_test(concatenation_along_an_axis), cmocka_unit_test(fill_and_copy),
        cmocka_unit_test(strided_broadcast_and_flip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
