/* The average of a sliding window. */
#include "layers/pool2d.h"

typedef struct {
    dnni_window window;
    bool exclude_pad;
} avg_pool2d;

static dnnk_pool problem(const avg_pool2d *s, const dnn_layer_call *call) {
    dnnk_pool pool = dnni_pool2d_problem(&s->window, call);
    pool.count_include_pad = !s->exclude_pad;
    return pool;
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const avg_pool2d *s = state;
    return dnni_pool2d_shape(&s->window, call, spec);
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    dnnk_pool pool = problem(state, call);
    return dnni_average(call, &pool);
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    dnnk_pool pool = problem(state, call);
    return dnni_average_backward(call, &pool);
}

static void detail(const void *state, char *text, size_t bytes) {
    dnni_window_detail(&((const avg_pool2d *)state)->window, text, bytes);
}

static const dnn_layer_class avg_pool2d_class = {DNN_SIZED(dnn_layer_class), .type = "avg_pool2d", .shape = shape,
                                                 .forward = forward, .backward = backward, .detail = detail,
                                                 .repeatable = 1};

static dnn_status check(const dnni_window *w) {
    DNNI_REQUIRE(w->dilation[0] == 1 && w->dilation[1] == 1, "desc.dilation is for the maximum only");
    return DNN_OK;
}

dnn_module *dnn_avg_pool2d(dnn_context *ctx, const dnn_pool2d_desc *desc) {
    dnn_pool2d_desc d;
    avg_pool2d state = {0};
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || dnni_pool2d_read(&state.window, &d) != DNN_OK) return NULL;
    if (check(&state.window) != DNN_OK) return NULL;
    state.exclude_pad = d.exclude_pad != 0;
    return dnn_layer_create(ctx, &avg_pool2d_class, &state, sizeof state);
}
