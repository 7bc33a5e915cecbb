/* Bending: where does each pixel come from? */
#include <string.h>

#include "image/image.h"

/* Far outside of every image; what is not a number goes there too. */
static double limited(double x) { return x > -1e9 ? (x < 1e9 ? x : 1e9) : -1e9; }

/* Rounded down. */
static int64_t whole(double x) {
    int64_t n = (int64_t)x;
    return n - (x < (double)n);
}

typedef struct {
    double x, y;
} point;

static point source_of(const double m[9], int64_t col, int64_t row) {
    double x = (double)col + 0.5, y = (double)row + 0.5;
    double w = m[6] * x + m[7] * y + m[8];
    return (point){limited((m[0] * x + m[1] * y + m[2]) / w), limited((m[3] * x + m[4] * y + m[5]) / w)};
}

static void fill_pixel(char *to, const dnnk_grid *grid, const void *fill) {
    for (int64_t i = 0; i < grid->pixel; i += grid->element) memcpy(to + i, fill, (size_t)grid->element);
}

void dnnk_warp_nearest(const dnnk_grid *from, const dnnk_grid *to, const double matrix[9], dnnk_border border,
                       const void *fill) {
    char *y = to->data;
    for (int64_t row = 0; row < to->rows; row++)
        for (int64_t col = 0; col < to->cols; col++, y += to->pixel) {
            point p = source_of(matrix, col, row);
            int64_t r = dnnk_border_index(border, whole(p.y), from->rows);
            int64_t c = dnnk_border_index(border, whole(p.x), from->cols);
            if (r < 0 || c < 0) fill_pixel(y, to, fill);
            else memcpy(y, (const char *)from->data + (r * from->cols + c) * from->pixel, (size_t)from->pixel);
        }
}

/* The pixels around a point, the upper left one first, and their weights. */
typedef struct {
    int64_t left, top;
    float weight[4];
} corners;

static corners corners_of(point p) {
    int64_t left = whole(p.x - 0.5), top = whole(p.y - 0.5);
    float x = (float)(p.x - 0.5 - (double)left), y = (float)(p.y - 0.5 - (double)top);
    return (corners){left, top, {(1 - y) * (1 - x), (1 - y) * x, y * (1 - x), y * x}};
}

/* One of the four, for a channel: perhaps from beyond the edge. */
static float corner(const dnnk_image *from, const corners *c, int i, int64_t channel, dnnk_border border, float fill) {
    int64_t row = dnnk_border_index(border, c->top + i / 2, from->height);
    int64_t col = dnnk_border_index(border, c->left + i % 2, from->width);
    if (row < 0 || col < 0) return fill;
    int64_t at = (row * from->width + col) * from->channels + channel;
    return from->is_float ? ((const float *)from->data)[at] : ((const uint8_t *)from->data)[at];
}

static void mix_at_edge(const dnnk_image *from, const corners *c, dnnk_border border, float fill, float *y) {
    for (int64_t k = 0; k < from->channels; k++) {
        float sum = 0;
        for (int i = 0; i < 4; i++) sum += c->weight[i] * corner(from, c, i, k, border, fill);
        y[k] = sum;
    }
}

/* The same sum, for four pixels that are all there. */
#define MIX(name, type)                                                                                           \
    static void name(const dnnk_image *from, const corners *c, float *y) {                                        \
        int64_t n = from->channels;                                                                               \
        const type *upper = (const type *)from->data + (c->top * from->width + c->left) * n;                      \
        const type *lower = upper + from->width * n;                                                              \
        for (int64_t k = 0; k < n; k++)                                                                           \
            y[k] = c->weight[0] * (float)upper[k] + c->weight[1] * (float)upper[k + n] +                          \
                   c->weight[2] * (float)lower[k] + c->weight[3] * (float)lower[k + n];                           \
    }
MIX(mix_bytes, uint8_t)
MIX(mix_floats, float)

static void mix(const dnnk_image *from, const corners *c, dnnk_border border, float fill, float *y) {
    bool inside = c->left >= 0 && c->top >= 0 && c->left + 1 < from->width && c->top + 1 < from->height;
    if (!inside) mix_at_edge(from, c, border, fill, y);
    else if (from->is_float) mix_floats(from, c, y);
    else mix_bytes(from, c, y);
}

int64_t dnnk_warp_workspace(int64_t channels) { return channels * (int64_t)sizeof(float); }

void dnnk_warp_linear(const dnnk_image *from, const dnnk_image *to, const double matrix[9], dnnk_border border,
                      float fill, void *work) {
    int64_t at = 0;
    for (int64_t row = 0; row < to->height; row++)
        for (int64_t col = 0; col < to->width; col++, at += to->channels) {
            corners c = corners_of(source_of(matrix, col, row));
            float *pixel = to->is_float ? (float *)to->data + at : work;
            mix(from, &c, border, fill, pixel);
            if (to->is_float) continue;
            for (int64_t k = 0; k < to->channels; k++) ((uint8_t *)to->data)[at + k] = dnnk_to_byte(pixel[k]);
        }
}
