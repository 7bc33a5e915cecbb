/* Asking and telling. */
#include <math.h>
#include <string.h>

#include "search/search.h"

/* ---- making ---- */

static void destroy_search(void *object) {
    dnn_search *s = object;
    dnn_context *ctx = s->base.ctx;
    dnni_folder_close(s);
    dnni_space_free(s);
    dnni_free(ctx, s->trials, s->trials_capacity, sizeof *s->trials);
    dnni_free(ctx, s->results, s->results_capacity, sizeof *s->results);
    dnni_free(ctx, s->places, s->places_capacity, sizeof *s->places);
    dnni_free(ctx, s->hashes, s->hashes_capacity, sizeof *s->hashes);
    dnni_free(ctx, s->numbers, s->numbers_capacity, sizeof *s->numbers);
    dnni_free_string(ctx, (char *)(uintptr_t)s->desc.folder);
}

static dnn_status check_trials(dnn_search_desc *d) {
    DNNI_REQUIRE(d->method == DNN_SEARCH_RANDOM || d->method == DNN_SEARCH_GRID, "desc.method is %d, which is none",
                 (int)d->method);
    bool grid = d->method == DNN_SEARCH_GRID;
    DNNI_REQUIRE((d->trials >= 1 || (grid && d->trials == 0)) && d->trials <= DNNI_MOST_TRIALS,
                 "desc.trials is %lld: it is from 1 to %d", (long long)d->trials, DNNI_MOST_TRIALS);
    if (d->points == 0) d->points = 5;
    DNNI_REQUIRE(d->points >= 2 && d->points <= DNNI_MOST_TRIALS, "desc.points is %lld: it is at least 2",
                 (long long)d->points);
    return DNN_OK;
}

static dnn_status check_steps(dnn_search_desc *d) {
    if (d->eta == 0) d->eta = 4;
    DNNI_REQUIRE(d->max_steps >= 0, "desc.max_steps is %lld", (long long)d->max_steps);
    DNNI_REQUIRE(d->min_steps == 0 || (d->min_steps > 0 && d->min_steps < d->max_steps),
                 "desc.min_steps is %lld: it is from 1, below desc.max_steps (%lld)", (long long)d->min_steps,
                 (long long)d->max_steps);
    DNNI_REQUIRE(d->eta >= 2, "desc.eta is %lld: it is at least 2", (long long)d->eta);
    DNNI_REQUIRE(!d->promote || d->min_steps > 0, "desc.promote needs rungs: set desc.min_steps and desc.max_steps");
    return DNN_OK;
}

dnn_status dnn_search_create(dnn_search **out, dnn_context *ctx, const dnn_search_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(dnni_context_check(ctx, "ctx"));
    dnn_search_desc d;
    DNNI_TRY(DNNI_READ_DESC(d, desc, false));
    DNNI_TRY(check_trials(&d));
    DNNI_TRY(check_steps(&d));
    DNNI_REQUIRE(!d.folder || *d.folder, "desc.folder is empty");
    dnn_search *s = dnni_object_new(ctx, DNNI_SEARCH, sizeof *s, destroy_search);
    if (!s) return DNN_ERROR_MEMORY;
    s->desc = d;
    s->own = s->running = s->lock = -1;
    s->desc.folder = dnni_copy_string(ctx, d.folder);
    dnni_rungs_settle(s);
    if (d.folder && !s->desc.folder) {
        dnn_search_release(s);
        return dnni_out_of_memory();
    }
    *out = s;
    return DNN_OK;
}

dnn_status dnn_search_release(dnn_search *search) { return dnni_object_release(search, DNNI_SEARCH, "search"); }

/* ---- the next trial ---- */

/* The program goes on to another one: this is over. */
static dnn_status finish(dnn_search *s) {
    if (s->running < 0) return DNN_OK;
    if (s->told == 0)
        return dnni_error(DNN_ERROR_STATE, "trial %lld has no value: tell one, NaN if it failed",
                          (long long)s->running);
    dnni_line line = {.trial = s->running, .value = NAN, .then = DNNI_DONE};
    DNNI_TRY(dnni_worker_add(s, &line, true));
    s->running = -1;
    return DNN_OK;
}

/* The first number that has not begun, and is no repeat; -1: there is none. */
static dnn_status find_new(dnn_search *s, int64_t *trial) {
    *trial = -1;
    for (int64_t trials = dnni_space_trials(s); s->next < trials; s->next++) {
        bool repeats;
        DNNI_TRY(dnni_draw_repeats(s, s->next, &repeats));
        s->repeats += repeats;
        if (repeats || dnni_trial_state_of(dnni_trials_find(s, s->next)) != DNN_TRIAL_NONE) continue;
        *trial = s->next;
        return DNN_OK;
    }
    return DNN_OK;
}

static dnn_status choose(dnn_search *s, int64_t *trial) {
    *trial = dnni_worker_left(s);
    if (*trial < 0) *trial = dnni_rungs_promote(s);
    if (*trial < 0) DNNI_TRY(find_new(s, trial));
    if (*trial < 0) return DNN_END;
    const dnni_trial *t = dnni_trials_find(s, *trial);
    dnni_line line = {.trial = *trial, .step = t ? t->paused : 0, .value = NAN, .then = DNNI_BEGIN};
    return dnni_worker_add(s, &line, true);
}

static dnn_status choose_among_all(dnn_search *s, int64_t *trial) {
    DNNI_TRY(dnni_worker_join(s));
    DNNI_TRY(dnni_worker_read_all(s));
    return choose(s, trial);
}

dnn_status dnn_search_next(dnn_search *search, int64_t *trial) {
    dnn_search *s = search;
    DNNI_TRY(dnni_check_search(s));
    DNNI_REQUIRE(trial, "trial is NULL");
    *trial = -1;
    int64_t chosen;
    DNNI_TRY(dnni_folder_open(s));
    DNNI_TRY(finish(s));
    DNNI_TRY(dnni_folder_lock(s));
    dnn_status status = choose_among_all(s, &chosen);
    dnni_folder_unlock(s);
    if (status != DNN_OK) return status;
    *trial = s->running = chosen;
    s->told = 0;
    return DNN_OK;
}

/* ---- values ---- */

static dnn_status find_range(const dnn_search *s, int64_t trial, const char *name, int64_t *range) {
    DNNI_TRY(dnni_check_search(s));
    DNNI_REQUIRE(name, "name is NULL");
    for (*range = 0; *range < s->n_ranges && strcmp(s->ranges[*range].name, name) != 0;) ++*range;
    if (*range == s->n_ranges) return dnni_error(DNN_ERROR_NOT_FOUND, "no parameter is called \"%.63s\"", name);
    int64_t end = s->desc.method == DNN_SEARCH_GRID ? dnni_space_trials(s) : DNNI_MOST_TRIALS;
    DNNI_REQUIRE(trial >= 0 && trial < end, "trial is %lld: it is from 0 to %lld", (long long)trial,
                 (long long)end - 1);
    return DNN_OK;
}

double dnn_search_value(const dnn_search *search, int64_t trial, const char *name) {
    int64_t k;
    return find_range(search, trial, name, &k) == DNN_OK ? dnni_draw(search, trial, k) : (double)NAN;
}

const char *dnn_search_chosen(const dnn_search *search, int64_t trial, const char *name) {
    int64_t k;
    if (find_range(search, trial, name, &k) != DNN_OK) return NULL;
    const dnni_range *r = &search->ranges[k];
    if (r->kind == DNNI_CHOICE) return r->choices[(int64_t)dnni_draw(search, trial, k)];
    dnni_error(DNN_ERROR_ARGUMENT, "%s is a number, no choice: dnn_search_value", name);
    return NULL;
}

/* ---- telling ---- */

static dnn_status check_tell(const dnn_search *s, int64_t trial, int64_t step, const int32_t *go_on) {
    DNNI_TRY(dnni_check_search(s));
    DNNI_REQUIRE(go_on, "go_on is NULL");
    if (s->running < 0 || s->running != trial)
        return dnni_error(DNN_ERROR_STATE, "trial %lld is not running here: dnn_search_next gives the one to run",
                          (long long)trial);
    DNNI_REQUIRE(step >= 1 && step > s->told, "step is %lld, behind step %lld of trial %lld: steps rise, from 1",
                 (long long)step, (long long)s->told, (long long)trial);
    return DNN_OK;
}

static dnn_status tell(dnn_search *s, int64_t step, double value, dnni_verdict *then) {
    const dnni_trial *t = dnni_trials_find(s, s->running);
    bool at_rung = t->rungs < s->n_rungs && s->rungs[t->rungs] <= step;
    if (at_rung) DNNI_TRY(dnni_worker_read_all(s));
    t = dnni_trials_find(s, s->running); /* others may have come before it */
    *then = dnni_rungs_judge(s, t, step, value);
    dnni_line line = {.trial = s->running, .step = step, .value = value, .then = *then};
    return dnni_worker_add(s, &line, at_rung || *then != DNNI_GO_ON);
}

dnn_status dnn_search_tell(dnn_search *search, int64_t trial, int64_t step, double value, int32_t *go_on) {
    dnn_search *s = search;
    DNNI_TRY(check_tell(s, trial, step, go_on));
    dnni_verdict then = DNNI_GO_ON;
    bool known = isfinite(value) && step <= dnni_trials_find(s, trial)->steps;
    if (!known) DNNI_TRY(tell(s, step, isfinite(value) ? value : NAN, &then));
    s->told = step;
    *go_on = then == DNNI_GO_ON;
    if (then != DNNI_GO_ON) s->running = -1;
    return DNN_OK;
}

/* ---- looking ---- */

static dnn_status look(dnn_search *s) {
    DNNI_TRY(dnni_check_search(s));
    DNNI_TRY(dnni_folder_open(s));
    return dnni_worker_read_all(s);
}

int64_t dnn_search_trials(dnn_search *search) {
    int64_t end = 0;
    if (look(search) != DNN_OK) return -1;
    for (int64_t i = 0; i < search->n_trials; i++)
        if (search->trials[i].number >= end) end = search->trials[i].number + 1;
    return end;
}

dnn_status dnn_search_trial(dnn_search *search, int64_t trial, dnn_trial_info *info) {
    DNNI_TRY(look(search));
    DNNI_REQUIRE(trial >= 0, "trial is %lld", (long long)trial);
    const dnni_trial *t = dnni_trials_find(search, trial);
    dnn_trial_info full = {.state = dnni_trial_state_of(t), .steps = t ? t->steps : 0,
                           .value = t ? t->value : (double)NAN};
    return dnni_give(info, &full, sizeof full, "info");
}

dnn_status dnn_search_best(dnn_search *search, int64_t *trial) {
    DNNI_TRY(dnni_check_search(search));
    DNNI_REQUIRE(trial, "trial is NULL");
    *trial = -1;
    DNNI_TRY(look(search));
    const dnni_trial *best = NULL;
    for (int64_t i = 0; i < search->n_trials; i++) {
        const dnni_trial *t = &search->trials[i];
        if (!isnan(t->value) && (!best || dnni_search_better(search, t->value, best->value))) best = t;
    }
    if (!best) return dnni_error(DNN_ERROR_NOT_FOUND, "no trial has a value yet");
    *trial = best->number;
    return DNN_OK;
}
