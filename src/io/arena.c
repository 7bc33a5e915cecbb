#include "io/arena.h"

enum { ALIGNED = 64, LEAST = 1 << 16, KEPT = 1 << 20 };

struct dnni_io_block {
    dnni_io_block *older;
    int64_t bytes, used;
};

/* A new block, at least as large as all before together: there are few of them. */
static dnni_io_block *add_block(dnni_io_arena *arena, int64_t bytes) {
    int64_t wanted = bytes > LEAST ? bytes : LEAST;
    if (wanted < arena->total && arena->total < KEPT) wanted = arena->total;
    dnni_io_block *block = dnni_io_alloc(arena->ctx, ALIGNED + wanted);
    if (!block) return NULL;
    *block = (dnni_io_block){arena->blocks, wanted, 0};
    arena->blocks = block;
    arena->total += wanted;
    return block;
}

void *dnni_io_arena_take(dnni_io_arena *arena, int64_t bytes) {
    dnni_io_block *block = arena->blocks;
    if (bytes < 0 || bytes > INT64_MAX / 4) {
        dnn_fail(DNN_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    bytes = (bytes + ALIGNED - 1) / ALIGNED * ALIGNED;
    if (!block || bytes > block->bytes - block->used) block = add_block(arena, bytes);
    if (!block) return NULL;
    char *memory = (char *)block + ALIGNED + block->used;
    block->used += bytes;
    return memory;
}

static void drop(dnni_io_arena *arena) {
    for (dnni_io_block *block = arena->blocks, *older; block; block = older) {
        older = block->older;
        dnni_io_free(block);
    }
    arena->blocks = NULL;
    arena->total = 0;
}

/* Several blocks become one on the next job; a large one goes. */
void dnni_io_arena_reset(dnni_io_arena *arena) {
    int64_t total = arena->total;
    if (arena->blocks && !arena->blocks->older && total <= KEPT) {
        arena->blocks->used = 0;
        return;
    }
    drop(arena);
    if (total <= KEPT) add_block(arena, total); /* if that fails, the next job takes what it needs itself */
}

void dnni_io_arena_release(dnni_io_arena *arena) { drop(arena); }

/* ---- one for each thread ---- */

void dnni_io_pool_begin(dnni_io_pool *pool, dnn_context *ctx) {
    *pool = (dnni_io_pool){.ctx = ctx};
    pthread_mutex_init(&pool->lock, NULL);
}

void dnni_io_pool_end(dnni_io_pool *pool) {
    for (dnni_io_arena *arena = pool->idle, *next; arena; arena = next) {
        next = arena->next;
        dnni_io_arena_release(arena);
        dnni_io_free(arena);
    }
    pthread_mutex_destroy(&pool->lock);
}

dnni_io_arena *dnni_io_pool_take(dnni_io_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    dnni_io_arena *arena = pool->idle;
    if (arena) pool->idle = arena->next;
    pthread_mutex_unlock(&pool->lock);
    if (arena) return arena;
    arena = dnni_io_alloc(pool->ctx, sizeof *arena);
    if (arena) arena->ctx = pool->ctx;
    return arena;
}

void dnni_io_pool_give(dnni_io_pool *pool, dnni_io_arena *arena) {
    dnni_io_arena_reset(arena);
    pthread_mutex_lock(&pool->lock);
    arena->next = pool->idle;
    pool->idle = arena;
    pthread_mutex_unlock(&pool->lock);
}
