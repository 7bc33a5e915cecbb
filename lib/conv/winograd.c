#include "conv/winograd.h"

enum {
    PLANES = DNNK_WINOGRAD_PLANES,
    TILE = DNNK_WINOGRAD_TILE,
    /* Tiles go through the planes in chunks, so that these stay in cache and the workspace small; but the weights'
     * planes are read and packed once for each chunk. */
    CHUNK = 256,
    /* What an element of a plane costs, in multiply-adds (measured: about 1 ns, in which a core does some 50). */
    ELEMENT_COST = 50,
};

bool dnnk_winograd_applies(const dnnk_conv *c) {
    return c->kernel_h == 3 && c->kernel_w == 3 && c->stride_h == 1 && c->stride_w == 1 && c->dilation_h == 1 &&
           c->dilation_w == 1 && c->groups == 1 && c->pad_top <= 2 && c->pad_bottom <= 2 && c->pad_left <= 2 &&
           c->pad_right <= 2 && c->batch > 0 && c->in_channels > 0 && c->out_channels > 0 &&
           dnnk_conv_out_height(c) > 0 && dnnk_conv_out_width(c) > 0;
}

/* Multiply-adds: 9 for each output and pair of channels, against 36 for each tile and pair of channels and the cost of
 * the planes of tiles and of weights. */
bool dnnk_is_winograd(const dnnk_conv *c) {
    if (!c->allow_winograd || !dnnk_winograd_applies(c)) return false;
    int64_t rows = dnnk_conv_out_height(c), cols = dnnk_conv_out_width(c);
    double tiles = (double)(c->batch * dnnk_ceil_div(rows, TILE) * dnnk_ceil_div(cols, TILE));
    double in = (double)c->in_channels, out = (double)c->out_channels, outputs = (double)(c->batch * rows * cols);
    double planes = PLANES * (tiles * in * out + ELEMENT_COST * (tiles * (in + out) + in * out));
    return planes < 9 * outputs * in * out;
}

/* A convolution from one image to another, forward or backward. Tiles are counted over the target. */
typedef struct {
    const dnnk_conv *c;
    const dnnk_env *env;
    const dnnk_winograd_table *table;
    dnnk_tiling from, to;
    const void *image, *w, *packed; /* packed: planes of weights made beforehand, or NULL */
    void *target;
    const dnnk_epilogue *epilogue;
    bool turned, accumulate;
    int64_t size, tiles, chunk, first, count; /* first, count: the chunk in hand */
    char *u, *v, *m, *gemm; /* planes of weights, of input tiles, of output tiles; lib/gemm's workspace */
} job;

static int64_t aligned(int64_t bytes) { return dnnk_round_up(bytes, 64); }

static char *align(void *work) { return (char *)work + (64 - (uintptr_t)work % 64) % 64; }

static void find_tiles(job *j) {
    const dnnk_conv *c = j->c;
    int64_t rows = dnnk_conv_out_height(c), cols = dnnk_conv_out_width(c);
    dnnk_tiling x = {
        .height = c->height, .width = c->width, .channels = c->in_channels, .top = c->pad_top, .left = c->pad_left};
    dnnk_tiling y = {.height = rows, .width = cols, .channels = c->out_channels};
    j->from = j->turned ? y : x, j->to = j->turned ? x : y;
    if (j->turned) j->from.top = 2 - c->pad_top, j->from.left = 2 - c->pad_left, j->to.top = j->to.left = 0;
    j->to.rows = j->from.rows = dnnk_ceil_div(j->to.height, TILE);
    j->to.cols = j->from.cols = dnnk_ceil_div(j->to.width, TILE);
    j->tiles = c->batch * j->to.rows * j->to.cols;
    j->chunk = dnnk_min(j->tiles, CHUNK);
}

static job make_job(const dnnk_env *env, const dnnk_conv *c, bool turned) {
    job j = {.c = c, .env = env, .table = dnnk_winograd_kernels(env->isa, c->type), .turned = turned,
             .size = dnnk_size(c->type)};
    find_tiles(&j);
    return j;
}

/* Lays out the workspace; returns its bytes without lib/gemm's. */
static int64_t lay_out(job *j, char *work) {
    int64_t of_u = aligned(PLANES * j->c->out_channels * j->c->in_channels * j->size);
    int64_t of_v = aligned(PLANES * j->chunk * j->from.channels * j->size);
    int64_t of_m = aligned(PLANES * j->chunk * j->to.channels * j->size);
    j->u = work, j->v = j->u + of_u, j->m = j->v + of_v, j->gemm = j->m + of_m;
    return of_u + of_v + of_m + 64;
}

/* M [tiles, to] = V [tiles, from] · U for each plane. U is stored [O, C]. */
static dnnk_gemm_problem tile_products(const job *j) {
    const dnnk_conv *c = j->c;
    int64_t k = j->from.channels, n = j->to.channels;
    const void *u = j->packed ? j->packed : j->u;
    dnnk_operand b = j->turned ? dnnk_gemm_b(u, c->in_channels, 1) : dnnk_gemm_b(u, 1, c->in_channels);
    dnnk_gemm_problem p = dnnk_gemm_simple(c->type, j->count, n, k, dnnk_gemm_a(j->v, k, 1), b, j->m);
    p.batch[0] = PLANES;
    p.a.batch_stride[0] = j->chunk * k;
    p.b.batch_stride[0] = c->out_channels * c->in_channels;
    p.c_batch_stride[0] = j->chunk * n;
    return p;
}

/* The workspace of lib/gemm for a full chunk and for the last one, which may be shorter. */
static int64_t most_of_both(const dnnk_env *env, job *j, dnnk_gemm_problem (*products)(const job *)) {
    j->count = j->chunk;
    dnnk_gemm_problem full = products(j);
    j->count = (j->tiles - 1) % j->chunk + 1;
    dnnk_gemm_problem last = products(j);
    return dnnk_max(dnnk_gemm_workspace(env, &full), dnnk_gemm_workspace(env, &last));
}

int64_t dnnk_winograd_workspace(const dnnk_env *env, const dnnk_conv *c, bool backward) {
    job j = make_job(env, c, backward);
    int64_t bytes = lay_out(&j, NULL);
    return bytes + most_of_both(env, &j, tile_products);
}

static void weights_task(void *arg, int64_t o, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t depth = j->c->in_channels;
    j->table->weights(depth, (const char *)j->w + o * 9 * depth * j->size, j->turned, j->u + o * depth * j->size,
                      j->c->out_channels * depth);
}

static void input_task(void *arg, int64_t tile, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t depth = j->from.channels;
    j->table->input(&j->from, j->first + tile, j->image, j->v + tile * depth * j->size, j->chunk * depth);
}

static void output_task(void *arg, int64_t tile, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t depth = j->to.channels;
    j->table->output(&j->to, j->first + tile, j->m + tile * depth * j->size, j->chunk * depth, j->target, j->accumulate,
                     j->epilogue);
}

static void convolve(job *j, void *work) {
    lay_out(j, align(work));
    if (!j->packed) dnnk_parallel(j->env, j->c->out_channels, weights_task, j);
    for (j->first = 0; j->first < j->tiles; j->first += j->chunk) {
        j->count = dnnk_min(j->chunk, j->tiles - j->first);
        dnnk_gemm_problem p = tile_products(j);
        dnnk_parallel(j->env, j->count, input_task, j);
        dnnk_gemm(j->env, &p, j->gemm);
        dnnk_parallel(j->env, j->count, output_task, j);
    }
}

static const dnnk_epilogue nothing;

void dnnk_winograd_forward(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *w,
                           const dnnk_epilogue *epilogue, void *y, void *work) {
    job j = make_job(env, c, false);
    j.image = x, j.w = w, j.target = y, j.epilogue = epilogue ? epilogue : &nothing;
    convolve(&j, work);
}

int64_t dnnk_winograd_packed_bytes(const dnnk_conv *c) {
    return PLANES * c->out_channels * c->in_channels * dnnk_size(c->type);
}

void dnnk_winograd_pack_weights(const dnnk_env *env, const dnnk_conv *c, const void *w, void *packed) {
    job j = make_job(env, c, false);
    j.w = w, j.u = packed;
    dnnk_parallel(env, c->out_channels, weights_task, &j);
}

void dnnk_winograd_forward_packed(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *packed,
                                  const dnnk_epilogue *epilogue, void *y, void *work) {
    job j = make_job(env, c, false);
    j.image = x, j.packed = packed, j.target = y, j.epilogue = epilogue ? epilogue : &nothing;
    convolve(&j, work);
}

void dnnk_winograd_backward_data(const dnnk_env *env, const dnnk_conv *c, const void *dy, const void *w, void *dx,
                                 bool accumulate, void *work) {
    job j = make_job(env, c, true);
    j.image = dy, j.w = w, j.target = dx, j.accumulate = accumulate, j.epilogue = &nothing;
    convolve(&j, work);
}

/* dU [O, C] (+)= dMᵀ [O, tiles] · V [tiles, C] for each plane */
static dnnk_gemm_problem weight_products(const job *j) {
    const dnnk_conv *c = j->c;
    int64_t m = c->out_channels, n = c->in_channels;
    dnnk_gemm_problem p =
        dnnk_gemm_simple(c->type, m, n, j->count, dnnk_gemm_a(j->m, 1, m), dnnk_gemm_b(j->v, n, 1), j->u);
    p.accumulate = j->first > 0;
    p.batch[0] = PLANES;
    p.a.batch_stride[0] = j->chunk * m;
    p.b.batch_stride[0] = j->chunk * n;
    p.c_batch_stride[0] = m * n;
    return p;
}

int64_t dnnk_winograd_weights_workspace(const dnnk_env *env, const dnnk_conv *c) {
    job j = make_job(env, c, false);
    int64_t bytes = lay_out(&j, NULL);
    return bytes + most_of_both(env, &j, weight_products);
}

static void both_sides_task(void *arg, int64_t tile, int64_t lane) {
    const job *j = arg;
    int64_t depth = j->to.channels;
    input_task(arg, tile, lane);
    j->table->output_adjoint(&j->to, j->first + tile, j->target, j->m + tile * depth * j->size, j->chunk * depth);
}

typedef struct {
    const job *j;
    char *dw;
} gradient;

static void weights_adjoint_task(void *arg, int64_t o, int64_t lane) {
    (void)lane;
    const gradient *g = arg;
    int64_t depth = g->j->c->in_channels, size = g->j->size;
    g->j->table->weights_adjoint(depth, g->j->u + o * depth * size, g->j->c->out_channels * depth,
                                 g->dw + o * 9 * depth * size);
}

void dnnk_winograd_backward_weights(const dnnk_env *env, const dnnk_conv *c, const void *x, const void *dy, void *dw,
                                    void *work) {
    job j = make_job(env, c, false);
    gradient g = {.j = &j, .dw = dw};
    j.image = x, j.target = (void *)dy; /* read only, by both_sides_task */
    lay_out(&j, align(work));
    for (j.first = 0; j.first < j.tiles; j.first += j.chunk) {
        j.count = dnnk_min(j.chunk, j.tiles - j.first);
        dnnk_gemm_problem p = weight_products(&j);
        dnnk_parallel(env, j.count, both_sides_task, &j);
        dnnk_gemm(env, &p, j.gemm);
    }
    dnnk_parallel(env, c->out_channels, weights_adjoint_task, &g);
}
