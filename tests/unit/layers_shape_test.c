/* Layers that move elements: flatten, reshape, permute, pad, slice, concat. Against loops over indices; and backward as
 * the adjoint: dy · f(x) = dx · x for every dy, as all of these are linear. */
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

static void expect_refused(dnn_module *m, const char *line) {
    assert_null(m);
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, line);
}

/* The layer cannot take x. Releases it. */
static void expect_no_fit(dnn_module *m, const dnn_tensor *x, dnn_status status, const char *line) {
    const dnn_tensor *y;
    assert_non_null(m);
    expect_error(dnn_module_forward(m, x, &y), status, line);
    dnn_module_release(m);
}

static dnn_tensor *counted(dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    dnn_tensor *t = tensor_of(ctx, dtype, rank, dims, NULL);
    int64_t limit = dtype == DNN_BOOL ? 2 : 200;
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) tensor_put(t, i, (double)(i % limit));
    return t;
}

static const dnn_dtype all_types[] = {DNN_F32, DNN_F64, DNN_BF16, DNN_F16, DNN_U8, DNN_I32, DNN_I64, DNN_BOOL};
enum { TYPES = sizeof all_types / sizeof *all_types };

/* For y of that index the index in x, or false where nothing of x goes there. */
typedef bool source_of(const int64_t *y, int64_t *x);

static int64_t flat_index(const dnn_tensor *t, const int64_t *index) {
    int64_t flat = 0;
    for (int32_t i = 0; i < dnn_tensor_rank(t); i++) flat = flat * dnn_tensor_dim(t, i) + index[i];
    return flat;
}

static void index_of(const dnn_tensor *t, int64_t flat, int64_t *index) {
    for (int32_t i = dnn_tensor_rank(t) - 1; i >= 0; i--) {
        index[i] = flat % dnn_tensor_dim(t, i);
        flat /= dnn_tensor_dim(t, i);
    }
}

static void expect_moved(const dnn_tensor *x, const dnn_tensor *y, source_of *source, double otherwise) {
    for (int64_t i = 0; i < dnn_tensor_count(y); i++) {
        int64_t at[DNN_MAX_RANK], from[DNN_MAX_RANK];
        index_of(y, i, at);
        expect_near(y, i, source(at, from) ? tensor_at(x, flat_index(x, from)) : otherwise, 0, "element");
    }
}

/* dy · (f(x) - f(0)) = dx · x; small integers, so that sums are exact. */
static void expect_adjoint(dnn_module *m, dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS), DNN_OK);
    dnn_tensor *x = counted(dtype, rank, dims), *zero = tensor_of(ctx, dtype, rank, dims, NULL), *y, *dy;
    assert_int_equal(dnn_tensor_clone(&y, run_forward(m, zero)), DNN_OK);
    dy = counted(dtype, dnn_tensor_rank(y), dnn_tensor_dims(y));
    double at_zero = dot(dy, y);
    dnn_tensor_release(y);
    double want = dot(dy, run_forward(m, x)) - at_zero;
    assert_true(dot(run_backward(m, dy), x) == want);
    dnn_tensor *all[] = {x, zero, dy};
    rg_release(all, 3);
}

/* Runs every type; checks the shape and the elements; then gradients in both float types. Releases the layer. */
static void check(dnn_module *m, int32_t rank, const int64_t *dims, int32_t y_rank, const int64_t *y_dims,
                  source_of *source, double otherwise) {
    assert_non_null(m);
    for (int t = 0; t < TYPES; t++) {
        dnn_tensor *x = counted(all_types[t], rank, dims);
        const dnn_tensor *y = run_forward(m, x);
        assert_int_equal(dnn_tensor_dtype(y), all_types[t]);
        expect_shape(y, y_rank, y_dims);
        if (source) expect_moved(x, y, source, otherwise);
        else assert_memory_equal(dnn_tensor_const_data(x), dnn_tensor_const_data(y), (size_t)dnn_tensor_bytes(x));
        dnn_tensor_release(x);
    }
    expect_adjoint(m, DNN_F32, rank, dims);
    expect_adjoint(m, DNN_F64, rank, dims);
    dnn_module_release(m);
}

/* ---- views ---- */

static void flattened(void **state) {
    (void)state;
    check(dnn_flatten(ctx), DIMS(3, 4, 2), DIMS(3, 8), NULL, 0);
    check(dnn_flatten(ctx), DIMS(3), DIMS(3, 1), NULL, 0);
    check(dnn_flatten(ctx), DIMS(0, 4, 2), DIMS(0, 8), NULL, 0);
    check(dnn_flatten(ctx), DIMS(3, 4, 0), DIMS(3, 0), NULL, 0);
    dnn_tensor *scalar = tensor_of(ctx, DNN_F32, 0, NULL, NULL);
    expect_no_fit(dnn_flatten(ctx), scalar, DNN_ERROR_SHAPE, "input is a scalar, the layer keeps a batch axis");
    dnn_tensor_release(scalar);
}

static void reshaped(void **state) {
    (void)state;
    check(dnn_reshape(ctx, DIMS(2, 6)), DIMS(5, 3, 4), DIMS(5, 2, 6), NULL, 0);
    check(dnn_reshape(ctx, DIMS(2, -1, 2)), DIMS(5, 12), DIMS(5, 2, 3, 2), NULL, 0);
    check(dnn_reshape(ctx, DIMS(-1)), DIMS(0, 3, 4), DIMS(0, 12), NULL, 0);
    check(dnn_reshape(ctx, 0, NULL), DIMS(5, 1), DIMS(5), NULL, 0);
    check(dnn_reshape(ctx, DIMS(0, 7)), DIMS(5, 0), DIMS(5, 0, 7), NULL, 0);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 10), NULL);
    expect_no_fit(dnn_reshape(ctx, DIMS(3, -1)), x, DNN_ERROR_SHAPE,
                  "the 10 elements of a sample do not fill shape [3,-1] (input [2,10])");
    expect_no_fit(dnn_reshape(ctx, DIMS(20)), x, DNN_ERROR_SHAPE,
                  "the 10 elements of a sample do not fill shape [20] (input [2,10])");
    expect_refused(dnn_reshape(ctx, DIMS(-1, 2, -1)), "dims[0] and dims[2] are both -1, only one size can be computed");
    expect_refused(dnn_reshape(ctx, DIMS(-1, 0)), "dims[0] is -1, which cannot be computed next to a size of 0");
    expect_refused(dnn_reshape(ctx, DIMS(4, -2)), "dims[1] is -2, which is no size");
    expect_refused(dnn_reshape(ctx, DIMS(INT64_MAX, 2)), "dims[1] is 2, which is no size");
    expect_refused(dnn_reshape(ctx, 8, (int64_t[8]){1}), "rank is 8, a sample has 0 to 7 axes");
    expect_refused(dnn_reshape(ctx, 1, NULL), "dims is NULL");
    dnn_tensor_release(x);
}

/* ---- permute ---- */

static bool nchw(const int64_t *y, int64_t *x) {
    x[0] = y[0], x[3] = y[1], x[1] = y[2], x[2] = y[3];
    return true;
}
static bool swapped(const int64_t *y, int64_t *x) {
    x[0] = y[1], x[1] = y[0];
    return true;
}

static void permuted(void **state) {
    (void)state;
    check(dnn_permute(ctx, 4, (int32_t[]){0, 3, 1, 2}), DIMS(2, 3, 5, 4), DIMS(2, 4, 3, 5), nchw, 0);
    check(dnn_permute(ctx, 4, (int32_t[]){-4, -1, -3, -2}), DIMS(1, 40, 50, 3), DIMS(1, 3, 40, 50), nchw, 0);
    check(dnn_permute(ctx, 2, (int32_t[]){1, 0}), DIMS(33, 70), DIMS(70, 33), swapped, 0);
    check(dnn_permute(ctx, 2, (int32_t[]){1, 0}), DIMS(0, 7), DIMS(7, 0), swapped, 0);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 3, 4), NULL);
    expect_no_fit(dnn_permute(ctx, 2, (int32_t[]){1, 0}), x, DNN_ERROR_SHAPE,
                  "input [2,3,4] has 3 axes, the layer permutes 2");
    expect_refused(dnn_permute(ctx, 3, (int32_t[]){0, 2, -1}), "axes[2] is -1, which occurs twice");
    expect_refused(dnn_permute(ctx, 2, (int32_t[]){0, 2}), "axes[1] is 2, the input has 2 axes");
    expect_refused(dnn_permute(ctx, 2, NULL), "axes is NULL");
    expect_refused(dnn_permute(ctx, 9, (int32_t[9]){0}), "rank is 9, a tensor has 0 to 8 axes");
    dnn_tensor_release(x);
}

/* ---- pad ---- */

static bool inside_border(const int64_t *y, int64_t *x) {
    x[0] = y[0], x[1] = y[1] - 1, x[2] = y[2] - 2, x[3] = y[3];
    return x[1] >= 0 && x[1] < 3 && x[2] >= 0 && x[2] < 4;
}
static bool behind_two(const int64_t *y, int64_t *x) {
    x[0] = y[0] - 2;
    return x[0] >= 0 && x[0] < 3;
}

#define PAD(...) dnn_pad(ctx, &(dnn_pad_desc){DNN_SIZED(dnn_pad_desc), __VA_ARGS__})

static void padded(void **state) {
    (void)state;
    check(PAD(.before = {0, 1, 2}, .after = {0, 1, 1}), DIMS(2, 3, 4, 3), DIMS(2, 5, 7, 3), inside_border, 0);
    check(PAD(.before = {0, 1, 2}, .after = {0, 1, 1}, .value = 1), DIMS(2, 3, 4, 3), DIMS(2, 5, 7, 3), inside_border,
          1);
    check(PAD(.before = {2}, .value = DNN_ZERO), DIMS(3), DIMS(5), behind_two, 0);
    dnn_module *m = PAD(.before = {1}, .value = -INFINITY);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(1), (double[]){2}), *bytes = tensor_of(ctx, DNN_U8, DIMS(1), NULL);
    expect_values(run_forward(m, x), (double[]){-INFINITY, 2}, 0, "y");
    expect_no_fit(m, bytes, DNN_ERROR_VALUE, "input is uint8, which does not hold the value -inf");
    expect_no_fit(PAD(.value = 0.5), bytes, DNN_ERROR_VALUE, "input is uint8, which does not hold the value 0.5");
    expect_no_fit(PAD(.value = 256), bytes, DNN_ERROR_VALUE, "input is uint8, which does not hold the value 256");
    expect_no_fit(PAD(.before = {0, 1}), x, DNN_ERROR_SHAPE, "axis 1 is padded, input [1] has 1 axes");
    expect_no_fit(PAD(.before = {INT64_MAX}), x, DNN_ERROR_SHAPE,
                  "axis 0 cannot be padded by 9223372036854775807 and 0: it is too large then");
    expect_no_fit(PAD(.before = {INT64_MAX / 2}), x, DNN_ERROR_SHAPE,
                  "shape [4611686018427387904] of float32 has more bytes than can be addressed");
    expect_refused(PAD(.after = {0, -1}), "desc.after[1] is -1, it must be at least 0");
    expect_refused(PAD(.before = {-2}), "desc.before[0] is -2, it must be at least 0");
    expect_refused(PAD(.before = {INT64_MAX}, .after = {1}), "desc.before[0] and after[0] are too large");
    expect_refused(dnn_pad(ctx, NULL), "desc is NULL");
    dnn_tensor_release(x);
    dnn_tensor_release(bytes);
}

/* ---- slice ---- */

static bool middle_from_one(const int64_t *y, int64_t *x) {
    x[0] = y[0], x[1] = y[1] + 1, x[2] = y[2];
    return true;
}
static bool last_from_two(const int64_t *y, int64_t *x) {
    x[0] = y[0], x[1] = y[1] + 2;
    return true;
}

static void sliced(void **state) {
    (void)state;
    check(dnn_slice(ctx, 1, 1, 3), DIMS(2, 5, 3), DIMS(2, 3, 3), middle_from_one, 0);
    check(dnn_slice(ctx, -2, -4, -1), DIMS(2, 5, 3), DIMS(2, 4, 3), middle_from_one, 0);
    check(dnn_slice(ctx, -1, 2, -1), DIMS(300, 100), DIMS(300, 98), last_from_two, 0);
    check(dnn_slice(ctx, 1, 2, 0), DIMS(3, 2), DIMS(3, 0), last_from_two, 0);
    check(dnn_slice(ctx, -1, -1, -1), DIMS(0, 3), DIMS(0, 1), last_from_two, 0);
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 5), NULL);
    expect_no_fit(dnn_slice(ctx, 1, 3, 3), x, DNN_ERROR_SHAPE, "axis 1 of input [2,5] has no 3 elements from 3 on");
    expect_no_fit(dnn_slice(ctx, -1, -6, 1), x, DNN_ERROR_SHAPE, "axis 1 of input [2,5] has no 1 elements from -6 on");
    expect_no_fit(dnn_slice(ctx, 0, 3, -1), x, DNN_ERROR_SHAPE, "axis 0 of input [2,5] has no element 3 to begin at");
    expect_no_fit(dnn_slice(ctx, 1, 4, INT64_MAX), x, DNN_ERROR_SHAPE,
                  "axis 1 of input [2,5] has no 9223372036854775807 elements from 4 on");
    expect_no_fit(dnn_slice(ctx, 1, INT64_MIN, 1), x, DNN_ERROR_SHAPE,
                  "axis 1 of input [2,5] has no 1 elements from -9223372036854775808 on");
    expect_no_fit(dnn_slice(ctx, 2, 0, 1), x, DNN_ERROR_SHAPE, "there is no axis 2 in input [2,5]");
    expect_refused(dnn_slice(ctx, 0, 0, -2), "count is -2, it must be at least 0, or -1: all to the end");
    dnn_tensor_release(x);
}

/* ---- concat ---- */

/* Pieces of a tensor, put together again; each gets its own piece of the gradient back. */
static void check_concat(dnn_dtype dtype, int32_t axis, int32_t rank, const int64_t *dims, const int64_t *sizes,
                         int n) {
    dnn_module *whole = dnn_concat(ctx, axis - rank);
    dnn_tensor *x = counted(dtype, rank, dims), *pieces[6];
    const dnn_tensor *y, *dx[6];
    assert_int_equal(dnn_module_set_gradients(whole, DNN_GRADIENTS_INPUTS), DNN_OK);
    for (int64_t i = 0, first = 0; i < n; first += sizes[i++]) {
        dnn_module *cut = dnn_slice(ctx, axis, first, sizes[i]);
        assert_int_equal(dnn_tensor_clone(&pieces[i], run_forward(cut, x)), DNN_OK);
        dnn_module_release(cut);
    }
    assert_int_equal(dnn_module_forward_n(whole, (const dnn_tensor *const *)pieces, n, &y, 1), DNN_OK);
    expect_shape(y, rank, dims);
    expect_same_bits(y, x, "the whole");
    if (dtype == DNN_F32 || dtype == DNN_F64) {
        assert_int_equal(dnn_module_backward_n(whole, (const dnn_tensor *[]){x}, 1, dx, n), DNN_OK);
        for (int i = 0; i < n; i++) expect_same_bits(dx[i], pieces[i], "a piece of the gradient");
    }
    rg_release(pieces, n);
    dnn_tensor_release(x);
    dnn_module_release(whole);
}

static void concatenated(void **state) {
    (void)state;
    for (int t = 0; t < TYPES; t++) {
        check_concat(all_types[t], 1, DIMS(3, 9, 2), (int64_t[]){2, 0, 3, 4}, 4);
        check_concat(all_types[t], 0, DIMS(6, 5), (int64_t[]){1, 5}, 2);
        check_concat(all_types[t], 2, DIMS(20, 30, 16), (int64_t[]){7, 8, 1}, 3);
        check_concat(all_types[t], 0, DIMS(4), (int64_t[]){4}, 1);
    }
    dnn_module *m = dnn_concat(ctx, 1);
    dnn_tensor *a = tensor_of(ctx, DNN_F32, DIMS(2, 3), NULL), *b = tensor_of(ctx, DNN_F32, DIMS(3, 3), NULL);
    dnn_tensor *c = tensor_of(ctx, DNN_I32, DIMS(2, 3), NULL);
    const dnn_tensor *y;
    expect_error(dnn_module_forward_n(m, (const dnn_tensor *[]){a, a, b}, 3, &y, 1), DNN_ERROR_SHAPE,
                 "input 2 is [3,3], input 0 is [2,3]: they may differ in axis 1 only");
    expect_error(dnn_module_forward_n(m, (const dnn_tensor *[]){a, c}, 2, &y, 1), DNN_ERROR_DTYPE,
                 "input 1 is int32, input 0 is float32");
    expect_error(dnn_module_forward_n(m, NULL, 0, &y, 1), DNN_ERROR_SHAPE, "the layer takes at least one input");
    dnn_tensor *all[] = {a, b, c};
    rg_release(all, 3);
    dnn_module_release(m);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(flattened), TEST(reshaped), TEST(permuted), TEST(padded), TEST(sliced), TEST(concatenated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
