/* Layers that compute without weights or kinks: add, subtract, multiply, divide, scale, matmul, sum, mean. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/allocator.h"
#include "support/random_graph.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc d = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &d) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static const double bound[2] = {1e-5, 1e-13};
static const dnn_dtype types[2] = {DNN_F32, DNN_F64};

static dnn_status run2(dnn_module *m, const dnn_tensor *a, const dnn_tensor *b, const dnn_tensor **y) {
    return dnn_module_forward_n(m, (const dnn_tensor *[]){a, b}, 2, y, 1);
}

/* The layer cannot take these two. Releases everything. */
static void expect_no_fit(dnn_module *m, dnn_tensor *a, dnn_tensor *b, dnn_status status, const char *line) {
    const dnn_tensor *y;
    assert_non_null(m);
    expect_error(run2(m, a, b, &y), status, line);
    dnn_module_release(m);
    dnn_tensor_release(a);
    dnn_tensor_release(b);
}

/* ---- two inputs of equal shape ---- */

typedef struct operation {
    dnn_module *(*make)(dnn_context *ctx);
    double (*y)(double a, double b), (*da)(double a, double b), (*db)(double a, double b);
} operation;

static double one(double a, double b) { return (void)a, (void)b, 1.0; }
static double minus_one(double a, double b) { return (void)a, (void)b, -1.0; }
static double first(double a, double b) { return (void)b, a; }
static double second(double a, double b) { return (void)a, b; }
static double sum_of(double a, double b) { return a + b; }
static double difference(double a, double b) { return a - b; }
static double product(double a, double b) { return a * b; }
static double quotient(double a, double b) { return a / b; }
static double reciprocal(double a, double b) { return (void)a, 1 / b; }
static double quotient_db(double a, double b) { return -a / (b * b); }

static const operation operations[] = {{dnn_add, sum_of, one, one},
                                       {dnn_subtract, difference, one, minus_one},
                                       {dnn_multiply, product, second, first},
                                       {dnn_divide, quotient, reciprocal, quotient_db}};

static void check_operation(const operation *o, int t, int64_t n) {
    dnn_module *m = o->make(ctx);
    dnn_tensor *a = tensor_normal(ctx, types[t], DIMS(n, 3), 1), *b = tensor_normal(ctx, types[t], DIMS(n, 3), 2);
    dnn_tensor *dy = tensor_normal(ctx, types[t], DIMS(n, 3), 3);
    const dnn_tensor *y, *dx[2];
    for (int64_t i = 0; i < 3 * n; i++) tensor_put(b, i, copysign(fabs(tensor_at(b, i)) + 0.5, tensor_at(b, i)));
    dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS);
    assert_int_equal(run2(m, a, b, &y), DNN_OK);
    assert_int_equal(dnn_module_backward_n(m, (const dnn_tensor *[]){dy}, 1, dx, 2), DNN_OK);
    for (int64_t i = 0; i < 3 * n; i++) {
        double p = tensor_at(a, i), q = tensor_at(b, i), g = tensor_at(dy, i);
        expect_near(y, i, o->y(p, q), bound[t], "y");
        expect_near(dx[0], i, g * o->da(p, q), bound[t], "da");
        expect_near(dx[1], i, g * o->db(p, q), bound[t], "db");
    }
    dnn_tensor *all[] = {a, b, dy};
    rg_release(all, 3);
    dnn_module_release(m);
}

static void four_operations(void **state) {
    (void)state;
    for (int o = 0; o < 4; o++)
        for (int t = 0; t < 2; t++)
            for (int64_t n = 0; n < 8000; n = 4 * n + 1) check_operation(&operations[o], t, n);
}

static void division_by_zero(void **state) {
    (void)state;
    dnn_module *m = dnn_divide(ctx);
    dnn_tensor *a = tensor_of(ctx, DNN_F32, DIMS(3), (double[]){1, -1, 0}), *b = tensor_of(ctx, DNN_F32, DIMS(3), NULL);
    const dnn_tensor *y;
    assert_int_equal(run2(m, a, b, &y), DNN_OK);
    expect_values(y, (double[]){INFINITY, -INFINITY, NAN}, 0, "y");
    dnn_tensor_release(a);
    dnn_tensor_release(b);
    dnn_module_release(m);
}

#define TENSOR(dtype, ...) tensor_of(ctx, dtype, DIMS(__VA_ARGS__), NULL)

static void nothing_broadcasts(void **state) {
    (void)state;
    expect_no_fit(dnn_add(ctx), TENSOR(DNN_F32, 4), TENSOR(DNN_F32, 4, 1), DNN_ERROR_SHAPE,
                  "inputs are [4] and [4,1], they must be equal: nothing is repeated to fit (no broadcasting)");
    expect_no_fit(dnn_multiply(ctx), TENSOR(DNN_F32, 2, 8), TENSOR(DNN_F32, 8), DNN_ERROR_SHAPE,
                  "inputs are [2,8] and [8], they must be equal: nothing is repeated to fit (no broadcasting)");
    expect_no_fit(dnn_subtract(ctx), TENSOR(DNN_F32, 2, 8), TENSOR(DNN_F32, 2), DNN_ERROR_SHAPE,
                  "inputs are [2,8] and [2], they must be equal");
    expect_no_fit(dnn_divide(ctx), TENSOR(DNN_F32, 2), TENSOR(DNN_F64, 2), DNN_ERROR_DTYPE,
                  "input 1 is float64, input 0 is float32");
    expect_no_fit(dnn_add(ctx), TENSOR(DNN_I32, 2), TENSOR(DNN_I32, 2), DNN_ERROR_DTYPE,
                  "input is int32, the layer computes in float32 or float64 (dnn_tensor_cast converts)");
    dnn_module *m = dnn_add(ctx);
    dnn_tensor *x = TENSOR(DNN_F32, 2);
    const dnn_tensor *y;
    expect_error(dnn_module_forward(m, x, &y), DNN_ERROR_SHAPE, "the layer takes 2 inputs, it is given 1");
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void scaled(void **state) {
    (void)state;
    for (int t = 0; t < 2; t++) {
        dnn_module *m = dnn_scale(ctx, -2.5);
        dnn_tensor *x = tensor_of(ctx, types[t], DIMS(2, 2), (double[]){1, 0, -4, INFINITY});
        dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS);
        expect_values(run_forward(m, x), (double[]){-2.5, 0, 10, -INFINITY}, 0, "y");
        expect_values(run_backward(m, x), (double[]){-2.5, 0, 10, -INFINITY}, 0, "dx");
        dnn_tensor_release(x);
        dnn_module_release(m);
    }
    assert_null(dnn_scale(ctx, NAN));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "factor is nan, it must be finite");
}

/* ---- matmul ---- */

typedef struct product_case {
    int64_t batch[2], m, n, k;
    int ta, tb, rank;
} product_case;

/* Where element (i, j) of a matrix lies, or of one that is stored transposed. */
static int64_t at(int64_t batch, int64_t rows, int64_t cols, int64_t i, int64_t j, int t) {
    return batch * rows * cols + (t ? j * rows + i : i * cols + j);
}

static double a_at(const product_case *c, const dnn_tensor *a, int64_t batch, int64_t i, int64_t p) {
    return tensor_at(a, at(batch, c->m, c->k, i, p, c->ta));
}
static double b_at(const product_case *c, const dnn_tensor *b, int64_t batch, int64_t p, int64_t j) {
    return tensor_at(b, at(batch, c->k, c->n, p, j, c->tb));
}

/* y = A B, dA = dy Bᵀ, dB = Aᵀ dy, by loops. */
static void expect_products(const product_case *c, int t, const dnn_tensor *a, const dnn_tensor *b,
                            const dnn_tensor *dy, const dnn_tensor *y, const dnn_tensor *const *dx) {
    double tolerance = bound[t] * (double)(c->m + c->n + c->k);
    for (int64_t u = 0; u < c->batch[0] * c->batch[1]; u++) {
        const int64_t g = u * c->m * c->n;
        for (int64_t i = 0; i < c->m; i++)
            for (int64_t j = 0; j < c->n; j++) {
                double sum = 0;
                for (int64_t p = 0; p < c->k; p++) sum += a_at(c, a, u, i, p) * b_at(c, b, u, p, j);
                expect_near(y, g + i * c->n + j, sum, tolerance, "y");
            }
        for (int64_t i = 0; i < c->m; i++)
            for (int64_t p = 0; p < c->k; p++) {
                double sum = 0;
                for (int64_t j = 0; j < c->n; j++) sum += tensor_at(dy, g + i * c->n + j) * b_at(c, b, u, p, j);
                expect_near(dx[0], at(u, c->m, c->k, i, p, c->ta), sum, tolerance, "da");
            }
        for (int64_t p = 0; p < c->k; p++)
            for (int64_t j = 0; j < c->n; j++) {
                double sum = 0;
                for (int64_t i = 0; i < c->m; i++) sum += tensor_at(dy, g + i * c->n + j) * a_at(c, a, u, i, p);
                expect_near(dx[1], at(u, c->k, c->n, p, j, c->tb), sum, tolerance, "db");
            }
    }
}

/* The last `rank` of (batch, batch, rows, cols). */
static dnn_tensor *operand(const product_case *c, int t, int64_t rows, int64_t cols, uint64_t seed) {
    const int64_t dims[4] = {c->batch[0], c->batch[1], rows, cols};
    return tensor_normal(ctx, types[t], c->rank, dims + 4 - c->rank, seed);
}

static void check_product(const product_case *c, int t) {
    dnn_matmul_desc d = {DNN_SIZED(dnn_matmul_desc), .transpose_a = c->ta, .transpose_b = c->tb};
    dnn_module *m = dnn_matmul(ctx, &d);
    dnn_tensor *a = operand(c, t, c->ta ? c->k : c->m, c->ta ? c->m : c->k, 1);
    dnn_tensor *b = operand(c, t, c->tb ? c->n : c->k, c->tb ? c->k : c->n, 2), *dy = operand(c, t, c->m, c->n, 3);
    const dnn_tensor *y, *dx[2];
    dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS);
    assert_int_equal(run2(m, a, b, &y), DNN_OK);
    expect_shape(y, c->rank, dnn_tensor_dims(dy));
    assert_int_equal(dnn_module_backward_n(m, (const dnn_tensor *[]){dy}, 1, dx, 2), DNN_OK);
    expect_products(c, t, a, b, dy, y, dx);
    dnn_tensor *all[] = {a, b, dy};
    rg_release(all, 3);
    dnn_module_release(m);
}

static void products(void **state) {
    (void)state;
    static const product_case cases[] = {
        {{1, 1}, 3, 4, 5, 0, 0, 2},   {{1, 1}, 1, 1, 1, 0, 0, 2},  {{1, 1}, 70, 33, 40, 0, 0, 2},
        {{1, 3}, 7, 6, 9, 0, 0, 3},   {{2, 3}, 17, 5, 8, 0, 0, 4}, {{2, 0}, 3, 4, 5, 0, 0, 4},
        {{1, 2}, 3, 4, 0, 0, 0, 3},   {{1, 2}, 0, 4, 3, 0, 0, 3},  {{2, 2}, 3, 0, 3, 0, 0, 4},
        {{4, 2}, 1, 30, 20, 0, 0, 4}, {{1, 5}, 40, 1, 20, 0, 0, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int way = 0; way < 8; way++) {
            product_case c = cases[i];
            c.ta = way & 1;
            c.tb = way >> 1 & 1;
            check_product(&c, way >> 2);
        }
}

static void products_that_do_not_fit(void **state) {
    (void)state;
    dnn_matmul_desc tb = {DNN_SIZED(dnn_matmul_desc), .transpose_b = 1};
    expect_no_fit(dnn_matmul(ctx, NULL), TENSOR(DNN_F32, 3, 4), TENSOR(DNN_F32, 3, 4), DNN_ERROR_SHAPE,
                  "inputs are [3,4] and [3,4], axis 1 of the first must equal axis 0 of the second");
    expect_no_fit(dnn_matmul(ctx, &tb), TENSOR(DNN_F32, 2, 3, 4), TENSOR(DNN_F32, 2, 4, 3), DNN_ERROR_SHAPE,
                  "inputs are [2,3,4] and [2,4,3], axis 2 of the first must equal axis 2 of the second");
    expect_no_fit(dnn_matmul(ctx, NULL), TENSOR(DNN_F32, 2, 3, 4), TENSOR(DNN_F32, 4, 3), DNN_ERROR_SHAPE,
                  "inputs are [2,3,4] and [4,3], all axes but the last two must be equal");
    expect_no_fit(dnn_matmul(ctx, NULL), TENSOR(DNN_F32, 2, 3, 4), TENSOR(DNN_F32, 1, 4, 3), DNN_ERROR_SHAPE,
                  "inputs are [2,3,4] and [1,4,3], all axes but the last two must be equal");
    expect_no_fit(dnn_matmul(ctx, NULL), TENSOR(DNN_F32, 4), TENSOR(DNN_F32, 4), DNN_ERROR_SHAPE,
                  "inputs are [4] and [4], they must be matrices: at least two axes each");
}

/* ---- sum and mean ---- */

/* y and dx for the axes in the bit set, by one walk over x. */
static void expect_reduced(int t, int bits, bool keep, bool mean, const dnn_tensor *x, const dnn_tensor *y,
                           const dnn_tensor *dy, const dnn_tensor *dx) {
    double sums[400] = {0}, n = 1;
    int64_t rank = dnn_tensor_rank(x), kept = 0;
    for (int32_t i = 0; i < rank; i++) {
        bool is_reduced = bits >> i & 1;
        if (is_reduced) n *= (double)dnn_tensor_dim(x, i);
        if (is_reduced && !keep) continue;
        assert_int_equal(dnn_tensor_dim(y, (int32_t)kept++), is_reduced ? 1 : dnn_tensor_dim(x, i));
    }
    assert_int_equal(dnn_tensor_rank(y), kept);
    for (int64_t i = 0; i < dnn_tensor_count(x); i++) {
        int64_t left = i, to = 0, step = 1;
        for (int32_t a = (int32_t)rank - 1; a >= 0; left /= dnn_tensor_dim(x, a), a--) {
            if (bits >> a & 1) continue;
            to += left % dnn_tensor_dim(x, a) * step;
            step *= dnn_tensor_dim(x, a);
        }
        sums[to] += tensor_at(x, i) / (mean ? n : 1);
        expect_near(dx, i, tensor_at(dy, to) / (mean ? n : 1), bound[t], "dx");
    }
    for (int64_t i = 0; i < dnn_tensor_count(y); i++)
        expect_near(y, i, mean && n == 0 ? NAN : sums[i], 10 * bound[t], "y");
}

static void check_reduction(int32_t rank, const int64_t *dims, int bits, int way) {
    bool keep = way & 1, mean = way & 2;
    int t = way >> 2;
    dnn_reduce_desc d = {DNN_SIZED(dnn_reduce_desc), .keep_dims = keep};
    for (int32_t i = 0; i < rank; i++)
        if (bits >> i & 1) d.axes[d.n_axes++] = i % 2 ? i : i - rank;
    dnn_module *m = mean ? dnn_mean(ctx, &d) : dnn_sum(ctx, &d);
    dnn_tensor *x = tensor_normal(ctx, types[t], rank, dims, 1);
    dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS);
    const dnn_tensor *y = run_forward(m, x);
    dnn_tensor *dy = tensor_normal(ctx, types[t], dnn_tensor_rank(y), dnn_tensor_dims(y), 2);
    expect_reduced(t, d.n_axes ? bits : (1 << rank) - 1, keep, mean, x, y, dy, run_backward(m, dy));
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(m);
}

/* Every set of axes of some shapes, sizes of 1 and of 0 among them. */
static void every_set_of_axes(void **state) {
    (void)state;
    static const int64_t shapes[][4] = {{3, 4, 5, 6}, {2, 1, 7, 3}, {1, 1, 1, 1}, {3, 0, 2, 2}, {5, 1, 1, 8}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int32_t rank = 0; rank <= 4; rank++)
            for (int bits = 0; bits < 1 << rank; bits++)
                for (int way = 0; way < 8; way++) check_reduction(rank, shapes[s], bits, way);
}

/* A million small numbers: a running float32 sum would lose digits. */
static void long_sums(void **state) {
    (void)state;
    dnn_module *m = dnn_mean(ctx, NULL);
    dnn_tensor *x = TENSOR(DNN_F32, 1000, 1000);
    for (int64_t i = 0; i < 1000000; i++) tensor_put(x, i, 0.1);
    expect_values(run_forward(m, x), (double[]){(double)0.1f}, 1e-7, "mean");
    dnn_tensor_release(x);
    dnn_module_release(m);
}

static void axes_that_are_not_there(void **state) {
    (void)state;
    dnn_reduce_desc d = {DNN_SIZED(dnn_reduce_desc), .n_axes = 2, .axes = {1, 1}};
    assert_null(dnn_sum(ctx, &d));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "desc.axes[1] is 1, which occurs twice");
    d.n_axes = 9;
    assert_null(dnn_mean(ctx, &d));
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, "desc.n_axes is 9, it may be 0 (all) to 8");
    dnn_tensor *x = TENSOR(DNN_F32, 2, 3);
    const dnn_tensor *y;
    d = (dnn_reduce_desc){DNN_SIZED(dnn_reduce_desc), .n_axes = 2, .axes = {1, -1}};
    dnn_module *m = dnn_sum(ctx, &d);
    expect_error(dnn_module_forward(m, x, &y), DNN_ERROR_SHAPE, "axis 1 of input [2,3] is named twice");
    dnn_module_release(m);
    d.axes[1] = 2;
    m = dnn_sum(ctx, &d);
    expect_error(dnn_module_forward(m, x, &y), DNN_ERROR_SHAPE, "there is no axis 2 in input [2,3]");
    dnn_module_release(m);
    dnn_tensor_release(x);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(four_operations), TEST(division_by_zero),         TEST(nothing_broadcasts),
        TEST(scaled),          TEST(products),                 TEST(products_that_do_not_fit),
        TEST(every_set_of_axes), TEST(long_sums),              TEST(axes_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
