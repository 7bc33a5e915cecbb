/* Elementary functions without branches, so that the compiler turns a loop over them into vector code.
 *
 * float: polynomials of our own (coefficients.py prints them, with their errors) after a range reduction. Measured
 * against double libm, the largest errors in units of the last place: exp 1.1, sigmoid 2.3, tanh 1.4, erf 2.7,
 * log1p 2.0 (tests/unit/act_kernel_test.c holds them to 3, and exp to 1.5); the normal distribution function keeps
 * about six digits in its left tail, where squaring x costs it the seventh. double: the C library's.
 *
 * Every fused multiply-add is written out, and nothing else in here can be contracted in more than one way: the lane of
 * a vector and the scalar tail give the same bits, so a result does not depend on where in an array it stands.
 *
 * Included by bodies (which get v_exp, v_tanh, … for their `real`) and by tests.
 */
#ifndef DNNK_VMATH_H
#define DNNK_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__FMA__) || defined(__aarch64__)
#define DNNK_FMAF(a, b, c) __builtin_fmaf(a, b, c)
#else
#define DNNK_FMAF(a, b, c) ((a) * (b) + (c))
#endif

static inline float dnnk_float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t dnnk_bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* For x <= 0, and up to 88: a softmax and all else in here ask for no more. Below 2^-126.5 it is 0: float32's denormals
 * are not worth two multiplications and a quarter of the time.
 * exp(x) = 2^k exp(r), k = round(x / ln 2), |r| <= ln(2)/2, exp(r) = 1 + r + r^2 q(r).
 * Adding 1.5 2^23 rounds to an integer and leaves it in the low bits. ln 2 is subtracted in two parts, the first with
 * its low bits clear so that k times it is exact. At k = -127 the bits of 2^k are those of 0. A NaN falls through the
 * comparison. */
static inline float dnnk_exp_f32(float x) {
    const float round = 0x1.8p23f;
    float c = x < -88.0f ? -88.0f : x;
    float shifted = DNNK_FMAF(c, 1.44269504f, round);
    float k = shifted - round;
    float r = DNNK_FMAF(k, -0.693359375f, c);
    r = DNNK_FMAF(k, 2.12194440e-4f, r);
    float q = 1.39504892e-3f;
    q = DNNK_FMAF(q, r, 8.36888956e-3f);
    q = DNNK_FMAF(q, r, 4.16662058e-2f);
    q = DNNK_FMAF(q, r, 1.66665188e-1f);
    q = DNNK_FMAF(q, r, 5.00000010e-1f);
    float e = DNNK_FMAF(q, r * r, r) + 1.0f;
    return e * dnnk_float_of((dnnk_bits_of(shifted) + 127u) << 23); /* what is above the low 9 bits is shifted out */
}

/* With e = exp(-|x|), which does not overflow: 1 / (1 + e) for x >= 0, e / (1 + e) for x < 0. */
static inline float dnnk_sigmoid_f32(float x) {
    float e = dnnk_exp_f32(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/* |x| < 0.625: x + x^3 P(x^2); above: 1 - 2 e / (1 + e), e = exp(-2|x|), with the sign of x. */
static inline float dnnk_tanh_f32(float x) {
    float v = x * x;
    float p = -5.71703656e-3f;
    p = DNNK_FMAF(p, v, 2.06505790e-2f);
    p = DNNK_FMAF(p, v, -5.37434953e-2f);
    p = DNNK_FMAF(p, v, 1.33314912e-1f);
    p = DNNK_FMAF(p, v, -3.33332839e-1f);
    float near = DNNK_FMAF(p, v * x, x);
    float e = dnnk_exp_f32(-2.0f * fabsf(x)), far = 1.0f - 2.0f * e / (1.0f + e);
    return copysignf(fabsf(x) < 0.625f ? near : far, x);
}

/* erf(x) = x P(x^2) for |x| <= 1. */
static inline float dnnk_erf_near_f32(float x) {
    float v = x * x;
    float p = 7.88911603e-5f;
    p = DNNK_FMAF(p, v, -8.02084015e-4f);
    p = DNNK_FMAF(p, v, 5.18953520e-3f);
    p = DNNK_FMAF(p, v, -2.68544445e-2f);
    p = DNNK_FMAF(p, v, 1.12836002e-1f);
    p = DNNK_FMAF(p, v, -3.76126271e-1f);
    p = DNNK_FMAF(p, v, 1.12837917f);
    return x * p;
}

/* erfc(z) = t exp(P(t) - z^2), t = 1 / (1 + z/2), for z >= 1: the form of Numerical Recipes' erfcc, our own P.
 * P is fitted to z <= 10; beyond, the result is 0 in float. Relative error about z^2 2^-24, from the exponent. */
static inline float dnnk_erfc_far_f32(float z) {
    float t = 1.0f / DNNK_FMAF(z, 0.5f, 1.0f);
    float p = -2.40189760e-1f;
    p = DNNK_FMAF(p, t, 6.43853224e-1f);
    p = DNNK_FMAF(p, t, -4.49613564e-1f);
    p = DNNK_FMAF(p, t, -6.61078197e-2f);
    p = DNNK_FMAF(p, t, -7.28238519e-2f);
    p = DNNK_FMAF(p, t, 7.16618828e-2f);
    p = DNNK_FMAF(p, t, 3.77818844e-1f);
    p = DNNK_FMAF(p, t, 9.99684883e-1f);
    p = DNNK_FMAF(p, t, -1.26549826f);
    return t * dnnk_exp_f32(DNNK_FMAF(-z, z, p));
}

static inline float dnnk_erf_f32(float x) {
    float z = fabsf(x);
    return z <= 1.0f ? dnnk_erf_near_f32(x) : copysignf(1.0f - dnnk_erfc_far_f32(z), x);
}

/* The normal distribution function, erfc(-x / sqrt 2) / 2, with its digits kept in the left tail. */
static inline float dnnk_normal_cdf_f32(float x) {
    float z = x * 0.707106781f;
    float tail = 0.5f * dnnk_erfc_far_f32(fabsf(z));
    float near = DNNK_FMAF(0.5f, dnnk_erf_near_f32(z), 0.5f);
    return fabsf(z) <= 1.0f ? near : z > 0.0f ? 1.0f - tail : tail;
}

/* log(1 + u) for u in [0, 1] = 2 atanh(s) = 2 s + s^3 P(s^2), s = u / (2 + u). */
static inline float dnnk_log1p_unit_f32(float u) {
    float s = u / (2.0f + u), v = s * s;
    float p = 2.43009381e-1f;
    p = DNNK_FMAF(p, v, 2.14276569e-1f);
    p = DNNK_FMAF(p, v, 2.86168849e-1f);
    p = DNNK_FMAF(p, v, 3.99988777e-1f);
    p = DNNK_FMAF(p, v, 6.66666756e-1f);
    return DNNK_FMAF(p, v * s, s + s);
}

static inline double dnnk_exp_f64(double x) { return exp(x); }
static inline double dnnk_tanh_f64(double x) { return tanh(x); }
static inline double dnnk_erf_f64(double x) { return erf(x); }
static inline double dnnk_log1p_unit_f64(double u) { return log1p(u); }
static inline double dnnk_normal_cdf_f64(double x) { return 0.5 * erfc(-0.70710678118654752440 * x); }
static inline double dnnk_sigmoid_f64(double x) {
    double e = exp(-fabs(x));
    return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

/* What a body calls on its `real`. */
#ifdef DNNK_BODY_F64
#define v_exp dnnk_exp_f64
#define v_sigmoid dnnk_sigmoid_f64
#define v_tanh dnnk_tanh_f64
#define v_erf dnnk_erf_f64
#define v_normal_cdf dnnk_normal_cdf_f64
#define v_log1p_unit dnnk_log1p_unit_f64
#else
#define v_exp dnnk_exp_f32
#define v_sigmoid dnnk_sigmoid_f32
#define v_tanh dnnk_tanh_f32
#define v_erf dnnk_erf_f32
#define v_normal_cdf dnnk_normal_cdf_f32
#define v_log1p_unit dnnk_log1p_unit_f32
#endif

#endif
