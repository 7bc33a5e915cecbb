/* The random numbers of one sample, one after another: a function of (seed, stream) alone. */
#ifndef DNNI_DRAWS_H
#define DNNI_DRAWS_H

#include "rng/rng.h"

typedef struct dnni_draws {
    uint64_t seed, stream, next;
    dnnk_philox_block block;
    int32_t left; /* words of the block that are not used yet */
} dnni_draws;

static inline uint32_t dnni_draw_word(dnni_draws *draws) {
    if (draws->left == 0) {
        draws->block = dnnk_random_block(draws->seed, draws->stream, draws->next++);
        draws->left = 4;
    }
    return draws->block.word[--draws->left];
}

static inline float dnni_draw_between(dnni_draws *draws, float low, float high) {
    return low + (high - low) * dnnk_unit_f32(dnni_draw_word(draws));
}

/* A bell curve of mean 0 and standard deviation 1, within ±3.5: four uniform numbers of 16 bits (variance 1/12 each)
 * added up, 2 taken off, times √3. */
static inline float dnni_draw_bell(dnni_draws *draws) {
    uint32_t a = dnni_draw_word(draws), b = dnni_draw_word(draws);
    uint32_t sum = (a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16);
    return ((float)sum * 0x1p-16f - 2.0f) * 1.7320508f;
}

/* The same as doubles: low where low = high. */
static inline double dnni_draw_range(dnni_draws *draws, double low, double high) {
    uint32_t a = dnni_draw_word(draws);
    return low + (high - low) * dnnk_unit_f64(a, dnni_draw_word(draws));
}

/* An integer in [0, n), 1 ≤ n < 2^31, every one equally likely: words at the end that would favour some are dropped. */
static inline int64_t dnni_draw_below(dnni_draws *draws, int64_t n) {
    uint32_t count = (uint32_t)n, unfair = (uint32_t)(-count) % count;
    for (;;) {
        uint64_t product = (uint64_t)dnni_draw_word(draws) * count;
        if ((uint32_t)product >= unfair) return (int64_t)(product >> 32);
    }
}

#endif
