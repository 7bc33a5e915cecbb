/* The gradient check on trial: it must find every planted fault, name those that it has words for, and accuse nobody
 * else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/planted.h"

#include <dnn/check.h>

static dnn_context *new_context(uint64_t seed) {
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 1, .seed = seed};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

static dnn_check_report *check(dnn_context *ctx, dnn_module *m, const case_input *inputs, int32_t n,
                               dnn_check_mode mode, uint64_t seed) {
    layer_case c = {.n_inputs = n};
    dnn_tensor *tensors[LAYER_CASE_INPUTS];
    dnn_check_report *report = NULL;
    memcpy(c.inputs, inputs, (size_t)n * sizeof *inputs);
    assert_true(case_inputs(ctx, &c, DNN_F32, seed, tensors));
    dnn_check_desc options = {DNN_SIZED(dnn_check_desc), .mode = mode, .seed = seed};
    if (dnn_check_gradients(&report, m, (const dnn_tensor *const *)tensors, n, &options) != DNN_OK)
        fail_msg("%s", dnn_last_error());
    case_release(tensors, n);
    return report;
}

static dnn_check_figures figures_of(const dnn_check_report *report) {
    dnn_check_figures f = {DNN_SIZED(dnn_check_figures)};
    assert_int_equal(dnn_check_report_figures(report, &f), DNN_OK);
    return f;
}

static bool as_expected(const planted_bug *b, const dnn_check_report *report, bool names_it) {
    dnn_check_figures f = figures_of(report);
    dnn_check_verdict wanted = b->bug ? DNN_CHECK_FAIL : DNN_CHECK_PASS;
    bool right = f.verdict == wanted, named = !names_it || !b->hint || strstr(f.hint, b->hint);
    if (!right) print_error("%s: %s\n%s", b->name, dnn_check_verdict_name(f.verdict), dnn_check_report_text(report));
    if (right && !named)
        print_error("%s: hint is \"%s\", which lacks \"%s\"\n%s", b->name, f.hint, b->hint,
                    dnn_check_report_text(report));
    return right && named;
}

static void try_all(dnn_check_mode mode, bool names_them) {
    int wrong = 0, bugs = 0, named = 0;
    for (int i = 0; i < planted_bug_count; i++) {
        const planted_bug *b = &planted_bugs[i];
        dnn_context *ctx = new_context(1);
        dnn_module *m = b->make(ctx, b->bug);
        dnn_check_report *report = check(ctx, m, b->inputs, b->n_inputs, mode, 2);
        wrong += !as_expected(b, report, names_them);
        bugs += b->bug != 0;
        named += b->bug != 0 && b->hint;
        dnn_check_report_release(report);
        dnn_module_release(m);
        dnn_context_release(ctx);
    }
    print_message("%d planted bugs, %d not found or not named (%d have a name), %d layers without a bug\n", bugs, wrong,
                  names_them ? named : 0, planted_bug_count - bugs);
    assert_int_equal(wrong, 0);
}

static void every_planted_bug_is_found_and_named(void **state) {
    (void)state;
    try_all(DNN_CHECK_SLOW, true);
}

static void directions_find_every_planted_bug(void **state) {
    (void)state;
    try_all(DNN_CHECK_FAST, false);
}

static void samples_find_every_planted_bug(void **state) {
    (void)state;
    try_all(DNN_CHECK_SAMPLED, false);
}

/* Two hundred seeds, spread over the layers: other weights, inputs, dL/dy, masks. */
static void no_healthy_layer_is_accused(void **state) {
    (void)state;
    enum { SEEDS = 200, SHARE = 1 };
    int64_t checks = 0, accused = 0, unsure = 0, derivatives = 0, kinks = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        dnn_context *ctx = new_context(seed);
        for (int i = (int)(seed % SHARE); i < layer_table_count; i += SHARE) {
            const layer_case *c = &layer_table[i];
            dnn_module *m = c->make(ctx);
            dnn_check_report *report = check(ctx, m, c->inputs, c->n_inputs, DNN_CHECK_AUTO, seed);
            dnn_check_figures f = figures_of(report);
            if (f.verdict != DNN_CHECK_PASS)
                print_error("%s, seed %d\n%s", c->name, (int)seed, dnn_check_report_text(report));
            accused += f.verdict == DNN_CHECK_FAIL;
            unsure += f.verdict == DNN_CHECK_INCONCLUSIVE;
            derivatives += f.checked;
            kinks += f.kinked;
            checks++;
            dnn_check_report_release(report);
            dnn_module_release(m);
        }
        dnn_context_release(ctx);
    }
    print_message("%lld checks, %lld derivatives, %lld kinks: %lld false accusations, %lld inconclusive\n",
                  (long long)checks, (long long)derivatives, (long long)kinks, (long long)accused, (long long)unsure);
    assert_int_equal(accused, 0);
    assert_int_equal(unsure, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_planted_bug_is_found_and_named),
        cmocka_unit_test(directions_find_every_planted_bug),
        cmocka_unit_test(samples_find_every_planted_bug),
        cmocka_unit_test(no_healthy_layer_is_accused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
