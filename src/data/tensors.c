/* Source: rows of tensors. */
#include <string.h>

#include "core/tensor.h"
#include "data/dataset.h"

typedef struct {
    dnn_dataset base;
    dnn_tensor *inputs, *targets; /* held; targets may be NULL */
} tensor_dataset;

static void copy_row(const dnn_tensor *from, int64_t row, const dnn_array *to) {
    int64_t bytes = dnni_bytes(to);
    if (bytes > 0) memcpy(to->data, (const char *)from->array.data + row * bytes, (size_t)bytes);
}

static dnn_status read_rows(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                            const dnn_array *target) {
    (void)reader;
    const tensor_dataset *dataset = (const tensor_dataset *)self;
    copy_row(dataset->inputs, index, input);
    if (dataset->targets) copy_row(dataset->targets, index, target);
    return DNN_OK;
}

static dnn_status read_target_row(dnn_dataset *self, const dnni_reader *reader, int64_t index,
                                  const dnn_array *target) {
    (void)reader;
    copy_row(((const tensor_dataset *)self)->targets, index, target);
    return DNN_OK;
}

static const void *rows(const dnn_dataset *self, int64_t first, int64_t n) {
    (void)n;
    const tensor_dataset *dataset = (const tensor_dataset *)self;
    return (const char *)dataset->inputs->array.data + first * dnni_bytes(&self->input);
}

static void destroy_rows(dnn_dataset *self) {
    tensor_dataset *dataset = (tensor_dataset *)self;
    dnn_tensor_release(dataset->inputs);
    dnn_tensor_release(dataset->targets);
}

static const dnni_dataset_class tensor_class = {.read = read_rows, .destroy = destroy_rows,
                                                .read_target = read_target_row, .rows = rows};

/* The shape of one row. */
static dnn_status row_shape(dnn_array *out, const dnn_tensor *tensor, const char *name) {
    DNNI_TRY(dnni_check_tensor(tensor, name));
    const dnn_array *a = &tensor->array;
    if (a->rank == 0) return dnni_error(DNN_ERROR_SHAPE, "%s is a scalar: its first axis is to count samples", name);
    dnn_array item = dnni_array(a->dtype, a->rank - 1, a->dims + 1);
    return dnni_item_array(out, &item, name);
}

dnn_status dnn_dataset_from_tensors(dnn_dataset **out, dnn_tensor *inputs, dnn_tensor *targets) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnni_dataset_shape shape = {.count = 0};
    DNNI_TRY(row_shape(&shape.input, inputs, "inputs"));
    shape.count = inputs->array.dims[0];
    if (targets) {
        DNNI_TRY(row_shape(&shape.target, targets, "targets"));
        DNNI_TRY(dnni_check_same_context(inputs, targets, "inputs and targets"));
        if (targets->array.dims[0] != shape.count)
            return dnni_error(DNN_ERROR_SHAPE, "inputs %s and targets %s do not have the same number of samples",
                              dnni_array_shape(&inputs->array).text, dnni_array_shape(&targets->array).text);
    }
    tensor_dataset *dataset = dnni_dataset_new(dnni_context_of(inputs), &tensor_class, sizeof *dataset, &shape);
    if (!dataset) return DNN_ERROR_MEMORY;
    dnn_tensor_retain(dataset->inputs = inputs);
    if (targets) dnn_tensor_retain(dataset->targets = targets);
    *out = &dataset->base;
    return DNN_OK;
}
