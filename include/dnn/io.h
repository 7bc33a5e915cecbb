/* libdnn_io: files in other people's formats: IDX (as MNIST has it) and PNG. A library of its own beside libdnn,
 * because it needs zlib and libpng: link -ldnn_io (pkg-config: dnn_io; CMake: dnn::dnn_io).
 *
 * Files are read strictly: what the file says of sizes is checked against what it holds before memory is allocated, and
 * checksums are checked. Memory, that of zlib and libpng included, comes from the context's allocator.
 *
 * Errors of all functions: IO with the system's reason; FORMAT with what is wrong, for a file that is damaged or is
 * something else; UNSUPPORTED for what the format allows and this library does not read; MEMORY; ARGUMENT. Messages
 * begin with the path. */
#ifndef DNN_IO_H
#define DNN_IO_H

#include "data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits for reading. */
typedef struct dnn_read_desc {
    size_t size;
    int64_t max_bytes; /* the most that a compressed file may unfold to, in bytes of its elements; beyond it the file is
                          refused (UNSUPPORTED). Default 2^30: 1 GiB */
} dnn_read_desc;

/* An IDX file, plain or compressed with gzip (told by its first bytes), as a tensor of its shape. Elements: unsigned
 * bytes as u8; signed bytes, 16-bit and 32-bit integers as i32; float and double as f32 and f64. 1 to 8 axes.
 * `desc` may be NULL. */
DNN_API dnn_status dnn_idx_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);

/* A pair of IDX files as a dataset that can be trained on: inputs float32, targets int64.
 * Images of unsigned bytes are scaled to [0, 1] (value / 255); float32 images are taken as they are. (N, H, W) becomes
 * (N, H, W, 1), other ranks stay. Labels are integers, (N). `desc` may be NULL.
 * Errors besides those above: SHAPE where the counts differ, DTYPE for images or labels of another kind. */
DNN_API dnn_status dnn_idx_dataset(dnn_dataset **out, dnn_context *ctx, const char *images_path,
                                   const char *labels_path, const dnn_read_desc *desc);

/* A PNG file as u8 (H, W, C): C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGBA; palettes are resolved, 1, 2
 * and 4 bits become 8 (0 … 255). Values are as they are in the file: no gamma, no colour profile is applied. Files with
 * 16 bits a channel are UNSUPPORTED. `desc` may be NULL. */
DNN_API dnn_status dnn_png_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);

/* Writes an image (H, W) or (H, W, C), C as above, 8 bits a channel. u8 is written as it is; float32 and float64 as
 * round(255 · value), and every value must lie in [0, 1]: VALUE otherwise, with the count. The file appears when it is
 * complete: on failure what was there stays. */
DNN_API dnn_status dnn_png_write(dnn_context *ctx, const char *path, const dnn_tensor *image);

#ifdef __cplusplus
}
#endif

#endif
