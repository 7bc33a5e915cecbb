/* Brightness, contrast, saturation and hue, and grey. */
#include <math.h>
#include <string.h>

#include "image/image.h"
#include "transform/transform.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, KINDS };

static const char *const names[KINDS] = {"brightness", "contrast", "saturation", "hue"};

/* The image as floats in 0 … 1, and back. */

static float *to_unit(const dnni_sample *sample) {
    int64_t n = dnni_count(&sample->in);
    double scale = 1 / (sample->high - sample->low), shift = -sample->low * scale;
    if (sample->in.dtype == DNN_U8)
        dnnk_bytes_to_float(n, sample->in.data, (float)scale, (float)shift, sample->work);
    else dnnk_float_affine(n, sample->in.data, (float)scale, (float)shift, sample->work);
    return sample->work;
}

static void from_unit(const dnni_sample *sample, const float *x, int64_t n, void *y) {
    float low = (float)sample->low, span = (float)(sample->high - sample->low);
    if (sample->in.dtype == DNN_U8) dnnk_float_to_bytes(n, x, low, low + span, y);
    else dnnk_float_affine(n, x, span, low, y);
}

static int64_t pixels_of(const dnn_array *image) { return image->dims[0] * image->dims[1]; }

static dnn_status want_unit(dnni_spec *spec, const char *what) {
    DNNI_TRY(dnni_want_image(spec));
    DNNI_TRY(dnni_want_range(spec, what));
    spec->work_bytes = dnni_count(&spec->input) * (int64_t)sizeof(float);
    return DNN_OK;
}

static dnn_status want_rgb(const dnni_spec *spec, const char *what) {
    if (spec->input.dims[2] == 3) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "%s not defined for the %lld channels of %s: it wants R, G, B", what,
                      (long long)spec->input.dims[2], dnni_array_shape(&spec->input).text);
}

/* ---- jitter ---- */

typedef struct {
    double amount[KINDS];
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(want_unit(spec, "colour is"));
    if (s->amount[SATURATION] > 0) DNNI_TRY(want_rgb(spec, "saturation is"));
    if (s->amount[HUE] > 0) DNNI_TRY(want_rgb(spec, "hue is"));
    return DNN_OK;
}

/* number[0 … 3]: factors and the turn; whole[4 … 7] their order. */
static void draw(const void *settings, const dnni_spec *in, const dnni_spec *out, dnni_draws *draws,
                 dnni_drawn *drawn) {
    (void)in, (void)out;
    const state *s = settings;
    for (int64_t k = 0; k < KINDS; k++) {
        double a = s->amount[k];
        drawn->color.number[k] =
            k == HUE ? dnni_draw_range(draws, -a, a) : dnni_draw_range(draws, fmax(0, 1 - a), 1 + a);
        int64_t j = dnni_draw_below(draws, k + 1);
        drawn->color.order[k] = drawn->color.order[j];
        drawn->color.order[j] = (int32_t)k;
    }
}

static void adjust(int32_t kind, float number, int64_t pixels, int64_t channels, float *x) {
    switch (kind) {
    case BRIGHTNESS: dnnk_brightness(pixels, channels, x, number); break;
    case CONTRAST: dnnk_contrast(pixels, channels, x, number); break;
    case SATURATION: dnnk_saturation(pixels, x, number); break;
    default: dnnk_hue(pixels, x, number);
    }
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    const state *s = settings;
    float *x = NULL;
    for (int i = 0; i < KINDS; i++) {
        int32_t kind = drawn->color.order[i];
        if (s->amount[kind] == 0) continue;
        if (!x) x = to_unit(sample);
        adjust(kind, (float)drawn->color.number[kind], pixels_of(&sample->in), sample->in.dims[2], x);
    }
    if (x) from_unit(sample, x, dnni_count(&sample->in), sample->out.data);
    else sample->unchanged = true;
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    for (int k = 0; k < KINDS; k++) {
        if (s->amount[k] == 0) continue;
        dnni_text_add(text, " %s ", names[k]);
        dnni_text_number(text, s->amount[k]);
    }
}

static void say(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)in;
    const state *s = settings;
    const char *between = "";
    for (int i = 0; i < KINDS; i++) {
        int32_t kind = drawn->color.order[i];
        if (s->amount[kind] == 0) continue;
        dnni_text_add(text, "%s%s ", between, names[kind]);
        dnni_text_number(text, floor(drawn->color.number[kind] * 100 + 0.5) / 100);
        between = ", ";
    }
}

static const dnni_transform_class class = {.type = "color_jitter", .shape = shape, .draw = draw, .apply = apply,
                                           .in_place = true, .settings = say_settings, .say = say};

static dnn_status check(const state *s) {
    for (int k = 0; k < KINDS; k++)
        DNNI_REQUIRE(s->amount[k] >= 0 && s->amount[k] <= (k == HUE ? 0.5 : 1e6), "desc.%s is %g", names[k],
                     s->amount[k]);
    return DNN_OK;
}

dnn_transform *dnn_color_jitter(dnn_context *ctx, const dnn_color_jitter_desc *desc) {
    dnn_color_jitter_desc d;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK) return NULL;
    state s = {{d.brightness, d.contrast, d.saturation, d.hue}};
    return check(&s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}

/* ---- grey ---- */

static dnn_status grey_shape(const void *settings, dnni_spec *spec) {
    DNNI_TRY(dnni_want_image(spec));
    DNNI_TRY(want_rgb(spec, "the grey of an image is"));
    spec->input.dims[2] = *(const int64_t *)settings;
    return DNN_OK;
}

static void apply_grey(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)drawn;
    int64_t channels = *(const int64_t *)settings, pixels = pixels_of(&sample->in);
    for (int64_t i = 0; i < pixels; i++) {
        float rgb[3];
        if (sample->in.dtype == DNN_U8) dnnk_bytes_to_float(3, (const uint8_t *)sample->in.data + 3 * i, 1, 0, rgb);
        else memcpy(rgb, (const float *)sample->in.data + 3 * i, sizeof rgb);
        float grey = dnnk_grey(rgb, 3);
        for (int64_t c = i * channels; c < (i + 1) * channels; c++) {
            if (sample->in.dtype == DNN_U8) ((uint8_t *)sample->out.data)[c] = dnnk_to_byte(grey);
            else ((float *)sample->out.data)[c] = grey;
        }
    }
}

static void say_channels(const void *settings, dnni_text *text) {
    dnni_text_add(text, " %lld", (long long)*(const int64_t *)settings);
}

static void say_grey(const void *settings, const dnni_spec *in, const dnni_drawn *drawn, dnni_text *text) {
    (void)settings, (void)in, (void)drawn;
    dnni_text_add(text, "grey");
}

static const dnni_transform_class grey_class = {.type = "grayscale", .shape = grey_shape, .apply = apply_grey,
                                                .settings = say_channels, .say = say_grey};

dnn_transform *dnn_grayscale(dnn_context *ctx, int64_t channels) {
    if (channels == 1 || channels == 3) return dnni_transform_new(ctx, &grey_class, &channels, sizeof channels);
    dnni_error(DNN_ERROR_ARGUMENT, "channels is %lld, it must be 1 or 3", (long long)channels);
    return NULL;
}
