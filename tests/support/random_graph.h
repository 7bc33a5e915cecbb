/* Random networks: any directed acyclic graph over the layers there are, drawn from a seed; and what they compute by
 * definition, each application of a layer run as a module of its own on tensors of its own, gradients added by hand. */
#ifndef TEST_RANDOM_GRAPH_H
#define TEST_RANDOM_GRAPH_H

#include <dnn/dnn.h>
#include <stdbool.h>

enum { RG_VALUES = 64, RG_NODES = 28, RG_INPUTS = 3, RG_OUTPUTS = 5, RG_NODE_INPUTS = 4 };

typedef struct rg_value {
    dnn_array shape; /* float32 stands for the graph's dtype */
    int root;        /* views: the value whose memory they show */
} rg_value;

typedef struct rg_node {
    int kind, n_in, n_out, in[RG_NODE_INPUTS], out[2];
    int64_t a, b, c; /* settings, as the kind takes them */
    int child;       /* the node whose module this is: an earlier one, or itself */
    bool is_view;
} rg_node;

typedef struct random_graph {
    uint64_t state;
    dnn_dtype dtype;
    int n_inputs, n_values, n_nodes, n_outputs;
    rg_value values[RG_VALUES];
    rg_node nodes[RG_NODES];
    int outputs[RG_OUTPUTS];
} random_graph;

void random_graph_draw(random_graph *g, dnn_context *ctx, uint64_t seed, dnn_dtype dtype);

/* As one graph; children[i] is lent: the module of node i. */
dnn_module *random_graph_build(const random_graph *g, dnn_context *ctx, dnn_module **children);

/* Random tensors for the inputs, for the gradients of the outputs (some NULL). To be released by rg_release. */
void random_graph_inputs(random_graph *g, dnn_context *ctx, dnn_tensor **inputs);
void random_graph_gradients(random_graph *g, dnn_context *ctx, dnn_tensor **gradients);
void rg_release(dnn_tensor **tensors, int n);

/* The network by definition. Parameters and buffers start as those of `children`, and have a life of their own. */
typedef struct naive_graph {
    const random_graph *g;
    dnn_context *ctx;
    dnn_module *nodes[RG_NODES], *children[RG_NODES]; /* one module for each application; the state of each child */
    dnn_tensor *values[RG_VALUES], *gradients[RG_VALUES];
} naive_graph;

void naive_start(naive_graph *n, const random_graph *g, dnn_context *ctx, dnn_module **children, bool training);
void naive_forward(naive_graph *n, dnn_tensor *const *inputs);
void naive_backward(naive_graph *n, dnn_tensor *const *output_gradients);
void naive_end(naive_graph *n);

#endif
