#include "see/shake.h"

#include <math.h>

#include "rng/rng.h"

#define PI 3.14159265358979323846

static double draw(double most, uint64_t seed, uint64_t stream, uint64_t index) {
    return most * (2 * dnnk_random_uniform(seed, stream, index) - 1);
}

dnni_shake dnni_shake_draw(const dnni_shake_limits *l, uint64_t seed, uint64_t stream, uint64_t index) {
    double scale = 1 + draw(l->scaling, seed, stream, 4 * index + 2);
    double angle = draw(l->rotation, seed, stream, 4 * index + 3) * PI / 180;
    double c = cos(angle) / scale, s = sin(angle) / scale;
    return (dnni_shake){{{c, s}, {-s, c}},
                        {draw(l->shift, seed, stream, 4 * index), draw(l->shift, seed, stream, 4 * index + 1)}};
}

/* The four pixels that one comes from: their index, -1 beyond the edge; and their weights. */
typedef struct {
    int64_t at[4];
    double weight[4];
} taps;

static taps taps_of(const dnni_shake *s, int64_t height, int64_t width, int64_t y, int64_t x) {
    double middle_y = (double)(height - 1) / 2, middle_x = (double)(width - 1) / 2;
    double dy = (double)y - middle_y, dx = (double)x - middle_x;
    double from_y = middle_y + s->matrix[0][0] * dy + s->matrix[0][1] * dx + s->shift[0];
    double from_x = middle_x + s->matrix[1][0] * dy + s->matrix[1][1] * dx + s->shift[1];
    double top = floor(from_y), left = floor(from_x);
    taps t;
    for (int k = 0; k < 4; k++) {
        double row = top + k / 2, column = left + k % 2;
        bool inside = row >= 0 && column >= 0 && row < (double)height && column < (double)width;
        t.at[k] = inside ? (int64_t)row * width + (int64_t)column : -1;
        t.weight[k] = (1 - fabs(from_y - row)) * (1 - fabs(from_x - column));
    }
    return t;
}

void dnni_shake_picture(const dnni_shake *s, int64_t height, int64_t width, int64_t channels, double grey,
                        const double *p, double *to) {
    for (int64_t i = 0; i < height * width; i++) {
        taps t = taps_of(s, height, width, i / width, i % width);
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0;
            for (int k = 0; k < 4; k++) sum += t.weight[k] * (t.at[k] >= 0 ? p[t.at[k] * channels + c] : grey);
            to[i * channels + c] = sum;
        }
    }
}

void dnni_shake_gradient(const dnni_shake *s, int64_t height, int64_t width, int64_t channels, const double *dto,
                         double *dp) {
    for (int64_t i = 0; i < height * width; i++) {
        taps t = taps_of(s, height, width, i / width, i % width);
        for (int k = 0; k < 4; k++)
            for (int64_t c = 0; t.at[k] >= 0 && c < channels; c++)
                dp[t.at[k] * channels + c] += t.weight[k] * dto[i * channels + c];
    }
}
