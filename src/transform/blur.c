/* Gaussian blur. */
#include "image/image.h"
#include "transform/transform.h"

typedef struct {
    double low, high;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    const int64_t *d = spec->input.dims;
    int64_t bytes = dnnk_blur_workspace(d[0], d[1], d[2], s->high);
    if (bytes < 0) return dnni_out_of_memory();
    spec->work_bytes = bytes;
    return DNN_OK;
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)in, (void)out;
    const state *s = settings;
    drawn->number[0] = dnni_draw_range(draws, s->low, s->high);
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)settings;
    const int64_t *d = sample->in.dims;
    dnnk_image from = {sample->in.data, d[0], d[1], d[2], sample->in.dtype == DNN_F32}, to = from;
    to.data = sample->out.data;
    if (drawn->number[0] > 0) dnnk_blur(&from, &to, drawn->number[0], sample->work);
    else sample->unchanged = true;
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_range(text, s->low, s->high);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    if (drawn->number[0] == 0) return;
    dnni_text_add(text, "blur ");
    dnni_text_number(text, drawn->number[0]);
}

static const dnni_transform_class class = {.type = "random_blur", .shape = shape, .draw = draw, .apply = apply,
                                           .in_place = true, .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    DNNI_REQUIRE(s->low >= 0 && s->low <= s->high && s->high <= 50, "low … high is %g … %g, it must be in 0 … 50",
                 s->low, s->high);
    return DNN_OK;
}

dnn_transform *dnn_random_blur(dnn_context *ctx, double low, double high) {
    state s = {low, high};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
