#include "graph/runner.h"

#include "graph/index.h"
#include "graph/plan.h"

struct dnni_runner {
    dnn_context *ctx;
    dnni_use use;
    dnni_plan *plans[DNNI_PLANS];
    dnni_storage *arena, *prepared; /* for all plans; what is prepared is that of one of them */
    dnni_plan *prepared_for;
    uint64_t runs;
    dnni_plan *current; /* whose forward ran last, and may be followed by a backward */
    dnn_tensor **held;  /* the inputs of that forward */
    int32_t n_held;
    void **externals; /* room for data pointers of inputs, or of output gradients */
    int64_t externals_capacity, held_capacity;
    char *zeros; /* the gradient of outputs that are given none */
    int64_t zeros_capacity;
    dnni_watch watch;
    dnni_tally tally;
};

dnni_runner *dnni_runner_new(dnn_context *ctx, dnni_use use) {
    dnni_runner *runner = dnni_alloc(ctx, 1, sizeof *runner);
    if (!runner) return NULL;
    runner->ctx = ctx;
    runner->use = use;
    return runner;
}

static void let_inputs_go(dnni_runner *runner) {
    for (int32_t i = 0; i < runner->n_held; i++) dnn_tensor_release(runner->held[i]);
    runner->n_held = 0;
    runner->current = NULL;
}

void dnni_runner_reset(dnni_runner *runner) {
    if (!runner) return;
    let_inputs_go(runner);
    for (int i = 0; i < DNNI_PLANS; i++) {
        dnni_plan_free(runner->plans[i]);
        runner->plans[i] = NULL;
    }
    dnni_storage_drop(runner->arena);
    dnni_storage_drop(runner->prepared);
    runner->arena = runner->prepared = NULL;
    runner->prepared_for = NULL;
}

void dnni_runner_free(dnni_runner *runner) {
    if (!runner) return;
    dnni_runner_reset(runner);
    dnni_free(runner->ctx, runner->held, runner->held_capacity, sizeof *runner->held);
    dnni_free(runner->ctx, runner->externals, runner->externals_capacity, sizeof *runner->externals);
    dnni_free(runner->ctx, runner->zeros, runner->zeros_capacity, 1);
    dnni_free(runner->ctx, runner, 1, sizeof *runner);
}

/* ---- the cache ---- */

static bool fits(const dnni_plan *plan, uint64_t signature, const dnn_tensor *const *inputs, int32_t n_inputs) {
    if (plan->signature != signature || plan->n_inputs != n_inputs) return false;
    for (int32_t i = 0; i < n_inputs; i++)
        if (plan->input_shapes[i].dtype != inputs[i]->array.dtype ||
            !dnni_same_shape(&plan->input_shapes[i], &inputs[i]->array))
            return false;
    return true;
}

/* The empty place, or that of the plan that ran least recently. */
static int place_for_new(const dnni_runner *runner) {
    int place = 0;
    for (int i = 0; i < DNNI_PLANS; i++) {
        if (!runner->plans[i]) return i;
        if (runner->plans[i]->last_run < runner->plans[place]->last_run) place = i;
    }
    return place;
}

static dnn_status make_plan(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                            dnni_plan **out) {
    dnni_pool pool = {.ctx = runner->ctx};
    dnn_array *shapes = dnni_pool_alloc(&pool, n_inputs, sizeof *shapes);
    if (!shapes) return DNN_ERROR_MEMORY;
    for (int32_t i = 0; i < n_inputs; i++) shapes[i] = inputs[i]->array;
    dnni_plan *plan = NULL;
    dnn_status status = dnni_module_usable(module);
    if (status == DNN_OK) status = dnni_plan_make(&plan, module, shapes, n_inputs, runner->use);
    dnni_pool_free(&pool);
    if (status != DNN_OK) return status;
    int place = place_for_new(runner);
    if (runner->prepared_for == runner->plans[place]) runner->prepared_for = NULL;
    dnni_plan_free(runner->plans[place]);
    *out = runner->plans[place] = plan;
    return DNN_OK;
}

static dnn_status find_plan(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs, int32_t n_inputs,
                            dnni_plan **out) {
    uint64_t signature = dnni_module_signature(module, runner->use);
    for (int i = 0; i < DNNI_PLANS; i++) {
        if (!runner->plans[i] || !fits(runner->plans[i], signature, inputs, n_inputs)) continue;
        *out = runner->plans[i];
        return DNN_OK;
    }
    return make_plan(runner, module, inputs, n_inputs, out);
}

/* An input may be an output of an earlier run, fed back: its memory is read while the plan writes to its arena. */
static bool arena_is_read(const dnni_runner *runner) {
    for (int32_t i = 0; i < runner->n_held; i++)
        if (runner->held[i]->storage == runner->arena) return true;
    return false;
}

/* The old arena goes first: what it holds is of no use any more, and both together may not fit. */
static dnn_status ensure_arena(dnni_runner *runner, int64_t bytes) {
    int64_t have = runner->arena ? runner->arena->bytes : 0;
    if (runner->arena && have >= bytes && !arena_is_read(runner)) return DNN_OK;
    if (bytes < have) bytes = have;
    for (int i = 0; i < DNNI_PLANS; i++)
        if (runner->plans[i]) dnni_plan_unbind(runner->plans[i]);
    dnni_storage_drop(runner->arena);
    runner->arena = dnni_storage_new(runner->ctx, bytes, false);
    if (runner->arena) return DNN_OK;
    return dnni_error(DNN_ERROR_MEMORY,
                      "out of memory: the arena needs %lld bytes (dnn_module_describe shows for what; "
                      "dnn_module_set_memory makes do with less)",
                      (long long)bytes);
}

/* Memory for what is prepared from weights: one piece, as large as any plan needs, that goes to the plan that runs. So
 * a predictor of many shapes holds it once; one that alternates between shapes prepares at each change. */
static dnn_status give_prepared(dnni_runner *runner, dnni_plan *plan) {
    if (plan->prepared_bytes == 0 || runner->prepared_for == plan) return DNN_OK;
    runner->prepared_for = NULL;
    if (!runner->prepared || runner->prepared->bytes < plan->prepared_bytes) {
        dnni_storage_drop(runner->prepared);
        runner->prepared = dnni_storage_new(runner->ctx, plan->prepared_bytes, false);
        if (!runner->prepared)
            return dnni_error(DNN_ERROR_MEMORY, "out of memory: prepared weights need %lld bytes",
                              (long long)plan->prepared_bytes);
    }
    dnni_plan_give_prepared(plan, runner->prepared->data);
    runner->prepared_for = plan;
    return DNN_OK;
}

/* ---- forward ---- */

static dnn_status make_room(dnni_runner *runner, int32_t n) {
    DNNI_TRY(dnni_grow(runner->ctx, (void **)&runner->externals, &runner->externals_capacity, n,
                       sizeof *runner->externals));
    return dnni_grow(runner->ctx, (void **)&runner->held, &runner->held_capacity, n, sizeof *runner->held);
}

/* Holds the new inputs before it lets go of the old ones: they may be the same. */
static void hold_inputs(dnni_runner *runner, const dnn_tensor *const *inputs, int32_t n) {
    for (int32_t i = 0; i < n; i++) dnn_tensor_retain((dnn_tensor *)inputs[i]);
    let_inputs_go(runner);
    for (int32_t i = 0; i < n; i++) {
        runner->held[i] = (dnn_tensor *)inputs[i];
        runner->externals[i] = inputs[i]->array.data;
    }
    runner->n_held = n;
}

static dnn_status run_forward(dnni_runner *runner, dnni_plan *plan) {
    DNNI_TRY(ensure_arena(runner, plan->arena_bytes));
    DNNI_TRY(dnni_plan_bind(plan, runner->arena));
    DNNI_TRY(give_prepared(runner, plan));
    plan->last_run = ++runner->runs;
    return dnni_plan_forward(plan, runner->externals, &runner->watch);
}

dnn_status dnni_runner_forward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs,
                               int32_t n_inputs, const dnn_tensor **outputs, int32_t n_outputs) {
    dnni_plan *plan;
    DNNI_TRY(make_room(runner, n_inputs + n_outputs));
    DNNI_TRY(find_plan(runner, module, inputs, n_inputs, &plan));
    if (plan->n_outputs == 0)
        return dnni_error(DNN_ERROR_ARGUMENT, "the graph has no outputs: dnn_graph_output declares them");
    if (plan->n_outputs != n_outputs)
        return dnni_error(DNN_ERROR_ARGUMENT, "the module has %d outputs, n_outputs is %d", plan->n_outputs, n_outputs);
    hold_inputs(runner, inputs, n_inputs);
    dnn_status status = run_forward(runner, plan);
    if (status != DNN_OK) {
        let_inputs_go(runner);
        return status;
    }
    runner->current = plan;
    *(plan->trains ? &runner->tally.forwards_training : &runner->tally.forwards_evaluating) += 1;
    for (int32_t i = 0; i < n_outputs; i++) outputs[i] = plan->output_tensors[i];
    return DNN_OK;
}

dnn_status dnni_runner_look(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *inputs,
                            int32_t n_inputs) {
    dnni_plan *plan;
    DNNI_TRY(make_room(runner, n_inputs));
    DNNI_TRY(find_plan(runner, module, inputs, n_inputs, &plan));
    hold_inputs(runner, inputs, n_inputs);
    dnn_status status = run_forward(runner, plan);
    let_inputs_go(runner);
    return status;
}

/* ---- backward ---- */

static dnn_status check_state(const dnni_runner *runner, const dnn_module *module) {
    if (!runner || !runner->current)
        return dnni_error(DNN_ERROR_STATE, "backward needs a forward before it, one for each backward");
    if (!runner->current->keeps)
        return dnni_error(DNN_ERROR_STATE, "the forward ran in evaluation mode and kept nothing for a backward "
                                           "(dnn_module_train, or DNN_GRADIENTS_EVAL)");
    if (runner->current->signature != dnni_module_signature(module, runner->use))
        return dnni_error(DNN_ERROR_STATE, "modes, dtypes, what is frozen, what gradients are wanted or the tree "
                                           "changed since the forward: run it again");
    return DNN_OK;
}

static dnn_status check_gradient(const dnni_plan *plan, int32_t i, const dnn_tensor *dy) {
    const dnn_array *y = &plan->values[plan->outputs[i]].array;
    if (!dy) return plan->n_outputs > 1 ? DNN_OK : dnni_error(DNN_ERROR_ARGUMENT, "dy is NULL");
    if (dy->array.dtype != y->dtype)
        return dnni_error(DNN_ERROR_DTYPE, "dy is %s, output %d is %s", dnn_dtype_name(dy->array.dtype), i,
                          dnn_dtype_name(y->dtype));
    if (!dnni_same_shape(&dy->array, y))
        return dnni_error(DNN_ERROR_SHAPE, "dy is %s, output %d is %s", dnni_array_shape(&dy->array).text, i,
                          dnni_array_shape(y).text);
    return DNN_OK;
}

static dnn_status check_backward(const dnni_runner *runner, const dnn_module *module, const dnn_tensor *const *dys,
                                 int32_t n_outputs, const dnn_tensor **dxs, int32_t n_inputs) {
    DNNI_TRY(check_state(runner, module));
    const dnni_plan *plan = runner->current;
    DNNI_REQUIRE(n_outputs == plan->n_outputs, "the module has %d outputs, n_outputs is %d", plan->n_outputs,
                 n_outputs);
    for (int32_t i = 0; i < n_outputs; i++) DNNI_TRY(check_gradient(plan, i, dys[i]));
    if (!dxs) return DNN_OK;
    DNNI_REQUIRE(n_inputs == plan->n_inputs, "the module has %d inputs, n_inputs is %d", plan->n_inputs, n_inputs);
    if (module->gradient_flags & DNN_GRADIENTS_INPUTS) return DNN_OK;
    return dnni_error(DNN_ERROR_STATE, "input gradients were not asked for: "
                                       "dnn_module_set_gradients(module, DNN_GRADIENTS_INPUTS) before the forward");
}

/* A forward serves one backward, also one that fails half-way: what was kept is overwritten on the way. */
static dnn_status use_up(dnni_runner *runner) {
    dnni_plan *plan = runner->current;
    dnn_status status = dnni_plan_backward(plan, runner->externals, &runner->watch);
    let_inputs_go(runner);
    return status;
}

/* Outputs without a gradient share one piece of zeros, which is only read. */
static dnn_status ensure_zeros(dnni_runner *runner, const dnn_tensor *const *dys, int32_t n) {
    const dnni_plan *plan = runner->current;
    int64_t bytes = 1;
    for (int32_t i = 0; i < n; i++)
        if (!dys[i]) bytes = dnnk_max(bytes, dnni_bytes(&plan->values[plan->outputs[i]].array));
    return dnni_grow(runner->ctx, (void **)&runner->zeros, &runner->zeros_capacity, bytes, 1);
}

static dnn_status run_backward(dnni_runner *runner, const dnn_tensor *const *dys, int32_t n) {
    DNNI_TRY(ensure_zeros(runner, dys, n));
    for (int32_t i = 0; i < n; i++) runner->externals[i] = dys[i] ? dys[i]->array.data : runner->zeros;
    return use_up(runner);
}

static void count_backward(dnn_module *m, uint64_t visit) {
    if (m->visit == visit) return;
    m->visit = visit;
    m->pending_backwards++;
    for (int64_t i = 0; i < m->n_children; i++) count_backward(m->children[i].module, visit);
}

dnn_status dnni_runner_backward(dnni_runner *runner, dnn_module *module, const dnn_tensor *const *output_gradients,
                                int32_t n_outputs, const dnn_tensor **input_gradients, int32_t n_inputs) {
    DNNI_TRY(check_backward(runner, module, output_gradients, n_outputs, input_gradients, n_inputs));
    dnni_plan *plan = runner->current;
    DNNI_TRY(run_backward(runner, output_gradients, n_outputs));
    count_backward(module, dnni_next_visit());
    *(plan->trains ? &runner->tally.backwards_training : &runner->tally.backwards_evaluating) += 1;
    for (int32_t i = 0; input_gradients && i < n_inputs; i++) input_gradients[i] = plan->input_gradient_tensors[i];
    return DNN_OK;
}

/* ---- watching ---- */

void dnni_runner_watch(dnni_runner *runner, const dnni_watch *watch) { runner->watch = *watch; }

void dnni_runner_unwatch(dnni_runner *runner, const void *user) {
    if (runner && runner->watch.user == user) runner->watch = (dnni_watch){0};
}

dnni_tally dnni_runner_tally(const dnni_runner *runner) { return runner ? runner->tally : (dnni_tally){0}; }
