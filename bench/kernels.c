/* Speed of the kernels: GEMM and the convolutions of ResNet-18, beside the machine's peak as measured here, and beside
 * oneDNN where it is installed.
 *
 *     kernels [threads [seconds for each measurement [instruction set]]]
 *
 * GF/s count the multiplications and additions of the direct algorithm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gemm/gemm.h"
#include "kernels.h"
#include "lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double seconds_each = 0.3, peak;
dnnk_env env;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { CHAINS = 24, PEAK_STEPS = 1 << 21 };

/* The time of the fastest of many calls: the one that other programs disturbed the least. Two in turns, TURN calls of
 * each, since the threads of one may go on spinning for a while after its call. */
static void measure_both(const timed *a, const timed *b, double best[2]) {
    enum { TURN = 3 };
    const timed *both[2] = {a, b};
    double begin = now();
    best[0] = best[1] = INFINITY;
    for (int64_t runs = 0; runs < 2 || now() - begin < seconds_each; runs++)
        for (int i = 0; i < 2 * TURN; i++) {
            const timed *t = both[i / TURN];
            double start = now();
            if (t) t->call(t->arg);
            if (t) best[i / TURN] = fmin(best[i / TURN], now() - start);
        }
}

double measure(const timed *ours, const timed *peer, double *of_peer) {
    double best[2];
    measure_both(ours, peer, best);
    *of_peer = best[1];
    return best[0];
}

/* Independent chains of fused multiply-adds, as many as hide their latency. Returns the floating-point operations. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double chains_avx512(float *out) {
    __m512 sum[CHAINS], a = _mm512_set1_ps(out[0]), b = _mm512_set1_ps(out[1]);
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_ps((float)i);
    for (int64_t step = 0; step < PEAK_STEPS; step++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_fmadd_ps(sum[i], a, b);
    for (int i = 0; i < CHAINS; i++) out[2] += _mm512_reduce_add_ps(sum[i]);
    return 2.0 * 16 * CHAINS * PEAK_STEPS;
}

__attribute__((target("avx2,fma"))) static double chains_avx2(float *out) {
    enum { HALF = CHAINS / 2 };
    __m256 sum[HALF], a = _mm256_set1_ps(out[0]), b = _mm256_set1_ps(out[1]);
    for (int i = 0; i < HALF; i++) sum[i] = _mm256_set1_ps((float)i);
    for (int64_t step = 0; step < PEAK_STEPS; step++)
#pragma GCC unroll 24
        for (int i = 0; i < HALF; i++) sum[i] = _mm256_fmadd_ps(sum[i], a, b);
    for (int i = 0; i < HALF; i++) out[2] += _mm256_cvtss_f32(sum[i]);
    return 2.0 * 8 * HALF * PEAK_STEPS;
}
#endif

static double chains_portable(float *out) {
    float sum[CHAINS] = {0};
    for (int64_t step = 0; step < PEAK_STEPS; step++)
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * out[0] + out[1];
    for (int i = 0; i < CHAINS; i++) out[2] += sum[i];
    return 2.0 * CHAINS * PEAK_STEPS;
}

static void peak_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    float out[3] = {0.5f, 1, 0};
    double (*chains)(float *) = chains_portable;
#if defined(__x86_64__)
    if (env.isa == DNNK_AVX2) chains = chains_avx2;
    if (env.isa == DNNK_AVX512) chains = chains_avx512;
#endif
    double flops = chains(out);
    ((double *)arg)[task] = isfinite(out[2]) ? flops : 0;
}

static void peak_call(void *flops) { dnnk_parallel(&env, env.lanes, peak_task, flops); }

void *filled(int64_t count) {
    float *x = malloc((size_t)(count > 0 ? count : 1) * sizeof *x);
    if (!x) exit(1);
    for (int64_t i = 0; i < count; i++) x[i] = (float)(i * 7919 % 1013) / 1013 - 0.5f;
    return x;
}

void *bytes(int64_t count) { return filled(dnnk_ceil_div(count, 4)); }

void report(const char *name, double flops, double time, double of_peer) {
    double rate = flops / time * 1e-9;
    printf("%-34s %9.3f ms %8.1f GF/s %5.0f %%", name, time * 1e3, rate, 100 * rate / peak);
    if (isfinite(of_peer)) printf(" %10.3f ms %7.2f", of_peer * 1e3, of_peer / time);
    printf("\n");
    fflush(stdout);
}

typedef struct {
    dnnk_gemm_problem p;
    void *work;
} product;

static void gemm_call(void *arg) {
    product *g = arg;
    dnnk_gemm(&env, &g->p, g->work);
}

static void bench_gemm(dnnk_type type, int64_t m, int64_t n, int64_t k, bool turn_a, bool turn_b) {
    int64_t size = dnnk_size(type) / 4;
    char name[80];
    void *a = filled(m * k * size), *b = filled(k * n * size), *c = filled(m * n * size);
    dnnk_operand left = turn_a ? dnnk_gemm_a(a, 1, m) : dnnk_gemm_a(a, k, 1);
    dnnk_operand right = turn_b ? dnnk_gemm_b(b, 1, k) : dnnk_gemm_b(b, n, 1);
    product g = {.p = dnnk_gemm_simple(type, m, n, k, left, right, c)};
    g.work = bytes(dnnk_gemm_workspace(&env, &g.p));
    snprintf(name, sizeof name, "%s %ldx%ldx%ld A%s B%s", type == DNNK_F64 ? "f64" : "f32", (long)m, (long)n, (long)k,
             turn_a ? "'" : "", turn_b ? "'" : "");
    double none, time = measure(&(timed){gemm_call, &g}, NULL, &none);
    report(name, 2.0 * (double)m * (double)n * (double)k, time, none);
    free(a), free(b), free(c), free(g.work);
}

static void bench_gemms(void) {
    bench_gemm(DNNK_F32, 1024, 1024, 1024, false, false);
    bench_gemm(DNNK_F32, 1024, 1024, 1024, false, true);
    bench_gemm(DNNK_F32, 1024, 1024, 1024, true, false);
    bench_gemm(DNNK_F64, 1024, 1024, 1024, false, false);
    bench_gemm(DNNK_F32, 256, 256, 256, false, true);
    bench_gemm(DNNK_F32, 64, 64, 64, false, true);
    bench_gemm(DNNK_F32, 128, 512, 784, false, true); /* linear layers: forward, data, weights */
    bench_gemm(DNNK_F32, 128, 784, 512, false, false);
    bench_gemm(DNNK_F32, 512, 784, 128, true, false);
    bench_gemm(DNNK_F32, 128, 10, 512, false, true);
    bench_gemm(DNNK_F32, 10, 512, 128, true, false);
    bench_gemm(DNNK_F32, 1, 512, 784, false, true);
    bench_gemm(DNNK_F32, 1, 784, 512, false, false);
    bench_gemm(DNNK_F32, 512, 784, 1, true, false);
    bench_gemm(DNNK_F32, 1024, 768, 256, false, true);
    bench_gemm(DNNK_F32, 768, 256, 1024, true, false);
}

int main(int argc, char **argv) {
    int64_t threads = argc > 1 ? atol(argv[1]) : 1;
    if (argc > 2) seconds_each = atof(argv[2]);
    dnnk_isa isa = argc > 3 ? (dnnk_isa)atoi(argv[3]) : dnnk_best_isa();
    lanes *pool = lanes_create(threads);
    if (threads < 1 || threads > 64 || !pool) return 1;
    env = lanes_env(pool, isa);
    double flops[64] = {0}, none, time = measure(&(timed){peak_call, flops}, NULL, &none), all = 0;
    for (int64_t i = 0; i < threads; i++) all += flops[i];
    peak = all / time * 1e-9;
    printf("%s, %s, %ld thread(s); peak of fused multiply-adds, f32: %.1f GF/s\n\n", dnnk_isa_name(isa),
           dnnk_gemm_describe(isa, DNNK_F32), (long)threads, peak);
    bench_gemms();
    bench_convolutions(16, threads);
    lanes_release(pool);
    return 0;
}
