#include "tune/bench.h"

#include <math.h>

#include "data/dataset.h"
#include "data/progress.h"

/* The moving mean above 4 times its lowest is divergence, as in fastai's range test; but not while it is below half of
 * the first loss, which is our choice: a loss that falls to nothing may tremble there. */
#define DIVERGES 4.0
#define STILL_GOOD 0.5
#define BETA 0.9

/* Runs begin so many epochs apart: other orders, other draws of augmentation. */
#define EPOCHS_OF_A_RUN (INT64_C(1) << 20)
#define LOADER_SEED UINT64_C(0x7e57a11b5eed)

/* ---- opening ---- */

static dnn_status check_handles(const tune_parts *p) {
    DNNI_TRY(dnni_check_module(p->module, "module"));
    DNNI_TRY(dnni_check(p->loss, DNNI_LOSS, "loss"));
    DNNI_TRY(dnni_check_optimizer(p->optimizer));
    DNNI_TRY(dnni_check_dataset(p->data, "data"));
    DNNI_TRY(dnni_check_same_context(p->module, p->loss, "module and loss"));
    DNNI_TRY(dnni_check_same_context(p->module, p->optimizer, "module and optimizer"));
    return dnni_check_same_context(p->module, p->data, "module and data");
}

dnn_status dnni_tune_check(const tune_parts *p) {
    DNNI_TRY(check_handles(p));
    DNNI_REQUIRE(p->batch_size >= 1, "desc.batch_size is %lld, it must be at least 1", (long long)p->batch_size);
    DNNI_REQUIRE(p->steps >= p->least_steps && p->steps <= TUNE_MOST_STEPS, "desc.steps is %lld, it may be %lld to %d",
                 (long long)p->steps, (long long)p->least_steps, TUNE_MOST_STEPS);
    DNNI_REQUIRE(p->seeds >= 1 && p->seeds <= TUNE_MOST_SEEDS, "desc.seeds is %lld, it may be 1 to %d",
                 (long long)p->seeds, TUNE_MOST_SEEDS);
    DNNI_REQUIRE(p->data->count > 0, "data has no samples");
    DNNI_REQUIRE(p->data->target.dtype != DNN_DTYPE_NONE, "data has no targets, which the loss needs");
    return dnni_module_usable(p->module);
}

static dnn_status make_loader(tune_bench *b) {
    const tune_parts *p = b->parts;
    dnn_loader_desc d = {DNN_SIZED(dnn_loader_desc), .shuffle = 1, .prefetch = DNN_NO_PREFETCH};
    d.batch_size = p->batch_size < p->data->count ? p->batch_size : p->data->count;
    d.last_batch = DNN_LAST_BATCH_DROP; /* all steps weigh the same */
    d.seed = p->seed ^ LOADER_SEED;
    return dnn_loader_create(&b->loader, p->data, &d);
}

dnn_status dnni_tune_open(tune_bench *b, const tune_parts *p, const char *what, int64_t total) {
    *b = (tune_bench){.ctx = dnni_context_of(p->module), .parts = p, .what = what, .total = total};
    b->pool.ctx = b->ctx;
    b->rate = fabs(dnni_optimizer_rate(p->optimizer)); /* it may be -0 */
    DNNI_TRY(make_loader(b));
    dnni_clone_desc desc = {.module = p->module, .optimizer = p->optimizer, .loss = p->loss,
                            .fresh = p->fresh, .keep_state = !p->fresh};
    return dnni_clone_open(&b->clone, &desc);
}

void dnni_tune_close(tune_bench *b) {
    dnni_clone_close(&b->clone);
    dnn_loader_release(b->loader);
    dnni_pool_free(&b->pool);
}

/* ---- steps ---- */

dnn_status dnni_tune_start(tune_bench *b, int64_t run) {
    dnni_clone_restart(&b->clone, b->parts->seed + (uint64_t)run);
    b->run = run;
    b->step = 0;
    return dnn_loader_set_epoch(b->loader, run * EPOCHS_OF_A_RUN);
}

static dnn_status next_batch(tune_bench *b, const dnn_tensor **x, const dnn_tensor **target) {
    dnn_status status = dnn_loader_next(b->loader, x, target);
    return status == DNN_END ? dnn_loader_next(b->loader, x, target) : status;
}

dnn_status dnni_tune_step(tune_bench *b, double rate, double *loss) {
    const dnn_tensor *x, *target;
    DNNI_TRY(dnni_progress(&b->parts->progress, b->what, b->done < b->total ? b->done++ : b->total, b->total));
    DNNI_TRY(next_batch(b, &x, &target));
    DNNI_TRY(dnn_optimizer_set_lr(b->parts->optimizer, rate));
    DNNI_TRY(dnni_clone_train(&b->clone, x, target, loss));
    if (b->step++ > 0 || isfinite(*loss)) return DNN_OK;
    return dnni_error(DNN_ERROR_VALUE, "the loss is not finite before the first step (dnn_autopsy finds where from)");
}

/* ---- showing ---- */

static dnn_status draw_text(tune_bench *b, const dnn_series *series, int64_t n, const dnn_plot_desc *desc,
                            const char **drawing) {
    int64_t length = dnn_plot_text(b->ctx, series, n, desc, NULL, 0);
    if (length < 0) return dnn_last_status();
    char *text = dnni_pool_alloc(&b->pool, length + 1, 1);
    if (!text) return DNN_ERROR_MEMORY;
    *drawing = text;
    return dnn_plot_text(b->ctx, series, n, desc, text, (size_t)length + 1) < 0 ? dnn_last_status() : DNN_OK;
}

dnn_status dnni_tune_plot(tune_bench *b, dnn_report *report, const dnn_series *series, int64_t n,
                          const dnn_plot_desc *desc, const char **drawing) {
    dnn_tensor *picture;
    DNNI_TRY(dnn_plot_lines(&picture, b->ctx, series, n, desc));
    DNNI_TRY(dnni_report_give_picture(report, desc->title, picture));
    return draw_text(b, series, n, desc, drawing);
}

/* ---- divergence ---- */

tune_mean dnni_tune_mean(double beta) { return (tune_mean){.beta = beta, .best = INFINITY, .value = (double)NAN}; }

void dnni_tune_take(tune_mean *m, double loss) {
    bool is_first = m->weight == 0;
    m->sum = m->beta * m->sum + (1 - m->beta) * loss;
    m->weight = m->beta * m->weight + (1 - m->beta);
    m->value = m->sum / m->weight;
    if (is_first) m->first = m->value;
    m->best = fmin(m->best, m->value);
    m->diverged = !isfinite(m->value) || (m->value > DIVERGES * m->best && m->value > STILL_GOOD * m->first);
}

double dnni_tune_median(double *values, int64_t n) {
    for (int64_t i = 1; i < n; i++)
        for (int64_t k = i; k > 0 && values[k] < values[k - 1]; k--) DNNI_SWAP(double, values[k], values[k - 1]);
    double low = values[(n - 1) / 2], high = values[n / 2];
    return low == high ? low : (low + high) / 2;
}

/* ---- runs at one rate ---- */

static dnn_status try_once(tune_bench *b, int64_t run, double rate, tune_mean *mean, double *curve) {
    *mean = dnni_tune_mean(BETA);
    DNNI_TRY(dnni_tune_start(b, run));
    for (int64_t i = 0; i < b->parts->steps; i++) curve[i] = (double)NAN;
    for (int64_t i = 0; i < b->parts->steps && !mean->diverged; i++) {
        double loss;
        DNNI_TRY(dnni_tune_step(b, rate, &loss));
        dnni_tune_take(mean, loss);
        curve[i] = mean->value;
    }
    return DNN_OK;
}

/* The curve of the median: of the runs that have not ended. */
static void combine(const tune_parts *p, const double *curves, double *work, double *curve) {
    for (int64_t i = 0; i < p->steps; i++) {
        int64_t n = 0;
        for (int64_t run = 0; run < p->seeds; run++)
            if (isfinite(curves[run * p->steps + i])) work[n++] = curves[run * p->steps + i];
        curve[i] = 2 * n > p->seeds ? dnni_tune_median(work, n) : (double)NAN;
    }
}

static dnn_status try_all(tune_bench *b, double rate, tune_outcome *o, double *curves, double *work) {
    int64_t seeds = b->parts->seeds, diverged = 0;
    double *firsts = work + seeds;
    for (int64_t run = 0; run < seeds; run++) {
        tune_mean mean;
        DNNI_TRY(try_once(b, run, rate, &mean, curves + run * b->parts->steps));
        firsts[run] = mean.first;
        work[run] = mean.diverged ? INFINITY : mean.value;
        diverged += mean.diverged;
    }
    *o = (tune_outcome){.rate = rate, .diverged = 2 * diverged > seeds, .first = dnni_tune_median(firsts, seeds)};
    o->end = o->diverged ? INFINITY : dnni_tune_median(work, seeds);
    return DNN_OK;
}

dnn_status dnni_tune_try(tune_bench *b, double rate, tune_outcome *o, double *curve) {
    int64_t steps = b->parts->steps, seeds = b->parts->seeds;
    dnni_pool pool = {.ctx = b->ctx};
    double *curves = dnni_pool_alloc(&pool, steps * seeds, sizeof *curves);
    double *work = dnni_pool_alloc(&pool, 2 * seeds, sizeof *work);
    dnn_status status = curves && work ? try_all(b, rate, o, curves, work) : DNN_ERROR_MEMORY;
    if (status == DNN_OK && curve) combine(b->parts, curves, work, curve);
    dnni_pool_free(&pool);
    return status;
}

dnn_status dnni_tune_end(dnn_status status, dnn_report *report, dnn_report **out, const void *found, size_t bytes,
                         void *result) {
    if (status == DNN_OK && result) status = dnni_give(result, found, bytes, "result");
    if (status == DNN_OK) *out = report;
    else dnn_report_release(report);
    return status;
}
