#include "see/waves.h"

#include <math.h>

#include "gemm/gemm.h"

#define PI 3.14159265358979323846

double dnni_wave_frequency(int64_t n, int64_t k) { return (double)((k + 1) / 2) / (double)n; }

/* Whole turns are taken off first: cosines of large angles lose digits. */
void dnni_wave_basis(int64_t n, double *basis) {
    for (int64_t k = 0; k < n; k++) {
        int64_t turns = (k + 1) / 2;
        bool alone = k == 0 || 2 * turns == n; /* the constant, and the fastest wave of an even number: no sine */
        double size = sqrt((alone ? 1.0 : 2.0) / (double)n);
        for (int64_t i = 0; i < n; i++) {
            double angle = 2 * PI * (double)(turns * i % n) / (double)n;
            basis[k * n + i] = size * (k % 2 == 1 || k == 0 ? cos(angle) : sin(angle));
        }
    }
}

static void fill_scale(dnni_waves *w, double detail) {
    double least = 1 / (double)dnnk_max(w->height, w->width);
    for (int64_t i = 0; i < w->height; i++)
        for (int64_t j = 0; j < w->width; j++) {
            double f = hypot(dnni_wave_frequency(w->height, i), dnni_wave_frequency(w->width, j));
            w->scale[i * w->width + j] = sqrt(2) / 4 / pow(fmax(f, least), detail);
        }
}

/* ---- products ---- */

/* C [m,n] = A [m,k] B [k,n]; A and B read transposed where told so: then they lie as [k,m], [n,k]. */
static dnnk_gemm_problem product(int64_t m, int64_t n, int64_t k, const double *a, bool a_turned, const double *b,
                                 bool b_turned, double *c) {
    dnnk_operand left = a_turned ? dnnk_gemm_a(a, 1, m) : dnnk_gemm_a(a, k, 1);
    dnnk_operand right = b_turned ? dnnk_gemm_b(b, 1, k) : dnnk_gemm_b(b, n, 1);
    return dnnk_gemm_simple(DNNK_F64, m, n, k, left, right, c);
}

/* plane [h,w] = Bhᵀ plane Bw, or, the other way, Bh plane Bwᵀ. */
static void change_basis(const dnni_waves *w, bool to_picture, double *plane) {
    int64_t h = w->height, n = w->width;
    dnnk_gemm_problem down = product(h, n, h, w->rows, to_picture, plane, false, w->half);
    dnnk_gemm_problem across = product(h, n, n, w->half, false, w->columns, !to_picture, plane);
    dnnk_gemm(w->env, &down, w->work);
    dnnk_gemm(w->env, &across, w->work);
}

static int64_t workspace(const dnni_waves *w) {
    int64_t bytes = 1;
    for (int way = 0; way < 2; way++) {
        dnnk_gemm_problem down = product(w->height, w->width, w->height, w->rows, way, w->plane, false, w->half);
        dnnk_gemm_problem across = product(w->height, w->width, w->width, w->half, false, w->columns, !way, w->plane);
        bytes = dnnk_max(bytes, dnnk_max(dnnk_gemm_workspace(w->env, &down), dnnk_gemm_workspace(w->env, &across)));
    }
    return bytes;
}

dnn_status dnni_waves_make(dnni_waves *w, dnni_pool *pool, int64_t height, int64_t width, int64_t channels,
                           double detail) {
    *w = (dnni_waves){.env = dnni_env(pool->ctx), .height = height, .width = width, .channels = channels};
    int64_t pixels = height * width;
    w->rows = dnni_pool_alloc(pool, height * height, sizeof(double));
    w->columns = dnni_pool_alloc(pool, width * width, sizeof(double));
    w->scale = dnni_pool_alloc(pool, pixels, sizeof(double));
    w->plane = dnni_pool_alloc(pool, pixels, sizeof(double));
    w->half = dnni_pool_alloc(pool, pixels, sizeof(double));
    w->colours = dnni_pool_alloc(pool, pixels * channels, sizeof(double));
    if (!w->rows || !w->columns || !w->scale || !w->plane || !w->half || !w->colours) return DNN_ERROR_MEMORY;
    w->work = dnni_pool_alloc(pool, workspace(w), 1);
    if (!w->work) return DNN_ERROR_MEMORY;
    dnni_wave_basis(height, w->rows);
    dnni_wave_basis(width, w->columns);
    fill_scale(w, detail);
    return DNN_OK;
}

/* ---- colour ---- */

/* The root of the covariance of colours in photographs, as Lucid has it; its columns are divided by the norm of the
 * largest, the first: √(.26² + .27² + .27²). */
static const double correlation[3][3] = {{0.26, 0.09, 0.02}, {0.27, 0.00, -0.05}, {0.27, -0.09, 0.03}};
static const double largest_column = 0.46195237849804394;

/* Of one pixel of 3 channels: y = M x, or y = Mᵀ x. */
static void correlate(double *pixel, bool turned) {
    double x[3] = {pixel[0], pixel[1], pixel[2]};
    for (int i = 0; i < 3; i++) {
        pixel[i] = 0;
        for (int j = 0; j < 3; j++)
            pixel[i] += (turned ? correlation[j][i] : correlation[i][j]) / largest_column * x[j];
    }
}

/* ---- pictures ---- */

void dnni_waves_picture(const dnni_waves *w, const double *z, double *p) {
    int64_t pixels = w->height * w->width, channels = w->channels;
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t i = 0; i < pixels; i++) w->plane[i] = w->scale[i] * z[c * pixels + i];
        change_basis(w, true, w->plane);
        for (int64_t i = 0; i < pixels; i++) p[i * channels + c] = w->plane[i];
    }
    for (int64_t i = 0; channels == 3 && i < pixels; i++) correlate(p + 3 * i, false);
    for (int64_t i = 0; i < pixels * channels; i++) p[i] = 1 / (1 + exp(-p[i]));
}

void dnni_waves_gradient(const dnni_waves *w, const double *p, const double *dp, double *dz) {
    int64_t pixels = w->height * w->width, channels = w->channels;
    double *dy = w->colours;
    for (int64_t i = 0; i < pixels * channels; i++) dy[i] = dp[i] * p[i] * (1 - p[i]);
    for (int64_t i = 0; channels == 3 && i < pixels; i++) correlate(dy + 3 * i, true);
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t i = 0; i < pixels; i++) w->plane[i] = dy[i * channels + c];
        change_basis(w, false, w->plane);
        for (int64_t i = 0; i < pixels; i++) dz[c * pixels + i] = w->scale[i] * w->plane[i];
    }
}
