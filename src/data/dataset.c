#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

#include "core/tensor.h"

static void destroy_dataset(void *object) {
    dnn_dataset *dataset = object;
    if (dataset->class->destroy) dataset->class->destroy(dataset);
    dnni_free(dataset->base.ctx, dataset->names, dataset->names_bytes, 1);
}

static int64_t padded(const dnn_array *item) {
    return item->dtype == DNN_DTYPE_NONE ? 0 : dnnk_round_up(dnni_bytes(item), DNNI_ALIGNMENT);
}

void *dnni_dataset_new(dnn_context *ctx, const dnni_dataset_class *class, int64_t bytes,
                       const dnni_dataset_shape *shape) {
    dnn_dataset *dataset = dnni_object_new(ctx, DNNI_DATASET, bytes, destroy_dataset);
    if (!dataset) return NULL;
    dataset->class = class;
    dataset->count = shape->count;
    dataset->input = shape->input;
    dataset->target = shape->target;
    dataset->scratch_bytes = shape->scratch_bytes;
    dataset->target_scratch_bytes =
        class->read_target ? shape->target_scratch_bytes : padded(&shape->input) + shape->scratch_bytes;
    dataset->metadata = shape->metadata;
    return dataset;
}

dnni_dataset_shape dnni_view_shape(const dnn_dataset *source, int64_t count) {
    return (dnni_dataset_shape){
        count, source->input, source->target, source->scratch_bytes, source->target_scratch_bytes, source->metadata};
}

/* More than any machine's memory, and so little that sizes of several samples can be added. */
static const int64_t most_sample_bytes = INT64_C(1) << 48;

dnn_status dnni_item_array(dnn_array *out, const dnn_array *item, const char *name) {
    dnn_status status = dnni_make_array(out, item->dtype, item->rank, item->dims);
    if (status == DNN_OK && dnni_bytes(item) > most_sample_bytes)
        status = dnni_error(DNN_ERROR_SHAPE, "a sample of shape %s has too many bytes", dnni_array_shape(item).text);
    if (status == DNN_OK && item->rank == DNN_MAX_RANK)
        status = dnni_error(DNN_ERROR_SHAPE, "a sample has at most %d axes, this one has shape %s", DNN_MAX_RANK - 1,
                            dnni_array_shape(item).text);
    if (status != DNN_OK) dnni_error_prefix(name);
    return status;
}

dnn_status dnni_batch_array(dnn_array *out, const dnn_array *item, int64_t n) {
    *out = (dnn_array){.dtype = DNN_DTYPE_NONE};
    if (item->dtype == DNN_DTYPE_NONE) return DNN_OK;
    int64_t dims[DNN_MAX_RANK] = {n};
    for (int32_t i = 0; i < item->rank; i++) dims[i + 1] = item->dims[i];
    return dnni_make_array(out, item->dtype, item->rank + 1, dims);
}

/* ---- reading one sample ---- */

bool dnni_reader_open(dnni_reader *reader, dnn_context *ctx, int64_t bytes) {
    *reader = (dnni_reader){.scratch = dnni_alloc(ctx, bytes, 1)};
    return reader->scratch != NULL;
}

void dnni_reader_close(dnni_reader *reader, dnn_context *ctx, int64_t bytes) {
    dnni_free(ctx, reader->scratch, bytes, 1);
}

static dnn_status name_source(dnn_status status, int64_t index) {
    if (status == DNN_OK) return DNN_OK;
    char name[64];
    snprintf(name, sizeof name, "sample %lld of its source", (long long)index);
    dnni_error_prefix(name);
    return status;
}

dnn_status dnni_read_source(dnn_dataset *source, const dnni_reader *reader, int64_t index, const dnn_array *input,
                            const dnn_array *target) {
    return name_source(source->class->read(source, reader, index, input, target), index);
}

dnn_status dnni_read_target(dnn_dataset *dataset, const dnni_reader *reader, int64_t index, const dnn_array *target) {
    if (dataset->class->read_target) return dataset->class->read_target(dataset, reader, index, target);
    dnn_array input = dataset->input;
    dnni_reader inner = *reader;
    input.data = reader->scratch;
    inner.scratch = (char *)reader->scratch + padded(&input);
    return dataset->class->read(dataset, &inner, index, &input, target);
}

dnn_status dnni_read_source_target(dnn_dataset *source, const dnni_reader *reader, int64_t index,
                                   const dnn_array *target) {
    return name_source(dnni_read_target(source, reader, index, target), index);
}

int64_t dnni_sample_room(const dnn_dataset *source) {
    return padded(&source->input) + padded(&source->target) + dnnk_round_up(source->scratch_bytes, DNNI_ALIGNMENT);
}

void dnni_room_arrays(const dnn_dataset *source, void *room, dnn_array *input, dnn_array *target) {
    *input = source->input;
    *target = source->target;
    input->data = room;
    if (dnni_has_targets(source)) target->data = (char *)room + padded(input);
}

dnn_status dnni_read_to_room(dnn_dataset *source, const dnni_reader *reader, int64_t index, void *room,
                             dnn_array *input, dnn_array *target) {
    dnni_reader inner = *reader;
    dnni_room_arrays(source, room, input, target);
    inner.scratch = (char *)room + padded(input) + padded(target);
    return dnni_read_source(source, &inner, index, input, target);
}

/* ---- reading many ---- */

/* Row `row` of a batch, as an array of the item's shape. */
static dnn_array row_of(const dnn_array *item, const dnn_array *batch, int64_t row) {
    dnn_array array = *item;
    if (batch->data) array.data = (char *)batch->data + row * dnni_bytes(item);
    return array;
}

dnn_status dnni_name_sample(dnn_status status, int64_t index) {
    char sample[48];
    snprintf(sample, sizeof sample, "sample %lld", (long long)index);
    dnni_error_prefix(sample);
    return status;
}

dnn_status dnni_dataset_read(dnn_dataset *dataset, dnni_reader *reader, const int64_t *indices, int64_t n,
                             const dnn_array *inputs, const dnn_array *targets, int64_t first, int64_t *failed) {
    reader->run++;
    for (int64_t i = 0; i < n; i++) {
        dnn_array input = row_of(&dataset->input, inputs, first + i);
        dnn_array target = row_of(&dataset->target, targets, first + i);
        dnn_status status = dataset->class->read(dataset, reader, indices[i], &input, &target);
        if (status == DNN_OK) continue;
        *failed = i;
        return dnni_name_sample(status, indices[i]);
    }
    return DNN_OK;
}

static dnn_status read_with_scratch(dnn_dataset *dataset, const int64_t *indices, int64_t n, const dnn_array *inputs,
                                    const dnn_array *targets) {
    dnn_context *ctx = dnni_context_of(dataset);
    dnni_reader reader;
    if (!dnni_reader_open(&reader, ctx, dataset->scratch_bytes)) return DNN_ERROR_MEMORY;
    int64_t failed;
    dnn_status status = dnni_dataset_read(dataset, &reader, indices, n, inputs, targets, 0, &failed);
    dnni_reader_close(&reader, ctx, dataset->scratch_bytes);
    return status;
}

dnn_status dnni_check_indices(const dnn_dataset *dataset, const int64_t *indices, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (indices[i] < 0 || indices[i] >= dataset->count)
            return dnni_error(DNN_ERROR_NOT_FOUND, "indices[%lld] is %lld, the dataset has %lld samples", (long long)i,
                              (long long)indices[i], (long long)dataset->count);
    return DNN_OK;
}

dnn_status dnni_check_range(const dnn_dataset *dataset, int64_t first, int64_t n) {
    DNNI_REQUIRE(n >= 0, "n is %lld", (long long)n);
    if (first >= 0 && first <= dataset->count && n <= dataset->count - first) return DNN_OK;
    return dnni_error(DNN_ERROR_NOT_FOUND, "samples %lld … %lld + %lld are not all there, the dataset has %lld",
                      (long long)first, (long long)first, (long long)n, (long long)dataset->count);
}

/* The tensors for n samples; *target stays NULL if there are none. */
static dnn_status new_batch(dnn_tensor **input, dnn_tensor **target, const dnn_dataset *dataset, int64_t n) {
    dnn_context *ctx = dnni_context_of(dataset);
    dnn_array shape;
    *target = NULL;
    DNNI_TRY(dnni_batch_array(&shape, &dataset->input, n));
    DNNI_TRY(dnni_tensor_like(input, ctx, &shape));
    dnn_status status = dnni_batch_array(&shape, &dataset->target, n);
    if (status == DNN_OK && dnni_has_targets(dataset)) status = dnni_tensor_like(target, ctx, &shape);
    if (status != DNN_OK) dnn_tensor_release(*input);
    return status;
}

static dnn_status get(dnn_tensor **inputs, dnn_tensor **targets, dnn_dataset *dataset, const int64_t *indices,
                      int64_t n) {
    dnn_tensor *input, *target;
    DNNI_TRY(new_batch(&input, &target, dataset, n));
    const dnn_array none = {.dtype = DNN_DTYPE_NONE};
    dnn_status status = read_with_scratch(dataset, indices, n, &input->array, target ? &target->array : &none);
    if (status != DNN_OK) dnn_tensor_release(input);
    if (status != DNN_OK || !targets) dnn_tensor_release(target);
    if (status != DNN_OK) return status;
    *inputs = input;
    if (targets) *targets = target;
    return DNN_OK;
}

static dnn_status clear_outputs(dnn_tensor **inputs, dnn_tensor **targets) {
    if (targets) *targets = NULL;
    DNNI_REQUIRE(inputs, "inputs is NULL");
    *inputs = NULL;
    return DNN_OK;
}

dnn_status dnn_dataset_get(dnn_tensor **inputs, dnn_tensor **targets, dnn_dataset *dataset, const int64_t *indices,
                           int64_t n) {
    DNNI_TRY(clear_outputs(inputs, targets));
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_REQUIRE(n >= 0, "n is %lld", (long long)n);
    DNNI_REQUIRE(indices || n == 0, "indices is NULL");
    DNNI_TRY(dnni_check_indices(dataset, indices, n));
    return get(inputs, targets, dataset, indices, n);
}

dnn_status dnn_dataset_get_range(dnn_tensor **inputs, dnn_tensor **targets, dnn_dataset *dataset, int64_t first,
                                 int64_t n) {
    DNNI_TRY(clear_outputs(inputs, targets));
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(dnni_check_range(dataset, first, n));
    dnn_context *ctx = dnni_context_of(dataset);
    int64_t *indices = dnni_alloc_raw(ctx, n, sizeof *indices);
    if (!indices) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) indices[i] = first + i;
    dnn_status status = get(inputs, targets, dataset, indices, n);
    dnni_free(ctx, indices, n, sizeof *indices);
    return status;
}

/* ---- questions, holding ---- */

int64_t dnn_dataset_count(const dnn_dataset *dataset) {
    return dnni_check_dataset(dataset, "dataset") == DNN_OK ? dataset->count : -1;
}

dnn_status dnn_dataset_item(const dnn_dataset *dataset, dnn_item_info *info) {
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    dnn_item_info item = {DNN_SIZED(dnn_item_info), .input = dataset->input, .target = dataset->target};
    return dnni_give(info, &item, sizeof item, "info");
}

dnn_status dnn_dataset_retain(dnn_dataset *dataset) { return dnni_object_retain(dataset, DNNI_DATASET, "dataset"); }
dnn_status dnn_dataset_release(dnn_dataset *dataset) { return dnni_object_release(dataset, DNNI_DATASET, "dataset"); }
