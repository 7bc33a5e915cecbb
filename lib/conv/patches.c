#include "conv/patches.h"

#include <string.h>

enum {
    SPLICE = 64, /* elements of a row that is pieced together from image and padding, or from padding alone */
};

static const double zeros[SPLICE];

/* Where tap (0, 0) of a position lies, and its offset in memory. It may lie outside the image. */
typedef struct {
    int64_t y, x, offset;
} corner;

static corner corner_of(const dnnk_patches *s, int64_t i) {
    int64_t v = i % s->cols, u = i / s->cols % s->rows, n = i / s->cols / s->rows;
    corner at = {.y = s->y0 + u * s->step_y, .x = s->x0 + v * s->step_x};
    at.offset = ((n * s->height + at.y) * s->width + at.x) * s->channels;
    return at;
}

static corner moved(const dnnk_patches *s, corner at, int64_t columns) {
    at.x += columns * s->step_x;
    at.offset += columns * s->step_x * s->channels;
    return at;
}

/* Taps of one row whose channels lie side by side in memory are one run, otherwise a run is one tap. */
static bool rows_are_runs(const dnnk_patches *s) { return s->tap_x == 1 && s->depth == s->channels; }

/* A stretch of columns [first, first + length) of X that is contiguous in memory, if it lies inside the image: elements
 * [skip, skip + length) of the run of `taps` taps that starts with tap (r, t). */
typedef struct {
    int64_t r, t, taps, skip, length;
    int64_t dy, dx, offset; /* from the corner to the stretch */
} stretch;

static stretch stretch_at(const dnnk_patches *s, int64_t first, int64_t end) {
    int64_t taps = rows_are_runs(s) ? s->taps_w : 1, run = taps * s->depth, tap = first / run * taps;
    stretch c = {.r = tap / s->taps_w, .t = tap % s->taps_w, .taps = taps, .skip = first % run};
    c.length = dnnk_min(run - c.skip, end - first);
    c.dy = c.r * s->tap_y, c.dx = c.t * s->tap_x;
    c.offset = (c.dy * s->width + c.dx) * s->channels + c.skip;
    return c;
}

/* The part [*lo, *hi) of a stretch that lies inside the image, seen from a corner; the pointer to the stretch's start,
 * which must not be followed outside that part. */
static const char *locate(const dnnk_patches *s, const stretch *c, corner at, int64_t group, int64_t *lo, int64_t *hi) {
    int64_t y = at.y + c->dy, x = at.x + c->dx;
    const char *start = (const char *)s->image + (at.offset + c->offset + group * s->depth) * s->packer.size;
    *lo = 0, *hi = c->length;
    if (y >= 0 && y < s->height && x >= 0 && x + c->taps <= s->width) return start;
    int64_t first = dnnk_max(0, -x), last = y >= 0 && y < s->height ? dnnk_min(c->taps, s->width - x) : 0;
    *lo = dnnk_min(c->length, dnnk_max(0, first * s->depth - c->skip));
    *hi = dnnk_max(*lo, dnnk_min(c->length, last * s->depth - c->skip));
    return start;
}

static void splice(const char *image, int64_t lo, int64_t hi, int64_t length, int64_t size, void *out) {
    memset(out, 0, (size_t)(lo * size));
    memcpy((char *)out + lo * size, image + lo * size, (size_t)((hi - lo) * size));
    memset((char *)out + hi * size, 0, (size_t)((length - hi) * size));
}

typedef struct {
    const void *row[DNNK_PANEL_MAX];
    double spliced[DNNK_PANEL_MAX][SPLICE];
} row_set;

/* Finds one row for each corner. Returns the length that all of them have, at most c->length. */
static int64_t find_rows(const dnnk_patches *s, stretch c, const corner *at, int64_t count, int64_t group,
                         row_set *set) {
    int64_t lo, hi;
    bool border = false;
    for (int64_t i = 0; i < count; i++) {
        set->row[i] = locate(s, &c, at[i], group, &lo, &hi);
        border = border || hi - lo < c.length;
    }
    if (!border) return c.length;
    c.length = dnnk_min(c.length, SPLICE);
    for (int64_t i = 0; i < count; i++) {
        const char *image = locate(s, &c, at[i], group, &lo, &hi);
        if (hi == lo) set->row[i] = zeros;
        if (hi == lo || hi - lo == c.length) continue;
        splice(image, lo, hi, c.length, s->packer.size, set->spliced[i]);
        set->row[i] = set->spliced[i];
    }
    return c.length;
}

void dnnk_pack_patches(const void *source, int64_t group, int64_t first, int64_t count, int64_t k0, int64_t kn,
                       int64_t width, void *panel) {
    const dnnk_patches *s = source;
    corner at[DNNK_PANEL_MAX];
    row_set set;
    for (int64_t i = 0; i < count; i++) at[i] = corner_of(s, first + i);
    for (int64_t p = 0; p < kn;) {
        int64_t length = find_rows(s, stretch_at(s, k0 + p, k0 + kn), at, count, group, &set);
        s->packer.rows(set.row, count, length, width, (char *)panel + p * width * s->packer.size);
        p += length;
    }
}

/* The positions v of a row of the grid at which a stretch lies wholly inside the image: [*first, *last). */
static void inside_range(const dnnk_patches *s, const stretch *c, int64_t *first, int64_t *last) {
    int64_t begin = c->skip / s->depth, end = dnnk_ceil_div(c->skip + c->length, s->depth); /* taps it touches */
    int64_t x = s->x0 + (c->t + begin) * s->tap_x, room = s->width - (s->x0 + (c->t + end - 1) * s->tap_x);
    *first = dnnk_min(s->cols, x < 0 ? dnnk_ceil_div(-x, s->step_x) : 0);
    *last = dnnk_max(*first, dnnk_min(s->cols, room <= 0 ? 0 : dnnk_ceil_div(room, s->step_x)));
}

static void splice_positions(const dnnk_patches *s, const stretch *c, corner at, int64_t group, int64_t count,
                             int64_t width, char *out) {
    for (int64_t i = 0; i < count; i++, at = moved(s, at, 1)) {
        int64_t lo, hi;
        const char *image = locate(s, c, at, group, &lo, &hi);
        splice(image, lo, hi, c->length, s->packer.size, out + i * width * s->packer.size);
    }
}

/* One stretch of columns for positions [v0, v1) of a row of the grid, `at` the first: border, inside, border. */
static void pack_row(const dnnk_patches *s, const stretch *c, corner at, int64_t group, int64_t v0, int64_t v1,
                     int64_t width, char *out) {
    int64_t first, last, size = s->packer.size, lo, hi, y = at.y + c->dy;
    inside_range(s, c, &first, &last);
    first = dnnk_min(dnnk_max(first, v0), v1), last = dnnk_max(first, dnnk_min(last, v1));
    if (y < 0 || y >= s->height) first = last = v1;
    splice_positions(s, c, at, group, first - v0, width, out);
    s->packer.copy_rows(last - first, c->length, locate(s, c, moved(s, at, first - v0), group, &lo, &hi),
                        s->step_x * s->channels, out + (first - v0) * width * size, width);
    splice_positions(s, c, moved(s, at, last - v0), group, v1 - last, width, out + (last - v0) * width * size);
}

/* One stretch of columns, for all positions. */
static void pack_columns(const dnnk_patches *s, const stretch *c, int64_t group, int64_t k0, int64_t kn, int64_t width,
                         char *out) {
    for (int64_t p = 0; p < kn;) {
        int64_t v0 = (k0 + p) % s->cols, v1 = dnnk_min(s->cols, v0 + kn - p);
        pack_row(s, c, corner_of(s, k0 + p), group, v0, v1, width, out + p * width * s->packer.size);
        p += v1 - v0;
    }
}

void dnnk_pack_patch_columns(const void *source, int64_t group, int64_t first, int64_t count, int64_t k0, int64_t kn,
                             int64_t width, void *panel) {
    const dnnk_patches *s = source;
    int64_t size = s->packer.size;
    for (int64_t j = 0; j < count;) {
        stretch c = stretch_at(s, first + j, first + count);
        pack_columns(s, &c, group, k0, kn, width, (char *)panel + j * size);
        j += c.length;
    }
    if (count == width) return;
    for (int64_t p = 0; p < kn; p++)
        memset((char *)panel + (p * width + count) * size, 0, (size_t)((width - count) * size));
}

void dnnk_pack_window_weights(const void *source, int64_t group, int64_t first, int64_t count, int64_t k0, int64_t kn,
                              int64_t width, void *panel) {
    const dnnk_window_weights *s = source;
    const void *rows[DNNK_PANEL_MAX];
    for (int64_t p = 0; p < kn;) {
        int64_t r = (k0 + p) / s->run, skip = (k0 + p) % s->run, length = dnnk_min(s->run - skip, kn - p);
        int64_t offset = (group * s->outputs + first) * s->of_output + s->offset + r * s->of_row + skip;
        for (int64_t i = 0; i < count; i++)
            rows[i] = (const char *)s->w + (offset + i * s->of_output) * s->packer.size;
        s->packer.rows(rows, count, length, width, (char *)panel + p * width * s->packer.size);
        p += length;
    }
}

void dnnk_pack_turned_weights(const void *source, int64_t group, int64_t first, int64_t count, int64_t k0, int64_t kn,
                              int64_t width, void *panel) {
    const dnnk_turned_weights *s = source;
    for (int64_t p = 0; p < kn;) {
        int64_t tap = (k0 + p) / s->outputs, o = (k0 + p) % s->outputs, length = dnnk_min(s->outputs - o, kn - p);
        int64_t r = s->r0 + tap / s->taps_w * s->step_r, t = s->s0 + tap % s->taps_w * s->step_s;
        int64_t offset = (((group * s->outputs + o) * s->kernel_h + r) * s->kernel_w + t) * s->depth + first;
        s->packer.strided((const char *)s->w + offset * s->packer.size, 1, s->kernel_h * s->kernel_w * s->depth, count,
                          length, width, (char *)panel + p * width * s->packer.size);
        p += length;
    }
}
