#include "gemm/reference.h"

void dnnk_gemm_reference(const dnnk_gemm_problem *problem) {
    dnnk_gemm_ref_kernels(DNNK_PORTABLE, problem->type)->reference(problem);
}
