/* libdnn_io: images: PNG, JPEG, and folders of them. io.h says what holds for all. */
#ifndef DNN_IO_IMAGES_H
#define DNN_IO_IMAGES_H

#include "io_read.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- PNG --------------------------------------------------------------------------------------------------------- */

/* A PNG file as u8 (H, W, C): C is 1 for grey, 2 for grey and alpha, 3 for RGB, 4 for RGBA; palettes are resolved, 1, 2
 * and 4 bits become 8 (0 … 255). Values are as they are in the file: no gamma, no colour profile is applied. Files with
 * 16 bits a channel are UNSUPPORTED. `desc` may be NULL. */
DNN_API dnn_status dnn_png_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);

/* Writes an image (H, W) or (H, W, C), C as above, 8 bits a channel. u8 is written as it is; float32 and float64 as
 * round(255 · value), and every value must lie in [0, 1]: VALUE otherwise, with the count. The file appears when it is
 * complete: on failure what was there stays. */
DNN_API dnn_status dnn_png_write(dnn_context *ctx, const char *path, const dnn_tensor *image);

/* ---- JPEG --------------------------------------------------------------------------------------------------------
 * All of these are UNSUPPORTED, and say so, in a library that was built without libjpeg. */

/* A JPEG file, baseline or progressive, as u8 (H, W, C): C is 1 for grey, 3 for RGB (YCbCr and CMYK are converted; no
 * colour profile is applied). It is turned as its EXIF orientation says. Nothing is forgiven: a file that is cut short
 * or whose data libjpeg warns of is FORMAT. Arithmetic coding, 12 bits, more than 100 scans are UNSUPPORTED. `desc` may
 * be NULL. */
DNN_API dnn_status dnn_jpeg_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_read_desc *desc);

/* Writes an image (H, W) or (H, W, C) of 1 or 3 channels, values as dnn_png_write takes them. `quality` is libjpeg's, 1
 * to 100; 0: 90. */
DNN_API dnn_status dnn_jpeg_write(dnn_context *ctx, const char *path, const dnn_tensor *image, int32_t quality);

/* ---- either, at a given size ------------------------------------------------------------------------------------- */

/* How an image becomes one of desc.height × desc.width. Scaling averages over the area of a pixel (a triangle filter,
 * as wide as the scale: PIL's "bilinear", torchvision's "antialias"). */
typedef enum dnn_image_fit {
    DNN_IMAGE_FIT_EXACT = 0,    /* it has that size already: SHAPE otherwise */
    DNN_IMAGE_FIT_STRETCH = 10, /* its sides are scaled, each for itself */
    DNN_IMAGE_FIT_COVER = 20,   /* it is scaled until it covers that size, and its middle is cut out */
    DNN_IMAGE_FIT_CONTAIN = 30  /* it is scaled until it fits in, and what is left at the sides becomes desc.padding */
} dnn_image_fit;

typedef struct dnn_image_desc {
    size_t size;
    int64_t height, width;      /* both, or neither: the image's own */
    dnn_image_fit fit;          /* default: DNN_IMAGE_FIT_EXACT */
    int32_t padding;            /* the value around an image for DNN_IMAGE_FIT_CONTAIN, 0 … 255; default 0 */
    int32_t channels;           /* 1: grey (0.299 R + 0.587 G + 0.114 B); 3: RGB; alpha is left out. Default: as the
                                   file has it (dnn_image_read), 3 (folders) */
    int32_t ignore_orientation; /* 1: EXIF's orientation of a JPEG file is left aside; default: it is turned upright */
    int64_t max_bytes;          /* of the file, and of the pixels it unfolds to; more is UNSUPPORTED. Default 2^30 */
} dnn_image_desc;

/* A PNG or JPEG file, told by its first bytes, as u8 (H, W, C). JPEG files that are larger than wanted are decoded at a
 * half, a quarter or an eighth of their size, if that is still enough. `desc` may be NULL.
 * Errors besides those above: FORMAT for a file that is neither. */
DNN_API dnn_status dnn_image_read(dnn_tensor **out, dnn_context *ctx, const char *path, const dnn_image_desc *desc);

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* What is done about a file that is no good image. */
typedef enum dnn_bad_image {
    DNN_BAD_IMAGE_REFUSE = 0, /* opening the folder fails, and names it. Headers are looked at then; damage further on
                                 is an error of the sample, when it is read */
    DNN_BAD_IMAGE_SKIP = 10   /* it is left out, and can be asked for. Every image is decoded once, when the folder is
                                 opened */
} dnn_bad_image;

typedef struct dnn_image_folder_desc {
    size_t size;
    const dnn_image_desc *image; /* how images are read; without a size, all must be as large as the first. Default:
                                    as they are, in RGB */
    dnn_bad_image bad;           /* default: DNN_BAD_IMAGE_REFUSE */
    dnn_progress progress;       /* default: nobody is told */
} dnn_image_folder_desc;

/* A folder of images: what was found in it. */
typedef struct dnn_image_folder dnn_image_folder;

/* Looks through a folder. Its sub-folders, sorted by name (byte by byte), are the classes 0, 1, …; their files, and
 * those of folders in them, sorted by path, are the samples. A folder without sub-folders has samples without a target.
 * Names that begin with a dot are passed over; files beside the classes' folders are skipped, and listed.
 * Links are followed. Errors besides those above: NOT_FOUND if there is no image; what is wrong with a file, unless bad
 * ones are skipped. `desc` may be NULL. */
DNN_API dnn_status dnn_image_folder_open(dnn_image_folder **out, dnn_context *ctx, const char *path,
                                         const dnn_image_folder_desc *desc);
DNN_API dnn_status dnn_image_folder_release(dnn_image_folder *folder);

/* Its samples: how many (-1 on a bad handle); the path of one, lent until the release; NULL if there is none. */
DNN_API int64_t dnn_image_folder_count(const dnn_image_folder *folder);
DNN_API const char *dnn_image_folder_path(const dnn_image_folder *folder, int64_t index);

/* What was left out: how many files (-1 on a bad handle); the path of one and, if `reason` is not NULL, why; lent until
 * the release. NULL (and NOT_FOUND) if there is none. */
DNN_API int64_t dnn_image_folder_skipped(const dnn_image_folder *folder);
DNN_API const char *dnn_image_folder_skipped_path(const dnn_image_folder *folder, int64_t index, const char **reason);

/* The samples as a dataset: u8 (height, width, channels), target int64, class names; names of samples are their paths.
 * Images are decoded when they are asked for, in the threads that ask: a loader's workers decode ahead, in order. The
 * folder may be released afterwards. */
DNN_API dnn_status dnn_image_folder_dataset(dnn_dataset **out, dnn_image_folder *folder);

#ifdef __cplusplus
}
#endif

#endif
