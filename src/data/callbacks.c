/* Source: a function of the host's. */
#include <pthread.h>
#include <string.h>

#include "data/dataset.h"

typedef struct {
    dnn_dataset base;
    dnn_status (*get)(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target);
    void (*release)(void *user);
    void *user;
    bool thread_safe;
    pthread_mutex_t lock; /* held during `get` if that is not thread-safe */
} callback_dataset;

static void clear(const dnn_array *array) {
    int64_t bytes = array->data ? dnni_bytes(array) : 0;
    if (bytes > 0) memset(array->data, 0, (size_t)bytes);
}

static dnn_status host_failure(dnn_status status, uint64_t errors_before) {
    dnni_host_failed(status, errors_before, "get");
    dnni_saved_error reason;
    dnni_error_save(&reason);
    return dnni_error(DNN_ERROR_CALLBACK, "%s", reason.line);
}

static dnn_status read_from_host(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                                 const dnn_array *target) {
    callback_dataset *dataset = (callback_dataset *)self;
    clear(input);
    clear(target);
    if (!dataset->thread_safe) pthread_mutex_lock(&dataset->lock);
    uint64_t errors = dnni_error_count();
    dnn_status status = dataset->get(dataset->user, index, reader->epoch, input, target);
    if (!dataset->thread_safe) pthread_mutex_unlock(&dataset->lock);
    return status == DNN_OK ? DNN_OK : host_failure(status, errors);
}

static void destroy_callbacks(dnn_dataset *self) {
    callback_dataset *dataset = (callback_dataset *)self;
    pthread_mutex_destroy(&dataset->lock);
    if (dataset->release) dataset->release(dataset->user);
}

static const dnni_dataset_class callback_class = {.read = read_from_host, .destroy = destroy_callbacks};

dnn_status dnn_dataset_from_callbacks(dnn_dataset **out, dnn_context *ctx, const dnn_callback_dataset_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_callback_dataset_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_REQUIRE(d.count >= 0, "desc.count is %lld", (long long)d.count);
    DNNI_REQUIRE(d.get, "desc.get is NULL");
    dnni_dataset_shape shape = {.count = d.count};
    DNNI_TRY(dnni_item_array(&shape.input, &d.input, "desc.input"));
    if (d.target.dtype != DNN_DTYPE_NONE) DNNI_TRY(dnni_item_array(&shape.target, &d.target, "desc.target"));
    callback_dataset *dataset = dnni_dataset_new(ctx, &callback_class, sizeof *dataset, &shape);
    if (!dataset) return DNN_ERROR_MEMORY;
    dataset->get = d.get;
    dataset->release = d.release;
    dataset->user = d.user;
    dataset->thread_safe = d.thread_safe != 0;
    pthread_mutex_init(&dataset->lock, NULL);
    *out = &dataset->base;
    return DNN_OK;
}
