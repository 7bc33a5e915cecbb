/* Preflight leaves everything as it was, bit for bit: a run with it goes on like its twin without, also when memory
 * ends half-way or a callback says no; and it says the same on any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/flights.h"

static test_allocator memory;

static int set_up(void **state) {
    (void)state;
    memory = (test_allocator){0};
    data_memory = (test_allocator){0};
    return 0;
}

/* ---- twins ---- */

/* With all that a step can change: dropout, batch norm, momentum, a frozen parameter. */
static flight make(int32_t threads) {
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = threads};
    OK(dnn_context_create(&data_ctx, &desc));
    dnn_module *net = FLIGHT_CHAIN(flight_dense(4, 12), flight_norm(12), dnn_relu(data_ctx), dnn_dropout(data_ctx,
    0.3), flight_dense(12, 3)); flight f = {net, flight_cross_entropy(), flight_adam(net, 0.01), flight_blobs(200, 4,
    3, 1)}; OK(dnn_module_freeze(net, "l0.bias"));
    return f;
}

static void end(flight *f) {
    flight_end(f);
    OK(dnn_context_release(data_ctx));
    assert_int_equal(memory.live, 0);
}

typedef struct {
    double values[4096];
    int64_t n;
} bits;

static void take(bits *b, const dnn_tensor *t) {
    for (int64_t i = 0; i < dnn_tensor_count(t) && b->n < 4096; i++) b->values[b->n++] = tensor_at(t, i);
}

static void take_all(bits *b, flight *f) {
    for (int64_t i = 0; i < dnn_module_parameter_count(f->net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        OK(dnn_module_parameter_at(f->net, i, &p));
        take(b, p.value);
        if (p.gradient) take(b, p.gradient);
        b->values[b->n++] = p.is_frozen;
    }
    for (int64_t i = 0; i < dnn_optimizer_state_count(f->opt); i++) {
        dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
        OK(dnn_optimizer_state_at(f->opt, i, &s));
        take(b, s.value);
    }
    b->values[b->n++] = dnn_module_is_training(f->net) + 10 * dnn_module_pending_backwards(f->net);
}

typedef void meddle(flight *f);

/* Steps, with something between each forward and its backward, before the step, and behind it. */
static void run(bits *b, meddle *between) {
    flight f = make(1);
    const dnn_tensor *y, *dy;
    dnn_tensor *x, *t;
    memset(b, 0, sizeof *b);
    OK(dnn_dataset_get_range(&x, &t, f.data, 0, 32));
    for (int i = 0; i < 3; i++) {
        OK(dnn_optimizer_zero_grad(f.opt));
        OK(dnn_module_forward(f.net, x, &y));
        OK(dnn_loss_evaluate(f.loss, y, t, NULL, &dy));
        if (between) between(&f);
        take(b, y);
        take(b, dy);
        OK(dnn_module_backward(f.net, dy, NULL));
        if (between) between(&f);
        OK(dnn_optimizer_step(f.opt));
        if (between && i == 1) between(&f);
        take_all(b, &f);
    }
    OK(dnn_module_eval(f.net));
    if (between) between(&f);
    OK(dnn_module_forward(f.net, x, &y));
    take(b, y);
    take_all(b, &f);
    dnn_tensor_release(x);
    dnn_tensor_release(t);
    end(&f);
}

static void expect_twins(meddle *between) {
    static bits with, without;
    run(&without, NULL);
    run(&with, between);
    assert_int_equal(with.n, without.n);
    assert_true(with.n < 4096);
    assert_memory_equal(with.values, without.values, (size_t)with.n * sizeof(double));
}

static char folder[] = "/tmp/preflight-untouched-XXXXXX";

static void fly(flight *f) {
    dnn_report *report;
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .folder = folder};
    dnn_fail(DNN_ERROR_INTERNAL, "before");
    OK(dnn_preflight(&report, f->net, f->loss, f->opt, f->data, &d));
    assert_string_equal(dnn_last_error(), "before");
    assert_int_not_equal(dnn_report_worst(report), DNN_SEVERITY_ERROR);
    dnn_report_release(report);
}

static void test_untouched(void **state) {
    (void)state;
    assert_non_null(mkdtemp(folder));
    expect_twins(fly);
    assert_int_equal(rmdir(folder), 0);
}

/* ---- failures ---- */

static int calls, stop_at;
static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    (void)user, (void)what, (void)done, (void)total;
    return ++calls == stop_at ? dnn_fail(DNN_ERROR_STATE, "enough") : DNN_OK;
}

static void fly_and_stop(flight *f) {
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .progress = {stop, NULL}};
    for (stop_at = 1; stop_at <= 10; stop_at += 3) {
        dnn_report *report;
        calls = 0;
        FAILS(dnn_preflight(&report, f->net, f->loss, f->opt, f->data, &d), DNN_ERROR_STATE, "enough");
        assert_null(report);
    }
}

static void test_stopped(void **state) {
    (void)state;
    expect_twins(fly_and_stop);
}

/* Data that cannot be read at the k-th time: an error with the host's reason, or, in the rehearsal, a finding. */
static int64_t reads, bad_read;
static dnn_status get(void *user, int64_t index, int64_t epoch, const dnn_array *input, const dnn_array *target) {
    (void)user, (void)epoch;
    for (int64_t i = 0; i < 4; i++) ((float *)input->data)[i] = (float)((index * 7 + i * 3) % 11) / 5 - 1;
    *(int64_t *)target->data = index % 3;
    return ++reads == bad_read ? dnn_fail(DNN_ERROR_IO, "the disk is gone") : DNN_OK;
}

static void fly_on_bad_data(flight *f) {
    dnn_dataset *data;
    dnn_callback_dataset_desc d = {DNN_SIZED(dnn_callback_dataset_desc), .count = 90, .get = get,
                                   .input = {.dtype = DNN_F32, .rank = 1, .dims = {4}}, .target = {.dtype = DNN_I64}};
    OK(dnn_dataset_from_callbacks(&data, data_ctx, &d));
    for (bad_read = 1; bad_read <= 91; bad_read += 45) {
        dnn_report *report;
        reads = 0;
        FAILS(dnn_preflight(&report, f->net, f->loss, f->opt, data, NULL), DNN_ERROR_CALLBACK, "the disk is gone");
        assert_null(report);
    }
    dnn_report *report;
    bad_read = 10;
    reads = -90; /* behind the samples that are taken */
    OK(dnn_preflight_rehearsal(&report, f->net, f->loss, f->opt, data, NULL));
    flight_expect(report, "rehearsal-failed", DNN_SEVERITY_ERROR, "the disk is gone");
    dnn_report_release(report);
    dnn_dataset_release(data);
}

static void test_bad_data(void **state) {
    (void)state;
    expect_twins(fly_on_bad_data);
}

/* Each allocation of a few, each time another few: over all of them, at different places. */
static int64_t place;
static void fly_without_memory(flight *f) {
    dnn_report *report;
    test_allocator_arm(&memory, 0, false);
    OK(dnn_preflight(&report, f->net, f->loss, f->opt, f->data, NULL));
    dnn_report_release(report);
    int64_t n = memory.calls;
    for (int i = 0; i < 12; i++) {
        int64_t live = memory.live;
        place = (place * 7 + 13) % n;
        test_allocator_arm(&memory, place + 1, i % 2);
        dnn_status status = dnn_preflight(&report, f->net, f->loss, f->opt, f->data, NULL);
        test_allocator_arm(&memory, 0, false);
        if (status == DNN_OK) dnn_report_release(report);
        else assert_int_equal(status, DNN_ERROR_MEMORY);
        assert_true(memory.live <= live + 300); /* tombstones, plans that were made */
    }
}

static void test_without_memory(void **state) {
    (void)state;
    expect_twins(fly_without_memory);
}

/* ---- the same ---- */

/* Findings and figures; without the memory, which depends on the number of threads, and without times. */
static const char *words_of(int32_t threads, char *text, size_t room) {
    dnn_preflight_desc d = {DNN_SIZED(dnn_preflight_desc), .skip = DNN_PREFLIGHT_NO_MEMORY |
    DNN_PREFLIGHT_NO_REHEARSAL}; dnn_report *report;
    size_t used = 0;
    flight f = make(threads);
    OK(dnn_preflight(&report, f.net, f.loss, f.opt, f.data, &d));
    for (int64_t i = 0; i < dnn_report_findings(report); i++) {
        dnn_finding finding = {DNN_SIZED(dnn_finding)};
        OK(dnn_report_finding(report, i, &finding));
        used += (size_t)snprintf(text + used, room - used, "%s %s\n", finding.what, finding.how);
    }
    for (int64_t i = 0; i < dnn_report_figures(report); i++) {
        dnn_figure figure = {DNN_SIZED(dnn_figure)};
        OK(dnn_report_figure(report, i, &figure));
        used += (size_t)snprintf(text + used, room - used, "%s %.17g %s\n", figure.name, figure.value, figure.note);
    }
    dnn_report_release(report);
    end(&f);
    return text;
}

static void test_same_on_any_threads(void **state) {
    (void)state;
    static char first[16384], second[16384];
    words_of(1, first, sizeof first);
    assert_non_null(strstr(first, "first loss"));
    assert_string_equal(first, words_of(1, second, sizeof second));
    assert_string_equal(first, words_of(2, second, sizeof second));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_untouched, set_up),
        cmocka_unit_test_setup(test_stopped, set_up),
        cmocka_unit_test_setup(test_bad_data, set_up),
        cmocka_unit_test_setup(test_without_memory, set_up),
        cmocka_unit_test_setup(test_same_on_any_threads, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
