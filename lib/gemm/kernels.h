/* What lib/gemm's drivers call: the table of serial kernels (gemm_body.c) and the micro-kernel that was chosen. */
#ifndef DNNK_GEMM_KERNELS_H
#define DNNK_GEMM_KERNELS_H

#include "base/tables.h"
#include "gemm/gemm.h"

enum {
    DNNK_TILE_MAX = 512,    /* elements of the largest tile, mr · nr */
    DNNK_PANEL_MAX = 64,    /* the largest mr or nr */
    DNNK_PANEL_SLACK = 512, /* bytes that a micro-kernel may read (never use) behind its last panel */
    DNNK_LOW_KERNELS = 2,
    DNNK_PANEL_GROUP = 8,   /* panels that are packed in one go, at most */
    DNNK_SKINNY_ROWS = 4,   /* up to so many rows of C, packing B does not pay */
};

/* c[mr,nr] (+)= Σ_p a[p,mr] · b[p,nr]: panels are packed and 64-byte aligned; rows of c are ldc apart. */
typedef void dnnk_ukernel_run(int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate);

typedef struct dnnk_ukernel {
    const char *name;
    dnnk_ukernel_run *run;
    int64_t mr, nr;
    int64_t kc; /* the deepest panel: mr·kc of A stay in L1 while nc·kc of B stream from L2 */
    int64_t nc; /* columns of B that a task goes through for each panel of A */
} dnnk_ukernel;

/* The same for the first `rows` rows of a tile, where there are no more; panels of a are `width` wide. Each element is
 * summed in the same order as in the whole tile. */
typedef struct dnnk_low_kernel {
    int64_t rows;
    void (*run)(int64_t width, int64_t k, const void *a, const void *b, void *c, int64_t ldc, bool accumulate);
} dnnk_low_kernel;

/* A tile on its way into C. Row i of the target starts at c + row[i]; its columns are col apart. */
typedef struct dnnk_tile {
    const void *values; /* rows ld apart; may be C itself, with accumulate false */
    int64_t ld, m, n;
    void *c;
    const int64_t *row;
    int64_t col;
    bool accumulate;
    const void *scale;    /* for this tile's first row or column; or NULL */
    const void *bias;     /* likewise */
    bool by_row;          /* the product was computed transposed: a scale and a bias for each row of the tile */
    const void *residual; /* with the offsets of c; or NULL */
    bool relu;
} dnnk_tile;

typedef struct dnnk_gemm_table {
    dnnk_ukernel plain; /* in plain C: the reference of the others, and their fallback */
    dnnk_low_kernel low[DNNK_LOW_KERNELS]; /* ascending; as wide as `plain` */
    /* panel[p·width + i] = rows[i][p] */
    void (*pack_rows)(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
    /* panel[p·width + i] = x[p·k_stride + i·stride] */
    void (*pack_strided)(const void *x, int64_t stride, int64_t k_stride, int64_t count, int64_t kn, int64_t width,
                         void *panel);
    /* Several panels, one behind the other, from rows along k: panel[g][p·width + i] = x[p·k_stride + g·width + i]. A
     * row is read once, and whole lines of it. */
    void (*pack_panels)(const void *x, int64_t k_stride, int64_t panels, int64_t kn, int64_t width, void *out);
    /* to[i·to_stride + j] = from[i·from_stride + j] for i < rows, j < length */
    void (*copy_rows)(int64_t rows, int64_t length, const void *from, int64_t from_stride, void *to, int64_t to_stride);
    void (*merge)(const dnnk_tile *tile);
    void (*add)(int64_t n, void *y, const void *x); /* y += x */
    /* Without packing, for few rows: out[i·n + j] = Σ_p a[i·lda + p] · B(p, j), where B(p, j) is b[j·stride + p] (dots)
     * or b[p·stride + j] (axpys). */
    void (*dots)(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, int64_t stride, void *out);
    void (*axpys)(int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b, int64_t stride,
                  void *out);
    /* sums[j] = Σ_i x[i·stride + j] */
    void (*column_sums)(int64_t m, int64_t n, const void *x, int64_t stride, void *sums);
} dnnk_gemm_table;

DNNK_DECLARE_TABLES(gemm)

/* The micro-kernel for this instruction set and type: BLIS's if it was built in, otherwise the plain one. */
dnnk_ukernel dnnk_gemm_ukernel(dnnk_isa isa, dnnk_type type);

/* BLIS's micro-kernel; false if this build or this machine has none for it. */
bool dnnk_blis_ukernel(dnnk_isa isa, dnnk_type type, dnnk_ukernel *ukernel);

/* How matrices are packed on this instruction set: the table's packers, or variants in intrinsics. */
typedef struct dnnk_packer {
    void (*rows)(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
    void (*strided)(const void *x, int64_t stride, int64_t k_stride, int64_t count, int64_t kn, int64_t width,
                    void *panel);
    void (*copy_rows)(int64_t rows, int64_t length, const void *from, int64_t from_stride, void *to, int64_t to_stride);
    void (*panels)(const void *x, int64_t k_stride, int64_t panels, int64_t kn, int64_t width, void *out);
    int64_t size; /* bytes of an element */
} dnnk_packer;

dnnk_packer dnnk_gemm_packer(dnnk_isa isa, dnnk_type type);

/* Variants of pack_rows in intrinsics, for the micro-kernels' widths; other widths go to the table. */
#if defined(__x86_64__)
void dnnk_pack_rows_avx2_f32(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
void dnnk_pack_rows_avx2_f64(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
void dnnk_pack_rows_avx512_f32(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
void dnnk_pack_rows_avx512_f64(const void *const *rows, int64_t count, int64_t kn, int64_t width, void *panel);
#endif

/* A dnnk_pack for an operand that may be a matrix; `offset` (elements) is where its product of the batch starts. */
void dnnk_gemm_pack_panel(const dnnk_packer *packer, const dnnk_operand *o, int64_t batch, int64_t offset,
                          int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t width, void *panel);

/* Several panels, one behind the other: those of `count` rows of A, or columns of B, from `first` on. */
void dnnk_gemm_pack_panels(const dnnk_packer *packer, const dnnk_operand *o, int64_t batch, int64_t offset,
                           int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t width, void *panels);

/* How many panels of an operand are best packed in one go: some, where neighbours share lines of memory; else one. */
static inline int64_t dnnk_gemm_pack_group(const dnnk_operand *o) {
    return !o->pack && o->stride == 1 ? DNNK_PANEL_GROUP : 1;
}

#endif
