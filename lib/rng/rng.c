#include "rng/rng.h"

#include <math.h>

#include "rng/philox.h"

#define TASK 16384 /* elements; a multiple of 4 */

dnnk_philox_block dnnk_philox(const uint32_t counter[4], const uint32_t key[2]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < PHILOX_ROUNDS; round++, k0 += PHILOX_W0, k1 += PHILOX_W1)
        PHILOX_ROUND(c0, c1, c2, c3, k0, k1);
    return (dnnk_philox_block){{c0, c1, c2, c3}};
}

dnnk_philox_block dnnk_random_block(uint64_t seed, uint64_t stream, uint64_t index) {
    uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    return dnnk_philox(counter, key);
}

double dnnk_random_uniform(uint64_t seed, uint64_t stream, uint64_t index) {
    dnnk_philox_block b = dnnk_random_block(seed, stream, index / 2);
    const uint32_t *word = b.word + 2 * (index % 2);
    return dnnk_unit_f64(word[0], word[1]);
}

/* r = sqrt(-2 log u), u in (0, 1], and the angle 2 pi v: r cos and r sin are two independent normal numbers. */
static void normal_pair(const uint32_t word[4], double pair[2]) {
    double u = 1.0 - dnnk_unit_f64(word[0], word[1]);
    double angle = 6.283185307179586477 * dnnk_unit_f64(word[2], word[3]);
    double r = sqrt(-2.0 * log(u));
    pair[0] = r * cos(angle);
    pair[1] = r * sin(angle);
}

double dnnk_random_normal(uint64_t seed, uint64_t stream, uint64_t index) {
    dnnk_philox_block b = dnnk_random_block(seed, stream, index / 2);
    double pair[2];
    normal_pair(b.word, pair);
    return pair[index % 2];
}

/* The lowest 2^64 mod n words are rejected: the others are a whole number of times n. */
uint64_t dnnk_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n) {
    uint64_t lowest = (0 - n) % n;
    for (;; index += (uint64_t)1 << 48) {
        dnnk_philox_block b = dnnk_random_block(seed, stream, index);
        for (int half = 0; half < 4; half += 2) {
            uint64_t word = ((uint64_t)b.word[half] << 32) | b.word[half + 1];
            if (word >= lowest) return word % n;
        }
    }
}

/* ---- arrays ---- */

typedef struct {
    const dnnk_rng_table *kernels;
    dnnk_type type;
    uint64_t seed, stream, threshold;
    double a, b; /* low and high; mean and deviation; the scale */
    int64_t n;
    const char *x;
    char *y;
} job;

static void uniform_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * TASK, n = dnnk_min(TASK, j->n - first);
    j->kernels->uniform(j->seed, j->stream, first, j->a, j->b, n, j->y + first * dnnk_size(j->type));
}

void dnnk_fill_uniform(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double low, double high,
                       int64_t n, void *y) {
    job j = {.kernels = dnnk_rng_kernels(env->isa, type), .type = type, .seed = seed, .stream = stream,
             .a = low, .b = high, .n = n, .y = y};
    dnnk_parallel(env, dnnk_ceil_div(n, TASK), uniform_task, &j);
}

static void store(const job *j, int64_t i, double normal) {
    double value = fma(j->b, normal, j->a);
    if (j->type == DNNK_F64)
        ((double *)(void *)j->y)[i] = value;
    else
        ((float *)(void *)j->y)[i] = (float)value;
}

#define PAIRS 256

static void normal_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    uint32_t word[4 * PAIRS];
    int64_t end = dnnk_min(j->n, (t + 1) * TASK);
    for (int64_t first = t * TASK; first < end; first += 2 * PAIRS) {
        int64_t pairs = dnnk_min(PAIRS, dnnk_ceil_div(end - first, 2));
        j->kernels->words(j->seed, j->stream, (uint64_t)first / 2, pairs, word);
        for (int64_t p = 0; p < pairs; p++) {
            double pair[2];
            normal_pair(word + 4 * p, pair);
            store(j, first + 2 * p, pair[0]);
            if (first + 2 * p + 1 < end) store(j, first + 2 * p + 1, pair[1]);
        }
    }
}

void dnnk_fill_normal(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double mean,
                      double deviation, int64_t n, void *y) {
    job j = {.kernels = dnnk_rng_kernels(env->isa, type), .type = type, .seed = seed, .stream = stream,
             .a = mean, .b = deviation, .n = n, .y = y};
    dnnk_parallel(env, dnnk_ceil_div(n, TASK), normal_task, &j);
}

static void dropout_task(void *arg, int64_t t, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t first = t * TASK, n = dnnk_min(TASK, j->n - first), at = first * dnnk_size(j->type);
    j->kernels->dropout(j->seed, j->stream, first, j->threshold, j->a, n, j->x + at, j->y + at);
}

void dnnk_dropout_forward(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double p, int64_t n,
                          const void *x, void *y) {
    job j = {.kernels = dnnk_rng_kernels(env->isa, type), .type = type, .seed = seed, .stream = stream,
             .threshold = (uint64_t)(p * 0x1p32 + 0.5), .a = p < 1 ? 1 / (1 - p) : 0, .n = n, .x = x, .y = y};
    dnnk_parallel(env, dnnk_ceil_div(n, TASK), dropout_task, &j);
}

void dnnk_dropout_backward(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double p, int64_t n,
                           const void *dy, void *dx) {
    dnnk_dropout_forward(env, type, seed, stream, p, n, dy, dx);
}
