/* IDX files in two steps. */
#ifndef DNNI_IDX_H
#define DNNI_IDX_H

#include "io/array.h"

/* The header of a file that holds what it says. */
dnn_status dnni_idx_examine(dnni_io_array *h, bool *compressed, const dnni_io_file *file, int64_t max_bytes);

/* Its elements. */
dnn_status dnni_idx_elements(dnn_tensor **out, const dnni_io_array *h, const dnni_io_file *file);

#endif
