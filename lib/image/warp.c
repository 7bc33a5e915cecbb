/* Bending: where does each pixel come from? */
#include <math.h>
#include <string.h>

#include "image/image.h"

/* Far outside of every image; what is not a number goes there too. */
static double limited(double x) { return x > -1e9 ? (x < 1e9 ? x : 1e9) : -1e9; }

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
            int64_t r = dnnk_border_index(border, (int64_t)floor(p.y), from->rows);
            int64_t c = dnnk_border_index(border, (int64_t)floor(p.x), from->cols);
            if (r < 0 || c < 0) fill_pixel(y, to, fill);
            else memcpy(y, (const char *)from->data + (r * from->cols + c) * from->pixel, (size_t)from->pixel);
        }
}

/* The four pixels around a point, and their weights; a place of -1 has the fill value. */
typedef struct {
    int64_t at[4];
    float weight[4];
} corners;

static corners corners_of(point p, const dnnk_image *from, dnnk_border border) {
    double left = floor(p.x - 0.5), top = floor(p.y - 0.5);
    float fx = (float)(p.x - 0.5 - left), fy = (float)(p.y - 0.5 - top);
    int64_t rows[2], cols[2];
    for (int i = 0; i < 2; i++) {
        rows[i] = dnnk_border_index(border, (int64_t)top + i, from->height);
        cols[i] = dnnk_border_index(border, (int64_t)left + i, from->width);
    }
    corners c = {.weight = {(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx}};
    for (int i = 0; i < 4; i++) {
        int64_t row = rows[i / 2], col = cols[i % 2];
        c.at[i] = row < 0 || col < 0 ? -1 : (row * from->width + col) * from->channels;
    }
    return c;
}

/* A pixel of no weight is not looked at: NaN beside a pixel does not spoil it. */
static float mix(const dnnk_image *from, const corners *c, int64_t channel, float fill) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        if (c->weight[i] == 0) continue;
        int64_t at = c->at[i] + channel;
        float x = fill;
        if (c->at[i] >= 0) x = from->is_float ? ((const float *)from->data)[at] : ((const uint8_t *)from->data)[at];
        sum += c->weight[i] * x;
    }
    return sum;
}

void dnnk_warp_linear(const dnnk_image *from, const dnnk_image *to, const double matrix[9], dnnk_border border,
                      float fill) {
    int64_t at = 0;
    for (int64_t row = 0; row < to->height; row++)
        for (int64_t col = 0; col < to->width; col++) {
            corners c = corners_of(source_of(matrix, col, row), from, border);
            for (int64_t k = 0; k < to->channels; k++, at++) {
                float value = mix(from, &c, k, fill);
                if (to->is_float) ((float *)to->data)[at] = value;
                else ((uint8_t *)to->data)[at] = dnnk_to_byte(value);
            }
        }
}
