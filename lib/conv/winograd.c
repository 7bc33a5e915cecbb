#include "conv/winograd.h"

#include "conv/winograd_plan.h"
#include "gemm/kernels.h"

enum {
    TAPS = 9,
    NR_MAX = 32,
    TILES = 4, /* that a task of a round transforms */
};

/* A plan at work. */
typedef struct {
    const dnnk_winograd_plan *plan;
    const char *image, *w, *u; /* u: all of U, where it exists */
    dnnk_winograd_target target;
    char *work, *made;    /* made: U on its way */
    int64_t first, count; /* wide: the round's tiles */
} job;

static char *align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

static char *of_lane(const job *j, int64_t lane, int64_t at) {
    return j->work + j->plan->at_lanes + lane * j->plan->lane_bytes + at;
}

static int64_t runs(const dnnk_winograd_plan *p) { return dnnk_ceil_div(p->to.channels, p->nr); }

/* Nine taps of nr outputs and kn inputs, from w [O, 9, C] to taps [9, kn, nr]. */
static void turn_taps(const job *j, int64_t o, int64_t k, int64_t kn, char *taps) {
    const dnnk_winograd_plan *p = j->plan;
    int64_t count = dnnk_min(p->nr, p->to.channels - o), depth = p->from.channels;
    dnnk_packer packer = dnnk_gemm_packer(p->env->isa, p->c->type);
    const void *rows[NR_MAX];
    for (int64_t t = 0; t < TAPS; t++) {
        for (int64_t i = 0; i < count; i++) rows[i] = j->w + (((o + i) * TAPS + t) * depth + k) * p->size;
        packer.rows(rows, count, kn, p->nr, taps + t * kn * p->nr * p->size);
    }
}

/* Rows [k, k + kn) of U for outputs [o, o + nr), to planes `plane` apart. In the gradient of the data outputs are the
 * channels of x, and w has them side by side as they are wanted. */
static void make_rows_of_u(const job *j, int64_t o, int64_t k, int64_t kn, char *out, int64_t plane) {
    const dnnk_winograd_plan *p = j->plan;
    int64_t nr = p->nr, outputs = p->to.channels;
    if (p->direction == DNNK_WINOGRAD_DATA) {
        p->transforms->weights(kn, outputs - o, j->w + (k * TAPS * outputs + o) * p->size, outputs, TAPS * outputs,
                               true, out, plane);
        return;
    }
    _Alignas(64) char taps[TAPS * DNNK_WINOGRAD_DEPTH * NR_MAX * sizeof(float)]; /* float64 has half as many columns */
    turn_taps(j, o, k, kn, taps);
    p->transforms->weights(kn, nr, taps, kn * nr, nr, false, out, plane);
}

static void make_u(const job *j, int64_t o, int64_t k0, int64_t kn, char *out, int64_t plane) {
    const dnnk_winograd_plan *p = j->plan;
    for (int64_t k = 0; k < kn; k += DNNK_WINOGRAD_DEPTH)
        make_rows_of_u(j, o, k0 + k, dnnk_min(DNNK_WINOGRAD_DEPTH, kn - k), out + k * p->nr * p->size, plane);
}

/* A task makes U for one run of outputs. */
static void weights_task(void *arg, int64_t run, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t depth = p->from.channels;
    make_u(j, run * p->nr, 0, depth, j->made + run * depth * p->nr * p->size, p->u_plane);
}

/* M [count, n] (+)= V [count, k0 …] · U for each plane; U's rows begin with k0. */
static void multiply_planes(const dnnk_winograd_plan *p, int64_t count, int64_t n, int64_t k0, int64_t kn,
                            const char *v, const char *u, int64_t u_run, char *m) {
    dnnk_unpacked product = {.m = count, .n = n, .k = kn, .a_row = p->v_row, .a_col = 1, .b_row = p->nr, .b_run = u_run,
                             .c_row = p->m_row, .accumulate = k0 > 0};
    for (int64_t e = 0; e < p->planes; e++) {
        product.a = v + (e * p->v_plane + k0) * p->size;
        product.b = u + e * p->u_plane * p->size;
        product.c = m + e * p->m_plane * p->size;
        p->product->multiply(&product);
    }
}

static void read_tiles(const job *j, int64_t first, int64_t count, char *v) {
    const dnnk_winograd_plan *p = j->plan;
    for (int64_t t = 0; t < count; t++)
        p->transforms->input(&p->from, first + t, j->image, v + t * p->v_row * p->size, p->v_plane);
}

static void write_tiles(const job *j, int64_t first, int64_t count, const char *m, const dnnk_winograd_target *to) {
    const dnnk_winograd_plan *p = j->plan;
    for (int64_t t = 0; t < count; t++)
        p->transforms->output(&p->to, first + t, m + t * p->m_row * p->size, p->m_plane, to);
}

static void tall_task(void *arg, int64_t task, int64_t lane) {
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t first = task * p->chunk, count = dnnk_min(p->chunk, p->tiles - first), depth = p->from.channels;
    char *v = of_lane(j, lane, p->at_v), *m = of_lane(j, lane, p->at_m);
    read_tiles(j, first, count, v);
    multiply_planes(p, count, runs(p) * p->nr, 0, depth, v, j->u, depth * p->nr, m);
    write_tiles(j, first, count, m, &j->target);
}

static void convolve_tall(job *j) {
    const dnnk_winograd_plan *p = j->plan;
    if (!p->packed) j->u = j->made = j->work;
    if (!p->packed) dnnk_parallel(p->env, runs(p), weights_task, j);
    dnnk_parallel(p->env, dnnk_ceil_div(p->tiles, p->chunk), tall_task, j);
}

static void wide_input_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t at = task * TILES;
    read_tiles(j, j->first + at, dnnk_min(TILES, j->count - at), j->work + p->at_v + at * p->v_row * p->size);
}

static void wide_task(void *arg, int64_t run, int64_t lane) {
    const job *j = arg;
    const dnnk_winograd_plan *p = j->plan;
    int64_t depth = p->from.channels, step = p->u_depth; /* the same, packed or not: the same bits */
    char *v = j->work + p->at_v, *m = of_lane(j, lane, p->at_m), *piece = of_lane(j, lane, p->at_u);
    for (int64_t k = 0; k < depth; k += step) {
        int64_t kn = dnnk_min(step, depth - k);
        if (!p->packed) make_u(j, run * p->nr, k, kn, piece, p->u_plane);
        const char *u = p->packed ? j->u + (run * depth + k) * p->nr * p->size : piece;
        multiply_planes(p, j->count, p->nr, k, kn, v, u, 0, m);
    }
    dnnk_winograd_target to = j->target;
    to.first = run * p->nr, to.count = dnnk_min(p->nr, p->to.channels - to.first);
    write_tiles(j, j->first, j->count, m, &to);
}

static void convolve_wide(job *j) {
    const dnnk_winograd_plan *p = j->plan;
    for (j->first = 0; j->first < p->tiles; j->first += p->chunk) {
        j->count = dnnk_min(p->chunk, p->tiles - j->first);
        dnnk_parallel(p->env, dnnk_ceil_div(j->count, TILES), wide_input_task, j);
        dnnk_parallel(p->env, runs(p), wide_task, j);
    }
}

static void convolve(job *j, void *image, bool accumulate, const dnnk_epilogue *epilogue, void *work) {
    static const dnnk_epilogue nothing;
    j->work = align(work);
    j->target = (dnnk_winograd_target){.image = image, .epilogue = epilogue ? epilogue : &nothing,
                                       .accumulate = accumulate, .count = j->plan->to.channels};
    if (j->plan->wide)
        convolve_wide(j);
    else
        convolve_tall(j);
}

int64_t dnnk_winograd_workspace(const dnnk_env *env, const dnnk_conv *c, int64_t tile, bool backward, bool packed) {
    return dnnk_winograd_make_plan(env, c, tile, backward ? DNNK_WINOGRAD_DATA : DNNK_WINOGRAD_FORWARD, packed).bytes;
}

void dnnk_winograd_forward(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x, const void *w,
                           const dnnk_epilogue *epilogue, void *y, void *work) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_FORWARD, false);
    job j = {.plan = &plan, .image = x, .w = w};
    convolve(&j, y, false, epilogue, work);
}

int64_t dnnk_winograd_packed_bytes(const dnnk_env *env, const dnnk_conv *c, int64_t tile) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_FORWARD, true);
    return dnnk_winograd_u_elements(&plan) * plan.size;
}

void dnnk_winograd_pack_weights(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *w, void *packed) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_FORWARD, true);
    job j = {.plan = &plan, .w = w, .made = packed};
    dnnk_parallel(env, runs(&plan), weights_task, &j);
}

void dnnk_winograd_forward_packed(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *x,
                                  const void *packed, const dnnk_epilogue *epilogue, void *y, void *work) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_FORWARD, true);
    job j = {.plan = &plan, .image = x, .u = packed};
    convolve(&j, y, false, epilogue, work);
}

void dnnk_winograd_backward_data(const dnnk_env *env, const dnnk_conv *c, int64_t tile, const void *dy, const void *w,
                                 void *dx, bool accumulate, void *work) {
    dnnk_winograd_plan plan = dnnk_winograd_make_plan(env, c, tile, DNNK_WINOGRAD_DATA, false);
    job j = {.plan = &plan, .image = dy, .w = w};
    convolve(&j, dx, accumulate, NULL, work);
}
