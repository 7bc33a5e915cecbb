/* The loss: whether it is finite, falls, jumps, stands still. */
#include <math.h>
#include <stdio.h>

#include "core/sort.h"
#include "core/text.h"
#include "monitor/monitor.h"

#define BETA 0.98     /* of the smoothed loss, as in fastai's range test */
#define BLOWN_UP 10.0 /* times the first loss */
enum { SAME = 50 };   /* losses of the same bits in a row */

/* ---- the last numbers ---- */

void monitor_push(monitor_ring *ring, double value) { ring->values[ring->n++ % MONITOR_LAST] = value; }

static int ascending(const void *values, uint32_t a, uint32_t b) {
    double x = ((const double *)values)[a], y = ((const double *)values)[b];
    return (x > y) - (x < y);
}

void monitor_ranks(const double *values, uint32_t *order, int64_t n, double ranks[RANKS]) {
    for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    dnni_sort(order, n, ascending, values);
    static const double shares[RANKS] = {0.25, 0.5, 0.75, 0.9, 0, 1};
    for (int r = 0; r < RANKS; r++) ranks[r] = values[order[(int64_t)(shares[r] * (double)(n - 1))]];
}

bool monitor_jumps(double value, const double ranks[RANKS]) {
    return value > 5 * ranks[HIGHEST] || value > 30 * ranks[NINE_TENTHS];
}

void monitor_ring_ranks(const monitor_ring *ring, double ranks[RANKS]) {
    uint32_t order[MONITOR_LAST];
    monitor_ranks(ring->values, order, ring->n < MONITOR_LAST ? ring->n : MONITOR_LAST, ranks);
}

/* ---- what is wrong ---- */

void monitor_not_finite(dnn_monitor *m, const char *what, double value) {
    monitor_note *note = monitor_note_of(m, NOTE_DIVERGED, DNN_SEVERITY_ERROR);
    if (!note) return;
    MONITOR_SAY(note->what, "%s is %s in step %lld", what, isnan(value) ? "NaN" : "infinite", (long long)m->steps);
    dnni_real_text first = dnni_real(m->loss.first, 4), best = dnni_real(m->loss.best, 4);
    if (isnan(m->loss.best)) MONITOR_SAY(note->how, "the loss began at %s", first.text);
    else MONITOR_SAY(note->how, "the loss began at %s, and was %s at its best", first.text, best.text);
    MONITOR_SAY(note->action, "ask dnn_autopsy which layer, weight or sample it comes from (dnn_monitor_step_n does, "
                              "if it is given the inputs); go back to the last good checkpoint, lower the rate, clip "
                              "the gradient's norm");
    monitor_send(m, NOTE_DIVERGED);
}

void monitor_diverged(dnn_monitor *m, double reference, const char *which) {
    const monitor_loss *l = &m->loss;
    monitor_note *note = monitor_note_of(m, NOTE_DIVERGED, DNN_SEVERITY_ERROR);
    if (!note) return;
    MONITOR_SAY(note->what, "the loss diverges: smoothed it is %s, %s times %s, %s", dnni_real(l->smoothed, 4).text,
                dnni_real(l->smoothed / reference, 2).text, which, dnni_real(reference, 4).text);
    MONITOR_SAY(note->how, "exponential average, β = 0.98; in its first %d steps it was %s", MONITOR_START,
                dnni_real(l->start, 4).text);
    MONITOR_SAY(note->action, "lower the rate (now %s), by 10 to begin with; clip the gradient's norm",
                dnni_real(m->figures.lr, 3).text);
    monitor_send(m, NOTE_DIVERGED);
}

/* All of the last losses are above the first: it was no lucky one, of a batch of one, say. */
static bool all_above_first(const monitor_loss *l) {
    double q[RANKS];
    if (l->last.n < MONITOR_LAST / 2) return false;
    monitor_ring_ranks(&l->last, q);
    return q[LOWEST] > l->first;
}

/* A quarter of where it began: below that, a loss that is small anyway may well move by a factor. */
static void check_divergence(dnn_monitor *m) {
    const monitor_loss *l = &m->loss;
    if (l->n <= MONITOR_BURN_IN || l->smoothed < l->start / 4) return;
    if (l->best > 0 && l->smoothed > MONITOR_DIVERGED * l->best) monitor_diverged(m, l->best, "its best");
    else if (l->first > 0 && l->smoothed > l->start && l->smoothed > BLOWN_UP * l->first && all_above_first(l))
        monitor_diverged(m, l->first, "the first one");
}

static void check_spike(dnn_monitor *m) {
    const monitor_loss *l = &m->loss;
    if (l->last.n < MONITOR_LAST / 2 || l->value <= l->start || l->start < 0) return;
    double q[RANKS];
    monitor_ring_ranks(&l->last, q);
    if (!monitor_jumps(l->value, q)) return;
    monitor_note *note = monitor_note_of(m, NOTE_LOSS_SPIKE, DNN_SEVERITY_WARNING);
    if (!note) return;
    MONITOR_SAY(note->what, "the loss jumps to %s in step %lld; the median of the last %d is %s",
                dnni_real(l->value, 4).text, (long long)m->steps, MONITOR_LAST, dnni_real(q[MEDIAN], 4).text);
    MONITOR_SAY(note->how, "nine tenths of those are below %s, all below %s; the run began at %s",
                dnni_real(q[NINE_TENTHS], 4).text, dnni_real(q[HIGHEST], 4).text, dnni_real(l->start, 4).text);
    MONITOR_SAY(note->action, "look at this step's batch (dnn_look), and clip the gradient's norm");
    monitor_send(m, NOTE_LOSS_SPIKE);
}

static bool has_fallen(const monitor_loss *l) { return l->start - l->smoothed > 0.1 * fabs(l->start); }

/* Losses of small batches may lie so far apart that where they began cannot be told from where they are. */
static bool can_tell(const monitor_loss *l) {
    double q[RANKS];
    if (l->last.n == 0) return false;
    monitor_ring_ranks(&l->last, q);
    return q[UPPER] - q[LOWER] <= 0.5 * fabs(l->start);
}

bool monitor_has_not_learned(const monitor_loss *l) { return !has_fallen(l) && can_tell(l); }

static monitor_note *stuck(dnn_monitor *m) {
    monitor_note *note = monitor_note_of(m, NOTE_LOSS_STUCK, DNN_SEVERITY_WARNING);
    if (note)
        MONITOR_SAY(note->action, "compare the rate with dnn_tune_range's; check what gets a gradient (dnn_preflight). "
                                  "If the network was trained before, this is where it stands");
    return note;
}

static void check_same(dnn_monitor *m) {
    const monitor_loss *l = &m->loss;
    if (l->same != SAME || has_fallen(l)) return;
    monitor_note *note = stuck(m);
    if (!note) return;
    MONITOR_SAY(note->what, "the loss has been exactly %s for %d steps", dnni_real(l->value, 6).text, SAME);
    monitor_send(m, NOTE_LOSS_STUCK);
}

void monitor_loss_window(dnn_monitor *m) {
    const monitor_loss *l = &m->loss;
    if (m->steps < m->patience || l->n <= MONITOR_BURN_IN || m->notes[NOTE_DIVERGED].times > 0) return;
    if (l->start - l->best > 0.02 * fabs(l->start) || !can_tell(l)) return;
    monitor_note *note = stuck(m);
    if (!note) return;
    MONITOR_SAY(note->what, "the loss has not moved in %lld steps: it began at %s, and is %s now", (long long)m->steps,
                dnni_real(l->start, 4).text, dnni_real(l->smoothed, 4).text);
    MONITOR_SAY(note->how, "the mean of the first %d steps beside the smoothed loss, whose best is %s", MONITOR_START,
                dnni_real(l->best, 4).text);
    monitor_send(m, NOTE_LOSS_STUCK);
}

/* ---- a step ---- */

static void smooth(monitor_loss *l, double loss) {
    l->same = l->n > 0 && loss == l->value ? l->same + 1 : 1;
    l->value = loss;
    if (l->n++ == 0) l->first = loss;
    if (l->n <= MONITOR_START) l->start += (loss - l->start) / (double)l->n;
    l->sum = BETA * l->sum + (1 - BETA) * loss;
    l->weight = BETA * l->weight + (1 - BETA);
    l->smoothed = l->sum / l->weight;
    if (l->n >= MONITOR_BURN_IN) l->best = fmin(l->best, l->smoothed); /* NaN gives way */
}

void monitor_loss_step(dnn_monitor *m, double loss) {
    monitor_loss *l = &m->loss;
    m->figures.loss = loss;
    if (!isfinite(loss)) {
        monitor_not_finite(m, "the loss", loss);
        return;
    }
    smooth(l, loss);
    m->figures.smoothed = l->smoothed;
    m->figures.best = l->best;
    check_divergence(m);
    check_spike(m);
    check_same(m);
    monitor_push(&l->last, loss);
}
