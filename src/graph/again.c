/* Which steps run again in the backward, and when: as late as possible. A step that forgets what it made runs again in
 * front of the first backward that reads it, or that reads what is made of it by steps that run again. Once: what it
 * makes then stays as long as it is needed. */
#include "graph/plan.h"

/* Steps whose inputs have still to be looked at. */
typedef struct {
    dnni_plan *plan;
    int32_t *open;
    int64_t n_open;
    int64_t before; /* the step whose backward comes next */
} search;

static void need(search *s, int32_t value) {
    int32_t producer = plan_root(s->plan, value)->producer;
    if (producer == PLAN_NONE) return;
    plan_step *step = &s->plan->steps[producer];
    if (!step->forgets || plan_runs_again(step)) return;
    step->again_for = (int32_t)s->before;
    s->open[s->n_open++] = producer;
}

static void need_for_backward(search *s, const plan_step *step) {
    for (int32_t k = 0; k < step->n_inputs; k++)
        if (plan_reads_input(step, k)) need(s, step->inputs[k]);
    for (int32_t k = 0; k < step->n_outputs; k++)
        if (plan_reads_output(step, k) || step->n_kept > 0) need(s, step->outputs[k]);
    while (s->n_open > 0) {
        const plan_step *again = &s->plan->steps[s->open[--s->n_open]];
        for (int32_t k = 0; k < again->n_inputs; k++) need(s, again->inputs[k]);
    }
}

/* By the step before whose backward they run, the last first; then as in the list. */
static void sort(dnni_plan *plan, int64_t *place) {
    for (int64_t i = 0; i < plan->n_steps; i++) place[i] = 0;
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (plan_runs_again(&plan->steps[i])) place[plan->steps[i].again_for]++;
    plan->n_again = 0;
    for (int64_t i = plan->n_steps - 1; i >= 0; i--) {
        int64_t count = place[i];
        place[i] = plan->n_again;
        plan->n_again += count;
    }
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (plan_runs_again(&plan->steps[i])) plan->again[place[plan->steps[i].again_for]++] = (int32_t)i;
}

/* Both arrays have room for all steps; the second is scratch. */
static dnn_status make_room(dnni_plan *plan) {
    if (plan->again) return DNN_OK;
    plan->again = dnni_pool_alloc(&plan->pool, plan->n_steps, sizeof *plan->again);
    plan->again_scratch = dnni_pool_alloc(&plan->pool, plan->n_steps, sizeof *plan->again_scratch);
    return plan->again && plan->again_scratch ? DNN_OK : DNN_ERROR_MEMORY;
}

dnn_status dnni_plan_order_again(dnni_plan *plan) {
    DNNI_TRY(make_room(plan));
    search s = {.plan = plan, .open = plan->again};
    for (int64_t i = 0; i < plan->n_steps; i++) plan->steps[i].again_for = PLAN_NONE;
    for (s.before = plan->n_steps - 1; s.before >= 0; s.before--)
        if (plan->steps[s.before].backward) need_for_backward(&s, &plan->steps[s.before]);
    sort(plan, plan->again_scratch);
    return DNN_OK;
}
