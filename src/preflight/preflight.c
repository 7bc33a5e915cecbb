/* The calls: arguments, the samples that checks share, and one check after another. */
#include <string.h>

#include "preflight/flight.h"

#include "rng/rng.h"

enum { DEFAULT_BATCH = 64, ENOUGH_SAMPLES = 1024, ALL_SKIPS = 255 };

#define MOST_FLOPS 2e11 /* of a forward over the samples that are taken: some seconds */
#define MOST_BYTES (INT64_C(256) << 20)
#define STREAM_SAMPLES (UINT64_C(0xf0) << 56)

/* ---- arguments ---- */

static dnn_status check_desc(const dnn_preflight_desc *d) {
    DNNI_REQUIRE(d->batch_size >= 0, "desc.batch_size is %lld", (long long)d->batch_size);
    DNNI_REQUIRE(isfinite(d->low) && isfinite(d->high) && d->low <= d->high, "desc.low is %g, desc.high %g", d->low,
                 d->high);
    DNNI_REQUIRE(d->memory_budget >= 0, "desc.memory_budget is %lld", (long long)d->memory_budget);
    DNNI_REQUIRE((d->skip & ~ALL_SKIPS) == 0, "desc.skip is %d, which is no sum of dnn_preflight_skip", d->skip);
    return DNN_OK;
}

static dnn_status check_validation(const preflight *f) {
    const dnn_dataset *v = f->d.validation;
    if (!v) return DNN_OK;
    DNNI_TRY(dnni_check_dataset(v, "desc.validation"));
    DNNI_TRY(dnni_check_same_context(f->dataset, v, "dataset and validation"));
    if (v->input.dtype == f->dataset->input.dtype && dnni_same_shape(&v->input, &f->dataset->input)) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "inputs of desc.validation are %s %s, those of the dataset %s %s",
                      dnn_dtype_name(v->input.dtype), dnni_array_shape(&v->input).text,
                      dnn_dtype_name(f->dataset->input.dtype), dnni_array_shape(&f->dataset->input).text);
}

static dnn_status check_data(const preflight *f) {
    DNNI_TRY(dnni_check_dataset(f->dataset, "dataset"));
    DNNI_TRY(dnni_check_same_context(f->module, f->dataset, "module and dataset"));
    if (f->dataset->count == 0) return dnni_error(DNN_ERROR_VALUE, "the dataset has no samples");
    if (!dnni_has_targets(f->dataset)) return dnni_error(DNN_ERROR_STATE, "samples of the dataset have no target");
    DNNI_TRY(check_validation(f));
    if (!f->d.statistics) return DNN_OK;
    DNNI_TRY(dnni_check(f->d.statistics, DNNI_STATISTICS, "desc.statistics"));
    return dnni_check_same_context(f->module, f->d.statistics, "module and statistics");
}

static dnn_status check_parts(const preflight *f, bool with_loss, bool with_optimizer) {
    DNNI_TRY(dnni_check_module(f->module, "module"));
    if (with_loss) {
        DNNI_TRY(dnni_check(f->loss, DNNI_LOSS, "loss"));
        DNNI_TRY(dnni_check_same_context(f->module, f->loss, "module and loss"));
    }
    if (with_optimizer) {
        DNNI_TRY(dnni_check_optimizer(f->optimizer));
        DNNI_REQUIRE(f->optimizer->module == f->module, "the optimizer was made for another module");
    }
    DNNI_TRY(check_data(f));
    DNNI_TRY(dnni_module_usable(f->module));
    DNNI_REQUIRE(f->module->layer_class || f->module->outputs.count == 1,
                 "preflight takes modules of one output, this one has %lld", (long long)f->module->outputs.count);
    return DNN_OK;
}

static void fill_defaults(preflight *f) {
    dnn_preflight_desc *d = &f->d;
    if (d->batch_size == 0) d->batch_size = DEFAULT_BATCH;
    if (d->low == 0 && d->high == 0) {
        d->low = f->dataset->metadata.low;
        d->high = f->dataset->metadata.high;
    }
    f->batch = dnnk_min(d->batch_size, f->dataset->count);
    f->rate = 1;
}

/* ---- samples ---- */

static dnn_status measure(preflight *f) {
    dnn_description *description;
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    DNNI_TRY(dnni_batch_array(&f->shape, &f->dataset->input, f->batch));
    dnn_status status = dnn_module_describe(&description, f->module, &f->shape, 1);
    if (status == DNN_ERROR_MEMORY) return status;
    f->runs = status == DNN_OK;
    if (!f->runs)
        return dnni_preflight_refused(f, status, "does-not-run", "The module does not take the dataset's inputs.",
                                      "make the first layer's sizes, and type, those of a sample (N, …, channels)");
    dnn_description_totals_get(description, &totals);
    f->flops = totals.flops / (double)f->batch;
    dnn_description_release(description);
    return DNN_OK;
}

static int64_t samples_to_take(const preflight *f) {
    double bytes = (double)(dnni_bytes(&f->dataset->input) + dnni_bytes(&f->dataset->target) + 1);
    double most = fmin(MOST_FLOPS / (f->flops + 1), (double)MOST_BYTES / bytes);
    int64_t n = most < ENOUGH_SAMPLES ? (int64_t)most : dnnk_max(ENOUGH_SAMPLES, f->batch);
    return dnnk_min(dnnk_max(n, f->batch), f->dataset->count);
}

static dnn_status take_samples(preflight *f) {
    f->n = samples_to_take(f);
    int64_t *indices = dnni_pool_alloc(&f->pool, f->n, sizeof *indices);
    if (!indices) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < f->n; i++)
        indices[i] = dnnk_permuted(f->d.seed, STREAM_SAMPLES, f->dataset->count, i);
    return dnn_dataset_get(&f->x, &f->target, f->dataset, indices, f->n);
}

dnn_status dnni_preflight_batch(const preflight *f, int64_t i, dnn_tensor **x, dnn_tensor **target) {
    *x = *target = NULL;
    DNNI_TRY(dnn_tensor_slice(x, f->x, i * f->batch, f->batch));
    dnn_status status = dnn_tensor_slice(target, f->target, i * f->batch, f->batch);
    if (status == DNN_OK) return DNN_OK;
    dnn_tensor_release(*x);
    *x = NULL;
    return status;
}

dnn_status dnni_preflight_refused(preflight *f, dnn_status status, const char *name, const char *what,
                                  const char *action) {
    if (status == DNN_ERROR_MEMORY) return status;
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_ERROR, name, "%s", what));
    DNNI_TRY(dnni_report_how(f->report, "%s", dnn_last_error()));
    return dnni_report_action(f->report, "%s", action);
}

dnn_status dnni_preflight_too_large(preflight *f, const char *what) {
    DNNI_TRY(dnni_report_add(f->report, DNN_SEVERITY_NOTE, "too-large-to-try", "%s was left out.", what));
    DNNI_TRY(dnni_report_how(f->report, "a forward takes %s GFLOP for each sample: it would take minutes",
                             dnni_real(f->flops / 1e9, 3).text));
    return dnni_report_action(f->report, "try it on smaller inputs, or with fewer channels: what is wrong there is "
                                         "wrong here");
}

/* ---- one check after another ---- */

/* What a check needs to be of use. What trains needs parts without an error: it would only show what comes of that. */
typedef enum { ANYTHING, A_MODULE_THAT_RUNS, SOUND_PARTS } need;

typedef struct {
    preflight_check *check;
    int32_t skip; /* leaves it out */
    need needs;
    const char *what;
} listed_check;

static dnn_status do_one(preflight *f, const listed_check *c, bool sound) {
    if (f->d.skip & c->skip) return DNN_OK;
    if (c->needs == SOUND_PARTS) {
        if (sound) DNNI_TRY(dnni_preflight_try_loss(f));
        return sound && f->runs && f->fits ? c->check(f) : DNN_OK;
    }
    return c->needs == ANYTHING || f->runs ? c->check(f) : DNN_OK;
}

static dnn_status do_checks(preflight *f, const listed_check *checks, int64_t n) {
    bool sound = true;
    DNNI_TRY(measure(f));
    DNNI_TRY(take_samples(f));
    for (int64_t i = 0; i < n; i++) {
        DNNI_TRY(dnni_progress(&f->d.progress, checks[i].what, i, n));
        DNNI_TRY(do_one(f, &checks[i], sound));
        if (checks[i].needs != SOUND_PARTS) sound = dnn_report_worst(f->report) < DNN_SEVERITY_ERROR;
    }
    return dnni_progress(&f->d.progress, "preflight", n, n);
}

/* What is wholly in evaluation is tried in training. */
static dnn_status do_in_training(preflight *f, const listed_check *checks, int64_t n) {
    bool evaluating = !dnni_module_any_training(f->module);
    if (evaluating) DNNI_TRY(dnn_module_train(f->module));
    dnn_status status = do_checks(f, checks, n);
    if (evaluating) dnn_module_eval(f->module);
    dnn_tensor_release(f->x);
    dnn_tensor_release(f->target);
    dnni_pool_free(&f->pool);
    return status;
}

/* The last error is that from before, if all went well: what was tried and failed is in the report. */
static dnn_status fly(dnn_report **out, preflight *f, const char *title, const listed_check *checks, int64_t n) {
    dnni_saved_error before;
    f->ctx = dnni_context_of(f->module);
    f->pool.ctx = f->ctx;
    fill_defaults(f);
    dnni_error_save(&before);
    DNNI_TRY(dnni_report_new(&f->report, f->ctx, "%s", title));
    dnn_status status = do_in_training(f, checks, n);
    if (status == DNN_OK) {
        dnni_error_restore(&before);
        *out = f->report;
    } else {
        dnn_report_release(f->report);
    }
    return status;
}

static dnn_status open(dnn_report **out, preflight *f, const dnn_preflight_desc *desc, bool with_loss,
                       bool with_optimizer) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    DNNI_TRY(DNNI_READ_DESC(f->d, desc, true));
    DNNI_TRY(check_desc(&f->d));
    return check_parts(f, with_loss, with_optimizer);
}

static const listed_check all_checks[] = {
    {dnni_preflight_structure, DNN_PREFLIGHT_NO_STRUCTURE, A_MODULE_THAT_RUNS, "shape probe"},
    {dnni_preflight_look, DNN_PREFLIGHT_NO_DATA, ANYTHING, "data"},
    {dnni_preflight_scale, DNN_PREFLIGHT_NO_DATA, ANYTHING, "scale of the data"},
    {dnni_preflight_epochs, DNN_PREFLIGHT_NO_DATA, ANYTHING, "epochs"},
    {dnni_preflight_loss, DNN_PREFLIGHT_NO_FIRST_LOSS, A_MODULE_THAT_RUNS, "first loss"},
    {dnni_preflight_gradient_check, DNN_PREFLIGHT_NO_GRADIENTS, A_MODULE_THAT_RUNS, "gradient check"},
    {dnni_preflight_bytes, DNN_PREFLIGHT_NO_MEMORY, A_MODULE_THAT_RUNS, "memory"},
    {dnni_preflight_overfit, DNN_PREFLIGHT_NO_OVERFIT, SOUND_PARTS, "overfit ladder"},
    {dnni_preflight_baselines, DNN_PREFLIGHT_NO_BASELINES, SOUND_PARTS, "baselines"},
    {dnni_preflight_rehearsal, DNN_PREFLIGHT_NO_REHEARSAL, SOUND_PARTS, "rehearsal"},
};
#define COUNT(list) (int64_t)(sizeof(list) / sizeof *(list))

dnn_status dnn_preflight(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                         dnn_dataset *dataset, const dnn_preflight_desc *desc) {
    preflight f = {.module = module, .loss = loss, .optimizer = optimizer, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, true));
    return fly(out, &f, "preflight", all_checks, COUNT(all_checks));
}

dnn_status dnn_preflight_data(dnn_report **out, dnn_module *module, dnn_dataset *dataset,
                              const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_look, 0, ANYTHING, "data"},
                                          {dnni_preflight_scale, 0, ANYTHING, "scale of the data"},
                                          {dnni_preflight_epochs, 0, ANYTHING, "epochs"}};
    preflight f = {.module = module, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, false, false));
    return fly(out, &f, "preflight: data", checks, COUNT(checks));
}

dnn_status dnn_preflight_first_loss(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_dataset *dataset,
                                    const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_loss, 0, A_MODULE_THAT_RUNS, "first loss"}};
    preflight f = {.module = module, .loss = loss, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, false));
    return fly(out, &f, "preflight: first loss", checks, COUNT(checks));
}

dnn_status dnn_preflight_gradients(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_dataset *dataset,
                                   const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_gradient_check, 0, A_MODULE_THAT_RUNS, "gradient check"}};
    preflight f = {.module = module, .loss = loss, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, false));
    return fly(out, &f, "preflight: gradients", checks, COUNT(checks));
}

dnn_status dnn_preflight_overfit(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                 dnn_dataset *dataset, const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_overfit, 0, SOUND_PARTS, "overfit ladder"}};
    preflight f = {.module = module, .loss = loss, .optimizer = optimizer, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, true));
    return fly(out, &f, "preflight: overfitting", checks, COUNT(checks));
}

dnn_status dnn_preflight_baselines(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                   dnn_dataset *dataset, const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_baselines, 0, SOUND_PARTS, "baselines"}};
    preflight f = {.module = module, .loss = loss, .optimizer = optimizer, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, true));
    return fly(out, &f, "preflight: baselines", checks, COUNT(checks));
}

dnn_status dnn_preflight_rehearsal(dnn_report **out, dnn_module *module, dnn_loss *loss, dnn_optimizer *optimizer,
                                   dnn_dataset *dataset, const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_rehearsal, 0, SOUND_PARTS, "rehearsal"}};
    preflight f = {.module = module, .loss = loss, .optimizer = optimizer, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, true, true));
    return fly(out, &f, "preflight: rehearsal", checks, COUNT(checks));
}

dnn_status dnn_preflight_memory(dnn_report **out, dnn_module *module, dnn_optimizer *optimizer, dnn_dataset *dataset,
                                const dnn_preflight_desc *desc) {
    static const listed_check checks[] = {{dnni_preflight_bytes, 0, A_MODULE_THAT_RUNS, "memory"}};
    preflight f = {.module = module, .optimizer = optimizer, .dataset = dataset};
    DNNI_TRY(open(out, &f, desc, false, true));
    return fly(out, &f, "preflight: memory", checks, COUNT(checks));
}
