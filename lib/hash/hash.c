#include "hash/hash.h"

#include <string.h>

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

/* Numbers are little endian. */
static uint64_t read64(const unsigned char *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

static uint64_t read32(const unsigned char *p) {
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t mix(uint64_t sum, uint64_t x) { return rotate(sum + x * P2, 31) * P1; }

/* Stripes of 32 bytes in four sums, which are then one. */
static uint64_t stripes(uint64_t seed, const unsigned char *p, int64_t n) {
    static const int turns[4] = {1, 7, 12, 18};
    uint64_t sum[4] = {seed + P1 + P2, seed + P2, seed, seed - P1}, hash = 0;
    for (int64_t i = 0; i < n; i++, p += 32)
        for (int k = 0; k < 4; k++) sum[k] = mix(sum[k], read64(p + 8 * k));
    for (int k = 0; k < 4; k++) hash += rotate(sum[k], turns[k]);
    for (int k = 0; k < 4; k++) hash = (hash ^ mix(0, sum[k])) * P1 + P4;
    return hash;
}

/* What is left: fewer than 32 bytes. */
static uint64_t rest(uint64_t hash, const unsigned char *p, int64_t n) {
    for (; n >= 8; n -= 8, p += 8) hash = rotate(hash ^ mix(0, read64(p)), 27) * P1 + P4;
    if (n >= 4) {
        hash = rotate(hash ^ read32(p) * P1, 23) * P2 + P3;
        n -= 4, p += 4;
    }
    for (; n > 0; n--, p++) hash = rotate(hash ^ *p * P5, 11) * P1;
    return hash;
}

uint64_t dnnk_hash(uint64_t seed, const void *data, int64_t bytes) {
    uint64_t hash = bytes >= 32 ? stripes(seed, data, bytes / 32) : seed + P5;
    hash += (uint64_t)bytes;
    if (bytes % 32 > 0) hash = rest(hash, (const unsigned char *)data + bytes / 32 * 32, bytes % 32);
    hash = (hash ^ hash >> 33) * P2;
    hash = (hash ^ hash >> 29) * P3;
    return hash ^ hash >> 32;
}
