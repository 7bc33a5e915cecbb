#include "base/body.h"

#include "math/vmath.h"
#include "math/vsum.h"
#include "softmax/softmax.h"

static void softmax_row(int64_t cols, const real *x, real *y) {
    real max = v_max(cols, x); /* a NaN that it misses reaches the result through the sum */
    double sum = 0;
    V_SUM(sum, c, cols, y[c] = v_exp(x[c] - max))
    real inverse = (real)(1.0 / sum);
    for (int64_t c = 0; c < cols; c++) y[c] *= inverse;
}

static void log_softmax_row(int64_t cols, const real *x, real *y) {
    real max = v_max(cols, x);
    double sum = 0;
    V_SUM(sum, c, cols, v_exp(x[c] - max))
    real log_sum = (real)log(sum);
    for (int64_t c = 0; c < cols; c++) y[c] = (x[c] - max) - log_sum;
}

static void softmax_row_backward(int64_t cols, const real *y, const real *dy, real *dx) {
    double sum = 0;
    V_SUM(sum, c, cols, dy[c] * y[c])
    real dot = (real)sum;
    for (int64_t c = 0; c < cols; c++) dx[c] = y[c] * (dy[c] - dot);
}

static void log_softmax_row_backward(int64_t cols, const real *y, const real *dy, real *dx) {
    double sum = 0;
    V_SUM(sum, c, cols, dy[c])
    real total = (real)sum;
    for (int64_t c = 0; c < cols; c++) dx[c] = dy[c] - v_exp(y[c]) * total;
}

static void forward(int64_t rows, int64_t cols, const void *x, void *y) {
    for (int64_t r = 0; r < rows; r++) softmax_row(cols, (const real *)x + r * cols, (real *)y + r * cols);
}

static void log_forward(int64_t rows, int64_t cols, const void *x, void *y) {
    for (int64_t r = 0; r < rows; r++) log_softmax_row(cols, (const real *)x + r * cols, (real *)y + r * cols);
}

static void backward(int64_t rows, int64_t cols, const void *y_, const void *dy_, void *dx_) {
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t r = 0; r < rows; r++, y += cols, dy += cols, dx += cols) softmax_row_backward(cols, y, dy, dx);
}

static void log_backward(int64_t rows, int64_t cols, const void *y_, const void *dy_, void *dx_) {
    const real *y = y_, *dy = dy_;
    real *dx = dx_;
    for (int64_t r = 0; r < rows; r++, y += cols, dy += cols, dx += cols) log_softmax_row_backward(cols, y, dy, dx);
}

const dnnk_softmax_table DNNK_TABLE(softmax) = {
    .forward = forward, .log_forward = log_forward, .backward = backward, .log_backward = log_backward};
