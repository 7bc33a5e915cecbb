#include "base/body.h"

#include "rng/philox.h"
#include "rng/rng.h"

#define LANES 16 /* blocks computed side by side */

/* Rounds outside, lanes inside: the inner loop is vector code. */
static void lane_rounds(uint32_t k0, uint32_t k1, uint32_t *restrict c0, uint32_t *restrict c1, uint32_t *restrict c2,
                        uint32_t *restrict c3) {
    for (int round = 0; round < PHILOX_ROUNDS; round++, k0 += PHILOX_W0, k1 += PHILOX_W1)
        for (int l = 0; l < LANES; l++) PHILOX_ROUND(c0[l], c1[l], c2[l], c3[l], k0, k1);
}

/* Blocks first … first + LANES - 1, word w of block l at [4 l + w]. */
static void lane_blocks(uint64_t seed, uint64_t stream, uint64_t first, uint32_t *word) {
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    for (int l = 0; l < LANES; l++) {
        uint64_t index = first + (uint64_t)l;
        c0[l] = (uint32_t)index;
        c1[l] = (uint32_t)(index >> 32);
        c2[l] = (uint32_t)stream;
        c3[l] = (uint32_t)(stream >> 32);
    }
    lane_rounds((uint32_t)seed, (uint32_t)(seed >> 32), c0, c1, c2, c3);
    for (int l = 0; l < LANES; l++) {
        word[4 * l] = c0[l];
        word[4 * l + 1] = c1[l];
        word[4 * l + 2] = c2[l];
        word[4 * l + 3] = c3[l];
    }
}

static void words(uint64_t seed, uint64_t stream, uint64_t first, int64_t blocks, uint32_t *word) {
    int64_t b = 0;
    for (; b + LANES <= blocks; b += LANES) lane_blocks(seed, stream, first + (uint64_t)b, word + 4 * b);
    if (b == blocks) return;
    uint32_t rest[4 * LANES];
    lane_blocks(seed, stream, first + (uint64_t)b, rest);
    for (int64_t i = 0; i < 4 * (blocks - b); i++) word[4 * b + i] = rest[i];
}

#define CHUNK 1024 /* words made at a time */

/* The multiplication and the addition are one operation on every machine, so that the bits are the same on all. */
#ifdef DNNK_BODY_F64
#define WORDS_EACH 2
#define UNIFORM(i) fma(range, dnnk_unit_f64(word[2 * (i)], word[2 * (i) + 1]), low)
#else
#define WORDS_EACH 1
#define UNIFORM(i) fmaf(range, dnnk_unit_f32(word[i]), low)
#endif

static void uniform(uint64_t seed, uint64_t stream, int64_t first, double low_, double high, int64_t n, void *y_) {
    const int64_t step = CHUNK / WORDS_EACH;
    real *y = y_, low = (real)low_, range = (real)(high - low_);
    uint32_t word[CHUNK];
    for (int64_t i = 0; i < n; i += step, y += step) {
        int64_t count = dnnk_min(step, n - i);
        words(seed, stream, (uint64_t)((first + i) * WORDS_EACH / 4), dnnk_ceil_div(count * WORDS_EACH, 4), word);
        for (int64_t k = 0; k < count; k++) y[k] = UNIFORM(k);
    }
}

static void dropout(uint64_t seed, uint64_t stream, int64_t first, uint64_t threshold, double scale_, int64_t n,
                    const void *x_, void *y_) {
    const real *x = x_, scale = (real)scale_;
    real *y = y_;
    uint32_t word[CHUNK], lowest = (uint32_t)threshold;
    if (threshold > UINT32_MAX) {
        for (int64_t i = 0; i < n; i++) y[i] = R(0.0);
        return;
    }
    for (int64_t i = 0; i < n; i += CHUNK, x += CHUNK, y += CHUNK) {
        int64_t count = dnnk_min(CHUNK, n - i);
        words(seed, stream, (uint64_t)((first + i) / 4), dnnk_ceil_div(count, 4), word);
        for (int64_t k = 0; k < count; k++) y[k] = word[k] >= lowest ? x[k] * scale : R(0.0);
    }
}

const dnnk_rng_table DNNK_TABLE(rng) = {.words = words, .uniform = uniform, .dropout = dropout};
