/* Every built-in layer and loss, in the configurations that matter: the generic tests walk these tables. A new layer is
 * one entry more. */
#ifndef TEST_LAYER_TABLE_H
#define TEST_LAYER_TABLE_H

#include <dnn/dnn.h>
#include <stdbool.h>

enum { LAYER_CASE_INPUTS = 4 };

/* How an input is drawn. */
typedef enum case_values {
    CASE_NORMAL = 0, /* N(0, 1) */
    CASE_APART,      /* ±[0.5, 1.5): far from zero */
    CASE_LABELS,     /* integers 0 … limit - 1 */
    CASE_UNIT,       /* U(0, 1) */
    CASE_ROWS        /* distributions: positive numbers that sum to 1 along the last axis */
} case_values;

typedef struct case_input {
    dnn_dtype dtype; /* of floats: that of the module */
    case_values values;
    int64_t limit;
    int32_t rank;
    int64_t dims[DNN_MAX_RANK];
} case_input;

typedef struct layer_case {
    const char *name; /* "conv2d, stride 2" */
    dnn_module *(*make)(dnn_context *ctx);
    int32_t n_inputs;
    case_input inputs[LAYER_CASE_INPUTS];
    bool has_kinks;
    bool needs_batch; /* a batch of 0 is refused in training */
} layer_case;

extern const layer_case layer_table[];
extern const int layer_table_count;

typedef struct loss_case {
    const char *name;
    dnn_status (*make)(dnn_loss **out, dnn_context *ctx);
    case_input y, target;
} loss_case;

extern const loss_case loss_table[];
extern const int loss_table_count;

/* A tensor as the case says; another seed, other numbers. Floats become `dtype`. NULL on failure. */
dnn_tensor *case_tensor(dnn_context *ctx, const case_input *input, dnn_dtype dtype, uint64_t seed);

/* All inputs of a layer; false, and nothing made, on failure. */
bool case_inputs(dnn_context *ctx, const layer_case *c, dnn_dtype dtype, uint64_t seed, dnn_tensor **inputs);
void case_release(dnn_tensor **inputs, int32_t n);

#endif
