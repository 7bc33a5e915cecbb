/* The maximum of a sliding window. Which pixel won is kept for the backward. */
#include "layers/pool2d.h"

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    DNNI_TRY(dnni_pool2d_shape(state, call, spec));
    spec->n_kept = 1;
    spec->kept[0] = spec->outputs[0];
    dnnk_pool pool = dnni_pool2d_problem(state, call);
    spec->kept[0].dtype = dnnk_max_pool_winner_bytes(&pool) == 1 ? DNN_U8 : DNN_I32;
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    dnnk_pool pool = dnni_pool2d_problem(state, call);
    dnnk_max_pool(dnni_call_env(call), dnni_call_type(call), &pool, call->inputs[0].data, call->outputs[0].data,
                  call->kept[0].data);
    return DNN_OK;
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    dnnk_pool pool = dnni_pool2d_problem(state, call);
    if (call->input_gradients[0].data)
        dnnk_max_pool_backward(dnni_call_env(call), dnni_call_type(call), &pool, call->output_gradients[0].data,
                               call->kept[0].data, call->input_gradients[0].data);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) { dnni_window_detail(state, text, bytes); }

/* The winners; they are known where a backward may follow. */
static void choices(const void *state, const dnn_layer_call *call, uint64_t *signature) {
    (void)state;
    const dnn_array *winner = &call->kept[0];
    for (int64_t i = 0, n = winner->data ? dnni_count(winner) : 0; i < n; i++)
        dnn_layer_mix(signature, (uint64_t)(int64_t)dnni_load(winner->dtype, winner->data, i));
}

static const dnn_layer_class max_pool2d_class = {DNN_SIZED(dnn_layer_class), .type = "max_pool2d", .shape = shape,
                                                 .forward = forward, .backward = backward, .detail = detail,
                                                 .choices = choices, .repeatable = 1};

/* Winners are numbered in an int32 at the most. */
static dnn_status check(const dnn_pool2d_desc *d, const dnni_window *w) {
    DNNI_REQUIRE(!d->exclude_pad, "desc.exclude_pad is for the average only");
    DNNI_REQUIRE(w->kernel[0] * w->kernel[1] <= INT32_MAX, "desc.kernel is %lld×%lld, that is more than %d pixels",
                 (long long)w->kernel[0], (long long)w->kernel[1], INT32_MAX);
    return DNN_OK;
}

dnn_module *dnn_max_pool2d(dnn_context *ctx, const dnn_pool2d_desc *desc) {
    dnn_pool2d_desc d;
    dnni_window window;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || dnni_pool2d_read(&window, &d) != DNN_OK) return NULL;
    if (check(&d, &window) != DNN_OK) return NULL;
    return dnn_layer_create(ctx, &max_pool2d_class, &window, sizeof window);
}
