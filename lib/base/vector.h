/* Vectors of `real`, as wide as the instruction set's registers: for bodies that say themselves what is in a register.
 * Everything else is left to the compiler. */
#ifndef DNNK_VECTOR_H
#define DNNK_VECTOR_H

#include <string.h>

#include "base/body.h"

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
#define LANES ((int64_t)(VECTOR_BYTES / sizeof(real)))

typedef real vec __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real vec_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* The first n elements at x, and zeros; or a whole vector if there are more. */
static inline vec load(const real *x, int64_t n) {
    if (n >= LANES) return *(const vec_unaligned *)x;
    vec v = {0};
    memcpy(&v, x, (size_t)n * sizeof(real));
    return v;
}

static inline void store(real *x, vec v, int64_t n) {
    if (n >= LANES)
        *(vec_unaligned *)x = v;
    else
        memcpy(x, &v, (size_t)n * sizeof(real));
}

/* max(x, 0), but NaN stays NaN: a comparison of vectors gives bits, all set where it holds. */
static inline vec relu_of(vec v) {
    __typeof__(v < 0) negative = v < 0, bits = (__typeof__(v < 0))v;
    return (vec)(bits & ~negative);
}

#endif
