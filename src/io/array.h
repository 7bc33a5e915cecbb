/* Arrays of numbers as they lie in files, and how they become tensors and samples. */
#ifndef DNNI_IO_ARRAY_H
#define DNNI_IO_ARRAY_H

#include "io/stream.h"

typedef enum dnni_io_kind { DNNI_IO_UNSIGNED, DNNI_IO_SIGNED, DNNI_IO_FLOAT, DNNI_IO_BOOL } dnni_io_kind;

typedef struct dnni_io_array {
    dnn_dtype dtype;   /* in memory, never narrower than in the file */
    dnni_io_kind kind; /* in the file: */
    int32_t width;     /* bytes of an element */
    bool big;          /* its first byte is the highest */
    bool fortran;      /* the first axis runs fastest */
    int32_t rank;
    int64_t dims[DNN_MAX_RANK];
    int64_t count;   /* elements */
    int64_t payload; /* their bytes in the file */
    int64_t from;    /* where they begin in it */
} dnni_io_array;

/* Sets count and payload from the rest. FORMAT where they cannot be addressed. Sizes are not negative. */
dnn_status dnni_io_array_measure(dnni_io_array *a, const char *path);

/* From the file's elements at the start of `data` to the machine's, in place. FORMAT for a bool that is neither 0 nor
 * 1. */
dnn_status dnni_io_array_decode(const dnni_io_array *a, void *data, int64_t count, const char *path);

/* Its elements from a stream that is known to hold them, as a new tensor. */
dnn_status dnni_io_array_read(dnn_tensor **out, const dnni_io_array *a, dnni_io_stream *s);

/* Half of a dataset: a tensor, or an array in a file of its own. What is zeroed is none. */
typedef struct dnni_io_part {
    char *path;
    dnn_tensor *tensor; /* held; NULL: */
    bool open;
    dnni_io_file file;
    dnni_io_array array;
} dnni_io_part;

void dnni_io_part_release(dnni_io_part *part);

/* Opens the file of a zeroed part, with its path copied. After a failure there is nothing to release. */
dnn_status dnni_io_part_open(dnni_io_part *part, dnn_context *ctx, const char *path);

/* The part as class labels: of one axis and of integers, as int64. What is something else stays. */
dnn_status dnni_io_part_labels(dnni_io_part *part);

/* The dtype and shape of all of it. */
dnn_array dnni_io_part_array(const dnni_io_part *part);

/* Samples (inputs[i], targets[i]); `targets` NULL: without. Takes the parts over, also if it fails: they are then
 * zeroed. `low` and `high`: the declared range. */
dnn_status dnni_io_pair(dnn_dataset **out, dnn_context *ctx, dnni_io_part *inputs, dnni_io_part *targets, double low,
                        double high);

#endif
