/* The hand: from a skeleton to the way of the pen. */
#include <math.h>

#include "data/digit_ink.h"

typedef struct {
    float x, y;
} point;

static float at_most(float a, float b) { return a < b ? a : b; }
static float at_least(float a, float b) { return a > b ? a : b; }

/* ---- the skeleton, in [-1, 1]² ---- */

static void move_points(const dnni_glyph *glyph, dnni_draws *draws, point p[DNNI_GLYPH_POINTS]) {
    float spread = dnni_draw_between(draws, 0.02f, 0.1f);
    for (int32_t i = 0; i < DNNI_GLYPH_POINTS; i++) {
        p[i].x = (float)glyph->point[i][0] * 0.02f - 1.0f + spread * dnni_draw_bell(draws);
        p[i].y = (float)glyph->point[i][1] * 0.02f - 1.0f + spread * dnni_draw_bell(draws);
    }
}

/* The cubic from b to c at t in [0, 1], whose slopes there are s (c - a) and s (d - b): the splines of Catmull and Rom
 * (1974) at s = 1/2, straight lines with corners at s = 0. */
static float spline(float a, float b, float c, float d, float s, float t) {
    float m = s * (c - a), n = s * (d - b);
    return b + t * (m + t * (3.0f * (c - b) - 2.0f * m - n + t * (2.0f * (b - c) + m + n)));
}

/* The point beyond the end b of a stroke that comes from c and d: it makes the end's curvature that of its
 * neighbour. */
static point beyond(point b, point c, point d) {
    return (point){2.0f * b.x - c.x + 0.35f * (b.x - 2.0f * c.x + d.x),
                   2.0f * b.y - c.y + 0.35f * (b.y - 2.0f * c.y + d.y)};
}

static void add_vertex(dnni_ink *ink, float x, float y, bool lifted) {
    ink->vertex[ink->vertices++] = (dnni_vertex){.x = x, .y = y, .lifted = lifted};
}

/* One stroke: the spline of slope s through the points of path[0..n), n ≥ 2. */
static void add_stroke(dnni_ink *ink, const point *p, const int8_t *path, int32_t n, float s) {
    bool closed = path[0] == path[n - 1] && n > 2;
    point first = p[path[0]], second = p[path[1]], last = p[path[n - 1]], previous = p[path[n - 2]];
    point before = closed ? previous : beyond(first, second, n > 2 ? p[path[2]] : second);
    point after = closed ? second : beyond(last, previous, n > 2 ? p[path[n - 3]] : previous);
    add_vertex(ink, first.x, first.y, true);
    for (int32_t i = 0; i + 1 < n; i++) {
        point a = i > 0 ? p[path[i - 1]] : before, b = p[path[i]], c = p[path[i + 1]];
        point d = i + 2 < n ? p[path[i + 2]] : after;
        for (int32_t k = 1; k <= DNNI_SPAN_CHORDS; k++) {
            float t = (float)k / (float)DNNI_SPAN_CHORDS;
            add_vertex(ink, spline(a.x, b.x, c.x, d.x, s, t), spline(a.y, b.y, c.y, d.y, s, t), false);
        }
    }
}

static void add_strokes(dnni_ink *ink, dnni_draws *draws, const point *p, const int8_t *path) {
    float s = dnni_draw_between(draws, 0.2f, 0.6f);
    ink->vertices = 0;
    for (;;) {
        int32_t n = 0;
        while (path[n] < DNNI_LIFT) n++;
        add_stroke(ink, p, path, n, s);
        if (path[n] == DNNI_DONE) return;
        path += n + 1;
    }
}

/* ---- the hand ---- */

/* A smooth bending of the plane (a polynomial of degree 3), then stretch, slant and rotation. */
static void bend(dnni_ink *ink, dnni_draws *draws, int32_t digit) {
    float c[10], narrow = at_least(0.55f, 0.97f + 0.18f * dnni_draw_bell(draws));
    for (int32_t i = 0; i < 10; i++) c[i] = 0.1f * dnni_draw_bell(draws);
    float slant = 0.08f + (digit == 1 ? 0.28f : 0.24f) * dnni_draw_bell(draws);
    float turn = 0.045f * dnni_draw_bell(draws); /* tan of half the angle */
    float cosine = (1.0f - turn * turn) / (1.0f + turn * turn), sine = 2.0f * turn / (1.0f + turn * turn);
    for (int32_t i = 0; i < ink->vertices; i++) {
        float u = ink->vertex[i].x, v = ink->vertex[i].y;
        float x = u + c[0] * v * v + c[1] * u * v + c[2] * v * v * v + c[3] * u * u * v + c[4] * u * u;
        float y = v + c[5] * u * u + c[6] * u * v + c[7] * u * u * u + c[8] * v * v * u + c[9] * v * v;
        x = narrow * x - slant * y;
        ink->vertex[i].x = cosine * x - sine * y;
        ink->vertex[i].y = sine * x + cosine * y;
    }
}

/* Half the stroke's width at each vertex: a pen's width, changing slowly along the way. */
static void press(dnni_ink *ink, dnni_draws *draws, float radius) {
    float rise = 0.12f * dnni_draw_bell(draws), bulge = 0.15f * dnni_draw_bell(draws);
    for (int32_t i = 0; i < ink->vertices; i++) {
        float t = 2.0f * (float)i / (float)ink->vertices - 1.0f;
        float pressure = 1.0f + rise * t + bulge * (t * t - 0.33f);
        ink->vertex[i].radius = radius * (pressure < 0.5f ? 0.5f : pressure);
    }
}

/* ---- the frame ---- */

/* The longer side of the box that holds all vertices. */
static float extent(const dnni_ink *ink) {
    const dnni_vertex *v = ink->vertex;
    float left = v->x, right = v->x, top = v->y, bottom = v->y;
    for (int32_t i = 1; i < ink->vertices; i++) {
        left = at_most(left, v[i].x), right = at_least(right, v[i].x);
        top = at_most(top, v[i].y), bottom = at_least(bottom, v[i].y);
    }
    return at_least(at_least(right - left, bottom - top), 0.1f);
}

/* The centre of mass of the ink, taken as evenly spread along the chords. */
static point centre(const dnni_ink *ink) {
    float mass = 1e-6f, x = 0, y = 0;
    for (int32_t i = 1; i < ink->vertices; i++) {
        const dnni_vertex *a = &ink->vertex[i - 1], *b = &ink->vertex[i];
        if (b->lifted) continue;
        float dx = b->x - a->x, dy = b->y - a->y;
        float m = sqrtf(dx * dx + dy * dy) * (a->radius + b->radius);
        mass += m;
        x += 0.5f * m * (a->x + b->x);
        y += 0.5f * m * (a->y + b->y);
    }
    return (point){x / mass, y / mass};
}

/* As MNIST: the digit fills a box of 20/28 of the image's side, the centre of mass is the image's centre; both
 * roughly. */
static void frame(dnni_ink *ink, dnni_draws *draws, float size, float radius) {
    float box = size * (20.0f / 28.0f) * (1.0f + 0.03f * dnni_draw_bell(draws)) - 2.0f * radius;
    float scale = box / extent(ink);
    point c = centre(ink);
    float x = 0.5f * size + size * 0.013f * dnni_draw_bell(draws);
    float y = 0.5f * size + size * 0.013f * dnni_draw_bell(draws);
    for (int32_t i = 0; i < ink->vertices; i++) {
        ink->vertex[i].x = x + scale * (ink->vertex[i].x - c.x);
        ink->vertex[i].y = y + scale * (ink->vertex[i].y - c.y);
    }
}

void dnni_ink_write(dnni_ink *ink, dnni_draws *draws, const dnni_glyph *glyph, float size) {
    point points[DNNI_GLYPH_POINTS];
    move_points(glyph, draws, points);
    add_strokes(ink, draws, points, glyph->path);
    bend(ink, draws, glyph->digit);
    float radius = size / 28.0f * at_least(0.72f, 1.25f + 0.38f * dnni_draw_bell(draws));
    press(ink, draws, radius);
    frame(ink, draws, size, radius);
}
