/* Between how weights lie in memory and how they lie in a file. */
#ifndef DNNI_LAYOUT_H
#define DNNI_LAYOUT_H

#include <dnn/weights.h>

#include "core/tensor.h"

/* How one parameter is stored. */
typedef struct dnni_stored {
    dnn_array array;     /* dtype and shape in the file, no data */
    bool channels_first; /* `memory` is to be seen as (n, h, w, c), and is stored as (n, c, h, w) */
    dnn_array memory;    /* the parameter, as that */
} dnni_stored;

/* Checks what a descriptor says of layouts. */
dnn_status dnni_layout_check(dnn_layout layout, const dnn_flattened *flattened, int64_t n_flattened);

/* How `parameter` is stored under that layout. Errors: SHAPE for a flattened layer of another size. */
dnn_status dnni_layout_of(dnni_stored *stored, const dnn_parameter *parameter, dnn_layout layout,
                          const dnn_flattened *flattened, int64_t n_flattened);

/* Copies (n, h, w, c) to (n, c, h, w), elements of `element` bytes; and back. `dims` are those of the former. */
void dnni_to_channels_first(void *to, const void *from, const int64_t dims[4], int64_t element);
void dnni_to_channels_last(void *to, const void *from, const int64_t dims[4], int64_t element);

#endif
