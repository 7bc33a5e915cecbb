/* The networks of tests/golden/networks/make.py, which says what they are. NULL if memory is short. */
#ifndef TEST_GOLDEN_NETWORKS_H
#define TEST_GOLDEN_NETWORKS_H

#include <dnn/dnn.h>

dnn_module *golden_mlp(dnn_context *ctx);        /* (N, 9) to (N, 5) */
dnn_module *golden_max_pool(dnn_context *ctx);   /* (N, 8, 8, 2) to (N, 4) */
dnn_module *golden_residual(dnn_context *ctx);   /* (N, 6, 6, 3) to (N, 4), with batch norm */
dnn_module *golden_attention(dnn_context *ctx);  /* tokens and positions (N, 7) to (N, 7, 17) */
dnn_module *golden_depthwise(dnn_context *ctx);  /* (N, 7, 7, 4) to (N, 3) */
dnn_module *golden_regression(dnn_context *ctx); /* (N, 5) to (N, 2); one layer is applied twice */

#endif
