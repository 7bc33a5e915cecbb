/* From the skeleton of a digit to ink on pixels. Only + − × ÷ and √ are used, which IEEE 754 rounds the same way on
 * every machine: so digits are the same, bit for bit, everywhere. */
#ifndef DNNI_DIGIT_INK_H
#define DNNI_DIGIT_INK_H

#include "data/digit_glyphs.h"
#include "rng/rng.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* a fused multiply-add rounds differently; gcc does not fuse under -std=c11 */
#endif

/* A digit's random numbers, one after another. */
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

/* Chords for each span between two points of a skeleton. */
enum { DNNI_SPAN_CHORDS = 5, DNNI_INK_VERTICES = DNNI_GLYPH_STEPS * DNNI_SPAN_CHORDS + DNNI_GLYPH_STEPS };

/* The way of the pen: chords between successive vertices, but where the pen was lifted. */
typedef struct dnni_vertex {
    float x, y;     /* pixels: the middle of the image's first pixel is (0, 0) */
    float radius;   /* half the stroke's width there */
    int32_t lifted; /* 1: no chord leads here from the vertex before */
} dnni_vertex;

typedef struct dnni_ink {
    dnni_vertex vertex[DNNI_INK_VERTICES];
    int32_t vertices;
} dnni_ink;

/* Writes a digit with a random hand into an image of size × size pixels. */
void dnni_ink_write(dnni_ink *ink, dnni_draws *draws, const dnni_glyph *glyph, float size);

/* Colours the pixels that the ink covers; edges are `softness` pixels wide; full ink is `level`. The image comes
 * zeroed. */
void dnni_ink_colour(const dnni_ink *ink, float softness, float level, int64_t size, float *image);

#endif
