/* Transposing packers: rows that are contiguous along k become panels, where the rows lie side by side.
 *
 * Four elements of each row fill a 128-bit lane. Loading row 4q + r into lane q of register r makes the transpose of a
 * 16 × 4 block eight shuffles inside lanes, and each result is 16 neighbours of the panel. (double: 8 × 2, two
 * shuffles.) */
#include "gemm/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

static inline __m512 load_f32(const float *const *rows, int64_t p, int64_t quads) {
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(rows[0] + p));
    if (quads > 1) v = _mm512_insertf32x4(v, _mm_loadu_ps(rows[4] + p), 1);
    if (quads > 2) v = _mm512_insertf32x4(v, _mm_loadu_ps(rows[8] + p), 2);
    if (quads > 3) v = _mm512_insertf32x4(v, _mm_loadu_ps(rows[12] + p), 3);
    return v;
}

/* 4·quads rows, columns p … p+3, to out, whose columns are width apart. */
static inline void block_f32(const float *const *rows, int64_t p, int64_t quads, int64_t width, float *out) {
    __m512 v0 = load_f32(rows, p, quads), v1 = load_f32(rows + 1, p, quads);
    __m512 v2 = load_f32(rows + 2, p, quads), v3 = load_f32(rows + 3, p, quads);
    __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(v0, v1)), b = _mm512_castps_pd(_mm512_unpackhi_ps(v0, v1));
    __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(v2, v3)), d = _mm512_castps_pd(_mm512_unpackhi_ps(v2, v3));
    __mmask16 mask = (__mmask16)(0xffffu >> (16 - 4 * quads));
    _mm512_mask_storeu_ps(out, mask, _mm512_castpd_ps(_mm512_unpacklo_pd(a, c)));
    _mm512_mask_storeu_ps(out + width, mask, _mm512_castpd_ps(_mm512_unpackhi_pd(a, c)));
    _mm512_mask_storeu_ps(out + 2 * width, mask, _mm512_castpd_ps(_mm512_unpacklo_pd(b, d)));
    _mm512_mask_storeu_ps(out + 3 * width, mask, _mm512_castpd_ps(_mm512_unpackhi_pd(b, d)));
}

static inline __m512d load_f64(const double *const *rows, int64_t p, int64_t pairs) {
    __m512d v = _mm512_castpd128_pd512(_mm_loadu_pd(rows[0] + p));
    if (pairs > 1) v = _mm512_insertf64x2(v, _mm_loadu_pd(rows[2] + p), 1);
    if (pairs > 2) v = _mm512_insertf64x2(v, _mm_loadu_pd(rows[4] + p), 2);
    if (pairs > 3) v = _mm512_insertf64x2(v, _mm_loadu_pd(rows[6] + p), 3);
    return v;
}

static inline void block_f64(const double *const *rows, int64_t p, int64_t pairs, int64_t width, double *out) {
    __m512d v0 = load_f64(rows, p, pairs), v1 = load_f64(rows + 1, p, pairs);
    __mmask8 mask = (__mmask8)(0xffu >> (8 - 2 * pairs));
    _mm512_mask_storeu_pd(out, mask, _mm512_unpacklo_pd(v0, v1));
    _mm512_mask_storeu_pd(out + width, mask, _mm512_unpackhi_pd(v0, v1));
}

/* One loop for each width, so that all about it is known when it is compiled. */
#define DEFINE_PACK_ROWS(name, type, block, width, step, chunk, unit)                                                  \
    static void name(const void *const *rows, int64_t count, int64_t kn, void *panel) {                                \
        const type *row[width];                                                                                        \
        type *out = panel;                                                                                             \
        int64_t p = 0;                                                                                                 \
        for (int64_t i = 0; i < width; i++) row[i] = rows[i < count ? i : 0];                                          \
        for (; p + step <= kn; p += step)                                                                              \
            for (int64_t i = 0; i < width; i += chunk)                                                                 \
                block(row + i, p, (width - i < chunk ? width - i : chunk) / unit, width, out + p * width + i);         \
        for (; p < kn; p++)                                                                                            \
            for (int64_t i = 0; i < width; i++) out[p * width + i] = row[i][p];                                        \
    }

DEFINE_PACK_ROWS(rows12_f32, float, block_f32, 12, 4, 16, 4)
DEFINE_PACK_ROWS(rows32_f32, float, block_f32, 32, 4, 16, 4)
DEFINE_PACK_ROWS(rows14_f64, double, block_f64, 14, 2, 8, 2)
DEFINE_PACK_ROWS(rows16_f64, double, block_f64, 16, 2, 8, 2)

void dnnk_pack_rows_avx512_f32(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel) {
    if (width == 12)
        rows12_f32(rows, count, kn, panel);
    else if (width == 32)
        rows32_f32(rows, count, kn, panel);
    else
        dnnk_gemm_f32_avx512.pack_rows(rows, count, kn, width, panel);
}

void dnnk_pack_rows_avx512_f64(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel) {
    if (width == 14)
        rows14_f64(rows, count, kn, panel);
    else if (width == 16)
        rows16_f64(rows, count, kn, panel);
    else
        dnnk_gemm_f64_avx512.pack_rows(rows, count, kn, width, panel);
}

#endif
