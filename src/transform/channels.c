/* Another order, or number, of channels. */
#include <string.h>

#include "transform/transform.h"

enum { MOST = 64 };

typedef struct {
    int32_t order[MOST], n;
} state;

static dnn_status shape(const void *settings, dnni_spec *spec) {
    const state *s = settings;
    DNNI_TRY(dnni_want_image(spec));
    for (int32_t k = 0; k < s->n; k++)
        if (s->order[k] >= spec->input.dims[2])
            return dnni_error(DNN_ERROR_SHAPE, "order[%d] is %d, the image %s has %lld channels", k, s->order[k],
                              dnni_array_shape(&spec->input).text, (long long)spec->input.dims[2]);
    spec->input.dims[2] = s->n;
    return DNN_OK;
}

static void apply(const void *settings, const dnni_drawn *drawn, dnni_sample *sample) {
    (void)drawn;
    const state *s = settings;
    int64_t pixels = sample->in.dims[0] * sample->in.dims[1], from = sample->in.dims[2];
    const uint8_t *bytes = sample->in.data;
    const float *floats = sample->in.data;
    for (int64_t i = 0; i < pixels; i++)
        for (int32_t k = 0; k < s->n; k++) {
            if (sample->in.dtype == DNN_U8) ((uint8_t *)sample->out.data)[i * s->n + k] = bytes[i * from + s->order[k]];
            else ((float *)sample->out.data)[i * s->n + k] = floats[i * from + s->order[k]];
        }
}

static void say_settings(const void *settings, dnni_text *text) {
    const state *s = settings;
    for (int32_t k = 0; k < s->n; k++) dnni_text_add(text, "%s%d", k ? "," : " ", s->order[k]);
}

static const dnni_transform_class class = {
    .type = "channels", .shape = shape, .apply = apply, .settings = say_settings};

static dnn_status check(const int32_t *order, int32_t n, state *s) {
    DNNI_REQUIRE(order, "order is NULL");
    DNNI_REQUIRE(n >= 1 && n <= MOST, "n is %d, it may be 1 to %d", n, (int)MOST);
    for (int32_t k = 0; k < n; k++) DNNI_REQUIRE(order[k] >= 0, "order[%d] is %d", k, order[k]);
    memcpy(s->order, order, (size_t)n * sizeof *order);
    s->n = n;
    return DNN_OK;
}

dnn_transform *dnn_channels(dnn_context *ctx, const int32_t *order, int32_t n) {
    state s = {.n = 0};
    return check(order, n, &s) == DNN_OK ? dnni_transform_new(ctx, &class, &s, sizeof s) : NULL;
}
