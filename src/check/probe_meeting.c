/* Where samples of a batch meet: the first step that gives another number to one of them when another one is
 * exchanged. */
#include <stdio.h>
#include <string.h>

#include "check/probe.h"
#include "hash/hash.h"

/* A hash of each row of each step's first output, where that is a batch. */
struct dnni_seen_step {
    struct dnni_seen_step *next;
    uint64_t rows[];
};

static bool is_batch(const check_meeting *m, const dnn_array *a) { return a->rank > 0 && a->dims[0] == m->batch; }

static uint64_t hash_row(const dnn_array *a, int64_t i) {
    int64_t bytes = dnni_bytes(a) / a->dims[0];
    return dnnk_hash(0, (const char *)a->data + i * bytes, bytes);
}

static dnn_status note(void *user, const dnn_observation *o) {
    check_meeting *m = user;
    if (!is_batch(m, &o->outputs[0])) return DNN_OK;
    int64_t bytes = (int64_t)sizeof(struct dnni_seen_step) + m->batch * (int64_t)sizeof(uint64_t);
    struct dnni_seen_step *step = dnni_pool_alloc(m->pool, bytes, 1);
    if (!step) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < m->batch; i++) step->rows[i] = hash_row(&o->outputs[0], i);
    *m->end = step;
    m->end = &step->next;
    return DNN_OK;
}

static dnn_status compare(void *user, const dnn_observation *o) {
    check_meeting *m = user;
    if (!is_batch(m, &o->outputs[0]) || !m->steps) return DNN_OK;
    const uint64_t *before = m->steps->rows;
    m->steps = m->steps->next;
    for (int64_t i = 0; i < m->batch && !*m->path; i++)
        if (i != m->from && hash_row(&o->outputs[0], i) != before[i])
            snprintf(m->path, sizeof m->path, "%.100s (%.24s)", o->path, o->type);
    return DNN_OK;
}

dnn_status dnni_probe_before(check_meeting *m, dnn_module *module, dnn_tensor *const *inputs, int32_t n_inputs) {
    m->end = &m->steps;
    return dnn_module_observe(module, (const dnn_tensor *const *)inputs, n_inputs, note, m);
}

dnn_status dnni_probe_after(check_meeting *m, dnn_module *module, dnn_tensor *const *inputs, int32_t n_inputs) {
    return dnn_module_observe(module, (const dnn_tensor *const *)inputs, n_inputs, compare, m);
}
