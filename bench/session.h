/* A network with everything that its training step needs, in a context whose allocations are counted. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <stdatomic.h>

#include "networks/network.h"

typedef struct session {
    const network *network;
    dnn_context *ctx;
    dnn_module *net;
    dnn_predictor *predictor;
    dnn_loss *loss;
    dnn_optimizer *optimizer;
    dnn_monitor *monitor; /* NULL: nobody watches */
    dnn_tensor *input, *target;
    _Atomic int64_t allocations; /* so far */
    double value;                /* of the loss in the last step */
} session;

/* All functions return DNN_OK, or leave the reason in dnn_last_error(). session_close() is due also after a failure. */
dnn_status session_open(session *s, const network *chosen, int32_t threads);
void session_close(session *s);

/* From now on a new monitor sees each training step, and its inputs; or none does. */
dnn_status session_watch(session *s, bool watched);

/* zero_grad, forward, loss, backward, step. */
dnn_status session_train(session *s);

/* *y is lent until the next call. */
dnn_status session_predict(session *s, const dnn_tensor **y);

#endif
