/* From bytes to floats, and numbers to a common scale. */
#include "image/image.h"

void dnnk_bytes_to_float(int64_t n, const uint8_t *x, float scale, float shift, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = (float)x[i] * scale + shift;
}

void dnnk_float_affine(int64_t n, const float *x, float scale, float shift, float *y) {
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * scale + shift;
}

/* A whole number of periods, short ones written out: the inner loop is then one over a constant, and vectorises. */
#define PERIOD(p)                                                                                      \
    for (int64_t i = 0; i < n; i += (p))                                                               \
        for (int64_t c = 0; c < (p); c++) y[i + c] = (x[i + c] - mean[c]) * factor[c]

void dnnk_standardize(int64_t n, int64_t period, const float *x, const float *mean, const float *factor, float *y) {
    if (period == 3) {
        PERIOD(3);
    } else if (period == 1) {
        PERIOD(1);
    } else {
        PERIOD(period);
    }
}

void dnnk_float_to_bytes(int64_t n, const float *x, float low, float high, uint8_t *y) {
    for (int64_t i = 0; i < n; i++) y[i] = dnnk_to_byte(low + (high - low) * x[i]);
}
