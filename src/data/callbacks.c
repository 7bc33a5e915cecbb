/* Source: a function of the host's. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

typedef struct {
    dnn_dataset base;
    dnn_status (*get)(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target);
    void (*release)(void *user);
    dnn_status (*name)(void *user, int64_t index, char *text, size_t bytes);
    void *user;
    bool thread_safe;
    pthread_mutex_t lock; /* held during `get` and `name` if they are not thread-safe */
} callback_dataset;

static void clear(const dnn_array *array) {
    int64_t bytes = array->data ? dnni_bytes(array) : 0;
    if (bytes > 0) memset(array->data, 0, (size_t)bytes);
}

/* One of the host's functions is called between these two; the second says how it went. */
static uint64_t enter_host(callback_dataset *dataset) {
    if (!dataset->thread_safe) pthread_mutex_lock(&dataset->lock);
    return dnni_error_count();
}

static dnn_status leave_host(callback_dataset *dataset, dnn_status status, uint64_t errors, const char *function) {
    if (!dataset->thread_safe) pthread_mutex_unlock(&dataset->lock);
    if (status == DNN_OK) return DNN_OK;
    dnni_host_failed(status, errors, function);
    dnni_saved_error reason;
    dnni_error_save(&reason);
    return dnni_error(DNN_ERROR_CALLBACK, "%s", reason.line);
}

static dnn_status read_from_host(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                                 const dnn_array *target) {
    callback_dataset *dataset = (callback_dataset *)self;
    clear(input);
    clear(target);
    uint64_t errors = enter_host(dataset);
    dnn_status status = dataset->get(dataset->user, index, reader->epoch, input, target);
    return leave_host(dataset, status, errors, "get");
}

static dnn_status name_by_host(dnn_dataset *self, int64_t index, char *text, size_t bytes) {
    callback_dataset *dataset = (callback_dataset *)self;
    snprintf(text, bytes, "sample %lld", (long long)index);
    if (!dataset->name) return DNN_OK;
    uint64_t errors = enter_host(dataset);
    dnn_status status = dataset->name(dataset->user, index, text, bytes);
    text[bytes - 1] = 0;
    return leave_host(dataset, status, errors, "name");
}

static void destroy_callbacks(dnn_dataset *self) {
    callback_dataset *dataset = (callback_dataset *)self;
    pthread_mutex_destroy(&dataset->lock);
    if (dataset->release) dataset->release(dataset->user);
}

static const dnni_dataset_class callback_class = {.read = read_from_host, .destroy = destroy_callbacks,
                                                  .name = name_by_host};

/* From here on `dataset` can be destroyed, but is not the host's yet. */
static void start(callback_dataset *dataset, const dnn_callback_dataset_desc *d) {
    dataset->get = d->get;
    dataset->name = d->name;
    dataset->user = d->user;
    dataset->thread_safe = d->thread_safe != 0;
    pthread_mutex_init(&dataset->lock, NULL);
}

static dnn_status shape_of(dnni_dataset_shape *shape, const dnn_callback_dataset_desc *d) {
    DNNI_REQUIRE(d->count >= 0, "desc.count is %lld", (long long)d->count);
    DNNI_REQUIRE(d->get, "desc.get is NULL");
    *shape = (dnni_dataset_shape){.count = d->count, .metadata = {d->classes, d->class_names, d->low, d->high}};
    DNNI_TRY(dnni_item_array(&shape->input, &d->input, "desc.input"));
    if (d->target.dtype != DNN_DTYPE_NONE) DNNI_TRY(dnni_item_array(&shape->target, &d->target, "desc.target"));
    return dnni_check_metadata(&shape->metadata);
}

dnn_status dnn_dataset_from_callbacks(dnn_dataset **out, dnn_context *ctx, const dnn_callback_dataset_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_callback_dataset_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    dnni_dataset_shape shape;
    DNNI_TRY(shape_of(&shape, &d));
    callback_dataset *dataset = dnni_dataset_new(ctx, &callback_class, sizeof *dataset, &shape);
    if (!dataset) return DNN_ERROR_MEMORY;
    start(dataset, &d);
    if (dnni_copy_class_names(&dataset->base, d.class_names, d.classes) != DNN_OK) {
        dnn_dataset_release(&dataset->base);
        return DNN_ERROR_MEMORY;
    }
    dataset->release = d.release;
    *out = &dataset->base;
    return DNN_OK;
}
