/* Embedding: rows of a table picked by index.
 *
 * table, dtable: (vocabulary, width). ids: count indices, int32 or int64. y, dy: (count, width). Arrays are contiguous.
 * The caller has checked the indices with dnnk_index_check; the kernels trust them.
 */
#ifndef DNNK_EMBEDDING_H
#define DNNK_EMBEDDING_H

#include "base/env.h"
#include "base/tables.h"

typedef struct dnnk_ids {
    const void *data;
    int64_t count;
    int64_t size; /* bytes of an index: 4 for int32, 8 for int64 */
} dnnk_ids;

static inline int64_t dnnk_id(const dnnk_ids *ids, int64_t i) {
    return ids->size == 8 ? ((const int64_t *)ids->data)[i] : ((const int32_t *)ids->data)[i];
}

/* The position of the first index outside [0, limit), or -1 if there is none. */
int64_t dnnk_index_check(const dnnk_ids *ids, int64_t limit);

/* y[i] = table[ids[i]]. The padding row is gathered as any other. */
void dnnk_embedding(const dnnk_env *env, dnnk_type type, int64_t width, const dnnk_ids *ids, const void *table,
                    void *y);

/* dtable[ids[i]] += dy[i], except where ids[i] = padding (-1: nowhere). Each row of dtable takes its gradients in the
 * order of the indices, whatever the number of lanes: tasks are cut by columns and by ranges of the vocabulary. */
void dnnk_embedding_backward(const dnnk_env *env, dnnk_type type, int64_t vocabulary, int64_t width,
                             const dnnk_ids *ids, int64_t padding, const void *dy, void *dtable);

/* What a task of the backward pass owns: columns [col, col + cols) of the rows [row, row + rows). */
typedef struct dnnk_embedding_part {
    int64_t row, rows, col, cols;
} dnnk_embedding_part;

typedef struct dnnk_embedding_table {
    void (*backward)(const dnnk_ids *ids, int64_t padding, int64_t width, const void *dy, void *dtable,
                     dnnk_embedding_part part);
} dnnk_embedding_table;

DNNK_DECLARE_TABLES(embedding)

#endif
