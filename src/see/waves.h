/* Pictures as sums of waves, after Lucid (Olah, Mordvintsev and Schubert 2017): what a gradient changes are not pixels
 * but coefficients z of waves, each scaled by the inverse of its frequency, so that a step moves the long ones further.
 *
 *     plane    X_k = Bhᵀ (S ∘ Z_k) Bw                         k: a channel; B: real Fourier basis, rows orthonormal
 *     colour   Y = X Mᵀ if there are 3 channels, else X        M: how colours go together in photographs
 *     picture  P = 1 / (1 + exp(-Y))
 *
 * Lucid has an FFT. The basis as a matrix spans the same waves at the same frequencies, takes any size, needs no
 * library, and its transpose is its inverse; a picture of 128² costs two products of 128³, which is nothing beside the
 * network that looks at it. All is float64: there is little of it, and its gradient can be checked. */
#ifndef DNNI_SEE_WAVES_H
#define DNNI_SEE_WAVES_H

#include "core/context.h"

typedef struct dnni_waves {
    const dnnk_env *env;
    int64_t height, width, channels;
    double *rows, *columns; /* Bh [height, height], Bw [width, width] */
    double *scale;          /* S [height, width] */
    double *plane, *half;   /* room: [height, width] each */
    double *colours;        /* room: [height, width, channels] */
    void *work;             /* of the products */
} dnni_waves;

/* S = √2/4 / max(f, 1 / max(height, width))^detail, f in cycles a pixel, √(fy² + fx²). Lives in the pool. */
dnn_status dnni_waves_make(dnni_waves *waves, dnni_pool *pool, int64_t height, int64_t width, int64_t channels,
                           double detail);

/* z [channels, height, width] to the picture p [height, width, channels], in 0 … 1. */
void dnni_waves_picture(const dnni_waves *waves, const double *z, double *p);

/* dL/dz of dL/dp, of the picture p that came out. */
void dnni_waves_gradient(const dnni_waves *waves, const double *p, const double *dp, double *dz);

/* Row k of the basis of n points: 1, cos 1, sin 1, cos 2, …; and its frequency in cycles a point. */
void dnni_wave_basis(int64_t n, double *basis);
double dnni_wave_frequency(int64_t n, int64_t k);

#endif
