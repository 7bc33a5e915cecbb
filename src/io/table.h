/* A table over a CSV file. */
#ifndef DNNI_TABLE_H
#define DNNI_TABLE_H

#include "io/csv.h"
#include "io/handle.h"

enum { DNNI_MOST_CLASSES = 4096, DNNI_MOST_CLASSES_IN_ALL = 65536, DNNI_MOST_CLASS_NAME = 255 };

/* Texts one after another, each ended by a NUL. */
typedef struct dnni_table_texts {
    char *text;
    int64_t used, room;
} dnni_table_texts;

typedef struct dnni_column {
    int64_t name; /* in texts */
    dnn_column_type type;
    int64_t missing, whole, real, words; /* rows of each kind */
    double low, high, mean;
    int64_t *classes; /* in texts, the first n_sorted sorted; NULL: none, or too many */
    int64_t n_classes, n_sorted, room;
} dnni_column;

/* Where each `spacing`-th row begins, so that all together is small beside the file. */
typedef struct dnni_mark {
    int64_t at, line;
} dnni_mark;

struct dnn_table {
    dnni_io_object base;
    char *path;
    dnni_io_file file;
    bool open;
    char delimiter;
    bool header;
    int64_t begin; /* of the text: behind a byte order mark */
    char *missing; /* texts that stand for a missing value, one after another; an empty one ends them */
    dnni_column *columns;
    int64_t n_columns, rows;
    dnni_mark *marks;
    int64_t spacing;
    dnni_table_texts texts;
    dnni_io_pool pool;
};

static inline const char *dnni_table_text_at(const struct dnn_table *t, int64_t at) { return t->texts.text + at; }

extern const char dnni_table_tag[];

/* What one field is. */
typedef struct dnni_cell {
    enum { DNNI_CELL_MISSING, DNNI_CELL_WHOLE, DNNI_CELL_REAL, DNNI_CELL_TEXT } kind;
    double value;
    int64_t whole;
} dnni_cell;
dnni_cell dnni_table_cell(const struct dnn_table *t, const char *text);

/* The number of a text among a column's classes; -1: it is none. */
int64_t dnni_table_class(const struct dnn_table *t, const dnni_column *c, const char *text);

/* Adds a text to a column's classes, unless it is there or they are too many already. `in_all` counts those of the
 * table. When all rows were seen, `finish` sorts them. */
dnn_status dnni_classes_add(struct dnn_table *t, dnni_column *c, const char *text, int64_t *in_all);
void dnni_classes_finish(struct dnn_table *t, dnni_column *c);

dnn_status dnni_table_add_text(struct dnn_table *t, int64_t *at, const char *text);

/* A reader that begins at the data's first row, or at a mark. */
dnni_csv *dnni_table_reader(const struct dnn_table *t, dnni_io_arena *arena, const dnni_mark *from);

/* Marks for `rows` rows. */
int64_t dnni_table_spacing(const struct dnn_table *t, int64_t rows);

#endif
