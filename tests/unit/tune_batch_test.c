/* The largest batch: what is computed is what the allocator sees; and how much memory a system says there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/available.h"
#include "support/datasets.h"
#include "support/files.h"

enum { SAMPLES = 96, SIDE = 8 };

/* ---- a run ---- */

typedef struct {
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    dnn_dataset *data;
} run;

static dnn_module *make_net(void) {
    dnn_module *net;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 1, .out_channels = 4, .kernel = {3},
                            .padding = 1};
    dnn_linear_desc out = {DNN_SIZED(dnn_linear_desc), .in_features = 4 * SIDE * SIDE, .out_features = 10};
    OK(dnn_sequential_create(&net, data_ctx));
    dnn_sequential_add(net, "conv", dnn_conv2d(data_ctx, &conv));
    dnn_sequential_add(net, "norm", dnn_batch_norm(data_ctx, &(dnn_batch_norm_desc){DNN_SIZED(dnn_batch_norm_desc),
                                                                                    .features = 4}));
    dnn_sequential_add(net, "relu", dnn_relu(data_ctx));
    dnn_sequential_add(net, "flat", dnn_flatten(data_ctx));
    dnn_sequential_add(net, "drop", dnn_dropout(data_ctx, 0.5));
    dnn_sequential_add(net, "out", dnn_linear(data_ctx, &out));
    OK(dnn_module_error(net));
    return net;
}

static void start(run *r, dnn_reduction reduction) {
    dnn_cross_entropy_desc loss = {DNN_SIZED(dnn_cross_entropy_desc), .reduction = reduction};
    r->net = make_net();
    OK(dnn_digits(&r->data, data_ctx, &(dnn_digits_desc){DNN_SIZED(dnn_digits_desc), .count = SAMPLES,
                                                         .image_size = SIDE}));
    OK(dnn_cross_entropy_create(&r->loss, data_ctx, &loss));
    OK(dnn_adam_create(&r->opt, r->net, NULL));
    OK(dnn_optimizer_clip_norm(r->opt, 1));
}

static void end(run *r) {
    dnn_dataset_release(r->data);
    dnn_optimizer_release(r->opt);
    dnn_loss_release(r->loss);
    dnn_module_release(r->net);
}

/* The most bytes that are out at once while it trains on such batches, from nothing on. */
static int64_t measured(int64_t batch, dnn_reduction reduction, int32_t prefetch) {
    run r;
    dnn_loader *loader;
    int64_t before = data_memory.bytes;
    data_memory.peak = before;
    start(&r, reduction);
    OK(dnn_loader_create(&loader, r.data, &(dnn_loader_desc){DNN_SIZED(dnn_loader_desc), .batch_size = batch,
                                                             .shuffle = 1, .prefetch = prefetch}));
    for (int i = 0; i < 3; i++) {
        const dnn_tensor *x, *target, *dy;
        dnn_status status = dnn_loader_next(loader, &x, &target);
        if (status == DNN_END) status = dnn_loader_next(loader, &x, &target);
        assert_int_equal(status, DNN_OK);
        OK(dnn_optimizer_zero_grad(r.opt));
        OK(dnn_loss_evaluate(r.loss, run_forward(r.net, x), target, NULL, &dy));
        OK(dnn_module_backward(r.net, dy, NULL));
        OK(dnn_optimizer_step(r.opt));
    }
    int64_t peak = data_memory.peak - before;
    dnn_loader_release(loader);
    end(&r);
    return peak;
}

static dnn_tune_batch_result asked(int64_t budget, int64_t most, dnn_reduction reduction, int32_t prefetch) {
    run r;
    dnn_report *report;
    dnn_tune_batch_result result = {DNN_SIZED(dnn_tune_batch_result)};
    dnn_tune_batch_desc desc = {DNN_SIZED(dnn_tune_batch_desc), .budget = budget, .most = most, .untimed = 1,
                                .prefetch = prefetch};
    start(&r, reduction);
    OK(dnn_tune_batch(&report, r.net, r.loss, r.opt, r.data, &desc, &result));
    dnn_report_release(report);
    end(&r);
    return result;
}

static int64_t computed(int64_t batch, dnn_reduction reduction, int32_t prefetch) {
    dnn_tune_batch_result r = asked(INT64_C(1) << 40, batch, reduction, prefetch);
    assert_int_equal(r.largest, batch);
    assert_int_equal(r.next_bytes, 0);
    return r.bytes;
}

/* Activations that are computed again leave room for more samples; the module's own budget holds, too. */
static void test_a_module_with_a_budget_of_its_own(void **state) {
    (void)state;
    run r;
    dnn_report *report;
    dnn_tune_batch_result result = {DNN_SIZED(dnn_tune_batch_result)};
    dnn_tune_batch_desc desc = {DNN_SIZED(dnn_tune_batch_desc), .budget = INT64_C(1) << 40, .most = 64, .untimed = 1};
    dnn_array x = {.dtype = DNN_F32, .rank = 4, .dims = {16, SIDE, SIDE, 1}};
    dnn_description *plan;
    dnn_description_totals totals = {DNN_SIZED(dnn_description_totals)};
    start(&r, DNN_REDUCTION_MEAN);
    OK(dnn_module_describe(&plan, r.net, &x, 1));
    OK(dnn_description_totals_get(plan, &totals));
    OK(dnn_module_set_memory(r.net, totals.arena_bytes));
    OK(dnn_tune_batch(&report, r.net, r.loss, r.opt, r.data, &desc, &result));
    assert_true(result.largest >= 16 && result.largest < 64);
    x.dims[0] = result.largest;
    dnn_description_release(plan);
    OK(dnn_module_describe(&plan, r.net, &x, 1));
    dnn_description_release(plan);
    dnn_report_release(report);
    end(&r);
}

/* ---- the bytes ---- */

static void test_bytes_are_those_that_the_allocator_sees(void **state) {
    (void)state;
    const int32_t prefetch[] = {DNN_NO_PREFETCH, 0, 3};
    for (int reduction = DNN_REDUCTION_MEAN; reduction <= DNN_REDUCTION_NONE; reduction += DNN_REDUCTION_NONE)
        for (int i = 0; i < 3; i++) {
            int64_t small = measured(16, (dnn_reduction)reduction, prefetch[i]);
            int64_t large = measured(48, (dnn_reduction)reduction, prefetch[i]);
            int64_t of_small = computed(16, (dnn_reduction)reduction, prefetch[i]);
            int64_t of_large = computed(48, (dnn_reduction)reduction, prefetch[i]);
            assert_true(large - small == of_large - of_small);
            assert_true(small >= of_small && small < of_small + 100000); /* handles, paths, plans */
        }
}

static void test_the_largest_that_fits_and_no_larger(void **state) {
    (void)state;
    int64_t bytes[SAMPLES + 1];
    for (int64_t b = 1; b <= SAMPLES; b++) bytes[b] = computed(b, DNN_REDUCTION_MEAN, 0);
    for (int64_t b = 1; b < SAMPLES; b += 7) {
        for (int64_t spare = 0; spare < 2; spare++) {
            int64_t budget = spare ? bytes[b + 1] - 1 : bytes[b];
            dnn_tune_batch_result r = asked(budget, 0, DNN_REDUCTION_MEAN, 0);
            int64_t largest = r.largest;
            assert_true(largest >= 1 && bytes[largest] <= budget && r.bytes == bytes[largest]);
            for (int64_t k = largest + 1; k <= SAMPLES && k <= largest + 64; k++) assert_true(bytes[k] > budget);
            assert_true(r.next_bytes == (largest < SAMPLES ? bytes[largest + 1] : 0));
            assert_true(r.budget == budget && r.enough == 0 && r.throughput == 0);
        }
    }
    dnn_tune_batch_result r = asked(bytes[SAMPLES], 0, DNN_REDUCTION_MEAN, 0);
    assert_int_equal(r.largest, SAMPLES);
    r = asked(INT64_MAX, INT64_MAX - 1, DNN_REDUCTION_MEAN, 0); /* sizes that cannot be counted */
    assert_true(r.largest > INT32_MAX && r.largest < INT64_MAX / 256);
}

static void test_not_even_one_fits(void **state) {
    (void)state;
    run r;
    dnn_report *report;
    dnn_finding f = {DNN_SIZED(dnn_finding)};
    dnn_tune_batch_result result = {DNN_SIZED(dnn_tune_batch_result)};
    start(&r, DNN_REDUCTION_MEAN);
    dnn_module_eval(r.net);
    OK(dnn_tune_batch(&report, r.net, r.loss, r.opt, r.data,
                      &(dnn_tune_batch_desc){DNN_SIZED(dnn_tune_batch_desc), .budget = 1000}, &result));
    assert_int_equal(dnn_module_is_training(r.net), 0);
    assert_int_equal(result.largest, 0);
    assert_int_equal(result.bytes, computed(1, DNN_REDUCTION_MEAN, 0)); /* planned as it will train */
    OK(dnn_report_find(report, "batch-too-large", &f));
    assert_int_equal(f.severity, DNN_SEVERITY_ERROR);
    dnn_report_release(report);
    end(&r);
}

/* What is computed again in the backward makes room for larger batches; what is forbidden does not fit. */
static void test_computing_again_makes_room(void **state) {
    (void)state;
    run r;
    dnn_report *report;
    dnn_tune_batch_result kept = {DNN_SIZED(dnn_tune_batch_result)}, again = kept, limited = kept;
    dnn_tune_batch_desc desc = {DNN_SIZED(dnn_tune_batch_desc), .budget = 400000, .untimed = 1};
    dnn_tune_batch_result *results[] = {&kept, &again, &limited};
    const int64_t budgets[] = {0, DNN_MEMORY_LEAST, 30000};
    start(&r, DNN_REDUCTION_MEAN);
    for (int i = 0; i < 3; i++) {
        OK(dnn_module_set_memory(r.net, budgets[i]));
        OK(dnn_tune_batch(&report, r.net, r.loss, r.opt, r.data, &desc, results[i]));
        dnn_report_release(report);
    }
    assert_true(again.largest > kept.largest && again.bytes <= 400000);
    assert_true(limited.largest >= 1 && limited.largest < kept.largest && limited.next_bytes == -1);
    end(&r);
}

/* L-BFGS keeps one state for all parameters together: (history + 1) moves, as many changes of the gradient, numbers. */
static void test_the_state_of_lbfgs_is_counted(void **state) {
    (void)state;
    run r;
    dnn_tune_batch_desc desc = {DNN_SIZED(dnn_tune_batch_desc), .most = 1, .budget = INT64_C(1) << 40, .untimed = 1};
    dnn_tune_batch_result plain = {DNN_SIZED(dnn_tune_batch_result)}, more = plain;
    int64_t bytes[2], elements = 0;
    start(&r, DNN_REDUCTION_MEAN);
    for (int lbfgs = 0; lbfgs < 2; lbfgs++) {
        dnn_report *report;
        dnn_optimizer *opt;
        if (lbfgs) OK(dnn_lbfgs_create(&opt, r.net, &(dnn_lbfgs_desc){DNN_SIZED(dnn_lbfgs_desc), .history_size = 4}));
        else OK(dnn_sgd_create(&opt, r.net, NULL));
        OK(dnn_tune_batch(&report, r.net, r.loss, opt, r.data, &desc, lbfgs ? &more : &plain));
        bytes[lbfgs] = lbfgs ? more.bytes : plain.bytes;
        dnn_report_release(report);
        dnn_optimizer_release(opt);
    }
    for (int64_t i = 0; i < dnn_module_parameter_count(r.net); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)};
        OK(dnn_module_parameter_at(r.net, i, &p));
        if (!p.is_buffer) elements += dnn_tensor_count(p.value);
    }
    int64_t rows = 2 * 5 * elements * (int64_t)sizeof(float);
    assert_true(bytes[1] - bytes[0] >= rows && bytes[1] - bytes[0] < rows + 200);
    end(&r);
}

/* Times are no matter of tests; that they are there is. */
static void test_throughput_is_measured(void **state) {
    (void)state;
    run r;
    dnn_report *report;
    dnn_tune_batch_result result = {DNN_SIZED(dnn_tune_batch_result)};
    start(&r, DNN_REDUCTION_MEAN);
    OK(dnn_tune_batch(&report, r.net, r.loss, r.opt, r.data, NULL, &result));
    assert_int_equal(result.largest, SAMPLES);
    assert_true(result.enough >= 1 && result.enough <= SAMPLES && result.throughput > 0);
    assert_true(result.budget > 0);
    assert_non_null(strstr(dnn_report_text(report), "samples a second"));
    dnn_report_release(report);
    end(&r);
}

static void test_a_target_that_does_not_fit_the_loss(void **state) {
    (void)state;
    run r;
    dnn_report *report;
    dnn_loss *mse;
    start(&r, DNN_REDUCTION_MEAN);
    OK(dnn_mse_create(&mse, data_ctx, NULL));
    FAILS(dnn_tune_batch(&report, r.net, mse, r.opt, r.data, NULL, NULL), DNN_ERROR_DTYPE, "mse: target is int64");
    dnn_loss_release(mse);
    end(&r);
}

/* ---- what a system has ---- */

static const char *root;

static void put(const char *name, const char *text) {
    char path[128];
    snprintf(path, sizeof path, "system/%s", name);
    file_put(path, text, strlen(text));
}

static void test_available_memory(void **state) {
    (void)state;
    char folder[256];
    snprintf(folder, sizeof folder, "%s", file_path("system/x"));
    folder[strlen(folder) - 2] = '\0';
    root = folder;
    assert_int_equal(dnni_available_memory(root), 0);
    put("proc/meminfo", "MemTotal:   100 kB\nMemAvailable:      64 kB\n");
    assert_int_equal(dnni_available_memory(root), 64 * 1024);
    put("proc/self/cgroup", "0::/a/b\n"); /* version 2, without files */
    assert_int_equal(dnni_available_memory(root), 64 * 1024);
    put("sys/fs/cgroup/a/b/memory.max", "max\n");
    assert_int_equal(dnni_available_memory(root), 64 * 1024);
    put("sys/fs/cgroup/a/memory.max", "5000\n"); /* that of the group above holds, too */
    assert_int_equal(dnni_available_memory(root), 5000);
    put("sys/fs/cgroup/a/b/memory.max", "4000\n");
    assert_int_equal(dnni_available_memory(root), 4000);
    put("sys/fs/cgroup/memory.max", "3000"); /* a container's own root */
    assert_int_equal(dnni_available_memory(root), 3000);
    put("proc/self/cgroup", "12:cpu,cpuacct:/a\n9:hugetlb_memory:/z\n4:memory:/v1\n0::/\n");
    put("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "9223372036854771712\n");
    assert_int_equal(dnni_available_memory(root), 3000);
    put("sys/fs/cgroup/memory/v1/memory.limit_in_bytes", "2000\n");
    assert_int_equal(dnni_available_memory(root), 2000);
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "99999999999999999999999\n");
    assert_int_equal(dnni_available_memory(root), 2000);
    put("proc/self/cgroup", "nonsense\n:::\n\n4:memory");
    assert_int_equal(dnni_available_memory(root), 64 * 1024);
    put("proc/meminfo", "MemAvailable: 99999999999999999999 kB\n");
    assert_int_equal(dnni_available_memory(root), 0);
    assert_true(dnn_memory_available() > 1 << 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, data_setup, data_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_are_those_that_the_allocator_sees),
        TEST(test_the_largest_that_fits_and_no_larger),
        TEST(test_not_even_one_fits),
        TEST(test_computing_again_makes_room),
        TEST(test_the_state_of_lbfgs_is_counted),
        TEST(test_throughput_is_measured),
        TEST(test_a_target_that_does_not_fit_the_loss),
        TEST(test_a_module_with_a_budget_of_its_own),
        cmocka_unit_test_setup_teardown(test_available_memory, files_set_up, files_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
