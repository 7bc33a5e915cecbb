#include "check/walk.h"

#include <math.h>

#include "rng/rng.h"

/* What one derivative costs: four forwards, and now and then a few more. */
enum { FORWARDS_EACH = 5 };

typedef struct walk {
    check_problem *problem;
    const dnn_check_desc *options;
    dnn_check_report *report;
    const char *phase;
    int64_t batch;
    check_seen seen;
    check_tensor *tensor;
    double scale; /* of its derivatives */
    dnn_check_row row;
    bool failed_along; /* a direction failed */
} walk;

/* ---- how much ---- */

static int64_t samples_of(const walk *w, const check_tensor *t) { return dnnk_min(t->count, 3 + w->options->samples); }

static void total_selected(const check_problem *p, int64_t *tensors, int64_t *elements) {
    *tensors = *elements = 0;
    for (int64_t i = 0; i < p->n_tensors; i++) {
        if (!p->tensors[i].selected) continue;
        *tensors += 1;
        *elements += p->tensors[i].count;
    }
}

static dnn_check_mode mode_for(const walk *w, const check_tensor *t) {
    if (w->options->mode != DNN_CHECK_AUTO) return w->options->mode;
    int64_t tensors, elements, affordable = w->options->budget / FORWARDS_EACH;
    total_selected(w->problem, &tensors, &elements);
    return elements <= affordable || t->count <= affordable / tensors ? DNN_CHECK_SLOW : DNN_CHECK_AUTO;
}

/* Of elements that are looked at, and of those that directions move. */
static void measure_room(walk *w, int64_t *along) {
    *along = 0;
    for (int64_t i = 0; i < w->problem->n_tensors; i++) {
        const check_tensor *t = &w->problem->tensors[i];
        if (!t->selected) continue;
        dnn_check_mode mode = mode_for(w, t);
        w->seen.room = dnnk_max(w->seen.room, mode == DNN_CHECK_SLOW ? t->count : samples_of(w, t));
        if (mode == DNN_CHECK_FAST || mode == DNN_CHECK_AUTO) *along = dnnk_max(*along, t->count);
    }
}

static dnn_status make_room(walk *w) {
    dnni_pool *pool = w->problem->pool;
    int64_t along;
    measure_room(w, &along);
    w->problem->u = dnni_pool_alloc(pool, along, sizeof(double));
    if (!w->problem->u) return DNN_ERROR_MEMORY;
    w->seen.elements = dnni_pool_alloc(pool, w->seen.room, sizeof *w->seen.elements);
    w->seen.analytic = dnni_pool_alloc(pool, w->seen.room, sizeof *w->seen.analytic);
    w->seen.numeric = dnni_pool_alloc(pool, w->seen.room, sizeof *w->seen.numeric);
    w->seen.verdicts = dnni_pool_alloc(pool, w->seen.room, sizeof *w->seen.verdicts);
    return w->seen.elements && w->seen.analytic && w->seen.numeric && w->seen.verdicts ? DNN_OK : DNN_ERROR_MEMORY;
}

/* ---- elements ---- */

static void remember(walk *w, int64_t element, const dnn_check_entry *e) {
    check_seen *s = &w->seen;
    if (s->count == s->room) return;
    s->elements[s->count] = element;
    s->analytic[s->count] = e->analytic;
    s->numeric[s->count] = e->numeric;
    s->verdicts[s->count++] = e->verdict;
}

static dnn_status check_element(walk *w, int64_t element) {
    dnn_check_entry entry;
    check_direction axis = dnni_gradcheck_axis(w->tensor, element);
    DNNI_TRY(dnni_gradcheck_entry(w->problem, &axis, w->scale, &entry));
    dnni_gradcheck_count(w->report, &w->row, &entry);
    remember(w, element, &entry);
    return DNN_OK;
}

static dnn_status check_all(walk *w) {
    for (int64_t i = 0; i < w->tensor->count; i++) DNNI_TRY(check_element(w, i));
    return DNN_OK;
}

static bool was_seen(const check_seen *s, int64_t element) {
    for (int64_t i = 0; i < s->count; i++)
        if (s->elements[i] == element) return true;
    return false;
}

static dnn_status check_samples(walk *w) {
    int64_t n = w->tensor->count, fixed[3] = {0, n / 2, n - 1};
    if (samples_of(w, w->tensor) == n) return check_all(w);
    uint64_t stream = dnni_gradcheck_stream(CHECK_SAMPLES, w->tensor->number, 0);
    for (int64_t i = 0; i < 3 + w->options->samples; i++) {
        int64_t element = i < 3 ? fixed[i]
                                : (int64_t)dnnk_random_below(w->options->seed, stream, (uint64_t)i, (uint64_t)n);
        if (!was_seen(&w->seen, element)) DNNI_TRY(check_element(w, element));
    }
    return DNN_OK;
}

/* ---- directions ---- */

/* By how much gradient and differences disagree along a direction. */
static dnn_status disagreement(check_problem *p, const check_direction *d, double *difference) {
    check_slope slope;
    bool found;
    *difference = 0;
    DNNI_TRY(dnni_gradcheck_richardson(p, d, 0, &slope, &found));
    if (found) *difference = fabs(slope.value - dnni_gradcheck_along(d, d->tensor->analytic));
    if (isnan(*difference)) *difference = (double)INFINITY;
    return DNN_OK;
}

/* Halves the set of elements that move, and goes on with the half that disagrees more, down to one element. */
static dnn_status find_element(walk *w, check_direction d) {
    while (d.last - d.first > 1) {
        check_direction left = d, right = d;
        left.last = right.first = d.first + (d.last - d.first) / 2;
        double in_left, in_right;
        DNNI_TRY(disagreement(w->problem, &left, &in_left));
        DNNI_TRY(disagreement(w->problem, &right, &in_right));
        d = in_right > in_left ? right : left;
    }
    return was_seen(&w->seen, d.first) ? DNN_OK : check_element(w, d.first);
}

static dnn_status check_direction_of(walk *w, bool gaussian, int64_t number) {
    dnn_check_entry entry;
    check_direction d = dnni_gradcheck_random(w->problem, w->tensor, gaussian, number);
    DNNI_TRY(dnni_gradcheck_entry(w->problem, &d, w->scale, &entry));
    dnni_gradcheck_count(w->report, &w->row, &entry);
    w->failed_along = entry.verdict == DNN_CHECK_FAIL;
    return w->failed_along ? find_element(w, d) : DNN_OK;
}

/* One failing direction settles it; samples then show the pattern. */
static dnn_status check_directions(walk *w) {
    w->failed_along = false;
    for (int64_t i = 0; i < w->options->pairs && !w->failed_along; i++) {
        DNNI_TRY(check_direction_of(w, false, i));
        if (!w->failed_along) DNNI_TRY(check_direction_of(w, true, i));
    }
    return w->failed_along && w->options->mode == DNN_CHECK_FAST ? check_samples(w) : DNN_OK;
}

/* ---- tensors ---- */

static dnn_check_verdict verdict_of(const dnn_check_row *row) {
    if (row->failed > 0) return DNN_CHECK_FAIL;
    return row->inconclusive > 0 || row->passed == 0 ? DNN_CHECK_INCONCLUSIVE : DNN_CHECK_PASS;
}

/* The root mean square of its gradient, or 1 % of f. */
static double scale_of(const check_problem *p, const check_tensor *t) {
    double sum = 0;
    for (int64_t i = 0; i < t->count; i++) sum += t->analytic[i] * t->analytic[i];
    double size = sqrt(sum / (double)t->count);
    return fmax(isfinite(size) ? size : 0, 0.01 * p->scale);
}

static dnn_status look_at(walk *w) {
    switch (mode_for(w, w->tensor)) {
    case DNN_CHECK_SLOW: return check_all(w);
    case DNN_CHECK_FAST: return check_directions(w);
    case DNN_CHECK_SAMPLED: return check_samples(w);
    default: DNNI_TRY(check_directions(w)); return check_samples(w);
    }
}

static dnn_status check_tensor_of(walk *w, check_tensor *t) {
    char line[256];
    w->tensor = t;
    w->scale = scale_of(w->problem, t);
    w->seen.count = 0;
    w->row = (dnn_check_row){DNN_SIZED(dnn_check_row), .path = t->path, .phase = w->phase, .elements = t->count,
                             .float32_error = t->float32_error, .hint = ""};
    DNNI_TRY(look_at(w));
    w->row.verdict = verdict_of(&w->row);
    check_evidence evidence = {t, &w->seen, w->batch};
    if (w->row.failed > 0) w->row.hint = dnni_gradcheck_hint(&evidence, line, sizeof line);
    return dnni_gradcheck_add_row(w->report, &w->row);
}

dnn_status dnni_gradcheck_walk(check_problem *p, const dnn_check_desc *options, const char *phase, int64_t batch,
                               dnn_check_report *report) {
    walk w = {.problem = p, .options = options, .report = report, .phase = phase, .batch = batch};
    DNNI_TRY(make_room(&w));
    for (int64_t i = 0; i < p->n_tensors; i++)
        if (p->tensors[i].selected) DNNI_TRY(check_tensor_of(&w, &p->tensors[i]));
    return DNN_OK;
}
