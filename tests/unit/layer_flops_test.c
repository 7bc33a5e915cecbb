/* What layers say that they cost: floating-point operations of the forward, worked out by hand from the shapes of the
 * layer table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/dtype.h"
#include "support/layer_table.h"

typedef struct cost {
    const char *name; /* of the case in the table */
    double training, evaluation;
} cost;

#define BOTH(flops) flops, flops
static const cost costs[] = {
    {"conv2d", BOTH(2 * (3 * 3 * 3) * (2 * 3 * 2 * 5))},
    {"conv2d, groups", BOTH(2 * (3 * 3 * 2) * (2 * 3 * 4 * 6))},
    {"conv2d, depthwise", BOTH(2 * (3 * 3) * (2 * 4 * 3 * 5))},
    {"batch_norm", 7 * (5 * 3), 2 * (5 * 3)},
    {"layer_norm", BOTH(7 * (3 * 6))},
    {"max_pool2d", BOTH((2 * 2) * (2 * 2 * 2 * 3))},
    {"avg_pool2d", BOTH((2 * 2) * (2 * 2 * 2 * 3))},
    {"relu", BOTH(3 * 17)},
    {"softmax", BOTH(5 * (3 * 7))},
    {"dropout", 4 * 9, 0},
    {"dropout, p 0", BOTH(0)},
    {"flatten", BOTH(0)},
    {"permute", BOTH(0)},
    {"add", BOTH(3 * 5)},
    {"scale", BOTH(3 * 5)},
    {"matmul", BOTH(2 * 2 * (3 * 4 * 5))},
    {"matmul, a transposed", BOTH(2 * (3 * 4 * 5))},
    {"matmul, b transposed", BOTH(2 * 4 * (3 * 4 * 5))},
    {"matmul, both transposed", BOTH(2 * 2 * (3 * 4 * 5))},
    {"sum, all axes", BOTH(3 * 5)},
    {"mean, two axes", BOTH(2 * 3 * 4 * 2)},
    {"attention", BOTH(2 * (2 * 2 * 3 * 5) * (2 + 3))},
    {"attention, causal", BOTH(2 * (2 * 4 * 4) / 2 * (3 + 2))},
    {"multi_head_attention", BOTH(4 * 2 * (2 * 4) * (6 * 6) + 2 * (2 * 2 * 4 * 4) * (3 + 3))},
    {"lstm", BOTH(2 * (2 * 5) * (4 * 4) * (3 + 4))},
    {"gru", BOTH(2 * (2 * 5) * (3 * 4) * (3 + 4))},
    {"rnn_tanh", BOTH(2 * (2 * 5) * 4 * (3 + 4))},
    {"network: residual", BOTH(2 * 3 * (4 * 4) + 3 * 4 + 3 * 4)},
    {"network: shared weights", BOTH(2 * 2 * 3 * (3 * 3) + 3 * 3)},
};

static const layer_case *case_of(const char *name) {
    for (int i = 0; i < layer_table_count; i++)
        if (strcmp(layer_table[i].name, name) == 0) return &layer_table[i];
    fail_msg("no layer is called %s", name);
    return NULL;
}

static double flops_of(dnn_module *m, const layer_case *c) {
    dnn_array shapes[LAYER_CASE_INPUTS];
    dnn_description *d;
    dnn_description_totals t = {DNN_SIZED(dnn_description_totals)};
    for (int32_t i = 0; i < c->n_inputs; i++)
        shapes[i] = dnni_array(c->inputs[i].dtype, c->inputs[i].rank, c->inputs[i].dims);
    if (dnn_module_describe(&d, m, shapes, c->n_inputs) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
    assert_int_equal(dnn_description_totals_get(d, &t), DNN_OK);
    dnn_description_release(d);
    return t.flops;
}

static void expect_flops(dnn_module *m, const layer_case *c, double want) {
    double got = flops_of(m, c);
    if (got != want) fail_msg("%s: %g operations, expected %g", c->name, got, want);
}

static void layers_cost_what_their_formulas_say(void **state) {
    (void)state;
    dnn_context *ctx;
    assert_int_equal(dnn_context_create(&ctx, NULL), DNN_OK);
    for (size_t i = 0; i < sizeof costs / sizeof *costs; i++) {
        const layer_case *c = case_of(costs[i].name);
        dnn_module *m = c->make(ctx);
        expect_flops(m, c, costs[i].training);
        assert_int_equal(dnn_module_eval(m), DNN_OK);
        expect_flops(m, c, costs[i].evaluation);
        dnn_module_release(m);
    }
    dnn_context_release(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_cost_what_their_formulas_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
