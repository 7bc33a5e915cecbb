/* Norms of gradients and motions of weights, from a sample of each tensor, at the same places in every step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "monitor/monitor.h"
#include "reduce/reduce.h"

/* ---- the sample: the k-th of its stretches begins here ---- */

static int64_t stretch(const monitor_tensor *t, int64_t k) {
    int64_t rest = dnni_count(&t->array) - t->each;
    return t->stretches > 1 ? rest / (t->stretches - 1) * k : 0;
}

/* A sum over the sample stands for one over the tensor. */
static double scale(const monitor_tensor *t) {
    int64_t sampled = t->stretches * t->each;
    return sampled > 0 ? (double)dnni_count(&t->array) / (double)sampled : 0;
}

static const dnnk_reduce_table *kernels(const dnn_monitor *m, const monitor_tensor *t) {
    return dnnk_reduce_kernels(dnni_env(m->base.ctx)->isa, dnni_type(t->array.dtype));
}

static dnnk_motion follow(const dnn_monitor *m, monitor_tensor *t, const void *values) {
    dnnk_motion all = {0, 0};
    int64_t size = dnn_dtype_size(t->array.dtype);
    for (int64_t k = 0; k < t->stretches; k++) {
        const char *from = (const char *)values + stretch(t, k) * size;
        dnnk_motion piece = kernels(m, t)->follow(t->each, from, (char *)t->before + k * t->each * size);
        all.moved += piece.moved;
        all.squares += piece.squares;
    }
    return (dnnk_motion){all.moved * scale(t), all.squares * scale(t)};
}

static double squared_norm(const dnn_monitor *m, const monitor_tensor *t, const void *values) {
    double sum = 0;
    int64_t size = dnn_dtype_size(t->array.dtype);
    for (int64_t k = 0; k < t->stretches; k++)
        sum += kernels(m, t)->sum_squares(t->each, (const char *)values + stretch(t, k) * size);
    return sum * scale(t);
}

/* ---- making ---- */

static bool is_embedding(const dnni_index_parameter *p) {
    return strcmp(dnni_module_type(p->owner), "embedding") == 0;
}

static dnn_status make(dnn_monitor *m, monitor_tensor *t, const dnni_index_parameter *p, int64_t place) {
    const dnn_array *now = &p->parameter->value->array;
    int64_t n = dnni_count(now);
    t->place = place;
    t->array = *now;
    t->array.data = NULL;
    t->stretches = n > MONITOR_SAMPLE ? MONITOR_STRETCHES : n > 0;
    t->each = n > MONITOR_SAMPLE ? MONITOR_SAMPLE / MONITOR_STRETCHES : n;
    t->path = dnni_pool_string(&m->pool, p->path);
    t->before = dnni_pool_alloc(&m->pool, t->stretches * t->each, dnn_dtype_size(now->dtype));
    if (!t->path || !t->before) return DNN_ERROR_MEMORY;
    t->weight = t->weight_first = t->weight_before = sqrt(follow(m, t, now->data).squares);
    t->counts = now->rank >= 2 && t->weight > 0 && !is_embedding(p);
    return DNN_OK;
}

dnn_status monitor_tensors_make(dnn_monitor *m, const dnni_index *index) {
    m->index_size = index->n_parameters;
    m->tensors = dnni_pool_alloc(&m->pool, index->n_parameters, sizeof *m->tensors);
    m->ratios = dnni_pool_alloc(&m->pool, index->n_parameters, sizeof *m->ratios);
    m->order = dnni_pool_alloc(&m->pool, index->n_parameters, sizeof *m->order);
    if (!m->tensors || !m->ratios || !m->order) return DNN_ERROR_MEMORY;
    for (int64_t i = 0; i < index->n_parameters; i++)
        if (!index->parameters[i].is_buffer)
            DNNI_TRY(make(m, &m->tensors[m->n_tensors++], &index->parameters[i], i));
    return DNN_OK;
}

/* ---- a step ---- */

static void add(monitor_mean *mean, double value) {
    if (!isfinite(value)) return;
    mean->n++;
    if (value > 0) mean->logs += log(value);
    else mean->zeros++;
}

/* Gradients that wait to be cleared (dnni_tensor_clear) are zeros. */
static double gradient_squares(const dnn_monitor *m, const monitor_tensor *t, const dnn_tensor *gradient) {
    return atomic_load(&gradient->storage->zero) ? 0 : squared_norm(m, t, gradient->array.data);
}

double monitor_exact_gradient(const dnn_monitor *m, const monitor_tensor *t, const dnni_index *index) {
    const dnni_parameter *p = index->parameters[t->place].parameter;
    const dnnk_env *env = dnni_env(m->base.ctx);
    int64_t n = dnni_count(&t->array);
    if (atomic_load(&p->gradient->storage->zero)) return 0;
    double gradient = dnnk_sum_squares(env, dnni_type(t->array.dtype), n, p->gradient->array.data);
    return sqrt(gradient / dnnk_sum_squares(env, dnni_type(t->array.dtype), n, p->value->array.data));
}

/* Sums over all tensors. */
typedef struct {
    double gradients, moved, weights;
} sums;

static void step_tensor(dnn_monitor *m, monitor_tensor *t, const dnni_parameter *p, sums *all) {
    dnnk_motion motion = follow(m, t, p->value->array.data);
    double gradient = gradient_squares(m, t, p->gradient);
    all->gradients += gradient;
    t->weight = sqrt(motion.squares);
    if (!t->counts) return;
    all->moved += motion.moved;
    all->weights += motion.squares;
    add(&t->gradients, sqrt(gradient / motion.squares));
    if (m->steps > 1 && !m->accumulates) add(&t->updates, sqrt(motion.moved / motion.squares));
}

static void check_norm(dnn_monitor *m, double norm) {
    double q[RANKS];
    if (!isfinite(norm)) {
        if (isfinite(m->figures.loss)) monitor_not_finite(m, "the gradients' norm", norm);
        return;
    }
    if (m->norms.n < MONITOR_LAST) m->largest_early = fmax(m->largest_early, norm);
    bool candidate = m->norms.n >= MONITOR_LAST && norm > m->largest_early;
    if (candidate) monitor_ring_ranks(&m->norms, q);
    monitor_push(&m->norms, norm);
    if (!candidate || norm <= 10 * q[MEDIAN] || !monitor_jumps(norm, q)) return;
    monitor_note *note = monitor_note_of(m, NOTE_GRADIENT_SPIKE, DNN_SEVERITY_WARNING);
    if (!note) return;
    MONITOR_SAY(note->what, "the gradients' norm jumps to %s in step %lld: %s times the median of the last %d, %s",
                dnni_real(norm, 3).text, (long long)m->steps, dnni_real(norm / q[MEDIAN], 3).text, MONITOR_LAST,
                dnni_real(q[MEDIAN], 3).text);
    MONITOR_SAY(note->how, "the largest of the first %d steps was %s", MONITOR_LAST,
                dnni_real(m->largest_early, 3).text);
    MONITOR_SAY(note->action, "clip it (dnn_optimizer_clip_norm at %s, say), and look at this step's batch",
                dnni_real(2 * q[MEDIAN], 2).text);
    monitor_send(m, NOTE_GRADIENT_SPIKE);
}

void monitor_tensors_step(dnn_monitor *m, const dnni_index *index) {
    sums all = {0, 0, 0};
    for (int64_t i = 0; i < m->n_tensors; i++) {
        const dnni_parameter *p = index->parameters[m->tensors[i].place].parameter;
        if (!p->frozen) step_tensor(m, &m->tensors[i], p, &all);
    }
    m->figures.gradient_norm = sqrt(all.gradients);
    if (m->steps > 1 && all.weights > 0 && !m->accumulates) m->figures.update_ratio = sqrt(all.moved / all.weights);
    check_norm(m, m->figures.gradient_norm);
}
