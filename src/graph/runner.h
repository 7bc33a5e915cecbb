/* What a module needs to run as a root: its plans, one arena for all of them, and where it stands between a forward and
 * its backward. A predictor has a runner of its own. */
#ifndef DNNI_RUNNER_H
#define DNNI_RUNNER_H

#include "graph/module.h"

/* Plans remembered by a runner. */
#define DNNI_PLANS 8

dnni_runner *dnni_runner_new(dnn_context *ctx, bool as_predictor);
void dnni_runner_free(dnni_runner *runner);

/* Forgets plans and the forward that was run; gives the arena back. NULL is fine. */
void dnni_runner_reset(dnni_runner *runner);

/* dnn_module_forward_n for a module that is run by this runner. Handles have not been checked. */
dnn_status dnni_runner_forward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs,
                               int32_t n_inputs, const dnn_tensor **outputs, int32_t n_outputs);

dnn_status dnni_runner_backward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *output_gradients,
                                int32_t n_outputs, const dnn_tensor **input_gradients, int32_t n_inputs);

/* From now on every forward mixes the choices that layers make on their data into *signature; NULL: no more. For the
 * gradient check. */
void dnni_runner_watch_choices(dnni_runner *runner, uint64_t *signature);

#endif
