/* Turning, shifting, stretching, slanting. */
#include <math.h>
#include <string.h>

#include "transform/transform.h"

typedef struct {
    double rotate[2], translate[2], scale[2], shear[2]; /* as in dnn_random_affine_desc */
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

/* What was drawn. Kept in the move beside the matrix that it makes: for the text. */
typedef struct {
    double rotate, down, right, scale, shear_x, shear_y;
} drawing;

static drawing draw_numbers(const state *s, const dnni_spec *in, dnni_draws *draws) {
    drawing d = {.rotate = dnni_draw_range(draws, s->rotate[0], s->rotate[1])};
    double down = s->translate[0] * (double)in->input.dims[0], right = s->translate[1] * (double)in->input.dims[1];
    d.down = dnni_draw_range(draws, -down, down);
    d.right = dnni_draw_range(draws, -right, right);
    d.scale = dnni_draw_range(draws, s->scale[0], s->scale[1]);
    d.shear_x = dnni_draw_range(draws, -s->shear[0], s->shear[0]);
    d.shear_y = dnni_draw_range(draws, -s->shear[1], s->shear[1]);
    return d;
}

static double radians(double degrees) { return degrees * 0.017453292519943295; }

/* Of points out to points in, both about the middle: the inverse of s R [1 a; b 1 + ab], after taking the shift off.
 * The determinant of the slant is 1. */
static void set_map(dnni_move *move, const drawing *d, double rows, double cols) {
    double a = tan(radians(d->shear_x)), b = tan(radians(d->shear_y));
    double c = cos(radians(d->rotate)), s = sin(radians(d->rotate)), k = 1 / d->scale;
    /* R of a turn counter-clockwise, with y down, is [c s; -s c]; its inverse [c -s; s c]. */
    double xx = k * ((1 + a * b) * c - a * s), xy = k * (-(1 + a * b) * s - a * c);
    double yx = k * (-b * c + s), yy = k * (b * s + c);
    double mx = cols / 2, my = rows / 2, ox = mx + d->right, oy = my + d->down;
    const double map[6] = {xx, xy, mx - xx * ox - xy * oy, yx, yy, my - yx * ox - yy * oy};
    dnni_move_affine(move, map);
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out;
    const state *s = settings;
    dnni_move *m = &drawn->move;
    drawing d = draw_numbers(s, in, draws);
    *m = dnni_move_nothing(in->input.dims[0], in->input.dims[1]);
    m->filter = s->filter;
    m->border = s->border;
    m->fill = s->fill;
    set_map(m, &d, (double)in->input.dims[0], (double)in->input.dims[1]);
    memcpy(m->said, &d, sizeof d);
}

static void say_number(dnni_text *text, const char *name, double value) {
    dnni_text_add(text, "%s ", name);
    dnni_text_number(text, floor(value * 100 + 0.5) / 100);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)in;
    const state *s = settings;
    drawing d;
    memcpy(&d, drawn->move.said, sizeof d);
    const char *between = "";
    if (s->rotate[0] != 0 || s->rotate[1] != 0) say_number(text, "rotate", d.rotate), between = ", ";
    if (s->translate[0] > 0 || s->translate[1] > 0) {
        dnni_text_add(text, "%s", between);
        say_number(text, "shift", d.down);
        say_number(text, ",", d.right), between = ", ";
    }
    if (s->scale[0] != 1 || s->scale[1] != 1) {
        dnni_text_add(text, "%s", between);
        say_number(text, "scale", d.scale), between = ", ";
    }
    if (s->shear[0] > 0 || s->shear[1] > 0) {
        dnni_text_add(text, "%s", between);
        say_number(text, "shear", d.shear_x);
        say_number(text, ",", d.shear_y);
    }
}

static void say_rotation(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_range(text, s->rotate[0], s->rotate[1]);
    dnni_text_border(text, s->border, s->fill);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_add(text, " rotate");
    dnni_text_range(text, s->rotate[0], s->rotate[1]);
    say_number(text, ", translate", s->translate[0]);
    say_number(text, ",", s->translate[1]);
    dnni_text_add(text, ", scale");
    dnni_text_range(text, s->scale[0], s->scale[1]);
    say_number(text, ", shear", s->shear[0]);
    say_number(text, ",", s->shear[1]);
    dnni_text_border(text, s->border, s->fill);
}

static const dnni_transform_class rotation_class = {.type = "random_rotation", .shape = shape, .draw = draw,
                                                    .moves = true, .settings = say_rotation, .say = say};
static const dnni_transform_class affine_class = {.type = "random_affine", .shape = shape, .draw = draw, .moves = true,
                                                  .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    DNNI_REQUIRE(isfinite(s->rotate[0]) && isfinite(s->rotate[1]) && s->rotate[0] <= s->rotate[1],
                 "the degrees are %g … %g", s->rotate[0], s->rotate[1]);
    DNNI_REQUIRE(s->scale[0] > 1e-6 && s->scale[0] <= s->scale[1] && s->scale[1] < 1e6, "desc.scale is %g … %g",
                 s->scale[0], s->scale[1]);
    for (int i = 0; i < 2; i++) {
        DNNI_TRY(dnni_check_fraction(s->translate[i], "desc.translate"));
        DNNI_REQUIRE(s->shear[i] >= 0 && s->shear[i] < 90, "desc.shear[%d] is %g, it must be in [0, 90)", i,
                     s->shear[i]);
    }
    DNNI_TRY(dnni_check_border(s->border));
    return dnni_check_filter(s->filter, false);
}

static dnn_transform *make(dnn_context *ctx, const dnni_transform_class *class, const state *s) {
    return check(s) == DNN_OK ? dnni_transform_new(ctx, class, s, sizeof *s) : NULL;
}

dnn_transform *dnn_random_rotation(dnn_context *ctx, const dnn_random_rotation_desc *desc) {
    dnn_random_rotation_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    state s = {.rotate = {d.low, d.high}, .scale = {1, 1}, .filter = d.filter, .border = d.border};
    s.fill = d.fill + 0.0;
    return make(ctx, &rotation_class, &s);
}

dnn_transform *dnn_random_affine(dnn_context *ctx, const dnn_random_affine_desc *desc) {
    dnn_random_affine_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    bool stays = d.scale[0] == 0 && d.scale[1] == 0;
    state s = {{d.rotate[0], d.rotate[1]}, {d.translate[0], d.translate[1]},
               {stays ? 1 : d.scale[0], stays ? 1 : d.scale[1]}, {d.shear[0], d.shear[1]}, d.filter, d.border,
               d.fill + 0.0};
    return make(ctx, &affine_class, &s);
}
