/* The frame that every plot stands in: title, axes with ticks and labels, grid. */
#ifndef DNNI_AXES_H
#define DNNI_AXES_H

#include "inspect/canvas.h"

typedef struct dnni_axis {
    double low, high; /* of the data; of log10 of the data where the axis is logarithmic */
    bool log;
    bool whole;       /* ticks at whole numbers only */
    bool down;        /* low is at `to` */
    int64_t from, to; /* pixels that low and high fall on */
} dnni_axis;

enum { DNNI_MOST_TICKS = 64 };
typedef struct dnni_tick {
    double at; /* on the axis: for a logarithmic one, log10 of the value */
    char text[DNNI_NUMBER]; /* empty: a line of the grid without a number */
} dnni_tick;

typedef struct dnni_plot {
    dnn_tensor *picture;
    dnni_canvas canvas;
    dnni_axis x, y;
    int64_t scale; /* of text */
    const char *note; /* below the title; NULL: none */
} dnni_plot;

/* Checks and completes what the caller asked for: all but the size; and with it, of a picture. */
dnn_status dnni_plot_settings(dnn_plot_desc *d, const dnn_plot_desc *desc);
dnn_status dnni_plot_desc(dnn_plot_desc *d, const dnn_plot_desc *desc);

/* That series have what they say. */
dnn_status dnni_plot_check_series(const dnn_series *series, int64_t n);

/* Sets the axes' ranges to what the series need, or what was asked for. */
void dnni_plot_ranges(dnni_plot *plot, const dnn_series *series, int64_t n, const dnn_plot_desc *d);

/* Walks over the points of a series that can be shown on these axes, smoothed: begin with zeros. */
typedef struct dnni_points {
    int64_t i;           /* of the point */
    double x, y;         /* the point, smoothed */
    bool follows, alone; /* there is a point right before it; neither before nor after it */
    double mean, weight;
} dnni_points;
bool dnni_next_point(dnni_points *at, const dnni_plot *plot, const dnn_series *series, double smoothing);

/* Makes plot->picture and draws all but the data. The axes' ranges must be set. */
dnn_status dnni_plot_begin(dnni_plot *plot, dnn_context *ctx, const dnn_plot_desc *d);

/* The part of the picture that data is drawn in. */
dnni_canvas dnni_plot_window(const dnni_plot *plot);

/* The range of an axis: begin, take each value, end. Values that cannot be shown are passed over; a range that is empty
 * or a single number is widened; `share` of it is added at both ends; low < high are used instead. */
void dnni_axis_begin(dnni_axis *axis, bool log);
void dnni_axis_take(dnni_axis *axis, double value);
void dnni_axis_end(dnni_axis *axis, double share, double low, double high);

/* At most `most` ticks, or a few more where those are too few to be of use; how many of them have a number; and where
 * one falls, in pixels. */
int64_t dnni_axis_ticks(dnni_tick ticks[DNNI_MOST_TICKS], const dnni_axis *axis, int64_t most);
int64_t dnni_numbered_ticks(const dnni_tick *ticks, int64_t n);
int64_t dnni_tick_pixel(const dnni_axis *axis, const dnni_tick *tick);

/* Where a value falls on an axis, in pixels; NaN where it cannot. */
double dnni_axis_at(const dnni_axis *axis, double value);

#endif
