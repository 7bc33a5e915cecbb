/* Another size. */
#include "transform/transform.h"

typedef struct {
    int64_t height, width, shorter;
    dnn_filter filter;
    bool no_antialias;
} state;

static const int64_t most = INT64_C(1) << 30;

/* The side that is not the shorter one, in proportion. */
static int64_t longer(int64_t side, int64_t other, int64_t shorter) {
    return (int64_t)((double)side * (double)shorter / (double)other);
}

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    int64_t rows = spec->input.dims[0], cols = spec->input.dims[1], height = s->height, width = s->width;
    if (s->shorter) {
        height = rows <= cols ? s->shorter : longer(rows, cols, s->shorter);
        width = rows <= cols ? longer(cols, rows, s->shorter) : s->shorter;
    }
    spec->work_bytes = dnni_move_work(rows, cols, height, width, spec->input.dims[2]);
    dnni_resize_spec(spec, height, width);
    return DNN_OK;
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out, (void)draws;
    const state *s = settings;
    drawn->move = dnni_move_nothing(in->input.dims[0], in->input.dims[1]);
    drawn->move.filter = s->filter;
    drawn->move.no_antialias = s->no_antialias;
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    if (s->shorter) dnni_text_add(text, " shorter %lld", (long long)s->shorter);
    else dnni_text_add(text, " %lld x %lld", (long long)s->height, (long long)s->width);
    dnni_text_filter(text, s->filter, s->no_antialias);
}

static const dnni_transform_class class = {
    .type = "resize", .shape = shape, .draw = draw, .moves = true, .settings = say_settings};

static dnn_status check(const state *s) {
    DNNI_REQUIRE((s->shorter != 0) != (s->height != 0 || s->width != 0), "desc: either out or shorter is to be set");
    if (s->shorter) DNNI_REQUIRE(s->shorter > 0 && s->shorter <= most, "desc.shorter is %lld", (long long)s->shorter);
    else DNNI_TRY(dnni_check_size(s->height, s->width, "desc.out"));
    return dnni_check_filter(s->filter, true);
}

dnn_transform *dnn_resize(dnn_context *ctx, const dnn_resize_desc *desc) {
    dnn_resize_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    state s = {d.out[0], dnni_width_of(d.out), d.shorter, d.filter, d.no_antialias != 0};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
