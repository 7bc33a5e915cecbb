/* The gradient check: options, phases, and putting everything back. */
#include <dnn/check.h>

#include <math.h>
#include <stdio.h>

#include "check/structure.h"
#include "check/walk.h"

/* ---- options ---- */

enum { ALL_PHASES = DNN_CHECK_TRAIN | DNN_CHECK_EVAL | DNN_CHECK_AS_IS, ALL_SKIPS = 15 };

static void set_defaults(dnn_check_desc *o) {
    if (o->phases == 0) o->phases = DNN_CHECK_TRAIN | DNN_CHECK_EVAL;
    if (o->tolerance == 0) o->tolerance = 1e-6;
    if (o->float32_tolerance == 0) o->float32_tolerance = 1e-4;
    if (o->budget == 0) o->budget = 20000;
    if (o->pairs == 0) o->pairs = 16;
    if (o->samples == 0) o->samples = 32;
}

static dnn_status check_options(const dnn_check_desc *o) {
    DNNI_REQUIRE(o->mode == DNN_CHECK_AUTO || o->mode == DNN_CHECK_SLOW || o->mode == DNN_CHECK_FAST ||
                     o->mode == DNN_CHECK_SAMPLED,
                 "options.mode is %d, which is no mode", (int)o->mode);
    DNNI_REQUIRE((o->phases & ~ALL_PHASES) == 0, "options.phases is %d, which is no sum of dnn_check_phase", o->phases);
    DNNI_REQUIRE((o->skip & ~ALL_SKIPS) == 0, "options.skip is %d, which is no sum of dnn_check_skip", o->skip);
    DNNI_REQUIRE(o->tolerance > 0 && o->tolerance < 1, "options.tolerance is %g, it must be above 0 and below 1",
                 o->tolerance);
    DNNI_REQUIRE(o->float32_tolerance > 0 && isfinite(o->float32_tolerance),
                 "options.float32_tolerance is %g, it must be above 0", o->float32_tolerance);
    DNNI_REQUIRE(o->burn_in >= 0, "options.burn_in is %d, it must be at least 0", o->burn_in);
    DNNI_REQUIRE(o->budget > 0 && o->pairs > 0 && o->pairs <= 65536 && o->samples > 0 && o->samples <= 65536,
                 "options.budget, .pairs and .samples must be above 0, the latter two at most 65536");
    return DNN_OK;
}

static dnn_status read_options(dnn_check_desc *o, const dnn_check_desc *options) {
    DNNI_TRY(DNNI_READ_DESC(*o, options, true));
    set_defaults(o);
    return check_options(o);
}

/* ---- a module ---- */

static dnn_status check_loss_option(const dnn_module *module, const dnn_check_desc *o) {
    if (!o->loss) return DNN_OK;
    DNNI_TRY(dnni_check(o->loss, DNNI_LOSS, "options.loss"));
    DNNI_TRY(dnni_check_tensor(o->target, "options.target"));
    DNNI_TRY(dnni_check_same_context(module, o->loss, "module and loss"));
    DNNI_TRY(dnni_check_same_context(module, o->target, "module and target"));
    DNNI_REQUIRE(module->layer_class || module->outputs.count == 1, "a loss takes one output, the module has %lld",
                 (long long)module->outputs.count);
    return DNN_OK;
}

static dnn_status check_arguments(dnn_module *module, const dnn_tensor *const *inputs, int32_t n,
                                  const dnn_check_desc *o) {
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_REQUIRE(n >= 0 && n < 65536 && (inputs || n == 0), "inputs: %d tensors at %s", n,
                 inputs ? "an array" : "NULL");
    for (int32_t i = 0; i < n; i++) {
        DNNI_TRY(dnni_check_tensor(inputs[i], "input"));
        DNNI_TRY(dnni_check_same_context(module, inputs[i], "module and input"));
    }
    DNNI_TRY(check_loss_option(module, o));
    return dnni_module_usable(module);
}

static int64_t batch_of(const check_network *n) {
    return n->n_inputs > 0 && n->f64.inputs[0]->array.rank > 0 ? n->f64.inputs[0]->array.dims[0] : 0;
}

static dnn_status check_loss_at_output(check_network *n, const dnn_check_desc *o, dnn_check_report *report) {
    check_loss_alone alone;
    DNNI_TRY(dnni_gradcheck_forward(n, &n->f64, NULL));
    dnn_status status = dnni_gradcheck_open_loss(&alone, &n->pool, &n->loss, n->outputs[0], o);
    if (status == DNN_OK) status = dnni_gradcheck_measure(&alone.problem);
    if (status == DNN_OK) status = dnni_gradcheck_loss_float32(&alone, o, report);
    if (status == DNN_OK) status = dnni_gradcheck_walk(&alone.problem, o, "loss", batch_of(n), report);
    report->figures.evaluations += alone.problem.evaluations;
    dnni_gradcheck_close_loss(&alone);
    return status;
}

typedef struct named_phase {
    dnn_check_phase phase;
    const char *name, *name_with_loss;
} named_phase;

static dnn_status check_followed(check_network *n, const named_phase *phase, const dnn_check_desc *o,
                                 dnn_check_report *report) {
    for (int64_t i = 0; i < n->n_tensors; i++) {
        dnni_gradcheck_go_home(&n->tensors[i]);
        n->tensors[i].float32_error = (double)NAN;
    }
    DNNI_TRY(dnni_gradcheck_measure(&n->followed));
    return dnni_gradcheck_walk(&n->followed, o, phase->name_with_loss, batch_of(n), report);
}

static dnn_status check_alone(check_network *n, const named_phase *phase, const dnn_check_desc *o,
                              dnn_check_report *report) {
    DNNI_TRY(dnni_gradcheck_measure(&n->alone));
    if (!(o->skip & DNN_CHECK_NO_FLOAT32)) DNNI_TRY(dnni_gradcheck_float32(n, phase->name, o, report));
    DNNI_TRY(dnni_gradcheck_walk(&n->alone, o, phase->name, batch_of(n), report));
    return o->skip & DNN_CHECK_NO_STRUCTURE ? DNN_OK : dnni_gradcheck_structure(n, phase->name, report);
}

static dnn_status check_phase(check_network *n, const named_phase *phase, const dnn_check_desc *o,
                              dnn_check_report *report) {
    DNNI_TRY(dnni_gradcheck_enter_phase(n, phase->phase, o));
    dnn_status status = check_alone(n, phase, o, report);
    if (status == DNN_OK && o->loss) status = check_followed(n, phase, o, report);
    report->figures.evaluations += n->alone.evaluations + n->followed.evaluations;
    return status;
}

enum { PHASES = 3 };
static const named_phase named_phases[PHASES] = {{DNN_CHECK_TRAIN, "train", "train, loss"},
                                                 {DNN_CHECK_EVAL, "eval", "eval, loss"},
                                                 {DNN_CHECK_AS_IS, "as is", "as is, loss"}};

static dnn_status check_phases(check_network *n, const named_phase *phases, const dnn_check_desc *o,
                               dnn_check_report *report) {
    for (int i = 0; i < PHASES; i++)
        if (o->phases & (int32_t)phases[i].phase) DNNI_TRY(check_phase(n, &phases[i], o, report));
    return DNN_OK;
}

/* "train" to "train, after 20 steps". NULL if memory is short. */
static const char *later(check_network *n, const char *name, int32_t steps) {
    char line[64];
    snprintf(line, sizeof line, "%s, after %d steps", name, steps);
    return dnni_pool_string(&n->pool, line);
}

/* Steps in the first of the phases that are asked for, and all of them again. */
static dnn_status check_later(check_network *n, const dnn_check_desc *o, dnn_check_report *report) {
    named_phase phases[PHASES];
    for (int i = 0; i < PHASES; i++) {
        phases[i] = (named_phase){named_phases[i].phase, later(n, named_phases[i].name, o->burn_in),
                                  later(n, named_phases[i].name_with_loss, o->burn_in)};
        if (!phases[i].name || !phases[i].name_with_loss) return DNN_ERROR_MEMORY;
    }
    DNNI_TRY(dnni_gradcheck_enter_phase(n, (dnn_check_phase)(o->phases & -o->phases), o));
    DNNI_TRY(dnni_gradcheck_burn_in(n, o->burn_in));
    return check_phases(n, phases, o, report);
}

static dnn_status check_all(check_network *n, const dnn_check_desc *o, dnn_check_report *report) {
    DNNI_TRY(check_phases(n, named_phases, o, report));
    if (o->burn_in > 0) DNNI_TRY(check_later(n, o, report));
    return o->loss ? check_loss_at_output(n, o, report) : DNN_OK;
}

static dnn_status run_check(dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                            const dnn_check_desc *o, dnn_check_report *report) {
    check_network n;
    dnn_status status = dnni_gradcheck_open(&n, module, inputs, n_inputs, o);
    if (status == DNN_OK) status = check_all(&n, o, report);
    dnni_gradcheck_close(&n);
    if (status == DNN_OK) status = dnni_gradcheck_finish(report, o);
    dnni_pool_free(&n.pool);
    return status;
}

/* Hands the report over, or releases it. A check that was done leaves the last error as it was. */
static dnn_status hand_over(dnn_check_report **out, dnn_check_report *report, dnn_status status,
                            const dnni_saved_error *before) {
    if (status == DNN_OK) {
        *out = report;
        dnni_error_restore(before);
        return DNN_OK;
    }
    dnn_check_report_release(report);
    return status;
}

dnn_status dnn_check_gradients(dnn_check_report **out, dnn_module *module, const dnn_tensor *const *inputs,
                               int32_t n_inputs, const dnn_check_desc *options) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_check_desc o;
    DNNI_TRY(read_options(&o, options));
    DNNI_TRY(check_arguments(module, inputs, n_inputs, &o));
    dnni_saved_error before;
    dnni_error_save(&before);
    dnn_check_report *report;
    DNNI_TRY(dnni_gradcheck_new_report(&report, dnni_context_of(module), "module", o.seed));
    return hand_over(out, report, run_check(module, inputs, n_inputs, &o, report), &before);
}

/* ---- a loss ---- */

static dnn_status run_loss_check(dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target, const dnn_check_desc *o,
                                 dnn_check_report *report) {
    check_loss_run run = {0};
    check_loss_alone alone = {.y = NULL};
    dnni_pool pool = {.ctx = dnni_context_of(loss)};
    int64_t batch = y->array.rank > 0 ? y->array.dims[0] : 0;
    dnn_status status = dnni_gradcheck_begin_loss(&run, loss, target);
    if (status == DNN_OK) status = dnni_gradcheck_open_loss(&alone, &pool, &run, y, o);
    if (status == DNN_OK) status = dnni_gradcheck_measure(&alone.problem);
    if (status == DNN_OK) status = dnni_gradcheck_loss_float32(&alone, o, report);
    if (status == DNN_OK) status = dnni_gradcheck_walk(&alone.problem, o, "loss", batch, report);
    report->figures.evaluations = alone.problem.evaluations;
    dnni_gradcheck_close_loss(&alone);
    dnni_gradcheck_end_loss(&run);
    if (status == DNN_OK) status = dnni_gradcheck_finish(report, o);
    dnni_pool_free(&pool);
    return status;
}

static dnn_status check_loss_arguments(const dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target) {
    DNNI_TRY(dnni_check(loss, DNNI_LOSS, "loss"));
    DNNI_TRY(dnni_check_tensor(y, "y"));
    DNNI_TRY(dnni_check_tensor(target, "target"));
    DNNI_TRY(dnni_check_same_context(loss, y, "the loss and y"));
    DNNI_TRY(dnni_check_same_context(loss, target, "the loss and target"));
    if (dnni_is_real(y->array.dtype)) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "y is %s, a loss takes float32 or float64", dnn_dtype_name(y->array.dtype));
}

dnn_status dnn_check_loss(dnn_check_report **out, dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target,
                          const dnn_check_desc *options) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_check_desc o;
    DNNI_TRY(read_options(&o, options));
    DNNI_TRY(check_loss_arguments(loss, y, target));
    dnni_saved_error before;
    dnni_error_save(&before);
    dnn_check_report *report;
    DNNI_TRY(dnni_gradcheck_new_report(&report, dnni_context_of(loss), "loss", o.seed));
    return hand_over(out, report, run_loss_check(loss, y, target, &o, report), &before);
}
