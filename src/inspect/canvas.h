/* Drawing into an image (H, W, 3) of bytes. Everything is clipped. Colours are 0xRRGGBB. */
#ifndef DNNI_CANVAS_H
#define DNNI_CANVAS_H

#include <dnn/inspect.h>

#include "core/tensor.h"

/* Text is 5 × 7 pixels a character, with one pixel between characters and room for tails below; times the scale. */
enum { DNNI_TEXT_STEP = 6, DNNI_TEXT_HEIGHT = 7, DNNI_LINE_HEIGHT = 10 };

#define DNNI_WHITE 0xffffffu
#define DNNI_INK 0x24292fu   /* text, axes */
#define DNNI_FAINT 0xdfe3e8u /* grids, borders */
#define DNNI_NOT_FINITE 0xff00ffu

/* A colour between two; those of values around zero (0: blue, ½: white, 1: red), and of values from 0 on (black,
 * violet, orange, light yellow: lighter is more, also on paper without colours). t from 0 to 1. */
uint32_t dnni_mix(uint32_t a, uint32_t b, double share);
uint32_t dnni_diverging(double t);
uint32_t dnni_glow(double t);

/* Where a value lies between low and high, kept in 0 … 1; ½ if they are equal. */
double dnni_place(double value, double low, double high);

typedef struct dnni_canvas {
    unsigned char *pixels;
    int64_t width, height;
    int64_t left, top, right, bottom; /* nothing is drawn outside of left ≤ x < right, top ≤ y < bottom */
} dnni_canvas;

/* A new image of one colour. Errors: SHAPE for sizes below 1 or above what a picture can sensibly have. */
dnn_status dnni_canvas_new(dnn_tensor **out, dnni_canvas *canvas, dnn_context *ctx, int64_t width, int64_t height,
                           uint32_t colour);

void dnni_fill(const dnni_canvas *canvas, int64_t x, int64_t y, int64_t width, int64_t height, uint32_t colour);

/* The edges of a rectangle, `thickness` pixels wide, just outside of it. */
void dnni_frame(const dnni_canvas *canvas, int64_t x, int64_t y, int64_t width, int64_t height, int64_t thickness,
                uint32_t colour);

/* Mixes a share of the colour, 0 to 1, into what is there. */
void dnni_blend(const dnni_canvas *canvas, int64_t x, int64_t y, uint32_t colour, double share);

/* A straight line between the centres of two pixels, with round ends and smooth edges. */
void dnni_line(const dnni_canvas *canvas, double x0, double y0, double x1, double y1, double thickness,
               uint32_t colour);

/* Text, its upper left corner at (x, y); at most `most` characters (the last becomes an ellipsis where there are more).
 * Returns its width in pixels. Upright text runs to the right, turned text upwards, from its lower left corner. */
int64_t dnni_text(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t scale, int64_t most,
                  uint32_t colour);
int64_t dnni_text_part(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t n, int64_t scale,
                       int64_t most, uint32_t colour); /* its first n characters */
int64_t dnni_text_up(const dnni_canvas *canvas, int64_t x, int64_t y, const char *text, int64_t scale, uint32_t colour);

/* Its width in pixels without drawing it, and its length in characters. NULL is empty. */
int64_t dnni_text_width(const char *text, int64_t scale);
int64_t dnni_text_length(const char *text);

/* The picture of a character: 7 rows of 5, '#' for ink, a space between rows; and how many rows it lies lower. */
const char *dnni_glyph(uint32_t character);
int32_t dnni_glyph_drop(uint32_t character);

/* n · 10^k in decimal, without trailing zeros behind the point; and a number rounded to `digits` significant digits (at
 * most 15). The point is a point in every locale. */
enum { DNNI_NUMBER = 48 };
void dnni_decimal(char text[DNNI_NUMBER], int64_t n, int k);
void dnni_number(char text[DNNI_NUMBER], double value, int digits);

#endif
