/* Cross-correlation of images, channels last. */
#include <stdio.h>

#include "conv/conv.h"
#include "layers/weights.h"
#include "layers/window.h"

typedef struct {
    int64_t in, out, groups;
    dnni_window window;
} conv2d;

static dnnk_conv problem(const conv2d *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    const dnni_window *w = &s->window;
    return (dnnk_conv){.type = dnni_call_type(call),
                       .batch = x->dims[0], .height = x->dims[1], .width = x->dims[2],
                       .in_channels = s->in, .out_channels = s->out, .groups = s->groups,
                       .kernel_h = w->kernel[0], .kernel_w = w->kernel[1],
                       .stride_h = w->stride[0], .stride_w = w->stride[1],
                       .dilation_h = w->dilation[0], .dilation_w = w->dilation[1],
                       .pad_top = w->before[0], .pad_bottom = w->after[0],
                       .pad_left = w->before[1], .pad_right = w->after[1],
                       .allow_winograd = call->context->allow_winograd && x->dtype == DNN_F32};
}

static dnn_status expect_channels(const conv2d *s, const dnn_layer_call *call) {
    const dnn_array *x = &call->inputs[0];
    if (x->dims[3] == s->in) return DNN_OK;
    return dnni_error(DNN_ERROR_SHAPE, "input has %lld channels, weight expects %lld (input %s, weight %s)%s",
                      (long long)x->dims[3], (long long)s->in, dnni_array_shape(x).text,
                      dnni_array_shape(&call->parameters[0]).text,
                      x->dims[1] == s->in ? "; images are (N, height, width, channels) here, channels last" : "");
}

static dnn_status shape(const void *state, const dnn_layer_call *call, dnn_layer_spec *spec) {
    const conv2d *s = state;
    DNNI_TRY(dnni_expect_inputs(call, 1));
    DNNI_TRY(dnni_expect_image(call));
    DNNI_TRY(expect_channels(s, call));
    DNNI_TRY(dnni_expect_window_fits(&s->window, &call->inputs[0]));
    const dnnk_env *env = dnni_call_env(call);
    dnnk_conv c = problem(s, call);
    int64_t dims[4] = {c.batch, dnnk_conv_out_height(&c), dnnk_conv_out_width(&c), s->out};
    spec->n_outputs = 1;
    DNNI_TRY(dnni_make_array(&spec->outputs[0], call->inputs[0].dtype, 4, dims));
    spec->backward_reads = DNN_READS_INPUT(0);
    dnni_window_sees(&s->window, spec);
    spec->takes = DNNI_PRODUCT_TAKES;
    spec->writes = 1; /* the weights' */
    spec->prepared_bytes = dnnk_conv_packed_bytes(env, &c);
    spec->forward_work = dnni_product_work(call, s->out) + dnnk_max(dnnk_conv_forward_workspace(env, &c),
                                                                    dnnk_conv_forward_packed_workspace(env, &c));
    spec->backward_work =
        dnnk_max(dnnk_conv_backward_data_workspace(env, &c), dnnk_conv_backward_weights_workspace(env, &c));
    double per_output = (double)dnni_product(call->parameters[0].dims, 1, 4);
    spec->flops = 2 * per_output * (double)dnni_count(&spec->outputs[0]);
    return DNN_OK;
}

static dnn_status forward(const void *state, const dnn_layer_call *call) {
    const conv2d *s = state;
    dnnk_conv c = problem(s, call);
    dnnk_epilogue epilogue = dnni_product_epilogue(call, s->out);
    const void *x = call->inputs[0].data;
    void *y = call->outputs[0].data, *work = (char *)call->work + dnni_product_work(call, s->out);
    if (call->prepared)
        dnnk_conv_forward_packed(dnni_call_env(call), &c, x, call->prepared, &epilogue, y, work);
    else
        dnnk_conv_forward(dnni_call_env(call), &c, x, call->parameters[0].data, &epilogue, y, work);
    return DNN_OK;
}

static dnn_status prepare(const void *state, const dnn_layer_call *call, void *prepared) {
    dnnk_conv c = problem(state, call);
    dnnk_conv_pack_weights(dnni_call_env(call), &c, call->parameters[0].data, prepared);
    return DNN_OK;
}

/* The kernel gives dw, with db on the way; db alone is a sum over all pixels. */
static void backward_parameters(const dnn_layer_call *call, const dnnk_conv *c) {
    const dnnk_env *env = dnni_call_env(call);
    const void *dy = call->output_gradients[0].data;
    void *dw = dnni_parameter_gradient(call, 0), *db = dnni_parameter_gradient(call, 1);
    int64_t pixels = dnni_product(call->output_gradients[0].dims, 0, 3);
    if (dw) dnnk_conv_backward_weights(env, c, call->inputs[0].data, dy, dw, !(call->fresh & 1), db, call->work);
    else if (db) dnnk_column_sums(env, c->type, pixels, c->out_channels, dy, c->out_channels, db, call->work);
}

static dnn_status backward(const void *state, const dnn_layer_call *call) {
    dnnk_conv c = problem(state, call);
    backward_parameters(call, &c);
    if (call->input_gradients[0].data)
        dnnk_conv_backward_data(dnni_call_env(call), &c, call->output_gradients[0].data, call->parameters[0].data,
                                call->input_gradients[0].data, false, call->work);
    return DNN_OK;
}

static void detail(const void *state, char *text, size_t bytes) {
    const conv2d *s = state;
    char window[160];
    dnni_window_detail(&s->window, window, sizeof window);
    if (s->groups == 1) snprintf(text, bytes, "%lld→%lld, %s", (long long)s->in, (long long)s->out, window);
    else snprintf(text, bytes, "%lld→%lld, %s, groups %lld", (long long)s->in, (long long)s->out, window,
                  (long long)s->groups);
}

static const dnn_layer_class conv2d_class = {DNN_SIZED(dnn_layer_class), .type = "conv2d", .shape = shape,
                                             .forward = forward, .backward = backward, .detail = detail,
                                             .prepare = prepare, .repeatable = 1};

static dnn_status check_channels(int64_t channels, int64_t groups, const char *name) {
    DNNI_REQUIRE(channels >= 1, "desc.%s is %lld, it must be at least 1", name, (long long)channels);
    DNNI_REQUIRE(channels % groups == 0, "desc.%s is %lld, which is no multiple of desc.groups, %lld", name,
                 (long long)channels, (long long)groups);
    return DNN_OK;
}

static dnn_status read_state(conv2d *s, const dnn_conv2d_desc *d) {
    *s = (conv2d){.in = d->in_channels, .out = d->out_channels, .groups = d->groups ? d->groups : 1};
    DNNI_REQUIRE(s->groups >= 1, "desc.groups is %lld, it must be at least 1", (long long)s->groups);
    DNNI_TRY(check_channels(s->in, s->groups, "in_channels"));
    DNNI_TRY(check_channels(s->out, s->groups, "out_channels"));
    dnni_window_fields fields = {d->kernel, d->stride, d->dilation, d->padding, d->pad};
    return dnni_window_read(&s->window, &fields, false);
}

dnn_module *dnn_conv2d(dnn_context *ctx, const dnn_conv2d_desc *desc) {
    dnn_conv2d_desc d;
    conv2d state;
    if (DNNI_READ_DESC(d, desc, false) != DNN_OK || read_state(&state, &d) != DNN_OK) return NULL;
    dnn_module *m = dnn_layer_create(ctx, &conv2d_class, &state, sizeof state);
    int64_t dims[4] = {state.out, state.window.kernel[0], state.window.kernel[1], state.in / state.groups};
    if (m) dnni_add_weight_and_bias(m, 4, dims, d.weight_init, d.bias_init, d.no_bias);
    return dnni_layer_done(m);
}
