#include "support/layer_table.h"

#include <math.h>

#include "core/dtype.h"
#include "rng/rng.h"

#define MAKE(name, expression)                                                                                         \
    static dnn_module *name(dnn_context *ctx) { return expression; }
#define DESC(type, ...)                                                                                                \
    &(type) { DNN_SIZED(type), __VA_ARGS__ }
#define CONV(name, ...) MAKE(name, dnn_conv2d(ctx, DESC(dnn_conv2d_desc, __VA_ARGS__)))
#define POOL(name, kind, ...) MAKE(name, dnn_##kind##_pool2d(ctx, DESC(dnn_pool2d_desc, __VA_ARGS__)))

/* ---- with weights ---- */

MAKE(linear, dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 5, .out_features = 7)))
MAKE(linear_no_bias, dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 5, .out_features = 3, .no_bias = 1)))
MAKE(linear_wide, dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 17, .out_features = 1)))
CONV(conv, .in_channels = 3, .out_channels = 5, .kernel = {3})
CONV(conv_1x1, .in_channels = 4, .out_channels = 3, .kernel = {1})
CONV(conv_padded, .in_channels = 2, .out_channels = 3, .kernel = {3}, .padding = 1)
CONV(conv_stride, .in_channels = 2, .out_channels = 3, .kernel = {3, 2}, .stride = {2, 3}, .padding = 1)
CONV(conv_asymmetric, .in_channels = 1, .out_channels = 2, .kernel = {2, 3}, .pad = {0, 1, 2, 0})
CONV(conv_dilated, .in_channels = 2, .out_channels = 2, .kernel = {3, 2}, .dilation = {2, 3}, .padding = 2)
CONV(conv_groups, .in_channels = 4, .out_channels = 6, .kernel = {3}, .padding = 1, .groups = 2)
CONV(conv_depthwise, .in_channels = 5, .out_channels = 5, .kernel = {3}, .padding = 1, .groups = 5)
CONV(conv_multiplier, .in_channels = 3, .out_channels = 6, .kernel = {3}, .stride = {2}, .groups = 3, .no_bias = 1)
CONV(conv_wide_stride, .in_channels = 2, .out_channels = 2, .kernel = {2}, .stride = {3}, .no_bias = 1)
MAKE(embedding, dnn_embedding(ctx, DESC(dnn_embedding_desc, .num = 7, .dim = 3)))
MAKE(embedding_padded,
     dnn_embedding(ctx, DESC(dnn_embedding_desc, .num = 5, .dim = 4, .has_padding = 1, .padding_idx = 3)))

/* ---- normalisation ---- */

MAKE(batch_norm, dnn_batch_norm(ctx, DESC(dnn_batch_norm_desc, .features = 3)))
MAKE(batch_norm_plain, dnn_batch_norm(ctx, DESC(dnn_batch_norm_desc, .features = 4, .no_affine = 1)))
MAKE(batch_norm_momentum,
     dnn_batch_norm(ctx, DESC(dnn_batch_norm_desc, .features = 3, .eps = 1e-3, .momentum = DNN_ZERO)))
MAKE(layer_norm, dnn_layer_norm(ctx, DESC(dnn_layer_norm_desc, .shape = {6})))
MAKE(layer_norm_two_axes, dnn_layer_norm(ctx, DESC(dnn_layer_norm_desc, .shape = {3, 4}, .eps = 1e-3)))
MAKE(layer_norm_plain, dnn_layer_norm(ctx, DESC(dnn_layer_norm_desc, .shape = {5}, .no_affine = 1)))
MAKE(layer_norm_no_bias, dnn_layer_norm(ctx, DESC(dnn_layer_norm_desc, .shape = {5}, .no_bias = 1)))

static dnn_module *standardize(dnn_context *ctx, int32_t rank, const int64_t *dims, const double *mean,
                               const double *std) {
    dnn_statistics *s;
    if (dnn_statistics_create(&s, ctx, rank, dims, mean, std) != DNN_OK) return NULL;
    dnn_module *layer = dnn_standardize(ctx, s);
    dnn_statistics_release(s);
    return layer;
}
MAKE(standardize_channels, standardize(ctx, 1, (const int64_t[]){3}, (const double[]){1, -2, 0.5},
                                       (const double[]){2, 0.25, 0}))
MAKE(standardize_elements, standardize(ctx, 2, (const int64_t[]){2, 2}, (const double[]){0.5, 1, 2, 3},
                                       (const double[]){1, 2, 3, 4}))
MAKE(standardize_all, standardize(ctx, 0, NULL, (const double[]){0.25}, (const double[]){0.5}))

/* ---- pooling ---- */

POOL(max_pool, max, .kernel = {2})
POOL(max_pool_overlapping, max, .kernel = {3}, .stride = {2}, .padding = 1)
POOL(max_pool_dilated, max, .kernel = {2, 3}, .stride = {1}, .dilation = {2, 1}, .pad = {0, 1, 1, 0})
POOL(avg_pool, avg, .kernel = {2})
POOL(avg_pool_padded, avg, .kernel = {3, 2}, .stride = {2, 1}, .padding = 1)
POOL(avg_pool_excluding, avg, .kernel = {3}, .stride = {2}, .padding = 1, .exclude_pad = 1)
MAKE(adaptive_pool, dnn_adaptive_avg_pool2d(ctx, 3, 2))
MAKE(global_pool, dnn_adaptive_avg_pool2d(ctx, 1, 1))

/* ---- activations ---- */

MAKE(relu, dnn_relu(ctx))
MAKE(leaky_relu, dnn_leaky_relu(ctx, 0.2))
MAKE(sigmoid, dnn_sigmoid(ctx))
MAKE(hyperbolic_tangent, dnn_tanh(ctx))
MAKE(silu, dnn_silu(ctx))
MAKE(gelu, dnn_gelu(ctx, DNN_GELU_EXACT))
MAKE(gelu_tanh, dnn_gelu(ctx, DNN_GELU_TANH))
MAKE(softmax, dnn_softmax(ctx, -1))
MAKE(softmax_inner, dnn_softmax(ctx, 1))
MAKE(log_softmax, dnn_log_softmax(ctx, -1))
MAKE(log_softmax_inner, dnn_log_softmax(ctx, 1))
MAKE(dropout, dnn_dropout(ctx, 0.4))
MAKE(dropout_none, dnn_dropout(ctx, 0))
MAKE(dropout_all, dnn_dropout(ctx, 1))

/* ---- shapes ---- */

MAKE(flatten, dnn_flatten(ctx))
MAKE(reshape, dnn_reshape(ctx, 2, (int64_t[]){-1, 3}))
MAKE(permute, dnn_permute(ctx, 4, (int32_t[]){0, 3, 1, 2}))
MAKE(permute_batch, dnn_permute(ctx, 3, (int32_t[]){2, 0, 1}))
MAKE(pad, dnn_pad(ctx, DESC(dnn_pad_desc, .before = {0, 1, 0, 2}, .after = {0, 2, 1}, .value = 0.5)))
MAKE(slice, dnn_slice(ctx, -1, 1, 2))
MAKE(slice_rest, dnn_slice(ctx, 1, -2, -1))
MAKE(concat, dnn_concat(ctx, -1))
MAKE(concat_inner, dnn_concat(ctx, 1))

/* ---- arithmetic ---- */

MAKE(add, dnn_add(ctx))
MAKE(subtract, dnn_subtract(ctx))
MAKE(multiply, dnn_multiply(ctx))
MAKE(divide, dnn_divide(ctx))
MAKE(scale, dnn_scale(ctx, -1.7))
MAKE(matmul, dnn_matmul(ctx, NULL))
MAKE(matmul_ta, dnn_matmul(ctx, DESC(dnn_matmul_desc, .transpose_a = 1)))
MAKE(matmul_tb, dnn_matmul(ctx, DESC(dnn_matmul_desc, .transpose_b = 1)))
MAKE(matmul_tab, dnn_matmul(ctx, DESC(dnn_matmul_desc, .transpose_a = 1, .transpose_b = 1)))
MAKE(sum_all, dnn_sum(ctx, NULL))
MAKE(sum_axis, dnn_sum(ctx, DESC(dnn_reduce_desc, .n_axes = 1, .axes = {1})))
MAKE(sum_kept, dnn_sum(ctx, DESC(dnn_reduce_desc, .n_axes = 2, .axes = {-1, 1}, .keep_dims = 1)))
MAKE(mean_all, dnn_mean(ctx, NULL))
MAKE(mean_last, dnn_mean(ctx, DESC(dnn_reduce_desc, .n_axes = 1, .axes = {-1})))
MAKE(mean_axes, dnn_mean(ctx, DESC(dnn_reduce_desc, .n_axes = 2, .axes = {1, 2})))

/* ---- sequences ---- */

#define ATTENTION(name, ...) MAKE(name, dnn_attention(ctx, DESC(dnn_attention_desc, __VA_ARGS__)))
#define MULTI_HEAD(name, ...) \
    MAKE(name, dnn_multi_head_attention(ctx, DESC(dnn_multi_head_attention_desc, __VA_ARGS__)))
#define RECURRENT(name, kind, ...) \
    MAKE(name, dnn_##kind(ctx, DESC(dnn_rnn_desc, .inputs = 3, .hidden = 4, __VA_ARGS__)))

ATTENTION(attention, .heads = 2)
ATTENTION(attention_causal, .heads = 1, .causal = 1, .scale = 0.7)
MULTI_HEAD(multi_head, .embed = 6, .heads = 2)
MULTI_HEAD(multi_head_causal, .embed = 4, .heads = 2, .causal = 1, .no_bias = 1)
RECURRENT(lstm, lstm, .no_bias = 0)
RECURRENT(lstm_no_bias, lstm, .no_bias = 1)
RECURRENT(gru, gru, .no_bias = 0)
RECURRENT(gru_no_bias, gru, .no_bias = 1)
RECURRENT(rnn_tanh, rnn_tanh, .no_bias = 0)

/* ---- small networks ---- */

/* x + f(x): a value that is used twice. */
static dnn_module *residual(dnn_context *ctx) {
    dnn_module *graph;
    if (dnn_graph_create(&graph, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_input(graph), y;
    y = dnn_graph_apply(graph, "fc", dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 4, .out_features = 4)), x);
    y = dnn_graph_apply(graph, "act", dnn_tanh(ctx), y);
    dnn_graph_output(graph, dnn_graph_apply2(graph, "add", dnn_add(ctx), x, y));
    return graph;
}

/* The same weights applied twice. */
static dnn_module *shared_weights(dnn_context *ctx) {
    dnn_module *graph, *fc = dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 3, .out_features = 3));
    if (dnn_graph_create(&graph, ctx) != DNN_OK) {
        dnn_module_release(fc);
        return NULL;
    }
    dnn_value x = dnn_graph_input(graph), y = dnn_graph_apply(graph, "fc", fc, x);
    y = dnn_graph_apply(graph, "act", dnn_sigmoid(ctx), y);
    dnn_graph_output(graph, dnn_graph_apply(graph, NULL, fc, y));
    return graph;
}

/* One tensor as both operands. */
static dnn_module *square(dnn_context *ctx) {
    dnn_module *graph;
    if (dnn_graph_create(&graph, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_input(graph);
    dnn_graph_output(graph, dnn_graph_apply2(graph, "multiply", dnn_multiply(ctx), x, x));
    return graph;
}

static dnn_module *convolutional(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "conv", conv_padded(ctx));
    dnn_sequential_add(net, "norm", batch_norm(ctx));
    dnn_sequential_add(net, "act", dnn_relu(ctx));
    dnn_sequential_add(net, "pool", max_pool(ctx));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "drop", dropout(ctx));
    dnn_sequential_add(net, "fc", dnn_linear(ctx, DESC(dnn_linear_desc, .in_features = 12, .out_features = 3)));
    return net;
}

#define COUNT_DIMS(...) (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define FLOATS(...)                                                                                                    \
    {                                                                                                                  \
        .dtype = DNN_F32, .rank = COUNT_DIMS(__VA_ARGS__), .dims = { __VA_ARGS__ }                                     \
    }
#define FLOATS_APART(...)                                                                                              \
    {                                                                                                                  \
        .dtype = DNN_F32, .values = CASE_APART, .rank = COUNT_DIMS(__VA_ARGS__), .dims = { __VA_ARGS__ }               \
    }
#define FLOATS_OF(kind, ...)                                                                                           \
    {                                                                                                                  \
        .dtype = DNN_F32, .values = kind, .rank = COUNT_DIMS(__VA_ARGS__), .dims = { __VA_ARGS__ }                     \
    }
#define LABELS(type, below, ...)                                                                                       \
    {                                                                                                                  \
        .dtype = type, .values = CASE_LABELS, .limit = below, .rank = COUNT_DIMS(__VA_ARGS__), .dims = { __VA_ARGS__ } \
    }
#define ONE(name, make, ...)                                                                                           \
    { name, make, 1, {FLOATS(__VA_ARGS__)}, false, false }
#define KINKS(name, make, ...)                                                                                         \
    { name, make, 1, {FLOATS(__VA_ARGS__)}, true, false }

const layer_case layer_table[] = {
    ONE("linear", linear, 3, 5),
    ONE("linear, sequences, no bias", linear_no_bias, 2, 3, 5),
    ONE("linear, one output", linear_wide, 4, 17),
    ONE("conv2d", conv, 2, 5, 4, 3),
    ONE("conv2d, 1x1", conv_1x1, 2, 3, 3, 4),
    ONE("conv2d, padded", conv_padded, 2, 4, 5, 2),
    ONE("conv2d, stride", conv_stride, 2, 6, 7, 2),
    ONE("conv2d, asymmetric padding", conv_asymmetric, 2, 4, 3, 1),
    ONE("conv2d, dilated", conv_dilated, 1, 6, 5, 2),
    ONE("conv2d, groups", conv_groups, 2, 3, 4, 4),
    ONE("conv2d, depthwise", conv_depthwise, 2, 4, 3, 5),
    ONE("conv2d, channel multiplier", conv_multiplier, 1, 5, 5, 3),
    ONE("conv2d, stride beyond kernel", conv_wide_stride, 1, 6, 5, 2),
    {"embedding", embedding, 1, {LABELS(DNN_I64, 7, 3, 4)}, false, false},
    {"embedding, padding row unused", embedding_padded, 1, {LABELS(DNN_I32, 3, 6)}, false, false},
    {"batch_norm", batch_norm, 1, {FLOATS(5, 3)}, false, true},
    ONE("standardize, channels", standardize_channels, 3, 5, 7, 3),
    ONE("standardize, elements", standardize_elements, 7, 2, 2),
    ONE("standardize, all", standardize_all, 5, 3),
    {"batch_norm, images, no affine", batch_norm_plain, 1, {FLOATS(2, 3, 2, 4)}, false, true},
    {"batch_norm, sequences, momentum 0", batch_norm_momentum, 1, {FLOATS(2, 4, 3)}, false, true},
    ONE("layer_norm", layer_norm, 3, 6),
    ONE("layer_norm, two axes", layer_norm_two_axes, 2, 3, 4),
    ONE("layer_norm, no affine", layer_norm_plain, 2, 2, 5),
    ONE("layer_norm, no bias", layer_norm_no_bias, 3, 5),
    KINKS("max_pool2d", max_pool, 2, 4, 5, 3),
    KINKS("max_pool2d, overlapping", max_pool_overlapping, 2, 5, 4, 2),
    KINKS("max_pool2d, dilated", max_pool_dilated, 1, 5, 4, 2),
    ONE("avg_pool2d", avg_pool, 2, 4, 5, 3),
    ONE("avg_pool2d, padded", avg_pool_padded, 2, 5, 4, 2),
    ONE("avg_pool2d, padding excluded", avg_pool_excluding, 2, 4, 5, 2),
    ONE("adaptive_avg_pool2d", adaptive_pool, 2, 5, 3, 2),
    ONE("adaptive_avg_pool2d, global", global_pool, 2, 3, 4, 2),
    KINKS("relu", relu, 3, 17),
    KINKS("leaky_relu", leaky_relu, 3, 17),
    ONE("sigmoid", sigmoid, 3, 17),
    ONE("tanh", hyperbolic_tangent, 3, 17),
    ONE("silu", silu, 3, 17),
    ONE("gelu", gelu, 3, 17),
    ONE("gelu, tanh form", gelu_tanh, 3, 17),
    ONE("softmax", softmax, 3, 7),
    ONE("softmax, inner axis", softmax_inner, 2, 5, 3),
    ONE("log_softmax", log_softmax, 3, 7),
    ONE("log_softmax, inner axis", log_softmax_inner, 2, 5, 3),
    ONE("dropout", dropout, 4, 9),
    ONE("dropout, p 0", dropout_none, 4, 3),
    ONE("dropout, p 1", dropout_all, 4, 3),
    ONE("flatten", flatten, 2, 3, 2, 2),
    ONE("reshape", reshape, 2, 6, 2),
    ONE("permute", permute, 2, 3, 4, 2),
    ONE("permute, batch axis", permute_batch, 2, 3, 4),
    ONE("pad", pad, 2, 3, 2, 2),
    ONE("slice", slice, 3, 4),
    ONE("slice, from the end", slice_rest, 2, 4, 3),
    {"concat", concat, 3, {FLOATS(2, 3), FLOATS(2, 1), FLOATS(2, 4)}, false, false},
    {"concat, inner axis", concat_inner, 2, {FLOATS(2, 3, 2), FLOATS(2, 1, 2)}, false, false},
    {"add", add, 2, {FLOATS(3, 5), FLOATS(3, 5)}, false, false},
    {"subtract", subtract, 2, {FLOATS(3, 5), FLOATS(3, 5)}, false, false},
    {"multiply", multiply, 2, {FLOATS(3, 5), FLOATS(3, 5)}, false, false},
    {"divide", divide, 2, {FLOATS(3, 5), FLOATS_APART(3, 5)}, false, false},
    ONE("scale", scale, 3, 5),
    {"matmul", matmul, 2, {FLOATS(2, 3, 4), FLOATS(2, 4, 5)}, false, false},
    {"matmul, a transposed", matmul_ta, 2, {FLOATS(4, 3), FLOATS(4, 5)}, false, false},
    {"matmul, b transposed", matmul_tb, 2, {FLOATS(2, 2, 3, 4), FLOATS(2, 2, 5, 4)}, false, false},
    {"matmul, both transposed", matmul_tab, 2, {FLOATS(2, 4, 3), FLOATS(2, 5, 4)}, false, false},
    ONE("sum, all axes", sum_all, 3, 5),
    ONE("sum, one axis", sum_axis, 2, 3, 4),
    ONE("sum, axes kept", sum_kept, 2, 3, 4),
    ONE("mean, all axes", mean_all, 3, 5),
    ONE("mean, last axis", mean_last, 3, 5),
    ONE("mean, two axes", mean_axes, 2, 3, 4, 2),
    {"attention", attention, 3, {FLOATS(2, 3, 4), FLOATS(2, 5, 4), FLOATS(2, 5, 6)}, false, false},
    {"attention, causal", attention_causal, 3, {FLOATS(2, 4, 3), FLOATS(2, 4, 3), FLOATS(2, 4, 2)}, false, false},
    {"attention, mask added",
     attention,
     4,
     {FLOATS(2, 3, 4), FLOATS(2, 5, 4), FLOATS(2, 5, 2), FLOATS(2, 5)},
     false,
     false},
    ONE("multi_head_attention", multi_head, 2, 4, 6),
    ONE("multi_head_attention, causal, no bias", multi_head_causal, 2, 5, 4),
    {"multi_head_attention, mask added", multi_head, 2, {FLOATS(2, 4, 6), FLOATS(2, 4)}, false, false},
    ONE("lstm", lstm, 2, 5, 3),
    {"lstm, states given", lstm_no_bias, 3, {FLOATS(2, 3, 3), FLOATS(2, 4), FLOATS(2, 4)}, false, false},
    ONE("gru", gru, 2, 5, 3),
    {"gru, state given", gru_no_bias, 2, {FLOATS(2, 3, 3), FLOATS(2, 4)}, false, false},
    ONE("rnn_tanh", rnn_tanh, 2, 5, 3),
    {"rnn_tanh, state given", rnn_tanh, 2, {FLOATS(2, 3, 3), FLOATS(2, 4)}, false, false},
    ONE("network: residual", residual, 3, 4),
    ONE("network: shared weights", shared_weights, 3, 3),
    ONE("network: square", square, 3, 4),
    {"network: convolutional", convolutional, 1, {FLOATS(3, 4, 5, 2)}, true, true},
};
const int layer_table_count = sizeof layer_table / sizeof *layer_table;

/* ---- losses ---- */

#define LOSS(name, kind, type, ...)                                                                                    \
    static dnn_status name(dnn_loss **out, dnn_context *ctx) {                                                         \
        return dnn_##kind##_create(out, ctx, DESC(type, __VA_ARGS__));                                                 \
    }

static const double weights_of_classes[4] = {1, 0.5, 2, 0.25};

LOSS(cross_entropy, cross_entropy, dnn_cross_entropy_desc, .reduction = DNN_REDUCTION_MEAN)
LOSS(cross_entropy_sum, cross_entropy, dnn_cross_entropy_desc, .reduction = DNN_REDUCTION_SUM, .label_smoothing = 0.1)
LOSS(cross_entropy_weighted, cross_entropy, dnn_cross_entropy_desc, .class_weights = weights_of_classes,
     .n_class_weights = 4, .label_smoothing = 0.2)
LOSS(cross_entropy_ignoring, cross_entropy, dnn_cross_entropy_desc, .has_ignore_index = 1, .ignore_index = 2)
LOSS(cross_entropy_none, cross_entropy, dnn_cross_entropy_desc, .reduction = DNN_REDUCTION_NONE)
LOSS(mse, mse, dnn_pair_loss_desc, .reduction = DNN_REDUCTION_MEAN)
LOSS(mse_sum, mse, dnn_pair_loss_desc, .reduction = DNN_REDUCTION_SUM)
LOSS(l1, l1, dnn_pair_loss_desc, .reduction = DNN_REDUCTION_MEAN)
LOSS(huber, huber, dnn_huber_desc, .delta = 0.7)
LOSS(huber_none, huber, dnn_huber_desc, .reduction = DNN_REDUCTION_NONE)
LOSS(bce, bce_with_logits, dnn_bce_with_logits_desc, .reduction = DNN_REDUCTION_MEAN)
LOSS(bce_weighted, bce_with_logits, dnn_bce_with_logits_desc, .pos_weight = weights_of_classes, .n_pos_weight = 4)

const loss_case loss_table[] = {
    {"cross_entropy", cross_entropy, FLOATS(5, 4), LABELS(DNN_I64, 4, 5)},
    {"cross_entropy, sum, smoothed", cross_entropy_sum, FLOATS(2, 3, 4), LABELS(DNN_I32, 4, 2, 3)},
    {"cross_entropy, weights, smoothed", cross_entropy_weighted, FLOATS(5, 4), LABELS(DNN_U8, 4, 5)},
    {"cross_entropy, weights, distributions", cross_entropy_weighted, FLOATS(5, 4), FLOATS_OF(CASE_ROWS, 5, 4)},
    {"cross_entropy, ignoring a class", cross_entropy_ignoring, FLOATS(9, 4), LABELS(DNN_I64, 4, 9)},
    {"cross_entropy, no reduction", cross_entropy_none, FLOATS(5, 4), LABELS(DNN_I64, 4, 5)},
    {"mse", mse, FLOATS(3, 4), FLOATS(3, 4)},
    {"mse, sum", mse_sum, FLOATS(7), FLOATS(7)},
    {"l1", l1, FLOATS(3, 4), FLOATS(3, 4)},
    {"huber", huber, FLOATS(3, 4), FLOATS(3, 4)},
    {"huber, no reduction", huber_none, FLOATS(3, 4), FLOATS(3, 4)},
    {"bce_with_logits", bce, FLOATS(3, 4), FLOATS_OF(CASE_UNIT, 3, 4)},
    {"bce_with_logits, weights", bce_weighted, FLOATS(3, 4), FLOATS_OF(CASE_UNIT, 3, 4)},
};
const int loss_table_count = sizeof loss_table / sizeof *loss_table;

/* ---- drawing ---- */

static double draw(const case_input *in, uint64_t seed, int64_t i) {
    const uint64_t stream = UINT64_C(0x7ab1e);
    double u = dnnk_random_uniform(seed, stream, (uint64_t)i);
    switch (in->values) {
    case CASE_NORMAL:
        return dnnk_random_normal(seed, stream, (uint64_t)i);
    case CASE_APART:
        return copysign(0.5 + fabs(2 * u - 1), 2 * u - 1);
    case CASE_LABELS:
        return floor(u * (double)in->limit);
    case CASE_UNIT:
        return u;
    case CASE_ROWS:
        return 0.1 + u;
    }
    return 0;
}

static void normalise_rows(const case_input *in, double *values, int64_t n) {
    int64_t columns = in->dims[in->rank - 1];
    for (int64_t row = 0; row < n / columns; row++) {
        double sum = 0;
        for (int64_t c = 0; c < columns; c++) sum += values[row * columns + c];
        for (int64_t c = 0; c < columns; c++) values[row * columns + c] /= sum;
    }
}

enum { MOST_ELEMENTS = 1024 };

dnn_tensor *case_tensor(dnn_context *ctx, const case_input *in, dnn_dtype dtype, uint64_t seed) {
    dnn_tensor *tensor;
    double values[MOST_ELEMENTS];
    if (dnn_tensor_create(&tensor, ctx, in->dtype == DNN_F32 ? dtype : in->dtype, in->rank, in->dims) != DNN_OK)
        return NULL;
    int64_t n = dnn_tensor_count(tensor);
    for (int64_t i = 0; i < n && n <= MOST_ELEMENTS; i++) values[i] = draw(in, seed, i);
    if (in->values == CASE_ROWS) normalise_rows(in, values, n);
    for (int64_t i = 0; i < n && n <= MOST_ELEMENTS; i++)
        dnni_store(dnn_tensor_dtype(tensor), dnn_tensor_data(tensor), i, values[i]);
    return tensor;
}

bool case_inputs(dnn_context *ctx, const layer_case *c, dnn_dtype dtype, uint64_t seed, dnn_tensor **inputs) {
    for (int32_t i = 0; i < c->n_inputs; i++) {
        inputs[i] = case_tensor(ctx, &c->inputs[i], dtype, seed * 16 + (uint64_t)i);
        if (inputs[i]) continue;
        case_release(inputs, i);
        return false;
    }
    return true;
}

void case_release(dnn_tensor **inputs, int32_t n) {
    for (int32_t i = 0; i < n; i++) dnn_tensor_release(inputs[i]);
}
