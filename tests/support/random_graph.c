#include "support/random_graph.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "core/dtype.h"
#include "support/arrays.h"
#include "support/running.h"
#include "support/test_layers.h"

typedef enum {
    LINEAR, RELU, SIGMOID, TANH, LEAKY, GELU, SOFTMAX, SCALE, ADD, SUBTRACT, MULTIPLY, DIVIDE, REVERSED, FMA, SPLIT,
    SCRATCH, EXP, CONCAT, SLICE, PERMUTE, RESHAPE, FLATTEN, PAD, SUM, MEAN, MATMUL, LAYER_NORM, BATCH_NORM, SIGNS,
    EMBEDDING, CONV, MAX_POOL, CHAIN, BLOCK, CONSTANT, KINDS
} kind;

static int64_t below(random_graph *g, int64_t n) {
    int64_t i = (int64_t)(test_uniform(&g->state) * (double)n);
    return i < n ? i : n - 1;
}

/* ---- one layer ---- */

#define LINEAR_LAYER(i, o) \
    dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = i, .out_features = o})

static dnn_module *make_chain(dnn_context *ctx, int64_t width) {
    dnn_module *m;
    assert_int_equal(dnn_sequential_create(&m, ctx), DNN_OK);
    dnn_sequential_add(m, "in", LINEAR_LAYER(width, 5));
    dnn_sequential_add(m, NULL, dnn_relu(ctx));
    dnn_sequential_add(m, NULL, test_exp(ctx));
    dnn_sequential_add(m, "out", LINEAR_LAYER(5, width));
    return m;
}

/* h = W x; y = h + relu(V h): gradients meet inside. */
static dnn_module *make_block(dnn_context *ctx, int64_t width) {
    dnn_module *m;
    assert_int_equal(dnn_graph_create(&m, ctx), DNN_OK);
    dnn_value h = dnn_graph_apply(m, "w", LINEAR_LAYER(width, width), dnn_graph_input(m));
    dnn_value v = dnn_graph_apply(m, "relu", dnn_relu(ctx), dnn_graph_apply(m, "v", LINEAR_LAYER(width, width), h));
    dnn_graph_output(m, dnn_graph_apply2(m, "add", dnn_add(ctx), h, v));
    return m;
}

static dnn_module *make_pad(dnn_context *ctx, const rg_node *n) {
    dnn_pad_desc d = {DNN_SIZED(dnn_pad_desc), .value = 1};
    d.before[n->a] = n->b;
    d.after[n->a] = n->c;
    return dnn_pad(ctx, &d);
}

static dnn_module *make_reduction(dnn_context *ctx, const rg_node *n) {
    dnn_reduce_desc d = {DNN_SIZED(dnn_reduce_desc), .n_axes = 1, .axes = {(int32_t)n->a}, .keep_dims = (int32_t)n->b};
    return n->kind == SUM ? dnn_sum(ctx, &d) : dnn_mean(ctx, &d);
}

static dnn_module *make_moving(dnn_context *ctx, const rg_node *n) {
    switch ((kind)n->kind) {
    case CONCAT: return dnn_concat(ctx, (int32_t)n->a);
    case SLICE: return dnn_slice(ctx, (int32_t)n->a, n->b, n->c);
    case PERMUTE: return dnn_permute(ctx, (int32_t)n->a, n->a == 2 ? (int32_t[]){1, 0} : (int32_t[]){0, 3, 1, 2});
    case RESHAPE: return dnn_reshape(ctx, 2, (int64_t[]){n->a, -1});
    case FLATTEN: return dnn_flatten(ctx);
    case PAD: return make_pad(ctx, n);
    case SUM:
    case MEAN: return make_reduction(ctx, n);
    case CHAIN: return make_chain(ctx, n->a);
    case BLOCK: return make_block(ctx, n->a);
    case CONSTANT: return test_constant(ctx, n->a);
    default: fail_msg("kind %d", n->kind); return NULL;
    }
}

static dnn_module *make_weighted(dnn_context *ctx, const rg_node *n) {
    switch ((kind)n->kind) {
    case LINEAR: return LINEAR_LAYER(n->a, n->b);
    case LAYER_NORM:
        return dnn_layer_norm(ctx, &(dnn_layer_norm_desc){DNN_SIZED(dnn_layer_norm_desc), .shape = {n->a}});
    case BATCH_NORM:
        return dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = n->a});
    case EMBEDDING:
        return dnn_embedding(ctx, &(dnn_embedding_desc){DNN_SIZED(dnn_embedding_desc), .num = 5, .dim = n->a});
    case CONV:
        return dnn_conv2d(ctx, &(dnn_conv2d_desc){DNN_SIZED(dnn_conv2d_desc), .in_channels = n->a,
                                                  .out_channels = n->b, .kernel = {3}, .padding = 1});
    case MAX_POOL: return dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {2}});
    default: return make_moving(ctx, n);
    }
}

static dnn_module *make_layer(dnn_context *ctx, const rg_node *n) {
    switch ((kind)n->kind) {
    case RELU: return dnn_relu(ctx);
    case SIGMOID: return dnn_sigmoid(ctx);
    case TANH: return dnn_tanh(ctx);
    case LEAKY: return dnn_leaky_relu(ctx, 0.1);
    case GELU: return dnn_gelu(ctx, DNN_GELU_TANH);
    case SOFTMAX: return dnn_softmax(ctx, -1);
    case SCALE: return dnn_scale(ctx, -0.75);
    case ADD: return dnn_add(ctx);
    case SUBTRACT: return dnn_subtract(ctx);
    case MULTIPLY: return dnn_multiply(ctx);
    case DIVIDE: return dnn_divide(ctx);
    case MATMUL: return dnn_matmul(ctx, &(dnn_matmul_desc){DNN_SIZED(dnn_matmul_desc), .transpose_b = 1});
    case REVERSED: return test_add_reversed(ctx);
    case FMA: return test_multiply_add(ctx);
    case SPLIT: return test_split(ctx);
    case SCRATCH: return test_scratch(ctx);
    case EXP: return test_exp(ctx);
    case SIGNS: return test_signs(ctx);
    default: return make_weighted(ctx, n);
    }
}

/* ---- drawing ---- */

static int some_value(random_graph *g, bool real, int rank) {
    for (int tries = 0; tries < 40; tries++) {
        /* rather a late one: chains get long */
        int64_t recent = g->n_values < 6 ? g->n_values : 6;
        int v = (int)(below(g, 2) ? below(g, g->n_values) : g->n_values - 1 - below(g, recent));
        const dnn_array *s = &g->values[v].shape;
        if ((s->dtype == DNN_F32) == real && (rank < 0 || s->rank == rank)) return v;
    }
    return -1;
}

/* Another value of the same type and, but for `free_axis`, shape; often the same one. */
static int fitting_value(random_graph *g, int like, int free_axis) {
    const dnn_array *a = &g->values[like].shape;
    int first = (int)below(g, g->n_values);
    for (int i = 0; i < g->n_values; i++) {
        int v = (first + i) % g->n_values;
        const dnn_array *b = &g->values[v].shape;
        bool fits = a->rank == b->rank && a->dtype == b->dtype;
        for (int32_t k = 0; fits && k < a->rank; k++) fits = k == free_axis || a->dims[k] == b->dims[k];
        if (fits) return v;
    }
    return like;
}

static void take_inputs(random_graph *g, rg_node *n, int x, int count, int free_axis) {
    n->n_in = count;
    n->in[0] = x;
    for (int i = 1; i < count; i++) n->in[i] = fitting_value(g, x, free_axis);
}

static int64_t dim(const random_graph *g, int v, int axis) { return g->values[v].shape.dims[axis]; }
static int64_t last(const random_graph *g, int v) { return dim(g, v, g->values[v].shape.rank - 1); }

static int rank_of(random_graph *g, kind k) {
    if (k == CONV || k == MAX_POOL) return 4;
    if (k == PERMUTE) return below(g, 2) ? 2 : 4;
    return k == MATMUL || k == EMBEDDING ? 2 : -1;
}

/* What the kind takes: how many inputs, of which rank, and its settings. False: there is nothing to feed it with. */
static bool choose(random_graph *g, rg_node *n) {
    kind k = (kind)n->kind;
    bool moves = k == CONCAT || k == SLICE || k == PERMUTE || k == RESHAPE || k == FLATTEN || k == PAD;
    bool real = k != EMBEDDING && !(moves && below(g, 4) == 0);
    int x = some_value(g, real, rank_of(g, k));
    if (x < 0 || g->values[x].shape.rank < 1) return false;
    int axis = (int)below(g, g->values[x].shape.rank);
    n->a = k == PERMUTE ? g->values[x].shape.rank : moves || k == SUM || k == MEAN ? axis : last(g, x);
    n->b = k == LINEAR || k == CONV ? (int64_t[]){4, 6}[below(g, 2)] : below(g, 2);
    n->c = below(g, 2);
    if (k == SLICE) n->c = dim(g, x, axis) - n->b > 1 ? 1 + below(g, dim(g, x, axis) - n->b) : -1;
    if (k == RESHAPE) n->a = last(g, x);
    if (k == EMBEDDING || k == CONSTANT) n->a = 4;
    int count = (k >= ADD && k <= REVERSED) || k == MATMUL ? 2 : k == FMA ? 3 : 1;
    if (k == CONCAT) count = 1 + (int)below(g, RG_NODE_INPUTS);
    take_inputs(g, n, x, k == CONSTANT ? 0 : count, k == CONCAT ? axis : k == MATMUL ? 0 : -1);
    return true;
}

/* The output's shape, asked from a module of that kind; false if it cannot take these inputs, or gets too large. */
static bool ask_shape(const random_graph *g, dnn_context *ctx, const rg_node *n, dnn_array *shape) {
    dnn_array inputs[RG_NODE_INPUTS] = {{0}};
    for (int i = 0; i < n->n_in; i++) inputs[i] = g->values[n->in[i]].shape;
    dnn_module *m = make_layer(ctx, n);
    if (!m) return false;
    dnn_description *d;
    dnn_status status = n->n_out == 1 ? dnn_module_describe(&d, m, inputs, n->n_in) : DNN_OK;
    *shape = inputs[0];
    if (status == DNN_OK && n->n_out == 1) {
        dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
        dnn_step_info step = {DNN_SIZED(dnn_step_info)};
        dnn_description_totals_get(d, &totals);
        dnn_description_step(d, totals.steps - 1, &step);
        *shape = step.output;
        dnn_description_release(d);
    }
    dnn_module_release(m);
    return status == DNN_OK && dnni_count(shape) <= 2000;
}

static int new_value(random_graph *g, const dnn_array *shape, int root) {
    int v = g->n_values++;
    g->values[v] = (rg_value){*shape, root < 0 ? v : root};
    return v;
}

static void draw_node(random_graph *g, dnn_context *ctx) {
    rg_node n = {.kind = (int)below(g, KINDS), .n_out = 1, .child = g->n_nodes};
    dnn_array shape;
    if (g->n_nodes > 0 && below(g, 6) == 0) {
        int shared = (int)below(g, g->n_nodes);
        n = g->nodes[shared];
        n.child = g->nodes[shared].child;
        if (n.n_in > 0) take_inputs(g, &n, fitting_value(g, n.in[0], below(g, 2) ? 0 : -1), n.n_in, -1);
    } else if (!choose(g, &n)) {
        return;
    }
    if (n.kind == SPLIT) n.n_out = 2;
    if (g->n_values + 2 > RG_VALUES || !ask_shape(g, ctx, &n, &shape)) return;
    n.is_view = n.kind == RESHAPE || n.kind == FLATTEN;
    for (int i = 0; i < n.n_out; i++) n.out[i] = new_value(g, &shape, n.is_view ? g->values[n.in[0]].root : -1);
    g->nodes[g->n_nodes++] = n;
}

void random_graph_draw(random_graph *g, dnn_context *ctx, uint64_t seed, dnn_dtype dtype) {
    static const dnn_array shapes[] = {{.dtype = DNN_F32, .rank = 2, .dims = {3, 4}},
                                       {.dtype = DNN_F32, .rank = 2, .dims = {3, 6}},
                                       {.dtype = DNN_F32, .rank = 4, .dims = {2, 4, 4, 4}},
                                       {.dtype = DNN_I32, .rank = 2, .dims = {3, 4}}};
    *g = (random_graph){.state = seed * 7919 + 17, .dtype = dtype};
    g->n_inputs = 1 + (int)below(g, RG_INPUTS);
    for (int i = 0; i < g->n_inputs; i++) new_value(g, &shapes[below(g, i == 0 ? 3 : 4)], -1);
    int target = 1 + (int)below(g, RG_NODES - 1);
    for (int tries = 0; tries < 400 && g->n_nodes < target; tries++) draw_node(g, ctx);
    g->n_outputs = 1 + (int)below(g, RG_OUTPUTS - 1);
    for (int i = 0; i < g->n_outputs; i++) g->outputs[i] = (int)below(g, g->n_values);
    g->outputs[below(g, g->n_outputs)] = g->n_values - 1;
}

dnn_module *random_graph_build(const random_graph *g, dnn_context *ctx, dnn_module **children) {
    dnn_module *m;
    dnn_value values[RG_VALUES], in[RG_NODE_INPUTS], out[2];
    assert_int_equal(dnn_graph_create(&m, ctx), DNN_OK);
    for (int i = 0; i < g->n_inputs; i++) values[i] = dnn_graph_input(m);
    for (int i = 0; i < g->n_nodes; i++) {
        const rg_node *n = &g->nodes[i];
        children[i] = n->child == i ? make_layer(ctx, n) : children[n->child];
        for (int k = 0; k < n->n_in; k++) in[k] = values[n->in[k]];
        assert_int_equal(dnn_graph_call(m, NULL, children[i], in, n->n_in, out, n->n_out), DNN_OK);
        for (int k = 0; k < n->n_out; k++) values[n->out[k]] = out[k];
    }
    for (int i = 0; i < g->n_outputs; i++) assert_int_equal(dnn_graph_output(m, values[g->outputs[i]]), DNN_OK);
    assert_int_equal(dnn_module_to(m, g->dtype), DNN_OK);
    return m;
}

static dnn_tensor *tensor_like(random_graph *g, dnn_context *ctx, int value) {
    const dnn_array *s = &g->values[value].shape;
    if (s->dtype == DNN_F32) return tensor_normal(ctx, g->dtype, s->rank, s->dims, g->state++);
    dnn_tensor *t = tensor_of(ctx, s->dtype, s->rank, s->dims, NULL);
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) tensor_put(t, i, (double)below(g, 5));
    return t;
}

void random_graph_inputs(random_graph *g, dnn_context *ctx, dnn_tensor **inputs) {
    for (int i = 0; i < g->n_inputs; i++) inputs[i] = tensor_like(g, ctx, i);
}

void random_graph_gradients(random_graph *g, dnn_context *ctx, dnn_tensor **gradients) {
    for (int i = 0; i < g->n_outputs; i++)
        gradients[i] = g->n_outputs > 1 && below(g, 4) == 0 ? NULL : tensor_like(g, ctx, g->outputs[i]);
}

void rg_release(dnn_tensor **tensors, int n) {
    for (int i = 0; i < n; i++) {
        dnn_tensor_release(tensors[i]);
        tensors[i] = NULL;
    }
}

/* ---- by definition ---- */

typedef enum { VALUES = 1, BUFFERS = 2, GRADIENTS = 4 } what;

static void copy_state(dnn_module *to, dnn_module *from, int parts) {
    for (int64_t i = 0; i < dnn_module_parameter_count(from); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        dnn_module_parameter_at(from, i, &p);
        dnn_module_parameter_at(to, i, &q);
        if (parts & (p.is_buffer ? BUFFERS : VALUES)) assert_int_equal(dnn_tensor_copy(q.value, p.value), DNN_OK);
        if (parts & GRADIENTS && p.gradient) assert_int_equal(dnn_tensor_copy(q.gradient, p.gradient), DNN_OK);
    }
}

static dnn_module *own_module(naive_graph *n, int i, bool training) {
    dnn_module *m = make_layer(n->ctx, &n->g->nodes[i]);
    assert_int_equal(dnn_module_to(m, n->g->dtype), DNN_OK);
    if (!training) dnn_module_eval(m);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL), DNN_OK);
    return m;
}

void naive_start(naive_graph *n, const random_graph *g, dnn_context *ctx, dnn_module **children, bool training) {
    *n = (naive_graph){.g = g, .ctx = ctx};
    for (int i = 0; i < g->n_nodes; i++) {
        n->nodes[i] = own_module(n, i, training);
        if (g->nodes[i].child != i) continue;
        n->children[i] = own_module(n, i, training);
        copy_state(n->children[i], children[i], VALUES | BUFFERS);
    }
}

static void forward_node(naive_graph *n, int i) {
    const rg_node *node = &n->g->nodes[i];
    const dnn_tensor *in[RG_NODE_INPUTS], *out[2];
    copy_state(n->nodes[i], n->children[node->child], VALUES | BUFFERS);
    for (int k = 0; k < node->n_in; k++) in[k] = n->values[node->in[k]];
    if (dnn_module_forward_n(n->nodes[i], in, node->n_in, out, node->n_out) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    for (int k = 0; k < node->n_out; k++) assert_int_equal(dnn_tensor_clone(&n->values[node->out[k]], out[k]), DNN_OK);
    copy_state(n->children[node->child], n->nodes[i], BUFFERS);
}

void naive_forward(naive_graph *n, dnn_tensor *const *inputs) {
    rg_release(n->values, n->g->n_values);
    for (int i = 0; i < n->g->n_inputs; i++) assert_int_equal(dnn_tensor_clone(&n->values[i], inputs[i]), DNN_OK);
    for (int i = 0; i < n->g->n_nodes; i++) forward_node(n, i);
}

static bool is_real(const naive_graph *n, int v) { return n->g->values[v].shape.dtype == DNN_F32; }

/* Gradients of views go straight to the value that they show. */
static void add_gradient(naive_graph *n, int v, const dnn_tensor *dy) {
    dnn_tensor **sum = &n->gradients[n->g->values[v].root];
    if (!*sum) {
        assert_int_equal(dnn_tensor_clone(sum, dy), DNN_OK);
        return;
    }
    bool is_double = n->g->dtype == DNN_F64;
    for (int64_t i = 0; i < dnn_tensor_count(dy); i++)
        tensor_put(*sum, i, is_double ? tensor_at(*sum, i) + tensor_at(dy, i)
                                      : (double)((float)tensor_at(*sum, i) + (float)tensor_at(dy, i)));
}

static dnn_tensor *zeros_of(naive_graph *n, int v) {
    const dnn_array *s = &n->g->values[v].shape;
    return tensor_of(n->ctx, is_real(n, v) ? n->g->dtype : s->dtype, s->rank, s->dims, NULL);
}

/* Zeros where the gradient of one of several outputs never arrived. */
static dnn_tensor *gradient_of_output(naive_graph *n, int v) {
    const dnn_array *s = &n->g->values[v].shape;
    dnn_tensor *root = n->gradients[n->g->values[v].root], *dy = NULL;
    if (!root) return zeros_of(n, v);
    assert_int_equal(dnn_tensor_reshape(&dy, root, s->rank, s->dims), DNN_OK);
    return dy;
}

static void backward_node(naive_graph *n, int i) {
    const rg_node *node = &n->g->nodes[i];
    const dnn_tensor *dx[RG_NODE_INPUTS];
    dnn_tensor *dy[2];
    bool arrives = false;
    for (int k = 0; k < node->n_out; k++) arrives |= is_real(n, node->out[k]) && n->gradients[node->out[k]];
    if (!arrives || node->is_view) return;
    for (int k = 0; k < node->n_out; k++) dy[k] = gradient_of_output(n, node->out[k]);
    copy_state(n->nodes[i], n->children[node->child], GRADIENTS);
    if (dnn_module_backward_n(n->nodes[i], (const dnn_tensor *const *)dy, node->n_out, dx, node->n_in) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    copy_state(n->children[node->child], n->nodes[i], GRADIENTS);
    for (int k = 0; k < node->n_in; k++)
        if (dx[k]) add_gradient(n, node->in[k], dx[k]);
    rg_release(dy, node->n_out);
}

void naive_backward(naive_graph *n, dnn_tensor *const *output_gradients) {
    rg_release(n->gradients, n->g->n_values);
    for (int i = n->g->n_outputs - 1; i >= 0; i--) {
        int v = n->g->outputs[i];
        if (!is_real(n, v)) continue;
        dnn_tensor *zeros = output_gradients[i] ? NULL : zeros_of(n, v);
        add_gradient(n, v, zeros ? zeros : output_gradients[i]);
        dnn_tensor_release(zeros);
    }
    for (int i = n->g->n_nodes - 1; i >= 0; i--) backward_node(n, i);
}

void naive_end(naive_graph *n) {
    for (int i = 0; i < n->g->n_nodes; i++) {
        dnn_module_release(n->nodes[i]);
        dnn_module_release(n->children[i]);
    }
    rg_release(n->values, n->g->n_values);
    rg_release(n->gradients, n->g->n_values);
}
