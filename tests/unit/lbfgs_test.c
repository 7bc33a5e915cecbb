/* L-BFGS: PyTorch's numbers, and what its steps do when closures fail, numbers are not finite, parameters are frozen. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dnn/dnn.h>

#include "golden/lbfgs_golden.h"
#include "support/files.h"

#define OK(call) assert_int_equal((call), DNN_OK)

enum { GOLDENS = sizeof lbfgs_goldens / sizeof *lbfgs_goldens, PLAIN = 15, MOST = 26, PARTS = 4 };

/* ---- three problems of make_lbfgs_golden.py ---- */

static double start(int64_t i) { return (double)((i * 5) % 11 - 5) / 4; }
static double slope(int64_t i) { return (double)(1 + i % 5) / 4; }
static double centre(int64_t i) { return (double)(i % 7 - 3) / 2; }
static double wave(int64_t i) { return (double)((i * 37) % 41 - 20) / 20; }

typedef struct {
    lbfgs_problem what;
    dnn_module *net;
    dnn_loss *loss;
    dnn_tensor *x, *target; /* of the network; of the others x is a batch that says nothing */
    dnn_parameter parts[PARTS];
    int n_parts;
    int64_t n;                   /* elements */
    int calls, fail_at, bad_at; /* of the closure: one fails, from one on the loss is not finite */
} problem;

static double get(const dnn_tensor *t, int64_t i) {
    const void *data = dnn_tensor_const_data(t);
    return dnn_tensor_dtype(t) == DNN_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void set(dnn_tensor *t, int64_t i, double value) {
    void *data = dnn_tensor_data(t);
    if (dnn_tensor_dtype(t) == DNN_F64) ((double *)data)[i] = value;
    else ((float *)data)[i] = (float)value;
}

/* Element i of all parameters, or of their gradients. */
static dnn_tensor *part_of(const problem *p, int64_t *i, bool gradient) {
    int k = 0;
    for (; *i >= dnn_tensor_count(p->parts[k].value); k++) *i -= dnn_tensor_count(p->parts[k].value);
    return gradient ? p->parts[k].gradient : p->parts[k].value;
}

static double value_at(const problem *p, int64_t i) {
    dnn_tensor *part = part_of(p, &i, false);
    return get(part, i);
}

static void set_value(const problem *p, int64_t i, double value) {
    dnn_tensor *part = part_of(p, &i, false);
    set(part, i, value);
}

static void set_gradient(const problem *p, int64_t i, double value) {
    dnn_tensor *part = part_of(p, &i, true);
    set(part, i, value);
}

static double quadratic(const problem *p) {
    double loss = 0;
    for (int64_t i = 0; i < p->n; i++) {
        double away = value_at(p, i) - centre(i);
        loss += slope(i) * away * away / 2;
        set_gradient(p, i, slope(i) * away);
    }
    return loss;
}

static double rosenbrock(const problem *p) {
    double loss = 0, gradient[MOST] = {0};
    for (int64_t i = 0; i + 1 < p->n; i++) {
        double x = value_at(p, i), bend = value_at(p, i + 1) - x * x;
        loss += 100 * bend * bend + (1 - x) * (1 - x);
        gradient[i] += -400 * bend * x - 2 * (1 - x);
        gradient[i + 1] += 200 * bend;
    }
    for (int64_t i = 0; i < p->n; i++) set_gradient(p, i, gradient[i]);
    return loss;
}

static dnn_status network(problem *p, double *loss) {
    const dnn_tensor *y, *dy;
    dnn_status status = dnn_module_zero_grad(p->net);
    if (status == DNN_OK) status = dnn_module_forward(p->net, p->x, &y);
    if (status == DNN_OK) status = dnn_loss_evaluate(p->loss, y, p->target, loss, &dy);
    return status == DNN_OK ? dnn_module_backward(p->net, dy, NULL) : status;
}

static dnn_status evaluate(void *user, double *loss) {
    problem *p = user;
    p->calls++;
    if (p->calls == p->fail_at) return dnn_fail(DNN_ERROR_IO, "the host has no more data");
    dnn_status status = DNN_OK;
    if (p->what == LBFGS_QUADRATIC) *loss = quadratic(p);
    else if (p->what == LBFGS_ROSENBROCK) *loss = rosenbrock(p);
    else status = network(p, loss);
    if (p->bad_at && p->calls >= p->bad_at) *loss = p->calls % 2 ? NAN : INFINITY;
    return status;
}

/* ---- making one ---- */

static dnn_module *linear(int64_t in, int64_t out) {
    return dnn_linear(files_ctx, &(dnn_linear_desc){DNN_SIZED(dnn_linear_desc), .in_features = in, .out_features = out});
}

static void add_part(problem *p, const char *path) {
    dnn_parameter *part = &p->parts[p->n_parts++];
    part->size = sizeof *part;
    OK(dnn_module_parameter(p->net, path, part));
    p->n += dnn_tensor_count(part->value);
}

static void make_network(problem *p, dnn_dtype dtype) {
    OK(dnn_sequential_create(&p->net, files_ctx));
    dnn_sequential_add(p->net, "a", linear(3, 4));
    dnn_sequential_add(p->net, "tanh", dnn_tanh(files_ctx));
    dnn_sequential_add(p->net, "b", linear(4, 2));
    OK(dnn_module_to(p->net, dtype));
    add_part(p, "a.weight");
    add_part(p, "a.bias");
    add_part(p, "b.weight");
    add_part(p, "b.bias");
    OK(dnn_mse_create(&p->loss, files_ctx, NULL));
    OK(dnn_tensor_create(&p->x, files_ctx, dtype, 2, (int64_t[]){6, 3}));
    OK(dnn_tensor_create(&p->target, files_ctx, dtype, 2, (int64_t[]){6, 2}));
    for (int64_t i = 0; i < 18; i++) set(p->x, i, wave(i + 5));
    for (int64_t i = 0; i < 12; i++) set(p->target, i, wave(3 * i + 1));
}

/* Of the others the parameters are those of a linear layer, which is never run. */
static problem problem_of(lbfgs_problem what, dnn_dtype dtype) {
    problem p = {.what = what};
    if (what == LBFGS_NETWORK) {
        make_network(&p, dtype);
    } else {
        p.net = linear(4, 3);
        OK(dnn_module_to(p.net, dtype));
        add_part(&p, "weight");
        add_part(&p, "bias");
    }
    for (int64_t i = 0; i < p.n; i++)
        set_value(&p, i, what == LBFGS_NETWORK ? wave(i) : what == LBFGS_QUADRATIC ? start(i) : start(i) / 2);
    return p;
}

static void end(problem *p) {
    dnn_tensor_release(p->target);
    dnn_tensor_release(p->x);
    dnn_loss_release(p->loss);
    dnn_module_release(p->net);
}

static dnn_optimizer *optimizer_of(const problem *p, dnn_lbfgs_desc desc) {
    dnn_optimizer *opt;
    desc.size = sizeof desc;
    OK(dnn_lbfgs_create(&opt, p->net, &desc));
    return opt;
}

/* ---- PyTorch's numbers ---- */

static void compare(const lbfgs_golden *g, const problem *p, int step, double loss, double tolerance) {
    for (int64_t i = 0; i < p->n; i++) {
        double got = value_at(p, i), wanted = g->elements[step * p->n + i];
        if (!(fabs(got - wanted) <= tolerance * fmax(1, fabs(wanted))))
            fail_msg("%s: element %d after step %d: %.17g, PyTorch has %.17g", g->name, (int)i, step + 1, got, wanted);
    }
    if (!(fabs(loss - g->losses[step]) <= tolerance * fmax(1, g->losses[step])))
        fail_msg("%s: loss of step %d: %.17g, PyTorch has %.17g", g->name, step + 1, loss, g->losses[step]);
}

static void run_golden(const lbfgs_golden *g, dnn_dtype dtype, int steps, double tolerance) {
    problem p = problem_of(g->problem, dtype);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.lr = g->lr, .max_iter = g->max_iter,
                                                           .max_eval = g->max_eval, .history_size = g->history_size,
                                                           .tolerance_grad = g->tolerance_grad,
                                                           .tolerance_change = g->tolerance_change,
                                                           .strong_wolfe = g->strong_wolfe});
    for (int step = 0; step < steps; step++) {
        double loss;
        OK(dnn_optimizer_step_closure(opt, evaluate, &p, &loss));
        compare(g, &p, step, loss, tolerance);
        if (p.calls != g->evaluations[step])
            fail_msg("%s: %d evaluations, PyTorch has %d", g->name, p.calls, (int)g->evaluations[step]);
    }
    assert_int_equal(dnn_optimizer_steps(opt), steps);
    dnn_optimizer_release(opt);
    end(&p);
}

static void steps_are_pytorchs(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++) run_golden(&lbfgs_goldens[i], DNN_F64, LBFGS_STEPS, 1e-8);
}

/* Rounding decides about pairs and places soon: the first step is compared. */
static void float32_is_near(void **state) {
    (void)state;
    for (int i = 0; i < GOLDENS; i++)
        if (lbfgs_goldens[i].max_iter <= 5 && lbfgs_goldens[i].max_iter > 0 && !lbfgs_goldens[i].max_eval)
            run_golden(&lbfgs_goldens[i], DNN_F32, 1, 2e-3);
}

/* The banana's end, from where a gradient would take thousands of steps. */
static void rosenbrock_is_solved(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_ROSENBROCK, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.max_iter = 200, .max_eval = 400, .strong_wolfe = 1});
    double loss = 1;
    for (int step = 0; step < 3; step++) OK(dnn_optimizer_step_closure(opt, evaluate, &p, &loss));
    assert_true(loss < 4 && p.calls < 400); /* 0, or the other minimum near 3.99 */
    double end_loss = rosenbrock(&p);
    assert_true(end_loss < 1e-9 || fabs(end_loss - 3.9866) < 0.1);
    dnn_optimizer_release(opt);
    end(&p);
}

/* ---- all optimizers take closures ---- */

static void others_call_it_once(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_NETWORK, DNN_F64), q = problem_of(LBFGS_NETWORK, DNN_F64);
    dnn_optimizer *a, *b;
    OK(dnn_adam_create(&a, p.net, NULL));
    OK(dnn_adam_create(&b, q.net, NULL));
    for (int step = 0; step < 3; step++) {
        double loss, wanted;
        OK(dnn_optimizer_step_closure(a, evaluate, &p, &loss));
        OK(evaluate(&q, &wanted));
        OK(dnn_optimizer_step(b));
        assert_true(loss == wanted);
    }
    assert_int_equal(p.calls, 3);
    for (int64_t i = 0; i < p.n; i++) assert_true(value_at(&p, i) == value_at(&q, i));
    p.fail_at = 4;
    expect_refusal(dnn_optimizer_step_closure(a, evaluate, &p, NULL), DNN_ERROR_IO, NULL, "the host has no more data");
    dnn_optimizer_release(a);
    dnn_optimizer_release(b);
    end(&p);
    end(&q);
}

/* ---- what can go wrong ---- */

static void keep(const problem *p, double *values) {
    for (int64_t i = 0; i < p->n; i++) values[i] = value_at(p, i);
}

static void assert_kept(const problem *p, const double *values) {
    for (int64_t i = 0; i < p->n; i++) assert_true(value_at(p, i) == values[i]);
}

static void a_closure_that_fails_changes_nothing(void **state) {
    (void)state;
    for (int strong = 0; strong < 2; strong++)
        for (int fail_at = 1; fail_at < 12; fail_at++) {
            double values[MOST], loss = 7;
            problem p = problem_of(LBFGS_ROSENBROCK, DNN_F64);
            dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.lr = 0.25, .max_iter = 9, .strong_wolfe = strong,
                                                                   .max_eval = 30});
            OK(dnn_optimizer_step_closure(opt, evaluate, &p, NULL));
            keep(&p, values);
            p.calls = 0;
            p.fail_at = fail_at;
            dnn_status status = dnn_optimizer_step_closure(opt, evaluate, &p, &loss);
            if (p.calls >= fail_at) {
                expect_refusal(status, DNN_ERROR_IO, NULL, "the host has no more data");
                assert_kept(&p, values);
                assert_true(loss == 7 && dnn_optimizer_steps(opt) == 1);
            }
            p.fail_at = 0;
            OK(dnn_optimizer_step_closure(opt, evaluate, &p, &loss));
            assert_true(rosenbrock(&p) < loss);
            dnn_optimizer_release(opt);
            end(&p);
        }
}

static void numbers_that_are_not_finite_are_refused(void **state) {
    (void)state;
    double values[MOST];
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.max_iter = 5});
    keep(&p, values);
    for (int bad_at = 1; bad_at <= 4; bad_at++) {
        p.calls = 0;
        p.bad_at = bad_at;
        expect_refusal(dnn_optimizer_step_closure(opt, evaluate, &p, NULL), DNN_ERROR_VALUE, NULL,
                       bad_at % 2 ? "the loss is nan" : "the loss is inf");
        assert_int_equal(p.calls, bad_at);
        assert_kept(&p, values);
    }
    p.bad_at = 0;
    set_value(&p, 3, INFINITY);
    expect_refusal(dnn_optimizer_step_closure(opt, evaluate, &p, NULL), DNN_ERROR_VALUE, NULL, "the loss is inf");
    dnn_optimizer_release(opt);
    end(&p);
}

/* x - ln x, which is not a number below 0: a search comes back from there. */
static dnn_status half_line(void *user, double *loss) {
    problem *p = user;
    p->calls++;
    *loss = 0;
    for (int64_t i = 0; i < p->n; i++) {
        double x = value_at(p, i);
        *loss += 10 * (x - log(x));
        set_gradient(p, i, 10 * (1 - 1 / x));
    }
    return DNN_OK;
}

static void a_search_comes_back_from_where_nothing_is_defined(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    for (int64_t i = 0; i < p.n; i++) set_value(&p, i, 3 + (double)i);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.lr = 1000, .max_iter = 60, .max_eval = 300,
                                                           .strong_wolfe = 1});
    OK(dnn_optimizer_step_closure(opt, half_line, &p, NULL));
    for (int64_t i = 0; i < p.n; i++) assert_true(fabs(value_at(&p, i) - 1) < 1e-3);
    dnn_optimizer_release(opt);
    end(&p);
}

static void what_is_frozen_stands_still(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.max_iter = 10, .strong_wolfe = 1});
    OK(dnn_optimizer_step_closure(opt, evaluate, &p, NULL));
    double bias = value_at(&p, 13);
    OK(dnn_module_freeze(p.net, "bias"));
    set_value(&p, 3, 5);
    set_value(&p, 13, bias + 1);
    for (int step = 0; step < 5; step++) OK(dnn_optimizer_step_closure(opt, evaluate, &p, NULL));
    assert_true(value_at(&p, 13) == bias + 1);
    for (int64_t i = 0; i < 12; i++) assert_true(fabs(value_at(&p, i) - centre(i)) < 1e-5);
    OK(dnn_module_unfreeze(p.net, "bias"));
    for (int step = 0; step < 5; step++) OK(dnn_optimizer_step_closure(opt, evaluate, &p, NULL));
    for (int64_t i = 0; i < p.n; i++) assert_true(fabs(value_at(&p, i) - centre(i)) < 1e-5);
    dnn_optimizer_release(opt);
    end(&p);
}

static dnn_status change_the_type(void *user, double *loss) {
    problem *p = user;
    *loss = quadratic(p);
    return dnn_module_to(p->net, DNN_F32);
}

static void the_closure_may_not_change_the_module(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.max_iter = 10});
    expect_refusal(dnn_optimizer_step_closure(opt, change_the_type, &p, NULL), DNN_ERROR_STATE, NULL,
                   "make a new optimizer");
    dnn_optimizer_release(opt);
    end(&p);
}

static void what_it_cannot_do_is_refused(void **state) {
    (void)state;
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.lr = 1}), *other;
    dnn_group_desc group = {DNN_SIZED(dnn_group_desc), .weight_decay = 0.1};
    expect_refusal(dnn_optimizer_step(opt), DNN_ERROR_STATE, NULL, "dnn_optimizer_step_closure");
    expect_refusal(dnn_optimizer_step_closure(opt, NULL, &p, NULL), DNN_ERROR_ARGUMENT, NULL, "closure is NULL");
    expect_refusal(dnn_optimizer_group(opt, "bias", &group), DNN_ERROR_UNSUPPORTED, NULL, "it has no groups");
    expect_refusal(dnn_optimizer_set_group(opt, 0, &group), DNN_ERROR_UNSUPPORTED, NULL, "it has no groups");
    expect_refusal(dnn_optimizer_clip_norm(opt, 1), DNN_ERROR_UNSUPPORTED, NULL, "does not clip");
    OK(dnn_optimizer_clip_norm(opt, INFINITY));
    OK(dnn_optimizer_step_closure(opt, evaluate, &p, NULL));
    assert_true(dnn_optimizer_gradient_norm(opt) > 0);
    static const dnn_lbfgs_desc bad[] = {{.lr = -1}, {.max_iter = -1}, {.max_eval = -1}, {.history_size = -1},
                                         {.history_size = 10001}, {.tolerance_grad = NAN}, {.tolerance_change = -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dnn_lbfgs_desc desc = bad[i];
        desc.size = sizeof desc;
        assert_int_equal(dnn_lbfgs_create(&other, p.net, &desc), DNN_ERROR_ARGUMENT);
        assert_null(other);
    }
    dnn_optimizer_release(opt);
    end(&p);
}

/* ---- the state ---- */

static dnn_checkpoint_parts parts_of(const problem *p, dnn_optimizer *opt) {
    return (dnn_checkpoint_parts){DNN_SIZED(dnn_checkpoint_parts), .module = p->net, .optimizer = opt};
}

/* Saved and loaded after each of some steps, by another optimizer: the same bits as a run that was not stopped. */
static void a_resumed_run_is_the_same(void **state) {
    (void)state;
    dnn_lbfgs_desc desc = {.max_iter = 3, .history_size = 4, .strong_wolfe = 1};
    problem calm = problem_of(LBFGS_NETWORK, DNN_F32), moved = problem_of(LBFGS_NETWORK, DNN_F32);
    dnn_optimizer *a = optimizer_of(&calm, desc), *b = optimizer_of(&moved, desc);
    const char *path = file_path("lbfgs.safetensors");
    for (int step = 0; step < 8; step++) {
        OK(dnn_optimizer_step_closure(a, evaluate, &calm, NULL));
        OK(dnn_optimizer_step_closure(b, evaluate, &moved, NULL));
        dnn_checkpoint_parts parts = parts_of(&moved, b);
        OK(dnn_checkpoint_write(path, &parts));
        dnn_optimizer_release(b);
        end(&moved);
        moved = problem_of(LBFGS_NETWORK, DNN_F32);
        b = optimizer_of(&moved, desc);
        parts = parts_of(&moved, b);
        OK(dnn_checkpoint_read(path, &parts));
        for (int64_t i = 0; i < calm.n; i++) assert_true(value_at(&calm, i) == value_at(&moved, i));
    }
    dnn_optimizer *other = optimizer_of(&moved, (dnn_lbfgs_desc){.history_size = 5});
    dnn_checkpoint_parts parts = parts_of(&moved, other);
    expect_refusal(dnn_checkpoint_read(path, &parts), DNN_ERROR_SHAPE, path, "optimizer.memory");
    dnn_optimizer_release(other);
    dnn_optimizer_release(a);
    dnn_optimizer_release(b);
    end(&calm);
    end(&moved);
}

static void the_state_is_listed(void **state) {
    (void)state;
    static const char *const names[] = {"steps", "lr", "memory", "moves", "changes"};
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F32);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.history_size = 3});
    dnn_optimizer_state piece = {DNN_SIZED(dnn_optimizer_state)};
    assert_int_equal(dnn_optimizer_state_count(opt), 5);
    for (int i = 0; i < 5; i++) {
        OK(dnn_optimizer_state_at(opt, i, &piece));
        assert_string_equal(piece.name, names[i]);
        assert_string_equal(piece.path, "");
    }
    OK(dnn_optimizer_state_find(opt, "", "moves", &piece));
    assert_int_equal(dnn_tensor_dim(piece.value, 0), 4);
    assert_int_equal(dnn_tensor_dim(piece.value, 1), PLAIN);
    dnn_optimizer_release(opt);
    end(&p);
}

/* Whatever the host writes there, or a file has there: a step begins anew, and does no harm. */
static void nonsense_in_the_state_does_no_harm(void **state) {
    (void)state;
    static const double nonsense[] = {NAN, INFINITY, -INFINITY, -1, 0.5, 1e300, 1e9, 4, 5, 2};
    problem p = problem_of(LBFGS_QUADRATIC, DNN_F64);
    dnn_optimizer *opt = optimizer_of(&p, (dnn_lbfgs_desc){.history_size = 4, .max_iter = 3, .strong_wolfe = 1});
    dnn_optimizer_state memory = {DNN_SIZED(dnn_optimizer_state)};
    OK(dnn_optimizer_state_find(opt, "", "memory", &memory));
    for (int64_t k = 0; k < dnn_tensor_count(memory.value); k++)
        for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
            for (int64_t e = 0; e < p.n; e++) set_value(&p, e, start(e));
            dnn_status status = dnn_optimizer_step_closure(opt, evaluate, &p, NULL);
            assert_true(status == DNN_OK || status == DNN_ERROR_VALUE);
            set(memory.value, k, nonsense[i]);
        }
    dnn_optimizer_release(opt);
    end(&p);
}

/* ---- memory ---- */

static dnn_status make_and_step(void) {
    problem p = {.what = LBFGS_QUADRATIC};
    dnn_optimizer *opt = NULL;
    dnn_status status;
    p.net = linear(4, 3);
    if (!p.net) return dnn_last_status();
    const char *const paths[] = {"weight", "bias"};
    status = dnn_lbfgs_create(&opt, p.net, &(dnn_lbfgs_desc){DNN_SIZED(dnn_lbfgs_desc), .strong_wolfe = 1});
    for (int k = 0; k < 2 && status == DNN_OK; k++) {
        p.parts[k].size = sizeof p.parts[k];
        status = dnn_module_parameter(p.net, paths[k], &p.parts[k]);
    }
    p.n = PLAIN;
    if (status == DNN_OK) status = dnn_optimizer_step_closure(opt, evaluate, &p, NULL);
    dnn_optimizer_release(opt);
    dnn_module_release(p.net);
    return status;
}

static void memory_may_run_out(void **state) {
    (void)state;
    expect_out_of_memory_to_be_told(make_and_step);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_pytorchs),
        cmocka_unit_test(float32_is_near),
        cmocka_unit_test(rosenbrock_is_solved),
        cmocka_unit_test(others_call_it_once),
        cmocka_unit_test(a_closure_that_fails_changes_nothing),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused),
        cmocka_unit_test(a_search_comes_back_from_where_nothing_is_defined),
        cmocka_unit_test(what_is_frozen_stands_still),
        cmocka_unit_test(the_closure_may_not_change_the_module),
        cmocka_unit_test(what_it_cannot_do_is_refused),
        cmocka_unit_test(a_resumed_run_is_the_same),
        cmocka_unit_test(the_state_is_listed),
        cmocka_unit_test(nonsense_in_the_state_does_no_harm),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, files_set_up, files_tear_down);
}
