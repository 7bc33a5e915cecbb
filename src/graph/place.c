/* The third pass: how long each value lives, which values share memory, and where each buffer lies in the arena. */
#include "graph/plan.h"

static void use(dnni_plan *plan, int32_t value, int32_t time) {
    plan_value *root = plan_root(plan, value);
    if (root->last_use < time) root->last_use = time;
}

static void note_uses(dnni_plan *plan, int64_t i) {
    const plan_step *step = &plan->steps[i];
    if (step->is_view) return;
    int32_t backward = plan_backward_time(plan, i);
    for (int32_t k = 0; k < step->n_inputs; k++)
        use(plan, step->inputs[k], step->backward && plan_reads_input(step, k) ? backward : (int32_t)i);
    for (int32_t k = 0; k < step->n_outputs; k++)
        use(plan, step->outputs[k], step->backward && plan_reads_output(step, k) ? backward : (int32_t)i);
}

static void find_lifetimes(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_steps; i++) note_uses(plan, i);
    for (int32_t i = 0; i < plan->n_outputs; i++) use(plan, plan->outputs[i], plan_end(plan));
}

/* ---- buffers of values ---- */

static dnn_status external_inputs(dnni_plan *plan) {
    for (int32_t i = 0; i < plan->n_inputs; i++) {
        plan_value *value = &plan->values[i];
        value->buffer = dnni_plan_buffer(plan, dnni_bytes(&value->array), 0, plan_end(plan));
        if (value->buffer == PLAN_NONE) return DNN_ERROR_MEMORY;
        plan->buffers[value->buffer].external = i;
    }
    return DNN_OK;
}

static bool used_twice(const dnni_plan *plan, const plan_step *step) {
    int32_t root = plan->values[step->inputs[0]].root;
    for (int32_t k = 1; k < step->n_inputs; k++)
        if (plan->values[step->inputs[k]].root == root) return true;
    return false;
}

/* Output 0 may take over the memory of input 0 if this step's forward is the input's last use. */
static bool may_take_over(const dnni_plan *plan, const plan_step *step, int64_t i) {
    if (!(step->spec.flags & DNN_LAYER_INPLACE) || step->n_inputs < 1) return false;
    if (plan->use == DNNI_TO_OBSERVE) return false;
    const plan_value *input = plan_root(plan, step->inputs[0]);
    return plan->buffers[input->buffer].external == PLAN_NONE && input->last_use == (int32_t)i &&
           dnni_bytes(&input->array) == dnni_bytes(&plan->values[step->outputs[0]].array) && !used_twice(plan, step);
}

static dnn_status place_output(dnni_plan *plan, const plan_step *step, int64_t i, int32_t k) {
    plan_value *value = &plan->values[step->outputs[k]];
    if (k == 0 && may_take_over(plan, step, i)) {
        value->buffer = plan_root(plan, step->inputs[0])->buffer;
        plan_buffer *buffer = &plan->buffers[value->buffer];
        if (buffer->last < value->last_use) buffer->last = value->last_use;
        return DNN_OK;
    }
    value->buffer = dnni_plan_buffer(plan, dnni_bytes(&value->array), (int32_t)i, value->last_use);
    return value->buffer == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

/* ---- buffers of steps ---- */

static dnn_status new_work(dnni_plan *plan, int32_t *buffer, int64_t bytes, int32_t time) {
    *buffer = PLAN_NONE;
    if (bytes == 0) return DNN_OK;
    *buffer = dnni_plan_buffer(plan, bytes, time, time);
    return *buffer == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

/* Scale and shift. */
static int64_t affine_bytes(const plan_step *step) {
    return step->epilogue.parts & DNN_EPILOGUE_AFFINE ? 2 * plan_affine_bytes(step) : 0;
}

static dnn_status place_own(dnni_plan *plan, plan_step *step, int64_t i) {
    int32_t backward = plan_backward_time(plan, i);
    for (int32_t k = 0; k < step->n_kept; k++) {
        step->kept[k] = PLAN_NONE;
        if (!step->backward) continue;
        step->kept[k] = dnni_plan_buffer(plan, dnni_bytes(&step->spec.kept[k]), (int32_t)i, backward);
        if (step->kept[k] == PLAN_NONE) return DNN_ERROR_MEMORY;
    }
    DNNI_TRY(new_work(plan, &step->affine, affine_bytes(step), (int32_t)i));
    DNNI_TRY(new_work(plan, &step->forward_work, step->spec.forward_work, (int32_t)i));
    return new_work(plan, &step->backward_work, step->backward ? step->spec.backward_work : 0, backward);
}

static dnn_status place_step(dnni_plan *plan, int64_t i) {
    plan_step *step = &plan->steps[i];
    step->forward_work = step->backward_work = PLAN_NONE;
    if (step->is_view) return DNN_OK;
    for (int32_t k = 0; k < step->n_outputs; k++) DNNI_TRY(place_output(plan, step, i, k));
    return place_own(plan, step, i);
}

/* ---- the arena ---- */

/* Larger first; of equal ones the earlier. */
static bool goes_before(const plan_buffer *a, const plan_buffer *b) {
    return a->bytes != b->bytes ? a->bytes > b->bytes : a < b;
}

/* Shell 1959, with Knuth's gaps 1, 4, 13, 40, … The C library's qsort may take memory behind the allocator's back. */
static void sort_by_size(plan_buffer **order, int64_t n) {
    int64_t gap = 1;
    while (gap < n / 3) gap = 3 * gap + 1;
    for (; gap > 0; gap /= 3)
        for (int64_t i = gap; i < n; i++) {
            plan_buffer *buffer = order[i];
            int64_t k = i;
            for (; k >= gap && goes_before(buffer, order[k - gap]); k -= gap) order[k] = order[k - gap];
            order[k] = buffer;
        }
}

static bool meet(const plan_buffer *a, const plan_buffer *b) { return a->first <= b->last && b->first <= a->last; }

/* The lowest place where `buffer` fits between those placed[0..n), sorted by offset, that live when it lives. */
static int64_t lowest_gap(plan_buffer *const *placed, int64_t n, const plan_buffer *buffer, int64_t bytes) {
    int64_t offset = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!meet(placed[i], buffer)) continue;
        if (placed[i]->offset >= offset + bytes) break;
        int64_t end = placed[i]->offset + dnnk_round_up(placed[i]->bytes, DNNI_ALIGNMENT);
        if (end > offset) offset = end;
    }
    return offset;
}

static void insert_by_offset(plan_buffer **placed, int64_t n, plan_buffer *buffer) {
    int64_t i = n;
    for (; i > 0 && placed[i - 1]->offset > buffer->offset; i--) placed[i] = placed[i - 1];
    placed[i] = buffer;
}

/* Greedy by size: the largest first, each at the lowest place that is free while it lives. */
static dnn_status lay_out(dnni_plan *plan) {
    plan_buffer **order = dnni_pool_alloc(&plan->pool, plan->n_buffers, sizeof *order);
    plan_buffer **placed = dnni_pool_alloc(&plan->pool, plan->n_buffers, sizeof *placed);
    if (!order || !placed) return DNN_ERROR_MEMORY;
    int64_t n = 0;
    for (int64_t i = 0; i < plan->n_buffers; i++)
        if (plan->buffers[i].external == PLAN_NONE && plan->buffers[i].bytes > 0) order[n++] = &plan->buffers[i];
    sort_by_size(order, n);
    for (int64_t i = 0; i < n; i++) {
        int64_t bytes = dnnk_round_up(order[i]->bytes, DNNI_ALIGNMENT);
        order[i]->offset = lowest_gap(placed, i, order[i], bytes);
        insert_by_offset(placed, i, order[i]);
        if (plan->arena_bytes < order[i]->offset + bytes) plan->arena_bytes = order[i]->offset + bytes;
    }
    return DNN_OK;
}

static void place_prepared(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_steps; i++) {
        plan_step *step = &plan->steps[i];
        if (!plan_prepares(plan, step)) continue;
        step->prepared_at = plan->prepared_bytes;
        plan->prepared_bytes += dnnk_round_up(step->spec.prepared_bytes, DNNI_ALIGNMENT);
    }
}

dnn_status dnni_plan_place(dnni_plan *plan) {
    find_lifetimes(plan);
    place_prepared(plan);
    DNNI_TRY(external_inputs(plan));
    for (int64_t i = 0; i < plan->n_steps; i++) DNNI_TRY(place_step(plan, i));
    return lay_out(plan);
}
