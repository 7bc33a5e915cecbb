#include "conv/winograd_plan.h"

enum {
    LINE = 64,               /* bytes */
    L2_BYTES = 1 << 20,      /* what a core has for itself; assumed, so that results do not depend on the machine */
    TALL_BYTES = 12 << 20,   /* U, where all tasks read all of it: a part of a third-level cache */
    ROUND_BYTES = 8 << 20,   /* V (and M), which all lanes share: likewise */
    TASKS = 16,              /* as many as keep a few lanes evenly busy */
    TILE_ROWS = 12,          /* a multiple of the rows that every micro-kernel takes at once */
    TALL_GRADIENT = 1 << 20, /* bytes of dU that a lane may keep as a whole */
    BLOCK = 64,              /* outputs and inputs of a block of dU */
};

/* An odd number of lines: what lies so far apart does not fall into the same set of a cache. */
static int64_t odd_lines(int64_t elements, int64_t size) {
    return (dnnk_ceil_div(elements * size, LINE) | 1) * LINE / size;
}

static void find_tiles(dnnk_winograd_plan *p, int64_t tile) {
    const dnnk_conv *c = p->c;
    dnnk_tiling x = {
        .height = c->height, .width = c->width, .channels = c->in_channels, .top = c->pad_top, .left = c->pad_left};
    dnnk_tiling y = {
        .height = dnnk_conv_out_height(c), .width = dnnk_conv_out_width(c), .channels = c->out_channels};
    bool turned = p->direction == DNNK_WINOGRAD_DATA;
    p->from = turned ? y : x, p->to = turned ? x : y;
    if (turned) p->from.top = 2 - c->pad_top, p->from.left = 2 - c->pad_left, p->to.top = p->to.left = 0;
    p->to.rows = p->from.rows = dnnk_ceil_div(p->to.height, tile);
    p->to.cols = p->from.cols = dnnk_ceil_div(p->to.width, tile);
    p->tiles = c->batch * p->to.rows * p->to.cols;
}

/* Evenly filled pieces of at most `most` tiles, a multiple of TILE_ROWS each. */
static int64_t even_chunk(int64_t tiles, int64_t most) {
    int64_t pieces = dnnk_ceil_div(tiles, dnnk_max(TILE_ROWS, most / TILE_ROWS * TILE_ROWS));
    return dnnk_round_up(dnnk_ceil_div(tiles, pieces), TILE_ROWS);
}

/* Rows and planes of V and M, for the chunk. */
static void find_strides(dnnk_winograd_plan *p, int64_t m_columns) {
    p->v_row = odd_lines(dnnk_round_up(p->from.channels, p->nr), p->size);
    p->m_row = dnnk_round_up(m_columns, p->nr);
    p->v_plane = odd_lines(p->chunk * p->v_row, p->size);
    p->m_plane = odd_lines(p->chunk * p->m_row, p->size);
}

static int64_t plane_bytes(const dnnk_winograd_plan *p, int64_t plane) { return p->planes * plane * p->size + LINE; }

int64_t dnnk_winograd_u_elements(const dnnk_winograd_plan *p) { return p->planes * p->u_plane; }

/* So many rows, of all planes, take these bytes. */
static int64_t rows_in(const dnnk_winograd_plan *p, int64_t bytes, int64_t columns) {
    return bytes / (p->planes * p->size * columns);
}

static void plan_tall(dnnk_winograd_plan *p) {
    int64_t columns = p->from.channels + p->to.channels, most = rows_in(p, L2_BYTES * 3 / 4, columns);
    p->chunk = even_chunk(p->tiles, dnnk_min(most, dnnk_ceil_div(p->tiles, TASKS)));
    find_strides(p, p->to.channels);
    p->at_lanes = p->packed ? 0 : plane_bytes(p, p->u_plane);
    p->at_v = 0, p->at_m = plane_bytes(p, p->v_plane);
    p->lane_bytes = p->at_m + plane_bytes(p, p->m_plane);
}

static void plan_wide(dnnk_winograd_plan *p) {
    int64_t fits = rows_in(p, L2_BYTES / 2, p->nr);
    p->chunk = even_chunk(p->tiles, dnnk_min(fits, rows_in(p, ROUND_BYTES, p->from.channels)));
    find_strides(p, p->nr);
    int64_t left = L2_BYTES * 7 / 8 - plane_bytes(p, p->m_plane), rows = rows_in(p, left, p->nr);
    p->u_depth = dnnk_max(DNNK_WINOGRAD_DEPTH, rows / DNNK_WINOGRAD_DEPTH * DNNK_WINOGRAD_DEPTH);
    if (!p->packed) p->u_plane = odd_lines(p->u_depth * p->nr, p->size);
    p->at_lanes = plane_bytes(p, p->v_plane);
    p->at_m = 0, p->at_u = plane_bytes(p, p->m_plane);
    p->lane_bytes = p->at_u + (p->packed ? 0 : plane_bytes(p, p->u_plane));
}

static void plan_image(dnnk_winograd_plan *p) {
    p->u_plane = odd_lines(dnnk_round_up(p->to.channels, p->nr) * p->from.channels, p->size);
    p->wide = plane_bytes(p, p->u_plane) > TALL_BYTES;
    if (p->wide)
        plan_wide(p);
    else
        plan_tall(p);
}

static int64_t bytes_of_dw(const dnnk_winograd_plan *p) {
    return dnnk_round_up(9 * p->c->in_channels * p->c->out_channels * p->size, LINE);
}

static void plan_tall_gradient(dnnk_winograd_plan *p) {
    int64_t columns = p->from.channels + p->to.channels;
    p->chunk = even_chunk(p->tiles, rows_in(p, L2_BYTES, columns));
    p->splits = dnnk_min(TASKS, dnnk_ceil_div(p->tiles, p->chunk));
    find_strides(p, p->to.channels);
    p->at_partial = 0, p->at_lanes = p->splits * bytes_of_dw(p);
    p->at_v = 0, p->at_m = plane_bytes(p, p->v_plane), p->at_u = p->at_m + plane_bytes(p, p->m_plane);
    p->lane_bytes = p->at_u + plane_bytes(p, p->u_plane);
}

static void plan_wide_gradient(dnnk_winograd_plan *p) {
    p->chunk = even_chunk(p->tiles, rows_in(p, ROUND_BYTES, p->from.channels + p->to.channels));
    p->block_rows = p->block_columns = BLOCK;
    p->u_plane = odd_lines(BLOCK * BLOCK, p->size);
    find_strides(p, p->to.channels);
    p->at_v = 0, p->at_m = plane_bytes(p, p->v_plane);
    p->at_lanes = p->at_m + plane_bytes(p, p->m_plane);
    p->at_u = 0, p->lane_bytes = plane_bytes(p, p->u_plane);
}

static void plan_gradient(dnnk_winograd_plan *p) {
    p->block_rows = p->c->out_channels, p->block_columns = dnnk_round_up(p->c->in_channels, p->nr);
    p->u_plane = odd_lines(p->block_rows * p->block_columns, p->size);
    p->wide = plane_bytes(p, p->u_plane) > TALL_GRADIENT;
    if (p->wide)
        plan_wide_gradient(p);
    else
        plan_tall_gradient(p);
}

dnnk_winograd_plan dnnk_winograd_make_plan(const dnnk_env *env, const dnnk_conv *c, int64_t tile,
                                           dnnk_winograd_direction direction, bool packed) {
    const dnnk_winograd_table *table = dnnk_winograd_kernels(env->isa, c->type);
    dnnk_winograd_plan p = {.c = c, .env = env, .direction = direction, .packed = packed, .size = dnnk_size(c->type),
                            .product = dnnk_unpacked_kernels(env->isa, c->type), .planes = (tile + 2) * (tile + 2),
                            .transforms = tile == 2 ? &table->two : &table->four};
    p.nr = p.product->nr;
    find_tiles(&p, tile);
    if (direction == DNNK_WINOGRAD_WEIGHTS)
        plan_gradient(&p);
    else
        plan_image(&p);
    p.lane_bytes = dnnk_round_up(p.lane_bytes, LINE);
    p.bytes = p.at_lanes + env->lanes * p.lane_bytes + LINE; /* to align the workspace */
    return p;
}
