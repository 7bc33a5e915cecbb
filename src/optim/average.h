/* A moving average as checkpoints see it. */
#ifndef DNNI_AVERAGE_H
#define DNNI_AVERAGE_H

#include <dnn/average.h>

#include "core/tensor.h"
#include "graph/index.h"
#include "optim/optim.h"

struct dnn_average {
    dnni_object base;
    dnn_module *module; /* held */
    dnn_average_kind kind;
    double decay;
    dnn_tensor *updates; /* int64, scalar */
    dnn_tensor **values; /* of parameters and buffers, in the index's order */
    dnnk_segment *segments;
    int64_t n;
    bool swapped;
};

/* The module's index, if the module is as it was. */
dnn_status dnni_average_index(const dnn_average *average, const dnni_index **index);

#endif
