/* Numbers of the beta distribution with both parameters a. */
#include <math.h>

#include "rng/rng.h"

/* Attempt k draws block `index` + 2^48 k. */
static dnnk_philox_block attempt(uint64_t seed, uint64_t stream, uint64_t index, uint64_t k) {
    return dnnk_random_block(seed, stream, index + (k << 48));
}

/* In (0, 1]. */
static double first(const dnnk_philox_block *b) { return 1 - dnnk_unit_f64(b->word[0], b->word[1]); }
static double second(const dnnk_philox_block *b) { return 1 - dnnk_unit_f64(b->word[2], b->word[3]); }

/* a <= 1: with x = u^(1/a), y = v^(1/a), x/(x + y) of those with x + y <= 1 (Johnk 1964). By their logarithms, for both
 * may be too small to be numbers. */
static double johnk(uint64_t seed, uint64_t stream, uint64_t index, double a) {
    for (uint64_t k = 0;; k++) {
        dnnk_philox_block b = attempt(seed, stream, index, k);
        double x = log(first(&b)) / a, y = log(second(&b)) / a, most = fmax(x, y);
        double ex = exp(x - most), ey = exp(y - most);
        if (log(ex + ey) + most <= 0) return ex / (ex + ey);
    }
}

/* A gamma number, a >= 1: d v with v = (1 + z/sqrt(9 d))^3, d = a - 1/3, z normal, by rejection (Marsaglia and Tsang
 * 2000). *k is the next attempt; each takes two. */
static double gamma_number(uint64_t seed, uint64_t stream, uint64_t index, double a, uint64_t *k) {
    double d = a - 1.0 / 3;
    for (;; *k += 2) {
        dnnk_philox_block normal = attempt(seed, stream, index, *k), uniform = attempt(seed, stream, index, *k + 1);
        double z = sqrt(-2 * log(first(&normal))) * cos(6.283185307179586477 * second(&normal));
        double root = 1 + z / sqrt(9 * d), v = root * root * root;
        if (v <= 0 || log(first(&uniform)) > 0.5 * z * z + d - d * v + d * log(v)) continue;
        *k += 2;
        return d * v;
    }
}

double dnnk_random_beta(uint64_t seed, uint64_t stream, uint64_t index, double a) {
    if (a <= 1) return johnk(seed, stream, index, a);
    uint64_t k = 0;
    double x = gamma_number(seed, stream, index, a, &k), y = gamma_number(seed, stream, index, a, &k);
    return x / (x + y);
}
