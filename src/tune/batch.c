/* The largest batch that fits, and where larger ones gain no more. */
#include <math.h>
#include <time.h>

#include "data/dataset.h"
#include "data/progress.h"
#include "tune/memory.h"

enum { PERCENT_OF_MEMORY = 80, BEYOND = 64, MOST_DOUBLINGS = 62, LEAST_REPEATS = 3, MOST_REPEATS = 50 };

#define GAIN 1.1     /* more samples a second: less is not worth a doubling of the batch */
#define SECONDS 0.05 /* a batch is timed for at least so long, or MOST_REPEATS times */

typedef struct {
    int64_t batch;
    double seconds; /* of a step, the fastest of several */
} timing;

typedef struct {
    tune_parts parts;
    dnn_tune_batch_desc desc;
    dnn_report *report;
    dnni_pool pool;
    int64_t smallest; /* 1, or 2 where a layer takes no batch of 1 */
    tune_bytes bytes, least; /* of the largest, of the smallest batch */
    timing timings[MOST_DOUBLINGS + 1];
    int64_t n_timings;
    dnn_tune_batch_result result;
} search;

/* ---- what fits ---- */

static bool within(const search *s, const tune_bytes *b) { return b->total >= 0 && b->total <= s->result.budget; }

static dnn_status count(search *s, int64_t batch, tune_bytes *b) {
    DNNI_TRY(dnni_progress(&s->parts.progress, "planning batches", 0, 1));
    return dnni_tune_bytes(&s->parts, batch, s->desc.prefetch, b);
}

/* A batch whose sizes cannot be counted does not fit; what else fails is an error. */
static dnn_status try(search *s, int64_t batch, bool *fits) {
    tune_bytes b;
    dnn_status status = count(s, batch, &b);
    if (status == DNN_ERROR_SHAPE && batch > s->smallest) b.total = -1;
    else DNNI_TRY(status);
    *fits = within(s, &b);
    if (*fits) s->bytes = b;
    if (*fits) s->result.largest = batch;
    else if (batch == s->result.largest + 1) s->result.next_bytes = b.total;
    return DNN_OK;
}

static dnn_status find_smallest(search *s) {
    s->smallest = 1;
    dnn_status status = count(s, 1, &s->least);
    if (status != DNN_ERROR_SHAPE || s->desc.most < 2) return status;
    s->smallest = 2;
    return count(s, 2, &s->least);
}

/* Doubling, then halving the distance between what fits and what does not. */
static dnn_status bisect(search *s) {
    int64_t too_large = s->desc.most + 1;
    bool fits = true;
    while (fits && s->result.largest < s->desc.most) {
        int64_t batch = s->result.largest, next = batch > s->desc.most / 2 ? s->desc.most : 2 * batch;
        DNNI_TRY(try(s, next, &fits));
        if (!fits) too_large = next;
    }
    while (too_large - s->result.largest > 1) {
        int64_t middle = s->result.largest + (too_large - s->result.largest) / 2;
        DNNI_TRY(try(s, middle, &fits));
        if (!fits) too_large = middle;
    }
    return DNN_OK;
}

/* A larger batch can need less: kernels change their ways. So the next sizes are looked at, too. */
static dnn_status look_beyond(search *s) {
    int64_t batch = s->result.largest + 1;
    while (batch <= s->desc.most && batch <= s->result.largest + BEYOND) {
        bool fits;
        DNNI_TRY(try(s, batch, &fits));
        batch++;
    }
    return DNN_OK;
}

static dnn_status find_largest(search *s) {
    s->bytes = s->least;
    s->result.largest = s->smallest;
    DNNI_TRY(bisect(s));
    DNNI_TRY(look_beyond(s));
    s->result.bytes = s->bytes.total;
    if (s->result.largest == s->desc.most) s->result.next_bytes = 0;
    return DNN_OK;
}

/* In training mode, as it will run; the module gets its own modes back. */
static dnn_status plan(search *s) {
    const dnni_index *index;
    dnni_module_note note = {0};
    DNNI_TRY(dnni_index_get(&index, s->parts.module));
    DNNI_TRY(dnni_module_note_make(&note, &s->pool, s->parts.module, index));
    if (!dnni_module_any_training(s->parts.module)) dnn_module_train(s->parts.module);
    dnn_status status = find_smallest(s);
    if (status == DNN_OK && within(s, &s->least)) status = find_largest(s);
    dnni_module_note_exchange(&note);
    return status;
}

/* ---- what it gains ---- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The first step makes the plan, and is not counted. */
static dnn_status time_steps(dnni_clone *c, const dnn_tensor *x, const dnn_tensor *target, timing *t) {
    double value, begin = now();
    t->seconds = INFINITY;
    for (int i = 0; i <= MOST_REPEATS && (i <= LEAST_REPEATS || now() - begin < SECONDS); i++) {
        double start = now();
        DNNI_TRY(dnni_clone_train(c, x, target, &value));
        if (i > 0) t->seconds = fmin(t->seconds, now() - start);
    }
    return DNN_OK;
}

static dnn_status time_batch(search *s, dnni_clone *c, int64_t batch) {
    dnn_tensor *x = NULL, *target = NULL;
    timing *t = &s->timings[s->n_timings];
    *t = (timing){.batch = batch};
    DNNI_TRY(dnni_progress(&s->parts.progress, "timing batches", s->n_timings, s->n_timings + 1));
    dnn_status status = dnn_dataset_get_range(&x, &target, s->parts.data, 0, batch);
    if (status == DNN_OK) status = time_steps(c, x, target, t);
    dnn_tensor_release(x);
    dnn_tensor_release(target);
    if (status == DNN_OK) s->n_timings++;
    return status;
}

static double throughput(const timing *t) { return (double)t->batch / t->seconds; }

static dnn_status time_all(search *s, dnni_clone *c) {
    int64_t most = s->result.largest < s->parts.data->count ? s->result.largest : s->parts.data->count;
    int in_vain = 0; /* one slow batch may be an accident */
    for (int64_t batch = s->smallest; batch <= most && in_vain < 2 && s->n_timings < MOST_DOUBLINGS; batch *= 2) {
        DNNI_TRY(time_batch(s, c, batch));
        double gives = throughput(&s->timings[s->n_timings - 1]);
        in_vain = gives >= GAIN * s->result.throughput ? 0 : in_vain + 1;
        if (in_vain > 0) continue;
        s->result.enough = batch;
        s->result.throughput = gives;
    }
    return DNN_OK;
}

static dnn_status measure(search *s) {
    dnni_clone c;
    if (s->desc.untimed || s->result.largest == 0 || s->parts.data->count < s->smallest) return DNN_OK;
    dnni_clone_desc desc = {.module = s->parts.module, .optimizer = s->parts.optimizer, .loss = s->parts.loss};
    dnn_status status = dnni_clone_open(&c, &desc);
    if (status == DNN_OK) status = time_all(s, &c);
    dnni_clone_close(&c);
    return status;
}

/* ---- what it says ---- */

static dnn_status tell(search *s) {
    if (s->result.largest > 0) return DNN_OK;
    s->result.bytes = s->least.total;
    DNNI_TRY(dnni_report_add(s->report, DNN_SEVERITY_ERROR, "batch-too-large",
                             "a batch of %lld needs %s MB, and the budget is %s MB", (long long)s->smallest,
                             TUNE_REAL((double)s->least.total / 1e6), TUNE_REAL((double)s->result.budget / 1e6)));
    return dnni_report_action(s->report, "make the input or the network smaller, freeze what need not train, or have "
                              "activations recomputed (dnn_module_set_memory)");
}

static void write_part(dnni_writer *w, const char *what, int64_t bytes, int64_t least) {
    dnni_write(w, "%-26s %16lld %16lld\n", what, (long long)bytes, (long long)least);
}

static void write_bytes(dnni_writer *w, const void *what) {
    const search *s = what;
    const tune_bytes *b = s->result.largest > 0 ? &s->bytes : &s->least, *one = &s->least;
    int64_t batch = s->result.largest > 0 ? s->result.largest : s->smallest;
    dnni_write(w, "%-26s %10s %5lld %10s %5lld\n", "bytes", "batch of", (long long)batch, "batch of",
               (long long)s->smallest);
    write_part(w, "parameters, gradients", b->parameters, one->parameters);
    write_part(w, "the optimizer's state", b->state, one->state);
    write_part(w, "arena: activations", b->arena, one->arena);
    write_part(w, "the loss's gradient", b->loss, one->loss);
    write_part(w, "batches of the loader", b->loader, one->loader);
    write_part(w, "all", b->total, one->total);
}

static void write_times(dnni_writer *w, const void *what) {
    const search *s = what;
    dnni_write(w, "%8s %14s %16s\n", "batch", "ms a step", "samples a second");
    for (int64_t i = 0; i < s->n_timings; i++)
        dnni_write(w, "%8lld %14s %16s\n", (long long)s->timings[i].batch, TUNE_REAL(1e3 * s->timings[i].seconds),
                   TUNE_REAL(throughput(&s->timings[i])));
}

static dnn_status add_section(search *s, const char *title, void (*write)(dnni_writer *w, const void *what)) {
    char *text = dnni_written(&s->pool, write, s);
    return text ? dnn_report_add_section(s->report, title, text, NULL) : DNN_ERROR_MEMORY;
}

static dnn_status add_figures(search *s) {
    const dnn_tune_batch_result *r = &s->result;
    int64_t fixed = s->least.parameters + s->least.state;
    DNNI_TRY(dnn_report_add_figure(s->report, "largest batch", (double)r->largest, "that fits the budget"));
    DNNI_TRY(dnn_report_add_figure(s->report, "bytes", (double)r->bytes, "that it needs"));
    DNNI_TRY(dnn_report_add_figure(s->report, "budget", (double)r->budget, "bytes"));
    DNNI_TRY(dnn_report_add_figure(s->report, "fixed bytes", (double)fixed, "whatever the batch"));
    if (s->n_timings == 0) return DNN_OK;
    return dnn_report_add_figure(s->report, "enough", (double)r->enough, "larger batches gain less than a tenth");
}

static dnn_status run(search *s) {
    DNNI_TRY(plan(s));
    DNNI_TRY(measure(s));
    DNNI_TRY(tell(s));
    DNNI_TRY(add_figures(s));
    DNNI_TRY(add_section(s, "what the bytes are for", write_bytes));
    return s->n_timings > 0 ? add_section(s, "steps on larger and larger batches", write_times) : DNN_OK;
}

/* ---- the call ---- */

static dnn_status read_desc(search *s, const dnn_tune_batch_desc *desc) {
    dnn_tune_batch_desc *d = &s->desc;
    DNNI_TRY(DNNI_READ_DESC(*d, desc, true));
    s->parts.steps = s->parts.least_steps = s->parts.batch_size = s->parts.seeds = 1;
    s->parts.progress = d->progress;
    DNNI_TRY(dnni_tune_check(&s->parts));
    if (d->most == 0) d->most = s->parts.data->count;
    DNNI_REQUIRE(d->most >= 1, "desc.most is %lld, it must be at least 1", (long long)d->most);
    DNNI_REQUIRE(d->budget >= 0, "desc.budget is %lld", (long long)d->budget);
    s->result.budget = d->budget ? d->budget : dnn_memory_available() / 100 * PERCENT_OF_MEMORY;
    if (s->result.budget > 0) return DNN_OK;
    return dnni_error(DNN_ERROR_UNSUPPORTED, "the system does not say how much memory there is: set desc.budget");
}

dnn_status dnn_tune_batch(dnn_report **report, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                          dnn_dataset *data, const dnn_tune_batch_desc *desc, dnn_tune_batch_result *result) {
    DNNI_REQUIRE(report, "report is NULL");
    *report = NULL;
    search s = {.parts = {.module = module, .loss = loss, .optimizer = optimizer, .data = data}};
    DNNI_TRY(DNNI_READ_DESC(s.result, result, true));
    s.result = (dnn_tune_batch_result){.largest = 0};
    DNNI_TRY(read_desc(&s, desc));
    s.pool.ctx = dnni_context_of(module);
    DNNI_TRY(dnni_report_new(&s.report, s.pool.ctx, "the largest batch"));
    dnn_status status = run(&s);
    dnni_pool_free(&s.pool);
    return dnni_tune_end(status, s.report, report, &s.result, sizeof s.result, result);
}
