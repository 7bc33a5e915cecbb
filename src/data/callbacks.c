/* Source: functions of the host's. */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"
#include "data/host.h"

typedef struct {
    dnn_dataset base;
    dnni_host host;
    dnn_status (*get)(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target);
    dnn_status (*get_target)(void *user, int64_t index, const dnn_array *target);
    dnn_status (*name)(void *user, int64_t index, char *text, size_t bytes);
} callback_dataset;

static void clear(const dnn_array *array) {
    int64_t bytes = array->data ? dnni_bytes(array) : 0;
    if (bytes > 0) memset(array->data, 0, (size_t)bytes);
}

static dnn_status read_from_host(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                                 const dnn_array *target) {
    callback_dataset *dataset = (callback_dataset *)self;
    clear(input);
    clear(target);
    uint64_t errors = dnni_host_enter(&dataset->host);
    dnn_status status = dataset->get(dataset->host.user, index, reader->epoch, input, target);
    return dnni_host_leave(&dataset->host, status, errors, "get");
}

static dnn_status read_target_from_host(dnn_dataset *self, const dnni_reader *reader, int64_t index,
                                        const dnn_array *target) {
    (void)reader;
    callback_dataset *dataset = (callback_dataset *)self;
    clear(target);
    uint64_t errors = dnni_host_enter(&dataset->host);
    dnn_status status = dataset->get_target(dataset->host.user, index, target);
    return dnni_host_leave(&dataset->host, status, errors, "get_target");
}

static dnn_status name_by_host(dnn_dataset *self, int64_t index, char *text, size_t bytes) {
    callback_dataset *dataset = (callback_dataset *)self;
    snprintf(text, bytes, "sample %lld", (long long)index);
    if (!dataset->name) return DNN_OK;
    uint64_t errors = dnni_host_enter(&dataset->host);
    dnn_status status = dataset->name(dataset->host.user, index, text, bytes);
    text[bytes - 1] = 0;
    return dnni_host_leave(&dataset->host, status, errors, "name");
}

static void destroy_callbacks(dnn_dataset *self) { dnni_host_stop(&((callback_dataset *)self)->host); }

static const dnni_dataset_class callback_class = {.read = read_from_host, .destroy = destroy_callbacks,
                                                  .name = name_by_host};
static const dnni_dataset_class callback_class_with_targets = {.read = read_from_host, .destroy = destroy_callbacks,
                                                               .read_target = read_target_from_host,
                                                               .name = name_by_host};

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
    bool targets_alone = d.get_target && shape.target.dtype != DNN_DTYPE_NONE;
    callback_dataset *dataset =
        dnni_dataset_new(ctx, targets_alone ? &callback_class_with_targets : &callback_class, sizeof *dataset, &shape);
    if (!dataset) return DNN_ERROR_MEMORY;
    dnni_host_start(&dataset->host, d.user, d.thread_safe != 0);
    dataset->get = d.get;
    dataset->get_target = d.get_target;
    dataset->name = d.name;
    if (dnni_copy_class_names(&dataset->base, d.class_names, d.classes) != DNN_OK) {
        dnn_dataset_release(&dataset->base);
        return DNN_ERROR_MEMORY;
    }
    dataset->host.release = d.release;
    *out = &dataset->base;
    return DNN_OK;
}
