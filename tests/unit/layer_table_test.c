/* Every built-in layer and loss, as the tables have them: gradients, float32, shapes, threads, memory, files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/context.h"
#include "core/dtype.h"
#include "support/allocator.h"
#include "support/layer_table.h"
#include "support/running.h"

#include <dnn/check.h>

/* A single smooth layer; those with kinks may be judged with shortened steps. */
#define SMOOTH_TOLERANCE 1e-7
#define KINK_TOLERANCE 1e-6
#define FLOAT32_TOLERANCE 2e-5

static dnn_context *new_context(int32_t threads, dnn_isa isa) {
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = threads, .isa = isa, .seed = 11};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

/* Starting values hide faults (a weight of 1, a mean of 0): other ones. Variances stay positive. */
static void randomise(dnn_module *m) {
    for (int64_t i = 0; i < dnn_module_parameter_count(m); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(m, i, &p), DNN_OK);
        case_input shape = {
            .values = p.is_buffer ? CASE_UNIT : CASE_NORMAL, .dtype = DNN_F32, .rank = dnn_tensor_rank(p.value)};
        memcpy(shape.dims, dnn_tensor_dims(p.value), (size_t)shape.rank * sizeof *shape.dims);
        dnn_tensor *numbers = case_tensor(dnni_context_of(m), &shape, DNN_F32, 1000 + (uint64_t)i);
        for (int64_t k = 0; k < dnn_tensor_count(p.value); k++)
            tensor_put(p.value, k, tensor_at(p.value, k) + 0.4 * tensor_at(numbers, k));
        dnn_tensor_release(numbers);
    }
}

static dnn_module *make(const layer_case *c, dnn_context *ctx) {
    dnn_module *m = c->make(ctx);
    if (!m || dnn_module_error(m) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
    randomise(m);
    return m;
}

/* ---- gradients ---- */

static dnn_check_figures figures_of(const dnn_check_report *report) {
    dnn_check_figures f = {DNN_SIZED(dnn_check_figures)};
    assert_int_equal(dnn_check_report_figures(report, &f), DNN_OK);
    return f;
}

typedef struct worst {
    double smooth, any, float32;
    int64_t checked, kinked;
} worst;

static void expect_pass(dnn_check_report *report, const char *name, bool has_kinks, worst *w) {
    dnn_check_figures f = figures_of(report);
    if (f.verdict != DNN_CHECK_PASS) fail_msg("%s\n%s", name, dnn_check_report_text(report));
    assert_true(f.checked > 0 || f.findings > 0);
    if (!has_kinks) w->smooth = fmax(w->smooth, f.worst_error);
    w->any = fmax(w->any, f.worst_error);
    w->float32 = fmax(w->float32, f.worst_float32_error);
    w->checked += f.checked;
    w->kinked += f.kinked;
    dnn_check_report_release(report);
}

static void check_layer(dnn_context *ctx, const layer_case *c, int32_t skip, uint64_t seed, worst *w) {
    dnn_tensor *inputs[LAYER_CASE_INPUTS];
    dnn_check_report *report;
    dnn_module *m = make(c, ctx);
    assert_true(case_inputs(ctx, c, DNN_F32, seed, inputs));
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc),
                              .skip = skip,
                              .seed = seed,
                              .mode = DNN_CHECK_SLOW,
                              .tolerance = c->has_kinks ? KINK_TOLERANCE : SMOOTH_TOLERANCE,
                              .float32_tolerance = FLOAT32_TOLERANCE};
    if (dnn_check_gradients(&report, m, (const dnn_tensor *const *)inputs, c->n_inputs, &options) != DNN_OK)
        fail_msg("%s: %s", c->name, dnn_last_error());
    expect_pass(report, c->name, c->has_kinks, w);
    case_release(inputs, c->n_inputs);
    dnn_module_release(m);
}

static void every_layer_passes_the_gradient_check(void **state) {
    (void)state;
    worst w = {0};
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    for (int i = 0; i < layer_table_count; i++) check_layer(ctx, &layer_table[i], 0, 3, &w);
    print_message("%d layers, %lld derivatives, worst relative error of smooth ones %.2g, of all %.2g; kinks %lld; "
                  "float32 %.2g\n",
                  layer_table_count, (long long)w.checked, w.smooth, w.any, (long long)w.kinked, w.float32);
    dnn_context_release(ctx);
}

static void every_loss_passes_the_gradient_check(void **state) {
    (void)state;
    worst w = {0};
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    for (int i = 0; i < loss_table_count; i++) {
        const loss_case *c = &loss_table[i];
        dnn_loss *loss;
        dnn_check_report *report;
        assert_int_equal(c->make(&loss, ctx), DNN_OK);
        dnn_tensor *y = case_tensor(ctx, &c->y, DNN_F64, 5), *target = case_tensor(ctx, &c->target, DNN_F64, 6);
        dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .tolerance = SMOOTH_TOLERANCE};
        if (dnn_check_loss(&report, loss, y, target, &options) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
        expect_pass(report, c->name, false, &w);
        dnn_tensor_release(y);
        dnn_tensor_release(target);
        dnn_loss_release(loss);
    }
    print_message("%d losses, worst relative error %.2g\n", loss_table_count, w.any);
    dnn_context_release(ctx);
}

/* The float64 check runs one variant; this runs the float32 code of every one against it. */
static void float32_agrees_for_every_instruction_set(void **state) {
    (void)state;
    static const dnn_isa isas[] = {DNN_ISA_PORTABLE, DNN_ISA_AVX2, DNN_ISA_AVX512};
    worst w = {0};
    for (int k = 0; k < 3; k++) {
        dnn_context *ctx;
        dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 1, .isa = isas[k], .seed = 11};
        if (dnn_context_create(&ctx, &desc) == DNN_ERROR_UNSUPPORTED) continue;
        for (int i = 0; i < layer_table_count; i++) check_layer(ctx, &layer_table[i], DNN_CHECK_NO_STRUCTURE, 4, &w);
        dnn_context_release(ctx);
    }
    print_message("worst float32 error %.2g\n", w.float32);
}

/* ---- running ---- */

typedef struct setting {
    dnn_context *ctx;
    dnn_module *m;
    dnn_tensor *inputs[LAYER_CASE_INPUTS];
    const dnn_tensor *y, *gradients[LAYER_CASE_INPUTS];
} setting;

static setting set_up(const layer_case *c, dnn_context *ctx) {
    setting s = {.ctx = ctx, .m = make(c, ctx)};
    assert_true(case_inputs(ctx, c, DNN_F32, 7, s.inputs));
    assert_int_equal(dnn_module_set_gradients(s.m, DNN_GRADIENTS_INPUTS), DNN_OK);
    return s;
}

static void tear_down(const layer_case *c, setting *s) {
    case_release(s->inputs, c->n_inputs);
    dnn_module_release(s->m);
}

/* dy is y itself: any numbers will do. */
static dnn_status run(const layer_case *c, setting *s) {
    DNNI_TRY(dnn_module_forward_n(s->m, (const dnn_tensor *const *)s->inputs, c->n_inputs, &s->y, 1));
    dnn_tensor *dy;
    DNNI_TRY(dnn_tensor_clone(&dy, s->y));
    const dnn_tensor *lent = dy;
    dnn_status status = dnn_module_backward_n(s->m, &lent, 1, s->gradients, c->n_inputs);
    dnn_tensor_release(dy);
    return status;
}

static void expect_same_state(const layer_case *c, setting *a, setting *b) {
    expect_same_bits(a->y, b->y, c->name);
    for (int32_t i = 0; i < c->n_inputs; i++)
        if (a->gradients[i]) expect_same_bits(a->gradients[i], b->gradients[i], c->name);
    for (int64_t i = 0; i < dnn_module_parameter_count(a->m); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(a->m, i, &p), DNN_OK);
        assert_int_equal(dnn_module_parameter_at(b->m, i, &q), DNN_OK);
        expect_same_bits(p.value, q.value, c->name);
        if (p.gradient) expect_same_bits(p.gradient, q.gradient, c->name);
    }
}

static void results_do_not_depend_on_threads(void **state) {
    (void)state;
    for (int i = 0; i < layer_table_count; i++) {
        const layer_case *c = &layer_table[i];
        dnn_context *one = new_context(1, DNN_ISA_AUTO);
        setting a = set_up(c, one);
        assert_int_equal(run(c, &a), DNN_OK);
        for (int32_t threads = 2; threads <= 4; threads++) {
            dnn_context *many = new_context(threads, DNN_ISA_AUTO);
            setting b = set_up(c, many);
            assert_int_equal(run(c, &b), DNN_OK);
            expect_same_state(c, &a, &b);
            tear_down(c, &b);
            dnn_context_release(many);
        }
        tear_down(c, &a);
        dnn_context_release(one);
    }
}

/* ---- shapes ---- */

static void every_layer_is_described(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    for (int i = 0; i < layer_table_count; i++) {
        const layer_case *c = &layer_table[i];
        setting s = set_up(c, ctx);
        dnn_array shapes[LAYER_CASE_INPUTS];
        for (int32_t k = 0; k < c->n_inputs; k++)
            shapes[k] = dnni_array(dnn_tensor_dtype(s.inputs[k]), c->inputs[k].rank, c->inputs[k].dims);
        dnn_description *d;
        if (dnn_module_describe(&d, s.m, shapes, c->n_inputs) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
        dnn_description_totals t = {DNN_SIZED(dnn_description_totals)};
        assert_int_equal(dnn_description_totals_get(d, &t), DNN_OK);
        dnn_step_info last = {DNN_SIZED(dnn_step_info)};
        assert_int_equal(dnn_description_step(d, t.steps - 1, &last), DNN_OK);
        assert_int_equal(run(c, &s), DNN_OK);
        expect_shape(s.y, last.output.rank, last.output.dims);
        dnn_description_release(d);
        tear_down(c, &s);
    }
    dnn_context_release(ctx);
}

static void wrong_inputs_are_refused(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    dnn_tensor *flag;
    assert_int_equal(dnn_tensor_create(&flag, ctx, DNN_BOOL, 0, NULL), DNN_OK);
    for (int i = 0; i < layer_table_count; i++) {
        const layer_case *c = &layer_table[i];
        setting s = set_up(c, ctx);
        const dnn_tensor *many[8] = {flag, flag, flag, flag, flag, flag, flag, flag}, *y;
        dnn_status status = dnn_module_forward_n(s.m, many, c->n_inputs, &y, 1);
        if (status == DNN_OK && strcmp(c->name, "sum, all axes") && strcmp(c->name, "mean, all axes") &&
            strncmp(c->name, "scale", 5))
            assert_int_equal(dnn_tensor_dtype(y), DNN_BOOL);
        assert_int_not_equal(dnn_module_forward_n(s.m, many, 0, &y, 1), DNN_OK);
        assert_true(strlen(dnn_last_error()) > 0);
        assert_int_equal(run(c, &s), DNN_OK);
        tear_down(c, &s);
    }
    dnn_tensor_release(flag);
    dnn_context_release(ctx);
}

static void a_batch_of_zero_runs(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    for (int i = 0; i < layer_table_count; i++) {
        layer_case c = layer_table[i];
        if (c.needs_batch) continue;
        for (int32_t k = 0; k < c.n_inputs; k++) c.inputs[k].dims[0] = 0;
        setting s = set_up(&c, ctx);
        dnn_status status = run(&c, &s);
        if (status != DNN_OK) fail_msg("%s: %s", c.name, dnn_last_error());
        for (int64_t k = 0; k < dnn_module_parameter_count(s.m); k++) {
            dnn_parameter p = {DNN_SIZED(dnn_parameter)};
            assert_int_equal(dnn_module_parameter_at(s.m, k, &p), DNN_OK);
            for (int64_t e = 0; p.gradient && e < dnn_tensor_count(p.gradient); e++)
                assert_true(tensor_at(p.gradient, e) == 0);
        }
        tear_down(&c, &s);
    }
    dnn_context_release(ctx);
}

/* ---- out of memory ---- */

static dnn_status build_and_run(const layer_case *c, dnn_context *ctx, dnn_tensor *const *inputs, dnn_tensor *dy) {
    dnn_module *m = c->make(ctx);
    if (!m) return dnn_last_status();
    const dnn_tensor *y, *lent = dy, *gradients[LAYER_CASE_INPUTS];
    dnn_status status = dnn_module_set_gradients(m, DNN_GRADIENTS_INPUTS);
    if (status == DNN_OK) status = dnn_module_forward_n(m, (const dnn_tensor *const *)inputs, c->n_inputs, &y, 1);
    if (status == DNN_OK) status = dnn_module_backward_n(m, &lent, 1, gradients, c->n_inputs);
    dnn_module_release(m);
    return status;
}

static void sweep(const layer_case *c, bool for_ever) {
    test_allocator memory = {0};
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 1, .allocator = test_allocator_of(&memory)};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    setting s = set_up(c, ctx);
    assert_int_equal(run(c, &s), DNN_OK);
    dnn_tensor *dy;
    assert_int_equal(dnn_tensor_clone(&dy, s.y), DNN_OK);
    dnn_status status = DNN_ERROR_MEMORY;
    for (int64_t k = 1; status != DNN_OK; k++) {
        test_allocator_arm(&memory, k, for_ever);
        status = build_and_run(c, ctx, s.inputs, dy);
        test_allocator_arm(&memory, 0, false);
        if (status != DNN_OK && status != DNN_ERROR_MEMORY)
            fail_msg("%s, allocation %lld: %s", c->name, (long long)k, dnn_last_error());
        assert_true(k < 10000);
    }
    assert_int_equal(build_and_run(c, ctx, s.inputs, dy), DNN_OK);
    dnn_tensor_release(dy);
    tear_down(c, &s);
    dnn_context_release(ctx);
    if (memory.live != 0) fail_msg("%s: %lld pieces of memory are not given back", c->name, (long long)memory.live);
}

static void running_out_of_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    for (int i = 0; i < layer_table_count; i++) {
        sweep(&layer_table[i], false);
        sweep(&layer_table[i], true);
    }
}

/* ---- files ---- */

static void weights_survive_a_file(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "layer_table_test.%ld.safetensors", (long)getpid());
    dnn_context *ctx = new_context(1, DNN_ISA_AUTO);
    for (int i = 0; i < layer_table_count; i++) {
        const layer_case *c = &layer_table[i];
        setting a = set_up(c, ctx);
        dnn_module *b = c->make(ctx);
        if (dnn_weights_save(a.m, path, NULL) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
        if (dnn_weights_load(b, path, NULL) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
        for (int64_t k = 0; k < dnn_module_parameter_count(b); k++) {
            dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
            assert_int_equal(dnn_module_parameter_at(a.m, k, &p), DNN_OK);
            assert_int_equal(dnn_module_parameter_at(b, k, &q), DNN_OK);
            assert_string_equal(p.path, q.path);
            expect_same_bits(p.value, q.value, c->name);
        }
        dnn_module_release(b);
        tear_down(c, &a);
    }
    remove(path);
    dnn_context_release(ctx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_passes_the_gradient_check),
        cmocka_unit_test(every_loss_passes_the_gradient_check),
        cmocka_unit_test(float32_agrees_for_every_instruction_set),
        cmocka_unit_test(results_do_not_depend_on_threads),
        cmocka_unit_test(every_layer_is_described),
        cmocka_unit_test(wrong_inputs_are_refused),
        cmocka_unit_test(a_batch_of_zero_runs),
        cmocka_unit_test(running_out_of_memory_is_an_error_and_no_leak),
        cmocka_unit_test(weights_survive_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
