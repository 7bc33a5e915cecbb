/* Random numbers by counting: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). There is no state: every number is a function of (seed, stream, index), so arrays are filled in
 * any order, on any number of threads, and a mask need not be kept to be had again.
 *
 * A block is 128 random bits: key = seed; counter = index in the low 64 bits, stream in the high 64 bits. Streams are
 * independent of each other; whoever draws for two purposes takes two streams. The bits are the same on all machines
 * and for all instruction sets; only normal numbers depend on the C library's log, sin and cos, in their last bit.
 *
 * Which block element i of an array takes its bits from:
 *     uniform, f32, and dropout    word i mod 4 of block i/4
 *     uniform, f64                 words 2 (i mod 2), 2 (i mod 2) + 1 of block i/2
 *     normal, both types           the pair of block i/2, computed in double
 */
#ifndef DNNK_RNG_H
#define DNNK_RNG_H

#include "base/tables.h"

typedef struct dnnk_philox_block {
    uint32_t word[4];
} dnnk_philox_block;

/* The bare function of the paper: ten rounds on counter under key. */
dnnk_philox_block dnnk_philox(const uint32_t counter[4], const uint32_t key[2]);

/* The block of (seed, stream, index). */
dnnk_philox_block dnnk_random_block(uint64_t seed, uint64_t stream, uint64_t index);

/* A word to a number in [0, 1): 24 bits, 53 bits; both exact multiples of 2^-24, 2^-53. */
static inline float dnnk_unit_f32(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
static inline double dnnk_unit_f64(uint32_t high, uint32_t low) {
    return (double)((((uint64_t)high << 32) | low) >> 11) * 0x1p-53;
}

/* One uniform number in [0, 1) with 53 bits: element `index` of the f64 stream. */
double dnnk_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* One standard normal number: element `index` of the stream. */
double dnnk_random_normal(uint64_t seed, uint64_t stream, uint64_t index);

/* One integer in [0, n), every one equally likely, n >= 1. It takes bits of block `index` of the stream alone, unless
 * those are rejected (probability n / 2^64 at the most): then of blocks far from it (index + k 2^48, k = 1, 2, ...).
 * Indices are to stay below 2^48. */
uint64_t dnnk_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint64_t n);

/* One number of the beta distribution with both parameters a > 0, in [0, 1]: its mean is 1/2, its variance
 * 1/(8 a + 4). Bits are taken as for dnnk_random_below. Its last bits depend on the C library's log, exp and cos. */
double dnnk_random_beta(uint64_t seed, uint64_t stream, uint64_t index, double a);

/* y[i] = low + (high - low) u(i), u in [0, 1). For f32 u has 24 bits, for f64 53. y[i] may round to high. */
void dnnk_fill_uniform(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double low, double high,
                       int64_t n, void *y);

/* y[i] = mean + deviation * z(i), z standard normal (Box and Muller 1958). */
void dnnk_fill_normal(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double mean,
                      double deviation, int64_t n, void *y);

/* Bytes of `work` for a permutation of n; 64-byte aligned. Small: at most 2 MiB. */
int64_t dnnk_permutation_workspace(int64_t n);

/* order[0..n) = a random permutation of 0..n-1, all equally likely as far as the generator goes. n < 2^43. */
void dnnk_permutation(const dnnk_env *env, uint64_t seed, uint64_t stream, int64_t n, int64_t *order, void *work);

/* Element i of a permutation of 0..n-1, 0 <= i < n < 2^60, without the others. Its order is random to the eye and to
 * simple tests, but few of the n! permutations can come up: for sampling, not for statistics on orders. */
int64_t dnnk_permuted(uint64_t seed, uint64_t stream, int64_t n, int64_t i);

/* Dropout: y[i] = kept(i) ? x[i] / (1 - p) : 0, with kept(i) = (word i >= p 2^32, rounded to an integer).
 * The backward regenerates the mask from the same (seed, stream): dx[i] = kept(i) ? dy[i] / (1 - p) : 0. p = 0 is the
 * identity, bitwise; p = 1 gives 0 everywhere. A dropped NaN is 0. In place allowed. */
void dnnk_dropout_forward(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double p, int64_t n,
                          const void *x, void *y);
void dnnk_dropout_backward(const dnnk_env *env, dnnk_type type, uint64_t seed, uint64_t stream, double p, int64_t n,
                           const void *dy, void *dx);

/* The serial kernels. */
typedef struct dnnk_rng_table {
    /* words of blocks [first, first + blocks), in order: word[4 blocks] */
    void (*words)(uint64_t seed, uint64_t stream, uint64_t first, int64_t blocks, uint32_t *word);
    /* elements [first, first + n) of the stream, first a multiple of 4; y (and x) point to element first */
    void (*uniform)(uint64_t seed, uint64_t stream, int64_t first, double low, double high, int64_t n, void *y);
    /* threshold in [0, 2^32]: words below it are dropped */
    void (*dropout)(uint64_t seed, uint64_t stream, int64_t first, uint64_t threshold, double scale, int64_t n,
                    const void *x, void *y);
} dnnk_rng_table;

DNNK_DECLARE_TABLES(rng)

#endif
