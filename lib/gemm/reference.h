#ifndef DNNK_GEMM_REFERENCE_H
#define DNNK_GEMM_REFERENCE_H

#include "base/tables.h"
#include "gemm/gemm.h"

typedef struct dnnk_gemm_ref_table {
    void (*reference)(const dnnk_gemm_problem *problem);
} dnnk_gemm_ref_table;

DNNK_DECLARE_TABLES(gemm_ref)

#endif
