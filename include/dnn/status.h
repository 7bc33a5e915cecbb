/* libdnn: status codes and the last error. */
#ifndef DNN_STATUS_H
#define DNN_STATUS_H

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number, meaning). Numbers are pinned, with gaps; a number is never used again for something else. Whoever
 * switches over a status must have a default branch: later versions add codes at the gaps. */
#define DNN_STATUS_LIST(X)                                                                                   \
    X(DNN_OK, 0, "no error")                                                                                 \
    X(DNN_END, 1, "there is no more: the end of an epoch or of a list, not an error")                        \
    X(DNN_ERROR_ARGUMENT, 10, "an argument is NULL, out of range, or contradicts another")                   \
    X(DNN_ERROR_HANDLE, 11, "a handle is of the wrong kind, released already, or of another context")        \
    X(DNN_ERROR_SHAPE, 20, "shapes do not fit together")                                                     \
    X(DNN_ERROR_DTYPE, 21, "an element type is not the one that is needed")                                  \
    X(DNN_ERROR_VALUE, 22, "a value cannot be used or represented: a label out of range, a lossy cast")      \
    X(DNN_ERROR_STATE, 30, "a call in the wrong phase: backward before forward, say")                        \
    X(DNN_ERROR_NOT_FOUND, 31, "nothing has that name, path or index")                                       \
    X(DNN_ERROR_UNSUPPORTED, 32, "this is not supported, here or by this build")                             \
    X(DNN_ERROR_MEMORY, 40, "out of memory")                                                                 \
    X(DNN_ERROR_THREAD, 41, "a thread could not be started")                                                 \
    X(DNN_ERROR_IO, 50, "a file could not be opened, read, written or renamed")                              \
    X(DNN_ERROR_FORMAT, 51, "a file is not what it claims to be: truncated, corrupt or of another format")   \
    X(DNN_ERROR_CALLBACK, 60, "a function of the host's reported a failure")                                 \
    X(DNN_ERROR_INTERNAL, 90, "a fault in the library itself: please report it")

typedef enum dnn_status {
#define DNN_STATUS_ENUM(name, number, meaning) name = number,
    DNN_STATUS_LIST(DNN_STATUS_ENUM)
#undef DNN_STATUS_ENUM
} dnn_status;

/* A status's name ("DNN_ERROR_SHAPE") and its meaning; static text, for any number. */
DNN_API const char *dnn_status_name(dnn_status status);
DNN_API const char *dnn_status_text(dnn_status status);

/* One line on the last call that failed in this thread: what was wrong, where (the module's path), with which shapes.
 * Empty before the first failure. A call that succeeds leaves it as it is. Lent: valid until this thread's next failing
 * call. Never NULL. The line lives in memory of its own (one buffer of 1 KiB for each thread that has seen a failure,
 * from malloc, freed when the thread ends; those of threads that outlive a dlclose() are lost); where even that cannot
 * be had, it is a fixed text for the status. */
DNN_API const char *dnn_last_error(void);

/* The status that belongs to dnn_last_error(); DNN_OK before the first failure. For functions that return a handle. */
DNN_API dnn_status dnn_last_status(void);

/* Sets this thread's last error and returns `status`: for the host's own callbacks (layers, datasets), so that their
 * reasons reach whoever called the library. `message` is one line, copied (and cut at 1023 bytes). */
DNN_API dnn_status dnn_fail(dnn_status status, const char *message);

#ifdef __cplusplus
}
#endif

#endif
