/* Pooling kernels against naive loops: every type, instruction set and number of lanes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "support/arrays.h"
#include "support/lanes.h"

typedef struct {
    dnnk_pool pool;
    int64_t inputs, outputs;
} geometry;

static geometry windows(int64_t n, int64_t c, dnnk_pool_axis h, dnnk_pool_axis w, bool count_include_pad) {
    dnnk_pool p = {.n = n, .c = c, .h = h, .w = w, .count_include_pad = count_include_pad};
    return (geometry){p, n * h.in * w.in * c, n * h.out * w.out * c};
}

/* Kernel, stride, padding of any shape, dilation; odd channel counts around vector widths and the channel block. */
static int make_cases(geometry *g) {
    int k = 0;
    dnnk_pool_axis two = dnnk_pool_window(8, 2, 2, 0, 0, 1), three = dnnk_pool_window(9, 3, 2, 1, 1, 1);
    g[k++] = windows(2, 32, two, two, true);
    g[k++] = windows(2, 17, three, dnnk_pool_window(7, 3, 2, 1, 1, 1), false);
    g[k++] = windows(1, 1, dnnk_pool_window(5, 1, 1, 0, 0, 1), dnnk_pool_window(5, 1, 3, 0, 0, 1), true);
    g[k++] = windows(3, 3, dnnk_pool_window(7, 2, 3, 0, 1, 1), dnnk_pool_window(11, 5, 1, 2, 0, 1), true);
    g[k++] = windows(1, 33, dnnk_pool_window(9, 3, 1, 2, 1, 2), dnnk_pool_window(10, 2, 2, 1, 3, 3), false);
    g[k++] = windows(1, 129, dnnk_pool_window(6, 3, 1, 1, 1, 1), dnnk_pool_window(4, 3, 1, 1, 1, 1), false);
    g[k++] = windows(2, 5, dnnk_pool_window(3, 2, 1, 4, 5, 1), dnnk_pool_window(2, 2, 1, 3, 3, 2), true);
    g[k++] = windows(1, 260, dnnk_pool_window(1, 1, 1, 0, 0, 1), dnnk_pool_window(31, 4, 3, 1, 2, 1), true);
    g[k++] = windows(0, 4, two, two, true);
    g[k++] = windows(1, 0, two, two, true);
    g[k++] = windows(2, 4, dnnk_pool_window(2, 5, 1, 0, 0, 1), two, true);
    g[k++] = windows(2, 4, dnnk_pool_window(0, 2, 1, 2, 2, 1), two, false);
    g[k++] = windows(4, 64, dnnk_pool_window(32, 3, 2, 1, 1, 1), dnnk_pool_window(32, 3, 2, 1, 1, 1), true);
    g[k++] = windows(1, 19, dnnk_pool_window(17, 17, 1, 8, 8, 1), dnnk_pool_window(18, 15, 2, 1, 1, 1), true);
    g[k++] = windows(1, 19, dnnk_pool_window(17, 16, 1, 8, 8, 1), dnnk_pool_window(18, 16, 2, 1, 1, 1), true);
    return k;
}

static int make_adaptive_cases(geometry *g) {
    int k = 0;
    g[k++] = windows(2, 16, dnnk_pool_adaptive(7, 1), dnnk_pool_adaptive(7, 1), false);
    g[k++] = windows(1, 37, dnnk_pool_adaptive(10, 7), dnnk_pool_adaptive(5, 5), false);
    g[k++] = windows(1, 3, dnnk_pool_adaptive(3, 8), dnnk_pool_adaptive(17, 6), true);
    g[k++] = windows(2, 130, dnnk_pool_adaptive(9, 2), dnnk_pool_window(9, 3, 3, 1, 0, 1), true);
    g[k++] = windows(1, 8, dnnk_pool_adaptive(4, 0), dnnk_pool_adaptive(4, 2), false);
    g[k++] = windows(1, 8, dnnk_pool_adaptive(0, 3), dnnk_pool_adaptive(4, 2), false);
    g[k++] = windows(8, 128, dnnk_pool_adaptive(20, 6), dnnk_pool_adaptive(20, 7), false);
    return k;
}

/* Whether output o sees input i through tap k: the definition, asked one tap at a time. */
static bool sees(const dnnk_pool_axis *a, int64_t o, int64_t k, int64_t *i) {
    if (a->kernel > 0) {
        *i = o * a->stride - a->before + k * a->dilation;
        return k < a->kernel && *i >= 0 && *i < a->in;
    }
    *i = k;
    double scale = (double)a->in / (double)a->out, first = (double)o * scale, last = (double)(o + 1) * scale;
    return k < a->in && (double)(k + 1) > first + 1e-9 && (double)k < last - 1e-9;
}

static int64_t taps(const dnnk_pool_axis *a) { return a->kernel > 0 ? a->kernel : a->in; }

static int64_t input_at(const dnnk_pool *p, int64_t n, int64_t h, int64_t w, int64_t c) {
    return ((n * p->h.in + h) * p->w.in + w) * p->c + c;
}

/* The inputs that output (oh, ow) sees, in tap order: image positions h * w.in + w, and their taps. */
static int64_t collect(const dnnk_pool *p, int64_t oh, int64_t ow, int64_t *position, int32_t *tap) {
    int64_t count = 0, h, w;
    for (int64_t kh = 0; kh < taps(&p->h); kh++)
        for (int64_t kw = 0; kw < taps(&p->w); kw++)
            if (sees(&p->h, oh, kh, &h) && sees(&p->w, ow, kw, &w)) {
                position[count] = h * p->w.in + w;
                tap[count++] = (int32_t)(kh * p->w.kernel + kw);
            }
    return count;
}

static void naive_max_at(const double *x, int64_t pitch, int64_t count, const int64_t *position, const int32_t *tap,
                         double *best, int32_t *winner) {
    *best = -INFINITY;
    *winner = -1;
    for (int64_t k = 0; k < count; k++) {
        double v = x[position[k] * pitch];
        if (*winner >= 0 && !isnan(v) && !(v > *best)) continue;
        *best = v;
        *winner = tap[k];
    }
}

/* dx gets dy at the winner; y and winner are filled too. */
static void naive_max(const dnnk_pool *p, const double *x, const double *dy, double *y, int32_t *winner, double *dx) {
    int64_t position[512], o = 0;
    int32_t tap[512];
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t oh = 0; oh < p->h.out; oh++)
            for (int64_t ow = 0; ow < p->w.out; ow++) {
                int64_t count = collect(p, oh, ow, position, tap);
                for (int64_t c = 0; c < p->c; c++, o++) {
                    int64_t base = input_at(p, n, 0, 0, c);
                    naive_max_at(x + base, p->c, count, position, tap, &y[o], &winner[o]);
                    for (int64_t k = 0; k < count; k++)
                        if (tap[k] == winner[o]) dx[base + position[k] * p->c] += dy[o];
                }
            }
}

static double naive_divisor(const dnnk_pool *p, int64_t inside) {
    if (!p->count_include_pad) return (double)inside;
    assert_true(p->h.kernel > 0 && p->w.kernel > 0);
    return (double)(p->h.kernel * p->w.kernel);
}

static void naive_avg(const dnnk_pool *p, const double *x, const double *dy, double *y, double *dx) {
    int64_t position[512], o = 0;
    int32_t tap[512];
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t oh = 0; oh < p->h.out; oh++)
            for (int64_t ow = 0; ow < p->w.out; ow++) {
                int64_t count = collect(p, oh, ow, position, tap);
                double divisor = naive_divisor(p, count);
                for (int64_t c = 0; c < p->c; c++, o++) {
                    double sum = 0;
                    for (int64_t k = 0; k < count; k++) {
                        int64_t i = input_at(p, n, 0, 0, c) + position[k] * p->c;
                        sum += x[i];
                        dx[i] += dy[o] / divisor;
                    }
                    y[o] = count > 0 ? sum / divisor : 0;
                }
            }
}

/* ---- running the kernels ---- */

typedef struct {
    dnnk_type type;
    test_array x, dy, y, dx, winner;
} arrays;

static test_array filled(dnnk_type type, const double *value, int64_t n) {
    test_array a = array_new(type, n);
    for (int64_t i = 0; i < n; i++) array_set(&a, i, value[i]);
    return a;
}

static arrays arrays_new(dnnk_type type, const geometry *g, const double *x, const double *dy) {
    return (arrays){.type = type, .x = filled(type, x, g->inputs), .dy = filled(type, dy, g->outputs),
                    .y = array_new(type, g->outputs), .dx = array_new(type, g->inputs),
                    .winner = array_bytes(dnnk_max_pool_winner_bytes(&g->pool) * g->outputs)};
}

static void free_all(arrays *a) {
    array_free(&a->x);
    array_free(&a->dy);
    array_free(&a->y);
    array_free(&a->dx);
    array_free(&a->winner);
}

static void assert_bitwise(const arrays *a, const arrays *b) {
    assert_int_equal(array_difference(&a->y, &b->y), -1);
    assert_int_equal(array_difference(&a->dx, &b->dx), -1);
    assert_memory_equal(a->winner.p, b->winner.p, (size_t)a->winner.n);
}

static void assert_near(const test_array *got, const double *want, double tolerance) {
    for (int64_t i = 0; i < got->n; i++) {
        double v = array_get(got, i);
        if (isnan(want[i]) ? !isnan(v) : !(v == want[i] || fabs(v - want[i]) <= tolerance))
            fail_msg("element %lld is %.17g, should be %.17g", (long long)i, v, want[i]);
    }
}

typedef void run_kernels(const dnnk_env *env, const geometry *g, arrays *a);

static void run_max(const dnnk_env *env, const geometry *g, arrays *a) {
    dnnk_max_pool(env, a->type, &g->pool, a->x.p, a->y.p, a->winner.p);
    dnnk_max_pool_backward(env, a->type, &g->pool, a->dy.p, a->winner.p, a->dx.p);
}

static void run_avg(const dnnk_env *env, const geometry *g, arrays *a) {
    dnnk_avg_pool(env, a->type, &g->pool, a->x.p, a->y.p);
    dnnk_avg_pool_backward(env, a->type, &g->pool, a->dy.p, a->dx.p);
}

typedef struct {
    double *x, *dy, *y, *dx;
    int32_t *winner;
} expected;

/* Multiples of 1/256 in [-1, 1): exact in both types, and so are their sums. */
static void fill_values(uint64_t *state, double *value, int64_t n) {
    for (int64_t i = 0; i < n; i++) value[i] = floor(test_uniform(state) * 512) / 256 - 1;
}

static double *doubles(int64_t n) { return calloc((size_t)n + 1, sizeof(double)); }

static expected expected_new(const geometry *g, uint64_t seed) {
    expected e = {doubles(g->inputs), doubles(g->outputs), doubles(g->outputs), doubles(g->inputs),
                  calloc((size_t)g->outputs + 1, 4)};
    fill_values(&seed, e.x, g->inputs);
    fill_values(&seed, e.dy, g->outputs);
    return e;
}

static void expected_free(expected *e) {
    free(e->x);
    free(e->dy);
    free(e->y);
    free(e->dx);
    free(e->winner);
}

/* In bytes, -1 is 255. */
static void assert_winners(const geometry *g, const arrays *a, const int32_t *want) {
    bool narrow = dnnk_max_pool_winner_bytes(&g->pool) == 1;
    assert_int_equal(narrow, g->pool.h.kernel * g->pool.w.kernel <= 255);
    for (int64_t i = 0; i < g->outputs; i++)
        assert_int_equal(narrow ? ((const uint8_t *)a->winner.p)[i] : ((const int32_t *)a->winner.p)[i],
                         narrow ? (uint8_t)want[i] : want[i]);
}

/* Every variant against the expected values; all lanes bitwise as one lane. */
static void check(const geometry *g, const expected *e, run_kernels *run, bool has_winner) {
    for (dnnk_type type = DNNK_F32; type < DNNK_TYPES; type++)
        for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
            arrays one = arrays_new(type, g, e->x, e->dy);
            dnnk_env serial = dnnk_serial(isa);
            run(&serial, g, &one);
            double tolerance = has_winner ? 0 : type == DNNK_F64 ? 4e-15 : 2e-6;
            assert_near(&one.y, e->y, tolerance);
            assert_near(&one.dx, e->dx, tolerance);
            if (has_winner) assert_winners(g, &one, e->winner);
            for (int64_t lanes = 2; lanes <= 4; lanes++) {
                arrays many = arrays_new(type, g, e->x, e->dy);
                dnnk_env env = test_lanes(lanes, isa);
                run(&env, g, &many);
                assert_bitwise(&one, &many);
                free_all(&many);
            }
            free_all(&one);
        }
}

static void max_matches_naive(void **state) {
    (void)state;
    geometry g[32];
    int cases = make_cases(g);
    for (int k = 0; k < cases; k++) {
        expected e = expected_new(&g[k], (uint64_t)k);
        for (int64_t i = 0; i < g[k].inputs; i++) e.x[i] = round(4 * e.x[i]); /* many ties; gradients sum exactly */
        naive_max(&g[k].pool, e.x, e.dy, e.y, e.winner, e.dx);
        check(&g[k], &e, run_max, true);
        expected_free(&e);
    }
}

static void max_of_nan_and_infinity(void **state) {
    (void)state;
    geometry g[32];
    make_cases(g);
    for (int k = 0; k < 7; k++) {
        expected e = expected_new(&g[k], (uint64_t)k + 50);
        for (int64_t i = 0; i < g[k].inputs; i++)
            if (i % 3 == 0)
                e.x[i] = i % 2 ? NAN : -INFINITY;
            else if (i % 7 < 4)
                e.x[i] = -INFINITY;
        naive_max(&g[k].pool, e.x, e.dy, e.y, e.winner, e.dx);
        check(&g[k], &e, run_max, true);
        expected_free(&e);
    }
}

/* A row that is more than a task takes is a task of its own. */
static void wide_rows_are_pooled(void **state) {
    (void)state;
    const int64_t width = 70000;
    test_array x = array_new(DNNK_F32, 2 * width), y = array_new(DNNK_F32, width / 2), dx = array_new(DNNK_F32, x.n);
    test_array winner = array_bytes(4 * y.n), dy = array_normal(DNNK_F32, y.n, 1);
    for (int64_t i = 0; i < x.n; i++) array_set(&x, i, (double)(i * 7 % 11));
    dnnk_pool p = {.n = 1, .c = 1, .h = dnnk_pool_window(2, 2, 2, 0, 0, 1), .w = dnnk_pool_window(width, 2, 2, 0, 0, 1)};
    dnnk_env env = test_lanes(2, dnnk_best_isa());
    dnnk_max_pool(&env, DNNK_F32, &p, x.p, y.p, winner.p);
    dnnk_avg_pool_backward(&env, DNNK_F32, &p, dy.p, dx.p);
    for (int64_t o = 0; o < y.n; o++) {
        double most = fmax(fmax(array_get(&x, 2 * o), array_get(&x, 2 * o + 1)),
                           fmax(array_get(&x, width + 2 * o), array_get(&x, width + 2 * o + 1)));
        assert_true(array_get(&y, o) == most);
        assert_true(fabs(array_get(&dx, width + 2 * o + 1) - array_get(&dy, o) / 4) < 1e-6);
    }
    arrays_free();
}

static void max_without_winner_is_the_same(void **state) {
    (void)state;
    geometry g[32];
    make_cases(g);
    expected e = expected_new(&g[1], 9);
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        arrays with = arrays_new(DNNK_F32, &g[1], e.x, e.dy), without = arrays_new(DNNK_F32, &g[1], e.x, e.dy);
        dnnk_env env = dnnk_serial(isa);
        dnnk_max_pool(&env, DNNK_F32, &g[1].pool, with.x.p, with.y.p, with.winner.p);
        dnnk_max_pool(&env, DNNK_F32, &g[1].pool, without.x.p, without.y.p, NULL);
        assert_int_equal(array_difference(&with.y, &without.y), -1);
        free_all(&with);
        free_all(&without);
    }
    expected_free(&e);
}

static void check_avg(geometry *g, int cases, uint64_t seed) {
    for (int k = 0; k < cases; k++) {
        expected e = expected_new(&g[k], seed + (uint64_t)k);
        naive_avg(&g[k].pool, e.x, e.dy, e.y, e.dx);
        check(&g[k], &e, run_avg, false);
        expected_free(&e);
    }
}

static void avg_matches_naive(void **state) {
    (void)state;
    geometry g[32];
    int cases = make_cases(g);
    check_avg(g, cases, 100);
    for (int k = 0; k < cases; k++) g[k].pool.count_include_pad = !g[k].pool.count_include_pad;
    check_avg(g, cases, 200);
}

/* The naive divisor is the count of what is seen, which for an adaptive axis is the only one there is. */
static void adaptive_matches_naive(void **state) {
    (void)state;
    geometry g[32];
    int cases = make_adaptive_cases(g);
    for (int k = 0; k < cases; k++) g[k].pool.count_include_pad = false;
    check_avg(g, cases, 300);
}

static void count_include_pad_leaves_adaptive_axes_alone(void **state) {
    (void)state;
    geometry g = windows(1, 2, dnnk_pool_adaptive(5, 2), dnnk_pool_window(3, 3, 1, 2, 0, 1), true);
    expected e = expected_new(&g, 1);
    for (int64_t i = 0; i < g.inputs; i++) e.x[i] = 1;
    arrays a = arrays_new(DNNK_F64, &g, e.x, e.dy);
    dnnk_env env = dnnk_serial(DNNK_PORTABLE);
    run_avg(&env, &g, &a);
    for (int64_t o = 0; o < g.outputs; o++) /* (oh, ow, c): the columns see 1, 2 and 3 of 3 taps */
        assert_true(fabs(array_get(&a.y, o) - (double)(o / 2 % 3 + 1) / 3) < 1e-15);
    free_all(&a);
    expected_free(&e);
}

/* <A x, y> = <x, A' y>, in the fast float32 kernels. */
static void avg_backward_is_the_adjoint(void **state) {
    (void)state;
    geometry g[64];
    int cases = make_cases(g);
    cases += make_adaptive_cases(g + cases);
    for (int k = 0; k < cases; k++) {
        expected e = expected_new(&g[k], (uint64_t)k + 400);
        arrays a = arrays_new(DNNK_F32, &g[k], e.x, e.dy);
        dnnk_env env = dnnk_serial(dnnk_best_isa());
        run_avg(&env, &g[k], &a);
        double forward = 0, backward = 0, norm_x = 0, norm_y = 0;
        for (int64_t i = 0; i < g[k].inputs; i++) {
            backward += array_get(&a.dx, i) * e.x[i];
            norm_x += e.x[i] * e.x[i];
        }
        for (int64_t o = 0; o < g[k].outputs; o++) {
            forward += array_get(&a.y, o) * e.dy[o];
            norm_y += e.dy[o] * e.dy[o];
        }
        assert_true(fabs(forward - backward) <= 1e-6 * sqrt(norm_x * norm_y));
        free_all(&a);
        expected_free(&e);
    }
}

static void output_sizes(void **state) {
    (void)state;
    assert_int_equal(dnnk_pool_out(112, 3, 2, 1, 1, 1), 56);
    assert_int_equal(dnnk_pool_out(7, 2, 2, 0, 0, 1), 3);
    assert_int_equal(dnnk_pool_out(7, 3, 1, 0, 0, 3), 1);
    assert_int_equal(dnnk_pool_out(6, 3, 1, 0, 0, 3), 0);
    assert_int_equal(dnnk_pool_out(0, 1, 1, 0, 0, 1), 0);
    assert_int_equal(dnnk_pool_out(1, 5, 4, 3, 2, 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_sizes),
        cmocka_unit_test(max_matches_naive),
        cmocka_unit_test(max_of_nan_and_infinity),
        cmocka_unit_test(wide_rows_are_pooled),
        cmocka_unit_test(max_without_winner_is_the_same),
        cmocka_unit_test(avg_matches_naive),
        cmocka_unit_test(adaptive_matches_naive),
        cmocka_unit_test(count_include_pad_leaves_adaptive_axes_alone),
        cmocka_unit_test(avg_backward_is_the_adjoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
