/* libdnn: optimizers: they move parameters along their gradients.
 *
 *     dnn_adamw_create(&opt, net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 3e-4});
 *     while (…) {
 *         dnn_optimizer_zero_grad(opt);
 *         … forward, loss, backward …
 *         dnn_optimizer_step(opt);
 *     }
 *
 * An optimizer keeps the module that it was made for alive, and works on all its parameters: those that are frozen are
 * skipped, as long as they are. Rules and defaults are PyTorch's. Parameters are float32 or float64, the state has
 * their type. If the module's tree or dtype changes, make a new optimizer: the old one says so.
 *
 * Gradients of several backwards add up until they are cleared. A step on more of them than were declared
 * (dnn_optimizer_set_accumulation), or on none at all, is usually a zero_grad or a backward that was forgotten. It is
 * done all the same, and reported through the context's log: each of the two once in an optimizer's life.
 *
 * Threads: an optimizer changes its module: both are used by one thread at a time.
 */
#ifndef DNN_OPTIMIZER_H
#define DNN_OPTIMIZER_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* Stochastic gradient descent. With g the gradient, p the parameter, b the momentum buffer:
 *     g ← g + weight_decay · p
 *     b ← momentum · b + (1 - dampening) · g        (the first step: b ← g)
 *     p ← p - lr · (nesterov ? g + momentum · b : b)        (without momentum: p - lr · g)
 * Sutskever, Martens, Dahl and Hinton 2013, in PyTorch's form: the rate is not in b.
 * State of each parameter: "momentum"; none without momentum. */
typedef struct dnn_sgd_desc {
    size_t size;
    double lr;           /* the rate, at least 0; default 1e-3; DNN_ZERO: 0 */
    double momentum;     /* at least 0; default 0 */
    double dampening;    /* default 0 */
    double weight_decay; /* at least 0; default 0 */
    int32_t nesterov;    /* 1: Nesterov's momentum; needs momentum, and no dampening */
} dnn_sgd_desc;

/* `desc` may be NULL: all defaults; so for all optimizers.
 * Errors: ARGUMENT, also for a module without parameters; HANDLE; MEMORY; an error that the module has kept. */
DNN_API dnn_status dnn_sgd_create(dnn_optimizer **out, dnn_module *module, const dnn_sgd_desc *desc);

/* Adam (Kingma and Ba 2015), and AdamW, whose decay is apart from the gradient (Loshchilov and Hutter 2019). In step t:
 *     Adam: g ← g + weight_decay · p        AdamW: p ← p - lr · weight_decay · p
 *     m ← beta1 · m + (1 - beta1) · g       v ← beta2 · v + (1 - beta2) · g²
 *     p ← p - lr · m̂ / (√v̂ + epsilon)       m̂ = m / (1 - beta1^t), v̂ = v / (1 - beta2^t)
 * State of each parameter: "first_moment", "second_moment". */
typedef struct dnn_adam_desc {
    size_t size;
    double lr;           /* the rate, at least 0; default 1e-3; DNN_ZERO: 0 */
    double beta1;        /* in [0, 1); default 0.9; DNN_ZERO: 0 */
    double beta2;        /* in [0, 1); default 0.999; DNN_ZERO: 0 */
    double epsilon;      /* at least 0; default 1e-8; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default: 0 for Adam, 1e-2 for AdamW; DNN_ZERO: 0 */
} dnn_adam_desc;
DNN_API dnn_status dnn_adam_create(dnn_optimizer **out, dnn_module *module, const dnn_adam_desc *desc);
DNN_API dnn_status dnn_adamw_create(dnn_optimizer **out, dnn_module *module, const dnn_adam_desc *desc);

/* RMSprop (Tieleman and Hinton 2012; centred: Graves 2013):
 *     g ← g + weight_decay · p
 *     v ← alpha · v + (1 - alpha) · g²
 *     centred: a ← alpha · a + (1 - alpha) · g, d = √(v - a²) + epsilon; otherwise d = √v + epsilon
 *     b ← momentum · b + g / d, p ← p - lr · b        (without momentum: p - lr · g / d)
 * State of each parameter: "square_average"; "momentum" and "gradient_average" if they are in use. */
typedef struct dnn_rmsprop_desc {
    size_t size;
    double lr;           /* at least 0; default 1e-2; DNN_ZERO: 0 */
    double alpha;        /* in [0, 1); default 0.99; DNN_ZERO: 0 */
    double epsilon;      /* at least 0; default 1e-8; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default 0 */
    double momentum;     /* at least 0; default 0 */
    int32_t centred;     /* 1: divides by the standard deviation of the gradient */
} dnn_rmsprop_desc;
DNN_API dnn_status dnn_rmsprop_create(dnn_optimizer **out, dnn_module *module, const dnn_rmsprop_desc *desc);

/* Adagrad (Duchi, Hazan and Singer 2011). In step t:
 *     g ← g + weight_decay · p        s ← s + g²
 *     p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + epsilon)
 * State of each parameter: "square_sum". */
typedef struct dnn_adagrad_desc {
    size_t size;
    double lr;           /* at least 0; default 1e-2; DNN_ZERO: 0 */
    double lr_decay;     /* at least 0; default 0 */
    double epsilon;      /* at least 0; default 1e-10; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default 0 */
    double initial;      /* of s, at least 0; default 0 */
} dnn_adagrad_desc;
DNN_API dnn_status dnn_adagrad_create(dnn_optimizer **out, dnn_module *module, const dnn_adagrad_desc *desc);

/* NAdam, Adam with Nesterov's momentum (Dozat 2016). With m and v as Adam has them, in step t:
 *     μ(t) = beta1 · (1 - 0.96^(t · momentum_decay) / 2), and M(t) the product μ(1) … μ(t):
 *     p ← p - lr · ((1 - μ(t)) / (1 - M(t)) · g + μ(t + 1) / (1 - M(t + 1)) · m) / (√v̂ + epsilon)
 * State of each parameter: "first_moment", "second_moment". */
typedef struct dnn_nadam_desc {
    size_t size;
    double lr;              /* at least 0; default 2e-3; DNN_ZERO: 0 */
    double beta1;           /* in [0, 1); default 0.9; DNN_ZERO: 0 */
    double beta2;           /* in [0, 1); default 0.999; DNN_ZERO: 0 */
    double epsilon;         /* at least 0; default 1e-8; DNN_ZERO: 0 */
    double weight_decay;    /* at least 0; default 0 */
    double momentum_decay;  /* at least 0; default 4e-3; DNN_ZERO: 0 */
    int32_t decoupled;      /* 1: the decay is apart from the gradient, as in AdamW */
} dnn_nadam_desc;
DNN_API dnn_status dnn_nadam_create(dnn_optimizer **out, dnn_module *module, const dnn_nadam_desc *desc);

/* Lion (Chen et al. 2023): every number moves by the rate, whose size is a third to a tenth of Adam's.
 *     p ← p - lr · weight_decay · p
 *     p ← p - lr · sign(beta1 · m + (1 - beta1) · g)        m ← beta2 · m + (1 - beta2) · g
 * State of each parameter: "momentum". */
typedef struct dnn_lion_desc {
    size_t size;
    double lr;           /* at least 0; default 1e-4; DNN_ZERO: 0 */
    double beta1;        /* in [0, 1); default 0.9; DNN_ZERO: 0 */
    double beta2;        /* in [0, 1); default 0.99; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default 0 */
} dnn_lion_desc;
DNN_API dnn_status dnn_lion_create(dnn_optimizer **out, dnn_module *module, const dnn_lion_desc *desc);

/* LARS, for large batches (You, Gitman and Ginsburg 2017): SGD with momentum on gradients that are scaled, tensor by
 * tensor, to the size of the weights:
 *     g ← trust · ‖p‖ / (‖g‖ + weight_decay · ‖p‖ + epsilon) · (g + weight_decay · p)        b, p as in dnn_sgd_desc
 * Where ‖p‖ or ‖g‖ is 0, and for tensors of one axis (biases, norms), the scale is 1 and nothing decays.
 * State of each parameter: "momentum"; none without momentum. */
typedef struct dnn_lars_desc {
    size_t size;
    double lr;           /* at least 0; default 0.1; DNN_ZERO: 0 */
    double momentum;     /* at least 0; default 0.9; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default 0 */
    double trust;        /* above 0; default 1e-3 */
    double epsilon;      /* at least 0; default 1e-8; DNN_ZERO: 0 */
    int32_t nesterov;    /* 1: Nesterov's momentum; needs momentum */
} dnn_lars_desc;
DNN_API dnn_status dnn_lars_create(dnn_optimizer **out, dnn_module *module, const dnn_lars_desc *desc);

/* LAMB, the same idea for Adam (You et al. 2020), with m̂ and v̂ as Adam has them:
 *     r = m̂ / (√v̂ + epsilon) + weight_decay · p        p ← p - lr · ‖p‖ / ‖r‖ · r
 * Where ‖p‖ or ‖r‖ is 0, and for tensors of one axis, the ratio is 1; what has one axis does not decay.
 * State of each parameter: "first_moment", "second_moment". */
typedef struct dnn_lamb_desc {
    size_t size;
    double lr;           /* at least 0; default 1e-3; DNN_ZERO: 0 */
    double beta1;        /* in [0, 1); default 0.9; DNN_ZERO: 0 */
    double beta2;        /* in [0, 1); default 0.999; DNN_ZERO: 0 */
    double epsilon;      /* at least 0; default 1e-6; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default 1e-2; DNN_ZERO: 0 */
} dnn_lamb_desc;
DNN_API dnn_status dnn_lamb_create(dnn_optimizer **out, dnn_module *module, const dnn_lamb_desc *desc);

/* Muon (Jordan et al. 2024), for the matrices inside of a network: a parameter of two axes or more is taken as (first
 * axis, all others). With all singular values of G brought near 1 by `rounds` rounds of X ← 3.4445 X - 4.775 S X
 * + 2.0315 S² X, S = X Xᵀ, from X = G / (‖G‖ + 1e-7):
 *     m ← momentum · m + (1 - momentum) · g        G = (1 - momentum) · g + momentum · m        (plain: G = m)
 *     p ← p - lr · weight_decay · p - lr · √max(1, rows/columns) · X
 * All other parameters, and those whose path matches a pattern of `adam` (embeddings and the last layer, as a rule),
 * take AdamW's steps, at the rate lr · adam_factor.
 * State: "first_moment", and of what AdamW steps "second_moment". Work for the largest matrix is taken here. */
typedef struct dnn_muon_desc {
    size_t size;
    double lr;               /* at least 0; default 2e-2; DNN_ZERO: 0 */
    double momentum;         /* in [0, 1); default 0.95; DNN_ZERO: 0 */
    double weight_decay;     /* at least 0; default 0 */
    int32_t plain;           /* 1: no Nesterov's momentum */
    int32_t rounds;          /* 1 to 100; default 5 */
    const char *const *adam; /* patterns as in dnn_optimizer_group; default: none. NOT_FOUND if one matches nothing */
    int64_t n_adam;
    double adam_factor;      /* at least 0; default 0.015: 3e-4 at the default rate; DNN_ZERO: 0 */
    double beta1, beta2;     /* of AdamW, in [0, 1); default 0.9 and 0.95 */
} dnn_muon_desc;
DNN_API dnn_status dnn_muon_create(dnn_optimizer **out, dnn_module *module, const dnn_muon_desc *desc);

/* L-BFGS (Nocedal 1980; Liu and Nocedal 1989): for small networks and losses without chance in them (the whole set in
 * a batch, no dropout). A step is up to max_iter iterations, for each of which the loss is asked for anew: it is made
 * by dnn_optimizer_step_closure. With H the inverse Hessian as the last pairs s = moves and y = changes of the gradient
 * show it:
 *     p ← p + t · d        d = - H g        t = lr; in the first iteration lr · min(1, 1/‖g‖₁)
 *     strong_wolfe: from that t on, a t is searched at which the loss has fallen enough and the slope is flat (Nocedal
 *     and Wright 2006, with c1 = 1e-4, c2 = 0.9)
 * A step ends early when the largest |gradient| is at most tolerance_grad, or when the largest |t · d| or the change
 * of the loss is below tolerance_change. All parameters are one vector: there are no groups, no decay, no clipping
 * (UNSUPPORTED). What is frozen stands still; freezing and unfreezing begin the pairs anew.
 * State of the optimizer itself: "moves" and "changes", (history_size + 1, all elements), and "memory". They, and work
 * of 6 vectors, are made here: 2 · history_size + 8 times the size of the parameters. */
typedef struct dnn_lbfgs_desc {
    size_t size;
    double lr;                /* at least 0; default 1; DNN_ZERO: 0 */
    int64_t max_iter;         /* iterations of a step; default 20 */
    int64_t max_eval;         /* evaluations of a step, after which no iteration begins; default 1.25 · max_iter */
    double tolerance_grad;    /* at least 0; default 1e-7; DNN_ZERO: 0 */
    double tolerance_change;  /* at least 0; default 1e-9; DNN_ZERO: 0 */
    int64_t history_size;     /* pairs, 1 to 10000; default 100 */
    int32_t strong_wolfe;     /* 1: with the line search; default 0: without, as in PyTorch */
} dnn_lbfgs_desc;
DNN_API dnn_status dnn_lbfgs_create(dnn_optimizer **out, dnn_module *module, const dnn_lbfgs_desc *desc);

DNN_API dnn_status dnn_optimizer_release(dnn_optimizer *optimizer);

/* ---- stepping ---------------------------------------------------------------------------------------------------- */

/* Moves every parameter that is not frozen. Gradients stay as they are. L-BFGS needs more than this: STATE. The first
 * step, and the first after unfreezing, allocates state; others allocate nothing.
 * Errors, which leave parameters and state untouched: STATE if the module has changed; MEMORY; VALUE if the norm of the
 * gradients is measured (see below) and is not finite: the line names the first parameter that it comes from. */
DNN_API dnn_status dnn_optimizer_step(dnn_optimizer *optimizer);

/* A step for all optimizers, and the one for L-BFGS. closure(user, &loss) clears the gradients, runs forward, loss and
 * backward on the same data each time, and gives the loss; it is called once, and then a step is made, or, by L-BFGS,
 * as often as it needs. *loss, which may be NULL, becomes that of the first call.
 *
 *     static dnn_status evaluate(void *user, double *loss) {
 *         … dnn_module_zero_grad, dnn_module_forward, dnn_loss_evaluate, dnn_module_backward …
 *     }
 *     dnn_optimizer_step_closure(opt, evaluate, &data, &loss);
 *
 * Errors: the closure's; those of dnn_optimizer_step; of L-BFGS, VALUE if loss or gradient are not finite (in a line
 * search that is a place not to go to). Then parameters are as before the call; L-BFGS forgets its pairs. */
DNN_API dnn_status dnn_optimizer_step_closure(dnn_optimizer *optimizer,
                                              dnn_status (*closure)(void *user, double *loss), void *user,
                                              double *loss);

/* Sets the gradients of the whole module to zero: dnn_module_zero_grad. */
DNN_API dnn_status dnn_optimizer_zero_grad(dnn_optimizer *optimizer);

/* Declares how many backwards go into one step; 1 when the optimizer is made. Nothing is divided: for the gradient of a
 * mean over all of them, scale each loss. Fewer are fine (the end of an epoch), more are reported. */
DNN_API dnn_status dnn_optimizer_set_accumulation(dnn_optimizer *optimizer, int32_t backwards);

/* How many steps have been made; -1 on a bad handle. */
DNN_API int64_t dnn_optimizer_steps(const dnn_optimizer *optimizer);

/* ---- the rate ---------------------------------------------------------------------------------------------------- */

/* The rate, at least 0 and finite. Groups keep their proportion to it, so that a schedule has one number to set. */
DNN_API dnn_status dnn_optimizer_set_lr(dnn_optimizer *optimizer, double lr);
DNN_API double dnn_optimizer_get_lr(const dnn_optimizer *optimizer); /* -1 on a bad handle */

/* ---- the norm of the gradients ----------------------------------------------------------------------------------- */

/* Clips: with n the norm of all gradients together (those of frozen parameters left out), a step takes the gradients
 * times min(1, max_norm / (n + 1e-6)), in all groups (Pascanu, Mikolov and Bengio 2013). INFINITY: measures n, and
 * clips nothing. 0, as when the optimizer is made: neither. */
DNN_API dnn_status dnn_optimizer_clip_norm(dnn_optimizer *optimizer, double max_norm);

/* n as the last step measured it, before clipping; NaN if none has, or on a bad handle. */
DNN_API double dnn_optimizer_gradient_norm(const dnn_optimizer *optimizer);

/* ---- groups ------------------------------------------------------------------------------------------------------ */

/* What is different for a group of parameters. */
typedef struct dnn_group_desc {
    size_t size;
    double lr_factor;    /* the group's rate is the optimizer's times this; at least 0; default 1; DNN_ZERO: 0 */
    double weight_decay; /* at least 0; default: the optimizer's; DNN_ZERO: 0 */
} dnn_group_desc;

/* Moves the parameters whose path matches `pattern` ('*' any run of characters, '?' one) into a new group, out of the
 * ones that they were in. `"*.bias"` with a weight_decay of DNN_ZERO, say. Groups are numbered as they come, from 1;
 * group 0 has what is in no other. Errors: NOT_FOUND if nothing matches. */
DNN_API dnn_status dnn_optimizer_group(dnn_optimizer *optimizer, const char *pattern, const dnn_group_desc *desc);

/* Sets factor and decay of a group that exists, anew; 0 included. Errors: NOT_FOUND. */
DNN_API dnn_status dnn_optimizer_set_group(dnn_optimizer *optimizer, int32_t group, const dnn_group_desc *desc);

typedef struct dnn_group_info {
    size_t size;
    const char *pattern;  /* lent by the optimizer; "" for group 0 */
    double lr;            /* as it is now: the optimizer's times lr_factor */
    double lr_factor;
    double weight_decay;
    int64_t parameters;   /* tensors in this group */
    int64_t elements;     /* in those */
} dnn_group_info;

/* The number of groups, at least 1 (-1 on a bad handle); and one of them: `info->size` is set by the caller
 * (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API int32_t dnn_optimizer_group_count(const dnn_optimizer *optimizer);
DNN_API dnn_status dnn_optimizer_group_at(const dnn_optimizer *optimizer, int32_t group, dnn_group_info *info);

/* ---- the state, for checkpoints ---------------------------------------------------------------------------------- */

/* One tensor of state; writing to it changes the optimizer. Of the optimizer itself: path "", name "steps" (int64,
 * scalar) and "lr" (float64, scalar). Of a parameter: its path; "steps" (int64, scalar: how many it has seen), and what
 * the optimizer says above, of the parameter's shape and type. Lent as long as the optimizer lives. */
typedef struct dnn_optimizer_state {
    size_t size;
    const char *path;
    const char *name;
    dnn_tensor *value;
} dnn_optimizer_state;

/* How much state there is now: parameters that were never stepped have none. -1 on a bad handle. And the i-th piece;
 * `state->size` is set by the caller (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API int64_t dnn_optimizer_state_count(const dnn_optimizer *optimizer);
DNN_API dnn_status dnn_optimizer_state_at(const dnn_optimizer *optimizer, int64_t index, dnn_optimizer_state *state);

/* The piece of that path and name. State of a parameter that has none yet is made here, as zeros, so that it can be
 * loaded. Errors: NOT_FOUND, MEMORY. */
DNN_API dnn_status dnn_optimizer_state_find(dnn_optimizer *optimizer, const char *path, const char *name,
                                            dnn_optimizer_state *state);

#ifdef __cplusplus
}
#endif

#endif
