/* Preflight: what its checks share: the parts of the run, some of its samples, and the report. */
#ifndef DNNI_PREFLIGHT_FLIGHT_H
#define DNNI_PREFLIGHT_FLIGHT_H

#include <dnn/preflight.h>

#include <math.h>
#include <stdio.h>

#include <string.h>

#include "core/tensor.h"
#include "data/dataset.h"
#include "data/progress.h"
#include "graph/index.h"
#include "loss/loss_class.h"
#include "optim/optimizer.h"
#include "report/report.h"

typedef struct preflight {
    dnn_context *ctx;
    dnni_pool pool;
    dnn_report *report;
    dnn_module *module;
    dnn_loss *loss;           /* NULL: no check that needs one is done; so is the optimizer */
    dnn_optimizer *optimizer;
    dnn_dataset *dataset;
    dnn_preflight_desc d;     /* with defaults in place */
    int64_t batch;            /* samples in one */
    dnn_array shape;          /* of a batch of inputs */
    bool runs;                /* the module takes such a batch */
    bool loss_was_tried, fits; /* the loss takes what comes out, and its first value is finite */
    double flops;             /* of a forward, for each sample */
    dnn_tensor *x, *target;   /* n samples, in random order, as epoch 0 has them */
    int64_t n;
    double rate;              /* times the optimizer's, at which a batch was learnt by heart; 1 until that is known */
} preflight;

/* One check. What it finds goes to the report; its status is that of a check that could not be done. */
typedef dnn_status preflight_check(preflight *f);

preflight_check dnni_preflight_structure, dnni_preflight_look, dnni_preflight_scale, dnni_preflight_epochs;
preflight_check dnni_preflight_loss, dnni_preflight_gradient_check, dnni_preflight_bytes;
preflight_check dnni_preflight_overfit, dnni_preflight_baselines, dnni_preflight_rehearsal;

/* The first layer of a forward of x whose own gradients are wrong; lent by the pool; NULL: none is alone. */
dnn_status dnni_preflight_wrong_layer(preflight *f, const dnn_tensor *x, const char **path);

/* The samples of batch i of f->n / f->batch (at least one), new tensors that share their memory. */
dnn_status dnni_preflight_batch(const preflight *f, int64_t i, dnn_tensor **x, dnn_tensor **target);
static inline int64_t preflight_batches(const preflight *f) { return dnnk_max(f->n / f->batch, 1); }

/* A failure of what was tried: MEMORY stays one, anything else is an error of that name, with the last error's line as
 * its evidence. */
dnn_status dnni_preflight_refused(preflight *f, dnn_status status, const char *name, const char *what,
                                  const char *action);

/* Sets f->fits, and says why if the loss does not, unless that was done. */
dnn_status dnni_preflight_try_loss(preflight *f);

/* A note that an experiment would take too long. `what`: "The overfit ladder". */
dnn_status dnni_preflight_too_large(preflight *f, const char *what);

/* ---- the loss of constant outputs ---- */

static inline bool preflight_loss_is(const preflight *f, const char *type) {
    return strcmp(f->loss->loss_class->type, type) == 0;
}

/* What targets say of place k on y's last axis: their mean there; of labels the share of class k. In the pool. */
typedef struct preflight_shares {
    double *mean;
    int64_t places;
} preflight_shares;
dnn_status dnni_preflight_shares(preflight *f, const dnn_array *y, const dnn_tensor *target, preflight_shares *shares);

/* The loss of a constant output of y's shape: the best one that the shares know of (logarithms of the classes' shares;
 * the mean); or that of an untrained network (logits of 0; the mean). */
dnn_status dnni_preflight_constant_loss(preflight *f, const preflight_shares *shares, const dnn_array *y,
                                        const dnn_tensor *target, bool best, double *value);

#endif
