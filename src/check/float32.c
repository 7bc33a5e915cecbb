/* What float32 computes against what float64 computes: the float64 check never runs that code. */
#include <math.h>
#include <stdio.h>

#include "check/structure.h"

/* Gradients this much smaller than the largest one may be nothing but rounding. */
#define SMALL_SHARE 0.01

typedef struct comparison {
    double worst;
    const char *worst_path;
    double tolerance;
} comparison;

static double largest(const double *numbers, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(numbers[i]));
    return most;
}

/* The largest difference, relative to the largest number, or `floor`. */
static double distance(const dnn_array *a, const double *b, int64_t n, double floor) {
    double most = 0, size = fmax(largest(b, n), floor);
    for (int64_t i = 0; i < n; i++) {
        double d = fabs(dnni_load(a->dtype, a->data, i) - b[i]);
        if (isnan(d) && !isnan(b[i])) return (double)INFINITY;
        most = fmax(most, d);
    }
    return most == 0 ? 0 : most / size;
}

static void note(comparison *c, const char *path, double error) {
    if (error <= c->worst) return;
    c->worst = error;
    c->worst_path = path;
}

static void compare_outputs(const check_network *n, comparison *c) {
    const double *y = n->alone.base.y;
    double size = largest(y, n->alone.n_observed);
    for (int32_t i = 0; i < n->n_outputs; i++) {
        if (!n->cotangents[i]) continue;
        int64_t count = dnni_count(&n->outputs[i]->array);
        note(c, "output", distance(&n->outputs[i]->array, y, count, SMALL_SHARE * size));
        y += count;
    }
}

static void compare_gradients(check_network *n, comparison *c) {
    double size = 0;
    for (int64_t i = 0; i < n->n_tensors; i++) size = fmax(size, largest(n->tensors[i].analytic, n->tensors[i].count));
    for (int64_t i = 0; i < n->n_tensors; i++) {
        check_tensor *t = &n->tensors[i];
        t->float32_error = distance(dnni_gradcheck_gradient(n, i), t->analytic, t->count, SMALL_SHARE * size);
        note(c, t->path, t->float32_error);
    }
}

static void release_all(dnn_tensor **tensors, int32_t n) {
    for (int32_t i = 0; i < n; i++) dnn_tensor_release(tensors[i]);
}

static dnn_status backward(check_network *n, dnn_tensor **cotangents) {
    for (int32_t i = 0; i < n->n_outputs; i++)
        if (n->cotangents[i])
            DNNI_TRY(dnn_tensor_cast(&cotangents[i], n->cotangents[i], DNN_F32, DNN_CAST_LOSSY, NULL));
    dnni_gradcheck_clear_gradients(n);
    return dnni_gradcheck_backward(n, cotangents);
}

static dnn_status add_finding(dnn_check_report *report, const char *phase, const comparison *c) {
    char detail[256] = "";
    bool passed = c->worst <= c->tolerance;
    if (!passed)
        snprintf(detail, sizeof detail, "%.120s differs by %s, relative; the tolerance is %s", c->worst_path,
                 dnni_real(c->worst, 3).text, dnni_real(c->tolerance, 3).text);
    report->figures.worst_float32_error = fmax(report->figures.worst_float32_error, c->worst);
    return dnni_gradcheck_add_finding(report, "float32 agrees with float64", phase, passed, detail);
}

/* Where rounding made another choice (a ReLU near 0), gradients may well differ: then only the outputs are compared. */
static dnn_status compare(check_network *n, const char *phase, const dnn_check_desc *o, dnn_check_report *report) {
    comparison c = {.tolerance = o->float32_tolerance};
    dnni_pool pool = {.ctx = n->ctx};
    uint64_t choices = 0;
    n->alone.evaluations++;
    dnn_status status = dnni_gradcheck_forward(n, &n->f32, &choices);
    if (status == DNN_ERROR_DTYPE) return DNN_OK; /* a layer that has only float64 */
    DNNI_TRY(status);
    compare_outputs(n, &c);
    dnn_tensor **cotangents = dnni_pool_alloc(&pool, n->n_outputs, sizeof *cotangents);
    if (!cotangents) return DNN_ERROR_MEMORY;
    if (choices == n->alone.base.choices) {
        status = backward(n, cotangents);
        if (status == DNN_OK) compare_gradients(n, &c);
    }
    release_all(cotangents, n->n_outputs);
    dnni_pool_free(&pool);
    return status == DNN_OK ? add_finding(report, phase, &c) : status;
}

dnn_status dnni_gradcheck_float32(check_network *n, const char *phase, const dnn_check_desc *o,
                                  dnn_check_report *report) {
    for (int64_t i = 0; i < n->n_tensors; i++) n->tensors[i].float32_error = (double)NAN;
    dnni_copy_take_out(&n->f64.module);
    dnni_copy_put_in(&n->f32.module);
    dnn_status status = compare(n, phase, o, report);
    dnni_copy_take_out(&n->f32.module);
    dnni_copy_put_in(&n->f64.module);
    return status;
}

/* ---- a loss ---- */

/* The value is no more exact than the numbers that it is computed from. */
static void compare_loss(check_loss_alone *a, double value, const dnn_tensor *dy, comparison *c) {
    check_tensor *t = &a->tensor;
    double want = a->problem.base.y[0], size = fmax(fabs(want), SMALL_SHARE * largest(t->home, t->count));
    bool same = value == want || (isnan(value) && isnan(want));
    t->float32_error = distance(&dy->array, t->analytic, t->count, 0);
    note(c, t->path, t->float32_error);
    note(c, "the loss", same ? 0 : isnan(value) ? (double)INFINITY : fabs(value - want) / size);
}

static dnn_status evaluate_in_float32(check_loss_alone *a, const dnn_tensor *y, const dnn_tensor *target,
                                      comparison *c) {
    double value;
    const dnn_tensor *dy;
    a->problem.evaluations++;
    DNNI_TRY(dnn_loss_evaluate(a->run->loss, y, target, &value, &dy));
    compare_loss(a, value, dy, c);
    return DNN_OK;
}

dnn_status dnni_gradcheck_loss_float32(check_loss_alone *a, const dnn_check_desc *o, dnn_check_report *report) {
    if (o->skip & DNN_CHECK_NO_FLOAT32) return DNN_OK;
    comparison c = {.tolerance = o->float32_tolerance};
    dnn_tensor *y = NULL, *target = NULL;
    bool is_float = dnni_is_real(a->run->target->array.dtype);
    dnn_status status = dnn_tensor_cast(&y, a->y, DNN_F32, DNN_CAST_LOSSY, NULL);
    if (status == DNN_OK && is_float)
        status = dnn_tensor_cast(&target, a->run->target, DNN_F32, DNN_CAST_LOSSY, NULL);
    if (status == DNN_OK) status = evaluate_in_float32(a, y, is_float ? target : a->run->target, &c);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    return status == DNN_OK ? add_finding(report, "loss", &c) : status;
}
