/* The context as the library sees it. */
#ifndef DNNI_CONTEXT_H
#define DNNI_CONTEXT_H

#include <pthread.h>

#include "base/env.h"
#include "core/object.h"

/* How many released objects are remembered. */
#define DNNI_TOMBS 256

typedef struct dnni_threads dnni_threads;

/* Who else hears what the host's log sink is told, in any thread; it must not log. Its owner keeps the memory from
 * attach to detach. */
typedef struct dnni_log_tap {
    void (*write)(void *user, dnn_log_level level, const char *line);
    void *user;
    struct dnni_log_tap *next;
} dnni_log_tap;

struct dnn_context {
    dnni_object base;
    dnn_allocator allocator;
    dnn_log_sink log;
    dnn_executor executor;
    dnni_threads *threads; /* the default pool; NULL with a host's executor, or one lane */
    dnnk_env env;
    bool allow_winograd;
    bool allow_fusion;     /* tests switch it off, before the first plan */
    uint64_t forced_again; /* tests: steps run again whose number's bit, modulo 64, is set, if they may */
    uint64_t seed;
    _Atomic uint64_t next_stream;
    _Atomic uint64_t next_version; /* of a storage's contents */
    pthread_mutex_t tomb_lock, clear_lock, log_lock;
    dnni_log_tap *taps;
    dnni_object *first_tomb, *last_tomb;
    int64_t tombs;
    struct dnn_context *next_live;
    char description[256];
};

/* Live contexts are known: a context that was released is told from a live one without looking into it. */
dnn_status dnni_context_check(const void *handle, const char *name);

void dnni_context_hold(dnn_context *ctx);
void dnni_context_drop(dnn_context *ctx);

/* Takes over the memory of a released object. */
void dnni_context_bury(dnn_context *ctx, dnni_object *object);

static inline dnn_context *dnni_context_of(const void *object) { return ((const dnni_object *)object)->ctx; }

/* Where and how kernels run. */
static inline const dnnk_env *dnni_env(const dnn_context *ctx) { return &ctx->env; }

/* A new stream of random numbers: (seed, stream) keys the counter-based generator. */
uint64_t dnni_context_stream(dnn_context *ctx);

/* One line to the host's log, if there is one, and to the taps. */
void dnni_log(dnn_context *ctx, dnn_log_level level, const char *format, ...) DNNI_PRINTF(3, 4);
void dnni_log_attach(dnn_context *ctx, dnni_log_tap *tap);
void dnni_log_detach(dnn_context *ctx, dnni_log_tap *tap); /* one that is not attached is fine */

/* Checks a descriptor's size field, copies what the caller's version of the struct has over `target` (whose fields
 * beyond that are zero). NULL is all defaults, where `optional`. */
dnn_status dnni_read_desc(void *target, size_t target_bytes, const void *desc, bool optional, const char *name);
#define DNNI_READ_DESC(target, desc, optional) dnni_read_desc(&(target), sizeof(target), desc, optional, #desc)

/* Fills a struct of the caller's (`out`, which begins with its size) from ours, as far as its size and ours reach; the
 * size stays as it is, and so do fields of a newer version. */
dnn_status dnni_give(void *out, const void *full, size_t bytes, const char *name);

/* A field of type double: its value, or its default where it was left zero; DNN_ZERO is zero. */
double dnni_or_default(double field, double fallback);

#endif
