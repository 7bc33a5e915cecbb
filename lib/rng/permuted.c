/* One element of a permutation at a time: a Feistel network over pairs of half-words, its rounds keyed by Philox, is a
 * permutation of the numbers below a power of four; walking it until it comes back below n makes one of the numbers
 * below n (Black and Rogaway 2002, "Ciphers with arbitrary finite domains"). */
#include "rng/rng.h"

enum { ROUNDS = 6 };

static uint64_t feistel(uint64_t seed, uint64_t stream, int half_bits, uint64_t x) {
    uint64_t mask = ((uint64_t)1 << half_bits) - 1, left = x >> half_bits, right = x & mask;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        dnnk_philox_block block = dnnk_random_block(seed, stream, right | round << 56);
        uint64_t mixed = left ^ (block.word[0] & mask);
        left = right;
        right = mixed;
    }
    return left << half_bits | right;
}

int64_t dnnk_permuted(uint64_t seed, uint64_t stream, int64_t n, int64_t i) {
    int half_bits = 1;
    while ((int64_t)1 << (2 * half_bits) < n) half_bits++;
    uint64_t x = (uint64_t)i;
    do x = feistel(seed, stream, half_bits, x);
    while (x >= (uint64_t)n);
    return (int64_t)x;
}
