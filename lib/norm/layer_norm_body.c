#include "base/body.h"

#include "math/columns.h"
#include "math/vsum.h"
#include "norm/norm.h"

/* The two-pass algorithm with its correction (Chan, Golub and LeVeque 1983): what the rounding of the mean adds to the
 * variance is taken off, and put right in the mean. */
static void row_statistics(int64_t cols, double eps, const real *x, real *mean, real *rstd) {
    double sum = 0, drift = 0, sum2 = 0, n = (double)cols;
    V_SUM(sum, c, cols, x[c])
    const real m = (real)(sum / n);
    V_SUM(drift, c, cols, x[c] - m)
    V_SUM(sum2, c, cols, (x[c] - m) * (x[c] - m))
    drift /= n;
    *mean = (real)((double)m + drift);
    *rstd = (real)(1.0 / sqrt(fmax(0.0, sum2 / n - drift * drift) + eps));
}

static void apply_row(int64_t cols, const real *x, const real *gamma, const real *beta, real mean, real rstd, real *y) {
    if (gamma && beta)
        for (int64_t c = 0; c < cols; c++) y[c] = (x[c] - mean) * rstd * gamma[c] + beta[c];
    else
        for (int64_t c = 0; c < cols; c++)
            y[c] = (x[c] - mean) * rstd * (gamma ? gamma[c] : R(1.0)) + (beta ? beta[c] : R(0.0));
}

static void forward(int64_t rows, int64_t cols, double eps, const void *x_, const void *gamma, const void *beta,
                    void *mean_, void *rstd_, void *y_) {
    real *mean = mean_, *rstd = rstd_;
    for (int64_t r = 0; r < rows; r++) {
        const real *x = (const real *)x_ + r * cols;
        real m, s;
        row_statistics(cols, eps, x, &m, &s);
        apply_row(cols, x, gamma, beta, m, s, (real *)y_ + r * cols);
        if (mean) mean[r] = m;
        if (rstd) rstd[r] = s;
    }
}

/* With g = dy gamma and d = x - mean: dx = rstd (g - mean(g) - d rstd^2 mean(g d)). */
static void backward_row(int64_t cols, const real *x, const real *gamma, real mean, real rstd, const real *dy,
                         real *dx) {
    double sum = 0, product = 0;
    if (gamma) {
        V_SUM(sum, c, cols, dy[c] * gamma[c])
        V_SUM(product, c, cols, dy[c] * gamma[c] * (x[c] - mean))
    } else {
        V_SUM(sum, c, cols, dy[c])
        V_SUM(product, c, cols, dy[c] * (x[c] - mean))
    }
    real shift = (real)(sum / (double)cols);
    real slope = (real)(product / (double)cols * (double)rstd * (double)rstd);
    if (gamma)
        for (int64_t c = 0; c < cols; c++) {
            real carried = shift + slope * (x[c] - mean);
            dx[c] = rstd * (dy[c] * gamma[c] - carried);
        }
    else
        for (int64_t c = 0; c < cols; c++) dx[c] = rstd * (dy[c] - (shift + slope * (x[c] - mean)));
}

static void backward_data(int64_t rows, int64_t cols, const void *x_, const void *gamma, const void *mean_,
                          const void *rstd_, const void *dy_, void *dx_) {
    const real *x = x_, *mean = mean_, *rstd = rstd_, *dy = dy_;
    real *dx = dx_;
    for (int64_t r = 0; r < rows; r++, x += cols, dy += cols, dx += cols)
        backward_row(cols, x, gamma, mean[r], rstd[r], dy, dx);
}

static void add_products(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean, const real *rstd,
                         const real *dy, real *sum) {
    for (int64_t r = 0; r < rows; r++, x += stride, dy += stride)
        for (int64_t i = 0; i < cols; i++) sum[i] += dy[i] * ((x[i] - mean[r]) * rstd[r]);
}

static void product_columns(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean,
                            const real *rstd, const real *dy, double *sum2) {
    for (int64_t i = 0; i < cols; i++) sum2[i] = 0;
    for (int64_t r = 0; r < rows; r += ROW_BLOCK) {
        real block[COLUMNS] = {0};
        add_products(dnnk_min(ROW_BLOCK, rows - r), cols, stride, x + r * stride, mean + r, rstd + r, dy + r * stride,
                     block);
        for (int64_t i = 0; i < cols; i++) sum2[i] += (double)block[i];
    }
}

static void backward_sums(int64_t rows, int64_t cols, const void *x, const void *mean, const void *rstd, const void *dy,
                          double *sum, double *sum2) {
    for (int64_t c = 0; c < cols; c += COLUMNS) {
        int64_t width = dnnk_min(COLUMNS, cols - c);
        column_sums(rows, width, cols, (const real *)dy + c, sum + c);
        product_columns(rows, width, cols, (const real *)x + c, mean, rstd, (const real *)dy + c, sum2 + c);
    }
}

const dnnk_layer_norm_table DNNK_TABLE(layer_norm) = {
    .forward = forward, .backward_data = backward_data, .backward_sums = backward_sums};
