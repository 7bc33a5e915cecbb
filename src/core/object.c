#include "core/object.h"

#include "core/context.h"

static const char *kind_name(uint32_t kind) {
    switch (kind) {
    case DNNI_CONTEXT: return "context";
    case DNNI_TENSOR: return "tensor";
    case DNNI_MODULE: return "module";
    case DNNI_PREDICTOR: return "predictor";
    case DNNI_DESCRIPTION: return "description";
    case DNNI_LOSS: return "loss";
    case DNNI_OPTIMIZER: return "optimizer";
    case DNNI_DATASET: return "dataset";
    case DNNI_LOADER: return "loader";
    case DNNI_CHECK_REPORT: return "report of a gradient check";
    case DNNI_SCHEDULE: return "schedule";
    case DNNI_METRICS: return "metrics";
    case DNNI_AVERAGE: return "average";
    case DNNI_SEARCH: return "search";
    case DNNI_ARCHIVE: return "archive";
    case DNNI_REPORT: return "report";
    case DNNI_TRANSFORM: return "transform";
    case DNNI_SUMMARY: return "summary";
    case DNNI_RUN: return "run";
    case DNNI_STATISTICS: return "set of statistics";
    case DNNI_MONITOR: return "monitor";
    case DNNI_STRIP: return "film strip";
    default: return NULL;
    }
}

void *dnni_object_new(dnn_context *ctx, dnni_kind kind, int64_t bytes, void (*destroy)(void *object)) {
    dnni_object *object = dnni_alloc(ctx, 1, bytes);
    if (!object) return NULL;
    object->kind = (uint32_t)kind;
    atomic_init(&object->holders, 1);
    object->ctx = ctx;
    object->bytes = bytes;
    object->destroy = destroy;
    dnni_context_hold(ctx);
    return object;
}

dnn_status dnni_check(const void *handle, dnni_kind kind, const char *name) {
    if (!handle) return dnni_error(DNN_ERROR_ARGUMENT, "%s is NULL", name);
    if (kind == DNNI_CONTEXT) return dnni_context_check(handle, name);
    uint32_t found = ((const dnni_object *)handle)->kind;
    if (found == (uint32_t)kind) return DNN_OK;
    if (found == DNNI_DEAD) return dnni_error(DNN_ERROR_HANDLE, "%s was released already", name);
    const char *is = kind_name(found);
    return dnni_error(DNN_ERROR_HANDLE, "%s is %s%s, not a %s", name, is ? "a " : "no handle of this library",
                      is ? is : "", kind_name((uint32_t)kind));
}

dnn_status dnni_check_same_context(const void *a, const void *b, const char *what) {
    if (((const dnni_object *)a)->ctx == ((const dnni_object *)b)->ctx) return DNN_OK;
    return dnni_error(DNN_ERROR_HANDLE, "%s are of two contexts, which never meet", what);
}

dnn_status dnni_object_retain(void *handle, dnni_kind kind, const char *name) {
    DNNI_TRY(dnni_check(handle, kind, name));
    atomic_fetch_add_explicit(&((dnni_object *)handle)->holders, 1, memory_order_relaxed);
    return DNN_OK;
}

dnn_status dnni_object_release(void *handle, dnni_kind kind, const char *name) {
    if (!handle) return DNN_OK;
    DNNI_TRY(dnni_check(handle, kind, name));
    dnni_object *object = handle;
    if (atomic_fetch_sub_explicit(&object->holders, 1, memory_order_acq_rel) > 1) return DNN_OK;
    if (object->destroy) object->destroy(object);
    object->kind = DNNI_DEAD;
    dnn_context *ctx = object->ctx;
    dnni_context_bury(ctx, object);
    dnni_context_drop(ctx);
    return DNN_OK;
}
