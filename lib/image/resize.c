/* Scaling, one axis after the other. The formula for LINEAR is the one of Pillow and of PyTorch's antialiased
 * interpolation (a triangle stretched by the scale; Heckbert 1986 for why), without Pillow's rounding to bytes between
 * the axes. */
#include <math.h>
#include <stddef.h>

#include "image/image.h"

/* Where the pixels of one axis come from. */
typedef struct {
    int64_t *first, *count; /* [n_out] pixels first … first + count - 1 */
    float *weight;          /* [n_out][taps] */
    int64_t taps;
} axis;

static int64_t most_taps(int64_t n_in, int64_t n_out) { return 2 * (n_in / n_out + 1) + 2; }

int64_t dnnk_resize_workspace(int64_t height, int64_t width, int64_t out_height, int64_t out_width, int64_t channels) {
    double columns = (double)out_width * (double)channels;
    double bytes = ((double)height + 1) * columns * 4;
    bytes += (double)out_height * (16 + 4 * (double)most_taps(height, out_height));
    bytes += (double)out_width * (16 + 4 * (double)most_taps(width, out_width));
    return bytes < 0x1p48 ? (int64_t)bytes + 16 : -1;
}

static double weight_of(const dnnk_resize *r, double pixel, double middle, double scale) {
    if (r->scaling == DNNK_AREA)
        return fmin(pixel + 1, middle + scale / 2) - fmax(pixel, middle - scale / 2);
    double radius = r->antialias && scale > 1 ? scale : 1;
    return 1 - fabs(pixel + 0.5 - middle) / radius;
}

/* The weights of output `i`: those that are positive, from the first pixel that can be. */
static void set_weights(const dnnk_resize *r, axis *a, int64_t i, int64_t n_in, int64_t n_out) {
    double scale = (double)n_in / (double)n_out, middle = ((double)i + 0.5) * scale, sum = 0;
    double reach = r->scaling == DNNK_AREA ? scale / 2 : r->antialias && scale > 1 ? scale : 1;
    int64_t first = (int64_t)fmax(0, floor(middle - reach)), count = 0;
    float *weight = a->weight + i * a->taps;
    for (int64_t k = first; k < n_in && count < a->taps; k++) {
        double w = weight_of(r, (double)k, middle, scale);
        if (w <= 0 && count == 0) {
            first = k + 1;
            continue;
        }
        if (w <= 0) break;
        sum += w;
        weight[count++] = (float)w;
    }
    for (int64_t k = 0; k < count; k++) weight[k] = (float)((double)weight[k] / sum);
    a->first[i] = first;
    a->count[i] = count;
}

static axis make_axis(const dnnk_resize *r, int64_t n_in, int64_t n_out, char **work) {
    axis a = {.taps = most_taps(n_in, n_out)};
    a.first = (int64_t *)(void *)*work;
    a.count = a.first + n_out;
    a.weight = (float *)(void *)(a.count + n_out);
    *work += n_out * (16 + 4 * a.taps);
    *work += (8 - (ptrdiff_t)((uintptr_t)*work % 8)) % 8;
    for (int64_t i = 0; i < n_out; i++) set_weights(r, &a, i, n_in, n_out);
    return a;
}

/* One row, from bytes or floats: y[x][c] = Σ weight · row[first + k][c]. */
#define ACROSS(name, type)                                                                                     \
    static void name(const axis *a, const type *row, int64_t cols, int64_t channels, float *y) {               \
        for (int64_t x = 0; x < cols; x++) {                                                                   \
            const float *w = a->weight + x * a->taps;                                                          \
            const type *from = row + a->first[x] * channels;                                                   \
            for (int64_t c = 0; c < channels; c++) {                                                           \
                float sum = 0;                                                                                 \
                for (int64_t k = 0; k < a->count[x]; k++) sum += w[k] * (float)from[k * channels + c];         \
                *y++ = sum;                                                                                    \
            }                                                                                                  \
        }                                                                                                      \
    }
ACROSS(across_bytes, uint8_t)
ACROSS(across_floats, float)

/* All rows of the window. */
static void across(const dnnk_image *from, const dnnk_resize *r, const axis *a, int64_t cols, float *rows) {
    for (int64_t i = 0; i < r->height; i++, rows += cols * from->channels) {
        int64_t at = ((r->top + i) * from->width + r->left) * from->channels;
        if (from->is_float) across_floats(a, (const float *)from->data + at, cols, from->channels, rows);
        else across_bytes(a, (const uint8_t *)from->data + at, cols, from->channels, rows);
    }
}

static void down(const axis *a, int64_t y, int64_t n, const float *rows, float *sum) {
    for (int64_t j = 0; j < n; j++) sum[j] = 0;
    for (int64_t k = 0; k < a->count[y]; k++) {
        const float *row = rows + (a->first[y] + k) * n, w = a->weight[y * a->taps + k];
        for (int64_t j = 0; j < n; j++) sum[j] += w * row[j];
    }
}

void dnnk_resize_image(const dnnk_image *from, const dnnk_image *to, const dnnk_resize *resize, void *work) {
    char *free = work;
    int64_t n = to->width * to->channels;
    axis x = make_axis(resize, resize->width, to->width, &free);
    axis y = make_axis(resize, resize->height, to->height, &free);
    float *rows = (float *)(void *)free, *sum = rows + resize->height * n;
    across(from, resize, &x, to->width, rows);
    for (int64_t i = 0; i < to->height; i++) {
        if (to->is_float) {
            down(&y, i, n, rows, (float *)to->data + i * n);
            continue;
        }
        down(&y, i, n, rows, sum);
        for (int64_t j = 0; j < n; j++) ((uint8_t *)to->data)[i * n + j] = dnnk_to_byte(sum[j]);
    }
}
