/* Where pixels go. An operation that moves pixels says so in one struct, and image, mask and boxes follow it alike.
 *
 * Coordinates: x to the right, y down; the middle of the first pixel is (½, ½), so the image covers 0 … width,
 * 0 … height, as boxes have it. */
#ifndef DNNI_MOVE_H
#define DNNI_MOVE_H

#include <dnn/transform.h>
#include <stdbool.h>

#include "core/dtype.h"

typedef struct dnni_move {
    bool is_warp;
    dnn_filter filter;
    dnn_border border;
    double fill;

    /* A window of the source: turned over, or scaled to the size of what goes out. */
    int64_t top, left, height, width;
    bool flip_rows, flip_cols;
    bool no_antialias;

    /* Or a projective map: matrix · (x, y, 1) of a point that goes out is, up to a factor, where it comes from. */
    double matrix[9];

    double said[8]; /* what the operation keeps for its text */
} dnni_move;

/* The whole image of that size, as it is. */
dnni_move dnni_move_nothing(int64_t height, int64_t width);

/* The warp that is one affine map of points out of the image to points in it: rows of two numbers and a shift. */
void dnni_move_affine(dnni_move *move, const double rows[6]);

/* The warp that moves a point (x, y) of the image, of area above 0, to forward · (x, y, 1). */
void dnni_move_projective(dnni_move *move, const double forward[9]);

/* Nothing happens to an image of height × width. */
bool dnni_move_is_nothing(const dnni_move *move, int64_t out_height, int64_t out_width);

/* Bytes of `work` that moving an image may need: from height × width to out_height × out_width. */
int64_t dnni_move_work(int64_t height, int64_t width, int64_t out_height, int64_t out_width, int64_t channels);

/* And to warp one of so many channels. */
int64_t dnni_warp_work(int64_t channels);

/* Moves an image (H, W, C), uint8 or float32. */
void dnni_move_image(const dnni_move *move, const dnn_array *in, const dnn_array *out, void *work);

/* Moves a mask (H, W, …) of any type: every pixel is one of the source's, or `fill`. */
void dnni_move_mask(const dnni_move *move, const dnn_array *in, const dnn_array *out, double fill);

/* Moves boxes (n, 4 or more) in place: columns x0, y0, x1, y1 of the image's coordinates, float32; out: the image that
 * goes out. A box that is turned becomes the smallest upright one around it; then it is cut to the image. Of which less
 * than `visible` of its area is left, or nothing, becomes 0, 0, 0, 0. */
void dnni_move_boxes(const dnni_move *move, const dnn_array *out, double visible, const dnn_array *boxes);

#endif
