/* What every handle points to: a header with a type tag and a count of holders.
 *
 * The header of a released object is not given back at once: the context keeps the last few hundred as tombstones, so
 * that using or releasing a handle once too often is found and reported instead of being undefined. What an object owns
 * is freed at once. */
#ifndef DNNI_OBJECT_H
#define DNNI_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/error.h"
#include "core/memory.h"

/* Tags are unlikely as the first bytes of anything else. gdb knows them too: bindings/gdb/dnn_gdb.py. */
typedef enum dnni_kind {
    DNNI_DEAD = 0x6ead0dee,
    DNNI_CONTEXT = 0x6e6e0c01,
    DNNI_TENSOR = 0x6e6e0702,
    DNNI_MODULE = 0x6e6e0d03,
    DNNI_PREDICTOR = 0x6e6e0904,
    DNNI_DESCRIPTION = 0x6e6e0505,
    DNNI_LOSS = 0x6e6e0106,
    DNNI_OPTIMIZER = 0x6e6e0f07,
    DNNI_DATASET = 0x6e6e0a08,
    DNNI_LOADER = 0x6e6e0b09,
    DNNI_CHECK_REPORT = 0x6e6e0e0a,
    DNNI_ARCHIVE = 0x6e6e030b,
    DNNI_REPORT = 0x6e6e020c,
    DNNI_SCHEDULE = 0x6e6e080d,
    DNNI_METRICS = 0x6e6e0c1e,
    DNNI_AVERAGE = 0x6e6e011f,
    DNNI_SEARCH = 0x6e6e0a2f,
    DNNI_TRANSFORM = 0x6e6e0c0e,
    DNNI_SUMMARY = 0x6e6e040e,
    DNNI_STATISTICS = 0x6e6e0f0e,
    DNNI_RUN = 0x6e6e060f,
    DNNI_MONITOR = 0x6e6e0d0f,
    DNNI_STRIP = 0x6e6e050f
} dnni_kind;

typedef struct dnni_object {
    uint32_t kind;
    _Atomic int32_t holders;
    dnn_context *ctx; /* held; NULL only in a context itself */
    int64_t bytes;
    void (*destroy)(void *object); /* frees what the object owns, not the object */
    struct dnni_object *next_tomb;
} dnni_object;

/* A new object of `bytes`, zeroed but for its header, held once, that keeps `ctx` alive. NULL on failure. The handle
 * `ctx` must have been checked. */
void *dnni_object_new(dnn_context *ctx, dnni_kind kind, int64_t bytes, void (*destroy)(void *object));

/* OK if `handle` is a live object of that kind; otherwise HANDLE (ARGUMENT for NULL), with `name` of the parameter. */
dnn_status dnni_check(const void *handle, dnni_kind kind, const char *name);

/* The same for two handles that must be of one context. */
dnn_status dnni_check_same_context(const void *a, const void *b, const char *what);

static inline bool dnni_is(const void *handle, dnni_kind kind) {
    return handle && ((const dnni_object *)handle)->kind == (uint32_t)kind;
}

dnn_status dnni_object_retain(void *handle, dnni_kind kind, const char *name);

/* NULL is fine. */
dnn_status dnni_object_release(void *handle, dnni_kind kind, const char *name);

#endif
