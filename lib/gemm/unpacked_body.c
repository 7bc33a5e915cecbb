#include "base/vector.h"

#include "gemm/unpacked.h"

/* As many rows as leave registers for two vectors of B: 32, 16 and 16 registers. */
#if defined(__AVX512F__)
enum { ROWS = 12 };
#elif defined(__AVX2__)
enum { ROWS = 6 };
#else
enum { ROWS = 4 };
#endif
enum { VECTORS = 2, NR = VECTORS * VECTOR_BYTES / (int)sizeof(real), THIRD = ROWS / 3 };

/* m rows, one run of columns, all in registers. m, and which of A's strides is 1, are known when it is compiled. */
static inline void tile(int64_t m, int64_t k, const real *a, int64_t a_row, int64_t a_col, const real *b, int64_t b_row,
                        real *c, int64_t c_row, bool accumulate) {
    vec sum[ROWS][VECTORS] = {0};
    for (int64_t p = 0; p < k; p++, a += a_col, b += b_row) {
        vec b0 = ((const vec_unaligned *)b)[0], b1 = ((const vec_unaligned *)b)[1];
#pragma GCC unroll 16
        for (int64_t i = 0; i < m; i++) {
            sum[i][0] += a[i * a_row] * b0;
            sum[i][1] += a[i * a_row] * b1;
        }
    }
#pragma GCC unroll 16
    for (int64_t i = 0; i < m; i++) {
        vec_unaligned *to = (vec_unaligned *)(c + i * c_row);
        if (accumulate) sum[i][0] += to[0], sum[i][1] += to[1];
        to[0] = sum[i][0], to[1] = sum[i][1];
    }
}

typedef void tile_function(int64_t k, const real *a, int64_t a_stride, const real *b, int64_t b_row, real *c,
                           int64_t c_row, bool accumulate);

#define DEFINE_TILE(name, rows, a_row, a_col)                                                                          \
    static void name(int64_t k, const real *a, int64_t a_stride, const real *b, int64_t b_row, real *c, int64_t c_row, \
                     bool accumulate) {                                                                                \
        (void)a_stride;                                                                                                \
        tile(rows, k, a, a_row, a_col, b, b_row, c, c_row, accumulate);                                                \
    }
DEFINE_TILE(full_by_rows, ROWS, a_stride, 1)
DEFINE_TILE(third_by_rows, THIRD, a_stride, 1)
DEFINE_TILE(single_by_rows, 1, a_stride, 1)
DEFINE_TILE(full_by_columns, ROWS, 1, a_stride)
DEFINE_TILE(third_by_columns, THIRD, 1, a_stride)
DEFINE_TILE(single_by_columns, 1, 1, a_stride)

/* Tiles of ROWS, then of a third, then single rows. */
static int64_t rows_from(const dnnk_unpacked *p, int64_t i) {
    return p->m - i >= ROWS ? ROWS : p->m - i >= THIRD ? THIRD : 1;
}

static tile_function *tile_for(const dnnk_unpacked *p, int64_t rows) {
    static tile_function *const functions[2][3] = {{full_by_columns, third_by_columns, single_by_columns},
                                                   {full_by_rows, third_by_rows, single_by_rows}};
    return functions[p->a_col == 1][rows == ROWS ? 0 : rows == THIRD ? 1 : 2];
}

static void multiply(const dnnk_unpacked *p) {
    int64_t a_stride = p->a_col == 1 ? p->a_row : p->a_col;
    for (int64_t j = 0; j < p->n; j += NR)
        for (int64_t i = 0, rows; i < p->m; i += rows) {
            rows = rows_from(p, i);
            tile_for(p, rows)(p->k, (const real *)p->a + i * p->a_row, a_stride, (const real *)p->b + j / NR * p->b_run,
                              p->b_row, (real *)p->c + i * p->c_row + j, p->c_row, p->accumulate);
        }
}

const dnnk_unpacked_table DNNK_TABLE(unpacked) = {.nr = NR, .multiply = multiply};
