#include "core/tensor.h"

#include <string.h>

/* ---- storage ---- */

dnni_storage *dnni_storage_new(dnn_context *ctx, int64_t bytes, bool zeroed) {
    dnni_storage *storage = dnni_alloc(ctx, 1, sizeof *storage);
    if (!storage) return NULL;
    storage->data = zeroed ? dnni_alloc(ctx, bytes, 1) : dnni_alloc_raw(ctx, bytes, 1);
    if (!storage->data) {
        dnni_free(ctx, storage, 1, sizeof *storage);
        return NULL;
    }
    atomic_init(&storage->holders, 1);
    storage->bytes = bytes;
    storage->ctx = ctx;
    dnni_storage_new_version(storage);
    dnni_context_hold(ctx);
    return storage;
}

static dnni_storage *storage_of_caller(dnn_context *ctx, void *data, int64_t bytes, void (*release)(void *),
                                       void *user) {
    dnni_storage *storage = dnni_alloc(ctx, 1, sizeof *storage);
    if (!storage) return NULL;
    atomic_init(&storage->holders, 1);
    storage->data = data;
    storage->bytes = bytes;
    storage->release = release;
    storage->user = user;
    storage->ctx = ctx;
    storage->exposed = true;
    dnni_storage_new_version(storage);
    dnni_context_hold(ctx);
    return storage;
}

void dnni_storage_hold(dnni_storage *storage) {
    atomic_fetch_add_explicit(&storage->holders, 1, memory_order_relaxed);
}

static void no_release(void *user) { (void)user; }

void dnni_storage_drop(dnni_storage *storage) {
    if (!storage || atomic_fetch_sub_explicit(&storage->holders, 1, memory_order_acq_rel) > 1) return;
    dnn_context *ctx = storage->ctx;
    if (storage->release) storage->release(storage->user);
    else dnni_free(ctx, storage->data, storage->bytes, 1);
    dnni_free(ctx, storage, 1, sizeof *storage);
    dnni_context_drop(ctx);
}

/* ---- making ---- */

static void destroy_tensor(void *object) { dnni_storage_drop(((dnn_tensor *)object)->storage); }

dnn_status dnni_tensor_over(dnn_tensor **out, dnn_context *ctx, const dnn_array *array, dnni_storage *storage) {
    dnn_tensor *t = dnni_object_new(ctx, DNNI_TENSOR, sizeof *t, destroy_tensor);
    if (!t) return DNN_ERROR_MEMORY;
    t->array = *array;
    t->storage = storage;
    dnni_storage_hold(storage);
    *out = t;
    return DNN_OK;
}

static dnn_status new_tensor(dnn_tensor **out, dnn_context *ctx, const dnn_array *shape, bool zeroed) {
    dnni_storage *storage = dnni_storage_new(ctx, dnni_bytes(shape), zeroed);
    if (!storage)
        return dnni_error(DNN_ERROR_MEMORY, "out of memory: %s %s needs %lld bytes", dnn_dtype_name(shape->dtype),
                          dnni_array_shape(shape).text, (long long)dnni_bytes(shape));
    dnn_array array = *shape;
    array.data = storage->data;
    dnn_status status = dnni_tensor_over(out, ctx, &array, storage);
    dnni_storage_drop(storage);
    return status;
}

dnn_status dnni_tensor_like(dnn_tensor **out, dnn_context *ctx, const dnn_array *array) {
    return new_tensor(out, ctx, array, true);
}

#define CHECK_OUT(out)                       \
    do {                                     \
        DNNI_REQUIRE(out, "out is NULL");    \
        *(out) = NULL;                       \
    } while (0)

dnn_status dnn_tensor_create(dnn_tensor **out, dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims) {
    CHECK_OUT(out);
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_array array;
    DNNI_TRY(dnni_make_array(&array, dtype, rank, dims));
    return new_tensor(out, ctx, &array, true);
}

dnn_status dnn_tensor_wrap(dnn_tensor **out, dnn_context *ctx, dnn_dtype dtype, int32_t rank, const int64_t *dims,
                           void *data, void (*release)(void *user), void *user) {
    CHECK_OUT(out);
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_array array;
    DNNI_TRY(dnni_make_array(&array, dtype, rank, dims));
    DNNI_REQUIRE(data || dnni_count(&array) == 0, "data is NULL");
    int64_t element = dnn_dtype_size(dtype);
    DNNI_REQUIRE((uintptr_t)data % (uintptr_t)element == 0, "data is not aligned to the %lld bytes of a %s",
                 (long long)element, dnn_dtype_name(dtype));
    dnni_storage *storage =
        storage_of_caller(ctx, data, dnni_bytes(&array), release ? release : no_release, user);
    if (!storage) return DNN_ERROR_MEMORY;
    array.data = data;
    dnn_status status = dnni_tensor_over(out, ctx, &array, storage);
    if (status != DNN_OK) storage->release = no_release;
    dnni_storage_drop(storage);
    return status;
}

dnn_status dnn_tensor_slice(dnn_tensor **out, dnn_tensor *tensor, int64_t first, int64_t count) {
    CHECK_OUT(out);
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    dnn_array array = tensor->array;
    if (array.rank == 0) return dnni_error(DNN_ERROR_SHAPE, "a scalar has no axis to slice");
    if (first < 0 || count < 0 || first > array.dims[0] || count > array.dims[0] - first)
        return dnni_error(DNN_ERROR_SHAPE, "elements %lld … %lld + %lld are outside of axis 0 (shape %s)",
                          (long long)first, (long long)first, (long long)count, dnni_array_shape(&array).text);
    int64_t step = dnni_product(array.dims, 1, array.rank) * dnn_dtype_size(array.dtype);
    if (array.data) array.data = (char *)array.data + first * step;
    array.dims[0] = count;
    return dnni_tensor_over(out, dnni_context_of(tensor), &array, tensor->storage);
}

/* Replaces a single -1 in `dims` by what makes the product `count`. */
static dnn_status infer_dim(int64_t *dims, int32_t rank, int64_t count) {
    int32_t open = -1;
    int64_t known = 1;
    for (int32_t i = 0; i < rank; i++) {
        if (dims[i] == -1 && open < 0) open = i;
        else if (dims[i] < 0 || !dnni_mul(known, dims[i], &known))
            return dnni_error(DNN_ERROR_SHAPE, "%s is no shape", dnni_shape(rank, dims).text);
    }
    if (open >= 0) dims[open] = known > 0 ? count / known : 0;
    if (open >= 0 ? known * dims[open] == count : known == count) return DNN_OK;
    if (open >= 0) dims[open] = -1;
    return dnni_error(DNN_ERROR_SHAPE, "%lld elements do not fill shape %s", (long long)count,
                      dnni_shape(rank, dims).text);
}

dnn_status dnn_tensor_reshape(dnn_tensor **out, dnn_tensor *tensor, int32_t rank, const int64_t *dims) {
    CHECK_OUT(out);
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    if (rank < 0 || rank > DNN_MAX_RANK)
        return dnni_error(DNN_ERROR_SHAPE, "a tensor has 0 to %d axes, not %d", DNN_MAX_RANK, rank);
    DNNI_REQUIRE(rank == 0 || dims, "dims is NULL");
    dnn_array array = dnni_array(tensor->array.dtype, rank, dims);
    DNNI_TRY(infer_dim(array.dims, rank, dnni_count(&tensor->array)));
    DNNI_TRY(dnni_make_array(&array, array.dtype, rank, array.dims)); /* an empty one may have any other sizes */
    array.data = tensor->array.data;
    return dnni_tensor_over(out, dnni_context_of(tensor), &array, tensor->storage);
}

dnn_status dnn_tensor_clone(dnn_tensor **out, const dnn_tensor *tensor) {
    CHECK_OUT(out);
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    DNNI_TRY(new_tensor(out, dnni_context_of(tensor), &tensor->array, false));
    int64_t bytes = dnni_bytes(&tensor->array);
    if (bytes > 0) memcpy((*out)->array.data, tensor->array.data, (size_t)bytes);
    return DNN_OK;
}

static bool overlap_partly(const dnn_array *a, const dnn_array *b) {
    uintptr_t x = (uintptr_t)a->data, y = (uintptr_t)b->data, n = (uintptr_t)dnni_bytes(a);
    return x != y && x < y + n && y < x + n;
}

dnn_status dnn_tensor_copy(dnn_tensor *target, const dnn_tensor *source) {
    DNNI_TRY(dnni_check_tensor(target, "target"));
    DNNI_TRY(dnni_check_tensor(source, "source"));
    const dnn_array *to = &target->array, *from = &source->array;
    if (to->dtype != from->dtype)
        return dnni_error(DNN_ERROR_DTYPE, "target is %s, source is %s; dnn_tensor_cast converts",
                          dnn_dtype_name(to->dtype), dnn_dtype_name(from->dtype));
    if (!dnni_same_shape(to, from))
        return dnni_error(DNN_ERROR_SHAPE, "target is %s, source is %s", dnni_array_shape(to).text,
                          dnni_array_shape(from).text);
    DNNI_REQUIRE(!overlap_partly(to, from), "target and source overlap partly");
    int64_t bytes = dnni_bytes(to);
    if (bytes > 0 && to->data != from->data) memcpy(to->data, from->data, (size_t)bytes);
    dnni_tensor_written(target);
    return DNN_OK;
}

dnn_status dnn_tensor_retain(dnn_tensor *tensor) { return dnni_object_retain(tensor, DNNI_TENSOR, "tensor"); }

void dnni_tensor_take_back(dnn_tensor *tensor) {
    if (!tensor) return;
    tensor->lent = false;
    dnn_tensor_release(tensor);
}

dnn_status dnn_tensor_release(dnn_tensor *tensor) {
    if (!tensor) return DNN_OK;
    DNNI_TRY(dnni_check(tensor, DNNI_TENSOR, "tensor"));
    if (tensor->lent && atomic_load_explicit(&tensor->base.holders, memory_order_relaxed) == 1)
        return dnni_error(DNN_ERROR_HANDLE, "the tensor is lent: who lends it releases it");
    return dnni_object_release(tensor, DNNI_TENSOR, "tensor");
}

/* ---- questions ---- */

static const dnn_array *array_of(const dnn_tensor *tensor) {
    return dnni_check(tensor, DNNI_TENSOR, "tensor") == DNN_OK ? &tensor->array : NULL;
}

static const dnn_array *show(const dnn_tensor *tensor) {
    if (dnni_check_tensor(tensor, "tensor") != DNN_OK) return NULL;
    atomic_store_explicit(&tensor->storage->seen, true, memory_order_relaxed);
    return &tensor->array;
}

dnn_dtype dnn_tensor_dtype(const dnn_tensor *tensor) {
    const dnn_array *a = array_of(tensor);
    return a ? a->dtype : DNN_DTYPE_NONE;
}

int32_t dnn_tensor_rank(const dnn_tensor *tensor) {
    const dnn_array *a = array_of(tensor);
    return a ? a->rank : -1;
}

int64_t dnn_tensor_dim(const dnn_tensor *tensor, int32_t axis) {
    const dnn_array *a = array_of(tensor);
    if (!a) return -1;
    if (axis < 0) axis += a->rank;
    return axis >= 0 && axis < a->rank ? a->dims[axis] : -1;
}

const int64_t *dnn_tensor_dims(const dnn_tensor *tensor) {
    const dnn_array *a = array_of(tensor);
    return a ? a->dims : NULL;
}

int64_t dnn_tensor_count(const dnn_tensor *tensor) {
    const dnn_array *a = array_of(tensor);
    return a ? dnni_count(a) : -1;
}

int64_t dnn_tensor_bytes(const dnn_tensor *tensor) {
    const dnn_array *a = array_of(tensor);
    return a ? dnni_bytes(a) : -1;
}

void *dnn_tensor_data(dnn_tensor *tensor) {
    const dnn_array *a = show(tensor);
    if (a) atomic_store_explicit(&tensor->storage->exposed, true, memory_order_relaxed);
    return a ? a->data : NULL;
}

const void *dnn_tensor_const_data(const dnn_tensor *tensor) {
    const dnn_array *a = show(tensor);
    return a ? a->data : NULL;
}

static dnn_status locate(const dnn_tensor *tensor, int32_t rank, const int64_t *index, int64_t *flat) {
    DNNI_TRY(dnni_check_tensor(tensor, "tensor"));
    const dnn_array *a = &tensor->array;
    DNNI_REQUIRE(rank <= 0 || index, "index is NULL");
    bool inside = rank == a->rank;
    *flat = 0;
    for (int32_t i = 0; inside && i < rank; i++) {
        inside = index[i] >= 0 && index[i] < a->dims[i];
        *flat = *flat * a->dims[i] + (inside ? index[i] : 0);
    }
    if (inside) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "index %s is outside of shape %s",
                      dnni_shape(rank < 0 ? 0 : rank, index).text, dnni_array_shape(a).text);
}

dnn_status dnn_tensor_get(const dnn_tensor *tensor, int32_t rank, const int64_t *index, double *value) {
    int64_t flat;
    DNNI_REQUIRE(value, "value is NULL");
    DNNI_TRY(locate(tensor, rank, index, &flat));
    *value = dnni_load(tensor->array.dtype, tensor->array.data, flat);
    return DNN_OK;
}
