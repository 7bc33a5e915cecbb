/* Philox4x32-10's constants and its round (Salmon et al. 2011, section 3.3 and table 2). */
#ifndef DNNK_PHILOX_H
#define DNNK_PHILOX_H

#include <stdint.h>

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u /* golden ratio */
#define PHILOX_W1 0xBB67AE85u /* sqrt(3) - 1 */
#define PHILOX_ROUNDS 10

static inline uint32_t philox_high(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }

/* One round on counter words c0…c3, each a modifiable uint32_t, with round keys k0, k1. The halves of each product are
 * computed apart because compilers know vector code for either, but not for a 64-bit product that is then split. */
#define PHILOX_ROUND(c0, c1, c2, c3, k0, k1)                                \
    do {                                                                    \
        uint32_t low0 = PHILOX_M0 * (c0), low1 = PHILOX_M1 * (c2);          \
        uint32_t next0 = philox_high(PHILOX_M1, (c2)) ^ (c1) ^ (k0);        \
        uint32_t next2 = philox_high(PHILOX_M0, (c0)) ^ (c3) ^ (k1);        \
        (c0) = next0;                                                       \
        (c1) = low1;                                                        \
        (c2) = next2;                                                       \
        (c3) = low0;                                                        \
    } while (0)

#endif
