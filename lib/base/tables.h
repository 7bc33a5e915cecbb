/* How a family of kernels (act, norm, …) declares and picks its tables: one for each type and instruction set, all
 * from one body. The portable one is the reference, and the last resort. */
#ifndef DNNK_TABLES_H
#define DNNK_TABLES_H

#include "base/env.h"

#if defined(__x86_64__)
#define DNNK_DECLARE_TABLES(family)                                                                        \
    extern const dnnk_##family##_table dnnk_##family##_f32_portable, dnnk_##family##_f32_avx2,             \
        dnnk_##family##_f32_avx512, dnnk_##family##_f64_portable, dnnk_##family##_f64_avx2,                \
        dnnk_##family##_f64_avx512;                                                                        \
    static inline const dnnk_##family##_table *dnnk_##family##_kernels(dnnk_isa isa, dnnk_type type) {     \
        static const dnnk_##family##_table *const tables[DNNK_TYPES][DNNK_ISAS] = {                        \
            {&dnnk_##family##_f32_portable, &dnnk_##family##_f32_avx2, &dnnk_##family##_f32_avx512},       \
            {&dnnk_##family##_f64_portable, &dnnk_##family##_f64_avx2, &dnnk_##family##_f64_avx512}};      \
        return tables[type][isa];                                                                          \
    }
#else
#define DNNK_DECLARE_TABLES(family)                                                                        \
    extern const dnnk_##family##_table dnnk_##family##_f32_portable, dnnk_##family##_f64_portable;         \
    static inline const dnnk_##family##_table *dnnk_##family##_kernels(dnnk_isa isa, dnnk_type type) {     \
        (void)isa;                                                                                         \
        return type == DNNK_F64 ? &dnnk_##family##_f64_portable : &dnnk_##family##_f32_portable;           \
    }
#endif

#endif
