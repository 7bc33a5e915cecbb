/* The view that picks samples by a list of indices; other views are made of it. */
#ifndef DNNI_SUBSET_H
#define DNNI_SUBSET_H

#include "data/dataset.h"

/* A view of source's samples indices[0..n), which are known to exist. The list is copied; `indices` may be NULL: the
 * first n samples. */
dnn_status dnni_subset(dnn_dataset **out, dnn_dataset *source, const int64_t *indices, int64_t n);

#endif
