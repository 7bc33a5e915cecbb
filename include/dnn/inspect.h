/* libdnn: pictures to look at: sheets of images and filters, plots, histograms. They are drawn into u8 tensors (H, W,
 * 3) that the caller owns; nothing here touches files (dnn_png_write in io.h writes them).
 *
 * Text is UTF-8; what the built-in font (ASCII and a few more: ± · × – … →) has not is drawn as a box. Numbers are
 * written with a point in every locale. Colours are 0xRRGGBB. The same input gives the same pixels.
 *
 * Errors of all functions: ARGUMENT; SHAPE, also for a picture of more than 32767 pixels on a side; MEMORY. */
#ifndef DNN_INSPECT_H
#define DNN_INSPECT_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sheets ------------------------------------------------------------------------------------------------------ */

/* Instead of a colour: no frame around this image. */
#define DNN_NO_FRAME UINT32_C(0xffffffff)

/* How numbers become colours, where an image has one channel. */
typedef enum dnn_palette {
    DNN_PALETTE_DEFAULT = 0,   /* GREY for images, DIVERGING for filters */
    DNN_PALETTE_GREY = 10,     /* low is black, high is white */
    DNN_PALETTE_DIVERGING = 20 /* low is blue, the middle white, high red: for values around zero */
} dnn_palette;

typedef struct dnn_sheet_desc {
    size_t size;
    const char *title;           /* default: none */
    const char *const *captions; /* one for each image, below it, or NULL; '\n' begins another line; default: none */
    const uint32_t *frames;      /* a colour for each image, or DNN_NO_FRAME: red around what is wrong; default: none */
    int64_t columns;             /* default: as many as make the sheet somewhat wider than high */
    int64_t zoom;                /* each value is zoom × zoom pixels; default: images are at least 48 pixels large, as
                                    far as the sheet is then no larger than 4096 */
    double low, high;            /* the values at the ends of the palette; default (both 0): 0 and 255 for u8, 0 and 1
                                    for bool, otherwise the smallest and the largest finite value */
    int32_t per_image;           /* 1: that default for each image on its own */
    dnn_palette palette;
    const unsigned char *blank;  /* one for each image, 1: its place stays empty; default: none */
    int32_t alike;               /* 1: filters have one range for all, so that weak ones look weak */
} dnn_sheet_desc;

/* A sheet of the images of a batch (N, H, W, C), N, H, W, C at least 1, of any dtype. C of 3 is RGB; otherwise each
 * channel is a picture of its own, and the channels of an image stand close together. Values outside of the range take
 * the colour of its end; NaN and infinities are magenta. `desc` may be NULL. */
DNN_API dnn_status dnn_sheet_create(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *batch,
                                    const dnn_sheet_desc *desc);

/* A sheet of the filters of a convolution's weight (out, kh, kw, in): a tile for each output, in RGB if it sees 3
 * channels, otherwise a grid of all that it sees. Each filter is scaled on its own, symmetrically around zero (which is
 * white, or grey in GREY and in RGB), unless they are to look `alike`, or low and high are given. Captions default to
 * the outputs' numbers. `desc` may be NULL.
 * Errors: UNSUPPORTED for 1 × 1 filters, which are no pictures. */
DNN_API dnn_status dnn_sheet_filters(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *weight,
                                     const dnn_sheet_desc *desc);

/* ---- plots ------------------------------------------------------------------------------------------------------- */

/* One line of a plot: the points (x[i], y[i]), i < count. Points that are not finite leave a gap. This struct is
 * pinned: it will not grow. */
typedef struct dnn_series {
    const double *x;   /* NULL: 0, 1, 2, … */
    const double *y;
    int64_t count;
    const char *label; /* in the legend; NULL: not in it */
    uint32_t colour;   /* 0: the next of a set of colours that are easy to tell apart */
} dnn_series;

/* What lies between two curves, (x[i], low[i]) and (x[i], high[i]): shaded, behind the lines. Where a number is not
 * finite there is a gap. This struct is pinned, too. */
typedef struct dnn_band {
    const double *x; /* NULL: 0, 1, 2, … */
    const double *low, *high;
    int64_t count;
    uint32_t colour; /* 0: that of the series of the same number */
} dnn_band;

typedef struct dnn_plot_desc {
    size_t size;
    int64_t width, height;       /* of the picture; default 720 × 480, at least 160 × 120 */
    const char *title;           /* default: none */
    const char *x_label, *y_label;
    double x_low, x_high;        /* the ends of the axes; default (both 0): what the points need, and for y a little
                                    more */
    double y_low, y_high;
    int32_t y_log;               /* 1: a logarithmic axis; points at or below 0 leave a gap */
    int32_t x_log;               /* the same for x; histograms have none */
    const dnn_band *bands;       /* of plots of lines; default: none */
    int64_t n_bands;
    double smoothing;            /* of lines, 0 to below 1: each is drawn as the moving average of its points, m =
                                    smoothing · m + (1 - smoothing) · y, divided by the sum of the weights, and pale
                                    behind it as it is; gaps stay; default 0: as it is alone */
    int32_t ascii;               /* 1, of text: in plain ASCII */
} dnn_plot_desc;

/* A plot of n series as lines (a series of one point as a dot), with axes, ticks, grid and legend. No points at all is
 * an empty plot. `desc` may be NULL. */
DNN_API dnn_status dnn_plot_lines(dnn_tensor **out, dnn_context *ctx, const dnn_series *series, int64_t n,
                                  const dnn_plot_desc *desc);

/* The same for a terminal, as lines of UTF-8 that end with '\n': width and height of the description count characters
 * (default 72 × 16, the lines alone; at least 32 × 4, at most 1000). Lines are drawn in dots of braille, 2 × 4 to a
 * character, smoothed if asked for; in ASCII with a letter for each. The label of each stands at its end. Written to
 * text[bytes] with a zero at the end, and cut where it is longer; returns the length of the whole (text may be NULL if
 * bytes is 0). -1, with the last error set, on failure. */
DNN_API int64_t dnn_plot_text(dnn_context *ctx, const dnn_series *series, int64_t n, const dnn_plot_desc *desc,
                              char *text, size_t bytes);

/* A matrix (rows, columns) of any dtype as a map of colours, row 0 on top, columns along x: a confusion, activations
 * over time. Of the range y_low … y_high (default: of the finite values) low is black and high is light yellow; if
 * there are values of both signs it is made even around zero, and blue is negative, red positive. What is not finite
 * is magenta. Below the title stands what the ends of the colours are. Larger matrices than there are pixels are
 * averaged. `desc` may be NULL. Errors besides: SHAPE for another rank, and for no elements. */
DNN_API dnn_status dnn_plot_heat(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *matrix,
                                 const dnn_plot_desc *desc);

/* A histogram of all elements of a tensor, of any dtype, in `bins` bins of one width (at most 1000; 0: √count of them,
 * 10 to 60, and for whole numbers over less than 60 one for each). Below the title: count, mean, standard deviation,
 * least and greatest, and how many are not finite. The ends of the axes and y_log as above; values outside are in no
 * bin. */
DNN_API dnn_status dnn_plot_histogram(dnn_tensor **out, dnn_context *ctx, const dnn_tensor *values, int64_t bins,
                                      const dnn_plot_desc *desc);

/* n bars (1 to 1000), one below the other, each with its label (may be NULL) and its value; the largest fills the
 * width, values of 0 and below have none. Of the description only width and title are looked at: the picture is as high
 * as it needs to be. */
DNN_API dnn_status dnn_plot_bars(dnn_tensor **out, dnn_context *ctx, const char *const *labels, const double *values,
                                 int64_t n, const dnn_plot_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
