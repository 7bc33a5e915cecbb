#include <nmmintrin.h>
#include <string.h>

#include "hash/crc32c.h"

uint32_t dnnk_crc32c_sse42(uint32_t state, const unsigned char *data, int64_t bytes) {
    uint64_t wide = state;
    for (; bytes >= 8; data += 8, bytes -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    state = (uint32_t)wide;
    for (; bytes > 0; data++, bytes--) state = _mm_crc32_u8(state, *data);
    return state;
}
