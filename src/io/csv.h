/* CSV text, row by row. */
#ifndef DNNI_CSV_H
#define DNNI_CSV_H

#include "io/arena.h"

enum { DNNI_CSV_MOST_COLUMNS = 16384, DNNI_CSV_MOST_FIELD = 1 << 20 };

typedef struct dnni_csv {
    const dnni_io_file *file;
    dnni_io_arena *arena;
    char delimiter;
    int64_t at, end; /* what was read of the file, and how far to read */
    int64_t line;    /* of the next byte, from 1 */

    /* The row that was read last: its fields, unquoted, each ended by a NUL. */
    int64_t row_at, row_line;
    int64_t n;
    int64_t *fields; /* where they begin in `text` */
    int64_t fields_room;
    char *text;
    int64_t used, room;

    unsigned char chunk[16384];
    int64_t taken, filled; /* of the chunk */
} dnni_csv;

/* Bytes [at, end) of the file; `line` is that of the first. */
void dnni_csv_begin(dnni_csv *csv, dnni_io_arena *arena, const dnni_io_file *file, char delimiter, int64_t at,
                    int64_t end, int64_t line);

/* Reads the next row that is not empty; *more is false at the end. */
dnn_status dnni_csv_next(dnni_csv *csv, bool *more);

static inline const char *dnni_csv_field(const dnni_csv *csv, int64_t i) { return csv->text + csv->fields[i]; }

/* What a text is as a number. */
typedef enum dnni_number { DNNI_NO_NUMBER, DNNI_WHOLE, DNNI_REAL } dnni_number;
dnni_number dnni_csv_number(const char *text, double *value, int64_t *whole);

#endif
