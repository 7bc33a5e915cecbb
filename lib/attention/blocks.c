#include "attention/blocks.h"

dnnk_attention_blocks dnnk_attention_cut(const dnnk_env *env, const dnnk_attention *a, int64_t most_keys,
                                         int64_t most_queries) {
    dnnk_attention_blocks b = {.a = a, .table = dnnk_attention_kernels(env->isa, a->type),
                               .u = dnnk_gemm_ukernel(env->isa, a->type),
                               .packer = dnnk_gemm_packer(env->isa, a->type), .size = dnnk_size(a->type)};
    b.key_block = dnnk_round_up(dnnk_max(1, dnnk_min(a->keys, most_keys)), b.u.mr);
    b.query_block = dnnk_round_up(dnnk_max(1, dnnk_min(a->queries, most_queries)), b.u.nr);
    b.dim_rows = dnnk_round_up(a->dim, b.u.mr);
    b.value_rows = dnnk_round_up(a->value_dim, b.u.mr);
    return b;
}

/* With room for what micro-kernels read too far. */
int64_t dnnk_attention_lay_out(const dnnk_attention_blocks *b, int parts, const int64_t *elements, int64_t *at) {
    int64_t bytes = 0;
    for (int i = 0; i < parts; i++) {
        at[i] = bytes;
        bytes += dnnk_round_up(elements[i] * b->size + DNNK_PANEL_SLACK, 64);
    }
    return bytes;
}

void dnnk_attention_pack_positions(const dnnk_attention_blocks *b, const void *x, int64_t row_stride, int64_t count,
                                   int64_t dim, int64_t width, char *panels) {
    const void *row[DNNK_PANEL_MAX];
    for (int64_t first = 0; first < count; first += width) {
        int64_t rows = dnnk_min(width, count - first);
        for (int64_t i = 0; i < rows; i++) row[i] = (const char *)x + (first + i) * row_stride * b->size;
        b->packer.rows(row, rows, dim, width, panels + first * dim * b->size);
    }
}

void dnnk_attention_pack_dims(const dnnk_attention_blocks *b, const void *x, int64_t row_stride, int64_t first,
                              int64_t count, int64_t dim, int64_t width, int64_t depth, char *panels) {
    for (int64_t d = 0; d < dim; d += width)
        b->packer.strided((const char *)x + d * b->size, 1, row_stride, dnnk_min(width, dim - d), count, width,
                          panels + (d * depth + first * width) * b->size);
}

void dnnk_attention_product(const dnnk_attention_blocks *b, int64_t rows, int64_t k, const char *panels, int64_t stride,
                            const char *right, char *c, bool accumulate) {
    const dnnk_ukernel *u = &b->u;
    for (int64_t i = 0; i < rows; i += u->mr)
        u->run(k, panels + i / u->mr * stride * b->size, right, c + i * u->nr * b->size, u->nr, accumulate);
}

int64_t dnnk_attention_seen(const dnnk_attention_blocks *b, dnnk_query_panel panel, int64_t k0, int64_t count) {
    if (!b->a->causal) return count;
    return dnnk_max(0, dnnk_min(count, dnnk_round_up(panel.first + panel.count - k0, b->u.mr)));
}

void dnnk_attention_scores(const dnnk_attention_blocks *b, int64_t n, dnnk_query_panel panel, int64_t k0, int64_t seen,
                           const char *keys, const char *queries, char *s) {
    const dnnk_attention *a = b->a;
    int64_t at = n * a->keys + k0;
    dnnk_attention_product(b, seen, a->dim, keys, a->dim * b->u.mr, queries, s, false);
    if (a->causal) b->table->mask_causal(seen, b->u.nr, s, k0 - panel.first);
    if (a->mask_kind == DNNK_MASK_BYTES)
        b->table->mask_bytes(seen, b->u.nr, s, (const uint8_t *)a->mask + at);
    else if (a->mask_kind == DNNK_MASK_ADDED)
        b->table->mask_added(seen, b->u.nr, s, (const char *)a->mask + at * b->size);
}
