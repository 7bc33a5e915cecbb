/* A hole in the image. */
#include "image/image.h"
#include "transform/rectangle.h"

typedef struct {
    dnni_rectangles holes;
    double fill;
    bool noise;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    return dnni_want_fill(spec, s->fill);
}

/* whole[0 … 3]: top, left, height (0: no hole), width. */
static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)out;
    const state *s = settings;
    dnni_rectangle hole = {0};
    if (!dnni_draw_rectangle(&s->holes, draws, in->input.dims[0], in->input.dims[1], &hole)) hole.height = 0;
    drawn->whole[0] = hole.top;
    drawn->whole[1] = hole.left;
    drawn->whole[2] = hole.height;
    drawn->whole[3] = hole.width;
}

/* One number of the hole. */
static double value(const state *s, dnni_sample *sample) {
    if (!s->noise) return s->fill;
    bool known = sample->high > sample->low;
    double low = known ? sample->low : 0, high = known ? sample->high : 1;
    return (double)dnni_draw_between(&sample->draws, (float)low, (float)high);
}

static void fill_run(const state *s, dnni_sample *sample, int64_t first, int64_t n) {
    for (int64_t i = first; i < first + n; i++) {
        float x = (float)value(s, sample);
        if (sample->in.dtype == DNN_U8) ((uint8_t *)sample->out.data)[i] = dnnk_to_byte(x);
        else ((float *)sample->out.data)[i] = x;
    }
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    const int64_t *hole = drawn->whole, *d = sample->in.dims;
    for (int64_t y = hole[0]; y < hole[0] + hole[2]; y++)
        fill_run(settings, sample, (y * d[1] + hole[1]) * d[2], hole[3] * d[2]);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_rectangles(text, &s->holes);
    if (s->noise) dnni_text_add(text, ", noise");
    else dnni_text_border(text, DNN_BORDER_FILL, s->fill);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    const int64_t *hole = drawn->whole;
    if (hole[2] > 0)
        dnni_text_add(text, "erase %lld,%lld %lld x %lld", (long long)hole[0], (long long)hole[1], (long long)hole[2],
                      (long long)hole[3]);
}

static const dnni_transform_class class = {.type = "random_erase", .shape = shape, .draw = draw, .apply = apply,
                                           .in_place = true, .settings = say_settings, .say = say};

dnn_transform *dnn_random_erase(dnn_context *ctx, const dnn_random_erase_desc *desc) {
    const dnni_rectangles fallback = {{0.02, 0.33}, {0.3, 3.3}};
    dnn_random_erase_desc d;
    if (DNNI_READ_DESC(d, desc, true) != DNN_OK) return NULL;
    state s = {.fill = d.fill + 0.0, .noise = d.noise != 0};
    if (dnni_rectangles_make(&s.holes, d.scale, d.ratio, &fallback) != DNN_OK) return NULL;
    return dnni_transform_new(ctx, &class, &s, sizeof s);
}
