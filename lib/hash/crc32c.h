/* CRC-32C (Castagnoli 1993; RFC 3720, appendix B.4): polynomial 0x1edc6f41, reflected, begun and ended with all ones.
 * "123456789" gives 0xe3069283. It finds every burst of up to 32 bits; against those who mean harm it is no help. */
#ifndef DNNK_CRC32C_H
#define DNNK_CRC32C_H

#include "base/env.h"

/* The sum of data that was summed up to `crc` (0: nothing yet), and of `bytes` more. */
uint32_t dnnk_crc32c(dnnk_isa isa, uint32_t crc, const void *data, int64_t bytes);

/* Two table look-ups for each byte: the specification. And with the processor's own instruction, which every machine
 * with AVX2 has. Both work on the sum without its final inversion. */
uint32_t dnnk_crc32c_portable(uint32_t state, const unsigned char *data, int64_t bytes);
uint32_t dnnk_crc32c_sse42(uint32_t state, const unsigned char *data, int64_t bytes);

#endif
