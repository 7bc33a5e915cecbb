/* The overfit ladder: can the network learn one sample by heart, one batch, a small set? Of fixed samples, without
 * dropout and decay; at the optimizer's rate, and where that fails at others. */
#include "preflight/lesson.h"
#include "preflight/names.h"

#define MOST_FLOPS 1e12      /* of one try: ten seconds */
#define PASSED 0.01          /* of the first loss (practice) */
#define SOLID 1e-4           /* of an untrained network's loss: a sample may be met by chance; own choice */
#define NO_BETTER 0.9        /* than a constant output; own choice */
#define HARDLY 1e-4          /* ‖Δw‖/‖w‖ of what does not move (practice) */

enum { STEPS = 500, LEAST_STEPS = 200, BATCH = 64, SET_BATCHES = 4, ROOMY = 10 };

static const double rates[] = {1, 10, 0.1, 100, 0.01, 1000};
enum { RATES = sizeof rates / sizeof *rates };

typedef struct rung {
    const char *what;    /* "One sample" */
    int64_t n, batch;
    bool alone;          /* batch norm in evaluation mode: one sample has no statistics */
    double floor, constant; /* the least loss that there can be; that of the best constant output */
} rung;

typedef struct ladder {
    preflight *flight;
    dnni_clone clone;
    preflight_lesson best; /* the try that came furthest */
    preflight_names still;  /* parameters that the first try has left where they were */
    double untrained;
} ladder;

/* ---- losses that one can reach ---- */

/* What smoothing leaves of a target, for several degrees of it: the loss is least at its own. */
static const double smoothings[] = {1e-9, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3};

/* Logits of which the softmax is the target, smoothed so much. */
static void fill_answer(const preflight *f, dnn_tensor *y, const dnn_array *target, double smoothing) {
    const dnn_array *a = &y->array;
    bool binary = preflight_loss_is(f, "bce_with_logits"), labels = dnni_is_label(target->dtype);
    int64_t classes = a->rank > 1 ? dnnk_max(a->dims[a->rank - 1], 1) : 1;
    for (int64_t i = 0, n = dnni_count(a); i < n; i++) {
        double t = labels ? dnni_load(target->dtype, target->data, i / classes) == (double)(i % classes)
                          : dnni_load(target->dtype, target->data, i);
        double p = (1 - smoothing) * t + smoothing / (binary ? 2 : (double)classes);
        dnni_store(a->dtype, a->data, i, binary ? log(p / (1 - p)) : log(p));
    }
}

/* Entropy of soft targets and of label smoothing; 0 for losses between numbers. */
static dnn_status find_floor(const preflight *f, const dnn_array *shape, const preflight_set *set, double *least) {
    dnn_tensor *y;
    dnn_status status = DNN_OK;
    *least = 0;
    if (!preflight_loss_is(f, "cross_entropy") && !preflight_loss_is(f, "bce_with_logits")) return DNN_OK;
    *least = INFINITY;
    DNNI_TRY(dnni_tensor_like(&y, f->ctx, shape));
    for (size_t i = 0; i < sizeof smoothings / sizeof *smoothings && status == DNN_OK; i++) {
        double value;
        fill_answer(f, y, &set->target->array, smoothings[i]);
        status = dnn_loss_evaluate(f->loss, y, set->target, &value, NULL);
        if (status == DNN_OK && value < *least) *least = value;
    }
    dnn_tensor_release(y);
    return status;
}

/* The samples of the rung are at hand: what can be reached on them. */
static dnn_status measure(ladder *l, rung *r, const preflight_set *set) {
    preflight *f = l->flight;
    preflight_set part;
    preflight_shares all, own;
    const dnn_tensor *y;
    double ignored;
    DNNI_TRY(dnni_set_slice(&part, set, 0, r->batch));
    dnn_status status = dnni_clone_evaluate(&l->clone, part.x, part.target, &ignored, &y);
    if (status == DNN_OK) status = dnni_preflight_shares(f, &y->array, f->target, &all);
    if (status == DNN_OK) status = dnni_preflight_shares(f, &y->array, part.target, &own);
    if (status == DNN_OK)
        status = dnni_preflight_constant_loss(f, &all, &y->array, part.target, false, &l->untrained);
    if (status == DNN_OK)
        status = dnni_preflight_constant_loss(f, &own, &y->array, part.target, true, &r->constant);
    if (status == DNN_OK) status = find_floor(f, &y->array, &part, &r->floor);
    dnni_set_free(&part);
    return status;
}

/* ---- what does not move ---- */

static void find_still(ladder *l) {
    const dnni_clone *c = &l->clone;
    l->still = (preflight_names){.n = 0};
    for (int64_t i = 0; i < c->index->n_parameters; i++) {
        const dnni_index_parameter *p = &c->index->parameters[i];
        const dnn_array *now = &p->parameter->value->array, *start = &c->copy.values[i]->array;
        double moved = 0, size = 0;
        for (int64_t k = 0, n = dnni_count(now); !p->is_buffer && k < n; k++) {
            double w = dnni_load(start->dtype, start->data, k);
            moved += pow(dnni_load(now->dtype, now->data, k) - w, 2);
            size += w * w;
        }
        if (!p->is_buffer && sqrt(moved) <= HARDLY * sqrt(size)) dnni_names_add(&l->still, p->path);
    }
    dnni_names_end(&l->still);
}

/* ---- climbing ---- */

static void set_modes(ladder *l, const rung *r) {
    dnni_clone_train_mode(&l->clone);
    for (int64_t i = 0; r->alone && i < l->clone.index->n_modules; i++) {
        dnn_module *m = l->clone.index->modules[i].module;
        if (strcmp(dnni_module_type(m), "batch_norm") == 0) m->training = false;
    }
}

/* The first loss is known after the first step: the goal is set from the untrained network's until then. */
static dnn_status try_rate(ladder *l, const rung *r, const preflight_set *set, double rate, int64_t steps) {
    preflight_lesson lesson = {.flight = l->flight, .clone = &l->clone, .set = set, .batch = r->batch, .rate = rate,
                               .without_decay = true, .steps = 1, .enough = 0};
    set_modes(l, r);
    DNNI_TRY(dnni_lesson_take(&lesson));
    double above = fmax(PASSED * (lesson.first - r->floor), SOLID * l->untrained);
    lesson.steps = steps;
    lesson.enough = r->floor + above;
    DNNI_TRY(dnni_lesson_take(&lesson));
    if (isnan(l->best.last) || lesson.learnt || lesson.last < l->best.last) l->best = lesson;
    return DNN_OK;
}

static dnn_status climb(ladder *l, rung *r, const preflight_set *set, double first_rate) {
    double most = MOST_FLOPS / (preflight_step_flops(l->flight, r->batch) + 1);
    int64_t steps = most < STEPS ? (int64_t)most : STEPS;
    l->best = (preflight_lesson){.last = (double)NAN};
    DNNI_TRY(measure(l, r, set));
    DNNI_TRY(try_rate(l, r, set, first_rate, steps));
    if (!l->best.learnt) find_still(l);
    for (int i = 0; i < RATES && !l->best.learnt; i++)
        if (rates[i] != first_rate) DNNI_TRY(try_rate(l, r, set, rates[i], steps));
    return DNN_OK;
}

/* ---- what it says ---- */

static dnn_status say_failed(ladder *l, const rung *r, dnn_severity severity) {
    const preflight_names *still = &l->still;
    dnn_report *report = l->flight->report;
    DNNI_TRY(dnni_report_add(report, severity, "does-not-overfit",
                             "%s cannot be learnt by heart: after %lld steps the loss is %s, from %s.", r->what,
                             (long long)l->best.taken, dnni_real(l->best.last, 4).text,
                             dnni_real(l->best.first, 4).text));
    DNNI_TRY(dnni_report_how(report, "without dropout and decay, at %d rates from 0.01 to 1000 times the optimizer's; "
                                     "a constant output has %s; %s%s",
                             RATES, dnni_real(r->constant, 4).text,
                             still->n ? "these hardly move: " : "all parameters move", still->text));
    return dnni_report_action(report, still->n ? "look at what does not move: is it frozen, dead, or cut off from the "
                                                 "loss?"
                                               : "look for an activation that bounds the outputs, or is missing "
                                                 "between layers; inputs that do not reach the output; targets that do "
                                                 "not go with them; a network that is too small");
}

static dnn_status say_rate(ladder *l, const rung *r) {
    dnn_report *report = l->flight->report;
    double rate = l->best.rate;
    if (rate == 1) return DNN_OK;
    DNNI_TRY(dnni_report_add(report, rate == 10 ? DNN_SEVERITY_NOTE : DNN_SEVERITY_WARNING,
                             rate > 1 ? "rate-too-low" : "rate-too-high",
                             "%s is learnt by heart at %s times the optimizer's rate, and not at %s.", r->what,
                             dnni_real(rate, 4).text,
                             dnni_real(dnn_optimizer_get_lr(l->flight->optimizer) / rate, 3).text));
    DNNI_TRY(dnni_report_how(report, "in %lld steps", (long long)l->best.taken));
    return dnni_report_action(report, "look for the rate by trying (tune.h)");
}

static dnn_status add_figure(ladder *l, const rung *r) {
    char name[64], note[96];
    snprintf(name, sizeof name, "overfit: %s", r->what);
    snprintf(note, sizeof note, "%s after %lld steps, from %s", l->best.learnt ? "learnt" : "not learnt",
             (long long)l->best.taken, dnni_real(l->best.first, 4).text);
    return dnn_report_add_figure(l->flight->report, name, l->best.last, note);
}

/* Whether it has room for the samples: weights enough to learn them by heart. */
static bool has_room(const ladder *l, const rung *r) {
    int64_t trained = 0;
    for (int64_t i = 0; i < l->clone.index->n_parameters; i++) {
        const dnni_parameter *p = l->clone.index->parameters[i].parameter;
        if (p->gradient && !p->frozen) trained += dnni_count(&p->value->array);
    }
    return trained >= ROOMY * r->n * dnnk_max(dnni_count(&l->flight->target->array) / l->flight->n, 1);
}

static dnn_status judge(ladder *l, const rung *r) {
    DNNI_TRY(add_figure(l, r));
    if (l->best.learnt) return r->alone ? DNN_OK : say_rate(l, r);
    bool nothing = (r->alone && has_room(l, r)) || !(l->best.last < NO_BETTER * r->constant);
    if (!nothing && !has_room(l, r)) return DNN_OK;
    return say_failed(l, r, nothing ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING);
}

static dnn_status go_up(ladder *l) {
    preflight *f = l->flight;
    int64_t batch = dnnk_min(dnnk_min(f->batch, BATCH), f->n);
    char what[32];
    snprintf(what, sizeof what, "A batch of %lld", (long long)batch);
    rung rungs[] = {{.what = "One sample", .n = 1, .batch = 1, .alone = true},
                    {.what = what, .n = batch, .batch = batch},
                    {.what = "A small set", .n = dnnk_min(SET_BATCHES * batch, f->n) / batch * batch, .batch = batch}};
    double rate = 1;
    for (int i = 0; i < 3 && rungs[i].n > (i ? rungs[i - 1].n : 0); i++) {
        preflight_set set;
        if (LEAST_STEPS * preflight_step_flops(f, rungs[i].batch) > MOST_FLOPS)
            return dnni_preflight_too_large(f, "The overfit ladder");
        DNNI_TRY(dnni_set_slice(&set, &(preflight_set){f->x, f->target, f->n}, 0, rungs[i].n));
        dnn_status status = climb(l, &rungs[i], &set, rate);
        dnni_set_free(&set);
        DNNI_TRY(status);
        if (i == 2) return add_figure(l, &rungs[i]);
        DNNI_TRY(judge(l, &rungs[i]));
        if (!l->best.learnt) return DNN_OK;
        if (i == 1) f->rate = rate = l->best.rate;
    }
    return DNN_OK;
}

dnn_status dnni_preflight_overfit(preflight *f) {
    ladder l = {.flight = f};
    dnn_status status = dnni_clone_open(&l.clone, &(dnni_clone_desc){.module = f->module, .optimizer = f->optimizer,
                                                                     .loss = f->loss, .no_dropout = true});
    if (status == DNN_OK) {
        f->module->gradient_flags = DNN_GRADIENTS_DEFAULT;
        status = go_up(&l);
    }
    dnni_clone_close(&l.clone);
    return status;
}
