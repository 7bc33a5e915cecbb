/* lib/math/vmath.h, lib/act/act.h and lib/act/elementwise.h against the C library in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "act/act.h"
#include "act/elementwise.h"
#include "math/vmath.h"
#include "support/arrays.h"
#include "support/lanes.h"

#define SLOPE 0.1

/* ---- vmath ---- */

static double worst_ulp(float (*f)(float), double (*exact)(double), float low, float high) {
    double worst = 0;
    const int steps = 200000;
    for (int i = 0; i <= steps; i++) {
        float x = (float)((double)low + ((double)high - (double)low) * i / steps);
        double ulp = ulp_f32(f(x), exact((double)x));
        if (ulp > worst) worst = ulp;
    }
    return worst;
}

static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void assert_ulp(const char *name, double ulp, double bound) {
    if (!(ulp <= bound)) fail_msg("%s: %.2f units of the last place, at most %.2f are allowed", name, ulp, bound);
}

static void elementary_functions_are_accurate(void **state) {
    (void)state;
    assert_ulp("exp", worst_ulp(dnnk_exp_f32, exp, -87.3f, 88), 1.5);
    assert_ulp("sigmoid", worst_ulp(dnnk_sigmoid_f32, exact_sigmoid, -87, 20), 3);
    assert_ulp("tanh", worst_ulp(dnnk_tanh_f32, tanh, -10, 10), 3);
    assert_ulp("tanh near 0", worst_ulp(dnnk_tanh_f32, tanh, -0.7f, 0.7f), 3);
    assert_ulp("erf", worst_ulp(dnnk_erf_f32, erf, -5, 5), 3);
    assert_ulp("erf near 0", worst_ulp(dnnk_erf_f32, erf, -1e-3f, 1e-3f), 3);
    assert_ulp("log1p", worst_ulp(dnnk_log1p_unit_f32, log1p, 0, 1), 3);
    assert_ulp("log1p near 0", worst_ulp(dnnk_log1p_unit_f32, log1p, 0, 1e-4f), 3);
}

static void elementary_functions_at_the_ends(void **state) {
    (void)state;
    assert_true(dnnk_exp_f32(0) == 1.0f && dnnk_exp_f32(-INFINITY) == 0.0f && dnnk_exp_f32(-200) == 0.0f);
    assert_true(dnnk_exp_f32(-88) == 0.0f && dnnk_exp_f32(-87.7f) == 0.0f && dnnk_exp_f32(-87.6f) > 0.0f);
    assert_true(dnnk_sigmoid_f32(-INFINITY) == 0.0f && dnnk_sigmoid_f32(INFINITY) == 1.0f);
    assert_true(dnnk_tanh_f32(-INFINITY) == -1.0f && dnnk_tanh_f32(INFINITY) == 1.0f);
    assert_true(signbit(dnnk_tanh_f32(-0.0f)) && dnnk_tanh_f32(-0.0f) == 0.0f);
    assert_true(dnnk_erf_f32(-INFINITY) == -1.0f && dnnk_erf_f32(INFINITY) == 1.0f && dnnk_erf_f32(0) == 0.0f);
    assert_true(dnnk_normal_cdf_f32(-INFINITY) == 0.0f && dnnk_normal_cdf_f32(INFINITY) == 1.0f);
    assert_true(isnan(dnnk_exp_f32(NAN)) && isnan(dnnk_sigmoid_f32(NAN)) && isnan(dnnk_tanh_f32(NAN)));
    assert_true(isnan(dnnk_erf_f32(NAN)) && isnan(dnnk_normal_cdf_f32(NAN)) && isnan(dnnk_log1p_unit_f32(NAN)));
}

/* ---- activations: the references ---- */

static double normal_cdf(double x) { return 0.5 * erfc(-x / sqrt(2)); }
static double gelu_tanh_u(double x) { return sqrt(2 / M_PI) * (x + 0.044715 * x * x * x); }

static double act(dnnk_act_kind kind, double x) {
    switch (kind) {
    case DNNK_RELU: return x > 0 ? x : 0;
    case DNNK_LEAKY_RELU: return x > 0 ? x : SLOPE * x;
    case DNNK_GELU: return x * normal_cdf(x);
    case DNNK_GELU_TANH: return x / 2 * (1 + tanh(gelu_tanh_u(x)));
    case DNNK_SIGMOID: return exact_sigmoid(x);
    case DNNK_TANH: return tanh(x);
    default: return x / (1 + exp(-x));
    }
}

static double act_slope(dnnk_act_kind kind, double x) {
    double s = exact_sigmoid(x), t;
    switch (kind) {
    case DNNK_RELU: return x > 0 ? 1 : 0;
    case DNNK_LEAKY_RELU: return x > 0 ? 1 : SLOPE;
    case DNNK_GELU: return normal_cdf(x) + x * exp(-x * x / 2) / sqrt(2 * M_PI);
    case DNNK_GELU_TANH:
        t = tanh(gelu_tanh_u(x));
        return (1 + t) / 2 + x / 2 * (1 - t * t) * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
    case DNNK_SIGMOID: return s * (1 - s);
    case DNNK_TANH: return 1 - tanh(x) * tanh(x);
    default: return s * (1 + x * (1 - s));
    }
}

/* benchdnn's starting threshold for elementwise float32 is 4e-6, relative, with some slack near 0. */
static void assert_close(dnnk_type type, const char *what, unsigned kind, int64_t i, double got, double want) {
    double bound = type == DNNK_F64 ? 1e-13 : 2e-6;
    if (!(fabs(got - want) <= bound * fmax(fabs(want), 0.1)))
        fail_msg("%s, kind %u, type %d, element %lld: %.9g, expected %.9g", what, kind, (int)type, (long long)i, got,
                 want);
}

static void check_act(const dnnk_env *env, dnnk_type type, dnnk_act_kind kind, int64_t n) {
    test_array x = array_normal(type, n, 7), dy = array_normal(type, n, 8);
    test_array y = array_new(type, n), dx = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&x, i, 4 * array_get(&x, i));
    dnnk_act_forward(env, type, kind, SLOPE, n, x.p, y.p);
    const void *v = dnnk_act_backward_needs_output(kind) ? y.p : x.p;
    dnnk_act_backward(env, type, kind, SLOPE, n, v, dy.p, dx.p);
    for (int64_t i = 0; i < n; i++) {
        double at = array_get(&x, i);
        assert_close(type, "forward", kind, i, array_get(&y, i), act(kind, at));
        assert_close(type, "backward", kind, i, array_get(&dx, i), array_get(&dy, i) * act_slope(kind, at));
    }
    /* in place, and element by element: the same bits */
    test_array y1 = array_copy(&x), dx1 = array_copy(&dy), single = array_new(type, n);
    dnnk_act_forward(env, type, kind, SLOPE, n, y1.p, y1.p);
    dnnk_act_backward(env, type, kind, SLOPE, n, v, dx1.p, dx1.p);
    assert_int_equal(array_difference(&y, &y1), -1);
    assert_int_equal(array_difference(&dx, &dx1), -1);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * dnnk_size(type);
        dnnk_act_forward(env, type, kind, SLOPE, 1, (char *)x.p + at, (char *)single.p + at);
    }
    assert_int_equal(array_difference(&y, &single), -1);
    arrays_free();
}

static void activations_match_the_formulas(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int kind = 0; kind < DNNK_ACT_KINDS; kind++)
            for (int s = 0; s < test_size_count; s++) check_act(&env, type, (dnnk_act_kind)kind, test_sizes[s]);
    }
}

/* x = -inf, -0, 0, inf, NaN */
static const double special[] = {-INFINITY, -0.0, 0.0, INFINITY, NAN};
static const double special_y[DNNK_ACT_KINDS][4] = {
    {0, 0, 0, INFINITY}, {-INFINITY, 0, 0, INFINITY}, {0, 0, 0, INFINITY}, {0, 0, 0, INFINITY},
    {0, 0.5, 0.5, 1},    {-1, 0, 0, 1},               {0, 0, 0, INFINITY}};
static const double special_dx[DNNK_ACT_KINDS][4] = {{0, 0, 0, 1},       {SLOPE, SLOPE, SLOPE, 1}, {0, 0.5, 0.5, 1},
                                                     {0, 0.5, 0.5, 1},   {0, 0.25, 0.25, 0},       {0, 1, 1, 0},
                                                     {0, 0.5, 0.5, 1}};

static void check_special(dnnk_isa isa, dnnk_type type, dnnk_act_kind kind) {
    dnnk_env env = dnnk_serial(isa);
    test_array x = array_new(type, 5), y = array_new(type, 5), dy = array_new(type, 5), dx = array_new(type, 5);
    for (int i = 0; i < 5; i++) array_set(&x, i, special[i]), array_set(&dy, i, 1);
    dnnk_act_forward(&env, type, kind, SLOPE, 5, x.p, y.p);
    dnnk_act_backward(&env, type, kind, SLOPE, 5, dnnk_act_backward_needs_output(kind) ? y.p : x.p, dy.p, dx.p);
    for (int i = 0; i < 4; i++) {
        double got_y = array_get(&y, i), got_dx = array_get(&dx, i);
        bool y_right = got_y == special_y[kind][i], dx_right = fabs(got_dx - special_dx[kind][i]) < 1e-7;
        if (!y_right || !dx_right) fail_msg("kind %d at %g: y %g, dx %g", kind, special[i], got_y, got_dx);
    }
    assert_true(isnan(array_get(&y, 4)) && isnan(array_get(&dx, 4)));
    for (int i = 0; i < 5; i++) array_set(&dy, i, NAN);
    dnnk_act_backward(&env, type, kind, SLOPE, 4, dnnk_act_backward_needs_output(kind) ? y.p : x.p, dy.p, dx.p);
    for (int i = 0; i < 4; i++) assert_true(isnan(array_get(&dx, i)));
    arrays_free();
}

static void activations_of_special_values(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type)
        for (int kind = 0; kind < DNNK_ACT_KINDS; kind++) check_special(isa, type, (dnnk_act_kind)kind);
}

static void activations_do_not_depend_on_lanes(void **state) {
    (void)state;
    const int64_t n = 50001;
    test_array x = array_normal(DNNK_F32, n, 3), y[4], dx[4];
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        dnnk_env env = test_lanes(lanes, dnnk_best_isa());
        test_array *out = &y[lanes - 1], *grad = &dx[lanes - 1];
        *out = array_new(DNNK_F32, n), *grad = array_new(DNNK_F32, n);
        dnnk_act_forward(&env, DNNK_F32, DNNK_GELU, 0, n, x.p, out->p);
        dnnk_act_backward(&env, DNNK_F32, DNNK_GELU, 0, n, x.p, x.p, grad->p);
        assert_int_equal(array_difference(&y[0], out), -1);
        assert_int_equal(array_difference(&dx[0], grad), -1);
        assert_true(!isnan(array_get(out, n - 1)));
    }
    arrays_free();
}

/* ---- elementwise ---- */

static double binary(dnnk_binary_kind kind, double a, double b) {
    return kind == DNNK_ADD ? a + b : kind == DNNK_SUB ? a - b : kind == DNNK_MUL ? a * b : a / b;
}
static double slope_a(dnnk_binary_kind kind, double b) { return kind == DNNK_MUL ? b : kind == DNNK_DIV ? 1 / b : 1; }
static double slope_b(dnnk_binary_kind kind, double a, double b) {
    return kind == DNNK_ADD ? 1 : kind == DNNK_SUB ? -1 : kind == DNNK_MUL ? a : -a / (b * b);
}

static void check_binary(const dnnk_env *env, dnnk_type type, dnnk_binary_kind kind, int64_t n) {
    test_array a = array_normal(type, n, 1), b = array_normal(type, n, 2), dy = array_normal(type, n, 3);
    test_array y = array_new(type, n), da = array_new(type, n), db = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&b, i, array_get(&b, i) + (array_get(&b, i) < 0 ? -0.5 : 0.5));
    dnnk_binary_forward(env, type, kind, n, a.p, b.p, y.p);
    dnnk_binary_backward(env, type, kind, n, a.p, b.p, dy.p, da.p, db.p);
    for (int64_t i = 0; i < n; i++) {
        double ai = array_get(&a, i), bi = array_get(&b, i), g = array_get(&dy, i);
        assert_close(type, "binary", kind, i, array_get(&y, i), binary(kind, ai, bi));
        assert_close(type, "binary da", kind, i, array_get(&da, i), g * slope_a(kind, bi));
        assert_close(type, "binary db", kind, i, array_get(&db, i), g * slope_b(kind, ai, bi));
    }
    /* one gradient at a time, and the two written over operands */
    test_array da1 = array_new(type, n), db1 = array_new(type, n), over_dy = array_copy(&dy), over_a = array_copy(&a);
    dnnk_binary_backward(env, type, kind, n, NULL, b.p, dy.p, da1.p, NULL);
    dnnk_binary_backward(env, type, kind, n, a.p, b.p, dy.p, NULL, db1.p);
    dnnk_binary_backward(env, type, kind, n, over_a.p, b.p, over_dy.p, over_dy.p, over_a.p);
    assert_int_equal(array_difference(&da, &da1), -1);
    assert_int_equal(array_difference(&db, &db1), -1);
    assert_int_equal(array_difference(&da, &over_dy), -1);
    assert_int_equal(array_difference(&db, &over_a), -1);
    arrays_free();
}

static void check_vector_updates(const dnnk_env *env, dnnk_type type, int64_t n) {
    test_array x = array_normal(type, n, 4), y = array_normal(type, n, 5), z = array_copy(&y), s = array_new(type, n);
    dnnk_axpy(env, type, n, 0.5, x.p, z.p);
    dnnk_accumulate(env, type, n, x.p, z.p);
    dnnk_scale(env, type, n, -3, x.p, s.p);
    for (int64_t i = 0; i < n; i++) {
        assert_close(type, "axpy", 0, i, array_get(&z, i), array_get(&y, i) + 1.5 * array_get(&x, i));
        assert_close(type, "scale", 0, i, array_get(&s, i), -3 * array_get(&x, i));
    }
    dnnk_fill(env, type, n, 2.5, s.p);
    for (int64_t i = 0; i < n; i++) assert_true(array_get(&s, i) == 2.5);
    test_array wide = array_normal(type, 5 * n, 6), sum = array_new(type, 5 * n);
    dnnk_add_row(env, type, 5, n, wide.p, x.p, sum.p);
    for (int64_t i = 0; i < 5 * n; i++)
        assert_close(type, "row", 0, i, array_get(&sum, i), array_get(&wide, i) + array_get(&x, i % n));
    arrays_free();
}

static void elementwise_matches_the_formulas(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type)
        for (int s = 0; s < test_size_count; s++) {
            dnnk_env env = dnnk_serial(isa);
            for (int kind = 0; kind < DNNK_BINARY_KINDS; kind++)
                check_binary(&env, type, (dnnk_binary_kind)kind, test_sizes[s]);
            check_vector_updates(&env, type, test_sizes[s]);
        }
}

static void elementwise_spans_tasks(void **state) {
    (void)state;
    for (int64_t lanes = 1; lanes <= 4; lanes++) {
        dnnk_env env = test_lanes(lanes, dnnk_best_isa());
        check_binary(&env, DNNK_F32, DNNK_DIV, 40001);
        check_vector_updates(&env, DNNK_F32, 20001);
        check_vector_updates(&env, DNNK_F64, 3000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementary_functions_are_accurate), cmocka_unit_test(elementary_functions_at_the_ends),
        cmocka_unit_test(activations_match_the_formulas),    cmocka_unit_test(activations_of_special_values),
        cmocka_unit_test(activations_do_not_depend_on_lanes), cmocka_unit_test(elementwise_matches_the_formulas),
        cmocka_unit_test(elementwise_spans_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
