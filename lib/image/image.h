/* Images: cutting, scaling, bending and colouring them. Serial: an image is one task, and whoever has many of them runs
 * them side by side.
 *
 * An image is dense: (height, width, channels), of bytes (0 … 255) or of float32. x runs to the right, y down; pixel
 * (row i, column j) covers the square from (j, i) to (j + 1, i + 1), so its middle lies at (j + ½, i + ½). Results in
 * bytes are rounded to the nearest and clamped. */
#ifndef DNNK_IMAGE_H
#define DNNK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct dnnk_image {
    void *data;
    int64_t height, width, channels;
    bool is_float; /* false: bytes */
} dnnk_image;

/* What lies beyond the edge: the fill value, the pixel at the edge, or the image mirrored at the middle of that pixel
 * (c b a b c). */
typedef enum dnnk_border { DNNK_CONSTANT, DNNK_EDGE, DNNK_REFLECT } dnnk_border;

/* The pixel that stands for number i of a row of n ≥ 1 pixels; -1: the fill value. */
int64_t dnnk_border_index(dnnk_border border, int64_t i, int64_t n);

/* ---- cutting ----------------------------------------------------------------------------------------------------- */

/* A grid of pixels of any type: rows × columns of `pixel` bytes each, with elements of `element` bytes. */
typedef struct dnnk_grid {
    void *data;
    int64_t rows, cols, pixel, element;
} dnnk_grid;

/* Where to cut, and how to turn what was cut. */
typedef struct dnnk_cut {
    int64_t top, left; /* of the window in the source; any numbers */
    bool flip_rows, flip_cols;
    dnnk_border border;
    const void *fill; /* one element, for DNNK_CONSTANT */
} dnnk_cut;

/* Copies the window of to's size at (top, left) of `from`, turned upside down or left to right if asked for. */
void dnnk_window(const dnnk_grid *from, const dnnk_grid *to, const dnnk_cut *cut);

/* ---- scaling ----------------------------------------------------------------------------------------------------- */

/* A pixel that goes out at place i of n_out comes from around c = (i + ½) n_in / n_out, as a mean of pixels k with
 * weights that sum to 1. With s = n_in / n_out:
 *     LINEAR  1 - |k + ½ - c| / r where that is positive: r = max(s, 1) if antialiased, else 1
 *     AREA    how much of pixel k lies in c - s/2 … c + s/2 */
typedef enum dnnk_scaling { DNNK_LINEAR, DNNK_AREA } dnnk_scaling;

typedef struct dnnk_resize {
    int64_t top, left, height, width; /* of the window, inside the source */
    dnnk_scaling scaling;
    bool antialias;
} dnnk_resize;

/* Bytes of `work`, on a boundary of 8, enough for any window of an image of height × width. -1: more than 2^48. */
int64_t dnnk_resize_workspace(int64_t height, int64_t width, int64_t out_height, int64_t out_width, int64_t channels);

/* Scales the window to to's size. The order of additions is fixed: along rows first, then down. */
void dnnk_resize_image(const dnnk_image *from, const dnnk_image *to, const dnnk_resize *resize, void *work);

/* ---- bending ----------------------------------------------------------------------------------------------------- */

/* matrix · (x, y, 1) of a point that goes out is (u, v, w), and it comes from the point (u/w, v/w). */

/* Every pixel that goes out is the one that its middle comes from. */
void dnnk_warp_nearest(const dnnk_grid *from, const dnnk_grid *to, const double matrix[9], dnnk_border border,
                       const void *fill);

/* Or a mean of the four pixels around: bilinear. `fill`: in units of the image. `work`: as many bytes as workspace
 * says, on a boundary of 4. */
int64_t dnnk_warp_workspace(int64_t channels);
void dnnk_warp_linear(const dnnk_image *from, const dnnk_image *to, const double matrix[9], dnnk_border border,
                      float fill, void *work);

/* ---- converting -------------------------------------------------------------------------------------------------- */

/* y[i] = scale · x[i] + shift: from bytes, and from float32 (in place allowed). */
void dnnk_bytes_to_float(int64_t n, const uint8_t *x, float scale, float shift, float *y);
void dnnk_float_affine(int64_t n, const float *x, float scale, float shift, float *y);

/* y[i] = (x[i] - mean[c]) · factor[c], c = i mod period; n is a multiple of period. In place allowed. */
void dnnk_standardize(int64_t n, int64_t period, const float *x, const float *mean, const float *factor, float *y);

/* A float to a byte: rounded to the nearest, halves up, clamped; NaN becomes 0. */
static inline uint8_t dnnk_to_byte(float x) {
    return x > 0.0f ? (uint8_t)(x < 255.0f ? x + 0.5f : 255.0f) : 0;
}

/* y[i] = low + (high - low) x[i], rounded and clamped to bytes. */
void dnnk_float_to_bytes(int64_t n, const float *x, float low, float high, uint8_t *y);

/* ---- colouring: values are 0 … 1, and stay there; in place ------------------------------------------------------- */

/* Grey of a pixel. */
float dnnk_grey(const float *pixel, int64_t channels);

void dnnk_brightness(int64_t pixels, int64_t channels, float *x, float factor);
void dnnk_contrast(int64_t pixels, int64_t channels, float *x, float factor);
void dnnk_saturation(int64_t pixels, float *rgb, float factor); /* 3 channels */
void dnnk_hue(int64_t pixels, float *rgb, float turn);          /* turn: in -½ … ½ of the circle */

/* ---- blurring ---------------------------------------------------------------------------------------------------- */

/* Bytes of `work`, on a boundary of 8, for any deviation up to `deviation`. -1: more than 2^48. */
int64_t dnnk_blur_workspace(int64_t height, int64_t width, int64_t channels, double deviation);

/* Weights exp(-d²/2·deviation²), |d| ≤ ⌈3·deviation⌉, that sum to 1, along rows and then down; mirrored at the edges.
 * deviation > 0. In place allowed. */
void dnnk_blur(const dnnk_image *from, const dnnk_image *to, double deviation, void *work);

#endif
