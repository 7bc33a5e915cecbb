/* Mistakes with rates and sizes, which are seen on copies before the run, and with trials, which are seen after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mistakes/parts.h"

enum { N = 320, TESTS = 100, BATCH = 16, TRIALS = 48, TRIAL_EPOCHS = 3 };

/* ---- rates ---- */

static void start(program *p, double lr) {
    p->train = set_of(rows(p, 0, N));
    mlp(p, COLUMNS, 16, GROUPS);
    OK(dnn_cross_entropy_create(&p->loss, p->ctx, NULL));
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = lr, .momentum = 0.9)));
    load(p, BATCH, 1);
}

static void rate_too_high(program *p) {
    start(p, p->mistaken ? 5 : 0.05);
    divergence(p, BATCH);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 2);
}

static void rate_too_low(program *p) {
    start(p, p->mistaken ? 5e-5 : 0.05);
    divergence(p, BATCH);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 2);
}

/* A sweep that ends before the rates begin that are any good. */
static void sweep_beside_it(program *p) {
    const double low[] = {1e-6, 1e-5, 1e-4, 1e-3}, wide[] = {1e-4, 1e-3, 1e-2, 1e-1, 1, 10};
    dnn_report *report;
    dnn_tune_sweep_result best = {DNN_SIZED(dnn_tune_sweep_result)};
    start(p, 1e-3);
    OK(dnn_tune_sweep(&report, p->net, p->loss, p->opt, p->train,
                      DESC(dnn_tune_sweep_desc, .rates = p->mistaken ? low : wide, .n_rates = p->mistaken ? 4 : 6,
                           .batch_size = BATCH),
                      &best));
    said(p, "dnn_tune_sweep", report);
    OK(dnn_optimizer_set_lr(p->opt, best.best));
    fit(p, 2);
}

/* Pictures that are larger than the memory that there is for them. */
static void no_batch_fits(program *p) {
    dnn_report *report;
    p->train = set_of(pictures(p, 0, 64));
    cnn(p, 10);
    classify(p, 1e-3);
    load(p, BATCH, 1);
    OK(dnn_tune_batch(&report, p->net, p->loss, p->opt, p->train,
                      DESC(dnn_tune_batch_desc, .budget = p->mistaken ? 100 << 10 : 64 << 20, .untimed = 1), NULL));
    said(p, "dnn_tune_batch", report);
    if (program_worst(p) < DNN_SEVERITY_ERROR) fit(p, 1);
}

/* ---- trials ---- */

/* One trial, from new weights; its validation loss. */
static double try_rate(program *p, uint64_t seed, double lr) {
    OK(dnn_optimizer_release(p->opt));
    OK(dnn_module_release(p->net));
    OK(dnn_loader_release(p->loader));
    OK(dnn_context_seed(p->ctx, seed));
    mlp(p, COLUMNS, 16, GROUPS);
    OK(dnn_sgd_create(&p->opt, p->net, DESC(dnn_sgd_desc, .lr = lr, .momentum = 0.9)));
    load(p, BATCH, 1);
    fit(p, TRIAL_EPOCHS);
    OK(dnn_module_eval(p->net));
    return evaluate(p);
}

/* The range that is searched ends where good rates begin. */
static void search_beside_it(program *p) {
    dnn_search *search;
    dnn_report *report;
    int64_t trial;
    start(p, 0.05);
    p->test = set_of(rows(p, N, TESTS));
    OK(dnn_search_create(&search, p->ctx, DESC(dnn_search_desc, .trials = TRIALS)));
    OK(dnn_search_log_uniform(search, "lr", p->mistaken ? 1e-6 : 1e-5, p->mistaken ? 1e-3 : 10));
    while (dnn_search_next(search, &trial) == DNN_OK) {
        double lr = dnn_search_value(search, trial, "lr");
        int32_t go_on;
        OK(dnn_search_tell(search, trial, 1, try_rate(p, 1, lr), &go_on));
    }
    OK(dnn_search_report(&report, search));
    OK(dnn_search_release(search));
    said(p, "dnn_search_report", report);
}

static void keep_run(program *p, const char *folder, double lr, double decay) {
    dnn_run *run;
    OK(dnn_run_create(&run, p->ctx, folder, DESC(dnn_run_desc, .no_events = 1)));
    OK(dnn_run_set_number(run, "lr", lr));
    OK(dnn_run_set_number(run, "decay", decay));
    OK(dnn_run_add_scalar(run, "validation", 1, try_rate(p, 1, lr)));
    OK(dnn_run_end(run, DNN_OK));
    OK(dnn_run_release(run));
}

/* "The new rate is better": the decay was changed as well. */
static void two_changes(program *p) {
    char first[128], second[128];
    dnn_report *report;
    program_path(p, first, "first");
    program_path(p, second, "second");
    start(p, 0.05);
    p->test = set_of(rows(p, N, TESTS));
    keep_run(p, first, 0.05, 0);
    keep_run(p, second, 0.1, p->mistaken ? 0.01 : 0);
    OK(dnn_run_compare(&report, p->ctx, first, second));
    said(p, "dnn_run_compare", report);
}

static const mistake mistakes[] = {
    {"rate 100 times too high, before the run", "rate-too-high", "dnn_tune_divergence", "5", rate_too_high},
    {"rate 1000 times too low, before the run", "rate-too-low", "dnn_tune_divergence", NULL, rate_too_low},
    {"a sweep beside the rates that work", "best-at-border", "dnn_tune_sweep", "0.001", sweep_beside_it},
    {"a batch that no memory is there for", "batch-too-large", "dnn_tune_batch", NULL, no_batch_fits},
    {"a search beside the values that work", "best-at-border", "dnn_search_report", "lr", search_beside_it},
    {"two things changed at once", "more-than-one-change", "dnn_run_compare", NULL, two_changes},
};

MISTAKES_MAIN(mistakes)
