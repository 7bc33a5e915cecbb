/* Recurrent layers: LSTM, GRU, and the plain tanh cell. */
#include "rnn/rnn.h"

#include <math.h>
#include <stdio.h>

#include "layers/weights.h"

typedef struct {
    dnnk_rnn_cell cell;
    int64_t inputs, hidden;
    bool with_state;
} recurrent;

enum { X, H0, C0 };      /* inputs */
enum { Y, H_N, C_N };    /* outputs */
enum { WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH };
enum { GATES, STATES, KEPT };

/* How many states a cell hands on: h, and an LSTM's c. */
static int32_t states_of(const recurrent *s) { return s->cell == DNNK_LSTM ? 2 : 1; }

static const void *input_data(const dnn_layer_call *call, int32_t i) {
    return i < call->n_inputs ? call->inputs[i].data : NULL;
}

/* Everything but the outputs, which a shape rule has not. */
static dnnk_rnn kernel_of(const recurrent *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[X];
    return (dnnk_rnn){.type = dnni_call_type(call), .cell = s->cell, .batch = x->dims[0], .steps = x->dims[1],
                      .inputs = s->inputs, .hidden = s->hidden, .x = x->data,
                      .weight_ih = call->parameters[WEIGHT_IH].data, .weight_hh = call->parameters[WEIGHT_HH].data,
                      .bias_ih = dnni_parameter_data(call, BIAS_IH), .bias_hh = dnni_parameter_data(call, BIAS_HH),
                      .h0 = input_data(call, H0), .c0 = s->cell == DNNK_LSTM ? input_data(call, C0) : NULL};
}

static dnnk_rnn running_kernel(const recurrent *s, const dnn_layer_call *call) {
    dnnk_rnn r = kernel_of(s, call);
    r.y = call->outputs[Y].data;
    r.gates = call->kept[GATES].data;
    r.states = call->kept[STATES].data;
    return r;
}

/* ---- shapes ---- */

static dnn_status expect_count(const recurrent *s, const dnn_layer_call *call) {
    int32_t all = 1 + states_of(s);
    if (call->n_inputs == 1 || call->n_inputs == all) return dnni_expect_inputs(call, call->n_inputs);
    return dnni_error(DNN_ERROR_SHAPE, "the layer takes 1 input, or %d with its state; it is given %d", all,
                      call->n_inputs);
}

static dnn_status expect_inputs(const recurrent *s, const dnn_layer_call *call) {
    static const char *const names[] = {"", "h", "c"};
    DNNI_TRY(expect_count(s, call));
    DNNI_TRY(dnni_expect_last(call, s->inputs, "features"));
    const dnn_array *x = &call->inputs[X];
    if (x->rank != 3)
        return dnni_error(DNN_ERROR_SHAPE, "input is %s, it must be (N, T, %lld)", dnni_array_shape(x).text,
                          (long long)s->inputs);
    for (int32_t i = H0; i < call->n_inputs; i++) {
        const dnn_array *state = &call->inputs[i];
        if (state->rank == 2 && state->dims[0] == x->dims[0] && state->dims[1] == s->hidden) continue;
        return dnni_error(DNN_ERROR_SHAPE, "%s is %s, it must be [%lld,%lld] (input %s)", names[i],
                          dnni_array_shape(state).text, (long long)x->dims[0], (long long)s->hidden,
                          dnni_array_shape(x).text);
    }
    return DNN_OK;
}

static void set_outputs(const recurrent *s, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const dnn_array *x = &call->inputs[X];
    dnni_output_like_input(call, spec);
    spec->outputs[Y].dims[2] = s->hidden;
    if (!s->with_state) return;
    spec->n_outputs = 1 + states_of(s);
    for (int32_t i = H_N; i < spec->n_outputs; i++)
        spec->outputs[i] = dnni_array(x->dtype, 2, (int64_t[]){x->dims[0], s->hidden});
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const recurrent *s = state;
    DNNI_TRY(expect_inputs(s, call));
    set_outputs(s, call, spec);
    const dnnk_env *env = dnni_call_env(call);
    dnnk_rnn r = kernel_of(s, call);
    int64_t gates = dnnk_rnn_gate_elements(env, &r), states = dnnk_rnn_state_elements(env, &r);
    spec->n_kept = KEPT;
    spec->kept[GATES] = dnni_array(call->inputs[X].dtype, 1, &gates);
    spec->kept[STATES] = dnni_array(call->inputs[X].dtype, 1, &states);
    spec->forward_work = dnnk_rnn_workspace(env, &r);
    spec->backward_work = dnnk_rnn_backward_workspace(env, &r);
    spec->backward_reads = DNN_READS_INPUT(X) | DNN_READS_INPUT(H0) | DNN_READS_OUTPUT(Y);
    spec->flops = 2.0 * (double)(r.batch * r.steps) * (double)(dnnk_rnn_gates(s->cell) * s->hidden) *
                  (double)(s->inputs + s->hidden);
    return DNN_OK;
}

/* ---- running ---- */

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const recurrent *s = state;
    dnnk_rnn r = running_kernel(s, call);
    if (call->n_outputs > H_N) r.h_n = call->outputs[H_N].data;
    if (call->n_outputs > C_N) r.c_n = call->outputs[C_N].data;
    dnnk_rnn_forward(dnni_call_env(call), &r, call->work);
    return DNN_OK;
}

static const void *output_gradient(const dnn_layer_call *call, int32_t i) {
    return i < call->n_outputs ? call->output_gradients[i].data : NULL;
}
static void *input_gradient(const dnn_layer_call *call, int32_t i) {
    return i < call->n_inputs ? call->input_gradients[i].data : NULL;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    dnnk_rnn r = running_kernel(state, call);
    dnnk_rnn_gradients g = {.dy = output_gradient(call, Y), .dh_n = output_gradient(call, H_N),
                            .dc_n = output_gradient(call, C_N), .dx = input_gradient(call, X),
                            .dh0 = input_gradient(call, H0), .dc0 = input_gradient(call, C0),
                            .dweight_ih = dnni_parameter_gradient(call, WEIGHT_IH),
                            .dweight_hh = dnni_parameter_gradient(call, WEIGHT_HH),
                            .dbias_ih = dnni_parameter_gradient(call, BIAS_IH),
                            .dbias_hh = dnni_parameter_gradient(call, BIAS_HH)};
    dnnk_rnn_backward(dnni_call_env(call), &r, &g, call->work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const recurrent *s = state;
    snprintf(text, bytes, "%lld→%lld", (long long)s->inputs, (long long)s->hidden);
}

#define RECURRENT_CLASS(name)                                                                                     \
    {DNN_SIZED(dnn_layer_class), .type = name, .shape = shape, .forward = forward, .backward = backward,          \
     .detail = detail, .repeatable = 1}

static const dnn_layer_class rnn_tanh_class = RECURRENT_CLASS("rnn_tanh"), lstm_class = RECURRENT_CLASS("lstm"),
                             gru_class = RECURRENT_CLASS("gru");

/* ---- making ---- */

static dnn_status check(const dnn_rnn_desc *d) {
    DNNI_REQUIRE(d->inputs >= 1, "desc.inputs is %lld, it must be at least 1", (long long)d->inputs);
    DNNI_REQUIRE(d->hidden >= 1, "desc.hidden is %lld, it must be at least 1", (long long)d->hidden);
    return DNN_OK;
}

static void add_parameters(dnn_module *m, const recurrent *s, const dnn_rnn_desc *d) {
    double r = 1 / sqrt((double)s->hidden);
    dnn_init own = {DNN_SIZED(dnn_init), .kind = DNN_INIT_UNIFORM, .a = -r, .b = r};
    int64_t rows = dnnk_rnn_gates(s->cell) * s->hidden, ih[2] = {rows, s->inputs}, hh[2] = {rows, s->hidden};
    dnn_layer_add_parameter(m, "weight_ih", 2, ih, dnni_chosen_init(d->weight_ih_init, &own));
    dnn_layer_add_parameter(m, "weight_hh", 2, hh, dnni_chosen_init(d->weight_hh_init, &own));
    if (d->no_bias) return;
    dnn_layer_add_parameter(m, "bias_ih", 1, &rows, dnni_chosen_init(d->bias_init, &own));
    dnn_layer_add_parameter(m, "bias_hh", 1, &rows, dnni_chosen_init(d->bias_init, &own));
}

static dnn_module *make(dnn_context *ctx, const dnn_layer_class *layer_class, dnnk_rnn_cell cell,
                        const dnn_rnn_desc *desc) {
    dnn_rnn_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || check(&d) != DNN_OK) return NULL;
    recurrent state = {cell, d.inputs, d.hidden, d.with_state != 0};
    dnn_module *m = dnn_layer_create(ctx, layer_class, &state, sizeof state);
    if (m) add_parameters(m, &state, &d);
    return dnni_layer_done(m);
}

dnn_module *dnn_lstm(dnn_context *ctx, const dnn_rnn_desc *desc) { return make(ctx, &lstm_class, DNNK_LSTM, desc); }
dnn_module *dnn_gru(dnn_context *ctx, const dnn_rnn_desc *desc) { return make(ctx, &gru_class, DNNK_GRU, desc); }
dnn_module *dnn_rnn_tanh(dnn_context *ctx, const dnn_rnn_desc *desc) {
    return make(ctx, &rnn_tanh_class, DNNK_RNN_TANH, desc);
}
