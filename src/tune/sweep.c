/* A sweep: a few rates, each for a while; the one at which the loss falls lowest. */
#include <math.h>

#include <stdio.h>

#include "tune/bench.h"

enum { MOST_RATES = 1000, MOST_LINES = 6 };
#define ROOM_ABOVE 1.5 /* for the legend; what rises further runs out of sight */

static const double usual_rates[] = {1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1};
enum { USUAL_RATES = sizeof usual_rates / sizeof *usual_rates };

typedef struct {
    tune_parts parts;
    const double *rates;
    int64_t n;
    tune_bench bench;
    dnn_report *report;
    tune_outcome *outcomes;
    double *curves; /* [n][steps] */
    int64_t best;   /* -1: all diverged */
    dnn_tune_sweep_result result;
    const char *drawing; /* of the curves */
} sweep;

/* ---- the runs ---- */

static dnn_status run(sweep *s) {
    s->outcomes = dnni_pool_alloc(&s->bench.pool, s->n, sizeof *s->outcomes);
    s->curves = dnni_pool_alloc(&s->bench.pool, s->n * s->parts.steps, sizeof *s->curves);
    if (!s->outcomes || !s->curves) return DNN_ERROR_MEMORY;
    s->best = -1;
    for (int64_t i = 0; i < s->n; i++) {
        tune_outcome *o = &s->outcomes[i];
        DNNI_TRY(dnni_tune_try(&s->bench, s->rates[i], o, s->curves + i * s->parts.steps));
        s->result.diverged += o->diverged;
        if (!o->diverged && (s->best < 0 || o->end < s->outcomes[s->best].end)) s->best = i;
    }
    s->result.first_loss = s->outcomes[0].first;
    s->result.best = s->best >= 0 ? s->rates[s->best] : (double)NAN;
    s->result.best_loss = s->best >= 0 ? s->outcomes[s->best].end : (double)NAN;
    return DNN_OK;
}

/* ---- what it says ---- */

static dnn_status tell_border(sweep *s) {
    bool lowest = s->best == 0;
    if (s->n < 2 || s->best < 0 || (!lowest && s->best < s->n - 1)) return DNN_OK;
    DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_WARNING, "best-at-border",
                             "the best rate is the %s of those tried, %s", lowest ? "smallest" : "largest",
                             TUNE_REAL(s->rates[s->best])));
    return dnni_report_action(s->report, "try %s ones too: the best may lie beyond", lowest ? "smaller" : "larger");
}

static dnn_status tell_divergence(sweep *s) {
    if (s->best >= 0) return DNN_OK;
    DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_WARNING, "no-valley",
                             "training diverges at all rates of the sweep, from %s on", TUNE_REAL(s->rates[0])));
    return dnni_report_action(s->report, "try smaller ones (desc.rates)");
}

static void write_table(dnni_writer *w, const void *what) {
    const sweep *s = what;
    dnni_write(w, "%s\n%10s %12s\n", s->drawing, "rate", "loss");
    for (int64_t i = 0; i < s->n; i++) {
        const tune_outcome *o = &s->outcomes[i];
        dnni_write(w, "%10s %12s%s\n", TUNE_REAL(o->rate), o->diverged ? "diverged" : dnni_real(o->end, 5).text,
                   i == s->best ? "  best" : "");
    }
}

static void write_json(dnni_writer *w, const void *what) {
    const sweep *s = what;
    dnni_put_open(w, NULL, '[');
    for (int64_t i = 0; i < s->n; i++) {
        dnni_put_open(w, NULL, '{');
        dnni_put_real(w, "rate", s->outcomes[i].rate);
        dnni_put_real(w, "loss", s->outcomes[i].end);
        dnni_put_bool(w, "diverged", s->outcomes[i].diverged);
        dnni_put_close(w, '}');
    }
    dnni_put_close(w, ']');
}

static dnn_status add_table(sweep *s) {
    char *text = dnni_written(&s->bench.pool, write_table, s), *json = dnni_written(&s->bench.pool, write_json, s);
    if (!text || !json) return DNN_ERROR_MEMORY;
    return dnn_report_add_section(s->report, "the loss after so many steps", text, json);
}

/* The best rate and those around it, at which training does not diverge: as many as can be told apart. */
static dnn_status draw(sweep *s) {
    char labels[MOST_LINES][40];
    dnn_series series[MOST_LINES];
    int64_t last = s->n - 1, n = 0;
    while (last > 0 && (s->outcomes[last].diverged || last > s->best + MOST_LINES / 2)) last--;
    for (int64_t i = last < MOST_LINES ? 0 : last - MOST_LINES + 1; i <= last; i++, n++) {
        snprintf(labels[n], sizeof labels[n], "%s", TUNE_REAL(s->rates[i]));
        series[n] = (dnn_series){.y = s->curves + i * s->parts.steps, .count = s->parts.steps, .label = labels[n]};
    }
    dnn_plot_desc plot = {DNN_SIZED(dnn_plot_desc), .title = "a sweep of rates", .x_label = "step",
                          .y_label = "loss, moving mean"};
    if (s->result.first_loss > 0) plot.y_high = ROOM_ABOVE * s->result.first_loss;
    return dnni_tune_plot(&s->bench, s->report, series, n, &plot, &s->drawing);
}

static dnn_status add_figures(sweep *s) {
    DNNI_TRY(dnn_report_add_figure(s->report, "best rate", s->result.best, ""));
    DNNI_TRY(dnn_report_add_figure(s->report, "first loss", s->result.first_loss, "before the first step"));
    return dnn_report_add_figure(s->report, "best loss", s->result.best_loss, "moving mean at the end, at that rate");
}

/* ---- the whole ---- */

static dnn_status measure(sweep *s) {
    DNNI_TRY(dnni_tune_open(&s->bench, &s->parts, "sweep", s->n * s->parts.seeds * s->parts.steps));
    DNNI_TRY(run(s));
    DNNI_TRY(tell_border(s));
    DNNI_TRY(tell_divergence(s));
    DNNI_TRY(add_figures(s));
    DNNI_TRY(draw(s));
    return add_table(s);
}

static dnn_status check_rates(const sweep *s) {
    for (int64_t i = 0; i < s->n; i++)
        DNNI_REQUIRE(isfinite(s->rates[i]) && s->rates[i] > (i > 0 ? s->rates[i - 1] : 0),
                     "desc.rates[%lld] is %g: rates are above 0, and ascending", (long long)i, s->rates[i]);
    return DNN_OK;
}

static dnn_status read_desc(sweep *s, const dnn_tune_sweep_desc *desc) {
    dnn_tune_sweep_desc d;
    tune_parts *p = &s->parts;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_REQUIRE(d.n_rates >= 0 && d.n_rates <= MOST_RATES && !d.rates == (d.n_rates == 0),
                 "desc.rates is %s, desc.n_rates is %lld", d.rates ? "given" : "NULL", (long long)d.n_rates);
    s->rates = d.rates ? d.rates : usual_rates;
    s->n = d.rates ? d.n_rates : USUAL_RATES;
    p->steps = d.steps ? d.steps : 100;
    p->least_steps = 2;
    p->batch_size = d.batch_size ? d.batch_size : TUNE_BATCH;
    p->seeds = d.seeds ? d.seeds : 1;
    p->seed = d.seed;
    p->fresh = d.fresh != 0;
    p->progress = d.progress;
    DNNI_TRY(check_rates(s));
    return dnni_tune_check(p);
}

dnn_status dnn_tune_sweep(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                          dnn_dataset *data, const dnn_tune_sweep_desc *desc, dnn_tune_sweep_result *result) {
    DNNI_REQUIRE(report, "report is NULL");
    *report = NULL;
    sweep s = {.parts = {.module = module, .loss = loss, .optimizer = optimizer, .data = data}};
    DNNI_TRY(DNNI_READ_DESC(s.result, result, true));
    s.result = (dnn_tune_sweep_result){.diverged = 0};
    DNNI_TRY(read_desc(&s, desc));
    DNNI_TRY(dnni_report_new(&s.report, dnni_context_of(module), "a sweep of learning rates"));
    dnn_status status = measure(&s);
    dnni_tune_close(&s.bench);
    return dnni_tune_end(status, s.report, report, &s.result, sizeof s.result, result);
}
