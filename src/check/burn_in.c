/* Steps down the gradient, so that the check can be made again away from the starting values, where a fault may not
 * show (a weight of 0, a mean of 0, weights that are all alike). */
#include <math.h>

#include "check/network.h"

/* How far one step moves the values of a tensor: relative to their root mean square, and at least. */
#define RELATIVE_STEP 0.01
#define LEAST_STEP 1e-3

static double root_mean_square(const double *numbers, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += numbers[i] * numbers[i];
    return sqrt(sum / (double)n);
}

static void move(check_tensor *t) {
    double *x = t->array.data, size = root_mean_square(t->gradient, t->count);
    if (size == 0 || !isfinite(size)) return;
    double step = (RELATIVE_STEP * root_mean_square(x, t->count) + LEAST_STEP) / size;
    for (int64_t i = 0; i < t->count; i++) t->home[i] = x[i] -= step * t->gradient[i];
}

/* Running statistics go on from where the forward left them. */
static void keep_buffers(const check_network *n) {
    for (int64_t i = 0; i < n->index->n_parameters; i++) {
        if (!n->buffers[i]) continue;
        const dnn_array *a = &n->index->parameters[i].parameter->value->array;
        for (int64_t k = 0, count = dnni_count(a); k < count; k++) n->buffers[i][k] = dnni_load(a->dtype, a->data, k);
    }
}

/* The float32 copy is out: its lists hold its own tensors. (Its buffers are set before each forward.) */
static void follow_in_float32(const check_network *n) {
    for (int64_t t = 0; n->f32.module.values && t < n->n_tensors; t++) {
        if (n->sources[t].input >= 0) continue;
        const dnn_array *a = &n->f32.module.values[n->sources[t].parameter]->array;
        for (int64_t k = 0; k < n->tensors[t].count; k++) dnni_store(a->dtype, a->data, k, n->tensors[t].home[k]);
    }
}

dnn_status dnni_gradcheck_burn_in(check_network *n, int32_t steps) {
    check_problem *p = n->loss.loss ? &n->followed : &n->alone;
    for (int32_t step = 0; step < steps; step++) {
        DNNI_TRY(p->differentiate(p));
        keep_buffers(n);
        for (int64_t i = 0; i < n->n_tensors; i++)
            if (n->sources[i].input < 0) move(&n->tensors[i]);
    }
    follow_in_float32(n);
    return DNN_OK;
}
