#include "layers/pool2d.h"

dnn_status dnni_pool2d_read(dnni_window *window, const dnn_pool2d_desc *d) {
    dnni_window_fields fields = {d->kernel, d->stride, d->dilation, d->padding, d->pad};
    DNNI_TRY(dnni_window_read(window, &fields, true));
    for (int k = 0; k < 2; k++) {
        int64_t most = dnnk_max(window->before[k], window->after[k]), extent = dnni_window_extent(window, k);
        DNNI_REQUIRE(most < extent, "padding of %lld beside a kernel that covers %lld pixels (%s): it must be smaller",
                     (long long)most, (long long)extent, k == 0 ? "height" : "width");
    }
    return DNN_OK;
}

static dnnk_pool_axis axis(const dnni_window *w, int k, int64_t in) {
    return dnnk_pool_window(in, w->kernel[k], w->stride[k], w->before[k], w->after[k], w->dilation[k]);
}

dnnk_pool dnni_pool2d_problem(const dnni_window *window, const dnn_layer_call *call) {
    const int64_t *dims = call->inputs[0].dims;
    return (dnnk_pool){.n = dims[0], .c = dims[3], .h = axis(window, 0, dims[1]), .w = axis(window, 1, dims[2])};
}

dnn_status dnni_pool2d_output(const dnn_layer_call *call, const dnnk_pool *pool, double taps, dnn_layer_spec *spec) {
    int64_t dims[4] = {pool->n, pool->h.out, pool->w.out, pool->c};
    spec->n_outputs = 1;
    DNNI_TRY(dnni_make_array(&spec->outputs[0], call->inputs[0].dtype, 4, dims));
    spec->flops = taps * (double)dnni_count(&spec->outputs[0]);
    return DNN_OK;
}

dnn_status dnni_pool2d_shape(const dnni_window *window, const dnn_layer_call *call, dnn_layer_spec *spec) {
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(dnni_expect_image(call));
    DNNI_TRY(dnni_expect_window_fits(window, &call->inputs[0]));
    dnnk_pool pool = dnni_pool2d_problem(window, call);
    dnni_window_sees(window, spec);
    return dnni_pool2d_output(call, &pool, (double)window->kernel[0] * (double)window->kernel[1], spec);
}

dnn_status dnni_average(const dnn_layer_call *call, const dnnk_pool *pool) {
    dnnk_avg_pool(dnni_call_env(call), dnni_call_type(call), pool, call->inputs[0].data, call->outputs[0].data);
    return DNN_OK;
}

dnn_status dnni_average_backward(const dnn_layer_call *call, const dnnk_pool *pool) {
    if (call->input_gradients[0].data)
        dnnk_avg_pool_backward(dnni_call_env(call), dnni_call_type(call), pool, call->output_gradients[0].data,
                               call->input_gradients[0].data);
    return DNN_OK;
}
