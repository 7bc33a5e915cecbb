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
 *   Range     Between which values the numbers lie is declared by the source (dnn_dataset_range), and by dnn_to_float;
 *             uint8 without a word is 0 … 255. What needs it (colour) refuses floats of unknown range.
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
#include "statistics.h"

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
 * more itself; views that were made before stay as they are. A NULL transform is the error that its constructor left.
 * The first error is kept: see dnn_transform_error. Containers nest up to 16 deep. */
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
    double from_low, from_high; /* default: the declared range */
} dnn_to_float_desc;

/* `desc` may be NULL. Errors when a view is made: VALUE if the numbers are floats whose range is low … high
 * already (scaled twice?), if their range is unknown, or declared to be another than from_low … from_high. */
DNN_API dnn_transform *dnn_to_float(dnn_context *ctx, const dnn_to_float_desc *desc);

/* (x - mean) / std of float32, by statistics that were fitted on what comes in here, of the training part alone: for
 * each channel, each number, or all. A deviation of 0 counts as 1. The statistics are copied. The range is unknown
 * afterwards. (Or leave it to the network, whose weights then hold the statistics: dnn_standardize.)
 * Errors when a view is made: SHAPE; VALUE if the statistics have seen numbers that the declared range does not
 * have. */
DNN_API dnn_transform *dnn_transform_standardize(dnn_context *ctx, const dnn_statistics *statistics);

/* The same by numbers: for each channel (count is the size of the last axis; 1: the same for all), or for each
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
    double fill;       /* for DNN_BORDER_FILL, in units of the image; default 0 */
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

/* Another height and width. */
typedef struct dnn_resize_desc {
    size_t size;
    int64_t out[2];       /* height, width; or */
    int64_t shorter;      /* the shorter side becomes this, the longer one in proportion, rounded down */
    dnn_filter filter;    /* default: bilinear */
    int32_t no_antialias; /* 1: bilinear looks at four pixels, also where the image shrinks; default: at all that a
                             pixel covers (Pillow's and torchvision's antialiased bilinear) */
} dnn_resize_desc;
DNN_API dnn_transform *dnn_resize(dnn_context *ctx, const dnn_resize_desc *desc);

/* A window of random size and shape, at random, scaled: of a part of the image's area that is uniform in `scale`, and a
 * ratio of width to height whose logarithm is uniform. Ten tries to find one that fits, then the largest window in the
 * middle of a ratio as near as can be. Szegedy et al. 2015, as torchvision has it. */
typedef struct dnn_random_resized_crop_desc {
    size_t size;
    int64_t out[2];       /* height, width of what goes out */
    double scale[2];      /* default 0.08, 1 */
    double ratio[2];      /* default 3/4, 4/3 */
    dnn_filter filter;    /* as above */
    int32_t no_antialias;
} dnn_random_resized_crop_desc;
DNN_API dnn_transform *dnn_random_resized_crop(dnn_context *ctx, const dnn_random_resized_crop_desc *desc);

/* A turn about the image's middle by degrees that are uniform in low … high, positive ones counter-clockwise (as Pillow
 * and torchvision's rotate have it); the size stays. */
typedef struct dnn_random_rotation_desc {
    size_t size;
    double low, high;
    dnn_filter filter; /* bilinear, nearest */
    dnn_border border;
    double fill;
} dnn_random_rotation_desc;
DNN_API dnn_transform *dnn_random_rotation(dnn_context *ctx, const dnn_random_rotation_desc *desc);

/* An affine map about the image's middle: a point (x, y), counted from there, goes to
 *     s · R · [1 tan a; tan b 1 + tan a tan b] · (x, y) + t
 * with R a turn as above. All is uniform between its ends. */
typedef struct dnn_random_affine_desc {
    size_t size;
    double rotate[2];    /* degrees, from, to; default 0, 0 */
    double translate[2]; /* at most so much of the height, width, up or down, left or right; default 0 */
    double scale[2];     /* s, from, to, above 0; default 1, 1 */
    double shear[2];     /* at most so many degrees a along x, b along y, either way, below 90; default 0 */
    dnn_filter filter;   /* bilinear, nearest */
    dnn_border border;
    double fill;
} dnn_random_affine_desc;
DNN_API dnn_transform *dnn_random_affine(dnn_context *ctx, const dnn_random_affine_desc *desc);

/* The image as seen from aside: every corner moves inwards, by a uniform part of distortion/2 of the width and of the
 * height (torchvision's, but for whole pixels there). */
typedef struct dnn_random_perspective_desc {
    size_t size;
    double distortion; /* in [0, 0.6]: beyond, the image could fold over; default 0.5; DNN_ZERO: 0 */
    dnn_filter filter; /* bilinear, nearest */
    dnn_border border;
    double fill;
} dnn_random_perspective_desc;
DNN_API dnn_transform *dnn_random_perspective(dnn_context *ctx, const dnn_random_perspective_desc *desc);

/* ---- colours ------------------------------------------------------------------------------------------------------
 * On values of a declared range, taken as 0 … 1; results are clamped to it. Grey is .299 R + .587 G + .114 B (ITU-R
 * BT.601); of images that have not 3 channels, the mean of them. */

/* The four in random order (torchvision's), each by a factor f that is uniform in 1 - … to 1 + …, at least 0:
 *     brightness f x;  contrast m + f (x - m), m the mean grey;  saturation g + f (x - g), g the pixel's grey;
 *     hue: turned by a uniform part of the circle, in HSV. */
typedef struct dnn_color_jitter_desc {
    size_t size;
    double brightness, contrast, saturation; /* at least 0; default 0: none */
    double hue;                              /* in [0, 0.5]; default 0: none */
} dnn_color_jitter_desc;

/* Errors when a view is made: SHAPE for saturation or hue of images that have not 3 channels. */
DNN_API dnn_transform *dnn_color_jitter(dnn_context *ctx, const dnn_color_jitter_desc *desc);

/* The grey of images of 3 channels, in `channels` equal channels: 3 or 1. */
DNN_API dnn_transform *dnn_grayscale(dnn_context *ctx, int64_t channels);

/* ---- blur, noise, holes ------------------------------------------------------------------------------------------ */

/* A mean with weights exp(-d²/2σ²) up to ⌈3σ⌉ pixels away along each axis, the image mirrored at its edges; σ, in
 * pixels, is uniform in low … high, 0 to 50. */
DNN_API dnn_transform *dnn_random_blur(dnn_context *ctx, double low, double high);

/* Adds noise of mean 0 to every number (samples of any shape, uint8 or float32), a bell curve within 3.5 deviations (a
 * sum of four uniform numbers). The deviation is uniform in low … high, at least 0, in units of the values' range, to
 * which results are clamped; in units of 1 where the range is unknown. */
DNN_API dnn_transform *dnn_random_noise(dnn_context *ctx, double low, double high);

/* Fills a rectangle at random, whose size and shape are drawn as for dnn_random_resized_crop; nothing if ten tries find
 * none that fits. Masks and boxes stay. Zhong et al. 2017. */
typedef struct dnn_random_erase_desc {
    size_t size;
    double scale[2]; /* default 0.02, 0.33 */
    double ratio[2]; /* default 0.3, 3.3 */
    double fill;     /* in units of the image; default 0 */
    int32_t noise;   /* 1: every number is uniform in the values' range, or in 0 … 1 where that is unknown */
} dnn_random_erase_desc;
DNN_API dnn_transform *dnn_random_erase(dnn_context *ctx, const dnn_random_erase_desc *desc); /* `desc` may be NULL */

/* A set of the above with one strength, so that the real world looks like one more variation (the idea of Tobin et al.
 * 2017, in pictures instead of a simulator; the figures are ours). With s the strength:
 *     camera       random_affine (±15 s degrees, shift 0.1 s, scale 1 - 0.2 s … 1 + 0.25 s, shear 5 s), then
 *                  random_perspective (0.3 s); edges mirrored
 *     light        color_jitter (0.4 s, 0.4 s, 0.4 s, hue 0.1 s)
 *     lens         random_blur (0 … 1.5 s)
 *     sensor       random_noise (0 … 0.05 s)
 *     distractors  random_erase with noise, 2 to 10 % of the area, with probability 0.5 s */
typedef struct dnn_domain_randomization_desc {
    size_t size;
    double strength;  /* in [0, 1]; default 0.5; DNN_ZERO: 0, which changes nothing */
    int32_t no_color; /* 1: no saturation and hue, for images that have not 3 channels */
} dnn_domain_randomization_desc;
DNN_API dnn_transform *dnn_domain_randomization(dnn_context *ctx, const dnn_domain_randomization_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
