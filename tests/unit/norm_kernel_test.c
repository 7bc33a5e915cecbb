/* lib/norm/norm.h against the formulas in double. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "act/act.h"
#include "act/elementwise.h"
#include "norm/norm.h"
#include "support/arrays.h"
#include "support/lanes.h"

#define EPS 1e-5
#define MOMENTUM 0.1
#define MAX 1000 /* channels */

static double bound_of(dnnk_type type) { return type == DNNK_F64 ? 1e-11 : 4e-6; }

/* ---- both norms: statistics along one axis, parameters along channels ---- */

typedef struct {
    int64_t groups, count; /* how many means there are; over how many elements each */
    int64_t group_step, step;
} axis; /* element k of group g: x[g group_step + k step] */

static axis batch_axis(int64_t rows, int64_t channels) { return (axis){channels, rows, 1, channels}; }
static axis layer_axis(int64_t rows, int64_t cols) { return (axis){rows, cols, cols, 1}; }

static void reference_statistics(const test_array *x, axis a, int64_t g, double *mean, double *var) {
    *mean = *var = 0;
    for (int64_t k = 0; k < a.count; k++) *mean += array_get(x, g * a.group_step + k * a.step) / (double)a.count;
    for (int64_t k = 0; k < a.count; k++) {
        double d = array_get(x, g * a.group_step + k * a.step) - *mean;
        *var += d * d / (double)a.count;
    }
}

typedef struct {
    test_array x, dy, gamma, beta, mean, rstd, y, dx, dgamma, dbeta, running_mean, running_var, work;
    axis axis;
    int64_t cols; /* parameters belong to element i mod cols */
} norm;

static norm norm_new(dnnk_type type, int64_t rows, int64_t cols, axis a) {
    int64_t n = rows * cols;
    norm k = {.x = array_normal(type, n, 1), .dy = array_normal(type, n, 2), .gamma = array_normal(type, cols, 3),
              .beta = array_normal(type, cols, 4), .mean = array_new(type, a.groups), .rstd = array_new(type, a.groups),
              .y = array_new(type, n), .dx = array_new(type, n), .dgamma = array_normal(type, cols, 5),
              .dbeta = array_normal(type, cols, 6), .running_mean = array_normal(type, cols, 7),
              .running_var = array_new(type, cols), .axis = a, .cols = cols};
    for (int64_t i = 0; i < n; i++) array_set(&k.x, i, 2 * array_get(&k.x, i) + (double)(i % cols % 5));
    for (int64_t c = 0; c < cols; c++) array_set(&k.running_var, c, 0.5 + (double)(c % 3));
    return k;
}

static double gamma_of(const norm *k, int64_t i) { return k->gamma.p ? array_get(&k->gamma, i % k->cols) : 1; }
static double beta_of(const norm *k, int64_t i) { return k->beta.p ? array_get(&k->beta, i % k->cols) : 0; }

/* y and dx of group g; dgamma and dbeta of its elements are added to the two sums. */
static void check_group(const norm *k, int64_t g, bool constant, double mean, double var, double *dgamma,
                        double *dbeta) {
    double rstd = 1 / sqrt(var + EPS), sum = 0, sum_xhat = 0, bound = bound_of(k->x.type);
    axis a = k->axis;
    for (int64_t j = 0; j < a.count; j++) {
        int64_t i = g * a.group_step + j * a.step;
        double xhat = (array_get(&k->x, i) - mean) * rstd, dy = array_get(&k->dy, i);
        array_expect(&k->y, i, xhat * gamma_of(k, i) + beta_of(k, i), bound * fmax(1, rstd), "y"); /* mean is rounded */
        sum += dy * gamma_of(k, i) / (double)a.count;
        sum_xhat += dy * gamma_of(k, i) * xhat / (double)a.count;
        dgamma[i % k->cols] += dy * xhat;
        dbeta[i % k->cols] += dy;
    }
    for (int64_t j = 0; j < a.count; j++) {
        int64_t i = g * a.group_step + j * a.step;
        double xhat = (array_get(&k->x, i) - mean) * rstd, dxhat = array_get(&k->dy, i) * gamma_of(k, i);
        double carried = constant ? 0 : sum + xhat * sum_xhat;
        array_expect(&k->dx, i, rstd * (dxhat - carried), bound * fmax(1, rstd * rstd), "dx");
    }
}

static void check_parameters(const norm *k, const double *dgamma, const double *dbeta) {
    test_array gamma_before = array_normal(k->x.type, k->cols, 5), beta_before = array_normal(k->x.type, k->cols, 6);
    double bound = bound_of(k->x.type) * sqrt(1 + (double)k->x.n / (double)(k->cols ? k->cols : 1)), largest = 1;
    for (int64_t g = 0; k->x.n > 0 && g < k->axis.groups; g++) largest = fmax(largest, array_get(&k->rstd, g));
    bound *= largest;
    for (int64_t c = 0; c < k->cols; c++) {
        array_expect(&k->dgamma, c, array_get(&gamma_before, c) + dgamma[c], bound, "dgamma");
        array_expect(&k->dbeta, c, array_get(&beta_before, c) + dbeta[c], bound, "dbeta");
    }
}

/* ---- batch norm ---- */

static void run_train(const dnnk_env *env, norm *k, int64_t rows) {
    dnnk_type type = k->x.type;
    k->work = array_bytes(dnnk_batch_norm_workspace(type, rows, k->cols));
    dnnk_batch_norm_train(env, type, rows, k->cols, EPS, MOMENTUM, k->x.p, k->gamma.p, k->beta.p, k->running_mean.p,
                          k->running_var.p, k->mean.p, k->rstd.p, NULL, k->y.p, k->work.p);
    memset(k->work.p, 0xff, (size_t)k->work.n);
    dnnk_batch_norm_backward(env, type, rows, k->cols, true, k->x.p, k->gamma.p, k->beta.p, k->mean.p,
                             k->rstd.p, NULL, k->dy.p, k->dx.p, k->dgamma.p, k->dbeta.p, k->work.p);
}

static void check_train(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, bool affine) {
    norm k = norm_new(type, rows, channels, batch_axis(rows, channels));
    norm before = norm_new(type, rows, channels, k.axis);
    if (!affine) k.gamma.p = k.beta.p = NULL;
    run_train(env, &k, rows);
    double dgamma[MAX] = {0}, dbeta[MAX] = {0}, bound = bound_of(type);
    for (int64_t c = 0; rows > 0 && c < channels; c++) {
        double mean, var, unbiased;
        reference_statistics(&k.x, k.axis, c, &mean, &var);
        unbiased = rows > 1 ? var * (double)rows / (double)(rows - 1) : 0;
        array_expect(&k.mean, c, mean, bound, "mean");
        array_expect(&k.rstd, c, 1 / sqrt(var + EPS), bound, "rstd");
        array_expect(&k.running_mean, c, 0.9 * array_get(&before.running_mean, c) + 0.1 * mean, bound, "running mean");
        array_expect(&k.running_var, c, 0.9 * array_get(&before.running_var, c) + 0.1 * unbiased, bound, "running var");
        check_group(&k, c, false, mean, var, dgamma, dbeta);
    }
    check_parameters(&k, dgamma, dbeta);
    arrays_free();
}

static void check_eval(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, bool affine) {
    norm k = norm_new(type, rows, channels, batch_axis(rows, channels));
    if (!affine) k.gamma.p = k.beta.p = NULL;
    test_array mean_before = array_copy(&k.running_mean), var_before = array_copy(&k.running_var);
    k.work = array_bytes(dnnk_batch_norm_workspace(type, rows, channels));
    dnnk_batch_norm_eval(env, type, rows, channels, EPS, k.x.p, k.gamma.p, k.beta.p, k.running_mean.p, k.running_var.p,
                         k.rstd.p, NULL, k.y.p);
    dnnk_batch_norm_backward(env, type, rows, channels, false, k.x.p, k.gamma.p, k.beta.p, k.running_mean.p,
                             k.rstd.p, NULL, k.dy.p, k.dx.p, k.dgamma.p, k.dbeta.p, k.work.p);
    assert_int_equal(array_difference(&mean_before, &k.running_mean), -1);
    assert_int_equal(array_difference(&var_before, &k.running_var), -1);
    double dgamma[MAX] = {0}, dbeta[MAX] = {0};
    for (int64_t c = 0; c < channels; c++)
        check_group(&k, c, true, array_get(&mean_before, c), array_get(&var_before, c), dgamma, dbeta);
    check_parameters(&k, dgamma, dbeta);
    arrays_free();
}

static const int64_t row_counts[] = {0, 2, 3, 67, 300};

static void batch_norm_matches(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int s = 0; s < test_size_count; s++)
            for (size_t r = 0; r < sizeof row_counts / sizeof *row_counts; r++) {
                if (row_counts[r] * test_sizes[s] > 10000) continue;
                check_train(&env, type, row_counts[r], test_sizes[s], s % 2 == 0);
                check_eval(&env, type, row_counts[r], test_sizes[s], s % 2 == 0);
            }
    }
}

/* ---- what batch norm does besides: as a pass of its own would do it, bit for bit ---- */

typedef struct {
    bool train, relu, add, wants_addend;
} extra_case;

static void run_forward(const dnnk_env *env, norm *k, bool train, const dnnk_batch_norm_extra *extra) {
    dnnk_type type = k->x.type;
    int64_t rows = k->x.n / k->cols;
    if (train)
        dnnk_batch_norm_train(env, type, rows, k->cols, EPS, MOMENTUM, k->x.p, k->gamma.p, k->beta.p, NULL, NULL,
                              k->mean.p, k->rstd.p, extra, k->y.p, k->work.p);
    else
        dnnk_batch_norm_eval(env, type, rows, k->cols, EPS, k->x.p, k->gamma.p, k->beta.p, k->mean.p, k->running_var.p,
                             k->rstd.p, extra, k->y.p);
}

static void run_backward(const dnnk_env *env, norm *k, bool train, const dnnk_batch_norm_extra *extra) {
    dnnk_batch_norm_backward(env, k->x.type, k->x.n / k->cols, k->cols, train, k->x.p, k->gamma.p, k->beta.p, k->mean.p,
                             k->rstd.p, extra, k->dy.p, k->dx.p, k->dgamma.p, k->dbeta.p, k->work.p);
}

static norm norm_for_extra(dnnk_type type, int64_t rows, int64_t channels) {
    norm k = norm_new(type, rows, channels, batch_axis(rows, channels));
    k.mean = array_copy(&k.running_mean);
    k.work = array_bytes(dnnk_batch_norm_workspace(type, rows, channels));
    return k;
}

/* One after the other; leaves dy of the norm, without ReLU's part, in k->dy. */
static void run_apart(const dnnk_env *env, norm *k, const extra_case *c, const test_array *addend) {
    dnnk_type type = k->x.type;
    run_forward(env, k, c->train, NULL);
    if (c->add) dnnk_accumulate(env, type, k->y.n, addend->p, k->y.p);
    if (c->relu) dnnk_act_forward(env, type, DNNK_RELU, 0, k->y.n, k->y.p, k->y.p);
    if (c->relu) dnnk_act_backward(env, type, DNNK_RELU, 0, k->y.n, k->y.p, k->dy.p, k->dy.p);
    run_backward(env, k, c->train, NULL);
}

static void check_extra(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t channels, const extra_case *c) {
    norm k = norm_for_extra(type, rows, channels), apart = norm_for_extra(type, rows, channels);
    test_array addend = array_normal(type, rows * channels, 11), da = array_new(type, rows * channels);
    run_apart(env, &apart, c, &addend);
    dnnk_batch_norm_extra extra = {.relu = c->relu, .addend = c->add ? addend.p : NULL};
    run_forward(env, &k, c->train, &extra);
    assert_int_equal(array_difference(&apart.y, &k.y), -1);
    extra.y = c->add || !c->train ? k.y.p : NULL;
    extra.addend_gradient = c->wants_addend ? da.p : NULL;
    run_backward(env, &k, c->train, &extra);
    assert_int_equal(array_difference(&apart.dx, &k.dx), -1);
    assert_int_equal(array_difference(&apart.dgamma, &k.dgamma), -1);
    assert_int_equal(array_difference(&apart.dbeta, &k.dbeta), -1);
    if (c->wants_addend) assert_int_equal(array_difference(&apart.dy, &da), -1);
    arrays_free();
}

static void batch_norm_with_extra(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int i = 0; i < 16; i++) {
            extra_case c = {i & 1, i & 2, i & 4, i & 8};
            check_extra(&env, type, 67, 19, &c);
            check_extra(&env, type, 200, 64, &c);
            check_extra(&env, type, 35, 300, &c);
        }
    }
}

/* Any of the three gradients may be left out, and dx may be dy; what is asked for stays the same. */
static void check_batch_norm_parts(dnnk_isa isa, bool train) {
    dnnk_env env = dnnk_serial(isa);
    norm k = norm_new(DNNK_F32, 70, 19, batch_axis(70, 19)), part = norm_new(DNNK_F32, 70, 19, k.axis);
    run_train(&env, &k, 70);
    part.dgamma = array_normal(DNNK_F32, 19, 5), k.dgamma = array_copy(&part.dgamma);
    part.dbeta = array_normal(DNNK_F32, 19, 6), k.dbeta = array_copy(&part.dbeta);
    dnnk_batch_norm_backward(&env, DNNK_F32, 70, 19, train, k.x.p, k.gamma.p, k.beta.p, k.mean.p, k.rstd.p,
                             NULL, k.dy.p, k.dx.p, k.dgamma.p, k.dbeta.p, k.work.p);
    const void *x = train ? k.x.p : NULL;
    dnnk_batch_norm_backward(&env, DNNK_F32, 70, 19, train, k.x.p, k.gamma.p, k.beta.p, k.mean.p, k.rstd.p,
                             NULL, k.dy.p, NULL, part.dgamma.p, NULL, k.work.p);
    dnnk_batch_norm_backward(&env, DNNK_F32, 70, 19, train, x, k.gamma.p, k.beta.p, k.mean.p, k.rstd.p,
                             NULL, k.dy.p, NULL, NULL,
                             part.dbeta.p, k.work.p);
    dnnk_batch_norm_backward(&env, DNNK_F32, 70, 19, train, x, k.gamma.p, k.beta.p, k.mean.p, k.rstd.p,
                             NULL, k.dy.p, k.dy.p, NULL,
                             NULL, k.work.p);
    assert_int_equal(array_difference(&k.dgamma, &part.dgamma), -1);
    assert_int_equal(array_difference(&k.dbeta, &part.dbeta), -1);
    assert_int_equal(array_difference(&k.dx, &k.dy), -1);
    arrays_free();
}

static void batch_norm_gradients_one_by_one(void **state) {
    (void)state;
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        check_batch_norm_parts(isa, true);
        check_batch_norm_parts(isa, false);
    }
}

/* Mean 1000, deviation 1/16, and mean 0, deviation 0: the variance must neither drown nor turn negative. */
static void batch_norm_is_stable(void **state) {
    (void)state;
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        dnnk_env env = dnnk_serial(isa);
        norm k = norm_new(DNNK_F32, 20000, 2, batch_axis(20000, 2));
        for (int64_t r = 0; r < 20000; r++) {
            array_set(&k.x, 2 * r, 1000 + test_normal(&(uint64_t){(uint64_t)r}) / 16);
            array_set(&k.x, 2 * r + 1, 1000.1);
        }
        run_train(&env, &k, 20000);
        double mean, var;
        reference_statistics(&k.x, k.axis, 0, &mean, &var);
        array_expect(&k.rstd, 0, 1 / sqrt(var + EPS), 1e-6, "rstd at a large mean");
        array_expect(&k.mean, 0, mean, 1e-7, "large mean");
        array_expect(&k.rstd, 1, 1 / sqrt(EPS), 1e-6, "rstd of a constant");
        for (int64_t i = 0; i < 100; i++) assert_true(isfinite(array_get(&k.dx, i)));
        arrays_free();
    }
}

static void batch_norm_of_one_row(void **state) {
    (void)state;
    dnnk_env env = dnnk_serial(dnnk_best_isa());
    norm k = norm_new(DNNK_F64, 1, 3, batch_axis(1, 3));
    double var = array_get(&k.running_var, 0);
    run_train(&env, &k, 1);
    array_expect(&k.rstd, 0, 1 / sqrt(EPS), 1e-12, "rstd");
    array_expect(&k.y, 0, array_get(&k.beta, 0), 1e-12, "y");
    array_expect(&k.running_var, 0, 0.9 * var, 1e-12, "running var");
    arrays_free();
}

static void batch_norm_does_not_depend_on_lanes(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        norm first = norm_new(type, 1000, 33, batch_axis(1000, 33));
        run_train(&one, &first, 1000);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            norm k = norm_new(type, 1000, 33, first.axis);
            run_train(&env, &k, 1000);
            assert_int_equal(array_difference(&k.y, &first.y), -1);
            assert_int_equal(array_difference(&k.dx, &first.dx), -1);
            assert_int_equal(array_difference(&k.dgamma, &first.dgamma), -1);
            assert_int_equal(array_difference(&k.dbeta, &first.dbeta), -1);
            assert_int_equal(array_difference(&k.running_var, &first.running_var), -1);
        }
        arrays_free();
    }
}

/* ---- layer norm ---- */

static void run_layer(const dnnk_env *env, norm *k, int64_t rows) {
    dnnk_type type = k->x.type;
    k->work = array_bytes(dnnk_layer_norm_workspace(type, rows, k->cols));
    dnnk_layer_norm_forward(env, type, rows, k->cols, EPS, k->x.p, k->gamma.p, k->beta.p, k->mean.p, k->rstd.p, k->y.p);
    dnnk_layer_norm_backward(env, type, rows, k->cols, k->x.p, k->gamma.p, k->mean.p, k->rstd.p, k->dy.p, k->dx.p, k->dgamma.p, k->dbeta.p, k->work.p);
}

static void check_layer(const dnnk_env *env, dnnk_type type, int64_t rows, int64_t cols, bool affine) {
    norm k = norm_new(type, rows, cols, layer_axis(rows, cols));
    if (!affine) k.gamma.p = k.beta.p = NULL;
    run_layer(env, &k, rows);
    double dgamma[MAX] = {0}, dbeta[MAX] = {0}, bound = bound_of(type);
    for (int64_t r = 0; cols > 0 && r < rows; r++) {
        double mean, var;
        reference_statistics(&k.x, k.axis, r, &mean, &var);
        array_expect(&k.mean, r, mean, bound, "mean");
        array_expect(&k.rstd, r, 1 / sqrt(var + EPS), bound, "rstd");
        check_group(&k, r, false, mean, var, dgamma, dbeta);
    }
    check_parameters(&k, dgamma, dbeta);
    /* without what is not needed, and over dy: the same */
    test_array y = array_new(type, rows * cols);
    dnnk_layer_norm_forward(env, type, rows, cols, EPS, k.x.p, k.gamma.p, k.beta.p, NULL, NULL, y.p);
    dnnk_layer_norm_backward(env, type, rows, cols, k.x.p, k.gamma.p, k.mean.p, k.rstd.p, k.dy.p, k.dy.p, NULL, NULL,
                             NULL);
    assert_int_equal(array_difference(&k.y, &y), -1);
    assert_int_equal(array_difference(&k.dx, &k.dy), -1);
    arrays_free();
}

static void layer_norm_matches(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env env = dnnk_serial(isa);
        for (int s = 0; s < test_size_count; s++) {
            check_layer(&env, type, 3, test_sizes[s], s % 2 == 0);
            check_layer(&env, type, 130, dnnk_min(test_sizes[s], 300), s % 2 == 1);
        }
        check_layer(&env, type, 0, 8, true);
    }
}

static void layer_norm_is_stable(void **state) {
    (void)state;
    for (dnnk_isa isa = DNNK_PORTABLE; isa <= dnnk_best_isa(); isa++) {
        dnnk_env env = dnnk_serial(isa);
        norm k = norm_new(DNNK_F32, 2, 1000, layer_axis(2, 1000));
        for (int64_t i = 0; i < 1000; i++) {
            array_set(&k.x, i, 1000 + array_get(&k.x, i) / 16);
            array_set(&k.x, 1000 + i, 1000.1);
        }
        run_layer(&env, &k, 2);
        double mean, var;
        reference_statistics(&k.x, k.axis, 0, &mean, &var);
        array_expect(&k.rstd, 0, 1 / sqrt(var + EPS), 1e-6, "rstd at a large mean");
        array_expect(&k.rstd, 1, 1 / sqrt(EPS), 1e-6, "rstd of a constant");
        arrays_free();
    }
}

static void layer_norm_does_not_depend_on_lanes(void **state) {
    (void)state;
    FOR_EACH_VARIANT(isa, type) {
        dnnk_env one = dnnk_serial(isa);
        norm first = norm_new(type, 700, 65, layer_axis(700, 65));
        run_layer(&one, &first, 700);
        for (int64_t lanes = 2; lanes <= 4; lanes++) {
            dnnk_env env = test_lanes(lanes, isa);
            norm k = norm_new(type, 700, 65, first.axis);
            run_layer(&env, &k, 700);
            assert_int_equal(array_difference(&k.y, &first.y), -1);
            assert_int_equal(array_difference(&k.dx, &first.dx), -1);
            assert_int_equal(array_difference(&k.dgamma, &first.dgamma), -1);
            assert_int_equal(array_difference(&k.dbeta, &first.dbeta), -1);
        }
        arrays_free();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_norm_matches),
        cmocka_unit_test(batch_norm_gradients_one_by_one),
        cmocka_unit_test(batch_norm_with_extra),
        cmocka_unit_test(batch_norm_is_stable),
        cmocka_unit_test(batch_norm_of_one_row),
        cmocka_unit_test(batch_norm_does_not_depend_on_lanes),
        cmocka_unit_test(layer_norm_matches),
        cmocka_unit_test(layer_norm_is_stable),
        cmocka_unit_test(layer_norm_does_not_depend_on_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
