/* Speed of the kernels: GEMM and the convolutions of ResNet-18, beside the machine's peak as measured here.
 *
 *     kernels [threads [seconds for each measurement [instruction set]]]
 *
 * GF/s count the multiplications and additions of the direct algorithm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conv/conv.h"
#include "lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static double seconds_each = 0.3, peak;
static dnnk_env env;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { CHAINS = 24, PEAK_STEPS = 1 << 21 };

/* The time of the fastest of many calls: the one that other programs disturbed the least. */
static double measure(void (*call)(void *arg), void *arg) {
    double best = INFINITY, begin = now();
    for (int64_t runs = 0; runs < 4 || now() - begin < seconds_each; runs++) {
        double start = now();
        call(arg);
        best = fmin(best, now() - start);
    }
    return best;
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

static void *filled(int64_t count) {
    float *x = malloc((size_t)(count > 0 ? count : 1) * sizeof *x);
    if (!x) exit(1);
    for (int64_t i = 0; i < count; i++) x[i] = (float)(i * 7919 % 1013) / 1013 - 0.5f;
    return x;
}

static void *bytes(int64_t count) { return filled(dnnk_ceil_div(count, 4)); }

static void report(const char *name, double flops, double time) {
    double rate = flops / time * 1e-9;
    printf("%-34s %9.3f ms %8.1f GF/s %5.0f %%\n", name, time * 1e3, rate, 100 * rate / peak);
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
    report(name, 2.0 * (double)m * (double)n * (double)k, measure(gemm_call, &g));
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

typedef struct {
    const char *name;
    int64_t size, in, out, kernel, stride, times; /* times: how often ResNet-18 has it */
    bool no_data_gradient;
} layer;

static const layer resnet18[] = {
    {"7x7/2 3->64 224", 224, 3, 64, 7, 2, 1, true},      {"3x3 64->64 56", 56, 64, 64, 3, 1, 4, false},
    {"3x3/2 64->128 56", 56, 64, 128, 3, 2, 1, false},   {"1x1/2 64->128 56", 56, 64, 128, 1, 2, 1, false},
    {"3x3 128->128 28", 28, 128, 128, 3, 1, 3, false},   {"3x3/2 128->256 28", 28, 128, 256, 3, 2, 1, false},
    {"1x1/2 128->256 28", 28, 128, 256, 1, 2, 1, false}, {"3x3 256->256 14", 14, 256, 256, 3, 1, 3, false},
    {"3x3/2 256->512 14", 14, 256, 512, 3, 2, 1, false}, {"1x1/2 256->512 14", 14, 256, 512, 1, 2, 1, false},
    {"3x3 512->512 7", 7, 512, 512, 3, 1, 3, false},
};

typedef struct {
    dnnk_conv c;
    void *x, *w, *y, *work;
} convolution;

static void forward_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_forward(&env, &v->c, v->x, v->w, NULL, v->y, v->work);
}

static void data_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_backward_data(&env, &v->c, v->y, v->w, v->x, false, v->work);
}

static void weights_call(void *arg) {
    convolution *v = arg;
    dnnk_conv_backward_weights(&env, &v->c, v->x, v->y, v->w, NULL, v->work);
}

static const struct {
    const char *name;
    void (*call)(void *arg);
    int64_t (*workspace)(const dnnk_env *, const dnnk_conv *);
} directions[3] = {{"forward", forward_call, dnnk_conv_forward_workspace},
                   {"data", data_call, dnnk_conv_backward_data_workspace},
                   {"weights", weights_call, dnnk_conv_backward_weights_workspace}};

/* The layer's share in one training step, in seconds. */
static double bench_layer(const layer *l, int64_t batch, bool winograd) {
    int64_t pad = l->kernel / 2;
    convolution v = {.c = {.type = DNNK_F32, .batch = batch, .height = l->size, .width = l->size, .in_channels = l->in,
                           .out_channels = l->out, .kernel_h = l->kernel, .kernel_w = l->kernel, .groups = 1,
                           .stride_h = l->stride, .stride_w = l->stride, .dilation_h = 1, .dilation_w = 1,
                           .pad_top = pad, .pad_bottom = pad, .pad_left = pad, .pad_right = pad,
                           .allow_winograd = winograd}};
    int64_t outputs = batch * dnnk_conv_out_height(&v.c) * dnnk_conv_out_width(&v.c),
            taps = l->kernel * l->kernel * l->in;
    v.x = filled(batch * l->size * l->size * l->in), v.w = filled(l->out * taps), v.y = filled(outputs * l->out);
    double flops = 2.0 * (double)outputs * (double)taps * (double)l->out, total = 0;
    for (int d = 0; d < 3; d++) {
        if (l->no_data_gradient && d == 1) continue;
        char name[80];
        snprintf(name, sizeof name, "%s %s", l->name, directions[d].name);
        v.work = bytes(directions[d].workspace(&env, &v.c));
        double time = measure(directions[d].call, &v);
        report(name, flops, time);
        total += time;
        free(v.work);
    }
    free(v.x), free(v.w), free(v.y);
    return total * (double)l->times;
}

static void bench_convolutions(int64_t batch, bool winograd) {
    double total = 0;
    printf("\nResNet-18, batch %ld%s\n", (long)batch, winograd ? ", Winograd allowed" : "");
    for (size_t i = 0; i < sizeof resnet18 / sizeof *resnet18; i++) total += bench_layer(&resnet18[i], batch, winograd);
    printf("all convolutions of a training step: %.0f ms\n", total * 1e3);
}

int main(int argc, char **argv) {
    int64_t threads = argc > 1 ? atol(argv[1]) : 1;
    if (argc > 2) seconds_each = atof(argv[2]);
    dnnk_isa isa = argc > 3 ? (dnnk_isa)atoi(argv[3]) : dnnk_best_isa();
    lanes *pool = lanes_create(threads);
    if (threads < 1 || threads > 64 || !pool) return 1;
    env = lanes_env(pool, isa);
    double flops[64] = {0}, time = measure(peak_call, flops), all = 0;
    for (int64_t i = 0; i < threads; i++) all += flops[i];
    peak = all / time * 1e-9;
    printf("%s, %s, %ld thread(s); peak of fused multiply-adds, f32: %.1f GF/s\n\n", dnnk_isa_name(isa),
           dnnk_gemm_describe(isa, DNNK_F32), (long)threads, peak);
    bench_gemms();
    bench_convolutions(16, false);
    bench_convolutions(16, true);
    lanes_release(pool);
    return 0;
}
