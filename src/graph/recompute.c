/* The pass before placing: which steps forget what they made, and run again in the backward, so that the arena stays
 * within a budget (Chen, Xu, Zhang, Guestrin 2016, "Training deep nets with sublinear memory cost"). Not in segments,
 * but step by step, since steps differ: of convolution, batch norm and ReLU the last two make as many bytes as the
 * first, and cost a hundredth of it.
 *
 * The step that lowers memory most for what it costs to run it again is taken next, until none lowers it. This order
 * does not depend on the budget, of which the first point on the way decides that meets it: so a budget that was met
 * once is met always. Then steps that turn out not to be needed for it are given up again, dear ones first.
 *
 * Memory, on the way, is no maximum but a soft one, (Σ bytes(t)^64)^(1/64) over all moments t: a step may lower a peak
 * that another one of the same height hides. Whether the budget is met is seen from placing itself. */
#include <math.h>
#include <string.h>

#include "graph/plan.h"

#define NEARLY 0.9 /* of the gain that a step promised */

typedef struct {
    double soft;
    int64_t peak; /* bytes alive at once */
} usage;

typedef struct {
    dnni_plan *plan;
    dnni_pool pool;
    /* per moment */
    int64_t *curve; /* bytes alive */
    /* per step */
    int64_t *again_at, *backward_at; /* numbers of moments */
    double *gain;                    /* of soft memory for its cost, as it was when last looked at; 0: none */
    bool *deep;                      /* together with what `forget` says */
    bool *tried;                     /* to be given up */
    int32_t *rank;                   /* when it was taken, from 1; 0: it was not */
    int32_t *added;                  /* by the last `forget` */
    int64_t n_added;
    bool *held; /* per value: its memory is kept until the backward */
    double scale;
    usage now;
    int32_t taken;
    int64_t *peak_of; /* after so many were taken */
} search;

/* What a step that runs again costs, in floating-point operations: its own, and ten for each byte that it reads or
 * writes, about what a processor computes while it waits for memory (our choice). */
static double cost_of(const dnni_plan *plan, int64_t i) {
    const plan_step *step = &plan->steps[i];
    double bytes = 0, flops = 0;
    for (int32_t g = 0; g <= step->n_guests; g++) flops += step[g].spec.flops;
    for (int32_t k = 0; k < step->n_inputs; k++) bytes += (double)dnni_bytes(&plan->values[step->inputs[k]].array);
    for (int32_t k = 0; k < step->n_outputs; k++) bytes += (double)dnni_bytes(&plan->values[step->outputs[k]].array);
    return flops + 10 * bytes + 1;
}

static bool may_forget(const dnni_plan *plan, const plan_step *step) {
    if (!step->module || step->is_view || step->is_guest || !step->layer_class->repeatable) return false;
    for (int32_t k = 0; k < step->n_outputs; k++)
        if (plan->values[step->outputs[k]].is_output) return false;
    return true;
}

/* ---- memory over time ---- */

/* Moments, numbered without gaps: forwards, then backwards with what runs again before each. Returns the last. */
static int64_t number_moments(search *s) {
    const dnni_plan *plan = s->plan;
    int64_t next = plan->n_steps, a = 0;
    for (int64_t i = plan->n_steps - 1; i >= 0; i--) {
        for (; a < plan->n_again && plan->steps[plan->again[a]].again_for == i; a++)
            s->again_at[plan->again[a]] = next++;
        s->backward_at[i] = next++;
    }
    return next;
}

/* The number of a time of the plan's. */
static int64_t moment(const search *s, int64_t time, int64_t end) {
    int64_t n = s->plan->n_steps;
    if (time <= n) return time;
    int64_t step = n - 1 - (time - n) / (n + 1), within = (time - n) % (n + 1);
    if (step < 0) return end;
    return within == n ? s->backward_at[step] : s->again_at[within];
}

/* x^64, and its inverse. */
static double raised(double x) {
    for (int i = 0; i < 6; i++) x *= x;
    return x;
}

static double lowered(double x) {
    for (int i = 0; i < 6; i++) x = sqrt(x);
    return x;
}

/* Of the plan, with the steps that forget now. */
static dnn_status measure(search *s, usage *found) {
    const dnni_plan *plan = s->plan;
    DNNI_TRY(dnni_plan_order_again(s->plan));
    DNNI_TRY(dnni_plan_make_buffers(s->plan));
    int64_t end = number_moments(s), alive = 0;
    memset(s->curve, 0, (size_t)(end + 2) * sizeof *s->curve);
    for (int64_t i = 0; i < plan->n_buffers; i++) {
        const plan_buffer *b = &plan->buffers[i];
        if (b->external != PLAN_NONE) continue;
        s->curve[moment(s, b->first, end)] += dnnk_round_up(b->bytes, DNNI_ALIGNMENT);
        s->curve[moment(s, b->last, end) + 1] -= dnnk_round_up(b->bytes, DNNI_ALIGNMENT);
    }
    *found = (usage){0, 0};
    for (int64_t t = 0; t <= end; t++) {
        alive += s->curve[t];
        found->peak = dnnk_max(found->peak, alive);
        found->soft += raised((double)alive / s->scale);
    }
    found->soft = lowered(found->soft);
    return DNN_OK;
}

/* Whether the plan as it was measured keeps to a budget. What is alive at once is a lower bound, and found sooner. */
static dnn_status keeps_to(search *s, const usage *u, int64_t budget, bool *yes) {
    *yes = false;
    if (u->peak > budget) return DNN_OK;
    DNNI_TRY(dnni_plan_lay_out(s->plan));
    *yes = s->plan->arena_bytes <= budget;
    return DNN_OK;
}

/* ---- trying a step ---- */

static void add(search *s, int64_t i) {
    s->plan->steps[i].forgets = true;
    s->added[s->n_added++] = (int32_t)i;
}

/* Forgets step i. `deep`: also those of its inputs that nobody else keeps, and what these are made of: a dropout that
 * forgets wins nothing if the ReLU before it is kept instead. */
static void forget(search *s, int64_t i, bool deep) {
    const dnni_plan *plan = s->plan;
    s->n_added = 0;
    add(s, i);
    for (int64_t a = 0; deep && a < s->n_added; a++) {
        const plan_step *step = &plan->steps[s->added[a]];
        for (int32_t k = 0; k < step->n_inputs; k++) {
            int32_t root = plan->values[step->inputs[k]].root, producer = plan->values[root].producer;
            if (producer == PLAN_NONE || s->held[root] || plan->steps[producer].forgets) continue;
            if (may_forget(plan, &plan->steps[producer])) add(s, producer);
        }
    }
}

static dnn_status try_one(search *s, int64_t i, bool deep) {
    usage then;
    double cost = 0;
    forget(s, i, deep);
    for (int64_t a = 0; a < s->n_added; a++) cost += cost_of(s->plan, s->added[a]);
    dnn_status status = measure(s, &then);
    for (int64_t a = 0; a < s->n_added; a++) s->plan->steps[s->added[a]].forgets = false;
    double won = s->now.soft - then.soft;
    if (status != DNN_OK || won <= 1e-5 * s->now.soft || won / cost <= s->gain[i]) return status;
    s->gain[i] = won / cost;
    s->deep[i] = deep;
    return DNN_OK;
}

static dnn_status look_at(search *s, int64_t i) {
    const plan_step *step = &s->plan->steps[i];
    s->gain[i] = 0;
    if (step->forgets || !may_forget(s->plan, step)) return DNN_OK;
    DNNI_TRY(try_one(s, i, false));
    return try_one(s, i, true);
}

static uint32_t mirrored(uint32_t bits) {
    for (uint32_t half = 16, mask = 0x0000ffff; half > 0; half /= 2, mask ^= mask << half)
        bits = (bits >> half & mask) | (bits & mask) << half;
    return bits;
}

/* A step whose promise is the greatest, or nearly so. Of many, those that lie apart come first (by their numbers, read
 * backwards: van der Corput 1935): of a chain of equal layers, every other one shall forget, and not the first half. */
static int64_t most_promising(const search *s) {
    double most = 0;
    int64_t best = PLAN_NONE;
    for (int64_t i = 0; i < s->plan->n_steps; i++) most = fmax(most, s->gain[i]);
    for (int64_t i = 0; i < s->plan->n_steps; i++)
        if (s->gain[i] > 0 && s->gain[i] >= NEARLY * most &&
            (best == PLAN_NONE || mirrored((uint32_t)i) < mirrored((uint32_t)best)))
            best = i;
    return best;
}

/* The step to be taken next; PLAN_NONE: none lowers memory. Gains are those of earlier looks, and mostly fall: the most
 * promising one is looked at again, and taken if it still is, or nearly so; all are, when none is left. */
static dnn_status find_next(search *s, int64_t *next) {
    for (bool looked_at_all = false;;) {
        *next = most_promising(s);
        if (*next == PLAN_NONE) {
            if (looked_at_all) return DNN_OK;
            looked_at_all = true;
            for (int64_t i = 0; i < s->plan->n_steps; i++) DNNI_TRY(look_at(s, i));
            continue;
        }
        double promised = s->gain[*next];
        DNNI_TRY(look_at(s, *next));
        if (s->gain[*next] >= NEARLY * promised) return DNN_OK;
    }
}

static dnn_status settle(search *s) {
    DNNI_TRY(measure(s, &s->now));
    for (int64_t v = 0; v < s->plan->n_values; v++)
        s->held[v] = s->plan->values[v].producer == PLAN_NONE || s->plan->values[v].last_use >= s->plan->n_steps;
    s->peak_of[s->taken] = s->now.peak;
    return DNN_OK;
}

static dnn_status take(search *s, int64_t i) {
    forget(s, i, s->deep[i]);
    s->taken++;
    for (int64_t a = 0; a < s->n_added; a++) {
        s->rank[s->added[a]] = s->taken;
        s->gain[s->added[a]] = 0;
    }
    return settle(s);
}

/* ---- giving up ---- */

static int64_t dearest_untried(const search *s) {
    int64_t best = PLAN_NONE;
    for (int64_t i = 0; i < s->plan->n_steps; i++)
        if (s->plan->steps[i].forgets && !s->tried[i] &&
            (best == PLAN_NONE || cost_of(s->plan, i) > cost_of(s->plan, best)))
            best = i;
    return best;
}

static dnn_status give_up_needless(search *s, int64_t budget) {
    for (int64_t i = dearest_untried(s); i != PLAN_NONE; i = dearest_untried(s)) {
        bool yes;
        usage without;
        s->tried[i] = true;
        s->plan->steps[i].forgets = false;
        DNNI_TRY(measure(s, &without));
        DNNI_TRY(keeps_to(s, &without, budget, &yes));
        s->plan->steps[i].forgets = !yes;
    }
    return DNN_OK;
}

/* ---- the pass ---- */

static dnn_status start(search *s) {
    int64_t n = s->plan->n_steps + 1; /* so that nothing is empty */
    s->curve = dnni_pool_alloc(&s->pool, 3 * n + 2, sizeof *s->curve);
    s->again_at = dnni_pool_alloc(&s->pool, n, sizeof *s->again_at);
    s->backward_at = dnni_pool_alloc(&s->pool, n, sizeof *s->backward_at);
    s->gain = dnni_pool_alloc(&s->pool, n, sizeof *s->gain);
    s->deep = dnni_pool_alloc(&s->pool, n, sizeof *s->deep);
    s->tried = dnni_pool_alloc(&s->pool, n, sizeof *s->tried);
    s->peak_of = dnni_pool_alloc(&s->pool, n, sizeof *s->peak_of);
    s->rank = dnni_pool_alloc(&s->pool, n, sizeof *s->rank);
    s->added = dnni_pool_alloc(&s->pool, n, sizeof *s->added);
    s->held = dnni_pool_alloc(&s->pool, s->plan->n_values + 1, sizeof *s->held);
    bool all = s->curve && s->again_at && s->backward_at && s->gain && s->deep && s->tried && s->peak_of;
    return all && s->rank && s->added && s->held ? DNN_OK : DNN_ERROR_MEMORY;
}

/* Nothing forgotten: how much that is. */
static dnn_status begin(search *s) {
    DNNI_TRY(start(s));
    s->scale = 1;
    DNNI_TRY(measure(s, &s->now));
    s->scale = (double)dnnk_max(s->now.peak, 1);
    DNNI_TRY(settle(s));
    DNNI_TRY(dnni_plan_lay_out(s->plan));
    s->plan->arena_bytes_without = s->plan->arena_bytes;
    return DNN_OK;
}

static dnn_status walk(search *s, int64_t budget, bool *met) {
    for (int64_t next;;) {
        DNNI_TRY(keeps_to(s, &s->now, budget, met));
        if (*met) return DNN_OK;
        DNNI_TRY(find_next(s, &next));
        if (next == PLAN_NONE) return DNN_OK;
        DNNI_TRY(take(s, next));
    }
}

static dnn_status go_to(search *s, int32_t rank) {
    for (int64_t i = 0; i < s->plan->n_steps; i++)
        s->plan->steps[i].forgets = s->rank[i] > 0 && s->rank[i] <= rank;
    DNNI_TRY(measure(s, &s->now));
    return dnni_plan_lay_out(s->plan);
}

/* To where the arena is smallest: of what was passed on the way, as far as what is alive at once leaves that open. What
 * it takes there is the budget. */
static dnn_status go_to_least(search *s, int64_t *budget) {
    int32_t best = 0;
    *budget = s->plan->arena_bytes_without;
    for (int32_t rank = s->taken; rank > 0; rank--) {
        if (s->peak_of[rank] >= *budget) continue;
        DNNI_TRY(go_to(s, rank));
        if (s->plan->arena_bytes >= *budget) continue;
        *budget = s->plan->arena_bytes;
        best = rank;
    }
    return go_to(s, best);
}

static dnn_status choose(search *s, int64_t budget) {
    bool met;
    DNNI_TRY(begin(s));
    DNNI_TRY(walk(s, budget, &met));
    if (!met) DNNI_TRY(go_to_least(s, &budget));
    DNNI_TRY(give_up_needless(s, budget));
    return dnni_plan_order_again(s->plan);
}

/* What tests ask for. */
static dnn_status force(dnni_plan *plan) {
    for (int64_t i = 0; i < plan->n_steps; i++)
        plan->steps[i].forgets = (plan->ctx->forced_again >> i % 64 & 1) && may_forget(plan, &plan->steps[i]);
    return dnni_plan_order_again(plan);
}

dnn_status dnni_plan_recompute(dnni_plan *plan, int64_t budget) {
    if (plan->ctx->forced_again) return force(plan);
    if (budget == 0 || plan->n_steps == 0) return DNN_OK;
    search s = {.plan = plan, .pool = {.ctx = plan->ctx}};
    dnn_status status = choose(&s, budget);
    dnni_pool_free(&s.pool);
    return status;
}
