/* From the skeleton of a digit to ink on pixels. Only + − × ÷ and √ are used, which IEEE 754 rounds the same way on
 * every machine: so digits are the same, bit for bit, everywhere. */
#ifndef DNNI_DIGIT_INK_H
#define DNNI_DIGIT_INK_H

#include "data/digit_glyphs.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF /* a fused multiply-add rounds differently; gcc does not fuse under -std=c11 */
#endif

#include "data/draws.h"

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
