#include "gemm/kernels.h"

dnnk_ukernel dnnk_gemm_ukernel(dnnk_isa isa, dnnk_type type) {
    dnnk_ukernel ukernel;
    if (isa != DNNK_PORTABLE && dnnk_blis_ukernel(isa, type, &ukernel)) return ukernel;
    return dnnk_gemm_kernels(isa, type)->plain;
}

const char *dnnk_gemm_describe(dnnk_isa isa, dnnk_type type) { return dnnk_gemm_ukernel(isa, type).name; }
