/* A loss under check: as a function of y alone, or behind a module. */
#ifndef DNNI_CHECK_LOSS_ALONE_H
#define DNNI_CHECK_LOSS_ALONE_H

#include "check/problem.h"
#include "loss/loss_class.h"

/* A loss that is evaluated on behalf of its owner, whose lent tensors stay as they are. */
typedef struct check_loss_run {
    dnn_loss *loss;
    dnn_tensor *target; /* float64, or labels */
    dnni_loss_aside aside;
} check_loss_run;

/* On failure dnni_gradcheck_end_loss is still due. */
dnn_status dnni_gradcheck_begin_loss(check_loss_run *run, dnn_loss *loss, const dnn_tensor *target);
void dnni_gradcheck_end_loss(check_loss_run *run);

/* A problem: y is the loss, and its one tensor, "loss.y", a copy of `y` in float64. */
typedef struct check_loss_alone {
    check_problem problem;
    check_tensor tensor;
    dnn_tensor *y;
    check_loss_run *run;
} check_loss_alone;

/* On failure dnni_gradcheck_close_loss is still due. */
dnn_status dnni_gradcheck_open_loss(check_loss_alone *alone, dnni_pool *pool, check_loss_run *run, const dnn_tensor *y,
                                    const dnn_check_desc *options);
void dnni_gradcheck_close_loss(check_loss_alone *alone);

#endif
