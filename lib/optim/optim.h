/* Optimizer steps: one pass over parameters, gradients and state.
 *
 * A call takes the segments (parameter tensors) of one group, cuts all of them in chunks of DNNK_OPTIM_CHUNK elements
 * and updates them in a single parallel run. Formulas, their order and the starting values are PyTorch's
 * (torch.optim.SGD, Adam, AdamW); the rates are doubles, rounded once to the type of the parameters.
 * g stands for grad_scale * grad: the factor clips by the global norm without a pass of its own, and -1 maximises.
 * Gradients are not changed. Elements are independent, so results are bitwise equal for every number of lanes.
 */
#ifndef DNNK_OPTIM_H
#define DNNK_OPTIM_H

#include "base/env.h"
#include "base/tables.h"

#define DNNK_OPTIM_CHUNK 16384

typedef struct dnnk_segment {
    void *param;
    const void *grad;
    void *state[2]; /* SGD: [0] momentum buffer (NULL if momentum is 0). Adam: [0] first, [1] second moment */
    int64_t count;  /* elements */
    int64_t step;   /* how many steps this parameter has seen with this one: 1 for the first */
    int64_t chunk;  /* the number of its first chunk; filled in by the calls below */
} dnnk_segment;

/* g += weight_decay * p
 * momentum != 0:  step 1: b = g   later: b = momentum * b + (1 - dampening) * g   (b needs no initial value)
 *                 g = nesterov ? g + momentum * b : b
 * p -= rate * g */
typedef struct dnnk_sgd {
    double rate, momentum, dampening, weight_decay, grad_scale;
    bool nesterov;
} dnnk_sgd;

void dnnk_optim_sgd(const dnnk_env *env, dnnk_type type, const dnnk_sgd *rule, dnnk_segment *segments, int64_t count);

/* decoupled (AdamW): p *= 1 - rate * weight_decay        else (Adam): g += weight_decay * p
 * m = beta1 * m + (1 - beta1) * g                        v = beta2 * v + (1 - beta2) * g * g
 * p -= rate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
 * Kingma and Ba 2015; Loshchilov and Hutter 2019. At step 1, m and v are taken to be 0 and need no initial value. */
typedef struct dnnk_adam {
    double rate, beta1, beta2, epsilon, weight_decay, grad_scale;
    bool decoupled;
} dnnk_adam;

void dnnk_optim_adam(const dnnk_env *env, dnnk_type type, const dnnk_adam *rule, dnnk_segment *segments,
                     int64_t count);

/* Sum over all segments of grad^2, in double, each chunk apart and the chunks then added in order. NaN and infinity
 * come through. Only grad and count of a segment are looked at. work: dnnk_optim_norm_workspace() bytes. */
int64_t dnnk_optim_norm_workspace(const dnnk_segment *segments, int64_t count);
double dnnk_optim_squared_norm(const dnnk_env *env, dnnk_type type, dnnk_segment *segments, int64_t count, void *work);

/* Serial: the elements [begin, end) of one segment. */
typedef struct dnnk_optim_table {
    void (*sgd)(const dnnk_sgd *rule, const dnnk_segment *s, int64_t begin, int64_t end);
    void (*adam)(const dnnk_adam *rule, const dnnk_segment *s, int64_t begin, int64_t end);
    double (*squared_norm)(const dnnk_segment *s, int64_t begin, int64_t end);
} dnnk_optim_table;

DNNK_DECLARE_TABLES(optim)

#endif
