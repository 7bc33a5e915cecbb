/* What is known of trials, from this process and the others. What lines say is put together in a way that does not
 * depend on the order in which files are read. */
#include <math.h>
#include <string.h>

#include "core/sort.h"
#include "search/search.h"

bool dnni_search_better(const dnn_search *s, double a, double b) {
    if (isnan(a) || isnan(b)) return !isnan(a) && isnan(b);
    return s->desc.maximise ? a > b : a < b;
}

/* ---- finding ---- */

dnni_trial *dnni_trials_find(const dnn_search *s, int64_t number) {
    int32_t place = number >= 0 && number < s->places_capacity ? s->places[number] : 0;
    return place > 0 ? &s->trials[place - 1] : NULL;
}

double *dnni_trial_results(const dnn_search *s, const dnni_trial *t) {
    return s->results + (t - s->trials) * s->n_rungs;
}

/* Room for one more, which dnni_trials_take then fills without failing. */
dnn_status dnni_trials_reserve(dnn_search *s, int64_t number) {
    dnn_context *ctx = s->base.ctx;
    if (dnni_trials_find(s, number)) return DNN_OK;
    DNNI_TRY(dnni_grow(ctx, (void **)&s->places, &s->places_capacity, number + 1, sizeof *s->places));
    DNNI_TRY(dnni_grow(ctx, (void **)&s->trials, &s->trials_capacity, s->n_trials + 1, sizeof *s->trials));
    if (s->n_rungs == 0) return DNN_OK;
    return dnni_grow(ctx, (void **)&s->results, &s->results_capacity, (s->n_trials + 1) * s->n_rungs,
                     sizeof *s->results);
}

static dnni_trial *find_or_add(dnn_search *s, int64_t number) {
    dnni_trial *t = dnni_trials_find(s, number);
    if (t) return t;
    t = &s->trials[s->n_trials++];
    *t = (dnni_trial){.number = number, .begun = -1, .value = NAN};
    s->places[number] = (int32_t)s->n_trials;
    return t;
}

/* ---- what a line says ---- */

static void take_value(dnn_search *s, dnni_trial *t, int64_t step, double value) {
    if (step <= t->steps) return; /* run again after a crash: the first result stays */
    for (double *results = dnni_trial_results(s, t); t->rungs < s->n_rungs && s->rungs[t->rungs] <= step; t->rungs++)
        results[t->rungs] = value;
    t->steps = step;
    t->value = value;
}

void dnni_trials_take(dnn_search *s, dnni_worker *worker, const dnni_line *line) {
    dnni_trial *t = find_or_add(s, line->trial);
    if (line->then == DNNI_BEGIN) {
        if (line->step > t->begun) t->begun = line->step;
        worker->current = line->trial;
        return;
    }
    if (line->step > 0) take_value(s, t, line->step, line->value);
    if (line->then == DNNI_GO_ON) return;
    if (line->then == DNNI_PAUSE && line->step > t->paused) t->paused = line->step;
    t->stopped = t->stopped || line->then == DNNI_STOP;
    t->done = t->done || line->then == DNNI_DONE;
    if (worker->current == line->trial) worker->current = -1;
}

bool dnni_trial_ended(const dnni_trial *t) { return t->stopped || t->done; }

bool dnni_trial_waits(const dnni_trial *t) { return !dnni_trial_ended(t) && t->paused > 0 && t->paused > t->begun; }

dnn_trial_state dnni_trial_state_of(const dnni_trial *t) {
    if (!t || (t->begun < 0 && t->steps == 0)) return DNN_TRIAL_NONE;
    if (t->done) return DNN_TRIAL_DONE;
    if (t->stopped) return DNN_TRIAL_STOPPED;
    return dnni_trial_waits(t) ? DNN_TRIAL_WAITING : DNN_TRIAL_RUNNING;
}

/* ---- the order ---- */

static int compare_values(const void *context, uint32_t a, uint32_t b) {
    const dnn_search *s = context;
    const dnni_trial *x = &s->trials[a], *y = &s->trials[b];
    if ((x->steps > 0) != (y->steps > 0)) return x->steps > 0 ? -1 : 1;
    if (dnni_search_better(s, x->value, y->value)) return -1;
    if (dnni_search_better(s, y->value, x->value)) return 1;
    return x->number < y->number ? -1 : 1;
}

dnn_status dnni_ranking_make(dnni_ranking *r, const dnn_search *s) {
    *r = (dnni_ranking){.search = s, .order = dnni_alloc(s->base.ctx, s->n_trials, sizeof *r->order)};
    if (!r->order) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < s->n_trials; i++) {
        r->order[i] = (uint32_t)i;
        r->told += s->trials[i].steps > 0;
        r->good += !isnan(s->trials[i].value);
    }
    dnni_sort(r->order, s->n_trials, compare_values, s);
    return DNN_OK;
}

void dnni_ranking_free(dnni_ranking *r) {
    dnni_free(r->search->base.ctx, r->order, r->search->n_trials, sizeof *r->order);
}
