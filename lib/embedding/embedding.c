#include "embedding/embedding.h"

#include <string.h>

#define TASK_BYTES 65536
#define TASK_ELEMENTS 32768
#define COLUMNS 128 /* a backward task's width: whole cache lines, and one index read for many additions */
#define RANGES 4    /* how often, at most, the vocabulary is cut: every range reads all indices */

int64_t dnnk_index_check(const dnnk_ids *ids, int64_t limit) {
    for (int64_t i = 0; i < ids->count; i++) {
        int64_t id = dnnk_id(ids, i);
        if (id < 0 || id >= limit) return i;
    }
    return -1;
}

typedef struct {
    const dnnk_ids *ids;
    const char *table;
    char *y;
    int64_t row_bytes, per_task;
} gather_job;

static void gather_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const gather_job *j = arg;
    int64_t end = dnnk_min(j->ids->count, (task + 1) * j->per_task);
    for (int64_t i = task * j->per_task; i < end; i++)
        memcpy(j->y + i * j->row_bytes, j->table + dnnk_id(j->ids, i) * j->row_bytes, (size_t)j->row_bytes);
}

void dnnk_embedding(const dnnk_env *env, dnnk_type type, int64_t width, const dnnk_ids *ids, const void *table,
                    void *y) {
    if (width == 0 || ids->count == 0) return;
    gather_job j = {.ids = ids, .table = table, .y = y, .row_bytes = width * dnnk_size(type)};
    j.per_task = dnnk_max(1, TASK_BYTES / j.row_bytes);
    dnnk_parallel(env, dnnk_ceil_div(ids->count, j.per_task), gather_task, &j);
}

typedef struct {
    const dnnk_embedding_table *kernels;
    const dnnk_ids *ids;
    const void *dy;
    void *dtable;
    int64_t vocabulary, width, padding, bands, range_rows;
} scatter_job;

static void scatter_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const scatter_job *j = arg;
    int64_t col = task % j->bands * COLUMNS, row = task / j->bands * j->range_rows;
    dnnk_embedding_part part = {.row = row, .rows = dnnk_min(j->range_rows, j->vocabulary - row),
                                .col = col, .cols = dnnk_min(COLUMNS, j->width - col)};
    j->kernels->backward(j->ids, j->padding, j->width, j->dy, j->dtable, part);
}

/* Columns cut evenly whatever the indices are; narrow tables with many indices are cut by rows as well. */
void dnnk_embedding_backward(const dnnk_env *env, dnnk_type type, int64_t vocabulary, int64_t width,
                             const dnnk_ids *ids, int64_t padding, const void *dy, void *dtable) {
    if (vocabulary == 0 || width == 0 || ids->count == 0) return;
    scatter_job j = {.kernels = dnnk_embedding_kernels(env->isa, type), .ids = ids, .dy = dy, .dtable = dtable,
                     .vocabulary = vocabulary, .width = width, .padding = padding};
    j.bands = dnnk_ceil_div(width, COLUMNS);
    int64_t ranges = ids->count * dnnk_min(width, COLUMNS) / TASK_ELEMENTS;
    j.range_rows = dnnk_ceil_div(vocabulary, dnnk_max(1, dnnk_min(ranges, RANGES)));
    dnnk_parallel(env, j.bands * dnnk_ceil_div(vocabulary, j.range_rows), scatter_task, &j);
}
