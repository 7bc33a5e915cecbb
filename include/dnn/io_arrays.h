/* libdnn_io: arrays and records of fixed size: IDX, npy, npz, CIFAR; and text in windows. io.h says what holds for all.
 */
#ifndef DNN_IO_ARRAYS_H
#define DNN_IO_ARRAYS_H

#include "io_read.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- IDX --------------------------------------------------------------------------------------------------------- */

/* An IDX file, plain or compressed with gzip (told by its first bytes), as a tensor of its shape. Elements: unsigned
 * bytes as u8; signed bytes, 16-bit and 32-bit integers as i32; float and double as f32 and f64. 1 to 8 axes.
 * `desc` may be NULL. */
DNN_API dnn_status dnn_idx_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);

/* A pair of IDX files as a dataset that can be trained on: inputs float32, targets int64.
 * Images of unsigned bytes are scaled to [0, 1] (value / 255); float32 images are taken as they are. (N, H, W) becomes
 * (N, H, W, 1), other ranks stay. Labels are integers, (N). `desc` may be NULL. The files are read into memory.
 * Errors besides those above: SHAPE where the counts differ, DTYPE for images or labels of another kind. */
DNN_API dnn_status dnn_idx_dataset(dnn_dataset **out, dnn_context *ctx, const char *images_path,
                                   const char *labels_path, const dnn_read_desc *desc);

/* The same pair as it is in the files: images keep their values (bytes 0 … 255 as u8, a declared range) and are read
 * when they are asked for, unless the file is compressed, which is read into memory. (N, H, W) becomes (N, H, W, 1);
 * labels become int64. `labels_path` may be NULL: samples have no target. `desc` may be NULL. */
DNN_API dnn_status dnn_idx_raw_dataset(dnn_dataset **out, dnn_context *ctx, const char *images_path,
                                       const char *labels_path, const dnn_read_desc *desc);

/* ---- npy and npz, NumPy's formats -------------------------------------------------------------------------------- */

/* An npy file (versions 1, 2 and 3) as a tensor of its shape, 0 to 8 axes. Elements: f2, f4, f8 as f16, f32, f64;
 * b1 as bool (bytes 0 and 1); u1 as u8; i1, i2, u2, i4 as i32; u4, i8 as i64. Either byte order; Fortran order becomes
 * row major. Everything else is UNSUPPORTED: arrays of Python objects above all, which would run what the file says. */
DNN_API dnn_status dnn_npy_read(dnn_tensor **out, dnn_context *ctx, const char *path);

/* Writes a tensor as an npy file, version 1, little endian, row major. bf16, which NumPy has not, is UNSUPPORTED. The
 * file appears when it is complete: on failure what was there stays. */
DNN_API dnn_status dnn_npy_write(dnn_context *ctx, const char *path, const dnn_tensor *tensor);

/* A pair of npy files as a dataset: sample i is (inputs[i], targets[i]). `targets_path` may be NULL: samples have no
 * target. Inputs keep their dtype; targets of one axis that are integers or bools are labels, and become int64, other
 * targets keep theirs. Samples are read when they are asked for; a file in Fortran order is read into memory.
 * Errors besides those above: SHAPE for a scalar, and where the counts differ. */
DNN_API dnn_status dnn_npy_dataset(dnn_dataset **out, dnn_context *ctx, const char *inputs_path,
                                   const char *targets_path);

/* An npz file: a zip archive of npy files, as numpy.savez and savez_compressed write it: members stored or deflated,
 * zip64 too. Its table of contents is read when it is opened, members when they are asked for. */
typedef struct dnn_npz dnn_npz;

/* Opens a file. `desc` may be NULL. Errors besides those above: FORMAT for names that occur twice or could not be the
 * name of an array, for members that overlap. */
DNN_API dnn_status dnn_npz_open(dnn_npz **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);
DNN_API dnn_status dnn_npz_release(dnn_npz *npz);

/* How many arrays there are; -1 on a bad handle. The name of the i-th, without ".npy", lent until the release; NULL
 * (and NOT_FOUND) if there is none. */
DNN_API int64_t dnn_npz_count(const dnn_npz *npz);
DNN_API const char *dnn_npz_name(const dnn_npz *npz, int64_t index);

/* An array, by name, as dnn_npy_read gives it; its checksum is checked. Errors: NOT_FOUND. */
DNN_API dnn_status dnn_npz_tensor(dnn_tensor **out, const dnn_npz *npz, const char *name);

/* Two of its arrays as a dataset, as dnn_npy_dataset makes it, `targets` may be NULL. Both are read into memory. The
 * archive may be released afterwards. */
DNN_API dnn_status dnn_npz_dataset(dnn_dataset **out, const dnn_npz *npz, const char *inputs, const char *targets);

/* ---- CIFAR ------------------------------------------------------------------------------------------------------- */

/* Which records the files are made of. */
typedef enum dnn_cifar_kind {
    DNN_CIFAR_10 = 0,          /* label, 1024 bytes each of red, green, blue */
    DNN_CIFAR_100_FINE = 10,   /* coarse label, fine label, colours; the target is the fine label, 0 … 99 */
    DNN_CIFAR_100_COARSE = 11  /* the same files; the target is the coarse label, 0 … 19 */
} dnn_cifar_kind;

typedef struct dnn_cifar_desc {
    size_t size;
    dnn_cifar_kind kind; /* default: DNN_CIFAR_10 */
} dnn_cifar_desc;

/* Files in the binary format of CIFAR-10 and CIFAR-100 (Krizhevsky 2009), one after another, as a dataset: input u8
 * (32, 32, 3), target int64, classes with their names. Samples are read when they are asked for. `desc` may be NULL.
 * Errors besides those above: FORMAT, with file and record, for a last record that is short and a label out of range;
 * all labels are looked at when the dataset is made. */
DNN_API dnn_status dnn_cifar_dataset(dnn_dataset **out, dnn_context *ctx, const char *const *paths, int64_t n_paths,
                                     const dnn_cifar_desc *desc);

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* What a text consists of. */
typedef enum dnn_text_unit {
    DNN_TEXT_BYTES = 0,      /* bytes, whatever they mean */
    DNN_TEXT_CHARACTERS = 10 /* characters of UTF-8; what is not well formed is FORMAT, with its place */
} dnn_text_unit;

typedef struct dnn_text_desc {
    size_t size;
    int64_t window;         /* T, units in a sample, at least 1: there is no default */
    int64_t stride;         /* from the start of one window to that of the next; default: T */
    dnn_text_unit unit;     /* default: DNN_TEXT_BYTES */
    const char *vocabulary; /* the units that are numbered, in this order, none twice: what another file was numbered by
                               (dnn_dataset_class_name has it, unit by unit). Default: those that occur, sorted */
    dnn_progress progress;  /* default: nobody is told */
} dnn_text_desc;

/* A text file as a dataset for predicting the next unit: sample i is units [i·stride, i·stride + T) as input and the T
 * units one further as target, both int64 (T), numbers in the vocabulary. Class names are the units; a byte that is no
 * ASCII character is named "\xNN". What does not fill a window and its target is left out.
 * Samples are read when they are asked for.
 * Errors besides those above: VALUE, with the place, for a unit that is not in desc->vocabulary. */
DNN_API dnn_status dnn_text_dataset(dnn_dataset **out, dnn_context *ctx, const char *path, const dnn_text_desc *desc);

#ifdef __cplusplus
}
#endif

#endif
