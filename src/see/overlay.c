/* Heat over images. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "inspect/canvas.h"
#include "see/trial.h"

enum { WANTED = 96 };

typedef struct {
    dnn_overlay_desc d;
    dnni_pool pool;
    dnn_array images, heat;
    int64_t height, width; /* of a picture */
    float *large;          /* heat of one image, zoomed smoothly */
    void *work;
    double low, high, full;
} overlay;

static double pixel_of(const overlay *o, int64_t image, int64_t y, int64_t x, int64_t c) {
    const int64_t *dims = o->images.dims;
    return dnni_load(o->images.dtype, o->images.data, ((image * dims[1] + y) * dims[2] + x) * dims[3] + c);
}

static void find_range(overlay *o) {
    o->low = o->d.low;
    o->high = o->d.high;
    if (o->low != 0 || o->high != 0) return;
    if (o->images.dtype == DNN_U8) {
        o->high = 255;
        return;
    }
    o->low = INFINITY;
    o->high = -INFINITY;
    for (int64_t i = 0, n = dnni_count(&o->images); i < n; i++) {
        double value = dnni_load(o->images.dtype, o->images.data, i);
        if (!isfinite(value)) continue;
        o->low = fmin(o->low, value);
        o->high = fmax(o->high, value);
    }
    if (o->low > o->high) o->low = o->high = 0;
}

static uint32_t image_colour(const overlay *o, int64_t image, int64_t y, int64_t x) {
    int64_t channels = o->images.dims[3];
    double sum = 0;
    uint32_t colour = 0;
    for (int64_t c = 0; c < channels; c++) {
        double value = pixel_of(o, image, y, x, c);
        if (!isfinite(value)) return DNNI_NOT_FINITE;
        sum += value;
        if (channels == 3) colour = colour << 8 | (uint32_t)(255 * dnni_place(value, o->low, o->high) + 0.5);
    }
    if (channels == 3) return colour;
    return dnni_mix(0x000000, 0xffffff, dnni_place(sum / (double)channels, o->low, o->high));
}

/* Red where there is some, yellow where there is much; blue where there is less than nothing. */
static uint32_t laid_over(const overlay *o, uint32_t colour, double heat) {
    if (!isfinite(heat)) return DNNI_NOT_FINITE;
    double share = fmin(fabs(heat) / o->full, 1);
    uint32_t over = heat < 0 ? 0x2450f0 : share < 0.5 ? 0xe01010 : dnni_mix(0xe01010, 0xffe000, 2 * share - 1);
    return dnni_mix(colour, over, o->d.strength * fmin(1.5 * share, 1));
}

static void find_full(overlay *o, int64_t image) {
    int64_t n = o->heat.dims[1] * o->heat.dims[2];
    o->full = o->d.full;
    for (int64_t i = 0; o->d.full == 0 && i < n; i++) {
        double value = fabs(dnni_load(o->heat.dtype, o->heat.data, image * n + i));
        if (isfinite(value)) o->full = fmax(o->full, value);
    }
    if (o->full == 0) o->full = 1;
}

/* The heat as large as the picture: between its values, so that blocks are the image's, not the heat's. */
static void zoom_heat(const overlay *o, float *small, int64_t image) {
    int64_t h = o->heat.dims[1], w = o->heat.dims[2];
    for (int64_t i = 0; i < h * w; i++)
        small[i] = (float)dnni_load(o->heat.dtype, o->heat.data, image * h * w + i);
    dnnk_image from = {small, h, w, 1, true}, to = {o->large, o->height, o->width, 1, true};
    dnnk_resize_image(&from, &to, &(dnnk_resize){.height = h, .width = w, .scaling = DNNK_LINEAR}, o->work);
}

static void draw(const overlay *o, int64_t image, unsigned char *to) {
    for (int64_t y = 0; y < o->height; y++)
        for (int64_t x = 0; x < o->width; x++) {
            uint32_t colour = image_colour(o, image, y / o->d.zoom, x / o->d.zoom);
            colour = laid_over(o, colour, (double)o->large[y * o->width + x]);
            for (int k = 0; k < 3; k++) *to++ = (unsigned char)(colour >> (16 - 8 * k) & 255u);
        }
}

static dnn_status run(dnn_tensor **out, overlay *o, dnn_context *ctx) {
    int64_t h = o->heat.dims[1], w = o->heat.dims[2], n = o->heat.dims[0];
    int64_t bytes = dnnk_resize_workspace(h, w, o->height, o->width, 1);
    float *small = dnni_pool_alloc(&o->pool, h * w, sizeof *small);
    o->large = dnni_pool_alloc(&o->pool, o->height * o->width, sizeof *o->large);
    o->work = bytes < 0 ? NULL : dnni_pool_alloc(&o->pool, bytes, 1);
    if (!small || !o->large || !o->work) return DNN_ERROR_MEMORY;
    DNNI_TRY(dnn_tensor_create(out, ctx, DNN_U8, 4, (const int64_t[]){n, o->height, o->width, 3}));
    find_range(o);
    for (int64_t i = 0; i < n; i++) {
        find_full(o, i);
        zoom_heat(o, small, i);
        draw(o, i, (unsigned char *)(*out)->array.data + i * o->height * o->width * 3);
    }
    return DNN_OK;
}

static dnn_status settle(overlay *o) {
    dnn_overlay_desc *d = &o->d;
    const dnn_array *a = &o->images, *h = &o->heat;
    bool fits = h->rank == 3;
    for (int k = 0; fits && k < 3; k++) fits = h->dims[k] == a->dims[k];
    if (!fits)
        return dnni_error(DNN_ERROR_SHAPE, "heat is %s for images %s: (N, H, W) is needed", dnni_array_shape(h).text,
                          dnni_array_shape(a).text);
    int64_t shorter = dnnk_min(a->dims[1], a->dims[2]);
    if (d->zoom == 0) d->zoom = dnnk_max(1, dnnk_ceil_div(WANTED, shorter));
    d->strength = dnni_or_default(d->strength, 0.6);
    DNNI_REQUIRE(d->zoom >= 1 && d->zoom <= 2 * WANTED && d->strength > 0 && d->strength <= 1 && d->full >= 0 &&
                     isfinite(d->full) && isfinite(d->low) && isfinite(d->high) && d->low <= d->high,
                 "desc: zoom is %lld, strength %g, full %g, low %g, high %g", (long long)d->zoom, d->strength, d->full,
                 d->low, d->high);
    o->height = a->dims[1] * d->zoom;
    o->width = a->dims[2] * d->zoom;
    return DNN_OK;
}

dnn_status dnn_overlay(dnn_tensor **out, const dnn_tensor *images, const dnn_tensor *heat,
                       const dnn_overlay_desc *desc) {
    overlay o = {.height = 0};
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_check_images(NULL, images, "images"));
    DNNI_TRY(dnni_check_tensor(heat, "heat"));
    DNNI_TRY(dnni_check_same_context(images, heat, "images and heat"));
    DNNI_TRY(DNNI_READ_DESC(o.d, desc, true));
    o.images = images->array;
    o.heat = heat->array;
    DNNI_TRY(settle(&o));
    o.pool.ctx = dnni_context_of(images);
    dnn_status status = run(out, &o, o.pool.ctx);
    dnni_pool_free(&o.pool);
    return status;
}
