/* libdnn: transforms: what happens to each sample between its source and the batch.
 *
 * Transforms are written as layers are: a constructor returns one, or NULL with the last error set; a container that is
 * handed NULL keeps that error. A view of a dataset then runs them on every sample that is read:
 *
 *     dnn_transform_chain(&chain, ctx);
 *     dnn_transform_add(chain, dnn_random_crop(ctx, &(dnn_random_crop_desc){DNN_SIZED(dnn_random_crop_desc), …}));
 *     dnn_transform_add(chain, dnn_random_flip(ctx, NULL));
 *     dnn_transform_add(chain, dnn_to_float(ctx, NULL));
 *     dnn_dataset_transform(&augmented, train, chain, NULL);
 *
 * What holds for all
 *   Images    are (H, W, C), uint8 (0 … 255) or float32, of any number of channels; 3 channels are R, G, B. Pairs are
 *             height, width; a width of 0 is the same as the height. Results in uint8 are rounded to the nearest.
 *   Points    x runs to the right, y down; pixel (row i, column j) covers the square from (j, i) to (j + 1, i + 1).
 *   Range     Between which values the numbers lie is declared by the source (dnn_dataset_range), and by dnn_to_float.
 *             What needs it (colour, noise) refuses samples of unknown range.
 *   Checks    Shapes, dtypes and ranges are checked when the view is made, for all samples; not when they are read.
 *   Chance    What is drawn for a sample is a function of (seed, epoch, the sample's number in the view, place of the
 *             transform in the whole): the same on any number of threads, and new in every epoch.
 *   Targets   move with the pixels, if the view is told that they are masks or boxes.
 *
 * Ownership. Adding a transform to a container hands it over, also when that fails. A view keeps its transform alive.
 *
 * Threads. A transform does not change once it is made, but for dnn_transform_add: views and threads may share it.
 */
#ifndef DNN_TRANSFORM_H
#define DNN_TRANSFORM_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- views ------------------------------------------------------------------------------------------------------- */

/* What a dataset's targets are. */
typedef enum dnn_target {
    DNN_TARGET_PLAIN = 0, /* class numbers, and all else that does not move with the pixels */
    DNN_TARGET_MASK = 10, /* (H, W, …) of the image's height and width, of any dtype: a pixel of a mask is moved, and
                             never mixed with others */
    DNN_TARGET_BOXES = 20 /* (n, 4) or more columns, float32: x0, y0, x1, y1 in pixels, then columns that stay as they
                             are. What leaves the image is cut off. A box without area is none, and a box of which
                             nothing is left, or too little, becomes 0, 0, 0, 0. A box that is turned becomes the
                             smallest upright one around it */
} dnn_target;

typedef struct dnn_transform_desc {
    size_t size;
    uint64_t seed; /* default (0): the seed that the context has now */
    dnn_target target;
    double mask_fill;   /* a mask's value where an image has no pixels; default 0 (255 is usual for "ignore") */
    double min_visible; /* in [0, 1]: a box of which a transform leaves less than this part of its area is none;
                           default 0 */
} dnn_transform_desc;

/* A view of all samples of `source`, each as `transform` makes it. `desc` may be NULL. The metadata is the source's,
 * but for the range of values. Reading by hand (dnn_dataset_get) is reading in epoch 0.
 * Errors: what is wrong with the transform (dnn_transform_error); ARGUMENT, SHAPE, DTYPE, VALUE where a transform does
 * not fit what comes in, with its place in the whole ("transform 3, random_crop: …"), counted from 0, containers
 * included; MEMORY. */
DNN_API dnn_status dnn_dataset_transform(dnn_dataset **out, dnn_dataset *source, dnn_transform *transform,
                                         const dnn_transform_desc *desc);

/* What a view's transform draws for sample `index` in an epoch, in words: "crop 4,2, flip". Written to text[bytes] with
 * a zero at the end, and cut where it is longer; returns the length of the whole (text may be NULL if bytes is 0).
 * -1, with the last error set: a bad handle, index or epoch; NOT_FOUND if the dataset is no view by a transform. */
DNN_API int64_t dnn_dataset_draws(const dnn_dataset *dataset, int64_t index, int64_t epoch, char *text, size_t bytes);

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* One after another. */
DNN_API dnn_status dnn_transform_chain(dnn_transform **out, dnn_context *ctx);

/* One of its children, every one equally likely. They must end with the same shape, dtype and range. */
DNN_API dnn_status dnn_transform_one_of(dnn_transform **out, dnn_context *ctx);

/* Appends to a chain or a choice. The transform is handed over in any case; a container that was handed over takes no
 * more itself. A NULL transform is the error that its constructor left. The first error is kept: see
 * dnn_transform_error. Containers nest up to 16 deep. */
DNN_API dnn_status dnn_transform_add(dnn_transform *container, dnn_transform *transform);

/* `transform`, which is handed over in any case, with probability p in [0, 1]. It must leave shape, dtype and range as
 * they are. */
DNN_API dnn_transform *dnn_random_apply(dnn_context *ctx, double p, dnn_transform *transform);

/* The first error that was kept while this transform or anything below it was built; DNN_OK if there is none. */
DNN_API dnn_status dnn_transform_error(dnn_transform *transform);

/* A transform with its settings in text, lines ended by '\n', children indented: as dnn_dataset_draws writes. */
DNN_API int64_t dnn_transform_text(const dnn_transform *transform, char *text, size_t bytes);

/* Releasing a transform that was handed over, and not retained, is refused: HANDLE. */
DNN_API dnn_status dnn_transform_retain(dnn_transform *transform);
DNN_API dnn_status dnn_transform_release(dnn_transform *transform);

/* ---- numbers (samples of any shape) ------------------------------------------------------------------------------ */

/* To float32, so that from_low … from_high becomes low … high. */
typedef struct dnn_to_float_desc {
    size_t size;
    double low, high;           /* default: 0, 1 */
    double from_low, from_high; /* default: the declared range; 0, 255 for uint8 without one */
} dnn_to_float_desc;

/* `desc` may be NULL. Errors when a view is made: VALUE if the numbers are floats whose range is low … high
 * already (scaled twice?), if their range is unknown, or declared to be another than from_low … from_high. */
DNN_API dnn_transform *dnn_to_float(dnn_context *ctx, const dnn_to_float_desc *desc);

/* (x - mean) / std, of float32: for each channel (count is the size of the last axis; 1: the same for all), or for each
 * number of a sample (count is how many there are). `mean` and `std` are copied. The range is unknown afterwards.
 * Errors: VALUE if a std is not above 0. */
DNN_API dnn_transform *dnn_transform_standardize_by(dnn_context *ctx, const double *mean, const double *std,
                                                    int64_t count);

/* What published models were trained on, from images of bytes in R, G, B. */
typedef enum dnn_preset {
    DNN_PRESET_TORCHVISION = 10, /* R, G, B in [0, 1], less (.485, .456, .406), by (.229, .224, .225) */
    DNN_PRESET_CAFFE = 20        /* B, G, R in [0, 255], less (104.007, 116.669, 122.679) */
} dnn_preset;

/* The whole way from uint8 to what the model expects. */
DNN_API dnn_transform *dnn_transform_preset(dnn_context *ctx, dnn_preset preset);

/* Channel k that goes out is channel order[k] that comes in: {2, 1, 0} makes BGR of RGB, {0, 0, 0} three of one. */
DNN_API dnn_transform *dnn_channels(dnn_context *ctx, const int32_t *order, int32_t n);

/* ---- where pixels go --------------------------------------------------------------------------------------------- */

/* What lies beyond an image's edge. */
typedef enum dnn_border {
    DNN_BORDER_FILL = 0,    /* a value: `fill` */
    DNN_BORDER_EDGE = 10,   /* the pixel at the edge */
    DNN_BORDER_REFLECT = 20 /* the image mirrored at the middle of that pixel: c b a b c */
} dnn_border;

/* How pixels between pixels are made. Masks are always moved by the nearest. */
typedef enum dnn_filter {
    DNN_FILTER_BILINEAR = 0,
    DNN_FILTER_NEAREST = 10,
    DNN_FILTER_AREA = 20 /* the mean over the area that a pixel covers; for resizing only */
} dnn_filter;

/* A window of the image, at random: every place equally likely. */
typedef struct dnn_random_crop_desc {
    size_t size;
    int64_t out[2];    /* height, width of the window; default: the image's */
    int64_t padding;   /* the image is first made larger by so many pixels on every side; default 0 */
    dnn_border border; /* what is there */
    double fill;       /* for DNN_BORDER_FILL, in units of the image */
} dnn_random_crop_desc;

/* Errors when a view is made: SHAPE if the window is larger than the padded image. */
DNN_API dnn_transform *dnn_random_crop(dnn_context *ctx, const dnn_random_crop_desc *desc);

/* The window in the middle; where there is a half pixel to give away, it lies higher and to the left. */
DNN_API dnn_transform *dnn_center_crop(dnn_context *ctx, int64_t height, int64_t width);

/* Left to right, and upside down: each with a probability of its own. */
typedef struct dnn_random_flip_desc {
    size_t size;
    double horizontal; /* left to right; default 0.5; DNN_ZERO: never */
    double vertical;   /* default 0 */
} dnn_random_flip_desc;
DNN_API dnn_transform *dnn_random_flip(dnn_context *ctx, const dnn_random_flip_desc *desc); /* `desc` may be NULL */

#ifdef __cplusplus
}
#endif

#endif
