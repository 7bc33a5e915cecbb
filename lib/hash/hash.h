/* A hash of bytes: XXH64 (Yann Collet; github.com/Cyan4973/xxHash, doc/xxhash_spec.md), the same on every machine, and
 * as `xxh64sum` prints. To recognise data: 64 bits tell apart what differs by accident, not what somebody has
 * forged. */
#ifndef DNNK_HASH_H
#define DNNK_HASH_H

#include <stdint.h>

uint64_t dnnk_hash(uint64_t seed, const void *data, int64_t bytes);

#endif
