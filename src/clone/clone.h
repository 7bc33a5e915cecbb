/* A module with its optimizer and its loss, to experiment on. While a clone is in, all that is done to the three, by
 * public calls as well, is done to copies: of parameters, buffers, gradients, the optimizer's state and settings, what
 * the loss lends. Taken out, everything is bit for bit as it was: values, gradients (also those that wait to be
 * cleared), modes, what is frozen, counters of random numbers and of backwards, plans and what they have lent, the
 * forward that may still be followed by a backward.
 *
 *     dnni_clone c;
 *     dnn_status status = dnni_clone_open(&c, &(dnni_clone_desc){.module = net, .optimizer = opt, .loss = loss});
 *     for (int trial = 0; trial < trials && status == DNN_OK; trial++) {
 *         dnni_clone_restart(&c, seed);
 *         … dnni_clone_train(&c, x, target, &value) …
 *     }
 *     dnni_clone_close(&c);                    due also after a failure
 *
 * What may not be done meanwhile: changing the module's tree or dtype, adding groups to the optimizer, and opening a
 * clone of a module below or above this one, unless it is closed first. */
#ifndef DNNI_CLONE_H
#define DNNI_CLONE_H

#include "graph/copy.h"
#include "loss/loss_class.h"
#include "optim/aside.h"

typedef struct dnni_clone_desc {
    dnn_module *module;
    dnn_optimizer *optimizer; /* of the module, or of one below it; NULL: nothing takes steps */
    dnn_loss *loss;           /* NULL: none */
    bool fresh;      /* start from new values, as the layers declare them; otherwise from those that the module has.
                        What is frozen then, and buffers beside it, keep their values */
    bool keep_state; /* the optimizer goes on from its owner's state; otherwise it starts as a new one */
    bool no_dropout; /* dropout layers are in evaluation mode */
} dnni_clone_desc;

typedef struct dnni_clone {
    dnni_clone_desc desc;
    dnni_pool pool;
    const dnni_index *index;
    bool *drawn; /* in its order: what gets new values */
    dnni_module_note note;
    dnni_copy copy;
    dnni_optimizer_aside optimizer;
    dnni_loss_aside loss;
    bool is_in;
} dnni_clone;

/* Makes a clone, puts it in, in training mode (see dnni_clone_train_mode), at the start for seed 0. Handles have been
 * checked, and are of one context. On failure dnni_clone_close is still due.
 * Errors: MEMORY; ARGUMENT for an optimizer that steps parameters outside of the module; what the module keeps. */
dnn_status dnni_clone_open(dnni_clone *clone, const dnni_clone_desc *desc);

/* Takes it out and frees it; a zeroed one is fine. */
void dnni_clone_close(dnni_clone *clone);

/* In and out again, as often as one likes; cannot fail. While a clone is out it stays as it is. */
void dnni_clone_put_in(dnni_clone *clone);
void dnni_clone_take_out(dnni_clone *clone);

/* While it is in; cannot fail: values and buffers (fresh ones of that seed), state, rate and decays of the optimizer,
 * counters of random numbers as at the start, gradients cleared. Modes and what is frozen stay. */
void dnni_clone_restart(dnni_clone *clone, uint64_t seed);

/* Modes as the module has them; where nothing in it trains, all of it does. Less dropout, if it is to be off. */
void dnni_clone_train_mode(dnni_clone *clone);

/* The optimizer's decay, in all groups. */
void dnni_clone_set_decay(dnni_clone *clone, double weight_decay);

/* One step on a batch, from cleared gradients; *value is the loss before it. With clipping on, gradients that are not
 * finite are no error here: no step is made, and *value is NaN. */
dnn_status dnni_clone_train(dnni_clone *clone, const dnn_tensor *x, const dnn_tensor *target, double *value);

/* The loss of a batch, in evaluation mode; then the training modes are on again. Nothing else changes. `y` may be NULL;
 * it is lent as dnn_module_forward lends it. */
dnn_status dnni_clone_evaluate(dnni_clone *clone, const dnn_tensor *x, const dnn_tensor *target, double *value,
                               const dnn_tensor **y);

#endif
