/* The shape probe: what its parts share. */
#ifndef DNNI_CHECK_PROBE_H
#define DNNI_CHECK_PROBE_H

#include <dnn/probe.h>

#include "check/copy.h"
#include "report/report.h"

typedef struct check_probe {
    dnn_context *ctx;
    dnn_module *module;
    dnn_report *report;
    dnni_pool pool;
    const dnn_array *given; /* [n_inputs] */
    dnn_array *shapes;      /* [n_inputs]: what the module is run on */
    int32_t n_inputs;
    int64_t batch;
    uint64_t seed;
    dnni_saved_error why; /* why shapes that were tried do not work */
} check_probe;

/* Whether the module can be planned for `shapes`; the reason why not is kept. Errors: MEMORY. */
dnn_status dnni_probe_try(check_probe *p, const dnn_array *shapes, bool *runs);

/* Chooses p->shapes, as odd as the module allows, and reports what it does not. *runs: it can be run at all. */
dnn_status dnni_probe_shapes(check_probe *p, bool *runs);

/* Runs it, and reports samples that mix. */
dnn_status dnni_probe_samples(check_probe *p);

/* Where samples meet: a forward before sample `from` is exchanged, and one after. */
typedef struct check_meeting {
    dnni_pool *pool;
    int64_t batch, from;
    struct dnni_seen_step *steps, **end;
    char path[128]; /* of the first step in which another sample changes, and its type; "": none does */
} check_meeting;
dnn_status dnni_probe_before(check_meeting *m, dnn_module *module, dnn_tensor *const *inputs, int32_t n_inputs);
dnn_status dnni_probe_after(check_meeting *m, dnn_module *module, dnn_tensor *const *inputs, int32_t n_inputs);

#endif
