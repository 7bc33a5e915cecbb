/* Asynchronous successive halving (Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht, Talwalkar 2020). Rung k
 * is at min_steps · eta^k steps; the decision is made with whatever results are there. */
#include <math.h>

#include "search/search.h"

void dnni_rungs_settle(dnn_search *s) {
    int64_t step = s->desc.min_steps;
    while (step > 0 && step < s->desc.max_steps) {
        s->rungs[s->n_rungs++] = step;
        if (!dnni_mul(step, s->desc.eta, &step)) break;
    }
}

/* Whether a result at a rung is better than another: of equal ones, that of the trial with the smaller number. */
static bool is_ahead(const dnn_search *s, double a, int64_t a_number, double b, int64_t b_number) {
    if (dnni_search_better(s, a, b)) return true;
    return !dnni_search_better(s, b, a) && a_number < b_number;
}

/* Whether a trial with that result is among the best 1/eta of those that have come to the rung. Without promotion the
 * best of fewer than eta goes on: nobody would come back for it. */
static bool is_kept(const dnn_search *s, int64_t number, int32_t rung, double value) {
    int64_t n = 1, ahead = 0;
    for (int64_t i = 0; i < s->n_trials; i++) {
        const dnni_trial *t = &s->trials[i];
        if (t->number == number || t->rungs <= rung) continue;
        n++;
        ahead += is_ahead(s, dnni_trial_results(s, t)[rung], t->number, value, number);
    }
    int64_t keep = n / s->desc.eta;
    return ahead < (keep == 0 && !s->desc.promote ? 1 : keep);
}

/* Rungs that it has come to before let it through then. */
dnni_verdict dnni_rungs_judge(const dnn_search *s, const dnni_trial *t, int64_t step, double value) {
    if (!isfinite(value)) return DNNI_STOP;
    if (s->desc.max_steps > 0 && step >= s->desc.max_steps) return DNNI_DONE;
    for (int32_t rung = t->rungs; rung < s->n_rungs && s->rungs[rung] <= step; rung++)
        if (!is_kept(s, t->number, rung, value)) return s->desc.promote ? DNNI_PAUSE : DNNI_STOP;
    return DNNI_GO_ON;
}

/* ---- promotion ---- */

/* The best of those that wait at a rung; NULL: none does. */
static const dnni_trial *best_waiting(const dnn_search *s, int32_t rung) {
    const dnni_trial *best = NULL;
    for (int64_t i = 0; i < s->n_trials; i++) {
        const dnni_trial *t = &s->trials[i];
        if (t->rungs != rung + 1 || !dnni_trial_waits(t)) continue;
        double result = dnni_trial_results(s, t)[rung];
        if (!best || is_ahead(s, result, t->number, dnni_trial_results(s, best)[rung], best->number)) best = t;
    }
    return best;
}

int64_t dnni_rungs_promote(const dnn_search *s) {
    for (int32_t rung = s->n_rungs - 1; rung >= 0 && s->desc.promote; rung--) {
        const dnni_trial *t = best_waiting(s, rung);
        if (t && is_kept(s, t->number, rung, dnni_trial_results(s, t)[rung])) return t->number;
    }
    return -1;
}
