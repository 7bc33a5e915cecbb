/* A decoder as GPT-2 has it (Radford et al. 2019), small: 4 blocks of width 256 with 8 heads, each norm before what it
 * feeds, GELU, learned positions, 1024 tokens; the last layer has weights of its own. Batches of 8 sequences of 128. */
#include "network.h"

enum { WIDTH = 256, BLOCKS = 4, HEADS = 8, BATCH = 8, STEPS = 128, TOKENS = 1024 };

/* ---- positions: y[n,t,:] = x[n,t,:] + weight[t,:], a layer of our own ---- */

static dnn_status positions_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    const dnn_array *x = &call->inputs[0];
    if (call->n_inputs != 1 || x->rank != 3 || x->dims[1] != STEPS || x->dims[2] != WIDTH)
        return dnn_fail(DNN_ERROR_SHAPE, "positions take one input of sequences as long and wide as the network");
    spec->flags = DNN_LAYER_INPLACE;
    spec->n_outputs = 1;
    spec->outputs[0] = *x;
    return DNN_OK;
}

static dnn_status positions_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const float *x = call->inputs[0].data, *weight = call->parameters[0].data;
    float *y = call->outputs[0].data;
    for (int64_t n = 0; n < call->inputs[0].dims[0]; n++)
        for (int64_t i = 0; i < STEPS * WIDTH; i++) y[n * STEPS * WIDTH + i] = x[n * STEPS * WIDTH + i] + weight[i];
    return DNN_OK;
}

static dnn_status positions_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    const float *dy = call->output_gradients[0].data;
    float *dx = call->input_gradients[0].data, *dw = call->parameter_gradients[0].data;
    for (int64_t n = 0; n < call->inputs[0].dims[0]; n++)
        for (int64_t i = 0; i < STEPS * WIDTH; i++) {
            if (dw) dw[i] += dy[n * STEPS * WIDTH + i];
            if (dx) dx[n * STEPS * WIDTH + i] = dy[n * STEPS * WIDTH + i];
        }
    return DNN_OK;
}

static dnn_module *positions(dnn_context *ctx) {
    static const dnn_layer_class positions_class = {DNN_SIZED(dnn_layer_class), .type = "positions",
                                                    .shape = positions_shape, .forward = positions_forward,
                                                    .backward = positions_backward};
    dnn_module *m = dnn_layer_create(ctx, &positions_class, NULL, 0);
    const dnn_init normal = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 0.02};
    if (m) dnn_layer_add_parameter(m, "weight", 2, (int64_t[]){STEPS, WIDTH}, &normal);
    return m;
}

/* ---- the network ---- */

static dnn_module *norm(dnn_context *ctx) {
    return dnn_layer_norm(ctx, &(dnn_layer_norm_desc){DNN_SIZED(dnn_layer_norm_desc), .shape = {WIDTH}});
}

static dnn_module *attention(dnn_context *ctx) {
    return dnn_multi_head_attention(ctx, &(dnn_multi_head_attention_desc){DNN_SIZED(dnn_multi_head_attention_desc),
                                                                          .embed = WIDTH, .heads = HEADS, .causal = 1});
}

static dnn_module *perceptron(dnn_context *ctx) {
    dnn_module *m;
    if (dnn_sequential_create(&m, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(m, "fc1", network_linear(ctx, WIDTH, 4 * WIDTH));
    dnn_sequential_add(m, "gelu", dnn_gelu(ctx, DNN_GELU_EXACT));
    dnn_sequential_add(m, "fc2", network_linear(ctx, 4 * WIDTH, WIDTH));
    return m;
}

/* x + attn(ln1(x)), then x + mlp(ln2(x)) */
static dnn_module *block(dnn_context *ctx) {
    dnn_module *g;
    if (dnn_graph_create(&g, ctx) != DNN_OK) return NULL;
    dnn_value x = dnn_graph_input(g);
    dnn_value y = dnn_graph_apply(g, "ln1", norm(ctx), x);
    y = dnn_graph_apply(g, "attn", attention(ctx), y);
    x = dnn_graph_apply2(g, "add1", dnn_add(ctx), x, y);
    y = dnn_graph_apply(g, "ln2", norm(ctx), x);
    y = dnn_graph_apply(g, "mlp", perceptron(ctx), y);
    dnn_graph_output(g, dnn_graph_apply2(g, "add2", dnn_add(ctx), x, y));
    return g;
}

static dnn_module *blocks(dnn_context *ctx) {
    dnn_module *m;
    if (dnn_sequential_create(&m, ctx) != DNN_OK) return NULL;
    for (int i = 0; i < BLOCKS; i++) dnn_sequential_add(m, NULL, block(ctx));
    return m;
}

static dnn_module *tokens(dnn_context *ctx) {
    const dnn_init normal = {DNN_SIZED(dnn_init), .kind = DNN_INIT_NORMAL, .b = 0.02};
    return dnn_embedding(ctx, &(dnn_embedding_desc){DNN_SIZED(dnn_embedding_desc), .num = TOKENS, .dim = WIDTH,
                                                    .weight_init = &normal});
}

static dnn_module *build(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_sequential_add(net, "tokens", tokens(ctx));
    dnn_sequential_add(net, "positions", positions(ctx));
    dnn_sequential_add(net, "blocks", blocks(ctx));
    dnn_sequential_add(net, "norm", norm(ctx));
    dnn_sequential_add(net, "head", network_linear(ctx, WIDTH, TOKENS));
    return net;
}

const network gpt = {.name = "gpt",
                     .build = build,
                     .optimizer = network_adamw,
                     .input = {NULL, DNN_I64, 2, {BATCH, STEPS}},
                     .target = {NULL, DNN_I64, 2, {BATCH, STEPS}},
                     .classes = TOKENS};
