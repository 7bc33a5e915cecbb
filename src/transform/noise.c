/* Noise on every number. */
#include <math.h>

#include "image/image.h"
#include "transform/transform.h"

typedef struct {
    double low, high;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    (void)settings;
    if (spec->input.dtype == DNN_U8 || spec->input.dtype == DNN_F32) return DNN_OK;
    return dnni_error(DNN_ERROR_DTYPE, "the input is %s, noise is added to uint8 or float32",
                      dnn_dtype_name(spec->input.dtype));
}

static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)in, (void)out;
    const state *s = settings;
    drawn->number[0] = dnni_draw_range(draws, s->low, s->high);
}

static void add_to_bytes(int64_t n, dnni_draws *draws, float deviation, float low, float high, uint8_t *x) {
    for (int64_t i = 0; i < n; i++) {
        float y = (float)x[i] + deviation * dnni_draw_bell(draws);
        x[i] = dnnk_to_byte(y < low ? low : y > high ? high : y);
    }
}

static void add_to_floats(int64_t n, dnni_draws *draws, float deviation, float low, float high, float *x) {
    for (int64_t i = 0; i < n; i++) {
        float y = x[i] + deviation * dnni_draw_bell(draws);
        x[i] = y < low ? low : y > high ? high : y;
    }
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)settings;
    bool known = sample->high > sample->low, bytes = sample->in.dtype == DNN_U8;
    float low = known ? (float)sample->low : -INFINITY, high = known ? (float)sample->high : INFINITY;
    float deviation = (float)(drawn->number[0] * (known ? sample->high - sample->low : 1));
    int64_t n = dnni_count(&sample->in);
    sample->unchanged = deviation == 0;
    if (sample->unchanged) return;
    if (bytes) add_to_bytes(n, &sample->draws, deviation, low, high, sample->out.data);
    else add_to_floats(n, &sample->draws, deviation, low, high, sample->out.data);
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    dnni_text_range(text, s->low, s->high);
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in;
    if (drawn->number[0] == 0) return;
    dnni_text_add(text, "noise ");
    dnni_text_number(text, drawn->number[0]);
}

static const dnni_transform_class class = {.type = "random_noise", .shape = shape, .draw = draw, .apply = apply,
                                           .in_place = true, .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    DNNI_REQUIRE(s->low >= 0 && s->low <= s->high && s->high <= 1e6, "low … high is %g … %g", s->low, s->high);
    return DNN_OK;
}

dnn_transform *dnn_random_noise(dnn_context *ctx, double low, double high) {
    state s = {low, high};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
