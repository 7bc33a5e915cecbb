/* A picture moved, scaled and turned a little, with grey around it: what a unit really looks for survives that. */
#ifndef DNNI_SEE_SHAKE_H
#define DNNI_SEE_SHAKE_H

#include <stdint.h>

/* How far at most, to either side: pixels; a share of the size; degrees. */
typedef struct dnni_shake_limits {
    double shift, scaling, rotation;
} dnni_shake_limits;

/* The pixel at (y, x) from the middle of what goes out comes from matrix · (y, x) + shift from the middle. */
typedef struct dnni_shake {
    double matrix[2][2], shift[2];
} dnni_shake;

/* Drawn from numbers 4 · index … 4 · index + 3 of that stream. */
dnni_shake dnni_shake_draw(const dnni_shake_limits *limits, uint64_t seed, uint64_t stream, uint64_t index);

/* to = the shaken picture, both [height, width, channels]: between four pixels each (bilinear); beyond the edge lies
 * `grey`. And backward: dp += what comes of dto. */
void dnni_shake_picture(const dnni_shake *shake, int64_t height, int64_t width, int64_t channels, double grey,
                        const double *p, double *to);
void dnni_shake_gradient(const dnni_shake *shake, int64_t height, int64_t width, int64_t channels, const double *dto,
                         double *dp);

#endif
