#include "record/layout.h"

#include <string.h>

dnn_status dnni_layout_check(dnn_layout layout, const dnn_flattened *flattened, int64_t n_flattened) {
    DNNI_REQUIRE(layout == DNN_LAYOUT_NATIVE || layout == DNN_LAYOUT_TORCH, "desc.layout is %d, which is no layout",
                 (int)layout);
    DNNI_REQUIRE(n_flattened >= 0, "desc.n_flattened is %lld", (long long)n_flattened);
    DNNI_REQUIRE(flattened || n_flattened == 0, "desc.flattened is NULL");
    DNNI_REQUIRE(layout == DNN_LAYOUT_TORCH || n_flattened == 0, "desc.flattened is for DNN_LAYOUT_TORCH");
    for (int64_t i = 0; i < n_flattened; i++) {
        const dnn_flattened *f = &flattened[i];
        DNNI_REQUIRE(f->path, "desc.flattened[%lld].path is NULL", (long long)i);
        DNNI_REQUIRE(f->height > 0 && f->width > 0 && f->channels > 0, "desc.flattened[%lld] is %lld × %lld × %lld",
                     (long long)i, (long long)f->height, (long long)f->width, (long long)f->channels);
    }
    return DNN_OK;
}

static bool is_conv_weight(const dnn_parameter *parameter, const dnn_array *array) {
    dnn_module_info owner = {DNN_SIZED(dnn_module_info)};
    if (array->rank != 4 || parameter->is_buffer || dnn_module_at(parameter->owner, 0, &owner) != DNN_OK) return false;
    return strcmp(owner.type, "conv2d") == 0;
}

/* A weight (out, h·w·c) as (out, h, w, c); it is stored as (out, c·h·w). */
static dnn_status flattened_layout(dnni_stored *s, const dnn_flattened *f) {
    int64_t features;
    bool fits = dnni_mul(f->height, f->width, &features) && dnni_mul(features, f->channels, &features);
    if (!fits || s->memory.rank != 2 || s->memory.dims[1] != features)
        return dnni_error(DNN_ERROR_SHAPE, "a weight %s does not read flattened images [%lld,%lld,%lld]",
                          dnni_array_shape(&s->memory).text, (long long)f->height, (long long)f->width,
                          (long long)f->channels);
    s->memory.rank = 4;
    s->memory.dims[1] = f->height;
    s->memory.dims[2] = f->width;
    s->memory.dims[3] = f->channels;
    s->channels_first = true;
    return DNN_OK;
}

dnn_status dnni_layout_of(dnni_stored *stored, const dnn_parameter *parameter, dnn_layout layout,
                          const dnn_flattened *flattened, int64_t n_flattened) {
    const dnn_array *array = &parameter->value->array;
    *stored = (dnni_stored){.array = *array, .memory = *array};
    stored->array.data = NULL;
    if (layout == DNN_LAYOUT_NATIVE) return DNN_OK;
    for (int64_t i = 0; i < n_flattened; i++)
        if (strcmp(flattened[i].path, parameter->path) == 0) return flattened_layout(stored, &flattened[i]);
    if (!is_conv_weight(parameter, array)) return DNN_OK;
    stored->channels_first = true;
    stored->array.dims[1] = array->dims[3];
    stored->array.dims[2] = array->dims[1];
    stored->array.dims[3] = array->dims[2];
    return DNN_OK;
}

void dnni_to_channels_first(void *to, const void *from, const int64_t dims[4], int64_t element) {
    int64_t pixels = dims[1] * dims[2], channels = dims[3];
    for (int64_t n = 0; n < dims[0]; n++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t p = 0; p < pixels; p++)
                memcpy((char *)to + ((n * channels + c) * pixels + p) * element,
                       (const char *)from + ((n * pixels + p) * channels + c) * element, (size_t)element);
}

/* Channels first is (n, 1, c, pixels) seen channels last: the same exchange of two axes. */
void dnni_to_channels_last(void *to, const void *from, const int64_t dims[4], int64_t element) {
    const int64_t exchanged[4] = {dims[0], 1, dims[3], dims[1] * dims[2]};
    dnni_to_channels_first(to, from, exchanged, element);
}
