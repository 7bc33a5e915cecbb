/* What must hold of training as a whole, whatever the numbers are: of batches, of seeds and threads, of modes, of
 * frozen and shared weights, of a run that is saved and taken up again. */
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

#include <dnn/dnn.h>

#include "support/golden_networks.h"
#include "support/running.h"

enum { BATCH = 12, CLASSES = 4 };

static dnn_context *new_context(int32_t threads) {
    dnn_context *ctx;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = threads, .seed = 77};
    assert_int_equal(dnn_context_create(&ctx, &desc), DNN_OK);
    return ctx;
}

/* ---- networks: (N, 6, 6, 3) to (N, 4) ---- */

static dnn_module *linear(dnn_context *ctx, int64_t in, int64_t out) {
    return dnn_linear(ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

/* With batch norm and dropout. */
static dnn_module *noisy_net(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 3, .out_channels = 8, .kernel = {3},
                            .padding = 1};
    dnn_batch_norm_desc norm = {DNN_SIZED(dnn_batch_norm_desc), .features = 8};
    dnn_pool2d_desc pool = {DNN_SIZED(dnn_pool2d_desc), .kernel = {2}};
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, "norm", dnn_batch_norm(ctx, &norm));
    dnn_sequential_add(net, "act", dnn_silu(ctx));
    dnn_sequential_add(net, "drop1", dnn_dropout(ctx, 0.2));
    dnn_sequential_add(net, "pool", dnn_max_pool2d(ctx, &pool));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "drop2", dnn_dropout(ctx, 0.5));
    dnn_sequential_add(net, "fc", linear(ctx, 72, CLASSES));
    return net;
}

/* Samples do not meet in it, and nothing is random. */
static dnn_module *plain_net(dnn_context *ctx) {
    dnn_module *net;
    if (dnn_sequential_create(&net, ctx) != DNN_OK) return NULL;
    dnn_conv2d_desc conv = {DNN_SIZED(dnn_conv2d_desc), .in_channels = 3, .out_channels = 7, .kernel = {3}};
    dnn_layer_norm_desc norm = {DNN_SIZED(dnn_layer_norm_desc), .shape = {7}};
    dnn_sequential_add(net, "conv", dnn_conv2d(ctx, &conv));
    dnn_sequential_add(net, "norm", dnn_layer_norm(ctx, &norm));
    dnn_sequential_add(net, "act", dnn_gelu(ctx, DNN_GELU_EXACT));
    dnn_sequential_add(net, "flatten", dnn_flatten(ctx));
    dnn_sequential_add(net, "fc", linear(ctx, 112, CLASSES));
    return net;
}

/* ---- a run ---- */

typedef struct training {
    dnn_context *ctx;
    dnn_module *net;
    dnn_loss *loss;
    dnn_optimizer *opt;
    double value; /* of the last step */
} training;

static training start(dnn_context *ctx, dnn_module *(*make)(dnn_context *), dnn_dtype dtype, dnn_reduction reduction) {
    training t = {.ctx = ctx};
    dnn_cross_entropy_desc loss = {DNN_SIZED(dnn_cross_entropy_desc), .reduction = reduction};
    assert_int_equal(dnn_context_seed(ctx, 77), DNN_OK);
    t.net = make(ctx);
    if (dnn_module_error(t.net) != DNN_OK) fail_msg("%s", dnn_last_error());
    assert_int_equal(dnn_module_to(t.net, dtype), DNN_OK);
    assert_int_equal(dnn_cross_entropy_create(&t.loss, ctx, &loss), DNN_OK);
    assert_int_equal(dnn_adamw_create(&t.opt, t.net, &(dnn_adam_desc){DNN_SIZED(dnn_adam_desc), .lr = 0.01}), DNN_OK);
    return t;
}

static void end(training *t) {
    dnn_optimizer_release(t->opt);
    dnn_loss_release(t->loss);
    dnn_module_release(t->net);
}

/* Images and classes of one batch, a function of `number`; of the type of the weights. */
static dnn_tensor *images(dnn_context *ctx, dnn_dtype dtype, uint64_t number) {
    return tensor_normal(ctx, dtype, DIMS(BATCH, 6, 6, 3), 1000 + number);
}

static dnn_tensor *classes(dnn_context *ctx, uint64_t number) {
    dnn_tensor *t = tensor_of(ctx, DNN_I64, DIMS(BATCH), NULL);
    for (uint64_t i = 0; i < BATCH; i++) tensor_put(t, (int64_t)i, (double)((i * i % 7 + number) % CLASSES));
    return t;
}

/* Adds the gradients of one batch. */
static void add_gradients(training *t, const dnn_tensor *x, const dnn_tensor *target) {
    const dnn_tensor *y = run_forward(t->net, x), *dy;
    if (dnn_loss_evaluate(t->loss, y, target, &t->value, &dy) != DNN_OK) fail_msg("%s", dnn_last_error());
    if (dnn_module_backward(t->net, dy, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
}

static void step(training *t, uint64_t number) {
    dnn_tensor *x = images(t->ctx, dnn_tensor_dtype(value_of(t->net, "fc.bias")), number);
    dnn_tensor *target = classes(t->ctx, number);
    assert_int_equal(dnn_optimizer_zero_grad(t->opt), DNN_OK);
    add_gradients(t, x, target);
    if (dnn_optimizer_step(t->opt) != DNN_OK) fail_msg("%s", dnn_last_error());
    dnn_tensor_release(x);
    dnn_tensor_release(target);
}

static void steps(training *t, uint64_t first, uint64_t end_step) {
    for (uint64_t k = first; k < end_step; k++) step(t, k);
}

/* Parameters, buffers, gradients. */
static void expect_same_modules(dnn_module *a, dnn_module *b) {
    assert_int_equal(dnn_module_parameter_count(a), dnn_module_parameter_count(b));
    for (int64_t i = 0; i < dnn_module_parameter_count(a); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(a, i, &p), DNN_OK);
        assert_int_equal(dnn_module_parameter_at(b, i, &q), DNN_OK);
        expect_same_bits(p.value, q.value, p.path);
        if (p.gradient) expect_same_bits(p.gradient, q.gradient, p.path);
    }
}

/* The largest difference of two modules' gradients, relative to the largest number of each tensor. */
static double gradient_distance(dnn_module *a, dnn_module *b) {
    double worst = 0;
    for (int64_t i = 0; i < dnn_module_parameter_count(a); i++) {
        dnn_parameter p = {DNN_SIZED(dnn_parameter)}, q = {DNN_SIZED(dnn_parameter)};
        assert_int_equal(dnn_module_parameter_at(a, i, &p), DNN_OK);
        assert_int_equal(dnn_module_parameter_at(b, i, &q), DNN_OK);
        double size = 0, apart = 0;
        for (int64_t k = 0; p.gradient && k < dnn_tensor_count(p.gradient); k++) {
            size = fmax(size, fabs(tensor_at(p.gradient, k)));
            apart = fmax(apart, fabs(tensor_at(p.gradient, k) - tensor_at(q.gradient, k)));
        }
        if (apart > 0) worst = fmax(worst, apart / size);
    }
    return worst;
}

/* ---- batches ---- */

static const dnn_dtype dtypes[] = {DNN_F32, DNN_F64};

/* Sums of 12 samples in another order; relative to the largest number of a gradient. */
static double order_tolerance(dnn_dtype dtype) { return dtype == DNN_F32 ? 2e-6 : 4e-15; }

/* Sample i comes from place (5 i + 3) mod BATCH. */
static dnn_tensor *permuted(const dnn_tensor *t) {
    dnn_tensor *to;
    assert_int_equal(dnn_tensor_clone(&to, t), DNN_OK);
    int64_t sample = dnn_tensor_count(t) / BATCH;
    for (int64_t i = 0; i < BATCH; i++)
        for (int64_t k = 0; k < sample; k++)
            tensor_put(to, i * sample + k, tensor_at(t, (5 * i + 3) % BATCH * sample + k));
    return to;
}

static void a_permuted_batch_gives_permuted_outputs_and_the_same_gradients(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    for (int d = 0; d < 2; d++) {
        training a = start(ctx, plain_net, dtypes[d], DNN_REDUCTION_MEAN);
        training b = start(ctx, plain_net, dtypes[d], DNN_REDUCTION_MEAN);
        dnn_tensor *x = images(ctx, dtypes[d], 1), *target = classes(ctx, 1);
        dnn_tensor *other_x = permuted(x), *other_target = permuted(target);
        add_gradients(&a, x, target);
        add_gradients(&b, other_x, other_target);
        assert_true(gradient_distance(a.net, b.net) <= order_tolerance(dtypes[d]));
        assert_true(fabs(a.value - b.value) <= order_tolerance(dtypes[d]) * a.value);
        dnn_tensor *wanted = permuted(run_forward(a.net, x));
        expect_same_bits(wanted, run_forward(b.net, other_x), "the output of a permuted batch");
        dnn_tensor *all[] = {x, target, other_x, other_target, wanted};
        for (int i = 0; i < 5; i++) dnn_tensor_release(all[i]);
        end(&a);
        end(&b);
    }
    dnn_context_release(ctx);
}

/* Micro-batches of `size`, one after another; the last may be smaller. The losses' sum. */
static double accumulated(training *t, dnn_tensor *x, dnn_tensor *target, int64_t size) {
    double sum = 0;
    for (int64_t first = 0; first < BATCH; first += size) {
        dnn_tensor *part, *labels;
        int64_t count = first + size < BATCH ? size : BATCH - first;
        assert_int_equal(dnn_tensor_slice(&part, x, first, count), DNN_OK);
        assert_int_equal(dnn_tensor_slice(&labels, target, first, count), DNN_OK);
        add_gradients(t, part, labels);
        sum += t->value;
        dnn_tensor_release(part);
        dnn_tensor_release(labels);
    }
    return sum;
}

static void accumulated_micro_batches_are_one_batch(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 3, 5, 6};
    dnn_context *ctx = new_context(2);
    for (int i = 0; i < 8; i++) {
        dnn_dtype dtype = dtypes[i % 2];
        training a = start(ctx, plain_net, dtype, DNN_REDUCTION_SUM);
        training b = start(ctx, plain_net, dtype, DNN_REDUCTION_SUM);
        dnn_tensor *x = images(ctx, dtype, 2), *target = classes(ctx, 2);
        add_gradients(&a, x, target);
        double sum = accumulated(&b, x, target, sizes[i / 2]);
        assert_true(fabs(a.value - sum) <= order_tolerance(dtype) * sum);
        assert_true(gradient_distance(a.net, b.net) <= order_tolerance(dtype));
        assert_int_equal(dnn_module_pending_backwards(b.net), (BATCH + sizes[i / 2] - 1) / sizes[i / 2]);
        dnn_tensor_release(x);
        dnn_tensor_release(target);
        end(&a);
        end(&b);
    }
    dnn_context_release(ctx);
}

/* ---- seeds, threads, modes ---- */

static void the_same_seed_is_the_same_run_on_any_number_of_threads(void **state) {
    (void)state;
    for (int d = 0; d < 2; d++) {
        dnn_context *one = new_context(1);
        training a = start(one, noisy_net, dtypes[d], DNN_REDUCTION_MEAN);
        steps(&a, 0, 20);
        for (int32_t threads = 1; threads <= 4; threads++) {
            dnn_context *many = new_context(threads);
            training b = start(many, noisy_net, dtypes[d], DNN_REDUCTION_MEAN);
            steps(&b, 0, 20);
            assert_true(a.value == b.value);
            expect_same_modules(a.net, b.net);
            end(&b);
            dnn_context_release(many);
        }
        end(&a);
        dnn_context_release(one);
    }
}

static void another_seed_is_another_run(void **state) {
    (void)state;
    dnn_context *ctx = new_context(1);
    training a = start(ctx, noisy_net, DNN_F32, DNN_REDUCTION_MEAN);
    assert_int_equal(dnn_context_seed(ctx, 78), DNN_OK);
    dnn_module *other = noisy_net(ctx);
    assert_true(tensor_at(value_of(other, "fc.weight"), 0) != tensor_at(value_of(a.net, "fc.weight"), 0));
    dnn_module_release(other);
    end(&a);
    dnn_context_release(ctx);
}

/* Evaluates on other data, of other batch sizes, with the module and with a predictor; in the midst of training. */
static void look(training *t, uint64_t number) {
    dnn_tensor *x = tensor_normal(t->ctx, DNN_F32, DIMS(1 + (int64_t)number % 5, 6, 6, 3), number);
    dnn_predictor *predictor;
    const dnn_tensor *y;
    assert_int_equal(dnn_module_eval(t->net), DNN_OK);
    run_forward(t->net, x);
    assert_int_equal(dnn_module_train(t->net), DNN_OK);
    assert_int_equal(dnn_predictor_create(&predictor, t->net), DNN_OK);
    assert_int_equal(dnn_predictor_run(predictor, x, &y), DNN_OK);
    dnn_predictor_release(predictor);
    dnn_tensor_release(x);
}

static void evaluating_in_between_changes_nothing(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    training a = start(ctx, noisy_net, DNN_F32, DNN_REDUCTION_MEAN);
    steps(&a, 0, 12);
    training b = start(ctx, noisy_net, DNN_F32, DNN_REDUCTION_MEAN);
    for (uint64_t k = 0; k < 12; k++) {
        look(&b, k);
        step(&b, k);
    }
    assert_true(a.value == b.value);
    expect_same_modules(a.net, b.net);
    end(&a);
    end(&b);
    dnn_context_release(ctx);
}

/* ---- frozen and shared weights ---- */

static void frozen_parts_stay_as_they_are(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    training t = start(ctx, noisy_net, DNN_F32, DNN_REDUCTION_MEAN);
    dnn_module *norm = dnn_module_find(t.net, "norm");
    steps(&t, 0, 3); /* so that there is momentum that could move them */
    assert_int_equal(dnn_module_freeze(t.net, "conv.*"), DNN_OK);
    assert_int_equal(dnn_module_freeze(t.net, "norm.*"), DNN_OK);
    assert_int_equal(dnn_module_eval(norm), DNN_OK);
    static const char *const frozen[] = {"conv.weight", "conv.bias", "norm.weight", "norm.bias", "norm.running_mean",
                                         "norm.running_var"};
    dnn_tensor *before[6], *head;
    for (int i = 0; i < 6; i++) assert_int_equal(dnn_tensor_clone(&before[i], value_of(t.net, frozen[i])), DNN_OK);
    assert_int_equal(dnn_tensor_clone(&head, value_of(t.net, "fc.weight")), DNN_OK);
    steps(&t, 3, 15);
    for (int i = 0; i < 6; i++) expect_same_bits(before[i], value_of(t.net, frozen[i]), frozen[i]);
    assert_true(tensor_at(head, 0) != tensor_at(value_of(t.net, "fc.weight"), 0));
    assert_int_equal(dnn_module_unfreeze(t.net, "*"), DNN_OK);
    step(&t, 15);
    assert_true(tensor_at(before[0], 0) != tensor_at(value_of(t.net, "conv.weight"), 0));
    for (int i = 0; i < 6; i++) dnn_tensor_release(before[i]);
    dnn_tensor_release(head);
    end(&t);
    dnn_context_release(ctx);
}

/* W tanh(W x + b) + b, with one W and b, or with two of each. */
static dnn_module *two_layers(dnn_context *ctx, bool shared) {
    dnn_module *g, *first = linear(ctx, 6, 6);
    assert_int_equal(dnn_graph_create(&g, ctx), DNN_OK);
    dnn_value x = dnn_graph_apply(g, "first", first, dnn_graph_input(g));
    x = dnn_graph_apply(g, "act", dnn_tanh(ctx), x);
    x = shared ? dnn_graph_apply(g, NULL, first, x) : dnn_graph_apply(g, "second", linear(ctx, 6, 6), x);
    dnn_graph_output(g, x);
    if (dnn_module_error(g) != DNN_OK) fail_msg("%s", dnn_last_error());
    assert_int_equal(dnn_module_to(g, DNN_F64), DNN_OK);
    return g;
}

static void expect_sum_of_gradients(dnn_module *shared, dnn_module *apart, const char *name) {
    char first[32], second[32];
    snprintf(first, sizeof first, "first.%s", name);
    snprintf(second, sizeof second, "second.%s", name);
    const dnn_tensor *sum = gradient_of(shared, first);
    for (int64_t i = 0; i < dnn_tensor_count(sum); i++) {
        double want = tensor_at(gradient_of(apart, first), i) + tensor_at(gradient_of(apart, second), i);
        expect_near(sum, i, want, 1e-14, name);
    }
}

static void shared_weights_get_the_sum_of_their_gradients_and_stay_one(void **state) {
    (void)state;
    dnn_context *ctx = new_context(2);
    dnn_module *shared = two_layers(ctx, true), *apart = two_layers(ctx, false);
    static const char *const from_to[][2] = {{"first.weight", "first.weight"}, {"first.bias", "first.bias"},
                                             {"first.weight", "second.weight"}, {"first.bias", "second.bias"}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(dnn_tensor_copy(value_of(apart, from_to[i][1]), value_of(shared, from_to[i][0])), DNN_OK);
    assert_int_equal(dnn_module_parameter_count(shared), 2);
    dnn_tensor *x = tensor_normal(ctx, DNN_F64, DIMS(5, 6), 3), *dy = tensor_normal(ctx, DNN_F64, DIMS(5, 6), 4);
    expect_same_bits(run_forward(shared, x), run_forward(apart, x), "the output");
    assert_int_equal(dnn_module_backward(shared, dy, NULL), DNN_OK);
    assert_int_equal(dnn_module_backward(apart, dy, NULL), DNN_OK);
    expect_sum_of_gradients(shared, apart, "weight");
    expect_sum_of_gradients(shared, apart, "bias");
    dnn_tensor_release(x);
    dnn_tensor_release(dy);
    dnn_module_release(shared);
    dnn_module_release(apart);
    dnn_context_release(ctx);
}

/* ---- taking a run up again ---- */

enum { STATE_MAX = 64 };

/* The optimizer's state as tensors of a file: "path/name". */
static void save(training *t, const char *weights, const char *state_file) {
    static char names[STATE_MAX][96];
    const char *name_list[STATE_MAX];
    const dnn_tensor *values[STATE_MAX];
    int64_t n = dnn_optimizer_state_count(t->opt);
    assert_in_range(n, 1, STATE_MAX);
    for (int64_t i = 0; i < n; i++) {
        dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
        assert_int_equal(dnn_optimizer_state_at(t->opt, i, &s), DNN_OK);
        snprintf(names[i], sizeof names[i], "%s/%s", s.path, s.name);
        name_list[i] = names[i];
        values[i] = s.value;
    }
    if (dnn_weights_save(t->net, weights, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
    if (dnn_safetensors_write(t->ctx, state_file, name_list, values, n, NULL, 0) != DNN_OK)
        fail_msg("%s", dnn_last_error());
}

static void load(training *t, const char *weights, const char *state_file) {
    dnn_archive *archive;
    if (dnn_weights_load(t->net, weights, NULL) != DNN_OK) fail_msg("%s", dnn_last_error());
    if (dnn_safetensors_read(&archive, t->ctx, state_file) != DNN_OK) fail_msg("%s", dnn_last_error());
    for (int64_t i = 0; i < dnn_archive_count(archive); i++) {
        char path[96];
        dnn_tensor *value;
        dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
        snprintf(path, sizeof path, "%s", dnn_archive_name(archive, i));
        char *name = strchr(path, '/');
        *name++ = 0;
        assert_int_equal(dnn_archive_tensor_at(&value, archive, i), DNN_OK);
        if (dnn_optimizer_state_find(t->opt, path, name, &s) != DNN_OK) fail_msg("%s", dnn_last_error());
        assert_int_equal(dnn_tensor_copy(s.value, value), DNN_OK);
        dnn_tensor_release(value);
    }
    dnn_archive_release(archive);
}

/* Of a network without randomness: 100 steps at once, or 37, a file, another process's module and 63 more. */
static void a_run_that_is_saved_and_taken_up_again_is_the_uninterrupted_one(void **state) {
    (void)state;
    char weights[] = "training_properties_weights.XXXXXX", moments[] = "training_properties_state.XXXXXX";
    close(mkstemp(weights));
    close(mkstemp(moments));
    for (int d = 0; d < 2; d++) {
        dnn_context *ctx = new_context(2);
        training whole = start(ctx, golden_residual, dtypes[d], DNN_REDUCTION_MEAN);
        training first = start(ctx, golden_residual, dtypes[d], DNN_REDUCTION_MEAN);
        steps(&whole, 0, 100);
        steps(&first, 0, 37);
        save(&first, weights, moments);
        end(&first);
        dnn_context *later = new_context(1);
        training second = start(later, golden_residual, dtypes[d], DNN_REDUCTION_MEAN);
        load(&second, weights, moments);
        assert_int_equal(dnn_optimizer_steps(second.opt), 37);
        steps(&second, 37, 100);
        assert_true(whole.value == second.value);
        expect_same_modules(whole.net, second.net);
        end(&whole);
        end(&second);
        dnn_context_release(later);
        dnn_context_release(ctx);
    }
    remove(weights);
    remove(moments);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_permuted_batch_gives_permuted_outputs_and_the_same_gradients),
        cmocka_unit_test(accumulated_micro_batches_are_one_batch),
        cmocka_unit_test(the_same_seed_is_the_same_run_on_any_number_of_threads),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(evaluating_in_between_changes_nothing),
        cmocka_unit_test(frozen_parts_stay_as_they_are),
        cmocka_unit_test(shared_weights_get_the_sum_of_their_gradients_and_stay_one),
        cmocka_unit_test(a_run_that_is_saved_and_taken_up_again_is_the_uninterrupted_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
