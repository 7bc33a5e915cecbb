/* RFC 4180, with LF as well as CR LF at the end of lines. */
#include "io/csv.h"

#include <string.h>

enum { NONE = -1 };

void dnni_csv_begin(dnni_csv *csv, dnni_io_arena *arena, const dnni_io_file *file, char delimiter, int64_t at,
                    int64_t end, int64_t line) {
    csv->file = file;
    csv->arena = arena;
    csv->delimiter = delimiter;
    csv->at = at;
    csv->end = end;
    csv->line = line;
    csv->n = csv->fields_room = csv->used = csv->room = 0;
    csv->fields = NULL;
    csv->text = NULL;
    csv->taken = csv->filled = 0;
}

static dnn_status fault(const dnni_csv *csv, dnn_status status, const char *what) {
    return dnni_io_fail(status, csv->file->path, "line %lld, column %lld: %s", (long long)csv->line,
                        (long long)csv->n, what);
}

/* ---- bytes ---- */

/* The next byte, which stays; NONE at the end. */
static dnn_status peek(dnni_csv *csv, int *c) {
    if (csv->taken == csv->filled) {
        int64_t left = csv->end - csv->at;
        csv->filled = left < (int64_t)sizeof csv->chunk ? left : (int64_t)sizeof csv->chunk;
        csv->taken = 0;
        IO_TRY(dnni_io_read(csv->file, csv->at, csv->chunk, csv->filled));
        csv->at += csv->filled;
    }
    *c = csv->taken < csv->filled ? csv->chunk[csv->taken] : NONE;
    return *c == '\0' ? fault(csv, DNN_ERROR_FORMAT, "a NUL byte") : DNN_OK;
}

static dnn_status grow(dnni_csv *csv) {
    int64_t room = csv->room ? 2 * csv->room : 1024;
    char *text = dnni_io_arena_take(csv->arena, room);
    if (!text) return DNN_ERROR_MEMORY;
    if (csv->used > 0) memcpy(text, csv->text, (size_t)csv->used);
    csv->text = text;
    csv->room = room;
    return DNN_OK;
}

static dnn_status append(dnni_csv *csv, int c) {
    if (csv->used == csv->room) IO_TRY(grow(csv));
    csv->text[csv->used++] = (char)c;
    if (csv->used - csv->fields[csv->n] <= DNNI_CSV_MOST_FIELD) return DNN_OK;
    return fault(csv, DNN_ERROR_UNSUPPORTED, "the field has more than 1 MiB");
}

static dnn_status begin_field(dnni_csv *csv) {
    if (csv->n == DNNI_CSV_MOST_COLUMNS)
        return fault(csv, DNN_ERROR_UNSUPPORTED, "the row has more fields than 16384");
    if (csv->n == csv->fields_room) {
        int64_t room = csv->n ? 2 * csv->n : 64;
        int64_t *fields = dnni_io_arena_take(csv->arena, room * (int64_t)sizeof *fields);
        if (!fields) return DNN_ERROR_MEMORY;
        if (csv->n > 0) memcpy(fields, csv->fields, (size_t)csv->n * sizeof *fields);
        csv->fields = fields;
        csv->fields_room = room;
    }
    csv->fields[csv->n] = csv->used;
    return DNN_OK;
}

/* ---- fields ---- */

/* What is between quotes; the first one was seen. */
static dnn_status read_quoted(dnni_csv *csv) {
    const int64_t from = csv->line;
    int c;
    for (csv->taken++;; csv->taken++) {
        IO_TRY(peek(csv, &c));
        if (c == NONE)
            return dnni_io_fail(DNN_ERROR_FORMAT, csv->file->path, "line %lld, column %lld: the quote is not closed",
                                (long long)from, (long long)csv->n);
        if (c == '\n') csv->line++;
        if (c == '"') {
            csv->taken++;
            IO_TRY(peek(csv, &c));
            if (c != '"') return DNN_OK;
        }
        IO_TRY(append(csv, c));
    }
}

static bool ends_field(const dnni_csv *csv, int c) {
    return c == NONE || c == csv->delimiter || c == '\n' || c == '\r';
}

static dnn_status read_plain(dnni_csv *csv) {
    int c;
    for (;; csv->taken++) {
        IO_TRY(peek(csv, &c));
        if (ends_field(csv, c)) return DNN_OK;
        if (c == '"') return fault(csv, DNN_ERROR_FORMAT, "a quote inside of a field that does not begin with one");
        IO_TRY(append(csv, c));
    }
}

/* The end of a line: LF, CR LF, or the file's. */
static dnn_status end_line(dnni_csv *csv, int c) {
    if (c == '\r') {
        csv->taken++;
        IO_TRY(peek(csv, &c));
        if (c != '\n' && c != NONE) return fault(csv, DNN_ERROR_FORMAT, "a carriage return inside of a line");
    }
    if (c == '\n') {
        csv->taken++;
        csv->line++;
    }
    return DNN_OK;
}

static dnn_status read_field(dnni_csv *csv, bool *last) {
    int c;
    IO_TRY(begin_field(csv));
    IO_TRY(peek(csv, &c));
    IO_TRY(c == '"' ? read_quoted(csv) : read_plain(csv));
    IO_TRY(peek(csv, &c));
    if (!ends_field(csv, c)) return fault(csv, DNN_ERROR_FORMAT, "text behind the closing quote");
    IO_TRY(append(csv, '\0'));
    *last = c != csv->delimiter;
    if (*last) IO_TRY(end_line(csv, c));
    else csv->taken++;
    csv->n++;
    return DNN_OK;
}

static dnn_status read_row(dnni_csv *csv) {
    bool last = false;
    csv->n = csv->used = 0;
    csv->row_line = csv->line;
    csv->row_at = csv->at - csv->filled + csv->taken;
    while (!last) IO_TRY(read_field(csv, &last));
    return DNN_OK;
}

dnn_status dnni_csv_next(dnni_csv *csv, bool *more) {
    int c;
    do {
        csv->n = 0;
        IO_TRY(peek(csv, &c));
        *more = c != NONE;
        if (*more) IO_TRY(read_row(csv));
    } while (*more && csv->n == 1 && csv->text[0] == '\0');
    return DNN_OK;
}
