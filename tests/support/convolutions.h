/* Convolutions with operands for kernel tests, and what the three directions make of them. */
#ifndef TEST_CONVOLUTIONS_H
#define TEST_CONVOLUTIONS_H

#include "conv/conv.h"
#include "support/arrays.h"

/* A number in [0, bound). */
static inline int64_t below(uint64_t *state, int64_t bound) { return (int64_t)(test_uniform(state) * (double)bound); }

typedef test_array conv_filler(dnnk_type type, int64_t count, uint64_t *state);

/* Small integers: float32 sums of their products are exact, so results must match to the last bit. */
conv_filler conv_integers;
conv_filler conv_reals;

/* A convolution with operands, and what each direction adds to. */
typedef struct {
    dnnk_conv c;
    test_array x, w, scale, bias, residual, dy, dx, dw, db;
} conv_example;

conv_example conv_make(const dnnk_conv *c, conv_filler *fill, uint64_t *state);

/* The same in float64. */
conv_example conv_widened(const conv_example *e);

/* What the three directions gave; y_fused has all of the epilogue, y_packed too, from weights prepared beforehand. */
typedef struct {
    test_array y, y_fused, y_packed, dx, dx_more, dw, dw_more, db;
} conv_results;

conv_results conv_new_results(const conv_example *e);
dnnk_epilogue conv_fused(const conv_example *e);

/* By the reference; by the functions of conv.h, each in a workspace of just the bytes it asked for, full of NaN. */
conv_results conv_reference(const conv_example *e);
conv_results conv_run(const dnnk_env *env, const conv_example *e);

bool conv_equal(const test_array *x, const test_array *y);

/* The largest error beside the largest value, or beside `size` if that is larger. */
double conv_relative_error(const test_array *got, const test_array *want, double size);

/* Fails the test, naming the convolution. */
void conv_fail(const dnnk_conv *c, const dnnk_env *env, const char *what);

#endif
