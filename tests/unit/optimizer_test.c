/* Optimizers: PyTorch's numbers over 100 steps, groups, freezing, clipping, what is reported, state, failure. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/layer.h>
#include <dnn/layers.h>
#include <dnn/optimizer.h>

#include "golden/optimizer_golden.h"
#include "support/allocator.h"

enum { GOLDENS = sizeof optimizer_goldens / sizeof *optimizer_goldens, WEIGHTS = 12, PARAMETERS = 2 };

static test_allocator memory;
static dnn_context *ctx;
static char log_line[512]; /* the last remark */
static int log_lines;

static void write_log(void *user, dnn_log_level level, const char *line) {
    (void)user;
    (void)level;
    snprintf(log_line, sizeof log_line, "%s", line);
    log_lines++;
}

static int setup(void **state) {
    (void)state;
    memory = (test_allocator){0};
    log_lines = 0;
    dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .allocator = test_allocator_of(&memory),
                             .log = {write_log, NULL}, .threads = 2};
    return dnn_context_create(&ctx, &desc) == DNN_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dnn_context_release(ctx);
    return memory.live == 0 ? 0 : -1;
}

/* ---- a module with two parameters, the identity, whose backward adds 1 to their gradients ---- */

static dnn_status identity_shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    (void)state;
    spec->n_outputs = 1;
    spec->outputs[0] = call->inputs[0];
    return DNN_OK;
}

static dnn_status identity_forward(const void *state, const dnn_layer_call *call) {
    (void)state;
    *(float *)call->outputs[0].data = *(const float *)call->inputs[0].data;
    return DNN_OK;
}

static dnn_status identity_backward(const void *state, const dnn_layer_call *call) {
    (void)state;
    for (int32_t p = 0; p < call->n_parameters; p++) {
        float *gradient = call->parameter_gradients[p].data;
        for (int64_t i = 0; gradient && i < (p == 0 ? WEIGHTS : GOLDEN_ELEMENTS - WEIGHTS); i++) gradient[i] += 1;
    }
    if (call->input_gradients[0].data)
        *(float *)call->input_gradients[0].data = *(const float *)call->output_gradients[0].data;
    return DNN_OK;
}

static const dnn_layer_class identity_class = {DNN_SIZED(dnn_layer_class), .type = "identity",
                                               .shape = identity_shape, .forward = identity_forward,
                                               .backward = identity_backward};

static dnn_module *identity(void) {
    dnn_module *m = dnn_layer_create(ctx, &identity_class, NULL, 0);
    assert_int_equal(dnn_layer_add_parameter(m, "weight", 2, (int64_t[]){3, 4}, NULL), DNN_OK);
    assert_int_equal(dnn_layer_add_buffer(m, "count", 0, NULL, NULL), DNN_OK);
    assert_int_equal(dnn_layer_add_parameter(m, "bias", 1, (int64_t[]){3}, NULL), DNN_OK);
    return m;
}

static dnn_parameter parameter(dnn_module *m, const char *path) {
    dnn_parameter p = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter(m, path, &p), DNN_OK);
    return p;
}

static double get(const dnn_tensor *t, int64_t i) {
    const void *data = dnn_tensor_const_data(t);
    return dnn_tensor_dtype(t) == DNN_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void set(dnn_tensor *t, int64_t i, double value) {
    void *data = dnn_tensor_data(t);
    if (dnn_tensor_dtype(t) == DNN_F64) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
}

static void assert_near(double got, double wanted) {
    if (!(fabs(got - wanted) <= 2e-6)) fail_msg("%.9g instead of %.9g", got, wanted);
}

/* ---- the gradients of make_golden.py; element i counts over both parameters ---- */

static double start(int64_t i) { return (double)((i * 5) % 11 - 5) / 4; }
static double slope(int64_t i) { return (double)(1 + i % 5) / 4; }
static double centre(int64_t i) { return (double)(i % 7 - 3) / 2; }
static double noise(int64_t i, int64_t t) { return (double)((i * 7 + t * 13) % 17 - 8) / 16; }

typedef struct {
    dnn_parameter weight, bias;
} pair;

static pair pair_of(dnn_module *m) { return (pair){parameter(m, "weight"), parameter(m, "bias")}; }

static dnn_tensor *value_of(const pair *p, int64_t i) { return i < WEIGHTS ? p->weight.value : p->bias.value; }
static dnn_tensor *gradient_of(const pair *p, int64_t i) { return i < WEIGHTS ? p->weight.gradient : p->bias.gradient; }
static int64_t place(int64_t i) { return i < WEIGHTS ? i : i - WEIGHTS; }

static void begin(const pair *p) {
    for (int64_t i = 0; i < GOLDEN_ELEMENTS; i++) set(value_of(p, i), place(i), start(i));
}

static void set_gradients(const pair *p, int64_t t) {
    for (int64_t i = 0; i < GOLDEN_ELEMENTS; i++) {
        double value = get(value_of(p, i), place(i));
        set(gradient_of(p, i), place(i), slope(i) * (value - centre(i)) + noise(i, t));
    }
}

static void steps(dnn_optimizer *opt, const pair *p, int64_t from, int64_t to) {
    for (int64_t t = from; t <= to; t++) {
        set_gradients(p, t);
        assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    }
}

/* ---- PyTorch's numbers ---- */

static dnn_status golden_adaptive(dnn_optimizer **opt, const optimizer_golden *g, dnn_module *m) {
    dnn_rmsprop_desc rmsprop = {DNN_SIZED(dnn_rmsprop_desc), g->lr, g->alpha, g->epsilon, g->weight_decay, g->momentum,
                                g->centred};
    dnn_adagrad_desc adagrad = {DNN_SIZED(dnn_adagrad_desc), g->lr, g->lr_decay, g->epsilon, g->weight_decay,
                                g->initial};
    dnn_nadam_desc nadam = {DNN_SIZED(dnn_nadam_desc), g->lr, g->beta1, g->beta2, g->epsilon, g->weight_decay,
                            g->momentum_decay, g->decoupled};
    if (g->kind == OPTIMIZER_RMSPROP) return dnn_rmsprop_create(opt, m, &rmsprop);
    if (g->kind == OPTIMIZER_ADAGRAD) return dnn_adagrad_create(opt, m, &adagrad);
    return dnn_nadam_create(opt, m, &nadam);
}

static dnn_status golden_of_papers(dnn_optimizer **opt, const optimizer_golden *g, dnn_module *m) {
    dnn_lion_desc lion = {DNN_SIZED(dnn_lion_desc), g->lr, g->beta1, g->beta2, g->weight_decay};
    dnn_lars_desc lars = {DNN_SIZED(dnn_lars_desc), g->lr, g->momentum, g->weight_decay, g->trust, g->epsilon,
                          g->nesterov};
    dnn_lamb_desc lamb = {DNN_SIZED(dnn_lamb_desc), g->lr, g->beta1, g->beta2, g->epsilon, g->weight_decay};
    dnn_muon_desc muon = {DNN_SIZED(dnn_muon_desc), g->lr, g->momentum, g->weight_decay, g->plain, g->rounds, NULL, 0,
                          g->adam_factor, g->beta1, g->beta2};
    if (g->kind == OPTIMIZER_MUON) return dnn_muon_create(opt, m, &muon);
    if (g->kind == OPTIMIZER_LION) return dnn_lion_create(opt, m, &lion);
    if (g->kind == OPTIMIZER_LARS) return dnn_lars_create(opt, m, &lars);
    return dnn_lamb_create(opt, m, &lamb);
}

static dnn_status golden_created(dnn_optimizer **opt, const optimizer_golden *g, dnn_module *m) {
    dnn_sgd_desc sgd = {DNN_SIZED(dnn_sgd_desc), g->lr, g->momentum, g->dampening, g->weight_decay, g->nesterov};
    dnn_adam_desc adam = {DNN_SIZED(dnn_adam_desc), g->lr,      g->zero_beta1 ? DNN_ZERO : g->beta1,
                          g->beta2,                 g->epsilon, g->weight_decay};
    switch (g->kind) {
    case OPTIMIZER_SGD: return dnn_sgd_create(opt, m, &sgd);
    case OPTIMIZER_ADAM: return dnn_adam_create(opt, m, &adam);
    case OPTIMIZER_ADAMW: return dnn_adamw_create(opt, m, &adam);
    case OPTIMIZER_RMSPROP:
    case OPTIMIZER_ADAGRAD:
    case OPTIMIZER_NADAM: return golden_adaptive(opt, g, m);
    case OPTIMIZER_LION:
    case OPTIMIZER_LARS:
    case OPTIMIZER_LAMB:
    case OPTIMIZER_MUON: return golden_of_papers(opt, g, m);
    }
    return DNN_ERROR_ARGUMENT;
}

static dnn_optimizer *golden_optimizer(const optimizer_golden *g, dnn_module *m) {
    dnn_optimizer *opt = NULL;
    if (golden_created(&opt, g, m) != DNN_OK) fail_msg("%s: %s", g->name, dnn_last_error());
    dnn_group_desc group = {DNN_SIZED(dnn_group_desc), .lr_factor = 0.5, .weight_decay = DNN_ZERO};
    if (g->group) assert_int_equal(dnn_optimizer_group(opt, "b*s", &group), DNN_OK);
    if (g->clip > 0) assert_int_equal(dnn_optimizer_clip_norm(opt, g->clip), DNN_OK);
    return opt;
}

static void compare(const optimizer_golden *g, const pair *p, int mark, dnn_dtype dtype) {
    double tolerance = dtype == DNN_F64 ? 1e-13 : 3e-6;
    for (int64_t i = 0; i < GOLDEN_ELEMENTS; i++) {
        double got = get(value_of(p, i), place(i)), wanted = g->elements[mark * GOLDEN_ELEMENTS + i];
        if (!(fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted))))
            fail_msg("%s, %s, element %lld after %lld steps: %.17g, PyTorch has %.17g", g->name, dnn_dtype_name(dtype),
                     (long long)i, (long long)golden_marks[mark], got, wanted);
    }
}

static void run_golden(const optimizer_golden *g, dnn_dtype dtype) {
    dnn_module *m = identity();
    assert_int_equal(dnn_module_to(m, dtype), DNN_OK);
    dnn_optimizer *opt = golden_optimizer(g, m);
    pair p = pair_of(m);
    begin(&p);
    for (int mark = 0; mark < GOLDEN_MARKS; mark++) {
        steps(opt, &p, mark ? golden_marks[mark - 1] + 1 : 1, golden_marks[mark]);
        compare(g, &p, mark, dtype);
    }
    assert_int_equal(dnn_optimizer_steps(opt), golden_marks[GOLDEN_MARKS - 1]);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

static void a_hundred_steps_are_pytorchs(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) {
        run_golden(&optimizer_goldens[i], DNN_F32);
        run_golden(&optimizer_goldens[i], DNN_F64);
    }
}

/* ---- what a step does, and does not ---- */

static dnn_optimizer *adam_of(dnn_module *m) {
    dnn_optimizer *opt;
    assert_int_equal(dnn_adam_create(&opt, m, NULL), DNN_OK);
    return opt;
}

static void frozen_parameters_stand_still(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    pair p = pair_of(m);
    begin(&p);
    assert_int_equal(dnn_module_freeze(m, "bias"), DNN_OK);
    steps(opt, &p, 1, 5);
    for (int64_t i = WEIGHTS; i < GOLDEN_ELEMENTS; i++) assert_true(get(p.bias.value, place(i)) == start(i));
    assert_int_equal(dnn_optimizer_state_count(opt), 2 + 3);
    assert_int_equal(dnn_module_unfreeze(m, "bias"), DNN_OK);
    steps(opt, &p, 6, 6);
    assert_int_equal(dnn_optimizer_state_count(opt), 2 + 6);
    for (int64_t i = WEIGHTS; i < GOLDEN_ELEMENTS; i++) /* its first step: lr in the gradient's direction */
        assert_near(fabs(get(p.bias.value, place(i)) - start(i)), get(p.bias.gradient, place(i)) != 0 ? 1e-3 : 0);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

static void a_steady_step_allocates_nothing(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    pair p = pair_of(m);
    assert_int_equal(dnn_optimizer_clip_norm(opt, 1), DNN_OK);
    steps(opt, &p, 1, 1);
    test_allocator_arm(&memory, 0, false);
    steps(opt, &p, 2, 5);
    assert_int_equal(memory.calls, 0);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

static void an_optimizer_keeps_its_module_alive(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    dnn_module_release(m);
    assert_int_equal(dnn_optimizer_zero_grad(opt), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    dnn_optimizer_release(opt);
}

/* ---- groups and the rate ---- */

static dnn_group_info group_of(dnn_optimizer *opt, int32_t group) {
    dnn_group_info info = {DNN_SIZED(dnn_group_info)};
    assert_int_equal(dnn_optimizer_group_at(opt, group, &info), DNN_OK);
    return info;
}

static void groups_follow_the_rate(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt;
    dnn_adam_desc desc = {DNN_SIZED(dnn_adam_desc), .lr = 0.5, .weight_decay = 0.25};
    assert_int_equal(dnn_adamw_create(&opt, m, &desc), DNN_OK);
    dnn_group_desc still = {DNN_SIZED(dnn_group_desc), .lr_factor = DNN_ZERO}, slow = {DNN_SIZED(dnn_group_desc), 0.5, 1};
    assert_int_equal(dnn_optimizer_group(opt, "*", &still), DNN_OK);
    assert_int_equal(dnn_optimizer_group(opt, "bia?", &slow), DNN_OK);
    assert_int_equal(dnn_optimizer_group(opt, "layer*", &slow), DNN_ERROR_NOT_FOUND);
    assert_non_null(strstr(dnn_last_error(), "no parameter matches \"layer*\" (the first there is: \""));
    assert_int_equal(dnn_optimizer_group(opt, "count", &slow), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_optimizer_group_count(opt), 3);
    assert_int_equal(dnn_optimizer_set_lr(opt, 2), DNN_OK);
    assert_true(dnn_optimizer_get_lr(opt) == 2);
    dnn_group_info rest = group_of(opt, 0), first = group_of(opt, 1), second = group_of(opt, 2);
    assert_true(rest.lr == 2 && rest.weight_decay == 0.25 && rest.parameters == 0 && rest.elements == 0);
    assert_true(first.lr == 0 && first.weight_decay == 0.25 && first.parameters == 1 && first.elements == WEIGHTS);
    assert_true(second.lr == 1 && second.lr_factor == 0.5 && second.weight_decay == 1 && second.elements == 3);
    assert_string_equal(rest.pattern, "");
    assert_string_equal(second.pattern, "bia?");
    assert_int_equal(dnn_optimizer_set_group(opt, 1, &slow), DNN_OK);
    assert_true(group_of(opt, 1).lr == 1);
    assert_int_equal(dnn_optimizer_set_group(opt, 3, &slow), DNN_ERROR_NOT_FOUND);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

/* ---- the norm ---- */

static void the_norm_is_measured_before_clipping(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt;
    dnn_sgd_desc desc = {DNN_SIZED(dnn_sgd_desc), .lr = 1};
    assert_int_equal(dnn_sgd_create(&opt, m, &desc), DNN_OK);
    pair p = pair_of(m);
    set(p.weight.gradient, 5, 3);
    set(p.bias.gradient, 2, -4);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_true(isnan(dnn_optimizer_gradient_norm(opt)));
    assert_int_equal(dnn_optimizer_clip_norm(opt, (double)INFINITY), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_true(dnn_optimizer_gradient_norm(opt) == 5);
    assert_true(get(p.weight.value, 5) == -6 && get(p.bias.value, 2) == 8);
    assert_int_equal(dnn_optimizer_clip_norm(opt, 1), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_near(get(p.weight.value, 5), -6.6);
    assert_near(get(p.bias.value, 2), 8.8);
    assert_true(get(p.weight.gradient, 5) == 3);
    assert_int_equal(dnn_module_freeze(m, "bias"), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_true(dnn_optimizer_gradient_norm(opt) == 3);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

static void a_gradient_that_is_not_finite_stops_a_clipped_step(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    pair p = pair_of(m);
    begin(&p);
    steps(opt, &p, 1, 1);
    double before = get(p.weight.value, 0);
    assert_int_equal(dnn_optimizer_clip_norm(opt, 1), DNN_OK);
    set(p.bias.gradient, 1, (double)NAN);
    assert_int_equal(dnn_optimizer_step(opt), DNN_ERROR_VALUE);
    assert_string_equal(dnn_last_error(), "bias: its gradient is not finite, no step was made (after 1 steps)");
    assert_true(get(p.weight.value, 0) == before && dnn_optimizer_steps(opt) == 1);
    set(p.bias.gradient, 1, 0);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

/* ---- what is reported ---- */

static void backward(dnn_module *m, int times) {
    dnn_tensor *x;
    const dnn_tensor *y;
    assert_int_equal(dnn_tensor_create(&x, ctx, DNN_F32, 0, NULL), DNN_OK);
    for (int i = 0; i < times; i++) {
        assert_int_equal(dnn_module_forward(m, x, &y), DNN_OK);
        assert_int_equal(dnn_module_backward(m, y, NULL), DNN_OK);
    }
    dnn_tensor_release(x);
}

static void train_once(dnn_optimizer *opt, dnn_module *m, int backwards) {
    assert_int_equal(dnn_optimizer_zero_grad(opt), DNN_OK);
    backward(m, backwards);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
}

static void undeclared_accumulation_is_reported_once(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    train_once(opt, m, 1);
    assert_int_equal(dnn_optimizer_set_accumulation(opt, 3), DNN_OK);
    train_once(opt, m, 3);
    train_once(opt, m, 2);
    assert_int_equal(log_lines, 0);
    train_once(opt, m, 4);
    assert_int_equal(log_lines, 1);
    assert_string_equal(log_line, "optimizer, step 4: the gradients of 4 backwards are added up, 3 declared: clear them "
                                  "(dnn_optimizer_zero_grad), or declare it (dnn_optimizer_set_accumulation)");
    train_once(opt, m, 5);
    assert_int_equal(log_lines, 1);
    train_once(opt, m, 0);
    assert_int_equal(log_lines, 2);
    assert_string_equal(log_line, "optimizer, step 6: no backward since the gradients were cleared");
    train_once(opt, m, 0);
    assert_int_equal(log_lines, 2);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

static void a_changed_module_is_noticed(void **state) {
    (void)state;
    dnn_module *net;
    assert_int_equal(dnn_sequential_create(&net, ctx), DNN_OK);
    assert_int_equal(dnn_sequential_add(net, "first", identity()), DNN_OK);
    dnn_optimizer *opt = adam_of(net);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_int_equal(dnn_module_to(net, DNN_F64), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_ERROR_STATE);
    assert_string_equal(dnn_last_error(), "first.weight: it was float32 when the optimizer was made, now it is float64: "
                                          "make a new optimizer");
    assert_int_equal(dnn_module_to(net, DNN_F32), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_int_equal(dnn_sequential_add(net, "second", identity()), DNN_OK);
    assert_int_equal(dnn_optimizer_step(opt), DNN_ERROR_STATE);
    assert_string_equal(dnn_last_error(), "the module has 6 parameters and buffers, 3 when the optimizer was made: make a "
                                          "new optimizer");
    dnn_optimizer_release(opt);
    dnn_module_release(net);
}

/* ---- state ---- */

static dnn_optimizer_state state_at(dnn_optimizer *opt, int64_t i) {
    dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
    assert_int_equal(dnn_optimizer_state_at(opt, i, &s), DNN_OK);
    return s;
}

static void the_state_has_names(void **state) {
    (void)state;
    const char *names[][2] = {{"", "steps"}, {"", "lr"}, {"weight", "steps"}, {"weight", "first_moment"},
                              {"weight", "second_moment"}, {"bias", "steps"}, {"bias", "first_moment"},
                              {"bias", "second_moment"}};
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m);
    dnn_optimizer_state s = {DNN_SIZED(dnn_optimizer_state)};
    assert_int_equal(dnn_optimizer_state_count(opt), 2);
    assert_int_equal(dnn_optimizer_step(opt), DNN_OK);
    assert_int_equal(dnn_optimizer_state_count(opt), 8);
    for (int64_t i = 0; i < 8; i++) {
        assert_string_equal(state_at(opt, i).path, names[i][0]);
        assert_string_equal(state_at(opt, i).name, names[i][1]);
        assert_int_equal(dnn_optimizer_state_find(opt, names[i][0], names[i][1], &s), DNN_OK);
        assert_ptr_equal(s.value, state_at(opt, i).value);
    }
    assert_int_equal(dnn_optimizer_state_at(opt, 8, &s), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_optimizer_state_at(opt, -1, &s), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_optimizer_state_find(opt, "weight", "momentum", &s), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_optimizer_state_find(opt, "count", "steps", &s), DNN_ERROR_NOT_FOUND);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

/* Copies parameters and state over into a fresh module and optimizer, as loading a checkpoint would. */
static void copy_over(dnn_optimizer *from, dnn_optimizer *to, const pair *p, const pair *q) {
    assert_int_equal(dnn_tensor_copy(q->weight.value, p->weight.value), DNN_OK);
    assert_int_equal(dnn_tensor_copy(q->bias.value, p->bias.value), DNN_OK);
    for (int64_t i = 0; i < dnn_optimizer_state_count(from); i++) {
        dnn_optimizer_state source = state_at(from, i), target = {DNN_SIZED(dnn_optimizer_state)};
        assert_int_equal(dnn_optimizer_state_find(to, source.path, source.name, &target), DNN_OK);
        assert_int_equal(dnn_tensor_copy(target.value, source.value), DNN_OK);
    }
}

static void resume(const optimizer_golden *g) {
    dnn_module *m = identity(), *n = identity();
    dnn_optimizer *opt = golden_optimizer(g, m), *resumed = golden_optimizer(g, n);
    pair p = pair_of(m), q = pair_of(n);
    begin(&p);
    assert_int_equal(dnn_optimizer_set_lr(opt, 0.03), DNN_OK);
    steps(opt, &p, 1, 5);
    copy_over(opt, resumed, &p, &q);
    steps(opt, &p, 6, 10);
    steps(resumed, &q, 6, 10);
    assert_int_equal(dnn_optimizer_steps(resumed), 10);
    assert_memory_equal(dnn_tensor_data(p.weight.value), dnn_tensor_data(q.weight.value), WEIGHTS * sizeof(float));
    assert_memory_equal(dnn_tensor_data(p.bias.value), dnn_tensor_data(q.bias.value), 3 * sizeof(float));
    dnn_optimizer_release(opt);
    dnn_optimizer_release(resumed);
    dnn_module_release(m);
    dnn_module_release(n);
}

static void resumed_steps_are_the_same_to_the_bit(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) resume(&optimizer_goldens[i]);
}

/* ---- misuse and failure ---- */

#define REFUSED(create, type, ...)                                                         \
    do {                                                                                   \
        type desc_ = {DNN_SIZED(type), __VA_ARGS__};                                       \
        dnn_optimizer *opt_ = (dnn_optimizer *)1;                                          \
        assert_int_equal(create(&opt_, m, &desc_), DNN_ERROR_ARGUMENT);                    \
        assert_null(opt_);                                                                 \
    } while (0)

static void descriptors_are_checked(void **state) {
    (void)state;
    dnn_module *m = identity(), *empty;
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .lr = -1);
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .lr = (double)NAN);
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .momentum = -0.5);
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .weight_decay = (double)INFINITY);
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .nesterov = 1);
    REFUSED(dnn_sgd_create, dnn_sgd_desc, .nesterov = 1, .momentum = 0.5, .dampening = 0.5);
    REFUSED(dnn_adam_create, dnn_adam_desc, .beta1 = 1);
    REFUSED(dnn_adam_create, dnn_adam_desc, .beta2 = -0.1);
    REFUSED(dnn_adamw_create, dnn_adam_desc, .epsilon = -1);
    REFUSED(dnn_adamw_create, dnn_adam_desc, .weight_decay = -1);
    REFUSED(dnn_rmsprop_create, dnn_rmsprop_desc, .alpha = 1);
    REFUSED(dnn_rmsprop_create, dnn_rmsprop_desc, .epsilon = -1);
    REFUSED(dnn_rmsprop_create, dnn_rmsprop_desc, .momentum = -1);
    REFUSED(dnn_adagrad_create, dnn_adagrad_desc, .lr_decay = -1);
    REFUSED(dnn_adagrad_create, dnn_adagrad_desc, .initial = -1);
    REFUSED(dnn_adagrad_create, dnn_adagrad_desc, .epsilon = -1);
    REFUSED(dnn_nadam_create, dnn_nadam_desc, .beta1 = 1);
    REFUSED(dnn_nadam_create, dnn_nadam_desc, .beta2 = 2);
    REFUSED(dnn_nadam_create, dnn_nadam_desc, .epsilon = -1);
    REFUSED(dnn_nadam_create, dnn_nadam_desc, .momentum_decay = -1);
    REFUSED(dnn_lion_create, dnn_lion_desc, .beta1 = 1);
    REFUSED(dnn_lion_create, dnn_lion_desc, .beta2 = -1);
    REFUSED(dnn_lars_create, dnn_lars_desc, .momentum = -1);
    REFUSED(dnn_lars_create, dnn_lars_desc, .epsilon = -1);
    REFUSED(dnn_lars_create, dnn_lars_desc, .trust = -1);
    REFUSED(dnn_lars_create, dnn_lars_desc, .nesterov = 1, .momentum = DNN_ZERO);
    REFUSED(dnn_muon_create, dnn_muon_desc, .momentum = 1);
    REFUSED(dnn_muon_create, dnn_muon_desc, .beta1 = 1);
    REFUSED(dnn_muon_create, dnn_muon_desc, .beta2 = 1);
    REFUSED(dnn_muon_create, dnn_muon_desc, .adam_factor = -1);
    REFUSED(dnn_muon_create, dnn_muon_desc, .rounds = -1);
    REFUSED(dnn_muon_create, dnn_muon_desc, .n_adam = 1);
    REFUSED(dnn_lamb_create, dnn_lamb_desc, .beta1 = 1);
    REFUSED(dnn_lamb_create, dnn_lamb_desc, .beta2 = 1);
    REFUSED(dnn_lamb_create, dnn_lamb_desc, .epsilon = -1);
    assert_int_equal(dnn_sequential_create(&empty, ctx), DNN_OK);
    dnn_optimizer *opt;
    assert_int_equal(dnn_sgd_create(&opt, empty, NULL), DNN_ERROR_ARGUMENT);
    assert_string_equal(dnn_last_error(), "the module has no parameters");
    dnn_sequential_add(empty, "fc", dnn_layer_create(ctx, NULL, NULL, 0));
    assert_int_equal(dnn_sgd_create(&opt, empty, NULL), DNN_ERROR_ARGUMENT);
    assert_true(strncmp(dnn_last_error(), "fc: ", 4) == 0);
    dnn_module_release(empty);
    dnn_module_release(m);
}

/* A tall matrix takes the transposed step of the wide one, √(rows/columns) times as large; and what is stepped is near to
 * orthogonal: the products of different columns are small beside those of equal ones. */
static void muon_of_tall_matrices(void **state) {
    (void)state;
    enum { LONG = 40, SHORT = 12 };
    dnn_linear_desc tall = {DNN_SIZED(dnn_linear_desc), .in_features = SHORT, .out_features = LONG, .no_bias = 1};
    dnn_linear_desc wide = {DNN_SIZED(dnn_linear_desc), .in_features = LONG, .out_features = SHORT, .no_bias = 1};
    dnn_muon_desc desc = {DNN_SIZED(dnn_muon_desc), .lr = 1, .rounds = 8};
    dnn_module *modules[2] = {dnn_linear(ctx, &tall), dnn_linear(ctx, &wide)};
    dnn_optimizer *opt[2];
    float *p[2];
    for (int k = 0; k < 2; k++) {
        dnn_parameter weight = parameter(modules[k], "weight");
        p[k] = dnn_tensor_data(weight.value);
        float *g = dnn_tensor_data(weight.gradient);
        for (int i = 0; i < LONG; i++)
            for (int j = 0; j < SHORT; j++) {
                int at = k == 0 ? i * SHORT + j : j * LONG + i;
                p[k][at] = 0;
                g[at] = (float)sin(1.3 * i + 0.7 * j * j + i * j);
            }
        assert_int_equal(dnn_muon_create(&opt[k], modules[k], &desc), DNN_OK);
        assert_int_equal(dnn_optimizer_step(opt[k]), DNN_OK);
    }
    double size = sqrt((double)LONG / SHORT);
    for (int i = 0; i < LONG; i++)
        for (int j = 0; j < SHORT; j++) assert_near(p[0][i * SHORT + j], size * p[1][j * LONG + i]);
    for (int a = 0; a < SHORT; a++)
        for (int b = 0; b < SHORT; b++) {
            double product = 0;
            for (int i = 0; i < LONG; i++) product += (double)p[1][a * LONG + i] * (double)p[1][b * LONG + i];
            assert_true(a == b ? product > 0.4 && product < 1.5 : fabs(product) < 0.4);
        }
    for (int k = 0; k < 2; k++) {
        dnn_optimizer_release(opt[k]);
        dnn_module_release(modules[k]);
    }
}

/* What a pattern leaves to AdamW has its state; a pattern that matches nothing is refused. */
static void muon_leaves_layers_to_adam(void **state) {
    (void)state;
    const char *patterns[] = {"wei*"};
    dnn_muon_desc desc = {DNN_SIZED(dnn_muon_desc), .adam = patterns, .n_adam = 1};
    dnn_optimizer_state piece = {DNN_SIZED(dnn_optimizer_state)};
    dnn_module *m = identity();
    dnn_optimizer *opt;
    assert_int_equal(dnn_muon_create(&opt, m, NULL), DNN_OK);
    assert_int_equal(dnn_optimizer_state_find(opt, "weight", "second_moment", &piece), DNN_ERROR_NOT_FOUND);
    assert_int_equal(dnn_optimizer_state_find(opt, "bias", "second_moment", &piece), DNN_OK);
    dnn_optimizer_release(opt);
    assert_int_equal(dnn_muon_create(&opt, m, &desc), DNN_OK);
    assert_int_equal(dnn_optimizer_state_find(opt, "weight", "second_moment", &piece), DNN_OK);
    dnn_optimizer_release(opt);
    patterns[0] = "head";
    assert_int_equal(dnn_muon_create(&opt, m, &desc), DNN_ERROR_NOT_FOUND);
    assert_null(opt);
    dnn_module_release(m);
}

static void arguments_are_checked(void **state) {
    (void)state;
    dnn_module *m = identity();
    dnn_optimizer *opt = adam_of(m), *wrong = (dnn_optimizer *)m;
    dnn_group_info info = {.size = 4};
    dnn_optimizer_state s = {.size = 0};
    struct {
        dnn_group_info info;
        int64_t field_of_the_future;
    } newer = {.info = {.size = sizeof newer}, .field_of_the_future = 7};
    assert_int_equal(dnn_optimizer_group_at(opt, 0, &newer.info), DNN_OK);
    assert_true(newer.info.size == sizeof newer && newer.info.parameters > 0 && newer.field_of_the_future == 7);
    assert_int_equal(dnn_sgd_create(NULL, m, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_sgd_create(&wrong, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_adam_create(&wrong, (dnn_module *)opt, NULL), DNN_ERROR_HANDLE);
    wrong = (dnn_optimizer *)m;
    assert_int_equal(dnn_optimizer_step(NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_step(wrong), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_optimizer_zero_grad(wrong), DNN_ERROR_HANDLE);
    assert_int_equal(dnn_optimizer_steps(wrong), -1);
    assert_true(dnn_optimizer_get_lr(wrong) == -1 && isnan(dnn_optimizer_gradient_norm(wrong)));
    assert_int_equal(dnn_optimizer_state_count(wrong), -1);
    assert_int_equal(dnn_optimizer_group_count(wrong), -1);
    assert_int_equal(dnn_optimizer_set_lr(opt, -1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_set_lr(opt, (double)NAN), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_clip_norm(opt, -1), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_clip_norm(opt, (double)NAN), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_set_accumulation(opt, 0), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_group(opt, NULL, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_group_at(opt, 0, &info), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_group_at(opt, 0, NULL), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_state_at(opt, 0, &s), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_state_find(opt, NULL, "steps", &s), DNN_ERROR_ARGUMENT);
    *(double *)dnn_tensor_data(state_at(opt, 1).value) = (double)NAN;
    assert_int_equal(dnn_optimizer_step(opt), DNN_ERROR_ARGUMENT);
    assert_int_equal(dnn_optimizer_release(NULL), DNN_OK);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
}

/* One try of everything that allocates, repeated while it fails. True: nothing failed. */
#define UNTIL_OK(call)                                           \
    do {                                                         \
        dnn_status status_;                                      \
        while ((status_ = (call)) != DNN_OK) {                   \
            assert_int_equal(status_, DNN_ERROR_MEMORY);         \
            failed = true;                                       \
            test_allocator_arm(&memory, 0, false);               \
        }                                                        \
    } while (0)

static bool survives(int64_t k, bool for_ever) {
    bool failed = false;
    dnn_module *m = identity();
    dnn_optimizer *opt;
    pair p = pair_of(m);
    begin(&p);
    set_gradients(&p, 1);
    test_allocator_arm(&memory, k, for_ever);
    UNTIL_OK(dnn_sgd_create(&opt, m, &(dnn_sgd_desc){DNN_SIZED(dnn_sgd_desc), .lr = 1, .momentum = 0.5}));
    UNTIL_OK(dnn_optimizer_group(opt, "bias", NULL));
    UNTIL_OK(dnn_optimizer_clip_norm(opt, (double)INFINITY));
    UNTIL_OK(dnn_optimizer_step(opt));
    for (int64_t i = 0; i < GOLDEN_ELEMENTS; i++)
        assert_true(get(value_of(&p, i), place(i)) == start(i) - (slope(i) * (start(i) - centre(i)) + noise(i, 1)));
    assert_int_equal(dnn_optimizer_group_count(opt), 2);
    test_allocator_arm(&memory, 0, false);
    dnn_optimizer_release(opt);
    dnn_module_release(m);
    return !failed;
}

static void out_of_memory_anywhere_is_survived(void **state) {
    (void)state;
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        int64_t k = 1;
        while (!survives(k, for_ever)) k++;
        assert_true(k > 20);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_hundred_steps_are_pytorchs),
        TEST(frozen_parameters_stand_still),
        TEST(a_steady_step_allocates_nothing),
        TEST(an_optimizer_keeps_its_module_alive),
        TEST(groups_follow_the_rate),
        TEST(the_norm_is_measured_before_clipping),
        TEST(a_gradient_that_is_not_finite_stops_a_clipped_step),
        TEST(undeclared_accumulation_is_reported_once),
        TEST(a_changed_module_is_noticed),
        TEST(the_state_has_names),
        TEST(resumed_steps_are_the_same_to_the_bit),
        TEST(descriptors_are_checked),
        TEST(muon_leaves_layers_to_adam),
        TEST(muon_of_tall_matrices),
        TEST(arguments_are_checked),
        TEST(out_of_memory_anywhere_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
