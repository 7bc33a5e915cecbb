/* Left to right, upside down. */
#include "transform/transform.h"

typedef struct {
    double horizontal, vertical;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    (void)settings;
    return dnni_want_image(spec);
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out;
    const state *s = settings;
    drawn->move = dnni_move_nothing(in->input.dims[0], in->input.dims[1]);
    drawn->move.flip_cols = dnni_draw_range(draws, 0, 1) < s->horizontal;
    drawn->move.flip_rows = dnni_draw_range(draws, 0, 1) < s->vertical;
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_add(text, " ");
    dnni_text_number(text, s->horizontal);
    dnni_text_add(text, ", ");
    dnni_text_number(text, s->vertical);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    bool both = drawn->move.flip_cols && drawn->move.flip_rows;
    dnni_text_add(text, "%s%s%s", drawn->move.flip_cols ? "flip" : "", both ? ", " : "",
                  drawn->move.flip_rows ? "upside down" : "");
}

static const dnni_transform_class class = {.type = "random_flip", .shape = shape, .draw = draw, .moves = true,
                                           .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    DNNI_TRY(dnni_check_fraction(s->horizontal, "desc.horizontal"));
    return dnni_check_fraction(s->vertical, "desc.vertical");
}

dnn_transform *dnn_random_flip(dnn_context *ctx, const dnn_random_flip_desc *desc) {
    dnn_random_flip_desc d;
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK) return NULL;
    state s = {dnni_or_default(d.horizontal, 0.5), d.vertical};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
