/* Activations, elementwise on n numbers of one type; the backward of each.
 *
 *     kind        f(x)                                                        f'(x)
 *     relu        max(x, 0)                                                   x > 0
 *     leaky relu  x > 0 ? x : slope x                                         x > 0 ? 1 : slope
 *     gelu        x P(x), P the normal distribution function                  P(x) + x p(x), p the normal density
 *     gelu tanh   x s(2u), s the sigmoid, u = sqrt(2/pi) (x + 0.044715 x^3)   s + x s (1 - s) 2u'
 *     sigmoid     1 / (1 + exp(-x))                                           y (1 - y)
 *     tanh        tanh(x)                                                     1 - y^2
 *     silu        x s(x)                                                      s + x s (1 - s)
 *
 * GELU: Hendrycks and Gimpel 2016; its tanh form x/2 (1 + tanh u) is x s(2u), since (1 + tanh u)/2 = s(2u), and that
 * form keeps its digits for negative x.
 *
 * Special values: a NaN comes out as a NaN, of every kind and from either operand of the backward. The derivative at
 * the kink is that from the left: relu'(0) = 0, leaky'(0) = slope. GELU and SiLU of -inf are 0 (their limit), and the
 * derivatives of the smooth kinds at +-inf are their limits too.
 */
#ifndef DNNK_ACT_H
#define DNNK_ACT_H

#include "base/tables.h"

typedef enum dnnk_act_kind {
    DNNK_RELU,
    DNNK_LEAKY_RELU,
    DNNK_GELU,
    DNNK_GELU_TANH,
    DNNK_SIGMOID,
    DNNK_TANH,
    DNNK_SILU,
    DNNK_ACT_KINDS
} dnnk_act_kind;

/* y[i] = f(x[i]) for i < n. y may be x. `slope` is read by LEAKY_RELU alone. */
void dnnk_act_forward(const dnnk_env *env, dnnk_type type, dnnk_act_kind kind, double slope, int64_t n, const void *x,
                      void *y);

/* What the backward of this kind reads: true, the forward's output y (relu, sigmoid, tanh: these can run in place and
 * keep nothing else); false, the forward's input x. */
bool dnnk_act_backward_needs_output(dnnk_act_kind kind);

/* dx[i] = dy[i] f'(x[i]), overwritten. x_or_y as dnnk_act_backward_needs_output says. dx may be dy, or x_or_y. */
void dnnk_act_backward(const dnnk_env *env, dnnk_type type, dnnk_act_kind kind, double slope, int64_t n,
                       const void *x_or_y, const void *dy, void *dx);

typedef struct dnnk_act_table {
    void (*forward)(dnnk_act_kind kind, double slope, int64_t n, const void *x, void *y);
    void (*backward)(dnnk_act_kind kind, double slope, int64_t n, const void *x_or_y, const void *dy, void *dx);
} dnnk_act_table;

DNNK_DECLARE_TABLES(act)

#endif
