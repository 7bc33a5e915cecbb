/* Runs to be tried out: small data that can be learnt, small networks, a loss and an optimizer. In data_ctx. */
#ifndef TEST_FLIGHTS_H
#define TEST_FLIGHTS_H

#include "support/datasets.h"

typedef struct flight {
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_dataset *data;
} flight;

void flight_end(flight *f);

/* n points in `dims` numbers, around one of `classes` places; int64 labels, in random order. */
dnn_dataset *flight_blobs(int64_t n, int64_t dims, int64_t classes, uint64_t seed);

/* n points in `dims` numbers, the target a smooth function of them plus `offset`: float32 (1). */
dnn_dataset *flight_curve(int64_t n, int64_t dims, double offset, uint64_t seed);

/* n sequences (steps, 2): the class, 0 or 1, is the sign of the sum of the first column. */
dnn_dataset *flight_sequences(int64_t n, int64_t steps, uint64_t seed);

/* Samples (i, i + 0.5) of the float32 values given. */
dnn_dataset *flight_dataset(dnn_tensor *x, dnn_tensor *target);

/* Layers of data_ctx. */
dnn_module *flight_dense(int64_t in, int64_t out);
dnn_module *flight_conv(int64_t in, int64_t out);
dnn_module *flight_norm(int64_t features);
dnn_module *flight_chain(dnn_module *const *layers, int n);
#define FLIGHT_CHAIN(...) \
    flight_chain((dnn_module *[]){__VA_ARGS__}, (int)(sizeof((dnn_module *[]){__VA_ARGS__}) / sizeof(dnn_module *)))

dnn_loss *flight_cross_entropy(void);
dnn_loss *flight_squares(void);
dnn_optimizer *flight_adam(dnn_module *net, double lr);

/* Sets every number of the parameter of that path. */
void flight_set(dnn_module *net, const char *path, double value);

/* That the report has the finding with that severity, and those words in its text; or no finding of that name. */
void flight_expect(dnn_report *report, const char *name, dnn_severity severity, const char *words);
void flight_expect_none(dnn_report *report, const char *name);

#endif
