/* What the programs are made of: data, networks, a user's loop, and the questions of a careful one. */
#ifndef MISTAKES_PARTS_H
#define MISTAKES_PARTS_H

#include "mistakes/program.h"

#define DESC(type, ...) &(type){DNN_SIZED(type), __VA_ARGS__}

/* ---- data: inputs and targets of n samples in memory, n from number `first` on ---- */

typedef struct data {
    dnn_tensor *x, *t;
} data;

enum { SIDE = 28, COLUMNS = 6, GROUPS = 3, STEPS = 9, SIGNALS = 4, WORDS = 20, LENGTH = 13 };

/* Handwritten digits, float32 (n, 28, 28, 1) in [0, 1], and int64 (n), of 10 classes: those that dnn_digits draws, or
 * in a program that is to use real data, MNIST's. */
data pictures(program *p, int64_t first, int64_t n);

/* Rows of 6 columns in 3 groups: float32 (n, 6) of mean 0 and deviation about 1, int64 (n). */
data rows(program *p, int64_t first, int64_t n);

/* The same rows, and a number: float32 (n, 1), a smooth function of them of mean 0 and deviation 1. */
data numbers(program *p, int64_t first, int64_t n);

/* Sequences of 9 steps of 4 signals, float32 (n, 9, 4), and which of the signals was strongest at the step that is
 * marked, int64 (n). */
data sequences(program *p, int64_t first, int64_t n);

/* Texts of 13 words out of 20, int64 (n, 13), and whether most of them are in the second half of the dictionary, int64
 * (n). */
data texts(program *p, int64_t first, int64_t n);

/* A dataset of them, which has them from then on. */
dnn_dataset *set_of(data d);

float *floats(data d);
int64_t *labels(data d);
int64_t each(data d); /* numbers in one input */

/* ---- networks ---- */

dnn_module *linear(program *p, int64_t in, int64_t out);
dnn_module *conv(program *p, int64_t in, int64_t out); /* 3 × 3 */
dnn_module *pool(program *p);                          /* the maximum of 2 × 2 */
void chain(program *p);                                /* begins p->net, which is then added to */
void add(program *p, const char *name, dnn_module *child);

void mlp(program *p, int64_t in, int64_t hidden, int64_t out); /* fc1, relu1, fc2, relu2, fc3 */
void cnn(program *p, int64_t classes);                         /* conv1, relu1, pool1, conv2, …, flatten, fc */

/* Layers of the program's own, for one number each: log x, and of at least 1e-6; eˣ; x / (1 + |x|), whose backward may
 * be wrong. */
dnn_module *logarithm(program *p);
dnn_module *safe_logarithm(program *p);
dnn_module *exponential(program *p);
dnn_module *softsign(program *p, bool wrong);

/* One that takes (T, N, C) for (N, T, C). */
dnn_module *time_by_reshape(program *p);

/* The tensor of a parameter. */
dnn_tensor *parameter(program *p, const char *path);

/* ---- training ---- */

void classify(program *p, double lr); /* cross-entropy and Adam */
void regress(program *p, double lr);  /* squared error and Adam */
void load(program *p, int64_t batch, int32_t shuffle);

/* The loop that everybody writes. False: a call refused, which is a finding of its name. */
bool fit(program *p, int epochs);

/* One turn of it. */
bool step(program *p, const dnn_tensor *x, const dnn_tensor *target); /* sets p->value */

/* The mean loss over the test set, in whatever mode the network is. */
double evaluate(program *p);

/* The monitor, which step() feeds from then on; and what it has to say. */
void watch(program *p);
void tell_watched(program *p);

/* ---- questions ---- */

void look(program *p, double low, double high); /* at the next batch; 0, 0: no range is declared */
void audit(program *p, int64_t classes);        /* the training set and, if there is one, the test set */
void probe(program *p);                         /* the network, for what the loader gives */
void preflight(program *p, dnn_preflight_desc desc);
void divergence(program *p, int64_t batch);     /* how far the rate is from one that is too high */
void autopsy(program *p, const dnn_tensor *x);  /* the network on this batch */

#endif
