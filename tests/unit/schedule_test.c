/* Schedules: PyTorch's rates, warm-up, what holds of each kind, plateaus and their state, wrong descriptors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/layers.h>
#include <dnn/schedule.h>

#include "golden/schedule_golden.h"
#include "support/allocator.h"

static test_allocator memory;
static dnn_context *ctx;

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory), .threads = 1};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

static dnn_schedule *schedule_of(const dnn_schedule_desc *desc) {
    dnn_schedule *s;
    if (dnn_schedule_create(&s, ctx, desc) != DNN_OK) fail_msg("%s", dnn_last_error());
    return s;
}

#define SCHEDULE(...) schedule_of(&(dnn_schedule_desc){DNN_SIZED(dnn_schedule_desc), .lr = 0.5, __VA_ARGS__})

static void assert_rate(const dnn_schedule *s, double epoch, double wanted) {
    double got = dnn_schedule_rate(s, epoch);
    if (!(fabs(got - wanted) <= 1e-12 * fabs(wanted) + 1e-15))
        fail_msg("at epoch %g: %.17g instead of %.17g", epoch, got, wanted);
}

/* Takes the schedule over. */
static void assert_rates(dnn_schedule *s, const double *wanted, int64_t epochs) {
    for (int64_t e = 0; e < epochs; e++) assert_rate(s, (double)e, wanted[e]);
    dnn_schedule_release(s);
}

static void test_pytorch(void **state) {
    (void)state;
    const double milestones[] = {4, 9, 20};
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_STEP, .period = 7, .gamma = 0.3), golden_step, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_MULTISTEP, .gamma = 0.2, .milestones = milestones, .n_milestones = 3),
                 golden_multistep, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_EXPONENTIAL, .gamma = 0.9), golden_exponential, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_POLYNOMIAL, .epochs = 20, .power = 2), golden_polynomial, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_POLYNOMIAL, .epochs = 12, .final = 0.25), golden_linear, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_COSINE, .period = 4, .growth = 2, .final = 0.1), golden_cosine_restarts,
                 GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_COSINE, .period = 5), golden_cosine_restarts_even, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_ONE_CYCLE, .epochs = 30), golden_one_cycle, GOLDEN_EPOCHS);
    assert_rates(SCHEDULE(.kind = DNN_SCHEDULE_COSINE, .epochs = 20, .warmup = 4, .warmup_start = 0.1, .final = 0.05),
                 golden_warmup_cosine, 21); /* PyTorch's climbs again behind the end */
}

static void test_warmup_stable_decay(void **state) {
    (void)state;
    dnn_schedule *s = SCHEDULE(.kind = DNN_SCHEDULE_WSD, .epochs = 100, .warmup = 10, .final = 0.2);
    assert_rate(s, 0, 0.5 * 0.001);
    assert_rate(s, 5, 0.5 * (0.001 + 0.999 / 2));
    assert_rate(s, 10, 0.5);
    assert_rate(s, 90, 0.5);
    assert_rate(s, 95, 0.5 * 0.6);
    assert_rate(s, 100, 0.1);
    assert_rate(s, 1e9, 0.1);
    dnn_schedule_release(s);
}

static void test_constant_after_warmup(void **state) {
    (void)state;
    dnn_schedule *s = SCHEDULE(.warmup = 2, .warmup_start = DNN_ZERO);
    assert_rate(s, 0, 0);
    assert_rate(s, 1, 0.25);
    assert_rate(s, 2, 0.5);
    assert_rate(s, 1e6, 0.5);
    dnn_schedule_release(s);
}

/* Every cycle begins at the full rate, however rounding falls. */
static void test_restarts_begin_anew(void **state) {
    (void)state;
    dnn_schedule *s = SCHEDULE(.kind = DNN_SCHEDULE_COSINE, .period = 3, .growth = 1.5);
    double begin = 0, length = 3;
    for (int cycle = 0; cycle < 30; cycle++, begin += length, length *= 1.5) {
        double at = dnn_schedule_rate(s, begin), end = dnn_schedule_rate(s, begin + length * 0.999);
        assert_true(at > 0.4999 || at < 1e-9); /* a hair before the restart is the end of the old cycle */
        assert_true(dnn_schedule_rate(s, begin + length * 1e-6) > 0.4999);
        assert_true(end < 1e-5);
    }
    dnn_schedule_release(s);
}

static void test_apply(void **state) {
    (void)state;
    dnn_module *net = dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = 2,
                                                         .out_features = 1});
    dnn_optimizer *opt;
    assert_int_equal(dnn_sgd_create(&opt, net, NULL), DNN_OK);
    dnn_schedule *s = SCHEDULE(.kind = DNN_SCHEDULE_EXPONENTIAL, .gamma = 0.5);
    assert_int_equal(dnn_schedule_apply(s, opt, 3), DNN_OK);
    assert_true(dnn_optimizer_get_lr(opt) == 0.0625);
    assert_int_equal(dnn_schedule_apply(s, opt, -1), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "epoch is -1: it is finite and at least 0");
    assert_true(dnn_optimizer_get_lr(opt) == 0.0625);
    dnn_schedule_release(s);
    dnn_optimizer_release(opt);
    dnn_module_release(net);
}

static const dnn_schedule_desc plateau = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_PLATEAU, .lr = 0.5,
                                          .gamma = 0.5, .patience = 2, .cooldown = 3, .threshold = 0.01};

static void test_plateau(void **state) {
    (void)state;
    dnn_schedule *s = schedule_of(&plateau), *negated;
    dnn_schedule_desc up = plateau;
    up.maximise = 1;
    negated = schedule_of(&up);
    for (int64_t e = 0; e < GOLDEN_EPOCHS; e++) {
        assert_rate(s, (double)e, golden_plateau[e]);
        assert_rate(negated, (double)e, golden_plateau[e]);
        assert_int_equal(dnn_schedule_observe(s, plateau_losses[e]), DNN_OK);
        assert_int_equal(dnn_schedule_observe(negated, -plateau_losses[e]), DNN_OK);
    }
    dnn_schedule_release(negated);
    dnn_schedule_release(s);
}

static void test_plateau_resumes(void **state) {
    (void)state;
    dnn_schedule *s = schedule_of(&plateau), *resumed = schedule_of(&plateau);
    for (int64_t e = 0; e < 15; e++) assert_int_equal(dnn_schedule_observe(s, plateau_losses[e]), DNN_OK);
    memcpy(dnn_tensor_data(dnn_schedule_state(resumed)), dnn_tensor_data(dnn_schedule_state(s)), 4 * sizeof(double));
    for (int64_t e = 15; e < GOLDEN_EPOCHS; e++) {
        assert_rate(resumed, (double)e, golden_plateau[e]);
        assert_int_equal(dnn_schedule_observe(resumed, plateau_losses[e]), DNN_OK);
    }
    dnn_schedule_release(resumed);
    dnn_schedule_release(s);
}

static void test_plateau_floor_and_nan(void **state) {
    (void)state;
    dnn_schedule_desc d = plateau;
    d.final = 0.2;
    d.cooldown = 0;
    dnn_schedule *s = schedule_of(&d);
    for (int i = 0; i < 100; i++) assert_int_equal(dnn_schedule_observe(s, i == 0 ? 1.0 : (double)NAN), DNN_OK);
    assert_rate(s, 7, 0.1);
    dnn_schedule_release(s);
}

static void test_only_plateaus_observe(void **state) {
    (void)state;
    dnn_schedule *s = SCHEDULE(.kind = DNN_SCHEDULE_CONSTANT);
    assert_int_equal(dnn_schedule_observe(s, 1), DNN_ERROR_STATE);
    assert_null(dnn_schedule_state(s));
    assert_int_equal(dnn_last_status(), DNN_ERROR_STATE);
    dnn_schedule_release(s);
}

#define REFUSED(line, ...)                                                                                            \
    do {                                                                                                              \
        dnn_schedule *s = (dnn_schedule *)1;                                                                          \
        dnn_schedule_desc d = {DNN_SIZED(dnn_schedule_desc), __VA_ARGS__};                                            \
        assert_int_equal(dnn_schedule_create(&s, ctx, &d), DNN_ERROR_ARGUMENT);                                       \
        assert_null(s);                                                                                               \
        assert_string_equal(dnn_last_error(), line);                                                                  \
    } while (0)

static void test_refusals(void **state) {
    (void)state;
    const double falling[] = {3, 2};
    REFUSED("desc.lr is 0: it must be above 0", .kind = DNN_SCHEDULE_CONSTANT);
    REFUSED("desc.kind is 7, which is no kind of schedule", .lr = 1, .kind = (dnn_schedule_kind)7);
    REFUSED("desc.warmup is -1: it is at least 0", .lr = 1, .warmup = -1);
    REFUSED("desc.warmup_start is 2: it is from 0 to 1", .lr = 1, .warmup_start = 2);
    REFUSED("desc.final is -2: it is from 0 to 1", .lr = 1, .final = -2);
    REFUSED("desc.gamma is 0: it is above 0 and at most 1", .lr = 1, .kind = DNN_SCHEDULE_EXPONENTIAL);
    REFUSED("desc.gamma is 1.5: it is above 0 and at most 1", .lr = 1, .kind = DNN_SCHEDULE_STEP, .gamma = 1.5);
    REFUSED("desc.period is 0: it must be above 0", .lr = 1, .kind = DNN_SCHEDULE_STEP);
    REFUSED("desc.milestones: there are none", .lr = 1, .kind = DNN_SCHEDULE_MULTISTEP);
    REFUSED("desc.milestones[1] is 2, after 3: they ascend", .lr = 1, .kind = DNN_SCHEDULE_MULTISTEP,
            .milestones = falling, .n_milestones = 2);
    REFUSED("desc.power is -1: it must be above 0", .lr = 1, .kind = DNN_SCHEDULE_POLYNOMIAL, .power = -1);
    REFUSED("desc.epochs is 0: it must be above 0", .lr = 1, .kind = DNN_SCHEDULE_COSINE);
    REFUSED("desc.growth is 0.5: it is at least 1", .lr = 1, .kind = DNN_SCHEDULE_COSINE, .period = 1, .growth = 0.5);
    REFUSED("desc.warmup is 9 epochs of the 9 that there are", .lr = 1, .kind = DNN_SCHEDULE_COSINE, .epochs = 9,
            .warmup = 9);
    REFUSED("desc.decay is 6 epochs, desc.warmup 5: of 10 epochs there are not as many", .lr = 1,
            .kind = DNN_SCHEDULE_WSD, .epochs = 10, .warmup = 5, .decay = 6);
    REFUSED("desc.patience is -1", .lr = 1, .kind = DNN_SCHEDULE_PLATEAU, .patience = -1);
    REFUSED("desc.cooldown is -1", .lr = 1, .kind = DNN_SCHEDULE_PLATEAU, .cooldown = -1);
    REFUSED("desc.threshold is 1: it is from 0 to below 1", .lr = 1, .kind = DNN_SCHEDULE_PLATEAU, .threshold = 1);
}

static void test_out_of_memory(void **state) {
    (void)state;
    const double milestones[] = {1, 2};
    dnn_schedule_desc steps = {DNN_SIZED(dnn_schedule_desc), .kind = DNN_SCHEDULE_MULTISTEP, .lr = 1,
                               .milestones = milestones, .n_milestones = 2};
    const dnn_schedule_desc *descs[] = {&plateau, &steps};
    for (int i = 0; i < 2; i++)
        for (int64_t k = 1;; k++) {
            dnn_schedule *s;
            test_allocator_arm(&memory, k, true);
            dnn_status status = dnn_schedule_create(&s, ctx, descs[i]);
            test_allocator_arm(&memory, 0, false);
            if (status == DNN_OK) {
                assert_true(k > 1);
                dnn_schedule_release(s);
                break;
            }
            assert_int_equal(status, DNN_ERROR_MEMORY);
            assert_null(s);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pytorch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_warmup_stable_decay, setup, teardown),
        cmocka_unit_test_setup_teardown(test_constant_after_warmup, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restarts_begin_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_apply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plateau, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plateau_resumes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_plateau_floor_and_nan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_plateaus_observe, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_out_of_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
