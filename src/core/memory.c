#include "core/memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/context.h"

static void *default_allocate(void *user, size_t bytes, size_t alignment) {
    (void)user;
    if (alignment < sizeof(void *)) alignment = sizeof(void *);
    void *memory = NULL;
    return posix_memalign(&memory, alignment, bytes) == 0 ? memory : NULL;
}

static void default_release(void *user, void *memory, size_t bytes) {
    (void)user;
    (void)bytes;
    free(memory);
}

const dnn_allocator dnni_default_allocator = {default_allocate, default_release, NULL};

bool dnni_mul(int64_t a, int64_t b, int64_t *product) {
    return a >= 0 && b >= 0 && !__builtin_mul_overflow(a, b, product);
}

bool dnni_add(int64_t a, int64_t b, int64_t *sum) {
    return a >= 0 && b >= 0 && !__builtin_add_overflow(a, b, sum);
}

/* What is asked of the allocator for count × size bytes: never nothing. -1 if that wraps. */
static int64_t whole_bytes(int64_t count, int64_t size) {
    int64_t bytes;
    if (!dnni_mul(count, size, &bytes)) return -1;
    return bytes > 0 ? bytes : 1;
}

void *dnni_alloc_raw(dnn_context *ctx, int64_t count, int64_t size) {
    int64_t bytes = whole_bytes(count, size);
    void *memory = bytes < 0 ? NULL : ctx->allocator.allocate(ctx->allocator.user, (size_t)bytes, DNNI_ALIGNMENT);
    if (!memory) dnni_out_of_memory();
    return memory;
}

void *dnni_alloc(dnn_context *ctx, int64_t count, int64_t size) {
    void *memory = dnni_alloc_raw(ctx, count, size);
    if (memory) memset(memory, 0, (size_t)whole_bytes(count, size));
    return memory;
}

void dnni_free(dnn_context *ctx, void *memory, int64_t count, int64_t size) {
    if (memory) ctx->allocator.release(ctx->allocator.user, memory, (size_t)whole_bytes(count, size));
}

dnn_status dnni_grow(dnn_context *ctx, void **array, int64_t *capacity, int64_t needed, int64_t size) {
    if (needed <= *capacity) return DNN_OK;
    int64_t room = *capacity < 4 ? 4 : *capacity;
    while (room < needed) {
        if (room > INT64_MAX / 2) return dnni_out_of_memory();
        room *= 2;
    }
    void *grown = dnni_alloc(ctx, room, size);
    if (!grown) return DNN_ERROR_MEMORY;
    if (*capacity > 0) memcpy(grown, *array, (size_t)(*capacity * size));
    if (*array) dnni_free(ctx, *array, *capacity, size);
    *array = grown;
    *capacity = room;
    return DNN_OK;
}

char *dnni_copy_string(dnn_context *ctx, const char *text) {
    if (!text) return NULL;
    int64_t bytes = (int64_t)strlen(text) + 1;
    char *copy = dnni_alloc_raw(ctx, bytes, 1);
    if (copy) memcpy(copy, text, (size_t)bytes);
    return copy;
}

void dnni_free_string(dnn_context *ctx, char *text) {
    if (text) dnni_free(ctx, text, (int64_t)strlen(text) + 1, 1);
}

/* ---- pool ---- */

struct dnni_pool_block {
    dnni_pool_block *previous;
    int64_t bytes; /* of the whole block, this header included */
    int64_t used;
};

enum { POOL_ALIGNMENT = 16, POOL_BLOCK = 4096, POOL_HEADER = 32 };

static dnni_pool_block *new_block(dnni_pool *pool, int64_t payload) {
    int64_t bytes = payload > POOL_BLOCK - POOL_HEADER ? payload + POOL_HEADER : POOL_BLOCK;
    dnni_pool_block *block = dnni_alloc(pool->ctx, bytes, 1);
    if (!block) return NULL;
    block->previous = pool->last;
    block->bytes = bytes;
    block->used = POOL_HEADER;
    return pool->last = block;
}

void *dnni_pool_alloc(dnni_pool *pool, int64_t count, int64_t size) {
    int64_t bytes;
    if (!dnni_mul(count, size, &bytes) || bytes > INT64_MAX - POOL_HEADER - POOL_ALIGNMENT) {
        dnni_out_of_memory();
        return NULL;
    }
    bytes = (bytes + POOL_ALIGNMENT - 1) / POOL_ALIGNMENT * POOL_ALIGNMENT;
    dnni_pool_block *block = pool->last;
    if (!block || block->bytes - block->used < bytes) block = new_block(pool, bytes);
    if (!block) return NULL;
    void *memory = (char *)block + block->used;
    block->used += bytes;
    return memory;
}

char *dnni_pool_string(dnni_pool *pool, const char *text) {
    int64_t bytes = (int64_t)strlen(text) + 1;
    char *copy = dnni_pool_alloc(pool, bytes, 1);
    if (copy) memcpy(copy, text, (size_t)bytes);
    return copy;
}

void dnni_pool_free(dnni_pool *pool) {
    while (pool->last) {
        dnni_pool_block *block = pool->last;
        pool->last = block->previous;
        dnni_free(pool->ctx, block, block->bytes, 1);
    }
}
