/* The gradient of a batch is the sum of those of its parts. That holds where forward treats samples apart, and this is
 * seen from forward itself: where the outputs of a part are not that part of the batch's outputs (batch norm when
 * training, dropout, an axis 0 that is no batch), or where a part does not run at all, nothing is said.
 *
 * All values are moved before it: at its starting values a layer that mixes samples may not show it (a factor of 0). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/structure.h"

enum { MOST_PARTS = 4 };

/* Sums in another order; relative to the largest number of a tensor, or 1 % of the largest in all. */
#define FORWARD_TOLERANCE 1e-10
#define GRADIENT_TOLERANCE 1e-9
#define SMALL_SHARE 0.01

typedef struct parts {
    check_network *network;
    dnni_pool pool;
    int64_t batch, size;                /* samples in all, and in a part; the last part may have less */
    dnn_tensor **inputs, **cotangents;  /* of one part */
    double **outputs, **gradients;      /* of the batch; NULL where the output is no float */
    double output_size, gradient_size;  /* the largest number in all of them */
    bool apart;
    char detail[320];                   /* "": gradients agree */
} parts;

static bool is_batch(const dnn_array *a, int64_t batch) { return a->rank > 0 && a->dims[0] == batch; }

static bool inputs_are_batches(const check_network *n) {
    if (n->n_inputs == 0 || n->f64.inputs[0]->array.rank == 0 || n->f64.inputs[0]->array.dims[0] < 2) return false;
    for (int32_t i = 0; i < n->n_inputs; i++)
        if (!is_batch(&n->f64.inputs[i]->array, n->f64.inputs[0]->array.dims[0])) return false;
    return true;
}

static bool outputs_are_batches(const check_network *n, int64_t batch) {
    for (int32_t i = 0; i < n->n_outputs; i++)
        if (!is_batch(&n->outputs[i]->array, batch)) return false;
    return true;
}

/* ---- the batch ---- */

static double *keep(parts *p, const dnn_array *a, double *largest) {
    int64_t count = dnni_count(a);
    double *kept = dnni_pool_alloc(&p->pool, count, sizeof *kept);
    for (int64_t i = 0; kept && i < count; i++) {
        kept[i] = ((const double *)a->data)[i];
        *largest = fmax(*largest, fabs(kept[i]));
    }
    return kept;
}

static dnn_status keep_all(parts *p) {
    const check_network *n = p->network;
    for (int32_t i = 0; i < n->n_outputs; i++) {
        if (!n->cotangents[i]) continue;
        p->outputs[i] = keep(p, &n->outputs[i]->array, &p->output_size);
        if (!p->outputs[i]) return DNN_ERROR_MEMORY;
    }
    for (int64_t i = 0; i < n->n_tensors; i++) {
        p->gradients[i] = keep(p, dnni_gradcheck_gradient(n, i), &p->gradient_size);
        if (!p->gradients[i]) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

static dnn_status run_batch(parts *p) {
    check_network *n = p->network;
    dnni_gradcheck_clear_gradients(n);
    n->alone.evaluations++;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    p->apart = outputs_are_batches(n, p->batch);
    if (!p->apart) return DNN_OK;
    DNNI_TRY(dnni_gradcheck_backward(n, n->cotangents));
    return keep_all(p);
}

/* ---- comparing ---- */

/* The first place where numbers [0, count) are not those wanted; -1: none. */
static int64_t difference(const double *got, const double *want, int64_t count, double bound) {
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(got[i] - want[i]) <= bound) && !(isnan(got[i]) && isnan(want[i]))) return i;
    return -1;
}

static bool same_outputs(const parts *p, int64_t first, int64_t count) {
    const check_network *n = p->network;
    for (int32_t i = 0; i < n->n_outputs; i++) {
        const dnn_array *y = &n->outputs[i]->array;
        if (!is_batch(y, count)) return false;
        if (!n->cotangents[i]) continue;
        int64_t row = dnni_count(&n->cotangents[i]->array) / p->batch;
        if (dnni_count(y) != count * row) return false;
        if (difference(y->data, p->outputs[i] + first * row, count * row, FORWARD_TOLERANCE * p->output_size) >= 0)
            return false;
    }
    return true;
}

/* `want` is a part of the tensor's gradient that begins at element `first`. */
static void compare(parts *p, int64_t tensor, const double *want, int64_t count, int64_t first) {
    const check_tensor *t = &p->network->tensors[tensor];
    const double *got = dnni_gradcheck_gradient(p->network, tensor)->data;
    double size = SMALL_SHARE * p->gradient_size;
    for (int64_t i = 0; i < t->count; i++) size = fmax(size, fabs(p->gradients[tensor][i]));
    int64_t at = difference(got, want, count, GRADIENT_TOLERANCE * size);
    if (at < 0 || *p->detail) return;
    snprintf(p->detail, sizeof p->detail, "the gradient of %.120s at element %lld is %s, from parts of the batch %s",
             t->path, (long long)(first + at), dnni_real(want[at], 17).text,
             dnni_real(got[at], 17).text);
}

static void compare_input_gradients(parts *p, int64_t first, int64_t count) {
    const check_network *n = p->network;
    for (int64_t i = 0; i < n->n_tensors; i++) {
        if (n->sources[i].input < 0) continue;
        int64_t row = n->tensors[i].count / p->batch;
        compare(p, i, p->gradients[i] + first * row, count * row, first * row);
    }
}

static void compare_parameter_gradients(parts *p) {
    const check_network *n = p->network;
    for (int64_t i = 0; i < n->n_tensors; i++)
        if (n->sources[i].input < 0) compare(p, i, p->gradients[i], n->tensors[i].count, 0);
}

/* ---- parts ---- */

static void release_part(parts *p) {
    for (int32_t i = 0; i < p->network->n_inputs; i++) {
        dnn_tensor_release(p->inputs[i]);
        p->inputs[i] = NULL;
    }
    for (int32_t i = 0; i < p->network->n_outputs; i++) {
        dnn_tensor_release(p->cotangents[i]);
        p->cotangents[i] = NULL;
    }
}

static dnn_status cut_part(parts *p, int64_t first, int64_t count) {
    const check_network *n = p->network;
    for (int32_t i = 0; i < n->n_inputs; i++)
        DNNI_TRY(dnn_tensor_slice(&p->inputs[i], n->f64.inputs[i], first, count));
    for (int32_t i = 0; i < n->n_outputs; i++)
        if (n->cotangents[i]) DNNI_TRY(dnn_tensor_slice(&p->cotangents[i], n->cotangents[i], first, count));
    return DNN_OK;
}

/* With the part's inputs in place of the batch's. */
static dnn_status run_part(parts *p, int64_t first, int64_t count) {
    check_network *n = p->network;
    dnn_tensor **inputs = n->f64.inputs;
    n->f64.inputs = p->inputs;
    n->alone.evaluations++;
    dnn_status status = dnni_gradcheck_forward(n, &n->f64, NULL);
    p->apart = status == DNN_OK && same_outputs(p, first, count);
    if (p->apart) status = dnni_gradcheck_backward(n, p->cotangents);
    n->f64.inputs = inputs;
    if (p->apart && status == DNN_OK) compare_input_gradients(p, first, count);
    return p->apart || status == DNN_ERROR_MEMORY ? status : DNN_OK;
}

static dnn_status run_parts(parts *p) {
    dnni_gradcheck_clear_gradients(p->network);
    for (int64_t first = 0; first < p->batch && p->apart; first += p->size) {
        int64_t count = first + p->size < p->batch ? p->size : p->batch - first;
        dnn_status status = cut_part(p, first, count);
        if (status == DNN_OK) status = run_part(p, first, count);
        release_part(p);
        DNNI_TRY(status);
    }
    if (p->apart) compare_parameter_gradients(p);
    return DNN_OK;
}

static dnn_status make_lists(parts *p) {
    const check_network *n = p->network;
    p->inputs = dnni_pool_alloc(&p->pool, n->n_inputs, sizeof *p->inputs);
    p->cotangents = dnni_pool_alloc(&p->pool, n->n_outputs, sizeof *p->cotangents);
    p->outputs = dnni_pool_alloc(&p->pool, n->n_outputs, sizeof *p->outputs);
    p->gradients = dnni_pool_alloc(&p->pool, n->n_tensors, sizeof *p->gradients);
    return p->inputs && p->cotangents && p->outputs && p->gradients ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_gradcheck_samples(check_network *n, const char *phase, dnn_check_report *report) {
    if (!inputs_are_batches(n)) return DNN_OK;
    parts p = {.network = n, .pool = {.ctx = n->ctx}, .batch = n->f64.inputs[0]->array.dims[0]};
    p.size = (p.batch + MOST_PARTS - 1) / MOST_PARTS;
    dnni_gradcheck_move_all(n);
    dnn_status status = make_lists(&p);
    if (status == DNN_OK) status = run_batch(&p);
    if (status == DNN_OK && p.apart) status = run_parts(&p);
    dnni_gradcheck_all_home(n);
    dnni_pool_free(&p.pool);
    if (status != DNN_OK || !p.apart) return status;
    return dnni_gradcheck_add_finding(report, "a batch is the sum of its samples", phase, !*p.detail, p.detail);
}
