/* The loss of outputs that do not depend on the input. */
#include "preflight/flight.h"

#define RARE 0.5 /* a class that was not seen counts as half a sample: its logarithm is finite */

static void count_labels(const dnn_array *target, const preflight_shares *s) {
    int64_t n = dnni_count(target);
    for (int64_t i = 0; i < n; i++) {
        double label = dnni_load(target->dtype, target->data, i);
        if (label >= 0 && label < (double)s->places) s->mean[(int64_t)label] += 1;
    }
    for (int64_t k = 0; k < s->places; k++)
        s->mean[k] = (s->mean[k] + RARE) / ((double)n + RARE * (double)s->places);
}

static void average_numbers(const dnn_array *target, const preflight_shares *s) {
    int64_t n = dnni_count(target), rows = dnnk_max(n / s->places, 1);
    for (int64_t i = 0; i < n; i++) s->mean[i % s->places] += dnni_load(target->dtype, target->data, i);
    for (int64_t k = 0; k < s->places; k++) s->mean[k] /= (double)rows;
}

/* The constant that makes these losses least; for |d| and Huber's loss nearly so. */
static double best_output(const preflight *f, double mean) {
    double p = fmin(fmax(mean, 1e-6), 1 - 1e-6);
    if (preflight_loss_is(f, "cross_entropy")) return log(p);
    if (preflight_loss_is(f, "bce_with_logits")) return log(p / (1 - p));
    return mean;
}

dnn_status dnni_preflight_shares(preflight *f, const dnn_array *y, const dnn_tensor *target, preflight_shares *s) {
    s->places = y->rank > 1 ? dnnk_max(y->dims[y->rank - 1], 1) : 1;
    s->mean = dnni_pool_alloc(&f->pool, s->places, sizeof *s->mean);
    if (!s->mean) return DNN_ERROR_MEMORY;
    if (preflight_loss_is(f, "cross_entropy") && dnni_is_label(target->array.dtype)) count_labels(&target->array, s);
    else average_numbers(&target->array, s);
    return DNN_OK;
}

dnn_status dnni_preflight_constant_loss(preflight *f, const preflight_shares *s, const dnn_array *y,
                                        const dnn_tensor *target, bool best, double *value) {
    bool logits = preflight_loss_is(f, "cross_entropy") || preflight_loss_is(f, "bce_with_logits");
    dnn_tensor *constant;
    DNNI_TRY(dnni_tensor_like(&constant, f->ctx, y));
    for (int64_t i = 0, n = dnni_count(y); i < n; i++)
        dnni_store(y->dtype, constant->array.data, i, logits && !best ? 0 : best_output(f, s->mean[i % s->places]));
    dnn_status status = dnn_loss_evaluate(f->loss, constant, target, value, NULL);
    dnn_tensor_release(constant);
    return status;
}
