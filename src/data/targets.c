/* Reading targets alone, and class numbers. */
#include "core/tensor.h"
#include "data/dataset.h"

static dnn_status read_all(dnn_dataset *dataset, dnni_reader *reader, int64_t first, const dnn_array *targets) {
    dnn_array target = dataset->target;
    int64_t bytes = dnni_bytes(&target);
    reader->run++;
    for (int64_t i = 0; i < targets->dims[0]; i++) {
        target.data = (char *)targets->data + i * bytes;
        dnn_status status = dnni_read_target(dataset, reader, first + i, &target);
        if (status != DNN_OK) return dnni_name_sample(status, first + i);
    }
    return DNN_OK;
}

static dnn_status read_targets(dnn_dataset *dataset, int64_t first, const dnn_array *targets) {
    dnn_context *ctx = dnni_context_of(dataset);
    dnni_reader reader;
    if (!dnni_reader_open(&reader, ctx, dataset->target_scratch_bytes)) return DNN_ERROR_MEMORY;
    dnn_status status = read_all(dataset, &reader, first, targets);
    dnni_reader_close(&reader, ctx, dataset->target_scratch_bytes);
    return status;
}

dnn_status dnn_dataset_get_targets(dnn_tensor **targets, dnn_dataset *dataset, int64_t first, int64_t n) {
    DNNI_REQUIRE(targets, "targets is NULL");
    *targets = NULL;
    DNNI_TRY(dnni_check_dataset(dataset, "dataset"));
    DNNI_TRY(dnni_check_range(dataset, first, n));
    if (!dnni_has_targets(dataset)) return dnni_error(DNN_ERROR_STATE, "the dataset's samples have no targets");
    dnn_array shape;
    dnn_tensor *tensor;
    DNNI_TRY(dnni_batch_array(&shape, &dataset->target, n));
    DNNI_TRY(dnni_tensor_like(&tensor, dnni_context_of(dataset), &shape));
    dnn_status status = read_targets(dataset, first, &tensor->array);
    if (status == DNN_OK) *targets = tensor;
    else dnn_tensor_release(tensor);
    return status;
}

dnn_status dnni_dataset_labels(int64_t **labels, dnn_dataset *dataset) {
    const dnn_array *t = &dataset->target;
    if (t->rank != 0)
        return dnni_error(DNN_ERROR_SHAPE, "targets have shape %s: class numbers are scalars",
                          dnni_array_shape(t).text);
    if (!dnni_is_label(t->dtype))
        return dnni_error(DNN_ERROR_DTYPE, "targets are %s: class numbers are uint8, int32 or int64",
                          dnn_dtype_name(t->dtype));
    int64_t n = dataset->count;
    dnn_tensor *targets;
    DNNI_TRY(dnn_dataset_get_targets(&targets, dataset, 0, n));
    int64_t *numbers = dnni_alloc_raw(dnni_context_of(dataset), n, sizeof *numbers);
    for (int64_t i = 0; numbers && i < n; i++) numbers[i] = (int64_t)dnni_load(t->dtype, targets->array.data, i);
    dnn_tensor_release(targets);
    *labels = numbers;
    return numbers ? DNN_OK : DNN_ERROR_MEMORY;
}
