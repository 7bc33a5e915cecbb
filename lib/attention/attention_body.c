#include "base/body.h"

#include "attention/attention.h"
#include "math/vmath.h"

/* Columns that a loop over rows keeps in a register: micro-kernels' nr are multiples of it. */
#if defined(__AVX512F__)
#define CHUNK (64 / (int64_t)sizeof(real))
#elif defined(__AVX2__)
#define CHUNK (32 / (int64_t)sizeof(real))
#else
#define CHUNK (16 / (int64_t)sizeof(real))
#endif

#define MINUS_INFINITY (-(real)INFINITY)

static void scale(int64_t n, void *x_, double factor_) {
    real *x = x_, factor = (real)factor_;
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

static void mask_causal(int64_t rows, int64_t width, void *s_, int64_t first) {
    real *s = s_;
    for (int64_t i = dnnk_max(0, 1 - first); i < rows; i++)
        for (int64_t j = 0, end = dnnk_min(width, first + i); j < end; j++) s[i * width + j] = MINUS_INFINITY;
}

static void mask_bytes(int64_t rows, int64_t width, void *s_, const uint8_t *mask) {
    real *s = s_;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width && !mask[i]; j++) s[i * width + j] = MINUS_INFINITY;
}

static void mask_added(int64_t rows, int64_t width, void *s_, const void *mask_) {
    const real *mask = mask_;
    real *s = s_;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) s[i * width + j] += mask[i];
}

/* `cols` columns of s. While a column has met nothing but -inf, its maximum counts as 0: exp(-inf - 0) is 0 all
 * right. */
static inline void step_columns(int64_t rows, int64_t cols, int64_t width, real *s, real *max, real *sum,
                                real *factor) {
    real top[CHUNK], total[CHUNK];
    for (int64_t j = 0; j < cols; j++) top[j] = max[j];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) top[j] = s[i * width + j] > top[j] ? s[i * width + j] : top[j];
    for (int64_t j = 0; j < cols; j++) {
        real old = max[j];
        max[j] = top[j];
        top[j] = top[j] == MINUS_INFINITY ? R(0.0) : top[j];
        factor[j] = v_exp(old - top[j]);
        total[j] = R(0.0);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            real p = v_exp(s[i * width + j] - top[j]);
            s[i * width + j] = p;
            total[j] += p;
        }
    for (int64_t j = 0; j < cols; j++) sum[j] = sum[j] * factor[j] + total[j];
}

static inline void scale_columns(int64_t rows, int64_t cols, int64_t width, real *x, const real *factor) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) x[i * width + j] *= factor[j];
}

static void softmax_step(int64_t rows, int64_t width, void *s_, void *max_, void *sum_, int64_t o_rows, void *o_) {
    real *s = s_, *max = max_, *sum = sum_, *o = o_, factor[CHUNK];
    int64_t j = 0;
    for (; j + CHUNK <= width; j += CHUNK) {
        step_columns(rows, CHUNK, width, s + j, max + j, sum + j, factor);
        scale_columns(o_rows, CHUNK, width, o + j, factor);
    }
    for (; j < width; j++) {
        step_columns(rows, 1, width, s + j, max + j, sum + j, factor);
        scale_columns(o_rows, 1, width, o + j, factor);
    }
}

static void softmax_end(int64_t width, void *max_, void *sum_, int64_t o_rows, void *o_, void *log_sums_) {
    real *max = max_, *sum = sum_, *o = o_, *log_sums = log_sums_;
    for (int64_t j = 0; j < width; j++) {
        log_sums[j] = sum[j] == R(0.0) ? (real)INFINITY : max[j] + r_log(sum[j]);
        sum[j] = sum[j] == R(0.0) ? R(0.0) : R(1.0) / sum[j];
    }
    for (int64_t i = 0; i < o_rows; i++)
        for (int64_t j = 0; j < width; j++) o[i * width + j] *= sum[j];
}

static void probabilities(int64_t rows, int64_t width, void *s_, const void *log_sums_) {
    real *restrict s = s_;
    const real *restrict log_sums = log_sums_;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) s[i * width + j] = v_exp(s[i * width + j] - log_sums[j]);
}

static void score_gradients(int64_t rows, int64_t width, const void *p_, void *ds_, const void *delta_) {
    const real *restrict p = p_, *restrict delta = delta_;
    real *restrict ds = ds_;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) ds[i * width + j] = p[i * width + j] * (ds[i * width + j] - delta[j]);
}

static real dot(int64_t n, const real *x, const real *y) {
    real sum[2 * CHUNK] = {0};
    int64_t i = 0;
    for (; i + 2 * CHUNK <= n; i += 2 * CHUNK)
        for (int64_t c = 0; c < 2 * CHUNK; c++) sum[c] += x[i + c] * y[i + c];
    for (; i < n; i++) sum[i % (2 * CHUNK)] += x[i] * y[i];
    for (int64_t half = CHUNK; half > 0; half /= 2)
        for (int64_t c = 0; c < half; c++) sum[c] += sum[c + half];
    return sum[0];
}

static void deltas(int64_t rows, int64_t dim, const void *y, int64_t y_stride, const void *dy, int64_t dy_stride,
                   void *delta) {
    for (int64_t i = 0; i < rows; i++)
        ((real *)delta)[i] = dot(dim, (const real *)y + i * y_stride, (const real *)dy + i * dy_stride);
}

static void add_row_sums(int64_t rows, int64_t cols, int64_t width, const void *x_, void *out_) {
    const real *x = x_;
    real *out = out_;
    for (int64_t i = 0; i < rows; i++) {
        real sum = 0;
        for (int64_t j = 0; j < cols; j++) sum += x[i * width + j];
        out[i] += sum;
    }
}

static void add_rows(int64_t rows, int64_t cols, const void *x_, int64_t x_stride, void *y_, int64_t y_stride) {
    const real *restrict x = x_;
    real *restrict y = y_;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) y[i * y_stride + j] += x[i * x_stride + j];
}

const dnnk_attention_table DNNK_TABLE(attention) = {
    .scale = scale,
    .mask_causal = mask_causal,
    .mask_bytes = mask_bytes,
    .mask_added = mask_added,
    .softmax_step = softmax_step,
    .softmax_end = softmax_end,
    .probabilities = probabilities,
    .score_gradients = score_gradients,
    .deltas = deltas,
    .add_row_sums = add_row_sums,
    .add_rows = add_rows,
};
