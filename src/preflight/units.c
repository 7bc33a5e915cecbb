/* ReLUs that are 0 for all samples. */
#include "preflight/first.h"

#define WARN_SHARE 0.10 /* of a layer's units, zero on 1000 samples (practice) */
#define ERROR_SHARE 0.40 /* (practice) */

enum { LEAST_DEAD = 2, /* one unit of few says nothing */
       FEW = 16,       /* samples that say nothing */
       ENOUGH = 1000 };

/* One ReLU layer, each time that it is applied: its units are places on the last axis. */
typedef struct relu {
    struct relu *next;
    char *path;
    int64_t step, units;
    bool *alive;
} relu;

typedef struct {
    dnni_pool pool;
    relu *first;
} relus;

static relu *find(relus *all, const dnn_observation *o) {
    for (relu *r = all->first; r; r = r->next)
        if (r->step == o->step) return r;
    const dnn_array *y = &o->outputs[0];
    relu *r = dnni_pool_alloc(&all->pool, 1, sizeof *r);
    if (!r) return NULL;
    *r = (relu){.next = all->first, .step = o->step, .units = y->rank > 0 ? y->dims[y->rank - 1] : 1};
    r->path = dnni_pool_string(&all->pool, o->path);
    r->alive = dnni_pool_alloc(&all->pool, r->units, sizeof *r->alive);
    if (!r->path || !r->alive) return NULL;
    all->first = r;
    return r;
}

static dnn_status see(void *user, const dnn_observation *o) {
    if (strcmp(o->type, "relu") != 0) return DNN_OK;
    const dnn_array *y = &o->outputs[0];
    relu *r = find(user, o);
    if (!r) return DNN_ERROR_MEMORY;
    for (int64_t i = 0, n = dnni_count(y); i < n; i++)
        if (dnni_load(y->dtype, y->data, i) > 0) r->alive[i % r->units] = true;
    return DNN_OK;
}

static int64_t dead_of(const relu *r) {
    int64_t dead = 0;
    for (int64_t i = 0; i < r->units; i++) dead += !r->alive[i];
    return dead;
}

static double share_of(const relu *r) {
    int64_t dead = dead_of(r);
    return dead >= dnnk_min(LEAST_DEAD, r->units) ? (double)dead / (double)r->units : 0;
}

static dnn_status say_dead(first_loss *l, const relus *all) {
    const relu *worst = NULL;
    int64_t others = 0;
    double least = l->flight->n >= ENOUGH ? WARN_SHARE : ERROR_SHARE;
    for (const relu *r = all->first; r; r = r->next) {
        others += share_of(r) >= least;
        if (!worst || share_of(r) > share_of(worst)) worst = r;
    }
    if (others == 0 || l->flight->n < FEW) return DNN_OK;
    dnn_report *r = l->flight->report;
    dnn_severity severity = share_of(worst) >= ERROR_SHARE ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING;
    DNNI_TRY(dnni_report_add(r, severity, "dead-units",
                             "%lld of the %lld units of %s are 0 for all samples: no gradient reaches them.",
                             (long long)dead_of(worst), (long long)worst->units, worst->path));
    DNNI_TRY(dnni_report_how(r, "over %lld samples, in training mode; so in %lld layers at %g %% or more",
                             (long long)(preflight_batches(l->flight) * l->flight->batch), (long long)others,
                             100 * least));
    DNNI_TRY(dnni_report_set(r, worst->path));
    return dnni_report_action(r, "look for biases far below 0, inputs that are not standardised, or weights that are "
                                 "too large; a leaky ReLU cannot die");
}

static dnn_status observe(first_loss *l, relus *all) {
    for (int64_t i = 0; i < preflight_batches(l->flight); i++) {
        dnn_tensor *x, *target;
        DNNI_TRY(dnni_preflight_batch(l->flight, i, &x, &target));
        const dnn_tensor *input = x;
        dnn_status status = dnn_module_observe(l->flight->module, &input, 1, see, all);
        dnn_tensor_release(target);
        dnn_tensor_release(x);
        DNNI_TRY(status);
    }
    return say_dead(l, all);
}

dnn_status dnni_first_look_at_units(first_loss *l) {
    relus all = {.pool = {.ctx = l->flight->ctx}};
    dnn_status status = observe(l, &all);
    dnni_pool_free(&all.pool);
    return status;
}
