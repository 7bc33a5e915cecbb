/* Tuning beside a host in the middle of his loop: he notices nothing, whatever happens, and gets the same numbers
 * again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/bystander.h"
#include "support/datasets.h"

/* ---- a host in the middle of his loop ---- */

static bystander host;

static int host_setup(void **state) {
    (void)state;
    data_memory = (test_allocator){0};
    dnn_allocator allocator = test_allocator_of(&data_memory);
    if (bystander_start(&host, &allocator, 2) != DNN_OK) return 1;
    data_ctx = host.ctx;
    return 0;
}

static int host_teardown(void **state) {
    (void)state;
    bystander_end(&host);
    return data_memory.live == 0 ? 0 : 1;
}

enum { CALLS = 4 };

/* One of the four, short. */
static dnn_status call(int which, dnn_report **r, const bystander *b, dnn_dataset *data, uint64_t seed, int32_t fresh,
                       dnn_progress progress) {
    dnn_tune_range_desc range = {DNN_SIZED(dnn_tune_range_desc), .steps = 24, .batch_size = 16, .seed = seed,
                                 .fresh = fresh, .progress = progress};
    dnn_tune_sweep_desc sweep = {DNN_SIZED(dnn_tune_sweep_desc), .rates = (const double[]){0.001, 0.1}, .n_rates = 2,
                                 .steps = 6, .batch_size = 16, .seeds = 2, .seed = seed, .fresh = fresh,
                                 .progress = progress};
    dnn_tune_divergence_desc divergence = {DNN_SIZED(dnn_tune_divergence_desc), .steps = 6, .batch_size = 16,
                                           .precision = 3, .high = 10, .seed = seed, .fresh = fresh,
                                           .progress = progress};
    dnn_tune_batch_desc batch = {DNN_SIZED(dnn_tune_batch_desc), .most = 8, .progress = progress, .budget = 1 << 20};
    switch (which) {
    case 0: return dnn_tune_range(r, b->net, b->loss, b->opt, data, &range, NULL);
    case 1: return dnn_tune_sweep(r, b->net, b->loss, b->opt, data, &sweep, NULL);
    case 2: return dnn_tune_divergence(r, b->net, b->loss, b->opt, data, &divergence, NULL);
    default: return dnn_tune_batch(r, b->net, b->loss, b->opt, data, &batch, NULL);
    }
}

static const dnn_progress nobody;

static void test_the_host_notices_nothing(void **state) {
    (void)state;
    bystander twin;
    dnn_report *report;
    OK(bystander_start(&twin, NULL, 1));
    uint64_t before = bystander_bits(&host);
    for (int i = 0; i < 2 * CALLS; i++) {
        OK(call(i / 2, &report, &host, host.data, 0, i % 2, nobody));
        dnn_report_release(report);
        if (bystander_bits(&host) != before) fail_msg("call %d left a trace", i);
    }
    assert_true(bystander_goes_on(&host) == bystander_goes_on(&twin));
    bystander_end(&twin);
}

static void test_the_same_numbers_on_any_number_of_threads(void **state) {
    (void)state;
    bystander alone;
    dnn_report *report, *other;
    OK(bystander_start(&alone, NULL, 1));
    for (int i = 0; i < CALLS - 1; i++) {
        OK(call(i, &report, &host, host.data, 5, 1, nobody));
        OK(call(i, &other, &alone, alone.data, 5, 1, nobody));
        assert_string_equal(dnn_report_json(report), dnn_report_json(other));
        dnn_report_release(other);
        OK(call(i, &other, &host, host.data, 5, 1, nobody));
        assert_string_equal(dnn_report_json(report), dnn_report_json(other));
        dnn_report_release(other);
        OK(call(i, &other, &host, host.data, 6, 1, nobody));
        assert_string_not_equal(dnn_report_json(report), dnn_report_json(other));
        dnn_report_release(other);
        dnn_report_release(report);
    }
    bystander_end(&alone);
}

static dnn_status call_and_release(void *which) {
    dnn_report *report;
    dnn_status status = call(*(int *)which, &report, &host, host.data, 0, 1, nobody);
    if (status != DNN_OK) assert_null(report);
    dnn_report_release(report);
    return status;
}

static void test_memory_may_run_out_at_any_allocation(void **state) {
    (void)state;
    uint64_t before = bystander_bits(&host);
    for (int which = 0; which < CALLS; which++) {
        expect_memory_failures_survived(call_and_release, &which, 30);
        assert_true(bystander_bits(&host) == before);
    }
}

typedef struct {
    int64_t left; /* so many calls succeed */
    dnn_status status;
} patience;

static dnn_status stop(void *user, const char *what, int64_t done, int64_t total) {
    patience *p = user;
    assert_true(*what && done >= 0 && done <= total);
    return p->left-- > 0 ? DNN_OK : dnn_fail(p->status, "enough");
}

static void test_the_host_can_stop_it(void **state) {
    (void)state;
    uint64_t before = bystander_bits(&host);
    for (int which = 0; which < CALLS; which++)
        for (int64_t after = 0; after < 5; after++) {
            dnn_report *report;
            patience p = {after, DNN_ERROR_STATE};
            FAILS(call(which, &report, &host, host.data, 0, 0, (dnn_progress){stop, &p}), DNN_ERROR_STATE, "enough");
            assert_null(report);
            assert_true(bystander_bits(&host) == before);
        }
}

static dnn_status read_or_not(void *user, int64_t index, int64_t epoch, const dnn_array *input,
                              const dnn_array *target) {
    (void)epoch;
    patience *p = user;
    ((float *)input->data)[index % BYSTANDER_FEATURES] = 1;
    *(int64_t *)target->data = index % BYSTANDER_CLASSES;
    return p->left-- > 0 ? DNN_OK : dnn_fail(DNN_ERROR_IO, "the disk is gone");
}

static void test_samples_that_cannot_be_read(void **state) {
    (void)state;
    patience p;
    dnn_dataset *data;
    dnn_callback_dataset_desc desc = {DNN_SIZED(dnn_callback_dataset_desc), .count = 64, .get = read_or_not,
                                      .user = &p};
    desc.input = (dnn_array){.dtype = DNN_F32, .rank = 1, .dims = {BYSTANDER_FEATURES}};
    desc.target = (dnn_array){.dtype = DNN_I64};
    OK(dnn_dataset_from_callbacks(&data, host.ctx, &desc));
    uint64_t before = bystander_bits(&host);
    for (int which = 0; which < CALLS; which++)
        for (int64_t after = 0; after < 60; after += 7) {
            dnn_report *report;
            p.left = which < CALLS - 1 ? after : after % 3;
            FAILS(call(which, &report, &host, data, 0, 0, nobody), DNN_ERROR_CALLBACK, "the disk is gone");
            assert_true(bystander_bits(&host) == before);
        }
    dnn_dataset_release(data);
}

/* ---- what is refused ---- */

static void test_refusals(void **state) {
    (void)state;
    dnn_report *r;
    dnn_dataset *none;
    dnn_tensor *x = tensor_of(host.ctx, DNN_F32, DIMS(4, BYSTANDER_FEATURES), NULL);
    uint64_t before = bystander_bits(&host);
#define RANGE(...) dnn_tune_range(&r, host.net, host.loss, host.opt, host.data, \
                                  &(dnn_tune_range_desc){DNN_SIZED(dnn_tune_range_desc), __VA_ARGS__}, NULL)
    FAILS(RANGE(.low = 1, .high = 1), DNN_ERROR_ARGUMENT, "rates from 1 to 1");
    FAILS(RANGE(.steps = 19), DNN_ERROR_ARGUMENT, "desc.steps is 19, it may be 20 to");
    FAILS(RANGE(.seeds = 101), DNN_ERROR_ARGUMENT, "desc.seeds");
    FAILS(RANGE(.batch_size = -1), DNN_ERROR_ARGUMENT, "desc.batch_size");
    FAILS(RANGE(.smoothing = 1), DNN_ERROR_ARGUMENT, "desc.smoothing");
    const double falling[] = {0.1, 0.1};
    dnn_tune_sweep_desc sweep = {DNN_SIZED(dnn_tune_sweep_desc), .rates = falling, .n_rates = 2};
    FAILS(dnn_tune_sweep(&r, host.net, host.loss, host.opt, host.data, &sweep, NULL), DNN_ERROR_ARGUMENT,
          "desc.rates[1] is 0.1");
    OK(dnn_dataset_from_tensors(&none, x, NULL));
    FAILS(dnn_tune_range(&r, host.net, host.loss, host.opt, none, NULL, NULL), DNN_ERROR_ARGUMENT, "no targets");
    dnn_dataset_release(none);
    OK(dnn_dataset_first(&none, host.data, 0));
    FAILS(dnn_tune_batch(&r, host.net, host.loss, host.opt, none, NULL, NULL), DNN_ERROR_ARGUMENT, "no samples");
    FAILS(dnn_tune_sweep(&r, host.first, host.loss, host.opt, host.data, NULL, NULL), DNN_ERROR_ARGUMENT,
          "the optimizer is of another module");
    assert_true(bystander_bits(&host) == before);
    dnn_dataset_release(none);
    dnn_tensor_release(x);
}

static void test_a_loss_that_is_not_finite_at_the_start(void **state) {
    (void)state;
    dnn_report *r;
    tensor_put(value_of(host.net, "out.weight"), 0, (double)NAN);
    uint64_t before = bystander_bits(&host);
    FAILS(call(2, &r, &host, host.data, 0, 0, nobody), DNN_ERROR_VALUE, "not finite before the first step");
    assert_true(bystander_bits(&host) == before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_host_notices_nothing),
        TEST(test_the_same_numbers_on_any_number_of_threads),
        TEST(test_memory_may_run_out_at_any_allocation),
        TEST(test_the_host_can_stop_it),
        TEST(test_samples_that_cannot_be_read),
        TEST(test_refusals),
        TEST(test_a_loss_that_is_not_finite_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
