/* libdnn_io: images. */
#ifndef DNN_IO_IMAGES_H
#define DNN_IO_IMAGES_H

#include "io_read.h"

#ifdef __cplusplus
extern "C" {
#endif

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
