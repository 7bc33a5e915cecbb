#include "hash/crc32c.h"

/* The remainders of all bytes, made by: for each byte b, eight times b = b & 1 ? b >> 1 ^ 0x82f63b78 : b >> 1. Half a
 * byte at a time needs 16 of them. */
static const uint32_t remainders[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t dnnk_crc32c_portable(uint32_t state, const unsigned char *data, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i++) {
        state ^= data[i];
        state = state >> 4 ^ remainders[state & 15];
        state = state >> 4 ^ remainders[state & 15];
    }
    return state;
}

uint32_t dnnk_crc32c(dnnk_isa isa, uint32_t crc, const void *data, int64_t bytes) {
#if defined(__x86_64__)
    if (isa != DNNK_PORTABLE) return ~dnnk_crc32c_sse42(~crc, data, bytes);
#else
    (void)isa;
#endif
    return ~dnnk_crc32c_portable(~crc, data, bytes);
}
