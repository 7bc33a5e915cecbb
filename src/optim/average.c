#include "optim/average.h"

#include <math.h>

#include "optim/optimizer.h"

/* ---- making ---- */

static void destroy_average(void *object) {
    dnn_average *a = object;
    dnn_context *ctx = a->base.ctx;
    for (int64_t i = 0; a->values && i < a->n; i++) dnni_tensor_take_back(a->values[i]);
    dnni_free(ctx, a->values, a->n, sizeof *a->values);
    dnni_free(ctx, a->segments, a->n, sizeof *a->segments);
    dnni_tensor_take_back(a->updates);
    dnn_module_release(a->module);
}

static dnn_status make_values(dnn_average *a, const dnni_index *index) {
    dnn_context *ctx = a->base.ctx;
    a->values = dnni_alloc(ctx, index->n_parameters, sizeof *a->values);
    a->segments = dnni_alloc(ctx, index->n_parameters, sizeof *a->segments);
    a->n = index->n_parameters;
    if (!a->values || !a->segments) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < a->n; i++) {
        DNNI_TRY(dnni_tensor_like(&a->values[i], ctx, &index->parameters[i].parameter->value->array));
        dnni_tensor_lend(a->values[i]);
    }
    return DNN_OK;
}

static dnn_status fill(dnn_average *a) {
    const dnni_index *index;
    dnn_array whole = dnni_array(DNN_I64, 0, NULL);
    DNNI_TRY(dnni_index_get(&index, a->module));
    DNNI_REQUIRE(index->n_parameters > 0, "the module has no parameters");
    DNNI_TRY(dnni_tensor_like(&a->updates, a->base.ctx, &whole));
    dnni_tensor_lend(a->updates);
    return make_values(a, index);
}

dnn_status dnn_average_create(dnn_average **out, dnn_module *module, const dnn_average_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_average_desc d;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.kind == DNN_AVERAGE_EXPONENTIAL || d.kind == DNN_AVERAGE_EQUAL,
                 "desc.kind is %d, which is no kind of average", (int)d.kind);
    d.decay = dnni_or_default(d.decay, 0.999);
    DNNI_TRY(dnni_check_beta(d.decay, "desc.decay"));
    DNNI_TRY(dnni_module_usable(module));
    dnn_average *a = dnni_object_new(dnni_context_of(module), DNNI_AVERAGE, sizeof *a, destroy_average);
    if (!a) return DNN_ERROR_MEMORY;
    a->module = module;
    dnn_module_retain(module);
    a->kind = d.kind;
    a->decay = d.decay;
    dnn_status status = fill(a);
    if (status == DNN_OK) *out = a;
    else dnn_average_release(a);
    return status;
}

dnn_status dnn_average_release(dnn_average *average) { return dnni_object_release(average, DNNI_AVERAGE, "average"); }

/* ---- following ---- */

static dnn_status check_average(const dnn_average *average) { return dnni_check(average, DNNI_AVERAGE, "average"); }

dnn_status dnni_average_index(const dnn_average *a, const dnni_index **index) {
    DNNI_TRY(dnni_module_usable(a->module));
    DNNI_TRY(dnni_index_get(index, a->module));
    bool same = (*index)->n_parameters == a->n;
    for (int64_t i = 0; same && i < a->n; i++) {
        const dnn_array *now = &(*index)->parameters[i].parameter->value->array, *then = &a->values[i]->array;
        same = now->dtype == then->dtype && dnni_same_shape(now, then);
    }
    return same ? DNN_OK : dnni_error(DNN_ERROR_STATE, "the module has changed: make a new average");
}

/* The share of the new weights in update t. */
static double fresh_share(const dnn_average *a, double t) {
    if (t == 1) return 1;
    return a->kind == DNN_AVERAGE_EQUAL ? 1 / t : 1 - fmin(a->decay, (1 + t) / (10 + t));
}

static void follow(dnn_average *a, const dnni_index *index, dnn_dtype dtype, double share) {
    int64_t count = 0;
    for (int64_t i = 0; i < a->n; i++) {
        const dnn_array *to = &a->values[i]->array;
        if (to->dtype != dtype) continue;
        a->segments[count++] = (dnnk_segment){.param = to->data, .count = dnni_count(to),
                                              .grad = index->parameters[i].parameter->value->array.data};
    }
    dnnk_optim_update(dnni_env(a->base.ctx), dnni_type(dtype), DNNK_AVERAGE, &share, a->segments, count);
}

dnn_status dnn_average_update(dnn_average *average) {
    const dnni_index *index;
    DNNI_TRY(check_average(average));
    if (average->swapped)
        return dnni_error(DNN_ERROR_STATE, "the module has the averages now: swap back before the next update");
    DNNI_TRY(dnni_average_index(average, &index));
    int64_t *updates = average->updates->array.data;
    double share = fresh_share(average, (double)++*updates);
    follow(average, index, DNN_F32, share);
    follow(average, index, DNN_F64, share);
    return DNN_OK;
}

static void exchange(unsigned char *a, unsigned char *b, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i++) {
        unsigned char kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

dnn_status dnn_average_swap(dnn_average *average) {
    const dnni_index *index;
    DNNI_TRY(check_average(average));
    if (*(const int64_t *)average->updates->array.data == 0)
        return dnni_error(DNN_ERROR_STATE, "there is no average before the first update");
    DNNI_TRY(dnni_average_index(average, &index));
    for (int64_t i = 0; i < average->n; i++)
        exchange(index->parameters[i].parameter->value->array.data, average->values[i]->array.data,
                 dnni_bytes(&average->values[i]->array));
    average->swapped = !average->swapped;
    return DNN_OK;
}

int32_t dnn_average_is_swapped(const dnn_average *average) {
    return check_average(average) == DNN_OK ? average->swapped : -1;
}

int64_t dnn_average_updates(const dnn_average *average) {
    return check_average(average) == DNN_OK ? *(const int64_t *)average->updates->array.data : -1;
}
