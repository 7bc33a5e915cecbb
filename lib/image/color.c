/* Light and colour. */
#include "image/image.h"

static float larger(float a, float b) { return a > b ? a : b; }
static float smaller(float a, float b) { return a < b ? a : b; }
static float clamp(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }

float dnnk_grey(const float *pixel, int64_t channels) {
    if (channels == 3) return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
    float sum = 0;
    for (int64_t c = 0; c < channels; c++) sum += pixel[c];
    return sum / (float)channels;
}

void dnnk_brightness(int64_t pixels, int64_t channels, float *x, float factor) {
    for (int64_t i = 0; i < pixels * channels; i++) x[i] = clamp(factor * x[i]);
}

void dnnk_contrast(int64_t pixels, int64_t channels, float *x, float factor) {
    double sum = 0;
    for (int64_t i = 0; i < pixels; i++) sum += (double)dnnk_grey(x + i * channels, channels);
    float mean = (float)(sum / (double)pixels);
    for (int64_t i = 0; i < pixels * channels; i++) x[i] = clamp(mean + factor * (x[i] - mean));
}

void dnnk_saturation(int64_t pixels, float *rgb, float factor) {
    for (int64_t i = 0; i < pixels; i++, rgb += 3) {
        float grey = dnnk_grey(rgb, 3);
        for (int c = 0; c < 3; c++) rgb[c] = clamp(grey + factor * (rgb[c] - grey));
    }
}

/* Hue of a colour as a part of the circle, red 0, green ⅓, blue ⅔ (Smith 1978). most > least. */
static float hue_of(const float *rgb, float most, float least) {
    float span = most - least, sixth;
    if (most == rgb[0]) sixth = (rgb[1] - rgb[2]) / span;
    else if (most == rgb[1]) sixth = 2 + (rgb[2] - rgb[0]) / span;
    else sixth = 4 + (rgb[0] - rgb[1]) / span;
    return sixth / 6;
}

/* The colour of that hue, in -2/3 … 4/3, from its largest and smallest part: each is a trapezium over the circle. */
static void set_hue(float *rgb, float hue, float most, float least) {
    for (int c = 0; c < 3; c++) {
        float away = hue - (float)c / 3; /* from the part's own hue */
        if (away < 0) away = -away;
        if (away > 1) away -= 1;
        rgb[c] = least + (most - least) * clamp(2 - 6 * smaller(away, 1 - away));
    }
}

void dnnk_hue(int64_t pixels, float *rgb, float turn) {
    for (int64_t i = 0; i < pixels; i++, rgb += 3) {
        float most = larger(larger(rgb[0], rgb[1]), rgb[2]), least = smaller(smaller(rgb[0], rgb[1]), rgb[2]);
        if (most > least) set_hue(rgb, hue_of(rgb, most, least) + turn, most, least);
    }
}
