/* The image as seen from aside. */
#include <string.h>

#include "transform/transform.h"

typedef struct {
    double distortion;
    dnn_filter filter;
    dnn_border border;
    double fill;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    spec->work_bytes = dnni_warp_work(spec->input.dims[2]);
    return dnni_want_fill(spec, s->fill);
}

typedef struct {
    double x, y;
} corner;

/* The projective map of the unit square, corners in the order (0,0), (1,0), (1,1), (0,1), to a quadrilateral. Heckbert
 * 1989, "Fundamentals of texture mapping and image warping", section 2.2.3. */
static void square_to_quad(const corner q[4], double m[9]) {
    double ax = q[1].x - q[2].x, bx = q[3].x - q[2].x, sx = q[0].x - q[1].x + q[2].x - q[3].x;
    double ay = q[1].y - q[2].y, by = q[3].y - q[2].y, sy = q[0].y - q[1].y + q[2].y - q[3].y;
    double det = ax * by - ay * bx, g = (sx * by - sy * bx) / det, h = (ax * sy - ay * sx) / det;
    const double map[9] = {q[1].x - q[0].x + g * q[1].x, q[3].x - q[0].x + h * q[3].x, q[0].x,
                           q[1].y - q[0].y + g * q[1].y, q[3].y - q[0].y + h * q[3].y, q[0].y, g, h, 1};
    memcpy(m, map, sizeof map);
}

static void draw_corners(double part, dnni_draws *draws, double rows, double cols, corner q[4]) {
    for (int i = 0; i < 4; i++) {
        double right = dnni_draw_range(draws, 0, part), down = dnni_draw_range(draws, 0, part);
        q[i].x = i == 1 || i == 2 ? cols - right * cols : right * cols;
        q[i].y = i >= 2 ? rows - down * rows : down * rows;
    }
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out;
    const state *s = settings;
    dnni_move *m = &drawn->move;
    double rows = (double)in->input.dims[0], cols = (double)in->input.dims[1], forward[9];
    corner q[4];
    *m = dnni_move_nothing(in->input.dims[0], in->input.dims[1]);
    m->filter = s->filter;
    m->border = s->border;
    m->fill = s->fill;
    draw_corners(s->distortion / 2, draws, rows, cols, q);
    square_to_quad(q, forward);
    for (int i = 0; i < 3; i++) forward[3 * i] /= cols, forward[3 * i + 1] /= rows;
    dnni_move_projective(m, forward);
    memcpy(m->said, q, sizeof q);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_add(text, " ");
    dnni_text_number(text, s->distortion);
    dnni_text_border(text, s->border, s->fill);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    corner q[4];
    memcpy(q, drawn->move.said, sizeof q);
    dnni_text_add(text, "corners");
    for (int i = 0; i < 4; i++) dnni_text_add(text, " %d,%d", (int)(q[i].x + 0.5), (int)(q[i].y + 0.5));
}

static const dnni_transform_class class = {.type = "random_perspective", .shape = shape, .draw = draw, .moves = true,
                                           .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    DNNI_REQUIRE(s->distortion >= 0 && s->distortion <= 0.6, "desc.distortion is %g, it must be in [0, 0.6]",
                 s->distortion);
    DNNI_TRY(dnni_check_border(s->border));
    return dnni_check_filter(s->filter, false);
}

dnn_transform *dnn_random_perspective(dnn_context *ctx, const dnn_random_perspective_desc *desc) {
    dnn_random_perspective_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    state s = {dnni_or_default(d.distortion, 0.5), d.filter, d.border, d.fill + 0.0};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
