# Written by generate.py from include/dnn/*.h; `./run bindings` writes it anew.
"""Layers, losses and optimizers, as functions. Their words are those of the C headers.
Sizes of sequences, and flags that say whether an argument is given, are filled in here. `ctx` is the
context, by default the one that everything shares; text stands for an enum by its last words ("mean").
"""
from . import _abi as abi
from ._make import enum, make_loss, make_module, make_optimizer

__all__ = [
    "cross_entropy", "mse", "l1", "huber", "bce_with_logits", "sgd", "adam", "adamw", "rmsprop", "adagrad",
    "nadam", "lion", "lars", "lamb", "muon", "lbfgs", "linear", "conv2d", "embedding", "batch_norm",
    "standardize", "layer_norm", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "relu", "sigmoid", "tanh",
    "silu", "leaky_relu", "gelu", "softmax", "log_softmax", "dropout", "flatten", "reshape", "permute", "pad",
    "slice", "concat", "add", "subtract", "multiply", "divide", "scale", "matmul", "sum", "mean", "attention",
    "multi_head_attention", "lstm", "gru", "rnn_tanh",
]


def cross_entropy(reduction=None, class_weights=None, label_smoothing=None, ignore_index=None, *, ctx=None):
    """Cross-entropy of logits y (N, …, C) and a target, which is either
        class numbers (N, …), uint8, int32 or int64, each in 0 … C - 1;
        distributions (N, …, C) of y's type: numbers of at least 0 that sum to 1 in each row (this is not checked).
    With t the distribution (1 at the class, else 0), w the class weights and s the label smoothing, the loss of a row
    is
        - Σ_c w_c q_c log softmax(y)_c        q = (1 - s) t + s/C        (Szegedy et al. 2016 for s)
    and the mean is their sum divided by the sum of w over the rows' classes; for distributions: by the count of rows.
    Rows whose class is ignore_index count as 0, in sum and divisor, and their part of dy is 0.

    Arguments
        reduction: default: the mean
        class_weights: copied; finite, at least 0; default: all 1
        label_smoothing: in [0, 1]; default 0
        ignore_index: any number, of a class or not
    """
    return make_loss("dnn_cross_entropy_create", ctx, abi.dnn_cross_entropy_desc,
                     reduction=enum(abi.dnn_reduction, reduction), class_weights=class_weights,
                     label_smoothing=label_smoothing, ignore_index=ignore_index)


def mse(reduction=None, *, ctx=None):
    """d² (mean squared error), and |d| (its gradient at d = 0 is 0).

    Arguments
        reduction: default: the mean over all numbers of y
    """
    return make_loss("dnn_mse_create", ctx, abi.dnn_pair_loss_desc, reduction=enum(abi.dnn_reduction, reduction))


def l1(reduction=None, *, ctx=None):
    """d² (mean squared error), and |d| (its gradient at d = 0 is 0).

    Arguments
        reduction: default: the mean over all numbers of y
    """
    return make_loss("dnn_l1_create", ctx, abi.dnn_pair_loss_desc, reduction=enum(abi.dnn_reduction, reduction))


def huber(reduction=None, delta=None, *, ctx=None):
    """d²/2 where |d| ≤ delta, delta (|d| - delta/2) beyond: quadratic for small errors, linear for large ones.
    Huber 1964.

    Arguments
        delta: above 0; default 1
    """
    return make_loss("dnn_huber_create", ctx, abi.dnn_huber_desc, reduction=enum(abi.dnn_reduction, reduction),
                     delta=delta)


def bce_with_logits(reduction=None, pos_weight=None, *, ctx=None):
    """Binary cross-entropy of logits y and targets t in [0, 1] (this is not checked), with s the sigmoid:
        - p t log s(y) - (1 - t) log(1 - s(y))
    p weighs the positive examples: negatives/positives in the data makes up for their number.

    Arguments
        pos_weight: p; copied; finite, at least 0; default 1
    """
    return make_loss("dnn_bce_with_logits_create", ctx, abi.dnn_bce_with_logits_desc,
                     reduction=enum(abi.dnn_reduction, reduction), pos_weight=pos_weight)


def sgd(module, lr=None, momentum=None, dampening=None, weight_decay=None, nesterov=None):
    """Stochastic gradient descent. With g the gradient, p the parameter, b the momentum buffer:
        g ← g + weight_decay · p
        b ← momentum · b + (1 - dampening) · g        (the first step: b ← g)
        p ← p - lr · (nesterov ? g + momentum · b : b)        (without momentum: p - lr · g)
    Sutskever, Martens, Dahl and Hinton 2013, in PyTorch's form: the rate is not in b.
    State of each parameter: "momentum"; none without momentum.

    Arguments
        lr: the rate, at least 0; default 1e-3
        momentum: at least 0; default 0
        dampening: default 0
        weight_decay: at least 0; default 0
        nesterov: True: Nesterov's momentum; needs momentum, and no dampening
    """
    return make_optimizer("dnn_sgd_create", module, abi.dnn_sgd_desc, lr=lr, momentum=momentum, dampening=dampening,
                          weight_decay=weight_decay, nesterov=nesterov)


def adam(module, lr=None, beta1=None, beta2=None, epsilon=None, weight_decay=None):
    """Adam (Kingma and Ba 2015), and AdamW, whose decay is apart from the gradient (Loshchilov and Hutter 2019). In
    step t:
        Adam: g ← g + weight_decay · p        AdamW: p ← p - lr · weight_decay · p
        m ← beta1 · m + (1 - beta1) · g       v ← beta2 · v + (1 - beta2) · g²
        p ← p - lr · m̂ / (√v̂ + epsilon)       m̂ = m / (1 - beta1^t), v̂ = v / (1 - beta2^t)
    State of each parameter: "first_moment", "second_moment".

    Arguments
        lr: the rate, at least 0; default 1e-3
        beta1: in [0, 1); default 0.9
        beta2: in [0, 1); default 0.999
        epsilon: at least 0; default 1e-8
        weight_decay: at least 0; default: 0 for Adam, 1e-2 for AdamW
    """
    return make_optimizer("dnn_adam_create", module, abi.dnn_adam_desc, lr=lr, beta1=beta1, beta2=beta2,
                          epsilon=epsilon, weight_decay=weight_decay)


def adamw(module, lr=None, beta1=None, beta2=None, epsilon=None, weight_decay=None):
    """Adam (Kingma and Ba 2015), and AdamW, whose decay is apart from the gradient (Loshchilov and Hutter 2019). In
    step t:
        Adam: g ← g + weight_decay · p        AdamW: p ← p - lr · weight_decay · p
        m ← beta1 · m + (1 - beta1) · g       v ← beta2 · v + (1 - beta2) · g²
        p ← p - lr · m̂ / (√v̂ + epsilon)       m̂ = m / (1 - beta1^t), v̂ = v / (1 - beta2^t)
    State of each parameter: "first_moment", "second_moment".

    Arguments
        lr: the rate, at least 0; default 1e-3
        beta1: in [0, 1); default 0.9
        beta2: in [0, 1); default 0.999
        epsilon: at least 0; default 1e-8
        weight_decay: at least 0; default: 0 for Adam, 1e-2 for AdamW
    """
    return make_optimizer("dnn_adamw_create", module, abi.dnn_adam_desc, lr=lr, beta1=beta1, beta2=beta2,
                          epsilon=epsilon, weight_decay=weight_decay)


def rmsprop(module, lr=None, alpha=None, epsilon=None, weight_decay=None, momentum=None, centred=None):
    """RMSprop (Tieleman and Hinton 2012; centred: Graves 2013):
        g ← g + weight_decay · p
        v ← alpha · v + (1 - alpha) · g²
        centred: a ← alpha · a + (1 - alpha) · g, d = √(v - a²) + epsilon; otherwise d = √v + epsilon
        b ← momentum · b + g / d, p ← p - lr · b        (without momentum: p - lr · g / d)
    State of each parameter: "square_average"; "momentum" and "gradient_average" if they are in use.

    Arguments
        lr: at least 0; default 1e-2
        alpha: in [0, 1); default 0.99
        epsilon: at least 0; default 1e-8
        weight_decay: at least 0; default 0
        momentum: at least 0; default 0
        centred: True: divides by the standard deviation of the gradient
    """
    return make_optimizer("dnn_rmsprop_create", module, abi.dnn_rmsprop_desc, lr=lr, alpha=alpha, epsilon=epsilon,
                          weight_decay=weight_decay, momentum=momentum, centred=centred)


def adagrad(module, lr=None, lr_decay=None, epsilon=None, weight_decay=None, initial=None):
    """Adagrad (Duchi, Hazan and Singer 2011). In step t:
        g ← g + weight_decay · p        s ← s + g²
        p ← p - lr / (1 + (t - 1) · lr_decay) · g / (√s + epsilon)
    State of each parameter: "square_sum".

    Arguments
        lr: at least 0; default 1e-2
        lr_decay: at least 0; default 0
        epsilon: at least 0; default 1e-10
        weight_decay: at least 0; default 0
        initial: of s, at least 0; default 0
    """
    return make_optimizer("dnn_adagrad_create", module, abi.dnn_adagrad_desc, lr=lr, lr_decay=lr_decay, epsilon=epsilon,
                          weight_decay=weight_decay, initial=initial)


def nadam(module, lr=None, beta1=None, beta2=None, epsilon=None, weight_decay=None, momentum_decay=None,
          decoupled=None):
    """NAdam, Adam with Nesterov's momentum (Dozat 2016). With m and v as Adam has them, in step t:
        μ(t) = beta1 · (1 - 0.96^(t · momentum_decay) / 2), and M(t) the product μ(1) … μ(t):
        p ← p - lr · ((1 - μ(t)) / (1 - M(t)) · g + μ(t + 1) / (1 - M(t + 1)) · m) / (√v̂ + epsilon)
    State of each parameter: "first_moment", "second_moment".

    Arguments
        lr: at least 0; default 2e-3
        beta1: in [0, 1); default 0.9
        beta2: in [0, 1); default 0.999
        epsilon: at least 0; default 1e-8
        weight_decay: at least 0; default 0
        momentum_decay: at least 0; default 4e-3
        decoupled: True: the decay is apart from the gradient, as in AdamW
    """
    return make_optimizer("dnn_nadam_create", module, abi.dnn_nadam_desc, lr=lr, beta1=beta1, beta2=beta2,
                          epsilon=epsilon, weight_decay=weight_decay, momentum_decay=momentum_decay,
                          decoupled=decoupled)


def lion(module, lr=None, beta1=None, beta2=None, weight_decay=None):
    """Lion (Chen et al. 2023): every number moves by the rate, whose size is a third to a tenth of Adam's.
        p ← p - lr · weight_decay · p
        p ← p - lr · sign(beta1 · m + (1 - beta1) · g)        m ← beta2 · m + (1 - beta2) · g
    State of each parameter: "momentum".

    Arguments
        lr: at least 0; default 1e-4
        beta1: in [0, 1); default 0.9
        beta2: in [0, 1); default 0.99
        weight_decay: at least 0; default 0
    """
    return make_optimizer("dnn_lion_create", module, abi.dnn_lion_desc, lr=lr, beta1=beta1, beta2=beta2,
                          weight_decay=weight_decay)


def lars(module, lr=None, momentum=None, weight_decay=None, trust=None, epsilon=None, nesterov=None):
    """LARS, for large batches (You, Gitman and Ginsburg 2017): SGD with momentum on gradients that are scaled, tensor
    by
    tensor, to the size of the weights:
        g ← trust · ‖p‖ / (‖g‖ + weight_decay · ‖p‖ + epsilon) · (g + weight_decay · p)        b, p as in dnn_sgd_desc
    Where ‖p‖ or ‖g‖ is 0, and for tensors of one axis (biases, norms), the scale is 1 and nothing decays.
    State of each parameter: "momentum"; none without momentum.

    Arguments
        lr: at least 0; default 0.1
        momentum: at least 0; default 0.9
        weight_decay: at least 0; default 0
        trust: above 0; default 1e-3
        epsilon: at least 0; default 1e-8
        nesterov: True: Nesterov's momentum; needs momentum
    """
    return make_optimizer("dnn_lars_create", module, abi.dnn_lars_desc, lr=lr, momentum=momentum,
                          weight_decay=weight_decay, trust=trust, epsilon=epsilon, nesterov=nesterov)


def lamb(module, lr=None, beta1=None, beta2=None, epsilon=None, weight_decay=None):
    """LAMB, the same idea for Adam (You et al. 2020), with m̂ and v̂ as Adam has them:
        r = m̂ / (√v̂ + epsilon) + weight_decay · p        p ← p - lr · ‖p‖ / ‖r‖ · r
    Where ‖p‖ or ‖r‖ is 0, and for tensors of one axis, the ratio is 1; what has one axis does not decay.
    State of each parameter: "first_moment", "second_moment".

    Arguments
        lr: at least 0; default 1e-3
        beta1: in [0, 1); default 0.9
        beta2: in [0, 1); default 0.999
        epsilon: at least 0; default 1e-6
        weight_decay: at least 0; default 1e-2
    """
    return make_optimizer("dnn_lamb_create", module, abi.dnn_lamb_desc, lr=lr, beta1=beta1, beta2=beta2,
                          epsilon=epsilon, weight_decay=weight_decay)


def muon(module, lr=None, momentum=None, weight_decay=None, plain=None, rounds=None, adam=None, adam_factor=None,
         beta1=None, beta2=None):
    """Muon (Jordan et al. 2024), for the matrices inside of a network: a parameter of two axes or more is taken as
    (first
    axis, all others). With all singular values of G brought near 1 by `rounds` rounds of X ← 3.4445 X - 4.775 S X
    + 2.0315 S² X, S = X Xᵀ, from X = G / (‖G‖ + 1e-7):
        m ← momentum · m + (1 - momentum) · g        G = (1 - momentum) · g + momentum · m        (plain: G = m)
        p ← p - lr · weight_decay · p - lr · √max(1, rows/columns) · X
    All other parameters, and those whose path matches a pattern of `adam` (embeddings and the last layer, as a rule),
    take AdamW's steps, at the rate lr · adam_factor.
    State: "first_moment", and of what AdamW steps "second_moment". Work for the largest matrix is taken here.

    Arguments
        lr: at least 0; default 2e-2
        momentum: in [0, 1); default 0.95
        weight_decay: at least 0; default 0
        plain: True: no Nesterov's momentum
        rounds: 1 to 100; default 5
        adam: patterns as in dnn_optimizer_group; default: none. NOT_FOUND if one matches nothing
        adam_factor: at least 0; default 0.015: 3e-4 at the default rate
        beta1: of AdamW, in [0, 1); default 0.9 and 0.95
        beta2: of AdamW, in [0, 1); default 0.9 and 0.95
    """
    return make_optimizer("dnn_muon_create", module, abi.dnn_muon_desc, lr=lr, momentum=momentum,
                          weight_decay=weight_decay, plain=plain, rounds=rounds, adam=adam, adam_factor=adam_factor,
                          beta1=beta1, beta2=beta2)


def lbfgs(module, lr=None, max_iter=None, max_eval=None, tolerance_grad=None, tolerance_change=None, history_size=None,
          strong_wolfe=None):
    """L-BFGS (Nocedal 1980; Liu and Nocedal 1989): for small networks and losses without chance in them (the whole set
    in
    a batch, no dropout). A step is up to max_iter iterations, for each of which the loss is asked for anew: it is made
    by dnn_optimizer_step_closure. With H the inverse Hessian as the last pairs s = moves and y = changes of the
    gradient
    show it:
        p ← p + t · d        d = - H g        t = lr; in the first iteration lr · min(1, 1/‖g‖₁)
        strong_wolfe: from that t on, a t is searched at which the loss has fallen enough and the slope is flat (Nocedal
        and Wright 2006, with c1 = 1e-4, c2 = 0.9)
    A step ends early when the largest |gradient| is at most tolerance_grad, or when the largest |t · d| or the change
    of the loss is below tolerance_change. All parameters are one vector: there are no groups, no decay, no clipping
    (UNSUPPORTED). What is frozen stands still; freezing and unfreezing begin the pairs anew.
    State of the optimizer itself: "moves" and "changes", (history_size + 1, all elements), and "memory". They, and work
    of 6 vectors, are made here: 2 · history_size + 8 times the size of the parameters.

    Arguments
        lr: at least 0; default 1
        max_iter: iterations of a step; default 20
        max_eval: evaluations of a step, after which no iteration begins; default 1.25 · max_iter
        tolerance_grad: at least 0; default 1e-7
        tolerance_change: at least 0; default 1e-9
        history_size: pairs, 1 to 10000; default 100
        strong_wolfe: True: with the line search; default 0: without, as in PyTorch
    """
    return make_optimizer("dnn_lbfgs_create", module, abi.dnn_lbfgs_desc, lr=lr, max_iter=max_iter, max_eval=max_eval,
                          tolerance_grad=tolerance_grad, tolerance_change=tolerance_change, history_size=history_size,
                          strong_wolfe=strong_wolfe)


def linear(in_features=None, out_features=None, bias=True, weight_init=None, bias_init=None, *, ctx=None):
    """y = x Wᵀ + b, on the last axis: (…, in_features) to (…, out_features).
    Parameters: weight (out_features, in_features), bias (out_features).
    Starting values: both U(-r, r), r = 1/√in_features (Kaiming uniform with gain √(1/3): He et al. 2015).

    Arguments
        in_features: at least 1
        out_features: at least 1
        bias: False: without b
        weight_init: None: as above
    """
    return make_module("dnn_linear", ctx, abi.dnn_linear_desc, in_features=in_features, out_features=out_features,
                       no_bias=not bias, weight_init=weight_init, bias_init=bias_init)


def conv2d(in_channels=None, out_channels=None, kernel=None, stride=None, padding=None, pad=None, dilation=None,
           groups=None, bias=True, weight_init=None, bias_init=None, *, ctx=None):
    """Cross-correlation of images: (N, H, W, in_channels) to (N, H', W', out_channels),
        y[n,i,j,o] = b[o] + Σ over r, s, c of x[n, i·stride - top + r·dilation, j·stride - left + s·dilation, c]
                                              · w[o,r,s,c]
    where x is 0 outside of the image, and with groups > 1 output o sees only the in_channels/groups inputs of its
    group.
        H' = floor((H + top + bottom - dilation·(kernel - 1) - 1) / stride) + 1, and W' likewise
    Parameters: weight (out_channels, kernel h, kernel w, in_channels/groups), bias (out_channels).
    Starting values: both U(-r, r), r = 1/√(kernel h · kernel w · in_channels/groups).
    Pairs are height, width; a width of 0 is the same as the height: {3} is {3, 3}.
    Errors: SHAPE where the kernel is larger than the padded image.

    Arguments
        in_channels: at least 1; multiples of groups
        out_channels: at least 1; multiples of groups
        kernel: at least 1
        stride: default 1
        padding: zeros around the image, the same on every side; default 0
        pad: or on each side: top, bottom, left, right. Either this or `padding`
        dilation: default 1
        groups: default 1; in_channels: depthwise
        bias: False: without b
        weight_init: None: as above
    """
    return make_module("dnn_conv2d", ctx, abi.dnn_conv2d_desc, in_channels=in_channels, out_channels=out_channels,
                       kernel=kernel, stride=stride, padding=padding, pad=pad, dilation=dilation, groups=groups,
                       no_bias=not bias, weight_init=weight_init, bias_init=bias_init)


def embedding(num=None, dim=None, padding_idx=None, weight_init=None, *, ctx=None):
    """Rows of a table: indices (…), int32 or int64, to (…, dim): y[…, :] = weight[x[…], :].
    Parameter: weight (num, dim). Starting values: N(0, 1); the row padding_idx is 0.
    Errors: VALUE for an index outside of 0 … num - 1, with its place.

    Arguments
        num: rows and columns of the table, at least 1
        dim: rows and columns of the table, at least 1
        padding_idx: the row padding_idx gets no gradient, so it stays as it is
        weight_init: None: as above
    """
    return make_module("dnn_embedding", ctx, abi.dnn_embedding_desc, num=num, dim=dim, padding_idx=padding_idx,
                       weight_init=weight_init)


def batch_norm(features=None, eps=None, momentum=None, affine=True, *, ctx=None):
    """Batch normalisation over all axes but the last: (N, features), (N, T, features) or (N, H, W, features) to the
    same,
        y = (x - mean) / √(var + eps) · weight + bias, for each feature
    Training: mean and (biased) variance of the batch; the running ones move by
        running = (1 - momentum) · running + momentum · batch, with the unbiased variance.
    Evaluation: the running ones. Ioffe and Szegedy 2015.
    Parameters: weight (features) = 1, bias (features) = 0. Buffers: running_mean = 0, running_var = 1 (features).
    Errors: SHAPE when training on a single value for each feature: there is no variance.

    Arguments
        features: at least 1
        eps: default 1e-5
        momentum: in [0, 1], default 0.1; 0.0: the running statistics stay
        affine: False: without weight and bias
    """
    return make_module("dnn_batch_norm", ctx, abi.dnn_batch_norm_desc, features=features, eps=eps, momentum=momentum,
                       no_affine=not affine)


def standardize(statistics, *, ctx=None):
    """(x - mean) / std by statistics of the training data (statistics.h), over the last axes of x: (…, C) for
    statistics of
    each channel, (…, H, W, C) for those of each element. Buffers "mean" and "std" are saved with the weights; a feature
    that never varied, of deviation 0, has std 1 there. The statistics are copied.
    """
    return make_module("dnn_standardize", ctx, statistics)


def layer_norm(shape=None, eps=None, affine=True, bias=True, *, ctx=None):
    """Layer normalisation over the last axes, whose sizes are `shape`: (…, shape) to the same,
        y = (x - mean) / √(var + eps) · weight + bias, mean and (biased) variance of each sample's numbers in those axes
    Ba, Kiros and Hinton 2016. Parameters: weight (shape) = 1, bias (shape) = 0.

    Arguments
        shape: a 0 ends it: {64} is the last axis, of size 64
        eps: default 1e-5
        affine: False: without weight and bias
        bias: False: without bias
    """
    return make_module("dnn_layer_norm", ctx, abi.dnn_layer_norm_desc, shape=shape, eps=eps, no_affine=not affine,
                       no_bias=not bias)


def max_pool2d(kernel=None, stride=None, padding=None, pad=None, dilation=None, exclude_pad=None, *, ctx=None):
    """The maximum, and the average, of a sliding window: (N, H, W, C) to (N, H', W', C); sizes as dnn_conv2d's. Of
    equal
    maxima the first in the window (row by row) gets the gradient, and a NaN is larger than any number. Padding is minus
    infinity for the maximum, zero for the average.
    Errors: ARGUMENT for padding that is not smaller than the (dilated) kernel: a window could lie wholly within it.

    Arguments
        kernel: height, width, at least 1; a width of 0: the same as the height; so for all pairs
        stride: default: the kernel
        padding: on every side; default 0
        pad: or on each: top, bottom, left, right. Either this or `padding`
        dilation: default 1; the maximum only
        exclude_pad: the average only. 0: divide by the size of the window; True: by the count of inputs in it
    """
    return make_module("dnn_max_pool2d", ctx, abi.dnn_pool2d_desc, kernel=kernel, stride=stride, padding=padding,
                       pad=pad, dilation=dilation, exclude_pad=exclude_pad)


def avg_pool2d(kernel=None, stride=None, padding=None, pad=None, dilation=None, exclude_pad=None, *, ctx=None):
    """The maximum, and the average, of a sliding window: (N, H, W, C) to (N, H', W', C); sizes as dnn_conv2d's. Of
    equal
    maxima the first in the window (row by row) gets the gradient, and a NaN is larger than any number. Padding is minus
    infinity for the maximum, zero for the average.
    Errors: ARGUMENT for padding that is not smaller than the (dilated) kernel: a window could lie wholly within it.

    Arguments
        kernel: height, width, at least 1; a width of 0: the same as the height; so for all pairs
        stride: default: the kernel
        padding: on every side; default 0
        pad: or on each: top, bottom, left, right. Either this or `padding`
        dilation: default 1; the maximum only
        exclude_pad: the average only. 0: divide by the size of the window; True: by the count of inputs in it
    """
    return make_module("dnn_avg_pool2d", ctx, abi.dnn_pool2d_desc, kernel=kernel, stride=stride, padding=padding,
                       pad=pad, dilation=dilation, exclude_pad=exclude_pad)


def adaptive_avg_pool2d(height, width, *, ctx=None):
    """The average over windows that are chosen such that the output has that height and width:
    (N, H, W, C) to (N, height, width, C); output row i sees the rows floor(i·H/height) … ceil((i + 1)·H/height) - 1.
    1, 1 is the global average. height and width are at least 1.
    """
    return make_module("dnn_adaptive_avg_pool2d", ctx, height, width)


def relu(*, ctx=None):
    """max(x, 0); the gradient at 0 is 0"""
    return make_module("dnn_relu", ctx)


def sigmoid(*, ctx=None):
    """s(x) = 1 / (1 + exp(-x))"""
    return make_module("dnn_sigmoid", ctx)


def tanh(*, ctx=None):
    """dnn_tanh of layers.h."""
    return make_module("dnn_tanh", ctx)


def silu(*, ctx=None):
    """x s(x), also called swish; Elfwing et al. 2018"""
    return make_module("dnn_silu", ctx)


def leaky_relu(slope, *, ctx=None):
    """x where x > 0, slope · x elsewhere. Its usual value, and PyTorch's, is 0.01; any finite number is taken as it is."""
    return make_module("dnn_leaky_relu", ctx, slope)


def gelu(form=None, *, ctx=None):
    """x P(x), P the normal distribution function; Hendrycks and Gimpel 2016."""
    return make_module("dnn_gelu", ctx, enum(abi.dnn_gelu_form, form))


def softmax(axis, *, ctx=None):
    """exp(x) / Σ exp(x), and its logarithm, the sum taken along `axis` (usually -1, the last). -inf has probability 0;
    a
    sum over nothing but -inf is NaN. Cross-entropy (loss.h) takes logits: it needs neither.
    """
    return make_module("dnn_softmax", ctx, axis)


def log_softmax(axis, *, ctx=None):
    """exp(x) / Σ exp(x), and its logarithm, the sum taken along `axis` (usually -1, the last). -inf has probability 0;
    a
    sum over nothing but -inf is NaN. Cross-entropy (loss.h) takes logits: it needs neither.
    """
    return make_module("dnn_log_softmax", ctx, axis)


def dropout(p, *, ctx=None):
    """Training: each element is 0 with probability p, in [0, 1], and x / (1 - p) otherwise. Evaluation: x. The mask of
    a
    forward is a function of the context's seed, the layer and the count of its forwards; not of threads.
    Srivastava et al. 2014.
    """
    return make_module("dnn_dropout", ctx, p)


def flatten(*, ctx=None):
    """(N, …) to (N, product of the rest)."""
    return make_module("dnn_flatten", ctx)


def reshape(dims, *, ctx=None):
    """(N, …) to (N, dims[0], …, dims[rank - 1]): the shape of one sample. One of them may be -1: it is computed."""
    return make_module("dnn_reshape", ctx, dims)


def permute(axes, *, ctx=None):
    """The axes in another order: axis i of the output is axis axes[i] of the input; `rank` is that of the input, and
    each
    of its axes occurs once.
    """
    return make_module("dnn_permute", ctx, axes)


def pad(before=None, after=None, value=None, *, ctx=None):
    """`value` around the input: axis i grows by before[i] + after[i]. Both are at least 0, and 0 for axes that the
    input
    does not have. (N, H, W, C) by one pixel on each side: .before = {0, 1, 1}, .after = {0, 1, 1}.
    """
    return make_module("dnn_pad", ctx, abi.dnn_pad_desc, before=before, after=after, value=value)


def slice(axis, first, count, *, ctx=None):
    """Elements first ≤ i < first + count along `axis`. A negative first counts from the end; a count of -1 is all to
    the
    end. Errors: SHAPE where that is not inside of the input.
    """
    return make_module("dnn_slice", ctx, axis, first, count)


def concat(axis, *, ctx=None):
    """Any number of inputs, one behind the other along `axis`; all other sizes, and the types, are equal."""
    return make_module("dnn_concat", ctx, axis)


def add(*, ctx=None):
    """Two inputs a, b of equal shape to the same shape, elementwise; division as IEEE 754 has it.
    a + b
    """
    return make_module("dnn_add", ctx)


def subtract(*, ctx=None):
    """Two inputs a, b of equal shape to the same shape, elementwise; division as IEEE 754 has it.
    a - b
    """
    return make_module("dnn_subtract", ctx)


def multiply(*, ctx=None):
    """Two inputs a, b of equal shape to the same shape, elementwise; division as IEEE 754 has it.
    a · b
    """
    return make_module("dnn_multiply", ctx)


def divide(*, ctx=None):
    """Two inputs a, b of equal shape to the same shape, elementwise; division as IEEE 754 has it.
    a / b
    """
    return make_module("dnn_divide", ctx)


def scale(factor, *, ctx=None):
    """factor · x; any finite factor."""
    return make_module("dnn_scale", ctx, factor)


def matmul(transpose_a=None, transpose_b=None, *, ctx=None):
    """Two inputs: a (…, M, K) times b (…, K, N) is (…, M, N), one product for each index of the axes in front, which
    are
    equal in both. A transposed operand comes as (…, K, M), or (…, N, K).

    Arguments
        transpose_a: True: that operand is transposed
        transpose_b: True: that operand is transposed
    """
    return make_module("dnn_matmul", ctx, abi.dnn_matmul_desc, transpose_a=transpose_a, transpose_b=transpose_b)


def sum(axes=None, keep_dims=None, *, ctx=None):
    """The sum, and the mean, over some axes. The mean over no elements is NaN.

    Arguments
        axes: each once
        keep_dims: True: the axes stay, with size 1
    """
    return make_module("dnn_sum", ctx, abi.dnn_reduce_desc, axes=axes, keep_dims=keep_dims)


def mean(axes=None, keep_dims=None, *, ctx=None):
    """The sum, and the mean, over some axes. The mean over no elements is NaN.

    Arguments
        axes: each once
        keep_dims: True: the axes stay, with size 1
    """
    return make_module("dnn_mean", ctx, abi.dnn_reduce_desc, axes=axes, keep_dims=keep_dims)


def attention(heads=None, causal=None, scale=None, *, ctx=None):
    """Scaled dot-product attention with several heads (Vaswani et al. 2017). Inputs: queries (N, T, heads·D), keys
    (N, S, heads·D), values (N, S, heads·E) and, if there are keys to leave out, a mask (N, S). Output (N, T, heads·E):
    with q, k, v one head's part of the last axis,
        y = softmax(scale · q kᵀ + mask) v
    Mask: bool, 1 where the key takes part (as in PyTorch's scaled_dot_product_attention; its key_padding_mask says the
    opposite); or of the other inputs' type, added to all scores of that key. A query that no key is left for has the
    output 0. No T × S matrix is stored (Dao et al. 2022).

    Arguments
        heads: at least 1
        causal: True: query t sees the keys 0 … t only
        scale: default 1/√D
    """
    return make_module("dnn_attention", ctx, abi.dnn_attention_desc, heads=heads, causal=causal, scale=scale)


def multi_head_attention(embed=None, heads=None, causal=None, bias=True, in_proj_init=None, out_proj_init=None, *,
                         ctx=None):
    """Self-attention: (N, T, embed) to the same, and optionally a mask (N, T), as above, as its second input:
        q, k, v = x in_proj_weightᵀ + in_proj_bias,   y = attention(q, k, v) out_proj_weightᵀ + out_proj_bias
    Parameters: in_proj_weight (3·embed, embed), in_proj_bias (3·embed), out_proj_weight (embed, embed), out_proj_bias
    (embed): as PyTorch's MultiheadAttention has them (there "out_proj.weight").
    Starting values: in_proj_weight Xavier uniform, out_proj_weight U(-r, r), r = 1/√embed, biases 0.

    Arguments
        embed: at least 1, a multiple of heads
        heads: at least 1
        causal: as above
        in_proj_init: of the weights; None: as above
        out_proj_init: of the weights; None: as above
    """
    return make_module("dnn_multi_head_attention", ctx, abi.dnn_multi_head_attention_desc, embed=embed, heads=heads,
                       causal=causal, no_bias=not bias, in_proj_init=in_proj_init, out_proj_init=out_proj_init)


def lstm(inputs=None, hidden=None, bias=True, with_state=None, weight_ih_init=None, weight_hh_init=None, bias_init=None,
         *, ctx=None):
    """Recurrent layers: (N, T, inputs) to (N, T, hidden), from the first step to the last, with a = W_ih x[t] + b_ih,
    b = W_hh h[t-1] + b_hh, σ the sigmoid, and products of vectors elementwise:
        dnn_lstm      i, f, o = σ(a + b), g = tanh(a + b),   c = f c[t-1] + i g,   h = o tanh(c)
        dnn_gru       r, z = σ(a + b),    n = tanh(a + r b), h = (1 - z) n + z h[t-1]
        dnn_rnn_tanh  h = tanh(a + b)
    Inputs: x alone, starting at zero; or x and h (N, hidden), of an LSTM also c (N, hidden), from before the first
    step.
    Outputs: h of every step; with_state: and h, of an LSTM also c, (N, hidden), after the last step.
    Parameters: weight_ih (gates·hidden, inputs), weight_hh (gates·hidden, hidden), bias_ih, bias_hh (gates·hidden),
    with
    the gates in the order i, f, g, o, and r, z, n: as PyTorch has them (there with "_l0").
    Starting values: all U(-r, r), r = 1/√hidden.
    Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990.

    Arguments
        inputs: at least 1
        hidden: at least 1
        weight_ih_init: None: as above
        weight_hh_init: None: as above
        bias_init: None: as above
    """
    return make_module("dnn_lstm", ctx, abi.dnn_rnn_desc, inputs=inputs, hidden=hidden, no_bias=not bias,
                       with_state=with_state, weight_ih_init=weight_ih_init, weight_hh_init=weight_hh_init,
                       bias_init=bias_init)


def gru(inputs=None, hidden=None, bias=True, with_state=None, weight_ih_init=None, weight_hh_init=None, bias_init=None,
        *, ctx=None):
    """Recurrent layers: (N, T, inputs) to (N, T, hidden), from the first step to the last, with a = W_ih x[t] + b_ih,
    b = W_hh h[t-1] + b_hh, σ the sigmoid, and products of vectors elementwise:
        dnn_lstm      i, f, o = σ(a + b), g = tanh(a + b),   c = f c[t-1] + i g,   h = o tanh(c)
        dnn_gru       r, z = σ(a + b),    n = tanh(a + r b), h = (1 - z) n + z h[t-1]
        dnn_rnn_tanh  h = tanh(a + b)
    Inputs: x alone, starting at zero; or x and h (N, hidden), of an LSTM also c (N, hidden), from before the first
    step.
    Outputs: h of every step; with_state: and h, of an LSTM also c, (N, hidden), after the last step.
    Parameters: weight_ih (gates·hidden, inputs), weight_hh (gates·hidden, hidden), bias_ih, bias_hh (gates·hidden),
    with
    the gates in the order i, f, g, o, and r, z, n: as PyTorch has them (there with "_l0").
    Starting values: all U(-r, r), r = 1/√hidden.
    Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990.

    Arguments
        inputs: at least 1
        hidden: at least 1
        weight_ih_init: None: as above
        weight_hh_init: None: as above
        bias_init: None: as above
    """
    return make_module("dnn_gru", ctx, abi.dnn_rnn_desc, inputs=inputs, hidden=hidden, no_bias=not bias,
                       with_state=with_state, weight_ih_init=weight_ih_init, weight_hh_init=weight_hh_init,
                       bias_init=bias_init)


def rnn_tanh(inputs=None, hidden=None, bias=True, with_state=None, weight_ih_init=None, weight_hh_init=None,
             bias_init=None, *, ctx=None):
    """Recurrent layers: (N, T, inputs) to (N, T, hidden), from the first step to the last, with a = W_ih x[t] + b_ih,
    b = W_hh h[t-1] + b_hh, σ the sigmoid, and products of vectors elementwise:
        dnn_lstm      i, f, o = σ(a + b), g = tanh(a + b),   c = f c[t-1] + i g,   h = o tanh(c)
        dnn_gru       r, z = σ(a + b),    n = tanh(a + r b), h = (1 - z) n + z h[t-1]
        dnn_rnn_tanh  h = tanh(a + b)
    Inputs: x alone, starting at zero; or x and h (N, hidden), of an LSTM also c (N, hidden), from before the first
    step.
    Outputs: h of every step; with_state: and h, of an LSTM also c, (N, hidden), after the last step.
    Parameters: weight_ih (gates·hidden, inputs), weight_hh (gates·hidden, hidden), bias_ih, bias_hh (gates·hidden),
    with
    the gates in the order i, f, g, o, and r, z, n: as PyTorch has them (there with "_l0").
    Starting values: all U(-r, r), r = 1/√hidden.
    Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990.

    Arguments
        inputs: at least 1
        hidden: at least 1
        weight_ih_init: None: as above
        weight_hh_init: None: as above
        bias_init: None: as above
    """
    return make_module("dnn_rnn_tanh", ctx, abi.dnn_rnn_desc, inputs=inputs, hidden=hidden, no_bias=not bias,
                       with_state=with_state, weight_ih_init=weight_ih_init, weight_hh_init=weight_hh_init,
                       bias_init=bias_init)
