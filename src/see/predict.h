/* A predictor whose first output counts, however many there are. */
#ifndef DNNI_SEE_PREDICT_H
#define DNNI_SEE_PREDICT_H

#include "graph/module.h"

typedef struct dnni_predict {
    dnni_pool pool;
    dnn_predictor *predictor;
    const dnn_tensor **outputs;
    int32_t n_outputs;
} dnni_predict;

/* On failure, and on one that is all zero, dnni_predict_close does what is due. */
dnn_status dnni_predict_open(dnni_predict *predict, dnn_module *module);
void dnni_predict_close(dnni_predict *predict);

/* *y is lent until the next run. */
dnn_status dnni_predict_run(dnni_predict *predict, const dnn_tensor *x, const dnn_tensor **y);

#endif
