/* A module that is looked into: it runs in evaluation mode, with everything frozen, in a runner of its own, and gives
 * gradients of its inputs. What a run would change is noted when it is opened, and put back when it is closed. */
#ifndef DNNI_SEE_TRIAL_H
#define DNNI_SEE_TRIAL_H

#include <dnn/see.h>

#include "graph/copy.h"

typedef struct dnni_trial dnni_trial;

/* What is done with the output of the layer that is looked at: after its forward; and before its backward, when its
 * gradient is complete and may be written over. */
typedef dnn_status dnni_trial_step(dnni_trial *trial, const dnn_array *array);

struct dnni_trial {
    dnn_context *ctx;
    dnni_pool pool;
    dnn_module *module;
    const dnni_index *index;
    dnni_module_note note;
    dnni_runner *runner;
    int32_t n_outputs;
    const dnn_tensor **outputs; /* of the last forward, lent */
    dnn_tensor *dy;             /* dL/d outputs[0]; zeros, for those who begin elsewhere */
    const char *layer;          /* NULL: none is looked at */
    int64_t step;               /* of its last run; -1: it has not run */
    dnni_trial_step *seen, *turn; /* NULL: nothing */
    bool turned;                /* its backward was met */
    const char *last_map;       /* that a forward has met */
    void *user;
};

/* On failure dnni_trial_close is still due. */
dnn_status dnni_trial_open(dnni_trial *trial, dnn_module *module);
void dnni_trial_close(dnni_trial *trial);

/* Looks at a layer from now on: NOT_FOUND, UNSUPPORTED if that cannot be. */
dnn_status dnni_trial_look_at(dnni_trial *trial, const char *layer);
dnn_status dnni_trial_never_ran(const dnni_trial *trial); /* the error that it is if a forward does not meet it */

/* One input, to the outputs; then from dy to the input's gradient, lent. The first forward makes dy. */
dnn_status dnni_trial_forward(dnni_trial *trial, const dnn_tensor *x);
dnn_status dnni_trial_backward(dnni_trial *trial, const dnn_tensor **dx);

/* The layer whose output is the last map of more than one place, when x goes in; "" if there is none. */
dnn_status dnni_trial_last_map(dnni_trial *trial, const dnn_tensor *x, const char **layer);

/* SHAPE, DTYPE unless these are images that the module can take: (N, H, W, C), each at least 1, float32 or float64. */
dnn_status dnni_check_images(const dnn_module *module, const dnn_tensor *images, const char *name);

/* The class of each of n samples: what the caller gave, or of the largest score in y (n, …, C). */
dnn_status dnni_choose_classes(int64_t *chosen, const dnn_array *y, int64_t n, const int64_t *classes,
                               int64_t n_classes);

/* The sum over places of y[sample, …, c]. */
double dnni_class_score(const dnn_array *y, int64_t sample, int64_t c);

/* The last axis; what lies between it and the first. SHAPE unless y is (n, …, C) of floats. */
dnn_status dnni_check_scores(const dnn_array *y, int64_t n);
static inline int64_t dnni_last(const dnn_array *a) { return a->dims[a->rank - 1]; }
static inline int64_t dnni_places(const dnn_array *a) { return dnni_product(a->dims, 1, a->rank - 1); }

#endif
