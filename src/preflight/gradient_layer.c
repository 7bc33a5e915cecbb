/* Which layer it is whose backward is wrong: each is checked alone, on what it gets in this network. */
#include <dnn/check.h>

#include "preflight/flight.h"

/* One step of a forward: its layer, and copies of its inputs. */
typedef struct step {
    struct step *next;
    char *path;
    dnn_tensor **inputs;
    int32_t n;
} step;

typedef struct {
    preflight *flight;
    step *first, **end;
} steps;

static dnn_status note(void *user, const dnn_observation *o) {
    steps *all = user;
    preflight *f = all->flight;
    step *s = dnni_pool_alloc(&f->pool, 1, sizeof *s);
    if (!s) return DNN_ERROR_MEMORY;
    *all->end = s;
    all->end = &s->next;
    s->path = dnni_pool_string(&f->pool, o->path);
    s->inputs = dnni_pool_alloc(&f->pool, o->n_inputs, sizeof *s->inputs);
    if (!s->path || !s->inputs) return DNN_ERROR_MEMORY;
    for (s->n = 0; s->n < o->n_inputs; s->n++) {
        DNNI_TRY(dnni_tensor_like(&s->inputs[s->n], f->ctx, &o->inputs[s->n]));
        int64_t bytes = dnni_bytes(&o->inputs[s->n]);
        if (bytes > 0) memcpy(s->inputs[s->n]->array.data, o->inputs[s->n].data, (size_t)bytes);
    }
    return DNN_OK;
}

/* What cannot be checked is not at fault. */
static dnn_status check_alone(const preflight *f, const step *s, bool *wrong) {
    dnn_check_report *report;
    dnn_check_figures figures = {DNN_SIZED(dnn_check_figures)};
    dnn_check_desc desc = {DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_SAMPLED, .phases = DNN_CHECK_AS_IS,
                           .skip = DNN_CHECK_NO_FLOAT32, .seed = f->d.seed};
    dnn_module *layer = dnn_module_find(f->module, s->path);
    *wrong = false;
    if (!layer) return DNN_OK; /* a step of the plan's own */
    dnn_status status = dnn_check_gradients(&report, layer, (const dnn_tensor *const *)s->inputs, s->n, &desc);
    if (status != DNN_OK) return status == DNN_ERROR_MEMORY ? status : DNN_OK;
    dnn_check_report_figures(report, &figures);
    *wrong = figures.verdict == DNN_CHECK_FAIL;
    dnn_check_report_release(report);
    return DNN_OK;
}

dnn_status dnni_preflight_wrong_layer(preflight *f, const dnn_tensor *x, const char **path) {
    steps all = {.flight = f, .end = &all.first};
    bool wrong = false;
    *path = NULL;
    dnn_status status = dnn_module_observe(f->module, &x, 1, note, &all);
    for (const step *s = all.first; s && status == DNN_OK && !wrong; s = s->next) {
        status = check_alone(f, s, &wrong);
        if (wrong) *path = s->path;
    }
    for (const step *s = all.first; s; s = s->next)
        for (int32_t i = 0; i < s->n; i++) dnn_tensor_release(s->inputs[i]);
    return status;
}
