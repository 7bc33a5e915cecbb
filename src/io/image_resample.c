/* Scaling with a triangle filter as wide as the scale: each output pixel is the mean of what lies under it, so that
 * making smaller does not alias (and the same as bilinear interpolation when making larger). In whole numbers: the same
 * bits everywhere. */
#include <math.h>

#include "io/image.h"

enum { WEIGHT_BITS = 15, KEPT_BITS = 6 };

/* For one axis: output i is Σ weight[i · most + k] · input[first[i] + k], k < n[i]; weights add up to 2^15. */
typedef struct {
    int64_t most;
    int64_t *first, *n;
    int32_t *weight;
} filter;

static int32_t fill_weights(int32_t *weight, int64_t n, double centre, double scale, int64_t first) {
    double sum = 0;
    int32_t rounded = 0;
    for (int64_t k = 0; k < n; k++) sum += fmax(0, 1 - fabs(((double)(first + k) + 0.5 - centre) / scale));
    for (int64_t k = 0; k < n; k++) {
        double w = fmax(0, 1 - fabs(((double)(first + k) + 0.5 - centre) / scale)) / sum;
        weight[k] = (int32_t)floor(w * (1 << WEIGHT_BITS) + 0.5);
        rounded += weight[k];
    }
    return (1 << WEIGHT_BITS) - rounded;
}

/* `out` samples of [from, from + length) of an axis of `in` pixels. */
static dnn_status make_filter(filter *f, dnni_io_arena *arena, int64_t in, double from, double length, int64_t out) {
    double step = length / (double)out, scale = fmax(step, 1);
    f->most = 2 * (int64_t)ceil(scale) + 1;
    f->first = dnni_io_arena_take(arena, out * (int64_t)sizeof *f->first);
    f->n = dnni_io_arena_take(arena, out * (int64_t)sizeof *f->n);
    f->weight = dnni_io_arena_take(arena, out * f->most * (int64_t)sizeof *f->weight);
    if (!f->first || !f->n || !f->weight) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < out; i++) {
        double centre = from + ((double)i + 0.5) * step;
        int64_t first = (int64_t)fmax(0, floor(centre - scale + 0.5));
        int64_t last = (int64_t)fmin((double)in, floor(centre + scale + 0.5));
        if (first > in - 1) first = in - 1;
        if (last <= first) last = first + 1;
        f->first[i] = first;
        f->n[i] = last - first;
        int32_t *weight = f->weight + i * f->most;
        int32_t missing = fill_weights(weight, last - first, centre, scale, first);
        weight[(last - first) / 2] += missing; /* what rounding took, to the middle */
    }
    return DNN_OK;
}

/* A row of pixels to `columns` pixels of 6 more bits. */
static void scale_row(uint16_t *to, const unsigned char *from, const filter *f, int64_t columns, int64_t channels) {
    const int32_t half = 1 << (WEIGHT_BITS - KEPT_BITS - 1);
    for (int64_t i = 0; i < columns; i++) {
        const int32_t *weight = f->weight + i * f->most;
        const unsigned char *p = from + f->first[i] * channels;
        for (int64_t c = 0; c < channels; c++) {
            int32_t sum = half;
            for (int64_t k = 0; k < f->n[i]; k++) sum += weight[k] * p[k * channels + c];
            to[i * channels + c] = (uint16_t)(sum < 0 ? 0 : sum >> (WEIGHT_BITS - KEPT_BITS));
        }
    }
}

static void scale_column(unsigned char *to, const uint16_t *rows, const filter *f, int64_t i, int64_t values) {
    const int32_t *weight = f->weight + i * f->most, half = 1 << (WEIGHT_BITS + KEPT_BITS - 1);
    for (int64_t v = 0; v < values; v++) {
        int32_t sum = half;
        for (int64_t k = 0; k < f->n[i]; k++) sum += weight[k] * rows[k * values + v];
        sum >>= WEIGHT_BITS + KEPT_BITS;
        to[v] = (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

dnn_status dnni_image_resample(const dnni_image *image, double y, double x, double height, double width,
                               dnni_io_arena *arena, unsigned char *target, int64_t rows, int64_t columns,
                               int64_t stride) {
    filter down, across;
    int64_t values = columns * image->channels, row_bytes = image->width * image->channels;
    IO_TRY(make_filter(&down, arena, image->height, y, height, rows));
    IO_TRY(make_filter(&across, arena, image->width, x, width, columns));
    int64_t top = down.first[0], bottom = down.first[rows - 1] + down.n[rows - 1];
    uint16_t *scaled = dnni_io_arena_take(arena, (bottom - top) * values * (int64_t)sizeof *scaled);
    if (!scaled) return DNN_ERROR_MEMORY;
    for (int64_t r = top; r < bottom; r++)
        scale_row(scaled + (r - top) * values, image->data + r * row_bytes, &across, columns, image->channels);
    for (int64_t i = 0; i < rows; i++)
        scale_column(target + i * stride, scaled + (down.first[i] - top) * values, &down, i, values);
    return DNN_OK;
}
