/* Opening a CSV file: the delimiter from its first row, then two walks: one to see what the columns are, one for the
 * classes of texts and the places of rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/table.h"

enum { SNIFFED = 1 << 16 };

typedef struct dnn_table table;

/* What a walk over the rows needs. */
typedef struct {
    table *t;
    dnn_csv_desc desc;
    dnni_io_arena arena;
    dnni_cell *first; /* the first row, which may be a header */
    int64_t in_all;   /* classes of all columns */
} opening;

/* ---- cells ---- */

static bool is_missing(const table *t, const char *text) {
    while (*text == ' ' || *text == '\t') text++;
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t')) n--;
    if (n == 0) return true;
    for (const char *m = t->missing; *m; m += strlen(m) + 1)
        if (strncmp(m, text, n) == 0 && m[n] == '\0') return true;
    return false;
}

dnni_cell dnni_table_cell(const table *t, const char *text) {
    dnni_cell cell = {.kind = DNNI_CELL_TEXT};
    if (is_missing(t, text)) cell.kind = DNNI_CELL_MISSING;
    else {
        dnni_number kind = dnni_csv_number(text, &cell.value, &cell.whole);
        if (kind != DNNI_NO_NUMBER) cell.kind = kind == DNNI_WHOLE ? DNNI_CELL_WHOLE : DNNI_CELL_REAL;
    }
    return cell;
}

static void count_number(dnni_column *c, double value) {
    bool first = c->whole + c->real == 0;
    int64_t n = c->whole + c->real + 1;
    c->low = first ? value : fmin(c->low, value);
    c->high = first ? value : fmax(c->high, value);
    c->mean += (value - c->mean) / (double)n;
}

static void count_cell(dnni_column *c, const dnni_cell *cell) {
    if (cell->kind == DNNI_CELL_WHOLE || cell->kind == DNNI_CELL_REAL) count_number(c, cell->value);
    c->missing += cell->kind == DNNI_CELL_MISSING;
    c->whole += cell->kind == DNNI_CELL_WHOLE;
    c->real += cell->kind == DNNI_CELL_REAL;
    c->words += cell->kind == DNNI_CELL_TEXT;
}

static dnn_column_type type_of(const dnni_column *c) {
    if (c->words > 0) return DNN_COLUMN_TEXT;
    if (c->real > 0) return DNN_COLUMN_REAL;
    return c->whole > 0 ? DNN_COLUMN_INTEGER : DNN_COLUMN_MISSING;
}

/* ---- the delimiter ---- */

/* The most fields that the first row is cut into, outside of quotes. */
static char most_fields(const char *text, int64_t n) {
    static const char candidates[] = ",;\t|";
    int64_t count[4] = {0};
    bool quoted = false;
    int best = 0;
    for (int64_t i = 0; i < n && (quoted || text[i] != '\n' || i == 0); i++) {
        if (text[i] == '"') quoted = !quoted;
        const char *found = text[i] && !quoted ? strchr(candidates, text[i]) : NULL;
        if (found) count[found - candidates]++;
    }
    for (int k = 1; k < 4; k++)
        if (count[k] > count[best]) best = k;
    return candidates[best];
}

static dnn_status sniff(opening *o) {
    table *t = o->t;
    int64_t n = t->file.n < SNIFFED ? t->file.n : SNIFFED, skipped = 0;
    char *text = dnni_io_arena_take(&o->arena, n);
    if (!text) return DNN_ERROR_MEMORY;
    IO_TRY(dnni_io_read(&t->file, 0, text, n));
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) t->begin = 3;
    for (skipped = t->begin; skipped < n && (text[skipped] == '\n' || text[skipped] == '\r');) skipped++;
    t->delimiter = o->desc.delimiter ? (char)o->desc.delimiter : most_fields(text + skipped, n - skipped);
    return DNN_OK;
}

/* ---- walking over all rows ---- */

typedef dnn_status visitor(opening *o, const dnni_csv *row, int64_t number);

static dnn_status walk(opening *o, const char *what, visitor *visit) {
    table *t = o->t;
    bool more = true;
    dnni_csv *csv = dnni_table_reader(t, &o->arena, NULL);
    if (!csv) return DNN_ERROR_MEMORY;
    for (int64_t number = 0; more; number++) {
        if (number % 1024 == 0) IO_TRY(dnni_io_progress(&o->desc.progress, what, csv->at, t->file.n));
        IO_TRY(dnni_csv_next(csv, &more));
        if (more && t->columns && csv->n != t->n_columns)
            return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "line %lld: the row has %lld fields, the first has %lld",
                                (long long)csv->row_line, (long long)csv->n, (long long)t->n_columns);
        if (more) IO_TRY(visit(o, csv, number));
    }
    return dnni_io_progress(&o->desc.progress, what, t->file.n, t->file.n);
}

/* ---- the first walk: what columns are ---- */

static dnn_status take_first_row(opening *o, const dnni_csv *row) {
    table *t = o->t;
    t->n_columns = row->n;
    t->columns = dnni_io_alloc(t->base.ctx, row->n * (int64_t)sizeof *t->columns);
    o->first = dnni_io_arena_take(&o->arena, row->n * (int64_t)sizeof *o->first);
    if (!t->columns || !o->first) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < row->n; i++) {
        o->first[i] = dnni_table_cell(t, dnni_csv_field(row, i));
        IO_TRY(dnni_table_add_text(t, &t->columns[i].name, dnni_csv_field(row, i)));
    }
    return DNN_OK;
}

static dnn_status survey(opening *o, const dnni_csv *row, int64_t number) {
    table *t = o->t;
    if (number == 0) return take_first_row(o, row);
    for (int64_t i = 0; i < row->n; i++) {
        dnni_cell cell = dnni_table_cell(t, dnni_csv_field(row, i));
        count_cell(&t->columns[i], &cell);
    }
    t->rows++;
    return DNN_OK;
}

static dnn_status find_header(opening *o) {
    table *t = o->t;
    bool words = true, numbers = false;
    for (int64_t i = 0; i < t->n_columns; i++) {
        dnn_column_type below = type_of(&t->columns[i]);
        words = words && o->first[i].kind == DNNI_CELL_TEXT;
        numbers = numbers || below == DNN_COLUMN_INTEGER || below == DNN_COLUMN_REAL;
    }
    t->header = o->desc.header == DNN_CSV_HEADER_YES || (o->desc.header == DNN_CSV_HEADER_DETECT && words && numbers);
    if (o->desc.header != DNN_CSV_HEADER_DETECT || !words || numbers) return DNN_OK;
    return dnni_io_fail(DNN_ERROR_ARGUMENT, t->path, "whether its first row is a header cannot be told, as no column "
                        "is numbers: say so in desc.header");
}

/* The first row is one like the others: its columns get names of their own. */
static dnn_status count_first_row(opening *o) {
    table *t = o->t;
    char name[40];
    t->texts.used = 0;
    t->rows++;
    for (int64_t i = 0; i < t->n_columns; i++) {
        count_cell(&t->columns[i], &o->first[i]);
        snprintf(name, sizeof name, "column %lld", (long long)i);
        IO_TRY(dnni_table_add_text(t, &t->columns[i].name, name));
    }
    return DNN_OK;
}

static dnn_status settle_columns(opening *o) {
    table *t = o->t;
    if (t->n_columns == 0) return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "has no rows");
    IO_TRY(find_header(o));
    if (!t->header) IO_TRY(count_first_row(o));
    if (t->rows == 0) return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "has no rows below its header");
    for (int64_t i = 0; i < t->n_columns; i++) {
        dnni_column *c = &t->columns[i];
        c->type = type_of(c);
        if (c->type == DNN_COLUMN_TEXT) c->low = c->high = c->mean = 0;
    }
    return DNN_OK;
}

/* ---- the second walk: classes, and where rows are ---- */

static dnn_status index_row(opening *o, const dnni_csv *row, int64_t number) {
    table *t = o->t;
    int64_t r = number - t->header;
    if (r < 0) return DNN_OK;
    if (r >= t->rows) return dnni_io_fail(DNN_ERROR_FORMAT, t->path, "changed while it was read");
    if (r % t->spacing == 0) t->marks[r / t->spacing] = (dnni_mark){row->row_at, row->row_line};
    for (int64_t i = 0; i < row->n; i++) {
        dnni_column *c = &t->columns[i];
        if (c->type != DNN_COLUMN_TEXT || is_missing(t, dnni_csv_field(row, i))) continue;
        IO_TRY(dnni_classes_add(t, c, dnni_csv_field(row, i), &o->in_all));
    }
    return DNN_OK;
}

/* 16 bytes for each `spacing` rows are at most a quarter of the file. */
int64_t dnni_table_spacing(const table *t, int64_t rows) { return 1 + 64 * rows / (t->file.n + 1); }

static dnn_status index_rows(opening *o) {
    table *t = o->t;
    t->spacing = dnni_table_spacing(t, t->rows);
    t->marks = dnni_io_alloc(t->base.ctx, (t->rows / t->spacing + 1) * (int64_t)sizeof *t->marks);
    if (!t->marks) return DNN_ERROR_MEMORY;
    IO_TRY(walk(o, "indexing the table", index_row));
    for (int64_t i = 0; i < t->n_columns; i++) dnni_classes_finish(t, &t->columns[i]);
    return DNN_OK;
}

/* ---- all of it ---- */

static dnn_status copy_missing(table *t, const dnn_csv_desc *d) {
    static const char *const usual[] = {"NA", "N/A", "NaN", "nan", "null", "NULL", "?"};
    const char *const *texts = d->missing ? d->missing : usual;
    int64_t n = d->missing ? d->n_missing : 7, bytes = 1, at = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!texts[i]) return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.missing[%lld] is NULL", (long long)i);
        bytes += (int64_t)strlen(texts[i]) + 1;
    }
    t->missing = dnni_io_alloc(t->base.ctx, bytes);
    if (!t->missing) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        if (!texts[i][0]) continue; /* an empty text is missing anyway, and ends the list */
        memcpy(t->missing + at, texts[i], strlen(texts[i]) + 1);
        at += (int64_t)strlen(texts[i]) + 1;
    }
    return DNN_OK;
}

static dnn_status read_all(opening *o) {
    IO_TRY(sniff(o));
    IO_TRY(walk(o, "reading the table", survey));
    IO_TRY(settle_columns(o));
    return index_rows(o);
}

static void release(void *object) {
    table *t = object;
    for (int64_t i = 0; t->columns && i < t->n_columns; i++) dnni_io_free(t->columns[i].classes);
    if (t->open) dnni_io_close(&t->file);
    dnni_io_free(t->path);
    dnni_io_free(t->missing);
    dnni_io_free(t->columns);
    dnni_io_free(t->marks);
    dnni_io_free(t->texts.text);
    dnni_io_pool_end(&t->pool);
    dnni_io_free(t);
}

static dnn_status build(dnn_table **out, table *t, const char *path, const dnn_csv_desc *d) {
    opening o = {.t = t, .desc = *d, .arena = {.ctx = t->base.ctx}};
    IO_TRY(copy_missing(t, d));
    t->path = dnni_io_copy(t->base.ctx, path);
    if (!t->path) return DNN_ERROR_MEMORY;
    IO_TRY(dnni_io_open(&t->file, t->base.ctx, t->path));
    t->open = true;
    dnn_status status = read_all(&o);
    dnni_io_arena_release(&o.arena);
    IO_TRY(status);
    return dnni_io_handle_new(out, t->base.ctx, &t->base, sizeof *t, dnni_table_tag, release);
}

static dnn_status check(const dnn_csv_desc *d) {
    bool fits = d->delimiter >= 0 && d->delimiter < 128 && d->delimiter != '"' && d->delimiter != '\n' &&
                d->delimiter != '\r';
    if (!fits) return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.delimiter is %d", d->delimiter);
    if (d->header != DNN_CSV_HEADER_DETECT && d->header != DNN_CSV_HEADER_YES && d->header != DNN_CSV_HEADER_NO)
        return dnni_io_fail(DNN_ERROR_ARGUMENT, NULL, "desc.header is %d", (int)d->header);
    if (d->n_missing < 0 || (d->n_missing > 0 && !d->missing))
        return dnn_fail(DNN_ERROR_ARGUMENT, "desc.missing and desc.n_missing contradict each other");
    return DNN_OK;
}

dnn_status dnn_csv_open(dnn_table **out, dnn_context *ctx, const char *path, const dnn_csv_desc *desc) {
    dnn_csv_desc d;
    IO_TRY(dnni_io_begin_call(out, ctx, path));
    IO_TRY(IO_DESC(d, desc));
    IO_TRY(check(&d));
    table *t = dnni_io_alloc(ctx, sizeof *t);
    if (!t) return DNN_ERROR_MEMORY;
    t->base.ctx = ctx;
    dnni_io_pool_begin(&t->pool, ctx);
    dnn_status status = build(out, t, path, &d);
    if (status != DNN_OK) release(t);
    return status;
}
