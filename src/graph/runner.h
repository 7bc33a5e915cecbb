/* What a module needs to run as a root: its plans, one arena for all of them, and where it stands between a forward and
 * its backward. A predictor has a runner of its own. */
#ifndef DNNI_RUNNER_H
#define DNNI_RUNNER_H

#include "graph/module.h"

/* Plans remembered by a runner. */
#define DNNI_PLANS 8

dnni_runner *dnni_runner_new(dnn_context *ctx, dnni_use use);
void dnni_runner_free(dnni_runner *runner);

/* Forgets plans and the forward that was run; gives the arena back. NULL is fine. */
void dnni_runner_reset(dnni_runner *runner);

/* Handles of tensors that go into, or out of, a module; NULL among them is fine if allowed. */
dnn_status dnni_check_tensors(const dnn_module *module, const dnn_tensor *const *tensors, int32_t n, bool null_allowed,
                              const char *name);

/* dnn_module_forward_n for a module that is run by this runner. Handles have not been checked. */
dnn_status dnni_runner_forward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs,
                               int32_t n_inputs, const dnn_tensor **outputs, int32_t n_outputs);

dnn_status dnni_runner_backward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *output_gradients,
                                int32_t n_outputs, const dnn_tensor **input_gradients, int32_t n_inputs);

/* Who watches a run: for the gradient check, and for those who look at what a network does. Zeroed: nobody. */
typedef struct dnni_watch {
    uint64_t *choices; /* the choices that layers make on their data are mixed into it */
    dnn_status (*see)(void *user, const dnn_observation *observation); /* as in dnn_module_observe */
    /* Called before the backward of a step, by its number: its output gradients are complete, and may be read and
     * written to. (Where an output is one of the module's, that is the caller's dL/dy.) */
    dnn_status (*turn)(void *user, int64_t step, const dnn_array *output_gradients);
    void *user;
    /* after each ReLU, also one that another layer did on the way, of a forward that a backward may follow: its path
     * and its output */
    void (*rectified)(void *user, const char *path, const dnn_array *y);
} dnni_watch;

/* From now on every run is watched so. */
void dnni_runner_watch(dnni_runner *runner, const dnni_watch *watch);

/* Ends that, if it is this user's. NULL is fine. */
void dnni_runner_unwatch(dnni_runner *runner, const void *user);

/* How often a runner ran, by the mode of its module: training as a whole or in part, or evaluating. */
typedef struct dnni_tally {
    int64_t forwards_training, forwards_evaluating, backwards_training, backwards_evaluating;
} dnni_tally;
dnni_tally dnni_runner_tally(const dnni_runner *runner); /* zeros for NULL */

/* A forward whose outputs nobody takes. */
dnn_status dnni_runner_look(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs);

#endif
