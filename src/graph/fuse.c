/* Between expand and gradient: steps that an earlier one can do on the way to memory become its guests (batch norm, add
 * and ReLU; convolution and ReLU). Guests follow their host without a gap, so nothing changes its order, and what a
 * network computes stays the same, bit for bit: the epilogue is the guests' arithmetic, on numbers in registers. Only
 * batch norm as a guest, in inference, becomes one multiplication and one addition, and rounds differently. */
#include "graph/plan.h"

/* What the host may take. Where a backward may follow, the values between host and guests would be missed: batch norm
 * as a guest reads its input there; what an addition does to gradients, and ReLU, a layer may undo by itself, or the
 * plan takes ReLU's part off the gradient before the layer sees it. */
static uint32_t takes(const dnni_plan *plan, const plan_step *host) {
    uint32_t takes = host->spec.takes;
    if (!plan->keeps) return takes;
    return takes & (takes & DNN_EPILOGUE_BACKWARD ? DNN_EPILOGUE_ADD | DNN_EPILOGUE_RELU : DNN_EPILOGUE_RELU);
}

/* Nobody but `step` sees the value. */
static bool is_used_by(const dnni_plan *plan, const plan_step *step, int32_t value) {
    if (plan->values[value].root != value || plan->values[value].consumers != 1) return false;
    for (int32_t k = 0; k < step->n_inputs; k++)
        if (step->inputs[k] == value) return true;
    return false;
}

/* The part of the epilogue that is left for the parts after those that are there. */
static bool is_next(const plan_step *host, uint32_t part) { return part > host->epilogue.parts; }

static bool may_take(const dnni_plan *plan, const plan_step *host, const plan_step *guest) {
    uint32_t part = guest->spec.is;
    return part != 0 && (part & takes(plan, host)) == part && is_next(host, part) && guest->n_outputs == 1 &&
           is_used_by(plan, guest, host->outputs[0]);
}

static dnn_status append_input(dnni_plan *plan, plan_step *host, int32_t value) {
    int32_t n = host->n_inputs, *inputs = dnni_pool_alloc(&plan->pool, n + 1, sizeof *inputs);
    host->input_gradients = dnni_pool_alloc(&plan->pool, n + 1, sizeof *host->input_gradients);
    if (!inputs || !host->input_gradients) return DNN_ERROR_MEMORY;
    for (int32_t k = 0; k < n; k++) inputs[k] = host->inputs[k];
    inputs[n] = value;
    host->inputs = inputs;
    host->n_inputs = n + 1;
    return DNN_OK;
}

static dnn_status take(dnni_plan *plan, plan_step *host, plan_step *guest) {
    int32_t between = host->outputs[0];
    if (guest->n_inputs == 2)
        DNNI_TRY(append_input(plan, host, guest->inputs[guest->inputs[0] == between ? 1 : 0]));
    host->epilogue.parts |= guest->spec.is;
    host->outputs[0] = guest->outputs[0];
    plan->values[host->outputs[0]].producer = plan->values[between].producer;
    host->n_guests++;
    guest->is_guest = true;
    guest->n_inputs = guest->n_layer_inputs = guest->n_outputs = guest->n_kept = 0;
    guest->spec.forward_work = guest->spec.backward_work = 0;
    return DNN_OK;
}

/* The plan needs the signs of what the layer wrote where it takes ReLU's part off the gradient. */
static dnn_status settle(dnni_plan *plan, plan_step *host) {
    bool undoes = (host->spec.takes & DNN_EPILOGUE_BACKWARD) != 0;
    host->epilogue.size = sizeof host->epilogue;
    dnn_status status = dnni_plan_ask_shape(plan, host);
    if (status != DNN_OK) dnni_error_prefix(host->path);
    if (!undoes && plan->keeps) host->spec.backward_reads |= DNN_READS_OUTPUT(0);
    return status;
}

static dnn_status take_guests(dnni_plan *plan, int64_t i) {
    plan_step *host = &plan->steps[i];
    for (int64_t k = i + 1; k < plan->n_steps && may_take(plan, host, &plan->steps[k]); k++)
        DNNI_TRY(take(plan, host, &plan->steps[k]));
    return host->n_guests > 0 ? settle(plan, host) : DNN_OK;
}

dnn_status dnni_plan_fuse(dnni_plan *plan) {
    if (!plan->ctx->allow_fusion) return DNN_OK;
    for (int64_t i = 0; i < plan->n_steps; i++)
        if (!plan->steps[i].is_guest && plan->steps[i].spec.takes) DNNI_TRY(take_guests(plan, i));
    return DNN_OK;
}
