/* Two arrays as a dataset. What lies in a file is read from there, sample by sample. */
#include <string.h>

#include "io/array.h"

typedef struct {
    dnni_io_part inputs, targets;
    bool has_targets;
} pair;

void dnni_io_part_release(dnni_io_part *part) {
    if (part->open) dnni_io_close(&part->file);
    dnni_io_free(part->path);
    dnn_tensor_release(part->tensor);
    *part = (dnni_io_part){.tensor = NULL};
}

dnn_status dnni_io_part_open(dnni_io_part *part, dnn_context *ctx, const char *path) {
    part->path = dnni_io_copy(ctx, path);
    if (!part->path) return DNN_ERROR_MEMORY;
    dnn_status status = dnni_io_open(&part->file, ctx, part->path);
    part->open = status == DNN_OK;
    if (status != DNN_OK) dnni_io_part_release(part);
    return status;
}

dnn_array dnni_io_part_array(const dnni_io_part *part) {
    dnn_array all = {.dtype = part->array.dtype, .rank = part->array.rank};
    const int64_t *dims = part->array.dims;
    if (part->tensor) {
        all.dtype = dnn_tensor_dtype(part->tensor);
        all.rank = dnn_tensor_rank(part->tensor);
        dims = dnn_tensor_dims(part->tensor);
    }
    for (int32_t i = 0; i < all.rank; i++) all.dims[i] = dims[i];
    return all;
}

dnn_status dnni_io_part_labels(dnni_io_part *part) {
    dnn_array all = dnni_io_part_array(part);
    bool numbers = all.dtype == DNN_U8 || all.dtype == DNN_I32 || all.dtype == DNN_BOOL;
    if (!numbers || all.rank != 1) return DNN_OK;
    part->array.dtype = DNN_I64;
    if (!part->tensor) return DNN_OK;
    dnn_tensor *labels;
    IO_TRY(dnn_tensor_cast(&labels, part->tensor, DNN_I64, DNN_CAST_EXACT, NULL));
    dnn_tensor_release(part->tensor);
    part->tensor = labels;
    return DNN_OK;
}

/* ---- samples ---- */

static dnn_array item_of(const dnni_io_part *part) {
    dnn_array item = dnni_io_part_array(part);
    item.rank--;
    memmove(item.dims, item.dims + 1, (size_t)item.rank * sizeof item.dims[0]);
    return item;
}

static int64_t elements(const dnn_array *item) {
    int64_t n = 1;
    for (int32_t i = 0; i < item->rank; i++) n *= item->dims[i];
    return n;
}

static dnn_status read_row(const dnni_io_part *part, int64_t index, const dnn_array *to) {
    int64_t n = elements(to), size = dnn_dtype_size(to->dtype);
    if (n == 0) return DNN_OK;
    if (part->tensor) {
        memcpy(to->data, (const char *)dnn_tensor_const_data(part->tensor) + index * n * size, (size_t)(n * size));
        return DNN_OK;
    }
    int64_t bytes = n * part->array.width;
    IO_TRY(dnni_io_read(&part->file, part->array.from + index * bytes, to->data, bytes));
    return dnni_io_array_decode(&part->array, to->data, n, part->path);
}

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    const pair *p = user;
    (void)epoch;
    IO_TRY(read_row(&p->inputs, index, input));
    return p->has_targets ? read_row(&p->targets, index, target) : DNN_OK;
}

static void release(void *user) {
    pair *p = user;
    dnni_io_part_release(&p->inputs);
    dnni_io_part_release(&p->targets);
    dnni_io_free(p);
}

/* ---- making ---- */

static dnn_status check(const pair *p) {
    dnn_array inputs = dnni_io_part_array(&p->inputs), targets = dnni_io_part_array(&p->targets);
    if (inputs.rank == 0 || (p->has_targets && targets.rank == 0))
        return dnni_io_fail(DNN_ERROR_SHAPE, inputs.rank == 0 ? p->inputs.path : p->targets.path,
                            "it holds a scalar, a dataset has samples along axis 0");
    if (!p->has_targets || inputs.dims[0] == targets.dims[0]) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_SHAPE, p->inputs.path, "%lld inputs, but %lld targets%s%s", (long long)inputs.dims[0],
                        (long long)targets.dims[0], p->targets.path ? " in " : "",
                        p->targets.path ? p->targets.path : "");
}

static dnn_status build(dnn_dataset **out, dnn_context *ctx, pair *p, double low, double high) {
    IO_TRY(check(p));
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .get = get, .thread_safe = 1,
                                      .release = release, .user = p, .low = low, .high = high};
    desc.input = item_of(&p->inputs);
    if (p->has_targets) desc.target = item_of(&p->targets);
    desc.count = dnni_io_part_array(&p->inputs).dims[0];
    return dnn_dataset_from_callbacks(out, ctx, &desc);
}

dnn_status dnni_io_pair(dnn_dataset **out, dnn_context *ctx, dnni_io_part *inputs, dnni_io_part *targets, double low,
                        double high) {
    pair *p = dnni_io_alloc(ctx, sizeof *p);
    if (!p) {
        dnni_io_part_release(inputs);
        if (targets) dnni_io_part_release(targets);
        return DNN_ERROR_MEMORY;
    }
    p->inputs = *inputs;
    *inputs = (dnni_io_part){.tensor = NULL};
    p->has_targets = targets != NULL;
    if (targets) {
        p->targets = *targets;
        *targets = (dnni_io_part){.tensor = NULL};
    }
    dnn_status status = build(out, ctx, p, low, high);
    if (status != DNN_OK) release(p);
    return status;
}
