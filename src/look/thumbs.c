#include "look/thumbs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "look/summary.h"

dnn_status dnni_check_image(const dnn_array *item, const char *name) {
    if ((item->rank == 3 || item->rank == 2) && dnni_count(item) > 0) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "%s of %s are no pictures: (H, W, C) or (H, W), with pixels, is needed", name,
                      dnni_array_shape(item).text);
}

/* ---- values to colours ---- */

dnni_shades dnni_known_shades(dnn_dtype dtype, double low, double high) {
    if (high > low) return (dnni_shades){low, high};
    if (dtype == DNN_U8) return (dnni_shades){0, 255};
    if (dtype == DNN_BOOL) return (dnni_shades){0, 1};
    return (dnni_shades){0, 0};
}

void dnni_widen_shades(dnni_shades *shades, const dnn_array *values) {
    for (int64_t i = 0, n = dnni_count(values); i < n; i++) {
        double x = dnni_load(values->dtype, values->data, i);
        if (!isfinite(x)) continue;
        shades->low = fmin(shades->low, x);
        shades->high = fmax(shades->high, x);
    }
}

/* Halves, so that no difference overflows. */
static unsigned char shade(dnni_shades s, double value) {
    double t = s.high > s.low ? (value / 2 - s.low / 2) / (s.high / 2 - s.low / 2) : 0.5;
    return (unsigned char)(255 * fmax(0, fmin(t, 1)) + 0.5);
}

/* ---- sizes ---- */

int64_t dnni_thumb_factor(const dnn_array *item, int64_t most) {
    return dnnk_max(1, dnnk_ceil_div(dnnk_max(item->dims[0], item->dims[1]), most));
}

int64_t dnni_thumb_height(const dnn_array *item, int64_t factor) { return dnnk_ceil_div(item->dims[0], factor); }
int64_t dnni_thumb_width(const dnn_array *item, int64_t factor) { return dnnk_ceil_div(item->dims[1], factor); }

/* ---- drawing ---- */

/* The mean of a block of factor × factor values of a channel, as far as it lies in the image. */
static double block_mean(const dnn_array *a, int64_t channels, int64_t channel, int64_t y, int64_t x, int64_t factor) {
    double sum = 0;
    int64_t bottom = dnnk_min((y + 1) * factor, a->dims[0]), right = dnnk_min((x + 1) * factor, a->dims[1]);
    for (int64_t i = y * factor; i < bottom; i++)
        for (int64_t j = x * factor; j < right; j++)
            sum += dnni_load(a->dtype, a->data, (i * a->dims[1] + j) * channels + channel);
    return sum / (double)((bottom - y * factor) * (right - x * factor));
}

static void draw_pixel(const dnn_array *a, dnni_shades shades, int64_t factor, int64_t y, int64_t x,
                       unsigned char *pixel) {
    static const unsigned char not_finite[] = {255, 0, 255};
    int64_t channels = a->rank == 3 ? a->dims[2] : 1;
    for (int64_t c = 0; c < 3; c++) {
        double value = block_mean(a, channels, channels >= 3 ? c : 0, y, x, factor);
        if (!isfinite(value)) {
            memcpy(pixel, not_finite, 3);
            return;
        }
        pixel[c] = shade(shades, value);
    }
}

void dnni_draw_thumb(const dnn_array *image, dnni_shades shades, int64_t factor, unsigned char *pixels, int64_t height,
                     int64_t width) {
    memset(pixels, 255, (size_t)(3 * height * width));
    for (int64_t y = 0; y < dnni_thumb_height(image, factor); y++)
        for (int64_t x = 0; x < dnni_thumb_width(image, factor); x++)
            draw_pixel(image, shades, factor, y, x, pixels + 3 * (y * width + x));
}

/* ---- targets in words ---- */

/* The two largest shares of a mixed target: "cat 0.7 dog 0.3"; of a pure one, the class alone. */
static void soft_text(const dnn_dataset *dataset, const dnn_array *target, char *text, size_t room) {
    char name[64];
    int64_t n = dnni_count(target), best = 0, second = -1;
    for (int64_t k = 1; k < n; k++) {
        double share = dnni_load(target->dtype, target->data, k);
        if (share > dnni_load(target->dtype, target->data, best)) {
            second = best;
            best = k;
        } else if (second < 0 || share > dnni_load(target->dtype, target->data, second)) {
            second = k;
        }
    }
    dnni_class_text(dataset, best, text, room);
    if (second < 0 || dnni_load(target->dtype, target->data, second) <= 0) return;
    size_t used = strlen(text);
    dnni_class_text(dataset, second, name, sizeof name);
    used += (size_t)snprintf(text + used, room - used, " %s\n",
                             dnni_real(dnni_load(target->dtype, target->data, best), 2).text);
    if (used < room)
        snprintf(text + used, room - used, "%s %s", name,
                 dnni_real(dnni_load(target->dtype, target->data, second), 2).text);
}

void dnni_target_text(const dnn_dataset *dataset, const dnn_array *target, char *text, size_t room) {
    int64_t n = target->dtype == DNN_DTYPE_NONE ? 0 : dnni_count(target);
    size_t used = 0;
    text[0] = '\0';
    if (n == 1 && dnni_is_label(target->dtype)) {
        dnni_class_text(dataset, (int64_t)dnni_load(target->dtype, target->data, 0), text, room);
        return;
    }
    if (target->rank == 1 && n > 1 && n == dataset->metadata.classes && dnni_is_real(target->dtype)) {
        soft_text(dataset, target, text, room);
        return;
    }
    for (int64_t i = 0; i < n && n <= 4 && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", i ? " " : "",
                                 dnni_real(dnni_load(target->dtype, target->data, i), 3).text);
}
