/* The gradients of a recurrent network's weights and biases, from those of the gates' sums of all steps. */
#ifndef DNNK_RNN_WEIGHTS_H
#define DNNK_RNN_WEIGHTS_H

#include "rnn/plan.h"

int64_t dnnk_rnn_weights_workspace(const dnnk_env *env, const dnnk_rnn_plan *p);
void dnnk_rnn_weight_gradients(const dnnk_env *env, const dnnk_rnn_plan *p, const dnnk_rnn_gradients *g, void *work);

#endif
