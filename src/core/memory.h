/* Memory from a context's allocator. Every size is known when memory is given back. */
#ifndef DNNI_MEMORY_H
#define DNNI_MEMORY_H

#include <dnn/context.h>
#include <stdbool.h>

/* The alignment of all that is computed on: a cache line, and the widest vector. */
#define DNNI_ALIGNMENT 64

extern const dnn_allocator dnni_default_allocator;

/* `count` × `size` bytes, zeroed; NULL if there is no memory, or the product wraps (the last error is then set). A size
 * of 0 gives a pointer that must be given back too. */
void *dnni_alloc(dnn_context *ctx, int64_t count, int64_t size);
void dnni_free(dnn_context *ctx, void *memory, int64_t count, int64_t size);

/* The same without zeroing, for large arrays that are about to be written. */
void *dnni_alloc_raw(dnn_context *ctx, int64_t count, int64_t size);

/* Makes room for `needed` elements of `size` bytes in *array, which has *capacity of them; contents stay, new room is
 * zero. On failure nothing changes. */
dnn_status dnni_grow(dnn_context *ctx, void **array, int64_t *capacity, int64_t needed, int64_t size);

/* A copy of a string; give it back with dnni_free_string. NULL stays NULL. */
char *dnni_copy_string(dnn_context *ctx, const char *text);
void dnni_free_string(dnn_context *ctx, char *text);

#define DNNI_SWAP(type, a, b) \
    do {                      \
        type kept_ = (a);     \
        (a) = (b);            \
        (b) = kept_;          \
    } while (0)

/* a × b and a + b, for sizes; false if the result is negative or does not fit. */
bool dnni_mul(int64_t a, int64_t b, int64_t *product);
bool dnni_add(int64_t a, int64_t b, int64_t *sum);

/* A pool: many small pieces, given back all at once. What is made step by step (a plan, a description) lives in one, so
 * that a failure half-way has one thing to free. */
typedef struct dnni_pool_block dnni_pool_block;
typedef struct dnni_pool {
    dnn_context *ctx;
    dnni_pool_block *last;
} dnni_pool;

/* Zeroed memory from the pool, aligned to 16 bytes; NULL and the last error on failure. */
void *dnni_pool_alloc(dnni_pool *pool, int64_t count, int64_t size);
char *dnni_pool_string(dnni_pool *pool, const char *text);
void dnni_pool_free(dnni_pool *pool);

#endif
