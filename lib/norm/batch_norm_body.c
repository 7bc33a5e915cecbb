#include "base/body.h"

#include "math/columns.h"
#include "math/relu.h"
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

static void moments(const dnnk_batch_norm_block *b) {
    const real *x = b->x;
    for (int64_t c = 0; c < b->channels; c += COLUMNS) {
        int64_t cols = dnnk_min(COLUMNS, b->channels - c);
        column_sums(b->rows, cols, b->channels, x + c, b->sum + c);
        column_deviations(b->rows, cols, b->channels, x + c, b->sum + c, b->sum2 + c);
    }
}

/* COLUMNS channels at most of a block, and what is the same for all of their rows. */
typedef struct {
    int64_t rows, cols, stride;
    const real *x, *addend, *y, *dy;
    real *out, *addend_gradient; /* out: y, or dx */
    const real *mean, *rstd;
    real scale[COLUMNS], beta[COLUMNS]; /* scale = gamma rstd */
    bool relu;
} columns;

static const real *from(const void *p, int64_t c) { return p ? (const real *)p + c : NULL; }
static real *into(void *p, int64_t c) { return p ? (real *)p + c : NULL; }

static void take_columns(const dnnk_batch_norm_block *b, int64_t c, void *out, columns *k) {
    const real *gamma = from(b->gamma, c), *beta = from(b->beta, c);
    k->rows = b->rows, k->cols = dnnk_min(COLUMNS, b->channels - c), k->stride = b->channels;
    k->x = from(b->x, c), k->dy = from(b->dy, c), k->mean = from(b->mean, c), k->rstd = from(b->rstd, c);
    k->addend = from(b->extra.addend, c), k->y = from(b->extra.y, c), k->relu = b->extra.relu;
    k->out = into(out, c), k->addend_gradient = into(b->extra.addend_gradient, c);
    for (int64_t i = 0; i < k->cols; i++) {
        k->scale[i] = gamma ? k->rstd[i] * gamma[i] : k->rstd[i];
        k->beta[i] = beta ? beta[i] : R(0.0);
    }
}

static inline real normalised(const columns *k, const real *x, int64_t i) {
    return (x[i] - k->mean[i]) * k->scale[i] + k->beta[i];
}

/* ---- forward ---- */

#define EACH_ROW(statement)                                                                              \
    for (int64_t r = 0; r < k->rows; r++) {                                                              \
        const real *x = k->x + r * k->stride, *addend = k->addend ? k->addend + r * k->stride : x;       \
        real *y = k->out + r * k->stride;                                                                \
        (void)addend;                                                                                    \
        for (int64_t i = 0; i < k->cols; i++) y[i] = statement;                                          \
    }

static void apply_columns(const columns *k) {
    if (k->addend && k->relu) EACH_ROW(v_relu(normalised(k, x, i) + addend[i]))
    else if (k->addend) EACH_ROW(normalised(k, x, i) + addend[i])
    else if (k->relu) EACH_ROW(v_relu(normalised(k, x, i)))
    else EACH_ROW(normalised(k, x, i))
}

static void apply(const dnnk_batch_norm_block *b) {
    columns k;
    for (int64_t c = 0; c < b->channels; c += COLUMNS) {
        take_columns(b, c, b->y, &k);
        apply_columns(&k);
    }
}

/* ---- backward ---- */

enum { TILE = 16 }; /* rows that go through ReLU's derivative into the first-level cache, and are read there */

/* g = dy relu'(y) for rows [first, first + rows); returns it, and the distance of its rows in *stride: in `room`, in
 * addend_gradient, or dy itself. */
static const real *take_off_relu(const columns *k, int64_t first, int64_t rows, real *room, int64_t *stride) {
    const real *dy = k->dy + first * k->stride;
    *stride = k->addend_gradient || !k->relu ? k->stride : k->cols;
    if (!k->relu && !k->addend_gradient) return dy;
    real *g = k->addend_gradient ? k->addend_gradient + first * k->stride : room;
    for (int64_t r = 0; r < rows; r++) {
        const real *in = dy + r * k->stride, *y = k->y ? k->y + (first + r) * k->stride : NULL;
        real *out = g + r * *stride;
        if (!k->relu)
            for (int64_t i = 0; i < k->cols; i++) out[i] = in[i];
        else if (y)
            for (int64_t i = 0; i < k->cols; i++) out[i] = in[i] * v_relu_slope(y[i]);
        else {
            const real *x = k->x + (first + r) * k->stride;
            for (int64_t i = 0; i < k->cols; i++) out[i] = in[i] * v_relu_slope(normalised(k, x, i));
        }
    }
    return g;
}

/* g (x - mean), to be multiplied by rstd once at the end. */
static void add_products(const columns *k, int64_t first, int64_t rows, const real *g, int64_t stride, real *sum) {
    const real *x = k->x + first * k->stride, *mean = k->mean;
    int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
        const real *a = x + r * k->stride, *b = a + k->stride, *ga = g + r * stride, *gb = ga + stride;
        for (int64_t i = 0; i < k->cols; i++) sum[i] += ga[i] * (a[i] - mean[i]) + gb[i] * (b[i] - mean[i]);
    }
    for (; r < rows; r++)
        for (int64_t i = 0; i < k->cols; i++) sum[i] += g[r * stride + i] * (x[r * k->stride + i] - mean[i]);
}

static void sum_columns(const columns *k, bool products, double *sum, double *sum2) {
    real room[TILE * COLUMNS];
    for (int64_t i = 0; i < k->cols; i++) sum[i] = sum2[i] = 0;
    for (int64_t r = 0; r < k->rows; r += ROW_BLOCK) {
        real block[COLUMNS] = {0}, block2[COLUMNS] = {0};
        for (int64_t s = r; s < dnnk_min(r + ROW_BLOCK, k->rows); s += TILE) {
            int64_t n = dnnk_min(TILE, k->rows - s), stride;
            const real *g = take_off_relu(k, s, n, room, &stride);
            add_rows(n, k->cols, stride, g, block);
            if (products) add_products(k, s, n, g, stride, block2);
        }
        for (int64_t i = 0; i < k->cols; i++) {
            sum[i] += (double)block[i];
            sum2[i] += (double)block2[i];
        }
    }
    for (int64_t i = 0; i < k->cols; i++) sum2[i] *= (double)k->rstd[i];
}

static void backward_sums(const dnnk_batch_norm_block *b) {
    columns k;
    for (int64_t c = 0; c < b->channels; c += COLUMNS) {
        take_columns(b, c, NULL, &k);
        sum_columns(&k, b->x != NULL, b->sum + c, b->sum2 + c);
    }
}

/* dx = scale g - shift - slope (x - mean), with shift = scale mean_dy, slope = scale rstd mean_dy_xhat. */
static void train_columns(const columns *k, const real *shift, const real *slope) {
    real room[TILE * COLUMNS];
    for (int64_t s = 0; s < k->rows; s += TILE) {
        int64_t n = dnnk_min(TILE, k->rows - s), stride;
        const real *g = take_off_relu(k, s, n, room, &stride), *x = k->x + s * k->stride;
        real *dx = k->out + s * k->stride;
        for (int64_t r = 0; r < n; r++, x += k->stride, g += stride, dx += k->stride)
            for (int64_t i = 0; i < k->cols; i++) {
                real carried = shift[i] + slope[i] * (x[i] - k->mean[i]);
                dx[i] = k->scale[i] * g[i] - carried;
            }
    }
}

static void eval_columns(const columns *k) {
    real room[TILE * COLUMNS];
    for (int64_t s = 0; s < k->rows; s += TILE) {
        int64_t n = dnnk_min(TILE, k->rows - s), stride;
        const real *g = take_off_relu(k, s, n, room, &stride);
        real *dx = k->out + s * k->stride;
        for (int64_t r = 0; r < n; r++, g += stride, dx += k->stride)
            for (int64_t i = 0; i < k->cols; i++) dx[i] = k->scale[i] * g[i];
    }
}

static void backward_data(const dnnk_batch_norm_block *b) {
    columns k;
    for (int64_t c = 0; c < b->channels; c += COLUMNS) {
        real shift[COLUMNS], slope[COLUMNS];
        take_columns(b, c, b->dx, &k);
        for (int64_t i = 0; b->mean_dy && i < k.cols; i++) {
            shift[i] = (real)((double)k.scale[i] * b->mean_dy[c + i]);
            slope[i] = (real)((double)k.scale[i] * (double)k.rstd[i] * b->mean_dy_xhat[c + i]);
        }
        if (b->mean_dy) train_columns(&k, shift, slope);
        else eval_columns(&k);
    }
}

const dnnk_batch_norm_table DNNK_TABLE(batch_norm) = {
    .moments = moments, .apply = apply, .backward_sums = backward_sums, .backward_data = backward_data};
