/* lib/attention/attention.h against the formulas in double, with whole matrices of scores. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "attention/attention.h"
#include "support/arrays.h"
#include "support/lanes.h"

typedef struct {
    int64_t batch, heads, queries, keys, dim, value_dim;
    bool causal;
    dnnk_mask mask;
} sizes;

static const sizes cases[] = {
    {1, 1, 1, 1, 1, 1, false, DNNK_MASK_NONE},       {2, 3, 5, 7, 4, 3, false, DNNK_MASK_NONE},
    {2, 2, 33, 33, 8, 8, true, DNNK_MASK_NONE},      {1, 2, 12, 32, 32, 32, false, DNNK_MASK_ADDED},
    {2, 2, 70, 131, 17, 9, false, DNNK_MASK_BYTES},  {1, 1, 150, 150, 33, 40, true, DNNK_MASK_ADDED},
    {1, 2, 300, 290, 5, 6, true, DNNK_MASK_NONE},    {1, 1, 40, 300, 16, 16, true, DNNK_MASK_BYTES},
    {2, 1, 300, 129, 16, 16, false, DNNK_MASK_NONE}, {0, 2, 3, 3, 4, 4, false, DNNK_MASK_NONE},
    {1, 2, 0, 3, 4, 4, true, DNNK_MASK_NONE},        {1, 2, 3, 0, 4, 4, false, DNNK_MASK_NONE},
};
enum { CASES = sizeof cases / sizeof *cases };

/* Everything of one problem. Rows are a little longer than they need to be, so that strides are seen to be used. */
typedef struct {
    sizes s;
    double scale;
    int64_t q_row, v_row; /* of q, k and their gradients; of v, y and theirs */
    test_array q, k, v, mask, dy;
    uint8_t bytes[512];
    test_array y, log_sums, dq, dk, dv, dmask;
} problem;

enum { GAP = 3 };

static problem make(const sizes *s, dnnk_type type) {
    problem p = {.s = *s, .scale = 1 / sqrt((double)s->dim), .q_row = s->heads * s->dim + GAP,
                 .v_row = s->heads * s->value_dim + GAP};
    p.q = array_normal(type, s->batch * s->queries * p.q_row, 1);
    p.k = array_normal(type, s->batch * s->keys * p.q_row, 2);
    p.v = array_normal(type, s->batch * s->keys * p.v_row, 3);
    p.dy = array_normal(type, s->batch * s->queries * p.v_row, 4);
    p.mask = array_normal(type, s->batch * s->keys, 5);
    for (int64_t i = 0; i < s->batch * s->keys; i++) {
        p.bytes[i] = i % 3 != 1;
        if (i % 5 == 3) array_set(&p.mask, i, -INFINITY);
    }
    p.y = array_new(type, p.dy.n);
    p.log_sums = array_new(type, s->batch * s->heads * s->queries);
    p.dq = array_new(type, p.q.n), p.dk = array_new(type, p.k.n), p.dv = array_new(type, p.v.n);
    p.dmask = array_new(type, p.mask.n);
    return p;
}

static dnnk_heads heads_of(const test_array *x, int64_t positions, int64_t row) {
    return (dnnk_heads){x->p, positions * row, row};
}

static dnnk_attention attention_of(const problem *p) {
    const sizes *s = &p->s;
    return (dnnk_attention){.type = p->q.type, .batch = s->batch, .heads = s->heads, .queries = s->queries,
                            .keys = s->keys, .dim = s->dim, .value_dim = s->value_dim, .scale = p->scale,
                            .causal = s->causal, .mask_kind = s->mask,
                            .mask = s->mask == DNNK_MASK_BYTES ? (const void *)p->bytes : p->mask.p,
                            .q = heads_of(&p->q, s->queries, p->q_row), .k = heads_of(&p->k, s->keys, p->q_row),
                            .v = heads_of(&p->v, s->keys, p->v_row), .y = heads_of(&p->y, s->queries, p->v_row),
                            .log_sums = p->log_sums.p};
}

static dnnk_attention_gradients gradients_of(const problem *p) {
    const sizes *s = &p->s;
    return (dnnk_attention_gradients){
        .dy = heads_of(&p->dy, s->queries, p->v_row), .dq = heads_of(&p->dq, s->queries, p->q_row),
        .dk = heads_of(&p->dk, s->keys, p->q_row),    .dv = heads_of(&p->dv, s->keys, p->v_row),
        .dmask = s->mask == DNNK_MASK_ADDED ? p->dmask.p : NULL};
}

static void run(const dnnk_env *env, const problem *p) {
    dnnk_attention a = attention_of(p);
    dnnk_attention_gradients g = gradients_of(p);
    test_array work = array_bytes(dnnk_attention_workspace(env, &a));
    test_array backward_work = array_bytes(dnnk_attention_backward_workspace(env, &a));
    dnnk_attention_forward(env, &a, work.p);
    dnnk_attention_backward(env, &a, &g, backward_work.p);
}

/* ---- the formulas ---- */

typedef struct {
    double p[300][300], ds[300][300];
} matrices;

static double q_at(const problem *p, const test_array *x, int64_t positions, int64_t n, int64_t t, int64_t h,
                   int64_t d) {
    return array_get(x, (n * positions + t) * p->q_row + h * p->s.dim + d);
}

static double v_at(const problem *p, const test_array *x, int64_t positions, int64_t n, int64_t t, int64_t h,
                   int64_t d) {
    return array_get(x, (n * positions + t) * p->v_row + h * p->s.value_dim + d);
}

static double score(const problem *p, int64_t n, int64_t h, int64_t i, int64_t j) {
    const sizes *s = &p->s;
    double sum = 0;
    for (int64_t d = 0; d < s->dim; d++)
        sum += q_at(p, &p->q, s->queries, n, i, h, d) * q_at(p, &p->k, s->keys, n, j, h, d);
    sum *= p->scale;
    if (s->mask == DNNK_MASK_ADDED) sum += array_get(&p->mask, n * s->keys + j);
    if (s->mask == DNNK_MASK_BYTES && !p->bytes[n * s->keys + j]) sum = -INFINITY;
    return s->causal && j > i ? -INFINITY : sum;
}

/* Row i of P and dS, for one head. */
static void find_row(const problem *p, int64_t n, int64_t h, int64_t i, matrices *m) {
    const sizes *s = &p->s;
    double max = -INFINITY, sum = 0, delta = 0;
    for (int64_t j = 0; j < s->keys; j++) max = fmax(max, m->p[i][j] = score(p, n, h, i, j));
    for (int64_t j = 0; j < s->keys; j++) sum += m->p[i][j] = max == -INFINITY ? 0 : exp(m->p[i][j] - max);
    for (int64_t j = 0; j < s->keys; j++) {
        if (sum > 0) m->p[i][j] /= sum;
        m->ds[i][j] = 0;
        for (int64_t d = 0; d < s->value_dim; d++)
            m->ds[i][j] += v_at(p, &p->dy, s->queries, n, i, h, d) * v_at(p, &p->v, s->keys, n, j, h, d);
        delta += m->p[i][j] * m->ds[i][j];
    }
    for (int64_t j = 0; j < s->keys; j++) m->ds[i][j] = m->p[i][j] * (m->ds[i][j] - delta);
}

static void expect_head(const problem *p, int64_t n, int64_t h, const matrices *m, double bound) {
    const sizes *s = &p->s;
    for (int64_t i = 0; i < s->queries; i++) {
        for (int64_t d = 0; d < s->value_dim; d++) {
            double y = 0;
            for (int64_t j = 0; j < s->keys; j++) y += m->p[i][j] * v_at(p, &p->v, s->keys, n, j, h, d);
            array_expect(&p->y, (n * s->queries + i) * p->v_row + h * s->value_dim + d, y, bound, "y");
        }
        for (int64_t d = 0; d < s->dim; d++) {
            double dq = 0;
            for (int64_t j = 0; j < s->keys; j++) dq += p->scale * m->ds[i][j] * q_at(p, &p->k, s->keys, n, j, h, d);
            array_expect(&p->dq, (n * s->queries + i) * p->q_row + h * s->dim + d, dq, bound, "dq");
        }
    }
    for (int64_t j = 0; j < s->keys; j++) {
        for (int64_t d = 0; d < s->value_dim; d++) {
            double dv = 0;
            for (int64_t i = 0; i < s->queries; i++) dv += m->p[i][j] * v_at(p, &p->dy, s->queries, n, i, h, d);
            array_expect(&p->dv, (n * s->keys + j) * p->v_row + h * s->value_dim + d, dv, bound, "dv");
        }
        for (int64_t d = 0; d < s->dim; d++) {
            double dk = 0;
            for (int64_t i = 0; i < s->queries; i++)
                dk += p->scale * m->ds[i][j] * q_at(p, &p->q, s->queries, n, i, h, d);
            array_expect(&p->dk, (n * s->keys + j) * p->q_row + h * s->dim + d, dk, bound, "dk");
        }
    }
}

static void check(const problem *p) {
    static matrices m;
    static double dmask[512];
    const sizes *s = &p->s;
    double bound = p->q.type == DNNK_F64 ? 1e-12 : 3e-5;
    memset(dmask, 0, sizeof dmask);
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t h = 0; h < s->heads; h++) {
            for (int64_t i = 0; i < s->queries; i++) find_row(p, n, h, i, &m);
            expect_head(p, n, h, &m, bound);
            for (int64_t i = 0; i < s->queries; i++)
                for (int64_t j = 0; j < s->keys; j++) dmask[n * s->keys + j] += m.ds[i][j];
        }
    for (int64_t i = 0; s->mask == DNNK_MASK_ADDED && i < p->mask.n; i++)
        array_expect(&p->dmask, i, dmask[i], bound, "dmask");
}

static void matches_the_formulas(void **state) {
    (void)state;
    for (int c = 0; c < CASES; c++)
        FOR_EACH_VARIANT(isa, type) {
            dnnk_env env = dnnk_serial(isa);
            problem p = make(&cases[c], type);
            run(&env, &p);
            check(&p);
            arrays_free();
        }
}

static void does_not_depend_on_lanes(void **state) {
    (void)state;
    static const sizes s = {2, 3, 200, 180, 20, 20, true, DNNK_MASK_ADDED};
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        problem first = make(&s, type);
        run(&one, &first);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            problem p = make(&s, type);
            run(&env, &p);
            const test_array *a[] = {&p.y, &p.log_sums, &p.dq, &p.dk, &p.dv, &p.dmask};
            const test_array *b[] = {&first.y, &first.log_sums, &first.dq, &first.dk, &first.dv, &first.dmask};
            for (int i = 0; i < 6; i++) assert_int_equal(array_difference(a[i], b[i]), -1);
        }
        arrays_free();
    }
}

/* Large scores overflow nothing; a query without a key gives 0 and takes no gradient; a NaN stays in its query. */
static void special_values(void **state) {
    (void)state;
    static const sizes s = {1, 1, 40, 20, 4, 4, false, DNNK_MASK_ADDED};
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        problem p = make(&s, type);
        for (int64_t i = 0; i < p.q.n; i++) array_set(&p.q, i, 1e4 * array_get(&p.q, i));
        run(&env, &p);
        for (int64_t i = 0; i < s.queries * p.v_row; i++)
            if (i % p.v_row < s.value_dim) assert_true(isfinite(array_get(&p.y, i)));
        array_set(&p.q, 7 * p.q_row + 2, NAN);
        run(&env, &p);
        for (int64_t i = 0; i < s.queries; i++) assert_true(!isnan(array_get(&p.y, i * p.v_row)) == (i != 7));
        array_set(&p.q, 7 * p.q_row + 2, 0);
        for (int64_t j = 0; j < s.keys; j++) array_set(&p.mask, j, -INFINITY);
        run(&env, &p);
        array_expect(&p.y, 2 * p.v_row + 1, 0, 0, "y without keys");
        array_expect(&p.dq, 2 * p.q_row + 1, 0, 0, "dq without keys");
        array_expect(&p.dv, 2 * p.v_row + 1, 0, 0, "dv without keys");
        arrays_free();
    }
}

/* What is not wanted is not touched, and nothing else changes by it. */
static void gradients_may_be_left_out(void **state) {
    (void)state;
    static const sizes s = {1, 2, 50, 40, 8, 8, true, DNNK_MASK_NONE};
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    problem all = make(&s, DNNK_F32), some = make(&s, DNNK_F32);
    run(&env, &all);
    dnnk_attention a = attention_of(&some);
    test_array work = array_bytes(dnnk_attention_backward_workspace(&env, &a) + dnnk_attention_workspace(&env, &a));
    dnnk_attention_forward(&env, &a, work.p);
    for (int left_out = 0; left_out < 3; left_out++) {
        dnnk_attention_gradients g = gradients_of(&some);
        dnnk_heads *each[] = {&g.dq, &g.dk, &g.dv};
        each[left_out]->data = NULL;
        dnnk_attention_backward(&env, &a, &g, work.p);
        if (left_out != 0) assert_int_equal(array_difference(&some.dq, &all.dq), -1);
        if (left_out != 1) assert_int_equal(array_difference(&some.dk, &all.dk), -1);
        if (left_out != 2) assert_int_equal(array_difference(&some.dv, &all.dv), -1);
    }
    arrays_free();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_the_formulas),
        cmocka_unit_test(does_not_depend_on_lanes),
        cmocka_unit_test(special_values),
        cmocka_unit_test(gradients_may_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
