/* The learning-rate range test: one step at each rate, from low to high. */
#include <math.h>

#include "tune/bench.h"

enum { LEAST_STEPS = 20, DROPPED_AT_END = 5, LEAST_POINTS = 5, ROWS = 20, SOME = 101 };

/* A fall that counts: of the loss where it begins, and beside half the width of the band. Both are our choice. */
#define CLEAR_FALL 0.01
#define ABOVE_NOISE 2.0

typedef struct {
    tune_parts parts;
    double low, high, beta;
    tune_bench bench;
    dnn_report *report;
    double *losses; /* [seeds][steps + 1]: moving means; infinite from where a run diverged */
    double *rate, *median, *least, *most; /* [steps + 1] of the curve; points first … end - 1 are looked at */
    int64_t first, end;
    dnn_tune_range_result result;
    const char *drawing; /* of the curve */
} range;

/* ---- the runs ---- */

static double rate_of(const range *r, int64_t i) {
    return r->low * pow(r->high / r->low, (double)i / (double)r->parts.steps);
}

static dnn_status run_once(range *r, int64_t run) {
    double *losses = r->losses + run * (r->parts.steps + 1);
    tune_mean mean = dnni_tune_mean(r->beta);
    DNNI_TRY(dnni_tune_start(&r->bench, run));
    for (int64_t i = 0; i <= r->parts.steps; i++) {
        double loss;
        losses[i] = INFINITY;
        if (mean.diverged) continue;
        DNNI_TRY(dnni_tune_step(&r->bench, r->rate[i], &loss));
        dnni_tune_take(&mean, loss);
        if (!mean.diverged) losses[i] = mean.value;
    }
    return DNN_OK;
}

/* Point i over all runs; false if most of them have ended. */
static bool combine(range *r, int64_t i, double *work) {
    int64_t seeds = r->parts.seeds;
    for (int64_t run = 0; run < seeds; run++) work[run] = r->losses[run * (r->parts.steps + 1) + i];
    r->median[i] = dnni_tune_median(work, seeds);
    r->least[i] = work[0];
    r->most[i] = work[seeds - 1];
    return isfinite(r->median[i]);
}

static dnn_status make_curve(range *r) {
    double *work = dnni_pool_alloc(&r->bench.pool, r->parts.seeds, sizeof *work);
    if (!work) return DNN_ERROR_MEMORY;
    int64_t n = 0;
    while (n <= r->parts.steps && combine(r, n, work)) n++;
    r->result.ends = n <= r->parts.steps ? r->rate[n] : INFINITY;
    r->first = r->parts.steps / 10;
    r->end = n - DROPPED_AT_END > r->first ? n - DROPPED_AT_END : r->first;
    r->result.points = r->end - r->first;
    return DNN_OK;
}

static dnn_status make_room(range *r) {
    dnni_pool *pool = &r->bench.pool;
    int64_t n = r->parts.steps + 1;
    r->losses = dnni_pool_alloc(pool, n * r->parts.seeds, sizeof *r->losses);
    r->rate = dnni_pool_alloc(pool, n, sizeof *r->rate);
    r->median = dnni_pool_alloc(pool, n, sizeof *r->median);
    r->least = dnni_pool_alloc(pool, n, sizeof *r->least);
    r->most = dnni_pool_alloc(pool, n, sizeof *r->most);
    if (!r->losses || !r->rate || !r->median || !r->least || !r->most) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < n; i++) r->rate[i] = rate_of(r, i);
    return DNN_OK;
}

/* ---- suggestions ---- */

typedef struct {
    int64_t from, to; /* points */
} stretch;

/* The longest run of points of which each is below the one before it; of equally long ones the first. */
static stretch longest_fall(const range *r) {
    stretch longest = {r->first, r->first}, now = longest;
    for (int64_t i = r->first + 1; i < r->end; i++) {
        if (r->median[i] < r->median[i - 1]) now.to = i;
        else now = (stretch){i, i};
        if (now.to - now.from > longest.to - longest.from) longest = now;
    }
    return longest;
}

/* Half the width of the band in that stretch: the median of some of its points. */
static double half_width(const range *r, stretch s) {
    double widths[SOME];
    int64_t n = 0, apart = (s.to - s.from) / SOME + 1;
    for (int64_t i = s.from; i <= s.to; i += apart) widths[n++] = (r->most[i] - r->least[i]) / 2;
    return dnni_tune_median(widths, n);
}

static int64_t lowest_point(const range *r) {
    int64_t lowest = r->first;
    for (int64_t i = r->first; i < r->end; i++)
        if (r->median[i] < r->median[lowest]) lowest = i;
    return lowest;
}

/* Rates are evenly spaced by logarithm: so differences of losses are derivatives by ln rate. */
static int64_t steepest_point(const range *r) {
    int64_t steepest = r->first + 1;
    double least = INFINITY;
    for (int64_t i = r->first + 1; i + 1 < r->end; i++) {
        double slope = r->median[i + 1] - r->median[i - 1];
        if (slope < least) steepest = i;
        least = fmin(least, slope);
    }
    return steepest;
}

static dnn_status tell_no_valley(range *r, double fall, double width) {
    DNNI_TRY(dnni_report_add(r->report, DNN_SEVERITY_WARNING, "no-valley",
                             "between %s and %s there are no rates at which the loss clearly falls", TUNE_REAL(r->low),
                             TUNE_REAL(r->high)));
    DNNI_TRY(dnni_report_how(r->report, "over %lld points the moving mean falls by %s; half the width of the band of "
                             "%lld runs is %s", (long long)r->result.points, TUNE_REAL(fall),
                             (long long)r->parts.seeds, TUNE_REAL(width)));
    return dnni_report_action(r->report, "try more steps (desc.steps), other ends (desc.low, desc.high) or larger "
                              "batches; if nothing helps, see whether the network learns one batch by heart");
}

static dnn_status suggest(range *r) {
    dnn_tune_range_result *result = &r->result;
    double fall = 0, width = 0;
    if (result->points >= LEAST_POINTS) {
        stretch s = longest_fall(r);
        width = half_width(r, s);
        fall = r->median[s.from] - r->median[s.to];
        if (fall > CLEAR_FALL * r->median[s.from] && fall > ABOVE_NOISE * width) {
            result->valley = sqrt(r->rate[s.from] * r->rate[s.to]);
            result->steep = r->rate[steepest_point(r)];
            result->minimum = r->rate[lowest_point(r)] / 10;
            return DNN_OK;
        }
    }
    return tell_no_valley(r, fall, width);
}

/* A curve that turns up again has been far enough, whether it is called divergence or not. */
static dnn_status tell_end(range *r) {
    if (isfinite(r->result.ends)) return DNN_OK;
    if (r->median[r->end - 1] > (1 + CLEAR_FALL) * r->median[lowest_point(r)]) return DNN_OK;
    DNNI_TRY(dnni_report_add(r->report, DNN_SEVERITY_NOTE, "never-diverges",
                             "up to the highest rate of the test, %s, the loss does not rise", TUNE_REAL(r->high)));
    return dnni_report_action(r->report, "go on to a higher one (desc.high): the best may lie beyond");
}

/* ---- what is shown ---- */

static void write_table(dnni_writer *w, const void *what) {
    const range *r = what;
    int64_t n = r->end - r->first, apart = n > ROWS ? (n + ROWS - 1) / ROWS : 1;
    dnni_write(w, "%s\n", r->drawing);
    dnni_write(w, "%10s %12s %12s %12s\n", "rate", "loss", "lowest", "highest");
    for (int64_t i = r->first; i < r->end; i += apart)
        dnni_write(w, "%10s %12s %12s %12s\n", TUNE_REAL(r->rate[i]), dnni_real(r->median[i], 5).text,
                   dnni_real(r->least[i], 5).text, dnni_real(r->most[i], 5).text);
}

static void write_numbers(dnni_writer *w, const char *name, const double *numbers, int64_t n) {
    dnni_put_open(w, name, '[');
    for (int64_t i = 0; i < n; i++) dnni_put_real(w, NULL, numbers[i]);
    dnni_put_close(w, ']');
}

static void write_json(dnni_writer *w, const void *what) {
    const range *r = what;
    int64_t n = r->end - r->first;
    dnni_put_open(w, NULL, '{');
    write_numbers(w, "rates", r->rate + r->first, n);
    write_numbers(w, "losses", r->median + r->first, n);
    write_numbers(w, "lowest", r->least + r->first, n);
    write_numbers(w, "highest", r->most + r->first, n);
    dnni_put_close(w, '}');
}

static dnn_status add_curve(range *r) {
    char *text = dnni_written(&r->bench.pool, write_table, r), *json = dnni_written(&r->bench.pool, write_json, r);
    if (!text || !json) return DNN_ERROR_MEMORY;
    return dnn_report_add_section(r->report, "the loss over the rate", text, json);
}

/* Upright lines at rates, as high as the curve. A rate that is none leaves no line. */
typedef struct {
    double ends[2], rate[2], valley[2];
} marks;

static marks place_marks(const range *r) {
    double rate = r->bench.rate, valley = r->result.valley;
    marks m = {{INFINITY, -INFINITY}, {rate, rate}, {valley, valley}};
    for (int64_t i = r->first; i < r->end; i++) {
        m.ends[0] = fmin(m.ends[0], r->median[i]);
        m.ends[1] = fmax(m.ends[1], r->median[i]);
    }
    if (rate < r->low || rate > r->high) m.rate[0] = m.rate[1] = (double)NAN;
    return m;
}

static dnn_status draw(range *r) {
    int64_t n = r->end - r->first;
    const double *x = r->rate + r->first;
    marks m = place_marks(r);
    dnn_series series[] = {{.x = x, .y = r->median + r->first, .count = n, .label = "loss, median"},
                           {.x = m.rate, .y = m.ends, .count = isfinite(m.rate[0]) ? 2 : 0, .label = "your rate"},
                           {.x = m.valley, .y = m.ends, .count = isfinite(m.valley[0]) ? 2 : 0, .label = "valley"}};
    dnn_band band = {.x = x, .low = r->least + r->first, .high = r->most + r->first, .count = n};
    dnn_plot_desc plot = {DNN_SIZED(dnn_plot_desc), .title = "learning-rate range test", .x_label = "rate",
                          .y_label = "loss, moving mean", .x_log = 1, .bands = &band, .n_bands = 1};
    return dnni_tune_plot(&r->bench, r->report, series, 3, &plot, &r->drawing);
}

static dnn_status add_figures(range *r) {
    const dnn_tune_range_result *result = &r->result;
    DNNI_TRY(dnn_report_add_figure(r->report, "valley", result->valley, "the middle of the longest fall: begin there"));
    DNNI_TRY(dnn_report_add_figure(r->report, "steep", result->steep, "where the loss falls fastest"));
    DNNI_TRY(dnn_report_add_figure(r->report, "minimum", result->minimum, "a tenth of the rate of the lowest loss"));
    DNNI_TRY(dnn_report_add_figure(r->report, "ends", result->ends, "here most runs have diverged"));
    return dnn_report_add_figure(r->report, "rate", r->bench.rate, "the optimizer's");
}

/* ---- the whole ---- */

static dnn_status measure(range *r) {
    DNNI_TRY(dnni_tune_open(&r->bench, &r->parts, "range test", r->parts.seeds * (r->parts.steps + 1)));
    DNNI_TRY(make_room(r));
    for (int64_t run = 0; run < r->parts.seeds; run++) DNNI_TRY(run_once(r, run));
    DNNI_TRY(make_curve(r));
    DNNI_TRY(suggest(r));
    DNNI_TRY(tell_end(r));
    DNNI_TRY(add_figures(r));
    DNNI_TRY(draw(r));
    return add_curve(r);
}

static dnn_status read_desc(range *r, const dnn_tune_range_desc *desc) {
    dnn_tune_range_desc d;
    tune_parts *p = &r->parts;
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    r->low = dnni_or_default(d.low, 1e-7);
    r->high = dnni_or_default(d.high, 10);
    r->beta = dnni_or_default(d.smoothing, 0.98);
    p->steps = d.steps ? d.steps : 100;
    p->least_steps = LEAST_STEPS;
    p->batch_size = d.batch_size ? d.batch_size : TUNE_BATCH;
    p->seeds = d.seeds ? d.seeds : 3;
    p->seed = d.seed;
    p->fresh = d.fresh != 0;
    p->progress = d.progress;
    DNNI_REQUIRE(isfinite(r->high) && r->low > 0 && r->low < r->high, "desc: rates from %g to %g are none", r->low,
                 r->high);
    DNNI_TRY(dnni_check_beta(r->beta, "desc.smoothing"));
    return dnni_tune_check(p);
}

dnn_status dnn_tune_range(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                          dnn_dataset *data, const dnn_tune_range_desc *desc, dnn_tune_range_result *result) {
    DNNI_REQUIRE(report, "report is NULL");
    *report = NULL;
    range r = {.parts = {.module = module, .loss = loss, .optimizer = optimizer, .data = data}};
    DNNI_TRY(DNNI_READ_DESC(r.result, result, true));
    r.result = (dnn_tune_range_result){.valley = (double)NAN, .steep = (double)NAN, .minimum = (double)NAN};
    DNNI_TRY(read_desc(&r, desc));
    DNNI_TRY(dnni_report_new(&r.report, dnni_context_of(module), "learning-rate range test"));
    dnn_status status = measure(&r);
    dnni_tune_close(&r.bench);
    return dnni_tune_end(status, r.report, report, &r.result, sizeof r.result, result);
}
