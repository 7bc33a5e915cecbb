/* libdnn: the built-in layers. One of your own: layer.h.
 *
 * Every constructor returns a new module for the caller to release or, more often, to hand to a container (module.h);
 * or NULL with the last error set: DNN_ERROR_ARGUMENT for a size that is missing or out of range, DNN_ERROR_HANDLE,
 * DNN_ERROR_MEMORY. A container that is handed NULL keeps that error, so a network is built line by line and checked
 * once. Descriptors, and the initialisers that they point to, are only read during the call.
 *
 * What holds for all layers, unless one says otherwise
 *   Input     float32 or float64, the same type as the layer's parameters (float32 until dnn_module_to).
 *   Axes      Axis 0 is the batch. `…` in a shape stands for any number of axes, none included. Where a function takes
 *             an axis, it counts as in the tensor, the batch axis included; negative numbers count from the end.
 *   Shapes    are strict: nothing broadcasts. A batch of 0 is allowed. What does not fit is DNN_ERROR_SHAPE, with the
 *             layer's path and the shapes, when the module is described or run.
 *   Defaults  are PyTorch's, starting values included. Weights of PyTorch's convolutions are permuted from
 *             (out, in/groups, kh, kw) to our (out, kh, kw, in/groups).
 *   Training  and evaluation are the same but in dropout and batch norm.
 */
#ifndef DNN_LAYERS_H
#define DNN_LAYERS_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- with weights ------------------------------------------------------------------------------------------------ */

/* y = x Wᵀ + b, on the last axis: (…, in_features) to (…, out_features).
 * Parameters: weight (out_features, in_features), bias (out_features).
 * Starting values: both U(-r, r), r = 1/√in_features (Kaiming uniform with gain √(1/3): He et al. 2015). */
typedef struct dnn_linear_desc {
    size_t size;
    int64_t in_features, out_features; /* at least 1 */
    int32_t no_bias;                   /* 1: without b */
    const dnn_init *weight_init;       /* NULL: as above */
    const dnn_init *bias_init;
} dnn_linear_desc;
DNN_API dnn_module *dnn_linear(dnn_context *ctx, const dnn_linear_desc *desc);

/* Cross-correlation of images: (N, H, W, in_channels) to (N, H', W', out_channels),
 *     y[n,i,j,o] = b[o] + Σ over r, s, c of x[n, i·stride - top + r·dilation, j·stride - left + s·dilation, c]
 *                                           · w[o,r,s,c]
 * where x is 0 outside of the image, and with groups > 1 output o sees only the in_channels/groups inputs of its group.
 *     H' = floor((H + top + bottom - dilation·(kernel - 1) - 1) / stride) + 1, and W' likewise
 * Parameters: weight (out_channels, kernel h, kernel w, in_channels/groups), bias (out_channels).
 * Starting values: both U(-r, r), r = 1/√(kernel h · kernel w · in_channels/groups).
 * Pairs are height, width; a width of 0 is the same as the height: {3} is {3, 3}.
 * Errors: SHAPE where the kernel is larger than the padded image. */
typedef struct dnn_conv2d_desc {
    size_t size;
    int64_t in_channels, out_channels; /* at least 1; multiples of groups */
    int64_t kernel[2];                 /* at least 1 */
    int64_t stride[2];                 /* default 1 */
    int64_t padding;                   /* zeros around the image, the same on every side; default 0 */
    int64_t pad[4];                    /* or on each side: top, bottom, left, right. Either this or `padding` */
    int64_t dilation[2];               /* default 1 */
    int64_t groups;                    /* default 1; in_channels: depthwise */
    int32_t no_bias;                   /* 1: without b */
    const dnn_init *weight_init;       /* NULL: as above */
    const dnn_init *bias_init;
} dnn_conv2d_desc;
DNN_API dnn_module *dnn_conv2d(dnn_context *ctx, const dnn_conv2d_desc *desc);

/* Rows of a table: indices (…), int32 or int64, to (…, dim): y[…, :] = weight[x[…], :].
 * Parameter: weight (num, dim). Starting values: N(0, 1); the row padding_idx is 0.
 * Errors: VALUE for an index outside of 0 … num - 1, with its place. */
typedef struct dnn_embedding_desc {
    size_t size;
    int64_t num, dim;     /* rows and columns of the table, at least 1 */
    int32_t has_padding;  /* 1: the row padding_idx gets no gradient, so it stays as it is */
    int64_t padding_idx;
    const dnn_init *weight_init; /* NULL: as above */
} dnn_embedding_desc;
DNN_API dnn_module *dnn_embedding(dnn_context *ctx, const dnn_embedding_desc *desc);

/* ---- normalisation ----------------------------------------------------------------------------------------------- */

/* Batch normalisation over all axes but the last: (N, features), (N, T, features) or (N, H, W, features) to the same,
 *     y = (x - mean) / √(var + eps) · weight + bias, for each feature
 * Training: mean and (biased) variance of the batch; the running ones move by
 *     running = (1 - momentum) · running + momentum · batch, with the unbiased variance.
 * Evaluation: the running ones. Ioffe and Szegedy 2015.
 * Parameters: weight (features) = 1, bias (features) = 0. Buffers: running_mean = 0, running_var = 1 (features).
 * Errors: SHAPE when training on a single value for each feature: there is no variance. */
typedef struct dnn_batch_norm_desc {
    size_t size;
    int64_t features;   /* at least 1 */
    double eps;         /* default 1e-5 */
    double momentum;    /* in [0, 1], default 0.1; DNN_ZERO: the running statistics stay */
    int32_t no_affine;  /* 1: without weight and bias */
} dnn_batch_norm_desc;
DNN_API dnn_module *dnn_batch_norm(dnn_context *ctx, const dnn_batch_norm_desc *desc);

/* (x - mean) / std by statistics of the training data (statistics.h), over the last axes of x: (…, C) for statistics of
 * each channel, (…, H, W, C) for those of each element. Buffers "mean" and "std" are saved with the weights; a feature
 * that never varied, of deviation 0, has std 1 there. The statistics are copied. */
DNN_API dnn_module *dnn_standardize(dnn_context *ctx, const dnn_statistics *statistics);

/* Layer normalisation over the last axes, whose sizes are `shape`: (…, shape) to the same,
 *     y = (x - mean) / √(var + eps) · weight + bias, mean and (biased) variance of each sample's numbers in those axes
 * Ba, Kiros and Hinton 2016. Parameters: weight (shape) = 1, bias (shape) = 0. */
typedef struct dnn_layer_norm_desc {
    size_t size;
    int64_t shape[DNN_MAX_RANK]; /* a 0 ends it: {64} is the last axis, of size 64 */
    double eps;                  /* default 1e-5 */
    int32_t no_affine;           /* 1: without weight and bias */
    int32_t no_bias;             /* 1: without bias */
} dnn_layer_norm_desc;
DNN_API dnn_module *dnn_layer_norm(dnn_context *ctx, const dnn_layer_norm_desc *desc);

/* ---- pooling ----------------------------------------------------------------------------------------------------- */

/* The maximum, and the average, of a sliding window: (N, H, W, C) to (N, H', W', C); sizes as dnn_conv2d's. Of equal
 * maxima the first in the window (row by row) gets the gradient, and a NaN is larger than any number. Padding is minus
 * infinity for the maximum, zero for the average.
 * Errors: ARGUMENT for padding that is not smaller than the (dilated) kernel: a window could lie wholly within it. */
typedef struct dnn_pool2d_desc {
    size_t size;
    int64_t kernel[2];   /* height, width, at least 1; a width of 0: the same as the height; so for all pairs */
    int64_t stride[2];   /* default: the kernel */
    int64_t padding;     /* on every side; default 0 */
    int64_t pad[4];      /* or on each: top, bottom, left, right. Either this or `padding` */
    int64_t dilation[2]; /* default 1; the maximum only */
    int32_t exclude_pad; /* the average only. 0: divide by the size of the window; 1: by the count of inputs in it */
} dnn_pool2d_desc;
DNN_API dnn_module *dnn_max_pool2d(dnn_context *ctx, const dnn_pool2d_desc *desc);
DNN_API dnn_module *dnn_avg_pool2d(dnn_context *ctx, const dnn_pool2d_desc *desc);

/* The average over windows that are chosen such that the output has that height and width:
 * (N, H, W, C) to (N, height, width, C); output row i sees the rows floor(i·H/height) … ceil((i + 1)·H/height) - 1.
 * 1, 1 is the global average. height and width are at least 1. */
DNN_API dnn_module *dnn_adaptive_avg_pool2d(dnn_context *ctx, int64_t height, int64_t width);

/* ---- activations: (…) to the same shape -------------------------------------------------------------------------- */

DNN_API dnn_module *dnn_relu(dnn_context *ctx);    /* max(x, 0); the gradient at 0 is 0 */
DNN_API dnn_module *dnn_sigmoid(dnn_context *ctx); /* s(x) = 1 / (1 + exp(-x)) */
DNN_API dnn_module *dnn_tanh(dnn_context *ctx);
DNN_API dnn_module *dnn_silu(dnn_context *ctx);    /* x s(x), also called swish; Elfwing et al. 2018 */

/* x where x > 0, slope · x elsewhere. Its usual value, and PyTorch's, is 0.01; any finite number is taken as it is. */
DNN_API dnn_module *dnn_leaky_relu(dnn_context *ctx, double slope);

/* x P(x), P the normal distribution function; Hendrycks and Gimpel 2016. */
typedef enum dnn_gelu_form {
    DNN_GELU_EXACT = 0, /* P(x) = (1 + erf(x/√2)) / 2 */
    DNN_GELU_TANH = 10  /* P(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, as GPT-2 has it */
} dnn_gelu_form;
DNN_API dnn_module *dnn_gelu(dnn_context *ctx, dnn_gelu_form form);

/* exp(x) / Σ exp(x), and its logarithm, the sum taken along `axis` (usually -1, the last). -inf has probability 0; a
 * sum over nothing but -inf is NaN. Cross-entropy (loss.h) takes logits: it needs neither. */
DNN_API dnn_module *dnn_softmax(dnn_context *ctx, int32_t axis);
DNN_API dnn_module *dnn_log_softmax(dnn_context *ctx, int32_t axis);

/* Training: each element is 0 with probability p, in [0, 1], and x / (1 - p) otherwise. Evaluation: x. The mask of a
 * forward is a function of the context's seed, the layer and the count of its forwards; not of threads.
 * Srivastava et al. 2014. */
DNN_API dnn_module *dnn_dropout(dnn_context *ctx, double p);

/* ---- shapes: of any element type; the first two move no memory --------------------------------------------------- */

/* (N, …) to (N, product of the rest). */
DNN_API dnn_module *dnn_flatten(dnn_context *ctx);

/* (N, …) to (N, dims[0], …, dims[rank - 1]): the shape of one sample. One of them may be -1: it is computed. */
DNN_API dnn_module *dnn_reshape(dnn_context *ctx, int32_t rank, const int64_t *dims);

/* The axes in another order: axis i of the output is axis axes[i] of the input; `rank` is that of the input, and each
 * of its axes occurs once. */
DNN_API dnn_module *dnn_permute(dnn_context *ctx, int32_t rank, const int32_t *axes);

/* `value` around the input: axis i grows by before[i] + after[i]. Both are at least 0, and 0 for axes that the input
 * does not have. (N, H, W, C) by one pixel on each side: .before = {0, 1, 1}, .after = {0, 1, 1}. */
typedef struct dnn_pad_desc {
    size_t size;
    int64_t before[DNN_MAX_RANK], after[DNN_MAX_RANK];
    double value;
} dnn_pad_desc;
DNN_API dnn_module *dnn_pad(dnn_context *ctx, const dnn_pad_desc *desc);

/* Elements first ≤ i < first + count along `axis`. A negative first counts from the end; a count of -1 is all to the
 * end. Errors: SHAPE where that is not inside of the input. */
DNN_API dnn_module *dnn_slice(dnn_context *ctx, int32_t axis, int64_t first, int64_t count);

/* Any number of inputs, one behind the other along `axis`; all other sizes, and the types, are equal. */
DNN_API dnn_module *dnn_concat(dnn_context *ctx, int32_t axis);

/* ---- arithmetic, so that any expression can be a graph ----------------------------------------------------------- */

/* Two inputs a, b of equal shape to the same shape, elementwise; division as IEEE 754 has it. */
DNN_API dnn_module *dnn_add(dnn_context *ctx);      /* a + b */
DNN_API dnn_module *dnn_subtract(dnn_context *ctx); /* a - b */
DNN_API dnn_module *dnn_multiply(dnn_context *ctx); /* a · b */
DNN_API dnn_module *dnn_divide(dnn_context *ctx);   /* a / b */

/* factor · x; any finite factor. */
DNN_API dnn_module *dnn_scale(dnn_context *ctx, double factor);

/* Two inputs: a (…, M, K) times b (…, K, N) is (…, M, N), one product for each index of the axes in front, which are
 * equal in both. A transposed operand comes as (…, K, M), or (…, N, K). */
typedef struct dnn_matmul_desc {
    size_t size;
    int32_t transpose_a, transpose_b; /* 1: that operand is transposed */
} dnn_matmul_desc;
DNN_API dnn_module *dnn_matmul(dnn_context *ctx, const dnn_matmul_desc *desc); /* NULL: neither is transposed */

/* The sum, and the mean, over some axes. The mean over no elements is NaN. */
typedef struct dnn_reduce_desc {
    size_t size;
    int32_t n_axes;             /* default: all axes, which gives a scalar */
    int32_t axes[DNN_MAX_RANK]; /* each once */
    int32_t keep_dims;          /* 1: the axes stay, with size 1 */
} dnn_reduce_desc;
DNN_API dnn_module *dnn_sum(dnn_context *ctx, const dnn_reduce_desc *desc); /* NULL: all axes */
DNN_API dnn_module *dnn_mean(dnn_context *ctx, const dnn_reduce_desc *desc);

/* ---- sequences: (N, T, features) --------------------------------------------------------------------------------- */

/* Scaled dot-product attention with several heads (Vaswani et al. 2017). Inputs: queries (N, T, heads·D), keys
 * (N, S, heads·D), values (N, S, heads·E) and, if there are keys to leave out, a mask (N, S). Output (N, T, heads·E):
 * with q, k, v one head's part of the last axis,
 *     y = softmax(scale · q kᵀ + mask) v
 * Mask: bool, 1 where the key takes part (as in PyTorch's scaled_dot_product_attention; its key_padding_mask says the
 * opposite); or of the other inputs' type, added to all scores of that key. A query that no key is left for has the
 * output 0. No T × S matrix is stored (Dao et al. 2022). */
typedef struct dnn_attention_desc {
    size_t size;
    int64_t heads;  /* at least 1 */
    int32_t causal; /* 1: query t sees the keys 0 … t only */
    double scale;   /* default 1/√D */
} dnn_attention_desc;
DNN_API dnn_module *dnn_attention(dnn_context *ctx, const dnn_attention_desc *desc);

/* Self-attention: (N, T, embed) to the same, and optionally a mask (N, T), as above, as its second input:
 *     q, k, v = x in_proj_weightᵀ + in_proj_bias,   y = attention(q, k, v) out_proj_weightᵀ + out_proj_bias
 * Parameters: in_proj_weight (3·embed, embed), in_proj_bias (3·embed), out_proj_weight (embed, embed), out_proj_bias
 * (embed): as PyTorch's MultiheadAttention has them (there "out_proj.weight").
 * Starting values: in_proj_weight Xavier uniform, out_proj_weight U(-r, r), r = 1/√embed, biases 0. */
typedef struct dnn_multi_head_attention_desc {
    size_t size;
    int64_t embed;  /* at least 1, a multiple of heads */
    int64_t heads;  /* at least 1 */
    int32_t causal; /* as above */
    int32_t no_bias;
    const dnn_init *in_proj_init, *out_proj_init; /* of the weights; NULL: as above */
} dnn_multi_head_attention_desc;
DNN_API dnn_module *dnn_multi_head_attention(dnn_context *ctx, const dnn_multi_head_attention_desc *desc);

/* Recurrent layers: (N, T, inputs) to (N, T, hidden), from the first step to the last, with a = W_ih x[t] + b_ih,
 * b = W_hh h[t-1] + b_hh, σ the sigmoid, and products of vectors elementwise:
 *     dnn_lstm      i, f, o = σ(a + b), g = tanh(a + b),   c = f c[t-1] + i g,   h = o tanh(c)
 *     dnn_gru       r, z = σ(a + b),    n = tanh(a + r b), h = (1 - z) n + z h[t-1]
 *     dnn_rnn_tanh  h = tanh(a + b)
 * Inputs: x alone, starting at zero; or x and h (N, hidden), of an LSTM also c (N, hidden), from before the first step.
 * Outputs: h of every step; with_state: and h, of an LSTM also c, (N, hidden), after the last step.
 * Parameters: weight_ih (gates·hidden, inputs), weight_hh (gates·hidden, hidden), bias_ih, bias_hh (gates·hidden), with
 * the gates in the order i, f, g, o, and r, z, n: as PyTorch has them (there with "_l0").
 * Starting values: all U(-r, r), r = 1/√hidden.
 * Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990. */
typedef struct dnn_rnn_desc {
    size_t size;
    int64_t inputs, hidden; /* at least 1 */
    int32_t no_bias;
    int32_t with_state;
    const dnn_init *weight_ih_init, *weight_hh_init, *bias_init; /* NULL: as above */
} dnn_rnn_desc;
DNN_API dnn_module *dnn_lstm(dnn_context *ctx, const dnn_rnn_desc *desc);
DNN_API dnn_module *dnn_gru(dnn_context *ctx, const dnn_rnn_desc *desc);
DNN_API dnn_module *dnn_rnn_tanh(dnn_context *ctx, const dnn_rnn_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
