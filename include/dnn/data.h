/* libdnn: data: datasets, and the loader that cuts them into batches.
 *
 * A dataset is a number of samples, each an (input, target) pair of fixed shapes and dtypes. Only whole pairs can be
 * picked, split or shuffled, so that inputs and targets cannot get out of step. Sources hold data or make it; views
 * (views.h: split, subset, first, …) choose from another dataset without copying:
 *
 *     dnn_digits(&digits, ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = 10000});
 *     dnn_dataset_split(&train, &test, digits, &(dnn_split_desc){DNN_SIZED(dnn_split_desc), .fraction = 0.8});
 *     dnn_loader_desc desc = {DNN_SIZED(dnn_loader_desc), .batch_size = 64, .shuffle = 1};
 *     dnn_loader_create(&loader, train, &desc);
 *     while ((status = dnn_loader_next(loader, &x, &target)) == DNN_OK) …     one epoch; ends with DNN_END
 *
 * Ownership. A view or loader keeps its source alive: the caller may release the source right after making it.
 *
 * Threads. A dataset does not change once it is made; reading one from several threads at once is fine, as are retain
 * and release. (A callback that is not declared thread-safe is called by one thread at a time, whoever reads.) A loader
 * is used by one thread at a time.
 */
#ifndef DNN_DATA_H
#define DNN_DATA_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long calls say how far they are, and are stopped. `step` is called in the calling thread, from time to time;
 * `what` says in a word or two what is going on ("fitting statistics"), done ≤ total. A status other than DNN_OK ends
 * the call, which returns it with the host's reason (`return dnn_fail(status, "reason")`). Left zero: nobody is told.
 */
typedef struct dnn_progress {
    dnn_status (*step)(void *user, const char *what, int64_t done, int64_t total);
    void *user;
} dnn_progress;

/* ---- sources ----------------------------------------------------------------------------------------------------- */

/* Sample i is (inputs[i], targets[i]): inputs (n, …), targets (n, …) of the same n, of any dtypes. `targets` may be
 * NULL: samples then have no target. The tensors are retained, not copied: what is written to them later is seen. (But
 * a loader that prefetches reads them at any time, in its own threads: release it, or seek, before you write.)
 * Errors: SHAPE if a tensor is a scalar, or their n differ. */
DNN_API dnn_status dnn_dataset_from_tensors(dnn_dataset **out, dnn_tensor *inputs, dnn_tensor *targets);

/* Samples that the host makes or fetches. */
typedef struct dnn_callback_dataset_desc {
    size_t size;
    int64_t count;    /* how many samples there are; 0 is allowed */
    dnn_array input;  /* shape and dtype of one sample's input; data is ignored. At most DNN_MAX_RANK - 1 axes */
    dnn_array target; /* of its target, rank 0 for a class index; left zero: samples have no target */

    /* Writes sample `index` (0 ≤ index < count) to input->data and, if there are targets, target->data: dense memory
     * of the shapes above, zeroed, lent for the call. `epoch` is the loader's (0 outside of a loader), for a host that
     * augments: draw from (your seed, epoch, index) and runs repeat. Returns DNN_OK, or fails with
     * `return dnn_fail(status, "reason")`; whoever asked for the sample then gets DNN_ERROR_CALLBACK with that reason
     * and the index. It must not call back into the dataset or loader that it serves. */
    dnn_status (*get)(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target);

    int32_t thread_safe;         /* 1: several threads may be in `get` at once. Default 0: one at a time, yet not always
                                    the same one: a loader calls it in its workers' threads, if it has any */
    void (*release)(void *user); /* optional: called when the dataset goes (not if its constructor fails) */
    void *user;

    /* What is known about the samples besides (see "metadata" below); each may be left out. The names are copied. */
    const char *const *class_names; /* [classes], or NULL */
    int64_t classes;                /* how many classes there are; 0: unknown */
    double low, high;               /* between which the inputs' values lie, if high > low */

    /* The name of sample `index`, as a text of at most bytes - 1 characters and a zero. Called as `get` is. */
    dnn_status (*name)(void *user, int64_t index, char *text, size_t bytes);

    /* Writes the target of a sample alone, the same as `get` writes in any epoch: for those who need no more (class
     * counts, splits by class), and would have every image decoded otherwise. Called as `get` is. */
    dnn_status (*get_target)(void *user, int64_t index, const dnn_array *target);
} dnn_callback_dataset_desc;

/* Errors: ARGUMENT, SHAPE, DTYPE for the description; VALUE for a range that is none; MEMORY. */
DNN_API dnn_status dnn_dataset_from_callbacks(dnn_dataset **out, dnn_context *ctx,
                                              const dnn_callback_dataset_desc *desc);

/* The embedded data set: digits 0 to 9 drawn by code, in several styles of handwriting, varied in shape, size, slant,
 * stroke width, blur, brightness and noise, and framed as MNIST's are (LeCun, Cortes, Burges: 20×20 box in a 28×28
 * image, centred by mass). Input: float32 (size, size, 1), ink 1 on 0. Target: int64 scalar, the digit. */
typedef struct dnn_digits_desc {
    size_t size;
    int64_t count;      /* how many; default 10000 */
    int64_t first;      /* the number of the first: sample i of the dataset is digit first + i. Ranges of numbers that
                           do not overlap (0 … 9999 to train, 10000 … 11999 to test) share no digit; default 0 */
    uint64_t seed;      /* default 0, a seed like any other */
    int64_t image_size; /* height and width in pixels, 8 to 512; default 28 */
} dnn_digits_desc;

/* `desc` may be NULL. Digit number i is a function of (seed, i, image_size) alone, the same bits everywhere; any ten
 * digits from a multiple of 10 on are one of each class. Drawn when read: nothing is kept in memory. */
DNN_API dnn_status dnn_digits(dnn_dataset **out, dnn_context *ctx, const dnn_digits_desc *desc);

/* ---- questions, and reading by hand ------------------------------------------------------------------------------ */

/* The number of samples; -1 on a bad handle. */
DNN_API int64_t dnn_dataset_count(const dnn_dataset *dataset);

/* What one sample is. */
typedef struct dnn_item_info {
    size_t size;
    dnn_array input;  /* shape and dtype; data is NULL */
    dnn_array target; /* dtype DNN_DTYPE_NONE: samples have no target */
} dnn_item_info;

/* `info->size` is set by the caller (DNN_SIZED). */
DNN_API dnn_status dnn_dataset_item(const dnn_dataset *dataset, dnn_item_info *info);

/* Reads the samples indices[0..n), or first ≤ i < first + n, into new tensors (n, …) that the caller owns. `targets`
 * may be NULL: they are not wanted; *targets is NULL if there are none. Runs in the calling thread.
 * Errors: NOT_FOUND for an index that is not there; what the source reports for a sample, with its index; MEMORY. */
DNN_API dnn_status dnn_dataset_get(dnn_tensor **inputs, dnn_tensor **targets, dnn_dataset *dataset,
                                   const int64_t *indices, int64_t n);
DNN_API dnn_status dnn_dataset_get_range(dnn_tensor **inputs, dnn_tensor **targets, dnn_dataset *dataset, int64_t first,
                                         int64_t n);

/* The targets of samples first ≤ i < first + n alone, in a new tensor (n, …). Sources that can, do not read the inputs.
 * Errors: as above; STATE if there are no targets. */
DNN_API dnn_status dnn_dataset_get_targets(dnn_tensor **targets, dnn_dataset *dataset, int64_t first, int64_t n);

/* A number that is the same for the same samples in the same order, and else differs: the hash of shapes, dtypes, count
 * and of all bytes, of inputs and targets, read once, in parallel, as of epoch 0. It is the same on every machine. (For
 * each sample h = XXH64(input, seed 0), then h = XXH64(target, seed h) if there are targets; H = XXH64("float32 [28,28]
 * int64 []", seed count), and for one sample after another H = XXH64(the 8 bytes of h, lowest first, seed H).) Not
 * against forgery. `progress` may be NULL. Errors: what the dataset reports, with the sample; MEMORY. */
DNN_API dnn_status dnn_dataset_hash(uint64_t *hash, dnn_dataset *dataset, const dnn_progress *progress);

/* ---- metadata ----------------------------------------------------------------------------------------------------
 * What a dataset's maker knows about it. Views pass it on; those that change values change the range. */

/* How many classes there are; 0 if that is unknown, and on a bad handle. */
DNN_API int64_t dnn_dataset_classes(const dnn_dataset *dataset);

/* The name of class k; NULL if there is none. Lent, as long as the dataset lives. */
DNN_API const char *dnn_dataset_class_name(const dnn_dataset *dataset, int64_t k);

/* The range that was declared for the inputs' values (0 … 255 for bytes of an image); 0 and 0 if none was. */
DNN_API dnn_status dnn_dataset_range(const dnn_dataset *dataset, double *low, double *high);

/* The name of a sample: a file's path, "row 17", …; where its source gives none, "sample " and its number there.
 * Written to text[bytes] with a zero at the end, and cut where it is longer. Errors: NOT_FOUND; what the source
 * reports. */
DNN_API dnn_status dnn_dataset_sample_name(dnn_dataset *dataset, int64_t index, char *text, size_t bytes);

/* The sample's number at the far end of all views: in the dataset that holds it or makes it. -1 on a bad handle or
 * index. */
DNN_API int64_t dnn_dataset_source_index(const dnn_dataset *dataset, int64_t index);

DNN_API dnn_status dnn_dataset_retain(dnn_dataset *dataset);
DNN_API dnn_status dnn_dataset_release(dnn_dataset *dataset);

/* ---- loader ------------------------------------------------------------------------------------------------------ */

/* What becomes of the samples that do not fill a batch at the end of an epoch. */
typedef enum dnn_last_batch {
    DNN_LAST_BATCH_KEEP = 0, /* they make a smaller batch */
    DNN_LAST_BATCH_DROP = 10 /* they are left out of this epoch (others are, in the next, if samples are shuffled) */
} dnn_last_batch;

/* For dnn_loader_desc.prefetch: no threads; batches are read in the caller's thread, when asked for. */
#define DNN_NO_PREFETCH (-1)

typedef struct dnn_loader_desc {
    size_t size;
    int64_t batch_size;        /* samples in a batch, at least 1: there is no default */
    int32_t shuffle;           /* 1: a new order every epoch; default 0: the dataset's order */
    dnn_last_batch last_batch; /* default: keep */
    uint64_t seed;             /* of the order; default (0): the seed that the context has now */
    int32_t prefetch;          /* batches read ahead, also of the next epoch; default 2, at most 1024; or
                                  DNN_NO_PREFETCH */
    int32_t workers;           /* threads that read; default 1, at most 256; leave 0 with DNN_NO_PREFETCH. They
                                  share the samples of each batch, and sleep when there is nothing to read */
} dnn_loader_desc;

/* Makes a loader at the start of epoch 0. All memory for batches (prefetch + 1 of them) is taken here; a step in a
 * steady state allocates nothing. Reading starts with the first dnn_loader_next.
 * The order of an epoch is a permutation keyed by (seed, epoch): the same on any machine, with any number of workers
 * and any depth of prefetch. A dataset too small for a batch is no error: its epochs are empty, which is logged.
 * Errors: ARGUMENT, SHAPE (a batch would have too many axes or bytes), MEMORY, THREAD. */
DNN_API dnn_status dnn_loader_create(dnn_loader **out, dnn_dataset *dataset, const dnn_loader_desc *desc);

/* The next batch: *x (b, …), *target (b, …), b = batch_size or, for the last batch, less. Both are lent: valid until
 * the next call of this function or of dnn_loader_seek, and until the release. `target` may be NULL; *target is NULL if
 * samples have no target.
 * DNN_END: the epoch is over, *x and *target are NULL; the next call gives the next epoch's first batch.
 * Errors: what the dataset reports for a sample, with its index ("sample 812: …"). The loader then stays where it is:
 * the next call reads that batch again; dnn_loader_seek goes past it. */
DNN_API dnn_status dnn_loader_next(dnn_loader *loader, const dnn_tensor **x, const dnn_tensor **target);

/* The batches of one epoch; -1 on a bad handle. */
DNN_API int64_t dnn_loader_batches(const dnn_loader *loader);

/* A place in the data: what dnn_loader_next gives next. Kept with a checkpoint, it is where training goes on. */
typedef struct dnn_loader_place {
    size_t size;
    int64_t epoch; /* from 0 */
    int64_t batch; /* from 0; at dnn_loader_batches() the epoch's DNN_END comes next */
} dnn_loader_place;

/* `place->size` is set by the caller (DNN_SIZED). */
DNN_API dnn_status dnn_loader_position(const dnn_loader *loader, dnn_loader_place *place);

/* Goes to a place; batches read ahead are dropped. Errors: ARGUMENT if the place is not one. */
DNN_API dnn_status dnn_loader_seek(dnn_loader *loader, const dnn_loader_place *place);

/* The place's epoch (-1 on a bad handle); going to the start of an epoch. */
DNN_API int64_t dnn_loader_epoch(const dnn_loader *loader);
DNN_API dnn_status dnn_loader_set_epoch(dnn_loader *loader, int64_t epoch);

DNN_API dnn_status dnn_loader_release(dnn_loader *loader);

#ifdef __cplusplus
}
#endif

#endif
