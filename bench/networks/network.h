/* The networks that the bench trains: what they are, and what they eat. bench/peer_torch.py has the same ones under the
 * same names, with the same names of parameters. */
#ifndef BENCH_NETWORK_H
#define BENCH_NETWORK_H

#include <stdbool.h>

#include <dnn/dnn.h>

typedef struct network {
    const char *name;
    dnn_module *(*build)(dnn_context *ctx); /* NULL, or a module with a kept error, on failure */
    dnn_status (*optimizer)(dnn_optimizer **out, dnn_module *net);
    dnn_array input;  /* a batch, without data: float32 images or features, or int64 tokens */
    dnn_array target; /* its classes, int64 */
    int64_t classes;  /* tokens and classes are drawn from 0 … classes - 1 */
    const dnn_flattened *flattened; /* see dnn/weights.h: for writing the weights as PyTorch has them */
    int64_t n_flattened;
} network;

/* NULL if there is no network of that name. */
const network *network_find(const char *name);

/* All of them, NULL at the end. */
extern const network *const networks[];

extern const network mlp, mlp_1, cnn, resnet18_224, resnet18_32, resnet18_cifar, gpt, lstm;

/* Stochastic gradient descent, rate 0.01, momentum 0.9; Adam and AdamW with the rate 0.001. */
dnn_status network_sgd(dnn_optimizer **out, dnn_module *net);
dnn_status network_adam(dnn_optimizer **out, dnn_module *net);
dnn_status network_adamw(dnn_optimizer **out, dnn_module *net);

dnn_module *network_linear(dnn_context *ctx, int64_t in, int64_t out);

/* A square kernel; padding on every side. */
dnn_module *network_conv(dnn_context *ctx, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                         bool bias);

#endif
