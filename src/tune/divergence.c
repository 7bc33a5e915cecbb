/* The distance to divergence: how far the optimizer's rate is from the lowest at which training diverges. */
#include <math.h>

#include "tune/bench.h"

enum { MOST_RUNS = 200 };

#define APART 4.0   /* rates that are looked at before the bisection */
#define LOWEST 1e-9 /* of the optimizer's rate: no run below that */
#define START 1e-4  /* where the search begins if the optimizer's rate is 0 */

/* Findings. All are our choice: Adam at 3e-4 and 1e-3 and SGD at 0.1 pass on networks that suit them, also on small
 * ones, which learn little in so few steps at any rate; a hundredth of that does not. */
#define TOO_NEAR 2.0
#define FAR_BELOW 100.0
#define FAR_FROM_GOOD 100.0
#define GOOD 0.5     /* a rate at which the loss falls so far beside the best; over few steps the best itself is high */
#define NOTICED 0.05 /* of the first loss: less of a fall says nothing */

typedef struct {
    tune_parts parts;
    double high, precision;
    tune_bench bench;
    dnn_report *report;
    tune_outcome runs[MOST_RUNS]; /* in the order in which they were made; the first is at the optimizer's rate */
    int64_t n;
    dnn_tune_divergence_result result;
} search;

/* ---- the runs ---- */

static dnn_status run_at(search *s, double rate, bool *diverged) {
    tune_outcome *o = &s->runs[s->n];
    DNNI_TRY(dnni_tune_try(&s->bench, rate, o, NULL));
    s->n++;
    *diverged = o->diverged;
    if (o->diverged) s->result.diverges = fmin(s->result.diverges, rate);
    return DNN_OK;
}

/* From a rate at which training holds, up. */
static dnn_status go_up(search *s, double rate) {
    bool diverged = false;
    while (!diverged && s->n < MOST_RUNS / 2) {
        s->result.holds = rate;
        if (rate >= s->high) return DNN_OK;
        rate = fmin(rate * APART, s->high);
        DNNI_TRY(run_at(s, rate, &diverged));
    }
    return DNN_OK;
}

/* From one at which it diverges, down. */
static dnn_status go_down(search *s, double rate) {
    double lowest = rate * LOWEST;
    bool diverged = true;
    while (diverged && rate / APART >= lowest && s->n < MOST_RUNS / 2) {
        rate /= APART;
        DNNI_TRY(run_at(s, rate, &diverged));
    }
    if (!diverged) s->result.holds = rate;
    return DNN_OK;
}

static dnn_status bisect(search *s) {
    double low = s->result.holds, high = s->result.diverges;
    while (low > 0 && isfinite(high) && high / low > s->precision && s->n < MOST_RUNS) {
        double middle = sqrt(low * high);
        bool diverged;
        DNNI_TRY(run_at(s, middle, &diverged));
        if (diverged) high = middle;
        else low = middle;
    }
    s->result.holds = low;
    return DNN_OK;
}

static const tune_outcome *best_of(const search *s) {
    const tune_outcome *best = NULL;
    for (int64_t i = 0; i < s->n; i++)
        if (!s->runs[i].diverged && (!best || s->runs[i].end < best->end)) best = &s->runs[i];
    return best;
}

static dnn_status run(search *s) {
    double start = s->bench.rate > 0 ? s->bench.rate : START;
    bool diverged;
    s->high = fmax(s->high, start);
    s->result.rate = s->bench.rate;
    s->result.diverges = INFINITY;
    DNNI_TRY(run_at(s, start, &diverged));
    DNNI_TRY(diverged ? go_down(s, start) : go_up(s, start));
    DNNI_TRY(bisect(s));
    const tune_outcome *best = best_of(s);
    s->result.best = best ? best->rate : (double)NAN;
    return DNN_OK;
}

/* ---- what it says ---- */

/* How far below divergence the optimizer's rate is: "1.54", "150", "85000". */
static dnni_real_text times(const dnn_tune_divergence_result *r) {
    double distance = r->diverges / r->rate;
    if (!(distance >= 100) || isinf(distance)) return dnni_real(distance, 3);
    double unit = pow(10, floor(log10(distance)) - 1);
    return dnni_real(round(distance / unit) * unit, 15);
}

static dnn_status tell_too_high(search *s) {
    const dnn_tune_divergence_result *r = &s->result;
    bool at_once = r->diverges <= r->rate;
    if (at_once)
        DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_ERROR, "rate-too-high",
                                 "training diverges at the optimizer's rate, %s: it holds up to %s",
                                 TUNE_REAL(r->rate), TUNE_REAL(r->holds)));
    else
        DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_WARNING, "rate-too-high",
                                 "training diverges at %s; the optimizer's rate, %s, is only %s times below that",
                                 TUNE_REAL(r->diverges), TUNE_REAL(r->rate), times(r).text));
    DNNI_TRY(dnni_report_how(s->report, "runs of %lld steps on batches of %lld, from where the module is now",
                             (long long)s->parts.steps, (long long)s->parts.batch_size));
    if (r->holds == 0) return dnni_report_action(s->report, "no rate helps: look at the loss and the data first");
    return dnni_report_action(s->report, "take %s or less, or warm up to it (dnn_schedule_create), or clip gradients "
                              "(dnn_optimizer_clip_norm)", TUNE_REAL(r->holds / TOO_NEAR));
}

/* The lowest rate that is good; NULL: the loss falls at none. */
static const tune_outcome *lowest_good(const search *s) {
    const tune_outcome *best = best_of(s), *lowest = best;
    double fall = best ? best->first - best->end : 0;
    if (!best || fall <= NOTICED * fabs(best->first)) return NULL;
    for (int64_t i = 0; i < s->n; i++)
        if (s->runs[i].first - s->runs[i].end >= GOOD * fall && s->runs[i].rate < lowest->rate) lowest = &s->runs[i];
    return lowest;
}

static dnn_status tell_too_low(search *s) {
    const dnn_tune_divergence_result *r = &s->result;
    const tune_outcome *own = &s->runs[0], *good = lowest_good(s);
    if (!good || r->diverges < FAR_BELOW * r->rate || good->rate < FAR_FROM_GOOD * r->rate) return DNN_OK;
    if (isfinite(r->diverges))
        DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_WARNING, "rate-too-low",
                                 "training diverges at %s only: the optimizer's rate, %s, is %s times below that",
                                 TUNE_REAL(r->diverges), TUNE_REAL(r->rate), times(r).text));
    else
        DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_WARNING, "rate-too-low",
                                 "the optimizer's rate is %s, and even at %s training does not diverge",
                                 TUNE_REAL(r->rate), TUNE_REAL(r->holds)));
    DNNI_TRY(dnni_report_how(s->report, "after %lld steps the loss is %s; at a rate of %s it is %s",
                             (long long)s->parts.steps, TUNE_REAL(own->end), TUNE_REAL(good->rate),
                             TUNE_REAL(good->end)));
    return dnni_report_action(s->report, "try %s, and what is between the two", TUNE_REAL(good->rate));
}

static dnn_status tell(search *s) {
    const dnn_tune_divergence_result *r = &s->result;
    if (r->diverges < TOO_NEAR * r->rate) return tell_too_high(s);
    DNNI_TRY(tell_too_low(s));
    if (isfinite(r->diverges)) return DNN_OK;
    DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_NOTE, "never-diverges",
                             "training does not diverge within %lld steps at any rate up to %s",
                             (long long)s->parts.steps, TUNE_REAL(r->holds)));
    return dnni_report_action(s->report, "try more steps or higher rates (desc.steps, desc.high)");
}

static void write_table(dnni_writer *w, const void *what) {
    const search *s = what;
    const dnn_tune_divergence_result *r = &s->result;
    if (r->diverges > r->rate && isfinite(r->diverges))
        dnni_write(w, "training diverges at %s; the optimizer's rate is %s: %s times below\n\n", TUNE_REAL(r->diverges),
                   TUNE_REAL(r->rate), times(r).text);
    dnni_write(w, "%10s %12s\n", "rate", "loss");
    double before = 0;
    for (int64_t k = 0; k < s->n; k++) {
        const tune_outcome *next = NULL;
        for (int64_t i = 0; i < s->n; i++)
            if (s->runs[i].rate > before && (!next || s->runs[i].rate < next->rate)) next = &s->runs[i];
        if (!next) return;
        dnni_write(w, "%10s %12s%s\n", TUNE_REAL(next->rate),
                   next->diverged ? "diverged" : dnni_real(next->end, 5).text,
                   next->rate == s->result.rate ? "  the optimizer's" : "");
        before = next->rate;
    }
}

static dnn_status add_figures(search *s) {
    const dnn_tune_divergence_result *r = &s->result;
    DNNI_TRY(dnn_report_add_figure(s->report, "diverges at", r->diverges, "the lowest rate that was seen to"));
    DNNI_TRY(dnn_report_add_figure(s->report, "rate", r->rate, "the optimizer's"));
    DNNI_TRY(dnn_report_add_figure(s->report, "distance", r->diverges / r->rate, "times below"));
    DNNI_TRY(dnn_report_add_figure(s->report, "falls fastest at", r->best, "of the rates that were tried"));
    char *text = dnni_written(&s->bench.pool, write_table, s);
    return text ? dnn_report_add_section(s->report, "the runs, by rate", text, NULL) : DNN_ERROR_MEMORY;
}

/* ---- the whole ---- */

static int64_t likely_steps(const search *s) { return 12 * s->parts.seeds * s->parts.steps; }

static dnn_status measure(search *s) {
    DNNI_TRY(dnni_tune_open(&s->bench, &s->parts, "distance to divergence", likely_steps(s)));
    DNNI_TRY(run(s));
    DNNI_TRY(tell(s));
    return add_figures(s);
}

static dnn_status read_desc(search *s, const dnn_tune_divergence_desc *desc) {
    dnn_tune_divergence_desc d;
    tune_parts *p = &s->parts;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    s->high = dnni_or_default(d.high, 100);
    s->precision = dnni_or_default(d.precision, 1.1);
    p->steps = d.steps ? d.steps : 50;
    p->least_steps = 2;
    p->batch_size = d.batch_size ? d.batch_size : TUNE_BATCH;
    p->seeds = d.seeds ? d.seeds : 1;
    p->seed = d.seed;
    p->fresh = d.fresh != 0;
    p->progress = d.progress;
    DNNI_REQUIRE(isfinite(s->high) && s->high > 0, "desc.high is %g, it must be above 0 and finite", s->high);
    DNNI_REQUIRE(s->precision >= 1.0001, "desc.precision is %g, it must be above 1 (1.0001 at least)", s->precision);
    return dnni_tune_check(p);
}

dnn_status dnn_tune_divergence(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                               dnn_dataset *data, const dnn_tune_divergence_desc *desc,
                               dnn_tune_divergence_result *result) {
    DNNI_REQUIRE(report, "report is NULL");
    *report = NULL;
    search s = {.parts = {.module = module, .loss = loss, .optimizer = optimizer, .data = data}};
    DNNI_TRY(DNNI_READ_DESC(s.result, result, true));
    s.result = (dnn_tune_divergence_result){.rate = 0};
    DNNI_TRY(read_desc(&s, desc));
    DNNI_TRY(dnni_report_new(&s.report, dnni_context_of(module), "distance to divergence"));
    dnn_status status = measure(&s);
    dnni_tune_close(&s.bench);
    return dnni_tune_end(status, s.report, report, &s.result, sizeof s.result, result);
}
