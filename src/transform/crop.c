/* Windows of an image: in the middle, or anywhere. */
#include "transform/transform.h"

typedef struct {
    int64_t height, width, padding; /* height 0: the image's */
    dnn_border border;
    double fill;
    bool centre;
} state;

static const int64_t most = INT64_C(1) << 30;

/* Of the places where a window fits, by axis: 0 … room. */
static int64_t room(int64_t image, int64_t window, int64_t padding) { return image + 2 * padding - window; }

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    DNNI_TRY(dnni_want_fill(spec, s->fill));
    int64_t rows = spec->input.dims[0], cols = spec->input.dims[1];
    int64_t height = s->height ? s->height : rows, width = s->height ? s->width : cols;
    if (room(rows, height, s->padding) < 0 || room(cols, width, s->padding) < 0)
        return dnni_error(DNN_ERROR_SHAPE, "the window %lld x %lld is larger than the image %s with %lld pixels around",
                          (long long)height, (long long)width, dnni_array_shape(&spec->input).text,
                          (long long)s->padding);
    dnni_resize_spec(spec, height, width);
    return DNN_OK;
}

static int64_t place(const state *s, dnni_draws *draws, int64_t image, int64_t window) {
    int64_t n = room(image, window, s->padding);
    return (s->centre ? n / 2 : dnni_draw_below(draws, n + 1)) - s->padding;
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    const state *s = settings;
    drawn->move = dnni_move_nothing(out->input.dims[0], out->input.dims[1]);
    drawn->move.border = s->border;
    drawn->move.fill = s->fill;
    drawn->move.top = place(s, draws, in->input.dims[0], out->input.dims[0]);
    drawn->move.left = place(s, draws, in->input.dims[1], out->input.dims[1]);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    if (s->height) dnni_text_add(text, " %lld x %lld", (long long)s->height, (long long)s->width);
    if (s->padding) dnni_text_add(text, ", padding %lld", (long long)s->padding);
    if (s->padding) dnni_text_border(text, s->border, s->fill);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    dnni_text_add(text, "crop %lld,%lld", (long long)drawn->move.top, (long long)drawn->move.left);
}

static const dnni_transform_class random_class = {.type = "random_crop", .shape = shape, .draw = draw, .moves = true,
                                                  .settings = say_settings, .say = say};
static const dnni_transform_class centre_class = {.type = "center_crop", .shape = shape, .draw = draw, .moves = true,
                                                  .settings = say_settings};

static dnn_status check(const state *s) {
    if (s->height != 0 || s->width != 0) DNNI_TRY(dnni_check_size(s->height, s->width, "desc.out"));
    DNNI_REQUIRE(s->padding >= 0 && s->padding <= most / 2, "desc.padding is %lld", (long long)s->padding);
    return dnni_check_border(s->border);
}

dnn_transform *dnn_random_crop(dnn_context *ctx, const dnn_random_crop_desc *desc) {
    dnn_random_crop_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    state s = {d.out[0], dnni_width_of(d.out), d.padding, d.border, d.fill + 0.0, false};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &random_class, &s, sizeof s) : NULL;
}

dnn_transform *dnn_center_crop(dnn_context *ctx, int64_t height, int64_t width) {
    state s = {.height = height, .width = width ? width : height, .centre = true};
    if (dnni_check_size(s.height, s.width, "the window") != DNN_OK) return NULL;
    return dnni_transform_new(ctx, &centre_class, &s, sizeof s);
}
