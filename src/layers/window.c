#include "layers/window.h"

#include <stdio.h>
#include <string.h>

static const int64_t ones[2] = {1, 1};

static dnn_status check_number(int64_t value, int64_t least, const char *name, int place) {
    DNNI_REQUIRE(value >= least && value <= INT32_MAX, "desc.%s[%d] is %lld, it must be from %lld to %d", name, place,
                 (long long)value, (long long)least, INT32_MAX);
    return DNN_OK;
}

static dnn_status read_pair(int64_t *pair, const int64_t *field, const int64_t *fallback, const char *name) {
    pair[0] = field[0] ? field[0] : fallback[0];
    pair[1] = field[1] ? field[1] : field[0] ? field[0] : fallback[1];
    DNNI_TRY(check_number(pair[0], 1, name, 0));
    return check_number(pair[1], 1, name, 1);
}

static dnn_status read_padding(dnni_window *w, int64_t padding, const int64_t *pad) {
    bool each = pad[0] || pad[1] || pad[2] || pad[3];
    DNNI_REQUIRE(!padding || !each, "desc.padding and desc.pad are both set, it is one or the other");
    DNNI_REQUIRE(padding >= 0 && padding <= INT32_MAX, "desc.padding is %lld, it must be from 0 to %d",
                 (long long)padding, INT32_MAX);
    for (int i = 0; i < 4; i++) {
        DNNI_TRY(check_number(pad[i], 0, "pad", i));
        int64_t *side = i % 2 ? w->after : w->before;
        side[i / 2] = each ? pad[i] : padding;
    }
    return DNN_OK;
}

dnn_status dnni_window_read(dnni_window *window, const dnni_window_fields *fields, bool stride_is_kernel) {
    static const int64_t none[2] = {0, 0};
    DNNI_TRY(read_pair(window->kernel, fields->kernel, none, "kernel"));
    DNNI_TRY(read_pair(window->stride, fields->stride, stride_is_kernel ? window->kernel : ones, "stride"));
    DNNI_TRY(read_pair(window->dilation, fields->dilation, ones, "dilation"));
    return read_padding(window, fields->padding, fields->pad);
}

dnn_status dnni_expect_image(const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    if (x->rank != 4)
        return dnni_error(DNN_ERROR_SHAPE, "input is %s, the layer expects images: (N, height, width, channels)",
                          dnni_array_shape(x).text);
    if (x->dims[1] == 0 || x->dims[2] == 0)
        return dnni_error(DNN_ERROR_SHAPE, "input has images without pixels (input %s)", dnni_array_shape(x).text);
    return DNN_OK;
}

dnn_status dnni_expect_window_fits(const dnni_window *w, const dnn_array *x) {
    int64_t padded[2], extent[2];
    for (int k = 0; k < 2; k++) {
        padded[k] = x->dims[1 + k] + w->before[k] + w->after[k];
        extent[k] = dnni_window_extent(w, k);
    }
    if (extent[0] <= padded[0] && extent[1] <= padded[1]) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "the kernel covers %lld×%lld pixels, the padded input has %lld×%lld (input %s)",
                      (long long)extent[0], (long long)extent[1], (long long)padded[0], (long long)padded[1],
                      dnni_array_shape(x).text);
}

/* ---- in words ---- */

static void append(char *text, size_t bytes, const char *what, const int64_t *pair) {
    size_t used = strlen(text);
    char *end = text + used;
    if (pair[0] == pair[1]) snprintf(end, bytes - used, ", %s %lld", what, (long long)pair[0]);
    else snprintf(end, bytes - used, ", %s %lld×%lld", what, (long long)pair[0], (long long)pair[1]);
}

static void append_padding(const dnni_window *w, char *text, size_t bytes) {
    static const int64_t zeros[2] = {0, 0};
    bool same = memcmp(w->before, w->after, sizeof w->before) == 0;
    size_t used = strlen(text);
    if (!same)
        snprintf(text + used, bytes - used, ", padding %lld+%lld×%lld+%lld", (long long)w->before[0],
                 (long long)w->after[0], (long long)w->before[1], (long long)w->after[1]);
    else if (memcmp(w->before, zeros, sizeof zeros) != 0)
        append(text, bytes, "padding", w->before);
}

void dnni_window_detail(const dnni_window *w, char *text, size_t bytes) {
    if (bytes == 0) return;
    snprintf(text, bytes, "%lld×%lld", (long long)w->kernel[0], (long long)w->kernel[1]);
    if (memcmp(w->stride, ones, sizeof ones) != 0) append(text, bytes, "stride", w->stride);
    append_padding(w, text, bytes);
    if (memcmp(w->dilation, ones, sizeof ones) != 0) append(text, bytes, "dilation", w->dilation);
}

void dnni_window_sees(const dnni_window *window, dnn_layer_spec *spec) {
    spec->sees = DNN_SEES_WINDOW;
    for (int k = 0; k < 2; k++) {
        spec->window.extent[k] = dnni_window_extent(window, k);
        spec->window.stride[k] = window->stride[k];
        spec->window.before[k] = window->before[k];
    }
}
