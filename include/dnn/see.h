/* libdnn: seeing what a network does: what a layer makes of an image, what a unit looks for, where a class comes from,
 * and which samples go well and badly.
 *
 *     dnn_gradcam(&heat, net, images, NULL);                  (N, H, W): where the class that was found comes from
 *     dnn_overlay(&picture, images, heat, NULL);              the images with that over them
 *     dnn_sheet_create(&sheet, ctx, picture, NULL);           as a sheet; dnn_png_write (io.h) writes it to a file
 *
 * Filters are dnn_sheet_filters', curves are dnn_plot_lines' and dnn_plot_text's (inspect.h).
 *
 * All run the module in evaluation mode, whatever mode it is in, on memory of their own, and leave it bitwise as it
 * was: weights, gradients, running statistics, modes, counters, what is frozen, and the `y` that its last forward lent.
 * Images are (N, H, W, C), of any number of channels C, and of the type that the module takes. Paths are those of
 * layers: "layer1.0.conv1"; of a layer that runs several times, the last run is meant.
 *
 * Errors of all: those of dnn_module_forward; ARGUMENT; HANDLE; SHAPE; MEMORY; of what takes a path, NOT_FOUND where
 * there is no such layer, UNSUPPORTED where it is a container, or only sees memory in another shape.
 *
 * Threads: the module is used by the call alone; a strip by one thread at a time. */
#ifndef DNN_SEE_H
#define DNN_SEE_H

#include "data.h"
#include "inspect.h"
#include "metrics.h"
#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- activations ------------------------------------------------------------------------------------------------- */

/* What a layer gives for these inputs: a copy of its first output, of its dtype and shape. */
DNN_API dnn_status dnn_activations(dnn_tensor **out, dnn_module *module, const dnn_tensor *const *inputs,
                                   int32_t n_inputs, const char *layer);

typedef struct dnn_activations_desc {
    size_t size;
    int64_t sample;    /* of the batch; default 0 */
    int64_t most;      /* channels that are shown; default 64 */
    int32_t one_by_one; /* 1: each channel in a range of its own; default: one range for all */
    const char *title; /* default: the layer, and its shape */
    int64_t columns, zoom; /* as of dnn_sheet_desc */
} dnn_activations_desc;

/* The same as a picture. Of images (N, H, W, C): a sheet of one sample's channels, with their numbers. Of sequences (N,
 * T, C): a map of one sample's channels over time. Of vectors (N, F): a map of all samples over their units. Colours
 * are those of dnn_plot_heat: where there are values of both signs, blue is negative and red positive. `desc` may be
 * NULL.
 * Errors besides: SHAPE for an output of another rank. */
DNN_API dnn_status dnn_sheet_activations(dnn_tensor **out, dnn_module *module, const dnn_tensor *const *inputs,
                                         int32_t n_inputs, const char *layer, const dnn_activations_desc *desc);

/* ---- where a class comes from ------------------------------------------------------------------------------------ */

/* The score of class c of a sample is y[…, c] of the module's first output, summed over the axes between (of a
 * segmentation: over the pixels). Give scores before a softmax: behind it, other classes hide what this one saw. */
typedef struct dnn_gradcam_desc {
    size_t size;
    const char *layer;      /* whose output is weighed: (N, h, w, K); default: the last one that is larger than 1 × 1 */
    const int64_t *classes; /* one for each image; default: the one with the largest score, of each */
    int64_t n_classes;      /* N, or 1: the same for all */
    int32_t by_place;       /* 1: weigh each place with its own gradient, not with the mean */
} dnn_gradcam_desc;

/* Grad-CAM (Selvaraju et al. 2017): heat = max(Σ_k a_k A_k, 0) with A the layer's output, and a_k the mean over its
 * places of dscore/dA_k; (N, H, W) float32 of the size of the images, scaled up bilinearly. It is not scaled to 0 … 1:
 * an image in which nothing speaks for the class has zeros. The module takes one input. `desc` may be NULL.
 *
 * Means over places are right where what follows treats all places alike: convolutions, a global mean. Before a dense
 * layer over places ("flatten", "linear") weights of opposite signs cancel, and the map can be empty though much speaks
 * for the class: say by_place then. Heat is max(Σ_k dscore/dA_k · A_k, 0), place by place (Draelos and Carin 2020): of
 * a linear rest of the network, how much each place adds to the score.
 * Errors besides: UNSUPPORTED for maps of 1 × 1: they have no places. */
DNN_API dnn_status dnn_gradcam(dnn_tensor **out, dnn_module *module, const dnn_tensor *images,
                               const dnn_gradcam_desc *desc);

typedef struct dnn_occlusion_desc {
    size_t size;
    int64_t patch[2];       /* height, width of what is covered; default: a fifth of the shorter side */
    int64_t stride[2];      /* from one place to the next; default: half the patch */
    const double *fill;     /* a value for each channel; default: the channel's mean over the image */
    const int64_t *classes; /* as of dnn_gradcam_desc */
    int64_t n_classes;
    dnn_progress progress;  /* in forwards of one image */
} dnn_occlusion_desc;

/* Occlusion (Zeiler and Fergus 2014): a patch covers one place of the image after the other; heat is how much the score
 * falls, at each pixel the mean over the patches that cover it; (N, H, W) float32. Positive: what is there speaks for
 * the class; negative: against it. `desc` may be NULL. Errors besides: what the progress callback returns. */
DNN_API dnn_status dnn_occlusion(dnn_tensor **out, dnn_module *module, const dnn_tensor *images,
                                 const dnn_occlusion_desc *desc);

typedef struct dnn_overlay_desc {
    size_t size;
    double low, high;  /* the values that are black and white in the images; default (both 0): as of dnn_sheet_desc */
    double full;       /* the heat that gets the full colour; default: the largest magnitude of each image */
    double strength;   /* how much of the image the full colour covers, above 0 to 1; default 0.6 */
    int64_t zoom;      /* default: images are at least 96 pixels large */
} dnn_overlay_desc;

/* Heat (N, H, W) over images (N, H, W, C): u8 (N, zoom · H, zoom · W, 3), for dnn_sheet_create. Images of 3 channels
 * are RGB, others the mean of their channels, in grey; heat of 0 leaves them as they are, positive heat makes them red
 * and then yellow, negative heat blue. Both are float or u8. `desc` may be NULL. */
DNN_API dnn_status dnn_overlay(dnn_tensor **out, const dnn_tensor *images, const dnn_tensor *heat,
                               const dnn_overlay_desc *desc);

/* ---- what a unit looks for --------------------------------------------------------------------------------------- */

typedef struct dnn_maximise_desc {
    size_t size;
    int64_t height, width, channels; /* of an image that the module takes; needed */
    const char *layer;      /* default: the module's first output, that is, classes */
    const int64_t *units;   /* channels on the last axis of that output; an image for each; default: the first ones */
    int64_t n_units;        /* default, without `units`: 16, or as many as there are */
    int64_t steps;          /* default 512 */
    double rate;            /* of Adam; default 0.05 */
    double low, high;       /* between which values of an image lie; default (both 0): 0 and 1 */
    const double *mean, *std; /* one for each channel: the module gets (value - mean) / std; default: 0 and 1 */
    double jitter;          /* pixels of shift, for an image of 128, others in proportion; default 12; DNN_ZERO: none */
    double scaling;         /* from 1 - scaling to 1 + scaling; default 0.1 */
    double rotation;        /* degrees, to either side; default 10 */
    double detail;          /* 1, the default: coefficients are divided by their frequency; 0 (DNN_ZERO): not; between:
                               by its power */
    uint64_t seed;
    double *scores;         /* NULL, or 2 · n_units numbers, written: of each unit what it gave for the first image, and
                               for the last one, neither shaken */
    dnn_progress progress;  /* in steps */
} dnn_maximise_desc;

/* Activation maximisation: images (n_units, height, width, channels) float32, each of which makes its unit's mean over
 * all places as large as it can. After Olah, Mordvintsev and Schubert 2017 ("Lucid"): pictures are made of waves, of
 * which the long ones are favoured, and shaken at each step, so that what comes out is no noise that only the network
 * sees; where there are 3 channels their colours are decorrelated. A unit behind a ReLU that gives 0 for grey gets no
 * gradient, and stays grey: take the layer before the ReLU. Values lie between low and high, before mean and std. The
 * module takes one input.
 * Errors besides: VALUE where the unit's value stops being finite; what the progress callback returns. */
DNN_API dnn_status dnn_maximise(dnn_tensor **out, dnn_module *module, const dnn_maximise_desc *desc);

/* ---- which samples go well, and badly ---------------------------------------------------------------------------- */

/* A metric of each sample of a dataset by itself: values[0..count), by its name in metrics.h. `metrics` says of what
 * kind: .classes and so on; NULL: numbers. Samples are read in order, in epoch 0.
 * Errors besides: what the dataset reports; VALUE for a dataset without targets; those of dnn_metrics_get. */
DNN_API dnn_status dnn_sample_metric(double *values, dnn_module *module, dnn_dataset *dataset,
                                     const dnn_metrics_desc *metrics, const char *name);

typedef struct dnn_predictions_desc {
    size_t size;
    const int64_t *indices; /* which samples, a row each; default: the quartiles of `values` */
    int64_t n_indices;
    const double *values;   /* of each sample of the dataset, below its input; default: none */
    const char *name;       /* of those values: "loss" */
    const char *title;      /* default: none */
    int32_t probabilities;  /* 1: the module gives probabilities; default: logits */
} dnn_predictions_desc;

/* A sheet of samples: input, target, output side by side. Where `values` are given (dnn_sample_metric) and no indices,
 * the five samples at the minimum, the quartiles and the maximum of them: what is easy, usual and hard.
 * Targets and outputs that are pictures (H, W, C) or maps of classes (H, W) with scores (H, W, K) are shown as such;
 * classes as bars of the likeliest, the target's in green; other numbers as bars with the target as a line across, more
 * than 16 as a curve over the target's, in grey. So are inputs that are no pictures. `desc` may be NULL if there are 32
 * samples or fewer: all of them. */
DNN_API dnn_status dnn_sheet_predictions(dnn_tensor **out, dnn_module *module, dnn_dataset *dataset,
                                         const dnn_predictions_desc *desc);

/* ---- a fixed set over training ----------------------------------------------------------------------------------- */

typedef struct dnn_strip dnn_strip;

typedef struct dnn_strip_desc {
    size_t size;
    const int64_t *indices; /* the samples that are followed; default: the first 8 */
    int64_t n_indices;
    const char *title;
    int32_t probabilities;  /* as of dnn_predictions_desc */
} dnn_strip_desc;

/* A film strip: a row for each sample with its input and target, and a column for each dnn_strip_add. The dataset is
 * held. `desc` may be NULL. Errors: VALUE for a dataset without samples. */
DNN_API dnn_status dnn_strip_create(dnn_strip **out, dnn_dataset *dataset, const dnn_strip_desc *desc);

/* Adds what the module makes of them now, as a column below `label` ("epoch 3"). What is kept is the outputs. */
DNN_API dnn_status dnn_strip_add(dnn_strip *strip, dnn_module *module, const char *label);

/* The strip as it is so far. Of more than 64 columns, the first, the last and others evenly between are shown. */
DNN_API dnn_status dnn_strip_picture(dnn_tensor **out, const dnn_strip *strip);

DNN_API dnn_status dnn_strip_release(dnn_strip *strip);

#ifdef __cplusplus
}
#endif

#endif
