/* The gradient check's later parts: a batch against its samples, burn-in, losses in float32, and layers that fail in
 * the midst of it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/dtype.h"
#include "loss/loss_class.h"
#include "support/allocator.h"
#include "support/running.h"

#include <dnn/check.h>

static test_allocator memory;

static dnn_context *new_context(void) {
    dnn_context *ctx;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 1, .seed = 5,
                             .allocator = test_allocator_of(&memory)};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

static void end_context(dnn_context *ctx) {
    dnn_context_release(ctx);
    assert_int_equal(memory.live, 0);
}

static dnn_check_report *check_one(dnn_module *m, const dnn_tensor *x, const dnn_check_desc *options) {
    dnn_check_report *report;
    if (dnn_check_gradients(&report, m, &x, 1, options) != DNN_OK) fail_msg("%s", dnn_last_error());
    return report;
}

static dnn_check_figures figures_of(const dnn_check_report *report) {
    dnn_check_figures f = {DNN_SIZED(dnn_check_figures)};
    assert_int_equal(dnn_check_report_figures(report, &f), DNN_OK);
    return f;
}

static void expect_verdict(const dnn_check_report *report, dnn_check_verdict verdict) {
    if (figures_of(report).verdict != verdict) fail_msg("%s", dnn_check_report_text(report));
}

/* How many findings of that name there are; *failed: how many of them failed. */
static int findings_of(const dnn_check_report *report, const char *name, int *failed) {
    int count = 0;
    *failed = 0;
    for (int64_t i = 0; i < figures_of(report).findings; i++) {
        dnn_check_finding f = {DNN_SIZED(dnn_check_finding)};
        assert_int_equal(dnn_check_report_finding(report, i, &f), DNN_OK);
        if (strcmp(f.name, name) != 0) continue;
        count++;
        *failed += f.verdict == DNN_CHECK_FAIL;
    }
    return count;
}

/* ---- layers on (N, C), with one parameter "w" of one number ---- */

typedef struct cells {
    dnn_dtype dtype;
    int64_t rows, columns;
    void *x, *y, *dy, *dx, *dw;
    double w;
} cells;

static cells cells_of(const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    cells c = {.dtype = x->dtype, .rows = x->dims[0], .columns = x->dims[1], .x = x->data, .y = call->outputs[0].data};
    c.w = dnni_load(c.dtype, call->parameters[0].data, 0);
    if (!call->output_gradients) return c;
    c.dy = call->output_gradients[0].data;
    c.dx = call->input_gradients[0].data;
    c.dw = call->parameter_gradients[0].data;
    return c;
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    spec->backward_reads = DNN_READS_INPUT(0);
    return DNN_OK;
}

static double at(const cells *c, const void *data, int64_t row, int64_t column) {
    return dnni_load(c->dtype, data, row * c->columns + column);
}

static double mean_of_column(const cells *c, const void *data, int64_t column) {
    double sum = 0;
    for (int64_t i = 0; i < c->rows; i++) sum += at(c, data, i, column);
    return sum / (double)c->rows;
}

static void put(const cells *c, void *data, int64_t row, int64_t column, double value) {
    if (data) dnni_store(c->dtype, data, row * c->columns + column, value);
}

static void add_to_w(const cells *c, double value) {
    if (c->dw) dnni_store(c->dtype, c->dw, 0, dnni_load(c->dtype, c->dw, 0) + value);
}

static dnn_module *layer_of(dnn_context *ctx, const dnn_layer_class *layer_class, double w) {
    dnn_module *m = dnn_layer_create(ctx, layer_class, NULL, 0);
    dnn_init init = {DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = w};
    assert_int_equal(dnn_layer_add_parameter(m, "w", 1, (int64_t[]){1}, &init), DNN_OK);
    return m;
}

/* y = w x, whose dx leaks: every sample gets the mean of all samples' gradients. */
static dnn_status times_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++) put(&c, c.y, i, k, c.w * at(&c, c.x, i, k));
    return DNN_OK;
}

static dnn_status leaking_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++) {
            put(&c, c.dx, i, k, c.w * mean_of_column(&c, c.dy, k));
            add_to_w(&c, at(&c, c.dy, i, k) * at(&c, c.x, i, k));
        }
    return DNN_OK;
}

static const dnn_layer_class leaking = {DNN_SIZED(dnn_layer_class), .type = "leaking", .shape = shape,
                                        .forward = times_forward, .backward = leaking_backward};

/* y = x + w · mean over the batch: with w = 0 samples look apart, and dw shows that they are not. */
static dnn_status mixing_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++)
            put(&c, c.y, i, k, at(&c, c.x, i, k) + c.w * mean_of_column(&c, c.x, k));
    return DNN_OK;
}

static dnn_status mixing_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++) {
            put(&c, c.dx, i, k, at(&c, c.dy, i, k) + c.w * mean_of_column(&c, c.dy, k));
            add_to_w(&c, at(&c, c.dy, i, k) * mean_of_column(&c, c.x, k));
        }
    return DNN_OK;
}

static const dnn_layer_class mixing = {DNN_SIZED(dnn_layer_class), .type = "mixing", .shape = shape,
                                       .forward = mixing_forward, .backward = mixing_backward};

/* y = (1 + w³) x + w, where dw lacks the part of w³: right as long as w is 0. */
static dnn_status hiding_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++) put(&c, c.y, i, k, (1 + pow(c.w, 3)) * at(&c, c.x, i, k) + c.w);
    return DNN_OK;
}

static dnn_status hiding_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    cells c = cells_of(call);
    for (int64_t i = 0; i < c.rows; i++)
        for (int64_t k = 0; k < c.columns; k++) {
            put(&c, c.dx, i, k, (1 + pow(c.w, 3)) * at(&c, c.dy, i, k));
            add_to_w(&c, at(&c, c.dy, i, k));
        }
    return DNN_OK;
}

static const dnn_layer_class hiding = {DNN_SIZED(dnn_layer_class), .type = "hiding", .shape = shape,
                                       .forward = hiding_forward, .backward = hiding_backward};

/* ---- a batch and its samples ---- */

static void a_batch_is_the_sum_of_its_samples(void **state) {
    (void)state;
    static const char name[] = "a batch is the sum of its samples";
    static const struct {
        const dnn_layer_class *layer_class;
        double w;
        int findings, failed; /* in training and evaluation */
    } cases[] = {{&leaking, 0.7, 2, 2}, {&mixing, 0.7, 0, 0}, {&mixing, 0, 0, 0}, {&hiding, 0.7, 2, 0}};
    dnn_context *ctx = new_context();
    for (int64_t batch = 1; batch <= 6; batch++) {
        dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(batch, 3), 1);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            int failed;
            dnn_module *m = layer_of(ctx, cases[i].layer_class, cases[i].w);
            dnn_check_report *report = check_one(m, x, NULL);
            assert_int_equal(findings_of(report, name, &failed), batch > 1 ? cases[i].findings : 0);
            assert_int_equal(failed, batch > 1 ? cases[i].failed : 0);
            dnn_check_report_release(report);
            dnn_module_release(m);
        }
        dnn_tensor_release(x);
    }
    end_context(ctx);
}

/* Batch norm mixes samples when training, and does not in evaluation. */
static void batch_norm_is_excepted_by_itself(void **state) {
    (void)state;
    int failed;
    dnn_context *ctx = new_context();
    dnn_module *m = dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = 3});
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 3), 1);
    dnn_check_report *report = check_one(m, x, NULL);
    expect_verdict(report, DNN_CHECK_PASS);
    assert_int_equal(findings_of(report, "a batch is the sum of its samples", &failed), 1);
    dnn_check_report_release(report);
    dnn_tensor_release(x);
    dnn_module_release(m);
    end_context(ctx);
}

/* ---- burn-in ---- */

static void a_fault_that_starting_values_hide_is_found_after_some_steps(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *m = layer_of(ctx, &hiding, 0);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 1);
    dnn_check_report *report = check_one(m, x, NULL);
    expect_verdict(report, DNN_CHECK_PASS);
    dnn_check_report_release(report);
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .burn_in = 40};
    report = check_one(m, x, &options);
    expect_verdict(report, DNN_CHECK_FAIL);
    dnn_check_entry worst = {DNN_SIZED(dnn_check_entry)};
    assert_int_equal(dnn_check_report_worst(report, &worst), DNN_OK);
    assert_non_null(strstr(worst.phase, ", after 40 steps"));
    assert_non_null(strstr(figures_of(report).reproduce, ".burn_in = 40"));
    assert_int_equal(figures_of(report).rows, 2 * 4);
    assert_true(tensor_at(value_of(m, "w"), 0) == 0);
    dnn_check_report_release(report);
    dnn_tensor_release(x);
    dnn_module_release(m);
    end_context(ctx);
}

static dnn_module *small_network(dnn_context *ctx) {
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_linear_desc fc1 = {DNN_SIZED(dnn_linear_desc), .in_features = 4, .out_features = 5};
    dnn_linear_desc fc2 = {DNN_SIZED(dnn_linear_desc), .in_features = 5, .out_features = 3};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 5};
    dnn_sequential_add(net, "fc1", dnn_linear(ctx, &fc1));
    dnn_sequential_add(net, "norm", dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "drop", dnn_dropout(ctx, 0.3));
    dnn_sequential_add(net, "fc2", dnn_linear(ctx, &fc2));
    assert_int_equal(dnn_module_error(net), DNN_OK);
    return net;
}

static void expect_same_numbers(dnn_module *m, dnn_tensor *const *before) {
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(m, i, &p), DNN_OK);
        expect_same_bits(before[i], p.value, p.path);
    }
}

/* In a network with running statistics and a loss; weights stay, also where memory runs out on the way. */
static void burn_in_leaves_the_module_as_it_was(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *m = small_network(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(6, 4), 1), *target = tensor_of(ctx, DNN_I64, DIMS(6), NULL);
    dnn_loss *loss;
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, NULL), DNN_OK);
    dnn_tensor *before[16];
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(m, i, &p), DNN_OK);
        assert_int_equal(dnn_tensor_clone(&before[i], p.value), DNN_OK);
    }
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .burn_in = 20, .loss = loss, .target = target};
    dnn_check_report *report = check_one(m, x, &options);
    expect_verdict(report, DNN_CHECK_PASS);
    expect_same_numbers(m, before);
    dnn_check_report_release(report);
    options.mode = DNN_CHECK_FAST;
    options.pairs = 1;
    const dnn_tensor *lent = x;
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, false);
        status = dnn_check_gradients(&report, m, &lent, 1, &options);
        test_allocator_arm(&memory, 0, false);
        expect_same_numbers(m, before);
        assert_true(status == DNN_OK || status == DNN_ERROR_MEMORY);
    }
    dnn_check_report_release(report);
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) dnn_tensor_release(before[i]);
    dnn_loss_release(loss);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnn_module_release(m);
    end_context(ctx);
}

/* ---- losses in float32 ---- */

/* ½ Σ (y - target)², whose float32 form forgets the ½ in the value, or in the gradient. */
static bool wrong_value, wrong_gradient;

static double half_squares(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale, void *each,
                           void *gradient) {
    (void)loss;
    double sum = 0, value_factor = wrong_value && y->dtype == DNN_F32 ? 1 : 0.5;
    double gradient_factor = wrong_gradient && y->dtype == DNN_F32 ? 2 : 1;
    for (int64_t i = 0; i < dnni_count(y); i++) {
        double d = dnni_load(y->dtype, y->data, i) - dnni_load(y->dtype, target->data, i);
        sum += value_factor * d * d;
        if (each) dnni_store(y->dtype, each, i, value_factor * d * d);
        if (gradient) dnni_store(y->dtype, gradient, i, scale * gradient_factor * d);
    }
    return sum;
}

static dnn_check_verdict verdict_of_loss(dnn_loss *loss, const dnn_tensor *y, const dnn_tensor *target, int32_t skip,
                                         int *failed) {
    dnn_check_report *report;
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .skip = skip};
    assert_int_equal(dnn_check_loss(&report, loss, y, target, &options), DNN_OK);
    dnn_check_verdict verdict = figures_of(report).verdict;
    assert_int_equal(findings_of(report, "float32 agrees with float64", failed), skip ? 0 : 1);
    dnn_check_row row = {DNN_SIZED(dnn_check_row)};
    assert_int_equal(dnn_check_report_row(report, 0, &row), DNN_OK);
    assert_true(skip ? isnan(row.float32_error) : row.float32_error < 1e-6 || wrong_gradient);
    dnn_check_report_release(report);
    return verdict;
}

static void a_loss_that_is_wrong_in_float32_is_found(void **state) {
    (void)state;
    static const dnni_loss_class halves = {.type = "halves", .shape = dnni_pair_shape, .run = half_squares};
    int failed;
    dnn_context *ctx = new_context();
    dnn_loss *loss = dnni_loss_new(ctx, &halves, sizeof *loss, DNN_REDUCTION_SUM);
    dnn_tensor *y = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 1), *target = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 2);
    for (int i = 0; i < 4; i++) {
        wrong_value = i & 1;
        wrong_gradient = i & 2;
        assert_int_equal(verdict_of_loss(loss, y, target, 0, &failed), i ? DNN_CHECK_FAIL : DNN_CHECK_PASS);
        assert_int_equal(failed, i != 0);
        assert_int_equal(verdict_of_loss(loss, y, target, DNN_CHECK_NO_FLOAT32, &failed), DNN_CHECK_PASS);
    }
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
    end_context(ctx);
}

/* ---- layers that fail ---- */

/* The call that fails, of those to come; 0: none. */
static int64_t calls, failing_call;

static dnn_status count_call(void) {
    return ++calls == failing_call ? dnn_fail(DNN_ERROR_VALUE, "this call fails") : DNN_OK;
}

static dnn_status failing_forward(const void *state, const dnn_layer_call *call) {
    dnn_status status = count_call();
    return status == DNN_OK ? hiding_forward(state, call) : status;
}

static dnn_status failing_backward(const void *state, const dnn_layer_call *call) {
    dnn_status status = count_call();
    return status == DNN_OK ? hiding_backward(state, call) : status;
}

/* Whichever call it is, the check says so and leaves no trace. Only in the comparison of samples is a part that does
 * not run a reason to say nothing. */
static void a_layer_that_fails_on_the_way_is_an_error(void **state) {
    (void)state;
    static const dnn_layer_class failing = {DNN_SIZED(dnn_layer_class), .type = "failing", .shape = shape,
                                            .forward = failing_forward, .backward = failing_backward};
    dnn_context *ctx = new_context();
    dnn_module *m = layer_of(ctx, &failing, 0.7);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 1), *target = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 2);
    dnn_loss *loss;
    assert_int_equal(dnn_mse_create(&loss, ctx, NULL), DNN_OK);
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .loss = loss, .target = target, .mode = DNN_CHECK_FAST,
                              .pairs = 1, .burn_in = 2, .tolerance = 0.5};
    const dnn_tensor *lent = x;
    const float before = (float)tensor_at(value_of(m, "w"), 0);
    int64_t failures = 0;
    failing_call = calls = 0;
    dnn_check_report_release(check_one(m, x, &options));
    const int64_t in_all = calls;
    for (int64_t k = 1; k <= in_all; k++) {
        dnn_check_report *report;
        calls = 0;
        failing_call = k;
        dnn_status status = dnn_check_gradients(&report, m, &lent, 1, &options);
        failing_call = 0;
        assert_true(status == DNN_OK || status == DNN_ERROR_VALUE);
        assert_true((report != NULL) == (status == DNN_OK));
        failures += status != DNN_OK;
        assert_true((float)tensor_at(value_of(m, "w"), 0) == before);
        dnn_check_report_release(report);
    }
    assert_true(failures > 200 && failures >= in_all - 4 * 4);
    dnn_loss_release(loss);
    dnn_tensor_release(x);
    dnn_tensor_release(target);
    dnn_module_release(m);
    end_context(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_the_sum_of_its_samples),
        cmocka_unit_test(batch_norm_is_excepted_by_itself),
        cmocka_unit_test(a_fault_that_starting_values_hide_is_found_after_some_steps),
        cmocka_unit_test(burn_in_leaves_the_module_as_it_was),
        cmocka_unit_test(a_loss_that_is_wrong_in_float32_is_found),
        cmocka_unit_test(a_layer_that_fails_on_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
