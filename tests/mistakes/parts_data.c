#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/io.h>

#include "mistakes/parts.h"
#include "support/arrays.h"

float *floats(data d) { return dnn_tensor_data(d.x); }
int64_t *labels(data d) { return dnn_tensor_data(d.t); }
int64_t each(data d) { return dnn_tensor_count(d.x) / dnn_tensor_dim(d.x, 0); }

dnn_dataset *set_of(data d) {
    dnn_dataset *set;
    OK(dnn_dataset_from_tensors(&set, d.x, d.t));
    OK(dnn_tensor_release(d.x));
    OK(dnn_tensor_release(d.t));
    return set;
}

/* ---- pictures ---- */

enum { KEPT = 1000, PIXELS = SIDE * SIDE };

/* The first of MNIST's test digits, read once: a compressed file takes its time. */
static struct {
    float x[KEPT * PIXELS];
    int64_t labels[KEPT];
    bool read;
} mnist;

static void read_mnist(program *p) {
    char images[1024], names[1024];
    dnn_dataset *set;
    dnn_tensor *x, *t;
    snprintf(images, sizeof images, "%s/mnist/t10k-images-idx3-ubyte.gz", getenv("DNN_DATA_DIR"));
    snprintf(names, sizeof names, "%s/mnist/t10k-labels-idx1-ubyte.gz", getenv("DNN_DATA_DIR"));
    OK(dnn_idx_dataset(&set, p->ctx, images, names, NULL));
    OK(dnn_dataset_get_range(&x, &t, set, 0, KEPT));
    memcpy(mnist.x, dnn_tensor_const_data(x), sizeof mnist.x);
    memcpy(mnist.labels, dnn_tensor_const_data(t), sizeof mnist.labels);
    mnist.read = true;
    OK(dnn_tensor_release(x));
    OK(dnn_tensor_release(t));
    OK(dnn_dataset_release(set));
}

static data real_pictures(program *p, int64_t first, int64_t n) {
    data d;
    assert_true(first + n <= KEPT);
    if (!mnist.read) read_mnist(p);
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_F32, DIMS(n, SIDE, SIDE, 1)));
    OK(dnn_tensor_create(&d.t, p->ctx, DNN_I64, DIMS(n)));
    memcpy(floats(d), mnist.x + first * PIXELS, (size_t)(n * PIXELS) * sizeof(float));
    memcpy(labels(d), mnist.labels + first, (size_t)n * sizeof(int64_t));
    return d;
}

data pictures(program *p, int64_t first, int64_t n) {
    dnn_dataset *set;
    data d;
    p->pictures = true;
    if (p->real) return real_pictures(p, first, n);
    OK(dnn_digits(&set, p->ctx, DESC(dnn_digits_desc, .count = first + n)));
    OK(dnn_dataset_get_range(&d.x, &d.t, set, first, n));
    OK(dnn_dataset_release(set));
    return d;
}

/* ---- rows ---- */

/* Sample i is the same whichever range it is asked in, and has nothing to do with its neighbours: Stafford's mixer. */
static uint64_t seed_of(int64_t i) {
    uint64_t z = (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double put_row(float *row, int64_t i, int64_t group) {
    uint64_t seed = seed_of(i);
    double sum = 0;
    for (int64_t c = 0; c < COLUMNS; c++) {
        double centre = group < 0 ? 0 : 1.2 * cos((double)(group * COLUMNS + c) * 2.4);
        row[c] = (float)(centre + (group < 0 ? 1 : 0.5) * test_normal(&seed));
        sum += (c % 2 ? 0.5 : -0.6) * (double)row[c];
    }
    return sum + 0.05 * test_normal(&seed);
}

data rows(program *p, int64_t first, int64_t n) {
    data d;
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_F32, DIMS(n, COLUMNS)));
    OK(dnn_tensor_create(&d.t, p->ctx, DNN_I64, DIMS(n)));
    for (int64_t i = 0; i < n; i++) {
        uint64_t seed = seed_of(first + i) ^ 0x5555;
        labels(d)[i] = (int64_t)(seed >> 33) % GROUPS;
        put_row(floats(d) + i * COLUMNS, first + i, labels(d)[i]);
    }
    return d;
}

data numbers(program *p, int64_t first, int64_t n) {
    data d;
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_F32, DIMS(n, COLUMNS)));
    OK(dnn_tensor_create(&d.t, p->ctx, DNN_F32, DIMS(n, 1)));
    for (int64_t i = 0; i < n; i++) {
        double sum = put_row(floats(d) + i * COLUMNS, first + i, -1);
        ((float *)dnn_tensor_data(d.t))[i] = (float)(1.4 * sin(sum));
    }
    return d;
}

/* ---- sequences ---- */

/* The mark is a 2 on the last signal; which of the others is largest there is the class. */
static int64_t put_sequence(float *x, int64_t i) {
    uint64_t seed = seed_of(i);
    int64_t at = (int64_t)(seed >> 40) % STEPS, best = 0;
    for (int64_t k = 0; k < STEPS * SIGNALS; k++) x[k] = (float)(0.5 * test_normal(&seed));
    for (int64_t t = 0; t < STEPS; t++) x[t * SIGNALS + SIGNALS - 1] = t == at ? 2 : 0;
    for (int64_t c = 1; c < SIGNALS - 1; c++)
        if (x[at * SIGNALS + c] > x[at * SIGNALS + best]) best = c;
    x[at * SIGNALS + best] += 1;
    return best;
}

data sequences(program *p, int64_t first, int64_t n) {
    data d;
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_F32, DIMS(n, STEPS, SIGNALS)));
    OK(dnn_tensor_create(&d.t, p->ctx, DNN_I64, DIMS(n)));
    for (int64_t i = 0; i < n; i++) labels(d)[i] = put_sequence(floats(d) + i * STEPS * SIGNALS, first + i);
    return d;
}

/* ---- texts ---- */

data texts(program *p, int64_t first, int64_t n) {
    data d;
    OK(dnn_tensor_create(&d.x, p->ctx, DNN_I64, DIMS(n, LENGTH)));
    OK(dnn_tensor_create(&d.t, p->ctx, DNN_I64, DIMS(n)));
    for (int64_t i = 0; i < n; i++) {
        int64_t high = 0, *text = (int64_t *)dnn_tensor_data(d.x) + i * LENGTH;
        for (int64_t k = 0; k < LENGTH; k++) {
            text[k] = (int64_t)(seed_of((first + i) * LENGTH + k) % WORDS);
            high += text[k] >= WORDS / 2;
        }
        labels(d)[i] = high > LENGTH / 2;
    }
    return d;
}
