/* Handles of this library's own. The core's are out of a guest's reach, so one of ours is in truth a tensor of bytes
 * over the object, whatever its public type says: counted, found again after its release, and told from others by the
 * core; and from other tensors by the tag that the object begins with. */
#ifndef DNNI_IO_HANDLE_H
#define DNNI_IO_HANDLE_H

#include "io/support.h"

typedef struct dnni_io_object {
    char tag[8];
    dnn_context *ctx;
} dnni_io_object;

/* Makes the handle *out (of any type) of an object that begins with a dnni_io_object; `release` is called with it when
 * the last holder goes, and not if this fails. */
dnn_status dnni_io_handle_new(void *out, dnn_context *ctx, dnni_io_object *object, int64_t bytes, const char *tag,
                              void (*release)(void *object));

/* The object; NULL and the last error if the handle is none of that tag. */
void *dnni_io_object_of(const void *handle, const char *tag);

/* The same of a handle that is known to be good, from any thread. */
void *dnni_io_inside(const void *handle);

dnn_status dnni_io_handle_retain(const void *handle);
dnn_status dnni_io_handle_release(void *handle, const char *tag); /* NULL is fine */

#endif
