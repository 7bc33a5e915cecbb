/* Optimizer steps against loops in double over 100 steps: every type, instruction set and number of lanes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "optim/optim.h"
#include "support/arrays.h"
#include "support/lanes.h"

enum { STEPS = 100, SEGMENTS = 7, BUFFERS = 2 + DNNK_OPTIM_STATES };

/* Empty segments first, in the middle and last; one of several chunks; all together enough for more than one lane. */
static const int64_t lengths[SEGMENTS] = {0, 1, 33, 2 * DNNK_OPTIM_CHUNK + 5, 0, 7, 0};
static const int64_t short_lengths[SEGMENTS] = {0, 1, 33, 64, 0, 7, 0};

/* The parameters of a model: param, grad and states for each segment. */
typedef struct {
    test_array buffer[SEGMENTS][BUFFERS];
    dnnk_segment segment[SEGMENTS];
} model;

static model model_new(dnnk_type type, const int64_t *length) {
    model m;
    for (int s = 0; s < SEGMENTS; s++) {
        m.buffer[s][0] = array_normal(type, length[s], (uint64_t)s);
        for (int b = 1; b < BUFFERS; b++) m.buffer[s][b] = array_new(type, length[s]); /* the states hold NaN */
        m.segment[s] = (dnnk_segment){.param = m.buffer[s][0].p, .grad = m.buffer[s][1].p,
                                      .state = {m.buffer[s][2].p, m.buffer[s][3].p, m.buffer[s][4].p},
                                      .count = length[s]};
    }
    return m;
}

static void model_free(model *m) {
    for (int s = 0; s < SEGMENTS; s++)
        for (int b = 0; b < BUFFERS; b++) array_free(&m->buffer[s][b]);
}

/* A gradient that depends on the step and the place only, representable in float32. */
static double gradient(int64_t step, int64_t s, int64_t i) {
    return (double)(float)sin(0.7 * (double)step + 1.3 * (double)i + (double)s);
}

static void begin_step(model *m, int64_t step) {
    for (int s = 0; s < SEGMENTS; s++) {
        m->segment[s].step = step;
        for (int64_t i = 0; i < m->segment[s].count; i++) array_set(&m->buffer[s][1], i, gradient(step, s, i));
    }
}

/* ---- the loops in double, one element at a time, as PyTorch's documentation states the algorithms ---- */

static double sgd_by_hand(const dnnk_sgd *r, double p, int64_t s, int64_t i, int64_t steps) {
    double b = 0;
    for (int64_t t = 1; t <= steps; t++) {
        double g = r->grad_scale * gradient(t, s, i);
        if (r->weight_decay != 0) g = g + r->weight_decay * p;
        if (r->momentum != 0) {
            if (t > 1)
                b = r->momentum * b + (1 - r->dampening) * g;
            else
                b = g;
            if (r->nesterov)
                g = g + r->momentum * b;
            else
                g = b;
        }
        p = p - r->rate * g;
    }
    return p;
}

static double adam_by_hand(const dnnk_adam *r, double p, int64_t s, int64_t i, int64_t steps) {
    double m = 0, v = 0;
    for (int64_t t = 1; t <= steps; t++) {
        double g = r->grad_scale * gradient(t, s, i);
        if (r->decoupled)
            p = p - r->rate * r->weight_decay * p;
        else
            g = g + r->weight_decay * p;
        m = r->beta1 * m + (1 - r->beta1) * g;
        v = r->beta2 * v + (1 - r->beta2) * g * g;
        double m_hat = m / (1 - pow(r->beta1, (double)t)), v_hat = v / (1 - pow(r->beta2, (double)t));
        p = p - r->rate * m_hat / (sqrt(v_hat) + r->epsilon);
    }
    return p;
}

/* ---- one rule of either kind ---- */

typedef struct {
    bool is_adam;
    dnnk_sgd sgd;
    dnnk_adam adam;
} rule;

static const rule rules[] = {
    {.sgd = {.rate = 0.1, .grad_scale = 1}},
    {.sgd = {.rate = 0.05, .weight_decay = 0.01, .grad_scale = 0.37}},
    {.sgd = {.rate = 0.02, .momentum = 0.9, .grad_scale = 1}},
    {.sgd = {.rate = 0.02, .momentum = 0.9, .dampening = 0.3, .weight_decay = 5e-4, .grad_scale = 1}},
    {.sgd = {.rate = 0.02, .momentum = 0.8, .nesterov = true, .weight_decay = 5e-4, .grad_scale = -0.5}},
    {.is_adam = true, .adam = {.rate = 1e-2, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .grad_scale = 1}},
    {.is_adam = true, .adam = {1e-2, 0.8, 0.99, 1e-3, .weight_decay = 0.1, .grad_scale = 0.5}},
    {.is_adam = true, .adam = {1e-2, 0.9, 0.999, 1e-8, .weight_decay = 0.1, .grad_scale = 2, .decoupled = true}},
};
enum { RULES = sizeof rules / sizeof *rules };

static void step_with(const dnnk_env *env, dnnk_type type, const rule *r, model *m) {
    if (r->is_adam)
        dnnk_optim_update(env, type, DNNK_ADAM, &r->adam, m->segment, SEGMENTS);
    else
        dnnk_optim_update(env, type, DNNK_SGD, &r->sgd, m->segment, SEGMENTS);
}

static double by_hand(const rule *r, double p, int64_t s, int64_t i, int64_t steps) {
    return r->is_adam ? adam_by_hand(&r->adam, p, s, i, steps) : sgd_by_hand(&r->sgd, p, s, i, steps);
}

static void assert_by_hand(const rule *r, const model *m, const model *start, int64_t steps, double tolerance) {
    for (int s = 0; s < SEGMENTS; s++)
        for (int64_t i = 0; i < m->segment[s].count; i++) {
            double got = array_get(&m->buffer[s][0], i);
            double want = by_hand(r, array_get(&start->buffer[s][0], i), s, i, steps);
            if (!(fabs(got - want) <= tolerance * (1 + fabs(want))))
                fail_msg("segment %d, element %lld: %.17g, by hand %.17g", s, (long long)i, got, want);
        }
}

static void a_hundred_steps_by_hand(void **state) {
    (void)state;
    for (int k = 0; k < RULES; k++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
                model m = model_new(type, short_lengths), start = model_new(type, short_lengths);
                dnnk_env env = dnnk_serial(isa);
                for (int64_t t = 1; t <= STEPS; t++) {
                    begin_step(&m, t);
                    step_with(&env, type, &rules[k], &m);
                }
                assert_by_hand(&rules[k], &m, &start, STEPS, type == DNNK_F64 ? 1e-13 : 2e-5);
                model_free(&m);
                model_free(&start);
            }
}

static void assert_same_model(const model *a, const model *b) {
    for (int s = 0; s < SEGMENTS; s++)
        for (int k = 0; k < BUFFERS; k++)
            assert_int_equal(array_difference(&a->buffer[s][k], &b->buffer[s][k]), -1);
}

/* Three steps over several chunks: each number of lanes as one lane, and one lane as by hand. */
static void lanes_are_bitwise_equal(void **state) {
    (void)state;
    for (int k = 0; k < RULES; k += 2)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
            model start = model_new(type, lengths), one;
            for (int64_t lanes = 1; lanes <= 4; lanes++) {
                model m = model_new(type, lengths);
                dnnk_env env = test_lanes(lanes, dnnk_best_isa());
                for (int64_t t = 1; t <= 3; t++) {
                    begin_step(&m, t);
                    step_with(&env, type, &rules[k], &m);
                }
                if (lanes == 1) {
                    one = m;
                    assert_by_hand(&rules[k], &m, &start, 3, type == DNNK_F64 ? 1e-14 : 1e-6);
                    continue;
                }
                assert_same_model(&one, &m);
                model_free(&m);
            }
            model_free(&one);
            model_free(&start);
        }
}

/* ---- the other rules: their formulas are held by optimizer_test's golden numbers; here, that every instruction set and
 * any number of lanes computes what the portable loop does ---- */

static const dnnk_rmsprop rmsprop = {1e-2, 0.9, 1e-6, 0.01, 0.5, 0.7, true};
static const dnnk_adagrad adagrad = {0.1, 0.01, 0.1, 1e-8, 0.01, 0.7};
static const dnnk_nadam nadam = {1e-2, 0.9, 0.99, 1e-6, 0.01, 0.7, 1e-3, 9e-3, true};
static const dnnk_lion lion = {1e-2, 0.9, 0.99, 0.01, 0.7};
static const dnnk_lamb lamb = {1e-2, 0.9, 0.99, 1e-6, 0.01, 0.7};

static const struct {
    dnnk_optim_kind kind;
    const void *rule;
} other_rules[] = {{DNNK_RMSPROP, &rmsprop}, {DNNK_ADAGRAD, &adagrad}, {DNNK_NADAM, &nadam},
                   {DNNK_LION, &lion},       {DNNK_LAMB, &lamb}};
enum { OTHER_RULES = sizeof other_rules / sizeof *other_rules };

static void step_lamb(const dnnk_env *env, dnnk_type type, model *m) {
    test_array work = array_bytes(dnnk_optim_norm_workspace(m->segment, SEGMENTS));
    for (int s = 0; s < SEGMENTS; s++) {
        dnnk_lamb scaled = lamb;
        scaled.rate *= 1 / (1 + dnnk_optim_lamb_norm(env, type, &scaled, &m->segment[s], work.p));
        dnnk_optim_update(env, type, DNNK_LAMB, &scaled, &m->segment[s], 1);
    }
    array_free(&work);
}

static model other_steps(const dnnk_env *env, dnnk_type type, int k) {
    model m = model_new(type, lengths);
    for (int64_t t = 1; t <= 5; t++) {
        begin_step(&m, t);
        if (other_rules[k].kind == DNNK_LAMB) step_lamb(env, type, &m);
        else dnnk_optim_update(env, type, other_rules[k].kind, other_rules[k].rule, m.segment, SEGMENTS);
    }
    return m;
}

static void assert_near_model(const model *a, const model *b, double tolerance) {
    for (int s = 0; s < SEGMENTS; s++)
        for (int64_t i = 0; i < a->segment[s].count; i++) {
            double x = array_get(&a->buffer[s][0], i), y = array_get(&b->buffer[s][0], i);
            if (!(fabs(x - y) <= tolerance * (1 + fabs(y))))
                fail_msg("segment %d, element %lld: %.17g instead of %.17g", s, (long long)i, x, y);
        }
}

static void other_rules_are_the_portable_ones(void **state) {
    (void)state;
    for (int k = 0; k < OTHER_RULES; k++)
        for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
            dnnk_env portable = dnnk_serial(DNNK_PORTABLE);
            model reference = other_steps(&portable, type, k);
            for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
                dnnk_env env = dnnk_serial(isa), lanes;
                model one = other_steps(&env, type, k);
                assert_near_model(&one, &reference, type == DNNK_F64 ? 1e-13 : 2e-5);
                for (int64_t n = 2; n <= 4; n++) {
                    lanes = test_lanes(n, isa);
                    model m = other_steps(&lanes, type, k);
                    assert_same_model(&one, &m);
                    model_free(&m);
                }
                model_free(&one);
            }
            model_free(&reference);
        }
}

/* Parameters added later are at their own step. */
static void segments_keep_their_own_step(void **state) {
    (void)state;
    const rule *r = &rules[7];
    model m = model_new(DNNK_F64, short_lengths), start = model_new(DNNK_F64, short_lengths);
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    begin_step(&m, 1);
    dnnk_optim_update(&env, DNNK_F64, DNNK_ADAM, &r->adam, m.segment + 2, 1);
    for (int64_t i = 0; i < 33; i++) array_set(&m.buffer[2][1], i, gradient(2, 2, i));
    m.segment[2].step = 2;
    step_with(&env, DNNK_F64, r, &m);
    for (int s = 1; s < SEGMENTS; s++)
        for (int64_t i = 0; i < m.segment[s].count; i++) {
            double want = by_hand(r, array_get(&start.buffer[s][0], i), s, i, s == 2 ? 2 : 1);
            assert_true(fabs(array_get(&m.buffer[s][0], i) - want) < 1e-14);
        }
    model_free(&m);
    model_free(&start);
}

static void norm_with(const dnnk_env *env, dnnk_type type, model *m, double want, double *first) {
    test_array work = array_bytes(dnnk_optim_norm_workspace(m->segment, SEGMENTS));
    double got = dnnk_optim_squared_norm(env, type, m->segment, SEGMENTS, work.p);
    assert_true(fabs(got - want) <= 1e-13 * want);
    if (env->lanes == 1) *first = got; /* each instruction set sets its own */
    assert_memory_equal(&got, first, sizeof got);
    array_free(&work);
}

static void squared_norm_by_hand(void **state) {
    (void)state;
    for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++) {
        model m = model_new(type, lengths);
        begin_step(&m, 1);
        long double want = 0;
        for (int s = 0; s < SEGMENTS; s++)
            for (int64_t i = 0; i < lengths[s]; i++) want += (long double)pow(gradient(1, s, i), 2);
        double first = 0;
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++)
            for (int64_t lanes = 1; lanes <= 4; lanes++) {
                dnnk_env env = test_lanes(lanes, isa);
                norm_with(&env, type, &m, (double)want, &first);
            }
        array_set(&m.buffer[3][1], 40, NAN);
        test_array work = array_bytes(dnnk_optim_norm_workspace(m.segment, SEGMENTS));
        dnnk_env env = dnnk_serial(dnnk_best_isa());
        assert_true(isnan(dnnk_optim_squared_norm(&env, type, m.segment, SEGMENTS, work.p)));
        array_free(&work);
        model_free(&m);
    }
}

static void no_segments(void **state) {
    (void)state;
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    dnnk_optim_update(&env, DNNK_F32, DNNK_SGD, &rules[0].sgd, NULL, 0);
    dnnk_optim_update(&env, DNNK_F32, DNNK_ADAM, &rules[5].adam, NULL, 0);
    assert_int_equal(dnnk_optim_norm_workspace(NULL, 0), 0);
    assert_true(dnnk_optim_squared_norm(&env, DNNK_F32, NULL, 0, NULL) == 0);
}

/* Large gradients of float32 do not overflow their squares, which are taken in double. */
static void squares_do_not_overflow(void **state) {
    (void)state;
    float grad[40];
    for (int i = 0; i < 40; i++) grad[i] = 1e30f;
    dnnk_segment s = {.grad = grad, .count = 40};
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    double partial, got = dnnk_optim_squared_norm(&env, DNNK_F32, &s, 1, &partial);
    assert_true(fabs(got / 4e61 - 1) < 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_steps_by_hand), cmocka_unit_test(lanes_are_bitwise_equal),
        cmocka_unit_test(segments_keep_their_own_step), cmocka_unit_test(squared_norm_by_hand),
        cmocka_unit_test(other_rules_are_the_portable_ones), cmocka_unit_test(no_segments), cmocka_unit_test(squares_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
