#include "monitor/monitor.h"

#include <math.h>
#include <string.h>

/* ---- making and freeing ---- */

static void destroy_monitor(void *object) {
    dnn_monitor *m = object;
    dnni_runner_unwatch(m->module->runner, m);
    for (int64_t i = 0; i < m->n_optimizers; i++) dnn_optimizer_release(m->optimizers[i].optimizer);
    dnni_free(m->base.ctx, m->optimizers, m->optimizers_capacity, sizeof *m->optimizers);
    monitor_units_free(m);
    dnn_report_release(m->autopsy);
    dnni_pool_free(&m->pool);
    dnn_module_release(m->module);
}

dnn_status dnn_monitor_release(dnn_monitor *monitor) {
    return dnni_object_release(monitor, DNNI_MONITOR, "monitor");
}

static dnn_status check_monitor(const dnn_monitor *monitor) { return dnni_check(monitor, DNNI_MONITOR, "monitor"); }

static dnn_status add_optimizer(dnn_monitor *m, const dnni_index *index, dnn_optimizer *o) {
    DNNI_TRY(dnni_grow(m->base.ctx, (void **)&m->optimizers, &m->optimizers_capacity, m->n_optimizers + 1,
                       sizeof *m->optimizers));
    DNNI_TRY(dnni_object_retain(o, DNNI_OPTIMIZER, "optimizer"));
    m->optimizers[m->n_optimizers++] = (monitor_optimizer){o, o->missteps};
    dnn_status status = monitor_link(m, index);
    if (status != DNN_OK) dnn_optimizer_release(m->optimizers[--m->n_optimizers].optimizer);
    return status;
}

static dnn_status ignore(dnn_monitor *m, const dnn_monitor_desc *d) {
    DNNI_REQUIRE(d->n_ignore == 0 || (d->n_ignore > 0 && d->ignore), "desc.ignore: %lld names at %s",
                 (long long)d->n_ignore, d->ignore ? "an array" : "NULL");
    for (int64_t i = 0; i < d->n_ignore; i++) {
        DNNI_REQUIRE(d->ignore[i], "desc.ignore[%lld] is NULL", (long long)i);
        note_kind kind = monitor_note_find(d->ignore[i]);
        if (kind == NOTE_KINDS)
            return dnni_error(DNN_ERROR_NOT_FOUND, "desc.ignore[%lld]: no finding is called \"%.64s\"", (long long)i,
                              d->ignore[i]);
        m->ignored[kind] = true;
    }
    return DNN_OK;
}

/* Whether a layer is another one in training: what drops, and what gathers running statistics. */
static bool layer_differs(const dnn_module *m) {
    if (m->layer_class && strcmp(m->layer_class->type, "dropout") == 0) return true;
    for (int64_t i = 0; i < m->buffers.count; i++)
        if (strncmp(m->buffers.items[i].name, "running_", 8) == 0) return true;
    return false;
}

static bool differs(const dnni_index *index) {
    for (int64_t i = 0; i < index->n_modules; i++)
        if (layer_differs(index->modules[i].module)) return true;
    return false;
}

static dnn_status fill_in(dnn_monitor *m, dnn_optimizer *o, const dnn_monitor_desc *d) {
    const dnni_index *index;
    DNNI_REQUIRE(d->window >= 0 && d->patience >= 0 && d->history >= 0,
                 "desc.window is %lld, patience %lld, history %lld: none may be negative", (long long)d->window,
                 (long long)d->patience, (long long)d->history);
    m->window = d->window > 0 ? d->window : 100;
    m->patience = d->patience > 0 ? d->patience : 200;
    m->loss.best = m->loss.first = NAN;
    m->figures = (dnn_monitor_figures){sizeof m->figures, 0, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    DNNI_TRY(ignore(m, d));
    DNNI_TRY(dnni_index_get(&index, m->module));
    m->replay = dnni_pool_string(&m->pool, d->replay ? d->replay : "");
    if (!m->replay) return DNN_ERROR_MEMORY;
    DNNI_TRY(monitor_history_make(m, d->history > 0 ? d->history : 4096));
    DNNI_TRY(monitor_tensors_make(m, index));
    DNNI_TRY(monitor_units_make(m, index));
    m->differs = differs(index);
    m->seen = dnni_runner_tally(m->module->runner);
    return add_optimizer(m, index, o);
}

static dnn_status check_pair(const dnn_module *module, const dnn_optimizer *optimizer) {
    DNNI_TRY(dnni_check_optimizer(optimizer));
    return dnni_check_same_context(module, optimizer, "module and optimizer");
}

dnn_status dnn_monitor_create(dnn_monitor **out, dnn_module *module, dnn_optimizer *optimizer,
                              const dnn_monitor_desc *desc) {
    DNNI_REQUIRE(out, "out is NULL");
    *out = NULL;
    dnn_monitor_desc d;
    DNNI_TRY(dnni_check_module(module, "module"));
    DNNI_TRY(check_pair(module, optimizer));
    DNNI_TRY(DNNI_READ_DESC(d, desc, true));
    DNNI_TRY(dnni_module_usable(module));
    dnn_monitor *m = dnni_object_new(module->base.ctx, DNNI_MONITOR, sizeof *m, destroy_monitor);
    if (!m) return DNN_ERROR_MEMORY;
    m->pool.ctx = module->base.ctx;
    m->module = module;
    dnn_module_retain(module);
    dnn_status status = fill_in(m, optimizer, &d);
    if (status == DNN_OK) *out = m;
    else dnn_monitor_release(m);
    return status;
}

/* ---- a step ---- */

static bool is_as_it_was(const dnn_monitor *m, const dnni_index *index) {
    if (index->n_parameters != m->index_size) return false;
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const dnn_array *now = &index->parameters[m->tensors[i].place].parameter->value->array;
        if (now->dtype != m->tensors[i].array.dtype || !dnni_same_shape(now, &m->tensors[i].array)) return false;
    }
    return true;
}

static dnn_status look_at_module(dnn_monitor *m, const dnni_index **index) {
    DNNI_TRY(dnni_index_get(index, m->module));
    if (is_as_it_was(m, *index)) return DNN_OK;
    return dnni_error(DNN_ERROR_STATE, "the module has changed: make a new monitor");
}

dnn_status dnn_monitor_add_optimizer(dnn_monitor *monitor, dnn_optimizer *optimizer) {
    const dnni_index *index;
    DNNI_TRY(check_monitor(monitor));
    DNNI_TRY(check_pair(monitor->module, optimizer));
    DNNI_TRY(look_at_module(monitor, &index));
    return add_optimizer(monitor, index, optimizer);
}

/* From the first step on: before it the module may not have run yet. */
static void watch(dnn_monitor *m) {
    dnni_watch see = {.rectified = monitor_units_see, .user = m};
    if (m->module->runner && m->n_units > 0) dnni_runner_watch(m->module->runner, &see);
}

static void count_steps(dnn_monitor *m) {
    int64_t stepped = 0;
    for (int64_t i = 0; i < m->n_optimizers; i++) stepped += *dnni_steps(m->optimizers[i].optimizer->steps);
    m->accumulates = stepped > 0 && stepped == m->stepped;
    m->stepped = stepped;
}

static void take_rate(dnn_monitor *m) {
    double rate = dnni_optimizer_rate(m->optimizers[0].optimizer);
    if (m->steps > 1 && rate > m->figures.lr) m->rose = m->steps;
    m->largest_rate = fmax(m->largest_rate, rate);
    m->figures.lr = rate;
}

static void step(dnn_monitor *m, const dnni_index *index, double loss) {
    m->figures.steps = ++m->steps;
    watch(m);
    count_steps(m);
    take_rate(m);
    monitor_loss_step(m, loss);
    monitor_tensors_step(m, index);
    monitor_modes_step(m);
    monitor_units_step(m);
    if (m->steps == 1) monitor_owners(m, index);
    if (m->steps == MONITOR_BURN_IN) monitor_updates_early(m);
    if (m->steps % m->window == 0) {
        monitor_loss_window(m);
        monitor_updates_window(m, index);
    }
    monitor_history_step(m);
}

static dnn_status autopsy(dnn_monitor *m, const dnn_tensor *const *inputs, int32_t n_inputs) {
    bool finite = isfinite(m->figures.loss) && isfinite(m->figures.gradient_norm);
    if (finite || m->looked || n_inputs == 0) return DNN_OK;
    dnn_autopsy_desc d = {DNN_SIZED(dnn_autopsy_desc), .replay = m->replay[0] ? m->replay : NULL};
    DNNI_TRY(dnn_autopsy(&m->autopsy, m->module, inputs, n_inputs, &d));
    m->looked = true;
    return DNN_OK;
}

dnn_status dnn_monitor_step_n(dnn_monitor *monitor, double loss, const dnn_tensor *const *inputs, int32_t n_inputs) {
    const dnni_index *index;
    DNNI_TRY(check_monitor(monitor));
    DNNI_TRY(dnni_check_tensors(monitor->module, inputs, n_inputs, false, "input"));
    DNNI_TRY(look_at_module(monitor, &index));
    DNNI_TRY(monitor_units_prepare(monitor));
    step(monitor, index, loss);
    monitor_order_step(monitor, inputs, n_inputs);
    return autopsy(monitor, inputs, n_inputs);
}

dnn_status dnn_monitor_step(dnn_monitor *monitor, double loss) { return dnn_monitor_step_n(monitor, loss, NULL, 0); }

dnn_status dnn_monitor_validate(dnn_monitor *monitor, double value) {
    DNNI_TRY(check_monitor(monitor));
    monitor->figures.validation = value;
    if (!isfinite(value)) monitor_not_finite(monitor, "the validation's value", value);
    monitor_modes_validate(monitor);
    return DNN_OK;
}

dnn_status dnn_monitor_figures_get(const dnn_monitor *monitor, dnn_monitor_figures *figures) {
    DNNI_TRY(check_monitor(monitor));
    return dnni_give(figures, &monitor->figures, sizeof monitor->figures, "figures");
}
