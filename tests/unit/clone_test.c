/* A clone to experiment on: what it computes, and that the host's own objects stay bit for bit as they were. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clone/clone.h"
#include "support/bystander.h"
#include "support/datasets.h"

static bystander host;

static int setup(void **state) {
    (void)state;
    data_memory = (test_allocator){0};
    dnn_allocator allocator = test_allocator_of(&data_memory);
    if (bystander_start(&host, &allocator, 2) != DNN_OK) return 1;
    data_ctx = host.ctx;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bystander_end(&host);
    return data_memory.live == 0 ? 0 : 1;
}

static dnni_clone_desc all_of_it(void) {
    return (dnni_clone_desc){.module = host.net, .optimizer = host.opt, .loss = host.loss};
}

/* Losses of so many steps. */
static dnn_status losses(dnni_clone *c, double *values, int steps) {
    for (int i = 0; i < steps; i++) {
        dnn_status status = dnni_clone_train(c, host.x, host.target, &values[i]);
        if (status != DNN_OK) return status;
    }
    return DNN_OK;
}

/* ---- the host's side ---- */

static dnn_status experiment(void *unused) {
    (void)unused;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double values[3];
    desc.fresh = true;
    dnn_status status = dnni_clone_open(&c, &desc);
    if (status == DNN_OK) status = dnn_module_freeze(host.net, "in.*");
    if (status == DNN_OK) status = dnn_optimizer_set_lr(host.opt, 3);
    if (status == DNN_OK) status = dnn_optimizer_clip_norm(host.opt, INFINITY);
    if (status == DNN_OK) dnni_clone_set_decay(&c, 7);
    if (status == DNN_OK) status = losses(&c, values, 3);
    if (status == DNN_OK) status = dnni_clone_evaluate(&c, host.x, host.target, values, NULL);
    if (status == DNN_OK) status = dnn_module_set_gradients(host.net, DNN_GRADIENTS_INPUTS);
    if (status == DNN_OK) status = dnn_module_set_memory(host.net, DNN_MEMORY_LEAST);
    if (status == DNN_OK) dnni_clone_restart(&c, 5);
    if (status == DNN_OK) status = losses(&c, values, 1);
    const dnn_tensor *y;
    if (status == DNN_OK) status = dnn_module_forward(host.first, host.x, &y);
    dnni_clone_close(&c);
    return status;
}

static void test_host_stays_as_he_was(void **state) {
    (void)state;
    bystander twin;
    OK(bystander_start(&twin, NULL, 1));
    uint64_t before = bystander_bits(&host);
    OK(experiment(NULL));
    assert_true(bystander_bits(&host) == before);
    assert_true(bystander_goes_on(&host) == bystander_goes_on(&twin));
    bystander_end(&twin);
}

static void test_in_and_out_as_often_as_one_likes(void **state) {
    (void)state;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double apart[4], together[4];
    uint64_t before = bystander_bits(&host);
    OK(dnni_clone_open(&c, &desc));
    OK(losses(&c, together, 4));
    dnni_clone_restart(&c, 0);
    for (int i = 0; i < 4; i++) {
        OK(losses(&c, &apart[i], 1));
        dnni_clone_take_out(&c);
        dnni_clone_take_out(&c);
        assert_true(bystander_bits(&host) == before);
        dnni_clone_put_in(&c);
        dnni_clone_put_in(&c);
        assert_int_equal(dnn_module_pending_backwards(host.net), 1);
    }
    dnni_clone_close(&c);
    assert_memory_equal(apart, together, sizeof apart);
    assert_true(bystander_bits(&host) == before);
}

static void test_memory_may_run_out_at_any_allocation(void **state) {
    (void)state;
    uint64_t before = bystander_bits(&host);
    expect_memory_failures_survived(experiment, NULL, 20);
    assert_true(bystander_bits(&host) == before);
    int64_t live = data_memory.live;
    for (int64_t k = 1;; k++) {
        test_allocator_arm(&data_memory, k, true);
        dnn_status status = experiment(NULL);
        test_allocator_arm(&data_memory, 0, false);
        assert_true(bystander_bits(&host) == before);
        assert_true(data_memory.live <= live + 1); /* the module's list of what is below, which stays */
        if (status == DNN_OK) break;
    }
}

static void test_a_host_that_evaluates_gets_a_clone_that_trains(void **state) {
    (void)state;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double value;
    OK(dnn_module_eval(host.net));
    OK(dnni_clone_open(&c, &desc));
    assert_int_equal(dnn_module_is_training(host.net), 1);
    OK(losses(&c, &value, 1));
    dnni_clone_close(&c);
    assert_int_equal(dnn_module_is_training(host.net), 0);
    dnn_module_train(host.first); /* as when running statistics are to be held */
    OK(dnni_clone_open(&c, &desc));
    assert_int_equal(dnn_module_is_training(dnn_module_find(host.net, "norm")), 0);
    assert_int_equal(dnn_module_is_training(host.first), 1);
    dnni_clone_close(&c);
    assert_int_equal(dnn_module_is_training(dnn_module_find(host.net, "norm")), 0);
}

/* ---- the clone's side ---- */

static void test_restart_gives_the_same_run(void **state) {
    (void)state;
    dnni_clone c;
    for (int fresh = 0; fresh < 2; fresh++) {
        dnni_clone_desc desc = all_of_it();
        double first[4], again[4], other[4];
        desc.fresh = fresh;
        OK(dnni_clone_open(&c, &desc));
        dnni_clone_restart(&c, 11);
        OK(losses(&c, first, 4));
        OK(dnn_optimizer_set_lr(host.opt, 1));
        dnni_clone_restart(&c, 12);
        OK(losses(&c, other, 4));
        dnni_clone_restart(&c, 11);
        OK(losses(&c, again, 4));
        dnni_clone_close(&c);
        assert_memory_equal(first, again, sizeof first);
        assert_true((first[0] == other[0]) == !fresh);
    }
}

static void test_the_start_is_where_the_module_is(void **state) {
    (void)state;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double seen, value;
    dnn_module_eval(host.net);
    const dnn_tensor *y = run_forward(host.net, host.x);
    OK(dnn_loss_evaluate(host.loss, y, host.target, &seen, NULL));
    OK(dnni_clone_open(&c, &desc));
    OK(dnni_clone_evaluate(&c, host.x, host.target, &value, &y));
    expect_shape(y, 2, (int64_t[]){BYSTANDER_BATCH, BYSTANDER_CLASSES});
    dnni_clone_close(&c);
    assert_true(seen == value);
}

static void test_fresh_values_are_those_that_layers_declare(void **state) {
    (void)state;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    desc.fresh = true;
    tensor_put(value_of(host.net, "norm.running_var"), 2, 5);
    double frozen = tensor_at(value_of(host.net, "norm.weight"), 1), old = tensor_at(value_of(host.net, "out.bias"), 1);
    OK(dnni_clone_open(&c, &desc));
    dnni_clone_restart(&c, 3);
    const dnn_tensor *w = value_of(host.net, "out.weight");
    double largest = 0, bound = 1 / sqrt(8);
    for (int64_t i = 0; i < dnn_tensor_count(w); i++) largest = fmax(largest, fabs(tensor_at(w, i)));
    assert_true(largest <= bound && largest > 0.8 * bound);
    assert_true(tensor_at(value_of(host.net, "out.bias"), 1) != old);
    assert_true(tensor_at(value_of(host.net, "norm.weight"), 1) == frozen);
    assert_true(tensor_at(value_of(host.net, "norm.bias"), 1) == 0);
    assert_true(tensor_at(value_of(host.net, "norm.running_var"), 2) == 1);
    dnni_clone_close(&c);
}

/* What a layer's maker wrote behind the declared values is no starting value to be drawn. */
static void test_given_values_stay(void **state) {
    (void)state;
    dnn_module *net;
    dnn_statistics *statistics;
    dnn_embedding_desc embedding = {DNN_SIZED(dnn_embedding_desc), .num = 5, .dim = 3, .has_padding = 1,
                                    .padding_idx = 2};
    OK(dnn_statistics_fit(&statistics, host.data, NULL));
    OK(dnn_sequential_create(&net, host.ctx));
    dnn_sequential_add(net, "table", dnn_embedding(host.ctx, &embedding));
    dnn_sequential_add(net, "scale", dnn_standardize(host.ctx, statistics));
    OK(dnn_module_error(net));
    double mean = tensor_at(value_of(net, "scale.mean"), 1), row = tensor_at(value_of(net, "table.weight"), 0);
    dnni_clone c;
    OK(dnni_clone_open(&c, &(dnni_clone_desc){.module = net, .fresh = true}));
    assert_true(mean != 0 && tensor_at(value_of(net, "scale.mean"), 1) == mean);
    assert_true(tensor_at(value_of(net, "table.weight"), 0) != row);
    for (int64_t i = 6; i < 9; i++) assert_true(tensor_at(value_of(net, "table.weight"), i) == 0);
    assert_true(tensor_at(value_of(net, "table.weight"), 9) != 0);
    dnni_clone_close(&c);
    dnn_module_release(net);
    dnn_statistics_release(statistics);
}

static void test_dropout_can_be_off(void **state) {
    (void)state;
    for (int off = 0; off < 2; off++) {
        dnni_clone c;
        dnni_clone_desc desc = all_of_it();
        desc.no_dropout = off;
        double first, second;
        OK(dnni_clone_open(&c, &desc));
        OK(dnn_optimizer_set_lr(host.opt, 0));
        OK(losses(&c, &first, 1));
        OK(losses(&c, &second, 1));
        assert_true((first == second) == off);
        assert_int_equal(dnn_module_is_training(dnn_module_find(host.net, "drop")), !off);
        dnni_clone_close(&c);
        assert_int_equal(dnn_module_is_training(host.net), 1);
    }
}

/* ---- the optimizer ---- */

#define MAKER(name, type, ...)                                                                       \
    static dnn_status make_##name(dnn_optimizer **out, dnn_module *m) {                              \
        return dnn_##name##_create(out, m, &(type){DNN_SIZED(type), __VA_ARGS__});                   \
    }
MAKER(sgd, dnn_sgd_desc, .lr = 0.1, .momentum = 0.9, .weight_decay = 0.1)
MAKER(adam, dnn_adam_desc, .lr = 0.1)
MAKER(rmsprop, dnn_rmsprop_desc, .lr = 0.1, .momentum = 0.9, .centred = 1)
MAKER(adagrad, dnn_adagrad_desc, .lr = 0.1, .initial = 0.5, .lr_decay = 0.1)
MAKER(nadam, dnn_nadam_desc, .lr = 0.1)
MAKER(lion, dnn_lion_desc, .lr = 0.1)
MAKER(lars, dnn_lars_desc, .lr = 0.1)
MAKER(lamb, dnn_lamb_desc, .lr = 0.1)
MAKER(muon, dnn_muon_desc, .lr = 0.1)
MAKER(lbfgs, dnn_lbfgs_desc, .max_iter = 3, .history_size = 2, .strong_wolfe = 1)

static dnn_status (*const makers[])(dnn_optimizer **out, dnn_module *m) = {
    make_sgd, make_adam, make_rmsprop, make_adagrad, make_nadam, make_lion, make_lars, make_lamb, make_muon,
    make_lbfgs};
enum { MAKERS = sizeof makers / sizeof *makers };

static dnn_status evaluate_host(void *optimizer, double *loss) {
    const dnn_tensor *dy;
    OK(dnn_optimizer_zero_grad(optimizer));
    OK(dnn_loss_evaluate(host.loss, run_forward(host.net, host.x), host.target, loss, &dy));
    return dnn_module_backward(host.net, dy, NULL);
}

/* The host's next three losses with that optimizer: as a clone says that they will be, and as they are. */
static void compare_with_the_host(dnn_optimizer *opt, bool keep_state) {
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double said[3], seen[3];
    desc.optimizer = opt;
    desc.keep_state = keep_state;
    OK(dnni_clone_open(&c, &desc));
    OK(losses(&c, said, 2));
    dnni_clone_restart(&c, 0); /* state that was made meanwhile is as good as new */
    OK(losses(&c, said, 3));
    dnni_clone_close(&c);
    for (int i = 0; i < 3; i++) OK(dnn_optimizer_step_closure(opt, evaluate_host, opt, &seen[i]));
    assert_memory_equal(said, seen, sizeof said);
}

static void test_every_optimizer_steps_as_the_host_s_would(void **state) {
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        dnn_optimizer *opt;
        OK(makers[i](&opt, host.net));
        compare_with_the_host(opt, false);
        compare_with_the_host(opt, true);
        dnn_optimizer_release(opt);
    }
}

static void test_a_new_state_is_that_of_a_new_optimizer(void **state) {
    (void)state;
    for (int i = 0; i < MAKERS; i++) {
        dnn_optimizer *used, *fresh;
        double of_used[3], of_fresh[3], kept[3];
        dnni_clone c;
        dnni_clone_desc desc = all_of_it();
        OK(makers[i](&used, host.net));
        compare_with_the_host(used, true);
        OK(makers[i](&fresh, host.net));
        for (int run = 0; run < 3; run++) {
            desc.optimizer = run == 1 ? fresh : used;
            desc.keep_state = run == 2;
            OK(dnni_clone_open(&c, &desc));
            OK(losses(&c, run == 0 ? of_used : run == 1 ? of_fresh : kept, 3));
            dnni_clone_close(&c);
        }
        assert_memory_equal(of_used, of_fresh, sizeof of_used);
        assert_memory_not_equal(kept, of_fresh, sizeof kept);
        dnn_optimizer_release(used);
        dnn_optimizer_release(fresh);
    }
}

static void test_gradients_that_are_not_finite_are_no_error(void **state) {
    (void)state;
    dnni_clone c;
    dnni_clone_desc desc = all_of_it();
    double value;
    uint64_t before = bystander_bits(&host);
    OK(dnni_clone_open(&c, &desc));
    dnn_tensor_fill(value_of(host.net, "out.weight"),
                    &(dnn_init){DNN_SIZED(dnn_init), .kind = DNN_INIT_CONSTANT, .a = 3e38});
    OK(losses(&c, &value, 1));
    assert_true(isnan(value));
    dnni_clone_close(&c);
    host.ctx->next_stream--; /* that filling took one */
    assert_true(bystander_bits(&host) == before);
}

static void test_optimizers_of_other_modules(void **state) {
    (void)state;
    dnn_optimizer *opt;
    dnni_clone c;
    double value;
    OK(dnn_sgd_create(&opt, host.first, NULL));
    OK(dnni_clone_open(&c, &(dnni_clone_desc){.module = host.net, .optimizer = opt, .loss = host.loss}));
    OK(losses(&c, &value, 1));
    dnni_clone_close(&c);
    dnn_optimizer_release(opt);
    uint64_t before = bystander_bits(&host);
    FAILS(dnni_clone_open(&c, &(dnni_clone_desc){.module = host.first, .optimizer = host.opt}), DNN_ERROR_ARGUMENT,
          "it steps norm.weight, which this one has not");
    dnni_clone_close(&c);
    assert_true(bystander_bits(&host) == before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_host_stays_as_he_was),
        TEST(test_in_and_out_as_often_as_one_likes),
        TEST(test_memory_may_run_out_at_any_allocation),
        TEST(test_a_host_that_evaluates_gets_a_clone_that_trains),
        TEST(test_restart_gives_the_same_run),
        TEST(test_the_start_is_where_the_module_is),
        TEST(test_fresh_values_are_those_that_layers_declare),
        TEST(test_given_values_stay),
        TEST(test_dropout_can_be_off),
        TEST(test_every_optimizer_steps_as_the_host_s_would),
        TEST(test_a_new_state_is_that_of_a_new_optimizer),
        TEST(test_gradients_that_are_not_finite_are_no_error),
        TEST(test_optimizers_of_other_modules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
