/* NaN, infinities, denormals and the floating-point mode, for every layer of the table and every instruction set. What
 * is expected is in docs/verification.md:
 *   - NaN in an element of an input or a parameter makes NaN of every output that depends on it (that changes when the
 *     element is moved far up or down), and leaves the bits of all others as they are, but for `zero_times_nan`;
 *   - an infinity gives what the formula gives: the same kind of number in float32 and float64, in every variant;
 *   - denormals are numbers like others: nothing is flushed to zero;
 *   - the caller's MXCSR is what it was. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "core/dtype.h"
#include "support/layer_table.h"
#include "support/running.h"

static const dnn_isa isas[] = {DNN_ISA_PORTABLE, DNN_ISA_AVX2, DNN_ISA_AVX512};
enum { ISAS = 3 };

/* The contexts of this machine's instruction sets; NULL: it does not run that one. */
static dnn_context *contexts[ISAS];

static int open_contexts(void **state) {
    (void)state;
    for (int i = 0; i < ISAS; i++) {
        dnn_context_desc desc = {DNN_SIZED(dnn_context_desc), .threads = 2, .isa = isas[i], .seed = 5};
        if (dnn_context_create(&contexts[i], &desc) != DNN_OK) contexts[i] = NULL;
    }
    return contexts[0] ? 0 : -1;
}

static int close_contexts(void **state) {
    (void)state;
    for (int i = 0; i < ISAS; i++) dnn_context_release(contexts[i]);
    return 0;
}

/* ---- one run ---- */

/* Which number is changed: element `element` of input `input`, or of parameter `parameter` where input is -1. */
typedef struct place {
    int32_t input;
    int64_t parameter, element;
} place;

typedef struct run {
    const layer_case *c;
    dnn_context *ctx;
    dnn_dtype dtype;
    dnn_module *m;
    dnn_tensor *inputs[LAYER_CASE_INPUTS];
    const dnn_tensor *y;
} run;

static dnn_tensor *tensor_of_place(const run *r, place p) {
    if (p.input >= 0) return r->inputs[p.input];
    dnn_parameter q = {DNN_SIZED(dnn_parameter)};
    assert_int_equal(dnn_module_parameter_at(r->m, p.parameter, &q), DNN_OK);
    return q.value;
}

/* A layer made anew, so that it draws the same random numbers. */
static run make(const layer_case *c, dnn_context *ctx, dnn_dtype dtype) {
    run r = {.c = c, .ctx = ctx, .dtype = dtype};
    assert_int_equal(dnn_context_seed(ctx, 5), DNN_OK);
    r.m = c->make(ctx);
    if (!r.m || dnn_module_to(r.m, dtype) != DNN_OK) fail_msg("%s: %s", c->name, dnn_last_error());
    assert_true(case_inputs(ctx, c, dtype, 3, r.inputs));
    return r;
}

static void forward(run *r) {
    dnn_status status = dnn_module_forward_n(r->m, (const dnn_tensor *const *)r->inputs, r->c->n_inputs, &r->y, 1);
    if (status != DNN_OK) fail_msg("%s: %s", r->c->name, dnn_last_error());
}

static void end(run *r) {
    case_release(r->inputs, r->c->n_inputs);
    dnn_module_release(r->m);
}

static run run_with(const layer_case *c, dnn_context *ctx, dnn_dtype dtype, place p, double value) {
    run r = make(c, ctx, dtype);
    tensor_put(tensor_of_place(&r, p), p.element, value);
    forward(&r);
    return r;
}

/* ---- where an output that does not depend on a number may become NaN with it ---- */

/* 0 · NaN is NaN, and what cancels for numbers does not for NaN. */
static const struct {
    const char *name; /* the layer's begins with it */
    bool inputs, parameters;
    const char *why;
} zero_times_nan[] = {
    {"conv2d", false, true, "the zeros of the padding are multiplied by weights"},
    {"lstm", false, true, "so is the first state, where none is given"},
    {"gru", false, true, "likewise"},
    {"rnn_tanh", false, true, "likewise"},
    {"multi_head_attention", false, true, "softmax takes away what all keys have in common: their bias"},
    {"network: convolutional", false, true, "batch norm takes away the bias in front of it"},
    {"attention, causal", true, false, "values that a query must not see are multiplied by the probability 0"},
    {"multi_head_attention, causal", true, true, "likewise"},
};

static bool may_spread(const layer_case *c, place p) {
    for (size_t i = 0; i < sizeof zero_times_nan / sizeof *zero_times_nan; i++)
        if (strncmp(c->name, zero_times_nan[i].name, strlen(zero_times_nan[i].name)) == 0 &&
            (p.input >= 0 ? zero_times_nan[i].inputs : zero_times_nan[i].parameters))
            return true;
    return false;
}

/* ---- every place worth a look ---- */

typedef void look(const layer_case *c, place p);

static void look_at_tensor(const layer_case *c, place p, const dnn_tensor *t, look *f) {
    int64_t n = dnn_tensor_count(t);
    const int64_t elements[] = {0, n / 2, n - 1};
    if (!dnni_is_real(dnn_tensor_dtype(t))) return;
    for (int i = 0; i < 3 && i < n; i++) {
        p.element = elements[i];
        f(c, p);
    }
}

/* First, middle and last element of every float input and parameter of every layer. */
static void for_each_place(look *f) {
    for (int i = 0; i < layer_table_count; i++) {
        run r = make(&layer_table[i], contexts[0], DNN_F32);
        for (int32_t k = 0; k < r.c->n_inputs; k++) look_at_tensor(r.c, (place){.input = k}, r.inputs[k], f);
        for (int64_t k = 0; k < dnn_module_parameter_count(r.m); k++) {
            place p = {-1, k, 0};
            dnn_parameter q = {DNN_SIZED(dnn_parameter)};
            assert_int_equal(dnn_module_parameter_at(r.m, k, &q), DNN_OK);
            if (!q.is_buffer) look_at_tensor(r.c, p, q.value, f);
        }
        end(&r);
    }
}

/* ---- NaN ---- */

static bool same_bits_at(const dnn_tensor *a, const dnn_tensor *b, int64_t i) {
    const char *p = dnn_tensor_const_data(a), *q = dnn_tensor_const_data(b);
    return memcmp(p + i * (int64_t)sizeof(float), q + i * (int64_t)sizeof(float), sizeof(float)) == 0;
}

static void expect_nan_where_it_matters(const layer_case *c, dnn_context *ctx, place p) {
    run plain = make(c, ctx, DNN_F32);
    double x = tensor_at(tensor_of_place(&plain, p), p.element);
    forward(&plain);
    run up = run_with(c, ctx, DNN_F32, p, x + 50), down = run_with(c, ctx, DNN_F32, p, x - 50);
    run nan = run_with(c, ctx, DNN_F32, p, (double)NAN);
    for (int64_t i = 0; i < dnn_tensor_count(plain.y); i++) {
        bool depends = !same_bits_at(plain.y, up.y, i) || !same_bits_at(plain.y, down.y, i);
        bool is_nan = isnan(tensor_at(nan.y, i)), same = same_bits_at(plain.y, nan.y, i);
        bool right = depends ? is_nan : same || (is_nan && may_spread(c, p));
        if (!right)
            fail_msg("%s: NaN in element %lld of %s %lld: output %lld, which %s on it, is %g, without NaN %g", c->name,
                     (long long)p.element, p.input >= 0 ? "input" : "parameter",
                     (long long)(p.input >= 0 ? p.input : p.parameter), (long long)i,
                     depends ? "depends" : "does not depend", tensor_at(nan.y, i), tensor_at(plain.y, i));
    }
    end(&plain);
    end(&up);
    end(&down);
    end(&nan);
}

static void nan_at(const layer_case *c, place p) {
    for (int k = 0; k < ISAS; k++)
        if (contexts[k]) expect_nan_where_it_matters(c, contexts[k], p);
}

static void nan_reaches_what_depends_on_it_and_nothing_else(void **state) {
    (void)state;
    for_each_place(nan_at);
}

/* ---- infinities ---- */

typedef enum kind { KIND_NAN, KIND_UP, KIND_DOWN, KIND_FINITE } kind;

static kind kind_of(double x) {
    if (isnan(x)) return KIND_NAN;
    return isinf(x) ? (x > 0 ? KIND_UP : KIND_DOWN) : KIND_FINITE;
}

static bool kinds_agree(kind a, kind b, bool spreads) {
    return a == b || (spreads && (a == KIND_NAN || b == KIND_NAN));
}

static void expect_same_kinds(const run *want, const run *got, place p, double value) {
    const bool spreads = may_spread(want->c, p);
    for (int64_t i = 0; i < dnn_tensor_count(want->y); i++)
        if (!kinds_agree(kind_of(tensor_at(want->y, i)), kind_of(tensor_at(got->y, i)), spreads))
            fail_msg("%s: %g in element %lld of %s %lld: output %lld is %g, in float64 %g", want->c->name, value,
                     (long long)p.element, p.input >= 0 ? "input" : "parameter",
                     (long long)(p.input >= 0 ? p.input : p.parameter), (long long)i, tensor_at(got->y, i),
                     tensor_at(want->y, i));
}

static void infinity_at(const layer_case *c, place p) {
    for (int sign = -1; sign <= 1; sign += 2) {
        double value = sign * (double)INFINITY;
        run want = run_with(c, contexts[0], DNN_F64, p, value);
        for (int k = 0; k < ISAS; k++) {
            if (!contexts[k]) continue;
            run got = run_with(c, contexts[k], DNN_F32, p, value);
            expect_same_kinds(&want, &got, p, value);
            end(&got);
        }
        end(&want);
    }
}

static void infinities_give_the_same_kind_of_number_everywhere(void **state) {
    (void)state;
    for_each_place(infinity_at);
}

/* ---- denormals ---- */

/* All float inputs become denormal in float32: multiples of its smallest number. */
static void make_denormal(run *r) {
    const double least = ldexp(1, -149);
    for (int32_t k = 0; k < r->c->n_inputs; k++) {
        if (!dnni_is_real(dnn_tensor_dtype(r->inputs[k])) || r->c->inputs[k].values == CASE_APART) continue;
        for (int64_t i = 0; i < dnn_tensor_count(r->inputs[k]); i++)
            tensor_put(r->inputs[k], i, round(tensor_at(r->inputs[k], i) * 1e5) * least);
    }
}

static double largest(const dnn_tensor *t) {
    double most = 0;
    for (int64_t i = 0; i < dnn_tensor_count(t); i++) most = fmax(most, fabs(tensor_at(t, i)));
    return most;
}

/* Each rounding of a denormal is off by half of the least number, and a few dozen are added up. */
static void expect_denormals(const layer_case *c, dnn_context *ctx) {
    run want = make(c, contexts[0], DNN_F64), got = make(c, ctx, DNN_F32);
    make_denormal(&want);
    make_denormal(&got);
    forward(&want);
    forward(&got);
    const double bound = 1e-5 * largest(want.y) + 64 * ldexp(1, -149);
    for (int64_t i = 0; i < dnn_tensor_count(want.y); i++) {
        double a = tensor_at(got.y, i), b = tensor_at(want.y, i);
        if (!(fabs(a - b) <= bound)) fail_msg("%s: output %lld is %g, in float64 %g", c->name, (long long)i, a, b);
    }
    end(&want);
    end(&got);
}

static void denormals_are_numbers(void **state) {
    (void)state;
    for (int i = 0; i < layer_table_count; i++)
        for (int k = 0; k < ISAS; k++)
            if (contexts[k]) expect_denormals(&layer_table[i], contexts[k]);
}

/* ---- the floating-point mode ---- */

#if defined(__SSE__)
/* Exceptions that have happened are noted in the low bits; all others are settings. */
enum { SETTINGS = 0xffc0, FLUSH_AND_ROUND_UP = 0x8040 | 0x4000 };

static void forward_and_backward(const layer_case *c, dnn_context *ctx) {
    run r = make(c, ctx, DNN_F32);
    const dnn_tensor *gradients[LAYER_CASE_INPUTS];
    assert_int_equal(dnn_module_set_gradients(r.m, DNN_GRADIENTS_INPUTS), DNN_OK);
    forward(&r);
    dnn_tensor *dy;
    assert_int_equal(dnn_tensor_clone(&dy, r.y), DNN_OK);
    const dnn_tensor *lent = dy;
    assert_int_equal(dnn_module_backward_n(r.m, &lent, 1, gradients, c->n_inputs), DNN_OK);
    dnn_tensor_release(dy);
    end(&r);
}

static void the_floating_point_mode_stays(void **state) {
    (void)state;
    const unsigned before = _mm_getcsr(), modes[] = {before, before | FLUSH_AND_ROUND_UP};
    bool stayed = true;
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < layer_table_count; i++)
            for (int k = 0; k < ISAS; k++) {
                if (!contexts[k]) continue;
                _mm_setcsr(modes[m]);
                forward_and_backward(&layer_table[i], contexts[k]);
                stayed = stayed && (_mm_getcsr() & SETTINGS) == (modes[m] & SETTINGS);
            }
    _mm_setcsr(before);
    assert_true(stayed);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nan_reaches_what_depends_on_it_and_nothing_else),
        cmocka_unit_test(infinities_give_the_same_kind_of_number_everywhere),
        cmocka_unit_test(denormals_are_numbers),
#if defined(__SSE__)
        cmocka_unit_test(the_floating_point_mode_stays),
#endif
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
