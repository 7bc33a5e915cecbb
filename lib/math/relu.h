/* ReLU and its derivative, of its output or input: inside a body. NaN passes, and the derivative of a NaN is a NaN. */
#ifndef DNNK_RELU_H
#define DNNK_RELU_H

#include "base/body.h"

static inline real v_relu(real x) { return x < R(0.0) ? R(0.0) : x; }
static inline real v_relu_slope(real y) { return y > R(0.0) ? R(1.0) : y <= R(0.0) ? R(0.0) : y; }

#endif
