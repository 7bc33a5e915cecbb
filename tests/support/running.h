/* Modules at work in tests: tensors of given numbers, forward and backward that must succeed, errors word for word. */
#ifndef TEST_RUNNING_H
#define TEST_RUNNING_H

#include <dnn/dnn.h>
#include <stdbool.h>

/* Rank and sizes, as two arguments. */
#define DIMS(...) (int32_t)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}

/* New tensors: of those values (NULL: zeros), of normal numbers. */
dnn_tensor *tensor_of(dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims, const double *values);
dnn_tensor *tensor_normal(dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims, uint64_t seed);

double tensor_at(const dnn_tensor *tensor, int64_t i);
void tensor_put(dnn_tensor *tensor, int64_t i, double value);

/* The parameter or buffer of that path. */
dnn_tensor *value_of(dnn_module *m, const char *path);
dnn_tensor *gradient_of(dnn_module *m, const char *path);

/* Both lend, as the calls that they stand for. run_backward wants DNN_GRADIENTS_INPUTS. */
const dnn_tensor *run_forward(dnn_module *m, const dnn_tensor *x);
const dnn_tensor *run_backward(dnn_module *m, const dnn_tensor *dy);

void expect_near(const dnn_tensor *tensor, int64_t i, double want, double bound, const char *what);
void expect_values(const dnn_tensor *tensor, const double *want, double bound, const char *what);
void expect_shape(const dnn_tensor *tensor, int32_t rank, const int64_t *dims);
void expect_error(dnn_status got, dnn_status want, const char *line);
void expect_same_bits(const dnn_tensor *a, const dnn_tensor *b, const char *what);

/* Σ a b, in double. */
double dot(const dnn_tensor *a, const dnn_tensor *b);

#endif
