/* L-BFGS, in two parts: where to go (lbfgs.c), how far (lbfgs_search.c). */
#ifndef DNNI_LBFGS_H
#define DNNI_LBFGS_H

#include "optim/flat.h"
#include "optim/optimizer.h"

/* Vectors for one step: where the parameters were at its start and at that of the iteration; gradients. */
enum { DNNI_LBFGS_START, DNNI_LBFGS_FROM, DNNI_LBFGS_GRADIENTS, DNNI_LBFGS_WORK = DNNI_LBFGS_GRADIENTS + 4 };

typedef struct dnni_lbfgs {
    dnn_optimizer optimizer;
    dnn_lbfgs_desc desc; /* completed */
    dnni_flat work[DNNI_LBFGS_WORK];
    void *memory; /* of those */
    int64_t memory_bytes;
    const dnni_index *index; /* in a step: the module's, and the host's function */
    dnni_closure closure;
    void *user;
    int64_t evaluations;
} dnni_lbfgs;

/* A place on the line x + t d: the loss there, its slope along d, the gradient. */
typedef struct dnni_line_point {
    double t, loss, slope;
    dnni_flat gradient;
} dnni_line_point;

/* Puts the parameters to FROM + t d, and asks the closure for loss and gradient there. */
dnn_status dnni_lbfgs_evaluate(dnni_lbfgs *b, const dnni_flat *d, dnni_line_point *point);

/* From *point, at t = 0, whose gradient is the first of the work, to one where the strong Wolfe conditions hold
 * (Nocedal and Wright 2006, 3.5 and 3.6), or the best that `most` evaluations find, and one. t is tried first. All
 * gradients of the work are used. */
dnn_status dnni_lbfgs_search(dnni_lbfgs *b, const dnni_flat *d, double t, int64_t most, dnni_line_point *point);

#endif
