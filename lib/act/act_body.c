#include "base/body.h"

#include "act/act.h"
#include "math/relu.h"
#include "math/vmath.h"

/* NaN passes, as in everything here that compares. */
static inline real clamp(real x, real limit) {
    real low = x < -limit ? -limit : x;
    return low > limit ? limit : low;
}

static inline real relu(real x, real slope) {
    (void)slope;
    return v_relu(x);
}

static inline real leaky_relu(real x, real slope) { return x <= R(0.0) ? slope * x : x; }

/* Below -40 the distribution function is 0 in double too; the clamp makes -inf * 0 the limit 0. */
static inline real gelu(real x, real slope) {
    (void)slope;
    real c = x < R(-40.0) ? R(-40.0) : x;
    return c * v_normal_cdf(x);
}

#define GELU_A R(1.5957691216057307118) /* 2 sqrt(2/pi) */
#define GELU_B R(0.044715)

static inline real gelu_tanh(real x, real slope) {
    (void)slope;
    real c = x < R(-40.0) ? R(-40.0) : x;
    return c * v_sigmoid(GELU_A * (x * (R(1.0) + GELU_B * (x * x))));
}

static inline real sigmoid(real x, real slope) {
    (void)slope;
    return v_sigmoid(x);
}

static inline real hyperbolic(real x, real slope) {
    (void)slope;
    return v_tanh(x);
}

static inline real silu(real x, real slope) {
    (void)slope;
    real c = x < R(-800.0) ? R(-800.0) : x;
    return c * v_sigmoid(x);
}

/* The derivatives take the forward's output (relu, sigmoid, tanh) or its input. That of a NaN must be a NaN. */
static inline real relu_slope(real y, real slope) {
    (void)slope;
    return v_relu_slope(y);
}

static inline real leaky_relu_slope(real x, real slope) { return x > R(0.0) ? R(1.0) : x <= R(0.0) ? slope : x; }

static inline real gelu_slope(real x, real slope) {
    (void)slope;
    real c = clamp(x, R(40.0));
    real density = R(0.39894228040143267794) * v_exp(R(-0.5) * (c * c));
    return v_normal_cdf(x) + c * density;
}

static inline real gelu_tanh_slope(real x, real slope) {
    (void)slope;
    real c = clamp(x, R(40.0)), square = c * c;
    real s = v_sigmoid(GELU_A * (c * (R(1.0) + GELU_B * square)));
    return s * (R(1.0) + c * ((R(1.0) - s) * (GELU_A * (R(1.0) + R(3.0) * GELU_B * square))));
}

static inline real sigmoid_slope(real y, real slope) {
    (void)slope;
    return y * (R(1.0) - y);
}

static inline real hyperbolic_slope(real y, real slope) {
    (void)slope;
    return R(1.0) - y * y;
}

static inline real silu_slope(real x, real slope) {
    (void)slope;
    real c = clamp(x, R(800.0)), s = v_sigmoid(c);
    return s * (R(1.0) + c * (R(1.0) - s));
}

#define FORWARD(f) \
    for (int64_t i = 0; i < n; i++) y[i] = f(x[i], slope)

static void forward(dnnk_act_kind kind, double slope_, int64_t n, const void *x_, void *y_) {
    const real *x = x_;
    real *y = y_, slope = (real)slope_;
    switch (kind) {
    case DNNK_RELU: FORWARD(relu); break;
    case DNNK_LEAKY_RELU: FORWARD(leaky_relu); break;
    case DNNK_GELU: FORWARD(gelu); break;
    case DNNK_GELU_TANH: FORWARD(gelu_tanh); break;
    case DNNK_SIGMOID: FORWARD(sigmoid); break;
    case DNNK_TANH: FORWARD(hyperbolic); break;
    case DNNK_SILU: FORWARD(silu); break;
    case DNNK_ACT_KINDS: break;
    }
}

#define BACKWARD(f) \
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * f(v[i], slope)

static void backward(dnnk_act_kind kind, double slope_, int64_t n, const void *v_, const void *dy_, void *dx_) {
    const real *v = v_, *dy = dy_;
    real *dx = dx_, slope = (real)slope_;
    switch (kind) {
    case DNNK_RELU: BACKWARD(relu_slope); break;
    case DNNK_LEAKY_RELU: BACKWARD(leaky_relu_slope); break;
    case DNNK_GELU: BACKWARD(gelu_slope); break;
    case DNNK_GELU_TANH: BACKWARD(gelu_tanh_slope); break;
    case DNNK_SIGMOID: BACKWARD(sigmoid_slope); break;
    case DNNK_TANH: BACKWARD(hyperbolic_slope); break;
    case DNNK_SILU: BACKWARD(silu_slope); break;
    case DNNK_ACT_KINDS: break;
    }
}

const dnnk_act_table DNNK_TABLE(act) = {.forward = forward, .backward = backward};
