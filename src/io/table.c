/* Questions to a table. */
#include "io/table.h"

#include <stdio.h>
#include <string.h>

const char dnni_table_tag[] = "table";

typedef struct dnn_table table;

dnni_csv *dnni_table_reader(const table *t, dnni_io_arena *arena, const dnni_mark *from) {
    dnni_csv *csv = dnni_io_arena_take(arena, sizeof *csv);
    const dnni_mark begin = {t->begin, 1};
    if (!from) from = &begin;
    if (csv) dnni_csv_begin(csv, arena, &t->file, t->delimiter, from->at, t->file.n, from->line);
    return csv;
}

dnn_status dnn_table_release(dnn_table *handle) { return dnni_io_handle_release(handle, dnni_table_tag); }

int64_t dnn_table_rows(const dnn_table *handle) {
    const table *t = dnni_io_object_of(handle, dnni_table_tag);
    return t ? t->rows : -1;
}

int64_t dnn_table_columns(const dnn_table *handle) {
    const table *t = dnni_io_object_of(handle, dnni_table_tag);
    return t ? t->n_columns : -1;
}

/* NULL and the last error: it is not there. */
static const dnni_column *column_of(const table *t, int64_t column) {
    if (!t) return NULL;
    if (column >= 0 && column < t->n_columns) return &t->columns[column];
    dnni_io_fail(DNN_ERROR_NOT_FOUND, t->path, "has no column %lld, it has %lld", (long long)column,
                 (long long)t->n_columns);
    return NULL;
}

dnn_status dnn_table_column(const dnn_table *handle, int64_t column, dnn_column_info *info) {
    const table *t = dnni_io_object_of(handle, dnni_table_tag);
    const dnni_column *c = column_of(t, column);
    if (!c) return dnn_last_status();
    const dnn_column_info full = {
        .name = dnni_table_text_at(t, c->name), .type = c->type, .missing = c->missing, .low = c->low,
        .high = c->high, .mean = c->mean, .classes = c->type == DNN_COLUMN_TEXT ? c->n_classes : 0};
    return dnni_io_give(info, &full, sizeof full);
}

dnn_status dnn_table_find(const dnn_table *handle, const char *name, int64_t *column) {
    const table *t = dnni_io_object_of(handle, dnni_table_tag);
    int64_t found = -1, times = 0;
    if (!t) return dnn_last_status();
    if (!name || !column) return dnn_fail(DNN_ERROR_ARGUMENT, name ? "column is NULL" : "name is NULL");
    for (int64_t i = t->n_columns - 1; i >= 0; i--) {
        if (strcmp(name, dnni_table_text_at(t, t->columns[i].name)) != 0) continue;
        found = i;
        times++;
    }
    if (times == 0) return dnni_io_fail(DNN_ERROR_NOT_FOUND, t->path, "has no column '%s'", name);
    if (times > 1)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, t->path, "%lld columns are named '%s'", (long long)times, name);
    *column = found;
    return DNN_OK;
}

const char *dnn_table_class_name(const dnn_table *handle, int64_t column, int64_t k) {
    const table *t = dnni_io_object_of(handle, dnni_table_tag);
    const dnni_column *c = column_of(t, column);
    if (!c) return NULL;
    if (k >= 0 && k < c->n_sorted) return dnni_table_text_at(t, c->classes[k]);
    dnni_io_fail(DNN_ERROR_NOT_FOUND, t->path, "column %lld has no class %lld, it has %lld", (long long)column,
                 (long long)k, (long long)c->n_sorted);
    return NULL;
}

/* ---- one field ---- */

static dnn_status read_field(const table *t, dnni_io_arena *arena, int64_t row, int64_t column, char *text,
                             size_t bytes) {
    bool more = true;
    dnni_csv *csv = dnni_table_reader(t, arena, &t->marks[row / t->spacing]);
    if (!csv) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; more && i <= row % t->spacing; i++) IO_TRY(dnni_csv_next(csv, &more));
    if (!more || csv->n != t->n_columns)
        return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "has changed since it was opened");
    snprintf(text, bytes, "%s", dnni_csv_field(csv, column));
    return DNN_OK;
}

dnn_status dnn_table_text(const dnn_table *handle, int64_t row, int64_t column, char *text, size_t bytes) {
    table *t = dnni_io_object_of(handle, dnni_table_tag);
    if (!column_of(t, column)) return dnn_last_status();
    if (!text || bytes == 0) return dnn_fail(DNN_ERROR_ARGUMENT, "text has no room");
    if (row < 0 || row >= t->rows)
        return dnni_io_fail(DNN_ERROR_NOT_FOUND, t->path, "has no row %lld, it has %lld", (long long)row,
                            (long long)t->rows);
    dnni_io_arena *arena = dnni_io_pool_take(&t->pool);
    if (!arena) return DNN_ERROR_MEMORY;
    dnn_status status = read_field(t, arena, row, column, text, bytes);
    dnni_io_pool_give(&t->pool, arena);
    return status;
}
