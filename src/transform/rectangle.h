/* Rectangles of random size and shape. */
#ifndef DNNI_RECTANGLE_H
#define DNNI_RECTANGLE_H

#include "transform/transform.h"

/* How they are drawn. */
typedef struct dnni_rectangles {
    double scale[2]; /* their part of the image's area, from, to */
    double ratio[2]; /* width to height */
} dnni_rectangles;

typedef struct dnni_rectangle {
    int64_t top, left, height, width;
} dnni_rectangle;

/* Fields left zero take `fallback`'s. */
dnn_status dnni_rectangles_make(dnni_rectangles *r, const double scale[2], const double ratio[2],
                                const dnni_rectangles *fallback);

/* A rectangle in an image of rows × cols; false if ten tries find none that fits. */
bool dnni_draw_rectangle(const dnni_rectangles *r, dnni_draws *draws, int64_t rows, int64_t cols,
                         dnni_rectangle *found);

/* The largest in the middle of a ratio as near as can be. */
dnni_rectangle dnni_middle_rectangle(const dnni_rectangles *r, int64_t rows, int64_t cols);

void dnni_text_rectangles(dnni_text *text, const dnni_rectangles *r);

#endif
