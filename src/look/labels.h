/* Labels, counted. */
#ifndef DNNI_LOOK_LABELS_H
#define DNNI_LOOK_LABELS_H

#include <dnn/look.h>

#include "data/dataset.h"

typedef struct dnni_labels {
    dnn_context *ctx;
    bool whole;        /* targets are whole numbers */
    int64_t declared;  /* classes; 0: unknown */
    int64_t *counts;   /* [capacity] */
    int64_t capacity;
    int64_t top;       /* one more than the largest label that was counted */
    int64_t outside, total;
} dnni_labels;

/* On failure dnni_labels_free is still due. */
dnn_status dnni_labels_begin(dnni_labels *labels, const dnn_dataset *dataset);
dnn_status dnni_labels_take(dnni_labels *labels, const dnn_array *batch, int64_t elements);
void dnni_labels_free(dnni_labels *labels);

dnn_classes dnni_labels_classes(const dnni_labels *labels);

#endif
