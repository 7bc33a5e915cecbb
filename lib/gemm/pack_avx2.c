/* As pack_avx512.c, in 256 bits: float 8 × 4, double 4 × 2. A panel's width may leave a rest of half a register. */
#include "gemm/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

static inline __m256 load_f32(const float *const *rows, int64_t p) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(rows[0] + p)), _mm_loadu_ps(rows[4] + p), 1);
}

static inline void store_f32(float *out, int64_t count, __m256d v) {
    __m256 x = _mm256_castpd_ps(v);
    if (count == 8) {
        _mm256_storeu_ps(out, x);
    } else { /* 6 */
        _mm_storeu_ps(out, _mm256_castps256_ps128(x));
        _mm_storel_pi((__m64 *)(void *)(out + 4), _mm256_extractf128_ps(x, 1));
    }
}

/* `count` rows (8 or 6; pointers to 8 there must be), columns p … p+3, to out, whose columns are width apart. */
static inline void block_f32(const float *const *rows, int64_t p, int64_t count, int64_t width, float *out) {
    __m256 v0 = load_f32(rows, p), v1 = load_f32(rows + 1, p), v2 = load_f32(rows + 2, p), v3 = load_f32(rows + 3, p);
    __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(v0, v1)), b = _mm256_castps_pd(_mm256_unpackhi_ps(v0, v1));
    __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(v2, v3)), d = _mm256_castps_pd(_mm256_unpackhi_ps(v2, v3));
    store_f32(out, count, _mm256_unpacklo_pd(a, c));
    store_f32(out + width, count, _mm256_unpackhi_pd(a, c));
    store_f32(out + 2 * width, count, _mm256_unpacklo_pd(b, d));
    store_f32(out + 3 * width, count, _mm256_unpackhi_pd(b, d));
}

static inline __m256d load_f64(const double *const *rows, int64_t p) {
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(rows[0] + p)), _mm_loadu_pd(rows[2] + p), 1);
}

static inline void store_f64(double *out, int64_t count, __m256d v) {
    if (count == 4)
        _mm256_storeu_pd(out, v);
    else /* 2 */
        _mm_storeu_pd(out, _mm256_castpd256_pd128(v));
}

static inline void block_f64(const double *const *rows, int64_t p, int64_t count, int64_t width, double *out) {
    __m256d v0 = load_f64(rows, p), v1 = load_f64(rows + 1, p);
    store_f64(out, count, _mm256_unpacklo_pd(v0, v1));
    store_f64(out + width, count, _mm256_unpackhi_pd(v0, v1));
}

#define DEFINE_PACK_ROWS(name, type, block, width, step, chunk)                                                        \
    static void name(const void *const *rows, int64_t count, int64_t kn, void *panel) {                                \
        const type *row[width + chunk];                                                                                \
        type *out = panel;                                                                                             \
        for (int64_t i = 0; i < width + chunk; i++) row[i] = rows[i < count ? i : 0];                                  \
        int64_t p = 0;                                                                                                 \
        for (; p + step <= kn; p += step)                                                                              \
            for (int64_t i = 0; i < width; i += chunk)                                                                 \
                block(row + i, p, width - i < chunk ? width - i : chunk, width, out + p * width + i);                  \
        for (; p < kn; p++)                                                                                            \
            for (int64_t i = 0; i < width; i++) out[p * width + i] = row[i][p];                                        \
    }

DEFINE_PACK_ROWS(rows6_f32, float, block_f32, 6, 4, 8)
DEFINE_PACK_ROWS(rows16_f32, float, block_f32, 16, 4, 8)
DEFINE_PACK_ROWS(rows6_f64, double, block_f64, 6, 2, 4)
DEFINE_PACK_ROWS(rows8_f64, double, block_f64, 8, 2, 4)

void dnnk_pack_rows_avx2_f32(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel) {
    if (width == 6)
        rows6_f32(rows, count, kn, panel);
    else if (width == 16)
        rows16_f32(rows, count, kn, panel);
    else
        dnnk_gemm_f32_avx2.pack_rows(rows, count, kn, width, panel);
}

void dnnk_pack_rows_avx2_f64(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel) {
    if (width == 6)
        rows6_f64(rows, count, kn, panel);
    else if (width == 8)
        rows8_f64(rows, count, kn, panel);
    else
        dnnk_gemm_f64_avx2.pack_rows(rows, count, kn, width, panel);
}

#endif
