/* Memory for one job at a time: taken piece by piece, given back as a whole. */
#ifndef DNNI_IO_ARENA_H
#define DNNI_IO_ARENA_H

#include <pthread.h>

#include "io/support.h"

typedef struct dnni_io_block dnni_io_block;

typedef struct dnni_io_arena {
    dnn_context *ctx;
    dnni_io_block *blocks; /* the newest first */
    int64_t total;         /* bytes of all */
    struct dnni_io_arena *next;
} dnni_io_arena;

/* Aligned to 64 bytes, of undefined contents; NULL and the last error. */
void *dnni_io_arena_take(dnni_io_arena *arena, int64_t bytes);

/* Everything taken is void. A moderate amount of memory is kept for the next job. */
void dnni_io_arena_reset(dnni_io_arena *arena);
void dnni_io_arena_release(dnni_io_arena *arena);

/* Arenas for as many threads as come at once; in a steady state none is made. */
typedef struct dnni_io_pool {
    dnn_context *ctx;
    pthread_mutex_t lock;
    dnni_io_arena *idle;
} dnni_io_pool;

void dnni_io_pool_begin(dnni_io_pool *pool, dnn_context *ctx);
void dnni_io_pool_end(dnni_io_pool *pool);
dnni_io_arena *dnni_io_pool_take(dnni_io_pool *pool); /* NULL and the last error */
void dnni_io_pool_give(dnni_io_pool *pool, dnni_io_arena *arena);

#endif
