#include <math.h>
#include <string.h>

#include "metrics/metrics.h"

static dnn_status check(const dnn_array *y, const dnn_array *target) {
    if (!dnni_is_real(target->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "target is %s: of numbers it is float32 or float64 (for classes set "
                                           "desc.classes)",
                          dnn_dtype_name(target->dtype));
    if (dnni_same_shape(y, target)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "y has shape %s, target %s: they must be the same", dnni_array_shape(y).text,
                      dnni_array_shape(target).text);
}

/* The sum of squares about the mean, as it comes: Welford 1962. */
static void add_one(dnn_metrics *m, double y, double target) {
    double error = y - target;
    m->count++;
    if (!isfinite(error)) {
        m->not_finite++;
        return;
    }
    m->squares += error * error;
    m->absolutes += fabs(error);
    m->errors += error;
    m->largest = fmax(m->largest, fabs(error));
    double distance = target - m->target_mean;
    m->target_mean += distance / (double)(m->count - m->not_finite);
    m->target_squares += distance * (target - m->target_mean);
}

dnn_status dnni_numbers_add(dnn_metrics *m, const dnn_array *y, const dnn_array *target) {
    DNNI_TRY(check(y, target));
    for (int64_t i = 0, n = dnni_count(y); i < n; i++)
        add_one(m, dnni_load(y->dtype, y->data, i), dnni_load(target->dtype, target->data, i));
    return DNN_OK;
}

dnn_status dnni_numbers_get(const dnn_metrics *m, const char *name, double *value) {
    double n = (double)(m->count - m->not_finite);
    if (strcmp(name, "mse") == 0) *value = m->squares / n;
    else if (strcmp(name, "rmse") == 0) *value = sqrt(m->squares / n);
    else if (strcmp(name, "mae") == 0) *value = m->absolutes / n;
    else if (strcmp(name, "bias") == 0) *value = m->errors / n;
    else if (strcmp(name, "max_error") == 0) *value = n > 0 ? m->largest : NAN;
    else if (strcmp(name, "r2") == 0) *value = m->target_squares > 0 ? 1 - m->squares / m->target_squares : NAN;
    else return dnni_error(DNN_ERROR_NOT_FOUND, "there is no metric \"%.60s\" of numbers: mse, rmse, mae, bias, "
                                                "max_error, r2, count, not_finite",
                           name);
    return DNN_OK;
}
