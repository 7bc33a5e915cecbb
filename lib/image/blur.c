/* Gaussian blur, one axis after the other. */
#include <math.h>

#include "image/image.h"

static int64_t radius_of(double deviation) { return (int64_t)ceil(3 * deviation); }

int64_t dnnk_blur_workspace(int64_t height, int64_t width, int64_t channels, double deviation) {
    double reach = 2 * (double)radius_of(deviation) + 1, row = (double)width * (double)channels;
    double floats = reach + row + reach * (double)channels + (double)height * row;
    return floats < 0x1p45 ? (int64_t)(4 * floats) + 16 : -1;
}

static void set_weights(float *weight, int64_t radius, double deviation) {
    double sum = 0;
    for (int64_t d = -radius; d <= radius; d++) sum += exp(-0.5 * (double)(d * d) / (deviation * deviation));
    for (int64_t d = -radius; d <= radius; d++)
        weight[d + radius] = (float)(exp(-0.5 * (double)(d * d) / (deviation * deviation)) / sum);
}

/* One row as floats, with `radius` mirrored pixels at both ends. */
static void widen(const dnnk_image *image, int64_t y, int64_t radius, float *wide) {
    for (int64_t x = -radius; x < image->width + radius; x++) {
        int64_t at = (y * image->width + dnnk_border_index(DNNK_REFLECT, x, image->width)) * image->channels;
        for (int64_t c = 0; c < image->channels; c++, at++)
            *wide++ = image->is_float ? ((const float *)image->data)[at] : ((const uint8_t *)image->data)[at];
    }
}

static void add_scaled(int64_t n, float w, const float *x, float *y) {
    for (int64_t j = 0; j < n; j++) y[j] += w * x[j];
}

static void clear(int64_t n, float *y) {
    for (int64_t j = 0; j < n; j++) y[j] = 0;
}

void dnnk_blur(const dnnk_image *from, const dnnk_image *to, double deviation, void *work) {
    int64_t radius = radius_of(deviation), n = from->width * from->channels;
    float *weight = work, *wide = weight + 2 * radius + 1, *rows = wide + n + 2 * radius * from->channels;
    set_weights(weight, radius, deviation);
    for (int64_t y = 0; y < from->height; y++) {
        widen(from, y, radius, wide);
        clear(n, rows + y * n);
        for (int64_t k = 0; k <= 2 * radius; k++) add_scaled(n, weight[k], wide + k * from->channels, rows + y * n);
    }
    for (int64_t y = 0; y < from->height; y++) {
        float *sum = to->is_float ? (float *)to->data + y * n : wide;
        clear(n, sum);
        for (int64_t k = 0; k <= 2 * radius; k++)
            add_scaled(n, weight[k], rows + dnnk_border_index(DNNK_REFLECT, y + k - radius, from->height) * n, sum);
        for (int64_t j = 0; j < n && !to->is_float; j++) ((uint8_t *)to->data)[y * n + j] = dnnk_to_byte(sum[j]);
    }
}
