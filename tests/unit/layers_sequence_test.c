/* Attention and recurrent layers: against PyTorch, what is refused, states handed on, masks, modes. Kernels are checked in
 * attention_kernel_test.c and rnn_kernel_test.c, gradients in layer_table_test.c too. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/check.h>

#include "golden/sequence_golden.h"
#include "support/allocator.h"
#include "support/running.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

#define ATTENTION(...) dnn_attention(ctx, &(dnn_attention_desc){DNN_SIZED(dnn_attention_desc), __VA_ARGS__})
#define MULTI_HEAD(...)                                                                                     \
    dnn_multi_head_attention(ctx, &(dnn_multi_head_attention_desc){DNN_SIZED(dnn_multi_head_attention_desc), \
                                                                   __VA_ARGS__})
#define RECURRENT(kind, ...) kind(ctx, &(dnn_rnn_desc){DNN_SIZED(dnn_rnn_desc), __VA_ARGS__})

static dnn_module *as(dnn_module *m, dnn_dtype dtype) {
    if (!m) fail_msg("%s", dnn_last_error());
    assert_int_equal(dnn_module_to(m, dtype), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS | DNN_GRADIENTS_EVAL), DNN_OK);
    return m;
}

/* ---- PyTorch ---- */

static dnn_module *make(const sequence_golden *g) {
    int64_t features = g->inputs[0].dims[2], width = g->outputs[0].dims[2];
    switch (g->kind) {
    case SEQUENCE_ATTENTION: return ATTENTION(.heads = g->heads, .causal = (int32_t)g->causal);
    case SEQUENCE_MULTI_HEAD: return MULTI_HEAD(.embed = width, .heads = g->heads, .causal = (int32_t)g->causal);
    case SEQUENCE_LSTM: return RECURRENT(dnn_lstm, .inputs = features, .hidden = width, .with_state = 1);
    case SEQUENCE_GRU: return RECURRENT(dnn_gru, .inputs = features, .hidden = width, .with_state = 1);
    case SEQUENCE_RNN_TANH: return RECURRENT(dnn_rnn_tanh, .inputs = features, .hidden = width, .with_state = 1);
    }
    return NULL;
}

static dnn_tensor *tensor_like(const sequence_array *a, dnn_dtype dtype, const double *values) {
    return tensor_of(ctx, dtype, a->rank, a->dims, values);
}

static void load_parameters(dnn_module *m, const sequence_golden *g) {
    assert_int_equal(dnn_module_parameter_count(m), g->n_parameters);
    for (int32_t i = 0; i < g->n_parameters; i++) {
        dnn_tensor *to = value_of(m, g->parameters[i].name);
        expect_shape(to, g->parameters[i].rank, g->parameters[i].dims);
        for (int64_t k = 0; k < dnn_tensor_count(to); k++) tensor_put(to, k, g->parameters[i].values[k]);
    }
}

static void compare(const sequence_golden *g, dnn_dtype dtype, double bound) {
    dnn_module *m = as(make(g), dtype);
    const dnn_tensor *x[4], *y[3], *dy[3], *dx[4];
    load_parameters(m, g);
    for (int32_t i = 0; i < g->n_inputs; i++) {
        bool is_mask = g->has_mask && i == g->n_inputs - 1;
        x[i] = tensor_like(&g->inputs[i], is_mask ? DNN_BOOL : dtype, g->inputs[i].values);
    }
    for (int32_t i = 0; i < g->n_outputs; i++) dy[i] = tensor_like(&g->outputs[i], dtype, g->outputs[i].gradient);
    if (dnn_module_forward_n(m, x, g->n_inputs, y, g->n_outputs) != DNN_OK)
        fail_msg("%s: %s", g->name, dnn_last_error());
    for (int32_t i = 0; i < g->n_outputs; i++) expect_values(y[i], g->outputs[i].values, bound, g->name);
    assert_int_equal(dnn_module_backward_n(m, dy, g->n_outputs, dx, g->n_inputs), DNN_OK);
    for (int32_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i].gradient) expect_values(dx[i], g->inputs[i].gradient, bound, g->name);
    for (int32_t i = 0; i < g->n_parameters; i++)
        expect_values(gradient_of(m, g->parameters[i].name), g->parameters[i].gradient, bound, g->parameters[i].name);
    for (int32_t i = 0; i < g->n_inputs; i++) dnn_tensor_release((dnn_tensor *)x[i]);
    for (int32_t i = 0; i < g->n_outputs; i++) dnn_tensor_release((dnn_tensor *)dy[i]);
    dnn_module_release(m);
}

static void agrees_with_pytorch(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sequence_goldens / sizeof *sequence_goldens; i++) {
        compare(&sequence_goldens[i], DNN_F64, 1e-13);
        compare(&sequence_goldens[i], DNN_F32, 2e-6);
    }
}

/* ---- what is refused ---- */

static void expect_refused(dnn_module *m, const char *line) {
    assert_null(m);
    expect_error(dnn_last_status(), DNN_ERROR_ARGUMENT, line);
}

static void bad_settings_are_named(void **state) {
    (void)state;
    expect_refused(dnn_attention(ctx, NULL), "desc is NULL");
    expect_refused(ATTENTION(.causal = 1), "desc.heads is 0, it must be at least 1");
    expect_refused(ATTENTION(.heads = 1, .scale = (double)NAN), "desc.scale is nan, it must be finite");
    expect_refused(MULTI_HEAD(.heads = 2), "desc.embed is 0, it must be at least 1");
    expect_refused(MULTI_HEAD(.embed = 6, .heads = -1), "desc.heads is -1, it must be at least 1");
    expect_refused(MULTI_HEAD(.embed = 6, .heads = 4), "desc.embed is 6, which is no multiple of 4 heads");
    expect_refused(RECURRENT(dnn_lstm, .hidden = 3), "desc.inputs is 0, it must be at least 1");
    expect_refused(RECURRENT(dnn_gru, .inputs = 3, .hidden = -2), "desc.hidden is -2, it must be at least 1");
    expect_refused(dnn_rnn_tanh(ctx, NULL), "desc is NULL");
}

typedef struct {
    dnn_dtype dtype;
    int32_t rank;
    int64_t dims[4];
} shape;

static void expect_misfit(dnn_module *m, const shape *shapes, int32_t n, dnn_status status, const char *line) {
    const dnn_tensor *x[4], *y[1];
    if (!m) fail_msg("%s", dnn_last_error());
    for (int32_t i = 0; i < n; i++) x[i] = tensor_of(ctx, shapes[i].dtype, shapes[i].rank, shapes[i].dims, NULL);
    expect_error(dnn_module_forward_n(m, x, n, y, 1), status, line);
    for (int32_t i = 0; i < n; i++) dnn_tensor_release((dnn_tensor *)x[i]);
    dnn_module_release(m);
}

#define SHAPES(...) (shape[]){__VA_ARGS__}, (int32_t)(sizeof((shape[]){__VA_ARGS__}) / sizeof(shape))

static void misfits_are_told_with_shapes(void **state) {
    (void)state;
    const shape q = {DNN_F32, 3, {2, 3, 4}}, k = {DNN_F32, 3, {2, 5, 4}}, v = {DNN_F32, 3, {2, 5, 6}};
    const shape flat = {DNN_F32, 2, {2, 4}}, wide = {DNN_F32, 3, {2, 5, 8}}, odd = {DNN_F32, 3, {2, 5, 3}};
    const shape mask = {DNN_BOOL, 2, {2, 4}}, wrong = {DNN_I32, 2, {2, 5}};
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q), DNN_ERROR_SHAPE,
                  "the layer takes 3 inputs, or 4 with a mask; it is given 1");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, flat, v), DNN_ERROR_SHAPE,
                  "keys are [2,4], they must be (N, T, features)");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, k, odd), DNN_ERROR_SHAPE,
                  "values have 3 features, which is no multiple of 2 heads");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, wide, v), DNN_ERROR_SHAPE,
                  "queries [2,3,4] and keys [2,5,8] must have the same features");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, q, v), DNN_ERROR_SHAPE,
                  "queries [2,3,4], keys [2,3,4] and values [2,5,6] do not go together: "
                  "(N, T, …), (N, S, …), (N, S, …)");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, k, v, mask), DNN_ERROR_SHAPE,
                  "the mask is [2,4], it must be [2,5]: samples, keys");
    expect_misfit(ATTENTION(.heads = 2), SHAPES(q, k, v, wrong), DNN_ERROR_DTYPE,
                  "the mask is int32, it must be bool or float32");
    expect_misfit(MULTI_HEAD(.embed = 6, .heads = 2), SHAPES(q), DNN_ERROR_SHAPE,
                  "input has 4 features, the layer expects 6 (input [2,3,4])");
    expect_misfit(MULTI_HEAD(.embed = 4, .heads = 2), SHAPES(flat), DNN_ERROR_SHAPE,
                  "input is [2,4], it must be (N, T, 4)");
    expect_misfit(RECURRENT(dnn_lstm, .inputs = 4, .hidden = 3), SHAPES(q, flat), DNN_ERROR_SHAPE,
                  "the layer takes 1 input, or 3 with its state; it is given 2");
    expect_misfit(RECURRENT(dnn_gru, .inputs = 4, .hidden = 3), SHAPES(q, flat), DNN_ERROR_SHAPE,
                  "h is [2,4], it must be [2,3] (input [2,3,4])");
    expect_misfit(RECURRENT(dnn_gru, .inputs = 4, .hidden = 3), SHAPES(flat), DNN_ERROR_SHAPE,
                  "input is [2,4], it must be (N, T, 4)");
}

/* ---- attention ---- */

/* A float mask of 0 and -inf says what a bool mask says, bit for bit. */
static void masks_of_both_kinds_agree(void **state) {
    (void)state;
    dnn_module *m = as(MULTI_HEAD(.embed = 8, .heads = 2), DNN_F32);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 5, 8), 1), *y[2];
    for (int kind = 0; kind < 2; kind++) {
        dnn_tensor *mask = tensor_of(ctx, kind ? DNN_F32 : DNN_BOOL, DIMS(2, 5), NULL);
        for (int64_t i = 0; i < 10; i++) tensor_put(mask, i, kind ? (i % 3 ? 0 : -INFINITY) : i % 3 != 0);
        const dnn_tensor *inputs[2] = {x, mask}, *out;
        assert_int_equal(dnn_module_forward_n(m, inputs, 2, &out, 1), DNN_OK);
        assert_int_equal(dnn_tensor_clone(&y[kind], out), DNN_OK);
        dnn_tensor_release(mask);
    }
    expect_same_bits(y[0], y[1], "y");
    dnn_tensor_release(x);
    dnn_tensor_release(y[0]);
    dnn_tensor_release(y[1]);
    dnn_module_release(m);
}

/* What comes later does not change what was before, bit for bit. */
static void causal_sees_no_future(void **state) {
    (void)state;
    enum { T = 70, E = 8 };
    dnn_module *m = as(MULTI_HEAD(.embed = E, .heads = 2, .causal = 1), DNN_F32);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(1, T, E), 1), *before;
    assert_int_equal(dnn_tensor_clone(&before, run_forward(m, x)), DNN_OK);
    for (int64_t i = 33 * E; i < T * E; i++) tensor_put(x, i, -3 * tensor_at(x, i) + 1);
    const dnn_tensor *after = run_forward(m, x);
    for (int64_t i = 0; i < 33 * E; i++) assert_true(tensor_at(after, i) == tensor_at(before, i));
    assert_true(tensor_at(after, 33 * E) != tensor_at(before, 33 * E));
    dnn_tensor_release(x);
    dnn_tensor_release(before);
    dnn_module_release(m);
}

/* ---- recurrent layers ---- */

typedef dnn_module *constructor(dnn_context *context, const dnn_rnn_desc *desc);
static constructor *const constructors[] = {dnn_lstm, dnn_gru, dnn_rnn_tanh};

/* Two halves, the second starting where the first ended, are the whole, bit for bit. */
static void states_carry_on(void **state) {
    (void)state;
    enum { N = 3, T = 40, C = 5, H = 7 };
    for (int k = 0; k < 3; k++) {
        int32_t states = k == 0 ? 2 : 1;
        dnn_module *m = as(RECURRENT(constructors[k], .inputs = C, .hidden = H, .with_state = 1), DNN_F32);
        dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(N, T, C), 1), *part[3], *whole[3];
        const dnn_tensor *y[3];
        assert_int_equal(dnn_module_forward_n(m, (const dnn_tensor *[]){x}, 1, y, 1 + states), DNN_OK);
        for (int32_t i = 0; i <= states; i++) assert_int_equal(dnn_tensor_clone(&whole[i], y[i]), DNN_OK);
        for (int32_t half = 0; half < 2; half++) {
            part[0] = tensor_of(ctx, DNN_F32, DIMS(N, T / 2, C), NULL);
            for (int64_t i = 0; i < N * T / 2 * C; i++) {
                int64_t n = i / (T / 2 * C), rest = i % (T / 2 * C); /* sample, place in it */
                tensor_put(part[0], i, tensor_at(x, n * T * C + half * T / 2 * C + rest));
            }
            const dnn_tensor *const *inputs = (const dnn_tensor *const *)part;
            assert_int_equal(dnn_module_forward_n(m, inputs, half ? 1 + states : 1, y, 1 + states), DNN_OK);
            dnn_tensor_release(part[0]);
            for (int32_t i = 1; i <= states && half; i++) dnn_tensor_release(part[i]);
            for (int32_t i = 1; i <= states && !half; i++) assert_int_equal(dnn_tensor_clone(&part[i], y[i]), DNN_OK);
        }
        for (int32_t i = 1; i <= states; i++) expect_same_bits(y[i], whole[i], "last state");
        for (int32_t i = 0; i <= states; i++) dnn_tensor_release(whole[i]);
        dnn_tensor_release(x);
        dnn_module_release(m);
    }
}

/* What a predictor computes, and training with everything frozen, which keep nothing, is what training computes. */
static void nothing_kept_changes_nothing(void **state) {
    (void)state;
    dnn_module *nets[] = {MULTI_HEAD(.embed = 12, .heads = 3, .causal = 1),
                          RECURRENT(dnn_lstm, .inputs = 12, .hidden = 9),
                          RECURRENT(dnn_gru, .inputs = 12, .hidden = 9, .no_bias = 1)};
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 37, 12), 3);
    for (int k = 0; k < 3; k++) {
        dnn_predictor *predictor;
        const dnn_tensor *y = run_forward(nets[k], x), *predicted;
        assert_int_equal(dnn_predictor_create(&predictor, nets[k]), DNN_OK);
        assert_int_equal(dnn_predictor_run(predictor, x, &predicted), DNN_OK);
        expect_same_bits(y, predicted, "y");
        dnn_predictor_release(predictor);
        dnn_module_release(nets[k]);
    }
    dnn_tensor_release(x);
}

/* A graph that gives all that the layer gives. */
static dnn_module *whole(dnn_module *layer, int32_t states) {
    dnn_module *graph;
    dnn_value inputs[3], outputs[3];
    assert_int_equal(dnn_graph_create(&graph, ctx), DNN_OK);
    for (int32_t i = 0; i <= states; i++) inputs[i] = dnn_graph_input(graph);
    assert_int_equal(dnn_graph_call(graph, "layer", layer, inputs, 1 + states, outputs, 1 + states), DNN_OK);
    for (int32_t i = 0; i <= states; i++) assert_int_equal(dnn_graph_output(graph, outputs[i]), DNN_OK);
    return graph;
}

/* With the last states' gradients, and the first states given as well. */
static void gradients_of_all_outputs_pass(void **state) {
    (void)state;
    for (int k = 0; k < 3; k++) {
        int32_t states = k == 0 ? 2 : 1;
        dnn_module *m = whole(RECURRENT(constructors[k], .inputs = 3, .hidden = 4, .with_state = 1), states);
        const dnn_tensor *x[] = {tensor_normal(ctx, DNN_F32, DIMS(2, 5, 3), 1),
                                 tensor_normal(ctx, DNN_F32, DIMS(2, 4), 2),
                                 tensor_normal(ctx, DNN_F32, DIMS(2, 4), 3)};
        dnn_check_report *report;
        dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .tolerance = 1e-7};
        assert_int_equal(dnn_check_gradients(&report, m, x, 1 + states, &options), DNN_OK);
        dnn_check_figures f = {DNN_SIZED(dnn_check_figures)};
        assert_int_equal(dnn_check_report_figures(report, &f), DNN_OK);
        if (f.verdict != DNN_CHECK_PASS) fail_msg("%s", dnn_check_report_text(report));
        dnn_check_report_release(report);
        for (int i = 0; i < 3; i++) dnn_tensor_release((dnn_tensor *)x[i]);
        dnn_module_release(m);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(agrees_with_pytorch, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_settings_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(misfits_are_told_with_shapes, setup, teardown),
        cmocka_unit_test_setup_teardown(masks_of_both_kinds_agree, setup, teardown),
        cmocka_unit_test_setup_teardown(causal_sees_no_future, setup, teardown),
        cmocka_unit_test_setup_teardown(states_carry_on, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_kept_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_of_all_outputs_pass, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
