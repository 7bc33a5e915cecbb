#include "gemm/kernels.h"

dnnk_packer dnnk_gemm_packer(dnnk_isa isa, dnnk_type type) {
    const dnnk_gemm_table *table = dnnk_gemm_kernels(isa, type);
    dnnk_packer packer = {.rows = table->pack_rows, .strided = table->pack_strided, .copy_rows = table->copy_rows,
                          .panels = table->pack_panels, .size = dnnk_size(type)};
#if defined(__x86_64__)
    if (isa == DNNK_AVX2) packer.rows = type == DNNK_F64 ? dnnk_pack_rows_avx2_f64 : dnnk_pack_rows_avx2_f32;
    if (isa == DNNK_AVX512) packer.rows = type == DNNK_F64 ? dnnk_pack_rows_avx512_f64 : dnnk_pack_rows_avx512_f32;
#endif
    return packer;
}

void dnnk_gemm_pack_panel(const dnnk_packer *packer, const dnnk_operand *o, int64_t batch, int64_t offset,
                          int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t width, void *panel) {
    if (kn == 0) return;
    if (o->pack) {
        o->pack(o->source, batch, first, count, k0, kn, width, panel);
        return;
    }
    const char *x = (const char *)o->source + (offset + first * o->stride + k0 * o->k_stride) * packer->size;
    if (o->k_stride != 1) {
        packer->strided(x, o->stride, o->k_stride, count, kn, width, panel);
        return;
    }
    const void *rows[DNNK_PANEL_MAX];
    for (int64_t i = 0; i < count; i++) rows[i] = x + i * o->stride * packer->size;
    packer->rows(rows, count, kn, width, panel);
}

void dnnk_gemm_pack_panels(const dnnk_packer *packer, const dnnk_operand *o, int64_t batch, int64_t offset,
                           int64_t first, int64_t count, int64_t k0, int64_t kn, int64_t width, void *panels) {
    int64_t done = 0, group = dnnk_gemm_pack_group(o);
    for (int64_t whole; (whole = dnnk_min(group, (count - done) / width)) > 1; done += whole * width)
        packer->panels((const char *)o->source + (offset + first + done + k0 * o->k_stride) * packer->size, o->k_stride,
                       whole, kn, width, (char *)panels + done * kn * packer->size);
    for (; done < count; done += width)
        dnnk_gemm_pack_panel(packer, o, batch, offset, first + done, dnnk_min(width, count - done), k0, kn, width,
                             (char *)panels + done * kn * packer->size);
}
