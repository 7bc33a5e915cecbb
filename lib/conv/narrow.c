#include "conv/narrow.h"

#include <string.h>

#include "conv/implicit.h"
#include "conv/taps.h"
#include "gemm/unpacked.h"

enum {
    CHANNELS = 8,    /* more are packed well enough */
    POSITIONS = 48,  /* of a block; a multiple of the rows of every micro-kernel, at most DNNK_PANEL_MAX */
    TASK_BLOCKS = 4, /* of a task of the forward pass */
    SPLITS = 16,     /* shares of the positions in the gradient of the weights */
};

bool dnnk_is_narrow(const dnnk_conv *c) {
    bool narrow = c->groups == 1 && c->in_channels >= 1 && c->in_channels <= CHANNELS && c->out_channels >= 1;
    bool all_taps = dnnk_useful_rows(c).count == c->kernel_h && dnnk_useful_columns(c).count == c->kernel_w;
    int64_t positions = c->batch * dnnk_conv_out_height(c) * dnnk_conv_out_width(c);
    return narrow && all_taps && c->kernel_h * c->kernel_w > 1 && positions >= POSITIONS;
}

/* k: weights of an output. A lane has a block of patches, and sums: of the block's outputs, or dwᵀ [k, O]. */
typedef struct {
    const dnnk_conv *c;
    const dnnk_env *env;
    const dnnk_unpacked_table *product;
    const dnnk_gemm_table *gemm;
    dnnk_patches patches;
    const dnnk_epilogue *epilogue;
    int64_t size, k, positions, outputs, padded; /* padded: outputs, in whole runs */
    const char *w, *packed, *dy;
    char *y, *dw, *work;
    int64_t splits, at_lanes, of_patches, of_dy, lane_bytes, bytes;
} job;

static int64_t aligned(int64_t bytes) { return dnnk_round_up(bytes, 64); }

static char *align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

static job make_job(const dnnk_env *env, const dnnk_conv *c, const void *x) {
    dnnk_implicit m = dnnk_implicit_make(env, c, x, NULL);
    job j = {.c = c, .env = env, .product = dnnk_unpacked_kernels(env->isa, c->type), .patches = m.patches,
             .gemm = dnnk_gemm_kernels(env->isa, c->type), .size = dnnk_size(c->type), .outputs = c->out_channels,
             .k = c->kernel_h * c->kernel_w * c->in_channels, .positions = c->batch * m.rows * m.cols};
    j.padded = dnnk_round_up(j.outputs, j.product->nr);
    j.of_patches = aligned(POSITIONS * j.k * j.size);
    return j;
}

static int64_t bytes_of_weights(const job *j) { return aligned(j->padded * j->k * j->size); }

static job make_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, bool packed) {
    job j = make_job(env, c, x);
    j.at_lanes = packed ? 0 : bytes_of_weights(&j);
    j.lane_bytes = j.of_patches + aligned(POSITIONS * j.padded * j.size);
    j.bytes = j.at_lanes + env->lanes * j.lane_bytes + 64;
    return j;
}

static char *of_lane(const job *j, int64_t lane) { return j->work + j->at_lanes + lane * j->lane_bytes; }

/* w [O, k] to runs [k, nr] */
static void pack_weights(const job *j, char *packed) {
    int64_t nr = j->product->nr;
    const void *rows[DNNK_PANEL_MAX];
    for (int64_t o = 0; o < j->outputs; o += nr) {
        int64_t count = dnnk_min(nr, j->outputs - o);
        for (int64_t i = 0; i < count; i++) rows[i] = j->w + (o + i) * j->k * j->size;
        j->patches.packer.rows(rows, count, j->k, nr, packed + o * j->k * j->size);
    }
}

static void forward_block(const job *j, int64_t first, int64_t lane) {
    int64_t count = dnnk_min(POSITIONS, j->positions - first), row[POSITIONS];
    char *patches = of_lane(j, lane), *sums = patches + j->of_patches;
    dnnk_pack_patch_columns(&j->patches, 0, 0, j->k, first, count, j->k, patches);
    dnnk_unpacked product = {.m = count, .n = j->padded, .k = j->k, .a = patches, .a_row = j->k, .a_col = 1,
                             .b = j->packed, .b_row = j->product->nr, .b_run = j->k * j->product->nr, .c = sums,
                             .c_row = j->padded};
    j->product->multiply(&product);
    for (int64_t i = 0; i < count; i++) row[i] = (first + i) * j->outputs;
    dnnk_tile tile = {.values = sums, .ld = j->padded, .m = count, .n = j->outputs, .c = j->y, .row = row, .col = 1,
                      .scale = j->epilogue->scale, .bias = j->epilogue->bias, .residual = j->epilogue->residual,
                      .relu = j->epilogue->relu};
    j->gemm->merge(&tile);
}

static void forward_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    int64_t begin = task * TASK_BLOCKS * POSITIONS, end = dnnk_min(begin + TASK_BLOCKS * POSITIONS, j->positions);
    for (int64_t first = begin; first < end; first += POSITIONS) forward_block(j, first, lane);
}

static void forward(job *j, const dnnk_epilogue *epilogue, void *y) {
    static const dnnk_epilogue nothing;
    j->epilogue = epilogue ? epilogue : &nothing;
    j->y = y;
    dnnk_parallel(j->env, dnnk_ceil_div(j->positions, TASK_BLOCKS * POSITIONS), forward_task, j);
}

int64_t dnnk_narrow_workspace(const dnnk_env *env, const dnnk_conv *c, bool packed) {
    return make_forward(env, c, NULL, packed).bytes;
}

void dnnk_narrow_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                         const dnnk_epilogue *epilogue, void *y, void *work) {
    job j = make_forward(env, c, x, false);
    j.w = w, j.packed = j.work = align(work);
    pack_weights(&j, j.work);
    forward(&j, epilogue, y);
}

int64_t dnnk_narrow_packed_bytes(const dnnk_env *env, const dnnk_conv *c) {
    job j = make_job(env, c, NULL);
    return bytes_of_weights(&j);
}

void dnnk_narrow_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed) {
    job j = make_job(env, c, NULL);
    j.w = w;
    pack_weights(&j, packed);
}

void dnnk_narrow_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                                const dnnk_epilogue *epilogue, void *y, void *work) {
    job j = make_forward(env, c, x, true);
    j.packed = packed, j.work = align(work);
    forward(&j, epilogue, y);
}

/* workspace: | dwᵀ [k, padded] of each share | lane 0: patches, dy in whole runs | lane 1: … | */
static job make_backward(const dnnk_env *env, const dnnk_conv *c, const void *x) {
    job j = make_job(env, c, x);
    j.splits = dnnk_min(SPLITS, dnnk_ceil_div(j.positions, POSITIONS));
    j.at_lanes = j.splits * bytes_of_weights(&j);
    j.of_dy = j.padded == j.outputs ? 0 : aligned(POSITIONS * j.padded * j.size);
    j.lane_bytes = j.of_patches + j.of_dy;
    j.bytes = j.at_lanes + env->lanes * j.lane_bytes + 64;
    return j;
}

/* dy's rows from position `first`, with room for whole runs. What is in that room does not matter, it is 0. */
static const char *rows_of_dy(const job *j, int64_t first, int64_t count, int64_t lane) {
    const char *dy = j->dy + first * j->outputs * j->size;
    if (j->of_dy == 0) return dy;
    char *rows = of_lane(j, lane) + j->of_patches;
    memset(rows, 0, (size_t)(count * j->padded * j->size));
    j->gemm->copy_rows(count, j->outputs, dy, j->outputs, rows, j->padded);
    return rows;
}

/* A share of the positions, block by block: dwᵀ = Σ patchesᵀ [k, positions] · dy [positions, O] */
static void backward_task(void *arg, int64_t split, int64_t lane) {
    const job *j = arg;
    int64_t blocks = dnnk_ceil_div(j->positions, POSITIONS), begin = split * blocks / j->splits,
            end = (split + 1) * blocks / j->splits;
    char *patches = of_lane(j, lane);
    dnnk_unpacked product = {.m = j->k, .n = j->padded, .a = patches, .a_row = 1, .a_col = j->k, .b_row = j->padded,
                             .b_run = j->product->nr, .c = j->work + split * bytes_of_weights(j), .c_row = j->padded};
    for (int64_t block = begin; block < end; block++) {
        int64_t first = block * POSITIONS;
        product.k = dnnk_min(POSITIONS, j->positions - first);
        dnnk_pack_patch_columns(&j->patches, 0, 0, j->k, first, product.k, j->k, patches);
        product.b = rows_of_dy(j, first, product.k, lane);
        product.accumulate = block > begin;
        j->product->multiply(&product);
    }
}

/* dw [O, k] += dwᵀ [k, padded]: rows are columns. */
static void add_transposed(const job *j, void *dw) {
    int64_t row[DNNK_PANEL_MAX];
    for (int64_t k = 0; k < j->k; k += DNNK_PANEL_MAX) {
        int64_t count = dnnk_min(DNNK_PANEL_MAX, j->k - k);
        for (int64_t i = 0; i < count; i++) row[i] = k + i;
        dnnk_tile tile = {.values = j->work + k * j->padded * j->size, .ld = j->padded, .m = count, .n = j->outputs,
                          .c = dw, .row = row, .col = j->k, .accumulate = true};
        j->gemm->merge(&tile);
    }
}

int64_t dnnk_narrow_weights_workspace(const dnnk_env *env, const dnnk_conv *c) {
    return make_backward(env, c, NULL).bytes;
}

void dnnk_narrow_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                  void *work) {
    job j = make_backward(env, c, x);
    j.dy = dy, j.work = align(work);
    dnnk_parallel(env, j.splits, backward_task, &j);
    for (int64_t s = 1; s < j.splits; s++) j.gemm->add(j.k * j.padded, j.work, j.work + s * bytes_of_weights(&j));
    add_transposed(&j, dw);
}
