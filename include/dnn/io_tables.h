/* libdnn_io: tables in text: CSV. io.h says what holds for all. */
#ifndef DNN_IO_TABLES_H
#define DNN_IO_TABLES_H

#include "io_read.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A table: rows and columns, each column of one type. The rows stay in the file and are read when they are asked for;
 * what is kept is where they begin, and what was found out about the columns. */
typedef struct dnn_table dnn_table;

typedef enum dnn_csv_header {
    DNN_CSV_HEADER_DETECT = 0, /* the first row is a header if nothing in it is a number or missing, and a column below
                                  it is numbers. Where no column is, that cannot be told: ARGUMENT */
    DNN_CSV_HEADER_YES = 10,
    DNN_CSV_HEADER_NO = 20     /* columns are then named "column 0", "column 1", … */
} dnn_csv_header;

typedef struct dnn_csv_desc {
    size_t size;
    int32_t delimiter;          /* an ASCII character; default: that of , ; tab | which cuts the first row into most */
    dnn_csv_header header;      /* default: DNN_CSV_HEADER_DETECT */
    const char *const *missing; /* texts that stand for a missing value, besides the empty one; they replace the
                                   default: NA N/A NaN nan null NULL ? */
    int64_t n_missing;
    dnn_progress progress;      /* default: nobody is told */
} dnn_csv_desc;

/* Opens a CSV file: RFC 4180 (fields in quotes may hold delimiters, line ends and doubled quotes), with LF or CR LF, a
 * UTF-8 mark in front or none. Rows that are quite empty are passed over. Numbers have a decimal point, whatever the
 * locale; blanks around them do not matter. The file is gone through twice, and stays open. `desc` may be NULL.
 * Limits: 16,384 columns, 1 MiB a field; UNSUPPORTED beyond.
 * Errors besides those of io.h: FORMAT, with line and column, for a row of another length, a quote where none may be, a
 * NUL, an end within quotes, a file without rows. */
DNN_API dnn_status dnn_csv_open(dnn_table **out, dnn_context *ctx, const char *path, const dnn_csv_desc *desc);
DNN_API dnn_status dnn_table_release(dnn_table *table);

typedef enum dnn_column_type {
    DNN_COLUMN_MISSING = 10, /* no row has a value */
    DNN_COLUMN_INTEGER = 20, /* whole numbers that fit int64 */
    DNN_COLUMN_REAL = 30,    /* numbers; "inf" is one */
    DNN_COLUMN_TEXT = 40     /* anything else */
} dnn_column_type;

typedef struct dnn_column_info {
    size_t size;
    const char *name; /* lent until the table is released */
    dnn_column_type type;
    int64_t missing;  /* how many rows have no value */
    double low, high; /* of numbers: the least and the largest; else 0 */
    double mean;      /* of numbers, over the rows that have one; else 0 */
    int64_t classes;  /* of text: how many different ones there are; -1: too many, or too long, to be classes (4096 a
                         column, 65,536 a table, 255 bytes each); else 0 */
} dnn_column_info;

/* Questions. Rows (without the header) and columns: -1 on a bad handle. */
DNN_API int64_t dnn_table_rows(const dnn_table *table);
DNN_API int64_t dnn_table_columns(const dnn_table *table);

/* What is known of a column; `info->size` is set by the caller (DNN_SIZED). Errors: NOT_FOUND. */
DNN_API dnn_status dnn_table_column(const dnn_table *table, int64_t column, dnn_column_info *info);

/* The number of the column of that name. Errors: NOT_FOUND if there is none, ARGUMENT if there are several. */
DNN_API dnn_status dnn_table_find(const dnn_table *table, const char *name, int64_t *column);

/* A text column's classes are its different texts, sorted byte by byte: the name of class k, lent until the table is
 * released; NULL (and NOT_FOUND) if there is none. */
DNN_API const char *dnn_table_class_name(const dnn_table *table, int64_t column, int64_t k);

/* The text of one field, unquoted, to text[bytes] with a zero at the end, cut where it is longer. */
DNN_API dnn_status dnn_table_text(const dnn_table *table, int64_t row, int64_t column, char *text, size_t bytes);

/* ---- a table's dataset ------------------------------------------------------------------------------------------- */

/* What is done about missing values. */
typedef enum dnn_missing {
    DNN_MISSING_REFUSE = 0, /* it is an error (VALUE), with row and column, when the dataset is made */
    DNN_MISSING_DROP = 10,  /* rows that lack a value which is used are left out */
    DNN_MISSING_MEAN = 20,  /* the column's mean over the whole table; mind that test rows have a part in it */
    DNN_MISSING_VALUE = 30  /* desc.value */
} dnn_missing;

/* What becomes of text among the inputs. */
typedef enum dnn_text_input {
    DNN_TEXT_INPUT_REFUSE = 0,  /* DTYPE, with the column: leave it out, or choose */
    DNN_TEXT_INPUT_NUMBER = 10, /* the number of its class */
    DNN_TEXT_INPUT_ONE_HOT = 20 /* one input for each class: 1 for the row's, 0 for the others */
} dnn_text_input;

typedef struct dnn_table_dataset_desc {
    size_t size;
    const char *target;        /* the target's column by name; or */
    int32_t has_target_column; /* 1: by number, */
    int64_t target_column;     /* from the end if negative: -1 is the last. Neither: samples have no target */
    dnn_dtype target_dtype;    /* DNN_I64: a class (of text) or a whole number; DNN_F32: a number. Default: DNN_I64
                                  for text and integers, DNN_F32 for reals */
    const int64_t *inputs;     /* the columns that are inputs, in this order; default: all but the target and those
                                  without any value */
    int64_t n_inputs;
    dnn_missing missing;       /* default: DNN_MISSING_REFUSE. A missing target is dropped, or refused */
    double value;              /* for DNN_MISSING_VALUE */
    dnn_text_input text;       /* default: DNN_TEXT_INPUT_REFUSE */
} dnn_table_dataset_desc;

/* The table as a dataset: input float32 (inputs), target a scalar; class names from a text target; names of samples are
 * "PATH, line N". The table may be released afterwards. `desc` may be NULL.
 * Errors besides those above: NOT_FOUND, DTYPE, VALUE (a number that no float32 holds). */
DNN_API dnn_status dnn_table_dataset(dnn_dataset **out, dnn_table *table, const dnn_table_dataset_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
