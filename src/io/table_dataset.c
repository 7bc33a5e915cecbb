/* A table's rows as samples. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/table.h"

typedef struct dnn_table table;

/* Where a column goes. */
typedef struct {
    int64_t column;
    int64_t place, width; /* in the input: `width` numbers from `place` on; a target: its dtype is `dtype` */
    double filling;       /* for a missing value */
} use;

typedef struct {
    table *t;
    dnn_table *handle; /* held */
    dnn_table_dataset_desc desc;
    dnn_dtype target_dtype; /* NONE: there is no target */
    int64_t target;
    use *uses;
    int64_t n_uses, width;
    int64_t count;
    dnni_mark *marks; /* of rows that are not dropped; NULL: the table's */
    int64_t spacing;
} rows;

static void release(void *user) {
    rows *r = user;
    dnni_io_free(r->uses);
    dnni_io_free(r->marks);
    dnn_tensor_release((dnn_tensor *)(void *)r->handle);
    dnni_io_free(r);
}

static dnn_status fault(const rows *r, const dnni_csv *csv, int64_t column, dnn_status status, const char *what) {
    return dnni_io_fail(status, r->t->path, "line %lld, column %lld ('%.60s'): %s", (long long)csv->row_line,
                        (long long)column, dnni_table_text_at(r->t, r->t->columns[column].name), what);
}

/* ---- one row ---- */

/* The cell of a used column; in a column of text, of classes. */
static dnni_cell cell_of(const rows *r, const dnni_csv *csv, int64_t column) {
    const char *text = dnni_csv_field(csv, column);
    dnni_cell cell = dnni_table_cell(r->t, text);
    if (r->t->columns[column].type != DNN_COLUMN_TEXT || cell.kind == DNNI_CELL_MISSING) return cell;
    cell.kind = DNNI_CELL_TEXT;
    cell.whole = dnni_table_class(r->t, &r->t->columns[column], text);
    cell.value = (double)cell.whole;
    return cell;
}

static bool is_dropped(const rows *r, const dnni_csv *csv) {
    if (r->desc.missing != DNN_MISSING_DROP) return false;
    for (int64_t i = 0; i < r->n_uses; i++)
        if (cell_of(r, csv, r->uses[i].column).kind == DNNI_CELL_MISSING) return true;
    return r->target_dtype && cell_of(r, csv, r->target).kind == DNNI_CELL_MISSING;
}

static dnn_status put_input(const rows *r, const dnni_csv *csv, const use *u, float *x) {
    dnni_cell cell = cell_of(r, csv, u->column);
    const bool text = r->t->columns[u->column].type == DNN_COLUMN_TEXT;
    bool fills = r->desc.missing == DNN_MISSING_VALUE || (r->desc.missing == DNN_MISSING_MEAN && !text);
    if (cell.kind == DNNI_CELL_MISSING && (!fills || (text && r->desc.text == DNN_TEXT_INPUT_ONE_HOT)))
        return fault(r, csv, u->column, DNN_ERROR_VALUE, "the value is missing (desc.missing says what is done then)");
    double value = cell.kind == DNNI_CELL_MISSING ? u->filling : cell.value;
    if (text && cell.kind != DNNI_CELL_MISSING && cell.whole < 0)
        return fault(r, csv, u->column, DNN_ERROR_FORMAT, "has changed since the table was opened");
    if (isfinite(value) && fabs(value) > FLT_MAX)
        return fault(r, csv, u->column, DNN_ERROR_VALUE, "no float32 holds the number");
    for (int64_t k = 0; u->width > 1 && k < u->width; k++) x[u->place + k] = 0;
    if (text && r->desc.text == DNN_TEXT_INPUT_ONE_HOT) x[u->place + cell.whole] = 1;
    else x[u->place] = (float)value;
    return DNN_OK;
}

static dnn_status put_target(const rows *r, const dnni_csv *csv, void *target) {
    dnni_cell cell = cell_of(r, csv, r->target);
    const float real = (float)cell.value;
    if (cell.kind == DNNI_CELL_MISSING) return fault(r, csv, r->target, DNN_ERROR_VALUE, "the target is missing");
    if (r->target_dtype == DNN_F32) {
        if (isfinite(cell.value) && fabs(cell.value) > FLT_MAX)
            return fault(r, csv, r->target, DNN_ERROR_VALUE, "no float32 holds the number");
        memcpy(target, &real, sizeof real);
        return DNN_OK;
    }
    if (cell.kind == DNNI_CELL_REAL || (cell.kind == DNNI_CELL_TEXT && cell.whole < 0))
        return fault(r, csv, r->target, DNN_ERROR_FORMAT, "has changed since the table was opened");
    memcpy(target, &cell.whole, sizeof cell.whole);
    return DNN_OK;
}

static dnn_status put_row(const rows *r, const dnni_csv *csv, float *x, void *target) {
    for (int64_t i = 0; i < r->n_uses; i++) IO_TRY(put_input(r, csv, &r->uses[i], x));
    return r->target_dtype ? put_target(r, csv, target) : DNN_OK;
}

/* ---- finding a row ---- */

static dnn_status seek(const rows *r, dnni_io_arena *arena, int64_t index, dnni_csv **csv) {
    bool more = true;
    *csv = dnni_table_reader(r->t, arena, &r->marks[index / r->spacing]);
    if (!*csv) return DNN_ERROR_MEMORY;
    for (int64_t left = index % r->spacing; more && left >= 0;) {
        IO_TRY(dnni_csv_next(*csv, &more));
        if (more && (*csv)->n != r->t->n_columns) more = false;
        if (more && !is_dropped(r, *csv)) left--;
    }
    return more ? DNN_OK : dnni_io_fail(DNN_ERROR_FORMAT, r->t->path, "has changed since it was opened");
}

static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    const rows *r = user;
    dnni_csv *csv;
    (void)epoch;
    dnni_io_arena *arena = dnni_io_pool_take(&r->t->pool);
    if (!arena) return DNN_ERROR_MEMORY;
    dnn_status status = seek(r, arena, index, &csv);
    if (status == DNN_OK) status = put_row(r, csv, input->data, target ? target->data : NULL);
    dnni_io_pool_give(&r->t->pool, arena);
    return status;
}

static dnn_status name(void *user, int64_t index, char *text, size_t bytes) {
    const rows *r = user;
    dnni_csv *csv;
    dnni_io_arena *arena = dnni_io_pool_take(&r->t->pool);
    if (!arena) return DNN_ERROR_MEMORY;
    dnn_status status = seek(r, arena, index, &csv);
    if (status == DNN_OK) snprintf(text, bytes, "%s, line %lld", r->t->path, (long long)csv->row_line);
    dnni_io_pool_give(&r->t->pool, arena);
    return status;
}

/* ---- looking at all rows once ---- */

static dnn_status check_rows(rows *r, dnni_io_arena *arena, float *x) {
    dnni_csv *csv = dnni_table_reader(r->t, arena, NULL);
    int64_t target[1];
    bool more = true;
    if (!csv) return DNN_ERROR_MEMORY;
    if (r->t->header) IO_TRY(dnni_csv_next(csv, &more));
    for (int64_t row = 0; row < r->t->rows && more; row++) {
        IO_TRY(dnni_csv_next(csv, &more));
        if (!more || csv->n != r->t->n_columns)
            return dnni_io_fail(DNN_ERROR_FORMAT, r->t->path, "has changed since it was opened");
        if (is_dropped(r, csv)) continue;
        IO_TRY(put_row(r, csv, x, target));
        if (r->count % r->spacing == 0) r->marks[r->count / r->spacing] = (dnni_mark){csv->row_at, csv->row_line};
        r->count++;
    }
    return DNN_OK;
}

static dnn_status walk(rows *r) {
    dnni_io_arena arena = {.ctx = r->t->base.ctx};
    r->spacing = r->t->spacing;
    r->marks = dnni_io_alloc(arena.ctx, (r->t->rows / r->spacing + 1) * (int64_t)sizeof *r->marks);
    float *x = dnni_io_arena_take(&arena, (r->width + 1) * (int64_t)sizeof *x);
    dnn_status status = r->marks && x ? check_rows(r, &arena, x) : DNN_ERROR_MEMORY;
    dnni_io_arena_release(&arena);
    return status;
}

/* ---- which columns ---- */

static dnn_status choose_target(rows *r) {
    const table *t = r->t;
    const dnn_table_dataset_desc *d = &r->desc;
    if (!d->target && !d->has_target_column) return DNN_OK;
    r->target = d->target_column < 0 ? t->n_columns + d->target_column : d->target_column;
    if (d->target) IO_TRY(dnn_table_find(r->handle, d->target, &r->target));
    if (r->target < 0 || r->target >= t->n_columns)
        return dnni_io_fail(DNN_ERROR_NOT_FOUND, t->path, "has no column %lld, it has %lld",
                            (long long)d->target_column, (long long)t->n_columns);
    const dnni_column *c = &t->columns[r->target];
    const char *called = dnni_table_text_at(t, c->name);
    bool whole = c->type == DNN_COLUMN_TEXT || c->type == DNN_COLUMN_INTEGER;
    r->target_dtype = d->target_dtype ? d->target_dtype : whole ? DNN_I64 : DNN_F32;
    if (c->type == DNN_COLUMN_MISSING)
        return dnni_io_fail(DNN_ERROR_DTYPE, t->path, "the target '%.60s' has no values", called);
    if (c->type == DNN_COLUMN_TEXT && c->n_classes < 0)
        return dnni_io_fail(DNN_ERROR_DTYPE, t->path, "the target '%.60s' has too many different texts for classes",
                            called);
    if ((r->target_dtype == DNN_I64 && whole) || (r->target_dtype == DNN_F32 && c->type != DNN_COLUMN_TEXT))
        return DNN_OK;
    return dnni_io_fail(DNN_ERROR_DTYPE, t->path, "the target '%.60s' cannot be %s", called,
                        dnn_dtype_name(r->target_dtype));
}

static dnn_status add_use(rows *r, int64_t column) {
    const dnni_column *c = column >= 0 && column < r->t->n_columns ? &r->t->columns[column] : NULL;
    const char *path = r->t->path;
    if (!c)
        return dnni_io_fail(DNN_ERROR_NOT_FOUND, path, "has no column %lld, it has %lld", (long long)column,
                            (long long)r->t->n_columns);
    const char *called = dnni_table_text_at(r->t, c->name);
    if (c->type == DNN_COLUMN_TEXT && (r->desc.text == DNN_TEXT_INPUT_REFUSE || c->n_classes < 0))
        return dnni_io_fail(DNN_ERROR_DTYPE, path, "column %lld ('%.60s') is text%s", (long long)column, called,
                            c->n_classes < 0 ? ", too many different ones for classes"
                                             : ": leave it out, or say in desc.text what becomes of it");
    bool spread = c->type == DNN_COLUMN_TEXT && r->desc.text == DNN_TEXT_INPUT_ONE_HOT;
    use u = {.column = column, .place = r->width, .width = spread ? c->n_classes : 1};
    u.filling = r->desc.missing == DNN_MISSING_MEAN ? c->mean : r->desc.value;
    if (c->type == DNN_COLUMN_MISSING && r->desc.missing == DNN_MISSING_MEAN)
        return dnni_io_fail(DNN_ERROR_VALUE, path, "column %lld ('%.60s') has no values to take the mean of",
                            (long long)column, called);
    r->uses[r->n_uses++] = u;
    r->width += u.width;
    return DNN_OK;
}

static dnn_status choose_inputs(rows *r) {
    int64_t n = r->desc.inputs ? r->desc.n_inputs : r->t->n_columns;
    if (n < 0 || n > DNNI_CSV_MOST_COLUMNS)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.n_inputs is %lld", (long long)n);
    r->uses = dnni_io_alloc(r->t->base.ctx, (n + 1) * (int64_t)sizeof *r->uses);
    if (!r->uses) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        bool left_out = (r->target_dtype && i == r->target) || r->t->columns[i].type == DNN_COLUMN_MISSING;
        if (r->desc.inputs) IO_TRY(add_use(r, r->desc.inputs[i]));
        else if (!left_out) IO_TRY(add_use(r, i));
    }
    return r->n_uses > 0 ? DNN_OK : dnni_io_fail(DNN_ERROR_ARGUMENT, r->t->path, "no column is left for the inputs");
}

/* ---- making ---- */

static dnn_status make_dataset(dnn_dataset **out, rows *r) {
    const table *t = r->t;
    const dnni_column *c = r->target_dtype ? &t->columns[r->target] : NULL;
    dnn_context *ctx = t->base.ctx;
    const char **names = NULL;
    dnn_callback_dataset_desc desc = {
        DNN_SIZED(dnn_callback_dataset_desc), .count = r->count, .get = get, .name = name, .thread_safe = 1,
        .release = release, .user = r, .input = {.dtype = DNN_F32, .rank = 1, .dims = {r->width}},
        .target = {.dtype = r->target_dtype}};
    if (c && c->type == DNN_COLUMN_TEXT) {
        names = dnni_io_alloc(ctx, c->n_classes * (int64_t)sizeof *names);
        if (!names) return DNN_ERROR_MEMORY;
        for (int64_t k = 0; k < c->n_classes; k++) names[k] = dnni_table_text_at(t, c->classes[k]);
        desc.class_names = names;
        desc.classes = c->n_classes;
    }
    dnn_status status = dnn_dataset_from_callbacks(out, ctx, &desc);
    dnni_io_free(names);
    return status;
}

static dnn_status build(dnn_dataset **out, rows *r) {
    IO_TRY(choose_target(r));
    IO_TRY(choose_inputs(r));
    IO_TRY(walk(r));
    return make_dataset(out, r);
}

static dnn_status check(const dnn_table_dataset_desc *d) {
    if (d->missing != DNN_MISSING_REFUSE && d->missing != DNN_MISSING_DROP && d->missing != DNN_MISSING_MEAN &&
        d->missing != DNN_MISSING_VALUE)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.missing is %d", (int)d->missing);
    if (d->text != DNN_TEXT_INPUT_REFUSE && d->text != DNN_TEXT_INPUT_NUMBER && d->text != DNN_TEXT_INPUT_ONE_HOT)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.text is %d", (int)d->text);
    if (d->target && d->has_target_column)
        return dnn_fail(DNN_ERROR_ARGUMENT, "desc.target and desc.target_column are both set");
    if (d->target_dtype != DNN_DTYPE_NONE && d->target_dtype != DNN_I64 && d->target_dtype != DNN_F32)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.target_dtype is %s, not int64 or float32",
                            dnn_dtype_name(d->target_dtype));
    return DNN_OK;
}

dnn_status dnn_table_dataset(dnn_dataset **out, dnn_table *handle, const dnn_table_dataset_desc *desc) {
    dnn_table_dataset_desc d;
    if (!out) return dnn_fail(DNN_ERROR_ARGUMENT, "out is NULL");
    *out = NULL;
    table *t = dnni_io_object_of(handle, dnni_table_tag);
    if (!t) return dnn_last_status();
    IO_TRY(IO_DESC(d, desc));
    IO_TRY(check(&d));
    rows *r = dnni_io_alloc(t->base.ctx, sizeof *r);
    if (!r) return DNN_ERROR_MEMORY;
    *r = (rows){.t = t, .handle = handle, .desc = d};
    dnni_io_handle_retain(handle);
    dnn_status status = build(out, r);
    if (status != DNN_OK) release(r);
    return status;
}
