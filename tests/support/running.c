#include "support/running.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/dtype.h"
#include "support/arrays.h"

dnn_tensor *tensor_of(dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims, const double *values) {
    dnn_tensor *t;
    assert_int_equal(dnn_tensor_create(&t, ctx, dtype, rank, dims), DNN_OK);
    for (int64_t i = 0; values && i < dnn_tensor_count(t); i++) tensor_put(t, i, values[i]);
    return t;
}

dnn_tensor *tensor_normal(dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims, uint64_t seed) {
    dnn_tensor *t = tensor_of(ctx, dtype, rank, dims, NULL);
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) tensor_put(t, i, test_normal(&seed));
    return t;
}

double tensor_at(const dnn_tensor *tensor, int64_t i) {
    return dnni_load(dnn_tensor_dtype(tensor), dnn_tensor_const_data(tensor), i);
}

void tensor_put(dnn_tensor *tensor, int64_t i, double value) {
    dnni_store(dnn_tensor_dtype(tensor), dnn_tensor_data(tensor), i, value);
}

static dnn_parameter find(dnn_module *m, const char *path) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    if (dnn_module_parameter(m, path, &p) != DNN_OK) fail_msg("%s", dnn_last_error());
    return p;
}

dnn_tensor *value_of(dnn_module *m, const char *path) { return find(m, path).value; }
dnn_tensor *gradient_of(dnn_module *m, const char *path) { return find(m, path).gradient; }

const dnn_tensor *run_forward(dnn_module *m, const dnn_tensor *x) {
    const dnn_tensor *y;
    if (dnn_module_forward(m, x, &y) != DNN_OK) fail_msg("forward: %s", dnn_last_error());
    return y;
}

const dnn_tensor *run_backward(dnn_module *m, const dnn_tensor *dy) {
    const dnn_tensor *dx;
    if (dnn_module_backward(m, dy, &dx) != DNN_OK) fail_msg("backward: %s", dnn_last_error());
    return dx;
}

void expect_near(const dnn_tensor *tensor, int64_t i, double want, double bound, const char *what) {
    double got = tensor_at(tensor, i);
    bool right = isnan(want) ? isnan(got) : got == want || fabs(got - want) <= bound * fmax(1, fabs(want));
    if (!right)
        fail_msg("%s, %s, element %lld: %.17g, expected %.17g", what, dnn_dtype_name(dnn_tensor_dtype(tensor)),
                 (long long)i, got, want);
}

void expect_values(const dnn_tensor *tensor, const double *want, double bound, const char *what) {
    for (int64_t i = 0; i < dnn_tensor_count(tensor); i++) expect_near(tensor, i, want[i], bound, what);
}

void expect_shape(const dnn_tensor *tensor, int32_t rank, const int64_t *dims) {
    assert_int_equal(dnn_tensor_rank(tensor), rank);
    for (int32_t i = 0; i < rank; i++) assert_int_equal(dnn_tensor_dim(tensor, i), dims[i]);
}

void expect_error(dnn_status got, dnn_status want, const char *line) {
    assert_string_equal(got == DNN_OK ? "no error" : dnn_last_error(), line);
    assert_int_equal(got, want);
}

void expect_same_bits(const dnn_tensor *a, const dnn_tensor *b, const char *what) {
    int64_t bytes = dnn_tensor_bytes(a);
    assert_int_equal(dnn_tensor_bytes(b), bytes);
    if (bytes > 0 && memcmp(dnn_tensor_const_data(a), dnn_tensor_const_data(b), (size_t)bytes) != 0)
        fail_msg("%s differs", what);
}

double dot(const dnn_tensor *a, const dnn_tensor *b) {
    double sum = 0;
    assert_int_equal(dnn_tensor_count(a), dnn_tensor_count(b));
    for (int64_t i = 0; i < dnn_tensor_count(a); i++) sum += tensor_at(a, i) * tensor_at(b, i);
    return sum;
}
