/* How digits are written: the skeletons of the embedded data set. */
#ifndef DNNI_DIGIT_GLYPHS_H
#define DNNI_DIGIT_GLYPHS_H

#include <stdint.h>

/* Numbers of strokes: the pen is lifted, or turns a corner; nothing more. */
#define DNNI_LIFT 98
#define DNNI_DONE 99

enum { DNNI_GLYPH_POINTS = 16, DNNI_GLYPH_STEPS = 24 };

/* One style of one digit. Points are in a box of 100 × 100, x to the right, y down. `path` is the way of the pen over
 * their numbers: smooth within a stroke, closed where a stroke ends at the point it began with; strokes that share a
 * point meet there, however it is moved. */
typedef struct dnni_glyph {
    int8_t digit;
    int8_t weight; /* how common the style is, among those of its digit */
    int8_t point[DNNI_GLYPH_POINTS][2];
    int8_t path[DNNI_GLYPH_STEPS];
} dnni_glyph;

/* In order of their digits. */
extern const dnni_glyph dnni_glyphs[];
extern const int32_t dnni_glyph_count;

#endif
