/* The pass before binding: how long each value lives, which values share memory, and where each buffer lies in the
 * arena. A step that runs again makes its values twice: each time they live as long as somebody reads them. */
#include "graph/plan.h"

static void stretch(int64_t *last, int64_t time) {
    if (*last < time) *last = time;
}

static int64_t *last_use(plan_value *root, bool again) { return again ? &root->last_use_again : &root->last_use; }
static int32_t *memory(plan_value *root, bool again) { return again ? &root->buffer_again : &root->buffer; }

static void use(dnni_plan *plan, int32_t value, int64_t time) { stretch(&plan_root(plan, value)->last_use, time); }

/* In the backward, or by a step that runs again. */
static void use_late(dnni_plan *plan, int32_t value, int64_t time) {
    plan_value *root = plan_root(plan, value);
    stretch(last_use(root, plan_made_again(plan, root)), time);
}

static void note_again(dnni_plan *plan, int64_t i) {
    const plan_step *step = &plan->steps[i];
    int64_t time = plan_again_time(plan, i);
    for (int32_t k = 0; k < step->n_inputs; k++) use_late(plan, step->inputs[k], time);
    for (int32_t k = 0; k < step->n_outputs; k++) use_late(plan, step->outputs[k], time);
}

static void note_uses(dnni_plan *plan, int64_t i) {
    const plan_step *step = &plan->steps[i];
    if (step->is_view) return;
    int64_t backward = plan_backward_time(plan, i);
    for (int32_t k = 0; k < step->n_inputs; k++) {
        use(plan, step->inputs[k], i);
        if (step->backward && plan_reads_input(step, k)) use_late(plan, step->inputs[k], backward);
    }
    for (int32_t k = 0; k < step->n_outputs; k++)
        if (step->backward && plan_reads_output(step, k)) use_late(plan, step->outputs[k], backward);
    if (plan_runs_again(step)) note_again(plan, i);
}

static void find_lifetimes(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_values; i++) {
        plan_value *value = &plan->values[i];
        value->last_use = value->producer;
        value->last_use_again = PLAN_NONE;
        value->buffer = value->buffer_again = PLAN_NONE;
    }
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

/* Output 0 may take over the memory of input 0 if this run of the step is the input's last use. */
static bool may_take_over(const dnni_plan *plan, const plan_step *step, int64_t time, bool again) {
    if (!(step->spec.flags & DNN_LAYER_INPLACE) || step->n_inputs < 1) return false;
    if (plan->use == DNNI_TO_OBSERVE) return false;
    plan_value *input = plan_root(plan, step->inputs[0]);
    bool made_again = again && plan_made_again(plan, input);
    return plan->buffers[*memory(input, made_again)].external == PLAN_NONE && *last_use(input, made_again) == time &&
           dnni_bytes(&input->array) == dnni_bytes(&plan->values[step->outputs[0]].array) && !used_twice(plan, step);
}

static dnn_status place_output(dnni_plan *plan, const plan_step *step, int32_t k, int64_t time, bool again) {
    plan_value *value = &plan->values[step->outputs[k]];
    int64_t last = *last_use(value, again);
    int32_t *buffer = memory(value, again);
    if (k == 0 && may_take_over(plan, step, time, again)) {
        const plan_value *input = plan_root(plan, step->inputs[0]);
        *buffer = again ? plan_late_buffer(input) : input->buffer;
        stretch(&plan->buffers[*buffer].last, last);
        return DNN_OK;
    }
    *buffer = dnni_plan_buffer(plan, dnni_bytes(&value->array), time, last);
    return *buffer == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

static dnn_status place_outputs(dnni_plan *plan, const plan_step *step, int64_t time, bool again) {
    for (int32_t k = 0; k < step->n_outputs; k++) DNNI_TRY(place_output(plan, step, k, time, again));
    return DNN_OK;
}

/* ---- buffers of steps ---- */

static dnn_status new_work(dnni_plan *plan, int32_t *buffer, int64_t bytes, int64_t time) {
    *buffer = PLAN_NONE;
    if (bytes == 0) return DNN_OK;
    *buffer = dnni_plan_buffer(plan, bytes, time, time);
    return *buffer == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

/* Scale and shift. */
static int64_t affine_bytes(const plan_step *step) {
    return step->epilogue.parts & DNN_EPILOGUE_AFFINE ? 2 * plan_affine_bytes(step) : 0;
}

/* What the forward keeps lives until the backward; if the step runs again, that is what it keeps then. */
static dnn_status place_kept(dnni_plan *plan, plan_step *step, int64_t i, int32_t k) {
    int64_t bytes = dnni_bytes(&step->spec.kept[k]), backward = plan_backward_time(plan, i);
    step->kept[k] = step->kept_first[k] = PLAN_NONE;
    if (!step->backward) return DNN_OK;
    bool again = plan_runs_again(step);
    step->kept[k] = step->kept_first[k] = dnni_plan_buffer(plan, bytes, i, again ? i : backward);
    if (again) step->kept[k] = dnni_plan_buffer(plan, bytes, plan_again_time(plan, i), backward);
    return step->kept[k] == PLAN_NONE || step->kept_first[k] == PLAN_NONE ? DNN_ERROR_MEMORY : DNN_OK;
}

static dnn_status place_own(dnni_plan *plan, plan_step *step, int64_t i) {
    int64_t again = plan_runs_again(step) ? step->spec.forward_work : 0;
    for (int32_t k = 0; k < step->n_kept; k++) DNNI_TRY(place_kept(plan, step, i, k));
    DNNI_TRY(new_work(plan, &step->affine, affine_bytes(step), i));
    DNNI_TRY(new_work(plan, &step->forward_work, step->spec.forward_work, i));
    DNNI_TRY(new_work(plan, &step->again_work, again, again > 0 ? plan_again_time(plan, i) : 0));
    return new_work(plan, &step->backward_work, step->backward ? step->spec.backward_work : 0,
                    plan_backward_time(plan, i));
}

static dnn_status place_step(dnni_plan *plan, int64_t i) {
    plan_step *step = &plan->steps[i];
    step->forward_work = step->again_work = step->backward_work = PLAN_NONE;
    if (step->is_view) return DNN_OK;
    DNNI_TRY(place_outputs(plan, step, i, false));
    return place_own(plan, step, i);
}

dnn_status dnni_plan_make_buffers(dnni_plan *plan) {
    plan->n_buffers = plan->n_gradient_buffers;
    find_lifetimes(plan);
    DNNI_TRY(external_inputs(plan));
    for (int64_t i = 0; i < plan->n_steps; i++) DNNI_TRY(place_step(plan, i));
    for (int64_t a = 0; a < plan->n_again; a++)
        DNNI_TRY(place_outputs(plan, &plan->steps[plan->again[a]], plan_again_time(plan, plan->again[a]), true));
    return DNN_OK;
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
dnn_status dnni_plan_lay_out(dnni_plan *plan) {
    DNNI_TRY(dnni_plan_grow(plan, (void **)&plan->by_size, &plan->by_size_capacity, plan->n_buffers,
                            sizeof *plan->by_size));
    DNNI_TRY(dnni_plan_grow(plan, (void **)&plan->by_offset, &plan->by_offset_capacity, plan->n_buffers,
                            sizeof *plan->by_offset));
    plan_buffer **order = plan->by_size, **placed = plan->by_offset;
    int64_t n = 0;
    plan->arena_bytes = 0;
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
    place_prepared(plan);
    DNNI_TRY(dnni_plan_make_buffers(plan));
    return dnni_plan_lay_out(plan);
}
