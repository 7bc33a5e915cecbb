#include "check/structure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rng/rng.h"

/* Adding up in another order is not a fault: relative to the largest number in all gradients, since one that is 0 in
 * truth (of a bias before a batch norm) is nothing but rounding. */
#define ADDING_TOLERANCE 1e-12

typedef struct structure {
    check_network *network;
    const char *phase;
    dnn_check_report *report;
    dnn_tensor **scratch; /* one for each output: zeros, or 2v */
    char detail[320];
} structure;

static dnn_status report(structure *s, const char *name, bool passed) {
    return dnni_gradcheck_add_finding(s->report, name, s->phase, passed, s->detail);
}

void dnni_gradcheck_move_all(const check_network *n) {
    for (int64_t i = 0; i < n->n_tensors; i++) {
        double *x = n->tensors[i].array.data;
        uint64_t stream = dnni_gradcheck_stream(CHECK_MOVES, i, 1);
        for (int64_t k = 0; k < n->tensors[i].count; k++)
            x[k] = n->tensors[i].home[k] + 0.1 * dnnk_random_uniform(n->alone.seed, stream, (uint64_t)k);
    }
}

/* Also undoes what a faulty layer may have written. */
void dnni_gradcheck_all_home(const check_network *n) {
    const double *weights = n->alone.weights;
    for (int64_t i = 0; i < n->n_tensors; i++) dnni_gradcheck_go_home(&n->tensors[i]);
    for (int32_t i = 0; i < n->n_outputs; i++) {
        if (!n->cotangents[i]) continue;
        int64_t count = dnni_count(&n->cotangents[i]->array);
        if (count > 0) memcpy(n->cotangents[i]->array.data, weights, (size_t)count * sizeof *weights);
        weights += count;
    }
}

static dnn_status run(structure *s, dnn_tensor *const *cotangents) {
    check_network *n = s->network;
    n->alone.evaluations++;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    return dnni_gradcheck_backward(n, cotangents);
}

static dnn_status run_afresh(structure *s, dnn_tensor *const *cotangents) {
    dnni_gradcheck_clear_gradients(s->network);
    return run(s, cotangents);
}

/* ---- comparing gradients ---- */

static double largest_gradient(const check_network *n) {
    double size = 0;
    for (int64_t k = 0; k < n->n_tensors; k++)
        for (int64_t i = 0; i < n->tensors[k].count; i++) size = fmax(size, fabs(n->tensors[k].analytic[i]));
    return size;
}

/* Whether the gradient is `factor` times the analytic one, but for `error`. */
static bool is_multiple(structure *s, int64_t tensor, double factor, double error) {
    const check_tensor *t = &s->network->tensors[tensor];
    const double *g = dnni_gradcheck_gradient(s->network, tensor)->data;
    for (int64_t i = 0; i < t->count; i++) {
        double want = factor * t->analytic[i];
        if (fabs(g[i] - want) <= error || (isnan(want) && isnan(g[i]))) continue;
        snprintf(s->detail, sizeof s->detail, "the gradient of %.120s has %s at element %lld, expected is %s", t->path,
                 dnni_real(g[i], 17).text, (long long)i, dnni_real(want, 17).text);
        return false;
    }
    return true;
}

static bool all_are_multiples(structure *s, double factor, double tolerance, bool parameters_only) {
    double error = tolerance > 0 ? tolerance * factor * largest_gradient(s->network) : 0;
    for (int64_t i = 0; i < s->network->n_tensors; i++) {
        if (parameters_only && s->network->sources[i].input >= 0) continue;
        if (!is_multiple(s, i, factor, error)) return false;
    }
    return true;
}

/* ---- repeats ---- */

/* Somewhere else, so that what is left over in a buffer is of no use. */
static dnn_status run_elsewhere(structure *s) {
    dnni_gradcheck_move_all(s->network);
    dnn_status status = run_afresh(s, s->network->cotangents);
    dnni_gradcheck_all_home(s->network);
    return status;
}

static bool same_outputs(structure *s) {
    const check_network *n = s->network;
    const double *y = n->alone.base.y;
    for (int32_t i = 0; i < n->n_outputs; i++) {
        if (!n->cotangents[i]) continue;
        int64_t count = dnni_count(&n->outputs[i]->array);
        if (count > 0 && memcmp(n->outputs[i]->array.data, y, (size_t)count * sizeof *y) != 0) {
            snprintf(s->detail, sizeof s->detail, "output %d differs from run to run", i);
            return false;
        }
        y += count;
    }
    return true;
}

static dnn_status check_repeats(structure *s) {
    check_network *n = s->network;
    DNNI_TRY(run_elsewhere(s));
    dnni_gradcheck_clear_gradients(n);
    n->alone.evaluations++;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    bool same = same_outputs(s);
    DNNI_TRY(dnni_gradcheck_backward(n, n->cotangents));
    return report(s, "two runs are equal", same && all_are_multiples(s, 1, 0, false));
}

/* ---- what may only be read ---- */

/* FNV-1a. */
static uint64_t checksum(const dnn_array *a) {
    const unsigned char *bytes = a->data;
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (int64_t i = 0, n = dnni_bytes(a); i < n; i++) sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Everything that one run may only read: inputs, parameters, dL/dy, and, in evaluation, buffers. */
static int64_t count_read_only(const check_network *n) {
    return n->n_inputs + n->index->n_parameters + n->n_outputs;
}

static bool may_change(const dnni_index_parameter *p) {
    return p->is_buffer && p->owner->training;
}

/* The k-th of them, with a name; NULL: it may be written to. */
static const dnn_array *read_only(const check_network *n, int64_t k, char *name, size_t bytes) {
    if (k < n->n_inputs) {
        snprintf(name, bytes, "input %lld", (long long)k);
        return &n->f64.inputs[k]->array;
    }
    k -= n->n_inputs;
    if (k < n->index->n_parameters) {
        const dnni_index_parameter *p = &n->index->parameters[k];
        snprintf(name, bytes, "%.120s", p->path);
        return may_change(p) ? NULL : &p->parameter->value->array;
    }
    k -= n->index->n_parameters;
    snprintf(name, bytes, "dL/dy of output %lld", (long long)k);
    return n->cotangents[k] ? &n->cotangents[k]->array : NULL;
}

static bool unchanged(structure *s, const uint64_t *before) {
    char name[160];
    for (int64_t k = 0; k < count_read_only(s->network); k++) {
        const dnn_array *a = read_only(s->network, k, name, sizeof name);
        if (!a || checksum(a) == before[k]) continue;
        snprintf(s->detail, sizeof s->detail, "%s was written to", name);
        return false;
    }
    return true;
}

static dnn_status check_read_only(structure *s) {
    char name[160];
    dnni_pool pool = {.ctx = s->network->ctx};
    uint64_t *before = dnni_pool_alloc(&pool, count_read_only(s->network), sizeof *before);
    if (!before) return DNN_ERROR_MEMORY;
    for (int64_t k = 0; k < count_read_only(s->network); k++) {
        const dnn_array *a = read_only(s->network, k, name, sizeof name);
        if (a) before[k] = checksum(a);
    }
    dnn_status status = run_afresh(s, s->network->cotangents);
    if (status == DNN_OK) status = report(s, "nothing is written to that is only read", unchanged(s, before));
    dnni_pool_free(&pool);
    return status;
}

/* ---- linear in dL/dy ---- */

static void fill_scratch(structure *s, double factor) {
    const check_network *n = s->network;
    for (int32_t i = 0; i < n->n_outputs; i++) {
        if (!s->scratch[i]) continue;
        double *to = s->scratch[i]->array.data;
        const double *v = n->cotangents[i]->array.data;
        for (int64_t k = 0, count = dnni_count(&s->scratch[i]->array); k < count; k++) to[k] = factor * v[k];
    }
}

static dnn_status check_linear(structure *s, const char *name, double factor) {
    fill_scratch(s, factor);
    DNNI_TRY(run_afresh(s, s->scratch));
    return report(s, name, all_are_multiples(s, factor, 0, false));
}

static dnn_status check_zero(structure *s) { return check_linear(s, "backward of 0 is 0", 0); }
static dnn_status check_twice(structure *s) { return check_linear(s, "backward of 2v is twice that of v", 2); }

static dnn_status check_accumulation(structure *s) {
    DNNI_TRY(run_afresh(s, s->network->cotangents));
    DNNI_TRY(run(s, s->network->cotangents));
    return report(s, "a second backward adds as much again", all_are_multiples(s, 2, ADDING_TOLERANCE, true));
}

/* Of several outputs, the last one's gradient is left out, then given as zeros. */
static dnn_status check_missing(structure *s) {
    check_network *n = s->network;
    int32_t last = n->n_outputs - 1;
    if (n->n_outputs < 2 || !n->cotangents[last]) return DNN_OK;
    fill_scratch(s, 1);
    memset(s->scratch[last]->array.data, 0, (size_t)dnni_bytes(&s->scratch[last]->array));
    DNNI_TRY(run_afresh(s, s->scratch));
    for (int64_t i = 0; i < n->n_tensors; i++) {
        check_tensor *t = &n->tensors[i];
        memcpy(t->analytic, dnni_gradcheck_gradient(n, i)->data, (size_t)t->count * sizeof(double));
    }
    dnn_tensor *zeros = s->scratch[last];
    s->scratch[last] = NULL;
    dnn_status status = run_afresh(s, s->scratch);
    s->scratch[last] = zeros;
    return status == DNN_OK ? report(s, "no gradient counts as zeros", all_are_multiples(s, 1, 0, false)) : status;
}

/* ---- frozen ---- */

/* Every second parameter; its gradient is filled with a pattern that nothing computes. */
enum { POISON = 0xa5 };

static void freeze_half(const check_network *n, int64_t remainder) {
    for (int64_t i = 0; i < n->n_tensors; i++) {
        if (n->sources[i].input >= 0) continue;
        dnni_parameter *p = n->index->parameters[n->sources[i].parameter].parameter;
        p->frozen = i % 2 == remainder;
        if (p->frozen) memset(p->gradient->array.data, POISON, (size_t)dnni_bytes(&p->gradient->array));
    }
}

static bool untouched(structure *s, int64_t tensor) {
    const dnn_array *a = dnni_gradcheck_gradient(s->network, tensor);
    const unsigned char *bytes = a->data;
    for (int64_t i = 0, n = dnni_bytes(a); i < n; i++) {
        if (bytes[i] == POISON) continue;
        snprintf(s->detail, sizeof s->detail, "the gradient of %.120s was written to, though it is frozen",
                 s->network->tensors[tensor].path);
        return false;
    }
    return true;
}

static bool frozen_untouched_others_equal(structure *s, int64_t remainder) {
    for (int64_t i = 0; i < s->network->n_tensors; i++) {
        bool frozen = s->network->sources[i].input < 0 && i % 2 == remainder;
        if (frozen ? !untouched(s, i) : !is_multiple(s, i, 1, 0)) return false;
    }
    return true;
}

static dnn_status check_frozen(structure *s) {
    bool passed = true;
    dnn_status status = DNN_OK;
    for (int64_t half = 0; half < 2 && status == DNN_OK && passed; half++) {
        dnni_gradcheck_clear_gradients(s->network);
        freeze_half(s->network, half);
        status = run(s, s->network->cotangents);
        if (status == DNN_OK) passed = frozen_untouched_others_equal(s, half);
        freeze_half(s->network, 2);
    }
    return status == DNN_OK ? report(s, "frozen parameters are left alone", passed) : status;
}

/* ---- all ---- */

static dnn_status make_scratch(structure *s, dnni_pool *pool) {
    const check_network *n = s->network;
    s->scratch = dnni_pool_alloc(pool, n->n_outputs, sizeof *s->scratch);
    if (!s->scratch) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n->n_outputs; i++)
        if (n->cotangents[i]) DNNI_TRY(dnni_tensor_like(&s->scratch[i], n->ctx, &n->cotangents[i]->array));
    return DNN_OK;
}

static dnn_status check_samples(structure *s) { return dnni_gradcheck_samples(s->network, s->phase, s->report); }

static dnn_status check_everything(structure *s) {
    static dnn_status (*const checks[])(structure *) = {check_repeats, check_read_only,    check_zero,
                                                        check_twice,   check_accumulation, check_frozen,
                                                        check_samples, check_missing};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        dnni_gradcheck_all_home(s->network);
        DNNI_TRY(checks[i](s));
    }
    return DNN_OK;
}

dnn_status dnni_gradcheck_structure(check_network *n, const char *phase, dnn_check_report *r) {
    structure s = {.network = n, .phase = phase, .report = r};
    dnni_pool pool = {.ctx = n->ctx};
    dnn_status status = make_scratch(&s, &pool);
    if (status == DNN_OK) status = check_everything(&s);
    for (int32_t i = 0; s.scratch && i < n->n_outputs; i++) dnn_tensor_release(s.scratch[i]);
    dnni_pool_free(&pool);
    return status;
}
