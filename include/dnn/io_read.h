/* libdnn_io: what all its readers are given. */
#ifndef DNN_IO_READ_H
#define DNN_IO_READ_H

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

#ifdef __cplusplus
}
#endif

#endif
