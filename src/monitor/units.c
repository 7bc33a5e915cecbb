/* ReLUs, seen in the forwards that train: which units have been zero so far. Of a unit that was not, nothing more is
 * looked at, so a healthy network costs next to nothing. */
#include <stdio.h>
#include <string.h>

#include "monitor/monitor.h"

enum { SAMPLES = 1000, BUDGET = 8192 /* numbers that are looked at in one forward, about */ };

static bool is_relu(const dnn_module *m) { return m->layer_class && strcmp(m->layer_class->type, "relu") == 0; }

dnn_status monitor_units_make(dnn_monitor *m, const dnni_index *index) {
    m->units = dnni_pool_alloc(&m->pool, index->n_modules, sizeof *m->units);
    if (!m->units) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < index->n_modules; i++) {
        if (!is_relu(index->modules[i].module)) continue;
        m->units[m->n_units].path = dnni_pool_string(&m->pool, index->modules[i].path);
        if (!m->units[m->n_units++].path) return DNN_ERROR_MEMORY;
    }
    return DNN_OK;
}

void monitor_units_free(dnn_monitor *m) {
    for (int64_t i = 0; i < m->n_units; i++)
        dnni_free(m->base.ctx, m->units[i].silent, m->units[i].capacity, sizeof *m->units[i].silent);
}

static void begin(monitor_units *u) {
    for (int64_t c = 0; c < u->channels; c++) u->silent[c] = (int32_t)c;
    u->n_silent = u->channels;
    u->samples = 0;
}

/* A forward may not allocate: it leaves word of how many units there are. */
dnn_status monitor_units_prepare(dnn_monitor *m) {
    for (int64_t i = 0; i < m->n_units; i++) {
        monitor_units *u = &m->units[i];
        if (u->channels <= u->capacity) continue;
        DNNI_TRY(dnni_grow(m->base.ctx, (void **)&u->silent, &u->capacity, u->channels, sizeof *u->silent));
        begin(u);
    }
    return DNN_OK;
}

/* ---- in the forward ---- */

static bool is_silent(const dnn_array *y, int64_t rows, int64_t channels, int64_t c) {
    if (y->dtype == DNN_F32) {
        const float *x = (const float *)y->data + c;
        for (int64_t r = 0; r < rows; r++)
            if (x[r * channels] != 0) return false;
        return true;
    }
    const double *x = (const double *)y->data + c;
    for (int64_t r = 0; r < rows; r++)
        if (x[r * channels] != 0) return false;
    return true;
}

/* As many samples as the budget has room for, if no unit speaks. */
static void look(monitor_units *u, const dnn_array *y) {
    int64_t samples = y->dims[0], places = dnni_product(y->dims, 1, y->rank - 1);
    int64_t most = BUDGET / dnnk_max(1, u->n_silent * places);
    samples = dnnk_min(samples, dnnk_max(most, 1));
    for (int64_t k = 0; k < u->n_silent;) {
        if (is_silent(y, samples * places, u->channels, u->silent[k])) k++;
        else u->silent[k] = u->silent[--u->n_silent];
    }
    u->samples += samples;
}

static monitor_units *find(dnn_monitor *m, const char *path) {
    for (int64_t i = 0; i < m->n_units; i++)
        if (strcmp(m->units[i].path, path) == 0) return &m->units[i];
    return NULL;
}

void monitor_units_see(void *monitor, const char *path, const dnn_array *y) {
    monitor_units *u = find(monitor, path);
    if (!u || y->rank < 2 || dnni_count(y) == 0) return;
    int64_t channels = y->dims[y->rank - 1];
    if (channels != u->channels) {
        u->channels = channels;
        if (channels <= u->capacity) begin(u);
    }
    if (channels > u->capacity) return;
    if (u->n_silent > 0) look(u, y);
    else u->samples += y->dims[0];
}

/* ---- in the step ---- */

static void tell(dnn_monitor *m, const monitor_units *u) {
    double share = (double)u->n_silent / (double)u->channels;
    dnn_severity severity = share >= 0.4 ? DNN_SEVERITY_ERROR : DNN_SEVERITY_WARNING;
    monitor_note *note = share >= 0.1 ? monitor_note_of(m, NOTE_DEAD, severity) : NULL;
    if (!note) return;
    MONITOR_SAY(note->what, "%lld of %lld units of %s are dead: zero on the last %lld samples", (long long)u->n_silent,
                (long long)u->channels, u->path, (long long)u->samples);
    MONITOR_SAY(note->how, "outputs of ReLU in training, at all places of a sample");
    MONITOR_SAY(note->action, "lower the rate, standardise the inputs, put a norm before the ReLU, or take leaky ReLU "
                              "or GELU");
    MONITOR_SAY(note->set, "%s", u->path);
    monitor_send(m, NOTE_DEAD);
}

void monitor_units_step(dnn_monitor *m) {
    for (int64_t i = 0; i < m->n_units; i++) {
        if (m->units[i].samples < SAMPLES || m->units[i].channels > m->units[i].capacity) continue;
        tell(m, &m->units[i]);
        begin(&m->units[i]);
    }
}
