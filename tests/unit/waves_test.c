/* Pictures made of waves: the basis is orthonormal (Parseval), waves have the frequency that they say, gradients agree
 * with differences in float64; shaking's gradient is its adjoint. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rng/rng.h"
#include "see/shake.h"
#include "see/waves.h"
#include "support/datasets.h"

#define PI 3.14159265358979323846

static void fill(double *x, int64_t n, uint64_t stream) {
    for (int64_t i = 0; i < n; i++) x[i] = dnnk_random_normal(1, stream, (uint64_t)i);
}

static void basis_is_orthonormal(void **state) {
    (void)state;
    for (int64_t n = 1; n <= 32; n++) {
        double basis[32 * 32];
        dnni_wave_basis(n, basis);
        for (int64_t a = 0; a < n; a++)
            for (int64_t b = 0; b < n; b++) {
                double sum = 0;
                for (int64_t i = 0; i < n; i++) sum += basis[a * n + i] * basis[b * n + i];
                assert_true(fabs(sum - (a == b)) < 1e-13);
            }
    }
}

/* A wave of f cycles a point, moved by a point and back, adds up to 2 cos(2πf) of itself. */
static void waves_have_their_frequency(void **state) {
    (void)state;
    enum { N = 24 };
    double basis[N * N];
    dnni_wave_basis(N, basis);
    for (int64_t k = 0; k < N; k++)
        for (int64_t i = 0; i < N; i++) {
            const double *w = basis + k * N;
            double around = w[(i + 1) % N] + w[(i + N - 1) % N];
            assert_true(fabs(around - 2 * cos(2 * PI * dnni_wave_frequency(N, k)) * w[i]) < 1e-13);
        }
}

/* Without the scale and the squashing, Σ x² = Σ z². */
static void energy_is_kept(void **state) {
    (void)state;
    enum { H = 7, W = 10 };
    dnni_pool pool = {.ctx = data_ctx};
    dnni_waves w;
    double z[H * W], p[H * W], in = 0, out = 0;
    OK(dnni_waves_make(&w, &pool, H, W, 1, 0));
    fill(z, H * W, 3);
    dnni_waves_picture(&w, z, p);
    for (int64_t i = 0; i < H * W; i++) {
        double x = log(p[i] / (1 - p[i])) / (sqrt(2) / 4);
        in += z[i] * z[i];
        out += x * x;
    }
    assert_true(fabs(in - out) < 1e-10 * in);
    dnni_pool_free(&pool);
}

static void constant_wave_is_a_flat_picture(void **state) {
    (void)state;
    dnni_pool pool = {.ctx = data_ctx};
    dnni_waves w;
    double z[2 * 30] = {0}, p[2 * 30];
    OK(dnni_waves_make(&w, &pool, 5, 6, 2, 1));
    z[30] = 1; /* of channel 1 */
    dnni_waves_picture(&w, z, p);
    for (int64_t i = 0; i < 30; i++) {
        assert_true(fabs(p[2 * i] - 0.5) < 1e-15);
        assert_true(p[2 * i + 1] > 0.5 && fabs(p[2 * i + 1] - p[1]) < 1e-14);
    }
    dnni_pool_free(&pool);
}

/* L = Σ g p: differences of h⁴ from four points. */
static void gradient_agrees_with_differences(void **state) {
    (void)state;
    for (int64_t channels = 1; channels <= 3; channels++)
        for (int64_t h = 4; h <= 5; h++) {
            enum { W = 6, MOST = 5 * W * 3 };
            dnni_pool pool = {.ctx = data_ctx};
            dnni_waves w;
            double z[MOST], p[MOST], g[MOST], dz[MOST];
            int64_t n = h * W * channels;
            OK(dnni_waves_make(&w, &pool, h, W, channels, 1));
            fill(z, n, 3);
            fill(g, n, 4);
            dnni_waves_picture(&w, z, p);
            dnni_waves_gradient(&w, p, g, dz);
            for (int64_t i = 0; i < n; i++) {
                static const double step[] = {2, 1, -1, -2}, weight[] = {-1, 8, -8, 1};
                double home = z[i], slope = 0;
                for (int k = 0; k < 4; k++) {
                    z[i] = home + step[k] * 1e-3;
                    dnni_waves_picture(&w, z, p);
                    for (int64_t j = 0; j < n; j++) slope += weight[k] * g[j] * p[j] / 12e-3;
                }
                z[i] = home;
                assert_true(fabs(slope - dz[i]) < 1e-9 * (1 + fabs(dz[i])));
            }
            dnni_pool_free(&pool);
        }
}

static void shaking_by_nothing_changes_nothing(void **state) {
    (void)state;
    double p[5 * 4 * 2], to[5 * 4 * 2];
    dnni_shake s = dnni_shake_draw(&(dnni_shake_limits){0, 0, 0}, 1, 2, 3);
    fill(p, 40, 1);
    dnni_shake_picture(&s, 5, 4, 2, 0.5, p, to);
    assert_memory_equal(p, to, sizeof p);
}

/* A turn of 90° and a shift by whole pixels move pixels as they are. */
static void shaking_moves_pixels(void **state) {
    (void)state;
    double p[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, to[9];
    dnni_shake down = {{{1, 0}, {0, 1}}, {-1, 0}}, turn = {{{0, 1}, {-1, 0}}, {0, 0}};
    dnni_shake_picture(&down, 3, 3, 1, 0.5, p, to);
    const double moved[] = {0.5, 0.5, 0.5, 1, 2, 3, 4, 5, 6}, turned[] = {3, 6, 9, 2, 5, 8, 1, 4, 7};
    assert_memory_equal(to, moved, sizeof to);
    dnni_shake_picture(&turn, 3, 3, 1, 0.5, p, to);
    for (int i = 0; i < 9; i++) assert_true(fabs(to[i] - turned[i]) < 1e-12);
}

/* ⟨shaken p, q⟩ = ⟨p, shakenᵀ q⟩, where grey is 0. */
static void shaking_has_its_adjoint(void **state) {
    (void)state;
    enum { H = 9, W = 7, C = 2, N = H * W * C };
    for (uint64_t k = 0; k < 20; k++) {
        double p[N], q[N], to[N], back[N] = {0}, left = 0, right = 0;
        dnni_shake s = dnni_shake_draw(&(dnni_shake_limits){2, 0.3, 40}, 7, 8, k);
        fill(p, N, 2 * k);
        fill(q, N, 2 * k + 1);
        dnni_shake_picture(&s, H, W, C, 0, p, to);
        dnni_shake_gradient(&s, H, W, C, q, back);
        for (int64_t i = 0; i < N; i++) {
            left += to[i] * q[i];
            right += p[i] * back[i];
        }
        assert_true(fabs(left - right) < 1e-12 * N);
    }
}

static void shakes_stay_within_their_limits(void **state) {
    (void)state;
    double widest = 0, farthest = 0;
    for (uint64_t k = 0; k < 200; k++) {
        dnni_shake s = dnni_shake_draw(&(dnni_shake_limits){3, 0.1, 10}, 7, 8, k);
        double scale = 1 / hypot(s.matrix[0][0], s.matrix[0][1]), angle = atan2(s.matrix[0][1], s.matrix[0][0]);
        assert_true(fabs(scale - 1) <= 0.1 + 1e-12 && fabs(angle) <= 10 * PI / 180 + 1e-12);
        assert_true(fabs(s.shift[0]) <= 3 && fabs(s.shift[1]) <= 3);
        widest = fmax(widest, fabs(scale - 1));
        farthest = fmax(farthest, fabs(s.shift[0]));
    }
    assert_true(widest > 0.09 && farthest > 2.7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basis_is_orthonormal),
        cmocka_unit_test(waves_have_their_frequency),
        cmocka_unit_test_setup_teardown(energy_is_kept, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(constant_wave_is_a_flat_picture, data_setup, data_teardown),
        cmocka_unit_test_setup_teardown(gradient_agrees_with_differences, data_setup, data_teardown),
        cmocka_unit_test(shaking_by_nothing_changes_nothing),
        cmocka_unit_test(shaking_moves_pixels),
        cmocka_unit_test(shaking_has_its_adjoint),
        cmocka_unit_test(shakes_stay_within_their_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
