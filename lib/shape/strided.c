/* dnnk_copy_strided: one engine for every copy that rearranges.
 *
 *     1. describe   drop axes of 1, merge neighbours that are one axis on both sides; strides in bytes
 *     2. choose     y's innermost axis is the row. x contiguous along it: copy runs. x constant along it: repeat one
 *                   element. x contiguous along another axis ("across"): transpose in tiles. Otherwise: gather
 *     3. cut        rows (and across) in pieces, so that a unit of work fits a core's caches; the outer axes
 *                   with the pieces form one odometer whose positions are the units
 */
#include <string.h>

#include "shape/shape.h"

#define TASK_BYTES 131072 /* in a unit at most, in a task at least if there is that much */
#define TILE 16           /* elements each way: a cache line of four-byte elements */
#define TILE_PIECE 128    /* elements of a transposed row in one unit */
#define SHORT 8           /* elements: a side below it leaves tiles mostly empty */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

typedef struct {
    int64_t n, xs, ys; /* extent; strides in bytes */
} axis;

typedef struct job job;
typedef void move(const job *j, const char *x, char *y, int64_t row_n, int64_t across_n);

struct job {
    const char *x;
    char *y;
    int64_t size;
    axis outer[DNNK_AXES + 2]; /* with the pieces of across and row as the last two, once cut */
    int axes;
    axis row, across;
    int64_t row_piece, across_piece;
    int64_t units, per_task;
    move *move;
};

/* ---- moves: one unit; `size` is a constant where they are inlined, and memcpy of it a single instruction ---- */

static void move_run(const job *j, const char *x, char *y, int64_t row_n, int64_t across_n) {
    (void)across_n;
    memcpy(y, x, (size_t)(row_n * j->size));
}

ALWAYS_INLINE void gather(const job *j, int64_t size, const char *x, char *y, int64_t n) {
    int64_t xs = j->row.xs, ys = j->row.ys;
    for (int64_t i = 0; i < n; i++) memcpy(y + i * ys, x + i * xs, (size_t)size);
}

static void move_gather(const job *j, const char *x, char *y, int64_t row_n, int64_t across_n) {
    (void)across_n;
    switch (j->size) {
        case 1: gather(j, 1, x, y, row_n); break;
        case 2: gather(j, 2, x, y, row_n); break;
        case 4: gather(j, 4, x, y, row_n); break;
        default: gather(j, 8, x, y, row_n); break;
    }
}

ALWAYS_INLINE void repeat(int64_t size, const char *x, char *y, int64_t n) {
    char value[8];
    memcpy(value, x, (size_t)size);
    for (int64_t i = 0; i < n; i++) memcpy(y + i * size, value, (size_t)size);
}

static void move_repeat(const job *j, const char *x, char *y, int64_t row_n, int64_t across_n) {
    (void)across_n;
    switch (j->size) {
        case 1: memset(y, *(const unsigned char *)x, (size_t)row_n); break;
        case 2: repeat(2, x, y, row_n); break;
        case 4: repeat(4, x, y, row_n); break;
        default: repeat(8, x, y, row_n); break;
    }
}

/* Reads whole lines of x into a buffer, so that rows a power of two apart do not throw each other out of the cache,
 * and writes whole lines of y from it. `wide` elements along y's row, `high` across. */
ALWAYS_INLINE void tile(const job *j, int64_t size, const char *x, char *y, int64_t wide, int64_t high) {
    char buffer[TILE * TILE * 8];
    for (int64_t r = 0; r < wide; r++) memcpy(buffer + r * TILE * size, x + r * j->row.xs, (size_t)(high * size));
    for (int64_t a = 0; a < high; a++)
        for (int64_t r = 0; r < wide; r++)
            memcpy(y + a * j->across.ys + r * size, buffer + (r * TILE + a) * size, (size_t)size);
}

ALWAYS_INLINE void tiles(const job *j, int64_t size, const char *x, char *y, int64_t row_n, int64_t across_n) {
    for (int64_t a = 0; a < across_n; a += TILE)
        for (int64_t r = 0; r < row_n; r += TILE) {
            const char *from = x + r * j->row.xs + a * size;
            char *to = y + r * size + a * j->across.ys;
            if (row_n - r >= TILE && across_n - a >= TILE)
                tile(j, size, from, to, TILE, TILE);
            else
                tile(j, size, from, to, dnnk_min(TILE, row_n - r), dnnk_min(TILE, across_n - a));
        }
}

static void move_tiles(const job *j, const char *x, char *y, int64_t row_n, int64_t across_n) {
    switch (j->size) {
        case 1: tiles(j, 1, x, y, row_n, across_n); break;
        case 2: tiles(j, 2, x, y, row_n, across_n); break;
        case 4: tiles(j, 4, x, y, row_n, across_n); break;
        default: tiles(j, 8, x, y, row_n, across_n); break;
    }
}

/* ---- 1. describe ---- */

/* Returns false if there is nothing to copy. */
static bool describe(job *j, int axes, const int64_t *dims, const int64_t *x_stride, const int64_t *y_stride) {
    j->axes = 0;
    for (int a = 0; a < axes; a++) {
        axis next = {dims[a], x_stride[a] * j->size, y_stride[a] * j->size};
        if (next.n == 0) return false;
        if (next.n == 1) continue;
        axis *last = j->axes > 0 ? &j->outer[j->axes - 1] : NULL;
        if (last && last->xs == next.xs * next.n && last->ys == next.ys * next.n)
            *last = (axis){last->n * next.n, next.xs, next.ys};
        else
            j->outer[j->axes++] = next;
    }
    return true;
}

/* ---- 2. choose ---- */

static axis take_axis(job *j, int a) {
    axis taken = j->outer[a];
    for (j->axes--; a < j->axes; a++) j->outer[a] = j->outer[a + 1];
    return taken;
}

/* The axis along which x is contiguous, or -1. */
static int across_of(const job *j) {
    for (int a = 0; a < j->axes; a++)
        if (j->outer[a].xs == j->size) return a;
    return -1;
}

/* With a short side a plain loop along the longer one is quicker than tiles. */
static void choose_transposition(job *j, int across) {
    axis *side = j->outer + across;
    if (dnnk_min(side->n, j->row.n) >= SHORT) {
        j->across = take_axis(j, across);
        j->move = move_tiles;
    } else if (side->n > j->row.n) {
        axis row = j->row;
        j->row = *side;
        *side = row;
    }
}

static void choose(job *j) {
    j->row = j->across = (axis){1, j->size, j->size};
    if (j->axes > 0) j->row = take_axis(j, j->axes - 1);
    int across = across_of(j);
    j->move = move_gather;
    if (j->row.ys == j->size) {
        if (j->row.xs == j->size)
            j->move = move_run;
        else if (j->row.xs == 0)
            j->move = move_repeat;
        else if (across >= 0)
            choose_transposition(j, across);
    }
}

/* ---- 3. cut, and run ---- */

static void add_pieces(job *j, axis a, int64_t piece) {
    j->outer[j->axes++] = (axis){dnnk_ceil_div(a.n, piece), a.xs * piece, a.ys * piece};
}

static void cut(job *j) {
    j->row_piece = j->move == move_tiles ? TILE_PIECE : TASK_BYTES / j->size;
    j->across_piece = TASK_BYTES / TILE_PIECE / j->size;
    add_pieces(j, j->across, j->across_piece);
    add_pieces(j, j->row, j->row_piece);
    j->units = 1;
    for (int a = 0; a < j->axes; a++) j->units *= j->outer[a].n;
    int64_t unit = dnnk_min(j->row.n, j->row_piece) * dnnk_min(j->across.n, j->across_piece) * j->size;
    j->per_task = dnnk_max(1, TASK_BYTES / unit);
}

/* Where the odometer stands. The last two counters are the pieces of across and row. */
typedef struct {
    int64_t index[DNNK_AXES + 2];
    int64_t x, y; /* offsets in bytes */
} position;

static position position_of(const job *j, int64_t unit) {
    position p = {.x = 0, .y = 0};
    for (int a = j->axes - 1; a >= 0; a--) {
        p.index[a] = unit % j->outer[a].n;
        unit /= j->outer[a].n;
        p.x += p.index[a] * j->outer[a].xs;
        p.y += p.index[a] * j->outer[a].ys;
    }
    return p;
}

static void advance(const job *j, position *p) {
    for (int a = j->axes - 1; a >= 0; a--) {
        const axis *turning = j->outer + a;
        p->x += turning->xs;
        p->y += turning->ys;
        if (++p->index[a] < turning->n) return;
        p->x -= turning->n * turning->xs;
        p->y -= turning->n * turning->ys;
        p->index[a] = 0;
    }
}

static void strided_task(void *arg, int64_t task, int64_t lane) {
    (void)lane;
    const job *j = arg;
    int64_t unit = task * j->per_task, end = dnnk_min(j->units, unit + j->per_task);
    for (position p = position_of(j, unit); unit < end; unit++, advance(j, &p)) {
        int64_t row_n = dnnk_min(j->row_piece, j->row.n - p.index[j->axes - 1] * j->row_piece);
        int64_t across_n = dnnk_min(j->across_piece, j->across.n - p.index[j->axes - 2] * j->across_piece);
        j->move(j, j->x + p.x, j->y + p.y, row_n, across_n);
    }
}

void dnnk_copy_strided(const dnnk_env *env, int64_t size, int axes, const int64_t *dims, const void *x,
                       const int64_t *x_stride, void *y, const int64_t *y_stride) {
    job j = {.x = x, .y = y, .size = size};
    if (!describe(&j, axes, dims, x_stride, y_stride)) return;
    choose(&j);
    cut(&j);
    dnnk_parallel(env, dnnk_ceil_div(j.units, j.per_task), strided_task, &j);
}
