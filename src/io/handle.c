#include "io/handle.h"

#include <stdio.h>
#include <string.h>

dnn_status dnni_io_handle_new(void *out, dnn_context *ctx, dnni_io_object *object, int64_t bytes, const char *tag,
                              void (*release)(void *object)) {
    dnn_tensor *tensor;
    memset(object->tag, 0, sizeof object->tag);
    memcpy(object->tag, tag, strlen(tag));
    object->ctx = ctx;
    IO_TRY(dnn_tensor_wrap(&tensor, ctx, DNN_U8, 1, &bytes, object, release, object));
    memcpy(out, &tensor, sizeof tensor);
    return DNN_OK;
}

/* dnn_tensor_data notes in the tensor that it may be written to: several threads at once must not. */
void *dnni_io_inside(const void *handle) { return (void *)(uintptr_t)dnn_tensor_const_data(handle); }

static bool is_tagged(const dnn_tensor *tensor, const char *tag) {
    if (dnn_tensor_dtype(tensor) != DNN_U8 || dnn_tensor_bytes(tensor) < (int64_t)sizeof(dnni_io_object)) return false;
    const dnni_io_object *object = dnn_tensor_const_data(tensor);
    return strncmp(object->tag, tag, sizeof object->tag) == 0;
}

void *dnni_io_object_of(const void *handle, const char *tag) {
    if (!handle) dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "%s is NULL", tag);
    else if (is_tagged(handle, tag)) return dnni_io_inside(handle);
    else dnni_io_fail(DNN_ERROR_HANDLE, NULL, "%s: the handle is of another kind, or was released", tag);
    return NULL;
}

dnn_status dnni_io_handle_retain(const void *handle) { return dnn_tensor_retain((dnn_tensor *)(uintptr_t)handle); }

dnn_status dnni_io_handle_release(void *handle, const char *tag) {
    if (!handle) return DNN_OK;
    return dnni_io_object_of(handle, tag) ? dnn_tensor_release(handle) : dnn_last_status();
}
