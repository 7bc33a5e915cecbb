/* The frame that every plot stands in: title, axes with ticks and labels, grid. */
#ifndef DNNI_AXES_H
#define DNNI_AXES_H

#include "inspect/canvas.h"

typedef struct dnni_axis {
    double low, high; /* of the data; of log10 of the data where the axis is logarithmic */
    bool log;
    bool whole;       /* ticks at whole numbers only */
    int64_t from, to; /* pixels that low and high fall on */
} dnni_axis;

typedef struct dnni_plot {
    dnn_tensor *picture;
    dnni_canvas canvas;
    dnni_axis x, y;
    int64_t scale; /* of text */
    const char *note; /* below the title; NULL: none */
} dnni_plot;

/* Checks and completes what the caller asked for. */
dnn_status dnni_plot_desc(dnn_plot_desc *d, const dnn_plot_desc *desc);

/* Makes plot->picture and draws all but the data. The axes' ranges must be set. */
dnn_status dnni_plot_begin(dnni_plot *plot, dnn_context *ctx, const dnn_plot_desc *d);

/* The part of the picture that data is drawn in. */
dnni_canvas dnni_plot_window(const dnni_plot *plot);

/* The range of an axis: begin, take each value, end. Values that cannot be shown are passed over; a range that is empty
 * or a single number is widened; `share` of it is added at both ends; low < high are used instead. */
void dnni_axis_begin(dnni_axis *axis, bool log);
void dnni_axis_take(dnni_axis *axis, double value);
void dnni_axis_end(dnni_axis *axis, double share, double low, double high);

/* Where a value falls on an axis, in pixels; NaN where it cannot. */
double dnni_axis_at(const dnni_axis *axis, double value);

#endif
