/* Datasets as the library sees them. A source or view is one file: a struct that begins with dnn_dataset, a class, and
 * a constructor that calls dnni_dataset_new. */
#ifndef DNNI_DATASET_H
#define DNNI_DATASET_H

#include <dnn/views.h>

#include "core/context.h"
#include "core/dtype.h"

/* Who reads: each thread that does has one of its own. */
typedef struct dnni_reader {
    int64_t epoch;
    int64_t run;   /* from 1: one call of dnni_dataset_read. What was read in the same run need not be read again */
    void *scratch; /* dnn_dataset.scratch_bytes, 64-byte aligned; zeroed, then as the dataset left it */
} dnni_reader;

typedef struct dnni_dataset_class {
    /* Writes sample `index`, which exists, to the memory of `input` and `target`, which have the dataset's item shapes
     * (target: of dtype NONE, without memory, if there are none). Called by several threads at once. */
    dnn_status (*read)(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *input,
                       const dnn_array *target);
    void (*destroy)(dnn_dataset *self); /* frees what it owns, not itself */

    /* Writes the sample's target alone, for less than a whole sample costs; the reader's scratch has
     * target_scratch_bytes. NULL: the whole sample is read. */
    dnn_status (*read_target)(dnn_dataset *self, const dnni_reader *reader, int64_t index, const dnn_array *target);

    /* The inputs of samples first … first + n - 1 where they lie one after another in memory; NULL: they do not. For
     * one n the answer is NULL for all `first`, or for none. */
    const void *(*rows)(const dnn_dataset *self, int64_t first, int64_t n);

    /* For views: where sample `index`, which exists, comes from. NULL: from here. */
    dnn_dataset *(*origin)(const dnn_dataset *self, int64_t index, int64_t *source_index);

    /* Writes the sample's name to text[bytes], bytes ≥ 1. NULL: its origin's name, or its number. */
    dnn_status (*name)(dnn_dataset *self, int64_t index, char *text, size_t bytes);

    bool picks; /* samples are those of its origin, untouched */
} dnni_dataset_class;

/* What the maker of a dataset knows about it. The names are lent: by a view's source, or by whoever owns them. */
typedef struct dnni_metadata {
    int64_t classes;                /* 0: unknown */
    const char *const *class_names; /* [classes] or NULL */
    double low, high;               /* of the inputs' values; both 0: unknown */
} dnni_metadata;

struct dnn_dataset {
    dnni_object base;
    const dnni_dataset_class *class;
    int64_t count;
    dnn_array input, target; /* one sample's; target.dtype is NONE if there are none */
    int64_t scratch_bytes;   /* what `read` needs of a reader */
    int64_t target_scratch_bytes;
    dnni_metadata metadata;
    void *names; /* class names that are its own, in one piece; NULL: none */
    int64_t names_bytes;
};

/* What a dataset is, besides its class. */
typedef struct dnni_dataset_shape {
    int64_t count;
    dnn_array input, target;
    int64_t scratch_bytes;
    int64_t target_scratch_bytes; /* of classes with read_target; worked out for others */
    dnni_metadata metadata;
} dnni_dataset_shape;

/* A new dataset in a struct of `bytes`, zeroed but for its dnn_dataset. NULL on failure. From then on
 * dnn_dataset_release runs the class's destroy, which therefore copes with fields that are still zero. */
void *dnni_dataset_new(dnn_context *ctx, const dnni_dataset_class *class, int64_t bytes,
                       const dnni_dataset_shape *shape);

/* The shape of a view with `count` samples of `source`. */
dnni_dataset_shape dnni_view_shape(const dnn_dataset *source, int64_t count);

/* dnn_dataset_sample_name for a sample that exists, and bytes ≥ 1. */
dnn_status dnni_sample_name(dnn_dataset *dataset, int64_t index, char *text, size_t bytes);

/* OK if a caller's metadata makes sense. */
dnn_status dnni_check_metadata(const dnni_metadata *metadata);

/* Gives the dataset class names of its own: copies of names[0..n). */
dnn_status dnni_copy_class_names(dnn_dataset *dataset, const char *const *names, int64_t n);

static inline dnn_status dnni_check_dataset(const dnn_dataset *dataset, const char *name) {
    return dnni_check(dataset, DNNI_DATASET, name);
}

/* A sample's description from the caller's: dtype and shape checked, data dropped, room for the batch's axis. */
dnn_status dnni_item_array(dnn_array *out, const dnn_array *item, const char *name);

/* A batch of n such items: (n, …). Errors: SHAPE. An item of dtype NONE gives one. */
dnn_status dnni_batch_array(dnn_array *out, const dnn_array *item, int64_t n);

static inline bool dnni_has_targets(const dnn_dataset *dataset) { return dataset->target.dtype != DNN_DTYPE_NONE; }

/* Reads samples indices[0..n) to rows first, first + 1, … of the batches `inputs` and `targets`. On failure the error
 * names the sample, and *failed (from 0) is its place in `indices`. */
dnn_status dnni_dataset_read(dnn_dataset *dataset, dnni_reader *reader, const int64_t *indices, int64_t n,
                             const dnn_array *inputs, const dnn_array *targets, int64_t first, int64_t *failed);

/* Reads the target of sample `index` alone. */
dnn_status dnni_read_target(dnn_dataset *dataset, const dnni_reader *reader, int64_t index, const dnn_array *target);

/* What views call: reads the source's sample `index`, or its target alone; an error names it. */
dnn_status dnni_read_source(dnn_dataset *source, const dnni_reader *reader, int64_t index, const dnn_array *input,
                            const dnn_array *target);
dnn_status dnni_read_source_target(dnn_dataset *source, const dnni_reader *reader, int64_t index,
                                   const dnn_array *target);

/* Puts "sample 7: " in front of a failed reading's error, and returns its status. */
dnn_status dnni_name_sample(dnn_status status, int64_t index);

/* For views that make a sample of one of their source's: the bytes of room for that one, and for the source's own
 * scratch behind it; reading it there. `room` is 64-byte aligned. */
int64_t dnni_sample_room(const dnn_dataset *source);
void dnni_room_arrays(const dnn_dataset *source, void *room, dnn_array *input, dnn_array *target);
dnn_status dnni_read_to_room(dnn_dataset *source, const dnni_reader *reader, int64_t index, void *room,
                             dnn_array *input, dnn_array *target);

/* A reader for one thread, with `bytes` of scratch: dataset->scratch_bytes, or its target_scratch_bytes. False: no
 * memory. */
bool dnni_reader_open(dnni_reader *reader, dnn_context *ctx, int64_t bytes);
void dnni_reader_close(dnni_reader *reader, dnn_context *ctx, int64_t bytes);

/* The class numbers of all samples, in new memory of count × 8 bytes. Errors: DTYPE, SHAPE if targets are none. */
dnn_status dnni_dataset_labels(int64_t **labels, dnn_dataset *dataset);

/* NOT_FOUND if one of indices[0..n), or of first ≤ i < first + n, is no sample of the dataset. */
dnn_status dnni_check_indices(const dnn_dataset *dataset, const int64_t *indices, int64_t n);
dnn_status dnni_check_range(const dnn_dataset *dataset, int64_t first, int64_t n);

/* Random streams of this room, apart from each other and from those that a context gives out (which count from 0). */
#define DNNI_STREAM_SHUFFLE (UINT64_C(1) << 56) /* + epoch */
#define DNNI_STREAM_SPLIT (UINT64_C(2) << 56)
#define DNNI_STREAM_LABEL (UINT64_C(3) << 56)
#define DNNI_STREAM_DIGIT (UINT64_C(4) << 56) /* + the digit's number */
#define DNNI_STREAM_GROUPS (UINT64_C(5) << 56)
#define DNNI_STREAM_BALANCE (UINT64_C(6) << 56) /* + class, or round */
#define DNNI_STREAM_MIX (UINT64_C(7) << 56)     /* + epoch */
#define DNNI_STREAM_LOOK (UINT64_C(16) << 56)

#endif
