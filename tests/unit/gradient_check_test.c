/* The gradient check itself: verdicts, kinks, what it says, and that it leaves everything as it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "graph/index.h"
#include "loss/loss_class.h"
#include "support/allocator.h"
#include "support/planted.h"
#include "support/running.h"
#include "support/test_layers.h"

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

static dnn_check_entry worst_of(const dnn_check_report *report) {
    dnn_check_entry e = {DNN_SIZED(dnn_check_entry)};
    assert_int_equal(dnn_check_report_worst(report, &e), DNN_OK);
    return e;
}

static void expect_verdict(dnn_check_report *report, dnn_check_verdict verdict) {
    if (figures_of(report).verdict != verdict) fail_msg("%s", dnn_check_report_text(report));
    dnn_check_report_release(report);
}

/* ---- a network with everything that a check could disturb ---- */

static dnn_module *small_network(dnn_context *ctx) {
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    dnn_sequential_add(
        net, "fc1",
        dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 4, .out_features = 6}));
    dnn_sequential_add(net, "norm",
                       dnn_batch_norm(ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc), .features = 6}));
    dnn_sequential_add(net, "relu", dnn_relu(ctx));
    dnn_sequential_add(net, "drop", dnn_dropout(ctx, 0.5));
    dnn_sequential_add(
        net, "fc2",
        dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 6, .out_features = 3}));
    assert_int_equal(dnn_module_error(net), DNN_OK);
    return net;
}

/* Trained a little, partly frozen, in mixed modes, with gradients in it and a forward that waits for its backward. */
static const dnn_tensor *disturb(dnn_module *net, const dnn_tensor *x) {
    const dnn_tensor *y;
    assert_int_equal(dnn_module_freeze(net, "fc1.bias"), DNN_OK);
    assert_int_equal(dnn_module_eval(dnn_module_find(net, "norm")), DNN_OK);
    assert_int_equal(dnn_module_set_gradients(net, DNN_GRADIENTS_INPUTS), DNN_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(net, y, NULL), DNN_OK);
    }
    assert_int_equal(dnn_module_train(dnn_module_find(net, "norm")), DNN_OK);
    assert_int_equal(dnn_module_eval(dnn_module_find(net, "fc2")), DNN_OK);
    assert_int_equal(dnn_module_forward(net, x, &y), DNN_OK);
    return y;
}

enum { MOST = 16 };
typedef struct snapshot {
    dnn_tensor *value_handles[MOST], *gradient_handles[MOST], *values[MOST], *gradients[MOST];
    int32_t frozen[MOST], training[MOST], pending[MOST], flags;
    uint64_t forwards[MOST];
    int64_t parameters, modules;
} snapshot;

static snapshot take(dnn_module *m) {
    snapshot s = {
        .parameters = dnn_module_parameter_count(m), .modules = dnn_module_count(m), .flags = m->gradient_flags};
    for (int64_t i = 0; i < s.parameters; i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(m, i, &p), DNN_OK);
        s.value_handles[i] = p.value;
        s.gradient_handles[i] = p.gradient;
        s.frozen[i] = p.is_frozen;
        assert_int_equal(dnn_tensor_clone(&s.values[i], p.value), DNN_OK);
        if (p.gradient) assert_int_equal(dnn_tensor_clone(&s.gradients[i], p.gradient), DNN_OK);
    }
    for (int64_t i = 0; i < s.modules; i++) {
        dnn_module_info info = {DNN_SIZED(dnn_module_info)};
        assert_int_equal(dnn_module_at(m, i, &info), DNN_OK);
        s.training[i] = info.module->training;
        s.pending[i] = dnn_module_pending_backwards(info.module);
        s.forwards[i] = info.module->forwards;
    }
    return s;
}

static void forget(snapshot *s) {
    for (int64_t i = 0; i < s->parameters; i++) {
        dnn_tensor_release(s->values[i]);
        dnn_tensor_release(s->gradients[i]);
    }
}

static void expect_same(dnn_module *m, const snapshot *before) {
    snapshot now = take(m);
    for (int64_t i = 0; i < now.parameters; i++) {
        assert_ptr_equal(now.value_handles[i], before->value_handles[i]);
        assert_ptr_equal(now.gradient_handles[i], before->gradient_handles[i]);
        expect_same_bits(now.values[i], before->values[i], "value");
        if (now.gradients[i]) expect_same_bits(now.gradients[i], before->gradients[i], "gradient");
    }
    assert_memory_equal(now.frozen, before->frozen, sizeof now.frozen);
    assert_memory_equal(now.training, before->training, sizeof now.training);
    assert_memory_equal(now.pending, before->pending, sizeof now.pending);
    assert_memory_equal(now.forwards, before->forwards, sizeof now.forwards);
    assert_int_equal(now.flags, before->flags);
    forget(&now);
}

static void the_module_is_left_as_it_was(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *net = small_network(ctx), *twin;
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(5, 4), 3), *y_before;
    const dnn_tensor *y = disturb(net, x), *dx;
    snapshot before = take(net);
    assert_int_equal(dnn_tensor_clone(&y_before, y), DNN_OK);
    expect_verdict(check_one(net, x, NULL), DNN_CHECK_PASS);
    expect_verdict(
        check_one(net, x, &(dnn_check_desc){DNN_SIZED(dnn_check_desc), .phases = DNN_CHECK_AS_IS, .seed = 9}),
        DNN_CHECK_PASS);
    expect_same(net, &before);
    expect_same_bits(y, y_before, "the output that was lent");
    /* The backward that was due gives what it would have given. */
    assert_int_equal(dnn_module_backward(net, y, &dx), DNN_OK);
    dnn_context *other = new_context();
    twin = small_network(other);
    dnn_tensor *twin_x = tensor_normal(other, DNN_F32, DIMS(5, 4), 3);
    const dnn_tensor *twin_y = disturb(twin, twin_x), *twin_dx;
    assert_int_equal(dnn_module_backward(twin, twin_y, &twin_dx), DNN_OK);
    expect_same_bits(dx, twin_dx, "dx of the backward that was due");
    forget(&before);
    dnn_tensor_release(y_before);
    dnn_tensor_release(x);
    dnn_tensor_release(twin_x);
    dnn_module_release(net);
    dnn_module_release(twin);
    dnn_context_release(other);
    dnn_context_release(ctx);
}

static void out_of_memory_leaves_it_so_too(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *net = small_network(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(3, 4), 3), *target = tensor_of(ctx, DNN_I64, DIMS(3), NULL);
    dnn_loss *loss;
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, NULL), DNN_OK);
    disturb(net, x);
    snapshot before = take(net);
    const dnn_tensor *lent = x;
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .loss = loss, .target = target, .mode = DNN_CHECK_FAST,
                              .pairs = 1};
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        dnn_status status = DNN_ERROR_MEMORY;
        for (int64_t k = 1; status != DNN_OK; k++) {
            dnn_check_report *report = (dnn_check_report *)x;
            int64_t live = memory.live;
            test_allocator_arm(&memory, k, for_ever);
            status = dnn_check_gradients(&report, net, &lent, 1, &options);
            test_allocator_arm(&memory, 0, false);
            if (status == DNN_OK) {
                dnn_check_report_release(report);
                break;
            }
            assert_int_equal(status, DNN_ERROR_MEMORY);
            assert_null(report);
            expect_same(net, &before);
            assert_true(memory.live <= live + 300); /* released handles that are remembered */
            assert_true(k < 10000);
        }
    }
    forget(&before);
    dnn_loss_release(loss);
    dnn_tensor_release(target);
    dnn_tensor_release(x);
    dnn_module_release(net);
    end_context(ctx);
}

/* ---- kinks ---- */

static void ties_and_zeros_are_no_faults(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_tensor *x = tensor_of(ctx, DNN_F32, DIMS(2, 2, 2, 1), NULL), *rows = tensor_of(ctx, DNN_F32, DIMS(4, 6), NULL);
    dnn_module *relu = dnn_relu(ctx), *leaky = dnn_leaky_relu(ctx, 0.3);
    dnn_module *pool = dnn_max_pool2d(ctx, &(dnn_pool2d_desc){DNN_SIZED(dnn_pool2d_desc), .kernel = {2}});
    expect_verdict(check_one(relu, x, NULL), DNN_CHECK_PASS);
    expect_verdict(check_one(leaky, x, NULL), DNN_CHECK_PASS);
    expect_verdict(check_one(pool, x, NULL), DNN_CHECK_PASS);
    /* The same of layers that do not report their choices. */
    for (int i = 0; i < planted_bug_count; i++) {
        const planted_bug *b = &planted_bugs[i];
        if (b->bug != 0 || (strncmp(b->name, "bend", 4) && strncmp(b->name, "clip", 4) && strncmp(b->name, "best", 4)))
            continue;
        dnn_module *m = b->make(ctx, 0);
        expect_verdict(check_one(m, rows, NULL), DNN_CHECK_PASS);
        dnn_module_release(m);
    }
    dnn_module_release(relu);
    dnn_module_release(leaky);
    dnn_module_release(pool);
    dnn_tensor_release(x);
    dnn_tensor_release(rows);
    end_context(ctx);
}

/* Near its kink, not on it: the step is shortened. */
static void a_step_does_not_cross_a_kink(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    const double near[6] = {1e-6, -1e-6, 2e-7, -2e-7, 1e-9, -4e-6};
    dnn_tensor *x = tensor_of(ctx, DNN_F64, DIMS(1, 6), near);
    for (int i = 0; i < planted_bug_count; i++) {
        const planted_bug *b = &planted_bugs[i];
        if (strncmp(b->name, "bend", 4) && strncmp(b->name, "clip", 4)) continue;
        dnn_module *m = b->make(ctx, b->bug);
        expect_verdict(check_one(m, x, NULL), b->bug ? DNN_CHECK_FAIL : DNN_CHECK_PASS);
        dnn_module_release(m);
    }
    dnn_module *relu = dnn_relu(ctx);
    expect_verdict(check_one(relu, x, NULL), DNN_CHECK_PASS);
    dnn_module_release(relu);
    dnn_tensor_release(x);
    end_context(ctx);
}

/* A layer that branches on everything: no step is free of choices. */
static dnn_status copy_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}

static dnn_status copy_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    memcpy(call->outputs[0].data, call->inputs[0].data, (size_t)dnni_bytes(&call->inputs[0]));
    return DNN_OK;
}

static dnn_status copy_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    if (call->input_gradients[0].data)
        memcpy(call->input_gradients[0].data, call->output_gradients[0].data, (size_t)dnni_bytes(&call->inputs[0]));
    return DNN_OK;
}

static void all_bits(const void *state, const dnn_layer_call *call, uint64_t *signature) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++) {
        double x = dnni_load(call->inputs[0].dtype, call->inputs[0].data, i);
        uint64_t bits;
        memcpy(&bits, &x, sizeof bits);
        dnn_layer_mix(signature, bits);
    }
}

static void kinks_everywhere_are_inconclusive(void **state) {
    (void)state;
    static const dnn_layer_class restless = {DNN_SIZED(dnn_layer_class), .type = "restless",
                                             .shape = copy_shape,        .forward = copy_forward,
                                             .backward = copy_backward,  .choices = all_bits};
    dnn_context *ctx = new_context();
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 3), 1);
    dnn_module *m = dnn_layer_create(ctx, &restless, NULL, 0);
    dnn_check_report *report = check_one(m, x, NULL);
    dnn_check_figures f = figures_of(report);
    assert_int_equal(f.kinked, f.checked);
    assert_string_equal(f.hint, "too many kinks: check at inputs drawn at random, far from ties and zeros");
    expect_verdict(report, DNN_CHECK_INCONCLUSIVE);
    dnn_module_release(m);
    dnn_tensor_release(x);
    end_context(ctx);
}

/* A layer that computes in float32 whatever it is given: differences in float64 see stairs. */
static dnn_status stairs_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++) {
        double x = dnni_load(call->inputs[0].dtype, call->inputs[0].data, i);
        dnni_store(call->outputs[0].dtype, call->outputs[0].data, i, (double)(float)(x * x));
    }
    return DNN_OK;
}

static dnn_status stairs_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    copy_shape(state, call, spec);
    spec->backward_reads = DNN_READS_INPUT(0);
    return DNN_OK;
}

static dnn_status stairs_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int64_t i = 0; i < dnni_count(&call->inputs[0]); i++)
        dnni_store(call->outputs[0].dtype, call->input_gradients[0].data, i,
                   2 * dnni_load(call->inputs[0].dtype, call->inputs[0].data, i) *
                       dnni_load(call->outputs[0].dtype, call->output_gradients[0].data, i));
    return DNN_OK;
}

static void what_cannot_be_seen_is_not_passed(void **state) {
    (void)state;
    static const dnn_layer_class stairs = {DNN_SIZED(dnn_layer_class), .type = "stairs", .shape = stairs_shape,
                                           .forward = stairs_forward, .backward = stairs_backward};
    dnn_context *ctx = new_context();
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 3), 1);
    dnn_module *m = dnn_layer_create(ctx, &stairs, NULL, 0);
    dnn_check_report *report = check_one(m, x, NULL);
    assert_int_not_equal(figures_of(report).verdict, DNN_CHECK_PASS);
    dnn_check_report_release(report);
    dnn_module_release(m);
    dnn_tensor_release(x);
    end_context(ctx);
}

/* ---- what cannot be checked is said ---- */

static dnn_status only_float32_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    if (call->inputs[0].dtype != DNN_F32) return dnn_fail(DNN_ERROR_DTYPE, "I know float32 alone");
    return copy_shape(state, call, spec);
}

static void what_cannot_be_checked_is_said(void **state) {
    (void)state;
    static const dnn_layer_class narrow = {DNN_SIZED(dnn_layer_class), .type = "narrow", .shape = only_float32_shape,
                                           .forward = copy_forward, .backward = copy_backward};
    static const dnn_layer_class one_way = {DNN_SIZED(dnn_layer_class), .type = "one_way", .shape = copy_shape,
                                            .forward = copy_forward};
    dnn_context *ctx = new_context();
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 3), 1), *labels = tensor_of(ctx, DNN_I64, DIMS(2), NULL);
    const dnn_tensor *lent = x, *lent_labels = labels;
    dnn_check_report *report;
    dnn_module *m = dnn_layer_create(ctx, &narrow, NULL, 0);
    expect_error(dnn_check_gradients(&report, m, &lent, 1, NULL), DNN_ERROR_UNSUPPORTED,
                 "the check runs in float64, which every layer must take (let its shape rule accept DNN_F64, and "
                 "compute in the type of its inputs): I know float32 alone");
    dnn_module_release(m);
    m = dnn_layer_create(ctx, &one_way, NULL, 0);
    assert_int_equal(dnn_check_gradients(&report, m, &lent, 1, NULL), DNN_ERROR_UNSUPPORTED);
    assert_int_equal(dnn_check_gradients(&report, m, &lent_labels, 1, NULL), DNN_ERROR_UNSUPPORTED);
    expect_error(dnn_last_status(), DNN_ERROR_UNSUPPORTED, "no output of the module is float: there is no gradient");
    dnn_module_release(m);
    /* No float input, no parameter: nothing to check, and that is no pass. */
    m = dnn_relu(ctx);
    dnn_check_desc nothing = {DNN_SIZED(dnn_check_desc), .skip = DNN_CHECK_NO_INPUTS};
    expect_verdict(check_one(m, x, &nothing), DNN_CHECK_INCONCLUSIVE);
    dnn_module_release(m);
    dnn_tensor_release(labels);
    dnn_tensor_release(x);
    end_context(ctx);
}

/* ---- the report ---- */

static const planted_bug *find_bug(const char *name) {
    for (int i = 0; i < planted_bug_count; i++)
        if (strcmp(planted_bugs[i].name, name) == 0) return &planted_bugs[i];
    fail_msg("no bug is called %s", name);
    return NULL;
}

static void the_worst_entry_is_found_in_every_mode(void **state) {
    (void)state;
    const planted_bug *b = find_bug("dense: one element of dW off by 1e-4");
    static const dnn_check_mode modes[] = {DNN_CHECK_SLOW, DNN_CHECK_FAST, DNN_CHECK_SAMPLED, DNN_CHECK_AUTO};
    for (int i = 0; i < 4; i++) {
        dnn_context *ctx = new_context();
        dnn_module *m = b->make(ctx, b->bug);
        dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 5), 1);
        dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .mode = modes[i], .phases = DNN_CHECK_TRAIN};
        dnn_check_report *report = check_one(m, x, &options);
        dnn_check_entry e = worst_of(report);
        assert_int_equal(e.verdict, DNN_CHECK_FAIL);
        assert_string_equal(e.path, "weight");
        assert_string_equal(e.phase, "train");
        assert_int_equal(e.is_direction, 0);
        assert_int_equal(e.rank, 2);
        assert_int_equal(e.index[0], 1);
        assert_int_equal(e.index[1], 2);
        assert_true(fabs(e.analytic / e.numeric - 1.0001) < 1e-8);
        assert_true(fabs((e.f_plus - e.f_minus) / (2 * e.h) - e.numeric) < 1e-4 * fabs(e.numeric));
        assert_true(e.error_bar < 1e-8);
        expect_verdict(report, DNN_CHECK_FAIL);
        dnn_tensor_release(x);
        dnn_module_release(m);
        end_context(ctx);
    }
}

static void the_report_speaks(void **state) {
    (void)state;
    const planted_bug *b = find_bug("dense: dW has the wrong sign");
    dnn_context *ctx = new_context();
    dnn_module *m = b->make(ctx, b->bug);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 5), 1);
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .seed = 77};
    dnn_check_report *report = check_one(m, x, &options);
    dnn_check_figures f = figures_of(report);
    assert_int_equal(f.verdict, DNN_CHECK_FAIL);
    assert_int_equal(f.checked, 2 * (20 + 15 + 3));
    assert_int_equal(f.failed, 2 * 15);
    assert_int_equal(f.passed, 2 * 23);
    assert_int_equal(f.rows, 6);
    assert_int_equal(f.findings, 16);
    assert_int_equal(f.findings_failed, 0);
    assert_int_equal(f.seed, 77);
    assert_true(f.evaluations > 4 * f.checked);
    assert_string_equal(f.hint, "the sign is wrong");
    assert_non_null(strstr(f.reproduce, ".seed = 77, .only = \"weight\", .phases = DNN_CHECK_TRAIN"));
    dnn_check_row row = {DNN_SIZED(dnn_check_row)};
    assert_int_equal(dnn_check_report_row(report, 1, &row), DNN_OK);
    assert_string_equal(row.path, "weight");
    assert_int_equal(row.verdict, DNN_CHECK_FAIL);
    assert_int_equal(row.elements, 15);
    assert_true(row.worst_error > 1 && row.float32_error < 1e-5);
    dnn_check_finding finding = {DNN_SIZED(dnn_check_finding)};
    assert_int_equal(dnn_check_report_finding(report, 1, &finding), DNN_OK);
    assert_string_equal(finding.name, "two runs are equal");
    assert_int_equal(finding.verdict, DNN_CHECK_PASS);
    const char *text = dnn_check_report_text(report), *json = dnn_check_report_json(report);
    assert_non_null(strstr(text, "gradient check of a module: FAIL\n"));
    assert_non_null(strstr(text, "likely: the sign is wrong\n"));
    assert_non_null(strstr(text, "worst: weight (train) ["));
    assert_non_null(strstr(json, "{\"verdict\":\"FAIL\",\"subject\":\"module\",\"checked\":76,"));
    assert_non_null(strstr(json, "\"path\":\"weight\",\"phase\":\"eval\",\"verdict\":\"FAIL\",\"elements\":15,"));
    assert_null(strstr(json, ",}"));
    assert_null(strstr(json, ",]"));
    assert_null(strstr(json, "nan"));
    dnn_check_report_release(report);
    dnn_tensor_release(x);
    dnn_module_release(m);
    end_context(ctx);
}

/* The same seed gives the same report; "only" looks at less, and at the same numbers. */
static void a_report_can_be_had_again(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *net = small_network(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(3, 4), 3);
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .seed = 4, .mode = DNN_CHECK_FAST, .phases = DNN_CHECK_TRAIN};
    dnn_check_report *a = check_one(net, x, &options), *b = check_one(net, x, &options);
    assert_string_equal(dnn_check_report_json(a), dnn_check_report_json(b));
    options.only = "fc2.weight";
    dnn_check_report *c = check_one(net, x, &options);
    dnn_check_row whole = {DNN_SIZED(dnn_check_row)}, part = {DNN_SIZED(dnn_check_row)};
    assert_int_equal(figures_of(c).rows, 1);
    assert_int_equal(dnn_check_report_row(c, 0, &part), DNN_OK);
    assert_int_equal(dnn_check_report_row(a, 5, &whole), DNN_OK);
    assert_string_equal(whole.path, part.path);
    assert_true(whole.worst_error == part.worst_error && whole.checked == part.checked);
    dnn_check_report_release(a);
    dnn_check_report_release(b);
    dnn_check_report_release(c);
    dnn_tensor_release(x);
    dnn_module_release(net);
    end_context(ctx);
}

/* ---- losses ---- */

static dnn_status plain_shape(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, dnn_array *each) {
    return dnni_pair_shape(loss, y, target, each);
}

/* Σ d², with the gradient of the mean. */
static double wrong_run(const dnn_loss *loss, const dnn_array *y, const dnn_array *target, double scale, void *each,
                        void *gradient) {
    (void)loss, (void)each;
    double sum = 0;
    for (int64_t i = 0; i < dnni_count(y); i++) {
        double d = dnni_load(y->dtype, y->data, i) - dnni_load(target->dtype, target->data, i);
        sum += d * d;
        if (gradient) dnni_store(y->dtype, gradient, i, scale * 2 * d / (double)y->dims[0]);
    }
    return sum;
}

static void a_wrong_loss_is_found(void **state) {
    (void)state;
    static const dnni_loss_class wrong = {.type = "wrong", .shape = plain_shape, .run = wrong_run};
    dnn_context *ctx = new_context();
    dnn_loss *loss = dnni_loss_new(ctx, &wrong, sizeof *loss, DNN_REDUCTION_SUM);
    dnn_tensor *y = tensor_normal(ctx, DNN_F64, DIMS(4, 3), 1), *target = tensor_normal(ctx, DNN_F64, DIMS(4, 3), 2);
    dnn_check_report *report;
    assert_int_equal(dnn_check_loss(&report, loss, y, target, NULL), DNN_OK);
    assert_string_equal(figures_of(report).hint,
                        "too small by the batch size: a mean over the batch where the sum is meant");
    assert_string_equal(worst_of(report).path, "loss.y");
    expect_verdict(report, DNN_CHECK_FAIL);
    dnn_module *m =
        dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 3, .out_features = 3});
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 3);
    expect_verdict(check_one(m, x, NULL), DNN_CHECK_PASS);
    expect_verdict(check_one(m, x, &(dnn_check_desc){DNN_SIZED(dnn_check_desc), .loss = loss, .target = target}),
                   DNN_CHECK_FAIL);
    dnn_module_release(m);
    dnn_tensor_release(x);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
    end_context(ctx);
}

static void what_the_loss_lends_stays(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_loss *loss;
    const dnn_tensor *dy;
    dnn_tensor *before, *y = tensor_normal(ctx, DNN_F32, DIMS(4, 3), 1),
                        *target = tensor_of(ctx, DNN_I32, DIMS(4), NULL);
    assert_int_equal(dnn_cross_entropy_create(&loss, ctx, NULL), DNN_OK);
    assert_int_equal(dnn_loss_evaluate(loss, y, target, NULL, &dy), DNN_OK);
    assert_int_equal(dnn_tensor_clone(&before, dy), DNN_OK);
    dnn_check_report *report;
    assert_int_equal(dnn_check_loss(&report, loss, y, target, NULL), DNN_OK);
    expect_verdict(report, DNN_CHECK_PASS);
    expect_same_bits(dy, before, "dy");
    dnn_tensor_release(before);
    dnn_tensor_release(y);
    dnn_tensor_release(target);
    dnn_loss_release(loss);
    end_context(ctx);
}

/* ---- networks ---- */

static void several_outputs(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *graph;
    assert_int_equal(dnn_graph_create(&graph, ctx), DNN_OK);
    dnn_value x = dnn_graph_input(graph), y[2];
    assert_int_equal(dnn_graph_call(graph, "split", test_split(ctx), &x, 1, y, 2), DNN_OK);
    dnn_graph_output(graph, y[0]);
    dnn_graph_output(graph, dnn_graph_apply(graph, "signs", test_signs(ctx), y[0]));
    dnn_graph_output(graph, dnn_graph_apply(graph, "exp", test_exp(ctx), y[1]));
    dnn_tensor *in = tensor_normal(ctx, DNN_F32, DIMS(3, 4), 1);
    dnn_check_report *report = check_one(graph, in, NULL);
    assert_int_equal(figures_of(report).findings, 18);
    expect_verdict(report, DNN_CHECK_PASS);
    dnn_tensor_release(in);
    dnn_module_release(graph);
    end_context(ctx);
}

static void a_module_in_float64_is_checked_and_stays_in_it(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *net = small_network(ctx);
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(3, 4), 3);
    expect_verdict(check_one(net, x, NULL), DNN_CHECK_PASS);
    assert_int_equal(dnn_tensor_dtype(value_of(net, "fc1.weight")), DNN_F64);
    dnn_tensor_release(x);
    dnn_module_release(net);
    end_context(ctx);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void a_million_parameters_take_seconds(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *net;
    dnn_sequential_create(&net, ctx);
    static const int64_t sizes[] = {784, 1000, 200, 10};
    for (int i = 0; i < 3; i++) {
        dnn_linear_desc desc = {DNN_SIZED(dnn_linear_desc), .in_features = sizes[i], .out_features = sizes[i + 1]};
        dnn_sequential_add(net, NULL, dnn_linear(ctx, &desc));
        if (i < 2) dnn_sequential_add(net, NULL, dnn_relu(ctx));
    }
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 784), 3);
    double start = seconds();
    dnn_check_report *report = check_one(net, x, &(dnn_check_desc){DNN_SIZED(dnn_check_desc), .mode = DNN_CHECK_FAST});
    print_message("%lld forwards, %.1f s\n", (long long)figures_of(report).evaluations, seconds() - start);
    expect_verdict(report, DNN_CHECK_PASS);
    dnn_tensor_release(x);
    dnn_module_release(net);
    end_context(ctx);
}

/* ---- misuse ---- */

static void wrong_calls_are_refused(void **state) {
    (void)state;
    dnn_context *ctx = new_context();
    dnn_module *m = dnn_relu(ctx);
    dnn_tensor *x = tensor_normal(ctx, DNN_F32, DIMS(2, 3), 1);
    dnn_loss *loss;
    assert_int_equal(dnn_mse_create(&loss, ctx, NULL), DNN_OK);
    const dnn_tensor *lent = x, *none = NULL;
    dnn_check_report *r;
    assert_int_equal(dnn_check_gradients(NULL, m, &lent, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_gradients(&r, NULL, &lent, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_gradients(&r, (dnn_module *)x, &lent, 1, NULL), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_check_gradients(&r, m, NULL, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_gradients(&r, m, &none, 1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_gradients(&r, m, &lent, -1, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_gradients(&r, m, &lent, 0, NULL), DNN_ERROR_SHAPE);
    const dnn_check_desc wrong[] = {
        {.size = 1},
        {DNN_SIZED(dnn_check_desc), .mode = 11},
        {DNN_SIZED(dnn_check_desc), .phases = 8},
        {DNN_SIZED(dnn_check_desc), .skip = 16},
        {DNN_SIZED(dnn_check_desc), .tolerance = -1},
        {DNN_SIZED(dnn_check_desc), .float32_tolerance = (double)NAN},
        {DNN_SIZED(dnn_check_desc), .budget = -1},
        {DNN_SIZED(dnn_check_desc), .pairs = -1},
        {DNN_SIZED(dnn_check_desc), .samples = 100000},
        {DNN_SIZED(dnn_check_desc), .loss = loss},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(dnn_check_gradients(&r, m, &lent, 1, &wrong[i]), DNN_ERROR_ARGUMENT);
        assert_null(r);
        if (i < 9) assert_int_equal(dnn_check_loss(&r, loss, x, x, &wrong[i]), DNN_ERROR_ARGUMENT);
    }
    assert_int_equal(dnn_check_loss(NULL, loss, x, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_loss(&r, NULL, x, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_loss(&r, loss, NULL, x, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_loss(&r, loss, x, NULL, NULL), DNN_ERROR_ARGUMENT);
    dnn_check_figures f = {DNN_SIZED(dnn_check_figures)};
    dnn_check_entry e = {DNN_SIZED(dnn_check_entry)};
    dnn_check_row row = {DNN_SIZED(dnn_check_row)};
    dnn_check_finding finding = {DNN_SIZED(dnn_check_finding)};
    assert_int_equal(dnn_check_report_figures(NULL, &f), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_report_worst((dnn_check_report *)x, &e), DNN_ERROR_HANDLE);
    assert_null(dnn_check_report_text(NULL));
    assert_null(dnn_check_report_json((dnn_check_report *)m));
    r = check_one(m, x, NULL);
    assert_int_equal(dnn_check_report_figures(r, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_report_row(r, -1, &row), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_check_report_row(r, 2, &row), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_check_report_finding(r, 1000, &finding), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_check_report_finding(r, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_check_report_release(NULL), DNN_OK);
    assert_string_equal(dnn_check_verdict_name(DNN_CHECK_INCONCLUSIVE), "INCONCLUSIVE");
    assert_string_equal(dnn_check_verdict_name((dnn_check_verdict)3), "none");
    /* A check that was done leaves the last error alone. */
    dnn_fail(DNN_ERROR_VALUE, "an older one");
    dnn_check_report_release(check_one(m, x, NULL));
    expect_error(dnn_last_status(), DNN_ERROR_VALUE, "an older one");
    dnn_check_report_release(r);
    dnn_loss_release(loss);
    dnn_tensor_release(x);
    dnn_module_release(m);
    end_context(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_module_is_left_as_it_was),
        cmocka_unit_test(out_of_memory_leaves_it_so_too),
        cmocka_unit_test(ties_and_zeros_are_no_faults),
        cmocka_unit_test(a_step_does_not_cross_a_kink),
        cmocka_unit_test(kinks_everywhere_are_inconclusive),
        cmocka_unit_test(what_cannot_be_seen_is_not_passed),
        cmocka_unit_test(what_cannot_be_checked_is_said),
        cmocka_unit_test(the_worst_entry_is_found_in_every_mode),
        cmocka_unit_test(the_report_speaks),
        cmocka_unit_test(a_report_can_be_had_again),
        cmocka_unit_test(a_wrong_loss_is_found),
        cmocka_unit_test(what_the_loss_lends_stays),
        cmocka_unit_test(several_outputs),
        cmocka_unit_test(a_module_in_float64_is_checked_and_stays_in_it),
        cmocka_unit_test(a_million_parameters_take_seconds),
        cmocka_unit_test(wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
