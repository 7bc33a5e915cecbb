/* At the end of a window: what the tensors' means say of rates, gradients and decay. */
#include <math.h>
#include <stdio.h>

#include "core/text.h"
#include "monitor/monitor.h"

#define USUAL 1e-3 /* ‖Δw‖/‖w‖ */
#define LARGE 1e-2
#define HUGE_STEP 0.1
#define EARLY 0.05 /* in the first steps */
#define SMALL 1e-4
#define VANISHED 1e-5 /* of the largest ‖g‖/‖w‖ */

double monitor_mean_of(const monitor_mean *mean) {
    if (mean->n == 0) return (double)NAN;
    return 2 * mean->zeros > mean->n ? 0 : exp(mean->logs / (double)(mean->n - mean->zeros));
}

/* The median of ‖Δw‖/‖w‖ over the tensors that have one; NaN if none has. */
static double median_update(dnn_monitor *m, int64_t *n, const monitor_tensor **largest) {
    double most = -1, q[RANKS];
    *n = 0;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        double mean = monitor_mean_of(&m->tensors[i].updates);
        if (isnan(mean)) continue;
        m->ratios[(*n)++] = mean;
        if (mean > most) *largest = &m->tensors[i];
        most = fmax(most, mean);
    }
    if (*n == 0) return (double)NAN;
    monitor_ranks(m->ratios, m->order, *n, q);
    return q[MEDIAN];
}

static void tell_update(dnn_monitor *m, note_kind kind, double ratio, int64_t n, const monitor_tensor *largest) {
    monitor_note *note = monitor_note_of(m, kind, DNN_SEVERITY_WARNING);
    bool large = kind == NOTE_TOO_LARGE;
    if (!note) return;
    MONITOR_SAY(note->what, "weights move by %s of their size in a step, at a rate of %s; about %s is usual",
                dnni_real(ratio, 2).text, dnni_real(m->figures.lr, 3).text, dnni_real(USUAL, 1).text);
    MONITOR_SAY(note->how, "‖Δw‖/‖w‖, the median over %lld tensors of the means of the last %lld steps; most in %s: %s",
                (long long)n, (long long)dnnk_min(m->window, m->steps), largest->path,
                dnni_real(monitor_mean_of(&largest->updates), 2).text);
    if (ratio > 0)
        MONITOR_SAY(note->action, "try a rate %s times %s (dnn_tune_range shows which ones work)",
                    dnni_real(large ? ratio / USUAL : USUAL / ratio, 3).text, large ? "smaller" : "larger");
    else MONITOR_SAY(note->action, "nothing moves: is the optimizer's step called, is its rate above 0, and "
                                       "does a gradient arrive?");
    monitor_send(m, kind);
}

/* A rate that a schedule has taken down makes small steps, and is meant to. */
static bool is_small(const dnn_monitor *m, double ratio) {
    double rate = m->figures.lr;
    return rate > 0 && ratio * m->largest_rate / rate < SMALL;
}

/* A rate that is far too high does its harm at once, and often leaves a network in which nothing moves any more. */
void monitor_updates_early(dnn_monitor *m) {
    int64_t n;
    const monitor_tensor *largest = NULL;
    const monitor_loss *l = &m->loss;
    double ratio = median_update(m, &n, &largest);
    if (!(ratio > EARLY) || l->first <= 0) return;
    if (l->smoothed > MONITOR_DIVERGED * l->first) monitor_diverged(m, l->first, "the first one");
    else if (l->smoothed > 1.1 * l->first) tell_update(m, NOTE_TOO_LARGE, ratio, n, largest);
}

static void check_updates(dnn_monitor *m) {
    int64_t n;
    const monitor_tensor *largest = NULL;
    double ratio = median_update(m, &n, &largest);
    bool idle = monitor_has_not_learned(&m->loss);
    if (isnan(ratio) || m->steps < 2 * m->window || m->rose > m->steps - m->window) return;
    m->small_windows = is_small(m, ratio) && idle ? m->small_windows + 1 : 0;
    if (ratio > HUGE_STEP || (ratio > LARGE && idle)) tell_update(m, NOTE_TOO_LARGE, ratio, n, largest);
    if (m->small_windows >= 2) tell_update(m, NOTE_TOO_SMALL, ratio, n, largest);
}

/* ---- gradients ---- */

static const monitor_tensor *largest_gradient(const dnn_monitor *m, double *high) {
    const monitor_tensor *most = NULL;
    *high = 0;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        double mean = monitor_mean_of(&m->tensors[i].gradients);
        if (mean > *high) most = &m->tensors[i];
        *high = fmax(*high, mean);
    }
    return most;
}

/* The tensor with the least gradient, of those below `limit`. A sample may miss where the gradient is (in a kernel's
 * centre, which is all that meets an image of one pixel): so the whole tensor is asked, as it is in this step. */
static const monitor_tensor *vanished(const dnn_monitor *m, const dnni_index *index, double limit, double *low) {
    const monitor_tensor *least = NULL;
    *low = limit;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const monitor_tensor *t = &m->tensors[i];
        double mean = monitor_mean_of(&t->gradients);
        if (!(mean < *low) || monitor_exact_gradient(m, t, index) >= limit) continue;
        least = t;
        *low = mean;
    }
    return least;
}

static void check_vanishing(dnn_monitor *m, const dnni_index *index) {
    double low, high;
    const monitor_tensor *most = largest_gradient(m, &high), *least = vanished(m, index, VANISHED * high, &low);
    monitor_note *note = least ? monitor_note_of(m, NOTE_VANISHING, DNN_SEVERITY_WARNING) : NULL;
    if (!note) return;
    if (low > 0)
        MONITOR_SAY(note->what, "the gradient of %s vanishes: beside its weights it is %s times smaller than %s's",
                    least->path, dnni_real(high / low, 2).text, most->path);
    else MONITOR_SAY(note->what, "the gradient of %s vanishes: it is exactly 0 in most steps", least->path);
    MONITOR_SAY(note->how, "‖g‖/‖w‖, means of the last %lld steps: %s, and %s", (long long)m->window,
                dnni_real(low, 2).text, dnni_real(high, 2).text);
    MONITOR_SAY(note->action, "use ReLU for sigmoid or tanh, a norm between the layers, a way around them, or "
                              "Kaiming's starting values; freeze what is not to be trained");
    MONITOR_SAY(note->set, "%s", least->path);
    monitor_send(m, NOTE_VANISHING);
}

/* ---- decay ---- */

/* The decay's part of what moves a tensor, beside the gradient (L2, as SGD has it) or beside the whole update (as AdamW
 * has it). */
static bool decay_dominates(const monitor_tensor *t) {
    if (!t->optimizer) return false;
    const dnni_group *g = &t->optimizer->groups[t->slot->group];
    double rate = dnni_optimizer_rate(t->optimizer) * g->lr_factor;
    return g->weight_decay > monitor_mean_of(&t->gradients) ||
           rate * g->weight_decay > 0.5 * monitor_mean_of(&t->updates);
}

static bool is_crushed(const monitor_tensor *t) {
    return t->counts && t->weight < 0.9 * t->weight_before && t->weight < 0.5 * t->weight_first && decay_dominates(t);
}

static void check_decay(dnn_monitor *m) {
    const monitor_tensor *first = NULL;
    int64_t crushed = 0;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        if (!is_crushed(&m->tensors[i])) continue;
        if (crushed++ == 0) first = &m->tensors[i];
    }
    monitor_note *note = first ? monitor_note_of(m, NOTE_DECAY, DNN_SEVERITY_ERROR) : NULL;
    if (!note) return;
    double decay = first->optimizer->groups[first->slot->group].weight_decay;
    MONITOR_SAY(note->what, "weight decay of %s crushes the weights: the norm of %s fell from %s to %s",
                dnni_real(decay, 3).text, first->path, dnni_real(first->weight_first, 3).text,
                dnni_real(first->weight, 3).text);
    MONITOR_SAY(note->how,
                "%lld tensors shrank by a tenth or more in %lld steps; ‖g‖/‖w‖ is %s, ‖Δw‖/‖w‖ %s, the rate %s",
                (long long)crushed, (long long)m->window, dnni_real(monitor_mean_of(&first->gradients), 2).text,
                dnni_real(monitor_mean_of(&first->updates), 2).text, dnni_real(m->figures.lr, 3).text);
    MONITOR_SAY(note->action, "lower it: 1e-4 to 5e-4 is usual for SGD, 0.01 to 0.1 for AdamW");
    MONITOR_SAY(note->set, "%s", first->path);
    monitor_send(m, NOTE_DECAY);
}

void monitor_updates_window(dnn_monitor *m, const dnni_index *index) {
    check_updates(m);
    check_vanishing(m, index);
    check_decay(m);
    monitor_owners(m, index);
    for (int64_t i = 0; i < m->n_tensors; i++) {
        m->tensors[i].updates = m->tensors[i].gradients = (monitor_mean){0, 0, 0};
        m->tensors[i].weight_before = m->tensors[i].weight;
    }
}
