/* What forward and backward share: how the work is cut, and packing.
 *
 * Scores are computed transposed, K Qᵀ: `nr` queries lie side by side, the keys below each other. A tile of that is
 * just what the micro-kernel takes as its second operand in the next product over keys (Vᵀ P̃, with P̃ = Pᵀ), so P is
 * never packed. */
#ifndef DNNK_ATTENTION_BLOCKS_H
#define DNNK_ATTENTION_BLOCKS_H

#include "attention/attention.h"
#include "gemm/kernels.h"

typedef struct dnnk_attention_blocks {
    const dnnk_attention *a;
    const dnnk_attention_table *table;
    dnnk_ukernel u;
    dnnk_packer packer;
    int64_t size;                        /* bytes of an element */
    int64_t key_block, query_block;      /* positions; multiples of mr and of nr */
    int64_t dim_rows, value_rows;        /* dim and value_dim, rounded up to mr */
    int64_t tasks;
    int64_t lane_bytes;                  /* scratch of a lane */
} dnnk_attention_blocks;

/* A panel of `nr` queries at work: which, and how many of the current block's keys they see. */
typedef struct dnnk_query_panel {
    int64_t first, count;
} dnnk_query_panel;

dnnk_attention_blocks dnnk_attention_cut(const dnnk_env *env, const dnnk_attention *a, int64_t most_keys,
                                         int64_t most_queries);

/* Offsets of a lane's arrays, of so many elements each; returns the bytes of all. */
int64_t dnnk_attention_lay_out(const dnnk_attention_blocks *b, int parts, const int64_t *elements, int64_t *at);

static inline char *dnnk_attention_align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

/* The address of head h of position t of sample n. */
static inline char *dnnk_heads_at(const dnnk_heads *x, int64_t n, int64_t t, int64_t h, int64_t dim, int64_t size) {
    return (char *)x->data + (n * x->batch_stride + t * x->row_stride + h * dim) * size;
}

/* Packs `count` positions (rows of `dim`, row_stride apart): panels of `width` positions side by side, dim deep. */
void dnnk_attention_pack_positions(const dnnk_attention_blocks *b, const void *x, int64_t row_stride, int64_t count,
                                   int64_t dim, int64_t width, char *panels);

/* The other way round: panels of `width` dims side by side, `depth` positions deep, of which `count` from position
 * `first` on are written. */
void dnnk_attention_pack_dims(const dnnk_attention_blocks *b, const void *x, int64_t row_stride, int64_t first,
                              int64_t count, int64_t dim, int64_t width, int64_t depth, char *panels);

/* c[rows][nr] (+)= panels of mr rows, `stride` elements from panel to panel, times b[k][nr]. */
void dnnk_attention_product(const dnnk_attention_blocks *b, int64_t rows, int64_t k, const char *panels, int64_t stride,
                            const char *right, char *c, bool accumulate);

/* How many of the keys from k0 on, `count` of them, a panel of queries sees: a multiple of mr, or `count`. */
int64_t dnnk_attention_seen(const dnnk_attention_blocks *b, dnnk_query_panel panel, int64_t k0, int64_t count);

/* S̃ = K Qᵀ with its masks, [seen, nr]; keys are packed panels of mr, queries one panel of nr. */
void dnnk_attention_scores(const dnnk_attention_blocks *b, int64_t n, dnnk_query_panel panel, int64_t k0, int64_t seen,
                           const char *keys, const char *queries, char *s);

#endif
