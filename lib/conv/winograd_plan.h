/* How a convolution by Winograd's algorithm is cut, and where its planes lie. Everything follows from the problem and
 * the instruction set, lanes excepted: they decide only how many pieces of scratch there are.
 *
 * Tall: many tiles, few weights. U is made once; a task takes a chunk of tiles all the way, input transform, products,
 * output transform, and its V and M stay in the second-level cache while U streams by from the third:
 *
 *     tiles   |  V  →  V·U  →  M  →  y  |  task 0          workspace:  | U | lane 0: V, M | lane 1: … |
 *             |  V  →  V·U  →  M  →  y  |  task 1
 *
 * Wide: few tiles, many weights, so that U is larger than a cache. V is made first, for a round of tiles, by all
 * lanes; then a task takes one run of nr outputs, and makes of U what it needs, piece by piece: U never exists as a
 * whole, unless the weights come prepared.
 *
 *     V  |  U₀ → M₀ → y₀  |  U₁ → M₁ → y₁  |  …            workspace:  | V | lane 0: piece of U, M | lane 1: … |
 *           task 0           task 1
 *
 * Likewise the gradient of the weights. Tall: a task goes through its share of the tiles, chunk by chunk, adds up all
 * of dU in scratch and turns it into a dw of its own; these are added in order. Wide: V and M for a round of tiles;
 * then a task takes a block of outputs × inputs, and its dU stays in the second-level cache until it is turned and
 * added to dw. */
#ifndef DNNK_CONV_WINOGRAD_PLAN_H
#define DNNK_CONV_WINOGRAD_PLAN_H

#include "conv/winograd.h"
#include "gemm/unpacked.h"

enum { DNNK_WINOGRAD_DEPTH = 32 }; /* rows of U that are made together */

typedef enum dnnk_winograd_direction {
    DNNK_WINOGRAD_FORWARD,
    DNNK_WINOGRAD_DATA,
    DNNK_WINOGRAD_WEIGHTS
} dnnk_winograd_direction;

/* Bytes are offsets or sizes in the workspace, everything else counts elements. Planes of V, M and U are v_plane,
 * m_plane and u_plane apart; rows of V and M belong to tiles. */
typedef struct dnnk_winograd_plan {
    const dnnk_conv *c;
    const dnnk_env *env;
    dnnk_winograd_direction direction;
    const dnnk_winograd_transforms *transforms;
    const dnnk_unpacked_table *product;
    int64_t planes, size, nr;
    dnnk_tiling from, to; /* images of V and of M: x and y, in the gradient of the data dy and dx */
    int64_t tiles;        /* in all images */
    bool wide, packed;    /* packed: U comes prepared */
    int64_t chunk;        /* tiles of a task's step (tall) or of a round (wide) */
    int64_t v_row, v_plane, m_row, m_plane, u_plane;
    int64_t u_depth;                           /* wide: rows of U made at a time */
    int64_t splits, block_rows, block_columns; /* gradient of the weights: shares of the tiles; blocks of dU */
    int64_t at_v, at_m, at_u, at_partial, at_lanes, lane_bytes, bytes;
} dnnk_winograd_plan;

dnnk_winograd_plan dnnk_winograd_make_plan(const dnnk_env *env, const dnnk_conv *c, int64_t tile,
                                           dnnk_winograd_direction direction, bool packed);

/* Elements of all of U. */
int64_t dnnk_winograd_u_elements(const dnnk_winograd_plan *plan);

#endif
