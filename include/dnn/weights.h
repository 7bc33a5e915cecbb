/* libdnn: weights on disk: safetensors files, as the `safetensors` packages of other languages read and write them.
 *
 * A file is: 8 bytes with the length of a header (little endian), the header (JSON: for each tensor its dtype, shape
 * and place), and the tensors' bytes. Nothing in it can be executed. It is read strictly: everything is checked before
 * memory is allocated for it, and reading never takes more than four times the file's size (and a few kilobytes).
 *
 * Writing never leaves a half-written file, nor loses the one that was there: a new file beside it (".dnn-….tmp") is
 * filled, synced, and renamed. Where the path is a symbolic link, the link is replaced.
 *
 * Errors of all functions that take a path: IO with the system's reason; FORMAT with the field at fault, for a file
 * that is not what the format demands; UNSUPPORTED for one that is, and uses what this library has not (a dtype like
 * I16, more than 8 axes, a name with a NUL); MEMORY. Messages begin with the path.
 *
 * Threads: an archive may be read by several threads at once.
 */
#ifndef DNN_WEIGHTS_H
#define DNN_WEIGHTS_H

#include "data.h"
#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- a module's weights ------------------------------------------------------------------------------------------ */

/* How the weights lie in the file. Names are the parameters' paths ("layer1.0.conv1.weight") in both.
 * TORCH is what PyTorch's state_dict() has: the weight of a conv2d is (out, in/groups, kh, kw) there, and
 * (out, kh, kw, in/groups) here. All others are taken as they are. Entries "….num_batches_tracked", which its batch
 * norms have and ours have not, are skipped. */
typedef enum dnn_layout { DNN_LAYOUT_NATIVE = 0, DNN_LAYOUT_TORCH = 10 } dnn_layout;

/* A linear layer that reads flattened images: their features come in the order (C, H, W) in PyTorch, and (H, W, C)
 * here, so the columns of its weight must change places. Nobody can see that from the weight alone: name such layers,
 * and the size of the images that they read. This struct is pinned: it will not grow. */
typedef struct dnn_flattened {
    const char *path; /* of the weight: "fc1.weight" */
    int64_t height, width, channels;
} dnn_flattened;

/* Text that goes with the tensors. UTF-8; keys differ. This struct is pinned: it will not grow. */
typedef struct dnn_metadata {
    const char *key, *value;
} dnn_metadata;

typedef struct dnn_weights_save_desc {
    size_t size;
    dnn_layout layout;               /* default: DNN_LAYOUT_NATIVE */
    dnn_dtype dtype;                 /* what float parameters and buffers are stored as: DNN_F32, DNN_F64, DNN_F16 or
                                        DNN_BF16; default: as they are. A value that becomes infinite by that is an
                                        error (VALUE) */
    const dnn_flattened *flattened;  /* for DNN_LAYOUT_TORCH; default: none */
    int64_t n_flattened;
    const dnn_metadata *metadata;    /* default: none */
    int64_t n_metadata;
} dnn_weights_save_desc;

/* Writes all parameters and buffers below `module` to a file. `desc` may be NULL. */
DNN_API dnn_status dnn_weights_save(dnn_module *module, const char *path, const dnn_weights_save_desc *desc);

/* What a file may differ in. Without a flag, names, shapes and dtypes match one to one. */
typedef enum dnn_weights_flags {
    DNN_WEIGHTS_ALLOW_MISSING = 1, /* a parameter that is not in the file stays as it is */
    DNN_WEIGHTS_ALLOW_EXTRA = 2,   /* a tensor in the file that the module has no place for is skipped */
    DNN_WEIGHTS_ALLOW_CAST = 4     /* another float dtype is converted, with rounding; overflow is an error (VALUE) */
} dnn_weights_flags;

typedef struct dnn_weights_load_desc {
    size_t size;
    dnn_layout layout;              /* default: DNN_LAYOUT_NATIVE */
    int32_t flags;                  /* a sum of dnn_weights_flags; default: 0, all must match */
    const dnn_flattened *flattened; /* for DNN_LAYOUT_TORCH; default: none */
    int64_t n_flattened;
} dnn_weights_load_desc;

/* Reads them back: all or nothing. The file is read and checked as a whole before the first weight changes. Frozen
 * parameters are loaded too. `desc` may be NULL.
 * Errors besides those above: NOT_FOUND for missing or extra names, SHAPE, DTYPE, VALUE; the module is then as it
 * was. */
DNN_API dnn_status dnn_weights_load(dnn_module *module, const char *path, const dnn_weights_load_desc *desc);

/* ---- any tensors ------------------------------------------------------------------------------------------------- */

/* Writes tensors[i] under names[i], i < n. Names are UTF-8, differ, and are not "__metadata__". In the file tensors are
 * ordered by dtype, widest first, then by name: the same tensors give the same bytes. `metadata` may be NULL if
 * n_metadata is 0. Errors: ARGUMENT for names that cannot be, and as above. */
DNN_API dnn_status dnn_safetensors_write(dnn_context *ctx, const char *path, const char *const *names,
                                         const dnn_tensor *const *tensors, int64_t n, const dnn_metadata *metadata,
                                         int64_t n_metadata);

/* What a file holds: names, tensors, metadata. */
typedef struct dnn_archive dnn_archive;

/* Reads a whole file; or the same from memory (which is not needed any more afterwards). */
DNN_API dnn_status dnn_safetensors_read(dnn_archive **out, dnn_context *ctx, const char *path);
DNN_API dnn_status dnn_safetensors_parse(dnn_archive **out, dnn_context *ctx, const void *bytes, int64_t n_bytes);
DNN_API dnn_status dnn_archive_release(dnn_archive *archive);

/* How many tensors there are; -1 on a bad handle. */
DNN_API int64_t dnn_archive_count(const dnn_archive *archive);

/* The name of the i-th tensor, in the order of the file's header, lent until the archive is released; NULL (and
 * NOT_FOUND) if there is none. */
DNN_API const char *dnn_archive_name(const dnn_archive *archive, int64_t index);

/* A tensor of the archive, by name or by index: a new handle over the archive's memory, which it keeps alive. Data is
 * aligned to 16 bytes. Errors: NOT_FOUND. */
DNN_API dnn_status dnn_archive_tensor(dnn_tensor **out, const dnn_archive *archive, const char *name);
DNN_API dnn_status dnn_archive_tensor_at(dnn_tensor **out, const dnn_archive *archive, int64_t index);

/* Two of its tensors as a dataset: sample i is (inputs[i], targets[i]). `targets` may be NULL: samples have no target.
 * Targets of one axis that are integers are labels, and become int64. The archive may be released afterwards.
 * Errors: NOT_FOUND; SHAPE for a scalar, and where the counts differ. */
DNN_API dnn_status dnn_archive_dataset(dnn_dataset **out, const dnn_archive *archive, const char *inputs,
                                       const char *targets);

/* Metadata: how many pairs (-1 on a bad handle); the i-th; the value of a key, NULL (and NOT_FOUND) if it is not there.
 * Text is lent until the archive is released. */
DNN_API int64_t dnn_archive_metadata_count(const dnn_archive *archive);
DNN_API dnn_status dnn_archive_metadata_at(const dnn_archive *archive, int64_t index, dnn_metadata *pair);
DNN_API const char *dnn_archive_metadata(const dnn_archive *archive, const char *key);

#ifdef __cplusplus
}
#endif

#endif
