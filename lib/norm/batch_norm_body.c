#include "base/body.h"

#include "math/columns.h"
#include "norm/norm.h"


/* Adds d = x - mean to drift and d^2 to squares. */
static void add_deviations(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean, real *drift,
                           real *squares) {
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
        const real *a = x + r * stride, *b = a + stride;
        for (int64_t i = 0; i < cols; i++) {
            real da = a[i] - mean[i], db = b[i] - mean[i], square = da * da;
            drift[i] += da + db;
            squares[i] += square + db * db;
        }
    }
    for (; r < rows; r++)
        for (int64_t i = 0; i < cols; i++) {
            real d = x[r * stride + i] - mean[i];
            drift[i] += d;
            squares[i] += d * d;
        }
}

/* From sum, a first estimate, the better one rows mean + sum(d), and sum2 = sum(d^2) - sum(d)^2 / rows: the two-pass
 * algorithm with its correction (Chan, Golub and LeVeque 1983), so that the rounding of the mean does no harm. */
static void column_deviations(int64_t rows, int64_t cols, int64_t stride, const real *x, double *sum, double *sum2) {
    real mean[COLUMNS];
    double drift[COLUMNS] = {0}, n = (double)rows;
    for (int64_t i = 0; i < cols; i++) {
        mean[i] = (real)(sum[i] / n);
        sum2[i] = 0;
    }
    for (int64_t r = 0; r < rows; r += ROW_BLOCK) {
        real block[COLUMNS] = {0}, block2[COLUMNS] = {0};
        add_deviations(dnnk_min(ROW_BLOCK, rows - r), cols, stride, x + r * stride, mean, block, block2);
        for (int64_t i = 0; i < cols; i++) {
            drift[i] += (double)block[i];
            sum2[i] += (double)block2[i];
        }
    }
    for (int64_t i = 0; i < cols; i++) {
        sum[i] = n * (double)mean[i] + drift[i];
        sum2[i] = fmax(0.0, sum2[i] - drift[i] * drift[i] / n);
    }
}

static void moments(int64_t rows, int64_t channels, const void *x_, double *sum, double *sum2) {
    const real *x = x_;
    for (int64_t c = 0; c < channels; c += COLUMNS) {
        int64_t cols = dnnk_min(COLUMNS, channels - c);
        column_sums(rows, cols, channels, x + c, sum + c);
        column_deviations(rows, cols, channels, x + c, sum + c, sum2 + c);
    }
}

static void scales(int64_t cols, const real *rstd, const real *gamma, real *scale) {
    for (int64_t i = 0; i < cols; i++) scale[i] = gamma ? rstd[i] * gamma[i] : rstd[i];
}

static void apply_columns(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean,
                          const real *scale, const real *beta, real *y) {
    for (int64_t r = 0; r < rows; r++, x += stride, y += stride)
        for (int64_t i = 0; i < cols; i++) y[i] = (x[i] - mean[i]) * scale[i] + beta[i];
}

static void apply(int64_t rows, int64_t channels, const void *x_, const void *mean_, const void *rstd_,
                  const void *gamma_, const void *beta_, void *y_) {
    const real *x = x_, *mean = mean_, *rstd = rstd_, *gamma = gamma_, *beta = beta_;
    for (int64_t c = 0; c < channels; c += COLUMNS) {
        int64_t cols = dnnk_min(COLUMNS, channels - c);
        real scale[COLUMNS], zero[COLUMNS] = {0};
        scales(cols, rstd + c, gamma ? gamma + c : NULL, scale);
        apply_columns(rows, cols, channels, x + c, mean + c, scale, beta ? beta + c : zero, (real *)y_ + c);
    }
}

/* dy (x - mean), to be multiplied by rstd once at the end. */
static void add_products(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean, const real *dy,
                         real *sum) {
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
        const real *a = x + r * stride, *b = a + stride, *da = dy + r * stride, *db = da + stride;
        for (int64_t i = 0; i < cols; i++) sum[i] += da[i] * (a[i] - mean[i]) + db[i] * (b[i] - mean[i]);
    }
    for (; r < rows; r++)
        for (int64_t i = 0; i < cols; i++) sum[i] += dy[r * stride + i] * (x[r * stride + i] - mean[i]);
}

static void product_columns(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean,
                            const real *rstd, const real *dy, double *sum2) {
    for (int64_t i = 0; i < cols; i++) sum2[i] = 0;
    for (int64_t r = 0; r < rows; r += ROW_BLOCK) {
        real block[COLUMNS] = {0};
        add_products(dnnk_min(ROW_BLOCK, rows - r), cols, stride, x + r * stride, mean, dy + r * stride, block);
        for (int64_t i = 0; i < cols; i++) sum2[i] += (double)block[i];
    }
    for (int64_t i = 0; i < cols; i++) sum2[i] *= (double)rstd[i];
}

static void backward_sums(int64_t rows, int64_t channels, const void *x_, const void *mean_, const void *rstd_,
                          const void *dy_, double *sum, double *sum2) {
    const real *x = x_, *mean = mean_, *rstd = rstd_, *dy = dy_;
    for (int64_t c = 0; c < channels; c += COLUMNS) {
        int64_t cols = dnnk_min(COLUMNS, channels - c);
        column_sums(rows, cols, channels, dy + c, sum + c);
        if (x) product_columns(rows, cols, channels, x + c, mean + c, rstd + c, dy + c, sum2 + c);
    }
}

/* dx = scale dy - shift - slope (x - mean), with scale = gamma rstd, shift = scale mean_dy,
 * slope = scale rstd mean_dy_xhat. */
static void train_columns(int64_t rows, int64_t cols, int64_t stride, const real *x, const real *mean,
                          const real *scale, const real *shift, const real *slope, const real *dy, real *dx) {
    for (int64_t r = 0; r < rows; r++, x += stride, dy += stride, dx += stride)
        for (int64_t i = 0; i < cols; i++) {
            real carried = shift[i] + slope[i] * (x[i] - mean[i]);
            dx[i] = scale[i] * dy[i] - carried;
        }
}

static void eval_columns(int64_t rows, int64_t cols, int64_t stride, const real *scale, const real *dy, real *dx) {
    for (int64_t r = 0; r < rows; r++, dy += stride, dx += stride)
        for (int64_t i = 0; i < cols; i++) dx[i] = scale[i] * dy[i];
}

static void backward_data(int64_t rows, int64_t channels, const void *x_, const void *gamma_, const void *mean_,
                          const void *rstd_, const double *mean_dy, const double *mean_dy_xhat, const void *dy_,
                          void *dx_) {
    const real *x = x_, *gamma = gamma_, *mean = mean_, *rstd = rstd_, *dy = dy_;
    real *dx = dx_;
    for (int64_t c = 0; c < channels; c += COLUMNS) {
        int64_t cols = dnnk_min(COLUMNS, channels - c);
        real scale[COLUMNS], shift[COLUMNS], slope[COLUMNS];
        scales(cols, rstd + c, gamma ? gamma + c : NULL, scale);
        if (!mean_dy) {
            eval_columns(rows, cols, channels, scale, dy + c, dx + c);
            continue;
        }
        for (int64_t i = 0; i < cols; i++) {
            shift[i] = (real)((double)scale[i] * mean_dy[c + i]);
            slope[i] = (real)((double)scale[i] * (double)rstd[c + i] * mean_dy_xhat[c + i]);
        }
        train_columns(rows, cols, channels, x + c, mean + c, scale, shift, slope, dy + c, dx + c);
    }
}

const dnnk_batch_norm_table DNNK_TABLE(batch_norm) = {
    .moments = moments, .apply = apply, .backward_sums = backward_sums, .backward_data = backward_data};
