/* Optimizer steps: one pass over parameters, gradients and state.
 *
 * A call takes the segments (parameter tensors) of one group, cuts all of them in chunks of DNNK_OPTIM_CHUNK elements
 * and updates them in a single parallel run. The rates are doubles, rounded once to the type of the parameters.
 * g stands for grad_scale * grad: the factor clips by the global norm without a pass of its own, and -1 maximises.
 * Gradients are not changed. Elements are independent, so results are bitwise equal for every number of lanes.
 * At step 1 states are taken to be 0 and need no initial value.
 */
#ifndef DNNK_OPTIM_H
#define DNNK_OPTIM_H

#include "base/env.h"
#include "base/tables.h"

#define DNNK_OPTIM_CHUNK 16384
#define DNNK_OPTIM_STATES 3

typedef struct dnnk_segment {
    void *param;
    const void *grad;
    void *state[DNNK_OPTIM_STATES]; /* as the rule says */
    int64_t count;                  /* elements */
    int64_t rows;  /* of the matrix (out, all other axes) that it is; 0: it has fewer than two axes */
    int64_t step;  /* how many steps this parameter has seen with this one: 1 for the first */
    int64_t chunk; /* the number of its first chunk; filled in by the calls below */
} dnnk_segment;

/* The rules; each has a struct of its own. Formulas, and their order, are PyTorch's where it has them. */
typedef enum dnnk_optim_kind {
    DNNK_SGD,
    DNNK_ADAM,
    DNNK_RMSPROP,
    DNNK_ADAGRAD,
    DNNK_NADAM,
    DNNK_LION,
    DNNK_LAMB,
    DNNK_AVERAGE, /* p += share * (grad - p), and p = grad where the share is 1; the rule is a double */
    DNNK_OPTIM_KINDS
} dnnk_optim_kind;

void dnnk_optim_update(const dnnk_env *env, dnnk_type type, dnnk_optim_kind kind, const void *rule,
                       dnnk_segment *segments, int64_t count);

/* g += weight_decay * p
 * momentum != 0:  step 1: b = g   later: b = momentum * b + (1 - dampening) * g
 *                 g = nesterov ? g + momentum * b : b
 * p -= rate * g
 * State: [0] b, if there is momentum. */
typedef struct dnnk_sgd {
    double rate, momentum, dampening, weight_decay, grad_scale;
    bool nesterov;
} dnnk_sgd;

/* decoupled (AdamW): p *= 1 - rate * weight_decay        else (Adam): g += weight_decay * p
 * m = beta1 * m + (1 - beta1) * g                        v = beta2 * v + (1 - beta2) * g * g
 * p -= rate / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
 * State: [0] m, [1] v. Kingma and Ba 2015; Loshchilov and Hutter 2019. */
typedef struct dnnk_adam {
    double rate, beta1, beta2, epsilon, weight_decay, grad_scale;
    bool decoupled;
} dnnk_adam;

/* g += weight_decay * p              v = alpha * v + (1 - alpha) * g * g
 * centred:   a += (1 - alpha) * (g - a)                d = sqrt(v - a * a) + epsilon        else d = sqrt(v) + epsilon
 * momentum:  b = momentum * b + g / d, p -= rate * b                                       else p -= rate * g / d
 * State: [0] v, [1] b or, without momentum, a, [2] a. Tieleman and Hinton 2012; centred: Graves 2013. */
typedef struct dnnk_rmsprop {
    double rate, alpha, epsilon, weight_decay, momentum, grad_scale;
    bool centred;
} dnnk_rmsprop;

/* g += weight_decay * p              s += g * g, from s = initial
 * p -= rate / (1 + (step - 1) * rate_decay) * g / (sqrt(s) + epsilon)
 * State: [0] s. Duchi, Hazan and Singer 2011. */
typedef struct dnnk_adagrad {
    double rate, rate_decay, initial, epsilon, weight_decay, grad_scale;
} dnnk_adagrad;

/* Adam's m and v, then p -= (fresh * g + kept * m) / (sqrt(v) / sqrt(1 - beta2^step) + epsilon), with fresh and kept
 * the rate times the weights of g and m in this step, which the caller knows: all segments are at the same step.
 * State: [0] m, [1] v. Dozat 2016. */
typedef struct dnnk_nadam {
    double rate, beta1, beta2, epsilon, weight_decay, grad_scale, fresh, kept;
    bool decoupled;
} dnnk_nadam;

/* p *= 1 - rate * weight_decay       p -= rate * sign(beta1 * m + (1 - beta1) * g)
 * m = beta2 * m + (1 - beta2) * g
 * State: [0] m. Chen et al. 2023. */
typedef struct dnnk_lion {
    double rate, beta1, beta2, weight_decay, grad_scale;
} dnnk_lion;

/* The last part of LAMB: with Adam's m and v up to date, r = m̂ / (sqrt(v̂) + epsilon) + weight_decay * p and
 * p -= rate * r; the rate has the trust ratio in it. dnnk_optim_lamb_norm is the first: it updates m and v and sums r².
 * State: [0] m, [1] v. You et al. 2020. */
typedef struct dnnk_lamb {
    double rate, beta1, beta2, epsilon, weight_decay, grad_scale;
} dnnk_lamb;

/* Sum over all segments of grad^2, in double, each chunk apart and the chunks then added in order. NaN and infinity
 * come through. Only grad and count of a segment are looked at. work: dnnk_optim_norm_workspace() bytes. */
int64_t dnnk_optim_norm_workspace(const dnnk_segment *segments, int64_t count);
double dnnk_optim_squared_norm(const dnnk_env *env, dnnk_type type, dnnk_segment *segments, int64_t count, void *work);

/* The same sum of r² for one segment; see dnnk_lamb. */
double dnnk_optim_lamb_norm(const dnnk_env *env, dnnk_type type, const dnnk_lamb *rule, dnnk_segment *segment,
                            void *work);

/* Serial: the elements [begin, end) of one segment. */
typedef void dnnk_optim_rule(const void *rule, const dnnk_segment *s, int64_t begin, int64_t end);
typedef double dnnk_optim_sum(const void *rule, const dnnk_segment *s, int64_t begin, int64_t end);

typedef struct dnnk_optim_table {
    dnnk_optim_rule *update[DNNK_OPTIM_KINDS];
    dnnk_optim_sum *squared_norm, *lamb_norm;
} dnnk_optim_table;

DNNK_DECLARE_TABLES(optim)

#endif
