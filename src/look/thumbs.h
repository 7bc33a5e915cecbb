/* Samples as small pictures: RGB bytes of one size, for a sheet. */
#ifndef DNNI_LOOK_THUMBS_H
#define DNNI_LOOK_THUMBS_H

#include <dnn/look.h>

#include "core/tensor.h"
#include "data/dataset.h"

/* How the values of a sample become colours. */
typedef struct dnni_shades {
    double low, high;
} dnni_shades;

/* SHAPE unless samples of it are pictures: (H, W, C) or (H, W), with pixels. */
dnn_status dnni_check_image(const dnn_array *item, const char *name);

/* The range that values are declared to have; low = high: unknown. */
dnni_shades dnni_known_shades(dnn_dtype dtype, double low, double high);

/* Takes the finite values of an array in; begin with low = INFINITY, high = -INFINITY. */
void dnni_widen_shades(dnni_shades *shades, const dnn_array *values);

/* How many pixels of an image become one, on each side, so that it is no larger than `most`. */
int64_t dnni_thumb_factor(const dnn_array *item, int64_t most);
int64_t dnni_thumb_height(const dnn_array *item, int64_t factor);
int64_t dnni_thumb_width(const dnn_array *item, int64_t factor);

/* Draws an image into bytes (height, width, 3), which are at least as large: in the upper left corner, white around. 3
 * channels and more are R, G, B and others that are not shown; 1 and 2 are shown as grey, by the first. Pixels that
 * hold what is not finite are magenta. */
void dnni_draw_thumb(const dnn_array *image, dnni_shades shades, int64_t factor, unsigned char *pixels, int64_t height,
                     int64_t width);

/* A target in a few words: the class, the number, up to four numbers; "" where it is larger. */
void dnni_target_text(const dnn_dataset *dataset, const dnn_array *target, char *text, size_t room);

#endif
