/* A window of random size and shape, scaled. */
#include "transform/rectangle.h"

typedef struct {
    int64_t height, width;
    dnni_rectangles windows;
    dnn_filter filter;
    bool no_antialias;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    const int64_t *d = spec->input.dims;
    spec->work_bytes = dnni_move_work(d[0], d[1], s->height, s->width, d[2]);
    dnni_resize_spec(spec, s->height, s->width);
    return DNN_OK;
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out;
    const state *s = settings;
    dnni_rectangle window;
    int64_t rows = in->input.dims[0], cols = in->input.dims[1];
    if (!dnni_draw_rectangle(&s->windows, draws, rows, cols, &window))
        window = dnni_middle_rectangle(&s->windows, rows, cols);
    drawn->move = dnni_move_nothing(window.height, window.width);
    drawn->move.top = window.top;
    drawn->move.left = window.left;
    drawn->move.filter = s->filter;
    drawn->move.no_antialias = s->no_antialias;
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_add(text, " %lld x %lld", (long long)s->height, (long long)s->width);
    dnni_text_rectangles(text, &s->windows);
    dnni_text_filter(text, s->filter, s->no_antialias);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    const dnni_move *m = &drawn->move;
    dnni_text_add(text, "crop %lld,%lld %lld x %lld", (long long)m->top, (long long)m->left, (long long)m->height,
                  (long long)m->width);
}

static const dnni_transform_class class = {.type = "random_resized_crop", .shape = shape, .draw = draw, .moves = true,
                                           .settings = say_settings, .say = say};

static dnn_status make(state *s, const dnn_random_resized_crop_desc *d) {
    const dnni_rectangles fallback = {{0.08, 1}, {3.0 / 4, 4.0 / 3}};
    *s = (state){.height = d->out[0], .width = dnni_width_of(d->out), .filter = d->filter,
                 .no_antialias = d->no_antialias != 0};
    DNNI_TRY(dnni_check_size(s->height, s->width, "desc.out"));
    DNNI_TRY(dnni_check_filter(s->filter, true));
    return dnni_rectangles_make(&s->windows, d->scale, d->ratio, &fallback);
}

dnn_transform *dnn_random_resized_crop(dnn_context *ctx, const dnn_random_resized_crop_desc *desc) {
    dnn_random_resized_crop_desc d;
    state s;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || make(&s, &d) != DNN_OK) return NULL;
    return dnni_transform_new(ctx, &class, &s, sizeof s);
}
