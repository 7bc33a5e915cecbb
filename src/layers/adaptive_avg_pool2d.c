/* The average over windows chosen for an output of a given size. */
#include <stdio.h>

#include "layers/pool2d.h"

typedef struct {
    int64_t height, width; /* of the output */
} adaptive_avg_pool2d;

static dnnk_pool problem(const adaptive_avg_pool2d *s, const dnn_layer_call *call) {
    const int64_t *dims = call->inputs[0].dims;
    return (dnnk_pool){.n = dims[0], .c = dims[3], .h = dnnk_pool_adaptive(dims[1], s->height),
                       .w = dnnk_pool_adaptive(dims[2], s->width)};
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(dnni_expect_image(call));
    dnnk_pool pool = problem(state, call);
    int64_t tall = dnnk_ceil_div(pool.h.in, pool.h.out), wide = dnnk_ceil_div(pool.w.in, pool.w.out);
    return dnni_pool2d_output(call, &pool, (double)tall * (double)wide, spec);
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
    const adaptive_avg_pool2d *s = state;
    snprintf(text, bytes, "to %lld×%lld", (long long)s->height, (long long)s->width);
}

static const dnn_layer_class adaptive_avg_pool2d_class = {DNN_SIZED(dnn_layer_class), .type = "adaptive_avg_pool2d",
                                                          .shape = shape, .forward = forward, .backward = backward,
                                                          .detail = detail, .repeatable = 1};

static dnn_status check(int64_t size, const char *name) {
    DNNI_REQUIRE(size >= 1 && size <= INT32_MAX, "%s is %lld, it must be from 1 to %d", name, (long long)size,
                 INT32_MAX);
    return DNN_OK;
}

dnn_module *dnn_adaptive_avg_pool2d(dnn_context *ctx, int64_t height, int64_t width) {
    if (check(height, "height") != DNN_OK || check(width, "width") != DNN_OK) return NULL;
    adaptive_avg_pool2d state = {height, width};
    return dnn_layer_create(ctx, &adaptive_avg_pool2d_class, &state, sizeof state);
}
