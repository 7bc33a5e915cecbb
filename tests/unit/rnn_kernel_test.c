/* lib/rnn/rnn.h against the cells' formulas in double, one sample and one unit at a time. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rnn/rnn.h"
#include "support/arrays.h"
#include "support/lanes.h"

typedef struct {
    int64_t batch, steps, inputs, hidden;
    bool states; /* given before, gradients from after */
} sizes;

static const sizes cases[] = {
    {1, 1, 1, 1, false},   {2, 3, 4, 5, true},   {3, 20, 7, 13, false}, {33, 5, 3, 6, true},
    {70, 4, 9, 14, false}, {5, 2, 40, 31, true}, {300, 3, 2, 3, true},  {20, 18, 5, 70, true},
    {4, 3, 6, 40, true},   {8, 4, 5, 9, false},  {0, 3, 2, 2, false},   {2, 0, 3, 4, true},
};
enum { CASES = sizeof cases / sizeof *cases };

enum { X, W_IH, W_HH, B_IH, B_HH, H0, C0, DY, DH_N, DC_N, GIVEN };
enum { Y, H_N, C_N, DX, DW_IH, DW_HH, DB_IH, DB_HH, DH0, DC0, RESULTS };
static const char *const names[RESULTS] = {"y",        "h_n",      "c_n", "dx", "dweight_ih", "dweight_hh",
                                           "dbias_ih", "dbias_hh", "dh0", "dc0"};

typedef struct {
    sizes s;
    dnnk_rnn_cell cell;
    dnnk_type type;
    test_array given[GIVEN], result[RESULTS];
} problem;

static problem make(const sizes *s, dnnk_rnn_cell cell, dnnk_type type) {
    problem p = {.s = *s, .cell = cell, .type = type};
    int64_t rows = dnnk_rnn_gates(cell) * s->hidden, state = s->batch * s->hidden;
    const int64_t given[GIVEN] = {[X] = s->batch * s->steps * s->inputs, [W_IH] = rows * s->inputs,
                                  [W_HH] = rows * s->hidden, [B_IH] = rows, [B_HH] = rows, [H0] = state, [C0] = state,
                                  [DY] = state * s->steps, [DH_N] = state, [DC_N] = state};
    const int64_t like[RESULTS] = {DY, H0, H0, X, W_IH, W_HH, B_IH, B_HH, H0, H0};
    for (int i = 0; i < GIVEN; i++) p.given[i] = array_normal(type, given[i], (uint64_t)i + 1);
    for (int i = W_IH; i <= B_HH; i++)
        for (int64_t k = 0; k < p.given[i].n; k++)
            array_set(&p.given[i], k, array_get(&p.given[i], k) / sqrt((double)(s->hidden + 1)));
    for (int i = 0; i < RESULTS; i++) p.result[i] = array_new(type, given[like[i]]);
    for (int i = DW_IH; i <= DB_HH; i++)
        for (int64_t k = 0; k < p.result[i].n; k++) array_set(&p.result[i], k, 0.25);
    return p;
}

static dnnk_rnn rnn_of(const problem *p) {
    const test_array *g = p->given;
    const sizes *s = &p->s;
    return (dnnk_rnn){.type = p->type, .cell = p->cell, .batch = s->batch, .steps = s->steps, .inputs = s->inputs,
                      .hidden = s->hidden, .x = g[X].p, .weight_ih = g[W_IH].p, .weight_hh = g[W_HH].p,
                      .bias_ih = g[B_IH].p, .bias_hh = g[B_HH].p, .h0 = s->states ? g[H0].p : NULL,
                      .c0 = s->states ? g[C0].p : NULL, .y = p->result[Y].p, .h_n = p->result[H_N].p,
                      .c_n = p->cell == DNNK_LSTM ? p->result[C_N].p : NULL};
}

static void run(const dnnk_env *env, const problem *p) {
    dnnk_rnn r = rnn_of(p);
    int64_t size = dnnk_size(p->type);
    test_array gates = array_bytes(dnnk_rnn_gate_elements(env, &r) * size);
    test_array states = array_bytes(dnnk_rnn_state_elements(env, &r) * size);
    test_array work = array_bytes(dnnk_rnn_workspace(env, &r));
    test_array backward_work = array_bytes(dnnk_rnn_backward_workspace(env, &r));
    r.gates = gates.p, r.states = states.p;
    const test_array *g = p->given, *out = p->result;
    dnnk_rnn_gradients d = {.dy = g[DY].p, .dh_n = p->s.states ? g[DH_N].p : NULL,
                            .dc_n = p->s.states ? g[DC_N].p : NULL, .dx = out[DX].p, .dh0 = out[DH0].p, .dc0 = p->cell == DNNK_LSTM ? out[DC0].p : NULL,
                            .dweight_ih = out[DW_IH].p, .dweight_hh = out[DW_HH].p, .dbias_ih = out[DB_IH].p,
                            .dbias_hh = out[DB_HH].p};
    dnnk_rnn_forward(env, &r, work.p);
    dnnk_rnn_backward(env, &r, &d, backward_work.p);
}

/* ---- the formulas ---- */

enum { MOST_STEPS = 21, MOST_UNITS = 210 };

/* One sample: both sums of every gate, h and c, of all steps; [0] is before the first. */
static struct {
    double a[MOST_STEPS][4][MOST_UNITS], b[MOST_STEPS][4][MOST_UNITS];
    double h[MOST_STEPS][MOST_UNITS], c[MOST_STEPS][MOST_UNITS];
    double dh[MOST_UNITS], dc[MOST_UNITS], da[4][MOST_UNITS], db[4][MOST_UNITS];
} one;

static test_array expected[RESULTS]; /* in double */

static void add_to(int which, int64_t i, double value) {
    array_set(&expected[which], i, array_get(&expected[which], i) + value);
}

static double sigma(double x) { return 1 / (1 + exp(-x)); }

static void find_sums(const problem *p, int64_t n, int64_t t) {
    const sizes *s = &p->s;
    const test_array *g = p->given;
    for (int64_t row = 0; row < dnnk_rnn_gates(p->cell) * s->hidden; row++) {
        double a = array_get(&g[B_IH], row), b = array_get(&g[B_HH], row);
        for (int64_t i = 0; i < s->inputs; i++)
            a += array_get(&g[W_IH], row * s->inputs + i) * array_get(&g[X], (n * s->steps + t) * s->inputs + i);
        for (int64_t i = 0; i < s->hidden; i++) b += array_get(&g[W_HH], row * s->hidden + i) * one.h[t][i];
        one.a[t][row / s->hidden][row % s->hidden] = a;
        one.b[t][row / s->hidden][row % s->hidden] = b;
    }
}

#define SUM(t, gate) (one.a[t][gate][u] + one.b[t][gate][u])

static void forward_step(const problem *p, int64_t n, int64_t t) {
    find_sums(p, n, t);
    for (int64_t u = 0; u < p->s.hidden; u++) {
        double h = tanh(SUM(t, 0)), z = sigma(SUM(t, 1));
        if (p->cell == DNNK_LSTM) {
            one.c[t + 1][u] = sigma(SUM(t, 1)) * one.c[t][u] + sigma(SUM(t, 0)) * tanh(SUM(t, 2));
            h = sigma(SUM(t, 3)) * tanh(one.c[t + 1][u]);
        } else if (p->cell == DNNK_GRU) {
            double m = tanh(one.a[t][2][u] + sigma(SUM(t, 0)) * one.b[t][2][u]);
            h = (1 - z) * m + z * one.h[t][u];
        }
        one.h[t + 1][u] = h;
        array_set(&expected[Y], (n * p->s.steps + t) * p->s.hidden + u, h);
    }
}

static void lstm_back(int64_t t, int64_t u) {
    double i = sigma(SUM(t, 0)), f = sigma(SUM(t, 1)), g = tanh(SUM(t, 2)), o = sigma(SUM(t, 3));
    double th = tanh(one.c[t + 1][u]), dh = one.dh[u], dc = one.dc[u] + dh * o * (1 - th * th);
    double d[4] = {dc * g * i * (1 - i), dc * one.c[t][u] * f * (1 - f), dc * i * (1 - g * g), dh * th * o * (1 - o)};
    for (int k = 0; k < 4; k++) one.da[k][u] = one.db[k][u] = d[k];
    one.dc[u] = dc * f;
    one.dh[u] = 0;
}

static void gru_back(int64_t t, int64_t u) {
    double r = sigma(SUM(t, 0)), z = sigma(SUM(t, 1)), m = tanh(one.a[t][2][u] + r * one.b[t][2][u]), dh = one.dh[u];
    double dm = dh * (1 - z) * (1 - m * m);
    one.da[0][u] = one.db[0][u] = dm * one.b[t][2][u] * r * (1 - r);
    one.da[1][u] = one.db[1][u] = dh * (one.h[t][u] - m) * z * (1 - z);
    one.da[2][u] = dm;
    one.db[2][u] = dm * r;
    one.dh[u] = dh * z;
}

static void tanh_back(int64_t t, int64_t u) {
    one.da[0][u] = one.db[0][u] = one.dh[u] * (1 - one.h[t + 1][u] * one.h[t + 1][u]);
    one.dh[u] = 0;
}

static void backward_step(const problem *p, int64_t n, int64_t t) {
    const sizes *s = &p->s;
    const test_array *g = p->given;
    for (int64_t u = 0; u < s->hidden; u++) {
        one.dh[u] += array_get(&g[DY], (n * s->steps + t) * s->hidden + u);
        if (p->cell == DNNK_LSTM) lstm_back(t, u);
        else if (p->cell == DNNK_GRU) gru_back(t, u);
        else tanh_back(t, u);
    }
    for (int64_t row = 0; row < dnnk_rnn_gates(p->cell) * s->hidden; row++) {
        double da = one.da[row / s->hidden][row % s->hidden], db = one.db[row / s->hidden][row % s->hidden];
        add_to(DB_IH, row, da);
        add_to(DB_HH, row, db);
        for (int64_t i = 0; i < s->inputs; i++) {
            add_to(DW_IH, row * s->inputs + i, da * array_get(&g[X], (n * s->steps + t) * s->inputs + i));
            add_to(DX, (n * s->steps + t) * s->inputs + i, da * array_get(&g[W_IH], row * s->inputs + i));
        }
        for (int64_t i = 0; i < s->hidden; i++) {
            add_to(DW_HH, row * s->hidden + i, db * one.h[t][i]);
            one.dh[i] += db * array_get(&g[W_HH], row * s->hidden + i);
        }
    }
}

static void do_sample(const problem *p, int64_t n) {
    const sizes *s = &p->s;
    const test_array *g = p->given;
    for (int64_t u = 0; u < s->hidden; u++) {
        int64_t at = n * s->hidden + u;
        one.h[0][u] = s->states ? array_get(&g[H0], at) : 0;
        one.c[0][u] = s->states ? array_get(&g[C0], at) : 0;
        one.dh[u] = s->states ? array_get(&g[DH_N], at) : 0;
        one.dc[u] = s->states ? array_get(&g[DC_N], at) : 0;
    }
    for (int64_t t = 0; t < s->steps; t++) forward_step(p, n, t);
    for (int64_t t = s->steps - 1; t >= 0; t--) backward_step(p, n, t);
    for (int64_t u = 0; u < s->hidden; u++) {
        array_set(&expected[H_N], n * s->hidden + u, one.h[s->steps][u]);
        array_set(&expected[C_N], n * s->hidden + u, one.c[s->steps][u]);
        array_set(&expected[DH0], n * s->hidden + u, one.dh[u]);
        array_set(&expected[DC0], n * s->hidden + u, one.dc[u]);
    }
}

static bool is_of_cell(const problem *p, int result) {
    return p->cell == DNNK_LSTM || (result != C_N && result != DC0);
}

static void check(const problem *p) {
    for (int i = 0; i < RESULTS; i++) {
        expected[i] = array_new(DNNK_F64, p->result[i].n);
        double start = i >= DW_IH && i <= DB_HH ? 0.25 : 0;
        for (int64_t k = 0; k < expected[i].n; k++) array_set(&expected[i], k, start);
    }
    for (int64_t n = 0; n < p->s.batch; n++) do_sample(p, n);
    for (int i = 0; i < RESULTS; i++)
        for (int64_t k = 0; k < expected[i].n && is_of_cell(p, i); k++)
            array_expect(&p->result[i], k, array_get(&expected[i], k), p->type == DNNK_F64 ? 1e-12 : 4e-5, names[i]);
}

static void matches_the_formulas(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        for (dnnk_rnn_cell cell = DNNK_RNN_TANH; cell < DNNK_RNN_CELLS; cell++)
            FOR_EACH_VARIANT(isa, type) {
                dnnk_env env = dnnk_serial(isa);
                problem p = make(&cases[c], cell, type);
                run(&env, &p);
                check(&p);
                arrays_free();
            }
}

/* Sizes for which a step is cut into blocks of units, and for which some samples are a task. */
static void does_not_depend_on_lanes(void **state) {
    (void)state;
    static const sizes both[] = {{24, 5, 20, 210, true}, {300, 4, 5, 9, true}};
    for (int k = 0; k < 2; k++)
        for (dnnk_rnn_cell cell = DNNK_RNN_TANH; cell < DNNK_RNN_CELLS; cell++)
            FOR_EACH_VARIANT(isa, type) {
                dnnk_env serial = dnnk_serial(isa);
                problem first = make(&both[k], cell, type);
                run(&serial, &first);
                if (isa == DNNK_PORTABLE || isa == dnnk_best_isa()) check(&first);
                for (int64_t lanes = 2; lanes <= 4; lanes++) {
                    dnnk_env env = test_lanes(lanes, isa);
                    problem p = make(&both[k], cell, type);
                    run(&env, &p);
                    for (int i = 0; i < RESULTS; i++)
                        if (is_of_cell(&p, i)) assert_int_equal(array_difference(&p.result[i], &first.result[i]), -1);
                }
                arrays_free();
            }
}

/* Without room for a backward the numbers are the same, bit for bit; so are those of fewer samples. */
static void inference_is_the_same(void **state) {
    (void)state;
    static const sizes s = {37, 41, 6, 19, true};
    for (dnnk_rnn_cell cell = DNNK_RNN_TANH; cell < DNNK_RNN_CELLS; cell++) {
        dnnk_env env = dnnk_serial(dnnk_best_isa());
        problem kept = make(&s, cell, DNNK_F32), p = make(&s, cell, DNNK_F32), few = make(&s, cell, DNNK_F32);
        run(&env, &kept);
        dnnk_rnn r = rnn_of(&p), small = rnn_of(&few);
        test_array work = array_bytes(dnnk_rnn_workspace(&env, &r));
        dnnk_rnn_forward(&env, &r, work.p);
        assert_int_equal(array_difference(&p.result[Y], &kept.result[Y]), -1);
        assert_int_equal(array_difference(&p.result[H_N], &kept.result[H_N]), -1);
        small.batch = 33;
        dnnk_rnn_forward(&env, &small, work.p);
        size_t bytes = (size_t)(33 * s.steps * s.hidden) * sizeof(float);
        assert_memory_equal(few.result[Y].p, kept.result[Y].p, bytes);
        arrays_free();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_formulas),
        cmocka_unit_test(does_not_depend_on_lanes),
        cmocka_unit_test(inference_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
