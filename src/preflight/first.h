/* The check of the first loss: what its files share. */
#ifndef DNNI_PREFLIGHT_FIRST_H
#define DNNI_PREFLIGHT_FIRST_H

#include <dnn/monitor.h>

#include "clone/clone.h"
#include "preflight/flight.h"

typedef struct first_loss {
    preflight *flight;
    dnni_clone clone;
    bool only_tried;        /* nothing is said of a loss that can be had */
    bool fits;              /* the loss takes the outputs and targets */
    int64_t classes;        /* y's last axis */
    int64_t spoilt;         /* the first batch whose loss is not finite */
    preflight_shares shares;
    double value, untrained;       /* means over the batches: of the module, of one that says nothing */
    double spread;                 /* mean variance of the rows of y */
    bool between;                  /* all outputs lie between 0 and 1, where logits are taken */
} first_loss;

/* What y holds: softmax before the loss. And whether outputs lie between 0 and 1 by chance, or by a sigmoid: tried with
 * other weights, after which the clone starts again. */
dnn_status dnni_first_look_at_outputs(first_loss *l, const dnn_array *y);
dnn_status dnni_first_look_for_sigmoid(first_loss *l);

/* The loss has refused y and the targets: why. */
dnn_status dnni_first_loss_refused(first_loss *l, dnn_status status, const dnn_array *y);

/* The number of classes, where the loss takes them. */
dnn_status dnni_first_look_at_classes(first_loss *l);

/* ReLUs that are always 0. */
dnn_status dnni_first_look_at_units(first_loss *l);

/* Parameters: frozen ones; those that no gradient reaches, or that start symmetric. The latter moves the copies. */
dnn_status dnni_first_look_at_frozen(first_loss *l);
dnn_status dnni_first_look_at_gradients(first_loss *l);

#endif
