#include "base/body.h"

#include "embedding/embedding.h"

static void add(const real *restrict dy, real *restrict dtable, int64_t n) {
    for (int64_t i = 0; i < n; i++) dtable[i] += dy[i];
}

static void backward(const dnnk_ids *ids, int64_t padding, int64_t width, const void *dy, void *dtable,
                     dnnk_embedding_part part) {
    const real *from = (const real *)dy + part.col;
    real *to = (real *)dtable + part.col;
    for (int64_t i = 0; i < ids->count; i++) {
        int64_t id = dnnk_id(ids, i);
        if (id < part.row || id >= part.row + part.rows || id == padding) continue;
        add(from + i * width, to + id * width, part.cols);
    }
}

const dnnk_embedding_table DNNK_TABLE(embedding) = {.backward = backward};
