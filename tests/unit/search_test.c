/* Search: what trials draw, which of them go on, what is said about them. Folders are in search_folder_test.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "rng/rng.h"
#include "support/allocator.h"

#define OK(call) assert_int_equal((call), DNN_OK)

static test_allocator memory;
static dnn_context *ctx;

static int set_up(void **state) {
    (void)state;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static dnn_search *search_of(dnn_search_desc desc) {
    dnn_search *s;
    desc.size = sizeof desc;
    if (desc.trials == 0 && desc.method == DNN_SEARCH_RANDOM) desc.trials = 40;
    OK(dnn_search_create(&s, ctx, &desc));
    return s;
}

static dnn_search *search_of_rates(dnn_search_desc desc) {
    dnn_search *s = search_of(desc);
    OK(dnn_search_log_uniform(s, "lr", 1e-5, 1));
    OK(dnn_search_log_integer(s, "width", 8, 512));
    return s;
}

/* Trains a trial that has this value at once, and tells it. */
static void run_at_once(dnn_search *s, int64_t trial, double value) {
    int32_t go_on = -1;
    OK(dnn_search_tell(s, trial, 1, value, &go_on));
    assert_int_equal(go_on, isfinite(value) ? 1 : 0);
}

/* ---- what is drawn ---- */

enum { DRAWS = 20000 };

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The largest distance of the draws' distribution from U(0, 1) (Kolmogorov, Smirnov); 1.63 / √n is passed once in a
 * hundred times. */
static void assert_uniform(double *shares, int64_t n) {
    double distance = 0, mean = 0, square = 0;
    qsort(shares, (size_t)n, sizeof *shares, compare);
    for (int64_t i = 0; i < n; i++) {
        distance = fmax(distance, fmax(fabs(shares[i] - (double)i / (double)n),
                                       fabs(shares[i] - (double)(i + 1) / (double)n)));
        mean += shares[i] / (double)n;
        square += shares[i] * shares[i] / (double)n;
    }
    assert_true(distance < 1.63 / sqrt((double)n));
    assert_true(fabs(mean - 0.5) < 3 * sqrt(1.0 / 12 / (double)n));
    assert_true(fabs(square - mean * mean - 1.0 / 12) < 0.003);
}

static void reals_have_their_distributions(void **state) {
    (void)state;
    static double shares[DRAWS];
    dnn_search *s = search_of((dnn_search_desc){.seed = 7});
    OK(dnn_search_log_uniform(s, "rate", 1e-6, 10));
    OK(dnn_search_uniform(s, "dropout", -0.25, 0.75));
    for (int64_t i = 0; i < DRAWS; i++) {
        double rate = dnn_search_value(s, i, "rate");
        assert_true(rate >= 1e-6 && rate <= 10);
        shares[i] = log(rate / 1e-6) / log(1e7);
    }
    assert_uniform(shares, DRAWS);
    for (int64_t i = 0; i < DRAWS; i++) shares[i] = dnn_search_value(s, i, "dropout") + 0.25;
    assert_uniform(shares, DRAWS);
    dnn_search_release(s);
}

/* Σ (observed - expected)² / expected, over its standard deviation above its mean. */
static double surplus(const double *counts, const double *expected, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
    return (sum - (n - 1)) / sqrt(2.0 * (n - 1));
}

static void whole_numbers_have_their_distributions(void **state) {
    (void)state;
    enum { LEAST = 2, MOST = 9, N = MOST - LEAST + 1 };
    static const char *const texts[] = {"sgd", "adam", "lion"};
    double counts[3][N] = {{0}}, expected[3][N];
    dnn_search *s = search_of((dnn_search_desc){.seed = 3});
    OK(dnn_search_integer(s, "layers", LEAST, MOST));
    OK(dnn_search_log_integer(s, "width", LEAST, MOST));
    OK(dnn_search_choice(s, "optimizer", texts, 3));
    for (int64_t i = 0; i < DRAWS; i++) {
        double choice = dnn_search_value(s, i, "optimizer");
        counts[0][(int)dnn_search_value(s, i, "layers") - LEAST]++;
        counts[1][(int)dnn_search_value(s, i, "width") - LEAST]++;
        counts[2][(int)choice]++;
        assert_string_equal(dnn_search_chosen(s, i, "optimizer"), texts[(int)choice]);
    }
    for (int k = 0; k < N; k++) {
        expected[0][k] = (double)DRAWS / N;
        expected[1][k] = DRAWS * log((k + LEAST + 0.5) / (k + LEAST - 0.5)) / log((MOST + 0.5) / (LEAST - 0.5));
        expected[2][k] = DRAWS / 3.0;
    }
    assert_true(fabs(surplus(counts[0], expected[0], N)) < 3);
    assert_true(fabs(surplus(counts[1], expected[1], N)) < 3);
    assert_true(fabs(surplus(counts[2], expected[2], 3)) < 3);
    dnn_search_release(s);
}

/* The same numbers for ever: results of earlier versions stay those of the trials that they name. (Computed from the
 * published algorithms of XXH64 and Philox, without this library.) */
static void trials_are_what_they_were(void **state) {
    (void)state;
    static const double rates[] = {0.201536, 1.01219e-05, 0.00843124}, widths[] = {11, 9, 223};
    dnn_search *s = search_of_rates((dnn_search_desc){.seed = 5}), *more = search_of((dnn_search_desc){.seed = 5});
    OK(dnn_search_uniform(more, "decay", 0, 1));
    OK(dnn_search_log_uniform(more, "lr", 1e-5, 1));
    for (int i = 0; i < 3; i++) {
        double rate = dnn_search_value(s, i, "lr"), width = dnn_search_value(s, i, "width");
        if (rate != rates[i] || width != widths[i]) fail_msg("trial %d: lr %.17g, width %.17g", i, rate, width);
        assert_true(dnn_search_value(more, i, "lr") == rates[i]); /* whatever else there is */
    }
    dnn_search_release(more);
    dnn_search_release(s);
}

static void parameters_and_seeds_do_not_move_together(void **state) {
    (void)state;
    double same = 0, names = 0, seeds = 0;
    dnn_search *s = search_of((dnn_search_desc){.seed = 1}), *t = search_of((dnn_search_desc){.seed = 2});
    OK(dnn_search_uniform(s, "a", -1, 1));
    OK(dnn_search_uniform(s, "b", -1, 1));
    OK(dnn_search_uniform(t, "a", -1, 1));
    for (int64_t i = 0; i < DRAWS; i++) {
        double a = dnn_search_value(s, i, "a");
        same += a * a;
        names += a * dnn_search_value(s, i, "b");
        seeds += a * dnn_search_value(t, i, "a");
    }
    assert_true(fabs(names / same) < 0.03 && fabs(seeds / same) < 0.03);
    dnn_search_release(t);
    dnn_search_release(s);
}

/* ---- grids and repeats ---- */

static void a_grid_has_every_combination_once(void **state) {
    (void)state;
    static const double rates[] = {0.01, 0.1, 1}, counts[] = {3, 4};
    int seen[3][2][2] = {{{0}}};
    int64_t trial, n = 0;
    dnn_search *s = search_of((dnn_search_desc){.method = DNN_SEARCH_GRID, .points = 3});
    OK(dnn_search_log_uniform(s, "lr", 0.01, 1));
    OK(dnn_search_integer(s, "layers", 3, 4));
    OK(dnn_search_choice(s, "kind", (const char *const[]){"x", "y"}, 2));
    for (; dnn_search_next(s, &trial) == DNN_OK; n++) {
        int at[2] = {0, 0};
        double rate = dnn_search_value(s, trial, "lr"), layers = dnn_search_value(s, trial, "layers");
        while (at[0] < 2 && rates[at[0]] != rate) at[0]++;
        while (at[1] < 1 && counts[at[1]] != layers) at[1]++;
        assert_true(rates[at[0]] == rate && counts[at[1]] == layers);
        assert_int_equal(trial, n);
        seen[at[0]][at[1]][(int)dnn_search_value(s, trial, "kind")]++;
        run_at_once(s, trial, rate);
    }
    assert_int_equal(n, 12);
    for (int i = 0; i < 12; i++) assert_int_equal(((int *)seen)[i], 1);
    assert_true(isnan(dnn_search_value(s, 12, "lr")));
    assert_int_equal(dnn_last_status(), DNN_ERROR_ARGUMENT);
    dnn_search_release(s);
}

/* Rounded, some points of a logarithmic grid of whole numbers fall together. */
static void a_grid_of_whole_numbers_has_none_twice(void **state) {
    (void)state;
    double widths[8];
    int64_t trial, n = 0;
    dnn_search *s = search_of((dnn_search_desc){.method = DNN_SEARCH_GRID, .points = 7});
    OK(dnn_search_log_integer(s, "width", 1, 9));
    for (; dnn_search_next(s, &trial) == DNN_OK; n++) {
        widths[n] = dnn_search_value(s, trial, "width");
        assert_true(n == 0 || widths[n] > widths[n - 1]);
        run_at_once(s, trial, 1);
    }
    assert_in_range(n, 5, 6);
    assert_true(widths[0] == 1 && widths[n - 1] == 9);
    dnn_search_release(s);
}

static void repeats_are_passed_over(void **state) {
    (void)state;
    int seen[2][3] = {{0}};
    int64_t trial, n = 0;
    dnn_search *s = search_of((dnn_search_desc){.trials = 60});
    OK(dnn_search_choice(s, "kind", (const char *const[]){"x", "y"}, 2));
    OK(dnn_search_integer(s, "layers", 1, 3));
    for (; dnn_search_next(s, &trial) == DNN_OK; n++) {
        seen[(int)dnn_search_value(s, trial, "kind")][(int)dnn_search_value(s, trial, "layers") - 1]++;
        run_at_once(s, trial, 1);
    }
    assert_int_equal(n, 6);
    for (int i = 0; i < 6; i++) assert_int_equal(((int *)seen)[i], 1);
    dnn_report *report;
    OK(dnn_search_report(&report, s));
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    OK(dnn_report_find(report, "repeated-trials", &f));
    assert_non_null(strstr(f.what, "54 trials have the values of earlier ones"));
    dnn_report_release(report);
    dnn_search_release(s);
}

/* ---- asynchronous halving, against the plainest way to say it ---- */

enum { MODEL_TRIALS = 300, MODEL_RUNGS = 8 };

typedef struct {
    const dnn_search_desc *desc;
    double results[MODEL_RUNGS][MODEL_TRIALS];
    bool at[MODEL_RUNGS][MODEL_TRIALS], waits[MODEL_RUNGS][MODEL_TRIALS];
    int n_rungs;
    int64_t steps[MODEL_RUNGS];
} model;

static void model_begin(model *m, const dnn_search_desc *desc) {
    memset(m, 0, sizeof *m);
    m->desc = desc;
    for (int64_t step = desc->min_steps; step < desc->max_steps; step *= desc->eta) m->steps[m->n_rungs++] = step;
}

static bool model_ahead(const model *m, int rung, int64_t a, int64_t b) {
    double sign = m->desc->maximise ? -1 : 1, x = sign * m->results[rung][a], y = sign * m->results[rung][b];
    return x != y ? x < y : a < b;
}

/* Sorts those at the rung, and sees whether the trial is in the first n / eta. */
static bool model_is_kept(const model *m, int rung, int64_t trial) {
    int64_t order[MODEL_TRIALS], n = 0;
    for (int64_t t = 0; t < MODEL_TRIALS; t++) {
        if (!m->at[rung][t]) continue;
        int64_t at = n++;
        for (; at > 0 && model_ahead(m, rung, t, order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = t;
    }
    int64_t keep = n / m->desc->eta;
    if (keep == 0 && !m->desc->promote) keep = 1;
    for (int64_t i = 0; i < keep; i++)
        if (order[i] == trial) return true;
    return false;
}

/* Failures count as results that are worse than all. */
static double model_result(const model *m, double value) {
    return isfinite(value) ? value : m->desc->maximise ? -INFINITY : INFINITY;
}

static bool model_tell(model *m, int64_t trial, int64_t before, int64_t step, double value) {
    bool go_on = isfinite(value) && step < m->desc->max_steps;
    int last = -1;
    for (int rung = 0; rung < m->n_rungs; rung++) {
        if (m->steps[rung] <= before || m->steps[rung] > step) continue;
        m->results[rung][trial] = model_result(m, value);
        m->at[rung][trial] = true;
        go_on = go_on && model_is_kept(m, rung, trial);
        last = rung;
    }
    if (last >= 0 && !go_on && isfinite(value)) m->waits[last][trial] = true;
    return go_on;
}

static int64_t model_next(model *m, int64_t *fresh) {
    for (int rung = m->n_rungs - 1; rung >= 0 && m->desc->promote; rung--)
        for (int64_t t = 0; t < MODEL_TRIALS; t++) {
            if (!m->waits[rung][t] || !model_is_kept(m, rung, t)) continue;
            bool best = true;
            for (int64_t other = 0; other < MODEL_TRIALS; other++)
                if (m->waits[rung][other] && model_ahead(m, rung, other, t)) best = false;
            if (!best) continue;
            m->waits[rung][t] = false;
            return t;
        }
    return *fresh < m->desc->trials ? (*fresh)++ : -1;
}

/* A loss that falls, with noise; some trials fail, some are equal. */
static double loss_at(int64_t trial, int64_t step, uint64_t seed) {
    double floor = dnnk_random_uniform(seed, 1, (uint64_t)trial), noise = dnnk_random_uniform(seed, 2 + (uint64_t)step, (uint64_t)trial);
    if (noise < 0.01) return NAN;
    return round(20 * (floor + noise / (double)step)) / 20;
}

static void assert_as_the_model(dnn_search_desc desc, int64_t stride, uint64_t seed) {
    static model m;
    static int64_t told[MODEL_TRIALS];
    int64_t trial, fresh = 0, wanted;
    dnn_search *s = search_of(desc);
    OK(dnn_search_uniform(s, "x", 0, 1));
    model_begin(&m, &desc);
    memset(told, 0, sizeof told);
    while ((wanted = model_next(&m, &fresh)) >= 0) {
        OK(dnn_search_next(s, &trial));
        assert_int_equal(trial, wanted);
        dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
        OK(dnn_search_trial(s, trial, &info));
        assert_int_equal(info.steps, told[trial]);
        for (int32_t go_on = 1; go_on;) {
            int64_t step = told[trial] + stride;
            double value = loss_at(trial, step, seed);
            bool expected = model_tell(&m, trial, told[trial], step, value);
            OK(dnn_search_tell(s, trial, step, value, &go_on));
            if (go_on != expected) fail_msg("trial %d, step %d: %d", (int)trial, (int)step, go_on);
            told[trial] = step;
        }
    }
    assert_int_equal(dnn_search_next(s, &trial), DNN_END);
    assert_int_equal(trial, -1);
    dnn_search_release(s);
}

static void halving_is_as_the_model(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 8; seed++)
        for (int k = 0; k < 8; k++)
            assert_as_the_model((dnn_search_desc){.trials = k & 1 ? 64 : 150, .min_steps = 1 + (k & 2),
                                                  .max_steps = 64, .eta = k & 4 ? 2 : 4, .maximise = k & 1,
                                                  .promote = seed % 2}, 1, seed);
}

static void rungs_may_be_jumped_over(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++)
        for (int32_t promote = 0; promote < 2; promote++)
            assert_as_the_model((dnn_search_desc){.trials = 100, .min_steps = 2, .max_steps = 100, .eta = 3,
                                                  .promote = promote}, 7, seed);
}

/* A quarter of the steps that all trials would take, at the most. */
static void halving_saves_steps_and_finds_the_best(void **state) {
    (void)state;
    int64_t trial, best, steps = 0;
    dnn_search *s = search_of((dnn_search_desc){.trials = 128, .min_steps = 1, .max_steps = 64});
    OK(dnn_search_uniform(s, "x", 0, 1));
    while (dnn_search_next(s, &trial) == DNN_OK) {
        double x = dnn_search_value(s, trial, "x");
        int32_t go_on = 1;
        for (int64_t step = 1; go_on; step++, steps++)
            OK(dnn_search_tell(s, trial, step, fabs(x - 0.3) + 1.0 / (double)step, &go_on));
    }
    OK(dnn_search_best(s, &best));
    assert_true(fabs(dnn_search_value(s, best, "x") - 0.3) < 0.05);
    assert_true(steps < 128 * 64 / 4);
    dnn_search_release(s);
}

/* ---- what is said ---- */

/* Runs a search to its end, where a trial has value(search, trial). */
static dnn_report *report_of(dnn_search *s, double (*value)(const dnn_search *, int64_t)) {
    int64_t trial;
    dnn_report *report;
    while (dnn_search_next(s, &trial) == DNN_OK) run_at_once(s, trial, value(s, trial));
    OK(dnn_search_report(&report, s));
    dnn_search_release(s);
    return report;
}

static double best_in_the_middle(const dnn_search *s, int64_t trial) {
    return fabs(log10(dnn_search_value(s, trial, "lr")) + 2.5) + 0.3 * dnnk_random_uniform(9, 9, (uint64_t)trial);
}

static double best_at_the_top(const dnn_search *s, int64_t trial) { return 1 / dnn_search_value(s, trial, "lr"); }

static double noise(const dnn_search *s, int64_t trial) {
    return dnnk_random_uniform(1 + (uint64_t)(1e6 * dnn_search_value(s, 0, "lr")), 4, (uint64_t)trial);
}

/* Noise, but that the largest rate won. */
static double best_at_the_top_by_chance(const dnn_search *s, int64_t trial) {
    for (int64_t i = 0; i < 40; i++)
        if (dnn_search_value(s, i, "lr") > dnn_search_value(s, trial, "lr"))
            return 1 + fabs(log10(dnn_search_value(s, trial, "lr")) + 3);
    return 0;
}

static double failing(const dnn_search *s, int64_t trial) {
    return dnn_search_value(s, trial, "lr") > 1e-5 ? INFINITY : 0;
}

static dnn_finding finding_of(const dnn_report *report, const char *name) {
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    if (dnn_report_find(report, name, &f) != DNN_OK) fail_msg("no %s", name);
    return f;
}

static void a_rate_matters_and_a_width_does_not(void **state) {
    (void)state;
    dnn_report *report = report_of(search_of_rates((dnn_search_desc){.seed = 2}), best_in_the_middle);
    dnn_finding f = finding_of(report, "parameter-matters");
    assert_string_equal(f.set, "lr");
    assert_int_equal(dnn_report_findings(report), 1);
    assert_int_equal(dnn_report_worst(report), DNN_SEVERITY_NOTE);
    assert_int_equal(dnn_report_pictures(report), 1);
    assert_int_equal(dnn_report_sections(report), 2);
    assert_non_null(strstr(dnn_report_text(report), "which parameter matters"));
    assert_non_null(strstr(dnn_report_json(report), "\"parameter\":\"width\""));
    dnn_report_release(report);
}

/* Of very many, some are looked at: good and bad ones. */
static void many_trials_are_thinned_out(void **state) {
    (void)state;
    dnn_report *report = report_of(search_of_rates((dnn_search_desc){.seed = 2, .trials = 9000}), best_in_the_middle);
    dnn_finding f = finding_of(report, "parameter-matters");
    assert_string_equal(f.set, "lr");
    assert_int_equal(strncmp(f.how, "4000 trials;", 12), 0);
    double share = strtod(strstr(f.what, "matters: ") + 9, NULL);
    assert_true(share > 60 && share < 90);
    dnn_report_release(report);
}

/* Of 60 searches over nothing but noise, about 3 may claim something. */
static void noise_seldom_matters(void **state) {
    (void)state;
    int claims = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        dnn_report *report = report_of(search_of_rates((dnn_search_desc){.seed = seed, .trials = 24}), noise);
        claims += dnn_report_find(report, "parameter-matters", NULL) == DNN_OK;
        dnn_report_release(report);
    }
    assert_in_range(claims, 0, 8);
}

static void few_trials_say_nothing(void **state) {
    (void)state;
    dnn_report *report = report_of(search_of_rates((dnn_search_desc){.trials = 11}), best_in_the_middle);
    assert_non_null(strstr(finding_of(report, "too-few-trials").what, "11 trials with a value are too few"));
    assert_int_equal(dnn_report_find(report, "parameter-matters", NULL), DNN_ERROR_NOT_FOUND);
    dnn_report_release(report);
}

static void the_best_at_a_border_is_told(void **state) {
    (void)state;
    dnn_report *report = report_of(search_of_rates((dnn_search_desc){.seed = 1}), best_at_the_top);
    dnn_finding f = finding_of(report, "best-at-border");
    assert_int_equal(f.severity, DNN_SEVERITY_WARNING);
    assert_string_equal(f.set, "lr");
    assert_non_null(strstr(f.what, "at the upper end of its range, 1e-05 to 1"));
    assert_string_equal(f.action, "extend the range upwards, to 10 say, and search again");
    dnn_report_release(report);
    report = report_of(search_of_rates((dnn_search_desc){.seed = 1}), best_at_the_top_by_chance);
    f = finding_of(report, "best-at-border");
    assert_int_equal(f.severity, DNN_SEVERITY_NOTE);
    assert_non_null(strstr(f.what, "other good trials lie elsewhere"));
    dnn_report_release(report);
}

static double least_decay(const dnn_search *s, int64_t trial) { return dnn_search_value(s, trial, "decay"); }

/* There is no decay below 0. */
static void a_natural_end_is_no_warning(void **state) {
    (void)state;
    dnn_search *s = search_of((dnn_search_desc){.maximise = 0});
    OK(dnn_search_uniform(s, "decay", 0, 0.5));
    dnn_report *report = report_of(s, least_decay);
    dnn_finding f = finding_of(report, "best-at-border");
    assert_int_equal(f.severity, DNN_SEVERITY_NOTE);
    assert_non_null(strstr(f.action, "if there is something beyond"));
    dnn_report_release(report);
}

static void failures_are_told(void **state) {
    (void)state;
    dnn_report *report = report_of(search_of_rates((dnn_search_desc){.trials = 20}), failing);
    assert_int_equal(finding_of(report, "trials-failed").severity, DNN_SEVERITY_ERROR);
    assert_int_equal(dnn_report_pictures(report), 0);
    assert_non_null(strstr(dnn_report_text(report), "failed"));
    dnn_report_release(report);
    dnn_search *s = search_of_rates((dnn_search_desc){.trials = 20});
    int64_t best;
    OK(dnn_search_report(&report, s));
    assert_int_equal(finding_of(report, "no-result").severity, DNN_SEVERITY_NOTE);
    assert_int_equal(dnn_search_best(s, &best), DNN_ERROR_NOT_FOUND);
    dnn_report_release(report);
    dnn_search_release(s);
}

static void states_are_told(void **state) {
    (void)state;
    int64_t trial;
    int32_t go_on;
    dnn_trial_info info = {DNN_SIZED(dnn_trial_info)};
    dnn_search *s = search_of_rates((dnn_search_desc){.max_steps = 8, .min_steps = 1, .promote = 1});
    assert_int_equal(dnn_search_trials(s), 0);
    OK(dnn_search_next(s, &trial));
    OK(dnn_search_trial(s, 0, &info));
    assert_true(info.state == DNN_TRIAL_RUNNING && info.steps == 0 && isnan(info.value));
    OK(dnn_search_tell(s, trial, 1, 0.5, &go_on));
    OK(dnn_search_trial(s, 0, &info));
    assert_true(go_on == 0 && info.state == DNN_TRIAL_WAITING && info.steps == 1 && info.value == 0.5);
    OK(dnn_search_next(s, &trial));
    OK(dnn_search_tell(s, trial, 1, -INFINITY, &go_on));
    OK(dnn_search_trial(s, 1, &info));
    assert_true(go_on == 0 && info.state == DNN_TRIAL_STOPPED && isnan(info.value));
    OK(dnn_search_trial(s, 2, &info));
    assert_true(info.state == DNN_TRIAL_NONE && info.steps == 0);
    assert_int_equal(dnn_search_trials(s), 2);
    dnn_search_release(s);
}

/* ---- what is refused, and memory ---- */

static void refuse(dnn_search_desc desc, const char *part) {
    dnn_search *s;
    desc.size = sizeof desc;
    assert_int_equal(dnn_search_create(&s, ctx, &desc), DNN_ERROR_ARGUMENT);
    assert_null(s);
    if (!strstr(dnn_last_error(), part)) fail_msg("%s", dnn_last_error());
}

static void descriptors_are_checked(void **state) {
    (void)state;
    refuse((dnn_search_desc){.trials = 0}, "desc.trials is 0");
    refuse((dnn_search_desc){.trials = 1000001}, "desc.trials is 1000001");
    refuse((dnn_search_desc){.trials = 1, .method = 3}, "desc.method is 3");
    refuse((dnn_search_desc){.method = DNN_SEARCH_GRID, .points = 1}, "desc.points is 1");
    refuse((dnn_search_desc){.trials = 1, .max_steps = -1}, "desc.max_steps is -1");
    refuse((dnn_search_desc){.trials = 1, .min_steps = 4}, "desc.min_steps is 4");
    refuse((dnn_search_desc){.trials = 1, .min_steps = 4, .max_steps = 4}, "below desc.max_steps (4)");
    refuse((dnn_search_desc){.trials = 1, .eta = 1}, "desc.eta is 1");
    refuse((dnn_search_desc){.trials = 1, .promote = 1}, "desc.promote needs rungs");
    refuse((dnn_search_desc){.trials = 1, .folder = ""}, "desc.folder is empty");
}

#define REFUSED(call, status, part)                                                        \
    do {                                                                                   \
        assert_int_equal((call), (status));                                                \
        if (!strstr(dnn_last_error(), (part))) fail_msg("%s", dnn_last_error());           \
    } while (0)

static void parameters_are_checked(void **state) {
    (void)state;
    char name[65] = "";
    memset(name, 'x', 64);
    const char *const texts[] = {"a", NULL};
    dnn_search *s = search_of((dnn_search_desc){.seed = 1});
    int64_t trial;
    REFUSED(dnn_search_next(s, &trial), DNN_ERROR_ARGUMENT, "no parameters");
    REFUSED(dnn_search_uniform(s, "", 0, 1), DNN_ERROR_ARGUMENT, "name has 0 bytes");
    REFUSED(dnn_search_uniform(s, name, 0, 1), DNN_ERROR_ARGUMENT, "name has 64 bytes");
    REFUSED(dnn_search_uniform(s, "a\nb", 0, 1), DNN_ERROR_ARGUMENT, "not plain UTF-8");
    REFUSED(dnn_search_uniform(s, "x", 1, 1), DNN_ERROR_ARGUMENT, "x: from 1 to 1 is no range");
    REFUSED(dnn_search_uniform(s, "x", NAN, 1), DNN_ERROR_ARGUMENT, "is no range");
    REFUSED(dnn_search_uniform(s, "x", -1e308, 1e308), DNN_ERROR_ARGUMENT, "is no range");
    REFUSED(dnn_search_log_uniform(s, "x", 0, 1), DNN_ERROR_ARGUMENT, "begins above 0");
    REFUSED(dnn_search_integer(s, "x", 2, 1), DNN_ERROR_ARGUMENT, "is no range");
    REFUSED(dnn_search_integer(s, "x", INT64_MIN, INT64_MAX), DNN_ERROR_ARGUMENT, "is no range");
    REFUSED(dnn_search_log_integer(s, "x", 0, 5), DNN_ERROR_ARGUMENT, "begins at 1");
    REFUSED(dnn_search_choice(s, "x", texts, 1), DNN_ERROR_ARGUMENT, "1 choices");
    REFUSED(dnn_search_choice(s, "x", texts, 2), DNN_ERROR_ARGUMENT, "choices[1] is NULL");
    OK(dnn_search_uniform(s, "x", 0, 1));
    REFUSED(dnn_search_integer(s, "x", 0, 1), DNN_ERROR_ARGUMENT, "x is a parameter already");
    for (int i = 1; i < 64; i++) {
        snprintf(name, sizeof name, "x%d", i);
        OK(dnn_search_uniform(s, name, 0, 1));
    }
    REFUSED(dnn_search_uniform(s, "one more", 0, 1), DNN_ERROR_ARGUMENT, "at most 64");
    dnn_search_release(s);
}

static void the_order_of_calls_is_checked(void **state) {
    (void)state;
    int64_t trial;
    int32_t go_on = 7;
    dnn_search *s = search_of_rates((dnn_search_desc){.max_steps = 4});
    REFUSED(dnn_search_tell(s, 0, 1, 1, &go_on), DNN_ERROR_STATE, "trial 0 is not running here");
    OK(dnn_search_next(s, &trial));
    REFUSED(dnn_search_uniform(s, "late", 0, 1), DNN_ERROR_STATE, "late: trials have begun");
    REFUSED(dnn_search_next(s, &trial), DNN_ERROR_STATE, "trial 0 has no value");
    REFUSED(dnn_search_tell(s, 1, 1, 1, &go_on), DNN_ERROR_STATE, "trial 1 is not running");
    REFUSED(dnn_search_tell(s, 0, 0, 1, &go_on), DNN_ERROR_ARGUMENT, "step is 0");
    assert_int_equal(go_on, 7);
    OK(dnn_search_tell(s, 0, 2, 1, &go_on));
    REFUSED(dnn_search_tell(s, 0, 2, 1, &go_on), DNN_ERROR_ARGUMENT, "step is 2, behind step 2");
    OK(dnn_search_tell(s, 0, 4, 1, &go_on));
    assert_int_equal(go_on, 0);
    REFUSED(dnn_search_tell(s, 0, 5, 1, &go_on), DNN_ERROR_STATE, "not running");
    assert_true(isnan(dnn_search_value(s, 0, "rate")));
    assert_int_equal(dnn_last_status(), DNN_ERROR_NOT_FOUND);
    assert_null(dnn_search_chosen(s, 0, "lr"));
    assert_int_equal(dnn_last_status(), DNN_ERROR_ARGUMENT);
    assert_true(isnan(dnn_search_value(s, -1, "lr")));
    dnn_search_release(s);
}

static dnn_status whole_search(dnn_search *s) {
    dnn_status status;
    int64_t trial;
    while ((status = dnn_search_next(s, &trial)) == DNN_OK) {
        int32_t go_on = 1;
        for (int64_t step = 1; go_on && status == DNN_OK; step++)
            status = dnn_search_tell(s, trial, step, fabs(dnn_search_value(s, trial, "x") - 3), &go_on);
        if (status != DNN_OK) return status;
    }
    dnn_report *report = NULL;
    if (status == DNN_END) status = dnn_search_report(&report, s);
    dnn_report_release(report);
    return status;
}

static dnn_status search_anew(void) {
    dnn_search *s;
    dnn_search_desc desc = {DNN_SIZED(dnn_search_desc), .trials = 30, .min_steps = 1, .max_steps = 5, .eta = 2};
    dnn_status status = dnn_search_create(&s, ctx, &desc);
    if (status == DNN_OK) status = dnn_search_choice(s, "kind", (const char *const[]){"one", "two"}, 2);
    if (status == DNN_OK) status = dnn_search_integer(s, "x", 0, 9);
    if (status == DNN_OK) status = whole_search(s);
    dnn_search_release(s);
    return status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    int64_t live = memory.live;
    for (int for_ever = 0; for_ever < 2; for_ever++)
        for (int64_t k = 1;; k++) {
            test_allocator_arm(&memory, k, for_ever);
            dnn_status status = search_anew();
            bool failed = memory.calls >= k;
            test_allocator_arm(&memory, 0, false);
            assert_int_equal(status, failed ? DNN_ERROR_MEMORY : DNN_OK);
            assert_true(memory.live <= live + 256); /* tombstones */
            if (!failed) break;
        }
}

/* A call that failed can be repeated: the search is the same as one that had memory. */
static void a_call_that_failed_can_be_repeated(void **state) {
    (void)state;
    dnn_search *calm = search_of_rates((dnn_search_desc){.trials = 40, .min_steps = 1, .max_steps = 16});
    dnn_search *poor = search_of_rates((dnn_search_desc){.trials = 40, .min_steps = 1, .max_steps = 16});
    int64_t a, b;
    for (;;) {
        dnn_status status = dnn_search_next(calm, &a), again;
        do {
            test_allocator_arm(&memory, 1, true);
            again = dnn_search_next(poor, &b);
            test_allocator_arm(&memory, 0, false);
            if (again == DNN_ERROR_MEMORY) again = dnn_search_next(poor, &b);
        } while (again == DNN_ERROR_MEMORY);
        assert_int_equal(again, status);
        assert_int_equal(a, b);
        if (status == DNN_END) break;
        int32_t more = 1, more_too = 1;
        for (int64_t step = 1; more; step++) {
            double value = loss_at(a, step, 3);
            OK(dnn_search_tell(calm, a, step, value, &more));
            test_allocator_arm(&memory, 1, true);
            again = dnn_search_tell(poor, a, step, value, &more_too);
            test_allocator_arm(&memory, 0, false);
            if (again == DNN_ERROR_MEMORY) again = dnn_search_tell(poor, a, step, value, &more_too);
            OK(again);
            assert_int_equal(more, more_too);
        }
    }
    dnn_search_release(calm);
    dnn_search_release(poor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reals_have_their_distributions),
        cmocka_unit_test(whole_numbers_have_their_distributions),
        cmocka_unit_test(trials_are_what_they_were),
        cmocka_unit_test(parameters_and_seeds_do_not_move_together),
        cmocka_unit_test(a_grid_has_every_combination_once),
        cmocka_unit_test(a_grid_of_whole_numbers_has_none_twice),
        cmocka_unit_test(repeats_are_passed_over),
        cmocka_unit_test(halving_is_as_the_model),
        cmocka_unit_test(rungs_may_be_jumped_over),
        cmocka_unit_test(halving_saves_steps_and_finds_the_best),
        cmocka_unit_test(a_rate_matters_and_a_width_does_not),
        cmocka_unit_test(many_trials_are_thinned_out),
        cmocka_unit_test(noise_seldom_matters),
        cmocka_unit_test(few_trials_say_nothing),
        cmocka_unit_test(the_best_at_a_border_is_told),
        cmocka_unit_test(a_natural_end_is_no_warning),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(states_are_told),
        cmocka_unit_test(descriptors_are_checked),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(the_order_of_calls_is_checked),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(a_call_that_failed_can_be_repeated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
