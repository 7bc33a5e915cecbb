/* BLIS's micro-kernels, and nothing else of BLIS.
 *
 * By default they are linked statically from libblis.a, each by its name; the build says which names it found
 * (DNNK_HAVE_BLIS_…). They touch neither memory management nor threads. With DNNK_BLIS_SHARED the kernel for the
 * detected processor comes from the shared library's table of kernels, its "context".
 *
 * A kernel prefers tiles stored by columns (skx: 32×12, with the 32 along a column) or by rows (haswell: 6×16). Our C
 * is stored by rows, so the first kind is asked for the transpose, Cᵀ = Bᵀ·Aᵀ: its m is our n, its A our B.
 */

#include "gemm/kernels.h"

#include <string.h>

#if defined(DNNK_HAVE_BLIS_SKX) || defined(DNNK_HAVE_BLIS_HASWELL) || defined(DNNK_HAVE_BLIS_ARMV8A) ||                \
    defined(DNNK_BLIS_SHARED)

#include <blis.h>

/* alpha, and beta for a tile that is overwritten (0) or added to (1). Kernels take them through pointers to non-const,
 * and the panels too, but write through none of them. */
static const float scalar_f32[2] = {0, 1};
static const double scalar_f64[2] = {0, 1};

#define DEFINE_BY_ROWS(run, kernel, type, mr, nr)                                                                      \
    static void run(int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate) {                  \
        auxinfo_t aux = {.a_next = (void *)a, .b_next = (void *)b};                                                    \
        kernel(mr, nr, k, (void *)&scalar_##type[1], (void *)a, (void *)b, (void *)&scalar_##type[accumulate], c, ldc, \
               1, &aux, NULL);                                                                                         \
    }
#define DEFINE_BY_COLUMNS(run, kernel, type, mr, nr)                                                                   \
    static void run(int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate) {                  \
        auxinfo_t aux = {.a_next = (void *)b, .b_next = (void *)a};                                                    \
        kernel(nr, mr, k, (void *)&scalar_##type[1], (void *)b, (void *)a, (void *)&scalar_##type[accumulate], c, 1,   \
               ldc, &aux, NULL);                                                                                       \
    }

#if defined(DNNK_BLIS_SHARED)

static bool by_rows(cntx_t *cntx, num_t type) { return bli_cntx_l3_nat_ukr_prefers_rows_dt(type, BLIS_GEMM_UKR, cntx); }

#define DEFINE_SHARED(run, kernel_type, num, type)                                                                     \
    static void run(int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate) {                  \
        cntx_t *cntx = (cntx_t *)bli_gks_query_cntx();                                                                 \
        void *address = (void *)bli_cntx_get_l3_nat_ukr_dt(num, BLIS_GEMM_UKR, cntx);                                  \
        kernel_type kernel;                                                                                            \
        memcpy(&kernel, &address, sizeof kernel);                                                                      \
        dim_t mr = bli_cntx_get_blksz_def_dt(num, BLIS_MR, cntx), nr = bli_cntx_get_blksz_def_dt(num, BLIS_NR, cntx);  \
        bool rows = by_rows(cntx, num);                                                                                \
        void *first = (void *)(rows ? a : b), *second = (void *)(rows ? b : a);                                        \
        auxinfo_t aux = {.a_next = first, .b_next = second};                                                           \
        kernel(mr, nr, k, (void *)&scalar_##type[1], first, second, (void *)&scalar_##type[accumulate], c,             \
               rows ? ldc : 1, rows ? 1 : ldc, &aux, cntx);                                                            \
    }

DEFINE_SHARED(run_f32, sgemm_ukr_ft, BLIS_FLOAT, f32)
DEFINE_SHARED(run_f64, dgemm_ukr_ft, BLIS_DOUBLE, f64)

/* Panels are packed without gaps, so a kernel that wants them wider than its tile is of no use here. */
bool dnnk_blis_ukernel(dnnk_isa isa, dnnk_type type, dnnk_ukernel *ukernel) {
    (void)isa;
    cntx_t *cntx = (cntx_t *)bli_gks_query_cntx();
    num_t num = type == DNNK_F64 ? BLIS_DOUBLE : BLIS_FLOAT;
    dim_t mr = bli_cntx_get_blksz_def_dt(num, BLIS_MR, cntx), nr = bli_cntx_get_blksz_def_dt(num, BLIS_NR, cntx);
    bool gaps =
        mr != bli_cntx_get_blksz_max_dt(num, BLIS_MR, cntx) || nr != bli_cntx_get_blksz_max_dt(num, BLIS_NR, cntx);
    if (gaps || mr * nr > DNNK_TILE_MAX || mr > DNNK_PANEL_MAX || nr > DNNK_PANEL_MAX) return false;
    bool rows = by_rows(cntx, num);
    *ukernel = (dnnk_ukernel){.name = type == DNNK_F64 ? "blis, shared library, f64" : "blis, shared library, f32",
                              .run = type == DNNK_F64 ? run_f64 : run_f32, .mr = rows ? mr : nr, .nr = rows ? nr : mr,
                              .kc = 256, .nc = 384};
    return true;
}

#else

#if defined(DNNK_HAVE_BLIS_SKX)
DEFINE_BY_COLUMNS(run_skx_f32, bli_sgemm_skx_asm_32x12_l2, f32, 12, 32)
DEFINE_BY_COLUMNS(run_skx_f64, bli_dgemm_skx_asm_16x14, f64, 14, 16)
#endif
#if defined(DNNK_HAVE_BLIS_HASWELL)
DEFINE_BY_ROWS(run_haswell_f32, bli_sgemm_haswell_asm_6x16, f32, 6, 16)
DEFINE_BY_ROWS(run_haswell_f64, bli_dgemm_haswell_asm_6x8, f64, 6, 8)
#endif
#if defined(DNNK_HAVE_BLIS_ARMV8A)
DEFINE_BY_COLUMNS(run_armv8a_f32, bli_sgemm_armv8a_asm_8x12, f32, 12, 8)
DEFINE_BY_COLUMNS(run_armv8a_f64, bli_dgemm_armv8a_asm_6x8, f64, 8, 6)
#endif

typedef struct {
    dnnk_isa isa;
    dnnk_type type;
    dnnk_ukernel ukernel;
} entry;

static const entry entries[] = {
#if defined(DNNK_HAVE_BLIS_SKX)
    {DNNK_AVX512, DNNK_F32, {"blis skx 32x12, f32", run_skx_f32, .mr = 12, .nr = 32, .kc = 384, .nc = 480}},
    {DNNK_AVX512, DNNK_F64, {"blis skx 16x14, f64", run_skx_f64, .mr = 14, .nr = 16, .kc = 256, .nc = 240}},
#endif
#if defined(DNNK_HAVE_BLIS_HASWELL)
    {DNNK_AVX2, DNNK_F32, {"blis haswell 6x16, f32", run_haswell_f32, .mr = 6, .nr = 16, .kc = 256, .nc = 256}},
    {DNNK_AVX2, DNNK_F64, {"blis haswell 6x8, f64", run_haswell_f64, .mr = 6, .nr = 8, .kc = 256, .nc = 128}},
#endif
#if defined(DNNK_HAVE_BLIS_ARMV8A)
    {DNNK_NEON, DNNK_F32, {"blis armv8a 8x12, f32", run_armv8a_f32, .mr = 12, .nr = 8, .kc = 384, .nc = 192}},
    {DNNK_NEON, DNNK_F64, {"blis armv8a 6x8, f64", run_armv8a_f64, .mr = 8, .nr = 6, .kc = 256, .nc = 96}},
#endif
};

bool dnnk_blis_ukernel(dnnk_isa isa, dnnk_type type, dnnk_ukernel *ukernel) {
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        if (entries[i].isa != isa || entries[i].type != type) continue;
        *ukernel = entries[i].ukernel;
        return true;
    }
    return false;
}

#endif

#else

bool dnnk_blis_ukernel(dnnk_isa isa, dnnk_type type, dnnk_ukernel *ukernel) {
    (void)isa;
    (void)type;
    (void)ukernel;
    return false;
}

#endif
