/* A module as a problem: y are the numbers of its float outputs, the weights a random dL/dy; or, with a loss behind it,
 * y is the loss alone, with weight 1. */
#ifndef DNNI_CHECK_NETWORK_H
#define DNNI_CHECK_NETWORK_H

#include "check/copy.h"
#include "check/loss_alone.h"
#include "check/problem.h"

/* Which tensor of the copies a tensor of the problem is. */
typedef struct check_source {
    int32_t input;     /* -1: a parameter */
    int64_t parameter; /* in the index's order */
} check_source;

typedef struct check_network {
    dnn_context *ctx;
    dnni_pool pool;
    dnn_module *module;
    dnn_dtype dtype; /* the module's own */
    const dnni_index *index;
    dnni_module_note state;
    check_copy f64, f32;
    double **buffers; /* where they stand, in the index's order; NULL for parameters */
    int32_t n_inputs, n_outputs;
    check_tensor *tensors;
    check_source *sources;
    int64_t n_tensors;
    check_problem alone, followed; /* by a loss */
    const dnn_tensor **outputs, **input_gradients; /* of the last run, lent */
    dnn_tensor **cotangents;                       /* dL/dy; NULL where the output is no float */
    check_loss_run loss;
} check_network;

/* Copies all there is to copy. On failure dnni_gradcheck_close is still due. */
dnn_status dnni_gradcheck_open(check_network *network, dnn_module *module, const dnn_tensor *const *inputs,
                               int32_t n_inputs, const dnn_check_desc *options);

/* Everything as it was; releases the copies. The pool stays, for what was made in it. */
void dnni_gradcheck_close(check_network *network);

/* Puts the float64 copy in, in that mode, with nothing frozen; runs it once, and draws dL/dy. */
dnn_status dnni_gradcheck_enter_phase(check_network *network, dnn_check_phase phase, const dnn_check_desc *options);

/* Runs a copy that is in. Counters of random numbers and buffers are set back before each forward. */
dnn_status dnni_gradcheck_forward(check_network *network, check_copy *copy, uint64_t *choices);
dnn_status dnni_gradcheck_backward(check_network *network, dnn_tensor *const *cotangents);
void dnni_gradcheck_clear_gradients(const check_network *network);

/* So many steps down the gradient of the loss, or of f, in the phase that was entered: home is where they end. */
dnn_status dnni_gradcheck_burn_in(check_network *network, int32_t steps);

/* The gradient of a tensor after a backward: of the copy that is in. */
const dnn_array *dnni_gradcheck_gradient(const check_network *network, int64_t tensor);

#endif
