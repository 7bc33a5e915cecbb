/* What is known of a safetensors file once its header has been read.
 *
 *     text      names and metadata, each ended by a NUL          entries   one for each tensor, in the header's order
 *     dims      all shapes, one after another                    by_name   entries sorted by name: finds, and finds
 * twins
 *
 * Sizes for an attacker's file of 50 bytes an entry: header 50, text 4, entry 32, by_name 4, offsets sorted 4, padding
 * of the data 16: beneath the 4 × file size that reading may take, with the shape and the tensor's own bytes. */
#ifndef DNNI_ARCHIVE_H
#define DNNI_ARCHIVE_H

#include <dnn/weights.h>

#include "core/tensor.h"
#include "record/file.h"

/* The format's own limit on its header. */
#define DNNI_SAFETENSORS_HEADER_MOST 100000000

/* Tensors in memory begin at multiples of this. */
#define DNNI_ARCHIVE_ALIGNMENT 16

typedef struct dnni_entry {
    uint32_t name; /* in text */
    uint32_t dims; /* in dims */
    uint16_t rank, dtype;
    int64_t bytes;
    int64_t place; /* in the file's data, and later in storage */
} dnni_entry;

typedef struct dnni_pair {
    uint32_t key, value; /* in text */
} dnni_pair;

struct dnn_archive {
    dnni_object base;
    dnni_storage *storage;
    char *text;
    int64_t *dims;
    dnni_entry *entries;
    uint32_t *by_name;
    dnni_pair *pairs;
    uint32_t *by_key;
    int64_t n_text, n_dims, n_entries, n_pairs; /* what was allocated */
};

static inline dnn_status dnni_archive_check(const dnn_archive *archive) {
    return dnni_check(archive, DNNI_ARCHIVE, "archive");
}

/* The format is little endian; UNSUPPORTED where this machine is not. */
dnn_status dnni_machine_check(void);

/* Fills in all but the storage from the header's text, and checks it. `data_bytes`: how many bytes follow the header.
 * On success by_name is sorted by place, for loading the data; dnni_header_index then sorts it by name. */
dnn_status dnni_header_read(dnn_archive *archive, const char *header, int64_t header_bytes, int64_t data_bytes);
void dnni_header_index(dnn_archive *archive);

/* The index of that name in `entries`; -1: it is not there. */
int64_t dnni_archive_find(const dnn_archive *archive, const char *name);
const char *dnni_archive_name(const dnn_archive *archive, int64_t index);
dnn_array dnni_archive_array(const dnn_archive *archive, int64_t index);

/* Element types as the format names them, in the order in which writers sort by them (the last comes first). */
dnn_dtype dnni_dtype_of_name(const char *name, bool *known);
const char *dnni_name_of_dtype(dnn_dtype dtype);
int32_t dnni_dtype_order(dnn_dtype dtype);

/* One tensor to be written: `stored` is its dtype and shape in the file. `channels_first`: `memory` is (n, h, w, c) and
 * is stored as (n, c, h, w). */
typedef struct dnni_item {
    const char *name;
    dnn_array stored;
    dnn_array memory;
    bool channels_first;
} dnni_item;

/* A sum over the whole file, in it: the value of this key of the metadata, eight hexadecimal digits, which count as
 * zeros when the sum is made. With `sum`, writing fills it in (the caller's metadata has the key, with DNNI_SUM_NONE,
 * and all items are stored as they lie in memory), and reading demands that it is there and right: FORMAT otherwise. */
dnn_status dnni_archive_write(dnn_context *ctx, const char *path, const dnni_item *items, int64_t n,
                              const dnn_metadata *metadata, int64_t n_metadata, bool sum);

#define DNNI_SUM_KEY "dnn.crc32c"
#define DNNI_SUM_NONE "00000000"
dnn_status dnni_archive_read(dnn_archive **out, dnn_context *ctx, const char *path, bool sum);

/* Where the sum's digits are in a header; NULL: it has none. */
char *dnni_sum_digits(char *header, int64_t bytes);

#endif
